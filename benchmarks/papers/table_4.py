"""CMPB Table 4: nEMGNet A to D, and three ways from votes to a diagnosis."""

from __future__ import annotations

from benchmarks.machinery.methods import nemgnet_votes
from benchmarks.machinery.reporting import accuracy_cell, profile_table
from benchmarks.machinery.runner import Study, load, main
from benchmarks.papers.published import TABLE_4

WAYS = ["simple averaging", "features-all", "features-PD"]


def methods(settings):
    return {
        name: pipe for version in TABLE_4 for name, pipe in nemgnet_votes(version, settings).items()
    }


STUDY = Study("table_4", methods)


def tables() -> str:
    parts = ["## Versions of nEMGNet and ways to vote (CMPB Table 4)\n"]
    for profile in ("cpu", "gpu"):
        result = load(STUDY, "simulated", profile)
        rows = []
        for version, published in TABLE_4.items():
            row = [f"nEMGNet-{version}"]
            for way, theirs in zip(WAYS, published, strict=True):
                row += [accuracy_cell(result, f"nEMGNet-{version}, {way}"), theirs]
            rows.append(row)
        header = ["", *(text for way in WAYS for text in (f"{way}, here", "published"))]
        parts.append(profile_table(profile, result, header, rows))
    parts.append(
        "Accuracy of subjects in percent, mean ± SD over folds and repeats [95 % interval "
        "over subjects]. Published weights were chosen on the test fold, those here on "
        "validation subjects of the training folds.\n"
    )
    return "\n".join(parts)


if __name__ == "__main__":
    main(STUDY, __doc__)
