"""The tables and sentences of the guide's page, from a kept result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.archive.files import LONG, SHORT
from benchmarks.archive.machine import KERNELS
from benchmarks.archive.stages import ALIKE, REST, STAGES
from benchmarks.machinery.reporting import markdown

RESULTS = Path(__file__).parents[1] / "results" / "archive"
PAGE = Path(__file__).parents[2] / "docs" / "guide" / "archive.md"
MILLION = 1_000_000
MEMORY = {"peak_mb": "peak MB", "own_mb": "the command's own", "workers_mb": "its workers'"}


def tables(folder: Path = RESULTS) -> str:
    """Write the tables of the guide's page from a kept result."""
    if not (folder / "settings.json").exists():
        return "Not run.\n"
    settings = json.loads((folder / "settings.json").read_text())
    runs, stages = (
        pd.read_csv(folder / f"{name}.csv", dtype={"commit": str}) for name in ("runs", "stages")
    )
    commits = [*dict.fromkeys([*runs["commit"], *stages["commit"]])]
    several = len(commits) > 1
    memory = {name: words for name, words in MEMORY.items() if runs[name].notna().any()}
    lines = []
    keys = ["way", "model", "n_jobs", "archive", "commit"]
    for key, own in runs.groupby(keys, sort=False, dropna=False):
        way, model, n_jobs, _, commit = key
        n = own["recordings"].iloc[0]
        each = 1000 * own["cpu_s"] / n
        lines.append([
            {"rival": "wfdb, scipy, torch in a loop", "apart": "two commands at once, each on half"}
            .get(way, f"command, {model}"),
            f"{n_jobs:.0f}" if way != "apart" else "1 + 1", f"{n:,}",
            _span(own["steady"], ".1f"), _span(own["wall_s"] - n / own["steady"], ".1f"),
            _span(each, ".1f"), *(_span(own[name], ",.0f") for name in memory),
            *([commit] if several else []),
        ])  # fmt: skip
    head = ["what", "workers", "recordings", "recordings/s", "start and end, s",
            "CPU ms a recording", *memory.values(), *(["commit"] if several else [])]  # fmt: skip
    sentences = {
        commit: _sentences(
            settings, commit, *(table[table["commit"] == commit] for table in (runs, stages))
        )
        for commit in commits
    }
    text = [
        f"*Recordings of {runs['signal_s'].sum() / runs['recordings'].sum():.1f} s on average at "
        f"48 kHz, WFDB of 16 bits; nEMGNet-{settings['version']} of width {settings['width']}; "
        f"partitions of {settings['partition']} recordings. {settings['device']}, "
        f"{settings['cores']} cores, seed {settings['seed']}, "
        f"{'several commits' if several else 'commit ' + commits[0]}. Recordings/s without start "
        "and end, which are what the wall time has beyond; the range where it was measured more "
        "than once.*\n",
        markdown(head, lines),
        *(
            (f"Commit {commit}: " if several else "") + " ".join(found) + "\n"
            for commit, found in sentences.items()
            if found
        ),
        markdown(
            ["share of CPU time without the start", *_titles(stages, several)], _shares(stages)
        ),
    ]
    return "\n".join(text)


def _span(values: pd.Series, form: str) -> str:
    """Write the median, and the range if there are several."""
    values = values.dropna()
    if not len(values):
        return ""
    middle = f"{values.median():{form}}"
    if len(values) < 2:
        return middle
    return f"{middle} [{values.min():{form}}, {values.max():{form}}]"


def _titles(stages: pd.DataFrame, several: bool) -> list[str]:
    return [
        f"{row.archive}, {row.model}" + (f", {row.commit}" if several else "")
        for row in stages.itertuples()
    ]


def _shares(stages: pd.DataFrame) -> list[list[str]]:
    names = [*dict.fromkeys(stage for *_, stage in STAGES), REST]
    lines = [[name, *(f"{share:.0%}" for share in stages[name] / stages["cpu_s"])]
             for name in names]  # fmt: skip
    each = stages["network"] / stages["windows"]
    lines.append(["network, ms a window", *(f"{1000 * one:.3f}" for one in each)])
    each = stages["cpu_s"] / stages["windows"]
    lines.append(["all, ms a window", *(f"{1000 * one:.3f}" for one in each)])
    return lines


def _sentences(
    settings: dict[str, Any], commit: str, runs: pd.DataFrame, stages: pd.DataFrame
) -> list[str]:
    """Say what the figures of a commit mean, in the words of the issue they answer."""
    found = []
    own = runs[(runs["way"] == "sknemg") & (runs["model"] == "model")]
    part = own[own["archive"] == "few"]
    one, two = (part[part["n_jobs"] == n]["steady"].median() for n in (1, 2))
    apart = runs[runs["way"] == "apart"]["steady"].median()
    if not np.isnan([one, two, apart]).any():
        found.append(
            f"Once started, two workers read {two / one:.2f} times as many recordings a second as "
            f"one. Two commands of one worker each, which share nothing but the machine, read "
            f"{apart / one:.2f} times as many: two workers reach {two / apart:.2f} of what the "
            "machine lets two processes do."
        )
        machine = settings.get("machine", {})
        if machine and machine.get("commit", settings["commit"]) == commit:
            kernels = " and ".join(f"{machine[name]:.2f} times the {name}s" for name in KERNELS)
            found.append(f"Two plain processes do {kernels} of one.")
    for n_jobs in own["n_jobs"].unique():
        each = own[own["n_jobs"] == n_jobs].groupby("archive").median(numeric_only=True)
        if not {"few", "many"} <= {*each.index}:
            continue
        less, more = each.loc["few"], each.loc["many"]
        rate = more["recordings"] / more["wall_s"]
        found.append(
            f"With {n_jobs:.0f} worker{'s' if n_jobs > 1 else ''}, the memory for "
            f"{more['recordings']:,.0f} recordings is {more['peak_mb'] / less['peak_mb']:.3f} "
            f"times that for {less['recordings']:,.0f}. All of its wall time counted, it reads "
            f"{rate:.1f} recordings a second: a million of them would take "
            f"{MILLION / rate / 3600:.1f} hours and "
            f"{MILLION * more['cpu_s'] / more['recordings'] / 3600:.1f} hours of processor time "
            "(extrapolated, not run)."
        )
    rival = runs[runs["way"] == "rival"]
    same = stages[(stages["archive"] == "fewer") & (stages["model"] == "model")]
    if len(rival) and len(same):
        row, n = same.iloc[0], same["recordings"].iloc[0]
        alike = row[list(ALIKE)].sum()
        found.append(
            f"The loop takes {1000 * rival['cpu_s'].iloc[0] / n:.1f} ms of processor time a "
            f"recording; reading, resampling, cutting windows and the network take the library "
            f"{1000 * alike / n:.1f} ms, {alike / rival['cpu_s'].iloc[0]:.2f} times as much, and "
            f"all of it {1000 * row['cpu_s'] / n:.1f} ms: the loop neither looks at the recordings "
            "nor calibrates, says what would be without each, keeps results, or survives a broken "
            "file."
        )
    kinds = stages.set_index(["archive", "model"])["network"] / stages.set_index(
        ["archive", "model"])["windows"]  # fmt: skip
    for model in stages["model"].unique():
        if {("short", model), ("long", model)} <= {*kinds.index}:
            ratio = kinds["short", model] / kinds["long", model]
            found.append(
                f"A window of a short recording ({SHORT:g} s) costs the network {ratio:.2f} times "
                f"that of a long one ({LONG:g} s) ({model})."
            )
    return found
