"""Readers Table S2: with and without the location of the muscles, three folds, five repeats."""

from __future__ import annotations

from benchmarks.machinery.methods import nemgnet, pipeline
from benchmarks.machinery.reporting import profile_table, score_cells
from benchmarks.machinery.runner import Study, load, main
from benchmarks.papers.published import READERS_S2

METRICS = {
    "accuracy": "accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "precision_macro": "PPV",
    "f1_macro": "F1",
}
FEATURES = {"without location": "all", "with location": "location"}


def methods(settings):
    return {
        name: pipeline(nemgnet("B", settings), settings, subject_features=features)
        for name, features in FEATURES.items()
    }


STUDY = Study("readers_s2", methods, protocols=("readers",), cpu={"n_repeats": 5})


def tables() -> str:
    parts = [
        "## With and without muscle location (Readers Table S2)\n",
        "Of subjects, one-vs-rest means [95 % interval over subjects] (published "
        "mean ± SD over runs).\n",
    ]
    for profile in ("cpu", "gpu"):
        result = load(STUDY, "simulated", profile, "readers")
        rows = [
            [name, *(
                f"{ours} ({theirs})"
                for ours, theirs in zip(
                    score_cells(result, name, METRICS, percent=False), values, strict=True
                )
            )]
            for name, values in READERS_S2.items()
        ]  # fmt: skip
        parts.append(profile_table(profile, result, ["", *METRICS.values()], rows))
    return "\n".join(parts)


if __name__ == "__main__":
    main(STUDY, __doc__)
