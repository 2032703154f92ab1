"""The style that all pictures share: colours, markers and lines of classes, axes, legends."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Okabe and Ito's palette, which colour-blind readers can tell apart. The three diagnoses keep the
# hues of the paper's red, green and blue.
CLASS_COLORS = {"myopathy": "#D55E00", "neuropathy": "#009E73", "normal": "#0072B2"}
_FURTHER = ("#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000", "#999999")
_MARKERS = {"myopathy": "o", "neuropathy": "^", "normal": "s"}
# Of other numbers than the colours, so that none of 42 classes looks like another.
_FURTHER_MARKERS = ("D", "v", "P", "X", "<", ">", "*")
_LINES = {"myopathy": "-", "neuropathy": "--", "normal": "-."}
_FURTHER_LINES = (":", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (8, 3)))
_SHORT = {"myopathy": "M", "neuropathy": "N", "normal": "NL"}

_TURNING = re.compile("[\u202a-\u202e]")  # which would turn the numbers behind a name round

NAME = 20  # characters of a name that has to fit
LINE = 40  # of one that has a line of a legend
GREY = "0.55"  # for what belongs to no class: grids, guides


def class_colors(classes: Iterable[Any]) -> dict[Any, str]:
    """Give each class its colour, the same in every picture of these classes.

    Parameters
    ----------
    classes : iterable of labels
        All classes. Myopathy, neuropathy and normal have fixed colours; others take the remaining
        colours of the palette in sorted order.

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
    """Give each class its marker, so that it is not told by colour alone."""
    return _assign(classes, _MARKERS, _FURTHER_MARKERS)


def line_styles(classes: Iterable[Any]) -> dict[Any, Any]:
    """Give each class its line style."""
    return _assign(classes, _LINES, _FURTHER_LINES)


def short_names(labels: Iterable[Any], length: int = NAME) -> dict[Any, str]:
    """Shorten names for a figure; no two become alike.

    Parameters
    ----------
    labels : iterable of labels
    length : int
        Characters of a name.

    Returns
    -------
    dict of label to str

    Examples
    --------
    >>> short_names(["normal", "amyotrophic lateral sclerosis"])
    {'normal': 'normal', 'amyotrophic lateral sclerosis': 'amyotrophic lateral…'}
    """
    names: dict[Any, str] = {}
    for label in labels:
        text = " ".join(_TURNING.sub("", str(label)).split())
        name = text if len(text) <= length else text[: length - 1].rstrip() + "…"
        number = 2
        while name in names.values():
            name = f"{text[: length - 4].rstrip()}… {number}"
            number += 1
        names[label] = name
    return names


def abbreviated_names(labels: Iterable[Any]) -> dict[Any, str]:
    """Abbreviate the three diagnoses as in the paper, and shorten other names.

    Examples
    --------
    >>> abbreviated_names(["normal", "myokymia"])
    {'normal': 'NL', 'myokymia': 'myokymia'}
    """
    return {label: _SHORT.get(label, name) for label, name in short_names(labels).items()}


def abbreviations(labels: Iterable[Any], length: int) -> dict[Any, str]:
    """Abbreviate the three diagnoses as in the paper, and all other names that are longer.

    Examples
    --------
    >>> abbreviations(["normal", "True"], 5), abbreviations(["end-plate", "end-stage", "N"], 3)
    ({'normal': 'NL', 'True': 'True'}, {'end-plate': 'e', 'end-stage': 'e2', 'N': 'N'})
    """
    labels = list(labels)
    names = {label: _SHORT.get(label, " ".join(str(label).split())) for label in labels}
    kept: dict[Any, str] = {}
    for label in sorted(labels, key=lambda label: (label not in _SHORT, len(names[label]))):
        name, number = names[label], 2
        first = name[:1]
        if len(name) > length:
            name = first
        while name in kept.values():
            name, number = f"{first}{number}", number + 1
        kept[label] = name
    return {label: kept[label] for label in labels}


def _assign(
    classes: Iterable[Any], fixed: dict[str, Any], further: Sequence[Any]
) -> dict[Any, Any]:
    classes = list(classes)
    others = sorted({label for label in classes if label not in fixed}, key=str)
    return {
        label: fixed[label] if label in fixed else further[others.index(label) % len(further)]
        for label in classes
    }


def score_colors(scores: ArrayLike, classes: Sequence[Any]) -> NDArray[np.float64]:
    """Turn scores into colours: red, green and blue are the probabilities of three classes.

    Parameters
    ----------
    scores : array-like of shape (..., n_classes)
    classes : sequence of n_classes labels
        With any other number than three, the colours of the classes are mixed.

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


def shade(share: float) -> tuple[float, ...]:
    """Mix the colours of text and ground of the style in use: 0 is the text's, 1 the ground's.

    Examples
    --------
    >>> from matplotlib import style
    >>> with style.context("default"):
    ...     shade(0), shade(0.75)
    ((0.0, 0.0, 0.0), (0.75, 0.75, 0.75))
    >>> with style.context("dark_background"):
    ...     shade(0), shade(0.75)
    ((1.0, 1.0, 1.0), (0.25, 0.25, 0.25))
    """
    from matplotlib import rcParams
    from matplotlib.colors import to_rgb

    pairs = zip(to_rgb(rcParams["text.color"]), to_rgb(rcParams["axes.facecolor"]), strict=True)
    return tuple(text + share * (ground - text) for text, ground in pairs)


def inches_of(ax: Any) -> float:
    """Width of the figure, or of the part of one, that axes belong to."""
    return float(ax.figure.bbox.width / ax.figure.dpi)


def new_axes(ax: Any, figsize: tuple[float, float]) -> Any:
    """Return `ax`, or the axes of a new figure of this size in inches."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained")[1]


def divide(ax: Any, n_rows: int, n_cols: int, **kwargs: Any) -> NDArray[Any]:
    """Replace axes by a grid of axes, and return an array of them of shape (n_rows, n_cols).

    `kwargs` are passed on to :meth:`matplotlib.gridspec.GridSpecBase.subplots` (``sharex``,
    ``sharey``) or to the grid (``height_ratios``, ``width_ratios``, ``hspace``, ``wspace``).
    """
    from matplotlib.gridspec import GridSpecFromSubplotSpec

    spec = ax.get_subplotspec()
    if spec is None:
        raise ValueError("The axes belong to no grid and cannot be divided: use plt.subplots.")
    ax.set_axis_off()
    shared = {key: kwargs.pop(key) for key in ("sharex", "sharey") if key in kwargs}
    grid = GridSpecFromSubplotSpec(n_rows, n_cols, subplot_spec=spec, **kwargs)
    return grid.subplots(squeeze=False, **shared)


def legend(ax: Any, **kwargs: Any) -> None:
    """Draw a legend in the style of all pictures; it can be read where it lies on data."""
    ground = {"frameon": True, "framealpha": 0.7, "edgecolor": "none", "fancybox": False}
    ax.legend(**{"fontsize": "small", **ground, **kwargs})


def columns_that_fit(labels: Iterable[Any], inches: float) -> int:
    """Give the number of columns of a legend in small type that is no wider than that.

    Examples
    --------
    >>> columns_that_fit(["myopathy", "neuropathy", "normal"], 6)
    3
    >>> columns_that_fit(["motor neuron disease with fasciculations"] * 3, 6)
    1
    """
    labels = [str(label) for label in labels]
    widest = max(map(len, labels), default=0) * 0.075 + 0.5
    return max(1, min(len(labels), int(inches / widest)))


def stacked_scores(ax: Any, left: ArrayLike, width: float, scores: Any) -> None:
    """Draw scores as stacked bars; the DataFrame `scores` has a column for each class."""
    bottom = np.zeros(len(scores))
    for number, (label, color) in enumerate(class_colors(scores.columns).items()):
        height = scores.iloc[:, number].to_numpy()
        bars = {"align": "edge", "color": color, "label": label, "linewidth": 0}
        ax.bar(left, height, width, bottom, **bars)
        bottom = bottom + height
    ax.set(ylim=(0, 1), yticks=[0, 1], ylabel="score")
