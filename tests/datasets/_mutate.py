"""Mutated headers, and what each read of one may take."""

import time
import tracemalloc

import numpy as np

MOST_BYTES, MOST_SECONDS = 2**30, 10
NASTY = [
    b"", b" ", b"0", b"-1", b"1", b"2", b"3", b"1e3", b"1E-2", b"0,5", b".5", b"5.", b"nan", b"inf",
    b"-inf", b"1e999", b"1e-999", b"99999999", b"2147483648", b"9" * 20, b"0x10", b"1_0", b"+4",
    b"007", "١".encode(), b"\xb2", b"\0", b"mV", b"uV", b"UV", b"V", "µV".encode(), b"\xb5V",
    b"%", b"Millivol", b"16", b"212", b"61", b"8", b"80", b"160", b"24", b"310", b"311", b"516",
    b"x2", b":1", b"+2", b"(5)", b"(-7)/uV", b"/mV", b"#", b"\n", b"\r", b"\t", b"EDF+D", b"EDF+C",
    b"EDF Annotations", b"-32768", b"32767", b"65536", b"rec.dat", b"../rec.dat", b"~", b"/",
]  # fmt: skip


def mutate(rng, header, fields):
    """Change one or two places of a header: bytes, fields of `fields` (slices), or pieces."""
    body = bytearray(header)
    for _ in range(rng.integers(1, 3)):
        kind = rng.integers(6)
        at = int(rng.integers(len(body) + 1)) if len(body) else 0
        if kind == 0 and len(body):
            body[at % len(body)] = rng.integers(256)
        elif kind == 1 and len(body):
            body[at % len(body)] ^= 1 << rng.integers(8)
        elif kind == 2:
            body[at:at] = NASTY[rng.integers(len(NASTY))]
        elif kind == 3:
            del body[at : at + int(rng.integers(1, 9))]
        else:
            spans = fields(bytes(body))
            if spans:
                start, stop, padded = spans[rng.integers(len(spans))]
                new = NASTY[rng.integers(len(NASTY))]
                body[start:stop] = new[: stop - start].ljust(stop - start) if padded else new
    return bytes(body)


def bounded(read, most_bytes=MOST_BYTES):
    """Return what a call returns or raises, having held it to a time and a peak of memory."""
    tracemalloc.reset_peak()
    before, started = tracemalloc.get_traced_memory()[0], time.perf_counter()
    try:
        return read()
    except ValueError as error:
        return error
    finally:
        peak = tracemalloc.get_traced_memory()[1] - before
        assert peak < most_bytes, f"{peak} bytes"
        assert time.perf_counter() - started < MOST_SECONDS


def fuzz(bases, n, seed, fields, check):
    """Mutate n headers and check each; return how many were read and how many refused.

    `check` takes header and the rest of the file, and returns whether it was read.
    """
    rng = np.random.default_rng(seed)
    counts = {"read": 0, "refused": 0}
    tracemalloc.start()
    try:
        for i in range(n):
            header, rest = bases[i % len(bases)]
            mutated = mutate(rng, header, fields)
            counts["read" if check(mutated, rest) else "refused"] += 1
    finally:
        tracemalloc.stop()
    return counts
