"""Votes of motor units, segments and interference pattern, alone and together, on N2001.

One subject is left out at a time. Motor units by ``MuapFeatures`` and a balanced logistic
regression; segments of 0.4 s by ``SegmentFeatures`` and a linear discriminant; the pattern by
``InterferenceFeatures`` and a balanced logistic regression. Together they are a
``JointVoteClassifier``: the geometric mean of the kinds that a recording has. A subject's score is
the mean of its recordings' scores, without a final classifier. A recording without a vote is no
right answer. Beside them: the outlier rule by published norms, which needs no training. Intervals
are exact 95 % intervals.

    SKNEMG_DATA=... OMP_NUM_THREADS=1 python -m benchmarks.motor_unit_votes --out n2001
    python -m benchmarks.write_motor_units    # the page of the docs that shows it

With ``--beside CHECKOUT``, the motor units that another checkout of sknemg finds vote as well, and
the outlier rule judges them.
"""

import argparse
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.machinery.beside import OtherCode
from sknemg import (
    DiVoteClassifier,
    Downsampler,
    InterferenceFeatures,
    JointVoteClassifier,
    MuapFeatures,
    Segmenter,
    SegmentFeatures,
)
from sknemg.datasets import load_emglab
from sknemg.metrics import format_interval, proportion_interval
from sknemg.muap import MuapReference
from sknemg.provenance import provenance

RESULTS = Path(__file__).parent / "results" / "motor_unit_votes"
SFREQ = 10_000
UNITS = "motor units"
UNITS_THERE = """
import numpy as np
from sknemg import MuapFeatures, Recordings
found = MuapFeatures().fit_transform(Recordings(signals, sfreq=rates))
result = np.asarray(found.values, dtype=float), found.offsets, list(
    MuapFeatures().fit(Recordings(signals[:1], sfreq=rates[:1])).get_feature_names_out())
"""


class Known(TransformerMixin, BaseEstimator):
    """Look up what a stateless step made of each row, which no fold has to make again."""

    def __init__(self, items):
        self.items = items

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return self.items[X["number"].to_numpy()]

    def __sklearn_is_fitted__(self):
        return True


def kinds():
    """Return the steps to the items, and the classifier of items, of each kind of votes."""
    balanced = LogisticRegression(class_weight="balanced", max_iter=1000)
    segments = make_pipeline(Downsampler(SFREQ), Segmenter(short="drop"), SegmentFeatures())
    return {
        UNITS: (MuapFeatures(), make_pipeline(StandardScaler(), balanced)),
        "segments": (segments, make_pipeline(StandardScaler(), LinearDiscriminantAnalysis())),
        "pattern": (InterferenceFeatures(), make_pipeline(StandardScaler(), balanced)),
    }


def left_out(X, y, items, names):
    """Scores of every recording by models that never saw its subject; NaN without a vote."""
    classifiers = {name: own for name, (_, own) in kinds().items()}
    members = [
        (
            name,
            make_pipeline(
                Known(items[name]),
                DiVoteClassifier(
                    classifiers[UNITS if name.startswith(UNITS) else name], final_estimator=None
                ),
            ),
        )
        for name in names
    ]
    classes = np.unique(y)
    scores = np.full((len(X), len(classes)), np.nan)
    for train, test in LeaveOneGroupOut().split(np.zeros(len(y)), y, X["subject"]):
        levels = JointVoteClassifier(members).fit(X[train], y[train]).levels(X[test])
        scores[test] = levels.recordings[list(classes)].to_numpy(dtype=float)
    return scores


def by_subject(scores, subjects):
    """Mean score of each subject's recordings, in the order of their first row."""
    return pd.DataFrame(scores).groupby(subjects, sort=False).mean().to_numpy()


def rate(scores, y, groups=None):
    """Share of right answers with its interval."""
    answers = np.unique(y)[np.nan_to_num(scores, nan=-1.0).argmax(axis=1)]
    right = (answers == y) & ~np.isnan(scores).any(axis=1)
    low, high, _ = proportion_interval(right, groups)
    return f"{right.sum()} of {len(y)}: {format_interval(right.mean(), low, high)}"


def judged(units, X, y, columns):
    """Judge subjects by their motor units and published norms."""
    found = pd.DataFrame(units.values.astype(float), columns=columns)
    found["subject"] = X["subject"].to_numpy()[units.row_index]
    muscles = X["muscle"].str.split(" (", regex=False).str[0]
    found["muscle"] = muscles.to_numpy()[units.row_index]
    verdicts = MuapReference().diagnose(found)
    diagnoses = dict(zip(X["subject"], y, strict=True))
    verdicts.insert(1, "diagnosis", verdicts["subject"].map(diagnoses))
    return verdicts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--beside", help="another checkout of sknemg, whose motor units vote too")
    parser.add_argument("--out", help="name of the result in benchmarks/results/motor_unit_votes")
    args = parser.parse_args()
    X, y = load_emglab(Path(os.environ["SKNEMG_DATA"]) / "emglab_n2001")
    y = np.asarray(y)
    subjects = X["subject"].to_numpy()
    first = pd.Series(subjects).drop_duplicates().index.to_numpy()
    X = X.with_columns(number=np.arange(len(X)))
    items = {name: step.fit_transform(X) for name, (step, _) in kinds().items()}
    columns = {UNITS: list(kinds()[UNITS][0].fit(X[:1]).get_feature_names_out())}
    joined = [[name] for name in items]
    joined += [[UNITS, "segments"], ["segments", "pattern"], list(items)]
    if args.beside:
        with OtherCode(args.beside) as other:
            old = f"{UNITS} of {other.commit}"
            rates = X["sfreq"].to_numpy()
            values, offsets, columns[old] = other.run(UNITS_THERE, signals=list(X), rates=rates)
        items[old] = items[UNITS].with_values(values, offsets)
        joined += [[old], [old, "segments"], [old, "segments", "pattern"]]
    scores = {" + ".join(names): left_out(X, y, items, names) for names in joined}
    rows = {
        name: {
            "subjects": rate(by_subject(own, subjects), y[first]),
            "recordings": rate(own, y, subjects),
            "recordings with a vote": int((~np.isnan(own).any(axis=1)).sum()),
        }
        for name, own in scores.items()
    }
    table = pd.DataFrame(rows).T
    verdicts = pd.concat(
        [judged(items[name], X, y, own).assign(units=name) for name, own in columns.items()]
    )
    print(table.to_string(), "", verdicts.to_string(), sep="\n")
    if args.out:
        folder = RESULTS / args.out
        folder.mkdir(parents=True, exist_ok=True)
        table.to_csv(folder / "votes.csv")
        verdicts.to_csv(folder / "outlier_rule.csv", index=False)
        counts = pd.DataFrame(
            {
                "units": {name: len(items[name].values) for name in columns},
                "recordings without a unit": {
                    name: int((items[name].lengths == 0).sum()) for name in columns
                },
            }
        )
        counts.to_csv(folder / "units.csv")
        settings = {"recordings": len(X)} | provenance()
        (folder / "settings.json").write_text(json.dumps(settings, indent=1) + "\n")


if __name__ == "__main__":
    main()
