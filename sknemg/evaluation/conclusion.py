"""What a comparison shows, in plain words that follow from its figures by rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sknemg.evaluation.confounding import chance_to_find, column_of
from sknemg.evaluation.result import Evaluation
from sknemg.metrics._format import format_share

#: The metric by which methods are compared: the mean over the diagnoses of the share right.
COMPARED = "balanced_accuracy"
_SMALL = 0.05  # p below which a difference between the diagnoses is named
_NAMED = 5  # such differences
_MANY = 3  # comparisons from which chance is recalled


def best_method(scores: pd.DataFrame, result: Evaluation) -> str:
    """Name the method, of those that see EMG, that diagnoses most subjects correctly.

    Parameters
    ----------
    scores : DataFrame from `scores_of`
    result : Evaluation

    Returns
    -------
    str
        The first of equals.
    """
    rows = scores[(scores["level"] == "subject") & (scores["metric"] == COMPARED)]
    seeing = rows[rows["method"] != result.nuisance]
    rows = seeing if len(seeing) else rows
    return str(rows["method"].iloc[int(np.argmax(rows["value"].to_numpy().round(12)))])


def leaking_methods(result: Evaluation) -> list[str]:
    """Name the methods whose networks chose their weights on the test fold.

    Parameters
    ----------
    result : Evaluation

    Returns
    -------
    list of str
        None of a protocol that chooses on validation subjects; nor is a method without a network
        among them, for which nothing is chosen.
    """
    if result.settings["protocol"]["choose_on"] != "test":
        return []
    cells = result.cells
    if "n_weights" in cells:
        cells = cells[cells["n_weights"].notna()]
    return [str(name) for name in cells["method"].unique() if name != result.nuisance]


def conclude(
    result: Evaluation,
    scores: pd.DataFrame,
    gains: pd.DataFrame,
    between: pd.DataFrame,
    differences: pd.DataFrame,
) -> list[str]:
    """Say what the figures show, and what they do not.

    A method is called better than another only where the interval of the paired difference lies
    above 0.

    Parameters
    ----------
    result : Evaluation
    scores : DataFrame from `scores_of`
    gains : DataFrame from `gains_of`, over the model that sees no EMG; empty without one
    between : DataFrame from `gains_of`, over the `best_method`
    differences : DataFrame from `confounds`

    Returns
    -------
    list of str
        Sentences, by topic.
    """
    blind = result.nuisance
    methods = [m for m in result.subjects["method"].unique() if m != blind]
    found = [_rights(result, scores, method) for method in methods]
    if blind is not None:
        found.append(_rights(result, scores, blind, "The model that sees no EMG"))
    found += [_gain(gains, method) for method in methods] if blind is not None else [_NO_AUDIT]
    found += [_between(between, m) for m in methods if m in set(between.get("method", []))]
    n = (len(methods) if blind is not None else 0) + max(len(methods) - 1, 0)
    if n >= _MANY:
        found.append(
            f"These are {n} comparisons, each by itself: of twenty methods that are equally good, "
            "one looks better or worse by chance."
        )
    found += _differing(differences, result)
    if leaking := leaking_methods(result):
        of = "" if leaking == methods else f" of {', '.join(leaking)}"
        found.append(
            f"The scores{of} leak: patients who were not in this cohort will get worse ones."
        )
    found.append(
        "All subjects are of one cohort. How patients of another hospital, machine or needle would "
        "be diagnosed, these figures do not say."
    )
    return found


_NO_AUDIT = (
    "No model without EMG was compared. How much of the scores the circumstances of the recordings "
    "give away is not known."
)


def _at(table: pd.DataFrame, method: str, metric: str) -> Any:
    rows = table[
        (table["method"] == method) & (table["level"] == "subject") & (table["metric"] == metric)
    ]
    return next(rows.itertuples(), None)


def _rights(result: Evaluation, scores: pd.DataFrame, method: str, name: str = "") -> str:
    name = name or method
    row = _at(scores, method, "accuracy")
    if row is None:
        return f"{name} has no score."
    n, runs = int(row.n_items), result.subjects["repeat"].nunique()
    if runs > 1:
        said = f"{name} gave {round(row.value * n)} right answers of {n} in {runs} runs"
    else:
        said = f"{name} diagnosed {round(row.value * n)} of {n} test subjects correctly"
    reach = f", 95 % interval {format_share(row.low)} to {format_share(row.high)}"
    return f"{said} ({format_share(row.value)}{'' if np.isnan(row.low) else reach})."


def _gain(gains: pd.DataFrame, method: str) -> str:
    row = _at(gains, method, COMPARED)
    if row is None or np.isnan(row.low):
        return f"{method} cannot be compared with the model that sees no EMG."
    reach = f"{_points(row.value)} points, interval {_points(row.low)} to {_points(row.high)}"
    if row.low > 0:
        return (
            f"{method} is better than the model that sees no EMG ({reach}). So it reads more than "
            "the circumstances of the recordings that this model knows."
        )
    if row.high < 0:
        return (
            f"{method} is worse than the model that sees no EMG ({reach}). Nothing here shows that "
            "it reads the disease."
        )
    return (
        f"Whether {method} is better than the model that sees no EMG cannot be told ({reach}). Its "
        "score may come from the circumstances of the recordings."
    )


def _between(between: pd.DataFrame, method: str) -> str:
    row = _at(between, method, COMPARED)
    if row is None or np.isnan(row.low):
        return ""
    best = row.over
    low, high = -row.high, -row.low
    reach = f"{_points(-row.value)} points, interval {_points(low)} to {_points(high)}"
    if low > 0:
        return f"{best} is better than {method} ({reach})."
    return f"That {best} is better than {method} is not shown ({reach})."


def _differing(differences: pd.DataFrame, result: Evaluation) -> list[str]:
    tested = differences[differences["p"].notna()]
    n = len(tested)
    sizes = list(result.settings["n_subjects"].values())
    if not n:
        return ["Nothing else about the recordings could be tested for a difference."]
    small = tested[tested["p"] < _SMALL].sort_values("p")
    names = [column_of(str(row.Index), str(row.test)) for row in small.itertuples()]
    shown = ", ".join(names[:_NAMED]) + (" and others" if len(names) > _NAMED else "")
    found = []
    if names:
        found.append(
            f"The diagnoses differ in more than the disease: {len(names)} of {n} things that were "
            f"looked at have p < 0.05 ({shown}; {0.05 * n:.1f} would by chance). A method may have "
            "learned these."
        )
    else:
        found.append(f"None of {n} other things that were looked at has p < 0.05.")
    chance = chance_to_find(sizes)
    power = (
        "nothing that sets a diagnosis with a single subject apart can be told from chance"
        if np.isnan(chance)
        else "in a cohort of this size, one of a whole standard deviation is found "
        f"{format_share(chance)} of the time"
    )
    found.append(f"A large p does not prove that there is no difference: {power}.")
    return found


def _points(difference: float) -> str:
    whole = round(100 * difference)
    return f"{whole:+d}" if whole else "0"
