"""Times of the discharges of one unit: usual interval, intruders, locks between trains."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]

SHORT = 0.6  # of the usual interval: a unit that is steadily contracted does not fire sooner
MOST_FOREIGN = 0.15  # of the intervals of a group of spikes that is taken for one motor unit
REACH = 0.02  # s around a discharge in which the same unit may show a second spike
LAG_SPREAD = 1e-3  # s over which the lag of such a satellite is spread by jitter


def usual_interval(train: Indices) -> tuple[float, NDArray[Any]]:
    """Return the interval that most intervals are near to, and those intervals.

    Missed discharges leave multiples of it, foreign ones leave fractions; both stay out.
    """
    intervals = np.sort(train[1:] - train[:-1]).astype(float)
    if not len(intervals):
        return np.nan, intervals
    low = intervals.searchsorted(0.7 * intervals, side="left")
    high = intervals.searchsorted(1.4 * intervals, side="right")
    k = (high - low).argmax()
    near = intervals[low[k] : high[k]]
    return float(near.sum() / len(near)), near


def foreign_fraction(train: Indices) -> float:
    """Fraction of intervals too short for a unit that fires at the usual one."""
    if len(train) < 2:
        return 0.0
    usual, _ = usual_interval(train)
    return float(np.count_nonzero(train[1:] - train[:-1] < SHORT * usual) / (len(train) - 1))


def regularity(train: Indices) -> float:
    """Share of intervals near the usual one."""
    return len(usual_interval(train)[1]) / (len(train) - 1) if len(train) > 1 else 0.0


def fire_as_one(one: Indices, other: Indices, sfreq: float) -> bool:
    """Whether two groups of like spikes fire as one unit would."""
    both = np.sort(np.concatenate([one, other]))
    both = both[np.append(True, both[1:] - both[:-1] > LAG_SPREAD * sfreq)]
    return foreign_fraction(both) < MOST_FOREIGN


def locked(one: Indices, others: list[Indices], sfreq: float) -> NDArray[np.bool_]:
    """Whether a train and each of the others keep one fixed lag, as two spikes of a unit do."""
    if not others:
        return np.zeros(0, dtype=bool)
    unit = np.repeat(np.arange(len(others)), [len(other) for other in others])
    times = np.concatenate(others)
    order = np.argsort(times, kind="stable")
    unit, times = unit[order], times[order]
    low = times.searchsorted(one - REACH * sfreq, side="left")
    n_near = times.searchsorted(one + REACH * sfreq, side="right") - low
    start = np.cumsum(n_near) - n_near
    near = np.arange(n_near.sum()) + np.repeat(low - start, n_near)
    # Lags of all units on one axis, a stretch for each.
    lags = np.repeat(one, n_near) - times[near] + unit[near] * (4 * REACH * sfreq)
    order = np.argsort(lags, kind="stable")
    lags, unit = lags[order], unit[near][order]
    n_alike = lags.searchsorted(lags + LAG_SPREAD * sfreq, side="right") - np.arange(len(lags))
    most = np.zeros(len(others), dtype=np.int64)
    np.maximum.at(most, unit, n_alike)
    return most >= [max(0.4 * min(len(one), len(other)), 4) for other in others]
