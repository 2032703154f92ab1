"""How sure the models that come with sknemg are, as votes and as printed.

Run ``python -m benchmarks.pretrain_calibration --store FOLDER --other FOLDER`` with the stores of
`benchmarks.pretrain`. What `diagnose` prints are votes after the temperature, which was fitted to
patients of another simulator; here it is tried on others. Scores on real subjects are those that
`benchmarks.pretrain_worth` has kept: nothing real is read. ``--write`` puts the table into the
guide.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.machinery.reporting import markdown
from benchmarks.machinery.runner import write_json
from benchmarks.pretrain import answers, shown
from benchmarks.pretrain_patients import block, others, together
from benchmarks.pretrain_worth import CLASSES, FOLDER, GUIDE, SHIPPED, TITLES, calibrations
from sknemg.diagnosis import scale_temperature
from sknemg.persistence.card import reliability
from sknemg.pretrained import describe, load
from sknemg.provenance import provenance

BEGINS = "<!-- written by benchmarks/pretrain_calibration.py -->"
ENDS = "<!-- to here -->"


def error_of_calibrated(proba: np.ndarray, n: int = 1000, seed: int = 0) -> float:
    """Give the calibration error that these probabilities would have were they exactly right.

    It is not zero, as subjects are few: answers are right as often as they say, by chance, and the
    mean of `n` errors in ten bins is taken.
    """
    sure = proba.max(axis=1)
    right = np.random.default_rng(seed).random((n, len(sure))) < sure
    bins = np.minimum((sure * 10).astype(int), 9)
    gaps = [
        (bins == b).mean() * np.abs(sure[bins == b].mean() - right[:, bins == b].mean(axis=1))
        for b in np.unique(bins)
    ]
    return float(np.sum(gaps, axis=0).mean())


def row_of(votes: np.ndarray, codes: np.ndarray, temperature: float) -> dict[str, float]:
    """Score votes, and what is printed of them."""
    votes = np.maximum(votes, 1e-6)
    printed = scale_temperature(votes, temperature)
    before, after = reliability(votes, codes), reliability(printed, codes)
    return {
        "subjects": len(codes), "right": int((votes.argmax(axis=1) == codes).sum()),
        "log_loss_votes": before["log_loss"], "log_loss": after["log_loss"],
        "error_votes": before["calibration_error"], "error": after["calibration_error"],
        "error_of_calibrated": error_of_calibrated(printed), "sure": after["mean_confidence"],
    }  # fmt: skip


def measure(store: Path, other: Path) -> pd.DataFrame:
    """Ask all models about simulated patients, and look up their votes on real ones."""
    kinds = {
        "another simulator, fitted the temperature": others(other),
        "as in training": together([block(store, "whole", k) for k in (0, 1)]),
        "biceps alone, one machine": block(store, "biceps", 0),
        "all muscles, one machine": block(store, "default", 0),
    }
    rows: list[dict[str, Any]] = []
    for name in SHIPPED:
        model = load(name)
        middle, votes = model.estimator_[-2:]
        for kind, own in kinds.items():
            found = answers(votes, shown(middle, own), own.y)
            codes = np.searchsorted(found.classes, found.y)
            row = row_of(found.proba, codes, model.temperature_)
            rows.append({"model": name, "patients": f"simulated, {kind}"} | row)
    return pd.concat([pd.DataFrame(rows), real(FOLDER)], ignore_index=True)


def real(folder: Path) -> pd.DataFrame:
    """Score the kept votes on real subjects."""
    rows = []
    for name, title in TITLES.items():
        kept = pd.read_csv(folder / name / "subjects.csv")
        temperatures = calibrations(folder, name)
        for model, method in SHIPPED.items():
            own = kept[kept["method"] == f"{method}, simulated alone"]
            codes = own["y_true"].map(CLASSES.index).to_numpy()
            temperature = temperatures[f"{method}, simulated alone"]["temperature"]
            row = row_of(own[CLASSES].to_numpy(), codes, temperature)
            rows.append({"model": model, "patients": title} | row)
    return pd.DataFrame(rows)


def table_of(rows: pd.DataFrame) -> str:
    """Lay out the scores as Markdown."""
    header = ["model", "patients", "right", "printed: mean", "log-loss, votes", "printed",
              "calibration error, votes", "printed", "were it calibrated"]  # fmt: skip
    lines = [
        [row.model, row.patients, f"{row.right} of {row.subjects}", f"{100 * row.sure:.0f} %",
         f"{row.log_loss_votes:.2f}", f"{row.log_loss:.2f}", f"{row.error_votes:.2f}",
         f"{row.error:.2f}", f"{row.error_of_calibrated:.2f}"]
        for row in rows.sort_values("model", kind="stable").itertuples()
    ]  # fmt: skip
    return markdown(header, lines)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store", type=Path, required=True, help="of simulated patients")
    parser.add_argument("--other", type=Path, required=True, help="that of another simulator")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--write", action="store_true", help="into the guide")
    args = parser.parse_args()
    rows = measure(args.store, args.other)
    rows.to_csv(args.out / "calibration.csv", index=False, float_format="%.4f")
    settings = {"models": describe()["sha256"].to_dict()} | provenance()
    write_json(args.out / "calibration.json", settings)
    print(table_of(rows))
    if args.write:
        before, rest = GUIDE.read_text().split(BEGINS, 1)
        after = rest[rest.index(ENDS) :]
        GUIDE.write_text(f"{before}{BEGINS}\n\n{table_of(rows)}\n\n{after}")


if __name__ == "__main__":
    main()
