"""Pooling: how scores of segments become a recording's, and those of recordings a subject's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknemg.recordings._problems import check_choice

#: The rules by name; ``"mean"`` is the published one.
POOLINGS = ("mean", "geometric", "entropy", "trimmed")

#: What a recording counts in the vote for its subject; ``"uniform"`` is published.
RECORDING_WEIGHTS = ("uniform", "length")

#: Scores below count as this in a geometric mean, so that no single vote forbids a class.
FLOOR = 0.01

#: Share of the votes that a trimmed mean leaves out at each end.
TRIMMED = 0.2

_LEAST_CERTAIN = 1e-9  # weight of a vote that is quite unsure: it counts beside such votes only


def mean_scores(
    scores: NDArray[Any],
    index: NDArray[Any],
    n_groups: int,
    weights: NDArray[Any] | None = None,
) -> NDArray[np.float64]:
    """Average the rows of a table group by group.

    Parameters
    ----------
    scores : ndarray of shape (n_items, n_classes)
        Items with NaN scores have no vote.
    index : ndarray of shape (n_items,), int
        The group of each item.
    n_groups : int
    weights : ndarray of shape (n_items,), default=None
        Greater than 0; equal by default.

    Returns
    -------
    ndarray of shape (n_groups, n_classes)
        NaN where a group has no item with a vote.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg.divote.pooling import mean_scores
    >>> mean_scores(np.array([[0.2, 0.8], [0.4, 0.6], [1, 0]]), np.array([0, 0, 2]), 3)
    array([[0.3, 0.7],
           [nan, nan],
           [1. , 0. ]])
    """
    votes = ~np.isnan(scores).any(axis=1)
    index, scores = index[votes], scores[votes]
    if weights is not None:
        weights = np.asarray(weights, dtype=float)[votes]
        scores = scores * weights[:, None]
    # np.add.reduceat would answer an empty group with another group's scores.
    total = [np.bincount(index, weights=column, minlength=n_groups) for column in scores.T]
    count = np.bincount(index, weights=weights, minlength=n_groups).astype(float)
    count[count == 0] = np.nan
    return np.stack(total, axis=1) / count[:, None]


def pool_scores(
    scores: NDArray[Any],
    index: NDArray[Any],
    n_groups: int,
    *,
    pooling: str = "mean",
    weights: NDArray[Any] | None = None,
) -> NDArray[np.float64]:
    """Make one score of several, group by group; what a group gets depends on its own items only.

    Parameters
    ----------
    scores : ndarray of shape (n_items, n_classes)
        Rows add up to 1. Items with NaN scores have no vote.
    index : ndarray of shape (n_items,), int
        The group of each item.
    n_groups : int
    pooling : {"mean", "geometric", "entropy", "trimmed"}, default="mean"
        As for `DiVoteClassifier`.
    weights : ndarray of shape (n_items,), default=None
        Greater than 0; equal by default.

    Returns
    -------
    ndarray of shape (n_groups, n_classes)
        Rows add up to 1; NaN where a group has no item with a vote.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg.divote.pooling import POOLINGS, pool_scores
    >>> scores = np.array([[0.6, 0.4], [0.6, 0.4], [0.0, 1.0]])
    >>> for pooling in POOLINGS:
    ...     print(pooling, pool_scores(scores, np.zeros(3, int), 1, pooling=pooling)[0].round(2))
    mean [0.4 0.6]
    geometric [0.22 0.78]
    entropy [0.03 0.97]
    trimmed [0.47 0.53]
    """
    check_choice(POOLINGS, pooling=pooling)
    if pooling == "mean":
        return mean_scores(scores, index, n_groups, weights)
    if pooling == "geometric":
        logs = np.log(np.maximum(scores, FLOOR))  # NaN stays NaN
        return _shares(np.exp(mean_scores(logs, index, n_groups, weights)))
    if pooling == "entropy":
        own = _certainty(scores)
        return mean_scores(scores, index, n_groups, own if weights is None else own * weights)
    return _trimmed_means(scores, index, n_groups, weights)


def weights_of(kind: str, lengths: NDArray[Any]) -> NDArray[np.float64] | None:
    """Give the weights of recordings by the number of their items; None where all count equally."""
    check_choice(RECORDING_WEIGHTS, recording_weights=kind)
    return lengths.astype(float) if kind == "length" else None


def _shares(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return scores / scores.sum(axis=1, keepdims=True)


def _certainty(scores: NDArray[Any]) -> NDArray[np.float64]:
    """Give 1 minus the entropy of each row, in units of the largest entropy there is."""
    logs = np.log(np.where(scores > 0, scores, 1.0))
    entropy = -(np.maximum(scores, 0) * logs).sum(axis=1) / np.log(scores.shape[1])
    return np.maximum(1 - entropy, _LEAST_CERTAIN)


def _trimmed_means(
    scores: NDArray[Any], index: NDArray[Any], n_groups: int, weights: NDArray[Any] | None
) -> NDArray[np.float64]:
    votes = ~np.isnan(scores).any(axis=1)
    index, scores = index[votes], scores[votes]
    weights = np.ones(len(scores)) if weights is None else np.asarray(weights, float)[votes]
    pooled = mean_scores(scores, index, n_groups, weights)
    order = index.argsort(kind="stable")
    stops = np.cumsum(np.bincount(index, minlength=n_groups))
    for group, own in enumerate(np.split(order, stops[:-1])):
        if len(own):
            trimmed = _trimmed_mean(scores[own], weights[own])
            if (total := trimmed.sum()) > 0:  # else every class is an outlier: the plain mean
                pooled[group] = trimmed / total
    return pooled


def _trimmed_mean(scores: NDArray[Any], weights: NDArray[Any]) -> NDArray[np.float64]:
    """Average each column without a share of the weight at each end.

    A vote at the limit counts with the part of it that lies inside, so that few votes are trimmed
    as smoothly as many.
    """
    order = scores.argsort(axis=0, kind="stable")
    share = weights[order] / weights.sum()
    stop = share.cumsum(axis=0)
    kept = np.minimum(stop, 1 - TRIMMED) - np.maximum(stop - share, TRIMMED)
    kept = np.maximum(kept, 0)
    values: NDArray[np.float64] = np.take_along_axis(scores, order, axis=0)
    return np.asarray((kept * values).sum(axis=0) / kept.sum(axis=0))
