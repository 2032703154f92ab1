"""CPU seconds to simulate a second of needle EMG, by condition, effort and sampling rate.

Cells are visited in turn, round after round, so that another load on the machine falls on all of
them alike; the median round is shown. Making the muscle comes extra, in a column of its own.

    OMP_NUM_THREADS=1 python -m benchmarks.simulator_speed --cohort
"""

import argparse
import json
import time

import numpy as np
import pandas as pd

from sknemg.provenance import provenance
from sknemg.simulate import (
    Instrument,
    concentric,
    healthy_muscle,
    make_cohort,
    monopolar,
    myopathy,
    neuropathy,
)

CONDITIONS = {
    "normal": lambda seed: healthy_muscle(random_state=seed),
    "myopathy": lambda seed: myopathy(healthy_muscle(random_state=seed), 0.7, random_state=seed),
    "neuropathy": lambda seed: neuropathy(
        healthy_muscle(random_state=seed), 0.7, random_state=seed
    ),
}
EFFORTS = {"minimal": 0.03, "moderate": 0.2, "maximal": 0.8}
NEEDLES = {"monopolar": monopolar, "concentric": concentric}


def cpu(task):
    start = time.process_time()
    result = task()
    return time.process_time() - start, result


def one_round(seed, seconds, sfreqs):
    for condition, make in CONDITIONS.items():
        made, muscle = cpu(lambda make=make: make(seed))
        for effort, share in EFFORTS.items():
            for kind, needle in NEEDLES.items():
                contraction = muscle.activate(share)
                tip = contraction.seek(needle(), random_state=seed)
                cell = {"condition": condition, "effort": effort, "needle": kind}
                for sfreq in sfreqs:
                    instrument = Instrument(sfreq=sfreq)
                    spent, _ = cpu(
                        lambda c=contraction, t=tip, i=instrument: c.record(
                            t, seconds, instrument=i, random_state=seed
                        )
                    )
                    yield cell | {"sfreq": sfreq, "per second": spent / seconds, "muscle": made}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cohort", action="store_true", help="also the default cohort, serially")
    options = parser.parse_args()
    print(json.dumps(provenance()), f"seed {options.seed}")
    rows = [
        row
        for seed in range(options.seed, options.seed + options.rounds)
        for row in one_round(seed, options.seconds, (48_000, 10_000))
    ]
    table = pd.DataFrame(rows)
    cells = table.pivot_table(
        "per second", ["condition", "effort"], ["needle", "sfreq"], "median", sort=False
    )
    print("CPU milliseconds for each second recorded")
    print((1000 * cells).round(1).to_string())
    print("CPU milliseconds for each muscle made")
    print((1000 * table.groupby("condition", sort=False)["muscle"].median()).round(1).to_string())
    if options.cohort:
        for sfreq in (48_000, 10_000):
            spent, (X, _) = cpu(lambda f=sfreq: make_cohort(sfreq=f, random_state=options.seed))
            seconds = np.sum(X.durations)
            print(f"default cohort at {sfreq} Hz: {spent:.1f} s CPU for {seconds:.1f} s of signal")


if __name__ == "__main__":
    main()
