"""WFDB records: a header and the signal files that it names."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknemg.datasets._formats.stored import CUT, PER_COUNT, ReadError, Stored, pick
from sknemg.datasets._formats.units import decode, spell
from sknemg.datasets._formats.wfdb_samples import BITS, read_samples

_NUMBER = re.compile(rb"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_FORMAT = re.compile(
    rb"(?P<format>[0-9]+)(?:x(?P<per_frame>[0-9]+))?(?::(?P<skew>[0-9]+))?(?:\+(?P<offset>[0-9]+))?"
)
_GAIN = re.compile(rb"(?P<gain>[^(/]*)(?:\((?P<baseline>[^()]*)\))?(?:/(?P<unit>[^()]+))?")
_SUFFIXES = (".hea", ".dat", ".bin")


@dataclass(frozen=True)
class _Signal:
    """A line of the header; None stands for what it does not state."""

    file: str
    format: int
    per_frame: int
    skew: int
    offset: int
    gain: float | None
    baseline: int
    unit: bytes | None
    initial: int | None
    checksum: int | None
    name: str
    problem: str


@dataclass(frozen=True)
class _Header:
    sfreq: float | None
    n_frames: int | None
    signals: list[_Signal]
    comments: tuple[str, ...]


def find_header(path: Path) -> Path | None:
    """Find the header of the record that a path names: it, one of its files, or the bare name."""
    if path.suffix.lower() == ".hea":
        return path
    bare = path.with_name(path.name + ".hea")
    if bare.exists():
        return bare
    header = path.with_suffix(".hea") if path.suffix else bare
    if path.suffix.lower() in _SUFFIXES:
        return header
    named = header.exists() and path.name in {signal.file for signal in _read(header).signals}
    return header if named else None


def wfdb_files(path: Path) -> list[Path]:
    """Find the header of a record and the signal files that it names, all in one folder."""
    header = find_header(path)
    if header is None or not header.exists():
        name = path.with_suffix(".hea").name
        role = "" if name == path.name else f", which says how {path.name!r} is stored"
        raise ReadError(f"no header {name!r}{role}: add it")
    names = dict.fromkeys(signal.file for signal in _read(header).signals)
    outside = [name for name in names if re.search(r"[/\\:\0]", name) or name in ("..", "~", "-")]
    if outside:
        raise ReadError(f"the header names {outside} as signal file: it must lie beside it")
    return [header, *(header.with_name(name) for name in names)]


def read_wfdb(path: Path, channel: str | int | None, max_bytes: int, *, clip: bool) -> Stored:
    """Read one channel at its own rate, in the unit of the header."""
    header_path = wfdb_files(path)[0]
    header = _read(header_path)
    names = [signal.name or str(at) for at, signal in enumerate(header.signals)]
    at = pick(names, channel)
    signal = header.signals[at]
    digital = _stored_samples(header_path, header, at, max_bytes)
    _check_sum(digital, header, at)
    digital = digital[signal.skew * signal.per_frame :]
    bits = BITS[signal.format]
    lowest = np.zeros(len(digital), dtype=bool) if bits is None else digital == -(2 ** (bits - 1))
    samples = digital.astype(np.float64)
    samples -= signal.baseline
    if signal.gain is not None:
        samples /= signal.gain
    if not clip:
        samples[lowest] = np.nan  # the format's code for "no value"
    return Stored(
        samples,
        sfreq=None if header.sfreq is None else header.sfreq * signal.per_frame,
        unit=None if signal.gain is None else signal.unit,
        needs_scale=signal.problem,
        channel=names[at],
        clipped=None if bits is None else lowest | (digital == 2 ** (bits - 1) - 1),
        comments=header.comments,
        gap_hint=f"{CUT}; where they are clipped values rather than a gap, give invalid='clip'",
    )


# -- header ------------------------------------------------------------------------------------


def _read(path: Path) -> _Header:
    """Read a header as WFDB's specification says (header(5)), from its bytes.

    What the specification assumes where a field is missing (250 Hz, 200 units per mV) is a guess
    here, and stays unknown.
    """
    body = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    lines = [line.strip(b" \t") for line in body.splitlines()]
    comments = tuple(decode(line).strip(" \t#") for line in lines if line.startswith(b"#"))
    lines = [line for line in lines if line and not line.startswith(b"#")]
    record = _fields(lines[0], 4) if lines else []
    if len(record) < 2 or b"/" in record[0]:
        raise ReadError("the WFDB header is empty or of several segments: save it as one record")
    n_signals = _integer(record[1], "number of signals", least=0)
    if n_signals != len(lines) - 1:
        raise ReadError(
            f"the WFDB header announces {n_signals} signals and describes {len(lines) - 1}: "
            "correct it"
        )
    sfreq = _rate(record[2]) if len(record) > 2 else None
    n_frames = _integer(record[3], "number of samples", least=0) if len(record) > 3 else 0
    signals = [_signal(line, at) for at, line in enumerate(lines[1:])]
    return _Header(sfreq, n_frames or None, signals, comments)


def _fields(line: bytes, n: int) -> list[bytes]:
    """Split a line at blanks and tabs into its first n fields and the rest."""
    return re.split(rb"[ \t]+", line, maxsplit=n)


def _integer(field: bytes, name: str, *, least: int = -(2**31), most: int = 2**63) -> int:
    if not re.fullmatch(rb"[-+]?[0-9]{1,19}", field) or not least <= int(field) < most:
        bound = f" >= {least}" if least > -(2**31) else ""
        raise ReadError(
            f"the WFDB header's {name} is {spell(field)}, not an integer{bound}: correct it"
        )
    return int(field)


def _number(field: bytes) -> float | None:
    number = float(field) if _NUMBER.fullmatch(field) else math.nan
    return number if math.isfinite(number) else None


def _rate(field: bytes) -> float:
    rate = _number(field.partition(b"/")[0])  # the rest is that of a tape's counter
    if rate is None or rate <= 0:
        raise ReadError(
            f"the WFDB header's sampling rate is {spell(field)}, not a number > 0: correct it"
        )
    return rate


def _signal(line: bytes, at: int) -> _Signal:
    fields = _fields(line, 8)
    where = f"of signal {at}"
    layout = _FORMAT.fullmatch(fields[1]) if len(fields) > 1 else None
    if layout is None or int(layout["format"]) not in BITS:
        known = ", ".join(map(str, BITS))
        raise ReadError(
            f"the WFDB header's format {where} is {spell(b' '.join(fields[1:2]))}, which is not "
            f"read: save it as one of {known}"
        )
    per_frame = _integer(layout["per_frame"] or b"1", f"samples per frame {where}", least=1)
    skew = _integer(layout["skew"] or b"0", f"skew {where}")
    offset = _integer(layout["offset"] or b"0", f"byte offset {where}")
    names = ("ADC resolution", "ADC zero", "initial value", "checksum", "block size")
    numbers = [
        _integer(field, f"{name} {where}", most=2**31)
        for name, field in zip(names, fields[3:8], strict=False)
    ]
    zero, initial, checksum = [*numbers[1:4], None, None, None][:3]
    gain, baseline, unit, problem = _gain(fields[2] if len(fields) > 2 else b"", where)
    return _Signal(
        file=os.fsdecode(fields[0]),
        format=int(layout["format"]),
        per_frame=per_frame,
        skew=skew,
        offset=offset,
        gain=gain,
        baseline=(zero or 0) if baseline is None else baseline,
        unit=unit,
        initial=initial,
        checksum=checksum,
        name=decode(fields[8]) if len(fields) > 8 else "",
        problem=problem,
    )


def _gain(field: bytes, where: str) -> tuple[float | None, int | None, bytes | None, str]:
    """Read ``gain(baseline)/unit``: gain, baseline, unit, and why there is no gain."""
    match = _GAIN.fullmatch(field)
    if match is None:
        raise ReadError(
            f"the WFDB header's gain {where} is {spell(field)}, not gain(baseline)/unit: correct it"
        )
    baseline = None
    if match["baseline"] is not None:
        baseline = _integer(match["baseline"], f"baseline {where}", most=2**31)
    gain = _number(match["gain"])
    if gain:
        return gain, baseline, match["unit"], ""
    said = f" but {spell(field)}" if gain is None and match["gain"] else ""
    return None, baseline, None, f"the WFDB header has no gain{said}, so give `scale`, {PER_COUNT}"


# -- samples -----------------------------------------------------------------------------------


def _stored_samples(header_path: Path, header: _Header, at: int, max_bytes: int) -> NDArray[Any]:
    """Read all samples of a signal as they are stored, its skew not yet taken off."""
    signal = header.signals[at]
    path = header_path.with_name(signal.file)
    with path.open("rb") as file:
        if file.read(8).startswith((b"MATLAB ", b"\x89HDF\r\n\x1a\n")):
            raise ReadError(
                f"{path.name!r} is a MATLAB or HDF5 file whose samples do not lie as the WFDB "
                "header says: save the signal as NPY"
            )
    group = [other for other in header.signals if other.file == signal.file]
    first = header.signals.index(group[0])
    alike = {(other.format, other.offset) for other in group}
    if header.signals[first : first + len(group)] != group or len(alike) > 1:
        raise ReadError(
            f"the WFDB header's signals of {signal.file!r} are not consecutive, or differ in "
            "format or byte offset: correct it"
        )
    sizes = [other.per_frame for other in group]
    samples = read_samples(
        path, signal.format, signal.offset, header.n_frames, sizes, at - first, max_bytes
    )
    if signal.format == 8:
        if signal.initial is None:
            raise ReadError(
                f"format 8 stores differences, and the WFDB header states no initial value of "
                f"signal {at}: write it into the header"
            )
        samples = samples.cumsum(dtype=np.int64) + signal.initial
    return samples


def _check_sum(samples: NDArray[Any], header: _Header, at: int) -> None:
    """Compare the samples with the header's checksum: the last 16 bits of their sum."""
    stated = header.signals[at].checksum
    if stated is None or (stated == 0 and header.n_frames is None):  # a placeholder then
        return
    found = int(samples.sum(dtype=np.int64)) % 2**16
    if not -(2**15) <= stated < 2**16 or found != stated % 2**16:
        signed = found - 2**16 * (found >= 2**15)
        raise ReadError(
            f"the checksum of signal {at} is {stated} in the WFDB header and "
            f"{signed if stated < 0 else found} in its samples: get the record again"
        )
