"""One-vs-rest ROC and precision-recall curves with intervals, and readers as points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import auc, precision_recall_curve, roc_curve

from sknemg.inspection._checks import check_each, labels_and_scores
from sknemg.inspection._style import (
    GREY,
    class_colors,
    class_markers,
    legend,
    line_style,
    new_axes,
)
from sknemg.metrics._bootstrap import bootstrap_rows
from sknemg.metrics.agreement import reader_points
from sknemg.recordings._problems import shown

_GRID = np.linspace(0, 1, 201)


class Curve(NamedTuple):
    """One class against the rest: a curve on a grid, its band, and its area with interval."""

    y: NDArray[Any]
    low: NDArray[Any]
    high: NDArray[Any]
    area: float
    area_low: float
    area_high: float


class OneVsRestCurveDisplay:
    """ROC or precision-recall curves, a class against the rest, with 95 % intervals.

    Parameters
    ----------
    curves : dict of label to Curve
        On an even grid of false positive rates (ROC) or recalls.
    kind : {"roc", "precision_recall"}
    interval : str
        What the band is.
    readers : DataFrame, default=None
        A row a reader and class: ``reader``, ``class``, ``sensitivity``, ``specificity``,
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
    ...     readers={"A": y}, ax=Figure().subplots(),
    ... )
    >>> display.text_[0].get_text()
    'myopathy: AUROC 1.00 (1.00–1.00)'
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
        cls, estimator: Any, X: Any, y: ArrayLike, *, kind: str = "roc", **kwargs: Any
    ) -> Self:
        """Score and draw.

        Parameters
        ----------
        estimator : fitted classifier
        X : what it predicts from
        y : array-like of shape (n,)
        kind : {"roc", "precision_recall"}, default="roc"
        **kwargs
            Those of `from_predictions`.

        Returns
        -------
        OneVsRestCurveDisplay
        """
        scores = estimator.predict_proba(X)
        return cls.from_predictions(y, scores, classes=estimator.classes_, kind=kind, **kwargs)

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
        y_score : DataFrame with a column a class, or array of shape (n, n_classes)
        classes : array-like of shape (n_classes,), default=None
            The columns of an array.
        kind : {"roc", "precision_recall"}, default="roc"
        fold : array-like of shape (n,), default=None
            With folds, the curve is the mean of the folds' curves and the band the 95 %
            t-interval of that mean. Folds share training subjects, so it is somewhat too narrow.
            Without, the band is a bootstrap over `groups`.
        groups : array-like of shape (n,), default=None
            Subjects, drawn whole and within their classes; by default each row by itself.
        readers : mapping of name to labels of shape (n,), default=None
            Further readers, each a point a class; a cross is their mean.
        n_bootstrap : int, default=500
        random_state : int, default=None
        ax : Axes, default=None

        Returns
        -------
        OneVsRestCurveDisplay
        """
        if kind not in ("roc", "precision_recall"):
            raise ValueError(f"kind={kind!r} is unknown; choose 'roc' or 'precision_recall'.")
        if n_bootstrap < 1:
            raise ValueError(f"n_bootstrap={n_bootstrap} draws nothing; give at least 1.")
        y_true, scores = labels_and_scores(y_true, y_score, classes)
        groups = None if groups is None else check_each("groups", groups, len(y_true))
        fold = None if fold is None else check_each("fold", fold, len(y_true))
        if absent := [label for label in scores if not (y_true == label).any()]:
            raise ValueError(
                f"No row of y_true is of {', '.join(map(repr, absent))}: a curve needs rows of the "
                "class. Leave these columns of the scores out."
            )
        if fold is not None:
            draws = [np.flatnonzero(fold == name) for name in np.unique(fold)]
            interval = f"95 % t-interval over {len(draws)} folds"
        else:
            draws = bootstrap_rows(y_true, groups, n_bootstrap, random_state)
            unit = "rows" if groups is None else "subjects"
            interval = f"95 % bootstrap over {unit}"
        curves = {
            label: _curve(label, y_true == label, scores[label].to_numpy(), draws, kind, fold)
            for label in scores
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
        for label, color in class_colors(self.curves).items():
            c = self.curves[label]
            text = f"{label}: {area} {c.area:.2f} ({c.area_low:.2f}–{c.area_high:.2f})"
            ax.plot(_GRID, c.y, line_style(label), color=color, label=text, linewidth=1.8)
            ax.fill_between(_GRID, c.low, c.high, color=color, alpha=0.13, linewidth=0)
        if roc:
            ax.plot([0, 1], [0, 1], ":", color=GREY, linewidth=1)
        names = ("1 − specificity", "sensitivity") if roc else ("recall (sensitivity)", "precision")
        ax.set(xlabel=names[0], ylabel=names[1], xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
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
    positive: NDArray[Any],
    score: NDArray[Any],
    draws: list[NDArray[Any]],
    kind: str,
    fold: NDArray[Any] | None,
) -> Curve:
    usable = [rows for rows in draws if 0 < positive[rows].sum() < len(rows)]
    if not usable:
        if positive.all():
            raise ValueError(
                f"All rows of y_true are of {shown(label)}: there is no rest to tell apart."
            )
        raise ValueError(f"No fold holds both {shown(label)} and the rest: nothing can be drawn.")
    drawn = [_line(positive[rows], score[rows], kind) for rows in usable]
    lines, areas = np.array([line for line, _ in drawn]), np.array([area for _, area in drawn])
    if fold is None:
        low, high = np.percentile(lines, [2.5, 97.5], axis=0)
        line, area = _line(positive, score, kind)
        return Curve(line, low, high, area, *np.percentile(areas, [2.5, 97.5]))
    from scipy.stats import t

    n = len(usable)
    reach = t.ppf(0.975, n - 1) / np.sqrt(n) if n > 1 else np.nan
    mean, half = lines.mean(axis=0), reach * lines.std(axis=0, ddof=min(1, n - 1))
    area, area_half = areas.mean(), reach * areas.std(ddof=min(1, n - 1))
    low, high = np.clip(mean - half, 0, 1), np.clip(mean + half, 0, 1)
    return Curve(mean, low, high, area, max(0.0, area - area_half), min(1.0, area + area_half))


def _line(positive: NDArray[Any], score: NDArray[Any], kind: str) -> tuple[NDArray[Any], float]:
    """Put the curve on the common grid, and measure its area before that."""
    if kind == "roc":
        fpr, tpr, _ = roc_curve(positive, score, drop_intermediate=False)
        line = np.interp(_GRID, fpr, tpr)
        line[0] = 0.0
        return line, auc(fpr, tpr)
    precision, recall, _ = precision_recall_curve(positive, score)
    # A step: the precision of the first threshold that reaches the recall.
    at = np.searchsorted(recall[::-1], _GRID, side="left")
    line = precision[::-1][np.minimum(at, len(recall) - 1)]
    return line, float(-np.sum(np.diff(recall) * precision[:-1]))  # average precision
