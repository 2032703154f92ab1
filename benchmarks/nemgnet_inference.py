"""Inference of nEMGNet-B on the segments of one test fold, against eager batches of 32.

Three ways, interleaved in every round, each on the same weights and segments:

- ``eager``: the plain pass, blocks then head, in batches of 32;
- ``module``: ``NEMGNet`` itself in batches of 256, its stem in chunks of 16;
- ``classifier``: ``NEMGNetClassifier.predict_proba`` on a numpy array, skorch included.

The logits of ``module`` are compared, bit for bit, with the plain pass at the same batch size.
"""

import argparse
import time

import numpy as np
import torch

from sknemg import NEMGNetClassifier
from sknemg._provenance import provenance


def batches(function, X, batch_size):
    with torch.inference_mode():
        return torch.cat([function(chunk) for chunk in X.split(batch_size)])


def random_classifier(n_times, width, seed):
    """Make a classifier with random weights: a fit on two rows, one update."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(3, n_times)).astype(np.float32)
    clf = NEMGNetClassifier("B", width=width, max_epochs=1, device="cpu", random_state=seed)
    return clf.fit(X, ["myopathy", "neuropathy", "normal"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--segments", type=int, default=1614, help="of the average test fold")
    parser.add_argument("--n-times", type=int, default=4000)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    clf = random_classifier(args.n_times, args.width, args.seed)
    network = clf.module_
    rng = np.random.default_rng(args.seed)
    X = rng.normal(size=(args.segments, args.n_times)).astype(np.float32)
    tensor = clf.module_input(X)

    def plain(x):
        return network.head(network.blocks(x))

    same = torch.equal(batches(network, tensor, 256), batches(plain, tensor, 256))
    ways = {
        "eager, batch 32": lambda: batches(plain, tensor, 32),
        "eager, batch 256": lambda: batches(plain, tensor, 256),
        "module, batch 256": lambda: batches(network, tensor, 256),
        "classifier": lambda: clf.predict_proba(X),
    }
    wall, cpu = ({name: [] for name in ways} for _ in range(2))
    for _ in range(args.rounds):
        for name, way in ways.items():
            start = time.perf_counter(), time.process_time()
            way()
            wall[name].append(time.perf_counter() - start[0])
            cpu[name].append(time.process_time() - start[1])

    print(provenance())
    print(
        f"{args.segments} segments of {args.n_times}, width {args.width}, {args.threads} threads, "
        f"{args.rounds} rounds, seed {args.seed}"
    )
    print(f"bits of module and plain pass equal: {same}")
    print("by the minima over the rounds; times faster than the first way in brackets")
    for name in ways:
        line = f"{name:18}"
        for kind, seconds in (("wall", wall), ("CPU", cpu)):
            ratio = min(seconds["eager, batch 32"]) / min(seconds[name])
            line += f"  {kind} {min(seconds[name]):6.2f} s ({ratio:.2f})"
        print(line + f"  median wall {np.median(wall[name]):.2f} s")


if __name__ == "__main__":
    main()
