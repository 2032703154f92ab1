"""Mutated headers of EDF files: each is refused, or read as the specification has it.

The 10,000 of the slow check: ``python -m pytest tests/datasets/test_fuzz_edf.py -m slow``.
"""

import io

import edfio
import numpy as np
import pytest
from _bytes import MAIN, OF_SIGNALS, edf_file, edf_reading
from _mutate import bounded, fuzz

from sknemg.datasets import ReadError, read_recording

UNITS = {"V": 1e3, "v": 1e3, "mV": 1, "mv": 1, "uV": 1e-3, "uv": 1e-3, "nV": 1e-6, "nv": 1e-6}
UNITS |= {f"{micro}{v}": 1e-3 for micro in ("\u00b5", "\u03bc") for v in "Vv"}


# How a header is read, until it is.
WAYS = ((0, {}), (1, {}), (0, {"unit": "mV"}), (1, {"scale": 0.5}), (None, {"scale": 2}))


def _bases():
    one = {"digital": [1, -2, 3, -4, 5, -32768, 32767, 8]}
    other = {"digital": [9, 8, 7, 6], "unit": "mV", "label": "ref", "physical_max": "-5e3"}
    bases = [
        edf_file([one], 2, duration="0.5"),
        edf_file([one, other], 4, duration="0.1"),
        edf_file([one, other], 2, ["+0", "+0.25"], kind="EDF+C", duration="0.25"),
        edf_file([other, one], 4, ["+1", "+2", "+3", "+4"], kind="EDF+D"),
    ]
    return [(body[: int(body[184:192])], body[int(body[184:192]) :]) for body in bases]


def _fields(header):
    spans, at = [], 0
    for name, width in MAIN:
        if name not in ("patient", "recording", "date", "time"):
            spans.append((at, at + width, True))
        at += width
    n_signals = (len(header) - 256) // 256
    for name, width in OF_SIGNALS:
        for _ in range(n_signals):
            if name not in ("transducer", "prefilter", "reserved"):
                spans.append((at, at + width, True))
            at += width
    return [span for span in spans if span[1] <= len(header)]


def _seen_by_edfio(body, channel):
    """Stored numbers as edfio reads them, or None where it does not."""
    try:
        edf = edfio.read_edf(io.BytesIO(body), header_encoding="latin-1")
        return np.array(edf.signals[channel].digital)
    except Exception:
        return None


def _expected(seen, given):
    """Samples in millivolts, by the oracle's reading and what the caller said."""
    numbers, factor = np.array(seen["digital"], dtype=np.float64), None
    if seen["gain"] is not None:
        numbers = numbers * float(seen["gain"]) + float(seen["offset"])
        texts = (seen["unit"].decode(code, "replace") for code in ("utf-8", "latin-1"))
        factor = next((UNITS[text] for text in texts if text in UNITS), None)
    return numbers * (factor or given.get("scale") or UNITS[given["unit"]])


def _check(folder):
    path = folder / "a.edf"

    def check(header, rest):
        body = header + rest
        path.write_bytes(body)
        for channel, given in WAYS:
            how = {"channel": channel} | given
            out = bounded(lambda how=how: read_recording(path, **how))
            if not isinstance(out, Exception):
                break
            assert isinstance(out, ReadError) and "not readable" not in str(out), (header, out)
        else:
            return False
        seen = edf_reading(body, channel or 0)
        signal = _expected(seen, given)
        assert np.allclose(out.signal, signal.astype(np.float32), rtol=1e-6, atol=1e-12), header
        assert out.sfreq == float(seen["rate"]), header
        stored = _seen_by_edfio(body, channel or 0)
        assert stored is None or np.array_equal(stored, seen["digital"]), header
        return True

    return check


@pytest.mark.filterwarnings("ignore")  # of edfio, and overflow in the oracle
def test_bases_are_read(tmp_path):
    for header, rest in _bases():
        assert _check(tmp_path)(header, rest)


@pytest.mark.filterwarnings("ignore")
def test_mutated_headers_are_refused_or_right(tmp_path):
    counts = fuzz(_bases(), 120, 0, _fields, _check(tmp_path))
    assert min(counts.values()) > 15, counts


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_ten_thousand_mutated_headers_are_refused_or_right(tmp_path):
    counts = fuzz(_bases(), 10_000, 1, _fields, _check(tmp_path))
    assert min(counts.values()) > 1000, counts
