"""Trained votes made into models that say how sure they are, and saved."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline, make_pipeline

from benchmarks.machinery.runner import write_json
from benchmarks.pretrain.answers import answers
from benchmarks.pretrain.cards import card
from benchmarks.pretrain.patients import OTHERS, Block, simulator_of, steps
from benchmarks.pretrain.units import columns_of
from sknemg import DiVoteClassifier, MuapFeatures, Recordings, load_model, save_model
from sknemg.diagnosis import Diagnostician
from sknemg.model_selection.origin import mark_origin


def cautious(
    votes: DiVoteClassifier, middle: Any, calibration: Block, seen: Block | None = None
) -> Diagnostician:
    """Put the whole together, and learn from other patients how sure it may be.

    What recordings look like is learned of `seen`, if it is given.
    """
    own = middle.steps if isinstance(middle, Pipeline) else make_pipeline(middle).steps
    whole = Pipeline([*steps().steps, *own, ("divote", votes)])
    found = answers(votes, shown(middle, calibration), calibration.y)
    known = Asked(whole, pd.DataFrame(found.proba, index=found.subjects))
    model = Diagnostician(FrozenEstimator(known), cv=5).fit(calibration.raw, calibration.y)
    model.estimator, model.estimator_ = FrozenEstimator(whole), whole
    if seen is not None:
        model.plausibility_ = clone(model.plausibility_).fit(seen.raw, seen.y)
    return model


def shown(middle: Any, own: Block) -> Recordings:
    """Give what votes of a block; its motor units are found already."""
    if isinstance(middle, MuapFeatures):
        return columns_of(own.units, middle.features)
    found: Recordings = middle.transform(own.waves)
    return found


class Asked(BaseEstimator, ClassifierMixin):
    """A pipeline that was asked already: motor units of many patients take minutes to find.

    Parameters
    ----------
    pipeline : fitted Pipeline
    proba : DataFrame of shape (n_subjects, n_classes)
        Its answers, by subject.
    """

    def __init__(self, pipeline: Pipeline, proba: pd.DataFrame):
        self.pipeline = pipeline
        self.proba = proba

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Recordings, y: np.ndarray) -> Asked:
        """Learn nothing, as the pipeline is fitted."""
        return self

    @property
    def classes_(self) -> np.ndarray:
        return np.asarray(self.pipeline.classes_)

    @property
    def named_steps(self) -> Any:
        return self.pipeline.named_steps

    def predict_proba(self, X: Recordings) -> np.ndarray:
        """Look up the answer for the subject of every recording."""
        return self.proba.loc[X["subject"].to_numpy()].to_numpy()


def as_trained(folder: Path) -> DiVoteClassifier:
    """Take the votes of a model that is trained already."""
    votes: DiVoteClassifier = load_model(folder).estimator_[-1]
    mark_origin(votes, "")  # said anew where it is shipped
    return votes


def device_of(name: str) -> str:
    """Name a device as cards do: the GPU, or the kind of processor."""
    if name.startswith("cuda"):
        import torch

        return torch.cuda.get_device_name(name)
    return f"CPU ({platform.machine()})"


def reference_patient() -> Recordings:
    """Make two recordings of two trains of potentials in noise, the same whatever the simulator.

    What a model answers to them when it is trained is kept in its folder, and tests compare.
    """
    rng = np.random.default_rng(0)
    rows = []
    for width in (1.0, 1.6):
        wave = rng.normal(0, 0.002, 60_000)
        for size, every in ((0.5, 1000), (0.2, 1300)):
            corners = np.array([0, 10, 14, 18, 40]) * width * (1 if size == 0.5 else 1.3)
            shape = np.interp(np.arange(corners[-1] + 1), corners, [0, 0.2, -1, 0.3, 0]) * size
            for start in range(500, 59_000, every):
                at = start + int(rng.integers(-every // 10, every // 10))
                wave[at : at + len(shape)] += shape
        rows.append(wave)
    return Recordings(rows, sfreq=10_000, subject=["P", "P"])


def calibrated_by(store: Path) -> dict[str, str]:
    """Name the simulator of the patients who calibrate."""
    return {"other_simulator": simulator_of(store, OTHERS, other=True).commit}


def persons(parts: Iterable[Recordings]) -> set[str]:
    """Name the persons of some cohorts: the same seed gives the same ones in every setting."""
    return {name.split("-", 1)[1] for part in parts for name in part["subject"]}


def count(own: Block) -> int:
    return int(own.raw["subject"].nunique())


def keep(
    args: argparse.Namespace,
    name: str,
    votes: DiVoteClassifier,
    middle: Any,
    calibration: Block,
    about: dict[str, Any],
    made: str,
    found: list[dict[str, Any]],
    seen: Block | None = None,
) -> None:
    """Calibrate a model, and save it with its card."""
    model = cautious(votes, middle, calibration, seen)
    scores = pd.DataFrame(found)
    print(name, scores.to_string(), f"temperature {model.temperature_:.2f}", sep="\n", flush=True)
    text = card(name, about | {"made": made}, model, {"simulated": scores})
    proba = model.estimator_.predict_proba(reference_patient())[:1]
    tables = {"simulated": scores, "reference": pd.DataFrame(proba, columns=model.classes_)}
    mark = save_model(model, args.out / name, card=text, evaluation=tables, overwrite=True)
    about = about | {"made": made, "fingerprint": mark}  # bytes change with the card: `describe`
    write_json(args.results / f"{name}.json", about | {"scores": found})
    print(json.dumps({"name": name, "fingerprint": mark}), flush=True)
