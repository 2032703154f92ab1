"""What can be wrong with recordings, and the error that names all of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

PROBLEM_COLUMNS = ["row", "problem", "remedy"]
LOCATIONS = ("proximal", "distal")
LISTED = 10  # rows or subjects spelled out in one line
_SHOWN = 20  # problems spelled out in a message; the rest is in ``error.problems``


class InvalidRecordingsError(ValueError):
    """Recordings that cannot be used, every one of them named.

    Attributes
    ----------
    problems : DataFrame, columns ``row``, ``problem``, ``remedy``
        One line for each problem found.

    Examples
    --------
    The problems tell which rows to leave out:

    >>> import numpy as np
    >>> from sknemg import InvalidRecordingsError, Recordings
    >>> signals = [[0.1, 0.2], [0.3, np.nan], []]
    >>> try:
    ...     Recordings(signals, sfreq=10)
    ... except InvalidRecordingsError as error:
    ...     print(error.problems[["row", "problem"]])
       row                         problem
    0    1  1 of 2 samples NaN or infinite
    1    2                      no samples
    """

    def __init__(self, problems: pd.DataFrame):
        self.problems = problems
        n_rows = problems["row"].nunique()
        lines = [f"  row {p.row}: {p.problem} ({p.remedy})" for p in problems[:_SHOWN].itertuples()]
        if len(problems) > _SHOWN:
            lines.append(f"  ... and {len(problems) - _SHOWN} more in `error.problems`")
        super().__init__(
            f"{n_rows} unusable recording{'s' if n_rows > 1 else ''}:\n" + "\n".join(lines)
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems,)


def raise_problems(rows: ArrayLike, problems: list[str], remedy: str) -> None:
    """Raise `InvalidRecordingsError` with one problem for each of the rows."""
    table = pd.DataFrame({"row": rows, "problem": problems, "remedy": remedy})
    raise InvalidRecordingsError(table)


def find_problems(
    meta: pd.DataFrame, values: NDArray[Any], lengths: NDArray[Any], y: ArrayLike | None
) -> pd.DataFrame:
    """List what makes rows unusable.

    Parameters
    ----------
    meta : DataFrame of n_recordings rows
    values : ndarray of shape (n_items, ...)
    lengths : ndarray of shape (n_recordings,)
    y : array-like of shape (n_recordings,) or None
        Diagnoses, compared within each subject.

    Returns
    -------
    DataFrame, columns ``row``, ``problem``, ``remedy``
        Sorted by row.
    """
    found = [*_bad_rates(meta), *_bad_locations(meta), *_bad_items(values, lengths)]
    if y is not None and "subject" in meta:
        found += _two_diagnoses(meta["subject"], np.asarray(y))
    table = pd.DataFrame(found, columns=PROBLEM_COLUMNS)
    return table.sort_values("row", kind="stable", ignore_index=True)


def _bad_rates(meta: pd.DataFrame) -> list[tuple[int, str, str]]:
    rates = meta["sfreq"].to_numpy(dtype=float)
    remedy = "give sfreq in hertz, one rate or one a recording"
    found = [(int(row), "unknown sampling rate", remedy) for row in np.flatnonzero(np.isnan(rates))]
    wrong = np.flatnonzero((rates <= 0) | np.isinf(rates))
    return found + [(int(row), f"sampling rate of {rates[row]:g} Hz", remedy) for row in wrong]


def _bad_locations(meta: pd.DataFrame) -> list[tuple[int, str, str]]:
    if "location" not in meta:
        return []
    location = meta["location"]
    wrong = np.flatnonzero(~location.isna() & ~location.isin(LOCATIONS))
    remedy = "write 'proximal', 'distal' or leave it missing"
    return [(int(row), f"location {location.iloc[row]!r}", remedy) for row in wrong]


def _bad_items(values: NDArray[Any], lengths: NDArray[Any]) -> list[tuple[int, str, str]]:
    found = []
    if values.ndim == 1:  # a row without segments is a legal outcome of the Segmenter
        empty = np.flatnonzero(lengths == 0)
        found += [(int(row), "no samples", "leave the recording out") for row in empty]
    if values.dtype.kind != "f":
        return found
    bad = ~np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    if not bad.any():
        return found
    n_bad = np.bincount(np.repeat(np.arange(len(lengths)), lengths)[bad], minlength=len(lengths))
    what = "samples" if values.ndim == 1 else "items"
    return found + [
        (
            int(row),
            f"{n_bad[row]} of {lengths[row]} {what} NaN or infinite",
            "cut them out or leave the recording out",
        )
        for row in np.flatnonzero(n_bad)
    ]


def _two_diagnoses(subject: pd.Series, y: NDArray[Any]) -> list[tuple[int, str, str]]:
    by_subject = pd.DataFrame({"subject": subject.to_numpy(), "y": y}).groupby("subject")["y"]
    diagnoses = {who: sorted(map(str, ys.unique())) for who, ys in by_subject if ys.nunique() > 1}
    remedy = "one subject has one diagnosis: correct it or split the subject"
    return [
        (row, f"subject {who!r} has the diagnoses {', '.join(diagnoses[who])}", remedy)
        for row, who in enumerate(subject)
        if who in diagnoses
    ]


def listed(items: ArrayLike, noun: str) -> str:
    """Spell out the first of some rows or subjects for a message, and count the others."""
    items = list(np.asarray(items))
    shown = ", ".join(map(str, items[:LISTED]))
    more = f" and {len(items) - LISTED} more" if len(items) > LISTED else ""
    return f"{noun}{'s' if len(items) > 1 else ''} {shown}{more}"
