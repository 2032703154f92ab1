"""The trainings: every one is kept when it is done, all of them in one table after each seed."""

from __future__ import annotations

import time
import warnings
from dataclasses import asdict
from inspect import signature
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

from benchmarks.machinery.runner import write_json
from benchmarks.recipe.settings import Setting, Size, settings
from sknemg import Downsampler, NEMGNetClassifier, Recordings, Segmenter, SubjectKFold
from sknemg.datasets import load_emglab
from sknemg.provenance import provenance
from sknemg.simulate import make_cohort
from sknemg.simulate.patient import Dials, simulate_patient
from sknemg.simulate.plan import plan_cohort
from sknemg.versions import package_code

SFREQ = 10_000
#: Recordings shorter than this, in seconds, are left out of all settings.
LONG = 1.0
#: Segments in a batch, at least: fewer make poor statistics for batch normalisation.
LEAST = 8


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
