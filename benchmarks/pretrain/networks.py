"""The small network: its settings, its training, and a choice between settings."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from benchmarks.pretrain.answers import answers
from benchmarks.pretrain_patients import SFREQ, Block
from benchmarks.pretrain_variation import SlowNoise, stretched
from sknemg import DiVoteClassifier, NEMGNetClassifier, Segmenter


@dataclass(frozen=True)
class Network:
    """A setting of the small network: windows (s), head, and how long it is trained."""

    window: float = 1.0
    head: str = "pooled"
    n_updates: int = 3000
    batch_seconds: float = 12.8
    lr: float = 3e-3
    width: int = 8
    gain: float = 2.0  # beside that of the patient

    def segmenter(self) -> Segmenter:
        """Cut windows that overlap by half; short recordings are padded."""
        return Segmenter(window=self.window, hop=self.window / 2, short="pad")

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
            validation=None, eval_every=None, device="cpu", random_state=seed,
        )  # fmt: skip


CHOICES = {
    "windows of 0.4 s, flat head": Network(window=0.4, head="flat"),
    "windows of 1 s, pooled head": Network(),
    "windows of 2 s, pooled head": Network(window=2.0),
}


def train_network(
    setting: Network, train: Block, seed: int, device: str = "cpu"
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


def choose_network(
    train: Block, tests: dict[str, Block], n_updates: int, seed: int, device: str = "cpu"
) -> tuple[str, pd.DataFrame]:
    """Train every setting for a while; the least mean log-loss on the other cohorts wins."""
    rows = []
    for name, setting in CHOICES.items():
        short = Network(**asdict(setting) | {"n_updates": n_updates})
        start = time.process_time()
        model = train_network(short, train, seed, device)
        row = {"setting": name, "cpu_seconds": time.process_time() - start}
        losses = []
        for kind, own in tests.items():
            found = answers(model, short.segmenter().fit_transform(own.waves), own.y).scores()
            row |= {f"{kind}_{metric}": found[metric] for metric in
                    ("balanced_accuracy", "log_loss")}  # fmt: skip
            losses.append(found["log_loss"])
        row["log_loss"] = float(np.mean(losses))
        rows.append(row)
        print(row, flush=True)
    table = pd.DataFrame(rows)
    return str(table.loc[table["log_loss"].idxmin(), "setting"]), table
