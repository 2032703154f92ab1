"""NumPy files: NPY and NPZ."""

from __future__ import annotations

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


def _vector(array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim != 1 or array.dtype.kind not in "iuf":
        raise ReadError(
            f"an array of shape {array.shape} and dtype {array.dtype}: save one signal as 1-D "
            "array of real numbers"
        )
    return array


def read_npy(path: Path) -> Stored:
    """Read a 1-D array."""
    samples = _vector(np.load(path, allow_pickle=False))
    return Stored(samples, clipped=integer_limits(samples))


def read_npz(path: Path, channel: str | int | None) -> Stored:
    """Read a 1-D array, by default that called ``signal``, with ``sfreq`` and ``unit`` if there."""
    with np.load(path, allow_pickle=False) as archive:
        names = [name for name in archive.files if name not in ("sfreq", "unit")]
        wanted = "signal" if channel is None and "signal" in names else channel
        name = names[pick(names, wanted)]
        samples = _vector(archive[name])
        sfreq = float(_single(archive, "sfreq")) if "sfreq" in archive.files else None
        unit = str(_single(archive, "unit")) if "unit" in archive.files else None
    return Stored(samples, sfreq, unit, channel=name, clipped=integer_limits(samples))


def _single(archive: Any, name: str) -> Any:
    entry = archive[name]
    if entry.size != 1:
        raise ReadError(f"{name} in the file has {entry.size} entries: save one")
    return entry.item()
