"""Conversion of any container of recordings, and back to its kind, one row per recording."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.recordings._problems import LISTED, RATES_WANTED, ROW, listed, raise_problems, rows_of
from sknemg.recordings.recordings import Recordings
from sknemg.recordings.windows import Windows

GiveBack = Callable[[Recordings], Any]


def unpack(X: Any, *, item_ndim: int, input_sfreq: float | None) -> tuple[Recordings, GiveBack]:
    """Convert any container to `Recordings`, and return the way back to its kind.

    Parameters
    ----------
    X : Recordings, DataFrame with a column ``signal``, list or Series of arrays, ndarray or Windows
        In an ndarray the first axis counts the rows. With ``item_ndim=0`` it has shape
        (n_recordings, n_times); with ``item_ndim=1`` it has shape (n_segments, n_times), one
        segment a row, or (n_recordings, n_segments, n_times).
    item_ndim : {0, 1}
        0 for a step on signals, 1 for a step on segments.
    input_sfreq : float or None
        The rate of a container that knows none.

    Returns
    -------
    recordings : Recordings
        An ndarray keeps its dtype, everything else is float32.
    give_back : callable
        From the transformed `Recordings` to the kind of `X`.

    Raises
    ------
    ValueError
        If the rate is unknown, if it contradicts `input_sfreq`, or if the items are not those
        that the step works on.
    InvalidRecordingsError
        Naming the rows whose rates are unknown or contradict `input_sfreq`.
    """
    if isinstance(X, np.ndarray) and X.dtype != object and X.ndim not in (2, 2 + item_ndim):
        raise ValueError(
            f"An array of shape {X.shape} has {X.ndim} axes: give one of {2 + item_ndim}."
        )
    found = to_recordings(X, item_ndim=item_ndim, sfreq=input_sfreq)
    recordings = Recordings._read_frame(pd.DataFrame(X)) if found is None else found  # or raise
    give_back = _way_back(X, item_ndim)
    if len(recordings) and len(recordings.item_shape) != item_ndim:
        needed, remedy = [("signals", "before"), ("segments", "behind")][item_ndim]
        raise ValueError(
            f"This step works on {needed}, and the items have the shape {recordings.item_shape}: "
            f"put it {remedy} the Segmenter."
        )
    has_rates = isinstance(X, Recordings) or (isinstance(X, pd.DataFrame) and "sfreq" in X)
    _check_rates(recordings, input_sfreq, has_rates)
    return recordings, give_back


def to_recordings(
    X: Any, *, item_ndim: int | None = None, sfreq: float | None = None
) -> Recordings | None:
    """Convert any container to `Recordings` without looking at its samples.

    Parameters
    ----------
    X : Recordings, DataFrame with a column ``signal``, list or Series of arrays, or ndarray
    item_ndim : int, default=None
        The number of axes of an item of an ndarray; by default those after the first two.
    sfreq : float, default=None
        The rate of a container that knows none; otherwise it is NaN, which votes can do with.

    Returns
    -------
    Recordings or None
        None for a plain table of numbers: a DataFrame, array or list of rows of features.
    """
    rate = np.nan if sfreq is None else sfreq
    if isinstance(X, Recordings):
        return X
    if isinstance(X, Windows):
        return wrap(X, len(X), 1, rate) if item_ndim == 1 else None
    if isinstance(X, pd.DataFrame):
        if "signal" not in X:
            return None
        return Recordings._read_frame(X if "sfreq" in X else X.assign(sfreq=rate))
    if is_ragged(X):
        frame = pd.DataFrame({"signal": pd.Series(list(X), dtype=object), "sfreq": rate})
        return Recordings._read_frame(frame)
    if not isinstance(X, np.ndarray) or (item_ndim is None and X.ndim < 3):
        return None
    n_axes = X.ndim - 2 if item_ndim is None else item_ndim
    n_items = 1 if X.ndim == 1 + n_axes else X.shape[1]
    return wrap(X.reshape(len(X) * n_items, *X.shape[X.ndim - n_axes :]), len(X), n_items, rate)


def table_of(X: Any) -> pd.DataFrame:
    """Return what is known about each row of X: the table of Recordings, or a DataFrame itself.

    Examples
    --------
    >>> table_of(Recordings(np.zeros((2, 5)), sfreq=10, subject="S1"))["subject"].tolist()
    ['S1', 'S1']
    """
    table = X if isinstance(X, pd.DataFrame) else getattr(X, "meta", None)
    if not isinstance(table, pd.DataFrame):
        raise ValueError(f"X is of type {type(X).__name__}: give Recordings or a DataFrame.")
    return table.reset_index(drop=True)


def with_only(X: Recordings | pd.DataFrame, columns: Sequence[str]) -> Any:
    """Return the same signals with no other columns than these, their rates and units.

    Examples
    --------
    >>> X = Recordings(np.zeros((2, 5)), sfreq=10, subject="S1", side="left")
    >>> with_only(X, ["subject", "muscle"]).meta.columns.tolist()
    ['sfreq', 'subject']
    """
    kept = (*columns, "sfreq", "signal", "unit", ROW)
    if isinstance(X, pd.DataFrame):
        return X[[name for name in X if name in kept]]
    known = X.meta[[name for name in X.meta if name in kept]]
    return Recordings.from_ragged(X.items, X.offsets, known)


def is_ragged(X: Any) -> bool:
    """Whether X is one of the containers of recordings, not an array or a list of numbers."""
    if isinstance(X, np.ndarray):
        return X.dtype == object and X.ndim == 1 and any(isinstance(row, np.ndarray) for row in X)
    if isinstance(X, pd.Series):
        return not pd.api.types.is_numeric_dtype(X.dtype) and is_ragged([*X])
    if isinstance(X, (list, tuple)):
        rows = [row for row in X if isinstance(row, (np.ndarray, pd.Series, list, tuple))]
        return any(isinstance(row, (np.ndarray, pd.Series)) for row in rows) or (
            len(rows) == len(X) and len({len(row) for row in rows}) > 1
        )
    return isinstance(X, Recordings) or (isinstance(X, pd.DataFrame) and "signal" in X)


def _way_back(X: Any, item_ndim: int) -> GiveBack:
    """Return the function that turns transformed recordings into a container of the kind of X."""
    if isinstance(X, Recordings):
        return _same
    if isinstance(X, pd.DataFrame):
        return partial(_to_frame, index=X.index)
    if isinstance(X, pd.Series):
        return partial(_to_series, of=X)
    if isinstance(X, Windows):
        return partial(_to_array, of=X, item_ndim=item_ndim)
    if not isinstance(X, np.ndarray):
        return list
    return _to_objects if X.dtype == object else partial(_to_array, of=X, item_ndim=item_ndim)


def _to_objects(recordings: Recordings) -> NDArray[Any]:
    rows = np.empty(len(recordings), dtype=object)
    for row, items in enumerate(recordings):
        rows[row] = items
    return rows


def _to_array(recordings: Recordings, of: NDArray[Any] | Windows, item_ndim: int) -> NDArray[Any]:
    if of.ndim == 1 + item_ndim:  # one segment a row stays one item a row
        return recordings.values
    if len(np.unique(recordings.lengths)) > 1:  # no array holds rows of unequal length
        return _to_objects(recordings)
    n_new = len(recordings.values) // len(of) if len(of) else of.shape[1]
    return recordings.values.reshape(len(of), n_new, *recordings.item_shape)


def _to_series(recordings: Recordings, of: pd.Series) -> pd.Series:
    return pd.Series(_to_objects(recordings), index=of.index, name=of.name)


def _same(recordings: Recordings) -> Recordings:
    return recordings


def _to_frame(recordings: Recordings, index: pd.Index) -> pd.DataFrame:
    return recordings.to_frame().set_axis(index)


def _check_rates(recordings: Recordings, input_sfreq: float | None, has_rates: bool) -> None:
    rates = recordings["sfreq"].to_numpy(dtype=float)
    if len(unknown := np.flatnonzero(np.isnan(rates))):
        if not has_rates:
            raise ValueError(
                "The sampling rate of this input is unknown: give Recordings, a column 'sfreq' or, "
                "for bare arrays, the parameter input_sfreq in hertz."
            )
        raise_problems(unknown, ["unknown sampling rate"] * len(unknown), RATES_WANTED)
    if input_sfreq is not None and (wrong := np.flatnonzero(rates != input_sfreq)).size:
        raise_problems(
            wrong,
            [
                f"sampled at {rates[row]:.10g} Hz, not at input_sfreq={input_sfreq:.10g}"
                for row in wrong
            ],
            "leave input_sfreq to bare arrays",
        )


def common_sfreq(recordings: Recordings) -> float:
    """Return the one sampling rate of all rows, or raise naming the rates."""
    return _one_rate(recordings, np.arange(len(recordings)))


def _one_rate(recordings: Recordings, rows: NDArray[Any]) -> float:
    rates, first = np.unique(
        recordings["sfreq"].to_numpy(dtype=float)[rows], return_index=True, equal_nan=True
    )
    if len(rates) > 1:
        some = ", ".join(f"{rate:.10g}" for rate in rates[:LISTED])
        more = f" and {len(rates) - LISTED} more" if len(rates) > LISTED else ""
        at = listed(rows_of(recordings.meta, rows[first]), "row")
        raise ValueError(
            f"The recordings, such as {at}, have the rates {some} Hz{more}: put a Downsampler "
            "first."
        )
    return float(rates[0]) if len(rates) else np.nan


def known_sfreq(data: Recordings) -> float | None:
    """Return the one rate of all rows, None if it is unknown, or raise naming the rates."""
    known = np.flatnonzero(data["sfreq"].notna())
    return _one_rate(data, known) if len(known) else None


def wrap(
    values: NDArray[Any] | Windows, n_rows: int, n_items: int, sfreq: float = np.nan
) -> Recordings:
    """Wrap an array of items as `Recordings`, with the same number in each row."""
    meta = pd.DataFrame({"sfreq": np.full(n_rows, sfreq)})
    return Recordings.from_ragged(values, np.arange(n_rows + 1) * n_items, meta)
