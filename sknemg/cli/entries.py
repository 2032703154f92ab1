"""Readers of what options are given: each turns text into a value, or says what it must be."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path


def at_least(least: int) -> Callable[[str], int]:
    """Read an integer that is not smaller than this."""

    def read(entry: str) -> int:
        whole = entry.isascii() and entry.isdecimal() and len(entry) < 19  # one of 64 bits
        if not whole or int(entry) < least:
            raise argparse.ArgumentTypeError(f"{entry!r} must be an integer >= {least}")
        return int(entry)

    return read


def model_path(entry: str) -> Path:
    """Read where a model is: a path or, if nothing lies there, a name that comes with sknemg."""
    path = Path(entry)
    if path.exists() or path.name != entry:
        return path
    from sknemg.weights.files import folder_of, names

    return folder_of(entry) if entry in names() else path


def split_names(entry: str) -> tuple[str, ...]:
    """Read names with commas between them."""
    return tuple(name.strip() for name in entry.split(",") if name.strip())


def finite(entry: str) -> float:
    """Read a number other than 0."""
    try:
        number = float(entry)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number == 0:
        raise argparse.ArgumentTypeError(f"{entry!r} must be a number other than 0")
    return number


def share(entry: str) -> float:
    """Read a number between 0 and 1."""
    try:
        number = finite(entry)
    except argparse.ArgumentTypeError:
        number = -1.0
    if not 0 < number < 1:
        raise argparse.ArgumentTypeError(f"{entry!r} must be a number between 0 and 1")
    return number


def positive(entry: str) -> float:
    """Read a number above 0."""
    try:
        number = finite(entry)
    except argparse.ArgumentTypeError:
        number = -1.0
    if number < 0:
        raise argparse.ArgumentTypeError(f"{entry!r} must be a number > 0")
    return number


def one_sign(entry: str) -> str:
    r"""Read a delimiter; a tab may be typed as \t."""
    sign = {r"\t": "\t", "tab": "\t", "space": " "}.get(entry, entry)
    if len(sign) != 1:
        raise argparse.ArgumentTypeError(rf"{entry!r} must be one character, such as ';' or '\t'")
    return sign


def unit(entry: str) -> str:
    """Read a unit of voltage."""
    from sknemg.datasets._formats.units import UNITS

    if entry not in UNITS:
        raise argparse.ArgumentTypeError(f"{entry!r} must be V, mV, uV or nV")
    return entry


def word_and_class(entry: str) -> tuple[str, str]:
    """Read a word and the class that it means, with = between them."""
    word, equals, label = entry.rpartition("=")
    if not (equals and word.strip() and label.strip()):
        raise argparse.ArgumentTypeError(f"{entry!r} must be WORD=CLASS, such as ALS=neuropathy")
    return word, label
