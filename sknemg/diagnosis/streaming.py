"""A diagnosis while the needle is in the muscle: votes as soon as a window is full."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sknemg.diagnosis.answers import Diagnosis
from sknemg.diagnosis.calibration import scale_temperature
from sknemg.diagnosis.conformal import prediction_sets
from sknemg.diagnosis.diagnostician import Diagnostician
from sknemg.diagnosis.examining import FAR, MOST_SHARES
from sknemg.divote._items import score_items
from sknemg.divote._votes import align_columns, subject_votes
from sknemg.divote.pooling import pool_scores, weights_of
from sknemg.recordings import MILLIVOLTS, Recordings
from sknemg.recordings._plausible import kilohertz_hint
from sknemg.recordings._problems import LOCATIONS, check_choice, shown
from sknemg.recordings.recordings import stacked
from sknemg.signal import (
    LARGEST_AMPLITUDE,
    StreamResampler,
    check_rate,
    describe_signal,
    mains_share,
    n_window_samples,
    window_due,
    window_starts,
)


@dataclass(frozen=True)
class Vote:
    """The vote of one window.

    Attributes
    ----------
    recording : int
        Number of the recording, from 0.
    segment : int
        Number of the window in it, from 0.
    start, stop : float
        Seconds in the recording.
    scores : ndarray of shape (n_classes,)
        Scores of the window.
    remark : str
        Why the window should not be trusted (flat, an amplitude beyond training, mains hum,
        clipped); usually empty. It counts all the same, until the recording is over and is judged
        as a whole.
    """

    recording: int
    segment: int
    start: float
    stop: float
    scores: NDArray[np.float64] = field(repr=False)
    remark: str = ""


class StreamingDiagnosis:
    """Let a model vote while a patient is recorded.

    Samples go in as the machine delivers them, in chunks of any size; a vote comes out as soon as a
    window is full. For the votes only what the next windows need is kept: some milliseconds for the
    resampler, and one window. Once a recording is finished, its votes are those that the model
    gives for the whole recording: bit for bit if it scores each segment by itself, as a model from
    an ONNX file does (`export_onnx`); otherwise up to the last digits, since sums over a batch are
    taken in another order than those over one segment.

    With a `Diagnostician`, recordings are judged as a whole, too, for which they are kept until the
    patient is done (11.5 MB a minute at 48 kHz). A finished recording that cannot be judged loses
    its votes; `diagnosis` is the answer that ``model.diagnose`` gives for the recordings, "cannot
    be judged" with its reasons among them; `examine` looks at the one that is going on.

    Parameters
    ----------
    model : fitted Diagnostician or Pipeline
        A Pipeline (in the Diagnostician or by itself) of a Downsampler by ``"soxr"``, if any, a
        Segmenter, steps that work on each segment by itself, and a `DiVoteClassifier`.
    sfreq : float
        Rate of the machine in hertz.
    unit : {"mV", "uV", "V", "nV"}, default="mV"
        Unit of the samples.
    muscle, location : str, default=None
        Those of the first recording; see `next_recording`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    votes : list of Vote
        Votes of the current recording.
    unusable, unusual : str
        Why the recording that was finished last cannot be judged, and in what else it is unlike
        those of training; usually empty, and always so without a Diagnostician.

    Notes
    -----
    A window is full some 10 to 80 ms late, since the resampler works in blocks
    (``python -m benchmarks.streaming``). Whether a recording can be judged as a whole (noise,
    mains, distance from training) is known when it is finished.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sknemg import DiVoteClassifier, Downsampler, Recordings, Segmenter, SegmentFeatures
    >>> from sknemg.diagnosis import StreamingDiagnosis
    >>> y = np.repeat(["myopathy", "neuropathy"], 12)
    >>> size = np.where(y == "myopathy", 0.2, 1.0)
    >>> signals = np.random.default_rng(0).normal(0, size[:, None], (24, 2000))
    >>> X = Recordings(signals, sfreq=2000, subject=np.arange(24))
    >>> votes = DiVoteClassifier(LogisticRegression(max_iter=1000))
    >>> pipe = make_pipeline(Downsampler(1000), Segmenter(), SegmentFeatures(), votes).fit(X, y)
    >>> stream = StreamingDiagnosis(pipe, sfreq=2000)
    >>> new = [vote for chunk in np.split(signals[20], 20) for vote in stream.push(chunk)]
    >>> new += stream.finish()
    >>> [round(vote.start, 1) for vote in new]
    [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    >>> max(stream.probabilities, key=stream.probabilities.get)
    'neuropathy'
    """

    def __init__(
        self,
        model: Any,
        sfreq: float,
        *,
        unit: str = "mV",
        muscle: str | None = None,
        location: str | None = None,
    ):
        check_is_fitted(model)
        check_choice(MILLIVOLTS, unit=unit)
        sfreq = check_rate(sfreq)
        self._model = model if isinstance(model, Diagnostician) else None
        self._read_steps(model.estimator_ if self._model is not None else model)
        self._sfreq, self._scale = sfreq, np.float32(MILLIVOLTS[unit])
        if self._rate is not None and sfreq < self._rate and not self._upsample:
            raise ValueError(
                f"sfreq={sfreq:g} Hz{kilohertz_hint(sfreq)} is below the {self._rate:g} Hz of the "
                "model: record at that rate or above."
            )
        learned = self._divote.sfreq_
        if self._rate is None and learned not in (None, sfreq):
            raise ValueError(
                f"sfreq={sfreq:.10g} Hz, and the model, which has no Downsampler, has learned from "
                f"{learned:.10g} Hz: record at that rate, or train a model with a Downsampler."
            )
        self.classes_ = np.asarray(model.classes_)
        self._before: list[tuple[NDArray[np.float64], str | None, int]] = []
        self._kept: list[dict[str, Any]] = []  # finished recordings, with what was found in them
        self._number = 0
        self._start(muscle, location)

    def _read_steps(self, pipe: Any) -> None:
        steps = list(pipe.steps) if isinstance(pipe, Pipeline) else []
        steps = [(n, s) for n, s in steps if s is not None and s != "passthrough"]
        kinds = [type(step).__name__ for _, step in steps]
        down = [step for kind, (_, step) in zip(kinds, steps, strict=True) if kind == "Downsampler"]
        n = len(down)
        if (
            kinds[:n] != ["Downsampler"] * n or n > 1 or kinds[n : n + 1] != ["Segmenter"]
            or kinds[-1] != "DiVoteClassifier" or (n and down[0].method != "soxr")
        ):  # fmt: skip
            raise TypeError(
                f"model is a {type(pipe).__name__} of {', '.join(kinds) or 'no steps'}: give a "
                "Pipeline of a Downsampler by method='soxr', a Segmenter, steps on single segments "
                "and a DiVoteClassifier, or a Diagnostician of one."
            )
        if getattr(steps[n][1], "activity", None) is not None:
            raise TypeError(
                "The Segmenter chooses windows by activity, which is known of a whole recording "
                "only: train a model without it, or diagnose whole recordings."
            )
        self._rate = float(down[0].sfreq) if n else None
        self._upsample = bool(n) and down[0].upsample
        self._segmenter, self._divote = steps[n][1], steps[-1][1]
        self._steps = [step for _, step in steps[n + 1 : -1]]

    # -- a recording ---------------------------------------------------------------------------

    def _start(self, muscle: str | None, location: str | None) -> None:
        if location is not None and location not in LOCATIONS:
            raise ValueError(f"location={shown(location)} must be one of {LOCATIONS}, or None.")
        if self._divote.subject_features_ == "location" and location is None:
            raise ValueError(
                "The model has learned from proximal and distal recordings: give `location`."
            )
        self._muscle, self._location = muscle, location
        self._own_rate = self._sfreq if self._rate is None else self._rate
        same = self._own_rate == self._sfreq
        self._resampler = None if same else StreamResampler(self._sfreq, self._own_rate)
        self._n_window = n_window_samples(self._own_rate, self._segmenter.window)
        self._wave = np.empty(0, np.float32)  # from the sample `_at` on
        self._at = self._n_times = 0
        own = self._segmenter
        self._due = window_due(0, self._own_rate, own.window, own.hop)
        self._total = np.zeros(len(self.classes_))
        self._finished = False
        self._chunks: list[NDArray[np.float32]] = []
        self.votes: list[Vote] = []
        self.unusable = self.unusual = ""

    def push(self, chunk: ArrayLike) -> list[Vote]:
        """Take samples, and return the votes of the windows that they fill.

        Parameters
        ----------
        chunk : array-like of shape (n_times,)
            What the machine has recorded since the last one.

        Returns
        -------
        list of Vote

        Raises
        ------
        ValueError
            If samples are NaN, infinite or beyond 1e6 mV, or the recording was finished.
        """
        if self._finished:
            raise ValueError("The recording is finished: call next_recording.")
        wave = np.array(chunk, dtype=np.float32)  # the machine may use its buffer again
        if wave.ndim != 1:
            raise ValueError(f"chunk has the shape {wave.shape}: give one signal, (n_times,).")
        wave = wave * self._scale if self._scale != 1 else wave
        if not (np.abs(wave) <= LARGEST_AMPLITUDE).all():
            raise ValueError(
                f"chunk holds samples that are NaN, infinite or beyond {LARGEST_AMPLITUDE:g} mV: "
                "give a signal in `unit`, and finish the recording where the needle was pulled out."
            )
        if self._model is not None and len(wave):
            self._chunks.append(wave)
        return self._take(wave if self._resampler is None else self._resampler.push(wave))

    def finish(self) -> list[Vote]:
        """End the recording, and return the votes of its last windows.

        Returns
        -------
        list of Vote

        Raises
        ------
        ValueError
            If it is shorter than a window, and the Segmenter refuses such recordings. With a
            Diagnostician it cannot be judged instead.
        """
        if self._finished:
            return []
        votes = [] if self._resampler is None else self._take(self._resampler.finish())
        self._finished = True
        votes += self._take(np.empty(0, np.float32), whole=True)
        if not self.votes and self._n_times:
            if self._segmenter.short == "raise" and self._model is None:
                raise ValueError(
                    f"The recording has {self._n_times / self._own_rate:.2f} s, one window has "
                    f"{self._segmenter.window:g} s: record longer, or call next_recording."
                )
            if self._segmenter.short == "pad":
                missing = self._n_window - len(self._wave)
                votes += [self._vote(0, np.pad(self._wave, (0, missing)), 0)]
        if self._model is not None and self._chunks:
            found = self.examine()
            self.unusable, self.unusual = found["unusable"], found["unusual"]
            self._kept.append({"signal": np.concatenate(self._chunks), "muscle": self._muscle,
                               "location": self._location, **found})  # fmt: skip
            self._chunks = []
        return votes

    def examine(self) -> dict[str, Any]:
        """Judge the recording so far as `Plausibility` judges a whole one.

        Returns
        -------
        dict
            Its measures, ``distance``, ``unusable`` (why it could not be judged if it ended here)
            and ``unusual``.

        Raises
        ------
        TypeError
            If the model is no Diagnostician, which has no measure of what is plausible.
        ValueError
            If nothing was recorded since the last recording was finished.
        """
        if self._model is None:
            raise TypeError("The model is a Pipeline, which refuses nothing: give a Diagnostician.")
        if not self._chunks:
            raise ValueError("Nothing is recorded: push samples first.")
        known: dict[str, Any] = {} if self._muscle is None else {"muscle": [self._muscle]}
        X = _as_recordings([np.concatenate(self._chunks)], self._sfreq, known)
        row = self._model.plausibility_.examine(X).iloc[0]
        return {str(name): value for name, value in row.items()}

    def next_recording(self, *, muscle: str | None = None, location: str | None = None) -> None:
        """Keep the votes of the recording, and begin the next one of the same patient.

        Parameters
        ----------
        muscle : str, default=None
        location : {"proximal", "distal"}, default=None
        """
        if not self._finished:
            self.finish()
        before = self._before
        if self.votes and not self.unusable:
            before = [*before, (self.recording_scores, self._location, len(self.votes))]
        self._start(muscle, location)
        self._before = before
        self._number += 1

    def _take(self, wave: NDArray[np.float32], whole: bool = False) -> list[Vote]:
        """Add samples of the model's rate, and vote on the windows that are full."""
        self._wave = np.concatenate([self._wave, wave])
        self._n_times += len(wave)
        times = self._own_rate, self._segmenter.window, self._segmenter.hop
        votes = []
        if whole:  # the last window may begin a sample earlier, where it is no whole number of them
            starts = window_starts(self._n_times, *times)[len(self.votes) :].tolist()
            return [self._vote_at(start) for start in starts]
        while self._due[1] <= self._n_times:
            votes.append(self._vote_at(self._due[0]))
            self._due = window_due(len(self.votes), *times)
        kept = min(self._due[0] - 1, self._n_times)
        self._wave, self._at = self._wave[max(kept - self._at, 0) :], max(kept, self._at)
        return votes

    def _vote_at(self, start: int) -> Vote:
        window = self._wave[start - self._at : start - self._at + self._n_window]
        return self._vote(len(self.votes), window, start)

    def _vote(self, segment: int, window: NDArray[np.float32], start: int) -> Vote:
        known = {"muscle": self._muscle, "location": self._location}
        meta = pd.DataFrame(
            {
                "sfreq": [self._own_rate],
                "subject": ["patient"],
                **{name: [value] for name, value in known.items() if value is not None},
                "window": [self._n_window / self._own_rate],
                "hop": [float(self._segmenter.hop)],
            }
        )
        X: Any = Recordings.from_ragged(window[None].copy(), [0, 1], meta)
        for step in self._steps:
            X = step.transform(X)
        scores = score_items(self._divote.estimator_, X, self._divote.classes_)[0]
        self._total += scores
        seconds = start / self._own_rate, (start + self._n_window) / self._own_rate
        vote = Vote(self._number, segment, *seconds, scores, self._remark(window))
        self.votes.append(vote)
        return vote

    def _remark(self, window: NDArray[np.float32]) -> str:
        if np.ptp(window) == 0:
            return "flat"
        if self._model is None:
            return ""
        level = describe_signal(window, self._own_rate)
        ratio = level.peak / self._model.plausibility_.high_[1]
        times = f"{float(f'{ratio:.2g}'):g}"
        remarks = [f"a peak {times} times that of training (unit?)"] if ratio > FAR else []
        shares = {"mains hum": mains_share(window, self._own_rate), "flat": level.flat_fraction,
                  "clipped": level.clipped_fraction}  # fmt: skip
        limits = dict(zip(shares, (MOST_SHARES[k] for k in ("mains", "flat", "clipped")),
                          strict=True))  # fmt: skip
        remarks += [f"{name} ({share:.0%})" for name, share in shares.items()
                    if share > limits[name]]  # fmt: skip
        return "; ".join(remarks)

    # -- the patient ---------------------------------------------------------------------------

    @property
    def recording_scores(self) -> NDArray[np.float64]:
        """The pooled scores of the windows so far; NaN before the first."""
        if self._divote.pooling == "mean" and self.votes:
            return self._total / len(self.votes)
        scores = np.array([vote.scores for vote in self.votes]).reshape(-1, len(self._total))
        index = np.zeros(len(scores), dtype=int)
        return pool_scores(scores, index, 1, pooling=self._divote.pooling)[0]

    @property
    def probabilities(self) -> dict[Any, float]:
        """Probabilities for the patient from all windows so far, calibrated if the model is.

        Finished recordings that cannot be judged have no vote. Empty before the first window.
        """
        known = [*self._before]
        if self.votes and not self.unusable:
            known.append((self.recording_scores, self._location, len(self.votes)))
        if not known:
            return {}
        scores = np.stack([own for own, _, _ in known])
        location = None
        if self._divote.subject_features_ == "location":
            location = np.array([where for _, where, _ in known], dtype=object)
        lengths = np.array([n_votes for _, _, n_votes in known])
        votes = subject_votes(
            scores, np.zeros(len(scores), dtype=int), 1, location, pooling=self._divote.pooling,
            weights=weights_of(self._divote.recording_weights, lengths),
        )  # fmt: skip
        proba = align_columns(self._divote._answer(votes), self._divote.classes_, self.classes_)
        if self._model is not None:
            proba = scale_temperature(proba, self._model.temperature_)
        return dict(zip(self.classes_.tolist(), proba[0].tolist(), strict=True))

    @property
    def answer(self) -> tuple[Any, ...]:
        """The diagnoses that remain possible after all windows so far, the most probable first.

        One if the model is no Diagnostician; empty before the first window, and where there are
        `reasons`.
        """
        if self.reasons:
            return ()
        proba = np.array(list(self.probabilities.values()))
        if not len(proba):
            return ()
        order = np.argsort(-proba, kind="stable")
        if self._model is not None:
            kept = prediction_sets(proba[None], self._model.quantile_)[0]
            order = order[kept[order]]
        else:
            order = order[:1]
        return tuple(self.classes_.tolist()[at] for at in order)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the patient cannot be judged by the recordings that are finished; usually empty."""
        if self._model is None or not self._kept:
            return ()
        own = pd.DataFrame([{k: v for k, v in one.items() if k != "signal"} for one in self._kept])
        own["used"] = own["unusable"] == ""
        return tuple(self._model._refusal(own))

    def diagnosis(self, subject: Any = "patient") -> Diagnosis:
        """Answer for the patient from all finished recordings, as the model does afterwards.

        Parameters
        ----------
        subject : label, default="patient"

        Returns
        -------
        Diagnosis
            That of ``model.diagnose`` for the recordings.

        Raises
        ------
        TypeError
            If the model is no Diagnostician.
        ValueError
            If no recording is finished.
        """
        if self._model is None:
            raise TypeError("The model is a Pipeline, which refuses nothing: give a Diagnostician.")
        if not self._kept:
            raise ValueError("No recording is finished: call finish first.")
        columns: dict[str, Any] = {
            name: [one[name] for one in self._kept]
            for name in ("muscle", "location")
            if any(one[name] is not None for one in self._kept)
        }
        signals = [one["signal"] for one in self._kept]
        columns = {"subject": [subject] * len(signals), **columns}
        X = _as_recordings(signals, self._sfreq, columns)
        return self._model.diagnose(X)[0]


def _as_recordings(
    signals: list[NDArray[Any]], sfreq: float, columns: dict[str, list[Any]]
) -> Recordings:
    """Make recordings of samples whose remarks were given as they came, and say no more of them."""
    meta = pd.DataFrame({"sfreq": np.full(len(signals), float(sfreq)), **columns})
    return stacked(signals, meta)
