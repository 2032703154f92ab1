"""Everything that is wrong with a folder or files: found, listed and raised."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any

import pandas as pd

from sknemg.recordings import InvalidRecordingsError

_COLUMNS = ["table", "row", "problem", "remedy"]


class InvalidCohortError(InvalidRecordingsError):
    """A folder or files that cannot be loaded as they are, with everything that is wrong.

    Attributes
    ----------
    problems : DataFrame, columns ``table``, ``row``, ``problem``, ``remedy``
        One line for each. Rows are counted as a spreadsheet does: the names of the columns are
        row 1. A problem of a whole table has no row (``<NA>``).
    """

    def __init__(self, problems: pd.DataFrame, where: str = "cohort"):
        self.problems, self._where = problems, where
        n = len(problems)
        ValueError.__init__(
            self, f"{n} problem{'s' if n != 1 else ''} in the {where}:\n{describe(problems)}"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems, self._where)


def describe(problems: pd.DataFrame) -> str:
    """List all problems, a line for all the rows of a table that share one."""
    lines = []
    for (table, problem, remedy), group in problems.groupby(
        ["table", "problem", "remedy"], sort=False
    ):
        rows = _ranges(group["row"].dropna().astype(int))
        where = f"{table}, {rows}" if rows else table
        lines.append(f"  {where}: {problem}" + (f" ({remedy})" if remedy else ""))
    return "\n".join(lines)


def _ranges(rows: Iterable[int]) -> str:
    spans: list[list[int]] = []
    for row in sorted(set(rows)):
        if spans and row == spans[-1][1] + 1:
            spans[-1][1] = row
        else:
            spans.append([row, row])
    text = ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in spans)
    return f"row{'s' if len(spans) > 1 or text.count('-') else ''} {text}" if spans else ""


class Findings:
    """Problems found so far, and the recording rows that they rule out.

    Parameters
    ----------
    where : str, default="cohort"
        What is looked at, for the message.
    """

    def __init__(self, where: str = "cohort") -> None:
        self.where = where
        self.files: dict[Any, str] = {}  # of rows that stand in no table
        self._found: list[tuple[str, Any, str, str]] = []
        self._why: dict[Any, list[str]] = {}  # rows of recordings are ruled out

    @property
    def out(self) -> Set[Any]:
        """The rows of recordings that are ruled out."""
        return self._why.keys()

    def rule_out(self, rows: Iterable[Any], why: str) -> None:
        """Rule out rows of recordings for a problem that is noted elsewhere."""
        for row in rows:
            self._why.setdefault(row, []).append(why)

    def add(
        self,
        table: str,
        rows: Iterable[Any],
        problem: str,
        remedy: str = "",
        *,
        out: bool = True,
    ) -> None:
        """Note one problem of these rows; `out` if they are rows of recordings."""
        for row in rows:
            self._found.append((table, row, problem, remedy))
            if out and row is not None:
                self.rule_out([row], problem + (f" ({remedy})" if remedy else ""))

    def table(self) -> pd.DataFrame:
        """Return the problems as `InvalidCohortError.problems`."""
        found = [
            (self.files.get(row, table), None if row in self.files else row, *said)
            for table, row, *said in self._found
        ]
        return pd.DataFrame(found, columns=_COLUMNS).astype({"row": "Int64"})

    def by_row(self) -> dict[Any, str]:
        """Return why each row of recordings that is ruled out is, as one text."""
        return {row: "; ".join(why) for row, why in self._why.items()}

    def stop_if_any(self) -> None:
        """Raise `InvalidCohortError` if there is a problem."""
        if self._found:
            raise InvalidCohortError(self.table(), self.where)
