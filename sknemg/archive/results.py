"""Results of an archive: rows of recordings and of subjects, a folder for each partition."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pandas as pd

from sknemg.diagnosis import Diagnosis, Diagnostician
from sknemg.diagnosis.examining import MEASURES
from sknemg.persistence._problems import need
from sknemg.recordings import Recordings

MANIFEST = "manifest.json"
PARTITIONS = "partitions"
RECORDINGS, SUBJECTS = "recordings.parquet", "subjects.parquet"
#: Columns of the table of recordings, by type; the scores of the classes come after them.
_TEXT = ("subject", "file", "recording", "channel", "muscle", "location", "unusable", "unusual")
_NUMBERS = ("start", "stop", "seconds", "sfreq", *MEASURES, "distance", "without")


class ArchiveResults(NamedTuple):
    """What is known of an archive.

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
        on under others.
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
    An archive too large for memory is read from its files, ``partitions/*/recordings.parquet`` and
    ``partitions/*/subjects.parquet``, for example by ``dask.dataframe.read_parquet``.
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


def recording_rows(
    rows: pd.DataFrame,
    errors: Mapping[int, str],
    found: Diagnosis | None,
    X: Recordings | None,
    model: Diagnostician,
) -> pd.DataFrame:
    """Make the rows of one subject's recordings, in the order of the archive's table."""
    labels = [str(label) for label in model.classes_.tolist()]
    table = pd.DataFrame({"row": rows.index.to_numpy(dtype="int64")}, index=rows.index)
    for name in ("subject", "file", "recording", "channel", "start", "stop", "muscle", "location"):
        if name in rows:
            table[name] = rows[name]
    table["error"] = [errors.get(row, "") for row in rows.index]
    if X is not None:
        at = X["table_row"].to_numpy()
        table.loc[at, "sfreq"] = X["sfreq"].to_numpy(dtype=float)
        table.loc[at, "seconds"] = X.durations
        if found is not None:
            own = found.recordings.rename(columns=dict(zip(model.classes_.tolist(), labels,
                                                           strict=True)))  # fmt: skip
            known = [*MEASURES, "distance", "used", "unusable", "unusual", "without", *labels]
            for name in known:
                if name in own:
                    table.loc[at, name] = own[name].to_numpy()
    columns = {
        "row": table["row"],
        **{name: _text(table, name) for name in _TEXT[:1] + _TEXT[1:6]},
        **{name: _numbers(table, name) for name in ("start", "stop")},
        "error": table["error"].astype(object),
        **{name: _numbers(table, name) for name in ("seconds", "sfreq")},
        "used": table.get("used", pd.Series(False, table.index)).eq(True),
        **{name: _text(table, name).fillna("") for name in ("unusable", "unusual")},
        **{name: _numbers(table, name) for name in (*MEASURES, "distance", *labels, "without")},
    }
    return pd.DataFrame(columns).reset_index(drop=True)


def subject_row(
    subject: Any,
    errors: Mapping[int, str],
    found: Diagnosis | None,
    reason: str,
    model: Diagnostician,
) -> dict[str, Any]:
    """Make the row of one subject."""
    n_used = 0 if found is None else int(found.recordings["used"].sum())
    n_read = 0 if found is None else len(found.recordings)
    if found is None and not reason:
        reason = "no recording could be read"
    answer = () if found is None else found.answer
    known = {} if found is None else found.probabilities
    return {
        "subject": str(subject),
        "kind": "error" if found is None else found.kind,
        "answer": "; ".join(map(str, answer)),
        "reasons": "" if found is None else "; ".join(found.reasons),
        "n_recordings": n_read + len(errors),
        "n_used": n_used,
        "n_errors": len(errors),
        "error": reason,
        **{str(label): float(known.get(label, float("nan"))) for label in model.classes_.tolist()},
    }


def _text(table: pd.DataFrame, name: str) -> pd.Series:
    column = table[name] if name in table else pd.Series(None, table.index)
    column = column.astype(object)
    return column.where(column.notna(), None).map(lambda one: None if one is None else str(one))


def _numbers(table: pd.DataFrame, name: str) -> pd.Series:
    return (table[name] if name in table else pd.Series(float("nan"), table.index)).astype(float)


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
    """Remove what a killed run had not finished writing."""
    inside = folder / PARTITIONS
    for one in inside.iterdir() if inside.is_dir() else ():
        if one.name.startswith("."):
            shutil.rmtree(one)


def write_partition(
    folder: Path, number: int, recordings: pd.DataFrame, subjects: pd.DataFrame
) -> None:
    """Write a partition, of which all is there or nothing.

    Its files are written under another name, which they lose when they lie on the disk.
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
    """Read what a folder of results was made of; None if it holds none."""
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
    """Note what the results are made of, or refuse a folder that holds others.

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


def note_versions(folder: Path, versions: Mapping[str, str]) -> None:
    """Add the versions of libraries under which a run goes on, if they are not those it began with.

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
    for name in sorted({*old, *new} - {"versions", "later_versions"}):
        one, other = old.get(name), new.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _differences(one, other)
        elif one != other:
            short = [str(text)[:12] if name in ("model", "table") else repr(text)
                     for text in (one, other)]  # fmt: skip
            yield f"{name} {short[0]}, now {short[1]}"
