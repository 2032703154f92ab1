"""Measures of the interference pattern: turns, amplitude, their ratio and its peak."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from sknemg.base import MakesTables
from sknemg.features.turns import (
    RULES,
    Rule,
    Turns,
    check_segments,
    check_some,
    check_thresholds,
    find_turns,
    is_positive,
    turns_a_row,
)
from sknemg.recordings import Recordings
from sknemg.recordings._convert import common_sfreq
from sknemg.recordings.windows import offsets_of
from sknemg.signal import check_rate, n_window_samples, window_starts

#: In mV: 100 µV since Willison, and the lower one for muscles of small potentials.
THRESHOLDS = (0.02, 0.1)
#: Rule and threshold of the turns between which small segments and the envelope are measured.
USUAL: tuple[Rule, float] = ("stalberg", 0.1)
MOST_OF_A_SMALL_SEGMENT = (2.0, 3e-3)  # mV and s
_MEASURES = ("turns", "turn_amplitude", "ratio")
_MICROVOLTS = 1000.0  # in a millivolt


def interference_names(thresholds: Sequence[float] = THRESHOLDS) -> list[str]:
    """Name the columns of :func:`interference_features`, in order.

    Parameters
    ----------
    thresholds : sequence of float, default=(0.02, 0.1)
        In mV.

    Returns
    -------
    list of str
        Thresholds are written in µV.

    Raises
    ------
    ValueError
        If `thresholds` are not finite, not above 0 or named alike.

    Examples
    --------
    >>> interference_names([0.1])[:3]
    ['turns_stalberg_100', 'turn_amplitude_stalberg_100', 'ratio_stalberg_100']
    """
    check_thresholds(
        thresholds, what="finite changes above 0 mV", usual=THRESHOLDS, scale=_MICROVOLTS
    )
    names = [
        f"{measure}_{rule}_{_MICROVOLTS * threshold:g}"
        for rule in RULES
        for threshold in thresholds
        for measure in _MEASURES
    ]
    return [*names, "small_segments", "envelope_amplitude"]


def envelope_amplitude(segments: ArrayLike, *, threshold: float = 0.1) -> NDArray[np.float64]:
    """Measure the upper centile amplitude: what 1 % of the changes from turn to turn exceed.

    It bounds the amplitude of the largest potentials in the pattern; machines print it as the
    envelope [1]_.

    Parameters
    ----------
    segments : array of shape (n_segments, n_times)
        Segments in mV.
    threshold : float, default=0.1
        Threshold of a turn by Stålberg's rule, in mV.

    Returns
    -------
    ndarray of shape (n_segments,)
        In mV; 0 with fewer than two turns.

    References
    ----------
    .. [1] S. D. Nandedkar, D. B. Sanders, E. V. Stålberg, "Automatic analysis of the
       electromyographic interference pattern. Part I: Development of quantitative features",
       Muscle Nerve 9:431-439, 1986.

    Examples
    --------
    >>> envelope_amplitude([[0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]])
    array([1.])
    """
    return _envelope(find_turns(segments, threshold=threshold), len(np.asarray(segments)))


def _envelope(turns: Turns, n_segments: int) -> NDArray[np.float64]:
    known = ~np.isnan(turns.change)
    edges = np.searchsorted(turns.row[known], np.arange(n_segments + 1))
    change = turns.change[known]
    parts = [change[start:stop] for start, stop in pairwise(edges)]
    return np.array([np.quantile(part, 0.99) if len(part) else 0.0 for part in parts])


def small_segments(
    segments: ArrayLike,
    sfreq: float,
    *,
    threshold: float = 0.1,
    max_amplitude: float = MOST_OF_A_SMALL_SEGMENT[0],
    max_duration: float = MOST_OF_A_SMALL_SEGMENT[1],
) -> NDArray[np.float64]:
    """Count the small stretches between turns, per second: the complexity of the pattern.

    The measure is NSS, the number of small segments [1]_. Its limits are parameters: set them to
    those of the norms, or of the machine, that one compares with.

    Parameters
    ----------
    segments : array of shape (n_segments, n_times)
        Segments in mV.
    sfreq : float
        Sampling rate in Hz.
    threshold : float, default=0.1
        Threshold of a turn by Stålberg's rule, in mV.
    max_amplitude : float, default=2.0
        In mV; a larger change from turn to turn is not small.
    max_duration : float, default=3e-3
        In s; a longer stretch is not small.

    Returns
    -------
    ndarray of shape (n_segments,)

    Raises
    ------
    ValueError
        As :func:`find_turns`, or if the rate or a limit is no number above 0.

    References
    ----------
    .. [1] S. D. Nandedkar, D. B. Sanders, E. V. Stålberg, "Automatic analysis of the
       electromyographic interference pattern. Part I: Development of quantitative features",
       Muscle Nerve 9:431-439, 1986.

    Examples
    --------
    Five turns 1 ms apart, of which one change is too large:

    >>> small_segments([[0.0, 1.0, 0.0, 1.0, -2.0, -1.0, -2.0]], 1000).round(1)
    array([428.6])
    """
    check_rate(sfreq)
    for name, limit in {"max_amplitude": max_amplitude, "max_duration": max_duration}.items():
        if not is_positive(limit):
            raise ValueError(f"{name}={limit!r} must be a finite number above 0.")
    segments = np.asarray(segments)
    turns = find_turns(segments, threshold=threshold)
    check_some(segments)
    count = _count_small(turns, len(segments), max_amplitude, max_duration * sfreq)
    return count * sfreq / segments.shape[1]


def _count_small(
    turns: Turns, n_segments: int, max_amplitude: float, n_times: float
) -> NDArray[np.int64]:
    lasts = np.diff(turns.position, prepend=0)
    small = ~np.isnan(turns.change) & (turns.change <= max_amplitude) & (lasts <= n_times)
    return np.bincount(turns.row[small], minlength=n_segments)


def interference_features(
    epochs: ArrayLike, sfreq: float, *, thresholds: Sequence[float] = THRESHOLDS
) -> NDArray[np.float64]:
    """Measure the interference pattern of every epoch.

    Parameters
    ----------
    epochs : array of shape (n_epochs, n_times)
        In mV, usually half a second or a second long.
    sfreq : float
        Sampling rate in Hz.
    thresholds : sequence of float, default=(0.02, 0.1)
        Thresholds of a turn, in mV.

    Returns
    -------
    ndarray of float64, shape (n_epochs, n_features)
        Columns as :func:`interference_names` says. For both rules of
        :func:`~sknemg.features.find_turns` and each threshold: ``turns`` a second,
        ``turn_amplitude`` in mV (mean change to a turn), and their ``ratio`` in 1/(s mV), which is
        high in myopathy and low in neuropathy; then NSS (:func:`small_segments`) and
        :func:`envelope_amplitude`, at a threshold of 0.1 mV. All 0 without turns.

    Raises
    ------
    ValueError
        As :func:`find_turns` and :func:`interference_names`, or if the rate is none.

    Examples
    --------
    A triangle of 1 mV, 100 times a second, turns 199 times between the ends of a second:

    >>> time = np.arange(10_001) / 10_000
    >>> epoch = np.abs(2 * (100 * time % 1) - 1)[None]
    >>> named = dict(zip(interference_names(), interference_features(epoch, 10_000)[0].round(1)))
    >>> named["turns_stalberg_100"], named["ratio_stalberg_100"], named["envelope_amplitude"]
    (np.float64(199.0), np.float64(199.0), np.float64(1.0))
    """
    interference_names(thresholds)  # which refuses what are no thresholds
    check_rate(sfreq)
    epochs = np.asarray(epochs)
    check_segments(epochs)
    check_some(epochs)
    found = {
        (rule, threshold): find_turns(epochs, threshold=threshold, rule=rule)
        for rule, threshold in {*product(RULES, map(float, thresholds)), USUAL}
    }
    n_epochs, n_times = len(epochs), epochs.shape[1]
    columns = []
    for key in product(RULES, map(float, thresholds)):
        n_turns, amplitude = turns_a_row(found[key], n_epochs)
        turns = n_turns * sfreq / n_times
        columns += [turns, amplitude, ratio(turns, amplitude)]
    largest, longest = MOST_OF_A_SMALL_SEGMENT
    n_small = _count_small(found[USUAL], n_epochs, largest, longest * sfreq)
    columns += [n_small * sfreq / n_times, _envelope(found[USUAL], n_epochs)]
    return np.column_stack(columns)


def ratio(turns: NDArray[Any], amplitude: NDArray[Any]) -> NDArray[np.float64]:
    """Divide turns a second by their mean amplitude; 0 without an amplitude."""
    return np.divide(turns, amplitude, out=np.zeros(len(turns)), where=amplitude > 0)


class InterferenceFeatures(MakesTables, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Describe every recording by its interference pattern.

    For recordings in which too many motor units fire to be told apart. A recording is cut into
    epochs, each is measured by :func:`interference_features`, and the recording is described by
    the mean of its epochs and, for each ratio of turns to amplitude, by its **peak**: during a
    contraction that grows from rest to maximum, the largest ratio separates patients from healthy
    subjects without a measurement of force [1]_, [2]_.

    Parameters
    ----------
    epoch : float, default=0.5
        Length of an epoch in seconds; epochs do not overlap.
    thresholds : sequence of float, default=(0.02, 0.1)
        Thresholds of a turn, in mV.
    items : {"recording", "epoch"}, default="recording"
        The items that vote: one vector per recording, or one per epoch, without the peaks.
    input_sfreq : float, default=None
        Sampling rate of plain arrays and lists, which carry none.

    Raises
    ------
    ValueError
        By `transform`, if the recordings have several sampling rates: how many turns of noise and
        of sharp potentials there are depends on it.

    See Also
    --------
    TurnsReference : The cloud of turns and amplitude, against that of normals.
    sknemg.SegmentFeatures : Turns of segments, beside their spectrum.

    Notes
    -----
    A recording shorter than an epoch becomes an empty row, which has no vote
    (:class:`~sknemg.divote.DiVoteClassifier`). The measure "activity" of [3]_ is not here: no
    public text was found that states how it is computed.

    References
    ----------
    .. [1] R. Liguori, K. Dahl, A. Fuglsang-Frederiksen, "Turns-amplitude analysis of the
       electromyographic recruitment pattern disregarding force measurement. I. Method and
       reference values in healthy subjects", Muscle Nerve 15:1314-1318, 1992.
    .. [2] A. Fuglsang-Frederiksen, "The utility of interference pattern analysis", Muscle Nerve
       23:18-36, 2000.
    .. [3] S. D. Nandedkar, D. B. Sanders, E. V. Stålberg, "Automatic analysis of the
       electromyographic interference pattern. Part I: Development of quantitative features",
       Muscle Nerve 9:431-439, 1986.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import InterferenceFeatures, Recordings
    >>> signals = np.random.default_rng(0).normal(0, 0.3, size=(2, 20_000))
    >>> X = Recordings([signals[0], signals[1][:3000]], sfreq=10_000)
    >>> features = InterferenceFeatures().fit(X)
    >>> features.transform(X)
    Recordings: 2 recordings, 1 interference pattern of 18 values at 10000 Hz
    >>> features.get_feature_names_out()[-2:].tolist()
    ['peak_ratio_willison_20', 'peak_ratio_willison_100']
    """

    _item_ndim = 0
    _leaves_signals = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "epoch": [Interval(Real, 0, None, closed="neither")],
        "thresholds": ["array-like"],
        "items": [StrOptions({"recording", "epoch"})],
        "input_sfreq": [None, Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        epoch: float = 0.5,
        *,
        thresholds: Sequence[float] = THRESHOLDS,
        items: str = "recording",
        input_sfreq: float | None = None,
    ):
        self.epoch = epoch
        self.thresholds = thresholds
        self.items = items
        self.input_sfreq = input_sfreq

    def _validate_params(self) -> None:
        super()._validate_params()
        interference_names(self.thresholds)

    def _transform(self, X: Recordings) -> Recordings:
        rows = self._epochs(X)
        if self.items == "recording":
            peaks = _peaks(self.thresholds)
            rows = [
                np.concatenate([row.mean(axis=0), row[:, peaks].max(axis=0)])[None]
                if len(row)
                else np.empty((0, row.shape[1] + len(peaks)))
                for row in rows
            ]
        width = len(self._column_names())
        values = np.concatenate([np.empty((0, width)), *rows])
        dtype = np.result_type(X.values.dtype, np.float32)
        item = "interference pattern" if self.items == "recording" else "epoch"
        offsets = offsets_of([len(row) for row in rows])
        return X.with_values(values.astype(dtype), offsets, item=item)

    def _epochs(self, X: Recordings) -> list[NDArray[np.float64]]:
        """Features of the epochs of each row."""
        sfreq = common_sfreq(X)
        n_times = n_window_samples(sfreq, self.epoch) if len(X) else 1
        rows = []
        for signal in X:
            starts = window_starts(len(signal), sfreq, self.epoch, self.epoch)
            epochs = np.reshape(
                [signal[start : start + n_times] for start in starts], (-1, n_times)
            )
            rows.append(interference_features(epochs, sfreq, thresholds=self.thresholds))
        return rows

    def _column_names(self) -> list[str]:
        names = interference_names(self.thresholds)
        if self.items == "recording":
            names += [f"peak_{names[place]}" for place in _peaks(self.thresholds)]
        return names


def _peaks(thresholds: Sequence[float]) -> list[int]:
    """Columns of the ratios."""
    names = interference_names(thresholds)
    return [place for place, name in enumerate(names) if name.startswith("ratio_")]
