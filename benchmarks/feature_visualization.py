"""What a trained nEMGNet takes for each diagnosis, measured beside simulated segments.

A nEMGNet of reduced width is trained on a simulated cohort; noise is then optimised for each
output node as published (Yoo et al. 2022: N(0, 1), Adam 1e-2, 1500 steps, jitter of 12.5 %) and
measured like the segments of the subjects that were held out. Printed are medians, and whether
myopathy comes out smaller and faster, and neuropathy larger and slower, than normal. Two controls
stand beside: the noise before optimisation, and the same optimisation of a network that was never
trained.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sknemg import DiVoteClassifier, NEMGNetClassifier, Segmenter, SubjectKFold
from sknemg.inspection import (
    FeatureVisualizationDisplay,
    measure_waveforms,
    visualize_features,
)
from sknemg.provenance import provenance
from sknemg.simulate import make_cohort

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
    print(f"{len(X)} recordings; of {n_test} held-out subjects {right:.0%} are diagnosed correctly")
    return model, X[test], y[test]


def generate(network, args, n_steps, noise):
    waves = visualize_features(
        network.module_,
        range(len(network.classes_)),
        (1, round(0.4 * SFREQ)),
        n_seeds=args.seeds,
        n_steps=n_steps,
        noise=noise,
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
        ("M < NL mV", size["myopathy"] < size["normal"]),
        ("M > NL Hz", speed["myopathy"] > speed["normal"]),
        ("N > NL mV", size["neuropathy"] > size["normal"]),
        ("N < NL Hz", speed["neuropathy"] < speed["normal"]),
        ("M < N mV", size["myopathy"] < size["neuropathy"]),
        ("M > N Hz", speed["myopathy"] > speed["neuropathy"]),
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
    parser.add_argument(
        "--noise", type=float, nargs="+", default=[1.0, 0.1], help="standard deviations in mV"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", help="folder that keeps the cohort")
    parser.add_argument("--picture", help="where to save pictures, numbered by noise")
    args = parser.parse_args()
    print(vars(args))
    print(provenance())

    model, X, y = trained_model(args)
    network, segments = model[-1].estimator_, model[:-1].transform(X)
    labels = y[segments.row_index]
    real = {label: segments.values[labels == label] for label in network.classes_}
    kinds = {"simulated": real}
    for noise in args.noise:
        kinds[f"noise {noise:g} mV"] = generate(network, args, 0, noise)
        kinds[f"generated from {noise:g} mV"] = generate(network, args, args.steps, noise)
    noise = args.noise[0]
    blank = generate(untrained(network), args, args.steps, noise)
    kinds[f"untrained from {noise:g} mV"] = blank
    table = measured(kinds)
    for kind, by_class in kinds.items():
        for number, (label, waves) in enumerate(by_class.items()):
            table.loc[(kind, label), "score"] = network.predict_proba(waves)[:, number].mean()
    print(table.round(2).to_string())
    print(pd.concat([verdict(table, kind) for kind in kinds], axis=1).T.to_string())
    if args.picture:
        for number, noise in enumerate(args.noise):
            waves = kinds[f"generated from {noise:g} mV"]
            display = FeatureVisualizationDisplay(real, waves, SFREQ).plot()
            picture = Path(args.picture)
            display.figure_.savefig(picture.with_stem(f"{picture.stem}_{number}"), dpi=120)


if __name__ == "__main__":
    main()
