"""CMPB Table 5: ten feature extractors under DiVote, six metrics of subjects."""

from __future__ import annotations

from benchmarks.machinery.methods import IMAGE_NETWORKS, image_network, nemgnet, pipeline
from benchmarks.machinery.reporting import profile_table, score_cells
from benchmarks.machinery.runner import Study, load, main
from benchmarks.papers.published import TABLE_5

METRICS = {
    "accuracy": "accuracy",
    "f1_weighted": "F1",
    "precision_weighted": "precision",
    "recall_weighted": "recall",
    "roc_auc_macro": "AUROC",
    "mcc": "MCC",
}


def methods(settings):
    found = {
        f"nEMGNet-{version}": pipeline(
            nemgnet(version, settings), settings, subject_features="location"
        )
        for version in "ABCD"
    }
    images = {
        name: image_network(name, settings, subject_features="location") for name in IMAGE_NETWORKS
    }
    return found | images


STUDY = Study("table_5", methods, cpu={"n_subjects": 18, "hop": 0.4, "n_splits": 3, "n_repeats": 1})


def tables() -> str:
    parts = [
        "## Ten extractors (CMPB Table 5)\n",
        "Percent [95 % interval over subjects] (published value). All weights start at random.\n",
    ]
    for profile in ("cpu", "gpu"):
        result = load(STUDY, "simulated", profile)
        rows = [
            [name, *(
                f"{ours} ({theirs:.1f})"
                for ours, theirs in zip(score_cells(result, name, METRICS), published, strict=True)
            )]
            for name, published in TABLE_5.items()
        ]  # fmt: skip
        if result is not None and profile == "cpu":
            run = result.settings["benchmark"]
            parts.append(
                f"The image networks saw pictures of {run['image_size']} pixels a side "
                f"(published: 224 or 299) for {run['image_epochs']} epoch (published: 100): this "
                "shows that all ten run, not what they can do.\n"
            )
        parts.append(profile_table(profile, result, ["", *METRICS.values()], rows))
    return "\n".join(parts)


if __name__ == "__main__":
    main(STUDY, __doc__)
