"""Results of evaluations that were never run, for tests of tables and pages."""

import numpy as np
import pandas as pd

from sknemg import Recordings
from sknemg.evaluation import Evaluation

DIAGNOSES = ("myopathy", "neuropathy", "normal")


def invented(
    classes=DIAGNOSES, names=12, *, methods=("nEMGNet", "LDA"), repeats=1, wrong=0.3, unscored=()
):
    """Give an `Evaluation` of one recording per subject, with its `Recordings` and diagnoses.

    The share `wrong` of the answers is wrong; the subjects at the places `unscored` have none.
    """
    rng = np.random.default_rng(0)
    names = [f"S{i:03d}" for i in range(names)] if isinstance(names, int) else list(names)
    y = [classes[i % len(classes)] for i in range(len(names))]
    rows = []
    for method in methods:
        for repeat in range(repeats):
            for i, name in enumerate(names):
                scores = rng.dirichlet(np.ones(len(classes)))
                own, best = classes.index(y[i]), scores.argmax()
                answer = (own + 1) % len(classes) if (i + 0.5) / len(names) < wrong else own
                scores[[best, answer]] = scores[[answer, best]]
                prediction = classes[answer]
                if i in unscored:
                    scores, prediction = scores * np.nan, np.nan
                known = {"method": method, "repeat": repeat, "fold": i % 3, "row": i}
                known |= {"subject": name, "y_true": y[i], "prediction": prediction}
                rows.append(known | dict(zip(classes, scores, strict=True)))
    recordings = pd.DataFrame(rows)
    counts = {"n_train_subjects": 8, "n_test_subjects": 4, "n_train": 8, "n_test": 4}
    cells = [
        {"method": method, "repeat": repeat, "fold": fold, "seed": 7, "fit_seconds": 1.0}
        | {"predict_seconds": 0.1, **counts}
        for repeat in range(repeats)
        for fold in range(3)
        for method in methods
    ]
    protocol = {"name": "nested", "n_splits": 3, "n_repeats": repeats, "reshuffle": True}
    settings = {
        "protocol": protocol | {"choose_on": "validation", "eval_every": None, "patience": None},
        "random_state": 0,
        "n_threads": 1,
        "classes": list(classes),
        "n_recordings": len(names),
        "n_subjects": {str(label): y.count(label) for label in classes},
        "estimators": dict.fromkeys(methods, "Pipeline()"),
        "versions": {"sknemg": "0.1.0"},
        "device": "CPU",
        "commit": "",
    }
    tables = (recordings.iloc[:0], recordings, recordings.drop(columns="row"), pd.DataFrame(cells))
    X = Recordings(rng.normal(size=(len(names), 400)), sfreq=1000, subject=names, age=60.0)
    return Evaluation(*tables, settings), X, np.array(y, dtype=object)


HOSTILE = (
    "<script>alert(1)</script>",
    "\"'>&amp;{{ 7*7 }}{% raw %}",
    "\u202eשלום עולם مرحبا",
    "w" * 300,
    "$x^{ \\frac",
)
HOSTILE_NAMES = [
    "<img src=x onerror=alert(1)>",
    "n" * 300,
    "\u202eS3",
    "日本",
    "</style>",
    "a\x07b",
]


def hostile():
    """Give an invented result whose names want to be markup, formulas or very wide."""
    names = [f"{name}{i}" for i in range(3) for name in HOSTILE_NAMES]
    return invented(HOSTILE, names, methods=("a$b_{", "</title><script>x", "m" * 200), repeats=2)
