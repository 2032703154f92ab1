"""Tables in workbooks (.xlsx): the entries of one sheet as text, as they are shown."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from sknemg.datasets._formats.named import need
from sknemg.datasets._formats.stored import ReadError

_MOST_BYTES = 2**28  # unpacked
_MOST_CELLS = 10**7
_AT_ONCE = 2**20  # bytes


def read_sheet(path: Path) -> list[list[str]]:
    """Return the lines of the sheet named like the file, or of the only one that holds anything."""
    _check_size(path)
    openpyxl = need("openpyxl")
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
    except Exception as error:  # whatever a broken file leads to
        reason = f"{type(error).__name__}: {error}"
        raise ReadError(f"not a workbook ({reason}): save it as .xlsx again") from error
    try:
        formulas = _formulas(openpyxl, path)
        lost: dict[str, str] = {}
        sheets = {
            sheet.title: _lines(sheet, formulas[sheet.title], lost) for sheet in book.worksheets
        }
    finally:
        book.close()
    filled = {title: lines for title, lines in sheets.items() if lines}
    named = {title: lines for title, lines in filled.items() if title.lower() == path.stem.lower()}
    if len(chosen := named or filled) > 1:
        raise ReadError(
            f"it has the sheets {sorted(chosen)}: call the one that is meant {path.stem!r}"
        )
    for title in chosen.keys() & lost:
        raise ReadError(
            f"{lost[title]} holds a formula without its result: open the workbook in a spreadsheet "
            "program and save it, or write the value"
        )
    return next(iter(chosen.values()), [])


def _check_size(path: Path) -> None:
    try:
        with ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except BadZipFile as error:
        raise ReadError(f"not a workbook ({error}): save it as .xlsx again") from error
    if unpacked > _MOST_BYTES:
        raise ReadError(f"it unpacks to {unpacked} bytes, which no table needs: save it as CSV")


def _formulas(openpyxl: Any, path: Path) -> dict[str, set[tuple[int, int]]]:
    """Find the cells that hold formulas, by the title of their sheet."""
    found: dict[str, set[tuple[int, int]]] = defaultdict(set)
    with ZipFile(path) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
        if not any(_has_formula(archive, name) for name in sheets):
            return found
    book = openpyxl.load_workbook(path, read_only=True, keep_links=False)
    try:
        for sheet in book.worksheets:
            for row in _rows(sheet):
                found[sheet.title].update((c.row, c.column) for c in row if c.data_type == "f")
    finally:
        book.close()
    return found


def _has_formula(archive: ZipFile, name: str) -> bool:
    with archive.open(name) as file:
        before = b""
        while part := file.read(_AT_ONCE):
            if re.search(rb"<f[ />]", before + part):
                return True
            before = part[-2:]
    return False


def _rows(sheet: Any) -> Iterator[Any]:
    """Yield the rows of a sheet, but not without end."""
    sheet.reset_dimensions()  # which a file may state as it likes
    n_cells = 0
    for row in sheet.iter_rows():
        n_cells += len(row) + 1
        if n_cells > _MOST_CELLS:
            raise ReadError(f"more than {_MOST_CELLS} cells: save the table as CSV")
        yield row


def _lines(
    sheet: Any, formulas: Collection[tuple[int, int]], lost: dict[str, str]
) -> list[list[str]]:
    """Return the lines of a sheet, and note the first formula without its result."""
    lines: list[list[str]] = []
    last = 0
    for row in _rows(sheet):
        line = [_text(cell) for cell in row]
        for cell in row if formulas else ():
            no_result = cell.value is None and cell.data_type == "n"  # not even a blank text
            if no_result and hasattr(cell, "row") and (cell.row, cell.column) in formulas:
                lost.setdefault(sheet.title, cell.coordinate)
        lines.append(line)
        last = len(lines) if any(line) else last
    return lines[:last]


def _text(cell: Any) -> str:
    """Write an entry as text; a number under a format of zeros is a code, 007."""
    value = cell.value
    if value is None:
        return ""
    if getattr(cell, "data_type", "") == "e":
        raise ReadError(f"{cell.coordinate} holds the error {value}: correct it")
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, int):
        zeros = re.fullmatch("0{2,}", cell.number_format or "")
        return str(value).zfill(len(cell.number_format)) if zeros else str(value)
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return str(value)
