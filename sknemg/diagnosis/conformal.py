"""Conformal prediction over subjects: sets of diagnoses, with the guarantee that holds of them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknemg.signal.rates import is_number


def conformal_quantile(scores: ArrayLike, coverage: float) -> float:
    """Find the nonconformity that a new subject exceeds with a probability of 1 - coverage [1]_.

    Parameters
    ----------
    scores : array-like of shape (n_subjects,)
        Nonconformity of calibration subjects: 1 minus the probability of their own diagnosis.
    coverage : float
        Between 0 and 1.

    Returns
    -------
    float
        The ``ceil((n + 1) * coverage)``-th smallest; infinity where there are too few subjects
        for that coverage, so that every set holds all diagnoses.

    Raises
    ------
    ValueError
        If `coverage` is not between 0 and 1, or a score is NaN.

    References
    ----------
    .. [1] A. Angelopoulos, S. Bates, "A gentle introduction to conformal prediction and
       distribution-free uncertainty quantification", 2021, arXiv:2107.07511.

    Examples
    --------
    >>> from sknemg.diagnosis import conformal_quantile
    >>> conformal_quantile([0.5, 0.1, 0.2, 0.3], 0.5)
    0.3
    >>> conformal_quantile([0.5, 0.1, 0.2, 0.3], 0.9)
    inf
    """
    ordered = np.sort(np.asarray(scores, dtype=np.float64))
    rank = _rank(len(ordered), coverage)
    if np.isnan(ordered[-1:]).any():  # NaN is sorted to the end
        raise ValueError("scores holds NaN: leave out subjects without a score.")
    return float(ordered[rank - 1]) if rank <= len(ordered) else float("inf")


def _rank(n_subjects: int, coverage: float) -> int:
    if not is_number(coverage) or not 0 < coverage < 1:
        raise ValueError(f"coverage={coverage!r} must be between 0 and 1: write 90 % as 0.9.")
    return int(np.ceil((n_subjects + 1) * coverage - 1e-9))


def prediction_sets(proba: ArrayLike, quantile: float) -> NDArray[np.bool_]:
    """Tell which diagnoses remain possible.

    Parameters
    ----------
    proba : array-like of shape (n_subjects, n_classes)
        Calibrated as those of the calibration subjects were.
    quantile : float
        From `conformal_quantile`.

    Returns
    -------
    ndarray of shape (n_subjects, n_classes), bool
        Those whose nonconformity does not exceed the quantile. Where none remains, all do: that a
        subject fits no diagnosis is no reason to be sure of one.

    Examples
    --------
    >>> from sknemg.diagnosis import prediction_sets
    >>> prediction_sets([[0.8, 0.1, 0.1], [0.5, 0.4, 0.1], [0.4, 0.3, 0.3]], 0.62).tolist()
    [[True, False, False], [True, True, False], [True, False, False]]
    >>> prediction_sets([[0.4, 0.3, 0.3]], 0.5).tolist()
    [[True, True, True]]
    """
    kept = 1 - np.asarray(proba, dtype=np.float64) <= quantile + 1e-12
    kept[~kept.any(axis=1)] = True
    return kept


def coverage_range(n_subjects: int, coverage: float, level: float = 0.9) -> tuple[float, float]:
    """Say between which shares of new patients a calibrated model's sets will hold the truth.

    The nominal coverage is a mean over all calibration sets that might have been drawn. The
    coverage of the one at hand follows a beta distribution, and is wide where subjects are few.

    Parameters
    ----------
    n_subjects : int
        Calibration subjects.
    coverage : float
        Nominal coverage.
    level : float, default=0.9
        Probability that the coverage lies between the two bounds.

    Returns
    -------
    (low, high) : tuple of float

    Raises
    ------
    ValueError
        If `coverage` is not between 0 and 1.

    Examples
    --------
    >>> from sknemg.diagnosis import coverage_range
    >>> [round(bound, 2) for bound in coverage_range(57, 0.9)]
    [0.85, 0.96]
    >>> [round(bound, 2) for bound in coverage_range(19, 0.9)]
    [0.77, 0.98]
    """
    rank = _rank(n_subjects, coverage)
    if rank > n_subjects:
        return 1.0, 1.0
    shares = ((1 - level) / 2, (1 + level) / 2)
    low, high = (_beta_quantile(rank, n_subjects + 1 - rank, share) for share in shares)
    return low, high


@lru_cache(maxsize=16)
def _beta_quantile(successes: int, failures: int, share: float) -> float:
    """Give a quantile of a beta distribution of whole numbers, by bisection.

    Its distribution function is the chance of at least `successes` among ``successes + failures -
    1`` trials. :mod:`scipy.stats` would take longer to import than a patient to diagnose.
    """
    n = successes + failures - 1
    k = np.arange(successes, n + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    ways = logs[n] - logs[k] - logs[n - k]
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        with np.errstate(divide="ignore", under="ignore"):
            chance = np.exp(ways + k * np.log(middle) + (n - k) * np.log1p(-middle)).sum()
        low, high = (middle, high) if chance < share else (low, middle)
    return float((low + high) / 2)
