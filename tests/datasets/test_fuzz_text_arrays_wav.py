"""Damaged files of text, NPY, NPZ and WAV: each is refused, or read as independent readers do.

``SKNEMG_FUZZ=10000`` sets the number of damaged files of each kind; the slow test takes 10,000.
"""

import io
import os
import re
import struct
import tracemalloc
import zipfile
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import soundfile
from _mutate import bounded

from sknemg.datasets import ReadError, read_recording

FEW = int(os.environ.get("SKNEMG_FUZZ", "120"))
VALUES = np.array([0.25, -1.5, 12.0, -0.125, 3.5, 7.75, -20.0, 0.5, -0.75, 1.125])


# -- damage ------------------------------------------------------------------------------------


def damage_bytes(body, rng, end):
    """Change, take out, put in, repeat or cut off some of the first bytes."""
    body = bytearray(body) or bytearray(1)
    end = min(end, len(body))
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(end))
        how = rng.integers(9)
        if how == 0:
            body[at] ^= 1 << rng.integers(8)
        elif how == 1:
            body[at] = rng.integers(256)
        elif how == 2:
            del body[at : at + rng.integers(1, 5)]
        elif how == 3:
            body[at:at] = rng.bytes(rng.integers(1, 5))
        elif how == 4:
            other = int(rng.integers(end))
            body[at : at + 4] = body[other : other + 4]
        elif how == 5:
            del body[rng.integers(len(body) + 1) :]
        elif how == 6:
            body += rng.bytes(rng.integers(1, 9)) if rng.integers(2) else bytes(8)
        else:
            width = int(rng.choice([1, 2, 4, 8]))
            top = 2 ** (8 * width)
            old = int.from_bytes(body[at : at + width], "little")
            odd = [0, 1, top - 1, top // 2, top // 2 - 1, 2 * old, old // 2, old + 1, old - 1]
            new = int(odd[rng.integers(len(odd))]) % top
            body[at : at + width] = new.to_bytes(width, "little")
        end = max(1, min(end, len(body)))
        if not body:
            return b""
    return bytes(body)


TOKENS = [
    *",;\t \"\n\r.-+015eEa#%'\\_\0\x0b\x0c\x1a\x85\u2028",
    *"\ufeff\u2212\xa0\u2009\u0661\uff11\xb2\xbdé",
    *('""', "\r\n", "\n\n", "--", "00", "0.5", "0,5", "1e5", "1e400", "1e-400", "nan", "NaN"),
    *("inf", "-inf", "NA", "# ", "µV", "1_000", "0x1A", "1d5", "1 234", "1,234.5", ",,", ";;"),
    *("emg", "time", "0,1,2", "True", "5.", ".5"),
]


def damage_text(text, rng, end):
    """Change a text by characters that mean something in numbers or between them."""
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(min(end, len(text)) + 1))
        token = TOKENS[rng.integers(len(TOKENS))]
        how = rng.integers(6)
        if how < 2:
            text = text[:at] + token + text[at:]
        elif how == 2:
            text = text[:at] + token + text[at + len(token) :]
        elif how == 3:
            text = text[:at] + text[at + rng.integers(1, 4) :]
        elif how == 4:
            lines = text.split("\n")
            one, two = rng.integers(len(lines), size=2)
            lines[one], lines[two] = lines[two], lines[one]
            text = "\n".join(lines)
        else:
            lines = text.split("\n")
            del lines[rng.integers(len(lines))]
            text = "\n".join(lines)
    return text


# -- files, whole ------------------------------------------------------------------------------


def npy(array, version=None):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    return file.getvalue()


def npz(packed, **arrays):
    file = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(file, **arrays)
    return file.getvalue()


def wav(subtype, n_channels, form="WAV", endian="FILE"):
    file = io.BytesIO()
    signal = np.stack([VALUES / 32, VALUES[::-1] / 40], axis=1)[:, :n_channels]
    soundfile.write(file, signal, 48_000, subtype=subtype, format=form, endian=endian)
    return file.getvalue()


def text(names, delimiter, decimal, feed="\n", quoted=False, many=10):
    rows = [f"{i / 10}{delimiter}{VALUES[i % 10] + i // 10}" for i in range(many)]
    rows = [row.replace(".", decimal) for row in rows]
    if quoted:
        rows = [delimiter.join(f'"{field}"' for field in row.split(delimiter)) for row in rows]
    return feed.join([*([delimiter.join(names)] if names else []), *rows, ""])


# -- one damaged file and what it may be read as -----------------------------------------------


def damaged_npy(rng):
    types = ["<f4", ">f8", "<i2", ">i4", "u1", "<f2"]
    body = npy(VALUES.astype(types[rng.integers(len(types))]), [(1, 0), (2, 0)][rng.integers(2)])
    if rng.integers(2):
        return ".npy", damage_bytes(body, rng, 140), {}
    header = damage_text(body[10:].split(b"\n")[0].decode("latin-1").rstrip(), rng, 80)
    header = header.encode("utf-8") + b" " * int(rng.integers(20)) + b"\n"
    data = body[body.index(b"\n") + 1 :]
    return ".npy", body[:6] + b"\1\0" + struct.pack("<H", len(header)) + header + data, {}


def expected_npy(body, options, meta):
    return np.load(io.BytesIO(body), allow_pickle=False)


def damaged_npz(rng):
    packed = bool(rng.integers(2))
    body = npz(packed, signal=VALUES.astype("<f4"), sfreq=10_000.0, unit="mV")
    how = rng.integers(3)
    if how == 0:
        return ".npz", damage_bytes(body, rng, len(body)), {}
    if how == 1:  # the directory at the end, or the header of an entry
        start = body.index(b"PK\1\2") if rng.integers(2) else 0
        return ".npz", body[:start] + damage_bytes(body[start:], rng, 46), {}
    file = io.BytesIO()  # a sound archive of damaged arrays
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            entry = old.read(name)
            hit = name == "signal.npy" or rng.integers(3) == 0
            new.writestr(name, damage_bytes(entry, rng, 140) if hit else entry, 8 * packed)
    return ".npz", file.getvalue(), {}


def expected_npz(body, options, meta):
    with np.load(io.BytesIO(body), allow_pickle=False) as archive:
        assert float(archive["sfreq"]) == meta["sfreq"] if "sfreq" in archive else True
        return archive[meta["channel"]]


def damaged_wav(rng):
    kinds = [
        *((s, c) for s in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
          for c in (("WAV", "FILE"), ("WAV", "BIG"), ("WAVEX", "FILE"), ("RF64", "FILE"))),
    ]  # fmt: skip
    subtype, (form, endian) = kinds[rng.integers(len(kinds))]
    n_channels = int(rng.integers(1, 3))
    body = wav(subtype, n_channels, form, endian)
    if rng.integers(3) == 0:  # a further chunk, before or after the samples
        body += b"LIST\4\0\0\0INFO"
        order = ">" if body[:4] == b"RIFX" else "<"
        if body[:4] != b"RF64":
            body = body[:4] + struct.pack(order + "I", len(body) - 8) + body[8:]
    end = body.index(b"data") + 8
    return ".wav", damage_bytes(body, rng, end), {"channel": int(rng.integers(n_channels))}


def expected_wav(body, options, meta):
    signal, sfreq = soundfile.read(io.BytesIO(body), dtype="float64", always_2d=True)
    assert sfreq == meta["sfreq"]
    return signal[:, options["channel"]]


def damaged_text(rng):
    delimiter, decimal = [(",", "."), (";", ","), ("\t", "."), (" ", "."), (";", ".")][
        rng.integers(5)
    ]
    names = [None, ("time", "emg"), ('"EMG 1"', '"EMG, 2"'), ("", "emg"), ("", "0"), ("0", "1")][
        rng.integers(6)
    ]
    feed = ["\n", "\r\n", "\r"][rng.integers(3)]
    many = 3000 if rng.integers(40) == 0 else 10
    whole = text(names, delimiter, decimal, feed, rng.integers(4) == 0, many)
    whole = damage_text(whole, rng, len(whole) if rng.integers(2) else 20)
    encoding = ["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"][rng.integers(6)]
    body = whole.encode(encoding, "ignore")
    if rng.integers(8) == 0:
        body = damage_bytes(body, rng, 40)
    options = {"delimiter": delimiter, "channel": int(rng.integers(2))}
    options |= {"decimal": decimal} if decimal == "," or rng.integers(2) else {}
    options |= {"header": bool(rng.integers(2))} if rng.integers(4) == 0 else {}
    options |= {"encoding": encoding} if encoding == "utf-16-le" and rng.integers(2) else {}
    return ".csv", body, options


def expected_text(body, options, meta):
    """Read it by pandas as text, and convert by Python's exact arithmetic."""
    delimiter, decimal = options["delimiter"], options.get("decimal", ".")
    table = pd.read_csv(
        io.BytesIO(body.decode(meta["encoding"]).encode("utf-8")),
        sep=r"\s+" if delimiter == " " else delimiter,
        header=None,
        dtype=str,
        keep_default_na=False,
        skip_blank_lines=False,
        skipinitialspace=True,
        index_col=False,
        encoding="utf-8",
        names=range(12),
    )
    column = table[options["channel"]].fillna("").str.strip(" \t").tolist()
    first = column[0]
    if meta["header"]:
        column = column[1:]
    while column and not column[-1]:
        column.pop()
    number = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
    plain = [entry.replace(decimal, ".") if decimal != "." else entry for entry in column]
    assert all("." not in entry for entry in column) or decimal == "."
    assert all(map(number.fullmatch, plain)), column
    if meta["header"] and "header" not in options:
        one_of_several = [str(i) for i in range(12)]
        assert not number.fullmatch(first.replace(decimal, ".")) or first in one_of_several
    return np.array([float(entry) for entry in plain])


KINDS = {
    "npy": (damaged_npy, expected_npy),
    "npz": (damaged_npz, expected_npz),
    "wav": (damaged_wav, expected_wav),
    "text": (damaged_text, expected_text),
}


def read_damaged(kind, folder, seed, n):
    """Read n damaged files, each within its bounds; count what became of them."""
    damaged, expected = KINDS[kind]
    rng = np.random.default_rng([seed, *kind.encode()])
    outcome = Counter()
    tracemalloc.start()
    try:
        for i in range(n):
            suffix, body, options = damaged(rng)
            path = folder / f"damaged{suffix}"
            path.write_bytes(body)
            options |= {"scale": 1.0} if kind == "wav" else {"sfreq": 10_000.0, "unit": "mV"}
            reading = bounded(lambda: read_recording(path, **options), most_bytes=100e6)  # noqa: B023
            if isinstance(reading, ReadError):
                outcome["refused"] += 1
                assert "MemoryError" not in str(reading), (i, body)
                continue
            outcome["read"] += 1
            meta = reading.meta | {"sfreq": reading.sfreq}
            with np.errstate(over="ignore"):
                right = expected(body, options, meta).astype(np.float64).astype(np.float32)
            assert np.array_equal(reading.signal, right), (i, options, body, meta)
    finally:
        tracemalloc.stop()
    return outcome


@pytest.mark.parametrize("n", [FEW, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_refused_or_read_right(kind, n, tmp_path):
    outcome = read_damaged(kind, tmp_path, seed=0, n=n)
    assert outcome["refused"] > n / 10, "the damage must be such that it matters"
    assert outcome["read"] > n / 100, "and some files must still be read, to be compared"
