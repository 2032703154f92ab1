"""Image networks at 128 pixels for some epochs: what they learn, where Table 5 shows that they run.

Run ``python -m benchmarks.papers.images_128``; a stopped run goes on behind its last fold. Weights
start at random: pretrained ones cannot be had offline, and a frozen stem of random weights would
show nothing. The pictures are mel spectrograms, as in Table 5; the published networks saw 224 or
299 pixels for 100 epochs. Every method sees the same folds of the same subjects: two of 24 subjects
under ``--profile cpu``, five of all 57, as published, under ``--profile gpu``. There folds trained
in processes of their own (``--jobs 5``) fill a GPU that one of them leaves idle.
"""

from __future__ import annotations

from functools import partial

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.machinery.methods import SFREQ, image_step, nemgnet, pipeline
from benchmarks.machinery.reporting import (
    AVERAGING,
    NOT_RUN,
    markdown,
    runs_line,
    score_cells,
    segment_accuracies,
)
from benchmarks.machinery.runner import Study, arguments, load, run
from benchmarks.papers import width_64
from benchmarks.papers.published import TABLE_5
from benchmarks.papers.table_5 import METRICS
from sknemg import SegmentFeatures, TimmClassifier
from sknemg.evaluation import Evaluation
from sknemg.evaluation.methods import SHORT

#: Name in timm, epochs under the profile cpu, and name in Table 5. Of VGG16 the form with batch
#: normalisation.
NETWORKS = {
    "ResNet-50": ("resnet50", 8, "ResNet-50 on mel"),
    "VGG16": ("vgg16_bn", 4, "VGG16 on mel"),
}
BESIDE = ("features + LDA", "nEMGNet-A")
PIXELS = 128
#: Segments in a batch of an image network.
BATCH = {"smoke": 16, "cpu": 16, "gpu": 32}
CPU = {
    "n_subjects": 24, "hop": 0.4, "n_splits": 2, "n_repeats": 1, "max_epochs": 40,
    "image_size": PIXELS,
}  # fmt: skip
#: All subjects and segments, folds and the width of nEMGNet as published.
GPU = {
    "n_splits": 5, "n_repeats": 1, "max_epochs": 6, "image_size": PIXELS, "image_epochs": 6,
}  # fmt: skip


def methods(settings, *, name):
    """Give one method, whose votes are averaged without a final classifier."""
    if name == "features + LDA":
        features = SegmentFeatures(input_sfreq=SFREQ)
        linear = make_pipeline(features, StandardScaler(), LinearDiscriminantAnalysis())
        return {name: pipeline(linear, settings, final_estimator=None)}
    if name == "nEMGNet-A":
        network = nemgnet("A", settings).set_params(recipe="tuned", **SHORT | {"epoch_fraction": 1})
        return {name: pipeline(network, settings, remember=False, final_estimator=None)}
    model, _, _ = NETWORKS[name]
    network = TimmClassifier(
        model, image_size=settings.image_size, channels_last=True,
        batch_size=BATCH[settings.profile], max_epochs=settings.image_epochs, optimizer="adamw",
        lr=1e-3, weight_decay=0.01, schedule="one-cycle", validation=None, eval_every=None,
        amp=settings.profile == "gpu",
    )  # fmt: skip
    image = image_step("mel")
    return {name: pipeline(network, settings, image, remember=False, final_estimator=None)}


def study(name: str) -> Study:
    """Give a study of its own to each method, so that each is kept as soon as it is done."""
    folder = f"images_128/{name.replace(' + ', '_')}"
    own = {"image_epochs": NETWORKS[name][1]} if name in NETWORKS else {}
    return Study(folder, partial(methods, name=name), cpu=CPU | own, gpu=GPU)


def tables() -> str:
    parts = [
        f"## Image networks at {PIXELS} pixels\n",
        "Accuracy of segments, mean ± SD over folds, and all metrics of subjects by the mean of "
        "their segments' scores, percent [95 % interval over subjects], beside the paper's, which "
        "are of 224 pixels and 100 epochs. An interval of accuracy or recall that includes 33 %, "
        "of AUROC that includes 50 %, or of MCC that includes 0 shows no more than chance; that "
        "of F1 and precision depends on the answers.\n",
        "The networks see mel spectrograms, channels last. All layers are trained from random "
        "weights, by AdamW at 0.001 in one cycle, without validation subjects; VGG16 has batch "
        "normalisation. nEMGNet-A is tuned + one-cycle; the discriminant has the priors of the "
        "segments (equal ones in the section above). All of one seed: intervals do not include "
        "the chance in training. Seconds of the profile `cpu` are those of all fits; on a GPU "
        "several trainings ran at once, so none can be given.\n",
        _table("cpu"),
        _table("gpu"),
    ]
    return "\n".join(parts)


def _table(profile: str) -> str:
    rows, found = [], {}
    timed = profile == "cpu"
    for name in (*NETWORKS, *BESIDE):
        result, method, shown = load(study(name), "simulated", profile), name, name
        if result is None and (name, profile) == ("nEMGNet-A", "gpu"):
            result, method, shown = _of_published_width()
        cells = [NOT_RUN] * (2 + timed)
        if result is not None:
            found[shown] = result
            mean, sd = segment_accuracies(result, method)["all"]
            seconds = [f"{result.cells['fit_seconds'].sum():.0f}"] if timed else []
            cells = [epochs_of(result, name), *seconds, f"{mean:.0f} ± {sd:.0f}"]
        rows.append([shown, *cells, *score_cells(result, method, METRICS)])
        if name in NETWORKS:
            paper = [f"{value:.1f}" for value in TABLE_5[NETWORKS[name][2]]]
            rows.append([f"{name}, in the paper", "100", *[""] * (1 + timed), *paper])
    if not found and profile == "gpu":
        return "Profile gpu, all 57 subjects in five folds: not run.\n"
    header = ["", "epochs", *["seconds of fits"] * timed, "segments", *METRICS.values()]
    about = partial(_networks, beside=any(name.startswith("nEMGNet-A") for name in found))
    return f"Profile {profile}. {runs_line(found, about)}\n\n{markdown(header, rows)}"


def _of_published_width() -> tuple[Evaluation | None, str, str]:
    """Give the tuned nEMGNet-A of the section above, its method there and its name here."""
    result = load(width_64.study("A", "tuned"), "simulated", "gpu")
    return result, AVERAGING, "nEMGNet-A" if result is None else "nEMGNet-A, as above"


def epochs_of(result, name: str) -> str:
    """Give the epochs of a network as the kept result states them; nothing for other methods."""
    own = result.settings["benchmark"]
    kinds = dict.fromkeys(NETWORKS, "image_epochs") | {"nEMGNet-A": "max_epochs"}
    return str(own[kinds[name]]) if name in kinds else ""


def _networks(settings, *, beside: bool = True) -> str:
    """Say of a result what `runs_line` does not, of nEMGNet-A if it stands beside the others."""
    own = settings["benchmark"]
    amp = " computed in bfloat16 where autocast allows it," if own["profile"] == "gpu" else ""
    nemgnet_a = f"nEMGNet-A of width {own['width']}, " if beside else ""
    return f"image networks in batches of {BATCH[own['profile']]},{amp} {nemgnet_a}"


def _choices(parser) -> None:
    names = [*BESIDE, *NETWORKS]
    parser.add_argument("--methods", nargs="+", choices=names, default=names)


def main() -> None:
    """Run from the command line."""
    args = arguments(__doc__, _choices)
    for name in args.methods:
        run(study(name), args.profile, args.cohort, args.cache, args.jobs, args.out)


if __name__ == "__main__":
    main()
