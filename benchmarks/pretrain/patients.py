"""Simulated patients of the models that come with sknemg, in blocks, kept in a store.

Each patient has a machine and a needle of its own, as ``make_cohort(vary="all")`` gives them; those
of training have three recordings each, so that there are more of them. What is in the store is not
made again: a stopped run goes on.

A seed gives the same persons and machines whatever the simulator, since plan and machine are drawn
apart from the physics: diagnosis, age, muscle, gain and noise. Blocks of one seed in the stores of
two simulators are twins, and so are the 30 patients of ``biceps`` and ``default``.

A store belongs to one simulator: every file of patients says by which code and commit it was made,
and those of another code are refused, unless another simulator is asked for (`other`). What is
measured of patients is kept under the hash of the code that measures, and measured anew by others.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import joblib
import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline, make_pipeline

from benchmarks.machinery.kept_cohort import arrays_of, marked
from benchmarks.pretrain.variation import GAIN, factors
from sknemg import BandPass, Downsampler, ImplausibleWarning, MuapFeatures, Recordings
from sknemg.provenance import checkout_commit
from sknemg.simulate import make_cohort
from sknemg.simulate.patient import Dials, simulate_patient
from sknemg.simulate.plan import plan_cohort
from sknemg.simulate.variation import PATIENT
from sknemg.versions import package_code

SFREQ = 10_000
#: What of sknemg makes patients, brings them into one form and measures their motor units.
SIMULATES = ("recordings", "simulate")
PREPARES = ("preprocessing", "recordings", "signal")
MEASURES = ("muap", *PREPARES)


class Kind(NamedTuple):
    """A kind of cohort: subjects of a block, seed of the first, recordings kept, and dials."""

    n_subjects: int
    seed: int
    most: int | None
    dials: dict[str, Any]


BICEPS = {"needle": "concentric", "muscles": ["biceps brachii"], "effort": (0.02, 0.08)}
#: What older simulators, too, can draw of a patient.
PERSON = {name: PATIENT[name] for name in ("severity", "chronicity", "age")}
#: Potentials overlap: stronger contractions, and what "all" varied before efforts and the muscles
#: that a disease prefers, apart from distance.
STRONG = {"vary": "acquisition", "effort": (0.05, 0.6), **PERSON}
#: The same by one needle and one machine, as in a laboratory.
CLINIC = {"needle": "concentric", "effort": (0.05, 0.6), **PERSON}
COHORTS = {
    "wide": Kind(60, 50_000, 3, {"vary": "all"}),
    "whole": Kind(30, 10_000, None, {"vary": "all"}),
    "biceps": Kind(30, 90_000, None, BICEPS),
    "default": Kind(30, 90_000, None, {}),
    "strong": Kind(60, 70_000, 3, STRONG),
    "clinic": Kind(60, 80_000, 3, CLINIC),
}
#: Blocks that train, test or choose in the studies of the shipped models, whatever the simulator:
#: those of `benchmarks.pretrain.scale` and `benchmarks.pretrain.few_shot` are among them.
USED: Mapping[str, Iterable[int]] = {
    "wide": range(60), "whole": (0, 1, 4, 5, 6, 7, 8), "biceps": range(2), "default": range(3),
    "strong": range(6), "clinic": range(1),
}  # fmt: skip
#: Blocks of the store of another simulator that calibrate, and those that then test.
OTHERS: Mapping[str, Iterable[int]] = {"whole": (2, 3)}
FRESH: Mapping[str, Iterable[int]] = {"whole": (4,)}
#: All that is used but for those: they are among the patients by whom `benchmarks.pretrain.scale`
#: decides whether weights ship, and have no other part in them.
USED_BESIDE_FRESH: Mapping[str, Iterable[int]] = {
    kind: tuple(k for k in own if k not in FRESH.get(kind, ())) for kind, own in USED.items()
}
#: In the store: CPU seconds of every block that was simulated, kept beside the results.
TIMES = "simulation_times.csv"
TIMED = ["kind", "seed", "patients", "recordings", "cpu_seconds"]


class Block(NamedTuple):
    """Some patients: as recorded, in the common band, and the motor units found there."""

    raw: Recordings
    waves: Recordings
    units: Recordings
    y: np.ndarray


class Waves(NamedTuple):
    """Some patients in the common band alone, where motor units are not needed."""

    waves: Recordings
    y: np.ndarray


def steps() -> Pipeline:
    """Give the steps that bring all recordings, simulated and real, into one form."""
    return make_pipeline(Downsampler(sfreq=SFREQ), BandPass())


class Simulator(NamedTuple):
    """What made patients: the hash of its code, and a commit that has this code."""

    code: str
    commit: str


def simulator_of(
    store: Path, numbers: Mapping[str, Iterable[int]], *, other: bool = False
) -> Simulator:
    """Say by what some blocks of a store were simulated, which has to be the same for all.

    It is to be the present simulator, or, if `other`, a single one that differs from it.
    """
    found: dict[str, tuple[str, Path]] = {}
    for kind, own in numbers.items():
        for number in own:
            file = _file(store, kind, number)
            code, commit = _checked(file, other)
            found.setdefault(code, (commit or "unknown", file))
    if len(found) > 1:
        (_, one), (_, two), *_ = found.values()
        raise ValueError(
            f"{one} and {two.name} were made by different simulators, and a store belongs to one: "
            "simulate both by the same package, in an empty folder."
        )
    ((code, (commit, _)),) = found.items()
    return Simulator(code, commit)


def mark_of(file: Path) -> Simulator | None:
    """Read by what a block was simulated; None of a file that does not say so."""
    with np.load(file) as kept:
        if "simulator_code" not in kept:
            return None
        return Simulator(str(kept["simulator_code"]), str(kept["simulator_commit"]))


def _checked(file: Path, other: bool) -> Simulator:
    """Read by what a block was simulated, and refuse what was not asked for."""
    made = mark_of(file)
    if made is None:
        raise ValueError(
            f"{file} does not say which simulator made it, as files do now: simulate its "
            "patients anew, in an empty folder."
        )
    present = package_code(*SIMULATES)
    if other and made.code == present:
        raise ValueError(
            f"{file} was made by the present simulator (commit {made.commit or 'unknown'}), and "
            "patients of another one are needed here: let the code of an older commit simulate "
            "them by `python -m benchmarks.pretrain.others`, in an empty folder."
        )
    if not other and made.code != present:
        raise ValueError(
            f"{file} was made by another simulator (commit {made.commit or 'unknown'}, code "
            f"{made.code[:12]}; the present code is {present[:12]}), and a store belongs to one: "
            "give an empty folder as the store, where patients are simulated anew, or check out "
            "that commit."
        )
    return made


def block(
    store: Path, kind: str, number: int, *, louder: bool = False, other: bool = False
) -> Block:
    """Simulate a block of patients and find their motor units, or read it from the store.

    If `louder`, every patient's amplitudes are multiplied by a factor of its own between 1 / GAIN
    and GAIN before motor units are searched and measured: where a potential begins, and what
    counts as a phase or a turn, is a matter of microvolts. If `other`, the store has to be that of
    another simulator.
    """
    raw, waves, y = patients(store, kind, number, louder=louder, other=other)
    file = _file_of_units(store, kind, number, louder)
    if not file.exists():
        units = MuapFeatures().fit_transform(waves)
        write_arrays(file, values=units.values, offsets=units.offsets)
    with np.load(file) as kept:
        units = raw.with_values(kept["values"], kept["offsets"], sfreq=20_000, item="motor unit")
    return Block(raw, waves, units, y)


def patients(
    store: Path, kind: str, number: int, *, louder: bool = False, other: bool = False
) -> tuple[Recordings, Recordings, np.ndarray]:
    """Simulate a block of patients, as recorded and in the common band, or read it."""
    seed = COHORTS[kind].seed + number
    raw, y = _raw(_file(store, kind, number), kind, seed, other)
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


def _raw(file: Path, kind: str, seed: int, other: bool) -> tuple[Recordings, np.ndarray]:
    if not file.exists():
        if other:
            _refuse_missing(file.parent, [file.name])
        start = time.process_time()
        X, y = simulated(COHORTS[kind], seed)
        _write_time(file.parent / TIMES, kind, seed, X, time.process_time() - start)
        write_arrays(file, **arrays_of(X, y), **marked(package_code(*SIMULATES), checkout_commit()))
    _checked(file, other)
    with np.load(file) as kept:
        meta = {name[5:]: kept[name] for name in kept if name.startswith("meta_")}
        meta["subject"] = np.array([f"{kind}-{seed}-{name}" for name in meta["subject"]])
        ends = zip(kept["offsets"][:-1], kept["offsets"][1:], strict=True)
        values = kept["values"]
        signals = [values[a:b] for a, b in ends]
        return Recordings(signals, **{k: v.tolist() for k, v in meta.items()}), kept["y"]


def fill(
    store: Path, blocks: Sequence[tuple[str, int, bool | None]], jobs: int, *, other: bool = False
) -> None:
    """Simulate and measure what is missing of some blocks, in so many processes.

    Each block is a kind, a number and whether it is `louder`, as `block` takes them, or None for
    `louder` where no motor units are needed. Patients of another simulator (`other`) are measured
    only, and have to be there.
    """
    store.mkdir(parents=True, exist_ok=True)
    begin_times(store / TIMES)
    everyone = list(dict.fromkeys((kind, number) for kind, number, _ in blocks))
    blocks = [own for own in dict.fromkeys(blocks) if own[2] is not None]
    for file in (_file(store, *own) for own in everyone):
        if file.exists():
            _checked(file, other)
    blocks = [own for own in blocks if not _file_of_units(store, *own).exists()]
    to_prepare = [own for own in everyone if not _file_of_waves(store, *own).exists()]
    run = joblib.Parallel(n_jobs=jobs)
    run(joblib.delayed(_fill_patients)(store, *own, other) for own in to_prepare)
    run(joblib.delayed(_fill_units)(store, *own, other) for own in blocks)


def _fill_patients(store: Path, kind: str, number: int, other: bool) -> None:
    patients(store, kind, number, other=other)


def _fill_units(store: Path, kind: str, number: int, louder: bool | None, other: bool) -> None:
    block(store, kind, number, louder=bool(louder), other=other)


def _file(store: Path, kind: str, number: int) -> Path:
    return store / f"{kind}-{COHORTS[kind].seed + number}.npz"


def file_of(store: Path, kind: str, number: int, what: str, *by: Any) -> Path:
    """Name the file of what is measured of a block: by its simulator, and by what measures."""
    patients = _file(store, kind, number)
    code = package_code(*SIMULATES)
    if patients.exists():
        with np.load(patients) as kept:
            code = str(kept["simulator_code"])
    return store / f"{patients.stem}-{what}-{joblib.hash((code, *by))[:12]}.npz"


def _file_of_waves(store: Path, kind: str, number: int) -> Path:
    return file_of(store, kind, number, "waves", package_code(*PREPARES), SFREQ)


def _file_of_units(store: Path, kind: str, number: int, louder: bool | None) -> Path:
    what, gain = ("units-louder", GAIN) if louder else ("units", 1.0)
    return file_of(store, kind, number, what, package_code(*MEASURES), SFREQ, gain)


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


def waves_of(
    store: Path, kind: str, numbers: Iterable[int], *, louder: bool = False, other: bool = False
) -> Waves:
    """Put blocks one behind the other, of which no motor units are searched."""
    found = [patients(store, kind, k, louder=louder, other=other) for k in numbers]
    return Waves(joined([own[1] for own in found]), np.concatenate([own[2] for own in found]))


def check_made(store: Path, numbers: Mapping[str, Iterable[int]]) -> None:
    """Refuse to go on where patients of another simulator are missing, as they are not made here.

    The present code would simulate them by other physics than the store is said to hold.
    """
    files = [_file(store, kind, k) for kind, own in numbers.items() for k in own]
    missing = [file.name for file in files if not file.exists()]
    if missing:
        _refuse_missing(store, missing)


def _refuse_missing(store: Path, missing: Sequence[str]) -> NoReturn:
    raise FileNotFoundError(
        f"{store} holds no {', '.join(missing)}, patients of another simulator: let the code of "
        "its commit simulate them by `python -m benchmarks.pretrain.others`, as this code would "
        "make other ones."
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
    simulator_of(store, numbers, other=True)
    blocks = [(kind, k) for kind, ks in numbers.items() for k in ks]
    fill(store, [(*own, False) for own in blocks], jobs, other=True)
    own = together([block(store, *own, other=True) for own in blocks])
    subjects = [f"other-{name}" for name in own.raw["subject"]]
    parts = (part.with_columns(subject=subjects) for part in own[:3])
    return Block(*parts, own.y)
