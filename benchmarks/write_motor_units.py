"""Write docs/motor_units.md from the kept results. What has no result reads "not run"."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from benchmarks import activity_gate, algiers_pattern, decomposition, motor_unit_votes
from benchmarks.machinery.reporting import markdown

PAGE = Path(__file__).parents[1] / "docs" / "motor_units.md"

#: What a section says, the command that makes it, its folder, and its tables with their captions.
SECTIONS = [
    (
        "Finding motor units",
        """Against the simulator's truth, by effort (a share of the maximal force). *Findable* are
units of 50 µV or more from peak to peak that rise within 0.8 ms; *found*, *complete* and
*false* as `benchmarks/decomposition.py` defines them. The aims at 5 % and below: 80 % found,
95 % of discharges correct, less than 5 % of trains false, amplitude within 5 % and duration
within 10 %, 100 times faster than real time on one core.""",
        "python -m benchmarks.decomposition --patients 4 --seed 2 --out simulated",
        decomposition.RESULTS / "simulated",
        {
            "effort": "By effort.",
            "effort_condition": "By effort and condition.",
            "effort_needle": "By effort and needle.",
        },
    ),
    (
        "Votes of motor units",
        """Ten subjects of N2001, eight recordings each, one subject left out at a time. Intervals
are exact 95 % intervals. A recording without a vote counts as wrong. The outlier rule
compares with published norms and needs no training.""",
        "SKNEMG_DATA=... python -m benchmarks.motor_unit_votes --out n2001",
        motor_unit_votes.RESULTS / "n2001",
        {
            "units": "Motor units found.",
            "votes": "Correct answers.",
            "outlier_rule": "The outlier rule.",
        },
    ),
    (
        "Interference pattern and hum",
        """Recordings of Algiers. *Hum* is nine tenths of the power or more on mains lines.
Diagnosis is confounded with muscle here, and health with hum, so the ratios of healthy subjects
say little about neuropathy.""",
        "SKNEMG_DATA=... python -m benchmarks.algiers_pattern --out algiers",
        algiers_pattern.RESULTS / "algiers",
        {
            "medians": "Median of the subjects' peak ratio, 1/(s mV).",
            "auc": "AUC of the class with the higher ratio, with percentile intervals.",
            "gate": "What the activity gate finds.",
        },
    ),
    (
        "Rest, contraction and artefact",
        """Simulated recordings that switch between the three. The tables give shares of moments,
with exact 95 % intervals that count recordings.""",
        "python -m benchmarks.activity_gate --recordings 60 --seed 100 --out simulated",
        activity_gate.RESULTS / "simulated",
        {"truth": "By what it is.", "which": "By kind of artefact."},
    ),
]

INTRODUCTION = """# Motor units and patterns, measured

Generated from `benchmarks/results/` by `python -m benchmarks.write_motor_units`; what was not run
says so.

How many motor units does the decomposition find, how well do they vote for a diagnosis, what does
the interference pattern show, and does the activity gate tell rest, contraction and artefact apart?
At efforts of 10 % and below most of the findable units are found, at 20 % about half.

Patients of the first and last section are simulated, without the amplifier errors, cross-talk and
movement of a real examination. Recordings of N2001 and Algiers ([references](references.md)) are
not in the repository. With `--beside CHECKOUT`, another checkout of sknemg measures the same
recordings, and appears under its commit.
"""


def table(file: Path) -> str:
    """Read a kept table as Markdown; numbers as they are kept."""
    if not file.exists():
        return "Not kept.\n" if (file.parent / "settings.json").exists() else "Not run.\n"
    frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    frame = frame.rename(columns=lambda name: "" if name.startswith("Unnamed") else name)
    if "code" in frame and frame["code"].nunique() == 1:  # no other checkout was measured
        frame = frame.drop(columns="code")
    for name in frame.columns.intersection(["recordings", "moments"]):
        frame[name] = frame[name].str.removesuffix(".0")
    return markdown(list(frame), frame.to_numpy().tolist())


def origin(folder: Path) -> str:
    """Say where a result comes from."""
    file = folder / "settings.json"
    if not file.exists():
        return "Not run."
    kept = json.loads(file.read_text())
    seed = f", seed {kept['seed']}" if "seed" in kept else ""
    return f"*{kept['device']}, commit {kept['commit'] or 'unknown'}{seed}.*"


def page() -> str:
    parts = [INTRODUCTION]
    for title, text, command, folder, tables in SECTIONS:
        parts.append(f"## {title}\n\n{text}\n\n```sh\n{command}\n```\n\n{origin(folder)}\n")
        for name, caption in tables.items():
            parts.append(f"{caption}\n\n{table(folder / f'{name}.csv')}")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
