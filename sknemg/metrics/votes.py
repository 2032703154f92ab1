"""Votes of readers: the table that a study of readers begins with, and its checks."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from sknemg.recordings._entries import entry_text
from sknemg.recordings._problems import check_choice, listed, shown

#: The answer of a reader who has read a case and names no diagnosis.
CANNOT_SAY = "cannot say"

#: The diagnoses that readers choose from, even in a cohort where nobody has one of them.
USUAL_DIAGNOSES = ("myopathy", "neuropathy", "normal")

VOTE_COLUMNS = (
    "reader",
    "subject",
    "recording",
    "level",
    "vote",
    "confidence",
    "seconds",
    "arm",
    "repeat",
    "time",
)
_NEEDED = ("reader", "subject", "vote")
_CASE = ["reader", "subject", "recording", "level", "arm", "repeat"]
_LEVELS = ("subject", "recording")


def read_votes(source: str | Path | pd.DataFrame) -> pd.DataFrame:
    """Read and check a table of votes, one row for each vote.

    Parameters
    ----------
    source : path of a CSV file in UTF-8, separated by commas, or DataFrame
        With the columns ``reader``, ``subject`` and ``vote``, and as far as known ``recording``,
        ``level``, ``confidence``, ``seconds``, ``arm``, ``repeat`` and ``time``; see the guide.
        Further columns are left out.

    Returns
    -------
    DataFrame, columns ``reader``, ``subject``, ``recording``, ``level``, ``vote``, \
``confidence``, ``seconds``, ``arm``, ``repeat``, ``time``
        One row for each case that a reader has read: of several votes for one case the last by
        ``time`` counts (of the same time, the lower row), and ``attrs["corrected"]`` is the
        number of the others. ``recording`` is empty at the level ``"subject"``. ``confidence``
        and ``seconds`` are float, ``repeat`` is int, ``time`` is in UTC or NaT.

    Raises
    ------
    ValueError
        If the file is not in UTF-8, a column is missing, entries are missing or cannot be read, or
        a case has several votes and no times, naming the rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from sknemg.metrics import read_votes
    >>> votes = pd.DataFrame(
    ...     {
    ...         "reader": ["A", "A", "B"],
    ...         "subject": ["S1", "S1", "S1"],
    ...         "vote": ["normal", "myopathy", "cannot say"],
    ...         "time": ["2026-03-01T09:00Z", "2026-03-01T09:02Z", "2026-03-02T17:30Z"],
    ...     }
    ... )
    >>> table = read_votes(votes)
    >>> table[["reader", "subject", "level", "vote", "arm", "repeat"]]
      reader subject    level        vote      arm  repeat
    0      A      S1  subject    myopathy  blinded       0
    1      B      S1  subject  cannot say  blinded       0
    >>> table.attrs["corrected"]
    1
    """
    table = _texts(source)
    if lacking := [name for name in _NEEDED if name not in table]:
        sign = next((s for s in ";\t" if len(table.columns) == 1 and s in table.columns[0]), None)
        remedy = "name columns after them" if sign is None else (
            f"they seem to be separated by {sign!r}: save the table with commas, or give a "
            "DataFrame of text"
        )  # fmt: skip
        raise ValueError(
            f"The votes have no columns {shown(lacking)}, but {shown(table.columns)}: {remedy}."
        )
    if not len(table):
        raise ValueError("There are no votes: give a table with a row for each vote.")
    table = table.reindex(columns=list(VOTE_COLUMNS), fill_value="")
    for name in _NEEDED:
        empty = np.flatnonzero(table[name] == "")
        if len(empty):
            raise ValueError(
                f"The {name} is missing in {listed(empty, 'row')}: fill it in, or leave these rows "
                f"out; who has read a case without naming a diagnosis votes {CANNOT_SAY!r}."
            )
    table["level"] = _levels(table)
    table["arm"] = table["arm"].where(table["arm"] != "", "blinded")
    table["repeat"] = _numbers(table["repeat"].where(table["repeat"] != "", "0"), whole=True)
    for name in ("confidence", "seconds"):
        table[name] = _numbers(table[name])
    table["time"] = _times(table["time"])
    return _last(table)


def vote_table(
    votes: pd.DataFrame, *, level: str = "subject", arm: str = "blinded", repeat: int = 0
) -> pd.DataFrame:
    """Lay out votes with a row for each case and a column for each reader.

    Parameters
    ----------
    votes : DataFrame from `read_votes`
    level : {"subject", "recording"}, default="subject"
    arm : str, default="blinded"
    repeat : int, default=0
        0 is the first reading.

    Returns
    -------
    DataFrame of shape (n_cases, n_readers)
        Indexed by ``subject``, or by ``subject`` and ``recording``. An entry is missing where the
        reader has not read the case.

    Raises
    ------
    ValueError
        If `level` is unknown.

    Examples
    --------
    >>> import pandas as pd
    >>> from sknemg.metrics import read_votes, vote_table
    >>> votes = pd.DataFrame({"reader": list("AAB"), "subject": ["S1", "S2", "S1"]})
    >>> votes["vote"] = "normal"
    >>> vote_table(read_votes(votes))
    reader        A       B
    subject
    S1       normal  normal
    S2       normal     NaN
    """
    check_choice(("subject", "recording"), level=level)
    here = (votes["level"] == level) & (votes["arm"] == arm) & (votes["repeat"] == repeat)
    case = ["subject"] if level == "subject" else ["subject", "recording"]
    return votes[here].pivot(index=case, columns="reader", values="vote")


def _texts(source: str | Path | pd.DataFrame) -> pd.DataFrame:
    """Take every entry as text, a missing one as empty: "007" and "NA" are names."""
    if isinstance(source, (str, os.PathLike)):
        try:
            table = pd.read_csv(source, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"The votes in {str(source)!r} are not in UTF-8 (the byte 0x"
                f"{error.object[error.start]:02x} is no part of it): save them as CSV in UTF-8, or "
                "give a DataFrame of text."
            ) from error
    else:
        table = source.reset_index(drop=True)
        table = table.astype(object).where(table.notna(), "").map(entry_text)
    return table.apply(lambda column: column.str.strip()) if len(table) else table


def _levels(table: pd.DataFrame) -> pd.Series:
    level = table["level"].where(
        table["level"] != "", np.where(table["recording"] == "", "subject", "recording")
    )
    unknown = np.flatnonzero(~level.isin(_LEVELS))
    if len(unknown):
        raise ValueError(
            f"The level is {shown(level[unknown].unique())} in {listed(unknown, 'row')}: write "
            "'subject' or 'recording'."
        )
    unnamed = np.flatnonzero((level == "recording") != (table["recording"] != ""))
    if len(unnamed):
        raise ValueError(
            f"Level and recording do not fit in {listed(unnamed, 'row')}: a vote for a recording "
            "names it, a vote for a subject names none."
        )
    return level


def _numbers(column: pd.Series, *, whole: bool = False) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = (column != "") & ~(np.isfinite(numbers) & (numbers >= 0))
    if whole:
        wrong |= numbers % 1 != 0
    rows = np.flatnonzero(wrong)
    if len(rows):
        kind = "whole numbers" if whole else "numbers"
        raise ValueError(
            f"The {column.name} is {shown(column[rows].unique())} in {listed(rows, 'row')}: write "
            f"{kind} >= 0."
        )
    return numbers.astype(int if whole else float)


def _times(column: pd.Series) -> pd.Series:
    times = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
    rows = np.flatnonzero((column != "") & times.isna())
    if len(rows):
        raise ValueError(
            f"The time is {shown(column[rows].unique())} in {listed(rows, 'row')}: write it as "
            "2026-03-01T09:00:00Z."
        )
    return times


def _last(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the last vote of each case."""
    several = table.duplicated(_CASE, keep=False)
    unclear = np.flatnonzero(several & table["time"].isna())
    if len(unclear):
        raise ValueError(
            "A reader has several votes for one case, and the time does not tell which is the "
            f"last, in {listed(unclear, 'row')}: keep one, or give the times; a second reading "
            "has repeat=1."
        )
    ordered = table.sort_values("time", kind="stable")
    kept = ordered.drop_duplicates(_CASE, keep="last").sort_index().reset_index(drop=True)
    kept.attrs["corrected"] = len(table) - len(kept)
    return kept
