"""Train the models that come with sknemg, on simulated patients alone.

Run ``python -m benchmarks.pretrain --store FOLDER --blocks 20 --out ELSEWHERE``. Patients are
those of `benchmarks.pretrain_patients`. Columns are chosen by machines that are left out: those of
one half of the patients (low gain, thick needles, ...) train, the others test. Two small cohorts of
other settings, ``biceps`` and ``default``, test, and choose between networks where that is not done
by hand; ``whole``, patients apart from those of training, says how sure the models may be. Nothing
real is read here.

Real patients are not simulated as in training, and a model that was calibrated on patients who are
is too sure of others. With ``--other FOLDER``, a store that was made by another version of the
simulator, its patients say how sure the models may be. What recordings look like is then learned of
them and of ``whole`` together, so that what is like either of them is not refused.

How large potentials are depends on needle, calibration and distance by more than the simulated
ranges hold, so that models are not to lean on it: in training every patient's amplitudes are
multiplied by a factor between 1 / 4 and 4, and for the network every window's by another one
between 1 / 2 and 2. The network must not lean on slow power and on durations alone either, which
simulated recordings have too little of: `benchmarks.pretrain_variation`.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.machinery.runner import RESULTS, write_json
from benchmarks.pretrain_patients import (
    OTHERS,
    SFREQ,
    TIMES,
    Block,
    block,
    fill,
    others,
    simulator_of,
    steps,
    together,
)
from benchmarks.pretrain_variation import GAIN, LENGTHS, SHARES, SlowNoise, stretched
from sknemg import (
    DiVoteClassifier,
    MuapFeatures,
    NEMGNetClassifier,
    Recordings,
    Segmenter,
    load_model,
    save_model,
)
from sknemg.diagnosis import Diagnostician, scale_temperature
from sknemg.model_selection.origin import mark_origin
from sknemg.muap.features import FEATURES
from sknemg.persistence.card import reliability
from sknemg.provenance import provenance
from sknemg.weights import CAUTION

FOLDER = RESULTS / "pretrain"
CHOOSING = ("biceps", "default")
AS_TRAINED = "whole (as in training)"
MOST_COLUMNS = 6
#: Log-loss by which a column has to gain.
LEAST_GAIN = 0.003
#: Options that say how models are trained.
OF_TRAINING = (
    "blocks", "numbers", "choosing", "only_patients", "network", "trial", "updates", "seed",
    "device",
)  # fmt: skip
#: Halves of machines: one trains, the other tests.
MACHINES = ("needle", "gain", "needle_width", "high_pass", "low_pass", "noise", "resolution")
#: How the setting was chosen, as cards say it.
BY_MACHINES = (
    "Columns were chosen by machines left out of training; biceps and default chose nothing."
)
BY_COHORTS = "biceps and default chose the setting, and are slightly too good."
BY_HAND = (
    "Windows and head were not chosen by a kept comparison. What is varied in training was chosen "
    "by patients of another simulator."
)
#: What was known of real recordings when the models were made, as cards say it.
LOOKED = (
    "No setting was fitted to real subjects, but the ten of N2001 were in view when constants of "
    "the simulator (conductivities of muscle and the slow wave among them), companding, the range "
    "of gains and slow noise were chosen (the last by how much of their power is slow, and how "
    "that goes with votes); four generations of weights, of which the last is not shipped, were "
    "asked about them, and that half of them would have been refused was why what recordings look "
    "like was learned of more patients. Answers on Algiers were one reason to calibrate anew."
)
#: In a card until `benchmarks.pretrain_worth` has measured it.
UNMEASURED = "of real ones it is not measured yet"


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
            found = scores_of_subjects(
                (values[train], labels[train]), (values[~train], labels[~train], subjects[~train])
            )
            rows.append({"machines": name, "trained": side} | found)
    return pd.DataFrame(rows)


def scores_of_subjects(
    train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> dict[str, float]:
    """Train the classifier that votes on values and diagnoses; score the subjects of others."""
    model = clone(votes_of_units().estimator).fit(*train)
    values, labels, subjects = test
    proba = pd.DataFrame(model.predict_proba(values), columns=model.classes_)
    whole = proba.groupby([subjects, labels]).mean()
    y = whole.index.get_level_values(1).to_numpy()
    return Answers(whole.index, y, whole.to_numpy(), model.classes_).scores()


def one_by_one(
    columns: Sequence[Any], losses_of: Callable[[list[list[Any]]], list[float]]
) -> Iterator[tuple[list[Any], float]]:
    """Add the column that most lowers a loss, while one does; give the chosen and their loss.

    `losses_of` takes all choices that are to be tried next, and gives their losses.
    """
    chosen: list[Any] = []
    loss = np.inf
    while len(chosen) < MOST_COLUMNS:
        left = [one for one in columns if one not in chosen]
        found = dict(zip(left, losses_of([[*chosen, one] for one in left]), strict=True))
        best = min(found, key=found.__getitem__)
        if found[best] > loss - LEAST_GAIN:
            return
        loss = found[best]
        chosen.append(best)
        yield [*chosen], loss


def choose_columns(train: Block, jobs: int = 1) -> tuple[list[str], pd.DataFrame]:
    """Add, one by one, the column that most lowers the mean log-loss on unknown machines."""
    rows: list[dict[str, Any]] = []
    chosen: list[str] = []
    ends = np.arange(len(train.raw) + 1)
    silent = train.raw.with_values(np.zeros(len(train.raw), np.float32), ends)
    bare = Block(silent, silent, train.units, train.y)  # without the signals, for other processes

    def losses_of(tries: list[list[str]]) -> list[float]:
        new = joblib.Parallel(n_jobs=jobs)(joblib.delayed(_tried)(bare, names) for names in tries)
        rows.extend(new)
        return [row["log_loss"] for row in new]

    for chosen, loss in one_by_one(FEATURES, losses_of):
        print(f"{' + '.join(chosen)}: log-loss {loss:.3f}", flush=True)
    return chosen, pd.DataFrame(rows)


def _tried(train: Block, names: list[str]) -> dict[str, Any]:
    """Score some columns on unknown machines."""
    table = unknown_machines(train, names)
    return {
        "columns": " + ".join(names), "log_loss": float(table["log_loss"].mean()),
        "worst_log_loss": table["log_loss"].max(),
        "balanced_accuracy": table["balanced_accuracy"].mean(),
    }  # fmt: skip


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


# -- models ------------------------------------------------------------------------------------


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
        f"patients. {LOOKED}", "",
        "It reads voluntary contraction, in millivolts, sampled at 10 kHz or more, and answers "
        f"one of {', '.join(model.classes_.tolist())}.", "",
        "## How it was made", "",
        f"{about['n_train']} simulated patients in training, {about['n_calibration']} others"
        f"{_of_another(about)} for calibration, {about['n_testing']} more, each in several other "
        "settings, as tests. "
        f"{about['made']} Simulator of commit {about['simulator']}. Seed "
        f"{about['seed']}. Trained on {about['device']}. "
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
        f"patients{_of_another(about)}. Its sets of diagnoses hold "
        f"{100 * model.coverage:.0f} % of diagnoses among patients **simulated alike** (commit "
        f"{about.get('other_simulator') or about['simulator']}); {UNMEASURED}. "
        f"What recordings look like was learned of {_seen(about)}. "
        f"A recording cannot be judged if it is {short}sampled "
        f"below {known.sfreq:g} Hz, flat, clipped or mains hum, if its amplitude "
        "is more than three times beyond that of the simulated "
        f"({1000 * known.low_[0]:.2g} to {1000 * known.high_[0]:.0f} µV RMS), or if its "
        f"features are unlike all of theirs (Mahalanobis distance beyond {known.distance_:.1f}; "
        f"median of a patient beyond {known.subject_distance_:.1f}).", "",
        "## Limits", "",
        "Three answers only: a patient with anything else gets one of them, or none. Simulated "
        "potentials are still larger than real ones at low effort, and part of the slow power is "
        "missing. Rest, insertional activity and artefacts were not simulated.", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _of_another(about: dict[str, Any]) -> str:
    other = about.get("other_simulator")
    return f" of another simulator (commit {other})" if other else ""


def _seen(about: dict[str, Any]) -> str:
    """Say of whom it was learned what recordings look like."""
    other = about.get("other_simulator")
    if not other:
        return f"the {about['n_calibration']} that calibrate"
    return (
        f"{about['n_seen']} simulated patients: those that calibrate (commit {other}) and "
        f"{about['n_seen'] - about['n_calibration']} of the simulator of commit "
        f"{about['seen_simulator']}"
    )


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


def train(args: argparse.Namespace) -> None:
    """Choose, train and save both models."""
    import torch

    torch.set_num_threads(1)
    trains = args.numbers or range(args.blocks)
    numbers = {AS_TRAINED: ("whole", range(args.calibrating))}
    numbers |= {kind: (kind, range(args.choosing)) for kind in CHOOSING}
    wanted = [("wide", k, True) for k in trains]
    wanted += [(kind, k, loud) for kind, own in numbers.values() for k in own
               for loud in (False, True)]  # fmt: skip
    fill(args.store, wanted, args.jobs)
    used = {"wide": trains} | dict(numbers.values())
    calibration = others(args.other, used=used, jobs=args.jobs) if args.other else None
    if args.only_patients:
        return
    sets = {
        name + said: [block(args.store, kind, k, louder=loud) for k in own]
        for loud, said in ((False, ""), (True, ", gains redrawn"))
        for name, (kind, own) in numbers.items()
    }
    sets = {name: together(blocks) for name, blocks in sets.items()}
    patients = together([block(args.store, "wide", k, louder=True) for k in trains])
    known = sets[AS_TRAINED]
    seen = None if calibration is None else together([known, calibration])
    calibration = known if calibration is None else calibration
    tests = {kind: sets[kind] for kind in CHOOSING}
    world = provenance()
    simulator = simulator_of(args.store, used).commit
    about = {
        "n_train": _count(patients),
        "n_calibration": _count(calibration),
        "n_testing": len(persons(own.raw for own in tests.values())),
        "n_seen": _count(seen or calibration),
        "simulator": simulator,
        "other_simulator": None,
        "seed": args.seed,
        "device": device_of("cpu"),
    } | {key: world[key] for key in ("commit", "versions")}
    if args.other:
        about |= calibrated_by(args.other) | {"seen_simulator": simulator}
    args.results.mkdir(parents=True, exist_ok=True)
    if (args.store / TIMES).exists():
        (args.results / TIMES).write_text((args.store / TIMES).read_text())

    if "muap" in args.models:
        columns, table = choose_columns(patients, args.jobs)
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
        middle = MuapFeatures(columns)
        keep(args, "volitional-muap", votes, middle, calibration, about, made, found, seen)

    if "small" in args.models:
        name = args.network
        about |= {
            "choice": BY_COHORTS if name is None else BY_HAND, "device": device_of(args.device)
        }  # fmt: skip
        if name is None:
            name, table = choose_network(patients, tests, args.trial, args.seed, args.device)
            table.to_csv(args.results / "networks.csv", index=False)
        setting = Network(**asdict(CHOICES[name]) | {"n_updates": args.updates})
        start = time.process_time()
        votes = train_network(setting, patients, args.seed, args.device)
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
            f"every window times 1 / {setting.gain:g} to {setting.gain:g} more, recordings of "
            f"every patient {LENGTHS[0]:g} to {LENGTHS[1]:g} times as long, slow noise of "
            f"{SHARES[0]:g} to {SHARES[1]:g} times the RMS of a window, polarity and noise varied "
            f"({seconds:.0f} CPU seconds)."
        )
        keep(args, "volitional-small", votes, segmenter, calibration, about, made, found, seen)


def calibrate_anew(args: argparse.Namespace) -> None:
    """Let models that are trained learn from the patients of another simulator how sure to be."""
    if not args.other:
        raise SystemExit("--trained needs patients to calibrate by: give --other as well.")
    calibration = others(args.other, jobs=args.jobs)
    fill(args.store, [("whole", k, False) for k in range(args.calibrating)], args.jobs)
    known = [block(args.store, "whole", k) for k in range(args.calibrating)]
    seen = together([*known, calibration])
    for name in (f"volitional-{own}" for own in args.models):
        folder = args.trained / name
        kept = json.loads((args.results / f"{name}.json").read_text())
        found = kept.pop("scores")
        about = kept | {
            "n_calibration": _count(calibration), "n_seen": _count(seen),
            "seen_simulator": simulator_of(args.store, {"whole": range(args.calibrating)}).commit,
            "calibration_commit": provenance()["commit"],
        } | calibrated_by(args.other)  # fmt: skip
        middle = load_model(folder).estimator_[-2]
        votes = as_trained(folder)
        keep(args, name, votes, middle, calibration, about, kept["made"], found, seen)


def calibrated_by(store: Path) -> dict[str, str]:
    """Name the simulator of the patients who calibrate."""
    return {"other_simulator": simulator_of(store, OTHERS, other=True).commit}


def persons(parts: Iterable[Recordings]) -> set[str]:
    """Name the persons of some cohorts: the same seed gives the same ones in every setting."""
    return {name.split("-", 1)[1] for part in parts for name in part["subject"]}


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
    parser.add_argument("--trained", type=Path, help="calibrate the models in this folder anew")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="that trains the network, as cuda")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--other", type=Path, help="store of another simulator, to calibrate")
    parser.add_argument("--out", type=Path, default=Path("pretrained"))
    parser.add_argument("--results", type=Path, default=FOLDER)
    args = parser.parse_args()
    unread = [name for name in OF_TRAINING if getattr(args, name) != parser.get_default(name)]
    if args.trained and unread:
        said = ", ".join(f"--{name.replace('_', '-')}" for name in unread)
        parser.error(f"{said} cannot be used with --trained, which trains nothing: leave it out.")
    if args.trained:
        calibrate_anew(args)
    else:
        train(args)


if __name__ == "__main__":
    main()
