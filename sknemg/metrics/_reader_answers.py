"""Tables of a study of readers that describe: answers, what is missing, times and confidence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.metrics._reader_cases import Cases
from sknemg.metrics.votes import CANNOT_SAY

_NO_TABLE = pd.DataFrame()


def answer_shares(
    table: pd.DataFrame, y: pd.Series, classes: list[Any], given: list[Any]
) -> NDArray[Any]:
    """Share the answers `given` among the cases of each class: a matrix for each rater."""
    matrices = []
    for rater in table:
        answers = table[rater].dropna()
        counts = pd.crosstab(y[answers.index], answers)
        counts = counts.reindex(index=classes, columns=given, fill_value=0)
        total = counts.sum(axis=1).to_numpy(dtype=float)[:, None]
        matrices.append(counts.to_numpy() / np.where(total > 0, total, np.nan))
    return np.array(matrices)


def confusion_table(cases: Cases) -> pd.DataFrame:
    """Give mean and standard deviation over raters, in per cent of the true class."""
    rows = []
    for kind, table in (("readers", cases.readers), ("model", cases.models)):
        if not table.shape[1]:
            continue
        shares = 100 * answer_shares(table, cases.y, cases.classes, cases.answers)
        for i, true in enumerate(cases.classes):
            for j, answer in enumerate(cases.answers):
                own = shares[:, i, j][~np.isnan(shares[:, i, j])]
                if answer not in cases.classes and not (shares[:, :, j] > 0).any():
                    continue
                sd = own.std(ddof=1) if len(own) > 1 else np.nan
                mean = own.mean() if len(own) else np.nan
                rows.append({"raters": kind, "true": true, "answer": answer, "percent": mean,
                             "sd": sd, "n_raters": len(own)})  # fmt: skip
    return pd.DataFrame(rows)


def unanimous_table(cases: Cases) -> pd.DataFrame:
    """Name the cases that nobody who answered got right: all readers, or all models."""
    marks = {}
    for name, table in (("readers", cases.readers), ("models", cases.models)):
        answered = table.notna().all(axis=1) & (table.shape[1] > 0)
        marks[f"all_{name}_wrong"] = answered & ~table.eq(cases.y, axis=0).any(axis=1)
    wrong = pd.DataFrame(marks)
    kept = wrong.any(axis=1)
    whole = pd.concat([cases.y.to_frame(), wrong, cases.readers, cases.models], axis=1)
    return whole[kept].reset_index()


def missing_table(cases: Cases) -> pd.DataFrame:
    """Count for each reader and model the cases without an answer, and name them."""
    rows = []
    for kind, table in (("reader", cases.readers), ("model", cases.models)):
        for rater in table:
            unsure = cases.unsure[rater] if kind == "reader" else pd.Series(False, cases.y.index)
            unread = table[rater].isna() & ~unsure
            rows.append(
                {"rater": rater, "kind": kind, "n_cases": len(cases.y)}
                | {"answered": int((~unread & ~unsure).sum())}
                | {"cannot_say": int(unsure.sum()), "unread": int(unread.sum())}
                | {"cannot_say_cases": _named(unsure), "unread_cases": _named(unread)}
            )
    return pd.DataFrame(rows)


def _named(where: pd.Series) -> str:
    names = where.index[where]
    return ", ".join(" ".join(n) if isinstance(n, tuple) else str(n) for n in names)


def _first_votes(cases: Cases, votes: pd.DataFrame) -> pd.DataFrame:
    own = (votes["level"] == cases.level) & (votes["arm"] == "blinded") & (votes["repeat"] == 0)
    first = votes[own]
    diagnosis = cases.y.groupby(cases.subject).first()
    return first.assign(diagnosis=first["subject"].map(diagnosis))


def time_table(cases: Cases, votes: pd.DataFrame) -> pd.DataFrame:
    """Describe the time for a case, by reader and by diagnosis, with a test of each."""
    timed = _first_votes(cases, votes).dropna(subset="seconds")
    if not len(timed):
        return _NO_TABLE
    # Each subject counts once: by reader on what all have read, by diagnosis with all its votes.
    shared = timed.pivot(
        index=["subject", "recording"], columns="reader", values="seconds"
    ).dropna()
    subjects = timed.groupby(["diagnosis", "subject"])["seconds"].mean()
    tests = {
        "reader": _paired_test(shared.groupby(level="subject").mean()),
        "diagnosis": _test_of_samples([own for _, own in subjects.groupby(level="diagnosis")]),
    }
    rows = []
    for by, (test, p) in tests.items():
        for name, own in timed.groupby(by):
            low, median, high = own["seconds"].quantile([0.25, 0.5, 0.75])
            rows.append(
                {"by": by, "name": name, "n_cases": len(own), "median": median}
                | {"quartile_1": low, "quartile_3": high, "total": own["seconds"].sum()}
                | {"p": p, "test": test}
            )
    return pd.DataFrame(rows)


def _paired_test(table: pd.DataFrame) -> tuple[str, float]:
    """Compare the columns of a table whose rows belong together: name of the test, and p."""
    from scipy.stats import friedmanchisquare, wilcoxon

    if table.shape[1] < 2 or not (table.nunique(axis=1) > 1).any():
        return "", np.nan
    columns = [table[name] for name in table]
    if len(columns) == 2:
        return "Wilcoxon signed-rank", float(wilcoxon(*columns).pvalue)
    return "Friedman", float(friedmanchisquare(*columns).pvalue)


def _test_of_samples(samples: list[pd.Series]) -> tuple[str, float]:
    """Compare independent samples: name of the test, and p."""
    from scipy.stats import kruskal

    if len(samples) < 2 or pd.concat(samples).nunique() < 2:
        return "", np.nan
    return "Kruskal-Wallis", float(kruskal(*samples).pvalue)


def confidence_table(cases: Cases, votes: pd.DataFrame) -> pd.DataFrame:
    """Compare how sure a reader was where right and where wrong."""
    from scipy.stats import mannwhitneyu

    sure = _first_votes(cases, votes).dropna(subset="confidence")
    if cases.cannot_say == "unread":
        sure = sure[sure["vote"] != CANNOT_SAY]
    rows = []
    for reader, own in sure.groupby("reader"):
        right = own["vote"] == own["diagnosis"]
        parts = own.loc[right, "confidence"], own.loc[~right, "confidence"]
        tested = all(map(len, parts)) and own["confidence"].nunique() > 1
        tested &= cases.level == "subject"  # recordings of a subject are alike
        rows.append(
            {"reader": reader, "n_right": len(parts[0]), "mean_right": parts[0].mean()}
            | {"n_wrong": len(parts[1]), "mean_wrong": parts[1].mean()}
            | {"p_mann_whitney": float(mannwhitneyu(*parts).pvalue) if tested else np.nan}
        )
    return pd.DataFrame(rows)
