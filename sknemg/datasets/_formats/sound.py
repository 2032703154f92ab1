"""FLAC and other sound files that libsndfile reads: fractions of full scale."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sknemg.datasets._formats.limits import check_size
from sknemg.datasets._formats.stored import ReadError, Stored, pick
from sknemg.datasets._formats.wav import FRACTIONS, check_full_scale

_AT_ONCE = 2**16  # frames
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_FLOATS = ("FLOAT", "DOUBLE")
_UNKNOWN = 2**62  # frames of a file whose header does not state them


def read_sound(path: Path, channel: str | int | None, max_bytes: int) -> Stored:
    """Read one channel as fractions of full scale."""
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            at = pick([str(i) for i in range(file.channels)], channel)
            rate, kind, n_frames = file.samplerate, file.subtype, file.frames
            if n_frames < _UNKNOWN:
                check_size(n_frames, max_bytes)
            parts = []
            n_read = 0
            while len(block := file.read(_AT_ONCE, dtype="float64", always_2d=True)):
                n_read += len(block)
                check_size(n_read, max_bytes)
                parts.append(block[:, at].copy())
    except soundfile.LibsndfileError as error:
        raise ReadError(f"not readable as a sound file ({error}): export it again") from error
    if n_read != n_frames:
        raise ReadError(
            f"the file has {n_frames} samples according to its header, and {n_read} are present: "
            "export it again"
        )
    samples = np.concatenate([np.empty(0), *parts])
    clipped = None
    if kind in _FLOATS:
        check_full_scale(samples)
    elif kind in _BITS:
        step = 2.0 ** (1 - min(_BITS[kind], 24))
        clipped = (samples <= -1) | (samples >= 1 - step)
    return Stored(samples, float(rate), needs_scale=FRACTIONS, channel=str(at), clipped=clipped)
