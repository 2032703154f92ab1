"""Answers summed up subject by subject, so that a sample of subjects is a weighted sum."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_TINY = np.finfo(np.float64).eps
_CELLS = 4_000_000  # of the largest temporary array
_ROUNDING = 1e-13  # of a score, by which means of equal scores may differ


class Counts(NamedTuple):
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


def ratio(above: NDArray[Any], below: NDArray[Any], otherwise: float = 0.0) -> NDArray[Any]:
    """Divide counts; `otherwise` stands where there is nothing to divide by."""
    below = np.asarray(below, dtype=float)
    return np.divide(above, below, out=np.full(below.shape, otherwise), where=below > 0)


def bins_of(shares: NDArray[Any], n_bins: int) -> NDArray[np.intp]:
    """Give the number of the bin of equal width that each share, of 0 to 1, lies in.

    What rounding has put just below an edge lies on it, in the upper bin.

    Examples
    --------
    >>> bins_of(np.array([0.05, 3 * 0.1 - 1e-16, 0.3, 1.0]), 10).tolist()
    [0, 3, 3, 9]
    """
    return np.minimum((shares * n_bins + 1e-9).astype(np.intp), n_bins - 1)


class SubjectCounts:
    """Counts of the answers to the items (segments, recordings) of each subject.

    Thousands of samples of subjects are then a few matrix products rather than as many passes
    over the items.

    Parameters
    ----------
    y : ndarray of shape (n_items,), int
        The true class of each item, the same for all items of a subject.
    proba : ndarray of shape (n_items, n_classes)
    subject : ndarray of shape (n_items,), int
        The number of each item's subject.
    guess : ndarray of shape (n_items,), int, default=None
        The class that was answered; by default that of highest probability.

    Attributes
    ----------
    labels : ndarray of shape (n_subjects,), int
    answers : ndarray of shape (n_subjects, n_classes)
        Number of items that were given each class.
    loss : ndarray of shape (n_subjects, n_classes)
        Sum of the log losses, if the subject were of that class.
    wins : ndarray of shape (n_classes, n_subjects, n_subjects)
        Number of pairs, an item of the one subject and an item of the other, in which the first
        scores higher for the class; a tie, as of `tied_with_next`, counts one half.
    """

    def __init__(
        self,
        y: NDArray[Any],
        proba: NDArray[Any],
        subject: NDArray[Any],
        guess: NDArray[Any] | None = None,
    ):
        n_subjects, n_classes = subject.max() + 1, proba.shape[1]
        self.labels = np.zeros(n_subjects, dtype=np.intp)
        self.labels[subject] = y
        self.answers = np.zeros((n_subjects, n_classes))
        guess = proba.argmax(axis=1) if guess is None else guess
        np.add.at(self.answers, (subject, guess), 1)
        losses = -np.log(np.clip(proba / proba.sum(axis=1, keepdims=True), _TINY, 1))
        self.loss = np.stack(
            [np.bincount(subject, weights=column, minlength=n_subjects) for column in losses.T],
            axis=1,
        )
        self.wins = np.stack([pairs_won(score, subject, n_subjects) for score in proba.T])

    def observed(self) -> NDArray[Any]:
        """Weight each subject once, with its own class.

        Returns
        -------
        ndarray of shape (n_subjects, n_classes)
        """
        return np.eye(self.answers.shape[1])[self.labels]

    def count(self, weights: NDArray[Any]) -> Counts:
        """Count each subject, taken to be of a class, as often as its weight says.

        Parameters
        ----------
        weights : ndarray of shape (..., n_subjects, n_classes)

        Returns
        -------
        Counts
        """
        confusion = np.swapaxes(weights, -1, -2) @ self.answers
        support = confusion.sum(axis=-1)
        total = support.sum(axis=-1)
        anyone = weights.sum(axis=-1)
        auc = np.full(support.shape, np.nan)
        for k, wins in enumerate(self.wins):
            own = weights[..., k]
            pairs = support[..., k] * (total - support[..., k])
            won = ((own @ wins) * (anyone - own)).sum(axis=-1)
            np.divide(won, pairs, out=auc[..., k], where=pairs > 0)
        return Counts(confusion, auc, np.tensordot(weights, self.loss, 2) / total)


def pairs_won(score: NDArray[Any], subject: NDArray[Any], n_subjects: int) -> NDArray[Any]:
    """Count the pairs of items in which one subject's has the higher score than another's.

    Parameters
    ----------
    score : ndarray of shape (n_items,)
    subject : ndarray of shape (n_items,), int
    n_subjects : int

    Returns
    -------
    ndarray of shape (n_subjects, n_subjects)
        A tie, as of `tied_with_next`, counts one half.
    """
    order = np.argsort(score, kind="stable")
    whose = subject[order]
    ranked = np.append(0, np.cumsum(~tied_with_next(score[order])))
    lower, upper = (np.searchsorted(ranked, ranked, side) for side in ("left", "right"))
    by_subject = np.argsort(whose, kind="stable")
    lower, upper = lower[by_subject], upper[by_subject]
    starts = np.searchsorted(whose[by_subject], np.arange(n_subjects))
    wins = np.empty((n_subjects, n_subjects))
    step = max(1, _CELLS // len(score))
    for first in range(0, n_subjects, step):
        others = np.arange(first, min(first + step, n_subjects))
        seen = np.zeros((len(score) + 1, len(others)))
        np.cumsum(whose[:, None] == others, axis=0, out=seen[1:])
        wins[:, others] = np.add.reduceat((seen[lower] + seen[upper]) / 2, starts, axis=0)
    return wins


def tied_with_next(ranked: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which scores are equal to the next, up to rounding.

    Means of one and the same score, over more or fewer items, differ in their last digit. Taken
    for different, they would rank subjects by the number of their recordings.

    Parameters
    ----------
    ranked : ndarray of shape (n,)
        Scores in rising or falling order.

    Returns
    -------
    ndarray of shape (n - 1,), bool

    Examples
    --------
    >>> tied_with_next(np.array([0.3, 0.1 + 0.2, 0.301, 0.301])).tolist()
    [True, False, True]
    """
    size = np.maximum(np.abs(ranked[1:]), np.abs(ranked[:-1]))
    return np.asarray(np.abs(np.diff(ranked)) <= _ROUNDING * size)
