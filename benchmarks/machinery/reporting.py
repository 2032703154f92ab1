"""From kept results to tables: scores with intervals, tests between methods, Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.machinery.methods import installed
from benchmarks.machinery.settings import PROFILES
from sknemg.evaluation import Evaluation
from sknemg.metrics import format_interval, score_table
from sknemg.metrics._format import format_number

NOT_RUN = "not run"
AVERAGING = "simple averaging"


def fold_accuracies(result: Evaluation, method: str) -> pd.Series:
    """Give the share of subjects diagnosed correctly in each test fold, by repeat and fold."""
    rows = result.subjects[result.subjects["method"] == method]
    right = rows["prediction"] == rows["y_true"]
    return right.groupby([rows["repeat"], rows["fold"]]).mean()


def subject_scores(
    result: Evaluation, method: str, metrics: Iterable[str] = ("accuracy",)
) -> pd.DataFrame:
    """Score a method's diagnoses, with 95 % intervals over subjects."""
    rows = result.subjects[result.subjects["method"] == method]
    table = score_table(
        rows["y_true"], rows[result.classes], classes=result.classes, groups=rows["subject"]
    )
    return table.set_index("metric").loc[list(metrics)]


def with_averaging(result: Evaluation | None, source: str) -> Evaluation | None:
    """Add what simple averaging makes of the same segment classifiers: no run is needed for it.

    Parameters
    ----------
    result : Evaluation or None
    source : str
        The way whose recordings are averaged, as in ``"nEMGNet-B, in-sample"``.
    """
    if result is None:
        return None
    rows = result.recordings[result.recordings["method"].str.endswith(f", {source}")]
    keys = ["method", "repeat", "fold", "subject", "y_true"]
    means = rows.dropna(subset=result.classes).groupby(keys, sort=False)[result.classes].mean()
    means["prediction"] = means.idxmax(axis=1)
    means = means.reset_index()
    means["method"] = means["method"].str.replace(source, AVERAGING)
    return replace(result, subjects=pd.concat([result.subjects, means], ignore_index=True))


def has(result: Evaluation | None, method: str) -> bool:
    return result is not None and method in set(result.subjects["method"])


def accuracy_cell(result: Evaluation | None, method: str) -> str:
    """Give ``mean ± SD over folds [interval over subjects]`` in percent."""
    if result is None or not has(result, method):
        return NOT_RUN
    folds = 100 * fold_accuracies(result, method)
    row = subject_scores(result, method).iloc[0]
    shown = format_interval(row["value"], row["low"], row["high"], digits=0, percent=True)
    return f"{folds.mean():.1f} ± {folds.std(ddof=1):.1f} {shown.partition(' ')[2]}"


def score_cells(
    result: Evaluation | None, method: str, metrics: Iterable[str], percent: bool = True
) -> list[str]:
    """Give ``value [low, high]`` of each metric."""
    metrics = list(metrics)
    if result is None or not has(result, method):
        return [NOT_RUN] * len(metrics)
    scores = subject_scores(result, method, metrics)
    digits = 0 if percent else 2
    return [
        format_interval(row.value, row.low, row.high, digits=digits, percent=percent)
        for row in scores.itertuples()
    ]


def corrected_p_value(first: pd.Series, second: pd.Series, n_repeats: int) -> float:
    """Test two methods on the same folds: the corrected resampled t-test, two-sided.

    Training sets of a cross-validation overlap, so a plain t-test takes its folds for more
    evidence than they are; the correction of Nadeau and Bengio widens the variance by the ratio
    of test to training size. baycomp computes the posterior of the difference, whose tail is the
    one-sided p-value under a flat prior (Corani and Benavoli 2015).

    Parameters
    ----------
    first, second : Series
        Scores fold by fold, repeat after repeat.
    n_repeats : int

    Returns
    -------
    float
        NaN where all folds differ by the same.
    """
    from baycomp import two_on_single

    difference = (first - second).to_numpy()
    if np.allclose(difference, difference[0]):
        return np.nan
    tails = two_on_single(first.to_numpy(), second.to_numpy(), rope=0, runs=n_repeats)
    return 2 * min(tails)


def difference_cells(
    one: tuple[Evaluation | None, str], other: tuple[Evaluation | None, str]
) -> list[str]:
    """Give the difference in accuracy (points) and its p-value, on the same folds."""
    (result, method), (reference, against) = one, other
    if result is None or reference is None:
        return [NOT_RUN] * 2
    if not has(result, method) or not has(reference, against):
        return [NOT_RUN] * 2
    ours, theirs = fold_accuracies(result, method), fold_accuracies(reference, against)
    difference = format_number(100 * (ours.mean() - theirs.mean()), 1, signed=True)
    if not installed("baycomp"):
        return [difference, "not run (needs baycomp)"]
    p = corrected_p_value(ours, theirs, result.settings["protocol"]["n_repeats"])
    return [difference, "no fold differs" if np.isnan(p) else f"{p:.2f}"]


def segment_accuracies(result: Evaluation, method: str) -> dict[str, tuple[float, float]]:
    """Give mean and SD over folds of the accuracy of segments, over all and of each class."""
    rows = result.items[result.items["method"] == method]
    out = {}
    for name in ("all", *result.classes):
        part = rows if name == "all" else rows[rows["y_true"] == name]
        keys = [part["repeat"], part["fold"]]
        right = part["n"].where(part["y_true"] == part["prediction"], 0).groupby(keys).sum()
        shares = 100 * right / part["n"].groupby(keys).sum()
        out[name] = (shares.mean(), shares.std(ddof=1))
    return out


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """Write a table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def by_value(said: Mapping[str, str]) -> str:
    """Say what holds for all once, and what differs with the names that it holds for."""
    groups: dict[str, list[str]] = {}
    for name, value in said.items():
        groups.setdefault(value, []).append(name)
    if len(groups) == 1:
        return next(iter(groups))
    return "; ".join(f"{value} ({' / '.join(names)})" for value, names in groups.items())


def commits_of(found: Mapping[str, Evaluation | None]) -> str:
    """Name the commit of kept results, by name where they were run at several."""
    ran = {name: result.settings["commit"] for name, result in found.items() if result is not None}
    return by_value({name: commit or "unknown" for name, commit in ran.items()})


def setting_line(result: Evaluation | None) -> str:
    """Say in a sentence how a result came about."""
    if result is None:
        return "Not run."
    settings, run = result.settings, result.settings["benchmark"]
    data = "simulated" if settings["simulated"] else f"recordings of {settings['cohort']}"
    protocol = settings["protocol"]
    said = {"width": "of width {} (published: {})", "max_epochs": "{} epochs (published: {})"}
    own = {name: (run[name], getattr(PROFILES["gpu"], name)) for name in said}
    differ = [said[name].format(*values) for name, values in own.items() if len(set(values)) > 1]
    networks = f"; nEMGNet {', '.join(differ)}" if differ else ""
    folds = protocol["n_splits"]
    folds = "one subject left out at a time" if isinstance(folds, str) else f"{folds} folds"
    return (
        f"*{sum(settings['n_subjects'].values())} subjects ({data}), "
        f"{settings['n_recordings']} recordings, segments every {run['hop']} s, protocol "
        f"{protocol['name']}: {folds}, {protocol['n_repeats']} run(s){networks}. "
        f"{settings['device']}, seed {settings['random_state']}, commit "
        f"{settings['commit'] or 'unknown'}.*"
    )


def runs_line(
    found: Mapping[str, Evaluation], also: Callable[[Mapping[str, Any]], str] = lambda _: ""
) -> str:
    """Say how results by name came about; each is kept by itself, so that they may differ.

    ``also`` gives what else is to be said of the settings of one, with a comma and a space behind.
    """
    if not found:
        return "Not run."
    said = {}
    for name, result in found.items():
        settings = result.settings
        said[name] = (
            f"{sum(settings['n_subjects'].values())} subjects (simulated), "
            f"{settings['n_recordings']} recordings, segments every "
            f"{settings['benchmark']['hop']} s, {settings['protocol']['n_splits']} folds by "
            f"subject, {also(settings)}{settings['device']}, seed {settings['random_state']}"
        )
    return f"*{by_value(said)}. Commits: {commits_of(found)}.*"


def profile_table(
    profile: str, result: Evaluation | None, header: list[str], rows: list[list[str]]
) -> str:
    """Write how a profile was run and its table; a line alone where the GPU's was not run."""
    if result is None and profile == "gpu":
        return "Profile gpu, the published setting: not run.\n"
    return f"Profile {profile}. {setting_line(result)}\n\n{markdown(header, rows)}"


def section(name: str, text: str) -> str:
    """Put the comments around a part of a page by which `replace_section` finds it."""
    return f"<!-- {name} -->\n\n{text.strip()}\n\n<!-- end of {name} -->\n"


def replace_section(page: Path, name: str, text: str) -> None:
    """Write a part of a page anew."""
    try:
        write_between(page, f"<!-- {name} -->", f"<!-- end of {name} -->", text)
    except ValueError as error:
        raise ValueError(
            f"{page} has no part {name}: put it between the comments of `section`."
        ) from error


def read_with_commits(table: Path, settings: Path) -> pd.DataFrame:
    """Read kept rows, each with the commit that made it.

    Rows that were kept before they said so are of the commit in the settings beside them.
    """
    rows = pd.read_csv(table, dtype={"commit": str})
    if "commit" not in rows:
        rows["commit"] = json.loads(settings.read_text())["commit"]
    return rows


def write_between(page: Path, begins: str, ends: str, text: str) -> None:
    """Write what stands between two comments of a page anew."""
    before, start, rest = page.read_text(encoding="utf-8").partition(begins)
    _, end, after = rest.partition(ends)
    if not (start and end):
        raise ValueError(f"{page} has no {begins} with {ends} behind it: put both of them there.")
    page.write_text(f"{before}{begins}\n\n{text.strip()}\n\n{ends}{after}", encoding="utf-8")
