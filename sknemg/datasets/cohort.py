"""Load and write a cohort folder: tables that describe recordings, and the signal files."""

from __future__ import annotations

import csv
import hashlib
import warnings
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.datasets._formats.limits import MAX_BYTES
from sknemg.datasets._formats.stored import ReadError, TableEntry
from sknemg.datasets._formats.text import TextFormat
from sknemg.datasets._formats.units import UNITS
from sknemg.datasets._quality import warn_if_flat
from sknemg.datasets._schema import (
    PACKAGE,
    Field,
    UnwritableError,
    decode,
    encode,
    write_package,
)
from sknemg.datasets._tables import (
    ALIASES,
    DIAGNOSES,
    UNTYPED,
    Findings,
    InvalidCohortError,
    describe,
    is_given,
    join_table,
    own_name,
    path_problem,
    plain,
    read_entry,
    read_tables,
    split_table,
    typed,
)
from sknemg.datasets.files import (
    Reading,
    check_max_bytes,
    check_numbers,
    check_text,
    files_of,
    read_recording,
)
from sknemg.recordings import Recordings
from sknemg.recordings._problems import PROBLEM_COLUMNS, InvalidRecordingsError, shown
from sknemg.recordings._subjects import check_labels, check_subjects, warn_if_alike
from sknemg.recordings.recordings import offsets_of

_READ = ("sfreq", "unit", "scale", "channel", "start", "stop")
_SOURCE = ("file", "file_unit", "scale", "channel", "start", "stop", "table_row")


def load_cohort(
    folder: str | Path,
    *,
    unit: str | None = None,
    sfreq: float | None = None,
    scale: float | None = None,
    diagnoses: Mapping[str, str] | None = None,
    delimiter: str = ",",
    decimal: str | None = None,
    skip_lines: int = 0,
    header: bool | None = None,
    encoding: str | None = None,
    invalid: Literal["raise", "clip"] = "raise",
    max_bytes: int = MAX_BYTES,
    on_error: Literal["raise", "skip"] = "raise",
) -> tuple[Recordings, NDArray[np.str_]]:
    """Load a folder of recordings with the tables that describe them.

    The folder holds either

    - ``subjects.csv`` with the columns ``subject``, ``diagnosis``, and ``recordings.csv`` with
      ``subject``, ``file``, or
    - ``cohort.csv`` with ``subject``, ``diagnosis``, ``file``, one row per recording.

    ``datapackage.json`` beside them, which `write_cohort` makes, states the types of the columns;
    without it, numbers and booleans are recognised by their entries.

    The loader also understands ``muscle``, ``location``, ``recording`` and, to read the file,
    ``sfreq``, ``unit``, ``scale``, ``channel``, ``start`` and ``stop`` (the parameters of
    `read_recording`). Every other column is kept. ``label``, ``muscle_type``, ``filepath``,
    ``patient_id`` and ``fs`` are taken as ``diagnosis``, ``location``, ``file``, ``subject`` and
    ``sfreq``. Diagnoses are ``myopathy``, ``neuropathy`` and ``normal`` or the papers' ``M``,
    ``N`` and ``NL``; locations ``proximal`` and ``distal`` or ``P`` and ``D``. Files are given
    relative to the folder and lie inside it.

    Parameters
    ----------
    folder : str or Path
    unit, sfreq, scale : default=None
        Values for every file whose row does not state them, as in `read_recording`. A file, its
        row and these arguments must not contradict each other.
    diagnoses : dict, default=None
        Further words of the diagnosis column and the classes they mean, such as
        ``{"ALS": "neuropathy"}``; case and spacing do not count. A class beside myopathy,
        neuropathy and normal is stated by its own name: ``{"ALS": "ALS", "MND": "ALS"}``.
    delimiter, decimal, skip_lines, header, encoding : default=",", None, 0, None, None
        Dialect of the text files, as in `read_recording`. (In the tables themselves a comma, a
        semicolon or a tab separates the columns, whichever the first row holds most of.)
    invalid : {"raise", "clip"}, default="raise"
        Meaning of WFDB's code for "no value", as in `read_recording`.
    max_bytes : int, default=2**30
        Limit on the memory for the samples of one file, as in `read_recording`.
    on_error : {"raise", "skip"}, default="raise"
        With "skip", rows with a problem are left out, and one warning lists them.

    Returns
    -------
    X : Recordings
        Signals in millivolts. ``X.meta`` has all columns of the tables (the column ``unit`` as
        ``file_unit``, since the signals are in millivolts now), ``table_row``, the row of the
        table of recordings, counted as a spreadsheet does, and ``clipped``, the number of samples
        at the limits of the file's integer format (NaN for a format without limits).
    y : ndarray of shape (n_recordings,), str
        The diagnosis of each recording's subject.

    Raises
    ------
    InvalidCohortError
        One error with everything that is wrong: missing tables, columns and entries, words,
        rates and units that are unknown or contradict the file, subjects with two diagnoses or
        none, files that are missing, outside the folder, unreadable or used by two subjects,
        rows and signals that occur twice, samples that are no numbers, words in `diagnoses` that
        no row holds.
    ValueError
        If an argument is invalid for any cohort: a rate given as text, a word of `diagnoses`
        that means no known class.

    Warns
    -----
    UserWarning
        If recordings are flat for half a second or more, rows were left out, or subjects differ
        only in case, blanks, leading zeros or Unicode form.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> from sknemg.datasets import load_cohort, write_cohort
    >>> signals = np.random.default_rng(0).normal(size=(2, 4800))
    >>> X = Recordings(signals, sfreq=48_000, subject=["S1", "S2"], muscle="deltoid")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_cohort(folder, X, ["myopathy", "normal"])
    ...     X, y = load_cohort(folder)
    >>> X, y.tolist()
    (Recordings: 2 recordings of 2 subjects, 0.10 s at 48000 Hz, ['myopathy', 'normal'])
    """
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error={on_error!r} is unknown: give 'raise' or 'skip'.")
    check_numbers(sfreq=sfreq, scale=scale)
    text = TextFormat(delimiter, decimal, skip_lines, header, encoding)
    check_text(text)
    check_max_bytes(max_bytes)
    folder, findings = Path(folder), Findings()
    rows, table, fields = read_tables(folder, diagnoses, findings)
    readable = _check_paths(rows, table, folder, findings)
    _check_repeated_rows(rows, table, findings)
    given = {"unit": unit, "sfreq": sfreq, "scale": scale}
    options = vars(text) | {"invalid": invalid, "max_bytes": max_bytes}
    readings = _read_all(rows.loc[readable], table, folder, given, options, findings)
    _check_repeated_signals(rows, table, readings, findings)
    kept = [row for row in rows.index if row not in findings.out]
    problems = findings.table()
    if len(problems):
        if on_error == "raise" or not kept:
            raise InvalidCohortError(problems)
        warnings.warn(
            f"{len(rows) - len(kept)} of {len(rows)} recordings were left out:\n"
            + describe(problems),
            stacklevel=2,
        )
    if lacking := [name for name in fields if name not in rows]:
        warnings.warn(
            f"{PACKAGE} describes columns that the tables lack, {shown(lacking)}: take them out "
            "there, too.",
            stacklevel=2,
        )
    X = _assemble(rows.loc[kept], [readings[row] for row in kept], fields)
    warn_if_alike(X["subject"], stacklevel=2)
    warn_if_flat(X, stacklevel=2)
    return X, X["diagnosis"].to_numpy(dtype=str)


def _assemble(
    rows: pd.DataFrame, readings: list[Reading], fields: Mapping[str, Field]
) -> Recordings:
    meta = pd.DataFrame(
        {
            name: decode(rows[name], fields[name])[0]
            if name in fields and name not in UNTYPED
            else typed(rows[name]).tolist()
            for name in map(str, rows)
        }
    )
    meta = meta.rename(columns={"unit": "file_unit"})
    rates = pd.Series([reading.sfreq for reading in readings])
    meta["sfreq"] = rates.astype(fields["sfreq"]["dtype"] if "sfreq" in fields else float)
    meta["table_row"] = rows.index.to_numpy(dtype=np.int64)
    if "clipped" not in meta:
        counts = pd.Series([reading.meta["clipped"] for reading in readings])
        meta["clipped"] = counts.astype(float)  # NaN where the format has no limits
    signals = [reading.signal for reading in readings]
    offsets = offsets_of([len(signal) for signal in signals])
    return Recordings.from_ragged(np.concatenate(signals), offsets, meta).validate()


# -- checks ------------------------------------------------------------------------------------


def _check_paths(rows: pd.DataFrame, table: str, folder: Path, findings: Findings) -> list[int]:
    """Note what is wrong with the files, and return the rows whose files can be opened."""
    owners: dict[Path, list[int]] = defaultdict(list)
    readable: list[int] = []
    for row, name in zip(rows.index, rows["file"], strict=True):
        if not is_given(name):
            continue
        try:
            files = _files_inside(name, folder)
        except (ValueError, OSError, RuntimeError) as error:  # null bytes, loops of links
            remedy = "give a file inside the folder, relative to it"
            findings.add(table, [row], f"file {name!r}: {error}", remedy)
            continue
        owners[files[0].resolve()].append(row)
        readable.append(row)
    for file, at in owners.items():
        if rows.loc[at, "subject"].nunique() > 1:
            who = ", ".join(sorted(rows.loc[at, "subject"].dropna().unique()))
            problem = f"file {file.name!r} is given for several subjects ({who})"
            findings.add(table, at, problem, "a recording is of one subject: correct it")
    return readable


def _files_inside(name: str, folder: Path) -> list[Path]:
    if problem := path_problem(name):
        raise ReadError(problem)
    files = files_of(folder / name)
    root = folder.resolve()
    for file in files:
        if not file.resolve().is_relative_to(root):
            raise ReadError("a link leads out of the folder")
        if not file.is_file():
            raise ReadError(f"there is no {file.relative_to(folder).as_posix()!r}")
    return files


def _check_repeated_rows(rows: pd.DataFrame, table: str, findings: Findings) -> None:
    same = [name for name in ("file", "channel", "start", "stop") if name in rows]
    again = rows.index[rows["file"].notna() & rows.duplicated(same)]
    for row in again:
        problem = f"the same part of file {rows.loc[row, 'file']!r} as in a row above"
        findings.add(table, [row], problem, "take one of the rows out")
    if "recording" in rows:
        named = rows[rows["recording"].notna()]
        for row in named.index[named.duplicated(["subject", "recording"])].difference(again):
            problem = f"recording {named.loc[row, 'recording']!r} of a subject for the second time"
            findings.add(table, [row], problem, "name the recordings differently")


def _check_repeated_signals(
    rows: pd.DataFrame, table: str, readings: Mapping[int, Reading], findings: Findings
) -> None:
    seen = defaultdict(list)
    for row, reading in readings.items():
        if digest := _digest(reading.signal):
            seen[digest].append(row)
    for at in seen.values():
        if len(at) < 2:
            continue
        who = sorted(rows.loc[at, "subject"].astype(str).unique())
        files = ", ".join(sorted(rows.loc[at, "file"].unique()))
        problem = f"the same signal in {files}"
        if len(who) > 1:
            problem += f", of subjects {', '.join(who)}"
        findings.add(
            table,
            at if len(who) > 1 else at[1:],
            problem,
            "a copy would leak from training into test: take it out",
        )


def _digest(signal: NDArray[np.float32]) -> bytes | None:
    """Hash a signal; none if it is constant: dead channels are alike without being copies."""
    return hashlib.sha256(signal.tobytes()).digest() if np.ptp(signal) > 0 else None


def _read_all(
    rows: pd.DataFrame,
    table: str,
    folder: Path,
    given: dict[str, Any],
    options: dict[str, Any],
    findings: Findings,
) -> dict[int, Reading]:
    """Read every row that can be read, and note why the others cannot."""
    given = {name: value for name, value in given.items() if value is not None}
    columns = [name for name in _READ if name in rows]
    readings = {}
    for row in rows.index:
        entries: dict[str, Any] = {name: rows.at[row, name] for name in columns}
        said = {name: entry for name, entry in entries.items() if is_given(entry)}
        clash = [name for name in given if name in said and _differ(said[name], given[name])]
        for name in clash:
            problem = f"{name} {said[name]} in the row, {name}={given[name]!r} as argument"
            findings.add(table, [row], problem, "give it in one place")
        if "channel" in said:
            said["channel"] = TableEntry(said["channel"])
        path = folder / str(rows.at[row, "file"])
        try:
            readings[row] = read_recording(path, **(given | said), **options)
        except ReadError as error:
            findings.add(table, [row], str(error))
    return readings


def _differ(said: Any, given: Any) -> bool:
    """Whether two entries mean different things; units are spelled in several ways."""
    return UNITS.get(said, said) != UNITS.get(given, given)


# -- writing -----------------------------------------------------------------------------------


def write_cohort(folder: str | Path, X: Recordings, y: ArrayLike) -> None:
    """Save recordings as a folder that `load_cohort` reads back, bit for bit.

    Signals become ``data/*.npy`` (float32, millivolts), the columns ``subjects.csv`` and
    ``recordings.csv``, and their types ``datapackage.json``, so that a code ``"01"`` stays text
    and a blank entry stays what it is. The tables may be edited; without ``datapackage.json``
    types are guessed from the entries. Columns that say where a recording was read from
    (``file``, ``start`` and the like) are kept as ``source_file``, ``source_start``. What could
    not be read back is refused before anything is written.

    Parameters
    ----------
    folder : str or Path
        A new or empty folder.
    X : Recordings
        Signals in float32, with a column ``subject``. Columns may hold text, numbers, booleans,
        times, categories, and gaps; object columns any of the first three, mixed.
    y : array-like of shape (n_recordings,)
        Diagnosis of each recording, one per subject: ``myopathy``, ``neuropathy``, ``normal``, or
        another class, which `load_cohort` reads with ``diagnoses={name: name}``.

    Raises
    ------
    InvalidRecordingsError
        Naming the rows: if a subject has two diagnoses, if a table would return a subject or a
        diagnosis as another (``" a"``, ``"NA"``, 1 beside ``"1"``, a diagnosis that is not text),
        if a column ``diagnosis`` contradicts `y`, or if `load_cohort` would take a
        recording for a copy of another.
    ValueError
        If `X` holds segments or another type than float32, if subjects are missing, or if `X`
        has columns that a table cannot hold, or whose names it cannot hold.
    FileExistsError
        If the folder holds anything.
    """
    folder = Path(folder)
    if X.item_shape != () or "subject" not in X:
        raise ValueError(
            "write_cohort needs signals with a column 'subject', and one diagnosis for each: give "
            "recordings before a Segmenter."
        )
    if X.values.dtype != np.float32:
        raise ValueError(
            f"The samples are {X.values.dtype}, and float32 is written: convert them, "
            "X.with_values(X.values.astype('float32'))."
        )
    labels = check_labels(y, len(X)) if np.ndim(y) != 1 else y
    X.validate(labels)
    check_subjects(X["subject"], len(X))
    meta = _writable(X.meta)
    _check_returns(X, np.asarray(labels, dtype=object))
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{str(folder)!r} is not empty: give a new folder.")
    files = [f"data/{row:05d}.npy" for row in range(len(X))]
    tables, fields = _as_text(meta.assign(file=files, unit="mV"), np.asarray(labels).astype(str))
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for file, signal in zip(files, X, strict=True):
        np.save(folder / file, signal)
    for name, text in tables.items():
        (folder / name).write_bytes(text.encode())
    write_package(folder / PACKAGE, fields)


def _as_text(meta: pd.DataFrame, y: NDArray[Any]) -> tuple[dict[str, str], dict[str, list[Field]]]:
    """Write both tables, and describe their columns; refuse columns that would not return."""
    columns: dict[str, list[str]] = {}
    fields: dict[str, Field] = {}
    wrong = []
    for name, column in meta.assign(diagnosis=y).items():
        try:
            columns[str(name)], fields[str(name)] = encode(column)
        except UnwritableError as error:
            wrong.append(f"{shown(name)} holds {error}")
    if wrong:
        names = shown([name for name in meta if name not in columns])
        raise ValueError(
            f"Columns {names} cannot be written ({'; '.join(wrong)}): convert or drop them."
        )
    about = [name for name in _OF_SUBJECT if name in columns and _one_each(columns, name)]
    first = [columns["subject"].index(who) for who in dict.fromkeys(columns["subject"])]
    parts = {
        "subjects.csv": {
            name: [columns[name][row] for row in first] for name in ("subject", *about, "diagnosis")
        },
        "recordings.csv": {
            name: columns[name]
            for name in ["subject", *columns]
            if name not in (*about, "diagnosis")
        },
    }
    tables = {table: join_table(part) for table, part in parts.items()}
    own = {table: [fields[name] for name in part] for table, part in parts.items()}
    for table, part in parts.items():
        lines = [
            list(line) for line in zip(*([n, *texts] for n, texts in part.items()), strict=True)
        ]
        try:
            same = split_table(tables[table], own[table]) == lines
        except csv.Error:  # an entry beyond the size that the csv module reads
            same = False
        if not same:
            raise ValueError(f"{table} would not be read back as it is: shorten or drop columns.")
    return tables, own


def _check_returns(X: Recordings, y: NDArray[Any]) -> None:
    """Refuse what `load_cohort` would refuse or return as something else."""
    found: list[tuple[int, str, str]] = []
    names = X["subject"].astype(str)
    kinds = X["subject"].astype(object).groupby(names.to_numpy()).nunique()
    is_text = X["subject"].map(lambda who: isinstance(who, str)).to_numpy(dtype=bool)
    own = X["diagnosis"] if "diagnosis" in X else pd.Series(y)
    spelled: dict[str, str] = {}
    for row, (name, label) in enumerate(zip(names, y.tolist(), strict=True)):
        back = read_entry(name)
        if back != name:
            found.append((row, f"subject {name!r} is read back as {back!r}", "rename the subject"))
        remedy = "write subjects in one way"
        if kinds[name] > 1:
            found.append((row, f"subject {name!r} is given as text and as number", remedy))
        elif not is_text[row] and is_text.any():
            found.append((row, f"subject {name} is not text, and others are", remedy))
        back = read_entry(label) if isinstance(label, str) else None
        back = back and DIAGNOSES.get(plain(back), back)
        if back != label or back is None:
            remedy = "give myopathy, neuropathy, normal or the name of another class, as text"
            found.append((row, f"diagnosis {shown(label)} would not be read back", remedy))
        elif spelled.setdefault(plain(label), label) != label:
            problem = (
                f"diagnosis {shown(label)} differs from {shown(spelled[plain(label)])} only in"
            )
            found.append((row, f"{problem} case or blanks", "write it in one way"))
        if not pd.isna(own.iloc[row]) and own.iloc[row] != label:
            problem = f"the column diagnosis says {shown(own.iloc[row])}, y {shown(label)}"
            found.append((row, problem, "correct one, or rename the column"))
    digests = pd.Series([_digest(signal) or row for row, signal in enumerate(X)])
    remedy = "take it out: load_cohort refuses copies"
    for row in np.flatnonzero(digests.duplicated()).tolist():
        first = np.flatnonzero(digests == digests[row])[0]
        found.append((row, f"the same signal as in row {first}", remedy))
    if "recording" in X:
        recording = X["recording"].astype(object).where(X["recording"].notna(), None)
        pairs = pd.DataFrame({"subject": names.to_numpy(), "recording": recording.map(str)})
        for row in np.flatnonzero(recording.notna() & pairs.duplicated()).tolist():
            problem = f"recording {shown(recording.iloc[row])} of a subject for the second time"
            found.append((row, problem, "name the recordings differently"))
    if found:
        raise InvalidRecordingsError(pd.DataFrame(found, columns=PROBLEM_COLUMNS))


_OF_SUBJECT = ("age", "sex", "diagnosis_detail")


def _one_each(columns: Mapping[str, list[str]], name: str) -> bool:
    """Tell whether a column has one entry for all rows of a subject."""
    pairs = set(zip(columns["subject"], columns[name], strict=True))
    return len(pairs) == len(set(columns["subject"]))


def _writable(meta: pd.DataFrame) -> pd.DataFrame:
    """Return the columns for the tables, without those that meant another file."""
    names = list(meta.columns)
    wrong = [
        name for name in names if not isinstance(name, str) or name != name.strip() or not name
    ]
    wrong += sorted({name for name in names if names.count(name) > 1}, key=str)
    if not wrong:
        meta = meta.drop(columns="diagnosis", errors="ignore")
        for name in _SOURCE:
            if name in meta and f"source_{name}" in meta:
                meta = meta.drop(columns=name)
        meta = meta.rename(columns={name: f"source_{name}" for name in _SOURCE})
        wrong = [name for name in map(str, meta) if name == "unit" or own_name(name) != name]
    nested = [name for name in names if names.count(name) == 1 and _is_nested(meta.get(name))]
    if wrong:
        raise ValueError(
            f"Columns {shown([*wrong, *nested])} cannot be written: rename or drop them (names are "
            f"text without blanks around it, each used once; {shown(sorted({*ALIASES, 'unit'}))} "
            "have a meaning there)."
        )
    return meta


def _is_nested(column: Any) -> bool:
    return column is not None and bool(column.map(pd.api.types.is_list_like).any())
