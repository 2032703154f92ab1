"""EDF and BDF files of 16 and 24 bits, with and without the annotations of EDF+ and BDF+."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sknemg.datasets._formats.limits import check_size
from sknemg.datasets._formats.stored import PER_COUNT, Part, ReadError, Stored, pick
from sknemg.datasets._formats.units import decode, spell
from sknemg.recordings._problems import listed

_WHOLE = re.compile(rb" *([-+]?[0-9]+) *")
_NUMBER = re.compile(rb" *([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?) *")
_ONSET = re.compile(rb"([-+][0-9]{1,12}(?:\.[0-9]*)?)\x14\x14")
# Fields of the header that describe a signal each, with their widths: first that of all signals
# is stored, then the next.
_WIDTHS = {
    "label": 16,
    "transducer": 80,
    "unit": 8,
    "physical minimum": 8,
    "physical maximum": 8,
    "digital minimum": 8,
    "digital maximum": 8,
    "prefiltering": 80,
    "samples per data record": 8,
    "reserved": 32,
}
_DRIFT = 1e-6  # of the time: how far record clock and sampling rate may differ, as rates may
_AGAIN = "export the file again"


class _Kind(NamedTuple):
    """What distinguishes the two formats."""

    name: str
    first: bytes  # of the file
    width: int  # bytes a sample

    @property
    def annotations(self) -> bytes:
        return self.name.encode() + b" Annotations"

    @property
    def bits(self) -> int:
        return 8 * self.width


_EDF = _Kind("EDF", b"0       ", 2)
_BDF = _Kind("BDF", b"\xffBIOSEMI", 3)


@dataclass(frozen=True)
class _Header:
    """What the header says about the file, checked; ``fields`` hold those of each signal."""

    kind: _Kind
    size: int
    n_records: int
    duration: Fraction
    discontinuous: bool
    fields: list[dict[str, bytes]]
    n_samples: list[int]

    def is_annotation(self, at: int) -> bool:
        return self.fields[at]["label"] == self.kind.annotations


def read_edf(path: Path, channel: str | int | None, max_bytes: int) -> Stored:
    """Read one channel; signals of annotations are not counted among the channels."""
    header = _read_header(path)
    ordinary, names = _channels(header)
    picked = pick(names, channel)
    at = ordinary[picked]
    rate = header.n_samples[at] / header.duration
    check_size(header.n_records * header.n_samples[at], max_bytes)
    records = _records(path, header)
    parts = _parts(records, header, at, _float(rate))
    digital = _signal(records, header, at).ravel()
    range_ = _range(header.fields[at], header.kind)
    samples: NDArray[Any] = digital
    if not range_.problem:
        samples = digital * range_.gain
        samples += range_.offset
    return Stored(
        samples,
        sfreq=_float(rate),
        unit=None if range_.problem else header.fields[at]["unit"] or None,
        needs_scale=range_.problem,
        channel=names[picked],
        clipped=(digital <= range_.lowest) | (digital >= range_.highest),
        parts=parts,
    )


class Channel(NamedTuple):
    """What the header says about a channel; the unit as its bytes."""

    name: str
    sfreq: float
    unit: bytes


def edf_channels(path: Path) -> list[Channel]:
    """List the channels, in the order of the file."""
    header = _read_header(path)
    return [
        Channel(name, _float(header.n_samples[at] / header.duration), header.fields[at]["unit"])
        for at, name in zip(*_channels(header), strict=True)
    ]


def _channels(header: _Header) -> tuple[list[int], list[str]]:
    ordinary = [at for at in range(len(header.fields)) if not header.is_annotation(at)]
    return ordinary, [decode(header.fields[at]["label"]) for at in ordinary]


# -- header ------------------------------------------------------------------------------------


def _read_header(path: Path) -> _Header:
    with path.open("rb") as file:
        head = file.read(256)
        format_ = _BDF if head[:8] == _BDF.first else _EDF
        name = format_.name
        if len(head) < 256 or (format_ is _EDF and head[:8].strip(b" ") != b"0"):
            raise ReadError(
                "not an EDF or BDF file, which begins with '0' and blanks, or with 255 and "
                f"'BIOSEMI': {_AGAIN}"
            )
        n_signals = _whole(head[252:256], "number of signals", least=0)
        body = file.read(256 * n_signals)
    size = _whole(head[184:192], "number of bytes in the header", least=256)
    if size != 256 * (n_signals + 1) or len(body) < 256 * n_signals:
        raise ReadError(
            f"the {name} header says that it has {size} bytes, the file {path.stat().st_size}, and "
            f"{n_signals} signals take {256 * (n_signals + 1)}: {_AGAIN}"
        )
    kind = head[192:236].upper()
    plus = f"{name}+".encode()
    if kind.startswith(plus) and head[192:197] not in (plus + b"C", plus + b"D"):
        raise ReadError(
            f"the {name} header's kind is {spell(head[192:236].strip(b' '))} instead of {name}+C "
            f"or {name}+D: {_AGAIN}"
        )
    fields = _signal_fields(body, n_signals)
    n_samples = [
        _whole(field["samples per data record"], f"samples per data record of signal {at}", least=1)
        for at, field in enumerate(fields)
    ]
    n_records = _whole(head[236:244], "number of data records", least=0)
    stored = path.stat().st_size - size
    width = format_.width
    if stored != n_records * width * sum(n_samples):
        _refuse_size(stored, n_records, width * sum(n_samples))
    only_annotations = all(field["label"] == format_.annotations for field in fields)
    duration = Fraction(0) if only_annotations else _duration(head[244:252])
    gaps = kind.startswith(plus + b"D")
    return _Header(format_, size, n_records, duration, gaps, fields, n_samples)


def _signal_fields(body: bytes, n_signals: int) -> list[dict[str, bytes]]:
    fields: list[dict[str, bytes]] = [{} for _ in range(n_signals)]
    start = 0
    for name, width in _WIDTHS.items():
        for at in range(n_signals):
            fields[at][name] = body[start : start + width].strip(b" ")
            start += width
    return fields


def _whole(field: bytes, name: str, least: int) -> int:
    match = _WHOLE.fullmatch(field)
    if match is None or int(match[1]) < least:
        raise ReadError(
            f"the header's {name} is {spell(field.strip(b' '))}, not an integer >= {least}: "
            f"{_AGAIN}"
        )
    return int(match[1])


def _number(field: bytes) -> Fraction | None:
    match = _NUMBER.fullmatch(field)
    return None if match is None else Fraction(match[1].decode())


def _duration(field: bytes) -> Fraction:
    duration = _number(field)
    if duration is None or not 0 < _float(duration) < math.inf:
        raise ReadError(
            f"the header's duration of a data record is {spell(field.strip(b' '))}, not a "
            f"number of seconds > 0: {_AGAIN}"
        )
    return duration


def _refuse_size(stored: int, n_records: int, record: int) -> None:
    if stored < n_records * record:
        what = f"ends after {stored // record} of {n_records} data records"
    else:
        what = f"goes on for {stored - n_records * record} bytes after its {n_records} data records"
    raise ReadError(f"the file {what}: {_AGAIN}")


class _Range(NamedTuple):
    """How stored counts become numbers in the header's unit, or why they do not."""

    lowest: int
    highest: int
    gain: float = math.nan
    offset: float = math.nan
    problem: str = ""


def _range(fields: dict[str, bytes], kind: _Kind) -> _Range:
    """Read physical and digital range; the physical one may be reversed, as EDF+ allows."""
    problems, digital, physical = [], [], []
    half = 2 ** (kind.bits - 1)
    for end in ("minimum", "maximum"):
        field = fields[f"physical {end}"]
        number = _number(field)
        if number is None or not math.isfinite(_float(number)):
            problems.append(f"the physical {end} is {spell(field)}, not a number")
        else:
            physical.append(number)
        field = fields[f"digital {end}"]
        match = _WHOLE.fullmatch(field)
        if match is None or not -half <= int(match[1]) < half:
            problems.append(
                f"the digital {end} is {spell(field)}, not an integer of {kind.bits} bits"
            )
        else:
            digital.append(int(match[1]))
    if len(digital) == 2 and digital[0] >= digital[1]:
        problems.append(f"the digital minimum {digital[0]} is not below the maximum {digital[1]}")
    limits = (-half, half - 1)
    if not problems:
        limits = (digital[0], digital[1])
        gain = (physical[1] - physical[0]) / (digital[1] - digital[0])
        offset = physical[0] - gain * digital[0]
        if math.isfinite(_float(offset)) and math.isfinite(_float(gain)) and _float(gain) != 0:
            return _Range(*limits, float(gain), float(offset))
        span = " to ".join(spell(fields[f"physical {end}"]) for end in ("minimum", "maximum"))
        problems.append(f"the physical range is {span}")
    said = " and ".join(problems)
    return _Range(
        *limits, problem=f"in the {kind.name} header {said}, so give `scale`, {PER_COUNT}"
    )


def _float(number: Fraction) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


# -- data records ------------------------------------------------------------------------------


def _records(path: Path, header: _Header) -> NDArray[np.uint8]:
    shape = (header.n_records, sum(header.n_samples), header.kind.width)
    if not header.n_records:
        return np.empty(shape, dtype=np.uint8)
    return np.memmap(path, dtype=np.uint8, mode="r", offset=header.size, shape=shape)


def _bytes(records: NDArray[np.uint8], header: _Header, at: int) -> NDArray[np.uint8]:
    """Return the bytes of one signal, of shape (n_records, n_samples, width)."""
    start = sum(header.n_samples[:at])
    return np.ascontiguousarray(records[:, start : start + header.n_samples[at]])


def _signal(records: NDArray[np.uint8], header: _Header, at: int) -> NDArray[np.integer]:
    raw = _bytes(records, header, at)
    if header.kind is _EDF:
        return raw.view("<i2")[..., 0]
    wide = np.zeros((*raw.shape[:2], 4), dtype=np.uint8)
    wide[..., 1:] = raw  # left-justified, so that the sign is right
    return wide.view("<i4")[..., 0] >> 8


def _parts(records: NDArray[np.uint8], header: _Header, at: int, sfreq: float) -> tuple[Part, ...]:
    """Find the stretches without gaps, by the clock that EDF+ keeps in its annotations."""
    clocks = [i for i in range(len(header.fields)) if header.is_annotation(i)]
    if not header.n_records or not (clocks or header.discontinuous):
        return ()
    if not clocks:
        raise ReadError(
            f"an {header.kind.name}+D file without the times of its data records: {_AGAIN}"
        )
    onsets = _onsets(_bytes(records, header, clocks[0]), header.kind.name)
    duration, per_record = float(header.duration), header.n_samples[at]
    begins = _breaks(onsets, duration, 0.5 / sfreq)
    ends = [*begins[1:], len(onsets)]
    parts = tuple(
        Part(begin * per_record, end * per_record, float(onsets[begin] - onsets[0]))
        for begin, end in zip(begins, ends, strict=True)
    )
    jumps = [(float(onsets[i - 1] - onsets[0]) + duration, float(onsets[i])) for i in begins[1:]]
    back = [(old, new) for old, new in jumps if new - onsets[0] < old]
    if back or (jumps and not header.discontinuous):
        old, new = (back or jumps)[0]
        why = "which is backwards" if back else "in a file that claims to be without gaps"
        raise ReadError(
            f"the clock of the data records jumps from {old:g} s to {new - onsets[0]:g} s, {why}: "
            "export each part as its own file"
        )
    return parts


def _onsets(annotations: NDArray[np.uint8], name: str) -> NDArray[np.float64]:
    """Read the time at which each data record begins, in seconds."""
    matches = [_ONSET.match(record.tobytes()) for record in annotations]
    bad = [row for row, match in enumerate(matches) if match is None]
    if bad:
        raise ReadError(
            f"{listed(bad, 'data record')} of {len(matches)} (from 0) do not begin with their "
            f"time, as {name}+ requires: {_AGAIN}"
        )
    return np.array([float(match[1]) for match in matches if match])


def _breaks(onsets: NDArray[np.float64], duration: float, half: float) -> list[int]:
    """Find the data records at which the clock departs from the number of samples.

    A step may be half a sample off, and all steps together the accuracy of a rate.
    """
    elapsed = np.arange(len(onsets)) * duration
    lag = onsets - elapsed
    begins = [0, *(np.flatnonzero(np.abs(np.diff(lag)) > half) + 1).tolist()]
    found = []
    for begin, end in zip(begins, [*begins[1:], len(onsets)], strict=True):
        while begin < end:
            found.append(begin)
            drift = np.abs(lag[begin:end] - lag[begin])
            apart = drift > half + _DRIFT * (elapsed[begin:end] - elapsed[begin])
            begin += int(np.argmax(apart)) if apart.any() else end - begin
    return found
