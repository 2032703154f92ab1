"""Scores of many resamples of subjects at once, for their intervals.

The values that are reported come from scikit-learn and imbalanced-learn (``_values.py``). They
need some 10 ms a sample, a bootstrap some 2,000 samples: as sums over subjects it takes 0.1 s in
place of 20. The tests hold both to each other at 1e-12.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

_TINY = np.finfo(np.float64).eps


class Tally(NamedTuple):
    """Counts of right and wrong answers, for one sample of subjects or an array of samples.

    Attributes
    ----------
    confusion : ndarray of shape (..., n_classes, n_classes)
        Number of items of the class (row) that were given the other class (column).
    roc_auc : ndarray of shape (..., n_classes)
        One-vs-rest; NaN for a class with no items, or with all of them.
    log_loss : ndarray of shape (...)
        Mean over the items.
    """

    confusion: NDArray[Any]
    roc_auc: NDArray[Any]
    log_loss: NDArray[Any]


class Subjects:
    """Answers about items (segments, recordings, subjects), summed up subject by subject.

    A tally of resampled subjects is then a weighted sum: a bootstrap costs some matrix products
    rather than thousands of passes over the items.

    Parameters
    ----------
    y : ndarray of shape (n_items,), int
        The true class of each item.
    proba : ndarray of shape (n_items, n_classes)
    subject : ndarray of shape (n_items,), int
        The number of each item's subject.
    """

    def __init__(self, y: NDArray[Any], proba: NDArray[Any], subject: NDArray[Any]):
        n_subjects, n_classes = subject.max() + 1, proba.shape[1]
        self.confusion = np.zeros((n_subjects, n_classes, n_classes))
        np.add.at(self.confusion, (subject, y, proba.argmax(axis=1)), 1)
        share = proba[np.arange(len(y)), y] / proba.sum(axis=1)
        loss = -np.log(np.clip(share, _TINY, 1))
        self.loss = np.bincount(subject, weights=loss)
        self.wins = [
            _wins(proba[:, k], y == k, subject, n_subjects) if np.any(y == k) else None
            for k in range(n_classes)
        ]

    def tally(self, weights: NDArray[Any]) -> Tally:
        """Count each subject as often as its weight says.

        Parameters
        ----------
        weights : ndarray of shape (..., n_subjects)

        Returns
        -------
        Tally
        """
        confusion = np.einsum("...s,sij->...ij", weights, self.confusion)
        support = confusion.sum(axis=-1)
        total = support.sum(axis=-1)
        auc = np.full(support.shape, np.nan)
        for k, wins in enumerate(self.wins):
            if wins is None:
                continue
            pairs = support[..., k] * (total - support[..., k])
            won = ((weights @ wins) * weights).sum(axis=-1)
            np.divide(won, pairs, out=auc[..., k], where=pairs > 0)
        return Tally(confusion, auc, weights @ self.loss / total)


def _wins(
    score: NDArray[Any], positive: NDArray[Any], subject: NDArray[Any], n_subjects: int
) -> NDArray[Any]:
    """Count pairs (positive item of subject s, negative item of subject t) in the right order.

    A tie counts one half. The sum over all s and t, divided by the number of pairs, is the area
    under the ROC curve.
    """
    wins = np.zeros((n_subjects, n_subjects))
    high, of_high = score[positive], subject[positive]
    for other in np.unique(subject[~positive]):
        low = np.sort(score[~positive & (subject == other)])
        below = np.searchsorted(low, high, "left") + np.searchsorted(low, high, "right")
        wins[:, other] = np.bincount(of_high, weights=below / 2, minlength=n_subjects)
    return wins


def one_vs_rest(tally: Tally) -> dict[str, NDArray[Any]]:
    """Score each class against the others.

    Parameters
    ----------
    tally : Tally

    Returns
    -------
    dict of ndarrays of shape (..., n_classes)
        ``sensitivity`` (recall), ``specificity``, ``precision`` (positive predictive value),
        ``npv`` (negative predictive value), ``f1`` and ``roc_auc``. A ratio without cases is 0,
        as scikit-learn has it, save an area under the ROC curve, which is NaN.
    """
    right = np.diagonal(tally.confusion, axis1=-2, axis2=-1)
    support, given = tally.confusion.sum(axis=-1), tally.confusion.sum(axis=-2)
    total = support.sum(axis=-1, keepdims=True)
    right_rest = total - support - given + right
    return {
        "sensitivity": _ratio(right, support),
        "specificity": _ratio(right_rest, total - support),
        "precision": _ratio(right, given),
        "npv": _ratio(right_rest, total - given),
        "f1": _ratio(2 * right, support + given),
        "roc_auc": tally.roc_auc,
    }


def overall(tally: Tally) -> dict[str, NDArray[Any]]:
    """Score the answers as a whole.

    Parameters
    ----------
    tally : Tally

    Returns
    -------
    dict of ndarrays of shape (...)
    """
    each = one_vs_rest(tally)
    support, given = tally.confusion.sum(axis=-1), tally.confusion.sum(axis=-2)
    total, right = support.sum(axis=-1), np.trace(tally.confusion, axis1=-2, axis2=-1)
    occurs = (support + given > 0).astype(float)  # the labels that scikit-learn averages over

    def macro(name: str) -> NDArray[Any]:
        return _ratio((each[name] * occurs).sum(axis=-1), occurs.sum(axis=-1))

    def weighted(name: str) -> NDArray[Any]:
        return _ratio((np.where(support > 0, each[name], 0) * support).sum(axis=-1), total)

    chance = (support * given).sum(axis=-1)
    spread = (total**2 - (given**2).sum(axis=-1)) * (total**2 - (support**2).sum(axis=-1))
    return {
        "accuracy": right / total,
        "balanced_accuracy": _ratio(each["sensitivity"].sum(axis=-1), (support > 0).sum(axis=-1)),
        "precision_weighted": weighted("precision"),
        "precision_macro": macro("precision"),
        "recall_weighted": weighted("sensitivity"),
        "recall_macro": macro("sensitivity"),
        "f1_weighted": weighted("f1"),
        "f1_macro": macro("f1"),
        "roc_auc_weighted": weighted("roc_auc"),
        "roc_auc_macro": tally.roc_auc.mean(axis=-1),
        "mcc": _ratio(right * total - chance, np.sqrt(spread)),
        "sensitivity": macro("sensitivity"),
        "specificity": macro("specificity"),
        "log_loss": tally.log_loss,
    }


def _ratio(above: NDArray[Any], below: NDArray[Any]) -> NDArray[Any]:
    below = np.asarray(below, dtype=float)
    return np.divide(above, below, out=np.zeros_like(below), where=below > 0)


def bootstrap_rows(
    y_true: NDArray[Any], groups: ArrayLike | None, n_bootstrap: int, random_state: int | None
) -> list[NDArray[Any]]:
    """Draw subjects with all their rows, within their classes, as the tables of scores do."""
    codes, _ = pd.factorize(np.arange(len(y_true)) if groups is None else np.asarray(groups))
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    labels = y_true[[rows[0] for rows in members]]
    strata = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    rng = np.random.default_rng(random_state)
    draws = [np.concatenate([rng.choice(s, len(s)) for s in strata]) for _ in range(n_bootstrap)]
    return [np.concatenate([members[i] for i in draw]) for draw in draws]
