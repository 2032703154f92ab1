"""Simulate the patients of another version of the simulator, who calibrate the shipped models.

Their physics are those of an older commit, whose package has to lie in a folder::

    mkdir older && git archive add0767 sknemg | tar -x -C older
    python -m benchmarks.pretrain.others --package older --commit add0767 --store OTHER
    python -m benchmarks.pretrain --other OTHER ...

The cohorts are `OTHERS`, who calibrate, and `FRESH`, who test, of `benchmarks.pretrain.patients`;
``--blocks strong:0`` makes the one that `benchmarks.pretrain.pattern` asks for in their place.
What is in the store is not made again, and refused if it is of other code than the package's. Only
the simulation is that of the older package: the present code brings the recordings into the common
band and measures their motor units. Files carry the hash of the package's code and its commit,
which is compared with the package where the history of the checkout holds it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.machinery import kept_cohort
from benchmarks.pretrain.patients import (
    COHORTS,
    FRESH,
    OTHERS,
    SIMULATES,
    Simulator,
    fill,
    mark_of,
)
from sknemg.versions import code_in, package_code

#: Blocks of the other simulator: those that calibrate and those that test.
BLOCKS = tuple((kind, number) for own in (OTHERS, FRESH) for kind in own for number in own[kind])
#: Of this checkout.
ROOT = Path(__file__).parents[2]


def simulator_in(package: Path, commit: str) -> Simulator:
    """Say which simulator the package in a folder holds, and hold it against its commit.

    Raises
    ------
    FileNotFoundError
        If the folder holds no package ``sknemg``.
    ValueError
        If its code is that of the present simulator, or other than that of the commit. A commit
        that the history of this checkout does not hold is believed.
    """
    if not (package / "sknemg" / "__init__.py").exists():
        raise FileNotFoundError(
            f"{package} holds no sknemg: unpack that of the older commit there, by "
            f"`git archive {commit} sknemg | tar -x -C {package}`."
        )
    code = code_in(package / "sknemg", *SIMULATES)
    if code == package_code(*SIMULATES):
        raise ValueError(
            f"{package} holds the present simulator: unpack that of an older commit there."
        )
    known = code_at(commit)
    if known is None:
        print(f"{package} could not be held against {commit}, which is not in this history.")
    elif known != code:
        raise ValueError(
            f"{package} does not hold the simulator of {commit}: empty the folder, and unpack it "
            f"there by `git archive {commit} sknemg | tar -x -C {package}`."
        )
    return Simulator(code, commit)


def code_at(commit: str) -> str | None:
    """Hash the simulator of a commit, if the history of this checkout holds it."""
    parts = [f"sknemg/{name}" for name in SIMULATES]
    run = subprocess.run(["git", "archive", commit, *parts], cwd=ROOT, capture_output=True)
    if run.returncode:
        return None
    with TemporaryDirectory() as folder, tarfile.open(fileobj=BytesIO(run.stdout)) as archive:
        archive.extractall(folder, filter="data")
        return code_in(Path(folder) / "sknemg", *SIMULATES)


def simulate(
    package: Path, made_by: Simulator, store: Path, kind: str, number: int, jobs: int = 1
) -> Path:
    """Let the package in a folder simulate a block, if the store has none; give its file.

    Raises
    ------
    ValueError
        If the store has the block of another simulator.
    subprocess.CalledProcessError
        If the package failed, or another one was imported.
    """
    own = COHORTS[kind]
    file = store / f"{kind}-{own.seed + number}.npz"
    if file.exists():
        mark = mark_of(file)
        found = "unknown" if mark is None else mark.code
        if found != made_by.code:
            raise ValueError(
                f"{file} was not made by the simulator in {package} (commit {made_by.commit}, code "
                f"{made_by.code[:12]}), but by code {found[:12]}, and a store belongs to one "
                "simulator: give an empty folder as the store."
            )
        return file
    cohort = {"n_subjects": own.n_subjects, "confound": False, "random_state": own.seed + number}
    most = [] if own.most is None else ["--most", str(own.most)]
    path = [str(package.resolve()), os.environ.get("PYTHONPATH", "")]
    subprocess.run(
        [sys.executable, str(Path(kept_cohort.__file__).resolve()), "--package", str(package),
         "--cohort", json.dumps(cohort | own.dials), *most, "--code", made_by.code,
         "--commit", made_by.commit, "--jobs", str(jobs), "--file", str(file)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, path)), "PYTHONSAFEPATH": "1"},
        check=True,
    )  # fmt: skip
    return file


def _block(text: str) -> tuple[str, int]:
    """Read a block as the command line names it."""
    kind, _, number = text.partition(":")
    if kind not in COHORTS or not number.isdigit():
        raise argparse.ArgumentTypeError(
            f"{text!r} is no block: give KIND:NUMBER, with a kind of {', '.join(COHORTS)}."
        )
    return kind, int(number)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--package", type=Path, required=True, help="folder of the older sknemg")
    parser.add_argument("--commit", required=True, help="of the older sknemg")
    parser.add_argument("--store", type=Path, required=True, help="where its patients are kept")
    parser.add_argument("--blocks", nargs="+", type=_block, default=BLOCKS, metavar="KIND:NUMBER")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    args = parser.parse_args()
    made_by = simulator_in(args.package, args.commit)
    args.store.mkdir(parents=True, exist_ok=True)
    at_once = min(len(args.blocks), args.jobs)
    with ThreadPoolExecutor(at_once) as pool:
        made = [
            pool.submit(simulate, args.package, made_by, args.store, *own, args.jobs // at_once)
            for own in args.blocks
        ]
    for one in made:
        one.result()
    fill(args.store, [(kind, number, False) for kind, number in args.blocks], args.jobs, other=True)


if __name__ == "__main__":
    main()
