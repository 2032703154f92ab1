"""Train a model on a cohort, and save it with its card: ``sknemg train``."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

from sknemg.cli.advice import option, speaking
from sknemg.cli.bids import COHORT
from sknemg.cli.entries import at_least, share
from sknemg.cli.methods import RUNNING, add_profile, add_steps, add_subject_features, chosen_methods
from sknemg.cli.models import MODELS
from sknemg.cli.reading import add_reading, check_cohort, read_cohort
from sknemg.cli.results import prepare_out, problems_beside, with_problems
from sknemg.pages import RESEARCH_ONLY


def add_train(commands: Any) -> None:
    """Add ``sknemg train``.

    Parameters
    ----------
    commands : subparsers of the command line
    """
    train = commands.add_parser(
        "train", help="train a model for single patients on your own recordings, with its card",
        description="Cross-validate a model by subject to calibrate it, train it on all subjects, "
        "and save it with its card. 'sknemg diagnose' reads patients with it.",
    )  # fmt: skip
    train.add_argument(
        "--cohort", required=True, type=Path, metavar="FOLDER",
        help=COHORT,
    )  # fmt: skip
    add_reading(train)
    add_steps(train)
    models = train.add_argument_group("model")
    models.add_argument(
        "--method", choices=["features", "network"], default="features",
        help="segment features with a linear discriminant, or nEMGNet (default: features)",
    )  # fmt: skip
    add_profile(models)
    add_subject_features(models)
    models.add_argument(
        "--folds", type=at_least(2), default=5, metavar="N",
        help="folds of subjects for calibration (default: 5)",
    )  # fmt: skip
    models.add_argument(
        "--coverage", type=share, default=0.9, metavar="SHARE",
        help="share of patients whose answer is to contain their diagnosis (default: 0.9)",
    )  # fmt: skip
    models.add_argument(
        "--seed", type=at_least(0), default=0, metavar="N",
        help="of everything random (default: 0)",
    )  # fmt: skip
    train.add_argument("--licence", metavar="NAME", help="licence of the model, such as cc-by-4.0")
    train.add_argument(
        "--jobs", type=at_least(1), default=os.cpu_count() or 1, metavar="N",
        help="fits that run at once (default: one per core)",
    )  # fmt: skip
    train.add_argument(
        "--out", type=Path, default=Path("model"), metavar="FOLDER",
        help="folder of the model (default: model)",
    )  # fmt: skip
    train.add_argument("--overwrite", action="store_true", help="replace a model that is there")
    train.set_defaults(run=_train)


def _train(args: argparse.Namespace) -> None:
    from sknemg.persistence._write_folder import check_place

    check_cohort(args.cohort)
    prepare_out(args.out, model=True)
    with speaking(MODELS):
        check_place(args.out, overwrite=args.overwrite)
    args.problems = problems_beside(args.out)  # a model folder holds nothing but the model
    args.problems.unlink(missing_ok=True)  # of a run that was refused
    X, y = read_cohort(args)
    with speaking(with_problems({**RUNNING, **MODELS, "cv": option("--folds")}, args)):
        _fit_and_save(args, X, y)


def _fit_and_save(args: argparse.Namespace, X: Any, y: Any) -> None:
    """Evaluate a model by subjects left out, train it on all, and save it with its card."""
    from sknemg.diagnosis import Diagnostician
    from sknemg.evaluation.confounding import confounds
    from sknemg.metrics import format_interval
    from sknemg.persistence import save_model
    from sknemg.persistence.card import FEW, evaluation_tables, model_card

    start = time.perf_counter()
    print(X)
    (pipeline,) = chosen_methods(args, methods=[args.method]).values()
    seeds = [name for name in pipeline.get_params() if name.endswith("random_state")]
    pipeline.set_params(**dict.fromkeys(seeds, args.seed))
    model = Diagnostician(pipeline, cv=args.folds, coverage=args.coverage, n_jobs=args.jobs)
    print(f"Training {args.folds} times without a part of the subjects, and once on all.")
    model.fit(X, y)
    tables = evaluation_tables(model, confounds(X, y, least=FEW))
    seconds = time.perf_counter() - start
    card = model_card(model, X, y, tables, seed=args.seed, seconds=seconds, licence=args.licence)
    fingerprint = save_model(
        model, args.out, card=card, evaluation=tables, overwrite=args.overwrite
    )
    scores: Any = tables["scores"]
    for row in scores[scores["metric"].isin(["accuracy", "roc_auc_macro"])].itertuples():
        score = format_interval(row.value, row.low, row.high)
        print(f"{row.metric} of subjects left out: {score}")
    print(f"\n{seconds:.0f} s. Saved: {args.out}. Fingerprint {fingerprint}")
    print(f"Fill in what {args.out / 'README.md'} lists as not stated before you share it.")
    print(RESEARCH_ONLY)
