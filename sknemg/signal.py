"""Pure functions on one signal: change its sampling rate, cut it into windows."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

ResampleMethod = Literal["soxr", "polyphase", "fft"]


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
    ends (an error of 0.4 at the first sample of a constant 1). So the line through the first
    and the last sample is taken off before and put back after, as if the signal went on along
    that line.

    Parameters
    ----------
    signal : ndarray of shape (n_times,), float
    sfreq, new_sfreq : float
        Rates before and after in hertz.
    method : {"soxr", "polyphase", "fft"}, default="soxr"
        ``"soxr"``, the SoX resampler at its high quality, leaves no alias above -138 dB;
        ``"polyphase"`` is :func:`scipy.signal.resample_poly` (an alias of -29 dB at 5.6 kHz when
        going to 10 kHz); ``"fft"`` is :func:`scipy.signal.resample`, a brick wall, as in the
        authors' public script [1]_.

    Returns
    -------
    ndarray of shape (floor(n_times * new_sfreq / sfreq),), dtype of `signal`
        Sample ``k`` belongs to the time ``k / new_sfreq``. No sample lies beyond the end of
        the signal, so the number of windows stays that of the original.

    Raises
    ------
    ValueError
        If the method is unknown or the samples are whole numbers.

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
        raise ValueError(f"method={method!r} is unknown; choose one of {get_args(ResampleMethod)}")
    if signal.dtype.kind != "f":
        raise ValueError(f"A signal of {signal.dtype} would be rounded: give floats, in mV.")
    ratio = exact(new_sfreq) / exact(sfreq)
    n_times = len(signal)
    n_new = max(1, math.floor(n_times * ratio))
    slope = (float(signal[-1]) - float(signal[0])) / max(1, n_times - 1)
    flat = signal - (signal[0] + slope * np.arange(n_times)).astype(signal.dtype)
    if method == "soxr":
        import soxr

        new = soxr.resample(flat, float(sfreq), float(new_sfreq), quality="HQ")
    elif method == "polyphase":
        from scipy.signal import resample_poly

        new = resample_poly(flat, ratio.numerator, ratio.denominator)
    else:
        new = _resample_fft(flat, ratio)
    new = np.pad(new[:n_new], (0, max(0, n_new - len(new))))
    return new + (signal[0] + slope / float(ratio) * np.arange(n_new)).astype(signal.dtype)


def _resample_fft(signal: NDArray[Any], ratio: Fraction) -> NDArray[Any]:
    from scipy.fft import next_fast_len
    from scipy.signal import resample as scipy_resample

    # A whole number of periods of both rates keeps sample k at time k / new_sfreq.
    n_periods = next_fast_len(math.ceil(len(signal) / ratio.denominator), real=True)
    padded = np.zeros(n_periods * ratio.denominator, dtype=signal.dtype)
    padded[: len(signal)] = signal
    return scipy_resample(padded, n_periods * ratio.numerator)


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
    """
    return max(1, round(exact(window) * exact(sfreq)))


def window_starts(n_times: int, sfreq: float, window: float, hop: float) -> NDArray[np.int64]:
    """Return the first sample of every full window of a signal.

    There are ``floor((length - window) / hop) + 1`` of them [1]_, counted in exact arithmetic:
    0.4 s every 0.1 s is 4000 samples every 1000 at 10 kHz, and 9375 every 2343.75 at 23,437.5
    Hz, where a window starts at the first whole sample after its time.

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
    """
    length, step = exact(window) * exact(sfreq), exact(hop) * exact(sfreq)
    if n_times < length:
        return np.empty(0, dtype=np.int64)
    n_windows = math.floor((n_times - length) / step) + 1
    starts = np.array([math.ceil(k * step) for k in range(n_windows)], dtype=np.int64)
    return np.minimum(starts, n_times - n_window_samples(sfreq, window))
