"""What each ingredient of the tuned recipe is worth, alone and left out, by subject.

Run ``python -m benchmarks.recipe``; a stopped run goes on. Every setting sees the same folds of
the same subjects, and as many seconds of signal. Simulated
patients with recordings as short as the published ones, others with recordings of 10 s, and ten
subjects of N2001 if ``SKNEMG_DATA`` names the folder that holds them. A subject's answer is the
mean of the scores of its recordings, a recording's the mean of its segments.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.recipe.page import FOLDER, tables
from benchmarks.recipe.settings import COHORTS, SIZES, settings
from benchmarks.recipe.study import run


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", choices=list(SIZES), default="cpu")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cohorts", nargs="+", choices=list(COHORTS), default=list(COHORTS))
    parser.add_argument(
        "--settings", nargs="+", choices=list(settings()), default=list(settings()),
        metavar="NAME", help="of those in the table (default: all)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir()) / "sknemg-benchmarks",
        help="folder of finished trainings, from which a stopped run goes on",
    )  # fmt: skip
    args = parser.parse_args()
    run(SIZES[args.size], args.seeds, args.cohorts, args.settings, args.cache, args.out)
    print(tables(args.out))


if __name__ == "__main__":
    main()
