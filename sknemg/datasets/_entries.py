"""The entries of tables: words for diagnoses and locations, numbers, paths, and their checks."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import pandas as pd

from sknemg.datasets._columns import NUMBERS, TEXT
from sknemg.datasets._findings import Findings
from sknemg.datasets._schema import read_number
from sknemg.recordings._problems import capped, shown
from sknemg.recordings._subjects import ONE_DIAGNOSIS, several_diagnoses
from sknemg.recordings.muscles import find_locations

#: Words for the diagnoses; M, N and NL are the papers' labels.
DIAGNOSES = {"m": "myopathy", "n": "neuropathy", "nl": "normal"} | {
    name: name for name in ("myopathy", "neuropathy", "normal")
}
LOCATIONS = {"p": "proximal", "d": "distal", "proximal": "proximal", "distal": "distal"}
_GROUPED = re.compile(r"[-+]?\d{1,3}(,\d{3})+")


def plain(word: str) -> str:
    """Normalise case and spacing of a word."""
    return " ".join(word.split()).lower()


def is_given(entry: Any) -> bool:
    """Tell whether an entry of a table is present."""
    return entry is not None and not (isinstance(entry, float) and math.isnan(entry))


def require(rows: pd.DataFrame, columns: Iterable[str], table: str, findings: Findings) -> None:
    """Note the rows without an entry in these columns."""
    for name in columns:
        blank = [row for row in rows.index[rows[name].isna()] if row not in findings.out]
        findings.add(table, blank, f"no {name}", "fill it in or take the row out")


def read_words(diagnoses: Mapping[str, str] | None) -> dict[str, str]:
    """Map the caller's words for diagnoses to the names of their classes, or refuse them.

    Returns
    -------
    dict
        From each word, as `plain` writes it, to its class.

    Examples
    --------
    >>> read_words({"Control ": "NL", "ALS": "ALS", "MND": "ALS"})
    {'control': 'normal', 'als': 'ALS', 'mnd': 'ALS'}
    """
    entries = list(dict(diagnoses or {}).items())
    texts = [pair for pair in entries if all(isinstance(word, str) for word in pair)]
    wrong = [
        f"{word!r}: {name!r} is not text and text (the table's words are text, such as '0')"
        for word, name in entries
        if (word, name) not in texts
    ]
    own = {name.strip() for word, name in texts if plain(word) == plain(name)}
    words: dict[str, str] = {}
    for word, name in texts:
        label = DIAGNOSES.get(plain(name), name.strip())
        if label not in DIAGNOSES and label not in own:
            wrong.append(
                f"{word!r}: {name!r} is not a diagnosis (give myopathy, neuropathy or normal; a "
                f"class of its own is given by its own name too: {{{name!r}: {name!r}}})"
            )
        if words.setdefault(plain(word), label) != label:
            wrong.append(f"{word!r}: means both {words[plain(word)]!r} and {label!r}; keep one")
    if wrong:
        raise ValueError("diagnoses cannot be used:\n" + "\n".join(f"  {line}" for line in wrong))
    return words


def translate_diagnoses(
    rows: pd.DataFrame, diagnoses: Mapping[str, str] | None, table: str, findings: Findings
) -> None:
    """Replace the words of the column ``diagnosis`` by classes; note unknown ones."""
    words = read_words(diagnoses)
    used = {*map(plain, words.values()), *map(plain, rows["diagnosis"].dropna())}
    for word in sorted(set(words) - used):
        remedy = "correct the word in `diagnoses`, or take it out"
        findings.add(table, [None], f"no row has the diagnosis {word!r}", remedy)
    known = DIAGNOSES | words
    if _are_swapped(rows, known):
        problem = "the column 'subject' holds diagnoses, and the column 'diagnosis' holds none"
        findings.add(table, rows.index, problem, "exchange the names of the two columns")
        rows["diagnosis"] = None
        return
    _translate(rows, "diagnosis", known, table, findings)


def _are_swapped(rows: pd.DataFrame, known: Collection[str]) -> bool:
    """Tell whether subjects are called as diagnoses, and no diagnosis is known."""
    if "subject" not in rows:
        return False
    subjects, diagnoses = (rows[name].dropna().map(plain) for name in ("subject", "diagnosis"))
    named = [plain(word) for word in known]
    return (
        len(diagnoses) > 0
        and len(subjects) > 0
        and bool(subjects.isin(named).all())
        and not diagnoses.isin(named).any()
    )


def check_diagnoses(rows: pd.DataFrame, where: str, table: str, findings: Findings) -> None:
    """Note subjects with several diagnoses, or none."""
    bad = findings.out
    for who, diagnoses in several_diagnoses(rows["subject"], rows["diagnosis"]).items():
        problem = f"subject {who!r} has the diagnoses {', '.join(diagnoses)}"
        findings.add(table, rows.index[rows["subject"] == who], problem, ONE_DIAGNOSIS)
    blank = [row for row in rows.index[rows["diagnosis"].isna()] if row not in bad]
    for who, group in rows.loc[blank].groupby("subject"):
        problem = f"subject {who!r} has no diagnosis"
        findings.add(table, group.index, problem, f"write it into {where}")


def translate_locations(
    rows: pd.DataFrame, table: str, findings: Findings, *, from_muscles: bool
) -> pd.DataFrame:
    """Replace the words of the column ``location``, and fill it in by the muscles if asked."""
    _translate(rows, "location", LOCATIONS, table, findings)
    return _locate(rows, table, findings) if from_muscles else rows


def _locate(rows: pd.DataFrame, table: str, findings: Findings) -> pd.DataFrame:
    """Fill in the location of rows that do not state it, by their muscle."""
    if "muscle" not in rows:
        remedy = "add it, or leave locations='muscle' out"
        findings.add(table, [None], "no column 'muscle'", remedy)
        return rows
    stated = rows["location"] if "location" in rows else pd.Series(None, rows.index, dtype=object)
    blank = rows.index[stated.isna()]
    blank = blank.difference(list(findings.out), sort=False)
    locations, strange = find_locations(rows.loc[blank, "muscle"])
    for name, at in strange.items():
        remedy = "write its name in full, or fill in the location"
        findings.add(table, blank[at], f"muscle {name!r} is unknown", remedy)
    stated = stated.astype(object)
    stated.loc[blank] = locations
    return rows.assign(location=stated.where(stated.notna(), None))


def _translate(
    rows: pd.DataFrame,
    column: str,
    known: Mapping[str, str],
    table: str,
    findings: Findings,
) -> None:
    """Replace words by the library's own; a word that is not known is a problem."""
    if column not in rows:
        return
    translated = rows[column].map(lambda word: None if word is None else known.get(plain(word)))
    for word in rows.loc[rows[column].notna() & translated.isna(), column].unique():
        remedy = f"write one of {', '.join(sorted(set(known.values())))}"
        remedy += f", or give diagnoses={{{word!r}: ...}}" if column == "diagnosis" else ""
        at = rows.index[rows[column] == word]
        findings.add(table, at, f"{column} {word!r} is unknown", remedy)
    rows[column] = translated.where(translated.notna(), None)


def read_numbers(rows: pd.DataFrame, table: str, findings: Findings) -> None:
    """Read the entries of the columns that hold numbers; note those that are none."""
    for column in set(NUMBERS) & set(rows):
        numbers = rows[column].map(_number).astype(float)
        for row in rows.index[numbers.isna() & rows[column].notna()]:
            entry = rows.loc[row, column]
            problem = f"{column} {entry!r} is not a number"
            if _GROUPED.fullmatch(entry):
                problem = f"{column} {entry!r} may have a decimal comma or one between thousands"
            findings.add(table, [row], problem, "write digits with a decimal point")
        rows[column] = numbers.astype(float)


def _number(entry: str | None) -> float:
    """Read a number to the last digit, with a point or a comma; NaN if it is not one."""
    text = entry or ""
    if "," in text and "." not in text and not _GROUPED.fullmatch(text):
        text = text.replace(",", ".", 1)
    try:
        return read_number(text)
    except ValueError:
        return math.nan


def typed(column: pd.Series) -> pd.Series:
    """Turn a column of text into numbers or booleans where all its entries are such."""
    entries = column.dropna().astype(str)
    if column.name in TEXT or not len(entries) or column.dtype != object:
        return column
    if entries.isin(["True", "False"]).all() and len(entries) == len(column):
        return column == "True"
    codes = entries.str.match(r"[-+]?0\d")  # 007 is a code, not the number 7
    commas = entries.str.contains(",", regex=False)  # lists of codes, or decimals: not said
    numbers = column.map(_number).astype(float)
    if commas.any():
        return column
    if codes.any() or numbers[entries.index].isna().any():
        return column
    whole = len(entries) == len(column) and entries.str.fullmatch(r"[-+]?\d{1,18}").all()
    return column.astype("int64") if whole else numbers


def path_problem(name: str) -> str:
    """Say why an entry of the column ``file`` names no file inside the folder, or nothing."""
    windows = PureWindowsPath(name)
    if PurePosixPath(name).is_absolute() or windows.drive or windows.root:
        return "is an absolute path: give a file inside the folder, relative to it"
    if ".." in windows.parts:
        return "leaves the folder: give a file inside the folder, relative to it"
    if "\\" in name:
        return "has backslashes: write / between folders"
    return ""


def subjects_in(
    names: Iterable[str], pattern: re.Pattern[str]
) -> tuple[list[str | None], dict[str, list[int]]]:
    r"""Find the subjects in the names of files, and say of which names why there is none.

    Examples
    --------
    >>> names = ["M/P12_03.npy", "M/P7_1.npy"]
    >>> subjects_in(names, re.compile(r"P(\d+)_"))[0]
    ['12', '7']
    >>> for pattern in (r"(\d+)", r".*(\d+)_", r"Q(\d+)"):
    ...     print(*subjects_in(names, re.compile(pattern))[1])
    subject_pattern='(\\d+)' matches in several places of 'M/P12_03.npy', 'M/P7_1.npy'
    subject_pattern='.*(\\d+)_' matches only a part of a number in 'M/P12_03.npy'
    subject_pattern='Q(\\d+)' finds no subject in 'M/P12_03.npy', 'M/P7_1.npy'
    """
    names = list(names)
    found = [_subject_in(name, pattern) for name in names]
    wrong: dict[str, list[int]] = {}
    for at, (who, problem) in enumerate(found):
        if who is None:
            wrong.setdefault(problem, []).append(at)
    said = f"subject_pattern={pattern.pattern!r}"
    return [who for who, _ in found], {
        f"{said} {problem} {capped([names[i] for i in at], spell=shown)}": at
        for problem, at in wrong.items()
    }


def _subject_in(name: str, pattern: re.Pattern[str]) -> tuple[str | None, str]:
    found = list(pattern.finditer(name))
    if not found or not all(match[1] and match[1].strip() for match in found):
        return None, "finds no subject in"
    if len(found) > 1:
        return None, "matches in several places of"
    start, stop = found[0].span(1)
    for number in re.finditer(r"\d+", name):
        if number.start() < start < number.end() or number.start() < stop < number.end():
            return None, "matches only a part of a number in"
    return found[0][1].strip(), ""
