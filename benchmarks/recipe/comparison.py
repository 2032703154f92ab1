"""Settings compared on the same subjects: log-loss, balanced accuracy, and what is chosen."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.recipe.settings import PUBLISHED


def losses(table: pd.DataFrame) -> pd.DataFrame:
    """Give the log-loss of each subject: rows (cohort, seed, subject), a column a setting."""
    scores = table[sorted(table["y_true"].unique())]
    own = scores.to_numpy()[np.arange(len(table)), scores.columns.get_indexer(table["y_true"])]
    table = table.assign(loss=-np.log(np.clip(own, 1e-3, 1)))
    return table.pivot(index=["cohort", "seed", "subject"], columns="setting", values="loss")


def difference(
    one: pd.Series, other: pd.Series, *, n_comparisons: int = 1
) -> tuple[float, float, float]:
    """Compare losses of the same subjects: mean difference, 95 % t interval over subjects.

    The seeds that both have are averaged first, in each subject. For several comparisons the
    interval is wider, so that all of them together hold with 95 % (Bonferroni). No percentiles of a
    bootstrap: with ten subjects those are too narrow, far out in the tails by a third.
    """
    each = (one - other).dropna().groupby(["cohort", "subject"]).mean().to_numpy()
    half = critical(len(each), n_comparisons) * stats.sem(each)
    return float(each.mean()), float(each.mean() - half), float(each.mean() + half)


def critical(n_subjects: int, n_comparisons: int) -> float:
    """Give the |t| above which one of several differences is beyond chance (Bonferroni)."""
    return float(stats.t.ppf(1 - 0.025 / n_comparisons, n_subjects - 1))


def balanced(table: pd.DataFrame, level: str) -> float:
    """Give the balanced accuracy of recordings or subjects, mean over seeds."""
    classes = sorted(table["y_true"].unique())
    if level == "recording":
        sums = table.groupby(["seed", "y_true"])[["n_right", "n_recordings"]].sum()
        return float((sums["n_right"] / sums["n_recordings"]).mean())
    right = table[classes].idxmax(axis=1) == table["y_true"]
    return float(right.groupby([table["seed"], table["y_true"]]).mean().mean())


def finished(part: pd.DataFrame) -> pd.DataFrame:
    """Leave out the seeds of a setting that did not run on all folds of a cohort."""
    folds = part.groupby(["setting", "seed"])["fold"].transform("nunique")
    return part[folds == part["fold"].nunique()]


def common_seeds(part: pd.DataFrame, names: Collection[str]) -> list[int]:
    """Give the seeds with which every one of some settings ran on all folds of a cohort."""
    own = finished(part)
    seeds = [set(own.loc[own["setting"] == name, "seed"]) for name in names]
    return sorted(set.intersection(*seeds))


def run_everywhere(table: pd.DataFrame) -> list[str]:
    """Give the settings that ran with a seed or more on all folds of all cohorts."""
    whole = pd.concat([finished(part) for _, part in table.groupby("cohort")])
    n_cohorts = whole.groupby("setting")["cohort"].nunique()
    return n_cohorts.index[n_cohorts == table["cohort"].nunique()].tolist()


def chosen_elsewhere(table: pd.DataFrame) -> pd.DataFrame:
    """Choose for each test fold the setting that lost least on the subjects of all other folds.

    Settings are compared on the seeds that all of them have, and the chosen ones are scored on
    those that all chosen ones have: otherwise a setting of one seed would be set against others'
    means, and subjects of one fold would count more often than those of another.

    Returns
    -------
    DataFrame
        The rows of the chosen settings: what choosing is worth on subjects that had no part in it.
        Every subject of a cohort is there with the same seeds, those that the published setting has
        as well; no row where the settings have no seed in common.
    """
    names = run_everywhere(table)
    cohorts = dict(list(table[table["setting"].isin(names)].groupby("cohort", sort=False)))
    seeds = {cohort: common_seeds(part, names) for cohort, part in cohorts.items()}
    if not all(seeds.values()):
        return table[:0]
    shared = [part[part["seed"].isin(seeds[cohort])] for cohort, part in cohorts.items()]
    matrix = losses(pd.concat(shared)).groupby(["cohort", "subject"]).mean()
    folds = table.drop_duplicates(["cohort", "subject"]).set_index(["cohort", "subject"])["fold"]
    parts = []
    for cohort, part in cohorts.items():
        own = matrix.index.get_level_values("cohort") == cohort
        best = {}
        for fold in sorted(part["fold"].unique()):
            elsewhere = matrix[~(own & (folds.loc[matrix.index] == fold).to_numpy())]
            best[fold] = elsewhere.groupby("cohort").mean().mean().idxmin()  # cohorts weigh alike
        scored = common_seeds(part, {PUBLISHED, *best.values()})
        chosen = part["setting"] == part["fold"].map(best)
        parts.append(part[chosen & part["seed"].isin(scored)])
    return pd.concat(parts)
