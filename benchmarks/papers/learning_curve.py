"""How the accuracy grows with the number of subjects in training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.machinery.methods import TUNED_B, pipeline, segment_classifiers
from benchmarks.machinery.reporting import profile_table, score_cells, subject_scores
from benchmarks.machinery.runner import Study, load, main
from sknemg import FewerSubjects

CLASSIFIERS = ["nEMGNet-B", TUNED_B, "features + LDA", "MiniRocket + ridge"]
SIZES = {"smoke": [1, 2], "cpu": [2, 4, 8, 15], "gpu": [2, 4, 8, 15]}


def methods(settings):
    found = segment_classifiers(settings)
    out = {}
    for name in CLASSIFIERS:
        for size in SIZES[settings.profile]:
            if name in found:
                pipe = pipeline(found[name], settings, subject_features="location")
                last, divote = pipe.steps[-1]
                pipe.steps[-1] = (last, FewerSubjects(divote, size))
                out[f"{name}, {size} a class"] = pipe
    return out


STUDY = Study("learning_curve", methods)


def plot(result, path: Path) -> None:
    """Draw accuracy against the number of training subjects of each class."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
    sizes = SIZES[result.settings["benchmark"]["profile"]]
    for i, name in enumerate(CLASSIFIERS):
        ran = [size for size in sizes if f"{name}, {size} a class" in set(result.cells["method"])]
        if not ran:
            continue
        rows = [subject_scores(result, f"{name}, {size} a class").iloc[0] for size in ran]
        value = np.array([row["value"] for row in rows])
        reach = np.abs(np.array([[row["low"], row["high"]] for row in rows]).T - value)
        place = np.array(ran) * 1.03 ** (i - 1)  # apart, so that intervals can be read
        style = {"marker": "oDs^"[i], "linestyle": ["-", "-.", "--", ":"][i], "capsize": 3}
        ax.errorbar(place, value, yerr=reach, label=name, **style)
    ax.axhline(1 / 3, color="0.6", linewidth=0.8)
    ax.annotate("chance", (sizes[0], 1 / 3), textcoords="offset points", xytext=(0, 4))
    ax.set(xscale="log", ylim=(0, 1), xlabel="training subjects of each class")
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
    ax.set_ylabel("accuracy of test subjects, 95 % interval")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, loc="lower right")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def tables(pictures: Path | None = None) -> str:
    parts = [
        "## How many subjects\n",
        "Accuracy of subjects in percent [95 % interval] on the same test folds, with fewer "
        "training subjects of each class; fewer are part of more.\n",
    ]
    for profile in ("cpu", "gpu"):
        result = load(STUDY, "simulated", profile)
        sizes = SIZES[profile]
        rows = [
            [name, *(score_cells(result, f"{name}, {n} a class", ["accuracy"])[0] for n in sizes)]
            for name in CLASSIFIERS
        ]
        header = ["", *(f"{size} per class" for size in sizes)]
        parts.append(profile_table(profile, result, header, rows))
        if result is not None and pictures is not None:
            plot(result, pictures / f"learning_curve_{profile}.png")
            parts.append(
                f"![Accuracy against training subjects](_static/benchmarks/learning_curve_"
                f"{profile}.png)\n"
            )
    return "\n".join(parts)


if __name__ == "__main__":
    main(STUDY, __doc__)
