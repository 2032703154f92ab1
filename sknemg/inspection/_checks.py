"""From a fitted pipeline to the network inside it and to what the network sees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.recordings._problems import listed


def scores_frame(scores: Any, classes: ArrayLike | None) -> pd.DataFrame:
    """Make a DataFrame with a column a class of an array of scores; a DataFrame passes."""
    if isinstance(scores, pd.DataFrame):
        return scores
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 2:
        raise ValueError(
            f"Scores are a table, a row an item and a column a class, not {scores.ndim}-D."
        )
    if classes is None or np.shape(classes) != (scores.shape[1],):
        raise ValueError(f"classes must name the {scores.shape[1]} columns of the scores.")
    return pd.DataFrame(scores, columns=np.asarray(classes).tolist())


def labels_and_scores(
    y_true: ArrayLike, scores: Any, classes: ArrayLike | None, *, probabilities: bool = False
) -> tuple[NDArray[Any], pd.DataFrame]:
    """Return labels and scores that fit each other, or say all that keeps them from being drawn.

    Parameters
    ----------
    y_true : array-like of shape (n,)
    scores : DataFrame with a column a class, or array of shape (n, n_classes)
    classes : array-like of shape (n_classes,) or None
    probabilities : bool, default=False
        Whether the scores must lie between 0 and 1.
    """
    labels, frame = pd.Series(np.asarray(y_true)), scores_frame(scores, classes)
    if len(labels) != len(frame):
        raise ValueError(f"y_true has {len(labels)} labels for {len(frame)} rows of scores.")
    numeric = [pd.api.types.is_numeric_dtype(frame.iloc[:, i]) for i in range(frame.shape[1])]
    if not all(numeric):
        others = frame.columns[~np.array(numeric)].tolist()
        raise ValueError(f"Columns {others} hold no scores: give the columns of the classes only.")
    values, wrong = frame.to_numpy(dtype=float), []
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        rows = listed(np.flatnonzero(bad), "row")
        wrong.append(f"scores are NaN or infinite in {rows}: leave the rows out")
    outside = ((values < -1e-6) | (values > 1 + 1e-6)).any(axis=1) & ~bad
    if probabilities and outside.any():
        rows = listed(np.flatnonzero(outside), "row")
        wrong.append(
            f"scores are not between 0 and 1 in {rows}: give probabilities, as predict_proba does, "
            "in columns of the classes only"
        )
    unknown = ~labels.isin(list(frame.columns)).to_numpy()
    if unknown.any():
        names = ", ".join(map(repr, labels[unknown].drop_duplicates().tolist()[:10]))
        rows = listed(np.flatnonzero(unknown), "row")
        wrong.append(
            f"y_true holds {names} in {rows}, but the scores are of "
            f"{', '.join(map(repr, frame.columns))}: name the classes alike or leave the rows out"
        )
    if wrong:
        raise ValueError("Labels and scores cannot be drawn: " + "; ".join(wrong) + ".")
    return labels.to_numpy(), frame


def check_each(name: str, entries: ArrayLike, n_rows: int) -> NDArray[Any]:
    """Return one entry a row as an array, or say which rows have none."""
    column = pd.Series(entries).reset_index(drop=True)
    if len(column) != n_rows:
        raise ValueError(f"{name} has {len(column)} entries for {n_rows} rows of scores.")
    if column.isna().any():
        raise ValueError(f"{name} is missing in {listed(np.flatnonzero(column.isna()), 'row')}.")
    return column.to_numpy()
