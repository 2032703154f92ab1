"""A heat map of the scores of all recordings, with a row for each subject."""

from __future__ import annotations

import textwrap
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sknemg.divote.fitted import open_model
from sknemg.divote.levels import class_columns
from sknemg.inspection._checks import recordings_of_subjects
from sknemg.inspection._style import CLASS_COLORS, abbreviations, inches_of, new_axes, score_colors
from sknemg.recordings._subjects import check_labels

_CELL = 5  # characters
_NARROWEST = 5.0  # inches in which there is room for the names of the classes


class VoteHeatmapDisplay:
    """Heat map of recording scores: subjects × recordings, with colours mixed from the scores.

    Red, green and blue are the scores of three classes, as in the paper; cells are white where a
    subject has no more recordings. Letters name the class with the highest score, so that the map
    can be read without colours.

    Parameters
    ----------
    recordings : DataFrame with a row for each recording
        ``subject``, and a column of scores for each of `classes`.
    classes : sequence of labels
    y_true : Series indexed by subject, default=None
        Diagnoses; subjects are sorted by them, and they are added to the names.

    Attributes
    ----------
    figure_ : Figure
    ax_ : Axes
    text_ : list of Text
        The letters.

    References
    ----------
    J. Yoo et al. (2022), Figure 6a. Computer Methods and Programs in Biomedicine 226, 107079.

    Examples
    --------
    >>> import pandas as pd
    >>> from matplotlib.figure import Figure
    >>> from sknemg.inspection import VoteHeatmapDisplay
    >>> classes = ["myopathy", "neuropathy", "normal"]
    >>> scores = pd.DataFrame([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]], columns=classes)
    >>> scores["subject"] = ["S1", "S2"]
    >>> display = VoteHeatmapDisplay(scores, classes).plot(Figure().subplots())
    >>> [text.get_text() for text in display.text_]
    ['M', 'N']
    """

    def __init__(self, recordings: pd.DataFrame, classes: Any, *, y_true: pd.Series | None = None):
        self.recordings = recordings
        self.classes = list(classes)
        self.y_true = y_true

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: ArrayLike | None = None, *, ax: Any = None
    ) -> Self:
        """Score each recording by itself and draw the scores.

        Parameters
        ----------
        estimator : fitted model
            A model with a DiVoteClassifier inside (Pipeline, search, calibrated or soft voting
            classifier; of several, the weighted mean is drawn), or a classifier that scores each
            row of `X` by itself.
        X : Recordings
        y : array-like of shape (n_recordings,), default=None
            Diagnoses.
        ax : Axes, default=None

        Returns
        -------
        VoteHeatmapDisplay

        Raises
        ------
        TypeError
            If the model answers for subjects only.
        ValueError
            If the subjects are unknown, or if `y` does not fit the rows.
        """
        opened = open_model(estimator)
        recordings = recordings_of_subjects(opened, X)
        y_true = None
        if y is not None:
            labels = pd.Series(check_labels(y, len(recordings)))
            y_true = labels.groupby(recordings["subject"].to_numpy()).first()
        return cls(recordings, opened.classes.tolist(), y_true=y_true).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the map.

        Parameters
        ----------
        ax : Axes, default=None
            A new figure by default.

        Returns
        -------
        self
        """
        table = self.recordings
        place = table.groupby("subject", sort=False).cumcount().to_numpy()
        subjects = table["subject"].unique().tolist()
        truth = {} if self.y_true is None else self.y_true.to_dict()
        subjects = sorted(subjects, key=lambda s: str(truth.get(s, "")))  # else as they come
        size = (len(subjects), place.max(initial=-1) + 1, len(self.classes))
        scores = np.full(size, np.nan)
        rows = table["subject"].map(subjects.index).to_numpy()
        scores[rows, place] = class_columns(table, self.classes)

        width = max(_NARROWEST, 2.5 + 0.42 * size[1])
        ax = new_axes(ax, (width, 1.3 + 0.26 * size[0]))
        self.figure_, self.ax_, self.text_ = ax.figure, ax, []
        colors, letters = score_colors(scores, self.classes), abbreviations(self.classes, _CELL)
        ax.imshow(colors, aspect="auto", interpolation="nearest")
        for row, column in np.argwhere(~np.isnan(scores).any(axis=-1)):
            name = letters[self.classes[scores[row, column].argmax()]]
            bright = colors[row, column] @ (0.2126, 0.7152, 0.0722) > 0.45
            ink = "black" if bright else "white"
            look = {"ha": "center", "va": "center", "color": ink, "fontsize": "x-small"}
            self.text_.append(ax.text(column, row, name, **look))
        names = [f"{s}  {truth.get(s, '')}".rstrip() for s in subjects]
        ax.set_yticks(range(len(subjects)), names, fontsize="small")
        ax.set_xticks(range(size[1]), range(1, size[1] + 1), fontsize="small")
        ax.set(xlabel="recording of the subject", ylabel="subject")
        ax.set_xticks(np.arange(size[1] + 1) - 0.5, minor=True)
        ax.set_yticks(np.arange(len(subjects) + 1) - 0.5, minor=True)
        ax.grid(which="minor", color="white", linewidth=1.5)
        ax.tick_params(which="both", length=0)
        if key := self._key(letters):
            # A line of small type holds some twelve characters an inch.
            width = max(40, int(12 * inches_of(ax) * ax.get_position().width))
            ax.set_title(textwrap.fill(key, width), fontsize="small")
        return self

    def _key(self, letters: dict[Any, str]) -> str:
        """Say what hues and letters stand for, as far as it is not plain."""
        hues = ("red", "green", "blue") if len(self.classes) == 3 else [""] * len(self.classes)
        entries = []
        for hue, label in zip(hues, self.classes, strict=True):
            sign = "" if label in CLASS_COLORS or letters[label] == str(label) else letters[label]
            if signs := " ".join(filter(None, (hue, sign))):
                entries.append(f"{signs}: {label}")
        return ", ".join(entries)
