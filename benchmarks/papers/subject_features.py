"""In-sample against out-of-fold subject features for the final classifier of DiVote."""

from __future__ import annotations

from sklearn.linear_model import LogisticRegression

from benchmarks.machinery.methods import pipeline, segment_classifiers
from benchmarks.machinery.reporting import (
    AVERAGING,
    difference_cells,
    profile_table,
    score_cells,
    with_averaging,
)
from benchmarks.machinery.runner import Study, load, main

CLASSIFIERS = ["nEMGNet-B", "features + LDA", "MiniRocket + ridge"]
IN_SAMPLE = "in-sample (as published)"
OUT_OF_FOLD = "out-of-fold"
BALANCED = "in-sample, classes weighted"


def methods(settings):
    found = segment_classifiers(settings)
    one_out = settings.n_splits == "leave-one-out"
    options = {"subject_features": "all" if one_out else "location"}
    ways = {IN_SAMPLE: options, OUT_OF_FOLD: options | {"cv": settings.inner}}
    if one_out:  # folds then differ in the share of their classes
        balanced = LogisticRegression(class_weight="balanced")
        ways[BALANCED] = options | {"final_estimator": balanced}
    return {
        f"{name}, {way}": pipeline(found[name], settings, **divote)
        for name in CLASSIFIERS
        if name in found
        for way, divote in ways.items()
    }


STUDY = Study("subject_features", methods, levels=("subjects", "recordings"))


def table(cohort: str, profile: str) -> str:
    result = with_averaging(load(STUDY, cohort, profile), IN_SAMPLE)
    rows = []
    for name in CLASSIFIERS:
        for way in [IN_SAMPLE, OUT_OF_FOLD, AVERAGING]:
            method = f"{name}, {way}"
            other = f"{name}, {IN_SAMPLE}"
            rows.append(
                [name, way, *score_cells(result, method, ["accuracy", "roc_auc_macro"]),
                 *score_cells(result, method, ["log_loss"], percent=False),
                 *(["", ""] if way == IN_SAMPLE
                   else difference_cells((result, method), (result, other)))]
            )  # fmt: skip
    header = ["segments", "subject features", "accuracy", "AUROC", "log-loss", "difference", "p"]
    return profile_table(profile, result, header, rows)


def tables() -> str:
    parts = [
        "## In-sample against out-of-fold subject features\n",
        "As published, the final classifier is trained on the votes that the network gives to its "
        "own training subjects; simple averaging has no final classifier. Percent, and log-loss "
        "(uniform guessing: 1.10) [95 % interval]; difference in accuracy, points, with the "
        "corrected resampled t-test.\n",
    ]
    for profile in ("cpu", "gpu"):
        parts.append(table("simulated", profile))
    return "\n".join(parts)


if __name__ == "__main__":
    main(STUDY, __doc__)
