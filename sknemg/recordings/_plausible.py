"""Whether signals can be needle EMG in millivolts, by their amplitudes, and one warning if not."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from types import FrameType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.recordings._problems import ROW, capped, rows_of, shown

HIGHEST_PEAK = 50.0  # mV; needle EMG reaches some 30 mV
LOWEST_LEVEL = 3e-4  # mV; the thermal noise of 1 kOhm over 10 kHz is 4e-4, of a needle more
_WIDE = 20_000.0  # Hz; noise has the bandwidth of 10 kHz at this rate, of a filter beyond it
_SMALL = 0.1  # mV from peak to peak; EMG of 30 mV, given in volts, has 0.06

#: What amplitudes tell, and what it means.
AMPLITUDES = {
    "amplitude": f"a peak above {HIGHEST_PEAK:g} mV, as with a wrong unit or scale",
    "counts": "whole numbers only, as with a converter's counts or microvolts",
    "level": f"an rms below {1e3 * LOWEST_LEVEL:g} µV (at 20 kHz; at lower rates less), below the "
    "noise of most amplifiers, as with a wrong unit or scale",
    "constant": "one value throughout, as with a channel that was off",
}
LOWEST_RATE = 500.0  # Hz; needle EMG is filtered from 10 Hz to 10 kHz
KILOHERTZ = 200.0  # Hz; no machine samples at more kilohertz
LOW_RATE = f"sampled below {LOWEST_RATE:g} Hz, as with kilohertz given for hertz"
_VERY_LOW = f"sampled below {KILOHERTZ:g} Hz, as with kilohertz given for hertz"
_SHORTEST = 0.01  # s; too short for a recording
SHORT = f"shorter than {1e3 * _SHORTEST:g} ms, as with an array whose columns are the recordings"


class ImplausibleWarning(UserWarning):
    """Recordings cannot plausibly be needle EMG in millivolts as it was recorded.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from sknemg import ImplausibleWarning, Recordings
    >>> microvolts = 300 * np.sin(np.arange(1000) / 10)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", ImplausibleWarning)
    ...     X = Recordings([microvolts], sfreq=10_000, unit="uV")
    ...     try:
    ...         Recordings([microvolts], sfreq=10_000)
    ...     except ImplausibleWarning as warning:
    ...         print(str(warning).splitlines()[1])
      a peak above 50 mV, as with a wrong unit or scale: row 0 (300 mV)
    """


def warn_if_unlike_emg(
    meta: pd.DataFrame,
    values: NDArray[Any],
    offsets: NDArray[np.int64],
    *,
    names: pd.Index | None = None,
    made: bool = False,
    stacklevel: int,
) -> None:
    """List in one warning all rows that cannot plausibly be needle EMG in millivolts.

    Parameters
    ----------
    meta : DataFrame of n_recordings rows with a column ``sfreq``
    values : ndarray of shape (n_items,)
        Finite samples of all recordings, taken to be mV.
    offsets : ndarray of shape (n_recordings + 1,)
    names : Index of shape (n_recordings,), default=None
        What the rows are called; by default they are counted.
    made : bool, default=False
        Whether a step may have changed the rate. A low rate that a `Downsampler` made on purpose is
        not reported: only rates below 200 Hz then count as low.
    stacklevel : int
        Of the warning: the frames between the user and here.
    """
    lengths, rates = np.diff(offsets), meta["sfreq"].to_numpy(dtype=float)
    found = {AMPLITUDES[flaw]: rows for flaw, rows in unlike_emg(values, offsets, rates).items()}
    lowest, what_is_low = (KILOHERTZ, _VERY_LOW) if made else (LOWEST_RATE, LOW_RATE)
    if (low := np.flatnonzero(rates < lowest)).size:
        found[what_is_low] = {row: f"{rates[row]:g} Hz" for row in low.tolist()}
    if short := too_short(lengths, rates):
        found[SHORT] = short
    if not found:
        return
    lines = [f"  {what}: {capped(_placed(meta, rows, names))}" for what, rows in found.items()]
    n_rows = len({row for rows in found.values() for row in rows})
    warnings.warn(
        f"{n_rows} of {len(meta)} recordings do not look like needle EMG in millivolts:\n"
        + "\n".join(lines)
        + "\nGive Recordings the `unit` of the signals and their rate in hertz, scale counts to "
        "millivolts, and leave out what carries no signal.",
        ImplausibleWarning,
        stacklevel=stacklevel + 1,
    )


def too_short(lengths: NDArray[np.int64], rates: NDArray[np.float64]) -> dict[int, str]:
    """Find signals of less than 10 ms: their rows, with how many samples there are."""
    short = np.flatnonzero(lengths < _SHORTEST * rates)
    return {row: f"{lengths[row]} samples" for row in short.tolist()}


def kilohertz_hint(sfreq: float) -> str:
    """Ask, behind a rate in a message, whether it was given in kilohertz.

    Parameters
    ----------
    sfreq : float
        In hertz, as it was given.

    Returns
    -------
    str
        Empty if no needle EMG is sampled at so many kilohertz.

    Examples
    --------
    >>> [f"{rate:g} Hz{kilohertz_hint(rate)}" for rate in (48, 4000, 0.5)]
    ['48 Hz (kilohertz?)', '4000 Hz', '0.5 Hz']
    """
    return " (kilohertz?)" if 1 <= sfreq <= KILOHERTZ else ""


def lowest_level(sfreq: float) -> float:
    """Return the rms in mV below which signals of a rate are weaker than most amplifiers' noise.

    White noise of half the bandwidth has half the power.

    Examples
    --------
    >>> lowest_level(48_000), lowest_level(5000)
    (0.0003, 0.00015)
    """
    return LOWEST_LEVEL * min(1.0, (sfreq / _WIDE) ** 0.5)


def unlike_emg(
    values: NDArray[Any], offsets: NDArray[np.int64], rates: NDArray[np.float64]
) -> dict[str, dict[int, str]]:
    """Find the signals whose amplitudes no needle EMG in millivolts has.

    Parameters
    ----------
    values : ndarray of shape (n_items,)
        Finite samples of all recordings, taken to be mV.
    offsets : ndarray of shape (n_recordings + 1,)
    rates : ndarray of shape (n_recordings,)
        Sampling rates in hertz.

    Returns
    -------
    dict of {"amplitude", "counts", "level", "constant"} to dict of row to str
        For each flaw found, the rows with what was measured.

    Examples
    --------
    >>> import numpy as np
    >>> wave = np.sin(np.arange(100))
    >>> signals = np.concatenate([wave, 1000 * wave, np.round(9 * wave), 1e-4 * wave, 0 * wave])
    >>> offsets, rates = np.arange(0, 600, 100), np.full(5, 10_000.0)
    >>> for flaw, rows in unlike_emg(signals, offsets, rates).items():
    ...     print(flaw, rows)
    amplitude {1: '1004 mV'}
    counts {2: '-9 to 9'}
    level {3: '0.071 µV'}
    constant {4: '0 mV'}
    """
    rows = np.flatnonzero(np.diff(offsets))
    if not rows.size:
        return {}
    # One look at all samples leaves few rows to be measured: no peak is above the span.
    starts = offsets[rows]
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    span = high.astype(float) - low
    whole = values[starts] == np.rint(values[starts])
    open_ = (span > HIGHEST_PEAK) | (span < _SMALL) | whole
    found: dict[str, dict[int, str]] = {flaw: {} for flaw in AMPLITUDES}
    for row in rows[open_].tolist():
        for flaw, figure in _measured(values[offsets[row] : offsets[row + 1]], rates[row]):
            found[flaw][row] = figure
    return {flaw: those for flaw, those in found.items() if those}


def _measured(signal: NDArray[Any], sfreq: float) -> Iterator[tuple[str, str]]:
    low, high = float(signal.min()), float(signal.max())
    if low == high:
        yield "constant", f"{low + 0.0:.3g} mV"  # -0.0 is 0
        return
    mean = float(signal.mean(dtype=np.float64))
    if (peak := max(high - mean, mean - low)) > HIGHEST_PEAK:
        yield "amplitude", f"{peak:.0f} mV"
    if np.array_equal(signal, np.rint(signal)):
        yield "counts", f"{low:g} to {high:g}"
    if high - low < _SMALL:
        level = float(signal.std(dtype=np.float64))
        if level < lowest_level(sfreq):
            yield "level", f"{1e3 * level:.2g} µV"


def _placed(meta: pd.DataFrame, found: dict[int, str], names: pd.Index | None) -> list[str]:
    rows = rows_of(meta, [*found]).tolist()
    if names is not None and ROW not in meta:
        rows = names[[*found]].tolist()
    return [
        f"row {shown(row)} ({figure})" for row, figure in zip(rows, found.values(), strict=True)
    ]


def frames_to_user() -> int:
    """Count the frames from the caller to the first outside sknemg, scikit-learn and joblib.

    Returns
    -------
    int
        The ``stacklevel`` by which a warning of the caller points there.
    """
    level, frame = 1, sys._getframe(1)
    while frame.f_back and _package(frame) in ("sknemg", "sklearn", "joblib"):
        level, frame = level + 1, frame.f_back
    return level


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
