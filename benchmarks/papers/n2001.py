"""Real recordings: EMGLAB N2001, one subject left out at a time, beside its confound with age."""

from __future__ import annotations

import pandas as pd
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from benchmarks.machinery import runner
from benchmarks.machinery.reporting import (
    AVERAGING,
    NOT_RUN,
    has,
    markdown,
    profile_table,
    score_cells,
    with_averaging,
)
from benchmarks.machinery.runner import arguments, get_cohort, load, run
from benchmarks.papers.subject_features import BALANCED, CLASSIFIERS, IN_SAMPLE, OUT_OF_FOLD, STUDY
from sknemg.evaluation.confounding import confounds
from sknemg.metrics import format_interval, score_table

REMARK = """**The final classifier harms here.** With nine training subjects a logistic regression
of its default strength answers close to the class frequencies. Leaving a subject out makes its own
class the rarer one, so answers lean away from the truth. Weighting the classes, or taking the mean
of the same recordings without a final classifier, corrects this. Recordings are scored before any
final classifier, so their accuracy is the same in every row of a method.
"""


def recording_cells(result, method: str) -> list[str]:
    if result is None or not has(result, method):
        return [NOT_RUN]
    rows = result.recordings[result.recordings["method"] == method].dropna(subset=result.classes)
    table = score_table(
        rows["y_true"], rows[result.classes], classes=result.classes, groups=rows["subject"]
    ).set_index("metric")
    value, low, high = table.loc["accuracy", ["value", "low", "high"]]
    return [format_interval(value, low, high, digits=0, percent=True)]


def wrong(result, method: str) -> str:
    rows = result.subjects[result.subjects["method"] == method]
    rows = rows[rows["prediction"] != rows["y_true"]]
    named = [f"{row.subject} ({row.y_true} as {row.prediction})" for row in rows.itertuples()]
    return f"- {method}: {', '.join(named) or 'none'}"


def by_age_alone(X, y) -> str:
    """Diagnose each subject from nothing but its age, by the others."""
    subjects = X.meta.assign(y=y).groupby("subject")[["age", "y"]].first()
    age, truth = subjects[["age"]].to_numpy(), subjects["y"].to_numpy()
    answers = cross_val_predict(LinearDiscriminantAnalysis(), age, truth, cv=LeaveOneOut())
    return f"{(answers == truth).sum()} of {len(truth)} subjects"


def tables() -> str:
    parts = [
        "## Real recordings: N2001, one subject left out at a time\n",
        "Biceps brachii, slight contraction, concentric needle; ALS stands for neuropathy. With "
        "ten subjects, one more or one less is ten points, and every interval is wide. Percent "
        "[95 % interval over subjects]; log-loss of subjects (uniform guessing: 1.10).\n",
        "The data are described in [](references.md).\n",
    ]
    result = with_averaging(load(STUDY, "n2001", "cpu"), IN_SAMPLE)
    rows = [
        [name, way, *score_cells(result, f"{name}, {way}", ["accuracy"]),
         *recording_cells(result, f"{name}, {IN_SAMPLE if way == AVERAGING else way}"),
         *score_cells(result, f"{name}, {way}", ["log_loss"], percent=False)]
        for name in CLASSIFIERS
        for way in [IN_SAMPLE, OUT_OF_FOLD, BALANCED, AVERAGING]
    ]  # fmt: skip
    header = ["segments", "subject features", "subjects", "recordings", "log-loss"]
    parts.append(profile_table("cpu", result, header, rows))
    if result is not None:
        ran = [f"{name}, {AVERAGING}" for name in CLASSIFIERS]
        text = "\n".join(wrong(result, method) for method in ran if has(result, method))
        parts += [REMARK, f"Wrong diagnoses:\n\n{text}\n"]
    file = runner.RESULTS / "n2001_confounds.csv"
    if file.exists():
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
        table.columns = ["", *table.columns[1:]]
        parts += [
            "**Diagnosis is confounded with age** (and side): the healthy are young. A network "
            "may tell age from these signals, and no split of these subjects can show that it "
            "does not. The last row is a linear discriminant that sees nothing but the age, one "
            "subject left out at a time.\n",
            markdown(list(table.columns), table.to_numpy().tolist()),
        ]
    parts.append("Profile gpu, the published setting: not run.\n")
    return "\n".join(parts)


if __name__ == "__main__":
    args = arguments(__doc__)
    run(STUDY, args.profile, "n2001", args.cache, args.jobs, args.out)
    X, y = get_cohort("n2001", STUDY.settings(args.profile, "n2001"), args.cache)
    table = confounds(X, y)
    print(table.to_string())
    table = (
        table.assign(p=[f"{p:.3f}" if p == p else "" for p in table["p"]])
        .rename_axis("")
        .reset_index()
    )
    table.loc[len(table)] = ["diagnosed correctly by age alone", by_age_alone(X, y), *[""] * 5]
    table.to_csv(args.out / "n2001_confounds.csv", index=False)
