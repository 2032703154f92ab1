"""Quality of raw signals: flat stretches, clipping and level."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.recordings import Recordings
from sknemg.recordings._problems import capped
from sknemg.signal import SignalLevel, describe_signal, run_lengths


def quality(X: Recordings) -> pd.DataFrame:
    """Describe the samples of each recording.

    Parameters
    ----------
    X : Recordings
        Signals.

    Returns
    -------
    DataFrame of n_recordings rows
        ``recording`` (the name in the column ``recording``, else ``file``, else the row),
        ``duration`` (s), ``rms`` and ``peak`` (mV, about the mean), ``flat_seconds`` (longest
        run of one repeated value), ``flat_fraction`` (share of samples in such runs of 20 ms or
        more) and ``clipped_fraction`` (share of samples that lie three or more in a row within
        0.02 % of the peak-to-peak amplitude of the recording's largest or smallest value).

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> from sknemg.datasets import quality
    >>> wave = np.sin(np.arange(10_000) / 10)
    >>> dead = np.where(np.arange(10_000) < 4_000, wave, 0)
    >>> X = Recordings([wave, dead, wave.clip(-0.5, 0.9)], sfreq=10_000)
    >>> quality(X)[["flat_seconds", "flat_fraction", "clipped_fraction"]].round(2)
       flat_seconds  flat_fraction  clipped_fraction
    0           0.0            0.0              0.00
    1           0.6            0.6              0.00
    2           0.0            0.0              0.48
    """
    if X.item_shape != ():
        raise ValueError(
            "X holds segments or images, not signals: give what comes before the Segmenter."
        )
    rows = [describe_signal(signal, rate) for signal, rate in zip(X, X["sfreq"], strict=True)]
    table = pd.DataFrame(rows, columns=SignalLevel._fields, index=X.meta.index)
    table.insert(0, "recording", _names(X))
    table.insert(1, "duration", X.durations)
    return table


def warn_if_flat(X: Recordings, limit: float = 0.5, *, stacklevel: int = 2) -> None:
    """Warn once, naming every recording that repeats one value for `limit` seconds or longer."""
    flat = [_longest_flat(signal) / rate for signal, rate in zip(X, X["sfreq"], strict=True)]
    named = [
        f"{name} ({seconds:.2f} of {duration:.2f} s)"
        for name, seconds, duration in zip(_names(X), flat, X.durations, strict=True)
        if seconds >= limit
    ]
    if named:
        warnings.warn(
            f"Flat for {limit:g} s or longer, as a channel that was off or saturated, "
            f"{capped(named)}: look at sknemg.datasets.quality(X), and leave out "
            "what carries no signal.",
            stacklevel=stacklevel + 1,
        )


def _names(X: Recordings) -> list[str]:
    for column in ("recording", "file"):
        if column in X and X[column].notna().all():
            return X[column].astype(str).tolist()
    return [str(row) for row in range(len(X))]


def _longest_flat(signal: NDArray[Any]) -> int:
    runs = run_lengths(np.diff(signal) == 0)
    return int(runs.max(initial=-1)) + 1
