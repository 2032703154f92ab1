"""Train on simulated patients, test on real ones: N2001 (EMGLAB) and emgdb (PhysioNet).

The simulated cohort is examined like N2001: concentric needle, biceps brachii, low effort. The
real recordings train nothing and tune nothing. Beside the transfer stand what the same models
reach on simulated subjects they have not seen, and what they reach on N2001 when trained on its
other subjects. Chance is 33 %.

Real signals are high-passed where the simulated amplifier is.

    SKNEMG_DATA=folder python -m benchmarks.simulator_transfer --picture features.png
"""

import argparse
import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.signal import butter, sosfilt
from scipy.stats import ks_2samp
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg import (
    DiVoteClassifier,
    Downsampler,
    NEMGNetClassifier,
    Recordings,
    Segmenter,
    SegmentFeatures,
)
from sknemg.datasets import load_emgdb, load_emglab
from sknemg.provenance import provenance
from sknemg.simulate import make_cohort

CLASSES = ["myopathy", "neuropathy", "normal"]
SHOWN = [
    "rms",
    "mean_frequency",
    "median_frequency",
    "zero_crossings",
    "turns",
    "turn_amplitude",
    "crest_factor",
]


def simulated(args, seed):
    X, y = make_cohort(
        args.subjects,
        needle="concentric",
        muscles=["biceps brachii"],
        effort=tuple(args.effort),
        confound=False,
        sfreq=10_000,
        n_jobs=args.n_jobs,
        random_state=seed,
    )
    return X, y


def real(name, args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the loaders name a flat recording; it is dropped below
        X, y = load_emglab() if name == "N2001" else load_emgdb()
    rates = X["sfreq"].to_numpy()
    signals = []
    for signal, rate in zip(X, rates, strict=True):
        sos = butter(2, args.highpass, btype="highpass", fs=rate, output="sos")
        signals.append(sosfilt(sos, signal)[round(0.1 * rate) :])
    dead = np.array([np.median(np.abs(np.diff(signal))) == 0 for signal in X])
    X = Recordings(
        [signal for signal, flat in zip(signals, dead, strict=True) if not flat],
        **{name: X[name].to_numpy()[~dead] for name in ("sfreq", "subject")},
    )
    return X, y[~dead]


def segments(X, sfreq, normalise):
    X = Segmenter(window=0.4, hop=0.2).fit_transform(Downsampler(sfreq).fit_transform(X))
    if normalise:  # each recording to an rms of 1 mV / 10: what is left without its size
        power = np.add.reduceat((X.values.astype(float) ** 2).mean(axis=1), X.offsets[:-1])
        scale = 0.1 / np.sqrt(power / X.lengths)
        X = X.with_values((X.values * scale[X.row_index][:, None]).astype(np.float32))
    return X


def prepare(X, sfreq, normalise):
    """Return what the two kinds of model see of the same segments."""
    raw = segments(X, sfreq, normalise)
    return {"features": SegmentFeatures().fit_transform(raw), "signal": raw}


def models(args, seed):
    """Name of each model, what it sees, and the model: segments vote, subjects are averaged."""
    forest = RandomForestClassifier(
        200, min_samples_leaf=5, class_weight="balanced", n_jobs=args.n_jobs, random_state=seed
    )
    network = NEMGNetClassifier(
        "A", width=args.width, max_epochs=args.epochs, short="pad", device="cpu", random_state=seed
    )
    inner = [
        ("features + LDA", make_pipeline(StandardScaler(), LinearDiscriminantAnalysis())),
        ("features + forest", forest),
        (f"nEMGNet-A, width {args.width}, {args.epochs} epochs", network),
    ]
    return [
        (name, "signal" if estimator is network else "features",
         DiVoteClassifier(estimator, final_estimator=None))
        for name, estimator in inner[: None if args.width else 2]
    ]  # fmt: skip


def scores(model, X, y):
    """Percent of recordings and subjects right, and the subjects' confusion matrix."""
    levels = model.levels(X)
    votes = levels.recordings[list(model.classes_)].to_numpy()
    by_recording = model.classes_[votes.argmax(axis=1)]
    first = ~X["subject"].duplicated().to_numpy()
    by_subject = levels.subjects.loc[X["subject"][first], "prediction"].to_numpy()
    return {
        "recordings": 100 * float((by_recording == y).mean()),
        "subjects": 100 * float((by_subject == y[first]).mean()),
    }, confusion_matrix(y[first], by_subject, labels=CLASSES)


def transfer(args, cohorts, sfreq, tests, normalise):
    """Train on each simulated cohort but the last; test on the next one and on the real sets."""
    rows, matrices = [], {}
    prepared = [(prepare(X, sfreq, normalise), y) for X, y in cohorts]
    tests = {name: (prepare(X, sfreq, normalise), y) for name, (X, y) in tests.items()}
    for seed, (train, unseen) in enumerate(pairwise(prepared)):
        sets = {"simulated, unseen": unseen, **tests}
        for name, sees, model in models(args, seed):
            model.fit(train[0][sees], train[1])
            for test, (X, y) in sets.items():
                result, matrix = scores(model, X[sees], y)
                rows.append({"model": name, "test": test, "seed": seed, **result})
                matrices[name, test] = matrices.get((name, test), 0) + matrix
    return pd.DataFrame(rows), matrices


def within_real(args, X, y, sfreq, normalise):
    """Leave one real subject out: what could be had from N2001 itself."""
    X = prepare(X, sfreq, normalise)["features"]
    rows = []
    for name, sees, model in models(args, 0):
        if sees == "signal":
            continue
        predicted = cross_val_predict(model, X, y, groups=X["subject"], cv=LeaveOneGroupOut())
        first = ~X["subject"].duplicated().to_numpy()
        rows.append({"model": name, "subjects": 100 * (predicted == y)[first].mean()})
    return pd.DataFrame(rows)


def recording_features(X, y, sfreq, source):
    """Median of each feature over the segments of a recording."""
    X = segments(X, sfreq, normalise=False)
    features = SegmentFeatures()
    table = pd.DataFrame(
        features.fit_transform(X).values, columns=features.get_feature_names_out()
    )[SHOWN]
    table = table.groupby(X.row_index).median()
    return table.assign(diagnosis=y, source=source, subject=X["subject"].to_numpy())


def compare(sim, other):
    """Medians, quartiles and the Kolmogorov-Smirnov distance for each feature and class."""
    rows = []
    for feature in SHOWN:
        for diagnosis in CLASSES:
            a, b = (t.loc[t["diagnosis"] == diagnosis, feature] for t in (sim, other))
            line = {"feature": feature, "class": diagnosis}
            for name, values in (("simulated", a), ("real", b)):
                low, middle, high = np.percentile(values, [25, 50, 75])
                spread = f" ({low:.3g} to {high:.3g})" if len(values) > 1 else ""
                line[name] = f"{middle:.4g}{spread}"
            line["ratio of medians"] = round(a.median() / b.median(), 2)
            line["KS"] = round(ks_2samp(a, b).statistic, 2)
            rows.append(line)
    return pd.DataFrame(rows)


def draw(tables, path):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    units = dict(zip(SHOWN, ["mV", "Hz", "Hz", "1/s", "1/s", "mV", ""], strict=True))
    colors = {"simulated": "tab:blue", "N2001": "tab:orange", "emgdb": "black"}
    fig, axes = plt.subplots(2, 4, figsize=(15, 7), layout="constrained")
    rng = np.random.default_rng(0)
    for ax, feature in zip(axes.flat, SHOWN, strict=False):
        for k, diagnosis in enumerate(CLASSES):
            for shift, (source, table) in zip((-0.2, 0.2, 0.4), tables.items(), strict=False):
                values = table.loc[table["diagnosis"] == diagnosis, feature].to_numpy()
                values = np.maximum(values, 1.0) if feature == "turns" else values
                at = k + shift + rng.uniform(-0.08, 0.08, len(values))
                size = 6 if source != "emgdb" else 40
                marker = "o" if source != "emgdb" else "*"
                label = source if k == 0 else None
                ax.scatter(at, values, s=size, c=colors[source], marker=marker, alpha=0.6, lw=0,
                           label=label)  # fmt: skip
                if source != "emgdb":
                    ax.hlines(np.median(values), k + shift - 0.15, k + shift + 0.15, "k", lw=2)
        ax.set_xticks(range(3), CLASSES)
        ax.set_title(f"{feature}{', ' + units[feature] if units[feature] else ''}")
        if feature in ("rms", "turn_amplitude", "turns", "zero_crossings"):
            ax.set_yscale("log")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    axes.flat[-1].legend(handles, labels, loc="center", fontsize=12)
    axes.flat[-1].set_axis_off()
    fig.suptitle("Features of recordings, simulated and real (lines: medians)")
    fig.savefig(path, dpi=90)


def report(results, matrices):
    grouped = results.groupby(["test", "model"], sort=False)[["recordings", "subjects"]]
    table = grouped.agg(["mean", "min", "max"]).round(0).astype(int)
    print(table.to_string())
    print("Subjects, summed over seeds; rows true, columns predicted:", ", ".join(CLASSES))
    for (model, test), matrix in matrices.items():
        if test != "simulated, unseen":
            print(f"  {test:7s} {model:35s} {matrix.tolist()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=57)
    parser.add_argument("--seeds", type=int, default=3, help="simulated cohorts, one model each")
    parser.add_argument("--effort", type=float, nargs=2, default=[0.02, 0.08])
    parser.add_argument("--highpass", type=float, default=20.0)
    parser.add_argument("--width", type=int, default=8, help="of the network; 0 leaves it out")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--n-jobs", type=int, default=1)
    parser.add_argument("--picture", help="where to draw the distributions")
    args = parser.parse_args()
    print(provenance(), vars(args), sep="\n")
    pd.set_option("display.width", 220, "display.max_columns", 30)
    n2001, emgdb = real("N2001", args), real("emgdb", args)
    first = ~n2001[0]["subject"].duplicated().to_numpy()
    subjects = pd.Series(n2001[1][first]).value_counts().to_dict()
    print(f"N2001: {len(n2001[1])} recordings of {first.sum()} subjects {subjects}; emgdb: 3 of 3")

    cohorts = [simulated(args, seed) for seed in range(args.seeds + 1)]
    for normalise in (False, True):
        size = "each recording scaled to the same rms" if normalise else "as recorded"
        print(f"\n== Transfer at 10 kHz, {size} ==")
        report(*transfer(args, cohorts, 10_000, {"N2001": n2001}, normalise))
        print("Trained on N2001 itself, one subject left out at a time:")
        print(within_real(args, *n2001, 10_000, normalise).round(0).to_string(index=False))
        print(f"\n== Transfer at 4 kHz, {size} ==")
        report(*transfer(args, cohorts, 4000, {"emgdb": emgdb}, normalise))

    X, y = cohorts[0]
    tables = {
        "simulated": recording_features(X, y, 10_000, "simulated"),
        "N2001": recording_features(*n2001, 10_000, "N2001"),
    }
    print("\n== Features of recordings, simulated and N2001: median (quartiles) ==")
    print(compare(tables["simulated"], tables["N2001"]).to_string(index=False))
    at_4k = recording_features(*cohorts[0], 4000, "simulated")
    tables["emgdb"] = recording_features(*emgdb, 4000, "emgdb")
    print("\n== The same at 4 kHz, simulated (biceps) and emgdb (tibialis anterior, one each) ==")
    print(compare(at_4k, tables["emgdb"]).drop(columns="KS").to_string(index=False))
    if args.picture:
        draw(tables, args.picture)


if __name__ == "__main__":
    main()
