"""`BandPass`: recordings in one band, without mains hum, whatever machine made them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from numbers import Real
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.signal import czt, firwin, upfirdn
from sklearn.utils._param_validation import Interval, StrOptions

from sknemg.base import RowTransformer
from sknemg.recordings import Recordings
from sknemg.recordings._problems import raise_problems
from sknemg.signal import MAINS, zero_phase_gain

#: Lines that are taken out: the mains frequency and its overtones; and the width of a notch, Hz.
LINES, NOTCH = 5, 5.0
#: Prime factors of a length up to which its discrete Fourier transform is fast.
_LARGEST_FACTOR = 300


class BandPass(RowTransformer):
    """Keep a band of every recording, and take mains hum out.

    Machines differ in their filters: what one keeps below 20 Hz another has lost. A common band
    leaves a model nothing there to lean on. Each recording is filtered by itself, forwards and
    backwards, so that no potential is delayed, by a Butterworth filter of the second order and, for
    mains, by five notches 5 Hz wide. The ends of a recording are mirrored.

    Parameters
    ----------
    low : float, default=20.0
    high : float, default=4500.0
        Corners in hertz, at which half of the amplitude is left.
    mains : {"auto"}, float or None, default="auto"
        Frequency in hertz of the hum, which is taken out with four overtones. "auto" takes, in each
        recording, that of 50 and 60 Hz whose lines stand out more, also where neither does: a
        recording without hum loses as much as one with it. None leaves the hum.
    input_sfreq : float, default=None
        Sampling rate of plain arrays and lists, which carry none.

    Raises
    ------
    InvalidRecordingsError
        By `transform`, naming the recordings sampled at less than twice `high`.
    ValueError
        If `low` is not below `high`.

    See Also
    --------
    Downsampler : Brings recordings to one rate, before this step or after it.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import BandPass, Recordings
    >>> time = np.arange(10_000) / 10_000
    >>> spikes = np.sin(2 * np.pi * 700 * time)
    >>> drift, hum = 3 * time, np.sin(2 * np.pi * 50 * time)
    >>> X = Recordings([spikes + drift + hum], sfreq=10_000)
    >>> clean = BandPass().fit_transform(X)
    >>> bool(np.abs(clean[0] - spikes)[500:-500].max() < 0.05)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "low": [Interval(Real, 0, None, closed="neither")],
        "high": [Interval(Real, 0, None, closed="neither")],
        "mains": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither"), None],
        "input_sfreq": [None, Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        low: float = 20.0,
        high: float = 4500.0,
        *,
        mains: float | Literal["auto"] | None = "auto",
        input_sfreq: float | None = None,
    ):
        self.low = low
        self.high = high
        self.mains = mains
        self.input_sfreq = input_sfreq

    def _transform(self, X: Recordings) -> Recordings:
        if not self.low < self.high:
            raise ValueError(
                f"low={self.low!r} must be below high={self.high!r}: give two corners."
            )
        rates = X["sfreq"].to_numpy(dtype=float)
        if len(slow := np.flatnonzero(rates < 2 * self.high)):
            raise_problems(
                slow,
                [f"sampled at {rates[row]:.10g} Hz" for row in slow],
                f"give recordings of at least {2 * self.high:g} Hz, or a lower `high`",
            )
        values = np.empty(X.values.shape, dtype=np.result_type(X.values.dtype, np.float32))
        for start, stop, rate in zip(X.offsets[:-1], X.offsets[1:], rates, strict=True):
            wave = X.values[start:stop].astype(np.float64)
            values[start:stop] = filter_band(wave, rate, self.low, self.high, self.mains)
        return X.with_values(values, X.offsets)


def filter_band(
    signal: NDArray[np.float64],
    sfreq: float,
    low: float,
    high: float,
    mains: float | str | None = "auto",
) -> NDArray[np.float64]:
    """Filter a signal as :class:`BandPass` does.

    Parameters
    ----------
    signal : ndarray of shape (n_times,), float64
    sfreq : float
        Sampling rate in hertz.
    low, high : float
        Corners in hertz.
    mains : {"auto"}, float or None, default="auto"

    Returns
    -------
    ndarray of shape (n_times,)

    Examples
    --------
    >>> filter_band(np.ones(1000), 10_000, 20, 4500).round(6).any()
    np.False_
    """
    line = louder_mains(signal, sfreq) if mains == "auto" else mains
    return zero_phase_gain(signal, _gain(low, high, line), sfreq)


def _gain(low: float, high: float, line: Any) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Squared amplitude, as a signal filtered forwards and backwards has it, by frequency."""

    def gain(frequency: NDArray[Any]) -> NDArray[Any]:
        with np.errstate(divide="ignore"):
            kept = 1 / (1 + (frequency / high) ** 4) / (1 + (low / frequency) ** 4)
        for notch in [] if line is None else line * np.arange(1, LINES + 1):
            off = (frequency**2 - notch**2) ** 2
            kept = kept * off / (off + (NOTCH * frequency) ** 2)
        return kept

    return gain


def louder_mains(signal: NDArray[Any], sfreq: float) -> float:
    """Tell which mains frequency stands out more, with its overtones, from what is beside it.

    Parameters
    ----------
    signal : ndarray of shape (n_times,)
    sfreq : float
        Sampling rate in hertz.

    Returns
    -------
    float
        50 or 60, in hertz.

    Examples
    --------
    >>> louder_mains(np.sin(2 * np.pi * 180 * np.arange(10_000) / 10_000), 10_000)
    60.0
    """
    wave = signal - signal.mean(dtype=np.float64)
    step = sfreq / len(wave)
    highest = MAINS[1] * LINES + 4.0 + 3 * step
    power = np.abs(_spectrum_below(wave * np.hanning(len(wave)), sfreq, highest)) ** 2
    frequency = np.fft.rfftfreq(len(wave), 1 / sfreq)[: len(power)]
    excess = []
    for mains in MAINS:
        found = 0.0
        for line in mains * np.arange(1, LINES + 1):
            off = np.abs(frequency - line)
            on, beside = off <= max(1.0, 1.5 * step), (off > 2.0) & (off <= 4.0 + 3 * step)
            if on.any() and beside.any():
                found += float(power[on].sum() - power[beside].mean() * on.sum())
        excess.append(found)
    return MAINS[int(excess[1] > excess[0])]


def _spectrum_below(wave: NDArray[np.float64], sfreq: float, highest: float) -> NDArray[Any]:
    """Give the first part of the discrete Fourier transform of a signal, up to a frequency.

    The transform of a length with a prime factor above 300 takes several times longer than that
    of its neighbours, and another length would have other frequencies. There, the signal is
    decimated first, of which a chirp z-transform then gives the frequencies of its own length:
    within 1e-6 of the largest value.
    """
    n_times, factor = len(wave), int(sfreq / (6 * highest))
    n_bins = min(int(highest * n_times / sfreq) + 2, n_times // 2 + 1)
    if factor < 2 or not _has_large_factor(n_times):
        return np.fft.rfft(wave)[:n_bins]
    taps = _lowpass(factor)
    turn = np.exp(-2j * np.pi / n_times)
    decimated = czt(upfirdn(taps, wave, down=factor), n_bins, w=turn**factor)
    return factor * decimated / czt(taps, n_bins, w=turn)


def _has_large_factor(number: int) -> bool:
    for factor in range(2, _LARGEST_FACTOR + 1):
        while number and number % factor == 0:
            number //= factor
    return number > 1


@cache
def _lowpass(factor: int) -> NDArray[np.float64]:
    """Give a filter that keeps what is below a third of the decimated band, and stops aliases."""
    return firwin(16 * factor + 1, 1 / factor, window=("kaiser", 18.0))
