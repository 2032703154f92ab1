"""Voting rules compared: pooling, weights of recordings, final classifiers.

Run ``python -m benchmarks.votes``; a stopped run goes on. ``SKNEMG_DATA`` names the folder that
holds ``emglab_n2001`` and ``algiers``; without it the simulated cohorts are run alone. Each
classifier of segments (or of motor units) is trained once for each fold of subjects, and the scores
of its items are kept; all rules are then applied to the same scores. Scores of the training
subjects, from which a final classifier learns, come from the classifier that was trained on them
(as published) and from ones that never saw them (three inner folds by subject).
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.machinery.reporting import markdown
from benchmarks.machinery.runner import RESULTS, write_json
from benchmarks.real import filtered, load
from sknemg import MuapFeatures, Segmenter, SegmentFeatures, SubjectKFold
from sknemg.divote._items import fit_items, out_of_fold_scores, score_items
from sknemg.divote._votes import align_columns, subject_votes
from sknemg.divote.final import fit_final
from sknemg.divote.pooling import POOLINGS, RECORDING_WEIGHTS, pool_scores, weights_of
from sknemg.metrics import difference_table, format_interval, score_table
from sknemg.provenance import provenance
from sknemg.recordings import label_subjects
from sknemg.simulate import make_cohort

FOLDER = RESULTS / "votes"
PAGE = Path(__file__).parents[1] / "docs" / "votes.md"
SFREQ = 10_000
N_SUBJECTS = 45
#: Cohorts, and what is tried on them. Recordings of Algiers are full interference patterns.
COHORTS = {
    "simulated 401": ("features + LDA", "features + forest", "motor units"),
    "simulated 402": ("features + LDA", "features + forest", "motor units"),
    "n2001": ("features + LDA", "features + forest", "motor units"),
    "algiers": ("features + LDA", "features + forest"),
}
CLASSIFIERS = {
    "features + LDA": make_pipeline(StandardScaler(), LinearDiscriminantAnalysis()),
    "features + forest": RandomForestClassifier(
        100, min_samples_leaf=5, class_weight="balanced", random_state=0
    ),
    "motor units": make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000)
    ),
}
#: Subjects of the classes from which a final classifier learns, in the studies of few subjects and
#: of unequal classes, which take each order of the classes in turn.
FEW = ((3, 3, 3), (5, 5, 5), (8, 8, 8), (10, 10, 10))
UNEQUAL = (10, 5, 3)


@dataclass(frozen=True)
class Rule:
    """From scores of items to those of subjects.

    Parameters
    ----------
    pooling, weights, final
        As for `DiVoteClassifier`.
    location : bool
        Whether a final classifier sees proximal and distal recordings apart, where they are known.
    own : {"in-sample", "out of fold"}
        Where its training subjects' scores come from.
    sizes : tuple of int, default=None
        Learn from so many subjects of each class, drawn six times; all by default.
    """

    pooling: str = "mean"
    weights: str = "uniform"
    final: str | None = None
    location: bool = False
    own: str = "in-sample"
    sizes: tuple[int, ...] | None = None

    @property
    def name(self) -> str:
        """What it is called in the tables."""
        if self.final is None:
            return f"{self.pooling}, {self.weights}"
        where = ", by location" if self.location else ""
        few = "" if self.sizes is None else f", from {' + '.join(map(str, self.sizes))}"
        return f"{self.final}, {self.own}{where}{few}"


MEAN = Rule()
PUBLISHED = Rule(final="logistic", location=True)
AVERAGES = [Rule(pooling, weights) for pooling in POOLINGS for weights in RECORDING_WEIGHTS]
FINALS = [
    Rule(final=final, own=own, location=True)
    for own in ("in-sample", "out of fold")
    for final in ("logistic", "balanced", "regularized")
]
LEARNED = [
    *(Rule(final="balanced", location=True, sizes=sizes) for sizes in FEW),
    *(
        Rule(final=final, location=True, sizes=UNEQUAL)
        for final in ("logistic", "balanced", "regularized")
    ),
]
RULES = [*AVERAGES, *FINALS, *LEARNED]


INTRODUCTION = """# Comparing voting rules

Generated from `benchmarks/results/votes` by `python -m benchmarks.votes --page`; what was not run
says so.

How should votes of segments or motor units become a diagnosis? The mean does as well as any other
pooling. A final classifier should be balanced, since the published one answers by the frequencies
of the classes, and needs about ten subjects of each class.

This page compares values of the parameters `pooling`, `recording_weights`, `final_estimator` and
`cv` of {class}`~sknemg.divote.DiVoteClassifier`. All rules see the same scores of segments or motor
units from held-out subjects: five folds by subject, or one subject at a time for N2001
([references](references.md)). The tables give balanced accuracy of subjects and their log-loss
(uniform guessing: 1.10; lower is better), and in brackets the difference from the rule it is
compared with, with paired 95 % intervals over subjects.

A final classifier learns from votes of the classifier that was trained on the same subjects, as
published, or "out of fold" from votes of three classifiers that never saw them (of two where the
smallest class has two subjects left, as in N2001). Simulated patients are not real people;
recordings of Algiers are full interference patterns, in which no motor units were looked for.
"""

DISCUSSION = """## What follows

- **The balanced final classifier is the default.** Where classes differ in size the published one
  answers by their frequencies: on N2001 features + LDA have 44 %, and 89 balanced (+44 [+4, +66];
  forest and motor units +11, within chance). Learning from 10, 5 and 3 subjects of the classes, it
  gains 12 to 36 points on simulated patients and 8 to 21 on Algiers, beyond chance in all eight
  cases. Where sizes are equal the two are the same; on Algiers with all its subjects they do not
  differ beyond chance.
- **Regularisation chosen inside** lowers the log-loss with unequal classes (beyond chance in all
  eight cases against the published one, in three against the balanced one), but harms where
  training votes are too sure: forest on Algiers, in-sample, +0.11 [+0.03, +0.25]; out of fold 0.00.
  So it is not the default; use it with `cv`.
- **No pooling differs from the mean beyond chance**, in accuracy or in log-loss, so the mean
  remains the default. Entropy-weighted votes have a log-loss lower by 0.04 to 0.08 on simulated
  patients. Weighting recordings by length makes no difference.
- **Few subjects**: with 3 or 5 subjects of each class the balanced classifier has a larger log-loss
  than the mean, which learns nothing (beyond chance in six and three of eight cases); with 8 it
  still has in one, with 10 in none. `"auto"` is cautious and requires 10.
- **Limits**: one seed of folds each. The choices were made on the same real subjects and on cohorts
  of an older simulator (commit 08b1eba, the same seeds), on which entropy-weighted votes lowered
  the log-loss by 0.10 to 0.14. They were not made anew.
"""


# -- scores ------------------------------------------------------------------------------------


def cohort(name: str, cache: Path) -> tuple[Any, np.ndarray]:
    """Give the recordings of a cohort, and the diagnoses."""
    if name.startswith("simulated"):
        seed = int(name.split()[1])
        X, y = make_cohort(
            N_SUBJECTS, sfreq=SFREQ, cache=cache / "cohorts", progress=False, random_state=seed
        )
    else:
        X, y = load(name)
    return X, np.asarray(y)


def items_of(base: str, X: Any) -> Any:
    """Cut recordings into what votes."""
    if base == "motor units":
        return MuapFeatures().fit_transform(X)
    cut = make_pipeline(Segmenter(hop=0.2, short="drop"), SegmentFeatures())
    return cut.fit_transform(filtered(X))


def folds_of(name: str, X: Any, y: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Split by subject; of the ten subjects of N2001 one is left out at a time."""
    if name == "n2001":
        yield from LeaveOneGroupOut().split(np.zeros(len(y)), y, X["subject"])
    else:
        yield from SubjectKFold(5, shuffle=True, random_state=0).split(X, y)


def score_fold(base: str, items: Any, y: np.ndarray, train: Any, test: Any) -> dict[str, Any]:
    """Train on some subjects; score the items of the others, and of these in both ways."""
    classes, codes = np.unique(y, return_inverse=True)
    subjects = items["subject"].to_numpy()
    start = time.process_time()
    seen, known = items[train], (codes[train], classes, subjects[train])
    model = fit_items(CLASSIFIERS[base], seen, *known)
    smallest = pd.Series(y[train]).groupby(subjects[train]).first().value_counts().min()
    inner = SubjectKFold(min(3, int(smallest)), shuffle=True, random_state=0)
    folds = list(inner.split(np.zeros(len(train)), y[train], subjects[train]))
    return {
        "test": score_items(model, items[test], classes),
        "in-sample": score_items(model, seen, classes),
        "out of fold": out_of_fold_scores(CLASSIFIERS[base], seen, *known, folds),
        "seconds": time.process_time() - start,
    }


# -- rules -------------------------------------------------------------------------------------


def votes_of(rule: Rule, X: Any, scores: np.ndarray, subject: np.ndarray, n: int) -> np.ndarray:
    """Describe subjects by the scores of their items."""
    recordings = pool_scores(scores, X.row_index, len(X), pooling=rule.pooling)
    location = X["location"] if rule.location and "location" in X else None
    weights = weights_of(rule.weights, X.lengths)
    return subject_votes(recordings, subject, n, location, pooling=rule.pooling, weights=weights)


def answer(rule: Rule, items: Any, y: np.ndarray, train: Any, test: Any, found: Any) -> Any:
    """Answer for the subjects of a fold: a row for each draw and subject."""
    classes = np.unique(y)
    asked = items[test]
    subject, names, first = label_subjects(y[test], asked["subject"].to_numpy())
    votes = votes_of(rule, asked, found["test"], subject, len(names))
    answers = [votes]
    if rule.final is not None:
        seen = items[train]
        own, _, at = label_subjects(y[train], seen["subject"].to_numpy())
        voted = np.unique(own[seen.lengths > 0])
        features = votes_of(rule, seen, found[rule.own], own, len(at))[voted]
        labels = y[train][at[voted]]
        answers = []
        for kept in _draws(labels, rule.sizes):
            final = fit_final(rule.final, features[kept], labels[kept])
            answers.append(align_columns(final.predict_proba(votes), final.classes_, classes))
    rows = [
        pd.DataFrame(proba, columns=classes).assign(subject=names, y_true=y[test][first], draw=draw)
        for draw, proba in enumerate(answers)
    ]
    return pd.concat(rows)


def _draws(labels: np.ndarray, sizes: tuple[int, ...] | None) -> Iterator[np.ndarray]:
    if sizes is None:
        yield np.arange(len(labels))
        return
    rng = np.random.default_rng(0)
    groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    for order in permutations(sizes):
        each = zip(groups, order, strict=True)
        yield np.concatenate([rng.choice(group, n, replace=False) for group, n in each])


def run(names: list[str], cache: Path, out: Path) -> None:
    """Score every fold, apply every rule, keep the answers for subjects."""
    folder = cache / "votes" / f"{provenance()['commit'] or 'unknown'}-{N_SUBJECTS}"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        X, y = cohort(name, cache)
        tables, seconds, made = [], {}, {}
        for base in COHORTS[name]:
            kind = base.split(" +")[0]
            if kind not in made:
                store = folder / f"{name}-{kind}.joblib".replace(" ", "_")
                if not store.exists():
                    joblib.dump(items_of(base, X), store)
                made[kind] = joblib.load(store)
            items = made[kind]
            for fold, (train, test) in enumerate(folds_of(name, items, y)):
                file = folder / f"{name}-{base}-{fold}.npz".replace(" ", "_")
                if not file.exists():
                    part = file.with_suffix(".part.npz")
                    np.savez(part, **score_fold(base, items, y, train, test))
                    part.replace(file)
                found = np.load(file)
                seconds[base] = seconds.get(base, 0.0) + float(found["seconds"])
                for rule in RULES:
                    if rule.sizes and name == "n2001":
                        continue  # there are few from the start
                    with warnings.catch_warnings():
                        warnings.filterwarnings("ignore", "Recordings without a location")
                        table = answer(rule, items, y, train, test, found)
                    tables.append(table.assign(base=base, rule=rule.name, fold=fold))
            print(name, base, f"{seconds[base]:.0f} s", flush=True)
        keep(name, pd.concat(tables), items, seconds, out)


def keep(name: str, table: pd.DataFrame, items: Any, seconds: dict[str, float], out: Path) -> None:
    """Write the answers for the subjects of a cohort."""
    place = out / name.replace(" ", "_")
    place.mkdir(parents=True, exist_ok=True)
    first = ["base", "rule", "fold", "draw", "subject", "y_true"]
    table[[*first, *table.columns.drop(first)]].to_csv(
        place / "subjects.csv", index=False, float_format="%.4g"
    )
    about = {
        "cohort": name, "simulated": name.startswith("simulated"), "n_recordings": len(items),
        "cpu_seconds": {base: round(own, 1) for base, own in seconds.items()}, **provenance(),
    }  # fmt: skip
    write_json(place / "settings.json", about)


# -- tables ------------------------------------------------------------------------------------


def kept(name: str, folder: Path = FOLDER) -> pd.DataFrame | None:
    """Read the answers for the subjects of a cohort; None where it was not run."""
    file = folder / name.replace(" ", "_") / "subjects.csv"
    return pd.read_csv(file, dtype={"subject": str}) if file.exists() else None


def compare(table: pd.DataFrame, rule: Rule, reference: Rule) -> dict[str, str]:
    """Write balanced accuracy and log-loss of a rule, and their differences from those of another.

    Parameters
    ----------
    table : DataFrame
        The answers of one cohort by the votes of one kind.
    rule, reference : Rule

    Returns
    -------
    dict of str
        ``value`` or ``value (difference [low, high])``; the interval is over subjects, paired.
    """
    classes = sorted(table["y_true"].unique())
    both = []
    for one in (rule, reference):
        own = table[table["rule"] == one.name].sort_values(["draw", "subject"])
        proba = own[classes].to_numpy()
        both.append((own, proba / proba.sum(axis=1, keepdims=True)))  # rounded when written
    (own, proba), (other, other_proba) = both
    if len(other) < len(own):  # several draws beside none
        other_proba = np.tile(other_proba, (len(own) // len(other), 1))
    given: dict[str, Any] = {"classes": classes, "groups": own["subject"]}
    values = score_table(own["y_true"], proba, **given).set_index("metric")["value"]
    found = difference_table(own["y_true"], proba, other_proba, **given).set_index("metric")
    cells = {}
    for metric, digits, scale in (("balanced_accuracy", 0, 100), ("log_loss", 2, 1)):
        cells[metric] = f"{scale * values[metric]:.{digits}f}"
        if rule != reference:
            value, low, high = found.loc[metric, ["value", "low", "high"]]
            apart = format_interval(
                value, low, high, digits=digits, percent=scale == 100, signed=True
            )
            cells[metric] += f" ({apart})"
    return cells


def _table(rules: dict[str, Rule], reference: Rule, folder: Path, cohorts: list[str]) -> str:
    """Write two tables, of accuracy and of log-loss: a row a kind of votes, a column a rule."""
    rows: dict[str, list[list[str]]] = {"balanced_accuracy": [], "log_loss": []}
    for name in cohorts:
        table = kept(name, folder)
        for base in COHORTS[name]:
            cells = [dict.fromkeys(rows, "not run")] * len(rules)
            if table is not None:
                own = table[table["base"] == base]
                cells = [compare(own, rule, reference) for rule in rules.values()]
            for metric, lines in rows.items():
                lines.append([f"{name}, {base}", *(cell[metric] for cell in cells)])
    titles = {"balanced_accuracy": "balanced accuracy, %", "log_loss": "log-loss"}
    return "\n".join(markdown([titles[metric], *rules], lines) for metric, lines in rows.items())


def _about(folder: Path) -> str:
    said = []
    for name in COHORTS:
        table = kept(name, folder)
        if table is not None:
            about = json.loads((folder / name.replace(" ", "_") / "settings.json").read_text())
            seconds = sum(about["cpu_seconds"].values())
            said.append(
                f"{name}: {table['subject'].nunique()} subjects, {about['n_recordings']} "
                f"recordings, {seconds:.0f} CPU s of fits, commit {about['commit'] or 'unknown'}"
            )
    return f"*{'; '.join(said) or 'Not run'}.*\n"


def tables(folder: Path = FOLDER) -> str:
    """Write the study as Markdown; what was not run says so."""
    names = list(COHORTS)
    large = [name for name in names if name != "n2001"]  # which has few subjects from the start
    pooling = {rule.pooling: rule for rule in AVERAGES if rule.weights == "uniform"}
    pooling["mean by length"] = Rule(weights="length")
    finals = {"logistic": PUBLISHED, "none": MEAN}
    finals |= {rule.final or "": rule for rule in FINALS[1:3]}
    finals |= {f"{rule.final}, out of fold": rule for rule in FINALS[3:]}
    few = {"none": MEAN}
    few |= {f"{rule.sizes[0]} of each": rule for rule in LEARNED[:-3] if rule.sizes}
    unequal = {rule.final or "": rule for rule in LEARNED[-3:]}
    return "\n".join(
        [
            INTRODUCTION,
            _about(folder),
            "## Pooling, and weights of recordings\n\nWithout a final classifier; differences from "
            "the mean.\n",
            _table(pooling, MEAN, folder, names),
            "## Final classifiers\n\nThey learn from means, by location where it is known; "
            "differences from the published one.\n",
            _table(finals, PUBLISHED, folder, names),
            "## Few subjects\n\nThe balanced final classifier learns from this many subjects per "
            "class (drawn six times); differences from the mean, which learns nothing.\n",
            _table(few, MEAN, folder, large),
            "## Classes of unequal size\n\nThe final classifiers learn from 10, 5 and 3 subjects "
            "of the classes, in every order of these; differences from the published one.\n",
            _table(unequal, LEARNED[-3], folder, large),
        ]
    )


def page(folder: Path = FOLDER) -> str:
    """Write the page of the documentation."""
    return f"{tables(folder)}\n{DISCUSSION}"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cohorts", nargs="+", choices=list(COHORTS))
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir()) / "sknemg-benchmarks",
        help="folder of finished fits, from which a stopped run goes on",
    )  # fmt: skip
    parser.add_argument("--page", action="store_true", help="write docs/votes.md from kept results")
    args = parser.parse_args()
    if args.page:
        PAGE.write_text(page())
        return
    real = "SKNEMG_DATA" in os.environ
    names = args.cohorts or [n for n in COHORTS if real or n.startswith("simulated")]
    run(names, args.cache, args.out)
    print(tables(args.out))


if __name__ == "__main__":
    main()
