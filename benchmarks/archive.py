"""How fast an archive is diagnosed, in how much memory, and where the time goes.

Simulated patients are written once as WFDB records of 16 bits at 48 kHz, a third of their
recordings cut short, and repeated under other names (hard links) to an archive of as many
recordings as are asked for: the files lie in the page cache, so a slow disk is not part of these
figures. A small nEMGNet is trained briefly and exported; its answers mean little, its times
are those of any network of its size. Then, each in a process of its own,

- ``command``: `sknemg diagnose --archive` on parts of the archive, with one and two workers, and
  on all of it: recordings a second, processor time, and the largest memory of all processes;
- ``stages``: the same within one process, in which the processor's time of each stage is taken, on
  the part, and on as many windows of short and of long recordings alone;
- ``rival``: a plain loop of wfdb, scipy and torch over the part, without the looks at each
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
    for name, n in (("start", max(1, few // 10)), ("few", few), ("many", many)):
        table.iloc[:n].to_parquet(folder / f"{name}.parquet")


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


def measure_command(folder: Path, name: str, model: str, n_jobs: int) -> dict[str, object]:
    """Diagnose an archive by the command line, and look at its processes from outside."""
    out = folder / "out" / f"{name}-{model}-{n_jobs}"
    shutil.rmtree(out, ignore_errors=True)  # what a stopped measurement left behind
    command = ["diagnose", "--model", folder / model, "--archive", folder / f"{name}.parquet"]
    command += ["--out", out, "--jobs", n_jobs]
    before, start = _children_cpu(), time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "sknemg", *map(str, command)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        text=True,
    ) as process:
        errors: list[str] = []
        reader = threading.Thread(target=lambda: errors.append(process.stderr.read()))
        reader.start()
        peak = _largest_memory(process)
        reader.join()
    seconds = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError(f"{command} failed: {errors[0][-2000:]}")
    table = pd.read_parquet(folder / f"{name}.parquet")
    from sknemg.archive import read_archive

    found = read_archive(out)
    assert len(found.recordings) == len(table) and not found.n_missing
    assert not (found.recordings["error"] != "").any()
    return {
        "way": "sknemg", "archive": name, "model": model, "n_jobs": n_jobs,
        "recordings": len(table), "signal_s": table["seconds"].sum(), "wall_s": seconds,
        "cpu_s": _children_cpu() - before, "peak_mb": peak / 1e6,
    }  # fmt: skip


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _largest_memory(process: subprocess.Popen) -> int:
    """Watch a process and all below it to their end; shared pages count once (PSS, by Linux)."""
    import psutil

    top, most = psutil.Process(process.pid), 0
    while process.poll() is None:
        total = 0
        with _gone():
            for one in (top, *top.children(recursive=True)):
                with _gone():
                    total += one.memory_full_info().pss
        most = max(most, total)
        time.sleep(0.25)
    return most


@contextmanager
def _gone():
    """Let a process end while it is looked at."""
    import psutil

    with suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        yield


# -- stages ------------------------------------------------------------------------------------

#: Which functions are a stage: their modules, their names, and what the stage is called. What one
#: calls that is a stage itself is counted there alone.
STAGES = (
    ("sknemg.archive.partition", "_read_subject", "reading"),
    ("sknemg.diagnosis.examining", "resample", "resampling"),
    ("sknemg.preprocessing.steps", "bring_to_rate", "resampling"),
    ("sknemg.preprocessing.steps", "cut_windows", "cutting windows"),
    ("sknemg.diagnosis.examining:Examiner", "examine", "plausibility"),
    ("sknemg.divote.divote", "score_together", "network"),
    ("sknemg.diagnosis.answers:Answering", "diagnose", "votes"),
    ("sknemg.archive.partition", "recording_rows", "rows of results"),
    ("sknemg.archive.partition", "subject_row", "rows of results"),
    ("sknemg.archive.cluster", "write_partition", "writing"),
)
REST = "Dask and the rest"


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
    """Diagnose an archive in this process, and take the time of each stage."""
    from sknemg.archive import diagnose_archive

    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as once:  # what is loaded and made once, in the other run
        first = pd.read_parquet(folder / f"{name}.parquet")
        first = first[first["subject"] == first["subject"].iloc[0]]
        first.to_parquet(Path(once) / "first.parquet")
        _diagnose(folder, Path(once) / "first.parquet", model, Path(once) / "out")
        with watch.watching():
            start = time.process_time()
            diagnose_archive(
                folder / model, folder / f"{name}.parquet", Path(once) / "all", folder=folder
            )
            total = time.process_time() - start
    table = pd.read_parquet(folder / f"{name}.parquet")
    about = {"way": "stages", "archive": name, "model": model, "recordings": len(table)}
    stages = dict(watch.seconds)
    own = {stage: stages.get(stage, 0.0) for stage in dict.fromkeys(stage for *_, stage in STAGES)}
    about |= {"windows": watch.n_windows, "cpu_s": total, REST: total - sum(stages.values())}
    return about | own


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
    kept = folder / "out" / f"{name}-model-1"
    if kept.exists():  # that it does the same work
        from sknemg.archive import read_archive

        ours = read_archive(kept).recordings
        ours = ours[ours["used"]]
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
    for row in runs.itertuples():
        who = "wfdb, scipy, torch in a loop" if row.way == "rival" else f"{row.model}"
        memory = "" if np.isnan(row.peak_mb) else f"{row.peak_mb:,.0f}"
        lines.append([
            who, f"{row.n_jobs:.0f}", f"{row.recordings:,}", f"{row.recordings / row.wall_s:.1f}",
            f"{1000 * row.cpu_s / row.recordings:.1f}", memory,
        ])  # fmt: skip
    head = ["model", "workers", "recordings", "recordings/s", "CPU ms a recording", "peak MB"]
    text = [
        f"*Recordings of {runs['signal_s'].sum() / runs['recordings'].sum():.1f} s on average at "
        f"48 kHz, WFDB of 16 bits; nEMGNet-{settings['version']} of width {settings['width']}. "
        f"{settings['device']}, {settings['cores']} cores, seed {settings['seed']}, commit "
        f"{settings['commit'] or 'unknown'}.*\n",
        markdown(head, lines),
        *_sentences(runs, stages),
        markdown(["share of CPU time", *_titles(stages)], _shares(stages)),
    ]
    return "\n".join(text)


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


def _sentences(runs: pd.DataFrame, stages: pd.DataFrame) -> list[str]:
    """Say what the figures mean, in the words of the issue they answer."""
    found = []
    own = runs[(runs["way"] == "sknemg") & (runs["model"] == "model")]
    speed = {}
    for n_jobs in own["n_jobs"].unique():
        each = own[own["n_jobs"] == n_jobs].set_index("archive")
        speed[n_jobs] = _beyond_start(each.loc["start"], each.loc["few"])
    if {1, 2} <= {*speed}:
        found.append(
            f"Beyond the start, one worker reads {speed[1]:.1f} recordings a second and two "
            f"{speed[2]:.1f}, {speed[2] / speed[1]:.2f} times as many."
        )
    for n_jobs in own["n_jobs"].unique():
        each = own[own["n_jobs"] == n_jobs].set_index("archive")
        if "many" not in each.index:
            continue
        less, more = each.loc["few"], each.loc["many"]
        rate = _beyond_start(less, more)
        found.append(
            f"With {n_jobs:.0f} worker{'s' if n_jobs > 1 else ''}, the memory for "
            f"{more['recordings']:,} recordings is {more['peak_mb'] / less['peak_mb']:.3f} "
            f"times that for {less['recordings']:,}, and between the two {rate:.1f} recordings are "
            f"read a second: a million of them would take {MILLION / rate / 3600:.1f} hours "
            "(extrapolated, not run)."
        )
    rival = runs[runs["way"] == "rival"]
    if len(rival):
        ours = own[(own["n_jobs"] == 1) & (own["archive"] == rival["archive"].iloc[0])].iloc[0]
        ratio = ours["cpu_s"] / rival["cpu_s"].iloc[0]
        found.append(
            f"The command takes {ratio:.2f} times the processor's time of the loop, which neither "
            "looks at the recordings nor calibrates, says what would be without each, keeps "
            "results, or survives a broken file."
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
    return [" ".join(found) + "\n"]


def _beyond_start(less: pd.Series, more: pd.Series) -> float:
    """Give the recordings a second, without the time in which nothing is read yet."""
    n = more["recordings"] - less["recordings"]
    return float(n / (more["wall_s"] - less["wall_s"]))


# -- main --------------------------------------------------------------------------------------


def plan(args: argparse.Namespace) -> list[list[object]]:
    """List what is measured, in the order of the processes."""
    steps: list[list[object]] = [
        ["command", name, "model", n] for name in ("start", "few") for n in args.jobs
    ]
    steps += [["command", "few", "model.onnx", 1], ["rival", "few"]]
    steps += [["stages", name, "model"] for name in ("few", "short", "long")]
    steps += [["stages", "few", "model.onnx"]]
    return steps + [["command", "many", "model", n] for n in args.many_jobs]


def measure(args: argparse.Namespace, folder: Path, step: list[object]) -> dict[str, object]:
    """Take one figure; that of a way through the library in a process of its own."""
    if step[0] == "command":
        return measure_command(folder, *step[1:])
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
    runs = pd.DataFrame([row for row in rows if row["way"] != "stages"])
    if args.out is None:
        return
    args.out.mkdir(parents=True, exist_ok=True)
    runs.to_csv(args.out / "runs.csv", index=False, float_format="%.4f")
    stages.to_csv(args.out / "stages.csv", index=False, float_format="%.4f")
    known = {name: value for name, value in vars(args).items() if name in SETTINGS}
    found = provenance()
    found["versions"] |= versions_of(("dask", "distributed", "onnxruntime", "pyarrow", "wfdb"))
    settings = known | {"simulated": True, "cores": os.cpu_count()} | found
    (args.out / "settings.json").write_text(json.dumps(settings, indent=1) + "\n")
    print(tables(args.out))
    if args.out.resolve() == RESULTS:
        replace_section(PAGE, "archive", tables())


#: What archive and model are made by; a figure is kept by the number of its workers as well.
MADE_BY = ("recordings", "few", "patients", "version", "width", "seed")
SETTINGS = (*MADE_BY, "jobs", "many_jobs")


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
