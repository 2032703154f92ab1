"""Tables of a page: rows in groups, a header for each row, and a limit to their number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

_LONG, _WORD = 40, 20  # characters of an entry, or of a word, from which it is broken into lines
_LONGEST = 160  # characters shown of an entry
_MANY = 9  # columns from which a table is printed on paper in landscape
_TOGETHER = 12  # rows of a group that are kept on one sheet of paper
_SHEET = 30  # rows of a table that are


@dataclass(frozen=True)
class Cell:
    """An entry: its text, and how it is set (``""``, ``"number"``, ``"long"`` or both)."""

    text: str
    look: str = ""


@dataclass(frozen=True)
class Group:
    """Rows under one heading; None without a heading."""

    heading: Cell | None
    rows: list[list[Cell]]

    @property
    def short(self) -> bool:
        """Whether it is printed on one sheet."""
        return len(self.rows) <= _TOGETHER


@dataclass(frozen=True)
class Table:
    """A table as the template ``macros.html`` lays it out.

    Parameters
    ----------
    name : str
        Unique in its page.
    caption : str
    columns : list of Cell
        Headings.
    groups : list of Group
    note : str, default=""
        What stands below the table.
    """

    name: str
    caption: str
    columns: list[Cell]
    groups: list[Group]
    note: str = ""

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        name: str,
        caption: str,
        *,
        group: Any = None,
        limit: int = 100,
        whole: str = "",
    ) -> Table:
        """Lay out a DataFrame; its first column holds the headers of the rows.

        Parameters
        ----------
        frame : DataFrame
            An entry that is a `Cell` is shown as it is.
        name, caption : str
        group : label of a column, default=None
            Neighbouring rows that agree in it stand under one heading.
        limit : int, default=100
            Rows shown of each group. A note counts the others.
        whole : str, default=""
            The file that holds all rows, named in that note.

        Returns
        -------
        Table

        Examples
        --------
        >>> import pandas as pd
        >>> from sknemg.pages import Table
        >>> frame = pd.DataFrame({"who": ["S1", "S2", "S3"], "share": [1 / 3, float("nan"), 1]})
        >>> table = Table.from_frame(frame, "shares", "Shares", limit=2, whole="shares.csv")
        >>> [[cell.text for cell in row] for row in table.groups[0].rows]
        [['S1', '0.333'], ['S2', '–']]
        >>> table.note
        '2 of 3 rows are shown; shares.csv holds all.'
        """
        shown = frame if group is None else frame.drop(columns=group)
        groups = []
        for heading, places in _runs(frame, group):
            cells = [
                [_cell(entry) for entry in row]
                for row in shown.iloc[places[:limit]].itertuples(index=False, name=None)
            ]
            groups.append(Group(None if group is None else _cell(heading), cells))
        rows = [row for one in groups for row in one.rows]
        entries = zip(*rows, strict=True) if rows else [()] * shown.shape[1]
        columns = [_heading(name, own) for name, own in zip(shown.columns, entries, strict=True)]
        n_shown = sum(len(group.rows) for group in groups)
        note = f"{n_shown} of {len(frame)} rows are shown" if n_shown < len(frame) else ""
        note += f"; {whole} holds all." if note and whole else "." if note else ""
        return cls(name, caption, columns, groups, note)

    @property
    def wide(self) -> bool:
        """Whether it is printed on paper in landscape."""
        return len(self.columns) > _MANY

    @property
    def short(self) -> bool:
        """Whether it is printed on one sheet."""
        return sum(1 + len(group.rows) for group in self.groups) <= _SHEET


def _runs(frame: pd.DataFrame, group: Any) -> Iterator[tuple[Any, list[int]]]:
    """Yield the positions of neighbouring rows that agree in the column `group`."""
    if group is None:
        yield None, list(range(len(frame)))
        return
    entries = frame[group].tolist()
    start = 0
    for at in range(1, len(entries) + 1):
        if at == len(entries) or entries[at] != entries[start]:
            yield entries[start], list(range(start, at))
            start = at


def _heading(name: Any, entries: Sequence[Cell]) -> Cell:
    """Set a heading to the right where all that stands below it is."""
    heading = _cell(name)
    if not entries or any(entry.look != "number" for entry in entries):
        return heading
    return Cell(heading.text, "number long" if heading.look == "long" else "number")


def _cell(entry: Any) -> Cell:
    if isinstance(entry, Cell):
        return entry
    if entry is None or (pd.api.types.is_scalar(entry) and pd.isna(entry)):
        return Cell("–", "number")
    if isinstance(entry, (float, np.floating)):
        number = float(entry) + 0.0  # no minus zero
        return Cell(f"{number:.3g}" if abs(number) < 999.5 else f"{number:.0f}", "number")
    text = str(entry)
    if isinstance(entry, (int, np.integer)) and not isinstance(entry, bool):
        return Cell(text, "number")
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    long = len(text) > _LONG or any(len(word) > _WORD for word in text.split())
    return Cell(text, "long" if long else "")
