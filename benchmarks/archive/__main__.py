r"""How fast an archive is diagnosed, in how much memory, and where the time goes.

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

Where a run is stopped, the same command with ``--folder`` goes on behind the last figure it took,
as long as the commit is the same: archive and model are kept, figures of another commit are taken
anew, and so are those of files that differ from their commit or belong to none. A run stops where
the commit is another one after a figure than before. ``--only`` takes a part of the figures and
puts them in the place of those that are kept; every figure says its commit, and none is compared
with one of another, so take all that a sentence compares. The command's speed and memory:

    OMP_NUM_THREADS=1 python -m benchmarks.archive --only machine "command-*" "apart-*" \
        --folder F --out benchmarks/results/archive
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd

from benchmarks.archive.command import measure_apart, measure_command
from benchmarks.archive.files import train, write_archive
from benchmarks.archive.machine import measure_machine
from benchmarks.archive.page import PAGE, RESULTS, tables
from benchmarks.archive.rival import measure_rival
from benchmarks.archive.stages import measure_stages
from benchmarks.machinery.reporting import replace_section
from sknemg.provenance import CHANGED, checkout_commit, provenance
from sknemg.versions import versions_of


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


def asked(args: argparse.Namespace) -> list[list[object]]:
    """List the steps of the plan that ``--only`` leaves."""
    steps = plan(args)
    if not args.only:
        return steps
    chosen = [step for step in steps if any(fnmatchcase(name_of(step), one) for one in args.only)]
    if not chosen:
        raise SystemExit(
            f"--only {' '.join(args.only)} names none of {', '.join(map(name_of, steps))}: "
            "give some of them, with * for what differs."
        )
    return chosen


def measure(
    args: argparse.Namespace, folder: Path, step: list[object], answers: Path
) -> dict[str, object]:
    """Take one figure; that of a way through the library in a process of its own."""
    if step[0] == "machine":
        return measure_machine()
    if step[0] in ("command", "apart"):
        look = {"command": measure_command, "apart": measure_apart}[step[0]]
        return look(folder, answers, *step[1:-1], args.partition, step[-1])
    own = ["--folder", folder, "--step", *step, *([answers] if step[0] == "rival" else [])]
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


def name_of(step: list[object]) -> str:
    """Name a step as ``--only`` names it."""
    return "-".join(map(str, step))


def commit_now() -> str:
    """Name the commit of all files that make the figures, the library's and the benchmark's."""
    return checkout_commit("benchmarks/archive") or UNKNOWN


def in_folder(args: argparse.Namespace, folder: Path) -> None:
    """Measure everything that a folder does not hold yet of this commit."""
    keep_settings(args, folder)
    if not (folder / "model.onnx").exists():
        for left in ("once", "named", "short", "long", "model"):
            shutil.rmtree(folder / left, ignore_errors=True)
        write_archive(folder, args.patients, args.few, args.recordings, args.seed)
        train(folder, args.version, args.width, args.seed)
        print("The archive and the model are written.", flush=True)
    commit = commit_now()
    measured, answers = folder / "measured" / commit, folder / "out" / commit
    if commit == UNKNOWN or commit.endswith(CHANGED):  # names many states of the files
        for left in (measured, answers):
            shutil.rmtree(left, ignore_errors=True)
    measured.mkdir(parents=True, exist_ok=True)
    rows = []
    for step in asked(args):
        kept = measured / f"{name_of(step)}.json"
        if not kept.exists():
            row = measure(args, folder, step, answers)
            if (now := commit_now()) != commit:
                raise SystemExit(
                    f"The checkout went from commit {commit} to {now} while {name_of(step)} was "
                    "measured, which is not kept: leave the checkout as it is, and run the same "
                    "again."
                )
            kept.write_text(json.dumps(row, default=float))
        rows.append({"step": name_of(step), "commit": commit, **json.loads(kept.read_text())})
        print({k: round(v, 2) if isinstance(v, float) else v for k, v in rows[-1].items()},
              flush=True)  # fmt: skip
    if args.out is None:
        return
    found = provenance() | {"commit": commit}
    found["versions"] |= versions_of(("dask", "distributed", "onnxruntime", "pyarrow", "wfdb"))
    known = {name: value for name, value in vars(args).items() if name in SETTINGS}
    settings = known | {"simulated": True, "cores": os.cpu_count()} | found
    keep_results(rows, settings, args.out, add=bool(args.only))
    print(tables(args.out))
    if args.out.resolve() == RESULTS:
        replace_section(PAGE, "archive", tables())


def keep_results(
    rows: list[dict[str, object]], settings: dict[str, object], out: Path, add: bool
) -> None:
    """Keep figures, alone or in the place of the same ones among those that are there."""
    out.mkdir(parents=True, exist_ok=True)
    if add and (out / "settings.json").exists():
        then = json.loads((out / "settings.json").read_text())
        if others := [name for name in SAME if then[name] != settings[name]]:
            raise SystemExit(
                f"--out {out} holds figures of other {', '.join(others)}: measure all of it again, "
                "without --only."
            )
        settings = then | {"rounds": max(then["rounds"], settings["rounds"])}
    for row in rows:
        if row["way"] == "machine":
            settings["machine"] = row
    for name in ("runs", "stages"):
        new = [row for row in rows if row["way"] != "machine"]
        new = [row for row in new if (row["way"] == "stages") == (name == "stages")]
        file = out / f"{name}.csv"
        if add and file.exists():
            table = pd.read_csv(file, dtype={"commit": str}).set_index("step")
            taken = pd.DataFrame(new).set_index("step") if new else table[:0]
            order = [*table.index, *taken.index.difference(table.index, sort=False)]
            table = pd.concat([table.drop(taken.index, errors="ignore"), taken]).loc[order]
            table = table.reset_index()
        else:
            table = pd.DataFrame(new)
        table.to_csv(file, index=False, float_format="%.4f")
    (out / "settings.json").write_text(json.dumps(settings, indent=1) + "\n")


UNKNOWN = "unknown"  # what stands for the commit where there is none
#: What archive and model are made by; a figure is kept by the number of its workers as well.
MADE_BY = ("recordings", "few", "patients", "version", "width", "partition", "seed")
SETTINGS = (*MADE_BY, "jobs", "many_jobs", "rounds")
#: What figures of one table must have in common beside the commit, which each of them says.
SAME = (*MADE_BY, "cores", "device", "versions")


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the options."""
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
    parser.add_argument(
        "--only",
        nargs="+",
        help="figures to take, such as machine 'command-*' 'apart-*'; others are kept",
    )
    parser.add_argument("--step", nargs="*", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if 1 not in args.jobs:
        parser.error(f"--jobs {args.jobs} has no 1, with which the loop is compared: add it.")
    if not {*args.many_jobs} <= {*args.jobs}:
        parser.error(
            f"--many-jobs {args.many_jobs} must be among --jobs {args.jobs}, which measure the "
            "part that the whole archive is compared with."
        )
    if args.only and args.out and not (args.out / "settings.json").exists():
        parser.error(
            f"--only adds to the figures in --out {args.out}, which holds none: leave --only out, "
            "or --out."
        )
    return args


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
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
