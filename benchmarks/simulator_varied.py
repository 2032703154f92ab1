"""CPU time of a large varied cohort, from a sample of its own patients.

Of the plan of ``make_cohort(n, vary=...)`` every so-many-th patient is simulated, one process, one
thread; the whole takes their mean times their number (95 % interval by bootstrap over the sample).
``--whole`` simulates all of them instead and keeps the time alone.

    OMP_NUM_THREADS=1 python -m benchmarks.simulator_varied --out varied
"""

import argparse
import inspect
import json
import time

import numpy as np

from benchmarks.simulator_published import RESULTS
from sknemg.provenance import provenance
from sknemg.simulate import make_cohort
from sknemg.simulate.patient import Dials, simulate_patient
from sknemg.simulate.plan import plan_cohort


def dials_of(vary):
    """Take the defaults of make_cohort, varied."""
    usual = inspect.signature(make_cohort).parameters
    given = {name: usual[name].default for name in Dials._fields if name != "vary"}
    return Dials(**given, vary=vary).checked()


def measure(vary, n_subjects, n_sampled, seed):
    """CPU seconds of a sample of patients, and what the whole cohort takes."""
    plan = plan_cohort(n_subjects, random_state=seed)
    patients = [rows for _, rows in plan.groupby("subject")]
    step = len(patients) // n_sampled
    spent, n_recordings, dials = [], 0, dials_of(vary)
    for rows in patients[::step]:
        started = time.process_time()
        simulate_patient(rows, dials, seed)
        spent.append(time.process_time() - started)
        n_recordings += len(rows)
    spent = np.array(spent)
    rng = np.random.default_rng(seed)
    means = rng.choice(spent, (1000, len(spent))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5]) * n_subjects / 60
    return {
        "vary": vary,
        "subjects": n_subjects,
        "recordings": len(plan),
        "sampled subjects": len(spent),
        "sampled recordings": n_recordings,
        "CPU s a subject": round(spent.mean(), 3),
        "CPU minutes of all": round(spent.mean() * n_subjects / 60, 1),
        "95 % interval": [round(low, 1), round(high, 1)],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=1000)
    parser.add_argument("--sampled", type=int, default=40)
    parser.add_argument("--whole", action="store_true", help="simulate all, without a sample")
    parser.add_argument("--vary", nargs="+", default=["acquisition", "all"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", help="name of the file in benchmarks/results/simulator_acceptance")
    args = parser.parse_args()
    sampled = args.subjects if args.whole else args.sampled
    rows = []
    for vary in args.vary:
        rows.append(measure(vary, args.subjects, sampled, args.seed))
        print(rows[-1], flush=True)
    if args.out:
        RESULTS.mkdir(parents=True, exist_ok=True)
        kept = {"seed": args.seed, "cohorts": rows} | provenance()
        (RESULTS / f"{args.out}.json").write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
