"""Diagnose an archive: partitions are handed to the workers of a Dask cluster, and kept."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from itertools import islice
from numbers import Integral
from pathlib import Path
from typing import Any, Literal

from sknemg.archive.partition import Partition, Task, diagnose_partition
from sknemg.archive.results import (
    RECORDINGS,
    SUBJECTS,
    begin_results,
    done_partitions,
    note_versions,
    read_partition,
    remove_leftovers,
    write_partition,
)
from sknemg.archive.table import ArchiveTable, file_digest, partitions, read_table
from sknemg.datasets._formats.limits import MAX_BYTES
from sknemg.datasets._formats.text import TextFormat
from sknemg.datasets._rows import check_profiles
from sknemg.datasets.files import check_max_bytes, check_numbers, check_text
from sknemg.datasets.profiles import TextProfile
from sknemg.diagnosis import Diagnostician
from sknemg.persistence import load_model
from sknemg.persistence._folder import SUMS
from sknemg.persistence._problems import need
from sknemg.recordings._problems import capped
from sknemg.versions import __version__, versions_of

_IN_FLIGHT = 3  # partitions for each thread of the cluster that are computed, queued or fetched
_LIBRARIES = ("numpy", "scikit-learn", "scipy", "soxr", "torch")


class UnfinishedArchiveError(ChildProcessError):
    """Partitions whose workers died; all others are kept.

    Attributes
    ----------
    partitions : dict of int to str
        Their numbers, and what happened to each.
    """

    def __init__(self, partitions: dict[int, str], n_partitions: int, whose: list[str]):
        self.partitions = partitions
        why = "; ".join(dict.fromkeys(partitions.values()))
        super().__init__(
            f"{len(partitions)} of {n_partitions} partitions are missing ({why}), with subjects "
            f"{capped(whose)}: give workers more memory, fewer `n_jobs` or a smaller "
            "`partition_size` in a new folder, and run the same again; all others are kept."
        )
        self._content = partitions, n_partitions, whose

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._content


class NoDiagnosticianError(TypeError):
    """A model that is no `Diagnostician`."""


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
    """Let a model diagnose every subject of an archive, subject by subject, in flat memory.

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
        New folder for the results, or that of the run to go on with.
    folder : str or Path, default=None
        What the entries of ``file`` are relative to; by default the folder of the table. Every
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
        If the table cannot be used at all.
    UnfinishedArchiveError
        If workers died, such as for want of memory; the other partitions are kept.
    ConnectionError
        If the scheduler does not answer, or is lost; the partitions that are done are kept.
    TypeError
        If the model is no Diagnostician.
    ImportError
        If the extra ``sknemg[cluster]`` is not installed.
    ValueError
        If `out` holds the results of another model, table or settings, or of a run that goes on,
        or a file in it is damaged.
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
    _check_whole(n_jobs=n_jobs, partition_size=partition_size)
    check_numbers(sfreq=sfreq, scale=scale)
    text = TextFormat(delimiter, decimal, skip_lines, header, encoding)
    check_text(text)
    check_profiles(profiles, text)
    check_max_bytes(max_bytes)
    for package in ("distributed", "filelock", "pyarrow"):
        need(package, "cluster")
    model, table, out = (Path(path).resolve() for path in (model, table, out))
    folder = table.parent if folder is None else Path(folder).resolve()
    _check_model(load_model(model, fingerprint=fingerprint), model)
    fingerprint = file_digest(model / SUMS if model.is_dir() else model)
    archive = read_table(table, subject_pattern=subject_pattern, locations=locations)
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
    out.mkdir(parents=True, exist_ok=True)
    with _locked(out):
        begin_results(out, manifest)
        remove_leftovers(out)
        todo = sorted({*range(len(parts))} - {*done_partitions(out)})
        if todo:
            note_versions(out, versions)
            with _cluster(n_jobs, scheduler, memory_limit) as client:
                _work(client, task, archive, parts, todo, out, progress)
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


def _check_whole(**given: Any) -> None:
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
            raise ValueError(f"{name}={value!r} must be an integer >= 1.")


def _check_model(model: Any, path: Path) -> None:
    if not isinstance(model, Diagnostician):
        raise NoDiagnosticianError(
            f"{str(path)!r} is a {type(model).__name__}, which answers without caution: give a "
            "model that is a Diagnostician, as 'sknemg train' makes it."
        )


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Keep a second run out of the folder; the lock of a killed one is gone with it."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(out / ".lock", timeout=0):
            yield
    except Timeout as error:
        raise ValueError(
            f"out={str(out)!r} is being written by another run: wait for it, or give a new folder."
        ) from error


@contextmanager
def _cluster(n_jobs: int, scheduler: str | None, memory_limit: str | int | None) -> Iterator[Any]:
    """Connect to a cluster, or start one on this machine."""
    from distributed import Client, LocalCluster

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout="20s", set_as_default=False)
        except (OSError, ValueError) as error:
            raise ConnectionError(
                f"scheduler={scheduler!r} does not answer ({error}): start it, or correct the "
                "address."
            ) from error
        with client:
            yield client
        return
    several = n_jobs > 1
    limit = "auto" if memory_limit is None else memory_limit
    with (
        LocalCluster(
            n_workers=n_jobs,
            threads_per_worker=1,
            processes=several,
            memory_limit=limit if several else 0,
            dashboard_address="127.0.0.1:0",  # pages without a password: for this machine alone
            worker_dashboard_address="127.0.0.1:0",
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@contextmanager
def _connected() -> Iterator[None]:
    """Say what to do when the scheduler is lost."""
    from distributed.client import ClosedClientError
    from distributed.comm.core import CommClosedError

    try:
        yield
    except (CancelledError, ClosedClientError, CommClosedError) as error:
        raise ConnectionError(
            f"The scheduler is lost ({type(error).__name__}): start it again, and run the same "
            "again; what was done is kept."
        ) from error


def _work(
    client: Any,
    task: Task,
    archive: ArchiveTable,
    parts: Sequence[Any],
    todo: Sequence[int],
    out: Path,
    progress: bool,
) -> None:
    """Compute partitions, a few in flight, and keep each as soon as it is there."""
    from distributed import KilledWorker, as_completed
    from tqdm import tqdm

    waiting = iter(todo)
    numbers: dict[Any, int] = {}
    lost: dict[int, str] = {}
    warned: dict[str, None] = {}

    def submit(number: int) -> Any:
        rows = parts[number]
        problems = {row: archive.problems[row] for row in rows.index if row in archive.problems}
        future = client.submit(diagnose_partition, task, rows, problems, pure=False, retries=0)
        numbers[future.key] = number
        return future

    n_threads = max(1, sum(client.nthreads().values()))
    first = [submit(number) for number in islice(waiting, _IN_FLIGHT * n_threads)]
    running = as_completed(first, loop=client.loop)
    n_rows = len(archive.rows)
    left = sum(len(parts[number]) for number in todo)
    bar = tqdm(
        total=n_rows,
        initial=n_rows - left,
        unit=" recordings",
        disable=not progress,
        smoothing=0.05,
    )
    with bar, _connected():
        for future in running:
            number = numbers.pop(future.key)
            try:
                found: Partition = future.result()
            except KilledWorker:
                lost[number] = "their workers died again and again, as they do without memory"
            except MemoryError:
                lost[number] = "the memory of a worker is used up"
            else:
                write_partition(out, number, found.recordings, found.subjects)
                warned |= dict.fromkeys(found.warned if len(warned) < 100 else ())
            bar.update(len(parts[number]))
            future.release()
            if (following := next(waiting, None)) is not None:
                running.add(submit(following))
    if warned:
        warnings.warn(
            f"{len(warned)} warning{'s' if len(warned) > 1 else ''} from the recordings, such as: "
            f"{next(iter(warned))}",
            stacklevel=3,
        )
    if lost:
        who = [str(name) for at in lost for name in parts[at]["subject"].dropna().unique()]
        raise UnfinishedArchiveError(lost, len(parts), who)
