"""What a model has never seen: recordings unlike those of training, measured and named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from sknemg.base import VersionedEstimator
from sknemg.diagnosis.conformal import conformal_quantile
from sknemg.features.segments import segment_features
from sknemg.model_selection.splits import SubjectKFold
from sknemg.preprocessing.activity import ActivityGate
from sknemg.recordings import Recordings
from sknemg.signal import (
    LARGEST_AMPLITUDE,
    LARGEST_RATIO,
    describe_signal,
    mains_share,
    n_window_samples,
    noise_floor,
    resample,
    window_starts,
)

#: What is measured of a recording, in the order of the arrays.
MEASURES = ("rms", "peak", "noise", "mains", "clipped", "flat")
_WINDOW = 0.4  # s; the features are means over windows
_LEVELS = ("rms", "peak", "noise")  # in mV, compared as ratios
_SHARES = {"mains": 0.5, "clipped": 0.05, "flat": 0.5}  # beyond which nothing can be read
_CONTRACTED = 0.95  # of the training recordings, from which on one at rest is out of place
_GATE_RATE = 1500.0  # Hz that `ActivityGate` needs
_FAR = 3.0  # times beyond the levels of training at which an amplitude cannot be the patient's
_SMALL = 0.05  # of the median of a feature, below which its logarithm becomes linear
_KEPT = 0.98  # of training subjects that the distance is to keep
_SLACK = 1.25  # beyond their distance, since some fifty subjects show its upper end badly


class Plausibility(VersionedEstimator):
    """Tell recordings that are unlike all of those a model was trained on.

    Amplitude, noise, mains, clipping and flat stretches of each recording are compared with the
    range of the training recordings, and its features with theirs by the Mahalanobis distance
    under a shrunk covariance. How far is too far follows from training subjects that were left
    out: 98 of 100 lie nearer than four fifths of it.

    Parameters
    ----------
    sfreq : float, default=10_000
        Rate in hertz at which recordings are compared. Those of a lower rate cannot be judged.
    min_duration : float, default=0.4
        Seconds below which a recording cannot be judged.
    cv : int, default=5
        Folds of subjects for the distance.

    Attributes
    ----------
    low_, high_ : ndarray of shape (6,)
        Range of the training recordings in rms, peak, noise floor (mV), and in the shares of power
        on mains lines, of clipped and of flat samples.
    scale_, center_ : ndarray of shape (n_features,)
    precision_ : ndarray of shape (n_features, n_features)
    distance_ : float
        The largest distance of a recording that is like those of training.
    subject_distance_ : float
        The same for the median over the recordings of a subject.
    contracted_ : float
        Share of the training recordings in which a contraction is found (`ActivityGate`). If it is
        0.95 or more, a recording without one is rest, whatever its amplitude. 0 where the rate is
        too low to tell.
    muscles_ : ndarray of str
        Muscles of training, where they were known.
    refused_ : float
        Share of training subjects that would be refused as a whole by what the others say.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> from sknemg.diagnosis import Plausibility
    >>> rng = np.random.default_rng(0)
    >>> X = Recordings(
    ...     rng.normal(size=(20, 5000)) * rng.uniform(0.1, 1, size=(20, 1)),
    ...     sfreq=10_000, subject=np.repeat(np.arange(10), 2),
    ... )
    >>> known = Plausibility(cv=2).fit(X, np.repeat(["a", "b"], 10))
    >>> wrong = Recordings([1000 * X[0], 0 * X[0]], sfreq=10_000, subject=[11, 12])
    >>> known.examine(wrong)["unusable"].tolist()
    ['amplitude 2000 times that of training (unit?)', 'flat']
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "sfreq": [Interval(Real, 0, None, closed="neither")],
        "min_duration": [Interval(Real, 0, None, closed="left")],
        "cv": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(self, sfreq: float = 10_000, *, min_duration: float = _WINDOW, cv: int = 5):
        self.sfreq = sfreq
        self.min_duration = min_duration
        self.cv = cv

    def fit(self, X: Recordings, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Learn what recordings look like.

        Parameters
        ----------
        X : Recordings of signals
            With a column ``subject``.
        y : array-like of shape (n_recordings,)
        groups : ignored

        Returns
        -------
        self
        """
        self._validate_params()
        usable = np.array([not self._unreadable(s, r) for s, r in zip(X, X["sfreq"], strict=True)])
        X, y = X[np.flatnonzero(usable)], np.asarray(y)[usable]
        waves = self._at_rate(X)
        measures, features = self._measure(X, waves)
        subjects = X["subject"].to_numpy()
        self._learn(measures, features)
        far, whole = np.zeros(len(X)), []
        refused = []
        for train, test in SubjectKFold(self.cv).split(X, y, subjects):
            fold = Plausibility(self.sfreq)._learn(measures[train], features[train])
            far[test] = fold._distances(features[test])
            levels = [bool(fold._wrong_levels(row)[0]) for row in measures[test]]
            for _, rows in _groups(subjects[test]):
                whole.append(float(np.median(far[test][rows])))
                refused.append(np.mean(np.array(levels)[rows]) > 0.5)
        self._set_limits(far, whole)
        self.refused_ = float(
            np.mean(np.array(refused) | (np.array(whole) > self.subject_distance_))
        )
        active = self._contractions(waves)
        self.contracted_ = float(np.mean(active)) if active is not None else 0.0
        known = X["muscle"].dropna().astype(str).unique() if "muscle" in X else []
        self.muscles_ = np.array(sorted(known), dtype=object)
        return self

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
        check_is_fitted(self)
        unusable = [self._unreadable(s, r) for s, r in zip(X, X["sfreq"], strict=True)]
        unusual = [""] * len(X)
        table = pd.DataFrame(np.nan, X.meta.index, [*MEASURES, "distance"])
        rows = np.flatnonzero([not reason for reason in unusable])
        if len(rows):
            waves = self._at_rate(X[rows])
            measures, features = self._measure(X[rows], waves)
            active = self._contractions(waves) if self.contracted_ >= _CONTRACTED else None
            distances = self._distances(features)
            table.iloc[rows] = np.column_stack([measures, distances])
            muscles = X["muscle"].tolist() if "muscle" in X else [None] * len(X)
            for at, (row, own, distance) in enumerate(zip(rows, measures, distances, strict=True)):
                wrong, odd = self._wrong_levels(own)
                if active is not None and not active[at]:
                    wrong.append("rest: no contraction in it")
                if distance > self.distance_ and not wrong:
                    wrong = ["its features are unlike all of training"]
                if len(self.muscles_) and _is_strange(muscles[row], self.muscles_):
                    odd.append("a muscle that was not in training")
                unusable[row], unusual[row] = "; ".join(wrong), "; ".join(odd)
        return table.assign(unusable=unusable, unusual=unusual)

    # -- steps ---------------------------------------------------------------------------------

    def _unreadable(self, signal: NDArray[Any], rate: float) -> str:
        """Say why nothing can be measured at all."""
        if not np.isfinite(signal).all():
            return "samples without a value"
        if np.isnan(rate) or not 1 / LARGEST_RATIO <= self.sfreq / rate <= LARGEST_RATIO:
            return f"a sampling rate of {rate:g} Hz"
        if rate < self.sfreq * (1 - 1e-9):
            return f"sampled at {rate:g} Hz, below the {self.sfreq:g} Hz of the model"
        if len(signal) < self.min_duration * rate * (1 - 1e-9):
            return f"{len(signal) / rate:.2f} s long, a window is {self.min_duration:g} s"
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
        if self.sfreq < _GATE_RATE:
            return None
        gate = ActivityGate()
        kinds = [gate.stretches(wave, self.sfreq)["kind"] for wave in waves]
        return np.array([bool((kind == "contraction").any()) for kind in kinds])

    def _measure(
        self, X: Recordings, waves: Sequence[NDArray[Any]] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Measure recordings, and describe them by the mean features of their windows."""
        measures, windows, counts = [], [], []
        waves = self._at_rate(X) if waves is None else waves
        n_window = n_window_samples(self.sfreq, _WINDOW)
        for signal, rate, wave in zip(X, X["sfreq"], waves, strict=True):
            level = describe_signal(signal, rate)
            shares = (mains_share(signal, rate), level.clipped_fraction, level.flat_fraction)
            measures.append((level.rms, level.peak, noise_floor(wave, self.sfreq), *shares))
            starts = window_starts(len(wave), self.sfreq, _WINDOW, _WINDOW)
            if not len(starts):  # shorter windows were asked for
                starts, wave = np.zeros(1, dtype=int), np.pad(wave, (0, n_window - len(wave)))
            windows += [wave[start : start + n_window] for start in starts]
            counts.append(len(starts))
        features = segment_features(np.stack(windows), self.sfreq)
        row = np.repeat(np.arange(len(counts)), counts)
        sums = [np.bincount(row, column, minlength=len(counts)) for column in features.T]
        return np.array(measures), np.stack(sums, axis=1) / np.array(counts)[:, None]

    def _learn(self, measures: NDArray[Any], features: NDArray[Any]) -> Self:
        self.low_, self.high_ = measures.min(axis=0), measures.max(axis=0)
        self.scale_ = _SMALL * np.median(np.abs(features), axis=0) + 1e-12
        from sklearn.covariance import LedoitWolf  # not needed to diagnose

        compressed = np.arcsinh(features / self.scale_)
        found = LedoitWolf().fit(compressed)
        self.center_, self.precision_ = found.location_, found.precision_
        return self

    def _set_limits(self, far: ArrayLike, whole: ArrayLike) -> Self:
        """Learn how far is too far from recordings and subjects that were left out."""
        self.subject_distance_ = _SLACK * _finite(conformal_quantile(whole, _KEPT), whole)
        single = _SLACK * _finite(conformal_quantile(far, 0.995), far)
        self.distance_ = max(single, self.subject_distance_)
        return self

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
            if max(above, below) > _FAR and not unusable:
                middle = np.sqrt(low[name] * high[name])
                ratio = float(f"{values[name] / middle:.1g}")
                unusable.append(f"amplitude {ratio:g} times that of training (unit?)")
            elif max(above, below) > 1 and name == "rms":
                unusual.append("an amplitude beyond that of training")
        if values["noise"] > _FAR * high["noise"] and not unusable:
            unusable.append(f"a noise floor of {1000 * values['noise']:.2g} µV")
        for name, limit in _SHARES.items():
            words = {"mains": "mains hum", "clipped": "clipped", "flat": "flat"}[name]
            if values[name] > max(limit, min(1.2 * high[name], 0.95)):
                unusable.append(f"{words} ({values[name]:.0%})")
            elif values[name] > high[name] + 0.01:
                unusual.append(f"{words} ({values[name]:.0%})")
        return unusable, unusual


def _is_strange(muscle: Any, known: NDArray[Any]) -> bool:
    return isinstance(muscle, str) and muscle not in known


def _groups(subjects: NDArray[Any]) -> Iterable[tuple[Any, NDArray[Any]]]:
    for name in pd.unique(pd.Series(subjects)):
        yield name, np.flatnonzero(subjects == name)


def _finite(quantile: float, values: ArrayLike) -> float:
    """With too few subjects for the quantile, take the largest distance."""
    return quantile if np.isfinite(quantile) else float(np.max(values))
