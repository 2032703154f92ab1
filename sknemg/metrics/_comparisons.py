"""Tests between readers, or between readers and a model, on whether answers are right."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats


def mcnemar(first: NDArray[Any], second: NDArray[Any]) -> tuple[int, int, float]:
    """Compare two readers on the same cases by McNemar's exact test.

    Parameters
    ----------
    first, second : ndarray of shape (n_cases,), bool
        Where each is right.

    Returns
    -------
    only_first, only_second : int
        Cases on which one is right and the other is not.
    p : float

    Examples
    --------
    >>> import numpy as np
    >>> mcnemar(np.array([1, 1, 1, 1, 1, 0], bool), np.array([1, 0, 0, 0, 0, 0], bool))
    (4, 0, 0.125)
    """
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    n = only_first + only_second
    return only_first, only_second, float(stats.binomtest(only_first, n).pvalue) if n else 1.0


def holm(p: ArrayLike) -> NDArray[Any]:
    """Adjust the p-values of several tests by Holm's rule.

    Parameters
    ----------
    p : array-like of shape (n_tests,)

    Returns
    -------
    ndarray of shape (n_tests,)

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p, dtype=float)
    order = np.argsort(p, kind="stable")
    adjusted = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    out = np.empty(len(p))
    out[order] = np.minimum(adjusted, 1.0)
    return out


def cochran_q(right: NDArray[Any]) -> tuple[float, int, float]:
    """Test whether readers are equally often right, by Cochran's Q.

    Parameters
    ----------
    right : ndarray of shape (n_cases, n_readers), bool

    Returns
    -------
    q : float
        NaN where all are right on the same cases.
    df : int
    p : float

    Examples
    --------
    >>> import numpy as np
    >>> q, df, p = cochran_q(np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 0, 0]], bool))
    >>> round(q, 2), df, round(p, 2)
    (4.67, 2, 0.1)
    """
    k = right.shape[1]
    by_reader, by_case = right.sum(axis=0), right.sum(axis=1)
    total = right.sum()
    below = k * total - (by_case**2).sum()
    if below == 0:
        return np.nan, k - 1, np.nan
    q = float((k - 1) * (k * (by_reader**2).sum() - total**2) / below)
    return q, k - 1, float(stats.chi2.sf(q, k - 1))
