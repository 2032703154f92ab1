"""Memory and time of windows that are cut by the batch, against the array of all windows.

A cohort of many subjects with 10 recordings of 10 s at 10 kHz, which are some simulated recordings
repeated under other names, is segmented (0.4 s every 0.1 s) and

- ``network``: nEMGNet is trained on a stated share of the windows of an epoch, and scores a batch;
- ``convolutions``: fixed convolutions in the manner of MiniRocket (its 84 kernels, four dilations,
  two thresholds; no extra is needed) and a ridge classifier are trained chunk by chunk on a share
  of the windows, and score a batch;
- ``features``: segment features and a linear discriminant, in a DiVoteClassifier, are trained and
  give the levels of a stated share of the recordings, while the signals of all lie in memory;
- ``array``, with ``--whole``: the same network on the array of all windows, at the same time;
- ``pickle``: what a worker is sent, in bytes.

Each has a process of its own of one thread, two at a time, whose largest resident set is read at
its end, after that of the signals alone (``signals``). A share is what five minutes allow;
``--scale`` takes more, and ``--whole`` a whole epoch of the network, on windows and on their array,
whose weights have to be the same bits (some 15 minutes and 16 GB). An epoch's time is also taken
at a size where the array is small: both train in turn in one process, and a ratio is taken within
a round of the processor's time.

    OMP_NUM_THREADS=1 python -m benchmarks.windows --whole --out cpu

writes the table into docs/guide/data_model.md, too.

References
----------
A. Dempster, D. F. Schmidt and G. I. Webb, "MiniRocket: a very fast (almost) deterministic transform
for time series classification", KDD 2021.
"""

import argparse
import hashlib
import json
import pickle
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.machinery.reporting import NOT_RUN, markdown, replace_section
from sknemg import DiVoteClassifier, NEMGNetClassifier, Recordings, Segmenter, SegmentFeatures
from sknemg.provenance import provenance
from sknemg.simulate import make_cohort

RESULTS = Path(__file__).parent / "results" / "windows"
PAGE = Path(__file__).parents[1] / "docs" / "guide" / "data_model.md"
SFREQ, SECONDS, EACH = 10_000, 10, 10
#: Shares of the windows, or of the recordings, that five minutes allow.
SHARES = {"network": 0.15, "convolutions": 0.015, "features": 0.04}
WAYS = {
    "network": "nEMGNet-{version}, width {width}: {part} epoch",
    "array": "the same on the array",
    "convolutions": "MiniRocket's kernels + ridge, by chunks",
    "features": "segment features + LDA, votes",
}


class ConvolutionRidge(ClassifierMixin, BaseEstimator):
    """Shares of positive values after fixed convolutions, and a ridge classifier, chunk by chunk.

    A classifier of one's own that takes windows: it says so, and cuts as many as it works on. Only
    the sums of products of the features outlive a chunk: memory does not grow with the windows.
    """

    cuts_windows = True

    def __init__(self, dilations=(1, 4, 16, 64), alpha=1e3, chunk=256):
        self.dilations = dilations
        self.alpha = alpha
        self.chunk = chunk

    def fit(self, X, y):
        self.classes_, codes = np.unique(y, return_inverse=True)
        self._learn_thresholds(np.asarray(X[:: max(1, len(X) // 64)][:64]))
        target = np.where(codes[:, None] == np.arange(len(self.classes_)), 1.0, -1.0)
        n_features = len(self._features(np.asarray(X[:1]))[0])
        products = np.zeros((n_features + 1, n_features + 1))
        with_target = np.zeros((n_features + 1, len(self.classes_)))
        for start in range(0, len(X), self.chunk):
            rows = self._with_one(np.asarray(X[start : start + self.chunk]))
            products += rows.T @ rows
            with_target += rows.T @ target[start : start + self.chunk]
        penalty = self.alpha * np.eye(n_features + 1)
        penalty[-1, -1] = 0  # the intercept
        self.coef_ = np.linalg.solve(products + penalty, with_target)
        return self

    def predict_proba(self, X):
        chunks = range(0, len(X), self.chunk)
        cut = (np.asarray(X[start : start + self.chunk]) for start in chunks)
        return softmax(np.concatenate([self._with_one(part) @ self.coef_ for part in cut]), axis=1)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _convolved(self, part):
        """Give one dilation at a time, of shape (n, 84, n_times)."""
        kernels = torch.full((84, 9), -1.0)
        for row, places in enumerate(combinations(range(9), 3)):
            kernels[row, list(places)] = 2.0
        x = torch.from_numpy(np.ascontiguousarray(part, dtype=np.float32))
        for step in self.dilations:
            padded = torch.nn.functional.pad(x, (4 * step, 4 * step))
            taps = [padded[:, at * step : at * step + x.shape[1]] for at in range(9)]
            yield kernels @ torch.stack(taps, dim=1)

    def _learn_thresholds(self, part):
        """Take the terciles of each convolution on some windows, as MiniRocket takes quantiles."""
        self.thresholds_ = [
            np.quantile(found.transpose(0, 1).flatten(1).numpy()[:, ::16], [1 / 3, 2 / 3], axis=1)
            for found in self._convolved(part)
        ]

    def _features(self, part):
        shares = [
            (found > torch.from_numpy(threshold.astype(np.float32))[None, :, None]).float().mean(2)
            for found, thresholds in zip(self._convolved(part), self.thresholds_, strict=True)
            for threshold in thresholds
        ]
        return torch.cat(shares, dim=1).numpy()

    def _with_one(self, part):
        features = [self._features(part[at : at + 16]) for at in range(0, len(part), 16)]
        features = np.concatenate(features).astype(np.float64)
        return np.column_stack([features, np.ones(len(features))])


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
        args.version, width=args.width, max_epochs=1, epoch_fraction=share, random_state=args.seed,
        batch_size=64,
    )  # fmt: skip


def peak():
    """Largest resident set of this process so far, in bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure(args):
    """Go one way in this process; print what it took."""
    X, y = make_signals(args.subjects, args.seed)
    before, start = peak(), time.process_time()
    done = {}
    share = min(1.0, args.scale * SHARES.get(args.way, 0.0))
    if args.way != "signals":
        segments = Segmenter().fit_transform(X)
        n_windows = len(segments.items)
        done = {"windows": n_windows, "array_bytes": segments.items.nbytes}
    if args.way in ("network", "array"):
        rows = segments.items if args.way == "network" else np.asarray(segments.items)
        share, begin = 1.0 if args.whole else share, time.process_time()
        classifier = network(args, share).fit(rows, y[segments.row_index])
        done["fit_cpu_s"] = time.process_time() - begin
        done["weights"] = digest(classifier.weights_)
        classifier.predict_proba(rows[:2048])
        done["windows_used"] = round(share * n_windows)
    elif args.way == "convolutions":
        rows = np.random.default_rng(args.seed).permutation(n_windows)[: round(share * n_windows)]
        rows.sort()
        ridge = ConvolutionRidge().fit(segments.items[rows], y[segments.row_index[rows]])
        ridge.predict_proba(segments.items[:1024])
        done["windows_used"] = len(rows)
    elif args.way == "features":
        rows = np.arange(0, len(segments), round(1 / share))
        linear = make_pipeline(
            SegmentFeatures(input_sfreq=SFREQ), StandardScaler(), LinearDiscriminantAnalysis()
        )
        model = DiVoteClassifier(linear).fit(segments[rows], y[rows])
        model.levels(segments[rows])
        done["windows_used"] = int(segments.lengths[rows].sum())
    elif args.way == "pickle":
        done["pickle_bytes"] = len(pickle.dumps(segments))
    done["share"] = done.get("windows_used", 0) / done.get("windows", 1)
    cpu = time.process_time() - start
    row = {"way": args.way, "signal_bytes": X.values.nbytes, "before": before, "peak": peak()}
    print(json.dumps(row | done | {"cpu_s": cpu}))


def digest(weights):
    """Hash weights, to tell whether two trainings gave the same bits."""
    return hashlib.sha256(b"".join(weights[name].tobytes() for name in sorted(weights))).hexdigest()


def in_own_process(args, way):
    own = ["--way", way, "--subjects", args.subjects, "--scale", args.scale, "--seed", args.seed]
    own += ["--version", args.version, "--width", args.width]
    own += ["--whole"] if args.whole else []
    command = [sys.executable, "-m", "benchmarks.windows", *map(str, own)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def epochs(args):
    """Train on windows and on their array in turn; give the seconds of processor of each round."""
    X, y = make_signals(args.few, args.seed)
    segments = Segmenter().fit_transform(X)
    dense, labels = np.asarray(segments.items), y[segments.row_index]
    classifier, weights, rounds = network(args, args.epoch), {}, []
    some = np.arange(0, len(labels), max(1, len(labels) // 256))
    classifier.fit(dense[some], labels[some])  # what is loaded once
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


def tables(results=None):
    """Write the table of docs/guide/data_model.md."""
    folder = (results or RESULTS) / "cpu"
    if not folder.exists():
        return f"`python -m benchmarks.windows`: {NOT_RUN}.\n"
    about = json.loads((folder / "settings.json").read_text())
    table = pd.read_csv(folder / "memory.csv").set_index("way")
    part = "a whole" if table.loc["network", "share"] > 0.999 else "part of an"
    lines = [
        [
            text.format(**about, part=part), f"{table.loc[way, 'windows_used']:,.0f}",
            f"{100 * table.loc[way, 'share']:.0f} %", f"{table.loc[way, 'peak'] / 1e9:.2f} GB",
            f"{1000 * table.loc[way, 'cpu_s'] / table.loc[way, 'windows_used']:.2f}",
        ]
        for way, text in WAYS.items()
        if way in table.index
    ]  # fmt: skip
    header = [
        "trained on windows",
        "windows",
        "of all",
        "peak memory",
        "ms a window, with all else",
    ]
    ratio = pd.read_csv(folder / "epochs.csv")["ratio"]
    signals, array = table.loc["signals"], table["array_bytes"].max()
    beside = ""
    if "array" in table.index:
        ways = table.loc[["network", "array"]]
        bits = "the same" if ways["weights"].nunique() == 1 else "other"
        n = about["processes"]
        together = "at the same time" + (f", of {n} processes" if n > 2 else "")
        beside = (
            f"A whole epoch took {ways['fit_cpu_s'].iloc[0] / ways['fit_cpu_s'].iloc[1]:.3f} times "
            "the processor's time of one on the array, both run once, "
            f"{'one after the other' if n == 1 else together}, and gave weights of {bits} bits. "
        )
    same = "the same bits" if about["timed"]["same_bits"] else "other bits"
    return (
        f"{about['subjects']} subjects of {EACH} recordings of {SECONDS} s at 10 kHz: "
        f"{table['windows'].max():,.0f} windows, {array / 1e9:.2f} GB as an array, "
        f"{signals['signal_bytes'] / 1e9:.2f} GB of signal; making it takes "
        f"{signals['peak'] / 1e9:.2f} GB. *{about['device']}, one thread each, torch "
        f"{about['versions']['torch']}, seed {about['seed']}, commit {about['commit']}.*\n\n"
        + markdown(header, lines)
        + f"\n{beside}A pickle of all windows takes "
        f"{table.loc['pickle', 'pickle_bytes'] / 1e9:.3f} GB. Part of an epoch of "
        f"{about['timed']['windows']:,} windows takes {ratio.median():.3f} "
        f"[{ratio.min():.3f}, {ratio.max():.3f}] times as long as on their array (seconds of the "
        f"processor, median and range of {len(ratio)} rounds), and gives weights of {same}.\n"
    )


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=600, help="of the cohort in memory")
    parser.add_argument("--scale", type=float, default=1.0, help="times the shares of the windows")
    parser.add_argument("--version", default="A")
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--few", type=int, default=6, help="subjects where the array fits too")
    parser.add_argument("--epoch", type=float, default=0.5, help="share of an epoch that is timed")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--whole", action="store_true", help="a whole epoch, on the array as well")
    parser.add_argument("--processes", type=int, default=2, help="at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, default=PAGE, help="gets the table of --out cpu")
    parser.add_argument("--out", help="name of the result in benchmarks/results/windows")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    if args.way:
        measure(args)
        return
    with ThreadPoolExecutor(args.processes) as pool:
        ways = [*SHARES, "signals", "pickle"]
        if args.whole:
            ways.insert(1, "array")
        found = pool.map(lambda way: in_own_process(args, way), ways)
        memory = list(found)
    print(pd.DataFrame(memory).to_string(), flush=True)
    rounds, timed = epochs(args)
    ratio = rounds["ratio"]
    print(
        f"an epoch on windows takes {ratio.median():.3f} [{ratio.min():.3f}, {ratio.max():.3f}] "
        f"times the array's; weights of equal bits: {timed['same_bits']}"
    )
    if args.out:
        folder = args.results / args.out
        folder.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(memory).to_csv(folder / "memory.csv", index=False, float_format="%.3f")
        rounds.to_csv(folder / "epochs.csv", index=False, float_format="%.4f")
        left = ("way", "out", "results", "page")
        known = {name: value for name, value in vars(args).items() if name not in left}
        settings = known | {"timed": timed} | provenance()
        (folder / "settings.json").write_text(json.dumps(settings, indent=1) + "\n")
        if args.out == "cpu":
            replace_section(args.page, "windows", tables(args.results))


if __name__ == "__main__":
    main()
