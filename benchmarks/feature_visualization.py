"""What a trained nEMGNet takes for each diagnosis, measured beside simulated segments.

A nEMGNet of reduced width is trained on a simulated cohort; noise is then optimised for each
output node as published (Yoo et al. 2022: N(0, 1), Adam 1e-2, 1500 steps, jitter of 12.5 %) and
measured like the segments of the subjects that were held out. Printed are medians, and whether
myopathy comes out smaller and faster, and neuropathy larger and slower, than normal. Two controls
stand beside: the noise before optimisation, and the same optimisation of a network that was never
trained.
"""

import argparse

import numpy as np
import pandas as pd
import torch
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sknemg import DiVoteClassifier, NEMGNetClassifier, Segmenter, SubjectKFold
from sknemg._provenance import provenance
from sknemg.datasets import make_cohort
from sknemg.inspection import (
    FeatureVisualizationDisplay,
    measure_waveforms,
    visualize_features,
)

SFREQ = 10_000


def trained_model(args):
    """Train on four fifths of the subjects; return the model and the fifth that it never saw."""
    X, y = make_cohort(args.subjects, sfreq=SFREQ, random_state=args.seed, cache=args.cache)
    train, test = next(SubjectKFold(5).split(X, y, X["subject"]))
    network = NEMGNetClassifier(
        args.version, width=args.width, max_epochs=args.epochs, random_state=args.seed
    )
    model = make_pipeline(Segmenter(), DiVoteClassifier(network)).fit(X[train], y[train])
    right = model.score(X[test], y[test])
    n_test = X[test]["subject"].nunique()
    print(f"{len(X)} recordings; of {n_test} held-out subjects {right:.0%} are diagnosed rightly")
    return model, X[test], y[test]


def generate(network, args, n_steps):
    waves = visualize_features(
        network.module_,
        range(len(network.classes_)),
        (1, round(0.4 * SFREQ)),
        n_seeds=args.seeds,
        n_steps=n_steps,
        noise=args.noise,
        random_state=args.seed,
    )
    return dict(zip(network.classes_, waves[:, :, 0], strict=True))


def untrained(network):
    """Make the same network with its first weights, from which nothing was learned."""
    X = np.zeros((2 * len(network.classes_), round(0.4 * SFREQ)), dtype=np.float32)
    blank = clone(network).set_params(max_epochs=1, lr=1e-12, validation=None)
    return blank.fit(X, np.tile(network.classes_, 2))


def measured(kinds):
    """Medians, a row a kind and class."""
    rows = {
        (kind, label): measure_waveforms(waves, SFREQ).median()
        for kind, by_class in kinds.items()
        for label, waves in by_class.items()
    }
    return pd.DataFrame(rows).T


def verdict(table, kind):
    m = table.loc[kind]
    size, speed = m["max_abs"], m["dominant_frequency"]
    rows = [
        ("myopathy smaller than normal", size["myopathy"] < size["normal"]),
        ("myopathy faster than normal", speed["myopathy"] > speed["normal"]),
        ("neuropathy larger than normal", size["neuropathy"] > size["normal"]),
        ("neuropathy slower than normal", speed["neuropathy"] < speed["normal"]),
        ("myopathy smaller than neuropathy", size["myopathy"] < size["neuropathy"]),
        ("myopathy faster than neuropathy", speed["myopathy"] > speed["neuropathy"]),
    ]
    return pd.Series({name: "yes" if answer else "no" for name, answer in rows}, name=kind)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=57)
    parser.add_argument("--version", default="A", choices=list("ABCD"))
    parser.add_argument("--width", type=int, default=8, help="64 is the paper's")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--noise", type=float, default=1.0, help="standard deviation in mV")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", help="folder that keeps the cohort")
    parser.add_argument("--picture", help="file to save the picture to")
    args = parser.parse_args()
    print(vars(args))
    print(provenance())

    model, X, y = trained_model(args)
    network, segments = model[-1].estimator_, model[:-1].transform(X)
    labels = y[segments.row_index]
    real = {label: segments.values[labels == label] for label in network.classes_}
    kinds = {
        "simulated segments": real,
        "generated": generate(network, args, args.steps),
        "noise before": generate(network, args, 0),
        "generated, untrained": generate(untrained(network), args, args.steps),
    }
    table = measured(kinds)
    with torch.no_grad():
        for label, waves in kinds["generated"].items():
            score = network.predict_proba(waves)[:, list(network.classes_).index(label)]
            table.loc[("generated", label), "score"] = np.median(score)
    with pd.option_context("display.width", 120):
        print(table.round(2))
        print(pd.concat([verdict(table, kind) for kind in kinds], axis=1))
    if args.picture:
        display = FeatureVisualizationDisplay(real, kinds["generated"], SFREQ).plot()
        display.figure_.savefig(args.picture, dpi=120)


if __name__ == "__main__":
    main()
