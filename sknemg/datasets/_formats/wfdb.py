"""WFDB records: a header and the signal files that it names."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from sknemg.datasets._formats.stored import (
    CUT,
    ReadError,
    Stored,
    need,
    pick,
)

_WFDB_BITS = {"80": 8, "310": 10, "311": 10, "212": 12, "16": 16, "61": 16, "24": 24, "32": 32}


def wfdb_files(path: Path) -> list[Path]:
    """Find the header of a record and the signal files that it names, all in one folder."""
    stem = path.with_suffix("") if path.suffix.lower() in (".hea", ".dat", ".bin") else path
    header = stem.with_name(stem.name + ".hea")
    if not header.exists():
        raise ReadError(f"no header {header.name!r}, which says how {path.name!r} is stored")
    names = dict.fromkeys(line.split()[0] for line in _signal_lines(header))
    outside = [name for name in names if re.search(r"[/\\:]", name) or name in ("..", "~", "-")]
    if outside:
        raise ReadError(f"the header names {outside} as signal file: it must lie beside it")
    return [header, *(header.with_name(name) for name in names)]


def _signal_lines(header: Path) -> list[str]:
    """Return the lines of a WFDB header that describe a signal each."""
    text = header.read_text(encoding="utf-8", errors="replace")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    record = lines[0].split() if lines else []
    if len(record) < 2 or "/" in record[0]:
        raise ReadError("the WFDB header is empty or of several segments: save it as one record")
    return lines[1:]


def read_wfdb(path: Path, channel: str | int | None, *, clip: bool) -> Stored:
    """Read one channel at its own rate, in the unit of the header."""
    wfdb = need("wfdb")
    header_path = wfdb_files(path)[0]
    name = str(header_path.with_suffix(""))
    header = wfdb.rdheader(name)
    names = [label or str(i) for i, label in enumerate(header.sig_name or [])]
    at = pick(names, channel)
    # Digital and unsmoothed: wfdb would average a channel that is faster than the frame rate.
    record = wfdb.rdrecord(name, channels=[at], physical=False, smooth_frames=False)
    digital = np.asarray(record.e_d_signal[0])
    samples = np.asarray(record.dac(expanded=True)[0], dtype=np.float64)
    missing = np.isnan(samples)
    if clip:
        samples[missing] = (digital[missing] - record.baseline[0]) / record.adc_gain[0]
    top = 2 ** (_WFDB_BITS.get(record.fmt[0], 33) - 1) - 1
    gain = (_signal_lines(header_path)[at].split() + ["", "", "0"])[2]
    calibrated = float(re.match(r"[-+.\deE]*", gain)[0] or 0) != 0  # type: ignore[index]
    return Stored(
        samples if calibrated else digital,
        sfreq=record.fs * record.samps_per_frame[0],
        unit=record.units[0] if calibrated else None,
        needs_scale="" if calibrated else "the WFDB header has no gain, so give scale",
        channel=names[at],
        clipped=missing | (digital == top),
        comments=tuple(header.comments),
        gap_hint=f"{CUT}; where they are clipped values rather than a gap, give invalid='clip'",
    )
