"""Diagnose an archive: what is asked, how it is divided, and what became of it."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from sknemg.archive.cluster import compute, connected
from sknemg.archive.partition import Task
from sknemg.archive.results import (
    CAUTION,
    RECORDINGS,
    SUBJECTS,
    begin_results,
    done_partitions,
    note_versions,
    read_partition,
    remove_leftovers,
)
from sknemg.archive.table import partitions, read_table
from sknemg.datasets._formats.limits import MAX_BYTES
from sknemg.datasets._formats.text import TextFormat
from sknemg.datasets._rows import check_profiles
from sknemg.datasets.files import check_numbers, check_text
from sknemg.datasets.profiles import TextProfile
from sknemg.diagnosis import Diagnostician
from sknemg.divote.fitted import open_model
from sknemg.persistence import load_model
from sknemg.persistence._folder import fingerprint_of
from sknemg.persistence._problems import need
from sknemg.recordings._problems import check_counts
from sknemg.versions import __version__, versions_of

_LIBRARIES = ("numpy", "scikit-learn", "scipy", "soxr", "torch")


class NoDiagnosticianError(TypeError):
    """A model that is not a `Diagnostician`."""


def diagnose_archive(
    model: str | Path,
    table: str | Path,
    out: str | Path,
    *,
    folder: str | Path | None = None,
    n_jobs: int = 1,
    scheduler: str | None = None,
    memory_limit: str | int | None = None,
    partition_size: int = 256,
    fingerprint: str | None = None,
    progress: bool = False,
    subject_pattern: str | None = None,
    unit: str | None = None,
    sfreq: float | None = None,
    scale: float | None = None,
    locations: Literal["given", "muscle"] = "given",
    delimiter: str = ",",
    decimal: str | None = None,
    skip_lines: int = 0,
    header: bool | None = None,
    encoding: str | None = None,
    profiles: Sequence[TextProfile] = (),
    invalid: Literal["raise", "clip"] = "raise",
    max_bytes: int = MAX_BYTES,
) -> dict[str, int]:
    """Let a model diagnose every subject of an archive, subject by subject, in constant memory.

    The table is cut into partitions of whole subjects, which the workers of a Dask cluster read,
    resample, segment and score. Each partition is kept as soon as it is done, under a name that
    only complete ones have: a run that was stopped or killed goes on where it stood when it is
    started again, without a lost or doubled row. A file that cannot be read, and a subject that
    cannot be diagnosed, are rows with their reason.

    The answers are those of `Diagnostician.diagnose` for each subject alone, to the last bit where
    the numerical libraries use one thread, whatever `partition_size`, `n_jobs` and `scheduler` are.

    Parameters
    ----------
    model : str or Path
        A folder of `save_model` or a file of `export_onnx`, of a
        :class:`~sknemg.diagnosis.Diagnostician`. Every worker must see it under this name.
    table : str or Path
        Parquet, CSV or XLSX, a row for each recording: ``subject``, ``file`` and, where known,
        ``recording``, ``muscle``, ``location``, ``sfreq``, ``unit``, ``scale``, ``channel``,
        ``start``, ``stop``, ``profile``, ``diagnosis``. Rows of a subject need not stand together.
        A subject with two diagnoses, and a file of two subjects, are not diagnosed.
    out : str or Path
        New folder for the results, or that of a run to resume.
    folder : str or Path, default=None
        Folder that the entries of ``file`` are relative to; by default that of the table. Every
        worker must see it under this name.
    n_jobs : int, default=1
        Worker processes on this machine; 1 works in this process. More need the usual
        ``if __name__ == "__main__":`` around a script.
    scheduler : str, default=None
        Address of the scheduler of a Dask cluster, such as ``"tcp://10.0.0.1:8786"``, in place of
        workers on this machine.
    memory_limit : str or int, default=None
        Memory of each of the `n_jobs` workers, such as ``"4GiB"``, beyond which it is started
        again; by default Dask's, the machine's memory shared among them.
    partition_size : int, default=256
        Recordings of a partition: what a killed run loses at most, for each worker.
    fingerprint : str, default=None
        That the model must have.
    progress : bool, default=False
        Whether to show a bar, with the time that is left.
    subject_pattern : str, default=None
        A regular expression with one group that finds the subject in the name of a file, in place
        of the column.
    unit, sfreq, scale : default=None
        Values for every file whose row does not state them, as in
        :func:`~sknemg.datasets.read_recording`.
    locations : {"given", "muscle"}, default="given"
        With "muscle", a location that is not given follows from the muscle.
    delimiter, decimal, skip_lines, header, encoding : default=",", None, 0, None, None
        Dialect of the text files, as in :func:`~sknemg.datasets.read_recording`.
    profiles : sequence of TextProfile, default=()
        Dialects of text files, by the name in the column ``profile`` of a row.
    invalid : {"raise", "clip"}, default="raise"
        Meaning of WFDB's code for "no value".
    max_bytes : int, default=2**30
        Limit on the memory for the samples of one file.

    Returns
    -------
    dict of int
        Rows of the archive by what became of them: ``"recordings"``, ``"errors"`` (of
        recordings), ``"subjects"``, and of these ``"one"``, ``"several"``, ``"none"`` and
        ``"error"``.

    Raises
    ------
    InvalidCohortError
        If the table cannot be used at all, such as one without locations, by which the model
        votes.
    UnfinishedArchiveError
        If workers died, such as for want of memory; the other partitions are kept.
    ConnectionError
        If the scheduler does not answer, or is lost; the partitions that are done are kept.
    TypeError
        If the model is not a Diagnostician.
    ImportError
        If the extra ``sknemg[cluster]`` is not installed.
    ValueError
        If `out` holds the results of another model, table or settings, or of a run that goes on,
        if a file in it is damaged, or if workers have another version of sknemg.
    OSError
        If nothing more can be written; what was written is kept.

    Warns
    -----
    UserWarning
        Once, if anything was warned of while recordings were read and scored. If the results in
        `out` were begun under other versions of the libraries.

    See Also
    --------
    read_archive : Read the results.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sknemg import DiVoteClassifier, Recordings, SegmentFeatures, Segmenter, save_model
    >>> from sknemg.archive import diagnose_archive, read_archive
    >>> from sknemg.diagnosis import Diagnostician
    >>> y = np.repeat(["myopathy", "neuropathy"], 24)
    >>> size = np.where(y == "myopathy", 0.2, 1.0)
    >>> signals = np.random.default_rng(0).normal(0, size[:, None], (48, 900))
    >>> X = Recordings(signals, sfreq=1000, subject=np.repeat(np.arange(24), 2))
    >>> votes = DiVoteClassifier(LogisticRegression(max_iter=1000))
    >>> pipe = make_pipeline(Segmenter(), SegmentFeatures(), votes)
    >>> model = Diagnostician(pipe, cv=3).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     folder = Path(folder)
    ...     _ = save_model(model, folder / "model")
    ...     np.save(folder / "a.npy", signals[0])
    ...     rows = {"subject": ["P1", "P2"], "file": ["a.npy", "lost.npy"]}
    ...     pd.DataFrame(rows).to_parquet(folder / "archive.parquet")
    ...     found = diagnose_archive(
    ...         folder / "model", folder / "archive.parquet", folder / "out", sfreq=1000, unit="mV"
    ...     )
    ...     results = read_archive(folder / "out")
    >>> found["recordings"], found["errors"], results.subjects["kind"].tolist()
    (2, 1, ['one', 'error'])
    >>> results.recordings["error"].tolist()
    ['', "file 'lost.npy': there is no 'lost.npy': correct the name, or put the file there"]
    """
    check_counts(n_jobs=n_jobs, partition_size=partition_size, max_bytes=max_bytes)
    check_numbers(sfreq=sfreq, scale=scale)
    text = TextFormat(delimiter, decimal, skip_lines, header, encoding)
    check_text(text)
    check_profiles(profiles, text)
    for package in ("distributed", "pyarrow"):
        need(package, "cluster")
    model, table, out = (Path(path).resolve() for path in (model, table, out))
    folder = table.parent if folder is None else Path(folder).resolve()
    opened = load_model(model, fingerprint=fingerprint)
    _check_model(opened, model)
    fingerprint = fingerprint_of(model)
    archive = read_table(
        table,
        subject_pattern=subject_pattern,
        locations=locations,
        folder=folder,
        located=_asks_for_locations(opened),
    )
    task = Task(
        str(model),
        fingerprint,
        archive.name,
        str(folder),
        {"unit": unit, "sfreq": sfreq, "scale": scale},
        vars(text) | {"invalid": invalid, "max_bytes": max_bytes},
        tuple(profiles),
    )
    parts = partitions(archive.rows, int(partition_size))
    settings = {
        "folder": task.folder,
        "partition_size": int(partition_size),
        "subject_pattern": subject_pattern,
        "locations": locations,
        **task.given,
        **task.options,
        "profiles": [repr(profile) for profile in profiles],
    }
    versions = {"python": platform.python_version(), **versions_of(_LIBRARIES)}
    manifest = {
        "model": fingerprint,
        "table": archive.digest,
        "settings": settings,
        "n_recordings": len(archive.rows),
        "n_partitions": len(parts),
        "sknemg": __version__,
        "versions": versions,
    }
    if opened.caution_:
        manifest[CAUTION] = opened.caution_
    out.mkdir(parents=True, exist_ok=True)
    with _locked(out):
        begin_results(out, manifest)
        remove_leftovers(out)
        todo = sorted({*range(len(parts))} - {*done_partitions(out)})
        if todo:
            note_versions(out, versions)
            with connected(n_jobs, scheduler, memory_limit) as client:
                compute(client, task, archive, parts, todo, out, progress)
    return summary(out)


def summary(out: Path) -> dict[str, int]:
    """Count what became of the rows of an archive, in flat memory."""
    counts = dict.fromkeys(
        ("recordings", "errors", "subjects", "one", "several", "none", "error"), 0
    )
    for number in done_partitions(out):
        errors = read_partition(out, number, RECORDINGS, ["error"])["error"]
        counts["recordings"] += len(errors)
        counts["errors"] += int((errors != "").sum())
        kinds = read_partition(out, number, SUBJECTS, ["kind"])["kind"]
        counts["subjects"] += len(kinds)
        for kind, times in kinds.value_counts().items():
            counts[str(kind)] += int(times)
    return counts


# -- steps -------------------------------------------------------------------------------------


def _check_model(model: Any, path: Path) -> None:
    if not isinstance(model, Diagnostician):
        raise NoDiagnosticianError(
            f"{str(path)!r} is a {type(model).__name__}, which answers without caution: give a "
            "model that is a Diagnostician, as 'sknemg train' makes it."
        )


def _asks_for_locations(model: Diagnostician) -> bool:
    parts = open_model(model.estimator_).parts
    return any(part.votes and part.classifier.subject_features_ == "location" for part in parts)


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Keep a second run out of the folder; the lock of a killed run disappears with it."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(out / ".lock", timeout=0):
            yield
    except Timeout as error:
        raise ValueError(
            f"out={str(out)!r} is being written by another run: wait for it, or give a new folder."
        ) from error
