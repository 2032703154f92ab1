"""What each ingredient of the tuned recipe is worth, alone and left out, by subject.

Run ``python -m benchmarks.recipe``; a stopped run goes on. Every setting sees the same folds of
the same subjects, the same number of updates and the same seconds of signal in each. Simulated
patients, and ten subjects of N2001 if ``SKNEMG_DATA`` names the folder that holds them. A subject's
answer is the mean of the scores of its recordings, a recording's the mean of its segments.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.machinery.reporting import markdown
from benchmarks.machinery.runner import RESULTS, write_json
from sknemg import Downsampler, NEMGNetClassifier, Segmenter, SignalAugmenter, SubjectKFold
from sknemg.datasets import load_emglab
from sknemg.metrics import format_interval
from sknemg.provenance import provenance
from sknemg.simulate import make_cohort

FOLDER = RESULTS / "recipe"
SFREQ = 10_000
#: Recordings shorter than the longest window are left out of all settings.
LONG = 1.0


@dataclass(frozen=True)
class Size:
    """How much is computed.

    Parameters
    ----------
    version, width : str, int
        Of nEMGNet.
    n_updates : int
        Of each training.
    batch_seconds : float
        Signal in an update: 16 segments of 0.4 s, half as many as published.
    n_subjects, cohort_seed : int
        Of the simulated patients. The demo and the papers' tables show others (seed 0).
    n_splits : int
        Of the simulated patients. The ten subjects of N2001 are split in three, so that each class
        has two to train on.
    """

    version: str = "A"
    width: int = 8
    n_updates: int = 150
    batch_seconds: float = 6.4
    n_subjects: int = 30
    cohort_seed: int = 100
    n_splits: int = 2


#: "longer" has as many updates as the demo; its results lie in a folder of their own.
SIZES = {
    "cpu": Size(),
    "longer": Size(n_updates=500),
    "smoke": Size(width=2, n_updates=6, n_subjects=9),
}


@dataclass(frozen=True)
class Setting:
    """Windows (s), and what differs from the published recipe."""

    window: float = 0.4
    hop: float = 0.1
    params: dict[str, Any] = field(default_factory=dict)


#: An ingredient and what it changes; ``window`` and ``hop`` are those of `Setting`.
INGREDIENTS: dict[str, dict[str, Any]] = {
    "companding (0.05 mV)": {"companding": 0.05},
    "one-cycle, AdamW 3e-3": {
        "optimizer": "adamw", "lr": 3e-3, "weight_decay": 0.01, "schedule": "one-cycle",
    },
    "windows of 1 s, pooled head": {"window": 1.0, "hop": 0.1, "head": "pooled"},
    "gain, sign, noise": {
        "augment": SignalAugmenter(
            gain=1.25, noise=0.005, polarity=0.5, mains=0, shift=0, warp=0
        )
    },
    "mixup 0.2": {"mixup": 0.2},
    "label smoothing 0.1": {"label_smoothing": 0.1},
    "dropout 0.2": {"dropout": 0.2},
    "average of weights 0.98": {"weight_averaging": 0.98},
}  # fmt: skip

PUBLISHED, TUNED, ALL = "published", "tuned", "all ingredients"
#: The ingredients that the recipe "tuned" has: a test holds the two together.
KEPT = ("companding (0.05 mV)",)


def setting(*changes: dict[str, Any]) -> Setting:
    """Put changes together."""
    merged: dict[str, Any] = {}
    for change in changes:
        merged |= change
    shape = {name: merged.pop(name) for name in ("window", "hop") if name in merged}
    return Setting(**shape, params=merged)


def settings() -> dict[str, Setting]:
    """Give every setting that is trained, by name, the more telling ones first.

    Each ingredient is added to the published recipe alone, and to the tuned one if that lacks it;
    each is left out of all of them. (A single ingredient of the tuned recipe is that recipe.)
    """
    kept = {name: INGREDIENTS[name] for name in KEPT}
    others = {name: change for name, change in INGREDIENTS.items() if name not in KEPT}
    found = {PUBLISHED: setting(), TUNED: setting(*kept.values())}
    if len(kept) > 1:
        found |= {f"published + {name}": setting(change) for name, change in kept.items()}
    found |= {f"tuned + {n}": setting(*kept.values(), change) for n, change in others.items()}
    found[ALL] = setting(*INGREDIENTS.values())
    found |= {f"published + {name}": setting(change) for name, change in others.items()}
    for name in INGREDIENTS:
        rest = [change for key, change in INGREDIENTS.items() if key != name]
        found[f"all - {name}"] = setting(*rest)
    return found


# -- running -----------------------------------------------------------------------------------


def cohorts(size: Size, cache: Path, names: list[str]) -> Iterator[tuple[str, Any, Any]]:
    """Give the cohorts at 10 kHz, without recordings that are too short for all settings."""
    for name in names:
        if name == "simulated":
            X, y = make_cohort(
                size.n_subjects, sfreq=SFREQ, cache=cache / "cohorts",
                random_state=size.cohort_seed,
            )  # fmt: skip
        else:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Flat for")  # N2001A06BB08, of which it is said
                X, y = load_emglab()
            X = Downsampler(sfreq=SFREQ).fit_transform(X)
        long = np.asarray(X.lengths) >= LONG * SFREQ
        yield name, X[long], np.asarray(y)[long]


def train_and_score(
    one: Setting, size: Size, X: Any, y: np.ndarray, train: np.ndarray, test: np.ndarray, seed: int
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Train on some recordings; score the others, a row a recording."""
    segmenter = Segmenter(window=one.window, hop=one.hop)
    parts = segmenter.fit_transform(X[train])
    batch = max(2, round(size.batch_seconds / one.window))
    n_rows = size.n_updates * batch
    epochs = -(-n_rows // len(parts.values))
    classifier = NEMGNetClassifier(
        size.version, width=size.width, batch_size=batch, max_epochs=epochs,
        epoch_fraction=n_rows / epochs / len(parts.values), validation=None, eval_every=None,
        device="cpu", random_state=seed, **one.params,
    )  # fmt: skip
    start = time.process_time()
    classifier.fit(parts.values, y[train][parts.row_index])
    seconds = time.process_time() - start
    hop = max(one.hop, one.window / 2)  # scores of windows that overlap more hardly differ
    parts = Segmenter(window=one.window, hop=hop).fit_transform(X[test])
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
    folder = cache / "recipe"
    folder.mkdir(parents=True, exist_ok=True)
    data = list(cohorts(size, cache, names))
    for seed in range(seeds):
        for label in labels:
            one = settings()[label]
            for name, X, y in data:
                n_splits = size.n_splits if name == "simulated" else 3
                splitter = SubjectKFold(n_splits, shuffle=True, random_state=0)
                for fold, (train, test) in enumerate(splitter.split(X, y)):
                    where = f"{name}-{seed}-{label}-{fold}-{size.version}{size.width}"
                    file = folder / f"{where}-{size.n_updates}.csv".replace(" ", "_")
                    if file.exists():
                        continue
                    rows, about = train_and_score(one, size, X, y, train, test, 1000 * seed + fold)
                    keys = {"cohort": name, "seed": seed, "setting": label, "fold": fold}
                    part = file.with_suffix(".part")
                    by_subject(rows).assign(**keys, **about).to_csv(part, index=False)
                    part.replace(file)
                    print(where, f"{about['cpu_seconds']:.1f} s", flush=True)
        keep(size, folder, out)


def keep(size: Size, folder: Path, out: Path) -> None:
    """Write all finished trainings into one table, beside how they came about."""
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
    write_json(out / "settings.json", {"size": asdict(size), "simulated": True, **provenance()})


# -- tables ------------------------------------------------------------------------------------


def losses(table: pd.DataFrame) -> pd.DataFrame:
    """Give the log-loss of each subject: rows (cohort, seed, subject), a column a setting."""
    scores = table[sorted(table["y_true"].unique())]
    own = scores.to_numpy()[np.arange(len(table)), scores.columns.get_indexer(table["y_true"])]
    table = table.assign(loss=-np.log(np.clip(own, 1e-3, 1)))
    return table.pivot(index=["cohort", "seed", "subject"], columns="setting", values="loss")


def difference(one: pd.Series, other: pd.Series, seed: int = 0) -> tuple[float, float, float]:
    """Compare losses of the same subjects: mean difference, 95 % interval over subjects.

    Seeds of a subject are averaged first; subjects are resampled (4000 times).
    """
    each = (one - other).dropna().groupby(["cohort", "subject"]).mean().to_numpy()
    draws = np.random.default_rng(seed).integers(len(each), size=(4000, len(each)))
    low, high = np.quantile(each[draws].mean(axis=1), [0.025, 0.975])
    return float(each.mean()), float(low), float(high)


def balanced(table: pd.DataFrame, level: str) -> float:
    """Give the balanced accuracy of recordings or subjects, mean over seeds."""
    classes = sorted(table["y_true"].unique())
    if level == "recording":
        sums = table.groupby(["seed", "y_true"])[["n_right", "n_recordings"]].sum()
        return float((sums["n_right"] / sums["n_recordings"]).mean())
    right = table[classes].idxmax(axis=1) == table["y_true"]
    return float(right.groupby([table["seed"], table["y_true"]]).mean().mean())


def chosen_elsewhere(table: pd.DataFrame) -> pd.DataFrame:
    """Choose for each test fold the setting that lost least on the subjects of all other folds.

    Returns
    -------
    DataFrame
        The rows of the chosen settings: what choosing is worth on subjects that had no part in it.
    """
    matrix = losses(table).groupby(["cohort", "subject"]).mean()
    folds = table.drop_duplicates(["cohort", "subject"]).set_index(["cohort", "subject"])["fold"]
    parts = []
    for (cohort, fold), _ in table.groupby(["cohort", "fold"]):
        at = matrix.index.get_level_values("cohort") == cohort
        elsewhere = matrix[~(at & (folds.loc[matrix.index] == fold).to_numpy())]
        means = elsewhere.groupby("cohort").mean().dropna(axis=1)  # of what ran on both
        best = means.mean().idxmin()  # cohorts weigh alike
        rows = (table["cohort"] == cohort) & (table["fold"] == fold) & (table["setting"] == best)
        parts.append(table[rows])
    return pd.concat(parts)


def tables(folder: Path = FOLDER) -> str:
    """Write the ablation as Markdown."""
    lines = ["## The tuned recipe: what each ingredient is worth\n"]
    if not (folder / "subjects.csv").exists():
        return "\n".join([*lines, "Not run.\n"])
    table = pd.read_csv(folder / "subjects.csv")
    about = json.loads((folder / "settings.json").read_text())
    size = Size(**about["size"])
    n_settings = int(losses(table).groupby("cohort").mean().notna().all().sum())
    said = ", ".join(
        f"{name}: {part['subject'].nunique()} subjects" for name, part in table.groupby("cohort")
    )
    hours = table.drop_duplicates(["cohort", "seed", "setting", "fold"])["cpu_seconds"].sum() / 3600
    lines.append(
        f"*{said}; {size.n_splits} folds by subject, of N2001 three; "
        f"nEMGNet-{size.version} of width {size.width}, {size.n_updates} updates of "
        f"{size.batch_seconds:g} s of signal in every training, no "
        f"early stopping; {hours:.2f} CPU hours on {about['device']}, one thread, commit "
        f"{about['commit'] or 'unknown'}.*\n\nBalanced accuracy in percent, of recordings alone / "
        "of subjects by the mean of their recordings; log-loss of subjects (thirds: 1.10); and its "
        "difference, below 0 where the setting is better, with a 95 % interval over subjects. So "
        "few updates favour what learns fast, and are unfair to regularisers.\n"
    )
    for cohort, part in table.groupby("cohort", sort=False):
        matrix = losses(part)
        rows = []
        for name in settings():
            own = part[part["setting"] == name]
            if own.groupby("seed")["fold"].nunique().max() != part["fold"].nunique():
                rows.append([name, *["not run"] * 4, "0"])
                continue
            reference = TUNED if name.startswith("tuned +") else PUBLISHED
            reference = ALL if name.startswith("all -") else reference
            apart = ""
            if name != PUBLISHED:
                value, low, high = difference(matrix[name], matrix[reference])
                apart = f"{value:+.2f} [{low:+.2f}, {high:+.2f}] from {reference}"
            fits = own.drop_duplicates(["seed", "fold"])
            rows.append(
                [name, f"{100 * balanced(own, 'recording'):.0f} / "
                 f"{100 * balanced(own, 'subject'):.0f}", f"{matrix[name].mean():.2f}", apart,
                 f"{fits['cpu_seconds'].mean():.0f}", str(own["seed"].nunique())]
            )  # fmt: skip
        header = ["", "recordings / subjects", "log-loss", "difference", "CPU s a fit", "seeds"]
        lines += [f"**{cohort}**\n", markdown(header, rows)]
    picked = chosen_elsewhere(table)
    rows = []
    for cohort, part in picked.groupby("cohort", sort=False):
        own = losses(table)
        best = losses(picked).bfill(axis=1).iloc[:, 0]
        at = own.index.get_level_values("cohort") == cohort
        value, low, high = difference(best[at], own.loc[at, PUBLISHED])
        names = part.drop_duplicates("fold").sort_values("fold")["setting"]
        rows.append(
            [cohort, "; ".join(names), f"{100 * balanced(part, 'subject'):.0f}",
             f"{best[at].mean():.2f}", format_interval(value, low, high)]
        )  # fmt: skip
    lines += [
        f"Chosen by the others: for each fold, that of the {n_settings} settings run on both "
        "with the least log-loss on the subjects of all other folds and of the other cohort.\n",
        markdown(
            ["", "chosen", "subjects", "log-loss", "difference from published"],
            rows,
        ),
    ]
    return "\n".join(lines)


def longer(folder: Path = FOLDER / "longer") -> str:
    """Write the settings that were trained for longer as Markdown."""
    lines = ["## As many updates as in the demo\n"]
    if not (folder / "subjects.csv").exists():
        return "\n".join([*lines, "Not run.\n"])
    table = pd.read_csv(folder / "subjects.csv")
    about = json.loads((folder / "settings.json").read_text())
    rows = []
    for cohort, part in table.groupby("cohort", sort=False):
        matrix = losses(part)
        for name in [name for name in settings() if name in matrix]:
            own, apart = part[part["setting"] == name], ""
            if name != TUNED:
                apart = "{:+.2f} [{:+.2f}, {:+.2f}]".format(
                    *difference(matrix[name], matrix[TUNED])
                )
            rows.append(
                [cohort, name, str(own["subject"].nunique()),
                 f"{100 * balanced(own, 'recording'):.0f} / {100 * balanced(own, 'subject'):.0f}",
                 f"{matrix[name].mean():.2f}", apart, str(own["seed"].nunique())]
            )  # fmt: skip
    header = ["", "", "n", "recordings / subjects", "log-loss", f"difference from {TUNED}", "seeds"]
    said = f"*{about['size']['n_updates']} updates, else as above; commit {about['commit']}.*\n"
    return "\n".join([*lines, said, markdown(header, rows)])


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", choices=list(SIZES), default="cpu")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cohorts", nargs="+", default=["simulated", "n2001"])
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
