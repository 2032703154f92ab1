"""What models trained on simulated patients are worth on real ones that trained nothing.

Run ``python -m benchmarks.pretrain.worth``; ``SKNEMG_DATA`` names the folder that holds
``emglab_n2001`` and ``algiers``. The models that come with sknemg answer for every subject as they
are; the network does so as well with its batch normalisation moved half way to that of the cohort,
without diagnoses. Then they are trained further on 1, 2, 4 or 8 subjects a class, drawn several
times, and tested on all other subjects of the cohort, beside models that are trained from scratch
on the same subjects and one that sees no EMG. All recordings pass through the steps of the shipped
models: 10 kHz, 20 Hz to 4.5 kHz, without mains. No setting was fitted to these subjects, but
N2001's ten were in view when the models were made (`benchmarks.pretrain.cards.LOOKED`): its figures
are no independent test. Results are kept by draw, each with the commit that made it and under all
that it depends on beside its subjects (the hash of the weights, windows and updates, motor units),
and a stopped run goes on. ``--keep-unmoved`` takes what no weights change from the kept results
instead of training it again, where only the weights are new. ``--write`` puts them into the cards
of the models and the guide.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.machinery.methods import installed
from benchmarks.machinery.runner import write_json
from benchmarks.pretrain.patients import MEASURES, block, steps, together
from benchmarks.pretrain.real_scores import (
    ADAPTED,
    CLASSES,
    COHORTS,
    FOLDER,
    LOGISTIC,
    MAPS,
    MINIROCKET,
    NO_EMG,
    OWN_AND_SIMULATED,
    SCRATCH,
    SHIPPED,
    SHOTS,
    STARTS,
    UNMOVED,
    VARIED,
    balanced,
    draw_curve,
    report,
    write_down,
)
from benchmarks.pretrain.units import columns_of, votes_of_units
from benchmarks.real import load as load_real
from sknemg import DiVoteClassifier, MuapFeatures, NEMGNetClassifier, Recordings, SegmentFeatures
from sknemg.diagnosis import Diagnostician
from sknemg.evaluation import nuisance_model
from sknemg.evaluation.rivals import ALPHA, SoftmaxRidge
from sknemg.pretrained import describe, few_shot_pipeline, fine_tuning_pipeline, load
from sknemg.pretrained.adaptation import adapted_votes
from sknemg.provenance import provenance
from sknemg.versions import package_code

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
    return adapted_votes(load("volitional-small").estimator_[-1], cohort.windows)


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


def of_everyone(
    file: Path, model: Callable[[], Any], X: Recordings, cohort: Cohort
) -> tuple[pd.DataFrame, str]:
    """Read the answers for every subject, and their commit; if they are not kept, ask for them."""
    if not file.exists():
        found = ask(model(), X, cohort, np.arange(len(cohort.y)))
        found.assign(commit=provenance()["commit"]).to_csv(file, index=False)
    return read_kept(file)


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
    tables = []
    plausible = {}
    known = describe()["sha256"]
    world = provenance()
    commits: dict[str, set[str]] = {}
    marks = {shipped: f"{known[shipped][:12]}-{package_code(*ANSWERS)[:12]}" for shipped in SHIPPED}
    for shipped, said in SHIPPED.items():
        model = load(shipped)
        file = kept / f"{name}-0-{shipped}-{marks[shipped]}.csv"
        shown = cohort.columns if said == "motor units" else cohort.windows
        found, commit = of_everyone(file, lambda m=model: m.estimator_[-1], shown, cohort)
        if not file.with_suffix(".json").exists():
            write_json(file.with_suffix(".json"), refused(model, cohort.raw))
        method = f"{said}, simulated alone"
        commits[method] = {commit}
        tables.append(found.assign(method=method, shots=0, draw=0))
        plausible[shipped] = json.loads(file.with_suffix(".json").read_text()) | {
            "temperature": model.temperature_, "quantile": float(model.quantile_),
        }  # fmt: skip
        print(table_of_answers(f"{name}, {shipped}", found), flush=True)
    whole = [t.set_index(["subject", "y_true"])[CLASSES] for t in tables]
    file = kept / f"{name}-0-adapted-{marks['volitional-small']}.csv"
    found, commit = of_everyone(file, lambda: adapted(cohort), cohort.windows, cohort)
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
