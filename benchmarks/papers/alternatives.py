"""What a user would pick instead of nEMGNet, on the same folds."""

from __future__ import annotations

from benchmarks.machinery.methods import TUNED_B, pipeline, segment_classifiers
from benchmarks.machinery.reporting import (
    NOT_RUN,
    accuracy_cell,
    difference_cells,
    profile_table,
    score_cells,
)
from benchmarks.machinery.runner import Study, load, main
from benchmarks.papers import table_4

METHODS = [
    "nEMGNet-B",
    TUNED_B,
    "features + LDA",
    "features + forest",
    "MiniRocket + ridge",
    "MultiRocket + ridge",
    "ShallowFBCSPNet",
]


def methods(settings):
    return {
        name: pipeline(classifier, settings, subject_features="location")
        for name, classifier in segment_classifiers(settings).items()
    }


STUDY = Study("alternatives", methods, levels=("subjects", "recordings"))


def fit_seconds(profile: str) -> dict[str, float]:
    """Sum up the seconds of each method's fits.

    The fits of nEMGNet-B are those of Table 4 where it was run: see `Remembered`.
    """
    found: dict[str, float] = {}
    for study, names in (
        (STUDY, {}),
        (table_4.STUDY, {f"nEMGNet-B, {table_4.WAYS[0]}": "nEMGNet-B"}),
    ):
        if (result := load(study, "simulated", profile)) is not None:
            sums = result.cells.groupby("method")["fit_seconds"].sum().rename(names)
            found |= {name: value for name, value in sums.items() if name in METHODS}
    return found


def verdict(result) -> str:
    """Say which methods have a higher mean accuracy than nEMGNet."""
    if result is None:
        return ""
    accuracy = (result.subjects["prediction"] == result.subjects["y_true"]).groupby(
        result.subjects["method"]
    ).mean()  # fmt: skip
    better = accuracy[accuracy > accuracy["nEMGNet-B"]].sort_values(ascending=False)
    if not len(better):
        return "None of them beats nEMGNet-B here.\n"
    return f"**Better than nEMGNet-B here: {', '.join(better.index)}.**\n"


def tables() -> str:
    parts = [
        "## What a user would pick instead\n",
        "The same folds, segments and votes (features-PD); only the segment classifier differs. "
        "nEMGNet-B is trained as published; tuned + one-cycle takes as many updates. The table "
        "gives accuracy of subjects in percent, mean ± SD over folds [95 % interval over "
        "subjects]; AUROC and MCC likewise; the difference in accuracy from nEMGNet-B in points, "
        "with the corrected resampled t-test; and seconds of all fits (of nEMGNet-B those of the "
        "same fits in Table 4). ShallowFBCSPNet (braindecode 1.8.1) fails for one channel, so it "
        "was given the signal twice, as two channels; its time constants are those for EEG. "
        "MultiRocket has a tenth of MiniRocket's kernels.\n",
    ]
    for profile in ("cpu", "gpu"):
        result = load(STUDY, "simulated", profile)
        seconds = fit_seconds(profile)
        rows = [
            [name, accuracy_cell(result, name),
             *score_cells(result, name, ["roc_auc_macro", "mcc"]),
             *(["", ""] if name == "nEMGNet-B"
               else difference_cells((result, name), (result, "nEMGNet-B"))),
             f"{seconds[name]:.0f}" if name in seconds else NOT_RUN]
            for name in METHODS
        ]  # fmt: skip
        header = ["", "accuracy", "AUROC", "MCC", "difference", "p", "seconds"]
        parts += [profile_table(profile, result, header, rows), verdict(result)]
    return "\n".join(parts)


if __name__ == "__main__":
    main(STUDY, __doc__)
