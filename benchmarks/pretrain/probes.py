"""What a model that comes with sknemg leans on: simulated patients, their recordings altered.

Run ``python -m benchmarks.pretrain.probes --store FOLDER`` with the store of `benchmarks.pretrain`.
Patients who trained nothing are answered as they are, and again with recordings that are smaller,
longer, noisier or without slow power. An answer that follows something in which machines and
needles differ is not to be trusted on a machine that was not simulated. Nothing real is read.
``--write`` puts the table into the guide, ``--only-report`` that of the kept rows.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.signal import butter, resample_poly, sosfiltfilt

from benchmarks.machinery.reporting import markdown, read_with_commits, write_between
from benchmarks.machinery.runner import write_json
from benchmarks.pretrain.answers import answers
from benchmarks.pretrain.pages import SCORES, marks
from benchmarks.pretrain.patients import SFREQ, block, together
from benchmarks.pretrain.real_scores import FOLDER
from sknemg import Recordings
from sknemg.pretrained import describe, load
from sknemg.provenance import provenance

BEGINS, ENDS = marks("probes.py")
Alteration = Callable[[np.ndarray, np.random.Generator], np.ndarray]
AS_IT_IS = "as they are"
#: Where real recordings hold more power than simulated ones, Hz.
SLOW = (20, 60)


def _slow_noise(share: float) -> Alteration:
    """Add noise between 20 and 60 Hz of this share of the RMS."""

    def alter(wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        band = butter(2, SLOW, "band", fs=SFREQ, output="sos")
        noise = sosfiltfilt(band, rng.normal(size=len(wave)))
        return wave + noise / noise.std() * wave.std() * share

    return alter


def _quiet(wave: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Shrink towards zero by the level of the noise, so that the baseline is flat."""
    level = np.median(np.abs(wave)) / 0.6745
    return np.sign(wave) * np.maximum(np.abs(wave) - level, 0)


ALTERATIONS: dict[str, Alteration] = {
    AS_IT_IS: lambda wave, _: wave,
    "a quarter of the amplitude": lambda wave, _: wave / 4,
    "flat between potentials": _quiet,
    "4/5 of the length": lambda wave, _: resample_poly(wave, 4, 5),
    "5/4 of the length": lambda wave, _: resample_poly(wave, 5, 4),
    "white noise of 15 µV": lambda wave, rng: wave + rng.normal(0, 0.015, len(wave)),
    "slow noise, 1/4 of the RMS (6 % of the power)": _slow_noise(1 / 4),
    "slow noise, 1/2 of the RMS (20 % of the power)": _slow_noise(1 / 2),
}


def altered(waves: Recordings, alter: Alteration, seed: int = 0) -> Recordings:
    """Alter every recording; each has random numbers of its own."""
    rows = [
        alter(np.asarray(waves[at], dtype=float), np.random.default_rng([seed, at]))
        for at in range(len(waves))
    ]
    ends = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    return waves.with_values(np.concatenate(rows).astype(np.float32), ends, sfreq=SFREQ)


def probe(model: str, label: str, waves: Recordings, y: np.ndarray) -> pd.DataFrame:
    """Ask a model about patients whose recordings were altered in several ways."""
    middle, votes = load(model).estimator_[-2:]
    rows = []
    for name, alter in ALTERATIONS.items():
        found = answers(votes, middle.transform(altered(waves, alter)), y)
        called = found.classes[found.proba.argmax(axis=1)]
        row = {"model": label, "recordings": name, "subjects": len(called),
               "right": int((called == found.y).sum())}  # fmt: skip
        row |= {f"called_{kind}": int((called == kind).sum()) for kind in found.classes}
        normal = called[found.y == "normal"]
        row |= {f"normal_called_{kind}": int((normal == kind).sum()) for kind in found.classes}
        rows.append(row)
        print(row, flush=True)
    return pd.DataFrame(rows)


def table_of(rows: pd.DataFrame) -> str:
    """Lay out the answers as Markdown."""
    kinds = ["myopathy", "neuropathy", "normal"]
    header = ["model", "recordings", "right", *(f"called {kind}" for kind in kinds),
              "healthy ones called " + ", ".join(kinds)]  # fmt: skip
    lines = [
        [row["model"], row["recordings"], f"{row['right']} of {row['subjects']}",
         *(str(row[f"called_{kind}"]) for kind in kinds),
         ", ".join(str(row[f"normal_called_{kind}"]) for kind in kinds)]
        for row in rows.to_dict("records")
    ]  # fmt: skip
    return markdown(header, lines)


def asked(args: argparse.Namespace) -> pd.DataFrame:
    """Ask a model, and keep its rows beside those of others."""
    own = together([block(args.store, kind, 0) for kind in ("biceps", "default")])
    label = args.label or args.model
    found = probe(args.model, label, own.waves, own.y)
    world = provenance()
    found = found.assign(sha256=describe()["sha256"][args.model], commit=world["commit"])
    rows, about = args.out / "probes.csv", args.out / "probes.json"
    if rows.exists():
        kept = read_with_commits(rows, about)
        found = pd.concat([kept[kept["model"] != label], found], ignore_index=True)
    found.to_csv(rows, index=False)
    write_json(about, {"patients": "biceps and default, block 0"} | world)
    return found


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store", type=Path, help="of simulated patients")
    parser.add_argument("--only-report", action="store_true", help="ask no model anything")
    parser.add_argument("--model", default="volitional-small")
    parser.add_argument("--label", help="of its rows, beside those of other weights")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--write", action="store_true", help="into the guide")
    args = parser.parse_args()
    if args.only_report:
        rows = pd.read_csv(args.out / "probes.csv")
    elif args.store:
        rows = asked(args)
    else:
        parser.error("--store is needed to ask a model: give it, or --only-report.")
    print(table_of(rows))
    if args.write:
        write_between(SCORES, BEGINS, ENDS, table_of(rows))


if __name__ == "__main__":
    main()
