"""What transformers share: any container in, the same container out, one row a recording."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.recordings._problems import raise_problems
from sknemg.recordings.recordings import Recordings

GiveBack = Callable[[Recordings], Any]


def unpack(X: Any, *, item_ndim: int, input_sfreq: float | None) -> tuple[Recordings, GiveBack]:
    """Bring any container to `Recordings`, with the way back to a container of its kind.

    Parameters
    ----------
    X : Recordings, DataFrame with a column ``signal``, list of arrays, or ndarray
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
    """
    if isinstance(X, np.ndarray):
        recordings, give_back = _unpack_array(X, item_ndim, input_sfreq)
    elif isinstance(X, Recordings):
        recordings, give_back = X, _same
    elif isinstance(X, pd.DataFrame):
        if "sfreq" not in X:
            _require_rates(input_sfreq)
        frame = X if "sfreq" in X else X.assign(sfreq=input_sfreq)
        recordings = Recordings._read_frame(frame)
        give_back = partial(_to_frame, index=X.index)
    else:
        _require_rates(input_sfreq)
        frame = pd.DataFrame({"signal": pd.Series(list(X), dtype=object), "sfreq": input_sfreq})
        recordings, give_back = Recordings._read_frame(frame), list
    if len(recordings) and len(recordings.item_shape) != item_ndim:
        needed = ["signals", "segments: put a Segmenter before it"][item_ndim]
        raise ValueError(f"This step works on {needed}; got items of {recordings.item_shape}.")
    _check_rates(recordings, input_sfreq)
    return recordings, give_back


def is_ragged(X: Any) -> bool:
    """Whether X is one of the containers of recordings, not an array or a list of numbers."""
    if isinstance(X, (list, tuple)):
        rows = [row for row in X if isinstance(row, (np.ndarray, pd.Series, list, tuple))]
        return any(isinstance(row, (np.ndarray, pd.Series)) for row in rows) or (
            len(rows) == len(X) and len({len(row) for row in rows}) > 1
        )
    return isinstance(X, Recordings) or (isinstance(X, pd.DataFrame) and "signal" in X)


def _unpack_array(
    X: NDArray[Any], item_ndim: int, input_sfreq: float | None
) -> tuple[Recordings, GiveBack]:
    if X.ndim not in (2, 2 + item_ndim):
        raise ValueError(
            f"An array of shape {X.shape} has {X.ndim} axes instead of {2 + item_ndim}."
        )
    n_rows, n_items = len(X), 1 if X.ndim == 1 + item_ndim else X.shape[1]
    meta = pd.DataFrame({"sfreq": np.full(n_rows, np.nan if input_sfreq is None else input_sfreq)})
    values = X.reshape(n_rows * n_items, *X.shape[len(X.shape) - item_ndim :])
    recordings = Recordings.from_ragged(values, np.arange(n_rows + 1) * n_items, meta)

    def give_back(new: Recordings) -> NDArray[Any]:
        if X.ndim == 1 + item_ndim:  # one segment a row stays one item a row
            return new.values
        n_new = len(new.values) // n_rows if n_rows else n_items
        return new.values.reshape(n_rows, n_new, *new.item_shape)

    return recordings, give_back


def _same(recordings: Recordings) -> Recordings:
    return recordings


def _to_frame(recordings: Recordings, index: pd.Index) -> pd.DataFrame:
    return recordings.to_frame().set_axis(index)


def _require_rates(rates: ArrayLike | None) -> None:
    if pd.isna(np.asarray(rates)).any():
        raise ValueError(
            "The sampling rate of this input is unknown: give Recordings, a column 'sfreq' or, "
            "for bare arrays, the parameter input_sfreq in hertz."
        )


def _check_rates(recordings: Recordings, input_sfreq: float | None) -> None:
    rates = recordings["sfreq"].to_numpy(dtype=float)
    _require_rates(rates)
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
    rates = np.unique(recordings["sfreq"].to_numpy(dtype=float))
    if len(rates) > 1:
        shown = ", ".join(f"{rate:.10g}" for rate in rates)
        raise ValueError(f"The recordings have the rates {shown} Hz; put a Downsampler first.")
    return float(rates[0]) if len(rates) else np.nan


def as_segments(X: Any) -> Recordings | None:
    """Bring any container of segments to `Recordings`; None for a plain table of numbers."""
    if isinstance(X, Recordings):
        return X
    if isinstance(X, pd.DataFrame) and "signal" in X:
        if "sfreq" in X:
            return Recordings._read_frame(X)
        return _without_rate(X)
    is_array = isinstance(X, np.ndarray)
    if is_array and X.ndim > 2:
        return wrap(X.reshape(-1, *X.shape[2:]), len(X), X.shape[1])
    is_list = isinstance(X, (list, tuple)) or (is_array and X.dtype == object and X.ndim == 1)
    if is_list and len(X) and all(isinstance(row, np.ndarray) for row in X):
        return _without_rate(pd.DataFrame({"signal": pd.Series(list(X), dtype=object)}))
    return None


def _without_rate(frame: pd.DataFrame) -> Recordings:
    return Recordings._read_frame(frame.assign(sfreq=np.nan))


def known_sfreq(data: Recordings) -> float | None:
    """Return the one rate of all rows, None if it is unknown, or raise naming the rates."""
    rates = data["sfreq"].to_numpy(dtype=float)
    return common_sfreq(data[~np.isnan(rates)]) if (~np.isnan(rates)).any() else None


def wrap(values: NDArray[Any], n_rows: int, n_segments: int) -> Recordings:
    """Give an array of segments the form of `Recordings`, the same number to each row."""
    meta = pd.DataFrame({"sfreq": np.full(n_rows, np.nan)})
    return Recordings.from_ragged(values, np.arange(n_rows + 1) * n_segments, meta)
