"""The turns-amplitude cloud of a muscle, in the cloud of normals."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd

from sknemg.features.cloud import LEAST_TURNS, Cloud, TurnsReference
from sknemg.inspection._style import GREY, legend, new_axes, shade
from sknemg.recordings import Recordings
from sknemg.recordings._convert import with_only
from sknemg.recordings._problems import shown

_SIDES = {
    "in": ("C0", "o", "normal"),
    "high": ("C3", "^", "too high"),
    "low": ("C1", "v", "too low"),
}


class TurnsCloudDisplay:
    """Turns per second and their mean amplitude, one point per epoch, on logarithmic axes.

    The band is the cloud of normals. Triangles lie outside: above it as in neuropathy, below it as
    in myopathy.

    Parameters
    ----------
    epochs : DataFrame
        As of :meth:`sknemg.features.TurnsReference.epochs`, of one muscle.
    cloud : Cloud
        The cloud of that muscle.
    title : str, default=""

    Attributes
    ----------
    figure_ : Figure
    ax_ : Axes

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from sknemg import Recordings
    >>> from sknemg.features import TurnsReference
    >>> from sknemg.inspection import TurnsCloudDisplay
    >>> rng = np.random.default_rng(0)
    >>> sizes = np.linspace(0.1, 0.5, 24)[:, None]
    >>> signals = sizes * rng.normal(size=(24, 20_000))
    >>> X = Recordings(signals, sfreq=4000, subject=np.arange(24) % 6, muscle="deltoid")
    >>> reference = TurnsReference.from_normals(X)
    >>> display = TurnsCloudDisplay.from_recordings(X[:4], reference, ax=Figure().subplots())
    >>> display.epochs["side"].value_counts().to_dict()
    {'in': 39, 'high': 1}
    """

    def __init__(self, epochs: pd.DataFrame, cloud: Cloud, *, title: str = ""):
        self.epochs = epochs
        self.cloud = cloud
        self.title = title

    @classmethod
    def from_recordings(cls, X: Recordings, reference: TurnsReference, *, ax: Any = None) -> Self:
        """Measure the recordings of one muscle and draw the cloud.

        Parameters
        ----------
        X : Recordings of signals
            With the column ``muscle``.
        reference : TurnsReference
        ax : Axes, default=None

        Returns
        -------
        TurnsCloudDisplay

        Raises
        ------
        ValueError
            If `X` holds several muscles, or one without a cloud.
        """
        names = X["muscle"].unique() if "muscle" in X else []
        if len(names) > 1:
            raise ValueError(f"X holds the muscles {shown(names)}: give rows of one.")
        epochs = reference.epochs(with_only(X, ["subject", "muscle"]))
        subjects = X["subject"].unique() if "subject" in X else []
        title = ", ".join(map(str, [*(subjects if len(subjects) == 1 else []), *names]))
        return cls(epochs, reference.clouds[names[0]], title=title).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the cloud.

        Parameters
        ----------
        ax : Axes, default=None
            A new figure by default.

        Returns
        -------
        self
        """
        from matplotlib.ticker import LogLocator

        ax = new_axes(ax, (5.5, 4.5))
        self.ax_, self.figure_ = ax, ax.figure
        cloud, epochs = self.cloud, self.epochs
        most = max(2000.0, 1.1 * epochs["turns"].max() if len(epochs) else 0.0)
        turns = np.geomspace(LEAST_TURNS, most, 50)
        line = cloud.intercept + cloud.slope * np.log10(turns)
        ax.fill_between(
            turns,
            10 ** (line + cloud.low),
            10 ** (line + cloud.high),
            color=shade(0.9),
            label=f"{cloud.n_subjects} normals, ± 2 SD",
        )
        ax.plot(turns, 10**line, color=GREY)
        for side, (color, marker, name) in _SIDES.items():
            own = epochs[epochs["side"] == side]
            if len(own):
                label = f"{len(own)} of {len(epochs)} epochs {name}"
                ax.plot(own["turns"], own["amplitude"], marker, color=color, ms=5, label=label)
        ax.set(
            xscale="log",
            yscale="log",
            xlim=(LEAST_TURNS, most),
            xlabel="turns per second",
            ylabel="mean amplitude of a turn (mV)",
            title=self.title,
        )
        for axis in (ax.xaxis, ax.yaxis):  # 0.2 and 500, not 2 × 10⁻¹
            axis.set_minor_locator(LogLocator(subs=(2, 5)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter("{x:g}")
        legend(ax, loc="upper left")
        return self
