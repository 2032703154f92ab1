"""What of a signal is not EMG: mains hum and the noise between discharges."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknemg.signal.lengths import fast_length, hann, one_signal
from sknemg.signal.rates import check_rate

MAINS = (50.0, 60.0)  # Hz


def mains_share(signal: NDArray[Any], sfreq: float) -> float:
    """Measure what share of a signal's power lies on a mains frequency and its overtones.

    Parameters
    ----------
    signal : ndarray of shape (n_times,)
    sfreq : float
        Sampling rate in hertz.

    Returns
    -------
    float
        The larger share of those of 50 and 60 Hz, each with four overtones, 0 to 1.

    Raises
    ------
    ValueError
        If `sfreq` is not a positive number.

    Examples
    --------
    >>> import numpy as np
    >>> round(mains_share(np.sin(2 * np.pi * 60 * np.arange(5000) / 10_000), 10_000), 2)
    1.0
    """
    check_rate(sfreq)
    signal = one_signal(signal)
    wave = signal - signal.mean(dtype=np.float64)
    n_times = fast_length(len(wave))  # of a spectrum; other lengths take several times as long
    spectrum = np.fft.rfft(wave * hann(len(wave)), n_times)
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

    Raises
    ------
    ValueError
        If `sfreq` is not a positive number.

    Examples
    --------
    >>> import numpy as np
    >>> quiet = np.random.default_rng(0).normal(scale=0.002, size=10_000)
    >>> round(noise_floor(quiet, 10_000), 3)
    0.002
    """
    n = max(2, round(0.005 * check_rate(sfreq)))
    signal = one_signal(signal)
    n_pieces = len(signal) // n
    if not n_pieces:
        return float(np.std(signal))
    pieces = signal[: n_pieces * n].reshape(n_pieces, n)
    return float(np.percentile(pieces.std(axis=1, dtype=np.float64), 10))
