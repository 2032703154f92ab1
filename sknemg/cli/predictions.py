"""Tables that commands are given: a model's predictions, and diagnoses of subjects."""

from __future__ import annotations

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
    """Read a CSV file as text, with the columns that are needed.

    Parameters
    ----------
    what : str
        The option that names it.
    path : Path
    needed : sequence of str

    Returns
    -------
    DataFrame
    """
    import pandas as pd

    check_file(what, path)
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    if lacking := [name for name in needed if name not in table]:
        raise Refusal(
            f"{what} {str(path)!r} has no column {', '.join(lacking)}: name columns after them."
        )
    return table


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
                f"--model {str(path)!r}, line {at + 2}: the probabilities do not add up to 1: "
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
    runs : dict of name to DataFrame (a column for each class) or Series (answers), by subject
    diagnoses : Series of str, by subject, or None
    """
    import pandas as pd

    table = _rows_of_model(path, method, ["subject"])
    true = next((name for name in _TRUE if name in table), None)
    said = None if true is None else diagnoses_of("--model", table, true)
    about = {"subject", "prediction", "method", "fold", "muscle", "location", *_TRUE, *_RUN}
    classes = [
        name
        for name in table
        if name not in about and not name.startswith("n_") and (said is None or name in set(said))
    ]
    if len(classes) < 2 and "prediction" not in table:
        raise Refusal("--model holds neither a column for each class nor prediction: add one.")
    run = next((name for name in _RUN if name in table), None)
    parts = {"model": table} if run is None else {
        f"run {int(name) + 1}" if name.isdecimal() else name: part
        for name, part in table.groupby(run, sort=True)
    }  # fmt: skip
    if len(parts) == 1:
        parts = {"model": next(iter(parts.values()))}
    runs = {}
    for name, part in parts.items():
        own = part.set_index("subject")
        if len(classes) > 1:
            scores = own[classes].apply(pd.to_numeric, errors="coerce")
            runs[name] = scores.dropna(how="all")
        else:
            runs[name] = own["prediction"][own["prediction"] != ""]
    return runs, said
