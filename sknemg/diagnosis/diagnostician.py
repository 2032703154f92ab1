"""From a cohort to a patient: a model whose answer may be one diagnosis, several, or none."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from sknemg.base import KeepsParameters, VersionedEstimator
from sknemg.diagnosis.answers import OWN_COLUMNS, Answering, PatientVotes, no_segments
from sknemg.diagnosis.calibration import fit_temperature, scale_temperature
from sknemg.diagnosis.conformal import conformal_quantile
from sknemg.diagnosis.plausibility import Plausibility, folds_of
from sknemg.divote._combined import CombinedLevels
from sknemg.divote._votes import align_columns
from sknemg.divote.fitted import open_model
from sknemg.divote.leave_one_out import scores_without
from sknemg.divote.levels import class_columns
from sknemg.divote.opened import Opened
from sknemg.model_selection.origin import caution_of
from sknemg.model_selection.torn import fitted_parts, is_start, trained_on
from sknemg.recordings import Recordings, label_subjects
from sknemg.recordings._problems import capped, listed, shown
from sknemg.recordings._subjects import check_classes, check_labels, check_subjects
from sknemg.recordings._workers import kept_by_workers


class Diagnostician(Answering, KeepsParameters, VersionedEstimator):
    """Train a model for single patients: calibrated, cautious, and wary of what it has not seen.

    It is no scikit-learn classifier, since an answer may be a set, or a refusal. Three things are
    learned beside the model, all from training subjects that were left out in turn: the
    temperature that makes its probabilities as sure as they are right, the conformal quantile that
    says which diagnoses remain possible, and what recordings look like (`Plausibility`).

    Parameters
    ----------
    estimator : classifier of recordings
        Usually a Pipeline of a Downsampler, a Segmenter and a `DiVoteClassifier`. A fitted one in a
        `sklearn.frozen.FrozenEstimator` is not trained again: `fit` then only learns how sure to
        be, from subjects that it has not seen.
    cv : int, default=5
        Folds of subjects.
    coverage : float, default=0.9
        Share of patients whose diagnosis the answer is to contain.
    n_jobs : int, default=None
        Folds trained at once; as in `DiVoteClassifier`, a network needs ``OMP_NUM_THREADS=1`` for
        the bits of a serial fit.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    estimator_ : fitted classifier
        Trained on all subjects.
    plausibility_ : Plausibility
    temperature_ : float
    quantile_ : float
    coverage_ : float
        The `coverage` that the quantile is of, whatever was set after ``fit``.
    n_calibration_ : int
        Subjects behind the temperature and the quantile.
    out_of_fold_proba_ : ndarray of shape (n_subjects, n_classes)
        Scores of the training subjects by models that did not see them, before calibration.
        Without names; not in a saved model.
    out_of_fold_codes_ : ndarray of shape (n_subjects,), int
        Their classes, as positions.

    Notes
    -----
    The guarantee is that of conformal prediction: over cohorts and patients drawn alike, the answer
    contains the diagnosis with a probability of at least `coverage`. It holds on average over
    cohorts; for the one at hand `coverage_range` says within what limits. It does not hold for
    patients of another kind (another clinic, needle, disease), nor for each class by itself. Two
    simplifications are made: the scores come from models trained on a part of the subjects and the
    answers from one trained on all, and the temperature is fitted to the same subjects.

    Few subjects say little of how sure a model may be: `fit_temperature` counts a diagnosis as
    certain only as far as so many can say, also where all of them were right.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sknemg import DiVoteClassifier, Recordings, SegmentFeatures, Segmenter
    >>> from sknemg.diagnosis import Diagnostician
    >>> y = np.repeat(["myopathy", "neuropathy"], 24)
    >>> size = np.where(y == "myopathy", 0.2, 1.0)
    >>> signals = np.random.default_rng(0).normal(0, size[:, None], (48, 900))
    >>> X = Recordings(signals, sfreq=1000, subject=np.repeat(np.arange(24), 2))
    >>> votes = DiVoteClassifier(LogisticRegression(max_iter=1000))
    >>> pipe = make_pipeline(Segmenter(), SegmentFeatures(), votes)
    >>> model = Diagnostician(pipe, cv=3).fit(X, y)
    >>> patient = Recordings([0.2 * signals[30], 0 * signals[30]], sfreq=1000, subject="new")
    >>> model.diagnose(patient[[0]])[0].kind
    'one'
    >>> model.diagnose(patient[[1]])[0].text
    'cannot be judged'
    """

    #: Whatever `cv` is: it keeps the recordings of a subject together.
    folds_by_subject: ClassVar[bool] = True
    _keeps = ("coverage",)
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": [HasMethods(["fit", "predict_proba"])],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "coverage": [Interval(Real, 0, 1, closed="neither")],
        "n_jobs": [None, Integral],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        cv: int = 5,
        coverage: float = 0.9,
        n_jobs: int | None = None,
    ):
        self.estimator = estimator
        self.cv = cv
        self.coverage = coverage
        self.n_jobs = n_jobs

    def fit(self, X: Recordings, y: ArrayLike) -> Self:
        """Train on all, and learn how sure to be from subjects that were left out in turn.

        Parameters
        ----------
        X : Recordings of signals
            With a column ``subject``.
        y : array-like of shape (n_recordings,)
            Diagnoses, one to a subject.

        Returns
        -------
        self

        Raises
        ------
        InvalidRecordingsError
            Naming every row that the Downsampler or the Segmenter cannot use.
        ValueError
            If X has no subjects, a subject has several diagnoses, a diagnosis is written in two
            ways, a class is named as a column of `Diagnosis.recordings`, such as "used", or a
            frozen model, or one that a network starts from, knows other classes or these subjects.

        Warns
        -----
        UserWarning
            If a class has so few subjects that a part of the others is trained without it, or
            subjects are so few that every answer will hold all diagnoses.
        """
        self._validate_params()
        self._check(X)
        y = check_labels(y, len(X))
        if "subject" not in X:
            raise ValueError(
                "X has no subjects, and folds are made of them: add them with "
                "X.with_columns(subject=...), one for each recording."
            )
        subjects = check_subjects(X["subject"], len(X))
        _refuse_known(self.estimator, subjects)
        _, _, first = label_subjects(y, subjects)
        self.classes_ = np.unique(y)
        check_classes(self.classes_.tolist())
        if taken := [label for label in self.classes_.tolist() if label in OWN_COLUMNS]:
            raise ValueError(
                f"A class is named {shown(taken[0])}, as a column of Diagnosis.recordings: rename "
                "it."
            )
        if isinstance(self.estimator, FrozenEstimator):
            _refuse_other_classes(self.estimator.estimator, self.classes_)
        _look_at_all(self.estimator, X)
        self.plausibility_ = self._plausibility(self.estimator, X).fit(X, y)
        folds = folds_of(self.cv, X, y, subjects)
        if not isinstance(self.estimator, FrozenEstimator):
            _warn_of_lacking(y, folds)
        with kept_by_workers(X, y):
            parts = Parallel(n_jobs=self.n_jobs)(
                delayed(_out_of_fold)(self.estimator, X, y, fold, self.classes_) for fold in folds
            )
        rows = np.empty((len(X), len(self.classes_)))
        for (_, test), part in zip(folds, parts, strict=True):
            rows[test] = part
        self.out_of_fold_proba_ = rows[first]
        self.out_of_fold_codes_ = np.searchsorted(self.classes_, y[first])
        self.n_calibration_ = len(first)
        self.temperature_ = fit_temperature(self.out_of_fold_proba_, self.out_of_fold_codes_)
        calibrated = self.out_of_fold_calibrated()
        own = calibrated[np.arange(len(first)), self.out_of_fold_codes_]
        self.keep_parameters()
        self.quantile_ = min(conformal_quantile(1 - own, self.coverage), 1.0)  # 1 keeps all
        if not self.rules_out_:
            _warn_of_all_kept(self.n_calibration_, self.coverage)
        if isinstance(self.estimator, FrozenEstimator):
            self.estimator_ = self.estimator.estimator
        else:
            self.estimator_ = clone(self.estimator).fit(X, y)
        known = self._plausibility(self.estimator_, X)
        if known.get_params() != self.plausibility_.get_params():  # a search chose other windows
            self.plausibility_ = known.fit(X, y)
        return self

    def out_of_fold_calibrated(self) -> NDArray[np.float64]:
        """Return the calibrated scores of the training subjects that were left out in turn.

        Returns
        -------
        ndarray of shape (n_subjects, n_classes)
        """
        return scale_temperature(self.out_of_fold_proba_, self.temperature_)

    @property
    def coverage_(self) -> float:
        """The coverage that was asked for in training."""
        check_is_fitted(self)
        return float(self.kept_parameters()["coverage"])

    @property
    def caution_(self) -> str:
        """A warning about the model to give with its answers; empty for most.

        Not empty where what gives the votes is a model that comes with sknemg, or a network that
        started from one.
        """
        check_is_fitted(self)
        return caution_of(self.estimator_)

    def _check_ready(self) -> None:
        check_is_fitted(self)

    def _begins_at_rate(self) -> bool:
        if not isinstance(self.estimator_, Pipeline):
            return False
        first = self.estimator_[0]
        if type(first).__name__ != "Downsampler" or first.method != "soxr":
            return False
        return bool(first.sfreq == self.plausibility_.sfreq)

    def _plausibility(self, estimator: Any, X: Recordings) -> Plausibility:
        """Look at recordings at the rate of the steps, and ask for the windows that they cut."""
        steps = _steps(estimator)
        windows = [_least_duration(step, X) for step in steps if type(step).__name__ == "Segmenter"]
        rates = [step.sfreq for step in steps if type(step).__name__ == "Downsampler"]
        rate = float(max(rates) if rates else X["sfreq"].min())
        return Plausibility(rate, min_duration=float(max(windows, default=0.0)), cv=self.cv)

    def _prepared(self, X: Recordings) -> tuple[Any, Any]:
        """Run the first steps of a pipeline once, for all that is asked of the last."""
        if not isinstance(self.estimator_, Pipeline) or len(self.estimator_) < 2:
            return self.estimator_, X
        return self.estimator_[-1], self.estimator_[:-1].transform(X)

    def _ask(self, patients: list[Recordings]) -> list[PatientVotes]:
        """Answer for each patient: calibrated scores, those of recordings, and without each part.

        What votes is scored once, the segments of all patients in one pass: the rest follows from
        the votes.
        """
        prepared = [self._prepared(X) for X in patients]
        if not prepared:
            return []
        model = prepared[0][0]
        opened = open_model(model)
        if not opened.votes:
            return [self._ask_whole(model, X) for _, X in prepared]
        inputs = [X.with_columns(subject="patient") for _, X in prepared]
        scored = opened.score_ahead(inputs)
        return [
            self._ask_votes(opened, X, opened.levels(X, scored=own))
            for X, own in zip(inputs, scored, strict=True)
        ]

    def _ask_whole(self, model: Any, X: Any) -> PatientVotes:
        proba = self._scaled(model.predict_proba(X)[:1], self.estimator_.classes_)[0]
        scores = np.full((len(X), len(self.classes_)), np.nan)
        return proba, scores, self._without_each(model, X, int(proba.argmax())), no_segments()

    def _ask_votes(self, opened: Opened, X: Any, levels: CombinedLevels) -> PatientVotes:
        known = self.estimator_.classes_
        labels = opened.classes.tolist()
        whole = class_columns(levels.subjects, labels).to_numpy(dtype=float)
        proba = self._scaled(whole, known)[0]
        first = int(proba.argmax())
        scores = class_columns(levels.recordings, labels).to_numpy(dtype=float)
        scores = align_columns(scores, opened.classes, self.classes_)
        by_item, by_recording = scores_without(opened, levels, "patient")
        without = np.full(len(X), np.nan)
        if len(X) > 1:
            without = self._scaled(by_recording, known)[:, first]
        try:
            window, _ = levels.window_and_hop()
        except ValueError:  # what votes are motor units, which are no stretches of time
            by_item = None
        if by_item is None:
            return proba, scores, without, no_segments()
        segments = self._effects(proba, self._scaled(by_item, known), levels.items, window)
        return proba, scores, without, segments

    def _without_each(self, model: Any, X: Any, answer: int) -> NDArray[np.float64]:
        """Score one patient without each of the recordings."""
        if len(X) < 2:
            return np.full(len(X), np.nan)
        kept = [np.delete(np.arange(len(X)), at) for at in range(len(X))]
        names = np.repeat(np.arange(len(X)), len(X) - 1)
        many = X[np.concatenate(kept)].with_columns(subject=names)
        proba = model.predict_proba(many)[:: len(X) - 1]
        return self._scaled(proba, self.estimator_.classes_)[:, answer]


def _refuse_known(estimator: Any, subjects: NDArray[Any]) -> None:
    """Refuse to learn how sure a model may be from subjects whom a part of it has seen before."""
    names = pd.Series(subjects).drop_duplicates().to_numpy()
    for name, model in {"": estimator, **estimator.get_params()}.items():
        fitted_before = isinstance(model, FrozenEstimator) or is_start(name)
        if fitted_before and (known := trained_on(model, names)).any():
            raise ValueError(
                f"{name or 'The frozen model'} was trained on the "
                f"{listed(names[known], 'subject')}, of whom it is too sure: calibrate it on "
                "subjects that it has not seen, or rename these if they are others."
            )


def _refuse_other_classes(model: Any, classes: NDArray[Any]) -> None:
    """Refuse to calibrate on diagnoses that are not those of the model."""
    known, given = set(model.classes_.tolist()), set(classes.tolist())
    if lacking := sorted(known - given, key=str):
        raise ValueError(
            f"y holds no {capped(lacking, separator=' and no ', spell=shown)}, which the frozen "
            "model knows: give subjects of all its diagnoses."
        )
    if strange := sorted(given - known, key=str):
        raise ValueError(
            f"y holds {capped(strange, spell=shown)}, which the frozen model does not know: give "
            f"subjects of its diagnoses alone, {capped(sorted(known, key=str), spell=shown)}."
        )


def _look_at_all(estimator: Any, X: Recordings) -> None:
    """Show all rows to the steps that bring them to one rate and cut them.

    In a fold they would name no more than its unusable rows, those of the next after its training.
    """
    if isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    for member in [estimator, *[own for _, own in getattr(estimator, "estimators", [])]]:
        rows = X
        for step in dict(getattr(member, "named_steps", {})).values():
            if type(step).__name__ not in ("Downsampler", "BandPass", "Segmenter"):
                break
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # training will say it
                rows = clone(step).fit_transform(rows)


def _warn_of_lacking(y: NDArray[Any], folds: list[tuple[NDArray[Any], NDArray[Any]]]) -> None:
    lacking = sorted(
        {label for train, _ in folds for label in np.setdiff1d(y, y[train]).tolist()}, key=str
    )
    if lacking:
        warnings.warn(
            f"The subjects of {capped(lacking, spell=shown)} are too few: those that are left out "
            "are scored by a model that was trained without their diagnosis, and count as wrong. "
            "Give it more subjects, or leave it out.",
            stacklevel=3,
        )


def _warn_of_all_kept(n_subjects: int, coverage: float) -> None:
    needed = int(np.ceil(coverage / (1 - coverage) - 1e-9))
    why = (
        f"`coverage`={coverage:g} needs {needed} subjects or more, and there are {n_subjects}"
        if n_subjects < needed
        else f"of too many subjects left out the diagnosis was impossible for the model, for "
        f"`coverage`={coverage:g}"
    )
    warnings.warn(
        f"The model rules no diagnosis out, and every answer will hold all of them: {why}. Give "
        "more subjects, or a smaller `coverage`.",
        stacklevel=3,
    )


def _least_duration(segmenter: Any, X: Recordings) -> float:
    """Seconds below which nothing can be judged: what is padded is as long as any in training."""
    window = float(segmenter.window)
    return min(window, float(X.durations.min())) if segmenter.short == "pad" else window


def _steps(estimator: Any) -> list[Any]:
    """List the steps that lead to votes, whatever lies around their pipelines."""
    if not hasattr(estimator, "__dict__") or type(estimator).__name__ == "DiVoteClassifier":
        return []  # "passthrough", and networks that start from other pipelines
    if isinstance(estimator, BaseSearchCV) and not hasattr(estimator, "best_estimator_"):
        return []  # it may try other windows and rates than those of its pipeline
    return [inner for step in fitted_parts(estimator) for inner in (step, *_steps(step))]


def _out_of_fold(
    estimator: Any,
    X: Recordings,
    y: NDArray[Any],
    fold: tuple[NDArray[Any], NDArray[Any]],
    classes: NDArray[Any],
) -> NDArray[np.float64]:
    train, test = fold  # in a tuple, joblib sends them with the work, and they die with no worker
    fitted = clone(estimator).fit(X[train], y[train])
    return align_columns(fitted.predict_proba(X[test]), fitted.classes_, classes)
