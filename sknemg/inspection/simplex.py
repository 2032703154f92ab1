"""Subjects on the plane of three scores that add up to one, with the regions of decision."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.divote._votes import subject_votes
from sknemg.divote.fitted import split_model
from sknemg.inspection._checks import labels_and_scores
from sknemg.inspection._style import class_colors, class_markers, divide, legend, new_axes
from sknemg.recordings._problems import listed

_CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(3) / 2]])
_N_GRID = 300


class SimplexDisplay:
    """Subjects on the triangle of three scores; what argmax and what the classifier decides.

    Parameters
    ----------
    votes : DataFrame of shape (n_subjects, 3)
        Mean scores of the subjects' recordings, a column a class.
    y_true : array-like of shape (n_subjects,)
    final_estimator : fitted classifier, default=None
        With it, its regions are drawn beside those of argmax. One that was trained on features by
        location is shown where the proximal and the distal vote are equal, a cut through its six
        dimensions.

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
        estimator : fitted DiVoteClassifier or pipeline that ends in one
        X : Recordings
        y : array-like of shape (n_recordings,)
            Diagnoses.
        ax : Axes, default=None

        Returns
        -------
        SimplexDisplay
        """
        divote, X = split_model(estimator, X)
        recordings = divote.levels(X).recordings
        subject, names = pd.factorize(recordings["subject"])
        classes = list(divote.classes_)
        votes = subject_votes(recordings[classes].to_numpy(), subject, len(names))
        y_true = pd.Series(np.asarray(y)).groupby(subject).first()
        votes_frame = pd.DataFrame(votes, columns=classes, index=names)
        return cls(votes_frame, y_true, final_estimator=divote.final_estimator_).plot(ax)

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
        """Draw votes that are at hand.

        Parameters
        ----------
        y_true : array-like of shape (n_subjects,)
        votes : DataFrame with a column a class, or array of shape (n_subjects, 3)
        classes : array-like of 3 labels, default=None
            The columns of an array.
        final_estimator : fitted classifier, default=None
        ax : Axes, default=None

        Returns
        -------
        SimplexDisplay
        """
        y_true, frame = labels_and_scores(y_true, votes, classes, probabilities=True)
        off = np.abs(frame.sum(axis=1).to_numpy() - 1) > 1e-3
        if off.any():
            rows = listed(np.flatnonzero(off), "row")
            raise ValueError(f"Votes do not add up to 1 in {rows}: give probabilities.")
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
        if self.votes.shape[1] != 3:
            raise ValueError(f"A triangle shows three classes, not {self.votes.shape[1]}.")
        classes = np.asarray(self.votes.columns)
        deciders = [("argmax", lambda p: classes[p.argmax(axis=1)])]
        if self.final_estimator is not None:
            doubled = self.final_estimator.n_features_in_ == 6
            name = type(self.final_estimator).__name__
            name += " where both locations vote alike" if doubled else ""
            final = self.final_estimator
            deciders.append((name, lambda p: final.predict(np.tile(p, 2) if doubled else p)))
        ax = new_axes(ax, (4.8 * len(deciders), 4.6))
        self.figure_ = ax.figure
        self.text_: list[Any] = []
        self.ax_ = divide(ax, 1, len(deciders))
        for axes, (title, decide) in zip(self.ax_[0], deciders, strict=True):
            self._draw_regions(axes, classes, decide)
            self._draw_subjects(axes, classes)
            axes.set_title(title, fontsize="medium")
        legend(self.ax_[0, 0], loc="upper left", bbox_to_anchor=(-0.02, 1.0))
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
        palette = ListedColormap([class_colors([label])[label] for label in classes])
        triangle = Polygon(_CORNERS, fill=False, edgecolor="black", linewidth=1.0, clip_on=False)
        image = axes.imshow(
            regions.reshape(x.shape), extent=extent, origin="lower", cmap=palette, vmin=0, vmax=2,
            alpha=0.25, interpolation="nearest",
        )  # fmt: skip
        image.set_clip_path(axes.add_patch(triangle))
        axes.set_axis_off()
        axes.set(xlim=(-0.05, 1.05), ylim=(-0.08, 0.96))
        sides = ("left", "right", "center")
        for corner, label, side in zip(_CORNERS, classes, sides, strict=True):
            away = 0.02 if side == "center" else -0.03
            place = {"ha": side, "va": "bottom" if away > 0 else "top", "fontsize": "small"}
            self.text_.append(axes.text(corner[0], corner[1] + away, f"P({label}) = 1", **place))

    def _draw_subjects(self, axes: Any, classes: NDArray[Any]) -> None:
        points, y_true = self.votes.to_numpy() @ _CORNERS, np.asarray(self.y_true)
        colors, markers = class_colors(classes), class_markers(classes)
        for label in classes:
            look = {"color": colors[label], "marker": markers[label], "label": label}
            axes.scatter(
                *points[y_true == label].T, s=34, edgecolors="black", linewidths=0.5, **look
            )


def _to_scores(points: NDArray[Any]) -> NDArray[Any]:
    """Turn places on the plane into scores that add up to one."""
    basis = (_CORNERS[:2] - _CORNERS[2]).T
    first = np.linalg.solve(basis, (points - _CORNERS[2]).T).T
    return np.column_stack([first, 1 - first.sum(axis=1)])
