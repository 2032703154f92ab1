"""Accuracy of segments, over all and per class, and how much the leak of a protocol inflates it.

One study under both protocols: its nEMGNet-B gives the segment accuracies of the paper's section
3.2 too.
"""

from __future__ import annotations

from benchmarks.machinery.methods import nemgnet, pipeline
from benchmarks.machinery.reporting import (
    NOT_RUN,
    difference_cells,
    markdown,
    profile_table,
    score_cells,
    segment_accuracies,
)
from benchmarks.machinery.runner import Study, load, main
from benchmarks.papers.published import SEGMENTS

METRICS = {
    "accuracy": "accuracy",
    "f1_weighted": "F1",
    "roc_auc_macro": "AUROC",
    "mcc": "MCC",
}
NAME = "nEMGNet-B"


def methods(settings):
    return {NAME: pipeline(nemgnet("B", settings), settings, subject_features="location")}


#: Both protocols deal the subjects once and draw three sets of initial weights, as published, so
#: that they can be compared fold by fold.
STUDY = Study(
    "protocols",
    methods,
    protocols=("nested", "published"),
    changes={"n_repeats": 3, "reshuffle": False},
)


def tables() -> str:
    parts = []
    for profile in ("cpu", "gpu"):
        results = {name: load(STUDY, "simulated", profile, name) for name in STUDY.protocols}
        nested, leaking = results["nested"], results["published"]
        scores, segments = [], []
        for name, result in results.items():
            found = None if result is None else segment_accuracies(result, NAME)
            scores.append([name, *score_cells(result, NAME, METRICS)])
            segments.append([name, *(
                f"{NOT_RUN} ({theirs})" if found is None
                else f"{found[label][0]:.1f} ± {found[label][1]:.1f} ({theirs})"
                for label, theirs in SEGMENTS.items()
            )])  # fmt: skip
        difference, p = difference_cells((leaking, NAME), (nested, NAME))
        header = ["protocol", *METRICS.values()]
        parts.append(profile_table(profile, leaking, header, scores))
        if leaking is None or nested is None:
            continue
        parts += [
            f"\nChoosing on the test fold changes subject accuracy by **{difference}** points "
            f"(corrected resampled t-test, p = {p}). Segment accuracy, mean ± SD over folds "
            "(published):\n",
            markdown(["protocol", *SEGMENTS], segments),
        ]
    return "\n".join(
        [
            "## Choosing weights on the test fold, and accuracy of segments per class (CMPB 3.2)\n",
            "The published protocol takes the weights that do best on the test fold; the nested "
            "one sets a fifth of the training subjects aside to choose them. Folds and network are "
            "the same. Subjects, percent [95 % interval].\n",
            *parts,
        ]
    )


if __name__ == "__main__":
    main(STUDY, __doc__)
