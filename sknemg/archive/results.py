"""Results of an archive: rows of recordings and of subjects, a folder for each partition."""

from __future__ import annotations

import json
import os
import re
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.diagnosis import Diagnosis, Diagnostician
from sknemg.diagnosis.examining import MEASURES
from sknemg.persistence._problems import need

MANIFEST = "manifest.json"
PARTITIONS = "partitions"
CAUTION = "caution"
RECORDINGS, SUBJECTS = "recordings.parquet", "subjects.parquet"
#: What the rows of recordings repeat of the archive's table, as text.
_TEXT = ("subject", "file", "recording", "channel", "muscle", "location")
_UNFINISHED = re.compile(r"\.[0-9]+-[0-9a-f]{32}")


class ArchiveResults(NamedTuple):
    """What is known about an archive.

    Attributes
    ----------
    recordings : DataFrame, a row for each row of the archive's table
        ``row`` (its number in the table, as a spreadsheet counts), ``subject``, ``file``,
        ``recording``, ``channel``, ``start``, ``stop``, ``muscle``, ``location``, ``error`` (why
        it could not be read or diagnosed; empty if it could), ``seconds``, ``sfreq``, ``used``
        and what else `Diagnosis.recordings` knows, with a column of scores for each class.
    subjects : DataFrame, a row for each subject
        ``subject``, ``kind`` ("one", "several", "none", or "error"), ``answer`` (diagnoses,
        joined by ``"; "``), ``reasons`` (likewise), ``n_recordings``, ``n_used``, ``n_errors``,
        ``error``, and a column of calibrated probabilities for each class.
    manifest : dict
        Model, table, settings and versions of the run; ``later_versions`` of libraries if it went
        on under others; ``caution`` where one has to be said of the model.
    n_missing : int
        Partitions that are still to be computed; 0 of an archive that is done.
    """

    recordings: pd.DataFrame
    subjects: pd.DataFrame
    manifest: dict[str, Any]
    n_missing: int


def read_archive(folder: str | Path) -> ArchiveResults:
    """Read the results of `diagnose_archive`, also while it is running.

    Parameters
    ----------
    folder : str or Path
        Where they were written to.

    Returns
    -------
    ArchiveResults
        In the order of the partitions.

    Raises
    ------
    ValueError
        If the folder holds no results, or a file in it is damaged.

    See Also
    --------
    diagnose_archive : Write them.

    Notes
    -----
    Results too large for memory can be read from their files, ``partitions/*/recordings.parquet``
    and ``partitions/*/subjects.parquet``, for example by ``dask.dataframe.read_parquet``.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    if manifest is None:
        raise ValueError(f"{str(folder)!r} holds no results: give a folder of diagnose_archive.")
    numbers = done_partitions(folder)
    tables = [
        pd.concat([read_partition(folder, at, name) for at in numbers])
        if numbers
        else pd.DataFrame()
        for name in (RECORDINGS, SUBJECTS)
    ]
    recordings, subjects = [table.reset_index(drop=True) for table in tables]
    return ArchiveResults(
        recordings, subjects, manifest, int(manifest["n_partitions"]) - len(numbers)
    )


def read_partition(
    folder: Path, number: int, name: str, columns: list[str] | None = None
) -> pd.DataFrame:
    """Read a table of a partition, or say how to mend it."""
    need("pyarrow", "cluster")
    import pyarrow.parquet as parquet
    from pyarrow import ArrowException

    file = folder / PARTITIONS / number_name(number) / name
    try:
        return parquet.read_table(file, columns=columns, partitioning=None).to_pandas()
    except (ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"{str(file)!r} is damaged ({reason}): delete its folder, and run the same again."
        ) from error


# -- rows --------------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """What became of a subject.

    Attributes
    ----------
    subject : label or None
        None of rows that name no subject.
    rows : DataFrame
        Its rows of the archive's table.
    errors : mapping of int to str
        Why recordings could not be read or diagnosed, by row.
    found : Diagnosis or None
    reason : str
        Why there is none although there are recordings.
    read : DataFrame of n_read rows
        ``table_row``, ``sfreq`` and ``seconds`` of the recordings that could be read, in the order
        of the diagnosis: not the signals, of which only a few subjects' fit into memory.
    """

    subject: Any
    rows: pd.DataFrame
    errors: Mapping[int, str]
    found: Diagnosis | None
    reason: str
    read: pd.DataFrame


def recording_rows(outcomes: Sequence[Outcome], model: Diagnostician) -> pd.DataFrame:
    """Make the rows of some subjects' recordings, in the order of the table within each subject.

    Parameters
    ----------
    outcomes : sequence of Outcome
    model : Diagnostician

    Returns
    -------
    DataFrame
    """
    rows = pd.concat([one.rows for one in outcomes])
    at = {row: place for place, row in enumerate(rows.index)}
    n_rows, classes = len(rows), model.classes_.tolist()
    measured = ("seconds", "sfreq", *MEASURES, "distance", "without", *classes)
    numbers = {name: np.full(n_rows, np.nan) for name in measured}
    words = {name: np.full(n_rows, "", dtype=object) for name in ("error", "unusable", "unusual")}
    used = np.zeros(n_rows, dtype=bool)
    for one in outcomes:
        for row, text in one.errors.items():
            words["error"][at[row]] = text
        own = [at[row] for row in one.read["table_row"]]
        numbers["sfreq"][own] = one.read["sfreq"]
        numbers["seconds"][own] = one.read["seconds"]
        if one.found is None:
            continue
        known = one.found.recordings
        used[own] = known["used"]
        for into in (numbers, words):
            for name in into.keys() & {*known.columns}:
                if name != "seconds":  # already there
                    into[name][own] = known[name]
    stated = {name: _text(rows, name) for name in _TEXT}
    limits = {
        name: rows[name].to_numpy(dtype=float) if name in rows else np.full(n_rows, np.nan)
        for name in ("start", "stop")
    }
    rest = [name for name in measured if name not in ("seconds", "sfreq", "without", *classes)]
    return pd.DataFrame(
        {
            "row": rows.index.to_numpy(dtype="int64"),
            **stated,
            **limits,
            "error": words["error"],
            "seconds": numbers["seconds"],
            "sfreq": numbers["sfreq"],
            "used": used,
            "unusable": words["unusable"],
            "unusual": words["unusual"],
            **{name: numbers[name] for name in rest},
            **{str(label): numbers[label] for label in classes},
            "without": numbers["without"],
        }
    )


def subject_rows(outcomes: Sequence[Outcome], model: Diagnostician) -> pd.DataFrame:
    """Make a row for each subject; the columns are the same where no row names a subject.

    Parameters
    ----------
    outcomes : sequence of Outcome
    model : Diagnostician

    Returns
    -------
    DataFrame
    """
    table = pd.DataFrame([_subject_row(one, model) for one in outcomes])
    return table[[one.subject is not None for one in outcomes]]


def _subject_row(one: Outcome, model: Diagnostician) -> dict[str, Any]:
    found, reason = one.found, one.reason
    n_used = 0 if found is None else int(found.recordings["used"].sum())
    n_read = 0 if found is None else len(found.recordings)
    if found is None and not reason:
        reason = "no recording could be read"
    answer = () if found is None else found.answer
    known = {} if found is None else found.probabilities
    return {
        "subject": str(one.subject),
        "kind": "error" if found is None else found.kind,
        "answer": "; ".join(map(str, answer)),
        "reasons": "" if found is None else "; ".join(found.reasons),
        "n_recordings": n_read + len(one.errors),
        "n_used": n_used,
        "n_errors": len(one.errors),
        "error": reason,
        **{str(label): float(known.get(label, float("nan"))) for label in model.classes_.tolist()},
    }


def _text(rows: pd.DataFrame, name: str) -> NDArray[np.object_]:
    """Return a column as text, with None where nothing is stated."""
    found = np.full(len(rows), None, dtype=object)
    if name in rows:
        said = np.flatnonzero(rows[name].notna())
        found[said] = [str(entry) for entry in rows[name].iloc[said]]
    return found


# -- files -------------------------------------------------------------------------------------


def number_name(number: int) -> str:
    """Name the folder of a partition."""
    return f"{number:06d}"


def done_partitions(folder: Path) -> list[int]:
    """List the partitions whose results are kept."""
    inside = folder / PARTITIONS
    names = [one.name for one in inside.iterdir()] if inside.is_dir() else []
    return sorted(int(name) for name in names if name.isdecimal())


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed run had not finished writing, and no other hidden files (.DS_Store)."""
    inside = folder / PARTITIONS
    for one in inside.iterdir() if inside.is_dir() else ():
        if _UNFINISHED.fullmatch(one.name):
            shutil.rmtree(one)


def write_partition(
    folder: Path, number: int, recordings: pd.DataFrame, subjects: pd.DataFrame
) -> None:
    """Write a partition completely or not at all.

    Its files are written under another name and renamed once they are on the disk.
    """
    final = folder / PARTITIONS / number_name(number)
    new = final.with_name(f".{final.name}-{uuid4().hex}")
    new.mkdir(parents=True)
    try:
        _write(new / RECORDINGS, recordings, ("row",), ("used",))
        _write(new / SUBJECTS, subjects, ("n_recordings", "n_used", "n_errors"), ())
        new.rename(final)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def _write(file: Path, table: pd.DataFrame, whole: Sequence[str], boolean: Sequence[str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    def kind(name: str) -> Any:
        if name in whole:
            return pa.int64()
        if name in boolean:
            return pa.bool_()
        return pa.float64() if table[name].dtype.kind == "f" else pa.string()

    # The same schema in every partition, whatever is missing in one of them.
    schema = pa.schema([(str(name), kind(str(name))) for name in table])
    with file.open("wb") as stream:
        parquet.write_table(pa.Table.from_pandas(table, schema, preserve_index=False), stream)
        stream.flush()
        os.fsync(stream.fileno())


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Read what the results in a folder were made from; None if it holds none."""
    file = folder / MANIFEST
    if not file.exists():
        return None
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{str(file)!r} is damaged ({error}): give a new folder, or restore it."
        ) from error
    return dict(manifest)


def begin_results(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Note what the results are made from, or refuse a folder that holds other results.

    Raises
    ------
    ValueError
        If the folder holds results of another model, table, settings or version.
    """
    known = read_manifest(folder)
    if known is None:
        if done_partitions(folder):
            raise ValueError(
                f"out={str(folder)!r} holds partitions without {MANIFEST}: give a new folder."
            )
        _write_manifest(folder, manifest)
        return
    if others := list(_differences(known, json.loads(json.dumps(manifest)))):
        raise ValueError(
            f"out={str(folder)!r} holds results of another run ({'; '.join(others)}): give a new "
            "folder, or what they were made with."
        )
    if known.get(CAUTION) != manifest.get(CAUTION):  # said otherwise since, of the same model
        now = {CAUTION: manifest[CAUTION]} if CAUTION in manifest else {}
        _write_manifest(folder, {name: own for name, own in known.items() if name != CAUTION} | now)


def note_versions(folder: Path, versions: Mapping[str, str]) -> None:
    """Add the versions of libraries under which a run continues, if they have changed.

    Warns
    -----
    UserWarning
        If they are others.
    """
    manifest = read_manifest(folder) or {}
    first = manifest.get("versions", {})
    if first == dict(versions):
        return
    later = manifest.setdefault("later_versions", [])
    if dict(versions) not in later:
        later.append(dict(versions))
        _write_manifest(folder, manifest)
    others = _differences({"": first}, {"": dict(versions)})
    warnings.warn(
        f"{str(folder)!r} was begun under other versions ({'; '.join(others)}), so last digits may "
        "differ between its partitions: give a new folder if they matter.",
        stacklevel=3,
    )


def _write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    new = folder / f".{MANIFEST}-{uuid4().hex}"
    new.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    os.replace(new, folder / MANIFEST)


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*old, *new} - {"versions", "later_versions", CAUTION}):
        one, other = old.get(name), new.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _differences(one, other)
        elif one != other:
            short = [str(text)[:12] if name in ("model", "table") else repr(text)
                     for text in (one, other)]  # fmt: skip
            yield f"{name} {short[0]}, now {short[1]}"
