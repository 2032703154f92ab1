"""Functions from recordings to recordings of one rate, and to windows of them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.preprocessing.activity import ActivityGate
from sknemg.recordings import Recordings, Windows
from sknemg.recordings._convert import common_sfreq
from sknemg.recordings._plausible import kilohertz_hint
from sknemg.recordings._problems import listed, raise_problems, rows_of
from sknemg.recordings.windows import offsets_of
from sknemg.signal import LARGEST_RATIO, n_window_samples, resample, window_starts


def bring_to_rate(
    X: Recordings, sfreq: float, *, method: str = "soxr", upsample: bool = False
) -> Recordings:
    """Bring every recording to one sampling rate, as :class:`~sknemg.Downsampler` does.

    Parameters
    ----------
    X : Recordings of signals
    sfreq : float
        The new rate in hertz.
    method : {"soxr", "polyphase", "fft"}, default="soxr"
    upsample : bool, default=False

    Returns
    -------
    Recordings
    """
    rates = X["sfreq"].to_numpy(dtype=float)
    far = np.abs(np.log(rates / sfreq)) > np.log(LARGEST_RATIO)
    if far.any():
        named = np.flatnonzero(far)
        raise_problems(
            named,
            [
                f"sampled at {rates[row]:.10g} Hz{kilohertz_hint(rates[row])}, for {sfreq:.10g} Hz"
                for row in named
            ],
            f"give rates in hertz, less than a factor of {LARGEST_RATIO} apart",
        )
    low = np.flatnonzero(rates < sfreq)
    if low.size and not upsample:
        hints = [kilohertz_hint(rates[row]) for row in low]
        ways = "lower `sfreq`, leave the recording out or set upsample=True"
        raise_problems(
            low,
            [
                f"sampled at {rates[row]:.10g} Hz{hint}, below {sfreq:.10g} Hz"
                for row, hint in zip(low, hints, strict=True)
            ],
            f"give the rate in hertz if it is in kilohertz; else {ways}" if any(hints) else ways,
        )
    rows = [
        signal if rate == sfreq or not len(signal) else resample(signal, rate, sfreq, method=method)  # type: ignore[arg-type]
        for signal, rate in zip(X, rates, strict=True)
    ]
    offsets = offsets_of([len(row) for row in rows])
    values = np.concatenate(rows) if rows else X.values
    return X.with_values(values, offsets, sfreq=float(sfreq))


def cut_windows(
    X: Recordings, *, window: float, hop: float, short: str = "raise", activity: str | None = None
) -> Recordings:
    """Cut every recording into overlapping windows, as :class:`~sknemg.Segmenter` does.

    Parameters
    ----------
    X : Recordings of signals
        Of one rate.
    window, hop : float
        Seconds.
    short : {"raise", "drop", "pad"}, default="raise"
    activity : {"contraction", "rest", "artefact"} or None, default=None

    Returns
    -------
    Recordings of segments
    """
    sfreq = common_sfreq(X)
    n_times = n_window_samples(sfreq, window) if len(X) else 1
    if activity is None:
        stretches = [np.array([[0, n]]) for n in X.lengths]
    else:
        stretches = _stretches_of(X, sfreq, activity)
    starts = [_starts(row, sfreq, window, hop) for row in stretches]
    lacking = np.array([len(row) == 0 for row in starts], dtype=bool)
    if lacking.any() and short == "raise":
        rows = np.flatnonzero(lacking)
        raise_problems(
            rows,
            [
                _too_short(X.lengths[row] / sfreq, stretches[row], sfreq, window, activity)
                for row in rows
            ],
            "leave the recording out or set short='drop' or short='pad'",
        )
    if short == "pad":
        starts = [
            row if len(row) else own[np.argsort(-np.ptp(own, axis=1), kind="stable")[:1], 0]
            for row, own in zip(starts, stretches, strict=True)
        ]
    offsets = offsets_of([len(row) for row in starts])
    longest = [np.ptp(own, axis=1).max(initial=0) for own in stretches]
    windows = Windows(
        X.values,
        np.concatenate([X.offsets[:0], *starts]) + np.repeat(X.offsets[:-1], np.diff(offsets)),
        n_times,
        np.repeat(np.minimum(longest, n_times).astype(np.int64), np.diff(offsets)),
    )
    columns: dict[str, Any] = {"window": n_times / sfreq}
    if activity is None:
        columns["hop"] = float(hop)
    else:
        columns["activity_seconds"] = [np.ptp(own, axis=1).sum() / sfreq for own in stretches]
    return X.with_values(windows, offsets, **columns)


def _stretches_of(X: Recordings, sfreq: float, activity: str) -> list[NDArray[np.int64]]:
    """First sample of each stretch to be cut, and the one behind its last; warn of hum."""
    stretches, drowned = [], []
    for row, signal in enumerate(X):
        found: pd.DataFrame = ActivityGate().stretches(signal, sfreq)
        found = found[found["kind"] == activity]
        edges = found[["start", "stop"]].to_numpy(dtype=float).reshape(-1, 2)
        stretches.append(np.rint(edges * sfreq).astype(np.int64))
        if activity == "contraction" and found["mains"].any():
            drowned.append(row)
    if drowned:
        warnings.warn(
            f"Mains hum is larger than the EMG in {listed(rows_of(X.meta, drowned), 'row')}: "
            "put a BandPass before the Segmenter, which takes it out, or leave such recordings "
            "out.",
            stacklevel=6,
        )
    return stretches


def _starts(
    stretches: NDArray[np.int64], sfreq: float, window: float, hop: float
) -> NDArray[np.int64]:
    found = [
        start + window_starts(stop - start, sfreq, window, hop)
        for start, stop in stretches.tolist()
    ]
    return np.concatenate([np.empty(0, dtype=np.int64), *found])


def _too_short(
    seconds: float, stretches: NDArray[np.int64], sfreq: float, window: float, activity: str | None
) -> str:
    if activity is None:
        return f"{seconds:g} s long, one window is {window:g} s"
    longest = np.ptp(stretches, axis=1).max(initial=0) / sfreq
    return (
        f"at most {longest:g} s of {activity} at once in {seconds:g} s, one window is {window:g} s"
    )
