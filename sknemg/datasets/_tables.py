"""The tables of a cohort folder: names, aliases, and everything that can be wrong with them."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from io import StringIO
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pandas as pd

from sknemg.datasets._formats.decoding import find_encoding
from sknemg.datasets._formats.names import is_rate, is_unit, plain_name
from sknemg.datasets._formats.stored import ReadError
from sknemg.datasets._formats.workbook import read_sheet
from sknemg.datasets._schema import PACKAGE, Field, clean, decode, read_number, read_package
from sknemg.recordings import InvalidRecordingsError
from sknemg.recordings._problems import capped, shown
from sknemg.recordings._subjects import ONE_DIAGNOSIS, several_diagnoses
from sknemg.recordings.muscles import find_locations

#: The tables that a folder may hold.
TABLES = tuple(
    f"{n}{end}" for n in ("subjects", "recordings", "cohort") for end in (".csv", ".xlsx")
)
#: Other names of the columns that mean something to the loader; a rate and a unit have more.
ALIASES = {
    "label": "diagnosis",
    "muscle_type": "location",
    "filepath": "file",
    "patient_id": "subject",
    "fs": "sfreq",
}
#: Words for the diagnoses; M, N and NL are the papers' labels.
DIAGNOSES = {"m": "myopathy", "n": "neuropathy", "nl": "normal"} | {
    name: name for name in ("myopathy", "neuropathy", "normal")
}
LOCATIONS = {"p": "proximal", "d": "distal", "proximal": "proximal", "distal": "distal"}
NUMBERS = ("sfreq", "scale", "start", "stop")
_TEXT = (
    "subject",
    "diagnosis",
    "file",
    "recording",
    "channel",
    "muscle",
    "side",
    "location",
    "profile",
)
_MISSING = ("", "na", "n/a", "nan")
#: Columns that say how a file is read, or whose words are translated: read as text, stripped.
UNTYPED = ("diagnosis", "file", "sfreq", "unit", "scale", "channel", "start", "stop")
UNREAD = ("subject", "location", *UNTYPED)
_GROUPED = re.compile(r"[-+]?\d{1,3}(,\d{3})+")
_COLUMNS = ["table", "row", "problem", "remedy"]


class InvalidCohortError(InvalidRecordingsError):
    """A folder or files that cannot be loaded as they are, with everything that is wrong.

    Attributes
    ----------
    problems : DataFrame, columns ``table``, ``row``, ``problem``, ``remedy``
        One line for each. Rows are counted as a spreadsheet does: the names of the columns are
        row 1. A problem of a whole table has no row (``<NA>``).
    """

    def __init__(self, problems: pd.DataFrame, where: str = "cohort"):
        self.problems, self._where = problems, where
        n = len(problems)
        ValueError.__init__(
            self, f"{n} problem{'s' if n != 1 else ''} in the {where}:\n{describe(problems)}"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems, self._where)


def describe(problems: pd.DataFrame) -> str:
    """List all problems, a line for all the rows of a table that share one."""
    lines = []
    for (table, problem, remedy), group in problems.groupby(
        ["table", "problem", "remedy"], sort=False
    ):
        rows = _ranges(group["row"].dropna().astype(int))
        where = f"{table}, {rows}" if rows else table
        lines.append(f"  {where}: {problem}" + (f" ({remedy})" if remedy else ""))
    return "\n".join(lines)


def _ranges(rows: Iterable[int]) -> str:
    spans: list[list[int]] = []
    for row in sorted(set(rows)):
        if spans and row == spans[-1][1] + 1:
            spans[-1][1] = row
        else:
            spans.append([row, row])
    text = ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in spans)
    return f"row{'s' if len(spans) > 1 or text.count('-') else ''} {text}" if spans else ""


class Findings:
    """Problems found so far, and the recording rows that they rule out.

    Parameters
    ----------
    where : str, default="cohort"
        What is looked at, for the message.
    """

    def __init__(self, where: str = "cohort") -> None:
        self.where = where
        self.files: dict[Any, str] = {}  # of rows that stand in no table
        self._found: list[tuple[str, Any, str, str]] = []
        self.out: set[Any] = set()

    def add(
        self,
        table: str,
        rows: Iterable[Any],
        problem: str,
        remedy: str = "",
        *,
        out: bool = True,
    ) -> None:
        """Note one problem of these rows; `out` if they are rows of recordings."""
        for row in rows:
            self._found.append((table, row, problem, remedy))
            if out and row is not None:
                self.out.add(row)

    def table(self) -> pd.DataFrame:
        """Return the problems as `InvalidCohortError.problems`."""
        found = [
            (self.files.get(row, table), None if row in self.files else row, *said)
            for table, row, *said in self._found
        ]
        return pd.DataFrame(found, columns=_COLUMNS).astype({"row": "Int64"})

    def by_row(self) -> dict[Any, str]:
        """Return what is wrong with each row, as one text."""
        texts: dict[Any, list[str]] = {}
        for _, row, problem, remedy in self._found:
            if row is not None:
                texts.setdefault(row, []).append(problem + (f" ({remedy})" if remedy else ""))
        return {row: "; ".join(own) for row, own in texts.items()}

    def stop_if_any(self) -> None:
        """Raise `InvalidCohortError` if there is a problem."""
        if self._found:
            raise InvalidCohortError(self.table(), self.where)


# -- reading -----------------------------------------------------------------------------------


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
        _find_subjects(rows, subject_pattern, table, findings)
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
    _require(rows, [name for name in ("subject", "file") if name in rows], table, findings)
    if labelled:
        translate_diagnoses(rows, diagnoses, table, findings)
    rows = translate_locations(rows, table, findings, from_muscles=from_muscles)
    _read_numbers(rows, table, findings)
    if labelled:
        where = table if subjects is None else subjects.attrs["name"]
        check_diagnoses(rows, where, table, findings)
    _check_types(rows, fields, subjects, table, findings)
    return rows, table, fields


def _find_subjects(
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


def _read_layout(
    folder: Path,
    types: Mapping[str, Mapping[str, Field]],
    needed: Collection[str],
    labelled: bool,
    findings: Findings,
) -> tuple[pd.DataFrame, Any, str]:
    if not folder.is_dir():
        raise FileNotFoundError(f"Folder {str(folder)!r} does not exist: give an existing one.")
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
        rows = _read(folder / named["cohort"], [*needed, *diagnosis, "file"], types, findings)
        findings.stop_if_any()
        return rows, None, named["cohort"]
    rows = _read(folder / named["recordings"], [*needed, "file"], types, findings)
    if "subjects" not in named:
        findings.stop_if_any()
        return rows, None, named["recordings"]
    subjects = _read(folder / named["subjects"], ["subject", *diagnosis], types, findings)
    subjects.attrs["name"] = named["subjects"]
    both = sorted(map(str, (set(rows) & set(subjects)) - {"subject"}))
    if both:
        remedy = "keep each in one of the tables"
        problem = f"columns {both} are in {named['subjects']} too"
        findings.add(named["recordings"], [None], problem, remedy)
    findings.stop_if_any()
    return rows, subjects, named["recordings"]


def _read(
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
    twice = sorted({name for name in names if names.count(name) > 1})
    for name in twice:
        words = [own for own in columns if own_name(own) == name]
        findings.add(path.name, [None], f"two columns mean {name!r}", f"keep one of {words}")
    for problem, remedy in misnamed(columns):
        findings.add(path.name, [None], problem, remedy)
    if "table_row" in names:
        remedy = "rename it: load_cohort says there which row a recording came from"
        findings.add(path.name, [None], "a column 'table_row'", remedy)
    missing = [name for name in needed if name not in names]
    for name in missing:
        findings.add(path.name, [None], f"no column {name!r}", _COLUMN_HELP[name])
    if not len(table) and not missing:
        findings.add(path.name, [None], "no rows", "add one row for each recording or subject")
    table.columns = pd.Index(names)
    return table


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
    delimiter = max(",;\t", key=columns)
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


def _without_blank_columns(lines: list[list[str]]) -> list[list[str]]:
    """Drop columns without name and entries, which spreadsheets write as trailing separators."""
    width = len(lines[0]) if lines else 0
    blank = {
        at for at in range(width) if not any(f.strip() for ln in lines for f in ln[at : at + 1])
    }
    return [[field for at, field in enumerate(line) if at not in blank] for line in lines]


def misnamed(columns: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Find columns that are meant to say how a file is read but would be ignored, and what to do.

    Examples
    --------
    >>> [problem for problem, _ in misnamed(["file", "fs [kHz]", "start (s)", "stop"])]
    ["a column 'fs [kHz]' in kilohertz", "a column 'start (s)'"]
    """
    meant = {
        "start": "in seconds from the first sample",
        "stop": "in seconds from the first sample",
        "scale": "in millivolts per unit of the file",
    }
    for name in columns:
        own = re.sub(r"\s*[(\[][^)\]]*[)\]]$", "", name).lower()
        if is_rate(plain_name(name).replace("khz", "hz")) and not is_rate(name):
            yield f"a column {name!r} in kilohertz", "write hertz, and call it sfreq"
        elif own in meant and own != name.lower():
            other = "or by another name if it is something else"
            yield f"a column {name!r}", f"call it {own}, {meant[own]}, {other}"


def own_name(name: str) -> str:
    """Spell a name that the loader knows in its own way, and leave any other as it is."""
    low = name.lower()
    if is_rate(name) or is_unit(name):
        return "sfreq" if is_rate(name) else "unit"
    known = low in ALIASES or low in NUMBERS or low in _TEXT
    return ALIASES.get(low, low) if known else name


_COLUMN_HELP = {
    "subject": "add it (or patient_id): whose the recording is; or say with `subject_pattern` "
    "where it stands in the names of the files",
    "diagnosis": f"add it (or label): one of {', '.join(sorted(set(DIAGNOSES.values())))}",
    "file": "add it (or filepath): the recording's file, relative to the folder",
}


# -- checking ----------------------------------------------------------------------------------


def plain(word: str) -> str:
    """Normalise case and spacing of a word."""
    return " ".join(word.split()).lower()


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


def _require(rows: pd.DataFrame, columns: Iterable[str], table: str, findings: Findings) -> None:
    for name in columns:
        blank = [row for row in rows.index[rows[name].isna()] if row not in findings.out]
        findings.add(table, blank, f"no {name}", "fill it in or take the row out")


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
            findings.out.update(rows.index[rows["subject"] == who])
    unknown = rows.index[rows["subject"].notna() & ~rows["subject"].isin(subjects["subject"])]
    for row in unknown:
        problem = f"subject {rows.loc[row, 'subject']!r} is not in {name}"
        findings.add(table, [row], problem, "add the subject with its diagnosis")
    idle = subjects[subjects["subject"].notna() & ~subjects["subject"].isin(rows["subject"])]
    for row, who in idle["subject"].items():
        problem = f"subject {who!r} has no recording"
        findings.add(name, [row], problem, "add one or take the subject out", out=False)


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


def translate_locations(
    rows: pd.DataFrame, table: str, findings: Findings, *, from_muscles: bool
) -> pd.DataFrame:
    """Replace the words of the column ``location``, and fill it in by the muscles if asked."""
    _translate(rows, "location", LOCATIONS, table, findings)
    return _locate(rows, table, findings) if from_muscles else rows


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


def _read_numbers(rows: pd.DataFrame, table: str, findings: Findings) -> None:
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


def typed(column: pd.Series) -> pd.Series:
    """Turn a column of text into numbers or booleans where all its entries are such."""
    entries = column.dropna().astype(str)
    if column.name in _TEXT or not len(entries) or column.dtype != object:
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


def is_given(entry: Any) -> bool:
    """Tell whether an entry of a table is present."""
    return entry is not None and not (isinstance(entry, float) and math.isnan(entry))
