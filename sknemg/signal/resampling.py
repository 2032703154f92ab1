"""Change the sampling rate of a signal."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sknemg.signal.ends import mirrored_after, mirrored_before, n_mirrored
from sknemg.signal.lengths import one_signal
from sknemg.signal.rates import exact, ratio_of

ResampleMethod = Literal["soxr", "polyphase", "fft"]

#: Largest whole number in the ratio of two rates that "polyphase" and "fft" work with. The nearest
#: such ratio is at most 10 ppm off: less than the clocks of two amplifiers differ.
LARGEST_TERM = 60_000


def resample(
    signal: NDArray[Any], sfreq: float, new_sfreq: float, *, method: ResampleMethod = "soxr"
) -> NDArray[Any]:
    """Change the sampling rate of a signal.

    Every method takes the signal to be zero outside; an offset or a ramp then rings at both
    ends (an error of 0.4 at the first sample of a constant 1). ``"soxr"`` therefore works on the
    signal with its ends mirrored at their first and last sample, which takes only a few
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
        If the method is unknown, there are no samples, they are integers, a rate is none, or one is
        more than 1000 times the other.

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
    signal = one_signal(signal)
    if signal.dtype.kind != "f":
        raise ValueError(f"A signal of {signal.dtype} would be rounded: give floats, in mV.")
    ratio = ratio_of(sfreq, new_sfreq)
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

    n_lead, n_tail, n_skip = n_mirrored(exact(new_sfreq) / exact(sfreq))
    flat = signal - signal[0]
    whole = np.concatenate([mirrored_before(flat, n_lead), flat, mirrored_after(flat, n_tail)])
    new = soxr.resample(whole, float(sfreq), float(new_sfreq), quality="HQ")
    return new[n_skip : n_skip + n_new] + signal[0]


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
