"""The processor time of each stage of the command's work, taken within one process."""

from __future__ import annotations

import tempfile
import threading
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from unittest.mock import patch

import pandas as pd

#: Which functions are a stage: their modules, their names, and what the stage is called. What one
#: calls that is a stage itself is counted there alone.
STAGES = (
    ("sknemg.archive.partition", "_read_subject", "reading"),
    ("sknemg.diagnosis.examining", "resample", "resampling"),
    ("sknemg.preprocessing.steps", "bring_to_rate", "resampling"),
    ("sknemg.preprocessing.steps", "cut_windows", "cutting windows"),
    ("sknemg.diagnosis.examining:Examiner", "_examine", "plausibility"),
    ("sknemg.divote.divote", "score_together", "network"),
    ("sknemg.diagnosis.answers:Answering", "diagnose", "votes"),
    ("sknemg.archive.partition", "recording_rows", "rows of results"),
    ("sknemg.archive.partition", "subject_rows", "rows of results"),
    ("sknemg.archive.cluster", "write_partition", "writing"),
)
REST = "Dask and the rest"
ALIKE = ("reading", "resampling", "cutting windows", "network")  # what the rival does as well


class Stopwatch:
    """Processor's time of functions, each without those that it calls, whatever their thread."""

    def __init__(self):
        self.seconds: dict[str, float] = defaultdict(float)
        self.n_windows = 0
        self._local = threading.local()

    def timed(self, function, stage):
        @wraps(function)
        def call(*args, **how):
            inside = self._local.__dict__.setdefault("inside", [])
            inside.append(0.0)
            if stage == "network":
                self.n_windows += sum(len(part.items) for part in args[1])
            start = time.thread_time()
            try:
                return function(*args, **how)
            finally:
                used = time.thread_time() - start
                self.seconds[stage] += used - inside.pop()
                if inside:
                    inside[-1] += used

        return call

    @contextmanager
    def watching(self):
        from importlib import import_module

        with ExitStack() as stack:
            for where, name, stage in STAGES:
                module, _, inner = where.partition(":")
                owner = import_module(module)
                owner = getattr(owner, inner) if inner else owner
                stack.enter_context(
                    patch.object(owner, name, self.timed(getattr(owner, name), stage))
                )
            yield


def measure_stages(folder: Path, name: str, model: str) -> dict[str, object]:
    """Diagnose an archive in this process, and take the time of each stage, without the start.

    The start is what a run of the archive's first subject takes beyond its stages (the least of
    three, after one that loads what is loaded once). So the stages are whole, the first subject's
    as well, and the rest lacks no more than what Dask does for a single subject.
    """
    with tempfile.TemporaryDirectory() as once:
        first = pd.read_parquet(folder / f"{name}.parquet")
        first = first[first["subject"] == first["subject"].iloc[0]]
        one = Path(once) / "first.parquet"
        first.to_parquet(one)
        _diagnose(folder, one, model, Path(once) / "load")
        begin = min(_watched(folder, one, model, Path(once) / f"first{at}")[1] for at in range(3))
        watch, beyond = _watched(folder, folder / f"{name}.parquet", model, Path(once) / "all")
    table = pd.read_parquet(folder / f"{name}.parquet")
    about = {"way": "stages", "archive": name, "model": model, "recordings": len(table)}
    own = {stage: watch.seconds.get(stage, 0.0) for *_, stage in STAGES}
    rest = beyond - begin
    about |= {"windows": watch.n_windows, "cpu_s": rest + sum(own.values()), REST: rest}
    return about | own


def _watched(folder: Path, table: Path, model: str, out: Path) -> tuple[Stopwatch, float]:
    """Diagnose under a stopwatch; give it, and the CPU seconds of the process beyond all stages."""
    watch = Stopwatch()
    with watch.watching():
        start = time.process_time()
        _diagnose(folder, table, model, out)
        used = time.process_time() - start
    return watch, used - sum(watch.seconds.values())


def _diagnose(folder: Path, table: Path, model: str, out: Path) -> None:
    from sknemg.archive import diagnose_archive

    diagnose_archive(folder / model, table, out, folder=folder)
