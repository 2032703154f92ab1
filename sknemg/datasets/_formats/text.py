"""Delimited text files: one column of numbers, on every line a valid one."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from itertools import chain, islice, repeat
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.datasets._formats.clock import find_clock
from sknemg.datasets._formats.decoding import below, blocks_of_lines, find_encoding
from sknemg.datasets._formats.header import first_line_names, number_pattern
from sknemg.datasets._formats.limits import check_size
from sknemg.datasets._formats.names import clock_unit
from sknemg.datasets._formats.statements import stated_rate, stated_unit
from sknemg.datasets._formats.stored import ReadError, Stored, pick
from sknemg.recordings._problems import listed

_LOOKED_AT = 1000  # rows on which structure and names are decided
_BATCH = 50_000  # rows
_LONGEST = 1000  # characters of a line that states something
_LONGEST_ROW = 100  # fields of a line; more in the only one are samples
_IN_A_ROW = "one line of {} numbers: write a recording as a column, one sample a line"
_BLANKS = " \t\n"
_IN_NUMBERS = b"0123456789+-eE \t\n"


@dataclass(frozen=True)
class TextFormat:
    """Dialect of a text file, as the caller gives it."""

    delimiter: str = ","
    decimal: str | None = None
    skip_lines: int = 0
    header: bool | None = None
    encoding: str | None = None

    @property
    def sign(self) -> str:
        """The decimal sign."""
        return self.decimal or "."


def read_text(path: Path, channel: str | int | None, text: TextFormat, max_bytes: int) -> Stored:
    """Read one column of a delimited text file; a line that holds no number there is refused."""
    encoding = find_encoding(path, text.encoding)
    try:
        with path.open(encoding=encoding) as file:
            above = [file.readline(_LONGEST) for _ in range(min(text.skip_lines + 1, _LOOKED_AT))]
        with path.open(encoding=encoding) as file:
            stored = _read(blocks_of_lines(file, text.skip_lines), channel, text, max_bytes)
    except UnicodeError as error:
        raise ReadError(f"the bytes are not valid {encoding} ({error}): give `encoding`") from error
    stored.encoding = encoding
    stored.sfreq, hints = stated_rate(above)
    stored.hints += hints
    stored.unit = stated_unit(stored.channel if stored.header else None, above)
    return stored


def _read(
    blocks: Iterator[str], channel: str | int | None, text: TextFormat, max_bytes: int
) -> Stored:
    first_line = text.skip_lines + 1
    block = next(blocks, "")
    if not block[: block.find("\n")].strip():
        if block.strip() or any(other.strip() for other in blocks):
            raise ReadError(f"line {first_line} is blank: skip it with `skip_lines`")
        raise ReadError("no samples: leave the recording out")
    head = [
        (number, [field.strip(_BLANKS) for field in fields])
        for number, fields in islice(_rows(StringIO(block), text, first_line), _LOOKED_AT)
    ]
    rows = [row for _, row in head]
    raw = block.split("\n", 2)
    ahead = '"' in raw[0] and '"' not in raw[1]
    _check_delimiter(raw[0], first_line, text)
    width = _width(head, text)
    if text.header is not True or all(name.isdecimal() for name in rows[0][:width]):
        _check_decimal_comma(rows, width, text, first_line)
    if len(rows) == 1 and width > _LONGEST_ROW and number_pattern(text.sign).fullmatch(rows[0][-1]):
        raise ReadError(_IN_A_ROW.format(width))
    named = text.header
    if named is None:
        named = first_line_names(rows, ahead, text.sign, first_line)
    if named:
        end = head[1][0] - first_line if len(head) > 1 else block.count("\n")
        at_line, block = first_line + end, below(block, end)
        _check_delimiter(block.partition("\n")[0], at_line, text)
        names = [name.strip() for name in rows[0][:width]]
        _check_clock_filled(names, head[1:])
    else:
        at_line, names = first_line, [str(i) for i in range(width)]
        if channel is None and width > 1 and len(rows) == 1:
            raise ReadError(_IN_A_ROW.format(width))
    at = pick(names, channel)
    hints = find_clock(names, rows[1:], text.sign, at) if named else ()
    column = _Column(text, max_bytes)
    _fill(column, chain([block], blocks), at, width, at_line)
    return Stored(column.samples(), channel=names[at], header=named, hints=hints)


# -- structure ---------------------------------------------------------------------------------


def _rows(
    lines: Iterable[str], text: TextFormat, first_line: int
) -> Iterator[tuple[int, list[str]]]:
    """Yield rows as lists of fields, each with the number of its first line."""
    if text.delimiter == " ":
        for number, line in enumerate(lines, start=first_line):
            yield number, _words(line, number)
        return
    reader = csv.reader(lines, delimiter=text.delimiter, skipinitialspace=True, strict=True)
    number = first_line
    try:
        for fields in reader:
            yield number, fields
            number = first_line + reader.line_num
    except csv.Error as error:
        raise ReadError(
            f"line {number} cannot be split into columns ({error}): correct its quotes, or give "
            "`delimiter` or `skip_lines`"
        ) from error


def _words(line: str, number: int) -> list[str]:
    """Split a line at runs of blanks outside of quotes."""
    parts = re.findall(r'"((?:[^"]|"")*)"(?=[ \t\n]|$)|([^ \t\n]+)', line)
    if any('"' in bare for _, bare in parts):
        raise ReadError(f"line {number} has a quote without its counterpart: correct it")
    return [quoted.replace('""', '"') or bare for quoted, bare in parts]


def _width(head: Sequence[tuple[int, list[str]]], text: TextFormat) -> int:
    """Count the columns; blank ones at the end, as spreadsheets write them, do not count."""
    width = max(_filled(row) for _, row in head)
    _check_widths(head, width, text)
    return width


def _filled(row: list[str]) -> int:
    return max((i for i, field in enumerate(row, start=1) if field), default=0)


def _check_widths(rows: Sequence[tuple[int, list[str]]], width: int, text: TextFormat) -> None:
    """Refuse rows that lack columns or have more of them; blank lines do not count."""
    odd = [(n, row) for n, row in rows if any(row) and not _filled(row) <= width <= len(row)]
    if odd:
        _, row = odd[0]
        raise ReadError(
            f"the lines differ in their number of columns ({len(row)} in "
            f"{listed([n for n, _ in odd], 'line')}, {width} in others): "
            f"{_other_dialect([row for _, row in rows], text)}"
        )


def _fill(column: _Column, blocks: Iterable[str], at: int, width: int, line: int) -> None:
    """Read one of `width` columns, starting at this line."""
    blocks, text = iter(blocks), column.text
    for block in filter(None, blocks):
        lines = range(line, line + block.count("\n"))
        line = lines.stop
        plain = _without_quotes(block.encode(), text.delimiter)
        values = None if plain is None else _numbers_only(plain, at, width, text)
        if values is not None:
            column.add_values(values)
        elif '"' in block:  # a quoted field may go on in the next block
            rest = _rows(chain.from_iterable(map(StringIO, chain([block], blocks))), text, lines[0])
            while batch := list(islice(rest, _BATCH)):
                column.add([number for number, _ in batch], _cut(batch, at, width, text))
        else:
            entries = _cut_evenly(block.encode(), at, width, text.delimiter.encode())
            if entries is None:
                entries = _cut(list(_rows(StringIO(block), text, lines[0])), at, width, text)
            column.add(lines, entries)


def _without_quotes(block: bytes, delimiter: str) -> bytes | None:
    """Take out quotes that stand around whole fields and enclose no separator; None otherwise."""
    if b'"' not in block:
        return block
    signs = np.frombuffer(block, dtype=np.uint8)
    separators = [ord("\n"), *delimiter.encode(), *(b"\t" if delimiter == " " else b"")]
    quotes = np.flatnonzero(signs == ord('"'))
    separating = np.flatnonzero(np.isin(signs, separators))
    opening, closing = quotes[::2], quotes[1::2]
    around = np.array([*separators, ord(" ")])
    if (
        len(quotes) % 2
        or (np.searchsorted(quotes, separating) % 2).any()
        or not np.isin(signs[opening[opening > 0] - 1], around).all()
        or not np.isin(signs[closing + 1], around).all()
    ):
        return None
    return block.replace(b'"', b"")


def _numbers_only(
    block: bytes, at: int, width: int, text: TextFormat
) -> NDArray[np.float64] | None:
    """Read a column of lines that hold equally many numbers and nothing else; None otherwise."""
    delimiter, sign = text.delimiter.encode(), text.sign.encode()
    if len(delimiter) > 1 or block.translate(None, _IN_NUMBERS + delimiter + sign):
        return None
    signs = np.frombuffer(block, dtype=np.uint8)
    ends = np.flatnonzero(signs == ord("\n"))
    if delimiter == b" ":
        blank = (signs == ord(" ")) | (signs == ord("\t")) | (signs == ord("\n"))
        marks = np.flatnonzero(~blank & np.concatenate([[True], blank[:-1]]))
    else:
        marks = np.flatnonzero(signs == ord(delimiter))
    per_line = width if delimiter == b" " else width - 1
    if len(marks) != per_line * len(ends):
        return None
    if per_line:
        table = marks.reshape(len(ends), per_line)
        if (table[1:, 0] < ends[:-1]).any() or (table[:, -1] > ends).any():
            return None
    separator = r"\s+" if delimiter == b" " else text.delimiter
    values = _parse(block.replace(sign, b"."), separator, at)
    return values if values is not None and len(values) == len(ends) else None


def _cut_evenly(block: bytes, at: int, width: int, delimiter: bytes) -> list[bytes] | None:
    """Cut a column out of lines with equally many delimiters; None if they are not."""
    lines = block.split(b"\n")[:-1]
    if delimiter == b" ":
        if b"\v" in block or b"\f" in block:
            return None
        rows = [line.split() for line in lines]
        return [row[at] for row in rows] if {*map(len, rows)} <= {width} else None
    counts = {*map(bytes.count, lines, repeat(delimiter))}
    if len(counts) > 1 or (n := max(counts, default=0) + 1) < width:
        return None
    if n == 1:
        return lines
    fields = block.replace(b"\n", delimiter).split(delimiter)
    if any(any(fields[beyond:-1:n]) for beyond in range(width, n)):
        return None
    return fields[at:-1:n]


def _cut(rows: list[tuple[int, list[str]]], at: int, width: int, text: TextFormat) -> list[bytes]:
    """Cut a column out of any rows, and name those that lack columns."""
    if {len(row) for _, row in rows} != {width}:
        rows = [(number, [field.strip(_BLANKS) for field in row]) for number, row in rows]
        _check_widths(rows, width, text)
        rows = [(number, row if any(row) else [""] * width) for number, row in rows]
    return [row[at].replace("\n", "\0").encode() for _, row in rows]


# -- another dialect than the given one --------------------------------------------------------


def _check_delimiter(line: str, number: int, text: TextFormat) -> None:
    """Refuse a line of numbers that are separated by another sign than the given one."""
    any_number = re.compile(r"[-+]?[0-9]+([.][0-9]*|,[0-9]+)?([eE][-+]?[0-9]+)?")
    thousands = re.fullmatch(r"[-+]?[0-9]{1,3}( [0-9]{3})+([.,][0-9]*)?", line.strip())
    for sign in ";\t ":
        if sign in (text.delimiter, text.sign) or (sign == "\t" and text.delimiter == " "):
            continue
        if sign == " " and (thousands or (text.delimiter in line and text.delimiter != ",")):
            continue
        fields = [field.strip(' \t"') for field in line.strip(" ").split(sign)]
        fields = [field for field in fields if field] if sign == " " else fields
        fields = fields[: _filled(fields)]
        if sign in line.strip(" ") and fields and all(map(any_number.fullmatch, fields)):
            comma = ", decimal=','" if any("," in field for field in fields) else ""
            raise ReadError(
                f"the columns of line {number} are separated by {sign!r}, the delimiter given is "
                f"{text.delimiter!r}: give delimiter={sign!r}{comma}"
            )


def _check_decimal_comma(
    rows: Sequence[list[str]], width: int, text: TextFormat, line: int
) -> None:
    """Refuse columns that may be numbers with a decimal comma, cut in two by the delimiter."""
    if text.delimiter != "," or text.decimal is not None or width % 2:
        return
    rows = [row[:width] for row in rows if any(row)]
    whole = [field for row in rows for field in row[::2]]
    digits = [field for row in rows for field in row[1::2]]
    if not all(re.fullmatch("[-+]?[0-9]+", field) for field in whole):
        return
    if not all(re.fullmatch("[0-9]+([eE][-+]?[0-9]+)?", field) for field in digits):
        return
    # No integer is written -0 or 05.
    halves = any(re.fullmatch("[-+]0+", field) for field in whole)
    halves |= any(re.match("0[0-9]", field) for field in digits)
    if width == 2 or halves:
        remedy = "delimiter=';', decimal=','" if width == 2 else "';' between columns in the file"
        raise ReadError(
            f"line {line} reads {','.join(rows[0])!r}, which may be {width} columns or have a "
            f"decimal comma: give {remedy}, or decimal='.' if these are columns"
        )


def _check_clock_filled(names: Sequence[str], below: Sequence[tuple[int, list[str]]]) -> None:
    """Refuse a first line without its time: some programs write the numbers of samples there."""
    rows = [(number, row) for number, row in below if any(row)]
    if len(rows) < 2:
        return
    (number, first), (_, second) = rows[:2]
    for at, name in enumerate(names):
        if clock_unit(name) is not None and not first[at] and second[at]:
            raise ReadError(
                f"line {number} has no {name!r}, so that it may state something rather than be a "
                f"sample ({', '.join(filter(None, first))}): take it out, or give header=False, "
                f"skip_lines={number} and the position of the column as `channel`"
            )


def _other_dialect(rows: Sequence[list[str]], text: TextFormat) -> str:
    """Suggest the dialect of lines that differ in width."""
    cut = [text.delimiter.join(row) for row in rows if len(row) == 2]
    narrow = all(len(row) < 3 for row in rows)
    if narrow and text.delimiter == "," and all(map(number_pattern(",").fullmatch, cut)):
        return f"if {cut[0]!r} is one number, with a decimal comma, give delimiter=';', decimal=','"
    return "correct the file, or give `delimiter`, `decimal` or `skip_lines`"


# -- numbers -----------------------------------------------------------------------------------


class _Column:
    """The samples of one column, and the lines that hold none."""

    def __init__(self, text: TextFormat, max_bytes: int):
        self.text, self.max_bytes = text, max_bytes
        self.parts: list[NDArray[np.float64]] = []
        self.n_rows = 0
        self.n_filled = 0  # rows up to the last that is not blank
        self.bad: list[NDArray[np.int64]] = []  # rows and lines without a number, as columns
        self.first_bad = ""

    def add(self, lines: Sequence[int], entries: list[bytes]) -> None:
        """Take the next entries, with the numbers of their lines."""
        values = to_floats(entries, self.text.sign)
        if len(bad := np.flatnonzero(~np.isfinite(values))):
            if not self.bad:
                self.first_bad = entries[bad[0]].decode().replace("\0", "\n").strip(" \t")
            self.bad.append(np.column_stack([self.n_rows + bad, np.asarray(lines)[bad]]))
        n_filled = len(entries)
        while n_filled and not entries[n_filled - 1].strip():
            n_filled -= 1
        self.add_values(values, n_filled)

    def add_values(self, values: NDArray[np.float64], n_filled: int | None = None) -> None:
        """Take the next numbers; entries from `n_filled` on are blank."""
        n_filled = len(values) if n_filled is None else n_filled
        if n_filled:
            self.n_filled = self.n_rows + n_filled
        self.n_rows += len(values)
        check_size(self.n_rows, self.max_bytes)
        self.parts.append(values)

    def samples(self) -> NDArray[np.float64]:
        """Return the numbers, or refuse the lines without one; blank ones may end the file."""
        rows, lines = np.concatenate([*self.bad, np.empty((0, 2), dtype=np.int64)]).T
        lines = lines[rows < self.n_filled]
        if len(lines):
            raise ReadError(
                f"no number in {listed(lines, 'line')} (the first reads {self.first_bad!r}; "
                f"delimiter {self.text.delimiter!r}, decimal sign {self.text.sign!r}): "
                f"{self._remedy(int(lines[0]))}"
            )
        return np.concatenate([*self.parts, np.empty(0)])[: self.n_filled]

    def _remedy(self, line: int) -> str:
        entry = self.first_bad
        if self.text.sign == "." and "," in entry and number_pattern(",").fullmatch(entry):
            return "give decimal=',' if this is a decimal comma, or take out what groups thousands"
        if entry.startswith(("#", "%", "//", ";")):
            return "take comments out, or skip them with `skip_lines`"
        if line == self.text.skip_lines + 1 and self.text.header is None:
            return "correct the file or the dialect, or give header=True if the line holds names"
        return "correct the file or the dialect"


def to_floats(entries: list[bytes], decimal: str) -> NDArray[np.float64]:
    """Convert text to numbers; NaN stands for what is not one, the words nan and inf included.

    What converts text to numbers also takes ``nan``, ``1_000`` or digits of other scripts, so
    that the characters are checked first.
    """
    sign = decimal.encode()
    joined = b"\n".join(entries) + b"\n"
    if not joined.translate(None, _IN_NUMBERS + sign):
        values = _parse(joined.replace(sign, b"."), ",", 0)
        if values is not None:
            return values
    number = number_pattern(decimal)
    texts = (entry.decode().strip(" \t") for entry in entries)
    return np.array(
        [float(text.replace(decimal, ".")) if number.fullmatch(text) else np.nan for text in texts]
    )


def _parse(lines: bytes, separator: str, at: int) -> NDArray[np.float64] | None:
    """Parse lines that consist of the characters of numbers; None if some entry is not a number."""
    try:
        frame = pd.read_csv(
            BytesIO(lines),
            sep=separator,
            header=None,
            usecols=[at],
            dtype=np.float64,
            na_filter=False,
            quoting=csv.QUOTE_NONE,
            skip_blank_lines=False,
            engine="c",
            low_memory=False,
        )
    except ValueError:
        return None
    values = frame.to_numpy()[:, 0]
    return values if np.isfinite(values).all() else None
