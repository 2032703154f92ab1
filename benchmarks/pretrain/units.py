"""The classifier of motor units, and the choice of its columns by machines left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.pretrain.answers import Answers
from benchmarks.pretrain.patients import Block
from sknemg import DiVoteClassifier, Recordings
from sknemg.muap.features import FEATURES

MOST_COLUMNS = 6
#: Log-loss by which a column has to gain.
LEAST_GAIN = 0.003
#: Halves of machines: one trains, the other tests.
MACHINES = ("needle", "gain", "needle_width", "high_pass", "low_pass", "noise", "resolution")


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
