"""Delimited text files."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.datasets._formats.stored import ReadError, Stored, pick


@dataclass(frozen=True)
class TextFormat:
    """Dialect of a text file."""

    delimiter: str
    decimal: str
    skip_lines: int


def read_text(path: Path, channel: str | int | None, text: TextFormat) -> Stored:
    """Read one column of a delimited text file; a line that holds no number there is refused."""
    separator = r"\s+" if text.delimiter == " " else re.escape(text.delimiter)
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        lines = islice(file, text.skip_lines, None)
        first, second = next(lines, "").strip(), next(lines, "").strip()
    if not first:
        raise ReadError("no samples: leave the recording out")
    fields = [field.strip().strip('"') for field in re.split(separator, first)]
    said = _rstrip(fields)
    words = [re.match(r"(?!nan$|inf)[^\W\d]", field.lower()) for field in said]
    named = bool(words) and all(words)
    _check_delimiter(second if named else first, text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # it cut columns off
            frame = pd.read_csv(
                path,
                sep=separator if text.delimiter == " " else text.delimiter,
                header=0 if named else None,
                skiprows=text.skip_lines,
                dtype=str,
                keep_default_na=False,
                skip_blank_lines=False,
                index_col=False,
                encoding="utf-8-sig",
                encoding_errors="replace",
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise ReadError(f"the lines differ in their number of columns ({error})") from error
    names = fields if named else [str(i) for i in range(frame.shape[1])]
    while len(names) > max(1, len(said)) and _is_blank(frame.iloc[:, len(names) - 1]):
        names = names[:-1]  # spreadsheets write trailing separators
    at = pick(names, channel)
    column = frame.iloc[:, at].fillna("").str.strip()
    column = column[: column.ne("").to_numpy().nonzero()[0].max(initial=-1) + 1]
    samples = _numbers(column, text, first_line=text.skip_lines + 1 + named)
    return Stored(samples, channel=fields[at] if named else str(at))


def _rstrip(fields: list[str]) -> list[str]:
    n = max((i for i, field in enumerate(fields, start=1) if field), default=0)
    return fields[:n]


def _is_blank(column: pd.Series) -> bool:
    return not column.fillna("").str.strip().any()


def _check_delimiter(line: str, text: TextFormat) -> None:
    """Refuse a line of numbers that another sign separates than the given one."""
    number = re.compile(r'\s*"?[-+]?\d+([.,]\d+)?(e[-+]?\d+)?"?\s*', re.IGNORECASE)
    for sign in ";\t":
        fields = _rstrip(line.split(sign))
        if sign in (text.delimiter, text.decimal) or (sign == "\t" and text.delimiter == " "):
            continue
        if sign in line and all(map(number.fullmatch, fields)):
            comma = ", decimal=','" if any("," in field for field in fields) else ""
            raise ReadError(
                f"the columns are separated by {sign!r}, the delimiter given is "
                f"{text.delimiter!r}: give delimiter={sign!r}{comma}"
            )


def _numbers(column: pd.Series, text: TextFormat, first_line: int) -> NDArray[np.float64]:
    plain = column
    if text.decimal != ".":
        plain = column.where(~column.str.contains(".", regex=False), "").str.replace(
            text.decimal, ".", regex=False
        )
    samples = pd.to_numeric(plain, errors="coerce").to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(samples))
    if len(bad):
        lines = ", ".join(str(row + first_line) for row in bad[:5])
        more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
        raise ReadError(
            f"no number in line {lines}{more} (the first reads {column.iloc[bad[0]]!r}; delimiter "
            f"{text.delimiter!r}, decimal sign {text.decimal!r}): correct the file or the dialect"
        )
    return samples
