"""The final classifier, which makes a diagnosis of a subject's votes: its choice and training."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.utils.class_weight import compute_sample_weight

#: The final classifiers that have names.
FINALS = ("logistic", "balanced", "regularized", "auto")

#: Training subjects that each class must have for "auto" to train a final classifier.
LEAST_SUBJECTS = 10

#: Inverse strengths of regularisation among which "regularized" chooses.
STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 1e1)


def resolve_final(final_estimator: Any, y: NDArray[Any], classes: NDArray[Any]) -> Any:
    """Decide whether there are enough subjects for ``"auto"``.

    Parameters
    ----------
    final_estimator : estimator, str or None
    y : ndarray of shape (n_subjects,)
        Of the subjects that have a vote.
    classes : ndarray of shape (n_classes,)
        All of them, also those of which no subject has a vote.

    Returns
    -------
    estimator, another str, or None

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg.divote.final import resolve_final
    >>> y = np.repeat(["myopathy", "normal"], [9, 30])
    >>> more = np.append(y, "myopathy")
    >>> print(*(resolve_final("auto", labels, np.unique(y)) for labels in (y, more)))
    None balanced
    """
    if isinstance(final_estimator, str) and final_estimator == "auto":
        smallest = min(np.count_nonzero(y == label) for label in classes)
        return "balanced" if smallest >= LEAST_SUBJECTS else None
    return final_estimator


def fit_final(final_estimator: Any, votes: NDArray[np.float64], y: NDArray[Any]) -> Any:
    """Train the final classifier that a parameter names or holds.

    Parameters
    ----------
    final_estimator : estimator or str
        Not "auto".
    votes : ndarray of shape (n_subjects, n_features)
    y : ndarray of shape (n_subjects,)

    Returns
    -------
    fitted classifier
    """
    if not isinstance(final_estimator, str):
        return clone(final_estimator).fit(votes, y)
    weight = None if final_estimator == "logistic" else "balanced"
    model = LogisticRegression(class_weight=weight)
    if final_estimator == "regularized":
        model.set_params(C=choose_strength(model, votes, y))
    return model.fit(votes, y)


def choose_strength(
    model: LogisticRegression, votes: NDArray[np.float64], y: NDArray[Any]
) -> float:
    """Choose the regularisation under which subjects left out have the least log-loss.

    Classes count equally. Where a class has a single subject, which cannot be left out, the choice
    is the middle one.

    Parameters
    ----------
    model : LogisticRegression
    votes : ndarray of shape (n_subjects, n_features)
    y : ndarray of shape (n_subjects,)

    Returns
    -------
    float
        Of `STRENGTHS`; the stronger regularisation, where two are equally good.
    """
    classes, counts = np.unique(y, return_counts=True)
    if counts.min() < 2:
        return STRENGTHS[len(STRENGTHS) // 2]
    folds = StratifiedKFold(min(5, int(counts.min())))
    weights = compute_sample_weight("balanced", y)
    losses = []
    for strength in STRENGTHS:
        own = clone(model).set_params(C=strength)
        proba = cross_val_predict(own, votes, y, cv=folds, method="predict_proba")
        losses.append(log_loss(y, proba, sample_weight=weights, labels=classes))
    return STRENGTHS[int(np.argmin(losses))]
