"""nEMGNet at the published width on all 57 simulated subjects, as published and as tuned.

Run ``python -m benchmarks.papers.width_64 --versions A``; a stopped run goes on. One pass through
the segments, 230 updates or so, takes about four CPU minutes a fold for version A, four times as
long for version B; the published training has 100 passes. With ``--profile gpu --jobs 5``, which
takes more passes, the folds are trained at once: a GPU waits for the launch of small kernels.
"""

from __future__ import annotations

from functools import partial
from itertools import product

from benchmarks.machinery.methods import nemgnet, pipeline
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
from sknemg.evaluation import Evaluation
from sknemg.evaluation.methods import SHORT

#: From votes to a diagnosis: those of Table 4.
WAYS = {
    "simple averaging": {"final_estimator": None},
    "features-all": {"subject_features": "all"},
    "features-PD": {"subject_features": "location"},
}
RECIPES = ("published", "tuned")
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


def study(version: str, recipe: str) -> Study:
    """Give a study of its own to each network, so that each is kept as soon as it is done."""
    found = partial(methods, version=version, recipe=recipe)
    gpu = SIZE | {"max_epochs": GPU_EPOCHS[version]}
    return Study(f"width_64/{version}-{recipe}", found, cpu=SIZE | {"max_epochs": 1}, gpu=gpu)


def kept(version: str, recipe: str) -> Evaluation | None:
    """Read what was run of a network, on a GPU if it was."""
    found = (load(study(version, recipe), "simulated", profile) for profile in PROFILES)
    return next((result for result in found if result is not None), None)


def tables() -> str:
    parts = [
        "## nEMGNet at the published width\n",
        "Tables 4 and 5 at width 64 on all 57 subjects: accuracy of subjects in percent, mean ± SD "
        "over folds [95 % interval over subjects] by the way to vote, then all metrics of "
        "features-PD. The paper trained for 100 epochs. The tuned recipe compands, under a "
        "one-cycle schedule, on all training subjects, for as many updates in twice as many half "
        "epochs; the published one chooses its weights on validation subjects of the training "
        "folds. All that was run here took twelve minutes of a GPU, five folds of four networks "
        "and the image networks below at a time; no time of one can be told from that.\n",
    ]
    rows, metrics, found = [], [], {}
    for version in TABLE_4:
        for recipe in RECIPES:
            result = kept(version, recipe)
            name = f"nEMGNet-{version}, {recipe}"
            found |= {} if result is None else {name: result}
            epochs = NOT_RUN if result is None else result.settings["benchmark"]["max_epochs"]
            rows.append([name, str(epochs), *(accuracy_cell(result, way) for way in WAYS)])
            metrics.append([name, *score_cells(result, "features-PD", METRICS)])
        name = f"nEMGNet-{version}, in the paper"
        rows.append([name, str(PAPER.max_epochs), *TABLE_4[version]])
        metrics.append([name, *(f"{value:.1f}" for value in TABLE_5[f"nEMGNet-{version}"])])
    parts += [f"{runs_line(found)}\n", markdown(["", "epochs", *WAYS], rows)]
    parts.append(markdown(["features-PD", *METRICS.values()], metrics))
    return "\n".join(parts)


def _choices(parser) -> None:
    parser.add_argument("--versions", nargs="+", choices=list(TABLE_4), default=["A"])
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=RECIPES)


def main() -> None:
    """Run from the command line."""
    args = arguments(__doc__, _choices)
    for version, recipe in product(args.versions, args.recipes):
        one = study(version, recipe)
        run(one, args.profile, args.cohort, args.cache, args.jobs, args.out)


if __name__ == "__main__":
    main()
