"""Inference of nEMGNet-B on the segments of one test fold, against eager batches of 32.

Four ways, on the same weights and segments:

- ``eager, batch 32`` and ``eager, batch 256``: the plain pass, blocks then head;
- ``module, batch 256``: ``NEMGNet`` itself, its stem in chunks of 16;
- ``classifier``: ``NEMGNetClassifier.predict_proba`` on a numpy array, skorch included.

Each measurement has a process of its own that loads the fitted classifier, or fits it with
``--fit``, because a pass runs differently after another one: a plain batch of 32 makes maps of
16 MB, which the C library maps and faults in anew for every batch, unless an earlier pass or a fit
has left it a heap large enough. Page faults are counted. The ways take turns, and a ratio is taken
within a round.

The logits of ``module`` are compared, bit for bit, with the plain pass at the same batch size.
"""

import argparse
import json
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from sknemg import NEMGNetClassifier
from sknemg.provenance import provenance

REFERENCE = "eager, batch 32"


def batches(function, X, batch_size):
    with torch.inference_mode():
        return torch.cat([function(chunk) for chunk in X.split(batch_size)])


def random_classifier(n_times, width, seed):
    """Make a classifier with random weights: a fit on two rows, one update."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(3, n_times)).astype(np.float32)
    clf = NEMGNetClassifier("B", width=width, max_epochs=1, device="cpu", random_state=seed)
    return clf.fit(X, ["myopathy", "neuropathy", "normal"])


def ways(clf):
    """Give each way as a function of segments (n_segments, n_times)."""
    network = clf.module_

    def plain(x):
        return network.head(network.blocks(x))

    return {
        REFERENCE: lambda X: batches(plain, clf.module_input(X), 32),
        "eager, batch 256": lambda X: batches(plain, clf.module_input(X), 256),
        "module, batch 256": lambda X: batches(network, clf.module_input(X), 256),
        "classifier": clf.predict_proba,
    }


def segments(args):
    rng = np.random.default_rng(args.seed)
    return rng.normal(size=(args.segments, args.n_times)).astype(np.float32)


def measure(args):
    """Time one way in this process, after a pass over one batch."""
    if args.model:
        clf = pickle.loads(Path(args.model).read_bytes())
    else:
        clf = random_classifier(args.n_times, args.width, args.seed)
    way, X = ways(clf)[args.way], segments(args)
    way(X[:256])
    start = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    way(X)
    wall, end = time.perf_counter() - start[0], resource.getrusage(resource.RUSAGE_SELF)
    cpu = end.ru_utime + end.ru_stime - start[1].ru_utime - start[1].ru_stime
    print(json.dumps([wall, cpu, end.ru_minflt - start[1].ru_minflt]))


def in_own_process(way, model):
    command = [
        sys.executable,
        "-m",
        "benchmarks.nemgnet_inference",
        *sys.argv[1:],
        "--way",
        way,
        "--model",
        model,
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def report(args):
    clf = random_classifier(args.n_times, args.width, args.seed)
    found, X = ways(clf), segments(args)[:512]
    same = torch.equal(found["module, batch 256"](X), found["eager, batch 256"](X))
    print(provenance())
    print(
        f"{args.segments} segments of {args.n_times}, width {args.width}, {args.threads} threads, "
        f"{args.rounds} rounds, seed {args.seed}, classifier {'fitted' if args.fit else 'loaded'}"
    )
    print(f"bits of module and plain pass equal: {same}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "classifier.pickle")
        path.write_bytes(pickle.dumps(clf))
        model = "" if args.fit else str(path)
        rounds = np.array(
            [[in_own_process(way, model) for way in found] for _ in range(args.rounds)]
        )
    print(
        "medians over the rounds; ratios to the first way: median [least, greatest] of the rounds"
    )
    for way, values in zip(found, rounds.swapaxes(0, 1), strict=True):
        wall, cpu, faults = np.median(values, axis=0)
        ratio = rounds[:, 0, 0] / values[:, 0]
        print(
            f"{way:18} wall {wall:6.2f} s  CPU {cpu:6.2f} s  page faults {faults:8.0f}  "
            f"{np.median(ratio):.2f} times faster [{ratio.min():.2f}, {ratio.max():.2f}]"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--segments", type=int, default=1614, help="of the average test fold")
    parser.add_argument("--n-times", type=int, default=4000)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fit", action="store_true", help="fit where loading is the default")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--model", help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.way:
        measure(args)
    else:
        report(args)


if __name__ == "__main__":
    main()
