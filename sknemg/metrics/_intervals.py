"""Confidence intervals that keep their width at the edge: exact, with an effective number."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from sknemg.recordings._problems import listed, shown
from sknemg.recordings._subjects import check_subjects


class Interval(NamedTuple):
    """Lower and upper bound, and the effective number of subjects behind them."""

    low: Any
    high: Any
    n_effective: Any


def proportion_interval(
    right: ArrayLike, groups: ArrayLike | None = None, confidence_level: float = 0.95
) -> Interval:
    """Give the exact interval of a proportion, with items that belong to subjects.

    Parameters
    ----------
    right : array-like of shape (n_items,), bool
    groups : array-like of shape (n_items,), default=None
        The subject of each item; by default each item is its own. Items of a subject are no
        independent evidence: their number is divided by the design effect.
    confidence_level : float, default=0.95

    Returns
    -------
    Interval
        ``low``, ``high`` and ``n_effective``, the number of independent subjects that the items
        amount to.

    Raises
    ------
    ValueError
        If an entry of `right` is neither True nor False, there is none, a subject is missing, or
        `confidence_level` is not between 0 and 1.

    Examples
    --------
    >>> from sknemg.metrics import proportion_interval
    >>> [round(bound, 3) for bound in proportion_interval([True] * 5)]
    [0.478, 1.0, 5.0]

    Twice as many recordings of the same five subjects:

    >>> [round(bound, 3) for bound in proportion_interval([True] * 10, list("aabbccddee"))]
    [0.478, 1.0, 5.0]
    """
    check_level(confidence_level)
    entries = np.asarray(right)
    if entries.dtype == object:
        entries = np.where(pd.isna(entries), np.nan, entries)  # pandas.NA equals nothing
    if entries.ndim != 1 or not len(entries):
        raise ValueError(f"right has shape {entries.shape}: give one entry for each item.")
    unclear = np.flatnonzero((entries != 0) & (entries != 1))
    if len(unclear):
        raise ValueError(
            f"right is neither True nor False in {listed(unclear, 'row')}: compare the answers "
            "with the diagnoses, or leave these rows out."
        )
    hits = entries.astype(float)
    codes = np.arange(len(hits))
    if groups is not None:
        codes = pd.factorize(check_subjects(groups, len(hits)), sort=True)[0]
    cases = np.bincount(codes).astype(float)
    n = clustered_number(np.bincount(codes, weights=hits), cases)
    return Interval(*(float(part) for part in exact_interval(hits.mean(), n, confidence_level)))


def check_level(confidence_level: float) -> None:
    """Refuse a level that is no share, such as 95."""
    if not (isinstance(confidence_level, Real) and 0 < confidence_level < 1):
        raise ValueError(
            f"confidence_level={shown(confidence_level)} must be between 0 and 1: write "
            "95 % as 0.95."
        )


def exact_interval(
    value: ArrayLike,
    n: ArrayLike,
    confidence_level: float = 0.95,
    bounds: tuple[ArrayLike, ArrayLike] = (0.0, 1.0),
) -> Interval:
    """Give the interval of Clopper and Pearson, for whole and fractional numbers of cases.

    Parameters
    ----------
    value : array-like
        Proportions, or other metrics between `bounds`.
    n : array-like
        Number of independent cases. Where the upper bound is infinite, the number of events for
        each unit of `value`, and the interval is Garwood's for a Poisson mean, the limit of the
        other.
    confidence_level : float, default=0.95
    bounds : (array-like, array-like), default=(0, 1)
        Lowest and highest value that the metric can have.

    Returns
    -------
    Interval

    Examples
    --------
    Five of five, and thirteen of fifteen:

    >>> exact_interval([1, 13 / 15], [5, 15]).low.round(3).tolist()
    [0.478, 0.595]
    """
    value, n = np.asarray(value, dtype=float), np.asarray(n, dtype=float)
    lowest, highest = (np.asarray(bound, dtype=float) for bound in bounds)
    tails = (1 - confidence_level) / 2, (1 + confidence_level) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        span = np.where(np.isinf(highest), 1.0, highest - lowest)
        hits = np.maximum((value - lowest) / span * n, 0.0)
        misses = np.maximum(n - hits, 0.0)
        hits, misses = (np.where(x < 1e-9 * n, 0.0, x) for x in (hits, misses))  # rounding
        low = np.where(hits > 0, stats.beta.ppf(tails[0], hits, misses + 1), 0.0)
        high = np.where(misses > 0, stats.beta.ppf(tails[1], hits + 1, misses), 1.0)
        events = stats.gamma.ppf(tails[0], hits) / n, stats.gamma.ppf(tails[1], hits + 1) / n
    unbounded = np.isinf(highest)
    low = np.where(unbounded, np.where(hits > 0, events[0], 0.0), low * span)
    high = np.where(unbounded, events[1], high * span)
    unknown = np.isnan(value) | np.isnan(n)
    low, high = (np.where(unknown, np.nan, lowest + bound) for bound in (low, high))
    return Interval(low, high, np.where(unknown, np.nan, n))


def clustered_number(right: NDArray[Any], cases: NDArray[Any]) -> NDArray[Any]:
    """Tell how many independent cases the items of some subjects amount to.

    The design effect of a proportion over clusters, as Korn and Graubard use it: items of one
    subject are no independent evidence. Where every subject has one item, the number is that of
    the subjects; where all items of a subject are answered alike, that of subjects of equal size.

    Parameters
    ----------
    right, cases : ndarray of shape (n_subjects, ...)
        Items answered correctly and all items; a subject may have none.

    Returns
    -------
    ndarray of shape (...)

    References
    ----------
    E. L. Korn and B. I. Graubard, "Confidence intervals for proportions with small expected
    number of positive counts estimated from survey data", Survey Methodology 24, 1998.

    Examples
    --------
    >>> import numpy as np
    >>> right, cases = np.array([1.0, 1, 0]), np.ones(3)
    >>> numbers = [clustered_number(right, cases), clustered_number(7 * right, 7 * cases)]
    >>> numbers.append(clustered_number(np.array([3.0, 4, 5]), 7 * cases))
    >>> np.round(numbers, 1).tolist()
    [3.0, 3.0, 10.2]
    """
    total, squares = cases.sum(axis=0), (cases**2).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(total > 0, right.sum(axis=0) / total, 0.0)
        # One more subject of mean size, all right or all wrong: how alike its items are cannot be
        # told from subjects without a wrong answer.
        unseen = squares / (cases > 0).sum(axis=0) / 4
        alike = (((right - share * cases) ** 2).sum(axis=0) + unseen) / (
            share * (1 - share) * squares + unseen
        )
        return np.where(total > 0, total**2 / squares / alike, 0.0)


def effective_number(
    draws: NDArray[Any],
    labels: NDArray[Any],
    bounds: tuple[ArrayLike, ArrayLike] = (0.0, 1.0),
) -> NDArray[Any]:
    """Give the number of subjects whose proportion would vary as a metric does over draws.

    Parameters
    ----------
    draws : ndarray of shape (n_draws, ...)
        The metric in each sample of :func:`~sknemg.metrics._bootstrap.draw_subjects`.
    labels : ndarray of shape (n_subjects,)
        The class of each subject. Within its class a sample varies less than a new cohort would;
        as in an unbiased variance, each class costs one degree of freedom.
    bounds : (array-like, array-like), default=(0, 1)

    Returns
    -------
    ndarray of shape (...)
        The degrees of freedom alone where the draws do not vary.
    """
    n_subjects = len(labels)
    free = max(n_subjects - len(np.unique(labels)), 1)
    lowest, highest = (np.asarray(bound, dtype=float) for bound in bounds)
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # NaN where a metric is undefined
        centre, spread = np.nanmean(draws, axis=0), np.nanvar(draws, axis=0)
        reach = (centre - lowest) * np.where(np.isinf(highest), 1.0, highest - centre)
        number = np.where(spread > 1e-12 * reach, reach / spread * free / n_subjects, float(free))
    return np.where(np.isnan(spread), np.nan, number)
