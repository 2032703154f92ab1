"""What transforms of a signal need: its length, fast lengths, windows, and what is kept."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_KEPT_LENGTH = 250_000  # samples, up to which what is made of a length is kept for the next signal

#: Makes an array of a length, and of what else it is asked.
_Maker = Callable[..., NDArray[np.float64]]


def one_signal(signal: ArrayLike) -> NDArray[Any]:
    """Return one signal as an array, or refuse what is none or has no samples.

    Examples
    --------
    >>> one_signal([[1.0, 2.0]])
    Traceback (most recent call last):
    ValueError: A signal has the shape (n_times,), with samples; got (1, 2).
    """
    signal = np.asarray(signal)
    if signal.ndim != 1 or not len(signal):
        raise ValueError(f"A signal has the shape (n_times,), with samples; got {signal.shape}.")
    return signal


def kept_by_length(maxsize: int) -> Callable[[_Maker], _Maker]:
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


@lru_cache(maxsize=256)
def fast_length(n: int) -> int:
    """Find the least even length from `n` on that has no prime factor above 5."""
    odd = [3**i * 5**j for i in range(20) for j in range(14)]
    return min(m * 2 ** max(1, math.ceil(math.log2(n / m))) for m in odd if m < 2 * n)


@kept_by_length(maxsize=16)
def hann(n_times: int) -> NDArray[np.float64]:
    """Make a window of Hann."""
    return np.hanning(n_times)
