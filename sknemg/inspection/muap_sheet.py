"""The sheet of a muscle: its motor unit action potentials, and their measures beside the norms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd

from sknemg.inspection._style import GREY, divide, legend, new_axes, shade, short_names
from sknemg.muap import MotorUnit, MuapReference, find_units
from sknemg.muap.potential import turns_of
from sknemg.recordings import Recordings
from sknemg.recordings._problems import shown

_TITLE = 90  # characters
_UNITS = {"amplitude": ("mV", 1.0), "duration": ("ms", 1e3)}


class MuapSheetDisplay:
    """Motor unit action potentials of one muscle on a common scale, and their measures.

    Negative is up, as physicians look at it. Bars mark onset and end, dots the turns. In the
    histograms, dashed lines are the outlier limits, and the grey band is the mean of healthy
    muscles with two standard deviations.

    Parameters
    ----------
    units : sequence of MotorUnit
    summary : DataFrame
        As of :meth:`sknemg.muap.MuapReference.summary`, of this muscle alone.
    title : str, default=""

    Attributes
    ----------
    figure_ : Figure
    axes_ : ndarray of Axes
        Those of the potentials, then the histograms.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from sknemg import Recordings
    >>> from sknemg.inspection import MuapSheetDisplay
    >>> rng = np.random.default_rng(0)
    >>> wave = np.interp(np.arange(81), [0, 20, 30, 40, 80], [0, 0.1, -0.6, 0.15, 0])
    >>> signal = rng.normal(0, 0.003, size=60_000)
    >>> for start in np.arange(1000, 59_000, 2000) + rng.integers(-200, 200, size=29):
    ...     signal[start : start + 81] += wave
    >>> X = Recordings([signal], sfreq=20_000, muscle="biceps brachii")
    >>> display = MuapSheetDisplay.from_recordings(X, ax=Figure().subplots())
    >>> len(display.units), display.summary["conclusion"].iloc[0]
    (1, 'fewer than 20 potentials')
    """

    def __init__(self, units: Sequence[MotorUnit], summary: pd.DataFrame, *, title: str = ""):
        self.units = units
        self.summary = summary
        self.title = title

    @classmethod
    def from_recordings(
        cls, X: Recordings, *, reference: MuapReference | None = None, ax: Any = None
    ) -> Self:
        """Measure the recordings of one muscle of one subject and draw the sheet.

        Parameters
        ----------
        X : Recordings of signals
            With the column ``muscle``.
        reference : MuapReference, default=None
            The published norms by default.
        ax : Axes, default=None

        Returns
        -------
        MuapSheetDisplay

        Raises
        ------
        ValueError
            If `X` holds several muscles or subjects, no motor unit, or a muscle without norms.
        """
        for column in ("muscle", "subject"):
            names = X[column].unique() if column in X else []
            if len(names) > 1:
                raise ValueError(f"X holds the {column}s {shown(names)}: give rows of one.")
        reference = MuapReference() if reference is None else reference
        units = [
            unit
            for signal, sfreq in zip(X, X["sfreq"], strict=True)
            for unit in find_units(signal, float(sfreq))
        ]
        if not units:
            raise ValueError("No motor unit was found: give recordings of a light contraction.")
        table = pd.DataFrame([unit.measures for unit in units])
        if "muscle" in X:
            table["muscle"] = X["muscle"].iloc[0]
        known = [str(X[name].iloc[0]) for name in ("subject", "muscle") if name in X]
        return cls(units, reference.summary(table), title=", ".join(known)).plot(ax)

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
        n_cols = 6
        n_rows = -(-len(self.units) // n_cols)
        ax = new_axes(ax, (10, 2.9 + 1.0 * n_rows))
        self.figure_ = ax.figure
        shown_ = self.summary[self.summary["parameter"].isin(list(_UNITS))]
        heights = [0.3, max(n_rows, 1) * 1.0, 1.9]
        head, top, bottom = divide(ax, 3, 1, height_ratios=heights, hspace=0.25)[:, 0]
        potentials = divide(top, n_rows, n_cols, sharex=True, sharey=True, wspace=0.05, hspace=0.05)
        histograms = divide(bottom, 1, max(len(shown_), 1), wspace=0.25)
        head.set_axis_off()
        look = {"va": "center", "fontsize": "large", "in_layout": False}
        title = short_names([self.title], _TITLE)[self.title]
        head.text(0, 0.5, title, transform=head.transAxes, **look)
        self._draw_potentials(potentials.ravel())
        for axes, row in zip(histograms.ravel(), shown_.itertuples(), strict=False):
            self._draw_histogram(axes, row)
        self.axes_ = np.concatenate([potentials.ravel(), histograms.ravel()])
        return self

    def _draw_potentials(self, axes: Any) -> None:
        spans = [(unit.measures["onset"], unit.measures["end"]) for unit in self.units]
        left, right = 1e3 * min(a for a, _ in spans) - 2, 1e3 * max(b for _, b in spans) + 2
        size = max(np.abs(unit.template).max() for unit in self.units)
        for one, unit in zip(axes, self.units, strict=False):
            time = 1e3 * (np.arange(len(unit.template)) - len(unit.template) // 2) / unit.sfreq
            one.plot(time, unit.template, color=shade(0), linewidth=0.8)
            for edge in (unit.measures["onset"], unit.measures["end"]):
                one.plot([1e3 * edge] * 2, [-0.25 * size, 0.25 * size], color="C3", linewidth=0.8)
            turns = turns_of(unit.template, unit.sfreq, noise=unit.measures["noise"])
            one.plot(time[turns], unit.template[turns], ".", color="C0", markersize=4)
        for one in axes:
            one.set_axis_off()
        scale = axes[0]
        scale.set(xlim=(left, right), ylim=(1.05 * size, -1.05 * size))  # negative up
        step = 10.0 ** np.floor(np.log10(size))
        scale.plot([left + 0.5] * 2, [0.95 * size, 0.95 * size - step], color=GREY, linewidth=2)
        scale.plot([left + 0.5, left + 5.5], [0.95 * size] * 2, color=GREY, linewidth=2)
        scale.annotate(
            f"{step:g} mV, 5 ms, negative up",
            (left + 1, 0.9 * size),
            fontsize="x-small",
            color=shade(0.3),
        )

    def _draw_histogram(self, axes: Any, row: Any) -> None:
        unit, factor = _UNITS[row.parameter]
        values = factor * np.array([one.measures[row.parameter] for one in self.units])
        mean, sd = factor * row.norm_mean, factor * row.norm_sd
        z = round(row.z, 1) + 0.0  # no -0.0
        edges = np.array([row.low, row.high]) * factor
        ends = np.array([values.min(), values.max(), mean - 2 * sd, mean + 2 * sd, *edges])
        low, high = np.nanmin(ends), np.nanmax(ends)
        axes.axvspan(mean - 2 * sd, mean + 2 * sd, color=shade(0.9), label="mean of normals ± 2 SD")
        counts, *_ = axes.hist(values, bins=np.linspace(low, high, 25), color="C0")
        for k, edge in enumerate(edges[np.isfinite(edges)]):
            label = "outlier limits" if k == 0 else None
            axes.axvline(edge, color="C3", linestyle="--", label=label)
        axes.axvline(values.mean(), color=shade(0), label=f"mean {values.mean():.3g}, z = {z:.1f}")
        many = "s" if row.n != 1 else ""
        axes.set(
            ylim=(0, 1.7 * counts.max()),  # room for the legend
            xlabel=f"{row.parameter} ({unit})",
            ylabel="potentials",
            title=f"{row.n} potential{many}, {row.n_low} low, {row.n_high} high: {row.conclusion}",
        )
        axes.title.set_fontsize("small")
        axes.yaxis.get_major_locator().set_params(integer=True)
        legend(axes, loc="upper right")
