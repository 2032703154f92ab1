"""Tables of a study of readers that score and compare: readers, models, their means and arms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.metrics._comparisons import cochran_q, holm, mcnemar
from sknemg.metrics._label_scores import (
    LABEL_METRICS,
    bootstrap_of_readers_and_cases,
    jackknife_values,
    label_estimates,
    tally,
)
from sknemg.metrics._reader_cases import Cases
from sknemg.metrics.agreement import fleiss_agreement, gwet_agreement, pair_agreement
from sknemg.metrics.mrmc import analyse_against, analyse_arms

MEAN_OF_READERS, MEAN_OF_MODELS = "mean of readers", "mean of models"
_NO_TABLE = pd.DataFrame()


def rater_scores(cases: Cases, options: dict[str, Any]) -> pd.DataFrame:
    """Score each reader and model on what it has read, then the means."""
    rng = np.random.default_rng(options["random_state"])
    k = len(cases.classes)
    rows = []
    for kind, table in (("reader", cases.readers), ("model", cases.models)):
        for rater in table:
            read = table[rater].notna()
            if not read.any():
                continue
            labels, (counts,) = _tallies(cases, table[[rater]], read)
            estimates = label_estimates(
                labels,
                counts,
                k,
                confidence_level=options["confidence_level"],
                n_bootstrap=options["n_bootstrap"],
                rng=rng,
            )
            found: dict[Any, Any] = estimates.to_dict("index")
            for (label, metric), own in found.items():
                name = None if label < 0 else cases.classes[label]
                rows.append(
                    {"rater": rater, "kind": kind, "metric": metric, "class": name}
                    | {"value": own["value"], "sd": np.nan, "low": own["low"], "high": own["high"]}
                    | {"n_cases": int(read.sum()), "interval": own["interval"]}
                )
        if table.shape[1] > 1:
            rows += _means(cases, kind, table, options)
    return pd.DataFrame(rows)


def _means(
    cases: Cases, kind: str, table: pd.DataFrame, options: dict[str, Any]
) -> list[dict[str, Any]]:
    """Average the readers, or the runs of a model, over the cases that all have answered."""
    if not cases.enough(cases.complete):
        return []
    labels, counts = _tallies(cases, table, cases.complete)
    whole, without = jackknife_values(labels, counts, len(cases.classes))
    name = MEAN_OF_READERS if kind == "reader" else MEAN_OF_MODELS
    analysis = "random readers and cases" if kind == "reader" else "fixed readers"
    level = options["confidence_level"]
    rows: list[dict[str, Any]] = []
    for metric in LABEL_METRICS:
        theta, less = whole[metric][None], without[metric][:, None]
        _, _, _, arms, _, _ = analyse_arms(theta, less, list(table), ["blinded"], level)
        own: Any = arms.loc[(analysis, "blinded")]
        rows.append(
            {"rater": name, "kind": name, "metric": metric, "class": None}
            | {"value": own["estimate"], "sd": float(theta.std(ddof=1))}
            | {"low": max(own["low"], 0.0), "high": min(own["high"], 1.0)}  # no share is beyond
            | {"n_cases": int(cases.complete.sum())}
            | {"interval": f"Obuchowski-Rockette, {analysis.replace('readers', kind + 's')}"}
        )
    return rows


def _tallies(cases: Cases, table: pd.DataFrame, kept: Any) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Count the answers of raters by subject: labels, and (n_raters, n_subjects, n_answers)."""
    y = pd.Index(cases.classes).get_indexer(cases.y[kept])
    subject = cases.subject[kept].to_numpy()
    own = [tally(y, cases.codes(table[r][kept]), subject, len(cases.answers)) for r in table]
    return own[0][0], np.stack([counts for _, counts in own])


def agreement_table(cases: Cases, options: dict[str, Any]) -> pd.DataFrame:
    """Give Fleiss' κ and Gwet's AC1 of the readers, and of the readers with each model."""
    ratings = pd.concat([cases.readers, cases.models], axis=1)[cases.complete]
    sets = {"readers": list(cases.readers)}
    sets |= {f"readers and {name}": [*cases.readers, name] for name in cases.models}
    sets = {name: columns for name, columns in sets.items() if len(columns) > 1}
    if not sets or not len(ratings):
        return _NO_TABLE
    about: dict[str, Any] = {**options, "y_true": cases.y[cases.complete]}
    if cases.groups is not None:
        about["groups"] = cases.groups[cases.complete]
    kappa = fleiss_agreement(ratings, sets, **about).reset_index()
    kappa = kappa.rename(columns={"kappa": "value"}).assign(coefficient="Fleiss' κ")
    gwet = gwet_agreement(ratings, sets, **about).reset_index()
    gwet = gwet.rename(columns={"ac1": "value"}).assign(coefficient="Gwet's AC1")
    gwet["class"] = "overall"
    columns = ["set", "coefficient", "class", "value", "low", "high", "n_effective"]
    return pd.concat([kappa[columns], gwet[columns]], ignore_index=True).assign(
        n_cases=len(ratings)
    )


def pair_table(cases: Cases, options: dict[str, Any]) -> pd.DataFrame:
    """Give Cohen's κ of each two readers and models."""
    ratings = pd.concat([cases.readers, cases.models], axis=1)
    if ratings.shape[1] < 2:
        return _NO_TABLE
    return pair_agreement(ratings, y_true=cases.y, groups=cases.groups, **options)


def repeat_table(cases: Cases, votes: pd.DataFrame, options: dict[str, Any]) -> pd.DataFrame:
    """Compare each reader's first reading with each later one."""
    first = cases.readers
    parts = []
    for repeat in sorted(set(votes["repeat"]) - {0}):
        again = cases.read(votes, repeat=repeat)
        for reader in again.columns.intersection(first.columns):
            both = pd.DataFrame({"first": first[reader], "second": again[reader]}).dropna()
            if not len(both):
                continue
            row = pair_agreement(
                both, y_true=cases.y[both.index], groups=_of(cases, both), **options
            )
            parts.append(
                row.drop(columns=["first", "second"]).assign(reader=reader, reading=repeat)
            )
    if not parts:
        return _NO_TABLE
    table = pd.concat(parts, ignore_index=True)
    return table[["reader", "reading", *table.columns.drop(["reader", "reading"])]]


def _of(cases: Cases, rows: pd.DataFrame) -> pd.Series | None:
    return None if cases.groups is None else cases.groups[rows.index]


def against_model_table(cases: Cases, options: dict[str, Any]) -> pd.DataFrame:
    """Test the model less the mean of readers, for other readers and other cases."""
    if cases.readers.shape[1] < 2 or not cases.models.shape[1]:
        return _NO_TABLE
    if not cases.enough(cases.complete):
        return _NO_TABLE
    labels, readers = _tallies(cases, cases.readers, cases.complete)
    _, models = _tallies(cases, cases.models, cases.complete)
    level, k, m = options["confidence_level"], len(cases.classes), len(models)
    whole, without = jackknife_values(labels, np.concatenate([models, readers]), k)
    drawn = bootstrap_of_readers_and_cases(
        labels,
        readers,
        models,
        k,
        n_bootstrap=options["n_bootstrap"],
        rng=np.random.default_rng(options["random_state"]),
    )
    parts: list[pd.DataFrame] = []
    for metric in LABEL_METRICS:
        theta, less = (
            np.concatenate([x[..., :m].mean(axis=-1, keepdims=True), x[..., m:]], axis=-1)
            for x in (whole[metric], without[metric])
        )
        table = analyse_against(theta, less, list(cases.readers), level)
        table = table.reset_index().assign(metric=metric)
        low, high = np.quantile(drawn[metric], [(1 - level) / 2, (1 + level) / 2])
        boot = table.iloc[:1].assign(
            analysis="bootstrap of readers and cases",
            **dict.fromkeys(["df", "statistic", "p"], np.nan),
            se=drawn[metric].std(ddof=1),
            low=low,
            high=high,
        )
        parts += [table, boot]
    table = pd.concat(parts, ignore_index=True).assign(n_cases=int(cases.complete.sum()))
    return table[["metric", *table.columns.drop("metric")]]


def comparison_table(cases: Cases) -> pd.DataFrame:
    """Compare who is right on the same cases, where cases are independent."""
    if cases.level == "recording":
        return _NO_TABLE
    right = pd.concat([cases.readers, cases.models], axis=1).eq(cases.y, axis=0)
    rows: list[dict[str, Any]] = []
    for model in cases.models:
        for reader in cases.readers:
            both = cases.readers[reader].notna() & cases.models[model].notna()
            only_reader, only_model, p = mcnemar(
                right[reader][both].to_numpy(), right[model][both].to_numpy()
            )
            counts = {"only_first_right": only_reader, "only_second_right": only_model}
            names = {"test": "McNemar, exact", "first": reader, "second": model}
            rows.append(names | counts | {"n_cases": int(both.sum()), "p": p})
    table = pd.DataFrame(rows)
    if len(table):
        table["p_holm"] = holm(table["p"])
    complete = right[cases.complete]
    for name, columns in (
        ("readers", list(cases.readers)),
        ("readers and model", [*cases.readers, *cases.models]),
    ):
        if len(columns) > 2 and len(complete) and (name == "readers" or cases.models.shape[1]):
            q, df, p = cochran_q(complete[columns].to_numpy())
            row = {"test": "Cochran's Q", "first": name, "statistic": q, "df": df, "p": p}
            table = pd.concat([table, pd.DataFrame([row | {"n_cases": len(complete)}])])
    return table.reset_index(drop=True)


def arm_table(cases: Cases, votes: pd.DataFrame, confidence_level: float) -> pd.DataFrame:
    """Compare arms read by the same readers, on the cases that all have read in each."""
    tables = {arm: cases.read(votes, arm=arm) for arm in sorted(set(votes["arm"]))}
    tables = {arm: table for arm, table in tables.items() if table.notna().any(axis=None)}
    if len(tables) < 2:
        return _NO_TABLE
    readers = [r for r in cases.readers if all(r in table for table in tables.values())]
    both = {arm: table[readers] for arm, table in tables.items()}
    kept = np.logical_and.reduce([table.notna().all(axis=1) for table in both.values()])
    if len(readers) < 2 or not cases.enough(kept):
        return _NO_TABLE
    own = [_tallies(cases, table, kept) for table in both.values()]
    counts = np.concatenate([part for _, part in own])
    whole, without = jackknife_values(own[0][0], counts, len(cases.classes))
    shape = len(both), len(readers)
    parts = []
    for metric in LABEL_METRICS:
        theta, less = whole[metric].reshape(shape), without[metric].reshape(-1, *shape)
        estimates, *_, differences, _ = analyse_arms(
            theta, less, readers, list(both), confidence_level
        )
        table = differences.reset_index()
        means = estimates.mean()
        table.insert(3, "mean", table["arm"].map(means))
        table.insert(4, "other_mean", table["other"].map(means))
        parts.append(table.assign(metric=metric))
    table = pd.concat(parts, ignore_index=True)
    table = table.assign(n_cases=int(kept.sum()), n_readers=len(readers))
    return table[["metric", *table.columns.drop("metric")]]
