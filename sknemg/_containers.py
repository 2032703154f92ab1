"""What transformers share: any container in, the same container out, one row a recording."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial, wraps
from inspect import unwrap
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import validate_data

from sknemg._problems import raise_problems
from sknemg.recordings import Recordings

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
        recordings = Recordings.from_frame(frame)
        give_back = partial(_to_frame, index=X.index)
    else:
        _require_rates(input_sfreq)
        frame = pd.DataFrame({"signal": pd.Series(list(X), dtype=object), "sfreq": input_sfreq})
        recordings, give_back = Recordings.from_frame(frame), list
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
    X: NDArray, item_ndim: int, input_sfreq: float | None
) -> tuple[Recordings, GiveBack]:
    if X.ndim not in (2, 2 + item_ndim):
        raise ValueError(
            f"An array of shape {X.shape} has {X.ndim} axes instead of {2 + item_ndim}."
        )
    n_rows, n_items = len(X), 1 if X.ndim == 1 + item_ndim else X.shape[1]
    meta = pd.DataFrame({"sfreq": np.full(n_rows, np.nan if input_sfreq is None else input_sfreq)})
    values = X.reshape(n_rows * n_items, *X.shape[len(X.shape) - item_ndim :])
    recordings = Recordings.from_ragged(values, np.arange(n_rows + 1) * n_items, meta)

    def give_back(new: Recordings) -> NDArray:
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


def _arrays_only(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let ``set_output`` shape what becomes of arrays; recordings stay in their container."""
    without_set_output = unwrap(method)

    @wraps(method)
    def choose(self: Any, X: Any, *args: Any, **params: Any) -> Any:
        return (without_set_output if is_ragged(X) else method)(self, X, *args, **params)

    return choose


class RowTransformer(TransformerMixin, BaseEstimator):
    """A stateless step that keeps the rows; subclasses say what becomes of the items.

    A subclass sets `_item_ndim`, has a parameter ``input_sfreq`` and writes `_transform`.
    """

    _item_ndim = 0
    input_sfreq: float | None

    @abstractmethod
    def _transform(self, X: Recordings) -> Recordings:
        """Return the same rows with new items."""

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the parameters; nothing is learned.

        Parameters
        ----------
        X : Recordings, DataFrame, list of arrays or ndarray
        y : ignored

        Returns
        -------
        self
        """
        self._validate_params()
        self._check_array(X, reset=True)
        return self

    def transform(self, X: Any) -> Any:
        """Transform every row.

        Parameters
        ----------
        X : Recordings, DataFrame with a column ``signal``, list of arrays, or ndarray

        Returns
        -------
        the kind of `X`
            One row for each row of `X`, in its order.

        Raises
        ------
        InvalidRecordingsError
            If rows hold samples that are NaN or infinite.
        ValueError
            If the rate is unknown, or the items are not those that the step works on.
        """
        self._validate_params()
        X = self._check_array(X, reset=False)
        recordings, give_back = unpack(X, item_ndim=self._item_ndim, input_sfreq=self.input_sfreq)
        if is_ragged(X):  # an array has been checked
            recordings.validate()
        return give_back(self._transform(recordings))

    def _check_array(self, X: Any, reset: bool) -> Any:
        if is_ragged(X):
            return X
        if isinstance(X, np.ndarray) and X.ndim == 1:
            raise ValueError(
                f"Reshape your data: an array of shape {X.shape} is one signal or segment; give "
                "it as a row of an array, X[np.newaxis], or in a list, [X]."
            )
        return validate_data(
            self,
            X,
            dtype=[np.float64, np.float32],
            allow_nd=self._item_ndim > 0,
            reset=reset,
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return True


for _name in ("transform", "fit_transform"):
    setattr(RowTransformer, _name, _arrays_only(getattr(RowTransformer, _name)))
