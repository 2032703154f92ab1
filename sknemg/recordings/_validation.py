"""Everything that can be wrong with recordings, found row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.recordings._problems import LOCATIONS, PROBLEM_COLUMNS, RATES_WANTED, shown
from sknemg.recordings._subjects import (
    ONE_DIAGNOSIS,
    check_number,
    missing_entries,
    several_diagnoses,
)
from sknemg.recordings.windows import Items, holding


def find_problems(
    meta: pd.DataFrame, items: Items, lengths: NDArray[Any], y: ArrayLike | None
) -> pd.DataFrame:
    """List what makes rows unusable.

    Parameters
    ----------
    meta : DataFrame of n_recordings rows
    items : ndarray or Windows of shape (n_items, ...)
    lengths : ndarray of shape (n_recordings,)
    y : array-like of shape (n_recordings,) or None
        Diagnoses, known in every row. Without them the column ``diagnosis`` is looked at, which
        may have gaps.

    Returns
    -------
    DataFrame, columns ``row``, ``problem``, ``remedy``
        Sorted by row.
    """
    found = [*_bad_rates(meta), *_bad_locations(meta), *_bad_items(items, lengths)]
    if y is not None:
        check_number(y, len(meta))
        remedy = "give it a diagnosis or leave it out"
        found += [(int(row), "no diagnosis", remedy) for row in np.flatnonzero(missing_entries(y))]
    elif "diagnosis" in meta:
        y = meta["diagnosis"]
    if y is not None and "subject" in meta:
        found += _several_diagnoses(meta["subject"], y)
    table = pd.DataFrame(found, columns=PROBLEM_COLUMNS)
    if not found:
        return table
    return table.sort_values("row", kind="stable", ignore_index=True)


def _bad_rates(meta: pd.DataFrame) -> list[tuple[int, str, str]]:
    remedy = RATES_WANTED
    if meta["sfreq"].dtype == bool:
        return [(row, f"sampling rate {rate}", remedy) for row, rate in enumerate(meta["sfreq"])]
    rates = meta["sfreq"].to_numpy(dtype=float)
    found = [(int(row), "unknown sampling rate", remedy) for row in np.flatnonzero(np.isnan(rates))]
    wrong = np.flatnonzero((rates <= 0) | np.isinf(rates))
    return found + [(int(row), f"sampling rate of {rates[row]:g} Hz", remedy) for row in wrong]


def _bad_locations(meta: pd.DataFrame) -> list[tuple[int, str, str]]:
    if "location" not in meta:
        return []
    location = meta["location"]
    wrong = np.flatnonzero(~location.isna() & ~location.isin(LOCATIONS))
    remedy = "write 'proximal', 'distal' or leave it missing"
    return [(int(row), f"location {shown(location.iloc[row])}", remedy) for row in wrong]


def _bad_items(items: Items, lengths: NDArray[Any]) -> list[tuple[int, str, str]]:
    found = []
    if items.ndim == 1:  # a row without segments is a legal outcome of the Segmenter
        empty = np.flatnonzero(lengths == 0)
        found += [(int(row), "no samples", "leave the recording out") for row in empty]
    if items.dtype.kind != "f":
        return found
    bad = holding(items, _not_finite)
    if not len(bad):
        return found
    row = np.searchsorted(np.cumsum(lengths), bad, side="right")
    n_bad = np.bincount(row, minlength=len(lengths))
    what = "samples" if items.ndim == 1 else "items"
    return found + [
        (
            int(row),
            f"{n_bad[row]} of {lengths[row]} {what} NaN or infinite",
            "cut them out or leave the recording out",
        )
        for row in np.flatnonzero(n_bad)
    ]


def _not_finite(values: NDArray[Any]) -> NDArray[np.bool_]:
    return ~np.isfinite(values)


def _several_diagnoses(subjects: pd.Series, y: ArrayLike) -> list[tuple[int, str, str]]:
    found = []
    for who, diagnoses in several_diagnoses(subjects, y).items():
        problem = f"subject {shown(who)} has the diagnoses {', '.join(map(str, diagnoses))}"
        rows = np.concatenate(list(diagnoses.values()))
        found += [(int(row), problem, ONE_DIAGNOSIS) for row in rows]
    return found
