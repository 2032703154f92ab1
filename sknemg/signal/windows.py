"""Where the windows of a signal begin, in samples, and when each is complete."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from sknemg.signal.rates import check_rate, exact, is_number

_TOLERANCE = Fraction(1, 10**6)  # of a sample: the rounding errors of seconds given as floats


def _in_samples(name: str, seconds: float, sfreq: float) -> Fraction:
    """Convert seconds to samples, without the rounding errors of seconds such as 0.1 * 3."""
    check_rate(sfreq)
    if not is_number(seconds):
        raise ValueError(f"{name}={seconds!r} is no time: give seconds.")
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

    Examples
    --------
    >>> from sknemg.signal import n_window_samples
    >>> n_window_samples(10_000, 0.4)
    4000
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
