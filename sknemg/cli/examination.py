"""What is wrong with a folder of recordings: found, printed, and written as a page."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from sknemg.cli.advice import Words, in_words_of
from sknemg.cli.results import PROBLEMS
from sknemg.pages import Cell, Table, render
from sknemg.versions import __version__

Load = Callable[[str], tuple[Any, Any]]
_FLAWS = "flaws.csv"
_COLUMNS = {
    "flaw": "flaw",
    "table_row": "row",
    "recording": "recording",
    "subject": "subject",
    "found": "found",
}
_MEASURES = {  # of `quality`
    "duration": "length (s)",
    "rms": "RMS (mV)",
    "peak": "peak (mV)",
    "flat_seconds": "longest flat stretch (s)",
    "flat_fraction": "share flat",
    "clipped_fraction": "share clipped",
    "mains_fraction": "share of mains hum",
    "offset": "offset (mV)",
}


@dataclass
class Validation:
    """What was found in a folder: recordings and their quality, problems, flaws and notes."""

    X: Any = None
    problems: pd.DataFrame = field(default_factory=pd.DataFrame)
    recordings: pd.DataFrame = field(default_factory=pd.DataFrame)
    flaws: pd.DataFrame = field(default_factory=pd.DataFrame)
    notes: list[str] = field(default_factory=list)


def examine(load: Load, words: Mapping[str, Words]) -> Validation:
    """Read what can be read of a folder, and find what is wrong.

    Parameters
    ----------
    load : callable
        Called with ``on_error``: reads the folder, and returns X and y.
    words : mapping of parameter to `Words`
        What the parameters are called here.

    Returns
    -------
    Validation
    """
    from sknemg.datasets import InvalidCohortError, quality
    from sknemg.datasets._quality import flaws_of
    from sknemg.recordings import ImplausibleWarning

    found, y = Validation(), None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found.X, y = load("raise")
        except InvalidCohortError as error:
            found.problems = error.problems
            caught.clear()
            try:
                found.X, y = load("skip")
            except InvalidCohortError:
                caught.clear()  # none is left
    skipped = "recordings were left out"  # which the problems say in full
    found.notes = [
        str(one.message)
        for one in caught
        if not issubclass(one.category, ImplausibleWarning) and skipped not in str(one.message)
    ]
    if found.X is not None:
        found.recordings = quality(found.X)
        found.flaws = flaws_of(found.X, found.recordings)
        for name in ("table_row", "subject"):
            if name in found.X:
                found.flaws[name] = found.X[name].to_numpy()[found.flaws["row"]]
        found.notes += _unplaced(found.X)
        if not _diagnoses_unread(found.problems):
            found.notes += _of_one_class(y)
    if _lack_diagnoses(found.problems):
        found.notes.append("With --unlabelled no diagnoses are asked for, as of new patients.")
    for name in ("problem", "remedy") if len(found.problems) else ():
        found.problems[name] = [in_words_of(words, text) for text in found.problems[name]]
    found.notes = [in_words_of(words, note) for note in found.notes]
    return found


def _unplaced(X: Any) -> list[str]:
    """Say how many recordings have no location, which DiVote treats apart."""
    missing = int(X["location"].isna().sum()) if "location" in X else len(X)
    if not missing:
        return []
    return [f"{missing} of {len(X)} recordings have no location, proximal or distal."]


def _diagnoses_unread(problems: pd.DataFrame) -> bool:
    """Whether diagnoses are among the problems, so that there may be others than were read."""
    return bool(len(problems)) and bool(problems["problem"].str.contains("diagnos").any())


def _lack_diagnoses(problems: pd.DataFrame) -> bool:
    """Whether diagnoses are missing."""
    lacking = r"has no diagnosis|no column 'diagnosis'"
    return bool(len(problems)) and bool(problems["problem"].str.contains(lacking).any())


def _of_one_class(y: Any) -> list[str]:
    """Say that the diagnoses, if there are any, are too few for what compares or learns them."""
    classes = set() if y is None else set(y)
    if len(classes) != 1:
        return []
    return [f"All diagnoses are {classes.pop()}: 'sknemg compare' and 'train' need two or more."]


def print_findings(found: Validation) -> str:
    """Print all that was found.

    Parameters
    ----------
    found : Validation

    Returns
    -------
    str
        What stands on the first lines.
    """
    summary = _summary(found)
    print(summary)
    for note in found.notes:
        print(f"note: {note}")
    _print_problems(found.problems)
    _print_flaws(found)
    return summary


def _summary(found: Validation) -> str:
    X, n_problems = found.X, len(found.problems)
    problems = f"{n_problems} problem{'s' if n_problems != 1 else ''}"
    if X is None:
        return f"No recording can be read: {problems}."
    n_flawed = found.flaws["row"].nunique()
    have = "has" if n_flawed == 1 else "have"
    return f"{X}\n{problems}; {n_flawed} of {len(X)} recordings {have} flaws."


def _print_problems(problems: pd.DataFrame) -> None:
    from sknemg.datasets._findings import describe

    if len(problems):
        print(f"\nWhat keeps recordings from being read\n{describe(problems)}")


def _print_flaws(found: Validation) -> None:
    from sknemg.datasets._quality import FLAWS

    if not len(found.flaws):
        return
    print("\nWhat speaks against those that are read")
    for flaw, lines in found.flaws.groupby("flaw", sort=False):
        print(f"  {FLAWS[str(flaw)]}:")
        for line in lines.itertuples():
            at = f"row {line.table_row}, " if "table_row" in lines else ""
            print(f"    {at}{line.recording}: {line.found}")


def write_page(out: Path, found: Validation, summary: str, name: str) -> list[Path]:
    """Write the page, and the tables of problems and flaws.

    Parameters
    ----------
    out : Path
    found : Validation
    summary : str
    name : str
        Of the folder.

    Returns
    -------
    list of Path
    """
    out.mkdir(parents=True, exist_ok=True)
    files = [out / "validation.html"]
    for file, table in ((PROBLEMS, found.problems), (_FLAWS, found.flaws)):
        (out / file).unlink(missing_ok=True)  # of another run
        if len(table):
            table.to_csv(out / file, index=False)
            files.append(out / file)
    files[0].write_text(_page(found, summary, name), encoding="utf-8")
    return files


def _page(found: Validation, summary: str, name: str) -> str:
    from sknemg.datasets._quality import FLAWS

    problems, flaws = found.problems, found.flaws
    if len(problems):  # which say what to do at their end: none is cut
        said = problems[["problem", "remedy"]]
        problems = problems.assign(**said.map(lambda text: Cell(str(text), "long")))
    if len(flaws):
        named = flaws[[name for name in _COLUMNS if name in flaws]]  # without the row of X
        flaws = named.rename(columns=_COLUMNS)
        first = flaws.columns[1]
        flaws = flaws.assign(flaw=flaws["flaw"].map(FLAWS), **{first: flaws[first].astype(str)})
    return render(
        "sknemg.cli",
        "validation.html",
        title=f"Validation of {name}",
        version=__version__,
        sections=[("problems", "Problems"), ("flaws", "Flaws"), ("recordings", "Recordings")],
        summary=summary,
        notes=found.notes,
        problems=_table(problems, "problems", "By table and row, as a spreadsheet counts them",
                        group="table", whole=PROBLEMS),
        flaws=_table(flaws, "flaws", "By kind", group="flaw", whole=_FLAWS),
        recordings=_table(found.recordings.rename(columns=_MEASURES), "recordings",
                          "What the signals are like"),
    )  # fmt: skip


def _table(frame: pd.DataFrame, name: str, caption: str, **options: Any) -> Table:
    if not len(frame):
        return Table(name, caption, [], [])
    return Table.from_frame(frame, f"of-{name}", caption, limit=1000, **options)
