"""The ablation's tables and sentences on the page docs/recipe.md, from kept results."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from benchmarks.machinery.reporting import markdown
from benchmarks.machinery.runner import RESULTS
from benchmarks.recipe.comparison import (
    balanced,
    chosen_elsewhere,
    critical,
    difference,
    finished,
    losses,
    run_everywhere,
)
from benchmarks.recipe.settings import (
    BASE,
    CHOSEN_ON,
    COHORTS,
    PUBLISHED,
    TUNED,
    Size,
    reference_of,
    reference_of_earlier,
    settings,
)
from sknemg.metrics import format_interval

FOLDER = RESULTS / "recipe"
TIMED = (0, 1)  # seeds whose trainings all ran on one processor
HEADER = ["", "recordings / subjects", "log-loss", "difference", "CPU s a fit", "seeds"]


def tables(folder: Path = FOLDER) -> str:
    """Write the ablation as Markdown."""
    lines = ["## The tuned recipe, ingredient by ingredient\n"]
    if not (folder / "subjects.csv").exists():
        return "\n".join([*lines, "Not run.\n"])
    table = pd.read_csv(folder / "subjects.csv")
    about = json.loads((folder / "settings.json").read_text())
    size = Size(**about["size"])
    fits = table[table["seed"].isin(TIMED)].drop_duplicates(["cohort", "seed", "setting", "fold"])
    hours = fits["cpu_seconds"].sum() / 3600
    signal = size.n_updates * size.batch_seconds
    lines.append(
        f"*nEMGNet-{size.version} of width {size.width}, {size.n_updates} updates of "
        f"{size.batch_seconds / 0.4:.0f} segments, {signal:.0f} s of signal in every training, no "
        f"early stopping; {size.n_splits} folds by subject, of N2001 three; {hours:.1f} CPU hours "
        f"of seeds {' and '.join(map(str, TIMED))} on {about['device']}, one thread, commit "
        f"{about['commit'] or 'unknown'}, of which the "
        "simulator is as well.*\n\n"
        "- *recordings / subjects*: balanced accuracy in percent, of recordings alone / of "
        "subjects by the mean of their recordings\n"
        "- *log-loss* of subjects (uniform guessing: 1.10; a score below 0.001 counts as 0.001)\n"
        "- *difference* in log-loss, below 0 where the setting is better, over the seeds that "
        "both settings have, with a 95 % t interval over subjects\n"
        "- *CPU s a fit*: means over seeds 0 and 1, all on one processor; most trainings of "
        "seed 2 ran on another\n\n"
        f"**The intervals are not corrected for the {len(settings())} settings**: where none "
        "differs, one in twenty leaves 0 out. They assume differences of subjects that are about "
        "normal, which one subject with a sure mistake can undo where there are ten, and take "
        "subjects for independent, though those of a fold share a training. With few seeds they "
        f"hardly hold the chance in training. `{BASE}` is what `sknemg compare` trains: its "
        "ingredients are left out (-) and others added to it (+).\n"
    )
    for cohort, part in table.groupby("cohort", sort=False):
        rows = rows_of(part, list(settings()), reference_of)
        lacking = [name for name in settings() if name not in {row[0] for row in rows}]
        n_subjects = part["subject"].nunique()
        lines += [f"**{cohort}**: {COHORTS[cohort]}; {n_subjects} subjects\n"]
        lines += [markdown(HEADER, rows), f"Not run: {', '.join(lacking) or 'nothing'}.\n"]
    parts = [finished(table[table["cohort"] == cohort]) for cohort in CHOSEN_ON]
    lines += [*_against_base(parts), *_by_seed(parts)]
    return "\n".join([*lines, *_choice(pd.concat(parts))])


def rows_of(
    part: pd.DataFrame, names: list[str], reference_of: Callable[[str], str | None]
) -> list[list[str]]:
    """Give the rows of a cohort's table: settings that ran on all of its folds."""
    part = finished(part)
    matrix = losses(part)
    rows = []
    for name in [name for name in names if name in matrix]:
        own = part[part["setting"] == name]
        reference, apart = reference_of(name), ""
        if reference in matrix:
            value, low, high = difference(matrix[name], matrix[reference])
            apart = f"{format_interval(value, low, high, signed=True)} from {reference}"
        fits = own[own["seed"].isin(TIMED)].drop_duplicates(["seed", "fold"])
        seconds = f"{fits['cpu_seconds'].mean():.0f}" if len(fits) else ""
        rows.append(
            [name, f"{100 * balanced(own, 'recording'):.0f} / "
             f"{100 * balanced(own, 'subject'):.0f}", f"{matrix[name].mean():.2f}", apart,
             seconds, str(own["seed"].nunique())]
        )  # fmt: skip
    return rows


def earlier(folder: Path = FOLDER / "earlier") -> str:
    """Write the earlier study, of shorter trainings and other settings, as Markdown."""
    table = pd.read_csv(folder / "subjects.csv")
    about = json.loads((folder / "settings.json").read_text())
    lines = [
        "## An earlier study, of 150 updates\n",
        f"*{about['size']['n_updates']} updates of {about['size']['batch_seconds']:g} s of signal, "
        "the simulator before commits bbb919d and c94f7fb, else as above; commit "
        f"{about['commit']}.* So few updates favour what learns fast and are unfair to "
        "regularisers.\n",
    ]
    for cohort, part in table.groupby("cohort", sort=False):
        names = part["setting"].drop_duplicates().tolist()
        rows = rows_of(part, names, reference_of_earlier)
        lines += [f"**{cohort}**\n", markdown(HEADER, rows)]
    return "\n".join(lines)


def _against_base(parts: list[pd.DataFrame]) -> list[str]:
    """Name the settings that differ from `BASE` even if those of all cohorts are counted."""
    matrices = [own for own in map(losses, parts) if BASE in own]
    n_comparisons = sum(own.shape[1] - 1 for own in matrices)
    said = []
    for matrix in matrices:
        (cohort,) = matrix.index.unique("cohort")
        n_subjects = len(matrix.index.unique("subject"))
        found: dict[str, list[str]] = {"better": [], "worse": []}
        for name in [name for name in settings() if name in matrix.columns.drop(BASE)]:
            _, low, high = difference(matrix[name], matrix[BASE], n_comparisons=n_comparisons)
            if low > 0 or high < 0:
                found["worse" if low > 0 else "better"].append(f"`{name}`")
        names = "; ".join(f"{kind} {', '.join(own) or 'none'}" for kind, own in found.items())
        least = critical(n_subjects, n_comparisons)
        said.append(f"**{cohort}**, {n_subjects} subjects, |t| above {least:.2f}: {names}.")
    if not said:
        return []
    return [
        f"Different in log-loss from `{BASE}` with all {n_comparisons} comparisons of the cohorts "
        f"counted (Bonferroni, t intervals over subjects): {' '.join(said)} What is not named is "
        "not shown to be level: with ten subjects a difference must be large, and alike in all.\n"
    ]


def _by_seed(parts: list[pd.DataFrame]) -> list[str]:
    """Count the subjects that are right with each seed of the weights, for the main settings."""
    said = []
    for part in parts:
        classes = sorted(part["y_true"].unique())
        right = part[classes].idxmax(axis=1) == part["y_true"]
        counts = right.groupby([part["setting"], part["seed"]]).sum()
        names = [name for name in (PUBLISHED, TUNED, BASE) if name in counts]
        each = "; ".join(f"`{name}` {', '.join(map(str, counts[name]))}" for name in names)
        said.append(f"**{part['cohort'].iloc[0]}**, of {part['subject'].nunique()}: {each}.")
    return [f"Subjects right, seed by seed of weights and batches: {' '.join(said)}\n"]


def _choice(table: pd.DataFrame) -> list[str]:
    """Say what each fold's setting would be by the others, and what that is worth."""
    names = run_everywhere(table)
    if table["cohort"].nunique() < len(CHOSEN_ON) or len(names) < 2 or PUBLISHED not in names:
        return ["Chosen by the others: too few settings ran on both cohorts.\n"]
    picked = chosen_elsewhere(table)
    if picked.empty:
        return ["Chosen by the others: the settings have no seed in common.\n"]
    published = losses(table)[PUBLISHED]
    rows = []
    for cohort, part in picked.groupby("cohort", sort=False):
        best = losses(part).mean(axis=1)  # a subject has the one setting of its fold
        value, low, high = difference(best, published)
        chosen = part.drop_duplicates("fold").sort_values("fold")["setting"]
        rows.append(
            [cohort, "; ".join(chosen), f"{100 * balanced(part, 'subject'):.0f}",
             f"{best.mean():.2f}", format_interval(value, low, high, signed=True),
             str(part["seed"].nunique())]
        )  # fmt: skip
    return [
        f"Chosen by the others: for each fold, that of the {len(names)} settings run on both "
        "with the least log-loss on the subjects of all other folds and of the other cohort, on "
        "the seeds that all settings have; scored on those that all chosen ones have.\n",
        markdown(
            ["", "chosen", "subjects", "log-loss", "difference from published", "seeds"], rows
        ),
    ]
