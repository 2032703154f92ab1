"""Simulated patients of the models that come with sknemg, in blocks, kept in a store.

Each patient has a machine and a needle of its own, as ``make_cohort(vary="all")`` gives them; those
of training have three recordings each, so that there are more of them. What is in the store is not
made again: a stopped run goes on.

A seed gives the same persons and machines whatever the simulator, since plan and machine are drawn
apart from the physics: diagnosis, age, muscle, gain and noise. Blocks of one seed in the stores of
two simulators are twins, and so are the 30 patients of ``biceps`` and ``default``.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline, make_pipeline

from benchmarks.machinery.kept_cohort import arrays_of
from benchmarks.pretrain_variation import factors
from sknemg import BandPass, Downsampler, ImplausibleWarning, MuapFeatures, Recordings
from sknemg.simulate import make_cohort
from sknemg.simulate.patient import Dials, simulate_patient
from sknemg.simulate.plan import plan_cohort
from sknemg.simulate.variation import PATIENT

SFREQ = 10_000


class Kind(NamedTuple):
    """A kind of cohort: subjects of a block, seed of the first, recordings kept, and dials."""

    n_subjects: int
    seed: int
    most: int | None
    dials: dict[str, Any]


BICEPS = {"needle": "concentric", "muscles": ["biceps brachii"], "effort": (0.02, 0.08)}
#: Potentials overlap: stronger contractions, and apart from distance all varies that "all" varies.
STRONG = {"vary": "acquisition", "effort": (0.05, 0.6), **PATIENT}
COHORTS = {
    "wide": Kind(60, 50_000, 3, {"vary": "all"}),
    "whole": Kind(30, 10_000, None, {"vary": "all"}),
    "biceps": Kind(30, 90_000, None, BICEPS),
    "default": Kind(30, 90_000, None, {}),
    "strong": Kind(60, 70_000, 3, STRONG),
}
#: Blocks that train, test or choose in the studies of the shipped models, whatever the simulator.
USED: Mapping[str, Iterable[int]] = {
    "wide": range(30), "whole": range(2), "biceps": range(1), "default": range(1),
    "strong": range(5),
}  # fmt: skip
#: Blocks of the store of another simulator that calibrate, and those that then test.
OTHERS: Mapping[str, Iterable[int]] = {"whole": (2, 3)}
FRESH: Mapping[str, Iterable[int]] = {"whole": (4,)}
#: In the store: CPU seconds of every block that was simulated, kept beside the results.
TIMES = "simulation_times.csv"
TIMED = ["kind", "seed", "patients", "recordings", "cpu_seconds"]


class Block(NamedTuple):
    """Some patients: as recorded, in the common band, and the motor units found there."""

    raw: Recordings
    waves: Recordings
    units: Recordings
    y: np.ndarray


def steps() -> Pipeline:
    """Give the steps that bring all recordings, simulated and real, into one form."""
    return make_pipeline(Downsampler(sfreq=SFREQ), BandPass())


def block(store: Path, kind: str, number: int, *, louder: bool = False) -> Block:
    """Simulate a block of patients and find their motor units, or read it from the store.

    If `louder`, every patient's amplitudes are multiplied by a factor of its own between 1 / GAIN
    and GAIN before motor units are searched and measured: where a potential begins, and what
    counts as a phase or a turn, is a matter of microvolts.
    """
    raw, waves, y = patients(store, kind, number, louder=louder)
    file = _file_of_units(store, kind, number, louder)
    if not file.exists():
        units = MuapFeatures().fit_transform(waves)
        write_arrays(file, values=units.values, offsets=units.offsets)
    with np.load(file) as kept:
        units = raw.with_values(kept["values"], kept["offsets"], sfreq=20_000, item="motor unit")
    return Block(raw, waves, units, y)


def patients(
    store: Path, kind: str, number: int, *, louder: bool = False
) -> tuple[Recordings, Recordings, np.ndarray]:
    """Simulate a block of patients, as recorded and in the common band, or read it."""
    seed = COHORTS[kind].seed + number
    raw, y = _raw(store / f"{kind}-{seed}.npz", kind, seed)
    file = _file_of_waves(store, kind, number)
    if not file.exists():
        waves = steps().fit_transform(raw)
        write_arrays(file, values=waves.values.astype(np.float32), offsets=waves.offsets)
    with np.load(file) as kept:
        waves = raw.with_values(kept["values"], kept["offsets"], sfreq=SFREQ)
    if louder:
        each = np.repeat(factors(raw["subject"], seed), np.diff(waves.offsets))
        waves = waves.with_values(waves.values * each.astype(np.float32), waves.offsets)
    return raw, waves, y


def simulated(kind: Kind, seed: int) -> tuple[Recordings, np.ndarray]:
    """Simulate a block; of each patient only the first recordings are made."""
    if kind.most is None:
        return make_cohort(kind.n_subjects, confound=False, random_state=seed, **kind.dials)
    usual = {name: p.default for name, p in signature(make_cohort).parameters.items()}
    dials = Dials(**{name: (usual | kind.dials)[name] for name in Dials._fields}).checked()
    plan = plan_cohort(kind.n_subjects, confound=False, random_state=seed)
    plan = plan.groupby("subject").head(kind.most)
    made = [r for _, rows in plan.groupby("subject") for r in simulate_patient(rows, dials, seed)]
    width = len(str(kind.n_subjects))
    X = Recordings(
        [recording.trace.signal for recording in made],
        sfreq=[recording.trace.sfreq for recording in made],
        subject=[f"S{number:0{width}d}" for number in plan["subject"]],
        needle=[recording.needle for recording in made],
        **{name: plan[name].tolist() for name in ("muscle", "location", "side")},
        **{name: [recording.person[name] for recording in made] for name in ("age", "sex")},
        **{name: [r.acquisition[name] for r in made] for name in made[0].acquisition},
    )
    return X, plan["diagnosis"].to_numpy(dtype=str)


def _raw(file: Path, kind: str, seed: int) -> tuple[Recordings, np.ndarray]:
    if not file.exists():
        start = time.process_time()
        X, y = simulated(COHORTS[kind], seed)
        _write_time(file.parent / TIMES, kind, seed, X, time.process_time() - start)
        write_arrays(file, **arrays_of(X, y))
    with np.load(file) as kept:
        meta = {name[5:]: kept[name] for name in kept if name.startswith("meta_")}
        meta["subject"] = np.array([f"{kind}-{seed}-{name}" for name in meta["subject"]])
        ends = zip(kept["offsets"][:-1], kept["offsets"][1:], strict=True)
        values = kept["values"]
        signals = [values[a:b] for a, b in ends]
        return Recordings(signals, **{k: v.tolist() for k, v in meta.items()}), kept["y"]


def fill(store: Path, blocks: Iterable[tuple[str, int, bool]], jobs: int) -> None:
    """Simulate and measure what is missing of some blocks, in so many processes.

    Each block is a kind, a number and whether it is `louder`, as `block` takes them.
    """
    store.mkdir(parents=True, exist_ok=True)
    begin_times(store / TIMES)
    blocks = [own for own in dict.fromkeys(blocks) if not _file_of_units(store, *own).exists()]
    everyone = list(dict.fromkeys((kind, number) for kind, number, _ in blocks))
    to_simulate = [own for own in everyone if not _file_of_waves(store, *own).exists()]
    run = joblib.Parallel(n_jobs=jobs)
    run(joblib.delayed(_fill_patients)(store, *own) for own in to_simulate)
    run(joblib.delayed(_fill_units)(store, *own) for own in blocks)


def _fill_patients(store: Path, kind: str, number: int) -> None:
    patients(store, kind, number)


def _fill_units(store: Path, kind: str, number: int, louder: bool) -> None:
    block(store, kind, number, louder=louder)


def _file_of_waves(store: Path, kind: str, number: int) -> Path:
    return store / f"{kind}-{COHORTS[kind].seed + number}-waves.npz"


def _file_of_units(store: Path, kind: str, number: int, louder: bool) -> Path:
    gain = "-louder" if louder else ""
    return store / f"{kind}-{COHORTS[kind].seed + number}-units{gain}.npz"


def begin_times(file: Path) -> None:
    """Write the header, which several processes that add rows would write more than once."""
    if not file.exists():
        pd.DataFrame(columns=TIMED).to_csv(file, index=False)


def _write_time(file: Path, kind: str, seed: int, X: Recordings, seconds: float) -> None:
    """Add what a block took of one processor to the list in the store."""
    row = [kind, seed, X["subject"].nunique(), len(X), round(seconds, 1)]
    begin_times(file)
    pd.DataFrame([row], columns=TIMED).to_csv(file, mode="a", header=False, index=False)


def write_arrays(file: Path, **arrays: Any) -> None:
    part = file.with_suffix(".part.npz")
    np.savez(part, **arrays)
    part.replace(file)


def joined(parts: Sequence[Recordings], **columns: Any) -> Recordings:
    """Put recordings one behind the other, with the columns that all of them have."""
    known = [name for name in parts[0].meta if all(name in part.meta for part in parts)]
    meta = pd.concat([part.meta[known] for part in parts], ignore_index=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImplausibleWarning)  # they hold nothing yet
        empty = Recordings([np.zeros(1, np.float32)] * len(meta),
                           **{name: meta[name].tolist() for name in meta})  # fmt: skip
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    values = np.concatenate([part.values for part in parts])
    return empty.with_values(values, np.concatenate([[0], np.cumsum(lengths)]), **columns)


def together(blocks: Sequence[Block]) -> Block:
    """Put blocks one behind the other."""
    columns = {"units": {"item": "motor unit"}}
    parts = (
        joined([getattr(b, name) for b in blocks], **columns.get(name, {}))
        for name in ("raw", "waves", "units")
    )
    return Block(*parts, np.concatenate([b.y for b in blocks]))


def check_made(store: Path, numbers: Mapping[str, Iterable[int]]) -> None:
    """Refuse to go on where patients of another simulator are missing, as they are not made here.

    The present code would simulate them by other physics than the store is said to hold.
    """
    files = [f"{kind}-{COHORTS[kind].seed + k}.npz" for kind, own in numbers.items() for k in own]
    missing = [name for name in files if not (store / name).exists()]
    if missing:
        raise FileNotFoundError(
            f"{store} holds no {', '.join(missing)}, patients of another simulator: let the code "
            "of its commit simulate them by `python -m benchmarks.pretrain_others`, as this code "
            "would make other ones."
        )


def others(
    store: Path,
    numbers: Mapping[str, Iterable[int]] = OTHERS,
    used: Mapping[str, Iterable[int]] = USED,
    jobs: int = 1,
) -> Block:
    """Read patients of another simulator, who are to be no twins of those that are used.

    None of them has the name of one of this simulator. What is missing of their motor units is
    measured in so many processes.
    """
    seeds = {COHORTS[kind].seed + k for kind, own in used.items() for k in own}
    twins = [
        f"{kind}-{COHORTS[kind].seed + k}" for kind, own in numbers.items() for k in own
        if COHORTS[kind].seed + k in seeds
    ]  # fmt: skip
    if twins:
        raise ValueError(
            f"{', '.join(twins)} of {store} are twins of patients who train, test or choose, as "
            "their seeds are the same: take other blocks."
        )
    check_made(store, numbers)
    fill(store, [(kind, k, False) for kind, ks in numbers.items() for k in ks], jobs)
    own = together([block(store, kind, k) for kind, ks in numbers.items() for k in ks])
    subjects = [f"other-{name}" for name in own.raw["subject"]]
    parts = (part.with_columns(subject=subjects) for part in own[:3])
    return Block(*parts, own.y)
