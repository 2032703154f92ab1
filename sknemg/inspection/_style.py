"""One look for all pictures: a colour, a marker and a line style for each class, and axes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Okabe and Ito's palette, which the colour-blind tell apart. The three diagnoses keep the hues of
# the paper's red, green and blue.
CLASS_COLORS = {"myopathy": "#D55E00", "neuropathy": "#009E73", "normal": "#0072B2"}
_FURTHER = ("#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000", "#999999")
_MARKERS = {"myopathy": "o", "neuropathy": "^", "normal": "s"}
_FURTHER_MARKERS = ("D", "v", "P", "X", "<", ">")
_LINES = {"myopathy": "-", "neuropathy": "--", "normal": "-."}
_SHORT = {"myopathy": "M", "neuropathy": "N", "normal": "NL"}

GREY = "0.55"  # what is no class: grids, guides, neighbours


def class_colors(classes: Iterable[Any]) -> dict[Any, str]:
    """Give each class its colour, the same in every picture.

    Parameters
    ----------
    classes : iterable of labels
        Myopathy, neuropathy and normal have fixed colours; others take the further colours of the
        palette in sorted order.

    Returns
    -------
    dict of label to hexadecimal colour

    References
    ----------
    M. Okabe and K. Ito, "Color universal design: how to make figures and presentations that are
    friendly to colorblind people", 2008.

    Examples
    --------
    >>> class_colors(["normal", "fibrillation", "end-plate"])
    {'normal': '#0072B2', 'fibrillation': '#E69F00', 'end-plate': '#CC79A7'}
    """
    return _assign(classes, CLASS_COLORS, _FURTHER)


def class_markers(classes: Iterable[Any]) -> dict[Any, str]:
    """Give each class its marker, so that colour is never the only sign."""
    return _assign(classes, _MARKERS, _FURTHER_MARKERS)


def line_style(label: Any) -> str:
    """Give a class its line style."""
    return _LINES.get(label, ":")


def short_name(label: Any) -> str:
    """Abbreviate the three diagnoses as in the paper; other labels stay."""
    return _SHORT.get(label, str(label))


def _assign(
    classes: Iterable[Any], fixed: dict[str, Any], further: Sequence[str]
) -> dict[Any, str]:
    classes = list(classes)
    others = sorted({label for label in classes if label not in fixed}, key=str)
    return {
        label: fixed[label] if label in fixed else further[others.index(label) % len(further)]
        for label in classes
    }


def score_colors(scores: ArrayLike, classes: Sequence[Any]) -> NDArray[np.float64]:
    """Make colours of scores: red, green and blue are the probabilities of three classes.

    Parameters
    ----------
    scores : array-like of shape (..., n_classes)
    classes : sequence of n_classes labels
        With another number than three, the colours of the classes are mixed.

    Returns
    -------
    ndarray of shape (..., 3)
        White where a score is missing.

    Examples
    --------
    >>> score_colors([[1, 0, 0], [np.nan] * 3], ["myopathy", "neuropathy", "normal"]).tolist()
    [[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    """
    scores = np.asarray(scores, dtype=float)
    colors = scores
    if len(classes) != 3:
        palette = class_colors(classes)
        hexes = [palette[label].lstrip("#") for label in classes]
        basis = [[int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)] for code in hexes]
        colors = scores @ np.array(basis)
    return np.clip(np.where(np.isnan(scores).any(axis=-1, keepdims=True), 1.0, colors), 0, 1)


def new_axes(ax: Any, figsize: tuple[float, float]) -> Any:
    """Return `ax`, or the axes of a new figure of this size in inches."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained")[1]


def divide(ax: Any, n_rows: int, n_cols: int, **kwargs: Any) -> NDArray[Any]:
    """Put a grid of axes in the place of one; returns an array of shape (n_rows, n_cols).

    `kwargs` go to :meth:`matplotlib.gridspec.GridSpecBase.subplots` (``sharex``, ``sharey``) or,
    as ``height_ratios``, ``width_ratios``, ``hspace`` and ``wspace``, to the grid.
    """
    from matplotlib.gridspec import GridSpecFromSubplotSpec

    spec = ax.get_subplotspec()
    if spec is None:
        raise ValueError("This display divides its axes: give one that plt.subplots has made.")
    ax.set_axis_off()
    shared = {key: kwargs.pop(key) for key in ("sharex", "sharey") if key in kwargs}
    grid = GridSpecFromSubplotSpec(n_rows, n_cols, subplot_spec=spec, **kwargs)
    return grid.subplots(squeeze=False, **shared)


def legend(ax: Any, **kwargs: Any) -> None:
    """Draw a legend in the house style."""
    ax.legend(**{"frameon": False, "fontsize": "small", **kwargs})


def stacked_scores(ax: Any, left: ArrayLike, width: float, scores: Any) -> None:
    """Draw scores as stacked bars, a column of the DataFrame `scores` for each class."""
    bottom = np.zeros(len(scores))
    for label, color in class_colors(scores.columns).items():
        height = scores[label].to_numpy()
        bars = {"align": "edge", "color": color, "label": label, "linewidth": 0}
        ax.bar(left, height, width, bottom, **bars)
        bottom = bottom + height
    ax.set(ylim=(0, 1), yticks=[0, 1], ylabel="score")
