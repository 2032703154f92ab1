"""How a model that comes with sknemg is best trained further on a few subjects of one's own.

Run ``python -m benchmarks.pretrain.few_shot --store OTHER --cache FOLDER``. All subjects are
simulated by an older simulator than the one whose patients trained the network
(`benchmarks.pretrain.others` fills the store, by ``--blocks`` of `BLOCKS`). Each of four cohorts of
60 stands for a laboratory. It is tried as it is and, since real recordings are further from
simulated ones than those of two simulators from each other, with its recordings disturbed as no
patient of training was: white noise, a third of the amplitude, three quarters of the length with
slow noise, a low-pass filter.

Some subjects of each class are drawn, several times, everything is trained on the same ones, and
the rest of the cohort tests. What begins from the shipped network and what begins from scratch are
given the same recipes. Nothing real is read. Scores of recordings are kept by draw in the cache,
under all that they depend on, and a stopped run goes on; what is kept in the repository are the
scores of every draw, their means with intervals, and the paired differences between the recipes of
the network. `network` counts updates by epochs that leave out some windows, drawn anew;
`sknemg.pretrained.fine_tuning_pipeline` goes through all of them until it has as many.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from scipy.signal import butter, resample_poly, sosfiltfilt
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.machinery.reporting import markdown, write_between
from benchmarks.machinery.runner import RESULTS, write_json
from benchmarks.pretrain.pages import FEW, marks
from benchmarks.pretrain.patients import SFREQ, joined, patients, simulator_of
from benchmarks.pretrain.real_scores import CLASSES
from benchmarks.pretrain.worth import ANSWERS
from sknemg import DiVoteClassifier, Recordings, SegmentFeatures, SignalAugmenter, load_model
from sknemg.diagnosis import Diagnostician
from sknemg.persistence._folder import fingerprint_of
from sknemg.pretrained import load
from sknemg.provenance import checkout_commit, provenance
from sknemg.recordings.windows import offsets_of
from sknemg.versions import package_code
from sknemg.weights import folder_of

FOLDER = RESULTS / "few_shot"
BEGINS, ENDS = marks("few_shot.py")
#: The cohorts, as blocks of the store.
BLOCKS: dict[str, tuple[tuple[str, int], ...]] = {
    "one machine, strong contractions": (("clinic", 0),),
    "one machine, weak contractions": (("default", 1), ("default", 2)),
    "many machines, strong contractions": (("strong", 5),),
    "many machines, weak contractions": (("whole", 5), ("whole", 6)),
}
MOST = 3  # recordings of a subject
SHOTS = (1, 2, 4, 8)
N_UPDATES = 150
#: Scores of a recording below count as this where methods vote together.
FLOOR = 0.01


class Disturbance(NamedTuple):
    """What makes the recordings of a cohort unlike all that trained the network.

    Parameters
    ----------
    gain : float
        By which amplitudes are multiplied.
    twentieths : int
        Of its length that a recording keeps: it runs faster.
    white : float
        Standard deviation of white noise, mV.
    slow : float
        Noise between 20 and 60 Hz, as a share of the standard deviation of a recording.
    low_pass : float or None
        Hz.
    """

    gain: float = 1.0
    twentieths: int = 20
    white: float = 0.0
    slow: float = 0.0
    low_pass: float | None = None

    def __call__(self, waves: Recordings) -> Recordings:
        """Disturb all recordings; noise is drawn by a seed."""
        rng = np.random.default_rng(0)
        rows = []
        for row in waves:
            row = self.gain * np.asarray(row, dtype=float)
            if self.twentieths != 20:
                row = resample_poly(row, self.twentieths, 20)
            if self.white:
                row = row + self.white * rng.normal(size=len(row))
            if self.slow:
                band = butter(2, (20, 60), "bandpass", fs=SFREQ, output="sos")
                noise = sosfiltfilt(band, rng.normal(size=len(row)))
                row = row + self.slow * row.std() / noise.std() * noise
            if self.low_pass is not None:
                row = sosfiltfilt(butter(2, self.low_pass, "low", fs=SFREQ, output="sos"), row)
            rows.append(row.astype(np.float32))
        return waves.with_values(np.concatenate(rows), offsets_of([len(row) for row in rows]))


DISTURBED = {
    "one machine, strong contractions": Disturbance(white=0.015),
    "one machine, weak contractions": Disturbance(gain=0.3, white=0.004),
    "many machines, strong contractions": Disturbance(twentieths=15, slow=0.5),
    "many machines, weak contractions": Disturbance(low_pass=800.0),
}
FAR, NEAR = "disturbed", "as they are"
#: Disturbed, and each diagnosis by the name of another: the network's own answers mislead, and only
#: what it sees can be of use.
RENAMED = "disturbed, diagnoses renamed"
KINDS = (FAR, RENAMED, NEAR)


class Cohort:
    """The subjects of a laboratory, as a network of some windows sees them."""

    def __init__(self, store: Path, name: str, kind: str, start: Any):
        parts = [patients(store, *own, other=True) for own in BLOCKS[name]]
        waves = joined([waves for _, waves, _ in parts])
        kept = np.flatnonzero(waves.meta.groupby("subject").cumcount() < MOST)
        waves = waves[kept]
        self.y = np.concatenate([y for *_, y in parts]).astype(str)[kept]
        self._diagnoses = self.y
        if kind == RENAMED:
            self.y = np.array(CLASSES)[[(CLASSES.index(label) + 1) % 3 for label in self.y]]
        self.waves = waves if kind == NEAR else DISTURBED[name](waves)
        self.subjects = self.waves["subject"].to_numpy().astype(str)
        self.start = start
        self.windows = start[-2].transform(self.waves)

    @cached_property
    def features(self) -> Recordings:
        """Measures of the windows."""
        return SegmentFeatures().fit_transform(self.windows)

    @cached_property
    def maps(self) -> Recordings:
        """Mean and standard deviation over time of the last map of the shipped network."""
        network, parts = self.start[-1].estimator_, []
        for at in range(0, len(self.windows.items), 512):
            items = np.asarray(self.windows.items[at : at + 512], dtype=np.float32)
            (last,) = network.layer_outputs(items, ["blocks.block12"]).values()
            parts.append(np.concatenate([last.mean(axis=2), last.std(axis=2)], axis=1))
        return self.windows.with_values(np.concatenate(parts), self.windows.offsets)

    @cached_property
    def both(self) -> Recordings:
        """Features and maps."""
        values = np.concatenate([self.features.values, self.maps.values], axis=1)
        return self.windows.with_values(values, self.windows.offsets)

    def drawn(self, shots: int, draw: int) -> np.ndarray:
        """Draw so many subjects of each class; give which recordings are theirs."""
        rng = np.random.default_rng([shots, draw])
        diagnoses = pd.Series(self._diagnoses, index=self.subjects).groupby(level=0).first()
        own = [
            rng.choice(diagnoses.index[diagnoses == diagnosis].to_numpy(), shots, replace=False)
            for diagnosis in CLASSES
        ]
        return np.isin(self.subjects, np.concatenate(own))


# -- methods -----------------------------------------------------------------------------------

VARIED = SignalAugmenter(
    input_sfreq=SFREQ, gain=1.5, noise=0.005, mains=0, shift=0.1, warp=0, polarity=0.5
)
#: Old layers learn at `lr`, and so does the output layer, which is kept.
CYCLE: dict[str, Any] = {
    "lr": 3e-4, "init_lr": 1.0, "optimizer": "adamw", "weight_decay": 0.01,
    "schedule": "one-cycle", "augment": VARIED,
}  # fmt: skip
#: The recipe before: without schedule and augmentation.
PLAIN: dict[str, Any] = {
    "lr": 3e-4, "init_lr": 1.0, "optimizer": "adamw", "weight_decay": 0.01, "schedule": None,
    "augment": None,
}  # fmt: skip
BEFORE = "network, as before"
#: The recipe of `sknemg.pretrained.fine_tuning_pipeline`.
NEW = "network, cycle, 1e-3, 4 blocks frozen"
#: Of the network: what differs of `NEMGNetClassifier`, ``updates`` and ``seed`` beside.
NETWORKS: dict[str, dict[str, Any]] = {
    BEFORE: PLAIN,
    "network, cycle, 1e-4": CYCLE | {"lr": 1e-4},
    "network, cycle, 3e-4": CYCLE,
    "network, cycle, 1e-3": CYCLE | {"lr": 1e-3},
    "network, cycle, 3e-3": CYCLE | {"lr": 3e-3},
    "network, cycle, 1e-3, not varied": CYCLE | {"lr": 1e-3, "augment": None},
    "network, cycle, 1e-3, mixup 0.3": CYCLE | {"lr": 1e-3, "mixup": 0.3},
    "network, cycle, 1e-3, 50 updates": CYCLE | {"lr": 1e-3, "updates": 50},
    "network, cycle, 1e-3, 400 updates": CYCLE | {"lr": 1e-3, "updates": 400},
    NEW: CYCLE | {"lr": 1e-3, "freeze": 4},
    "network from scratch, as before": PLAIN | {"lr": 1e-3, "init": None},
    "network from scratch, cycle": CYCLE | {"lr": 3e-3, "init": None},
    "network from scratch, cycle, not varied": CYCLE
    | {"lr": 3e-3, "init": None, "augment": None},
}  # fmt: skip


def forest(seed: int) -> Any:
    """Give the forest of `benchmarks.pretrain.worth`."""
    return RandomForestClassifier(
        300, min_samples_leaf=5, class_weight="balanced", random_state=seed
    )


def discriminant(seed: int) -> Any:
    return make_pipeline(StandardScaler(), LinearDiscriminantAnalysis())


def shrunken(seed: int) -> Any:
    """Give a discriminant whose covariance is shrunken, all classes being as frequent."""
    inner = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=[1 / 3] * 3)
    return make_pipeline(StandardScaler(), inner)


def logistic(C: float) -> Callable[[int], Any]:
    inner = LogisticRegression(C=C, class_weight="balanced", max_iter=500)
    return lambda seed: make_pipeline(StandardScaler(), inner)


#: Of columns: which ones of a cohort, and a function of the seed that gives the classifier.
COLUMNS: dict[str, tuple[str, Callable[[int], Any]]] = {
    "maps + logistic, C 0.01": ("maps", logistic(0.01)),
    "maps + logistic, C 0.001": ("maps", logistic(0.001)),
    "maps + forest": ("maps", forest),
    "features and maps + logistic, C 0.001": ("both", logistic(0.001)),
    "features and maps + forest": ("both", forest),
    "features + logistic, C 0.001": ("features", logistic(0.001)),
    "features + forest": ("features", forest),
    "features + LDA": ("features", discriminant),
    "features + shrunken LDA": ("features", shrunken),
}
METHODS = (*NETWORKS, *COLUMNS)
#: Methods whose scores of a recording vote together, by a geometric mean.
TOGETHER: dict[str, tuple[str, ...]] = {
    f"{NEW} & features + forest": (NEW, "features + forest"),
    f"{NEW} & features and maps + forest": (NEW, "features and maps + forest"),
    f"{NEW} & features and maps + logistic": (NEW, "features and maps + logistic, C 0.001"),
    "network from scratch, cycle & features + forest": (
        "network from scratch, cycle", "features + forest",
    ),
}  # fmt: skip


def network(cohort: Cohort, rows: np.ndarray, seed: int, params: dict[str, Any]) -> Any:
    """Give the network, not fitted, with so many updates whatever there is to train on."""
    params = dict(params)
    updates, more = params.pop("updates", N_UPDATES), params.pop("seed", 0)
    votes = clone(cohort.start[-1])
    settings = {"init": cohort.start[-1].estimator_, "random_state": seed + more, "fast": True}
    votes.estimator.set_params(**settings | params)
    n_windows = int(np.diff(cohort.windows.offsets)[rows].sum())
    n_rows = updates * votes.estimator.batch_size
    epochs = -(-n_rows // n_windows)
    return votes.set_params(
        estimator__max_epochs=epochs, estimator__epoch_fraction=n_rows / n_windows / epochs
    )


def fit(name: str, cohort: Cohort, rows: np.ndarray, seed: int) -> tuple[Any, Recordings]:
    """Train a method on some recordings; give it and what it is shown of the cohort."""
    if name in NETWORKS:
        shown, model = cohort.windows, network(cohort, rows, seed, NETWORKS[name])
    else:
        seen, make = COLUMNS[name]
        shown, model = getattr(cohort, seen), DiVoteClassifier(make(seed), final_estimator=None)
    return model.fit(shown[rows], cohort.y[rows]), shown


# -- running -----------------------------------------------------------------------------------


class Start(NamedTuple):
    """A network to begin from: what it is called, its hash, and the model that holds it."""

    name: str
    sha256: str
    model: Diagnostician


def start_of(weights: str) -> Start:
    """Load a model that comes with sknemg by its name, or one of a folder."""
    if Path(weights).is_dir():
        return Start(Path(weights).name, fingerprint_of(Path(weights)), load_model(weights))
    return Start(weights, fingerprint_of(folder_of(weights)), load(weights))


def key_of(kind: str, cohort: str, method: str, simulator: str, code: str) -> str:
    """Hash all that scores depend on beside the weights and the draw: they are kept under it.

    `simulator` is the hash of the code that made the patients, `code` that of the present one,
    which prepares, trains and asks.
    """
    if method in NETWORKS:
        own = {"updates": N_UPDATES} | NETWORKS[method]
        varied = own.pop("augment")
        own |= {"augment": varied.get_params() if varied is not None else None}
        how = str(sorted(own.items()))
    else:
        seen, make = COLUMNS[method]
        how = f"{seen}, {make(0).get_params()}"
    disturbed = None if kind == NEAR else DISTURBED[cohort]._asdict()
    # as text: a hash of objects depends on the module that their class is in, which may be __main__
    said = str((how, disturbed, BLOCKS[cohort], MOST, CLASSES, simulator, code))
    return str(joblib.hash(said))[:12]


def blocks_of_kinds() -> dict[str, list[int]]:
    """Give the numbers of all blocks, by their kind."""
    blocks: dict[str, list[int]] = {}
    for kind, number in (own for parts in BLOCKS.values() for own in parts):
        blocks.setdefault(kind, []).append(number)
    return blocks


def answers_of(args: argparse.Namespace, start: Start) -> pd.DataFrame:
    """Ask every method about every draw, unless the cache has it; scores of recordings."""
    simulator = simulator_of(args.store, blocks_of_kinds(), other=True).code
    code = package_code("augmentation.py", *ANSWERS)
    cohorts: dict[tuple[str, str], Cohort] = {}
    args.cache.mkdir(parents=True, exist_ok=True)
    tables = []
    jobs = [
        (kind, name, shots, draw, method) for draw in range(args.draws) for shots in args.shots
        for kind in args.kinds for name in BLOCKS for method in args.methods
    ]  # fmt: skip
    for kind, name, shots, draw, method in jobs:
        said = f"{kind}-{name}-{shots}-{draw}-{method}"
        key = key_of(kind, name, method, simulator, code)
        file = args.cache / f"{start.sha256[:12]}-{said}-{key}.csv"
        if not file.exists():
            if args.only_report:
                continue
            if (kind, name) not in cohorts:
                cohorts[kind, name] = Cohort(args.store, name, kind, start.model.estimator_)
            own = cohorts[kind, name]
            begun = time.process_time()
            train = own.drawn(shots, draw)
            model, shown = fit(method, own, np.flatnonzero(train), draw)
            scores = model.levels(shown[np.flatnonzero(~train)]).recordings[CLASSES]
            known = {"subject": own.subjects[~train], "y_true": own.y[~train]}
            seconds = {"cpu_seconds": time.process_time() - begun}
            table = pd.DataFrame(known).join(scores.reset_index(drop=True)).assign(**seconds)
            table.to_csv(file, index=False, float_format="%.4f")
            print(f"{said}: {seconds['cpu_seconds']:.1f} s", flush=True)
        kept = pd.read_csv(file)
        tables.append(kept.assign(kind=kind, cohort=name, shots=shots, draw=draw, method=method))
    return pd.concat(tables, ignore_index=True)


# -- scores ------------------------------------------------------------------------------------

EPISODE = ["kind", "cohort", "shots", "draw"]


def voting_together(answers: pd.DataFrame) -> pd.DataFrame:
    """Give the scores of methods that vote together, of draws that all of them have."""
    parts = dict(list(answers.groupby("method", sort=False)))
    tables = []
    for said, members in TOGETHER.items():
        if not all(member in parts for member in members):
            continue
        rows = [*EPISODE, "subject", "y_true"]
        tables_of = []
        for member in members:
            own = parts[member]
            number = own.groupby([*EPISODE, "subject"]).cumcount()
            tables_of.append(own.assign(number=number).set_index([*rows, "number"])[CLASSES])
        logs = [np.log(table.clip(lower=FLOOR)) for table in tables_of]
        pooled = np.exp(sum(logs[1:], logs[0]) / len(logs)).dropna()
        pooled = pooled.div(pooled.sum(axis=1), axis=0)
        tables.append(pooled.reset_index().drop(columns="number").assign(method=said))
    return pd.concat(tables, ignore_index=True) if tables else answers[:0]


def of_subjects(answers: pd.DataFrame) -> pd.DataFrame:
    """Average the scores of every subject's recordings: whether it is right, and its loss."""
    keys = ["method", *EPISODE, "subject", "y_true"]
    means = answers.groupby(keys, sort=False)[CLASSES].mean().reset_index()
    scores = means[CLASSES].to_numpy()
    codes = means["y_true"].map(CLASSES.index).to_numpy()
    own = scores[np.arange(len(scores)), codes] / scores.sum(axis=1)
    return means[keys].assign(
        right=scores.argmax(axis=1) == codes, loss=-np.log(np.clip(own, 1e-6, 1.0))
    )


def by_draw(subjects: pd.DataFrame) -> pd.DataFrame:
    """Score every draw: balanced accuracy, and log-loss with classes alike."""
    each = subjects.groupby(["method", *EPISODE, "y_true"], sort=False)[["right", "loss"]].mean()
    found = each.groupby(level=list(range(5)), sort=False).mean().reset_index()
    return found.rename(columns={"right": "balanced_accuracy", "loss": "log_loss"})


def finished(subjects: pd.DataFrame) -> pd.DataFrame:
    """Leave out the draws in which a method was not run on all cohorts of a kind."""
    ran = subjects.groupby(["kind", "shots", "draw", "method"])["cohort"].transform("nunique")
    return subjects[ran == subjects.groupby(["kind", "shots"])["cohort"].transform("nunique")]


def intervals(subjects: pd.DataFrame, n: int = 1000) -> pd.DataFrame:
    """Average over cohorts and draws, with 95 % intervals over draws and subjects.

    Both are drawn anew within each cohort, draws whole and subjects within their class, which gives
    every method the same ones.
    """
    rows = []
    for (kind, shots), part in finished(subjects).groupby(["kind", "shots"], sort=False):
        methods, rng = part["method"].unique(), np.random.default_rng(0)
        values = np.mean([_means(own, methods) for _, own in part.groupby("cohort")], axis=0)
        drawn = [_means(own, methods, rng, n) for _, own in part.groupby("cohort")]
        low, high = np.nanpercentile(np.mean(drawn, axis=0), [2.5, 97.5], axis=0)
        for at, method in enumerate(methods):
            row = {"kind": kind, "shots": shots, "method": method,
                   "draws": part.loc[part["method"] == method, "draw"].nunique()}  # fmt: skip
            for score, name in enumerate(("balanced_accuracy", "log_loss")):
                ends = low[at, score], high[at, score]
                row |= {name: values[0, at, score], f"{name}_low": ends[0], f"{name}_high": ends[1]}
            rows.append(row)
    return pd.DataFrame(rows)


def differences(
    subjects: pd.DataFrame, reference: str = NEW, shots: int = 4, n: int = 1000
) -> pd.DataFrame:
    """Compare recipes of the network with one of them, on the same draws and subjects.

    Of each other recipe what it scores more, on every kind of disturbed cohort and over both, with
    95 % intervals over draws and subjects. Recipes that were run on one kind only are left out; a
    pair has the draws that both have of both kinds.

    Returns
    -------
    DataFrame
        A row a recipe and kind; none if `reference` was not run on both kinds.
    """
    part = finished(subjects[(subjects["shots"] == shots) & subjects["method"].isin(NETWORKS)])
    part = part[part["kind"].isin((FAR, RENAMED))]
    ran = part.groupby(["method", "draw"])["kind"].nunique() == 2
    draws = {method: {d for m, d in ran[ran].index if m == method} for method in NETWORKS}
    rows = []
    for method in NETWORKS:
        common = draws[method] & draws[reference]
        if method == reference or not common:
            continue
        own = part[part["method"].isin((method, reference)) & part["draw"].isin(common)]
        own = own.assign(method=own["kind"] + own["method"])
        sides = [kind + said for said in (method, reference) for kind in (FAR, RENAMED)]
        rng = np.random.default_rng(0)
        cohorts = [cohort for _, cohort in own.groupby("cohort")]
        value = _gains(np.mean([_means(cohort, sides) for cohort in cohorts], axis=0))[0]
        drawn = _gains(np.mean([_means(cohort, sides, rng, n) for cohort in cohorts], axis=0))
        low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
        for at, kind in enumerate((FAR, RENAMED, "both")):
            row = {"method": method, "minus": reference, "shots": shots, "kind": kind,
                   "draws": len(common)}  # fmt: skip
            for score, name in enumerate(("balanced_accuracy", "log_loss")):
                row |= {
                    name: value[at, score], f"{name}_low": low[at, score],
                    f"{name}_high": high[at, score],
                }  # fmt: skip
            rows.append(row)
    return pd.DataFrame(rows)


def _gains(means: np.ndarray) -> np.ndarray:
    """Subtract the second method from the first, each on two kinds; (n, both kinds and mean, 2)."""
    gains = means[:, :2] - means[:, 2:]
    return np.concatenate([gains, gains.mean(axis=1, keepdims=True)], axis=1)


def _means(
    own: pd.DataFrame, methods: Sequence[str], rng: np.random.Generator | None = None, n: int = 1
) -> np.ndarray:
    """Score methods on a cohort, or on draws and subjects drawn anew; (n, method, score).

    A subject counts in the draws that it does not train.
    """
    own = own.assign(right=own["right"].astype(float))
    draws = np.sort(own["draw"].unique())
    classes = own.drop_duplicates("subject").set_index("subject")["y_true"]
    whole = pd.MultiIndex.from_product([methods, draws, classes.index])
    table = own.set_index(["method", "draw", "subject"])[["right", "loss"]].reindex(whole)
    cube = table.to_numpy().reshape(len(methods), len(draws), len(classes), 2)
    places = [np.flatnonzero(classes == diagnosis) for diagnosis in classes.unique()]
    out = np.empty((n, len(methods), 2))
    for at in range(n):
        each = np.arange(len(draws)) if rng is None else rng.integers(len(draws), size=len(draws))
        means = []
        for place in places:
            chosen = place if rng is None else rng.choice(place, len(place))
            own_cube = cube[:, each][:, :, chosen]
            known = (~np.isnan(own_cube)).sum(axis=(1, 2))
            sums = np.nansum(own_cube, axis=(1, 2))
            means.append(np.divide(sums, known, out=np.full(known.shape, np.nan), where=known > 0))
        out[at] = np.mean(means, axis=0)
    return out


# -- page --------------------------------------------------------------------------------------


def of_both(found: pd.DataFrame) -> str:
    """Lay out means over both kinds of disturbed cohorts, the least log-loss of 4 a class first."""
    own = found[found["kind"].isin((FAR, RENAMED))]
    each = own.groupby(["method", "shots"])
    means = each[["balanced_accuracy", "log_loss"]].mean().assign(draws=each["draws"].min())
    means = means[each["kind"].nunique() == 2]
    if means.empty:
        return "Nothing was run on both of them."
    shots = sorted(means.index.unique("shots"))
    first = 4 if 4 in shots else shots[0]
    table = means.unstack("shots")
    lines = []
    for method in table.sort_values(("log_loss", first)).index:
        cells = [
            f"{100 * row.balanced_accuracy:.0f}; {row.log_loss:.2f}{_fewer(int(row.draws), own)}"
            if (row := means.loc[method].reindex(shots).loc[k]).notna().all() else ""
            for k in shots
        ]  # fmt: skip
        lines.append([str(method), *cells])
    return markdown(["method", *(f"{k} per class" for k in shots)], lines)


def table_of_differences(found: pd.DataFrame) -> str:
    """Lay out what recipes of the network lose more than the chosen one, as Markdown."""
    lines = []
    for method, rows in found.groupby("method", sort=False):
        own = {row.kind: row for row in rows.itertuples()}
        cells = [
            f"{row.log_loss:+.3f} [{row.log_loss_low:+.3f}, {row.log_loss_high:+.3f}]"
            for row in (own[kind] for kind in (FAR, RENAMED, "both"))
        ]
        lines.append([str(method), str(rows["draws"].iloc[0]), *cells])
    return markdown(["method", "draws", FAR, RENAMED, "both"], lines)


def _fewer(draws: int, every: pd.DataFrame) -> str:
    """Say of a cell of how many draws it is, if others of the table are of more."""
    return f" ({draws} draw{'s' if draws > 1 else ''})" if draws < every["draws"].max() else ""


def report(folder: Path) -> str:
    """Write the tables of kept results; those of each kind of cohort stay in ``scores.csv``."""
    settings = json.loads((folder / "settings.json").read_text())
    found = pd.read_csv(folder / "scores.csv")
    lines = ["Mean over both disturbed kinds:", "", of_both(found), ""]
    paired = folder / "differences.csv"
    if paired.exists():
        own = pd.read_csv(paired)
        lines += [
            f"Log-loss with {own['shots'].iloc[0]} per class, less that of "
            f"{own['minus'].iloc[0]} on the same draws and subjects:",
            "", table_of_differences(own), "",
        ]  # fmt: skip
    lines.append(
        "Balanced accuracy in percent; log-loss (uniform guessing: 1.10). "
        f"*{settings['draws']} draws at most, {settings['updates']} updates where nothing is said; "
        f"{settings['device']}, commit {settings['commit']}; patients of commit "
        f"{settings['simulator']}; {settings['start']}, {settings['sha256'][:12]}.*"
    )
    return "\n".join(lines)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store", type=Path, required=True, help="of the older simulator")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--weights", default="volitional-small", help="a name, or a folder")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS, metavar="METHOD")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--shots", nargs="+", type=int, default=SHOTS)
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--only-report", action="store_true", help="of what the cache holds")
    parser.add_argument("--write", action="store_true", help="into the guide")
    args = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    start = start_of(args.weights)
    answers = answers_of(args, start)
    subjects = of_subjects(pd.concat([answers, voting_together(answers)], ignore_index=True))
    args.out.mkdir(parents=True, exist_ok=True)
    by_draw(subjects).to_csv(args.out / "draws.csv", index=False, float_format="%.4f")
    intervals(subjects).to_csv(args.out / "scores.csv", index=False, float_format="%.4f")
    paired = differences(subjects)
    if len(paired):
        paired.to_csv(args.out / "differences.csv", index=False, float_format="%.4f")
    blocks = blocks_of_kinds()
    settings = {
        "simulated": True, "start": start.name, "sha256": start.sha256, "draws": args.draws,
        "updates": N_UPDATES, "seeds": "of a draw: its number", "recordings_of_a_subject": MOST,
        "blocks": blocks, "simulator": simulator_of(args.store, blocks, other=True).commit,
        "disturbed": {name: own._asdict() for name, own in DISTURBED.items()},
    } | provenance() | {"commit": checkout_commit("benchmarks/pretrain/few_shot.py")}  # fmt: skip
    write_json(args.out / "settings.json", settings)
    print(report(args.out))
    if args.write:
        write_between(FEW, BEGINS, ENDS, report(args.out))


if __name__ == "__main__":
    main()
