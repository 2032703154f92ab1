"""Rest, contraction and artefact told apart in simulated recordings that switch between them.

Each recording is of one muscle (healthy, myopathy, neuropathy), one needle, one amplifier with its
noise and hum, and one effort (2 to 50 %). It switches at random between rest (electrical silence),
contraction, and artefacts (mains, pacemaker, pops, movement of the needle; 0.04 to 1 mV), 0.8 to
3.3 s each. Truth and answer are compared every 0.1 s, further than 0.15 s from a switch; the
silence between two pops, pulses or swings is not scored (no sample above 10 µV within 0.15 s).
Sensitivity is the share of the moments of a kind that are called so, precision the share of
moments called so that are. Intervals are exact 95 % intervals that count recordings.

    OMP_NUM_THREADS=1 python -m benchmarks.activity_gate --recordings 60 --seed 100 --out simulated

The gate was set on seeds 0 to 39; results are kept of seeds from 100 on. Artefacts on top of a
contraction are not in here. With ``--beside CHECKOUT``, the gate of another checkout of sknemg
judges the same recordings, and stands in the tables by its commit.
"""

import argparse
import json
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import maximum_filter1d

from benchmarks.machinery.beside import OtherCode
from sknemg.metrics import proportion_interval
from sknemg.preprocessing import ActivityGate
from sknemg.provenance import provenance
from sknemg.simulate import (
    Instrument,
    concentric,
    healthy_muscle,
    monopolar,
    motor_unit_potentials,
    myopathy,
    neuropathy,
    recruitment,
)
from sknemg.simulate.contraction import lay_down
from sknemg.simulate.resting import artefact
from sknemg.simulate.resting.artefacts import ARTEFACTS

SECONDS = 12.0
LEAD = 0.1
NEAR_A_SWITCH = 0.15  # s that are not scored
STEP = 0.1  # s between scored moments
VISIBLE = 0.01  # mV
RATES = (4_000, 10_000, 24_000, 48_000)
KINDS = ("rest", "contraction", "artefact")
RESULTS = Path(__file__).parent / "results" / "activity_gate"


def plan(rng):
    """Stretches (start, stop, kind) that fill a recording, no kind after itself."""
    stretches, start, last = [], 0.0, None
    while start < SECONDS:
        kind = str(rng.choice([kind for kind in KINDS if kind != last]))
        stop = start + rng.uniform(0.8, 2.5)
        stop = SECONDS if stop > SECONDS - 0.8 else stop
        stretches.append((start, stop, kind))
        start, last = stop, kind
    return stretches


def simulate(seed):
    """One recording: signal, rate, stretches, kinds of its artefacts, and where they are seen."""
    rng = np.random.default_rng([7, seed])
    sfreq = RATES[seed % len(RATES)]
    muscle = healthy_muscle(random_state=rng)
    disease = rng.integers(3)
    if disease == 1:
        muscle = myopathy(muscle, rng.uniform(0.4, 0.9), random_state=rng)
    elif disease == 2:
        muscle = neuropathy(muscle, rng.uniform(0.4, 0.8), rng.uniform(0, 1), random_state=rng)
    contraction = muscle.activate(float(np.exp(rng.uniform(np.log(0.02), np.log(0.5)))))
    tip = (concentric, monopolar)[rng.integers(2)](
        z=14 * rng.uniform(0.6, 1.2), angle=rng.uniform(0, 2 * np.pi)
    )
    tip = contraction.seek(tip, random_state=rng)
    (templates,) = motor_unit_potentials(
        contraction.active_fibres, tip, sfreq=sfreq, decay=contraction.decay, random_state=rng
    )
    total = SECONDS + LEAD
    stretches = plan(rng)
    active = [(a + LEAD, b + LEAD) for a, b, kind in stretches if kind == "contraction"]
    times = [
        own[np.any([(own >= a) & (own < b - 0.01) for a, b in active], axis=0)]
        if active
        else own[:0]
        for own in recruitment.firing_times(
            contraction.rates[templates.units], total, random_state=rng
        )
    ]
    potential = lay_down([templates], times, round(total * sfreq), sfreq, rng)
    artefacts, disturbed = {}, np.zeros(len(potential))
    for start, stop, kind in stretches:
        if kind == "artefact":
            which = str(rng.choice(ARTEFACTS))
            wave = artefact(stop - start, sfreq, kind=which, random_state=rng).signal
            at = round((start + LEAD) * sfreq)
            wave = wave[: len(potential) - at]
            potential[at : at + len(wave)] += wave
            disturbed[at : at + len(wave)] = wave
            artefacts[start] = which
    instrument = Instrument(
        sfreq=sfreq,
        noise=rng.uniform(0.001, 0.0025),
        mains=rng.exponential(0.003) * (rng.random() < 0.4),
        drift=rng.uniform(0.0, 0.005),
    )
    signal = instrument.record(potential, rng)[round(LEAD * sfreq) :]
    near = round(NEAR_A_SWITCH * sfreq)
    seen = Instrument(sfreq=sfreq, noise=0.0, resolution=0.0).record(disturbed, 0)
    seen = maximum_filter1d(np.abs(seen[round(LEAD * sfreq) :]), 2 * near + 1) > VISIBLE
    return signal, sfreq, stretches, artefacts, seen


def kind_at(stretches, moments):
    """Kind of each moment, and how far it is from the next switch."""
    starts = np.array([start for start, *_ in stretches])
    place = np.searchsorted(starts, moments, side="right") - 1
    kinds = np.array([kind for *_, kind in stretches], dtype=object)[place]
    switches = starts[1:] if len(starts) > 1 else np.array([-np.inf])
    return kinds, np.abs(moments[:, None] - switches[None]).min(axis=1), starts[place]


GATE_THERE = """
from sknemg.preprocessing import ActivityGate
found = ActivityGate().stretches(signal, sfreq)
result = list(zip(found["start"], found["stop"], found["kind"]))
"""


def judge(signal, sfreq, other=None):
    """Give the stretches that this code, or another, finds."""
    if other is not None:
        return other.run(GATE_THERE, signal=signal, sfreq=sfreq)
    found = ActivityGate().stretches(signal, sfreq)
    return list(zip(found["start"], found["stop"], found["kind"], strict=True))


def score(seeds, codes):
    """Make a row for each scored moment and code."""
    rows = []
    for seed in seeds:
        signal, sfreq, stretches, artefacts, seen = simulate(seed)
        moments = np.arange(STEP / 2, SECONDS, STEP)
        truth, away, start = kind_at(stretches, moments)
        answers = {
            code: kind_at(judge(signal, sfreq, other), moments)[0] for code, other in codes.items()
        }
        seen = seen[np.minimum((moments * sfreq).astype(int), len(seen) - 1)]
        for k in np.flatnonzero((away > NEAR_A_SWITCH) & ((truth != "artefact") | seen)):
            which = artefacts.get(start[k], truth[k])
            for code, answer in answers.items():
                rows.append((code, seed, sfreq, truth[k], which, answer[k]))
    return pd.DataFrame(rows, columns=["code", "recording", "sfreq", "truth", "which", "answer"])


def table(moments, column):
    rows = {}
    for (name, code), own in moments.groupby([column, "code"]):
        right = (own["truth"] == own["answer"]).to_numpy()
        low, high, _ = proportion_interval(right, own["recording"].to_numpy())
        row = {"moments": len(own), "sensitivity": right.mean(), "low": low, "high": high}
        row |= {f"called {kind}": (own["answer"] == kind).mean() for kind in KINDS}
        if column == "truth":
            called = moments[(moments["answer"] == name) & (moments["code"] == code)]
            row["precision"] = (called["truth"] == name).mean()
        rows[name, code] = row
    return pd.DataFrame(rows).T.round(3).rename_axis([column, "code"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=int, default=60)
    parser.add_argument("--seed", type=int, default=100, help="of the first recording")
    parser.add_argument("--beside", help="another checkout of sknemg, whose gate judges too")
    parser.add_argument("--out", help="name of the result in benchmarks/results/activity_gate")
    args = parser.parse_args()
    with ExitStack() as stack:
        codes = {provenance()["commit"]: None}
        if args.beside:
            other = stack.enter_context(OtherCode(args.beside))
            codes = {other.commit: other} | codes
        moments = score(range(args.seed, args.seed + args.recordings), codes)
    for column in ("truth", "which", "sfreq"):
        found = table(moments, column)
        print(f"\n{found.to_string()}")
        if args.out:
            folder = RESULTS / args.out
            folder.mkdir(parents=True, exist_ok=True)
            found.to_csv(folder / f"{column}.csv")
    if args.out:
        settings = {"recordings": args.recordings, "seed": args.seed} | provenance()
        (folder / "settings.json").write_text(json.dumps(settings, indent=1) + "\n")


if __name__ == "__main__":
    main()
