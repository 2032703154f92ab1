"""Scores of diagnoses, each subject once, with intervals by a bootstrap over subjects."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import DegenerateDataWarning, bootstrap

from sknemg.divote.levels import class_columns
from sknemg.metrics._bootstrap import Subjects, Tally, one_vs_rest, overall
from sknemg.metrics._definitions import METRICS, check_scores, class_values, metric_values
from sknemg.metrics.scorer import SubjectScorer, level_scores
from sknemg.recordings import label_subjects, read_subjects
from sknemg.recordings._problems import listed, shown
from sknemg.recordings._subjects import check_known

__all__ = ["METRICS", "SubjectScorer", "level_scores", "one_vs_rest_table", "score_table"]


def score_table(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    classes: ArrayLike,
    groups: ArrayLike | None = None,
    confidence_level: float = 0.95,
    n_resamples: int = 1999,
    method: str = "percentile",
    random_state: int | None = 0,
) -> pd.DataFrame:
    """Score answers with every metric and its confidence interval.

    The answer to an item is its class of highest probability. Subjects, with all their items,
    are resampled within their classes (:func:`scipy.stats.bootstrap`), so every class keeps its
    number of subjects; segments of one subject are no independent evidence.

    Parameters
    ----------
    y_true : array-like of shape (n_items,)
        Diagnoses of segments, recordings or subjects.
    y_proba : array-like of shape (n_items, n_classes)
        Their scores, a column for each of `classes`, in their order; the columns of a DataFrame
        are found by their names.
    classes : array-like of shape (n_classes,)
    groups : array-like of shape (n_items,), default=None
        The subject of each item; by default each item is its own.
    confidence_level : float, default=0.95
    n_resamples : int, default=1999
    method : {"percentile", "BCa", "basic"}, default="percentile"
        See :func:`scipy.stats.bootstrap`. Percentile intervals stay within a metric's bounds and
        exist where every resample gives the same value.
    random_state : int or None, default=0

    Returns
    -------
    DataFrame, columns ``metric``, ``value``, ``low``, ``high``, ``n_items``, ``n_subjects``, \
``note``
        ``precision_weighted`` and its like weigh the classes by their items, ``..._macro`` alike;
        ``sensitivity`` and ``specificity`` are macro means over one-vs-rest, equal to
        imbalanced-learn's. The note says why a value or an interval is NaN, or what it hides.

    Raises
    ------
    ValueError
        If the shapes or the names of columns do not fit, a label is no class, scores are NaN,
        infinite, negative or all 0, a subject has two diagnoses, or `confidence_level` is not
        between 0 and 1.

    Notes
    -----
    A class with a single subject cannot be resampled: that subject is in every resample, and the
    interval leaves out what another would have changed.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg.metrics import score_table
    >>> proba = np.array([0.9, 0.8, 0.4, 0.2, 0.1, 0.6])
    >>> table = score_table(
    ...     list("aaabbb"), np.stack([proba, 1 - proba], axis=1), classes=["a", "b"]
    ... )
    >>> table.set_index("metric").loc[["accuracy", "roc_auc_macro"], ["value", "low", "high"]]
                      value       low  high
    metric
    accuracy       0.666667  0.333333   1.0
    roc_auc_macro  0.888889  0.555556   1.0
    """
    answers = _Answers.check(y_true, y_proba, classes, groups)

    def measure(tally: Tally) -> NDArray[Any]:
        scores = overall(tally)
        return np.stack([scores[name] for name in METRICS])

    value = np.array(list(metric_values(answers.y, answers.proba).values()))
    absent = answers.classes[np.bincount(answers.y, minlength=len(answers.classes)) == 0]
    undefined = f"undefined: no {', no '.join(map(str, absent))} among the items"
    table = _estimate(
        answers, value, measure, confidence_level, n_resamples, method, random_state, undefined
    )
    table.insert(0, "metric", METRICS)
    table.insert(4, "n_items", len(answers.y))
    table.insert(5, "n_subjects", len(answers.labels))
    return table


def one_vs_rest_table(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    classes: ArrayLike,
    groups: ArrayLike | None = None,
    confidence_level: float = 0.95,
    n_resamples: int = 1999,
    method: str = "percentile",
    random_state: int | None = 0,
) -> pd.DataFrame:
    """Score each class against the others, with confidence intervals.

    Parameters
    ----------
    y_true, y_proba, classes, groups, confidence_level, n_resamples, method, random_state
        As for `score_table`.

    Returns
    -------
    DataFrame, columns ``class``, ``metric``, ``value``, ``low``, ``high``, ``n_items``, \
``n_subjects``, ``note``
        ``sensitivity``, ``specificity``, ``precision`` (positive predictive value), ``npv``
        (negative predictive value), ``f1`` and ``roc_auc`` of each class; the counts are those
        of the class.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg.metrics import one_vs_rest_table
    >>> proba = np.array([0.9, 0.8, 0.4, 0.2, 0.1, 0.6])
    >>> table = one_vs_rest_table(
    ...     list("aaabbb"), np.stack([proba, 1 - proba], axis=1), classes=["a", "b"]
    ... )
    >>> table.pivot(index="class", columns="metric", values="value")[["npv", "sensitivity"]]
    metric       npv  sensitivity
    class
    a       0.666667     0.666667
    b       0.666667     0.666667
    """
    answers = _Answers.check(y_true, y_proba, classes, groups)
    n_classes = len(answers.classes)

    def measure(tally: Tally) -> NDArray[Any]:  # class after class
        scores = np.stack(list(one_vs_rest(tally).values()), axis=-1)
        return np.moveaxis(scores.reshape(*scores.shape[:-2], -1), -1, 0)

    each = class_values(answers.y, answers.proba)
    metrics = list(each)
    value = np.stack(list(each.values()), axis=-1).ravel()
    which = np.repeat(np.arange(n_classes), len(metrics))
    undefined = "undefined: none or nothing but this class among the items"
    table = _estimate(
        answers, value, measure, confidence_level, n_resamples, method, random_state, undefined
    )
    table.insert(0, "class", answers.classes[which])
    table.insert(1, "metric", metrics * n_classes)
    table.insert(5, "n_items", np.bincount(answers.y, minlength=n_classes)[which])
    table.insert(6, "n_subjects", np.bincount(answers.labels, minlength=n_classes)[which])
    return table


class _Answers(NamedTuple):
    classes: NDArray[Any]
    y: NDArray[Any]  # codes of the items
    proba: NDArray[Any]
    subjects: Subjects
    labels: NDArray[Any]  # codes of the subjects

    @classmethod
    def check(
        cls, y_true: ArrayLike, y_proba: ArrayLike, classes: ArrayLike, groups: ArrayLike | None
    ) -> _Answers:
        labels, names = np.asarray(y_true), np.asarray(classes)
        check_known(y_true, "y_true")
        if isinstance(y_proba, pd.DataFrame):
            y_proba = _in_order(y_proba, names.tolist())
        proba = np.asarray(y_proba, float)
        if proba.shape != (len(labels), len(names)) or not len(labels):
            raise ValueError(
                f"y_proba has shape {proba.shape} for {len(labels)} items of {len(names)} classes."
            )
        check_scores(proba)
        codes = pd.Index(names).get_indexer(labels)
        if (codes < 0).any():
            raise ValueError(
                f"y_true holds {shown(np.unique(labels[codes < 0]))} in "
                f"{listed(np.flatnonzero(codes < 0), 'row')}: give labels of {shown(names)}."
            )
        own = np.arange(len(labels)) if groups is None else read_subjects(labels, groups)
        subject, _, first = label_subjects(labels, own)  # type: ignore[arg-type]
        return cls(names, codes, proba, Subjects(codes, proba, subject), codes[first])


def _in_order(scores: pd.DataFrame, classes: list[Any]) -> pd.DataFrame:
    if Counter(columns := scores.columns.tolist()) != Counter(classes):
        raise ValueError(
            f"y_proba has the columns {columns} for the classes {classes}: name each column "
            "after its class, or give an array with the columns in the order of classes."
        )
    return class_columns(scores, classes)


def _estimate(
    answers: _Answers,
    value: NDArray[Any],
    measure: Callable[[Tally], NDArray[Any]],
    confidence_level: float,
    n_resamples: int,
    method: str,
    random_state: int | None,
    undefined: str,
) -> pd.DataFrame:
    """Return values, intervals and notes; `measure` has its metrics on the first axis."""
    if not 0 < confidence_level < 1:
        raise ValueError(
            f"confidence_level={confidence_level} is not between 0 and 1; 95 % is 0.95."
        )
    members = [np.flatnonzero(answers.labels == k) for k in np.unique(answers.labels)]
    alone = np.array([group[0] for group in members if len(group) == 1], dtype=int)
    groups = [group for group in members if len(group) > 1]
    low = high = np.full(len(value), np.nan)

    if groups:
        with warnings.catch_warnings(), np.errstate(invalid="ignore"):
            warnings.simplefilter("ignore", DegenerateDataWarning)  # NaN then, and a note
            low, high = bootstrap(
                groups,
                lambda *drawn, axis: measure(
                    answers.subjects.tally(_weights(drawn, answers, alone))
                ),
                vectorized=True,
                axis=-1,
                n_resamples=n_resamples,
                batch=500,
                confidence_level=confidence_level,
                method=method,
                random_state=np.random.default_rng(random_state),
            ).confidence_interval
    low, high = (np.where(np.isnan(value), np.nan, bound) for bound in (low, high))
    table = pd.DataFrame({"value": value, "low": low, "high": high})
    names = ", ".join(map(str, answers.classes[answers.labels[alone]]))
    same = table["low"].isna() if groups else False
    table["note"] = f"one subject only: {names}" if len(alone) else ""
    table.loc[(table["low"] == table["high"]) | same, "note"] = "resamples hardly vary"
    table.loc[table["value"].isna(), "note"] = undefined
    return table


def _weights(
    drawn: tuple[NDArray[Any], ...], answers: _Answers, alone: NDArray[Any]
) -> NDArray[Any]:
    """Count how often each subject was drawn, for arrays of draws (..., n_drawn) a class."""
    lead = np.broadcast_shapes(*(array.shape[:-1] for array in drawn))
    rows = [np.broadcast_to(a, (*lead, a.shape[-1])).reshape(-1, a.shape[-1]) for a in drawn]
    flat = np.concatenate(rows, axis=1)
    n_draws, n_subjects = len(flat), len(answers.labels)
    bins = flat + n_subjects * np.arange(n_draws)[:, None]
    counts = np.bincount(bins.ravel(), minlength=n_draws * n_subjects).astype(float)
    weights = counts.reshape(*lead, n_subjects)
    weights[..., alone] = 1
    return weights
