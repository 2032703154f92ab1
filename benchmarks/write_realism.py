"""The tables of the page "Simulated and real recordings compared", from kept results.

``before``, ``then`` and ``N2001`` are figures measured once: the simulator before commit bbb919d (5
patients a class, two recordings of 10 s, without mean frequency and kurtosis), that of 40b4ea0
(means of two seeds of 40 patients a class), and the ten subjects of N2001 at hand, at low effort,
by the same functions. No recording of N2001 is needed, nor kept.

    python -m benchmarks.write_realism
"""

import pandas as pd

from benchmarks.simulator_published import CLASSES, RESULTS

#: Means over units; units a site over recordings; of power below 50 Hz, mean frequency and kurtosis
#: medians over recordings.
BEFORE = {
    "amplitude, mV": (0.64, 0.30, 0.77),
    "duration, ms": (7.6, 7.1, 7.9),
    "thickness, ms": (1.16, 1.16, 1.14),
    "phases": (3.5, 3.5, 4.0),
    "size index": (0.62, -0.11, 0.67),
    "rate, Hz": (8.5, 8.9, 8.4),
    "polyphasic": (26, 24, 42),
    "units a site": (4.6, 3.4, 3.1),
    "power < 50 Hz, %": (0.2, 0.4, 0.2),
}
LAST = {
    "amplitude, mV": (0.284, 0.264, 0.514),
    "duration, ms": (9.16, 5.9, 14.6),
    "thickness, ms": (1.23, 0.877, 1.69),
    "phases": (2.51, 2.62, 3.6),
    "size index": (-0.0525, -0.487, 0.786),
    "rate, Hz": (8.26, 10.1, 8.61),
    "polyphasic": (10.8, 9.47, 31.6),
    "units a site": (1.81, 2.24, 1.3),
    "power < 50 Hz, %": (4.14, 3.37, 6.21),
    "mean frequency, Hz": (346, 485, 333),
    "kurtosis": (36.3, 42.8, 42.6),
}
N2001 = {
    "amplitude, mV": (0.24, 0.27, 0.35),
    "duration, ms": (7.8, 5.6, 12.6),
    "thickness, ms": (1.2, 0.85, 1.7),
    "phases": (2.4, 3.1, 3.1),
    "size index": (-0.20, -0.56, 0.58),
    "rate, Hz": (8.9, 12.3, 8.4),
    "polyphasic": (3, 14, 14),
    "units a site": (1.1, 2.9, 1.2),
    "power < 50 Hz, %": (6.3, 4.0, 7.3),
    "mean frequency, Hz": (280, 403, 243),
    "kurtosis": (22, 14, 13),
}


def kept(name):
    """Read the tables of this name of all seeds kept, by seed."""
    return {
        path.parent.name[5:]: pd.read_csv(path, dtype=str)
        for path in sorted(RESULTS.glob(f"*/{name}"))
    }


def before_after():
    """Make a row for each measure and class: before, then, after with each seed, N2001."""
    after = {seed: table.set_index("mean") for seed, table in kept("classes.csv").items()}
    rows = []
    for measure, real in N2001.items():
        for k, diagnosis in enumerate(CLASSES):
            found = {
                f"after, seed {seed}": f"{float(table.loc[measure, diagnosis]):.3g}"
                for seed, table in after.items()
            }
            row = {
                "mean": measure,
                "class": diagnosis,
                "before": f"{BEFORE[measure][k]:.3g}" if measure in BEFORE else "",
                "then": f"{LAST[measure][k]:.3g}",
            }
            rows.append(row | found | {"N2001": f"{real[k]:.3g}"})
    return pd.DataFrame(rows)


def lists():
    """Put the lists of all seeds side by side."""
    tables = kept("published.csv")
    first = next(iter(tables.values()))
    columns = {
        f"seed {seed}": table["measured"] + " (" + table["95 % interval"] + ") " + table["result"]
        for seed, table in tables.items()
    }
    return first[["class", "what", "range"]].assign(**columns, source=first["source"])


def main():
    before_after().to_csv(RESULTS / "before_after.csv", index=False)
    lists().to_csv(RESULTS / "lists.csv", index=False)


if __name__ == "__main__":
    main()
