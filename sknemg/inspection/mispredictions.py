"""Examples of mispredicted recordings, for each pair of true and predicted class."""

from __future__ import annotations

from itertools import permutations
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import check_consistent_length

from sknemg.divote.fitted import open_model
from sknemg.divote.levels import class_columns
from sknemg.inspection._style import NAME, abbreviated_names, class_colors, divide, new_axes
from sknemg.inspection.trace import plot_overview
from sknemg.recordings import Recordings
from sknemg.recordings._subjects import check_labels


class MispredictionDisplay:
    """An example of each kind of error: true → predicted, with the trace.

    Parameters
    ----------
    X : Recordings of signals
    y_true, y_pred : array-like of shape (n_recordings,)
    confidence : array-like of shape (n_recordings,), default=None
        Score of the predicted class. The most confident error of each kind is shown, or the first
        one where the confidence is not given.
    classes : sequence of labels, default=None
        All classes, which have their colours among them; by default those that occur.

    Attributes
    ----------
    rows_ : dict of (true, predicted) to ndarray
        Rows of `X` with this error, the most confident first.
    figure_ : Figure
    ax_ : ndarray of Axes
    text_ : list of Text
        The titles.

    References
    ----------
    I. Yoo et al., Figure S5.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from sknemg import Recordings
    >>> from sknemg.inspection import MispredictionDisplay
    >>> X = Recordings(np.zeros((3, 100)), sfreq=100)
    >>> display = MispredictionDisplay.from_predictions(
    ...     X, ["normal", "normal", "myopathy"], ["normal", "myopathy", "normal"],
    ...     ax=Figure().subplots(),
    ... )
    >>> [text.get_text() for text in display.text_]
    ['M → NL (1 of 1)', 'NL → M (1 of 2)']
    """

    def __init__(
        self,
        X: Recordings,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        confidence: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ):
        self.X = X
        self.y_true = np.asarray(y_true)
        self.y_pred = np.asarray(y_pred)
        self.confidence = confidence
        self.classes = classes

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Recordings,
        y: ArrayLike,
        *,
        limit: float | None = None,
        ax: Any = None,
    ) -> Self:
        """Score each recording by itself and show the errors.

        Parameters
        ----------
        estimator : fitted model
            A model from signals to diagnoses with a DiVoteClassifier inside (Pipeline, search,
            calibrated or soft voting classifier; of several, the weighted mean counts), or a
            classifier that scores each row of `X` by itself. What counts is the recording's own
            score, not that of its subject.
        X : Recordings of signals
        y : array-like of shape (n_recordings,)
        limit : float, default=None
            As in `plot`.
        ax : Axes, default=None

        Returns
        -------
        MispredictionDisplay

        Raises
        ------
        TypeError
            If the model answers for subjects only.
        ValueError
            If `X` holds segments, if `y` does not fit the rows, or if there is no error to show.
        """
        _check_signals(X)
        opened = open_model(estimator)
        labels = check_labels(y, len(X))
        table = class_columns(opened.recordings(X), opened.classes.tolist())
        scores = table.to_numpy(dtype=float)
        scored = np.flatnonzero(~np.isnan(scores).any(axis=1))  # without segments: no prediction
        y_pred = opened.decide(scores[scored])
        column = np.searchsorted(opened.classes, y_pred)
        sure = np.take_along_axis(scores[scored], column[:, None], axis=1)[:, 0]
        display = cls(
            X[scored], labels[scored], y_pred, confidence=sure, classes=opened.classes.tolist()
        )
        return display.plot(ax, limit=limit)

    @classmethod
    def from_predictions(
        cls,
        X: Recordings,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        confidence: ArrayLike | None = None,
        limit: float | None = None,
        ax: Any = None,
    ) -> Self:
        """Show the errors of given predictions.

        Parameters
        ----------
        X : Recordings of signals
        y_true, y_pred : array-like of shape (n_recordings,)
        confidence : array-like of shape (n_recordings,), default=None
            Score of the predicted class.
        limit : float, default=None
            As in `plot`.
        ax : Axes, default=None

        Returns
        -------
        MispredictionDisplay
        """
        return cls(X, y_true, y_pred, confidence=confidence).plot(ax, limit=limit)

    def plot(self, ax: Any = None, *, limit: float | None = None) -> Self:
        """Draw one recording for each kind of error that occurred.

        Parameters
        ----------
        ax : Axes, default=None
            A new figure by default.
        limit : float, default=None
            Ends of every y axis in mV; by default each trace has its own scale.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If no recording is mispredicted.
        """
        _check_signals(self.X)
        check_consistent_length(self.X, self.y_true, self.y_pred)
        self.rows_ = self._sort()
        if not self.rows_:
            raise ValueError("No recording is mispredicted: give recordings with an error.")
        n = len(self.rows_)
        ax = new_axes(ax, (9, 0.5 + 1.7 * -(-n // 2)))
        self.figure_, self.text_ = ax.figure, []
        self.ax_ = divide(ax, -(-n // 2), min(n, 2)).ravel()
        known = unique_labels(self.y_true, self.y_pred).tolist()
        known = known if self.classes is None else [*np.asarray(self.classes).tolist(), *known]
        colors, names = class_colors(known), abbreviated_names(dict.fromkeys(known))
        for axes, ((true, predicted), rows) in zip(self.ax_, self.rows_.items(), strict=False):
            row = int(rows[0])
            rate = float(self.X["sfreq"].iloc[row])
            plot_overview(axes, self.X[row], rate, color=colors[true])
            if limit is not None:
                axes.set_ylim(limit, -limit)
            axes.set(xlabel="time (s)", xlim=(0, len(self.X[row]) / rate))
            total = int(np.sum(self.y_true == true))
            middle = "\n→ " if len(names[true] + names[predicted]) > NAME else " → "
            title = f"{names[true]}{middle}{names[predicted]} ({len(rows)} of {total})"
            self.text_.append(axes.set_title(title, fontsize="medium"))
        for axes in self.ax_[n:]:
            axes.set_axis_off()
        return self

    def _sort(self) -> dict[tuple[Any, Any], NDArray[Any]]:
        sure = np.zeros(len(self.X)) if self.confidence is None else np.asarray(self.confidence)
        order = np.argsort(-sure, kind="stable")
        found = {}
        for pair in permutations(unique_labels(self.y_true, self.y_pred), 2):
            wrong = (self.y_true[order] == pair[0]) & (self.y_pred[order] == pair[1])
            if wrong.any():
                found[pair] = order[wrong]
        return found


def _check_signals(X: Recordings) -> None:
    if X.item_shape != ():
        raise ValueError("X holds segments or images: give signals, and the model that cuts them.")
