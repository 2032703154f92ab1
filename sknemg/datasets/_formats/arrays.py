"""NumPy files: NPY and NPZ, whose headers are checked before memory is taken."""

from __future__ import annotations

import math
import os
import warnings
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import IO, Any, NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from sknemg.datasets._formats.clock import LOOKED_AT, clock_among
from sknemg.datasets._formats.limits import check_size
from sknemg.datasets._formats.names import is_rate, is_unit
from sknemg.datasets._formats.stored import (
    ReadError,
    Stored,
    check_no_clock,
    integer_limits,
    pick,
    the_one,
)

_LONGEST_HEADER = 2**16  # bytes; numpy itself takes no more than 10,000
_LONGEST_SCALAR = 2**12  # bytes of a rate or a unit
_AT_ONCE = 2**20  # bytes
_NO_PICKLE = "(a pickle is refused, because opening one runs the code it holds)"


class _Header(NamedTuple):
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    n_bytes: int  # of the array, by the header


def read_npy(path: Path, channel: str | int | None, max_bytes: int) -> Stored:
    """Read a 1-D array, whatever its only channel is called."""
    if str(channel).removeprefix("position=").isdecimal():
        pick(["0"], channel)
    with path.open("rb") as file:
        samples = _read_signal(file, os.fstat(file.fileno()).st_size, max_bytes, "the file")
    return Stored(samples, clipped=integer_limits(samples))


def read_npz(path: Path, channel: str | int | None, max_bytes: int) -> Stored:
    """Read a 1-D array, by default that called ``signal``, with its rate and unit if there."""
    with path.open("rb") as file:
        if file.read(4) != b"PK\3\4":
            raise ReadError(
                f"the file is not an NPZ archive {_NO_PICKLE}: save it with numpy.savez"
            )
    with ZipFile(path) as archive:
        hidden = [info.orig_filename for info in archive.infolist() if "\0" in info.orig_filename]
        if hidden:
            raise ReadError(f"a NUL in the name {hidden[0]!r} of an array: save it again")
        members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        names = [info.filename.removesuffix(".npy") for info in members]
        about = {name for name in names if is_rate(name) or is_unit(name)}
        if twice := {name for name in about if names.count(name) > 1}:
            raise ReadError(f"the file holds {sorted(twice)} several times: save each once")
        every = list(zip(names, members, strict=True))
        signals = [(name, member) for name, member in every if name not in about]
        default = channel is None and "signal" not in names
        wanted = "signal" if channel is None and not default else channel
        name, member = signals[pick([name for name, _ in signals], wanted)]
        rates = {n: _rate(archive, m, n) for n, m in every if is_rate(n)}
        units = {n: _unit(archive, m, n) for n, m in every if is_unit(n)}
        with _open(archive, member) as file:
            samples = _read_signal(file, member.file_size, max_bytes, f"{name!r}")
        others = {
            other: partial(_first_entries, archive, one, len(samples))
            for other, one in signals
            if one is not member
        }
        hints = clock_among(others)
    if default:
        check_no_clock(name, samples)
    sfreq, unit = the_one(rates, "sampling rates"), the_one(units, "units")
    clipped = integer_limits(samples)
    return Stored(samples, sfreq, unit, channel=name, clipped=clipped, hints=hints)


def _first_entries(archive: ZipFile, member: ZipInfo, n: int) -> NDArray[Any]:
    """Read the first entries of an array of n numbers; none of any other array."""
    try:
        with _open(archive, member) as file:
            header = _read_header(file, member.file_size, member.filename)
            if header.shape == (n,) and header.dtype.kind in "iuf":
                n_read = min(n, LOOKED_AT)
                return np.frombuffer(file.read(n_read * header.dtype.itemsize), header.dtype)
    except ReadError:  # it is not asked for
        pass
    return np.empty(0)


def _open(archive: ZipFile, member: ZipInfo) -> IO[bytes]:
    # The other methods decompress without bound, and numpy writes none of them.
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise ReadError(
            f"{member.filename!r} is compressed by method {member.compress_type}: save the file "
            "with numpy.savez or numpy.savez_compressed"
        )
    return archive.open(member)


def _read_header(file: IO[bytes], size: int, what: str) -> _Header:
    """Read the header of an array, and compare it with the number of bytes that are there."""
    start = file.read(8)
    width = 2 if start[6:7] == b"\x01" else 4
    counted = file.read(width)
    length = int.from_bytes(counted, "little")
    if start[:6] != np.lib.format.MAGIC_PREFIX or len(counted) < width:
        raise ReadError(f"{what} is not an NPY array {_NO_PICKLE}: save the array with numpy.save")
    version = (start[6], start[7])
    if version not in ((1, 0), (2, 0)) or length > _LONGEST_HEADER:
        raise ReadError(
            f"{what} has an NPY header of version {version[0]}.{version[1]} and {length} bytes, "
            "which no array of numbers needs: save the array with numpy.save"
        )
    header = BytesIO(counted + file.read(length))
    parse = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of arrays that Python 2 saved, and of what is refused
        shape, _, dtype = parse(header)
    if dtype.hasobject:
        raise ReadError(
            f"not readable as NPY: {what} holds Python objects, that is a pickle, and opening one "
            "runs the code it holds: save an array of numbers with numpy.save"
        )
    if any(n < 0 for n in shape):
        raise ReadError(
            f"{what} has the shape {shape} according to its header: save the array again"
        )
    n_bytes = math.prod(shape) * dtype.itemsize
    there = size - len(start) - width - length
    if n_bytes != there:
        raise ReadError(
            f"{what} has {n_bytes} bytes of shape {shape} and dtype {dtype} according to its "
            f"header, and {there} bytes are present: save the array again"
        )
    return _Header(shape, dtype, n_bytes)


def _read_array(file: IO[bytes], header: _Header) -> NDArray[Any]:
    body = bytearray(header.n_bytes)
    view, at = memoryview(body), 0
    while n := file.readinto(view[at : at + _AT_ONCE]):  # type: ignore[attr-defined]
        at += n
    # Reading on at the end makes zipfile compare the checksum.
    if at < header.n_bytes or file.read(1):
        raise ReadError(f"the array ends after {at} of {header.n_bytes} bytes: save it again")
    return np.frombuffer(body, dtype=header.dtype)


def _read_signal(file: IO[bytes], size: int, max_bytes: int, what: str) -> NDArray[Any]:
    header = _read_header(file, size, what)
    if len(header.shape) != 1 or header.dtype.kind not in "iuf":
        raise ReadError(
            f"an array of shape {header.shape} and dtype {header.dtype}: save one signal as a 1-D "
            "array of real numbers"
        )
    check_size(header.shape[0], max_bytes, what)
    return _read_array(file, header)


def _rate(archive: ZipFile, member: ZipInfo, name: str) -> float:
    rate = _scalar(archive, member, name)
    if rate.dtype.kind not in "iuf":
        raise ReadError(
            f"{name} in the file is {rate.item()!r} of dtype {rate.dtype}: save a number of hertz"
        )
    return float(rate.item())


def _unit(archive: ZipFile, member: ZipInfo, name: str) -> str | bytes | None:
    unit = _scalar(archive, member, name).item()
    return (unit if isinstance(unit, bytes) else str(unit)) or None


def _scalar(archive: ZipFile, member: ZipInfo, name: str) -> NDArray[Any]:
    """Read an array of one entry."""
    with _open(archive, member) as file:
        header = _read_header(file, member.file_size, name)
        if (n := math.prod(header.shape)) != 1:
            raise ReadError(f"{name} in the file has {n} entries: save one")
        if header.n_bytes > _LONGEST_SCALAR:
            raise ReadError(f"{name} in the file is {header.n_bytes} bytes long: save it again")
        return _read_array(file, header)
