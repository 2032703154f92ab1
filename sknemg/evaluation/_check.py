"""Data and the first steps of pipelines on the whole X: what cannot be used, found early."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from sknemg.base import RowTransformer
from sknemg.divote import DiVoteClassifier, JointVoteClassifier
from sknemg.evaluation.nuisance import measures_nuisance
from sknemg.model_selection import FewerSubjects
from sknemg.model_selection.leaks import check_no_shared_signal
from sknemg.muap.features import MuapFeatures
from sknemg.recordings import InvalidRecordingsError, Recordings
from sknemg.recordings._carry import with_row_numbers, with_subjects
from sknemg.recordings._problems import shown
from sknemg.recordings._subjects import (
    check_classes,
    check_labels,
    label_subjects,
    read_subjects,
    warn_if_alike,
)

#: Columns of the tables of an `Evaluation` beside the scores of the classes.
_COLUMNS = frozenset(
    {"method", "repeat", "fold", "subject", "recording", "item", "row", "start", "torn"}
    | {"n_recordings", "n_items", "prediction", "y_true"}
)


class Checked(NamedTuple):
    """Data that were checked: recordings with subjects and row numbers, diagnoses, subjects."""

    X: Any
    y: NDArray[Any]
    subjects: NDArray[Any]


class Shared(NamedTuple):
    """What the first steps of a pipeline, which learn nothing, made of all rows of X.

    Attributes
    ----------
    n_steps : int
    data : Recordings, DataFrame, list of arrays or ndarray
        A row for each row of X.
    seconds : float
        That they took, once for all folds.
    """

    n_steps: int
    data: Any
    seconds: float


def check_data(
    X: Any, y: ArrayLike, groups: ArrayLike | None = None, *, stacklevel: int = 2
) -> Checked:
    """Refuse what no evaluation by subject can use.

    Parameters
    ----------
    X : Recordings, DataFrame, list of arrays or ndarray
    y : array-like of shape (n_recordings,)
    groups : array-like of shape (n_recordings,), default=None
        Subjects; by default the column ``subject`` of `X`.
    stacklevel : int, default=2
        Where a warning points, as of `warnings.warn`: 2 is the caller.

    Returns
    -------
    Checked

    Raises
    ------
    ValueError
        If the subjects are unknown, a diagnosis is missing or written in two ways, a subject has
        two, all have the same, or one is named as a column of the tables of an `Evaluation`; or if
        all recordings are flat.
    LeakError
        If recordings of two subjects hold the same signal.
    """
    subjects = read_subjects(X, groups)
    if subjects is None:
        raise ValueError("An evaluation splits by subject: give groups or a column 'subject'.")
    X = with_subjects(X, subjects)
    y = check_labels(y, len(subjects))
    label_subjects(y, subjects)
    if groups is not None or not isinstance(X, Recordings):  # which warned of its own subjects
        warn_if_alike(subjects, stacklevel=stacklevel)
    classes = np.unique(y).tolist()
    if len(classes) < 2:
        raise ValueError(f"y holds one class only, {shown(y[0])}: give two or more.")
    check_classes(classes)
    if taken := [label for label in classes if label in _COLUMNS]:
        raise ValueError(
            f"A class is named {shown(taken[0])}, as a column of the tables of an evaluation: "
            "rename it."
        )
    if isinstance(X, Recordings) and X.item_shape == ():
        if not any(len(signal) and np.ptp(signal) > 0 for signal in X):
            raise ValueError(
                "No recording holds a signal, each is one value throughout: correct the channel, "
                "or the files."
            )
        check_no_shared_signal(X, subjects)
    return Checked(with_row_numbers(X), y, subjects)


class FirstSteps:
    """The first steps of pipelines, run on the whole X once.

    A step that fails in a fold counts the rows of that fold, and the next fold fails at the next
    row, after its training. So `check` runs all that learn nothing before X is split, but for the
    search for motor units, which takes longer than a fold. Every fold would repeat them, so that
    `share` hands on what they made. No step runs twice, as long as `share` has not been called.

    Parameters
    ----------
    data : Checked
    """

    def __init__(self, data: Checked):
        self.data = data
        self.X, _, self.subjects = data
        self._made: dict[tuple[str, ...], Shared] = {}

    def check(self, estimators: Mapping[str, BaseEstimator]) -> None:
        """Run the first steps of every estimator. Steps of other libraries are left to the folds.

        Parameters
        ----------
        estimators : dict of estimators by name

        Raises
        ------
        InvalidRecordingsError
            Naming every unusable row of X with its subject and, where they are known, its file and
            its row of the cohort's table.
        ValueError
            If the rate is unknown, recordings have several, or locations are asked for and unknown.
        """
        with self._placing():
            if isinstance(self.X, Recordings) and self.X.item_shape == ():
                self.X.validate()
            for each in estimators.values():  # which warn now, since no fold will
                self._run(_shared_steps(each, quick=True))
            for steps, last in _longest(
                found for each in estimators.values() for found in _heads(each)
            ):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # the folds will say it
                    data = self._run(steps).data
                if isinstance(last, DiVoteClassifier) and isinstance(data, Recordings):
                    last._choose_features(data, last.final_estimator)
                    if not get_tags(last).input_tags.allow_nan:  # votes can do without a rate
                        data.with_columns(sfreq=data["sfreq"].fillna(1.0)).validate()

    def share(self, estimators: Mapping[str, BaseEstimator]) -> dict[str, Shared]:
        """Give what the first steps of pipelines made of X; the folds go on from there.

        Parameters
        ----------
        estimators : dict of estimators by name

        Returns
        -------
        dict of Shared
            Without the estimators that are no plain pipeline or whose first step learns.
        """
        found = {}
        with self._placing():
            for name, estimator in estimators.items():
                if steps := _shared_steps(estimator, quick=False):
                    found[name] = self._run(steps)
        self._made.clear()
        return found

    def _run(self, steps: Iterable[Any]) -> Shared:
        made = Shared(0, self.X, 0.0)
        key: tuple[str, ...] = ()
        for step in steps:
            key = (*key, joblib.hash(step))
            if key not in self._made:
                start, data = time.perf_counter(), made.data
                data = data if _is_empty(step) else clone(step).fit(data).transform(data)
                seconds = made.seconds + time.perf_counter() - start
                self._made[key] = Shared(len(key), data, seconds)
            made = self._made[key]
        return made

    @contextmanager
    def _placing(self) -> Iterator[None]:
        """Say of unusable rows whose they are."""
        try:
            yield
        except InvalidRecordingsError as error:
            X = self.X
            table = X if isinstance(X, pd.DataFrame) else getattr(X, "meta", pd.DataFrame())
            raise error.placed(table.assign(subject=self.subjects)) from None


def _shared_steps(estimator: Any, *, quick: bool) -> list[Any]:
    """Give the first steps of a plain pipeline that are the same in all folds."""
    if not isinstance(estimator, Pipeline):
        return []
    steps = [step for _, step in estimator.steps[:-1]]
    looks = _looks_at_rows if quick else _is_same_in_all_folds
    own = next((at for at, step in enumerate(steps) if not (_is_empty(step) or looks(step))), None)
    return steps[:own]


def _is_same_in_all_folds(step: Any) -> bool:
    stateless = _learns_nothing(step) or measures_nuisance(step)
    return stateless and "random_state" not in step.get_params()


def _is_empty(step: Any) -> bool:
    return step is None or (isinstance(step, str) and step == "passthrough")


def _heads(estimator: Any) -> Iterator[tuple[list[RowTransformer], Any]]:
    """Yield the first stateless steps of each pipeline that X reaches, and what follows them."""
    if isinstance(estimator, Pipeline):
        steps = [step for _, step in estimator.steps if not _is_empty(step)]
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
    return _learns_nothing(step) and not isinstance(step, MuapFeatures)


def _learns_nothing(step: Any) -> bool:
    """Tell whether `fit` is that of a stateless step: a subclass of a user may learn."""
    own = type(step)
    return isinstance(step, RowTransformer) and all(
        getattr(own, name) is getattr(RowTransformer, name) for name in ("fit", "fit_transform")
    )


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
