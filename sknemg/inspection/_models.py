"""From a fitted pipeline to the network inside it and to what the network sees."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sknemg._problems import listed
from sknemg.recordings import Recordings


class Opened(NamedTuple):
    """The segment classifier inside a model, with the segments that reach it."""

    classifier: Any
    segments: NDArray  # (n_segments, ...)
    labels: NDArray | None  # of the segments
    groups: NDArray | None  # their subjects
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


def scores_frame(scores: Any, classes: ArrayLike | None) -> pd.DataFrame:
    """Make a DataFrame with a column a class of an array of scores; a DataFrame passes."""
    if isinstance(scores, pd.DataFrame):
        return scores
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 2:
        raise ValueError(
            f"Scores are a table, a row an item and a column a class, not {scores.ndim}-D."
        )
    if classes is None or np.shape(classes) != (scores.shape[1],):
        raise ValueError(f"classes must name the {scores.shape[1]} columns of the scores.")
    return pd.DataFrame(scores, columns=np.asarray(classes).tolist())


def labels_and_scores(
    y_true: ArrayLike, scores: Any, classes: ArrayLike | None, *, probabilities: bool = False
) -> tuple[NDArray, pd.DataFrame]:
    """Return labels and scores that fit each other, or say all that keeps them from being drawn.

    Parameters
    ----------
    y_true : array-like of shape (n,)
    scores : DataFrame with a column a class, or array of shape (n, n_classes)
    classes : array-like of shape (n_classes,) or None
    probabilities : bool, default=False
        Whether the scores must lie between 0 and 1.
    """
    labels, frame = pd.Series(np.asarray(y_true)), scores_frame(scores, classes)
    if len(labels) != len(frame):
        raise ValueError(f"y_true has {len(labels)} labels for {len(frame)} rows of scores.")
    numeric = [pd.api.types.is_numeric_dtype(frame.iloc[:, i]) for i in range(frame.shape[1])]
    if not all(numeric):
        others = frame.columns[~np.array(numeric)].tolist()
        raise ValueError(f"Columns {others} hold no scores: give the columns of the classes only.")
    values, wrong = frame.to_numpy(dtype=float), []
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        rows = listed(np.flatnonzero(bad), "row")
        wrong.append(f"scores are NaN or infinite in {rows}: leave the rows out")
    outside = ((values < -1e-6) | (values > 1 + 1e-6)).any(axis=1) & ~bad
    if probabilities and outside.any():
        rows = listed(np.flatnonzero(outside), "row")
        wrong.append(
            f"scores are not between 0 and 1 in {rows}: give probabilities, as predict_proba does, "
            "in columns of the classes only"
        )
    unknown = ~labels.isin(list(frame.columns)).to_numpy()
    if unknown.any():
        names = ", ".join(map(repr, labels[unknown].drop_duplicates().tolist()[:10]))
        rows = listed(np.flatnonzero(unknown), "row")
        wrong.append(
            f"y_true holds {names} in {rows}, but the scores are of "
            f"{', '.join(map(repr, frame.columns))}: name the classes alike or leave the rows out"
        )
    if wrong:
        raise ValueError("Labels and scores cannot be drawn: " + "; ".join(wrong) + ".")
    return labels.to_numpy(), frame


def check_each(name: str, entries: ArrayLike, n_rows: int) -> NDArray:
    """Return one entry a row as an array, or say which rows have none."""
    column = pd.Series(entries).reset_index(drop=True)
    if len(column) != n_rows:
        raise ValueError(f"{name} has {len(column)} entries for {n_rows} rows of scores.")
    if column.isna().any():
        raise ValueError(f"{name} is missing in {listed(np.flatnonzero(column.isna()), 'row')}.")
    return column.to_numpy()
