"""Tables of scores of diagnoses, each subject counted once, with confidence intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sknemg.metrics._answers import Answers
from sknemg.metrics._definitions import CLASS_METRICS, METRICS
from sknemg.metrics._estimates import (
    EFFECTIVE,
    UNBOUNDED,
    Estimates,
    class_estimates,
    overall_estimates,
)

_ESTIMATED = (EFFECTIVE, UNBOUNDED)


def score_table(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    classes: ArrayLike,
    y_pred: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    confidence_level: float = 0.95,
    n_resamples: int = 1999,
    random_state: int | None = 0,
) -> pd.DataFrame:
    """Score answers with every metric and its confidence interval.

    The intervals say what other subjects would change: all items of a subject, and all its repeats,
    count as one piece of evidence. They have a width even where every subject was diagnosed
    correctly.

    Parameters
    ----------
    y_true : array-like of shape (n_items,)
        Diagnoses of segments, recordings or subjects.
    y_proba : array-like of shape (n_items, n_classes)
        Their scores, a column for each of `classes`, in their order; the columns of a DataFrame
        are found by their names.
    classes : array-like of shape (n_classes,)
    y_pred : array-like of shape (n_items,), default=None
        The answers. By default the classes of highest probability; they differ from those of a
        classifier with a threshold, such as `TunedThresholdClassifierCV`.
    groups : array-like of shape (n_items,), default=None
        The subject of each item; by default each item is its own.
    confidence_level : float, default=0.95
    n_resamples : int, default=1999
        Samples of subjects, for the effective numbers.
    random_state : int or None, default=0

    Returns
    -------
    DataFrame, columns ``metric``, ``value``, ``low``, ``high``, ``n_items``, ``n_subjects``, \
``n_effective``, ``interval``, ``note``
        ``..._weighted`` weights classes by support, ``..._macro`` weights them equally;
        ``sensitivity`` and ``specificity`` are macro means over one-vs-rest, equal to those of
        imbalanced-learn. ``interval`` is the kind of interval, and ``n_effective`` the number of
        subjects that it counts. The note says why a value or an interval is NaN, or what it hides.

    Raises
    ------
    ValueError
        If the shapes or the names of columns do not fit, a class is named twice, a label or an
        answer is no class, scores are NaN, infinite, negative or all 0, a subject has two
        diagnoses, `confidence_level` is not between 0 and 1, or `n_resamples` is below 2.

    See Also
    --------
    one_vs_rest_table : Each class against the others.
    format_interval : Write ``value [low, high]``.

    Notes
    -----
    A proportion (``accuracy``, and ``recall_weighted``, which equals it) has the exact interval
    of Clopper and Pearson. Where subjects have several items, the number of items is divided by
    the design effect [1]_.

    Means over classes, F1, Matthews' correlation and the areas under the ROC curve are no
    proportions, but vary within bounds as one does. They are given the interval of a proportion
    of as many subjects as would make it vary equally, as found by a bootstrap over subjects
    within their classes. One answer in each class that has nothing to do with the truth is added
    to the bootstrap, since a sample without mistakes does not tell how rare they are.

    In the areas, scores that differ by rounding alone, as means of equal scores do, are ties.

    The log loss has no upper bound. Its interval is the limit of the same rule, that of Garwood
    for a Poisson mean; it is wide where few subjects are diagnosed wrongly.

    How often these intervals hold the true value was measured by simulation: see the guide.

    References
    ----------
    .. [1] E. L. Korn and B. I. Graubard, "Confidence intervals for proportions with small
       expected number of positive counts estimated from survey data", Survey Methodology 24,
       1998.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg.metrics import score_table
    >>> proba = np.array([0.9, 0.8, 0.4, 0.2, 0.1, 0.6])
    >>> table = score_table(
    ...     list("aaabbb"), np.stack([proba, 1 - proba], axis=1), classes=["a", "b"]
    ... )
    >>> table.set_index("metric").loc[["accuracy"], ["value", "low", "high", "interval"]].round(3)
              value    low   high         interval
    metric
    accuracy  0.667  0.223  0.957  Clopper-Pearson
    """
    answers = Answers.check(y_true, y_proba, classes, y_pred, groups)
    resampled = answers.resample(confidence_level, n_resamples, random_state)
    table = _table(overall_estimates(answers.subjects, resampled, confidence_level))
    table.insert(0, "metric", METRICS)
    table.insert(4, "n_items", len(answers.y))
    table.insert(5, "n_subjects", len(answers.labels))
    absent = answers.classes[np.bincount(answers.y, minlength=len(answers.classes)) == 0]
    table.loc[table["interval"].isin(_ESTIMATED), "note"] = answers.lonely()
    table.loc[table["value"].isna(), "note"] = (
        f"undefined: no {', no '.join(map(str, absent))} among the items"
    )
    return table


def one_vs_rest_table(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    classes: ArrayLike,
    y_pred: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    confidence_level: float = 0.95,
    n_resamples: int = 1999,
    random_state: int | None = 0,
) -> pd.DataFrame:
    """Score each class against the others, with confidence intervals.

    Parameters
    ----------
    y_true, y_proba, classes, y_pred, groups, confidence_level, n_resamples, random_state
        As for `score_table`.

    Returns
    -------
    DataFrame, columns ``class``, ``metric``, ``value``, ``low``, ``high``, ``n_items``, \
``n_subjects``, ``n_effective``, ``interval``, ``note``
        ``sensitivity``, ``specificity``, ``precision`` (positive predictive value), ``npv``
        (negative predictive value), ``f1`` and ``roc_auc`` of each class; the counts are those
        of the class. The first four are proportions: of the class, of the others, and of the
        items that were and were not given the class.

    See Also
    --------
    score_table : The answers as a whole, and how the intervals are made.

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
    answers = Answers.check(y_true, y_proba, classes, y_pred, groups)
    resampled = answers.resample(confidence_level, n_resamples, random_state)
    table = _table(class_estimates(answers.subjects, resampled, confidence_level))
    n_classes = len(answers.classes)
    which = np.repeat(np.arange(n_classes), len(CLASS_METRICS))
    table.insert(0, "class", answers.classes[which])
    table.insert(1, "metric", list(CLASS_METRICS) * n_classes)
    table.insert(5, "n_items", np.bincount(answers.y, minlength=n_classes)[which])
    table.insert(6, "n_subjects", np.bincount(answers.labels, minlength=n_classes)[which])
    table.loc[table["interval"].isin(_ESTIMATED), "note"] = answers.lonely()
    table.loc[table["n_effective"] == 0, "note"] = "0 by convention: no such items"
    table.loc[table["value"].isna(), "note"] = "undefined: class absent, or the only class present"
    return table


def _table(estimates: Estimates) -> pd.DataFrame:
    """Put estimates into rows, the metrics of the first class first."""
    value, interval, kind = estimates
    low, high, n = (part.T.ravel() for part in interval)
    table = pd.DataFrame({"value": value.T.ravel(), "low": low, "high": high})
    return table.assign(n_effective=n, interval=kind.T.ravel(), note="")
