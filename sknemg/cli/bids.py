"""A data set in EMG-BIDS where a command takes a folder of recordings."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sknemg.cli.advice import Refusal, Words, option

#: What the parameters of `load_bids` are called here.
BIDS: Mapping[str, Words] = {
    "diagnosis": option("--diagnosis-column"),
    "units": option("--bids-units"),
}
#: What a command takes as --cohort.
COHORT = (
    "folder with subjects.csv and recordings.csv, with cohort.csv, or of a data set in EMG-BIDS; "
    "see the guide"
)
_COLUMN = "diagnosis"
# Options of files and tables that say what a data set in EMG-BIDS says itself, and without a value.
_OF_OTHERS: Mapping[str, tuple[str, Any]] = {
    "unit": ("--unit", None),
    "sfreq": ("--file-sfreq", None),
    "scale": ("--scale", None),
    "subject_pattern": ("--subject-pattern", None),
    "delimiter": ("--delimiter", ","),
    "decimal": ("--decimal", None),
    "skip_lines": ("--skip-lines", 0),
    "header": ("--header", None),
    "encoding": ("--encoding", None),
    "profiles": ("--text-profile", []),
    "invalid": ("--invalid", "raise"),
}


def add_bids(parser: argparse.ArgumentParser, *, cohort: bool) -> None:
    """Add the options of data sets in EMG-BIDS.

    Parameters
    ----------
    parser : ArgumentParser
    cohort : bool
        Whether the command may ask for diagnoses.
    """
    bids = parser.add_argument_group("reading a data set in EMG-BIDS")
    if cohort:
        bids.add_argument(
            "--diagnosis-column", metavar="COLUMN",
            help=f"column of participants.tsv that holds the diagnosis (default: {_COLUMN})",
        )  # fmt: skip
    bids.add_argument(
        "--bids-units", choices=["agree", "file"],
        help="whether channels.tsv and the file must state the same unit (the default), or the "
        "file decides",
    )  # fmt: skip


def is_bids(folder: Path) -> bool:
    """Whether a folder is a data set in BIDS."""
    return (folder / "dataset_description.json").is_file()


def refuse_bids_options(args: argparse.Namespace, folder: Path) -> None:
    """Refuse the options of EMG-BIDS for a folder of another kind.

    Parameters
    ----------
    args : Namespace
    folder : Path
    """
    given = ["--bids-units"] if args.bids_units is not None else []
    given += ["--diagnosis-column"] if getattr(args, "diagnosis_column", None) else []
    if given:
        raise Refusal(
            f"{' and '.join(given)} is for data sets in EMG-BIDS, and {str(folder)!r} holds no "
            "dataset_description.json: leave it out, or give the folder that does."
        )


def read_bids(
    folder: Path,
    args: argparse.Namespace,
    options: Mapping[str, Any],
    diagnoses: Mapping[str, str] | None = None,
    *,
    labelled: bool,
) -> tuple[Any, Any]:
    """Load a data set in EMG-BIDS.

    Parameters
    ----------
    folder : Path
    args : Namespace
    options : mapping
        Parameters of `load_recordings`; those that a data set says itself must not be given.
    diagnoses : mapping, default=None
        Further words for diagnoses.
    labelled : bool
        Whether each recording needs a diagnosis.

    Returns
    -------
    X : Recordings
    y : ndarray of shape (n_recordings,), or None
    """
    from sknemg.datasets import load_bids

    if given := [flag for name, (flag, empty) in _OF_OTHERS.items() if options[name] != empty]:
        raise Refusal(
            f"{', '.join(given)}: the tables of a data set in EMG-BIDS say how its files are "
            f"read: leave it out, and correct what is wrong in {str(folder)!r}."
        )
    how = {
        name: options[name] for name in ("locations", "max_bytes", "on_error") if name in options
    }
    if labelled:
        how |= {"diagnosis": args.diagnosis_column or _COLUMN, "diagnoses": diagnoses}
    return load_bids(folder, units=args.bids_units or "agree", **how)


def states_diagnoses(folder: Path, args: argparse.Namespace) -> bool:
    """Whether a data set has the column of diagnoses that is asked for, or the usual one."""
    if args.diagnosis_column:
        return True
    try:
        with (folder / "participants.tsv").open(encoding="utf-8-sig") as table:
            return _COLUMN in table.readline().rstrip("\n").split("\t")
    except (OSError, UnicodeError):
        return False
