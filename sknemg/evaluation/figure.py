"""The figure of a comparison: examples, accuracies, confusions and votes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sknemg.evaluation.result import Evaluation
from sknemg.recordings import Recordings


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
    import matplotlib.pyplot as plt

    method = result.subjects["method"].iloc[0]
    own = result.subjects[result.subjects["method"] == method]
    figure = plt.figure(figsize=(12, 8), layout="constrained")
    panels: Any = figure.subfigures(2, 1, height_ratios=[1, 1.15])
    top, bottom = panels
    _plot_examples(top, result, X, method)
    axes = bottom.subplots(1, 3, width_ratios=[1.25, 1, 1.15])
    _plot_accuracies(axes[0], result, scores)
    from sknemg.inspection import ConfusionMatrixDisplay, SimplexDisplay

    ConfusionMatrixDisplay.from_predictions(own["y_true"], own["prediction"], ax=axes[1])
    axes[1].set_title(f"Subjects, {method}")
    axes[1].tick_params(labelsize="small")
    if len(result.classes) == 3:
        votes = _mean_votes(result, method)
        display = SimplexDisplay.from_predictions(
            votes["y_true"], votes[result.classes], ax=axes[2]
        )
        display.ax_[0, 0].set_title("Votes of test subjects, argmax", pad=18)
    else:
        axes[2].set_axis_off()
    return figure


def _plot_examples(figure: Any, result: Evaluation, X: Recordings, method: str) -> None:
    from sknemg.inspection import class_colors
    from sknemg.inspection.trace import plot_overview

    figure.suptitle("The recording of each class that was scored highest, negative up")
    rows = result.recordings[result.recordings["method"] == method]
    axes = figure.subplots(len(result.classes), 1, squeeze=False)[:, 0]
    colors = class_colors(result.classes)
    for ax, label in zip(axes, result.classes, strict=True):
        of_class = rows[rows["y_true"] == label]
        row = of_class["row"].iloc[int(np.nanargmax(of_class[label]))]
        sfreq = X["sfreq"].iloc[row]
        signal = X[row][: int(2.5 * sfreq)]
        plot_overview(ax, signal, sfreq, color=colors[label], linewidth=0.5)
        ax.set_xlim(0, 2.5)
        ax.set_title(f"{label}: {X['subject'].iloc[row]}", loc="left", fontsize="small")
        ax.spines[["top", "right"]].set_visible(False)
        ax.label_outer()
    axes[-1].set_xlabel("s")


def _plot_accuracies(ax: Any, result: Evaluation, scores: pd.DataFrame) -> None:
    wanted = scores[scores["metric"] == "accuracy"]
    levels = list(dict.fromkeys(wanted["level"]))
    methods = list(dict.fromkeys(wanted["method"]))
    for i, method in enumerate(methods):
        rows = wanted[wanted["method"] == method].set_index("level").loc[levels]
        place = np.arange(len(levels)) + 0.16 * (i - (len(methods) - 1) / 2)
        reach = np.abs(rows[["low", "high"]].to_numpy().T - rows["value"].to_numpy())
        style = {"fmt": "os^Dv"[i % 5], "capsize": 3, "label": method, "color": f"{0.5 * (i % 2)}"}
        ax.errorbar(place, rows["value"], yerr=reach, **style)
    for i, level in enumerate(levels):
        truth = getattr(result, f"{level}s")["y_true"]
        largest = truth.value_counts(normalize=True).max()
        label = "always the most frequent class" if i == 0 else None
        ax.hlines(largest, i - 0.35, i + 0.35, "0.4", ":", label=label)
    ax.set_xticks(range(len(levels)), [f"{level}s" for level in levels])
    ax.set(ylim=(0, 1), xlim=(-0.5, len(levels) - 0.5), ylabel="accuracy, 95 % interval")
    ax.set_title("By subject, never seen in training")
    ax.legend(frameon=False, fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.08))
    ax.spines[["top", "right"]].set_visible(False)


def _mean_votes(result: Evaluation, method: str) -> pd.DataFrame:
    rows = result.recordings[result.recordings["method"] == method]
    keys = ["repeat", "subject"]
    votes = rows.groupby(keys, sort=False)[result.classes].mean()
    return votes.join(rows.groupby(keys)["y_true"].first()).dropna()
