"""Train the models that come with sknemg, on simulated patients alone.

Run ``python -m benchmarks.pretrain --store FOLDER --blocks 20 --out sknemg/weights``. Patients are
simulated in blocks, each with a machine and a needle of its own (as ``make_cohort(vary="all")``
does; in training three recordings each, so that there are more of them), and kept in the store; a
stopped run goes on. Columns are chosen by machines that are left out: those of one half of the
patients (low gain, thick needles, ...) train, the others test. Two small cohorts of other settings,
``biceps`` and ``default``, test, and choose between networks where that is not done by hand;
``whole``, patients apart from those of training, says how sure the models may be. Nothing real is
read here.

How large potentials are depends on needle, calibration and distance by more than the simulated
ranges hold, so that models are not to lean on it: in training every patient's amplitudes are
multiplied by a factor between 1 / 4 and 4, and for the network every window's by another one
between 1 / 2 and 2.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.machinery.runner import RESULTS, write_json
from sknemg import (
    BandPass,
    DiVoteClassifier,
    Downsampler,
    MuapFeatures,
    NEMGNetClassifier,
    Recordings,
    Segmenter,
    SignalAugmenter,
    save_model,
)
from sknemg.diagnosis import Diagnostician, scale_temperature
from sknemg.muap.features import FEATURES
from sknemg.persistence.card import reliability
from sknemg.provenance import provenance
from sknemg.simulate import make_cohort
from sknemg.simulate.patient import Dials, simulate_patient
from sknemg.simulate.plan import plan_cohort
from sknemg.simulate.variation import PATIENT
from sknemg.weights import CAUTION

FOLDER = RESULTS / "pretrain"
SFREQ = 10_000


class Kind(NamedTuple):
    """A kind of cohort: subjects of a block, seed of the first, recordings kept, and dials.

    No other study here simulates patients of these seeds.
    """

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
CHOOSING = ("biceps", "default")
MOST_COLUMNS = 6
#: Largest factor by which amplitudes are multiplied in training, and divided.
GAIN = 4.0
#: Halves of machines: one trains, the other tests.
MACHINES = ("needle", "gain", "needle_width", "high_pass", "low_pass", "noise", "resolution")
#: How the setting was chosen, as cards say it.
BY_MACHINES = (
    "Columns were chosen by machines left out of training; biceps and default chose nothing."
)
BY_COHORTS = "biceps and default chose the setting, and are slightly too good."
BY_HAND = "The setting was not chosen by a kept comparison."
#: In the store: CPU seconds of every block that was simulated, kept beside the results.
TIMES = "simulation_times.csv"
#: In a card until `benchmarks.pretrain_worth` has measured it.
UNMEASURED = "of real ones it is not measured yet"


# -- patients ----------------------------------------------------------------------------------


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
    seed = COHORTS[kind].seed + number
    file = store / f"{kind}-{seed}-units{'-louder' if louder else ''}.npz"
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
    file = store / f"{kind}-{seed}-waves.npz"
    if not file.exists():
        waves = steps().fit_transform(raw)
        write_arrays(file, values=waves.values.astype(np.float32), offsets=waves.offsets)
    with np.load(file) as kept:
        waves = raw.with_values(kept["values"], kept["offsets"], sfreq=SFREQ)
    if louder:
        each = np.repeat(factors(raw["subject"], seed), np.diff(waves.offsets))
        waves = waves.with_values(waves.values * each.astype(np.float32), waves.offsets)
    return raw, waves, y


def factors(subjects: Any, seed: int) -> np.ndarray:
    """Draw a factor between 1 / GAIN and GAIN for each subject, and give it to all of its rows."""
    codes = pd.factorize(np.asarray(subjects))[0]
    rng = np.random.default_rng(seed)
    return np.exp(rng.uniform(-np.log(GAIN), np.log(GAIN), codes.max() + 1))[codes]


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
        meta = {
            f"meta_{name}": column.to_numpy(dtype=None if column.dtype.kind in "fiub" else str)
            for name, column in X.meta.items()
        }
        values = X.values.astype(np.float32)
        write_arrays(file, values=values, offsets=X.offsets, y=y.astype(str), **meta)
    with np.load(file) as kept:
        meta = {name[5:]: kept[name] for name in kept if name.startswith("meta_")}
        meta["subject"] = np.array([f"{kind}-{seed}-{name}" for name in meta["subject"]])
        ends = zip(kept["offsets"][:-1], kept["offsets"][1:], strict=True)
        values = kept["values"]
        signals = [values[a:b] for a, b in ends]
        return Recordings(signals, **{k: v.tolist() for k, v in meta.items()}), kept["y"]


def _write_time(file: Path, kind: str, seed: int, X: Recordings, seconds: float) -> None:
    """Add what a block took of one processor to the list in the store."""
    row = {"kind": kind, "seed": seed, "patients": X["subject"].nunique(), "recordings": len(X),
           "cpu_seconds": round(seconds, 1)}  # fmt: skip
    pd.DataFrame([row]).to_csv(file, mode="a", header=not file.exists(), index=False)


def write_arrays(file: Path, **arrays: Any) -> None:
    part = file.with_suffix(".part.npz")
    np.savez(part, **arrays)
    part.replace(file)


def together(blocks: Sequence[Block]) -> Block:
    """Put blocks one behind the other."""
    columns = [name for name in blocks[0].raw.meta if all(name in b.raw.meta for b in blocks)]

    def joined(name: str) -> Recordings:
        parts = [getattr(b, name) for b in blocks]
        lengths = np.concatenate([np.diff(part.offsets) for part in parts])
        values = np.concatenate([part.values for part in parts])
        meta = pd.concat([part.meta[columns] for part in parts], ignore_index=True)
        empty = Recordings([np.zeros(1, np.float32)] * len(meta), **{
            column: meta[column].tolist() for column in meta
        })  # fmt: skip
        item = {"item": "motor unit"} if name == "units" else {}
        return empty.with_values(values, np.concatenate([[0], np.cumsum(lengths)]), **item)

    return Block(*(joined(name) for name in ("raw", "waves", "units")),
                 np.concatenate([b.y for b in blocks]))  # fmt: skip


# -- scores ------------------------------------------------------------------------------------


class Answers(NamedTuple):
    """Scores of subjects: names, true classes, probabilities in the order of `classes`."""

    subjects: np.ndarray
    y: np.ndarray
    proba: np.ndarray
    classes: np.ndarray

    def scores(self) -> dict[str, float]:
        """Give balanced accuracy, log-loss and calibration error."""
        codes = np.searchsorted(self.classes, self.y)
        right = self.proba.argmax(axis=1) == codes
        balanced = np.mean([right[codes == code].mean() for code in np.unique(codes)])
        known = reliability(np.maximum(self.proba, 1e-6), codes)
        return {
            "balanced_accuracy": float(balanced),
            "log_loss": known["log_loss"],
            "calibration_error": known["calibration_error"],
            "subjects": len(self.y),
        }


def answers(model: Any, X: Recordings, y: np.ndarray, temperature: float = 1.0) -> Answers:
    """Ask a fitted DiVoteClassifier for its answer to every subject."""
    first = ~X["subject"].duplicated().to_numpy()
    proba = np.asarray(model.predict_proba(X), dtype=float)[first]
    proba = scale_temperature(proba, temperature)
    return Answers(X["subject"].to_numpy()[first], y[first], proba, model.classes_)


# -- motor units -------------------------------------------------------------------------------


def votes_of_units() -> DiVoteClassifier:
    """Give the classifier of motor units; their mean votes are a recording's."""
    logistic = LogisticRegression(class_weight="balanced", max_iter=2000)
    return DiVoteClassifier(make_pipeline(StandardScaler(), logistic), final_estimator=None)


def columns_of(units: Recordings, names: Sequence[str]) -> Recordings:
    """Pick columns of the measured units."""
    return units.with_values(units.values[:, [FEATURES.index(n) for n in names]], units.offsets)


def halves(own: Block) -> dict[str, np.ndarray]:
    """Divide patients by their machines, once for each of MACHINES; true in one half."""
    meta = own.raw.meta
    return {
        name: (meta[name] == "concentric").to_numpy() if name == "needle"
        else (meta[name] > meta[name].median()).to_numpy()
        for name in MACHINES
    }  # fmt: skip


def unknown_machines(own: Block, names: Sequence[str]) -> pd.DataFrame:
    """Train on one half of the machines and test on the other, in every way and both directions."""
    units = columns_of(own.units, names)
    index, values, labels = units.row_index, units.values, own.y[units.row_index]
    subjects = own.raw["subject"].to_numpy()[index]
    rows = []
    for name, half in halves(own).items():
        for side in (True, False):
            train = (half == side)[index]
            model = clone(votes_of_units().estimator).fit(values[train], labels[train])
            proba = pd.DataFrame(model.predict_proba(values[~train]), columns=model.classes_)
            whole = proba.groupby([subjects[~train], labels[~train]]).mean()
            y = whole.index.get_level_values(1).to_numpy()
            found = Answers(whole.index, y, whole.to_numpy(), model.classes_).scores()
            rows.append({"machines": name, "trained": side} | found)
    return pd.DataFrame(rows)


def choose_columns(train: Block) -> tuple[list[str], pd.DataFrame]:
    """Add, one by one, the column that most lowers the mean log-loss on unknown machines."""
    chosen: list[str] = []
    rows, best = [], np.inf
    while len(chosen) < MOST_COLUMNS:
        found = {}
        for name in (n for n in FEATURES if n not in chosen):
            table = unknown_machines(train, [*chosen, name])
            found[name] = float(table["log_loss"].mean())
            rows.append({
                "columns": " + ".join([*chosen, name]), "log_loss": found[name],
                "worst_log_loss": table["log_loss"].max(),
                "balanced_accuracy": table["balanced_accuracy"].mean(),
            })  # fmt: skip
        name = min(found, key=found.__getitem__)
        if found[name] > best - 0.003:
            break
        best = found[name]
        chosen.append(name)
        print(f"{' + '.join(chosen)}: log-loss {best:.3f}", flush=True)
    return chosen, pd.DataFrame(rows)


# -- networks ----------------------------------------------------------------------------------


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
            augment=SignalAugmenter(
                gain=self.gain, noise=0.005, polarity=0.5, mains=0, shift=0, warp=0,
                random_state=seed,
            ),
            validation=None, eval_every=None, device="cpu", random_state=seed,
        )  # fmt: skip


CHOICES = {
    "windows of 0.4 s, flat head": Network(window=0.4, head="flat"),
    "windows of 1 s, pooled head": Network(),
    "windows of 2 s, pooled head": Network(window=2.0),
}


def train_network(setting: Network, train: Block, seed: int) -> DiVoteClassifier:
    """Train the network on all windows; segments vote by means."""
    windows = setting.segmenter().fit_transform(train.waves)
    classifier = setting.classifier(len(windows.items), seed)
    return DiVoteClassifier(classifier, final_estimator=None).fit(windows, train.y)


def choose_network(
    train: Block, tests: dict[str, Block], n_updates: int, seed: int, store: Path
) -> tuple[str, pd.DataFrame]:
    """Train every setting for a while; the least mean log-loss on the other cohorts wins."""
    rows = []
    for name, setting in CHOICES.items():
        short = Network(**asdict(setting) | {"n_updates": n_updates})
        start = time.process_time()
        model = train_network(short, train, seed)
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


# -- models ------------------------------------------------------------------------------------


def cautious(votes: DiVoteClassifier, middle: Any, calibration: Block) -> Diagnostician:
    """Put the whole together, and learn from other patients how sure it may be."""
    own = middle.steps if isinstance(middle, Pipeline) else make_pipeline(middle).steps
    parts = [*steps().steps, *own, ("divote", votes)]
    whole = Pipeline(parts)
    return Diagnostician(FrozenEstimator(whole), cv=5).fit(calibration.raw, calibration.y)


def card(name: str, about: dict[str, Any], model: Diagnostician, tables: dict[str, Any]) -> str:
    """Write the card of a model."""
    known = model.plausibility_
    scores = tables["simulated"].round(2)
    short = f"shorter than {known.min_duration:g} s, " if known.min_duration > 0 else ""
    lines = [
        "---", "library_name: sknemg", "license: bsd-3-clause",
        'tags: ["electromyography", "needle-emg", "simulated"]', "---", "",
        f"# {name}", "",
        f"**Research only: not a medical device.** {CAUTION} Trained on simulated patients alone: "
        "no recording of a person trained it, and columns and windows were chosen on simulated "
        "patients. Ten subjects of EMGLAB N2001 had an indirect part: they were in view when some "
        "constants of the simulator were set, and in the study that found companding of use.", "",
        "It reads voluntary contraction, in millivolts, sampled at 10 kHz or more, and answers "
        f"one of {', '.join(model.classes_.tolist())}.", "",
        "## How it was made", "",
        f"{about['n_train']} simulated patients in training, {about['n_calibration']} others for "
        f"calibration, {about['n_choosing']} more, of other settings, as tests. "
        f"{about['made']} Simulator of commit {about['simulator']}. Seed "
        f"{about['seed']}. "
        f"Versions: {', '.join(f'{k} {v}' for k, v in about['versions'].items())}.", "",
        "## Scores on simulated patients that trained nothing", "",
        "| cohort | subjects | balanced accuracy | log-loss | calibration error |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {row.cohort} | {row.subjects} | {row.balanced_accuracy} | {row.log_loss} | "
            f"{row.calibration_error} |"
            for row in scores.itertuples()
        ), "",
        about["choice"], "",
        "## Scores on real recordings", "",
        "Not measured yet: run `python -m benchmarks.pretrain_worth`.", "",
        "## When it does not answer", "",
        f"Temperature {model.temperature_:.2f}, fitted to {model.n_calibration_} simulated "
        f"patients. Its sets of diagnoses hold {100 * model.coverage:.0f} % of diagnoses among "
        f"patients **simulated alike**; {UNMEASURED}. A recording cannot be judged if it is "
        f"{short}sampled below {known.sfreq:g} Hz, flat, clipped or mains hum, if its amplitude "
        "is more than three times beyond that of the simulated "
        f"({1000 * known.low_[0]:.2g} to {1000 * known.high_[0]:.0f} µV RMS), or if its "
        f"features are unlike all of theirs (Mahalanobis distance beyond {known.distance_:.1f}; "
        f"median of a patient beyond {known.subject_distance_:.1f}).", "",
        "## Limits", "",
        "Three answers only: a patient with anything else gets one of them, or none. Simulated "
        "muscles still have too many units near the needle and too little slow power. Rest, "
        "insertional activity and artefacts were not simulated.", "",
    ]  # fmt: skip
    return "\n".join(lines)


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


def train(args: argparse.Namespace) -> None:
    """Choose, train and save both models."""
    import torch

    torch.set_num_threads(1)
    args.store.mkdir(parents=True, exist_ok=True)
    numbers = {"whole (as in training)": ("whole", range(args.calibrating))}
    numbers |= {kind: (kind, range(args.choosing)) for kind in CHOOSING}
    sets = {
        name + said: [block(args.store, kind, k, louder=loud) for k in own]
        for loud, said in ((False, ""), (True, ", gains redrawn"))
        for name, (kind, own) in numbers.items()
    }
    parts = [block(args.store, "wide", k, louder=True) for k in args.numbers or range(args.blocks)]
    if args.only_patients:
        return
    sets = {name: together(blocks) for name, blocks in sets.items()}
    calibration, patients = sets["whole (as in training)"], together(parts)
    tests = {kind: sets[kind] for kind in CHOOSING}
    world = provenance()
    about = {
        "n_train": _count(patients),
        "n_calibration": _count(calibration),
        "n_choosing": sum(_count(own) for own in tests.values()),
        "simulator": args.simulator or world["commit"],
        "seed": args.seed,
    } | {key: world[key] for key in ("commit", "versions", "device")}
    args.results.mkdir(parents=True, exist_ok=True)
    if (args.store / TIMES).exists():
        (args.results / TIMES).write_text((args.store / TIMES).read_text())

    if "muap" in args.models:
        columns, table = choose_columns(patients)
        table.to_csv(args.results / "columns.csv", index=False)
        votes = votes_of_units().fit(columns_of(patients.units, columns), patients.y)
        found = [
            {"cohort": kind} | answers(votes, columns_of(own.units, columns), own.y).scores()
            for kind, own in sets.items()
        ]
        made = (
            f"A balanced logistic regression of {', '.join(columns)}; amplitudes of every patient "
            f"times a factor between 1 / {GAIN:g} and {GAIN:g}."
        )
        about |= {"choice": BY_MACHINES}
        keep(args, "volitional-muap", votes, MuapFeatures(columns), calibration, about, made, found)

    if "small" in args.models:
        name = args.network
        about |= {"choice": BY_COHORTS if name is None else BY_HAND}
        if name is None:
            name, table = choose_network(patients, tests, args.trial, args.seed, args.store)
            table.to_csv(args.results / "networks.csv", index=False)
        setting = Network(**asdict(CHOICES[name]) | {"n_updates": args.updates})
        start = time.process_time()
        votes = train_network(setting, patients, args.seed)
        seconds = time.process_time() - start
        segmenter = setting.segmenter()
        found = [
            {"cohort": kind} | answers(votes, segmenter.fit_transform(b.waves), b.y).scores()
            for kind, b in sets.items()
        ]
        n_updates = int(votes.estimator_.history_["update"].iloc[-1])
        made = (
            f"nEMGNet-A of width {setting.width}, {name}, companding at 0.05 mV, "
            f"{n_updates} updates of {setting.batch_seconds:g} s of signal in one cycle, "
            f"amplitudes of every patient times a factor between 1 / {GAIN:g} and {GAIN:g}, of "
            f"every window times 1 / {setting.gain:g} to {setting.gain:g} more, polarity and noise "
            f"varied ({seconds:.0f} CPU seconds)."
        )
        keep(args, "volitional-small", votes, segmenter, calibration, about, made, found)


def _count(own: Block) -> int:
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
) -> None:
    """Calibrate a model, and save it with its card."""
    model = cautious(votes, middle, calibration)
    scores = pd.DataFrame(found)
    print(name, scores.to_string(), f"temperature {model.temperature_:.2f}", sep="\n", flush=True)
    text = card(name, about | {"made": made}, model, {"simulated": scores})
    proba = model.estimator_.predict_proba(reference_patient())[:1]
    tables = {"simulated": scores, "reference": pd.DataFrame(proba, columns=model.classes_)}
    mark = save_model(model, args.out / name, card=text, evaluation=tables, overwrite=True)
    size = sum(file.stat().st_size for file in (args.out / name).rglob("*") if file.is_file())
    about = about | {"made": made, "fingerprint": mark, "bytes": size}
    write_json(args.results / f"{name}.json", about | {"scores": found})
    print(json.dumps({"name": name, "fingerprint": mark, "bytes": size}), flush=True)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store", type=Path, required=True, help="where patients are kept")
    parser.add_argument("--blocks", type=int, default=30, help="of sixty patients, in training")
    parser.add_argument("--numbers", type=int, nargs="+", help="of these blocks, in their place")
    parser.add_argument("--calibrating", type=int, default=2, help="blocks of thirty")
    parser.add_argument("--choosing", type=int, default=1, help="blocks of each other cohort")
    parser.add_argument("--only-patients", action="store_true", help="simulate, and train nothing")
    parser.add_argument("--models", nargs="+", choices=["muap", "small"],
                        default=["muap", "small"])  # fmt: skip
    parser.add_argument("--network", choices=list(CHOICES), help="chosen by trial if left out")
    parser.add_argument("--trial", type=int, default=500, help="updates of a trial")
    parser.add_argument("--updates", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--simulator", help="commit of the simulator, if the store is of another")
    parser.add_argument("--out", type=Path, default=Path("pretrained"))
    parser.add_argument("--results", type=Path, default=FOLDER)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
