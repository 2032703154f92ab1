"""Tables with a column for each reader, checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from sknemg.recordings._problems import capped, listed, shown
from sknemg.recordings._subjects import written_alike


def check_reader_table(what: str, table: Any) -> None:
    """Refuse what is no table of readers' answers, or has two columns of one name.

    Parameters
    ----------
    what : str
        What the user calls it, at the beginning of a sentence.
    table : object

    Raises
    ------
    ValueError
        If it is no DataFrame, has no rows, or a reader twice: which of the two columns is meant
        could not be told.
    """
    if not isinstance(table, pd.DataFrame):
        raise ValueError(
            f"{what} is a {type(table).__name__}: give a DataFrame with a column for each reader."
        )
    if not len(table):
        raise ValueError(f"{what} has no rows: give the answers to at least one case.")
    if twice := _repeated(table.columns.tolist()):
        raise ValueError(
            f"{what} has {listed(twice, 'reader')} more than once: give every column a name of its "
            "own."
        )


def check_chosen_readers(what: str, table: pd.DataFrame, readers: Sequence[Any]) -> None:
    """Refuse readers that a table does not have, or that are chosen twice.

    Parameters
    ----------
    what : str
        What the user calls the choice, at the beginning of a sentence.
    table : DataFrame of shape (n_cases, n_readers)
    readers : sequence of column names

    Raises
    ------
    ValueError
        If one is unknown or chosen twice, or the choice is a single text.
    """
    if isinstance(readers, str):
        raise ValueError(f"{what} is the text {shown(readers)}: give a list of readers.")
    columns = table.columns.tolist()
    if unknown := [reader for reader in readers if reader not in columns]:
        raise ValueError(
            f"{what} names {listed(unknown, 'reader')}, but the columns are {shown(columns)}: give "
            "readers among them."
        )
    if twice := _repeated(readers):
        raise ValueError(f"{what} names {listed(twice, 'reader')} more than once: give others.")


def check_spelling(what: str, labels: Iterable[Any]) -> None:
    """Refuse labels that are one, written in several ways, which would count as different.

    Parameters
    ----------
    what : str
        What they are, at the beginning of a sentence.
    labels : iterable

    Raises
    ------
    ValueError
        Naming them.

    Examples
    --------
    >>> check_spelling("Ratings", ["normal", "Normal"])
    Traceback (most recent call last):
    ValueError: Ratings differ only in case, blanks, leading zeros or Unicode form, 'normal', \
'Normal': write each in one way.
    """
    if alike := written_alike(labels):
        parts = [", ".join(map(shown, own)) for own in alike]
        raise ValueError(
            f"{what} differ only in case, blanks, leading zeros or Unicode form, "
            f"{capped(parts, separator='; ')}: write each in one way."
        )


def _repeated(names: Sequence[Any]) -> list[Any]:
    return [name for name, n in Counter(names).items() if n > 1]
