"""Write recordings and their diagnoses as a cohort folder."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.datasets._columns import ALIASES, misnamed, own_name
from sknemg.datasets._entries import DIAGNOSES, plain
from sknemg.datasets._rows import digest
from sknemg.datasets._schema import PACKAGE, Field, UnwritableError, encode, write_package
from sknemg.datasets._splitting import join_table, read_entry, split_table
from sknemg.recordings import Recordings
from sknemg.recordings._problems import PROBLEM_COLUMNS, InvalidRecordingsError, shown
from sknemg.recordings._subjects import check_labels, check_subjects

_SOURCE = ("file", "file_unit", "scale", "channel", "start", "stop", "table_row")


def write_cohort(folder: str | Path, X: Recordings, y: ArrayLike) -> None:
    """Save recordings as a folder that `load_cohort` reads back bit for bit.

    Signals become ``data/*.npy`` (float32, millivolts), the columns ``subjects.csv`` and
    ``recordings.csv``, and their types ``datapackage.json``, so that a code ``"01"`` stays text
    and a blank entry stays what it is. The tables may be edited; without ``datapackage.json``
    types are guessed from the entries. Columns that say where a recording was read from
    (``file``, ``start`` and the like) are kept as ``source_file``, ``source_start``. What could
    not be read back is refused before anything is written, and `load_cohort` refuses a folder whose
    writing was interrupted.

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

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> from sknemg.datasets import write_cohort
    >>> signals = np.random.default_rng(0).normal(size=(2, 4800))
    >>> X = Recordings(signals, sfreq=48_000, subject=["S1", "S2"], muscle="deltoid")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_cohort(folder, X, ["myopathy", "normal"])
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['data', 'datapackage.json', 'recordings.csv', 'subjects.csv']
    """
    folder = Path(folder)
    check_signals("write_cohort", X)
    if X.values.dtype != np.float32:
        raise ValueError(
            f"The samples are {X.values.dtype}, and float32 is written: convert them, "
            "X.with_values(X.values.astype('float32'))."
        )
    meta, labels = checked(X, y, (*_SOURCE, "profile"))
    check_empty(folder)
    files = [f"data/{row:05d}.npy" for row in range(len(X))]
    tables, fields = _as_text(meta.assign(file=files, unit="mV"), np.asarray(labels).astype(str))
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for file, signal in zip(files, X, strict=True):
        np.save(folder / file, signal)
    # The table without which nothing is read comes last, and whole.
    write_package(folder / PACKAGE, fields)
    (folder / "subjects.csv").write_bytes(tables["subjects.csv"].encode())
    new = folder / ".recordings.csv"
    new.write_bytes(tables["recordings.csv"].encode())
    new.replace(folder / "recordings.csv")


def check_signals(writer: str, X: Recordings) -> None:
    """Refuse segments, and recordings without subjects."""
    if X.item_shape != () or "subject" not in X:
        raise ValueError(
            f"{writer} needs signals with a column 'subject': give recordings before a Segmenter."
        )


def check_empty(folder: Path) -> None:
    """Refuse a folder that holds anything."""
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{str(folder)!r} is not empty: give a new folder.")


def checked(
    X: Recordings, y: ArrayLike | None, source: Sequence[str] = _SOURCE
) -> tuple[pd.DataFrame, NDArray[Any] | None]:
    """Return the columns to be written and the diagnoses, or refuse what would not be read back.

    Parameters
    ----------
    X : Recordings
    y : array-like of shape (n_recordings,) or None
    source : sequence of str
        Columns that say where a recording was read from, which get other names.

    Returns
    -------
    meta : DataFrame of shape (n_recordings, n_columns)
    labels : ndarray of shape (n_recordings,), object, or None
    """
    labels = None
    if y is not None:
        labels = np.asarray(check_labels(y, len(X)) if np.ndim(y) != 1 else y, dtype=object)
    X.validate(labels)
    check_subjects(X["subject"], len(X))
    meta = writable(X.meta, source)
    check_returns(X, labels)
    return meta, labels


def _as_text(meta: pd.DataFrame, y: NDArray[Any]) -> tuple[dict[str, str], dict[str, list[Field]]]:
    """Write both tables, and describe their columns; refuse columns that would not be read back."""
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
    about = [name for name in OF_SUBJECT if name in columns and _one_each(columns, name)]
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


def check_returns(X: Recordings, y: NDArray[Any] | None) -> None:
    """Refuse what a loader would refuse or not return as it is."""
    found: list[tuple[int, str, str]] = []
    names = X["subject"].astype(str)
    kinds = X["subject"].astype(object).groupby(names.to_numpy()).nunique()
    is_text = X["subject"].map(lambda who: isinstance(who, str)).to_numpy(dtype=bool)
    labels = [] if y is None else y.tolist()
    own = X["diagnosis"] if "diagnosis" in X else pd.Series(labels, dtype=object)
    spelled: dict[str, str] = {}
    for row, name in enumerate(names):
        back = read_entry(name)
        if back != name:
            found.append((row, f"subject {name!r} is read back as {back!r}", "rename the subject"))
        remedy = "write subjects in one way"
        if kinds[name] > 1:
            found.append((row, f"subject {name!r} is given as text and as number", remedy))
        elif not is_text[row] and is_text.any():
            found.append((row, f"subject {name} is not text, and others are", remedy))
    for row, label in enumerate(labels):
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
            problem = f"the column 'diagnosis' says {shown(own.iloc[row])}, y {shown(label)}"
            found.append((row, problem, "correct one, or rename the column"))
    digests = pd.Series([digest(signal) or row for row, signal in enumerate(X)])
    remedy = "take it out: load_cohort refuses copies"
    for row in np.flatnonzero(digests.duplicated()).tolist():
        first = np.flatnonzero(digests == digests[row])[0]
        found.append((row, f"the same signal as in row {first}", remedy))
    if "recording" in X:
        recording = X["recording"].astype(object).where(X["recording"].notna(), None)
        pairs = pd.DataFrame({"subject": names.to_numpy(), "recording": recording.map(str)})
        for row in np.flatnonzero(recording.notna() & pairs.duplicated()).tolist():
            problem = (
                f"recording {shown(recording.iloc[row])} is the second of this name for its subject"
            )
            found.append((row, problem, "name the recordings differently"))
    if found:
        raise InvalidRecordingsError(pd.DataFrame(found, columns=PROBLEM_COLUMNS))


OF_SUBJECT = ("age", "sex", "diagnosis_detail")


def _one_each(columns: Mapping[str, list[str]], name: str) -> bool:
    """Tell whether a column has one entry for all rows of a subject."""
    pairs = set(zip(columns["subject"], columns[name], strict=True))
    return len(pairs) == len(set(columns["subject"]))


def writable(meta: pd.DataFrame, source: Sequence[str] = _SOURCE) -> pd.DataFrame:
    """Return the columns for the tables; those that say what file was read get other names."""
    names = list(meta.columns)
    wrong = [
        name
        for name in names
        if not isinstance(name, str) or name != name.strip() or not name or "\0" in name
    ]
    wrong += sorted({name for name in names if names.count(name) > 1}, key=str)
    if not wrong:
        meta = meta.drop(columns="diagnosis", errors="ignore")
        for name in source:
            if name in meta and f"source_{name}" in meta:
                meta = meta.drop(columns=name)
        meta = meta.rename(columns={name: f"source_{name}" for name in source})
        wrong = [
            name
            for name in map(str, meta)
            if name == "unit" or own_name(name) != name or [*misnamed([name])]
        ]
    nested = [name for name in names if names.count(name) == 1 and _is_nested(meta.get(name))]
    if wrong:
        raise ValueError(
            f"Columns {shown([*wrong, *nested])} cannot be written: rename or drop them (names are "
            f"text without blanks around them, each used once; {shown(sorted({*ALIASES, 'unit'}))} "
            "and other names of a rate or a unit have a meaning there, as have start, stop and "
            "scale)."
        )
    return meta


def _is_nested(column: Any) -> bool:
    return column is not None and any(pd.api.types.is_list_like(entry) for entry in column)
