"""Open any fitted model: its last step, its segment classifier, and what reaches them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sknemg.recordings import Recordings


class Opened(NamedTuple):
    """The segment classifier inside a model, with the segments that reach it."""

    classifier: Any
    segments: NDArray[Any]  # (n_segments, ...)
    labels: NDArray[Any] | None  # of the segments
    groups: NDArray[Any] | None  # their subjects
    sfreq: float | None


def split_model(estimator: Any, X: Any) -> tuple[Any, Any]:
    """Split a pipeline into its last step and `X` as that step sees it."""
    check_is_fitted(estimator)
    if not isinstance(estimator, Pipeline):
        return estimator, X
    return estimator[-1], estimator[:-1].transform(X) if len(estimator) > 1 else X


def open_model(
    estimator: Any, X: Any, y: ArrayLike | None = None, *, sfreq: float | None = None
) -> Opened:
    """Find the segment classifier of a pipeline or a DiVoteClassifier, and its input.

    Parameters
    ----------
    estimator : fitted pipeline, DiVoteClassifier or segment classifier
    X : Recordings, or ndarray of segments of shape (n_segments, ...)
    y : array-like, default=None
        Labels of the recordings, or of the segments with an ndarray.
    sfreq : float, default=None
        Sampling rate of a bare array in hertz.
    """
    estimator, X = split_model(estimator, X)
    row: Any = slice(None)
    groups = None
    if isinstance(X, Recordings):
        if X.item_shape == ():
            raise ValueError("X holds signals, not segments: give the whole pipeline or segments.")
        row, rates = X.row_index, X["sfreq"].unique()
        sfreq = float(rates[0]) if len(rates) == 1 and sfreq is None else sfreq
        groups = X["subject"].to_numpy()[row] if "subject" in X else None
        X = X.values
    if hasattr(estimator, "estimator_"):
        estimator, X = split_model(estimator.estimator_, X)
    labels = None if y is None else np.asarray(y)[row]
    return Opened(estimator, np.asarray(X), labels, groups, sfreq)


def need_sfreq(opened: Opened) -> float:
    """Return the rate of the segments, or say that it is missing."""
    if opened.sfreq is None:
        raise ValueError("The sampling rate of this input is unknown: give sfreq in hertz.")
    return opened.sfreq


def need_network(classifier: Any) -> Any:
    """Return the torch module of a classifier, or say that there is none."""
    if not hasattr(classifier, "module_"):
        raise TypeError(
            f"{type(classifier).__name__} holds no network; this picture needs a segment "
            "classifier with a module_, such as NEMGNetClassifier."
        )
    return classifier.module_
