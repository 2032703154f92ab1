"""Mutated headers of WFDB records: each is refused, or read as the specification has it.

The 10,000 of the slow check: ``python -m pytest tests/datasets/test_fuzz_wfdb.py -m slow``.
"""

import re

import numpy as np
import pytest
from _bytes import pack, wfdb_reading
from _mutate import bounded, fuzz

from sknemg.datasets import ReadError, read_recording

SIX = [100, -100, 50, 7, -8, 9]
UNITS = {"V": 1e3, "v": 1e3, "mV": 1, "mv": 1, "uV": 1e-3, "uv": 1e-3, "nV": 1e-6, "nv": 1e-6}
UNITS |= {f"{micro}{v}": 1e-3 for micro in ("\u00b5", "\u03bc") for v in "Vv"}


# How a header is read, until it is.
WAYS = (
    (0, {}),
    (1, {}),
    (0, {"sfreq": 300, "unit": "mV"}),
    (1, {"sfreq": 300, "scale": 0.5}),
    (None, {"sfreq": 300, "scale": 2}),
)


def _bases():
    bases = [
        ("rec 1 4000 6\nrec.dat 16 100/mV 16 0 100 58 0 EMG\n# age: 40\n", pack(16, SIX)),
        ("rec 1 4000.5\nrec.dat 16+4 13.107(3)/uV\n", bytes(4) + pack(16, SIX)),
        ("rec 2 1e3/10(2) 2 12:00:00\nrec.dat 212x2 50/mV\nrec.dat 212:1 0\n", pack(212, SIX)),
        ("rec 1 1000 6\nrec.dat 8 10/mV 12 0 5 344 0 a b\n", pack(8, SIX)),
    ]
    for fmt in (24, 32, 61, 80, 160, 310, 311):
        bases.append((f"rec 2 500 3\nrec.dat {fmt} 9/uV 0 2\nrec.dat {fmt} 9/V\n", pack(fmt, SIX)))
    return [(header.encode(), body) for header, body in bases]


def _fields(header):
    return [(m.start(), m.end(), False) for m in re.finditer(rb"[^ \t\r\n/()]+", header)]


def _expected(seen, given):
    """Samples in millivolts and the rate, by the oracle's reading and what the caller said."""
    digital = np.array(seen["digital"], dtype=np.float64)
    numbers = digital - seen["baseline"]
    if seen["gain"]:
        numbers = numbers / seen["gain"]
    unit = (seen["unit"] or "").encode("latin-1")
    text = unit.decode("utf-8", "replace")
    factor = UNITS.get(text, UNITS.get(unit.decode("latin-1"))) if seen["gain"] else None
    if factor is None:
        factor = given.get("scale", UNITS.get(given.get("unit")))
    return numbers * factor, seen["rate"] or given["sfreq"]


def _check(folder):
    path = folder / "rec.hea"

    def check(header, body):
        path.write_bytes(header)
        (folder / "rec.dat").write_bytes(body)
        files = {b"rec.dat": body, b"rec.hea": header}
        for channel, given in WAYS:
            how = {"channel": channel, "invalid": "clip"} | given
            out = bounded(lambda how=how: read_recording(path, **how))
            if not isinstance(out, Exception):
                break
            assert isinstance(out, ReadError) and "not readable" not in str(out), (header, out)
        else:
            return False
        signal, rate = _expected(wfdb_reading(header, files, channel or 0), given)
        assert np.allclose(out.signal, signal.astype(np.float32), rtol=1e-6, atol=0), header
        assert out.sfreq == rate, header
        return True

    return check


def _fuzz(folder, n, seed):
    return fuzz(_bases(), n, seed, _fields, _check(folder))


def test_bases_are_read(tmp_path):
    for header, body in _bases():
        assert _check(tmp_path)(header, body), header


@pytest.mark.filterwarnings("ignore:overflow")  # of the oracle
def test_mutated_headers_are_refused_or_right(tmp_path):
    counts = _fuzz(tmp_path, 120, seed=0)
    assert min(counts.values()) > 15, counts


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:overflow")
def test_ten_thousand_mutated_headers_are_refused_or_right(tmp_path):
    counts = _fuzz(tmp_path, 10_000, seed=1)
    assert min(counts.values()) > 1000, counts
