"""Resting discharges: signals or pictures, augmented or not, tuned or new, alone or combined.

After Nodera et al. 2019 (accuracy 0.86 on the original clips, 1.0 with 200,000 augmented images)
and the reply that asks for more discharges, several conversions and combined models. All clips are
SIMULATED, and split by subject. Each model is trained on clean clips, then scored on clean clips
of unseen subjects and on the same clips made harder (hum, distant units, end-plate noise, a
noisier amplifier). All sizes of the training set get the same number of updates, at least
one pass. "features" are a random forest on simple features: what needs no network.

    python benchmarks/resting_study.py --subjects 24 --updates 300 --sizes 0 2000
    python benchmarks/resting_study.py --classes all --model resnet50 --pretrained --folds 5 \
        --subjects 60 --updates 6000 --sizes 0 2000 20000 200000        # wants a GPU
"""

import argparse
import json
import time

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import GroupKFold

from sknemg import (
    MelSpectrogram,
    NEMGNetClassifier,
    SegmentFeatures,
    SignalAugmenter,
    Spectrogram,
    SpectrogramAugmenter,
    TimmClassifier,
)
from sknemg._provenance import provenance
from sknemg.datasets import make_resting
from sknemg.datasets.simulate.resting import NODERA_CLASSES, RESTING_DISCHARGES

HOP = 0.016  # seconds between columns: 126 of them in two seconds
HARD = {"mixed": 1.0, "noise": (0.003, 0.01)}


def clips(args, **changes):
    """Signals (n_clips, n_times), labels, subjects; the same discharges for any ``changes``."""
    classes = NODERA_CLASSES if args.classes == "six" else tuple(RESTING_DISCHARGES)
    X, y = make_resting(
        args.subjects,
        classes=classes,
        n_clips=args.clips,
        sfreq=args.sfreq,
        n_jobs=args.n_jobs,
        random_state=args.seed,
        **changes,
    )
    return np.asarray(X), y, X["subject"].to_numpy()


def branches(args):
    """Return by name: the picture made of a signal, what varies it, and the classifier."""
    common = {"validation": None, "patience": None, "eval_every": None, "drop_rate": args.drop_rate}
    # An absolute reference, about the noise of a frame: amplitude tells discharges apart.
    options = {
        "input_sfreq": args.sfreq,
        "hop": HOP,
        "reference": 1e-4,
        "dtype": "uint8",
        "limits": (0.0, 80.0),
    }
    picture = TimmClassifier(args.model, image_size=args.image_size, **common)
    common.pop("drop_rate")
    return {
        "raw": (
            None,
            SignalAugmenter(input_sfreq=args.sfreq, shift=0.5),
            NEMGNetClassifier(version=args.version, **common),
        ),
        "spectrogram": (Spectrogram(**options), SpectrogramAugmenter(shift=0.5), picture),
        "mel": (MelSpectrogram(**options), SpectrogramAugmenter(shift=0.5), picture),
    }


def train(branch, X, y, size, start, args, seed):
    """Fit one branch on ``size`` rows (0: as they are), for the same number of updates."""
    _, augmenter, classifier = branch
    if size > len(X):
        X, y = augmenter.set_params(n_augmented=size, random_state=seed).fit_resample(X, y)
    epochs = max(1, round(args.updates * args.batch_size / len(X)))
    classifier.set_params(
        max_epochs=epochs, batch_size=args.batch_size, lr=args.lr, random_state=seed
    )
    if isinstance(classifier, TimmClassifier):
        classifier.set_params(pretrained=start == "tuned", checkpoint=None)
        if start == "tuned" and args.checkpoint:
            classifier.set_params(pretrained=False, checkpoint=args.checkpoint)
    return classifier.fit(X, y)


def features(train_rows, sets, y, args, seed):
    """Class probabilities of a forest on simple features."""
    step = SegmentFeatures(input_sfreq=args.sfreq)
    made = {name: step.fit_transform(X) for name, X in sets.items()}
    forest = RandomForestClassifier(300, random_state=seed, n_jobs=args.n_jobs)
    forest.fit(made["clean"][train_rows], y[train_rows])
    return forest, made


def run_fold(sets, y, rows, args, seed):
    """Yield (representation, size, start, condition, probabilities, classes, seconds)."""
    train_rows, test_rows = rows
    forest, made = features(train_rows, sets, y, args, seed)
    for name, F in made.items():
        yield "features", 0, "-", name, forest.predict_proba(F[test_rows]), forest.classes_, 0.0
    starts = ["scratch", *(["tuned"] if args.pretrained or args.checkpoint else [])]
    for size in args.sizes:
        for start in starts:
            combined = {name: [] for name in sets}
            for label, branch in branches(args).items():
                if label not in args.branches or (label == "raw" and start == "tuned"):
                    continue
                step = branch[0]
                inputs = {k: X if step is None else step.fit_transform(X) for k, X in sets.items()}
                begin = time.perf_counter()
                fitted = train(
                    branch, inputs["clean"][train_rows], y[train_rows], size, start, args, seed
                )
                seconds = time.perf_counter() - begin
                for name, X in inputs.items():
                    proba = fitted.predict_proba(X[test_rows])
                    combined[name].append(proba)
                    yield label, size, start, name, proba, fitted.classes_, seconds
            for name, parts in combined.items():
                if len(parts) > 1:
                    mean = np.mean(parts, axis=0)
                    yield "combined", size, start, name, mean, fitted.classes_, 0.0


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--classes", choices=["six", "all"], default="six")
    parser.add_argument("--subjects", type=int, default=24)
    parser.add_argument("--clips", type=int, default=24, help="a subject")
    parser.add_argument("--sfreq", type=float, default=10_000)
    parser.add_argument("--branches", nargs="+", default=["raw", "spectrogram", "mel"])
    parser.add_argument("--model", default="resnet18", help="timm's name, for pictures")
    parser.add_argument("--version", default="A", help="nEMGNet, for signals")
    parser.add_argument("--image-size", type=int, nargs=2, default=[64, 128])
    parser.add_argument("--pretrained", action="store_true", help="also from timm's weights")
    parser.add_argument("--checkpoint", help="also from a local file of weights")
    parser.add_argument("--drop-rate", type=float, default=0.2)
    parser.add_argument("--sizes", type=int, nargs="+", default=[0, 2000], help="training rows")
    parser.add_argument("--updates", type=int, default=300)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--folds", type=int, default=1, help="of five, by subject")
    parser.add_argument("--n-jobs", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", help="file for the results")
    return parser.parse_args()


def main():
    args = parse()
    clean, y, subjects = clips(args)
    sets = {"clean": clean, "hard": clips(args, **HARD)[0]}
    splits = GroupKFold(5, shuffle=True, random_state=args.seed).split(clean, y, subjects)
    rows, confused = [], {}
    print(f"SIMULATED clips: {len(y)} of {args.subjects} subjects, {len(set(y))} classes")
    for fold, split in zip(range(args.folds), splits, strict=False):
        for label, size, start, name, proba, labels, seconds in run_fold(
            sets, y, split, args, args.seed + fold
        ):
            right = labels[proba.argmax(axis=1)] == y[split[1]]
            rows.append([fold, label, size or len(split[0]), start, name, right.mean(), seconds])
            matrix = confusion_matrix(y[split[1]], labels[proba.argmax(axis=1)], labels=labels)
            key = f"{label} {size} {start} {name}"
            confused[key] = confused.get(key, 0) + matrix
            print(*rows[-1], flush=True)
    columns = ["fold", "representation", "rows", "start", "clips", "accuracy", "seconds"]
    table = pd.DataFrame(rows, columns=columns)
    index = ["representation", "start", "rows"]
    mean = table.pivot_table("accuracy", index, "clips", aggfunc="mean")
    print("\nACCURACY ON SIMULATED CLIPS OF UNSEEN SUBJECTS\n", mean.round(3).to_string(), sep="")
    about = {"arguments": vars(args), **provenance()}
    print(json.dumps(about))
    if args.json:
        with open(args.json, "w") as file:
            matrices = {key: matrix.tolist() for key, matrix in confused.items()}
            found = {"rows": table.to_dict("records"), "confusion": matrices}
            json.dump({**about, "labels": labels.tolist(), **found}, file, indent=1)


if __name__ == "__main__":
    main()
