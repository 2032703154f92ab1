"""When spontaneous discharges fire: regularly, irregularly, waxing and waning, in bursts."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def spaced_times(
    rate: ArrayLike,
    duration: float,
    *,
    variability: float = 0.0,
    shape: float | None = None,
    refractory: float = 0.0,
    random_state: int | np.random.Generator | None = None,
) -> NDArray[np.floating]:
    """Draw the times (s) of a renewal process whose rate may change.

    ``rate`` (Hz) is a number, or an array of values spread evenly over the ``duration``. Intervals
    are normal with the coefficient of variation ``variability``; with a ``shape`` they are gamma
    (1 is a Poisson process, less is more irregular). Discharges that follow another within
    ``refractory`` seconds are left out.

    Examples
    --------
    >>> spaced_times(10.0, 1.0, random_state=0).round(2).tolist()
    [0.04, 0.14, 0.24, 0.34, 0.44, 0.54, 0.64, 0.74, 0.84, 0.94]
    """
    rng = np.random.default_rng(random_state)
    given = np.atleast_1d(np.asarray(rate, float))
    clock = np.linspace(0, duration, max(len(given), 513))
    rates = np.interp(clock, np.linspace(0, duration, len(given)), given)
    phase = np.concatenate([[0.0], np.cumsum((rates[1:] + rates[:-1]) / 2 * np.diff(clock))])
    events = np.empty(0)
    last = -rng.uniform()
    while last < phase[-1]:
        n = int(phase[-1] - last) + 16
        if shape is None:
            steps = np.maximum(0.2, 1 + variability * rng.standard_normal(n))
        else:
            steps = rng.gamma(shape, 1 / shape, n)
        events = np.concatenate([events, last + np.cumsum(steps)])
        last = events[-1]
    times = np.interp(events[(events >= 0) & (events < phase[-1])], phase, clock)
    return times[np.diff(times, prepend=-np.inf) >= refractory]


def slowing_rate(rate: float, slowing: float) -> NDArray[np.floating]:
    """Rate of a run that slows evenly by a share of its first rate.

    Examples
    --------
    >>> slowing_rate(10.0, 0.2).tolist()
    [10.0, 8.0]
    """
    return np.array([rate, rate * (1 - slowing)])


def waxing_waning(
    duration: float, random_state: int | np.random.Generator | None = None
) -> NDArray[np.floating]:
    """Course of a myotonic run, 0 to 1, at 200 points per second: a quick rise, a slower fall.

    Examples
    --------
    >>> course = waxing_waning(2.0, random_state=0)
    >>> course.shape, float(course.max())
    ((401,), 1.0)
    """
    rng = np.random.default_rng(random_state)
    clock = np.linspace(0, 1, round(duration * 200) + 1)
    from_peak = clock - rng.uniform(0.25, 0.55)
    width = np.where(from_peak < 0, rng.uniform(0.1, 0.2), rng.uniform(0.2, 0.33))
    course = np.exp(-0.5 * (from_peak / width) ** 2)
    sway = np.sin(2 * np.pi * (rng.uniform(1, 2.5) * duration * clock + rng.uniform()))
    course = np.maximum(course * (1 + rng.uniform(0.0, 0.12) * sway), 0)
    return course / course.max()


def decaying_rate(rate: float, end: float) -> NDArray[np.floating]:
    """Rate of a neuromyotonic run that falls from ``rate`` to its share ``end``, fast at first.

    Examples
    --------
    >>> decaying_rate(200.0, 0.7)[[0, -1]].round().tolist()
    [200.0, 140.0]
    """
    fall = np.expm1(-2 * np.linspace(0, 1, 50)) / np.expm1(-2)
    return rate * (1 - (1 - end) * fall)
