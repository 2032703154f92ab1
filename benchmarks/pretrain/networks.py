"""The small network: its settings and its training."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from inspect import getsource
from pathlib import Path
from typing import Any, NamedTuple

import joblib

from benchmarks.pretrain import variation
from benchmarks.pretrain.models import device_of
from benchmarks.pretrain.patients import PREPARES, SFREQ, Waves, simulator_of, waves_of
from benchmarks.pretrain.variation import SlowNoise, stretched
from sknemg import DiVoteClassifier, NEMGNetClassifier, Segmenter
from sknemg.provenance import provenance
from sknemg.versions import package_code

#: What of sknemg trains a network and lets it vote.
TRAINS = ("augmentation.py", "classifiers", "divote", "nn", *PREPARES)


@dataclass(frozen=True)
class Network:
    """A setting of the small network: windows, head, size, and how long it is trained.

    Windows are `window` seconds long and begin every `hop` windows; each update sees
    `batch_seconds` of signal. `gain` is varied beside that of the patient; `average` is the decay
    of the average of weights along the training, or None.
    """

    window: float = 0.4
    head: str = "flat"
    width: int = 8
    n_updates: int = 3000
    batch_seconds: float = 12.8
    hop: float = 0.5
    average: float | None = None
    lr: float = 3e-3
    gain: float = 2.0

    @property
    def name(self) -> str:
        """Say what it is, and what of it differs from the first one."""
        more = {
            "width": f"width {self.width}", "n_updates": f"{self.n_updates} updates",
            "batch_seconds": f"batches of {self.batch_seconds:g} s",
            "hop": f"windows every {self.hop * self.window:g} s",
            "average": f"weights averaged by {self.average}", "lr": f"rate {self.lr:g}",
            "gain": f"gains of {self.gain:g}",
        }  # fmt: skip
        usual = Network()
        said = [text for own, text in more.items() if getattr(self, own) != getattr(usual, own)]
        return ", ".join([f"windows of {self.window:g} s, {self.head} head", *said])

    def segmenter(self) -> Segmenter:
        """Cut windows; short recordings are padded."""
        return Segmenter(window=self.window, hop=self.window * self.hop, short="pad")

    def classifier(self, n_windows: int, seed: int) -> NEMGNetClassifier:
        """Give the classifier whose training has so many updates."""
        batch = max(2, round(self.batch_seconds / self.window))
        epochs = -(-self.n_updates * batch // n_windows)
        return NEMGNetClassifier(
            "A", width=self.width, head=self.head, companding=0.05, optimizer="adamw", lr=self.lr,
            weight_decay=0.01, schedule="one-cycle", batch_size=batch, max_epochs=epochs,
            epoch_fraction=self.n_updates * batch / n_windows / epochs,
            augment=SlowNoise(
                input_sfreq=SFREQ, gain=self.gain, noise=0.005, polarity=0.5, mains=0, shift=0,
                warp=0, random_state=seed,
            ),
            weight_averaging=self.average, validation=None, eval_every=None, device="cpu",
            random_state=seed,
        )  # fmt: skip


#: A second, and two, of which recordings of two or three hold several that overlap.
MIDDLE = Network(window=1.0, head="pooled")
LONG = Network(window=2.0, head="pooled", hop=0.25)
#: Settings that `benchmarks.pretrain.scale` compares, by name.
CHOICES = {
    own.name: own
    for own in (
        *(
            replace(first, **more)
            for first in (Network(), MIDDLE, LONG)
            for more in (
                {},
                {"n_updates": 10_000},
                {"width": 16},
                {"width": 16, "n_updates": 10_000},
                {"average": 0.998},
                {"batch_seconds": 25.6},
                {"batch_seconds": 25.6, "n_updates": 10_000},
            )
        ),
        replace(MIDDLE, hop=0.25),
    )
}


def train_network(
    setting: Network, train: Waves, seed: int, device: str = "cpu"
) -> DiVoteClassifier:
    """Train the network on all windows; segments vote by means.

    It is trained on this device, and answers by the processor.
    """
    windows = setting.segmenter().fit_transform(stretched(train.waves, seed))
    classifier = setting.classifier(len(windows.items), seed).set_params(device=device)
    votes = DiVoteClassifier(classifier, final_estimator=None).fit(windows, train.y)
    votes.estimator.set_params(device="cpu")
    votes.estimator_.set_params(device="cpu")
    return votes


class Trained(NamedTuple):
    """A trained network, its file, and how it came about.

    That is what it took of one processor, and device, commit and versions of its training, which
    need not be those of who reads it.
    """

    votes: DiVoteClassifier
    file: Path
    cpu_seconds: float
    device: str
    commit: str | None
    versions: dict[str, str]

    def about(self) -> dict[str, Any]:
        """Say of its training what a card does."""
        return {"device": self.device, "commit": self.commit, "versions": self.versions}


def code_of_training() -> str:
    """Hash all code that makes a network of patients: that of sknemg, and of the benchmarks."""
    own = [getsource(part) for part in (Network, train_network, variation)]
    return str(joblib.hash((package_code(*TRAINS), own)))


def trained(
    store: Path, setting: Network, numbers: Sequence[int], seed: int, device: str, cache: Path
) -> Trained:
    """Train a network on blocks of a store, or take it from the folder of those that were.

    It is kept under setting, seed, the blocks one by one, the code that simulated them and the
    code and device that train.
    """
    simulator = simulator_of(store, {"wide": numbers}).code
    key = joblib.hash((repr(setting), [*numbers], simulator, code_of_training(), device))[:12]
    file = cache / f"{setting.name}, {len(numbers)} blocks, seed {seed}, {key}.joblib"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        train = waves_of(store, "wide", numbers, louder=True)
        start = time.process_time()
        votes = train_network(setting, train, seed, device)
        seconds = time.process_time() - start
        world = provenance()
        how = (device_of(device), world["commit"], world["versions"])
        joblib.dump((votes, seconds, *how), file.with_suffix(".part"))
        file.with_suffix(".part").replace(file)
    votes, seconds, *how = joblib.load(file)
    return Trained(votes, file, seconds, *how)
