"""How fast an archive is diagnosed, in how much memory, and where the time goes.

Simulated patients are written once as WFDB records of 16 bits at 48 kHz, a third of their
recordings cut short, and repeated under other names (hard links) to an archive of as many
recordings as are asked for: the files lie in the page cache, so a slow disk is not part of these
figures. A small nEMGNet is trained briefly and exported; its answers mean little, its times
are those of any network of its size. Then, each in a process of its own,

- ``command``: `sknemg diagnose --archive` on a part of the archive, with one and two workers, and
  on all of it: recordings a second from the first partition that is done to the last, so that the
  start of the processes is told apart, processor time, and the largest memory of all processes;
- ``apart``: two commands of one worker each, at once, each on its own half of the part. What two
  workers lose against these is the library's, the rest is the machine's;
- ``machine``: matrix products and Fourier transforms in one plain process, and in two at once;
- ``stages``: the command's work within one process, in which the processor's time of each stage is
  taken, on a smaller part, and on as many windows of short and of long recordings alone;
- ``rival``: a plain loop of wfdb, scipy and torch over that part, without the looks at each
  recording, calibration, bookkeeping and errors as rows.

    OMP_NUM_THREADS=1 python -m benchmarks.archive --out benchmarks/results/archive

Where a run is stopped, the same command with ``--folder`` goes on behind the last figure it took.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

from benchmarks.machinery.reporting import markdown, replace_section
from sknemg.provenance import provenance
from sknemg.versions import versions_of

RESULTS = Path(__file__).parent / "results" / "archive"
PAGE = Path(__file__).parents[1] / "docs" / "guide" / "archive.md"
SFREQ, COUNTS_PER_MV = 48_000, 3_000
SHORT = 0.6  # s, of every third recording
LONG = 10.0  # s, of the recordings whose windows are compared with those of short ones
EACH = 5  # recordings of a patient in the archives of short and long recordings alone
MILLION = 1_000_000


# -- the archive -------------------------------------------------------------------------------


def write_record(file: Path, signal: np.ndarray) -> None:
    """Write a signal in millivolts as a WFDB record: a header and samples of 16 bits."""
    counts = np.clip(np.rint(signal * COUNTS_PER_MV), -32_767, 32_767).astype("<i2")
    checksum = int(counts.sum(dtype=np.int64)) & 0xFFFF
    checksum -= 0x10000 if checksum >= 0x8000 else 0
    line = f"{file.name}.dat 16 {COUNTS_PER_MV}/mV 16 0 {counts[0]} {checksum} 0 EMG"
    file.with_suffix(".hea").write_text(f"{file.name} 1 {SFREQ} {len(counts)}\n{line}\n")
    file.with_suffix(".dat").write_bytes(counts.tobytes())


def write_archive(folder: Path, n_patients: int, few: int, many: int, seed: int) -> None:
    """Simulate patients, write them once, and name them again until the archive is full."""
    from sknemg.simulate import make_cohort

    X, y = make_cohort(n_patients, sfreq=SFREQ, confound=False, random_state=seed)
    once = folder / "once"
    once.mkdir(parents=True)
    signals = [row[: round(SHORT * SFREQ)] if at % 3 == 2 else row for at, row in enumerate(X)]
    for at, signal in enumerate(signals):
        write_record(once / f"r{at}", signal)
    meta = X.meta[["subject", "muscle"]].assign(
        diagnosis=y, seconds=[len(signal) / SFREQ for signal in signals], of=np.arange(len(X))
    )
    meta.to_csv(once / "recordings.csv", index=False)
    repeats = -(-many // len(X))
    table = pd.concat([meta] * repeats, ignore_index=True)
    table["subject"] = np.repeat(np.arange(repeats), len(X)).astype(str) + table["subject"]
    _link(folder, table, few, many)
    # As many windows in short recordings as in long ones, both of the same signals.
    n_long = max(EACH, len(X) // 4 // EACH * EACH)
    n_short = round(n_long * _n_windows(LONG) / _n_windows(SHORT) / EACH) * EACH
    for name, seconds, n in (("short", SHORT, n_short), ("long", LONG, n_long)):
        rows = _pieces(folder, name, X, seconds, n)
        rows.to_parquet(folder / f"{name}.parquet")


def _link(folder: Path, table: pd.DataFrame, few: int, many: int) -> None:
    names = []
    for who, of in zip(table["subject"], table["of"], strict=True):
        (folder / "named" / who).mkdir(parents=True, exist_ok=True)
        for end in (".hea", ".dat"):
            os.link(folder / "once" / f"r{of}{end}", folder / "named" / who / f"r{of}{end}")
        names.append(f"named/{who}/r{of}.hea")
    table = table.assign(file=names)[["subject", "file", "muscle", "seconds"]]
    for name, n in (("fewer", max(1, few // 4)), ("few", few), ("many", many)):
        table.iloc[:n].to_parquet(folder / f"{name}.parquet")
    part = table.iloc[:few]
    second = pd.factorize(part["subject"])[0] % 2 == 1  # whole subjects
    for name, own in (("first", ~second), ("second", second)):
        part[own].to_parquet(folder / f"{name}.parquet")


def _n_windows(seconds: float) -> int:
    return round((seconds - 0.4) / 0.1) + 1


def _pieces(folder: Path, name: str, X: object, seconds: float, n: int) -> pd.DataFrame:
    """Write recordings of one length, cut from one signal that is all simulated ones in a row."""
    inside, size = folder / name, round(seconds * SFREQ)
    inside.mkdir()
    step = 977  # samples by which the pieces lie apart, so that no two are alike
    starts = np.arange(n) * step % (len(X.values) - size)
    for at, start in enumerate(starts):
        write_record(inside / f"r{at}", X.values[start : start + size])
    files = [f"{name}/r{at}.hea" for at in range(n)]
    return pd.DataFrame({"subject": [f"P{at // EACH}" for at in range(n)], "file": files,
                         "seconds": seconds})  # fmt: skip


def train(folder: Path, version: str, width: int, seed: int) -> None:
    """Train a network on a fifth of the windows; save it as a folder and as an ONNX file."""
    from sklearn.pipeline import make_pipeline

    from sknemg import (
        DiVoteClassifier,
        Downsampler,
        NEMGNetClassifier,
        Segmenter,
        export_onnx,
        save_model,
    )
    from sknemg.datasets import load_recordings
    from sknemg.diagnosis import Diagnostician

    meta = pd.read_csv(folder / "once" / "recordings.csv")
    X = load_recordings([folder / "once" / f"r{at}.hea" for at in meta["of"]])
    X = X.with_columns(subject=meta["subject"], muscle=meta["muscle"])
    network = NEMGNetClassifier(
        version,
        recipe="tuned",
        width=width,
        max_epochs=1,
        epoch_fraction=0.2,
        validation=None,
        random_state=seed,
    )
    pipe = make_pipeline(Downsampler(), Segmenter(), DiVoteClassifier(network))
    model = Diagnostician(pipe, cv=2).fit(X, meta["diagnosis"].to_numpy())
    save_model(model, folder / "model")
    export_onnx(model, folder / "model.onnx")


# -- the command -------------------------------------------------------------------------------


def measure_command(
    folder: Path, name: str, model: str, n_jobs: int, partition: int, turn: int = 0
) -> dict[str, object]:
    """Diagnose an archive by the command line, and look at its processes from outside."""
    (done,), cpu, peak = _commands(folder, [name], model, n_jobs, partition)
    wall, ends = done
    return {
        "way": "sknemg", "archive": name, "model": model, "n_jobs": n_jobs, "turn": turn,
        **_facts(folder, [name]), "wall_s": wall, "cpu_s": cpu, "peak_mb": peak / 1e6,
        "steady": steady_rate(ends, n_jobs),
    }  # fmt: skip


def measure_apart(folder: Path, model: str, partition: int, turn: int = 0) -> dict[str, object]:
    """Diagnose both halves of the part by two commands at once, each with one worker."""
    halves = ["first", "second"]
    done, cpu, peak = _commands(folder, halves, model, 1, partition)
    both = max(ends[0, 0] for _, ends in done), min(ends[-1, 0] for _, ends in done)
    together = [ends[(ends[:, 0] >= both[0]) & (ends[:, 0] <= both[1])] for _, ends in done]
    return {
        "way": "apart", "archive": "few", "model": model, "n_jobs": 2, "turn": turn,
        **_facts(folder, halves), "wall_s": max(wall for wall, _ in done), "cpu_s": cpu,
        "peak_mb": peak / 1e6, "steady": sum(steady_rate(ends, 1) for ends in together),
    }  # fmt: skip


def _facts(folder: Path, names: list[str]) -> dict[str, object]:
    table = pd.concat([pd.read_parquet(folder / f"{name}.parquet") for name in names])
    return {"recordings": len(table), "signal_s": table["seconds"].sum()}


def _commands(
    folder: Path, names: list[str], model: str, n_jobs: int, partition: int
) -> tuple[list[tuple[float, np.ndarray]], float, int]:
    """Run a command for each archive, at once; give their seconds, processor's time and memory."""
    outs = [folder / "out" / f"{name}-{model}-{n_jobs}" for name in names]
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
        peak, ended = _largest_memory(running)
        for process, said in zip(running, errors, strict=True):
            if process.returncode:
                said.seek(0)
                raise RuntimeError(f"{process.args} failed: {said.read()[-2000:]}")
    cpu = _children_cpu() - before
    done = [
        (end - start, _ends(folder, name, out, began))
        for name, out, end in zip(names, outs, ended, strict=True)
    ]
    return done, cpu, peak


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


def _largest_memory(running: list[subprocess.Popen]) -> tuple[int, list[float]]:
    """Watch processes and all below them to their ends; shared pages count once (PSS, by Linux)."""
    import psutil

    tops, most = [psutil.Process(process.pid) for process in running], 0
    ended = [np.nan] * len(running)
    while np.isnan(ended).any():
        total = 0
        for at, (process, top) in enumerate(zip(running, tops, strict=True)):
            if process.poll() is not None:
                ended[at] = time.perf_counter() if np.isnan(ended[at]) else ended[at]
                continue
            with _gone():
                for one in (top, *top.children(recursive=True)):
                    with _gone():
                        total += one.memory_full_info().pss
        most = max(most, total)
        time.sleep(0.25)
    return most, ended


@contextmanager
def _gone():
    """Let a process end while it is looked at."""
    import psutil

    with suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        yield


# -- the machine -------------------------------------------------------------------------------

#: What a plain process does again and again, and how often a second it does so.
KERNELS = {
    "matrix product": "a = rng.normal(size=(384, 384)).astype('f4'); work = lambda: a @ a",
    "Fourier transform": "a = rng.normal(size=20_250); work = lambda: np.fft.rfft(a)",
}
_LOOP = """
import time, numpy as np
rng = np.random.default_rng(0)
{kernel}
work()
print(flush=True)
input()
n, start = 0, time.perf_counter()
while (used := time.perf_counter() - start) < {seconds}:
    work()
    n += 1
print(n / used)
"""


def measure_machine(rounds: int = 3, seconds: float = 2.0) -> dict[str, object]:
    """Measure how much more two plain processes do than one."""
    found = {"way": "machine"}
    for name, kernel in KERNELS.items():
        code = _LOOP.format(kernel=kernel, seconds=seconds)
        speed = {n: [_speed(code, n) for _ in range(rounds)] for n in (1, 2)}
        found[name] = np.median(speed[2]) / np.median(speed[1])
    return found


def _speed(code: str, n_processes: int) -> float:
    """Let processes that are ready work at the same time; give what they do a second, together."""
    env = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen([sys.executable, "-c", code], text=True, env=env, **pipes)
            )
            for _ in range(n_processes)
        ]
        for process in running:
            process.stdout.readline()
        for process in running:
            process.stdin.write("\n")
            process.stdin.flush()
        return sum(float(process.stdout.read()) for process in running)


# -- stages ------------------------------------------------------------------------------------

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
    ("sknemg.archive.partition", "subject_row", "rows of results"),
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


# -- a rival -----------------------------------------------------------------------------------


def measure_rival(folder: Path, name: str) -> dict[str, object]:
    """Do by hand what is asked of a network, with wfdb, scipy and torch."""
    import torch
    import wfdb
    from scipy.signal import resample_poly

    from sknemg import load_model

    torch.set_num_threads(1)
    network = load_model(folder / "model").estimator_[-1].estimator_.net_
    network.module_.eval()
    table = pd.read_parquet(folder / f"{name}.parquet")
    start, begun = time.process_time(), time.perf_counter()
    votes, answers = {}, {}
    with torch.no_grad():
        for subject, rows in table.groupby("subject", sort=False):
            own = []
            for file in rows["file"]:
                signal = wfdb.rdrecord(str(folder / file).removesuffix(".hea")).p_signal[:, 0]
                signal = resample_poly(signal, 10_000, SFREQ).astype(np.float32)
                windows = np.lib.stride_tricks.sliding_window_view(signal, 4_000)[::1_000]
                logits = network.infer(torch.from_numpy(windows.copy()))
                own.append(torch.softmax(logits, 1).mean(0).numpy())
                votes[file] = own[-1]
            answers[subject] = np.mean(own, axis=0).argmax()
    used, seconds = time.process_time() - start, time.perf_counter() - begun
    row = {"way": "rival", "archive": name, "n_jobs": 1, "recordings": len(table),
           "signal_s": table["seconds"].sum(), "wall_s": seconds, "cpu_s": used}  # fmt: skip
    kept = folder / "out" / "few-model-1"
    if kept.exists():  # that it does the same work
        from sknemg.archive import read_archive

        ours = read_archive(kept).recordings
        ours = ours[ours["used"] & ours["file"].isin([*votes])]
        theirs = np.stack([votes[file] for file in ours["file"]])
        classes = ["myopathy", "neuropathy", "normal"]
        off = np.abs(ours[classes].to_numpy() - theirs).max(axis=1)
        row["median_difference_of_votes"] = float(np.median(off))
    return row


# -- tables ------------------------------------------------------------------------------------


def tables(folder: Path = RESULTS) -> str:
    """Write the tables of the guide's page from a kept result."""
    if not (folder / "settings.json").exists():
        return "Not run.\n"
    settings = json.loads((folder / "settings.json").read_text())
    runs = pd.read_csv(folder / "runs.csv")
    stages = pd.read_csv(folder / "stages.csv")
    lines = []
    for key, own in runs.groupby(["way", "model", "n_jobs", "archive"], sort=False, dropna=False):
        way, model, n_jobs, _ = key
        n = own["recordings"].iloc[0]
        each = 1000 * own["cpu_s"] / n
        lines.append([
            {"rival": "wfdb, scipy, torch in a loop", "apart": "two commands at once, each on half"}
            .get(way, f"command, {model}"),
            f"{n_jobs:.0f}" if way != "apart" else "1 + 1", f"{n:,}",
            _span(own["steady"], ".1f"), _span(own["wall_s"] - n / own["steady"], ".1f"),
            _span(each, ".1f"), _span(own["peak_mb"], ",.0f"),
        ])  # fmt: skip
    head = ["what", "workers", "recordings", "recordings/s", "start and end, s",
            "CPU ms a recording", "peak MB"]  # fmt: skip
    text = [
        f"*Recordings of {runs['signal_s'].sum() / runs['recordings'].sum():.1f} s on average at "
        f"48 kHz, WFDB of 16 bits; nEMGNet-{settings['version']} of width {settings['width']}; "
        f"partitions of {settings['partition']} recordings. {settings['device']}, "
        f"{settings['cores']} cores, seed {settings['seed']}, commit "
        f"{settings['commit'] or 'unknown'}. Recordings/s without start and end, which are what "
        "the wall time has beyond; the range where it was measured more than once.*\n",
        markdown(head, lines),
        _sentences(settings, runs, stages),
        markdown(["share of CPU time without the start", *_titles(stages)], _shares(stages)),
    ]
    return "\n".join(text)


def _span(values: pd.Series, form: str) -> str:
    """Write the median, and the range if there are several."""
    values = values.dropna()
    if not len(values):
        return ""
    middle = f"{values.median():{form}}"
    if len(values) < 2:
        return middle
    return f"{middle} [{values.min():{form}}, {values.max():{form}}]"


def _titles(stages: pd.DataFrame) -> list[str]:
    return [f"{row.archive}, {row.model}" for row in stages.itertuples()]


def _shares(stages: pd.DataFrame) -> list[list[str]]:
    names = [*dict.fromkeys(stage for *_, stage in STAGES), REST]
    lines = [[name, *(f"{share:.0%}" for share in stages[name] / stages["cpu_s"])]
             for name in names]  # fmt: skip
    each = stages["network"] / stages["windows"]
    lines.append(["network, ms a window", *(f"{1000 * one:.3f}" for one in each)])
    each = stages["cpu_s"] / stages["windows"]
    lines.append(["all, ms a window", *(f"{1000 * one:.3f}" for one in each)])
    return lines


def _sentences(settings: dict[str, Any], runs: pd.DataFrame, stages: pd.DataFrame) -> str:
    """Say what the figures mean, in the words of the issue they answer."""
    found = []
    own = runs[(runs["way"] == "sknemg") & (runs["model"] == "model")]
    part = own[own["archive"] == "few"]
    one, two = (part[part["n_jobs"] == n]["steady"].median() for n in (1, 2))
    apart = runs[runs["way"] == "apart"]["steady"].median()
    if not np.isnan([one, two, apart]).any():
        machine = settings["machine"]
        kernels = " and ".join(f"{machine[name]:.2f} times the {name}s" for name in KERNELS)
        found.append(
            f"Once started, two workers read {two / one:.2f} times as many recordings a second as "
            f"one. Two commands of one worker each, which share nothing but the machine, read "
            f"{apart / one:.2f} times as many: two workers reach {two / apart:.2f} of what the "
            f"machine lets two processes do. Two plain processes do {kernels} of one."
        )
    for n_jobs in own["n_jobs"].unique():
        each = own[own["n_jobs"] == n_jobs].groupby("archive").median(numeric_only=True)
        if "many" not in each.index:
            continue
        less, more = each.loc["few"], each.loc["many"]
        rate = more["recordings"] / more["wall_s"]
        found.append(
            f"With {n_jobs:.0f} worker{'s' if n_jobs > 1 else ''}, the memory for "
            f"{more['recordings']:,.0f} recordings is {more['peak_mb'] / less['peak_mb']:.3f} "
            f"times that for {less['recordings']:,.0f}. All of its wall time counted, it reads "
            f"{rate:.1f} recordings a second: a million of them would take "
            f"{MILLION / rate / 3600:.1f} hours and "
            f"{MILLION * more['cpu_s'] / more['recordings'] / 3600:.1f} hours of processor time "
            "(extrapolated, not run)."
        )
    rival = runs[runs["way"] == "rival"]
    same = stages[(stages["archive"] == "fewer") & (stages["model"] == "model")]
    if len(rival) and len(same):
        row, n = same.iloc[0], same["recordings"].iloc[0]
        alike = row[list(ALIKE)].sum()
        found.append(
            f"The loop takes {1000 * rival['cpu_s'].iloc[0] / n:.1f} ms of processor time a "
            f"recording; reading, resampling, cutting windows and the network take the library "
            f"{1000 * alike / n:.1f} ms, {alike / rival['cpu_s'].iloc[0]:.2f} times as much, and "
            f"all of it {1000 * row['cpu_s'] / n:.1f} ms: the loop neither looks at the recordings "
            "nor calibrates, says what would be without each, keeps results, or survives a broken "
            "file."
        )
    kinds = stages.set_index(["archive", "model"])["network"] / stages.set_index(
        ["archive", "model"])["windows"]  # fmt: skip
    for model in stages["model"].unique():
        if {("short", model), ("long", model)} <= {*kinds.index}:
            ratio = kinds["short", model] / kinds["long", model]
            found.append(
                f"A window of a short recording ({SHORT:g} s) costs the network {ratio:.2f} times "
                f"that of a long one ({LONG:g} s) ({model})."
            )
    return " ".join(found) + "\n"


# -- main --------------------------------------------------------------------------------------


def plan(args: argparse.Namespace) -> list[list[object]]:
    """List what is measured, in the order of the processes."""
    steps: list[list[object]] = [["machine"]]
    for turn in range(args.rounds):
        steps += [["command", "few", "model", n, turn] for n in args.jobs]
        steps += [["apart", "model", turn]] if 2 in args.jobs else []
    steps += [["command", "few", "model.onnx", 1, 0], ["rival", "fewer"]]
    steps += [["stages", name, "model"] for name in ("fewer", "short", "long")]
    steps += [["stages", "fewer", "model.onnx"]]
    return steps + [["command", "many", "model", n, 0] for n in args.many_jobs]


def measure(args: argparse.Namespace, folder: Path, step: list[object]) -> dict[str, object]:
    """Take one figure; that of a way through the library in a process of its own."""
    if step[0] == "machine":
        return measure_machine()
    if step[0] in ("command", "apart"):
        look = {"command": measure_command, "apart": measure_apart}[step[0]]
        return look(folder, *step[1:-1], args.partition, step[-1])
    own = ["--folder", folder, "--step", *step]
    command = [sys.executable, "-m", "benchmarks.archive", *map(str, own)]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=env)
    return json.loads(done.stdout.splitlines()[-1])


def keep_settings(args: argparse.Namespace, folder: Path) -> None:
    """Keep what the archive and the model of a folder are made by; refuse a folder of others."""
    now = {name: getattr(args, name) for name in MADE_BY}
    kept = folder / "settings.json"
    if not kept.exists():
        if (folder / "model.onnx").exists() or (folder / "measured").exists():
            raise SystemExit(f"--folder {folder} holds figures of unknown settings: give another.")
        folder.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(now, indent=1) + "\n")
    elif (then := json.loads(kept.read_text())) != now:
        raise SystemExit(
            f"--folder {folder} holds figures of {then}, not of {now}: give another folder, or the "
            "same settings."
        )


def in_folder(args: argparse.Namespace, folder: Path) -> None:
    """Measure everything that a folder does not hold yet."""
    keep_settings(args, folder)
    if not (folder / "model.onnx").exists():
        for left in ("once", "named", "short", "long", "model"):
            shutil.rmtree(folder / left, ignore_errors=True)
        write_archive(folder, args.patients, args.few, args.recordings, args.seed)
        train(folder, args.version, args.width, args.seed)
        print("The archive and the model are written.", flush=True)
    rows = []
    for step in plan(args):
        kept = folder / "measured" / f"{'-'.join(map(str, step))}.json"
        if not kept.exists():
            kept.parent.mkdir(exist_ok=True)
            kept.write_text(json.dumps(measure(args, folder, step), default=float))
        rows.append(json.loads(kept.read_text()))
        print({k: round(v, 2) if isinstance(v, float) else v for k, v in rows[-1].items()},
              flush=True)  # fmt: skip
    stages = pd.DataFrame([row for row in rows if row["way"] == "stages"])
    runs = pd.DataFrame([row for row in rows if row["way"] not in ("stages", "machine")])
    if args.out is None:
        return
    args.out.mkdir(parents=True, exist_ok=True)
    runs.to_csv(args.out / "runs.csv", index=False, float_format="%.4f")
    stages.to_csv(args.out / "stages.csv", index=False, float_format="%.4f")
    known = {name: value for name, value in vars(args).items() if name in SETTINGS}
    machine = next(row for row in rows if row["way"] == "machine")
    found = provenance()
    found["versions"] |= versions_of(("dask", "distributed", "onnxruntime", "pyarrow", "wfdb"))
    settings = known | {"simulated": True, "cores": os.cpu_count(), "machine": machine} | found
    (args.out / "settings.json").write_text(json.dumps(settings, indent=1) + "\n")
    print(tables(args.out))
    if args.out.resolve() == RESULTS:
        replace_section(PAGE, "archive", tables())


#: What archive and model are made by; a figure is kept by the number of its workers as well.
MADE_BY = ("recordings", "few", "patients", "version", "width", "partition", "seed")
SETTINGS = (*MADE_BY, "jobs", "many_jobs", "rounds")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=int, default=20_000, help="of the whole archive")
    parser.add_argument("--few", type=int, default=2_000, help="recordings of the part")
    parser.add_argument("--patients", type=int, default=30, help="that are simulated")
    parser.add_argument("--version", default="A", help="of nEMGNet")
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--jobs", type=int, nargs="*", default=[1, 2], help="workers")
    parser.add_argument(
        "--many-jobs", type=int, nargs="*", default=[2], help="workers on the whole archive"
    )
    parser.add_argument("--partition", type=int, default=64, help="recordings of a partition")
    parser.add_argument("--rounds", type=int, default=2, help="of one and two workers on the part")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="of the archive and of what is measured")
    parser.add_argument("--out", type=Path, help=f"folder for the result, such as {RESULTS.name}")
    parser.add_argument("--step", nargs="*", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if 1 not in args.jobs:
        parser.error(f"--jobs {args.jobs} has no 1, with which the loop is compared: add it.")
    if not {*args.many_jobs} <= {*args.jobs}:
        parser.error(
            f"--many-jobs {args.many_jobs} must be among --jobs {args.jobs}, which measure the "
            "part that the whole archive is compared with."
        )
    if args.step:
        way, *step = args.step
        measure_one = {"stages": measure_stages, "rival": measure_rival}[way]
        print(json.dumps(measure_one(args.folder, *step), default=float))
    elif args.folder is None:
        with tempfile.TemporaryDirectory() as folder:
            in_folder(args, Path(folder))
    else:
        in_folder(args, args.folder.resolve())


if __name__ == "__main__":
    main()
