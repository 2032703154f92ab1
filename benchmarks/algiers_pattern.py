"""Peak ratio of turns to amplitude by class, and what the gate finds, on the Algiers recordings.

The **peak ratio** of a recording is the largest ratio of turns a second to mean turn amplitude of
its epochs of 0.5 s (``InterferenceFeatures``), by both rules and both thresholds; a subject has the
median of its recordings. AUCs are of subjects, with 95 % percentile intervals of 2,000 bootstraps
of subjects, within each class. A recording is **without a contraction** if ``ActivityGate`` finds
none, and with **hum** if 90 % of its power or more lies within 1.5 Hz of a multiple of 50 Hz below
400 Hz. In this data set muscles are confounded with classes, and hum with normals: the ratios of
normals say little about neuropathy.

Up to commit f98b1c4 the gate did not look beneath hum: it found no contraction in 31 recordings.
In a picture, 28 of them hold spikes upon a hum of up to 2.5 mV, and three potentials below 0.1 mV
on a noise of 8 to 10 µV.

    SKNEMG_DATA=... OMP_NUM_THREADS=1 python -m benchmarks.algiers_pattern --out algiers
    python -m benchmarks.write_motor_units    # the page of the docs that shows it

With ``--beside CHECKOUT``, the gate of another checkout of sknemg judges the recordings as well.
"""

import argparse
import json
import os
import warnings
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from benchmarks.machinery.beside import OtherCode
from sknemg import ImplausibleWarning, InterferenceFeatures
from sknemg.datasets import load_cohort
from sknemg.preprocessing import ActivityGate
from sknemg.provenance import provenance

RESULTS = Path(__file__).parent / "results" / "algiers_pattern"
GATE_THERE = """
from sknemg.preprocessing import ActivityGate
result = [
    "contraction" in set(ActivityGate().stretches(signal, rate)["kind"])
    for signal, rate in zip(signals, rates)
]
"""
MAINS, HIGHEST, AROUND, HUM = 50.0, 400.0, 1.5, 0.9


def mains_share(signal, sfreq):
    """Share of the power near multiples of the mains frequency."""
    signal = np.asarray(signal, dtype=float)
    power = np.abs(np.fft.rfft((signal - signal.mean()) * np.hanning(len(signal)))) ** 2
    rate = np.fft.rfftfreq(len(signal), 1 / sfreq)
    near = np.abs(rate - MAINS * np.rint(rate / MAINS)) <= AROUND
    return power[near & (rate > MAINS / 2) & (rate < HIGHEST)].sum() / power.sum()


def auc(low, high, rng, n=2000):
    """AUC of the higher class over the lower, and its bootstrap interval."""
    truth = np.repeat([0, 1], [len(low), len(high)])
    draws = [
        roc_auc_score(truth, np.r_[rng.choice(low, len(low)), rng.choice(high, len(high))])
        for _ in range(n)
    ]
    return [roc_auc_score(truth, np.r_[low, high]), *np.quantile(draws, [0.025, 0.975])]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    parser.add_argument("--beside", help="another checkout of sknemg, whose gate judges too")
    parser.add_argument("--out", help="name of the result in benchmarks/results/algiers_pattern")
    args = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImplausibleWarning)  # hum is counted below
        X, y = load_cohort(Path(os.environ["SKNEMG_DATA"]) / "algiers")
    rates = X["sfreq"].to_numpy(dtype=float)
    pattern = InterferenceFeatures().to_frame(X).groupby(level="row").first()
    peaks = [name for name in pattern if name.startswith("peak_ratio")]
    rows = pd.DataFrame({"class": np.asarray(y), "subject": X["subject"].to_numpy()})
    rows = rows.join(pattern[peaks])
    gate = ActivityGate()
    found = [gate.stretches(signal, rate) for signal, rate in zip(X, rates, strict=True)]
    rows["contraction"] = ["contraction" in set(own["kind"]) for own in found]
    rows["louder"] = [bool(own["mains"].any()) for own in found]
    rows["hum"] = [mains_share(s, rate) >= HUM for s, rate in zip(X, rates, strict=True)]
    subjects = rows.groupby(["class", "subject"])[peaks].median()
    medians = subjects.groupby("class").median().round(0)
    rng = np.random.default_rng(args.seed)
    areas = pd.DataFrame(
        [
            [one, other, name, *auc(subjects.loc[one, name], subjects.loc[other, name], rng)]
            for name in peaks
            for other, one in combinations(sorted(set(y)), 2)
        ],
        columns=["class", "higher", "peak ratio", "AUC", "low", "high"],
    ).round(3)
    counted = rows.assign(
        recordings=1, gated=~rows["contraction"], gated_hum=~rows["contraction"] & rows["hum"]
    )
    names = {
        "recordings": "recordings",
        "hum": "hum",
        "louder": "hum larger than the EMG",
        "gated": "without a contraction",
        "gated_hum": "of these with hum",
    }
    if args.beside:
        with OtherCode(args.beside) as other:
            there = other.run(GATE_THERE, signals=list(X), rates=rates)
        counted["there"] = ~np.array(there)
        names["there"] = f"without a contraction, {other.commit}"
    counts = counted.groupby("class")[list(names)].sum().rename(columns=names)
    counts.insert(0, "subjects", subjects.groupby("class").size())
    tables = {"medians": medians, "auc": areas.set_index("class"), "gate": counts}
    for name, table in tables.items():
        print(f"\n{table.to_string()}")
        if args.out:
            folder = RESULTS / args.out
            folder.mkdir(parents=True, exist_ok=True)
            table.to_csv(folder / f"{name}.csv")
    if args.out:
        settings = {"seed": args.seed, "recordings": len(rows)} | provenance()
        (folder / "settings.json").write_text(json.dumps(settings, indent=1) + "\n")


if __name__ == "__main__":
    main()
