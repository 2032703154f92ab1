"""How often the 95 % intervals of sknemg.metrics hold the true value, on simulated cohorts.

A simulated answer is the softmax of a normal vector whose mean is higher for the true class; its
height sets the share of right answers. True values are those of a very large cohort with the same
mix of three classes. Each cell of the study is a design, a number of subjects and an accuracy:

    subjects     one answer for each subject, equally many of each class
    unbalanced   the same with 20, 30 and 50 % of the subjects in the classes
    recordings   2 to 12 recordings per subject, correlation 0.5 within a subject
    segments     20 to 60 segments per subject, correlation 0.6
    repeats      each subject five times, correlation 0.9: a cross-validation run five times
    readers      five readers of all subjects, and the agreement between them
    curves       ROC and precision-recall curves of one class

Beside each stands the plain bootstrap: the 2.5th and 97.5th percentile over subjects drawn within
their classes. Finished cells are kept in ``--cache``; rerun the same command to resume.

    python -m benchmarks.interval_coverage --jobs 2 --out benchmarks/results/interval_coverage
"""

import argparse
import json
from pathlib import Path
from zlib import crc32

import joblib
import numpy as np
import pandas as pd
from scipy import optimize, stats
from sklearn.metrics import average_precision_score, roc_curve

from sknemg.inspection.curves import _GRID, _curve
from sknemg.metrics import fleiss_agreement
from sknemg.metrics._bootstrap import SubjectRows, draw_subjects
from sknemg.metrics._counts import SubjectCounts
from sknemg.metrics._definitions import CLASS_METRICS, METRICS, one_vs_rest, overall
from sknemg.metrics._estimates import class_estimates, overall_estimates, resampled_counts
from sknemg.provenance import provenance

N_CLASSES = 3
SIZES = (15, 30, 57)
ACCURACIES = (0.55, 0.7, 0.85, 0.95, 1.0)
#: Items of a subject, and how alike they are.
DESIGNS = {
    "subjects": ((1, 1), 0.0),
    "unbalanced": ((1, 1), 0.0),
    "recordings": ((2, 12), 0.5),
    "segments": ((20, 60), 0.6),
    "repeats": ((5, 5), 0.9),
}
N_READERS = 5
#: False positive rates and recalls at which curves are looked at.
PLACES = (0.1, 0.2, 0.5)
FAMILIES = {
    "accuracy": ["accuracy", "recall_weighted"],
    "sensitivity, specificity, PPV, NPV of a class": [
        *(f"{name}, class" for name in ("sensitivity", "specificity", "precision", "npv"))
    ],
    "means over classes, F1": [
        *("balanced_accuracy", "precision_weighted", "precision_macro", "recall_macro"),
        *("f1_weighted", "f1_macro", "sensitivity", "specificity", "f1, class"),
    ],
    "MCC": ["mcc"],
    "AUROC": ["roc_auc_weighted", "roc_auc_macro", "roc_auc, class", "AUROC of a curve"],
    "log loss": ["log_loss"],
    "average precision": ["average precision"],
    "points of a curve": ["sensitivity at a false positive rate", "precision at a recall"],
    "Fleiss' kappa": ["kappa"],
}


def height(accuracy):
    """Mean of the true class's score among N_CLASSES standard normal ones."""
    if accuracy == 1:
        return 12.0

    x = np.linspace(-9, 18, 10_001)

    def excess(mean):
        right = stats.norm.pdf(x - mean) * stats.norm.cdf(x) ** (N_CLASSES - 1)
        return np.trapezoid(right, x) - accuracy

    return optimize.brentq(excess, 0, 8)


def sizes_of(design, n_subjects):
    """Give the number of subjects of each class."""
    if design == "unbalanced":
        first, second = round(0.2 * n_subjects), round(0.3 * n_subjects)
        return first, second, n_subjects - first - second
    return (n_subjects // N_CLASSES,) * N_CLASSES


def answers(rng, labels, mean, items=(1, 1), alike=0.0):
    """Simulate scores: classes of the items, probabilities, and whose items they are."""
    subject = np.repeat(
        np.arange(len(labels)), rng.integers(items[0], items[1] + 1, size=len(labels))
    )
    person = rng.normal(size=(len(labels), N_CLASSES))
    score = np.sqrt(alike) * person[subject]
    score += np.sqrt(1 - alike) * rng.normal(size=score.shape)
    y = labels[subject]
    score[np.arange(len(y)), y] += mean
    proba = np.exp(score - score.max(axis=1, keepdims=True))
    return y, proba / proba.sum(axis=1, keepdims=True), subject


def large_cohort(accuracy, n_k, n):
    """Simulate a cohort of the same mix, so large that its metrics are the true ones."""
    labels = np.repeat(np.arange(N_CLASSES), np.array(n_k) * (n // sum(n_k)))
    return answers(np.random.default_rng(0), labels, height(accuracy))[:2]


def true_values(accuracy, n_k, n):
    y, proba = large_cohort(accuracy, n_k, n)
    counts = SubjectCounts(y, proba, y)  # metrics do not depend on whose items they are
    counts = counts.count(counts.observed())
    whole, each = overall(counts), one_vs_rest(counts)
    return (
        np.array([float(whole[name]) for name in METRICS]),
        np.stack([each[name] for name in CLASS_METRICS]),
    )


def tables_cell(design, n_subjects, accuracy, settings, rng):
    """Look at the metrics of the tables of scores."""
    n_k = sizes_of(design, n_subjects)
    labels = np.repeat(np.arange(N_CLASSES), n_k)
    true = true_values(accuracy, n_k, settings["large"])
    mean, found = height(accuracy), {}
    for _ in range(settings["cohorts"]):
        y, proba, subject = answers(rng, labels, mean, *DESIGNS[design])
        subjects = SubjectCounts(y, proba, subject)
        samples = [
            resampled_counts(subjects, draw_subjects(labels, settings["resamples"], rng, k)[0])
            for k in (1.0, 0.0)
        ]
        for names, truth, estimate, measure in [
            (METRICS, true[0], overall_estimates, overall),
            ([f"{name}, class" for name in CLASS_METRICS], true[1], class_estimates, one_vs_rest),
        ]:
            low, high, _ = estimate(subjects, samples[0], 0.95).interval
            plain = np.percentile(np.stack([*measure(samples[1]).values()]), [2.5, 97.5], axis=1)
            for name, *row in zip(names, truth, low, high, *plain, strict=True):
                found.setdefault(name, []).append(row)
    return found


def readers_cell(design, n_subjects, accuracy, settings, rng):
    """Look at the agreement of readers who are right with the same probability."""
    labels = np.repeat(np.arange(N_CLASSES), sizes_of(design, n_subjects))
    together = accuracy**2 + (1 - accuracy) ** 2 / (N_CLASSES - 1)
    kappa = (together - 1 / N_CLASSES) / (1 - 1 / N_CLASSES)
    found = []
    for _ in range(settings["cohorts"]):
        shape = len(labels), N_READERS
        slips = (rng.random(shape) >= accuracy) * rng.integers(1, N_CLASSES, size=shape)
        table = fleiss_agreement(
            pd.DataFrame((labels[:, None] + slips) % N_CLASSES),
            y_true=labels,
            n_bootstrap=settings["resamples"],
            random_state=int(rng.integers(2**31)),
        )
        row = table.loc[("all", "overall"), ["low", "high"]]
        found.append([kappa, *row, np.nan, np.nan])
    return {"kappa": found}


def curves_cell(design, n_subjects, accuracy, settings, rng):
    """Look at the curves of the first class."""
    n_k = sizes_of(design, n_subjects)
    labels = np.repeat(np.arange(N_CLASSES), n_k)
    y, proba = large_cohort(accuracy, n_k, settings["large"])
    fpr, tpr, _ = roc_curve(y == 0, proba[:, 0])
    ranked = np.cumsum((y == 0)[np.argsort(-proba[:, 0])])
    reached = np.searchsorted(ranked, np.array(PLACES) * ranked[-1])
    truths = {
        "roc": ("sensitivity at a false positive rate", np.interp(PLACES, fpr, tpr)),
        "precision_recall": ("precision at a recall", ranked[reached] / (reached + 1)),
    }
    areas = {
        "roc": ("AUROC of a curve", np.trapezoid(tpr, fpr)),
        "precision_recall": ("average precision", average_precision_score(y == 0, proba[:, 0])),
    }
    at, mean, found = np.searchsorted(_GRID, PLACES), height(accuracy), {}
    for _ in range(settings["cohorts"]):
        y, proba, _ = answers(rng, labels, mean)
        rows = SubjectRows(y, None)
        draws = rows.draw(settings["curve_resamples"], rng)
        for kind, (name, truth) in truths.items():
            curve = _curve(0, y, proba[:, 0], np.zeros_like(y), draws, rows.labels, kind)
            none = np.full(len(at), np.nan)
            row = truth, curve.low[at], curve.high[at], none, none
            found.setdefault(name, []).append(row)
            name, truth = areas[kind]
            row = truth, curve.area_low, curve.area_high, np.nan, np.nan
            found.setdefault(name, []).append(row)
    return found


def run_cell(design, n_subjects, accuracy, settings):
    """Count, for each metric, how often its interval held the true value."""
    key = crc32(f"{design} {n_subjects} {accuracy}".encode())
    rng = np.random.default_rng([settings["seed"], key])
    cell = {"readers": readers_cell, "curves": curves_cell}.get(design, tables_cell)
    rows = []
    for name, found in cell(design, n_subjects, accuracy, settings, rng).items():
        truth, low, high, plain_low, plain_high = np.moveaxis(
            np.array([np.broadcast_arrays(*row) for row in found], dtype=float), 1, 0
        )
        near = 1e-9  # of rounding
        under, over = truth < low - near, truth > high + near
        plain = (plain_low <= truth + near) & (truth <= plain_high + near)
        known = not np.isnan(plain_low).any()
        rows.append(
            {"design": design, "n_subjects": n_subjects, "accuracy": accuracy, "metric": name}
            # the lowest of the classes, or of the points of a curve
            | {"truth": truth.mean(), "coverage": 1 - (under | over).mean(axis=0).max()}
            | {"truth_below": under.mean(), "truth_above": over.mean()}
            | {"width": np.median(high - low), "narrowest": (high - low).min()}
            | {"plain_coverage": plain.mean(axis=0).min() if known else np.nan}
            | {"plain_width": np.median(plain_high - plain_low) if known else np.nan}
        )
    return rows


def cells():
    """List the cells; some designs skip every other accuracy."""
    chosen = dict.fromkeys(DESIGNS, ACCURACIES[::2])
    chosen |= dict.fromkeys(["subjects", "recordings", "readers"], ACCURACIES)
    chosen |= {"curves": (0.7, 0.95, 1.0)}
    return [(d, n, a) for n in SIZES for d, accuracies in chosen.items() for a in accuracies]


def readable(table):
    """Give the lowest coverage over accuracies below 1, of each family, design and size."""
    family = {name: title for title, names in FAMILIES.items() for name in names}
    part = table[table["accuracy"] < 1].assign(family=table["metric"].map(family))
    keys = ["family", "design", "n_subjects"]
    lowest = part.groupby(keys)[["coverage", "plain_coverage"]].min().reset_index()
    lowest["text"] = [
        f"{row.coverage:.3f}"
        + ("" if np.isnan(row.plain_coverage) else f" ({row.plain_coverage:.2f})")
        for row in lowest.itertuples()
    ]
    wide = lowest.pivot(index=["family", "design"], columns="n_subjects", values="text")
    order = [(f, d) for f in FAMILIES for d in dict.fromkeys(table["design"])]
    wide = wide.reindex([key for key in order if key in wide.index]).reset_index()
    return wide.rename(columns={n: f"{n} subjects" for n in SIZES})


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cohorts", type=int, default=2000, help="in each cell")
    parser.add_argument("--resamples", type=int, default=199)
    parser.add_argument("--curve-resamples", type=int, default=60)
    parser.add_argument("--large", type=int, default=300_000, help="subjects, for true values")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--cache", default="interval_cells", help="folder")
    parser.add_argument("--out", help="stem of the results: .csv, .json, _table.csv")
    args = parser.parse_args()
    settings = {
        k: getattr(args, k) for k in ("cohorts", "resamples", "curve_resamples", "large", "seed")
    }
    run = joblib.Memory(args.cache, verbose=0).cache(run_cell)
    parts = joblib.Parallel(args.jobs, verbose=5)(
        joblib.delayed(run)(*cell, settings) for cell in cells()
    )
    table = pd.DataFrame([row for part in parts for row in part])
    summary = readable(table)
    print(summary.to_string(index=False))
    if args.out:
        table.to_csv(f"{args.out}.csv", index=False, float_format="%.5g")
        summary.to_csv(f"{args.out}_table.csv", index=False)
        about = {"data": "simulated", "settings": settings, **provenance()}
        Path(f"{args.out}.json").write_text(json.dumps(about, indent=2) + "\n")


if __name__ == "__main__":
    main()
