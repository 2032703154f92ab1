"""What it is worth to adapt the shipped network to simulated recordings without diagnoses.

Run ``python -m benchmarks.pretrain.adapted --store FOLDER --others COMMIT=FOLDER ...`` with the
stores of `benchmarks.pretrain.scale`. The network that comes with sknemg is asked about the
patients of its `TEST` as it is and adapted to them (`sknemg.pretrained.adapted_pipeline`): to all
of a cohort at once, to a few, and to cohorts of which most have one diagnosis, since what is usual
is learned there. Both are scored on the same patients, by `benchmarks.pretrain.scale.scored`.
Nothing real is read; `benchmarks.pretrain.worth` asks real cohorts. ``--write`` puts the table into
the guide.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.machinery.reporting import markdown, write_between
from benchmarks.machinery.runner import write_json
from benchmarks.pretrain.answers import answers
from benchmarks.pretrain.pages import SCORES, marks
from benchmarks.pretrain.patients import Waves, simulator_of, waves_of
from benchmarks.pretrain.real_scores import CLASSES, FOLDER
from benchmarks.pretrain.scale import TEST, TEST_OTHER, other_store, scored
from sknemg.pretrained import describe, load
from sknemg.pretrained.adaptation import adapted_votes
from sknemg.provenance import provenance

BEGINS, ENDS = marks("adapted.py")
#: Subjects of a small cohort, a third of each diagnosis, and how many are drawn.
FEW, N_DRAWS = 9, 4
#: Of a cohort of mostly one diagnosis, subjects of each of the two others.
RARE = 2
#: Shares of the cohort's means and variances, by what the table calls them.
SHARES = {"as it is": 0.0, "half": 0.5, "wholly": 1.0}


def compositions(y: np.ndarray, seed: int = 0) -> Iterator[tuple[str, np.ndarray]]:
    """Draw subjects, as positions: all, few, mostly of one diagnosis.

    Parameters
    ----------
    y : ndarray of str
        Of all subjects of a cohort.
    """
    rng = np.random.default_rng(seed)
    own = {diagnosis: np.flatnonzero(y == diagnosis) for diagnosis in CLASSES}
    yield "all", np.arange(len(y))
    for _ in range(N_DRAWS):
        some = [rng.choice(own[d], FEW // len(CLASSES), replace=False) for d in CLASSES]
        yield f"{FEW}, balanced", np.sort(np.concatenate(some))
    for most in CLASSES:
        for _ in range(N_DRAWS):
            rest = [rng.choice(own[d], RARE, replace=False) for d in CLASSES if d != most]
            yield f"mostly {most}", np.sort(np.concatenate([own[most], *rest]))


def rows_of(cohort: str, own: Waves) -> Iterator[dict[str, Any]]:
    """Score the network on each composition of a cohort, as it is and adapted to it."""
    segmenter, votes = load("volitional-small").estimator_[-2:]
    windows = segmenter.transform(own.waves)
    subjects = own.waves["subject"].to_numpy()
    names = pd.unique(subjects)
    y = pd.Series(own.y, index=subjects).groupby(level=0, sort=False).first()[names].to_numpy()
    for said, places in compositions(y):
        inside = np.flatnonzero(np.isin(subjects, names[places]))
        part = windows[inside]
        for how, share in SHARES.items():
            found = answers(adapted_votes(votes, part, share=share), part, own.y[inside])
            balanced = found.scores()["balanced_accuracy"]
            about = {"cohort": cohort, "composition": said, "how": how, "balanced": balanced}
            yield about | scored(found)


def cohorts(args: argparse.Namespace) -> Iterator[tuple[str, Waves]]:
    """Give the patients of `TEST`: those of the present simulator, and of each older one."""
    for kind, numbers in TEST.items():
        yield kind, waves_of(args.store, kind, numbers)
    for name, folder in args.others.items():
        yield f"older, {name}", waves_of(folder, "whole", TEST_OTHER, other=True)


def table_of(rows: pd.DataFrame) -> str:
    """Lay out the scores, means over draws, as Markdown."""
    order = ["cohort", "composition"]
    means = rows.groupby([*order, "how"], sort=False)[
        ["subjects", "log_loss_votes", "log_loss", "balanced"]
    ].mean()
    lines = []
    for cohort, said in rows[order].drop_duplicates().itertuples(index=False):
        hows = [means.loc[(cohort, said, how)] for how in SHARES]
        lines.append([
            cohort, said, f"{hows[0].subjects:.0f}",
            *(f"{100 * own.balanced:.0f}" for own in hows),
            *(f"{own.log_loss_votes:.2f}" for own in hows),
            *(f"{own.log_loss:.2f}" for own in hows),
        ])  # fmt: skip
    header = ["patients", "adapted to", "subjects"]
    for score in ("balanced accuracy, %", "log-loss", "at the best temperature"):
        first, *rest = SHARES
        header += [f"{score}, {first}", *rest]
    return markdown(header, lines)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store", type=Path, required=True, help="of simulated patients")
    parser.add_argument(
        "--others", type=other_store, nargs="+", default=[], metavar="COMMIT=FOLDER",
        help="stores of older simulators",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--write", action="store_true", help="into the guide")
    args = parser.parse_args()
    args.others = dict(args.others)
    rows = pd.DataFrame([row for name, own in cohorts(args) for row in rows_of(name, own)])
    rows.to_csv(args.out / "adapted.csv", index=False, float_format="%.4f")
    rows = pd.read_csv(args.out / "adapted.csv")  # the page says what is kept
    settings = {
        "model": describe()["sha256"]["volitional-small"],
        "simulator": simulator_of(args.store, TEST).commit,
    }
    write_json(args.out / "adapted.json", settings | provenance())
    print(table_of(rows))
    if args.write:
        write_between(SCORES, BEGINS, ENDS, table_of(rows))


if __name__ == "__main__":
    main()
