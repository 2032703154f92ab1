"""Recordings as a browser receives them: 16-bit samples with a scale, at their own rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sknemg.recordings import Recordings


@dataclass(frozen=True)
class Trace:
    """One recording, ready to be sent.

    Parameters
    ----------
    samples : bytes
        16-bit integers, little-endian.
    scale : float
        Millivolts per unit.
    sfreq : float
        In hertz.
    about : dict
        What may be shown of the recording: its muscle, location and side.
    """

    samples: bytes
    scale: float
    sfreq: float
    about: dict[str, str]

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return len(self.samples) / 2 / self.sfreq


def as_traces(X: Recordings, shown: tuple[str, ...] = ()) -> list[Trace]:
    """Turn recordings into 16-bit samples, each with a scale of its own.

    The largest sample becomes 32767, so that rounding moves a sample by at most half of a
    32767th of it.

    Parameters
    ----------
    X : Recordings
        Signals in millivolts.
    shown : tuple of str, default=()
        Columns that may be shown; nothing else is passed on.

    Returns
    -------
    list of Trace, one for each recording

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> from sknemg.labeler import as_traces
    >>> (trace,) = as_traces(Recordings([[0.0, 1.0, -2.0]], sfreq=48_000))
    >>> np.frombuffer(trace.samples, "<i2") * trace.scale
    array([ 0.        ,  1.00003052, -2.        ])
    """
    traces = []
    for row, signal in enumerate(X):
        peak = float(np.max(np.abs(signal), initial=0.0))
        scale = peak / 32767 if peak > 0 else 1.0
        samples = np.round(np.asarray(signal, dtype=float) / scale).astype("<i2")
        about = {
            str(name): str(X[name].iloc[row])
            for name in ("muscle", "location", "side")
            if name in shown and name in X and _known(X[name].iloc[row])
        }
        traces.append(Trace(samples.tobytes(), scale, float(X["sfreq"].iloc[row]), about))
    return traces


def _known(entry: Any) -> bool:
    return not pd.isna(entry) and bool(str(entry).strip())
