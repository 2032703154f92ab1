"""Real recordings: EMGLAB N2001, one subject left out at a time, beside its confound with age."""

from __future__ import annotations

import pandas as pd
from reporting import NOT_RUN, has, markdown, profile_table, score_cells
from runner import RESULTS, arguments, get_cohort, load, run
from subject_features import CLASSIFIERS, STUDY, WAYS

from sknemg.comparison import confounds
from sknemg.metrics import score_table


def recording_cells(result, method: str) -> list[str]:
    if result is None or not has(result, method):
        return [NOT_RUN]
    rows = result.recordings[result.recordings["method"] == method].dropna(subset=result.classes)
    table = score_table(
        rows["y_true"], rows[result.classes], classes=result.classes, groups=rows["subject"]
    ).set_index("metric")
    value, low, high = 100 * table.loc["accuracy", ["value", "low", "high"]]
    return [f"{value:.0f} [{low:.0f}, {high:.0f}]"]


def wrong(result, method: str) -> str:
    rows = result.subjects[result.subjects["method"] == method]
    rows = rows[rows["prediction"] != rows["y_true"]]
    named = [f"{row.subject} ({row.y_true} as {row.prediction})" for row in rows.itertuples()]
    return f"- {method}: {', '.join(named) or 'none'}"


def tables() -> str:
    parts = [
        "## Real recordings: N2001, one subject left out at a time\n",
        "Biceps brachii, slight contraction, concentric needle; ALS stands for neuropathy. Ten "
        "subjects: one more or one less is ten points, and every interval is wide. Percent [95 % "
        "interval by bootstrap over subjects]; log-loss of subjects (thirds: 1.10).\n",
    ]
    result = load(STUDY, "n2001", "cpu")
    rows = [
        [name, way, *score_cells(result, f"{name}, {way}", ["accuracy"]),
         *recording_cells(result, f"{name}, {way}"),
         *score_cells(result, f"{name}, {way}", ["log_loss"], 1)]
        for name in CLASSIFIERS
        for way in WAYS
    ]  # fmt: skip
    header = ["segments", "subject features", "subjects", "recordings", "log-loss"]
    parts.append(profile_table("cpu", result, header, rows))
    if result is not None:
        ran = result.subjects["method"].unique()
        parts += ["Wrong diagnoses:\n", *(wrong(result, method) for method in ran), ""]
    file = RESULTS / "n2001_confounds.csv"
    if file.exists():
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
        parts += [
            "**Diagnosis is confounded with age** (and side): the healthy are young. A network "
            "may tell age from these signals, and no split of these subjects can show that it "
            "does not.\n",
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
    table.reset_index().to_csv(args.out / "n2001_confounds.csv", index=False)
