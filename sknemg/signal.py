"""Pure functions on signals: change their rate, cut them, measure their level, find copies."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache, wraps
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

ResampleMethod = Literal["soxr", "polyphase", "fft"]

#: Largest whole number in the ratio of two rates that "polyphase" and "fft" work with. The nearest
#: such ratio is at most 10 ppm off: less than the clocks of two amplifiers differ.
LARGEST_TERM = 60_000

#: Largest ratio of two rates, up or down; beyond it one of them is in another unit than hertz.
LARGEST_RATIO = 1000

#: Largest plausible amplitude in mV, a thousand volts. Needle EMG reaches some 30 mV.
LARGEST_AMPLITUDE = 1e6

MAINS = (50.0, 60.0)  # Hz

PROBE = 64  # samples whose bits are hashed: more than chance repeats in quantised noise
SURE = 256  # samples that must agree before two stretches are said to be the same

_BITS = 20  # of a hash, by which most positions are told to be no copies
_FLAT = 0.02  # s; a shorter pause in a coarsely digitised signal is no dead channel
_RAIL = 2e-4  # of the peak-to-peak amplitude: how far samples on a rail may scatter
_KEPT_LENGTH = 250_000  # samples, up to which what is made of a length is kept for the next signal
_MIRRORED = 128  # samples of the lower rate: soxr's filter reaches some 100 to each side
_TOLERANCE = Fraction(1, 10**6)  # of a sample: the rounding errors of seconds given as floats

#: Makes an array of a length, and of what else it is asked.
_Maker = Callable[..., NDArray[np.float64]]


def exact(number: float) -> Fraction:
    """Return the decimal number that a float was written as, so that 0.1 means one tenth.

    Parameters
    ----------
    number : float

    Returns
    -------
    Fraction

    Examples
    --------
    >>> exact(0.4) / exact(0.1) == 4, 0.3 / 0.1 == 3
    (True, False)
    """
    return Fraction(str(number))


def resample(
    signal: NDArray[Any], sfreq: float, new_sfreq: float, *, method: ResampleMethod = "soxr"
) -> NDArray[Any]:
    """Change the sampling rate of a signal.

    Every method takes the signal to be zero outside; an offset or a ramp then rings at both
    ends (an error of 0.4 at the first sample of a constant 1). ``"soxr"`` therefore works on the
    signal with its ends mirrored at their first and last sample, which needs but a few
    milliseconds of it, so that :class:`StreamResampler` gives the same bits while it is recorded.
    For the other methods the line through the first and the last sample is taken off before and
    put back after, as if the signal went on along that line.

    Parameters
    ----------
    signal : ndarray of shape (n_times,), float
    sfreq, new_sfreq : float
        Rates before and after in hertz.
    method : {"soxr", "polyphase", "fft"}, default="soxr"
        ``"soxr"``, the SoX resampler at its high quality, leaves no alias above -138 dB;
        ``"polyphase"`` is :func:`scipy.signal.resample_poly` (an alias of -29 dB at 5.6 kHz when
        going to 10 kHz); ``"fft"`` is :func:`scipy.signal.resample`, a brick wall, as in the
        authors' public script [1]_. The last two need a ratio of whole numbers: one with a term
        above 60,000, such as 10,000 / 48,000.123, is replaced by the nearest one below, which
        is at most 10 ppm off (10 µs per second of signal). ``"soxr"`` takes any ratio.

    Returns
    -------
    ndarray of shape (floor(n_times * new_sfreq / sfreq),), dtype of `signal`
        Sample ``k`` belongs to the time ``k / new_sfreq``. No sample lies beyond the end of
        the signal, so the number of windows stays that of the original.

    Raises
    ------
    ValueError
        If the method is unknown, the samples are integers, or one rate is more than 1000 times
        the other.

    References
    ----------
    .. [1] J. Yoo et al. (2022). Residual one-dimensional convolutional neural network for
       neuromuscular disorder classification from needle electromyography signals with
       explainability. Computer Methods and Programs in Biomedicine 226, 107079.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg.signal import resample
    >>> ramp = np.linspace(1, 2, 19_201, dtype="float32")
    >>> bool(np.allclose(resample(ramp, 48_000, 10_000), np.linspace(1, 2, 4001)[:4000]))
    True
    """
    if method not in get_args(ResampleMethod):
        raise ValueError(f"method={method!r} is unknown: choose one of {get_args(ResampleMethod)}.")
    if signal.dtype.kind != "f":
        raise ValueError(f"A signal of {signal.dtype} would be rounded: give floats, in mV.")
    ratio = exact(new_sfreq) / exact(sfreq)
    if not Fraction(1, LARGEST_RATIO) <= ratio <= LARGEST_RATIO:
        raise ValueError(
            f"The rates {sfreq:.10g} and {new_sfreq:.10g} Hz differ by more than a factor of "
            f"{LARGEST_RATIO}: give both in hertz."
        )
    n_times = len(signal)
    n_new = max(1, math.floor(n_times * ratio))
    if method == "soxr":
        return _resample_soxr(signal, sfreq, new_sfreq, n_new)
    slope = (float(signal[-1]) - float(signal[0])) / max(1, n_times - 1)
    flat = signal - (signal[0] + slope * np.arange(n_times)).astype(signal.dtype)
    if method == "polyphase":
        from scipy.signal import resample_poly

        near = near_ratio(ratio)
        new = resample_poly(flat, near.numerator, near.denominator)
    else:
        new = _resample_fft(flat, near_ratio(ratio))
    new = np.pad(new[:n_new], (0, max(0, n_new - len(new))))
    return new + (signal[0] + slope / float(ratio) * np.arange(n_new)).astype(signal.dtype)


def _resample_soxr(
    signal: NDArray[Any], sfreq: float, new_sfreq: float, n_new: int
) -> NDArray[Any]:
    import soxr

    n_lead, n_tail, n_skip = _mirrored_samples(exact(new_sfreq) / exact(sfreq))
    flat = signal - signal[0]
    whole = np.concatenate([_before(flat, n_lead), flat, _after(flat, n_tail)])
    new = soxr.resample(whole, float(sfreq), float(new_sfreq), quality="HQ")
    return new[n_skip : n_skip + n_new] + signal[0]


def _mirrored_samples(ratio: Fraction) -> tuple[int, int, int]:
    """Say how many samples are mirrored before and after, and how many new ones lie before.

    Before the signal they are a whole number of new samples, so that these keep their times. Where
    that would take many, at odd ratios of rates, there are none, as if the signal had held its
    first value.
    """
    n_tail = math.ceil(_MIRRORED / min(ratio, Fraction(1)))
    n_lead = ratio.denominator * math.ceil(n_tail / ratio.denominator)
    if n_lead > 4 * n_tail:
        n_lead = 0
    return n_lead, n_tail, int(n_lead * ratio)


def _before(flat: NDArray[Any], n_samples: int) -> NDArray[Any]:
    """Mirror the beginning of a signal that begins with 0."""
    mirrored = -flat[1 : n_samples + 1][::-1]
    first = mirrored[:1] if len(mirrored) else flat[:1]
    return np.concatenate([np.repeat(first, n_samples - len(mirrored)), mirrored])


def _after(flat: NDArray[Any], n_samples: int) -> NDArray[Any]:
    """Mirror the end of a signal at its last sample."""
    mirrored = 2 * flat[-1] - flat[-n_samples - 1 : -1][::-1]
    missing = n_samples - len(mirrored)
    last = mirrored[-1:] if len(mirrored) else flat[-1:]
    return np.concatenate([mirrored, np.repeat(last, missing)])


class StreamResampler:
    """Change the sampling rate of a signal while it is recorded, as `resample` does afterwards.

    All that is pushed, in chunks of any size, comes out with the bits that
    ``resample(signal, sfreq, new_sfreq)`` gives for the whole signal.

    Parameters
    ----------
    sfreq, new_sfreq : float
        Rates before and after in hertz.

    Attributes
    ----------
    n_in, n_out : int
        Samples that went in and came out.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg.signal import StreamResampler, resample
    >>> signal = np.random.default_rng(0).normal(size=48_000).astype("float32")
    >>> stream = StreamResampler(48_000, 10_000)
    >>> parts = [stream.push(chunk) for chunk in np.array_split(signal, 70)] + [stream.finish()]
    >>> bool(np.array_equal(np.concatenate(parts), resample(signal, 48_000, 10_000)))
    True
    """

    def __init__(self, sfreq: float, new_sfreq: float):
        self.sfreq, self.new_sfreq = float(sfreq), float(new_sfreq)
        self._ratio = exact(new_sfreq) / exact(sfreq)
        if not Fraction(1, LARGEST_RATIO) <= self._ratio <= LARGEST_RATIO:
            raise ValueError(
                f"The rates {sfreq:.10g} and {new_sfreq:.10g} Hz differ by more than a factor of "
                f"{LARGEST_RATIO}: give both in hertz."
            )
        self._n_lead, self._n_tail, self._skip = _mirrored_samples(self._ratio)
        self.n_in = self.n_out = 0
        self._first = np.float32(0)
        self._kept = np.empty(0, np.float32)  # the beginning, until it can be mirrored; the end
        self._stream: Any = None

    def push(self, chunk: NDArray[Any]) -> NDArray[np.float32]:
        """Take samples, and return those of the new rate that are ready.

        Parameters
        ----------
        chunk : ndarray of shape (n_times,), float32

        Returns
        -------
        ndarray of shape (n_new,), float32
        """
        chunk = np.asarray(chunk, dtype=np.float32)
        if not len(chunk):
            return np.empty(0, np.float32)
        if not self.n_in:
            self._first = chunk[0]
        self.n_in += len(chunk)
        flat = chunk - self._first
        if self._stream is None:
            self._kept = np.concatenate([self._kept, flat])
            return self._begin() if len(self._kept) > self._n_lead else np.empty(0, np.float32)
        self._kept = np.concatenate([self._kept, flat])[-self._n_tail - 1 :]
        return self._out(self._stream.resample_chunk(flat))

    def finish(self) -> NDArray[np.float32]:
        """Return the samples that are left; nothing can be pushed afterwards.

        Returns
        -------
        ndarray of shape (n_new,), float32
        """
        if not self.n_in:
            return np.empty(0, np.float32)
        begun = self._begin() if self._stream is None else np.empty(0, np.float32)
        rest = self._stream.resample_chunk(_after(self._kept, self._n_tail), last=True)
        n_new = max(1, math.floor(self.n_in * self._ratio)) - self.n_out
        return np.concatenate([begun, self._out(rest)[:n_new]])

    def _begin(self) -> NDArray[np.float32]:
        import soxr

        self._stream = soxr.ResampleStream(
            self.sfreq, self.new_sfreq, 1, dtype="float32", quality="HQ"
        )
        whole = np.concatenate([_before(self._kept, self._n_lead), self._kept])
        self._kept = self._kept[-self._n_tail - 1 :]
        return self._out(self._stream.resample_chunk(whole))

    def _out(self, new: NDArray[np.float32]) -> NDArray[np.float32]:
        skipped = min(self._skip, len(new))
        self._skip -= skipped
        self.n_out += len(new) - skipped
        return new[skipped:] + self._first


def near_ratio(ratio: Fraction) -> Fraction:
    """Return the nearest ratio of whole numbers of at most 60,000.

    Parameters
    ----------
    ratio : Fraction
        Between 1/1000 and 1000.

    Returns
    -------
    Fraction
        `ratio` itself where its terms are small enough, otherwise off by at most 10 ppm.

    Examples
    --------
    >>> near_ratio(exact(10_000) / exact(48_000)), near_ratio(exact(10_000) / exact(1e5 / 3))
    (Fraction(5, 24), Fraction(3, 10))
    """
    if ratio > 1:
        return 1 / near_ratio(1 / ratio)
    return ratio.limit_denominator(LARGEST_TERM)


def _resample_fft(signal: NDArray[Any], ratio: Fraction) -> NDArray[Any]:
    from scipy.fft import next_fast_len
    from scipy.signal import resample as scipy_resample

    # A whole number of periods of both rates keeps sample k at time k / new_sfreq.
    n_periods = next_fast_len(math.ceil(len(signal) / ratio.denominator), real=True)
    padded = np.zeros(n_periods * ratio.denominator, dtype=signal.dtype)
    padded[: len(signal)] = signal
    return scipy_resample(padded, n_periods * ratio.numerator)


class ZeroPhaseFilter:
    """Filter a signal forwards and backwards by Butterworth filters of the second order.

    As :func:`scipy.signal.sosfiltfilt` does, up to the first and last milliseconds: here the
    response is multiplied with one spectrum for all bands, of the signal mirrored at its ends.

    Parameters
    ----------
    signal : ndarray of shape (n_times,), float64
    sfreq : float

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg.signal import ZeroPhaseFilter
    >>> time = np.arange(10_000) / 10_000
    >>> slow, fast = np.sin(2 * np.pi * 10 * time), np.sin(2 * np.pi * 1000 * time)
    >>> filtered = ZeroPhaseFilter(slow + fast, 10_000)
    >>> below, above = filtered.bands([(0, 100), (100, 4000)])
    >>> bool(np.allclose(below[500:-500], slow[500:-500], atol=1e-3))
    True
    >>> bool(np.allclose(above[500:-500], fast[500:-500], atol=1e-3))
    True
    """

    def __init__(self, signal: NDArray[np.float64], sfreq: float):
        self._sfreq = sfreq
        self._spectrum, self._give_back = _mirrored(signal, sfreq, 0.1)

    def bands(self, bands: Sequence[tuple[float, float]]) -> list[NDArray[np.float64]]:
        """Filter into bands.

        Parameters
        ----------
        bands : sequence of (low, high)
            Hertz, below half of the sampling rate. A low edge of 0 makes a low-pass filter.

        Returns
        -------
        list of ndarray of shape (n_times,)
        """
        values, n_times = self._spectrum.values, self._spectrum.n_times
        return [
            self._give_back(values / _attenuation(n_times, low, high, self._sfreq))
            for low, high in bands
        ]


def _kept_by_length(maxsize: int) -> Callable[[_Maker], _Maker]:
    """Keep what is made of a length for the next signal of it, read-only; not of long ones."""

    def keeping(make: _Maker) -> _Maker:
        @lru_cache(maxsize)
        def kept(*asked: Any) -> NDArray[np.float64]:
            made = make(*asked)
            made.flags.writeable = False
            return made

        @wraps(make)
        def give(n_times: int, *asked: Any) -> NDArray[np.float64]:
            return (kept if n_times <= _KEPT_LENGTH else make)(n_times, *asked)

        return give

    return keeping


@_kept_by_length(maxsize=32)
def _attenuation(n_times: int, low: float, high: float, sfreq: float) -> NDArray[np.float64]:
    """Tell what a Butterworth filter divides each line of a spectrum by, there and back."""
    warped = np.tan(np.pi * _shares(n_times))  # by the bilinear transform
    start, stop = math.tan(math.pi * low / sfreq), math.tan(math.pi * high / sfreq)
    with np.errstate(divide="ignore"):
        off = warped / stop if not low else (warped**2 - start * stop) / warped / (stop - start)
    off *= off  # twice is the fourth power, which numpy takes its time for
    off *= off
    return 1 + off


def _shares(n_times: int) -> NDArray[np.float64]:
    """Give the frequencies of a spectrum as shares of the sampling rate."""
    return np.arange(n_times // 2 + 1) / n_times


def zero_phase_gain(
    signal: NDArray[np.float64], gain: Callable[[NDArray[Any]], NDArray[Any]], sfreq: float
) -> NDArray[np.float64]:
    """Multiply each frequency of a signal, mirrored at its ends for half a second, with a gain.

    Parameters
    ----------
    signal : ndarray of shape (n_times,), float64
    gain : callable
        From frequencies in hertz, an array that begins with 0, to the gain of each.
    sfreq : float

    Returns
    -------
    ndarray of shape (n_times,)

    Examples
    --------
    >>> import numpy as np
    >>> wave = np.sin(2 * np.pi * 10 * np.arange(10_000) / 10_000)
    >>> halved = zero_phase_gain(1 + wave, lambda frequency: 0.5 * (frequency > 0), 10_000)
    >>> bool(np.allclose(halved[500:-500], 0.5 * wave[500:-500], atol=0.01))
    True
    """
    spectrum, give_back = _mirrored(signal, sfreq, 0.5)
    return give_back(spectrum.values * gain(_shares(spectrum.n_times) * sfreq))


class _Spectrum(NamedTuple):
    """A spectrum, and the even number of samples that it was taken of."""

    values: NDArray[Any]
    n_times: int


def _mirrored(
    signal: NDArray[np.float64], sfreq: float, seconds: float
) -> tuple[_Spectrum, Callable[[NDArray[Any]], NDArray[np.float64]]]:
    """Give the spectrum of a signal mirrored at its ends, and the way back to the signal."""
    n_around = min(math.ceil(seconds * sfreq), len(signal) - 1)  # beyond what filters remember
    before = 2 * signal[0] - signal[1 : n_around + 1][::-1]
    after = 2 * signal[-1] - signal[len(signal) - n_around - 1 : -1][::-1]
    whole = np.concatenate([before, signal, after])
    n_more = _fast_length(len(whole)) - len(whole)  # and back to where it begins
    whole = np.pad(whole, (0, n_more), "linear_ramp", end_values=whole[0])
    values = np.fft.rfft(whole)

    def give_back(spectrum: NDArray[Any]) -> NDArray[np.float64]:
        return np.fft.irfft(spectrum, len(whole))[n_around : n_around + len(signal)]

    return _Spectrum(values, len(whole)), give_back


@lru_cache(maxsize=256)
def _fast_length(n: int) -> int:
    """Find the least even length from `n` on that has no prime factor above 5."""
    odd = [3**i * 5**j for i in range(20) for j in range(14)]
    return min(m * 2 ** max(1, math.ceil(math.log2(n / m))) for m in odd if m < 2 * n)


@_kept_by_length(maxsize=16)
def _hann(n_times: int) -> NDArray[np.float64]:
    return np.hanning(n_times)


def implausible(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which signals or segments reach amplitudes that no recording has.

    Parameters
    ----------
    values : ndarray of shape (n_items, ...)
        In mV.

    Returns
    -------
    ndarray of shape (n_items,), bool
        True where an item goes beyond `LARGEST_AMPLITUDE`. Its squares, and sums of them, could
        overflow.

    Examples
    --------
    >>> import numpy as np
    >>> implausible(np.array([[0.5, -30.0], [0.0, -1e308]]))
    array([False,  True])
    """
    axes = tuple(range(1, values.ndim))
    low, high = values.min(axis=axes, initial=0), values.max(axis=axes, initial=0)
    return (low < -LARGEST_AMPLITUDE) | (high > LARGEST_AMPLITUDE)


class SignalLevel(NamedTuple):
    """Level and flaws of a signal, see `describe_signal`."""

    rms: float
    peak: float
    flat_seconds: float
    flat_fraction: float
    clipped_fraction: float


def describe_signal(signal: NDArray[Any], sfreq: float) -> SignalLevel:
    """Measure the level of a signal, and where it is flat or clipped.

    Parameters
    ----------
    signal : ndarray of shape (n_times,)
        In mV, with one sample or more.
    sfreq : float
        Sampling rate in hertz.

    Returns
    -------
    SignalLevel
        ``rms`` and ``peak`` about the mean, ``flat_seconds`` (longest run of one repeated value),
        ``flat_fraction`` (share of samples in such runs of 20 ms or more), ``clipped_fraction``
        (share of samples that lie three or more in a row within 0.02 % of the peak-to-peak
        amplitude of the largest or smallest value).

    Examples
    --------
    >>> import numpy as np
    >>> wave = np.sin(np.arange(10_000) / 10)
    >>> describe_signal(np.where(np.arange(10_000) < 4_000, wave, 0), 10_000).flat_fraction
    0.6
    """
    wave = signal - signal.mean(dtype=np.float64)
    flat = run_lengths(np.diff(signal) == 0) + 1
    long = flat[flat >= _FLAT * sfreq]
    span = np.ptp(signal)
    clipped = 0
    for rail in (signal.min(), signal.max()) if span > 0 else ():
        runs = run_lengths(np.abs(signal - rail) <= _RAIL * span)
        clipped += runs[runs >= 3].sum()
    return SignalLevel(
        float(np.sqrt(np.mean(wave**2))),
        float(np.abs(wave).max()),
        float(flat.max(initial=0) / sfreq),
        float(long.sum() / len(signal)),
        float(clipped / len(signal)),
    )


def run_lengths(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Give the lengths of the runs of True.

    Examples
    --------
    >>> import numpy as np
    >>> run_lengths(np.array([True, True, False, True])).tolist()
    [2, 1]
    """
    return np.diff(run_edges(mask))[:, 0]


def run_edges(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Give start and stop of the runs of True, an array of shape (n_runs, 2).

    Examples
    --------
    >>> import numpy as np
    >>> run_edges(np.array([True, True, False, True])).tolist()
    [[0, 2], [3, 4]]
    """
    return np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]))).reshape(-1, 2)


def mains_share(signal: NDArray[Any], sfreq: float) -> float:
    """Measure which share of a signal's power lies on a mains frequency and its overtones.

    Parameters
    ----------
    signal : ndarray of shape (n_times,)
    sfreq : float
        Sampling rate in hertz.

    Returns
    -------
    float
        The larger share of those of 50 and 60 Hz, each with four overtones, 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> round(mains_share(np.sin(2 * np.pi * 60 * np.arange(5000) / 10_000), 10_000), 2)
    1.0
    """
    wave = signal - signal.mean(dtype=np.float64)
    n_times = _fast_length(len(wave))  # of a spectrum; other lengths take several times as long
    spectrum = np.fft.rfft(wave * _hann(len(wave)), n_times)
    power = spectrum.real**2 + spectrum.imag**2
    total = power.sum()
    if not total > 0:
        return 0.0
    step = sfreq / n_times
    tolerance = max(1.0, 1.5 * sfreq / len(wave))
    shares = []
    for mains in MAINS:
        on = np.zeros(len(power), dtype=bool)
        for line in mains * np.arange(1, 6):
            near = slice(
                max(0, int((line - tolerance) / step) - 1), int((line + tolerance) / step) + 2
            )
            frequencies = np.arange(len(power))[near] * step
            on[near] |= np.abs(frequencies - line) <= tolerance
        shares.append(float(power[on].sum() / total))
    return max(shares)


def noise_floor(signal: NDArray[Any], sfreq: float) -> float:
    """Measure the level of the quietest tenth of a signal, in pieces of 5 ms.

    Parameters
    ----------
    signal : ndarray of shape (n_times,)
        In mV.
    sfreq : float
        Sampling rate in hertz.

    Returns
    -------
    float
        Standard deviation within a piece, its 10th percentile over pieces, in mV.

    Examples
    --------
    >>> import numpy as np
    >>> quiet = np.random.default_rng(0).normal(scale=0.002, size=10_000)
    >>> round(noise_floor(quiet, 10_000), 3)
    0.002
    """
    n = max(2, round(0.005 * sfreq))
    n_pieces = len(signal) // n
    if not n_pieces:
        return float(np.std(signal))
    pieces = signal[: n_pieces * n].reshape(n_pieces, n)
    return float(np.percentile(pieces.std(axis=1, dtype=np.float64), 10))


def repeated_stretches(
    signals: Sequence[NDArray[Any]], groups: ArrayLike | None = None
) -> list[tuple[int, int, int, int]]:
    """Find signals that hold the same samples.

    A copy is found wherever it lies in the other signal, if it is 512 samples long and not flat.
    A copy that was scaled or resampled is not found.

    Parameters
    ----------
    signals : sequence of ndarray of shape (n_times,)
    groups : array-like of shape (n_signals,), default=None
        Signals of one group are not compared. Without groups all are, also each with itself: a
        stretch of it may lie in it twice.

    Returns
    -------
    list of (int, int, int, int)
        For each pair of signals, sorted, their positions and where in each the same samples were
        seen first.

    Examples
    --------
    >>> import numpy as np
    >>> a, b = np.random.default_rng(0).normal(size=(2, 4000))
    >>> repeated_stretches([a, np.concatenate([b, a[1000:2000]]), np.tile(b[:1500], 2)])
    [(0, 1, 1032, 4032), (1, 2, 0, 0), (2, 2, 0, 1500)]
    """
    group = np.arange(len(signals)) if groups is None else np.asarray(groups)
    step = 2 * SURE - PROBE  # a copy of 512 samples holds one whole probe, with room to be sure
    row, start, probe = _probes(signals, step)
    order = np.argsort(probe, kind="stable")
    row, start, probe = row[order], start[order], probe[order]
    listed = np.zeros(1 << _BITS, dtype=bool)
    listed[probe >> np.uint64(64 - _BITS)] = True
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for other, signal in enumerate(signals):
        hashes = _hashes(signal)
        at = np.flatnonzero(listed[hashes >> np.uint64(64 - _BITS)])
        first, last = (np.searchsorted(probe, hashes[at], side=side) for side in ("left", "right"))
        for position, low, high in zip(at, first, last, strict=True):
            for hit in range(low, high):
                pair = (int(row[hit]), other)
                if pair in found or pair[::-1] in found:
                    continue
                if group[pair[0]] == group[other] and (groups is not None or pair[0] != other):
                    continue
                if pair[0] == other and position <= start[hit]:
                    continue
                if _same(signals[pair[0]], int(start[hit]), signal, int(position)):
                    found[pair] = (int(start[hit]), int(position))
    return sorted(
        (*sorted(pair), *(at if pair[0] <= pair[1] else at[::-1]))  # type: ignore[misc]
        for pair, at in found.items()
    )


def _hashes(signal: NDArray[Any]) -> NDArray[np.uint64]:
    """Hash the PROBE samples from every position on; flat stretches hash to 0."""
    n_hashes = len(signal) - PROBE + 1
    if n_hashes < 1:
        return np.empty(0, dtype=np.uint64)
    hashes = _bits(signal).astype(np.uint64)
    flat = hashes[1:] == hashes[:-1]
    width = 1
    while width < PROBE:  # each round joins two neighbouring stretches, in their order
        hashes = _joined(hashes[:-width], hashes[width:], width)
        width *= 2
    n_flat = np.concatenate([[0], np.cumsum(flat)])
    hashes[n_flat[PROBE - 1 :] - n_flat[:n_hashes] > PROBE // 2] = 0
    return hashes


def _hashes_every(signal: NDArray[Any], step: int) -> NDArray[np.uint64]:
    """Every `step`-th of the hashes, without the others."""
    if len(signal) < PROBE:
        return np.empty(0, dtype=np.uint64)
    pieces = np.lib.stride_tricks.sliding_window_view(_bits(signal), PROBE)[::step]
    flat = pieces[:, 1:] == pieces[:, :-1]
    hashes = pieces.astype(np.uint64)
    width = 1
    while width < PROBE:
        hashes = _joined(hashes[:, ::2], hashes[:, 1::2], width)
        width *= 2
    return np.where(flat.sum(axis=1) > PROBE // 2, np.uint64(0), hashes[:, 0])


def _bits(signal: NDArray[Any]) -> NDArray[np.uint32]:
    return np.ascontiguousarray(signal, dtype=np.float32).view(np.uint32)


def _joined(left: NDArray[Any], right: NDArray[Any], width: int) -> NDArray[np.uint64]:
    """Hash two neighbouring stretches of this width by their hashes."""
    hashes: NDArray[np.uint64] = (left * np.uint64(0x9E3779B97F4A7C15)) ^ (
        right + (right >> np.uint64(29)) + np.uint64(width)
    )
    hashes *= np.uint64(0xBF58476D1CE4E5B9)
    hashes ^= hashes >> np.uint64(32)
    return hashes


def _probes(
    signals: Sequence[NDArray[Any]], step: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.uint64]]:
    rows, starts, probes = [], [], []
    for row, signal in enumerate(signals):
        hashes = _hashes_every(signal, step)
        kept = np.flatnonzero(hashes)
        rows.append(np.full(len(kept), row))
        starts.append(kept * step)
        probes.append(hashes[kept])
    if not rows:
        return np.empty(0, int), np.empty(0, int), np.empty(0, np.uint64)
    return np.concatenate(rows), np.concatenate(starts), np.concatenate(probes)


def _same(a: NDArray[Any], at_a: int, b: NDArray[Any], at_b: int) -> bool:
    """Whether SURE samples in a row agree where two hashes met."""
    after = _agreeing(a[at_a : at_a + SURE], b[at_b : at_b + SURE])
    before = _agreeing(a[max(0, at_a - SURE) : at_a][::-1], b[max(0, at_b - SURE) : at_b][::-1])
    return after + before >= SURE


def _agreeing(a: NDArray[Any], b: NDArray[Any]) -> int:
    n_times = min(len(a), len(b))
    differ = np.flatnonzero(a[:n_times] != b[:n_times])
    return int(differ[0]) if len(differ) else n_times


def _in_samples(name: str, seconds: float, sfreq: float) -> Fraction:
    """Convert seconds to samples, without the rounding errors of seconds such as 0.1 * 3."""
    exactly = exact(seconds).limit_denominator(10**9) * exact(sfreq)
    whole = round(exactly)
    n = Fraction(whole) if abs(exactly - whole) <= _TOLERANCE else exactly
    if n < 1:
        raise ValueError(
            f"{name}={seconds:g} s is {float(n):.3g} samples at {sfreq:.10g} Hz: give at least one "
            "sample."
        )
    return n


def n_window_samples(sfreq: float, window: float) -> int:
    """Return the number of samples of a window.

    Parameters
    ----------
    sfreq : float
        Hertz.
    window : float
        Seconds.

    Returns
    -------
    int, at least 1

    Raises
    ------
    ValueError
        If the window is shorter than one sample.
    """
    return round(_in_samples("window", window, sfreq))


def window_due(number: int, sfreq: float, window: float, hop: float) -> tuple[int, int]:
    """Say where a window of a signal that still grows begins, and when it is full.

    Parameters
    ----------
    number : int
        0 for the first window.
    sfreq : float
        Hertz.
    window, hop : float
        Seconds.

    Returns
    -------
    start, n_times : int
        The first sample, and the length of the signal from which on `window_starts` has the window,
        at that place.

    Examples
    --------
    >>> window_due(3, 10_000, window=0.4, hop=0.1)
    (3000, 7000)
    """
    length, step = _in_samples("window", window, sfreq), _in_samples("hop", hop, sfreq)
    start = math.ceil(number * step - _TOLERANCE)
    counted = math.ceil(number * step + length - _TOLERANCE)
    return start, max(start + round(length), counted)


def window_starts(n_times: int, sfreq: float, window: float, hop: float) -> NDArray[np.int64]:
    """Return the first sample of every full window of a signal.

    There are ``floor((length - window) / hop) + 1`` of them [1]_, counted in exact arithmetic:
    0.4 s every 0.1 s is 4000 samples every 1000 at 10 kHz, and 9375 every 2343.75 at 23,437.5
    Hz, where a window starts at the first whole sample after its time. Rounding errors of the
    seconds, such as those of ``0.1 * 3``, are far below a sample and do not cost a window.

    Parameters
    ----------
    n_times : int
        Length of the signal in samples.
    sfreq : float
        Hertz.
    window, hop : float
        Seconds.

    Returns
    -------
    ndarray of shape (n_windows,), int64
        Empty if the signal is shorter than one window.

    Raises
    ------
    ValueError
        If the window or the hop is shorter than one sample.

    References
    ----------
    .. [1] J. Yoo et al. (2022), section 2.2. Computer Methods and Programs in Biomedicine 226,
       107079.

    Examples
    --------
    >>> from sknemg.signal import window_starts
    >>> window_starts(7000, 10_000, window=0.4, hop=0.1).tolist()
    [0, 1000, 2000, 3000]
    >>> len(window_starts(19_199, 48_000, window=0.4, hop=0.1))
    0
    >>> window_starts(9000, 10_000, window=0.1 * 3, hop=0.1 * 3).tolist()
    [0, 3000, 6000]
    """
    length, step = _in_samples("window", window, sfreq), _in_samples("hop", hop, sfreq)
    if n_times < length - _TOLERANCE:
        return np.empty(0, dtype=np.int64)
    n_windows = math.floor((n_times - length + _TOLERANCE) / step) + 1
    starts = [math.ceil(k * step - _TOLERANCE) for k in range(n_windows)]
    last = n_times - round(length)
    return np.minimum(np.array(starts, dtype=np.int64), last)
