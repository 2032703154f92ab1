"""Filters without phase, on the spectrum of a signal mirrored at its ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sknemg.signal.lengths import fast_length, kept_by_length, one_signal
from sknemg.signal.rates import check_rate


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

        Raises
        ------
        ValueError
            If a band is none, or reaches half of the sampling rate.
        """
        if wrong := [band for band in bands if not 0 <= band[0] < band[1] < self._sfreq / 2]:
            raise ValueError(
                f"bands holds {', '.join(map(str, wrong))} at {self._sfreq:.10g} Hz: give pairs "
                f"(low, high) in hertz with 0 <= low < high < {self._sfreq / 2:.10g}."
            )
        values, n_times = self._spectrum.values, self._spectrum.n_times
        return [
            self._give_back(values / _attenuation(n_times, low, high, self._sfreq))
            for low, high in bands
        ]


@kept_by_length(maxsize=32)
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
    """Multiply each frequency of a signal, mirrored at its ends for half a second, by a gain.

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
    check_rate(sfreq)
    signal = one_signal(signal).astype(np.float64)  # integers would overflow
    n_around = min(math.ceil(seconds * sfreq), len(signal) - 1)  # beyond what filters remember
    before = 2 * signal[0] - signal[1 : n_around + 1][::-1]
    after = 2 * signal[-1] - signal[len(signal) - n_around - 1 : -1][::-1]
    whole = np.concatenate([before, signal, after])
    n_more = fast_length(len(whole)) - len(whole)  # and back to where it begins
    whole = np.pad(whole, (0, n_more), "linear_ramp", end_values=whole[0])
    values = np.fft.rfft(whole)

    def give_back(spectrum: NDArray[Any]) -> NDArray[np.float64]:
        return np.fft.irfft(spectrum, len(whole))[n_around : n_around + len(signal)]

    return _Spectrum(values, len(whole)), give_back
