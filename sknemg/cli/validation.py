"""Look at a folder of recordings without training anything: ``sknemg validate``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sknemg.cli.advice import Refusal, Words, speaking, text
from sknemg.cli.reading import LOADING, add_reading, read_folder
from sknemg.cli.results import prepare_out, with_problems
from sknemg.pages import RESEARCH_ONLY


def add_validate(commands: Any) -> None:
    """Add ``sknemg validate``.

    Parameters
    ----------
    commands : subparsers of the command line
    """
    validate = commands.add_parser(
        "validate", help="list all that is wrong with a folder of recordings, training nothing",
        description="List all that is wrong with a folder of recordings, problems with files and "
        "implausible signals alike, here and as a page. The exit status is 1 if anything is.",
    )  # fmt: skip
    validate.add_argument(
        "folder", type=Path, metavar="FOLDER",
        help="a cohort, a data set in EMG-BIDS, or a folder of signal files with or without "
        "recordings.csv",
    )  # fmt: skip
    validate.add_argument(
        "--unlabelled",
        action="store_true",
        help="for recordings without diagnoses, as of new patients",
    )
    add_reading(validate, skipping=False)
    validate.add_argument(
        "--out", type=Path, default=Path("validation"), metavar="FOLDER",
        help="folder for the page (default: validation)",
    )  # fmt: skip
    validate.set_defaults(run=_validate, on_error="raise")


def _validate(args: argparse.Namespace) -> int:
    if not args.folder.exists():
        raise Refusal(f"{str(args.folder)!r} does not exist: give a folder of recordings.")
    if not args.folder.is_dir():
        raise Refusal(f"{str(args.folder)!r} is no folder: give one of recordings.")
    prepare_out(args.out)
    words = {**LOADING, "folder": text("FOLDER")}
    with speaking(with_problems(words, args)):
        return _examine(args, words)


def _examine(args: argparse.Namespace, words: Mapping[str, Words]) -> int:
    """Print everything that is wrong with the folder, and write it as a page."""
    from sknemg.cli.examination import examine, print_findings, write_page

    found = examine(lambda on_error: read_folder(args, args.folder, on_error), words)
    summary = print_findings(found)
    files = write_page(args.out, found, summary, args.folder.resolve().name or "folder")
    print(f"\nSaved: {', '.join(map(str, files))}")
    print(RESEARCH_ONLY)
    return int(bool(len(found.problems) or len(found.flaws)))
