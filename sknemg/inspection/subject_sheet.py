"""One subject on a page: recordings, their votes, the diagnosis, and what drove it."""

from __future__ import annotations

import textwrap
from typing import Any, Self

import numpy as np
import pandas as pd

from sknemg.divote.fitted import open_model
from sknemg.divote.levels import class_columns
from sknemg.inspection._style import (
    LINE,
    class_colors,
    divide,
    legend,
    new_axes,
    short_names,
    stacked_scores,
)
from sknemg.inspection.leave_one_out import drivers_of
from sknemg.inspection.trace import plot_overview
from sknemg.recordings import Recordings
from sknemg.recordings._problems import listed, shown

_LINE = 38  # characters beside the legend


class SubjectSheetDisplay:
    """A subject's recordings with the scores of their segments, their votes and the diagnosis.

    The moments without which the score of the diagnosis would fall most are shaded
    (:func:`diagnosis_drivers`).

    Parameters
    ----------
    X : Recordings
        Signals of the subject.
    segments, recordings : DataFrame
        From :func:`diagnosis_drivers`; ``recording`` is the row of `X`.
    result : Series
        The subject's row of the table of subjects: its scores and ``prediction``.
    window : float
        Length of a segment in seconds.
    hop : float
        Time from the start of one segment to that of the next, in seconds.
    n_drivers : int, default=3
        Number of segments to shade.

    Attributes
    ----------
    figure_ : Figure
    ax_ : ndarray of Axes
        Two rows for each recording (trace and scores beside its vote), and a last one with the
        result.
    text_ : Text
        The diagnosis.
    """

    def __init__(
        self,
        X: Recordings,
        segments: pd.DataFrame,
        recordings: pd.DataFrame,
        result: pd.Series,
        *,
        window: float,
        hop: float,
        n_drivers: int = 3,
    ):
        self.X = X
        self.segments = segments
        self.recordings = recordings
        self.result = result
        self.window = window
        self.hop = hop
        self.n_drivers = n_drivers

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Recordings, subject: Any, *, n_drivers: int = 3, ax: Any = None
    ) -> Self:
        """Diagnose a subject and draw how the diagnosis came about.

        Parameters
        ----------
        estimator : fitted model
            A model from signals to diagnoses with a DiVoteClassifier inside: a Pipeline, a search,
            or a CalibratedClassifierCV or soft VotingClassifier of them.
        X : Recordings of signals
            With the column ``subject``.
        subject : label
        n_drivers : int, default=3
            Number of segments to shade.
        ax : Axes, default=None

        Returns
        -------
        SubjectSheetDisplay

        Raises
        ------
        TypeError
            If `estimator` has no DiVoteClassifier inside that can be reached.
        ValueError
            If `X` holds segments, no column ``subject`` or nothing of the subject, or if the
            members of an ensemble cut different windows.
        """
        if X.item_shape != ():
            raise ValueError(
                "X holds segments or images: give signals, and the model that cuts them."
            )
        if "subject" not in X:
            raise ValueError("The subjects are unknown: give an X with a column 'subject'.")
        own = X[(X["subject"] == subject).to_numpy()]
        if not len(own):
            known = listed(X["subject"].unique(), "subject")
            raise ValueError(f"X holds no subject {shown(subject)}: give one of its {known}.")
        opened = open_model(estimator)
        levels = opened.levels(own)
        segments, recordings = drivers_of(opened, levels, subject)
        result = levels.subjects.astype(object).iloc[0]  # an integer label stays one
        window, hop = levels.window_and_hop()
        display = cls(
            own, segments, recordings, result, window=window, hop=hop, n_drivers=n_drivers
        )
        return display.plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the sheet.

        Parameters
        ----------
        ax : Axes, default=None
            A new figure by default.

        Returns
        -------
        self
        """
        n = len(self.X)
        ax = new_axes(ax, (9, 1.2 + 1.3 * n))
        self.figure_ = ax.figure
        grid = divide(
            ax, 2 * n + 1, 2, width_ratios=[4, 1], height_ratios=[*[2, 1] * n, 2], sharex="col"
        )
        self.ax_ = grid
        classes = [label for label in self.result.index if label in self.recordings]
        classes = [label for label in classes if label not in ("n_recordings", "n_items")]
        drivers = self.segments[self.segments["fall"] > 0].nlargest(self.n_drivers, "fall")
        for row in range(n):
            trace, bars = grid[2 * row : 2 * row + 2, 0]
            self._draw_recording(row, trace, bars, classes, drivers)
            vote, blank = grid[2 * row : 2 * row + 2, 1]
            blank.set_axis_off()
            own = self.recordings.iloc[row]
            _draw_vote(vote, own.reindex(classes))
            change = round(-own["fall"], 2) + 0.0  # never minus zero
            vote.set_title(f"vote; score {change:+.2f} without it", fontsize="small", pad=2)
        bars.tick_params(labelbottom=True)
        bars.set(xlabel="time (s)", xlim=(0, self.X.durations.max()))
        self._draw_result(grid[-1, 0], grid[-1, 1], classes)
        self.figure_.align_ylabels(list(grid[:-1, 0]))
        return self

    def _draw_recording(
        self, row: int, trace: Any, bars: Any, classes: list[Any], drivers: pd.DataFrame
    ) -> None:
        meta = self.X.meta.iloc[row]
        plot_overview(trace, self.X[row], meta["sfreq"])
        known = [meta[name] for name in ("muscle", "location") if name in meta]
        title = ", ".join(str(value) for value in known if not pd.isna(value))
        trace.set_title(title, loc="left", fontsize="small", pad=2)
        color = class_colors(classes)[self.result["prediction"]]
        for start in drivers.loc[drivers["recording"] == row, "start"]:
            trace.axvspan(start, start + self.window, color=color, alpha=0.25, linewidth=0)
        own = self.segments[self.segments["recording"] == row]
        left = own["start"].to_numpy() + (self.window - self.hop) / 2
        stacked_scores(bars, left, self.hop, class_columns(own, classes))

    def _draw_result(self, left: Any, right: Any, classes: list[Any]) -> None:
        names = short_names(classes, LINE)
        for label, color in class_colors(classes).items():
            left.plot([], [], "s", color=color, label=names[label])
        left.set_axis_off()
        legend(left, loc="center right")
        name, prediction = self.result.name, self.result["prediction"]
        value = self.result.iloc[self.result.index.get_loc(prediction)]  # a label may be True
        score = f"{prediction}, score {value:.2f}"
        self.text_ = left.text(
            0.0, 0.5, textwrap.fill(f"Subject {name!s}: {score}", _LINE), transform=left.transAxes,
            va="center", fontsize="large",
        )  # fmt: skip
        _draw_vote(right, self.result.reindex(classes))
        right.tick_params(labelbottom=True)
        right.set(xlabel="score")


def _draw_vote(ax: Any, scores: pd.Series) -> None:
    colors = class_colors(scores.index)
    heights = np.nan_to_num(scores.to_numpy(dtype=float))
    ax.barh(range(len(scores)), heights, color=[colors[label] for label in scores.index])
    ax.set(xlim=(0, 1), yticks=[], ylim=(len(scores) - 0.5, -0.5))
