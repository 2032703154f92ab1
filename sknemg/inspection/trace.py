"""A recording as a raster of sweeps with divisions, negative up, and the scores below it."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sknemg.divote.fitted import open_model
from sknemg.divote.levels import class_columns
from sknemg.inspection._style import (
    GREY,
    columns_that_fit,
    divide,
    inches_of,
    legend,
    new_axes,
    shade,
    short_names,
    stacked_scores,
)
from sknemg.recordings import Recordings
from sknemg.recordings._problems import check_counts
from sknemg.signal.rates import is_number

GAINS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # mV/div
_SPACING = 2  # divisions from one sweep to the next
_TITLE = 90  # characters above them


class TraceDisplay:
    """A recording as a raster of sweeps, with the scores of its segments below.

    Parameters
    ----------
    signal : array-like of shape (n_times,)
        In mV.
    sfreq : float
        Sampling rate in Hz.
    scores : DataFrame of n_segments rows, default=None
        ``start`` in seconds, and a column of scores for each class, to be drawn below.
    window, hop : float, default=None
        Length of a segment, and time from the start of one to that of the next, in seconds;
        needed with `scores`.
    title : str, default=""

    Attributes
    ----------
    figure_ : Figure
    ax_ : Axes
        The raster.
    score_axes_ : tuple of Axes or None
        The whole trace, and the scores.
    text_ : Text
        The scale.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from sknemg import Recordings
    >>> from sknemg.inspection import TraceDisplay
    >>> noise = np.random.default_rng(0).normal(0, 0.1, 5000)
    >>> X = Recordings([noise], sfreq=10_000, muscle="biceps brachii")
    >>> display = TraceDisplay.from_recording(X, 0, ax=Figure().subplots())
    >>> display.text_.get_text()
    '10 ms/div, 200 µV/div, negative up'
    """

    def __init__(
        self,
        signal: ArrayLike,
        sfreq: float,
        *,
        scores: pd.DataFrame | None = None,
        window: float | None = None,
        hop: float | None = None,
        title: str = "",
    ):
        self.signal = np.asarray(signal, dtype=float)
        self.sfreq = sfreq
        self.scores = scores
        self.window = window
        self.hop = hop
        self.title = title

    @classmethod
    def from_recording(cls, X: Recordings, row: int, *, ax: Any = None, **kwargs: Any) -> Self:
        """Draw one recording.

        Parameters
        ----------
        X : Recordings of signals
        row : int
        ax : Axes, default=None
        **kwargs
            Passed on to `plot`.

        Returns
        -------
        TraceDisplay
        """
        return cls(*_read(X, row), title=_title(X, row)).plot(ax, **kwargs)

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Recordings, row: int, *, ax: Any = None, **kwargs: Any
    ) -> Self:
        """Draw one recording with the scores that a model gives its segments.

        Parameters
        ----------
        estimator : fitted model
            A model from signals to diagnoses with a DiVoteClassifier inside: a Pipeline, a search,
            or a CalibratedClassifierCV or soft VotingClassifier of them, of which the weighted
            mean of the members' scores is drawn.
        X : Recordings of signals
        row : int
        ax : Axes, default=None
        **kwargs
            Passed on to `plot`.

        Returns
        -------
        TraceDisplay

        Raises
        ------
        TypeError
            If `estimator` has no DiVoteClassifier inside that can be reached.
        ValueError
            If `X` holds segments, or if the members of an ensemble cut different windows.
        """
        signal, sfreq = _read(X, row)
        row = range(len(X))[row]
        opened = open_model(estimator)
        levels = opened.levels(X[[row]])
        window, hop = levels.window_and_hop()
        scores = class_columns(levels.items, opened.classes.tolist())
        scores = scores.assign(start=levels.items["start"])
        display = cls(signal, sfreq, scores=scores, window=window, hop=hop, title=_title(X, row))
        return display.plot(ax, **kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        ms_per_div: float = 10.0,
        gain: float | None = None,
        n_divs: int = 10,
        n_sweeps: int = 15,
        start: float = 0.0,
    ) -> Self:
        """Draw the raster, and the scores if there are any.

        Parameters
        ----------
        ax : Axes, default=None
            A new figure by default.
        ms_per_div : float, default=10
            Sweep speed.
        gain : float, default=None
            mV per division. By default the finest of the usual gains at which 99.5 % of the
            samples lie within two divisions.
        n_divs : int, default=10
            Divisions per sweep.
        n_sweeps : int, default=15
            Largest number of sweeps.
        start : float, default=0
            Start of the first sweep, in seconds.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If `start` lies outside of the recording, or another number is not above 0.
        """
        check_counts(n_divs=n_divs, n_sweeps=n_sweeps)
        duration = len(self.signal) / self.sfreq
        if not is_number(start) or not 0 <= start <= duration:
            raise ValueError(f"start={start!r} must be from 0 to {duration:g} s, the recording.")
        gain = fitting_gain(self.signal) if gain is None else gain
        for name, value in {"ms_per_div": ms_per_div, "gain": gain}.items():
            if not is_number(value) or value <= 0:
                raise ValueError(f"{name}={value!r} must be a number > 0.")
        n_times = round(ms_per_div * n_divs * self.sfreq / 1e3)
        if n_times < 1:
            raise ValueError(
                f"A sweep of ms_per_div={ms_per_div:g} and n_divs={n_divs} has no sample at "
                f"{self.sfreq:g} Hz: give more milliseconds."
            )
        ax = new_axes(ax, (8, 6) if self.scores is None else (8, 8))
        self.figure_, self.score_axes_ = ax.figure, None
        first = round(start * self.sfreq)
        n_sweeps = max(1, min(n_sweeps, -(-(len(self.signal) - first) // n_times)))
        if self.scores is not None:
            parts = divide(ax, 3, 1, height_ratios=[6, 1.2, 1])[:, 0]
            ax, self.score_axes_ = parts[0], (parts[1], parts[2])
            span = (first / self.sfreq, (first + n_sweeps * n_times) / self.sfreq)
            self._plot_scores(*self.score_axes_, span)
        self.ax_ = ax
        for sweep in range(n_sweeps):
            samples = self.signal[first + sweep * n_times :][:n_times]
            time = np.arange(len(samples)) / self.sfreq * 1e3
            ax.plot(time, samples / gain + sweep * _SPACING, color=shade(0), linewidth=0.6)
        starts = start + np.arange(n_sweeps) * n_times / self.sfreq
        self._label(ax, ms_per_div, gain, n_divs, starts)
        return self

    def _label(self, ax: Any, ms_per_div: float, gain: float, n_divs: int, starts: Any) -> None:
        at = np.arange(len(starts)) * _SPACING
        bottom = at[-1] + 1.5 * _SPACING
        ax.set(
            xlim=(0, ms_per_div * n_divs),
            xticks=np.arange(n_divs + 1) * ms_per_div,
            xlabel="time in the sweep (ms)",
            ylim=(bottom, -1.5 * _SPACING),  # downwards: negative is up
            ylabel="start of the sweep (s)",
            title=self.title,
        )
        off = {digits: np.abs(starts - starts.round(digits)).max() for digits in (2, 3, 4)}
        digits = next((digits for digits, most in off.items() if most < 0.05 / 10**digits), 5)
        ax.set_yticks(at, [f"{start:.{digits}f}" for start in starts])
        ax.grid(axis="x", color=GREY, linewidth=0.4, linestyle=":")
        edge = ms_per_div * n_divs * 1.012
        ax.plot(
            [edge, edge], [at[-1] - 0.5, at[-1] + 0.5], color=shade(0), linewidth=2.5, clip_on=False
        )
        size = f"{gain:g} mV" if gain >= 1 else f"{gain * 1e3:g} µV"
        self.text_ = ax.text(
            1.0,
            1.01,
            f"{ms_per_div:g} ms/div, {size}/div, negative up",
            transform=ax.transAxes,
            ha="right",
            va="bottom",
            fontsize="small",
        )
        title = short_names([self.title], _TITLE)[self.title]
        above = "\n" if len(title) > _TITLE // 2 else ""  # of the scales
        ax.set_title(title + above, loc="left", fontsize="medium")
        ax.set_title("")

    def _plot_scores(self, trace: Any, bars: Any, span: tuple[float, float]) -> None:
        assert self.scores is not None
        duration = len(self.signal) / self.sfreq
        plot_overview(trace, self.signal, self.sfreq)
        trace.axvspan(*span, color=shade(0.9), zorder=0)
        trace.set(xlim=(0, duration), xticklabels=[])
        classes = self.scores.drop(columns="start")
        if self.window is None or self.hop is None:
            raise ValueError(
                f"window={self.window} and hop={self.hop} do not place the scores: give both, in "
                "seconds."
            )
        # Windows overlap: a bar of one hop stands in the middle of its window.
        left = self.scores["start"] + (self.window - self.hop) / 2
        stacked_scores(bars, left, self.hop, classes)
        bars.set(xlim=(0, duration), xlabel="time (s)")
        columns = columns_that_fit(classes.columns, inches_of(bars))
        legend(bars, loc="upper center", bbox_to_anchor=(0.5, -0.55), ncols=columns)


def fitting_gain(signal: ArrayLike) -> float:
    """Choose mV per division so that 99.5 % of the samples lie within two divisions.

    Examples
    --------
    >>> fitting_gain([0.0, 0.3, -0.3]), fitting_gain([100.0])
    (0.2, 10.0)
    """
    size = np.quantile(np.abs(signal), 0.995) if np.size(signal) else 0.0
    return next((gain for gain in GAINS if size <= 2 * gain), GAINS[-1])


def plot_overview(ax: Any, signal: ArrayLike, sfreq: float, **kwargs: Any) -> None:
    """Draw a whole signal against seconds, negative up."""
    signal = np.asarray(signal)
    ax.plot(
        np.arange(len(signal)) / sfreq, signal, **{"color": shade(0.2), "linewidth": 0.4, **kwargs}
    )
    size = max(np.abs(signal).max(initial=0), 1e-3) * 1.05
    ax.set(ylim=(size, -size), ylabel="mV")


def _read(X: Recordings, row: int) -> tuple[Any, float]:
    if X.item_shape != ():
        raise ValueError("X holds segments or images: give signals, and the model that cuts them.")
    row = range(len(X))[row]
    return X[row], float(X["sfreq"].iloc[row])


def _title(X: Recordings, row: int) -> str:
    """Say whose recording of which muscle it is, as far as is known."""
    known = [name for name in ("subject", "muscle", "location") if name in X]
    values = X.meta.iloc[row][known]
    return ", ".join(str(value) for value in values if not pd.isna(value))
