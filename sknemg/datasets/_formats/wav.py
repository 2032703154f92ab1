"""WAV files: fractions of full scale.

The chunks are walked here, rather than by scipy, which takes a data chunk that states too few
bytes and passes over what is left.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sknemg.datasets._formats.limits import check_size
from sknemg.datasets._formats.stored import ReadError, Stored, pick

_HEADROOM = 2.0  # a float WAV may exceed full scale, as after a filter, but not by much
FRACTIONS = (
    "a sound file holds fractions of full scale, so give `scale`, the millivolts at full scale"
)
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_WIDTHS = {_PCM: (1, 2, 3, 4), _FLOAT: (4, 8)}
_GUID_END = {
    "<": bytes.fromhex("00001000800000aa00389b71"),
    ">": bytes.fromhex("00000010800000aa00389b71"),
}
_IN_DS64 = 2**32 - 1
_MOST_CHUNKS = 10_000


class CompressedError(ReadError):
    """A WAV file of samples that are neither PCM nor floats."""


class _Format(NamedTuple):
    """What the chunk ``fmt`` says."""

    is_float: bool
    channels: int
    rate: int
    width: int  # bytes a sample
    bits: int  # of them that are used


def read_wav(path: Path, channel: str | int | None, max_bytes: int) -> Stored:
    """Read one channel as fractions of full scale."""
    with path.open("rb") as file:
        order, form, start, size = _walk(file, os.fstat(file.fileno()).st_size)
    at = pick([str(i) for i in range(form.channels)], channel)
    n_frames = size // (form.channels * form.width)
    check_size(n_frames, max_bytes)
    shape = (n_frames, form.channels, form.width)
    raw = np.empty((0, form.width), dtype=np.uint8)
    if n_frames:
        raw = np.memmap(path, dtype=np.uint8, mode="r", offset=start, shape=shape)[:, at]
    samples = _decode(raw, order, form)
    clipped = None
    if form.is_float:
        check_full_scale(samples)
    else:
        clipped = _at_limits(samples, form.bits)
        half = 2.0 ** (8 * samples.dtype.itemsize - 1)
        samples = samples / half
        samples -= form.width == 1  # one byte is unsigned
    return Stored(
        samples, float(form.rate), needs_scale=FRACTIONS, channel=str(at), clipped=clipped
    )


def _decode(raw: NDArray[np.uint8], order: str, form: _Format) -> NDArray[Any]:
    """Turn the bytes of one channel, of shape (n_times, width), into numbers."""
    width = form.width
    if width == 3:  # left-justified in 4
        raw = np.pad(raw, ((0, 0), (1, 0) if order == "<" else (0, 1)))
        width = 4
    kind = "f" if form.is_float else "u" if width == 1 else "i"
    return np.ascontiguousarray(raw).view(f"{order}{kind}{width}")[:, 0]


def _at_limits(samples: NDArray[Any], bits: int) -> NDArray[np.bool_]:
    """Mark samples at the lowest or highest code of this many bits, left-justified."""
    limits = np.iinfo(samples.dtype)
    step = 2 ** (limits.bits - bits)
    if limits.bits == 32:
        step = max(step, 256)  # what converters of 24 bits, or from float32, cannot tell apart
    return (samples <= limits.min) | (samples >= limits.max - (step - 1))


def check_full_scale(samples: NDArray[Any]) -> None:
    """Refuse floats far beyond full scale, which are not fractions of it."""
    peak = np.abs(samples[np.isfinite(samples)]).max(initial=0.0)
    if peak > _HEADROOM:
        raise ReadError(
            f"a sound file of floats that reach {peak:g}, where full scale is 1: these are not "
            "fractions of full scale, so save the numbers as NPY or text with their unit"
        )


# -- chunks ------------------------------------------------------------------------------------


def _walk(file: IO[bytes], n_bytes: int) -> tuple[str, _Format, int, int]:
    """Return byte order, format, and place and size of the samples; no byte is passed over."""
    head = _take(file, 12)
    if head[:4] not in (b"RIFF", b"RIFX", b"RF64") or head[8:] != b"WAVE":
        raise _broken(f"it begins with {head!r}")
    order = ">" if head[:4] == b"RIFX" else "<"
    (size,) = struct.unpack(order + "I", head[4:8])
    large = {}
    if head[:4] == b"RF64":
        size, large[b"data"] = _read_ds64(file, size)
    end, at, odd, n_chunks = 8 + size, file.tell(), 0, 0
    form, data = None, None
    while at < end:
        file.seek(at)
        name, size = struct.unpack(order + "4sI", _take(file, 8))
        if not all(32 <= byte < 127 for byte in name) or (n_chunks := n_chunks + 1) > _MOST_CHUNKS:
            raise _broken(f"no chunk begins at byte {at} ({name!r})")
        if size == _IN_DS64:
            size = large.get(name, size)
        if at + 8 + size > n_bytes:
            there = n_bytes - at - 8
            raise _broken(f"{name!r} has {size} bytes according to its header, {there} are present")
        if (name == b"fmt " and form) or (name == b"data" and (data or not form)):
            raise _broken(f"{name!r} at byte {at} is out of order")
        if name == b"fact" and size < 4:
            raise _broken(f"{name!r} has {size} bytes according to its header, it needs 4")
        if name == b"fmt ":
            form = _read_format(_take(file, min(size, 40)), order)
        elif name == b"data":
            data = at + 8, size
        odd = size % 2  # then a byte is put in, which some leave out at the end
        at += 8 + size + odd
    if not form or not data:
        raise _broken("it lacks a chunk 'fmt ' or 'data'")
    if end not in (at, at - odd) or n_bytes not in (at, at - odd):
        raise _broken(f"it has {end} bytes according to its header, {n_bytes} are present")
    if data[1] % (form.channels * form.width):
        raise _broken(
            f"{data[1]} bytes of samples are not whole samples of {form.channels} channels, "
            f"{form.width} bytes each"
        )
    return order, form, *data


def _read_ds64(file: IO[bytes], size: int) -> tuple[int, int]:
    """Return the sizes of an RF64 file and of its samples, which may exceed 32 bits."""
    name, n = struct.unpack("<4sI", _take(file, 8))
    whole, data, _, n_more = struct.unpack("<QQQI", _take(file, 28))
    if name != b"ds64" or n != 28 + 12 * n_more:
        raise _broken("RF64 without a sound chunk 'ds64'")
    file.seek(12 * n_more, os.SEEK_CUR)
    return whole if size == _IN_DS64 else size, data


def _read_format(chunk: bytes, order: str) -> _Format:
    if len(chunk) < 16:
        raise _broken(f"'fmt ' has {len(chunk)} bytes")
    tag, channels, rate, per_second, block, bits = struct.unpack(order + "HHIIHH", chunk[:16])
    used = bits
    if tag == _EXTENSIBLE:
        if len(chunk) < 40:
            raise _broken(f"'fmt ' has {len(chunk)} bytes")
        used, _, tag = struct.unpack(order + "HII", chunk[18:28])
        used = used or bits
        if chunk[28:40] != _GUID_END[order]:
            raise _broken(f"its format is {chunk[24:40].hex()}")
    if tag not in _WIDTHS:
        raise CompressedError(
            f"a WAV file of format {tag}: save it as PCM or float samples, not compressed"
        )
    width = block // max(channels, 1)
    sizes = (
        width in _WIDTHS[tag]
        and block == width * channels
        and (bits + 7) // 8 == width
        and 0 < used <= bits
        and (tag == _PCM or used == bits == 8 * width)
    )
    if not sizes or per_second != rate * block:
        raise _broken(
            f"{channels} channels of {bits} bits at {rate} Hz do not make {block} bytes a sample "
            f"and {per_second} bytes a second"
        )
    return _Format(tag == _FLOAT, channels, rate, width, used)


def _take(file: IO[bytes], n: int) -> bytes:
    taken = file.read(n)
    if len(taken) < n:
        raise _broken("it ends within its header")
    return taken


def _broken(problem: str) -> ReadError:
    return ReadError(f"not readable as WAV ({problem}): export it again")
