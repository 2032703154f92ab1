"""What models trained on simulated patients are worth on real ones that trained nothing.

Run ``python -m benchmarks.pretrain_worth``; ``SKNEMG_DATA`` names the folder that holds
``emglab_n2001`` and ``algiers``. The models that come with sknemg answer for every subject as they
are; the network does so as well with its batch normalisation moved half way to that of the cohort,
without diagnoses. Then they are trained further on 1, 2, 4 or 8 subjects a class,
drawn several times, and tested on all other subjects of the cohort, beside models that are trained
from scratch on the same subjects and one that sees no EMG. All recordings pass through the steps of
the shipped models: 10 kHz, 20 Hz to 4.5 kHz, without mains. No setting was fitted to these
subjects, but N2001's ten were in view when the models were made
(`benchmarks.pretrain.cards.LOOKED`):
its figures are no independent test. Results are kept by draw, each with the commit that made it
and under all that it depends on beside its subjects (the hash of the weights, windows and updates,
motor units), and a stopped run goes on. ``--keep-unmoved`` takes what no weights change from the
kept results instead of training it again, where only the weights are new. ``--write`` puts them
into the cards of the models and the guide.
"""

from __future__ import annotations

import argparse
import json
import re
import time
import warnings
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.machinery.methods import installed
from benchmarks.machinery.reporting import markdown, write_between
from benchmarks.machinery.runner import RESULTS, write_json
from benchmarks.pretrain.cards import UNMEASURED
from benchmarks.pretrain.units import columns_of, votes_of_units
from benchmarks.pretrain_patients import MEASURES, block, steps, together
from benchmarks.real import load as load_real
from sknemg import DiVoteClassifier, MuapFeatures, NEMGNetClassifier, Recordings, SegmentFeatures
from sknemg.classifiers.adaptation import adapted_network
from sknemg.diagnosis import Diagnostician, prediction_sets, scale_temperature
from sknemg.evaluation import nuisance_model
from sknemg.evaluation.rivals import ALPHA, SoftmaxRidge
from sknemg.metrics import format_interval
from sknemg.persistence.card import reliability
from sknemg.pretrained import describe, few_shot_pipeline, fine_tuning_pipeline, load
from sknemg.provenance import provenance
from sknemg.versions import package_code
from sknemg.weights import folder_of

FOLDER = RESULTS / "pretrain"
TITLES = {"n2001": "EMGLAB N2001", "algiers": "Algiers"}
COHORTS = tuple(TITLES)
SHOTS = {"n2001": (1, 2), "algiers": (1, 2, 4, 8)}
CLASSES = ["myopathy", "neuropathy", "normal"]
SHIPPED = {"volitional-muap": "motor units", "volitional-small": "nEMGNet"}
#: The shipped network, its batch normalisation moved half way to that of the whole cohort.
ADAPTED = "nEMGNet, adapted without diagnoses"
NO_EMG = "no EMG"
OWN_AND_SIMULATED = "motor units, simulated and own"
MAPS = "nEMGNet's maps and features"
#: Methods that begin from simulated patients, and what they are before; others start from scratch.
STARTS = {
    "nEMGNet, fine-tuned": "nEMGNet, simulated alone",
    "nEMGNet, head fine-tuned": "nEMGNet, simulated alone",
    MAPS: "nEMGNet, simulated alone",
    OWN_AND_SIMULATED: "motor units, simulated alone",
}
MINIROCKET = "MiniRocket + ridge"
VARIED = "nEMGNet, from scratch, as fine-tuned"
LOGISTIC = "features + logistic"
SCRATCH = (
    "nEMGNet, from scratch", VARIED, "motor units, from scratch", "features + LDA",
    LOGISTIC, "features + forest", MINIROCKET,
)  # fmt: skip
#: What neither starts from a shipped model nor has its columns or its recipe: new weights change
#: nothing there, as long as their windows are the same.
UNMOVED = (
    NO_EMG,
    *(
        name for name in SCRATCH
        if not name.startswith("motor units") and name not in (VARIED, LOGISTIC)
    ),
)  # fmt: skip
#: The page with the table, and what stands around it there.
GUIDE = Path(__file__).parents[1] / "docs" / "guide" / "pretrained.md"
BEGINS, ENDS = "<!-- written by benchmarks/pretrain_worth.py -->", "<!-- to here -->"
CURVE = """```{image} ../../benchmarks/results/pretrain/learning_curve.png
:alt: Balanced accuracy by the number of training subjects of each class, for each method
:width: 100%
```
"""
#: How the network learns from scratch that is kept from before: without schedule and augmentation.
PLAIN: dict[str, Any] = {
    "init": None, "lr": 1e-3, "schedule": None, "augment": None, "freeze": 0,
}  # fmt: skip
#: Under what the rows of the method that sees no EMG, and no windows, are kept.
ANY_WINDOWS = "any"
N_UPDATES = 150  # of every training of a network on few subjects
#: Windows (s) and updates of all kept results whose settings do not say them.
UNSAID = {"window": 0.4, "hop": 0.2, "updates": 150}
#: What of sknemg answers as the shipped models are.
ANSWERS = ("classifiers", "diagnosis", "divote", "features", "nn", *MEASURES)


class Cohort:
    """Recordings of a cohort as every method sees them."""

    def __init__(self, raw: Recordings, waves: Recordings, units: Recordings, y: np.ndarray):
        self.raw, self.waves, self.units, self.y = raw, waves, units, np.asarray(y).astype(str)
        self.subjects = raw["subject"].to_numpy()
        segmenter = load("volitional-small").estimator_[-2]
        self.windows = segmenter.transform(waves)
        self.settings = {
            "window": segmenter.window, "hop": segmenter.hop, "updates": N_UPDATES,
        }  # fmt: skip
        columns = load("volitional-muap").estimator_[-2].features
        self.columns = columns_of(units, columns)
        self._features: Recordings | None = None
        self._kernels: Recordings | None = None
        self._maps: Recordings | None = None

    @property
    def maps(self) -> Recordings:
        """What the shipped network sees in the windows, and their features."""
        if self._maps is None:
            self._maps = few_shot_pipeline()[-2].fit_transform(self.windows)
        return self._maps

    @property
    def kernels(self) -> Recordings:
        """MiniRocket's features of the windows.

        Once for all draws, since the kernels are given. Their thresholds come from windows of the
        whole cohort, without diagnoses, which is more than the other methods see.
        """
        if self._kernels is None:
            from sknemg.evaluation.rivals import minirocket

            items = self.windows.items
            transform = minirocket()[0].set_params(random_state=0)
            some = np.random.default_rng(0).permutation(len(items))[:500]
            transform.fit(np.asarray(items[np.sort(some)], dtype=np.float32)[:, None])
            parts = [
                np.asarray(
                    transform.transform(np.asarray(items[a : a + 256], dtype=np.float32)[:, None])
                )
                for a in range(0, len(items), 256)
            ]
            values = np.concatenate(parts).astype(np.float32)
            self._kernels = self.windows.with_values(values, self.windows.offsets)
        return self._kernels

    @property
    def features(self) -> Recordings:
        """Features of the windows."""
        if self._features is None:
            self._features = SegmentFeatures().fit_transform(self.windows)
        return self._features

    @property
    def diagnoses(self) -> pd.Series:
        """The diagnosis of each subject."""
        return pd.Series(self.y, index=self.subjects).groupby(level=0, sort=False).first()


def real(name: str, cache: Path) -> Cohort:
    """Load a real cohort; what is measured of it is kept outside of the repository."""
    raw, y = load_real(name)
    waves = steps().fit_transform(raw)
    file = cache / f"{name}-units-{package_code(*MEASURES)[:12]}.npz"
    if not file.exists():
        units = MuapFeatures().fit_transform(waves)
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(file, values=units.values, offsets=units.offsets)
    with np.load(file) as kept:
        units = waves.with_values(kept["values"], kept["offsets"], sfreq=20_000, item="motor unit")
    return Cohort(raw, waves, units, y)


def draws(cohort: Cohort, shots: int, n_draws: int) -> list[list[Any]]:
    """Draw the training subjects of every repetition, as many of each class."""
    out = []
    for draw in range(n_draws):
        rng = np.random.default_rng([shots, draw])
        own: list[Any] = []
        for diagnosis in CLASSES:
            names = cohort.diagnoses.index[cohort.diagnoses == diagnosis].to_numpy()
            own += rng.choice(names, shots, replace=False).tolist()
        out.append(own)
    return out


# -- methods -----------------------------------------------------------------------------------


def network(cohort: Cohort, rows: np.ndarray, seed: int, updates: int, **params: Any) -> Any:
    """Give the network with the updates that all of them have, whatever it starts from."""
    pipe = fine_tuning_pipeline(random_state=seed, **params)
    own: NEMGNetClassifier = pipe[-1].estimator
    n_windows = int(cohort.windows.lengths[rows].sum())
    per_epoch = -(-n_windows // own.batch_size)
    epochs = -(-updates // per_epoch)
    share = updates / per_epoch / epochs
    own.set_params(max_updates=None, max_epochs=epochs, epoch_fraction=share)
    return pipe[-1]


def fit(name: str, cohort: Cohort, rows: np.ndarray, seed: int, simulated: Any) -> tuple[Any, Any]:
    """Train a method on some rows; return it and what it is shown of the cohort."""
    y = cohort.y[rows]
    if name == NO_EMG:
        return nuisance_model().fit(cohort.raw[rows], y), cohort.raw
    if name == MAPS:
        return few_shot_pipeline()[-1].fit(cohort.maps[rows], y), cohort.maps
    if name.startswith("nEMGNet"):
        options: dict[str, Any] = {
            "nEMGNet, from scratch": PLAIN,
            VARIED: {"init": None, "freeze": 0},
            "nEMGNet, fine-tuned": {},
            "nEMGNet, head fine-tuned": {"freeze": 12},
        }[name]
        model = network(cohort, rows, seed, N_UPDATES, **options)
        return model.fit(cohort.windows[rows], y), cohort.windows
    if name == "motor units, from scratch":
        return votes_of_units().fit(cohort.columns[rows], y), cohort.columns
    if name == OWN_AND_SIMULATED:
        return _both(cohort, rows, simulated), cohort.columns
    if name == MINIROCKET:
        ridge = make_pipeline(StandardScaler(), SoftmaxRidge(alpha=ALPHA))
        return DiVoteClassifier(ridge, final_estimator=None).fit(cohort.kernels[rows], y), (
            cohort.kernels
        )
    forest = RandomForestClassifier(
        300, min_samples_leaf=5, class_weight="balanced", random_state=seed
    )
    inner = {
        "features + LDA": make_pipeline(StandardScaler(), LinearDiscriminantAnalysis()),
        LOGISTIC: few_shot_pipeline()[-1].estimator,  # of the maps as well
        "features + forest": forest,
    }[name]
    model = DiVoteClassifier(inner, final_estimator=None)
    return model.fit(cohort.features[rows], y), cohort.features


def _both(cohort: Cohort, rows: np.ndarray, simulated: Any) -> DiVoteClassifier:
    """Train on simulated units and on those of the cohort, which weigh as much in all."""
    own = cohort.columns[rows]
    units = np.concatenate([simulated.values, own.values])
    labels = np.concatenate([simulated.labels, cohort.y[rows][own.row_index]])
    n_own = len(own.values)
    weight = np.r_[np.ones(len(simulated.values)),
                   np.full(n_own, len(simulated.values) / max(n_own, 1))]  # fmt: skip
    model = votes_of_units()
    model.fit(own, cohort.y[rows])  # for the rule of the votes; its classifier is replaced
    inner = clone(model.estimator)
    scaled = inner[0].fit_transform(units, sample_weight=weight)
    inner[1].fit(scaled, labels, sample_weight=weight)
    model.estimator_ = inner
    return model


class Simulated:
    """Units of simulated patients in the columns of the shipped model."""

    def __init__(self, store: Path, kind: str, blocks: int):
        whole = together([block(store, kind, k, louder=True) for k in range(blocks)])
        columns = load("volitional-muap").estimator_[-2].features
        units = columns_of(whole.units, columns)
        self.values, self.labels = units.values, whole.y[units.row_index]


def adapted(cohort: Cohort) -> DiVoteClassifier:
    """Adapt the shipped network to all windows of a cohort, whose diagnoses are not read."""
    votes = copy(load("volitional-small").estimator_[-1])
    votes.estimator_ = adapted_network(votes.estimator_, cohort.windows.items)
    return votes


# -- running -----------------------------------------------------------------------------------


def ask(model: Any, X: Recordings, cohort: Cohort, rows: np.ndarray) -> pd.DataFrame:
    """Score every subject of some rows."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Subjects? without a single")  # an unknown, a third each
        proba = np.asarray(model.predict_proba(X[rows]), dtype=float)
    table = pd.DataFrame(proba, columns=model.classes_).reindex(columns=CLASSES, fill_value=0.0)
    table.insert(0, "subject", cohort.subjects[rows])
    table.insert(1, "y_true", cohort.y[rows])
    return table.groupby(["subject", "y_true"], sort=False).mean().reset_index()


def anonymous(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Put tables together, subjects by number."""
    table = pd.concat(tables, ignore_index=True)
    table["subject"] = pd.factorize(table["subject"], sort=True)[0]
    return table


def key_of(method: str, cohort: Cohort, simulated: Simulated | None) -> str:
    """Name all that a method depends on beside subjects and draw: its rows are kept under it.

    These are windows and updates, the hash of the weights where it starts from a shipped model or
    has its columns, and motor units, those of simulated patients among them, where they train.
    """
    if method == NO_EMG:
        return ANY_WINDOWS
    key = "{window:g}-{hop:g}-{updates}".format(**cohort.settings)
    if method in UNMOVED:
        return key
    units = method.startswith("motor units")
    weights = describe()["sha256"]["volitional-muap" if units else "volitional-small"]
    if not units:
        few = few_shot_pipeline()
        own = {MAPS: few[-2:], LOGISTIC: few[-1].estimator}.get(method, fine_tuning_pipeline()[-1])
        key = f"{key}-{joblib.hash(str(own.get_params()))[:12]}"  # how it is trained
    if method in (VARIED, LOGISTIC):
        return key
    key = f"{key}-{weights[:12]}"
    if not units:
        return key
    trained_on = [(cohort.columns.values, cohort.columns.offsets)]
    if method == OWN_AND_SIMULATED and simulated is not None:
        trained_on.append((simulated.values, simulated.labels))
    return f"{key}-{joblib.hash(trained_on)[:12]}"


def take_unmoved(
    kept: Path, cache: Path, subjects: Sequence[Any], own: dict[str, float], key: str
) -> None:
    """Put what no weights change of a cohort's kept results into the cache, by draw.

    `subjects` names all subjects of the cohort, whom kept results number in the order of their
    names. `own` are the windows and updates of this run; if those of the kept results are others,
    only the method that sees no EMG is taken. `key` is what the cache has the rows of the others
    under. What is in the cache already stays.
    """
    rows = pd.read_csv(kept / "subjects.csv")
    settings = json.loads((kept / "settings.json").read_text())
    differ = [
        f"{name} {value:g} and not {own[name]:g}"
        for name, value in ((name, settings.get(name, UNSAID[name])) for name in UNSAID)
        if value != own[name]
    ]
    if differ:
        print(f"{kept} is of {', '.join(differ)} as in this run: only {NO_EMG!r} is taken of it.")
    names = np.array(sorted(map(str, subjects)))
    if rows["subject"].nunique() != len(names):
        raise ValueError(
            f"{kept} has {rows['subject'].nunique()} subjects and the cohort {len(names)}: its "
            "rows are of other recordings, so leave --keep-unmoved out."
        )
    cache.mkdir(parents=True, exist_ok=True)
    rows = rows[(rows["shots"] > 0) & rows["method"].isin([NO_EMG] if differ else UNMOVED)]
    for (method, shots, draw), part in rows.groupby(["method", "shots", "draw"]):
        own_key = ANY_WINDOWS if method == NO_EMG else key
        file = cache / f"{kept.name}-{shots}-{draw}-{method}-{own_key}.csv"
        if not file.exists():
            part = part.assign(subject=names[part["subject"]], commit=settings["commits"][method])
            part.drop(columns=["method", "shots", "draw"]).to_csv(file, index=False)


def read_kept(file: Path) -> tuple[pd.DataFrame, str]:
    """Read answers that were kept, and which commit made them."""
    found = pd.read_csv(file, dtype={"subject": str, "commit": str})
    return found, found.pop("commit").fillna("unknown").iloc[0]


def untrainable(simulated: Simulated | None) -> set[str]:
    """Name the methods that cannot be trained here."""
    return {
        *([] if installed("aeon") else [MINIROCKET]),
        *([OWN_AND_SIMULATED] if simulated is None else []),
    }


def run(name: str, args: argparse.Namespace) -> None:
    """Try a cohort."""
    cohort = real(name, args.cache)
    kept = args.cache / args.label
    kept.mkdir(parents=True, exist_ok=True)
    if args.keep_unmoved:
        key = key_of("features + LDA", cohort, None)
        take_unmoved(args.out / name, kept, cohort.diagnoses.index, cohort.settings, key)
    everyone = np.arange(len(cohort.y))
    tables = []
    plausible = {}
    known = describe()["sha256"]
    world = provenance()
    commits: dict[str, set[str]] = {}
    for shipped, said in SHIPPED.items():
        model = load(shipped)
        key = f"{known[shipped][:12]}-{package_code(*ANSWERS)[:12]}"
        file = kept / f"{name}-0-{shipped}-{key}.csv"
        if not file.exists():
            shown = cohort.columns if said == "motor units" else cohort.windows
            found = ask(model.estimator_[-1], shown, cohort, everyone)
            found.assign(commit=world["commit"]).to_csv(file, index=False)
        if not file.with_suffix(".json").exists():
            write_json(file.with_suffix(".json"), refused(model, cohort.raw))
        found, commit = read_kept(file)
        method = f"{said}, simulated alone"
        commits[method] = {commit}
        tables.append(found.assign(method=method, shots=0, draw=0))
        plausible[shipped] = json.loads(file.with_suffix(".json").read_text()) | {
            "temperature": model.temperature_, "quantile": float(model.quantile_),
        }  # fmt: skip
        print(table_of_answers(f"{name}, {shipped}", found), flush=True)
    whole = [t.set_index(["subject", "y_true"])[CLASSES] for t in tables]
    mark = f"{known['volitional-small'][:12]}-{package_code(*ANSWERS)[:12]}"
    file = kept / f"{name}-0-adapted-{mark}.csv"
    if not file.exists():
        found = ask(adapted(cohort), cohort.windows, cohort, everyone)
        found.assign(commit=world["commit"]).to_csv(file, index=False)
    found, commit = read_kept(file)
    commits[ADAPTED] = {commit}
    tables.append(found.assign(method=ADAPTED, shots=0, draw=0))
    print(table_of_answers(f"{name}, {ADAPTED}", found), flush=True)
    both = (sum(whole) / len(whole)).reset_index()
    tables.append(both.assign(method="both, simulated alone", shots=0, draw=0))
    simulated = Simulated(args.store, args.kind, args.blocks) if args.store else None
    lacking = untrainable(simulated)
    keys = {method: key_of(method, cohort, simulated) for method in args.methods}
    for shots in SHOTS[name]:
        for draw, own in enumerate(draws(cohort, shots, args.draws)):
            train = np.flatnonzero(np.isin(cohort.subjects, own))
            test = np.flatnonzero(~np.isin(cohort.subjects, own))
            for method in args.methods:
                file = kept / f"{name}-{shots}-{draw}-{method}-{keys[method]}.csv"
                if not file.exists() and method in lacking:
                    continue
                if not file.exists():
                    start = time.process_time()
                    try:
                        model, shown = fit(method, cohort, train, draw, simulated)
                        found = ask(model, shown, cohort, test)
                    except ValueError as error:  # as of motor units where none is found
                        print(f"{name}, {shots} a class, draw {draw}, {method}: {error}")
                        found = _unknown(cohort, test)
                    seconds = time.process_time() - start
                    found = found.assign(cpu_seconds=seconds, commit=world["commit"])
                    found.to_csv(file, index=False)
                    print(name, shots, draw, method, f"{seconds:.1f} s", flush=True)
                found, commit = read_kept(file)
                commits.setdefault(method, set()).add(commit)
                tables.append(found.assign(method=method, shots=shots, draw=draw))
    for table in tables:
        table["subject"] = table["subject"].astype(str)
    out = args.out / name
    out.mkdir(parents=True, exist_ok=True)
    anonymous(tables).to_csv(out / "subjects.csv", index=False, float_format="%.4f")
    settings = {
        "cohort": name, "simulated": False, "draws": args.draws, **cohort.settings,
        "models": describe()[["sha256"]].to_dict("index"), "plausibility": plausible,
        "simulated_blocks_beside_own": args.blocks if args.store else 0,
        "commits": {method: " and ".join(sorted(own)) for method, own in commits.items()},
    } | world  # fmt: skip
    write_json(out / "settings.json", settings)


def table_of_answers(title: str, found: pd.DataFrame) -> str:
    """Count answers by diagnosis, as plain text."""
    called = np.array(CLASSES)[found[CLASSES].to_numpy().argmax(axis=1)]
    counts = pd.crosstab(found["y_true"], called)
    return f"{title}, balanced accuracy {balanced(found):.2f}\n{counts.to_string()}"


def refused(model: Diagnostician, raw: Recordings) -> dict[str, int]:
    """Count the recordings and subjects for which a model would not answer, by its own rules."""
    own = model.plausibility_.examine(raw).reset_index(drop=True)
    own["used"] = own["unusable"] == ""
    each = [
        bool(model._refusal(table.reset_index(drop=True)))
        for _, table in own.groupby(raw["subject"].to_numpy(), sort=False)
    ]
    return {
        "recordings_refused": int((~own["used"]).sum()), "recordings": len(own),
        "subjects_refused": sum(each), "subjects": len(each),
    }  # fmt: skip


def _unknown(cohort: Cohort, rows: np.ndarray) -> pd.DataFrame:
    table = pd.DataFrame({"subject": cohort.subjects[rows], "y_true": cohort.y[rows]})
    return table.drop_duplicates().assign(**dict.fromkeys(CLASSES, 1 / 3)).reset_index(drop=True)


# -- tables ------------------------------------------------------------------------------------


def balanced(rows: pd.DataFrame) -> float:
    """Balanced accuracy of subjects, each counted by the share of draws in which it was right."""
    return float(_right(rows).groupby(level=1).mean().mean())


def _right(rows: pd.DataFrame) -> pd.Series:
    best = np.array(CLASSES)[rows[CLASSES].to_numpy().argmax(axis=1)]
    right = pd.Series(best == rows["y_true"].to_numpy(), index=rows.index)
    return right.groupby([rows["subject"], rows["y_true"]]).mean()


def bootstrap(parts: list[pd.DataFrame], n: int = 2000, seed: int = 0) -> np.ndarray:
    """Balanced accuracies of methods in cohorts drawn anew, by subject within each class."""
    shares = pd.concat([_right(part) for part in parts], axis=1).dropna()
    codes = shares.index.get_level_values(1)
    rng = np.random.default_rng(seed)
    means = np.zeros((n, len(parts)))
    for diagnosis in codes.unique():
        own = shares[codes == diagnosis].to_numpy()
        drawn = rng.integers(len(own), size=(n, len(own)))
        means += own[drawn].mean(axis=1) / codes.nunique()
    return means


def _with_interval(values: np.ndarray, value: float, signed: bool = False) -> str:
    low, high = np.percentile(values, [2.5, 97.5])
    return format_interval(value, low, high, digits=0, percent=True, signed=signed)


class Sets(NamedTuple):
    """Sets of diagnoses of a shipped model: how many hold the true one, of how many; mean size."""

    right: int
    subjects: int
    size: float

    def __str__(self) -> str:
        share = f"{self.right / self.subjects:.0%}".replace("%", " %")
        return f"{self.right} of {self.subjects} ({share}, {self.size:.1f} diagnoses a set)"


def sets_of(own: pd.DataFrame, calibrated: dict[str, float]) -> Sets:
    """Make sets of votes, by the temperature and the quantile of the model that they are of."""
    proba = np.maximum(own[CLASSES].to_numpy(), 1e-6)
    proba = scale_temperature(proba, calibrated["temperature"])
    sets = prediction_sets(proba, calibrated["quantile"])
    codes = own["y_true"].map(CLASSES.index).to_numpy()
    right = int(sets[np.arange(len(sets)), codes].sum())
    return Sets(right, len(sets), float(sets.sum(axis=1).mean()))


def calibrations(folder: Path, name: str) -> dict[str, dict[str, float]]:
    """Give temperature and quantile of the shipped models, by the method of their rows."""
    file = folder / name / "settings.json"
    kept = json.loads(file.read_text())["plausibility"] if file.exists() else {}
    return {
        f"{said}, simulated alone": kept[name] for name, said in SHIPPED.items() if name in kept
    }


def table_of(folder: Path, name: str) -> str:
    """Lay out the results of a cohort as Markdown; columns that would be empty are left out."""
    rows = pd.read_csv(folder / name / "subjects.csv")
    known_sets = calibrations(folder, name)
    lines = []
    for (shots, method), own in rows.groupby(["shots", "method"], sort=False):
        at = rows[rows["shots"] == shots]
        codes = own["y_true"].map(CLASSES.index).to_numpy()
        known = reliability(np.maximum(own[CLASSES].to_numpy(), 1e-6), codes)
        blind = at[at["method"] == NO_EMG]
        gain = ""
        if len(blind) and method != NO_EMG:
            both = bootstrap([own, blind])
            gain = _with_interval(both[:, 0] - both[:, 1], balanced(own) - balanced(blind), True)
        lines.append([
            str(shots), method, _with_interval(bootstrap([own])[:, 0], balanced(own)),
            f"{known['log_loss']:.2f}", f"{known['calibration_error']:.2f}",
            str(sets_of(own, known_sets[method])) if method in known_sets else "", gain,
        ])  # fmt: skip
    header = ["subjects a class", "method", "balanced accuracy", "log-loss", "calibration error",
              "90 % sets that hold the diagnosis", "gain over no EMG"]  # fmt: skip
    filled = [at for at in range(len(header)) if any(line[at] for line in lines)]
    said = "Votes, before the temperature; the sets, after it."
    return f"{said}\n\n" + markdown(
        [header[at] for at in filled], [[line[at] for at in filled] for line in lines]
    )


def gains(folder: Path, name: str) -> pd.DataFrame:
    """Compare the best that begins from simulated patients with the best from scratch."""
    rows = pd.read_csv(folder / name / "subjects.csv")
    out = []
    for shots, at in rows[rows["shots"] > 0].groupby("shots"):
        parts = dict(list(at.groupby("method")))
        ours = [m for m in STARTS if m in parts]
        theirs = [m for m in SCRATCH if m in parts]
        rival = max(theirs, key=lambda m: balanced(parts[m]))
        for method in ours:
            both = bootstrap([parts[method], parts[rival]])
            difference = balanced(parts[method]) - balanced(parts[rival])
            low, high = np.percentile(both[:, 0] - both[:, 1], [2.5, 97.5])
            out.append({"shots": shots, "method": method, "best_from_scratch": rival,
                        "gain": difference, "low": low, "high": high})  # fmt: skip
    return pd.DataFrame(out)


def trained_further(folder: Path, name: str) -> bool:
    """Tell whether models were trained on subjects of a cohort."""
    file = folder / name / "subjects.csv"
    return file.exists() and bool(pd.read_csv(file, usecols=["shots"])["shots"].any())


def draw_curve(folder: Path, names: Sequence[str]) -> bool:
    """Draw the learning curves of cohorts on which models were trained, if there are any."""
    names = [name for name in names if trained_further(folder, name)]
    if not names:
        return False
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    size = 2.6 + 5.2 * len(names), 4.4
    fig, axes = plt.subplots(1, len(names), figsize=size, layout="constrained", squeeze=False)
    for ax, name in zip(axes[0], names, strict=True):
        rows = pd.read_csv(folder / name / "subjects.csv")
        places = [0, *SHOTS[name]]
        colors = _colors(rows["method"].unique())
        for method, own in rows[rows["shots"] > 0].groupby("method", sort=False):
            shots = sorted(own["shots"].unique())
            at = [places.index(k) for k in shots]
            parts = [own[own["shots"] == k] for k in shots]
            values = [100 * balanced(part) for part in parts]
            ends = np.array([np.percentile(bootstrap([p])[:, 0], [2.5, 97.5]) for p in parts])
            ours = method in STARTS
            style = {"ls": "-" if ours else ":" if method == NO_EMG else "--",
                     "lw": 2.2 if ours else 1.4, "color": colors[method]}  # fmt: skip
            ax.plot(at, values, marker="o", ms=4, label=method, **style)
            if ours:
                ax.fill_between(at, *(100 * ends.T), color=colors[method], alpha=0.12, lw=0)
        for method, own in rows[rows["shots"] == 0].groupby("method", sort=False):
            ax.plot(0, 100 * balanced(own), "D", color=colors[method], ms=7, label=method,
                    clip_on=False)  # fmt: skip
        ax.axhline(100 / 3, color="gray", lw=0.8)
        ax.set_xticks(range(len(places)), [str(k) for k in places])
        n = rows["subject"].nunique()
        ax.set_title(f"{TITLES[name]}, {n} subjects")
        ax.set_xlabel("training subjects of each class")
        ax.set_ylabel("balanced accuracy of the others, %")
        ax.set_ylim(0, 103)
    handles = {
        label: h for ax in axes[0] for h, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    fig.legend(handles.values(), handles.keys(), fontsize=8, loc="outside right upper")
    fig.savefig(folder / "learning_curve.png", dpi=110)
    plt.close(fig)
    return True


def _colors(methods: Sequence[str]) -> dict[str, str]:
    """Give every method a color; what was trained further has that of what it started from."""
    colors = {method: f"C{at % 10}" for at, method in enumerate(m for m in methods if m != NO_EMG)}
    colors[NO_EMG] = "black"
    for further, start in reversed(STARTS.items()):  # of two the first gives its own
        if further in colors:
            colors[start] = colors[further]
    return colors


def report(folder: Path, names: Sequence[str]) -> str:
    """Write tables and gains of the cohorts that were run; what was not run says so."""
    lines = []
    for name in names:
        lines.append(f"### {TITLES[name]}\n")
        if not (folder / name / "subjects.csv").exists():
            lines.append("Not run.\n")
            continue
        settings = json.loads((folder / name / "settings.json").read_text())
        lines += [table_of(folder, name), ""]
        found = gains(folder, name)
        if len(found):
            found.to_csv(folder / name / "gains.csv", index=False, float_format="%.4f")
        for row in found.itertuples():
            said = format_interval(row.gain, row.low, row.high, digits=0, percent=True, signed=True)
            lines.append(
                f"- {row.shots} a class: {row.method}: {said} points over {row.best_from_scratch}"
            )
        if len(found):
            lines.append("")
        unlike = "; ".join(
            f"{model}: {_refused_of(own)}" for model, own in settings["plausibility"].items()
        )
        hashes = ", ".join(own["sha256"][:12] for own in settings["models"].values())
        trained = trained_further(folder, name)
        made = f"{settings['draws']} draws, {settings['updates']} updates; " if trained else ""
        lines.append(
            f"The models would refuse (hum, amplitude, or unlike the simulated) {unlike}; these "
            f"are counted above all the same. *{made}{settings['device']}, {made_by(settings)}; "
            f"models {hashes}.*\n"
        )
    if any(trained_further(folder, name) for name in names):
        lines.append(CURVE)
    return "\n".join(lines)


def made_by(settings: dict[str, Any]) -> str:
    """Say which commit made the rows, and which rows are of another one."""
    last = settings["commit"] or "unknown"
    older: dict[str, list[str]] = {}
    for method, commit in settings.get("commits", {}).items():
        if commit != last:
            older.setdefault(commit, []).append(method)
    rows = (f"; {' / '.join(methods)} by {commit}" for commit, methods in older.items())
    return f"commit {last}{''.join(rows)}"


def _refused_of(own: dict[str, Any]) -> str:
    return (
        f"{own['recordings_refused']} of {own['recordings']} recordings, "
        f"{own['subjects_refused']} of {own['subjects']} subjects"
    )


def on_card(folder: Path, method: str) -> str:
    """Say in a few lines what a model scored on real recordings."""
    lines = [
        "Balanced accuracy of subjects in percent [95 % interval], nothing real in training; "
        "log-loss and calibration error of the votes, and of what is printed of them, after the "
        "temperature. N2001's ten were in view when the models were made (above): its figures are "
        "no independent test.",
        "",
    ]
    for name, title in TITLES.items():
        file = folder / name / "subjects.csv"
        if not file.exists():
            lines.append(f"- {title}: not run.")
            continue
        rows = pd.read_csv(file)
        own = rows[rows["method"] == f"{method}, simulated alone"]
        kept = calibrations(folder, name)[f"{method}, simulated alone"]
        codes = own["y_true"].map(CLASSES.index).to_numpy()
        proba = np.maximum(own[CLASSES].to_numpy(), 1e-6)
        known = reliability(proba, codes)
        printed = reliability(scale_temperature(proba, kept["temperature"]), codes)
        right = int((proba.argmax(axis=1) == codes).sum())
        counts = pd.crosstab(own["y_true"], np.array(CLASSES)[proba.argmax(axis=1)])
        said = "; ".join(
            f"{true}: " + ", ".join(f"{n} {answer}" for answer, n in line.items() if n)
            for true, line in counts.iterrows()
        )
        value = _with_interval(bootstrap([own])[:, 0], balanced(own))
        lines.append(
            f"- {title}: {value}, {right} of {len(own)} subjects (log-loss "
            f"{known['log_loss']:.2f}, printed {printed['log_loss']:.2f}; calibration error "
            f"{known['calibration_error']:.2f}, printed {printed['calibration_error']:.2f}). "
            f"Answers by diagnosis: {said}. Would refuse (hum, amplitude, or unlike the "
            f"simulated) {_refused_of(kept)}; these are counted all the same."
        )
        lines[-1] += f" Of its 90 % sets of diagnoses, {sets_of(own, kept)} held the true one."
    return "\n".join(lines)


def promised(folder: Path, method: str) -> str:
    """Say which share of real subjects has its diagnosis in the sets, without a full stop."""
    shares = []
    for name, title in TITLES.items():
        if (folder / name / "subjects.csv").exists():
            rows = pd.read_csv(folder / name / "subjects.csv")
            own = rows[rows["method"] == f"{method}, simulated alone"]
            found = sets_of(own, calibrations(folder, name)[f"{method}, simulated alone"])
            shares.append(f"{100 * found.right / found.subjects:.0f} % on {title}")
    return f"of real ones, {' and '.join(shares)}" if shares else UNMEASURED


def caution(folder: Path) -> str:
    """Say what everyone is told who lets one of the models answer for a patient."""
    right, scores, trained = [], [], set()
    for name, method in SHIPPED.items():
        trained.add(json.loads((folder / f"{name}.json").read_text())["n_train"])
        own = {
            cohort: rows[rows["method"] == f"{method}, simulated alone"]
            for cohort in COHORTS
            for rows in [pd.read_csv(folder / cohort / "subjects.csv")]
        }
        right.append(int(_right(own["n2001"]).sum()))
        subjects = len(own["n2001"])
        scores.append(f"{100 * balanced(own['algiers']):.0f} %")
    patients = " and ".join(f"{n:,}" for n in sorted(trained))
    found = " and ".join(f"{name} calls {n}" for name, n in zip(SHIPPED, right, strict=True))
    return (
        "Models that come with sknemg were trained on "
        f"{patients} simulated patients and cannot be relied on with real ones. Of the {subjects} "
        f"subjects of N2001, who were in view when these were made, {found} rightly, and "
        f"their balanced accuracy on Algiers is {' and '.join(scores)}, where chance is 33 %."
    )


def write_down(folder: Path) -> None:
    """Put the scores into the cards of the models, which their hashes leave out, and the guide."""
    said = caution(folder)
    (folder_of("volitional-muap").parent / "caution.txt").write_text(said + "\n", encoding="utf-8")
    warned = re.compile(r"(not a medical device\.\*\* ).*?( Trained on simulated patients alone)")
    for name, method in SHIPPED.items():
        file = folder_of(name) / "README.md"
        text = warned.sub(lambda found: f"{found[1]}{said}{found[2]}", file.read_text())
        before, rest = text.split("## Scores on real recordings\n", 1)
        after = rest[rest.index("\n## ") :]
        scores = f"## Scores on real recordings\n\n{on_card(folder, method)}\n"
        promise = re.compile(r"(\*\*simulated alike\*\*[^;]*; )[^.]*\. ")
        text = promise.sub(rf"\g<1>{promised(folder, method)}. ", before + scores + after)
        file.write_text(text)
    write_between(GUIDE, BEGINS, ENDS, f"{said}\n\n{report(folder, COHORTS)}")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cohorts", nargs="+", choices=COHORTS, default=list(COHORTS))
    methods = [NO_EMG, *STARTS, *SCRATCH]
    parser.add_argument("--methods", nargs="*", choices=methods, default=methods)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--store", type=Path, help="of simulated patients")
    parser.add_argument("--kind", default="wide", help="of the simulated patients beside own")
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--cache", type=Path, required=True, help="never inside the repository")
    parser.add_argument("--label", default="run", help="of the shipped models, in the cache")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--keep-unmoved", action="store_true", help="rows that no weights change")
    parser.add_argument("--only-report", action="store_true")
    parser.add_argument("--write", action="store_true", help="into the cards and the guide")
    args = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    if not args.only_report:
        for name in args.cohorts:
            run(name, args)
    draw_curve(args.out, COHORTS)
    print(report(args.out, COHORTS))
    if args.write:
        write_down(args.out)


if __name__ == "__main__":
    main()
