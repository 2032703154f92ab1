"""What each method scores more than another on the same test subjects."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from sknemg.divote.levels import class_columns
from sknemg.evaluation.comparison import SHORT, scored_rows, short_table
from sknemg.evaluation.result import Evaluation
from sknemg.metrics import difference_table

_KEYS = {"subject": ["repeat", "subject"], "recording": ["repeat", "row"]}


def gains_of(
    result: Evaluation,
    over: str | None = None,
    *,
    levels: Collection[str] = ("subject", "recording"),
    **kwargs: Any,
) -> pd.DataFrame:
    """Subtract the scores of one method from those of every other, with paired intervals.

    Parameters
    ----------
    result : Evaluation
    over : str, default=None
        The method that the others are compared with; by default the model that sees no EMG, see
        `evaluate`.
    levels : collection of {"subject", "recording"}, default=("subject", "recording")
    **kwargs
        Passed on to :func:`sknemg.metrics.difference_table`.

    Returns
    -------
    DataFrame, columns ``method``, ``over``, ``level``, those of ``difference_table``
        Levels are subjects and, where the rows of `X` are known, recordings. Those that one of
        the two methods does not score are left out. A gain whose interval contains 0 may be none.

    Raises
    ------
    ValueError
        If `over` is no method of the result, or the result has no model that sees no EMG.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sknemg import DiVoteClassifier, Recordings, Segmenter
    >>> from sknemg.evaluation import Protocol, evaluate, gains_of
    >>> y = np.repeat(["myopathy", "neuropathy"], 12)
    >>> size = np.where(y == "myopathy", 0.2, 2.0)
    >>> signals = np.random.default_rng(0).uniform(0, size[:, None], (24, 1000))
    >>> X = Recordings(signals - size[:, None] / 2, sfreq=1000, subject=np.repeat(range(12), 2))
    >>> pipe = make_pipeline(Segmenter(), DiVoteClassifier(LogisticRegression()))
    >>> result = evaluate({"logistic": pipe}, X, y, protocol=Protocol("mine", 3), nuisance=True)
    >>> gains = gains_of(result).query("metric == 'accuracy' and level == 'subject'")
    >>> gains[["method", "over", "n_subjects"]].to_string(index=False).splitlines()[1]
    'logistic no EMG (nuisance)          12'
    """
    methods = list(result.subjects["method"].unique())
    choices = ", ".join(map(repr, methods))
    if over is None:
        over = result.nuisance
        if over is None:
            raise ValueError(
                "The result has no model that sees no EMG: evaluate with nuisance=True, or give "
                f"`over`, one of {choices}."
            )
    if over not in methods:
        raise ValueError(f"over={over!r} is no method of the result: give one of {choices}.")
    parts = []
    for level, keys in _KEYS.items():
        table = getattr(result, f"{level}s")
        if level not in levels or not set(keys) <= set(table.columns):
            continue
        scored = {
            method: _scored(rows, result.classes, keys)
            for method, rows in table.groupby("method", sort=False)
        }
        for method in methods:
            if method == over or method not in scored or over not in scored:
                continue
            common = scored[method].index.intersection(scored[over].index, sort=False)
            if not len(common):
                continue
            own, other = scored[method].loc[common], scored[over].loc[common]
            difference = difference_table(
                own["y_true"],
                class_columns(own, result.classes).to_numpy(dtype=float),
                class_columns(other, result.classes).to_numpy(dtype=float),
                classes=result.classes,
                y_pred=own["prediction"],
                other_pred=other["prediction"],
                groups=own["subject"],
                **kwargs,
            )
            parts.append(difference.assign(method=method, over=over, level=level))
    columns = ["method", "over", "level"]
    if not parts:
        return pd.DataFrame(columns=columns)
    found = pd.concat(parts, ignore_index=True)
    return found[[*columns, *found.columns.drop(columns)]]


def short_gains(gains: pd.DataFrame, metrics: Mapping[str, str] = SHORT) -> pd.DataFrame:
    """Arrange gains for reading: a row for each level and method, ``value [low, high]``.

    Parameters
    ----------
    gains : DataFrame from `gains_of`
    metrics : mapping of metric to its heading
        By default those of :func:`~sknemg.evaluation.short_table`.

    Returns
    -------
    DataFrame of str, indexed by (level, method)
    """
    return short_table(gains, metrics, signed=True)


def _scored(rows: pd.DataFrame, classes: list[Any], keys: list[str]) -> pd.DataFrame:
    """Rows with a score, by their keys; a class that training lacked scores 0."""
    rows, scores = scored_rows(rows, classes)
    index = pd.MultiIndex.from_frame(rows[keys])
    known = rows[["subject", "y_true", "prediction"]]
    return pd.concat([known, scores], axis=1).set_axis(index)
