"""Whatever makes recordings unusable, found in the whole X before it is split."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import joblib
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from sknemg.base import RowTransformer
from sknemg.divote import DiVoteClassifier, JointVoteClassifier
from sknemg.model_selection import FewerSubjects
from sknemg.muap.features import MuapFeatures
from sknemg.recordings import InvalidRecordingsError, Recordings


def check_rows(estimators: Mapping[str, BaseEstimator], X: Any, subjects: NDArray[Any]) -> None:
    """Run the first, stateless steps of every pipeline on the whole X.

    A step that fails in a fold counts the rows of that fold, and the next fold fails at the next
    row, after its training. Steps that learn, and those of other libraries, are left to the folds.

    Parameters
    ----------
    estimators : dict of estimators by name
    X : Recordings, DataFrame, list of arrays or ndarray
    subjects : ndarray of shape (n_recordings,)

    Raises
    ------
    InvalidRecordingsError
        Naming every unusable row of X with its subject and, where they are known, its file and
        its row of the cohort's table.
    ValueError
        If the rate is unknown, recordings have several, or locations are asked for and unknown.
    """
    try:
        if isinstance(X, Recordings) and X.item_shape == ():
            X.validate()
        for steps, last in _longest(
            found for each in estimators.values() for found in _heads(each)
        ):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the folds will say it
                data = X
                for step in steps:
                    data = clone(step).fit(data).transform(data)
            if isinstance(last, DiVoteClassifier) and isinstance(data, Recordings):
                last._choose_features(data)
                if not get_tags(last).input_tags.allow_nan:  # votes can do without a rate
                    data.with_columns(sfreq=data["sfreq"].fillna(1.0)).validate()
    except InvalidRecordingsError as error:
        table = X if isinstance(X, pd.DataFrame) else getattr(X, "meta", pd.DataFrame())
        raise error.placed(table.assign(subject=subjects)) from None


def _heads(estimator: Any) -> Iterator[tuple[list[RowTransformer], Any]]:
    """Yield the first stateless steps of each pipeline that X reaches, and what follows them."""
    if isinstance(estimator, Pipeline):
        steps = [step for _, step in estimator.steps if step is not None and step != "passthrough"]
        own = next((at for at, step in enumerate(steps) if not _looks_at_rows(step)), None)
        head = steps[:own]
        follows = None if own is None else steps[own]
        if not head and follows is not None:
            yield from _heads(follows)
        else:
            yield head, follows
    elif isinstance(estimator, BaseSearchCV):
        varied = _varied(estimator)
        if isinstance(estimator.estimator, Pipeline):
            names = [name for name, _ in estimator.estimator.steps]
            kept = next((at for at, name in enumerate(names) if name in varied), len(names))
            if kept:
                yield from _heads(estimator.estimator[:kept])
        elif not varied:
            yield from _heads(estimator.estimator)
    elif isinstance(estimator, (JointVoteClassifier, StackingClassifier, VotingClassifier)):
        for _, part in estimator.estimators:
            yield from _heads(part)
    elif isinstance(estimator, (CalibratedClassifierCV, FewerSubjects)):
        yield from _heads(estimator.estimator)
    elif isinstance(estimator, DiVoteClassifier):
        yield [], estimator


def _looks_at_rows(step: Any) -> bool:
    """Tell whether a step is stateless and quick: finding motor units takes longer than a fold."""
    return isinstance(step, RowTransformer) and not isinstance(step, MuapFeatures)


def _varied(search: BaseSearchCV) -> set[str]:
    """Name the steps that a search changes, whose own setting need not fit the data."""
    grid = getattr(search, "param_grid", None) or getattr(search, "param_distributions", {})
    grids = [grid] if isinstance(grid, Mapping) else grid
    return {name.partition("__")[0] for one in grids for name in one}


def _longest(
    heads: Iterable[tuple[list[RowTransformer], Any]],
) -> list[tuple[list[RowTransformer], Any]]:
    """Leave out heads that are the beginning of another one, or its equal."""
    found = {}
    for steps, follows in heads:
        location = getattr(follows, "subject_features", None) == "location"
        found[(*(joblib.hash(step) for step in steps), location)] = (steps, follows)
    done = list(found)
    return [
        found[key]
        for key in done
        if key[-1]  # asks for locations
        or not any(len(key) < len(other) and other[: len(key) - 1] == key[:-1] for other in done)
    ]
