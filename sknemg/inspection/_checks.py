"""Checks of the labels and scores that a display is given, or that a model gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.divote.fitted import open_model
from sknemg.divote.opened import Opened
from sknemg.metrics.scorer import LevelScores, level_scores
from sknemg.recordings import read_subjects
from sknemg.recordings._problems import LISTED, listed, shown
from sknemg.recordings._subjects import check_labels

if TYPE_CHECKING:
    from sknemg.divote._combined import CombinedLevels


def model_answers(
    estimator: Any, X: Any, y: ArrayLike, level: str, groups: ArrayLike | None
) -> tuple[LevelScores, bool]:
    """Let a model answer at a level; where the subjects are unknown, each row is one.

    Returns
    -------
    answers : LevelScores
    known : bool
        Whether the subjects are known.
    """
    if level != "subject" or read_subjects(X, groups) is not None:
        return level_scores(estimator, X, y, level=level, groups=groups), True
    proba = open_model(estimator).predict_proba(X)
    labels = check_labels(y, len(proba))
    return LevelScores(labels, proba, np.arange(len(proba))), False


def scores_frame(scores: Any, classes: ArrayLike | None) -> pd.DataFrame:
    """Turn an array of scores into a DataFrame with a column for each class."""
    if isinstance(scores, pd.DataFrame):
        return scores
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 2:
        raise ValueError(
            f"The scores are {scores.ndim}-D: give a table with a row for each item and a column "
            "for each class."
        )
    if classes is None or np.shape(classes) != (scores.shape[1],):
        raise ValueError(
            f"classes={shown(classes)} does not name the {scores.shape[1]} columns of the scores: "
            "give one label for each."
        )
    return pd.DataFrame(scores, columns=np.asarray(classes).tolist())


def labels_and_scores(
    y_true: ArrayLike, scores: Any, classes: ArrayLike | None, *, probabilities: bool = False
) -> tuple[NDArray[Any], pd.DataFrame]:
    """Return labels and scores that fit each other, or name everything that is wrong with them.

    Parameters
    ----------
    y_true : array-like of shape (n,)
    scores : DataFrame with a column for each class, or array of shape (n, n_classes)
    classes : array-like of shape (n_classes,) or None
    probabilities : bool, default=False
        Whether the scores must lie between 0 and 1.
    """
    labels, frame = pd.Series(np.asarray(y_true)), scores_frame(scores, classes)
    if len(labels) != len(frame):
        raise ValueError(
            f"y_true has {len(labels)} labels for {len(frame)} rows of scores: give one for each "
            "row."
        )
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()].unique().tolist()
        raise ValueError(
            f"The scores have several columns {shown(twice)}: give one for each class."
        )
    numeric = [pd.api.types.is_numeric_dtype(frame.iloc[:, i]) for i in range(frame.shape[1])]
    if not all(numeric):
        others = frame.columns[~np.array(numeric)].tolist()
        raise ValueError(
            f"Columns {shown(others)} hold no scores: give the columns of the classes only."
        )
    values, wrong = frame.to_numpy(dtype=float), []
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        rows = listed(np.flatnonzero(bad), "row")
        wrong.append(f"scores are NaN or infinite in {rows}: leave these rows out")
    outside = ((values < -1e-6) | (values > 1 + 1e-6)).any(axis=1) & ~bad
    if probabilities and outside.any():
        rows = listed(np.flatnonzero(outside), "row")
        wrong.append(
            f"scores are not between 0 and 1 in {rows}: give probabilities, as predict_proba does, "
            "in columns of the classes only"
        )
    unknown = ~labels.isin(list(frame.columns)).to_numpy()
    if unknown.any():
        names = ", ".join(map(shown, labels[unknown].drop_duplicates().tolist()[:LISTED]))
        rows = listed(np.flatnonzero(unknown), "row")
        wrong.append(
            f"y_true holds {names} in {rows}, but the scores are of "
            f"{', '.join(map(shown, frame.columns))}: use the same names for the classes, or leave "
            "these rows out"
        )
    if wrong:
        raise ValueError("Labels and scores cannot be drawn: " + "; ".join(wrong) + ".")
    return labels.to_numpy(), frame


def check_each(name: str, entries: ArrayLike, n_rows: int) -> NDArray[Any]:
    """Return one entry for each row as an array, or name the rows that have none."""
    column = pd.Series(entries).reset_index(drop=True)
    if len(column) != n_rows:
        raise ValueError(
            f"{name} has {len(column)} entries for {n_rows} rows of scores: give one for each row."
        )
    if column.isna().any():
        rows = listed(np.flatnonzero(column.isna()), "row")
        raise ValueError(f"{name} is missing in {rows}: give these rows one, or leave them out.")
    return column.to_numpy()


def recordings_of_subjects(
    opened: Opened, X: Any, levels: CombinedLevels | None = None
) -> pd.DataFrame:
    """Score each recording by itself, unless its levels are known, and say whose it is."""
    table = opened.recordings(X) if levels is None else levels.recordings
    if "subject" not in table:
        raise ValueError("The subjects are unknown: give an X with a column 'subject'.")
    return table
