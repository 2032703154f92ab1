"""Votes of motor units, segments and interference pattern, alone and together, on N2001.

One subject is left out at a time. Motor units by ``MuapFeatures`` and a balanced logistic
regression; segments of 0.4 s by ``SegmentFeatures`` and a linear discriminant; the pattern by
``InterferenceFeatures`` and a balanced logistic regression. Together they are a
``JointVoteClassifier``: the geometric mean of the kinds that a recording has. A subject's score is
the mean of its recordings' scores, without a final classifier. A recording without a vote is no
right answer. Beside them: the outlier rule by published norms, which needs no training. Intervals
are exact 95 % intervals.

    SKNEMG_DATA=... OMP_NUM_THREADS=1 python -m benchmarks.motor_unit_votes --out n2001
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
        "motor units": (MuapFeatures(), make_pipeline(StandardScaler(), balanced)),
        "segments": (segments, make_pipeline(StandardScaler(), LinearDiscriminantAnalysis())),
        "pattern": (InterferenceFeatures(), make_pipeline(StandardScaler(), balanced)),
    }


def left_out(X, y, items, names):
    """Scores of every recording by models that never saw its subject; NaN without a vote."""
    members = [
        (name, make_pipeline(Known(items[name]), DiVoteClassifier(own, final_estimator=None)))
        for name, (_, own) in kinds().items()
        if name in names
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", help="name of the result in benchmarks/results/motor_unit_votes")
    args = parser.parse_args()
    X, y = load_emglab(Path(os.environ["SKNEMG_DATA"]) / "emglab_n2001")
    y = np.asarray(y)
    subjects = X["subject"].to_numpy()
    first = pd.Series(subjects).drop_duplicates().index.to_numpy()
    X = X.with_columns(number=np.arange(len(X)))
    items = {name: step.fit_transform(X) for name, (step, _) in kinds().items()}
    joined = [[name] for name in items]
    joined += [["motor units", "segments"], ["segments", "pattern"], list(items)]
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
    units = items["motor units"]
    found = pd.DataFrame(
        units.values.astype(float), columns=kinds()["motor units"][0].get_feature_names_out()
    )
    found["subject"] = subjects[units.row_index]
    found["muscle"] = X["muscle"].to_numpy()[units.row_index]
    reference = MuapReference()
    heads = found["muscle"].str.split(" (", regex=False).str[0]
    verdicts = reference.diagnose(found.assign(muscle=heads))
    verdicts.insert(1, "diagnosis", verdicts["subject"].map(dict(zip(subjects, y, strict=True))))
    print(table.to_string(), "", verdicts.to_string(), sep="\n")
    if args.out:
        folder = RESULTS / args.out
        folder.mkdir(parents=True, exist_ok=True)
        table.to_csv(folder / "votes.csv")
        verdicts.to_csv(folder / "outlier_rule.csv", index=False)
        settings = {"recordings": len(X), "units": len(found)} | provenance()
        settings["recordings without a unit"] = int((units.lengths == 0).sum())
        (folder / "settings.json").write_text(json.dumps(settings, indent=1) + "\n")


if __name__ == "__main__":
    main()
