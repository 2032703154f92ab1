"""Whether the first line of a text file holds names or numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sknemg.datasets._formats.stored import ReadError

_MISSING = {"nan", "na", "n/a", "null", "none", "nil", "inf", "infinity", "missing"}
_COUNT = re.compile("0|[1-9][0-9]*")


def number_pattern(decimal: str) -> re.Pattern[str]:
    """Return the pattern of a number as a text file may state it."""
    sign = re.escape(decimal)
    return re.compile(rf"[-+]?([0-9]+({sign}[0-9]*)?|{sign}[0-9]+)([eE][-+]?[0-9]+)?")


def first_line_names(rows: Sequence[list[str]], quoted: bool, decimal: str, line: int) -> bool:
    """Tell names from numbers in the first of some rows, or refuse where both could be meant.

    Parameters
    ----------
    rows : sequence of list of str
        The fields of the first lines, stripped.
    quoted : bool
        Whether the first line has quotes where the second has none.
    decimal : str
    line : int
        Number of the first line, for the message.
    """
    first = rows[0]
    second = next((row for row in rows[1:] if any(row)), [])
    number = number_pattern(decimal)
    kinds = [_kind(field, number) for field in first]
    below = [_kind(field, number) for field in second[: len(first)]]
    below += [""] * (len(first) - len(below))
    if "number" not in kinds:
        return "word" in kinds
    counts = [field for field, kind in zip(first, kinds, strict=True) if kind == "number"]
    like_names = all(map(_COUNT.fullmatch, counts)) and len({*counts}) == len(counts)
    over = {low for kind, low in zip(kinds, below, strict=True) if kind == "word"}
    if over:
        if like_names and over == {"number"}:
            return True
        raise _unclear(first, line)
    if kinds[0] == "" and below[0] != "":  # pandas leaves the name of the index empty
        if like_names and [row[0] for row in rows[1:3] if any(row)] in (["0"], ["0", "1"]):
            return True
        raise _unclear(first, line)
    odd = any(kind == "other" and low == "number" for kind, low in zip(kinds, below, strict=True))
    reasons = quoted, _consecutive(counts), _of_another_form(first, rows[1:], number)
    if like_names and (odd or ("other" not in kinds and any(reasons))):
        raise _unclear(first, line)
    return False


def _kind(field: str, number: re.Pattern[str]) -> str:
    """Return "number", "word" (which begins with a letter), "other" or, if blank, nothing."""
    if number.fullmatch(field):
        return "number"
    if re.match(r"[^\W\d]", field) and field.lower() not in _MISSING:
        return "word"
    return "other" if field else ""


def _consecutive(counts: list[str]) -> bool:
    """Whether they are 0, 1, 2, ... as pandas names columns, or 1, 2, ... of several."""
    n = len(counts)
    from_one = [str(i) for i in range(1, n + 1)] if n > 1 else None
    return counts in ([str(i) for i in range(n)], from_one)


def _of_another_form(first: list[str], rows: Sequence[list[str]], number: re.Pattern[str]) -> bool:
    """Whether an integer stands over a column of numbers that all have a point or an exponent."""
    for at, field in enumerate(first):
        column = [row[at] for row in rows if at < len(row) and row[at]]
        pointed = [number.fullmatch(entry) and not entry.lstrip("+-").isdigit() for entry in column]
        if number.fullmatch(field) and column and all(pointed):
            return True
    return False


def _unclear(first: list[str], line: int) -> ReadError:
    shown = ", ".join(map(repr, first[:5])) + (", ..." if len(first) > 5 else "")
    return ReadError(
        f"line {line} reads {shown}, which may be names of columns or samples: give header=True "
        "or header=False"
    )
