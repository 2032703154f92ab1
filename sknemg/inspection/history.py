"""The course of a training: loss and validation score against updates."""

from __future__ import annotations

from typing import Any, Self

import pandas as pd

from sknemg.divote.fitted import open_model
from sknemg.inspection._style import GREY, divide, legend, new_axes, shade


class TrainingHistoryDisplay:
    """Loss and validation score against updates, with the update whose weights were kept.

    Parameters
    ----------
    history : DataFrame
        ``history_`` of a segment classifier.

    Attributes
    ----------
    figure_ : Figure
    ax_ : ndarray of Axes
        Loss and, if there was validation, accuracy.
    text_ : Text or None
        Beside the update whose weights were kept.

    Examples
    --------
    >>> import pandas as pd
    >>> from matplotlib.figure import Figure
    >>> from sknemg.inspection import TrainingHistoryDisplay
    >>> history = pd.DataFrame(
    ...     {"update": [50, 100], "train_loss": [1.0, 0.5], "valid_loss": [1.0, 0.8],
    ...      "valid_accuracy": [0.4, 0.7], "best": [False, True]}
    ... )
    >>> TrainingHistoryDisplay(history).plot(Figure().subplots()).text_.get_text()
    'kept: 70 % at update 100'
    """

    def __init__(self, history: pd.DataFrame):
        self.history = history

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> Self:
        """Draw how a network was trained.

        Parameters
        ----------
        estimator : fitted model with one network inside
            A segment classifier with ``history_``, or a DiVoteClassifier, Pipeline, search,
            calibrated or soft voting classifier around one.
        ax : Axes, default=None

        Returns
        -------
        TrainingHistoryDisplay

        Raises
        ------
        TypeError
            If there is no network inside, or more than one; the message names them.
        """
        network = open_model(estimator).network("history_")
        history = network.classifier.history_
        if not isinstance(history, pd.DataFrame):
            raise TypeError(
                f"The history_ of {type(network.classifier).__name__} ({network.path}) is no "
                "DataFrame: give a NEMGNetClassifier or TimmClassifier."
            )
        return cls(history).plot(ax)

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
        history = self.history
        validated = "valid_accuracy" in history and bool(history["valid_accuracy"].notna().any())
        ax = new_axes(ax, (6, 5 if validated else 3))
        self.figure_, self.text_ = ax.figure, None
        self.ax_ = divide(ax, 2 if validated else 1, 1, sharex=True)[:, 0]
        update = history["update"]
        self.ax_[0].plot(update, history["train_loss"], "-", color=shade(0), label="training")
        if validated:
            self.ax_[0].plot(
                update, history["valid_loss"], "--", color=shade(0.4), label="validation"
            )
            self.ax_[1].plot(update, history["valid_accuracy"] * 100, "--", color=shade(0.4))
            self.ax_[1].set(ylabel="validation\naccuracy (%)", ylim=(0, 100))
            best = history[history["best"]].iloc[0]
            for axes in self.ax_:
                axes.axvline(best["update"], color=GREY, linewidth=1, linestyle=":")
            text = f"kept: {best['valid_accuracy']:.0%} at update {best['update']:.0f}"
            text = text.replace("%", " %")
            place = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
            late = best["update"] > update.max() / 2
            self.text_ = self.ax_[1].annotate(
                text, (best["update"], 0.06), (-4 if late else 4, 0), **place,
                ha="right" if late else "left", fontsize="small",
            )  # fmt: skip
        self.ax_[0].set_ylabel("loss (nats)")
        self.ax_[0].set_ylim(bottom=0)
        self.ax_[-1].set_xlabel("updates")
        legend(self.ax_[0])
        return self
