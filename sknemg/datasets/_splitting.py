"""Tables as text: split into lines and entries, and joined again."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

from sknemg.datasets._formats.decoding import find_encoding
from sknemg.datasets._formats.stored import ReadError
from sknemg.datasets._formats.workbook import read_sheet
from sknemg.datasets._schema import Field

_MISSING = ("", "na", "n/a", "nan")


def lines_of(path: Path, fields: Iterable[Field] = ()) -> list[list[str]]:
    """Read a table's lines: a sheet, or text in UTF-8, UTF-16 with its mark, or cp1252."""
    if path.suffix == ".xlsx":
        return read_sheet(path)
    with path.open(encoding=find_encoding(path, None), newline="") as file:
        text = file.read()
    if "\0" in text:
        raise ReadError("it holds NUL characters: save it as CSV in UTF-8")
    return split_table(text.removeprefix("\ufeff"), fields)


def split_table(text: str, fields: Iterable[Field] = ()) -> list[list[str]]:
    """Split a table into lines of entries; the separator makes most columns, known ones first."""

    def columns(delimiter: str) -> tuple[int, int]:
        names = [name.strip() for name in next(read(delimiter), [])]
        return sum(name in known for name in names), len(names)

    def read(delimiter: str, *, strict: bool = False) -> Any:
        # Blanks after a separator are part of an entry only where entries begin with blanks.
        trim = not any(field.get("blanks") == "kept" for field in fields)
        file = StringIO(text, newline="")
        return csv.reader(file, delimiter=delimiter, skipinitialspace=trim, strict=strict)

    fields = list(fields)
    known = {field["name"] for field in fields}
    stated = re.match(r"\"?sep=([,;\t])\"?(?:\r\n|\r|\n)", text)  # a line that Excel does not show
    text = text[stated.end() :] if stated else text
    delimiter = stated[1] if stated else max(",;\t", key=columns)
    return split_rows(partial(read, delimiter))


def split_rows(read: Callable[..., Iterable[list[str]]]) -> list[list[str]]:
    r"""Split a table into rows, and refuse a quote that would swallow the rows below it.

    Parameters
    ----------
    read : callable
        Called without arguments, or with ``strict=True``; returns a `csv.reader`. Entries whose
        quotes are sound may hold line breaks.

    Examples
    --------
    >>> from functools import partial
    >>> lines = ["S1,normal\n", 'S2,"seen\n', "S3,normal\n"]
    >>> split_rows(partial(csv.reader, lines[::2]))
    [['S1', 'normal'], ['S3', 'normal']]
    >>> try:
    ...     split_rows(partial(csv.reader, lines))
    ... except ReadError as error:
    ...     print(str(error).partition(",")[0])
    in row 2 a quote is not closed
    """
    sound: list[list[str]] = []
    try:
        for row in read(strict=True):
            sound.append(row)
        return sound
    except csv.Error:  # in the row behind those that are sound
        rows = list(read())
    for number, row in enumerate(rows[len(sound) :], start=len(sound) + 1):
        if any(re.search("[\r\n]", entry) for entry in row):
            raise ReadError(
                f"in row {number} a quote is not closed, so that rows below it would be lost: "
                'close it, or write "" for a quote inside an entry'
            )
    return rows


def join_table(columns: Mapping[str, Collection[str]]) -> str:
    """Write columns of text as a table, of which `split_table` makes the same entries."""
    lines = zip(*([name, *texts] for name, texts in columns.items()), strict=True)
    return "".join(",".join(map(_quoted, line)) + "\n" for line in lines)


def _quoted(text: str) -> str:
    plain = text == text.strip() and not any(sign in text for sign in ',;\t"\r\n')
    return text if plain else '"' + text.replace('"', '""') + '"'


def read_entry(field: str) -> str | None:
    """Return a table's entry as it is understood; None stands for a missing one."""
    text = field.replace("\r\n", "\n").replace("\r", "\n").strip()
    return None if text.lower() in _MISSING else text
