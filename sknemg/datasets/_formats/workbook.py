"""Tables in workbooks (.xlsx): the entries of one sheet as text, as they are shown."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from sknemg.datasets._formats.named import need
from sknemg.datasets._formats.stored import ReadError

_MOST_BYTES = 2**28  # unpacked
_MOST_CELLS = 10**7


def read_sheet(path: Path) -> list[list[str]]:
    """Return the lines of the sheet named like the file, or of the only one that holds anything."""
    _check_size(path)
    openpyxl = need("openpyxl")
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
    except Exception as error:  # whatever a broken file leads to
        reason = f"{type(error).__name__}: {error}"
        raise ReadError(f"not a workbook ({reason}): save it as .xlsx again") from error
    blank: dict[str, set[tuple[int, int]]] = {}
    try:
        sheets = {
            sheet.title: _lines(sheet, blank.setdefault(sheet.title, set()))
            for sheet in book.worksheets
        }
    finally:
        book.close()
    filled = {title: lines for title, lines in sheets.items() if lines}
    named = {title: lines for title, lines in filled.items() if title.lower() == path.stem.lower()}
    if len(chosen := named or filled) > 1:
        raise ReadError(
            f"it has the sheets {sorted(chosen)}: call the one that is meant {path.stem!r}"
        )
    for title, lines in chosen.items():
        if blank[title]:
            _check_formulas(openpyxl, path, title, blank[title])
        return lines
    return []


def _check_size(path: Path) -> None:
    try:
        with ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except BadZipFile as error:
        raise ReadError(f"not a workbook ({error}): save it as .xlsx again") from error
    if unpacked > _MOST_BYTES:
        raise ReadError(f"it unpacks to {unpacked} bytes, which no table needs: save it as CSV")


def _check_formulas(
    openpyxl: Any, path: Path, title: str, blank: Collection[tuple[int, int]]
) -> None:
    """Refuse formulas without results, which some programs write."""
    book = openpyxl.load_workbook(path, read_only=True, keep_links=False)
    try:
        sheet = book[title]
        sheet.reset_dimensions()
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f" and (cell.row, cell.column) in blank:
                    raise ReadError(
                        f"{cell.coordinate} holds a formula without its result: open the workbook "
                        "in a spreadsheet program and save it, or write the value"
                    )
    finally:
        book.close()


def _lines(sheet: Any, blank: set[tuple[int, int]]) -> list[list[str]]:
    """Return the lines of a sheet, and note its cells that have no value, not even a blank text."""
    sheet.reset_dimensions()  # which a file may state as it likes
    lines: list[list[str]] = []
    n_cells = last = 0
    for row in sheet.iter_rows():
        line = [_text(cell) for cell in row]
        blank.update(
            (cell.row, cell.column)
            for cell in row
            if cell.value is None and hasattr(cell, "row") and cell.data_type == "n"
        )
        n_cells += len(line) + 1
        if n_cells > _MOST_CELLS:
            raise ReadError(f"more than {_MOST_CELLS} cells: save the table as CSV")
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
