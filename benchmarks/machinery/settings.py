"""What a table is computed with: a profile, and what a study changes of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Sizes of a run. The profile ``gpu`` is the published setting where no study changes it.

    Parameters
    ----------
    profile : {"smoke", "cpu", "gpu"}
    n_subjects : int
        Of the simulated cohort.
    hop : float
        Seconds between segments.
    width, max_epochs, eval_every : int
        Of nEMGNet and ShallowFBCSPNet.
    image_size : int or None
        Pixels a side; None is what each image network was made for.
    image_epochs : int
    n_kernels : int
        Of MiniRocket and MultiRocket.
    n_splits, n_repeats, reshuffle : int, int and bool, or None
        Instead of the protocol's.
    inner : int
        Folds for out-of-fold subject features.
    validation : "auto" or None
        What chooses a network's weights under an honest protocol: validation subjects, or nothing
        where there are too few.
    seed : int
    """

    profile: str
    n_subjects: int = 57
    hop: float = 0.1
    width: int = 64
    max_epochs: int = 100
    eval_every: int = 50
    image_size: int | None = None
    image_epochs: int = 100
    n_kernels: int = 10_000
    n_splits: int | str | None = None
    n_repeats: int | None = None
    reshuffle: bool | None = None
    inner: int = 5
    validation: str | None = "auto"
    seed: int = 0


PROFILES = {
    "smoke": Settings(
        "smoke", n_subjects=9, hop=0.4, width=2, max_epochs=1, image_size=75, image_epochs=1,
        n_kernels=84, n_splits=2, n_repeats=1, inner=2,
    ),
    "cpu": Settings(
        "cpu", hop=0.2, width=8, max_epochs=6, eval_every=20, image_size=75, image_epochs=1,
        n_kernels=2000, n_repeats=1, inner=3,
    ),
    "gpu": Settings("gpu"),
}  # fmt: skip

#: What every study changes on N2001: ten subjects, one muscle, long recordings.
N2001 = {"n_splits": "leave-one-out", "n_repeats": 1, "validation": None, "inner": 2}
N2001_CPU = {"hop": 0.4}
