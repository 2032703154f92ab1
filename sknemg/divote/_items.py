"""The classifier of items inside DiVote: its input, its training, its scores."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.parallel import Parallel, delayed

from sknemg.divote._votes import align_columns
from sknemg.model_selection.fewer import consumes_groups
from sknemg.recordings import Recordings, Windows
from sknemg.recordings._problems import listed, rows_of
from sknemg.recordings._workers import kept_by_workers


def fit_items(
    estimator: Any,
    data: Recordings,
    codes: NDArray[Any],
    classes: NDArray[Any],
    subjects: NDArray[Any],
) -> Any:
    """Train a clone on all items of some recordings.

    Parameters
    ----------
    estimator : classifier
    data : Recordings of n_recordings rows
    codes : ndarray of shape (n_recordings,), int
        Diagnoses, as positions in `classes`.
    classes : ndarray of shape (n_classes,)
    subjects : ndarray of shape (n_recordings,)
        Handed on as ``groups``, one for each item, if the estimator consumes them.

    Returns
    -------
    The trained clone.
    """
    row = data.row_index
    y = codes[row] if is_skorch_net(estimator) else classes[codes[row]]
    estimator = clone(estimator)
    items = _items_for(estimator, data)
    if not consumes_groups(estimator):
        return estimator.fit(items, y)
    with config_context(enable_metadata_routing=True):  # how groups reach a step of a pipeline
        return estimator.fit(items, y, groups=subjects[row])


def _items_for(estimator: Any, data: Recordings) -> Any:
    """Give windows to what cuts them by itself, and anything else an array."""
    if isinstance(data.items, Windows) and _cuts_windows(estimator):
        return data.items
    return np.asarray(data.items)


def _cuts_windows(estimator: Any) -> bool:
    """Whether an estimator, or the first step of a pipeline, takes `Windows`."""
    if isinstance(estimator, (GridSearchCV, RandomizedSearchCV)):
        return _cuts_windows(estimator.estimator)
    if isinstance(estimator, Pipeline):
        steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
        return bool(steps) and _cuts_windows(steps[0])
    return bool(getattr(estimator, "cuts_windows", False))


def score_items(estimator: Any, data: Recordings, classes: NDArray[Any]) -> NDArray[np.float64]:
    """Score every item, with a column for each class.

    A class that the estimator never saw in training scores 0.

    Parameters
    ----------
    estimator : trained classifier
    data : Recordings
    classes : ndarray of shape (n_classes,), sorted

    Returns
    -------
    ndarray of shape (n_items, n_classes), float64
    """
    if not len(data.items):
        return np.empty((0, len(classes)))
    items = _items_for(estimator, data)
    proba = np.asarray(estimator.predict_proba(items), dtype=np.float64)
    _check_scores(proba, data)
    return _over_all_classes(proba, estimator, classes)


def score_together(
    estimator: Any, parts: Sequence[Recordings], classes: NDArray[Any]
) -> list[NDArray[np.float64]]:
    """Score the items of several inputs in one pass, as if each were alone.

    The kernels of BLAS and torch depend on the number of rows, and the last digits on the kernels.
    Every batch therefore has the same number of rows, the last one filled up, so that the scores
    of an item do not depend on those that happen to be scored with it.

    Parameters
    ----------
    estimator : trained classifier
        With an attribute ``rows_at_once``, if another number than 256 suits it; 1 says that it
        scores each row by itself anyway.
    parts : sequence of Recordings
    classes : ndarray of shape (n_classes,), sorted

    Returns
    -------
    list of ndarray of shape (n_items, n_classes), float64
        One for each of the parts.
    """
    n_rows = _rows_at_once(estimator)
    counts = [len(part.items) for part in parts]
    scores = [np.empty((0, len(classes)))]
    for batch in _batches([part.items for part in parts], max(n_rows, 256 if n_rows == 1 else 1)):
        missing = 0 if n_rows == 1 else n_rows - len(batch)
        full = np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)]) if missing else batch
        proba = np.asarray(estimator.predict_proba(full), dtype=np.float64)[: len(batch)]
        scores.append(_over_all_classes(proba, estimator, classes))
    split = np.split(np.concatenate(scores), np.cumsum(counts)[:-1])
    for part, own in zip(parts, split, strict=True):
        _check_scores(own, part)
    return split


def _rows_at_once(estimator: Any) -> int:
    while isinstance(estimator, Pipeline):
        estimator = estimator[-1]
    return int(getattr(estimator, "rows_at_once", 256))


def _batches(arrays: Sequence[Any], n_rows: int) -> Iterator[NDArray[Any]]:
    """Cut the rows of several arrays, one after the other, into batches."""
    waiting: list[NDArray[Any]] = []
    missing = n_rows
    for array in arrays:
        at = 0
        while at < len(array):
            piece = np.asarray(array[at : at + missing])
            at, missing = at + len(piece), missing - len(piece)
            waiting.append(piece)
            if not missing:
                yield waiting[0] if len(waiting) == 1 else np.concatenate(waiting)
                waiting, missing = [], n_rows
    if waiting:
        yield np.concatenate(waiting)


def _check_scores(proba: NDArray[Any], data: Recordings) -> None:
    if len(wrong := np.flatnonzero(~np.isfinite(proba).all(axis=1))):
        rows = listed(rows_of(data.meta, np.unique(data.row_index[wrong])), "row")
        raise ValueError(
            f"The classifier of items scores NaN or infinity in {rows}: check its input there."
        )


def _over_all_classes(
    proba: NDArray[Any], estimator: Any, classes: NDArray[Any]
) -> NDArray[np.float64]:
    labels = np.arange(len(classes)) if is_skorch_net(estimator) else classes
    return align_columns(proba, estimator.classes_, labels)


def is_skorch_net(estimator: Any) -> bool:
    """Whether this is a bare skorch net, which takes no labels but 0 to n_classes - 1."""
    if isinstance(estimator, Pipeline):
        estimator = estimator[-1]
    skorch = sys.modules.get("skorch")  # not imported here: it brings torch along
    return skorch is not None and isinstance(estimator, skorch.NeuralNet)


def out_of_fold_scores(
    estimator: Any,
    data: Recordings,
    codes: NDArray[Any],
    classes: NDArray[Any],
    subjects: NDArray[Any],
    folds: Iterable[tuple[NDArray[Any], NDArray[Any]]],
    n_jobs: int | None = None,
) -> NDArray[np.float64]:
    """Score each item by a clone that was trained without its subject.

    Parameters
    ----------
    estimator, data, codes, classes, subjects
        As for `fit_items`.
    folds : iterable of (train, test)
        Rows of `data`.
    n_jobs : int, default=None

    Returns
    -------
    ndarray of shape (n_items, n_classes), float64

    Raises
    ------
    ValueError
        If a fold tests a subject that it trains on, or if the folds do not test each recording
        once.
    """
    folds = [(np.arange(len(data))[train], np.sort(test)) for train, test in folds]
    _check_folds(folds, subjects)
    if any(not data.lengths[train].any() for train, _ in folds):
        raise ValueError("cv trains a fold on recordings without a single item: give fewer folds.")
    with kept_by_workers(data, codes, subjects):
        parts = Parallel(n_jobs=n_jobs)(
            delayed(_fold_scores)(estimator, data, codes, classes, subjects, fold) for fold in folds
        )
    scores = np.empty((len(data.items), len(classes)))
    for (_, test), part in zip(folds, parts, strict=True):
        scores[np.isin(data.row_index, test)] = part
    return scores


def _fold_scores(
    estimator: Any,
    data: Recordings,
    codes: NDArray[Any],
    classes: NDArray[Any],
    subjects: NDArray[Any],
    fold: tuple[NDArray[Any], NDArray[Any]],
) -> NDArray[np.float64]:
    train, test = fold  # in a tuple, joblib sends them with the work, and they die with no worker
    fitted = fit_items(estimator, data[train], codes[train], classes, subjects[train])
    return score_items(fitted, data[test], classes)


def _check_folds(folds: list[tuple[NDArray[Any], NDArray[Any]]], subjects: NDArray[Any]) -> None:
    codes, names = pd.factorize(subjects)
    both = [np.intersect1d(codes[train], codes[test]) for train, test in folds]
    torn = sorted(names[np.unique(np.concatenate(both))], key=str)  # types may differ
    if torn:
        raise ValueError(
            f"cv trains and tests on the same {listed(torn, 'subject')}: give an integer, or a "
            "splitter that keeps subjects together, such as SubjectKFold."
        )
    times = np.bincount(np.concatenate([test for _, test in folds]), minlength=len(subjects))
    wrong = np.flatnonzero(times != 1)
    if len(wrong):
        raise ValueError(
            f"cv must test every recording once; row {wrong[0]} is tested {times[wrong[0]]} times."
        )
