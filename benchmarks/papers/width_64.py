"""nEMGNet at the published width on all 57 simulated subjects, as published and as tuned.

Run ``python -m benchmarks.papers.width_64 --versions A``; a stopped run goes on. Networks get six
passes through the segments, C and D three, where the paper has 100. Under ``--profile gpu``,
``--jobs 15`` runs all folds at once, since a GPU waits for the launch of small kernels: of the
jobs, three a fold, one trains its network and two wait for it. ``--versions LDA`` runs features
with a linear discriminant on the same folds, in some minutes of a CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import product

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.machinery.methods import SFREQ, nemgnet, pipeline, tuned
from benchmarks.machinery.reporting import (
    accuracy_cell,
    markdown,
    runs_line,
    score_cells,
)
from benchmarks.machinery.runner import Study, arguments, load, run
from benchmarks.machinery.settings import PROFILES as SIZES
from benchmarks.papers.published import TABLE_4, TABLE_5
from benchmarks.papers.table_5 import METRICS
from sknemg import SegmentFeatures
from sknemg.evaluation import Evaluation

#: From votes to a diagnosis: those of Table 4.
WAYS = {
    "simple averaging": {"final_estimator": None},
    "features-all": {"subject_features": "all"},
    "features-PD": {"subject_features": "location"},
}
RECIPES = ("published", "tuned")
#: What tables call the trainings: the tuned recipe has no schedule of its own.
SHOWN = {"published": "published", "tuned": "tuned + one-cycle"}
LINEAR = "LDA"
PAPER = SIZES["gpu"]
SIZE = {"n_subjects": 57, "hop": 0.1, "width": 64, "eval_every": 50, "n_repeats": 1}
#: Passes through the segments: what some minutes of a GPU allow.
EPOCHS = {"A": 6, "B": 6, "C": 3, "D": 3}


def methods(settings, *, version, recipe):
    """Give one network in the ways to vote; the tuned one takes as many updates, in half epochs."""
    network = nemgnet(version, settings)
    network = tuned(network) if recipe == "tuned" else network
    return {way: pipeline(network, settings, **divote) for way, divote in WAYS.items()}


def linear_methods(settings):
    """Give features with a linear discriminant in the ways to vote.

    Its classes have equal priors: with those of the segments, of which normal subjects have the
    fewest, the mean of a subject's segments leans away from them.
    """
    linear = LinearDiscriminantAnalysis(priors=[1 / 3] * 3)
    classifier = make_pipeline(SegmentFeatures(input_sfreq=SFREQ), StandardScaler(), linear)
    return {way: pipeline(classifier, settings, **divote) for way, divote in WAYS.items()}


LINEAR_STUDY = Study("width_64/features_LDA", linear_methods, cpu=SIZE, gpu=SIZE)


def study(version: str, recipe: str) -> Study:
    """Give a study of its own to each network, so that each is kept as soon as it is done."""
    found = partial(methods, version=version, recipe=recipe)
    size = SIZE | {"max_epochs": EPOCHS[version]}
    return Study(f"width_64/{version}-{recipe}", found, cpu=size, gpu=size)


def tables() -> str:
    parts = [
        "## nEMGNet at the published width\n",
        "Tables 4 and 5 at width 64 on all 57 subjects: accuracy of subjects in percent, mean ± SD "
        "over folds [95 % interval over subjects] by the way to vote, then all metrics of "
        "features-PD. The published training chooses its weights on validation subjects of the "
        "training folds (the paper trained for 100 epochs). Tuned + one-cycle trains on all "
        "training subjects, for as many updates in twice as many half epochs. Features with a "
        "linear discriminant vote on the same folds, with equal priors: with those of the "
        "segments, the mean of a subject's segments leans away from the normal ones, which have "
        "the fewest. All of one seed: intervals do not include the chance in training.\n",
    ]
    return "\n".join([*parts, *map(_tables, ("cpu", "gpu"))])


def _tables(profile: str) -> str:
    """Show what was run under a profile, and the paper's own below each version."""
    rows, metrics, found = [], [], {}

    def add(one: Study, name: str) -> None:
        if (result := load(one, "simulated", profile)) is not None:
            found[name] = result
            epochs = "" if one is LINEAR_STUDY else result.settings["benchmark"]["max_epochs"]
            rows.append([name, epochs, *(accuracy_cell(result, way) for way in WAYS)])
            metrics.append([name, *score_cells(result, "features-PD", METRICS)])

    for version in TABLE_4:
        before = len(rows)
        for recipe in RECIPES:
            add(study(version, recipe), f"nEMGNet-{version}, {SHOWN[recipe]}")
        if len(rows) > before:
            name = f"nEMGNet-{version}, in the paper"
            rows.append([name, PAPER.max_epochs, *TABLE_4[version]])
            metrics.append([name, *(f"{value:.1f}" for value in TABLE_5[f"nEMGNet-{version}"])])
    add(LINEAR_STUDY, "features + LDA, equal priors")
    if not found:
        return f"Profile {profile}: not run.\n"
    return "\n".join(
        [
            f"Profile {profile}. {runs_line(found)}{_trained_elsewhere(found)}\n",
            markdown(["", "epochs", *WAYS], rows),
            markdown(["features-PD", *METRICS.values()], metrics),
        ]
    )


def _trained_elsewhere(found: Mapping[str, Evaluation]) -> str:
    """Say of which folds the networks were trained by the code of another commit than named."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name, result in found.items():
        for commit, folds in result.settings.get("commit_of_networks", {}).items():
            groups.setdefault((commit, ", ".join(map(str, folds))), []).append(name)
    if not groups:
        return ""
    said = (f"folds {own} ({' / '.join(of)}) by {at}" for (at, own), of in groups.items())
    return (
        " Networks were trained by the code of the commit named, but for those of "
        f"{'; '.join(said)}."
    )


def _choices(parser) -> None:
    parser.add_argument("--versions", nargs="+", choices=[*TABLE_4, LINEAR], default=["A"])
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=RECIPES)


def main() -> None:
    """Run from the command line."""
    args = arguments(__doc__, _choices)
    networks = [version for version in args.versions if version != LINEAR]
    studies = [study(*of) for of in product(networks, args.recipes)]
    studies += [LINEAR_STUDY] if LINEAR in args.versions else []
    for one in studies:
        run(one, args.profile, args.cohort, args.cache, args.jobs, args.out)


if __name__ == "__main__":
    main()
