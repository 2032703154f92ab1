"""How much the seed of its training changes what the small network answers for real subjects.

Run ``python -m benchmarks.pretrain.seeds --store FOLDER --networks FOLDER --cache FOLDER``;
``SKNEMG_DATA`` names the folder that holds ``emglab_n2001`` and ``algiers``. The network that comes
with sknemg is trained anew with other seeds, on the same simulated patients by the same settings,
and every one of them is asked about every real subject, as it is. Networks are kept in
``--networks``, as `benchmarks.pretrain.scale` keeps them. No seed is chosen by this: the shipped
one is seed 0, whatever the others answer. ``--write`` puts the table into the docs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from benchmarks.machinery.reporting import markdown, write_between
from benchmarks.machinery.runner import write_json
from benchmarks.pretrain.answers import Answers, answers
from benchmarks.pretrain.networks import CHOICES, trained
from benchmarks.pretrain.pages import SCORES, marks
from benchmarks.pretrain.patients import simulator_of
from benchmarks.pretrain.real_scores import COHORTS, FOLDER, TITLES
from benchmarks.pretrain.worth import real
from sknemg.provenance import provenance

BEGINS, ENDS = marks("seeds.py")
SETTING = "windows of 0.4 s, flat head, 10000 updates"


def scores_of(found: Answers) -> dict[str, float]:
    """Score the answers for the subjects of a cohort."""
    scores = found.scores()
    right = found.classes[found.proba.argmax(axis=1)] == found.y
    return {
        "subjects": len(found.y),
        "right": int(right.sum()),
        "balanced_accuracy": scores["balanced_accuracy"],
        "log_loss": scores["log_loss"],
    }


def table_of(rows: pd.DataFrame) -> str:
    """Lay out a row a seed, and the range of all, as Markdown."""
    scores = [
        ("right", lambda v: f"{v:.0f}"),
        ("balanced_accuracy", lambda v: f"{100 * v:.0f}"),
        ("log_loss", lambda v: f"{v:.2f}"),
    ]
    wide = rows.set_index(["seed", "cohort"]).unstack("cohort")
    cohorts = [name for name in COHORTS if name in set(rows["cohort"])]
    lines = [
        [f"{seed}, shipped" if seed == 0 else str(seed)]
        + [said(own[score, name]) for name in cohorts for score, said in scores]
        for seed, own in wide.iterrows()
    ]
    header = ["seed"]
    for name in cohorts:
        n_subjects = rows.loc[rows["cohort"] == name, "subjects"].iloc[0]
        title = TITLES[name]
        header += [f"{title}, right of {n_subjects}", "balanced accuracy, %", "log-loss"]
    return markdown(header, lines)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store", type=Path, required=True, help="of simulated patients")
    parser.add_argument("--blocks", type=int, default=60)
    parser.add_argument("--settings", choices=CHOICES, default=SETTING, metavar="NAME")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--networks", type=Path, required=True, help="trained, or to be trained")
    parser.add_argument("--cache", type=Path, required=True, help="never inside the repository")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--write", action="store_true", help="into the docs")
    args = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    numbers = range(args.blocks)
    networks = {
        seed: trained(args.store, CHOICES[args.settings], numbers, seed, "cpu", args.networks)
        for seed in args.seeds
    }
    rows = []
    for name in COHORTS:
        cohort = real(name, args.cache)
        for seed, network in networks.items():
            found = answers(network.votes, cohort.windows, cohort.y)
            rows.append({"cohort": name, "seed": seed} | scores_of(found))
    table = pd.DataFrame(rows)
    table.to_csv(args.out / "seeds.csv", index=False, float_format="%.4f")
    settings = {
        "setting": args.settings, "blocks": args.blocks,
        "simulator": simulator_of(args.store, {"wide": numbers}).commit,
        "trained_by": sorted({network.commit or "unknown" for network in networks.values()}),
    }  # fmt: skip
    write_json(args.out / "seeds.json", settings | provenance())
    print(table_of(table))
    if args.write:
        write_between(SCORES, BEGINS, ENDS, table_of(table))


if __name__ == "__main__":
    main()
