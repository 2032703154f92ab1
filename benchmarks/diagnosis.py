"""How sure answers are, and how many genuine patients are refused, over simulated cohorts.

Segment features with a linear discriminant and DiVote are trained, calibrated and given their
limits on each cohort, once with all subjects and once with 19 of them, and answer the patients of
the other cohorts, none of whom they have seen. Segments and measures of a cohort are computed once
and kept.

    OMP_NUM_THREADS=1 python -m benchmarks.diagnosis --cohorts 20 --cache FOLDER --out NAME

All patients are simulated by one simulator: other clinics, machines and diseases are not in here.
"""

import argparse
import json
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg import DiVoteClassifier, Segmenter, SegmentFeatures, SubjectKFold
from sknemg.diagnosis import (
    Plausibility,
    conformal_quantile,
    coverage_range,
    fit_temperature,
    prediction_sets,
    scale_temperature,
)
from sknemg.persistence.card import reliability
from sknemg.provenance import provenance
from sknemg.recordings import label_subjects
from sknemg.simulate import make_cohort

COVERAGE = 0.9
SIZES = (57, 19)
RESULTS = Path(__file__).parent / "results" / "diagnosis"
MODEL = DiVoteClassifier(make_pipeline(StandardScaler(), LinearDiscriminantAnalysis()))


def prepared(seed, cache):
    """Features of all segments, measures and features of all recordings, diagnoses."""
    file = None if cache is None else Path(cache) / f"pre{seed}.joblib"
    if file is not None and file.exists():
        features, y, kept, measures, means, _ = joblib.load(file)
        return features[kept], y[kept], measures, means
    X, y = make_cohort(max(SIZES), sfreq=10_000, random_state=seed)
    kept = np.flatnonzero(X.durations >= 0.4)
    features = make_pipeline(Segmenter(short="drop"), SegmentFeatures()).fit_transform(X)
    measures, means = Plausibility()._measure(X[kept])
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        joblib.dump((features, y, kept, measures, means, X.meta), file)
    return features[kept], y[kept], measures, means


def some_subjects(y, subjects, n_subjects, rng):
    """Rows of that many subjects, as even over the classes as it goes."""
    _, names, first = label_subjects(y, subjects)
    labels = np.unique(y)
    shares = [
        n_subjects // len(labels) + (k < n_subjects % len(labels)) for k in range(len(labels))
    ]
    chosen = [
        rng.permutation(names[y[first] == label])[:share]
        for label, share in zip(labels, shares, strict=True)
    ]
    return np.flatnonzero(np.isin(subjects, np.concatenate(chosen)))


def train(features, y, measures, means):
    """Do what a Diagnostician does, on what was measured before."""
    subjects = features["subject"].to_numpy()
    _, _, first = label_subjects(y, subjects)
    classes = np.unique(y)
    rows, far, whole = np.empty((len(y), len(classes))), np.zeros(len(y)), []
    for fold, test in SubjectKFold(5).split(features, y, subjects):
        rows[test] = clone(MODEL).fit(features[fold], y[fold]).predict_proba(features[test])
        far[test] = Plausibility()._learn(measures[fold], means[fold])._distances(means[test])
        whole += [np.median(far[test][subjects[test] == s]) for s in np.unique(subjects[test])]
    codes = np.searchsorted(classes, y[first])
    temperature = fit_temperature(rows[first], codes)
    calibrated = scale_temperature(rows[first], temperature)
    quantile = conformal_quantile(1 - calibrated[np.arange(len(codes)), codes], COVERAGE)
    known = Plausibility()._learn(measures, means)._set_limits(far, whole)
    return clone(MODEL).fit(features, y), temperature, min(quantile, 1.0), known


def answer(trained, features, y, measures, means):
    """Score the patients of another cohort."""
    model, temperature, quantile, known = trained
    subjects = features["subject"].to_numpy()
    _, names, first = label_subjects(y, subjects)
    codes = np.searchsorted(model.classes_, y[first])
    before = model.predict_proba(features)[first]
    after = scale_temperature(before, temperature)
    sets = prediction_sets(after, quantile)
    sizes = sets.sum(axis=1)
    distances = known._distances(means)
    wrong = np.array([bool(known._wrong_levels(row)[0]) for row in measures])
    wrong |= distances > known.distance_
    refused = [
        wrong[subjects == s].mean() > 0.5
        or np.median(distances[subjects == s]) > known.subject_distance_
        for s in names
    ]
    one, other = reliability(before, codes), reliability(after, codes)
    return {
        "accuracy": one["accuracy"],
        "log_loss_before": one["log_loss"],
        "log_loss_after": other["log_loss"],
        "calibration_error_before": one["calibration_error"],
        "calibration_error_after": other["calibration_error"],
        "covered": sets[np.arange(len(codes)), codes].mean(),
        "set_size": sizes.mean(),
        "one_diagnosis": (sizes == 1).mean(),
        "refused": np.mean(refused),
        "recordings_unusable": wrong.mean(),
    }


def run(n_cohorts, seed, cache):
    """Train on each cohort and answer all others: one row for each pair."""
    cohorts = {seed + k: prepared(seed + k, cache) for k in range(n_cohorts)}
    rows = []
    for n_subjects in SIZES:
        for own, (features, y, *measured) in cohorts.items():
            rng = np.random.default_rng([own, n_subjects])
            at = some_subjects(y, features["subject"].to_numpy(), n_subjects, rng)
            trained = train(features[at], y[at], *(part[at] for part in measured))
            cell = {"n_subjects": n_subjects, "cohort": own, "temperature": trained[1]}
            rows += [
                cell | {"patients": other} | answer(trained, *cohorts[other])
                for other in cohorts
                if other != own
            ]
        print(n_subjects, flush=True)
    return pd.DataFrame(rows)


def summary(pairs):
    """Mean over all pairs, and the least and the most among the training cohorts."""
    by_cohort = pairs.drop(columns="patients").groupby(["n_subjects", "cohort"]).mean()
    table = by_cohort.groupby("n_subjects").agg(["mean", "min", "max"]).stack(level=0)
    return table.rename_axis(["n_subjects", "what"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohorts", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the first cohort")
    parser.add_argument("--cache", help="folder in which measured cohorts are kept")
    parser.add_argument("--out", help="name of the result in benchmarks/results/diagnosis")
    args = parser.parse_args()
    pairs = run(args.cohorts, args.seed, args.cache)
    table = summary(pairs)
    print(table.round(3).to_string())
    for n in SIZES:
        print(n, "nominal range of the coverage", coverage_range(n, COVERAGE))
    if args.out:
        folder = RESULTS / args.out
        folder.mkdir(parents=True, exist_ok=True)
        table.to_csv(folder / "summary.csv", float_format="%.4f")
        settings = {"cohorts": args.cohorts, "seed": args.seed, "coverage": COVERAGE}
        (folder / "settings.json").write_text(json.dumps(settings | provenance(), indent=1) + "\n")


if __name__ == "__main__":
    main()
