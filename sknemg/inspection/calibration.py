"""Reliability diagrams: whether a score of 0.8 is right eight times out of ten."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sknemg.divote.fitted import open_model
from sknemg.inspection._checks import check_each, labels_and_scores, model_answers
from sknemg.inspection._style import (
    GREY,
    LINE,
    class_colors,
    class_markers,
    legend,
    line_styles,
    new_axes,
    short_names,
)
from sknemg.metrics import proportion_interval
from sknemg.metrics._counts import bins_of
from sknemg.recordings._problems import check_counts


class CalibrationDisplay:
    """Reliability of the scores of each class against the rest, with exact 95 % intervals.

    Parameters
    ----------
    bins : DataFrame
        A row for each class and bin that holds a score: ``class``, ``score`` (mean), ``share``
        (of the class), ``low``, ``high``, ``n``.

    Attributes
    ----------
    error_ : Series indexed by class
        Expected calibration error: the mean distance between score and share, weighted by ``n``.
    figure_ : Figure
    ax_ : Axes
    text_ : list of Text
        The legend's entries.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from sknemg.inspection import CalibrationDisplay
    >>> display = CalibrationDisplay.from_predictions(
    ...     ["a", "a", "a", "b"], np.tile([0.75, 0.25], (4, 1)), classes=["a", "b"],
    ...     ax=Figure().subplots(),
    ... )
    >>> display.error_.tolist()
    [0.0, 0.0]
    """

    def __init__(self, bins: pd.DataFrame):
        self.bins = bins

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        level: str = "subject",
        groups: ArrayLike | None = None,
        n_bins: int = 10,
        ax: Any = None,
    ) -> Self:
        """Score and compare, counting each subject once.

        Parameters
        ----------
        estimator : fitted classifier
        X : Recordings, DataFrame or array
            What the estimator predicts from.
        y : array-like of shape (n_rows,)
            True labels.
        level : {"subject", "recording", "item"}, default="subject"
            What is counted; see :func:`sknemg.metrics.level_scores`. Where the subjects are
            unknown, each row of `X` counts as a subject.
        groups : array-like of shape (n_rows,), default=None
            Subjects; by default the column ``subject`` of `X`.
        n_bins : int, default=10
        ax : Axes, default=None

        Returns
        -------
        CalibrationDisplay
        """
        answers, known = model_answers(estimator, X, y, level, groups)
        return cls.from_predictions(
            answers.y_true,
            answers.y_proba,
            classes=open_model(estimator).classes,
            groups=answers.groups if known else None,
            n_bins=n_bins,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_score: ArrayLike | pd.DataFrame,
        *,
        classes: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        n_bins: int = 10,
        ax: Any = None,
    ) -> Self:
        """Compare scores with the share of the class.

        Parameters
        ----------
        y_true : array-like of shape (n,)
        y_score : DataFrame with a column for each class, or array of shape (n, n_classes)
        classes : array-like of shape (n_classes,), default=None
            The names of the columns of an array.
        groups : array-like of shape (n,), default=None
            The subject of each row; by default each row is its own. Rows of one subject are not
            independent, see :func:`~sknemg.metrics.proportion_interval`.
        n_bins : int, default=10
            Number of bins of equal width.
        ax : Axes, default=None

        Returns
        -------
        CalibrationDisplay
        """
        check_counts(n_bins=n_bins)
        y_true, scores = labels_and_scores(y_true, y_score, classes, probabilities=True)
        groups = None if groups is None else check_each("groups", groups, len(y_true))
        rows = []
        for number, label in enumerate(scores):
            score, there = scores.iloc[:, number].to_numpy(), y_true == label
            at = bins_of(score, n_bins)
            for place in np.unique(at):
                own = at == place
                whose = None if groups is None else groups[own]
                low, high, _ = proportion_interval(there[own], whose)
                share, n = there[own].mean(), int(own.sum())
                rows.append((label, score[own].mean(), share, low, high, n))
        columns = ["class", "score", "share", "low", "high", "n"]
        return cls(pd.DataFrame(rows, columns=columns)).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the reliability diagram.

        Parameters
        ----------
        ax : Axes, default=None
            A new figure by default.

        Returns
        -------
        self
        """
        gap = (self.bins["score"] - self.bins["share"]).abs() * self.bins["n"]
        by_class = self.bins.groupby("class", sort=False)
        self.error_ = gap.groupby(self.bins["class"], sort=False).sum() / by_class["n"].sum()
        errors = dict(zip(self.error_.index, self.error_, strict=True))  # a label may be True
        ax = new_axes(ax, (5, 5))
        self.figure_, self.ax_ = ax.figure, ax
        ax.plot([0, 1], [0, 1], ":", color=GREY, linewidth=1)
        labels = list(self.error_.index)
        colors, markers = class_colors(labels), class_markers(labels)
        lines, names = line_styles(labels), short_names(labels, LINE)
        for number, (label, own) in enumerate(by_class):
            reach = [own["share"] - own["low"], own["high"] - own["share"]]
            shift = 0.006 * (number - (len(labels) - 1) / 2)  # bars side by side
            ax.errorbar(
                own["score"] + shift, own["share"], np.maximum(reach, 0), color=colors[label],
                marker=markers[label], linestyle=lines[label], capsize=2, linewidth=1.2,
                elinewidth=0.8, label=f"{names[label]}: error {errors[label]:.2f}",
            )  # fmt: skip
        ax.set(xlabel="score", ylabel="share of the class", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        ax.set_aspect("equal")
        legend(ax, loc="upper left")
        self.text_ = ax.get_legend().get_texts()
        return self
