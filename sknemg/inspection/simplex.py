"""Subjects on the triangle of three scores that add up to one, with decision regions."""

from __future__ import annotations

import textwrap
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.divote._votes import subject_votes
from sknemg.divote.fitted import open_model
from sknemg.divote.levels import class_columns
from sknemg.divote.opened import Opened
from sknemg.inspection._checks import labels_and_scores, recordings_of_subjects
from sknemg.inspection._style import class_colors, class_markers, divide, legend, new_axes, shade
from sknemg.recordings._problems import listed, shown
from sknemg.recordings._subjects import label_subjects

_CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(3) / 2]])
_N_GRID = 300
_LINE = 18  # characters at a corner
_BESIDE = 12  # characters of a name up to which the legend fits beside the upper corner


class SimplexDisplay:
    """Subjects on the triangle of three scores, with the regions of argmax and of a classifier.

    Parameters
    ----------
    votes : DataFrame of shape (n_subjects, 3)
        Mean scores of the subjects' recordings, with a column for each class.
    y_true : array-like of shape (n_subjects,)
    final_estimator : fitted classifier, default=None
        If given, its regions are drawn beside those of argmax. It takes votes in the order of the
        columns of `votes`, or by their names if it was trained on a DataFrame. A classifier trained
        on features by location is drawn where the proximal and the distal vote are equal, which is
        a cut through its six dimensions.

    Attributes
    ----------
    figure_ : Figure
    ax_ : ndarray of Axes
    text_ : list of Text
        The names at the corners.

    References
    ----------
    J. Yoo et al. (2022), Figure 6b to d. Computer Methods and Programs in Biomedicine 226, 107079.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from sknemg.inspection import SimplexDisplay
    >>> classes = ["myopathy", "neuropathy", "normal"]
    >>> display = SimplexDisplay.from_predictions(
    ...     classes, 0.7 * np.eye(3) + 0.1, classes=classes, ax=Figure().subplots()
    ... )
    >>> display.ax_[0, 0].get_title()
    'argmax'
    """

    def __init__(self, votes: pd.DataFrame, y_true: ArrayLike, *, final_estimator: Any = None):
        self.votes = votes
        self.y_true = y_true
        self.final_estimator = final_estimator

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: ArrayLike, *, ax: Any = None) -> Self:
        """Let recordings vote and draw their subjects.

        Parameters
        ----------
        estimator : fitted model
            A model with a DiVoteClassifier inside (Pipeline, search, calibrated or soft voting
            classifier), or a classifier that scores each row of `X` by itself. For an ensemble,
            votes are the weighted means over its members, and its regions are drawn where the
            votes of all members are equal.
        X : Recordings
        y : array-like of shape (n_recordings,)
            Diagnoses.
        ax : Axes, default=None

        Returns
        -------
        SimplexDisplay

        Raises
        ------
        TypeError
            If the model answers for subjects only.
        ValueError
            If there are not three classes, the subjects are unknown, or a subject has two
            diagnoses.
        """
        opened = open_model(estimator)
        classes = opened.classes.tolist()
        _check_three(len(classes))
        levels = opened.levels(X) if opened.votes else None
        recordings = recordings_of_subjects(opened, X, levels)
        subject, names, first = label_subjects(y, recordings["subject"].to_numpy())
        if levels is None:
            scores = class_columns(recordings, classes).to_numpy(dtype=float)
            found = subject_votes(scores, subject, len(names))
        else:
            found = levels.votes(subject, len(names))
        votes = pd.DataFrame(found, columns=classes, index=names)
        y_true = np.asarray(y)[first]
        return cls(votes, y_true, final_estimator=_final_estimator(opened)).plot(ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        votes: ArrayLike | pd.DataFrame,
        *,
        classes: ArrayLike | None = None,
        final_estimator: Any = None,
        ax: Any = None,
    ) -> Self:
        """Draw given votes.

        Parameters
        ----------
        y_true : array-like of shape (n_subjects,)
        votes : DataFrame with a column for each class, or array of shape (n_subjects, 3)
        classes : array-like of 3 labels, default=None
            The names of the columns of an array.
        final_estimator : fitted classifier, default=None
        ax : Axes, default=None

        Returns
        -------
        SimplexDisplay

        Raises
        ------
        ValueError
            If the votes are not those of three classes, or a row does not add up to 1.
        """
        y_true, frame = labels_and_scores(y_true, votes, classes, probabilities=True)
        off = np.abs(frame.sum(axis=1).to_numpy() - 1) > 1e-3
        if off.any():
            rows = listed(np.flatnonzero(off), "row")
            raise ValueError(f"The votes do not add up to 1 in {rows}: give probabilities.")
        return cls(frame, y_true, final_estimator=final_estimator).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the triangles.

        Parameters
        ----------
        ax : Axes, default=None
            A new figure by default.

        Returns
        -------
        self
        """
        _check_three(self.votes.shape[1])
        classes = np.asarray(self.votes.columns)
        deciders = [("argmax", lambda p: classes[p.argmax(axis=1)])]
        if self.final_estimator is not None:
            final = self.final_estimator
            doubled = final.n_features_in_ == 6
            name = f"{final}" if isinstance(final, _Ensemble) else type(final).__name__
            name += " where both locations vote alike" if doubled else ""

            def by_final(p: NDArray[Any]) -> Any:
                return final.predict(np.tile(p, 2) if doubled else _named(final, p, classes))

            deciders.append((name, by_final))
        ax = new_axes(ax, (4.8 * len(deciders), 4.6))
        self.figure_ = ax.figure
        self.text_: list[Any] = []
        self.ax_ = divide(ax, 1, len(deciders))
        for axes, (title, decide) in zip(self.ax_[0], deciders, strict=True):
            self._draw_regions(axes, classes, decide)
            self._draw_subjects(axes, classes)
            axes.set_title(title, fontsize="medium")
        place = {"loc": "upper left", "bbox_to_anchor": (-0.02, 1.0)}
        longest = max(len(str(label)) for label in classes)
        if longest > _BESIDE:  # it would lie on the name of a corner
            place = {"loc": "upper left", "bbox_to_anchor": (0.0, -0.08)}
        legend(self.ax_[0, 0], **place)
        return self

    def _draw_regions(self, axes: Any, classes: NDArray[Any], decide: Any) -> None:
        from matplotlib.colors import ListedColormap
        from matplotlib.patches import Polygon

        extent = (0, 1, 0, _CORNERS[2, 1])
        x, y = np.meshgrid(*(np.linspace(a, b, _N_GRID) for a, b in (extent[:2], extent[2:])))
        p = _to_scores(np.column_stack([x.ravel(), y.ravel()]))
        inside = (p >= -1e-9).all(axis=1)
        regions = np.full(len(p), np.nan)
        regions[inside] = pd.Index(classes).get_indexer(decide(p[inside]))
        colors = class_colors(classes)
        palette = ListedColormap([colors[label] for label in classes])
        triangle = Polygon(_CORNERS, fill=False, edgecolor=shade(0), linewidth=1.0, clip_on=False)
        image = axes.imshow(
            regions.reshape(x.shape), extent=extent, origin="lower", cmap=palette, vmin=0, vmax=2,
            alpha=0.25, interpolation="nearest",
        )  # fmt: skip
        image.set_clip_path(axes.add_patch(triangle))
        axes.set_axis_off()
        n_lines = 1 + textwrap.fill(f"P({classes[2]}) = 1", _LINE).count("\n")
        axes.set(xlim=(-0.05, 1.05), ylim=(-0.08, 0.92 + 0.04 * n_lines))
        sides = ("left", "right", "center")
        for corner, label, side in zip(_CORNERS, classes, sides, strict=True):
            away = 0.02 if side == "center" else -0.03
            place = {"ha": side, "va": "bottom" if away > 0 else "top", "fontsize": "small"}
            text = textwrap.fill(f"P({label}) = 1", _LINE)
            self.text_.append(axes.text(corner[0], corner[1] + away, text, **place))

    def _draw_subjects(self, axes: Any, classes: NDArray[Any]) -> None:
        points, y_true = self.votes.to_numpy() @ _CORNERS, np.asarray(self.y_true)
        colors, markers = class_colors(classes), class_markers(classes)
        for label in classes:
            look = {"color": colors[label], "marker": markers[label], "label": label}
            axes.scatter(
                *points[y_true == label].T, s=34, edgecolors="black", linewidths=0.5, **look
            )


def _check_three(n_classes: int) -> None:
    if n_classes != 3:
        raise ValueError(
            f"There are {n_classes} classes, and a triangle shows three: use VoteHeatmapDisplay."
        )


def _named(final: Any, votes: NDArray[Any], classes: NDArray[Any]) -> Any:
    """Give votes as a classifier takes them: by the names that it has learned, if it has any."""
    names = getattr(final, "feature_names_in_", None)
    if names is None:
        return votes
    if set(names) != set(classes):
        raise ValueError(
            f"final_estimator was trained on the columns {shown(list(names))}, votes has "
            f"{shown(classes.tolist())}: give one that was trained on these."
        )
    return pd.DataFrame(votes, columns=classes)[list(names)]


class _Ensemble:
    """The decisions of an ensemble on votes that are the same for all its members."""

    def __init__(self, opened: Opened):
        self.opened = opened
        self.n_features_in_ = len(opened.classes)

    def __str__(self) -> str:
        alike = " where all members vote alike" if len(self.opened.parts) > 1 else ""
        return f"{type(self.opened.model).__name__}{alike}"

    def predict(self, votes: NDArray[Any]) -> NDArray[Any]:
        return self.opened.decide(self.opened.answer_votes(votes))


def _final_estimator(opened: Opened) -> Any:
    """Find what decides on the votes of a subject; None where it is the highest vote."""
    if not opened.votes:
        return None
    if opened.hands_on:
        return opened.parts[0].classifier.final_estimator_
    return _Ensemble(opened)


def _to_scores(points: NDArray[Any]) -> NDArray[Any]:
    """Turn points on the plane into scores that add up to one."""
    basis = (_CORNERS[:2] - _CORNERS[2]).T
    first = np.linalg.solve(basis, (points - _CORNERS[2]).T).T
    return np.column_stack([first, 1 - first.sum(axis=1)])
