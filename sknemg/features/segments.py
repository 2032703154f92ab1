"""Amplitude, turns and spectrum of EMG segments: quantitative EMG as a feature vector.

Every function takes segments of shape ``(n_segments, n_times)`` in millivolts and treats each row
by itself. :class:`~sknemg.SegmentFeatures` puts them together for a pipeline.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknemg.features.turns import check_segments, check_some, count_turns
from sknemg.recordings import Recordings, Windows
from sknemg.recordings._convert import common_sfreq
from sknemg.signal import check_rate
from sknemg.signal.rates import is_number

__all__ = [
    "amplitude_features",
    "count_crossings",
    "describe_segments",
    "feature_names",
    "segment_features",
    "spectral_features",
]

#: Edges of the default bands in hertz; the top one ends at the Nyquist rate of 10 kHz signals.
BANDS = ((20.0, 100.0), (100.0, 250.0), (250.0, 500.0), (500.0, 1000.0), (1000.0, 5000.0))

#: Highest frequency in hertz that the spectral entropy looks at. The number of bins below it
#: depends on the length of a segment alone: every rate from 10 kHz on gives the same entropy.
ENTROPY_TOP = 5000.0

_AMPLITUDE = ("rms", "mean_abs", "peak_to_peak", "crest_factor", "waveform_length", "kurtosis")
_COUNTS = ("zero_crossings", "turns", "turn_amplitude")
_SPECTRAL = ("mean_frequency", "median_frequency", "bandwidth", "spectral_entropy")

_CHUNK = 256  # rows of 4,000 samples in float64: 8 MB, which stays in the cache


def feature_names(bands: Iterable[tuple[float, float]] = BANDS) -> list[str]:
    """Name the columns of :func:`segment_features`, in order.

    Parameters
    ----------
    bands : iterable of (low, high)
        Frequency bands in hertz, by default those of :class:`SegmentFeatures`.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If a band is not a pair of frequencies, the lower first.

    Examples
    --------
    >>> feature_names(bands=[(20, 500)])[-2:]
    ['spectral_entropy', 'band_20_500']
    """
    check_bands(bands := list(bands))
    return [*_AMPLITUDE, *_COUNTS, *_SPECTRAL, *(f"band_{low:g}_{high:g}" for low, high in bands)]


def _divide(numerator: NDArray[Any], denominator: NDArray[Any]) -> NDArray[Any]:
    """Quotient, 0 where the denominator is 0: what a flat segment gets."""
    return np.divide(
        numerator, denominator, out=np.zeros_like(numerator, dtype=float), where=denominator > 0
    )


def check_bands(bands: Iterable[tuple[float, float]]) -> None:
    """Refuse what is no band, naming all of it."""
    wrong = [band for band in bands if np.shape(band) != (2,) or not 0 <= band[0] < band[1]]
    if wrong:
        raise ValueError(
            f"bands holds {', '.join(map(str, wrong))}: give pairs (low, high) in Hz with "
            "0 <= low < high."
        )


def _centred(segments: ArrayLike) -> NDArray[np.float64]:
    """Segments without their mean; exactly 0 where a segment is flat."""
    segments = np.asarray(segments, dtype=np.float64)
    check_segments(segments)
    check_some(segments)
    flat = np.ptp(segments, axis=1, keepdims=True) == 0
    return np.where(flat, 0.0, segments - segments.mean(axis=1, keepdims=True))


def amplitude_features(segments: ArrayLike, sfreq: float) -> NDArray[np.float64]:
    """Measure size and shape: rms, mean absolute value, peak to peak, crest, length, kurtosis.

    Parameters
    ----------
    segments : array of shape (n_segments, n_times)
        Segments in mV. Their mean is taken off first: an offset is the amplifier's.
    sfreq : float
        Sampling rate in Hz.

    Returns
    -------
    ndarray of shape (n_segments, 6)
        ``rms``, ``mean_abs`` and ``peak_to_peak`` in mV; ``crest_factor`` (largest absolute value
        over rms); ``waveform_length`` (path of the signal, mV a second); ``kurtosis`` (0 for a
        normal distribution). All 0 where a segment is flat.

    Raises
    ------
    ValueError
        If `sfreq` is not a positive number, or the segments are not finite numbers of shape
        (n_segments, n_times).

    Examples
    --------
    >>> time = np.arange(4000) / 10_000
    >>> amplitude_features(np.sin(2 * np.pi * 100 * time)[None], 10_000).round(3)
    array([[  0.707,   0.636,   2.   ,   1.414, 399.943,  -1.5  ]])
    """
    check_rate(sfreq)
    x = _centred(segments)
    square = x**2
    power = square.mean(axis=1)
    rms, magnitude = np.sqrt(power), np.abs(x)
    length = np.abs(np.diff(x, axis=1)).sum(axis=1) * sfreq / max(x.shape[1] - 1, 1)
    kurtosis = np.where(power > 0, _divide((square**2).mean(axis=1), power**2) - 3, 0.0)
    return np.column_stack(
        [
            rms,
            magnitude.mean(axis=1),
            np.ptp(x, axis=1),
            _divide(magnitude.max(axis=1), rms),
            length,
            kurtosis,
        ]
    )


def count_crossings(segments: ArrayLike, *, threshold: float = 0.01) -> NDArray[np.int64]:
    """Count crossings of the mean that go beyond `threshold` on either side.

    Parameters
    ----------
    segments : array of shape (n_segments, n_times)
        Segments in mV.
    threshold : float, default=0.01
        Amplitude that noise does not exceed, in mV.

    Returns
    -------
    ndarray of int64, shape (n_segments,)

    Raises
    ------
    ValueError
        If `threshold` is negative or not finite.

    Examples
    --------
    >>> count_crossings([[1.0, -1.0, 0.005, -1.0, 1.0]], threshold=0.01)
    array([2])
    """
    if not is_number(threshold) or threshold < 0:
        raise ValueError(f"threshold={threshold!r} must be a finite number from 0, in mV.")
    x = _centred(segments)
    side = np.where(x > threshold, 1, np.where(x < -threshold, -1, 0)).astype(np.int8)
    # The last sample that took a side, carried forward; before the first one there is none.
    last = np.maximum.accumulate(np.where(side != 0, np.arange(x.shape[1]), 0), axis=1)
    side = np.take_along_axis(side, last, axis=1)
    return ((side[:, 1:] != side[:, :-1]) & (side[:, :-1] != 0)).sum(axis=1)


def spectral_features(
    segments: ArrayLike, sfreq: float, *, bands: Sequence[tuple[float, float]] = BANDS
) -> NDArray[np.float64]:
    """Measure mean and median frequency, bandwidth, entropy and relative power in bands.

    Parameters
    ----------
    segments : array of shape (n_segments, n_times)
        Segments; the unit cancels.
    sfreq : float
        Sampling rate in Hz.
    bands : sequence of (low, high)
        Bands in Hz, ``low <= frequency < high``, by default those of :class:`SegmentFeatures`. A
        band above the Nyquist rate holds nothing.

    Returns
    -------
    ndarray of shape (n_segments, 4 + n_bands)
        ``mean_frequency``, ``median_frequency`` and ``bandwidth`` (standard deviation of the power
        about the mean frequency) in Hz; ``spectral_entropy`` of the power up to 5 kHz, from 0 (a
        line) to 1 (white up to 5 kHz, so less than 1 for white noise sampled below 10 kHz); then
        the share of the power in each band. All 0 where a segment is flat.

    Raises
    ------
    ValueError
        If `sfreq` is not a positive number, or a band is not a pair of frequencies, the lower
        first.

    Examples
    --------
    >>> time = np.arange(4000) / 10_000
    >>> sine = np.sin(2 * np.pi * 300 * time)[None]
    >>> spectral_features(sine, 10_000, bands=[(250, 500)]).round(2).tolist()
    [[300.0, 300.0, 1.44, 0.11, 1.0]]
    """
    check_rate(sfreq)
    check_bands(bands)
    x = _centred(segments)
    n_times = x.shape[1]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_times) / n_times)  # Hann, periodic
    power = np.abs(np.fft.rfft(x * window, axis=1)) ** 2
    power[:, 0] = 0.0
    if n_times % 2 == 0:
        power[:, -1] /= 2  # half the rate has no twin among the negative frequencies
    step = sfreq / n_times
    freqs = np.arange(power.shape[1]) * step
    share = _divide(power, np.broadcast_to(power.sum(axis=1, keepdims=True), power.shape))

    mean = (share * freqs).sum(axis=1)
    variance = (share * (freqs - mean[:, None]) ** 2).sum(axis=1)
    below = power[:, : np.searchsorted(freqs, ENTROPY_TOP, side="right")]  # a mask sums otherwise
    entropy = _entropy(below) / np.log(max(ENTROPY_TOP / step, 2))

    cumulative = np.cumsum(share, axis=1)
    rows = np.arange(len(share))
    middle = (cumulative >= 0.5).argmax(axis=1)  # 0 in a flat row, whose share is 0 there as well
    excess = _divide(cumulative[rows, middle] - 0.5, share[rows, middle])
    median = np.where(share[rows, middle] > 0, (middle + 0.5 - excess) * step, 0.0)

    edges = [tuple(np.searchsorted(freqs, band)) for band in bands]
    return np.column_stack(
        [
            mean,
            median,
            np.sqrt(variance),
            entropy,
            *(share[:, start:stop].sum(axis=1) for start, stop in edges),
        ]
    )


def _entropy(power: NDArray[Any]) -> NDArray[np.float64]:
    share = _divide(power, np.broadcast_to(power.sum(axis=1, keepdims=True), power.shape))
    safe = np.where(share > 0, share, 1.0)
    return (safe * -np.log(safe)).sum(axis=1)


def segment_features(
    segments: ArrayLike,
    sfreq: float,
    *,
    turn_threshold: float = 0.1,
    noise_threshold: float = 0.01,
    bands: Sequence[tuple[float, float]] = BANDS,
) -> NDArray[np.float64]:
    """Measure all features of every segment, columns as :func:`feature_names` says.

    Parameters
    ----------
    segments : array of shape (n_segments, n_times)
        Segments in mV.
    sfreq : float
        Sampling rate in Hz.
    turn_threshold, noise_threshold : float, default=0.1, 0.01
        Thresholds of :func:`~sknemg.features.count_turns` and :func:`count_crossings` in mV.
    bands : sequence of (low, high)
        Bands of :func:`spectral_features` in Hz, by default those of :class:`SegmentFeatures`.

    Returns
    -------
    ndarray of float64, shape (n_segments, n_features)
        Finite for every segment. Turns and crossings are counted per second. One analogue signal
        gives every feature within 3 % at any rate from 10 kHz on where its content lies below
        1 kHz; of faster content, 10 kHz miss some peaks (4 % of the turns at 1.5 kHz).

    Raises
    ------
    ValueError
        If segments hold no samples, or some that are NaN, infinite or beyond 1e6 mV, or if the rate
        or a band is none.

    Examples
    --------
    >>> time = np.arange(4000) / 10_000
    >>> sine = np.sin(2 * np.pi * 100 * time)[None]
    >>> dict(zip(feature_names(), segment_features(sine, 10_000)[0].round(3)))["turns"]
    np.float64(200.0)
    """
    if not isinstance(segments, Windows):
        segments = np.asarray(segments)
        check_segments(segments)
    out = np.empty((len(segments), len(feature_names(bands))))
    check_some(segments)
    per_second = check_rate(sfreq) / segments.shape[1]
    for start in range(0, len(segments), _CHUNK):
        part = np.asarray(segments[start : start + _CHUNK])
        check_segments(part)
        n_turns, amplitude = count_turns(part, threshold=turn_threshold)
        crossings = count_crossings(part, threshold=noise_threshold)
        out[start : start + _CHUNK] = np.column_stack(
            [
                amplitude_features(part, sfreq),
                crossings * per_second,
                n_turns * per_second,
                amplitude,
                spectral_features(part, sfreq, bands=bands),
            ]
        )
    return out


def describe_segments(
    X: Recordings,
    *,
    turn_threshold: float = 0.1,
    noise_threshold: float = 0.01,
    bands: Sequence[tuple[float, float]] = BANDS,
) -> Recordings:
    """Put the features of every segment in its place, as :class:`~sknemg.SegmentFeatures` does.

    Parameters
    ----------
    X : Recordings of segments
    turn_threshold, noise_threshold, bands
        As for `segment_features`.

    Returns
    -------
    Recordings of features
    """
    features = segment_features(
        X.items,
        common_sfreq(X) if len(X) else 1.0,  # of no segments, no rate is known
        turn_threshold=turn_threshold,
        noise_threshold=noise_threshold,
        bands=bands,
    )
    dtype = np.result_type(X.items.dtype, np.float32)
    return X.with_values(features.astype(dtype, copy=False))
