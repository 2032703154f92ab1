"""Table of what one method scores more than another on the same subjects, with intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.metrics._answers import Answers
from sknemg.metrics._bootstrap import draw_subjects
from sknemg.metrics._definitions import METRICS, overall
from sknemg.metrics._estimates import overall_estimates, resampled_counts
from sknemg.metrics._intervals import check_level
from sknemg.recordings._problems import check_counts, check_generator


def difference_table(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    other_proba: ArrayLike,
    *,
    classes: ArrayLike,
    y_pred: ArrayLike | None = None,
    other_pred: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    confidence_level: float = 0.95,
    n_resamples: int = 1999,
    random_state: int | None = 0,
) -> pd.DataFrame:
    """Subtract the scores of another method on the same items, with paired intervals.

    Two methods err on the same hard subjects, so that their difference is known better than two
    separate intervals suggest. An interval that contains 0 does not tell which method is better.

    Parameters
    ----------
    y_true : array-like of shape (n_items,)
        Diagnoses of segments, recordings or subjects.
    y_proba, other_proba : array-like of shape (n_items, n_classes)
        Scores of the two methods, as in `score_table`.
    classes : array-like of shape (n_classes,)
    y_pred, other_pred : array-like of shape (n_items,), default=None
        The answers of the two; by default the classes of highest probability.
    groups : array-like of shape (n_items,), default=None
        The subject of each item; by default each item is its own.
    confidence_level : float, default=0.95
    n_resamples : int, default=1999
        Samples of subjects, for the correlation of the two and for effective numbers.
    random_state : int or None, default=0

    Returns
    -------
    DataFrame, columns ``metric``, ``value``, ``low``, ``high``, ``first``, ``other``, \
``correlation``, ``n_items``, ``n_subjects``
        ``value`` is `first` minus `other`, the scores of the two, and ``correlation`` that of
        their estimates. For ``log_loss`` a negative difference is the better one.

    Raises
    ------
    ValueError
        As for `score_table`, for either method.

    Notes
    -----
    The interval is made of those that `score_table` gives to the two scores, with the correlation
    between them (the method of variance estimates recovery, MOVER [1]_; of proportions,
    Newcombe's interval [2]_). So it keeps its width where one method, or both, were always right.
    The correlation is found by a bootstrap that draws the same subjects for both methods; the
    answers that have nothing to do with the truth, which `score_table` adds, are added to each
    method by itself.

    References
    ----------
    .. [1] G. Y. Zou and A. Donner, "Construction of confidence limits about effect measures: a
       general approach", Statistics in Medicine 27, 2008.
    .. [2] R. G. Newcombe, "Improved confidence intervals for the difference between binomial
       proportions based on paired data", Statistics in Medicine 17, 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg.metrics import difference_table
    >>> y = np.repeat(["a", "b"], 10)
    >>> right, score = np.tile([True] * 9 + [False], 2), np.full(20, 0.5)
    >>> good = np.where(right == (y == "a"), 0.9, 0.1)
    >>> table = difference_table(
    ...     y, np.stack([good, 1 - good], axis=1), np.stack([score, score], axis=1),
    ...     classes=["a", "b"],
    ... )
    >>> table.set_index("metric").loc[["accuracy"], ["value", "low", "high"]].round(2)
              value   low  high
    metric
    accuracy    0.4  0.09  0.64
    """
    check_level(confidence_level)
    check_counts(2, n_resamples=n_resamples)
    first = Answers.check(y_true, y_proba, classes, y_pred, groups)
    other = Answers.check(y_true, other_proba, classes, other_pred, groups)
    rng = check_generator(random_state)
    drawn, strange = draw_subjects(first.labels, n_resamples, rng)
    apart = drawn.copy()  # the same subjects, but other strangers
    apart[strange] = rng.integers(len(first.labels), size=int(strange.sum()))
    samples = [resampled_counts(first.subjects, drawn), resampled_counts(other.subjects, apart)]
    parts = [
        overall_estimates(answers.subjects, counts, confidence_level)
        for answers, counts in zip((first, other), samples, strict=True)
    ]
    of_first, of_other = (overall(counts) for counts in samples)
    r = np.array([_correlation(of_first[name], of_other[name]) for name in METRICS])
    (a, (low_a, high_a, _), _), (b, (low_b, high_b, _), _) = parts
    return pd.DataFrame(
        {
            "metric": METRICS,
            "value": a - b,
            "low": a - b - _reach(a - low_a, high_b - b, r),
            "high": a - b + _reach(high_a - a, b - low_b, r),
            "first": a,
            "other": b,
            "correlation": r,
            "n_items": len(first.y),
            "n_subjects": len(first.labels),
        }
    )


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Correlate draws; 0, which makes the widest interval, where one of the two does not vary."""
    known = np.isfinite(one) & np.isfinite(other)
    if known.sum() < 2 or min(np.ptp(one[known]), np.ptp(other[known])) < 1e-12:
        return 0.0
    return float(np.clip(np.corrcoef(one[known], other[known])[0, 1], -1.0, 1.0))


def _reach(
    one: NDArray[np.float64], other: NDArray[np.float64], r: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Length of the difference of two errors with a correlation."""
    return np.sqrt(np.maximum(one**2 - 2 * r * one * other + other**2, 0.0))
