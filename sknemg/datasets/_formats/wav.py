"""WAV files: fractions of full scale."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknemg.datasets._formats.stored import (
    ReadError,
    Stored,
    integer_limits,
    pick,
)

_HEADROOM = 2.0  # a float WAV may exceed full scale, as after a filter, but not by much


_WAV_SCALE = "a WAV file holds fractions of full scale, so give scale, the millivolts at full scale"


def read_wav(path: Path, channel: str | int | None) -> Stored:
    """Read one channel as fractions of full scale."""
    from scipy.io import wavfile

    with warnings.catch_warnings():
        # Chunks of metadata are no loss; a file that ends early is.
        warnings.simplefilter("error", wavfile.WavFileWarning)
        warnings.filterwarnings("ignore", r"Chunk \(non-data\)", wavfile.WavFileWarning)
        rate, samples = wavfile.read(path)
    samples = samples.reshape(len(samples), -1)
    at = pick([str(i) for i in range(samples.shape[1])], channel)
    samples = samples[:, at]
    if samples.dtype.kind == "f":
        _check_full_scale(samples)
    clipped = integer_limits(samples)
    if samples.dtype == np.int32:
        clipped = (samples >= 2**31 - 256) | (samples == -(2**31))
    if samples.dtype.kind in "iu":
        half = 2.0 ** (8 * samples.dtype.itemsize - 1)  # 24 bits come left-justified in 32
        samples = samples / half - (1 if samples.dtype.kind == "u" else 0)
    return Stored(samples, float(rate), needs_scale=_WAV_SCALE, channel=str(at), clipped=clipped)


def _check_full_scale(samples: NDArray[Any]) -> None:
    peak = np.abs(samples[np.isfinite(samples)]).max(initial=0.0)
    if peak > _HEADROOM:
        raise ReadError(
            f"a WAV file of floats that reach {peak:g}, where full scale is 1: these are no "
            "fractions of full scale, so save the numbers as NPY or text with their unit"
        )
