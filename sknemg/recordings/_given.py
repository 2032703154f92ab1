"""What users give: frames, signals, columns and rows, made what `Recordings` store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.recordings._problems import (
    MASKED,
    PROBLEM_COLUMNS,
    InvalidRecordingsError,
    listed,
    shown,
)
from sknemg.recordings.windows import offsets_of

#: What one unit of a signal is in millivolts, the unit of the whole library.
MILLIVOLTS = {"V": 1e3, "mV": 1.0, "uV": 1e-3, "µV": 1e-3, "μV": 1e-3, "nV": 1e-6}


def split_frame(frame: pd.DataFrame, unit: str) -> tuple[dict[str, Any], list[Any]]:
    """Split a frame into its other columns and its signals."""
    if "signal" not in frame:
        raise ValueError(
            f"The frame has no column 'signal': add one with an array in each row (it has "
            f"{shown(frame.columns)})."
        )
    names = [str(name) for name in frame.columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"The frame has several columns {shown(twice)}: name them differently.")
    table: dict[str, Any] = {
        name: column.reset_index(drop=True)
        for name, (_, column) in zip(names, frame.items(), strict=True)
        if name != "signal"
    }
    if "unit" in table:
        _check_units(table["unit"], unit)
        table["unit"] = "mV"  # which the signals will be in
    return table, list(frame["signal"])


def _check_units(stated: pd.Series, unit: str) -> None:
    wrong = np.flatnonzero(stated.notna() & (stated.map(MILLIVOLTS) != MILLIVOLTS[unit]))
    if wrong.size:
        remedy = "give Recordings the unit of its signals, or convert them to mV"
        found = [
            (row, f"unit {shown(stated[row])}, taken as {shown(unit)}", remedy) for row in wrong
        ]
        raise InvalidRecordingsError(pd.DataFrame(found, columns=PROBLEM_COLUMNS))


_UNEVEN = "parts of unequal lengths", "give an array of numbers"


def as_signals(signals: Iterable[ArrayLike]) -> list[NDArray[np.float32]]:
    """Make an array of each signal, and refuse those that are no row of numbers."""
    if not isinstance(signals, Iterable):
        raise TypeError(f"signals is {shown(signals)}: give one array for each recording.")
    given = list(signals)
    rows = [_as_array(signal) for signal in given]
    wrong = [(row, *_UNEVEN) for row, array in enumerate(rows) if array is None]
    wrong += [
        (row, f"shape {array.shape} and dtype {array.dtype}", "give a 1-D array of numbers")
        for row, array in enumerate(rows)
        if array is not None
        and (array.ndim != 1 or (array.size and array.dtype.kind not in "fiub"))
    ]
    wrong += [(row, *MASKED) for row, signal in enumerate(given) if np.ma.is_masked(signal)]
    if wrong:
        raise InvalidRecordingsError(pd.DataFrame(wrong, columns=PROBLEM_COLUMNS))
    with np.errstate(over="ignore"):  # what becomes infinite is refused
        return [array.astype(np.float32, copy=False) for array in rows if array is not None]


def _as_array(items: Any) -> NDArray[Any] | None:
    """Make an array of what a row holds; None if its parts have unequal lengths."""
    try:
        return np.asarray(items)
    except ValueError:
        return None


def as_items(items: Any) -> NDArray[Any] | tuple[str, str]:
    """Return the items of a row, or why they cannot be used and what to do."""
    if pd.api.types.is_scalar(items):
        return "no signal", "give an array or leave the recording out"
    if np.ma.is_masked(items):
        return MASKED
    array = _as_array(items)
    if array is None:
        return _UNEVEN
    if array.size and array.ndim == 1 and array.dtype == object and all(map(_is_list, array)):
        try:  # nested lists, as Parquet returns them
            array = np.array([np.asarray(list(item), dtype=np.float32) for item in array])
        except (TypeError, ValueError):
            return "parts of unequal lengths, or not of numbers", "give an array of numbers"
    if not array.ndim or (array.size and array.dtype.kind not in "fiub"):
        return f"shape {array.shape} and dtype {array.dtype}", "give an array of numbers"
    if array.dtype == np.uint8 and array.ndim > 2:  # images
        return array
    with np.errstate(over="ignore"):  # what becomes infinite is refused
        return array.astype(np.float32, copy=False)


def _is_list(item: Any) -> bool:
    return isinstance(item, (list, tuple)) or (isinstance(item, np.ndarray) and item.ndim > 0)


def flatten(rows: list[NDArray[Any]]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Put the items of all rows into one buffer, and say where each row begins."""
    if not rows:
        return np.empty(0, dtype=np.float32), np.zeros(1, dtype=np.int64)
    return np.concatenate(rows), offsets_of([len(row) for row in rows])


def as_meta(table: Mapping[str, Any], n_rows: int) -> pd.DataFrame:
    """Make the table of what is known about each row, with rates as numbers."""
    for name, column in table.items():
        if np.ndim(column) == 1 and len(column) != n_rows:
            raise ValueError(
                f"{name} has {len(column)} entries for {n_rows} recordings: give one for each."
            )
    meta = pd.DataFrame(index=range(n_rows))
    for name, column in table.items():
        meta[name] = as_column(column)
    if "sfreq" not in meta:
        meta["sfreq"] = np.nan
    rates = meta["sfreq"]
    if (wrong := rates[rates.map(lambda rate: isinstance(rate, (bool, np.bool_)))]).size:
        at = "" if np.ndim(table["sfreq"]) == 0 else f" in {listed(wrong.index, 'row')}"
        raise ValueError(
            f"sfreq is {shown(wrong.iloc[0])}{at}, which is not a rate: give rates in hertz."
        )
    try:
        if any(isinstance(rate, (str, bytes)) for rate in rates):  # "10" may be kilohertz
            raise TypeError
        meta["sfreq"] = rates.astype(object).where(rates.notna(), np.nan).astype(float)
    except (TypeError, ValueError):
        raise ValueError(
            f"sfreq={shown(table['sfreq'])} must be numbers: give rates in hertz."
        ) from None
    return meta


def as_column(column: Any) -> Any:
    """Take the entries row by row, whatever index a Series has."""
    if np.ndim(column) > 1:
        raise ValueError(f"A column of shape {np.shape(column)}: give one entry a recording.")
    # np.asarray would spell a missing name "nan", and a column of categories lose them
    return pd.Series(column).reset_index(drop=True) if np.ndim(column) == 1 else column


def as_rows(key: Any, n_rows: int) -> NDArray[np.int64]:
    """Return the numbers of the rows that a slice, a mask or integers choose."""
    if isinstance(key, slice):
        return np.arange(n_rows)[key]
    rows = np.asarray(key)
    if rows.dtype == bool:
        if rows.shape != (n_rows,):
            raise IndexError(f"a mask of shape {rows.shape} does not fit {n_rows} recordings")
        return np.flatnonzero(rows)
    if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
        raise IndexError(f"rows are chosen by integers, a mask or a slice, not by {shown(key)}")
    rows = rows.astype(np.int64)
    if rows.size and (rows.min() < -n_rows or rows.max() >= n_rows):
        raise IndexError(f"a row outside 0 to {n_rows - 1} was asked for")
    return rows % n_rows if n_rows else rows
