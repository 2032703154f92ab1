"""One-vs-rest ROC and precision-recall curves with intervals, and readers as points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

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
from sknemg.metrics import format_interval, reader_points
from sknemg.metrics._bootstrap import SubjectRows
from sknemg.metrics._counts import tied_with_next
from sknemg.metrics._intervals import effective_number, exact_interval
from sknemg.recordings._problems import check_choice, shown

_GRID = np.arange(201) / 200  # each rounded as i / n is, unlike linspace


class Curve(NamedTuple):
    """One class against the rest: a curve on a grid, its band, and its area with interval."""

    y: NDArray[Any]
    low: NDArray[Any]
    high: NDArray[Any]
    area: float
    area_low: float
    area_high: float


class OneVsRestCurveDisplay:
    """ROC or precision-recall curves of each class against the rest, with 95 % intervals.

    Parameters
    ----------
    curves : dict of label to Curve
        On an even grid of false positive rates (ROC) or recalls.
    kind : {"roc", "precision_recall"}
    interval : str
        A description of the band.
    readers : DataFrame, default=None
        A row for each reader and class: ``reader``, ``class``, ``sensitivity``, ``specificity``,
        ``precision``.

    Attributes
    ----------
    figure_ : Figure
    ax_ : Axes
    text_ : list of Text
        The legend's entries.

    References
    ----------
    I. Yoo et al., Figures 1 and S3: the network against six physicians.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from sknemg.inspection import OneVsRestCurveDisplay
    >>> y = np.repeat(["myopathy", "normal"], 10)
    >>> score = np.linspace(0.9, 0.1, 20)
    >>> display = OneVsRestCurveDisplay.from_predictions(
    ...     y, np.column_stack([score, 1 - score]), classes=["myopathy", "normal"],
    ...     readers={"A": y}, random_state=0, ax=Figure().subplots(),
    ... )
    >>> display.text_[0].get_text()
    'myopathy: AUROC 1.00 [0.75, 1.00]'
    """

    def __init__(
        self,
        curves: dict[Any, Curve],
        *,
        kind: str,
        interval: str,
        readers: pd.DataFrame | None = None,
    ):
        self.curves = curves
        self.kind = kind
        self.interval = interval
        self.readers = readers

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        kind: str = "roc",
        level: str = "subject",
        groups: ArrayLike | None = None,
        **kwargs: Any,
    ) -> Self:
        """Score and draw, counting each subject once.

        Parameters
        ----------
        estimator : fitted classifier
        X : Recordings, DataFrame or array
            What the estimator predicts from.
        y : array-like of shape (n_rows,)
            True labels.
        kind : {"roc", "precision_recall"}, default="roc"
        level : {"subject", "recording", "item"}, default="subject"
            What is counted; see :func:`sknemg.metrics.level_scores`. Where the subjects are
            unknown, each row of `X` counts as a subject. At any level the bootstrap draws whole
            subjects.
        groups : array-like of shape (n_rows,), default=None
            Subjects; by default the column ``subject`` of `X`.
        **kwargs
            Passed on to `from_predictions`; its `fold` and `readers` have one entry for each
            subject (recording, segment) in order of appearance.

        Returns
        -------
        OneVsRestCurveDisplay
        """
        answers, known = model_answers(estimator, X, y, level, groups)
        return cls.from_predictions(
            answers.y_true,
            answers.y_proba,
            classes=open_model(estimator).classes,
            kind=kind,
            groups=answers.groups if known else None,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_score: ArrayLike | pd.DataFrame,
        *,
        classes: ArrayLike | None = None,
        kind: str = "roc",
        fold: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        readers: Mapping[Any, ArrayLike] | pd.DataFrame | None = None,
        n_bootstrap: int = 500,
        random_state: int | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw from labels and scores.

        Parameters
        ----------
        y_true : array-like of shape (n,)
        y_score : DataFrame with a column for each class, or array of shape (n, n_classes)
        classes : array-like of shape (n_classes,), default=None
            The names of the columns of an array.
        kind : {"roc", "precision_recall"}, default="roc"
        fold : array-like of shape (n,), default=None
            With folds, a curve is the mean of the curves of the folds that hold the class and
            the rest.
        groups : array-like of shape (n,), default=None
            The subject of each row; by default each row is its own. Bands and intervals say what
            other subjects would change, as in :func:`~sknemg.metrics.one_vs_rest_table`: those of
            a proportion of as many subjects as would make it vary equally. They do not shrink
            to nothing where the scores tell all subjects apart.
        readers : mapping of name to labels of shape (n,), default=None
            Further readers, each drawn as a point for each class; a cross is their mean.
        n_bootstrap : int, default=500
            Samples of subjects for the bands.
        random_state : int, default=None
        ax : Axes, default=None

        Returns
        -------
        OneVsRestCurveDisplay

        Raises
        ------
        ValueError
            If `kind` is unknown, `n_bootstrap` is below 2, or no row of `y_true` is of a class that
            has scores.
        """
        check_choice(("roc", "precision_recall"), kind=kind)
        if n_bootstrap < 2:
            raise ValueError(
                f"n_bootstrap={n_bootstrap} draws nothing to compare: give at least 2."
            )
        y_true, scores = labels_and_scores(y_true, y_score, classes)
        groups = None if groups is None else check_each("groups", groups, len(y_true))
        fold = None if fold is None else check_each("fold", fold, len(y_true))
        if absent := [label for label in scores if not (y_true == label).any()]:
            raise ValueError(
                f"No row of y_true is of {', '.join(map(shown, absent))}: leave these columns of "
                "the scores out."
            )
        unit = "rows" if groups is None else "subjects"
        interval = f"95 % intervals over {unit}"
        folds = np.zeros(len(y_true), dtype=int)
        if fold is not None:
            folds = np.unique(fold, return_inverse=True)[1]
            interval = f"mean of {folds.max() + 1} folds, {interval}"
        subjects = SubjectRows(y_true, groups)
        draws = subjects.draw(n_bootstrap, random_state)
        curves = {
            label: _curve(
                label, y_true, scores.iloc[:, i].to_numpy(), folds, draws, subjects.labels, kind
            )
            for i, label in enumerate(scores)
        }
        table = None if readers is None else reader_points(y_true, readers, list(scores))
        return cls(curves, kind=kind, interval=interval, readers=table).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : Axes, default=None
            A new figure by default.

        Returns
        -------
        self
        """
        ax = new_axes(ax, (5.2, 5.2))
        self.figure_, self.ax_ = ax.figure, ax
        roc = self.kind == "roc"
        area = "AUROC" if roc else "AP"
        lines, names = line_styles(self.curves), short_names(self.curves, LINE)
        for label, color in class_colors(self.curves).items():
            c = self.curves[label]
            text = f"{names[label]}: {area} {format_interval(c.area, c.area_low, c.area_high)}"
            look = {"color": color, "linestyle": lines[label], "linewidth": 1.8}
            ax.plot(_GRID, c.y, label=text, **look)
            ax.fill_between(_GRID, c.low, c.high, color=color, alpha=0.13, linewidth=0)
        if roc:
            ax.plot([0, 1], [0, 1], ":", color=GREY, linewidth=1)
        axes = ("1 − specificity", "sensitivity") if roc else ("recall (sensitivity)", "precision")
        ax.set(xlabel=axes[0], ylabel=axes[1], xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
        ax.set_aspect("equal")
        ax.set_title(f"One class against the rest ({self.interval})", fontsize="small")
        if self.readers is not None:
            self._draw_readers(ax, roc)
        legend(ax, loc="lower right" if roc else "lower left")
        self.text_ = ax.get_legend().get_texts()
        return self

    def _draw_readers(self, ax: Any, roc: bool) -> None:
        assert self.readers is not None
        colors, markers = class_colors(self.curves), class_markers(self.curves)
        name = "readers (cross: their mean)"
        for label in self.curves:
            own = self.readers[self.readers["class"] == label]
            x = 1 - own["specificity"] if roc else own["sensitivity"]
            y = own["sensitivity"] if roc else own["precision"]
            edge = {"edgecolors": "black", "linewidths": 0.7, "zorder": 4}
            ax.scatter(x, y, s=36, color=colors[label], marker=markers[label], **edge)
            ax.plot(x.mean(), y.mean(), "P", color=colors[label], ms=11, mec="black", zorder=5)
        ax.scatter([], [], color="white", edgecolors="black", label=name)


def _curve(
    label: Any,
    y_true: NDArray[Any],
    score: NDArray[Any],
    folds: NDArray[Any],
    draws: list[tuple[NDArray[Any], NDArray[Any]]],
    strata: NDArray[Any],
    kind: str,
) -> Curve:
    parts = [_Ranking.of(np.flatnonzero(folds == fold), score) for fold in np.unique(folds)]
    own = _mean_line(parts, np.arange(len(score)), y_true == label, kind)
    if own is None:
        if (y_true == label).all():
            raise ValueError(
                f"All rows of y_true are of {shown(label)}: give rows of other classes, too."
            )
        raise ValueError(
            f"No fold holds both {shown(label)} and the rest: give folds with several classes each."
        )
    lines = [_mean_line(parts, rows, y == label, kind) for rows, y in draws]
    drawn = np.array([line for line in lines if line is not None])
    band = exact_interval(own, effective_number(drawn, strata))
    low, high = band.low[:-1], band.high[:-1]
    # The ends of a curve are fixed by what it is, whoever is drawn.
    ends = [0, -1] if kind == "roc" else [0]
    low[ends] = high[ends] = own[:-1][ends]
    if kind == "roc":  # sensitivity cannot fall from left to right, nor can what bounds it
        low = np.maximum.accumulate(low)
        high = np.minimum.accumulate(high[::-1])[::-1]
    return Curve(own[:-1], low, high, own[-1], band.low[-1], band.high[-1])


class _Ranking(NamedTuple):
    """Rows in falling order of their scores, and the last row of each score."""

    rows: NDArray[Any]
    last: NDArray[Any]

    @classmethod
    def of(cls, rows: NDArray[Any], score: NDArray[Any]) -> _Ranking:
        ranked = rows[np.argsort(-score[rows], kind="stable")]
        return cls(ranked, np.flatnonzero(np.append(~tied_with_next(score[ranked]), True)))


def _mean_line(
    parts: list[_Ranking], rows: NDArray[Any], positive: NDArray[Any], kind: str
) -> NDArray[Any] | None:
    """Give the mean curve of the folds that hold both kinds of rows, and behind it the area."""
    n_rows = sum(len(part.rows) for part in parts)
    hits = np.bincount(rows[positive], minlength=n_rows)
    misses = np.bincount(rows[~positive], minlength=n_rows)
    lines = []
    for ranked, last in parts:
        tp, fp = (np.cumsum(counts[ranked])[last] for counts in (hits, misses))
        if tp[-1] and fp[-1]:
            lines.append(_line(tp, fp, kind))
    return np.mean(lines, axis=0) if lines else None


def _line(tp: NDArray[Any], fp: NDArray[Any], kind: str) -> NDArray[Any]:
    """Put the curve on the common grid, and behind it the area that it had before.

    scikit-learn's ``roc_curve`` and ``precision_recall_curve``, without a check of the rows for
    every sample of subjects.
    """
    recall = np.append(0.0, tp / tp[-1])
    if kind == "roc":
        fpr = np.append(0.0, fp / fp[-1])
        line = np.interp(_GRID, fpr, recall)
        line[0] = 0.0
        return np.append(line, np.trapezoid(recall, fpr))
    precision = np.append(1.0, np.divide(tp, tp + fp, out=np.ones(len(tp)), where=tp + fp > 0))
    # A step: the precision of the first threshold that reaches the recall.
    at = np.minimum(np.searchsorted(recall, _GRID, side="left"), len(recall) - 1)
    return np.append(precision[at], np.sum(np.diff(recall) * precision[1:]))  # average precision
