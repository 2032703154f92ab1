"""The options of reading files, and the folders of recordings that commands are given."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sknemg.cli.advice import Refusal, Words, column, option, speaking
from sknemg.cli.bids import (
    BIDS,
    add_bids,
    is_bids,
    read_bids,
    refuse_bids_options,
    states_diagnoses,
)
from sknemg.cli.entries import at_least, finite, one_sign, positive, unit, word_and_class
from sknemg.cli.results import with_problems

#: What the parameters of `load_cohort` are called here.
LOADING: Mapping[str, Words] = {
    "folder": option("--cohort"),
    "unit": option("--unit"),
    "sfreq": option("--file-sfreq"),
    "scale": option("--scale"),
    "diagnoses": lambda value: "--diagnosis WORD=CLASS" if value is None else _words_of(value),
    "subject_pattern": option("--subject-pattern"),
    "locations": option("--locations"),
    "delimiter": option("--delimiter"),
    "decimal": option("--decimal"),
    "skip_lines": option("--skip-lines"),
    "header": lambda value: "--header" + {None: "", "True": " yes", "False": " no"}.get(value, ""),
    "encoding": option("--encoding"),
    "profiles": option("--text-profile"),
    "invalid": option("--invalid"),
    "max_bytes": option("--max-bytes"),
    "on_error": option("--on-error"),
    "channel": column("channel"),
    "start": column("start"),
    "stop": column("stop"),
    **BIDS,
}
#: Tables that state diagnoses.
_LABELLED = ("subjects.csv", "subjects.xlsx", "cohort.csv", "cohort.xlsx")


def add_reading(
    parser: argparse.ArgumentParser, *, cohort: bool = True, skipping: bool = True
) -> None:
    """Add the options of reading files.

    Parameters
    ----------
    parser : ArgumentParser
    cohort : bool, default=True
        Whether the command may ask for diagnoses.
    skipping : bool, default=True
        Whether it may leave recordings out.
    """
    files = parser.add_argument_group("reading files", "for what neither a file nor its row states")
    files.add_argument(
        "--unit", type=unit, metavar="UNIT", help="unit of the samples: V, mV, uV or nV"
    )
    files.add_argument(
        "--file-sfreq", type=positive, metavar="HZ", help="sampling rate of the files"
    )
    files.add_argument("--scale", type=finite, metavar="MV", help="millivolts per stored unit")
    if cohort:
        files.add_argument(
            "--diagnosis", type=word_and_class, action="append", metavar="WORD=CLASS",
            help="the class of a further word in the column diagnosis, such as ALS=neuropathy; may "
            "be repeated",
        )  # fmt: skip
    files.add_argument(
        "--subject-pattern", metavar="REGEX",
        help="regular expression whose one group finds the subject in the name of a file, such as "
        "'P(\\d+)_'",
    )  # fmt: skip
    files.add_argument(
        "--locations", choices=["given", "muscle"], default="given",
        help="whether missing locations follow from the muscle, or stay missing (default: given)",
    )  # fmt: skip
    if skipping:
        files.add_argument(
            "--on-error", choices=["raise", "skip"],
            help="whether unusable recordings stop the run (the default) or are left out, with a "
            "warning",
        )  # fmt: skip
    files.add_argument(
        "--invalid", choices=["raise", "clip"], default="raise",
        help="what a WFDB sample without a value is: an error, or clipped at the limit of the "
        "converter (default: raise)",
    )  # fmt: skip
    files.add_argument(
        "--max-bytes", type=at_least(1), metavar="N",
        help="largest size of one channel, 8 bytes a sample (default: 1 GiB)",
    )  # fmt: skip
    add_bids(parser, cohort=cohort)
    texts = parser.add_argument_group("reading text files")
    texts.add_argument(
        "--delimiter", type=one_sign, default=",", metavar="SIGN",
        help="between columns (default: comma)",
    )  # fmt: skip
    texts.add_argument(
        "--decimal", choices=[".", ","], metavar="SIGN", help="decimal point or comma"
    )
    texts.add_argument(
        "--skip-lines", type=at_least(0), default=0, metavar="N",
        help="lines above the table (default: 0)",
    )  # fmt: skip
    texts.add_argument(
        "--header", choices=["yes", "no"], help="whether the first line holds names of columns"
    )
    texts.add_argument("--encoding", metavar="NAME", help="such as cp1252")
    texts.add_argument(
        "--text-profile", type=Path, action="append", metavar="FILE",
        help="a dialect that TextProfile.save wrote, for the rows that name it; may be repeated",
    )  # fmt: skip


def reading(args: argparse.Namespace) -> dict[str, Any]:
    """Return what the options say of reading files, as parameters of `load_recordings`.

    Parameters
    ----------
    args : Namespace

    Returns
    -------
    dict
    """
    from sknemg.datasets import TextProfile

    limits = {} if args.max_bytes is None else {"max_bytes": args.max_bytes}
    return {
        "profiles": [TextProfile.load(file) for file in args.text_profile or []],
        "unit": args.unit,
        "sfreq": args.file_sfreq,
        "scale": args.scale,
        "subject_pattern": args.subject_pattern,
        "locations": args.locations,
        "delimiter": args.delimiter,
        "decimal": args.decimal,
        "skip_lines": args.skip_lines,
        "header": None if args.header is None else args.header == "yes",
        "encoding": args.encoding,
        "invalid": args.invalid,
        "on_error": args.on_error or "raise",
        **limits,
    }


def check_cohort(folder: Path) -> None:
    """Refuse a cohort that is no folder, or cannot be read.

    Parameters
    ----------
    folder : Path
    """
    if folder.is_file():
        raise Refusal(
            f"--cohort {str(folder)!r} is a file: give the folder that holds subjects.csv and "
            "recordings.csv, cohort.csv, or a data set in EMG-BIDS."
        )
    if not folder.is_dir():
        raise Refusal(f"--cohort {str(folder)!r} does not exist: give a folder of recordings.")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise Refusal(f"--cohort {str(folder)!r} cannot be read: ask for permission to read it.")


def read_cohort(args: argparse.Namespace) -> tuple[Any, Any]:
    """Load the folder of ``--cohort``, with diagnoses.

    Parameters
    ----------
    args : Namespace

    Returns
    -------
    X : Recordings
    y : ndarray of shape (n_recordings,)
    """
    with speaking(with_problems(LOADING, args)):
        return read_folder(args, args.cohort, args.on_error or "raise")


def read_folder(args: argparse.Namespace, folder: Path, on_error: str) -> tuple[Any, Any]:
    """Load a folder of whatever kind, with diagnoses unless there are none to be asked for.

    Parameters
    ----------
    args : Namespace
    folder : Path
    on_error : {"raise", "skip"}

    Returns
    -------
    X : Recordings
    y : ndarray of shape (n_recordings,), or None
    """
    from sknemg.datasets import load_cohort, load_recordings

    options = {**reading(args), "on_error": on_error}
    diagnoses = _diagnoses(args.diagnosis or [])
    looking = hasattr(args, "unlabelled")  # at a folder that may be of new patients
    if is_bids(folder):
        labelled = not looking or (not args.unlabelled and states_diagnoses(folder, args))
        return read_bids(folder, args, options, diagnoses, labelled=labelled)
    refuse_bids_options(args, folder)
    if looking and (args.unlabelled or not _is_cohort(folder)):
        return load_recordings(folder, **options), None
    return load_cohort(folder, diagnoses=diagnoses, **options)


def _is_cohort(folder: Path) -> bool:
    """Whether a folder holds tables that state diagnoses."""
    return any((folder / name).exists() for name in _LABELLED)


def _diagnoses(pairs: list[tuple[str, str]]) -> dict[str, str] | None:
    words: dict[str, str] = {}
    for word, label in pairs:
        if words.setdefault(word, label) != label:
            raise Refusal(f"--diagnosis {word} is both {words[word]} and {label}: keep one.")
    return words or None


def _words_of(value: str) -> str:
    """Say ``diagnoses={'ALS': ...}`` as an option."""
    word, _, label = value.strip("{}").partition(":")
    label = label.strip().strip("'\"")
    return option("--diagnosis")(word.strip()) + "=" + ("CLASS" if label in ("", "...") else label)
