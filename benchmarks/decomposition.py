"""Motor units found in simulated recordings, against the units that made them.

A unit is *findable* if its potential, through the amplifier and without noise, has 50 µV or more
from peak to peak and rises within 0.8 ms. A train that is found belongs to the unit that most of
its discharges match, one constant delay allowed for, within 1 ms; where that is less than 70 % of
them, or the unit has a better train already, it is *false*. *Right* is the share of a train's
discharges that match, *complete* the share of the unit's discharges that were found. A train of a
unit of 20 µV or more that is not findable is neither found nor false. CPU time is that of
``measure_muaps``, against which the length of the recording is set.

    OMP_NUM_THREADS=1 python -m benchmarks.decomposition --patients 4 --seed 2 --out simulated
    python -m benchmarks.write_motor_units    # the page of the docs that shows it

With ``--beside CHECKOUT``, another checkout of sknemg measures the same recordings in turn, and
stands in the tables by its commit. Nothing was tuned on the patients of seed 2, whose results are
kept; the page ``docs/motor_units.md`` shows them.

Patients, muscles, needles and discharges are simulated: errors of the amplifier, cross-talk and
movement of a real examination are not in here.
"""

import argparse
import json
import time
from contextlib import ExitStack
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.machinery.beside import OtherCode
from sknemg.muap import measure_muap, measure_muaps
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

SFREQ = 24_000
SECONDS = 11.0
LEAD = 0.1
NEEDLES = {"concentric": concentric, "monopolar": monopolar}
CONDITIONS = {
    "normal": lambda muscle, seed: muscle,
    "myopathy": lambda muscle, seed: myopathy(muscle, 0.7, random_state=seed),
    "subacute neuropathy": lambda muscle, seed: neuropathy(muscle, 0.7, 0.2, random_state=seed),
    "chronic neuropathy": lambda muscle, seed: neuropathy(muscle, 0.7, 0.9, random_state=seed),
}
EFFORTS = (0.02, 0.05, 0.1, 0.2)
WITHIN = 1e-3  # s
BELONGS = 0.7
RESULTS = Path(__file__).parent / "results" / "decomposition"


def simulate(condition, needle, effort, seed):
    """Record a contraction and keep its units: signal, true times and measures of each."""
    rng = np.random.default_rng([seed, *map(ord, condition + needle), round(1000 * effort)])
    muscle = CONDITIONS[condition](healthy_muscle(random_state=rng), rng)
    contraction = muscle.activate(effort)
    tip = NEEDLES[needle](z=14 * rng.uniform(0.6, 1.2), angle=rng.uniform(0, 2 * np.pi))
    tip = contraction.seek(tip, random_state=rng)
    (templates,) = motor_unit_potentials(
        contraction.active_fibres, tip, sfreq=SFREQ, decay=contraction.decay, random_state=rng
    )
    total = SECONDS + LEAD
    times = recruitment.firing_times(contraction.rates[templates.units], total, random_state=rng)
    lead, n_times = round(LEAD * SFREQ), round(total * SFREQ)
    potential = lay_down([templates], times, n_times, SFREQ, rng)
    signal = Instrument(sfreq=SFREQ).record(potential, rng)[lead:]
    silent = Instrument(sfreq=SFREQ, noise=0.0, resolution=0.0)
    truth = []
    for row, own in enumerate(times):
        wave = templates.waves[row, :, 0].mean(axis=0)
        if np.ptp(wave) < 0.02:
            continue
        measures = measure_muap(silent.record(np.pad(wave, (1200, 1200)), 0), SFREQ)
        truth.append((own[(own > LEAD) & (own < total - 0.03)] - LEAD, measures))
    return signal, truth


def delay_of(found, own):
    """Delay from discharge to spike that most found discharges have, and which match."""
    lags = found[:, None] - own[None]
    near = np.sort(lags[(lags > -5e-3) & (lags < 40e-3)])
    if not len(near):
        return np.zeros(len(found), bool), np.zeros(len(own), bool)
    ends = np.searchsorted(near, near + WITHIN, side="right")
    best = (ends - np.arange(len(near))).argmax()
    delay = np.median(near[best : ends[best]])
    match = np.abs(lags - delay) <= WITHIN
    return match.any(axis=1), match.any(axis=0)


MEASURE_THERE = """
import time
from sknemg.muap import measure_muaps
start = time.process_time()
found = measure_muaps(signal, sfreq, return_templates=True)
result = found.table, found.discharges, time.process_time() - start
"""


def measure(signal, other=None):
    """Measure by this code or another: table, discharges and CPU time."""
    if other is not None:
        return other.run(MEASURE_THERE, signal=signal, sfreq=SFREQ)
    start = time.process_time()
    found = measure_muaps(signal, SFREQ, return_templates=True)
    return found.table, found.discharges, time.process_time() - start


def score(signal, truth, other=None):
    """One row a findable unit, one a false train."""
    table, discharges, spent = measure(signal, other)
    pairs = []
    for k, found in enumerate(discharges):
        for unit, (own, _) in enumerate(truth):
            right, complete = delay_of(found, own)
            pairs.append((right.mean() * complete.mean(), right.mean(), complete.mean(), k, unit))
    rows = {unit: {"found": False} for unit in range(len(truth))}
    findable = [m["amplitude"] >= 0.05 and m["rise_time"] <= 0.8e-3 for _, m in truth]
    taken = set()
    for _, right, complete, k, unit in sorted(pairs, reverse=True):
        if right < BELONGS or k in taken or rows[unit]["found"]:
            continue
        taken.add(k)
        measured, true = table.iloc[k], truth[unit][1]
        rows[unit] = {
            "found": True,
            "right": right,
            "complete": complete,
            "amplitude error": measured["amplitude"] / true["amplitude"] - 1,
            "duration error": measured["duration"] / true["duration"] - 1,
        }
    false = [{"false": True}] * (len(discharges) - len(taken))
    return [*(rows[unit] for unit in rows if findable[unit]), *false], spent


def summary(units, recordings):
    """One line for a cell."""
    real = units[~units["false"]]
    found = real[real["found"].astype(bool)]
    return pd.Series(
        {
            "recordings": len(recordings),
            "findable": len(real) / len(recordings),
            "found": len(found) / len(recordings),
            "found %": 100 * len(found) / max(len(real), 1),
            "right %": 100 * found["right"].mean(),
            "complete %": 100 * found["complete"].mean(),
            "false %": 100 * units["false"].sum() / max(len(found) + units["false"].sum(), 1),
            "amplitude error %": 100 * found["amplitude error"].abs().median(),
            "duration error %": 100 * found["duration error"].abs().median(),
            "without a unit %": 100 * (recordings["found"] == 0).mean(),
            "times real time": SECONDS * len(recordings) / recordings["cpu"].sum(),
        }
    ).round(1)


def run(patients, efforts, seed, cache=None, codes=None):
    codes = codes or {"this": None}
    units, recordings = [], []
    for other in codes.values():
        score(*simulated(cache, "normal", "concentric", min(efforts), 1000 * seed), other)  # warm
    for effort, condition, needle, patient in product(
        efforts, CONDITIONS, NEEDLES, range(patients)
    ):
        made = simulated(cache, condition, needle, effort, 1000 * seed + patient)
        for code, other in codes.items():
            cell = {"effort": effort, "condition": condition, "needle": needle, "code": code}
            rows, spent = score(*made, other)
            number = len(recordings)
            units += [cell | {"recording": number, "false": False} | row for row in rows]
            n_found = sum(row.get("found", False) for row in rows)
            recordings.append(cell | {"cpu": spent, "found": n_found})
    return pd.DataFrame(units), pd.DataFrame(recordings)


def simulated(cache, *cell):
    if cache is None:
        return simulate(*cell)
    import joblib

    return joblib.Memory(cache, verbose=0).cache(simulate)(*cell)


def tables(units, recordings):
    """Summaries by effort, then by effort and condition, and by effort and needle."""
    for more in ([], ["condition"], ["needle"]):
        keys = ["effort", *more, "code"]
        groups = recordings.groupby(keys)
        rows = {
            key: summary(units[(units[keys] == list(key)).all(axis=1)], group)
            for key, group in groups
        }
        table = pd.DataFrame(rows).T
        table.index = pd.MultiIndex.from_tuples(table.index, names=keys)
        yield "_".join(keys[:-1]), table


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=4, help="in each cell")
    parser.add_argument("--efforts", type=float, nargs="+", default=EFFORTS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", help="folder in which simulated recordings are kept")
    parser.add_argument("--beside", help="another checkout of sknemg, measured as well")
    parser.add_argument("--out", help="name of the result in benchmarks/results/decomposition")
    args = parser.parse_args()
    with ExitStack() as stack:
        codes = {provenance()["commit"]: None}
        if args.beside:
            other = stack.enter_context(OtherCode(args.beside))
            codes = {other.commit: other} | codes
        units, recordings = run(args.patients, args.efforts, args.seed, args.cache, codes)
    for name, table in tables(units, recordings):
        print(f"\n{table.to_string()}")
        if args.out:
            folder = RESULTS / args.out
            folder.mkdir(parents=True, exist_ok=True)
            table.to_csv(folder / f"{name}.csv")
    if args.out:
        settings = {"patients": args.patients, "efforts": list(args.efforts), "seed": args.seed}
        (folder / "settings.json").write_text(json.dumps(settings | provenance(), indent=1) + "\n")


if __name__ == "__main__":
    main()
