"""A model for single patients as functions and numbers, which answers without scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknemg.diagnosis.answers import Answering, PatientVotes, no_segments
from sknemg.diagnosis.examining import Examiner
from sknemg.divote._votes import align_columns
from sknemg.divote.leave_one_out import votes_without
from sknemg.divote.pooling import POOLINGS, RECORDING_WEIGHTS
from sknemg.divote.rule import VoteRule
from sknemg.features.segments import describe_segments
from sknemg.preprocessing.cutting import bring_to_rate, cut_windows
from sknemg.recordings import Recordings

__all__ = [
    "POOLINGS",
    "RECORDING_WEIGHTS",
    "STEPS",
    "LightDiagnostician",
    "Step",
    "VoteRule",
]

Step = Callable[[Recordings], Recordings]

#: What the transformers of a pipeline do, by their names; parameters go by the same names.
STEPS: Mapping[str, Callable[..., Recordings]] = {
    "Downsampler": bring_to_rate,
    "Segmenter": cut_windows,
    "SegmentFeatures": describe_segments,
}


class LightDiagnostician(Answering):
    """Answer for patients as the :class:`~sknemg.diagnosis.Diagnostician` that it was made of.

    Parameters
    ----------
    steps : sequence of callable
        From recordings of signals to recordings of what votes.
    score : callable
        From segments, (n_segments, ...), to their scores, (n_segments, n_classes).
    rule : VoteRule
    plausibility : Examiner
    classes : ndarray of shape (n_classes,)
    temperature, quantile, coverage : float
    n_calibration : int
    caution : str, default=""
        A warning about the model to give with its answers; empty for most.
    """

    def __init__(
        self,
        *,
        steps: Sequence[Step],
        score: Callable[[NDArray[Any]], NDArray[np.float64]],
        rule: VoteRule,
        plausibility: Examiner,
        classes: NDArray[Any],
        temperature: float,
        quantile: float,
        coverage: float,
        n_calibration: int,
        caution: str = "",
    ):
        self._steps, self._score, self._rule = tuple(steps), score, rule
        self.plausibility_, self.classes_ = plausibility, classes
        self.temperature_, self.quantile_ = temperature, quantile
        self._coverage, self.n_calibration_, self._caution = coverage, n_calibration, caution

    @property
    def coverage_(self) -> float:
        """The share of patients whose diagnosis the answer is to contain."""
        return self._coverage

    @property
    def caution_(self) -> str:
        """What has to be said of the model beside its answers; empty for most."""
        return self._caution

    def _begins_at_rate(self) -> bool:
        first = self._steps[0] if self._steps else None
        if not isinstance(first, partial) or first.func is not bring_to_rate:
            return False
        asked = {"method": "soxr"} | first.keywords
        return asked["method"] == "soxr" and asked.get("sfreq") == self.plausibility_.sfreq

    def _ask(self, patients: list[Recordings]) -> list[PatientVotes]:
        return [self._vote(X) for X in patients]

    def _vote(self, X: Recordings) -> PatientVotes:
        """Answer for one patient: what votes is scored once, the rest follows from the votes."""
        rule, n_recordings = self._rule, len(X)
        for step in self._steps:
            X = step(X)
        X = X.with_columns(subject="patient")
        found = rule.scores(X, self._score(X.values))
        levels = found.levels(rule.classes_)
        proba = self._scaled(found.subjects, rule.classes_)[0]
        by_item, by_recording = votes_without(rule, levels, "patient")
        without = np.full(n_recordings, np.nan)
        if n_recordings > 1:
            without = self._scaled(by_recording, rule.classes_)[:, int(proba.argmax())]
        scores = align_columns(found.recordings, rule.classes_, self.classes_)
        if "hop" not in X:  # windows of one activity, which are not evenly spaced
            return proba, scores, without, no_segments()
        every = self._scaled(by_item, rule.classes_)
        segments = self._effects(proba, every, levels.items, float(X["window"].iloc[0]))
        return proba, scores, without, segments
