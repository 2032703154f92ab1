"""The answer for one patient: one diagnosis, several, or none, with the reasons."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.diagnosis.calibration import scale_temperature
from sknemg.diagnosis.conformal import coverage_range, prediction_sets
from sknemg.diagnosis.examining import MEASURES, Examiner
from sknemg.diagnosis.percent import percent
from sknemg.divote._votes import align_columns
from sknemg.divote.levels import beside
from sknemg.recordings import Recordings
from sknemg.recordings._problems import LISTED, capped
from sknemg.recordings._subjects import check_subjects
from sknemg.recordings.windows import offsets_of

#: Of the patient: calibrated scores, those of its recordings, the first answer without each
#: recording, and a table of its segments.
PatientVotes = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], pd.DataFrame]

#: Columns of `Diagnosis.recordings`, which no class can be named after.
OWN_COLUMNS = (
    *("row", "muscle", "location", "seconds", "used"),
    *(*MEASURES, "distance", "unusable", "unusual", "without"),
)
_NUMBER = r"\d+(?:\.\d+)?(?:e[+-]?\d+)?"  # in the text of a reason
_MOST_UNUSABLE = 0.5  # of a patient's recordings; beyond it the patient cannot be judged


def no_segments() -> pd.DataFrame:
    """Return the table of segments of a patient without any."""
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
    recordings : DataFrame, one row per recording
        ``row`` of X, ``muscle`` and ``location`` where known, ``used``, ``unusable``,
        ``unusual``, the measures, a column of scores for each class, and ``without``: the
        probability of the first answer if this recording had not been made.
    segments : DataFrame, one row per segment
        ``recording`` (its row in `recordings`), ``start`` and ``stop`` in seconds, ``fall``: by how
        much the probability of the first answer falls without it. Empty where no stretches of time
        vote, or without an answer.
    coverage : float
        Nominal share of patients whose diagnosis is in the answer.
    coverage_range : (float, float)
        Between which it lies with a probability of 90 %, as few calibration subjects as there are.
    caution : str
        A warning about the model to give with its answer; empty for most.
    unreadable : tuple of str
        Recordings that could not be read, and why; they are no rows of `recordings`.

    Examples
    --------
    >>> import pandas as pd
    >>> from sknemg.diagnosis import Diagnosis
    >>> shares = {"myopathy": 0.6, "normal": 0.35, "neuropathy": 0.05}
    >>> answer = Diagnosis("S1", ("myopathy", "normal"), shares, (), pd.DataFrame())
    >>> answer.kind, answer.text
    ('several', 'not sure between myopathy (60 %) and normal (35 %)')
    """

    subject: Any
    answer: tuple[Any, ...]
    probabilities: dict[Any, float]
    reasons: tuple[str, ...]
    recordings: pd.DataFrame = field(repr=False)
    segments: pd.DataFrame = field(default_factory=no_segments, repr=False)
    coverage: float = 0.9
    coverage_range: tuple[float, float] = (0.0, 1.0)
    caution: str = ""
    unreadable: tuple[str, ...] = ()

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
        named = [f"{label} ({percent(self.probabilities[label])})" for label in self.answer]
        if len(named) == 1:
            return named[0]
        return "not sure between " + ", ".join(named[:-1]) + f" and {named[-1]}"


class Answering:
    """How a model answers for patients, whatever gives their votes.

    A class with ``classes_``, ``plausibility_``, ``temperature_``, ``quantile_``,
    ``n_calibration_``, ``coverage_``, ``caution_`` and `_ask` gets `diagnose` from here.
    """

    classes_: NDArray[Any]
    plausibility_: Examiner
    temperature_: float
    quantile_: float
    n_calibration_: int

    @property
    @abstractmethod
    def coverage_(self) -> float:
        """The share of patients whose diagnosis the answer is to contain."""

    @property
    @abstractmethod
    def caution_(self) -> str:
        """What has to be said of the model beside its answers; empty for most."""

    @abstractmethod
    def _ask(self, patients: list[Recordings]) -> list[PatientVotes]:
        """Let the recordings of each patient vote."""

    def _begins_at_rate(self) -> bool:
        """Whether votes begin with the signals at the rate at which they are looked at."""
        return False

    def _check_ready(self) -> None:
        """Refuse to answer before there is something to answer with."""

    @property
    def rules_out_(self) -> bool:
        """Whether an answer can hold less than all diagnoses."""
        return self.quantile_ < 1

    @property
    def coverage_range_(self) -> tuple[float, float]:
        """Between which shares the coverage of this model lies with a probability of 90 %."""
        return coverage_range(self.n_calibration_, self.coverage_)

    def diagnose(
        self, X: Recordings, *, unreadable: Mapping[Any, Sequence[str]] | None = None
    ) -> list[Diagnosis]:
        """Diagnose each subject.

        A recording that cannot be judged is left out of the vote. If they are more than half of a
        patient's, or the others as a whole are unlike all of training, no answer is given.

        Parameters
        ----------
        X : Recordings of signals
            Each subject of the column ``subject`` is a patient; without one, all rows are one,
            called "patient".
        unreadable : mapping of subject to sequence of str, default=None
            A text for each recording that could not be read, which names it and says why. They
            count as recordings that cannot be judged. A subject of whom X has none gets no answer.

        Returns
        -------
        list of Diagnosis
            In the order in which the subjects appear, those whom X lacks at the end.
        """
        lost = {name: tuple(texts) for name, texts in (unreadable or {}).items() if len(texts)}
        self._check_ready()
        self._check(X)
        if "subject" not in X:
            X = X.with_columns(subject="patient")
        codes, names = pd.factorize(check_subjects(X["subject"], len(X)))
        order = np.argsort(codes, kind="stable")
        rows = np.split(order, np.cumsum(np.bincount(codes))[:-1])
        own: list[pd.DataFrame] = []
        reasons: list[list[str]] = []
        asked: list[Recordings] = []
        for at in rows:  # what nobody asks is gone with its patient
            table, waves = self._examined(X, at)
            own.append(table)
            reasons.append(self._refusal(table, lost.get(names[len(reasons)], ())))
            if not reasons[-1]:
                asked.append(self._usable(X, at, table["used"].to_numpy(), waves))
            del waves
        answers = iter(self._ask(asked))
        found = [
            self._diagnosis(name, table, why, None if why else next(answers), lost.get(name, ()))
            for name, table, why in zip(names, own, reasons, strict=True)
        ]
        for name in [name for name in lost if name not in set(names)]:
            nothing = self._examined(X, np.arange(0))[0]
            why = self._refusal(nothing, lost[name])
            found.append(self._diagnosis(name, nothing, why, None, lost[name]))
        return found

    def _examined(
        self, X: Recordings, rows: NDArray[Any]
    ) -> tuple[pd.DataFrame, dict[int, NDArray[Any]]]:
        """Look at the recordings of one patient; give the readable ones at one rate, too."""
        own, waves = self.plausibility_._examine(X[rows])
        used = (own["unusable"] == "").to_numpy()
        known = {c: X[c].to_numpy()[rows] for c in ("muscle", "location") if c in X}
        columns = {"row": rows, **known, "seconds": X.durations[rows], "used": used}
        return pd.DataFrame(columns | {name: own[name] for name in own}), waves

    def _usable(
        self, X: Recordings, rows: NDArray[Any], used: NDArray[Any], waves: dict[int, NDArray[Any]]
    ) -> Recordings:
        """Select what votes for one patient; nothing is resampled a second time."""
        X = X[rows[used]]
        if not self._begins_at_rate():
            return X
        kept = [waves[row] for row in np.flatnonzero(used).tolist()]
        offsets = offsets_of([len(wave) for wave in kept])
        return X.with_values(np.concatenate(kept), offsets, sfreq=float(self.plausibility_.sfreq))

    def _diagnosis(
        self,
        name: Any,
        own: pd.DataFrame,
        reasons: list[str],
        answer: PatientVotes | None,
        unreadable: tuple[str, ...] = (),
    ) -> Diagnosis:
        limits: dict[str, Any] = {
            "unreadable": unreadable,
            "coverage": self.coverage_,
            "coverage_range": self.coverage_range_,
            "caution": self.caution_,
        }
        if answer is None:
            return Diagnosis(name, (), {}, tuple(reasons), own, **limits)
        proba, scores, without, segments = answer
        used = own["used"].to_numpy()
        kept = prediction_sets(proba[None], self.quantile_)[0]
        labels = self.classes_.tolist()
        order = [k for k in np.argsort(-proba, kind="stable") if kept[k]]
        every = np.full((len(own), len(labels) + 1), np.nan)
        every[used] = np.column_stack([scores, without])
        own = beside(own, every, [*labels, "without"])
        segments["recording"] = np.flatnonzero(used)[segments["recording"]]
        unusual = [
            f"{text}: {_at(own, own['unusual'] == text, unreadable)}"
            for text in _texts(own["unusual"])
        ]
        left_out = [f"left out, {text}: {_at(own, own['unusable'] == text, unreadable)}"
                    for text in _texts(own["unusable"])]  # fmt: skip
        return Diagnosis(
            name,
            tuple(labels[k] for k in order),
            dict(zip(labels, proba.tolist(), strict=True)),
            tuple([f"left out, {text}" for text in _not_read(unreadable)] + left_out + unusual),
            own,
            segments,
            **limits,
        )

    def _refusal(self, own: pd.DataFrame, unreadable: Sequence[str] = ()) -> list[str]:
        """Say why a patient cannot be judged; nothing if it can."""
        used = own["used"].to_numpy(dtype=bool)
        n_lost = len(unreadable) + int((~used).sum())
        if n_lost > _MOST_UNUSABLE * (len(unreadable) + len(used)):
            kinds = own["unusable"].astype(str).str.replace(_NUMBER, "…", regex=True)
            reasons = _not_read(unreadable)
            for kind in pd.unique(kinds[~used]):
                at = (kinds == kind).to_numpy()
                text = _as_one(own["unusable"][at].tolist())
                reasons.append(f"{text}: {_at(own, at, unreadable)}")
            return reasons
        distance = float(np.median(own["distance"][used]))
        if distance > self.plausibility_.subject_distance_:
            return [
                f"the recordings as a whole are unlike those of training (distance {distance:.1f}, "
                f"limit {self.plausibility_.subject_distance_:.1f})"
            ]
        return []

    def _scaled(self, proba: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.float64]:
        return scale_temperature(align_columns(proba, classes, self.classes_), self.temperature_)

    def _effects(
        self, proba: NDArray[Any], without: NDArray[Any], table: pd.DataFrame, window: float
    ) -> pd.DataFrame:
        """Tell when the segments were, and how the first answer falls without each."""
        first = int(proba.argmax())
        return pd.DataFrame(
            {
                "recording": table["recording"].to_numpy(),
                "start": table["start"].to_numpy(),
                "stop": table["start"].to_numpy() + window,
                "fall": proba[first] - without[:, first],
            }
        )

    @staticmethod
    def _check(X: Any) -> None:
        if not isinstance(X, Recordings) or X.item_shape != ():
            raise TypeError("X is no Recordings of signals: give what load_cohort returns.")
        if not len(X):
            raise ValueError("X holds no recordings.")


def _texts(column: pd.Series) -> list[str]:
    return [text for text in pd.unique(column) if text]


def _as_one(texts: Sequence[str]) -> str:
    """Join texts that differ in their numbers alone: where these differ, they become a range.

    Examples
    --------
    >>> _as_one(["a noise floor of 89 µV", "a noise floor of 60 µV", "a noise floor of 75 µV"])
    'a noise floor of 60 to 89 µV'
    >>> _as_one(["0.3 s long, shorter than 0.4 s", "0.15 s long, shorter than 0.4 s"])
    '0.15 to 0.3 s long, shorter than 0.4 s'
    """
    between = re.split(_NUMBER, texts[0])
    columns = zip(*(re.findall(_NUMBER, text) for text in texts), strict=True)
    ranges = [sorted(dict.fromkeys(numbers), key=float) for numbers in columns]
    said = [own[0] if len(own) == 1 else f"{own[0]} to {own[-1]}" for own in ranges]
    return "".join(a + b for a, b in zip(between, [*said, ""], strict=True))


def _not_read(unreadable: Sequence[str]) -> list[str]:
    """Say which recordings could not be read, the first of many by name."""
    more = len(unreadable) - LISTED
    texts = [f"not read: {text}" for text in unreadable[:LISTED]]
    return texts + ([f"not read: {more} more"] if more > 0 else [])


def _at(own: pd.DataFrame, mask: Any, unreadable: Sequence[str]) -> str:
    """Name recordings by their number among the patient's, and their muscle."""
    numbers = np.flatnonzero(np.asarray(mask))
    if len(numbers) == len(own):
        return "all that could be read" if unreadable else "all recordings"
    muscles = own["muscle"] if "muscle" in own else pd.Series([None] * len(own))
    named = [
        f"{at + 1}" + (f" ({muscles[at]})" if isinstance(muscles[at], str) else "")
        for at in numbers
    ]
    return f"recording{'s' if len(named) > 1 else ''} {capped(named)}"
