"""nEMGNet at the published width on all 57 simulated subjects, as published and as tuned.

Run ``python -m benchmarks.papers.width_64 --versions A``; a stopped run goes on. One pass through
the segments, 230 updates or so, takes about four CPU minutes a fold for version A, four times as
long for version B; the published training has 100 passes and needs a GPU.
"""

from __future__ import annotations

from functools import partial
from itertools import product

from benchmarks.machinery.methods import nemgnet, pipeline
from benchmarks.machinery.reporting import (
    accuracy_cell,
    commits_of,
    markdown,
    score_cells,
    setting_line,
)
from benchmarks.machinery.runner import Study, arguments, load, run
from benchmarks.papers.published import TABLE_4, TABLE_5
from benchmarks.papers.table_5 import METRICS
from sknemg.evaluation.methods import SHORT

#: From votes to a diagnosis: those of Table 4.
WAYS = {
    "simple averaging": {"final_estimator": None},
    "features-all": {"subject_features": "all"},
    "features-PD": {"subject_features": "location"},
}
RECIPES = ("published", "tuned")
SIZE = {"n_subjects": 57, "hop": 0.1, "width": 64, "max_epochs": 1, "eval_every": 50}


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
    return Study(f"width_64/{version}-{recipe}", found, cpu={**SIZE, "n_repeats": 1})


def tables() -> str:
    parts = [
        "## nEMGNet at the published width, for one epoch\n",
        "Tables 4 and 5 at width 64 on all 57 subjects: accuracy of subjects in percent, mean ± SD "
        "over folds [95 % interval over subjects] by the way to vote, then all metrics of "
        "features-PD. One epoch of published 100. The tuned recipe compands, under a one-cycle "
        "schedule, on all training subjects; the published one chooses its weights on validation "
        "subjects of the training folds.\n",
    ]
    rows, metrics, found = [], [], {}
    for version in TABLE_4:
        for recipe in RECIPES:
            result = load(study(version, recipe), "simulated", "cpu")
            name = f"nEMGNet-{version}, {recipe}"
            found |= {} if result is None else {name: result}
            rows.append([name, *(accuracy_cell(result, way) for way in WAYS)])
            metrics.append([name, *score_cells(result, "features-PD", METRICS)])
        name = f"nEMGNet-{version}, in the paper"
        rows.append([name, *TABLE_4[version]])
        metrics.append([name, *(f"{value:.1f}" for value in TABLE_5[f"nEMGNet-{version}"])])
    first = next(iter(found.values()), None)
    said = setting_line(first, commits_of(found)) if found else setting_line(None)
    parts += [f"{said}\n", markdown(["", *WAYS], rows)]
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
