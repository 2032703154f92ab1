"""How the subjects of an evaluation reach its estimators: in X, as groups, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.model_selection._search import BaseSearchCV

from sknemg.divote import DiVoteClassifier
from sknemg.model_selection.fewer import consumes_groups
from sknemg.model_selection.torn import is_start
from sknemg.recordings._carry import carries_subjects


def check_reach(estimators: Mapping[str, BaseEstimator], X: Any) -> None:
    """Refuse estimators that would take each row of this X for a subject of its own.

    An X with room for the subjects carries them to every step. Otherwise they travel as
    ``groups``, by scikit-learn's metadata routing, which not all of its tools take part in.

    Parameters
    ----------
    estimators : dict of estimators by name
    X : Recordings, DataFrame or any other container

    Raises
    ------
    ValueError
        Naming the first estimator that the subjects do not reach.
    """
    if carries_subjects(X):
        return
    for name, estimator in estimators.items():
        params = estimator.get_params(deep=True)
        parts = [estimator, *(params[name] for name in params if not is_start(name))]
        by_subject = [part for part in parts if _asks_for_subjects(part)]
        votes = any(isinstance(part, DiVoteClassifier) for part in parts)
        if by_subject and not consumes_groups(estimator):
            lost = f"does not hand groups on to the {type(by_subject[0]).__name__} inside"
        elif votes and not consumes_groups(_answering(estimator), "predict_proba"):
            lost = "takes groups in fit, but not in predict_proba"
        else:
            continue
        raise ValueError(
            f"The subjects do not reach estimators[{name!r}]: X is of type {type(X).__name__}, "
            f"which has no room for them, and {type(estimator).__name__} {lost}: give Recordings, "
            "or a DataFrame with the columns 'signal' and 'subject'."
        )


def fit_by_subject(estimator: Any, X: Any, y: NDArray[Any], subjects: NDArray[Any]) -> Any:
    """Fit an estimator, with the subjects as ``groups`` if it takes any.

    Parameters
    ----------
    estimator : estimator
    X : Recordings, DataFrame or any other container of n_rows rows
        Carries the subjects as well, if it has room for them.
    y, subjects : ndarray of shape (n_rows,)

    Returns
    -------
    The fitted estimator.
    """
    if not consumes_groups(estimator):
        return estimator.fit(X, y)
    try:
        with config_context(enable_metadata_routing=True):
            return estimator.fit(X, y, groups=subjects)
    except UnsetMetadataPassedError:  # a step that takes groups and does not say if it wants them
        if not carries_subjects(X):
            raise
        return estimator.fit(X, y)


def _asks_for_subjects(part: Any) -> bool:
    if isinstance(part, type) or not hasattr(part, "get_metadata_routing"):
        return False
    if isinstance(part, DiVoteClassifier):
        return True
    return any(consumes_groups(part, method) for method in ("fit", "split"))


def _answering(estimator: Any) -> Any:
    """Find what answers after fit: of a search, the estimator that it refits."""
    while isinstance(estimator, BaseSearchCV):
        estimator = estimator.estimator
    return estimator
