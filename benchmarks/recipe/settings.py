"""What is trained: cohorts, sizes, and the settings, each with the one it is compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sknemg import SignalAugmenter
from sknemg.evaluation.methods import SHORT

#: Cohorts, and what they are.
COHORTS = {
    "simulated": "simulated patients, recordings of 2.5 s on average",
    "simulated-10s": "simulated patients, up to four recordings of 10 s; others for each seed",
    "n2001": "EMGLAB N2001, real, recordings of 11 s",
}
#: Cohorts on which settings are chosen for each other's folds.
CHOSEN_ON = ("simulated", "n2001")


@dataclass(frozen=True)
class Size:
    """How much is computed.

    Parameters
    ----------
    version, width : str, int
        Of nEMGNet.
    n_updates : int
        Of each training with segments of 0.4 s; `sknemg demo` has 505.
    batch_seconds : float
        Signal in an update: 16 segments of 0.4 s, half as many as published. Batches of longer
        segments hold `LEAST` of them, and there are fewer updates: the signal in all, and so the
        time, are the same.
    n_subjects, cohort_seed : int
        Of the simulated patients. The demo and the papers' tables show others (seed 0).
    n_splits : int
        Of the simulated patients. The ten subjects of N2001 are split in three, so that each class
        has two to train on.
    """

    version: str = "A"
    width: int = 8
    n_updates: int = 500
    batch_seconds: float = 6.4
    n_subjects: int = 30
    cohort_seed: int = 100
    n_splits: int = 2


SIZES = {"cpu": Size(), "smoke": Size(width=2, n_updates=6, n_subjects=9)}


@dataclass(frozen=True)
class Setting:
    """Windows (s), what happens to the signal before, and what differs from the published recipe.

    Recordings shorter than a window are filled up with zeros.
    """

    window: float = 0.4
    hop: float = 0.1
    before: Callable[[np.ndarray], np.ndarray] | None = None
    params: dict[str, Any] = field(default_factory=dict)


def logarithm(signal: np.ndarray) -> np.ndarray:
    """Compand by the logarithm on both sides of zero, at the scale of the tuned recipe."""
    return np.sign(signal) * np.log1p(np.abs(signal) / 0.05)


#: What the tuned recipe of short trainings has, by ingredient: each is left out.
KEPT: dict[str, dict[str, Any]] = {
    "companding (0.05 mV)": {"companding": 0.05},
    "one-cycle, AdamW 3e-3": {
        name: SHORT[name] for name in ("optimizer", "lr", "weight_decay", "schedule")
    },
    "overlap by three quarters": {"hop": 0.1},
}
#: What might be added to it, or be put in the place of one of its ingredients.
TRIED: dict[str, dict[str, Any]] = {
    "companding at 0.02 mV": {"companding": 0.02},
    "companding at 0.2 mV": {"companding": 0.2},
    "logarithm": {"companding": None, "before": logarithm},
    "windows of 1 s, pooled head": {"window": 1.0, "hop": 0.25, "head": "pooled"},
    "windows of 2 s, pooled head": {"window": 2.0, "hop": 0.5, "head": "pooled"},
    "windows of 5 s, pooled head": {"window": 5.0, "hop": 1.25, "head": "pooled"},
    "gain, sign, noise": {
        "augment": SignalAugmenter(
            gain=1.25, noise=0.005, polarity=0.5, mains=0, shift=0, warp=0
        )
    },
    "mixup 0.2": {"mixup": 0.2},
    "label smoothing 0.1": {"label_smoothing": 0.1},
    "dropout 0.2": {"dropout": 0.2},
    "average of weights 0.98": {"weight_averaging": 0.98},
    "width 16": {"width": 16},
}  # fmt: skip
#: What is added together, in "all": those of which none takes the place of another.
REGULARISERS = [
    "gain, sign, noise",
    "mixup 0.2",
    "label smoothing 0.1",
    "dropout 0.2",
    "average of weights 0.98",
]

PUBLISHED, TUNED, BASE, ALL = "published", "tuned", "tuned, one-cycle", "all regularisers"


def setting(*changes: dict[str, Any]) -> Setting:
    """Put changes together."""
    merged: dict[str, Any] = {}
    for change in changes:
        merged |= change
    own = {name: merged.pop(name) for name in ("window", "hop", "before") if name in merged}
    return Setting(**own, params=merged)


def settings() -> dict[str, Setting]:
    """Give every setting that is trained, by name.

    `BASE` is what `sknemg compare` trains: each of its ingredients is left out, everything else is
    added alone; the regularisers are added together, and each is left out of those.
    """
    kept = list(KEPT.values())
    found = {PUBLISHED: setting(), TUNED: setting(KEPT["companding (0.05 mV)"])}
    found[BASE] = setting(*kept)
    found["- companding"] = setting(KEPT["one-cycle, AdamW 3e-3"])
    found["- overlap"] = setting(*kept, {"hop": 0.4})
    found |= {f"+ {name}": setting(*kept, change) for name, change in TRIED.items()}
    added = [TRIED[name] for name in REGULARISERS]
    found[ALL] = setting(*kept, *added)
    found["all - companding"] = setting(KEPT["one-cycle, AdamW 3e-3"], *added)
    found["all - one-cycle"] = setting(KEPT["companding (0.05 mV)"], *added)
    for name in REGULARISERS:
        rest = [TRIED[key] for key in REGULARISERS if key != name]
        found[f"all - {name}"] = setting(*kept, *rest)
    return found


def reference_of(name: str) -> str | None:
    """Give the setting with which another is compared."""
    if name in (PUBLISHED, BASE):
        return None if name == PUBLISHED else PUBLISHED
    return ALL if name.startswith("all -") else BASE


def reference_of_earlier(name: str) -> str | None:
    """Give the same for the earlier study, which added to and left out of other settings."""
    if name.startswith("all -"):
        return "all ingredients"
    return TUNED if name.startswith("tuned +") else None if name == PUBLISHED else PUBLISHED
