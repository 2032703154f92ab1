"""From the bytes of a text file to its lines, in a character encoding that the bytes fit."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from sknemg.datasets._formats.stored import ReadError

BLOCK = 2**20  # characters read at once
LONGEST = 2**20  # characters of a line

_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32", "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32", "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8-sig", "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16-be"),
)


def find_encoding(path: Path, given: str | None) -> str:
    """Name the encoding of a text file.

    The byte order mark decides, or the caller. Without either, UTF-8, or Windows' cp1252 where
    the bytes are not valid UTF-8: digits are the same in both, so that at most a name is misread.
    """
    with path.open("rb") as file:
        head = file.read(4)
    marked = next((names for mark, *names in _MARKS if head.startswith(mark)), None)
    own = None if given is None else codecs.lookup(given).name
    if marked:
        if own not in (None, *marked):
            raise ReadError(
                f"the file begins with the mark of {marked[1]}, `encoding` says {given}: correct "
                "one"
            )
        return marked[0]
    if own in ("utf-16", "utf-32"):
        raise ReadError(
            f"no byte order mark, which {own} needs: give encoding='{own}-le' or '{own}-be'"
        )
    if own is not None:
        return own
    for encoding in ("utf-8", "cp1252"):
        if _fits(path, encoding):
            return encoding
    raise ReadError("the bytes are neither UTF-8 nor cp1252: give `encoding`")


def _fits(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while chunk := file.read(BLOCK):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def blocks_of_lines(file: TextIO, skip_lines: int) -> Iterator[str]:
    """Yield the lines below the skipped ones, many at a time, each with its line feed."""
    line, rest = 1, ""
    while chunk := file.read(BLOCK):
        whole, feed, rest = (rest + chunk).rpartition("\n")
        n_lines = whole.count("\n") + bool(feed)
        if "\0" in chunk:
            n_before = chunk[: chunk.index("\0")].count("\n")
            order = "be" if chunk.startswith("\0") else "le"
            raise ReadError(
                f"a NUL character in line {line + n_before}, which no "
                f"text holds: export the file again, or give encoding='utf-16-{order}' if it is "
                "UTF-16 without its mark"
            )
        if len(rest) > LONGEST:
            raise ReadError(
                f"line {line + n_lines} is longer than {LONGEST} characters: write a recording "
                "as a column, one sample a line"
            )
        block = below(whole + feed, min(skip_lines - line + 1, n_lines))
        line += n_lines
        if block:
            yield block
    if rest and line > skip_lines:
        yield rest + "\n"


def below(block: str, n_lines: int) -> str:
    """Return the text below the first lines."""
    at = 0
    for _ in range(n_lines):
        at = block.index("\n", at) + 1
    return block[at:]
