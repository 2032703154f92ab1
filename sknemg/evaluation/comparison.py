"""The scores of a comparison: every method at every level, with intervals."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sknemg.divote.levels import LEVELS, class_columns
from sknemg.evaluation.result import Evaluation
from sknemg.metrics import format_interval, score_table
from sknemg.recordings._problems import listed

#: The metrics of the short table, with their names there.
SHORT = {
    "accuracy": "accuracy",
    "f1_weighted": "F1",
    "roc_auc_macro": "AUROC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "mcc": "MCC",
}


def scores_of(result: Evaluation, **kwargs: Any) -> pd.DataFrame:
    """Score every method at every level, with confidence intervals over subjects.

    The answers are those of the column ``prediction``: of a classifier with a threshold, what the
    threshold decides.

    Parameters
    ----------
    result : Evaluation
    **kwargs
        Passed on to :func:`sknemg.metrics.score_table`.

    Returns
    -------
    DataFrame, columns ``method``, ``level``, those of ``score_table``, ``n_unscored``
        ``n_unscored`` counts the recordings or subjects without any score, such as recordings
        without items; they are left out, and `Evaluation.unscored` names them. A class that a
        training fold lacked scores 0, as it does for `SubjectScorer`, and its subjects count.

    Warns
    -----
    UserWarning
        If subjects have no score.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sknemg import DiVoteClassifier, Recordings, Segmenter
    >>> from sknemg.evaluation import Protocol, evaluate, scores_of, short_table
    >>> y = np.repeat(["myopathy", "neuropathy"], 6)
    >>> size = np.where(y == "myopathy", 0.2, 2.0)
    >>> signals = np.random.default_rng(0).uniform(0, size[:, None], (12, 12))
    >>> X = Recordings(signals, sfreq=10, subject=np.repeat(list("abcdef"), 2))
    >>> pipe = make_pipeline(Segmenter(hop=0.4), DiVoteClassifier(LogisticRegression()))
    >>> result = evaluate({"logistic": pipe}, X, y, protocol=Protocol("mine", n_splits=3))
    >>> scores = scores_of(result)
    >>> short_table(scores)["accuracy"]["subject", "logistic"]
    '1.00 [0.54, 1.00]'
    """
    unscored = result.unscored
    _warn_of_unscored(unscored)
    parts = []
    for level in reversed(LEVELS):
        table = getattr(result, f"{level}s")
        if not len(table):
            continue
        for method, rows in table.groupby("method", sort=False):
            rows, proba = scored_rows(rows, result.classes)
            scores = score_table(
                rows["y_true"],
                proba,
                classes=result.classes,
                y_pred=rows["prediction"],
                groups=rows["subject"],
                **kwargs,
            )
            left_out = (unscored["method"] == method) & (unscored["level"] == level)
            parts.append(scores.assign(method=method, level=level, n_unscored=left_out.sum()))
    table = pd.concat(parts, ignore_index=True)
    return table[["method", "level", *table.columns.drop(["method", "level"])]]


def scored_rows(table: pd.DataFrame, classes: list[Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Leave out rows without any score; a class that training lacked scores 0.

    Parameters
    ----------
    table : DataFrame
        A level of an `Evaluation`.
    classes : list of labels

    Returns
    -------
    rows : DataFrame
    scores : DataFrame, a column for each class
    """
    proba = class_columns(table, classes)
    scored = proba.notna().any(axis=1)
    return table[scored], proba[scored].fillna(0.0)


def _warn_of_unscored(unscored: pd.DataFrame) -> None:
    subjects = unscored[unscored["level"] == "subject"]
    if len(subjects):
        methods = ", ".join(map(repr, subjects["method"].unique()))
        warnings.warn(
            f"{methods} gives no score to {listed(subjects['subject'].unique(), 'subject')}, left "
            "out of the table: see `result.unscored`.",
            stacklevel=3,
        )


def short_table(
    scores: pd.DataFrame, metrics: Mapping[str, str] = SHORT, *, signed: bool = False
) -> pd.DataFrame:
    """Arrange scores for reading: a row for each level and method, ``value [low, high]``.

    Parameters
    ----------
    scores : DataFrame from `scores_of`
    metrics : mapping of metric to its heading, default=`SHORT`
    signed : bool, default=False
        Whether positive numbers have a sign, as differences do.

    Returns
    -------
    DataFrame of str, indexed by (level, method)

    Examples
    --------
    >>> import pandas as pd
    >>> from sknemg.evaluation import short_table
    >>> score = {"metric": "accuracy", "value": 0.8, "low": 0.52, "high": 0.96}
    >>> scores = pd.DataFrame([{"method": "forest", "level": "subject", **score}])
    >>> short_table(scores, {"accuracy": "accuracy"}).loc["subject", "forest"]["accuracy"]
    '0.80 [0.52, 0.96]'
    """
    shown = zip(scores["value"], scores["low"], scores["high"], strict=True)
    text = scores.assign(text=[format_interval(*row, signed=signed) for row in shown])
    wide = text.pivot(index=["level", "method"], columns="metric", values="text")
    order = text[["level", "method"]].drop_duplicates()
    wide = wide.loc[pd.MultiIndex.from_frame(order), list(metrics)].rename(columns=metrics)
    return wide.rename_axis(columns=None)
