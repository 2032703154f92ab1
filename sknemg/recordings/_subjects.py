"""Checks of subjects and diagnoses: one per row, and one diagnosis per subject."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import column_or_1d

from sknemg.recordings._problems import LISTED, listed
from sknemg.recordings.recordings import Recordings


def read_subjects(X: Any, groups: ArrayLike | None = None) -> NDArray[Any] | None:
    """Tell whose recording each row is.

    Parameters
    ----------
    X : Recordings, DataFrame or any other container
        Where it has a column ``subject``, that is read.
    groups : array-like of shape (n_recordings,), default=None
        Subjects; these take precedence over the column.

    Returns
    -------
    ndarray of shape (n_recordings,) or None
        None where neither knows the subjects.

    Raises
    ------
    ValueError
        If the number of subjects does not fit the rows, or if some rows lack their subject.

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
        if not (isinstance(X, (Recordings, pd.DataFrame)) and "subject" in X):
            return None
        groups = X["subject"]
    return check_subjects(groups, X.shape[0] if hasattr(X, "shape") else len(X))


def check_subjects(groups: ArrayLike, n_rows: int) -> NDArray[Any]:
    """Give one subject a row as an array, or say which rows have none."""
    subjects: NDArray[Any]
    if getattr(groups, "ndim", 1) == 1:
        subjects = pd.Series(groups).to_numpy()  # np.asarray would spell a missing name "nan"
    else:
        subjects = np.asarray(groups)
        if subjects.ndim == 2 and subjects.shape[1] == 1:  # a column of a table
            subjects = subjects[:, 0]
    if subjects.shape != (n_rows,):
        raise ValueError(
            f"groups has shape {subjects.shape} for {n_rows} rows; give one subject for each row."
        )
    missing = np.flatnonzero(pd.isna(subjects))
    if missing.size:
        raise ValueError(
            f"The subject is missing in {listed(missing, 'row')}; name the subject of every "
            "row, or of none."
        )
    return subjects


def check_labels(y: ArrayLike, n_rows: int) -> NDArray[Any]:
    """Give one diagnosis a row as an array, or say which rows have none."""
    labels = column_or_1d(y, warn=True)
    if len(labels) != n_rows:
        raise ValueError(f"y has {len(labels)} diagnoses for {n_rows} rows; give one for each row.")
    # In an array of strings, a missing label is spelled "nan".
    missing = np.flatnonzero(pd.isna(np.asarray(y, dtype=object)))
    if missing.size:
        raise ValueError(
            f"y is missing in {listed(missing, 'row')}; give these rows a diagnosis, or leave "
            "them out."
        )
    return labels


def label_subjects(
    y: ArrayLike, subjects: ArrayLike
) -> tuple[NDArray[np.intp], NDArray[Any], NDArray[np.intp]]:
    """Give each subject a number, and see to it that each has one diagnosis.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Diagnoses.
    subjects : array-like of shape (n_rows,)

    Returns
    -------
    codes : ndarray of shape (n_rows,), intp
        Which subject each row belongs to, counted in order of appearance.
    names : ndarray of shape (n_subjects,)
    first : ndarray of shape (n_subjects,), intp
        The first row of each subject, so that ``y[first]`` are the subjects' diagnoses.

    Raises
    ------
    ValueError
        Naming the subjects with more than one diagnosis and their rows, or the rows that lack
        their subject or diagnosis; or if there is not one diagnosis for each row.

    Examples
    --------
    >>> from sknemg.recordings import label_subjects
    >>> codes, names, first = label_subjects(["normal", "myopathy", "normal"], ["b", "a", "b"])
    >>> codes.tolist(), names.tolist(), first.tolist()
    ([0, 1, 0], ['b', 'a'], [0, 1])
    """
    subjects = check_subjects(subjects, np.shape(subjects)[0])
    y = check_labels(y, len(subjects))
    codes, names = pd.factorize(subjects)
    first = np.unique(codes, return_index=True)[1]
    torn = np.unique(codes[y != y[first[codes]]])
    if len(torn):
        lines = [_describe_torn(names[code], np.flatnonzero(codes == code), y) for code in torn]
        raise ValueError(
            f"{len(torn)} subject{'s have' if len(torn) > 1 else ' has'} more than one diagnosis: "
            + "; ".join(lines[:LISTED])
            + ("; ..." if len(lines) > LISTED else "")
            + ". Correct the diagnosis or split the subject."
        )
    return codes, np.asarray(names), first


def _describe_torn(name: Any, rows: NDArray[Any], y: NDArray[Any]) -> str:
    parts = [f"{label} in {listed(rows[y[rows] == label], 'row')}" for label in np.unique(y[rows])]
    return f"{name} ({', '.join(parts)})"
