"""Memory and time of windows that are cut by the batch, against the array of all windows.

A cohort of many subjects with 10 recordings of 10 s at 10 kHz, which are some simulated recordings
repeated under other names, is segmented (0.4 s every 0.1 s) and

- ``network``: nEMGNet is trained on a stated share of the windows of an epoch, and scores a batch;
- ``features``: segment features and a linear discriminant, in a DiVoteClassifier, are trained and
  give the levels of a stated share of the recordings, while the signals of all lie in memory;
- ``pickle``: what a worker is sent, in bytes.

Each has a process of its own, whose largest resident set is read at its end, after that of the
signals alone (``signals``). The time of an epoch is taken at a size where the array fits too: both
train in turn in one process, and a ratio is taken within a round of the processor's time.

    OMP_NUM_THREADS=1 python -m benchmarks.windows --out NAME
"""

import argparse
import json
import pickle
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg import DiVoteClassifier, NEMGNetClassifier, Recordings, Segmenter, SegmentFeatures
from sknemg.provenance import provenance
from sknemg.simulate import make_cohort

RESULTS = Path(__file__).parent / "results" / "windows"
SFREQ, SECONDS, EACH = 10_000, 10, 10


def make_signals(n_subjects, seed):
    """Repeat a few simulated recordings under other names; give them and their diagnoses."""
    few, diagnoses = make_cohort(3, sfreq=SFREQ, random_state=seed)
    classes = ["myopathy", "neuropathy", "normal"]
    own = {
        label: np.concatenate([few[int(i)] for i in np.flatnonzero(diagnoses == label)])
        for label in classes
    }
    n, rng = SFREQ * SECONDS, np.random.default_rng(seed)
    values = np.empty(n_subjects * EACH * n, dtype=np.float32)
    labels = np.repeat([classes[i % 3] for i in range(n_subjects)], EACH)
    for row, label in enumerate(labels):
        signal = own[label]
        values[row * n : (row + 1) * n] = np.resize(np.roll(signal, rng.integers(len(signal))), n)
    meta = pd.DataFrame({"sfreq": float(SFREQ), "subject": np.arange(len(labels)) // EACH})
    return Recordings.from_ragged(values, np.arange(len(labels) + 1) * n, meta), labels


def network(args, share):
    return NEMGNetClassifier(
        args.version, width=args.width, max_epochs=1, epoch_fraction=share, random_state=args.seed
    )


def peak():
    """Largest resident set of this process so far, in bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure(args):
    """Go one way in this process; print what it took."""
    X, y = make_signals(args.subjects, args.seed)
    before, start = peak(), time.process_time()
    done = {}
    if args.way != "signals":
        segments = Segmenter().fit_transform(X)
        n_windows = len(segments.items)
        done = {"windows": n_windows, "array_bytes": segments.items.nbytes}
    if args.way == "network":
        classifier = network(args, args.share).fit(segments.items, y[segments.row_index])
        classifier.predict_proba(segments.items[:2048])
        done["windows_used"] = round(args.share * n_windows) + 2048
    elif args.way == "features":
        rows = np.arange(0, len(segments), round(1 / args.share))
        linear = make_pipeline(
            SegmentFeatures(input_sfreq=SFREQ), StandardScaler(), LinearDiscriminantAnalysis()
        )
        model = DiVoteClassifier(linear).fit(segments[rows], y[rows])
        model.levels(segments[rows])
        done["windows_used"] = int(segments.lengths[rows].sum())
    elif args.way == "pickle":
        done["pickle_bytes"] = len(pickle.dumps(segments))
    cpu = time.process_time() - start
    row = {"way": args.way, "signal_bytes": X.values.nbytes, "before": before, "peak": peak()}
    print(json.dumps(row | done | {"cpu_s": cpu}))


def in_own_process(args, way):
    own = ["--way", way, "--subjects", args.subjects, "--share", args.share, "--seed", args.seed]
    own += ["--version", args.version, "--width", args.width]
    command = [sys.executable, "-m", "benchmarks.windows", *map(str, own)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def epochs(args):
    """Train on windows and on their array in turn; give the seconds of processor of each round."""
    X, y = make_signals(args.few, args.seed)
    segments = Segmenter().fit_transform(X)
    dense, labels = np.asarray(segments.items), y[segments.row_index]
    classifier, weights, rounds = network(args, args.epoch), {}, []
    classifier.fit(dense[:256], labels[:: len(labels) // 256][:256])  # what is loaded once
    for number in range(args.rounds):
        ways = {"windows": segments.items, "array": dense}
        row = {"round": number}
        for way in sorted(ways, reverse=bool(number % 2)):
            start = time.process_time(), time.perf_counter()
            weights[way] = classifier.fit(ways[way], labels).weights_
            row[f"{way}_cpu_s"] = time.process_time() - start[0]
            row[f"{way}_wall_s"] = time.perf_counter() - start[1]
        rounds.append(row | {"ratio": row["windows_cpu_s"] / row["array_cpu_s"]})
        print(rounds[-1], flush=True)
    same = all(
        np.array_equal(weights["windows"][name], weights["array"][name])
        for name in weights["array"]
    )
    return pd.DataFrame(rounds), {"windows": len(dense), "same_bits": same}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=600, help="of the cohort in memory")
    parser.add_argument("--share", type=float, default=0.02, help="of the windows, or recordings")
    parser.add_argument("--version", default="A")
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--few", type=int, default=6, help="subjects where the array fits too")
    parser.add_argument("--epoch", type=float, default=0.25, help="share of an epoch that is timed")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", help="name of the result in benchmarks/results/windows")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.way:
        measure(args)
        return
    memory = []
    for way in ("signals", "network", "features", "pickle"):
        memory.append(in_own_process(args, way))
        print(memory[-1], flush=True)
    rounds, timed = epochs(args)
    ratio = rounds["ratio"]
    print(
        f"an epoch on windows takes {ratio.median():.3f} [{ratio.min():.3f}, {ratio.max():.3f}] "
        f"times the array's; weights of equal bits: {timed['same_bits']}"
    )
    if args.out:
        folder = RESULTS / args.out
        folder.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(memory).to_csv(folder / "memory.csv", index=False, float_format="%.3f")
        rounds.to_csv(folder / "epochs.csv", index=False, float_format="%.4f")
        known = {name: value for name, value in vars(args).items() if name not in ("way", "out")}
        settings = known | {"timed": timed} | provenance()
        (folder / "settings.json").write_text(json.dumps(settings, indent=1) + "\n")


if __name__ == "__main__":
    main()
