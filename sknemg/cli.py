"""The command line: ``python -m sknemg demo`` and ``python -m sknemg compare``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sknemg.pages import RESEARCH_ONLY


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, default=None
        By default the arguments of the process.

    Returns
    -------
    int
        Exit status: 2 if the input is wrong, with the reason on the error stream; 130 after a
        stop by the user.
    """
    args = _parser().parse_args(argv)
    try:
        args.run(args)
    except (ValueError, FileNotFoundError, ImportError) as error:
        print(f"sknemg: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("sknemg: stopped; the same command goes on where it stood.", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sknemg", description=RESEARCH_ONLY)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    job = "cross-validate the diagnosis of a cohort by nEMGNet and DiVote, beside a plain baseline"

    demo = commands.add_parser("demo", help=f"{job}; on simulated patients")
    demo.add_argument("--subjects", type=int, default=57, help="number of simulated subjects")
    _add_common(demo, out="demo")
    demo.set_defaults(run=_demo)

    compare = commands.add_parser("compare", help=f"{job}; on a folder of yours")
    compare.add_argument("--cohort", required=True, type=Path, help="folder, see the guide")
    compare.add_argument("--unit", help="unit of files that name none: mV, uV, V")
    compare.add_argument(
        "--file-sfreq", type=float, help="rate of files that do not say theirs, Hz"
    )
    compare.add_argument("--sfreq", type=float, default=10_000, help="rate to bring them to, Hz")
    compare.add_argument(
        "--short", choices=["raise", "drop", "pad"], default="raise",
        help="what becomes of recordings shorter than a window",
    )  # fmt: skip
    _add_common(compare, out="comparison")
    compare.set_defaults(run=_compare)
    return parser


def _add_common(parser: argparse.ArgumentParser, out: str) -> None:
    parser.add_argument("--profile", choices=["smoke", "cpu", "gpu"], default="cpu")
    parser.add_argument(
        "--protocol", choices=["published", "readers", "nested"], default="nested",
        help="how subjects are split and weights chosen; only 'nested' and 'readers' are honest",
    )  # fmt: skip
    parser.add_argument("--folds", type=_at_least(2), help="instead of the protocol's number")
    parser.add_argument("--repeats", type=_at_least(1), help="instead of the protocol's number")
    parser.add_argument(
        "--out-of-fold", type=_at_least(2), metavar="K",
        help="train the final classifier on out-of-fold votes of K inner folds (K times as long)",
    )  # fmt: skip
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="fits at once")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(out), help="folder for the results")


def _at_least(least: int) -> Callable[[str], int]:
    """Read a whole number, not smaller than this."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} on")
        return int(text)

    return read


def _demo(args: argparse.Namespace) -> None:
    from sknemg.simulate import make_cohort

    folds = _protocol(args).n_splits
    if args.subjects < 3 * folds:
        raise ValueError(
            f"{args.subjects} subjects do not put each of three diagnoses into {folds} folds: "
            f"give --subjects {3 * folds} or more, or fewer --folds."
        )
    print(f"Simulating {args.subjects} subjects: motor units, muscle fibres, needle, amplifier.")
    X, y = make_cohort(
        args.subjects, sfreq=10_000, n_jobs=args.jobs, progress=True, random_state=args.seed
    )
    _run(args, X, y, "simulated patients (no real person)", {})


def _compare(args: argparse.Namespace) -> None:
    from sknemg.datasets import load_cohort

    X, y = load_cohort(args.cohort, unit=args.unit, sfreq=args.file_sfreq)
    _run(args, X, y, args.cohort.resolve().name, {"sfreq": args.sfreq, "short": args.short})


def _protocol(args: argparse.Namespace) -> Any:
    from sknemg.evaluation import PROTOCOLS

    protocol = PROTOCOLS[args.protocol]
    if args.folds:
        protocol = replace(protocol, n_splits=args.folds)
    if args.repeats:
        protocol = replace(protocol, n_repeats=args.repeats)
    return protocol


def _run(args: argparse.Namespace, X: Any, y: Any, cohort: str, steps: dict[str, Any]) -> None:
    from sknemg.evaluation import evaluate
    from sknemg.evaluation.comparison import compared_methods, confounds, scores_of, short_table
    from sknemg.evaluation.report import write_report

    start = time.perf_counter()
    print(X)
    methods = compared_methods(args.profile, cv=args.out_of_fold, **steps)
    protocol = _protocol(args)
    result = evaluate(
        methods,
        X,
        y,
        protocol=protocol,
        random_state=args.seed,
        n_jobs=args.jobs,
        cache=args.out / "cells",
        progress=True,
    )
    scores = scores_of(result)
    table = short_table(scores)
    result.save(args.out)
    scores.to_csv(args.out / "scores.csv", index=False, float_format="%.6g")
    files = write_report(
        args.out, result, scores, confounds(X, y), X, title=f"Comparison on {cohort}"
    )
    print(f"\nBy subject, {protocol.n_splits} folds; 95 % intervals over subjects.\n")
    print(table.to_string())
    print(f"\n{time.perf_counter() - start:.0f} s. Saved: {', '.join(map(str, files))}")
    print(RESEARCH_ONLY)


if __name__ == "__main__":
    sys.exit(main())
