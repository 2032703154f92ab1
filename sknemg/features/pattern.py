"""Measures of the interference pattern that do not depend on its amplitude: `PatternFeatures`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval

from sknemg.base import NamesColumns, RowTransformer
from sknemg.features.segments import (
    BANDS,
    amplitude_features,
    count_crossings,
    feature_names,
    spectral_features,
)
from sknemg.features.turns import Turns, check_segments, check_some, check_thresholds, find_turns
from sknemg.recordings import Recordings, Windows
from sknemg.recordings._convert import common_sfreq
from sknemg.recordings._problems import shown
from sknemg.signal import check_rate

#: Smallest change between two turns, times the root mean square of the segment.
THRESHOLDS = (0.25, 0.5, 1.0, 2.0)
#: An interval between two turns up to this long, in s, is a short one.
SHORT = 1.5e-3
_OF_TURNS = ("turns", "turn_amplitude", "turn_interval", "short_intervals")
_OF_SHAPE = ("mean_abs", "crest_factor", "waveform_length", "kurtosis", "zero_crossings")
_SPECTRAL = tuple(feature_names()[-4 - len(BANDS) :])
_CROSSING = 0.25  # times the root mean square, beyond which a signal has crossed its mean
_LEAST = 1e-4  # of a share or a frequency whose logarithm is taken
_CHUNK = 256  # segments that are measured at once


def pattern_names(thresholds: Sequence[float] = THRESHOLDS) -> list[str]:
    """Name the columns of :func:`pattern_features`, in order.

    Parameters
    ----------
    thresholds : sequence of float, default=(0.25, 0.5, 1.0, 2.0)
        Times the root mean square of a segment.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If `thresholds` are not finite, not above 0 or named alike.

    Examples
    --------
    >>> pattern_names([0.5])[:5]
    ['turns_0.5', 'turn_amplitude_0.5', 'turn_interval_0.5', 'short_intervals_0.5', 'mean_abs']
    """
    check_thresholds(thresholds, what="finite multiples above 0", usual=THRESHOLDS)
    of_turns = [f"{name}_{threshold:g}" for threshold in thresholds for name in _OF_TURNS]
    return [*of_turns, *_OF_SHAPE, *_SPECTRAL]


def pattern_features(
    segments: ArrayLike, sfreq: float, *, thresholds: Sequence[float] = THRESHOLDS
) -> NDArray[np.float64]:
    """Measure the interference pattern of every segment, whatever its amplitude.

    The mean of every segment is taken off, and what remains is divided by its root mean square, so
    that gain, calibration and the distance of the needle, which change all potentials alike, change
    nothing. What grows in proportion is given as a logarithm, in which a cloud of turns and
    amplitude is a line [1]_.

    Parameters
    ----------
    segments : array of shape (n_segments, n_times)
        In mV. Epochs of half a second or longer are usual; shorter ones, such as the 0.4 s that
        the `Segmenter` cuts by default, are measured as well, from fewer turns.
    sfreq : float
        Sampling rate in Hz.
    thresholds : sequence of float, default=(0.25, 0.5, 1.0, 2.0)
        Thresholds of a turn by Stålberg's rule (:func:`~sknemg.features.find_turns`), in multiples
        of the root mean square of the segment.

    Returns
    -------
    ndarray of float64, shape (n_segments, n_features)
        Columns as :func:`pattern_names` says. For each threshold: logarithms of turns a second
        (and one), of the mean change to a turn and of the median interval between turns (in s),
        and the share of intervals up to 1.5 ms, of which myopathies have more [2]_. A segment of
        fewer than two turns has no change to a turn and no interval: its peak-to-peak amplitude
        over its root mean square and its length take their places, and the share is 0. Then
        logarithms of mean absolute value, crest factor, path, kurtosis (plus 3), zero crossings a
        second (and one), and of mean and median frequency, bandwidth, entropy and the share of each
        band (:func:`~sknemg.features.spectral_features`), of which none is taken to be less than
        0.0001. All 0 where a segment is flat.

    Raises
    ------
    ValueError
        If segments hold no samples, or some that are NaN, infinite or beyond 1e6 mV; or if
        `thresholds` are not finite, not above 0 or named alike.

    References
    ----------
    .. [1] E. Stålberg, J. Chu, V. Bril, S. Nandedkar, S. Stålberg, M. Ericsson, "Automatic analysis
       of the EMG interference pattern", Electroencephalogr Clin Neurophysiol 56:672-681, 1983.
    .. [2] A. Fuglsang-Frederiksen, "The utility of interference pattern analysis", Muscle Nerve
       23:18-36, 2000.

    Examples
    --------
    A triangle, 100 times a second, turns 199 times between the ends of a second:

    >>> time = np.arange(10_001) / 10_000
    >>> triangle = np.abs(2 * (100 * time % 1) - 1)[None]
    >>> one, louder = pattern_features(np.concatenate([triangle, 9 * triangle]), 10_000)
    >>> np.allclose(one, louder)
    True
    >>> np.exp(dict(zip(pattern_names(), one))["turns_0.5"]).round(1)
    np.float64(200.0)
    """
    n_features = len(pattern_names(thresholds))  # which refuses what are no thresholds
    if not isinstance(segments, Windows):
        segments = np.asarray(segments)
        check_segments(segments)
    check_some(segments)
    check_rate(sfreq)
    out = np.empty((len(segments), n_features))
    for start in range(0, len(segments), _CHUNK):
        part = np.asarray(segments[start : start + _CHUNK])
        check_segments(part)
        out[start : start + _CHUNK] = _measured(part.astype(np.float64), sfreq, thresholds)
    return out


def _measured(
    segments: NDArray[np.float64], sfreq: float, thresholds: Sequence[float]
) -> NDArray[np.float64]:
    x = segments - segments.mean(axis=1, keepdims=True)
    size = np.where(np.ptp(segments, axis=1) > 0, np.sqrt((x**2).mean(axis=1)), 0.0)
    flat = size == 0
    x = x / np.where(flat, 1.0, size)[:, None]
    columns = []
    for threshold in thresholds:
        columns += _of_turns(find_turns(x, threshold=threshold), x, sfreq)
    _, mean_abs, _, crest, path, kurtosis = amplitude_features(x, sfreq).T
    crossings = count_crossings(x, threshold=_CROSSING) * sfreq / x.shape[1]
    shape = np.log(
        [np.where(flat, 1.0, column) for column in (mean_abs, crest, path, kurtosis + 3)]
    )
    columns += [*shape, np.log1p(crossings)]
    columns += [*np.log(np.maximum(spectral_features(x, sfreq), _LEAST)).T]
    return np.where(flat[:, None], 0.0, np.column_stack(columns))


def _of_turns(turns: Turns, x: NDArray[np.float64], sfreq: float) -> list[NDArray[np.float64]]:
    """Describe turns of each row: how many, how large, how far apart, and how many are near."""
    n_rows, n_times = x.shape
    known = ~np.isnan(turns.change)
    change = turns.change[known]
    lasts = np.diff(turns.position, prepend=0)[known] / sfreq
    count = np.bincount(turns.row, minlength=n_rows) * sfreq / n_times
    edges = np.searchsorted(turns.row[known], np.arange(n_rows + 1))
    # Fewer than two turns have no change and no interval between them: those of the whole.
    size = np.where(np.ptp(x, axis=1) > 0, np.ptp(x, axis=1), 1.0)  # 1 if flat
    median, short = np.full(n_rows, n_times / sfreq), np.zeros(n_rows)
    for row, (start, stop) in enumerate(pairwise(edges)):
        if stop > start:
            size[row] = change[start:stop].mean()
            median[row] = np.median(lasts[start:stop])
            short[row] = (lasts[start:stop] <= SHORT).mean()
    return [np.log1p(count), np.log(size), np.log(median), short]


class PatternFeatures(NamesColumns, RowTransformer):
    """Describe every segment by its interference pattern, whatever its amplitude.

    For contractions so strong that motor units cannot be told apart, recorded by needles and
    machines whose amplitudes cannot be compared. How many units are summed up, and how long and
    complex their potentials are, shows in the turns at thresholds that follow the amplitude, in the
    intervals between them, in the distribution of the amplitude, and in the spectrum. Effort
    changes nearly all of it, so that a classifier needs several columns, as a cloud has two.

    Parameters
    ----------
    features : sequence of str, default=None
        Columns among :func:`pattern_names`, in order; all by default.
    thresholds : sequence of float, default=(0.25, 0.5, 1.0, 2.0)
        Smallest change between two turns, times the root mean square of the segment.
    input_sfreq : float, default=None
        Sampling rate of plain arrays and lists, which carry none.

    See Also
    --------
    pattern_features : The same as a function.
    InterferenceFeatures : Turns and amplitude in microvolts, for norms in microvolts.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import PatternFeatures, Recordings, Segmenter
    >>> X = Recordings(np.random.default_rng(0).normal(0, 0.3, (2, 20_000)), sfreq=10_000)
    >>> windows = Segmenter(window=1.0, hop=1.0).fit_transform(X)
    >>> PatternFeatures(["turns_1", "crest_factor"]).fit_transform(windows).items.shape
    (4, 2)
    """

    _item_ndim = 1
    cuts_windows = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "features": ["array-like", None],
        "thresholds": ["array-like"],
        "input_sfreq": [None, Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        features: Sequence[str] | None = None,
        *,
        thresholds: Sequence[float] = THRESHOLDS,
        input_sfreq: float | None = None,
    ):
        self.features = features
        self.thresholds = thresholds
        self.input_sfreq = input_sfreq

    def _validate_params(self) -> None:
        super()._validate_params()
        self._places()

    def _transform(self, X: Recordings) -> Recordings:
        rate = common_sfreq(X) if len(X) else 1.0  # of no segments, none is known
        found = pattern_features(X.items, rate, thresholds=self.thresholds)
        dtype = np.result_type(X.items.dtype, np.float32)
        return X.with_values(found[:, self._places()].astype(dtype, copy=False))

    def _places(self) -> list[int]:
        """Give the columns that are wanted, or say which there are not."""
        names = pattern_names(self.thresholds)
        wanted = names if self.features is None else list(self.features)
        if not wanted:
            raise ValueError("features is empty: give at least one.")
        if unknown := [name for name in wanted if name not in names]:
            raise ValueError(
                f"features holds {shown(unknown)}, which are not measured: give some of "
                f"{', '.join(names)}."
            )
        return [names.index(name) for name in wanted]

    def _column_names(self) -> list[str]:
        names = pattern_names(self.thresholds)
        return [names[place] for place in self._places()]
