"""Definitions of the metrics: of the answers as a whole, and of each class against the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknemg.metrics._counts import Counts, SubjectCounts, ratio
from sknemg.recordings._problems import listed

#: The overall metrics of `sknemg.metrics.score_table`.
METRICS = (
    "accuracy",
    "balanced_accuracy",
    "precision_weighted",
    "precision_macro",
    "recall_weighted",
    "recall_macro",
    "f1_weighted",
    "f1_macro",
    "roc_auc_weighted",
    "roc_auc_macro",
    "mcc",
    "sensitivity",
    "specificity",
    "log_loss",
)

#: The metrics of `sknemg.metrics.one_vs_rest_table`.
CLASS_METRICS = ("sensitivity", "specificity", "precision", "npv", "f1", "roc_auc")

#: Lowest and highest value of the metrics that do not lie between 0 and 1.
BOUNDS = {"mcc": (-1.0, 1.0), "log_loss": (0.0, np.inf)}


def one_vs_rest(counts: Counts) -> dict[str, NDArray[Any]]:
    """Score each class against the others.

    Parameters
    ----------
    counts : Counts

    Returns
    -------
    dict of ndarrays of shape (..., n_classes)
        `CLASS_METRICS`: sensitivity (recall), specificity, precision (positive predictive value),
        negative predictive value, F1 and area under the ROC curve. A ratio without cases is 0,
        as in scikit-learn; the area is NaN for a class that is absent or the only one.
    """
    right = np.diagonal(counts.confusion, axis1=-2, axis2=-1)
    support, given = counts.confusion.sum(axis=-1), counts.confusion.sum(axis=-2)
    total = support.sum(axis=-1, keepdims=True)
    right_rest = total - support - given + right
    return {
        "sensitivity": ratio(right, support),
        "specificity": ratio(right_rest, total - support),
        "precision": ratio(right, given),
        "npv": ratio(right_rest, total - given),
        "f1": ratio(2 * right, support + given),
        "roc_auc": counts.roc_auc,
    }


def overall(counts: Counts) -> dict[str, NDArray[Any]]:
    """Score the answers as a whole.

    Parameters
    ----------
    counts : Counts

    Returns
    -------
    dict of ndarrays of shape (...)
        `METRICS`. ``..._weighted`` weights classes by support, ``..._macro`` weights them
        equally; ``sensitivity`` and ``specificity`` are macro means over one-vs-rest.
    """
    each = one_vs_rest(counts)
    support, given = counts.confusion.sum(axis=-1), counts.confusion.sum(axis=-2)
    total, right = support.sum(axis=-1), np.trace(counts.confusion, axis1=-2, axis2=-1)
    occurs = (support + given > 0).astype(float)  # the labels that scikit-learn averages over

    def macro(name: str) -> NDArray[Any]:
        return ratio((each[name] * occurs).sum(axis=-1), occurs.sum(axis=-1))

    def weighted(name: str) -> NDArray[Any]:
        return ratio((np.where(support > 0, each[name], 0) * support).sum(axis=-1), total)

    chance = (support * given).sum(axis=-1)
    spread = (total**2 - (given**2).sum(axis=-1)) * (total**2 - (support**2).sum(axis=-1))
    return {
        "accuracy": right / total,
        "balanced_accuracy": ratio(each["sensitivity"].sum(axis=-1), (support > 0).sum(axis=-1)),
        "precision_weighted": weighted("precision"),
        "precision_macro": macro("precision"),
        "recall_weighted": weighted("sensitivity"),
        "recall_macro": macro("sensitivity"),
        "f1_weighted": weighted("f1"),
        "f1_macro": macro("f1"),
        "roc_auc_weighted": weighted("roc_auc"),
        "roc_auc_macro": counts.roc_auc.mean(axis=-1),
        "mcc": ratio(right * total - chance, np.sqrt(np.maximum(spread, 0))),
        "sensitivity": macro("sensitivity"),
        "specificity": macro("specificity"),
        "log_loss": counts.log_loss,
    }


def class_shares(
    labels: NDArray[Any], answers: NDArray[Any], n_classes: int
) -> dict[str, tuple[NDArray[Any], NDArray[Any]]]:
    """Count the items behind those metrics of a class that are proportions.

    Parameters
    ----------
    labels : ndarray of shape (n_subjects,), int
    answers : ndarray of shape (n_subjects, n_answers)
        Number of items that were given each answer: first the classes, then others, which are
        never right.
    n_classes : int

    Returns
    -------
    dict of (right, cases), two ndarrays of shape (n_subjects, n_classes)
        The metric is the sum of the one over that of the other.
    """
    given, own = answers[:, :n_classes], np.eye(n_classes)[labels]
    rest = answers.sum(axis=1, keepdims=True) - given
    return {
        "sensitivity": (given * own, (given + rest) * own),
        "specificity": (rest * (1 - own), (given + rest) * (1 - own)),
        "precision": (given * own, given),
        "npv": (rest * (1 - own), rest),
    }


def check_scores(proba: NDArray[Any]) -> None:
    """Refuse scores that are not shares of a whole, naming all their rows."""
    finite = np.isfinite(proba).all(axis=1)
    negative = (proba < 0).any(axis=1) & finite
    wrong = [
        f"{what} in {listed(np.flatnonzero(rows), 'row')}"
        for rows, what in [
            (~finite, "NaN or infinite"),
            (negative, "negative"),
            (~proba.any(axis=1), "0 for every class"),
        ]
        if rows.any()
    ]
    if wrong:
        raise ValueError(
            f"The scores are {', '.join(wrong)}: give probabilities, or leave these rows out."
        )


def metric_values(
    y: NDArray[Any],
    proba: NDArray[Any],
    names: Iterable[str] = METRICS,
    *,
    guess: NDArray[Any] | None = None,
) -> dict[str, float]:
    """Score answers with any of the metrics.

    Parameters
    ----------
    y : ndarray of shape (n_items,), int
        Codes of the true classes.
    proba : ndarray of shape (n_items, n_classes)
    names : iterable of str, default=METRICS
    guess : ndarray of shape (n_items,), int, default=None
        Codes of the classes that were answered; by default those of highest probability.

    Returns
    -------
    dict of float
        A ratio without cases is 0, an area under the ROC curve NaN where a class is absent (the
        weighted one: where all items are of one class).

    Examples
    --------
    >>> import numpy as np
    >>> proba = np.array([[0.9, 0.1], [0.3, 0.7], [0.2, 0.8]])
    >>> values = metric_values(np.array([0, 0, 1]), proba, ["accuracy", "specificity"])
    >>> {name: round(value, 2) for name, value in values.items()}
    {'accuracy': 0.67, 'specificity': 0.75}
    """
    # Values need no subjects: all items of a class are counted as one.
    codes = np.unique(y, return_inverse=True)[1]
    counts = SubjectCounts(y, proba, codes, guess)
    values = overall(counts.count(counts.observed()))
    return {name: float(values[name]) for name in names}
