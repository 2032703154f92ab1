"""CMPB Table 1: what a cohort is made of, after slicing into segments."""

from __future__ import annotations

import pandas as pd

from benchmarks.machinery import runner
from benchmarks.machinery.reporting import NOT_RUN, markdown
from benchmarks.machinery.runner import Study, arguments, get_cohort
from benchmarks.papers.published import TABLE_1
from sknemg import Recordings, Segmenter
from sknemg.provenance import provenance

STUDY = Study("table_1", methods=lambda settings: {}, cpu={"n_subjects": 57, "hop": 0.1})
CLASSES = ["myopathy", "neuropathy", "normal"]


def summary(X: Recordings, y, hop: float) -> pd.DataFrame:
    """Count subjects, recordings, seconds and segments of each class."""
    rows = pd.DataFrame(
        {
            "y": y,
            "subject": X["subject"],
            "location": X["location"],
            "seconds": X.durations,
            "segments": Segmenter(hop=hop, short="drop").fit_transform(X).lengths,
        }
    )
    table = {}
    for name in [*CLASSES, "total"]:
        part = rows if name == "total" else rows[rows["y"] == name]
        sides = [(part["location"] == side).sum() for side in ("proximal", "distal")]
        table[name] = {
            "subjects": str(part["subject"].nunique()),
            "recordings": str(len(part)),
            "proximal / distal": f"{sides[0]} / {sides[1]}",
            "total length, s": f"{part['seconds'].sum():.2f}",
            "segments": str(part["segments"].sum()),
        }
    return pd.DataFrame(table)


def tables() -> str:
    file = runner.RESULTS / "table_1" / "simulated.csv"
    ours = pd.read_csv(file, index_col=0, dtype=str) if file.exists() else None
    rows = []
    for name, published in TABLE_1.items():
        here = [NOT_RUN] * 4 if ours is None else ours.loc[name].tolist()
        rows.append([name, *(f"{a} ({b})" for a, b in zip(here, published, strict=True))])
    return (
        "## The cohort (CMPB Table 1)\n\n"
        "The default simulated cohort; published numbers in brackets. The plan of subjects, "
        "muscles and lengths was drawn up to agree, so this table is a check and no finding.\n\n"
        + markdown(["", *CLASSES, "total"], rows)
    )


if __name__ == "__main__":
    args = arguments(__doc__)
    settings = STUDY.settings(args.profile, args.cohort)
    X, y = get_cohort(args.cohort, settings, args.cache)
    table = summary(X, y, settings.hop)
    print(table.to_string(), provenance(), sep="\n")
    args.out.joinpath("table_1").mkdir(parents=True, exist_ok=True)
    table.to_csv(args.out / "table_1" / f"{args.cohort.rpartition('/')[2]}.csv")
