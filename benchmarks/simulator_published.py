"""Simulated motor units of the biceps beside published ranges and beside N2001.

Patients of ``make_cohort``'s kind (biceps brachii, concentric needle, effort 2 to 8 %, no spared
muscles, and no gradient, since N2001's neuropathies are motor neuron diseases), two recordings of
10 s each, measured by ``sknemg.muap`` on the traces, from 50 µV on. A range is published where a
source is named; where none could be read, the range is that of N2001's subjects, measured in the
same way, and the line says so. The simulator's constants were searched for with these lines as a
goal, so that what is within is no confirmation; what is missed is shown as missed.

    python -m benchmarks.simulator_published --patients 40 --seed 0 --out seed_0
"""

import argparse
import json
import time
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.signal import butter, resample_poly, sosfiltfilt, welch
from scipy.stats import kurtosis

from sknemg.muap import measure_muaps
from sknemg.provenance import provenance
from sknemg.simulate.patient import Dials, simulate_patient

SFREQ, SECONDS, SITES = 24_000.0, 10.0, 2
CLASSES = ("normal", "myopathy", "neuropathy")
DIALS = Dials(
    severity=(0.45, 1.0),
    chronicity=(0.3, 1.0),
    effort=(0.02, 0.08),
    spared=0.0,
    gradient=0.0,
    age=(20.0, 70.0),
    needle="concentric",
    sfreq=SFREQ,
    band=(20.0, 10_000.0),
    noise=(0.001, 0.0025),
)
#: The band of the shipped models, Hz.
BAND = (20.0, 4500.0)
RESULTS = Path(__file__).parent / "results" / "simulator_acceptance"

NORWAY = "Norwegian guideline, biceps: means of healthy muscles ± 2 SD"
TIBIALIS = "J Neurol Neurosurg Psychiatry, tibialis anterior (highwire/markup/179731)"
MULTI = "Stålberg et al. 1995: a site gives up to 6"
FASTEST = "97 % of the fastest units of normal muscles, doi 10.1016/j.clinph.2024.05.001"
BRANNAGAN = "Brannagan et al. 1997, inclusion body myositis"
SONOO = "Sonoo and Stålberg 1993, neurogenic biceps and tibialis anterior"
FOREARM = "J Neurol Neurosurg Psychiatry 1977;40:544, 30 patients, forearm"
LOCAL = "N2001: means of its subjects, measured alike; nothing published found"
LARGE = "N2001: ratio of classes over 22 subjects, measured alike, ± 15 %"
UPPER_DURATION = 12.7e-3  # s: the guideline's mean + 2 SD


class Line(NamedTuple):
    """What is compared: a statistic of the cells of some classes, and its range."""

    what: str
    classes: tuple[str, ...]
    statistic: str
    low: float
    high: float
    source: str


#: Means of subjects of N2001 (3 or 4 a class; of mean frequency and kurtosis, medians over their
#: recordings), least and greatest, mV, ms, Hz and per cent.
N2001 = {
    "amplitude": {"normal": (0.21, 0.30), "myopathy": (0.12, 0.41), "neuropathy": (0.26, 0.47)},
    "duration": {"normal": (7.0, 8.3), "myopathy": (3.9, 6.3), "neuropathy": (10.5, 15.3)},
    "thickness": {"normal": (1.16, 1.37), "myopathy": (0.79, 0.91), "neuropathy": (1.26, 2.10)},
    "phases": {"normal": (1.9, 2.7), "myopathy": (1.75, 3.9), "neuropathy": (2.4, 4.1)},
    "size index": {
        "normal": (-0.28, -0.04),
        "myopathy": (-1.06, -0.22),
        "neuropathy": (0.24, 1.12),
    },
    "rate": {"normal": (6.7, 9.6), "myopathy": (9.5, 13.3), "neuropathy": (8.1, 8.9)},
    "units a site": {"normal": (0.6, 1.6), "myopathy": (1.5, 4.0), "neuropathy": (0.75, 1.75)},
    "power < 50 Hz": {"normal": (4.6, 9.0), "myopathy": (2.7, 4.4), "neuropathy": (3.2, 15)},
    "mean frequency": {"normal": (238, 349), "myopathy": (282, 639), "neuropathy": (222, 254)},
    "kurtosis": {"normal": (12.5, 24.3), "myopathy": (8.8, 13.9), "neuropathy": (7.9, 24.7)},
}
#: Means of N2001's classes over 22 subjects: normal, myopathy, neuropathy.
RATIOS = {
    "amplitude": (0.24, 0.23, 0.45),
    "duration": (7.8, 5.4, 13.0),
    "thickness": (1.3, 0.9, 1.8),
    "phases": (2.1, 2.7, 3.1),
}

_PUBLISHED = [
    Line("amplitude, mV", ("normal",), "amplitude", 0.206, 0.666, NORWAY),
    Line("duration, ms", ("normal",), "duration", 7.1, 12.7, NORWAY),
    Line("thickness, ms", ("normal",), "thickness", 1.10, 1.48,
         f"{TIBIALIS}: mean area / mean amplitude ± 15 %"),
    Line("phases", ("normal",), "phases", 2.75, 4.19, f"{TIBIALIS} ± 2 SD"),
    Line("polyphasic, %", ("normal",), "polyphasic", 0, 35, f"{TIBIALIS}: upper limit"),
    Line("units a site", ("normal",), "units a site", 1, 6, MULTI),
    Line("rate, Hz", ("normal",), "rate", 5, 15, FASTEST),
    Line("duration / normal", ("myopathy", "normal"), "duration", 0.52, 0.74,
         f"{BRANNAGAN}: shortened by 26 to 48 %"),
    Line("polyphasic, %", ("myopathy",), "polyphasic", 12, 100,
         f"{BRANNAGAN}: above 12 % in 11 of 13"),
    Line("units a site / normal", ("myopathy", "normal"), "units a site", 1, np.inf,
         "early recruitment: more units at the same effort (direction only)"),
    Line("patients whose mean duration is long, %", ("neuropathy",), "prolonged", 63, 93,
         f"{FOREARM}: 78 %, ± 15"),
    Line("size index above 97.5 % of normal units, %", ("neuropathy", "normal"),
         "abnormal size index", 55, 85, f"{SONOO}: around 70 %, ± 15"),
    Line("duration above 97.5 % of normal units, %", ("neuropathy", "normal"),
         "abnormal duration", 15, 30, f"{SONOO}: 15 to 30 %"),
]  # fmt: skip


def lines():
    """All lines, the published ones first."""
    named = {(line.classes[0], line.statistic) for line in _PUBLISHED if len(line.classes) == 1}
    others = [
        Line(_with_unit(name), (diagnosis,), name, *ranges[diagnosis], LOCAL)
        for name, ranges in N2001.items()
        for diagnosis in CLASSES
        if (diagnosis, name) not in named
    ]
    ratios = [
        Line(f"{name} / normal", (diagnosis, "normal"), name, 0.85 * ratio, 1.15 * ratio, LARGE)
        for name, means in RATIOS.items()
        for diagnosis, ratio in zip(CLASSES[1:], np.array(means[1:]) / means[0], strict=True)
    ]
    return [*_PUBLISHED, *others, *ratios]


def _with_unit(name):
    units = {
        "amplitude": ", mV", "duration": ", ms", "thickness": ", ms", "rate": ", Hz",
        "mean frequency": ", Hz",
    }  # fmt: skip
    return name + units.get(name, ", %" if name.startswith("power") else "")


class Patient(NamedTuple):
    """What was measured on one patient: a row a MUAP, and a row a recording."""

    muaps: pd.DataFrame
    recordings: pd.DataFrame


def examine(diagnosis, number, seed):
    """Simulate a patient and measure what a real one's recordings would show."""
    rows = pd.DataFrame(
        {
            "subject": number,
            "diagnosis": diagnosis,
            "muscle": "biceps brachii",
            "seconds": [SECONDS] * SITES,
        }
    )
    muaps, recordings = [], []
    for recording in simulate_patient(rows, DIALS, seed):
        signal = recording.trace.signal.astype(float)
        table = measure_muaps(signal, SFREQ)
        muaps.append(table)
        mean_frequency, peaked = spectrum_and_peaks(signal, SFREQ)
        recordings.append(
            {
                "units": len(table),
                "slow": slow_power(signal, SFREQ),
                "mean_frequency": mean_frequency,
                "kurtosis": peaked,
            }
        )
    return Patient(pd.concat(muaps, ignore_index=True), pd.DataFrame(recordings))


def slow_power(signal, sfreq):
    """Share of the power from 20 to 5000 Hz that lies below 50 Hz."""
    freqs, power = welch(signal, sfreq, nperseg=int(0.2 * sfreq))
    inside = (freqs >= 20) & (freqs <= 5000)
    return power[inside & (freqs < 50)].sum() / power[inside].sum()


def spectrum_and_peaks(signal, sfreq):
    """Mean frequency (Hz), and median kurtosis of windows of 0.4 s, in `BAND` at 10 kHz.

    That is the band of the shipped models, by a filter of its own that leaves mains hum in.
    """
    rate = 10_000
    ratio = Fraction(rate) / Fraction(sfreq)
    slower = resample_poly(signal, ratio.numerator, ratio.denominator)
    kept = sosfiltfilt(butter(2, BAND, "bandpass", fs=rate, output="sos"), slower)
    freqs, power = welch(kept, rate, nperseg=2048)
    inside = (freqs >= BAND[0]) & (freqs < BAND[1])
    length = round(0.4 * rate)
    windows = kept[: len(kept) // length * length].reshape(-1, length)
    return (
        np.average(freqs[inside], weights=power[inside]),
        float(np.median(kurtosis(windows, axis=1))),
    )


def _all(patients):
    return pd.concat([patient.muaps for patient in patients])


def _mean(column, scale=1.0):
    return lambda cell, *_: _all(cell)[column].mean() * scale


def _recorded(column, how, scale=1.0):
    return lambda cell, *_: scale * how(pd.concat([p.recordings for p in cell])[column])


def _prolonged(cell, *_):
    means = [p.muaps["duration"].mean() for p in cell if len(p.muaps)]
    return 100 * np.mean(np.array(means) > UPPER_DURATION)


def _abnormal(column):
    def share(cell, normal):
        limit = _all(normal)[column].quantile(0.975)
        return 100 * (_all(cell)[column] > limit).mean()

    return share


STATISTICS = {
    "amplitude": _mean("amplitude"),
    "duration": _mean("duration", 1e3),
    "thickness": _mean("thickness", 1e3),
    "phases": _mean("phases"),
    "size index": _mean("size_index"),
    "rate": _mean("rate"),
    "polyphasic": lambda cell, *_: 100 * (_all(cell)["phases"] > 4).mean(),
    "units a site": _recorded("units", np.mean),
    "power < 50 Hz": _recorded("slow", np.median, 100),
    "mean frequency": _recorded("mean_frequency", np.median),
    "kurtosis": _recorded("kurtosis", np.median),
    "prolonged": _prolonged,
    "abnormal size index": _abnormal("size_index"),
    "abnormal duration": _abnormal("duration"),
}
#: Statistics of two classes at once; of all others with two classes, the ratio is taken.
_OF_BOTH = ("abnormal size index", "abnormal duration")


def value_of(line, cells):
    """Value of a line for one draw of patients."""
    statistic = STATISTICS[line.statistic]
    first, *others = (cells[name] for name in line.classes)
    if not others or line.statistic in _OF_BOTH:
        return statistic(first, *others)
    return statistic(first) / statistic(others[0])


def check(cells, seed, n_draws=300):
    """Compare every line with its range: a DataFrame, intervals by bootstrap over patients."""
    rng = np.random.default_rng(seed)
    draws = [
        {name: [cell[k] for k in rng.integers(len(cell), size=len(cell))]
         for name, cell in cells.items()}
        for _ in range(n_draws)
    ]  # fmt: skip
    rows = []
    for line in lines():
        value = value_of(line, cells)
        low, high = np.nanpercentile([value_of(line, draw) for draw in draws], [2.5, 97.5])
        rows.append(
            {
                "class": line.classes[0],
                "what": line.what,
                "range": f"{line.low:.3g} to {line.high:.3g}",
                "measured": f"{value:.3g}",
                "95 % interval": f"{low:.3g} to {high:.3g}",
                "result": "within" if line.low <= value <= line.high else "MISSED",
                "source": line.source,
            }
        )
    return pd.DataFrame(rows)


def summary(cells):
    """Table of the classes: what the issue's table of before and after shows."""
    shown = [name for name in STATISTICS if name not in (*_OF_BOTH, "prolonged")]
    rows = {
        diagnosis: {"MUAPs": len(_all(cell))}
        | {_with_unit(name): STATISTICS[name](cell) for name in shown}
        for diagnosis, cell in cells.items()
    }
    return pd.DataFrame(rows).round(3)


def run(n_patients, seed):
    """Examine patients of each class: the lines, and the table of the classes."""
    cells = {
        diagnosis: [examine(diagnosis, 1 + k, seed) for k in range(n_patients)]
        for diagnosis in CLASSES
    }
    return check(cells, seed), summary(cells)


def show(table, means):
    print(means.to_string(), table.to_string(), sep="\n\n")
    print(f"\n{(table['result'] == 'within').sum()} of {len(table)} lines within their range")


def keep(folder, table, means):
    table.to_csv(folder / "published.csv", index=False)
    means.to_csv(folder / "classes.csv", index_label="mean")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=40, help="simulated people a class")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", help="folder of benchmarks/results/simulator_acceptance")
    args = parser.parse_args()
    started = time.process_time()
    found = run(args.patients, args.seed)
    pd.set_option("display.width", 250, "display.max_columns", 30, "display.max_colwidth", 90)
    show(*found)
    if args.out:
        folder = RESULTS / args.out
        folder.mkdir(parents=True, exist_ok=True)
        keep(folder, *found)
        settings = vars(args) | {"cpu_seconds": round(time.process_time() - started, 1)}
        (folder / "published.json").write_text(json.dumps(settings | provenance(), indent=1) + "\n")


if __name__ == "__main__":
    main()
