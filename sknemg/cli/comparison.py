"""Compare methods on simulated patients or on recordings: ``sknemg demo``, ``compare``."""

from __future__ import annotations

import argparse
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sknemg.cli.advice import Refusal, Words, option, speaking
from sknemg.cli.bids import COHORT
from sknemg.cli.entries import at_least, split_names
from sknemg.cli.methods import add_profile, add_steps, add_subject_features, chosen_methods
from sknemg.cli.reading import add_reading, check_cohort, read_cohort
from sknemg.cli.results import prepare_out, readable
from sknemg.pages import RESEARCH_ONLY

#: What the parameters of the simulation are called here.
SIMULATING: Mapping[str, Words] = {
    "n_subjects": option("--subjects"),
    "random_state": option("--seed"),
    "n_jobs": option("--jobs"),
}
_JOB = "cross-validate the diagnosis by nEMGNet and DiVote, beside plain baselines,"


def add_demo(commands: Any) -> None:
    """Add ``sknemg demo``.

    Parameters
    ----------
    commands : subparsers of the command line
    """
    demo = commands.add_parser(
        "demo", help=f"{_JOB} on simulated patients",
        description="Simulate patients and compare methods of diagnosing them, cross-validated by "
        "subject: a page, a picture, and every prediction as CSV. Some minutes on two cores.",
    )  # fmt: skip
    demo.add_argument(
        "--subjects", type=at_least(3), default=57, metavar="N",
        help="number of simulated subjects (default: 57)",
    )  # fmt: skip
    _add_common(demo, out="demo")
    demo.set_defaults(run=_demo, resumes=True)


def add_compare(commands: Any) -> None:
    """Add ``sknemg compare``.

    Parameters
    ----------
    commands : subparsers of the command line
    """
    compare = commands.add_parser(
        "compare", help=f"{_JOB} on your own recordings",
        description="Compare methods of diagnosis on a cohort, cross-validated by subject: a page, "
        "a picture, and every prediction as CSV.",
    )  # fmt: skip
    compare.add_argument("--cohort", required=True, type=Path, metavar="FOLDER", help=COHORT)
    add_reading(compare)
    _add_common(compare, out="comparison")
    compare.set_defaults(run=_compare, resumes=True)


def _add_common(parser: argparse.ArgumentParser, out: str) -> None:
    add_steps(parser)
    models = parser.add_argument_group("models and evaluation")
    models.add_argument(
        "--methods", type=split_names, metavar="NAMES",
        help="what is compared, separated by commas: network, features (with LDA), forest, "
        "motor-units, minirocket, multirocket-hydra, shallow-fbcsp, eegnex (the last four need "
        "sknemg[rivals]); names joined by + vote together, as in network+motor-units (default: "
        "network,features,motor-units, the last only where there are motor units to be found)",
    )  # fmt: skip
    add_profile(models)
    add_subject_features(models)
    models.add_argument(
        "--out-of-fold", type=at_least(2), metavar="K",
        help="train the final classifier on out-of-fold votes of K inner folds, which takes K "
        "times as long (default: on votes for its own training subjects, as published)",
    )  # fmt: skip
    models.add_argument(
        "--protocol", choices=["published", "readers", "nested"], default="nested",
        help="how subjects are split and a network's weights chosen; 'published' chooses them on "
        "the test fold, which leaks (default: nested)",
    )  # fmt: skip
    models.add_argument(
        "--folds", type=at_least(2), metavar="N",
        help="folds of subjects (default: the protocol's number)",
    )  # fmt: skip
    models.add_argument(
        "--repeats", type=at_least(1), metavar="N",
        help="how often all folds are run (default: the protocol's number)",
    )  # fmt: skip
    models.add_argument(
        "--seed", type=at_least(0), default=0, metavar="N",
        help="of everything random (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--jobs", type=at_least(1), default=os.cpu_count() or 1, metavar="N",
        help="fits that run at once (default: one per core)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=Path(out), metavar="FOLDER",
        help=f"folder for the results (default: {out})",
    )  # fmt: skip


def _demo(args: argparse.Namespace) -> None:
    folds = _protocol(args).n_splits
    if args.subjects < 3 * folds:
        raise Refusal(
            f"{args.subjects} subjects do not put each of three diagnoses into {folds} folds: "
            f"give --subjects {3 * folds} or more, or fewer --folds."
        )
    prepare_out(args.out)
    _check_methods(args)
    from sknemg.simulate import make_cohort

    print(f"Simulating {args.subjects} subjects: motor units, muscle fibres, needle, amplifier.")
    with speaking(SIMULATING):
        X, y = make_cohort(
            args.subjects, sfreq=10_000, n_jobs=args.jobs, progress=True, random_state=args.seed
        )
    _run(args, X, y, "simulated patients (no real person)")


def _compare(args: argparse.Namespace) -> None:
    check_cohort(args.cohort)
    prepare_out(args.out)
    _check_methods(args)
    X, y = read_cohort(args)
    _run(args, X, y, readable(args.cohort.resolve().name or args.cohort.resolve()))


def _check_methods(args: argparse.Namespace) -> None:
    """Refuse methods that are unknown or not installed before recordings are made or read."""
    if args.methods is not None:
        chosen_methods(args, methods=args.methods, cv=args.out_of_fold)


def _protocol(args: argparse.Namespace) -> Any:
    from sknemg.evaluation import PROTOCOLS

    protocol = PROTOCOLS[args.protocol]
    if args.folds:
        protocol = replace(protocol, n_splits=args.folds)
    if args.repeats:
        protocol = replace(protocol, n_repeats=args.repeats)
    return protocol


def _check_inner_folds(y: Any, subjects: Any, folds: int, inner: int | None) -> None:
    """Refuse more inner folds than training folds have subjects; each takes minutes to reach."""
    if inner is None:
        return
    import pandas as pd

    counts = pd.Series(y).groupby(subjects).first().value_counts()
    left = int((counts - -(-counts // folds)).max())
    if left < inner:
        raise Refusal(
            f"--out-of-fold {inner} is more than any class has subjects in a training fold "
            f"({left}): give a smaller number, or more --folds."
        )


def _run(args: argparse.Namespace, X: Any, y: Any, cohort: str) -> None:
    from sknemg.evaluation._check import FirstSteps, check_data
    from sknemg.evaluation._evaluate import check_first, evaluate_checked
    from sknemg.evaluation.comparison import scores_of, short_table
    from sknemg.evaluation.confounding import confounds
    from sknemg.evaluation.gains import gains_of, short_gains
    from sknemg.evaluation.methods import fitting_methods
    from sknemg.evaluation.report import write_report

    start = time.perf_counter()
    print(X)
    protocol = _protocol(args)
    _check_inner_folds(y, X["subject"].to_numpy(), protocol.n_splits, args.out_of_fold)
    first_steps = FirstSteps(check_data(X, y))
    names = args.methods
    if names is None:  # whatever cannot be used is refused before the search, which takes minutes
        segments = chosen_methods(args, methods=["features"], cv=args.out_of_fold)
        check_first(segments, first_steps, protocol=protocol, random_state=args.seed)
        names = fitting_methods(X, y, args.jobs)
        if "motor-units" not in names:
            print("Hardly any motor units are found: they are left out (--methods motor-units).")
    methods = chosen_methods(args, methods=names, cv=args.out_of_fold)
    result = evaluate_checked(
        methods,
        first_steps,
        protocol=protocol,
        nuisance=True,
        random_state=args.seed,
        n_jobs=args.jobs,
        cache=args.out / "cells",
        progress=True,
    )
    scores = scores_of(result)
    table = short_table(scores)
    result.save(args.out)
    scores.to_csv(args.out / "scores.csv", index=False, float_format="%.6g")
    gains = gains_of(result)
    gains.to_csv(args.out / "gains.csv", index=False, float_format="%.6g")
    differences = confounds(X, y)
    differences.to_csv(args.out / "confounds.csv", index_label="", float_format="%.6g")
    files = write_report(
        args.out,
        result,
        scores,
        differences,
        X,
        title=f"Comparison on {cohort}",
        gains=gains,
    )
    print(f"\nTest subjects of {protocol.n_splits} folds, with 95 % intervals.\n")
    width = shutil.get_terminal_size((200, 24)).columns
    print(table.to_string(line_width=width))
    print("\nGained over a model that sees no EMG; an interval that contains 0 shows no gain.\n")
    print(short_gains(gains).to_string(line_width=width))
    names = ", ".join(readable(file) for file in files)
    print(f"\n{time.perf_counter() - start:.0f} s. Saved: {names}")
    print(RESEARCH_ONLY)
