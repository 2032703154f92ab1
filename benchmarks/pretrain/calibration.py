"""How sure the models that come with sknemg are, as votes and as printed.

Run ``python -m benchmarks.pretrain.calibration --store FOLDER --other FOLDER`` with the stores of
`benchmarks.pretrain`. What `diagnose` prints are votes after the temperature, which was fitted to
patients of another simulator; here it is tried on others of it and of the present one. How many of
them would be refused is counted for the models as they are, and as they would be had they learned
only of those who calibrate what recordings look like. Scores on real subjects are those that
`benchmarks.pretrain.worth` has kept: nothing real is read. Where the stores are but no real
recordings, ``--part simulated`` keeps the rows of simulated patients alone; ``--part real`` adds
those of real subjects elsewhere, without the stores. ``--write`` puts the table into the guide.
Every row says which commit made it.

New weights are asked about the same simulated patients before they take the place of those that
come with sknemg: ``--weights FOLDER --part simulated --out ELSEWHERE``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from benchmarks.machinery.reporting import markdown, read_with_commits, write_between
from benchmarks.machinery.runner import write_json
from benchmarks.pretrain.answers import answers
from benchmarks.pretrain.models import shown
from benchmarks.pretrain.pages import SCORES, marks
from benchmarks.pretrain.patients import (
    FRESH,
    USED_BESIDE_FRESH,
    Block,
    block,
    others,
    together,
)
from benchmarks.pretrain.real_scores import (
    CLASSES,
    FOLDER,
    SHIPPED,
    TITLES,
    Sets,
    calibrations,
    sets_of,
)
from benchmarks.pretrain.worth import refused
from sknemg import load_model
from sknemg.diagnosis import Diagnostician, scale_temperature
from sknemg.metrics._counts import bins_of
from sknemg.persistence._folder import fingerprint_of
from sknemg.persistence.card import reliability
from sknemg.pretrained import describe, load
from sknemg.provenance import provenance

BEGINS, ENDS = marks("calibration.py")


def error_of_calibrated(proba: np.ndarray, n: int = 1000, seed: int = 0) -> float:
    """Give the calibration error that these probabilities would have were they exactly right.

    It is not zero, as subjects are few: answers are right as often as they say, by chance, and the
    mean of `n` errors in ten bins is taken.
    """
    sure = proba.max(axis=1)
    right = np.random.default_rng(seed).random((n, len(sure))) < sure
    bins = bins_of(sure, 10)
    gaps = [
        (bins == b).mean() * np.abs(sure[bins == b].mean() - right[:, bins == b].mean(axis=1))
        for b in np.unique(bins)
    ]
    return float(np.sum(gaps, axis=0).mean())


def row_of(votes: np.ndarray, y: pd.Series, known: dict[str, float]) -> dict[str, float]:
    """Score votes in the order of `CLASSES`, what is printed of them, and sets of diagnoses."""
    votes = np.maximum(votes, 1e-6)
    codes = y.map(CLASSES.index).to_numpy()
    printed = scale_temperature(votes, known["temperature"])
    sets = sets_of(pd.DataFrame(votes, columns=CLASSES).assign(y_true=y.to_numpy()), known)
    before, after = reliability(votes, codes), reliability(printed, codes)
    return {
        "subjects": len(codes), "right": int((votes.argmax(axis=1) == codes).sum()),
        "log_loss_votes": before["log_loss"], "log_loss": after["log_loss"],
        "error_votes": before["calibration_error"], "error": after["calibration_error"],
        "error_of_calibrated": error_of_calibrated(printed), "sure": after["mean_confidence"],
        "sets_right": sets.right, "set_size": sets.size,
    }  # fmt: skip


def models_in(weights: Path | None) -> dict[str, Diagnostician]:
    """Load the models of a folder, or those that come with sknemg, by name."""
    if weights is None:
        return {name: load(name) for name in SHIPPED}
    missing = [name for name in SHIPPED if not (weights / name).is_dir()]
    if missing:
        raise FileNotFoundError(
            f"{weights} holds no {', '.join(missing)}: give the folder that "
            "`python -m benchmarks.pretrain --out` has written both models into."
        )
    return {name: load_model(weights / name) for name in SHIPPED}


def hashes_in(weights: Path | None) -> dict[str, str]:
    """Give the fingerprints of the same models."""
    if weights is None:
        return dict(describe()["sha256"])
    return {name: fingerprint_of(weights / name) for name in SHIPPED}


def measure(
    store: Path, other: Path, models: dict[str, Diagnostician], jobs: int = 1
) -> pd.DataFrame:
    """Ask all models about simulated patients."""
    kinds = {
        "another simulator, who calibrated": others(other, jobs=jobs),
        "another simulator, the others": others(other, FRESH, USED_BESIDE_FRESH, jobs),
        "as in training": together([block(store, "whole", k) for k in (0, 1)]),
        "biceps alone, one machine": block(store, "biceps", 0),
        "all muscles, one machine": block(store, "default", 0),
    }
    rows: list[dict[str, Any]] = []
    counted: dict[tuple[Any, ...], int] = {}  # once where models have seen the same recordings
    for name, model in models.items():
        seen = model.plausibility_
        limits = (seen.low_.tobytes(), seen.high_.tobytes(), seen.precision_.tobytes(),
                  seen.distance_, seen.subject_distance_)  # fmt: skip
        middle, votes = model.estimator_[-2:]
        known = {"temperature": model.temperature_, "quantile": model.quantile_}
        for kind, own in kinds.items():
            found = answers(votes, shown(middle, own), own.y)
            proba = pd.DataFrame(found.proba, columns=found.classes)[CLASSES].to_numpy()
            row = row_of(proba, pd.Series(found.y), known)
            asked = (kind, *limits, bool((own.raw.durations < seen.min_duration).any()))
            if asked not in counted:
                counted[asked] = refused(model, own.raw)["subjects_refused"]
            row["refused"] = counted[asked]
            rows.append({"model": name, "patients": f"simulated, {kind}"} | row)
    table = pd.DataFrame(rows)
    first = next(iter(models.values()))  # what recordings look like is the same for all of them
    narrow = refused_by_those_alone(first, kinds)
    table["refused_narrow"] = table["patients"].map({f"simulated, {k}": n for k, n in narrow})
    return table


def refused_by_those_alone(model: Diagnostician, kinds: dict[str, Block]) -> list[tuple[str, int]]:
    """Count whom a model would refuse that knew only recordings of those who calibrated."""
    (calibration, *_) = kinds.values()
    model.plausibility_ = clone(model.plausibility_).fit(calibration.raw, calibration.y)
    return [(kind, refused(model, own.raw)["subjects_refused"]) for kind, own in kinds.items()]


def real(folder: Path) -> pd.DataFrame:
    """Score the kept votes on real subjects, which are to be those of the present models."""
    rows = []
    shipped = describe()["sha256"].to_dict()
    for name, title in TITLES.items():
        asked = json.loads((folder / name / "settings.json").read_text())["models"]
        if {model: own["sha256"] for model, own in asked.items()} != shipped:
            raise ValueError(
                f"The votes on {title} in {folder} are of other models than those that come with "
                "sknemg now: run `python -m benchmarks.pretrain.worth` first."
            )
        kept = pd.read_csv(folder / name / "subjects.csv")
        calibrated = calibrations(folder, name)
        for model, method in SHIPPED.items():
            own = kept[kept["method"] == f"{method}, simulated alone"]
            known = calibrated[f"{method}, simulated alone"]
            row = row_of(own[CLASSES].to_numpy(), own["y_true"], known)
            row["refused"] = known["subjects_refused"]
            rows.append({"model": model, "patients": title} | row)
    return pd.DataFrame(rows)


def table_of(rows: pd.DataFrame) -> str:
    """Lay out the scores as Markdown."""
    header = ["model", "patients", "right", "printed: mean", "log-loss, votes", "printed",
              "calibration error, votes", "printed", "were it calibrated",
              "90 % sets that hold the diagnosis", "refused",
              "refused, had only those who calibrate been seen"]  # fmt: skip
    lines = [
        [row.model, row.patients, f"{row.right} of {row.subjects}", f"{100 * row.sure:.0f} %",
         f"{row.log_loss_votes:.2f}", f"{row.log_loss:.2f}", f"{row.error_votes:.2f}",
         f"{row.error:.2f}", f"{row.error_of_calibrated:.2f}",
         str(Sets(int(row.sets_right), row.subjects, row.set_size)), str(int(row.refused)),
         "" if np.isnan(row.refused_narrow) else str(int(row.refused_narrow))]
        for row in rows.sort_values("model", kind="stable").itertuples()
    ]  # fmt: skip
    return markdown(header, lines)


def kept_of_simulated(folder: Path) -> pd.DataFrame:
    """Read the rows of simulated patients, which are to be those of the present models."""
    settings = json.loads((folder / "calibration.json").read_text())
    if settings["models"] != describe()["sha256"].to_dict():
        raise ValueError(
            f"The rows of simulated patients in {folder} are of other models than those that come "
            "with sknemg now: run --part simulated where the stores are."
        )
    rows = read_with_commits(folder / "calibration.csv", folder / "calibration.json")
    return rows[rows["patients"].str.startswith("simulated, ")]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store", type=Path, help="of simulated patients")
    parser.add_argument("--other", type=Path, help="that of another simulator")
    parser.add_argument("--weights", type=Path, help="folder of new models, asked in their place")
    parser.add_argument("--part", choices=["all", "simulated", "real"], default="all")
    parser.add_argument("--jobs", type=int, default=1, help="processes that measure motor units")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--write", action="store_true", help="into the guide")
    args = parser.parse_args()
    if args.part != "real" and not (args.store and args.other):
        parser.error("--store and --other are needed to ask about simulated patients.")
    if args.weights and (args.part != "simulated" or args.write or args.out == FOLDER):
        parser.error(
            "--weights needs --part simulated and an --out of its own, and no --write: kept "
            "results and the guide are of the models that come with sknemg."
        )
    world = provenance()
    parts = []
    if args.part == "real":
        parts.append(kept_of_simulated(args.out))
    else:
        found = measure(args.store, args.other, models_in(args.weights), args.jobs)
        parts.append(found.assign(commit=world["commit"]))
    if args.part != "simulated":
        parts.append(real(args.out).assign(commit=world["commit"]))
    rows = pd.concat(parts, ignore_index=True)
    settings = {"models": hashes_in(args.weights)} | world
    args.out.mkdir(parents=True, exist_ok=True)
    rows.to_csv(args.out / "calibration.csv", index=False, float_format="%.4f")
    write_json(args.out / "calibration.json", settings)
    print(table_of(rows))
    if args.write:
        write_between(SCORES, BEGINS, ENDS, table_of(rows))


if __name__ == "__main__":
    main()
