"""Which motor units a contraction recruits, how fast they fire, and when."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Ratio of the highest to the lowest recruitment threshold.
THRESHOLD_RANGE = 60.0
#: Rate at recruitment, Hz.
ONSET_RATE = 7.0
#: Peak rate of the smallest unit, and by how much that of the largest is lower, Hz.
PEAK_RATE, PEAK_RATE_FALL = 32.0, 8.0
#: Excitation over which a unit's rate rises towards its peak. At low forces rates rise steeply
#: (Kanosue et al., Jpn J Physiol 1979;29:427-443; Maton, J Physiol (Paris) 1977;73:177-199, on
#: biceps). How steeply is a choice, since no source for it could be read: the fastest units of a
#: healthy muscle are to fire at 8 to 12 Hz when it exerts 2 to 8 % of its force.
SATURATION = 11.0
#: Excitation at which every unit fires at its peak.
FULL_DRIVE = THRESHOLD_RANGE + 6 * SATURATION


def firing_rates(excitation: float, rank: NDArray[Any]) -> NDArray[np.floating]:
    """Return the firing rates of motor units at an excitation, 0 below their thresholds.

    Parameters
    ----------
    excitation : float
        Common drive; the smallest unit is recruited at 1, the largest at ``THRESHOLD_RANGE``.
    rank : ndarray of shape (n_units,)
        Place in the order of size, 0 to 1.

    Returns
    -------
    ndarray of shape (n_units,)
        Hertz.

    References
    ----------
    Fuglevand AJ, Winter DA, Patla AE. Models of recruitment and rate coding organization in
    motor-unit pools. J Neurophysiol 1993;70:2470-2488 (thresholds; here the rates saturate).

    Examples
    --------
    >>> firing_rates(5.0, np.array([0.0, 0.3, 0.9])).round(1).tolist()
    [14.6, 10.0, 0.0]
    """
    above = excitation - THRESHOLD_RANGE**rank
    peak = PEAK_RATE - PEAK_RATE_FALL * rank
    rate = ONSET_RATE + (peak - ONSET_RATE) * -np.expm1(-np.maximum(above, 0) / SATURATION)
    return np.where(above >= 0, rate, 0.0)


def force(excitation: float, rank: NDArray[Any], strength: NDArray[Any]) -> float:
    """Return the force at an excitation: each unit's strength times the fusion of its twitches.

    Parameters
    ----------
    excitation : float
        Common drive.
    rank : ndarray of shape (n_units,)
        Place in the order of size, 0 to 1; the largest units twitch three times as fast.
    strength : ndarray of shape (n_units,)
        Tetanic force of each unit, in any unit.

    Returns
    -------
    float
    """
    twitch = 0.090 * 3.0**-rank
    fusion = -np.expm1(-2 * (twitch * firing_rates(excitation, rank)) ** 3)
    return float(strength @ fusion)


def solve_excitation(target: float, rank: NDArray[Any], strength: NDArray[Any]) -> float:
    """Find the lowest excitation that yields the target force, at most ``FULL_DRIVE``.

    A weak muscle needs more drive for the same force: that is all there is to early recruitment
    in myopathy and to fast firing in neuropathy.

    Examples
    --------
    >>> rank = np.linspace(0, 1, 100)
    >>> bool(solve_excitation(5.0, rank, rank / 3) > solve_excitation(5.0, rank, rank))
    True
    """
    low, high = 1.0, FULL_DRIVE
    if force(high, rank, strength) <= target:
        return high
    for _ in range(30):
        middle = (low + high) / 2
        if force(middle, rank, strength) < target:
            low = middle
        else:
            high = middle
    return high


def firing_times(
    rates: NDArray[Any],
    duration: float,
    *,
    variability: float = 0.15,
    doublets: float = 0.005,
    random_state: int | np.random.Generator | None = None,
) -> list[NDArray[np.float64]]:
    """Discharge times of motor units in a steady contraction.

    Intervals are normal, cut off below 0.35 of their mean, and stretched by a drive common to all
    units that sways slowly by 6 %. A doublet is a second discharge after 4 to 10 ms.

    Parameters
    ----------
    rates : ndarray of shape (n_units,)
        Mean rates, Hz; 0 for a silent unit.
    duration : float
        Seconds.
    variability : float
        Coefficient of variation of the intervals.
    doublets : float
        Share of discharges that are doublets.
    random_state : int, Generator or None
        Seed.

    Returns
    -------
    list of ndarray
        Sorted times in seconds, 0 <= t < duration, of each unit.

    Examples
    --------
    >>> times = firing_times(np.array([10.0, 0.0]), 2.0, random_state=0)
    >>> 16 <= len(times[0]) <= 24, len(times[1])
    (True, 0)
    """
    rng = np.random.default_rng(random_state)
    # One walk through "drive time", in which the common drive is constant, for all units.
    clock = np.linspace(0, duration, max(2, round(duration * 100) + 1))
    frequency, phase = rng.uniform(0.8, 1.8), rng.uniform(0, 2 * np.pi)
    sway = 1 + 0.06 * np.sin(2 * np.pi * frequency * clock + phase)
    driven = np.concatenate([[0.0], np.cumsum((sway[1:] + sway[:-1]) / 2 * np.diff(clock))])
    out: list[NDArray[np.float64]] = []
    for rate in rates:
        if rate <= 0:
            out.append(np.empty(0))
            continue
        n_intervals = int(driven[-1] * rate * 1.5 + 12)
        intervals = np.maximum(0.35, 1 + variability * rng.standard_normal(n_intervals)) / rate
        times = np.interp(np.cumsum(intervals) - rng.uniform() / rate, driven, clock, right=np.inf)
        times = times[np.isfinite(times) & (times > 0)]
        second = times[rng.random(len(times)) < doublets]
        times = np.sort(np.concatenate([times, second + rng.uniform(0.004, 0.010, len(second))]))
        out.append(times[times < duration])
    return out
