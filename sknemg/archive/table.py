"""The table of an archive: one row per recording, cut into partitions of whole subjects."""

from __future__ import annotations

import hashlib
import posixpath
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sknemg.datasets._columns import UNTYPED, own_name
from sknemg.datasets._entries import (
    DIAGNOSES,
    plain,
    read_numbers,
    require,
    translate_locations,
)
from sknemg.datasets._findings import Findings
from sknemg.datasets._formats.stored import ReadError
from sknemg.datasets._formats.units import decode
from sknemg.datasets._rows import check_how
from sknemg.datasets._splitting import read_entry
from sknemg.datasets._tables import check_columns, find_subjects, read_one_table
from sknemg.datasets.files import files_of
from sknemg.recordings._entries import entry_text
from sknemg.recordings._problems import capped, shown

#: What is read of the table; other columns are left in it.
COLUMNS = ("subject", "recording", "muscle", "side", "location", "profile", *UNTYPED)
_WFDB = (".hea", ".dat", ".bin")  # endings that name a record, whatever else it consists of
_ONE_FILE = ("file", "channel", "start", "stop")


@dataclass(frozen=True)
class ArchiveTable:
    """Rows that name files, with what is wrong with them.

    Attributes
    ----------
    rows : DataFrame
        Indexed by their number in the table, as a spreadsheet counts; `COLUMNS` as far as given.
    problems : dict of int to str
        Why rows cannot be used, before any file is opened.
    name : str
        Of the table.
    digest : str
        SHA-256 of the table.
    """

    rows: pd.DataFrame
    problems: dict[int, str]
    name: str
    digest: str


def read_table(
    path: Path,
    *,
    subject_pattern: str | None = None,
    locations: str = "given",
    folder: Path | None = None,
    located: bool = False,
) -> ArchiveTable:
    """Read the table of an archive.

    Parameters
    ----------
    path : Path
        Parquet (``.parquet``), or what a cohort may have: ``.csv``, ``.xlsx``.
    subject_pattern, locations
        As in `load_recordings`.
    folder : Path, default=None
        What the files are relative to; by default the folder of the table.
    located : bool, default=False
        Whether the model asks for the location of every recording.

    Returns
    -------
    ArchiveTable

    Raises
    ------
    InvalidCohortError
        If the table as a whole cannot be used. What is wrong with single rows is
        reported with them.
    """
    pattern = check_how("skip", locations, subject_pattern)
    findings = Findings("archive")
    needed = ["file"] if pattern else ["subject", "file"]
    if path.suffix.lower() == ".parquet":
        rows = _read_parquet(path, needed, findings)
    else:
        rows = read_one_table(path, needed, {}, findings)
    findings.stop_if_any()
    if pattern is not None:
        find_subjects(rows, pattern, path.name, findings)
    rows = rows.where(rows.notna(), None)
    require(rows, ["subject", "file"], path.name, findings)
    rows = translate_locations(rows, path.name, findings, from_muscles=locations == "muscle")
    if located and "location" not in rows and locations == "given":
        remedy = "add it (proximal or distal), or a column 'muscle', and set locations='muscle'"
        problem = "no column 'location', by which the model votes"
        findings.add(path.name, [None], problem, remedy)
    findings_of_table = findings.table()
    if findings_of_table["row"].isna().any():
        findings.stop_if_any()
    read_numbers(rows, path.name, findings)
    _check_subjects(rows, path.name, path.parent if folder is None else folder, findings)
    problems = findings.by_row()
    return ArchiveTable(
        rows[[name for name in COLUMNS if name in rows]],
        problems,
        path.name,
        file_digest(path),
    )


def file_digest(path: Path) -> str:
    """Hash a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def partitions(rows: pd.DataFrame, size: int) -> list[pd.DataFrame]:
    """Cut rows into partitions of whole subjects, wherever in the table their rows stand.

    Parameters
    ----------
    rows : DataFrame
        With a column ``subject``; rows without one are kept together.
    size : int
        Recordings of a partition: it is full as soon as it has as many.

    Returns
    -------
    list of DataFrame
        Each row in one of them, subjects in the order in which they first appear.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"subject": list("abacdb")})
    >>> [part["subject"].tolist() for part in partitions(rows, 2)]
    [['a', 'a'], ['b', 'b'], ['c', 'd']]
    """
    codes, _ = pd.factorize(rows["subject"], use_na_sentinel=False)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes))
    cuts, full = [], size
    for end in ends[:-1].tolist():
        if end >= full:
            cuts.append(end)
            full = end + size
    return [rows.iloc[part] for part in np.split(order, cuts) if len(part)]


def _read_parquet(path: Path, needed: list[str], findings: Findings) -> pd.DataFrame:
    """Read a Parquet table as text, as a CSV file would hold it."""
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        names = parquet.read_schema(path).names
        known = {name: own_name(name.strip()) for name in names}
        wanted = [name for name in names if known[name] in {*COLUMNS, "diagnosis"}]
        table = parquet.read_table(path, columns=wanted).to_pandas(
            types_mapper={  # as floats, where one is missing, long codes would be rounded
                pyarrow.int32(): pd.Int32Dtype(),
                pyarrow.uint32(): pd.UInt32Dtype(),
                pyarrow.int64(): pd.Int64Dtype(),
                pyarrow.uint64(): pd.UInt64Dtype(),
            }.get
        )
    except FileNotFoundError:
        raise
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        findings.add(path.name, [None], f"not readable as Parquet: {reason}", "write it again")
        findings.stop_if_any()
    rows = pd.DataFrame(
        {known[name]: _as_text(table[name]) for name in table}, index=range(2, len(table) + 2)
    ).astype(object)
    check_columns(path.name, [name.strip() for name in names], needed, len(rows), findings)
    return rows


def _as_text(column: pd.Series) -> list[str | None]:
    return [
        None if missing else read_entry(decode(entry) if isinstance(entry, bytes)
                                        else entry_text(entry))
        for entry, missing in zip(column, column.isna(), strict=True)
    ]  # fmt: skip


def _check_subjects(rows: pd.DataFrame, table: str, folder: Path, findings: Findings) -> None:
    """Note subjects with two diagnoses, and files of two subjects; repeated rows as well."""
    if "diagnosis" in rows:
        labels = rows["diagnosis"].dropna().map(lambda one: DIAGNOSES.get(plain(one), plain(one)))
        several = labels.groupby(rows["subject"]).nunique()
        for who in several.index[several > 1]:
            at = rows.index[rows["subject"] == who]
            words = capped(sorted(labels[labels.index.isin(at)].unique()))
            problem = f"subject {shown(who)} has the diagnoses {words}"
            findings.add(table, at, problem, "these are two people, or one entry is wrong")
    names = rows["file"].dropna().map(posixpath.normpath)  # "./a.npy" is "a.npy"
    files = names.map(_records(names.unique(), folder))
    owners = rows["subject"].groupby(files).nunique()
    for record in owners.index[owners > 1]:
        at = files.index[files == record]
        who = capped(sorted(rows.loc[at, "subject"].dropna().unique()))
        known = sorted(names[at].unique())
        what = f"file {shown(known[0])} is"
        if len(known) > 1:
            what = f"one record, by its files {capped(known, spell=shown)}, is"
        problem = f"{what} given for several subjects ({who})"
        findings.add(table, at, problem, "a recording is of one subject: correct it")
    same = [name for name in _ONE_FILE if name in rows]
    again = rows["file"].notna() & rows.assign(file=files).duplicated(same)
    for row in rows.index[again]:
        problem = f"the same part of file {shown(rows.at[row, 'file'])} as in a row above"
        findings.add(table, [row], problem, "take one of the rows out")


def _records(names: Iterable[str], folder: Path) -> dict[str, str]:
    """Give all names of a WFDB record the same key: its header, its signal files, its bare name.

    Where an ending does not say it, as PhysioNet has signal files with many, a name is looked for
    on the disk if another of the table differs from it in nothing but the ending.
    """
    bare = {name: posixpath.splitext(name)[0] for name in names}
    keys = {
        name: stem if posixpath.splitext(name)[1].lower() in _WFDB else name
        for name, stem in bare.items()
    }
    count = Counter(bare.values())
    count.update([name for name in bare if name in count and bare[name] != name])
    for name, stem in bare.items():
        if keys[name] == stem or count[stem] < 2:
            continue
        try:
            header = files_of(folder / name)[0]
        except (ReadError, OSError, ValueError):  # what is wrong with it is said when it is read
            continue
        if header.suffix.lower() == ".hea":
            keys[name] = posixpath.join(posixpath.dirname(name), header.stem)
    return keys
