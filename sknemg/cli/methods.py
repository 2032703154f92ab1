"""The options of what is trained, and the methods that they describe."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from sknemg.cli.advice import Words, option, text
from sknemg.cli.entries import positive

#: What the parameters of the comparison are called here.
RUNNING: Mapping[str, Words] = {
    "profile": option("--profile"),
    "methods": option("--methods"),
    "recipe": option("--recipe"),
    "sfreq": option("--sfreq"),
    "upsample": option("--upsample"),
    "window": option("--window"),
    "hop": option("--hop"),
    "short": option("--short"),
    "subject_features": option("--subject-features"),
    "cv": option("--out-of-fold"),
    "protocol": option("--protocol"),
    "n_splits": option("--folds"),
    "n_repeats": option("--repeats"),
    "random_state": option("--seed"),
    "n_jobs": option("--jobs"),
    "cache": option("--out"),
    "lr": lambda value: (
        f"{'the' if value is None else 'a'} learning rate"
        + (" (in Python)" if value is None else f" of {value}")
    ),
    "result.unscored": text("recordings.csv and subjects.csv"),
}


def add_steps(parser: argparse.ArgumentParser) -> None:
    """Add the options of preparing recordings.

    Parameters
    ----------
    parser : ArgumentParser
    """
    steps = parser.add_argument_group("preparing recordings")
    steps.add_argument(
        "--sfreq", type=positive, default=10_000.0, metavar="HZ",
        help="rate to which recordings are resampled (default: 10000)",
    )  # fmt: skip
    steps.add_argument(
        "--upsample", action="store_true", help="resample recordings of a lower rate, too"
    )
    steps.add_argument(
        "--window", type=positive, default=0.4, metavar="S",
        help="length of a segment in seconds (default: 0.4)",
    )  # fmt: skip
    steps.add_argument(
        "--hop", type=positive, default=0.1, metavar="S",
        help="seconds from the start of one segment to that of the next (default: 0.1)",
    )  # fmt: skip
    steps.add_argument(
        "--short", choices=["raise", "drop", "pad"], default="raise",
        help="what to do with recordings shorter than a window: refuse them, leave them out, or "
        "fill them up (default: raise)",
    )  # fmt: skip


def add_profile(models: Any) -> None:
    """Add the size of nEMGNet and how it is trained.

    Parameters
    ----------
    models : argument group
    """
    models.add_argument(
        "--profile", choices=["smoke", "cpu", "gpu"], default="cpu",
        help="size of nEMGNet and length of its training: least, for a laptop, or as published "
        "(default: cpu)",
    )  # fmt: skip
    models.add_argument(
        "--recipe", choices=["tuned", "published"], default="tuned",
        help="how nEMGNet is trained: as works best, or as in the paper (default: tuned)",
    )  # fmt: skip


def add_subject_features(models: Any) -> None:
    """Add how the recordings of a subject vote.

    Parameters
    ----------
    models : argument group
    """
    models.add_argument(
        "--subject-features", choices=["auto", "location", "all"], default="auto",
        help="whether proximal and distal recordings vote separately (location) or together (all); "
        "auto: separately where locations are known (default: auto)",
    )  # fmt: skip


def chosen_methods(args: argparse.Namespace, **options: Any) -> dict[str, Any]:
    """Build the methods that the options of the command line describe.

    Parameters
    ----------
    args : Namespace
    **options
        Further parameters of `compared_methods`.

    Returns
    -------
    dict of name to pipeline
    """
    from sknemg.evaluation.methods import compared_methods

    return compared_methods(
        args.profile,
        recipe=args.recipe,
        sfreq=args.sfreq,
        upsample=args.upsample,
        window=args.window,
        hop=args.hop,
        short=args.short,
        subject_features=args.subject_features,
        **options,
    )
