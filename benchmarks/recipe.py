"""What each ingredient of the tuned recipe is worth, alone and left out, by subject.

Run ``python -m benchmarks.recipe``; a stopped run goes on. Every setting sees the same folds of
the same subjects, and as many seconds of signal. Simulated
patients with recordings as short as the published ones, others with recordings of 10 s, and ten
subjects of N2001 if ``SKNEMG_DATA`` names the folder that holds them. A subject's answer is the
mean of the scores of its recordings, a recording's the mean of its segments.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.machinery.reporting import markdown
from benchmarks.machinery.runner import RESULTS, write_json
from sknemg import (
    Downsampler,
    NEMGNetClassifier,
    Recordings,
    Segmenter,
    SignalAugmenter,
    SubjectKFold,
)
from sknemg.datasets import load_emglab
from sknemg.evaluation.methods import SHORT
from sknemg.metrics import format_interval
from sknemg.provenance import provenance
from sknemg.simulate import make_cohort
from sknemg.simulate.patient import Dials, simulate_patient
from sknemg.simulate.plan import plan_cohort
from sknemg.versions import package_code

FOLDER = RESULTS / "recipe"
SFREQ = 10_000
#: Recordings shorter than this, in seconds, are left out of all settings.
LONG = 1.0
#: Segments in a batch, at least: fewer make poor statistics for batch normalisation.
LEAST = 8
#: Cohorts, and what they are.
COHORTS = {
    "simulated": "simulated patients, recordings of 2.5 s on average",
    "simulated-10s": "simulated patients, up to four recordings of 10 s; others for each seed",
    "n2001": "EMGLAB N2001, real, recordings of 11 s",
}
HEADER = ["", "recordings / subjects", "log-loss", "difference", "CPU s a fit", "seeds"]
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


# -- running -----------------------------------------------------------------------------------


def load(name: str, size: Size, seed: int, folder: Path) -> tuple[Recordings, np.ndarray]:
    """Give a cohort at 10 kHz, without recordings that are too short."""
    if name == "simulated":
        X, y = make_cohort(
            size.n_subjects, sfreq=SFREQ, cache=folder / "cohorts", random_state=size.cohort_seed
        )
    elif name == "simulated-10s":
        X, y = joblib.Memory(folder / "cohorts", verbose=0).cache(long_recordings)(
            size.n_subjects, 2 * size.cohort_seed + seed, package_code("recordings", "simulate")
        )
    else:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "1 of 80 recordings")  # N2001A06BB08 is flat
            X, y = load_emglab()
        X = Downsampler(sfreq=SFREQ).fit_transform(X)
    long = np.asarray(X.lengths) >= LONG * SFREQ
    return X[long], np.asarray(y)[long]


def long_recordings(
    n_subjects: int, seed: int, code: str, n_recordings: int = 4, seconds: float = 10.0
) -> tuple[Recordings, np.ndarray]:
    """Simulate patients with as many, and as long recordings each; names are those of the seed.

    The code of the simulator is in the cache's key alone, as in `make_cohort`.
    """
    plan = plan_cohort(n_subjects, confound=False, random_state=seed).assign(seconds=seconds)
    plan = plan.groupby("subject").head(n_recordings)
    usual = {name: one.default for name, one in signature(make_cohort).parameters.items()}
    dials = Dials(**{name: usual[name] for name in Dials._fields} | {"sfreq": SFREQ}).checked()
    made = [simulate_patient(rows, dials, seed) for _, rows in plan.groupby("subject")]
    X = Recordings(
        [recording.trace.signal for patient in made for recording in patient],
        sfreq=SFREQ, subject=[f"{seed}-{number:02d}" for number in plan["subject"]],
    )  # fmt: skip
    return X, plan["diagnosis"].to_numpy(dtype=str)


def train_and_score(
    one: Setting, size: Size, X: Any, y: np.ndarray, train: np.ndarray, test: np.ndarray, seed: int
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Train on some recordings; score the others, a row a recording."""
    if one.before is not None:
        X = X.with_values(one.before(X.values), X.offsets)
    parts = Segmenter(window=one.window, hop=one.hop, short="pad").fit_transform(X[train])
    batch = max(LEAST, round(size.batch_seconds / one.window))
    n_batches = max(2, round(size.n_updates * size.batch_seconds / one.window / batch))
    epochs = -(-n_batches * batch // len(parts.values))
    drawn = max(1, n_batches // epochs) * batch  # whole batches in each epoch
    classifier = NEMGNetClassifier(
        size.version, batch_size=batch, max_epochs=epochs,
        epoch_fraction=min(1.0, drawn / len(parts.values)), validation=None, eval_every=None,
        device="cpu", random_state=seed, **({"width": size.width} | one.params),
    )  # fmt: skip
    start = time.process_time()
    classifier.fit(parts.values, y[train][parts.row_index])
    seconds = time.process_time() - start
    hop = max(one.hop, one.window / 2)  # scores of windows that overlap more hardly differ
    parts = Segmenter(window=one.window, hop=hop, short="pad").fit_transform(X[test])
    scores = pd.DataFrame(classifier.predict_proba(parts.values), columns=classifier.classes_)
    means = scores.groupby(parts.row_index).mean()
    rows = pd.DataFrame({"subject": X["subject"].to_numpy()[test], "y_true": y[test]})
    n_updates = float(classifier.history_["update"].iloc[-1])
    return rows.join(means), {"cpu_seconds": seconds, "updates": n_updates}


def by_subject(recordings: pd.DataFrame) -> pd.DataFrame:
    """Average the recordings of a subject, and count those that were right alone."""
    classes = recordings.columns[2:].tolist()
    right = recordings[classes].idxmax(axis=1) == recordings["y_true"]
    groups = recordings.assign(n_right=right, n_recordings=1).groupby("subject")
    table = groups[classes].mean()
    table.insert(0, "y_true", groups["y_true"].first())
    return table.join(groups[["n_right", "n_recordings"]].sum()).reset_index()


def run(
    size: Size, seeds: int, names: list[str], labels: list[str], cache: Path, out: Path
) -> None:
    """Train everything that is not in the cache; keep the tables after each seed."""
    import torch

    torch.set_num_threads(1)
    folder = cache / "recipe" / (provenance()["commit"] or "unknown")
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(seeds):
        data = {name: load(name, size, seed, cache) for name in names}
        for label in labels:
            for name, (X, y) in data.items():
                n_splits = 3 if name == "n2001" else size.n_splits
                splitter = SubjectKFold(n_splits, shuffle=True, random_state=0)
                for fold, (train, test) in enumerate(splitter.split(X, y)):
                    where = f"{name}-{seed}-{label}-{fold}-{size.version}{size.width}"
                    file = folder / f"{where}-{size.n_updates}.csv".replace(" ", "_")
                    if file.exists():
                        continue
                    one = settings()[label]
                    rows, about = train_and_score(one, size, X, y, train, test, 1000 * seed + fold)
                    keys = {"cohort": name, "seed": seed, "setting": label, "fold": fold}
                    part = file.with_suffix(".part")
                    by_subject(rows).assign(**keys, **about).to_csv(part, index=False)
                    part.replace(file)
                    print(where, f"{about['cpu_seconds']:.1f} s", flush=True)
        keep(size, folder, out)


def keep(size: Size, folder: Path, out: Path) -> None:
    """Write all finished trainings into one table, beside how they came about.

    The name of the folder is the commit that they were trained at.
    """
    ending = f"-{size.version}{size.width}-{size.n_updates}.csv"
    table = pd.concat([pd.read_csv(file) for file in sorted(folder.glob(f"*{ending}"))])
    order = {name: at for at, name in enumerate(settings())}
    table = table.sort_values(
        ["cohort", "seed", "setting", "fold", "subject"],
        key=lambda column: column.map(order) if column.name == "setting" else column,
    )
    first = ["cohort", "seed", "setting", "fold", "subject", "y_true"]
    table = table[[*first, *table.columns.drop(first)]]
    out.mkdir(parents=True, exist_ok=True)
    table.to_csv(out / "subjects.csv", index=False, float_format="%.5g")
    about = {"size": asdict(size), "simulated": True, **provenance(), "commit": folder.name}
    write_json(out / "settings.json", about)


# -- tables ------------------------------------------------------------------------------------


def losses(table: pd.DataFrame) -> pd.DataFrame:
    """Give the log-loss of each subject: rows (cohort, seed, subject), a column a setting."""
    scores = table[sorted(table["y_true"].unique())]
    own = scores.to_numpy()[np.arange(len(table)), scores.columns.get_indexer(table["y_true"])]
    table = table.assign(loss=-np.log(np.clip(own, 1e-3, 1)))
    return table.pivot(index=["cohort", "seed", "subject"], columns="setting", values="loss")


def difference(
    one: pd.Series, other: pd.Series, *, n_comparisons: int = 1
) -> tuple[float, float, float]:
    """Compare losses of the same subjects: mean difference, 95 % t interval over subjects.

    The seeds that both have are averaged first, in each subject. For several comparisons the
    interval is wider, so that all of them together hold with 95 % (Bonferroni). No percentiles of a
    bootstrap: with ten subjects those are too narrow, far out in the tails by a third.
    """
    each = (one - other).dropna().groupby(["cohort", "subject"]).mean().to_numpy()
    half = critical(len(each), n_comparisons) * stats.sem(each)
    return float(each.mean()), float(each.mean() - half), float(each.mean() + half)


def critical(n_subjects: int, n_comparisons: int) -> float:
    """Give the |t| above which one of several differences is beyond chance (Bonferroni)."""
    return float(stats.t.ppf(1 - 0.025 / n_comparisons, n_subjects - 1))


def balanced(table: pd.DataFrame, level: str) -> float:
    """Give the balanced accuracy of recordings or subjects, mean over seeds."""
    classes = sorted(table["y_true"].unique())
    if level == "recording":
        sums = table.groupby(["seed", "y_true"])[["n_right", "n_recordings"]].sum()
        return float((sums["n_right"] / sums["n_recordings"]).mean())
    right = table[classes].idxmax(axis=1) == table["y_true"]
    return float(right.groupby([table["seed"], table["y_true"]]).mean().mean())


def common_seeds(part: pd.DataFrame, names: Collection[str]) -> list[int]:
    """Give the seeds with which every one of some settings ran on all folds of a cohort."""
    own = finished(part)
    seeds = [set(own.loc[own["setting"] == name, "seed"]) for name in names]
    return sorted(set.intersection(*seeds))


def run_everywhere(table: pd.DataFrame) -> list[str]:
    """Give the settings that ran with a seed or more on all folds of all cohorts."""
    whole = pd.concat([finished(part) for _, part in table.groupby("cohort")])
    n_cohorts = whole.groupby("setting")["cohort"].nunique()
    return n_cohorts.index[n_cohorts == table["cohort"].nunique()].tolist()


def chosen_elsewhere(table: pd.DataFrame) -> pd.DataFrame:
    """Choose for each test fold the setting that lost least on the subjects of all other folds.

    Settings are compared on the seeds that all of them have, and the chosen ones are scored on
    those that all chosen ones have: otherwise a setting of one seed would be set against others'
    means, and subjects of one fold would count more often than those of another.

    Returns
    -------
    DataFrame
        The rows of the chosen settings: what choosing is worth on subjects that had no part in it.
        Every subject of a cohort is there with the same seeds, those that the published setting has
        as well; no row where the settings have no seed in common.
    """
    names = run_everywhere(table)
    cohorts = dict(list(table[table["setting"].isin(names)].groupby("cohort", sort=False)))
    seeds = {cohort: common_seeds(part, names) for cohort, part in cohorts.items()}
    if not all(seeds.values()):
        return table[:0]
    shared = [part[part["seed"].isin(seeds[cohort])] for cohort, part in cohorts.items()]
    matrix = losses(pd.concat(shared)).groupby(["cohort", "subject"]).mean()
    folds = table.drop_duplicates(["cohort", "subject"]).set_index(["cohort", "subject"])["fold"]
    parts = []
    for cohort, part in cohorts.items():
        own = matrix.index.get_level_values("cohort") == cohort
        best = {}
        for fold in sorted(part["fold"].unique()):
            elsewhere = matrix[~(own & (folds.loc[matrix.index] == fold).to_numpy())]
            best[fold] = elsewhere.groupby("cohort").mean().mean().idxmin()  # cohorts weigh alike
        scored = common_seeds(part, {PUBLISHED, *best.values()})
        chosen = part["setting"] == part["fold"].map(best)
        parts.append(part[chosen & part["seed"].isin(scored)])
    return pd.concat(parts)


def tables(folder: Path = FOLDER) -> str:
    """Write the ablation as Markdown."""
    lines = ["## The tuned recipe: what each ingredient is worth\n"]
    if not (folder / "subjects.csv").exists():
        return "\n".join([*lines, "Not run.\n"])
    table = pd.read_csv(folder / "subjects.csv")
    about = json.loads((folder / "settings.json").read_text())
    size = Size(**about["size"])
    hours = table.drop_duplicates(["cohort", "seed", "setting", "fold"])["cpu_seconds"].sum() / 3600
    signal = size.n_updates * size.batch_seconds
    lines.append(
        f"*nEMGNet-{size.version} of width {size.width}, {size.n_updates} updates of "
        f"{size.batch_seconds / 0.4:.0f} segments, {signal:.0f} s of signal in every training, no "
        f"early stopping; {size.n_splits} folds by subject, of N2001 three; {hours:.1f} CPU hours "
        f"on {about['device']}, one thread, commit {about['commit'] or 'unknown'}, of which the "
        "simulator is as well.*\n\n"
        "Balanced accuracy in percent, of recordings alone / of subjects by the mean of their "
        "recordings; log-loss of subjects (thirds: 1.10); and its difference, below 0 where the "
        "setting is better, over the seeds that both settings have, with a 95 % t interval over "
        f"subjects. **These intervals are not corrected for the {len(settings())} settings**: "
        "where none differs, one in twenty leaves 0 out. They hold where the subjects' differences "
        "are about normal; one subject with a sure mistake can undo that where there are ten. They "
        "take subjects for independent, though those of a fold share a training, and with few "
        f"seeds they hardly hold the chance in training. `{BASE}` is what `sknemg compare` "
        "trains: its ingredients are left out (-) and "
        "others added to it (+).\n"
    )
    for cohort, part in table.groupby("cohort", sort=False):
        rows = rows_of(part, list(settings()), reference_of)
        lacking = [name for name in settings() if name not in {row[0] for row in rows}]
        n_subjects = part["subject"].nunique()
        lines += [f"**{cohort}**: {COHORTS[cohort]}; {n_subjects} subjects\n"]
        lines += [markdown(HEADER, rows), f"Not run: {', '.join(lacking) or 'nothing'}.\n"]
    parts = [finished(table[table["cohort"] == cohort]) for cohort in CHOSEN_ON]
    lines += [*_against_base(parts), *_by_seed(parts)]
    return "\n".join([*lines, *_choice(pd.concat(parts))])


def finished(part: pd.DataFrame) -> pd.DataFrame:
    """Leave out the seeds of a setting that did not run on all folds of a cohort."""
    folds = part.groupby(["setting", "seed"])["fold"].transform("nunique")
    return part[folds == part["fold"].nunique()]


def rows_of(
    part: pd.DataFrame, names: list[str], reference_of: Callable[[str], str | None]
) -> list[list[str]]:
    """Give the rows of a cohort's table: settings that ran on all of its folds."""
    part = finished(part)
    matrix = losses(part)
    rows = []
    for name in [name for name in names if name in matrix]:
        own = part[part["setting"] == name]
        reference, apart = reference_of(name), ""
        if reference in matrix:
            value, low, high = difference(matrix[name], matrix[reference])
            apart = f"{value:+.2f} [{low:+.2f}, {high:+.2f}] from {reference}"
        fits = own.drop_duplicates(["seed", "fold"])
        rows.append(
            [name, f"{100 * balanced(own, 'recording'):.0f} / "
             f"{100 * balanced(own, 'subject'):.0f}", f"{matrix[name].mean():.2f}", apart,
             f"{fits['cpu_seconds'].mean():.0f}", str(own["seed"].nunique())]
        )  # fmt: skip
    return rows


def earlier(folder: Path = FOLDER / "earlier") -> str:
    """Write the earlier study, of shorter trainings and other settings, as Markdown."""
    table = pd.read_csv(folder / "subjects.csv")
    about = json.loads((folder / "settings.json").read_text())
    lines = [
        "## An earlier study, of 150 updates\n",
        f"*{about['size']['n_updates']} updates of {about['size']['batch_seconds']:g} s of signal, "
        "the simulator before commits bbb919d and c94f7fb, else as above; commit "
        f"{about['commit']}.* So few "
        "updates favour what learns fast, and are unfair to regularisers.\n",
    ]
    for cohort, part in table.groupby("cohort", sort=False):
        names = part["setting"].drop_duplicates().tolist()
        rows = rows_of(part, names, reference_of_earlier)
        lines += [f"**{cohort}**\n", markdown(HEADER, rows)]
    return "\n".join(lines)


def _against_base(parts: list[pd.DataFrame]) -> list[str]:
    """Name the settings that differ from `BASE` even if those of all cohorts are counted."""
    matrices = [own for own in map(losses, parts) if BASE in own]
    n_comparisons = sum(own.shape[1] - 1 for own in matrices)
    said = []
    for matrix in matrices:
        (cohort,) = matrix.index.unique("cohort")
        n_subjects = len(matrix.index.unique("subject"))
        found: dict[str, list[str]] = {"better": [], "worse": []}
        for name in [name for name in settings() if name in matrix.columns.drop(BASE)]:
            _, low, high = difference(matrix[name], matrix[BASE], n_comparisons=n_comparisons)
            if low > 0 or high < 0:
                found["worse" if low > 0 else "better"].append(f"`{name}`")
        names = "; ".join(f"{kind} {', '.join(own) or 'none'}" for kind, own in found.items())
        least = critical(n_subjects, n_comparisons)
        said.append(f"**{cohort}**, {n_subjects} subjects, |t| above {least:.2f}: {names}.")
    if not said:
        return []
    return [
        f"Different in log-loss from `{BASE}` with all {n_comparisons} comparisons of the cohorts "
        f"counted (Bonferroni, t intervals over subjects): {' '.join(said)} What is not named is "
        "not shown to be level: with ten subjects a difference must be large, and alike in all.\n"
    ]


def _by_seed(parts: list[pd.DataFrame]) -> list[str]:
    """Count the subjects that are right with each seed of the weights, for the main settings."""
    said = []
    for part in parts:
        classes = sorted(part["y_true"].unique())
        right = part[classes].idxmax(axis=1) == part["y_true"]
        counts = right.groupby([part["setting"], part["seed"]]).sum()
        names = [name for name in (PUBLISHED, TUNED, BASE) if name in counts]
        each = "; ".join(f"`{name}` {', '.join(map(str, counts[name]))}" for name in names)
        said.append(f"**{part['cohort'].iloc[0]}**, of {part['subject'].nunique()}: {each}.")
    return [f"Subjects right, seed by seed of weights and batches: {' '.join(said)}\n"]


def _choice(table: pd.DataFrame) -> list[str]:
    """Say what each fold's setting would be by the others, and what that is worth."""
    names = run_everywhere(table)
    if table["cohort"].nunique() < len(CHOSEN_ON) or len(names) < 2 or PUBLISHED not in names:
        return ["Chosen by the others: too few settings ran on both cohorts.\n"]
    picked = chosen_elsewhere(table)
    if picked.empty:
        return ["Chosen by the others: the settings have no seed in common.\n"]
    published = losses(table)[PUBLISHED]
    rows = []
    for cohort, part in picked.groupby("cohort", sort=False):
        best = losses(part).mean(axis=1)  # a subject has the one setting of its fold
        value, low, high = difference(best, published)
        chosen = part.drop_duplicates("fold").sort_values("fold")["setting"]
        rows.append(
            [cohort, "; ".join(chosen), f"{100 * balanced(part, 'subject'):.0f}",
             f"{best.mean():.2f}", format_interval(value, low, high, signed=True),
             str(part["seed"].nunique())]
        )  # fmt: skip
    return [
        f"Chosen by the others: for each fold, that of the {len(names)} settings run on both "
        "with the least log-loss on the subjects of all other folds and of the other cohort, on "
        "the seeds that all settings have; scored on those that all chosen ones have.\n",
        markdown(
            ["", "chosen", "subjects", "log-loss", "difference from published", "seeds"], rows
        ),
    ]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", choices=list(SIZES), default="cpu")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cohorts", nargs="+", choices=list(COHORTS), default=list(COHORTS))
    parser.add_argument(
        "--settings", nargs="+", choices=list(settings()), default=list(settings()),
        metavar="NAME", help="of those in the table (default: all)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir()) / "sknemg-benchmarks",
        help="folder of finished trainings, from which a stopped run goes on",
    )  # fmt: skip
    args = parser.parse_args()
    run(SIZES[args.size], args.seeds, args.cohorts, args.settings, args.cache, args.out)
    print(tables(args.out))


if __name__ == "__main__":
    main()
