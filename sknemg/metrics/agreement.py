"""Agreement between readers, and readers as points beside a curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.metrics._bootstrap import draw_subjects
from sknemg.metrics._intervals import check_level, effective_number, exact_interval
from sknemg.recordings._problems import listed, shown
from sknemg.recordings._subjects import check_labels

_BATCH = 100  # draws counted at once


def fleiss_agreement(
    ratings: pd.DataFrame,
    sets: Mapping[str, Sequence[Any]] | None = None,
    *,
    y_true: ArrayLike | None = None,
    confidence_level: float = 0.95,
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
    y_true : array-like of shape (n_subjects,), default=None
        Diagnoses. With them, subjects are drawn within their diagnoses, as in
        :func:`~sknemg.metrics.score_table`: right where the number of subjects of each diagnosis
        was chosen beforehand. Without, they are drawn from all.
    confidence_level : float, default=0.95
    n_bootstrap : int, default=1000
        Samples of subjects for the intervals.
    random_state : int, default=None

    Returns
    -------
    DataFrame
        Indexed by (set, class or ``"overall"``), with ``kappa``, ``low``, ``high``,
        ``n_effective``. A κ is NaN where all ratings are equal.

    Raises
    ------
    ValueError
        If ratings are missing, naming the rows, a set has one reader, or `y_true` does not fit.

    Notes
    -----
    κ lies between -1 / (n_readers - 1) and 1. Its interval is that of a proportion of as many
    subjects as would make it vary equally over samples of subjects (``n_effective``), one of them
    rated at random: readers who agree on all subjects of a small study may still differ on the
    next.

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
    check_level(confidence_level)
    if n_bootstrap < 2:
        raise ValueError(f"n_bootstrap={n_bootstrap} must be an integer >= 2.")
    sets = {"all": list(ratings.columns)} if sets is None else sets
    for name, readers in sets.items():
        if len(readers) < 2:
            plural = "" if len(readers) == 1 else "s"
            raise ValueError(
                f"The set {shown(name)} has {len(readers)} reader{plural}: κ needs two or more."
            )
    codes, labels = pd.factorize(ratings.to_numpy().ravel())
    order = np.argsort([str(label) for label in labels], kind="stable")
    marks = np.argsort(order)[codes].reshape(ratings.shape)
    classes = labels[order]
    n_subjects = len(ratings)
    strata = np.zeros(n_subjects) if y_true is None else check_labels(y_true, n_subjects)
    rng = np.random.default_rng(random_state)
    drawn = _draw_ratings(marks, strata, n_bootstrap, rng)
    rows = {}
    for name, readers in sets.items():
        columns = np.array([list(ratings.columns).index(reader) for reader in readers])
        value = _kappas(marks[:, columns], len(classes))
        resampled = np.concatenate(
            [
                _kappas(drawn[start : start + _BATCH][..., columns], len(classes))
                for start in range(0, n_bootstrap, _BATCH)
            ]
        )
        bounds = -1 / (len(columns) - 1), 1.0
        n = effective_number(resampled, strata, bounds)
        interval = exact_interval(value, n, confidence_level, bounds)
        for label, *numbers in zip(["overall", *classes], value, *interval, strict=True):
            rows[name, label] = dict(
                zip(["kappa", "low", "high", "n_effective"], numbers, strict=True)
            )
    return pd.DataFrame(rows).T.rename_axis(["set", "class"])


def _draw_ratings(
    marks: NDArray[Any], strata: NDArray[Any], n_draws: int, rng: np.random.Generator
) -> NDArray[Any]:
    """Draw subjects with all their ratings, and now and then one rated at random."""
    drawn, strange = draw_subjects(strata, n_draws, rng)
    n_subjects, n_readers = marks.shape
    anyone = rng.integers(n_subjects, size=(*drawn.shape, n_readers))
    return np.where(strange[..., None], marks[anyone, np.arange(n_readers)], marks[drawn])


def _kappas(marks: NDArray[Any], n_classes: int) -> NDArray[Any]:
    """Give κ over all classes, and of each class against the rest; NaN where all are alike.

    Parameters
    ----------
    marks : ndarray of shape (..., n_subjects, n_readers), int
    n_classes : int

    Returns
    -------
    ndarray of shape (..., 1 + n_classes)
    """
    n_readers = marks.shape[-1]
    counts = np.stack([(marks == k).sum(axis=-1) for k in range(n_classes)], axis=-1)
    share = counts.mean(axis=-2) / n_readers
    # Of all pairs of readers of a subject, those in which one names the class and one does not.
    apart = (counts * (n_readers - counts)).mean(axis=-2) / (n_readers * (n_readers - 1))
    chance = share * (1 - share)
    apart, chance = (np.append(x.sum(axis=-1, keepdims=True), x, axis=-1) for x in (apart, chance))
    unlike = np.divide(apart, chance, out=np.full(chance.shape, np.nan), where=chance > 0)
    return np.asarray(1 - unlike)


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
        ``reader``, ``class``, ``sensitivity``, ``specificity``, ``precision``; NaN where there is
        nothing to take a share of, such as the precision of a class that the reader never named.

    Raises
    ------
    ValueError
        If a reader has not one label for each row.

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
            raise ValueError(
                f"Reader {name!r} has {len(labels)} labels for {len(y_true)} rows: give one for "
                "each row."
            )
        for label in classes:
            said, true = labels == label, y_true == label
            rows.append((name, label, _share(said[true]), _share(~said[~true]), _share(true[said])))
    columns = ["reader", "class", "sensitivity", "specificity", "precision"]
    return pd.DataFrame(rows, columns=columns)


def _share(entries: NDArray[Any]) -> float:
    return float(entries.mean()) if len(entries) else np.nan
