"""In-sample against out-of-fold subject features for the final classifier of DiVote."""

from __future__ import annotations

from methods import pipeline, segment_classifiers
from reporting import difference_cells, profile_table, score_cells
from runner import Study, load, main

CLASSIFIERS = ["nEMGNet-B", "features + LDA", "MiniRocket + ridge"]
WAYS = {"in-sample (as published)": None, "out-of-fold": "inner"}


def methods(settings):
    found = segment_classifiers(settings)
    features = "all" if settings.n_splits == "leave-one-out" else "location"
    return {
        f"{name}, {way}": pipeline(
            found[name], settings, subject_features=features, cv=cv and getattr(settings, cv)
        )
        for name in CLASSIFIERS
        if name in found
        for way, cv in WAYS.items()
    }


STUDY = Study("subject_features", methods, levels=("subjects", "recordings"))


def table(cohort: str, profile: str) -> str:
    result = load(STUDY, cohort, profile)
    rows = []
    for name in CLASSIFIERS:
        for way in WAYS:
            method = f"{name}, {way}"
            other = f"{name}, in-sample (as published)"
            rows.append(
                [name, way, *score_cells(result, method, ["accuracy", "roc_auc_macro"]),
                 *score_cells(result, method, ["log_loss"], 1),
                 *(["", ""] if way != "out-of-fold"
                   else difference_cells((result, method), (result, other)))]
            )  # fmt: skip
    header = ["segments", "subject features", "accuracy", "AUROC", "log-loss", "difference", "p"]
    return profile_table(profile, result, header, rows)


def tables() -> str:
    parts = [
        "## In-sample against out-of-fold subject features\n",
        "As published, the final classifier is trained on the votes that the network gives to its "
        "own training subjects. Percent, and log-loss (an answer of thirds has 1.10) [95 % "
        "interval]; difference in accuracy, points, with the corrected resampled t-test.\n",
    ]
    for profile in ("cpu", "gpu"):
        parts.append(table("simulated", profile))
    return "\n".join(parts)


if __name__ == "__main__":
    main(STUDY, __doc__)
