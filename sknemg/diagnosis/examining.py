"""What recordings are like, and which are unlike all of those that a model was trained on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.features.segments import segment_features
from sknemg.preprocessing.activity import ActivityGate
from sknemg.recordings import Recordings
from sknemg.recordings._plausible import kilohertz_hint
from sknemg.recordings.muscles import named_muscle
from sknemg.signal import (
    LARGEST_AMPLITUDE,
    LARGEST_RATIO,
    LEAST_RATE,
    describe_signal,
    mains_share,
    n_window_samples,
    noise_floor,
    resample,
    window_starts,
)

#: What is measured of a recording, in the order of the arrays.
MEASURES = ("rms", "peak", "noise", "mains", "clipped", "flat")
WINDOW = 0.4  # s; the features are means over windows
_LEVELS = ("rms", "peak", "noise")  # in mV, compared as ratios
MOST_SHARES = {"mains": 0.5, "clipped": 0.05, "flat": 0.5}  # beyond which nothing can be read
_CONTRACTED = 0.95  # of the training recordings, from which on one at rest is out of place
FAR = 3.0  # times beyond the levels of training at which an amplitude cannot be the patient's


class Examiner:
    """Look at recordings by what was learned of those of training.

    A class with the parameters ``sfreq`` and ``min_duration`` and the attributes that
    :class:`~sknemg.diagnosis.Plausibility` learns gets `examine` from here.
    """

    sfreq: float
    min_duration: float
    low_: NDArray[np.float64]
    high_: NDArray[np.float64]
    scale_: NDArray[np.float64]
    center_: NDArray[np.float64]
    precision_: NDArray[np.float64]
    distance_: float
    subject_distance_: float
    refused_: float
    contracted_: float
    muscles_: NDArray[Any]

    def _check_ready(self) -> None:
        """Refuse to look at recordings before the limits are there."""

    def examine(self, X: Recordings) -> pd.DataFrame:
        """Look at each recording.

        Parameters
        ----------
        X : Recordings of signals

        Returns
        -------
        DataFrame of n_recordings rows
            The measures, ``distance``, ``unusable`` (why it cannot be judged; empty if it can) and
            ``unusual`` (in what else it differs).
        """
        return self._examine(X)[0]

    def _examine(self, X: Recordings) -> tuple[pd.DataFrame, dict[int, NDArray[Any]]]:
        """Look at each recording; give the readable ones, by row, at the rate of comparison."""
        self._check_ready()
        unusable = [self._unreadable(s, r) for s, r in zip(X, X["sfreq"], strict=True)]
        unusual = [""] * len(X)
        table = pd.DataFrame(np.nan, X.meta.index, [*MEASURES, "distance"])
        rows = np.flatnonzero([not reason for reason in unusable])
        waves = self._at_rate(X[rows])
        if len(rows):
            measures, features = self._measure(X[rows], waves)
            active = self._contractions(waves) if self.contracted_ >= _CONTRACTED else None
            distances = self._distances(features)
            table.iloc[rows] = np.column_stack([measures, distances])
            muscles = X["muscle"].tolist() if "muscle" in X else [None] * len(X)
            known = {_muscle_of(muscle) for muscle in self.muscles_}
            for at, (row, own, distance) in enumerate(zip(rows, measures, distances, strict=True)):
                wrong, odd = self._wrong_levels(own)
                if active is not None and not active[at]:
                    wrong.append("rest: no contraction in it")
                if distance > self.distance_ and not wrong:
                    wrong = ["its features are unlike all of training"]
                if (
                    known
                    and isinstance(muscles[row], str)
                    and _muscle_of(muscles[row]) not in known
                ):
                    odd.append("a muscle that was not in training")
                unusable[row], unusual[row] = "; ".join(wrong), "; ".join(odd)
        at_rate = dict(zip(rows.tolist(), waves, strict=True))
        return table.assign(unusable=unusable, unusual=unusual), at_rate

    # -- steps ---------------------------------------------------------------------------------

    def _unreadable(self, signal: NDArray[Any], rate: float) -> str:
        """Say why nothing can be measured at all."""
        if not np.isfinite(signal).all():
            return "samples without a value"
        if np.isnan(rate) or not 1 / LARGEST_RATIO <= self.sfreq / rate <= LARGEST_RATIO:
            return f"a sampling rate of {rate:g} Hz{kilohertz_hint(rate)}"
        if rate < self.sfreq * (1 - 1e-9):
            hint = kilohertz_hint(rate)
            return f"sampled at {rate:g} Hz{hint}, below the {self.sfreq:g} Hz of the model"
        if len(signal) < self.min_duration * rate * (1 - 1e-9):
            return f"{len(signal) / rate:.2f} s long, shorter than {self.min_duration:g} s"
        if np.ptp(signal) == 0:
            return "flat"
        if np.abs(signal).max() > LARGEST_AMPLITUDE:
            return "an amplitude that no recording has (unit?)"
        return ""

    def _at_rate(self, X: Recordings) -> list[NDArray[Any]]:
        """Bring signals to the rate at which they are compared."""
        return [
            signal if rate == self.sfreq else resample(signal, rate, self.sfreq)
            for signal, rate in zip(X, X["sfreq"], strict=True)
        ]

    def _contractions(self, waves: Iterable[NDArray[Any]]) -> NDArray[np.bool_] | None:
        """Tell in which recordings something fires as motor units do; None if no rate tells."""
        if self.sfreq < LEAST_RATE:  # of `ActivityGate`
            return None
        gate = ActivityGate()
        return np.array([gate.contracts(wave, self.sfreq) for wave in waves])

    def _measure(
        self, X: Recordings, waves: Sequence[NDArray[Any]] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Measure recordings, and describe them by the mean features of their windows."""
        measures, windows, counts = [], [], []
        waves = self._at_rate(X) if waves is None else waves
        n_window = n_window_samples(self.sfreq, WINDOW)
        for signal, rate, wave in zip(X, X["sfreq"], waves, strict=True):
            level = describe_signal(signal, rate)
            shares = (mains_share(signal, rate), level.clipped_fraction, level.flat_fraction)
            measures.append((level.rms, level.peak, noise_floor(wave, self.sfreq), *shares))
            starts = window_starts(len(wave), self.sfreq, WINDOW, WINDOW)
            if not len(starts):  # shorter windows were asked for
                starts, wave = np.zeros(1, dtype=int), np.pad(wave, (0, n_window - len(wave)))
            windows += [wave[start : start + n_window] for start in starts]
            counts.append(len(starts))
        features = segment_features(np.stack(windows), self.sfreq)
        row = np.repeat(np.arange(len(counts)), counts)
        sums = [np.bincount(row, column, minlength=len(counts)) for column in features.T]
        return np.array(measures), np.stack(sums, axis=1) / np.array(counts)[:, None]

    def _distances(self, features: NDArray[Any]) -> NDArray[np.float64]:
        off = np.arcsinh(features / self.scale_) - self.center_
        return np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", off, self.precision_, off), 0))

    def _wrong_levels(self, measures: NDArray[Any]) -> tuple[list[str], list[str]]:
        """Name what lies far beyond the range of training, and what lies beyond it."""
        unusable: list[str] = []
        unusual: list[str] = []
        values = dict(zip(MEASURES, measures, strict=True))
        low = dict(zip(MEASURES, self.low_, strict=True))
        high = dict(zip(MEASURES, self.high_, strict=True))
        for name in ("rms", "peak"):
            above, below = values[name] / high[name], low[name] / max(values[name], 1e-12)
            if max(above, below) > FAR and not unusable:
                middle = np.sqrt(low[name] * high[name])
                ratio = float(f"{values[name] / middle:.1g}")
                unusable.append(f"amplitude {ratio:g} times that of training (unit?)")
            elif max(above, below) > 1 and name == "rms":
                unusual.append("an amplitude beyond that of training")
        if values["noise"] > FAR * high["noise"] and not unusable:
            microvolts = float(f"{1000 * values['noise']:.2g}")
            unusable.append(f"a noise floor of {microvolts:g} µV")
        for name, limit in MOST_SHARES.items():
            words = {"mains": "mains hum", "clipped": "clipped", "flat": "flat"}[name]
            if values[name] > max(limit, min(1.2 * high[name], 0.95)):
                unusable.append(f"{words} ({values[name]:.0%})")
            elif values[name] > high[name] + 0.01:
                unusual.append(f"{words} ({values[name]:.0%})")
        return unusable, unusual


def _muscle_of(name: Any) -> str:
    """Name a muscle in one way, whatever it is called, on whichever side."""
    return named_muscle(name)[0] or " ".join(str(name).casefold().split())
