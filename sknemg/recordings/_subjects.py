"""Checks of subjects and diagnoses: one of each per row, and one diagnosis per subject."""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Iterable, Mapping
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.recordings._problems import LISTED, capped, listed, shown

ONE_DIAGNOSIS = "correct the diagnosis or split the subject"
# What becomes of a missing entry in an array of strings; the words of a person are not among them.
_SPELLED_OUT = ("nan", "NaN", "None", "<NA>", "NaT")


def read_subjects(X: Any, groups: ArrayLike | None = None) -> NDArray[Any] | None:
    """Return the subject of each row.

    Parameters
    ----------
    X : Recordings, DataFrame or any other container
        Its column ``subject`` is read, if it has one.
    groups : array-like of shape (n_recordings,), default=None
        Subjects; these take precedence over the column.

    Returns
    -------
    ndarray of shape (n_recordings,) or None
        None if neither knows the subjects.

    Raises
    ------
    ValueError
        If there is not one subject for each row, naming the rows whose subject is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> from sknemg.recordings import read_subjects
    >>> X = Recordings(np.zeros((2, 5)), sfreq=10, subject=["S1", "S2"])
    >>> read_subjects(X).tolist(), read_subjects(X, groups=[7, 7]).tolist()
    (['S1', 'S2'], [7, 7])
    >>> read_subjects(np.zeros((2, 5))) is None
    True
    """
    if groups is None:
        table = X if isinstance(X, pd.DataFrame) else getattr(X, "meta", None)  # of Recordings
        if not isinstance(table, pd.DataFrame) or "subject" not in table:
            return None
        groups = table["subject"]
    return check_subjects(groups, X.shape[0] if hasattr(X, "shape") else len(X))


def check_subjects(groups: ArrayLike, n_rows: int) -> NDArray[Any]:
    """Return one subject per row as an array, or raise naming the rows that have none."""
    subjects: NDArray[Any]
    if getattr(groups, "ndim", 1) == 1:
        subjects = pd.Series(groups).to_numpy()  # np.asarray would spell a missing name "nan"
    else:
        subjects = np.asarray(groups)
        if subjects.ndim == 2 and subjects.shape[1] == 1:  # a column of a table
            subjects = subjects[:, 0]
    if subjects.shape != (n_rows,):
        raise ValueError(
            f"groups has shape {subjects.shape} for {n_rows} rows: give one subject for each row."
        )
    if subjects.dtype == object and not all(map(pd.api.types.is_hashable, subjects)):
        wrong = [row for row, who in enumerate(subjects) if not pd.api.types.is_hashable(who)]
        raise ValueError(
            f"The subject is {shown(subjects[wrong[0]])} in {listed(wrong, 'row')}: give one text "
            "or number for each row."
        )
    as_given = isinstance(groups, np.ndarray) and groups.dtype.kind == "U"
    missing = np.flatnonzero(missing_entries(groups if as_given else subjects))
    if missing.size:
        raise ValueError(
            f"The subject is missing in {listed(missing, 'row')}: name the subject of every row, "
            "or of none."
        )
    return subjects


def check_labels(y: ArrayLike, n_rows: int, name: str = "y") -> NDArray[Any]:
    """Return one diagnosis per row as an array, or raise naming the rows that have none."""
    from sklearn.utils.validation import column_or_1d  # not needed to diagnose

    labels = column_or_1d(y, warn=True)
    check_number(labels, n_rows, name)
    check_known(y, name)
    return labels


def check_number(y: ArrayLike, n_rows: int, name: str = "y") -> None:
    """Raise if there is not one diagnosis for each row."""
    if (n_labels := np.shape(y)[0] if np.ndim(y) else 1) != n_rows:
        raise ValueError(
            f"{name} has {n_labels} diagnoses for {n_rows} rows: give one for each row."
        )


def check_known(y: ArrayLike, name: str = "y") -> None:
    """Raise if diagnoses are missing, or some are text and some are not, naming the rows."""
    missing = missing_entries(y)
    if missing.any():
        rows = listed(np.flatnonzero(missing), "row")
        raise ValueError(
            f"{name} is missing in {rows}: give these rows a diagnosis, or leave them out."
        )
    entries: Any = np.asarray(y, dtype=object).ravel() if _is_mixable(y) else []
    kinds: dict[str, tuple[int, Any]] = {}
    for row, entry in enumerate(entries):
        kinds.setdefault(_kind(entry), (row, entry))
    if len(kinds) > 1:
        parts = [f"{kind} ({shown(entry)} in row {row})" for kind, (row, entry) in kinds.items()]
        raise ValueError(f"{name} mixes {' and '.join(parts)}: write all diagnoses in one way.")


def _is_mixable(y: Any) -> bool:
    dtype = getattr(y, "dtype", None)
    return dtype in (None, object) or isinstance(dtype, pd.CategoricalDtype)


def _kind(entry: Any) -> str:
    if isinstance(entry, str):
        return "text"
    if isinstance(entry, (bool, np.bool_)):
        return "truth values"
    return "numbers" if isinstance(entry, Number) else f"entries of type {type(entry).__name__}"


def missing_entries(entries: Any) -> NDArray[np.bool_]:
    """Tell which entries are missing: None, NaN, NA, NaT, masked, blank, or such spelled as text.

    Examples
    --------
    >>> missing_entries(["normal", None, " ", float("nan"), "NA"]).tolist()
    [False, True, True, True, False]
    >>> missing_entries(np.array(["normal", None]).astype(str)).tolist()
    [False, True]
    """
    masked = np.ma.getmaskarray(entries).ravel() if np.ma.isMaskedArray(entries) else False
    dtype = getattr(entries, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        return np.isnan(np.asarray(entries, dtype=float)).ravel() | masked
    column = np.asarray(entries, dtype=object).ravel()
    spelled_out = _SPELLED_OUT if isinstance(dtype, np.dtype) and dtype.kind == "U" else ()
    blank = [isinstance(e, str) and (not e.strip() or e in spelled_out) for e in column]
    return np.asarray(pd.isna(column)) | np.array(blank, dtype=bool) | masked


def require_columns(table: pd.DataFrame, columns: Iterable[str]) -> None:
    """Raise if a table lacks columns, or has gaps in them, naming its rows by their index.

    Examples
    --------
    >>> require_columns(pd.DataFrame({"subject": ["S1", None]}), ["subject"])
    Traceback (most recent call last):
    ValueError: Entries of ['subject'] are missing in row 1: fill them in, or leave these rows out.
    """
    columns = list(columns)
    if lacking := [column for column in columns if column not in table]:
        raise ValueError(f"X lacks the columns {shown(lacking)}: add them.")
    missing = {column: missing_entries(table[column]) for column in columns}
    if gaps := [column for column in columns if missing[column].any()]:
        rows = table.index[np.any([missing[column] for column in gaps], axis=0)]
        raise ValueError(
            f"Entries of {shown(gaps)} are missing in {listed(rows, 'row')}: fill them in, or "
            "leave these rows out."
        )


# -- one diagnosis per subject -----------------------------------------------------------------


def label_subjects(
    y: ArrayLike, subjects: ArrayLike
) -> tuple[NDArray[np.intp], NDArray[Any], NDArray[np.intp]]:
    """Give each subject a number, and check that it has one diagnosis.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Diagnoses.
    subjects : array-like of shape (n_rows,)

    Returns
    -------
    codes : ndarray of shape (n_rows,), intp
        The number of each row's subject, counted in order of appearance.
    names : ndarray of shape (n_subjects,)
    first : ndarray of shape (n_subjects,), intp
        The first row of each subject, so that ``y[first]`` are the subjects' diagnoses.

    Raises
    ------
    ValueError
        Naming the subjects with more than one diagnosis and their rows, or the rows whose
        subject or diagnosis is missing; or if there is not one diagnosis for each row.

    Examples
    --------
    >>> from sknemg.recordings import label_subjects
    >>> codes, names, first = label_subjects(["normal", "myopathy", "normal"], ["b", "a", "b"])
    >>> codes.tolist(), names.tolist(), first.tolist()
    ([0, 1, 0], ['b', 'a'], [0, 1])
    """
    subjects = check_subjects(subjects, np.shape(subjects)[0])
    y = check_labels(y, len(subjects))
    if several := several_diagnoses(subjects, y):
        parts = [f"{shown(who)} ({spell_diagnoses(own)})" for who, own in several.items()]
        raise ValueError(
            f"{len(several)} subject{'s have' if len(several) > 1 else ' has'} more than one "
            f"diagnosis, {capped(parts, separator='; ')}: {ONE_DIAGNOSIS}."
        )
    codes, names = pd.factorize(subjects)
    return codes, np.asarray(names), np.unique(codes, return_index=True)[1]


def several_diagnoses(subjects: Any, y: Any) -> dict[Any, dict[Any, NDArray[np.intp]]]:
    """Find the subjects that have more than one diagnosis.

    Parameters
    ----------
    subjects, y : array-like of shape (n_rows,)
        Rows whose subject or diagnosis is missing are ignored.

    Returns
    -------
    dict
        From each such subject, in order of appearance, to its diagnoses, sorted, and the rows
        of each.

    Examples
    --------
    >>> several_diagnoses(["b", "a", "b", "a", "b"], ["x", "z", "x", "y", None])
    {'a': {'y': array([3]), 'z': array([1])}}
    """
    columns = {"who": subjects, "label": y}
    table = pd.DataFrame(
        {name: np.asarray(entries, dtype=object).ravel() for name, entries in columns.items()},
        dtype=object,
    )
    known = ~(missing_entries(subjects) | missing_entries(y))
    pairs = table[known].drop_duplicates()
    torn = pairs.loc[pairs["who"].duplicated(), "who"]
    rows = table[known & table["who"].isin(torn)]
    return {
        who: {
            label: rows.index[(rows["who"] == who) & (rows["label"] == label)].to_numpy()
            for label in sorted(own["label"].unique(), key=str)
        }
        for who, own in rows.groupby("who", sort=False)
    }


def spell_diagnoses(diagnoses: Mapping[Any, Iterable[int]]) -> str:
    """Write the diagnoses of a subject, and the rows of each."""
    return ", ".join(f"{label} in {listed(rows, 'row')}" for label, rows in diagnoses.items())


def check_classes(classes: Iterable[Any]) -> None:
    """Refuse diagnoses that are one, written in two ways, which would be learned as two.

    Examples
    --------
    >>> check_classes(["normal", "ALS", "als"])
    Traceback (most recent call last):
    ValueError: Diagnoses differ only in case or blanks, ['ALS', 'als']: write each in one way.
    """
    names = list(classes)
    spelled = pd.Series([" ".join(str(label).split()).casefold() for label in names], dtype=object)
    twice = spelled.duplicated(keep=False)
    if alike := [label for label, again in zip(names, twice, strict=True) if again]:
        raise ValueError(
            f"Diagnoses differ only in case or blanks, {shown(alike)}: write each in one way."
        )


# -- one name per subject ----------------------------------------------------------------------


def warn_if_alike(subjects: Iterable[Any], *, stacklevel: int = 2) -> None:
    """Warn once, naming the subjects that differ only in the way they are written."""
    if alike := written_alike(subjects):
        parts = [", ".join(map(shown, names[:LISTED])) for names in alike]
        warnings.warn(
            "Subjects that differ only in case, blanks, leading zeros or Unicode form count as "
            f"different people, {capped(parts, separator='; ')}: write each subject in one way, or "
            "give different people names that differ more.",
            stacklevel=stacklevel + 1,
        )


def written_alike(subjects: Iterable[Any]) -> list[list[Any]]:
    """Group the subjects that differ only in case, blanks, leading zeros or Unicode form.

    Examples
    --------
    >>> written_alike(["S1", "s 1", "S2", 1, "01", "S2"])
    [['S1', 's 1'], [1, '01']]
    """
    groups: dict[str, list[Any]] = {}
    for name in pd.unique(pd.Series(list(subjects), dtype=object).dropna()):
        groups.setdefault(_bare(name), []).append(name)
    return [names for names in groups.values() if len(names) > 1]


def _bare(name: Any) -> str:
    """Write a subject without what a slip of the pen may change: 1, "01" and 1.0 are the same."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", str(name)).casefold())
    kept = "".join(c for c in text if not c.isspace() and unicodedata.category(c) != "Cf")
    whole = re.sub(r"^(\d+)\.0+$", r"\1", kept)
    return re.sub(r"(?<![\d.,])0+(?=\d)", "", whole)
