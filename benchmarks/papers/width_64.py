"""nEMGNet at the published width on all 57 simulated subjects, as published and as tuned.

Run ``python -m benchmarks.papers.width_64 --versions A``; a stopped run goes on. One pass through
the segments, 230 updates or so, takes about four CPU minutes a fold for version A, four times as
long for version B; the published training has 100 passes. ``--profile gpu`` takes more passes, and
``--jobs 15`` all folds at once, since a GPU waits for the launch of small kernels: of the jobs,
three a fold, one trains its network and two wait for it. ``--versions LDA`` runs features with a
linear discriminant on the same folds, in some minutes of a CPU.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from itertools import product

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.machinery.methods import SFREQ, nemgnet, pipeline
from benchmarks.machinery.reporting import (
    NOT_RUN,
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
from sknemg.evaluation.methods import SHORT

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
#: Passes through the segments that a GPU is given: what some minutes allow.
GPU_EPOCHS = {"A": 6, "B": 6, "C": 3, "D": 3}
#: The profiles, of which the first that was run is shown.
PROFILES = ("gpu", "cpu")


def methods(settings, *, version, recipe):
    """Give one network in the ways to vote; the tuned one takes as many updates, in half epochs."""
    network = nemgnet(version, settings)
    if recipe == "tuned":
        epochs = round(settings.max_epochs / SHORT["epoch_fraction"])
        network.set_params(recipe=recipe, **SHORT | {"max_epochs": epochs, "eval_every": None})
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
    gpu = SIZE | {"max_epochs": GPU_EPOCHS[version]}
    return Study(f"width_64/{version}-{recipe}", found, cpu=SIZE | {"max_epochs": 1}, gpu=gpu)


def kept(one: Study, profiles: Iterable[str] = PROFILES) -> Evaluation | None:
    """Read what was run of a method, on a GPU if it was."""
    found = (load(one, "simulated", profile) for profile in profiles)
    return next((result for result in found if result is not None), None)


def tables() -> str:
    parts = [
        "## nEMGNet at the published width\n",
        "Tables 4 and 5 at width 64 on all 57 subjects: accuracy of subjects in percent, mean ± "
        "SD over folds [95 % interval over subjects] by the way to vote, then all metrics of "
        "features-PD. The paper trained for 100 epochs. Tuned + one-cycle compands and is trained"
        " under a one-cycle schedule on all training subjects, for as many updates in twice as "
        "many half epochs; the published training chooses its weights on validation subjects of "
        "the training folds. Features with a linear discriminant vote on the same folds, its "
        "classes with equal priors: with those of the segments, the mean of a subject's segments "
        "leans away from the normal ones, which have the fewest. All of one seed: intervals do "
        "not include the chance in training.\n",
    ]
    rows, metrics, found = [], [], {}
    for version in TABLE_4:
        for recipe in RECIPES:
            result = kept(study(version, recipe))
            name = f"nEMGNet-{version}, {SHOWN[recipe]}"
            found |= {} if result is None else {name: result}
            epochs = NOT_RUN if result is None else result.settings["benchmark"]["max_epochs"]
            rows.append([name, str(epochs), *(accuracy_cell(result, way) for way in WAYS)])
            metrics.append([name, *score_cells(result, "features-PD", METRICS)])
        name = f"nEMGNet-{version}, in the paper"
        rows.append([name, str(PAPER.max_epochs), *TABLE_4[version]])
        metrics.append([name, *(f"{value:.1f}" for value in TABLE_5[f"nEMGNet-{version}"])])
    result = kept(LINEAR_STUDY)
    name = "features + LDA, equal priors"
    found |= {} if result is None else {name: result}
    rows.append([name, "", *(accuracy_cell(result, way) for way in WAYS)])
    metrics.append([name, *score_cells(result, "features-PD", METRICS)])
    parts += [
        f"{runs_line(found)}{_trained_elsewhere(found)}\n",
        markdown(["", "epochs", *WAYS], rows),
    ]
    parts.append(markdown(["features-PD", *METRICS.values()], metrics))
    return "\n".join(parts)


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
