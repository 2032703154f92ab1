"""What the simulator must show, measured on its traces.

Motor-unit potentials, firing and numbers of units are measured by ``sknemg.muap`` on the recorded
signal, as on a patient's; discharges at rest by their spikes. Nothing is read from what the
simulator knows. Intervals are 95 % bootstrap intervals over simulated people.

    python -m benchmarks.simulator_acceptance --patients 20 --n-jobs 2 --out seed_0

The list of ``benchmarks.simulator_published`` follows: the classes beside published ranges.
"""

import argparse
import json
import time

import joblib
import numpy as np
import pandas as pd
import scipy

from benchmarks import simulator_published
from sknemg.muap import measure_muaps
from sknemg.muap._discharges import find_spikes, sharp
from sknemg.provenance import provenance
from sknemg.simulate import (
    Fibres,
    Instrument,
    concentric,
    fibre_potentials,
    healthy_muscle,
    make_cohort,
    monopolar,
    myopathy,
    neuropathy,
)
from sknemg.simulate.resting.denervation import fibrillation_potential
from sknemg.simulate.resting.end_plate import end_plate_spikes
from sknemg.simulate.resting.repetitive import complex_repetitive_discharge

SFREQ = 24_000
NEEDLES = {"monopolar": monopolar, "concentric": concentric}
CONDITIONS = {
    "normal": lambda muscle, seed: muscle,
    "myopathy": lambda muscle, seed: myopathy(muscle, 0.7, random_state=seed),
    "subacute neuropathy": lambda muscle, seed: neuropathy(muscle, 0.7, 0.2, random_state=seed),
    "chronic neuropathy": lambda muscle, seed: neuropathy(muscle, 0.7, 0.9, random_state=seed),
}
VISIBLE = 0.1  # mV: smaller potentials are not counted, as in the clinic


def examine(condition, needle, effort, seed, patient, n_sites, seconds):
    """MUAPs of one simulated person, and how many were seen at each site."""
    rng = np.random.default_rng([seed, patient])
    muscle = CONDITIONS[condition](healthy_muscle(random_state=rng), rng)
    contraction = muscle.activate(effort)
    tables = []
    for site in range(n_sites):
        tip = NEEDLES[needle](z=14 * rng.uniform(0.6, 1.2), angle=rng.uniform(0, 2 * np.pi))
        tip = contraction.seek(tip, random_state=rng)
        trace = contraction.record(
            tip, seconds, instrument=Instrument(sfreq=SFREQ), random_state=rng
        )
        table = measure_muaps(trace.signal, SFREQ, min_amplitude=VISIBLE)
        tables.append(table.assign(site=site))
    return pd.concat(tables).assign(condition=condition, patient=patient)


def examine_all(args, needle):
    jobs = [(condition, patient) for condition in CONDITIONS for patient in range(args.patients)]
    tables = joblib.Parallel(n_jobs=args.n_jobs)(
        joblib.delayed(examine)(
            condition, needle, args.effort, args.seed, patient, args.sites, args.seconds
        )
        for condition, patient in jobs
    )
    return {
        condition: [t for t, (c, _) in zip(tables, jobs, strict=True) if c == condition]
        for condition in CONDITIONS
    }


def median(column, scale=1.0):
    return lambda tables: pd.concat(tables)[column].median() * scale


def polyphasic(tables):
    return 100 * (pd.concat(tables)["phases"] > 4).mean()


def per_site(n_sites):
    return lambda tables: sum(map(len, tables)) / (n_sites * len(tables))


def with_interval(statistic, *cells, seed=0, n_draws=500):
    """Compute a statistic of one cell, or the ratio of that of two, with its bootstrap interval."""
    rng = np.random.default_rng(seed)

    def value(draw):
        values = [statistic(draw(cell)) for cell in cells]
        return values[0] if len(values) == 1 else values[0] / values[1]

    def resampled(cell):
        return [cell[k] for k in rng.integers(len(cell), size=len(cell))]

    draws = [value(resampled) for _ in range(n_draws)]
    return value(lambda cell: cell), *np.percentile(draws, [2.5, 97.5])


def row(what, target, measured, passed, interval=None, n=None):
    between = "" if interval is None else f"{interval[0]:.3g} to {interval[1]:.3g}"
    return {
        "what": what,
        "target": target,
        "measured": measured if isinstance(measured, str) else f"{measured:.3g}",
        "95 % interval": between,
        "n": "" if n is None else n,
        "result": "pass" if passed else "FAIL",
    }


def single_fibres():
    """Peak to peak near a thin electrode, and the first phase along the fibre."""
    fibres = Fibres(x=[0.1, 0.5], y=0.0, diameter=55.0)
    near, far = np.ptp(fibre_potentials(fibres, monopolar(radius=0.025)), axis=1)
    rows = [
        row("single fibre at 0.1 mm, mV peak to peak", "2.72 ± 10 %", near, 2.45 <= near <= 2.99),
        row("single fibre at 0.5 mm, mV peak to peak", "0.099 ± 10 %", far, 0.089 <= far <= 0.109),
    ]
    for z, target in ((18.0, "+ - +"), (0.0, "- +")):
        wave = fibre_potentials(Fibres(0.2, 0.0, 55.0), monopolar(z=z, radius=0.025))[0]
        signs = np.sign(wave[np.abs(wave) > 0.02 * np.ptp(wave)])
        order = signs[np.r_[True, np.diff(signs) != 0]]
        shown = " ".join("+" if sign > 0 else "-" for sign in order)
        rows.append(
            row(f"phases of a single fibre {z:g} mm from its end-plate", target, shown,
                shown.startswith(target))
        )  # fmt: skip
    return rows


def motor_units(cells, n_sites, seed):
    n = {name: sum(map(len, tables)) for name, tables in cells.items()}
    normal, sick = cells["normal"], cells["myopathy"]
    subacute, chronic = cells["subacute neuropathy"], cells["chronic neuropathy"]
    amplitude, duration = median("amplitude"), median("duration", 1e3)
    checks = [
        ("normal: duration, ms", "8 to 12", duration, (normal,), lambda v: 8 <= v <= 12),
        ("normal: amplitude, mV", "0.5 to 2", amplitude, (normal,), lambda v: 0.5 <= v <= 2),
        ("myopathy / normal: amplitude", "< 0.6", amplitude, (sick, normal), lambda v: v < 0.6),
        ("myopathy / normal: duration", "< 0.9", duration, (sick, normal), lambda v: v < 0.9),
        ("subacute / normal: duration", "> 1.3", duration, (subacute, normal), lambda v: v > 1.3),
        ("subacute: polyphasic, %", "> 50", polyphasic, (subacute,), lambda v: v > 50),
        ("chronic / normal: amplitude", "> 1.6", amplitude, (chronic, normal), lambda v: v > 1.6),
    ]
    rows = []
    for what, target, statistic, parts, passes in checks:
        value, *interval = with_interval(statistic, *parts, seed=seed)
        names = [name for part in parts for name, cell in cells.items() if cell is part]
        rows.append(
            row(what, target, value, passes(value), interval, " / ".join(str(n[k]) for k in names))
        )
    seen = {name: with_interval(per_site(n_sites), cell, seed=seed) for name, cell in cells.items()}
    first, middle = seen["myopathy"][0], seen["normal"][0]
    last = max(seen["subacute neuropathy"][0], seen["chronic neuropathy"][0])
    shown = ", ".join(f"{value:.2f}" for value, *_ in seen.values())
    target = "myopathy > normal > neuropathies"
    what = "units seen a site: normal, myopathy, subacute, chronic"
    rows.append(row(what, target, shown, first > middle > last, n=sum(n.values())))
    return rows


def spike_times(discharge, seed, floor=0.01):
    signal = Instrument(sfreq=SFREQ, noise=0.0005).record(discharge.signal, seed)
    return find_spikes(sharp(signal, SFREQ), SFREQ, threshold=6, floor=floor) / SFREQ


def cycle_correlation(discharge, seed):
    """Correlation of each cycle of a repetitive discharge with the next one."""
    signal = Instrument(sfreq=SFREQ, noise=0.0005).record(discharge.signal, seed)
    signal = signal[SFREQ // 10 :].astype(float)
    lags = scipy.signal.correlate(signal, signal, mode="full")[len(signal) - 1 :]
    shortest, longest = SFREQ // 150, SFREQ // 5
    period = shortest + int(lags[shortest:longest].argmax())
    # Cycles vary in length: each is compared with the next where that one fits best.
    slack = max(2, round(0.02 * period))
    scores = []
    for start in range(0, len(signal) - 2 * period - slack, period):
        cycle = signal[start : start + period]
        nexts = [signal[start + period + s :][:period] for s in range(-slack, slack + 1)]
        scores.append(max(np.corrcoef(cycle, other)[0, 1] for other in nexts))
    return float(np.median(scores))


def at_rest(seed, n=20):
    """Regularity of discharges at rest, from the spikes of 5-s clips of one generator."""
    variation = {"fibrillation": [], "end-plate spikes": []}
    similar = []
    for k in range(n):
        fibre = fibrillation_potential(5.0, SFREQ, n_fibres=1, amplitude=0.1, random_state=seed + k)
        spikes = end_plate_spikes(
            5.0, SFREQ, n_fibres=1, amplitude=0.2, noise=False, random_state=seed + k
        )
        for name, discharge in zip(variation, (fibre, spikes), strict=True):
            intervals = np.diff(spike_times(discharge, seed + k))
            if len(intervals) > 5:
                variation[name].append(intervals.std() / intervals.mean())
        ring = complex_repetitive_discharge(3.0, SFREQ, breaks=False, random_state=seed + k)
        similar.append(cycle_correlation(ring, seed + k))
    regular, irregular = (np.array(values) for values in variation.values())
    return [
        row("fibrillation: CV of intervals, median", "< 0.03", np.median(regular),
            np.median(regular) < 0.03, (regular.min(), regular.max()), len(regular)),
        row("end-plate spikes: CV of intervals, median", "> 0.5", np.median(irregular),
            np.median(irregular) > 0.5, (irregular.min(), irregular.max()), len(irregular)),
        row("complex repetitive: correlation of cycles, median", "> 0.98", np.median(similar),
            np.median(similar) > 0.98, (min(similar), max(similar)), n),
    ]  # fmt: skip


def whole_cohort(seed):
    serial, _ = make_cohort(6, random_state=seed, n_jobs=1)
    parallel, _ = make_cohort(6, random_state=seed, n_jobs=2)
    wall, cpu = time.perf_counter(), time.process_time()
    X, _ = make_cohort(random_state=seed)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    same = serial.equals(parallel)
    return [
        row("one process and two give the same bits", "yes", "yes" if same else "no", same),
        row(f"{len(X)} recordings, CPU seconds on one core ({wall:.0f} s of wall time)", "< 60",
            cpu, cpu < 60),
    ]  # fmt: skip


def summary(cells, n_sites):
    """Show the cells themselves, for whoever wants to judge more than pass and fail."""
    lines = {}
    for name, tables in cells.items():
        t = pd.concat(tables)
        lines[name] = {
            "n": len(t),
            "a site": len(t) / (n_sites * len(tables)),
            "amplitude mV": t["amplitude"].median(),
            "duration ms": t["duration"].median() * 1e3,
            "> 4 phases %": 100 * (t["phases"] > 4).mean(),
            "turns": t["turns"].mean(),
            "rise ms": t["rise_time"].median() * 1e3,
            "thickness ms": t["thickness"].median() * 1e3,
            "size index": t["size_index"].median(),
            "rate Hz": t["rate"].median(),
            "interval CV": t["isi_cv"].median(),
        }
    return pd.DataFrame(lines).T.round(2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=20, help="simulated people a condition")
    parser.add_argument("--sites", type=int, default=3, help="needle sites a person")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a recording")
    parser.add_argument("--effort", type=float, default=0.04)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--n-jobs", type=int, default=1)
    parser.add_argument("--out", help="folder of benchmarks/results/simulator_acceptance")
    args = parser.parse_args()
    print(provenance(), vars(args), sep="\n")
    pd.set_option("display.width", 250, "display.max_columns", 30, "display.max_colwidth", 80)
    cells = {needle: examine_all(args, needle) for needle in NEEDLES}
    rows = single_fibres() + motor_units(cells["monopolar"], args.sites, args.seed)
    rows += at_rest(args.seed) + whole_cohort(args.seed)
    print("\nAcceptance list (monopolar needle, severity 0.7, chronicity 0.2 and 0.9)")
    print("Intervals at rest are the smallest and largest clip.")
    print(pd.DataFrame(rows, index=range(1, len(rows) + 1)).to_string())
    print(f"\n{sum(r['result'] == 'pass' for r in rows)} of {len(rows)} pass")
    for needle, cell in cells.items():
        print(f"\nMUAPs by {needle} needle, medians\n{summary(cell, args.sites).to_string()}")
    print(
        "\nPublished, concentric: biceps duration, mean of 20, 7.4 to 13.0 ms; tibialis anterior "
        "9.35 ± 0.93 ms, 0.66 ± 0.09 mV, 3.5 ± 0.4 phases, polyphasic 5 to 35 %;\n"
        "monopolar / concentric amplitude 2.05 (one study; others less).\n"
    )
    published = simulator_published.run(args.patients, args.seed)
    simulator_published.show(*published)
    if args.out:
        folder = simulator_published.RESULTS / args.out
        folder.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows).to_csv(folder / "acceptance.csv", index=False)
        for needle, cell in cells.items():
            summary(cell, args.sites).to_csv(folder / f"{needle}.csv", index_label="medians")
        simulator_published.keep(folder, *published)
        settings = vars(args) | provenance()
        (folder / "settings.json").write_text(json.dumps(settings, indent=1) + "\n")


if __name__ == "__main__":
    main()
