"""The signal files of WFDB records: how each storage format packs its samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknemg.datasets._formats.limits import check_size
from sknemg.datasets._formats.stored import ReadError

#: Bits of a sample in each format; format 8 stores differences, whose sums have no limit.
BITS: dict[int, int | None] = {
    8: None, 16: 16, 24: 24, 32: 32, 61: 16, 80: 8, 160: 16, 212: 12, 310: 10, 311: 10,
    508: 8, 516: 16, 524: 24,
}  # fmt: skip
_FLAC = {508: 8, 516: 16, 524: 24}  # and the bits that their streams may have
_SUBTYPES = {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24}
_BYTES = {8: 1, 16: 2, 24: 3, 32: 4, 61: 2, 80: 1, 160: 2}
_AT_ONCE = 2**20  # samples
_DTYPES = {8: "i1", 16: "<i2", 32: "<i4", 61: ">i2"}


def read_samples(
    path: Path,
    fmt: int,
    offset: int,
    n_frames: int | None,
    sizes: list[int],
    at: int,
    max_bytes: int,
) -> NDArray[Any]:
    """Read the numbers of one signal out of a file that several may share.

    Parameters
    ----------
    path : Path
    fmt : int
        Storage format, one of ``BITS``.
    offset : int
        Where the samples begin: bytes, or samples of a compressed file.
    n_frames : int or None
        As the header states it; None for all that are there.
    sizes : list of int
        Samples of each of the file's signals in a frame.
    at : int
        Position of the signal among those of the file.
    max_bytes : int
        Most memory for the signal, at 8 bytes a sample.

    Returns
    -------
    ndarray of shape (n_frames * sizes[at],), int
        Of format 8, the differences.
    """
    if fmt in _FLAC:
        import soundfile

        try:
            with soundfile.SoundFile(path) as file:
                return _read_flac(path, file, fmt, offset, n_frames, sizes, at, max_bytes)
        except soundfile.LibsndfileError as error:
            raise ReadError(
                f"{path.name!r} is not a FLAC file, or is damaged, and the header's format is "
                f"{fmt} ({error.error_string}): get the record again"
            ) from error
    size = max(path.stat().st_size - offset, 0)
    if n_frames is None:
        n_frames = _count_frames(path.name, fmt, size, sum(sizes))
    needed = n_bytes(fmt, n_frames * sum(sizes))
    if size < needed:
        raise ReadError(
            f"{path.name!r} has {size} bytes of samples, and the {n_frames} samples per signal of "
            f"the header take {needed}: get the record again"
        )
    if not needed:
        return np.empty(0, dtype=np.int64)
    check_size(n_frames * sizes[at], max_bytes, repr(path.name))
    raw = np.memmap(path, dtype="u1", mode="r", offset=offset, shape=(needed,))
    first, per_frame = sum(sizes[:at]), sum(sizes)
    step = max(6, _AT_ONCE // per_frame // 6 * 6)  # 6 frames end with a block of any format
    parts = []
    for begin in range(0, n_frames, step):
        end = min(begin + step, n_frames)
        some = raw[n_bytes(fmt, begin * per_frame) : n_bytes(fmt, end * per_frame)]
        frames = unpack(some, fmt, (end - begin) * per_frame).reshape(-1, per_frame)
        parts.append(frames[:, first : first + sizes[at]].ravel())
    return np.concatenate(parts)


def n_bytes(fmt: int, n: int) -> int:
    """Bytes that n samples take; the last ones of a packed format may share a byte with none."""
    if fmt == 212:
        return -(-3 * n // 2)
    if fmt in (310, 311):
        return 4 * (n // 3) + (0, 2, 4 if fmt == 310 else 3)[n % 3]
    return n * _BYTES[fmt]


def unpack(raw: NDArray[np.uint8], fmt: int, n: int) -> NDArray[Any]:
    """Turn the bytes of a signal file into its n samples.

    Examples
    --------
    >>> import numpy as np
    >>> unpack(np.array([0x01, 0xF0, 0xFF], dtype="u1"), 212, 2)
    array([ 1, -1], dtype=int32)
    """
    if fmt in _DTYPES:
        return raw.view(_DTYPES[fmt])
    if fmt == 80:
        return raw.astype(np.int16) - 128
    if fmt == 160:
        return raw.view("<u2").astype(np.int32) - 2**15
    if fmt == 24:
        wide = np.zeros((n, 4), dtype="u1")
        wide[:, 1:] = raw.reshape(n, 3)
        return wide.view("<i4")[:, 0] >> 8
    block = 3 if fmt == 212 else 4
    padded = np.zeros(-(-len(raw) // block) * block, dtype="u1")
    padded[: len(raw)] = raw
    if fmt == 212:
        low, middle, high = padded.reshape(-1, 3).astype(np.int32).T
        columns = [low | (middle & 0x0F) << 8, high | (middle & 0xF0) << 4]
    elif fmt == 310:
        left, right = padded.view("<u2").reshape(-1, 2).astype(np.int32).T
        columns = [left >> 1 & 0x3FF, right >> 1 & 0x3FF, left >> 11 | (right >> 11) << 5]
    else:
        words = padded.view("<u4").astype(np.int64)
        columns = [(words >> shift & 0x3FF).astype(np.int32) for shift in (0, 10, 20)]
    sign = 1 << (11 if fmt == 212 else 9)
    return (np.stack(columns, axis=1).ravel()[:n] ^ sign) - sign


def _count_frames(name: str, fmt: int, size: int, per_frame: int) -> int:
    """Frames of a file whose header does not state their number."""
    n = size * 2 // 3 if fmt == 212 else size // _BYTES.get(fmt, 1)
    if fmt in (310, 311) or n_bytes(fmt, n) != size or n % per_frame:
        raise ReadError(
            f"the WFDB header states no number of samples, and {name!r} of {size} bytes does not "
            "show it: write it into the header"
        )
    return n // per_frame


def _read_flac(
    path: Path,
    file: Any,
    fmt: int,
    offset: int,
    n_frames: int | None,
    sizes: list[int],
    at: int,
    max_bytes: int,
) -> NDArray[Any]:
    bits = _SUBTYPES.get(file.subtype, 99)
    if file.format != "FLAC" or bits > _FLAC[fmt] or file.channels != len(sizes):
        raise ReadError(
            f"{path.name!r} is {file.format} of {file.subtype} with {file.channels} channels, "
            f"and the header's format {fmt} is FLAC of at most {_FLAC[fmt]} bits with "
            f"{len(sizes)}: get the record again"
        )
    if len(set(sizes)) > 1:
        raise ReadError(
            f"the WFDB header gives the signals of {path.name!r} {sizes} samples per frame, "
            "and in a FLAC file they have the same number: correct it"
        )
    available = max(file.frames - offset, 0)
    n = available if n_frames is None else n_frames * sizes[0]
    if n > available or n % sizes[0]:
        raise ReadError(
            f"{path.name!r} has {available} samples per signal, and the header states {n}: "
            "get the record again"
        )
    check_size(n, max_bytes, repr(path.name))
    file.seek(min(offset, file.frames))
    blocks = [
        block[:, at] >> (32 - bits)
        for block in file.blocks(2**16, frames=n, dtype="int32", always_2d=True)
    ]
    samples = np.concatenate([np.empty(0, dtype=np.int32), *blocks])
    if len(samples) != n:
        raise ReadError(f"{path.name!r} ends after {len(samples)} of {n} samples: get it again")
    return samples
