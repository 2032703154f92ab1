"""Readers of a lab's own formats, by the suffix of their files."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sknemg.datasets._formats.limits import check_size
from sknemg.datasets._formats.stored import ReadError, Stored, integer_limits


class RawSignal(NamedTuple):
    """What a function given to :func:`register_reader` returns.

    Attributes
    ----------
    samples : ndarray of shape (n_times,)
        As the file holds them.
    sfreq : float, default=None
        Sampling rate in hertz, if the file states it.
    unit : str, default=None
        Unit of the samples, if the file states it.
    channel : str, default=None
        Name of the channel.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg.datasets import RawSignal
    >>> RawSignal(np.array([100, -200, 300]), sfreq=10_000.0, unit="uV").unit
    'uV'
    """

    samples: Any
    sfreq: float | None = None
    unit: str | None = None
    channel: str | None = None


Reader = Callable[[Path, str | int | None], RawSignal]

READERS: dict[str, Reader] = {}


def read_own(path: Path, channel: str | int | None, max_bytes: int) -> Stored:
    """Let the registered reader read, and check what it returns."""
    found = READERS[path.suffix.lower()](path, channel)
    if not isinstance(found, RawSignal):
        raise ReadError(f"its reader returned {type(found).__name__}: return a RawSignal")
    if np.ma.is_masked(found.samples):  # an array would hold the numbers behind the mask
        raise ReadError("its reader returned masked samples: return NaN there, or cut them out")
    samples = np.asarray(found.samples)
    if samples.ndim != 1 or samples.dtype.kind not in "iuf":
        raise ReadError(
            f"its reader returned samples of shape {samples.shape} and dtype {samples.dtype}: "
            "return one signal as a 1-D array of real numbers"
        )
    check_size(len(samples), max_bytes)
    rate = found.sfreq
    if rate is not None and (isinstance(rate, bool) or not isinstance(rate, Real)):
        raise ReadError(f"its reader returned the sampling rate {rate!r}: return hertz, or None")
    if found.unit is not None and not isinstance(found.unit, str):
        raise ReadError(f"its reader returned the unit {found.unit!r}: return text, or None")
    return Stored(
        samples,
        None if rate is None else float(rate) if math.isfinite(rate) else math.nan,
        found.unit,
        channel=found.channel,
        clipped=integer_limits(samples),
    )
