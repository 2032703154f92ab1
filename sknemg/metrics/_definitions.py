"""The metrics themselves, as scikit-learn and imbalanced-learn define them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from imblearn.metrics import sensitivity_score, specificity_score
from numpy.typing import NDArray
from sklearn import metrics as sk
from sklearn.exceptions import UndefinedMetricWarning

from sknemg.recordings._problems import listed


def _areas(average: str) -> Callable[[_Answers], float]:
    def area(a: _Answers) -> float:
        occurs = np.isin(np.arange(a.proba.shape[1]), a.y)
        if occurs.sum() < 2 or (average == "macro" and not occurs.all()):
            return np.nan
        one_hot = np.eye(len(occurs))[a.y]  # an absent class has no weight in a weighted mean
        return sk.roc_auc_score(one_hot[:, occurs], a.proba[:, occurs], average=average)

    return area


def _ratio(function: Callable[..., float], average: str) -> Callable[[_Answers], float]:
    return lambda a: function(a.y, a.guess, average=average, zero_division=0)


class _Answers(NamedTuple):
    y: NDArray[Any]
    proba: NDArray[Any]
    guess: NDArray[Any]


_FUNCTIONS: dict[str, Callable[[_Answers], float]] = {
    "accuracy": lambda a: sk.accuracy_score(a.y, a.guess),
    "balanced_accuracy": lambda a: sk.balanced_accuracy_score(a.y, a.guess),
    "precision_weighted": _ratio(sk.precision_score, "weighted"),
    "precision_macro": _ratio(sk.precision_score, "macro"),
    "recall_weighted": _ratio(sk.recall_score, "weighted"),
    "recall_macro": _ratio(sk.recall_score, "macro"),
    "f1_weighted": _ratio(sk.f1_score, "weighted"),
    "f1_macro": _ratio(sk.f1_score, "macro"),
    "roc_auc_weighted": _areas("weighted"),
    "roc_auc_macro": _areas("macro"),
    "mcc": lambda a: sk.matthews_corrcoef(a.y, a.guess),
    # without weights: imbalanced-learn's specificity is wrong with sample_weight
    "sensitivity": lambda a: sensitivity_score(a.y, a.guess, average="macro"),
    "specificity": lambda a: specificity_score(a.y, a.guess, average="macro"),
    # float32 scores add up to one within 1e-7, too coarse for scikit-learn's check in float64
    "log_loss": lambda a: sk.log_loss(
        a.y, a.proba / a.proba.sum(axis=1, keepdims=True), labels=np.arange(a.proba.shape[1])
    ),
}

#: The overall metrics of `sknemg.metrics.score_table`.
METRICS = tuple(_FUNCTIONS)


def check_scores(proba: NDArray[Any]) -> None:
    """Refuse scores that are not shares of a whole, naming their rows."""
    for wrong, what in [
        (~np.isfinite(proba).all(axis=1), "NaN or infinite"),
        ((proba < 0).any(axis=1), "negative"),
        (~proba.any(axis=1), "0 for every class"),
    ]:
        if wrong.any():
            raise ValueError(
                f"The scores are {what} in {listed(np.flatnonzero(wrong), 'row')}; give "
                "probabilities, or leave these rows out."
            )


def metric_values(
    y: NDArray[Any], proba: NDArray[Any], names: Iterable[str] = METRICS
) -> dict[str, float]:
    """Score answers; the answer to an item is its class of highest probability.

    Parameters
    ----------
    y : ndarray of shape (n_items,), int
        Codes of the true classes.
    proba : ndarray of shape (n_items, n_classes)
    names : iterable of str, default=METRICS

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
    answers = _Answers(y, proba, proba.argmax(axis=1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)  # zero, as documented
        warnings.filterwarnings("ignore", message="y_pred contains classes not in y_true")
        warnings.filterwarnings("ignore", message="A single label was found")
        return {name: float(_FUNCTIONS[name](answers)) for name in names}


def class_values(y: NDArray[Any], proba: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Score each class against the others.

    Parameters
    ----------
    y : ndarray of shape (n_items,), int
    proba : ndarray of shape (n_items, n_classes)

    Returns
    -------
    dict of ndarray of shape (n_classes,)
        ``sensitivity``, ``specificity``, ``precision``, ``npv``, ``f1`` and ``roc_auc``; the
        last is NaN for a class that is absent or alone.
    """
    guess, labels = proba.argmax(axis=1), np.arange(proba.shape[1])
    per_class = {"labels": labels, "average": None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        precision, sensitivity, f1, support = sk.precision_recall_fscore_support(
            y, guess, zero_division=0, **per_class
        )
        specificity = specificity_score(y, guess, **per_class)
        # The negative predictive value is the precision of "not this class".
        npv = [
            sk.precision_score(y != k, guess != k, zero_division=0) if np.any(guess != k) else 0.0
            for k in labels
        ]
        area = [
            sk.roc_auc_score(y == k, proba[:, k]) if 0 < support[k] < len(y) else np.nan
            for k in labels
        ]
    return {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "precision": precision,
        "npv": np.array(npv),
        "f1": f1,
        "roc_auc": np.array(area),
    }
