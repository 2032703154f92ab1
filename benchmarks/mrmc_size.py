"""How often multi-reader multi-case tests reject what is true, and intervals miss it.

Readers of the papers' accuracy and agreement (`simulate_readers`) read cases of three diagnoses in
two arms that do not differ, and a model of their mean accuracy reads the same cases. Each study is
analysed as with `mrmc_analysis` and `mrmc_against`:

    arms       the test that the two arms are equal rejects at 5 %: right are 5 %
    model      the test that the model equals the mean of readers: right are 5 %
    mean       the 95 % interval of the readers' mean misses the mean of all readers and cases

Each study has new readers and new cases, as the analysis with random readers and cases takes it.
Fixed readers and fixed cases show what is lost by taking one of them for granted.

    OMP_NUM_THREADS=1 python -m benchmarks.mrmc_size --out benchmarks/results/mrmc_size
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from sknemg.metrics._label_scores import jackknife_values, tally
from sknemg.metrics.mrmc import analyse_against, analyse_arms
from sknemg.provenance import provenance
from sknemg.simulate.readers import PUBLISHED_CONFUSION, _Reading

CLASSES = ["myopathy", "neuropathy", "normal"]  # sorted, as in the reading
SIZES = ((57, 6), (57, 3), (30, 6), (150, 6))  # subjects, readers
METRICS = ("accuracy", "f1")
CONSISTENCY = 0.6  # of what a reader alone sees in the two arms


def studies(n_subjects, n_readers, n_studies, seed):
    """Yield the classes of the cases, and answers of shape (2 * n_readers + 1, n_subjects)."""
    y = np.resize(np.arange(3), n_subjects)
    diagnoses = pd.Series(y).map(dict(enumerate(CLASSES)))
    reading = _Reading.calibrate(diagnoses, PUBLISHED_CONFUSION, 0.069, 0.26)
    rng = np.random.default_rng(seed)
    for _ in range(n_studies):
        skill = reading.skill_sd * rng.standard_normal(n_readers)
        hard = rng.standard_normal(n_subjects)
        alone = rng.standard_normal((n_readers, n_subjects))
        rows = []
        for _arm in range(2):
            fresh = rng.standard_normal((n_readers, n_subjects))
            seen = np.sqrt(CONSISTENCY) * alone + np.sqrt(1 - CONSISTENCY) * fresh
            for j in range(n_readers):
                rows.append(reading.answer(y, reading.mix(hard, seen[j]), skill[j])[0])
        machine = reading._replace(skill_sd=0.0)  # of the mean accuracy of all readers
        rows.append(machine.answer(y, machine.mix(hard, rng.standard_normal(n_subjects)), 0.0)[0])
        yield y, np.array([pd.Index(CLASSES).get_indexer(row) for row in rows])


def true_means(seed, n_subjects=600, n_readers=300):
    """Mean scores of very many readers and cases."""
    parts = []
    for y, answers in studies(n_subjects, n_readers, 4, seed):
        counts = [tally(y, row, np.arange(len(y)), 3) for row in answers[:n_readers]]
        own = jackknife_values(counts[0][0], np.array([c for _, c in counts]), 3)[0]
        parts.append([own[name].mean() for name in METRICS])
    return dict(zip(METRICS, np.mean(parts, axis=0), strict=True))


def run_cell(n_subjects, n_readers, n_studies, seed, means):
    """Count rejections and misses of one size of study."""
    found = []
    names = list(range(n_readers))
    for y, answers in studies(n_subjects, n_readers, n_studies, seed):
        counts = [tally(y, row, np.arange(n_subjects), 3) for row in answers]
        whole, without = jackknife_values(counts[0][0], np.array([c for _, c in counts]), 3)
        for metric in METRICS:
            theta = whole[metric][:-1].reshape(2, -1)
            less = without[metric][:, :-1].reshape(-1, 2, n_readers)
            _, _, _, arms, differences, _ = analyse_arms(theta, less, names, ["one", "two"])
            model = np.append(-1, names)  # the model first
            against = analyse_against(whole[metric][model], without[metric][:, model], names)
            for analysis, row in against.iterrows():
                own = arms.loc[(analysis, "one")]
                missed = not own["low"] <= means[metric] <= own["high"]
                p = differences.loc[(analysis, "one", "two"), "p"]
                found.append((metric, analysis, p < 0.05, row["p"] < 0.05, missed))
    table = pd.DataFrame(found, columns=["metric", "analysis", "arms", "model", "mean"])
    rates = table.groupby(["metric", "analysis"], sort=False).mean().reset_index()
    return rates.assign(n_subjects=n_subjects, n_readers=n_readers, n_studies=n_studies)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=1000, help="in each cell")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", help="stem of the results: .csv, .json")
    args = parser.parse_args()
    means = true_means(args.seed + 1)
    cells = [run_cell(*size, args.studies, args.seed + k, means) for k, size in enumerate(SIZES)]
    table = pd.concat(cells, ignore_index=True)
    table = table[["n_subjects", "n_readers", "metric", "analysis", "arms", "model", "mean",
                   "n_studies"]]  # fmt: skip
    print(table.to_string(index=False))
    if args.out:
        table.to_csv(f"{args.out}.csv", index=False, float_format="%.4g")
        settings = {"studies": args.studies, "seed": args.seed, "true_means": means}
        about = {"data": "simulated", "settings": settings, **provenance()}
        Path(f"{args.out}.json").write_text(json.dumps(about, indent=2) + "\n")


if __name__ == "__main__":
    main()
