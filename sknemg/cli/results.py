"""The folder of results: made before anything is computed, with the list of problems."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sknemg.cli.advice import Refusal, Words

#: The list of problems in a folder of results.
PROBLEMS = "problems.csv"


def prepare_out(folder: Path, *, model: bool = False) -> None:
    """Refuse a folder that cannot be written to, or holds a model, before anything is computed.

    A model beside which other files lie is not loaded any more. A list of problems of another run,
    which would stand beside results that have none, is taken away.

    Parameters
    ----------
    folder : Path
    model : bool, default=False
        Whether it is a model that will be written there.
    """
    from sknemg.persistence._folder import SUMS

    try:
        if not model and (folder / SUMS).exists():
            raise Refusal(
                f"--out {str(folder)!r} is the folder of a model, which could not be loaded any "
                "more if results lay in it: give another folder."
            )
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        if not model and _lists_problems(folder / PROBLEMS):
            (folder / PROBLEMS).unlink()
    except OSError as error:
        reason = "a file" if isinstance(error, FileExistsError) else error.strerror or str(error)
        raise Refusal(
            f"--out {str(folder)!r} cannot hold the results ({reason}): give a folder that can be "
            "written to."
        ) from error


def _lists_problems(file: Path) -> bool:
    """Whether a file is a list that a command wrote, and not another one of that name."""
    if not file.is_file():
        return False
    with file.open(encoding="utf-8", errors="replace") as lines:
        return {"row", "problem", "remedy"} <= set(lines.readline().strip().split(","))


def with_problems(options: Mapping[str, Words], args: argparse.Namespace) -> Mapping[str, Words]:
    """Add where the whole list of problems is: `speaking` asks while their error is told.

    The list is written to the file ``args.problems`` if a command sets one, or into the folder of
    results.

    Parameters
    ----------
    options : mapping of parameter to `Words`
    args : Namespace
        With ``problems``, a file, or ``out``, a folder.

    Returns
    -------
    mapping of parameter to `Words`
    """

    def say(_: str | None) -> str:
        error = sys.exc_info()[1]
        problems = getattr(error, "problems", None)
        if problems is None:
            return "the list"
        file = getattr(args, "problems", None) or args.out / PROBLEMS
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            problems.to_csv(file, index=False)
        except OSError as failed:  # what is wrong with the recordings must be told all the same
            return f"the list, which {str(file)!r} cannot hold ({failed.strerror or failed})"
        return str(file)

    return {**options, "error.problems": say}


def problems_beside(path: Path) -> Path:
    """Name the file for a list of problems beside a file or folder that must not hold it.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Path

    Examples
    --------
    >>> problems_beside(Path("/data/model")).name
    'model-problems.csv'
    """
    place = path.absolute()
    if place.name == "..":
        place = place.resolve()
    return place.parent / f"{place.name}-problems.csv"


def readable(name: Any) -> str:
    """Write a name for people: bytes that are no text are replaced.

    Parameters
    ----------
    name : str or Path

    Returns
    -------
    str
    """
    return os.fsencode(name).decode("utf-8", "replace")
