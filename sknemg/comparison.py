"""The main job: nEMGNet with DiVote beside a plain baseline, on one cohort."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg import DiVoteClassifier, Downsampler, Segmenter, SegmentFeatures
from sknemg._votes import class_columns
from sknemg.metrics import score_table
from sknemg.model_selection import Evaluation
from sknemg.recordings import Recordings

#: What nEMGNet is set to. Only ``"gpu"`` is the published network and length of training.
PROFILES: dict[str, dict[str, Any]] = {
    "smoke": {"version": "A", "width": 4, "max_epochs": 1, "eval_every": 20},
    "cpu": {"version": "B", "width": 8, "max_epochs": 5, "eval_every": 50},
    "gpu": {"version": "B", "width": 64, "max_epochs": 100, "eval_every": 50},
}

#: The metrics of the short table, with their names there.
SHORT = {
    "accuracy": "accuracy",
    "f1_weighted": "F1",
    "roc_auc_macro": "AUROC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "mcc": "MCC",
}
_LEVELS = {"subjects": "subject", "recordings": "recording", "segments": "segment"}


def compared_methods(
    profile: Literal["smoke", "cpu", "gpu"] = "cpu",
    *,
    sfreq: float = 10_000,
    window: float = 0.4,
    hop: float = 0.1,
    short: str = "raise",
    cv: Any = None,
) -> dict[str, Pipeline]:
    """Build the pipelines that are compared.

    Parameters
    ----------
    profile : {"smoke", "cpu", "gpu"}, default="cpu"
        Size of nEMGNet and length of its training, see `PROFILES`.
    sfreq : float, default=10_000
        Rate that recordings are brought to, in hertz.
    window, hop : float, default=0.4, 0.1
        Seconds.
    short : {"raise", "drop", "pad"}, default="raise"
        What becomes of recordings shorter than a window.
    cv : default=None
        Of `DiVoteClassifier`: None for subject features as published (in-sample), a number of
        folds for out-of-fold ones.

    Returns
    -------
    dict of Pipeline
        ``"nEMGNet"``, and ``"features + LDA"``: amplitude, turns and spectrum of each segment
        with a linear discriminant.

    Examples
    --------
    >>> from sknemg.comparison import compared_methods
    >>> list(compared_methods("smoke"))
    ['nEMGNet', 'features + LDA']
    """
    from sknemg import NEMGNetClassifier

    linear = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis())
    ends: dict[str, list[tuple[str, Any]]] = {
        "nEMGNet": [("divote", DiVoteClassifier(NEMGNetClassifier(**PROFILES[profile]), cv=cv))],
        "features + LDA": [
            ("features", SegmentFeatures()),
            ("divote", DiVoteClassifier(linear, cv=cv)),
        ],
    }
    return {
        name: Pipeline(
            [
                ("downsample", Downsampler(sfreq=sfreq)),
                ("segment", Segmenter(window=window, hop=hop, short=short)),
                *end,
            ]
        )
        for name, end in ends.items()
    }


def scores_of(result: Evaluation, **kwargs: Any) -> pd.DataFrame:
    """Score every method at every level, with intervals by bootstrap over subjects.

    Parameters
    ----------
    result : Evaluation
    **kwargs
        Passed on to :func:`sknemg.metrics.score_table`.

    Returns
    -------
    DataFrame, columns ``method``, ``level``, then those of ``score_table``
        Recordings without segments have no score and are left out.
    """
    parts = []
    for name, level in _LEVELS.items():
        table = getattr(result, name)
        if not len(table):
            continue
        table = table.dropna(subset=result.classes)
        for method, rows in table.groupby("method", sort=False):
            scores = score_table(
                rows["y_true"],
                class_columns(rows, result.classes),
                classes=result.classes,
                groups=rows["subject"],
                **kwargs,
            )
            parts.append(scores.assign(method=method, level=level))
    table = pd.concat(parts, ignore_index=True)
    return table[["method", "level", *table.columns.drop(["method", "level"])]]


def short_table(scores: pd.DataFrame, metrics: Mapping[str, str] = SHORT) -> pd.DataFrame:
    """Arrange scores for reading: a row for each level and method, ``value [low, high]``.

    Parameters
    ----------
    scores : DataFrame from `scores_of`
    metrics : mapping of metric to its heading, default=`SHORT`

    Returns
    -------
    DataFrame of str, indexed by (level, method)
    """
    text = scores.assign(text=scores.apply(_with_interval, axis=1))
    wide = text.pivot(index=["level", "method"], columns="metric", values="text")
    order = text[["level", "method"]].drop_duplicates()
    wide = wide.loc[pd.MultiIndex.from_frame(order), list(metrics)].rename(columns=metrics)
    return wide.rename_axis(columns=None)


def _with_interval(row: pd.Series) -> str:
    if np.isnan(row.value):
        return "undefined"
    return f"{row.value:.2f} [{row.low:.2f}, {row.high:.2f}]"


def confounds(X: Recordings, y: ArrayLike) -> pd.DataFrame:
    """Tabulate what differs between the diagnoses beside the disease, as far as `X` knows it.

    Parameters
    ----------
    X : Recordings of signals
    y : array-like of shape (n_recordings,)

    Returns
    -------
    DataFrame, see :func:`sknemg.inspection.demographics_table`
    """
    from sknemg.inspection import demographics_table

    categorical = [name for name in ("sex", "side", "muscle", "needle") if name in X]
    by_subject = X.meta.groupby("subject")
    constant = [name for name in categorical if (by_subject[name].nunique() <= 1).all()]
    continuous = [name for name in ("age",) if name in X and X[name].notna().any()]
    several_rates = X["sfreq"].nunique() > 1
    return demographics_table(
        X,
        y,
        categorical=[name for name in constant if X[name].nunique() > 1],
        continuous=continuous + (["sfreq"] if several_rates else []),
    )


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
