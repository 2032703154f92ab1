"""Simulate the patients of another version of the simulator, who calibrate the shipped models.

Their physics are those of an older commit, whose package has to lie in a folder::

    mkdir older && git archive add0767 sknemg | tar -x -C older
    python -m benchmarks.pretrain_others --package older --store OTHER
    python -m benchmarks.pretrain --other OTHER --other-simulator add0767 ...

The cohorts are `OTHERS`, who calibrate, and `FRESH`, who test, of `benchmarks.pretrain_patients`.
What is in the store is not made again. Only the simulation is that of the older package: the
present code brings the recordings into the common band and measures their motor units.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.machinery import kept_cohort
from benchmarks.pretrain_patients import COHORTS, FRESH, OTHERS, fill

#: Blocks of the other simulator: those that calibrate and those that test.
BLOCKS = tuple((kind, number) for own in (OTHERS, FRESH) for kind in own for number in own[kind])


def simulate(package: Path, store: Path, kind: str, number: int, jobs: int = 1) -> Path:
    """Let the package in a folder simulate a block, if the store has none; give its file.

    Raises
    ------
    FileNotFoundError
        If the folder holds no package ``sknemg``.
    subprocess.CalledProcessError
        If the package failed, or another one was imported.
    """
    if not (package / "sknemg" / "__init__.py").exists():
        raise FileNotFoundError(
            f"{package} holds no sknemg: unpack that of the older commit there, by "
            f"`git archive COMMIT sknemg | tar -x -C {package}`."
        )
    own = COHORTS[kind]
    file = store / f"{kind}-{own.seed + number}.npz"
    if file.exists():
        return file
    cohort = {"n_subjects": own.n_subjects, "confound": False, "random_state": own.seed + number}
    path = [str(package.resolve()), os.environ.get("PYTHONPATH", "")]
    subprocess.run(
        [sys.executable, str(Path(kept_cohort.__file__).resolve()), "--package", str(package),
         "--cohort", json.dumps(cohort | own.dials), "--jobs", str(jobs), "--file", str(file)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, path)), "PYTHONSAFEPATH": "1"},
        check=True,
    )  # fmt: skip
    return file


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--package", type=Path, required=True, help="folder of the older sknemg")
    parser.add_argument("--store", type=Path, required=True, help="where its patients are kept")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    args = parser.parse_args()
    args.store.mkdir(parents=True, exist_ok=True)
    at_once = min(len(BLOCKS), args.jobs)
    with ThreadPoolExecutor(at_once) as pool:
        made = [
            pool.submit(simulate, args.package, args.store, *own, args.jobs // at_once)
            for own in BLOCKS
        ]
    for one in made:
        one.result()
    fill(args.store, [(kind, number, False) for kind, number in BLOCKS], args.jobs)


if __name__ == "__main__":
    main()
