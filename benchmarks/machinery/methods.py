"""The methods of the tables: pipelines from recordings to a diagnosis."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import joblib
from filelock import FileLock
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.machinery.settings import Settings
from sknemg import (
    DiVoteClassifier,
    Downsampler,
    MelSpectrogram,
    NEMGNetClassifier,
    PlotImage,
    Segmenter,
    SegmentFeatures,
    TimmClassifier,
)
from sknemg.divote._items import consumes_groups
from sknemg.evaluation.methods import SHORT
from sknemg.evaluation.rivals import SoftmaxRidge
from sknemg.provenance import provenance
from sknemg.versions import package_code, versions_of

SFREQ = 10_000
CACHE = "SKNEMG_BENCHMARK_CACHE"  # by environment, so that no path gets into a kept result

#: What tables call the tuned training of nEMGNet-B: the recipe has no schedule of its own.
TUNED_B = "nEMGNet-B, tuned + one-cycle"
#: The image networks of Table 5: name there, name in timm, image.
IMAGE_NETWORKS = {
    "Inception-v4 on plots": ("inception_v4", "plot"),
    "ResNet-50 on mel": ("resnet50", "mel"),
    "ResNet-152 on mel": ("resnet152", "mel"),
    "VGG16 on mel": ("vgg16", "mel"),
    "VGG19 on mel": ("vgg19", "mel"),
    "Inception-v3 on mel": ("inception_v3", "mel"),
}


class Remembered(ClassifierMixin, BaseEstimator):
    """A segment classifier whose fits and predictions are kept on disk.

    Averaging, features-all and features-PD differ only in what comes after the segments: they
    share one trained network instead of training three equal ones. What other code of sknemg,
    other versions of libraries or another device fitted is not taken for this fit.
    """

    __metadata_request__fit: ClassVar = {"groups": True}

    def __init__(self, estimator: Any):
        self.estimator = estimator

    def fit(self, X, y, groups=None):
        self.key_ = joblib.hash((self.estimator, X, y, groups, *_origin()))
        self.estimator_ = _remembered("segments", self.key_, self._fit, X, y, groups)
        self.classes_ = self.estimator_.classes_
        return self

    def _fit(self, X, y, groups):
        new = clone(self.estimator)
        if not consumes_groups(new):
            return new.fit(X, y)
        with config_context(enable_metadata_routing=True):
            return new.fit(X, y, groups=groups)

    def predict_proba(self, X):
        key = joblib.hash((self.key_, X))
        return _remembered("predictions", key, self.estimator_.predict_proba, X)


def _origin() -> tuple[Any, ...]:
    """Give what a fit comes from beside its estimator and its data: code, versions, device."""
    world = provenance()
    return package_code(), world["versions"], versions_of(("aeon", "braindecode")), world["device"]


def _remembered(kind: str, key: str, compute: Callable[..., Any], *args: Any) -> Any:
    """Compute something, or read what was kept under the key, if there is a folder to keep it."""
    if not (folder := os.environ.get(CACHE)):
        return compute(*args)
    file = Path(folder) / kind / f"{key}.joblib"
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_suffix(".lock")):  # another job may be at the same fit
        if not file.exists():
            part = file.with_suffix(f".{os.getpid()}.part")
            joblib.dump(compute(*args), part)
            part.replace(file)
    return joblib.load(file)


def pipeline(
    classifier: Any, settings: Settings, image: Any = None, *, remember: bool = True, **divote: Any
) -> Pipeline:
    """Downsample, segment, perhaps draw, classify segments, vote."""
    classifier = Remembered(classifier) if remember else classifier
    steps = [
        ("downsample", Downsampler(sfreq=SFREQ)),
        ("segment", Segmenter(hop=settings.hop, short="drop")),
        ("image", image),
        ("divote", DiVoteClassifier(classifier, **{"final_estimator": "logistic", **divote})),
    ]
    return Pipeline([step for step in steps if step[1] is not None])


def nemgnet(version: str, settings: Settings, kind: type = NEMGNetClassifier) -> Any:
    """Give nEMGNet in the size that the settings name."""
    return kind(
        version,
        width=settings.width,
        max_epochs=settings.max_epochs,
        eval_every=settings.eval_every,
        validation=settings.validation,
    )


def tuned(network: Any) -> Any:
    """Give nEMGNet the tuned recipe and one cycle of as many updates, counted in half epochs."""
    epochs = round(network.max_epochs / SHORT["epoch_fraction"])
    changes = SHORT | {"max_epochs": epochs, "eval_every": None}
    return clone(network).set_params(recipe="tuned", **changes)


def nemgnet_votes(version: str, settings: Settings) -> dict[str, Pipeline]:
    """Give the three ways from votes to a diagnosis that Table 4 compares."""
    ways: dict[str, dict[str, Any]] = {
        "simple averaging": {"final_estimator": None},
        "features-all": {"subject_features": "all"},
        "features-PD": {"subject_features": "location"},
    }
    return {
        f"nEMGNet-{version}, {way}": pipeline(nemgnet(version, settings), settings, **divote)
        for way, divote in ways.items()
    }


def image_step(kind: str) -> Any:
    """Give the picture of a segment: its line, or its mel spectrogram."""
    return PlotImage() if kind == "plot" else MelSpectrogram(dtype="uint8")


def image_network(name: str, settings: Settings, **divote: Any) -> Pipeline:
    """Give an image network of Table 5, its weights drawn at random."""
    model, kind = IMAGE_NETWORKS[name]
    classifier = TimmClassifier(
        model,
        image_size=settings.image_size,
        max_epochs=settings.image_epochs,
        eval_every=settings.eval_every,
        validation=settings.validation,
    )
    return pipeline(classifier, settings, image_step(kind), remember=False, **divote)


def rocket(kind: str, settings: Settings) -> Any:
    """Give MiniRocket or MultiRocket of aeon with a ridge classifier."""
    from sknemg.evaluation import rival_kernels

    n_kernels = settings.n_kernels if kind == "MiniRocket" else max(settings.n_kernels // 10, 84)
    transform = getattr(rival_kernels, kind)(n_kernels=n_kernels)
    return make_pipeline(transform, StandardScaler(), SoftmaxRidge(alpha=1e3))


def segment_classifiers(settings: Settings) -> dict[str, Any]:
    """Give nEMGNet-B and what a user would pick instead, by name.

    What is not installed is left out, so that its rows read "not run".
    """
    found = {
        "nEMGNet-B": nemgnet("B", settings),
        TUNED_B: tuned(nemgnet("B", settings)),
        "features + LDA": make_pipeline(
            SegmentFeatures(input_sfreq=SFREQ), StandardScaler(), LinearDiscriminantAnalysis()
        ),
        "features + forest": make_pipeline(
            SegmentFeatures(input_sfreq=SFREQ),
            RandomForestClassifier(300, min_samples_leaf=5, class_weight="balanced"),
        ),
    }
    if installed("aeon"):
        found["MiniRocket + ridge"] = rocket("MiniRocket", settings)
        found["MultiRocket + ridge"] = rocket("MultiRocket", settings)
    if installed("braindecode"):
        from sknemg.evaluation.rival_networks import NETWORKS

        found["ShallowFBCSPNet"] = nemgnet("B", settings, NETWORKS["ShallowFBCSPNet"])
    return found


def installed(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is not None
