"""The tables of a cohort folder, read together, with everything that can be wrong with them."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sknemg.datasets._columns import UNREAD, UNTYPED, misnamed, own_name
from sknemg.datasets._entries import (
    DIAGNOSES,
    check_diagnoses,
    read_numbers,
    require,
    subjects_in,
    translate_diagnoses,
    translate_locations,
)
from sknemg.datasets._findings import Findings
from sknemg.datasets._formats.stored import ReadError
from sknemg.datasets._schema import PACKAGE, Field, clean, decode, read_package
from sknemg.datasets._splitting import lines_of, read_entry
from sknemg.recordings._problems import capped, shown

#: The tables that a folder may hold.
TABLES = tuple(
    f"{n}{end}" for n in ("subjects", "recordings", "cohort") for end in (".csv", ".xlsx")
)
_COLUMN_HELP = {
    "subject": "add it (or patient_id): whose the recording is; or say with `subject_pattern` "
    "where it stands in the names of the files",
    "diagnosis": f"add it (or label): one of {', '.join(sorted(set(DIAGNOSES.values())))}",
    "file": "add it (or filepath): the recording's file, relative to the folder",
}


def read_tables(
    folder: Path,
    findings: Findings,
    *,
    diagnoses: Mapping[str, str] | None = None,
    labelled: bool = True,
    subject_pattern: re.Pattern[str] | None = None,
    from_muscles: bool = False,
) -> tuple[pd.DataFrame, str, dict[str, Field]]:
    """Read ``recordings.csv`` with ``subjects.csv``, or ``cohort.csv``, and check their entries.

    Parameters
    ----------
    folder : Path
    findings : Findings
    diagnoses : mapping, default=None
        Further words for diagnoses.
    labelled : bool, default=True
        Whether each recording has a subject with a diagnosis. Otherwise neither is needed, and
        a column ``diagnosis`` is one like any other.
    subject_pattern : re.Pattern, default=None
        Finds the subject in the name of the file, in place of a column.
    from_muscles : bool, default=False
        Whether a location that is not given follows from the muscle.

    Returns
    -------
    rows : DataFrame
        One row per recording, with its number in the table as index; missing entries are None.
    table : str
        Name of the table of recordings.
    fields : dict
        The types of the columns that ``datapackage.json`` describes.
    """
    types = _read_types(folder, findings)
    needed = [] if subject_pattern or not labelled else ["subject"]
    rows, subjects, table = _read_layout(folder, types, needed, labelled, findings)
    if subject_pattern:
        find_subjects(rows, subject_pattern, table, findings)
    fields = dict(types.get(table, {}))
    if subjects is not None:
        if "subject" not in rows:
            remedy = "add the column 'subject' to it, or leave subjects.csv out"
            findings.add(table, [None], "subjects.csv beside it, but no subjects in it", remedy)
            findings.stop_if_any()
        fields = types.get("subjects.csv", {}) | fields
        _check_subjects(subjects, rows, table, findings)
        first = subjects.drop_duplicates("subject")
        rows = rows.reset_index(names="table_row").merge(first, on="subject", how="left")
        rows = rows.set_index("table_row").rename_axis(None)
    rows = rows.where(rows.notna(), None)
    require(rows, [name for name in ("subject", "file") if name in rows], table, findings)
    if labelled:
        translate_diagnoses(rows, diagnoses, table, findings)
    rows = translate_locations(rows, table, findings, from_muscles=from_muscles)
    read_numbers(rows, table, findings)
    if labelled:
        where = table if subjects is None else subjects.attrs["name"]
        check_diagnoses(rows, where, table, findings)
    _check_types(rows, fields, subjects, table, findings)
    return rows, table, fields


def other_tables(folder: Path) -> list[str]:
    """Name files that are meant as tables and are not read: with capitals, or of another program.

    Beside tables that are complete, they are copies or notes of somebody, and none is named.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    list of str
    """
    kinds = (".csv", ".xlsx", ".xls", ".ods")
    read = {Path(name).stem for name in TABLES if (folder / name).exists()}
    if "cohort" in read or {"subjects", "recordings"} <= read:
        return []
    lacking = {Path(name).stem for name in TABLES} - read
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.suffix.lower() in kinds and path.stem.lower() in lacking
    )


def _read_layout(
    folder: Path,
    types: Mapping[str, Mapping[str, Field]],
    needed: Collection[str],
    labelled: bool,
    findings: Findings,
) -> tuple[pd.DataFrame, Any, str]:
    if not folder.is_dir():
        raise FileNotFoundError(f"Folder {str(folder)!r} does not exist: give an existing one.")
    if other := other_tables(folder):
        remedy = "call it subjects.csv, recordings.csv or cohort.csv, or so with .xlsx"
        findings.add(str(folder), [None], f"{' and '.join(other)} would not be read", remedy)
        findings.stop_if_any()
    files = [name for name in TABLES if (folder / name).exists()]
    stems = [Path(name).stem for name in files]
    layouts = [{"subjects", "recordings"}, {"cohort"}]
    layouts += [] if labelled else [{"recordings"}]
    if set(stems) not in layouts or len(set(stems)) < len(stems):
        remedy = "put subjects.csv and recordings.csv there, or cohort.csv alone; .xlsx will do"
        if not files:
            raise ValueError(f"{str(folder)!r} holds no table: {remedy}.")
        findings.add(str(folder), [None], f"it holds {sorted(files)}", remedy)
        findings.stop_if_any()
    named = dict(zip(stems, files, strict=True))
    diagnosis = ["diagnosis"] if labelled else []
    if "cohort" in named:
        rows = read_one_table(
            folder / named["cohort"], [*needed, *diagnosis, "file"], types, findings
        )
        findings.stop_if_any()
        return rows, None, named["cohort"]
    rows = read_one_table(folder / named["recordings"], [*needed, "file"], types, findings)
    if "subjects" not in named:
        findings.stop_if_any()
        return rows, None, named["recordings"]
    subjects = read_one_table(folder / named["subjects"], ["subject", *diagnosis], types, findings)
    subjects.attrs["name"] = named["subjects"]
    both = sorted(map(str, (set(rows) & set(subjects)) - {"subject"}))
    if both:
        remedy = "keep each in one of the tables"
        problem = f"columns {both} are in {named['subjects']} too"
        findings.add(named["recordings"], [None], problem, remedy)
    findings.stop_if_any()
    return rows, subjects, named["recordings"]


def read_one_table(
    path: Path,
    needed: Collection[str],
    types: Mapping[str, Mapping[str, Field]],
    findings: Findings,
) -> pd.DataFrame:
    """Read one table as text, its columns under their own names, rows numbered from 2."""
    fields = types.get(path.name, {})
    try:
        lines = lines_of(path, fields.values())
    except (UnicodeError, csv.Error) as error:
        findings.add(path.name, [None], f"not readable: {error}", "save it as CSV in UTF-8")
        return pd.DataFrame(columns=list(needed))
    except ReadError as error:
        findings.add(path.name, [None], f"not readable: {error}")
        return pd.DataFrame(columns=list(needed))
    lines = _without_blank_columns(lines)
    columns = [name.strip() for name in lines[0]] if lines else []
    names = [own_name(name) for name in columns]
    entries: dict[int, list[str | None]] = {}
    for row, line in enumerate(lines[1:], start=2):
        if any(entry.strip() for entry in line[len(columns) :]):
            problem = f"{len(line)} entries for {len(columns)} columns"
            findings.add(path.name, [row], problem, "quote entries that hold the separator")
        elif any(entry.strip() for entry in line):
            line += [""] * (len(columns) - len(line))
            known = [None if name in UNREAD else fields.get(name) for name in names]
            entries[row] = [
                read_entry(entry) if field is None else clean(entry, field)
                for entry, field in zip(line, known, strict=False)
            ]
    table = pd.DataFrame(entries.values(), index=list(entries), columns=columns, dtype=object)
    table = table.where(table.notna(), None)
    if "table_row" in names:
        remedy = "rename it: load_cohort says there which row a recording came from"
        findings.add(path.name, [None], "a column 'table_row'", remedy)
    check_columns(path.name, columns, needed, len(table), findings)
    table.columns = pd.Index(names)
    return table


def check_columns(
    table: str, columns: Sequence[str], needed: Collection[str], n_rows: int, findings: Findings
) -> None:
    """Note columns that mean the same, are named wrongly or are missing, and a table of no rows."""
    names = [own_name(name) for name in columns]
    for name in sorted({name for name in names if names.count(name) > 1}):
        words = [own for own in columns if own_name(own) == name]
        findings.add(table, [None], f"two columns mean {name!r}", f"keep one of {words}")
    for problem, remedy in misnamed(columns):
        findings.add(table, [None], problem, remedy)
    missing = [name for name in needed if name not in names]
    if columns and len(missing) == len(needed) > 1:
        problem = f"row 1 reads {capped(columns, spell=shown)}, none of which is a column it needs"
        remedy = f"call the columns {', '.join(missing)}, and put no line above their names"
        findings.add(table, [None], problem, remedy)
    else:
        for name in missing:
            findings.add(table, [None], f"no column {name!r}", _COLUMN_HELP[name])
    if not n_rows and not missing:
        findings.add(table, [None], "no rows", "add one row for each recording or subject")


def _without_blank_columns(lines: list[list[str]]) -> list[list[str]]:
    """Drop columns without name and entries, which spreadsheets write as trailing separators."""
    width = len(lines[0]) if lines else 0
    blank = {
        at for at in range(width) if not any(f.strip() for ln in lines for f in ln[at : at + 1])
    }
    return [[field for at, field in enumerate(line) if at not in blank] for line in lines]


def find_subjects(
    rows: pd.DataFrame, pattern: re.Pattern[str], table: str, findings: Findings
) -> None:
    """Find the subject of each row in the name of its file."""
    if "subject" in rows:
        remedy = "leave `subject_pattern` out, or take the column out"
        findings.add(table, [None], "it has a column 'subject'", remedy)
        findings.stop_if_any()
    given = rows["file"].dropna()
    found, wrong = subjects_in(given, pattern)
    for problem, at in wrong.items():
        findings.add(table, given.index[at], problem, "correct the pattern, or rename the files")
    subjects = pd.Series(None, rows.index, dtype=object)
    subjects[given.index] = found
    rows.insert(0, "subject", subjects)


def _check_subjects(
    subjects: pd.DataFrame, rows: pd.DataFrame, table: str, findings: Findings
) -> None:
    name = subjects.attrs["name"]
    blank = subjects.index[subjects["subject"].isna()]
    findings.add(name, blank, "no subject", "fill it in or take the row out", out=False)
    for who, group in subjects.groupby("subject"):
        if len(group) > 1:
            several = "diagnosis" in group and group["diagnosis"].nunique() > 1
            problem = f"subject {who!r} is listed {len(group)} times"
            problem += " with different diagnoses" if several else ""
            findings.add(name, group.index, problem, "keep one row per subject", out=False)
            findings.rule_out(rows.index[rows["subject"] == who], f"{problem} in {name}")
    unknown = rows.index[rows["subject"].notna() & ~rows["subject"].isin(subjects["subject"])]
    for row in unknown:
        problem = f"subject {rows.loc[row, 'subject']!r} is not in {name}"
        findings.add(table, [row], problem, "add the subject with its diagnosis")
    idle = subjects[subjects["subject"].notna() & ~subjects["subject"].isin(rows["subject"])]
    for row, who in idle["subject"].items():
        problem = f"subject {who!r} has no recording"
        findings.add(name, [row], problem, "add one or take the subject out", out=False)


def _read_types(folder: Path, findings: Findings) -> dict[str, dict[str, Field]]:
    try:
        return read_package(folder / PACKAGE)
    except (ValueError, RecursionError) as error:
        remedy = "correct it, or delete it, and the types are guessed from the entries"
        findings.add(PACKAGE, [None], f"not usable: {error}", remedy)
        findings.stop_if_any()
        raise


def _check_types(
    rows: pd.DataFrame,
    fields: Mapping[str, Field],
    subjects: pd.DataFrame | None,
    table: str,
    findings: Findings,
) -> None:
    """Note the entries that `PACKAGE` does not allow, in rows that are sound otherwise."""
    at = [row for row in rows.index if row not in findings.out]
    for name in [name for name in fields if name in rows and name not in UNTYPED]:
        where = " in subjects.csv" if subjects is not None and name in subjects else ""
        for place, why in decode(rows.loc[at, name], fields[name])[1]:
            problem = f"{name}{where}: {why}, which {PACKAGE} does not allow"
            remedy = f"correct the entry, or take the column out of {PACKAGE}"
            findings.add(table, [at[place]], problem, remedy)
