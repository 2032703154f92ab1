"""Metrics of agreement between readers, and readers as points beside a curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.recordings._problems import listed


def fleiss_agreement(
    ratings: pd.DataFrame,
    sets: Mapping[str, Sequence[Any]] | None = None,
    *,
    n_bootstrap: int = 1000,
    random_state: int | None = None,
) -> pd.DataFrame:
    """Measure the agreement within sets of readers by Fleiss' κ, overall and for each class.

    Parameters
    ----------
    ratings : DataFrame of shape (n_subjects, n_readers)
        Labels; every reader has rated every subject.
    sets : mapping of name to columns, default=None
        Such as the physicians, and the physicians with the model; by default all readers.
    n_bootstrap : int, default=1000
        Resamples of subjects for the 95 % interval.
    random_state : int, default=None

    Returns
    -------
    DataFrame
        Indexed by (set, class or ``"overall"``), with ``kappa``, ``low``, ``high``. A κ is NaN
        where all ratings are equal.

    Raises
    ------
    ValueError
        If ratings are missing, naming the rows, or a set has one reader.

    Examples
    --------
    >>> import pandas as pd
    >>> from sknemg.metrics import fleiss_agreement
    >>> ratings = pd.DataFrame({"A": list("mmnn"), "B": list("mmnn"), "C": list("mmnm")})
    >>> fleiss_agreement(ratings, {"all": ["A", "B", "C"]}, random_state=0)["kappa"].round(2)
    set  class
    all  overall    0.66
         m          0.66
         n          0.66
    Name: kappa, dtype: float64
    """
    missing = np.flatnonzero(ratings.isna().any(axis=1))
    if len(missing):
        raise ValueError(
            f"Fleiss' κ needs every reader's rating of every subject, and {listed(missing, 'row')} "
            "lack some: drop them, or the readers concerned, and say so."
        )
    sets = {"all": list(ratings.columns)} if sets is None else sets
    classes = sorted(pd.unique(ratings.to_numpy().ravel()), key=str)
    draws = np.random.default_rng(random_state).integers(
        len(ratings), size=(n_bootstrap, len(ratings))
    )
    rows = {}
    for name, readers in sets.items():
        if len(readers) < 2:
            raise ValueError(f"The set {name!r} has {len(readers)} reader; κ needs two.")
        own = ratings[list(readers)].to_numpy()
        counts = np.column_stack([(own == label).sum(axis=1) for label in classes])
        rest = counts.sum(axis=1)[:, None] - counts
        tables = {"overall": counts}
        tables |= {c: np.column_stack([counts[:, i], rest[:, i]]) for i, c in enumerate(classes)}
        for label, table in tables.items():
            resampled = [_kappa(table[rows_]) for rows_ in draws]
            low, high = np.nanpercentile(resampled, [2.5, 97.5])
            rows[name, label] = {"kappa": _kappa(table), "low": low, "high": high}
    result = pd.DataFrame(rows).T
    return result.rename_axis(["set", "class"])


def _kappa(counts: NDArray[Any]) -> float:
    try:
        from statsmodels.stats.inter_rater import fleiss_kappa
    except ImportError as error:
        message = "fleiss_agreement needs statsmodels: pip install sknemg[inspect]"
        raise ImportError(message) from error

    if np.count_nonzero(counts.sum(axis=0)) < 2:
        return np.nan  # all alike: chance agrees as well
    return float(fleiss_kappa(counts))


def reader_points(
    y_true: ArrayLike, readers: Mapping[Any, ArrayLike] | pd.DataFrame, classes: list[Any]
) -> pd.DataFrame:
    """Score readers one class against the rest.

    Parameters
    ----------
    y_true : array-like of shape (n,)
    readers : mapping of name to labels of shape (n,)
    classes : list of labels

    Returns
    -------
    DataFrame
        ``reader``, ``class``, ``sensitivity``, ``specificity``, ``precision`` (NaN where the
        reader never named the class).

    Examples
    --------
    >>> reader_points(["a", "a", "b"], {"R": ["a", "b", "b"]}, ["a"])
      reader class  sensitivity  specificity  precision
    0      R     a          0.5          1.0        1.0
    """
    y_true = np.asarray(y_true)
    rows = []
    for name, labels in readers.items():
        labels = np.asarray(labels)
        if labels.shape != y_true.shape:
            raise ValueError(f"Reader {name!r} has {len(labels)} labels for {len(y_true)} rows.")
        for label in classes:
            said, true = labels == label, y_true == label
            precision = true[said].mean() if said.any() else np.nan
            rows.append((name, label, said[true].mean(), (~said[~true]).mean(), precision))
    columns = ["reader", "class", "sensitivity", "specificity", "precision"]
    return pd.DataFrame(rows, columns=columns)
