"""The command on an archive, seen from outside: its speed, its processor time and its memory."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd

LOOK = 2.0  # s between two looks at the memory of running processes, at most
LOOK_SHARE = 0.1  # of the time that they have run: a short run is looked at more often


def measure_command(
    folder: Path, answers: Path, name: str, model: str, n_jobs: int, partition: int, turn: int = 0
) -> dict[str, object]:
    """Diagnose an archive by the command line, and look at its processes from outside.

    What the command writes stays in the folder ``answers``.
    """
    (done,), cpu, memory = _commands(folder, answers, [name], model, n_jobs, partition)
    wall, ends = done
    return {
        "way": "sknemg", "archive": name, "model": model, "n_jobs": n_jobs, "turn": turn,
        **_facts(folder, [name]), "wall_s": wall, "cpu_s": cpu, **memory,
        "steady": steady_rate(ends, n_jobs),
    }  # fmt: skip


def measure_apart(
    folder: Path, answers: Path, model: str, partition: int, turn: int = 0
) -> dict[str, object]:
    """Diagnose both halves of the part by two commands at once, each with one worker."""
    halves = ["first", "second"]
    done, cpu, memory = _commands(folder, answers, halves, model, 1, partition)
    both = max(ends[0, 0] for _, ends in done), min(ends[-1, 0] for _, ends in done)
    together = [ends[(ends[:, 0] >= both[0]) & (ends[:, 0] <= both[1])] for _, ends in done]
    return {
        "way": "apart", "archive": "few", "model": model, "n_jobs": 2, "turn": turn,
        **_facts(folder, halves), "wall_s": max(wall for wall, _ in done), "cpu_s": cpu,
        **memory, "steady": sum(steady_rate(ends, 1) for ends in together),
    }  # fmt: skip


def _facts(folder: Path, names: list[str]) -> dict[str, object]:
    table = pd.concat([pd.read_parquet(folder / f"{name}.parquet") for name in names])
    return {"recordings": len(table), "signal_s": table["seconds"].sum()}


def _commands(
    folder: Path, answers: Path, names: list[str], model: str, n_jobs: int, partition: int
) -> tuple[list[tuple[float, np.ndarray]], float, dict[str, float]]:
    """Run a command for each archive, at once; give their seconds, processor's time and memory."""
    outs = [answers / f"{name}-{model}-{n_jobs}" for name in names]
    words = [sys.executable, "-m", "sknemg", "diagnose", "--model", folder / model]
    words += ["--jobs", n_jobs, "--partition", partition]
    before, start, began = _children_cpu(), time.perf_counter(), time.time()
    with ExitStack() as stack:
        running, errors = [], []
        for name, out in zip(names, outs, strict=True):
            shutil.rmtree(out, ignore_errors=True)  # what a stopped measurement left behind
            errors.append(stack.enter_context(tempfile.TemporaryFile("w+")))
            command = [*words, "--archive", folder / f"{name}.parquet", "--out", out]
            running.append(stack.enter_context(subprocess.Popen(
                [*map(str, command)], stdout=subprocess.DEVNULL, stderr=errors[-1],
                env=os.environ | {"OMP_NUM_THREADS": "1"}, text=True,
            )))  # fmt: skip
        memory, ended = _largest_memory(running)
        for process, said in zip(running, errors, strict=True):
            if process.returncode:
                said.seek(0)
                raise RuntimeError(f"{process.args} failed: {said.read()[-2000:]}")
    cpu = _children_cpu() - before
    done = [
        (end - start, _ends(folder, name, out, began))
        for name, out, end in zip(names, outs, ended, strict=True)
    ]
    return done, cpu, memory


def _ends(folder: Path, name: str, out: Path, began: float) -> np.ndarray:
    """Tell when partitions were done, in s, and how many recordings each holds; check them."""
    from sknemg.archive import read_archive

    found = read_archive(out)
    assert len(found.recordings) == len(pd.read_parquet(folder / f"{name}.parquet"))
    assert not found.n_missing and not (found.recordings["error"] != "").any()
    files = [*out.glob("partitions/*/recordings.parquet")]
    ends = [(file.stat().st_mtime - began, len(pd.read_parquet(file))) for file in files]
    return np.array(sorted(ends))


def steady_rate(ends: np.ndarray, n_jobs: int) -> float:
    """Give the recordings a second while all workers are busy.

    That is from the first partition of the slowest to start, about the `n_jobs`-th, until the first
    worker finds nothing left: the slope of the recordings done over the time.

    Parameters
    ----------
    ends : ndarray of shape (n_partitions, 2), sorted
        When each was done, in seconds, and how many recordings it holds.
    n_jobs : int

    Returns
    -------
    float
        NaN with too few partitions.
    """
    inside = ends[n_jobs - 1 : len(ends) - n_jobs + 1]
    if len(inside) < 3:
        return np.nan
    return float(np.polyfit(inside[:, 0], np.cumsum(inside[:, 1]), 1)[0])


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _largest_memory(running: list[subprocess.Popen]) -> tuple[dict[str, float], list[float]]:
    """Watch processes and all below them to their ends; shared pages count once (PSS, by Linux).

    Given are the most that all held at once, and the most of the processes themselves and of those
    below them, in MB. A look walks all pages of a process and holds up its own requests for memory:
    it waits for a tenth of the time that they have run (`LOOK_SHARE`), at most for `LOOK` seconds.
    """
    import psutil

    tops = [psutil.Process(process.pid) for process in running]
    most = np.zeros(3)  # all, the commands themselves, what they started
    start = next_look = time.perf_counter()
    ended = [np.nan] * len(running)
    while np.isnan(ended).any():
        time.sleep(0.05)
        for at, process in enumerate(running):
            if np.isnan(ended[at]) and process.poll() is not None:
                ended[at] = time.perf_counter()
        if time.perf_counter() < next_look:
            continue
        own = below = 0
        for top in tops:
            with _gone():
                own += top.memory_full_info().pss
                for one in top.children(recursive=True):
                    with _gone():
                        below += one.memory_full_info().pss
        most = np.maximum(most, [own + below, own, below])
        now = time.perf_counter()
        next_look = now + min(LOOK, LOOK_SHARE * (now - start))
    return dict(zip(("peak_mb", "own_mb", "workers_mb"), most / 1e6, strict=True)), ended


@contextmanager
def _gone():
    """Let a process end while it is looked at."""
    import psutil

    with suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        yield
