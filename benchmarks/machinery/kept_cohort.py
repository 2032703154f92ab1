"""Simulate a cohort by whatever version of sknemg is on the path, and keep it in a file.

`benchmarks.pretrain.others` runs this file in a process of its own, where an older ``sknemg`` is
imported: nothing else of this repository can be used here.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np


def arrays_of(X: Any, y: Any) -> dict[str, np.ndarray]:
    """Give recordings, their columns and diagnoses as plain arrays, by name."""
    meta = {
        f"meta_{name}": column.to_numpy(dtype=None if column.dtype.kind in "fiub" else str)
        for name, column in X.meta.items()
    }
    values = X.values.astype(np.float32)
    return {"values": values, "offsets": X.offsets, "y": np.asarray(y).astype(str)} | meta


def marked(code: str, commit: str) -> dict[str, np.ndarray]:
    """Give what a file says of the simulator that made it: the hash of its code, and its commit."""
    return {"simulator_code": np.array(code), "simulator_commit": np.array(commit)}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--package", type=Path, required=True, help="the folder that holds sknemg")
    parser.add_argument("--cohort", type=json.loads, required=True, help="of make_cohort, as JSON")
    parser.add_argument("--most", type=int, help="recordings of a subject that are kept")
    parser.add_argument("--code", required=True, help="hash of the code that simulates")
    parser.add_argument("--commit", required=True, help="of the package")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--file", type=Path, required=True)
    args = parser.parse_args()
    import sknemg
    from sknemg.simulate import make_cohort

    found = Path(sknemg.__file__).parents[1].resolve()
    if found != args.package.resolve():
        raise SystemExit(f"sknemg of {found} was imported, not that of {args.package}.")
    start = time.perf_counter()
    X, y = make_cohort(n_jobs=args.jobs, **args.cohort)
    if args.most is not None:
        kept = np.flatnonzero(X.meta.groupby("subject").cumcount() < args.most)
        X, y = X[kept], np.asarray(y)[kept]
    part = args.file.with_suffix(".part.npz")
    np.savez(part, **arrays_of(X, y), **marked(args.code, args.commit))
    part.replace(args.file)
    print(f"{args.file.name}: {len(X)} recordings, {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
