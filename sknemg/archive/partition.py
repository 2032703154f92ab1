"""One partition of an archive: files are read, and subjects diagnosed, in bounded memory."""

from __future__ import annotations

import threading
import warnings
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from threadpoolctl import threadpool_limits

from sknemg.archive.results import Outcome, recording_rows, subject_rows
from sknemg.datasets._findings import Findings
from sknemg.datasets._rows import assemble, check_paths, check_repeated_signals, read_all
from sknemg.datasets.profiles import TextProfile
from sknemg.diagnosis import Diagnosis, Diagnostician
from sknemg.persistence import load_model
from sknemg.recordings import Recordings
from sknemg.versions import __version__

_AT_ONCE = 4_000_000  # samples that are diagnosed together: some tens of megabytes with windows
#: Threads of one worker share the filter of warnings and the limit on threads: one at a time.
_ALONE = threading.Lock()
_AHEAD = 4  # subjects that are read while others are diagnosed


@dataclass(frozen=True)
class Task:
    """What a worker needs, whichever partition it gets.

    Attributes
    ----------
    model : str
        Folder or ONNX file, which the worker must see.
    fingerprint : str
    table : str
        Name of the table, for messages.
    folder : str
        That the files are relative to.
    given : dict
        Rate, unit and scale for the rows that do not state them.
    options : dict
        Further parameters of `read_recording`.
    profiles : sequence of TextProfile
    version : str
        Of sknemg, that of whoever began the run.
    """

    model: str
    fingerprint: str
    table: str
    folder: str
    given: Mapping[str, Any]
    options: Mapping[str, Any]
    profiles: Sequence[TextProfile] = field(default=())
    version: str = __version__


class Partition(NamedTuple):
    """What is known about a partition.

    Attributes
    ----------
    recordings, subjects : DataFrame
    warned : tuple of str
        What was warned of.
    """

    recordings: pd.DataFrame
    subjects: pd.DataFrame
    warned: tuple[str, ...]


class _Read(NamedTuple):
    """A subject whose files were read: its rows, what could be read, and why the rest could not."""

    subject: Any
    rows: pd.DataFrame
    X: Recordings | None
    errors: dict[int, str]


def diagnose_partition(task: Task, rows: pd.DataFrame, problems: Mapping[int, str]) -> Partition:
    """Read the files of some subjects, and diagnose them.

    The files of the next subjects are read in a thread while the model works, which sees the
    segments of several subjects in one batch. The answers are those of `Diagnostician.diagnose`
    for each subject alone, in one thread of the numerical libraries.

    Parameters
    ----------
    task : Task
    rows : DataFrame
        Whole subjects of an `ArchiveTable`.
    problems : mapping of int to str
        Rows that must not be read, and why.

    Returns
    -------
    Partition

    Raises
    ------
    FileNotFoundError
        If the worker cannot see the model or the folder of the files.
    ValueError
        If the worker has another version of sknemg.
    MemoryError
    """
    if task.version != __version__:
        raise ValueError(
            f"A worker has sknemg {__version__}, and the run began with {task.version}: install "
            "the same version everywhere."
        )
    for what, path in (("model", task.model), ("folder of the files", task.folder)):
        if not Path(path).exists():
            raise FileNotFoundError(
                f"A worker cannot see {path!r}, the {what}: keep it where all workers can read it."
            )
    with _ALONE:
        return _diagnose_partition(task, rows, problems)


def _diagnose_partition(task: Task, rows: pd.DataFrame, problems: Mapping[int, str]) -> Partition:
    model = _model(task.model, task.fingerprint)
    outcomes = []
    with warnings.catch_warnings(record=True) as caught, threadpool_limits(1):
        warnings.simplefilter("always")
        for block in _blocks(task, rows, problems):
            for read, found, reason in _diagnose_block(model, block):
                errors = read.errors
                if reason:  # no recording of the subject is diagnosed
                    errors = dict.fromkeys(read.rows.index, reason) | errors
                outcomes.append(
                    Outcome(read.subject, read.rows, errors, found, reason, _facts(read.X))
                )
    warned = tuple(dict.fromkeys(str(one.message) for one in caught))
    return Partition(recording_rows(outcomes, model), subject_rows(outcomes, model), warned)


def _facts(X: Recordings | None) -> pd.DataFrame:
    """Keep what is reported of recordings, without their signals."""
    if X is None:
        return pd.DataFrame({"table_row": [], "sfreq": [], "seconds": []})
    return X[["table_row", "sfreq"]].assign(seconds=X.durations)


@lru_cache(maxsize=1)
def _model(path: str, fingerprint: str) -> Diagnostician:
    """Load a model once per process, and check that it is the one with which the run began."""
    model: Diagnostician = load_model(path, fingerprint=fingerprint)
    return model


def _blocks(task: Task, rows: pd.DataFrame, problems: Mapping[int, str]) -> Iterator[list[_Read]]:
    """Read subject by subject, some of them ahead, and yield as many as are diagnosed together."""
    todo = iter(
        [(None if pd.isna(who) else who, own) for who, own in
         rows.groupby("subject", sort=False, dropna=False)]
    )  # fmt: skip
    waiting: deque[Future[_Read]] = deque()
    block: list[_Read] = []
    n_samples = 0
    with ThreadPoolExecutor(1) as reader:
        try:
            while True:
                while len(waiting) < _AHEAD and (one := next(todo, None)) is not None:
                    waiting.append(reader.submit(_read_subject, task, *one, problems))
                if not waiting:
                    break
                read = waiting.popleft().result()
                block.append(read)
                n_samples += 0 if read.X is None else len(read.X.values)
                if n_samples >= _AT_ONCE:
                    yield block
                    block, n_samples = [], 0
        finally:
            for future in waiting:
                future.cancel()
    if block:
        yield block


def _read_subject(
    task: Task, subject: Any, rows: pd.DataFrame, problems: Mapping[int, str]
) -> _Read:
    errors = {row: problems[row] for row in rows.index if row in problems}
    left = rows.drop(index=list(errors))
    findings = Findings("archive")
    folder = Path(task.folder)
    readable = check_paths(left, task.table, folder, findings, links=False)
    readings = read_all(
        left.loc[readable],
        task.table,
        folder,
        dict(task.given),
        dict(task.options),
        task.profiles,
        findings,
    )
    check_repeated_signals(left, task.table, readings, findings)
    errors |= findings.by_row()
    kept = [row for row in left.index if row not in errors]
    if not kept:
        return _Read(subject, rows, None, errors)
    X = assemble(left.loc[kept], [readings[row] for row in kept], {}, numbered=True)
    return _Read(subject, rows, X, errors)


def _diagnose_block(
    model: Diagnostician, block: list[_Read]
) -> Iterator[tuple[_Read, Diagnosis | None, str]]:
    """Diagnose the subjects of a block together, or each alone if one of them makes that fail."""
    readable = [read for read in block if read.X is not None]
    try:
        found = iter(_diagnose(model, readable))
    except (MemoryError, ImportError):  # nothing about these subjects
        raise
    except Exception:  # whose recordings led to it is seen one by one
        for read in block:
            yield _diagnose_alone(model, read)
        return
    for read in block:
        yield read, None if read.X is None else next(found), ""


def _diagnose_alone(model: Diagnostician, read: _Read) -> tuple[_Read, Diagnosis | None, str]:
    if read.X is None:
        return read, None, ""
    try:
        (found,) = _diagnose(model, [read])
    except (MemoryError, ImportError):
        raise
    except Exception as error:  # whatever its recordings lead to, others are diagnosed
        name = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        return read, None, f"{name}{error}"
    return read, found, ""


def _diagnose(model: Diagnostician, each: list[_Read]) -> list[Diagnosis]:
    """Diagnose subjects of whom something could be read."""
    X = [read.X for read in each if read.X is not None]
    lost = {read.subject: _spelled(read) for read in each}
    return model.diagnose(Recordings.concat(X), unreadable=lost) if X else []


def _spelled(read: _Read) -> list[str]:
    """Say of each recording that could not be read which it is, and why."""
    files = read.rows["file"].to_dict()
    return [f"{files[row] or f'row {row}'}: {why}" for row, why in read.errors.items()]
