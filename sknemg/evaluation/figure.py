"""The figure of a comparison: examples, accuracies, confusion matrix and votes."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sknemg.divote.levels import class_columns
from sknemg.evaluation.comparison import scored_rows
from sknemg.evaluation.result import Evaluation
from sknemg.inspection._style import NAME, short_names
from sknemg.metrics._counts import pairs_won
from sknemg.recordings import Recordings

_PLACES = ("examples", "accuracies", "confusion", "votes")  # in the figure, in this order
_EXAMPLES = 6  # classes of which a recording is drawn
_MATRIX = 12  # classes up to which a confusion matrix can be read
_CURVES = 6  # classes up to which curves can be told apart
_METHOD = 44  # characters of the name of a method, which says its size
_SECONDS = 2.5  # drawn of each example
_UPPER, _LOWER = 3.7, 4.3  # inches of examples, and of what stands below them
_LEGEND = 4.4  # inches up to which the accuracies with the names of their methods fit below
_SQUARE = (3.7, 3.6)  # inches, so small that letters can be read on a phone
_SHORT = 12  # characters of a name that has room in it
_LARGE = (4.8, 4.6)  # for long names in it
_STEP, _REACH = 0.16, 0.8  # between methods and over all of a level, of the distance of two levels


@dataclass(frozen=True)
class Panel:
    """A part of the figure.

    Attributes
    ----------
    name : str
    caption : str
    alt : str
        What it shows, in words and numbers.
    size : (float, float)
        Width and height in inches on its own.
    draw : callable
        Draws it into a matplotlib Figure or SubFigure.
    """

    name: str
    caption: str
    alt: str
    size: tuple[float, float]
    draw: Callable[[Any], None]


def plot_comparison(result: Evaluation, scores: pd.DataFrame, X: Recordings) -> Any:
    """Draw a recording of each class, the accuracies, and where the first method goes wrong.

    Parameters
    ----------
    result : Evaluation
    scores : DataFrame from `scores_of`
    X : Recordings of signals

    Returns
    -------
    matplotlib Figure
    """
    method = result.subjects["method"].iloc[0]
    return draw_comparison([*shared_panels(result, scores, X), *method_panels(result, method)])


def draw_comparison(panels: Iterable[Panel]) -> Any:
    """Draw the panels that have a place in the figure of a comparison.

    Parameters
    ----------
    panels : iterable of Panel
        From `shared_panels`, and from `method_panels` of the first method.

    Returns
    -------
    matplotlib Figure
    """
    import matplotlib.pyplot as plt

    parts = {panel.name: panel for panel in panels if panel.name in _PLACES}
    with plain_text():
        more = max(parts["accuracies"].size[1] - _LEGEND, 0) if "accuracies" in parts else 0
        figure = plt.figure(figsize=(12, _UPPER + _LOWER + more), layout="constrained")
        below = [parts[name] for name in parts if name != "examples"]
        bottom: Any = figure
        if "examples" in parts:
            halves: Any = figure.subfigures(2, 1, height_ratios=[_UPPER, _LOWER + more])
            parts["examples"].draw(halves[0])
            halves[0].suptitle(parts["examples"].caption, fontsize="medium")
            bottom = halves[1]
        places = bottom.subfigures(1, len(below), squeeze=False)[0]
        for panel, place in zip(below, places, strict=True):
            panel.draw(place)
    return figure


def shared_panels(result: Evaluation, scores: pd.DataFrame, X: Recordings) -> list[Panel]:
    """Prepare the pictures that are not of one method.

    Parameters
    ----------
    result : Evaluation
    scores : DataFrame from `scores_of`
    X : Recordings of signals

    Returns
    -------
    list of Panel
        ``examples``, if the result names the rows of recordings, and ``accuracies``. Drawn within
        `plain_text`, names hold no formulas.

    Raises
    ------
    ValueError
        If `X` holds other recordings than the result is of, or in another order.
    """
    _check_recordings(result, X)
    method = result.subjects["method"].iloc[0]
    found = [_examples(result, X, method), _accuracies(result, scores)]
    return [panel for panel in found if panel is not None]


def method_panels(result: Evaluation, method: str) -> list[Panel]:
    """Prepare the pictures of the answers of one method.

    Parameters
    ----------
    result : Evaluation
    method : str

    Returns
    -------
    list of Panel
        ``confusion`` (up to 12 classes), ``roc`` and ``calibration`` (up to 6 classes) and
        ``votes`` (of three classes), as far as there are scored subjects.
    """
    found = [
        _confusion(result, method),
        _roc(result, method),
        _calibration(result, method),
        _votes(result, method),
    ]
    return [panel for panel in found if panel is not None]


@contextmanager
def plain_text() -> Iterator[None]:
    """Draw on white, in letters of matplotlib's size and of the user's fonts.

    Every text is drawn as it is written: a dollar sign in a name begins no formula.
    """
    import matplotlib as mpl
    import matplotlib.style

    kept: dict[str, Any] = {"text.parse_math": False}
    kept.update(mpl.rcParams.find_all(r"^font\.(?!size)").items())
    with matplotlib.style.context(["default", kept]):
        yield


# -- the parts ---------------------------------------------------------------------------------


def _examples(result: Evaluation, X: Recordings, method: str) -> Panel | None:
    rows = result.recordings[result.recordings["method"] == method]
    if "row" not in rows:
        return None
    best = {}
    for label in result.subjects["y_true"].value_counts(sort=False).index:
        own = rows[rows["y_true"] == label]
        votes = class_columns(own, [label]).to_numpy(dtype=float)[:, 0]
        if not np.isnan(votes).all():
            best[label] = int(own["row"].iloc[int(np.nanargmax(votes))])
    shown = {label: best[label] for label in result.classes if label in best}
    shown = dict(list(shown.items())[:_EXAMPLES])
    if not shown:
        return None
    names = short_names(result.classes)

    def draw(figure: Any) -> None:
        from sknemg.inspection import class_colors
        from sknemg.inspection.trace import plot_overview

        axes = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
        colors = class_colors(result.classes)
        for ax, (label, row) in zip(axes, shown.items(), strict=True):
            signal, sfreq = _start_of(X, row)
            plot_overview(ax, signal, sfreq, color=colors[label], linewidth=0.5)
            ax.set_xlim(0, _SECONDS)
            who = next(iter(short_names([_who(X, row)]).values()))
            ax.set_title(f"{names[label]}: {who}", loc="left", fontsize="small")
            ax.spines[["top", "right"]].set_visible(False)
            ax.label_outer()
        axes[-1].set_xlabel("time (s)")

    n = len(result.classes)
    of = "each class" if len(shown) == n else f"{len(shown)} of {n} classes"
    parts = [
        f"{label}: subject {_who(X, row)}, peak {np.abs(_start_of(X, row)[0]).max():.2g} mV"
        for label, row in shown.items()
    ]
    return Panel(
        "examples",
        f"For {of}, the recording that {method} scored highest; negative up.",
        f"Needle EMG of at most {_SECONDS:g} seconds. " + "; ".join(parts) + ".",
        (4.2, 0.6 + 0.8 * len(shown)),
        draw,
    )


def _check_recordings(result: Evaluation, X: Recordings) -> None:
    """Refuse recordings that are not those of the result, row by row."""
    n = result.settings["n_recordings"]
    if len(X) != n:
        raise ValueError(
            f"X holds {len(X)} recordings, and the result is of {n}: give those that were "
            "evaluated."
        )
    if "row" not in result.recordings or "subject" not in X or result.settings.get("groups"):
        return
    known = result.recordings.dropna(subset=["row"]).drop_duplicates("row")
    rows = known["row"].to_numpy(dtype=int)
    own, told = X["subject"].astype(str).to_numpy()[rows], known["subject"].astype(str).to_numpy()
    if len(other := np.flatnonzero(own != told)):
        at = other[0]
        raise ValueError(
            f"Row {rows[at]} of X is of the subject {own[at]!r}, and that of the result of "
            f"{told[at]!r}: give the recordings that were evaluated, in their order."
        )


def _who(X: Recordings, row: int) -> str:
    return str(X["subject"].iloc[row]) if "subject" in X else f"of row {row}"


def _start_of(X: Recordings, row: int) -> tuple[Any, float]:
    sfreq = float(X["sfreq"].iloc[row])
    return X[row][: int(_SECONDS * sfreq)], sfreq


def _accuracies(result: Evaluation, scores: pd.DataFrame) -> Panel:
    wanted = scores[scores["metric"] == "accuracy"]
    levels = list(dict.fromkeys(wanted["level"]))
    methods = list(dict.fromkeys(wanted["method"]))
    short = short_names(methods, _METHOD)
    names = {method: textwrap.fill(name, 26) for method, name in short.items()}
    tables = {level: getattr(result, f"{level}s") for level in levels}
    chance = {}
    for level, table in tables.items():
        if not len(table):  # of a result that was loaded, items may not have been saved
            continue
        most = [
            float(rows["y_true"].value_counts(normalize=True).max())
            for _, rows in table.groupby("method")
        ]
        if np.ptp(most) < 1e-9:  # else methods have other items, and no line is common to them
            chance[level] = most[0]

    def draw(figure: Any) -> None:
        ax = figure.subplots()
        step = min(_STEP, _REACH / max(len(methods) - 1, 1))
        for i, method in enumerate(methods):
            own = wanted[wanted["method"] == method].set_index("level").reindex(levels)
            place = np.arange(len(levels)) + step * (i - (len(methods) - 1) / 2)
            reach = np.abs(own[["low", "high"]].to_numpy().T - own["value"].to_numpy())
            look = {"fmt": "os^Dv"[i % 5], "capsize": 3, "color": f"{0.5 * (i % 2)}"}
            ax.errorbar(place, own["value"], yerr=reach, label=names[method], **look)
        for number, (level, share) in enumerate(chance.items()):
            at = levels.index(level)
            label = "always the most frequent class" if number == 0 else None
            ax.hlines(share, at - _REACH / 2, at + _REACH / 2, "0.4", ":", label=label)
        ax.set_xticks(range(len(levels)), [f"{level}s" for level in levels])
        ax.set(ylim=(0, 1), xlim=(-0.5, len(levels) - 0.5), ylabel="accuracy, 95 % interval")
        ax.set_title("Accuracy on test subjects", fontsize="medium")
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "borderaxespad": 2.8}
        ax.legend(frameon=False, fontsize="small", **below)  # in letters, however high the axes
        ax.spines[["top", "right"]].set_visible(False)

    n_lines = sum(name.count("\n") + 1 for name in names.values())
    parts = []
    for level in levels:
        own = wanted[wanted["level"] == level]
        numbers = [
            f"{row.method} {row.value:.2f} ({row.low:.2f} to {row.high:.2f})"
            for row in own.itertuples()
        ]
        if level in chance:
            numbers.append(f"always the most frequent class {chance[level]:.2f}")
        parts.append(f"{level}s: {', '.join(numbers)}")
    return Panel(
        "accuracies",
        "Accuracy with its 95 % interval; dotted, the answer that is always the most frequent "
        "class.",
        "Accuracy with 95 % interval. " + "; ".join(parts) + ".",
        (_SQUARE[0], 3.0 + 0.17 * n_lines),
        draw,
    )


def _confusion(result: Evaluation, method: str) -> Panel | None:
    own = result.subjects[result.subjects["method"] == method]
    own = own[own["prediction"].notna()]
    if len(result.classes) > _MATRIX or own.empty:
        return None
    names = short_names(result.classes)
    true, answer = own["y_true"].map(names), own["prediction"].map(names)

    def draw(figure: Any) -> None:
        from sknemg.inspection import ConfusionMatrixDisplay

        ax = figure.subplots()
        display = ConfusionMatrixDisplay.from_predictions(true, answer, ax=ax)
        name = textwrap.fill(short_names([method], _METHOD)[method], NAME + 8)
        ax.set_title(f"Subjects, {name}", fontsize="small")
        size = "small" if len(names) <= 4 else "x-small"
        ax.tick_params(labelsize=size)
        if len(names) > 4:
            ax.tick_params(axis="x", labelrotation=90)
            for text in display.text_.flat:
                text.set_fontsize("xx-small")

    counts = pd.crosstab(own["y_true"], own["prediction"])
    lines = []
    for label in result.classes:
        if label in counts.index:
            row = counts.loc[label]
            answers = ", ".join(f"{n} as {other}" for other, n in row.items() if n)
            lines.append(f"of {row.sum()} {label}, {answers}")
    side = max(4.6, 2.6 + 0.45 * len(names))
    repeated = own["repeat"].nunique() > 1
    return Panel(
        "confusion",
        f"Answers of {method} for subjects, in per cent of the true class, with their number.",
        f"Confusion matrix of {method}, subjects{' of all runs' if repeated else ''}: "
        + "; ".join(lines)
        + ".",
        _square(names.values()) if len(names) <= 3 else (side, side),
        draw,
    )


def _square(names: Iterable[Any]) -> tuple[float, float]:
    """Size of a square picture in which these names have room."""
    return _SQUARE if max(len(str(name)) for name in names) <= _SHORT else _LARGE


def _scored_subjects(
    result: Evaluation, method: str
) -> tuple[pd.Series, pd.DataFrame, pd.Series] | None:
    """Diagnoses, scores (a column for each class that occurs) and names of a method's subjects."""
    own = result.subjects[result.subjects["method"] == method]
    rows, scores = scored_rows(own, result.classes)
    there = [label for label in result.classes if (rows["y_true"] == label).any()]
    if not 2 <= len(there) <= _CURVES:
        return None
    names = short_names(result.classes)
    shown = class_columns(scores, there).set_axis([names[label] for label in there], axis=1)
    return rows["y_true"].map(names), shown, rows["subject"]


def _roc(result: Evaluation, method: str) -> Panel | None:
    scored = _scored_subjects(result, method)
    if scored is None:
        return None
    y_true, scores, subjects = scored

    def area(at: int) -> float:
        won = pairs_won(scores.iloc[:, at].to_numpy(), np.arange(len(scores)), len(scores))
        own = (y_true == scores.columns[at]).to_numpy()
        return float(won[own][:, ~own].mean())

    def draw(figure: Any) -> None:
        from sknemg.inspection import OneVsRestCurveDisplay

        ax = figure.subplots()
        OneVsRestCurveDisplay.from_predictions(
            y_true, scores, groups=subjects, n_bootstrap=300, random_state=0, ax=ax
        )
        ax.set_title("ROC curves of subjects", fontsize="medium")

    return Panel(
        "roc",
        f"ROC curves of {method}: the share of a class that is found (sensitivity) for the share "
        "of the others that is taken for it. Shaded, 95 % intervals; the diagonal is chance.",
        f"ROC curves of {method} for subjects. Area under the curve: "
        + ", ".join(f"{label} {area(at):.2f}" for at, label in enumerate(scores))
        + ".",
        _square(scores.columns),
        draw,
    )


def _calibration(result: Evaluation, method: str) -> Panel | None:
    scored = _scored_subjects(result, method)
    if scored is None:
        return None
    y_true, scores, subjects = scored
    if (scores.sum(axis=1) > 1 + 1e-6).any():  # of a method whose scores are no probabilities
        return None

    def draw(figure: Any) -> None:
        from sknemg.inspection import CalibrationDisplay

        ax = figure.subplots()
        CalibrationDisplay.from_predictions(y_true, scores, groups=subjects, n_bins=5, ax=ax)
        ax.set_title("Calibration, subjects", fontsize="medium")

    means = [
        f"{label}: mean score {scores.iloc[:, i].mean():.2f}, share {(y_true == label).mean():.2f}"
        for i, label in enumerate(scores)
    ]
    return Panel(
        "calibration",
        f"Calibration of {method}: how often a diagnosis is right, by its score, with 95 % "
        "intervals. On the diagonal a score of 0.8 is right eight times out of ten.",
        f"Calibration of {method} for subjects. {'; '.join(means)}.",
        _square(scores.columns),
        draw,
    )


def _votes(result: Evaluation, method: str) -> Panel | None:
    if len(result.classes) != 3:
        return None
    y_true, votes = _mean_votes(result, method)
    if votes.empty:
        return None
    names = short_names(result.classes)
    shown = votes.set_axis([names[label] for label in result.classes], axis=1)

    def draw(figure: Any) -> None:
        from sknemg.inspection import SimplexDisplay

        ax = figure.subplots()
        display = SimplexDisplay.from_predictions(y_true.map(names), shown, ax=ax)
        display.ax_[0, 0].set_title("Votes of test subjects", pad=18, fontsize="medium")

    means = [
        f"{label} {votes.iloc[:, i][y_true == label].mean():.2f}"
        for i, label in enumerate(result.classes)
        if (y_true == label).any()
    ]
    return Panel(
        "votes",
        f"Mean votes of {method} for each subject, in the triangle of the three classes."
        + _decided_otherwise(result, method, votes),
        f"Triangle of mean votes of {len(votes)} subjects by {method}. Mean vote for the true "
        f"class: {', '.join(means)}.",
        _SQUARE,
        draw,
    )


def _decided_otherwise(result: Evaluation, method: str, votes: pd.DataFrame) -> str:
    """Say of how many subjects the answer is not the diagnosis with most votes."""
    own = result.subjects[result.subjects["method"] == method].set_index(["repeat", "subject"])
    answers = own["prediction"].reindex(votes.index)
    most = np.array(result.classes, dtype=object)[votes.to_numpy(dtype=float).argmax(axis=1)]
    n = int((answers.notna() & (answers != most)).sum())
    if not n:
        return ""
    return (
        f" For {n} of {len(votes)} the answer is not the class with most votes: what follows the "
        "votes, such as a logistic regression, decided."
    )


def _mean_votes(result: Evaluation, method: str) -> tuple[pd.Series, pd.DataFrame]:
    """Diagnosis and mean votes of each subject in each run, a column for each class."""
    rows = result.recordings[result.recordings["method"] == method]
    keys = [rows["repeat"], rows["subject"]]
    votes = class_columns(rows, result.classes).groupby(keys, sort=False).mean().dropna()
    diagnosis = rows["y_true"].groupby(keys, sort=False).first()
    return diagnosis.loc[votes.index], votes
