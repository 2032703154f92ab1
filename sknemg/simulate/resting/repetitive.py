"""Myotonic and complex repetitive discharges."""

import numpy as np
from numpy.typing import NDArray

from sknemg.recordings._problems import check_flags
from sknemg.simulate.checks import check_number, check_pair, check_positive
from sknemg.simulate.resting.firing import spaced_times, waxing_waning
from sknemg.simulate.resting.settings import Seed, counted, decided, draw, seeded
from sknemg.simulate.resting.waves import (
    Discharge,
    Site,
    continuous,
    fibre_waves,
    placed,
    positive_sharp_waves,
    render_train,
    scaled,
)


def myotonic_discharge(
    duration: float = 2.0,
    sfreq: float = 48_000,
    *,
    rates: tuple[float, float] | None = None,
    amplitude: float | None = None,
    positive: bool | None = None,
    site: Site | None = None,
    random_state: Seed = None,
) -> Discharge:
    """Myotonic discharge: one fibre whose rate and amplitude wax and wane.

    Parameters
    ----------
    duration : float, default=2.0
        Seconds.
    sfreq : float, default=48_000
        Sampling rate, Hz.
    rates : tuple of float or None, default=None
        Lowest and highest rate, Hz; drawn from 15 to 30 and from 50 to 110 (20 to 80 published,
        up to 150 in textbooks).
    amplitude : float or None, default=None
        Peak to peak at the height of the run, mV; drawn from 0.1 to 0.7.
    positive : bool or None, default=None
        Positive waves rather than spikes; drawn.
    site : Site or None, default=None
        Needle and muscle.
    random_state : int, Generator or None, default=None
        Seed.

    Returns
    -------
    Discharge

    Raises
    ------
    ValueError
        If a setting is not a number, or is out of range.

    References
    ----------
    AANEM glossary of terms in electrodiagnostic medicine: spikes below 5 ms or positive waves of
    5 to 20 ms, 20 to 80 Hz, amplitude and frequency both wax and wane. Others are choices.

    Examples
    --------
    >>> rate = 1 / np.diff(myotonic_discharge(random_state=0).times[0])
    >>> bool(rate.max() > 2 * rate.min())
    True
    """
    rng = seeded(duration, sfreq, random_state)
    sharp = rng.random() < 0.5
    if decided("positive", positive, sharp):
        waves = positive_sharp_waves(
            sfreq, duration=rng.uniform(0.008, 0.016), negative=0.1, fall=0.0008, rise=0.0002
        )
    else:
        waves = fibre_waves(placed(site), sfreq, rng)
    waves = scaled(waves, draw("amplitude", amplitude, 0.1, 0.7, rng, log=True), sfreq)
    course = waxing_waning(duration, rng)
    drawn = rng.uniform(15, 30), rng.uniform(50, 110)
    low, high = drawn if rates is None else check_pair("rates", rates, 0)
    check_positive("rates[1]", high)
    times = spaced_times(low + (high - low) * course, duration, variability=0.02, random_state=rng)
    clock = np.linspace(0, duration, len(course))
    gains = 0.2 + 0.8 * np.interp(times, clock, course)
    gains *= 1 + 0.03 * rng.standard_normal(len(times))
    part = render_train(waves, times, duration, sfreq, gains=gains)
    return continuous([(part, times)], duration)


def complex_repetitive_discharge(
    duration: float = 2.0,
    sfreq: float = 48_000,
    *,
    n_fibres: int | None = None,
    rate: float | None = None,
    amplitude: float | None = None,
    jitter: float = 8e-6,
    breaks: bool | None = None,
    site: Site | None = None,
    random_state: Seed = None,
) -> Discharge:
    """Complex repetitive discharge: fibres that excite one another in a ring.

    Every cycle is alike, until a fibre drops out; the discharge starts and stops abruptly.

    Parameters
    ----------
    duration : float, default=2.0
        Seconds.
    sfreq : float, default=48_000
        Sampling rate, Hz.
    n_fibres : int or None, default=None
        Fibres of the ring; drawn from 4 to 10.
    rate : float or None, default=None
        Cycles per second; drawn from 12 to 70 (5 to 150, mostly 30 to 40, published).
    amplitude : float or None, default=None
        Peak to peak, mV; drawn from 0.15 to 0.7.
    jitter : float, default=8e-6
        Standard deviation of a fibre's delay from one cycle to the next, s.
    breaks : bool or None, default=None
        Whether it starts, stops or changes within the clip; drawn, mostly true.
    site : Site or None, default=None
        Needle and muscle.
    random_state : int, Generator or None, default=None
        Seed.

    Returns
    -------
    Discharge

    Raises
    ------
    ValueError
        If a setting is not a number, or is out of range.

    References
    ----------
    Rates: Neuromuscular Disease Center, Washington University, St. Louis. Others are choices.

    Examples
    --------
    >>> intervals = np.diff(complex_repetitive_discharge(random_state=0).times[0])
    >>> bool(intervals.std() < 0.01 * intervals.mean())
    True
    """
    rng = seeded(duration, sfreq, random_state)
    chosen = int(rng.integers(4, 11))
    n = counted("n_fibres", n_fibres, chosen)
    rate = draw("rate", rate, 12, 70, rng, log=True)
    amplitude = draw("amplitude", amplitude, 0.15, 0.7, rng, log=True)
    check_number("jitter", jitter, 0)
    steps = rng.uniform(0.0005, 0.0022, n)
    lag = np.cumsum(steps * min(1.0, 0.75 / rate / steps.sum()))
    waves = fibre_waves(placed(site), sfreq, rng, n=n, distance=(0.1, 0.5), thickness=(0.5, 1.1))
    waves = waves * np.float32(amplitude / _ring_height(waves, lag, sfreq))
    start, stop, change = _ring_breaks(breaks, duration, rng)
    cycle = spaced_times(rate, duration, variability=0.003, random_state=rng)
    cycle = cycle[(cycle >= start) & (cycle < stop)]
    dropped = int(rng.integers(n))
    signal, trains = np.zeros(round(duration * sfreq), np.float32), []
    for k in range(n):
        times = cycle + lag[k] + jitter * rng.standard_normal(len(cycle))
        times = times[(times < duration + 0.01) & ((cycle < change) | (k != dropped))]
        signal += render_train(waves[k : k + 1], times, duration, sfreq)
        trains.append(times[times < duration])
    return Discharge(signal, trains, np.array([[start, stop]]))


def _ring_height(
    waves: NDArray[np.complex64], lag: NDArray[np.float64], sfreq: float
) -> np.float32:
    """Peak to peak of one cycle, mV."""
    length = lag[-1] + 0.05
    parts = [
        render_train(wave[None], np.array([at]), length, sfreq)
        for wave, at in zip(waves, lag, strict=True)
    ]
    return np.ptp(np.sum(parts, axis=0))


def _ring_breaks(
    breaks: bool | None, duration: float, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Start and stop of a discharge, and when one of its fibres drops out."""
    fate, early, late, middle = rng.random(4)
    if breaks is not None:
        check_flags(breaks=breaks)
    start, stop, change = 0.0, duration, np.inf
    if not breaks and (breaks is not None or fate < 0.25):
        return start, stop, change
    if fate < 0.5:
        start = 0.4 * early * duration
    elif fate < 0.75:
        stop = (0.6 + 0.4 * late) * duration
    else:
        change = (0.3 + 0.4 * middle) * duration
    return start, stop, change
