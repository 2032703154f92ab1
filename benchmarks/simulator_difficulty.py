"""How hard the simulated cohort is for simple classifiers, with and without its confounds.

Simple features of each segment, a random forest and a logistic regression, five folds by subject,
each seed a new cohort and new folds. A subject's diagnosis is the mean of its recordings' scores
("average") or a logistic regression on the proximal and distal means, trained on inner folds
("divote"). Published for nEMGNet-B on real patients: 62 % of segments, 74 % of subjects by
averaging, 84 % with DiVote. "facts" are a forest that sees no signal at all, only how many
recordings a subject has, where, and how long: what the confounds alone are worth.

    python -m benchmarks.simulator_difficulty --seeds 5 --n-jobs 2
"""

import argparse
import json

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg import DiVoteClassifier, Segmenter, SegmentFeatures, SubjectKFold
from sknemg.provenance import provenance
from sknemg.simulate import make_cohort


def classifiers(seed, n_jobs):
    return {
        "forest": RandomForestClassifier(
            100, min_samples_leaf=10, random_state=seed, n_jobs=n_jobs
        ),
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
    }


def score(F, y, classifier, folds, inner):
    """Share of segments, recordings and subjects diagnosed right, over all folds."""
    segments, recordings, average, divote = [], [], [], []
    for train, test in folds.split(F, y):
        votes = DiVoteClassifier(clone(classifier), final_estimator=None)
        votes.fit(F[train], y[train])
        held, truth = F[test], y[test]
        scores = votes.estimator_.predict_proba(held.values)
        right = votes.classes_[scores.argmax(axis=1)] == np.repeat(truth, held.lengths)
        segments.append(right)
        mean = np.add.reduceat(scores, held.offsets[:-1]) / held.lengths[:, None]
        recordings.append(votes.classes_[mean.argmax(axis=1)] == truth)
        first = ~held["subject"].duplicated().to_numpy()
        average.append((votes.predict(held) == truth)[first])
        if inner:
            full = DiVoteClassifier(clone(classifier), cv=inner).fit(F[train], y[train])
            divote.append((full.predict(held) == truth)[first])
    levels = {"segment": segments, "recording": recordings, "average": average, "divote": divote}
    return {name: np.concatenate(parts).mean() for name, parts in levels.items() if parts}


def facts(X, y, seed):
    """Score of a forest that sees the outline of the cohort and no signal."""
    table = pd.DataFrame({"subject": X["subject"], "seconds": X.durations, "y": y})
    table["proximal"] = X["location"] == "proximal"
    people = table.groupby("subject").agg(
        n=("y", "size"),
        seconds=("seconds", "mean"),
        proximal=("proximal", "mean"),
        y=("y", "first"),
    )
    features, diagnosis = people.drop(columns="y").to_numpy(), people["y"].to_numpy()
    right = []
    for train, test in SubjectKFold(5, shuffle=True, random_state=seed).split(
        features, diagnosis, groups=people.index
    ):
        forest = RandomForestClassifier(200, min_samples_leaf=3, random_state=seed)
        right.append(forest.fit(features[train], diagnosis[train]).predict(features[test]))
        right[-1] = right[-1] == diagnosis[test]
    return np.concatenate(right).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--inner", type=int, default=3, help="inner folds of DiVote")
    parser.add_argument("--divote", nargs="*", default=["forest", "logistic"], help="for which")
    parser.add_argument("--n-jobs", type=int)
    parser.add_argument("--confound", choices=["both", "yes", "no"], default="both")
    parser.add_argument("--dials", type=json.loads, default={}, help="JSON for make_cohort")
    options = parser.parse_args()
    dials = {k: tuple(v) if isinstance(v, list) else v for k, v in options.dials.items()}
    print(json.dumps(provenance()), dials, flush=True)
    rows = []
    for confound in {"both": [True, False], "yes": [True], "no": [False]}[options.confound]:
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            X, y = make_cohort(
                sfreq=10_000, confound=confound, random_state=seed, n_jobs=options.n_jobs, **dials
            )
            F = SegmentFeatures().fit_transform(Segmenter().fit_transform(X))
            folds = SubjectKFold(5, shuffle=True, random_state=seed)
            common = {"confound": confound, "seed": seed}
            rows.append(common | {"classifier": "facts", "average": facts(X, y, seed)})
            for name, classifier in classifiers(seed, options.n_jobs).items():
                inner = options.inner if name in options.divote else 0
                scores = score(F, y, classifier, folds, inner)
                rows.append(common | {"classifier": name} | scores)
                print(rows[-1], flush=True)
    table = pd.DataFrame(rows).drop(columns="seed").groupby(["confound", "classifier"])
    print((100 * table.agg(["mean", "std"])).round(1).to_string())


if __name__ == "__main__":
    main()
