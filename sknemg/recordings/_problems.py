"""The error that names unusable recordings, and how messages spell out rows and values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, KeysView, Mapping, Sequence, ValuesView
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

PROBLEM_COLUMNS = ["row", "problem", "remedy"]
LOCATIONS = ("proximal", "distal")
RATES_WANTED = "give `sfreq` in hertz, one rate or one per recording"
LISTED = 10  # rows or subjects spelled out in one line
_LONG = 200  # characters of a text spelled out
_SEQUENCES = (
    *(list, range, KeysView, ValuesView),
    *(np.ndarray, pd.Series, pd.Index, pd.api.extensions.ExtensionArray),
)
ROW = "row_of_X"  # the column that keeps a row's number in the whole X while X is split
MASKED = "masked samples", "cut them out or leave the recording out"
_SHOWN = 20  # problems spelled out in a message; the rest is in ``error.problems``


class InvalidRecordingsError(ValueError):
    """Recordings that cannot be used, every one of them named.

    Attributes
    ----------
    problems : DataFrame, columns ``row``, ``problem``, ``remedy``
        One line for each problem found. A transformer adds the column ``where``: the row, with
        its subject, file and row of the cohort's table as far as they are known.

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
        where = problems["where"] if "where" in problems else [f"row {n}" for n in problems["row"]]
        lines = [
            f"  {at}: {p.problem} ({p.remedy})"
            for at, p in zip(where[:_SHOWN], problems[:_SHOWN].itertuples(), strict=True)
        ]
        if len(problems) > _SHOWN:
            lines.append(f"  ... and {len(problems) - _SHOWN} more in `error.problems`")
        super().__init__(
            f"{n_rows} unusable recording{'s' if n_rows > 1 else ''}:\n" + "\n".join(lines)
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems,)

    def placed(self, meta: pd.DataFrame) -> InvalidRecordingsError:
        """Return the same error with the places of its rows, read from the table of recordings.

        Parameters
        ----------
        meta : DataFrame of n_recordings rows

        Returns
        -------
        InvalidRecordingsError
            Its ``row`` counts the rows of the whole X, if X was split.
        """
        if "where" in self.problems:
            return self
        rows = self.problems["row"].to_numpy()
        where = [origin(meta, row) for row in rows]
        return type(self)(self.problems.assign(row=rows_of(meta, rows), where=where))


def raise_problems(rows: ArrayLike, problems: list[str], remedy: str) -> None:
    """Raise `InvalidRecordingsError` with one problem for each of the rows."""
    table = pd.DataFrame({"row": rows, "problem": problems, "remedy": remedy})
    raise InvalidRecordingsError(table)


def refuse_masked(X: Any) -> None:
    """Raise if samples of an array, or of rows in a list, are masked, naming the rows.

    A plain array made from them would hold the numbers behind the mask.

    Examples
    --------
    >>> refuse_masked(np.ma.masked_equal([[1, 2], [3, -999]], -999))
    Traceback (most recent call last):
    sknemg.recordings._problems.InvalidRecordingsError: 1 unusable recording:
      row 1: masked samples (cut them out or leave the recording out)
    """
    if isinstance(X, (list, tuple)):
        masked = map(np.ma.isMaskedArray, X)
        rows = [row for row, one in enumerate(masked) if one and np.ma.is_masked(X[row])]
    elif np.ma.isMaskedArray(X) and X.ndim:
        rows = np.flatnonzero(np.ma.getmaskarray(X).reshape(len(X), -1).any(axis=1)).tolist()
    else:
        return
    if rows:
        problem, remedy = MASKED
        raise_problems(rows, [problem] * len(rows), remedy)


def listed(items: Iterable[Any], noun: str) -> str:
    """Spell out the first of some rows or subjects for a message, and count the others.

    Examples
    --------
    >>> listed([2, 5], "row"), listed(range(40), "row")
    ('rows 2, 5', 'rows 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 30 more')
    >>> listed(np.array(["S1"]), "subject")
    "subject 'S1'"
    """
    items = list(items)
    return f"{noun}{'s' if len(items) > 1 else ''} {capped(items, spell=shown)}"


def capped(
    items: Sequence[Any], *, separator: str = ", ", spell: Callable[[Any], str] = str
) -> str:
    """Join the first of some items for a message, and count the others.

    Examples
    --------
    >>> capped(["a (2 s)", "b (3 s)"], separator="; "), capped(range(12))
    ('a (2 s); b (3 s)', '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more')
    """
    more = f" and {len(items) - LISTED} more" if len(items) > LISTED else ""
    return separator.join(map(spell, items[:LISTED])) + more


def check_counts(least: int = 1, /, **given: Any) -> None:
    """Refuse parameters, given by name, that are not integers from `least` on."""
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
            raise ValueError(f"{name}={shown(value)} must be an integer >= {least}.")


def check_choice(known: Iterable[str], /, **given: Any) -> None:
    """Refuse parameters, given by name, that are none of these words.

    Examples
    --------
    >>> check_choice(("raise", "skip"), on_error="stop")
    Traceback (most recent call last):
    ValueError: on_error='stop' is unknown: give 'raise' or 'skip'.
    """
    words = list(known)
    for name, value in given.items():
        if not isinstance(value, str) or value not in words:
            *first, last = map(repr, words)
            raise ValueError(
                f"{name}={shown(value)} is unknown: give {', '.join(first)} or {last}."
            )


def check_flags(**given: Any) -> None:
    """Refuse parameters, given by name, that are neither True nor False: "no" counts as true."""
    for name, value in given.items():
        if not isinstance(value, (bool, np.bool_)):
            raise ValueError(f"{name}={shown(value)} must be True or False.")


def check_generator(random_state: Any) -> np.random.Generator:
    """Return the generator of a seed, or refuse what is not a seed.

    Examples
    --------
    >>> check_generator(-1)
    Traceback (most recent call last):
    ValueError: random_state=-1 must be None, an integer >= 0 or a numpy Generator.
    """
    try:
        return np.random.default_rng(random_state)
    except (TypeError, ValueError):
        raise ValueError(
            f"random_state={shown(random_state)} must be None, an integer >= 0 or a numpy "
            "Generator."
        ) from None


def origin(meta: pd.DataFrame, row: int) -> str:
    """Say whose recording a row is, and which file and row of the cohort's table it came from.

    Examples
    --------
    >>> meta = pd.DataFrame({"subject": ["S1"], "file": ["data/a.npy"], "table_row": [11]})
    >>> origin(meta, 0)
    "row 0 (subject 'S1', file 'data/a.npy', table row 11)"
    """
    known = [
        f"{name.replace('_', ' ')} {shown(meta[name].iloc[row])}"
        for name in ("subject", "file", "table_row")
        if name in meta and not pd.isna(meta[name].iloc[row])
    ]
    return f"row {rows_of(meta, [row])[0]}" + (f" ({', '.join(known)})" if known else "")


def rows_of(meta: pd.DataFrame, rows: ArrayLike) -> NDArray[Any]:
    """Return the numbers of rows in the whole X, of which this may be a fold.

    Examples
    --------
    >>> fold = pd.DataFrame({"subject": ["S1", "S2"]}).assign(**{ROW: [4, 9]})
    >>> rows_of(fold, [1]).tolist(), rows_of(fold[["subject"]], [1]).tolist()
    ([9], [1])
    """
    rows = np.asarray(rows)
    return meta[ROW].to_numpy()[rows] if ROW in meta else rows


def shown(value: Any) -> str:
    """Write a value for a message: NumPy's numbers and texts as Python's, long ones cut.

    Examples
    --------
    >>> shown(np.str_("normal")), shown(np.float32(0.1)), shown(np.array(["a", "b"]))
    ("'normal'", '0.1', "['a', 'b']")
    >>> shown(range(40))
    '[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... 30 more]'
    """
    if isinstance(value, str):
        return repr(str(value) if len(value) <= _LONG else str(value[:_LONG]) + "...")
    if isinstance(value, np.bytes_):
        return repr(bytes(value))
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return str(value) if value.dtype.kind in "biufcmM" else shown(value.item())
    if isinstance(value, Mapping):
        return "{" + _joined(f"{shown(k)}: {shown(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (set, frozenset)):
        return "{" + _joined(sorted(map(shown, value))) + "}" if value else "set()"
    if isinstance(value, tuple):
        return "(" + _joined(map(shown, value)) + (",)" if len(value) == 1 else ")")
    if isinstance(value, _SEQUENCES):
        return "[" + _joined(map(shown, value)) + "]"
    return repr(value)


def _joined(parts: Iterable[str]) -> str:
    parts = list(parts)
    more = [f"... {len(parts) - LISTED} more"] if len(parts) > LISTED else []
    return ", ".join(parts[:LISTED] + more)
