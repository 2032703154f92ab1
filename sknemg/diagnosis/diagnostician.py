"""From a cohort to a patient: a model whose answer may be one diagnosis, several, or none."""

from __future__ import annotations

from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from sknemg.base import VersionedEstimator
from sknemg.diagnosis.calibration import fit_temperature, scale_temperature
from sknemg.diagnosis.conformal import conformal_quantile, coverage_range, prediction_sets
from sknemg.diagnosis.plausibility import Plausibility
from sknemg.divote._combined import CombinedLevels
from sknemg.divote._segments import align_columns
from sknemg.divote.fitted import open_model
from sknemg.divote.leave_one_out import scores_without
from sknemg.divote.levels import class_columns
from sknemg.divote.opened import Opened
from sknemg.model_selection.splits import SubjectKFold
from sknemg.recordings import Recordings, label_subjects
from sknemg.recordings._problems import capped
from sknemg.recordings._subjects import check_labels, check_subjects

#: Calibrated scores, those of recordings, the first answer's without each, and the segments.
_Answer = tuple[NDArray[Any], NDArray[Any], NDArray[Any], pd.DataFrame]
_MOST_UNUSABLE = 0.5  # of a patient's recordings; beyond it the patient cannot be judged


def _no_segments() -> pd.DataFrame:
    numbers = dict.fromkeys(("start", "stop", "fall"), np.empty(0))
    return pd.DataFrame({"recording": np.empty(0, dtype=int), **numbers})


@dataclass(frozen=True)
class Diagnosis:
    """The answer for one patient.

    Attributes
    ----------
    subject : label
    answer : tuple of labels
        The diagnoses that remain possible, the most probable first: one, several ("not sure
        between"), or none ("cannot be judged").
    probabilities : dict of float, by label
        Calibrated; empty if the patient cannot be judged.
    reasons : tuple of str
        Why the patient cannot be judged, or what is unusual.
    recordings : DataFrame, a row a recording
        ``row`` of X, ``muscle`` and ``location`` where known, ``used``, ``unusable``,
        ``unusual``, the measures, a column of scores for each class, and ``without``: the
        probability of the first answer if this recording had not been made.
    segments : DataFrame, a row a segment
        ``recording`` (its row in `recordings`), ``start`` and ``stop`` in seconds, ``fall``: by how
        much the probability of the first answer falls without it. Empty where no stretches of time
        vote, or without an answer.
    coverage : float
        Nominal share of patients whose diagnosis is in the answer.
    coverage_range : (float, float)
        Between which it lies with a probability of 90 %, as few calibration subjects as there are.
    """

    subject: Any
    answer: tuple[Any, ...]
    probabilities: dict[Any, float]
    reasons: tuple[str, ...]
    recordings: pd.DataFrame = field(repr=False)
    segments: pd.DataFrame = field(default_factory=_no_segments, repr=False)
    coverage: float = 0.9
    coverage_range: tuple[float, float] = (0.0, 1.0)

    @property
    def kind(self) -> str:
        """Return "one", "several" or "none"."""
        return ("none", "one")[len(self.answer)] if len(self.answer) < 2 else "several"

    @property
    def text(self) -> str:
        """The answer in words.

        Examples
        --------
        >>> import pandas as pd
        >>> from sknemg.diagnosis import Diagnosis
        >>> proba = {"myopathy": 0.6, "normal": 0.4}
        >>> Diagnosis("S1", ("myopathy", "normal"), proba, (), pd.DataFrame()).text
        'not sure between myopathy (60 %) and normal (40 %)'
        """
        if not self.answer:
            return "cannot be judged"
        named = [f"{label} ({self.probabilities[label]:.0%})" for label in self.answer]
        named = [name.replace("%", " %") for name in named]
        if len(named) == 1:
            return named[0]
        return "not sure between " + ", ".join(named[:-1]) + f" and {named[-1]}"


class Diagnostician(VersionedEstimator):
    """Train a model for single patients: calibrated, cautious, and wary of what it never saw.

    It is no scikit-learn classifier, since an answer may be a set, or a refusal. Three things are
    learned beside the model, all from training subjects that were left out in turn: the
    temperature that makes its probabilities as sure as they are right, the conformal quantile that
    says which diagnoses remain possible, and what recordings look like (`Plausibility`).

    Parameters
    ----------
    estimator : classifier of recordings
        Usually a Pipeline of a Downsampler, a Segmenter and a `DiVoteClassifier`.
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
        """
        self._validate_params()
        self._check(X)
        y = check_labels(y, len(X))
        subjects = X["subject"].to_numpy()
        _, _, first = label_subjects(y, subjects)
        self.classes_ = np.unique(y)
        folds = list(SubjectKFold(self.cv).split(X, y, subjects))
        parts = Parallel(n_jobs=self.n_jobs)(
            delayed(_out_of_fold)(self.estimator, X, y, train, test, self.classes_)
            for train, test in folds
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
        self.quantile_ = min(conformal_quantile(1 - own, self.coverage), 1.0)  # 1 keeps all
        steps = _steps(self.estimator)
        windows = [step.window for step in steps if type(step).__name__ == "Segmenter"]
        rates = [step.sfreq for step in steps if type(step).__name__ == "Downsampler"]
        rate = float(max(rates) if rates else X["sfreq"].min())
        shortest = float(max(windows, default=0.0))
        self.plausibility_ = Plausibility(rate, min_duration=shortest, cv=self.cv).fit(X, y)
        self.estimator_ = clone(self.estimator).fit(X, y)
        return self

    def out_of_fold_calibrated(self) -> NDArray[np.float64]:
        """Return the calibrated scores of the training subjects that were left out in turn.

        Returns
        -------
        ndarray of shape (n_subjects, n_classes)
        """
        return scale_temperature(self.out_of_fold_proba_, self.temperature_)

    @property
    def coverage_range_(self) -> tuple[float, float]:
        """Between which shares the coverage of this model lies with a probability of 90 %."""
        return coverage_range(self.n_calibration_, self.coverage)

    def diagnose(self, X: Recordings) -> list[Diagnosis]:
        """Diagnose each subject.

        A recording that cannot be judged is left out of the vote. If they are more than half of a
        patient's, or the others as a whole are unlike all of training, no answer is given.

        Parameters
        ----------
        X : Recordings of signals
            Each subject of the column ``subject`` is a patient; without one, all rows are one.

        Returns
        -------
        list of Diagnosis
            In the order in which the subjects appear.
        """
        check_is_fitted(self)
        self._check(X)
        if "subject" not in X:
            X = X.with_columns(subject="patient")
        codes, names = pd.factorize(check_subjects(X["subject"], len(X)))
        order = np.argsort(codes, kind="stable")
        rows = np.split(order, np.cumsum(np.bincount(codes))[:-1])
        own = [self._examined(X, at) for at in rows]
        reasons = [self._refusal(table) for table in own]
        asked = [
            X[at[table["used"].to_numpy()]]
            for at, table, why in zip(rows, own, reasons, strict=True)
            if not why
        ]
        answers = iter(self._ask(asked))
        return [
            self._diagnosis(name, table, why, None if why else next(answers))
            for name, table, why in zip(names, own, reasons, strict=True)
        ]

    def _examined(self, X: Recordings, rows: NDArray[Any]) -> pd.DataFrame:
        """Look at the recordings of one patient."""
        own = self.plausibility_.examine(X[rows]).reset_index(drop=True)
        used = (own["unusable"] == "").to_numpy()
        known = {c: X[c].to_numpy()[rows] for c in ("muscle", "location") if c in X}
        columns = {"row": rows, **known, "seconds": X.durations[rows], "used": used}
        return pd.DataFrame(columns).join(own)

    def _diagnosis(
        self, name: Any, own: pd.DataFrame, reasons: list[str], answer: _Answer | None
    ) -> Diagnosis:
        limits: dict[str, Any] = {"coverage": self.coverage, "coverage_range": self.coverage_range_}
        if answer is None:
            return Diagnosis(name, (), {}, tuple(reasons), own, **limits)
        proba, scores, without, segments = answer
        used = own["used"].to_numpy()
        kept = prediction_sets(proba[None], self.quantile_)[0]
        labels = self.classes_.tolist()
        order = [k for k in np.argsort(-proba, kind="stable") if kept[k]]
        own = own.join(pd.DataFrame(scores, index=np.flatnonzero(used), columns=labels))
        own.loc[used, "without"] = without
        segments["recording"] = np.flatnonzero(used)[segments["recording"]]
        unusual = [f"{text}: {_at(own, own['unusual'] == text)}" for text in _texts(own["unusual"])]
        left_out = [f"left out, {text}: {_at(own, own['unusable'] == text)}"
                    for text in _texts(own["unusable"])]  # fmt: skip
        return Diagnosis(
            name,
            tuple(labels[k] for k in order),
            dict(zip(labels, proba.tolist(), strict=True)),
            tuple(left_out + unusual),
            own,
            segments,
            **limits,
        )

    def _refusal(self, own: pd.DataFrame) -> list[str]:
        """Say why a patient cannot be judged; nothing if it can."""
        used = own["used"].to_numpy()
        if np.mean(~used) > _MOST_UNUSABLE:
            kinds = own["unusable"].str.replace(r"\d[\d.e+-]*", "…", regex=True)
            reasons = []
            for kind in pd.unique(kinds[~used]):
                at = (kinds == kind).to_numpy()
                reasons.append(f"{own['unusable'][at].iloc[0]}: {_at(own, at)}")
            return reasons
        distance = float(np.median(own["distance"][used]))
        if distance > self.plausibility_.subject_distance_:
            return [
                f"the recordings as a whole are unlike those of training (distance {distance:.1f}, "
                f"limit {self.plausibility_.subject_distance_:.1f})"
            ]
        return []

    def _prepared(self, X: Recordings) -> tuple[Any, Any]:
        """Run the first steps of a pipeline once, for all that is asked of the last."""
        if not isinstance(self.estimator_, Pipeline) or len(self.estimator_) < 2:
            return self.estimator_, X
        return self.estimator_[-1], self.estimator_[:-1].transform(X)

    def _ask(self, patients: list[Recordings]) -> list[_Answer]:
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

    def _ask_whole(self, model: Any, X: Any) -> _Answer:
        proba = self._scaled(model.predict_proba(X)[:1])[0]
        scores = np.full((len(X), len(self.classes_)), np.nan)
        return proba, scores, self._without_each(model, X, int(proba.argmax())), _no_segments()

    def _ask_votes(self, opened: Opened, X: Any, levels: CombinedLevels) -> _Answer:
        labels = opened.classes.tolist()
        proba = self._scaled(class_columns(levels.subjects, labels).to_numpy(dtype=float))[0]
        first = int(proba.argmax())
        scores = class_columns(levels.recordings, labels).to_numpy(dtype=float)
        scores = align_columns(scores, opened.classes, self.classes_)
        by_segment, by_recording = scores_without(opened, levels, "patient")
        without = np.full(len(X), np.nan) if len(X) < 2 else self._scaled(by_recording)[:, first]
        try:
            window, _ = levels.window_and_hop()
        except ValueError:  # what votes are motor units, which are no stretches of time
            by_segment = None
        if by_segment is None:
            return proba, scores, without, _no_segments()
        table = levels.segments
        segments = pd.DataFrame(
            {
                "recording": table["recording"].to_numpy(),
                "start": table["start"].to_numpy(),
                "stop": table["start"].to_numpy() + window,
                "fall": proba[first] - self._scaled(by_segment)[:, first],
            }
        )
        return proba, scores, without, segments

    def _scaled(self, proba: NDArray[Any]) -> NDArray[np.float64]:
        every = align_columns(proba, self.estimator_.classes_, self.classes_)
        return scale_temperature(every, self.temperature_)

    def _without_each(self, model: Any, X: Any, answer: int) -> NDArray[np.float64]:
        """Score one patient without each of the recordings."""
        if len(X) < 2:
            return np.full(len(X), np.nan)
        kept = [np.delete(np.arange(len(X)), at) for at in range(len(X))]
        names = np.repeat(np.arange(len(X)), len(X) - 1)
        many = X[np.concatenate(kept)].with_columns(subject=names)
        return self._scaled(model.predict_proba(many)[:: len(X) - 1])[:, answer]

    @staticmethod
    def _check(X: Any) -> None:
        if not isinstance(X, Recordings) or X.item_shape != ():
            raise TypeError("X is no Recordings of signals: give what load_cohort returns.")
        if not len(X):
            raise ValueError("X holds no recordings.")


def _steps(estimator: Any) -> list[Any]:
    """List the steps of a pipeline, or of those whose votes are joined."""
    members = [own for _, own in getattr(estimator, "estimators", [])]
    steps = [*dict(getattr(estimator, "named_steps", {})).values(), *members]
    return [inner for step in steps for inner in (step, *_steps(step))]


def _out_of_fold(
    estimator: Any,
    X: Recordings,
    y: NDArray[Any],
    train: NDArray[Any],
    test: NDArray[Any],
    classes: NDArray[Any],
) -> NDArray[np.float64]:
    fitted = clone(estimator).fit(X[train], y[train])
    return align_columns(fitted.predict_proba(X[test]), fitted.classes_, classes)


def _texts(column: pd.Series) -> list[str]:
    return [text for text in pd.unique(column) if text]


def _at(own: pd.DataFrame, mask: Any) -> str:
    """Name recordings by their number among the patient's, and their muscle."""
    numbers = np.flatnonzero(np.asarray(mask))
    if len(numbers) == len(own):
        return "all recordings"
    muscles = own["muscle"] if "muscle" in own else pd.Series([None] * len(own))
    named = [
        f"{at + 1}" + (f" ({muscles[at]})" if isinstance(muscles[at], str) else "")
        for at in numbers
    ]
    return f"recording{'s' if len(named) > 1 else ''} {capped(named)}"
