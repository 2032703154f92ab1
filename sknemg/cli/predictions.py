"""Tables that commands are given: a model's predictions, and diagnoses of subjects."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sknemg.cli.advice import Refusal

_TRUE = ("diagnosis", "y_true")  # columns that may hold the diagnosis
_RUN = ("repeat", "run")


def check_file(what: str, path: Path) -> None:
    """Refuse what is no file.

    Parameters
    ----------
    what : str
        The option that names it.
    path : Path
    """
    if not path.is_file():
        raise Refusal(f"{what} {str(path)!r} does not exist or is no file: give a file.")


def read_table(what: str, path: Path, needed: Sequence[str]) -> Any:
    """Read a table as text, as those of a cohort are read, with the columns that are needed.

    Parameters
    ----------
    what : str
        The option that names it.
    path : Path
        CSV (comma, semicolon or tab; UTF-8, UTF-16 with its mark, or cp1252), or a workbook.
    needed : sequence of str

    Returns
    -------
    DataFrame
        Indexed by row, as a spreadsheet counts: the names of the columns are row 1.
    """
    import pandas as pd

    from sknemg.datasets._formats.stored import ReadError
    from sknemg.datasets._splitting import lines_of

    check_file(what, path)
    named = f"{what} {str(path)!r}"
    try:
        lines = lines_of(path)
    except (UnicodeError, csv.Error, ReadError) as error:
        raise Refusal(f"{named} is not readable ({error}): save it as CSV in UTF-8.") from error
    columns = [name.strip() for name in lines[0]] if lines else []
    rows = {
        at: [entry.strip() for entry in line] + [""] * (len(columns) - len(line))
        for at, line in enumerate(lines[1:], start=2)
        if any(entry.strip() for entry in line)
    }
    for at, line in rows.items():
        if any(line[len(columns) :]):
            raise Refusal(
                f"{named}, row {at}: {len(line)} entries for {len(columns)} columns: quote entries "
                "that hold the separator."
            )
    if lacking := [name for name in needed if name not in columns]:
        raise Refusal(
            f"{named} has no column {', '.join(lacking)} among {', '.join(columns)}: rename the "
            "columns, or add what is missing."
        )
    if twice := sorted({name for name in columns if columns.count(name) > 1}):
        raise Refusal(f"{named} has several columns {', '.join(twice)}: keep one of each.")
    return pd.DataFrame(
        [line[: len(columns)] for line in rows.values()], list(rows), columns, dtype=object
    )


def diagnoses_of(what: str, table: Any, column: str) -> Any:
    """Give one diagnosis for each subject, or None where none is said.

    Parameters
    ----------
    what : str
        The option that names the table.
    table : DataFrame
    column : str
        That holds the diagnosis.

    Returns
    -------
    Series of str, by subject, or None
    """
    pairs = table.assign(true=table[column])
    known = pairs[pairs["true"] != ""].drop_duplicates(["subject", "true"])
    twice = known["subject"][known["subject"].duplicated()].unique()
    if len(twice):
        raise Refusal(f"{what} gives {', '.join(twice[:5])} two diagnoses: correct them.")
    return known.set_index("subject")["true"] if len(known) else None


def _rows_of_model(path: Path, method: str | None, needed: Sequence[str]) -> Any:
    """Read the rows of one method of a file of predictions."""
    table = read_table("--model", path, needed)
    if "method" in table:
        names = table["method"].unique()
        if method is None and len(names) > 1:
            raise Refusal(f"--model holds {', '.join(names)}: choose one by --method NAME.")
        if method is not None and method not in names:
            raise Refusal(f"--method {method!r} is not in the file: choose {', '.join(names)}.")
        return table if method is None else table[table["method"] == method]
    if method is not None:
        raise Refusal("--method has no use: the file of --model has no column method.")
    return table


def mean_probabilities(
    path: Path, method: str | None, classes: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Read a model's probabilities; of several for a subject, as of repeats, the mean counts.

    Parameters
    ----------
    path : Path
    method : str or None
        Which of several in the file.
    classes : sequence of str

    Returns
    -------
    dict of subject to dict of class to float
    """
    import pandas as pd

    table = _rows_of_model(path, method, ["subject", *classes])
    shares = table[list(classes)].apply(pd.to_numeric, errors="coerce")
    for at, total in shares.sum(axis=1, skipna=False).items():
        if not math.isclose(total, 1, abs_tol=0.01):  # nor is NaN
            raise Refusal(
                f"--model {str(path)!r}, row {at}: the probabilities do not add up to 1: "
                "correct them."
            )
    means = shares.groupby(table["subject"], sort=False).mean()
    return {str(name): dict(row) for name, row in means.to_dict("index").items()}


def runs_of_model(path: Path, method: str | None) -> tuple[dict[str, Any], Any]:
    """Read the runs of a model, and the diagnoses if the file says them.

    Parameters
    ----------
    path : Path
    method : str or None
        Which of several in the file.

    Returns
    -------
    runs : dict of name to DataFrame of text, by subject
        As `reader_study` takes them: scores, the column ``prediction``, or both.
    diagnoses : Series of str, by subject, or None
    """
    table = _rows_of_model(path, method, ["subject"])
    true = next((name for name in _TRUE if name in table), None)
    said = None if true is None else diagnoses_of("--model", table, true)
    if "prediction" not in table and len(table.columns) < 3:
        raise Refusal("--model holds neither a column for each class nor prediction: add one.")
    run = next((name for name in _RUN if name in table), None)
    parts = {"model": table} if run is None else {
        f"run {int(name) + 1}" if name.isdecimal() else name: part
        for name, part in table.groupby(run, sort=True)
    }  # fmt: skip
    if len(parts) == 1:
        parts = {"model": next(iter(parts.values()))}
    for name, part in parts.items():
        _refuse_repeated(path, part, "" if len(parts) == 1 else f" of {name}")
    return {name: part.set_index("subject") for name, part in parts.items()}, said


def _refuse_repeated(path: Path, rows: Any, run: str) -> None:
    """Refuse rows that name a subject twice, such as those of recordings."""
    again = rows.index[rows["subject"].duplicated()]
    if len(again):
        who = rows["subject"][again[0]]
        first = rows.index[rows["subject"] == who][0]
        raise Refusal(
            f"--model {str(path)!r}: rows {first} and {again[0]}{run} both answer for the subject "
            f"{who!r}: give one row for each subject, such as subjects.csv of 'sknemg compare', or "
            "a column repeat that tells several runs apart."
        )
