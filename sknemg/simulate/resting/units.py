"""Spontaneous activity of motor units or their axons, and a contraction nearby."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknemg.recordings._problems import shown
from sknemg.simulate.checks import check_pair
from sknemg.simulate.resting.firing import decaying_rate, spaced_times
from sknemg.simulate.resting.settings import Seed, counted, draw, seeded
from sknemg.simulate.resting.waves import (
    Discharge,
    Site,
    continuous,
    motor_unit_waves,
    placed,
    render_train,
    scaled,
)

#: Share of the time from burst to burst that a myokymic burst takes at most.
ROOM = 0.65


def fasciculation_potential(
    duration: float = 2.0,
    sfreq: float = 48_000,
    *,
    n_units: int | None = None,
    rate: float | None = None,
    amplitude: float | None = None,
    complexity: float | None = None,
    site: Site | None = None,
    random_state: Seed = None,
) -> Discharge:
    """Fasciculation potentials: whole motor units that discharge singly and at random.

    Parameters
    ----------
    duration : float, default=2.0
        Seconds.
    sfreq : float, default=48_000
        Sampling rate, Hz.
    n_units : int or None, default=None
        Units that fasciculate; drawn from 1 to 3, each with its own potential.
    rate : float or None, default=None
        Rate of each unit, Hz, apart from the second discharges that follow 8 % of them; drawn from
        0.3 to 2. At least one discharge falls into the clip.
    amplitude : float or None, default=None
        Peak to peak, mV; drawn from 0.3 to 4.
    complexity : float or None, default=None
        0 (a healthy unit) to 1 (freshly reinnervated: long, polyphasic, unstable); drawn.
    site : Site or None, default=None
        Needle and muscle.
    random_state : int, Generator or None, default=None
        Seed.

    Returns
    -------
    Discharge

    Notes
    -----
    The numbers are choices.

    Examples
    --------
    >>> _, times, _ = fasciculation_potential(n_units=1, random_state=0)
    >>> 1 <= len(times[0]) < 10
    True
    """
    rng = seeded(duration, sfreq, random_state)
    chosen = rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1])
    parts = []
    for _ in range(counted("n_units", n_units, chosen)):
        waves = _unit(placed(site), sfreq, draw("complexity", complexity, 0, 1, rng, most=1), rng)
        waves = scaled(waves, draw("amplitude", amplitude, 0.3, 4, rng, log=True), sfreq)
        times = spaced_times(
            draw("rate", rate, 0.3, 2, rng, log=True), duration, shape=1.0, random_state=rng
        )
        if not len(times):
            times = rng.uniform(0.1, 0.9, 1) * duration
        second = times[rng.random(len(times)) < 0.08]
        times = np.sort(np.concatenate([times, second + rng.uniform(0.005, 0.02, len(second))]))
        times = times[times < duration]
        parts.append((_variable_train(waves, times, duration, sfreq, rng), times))
    return continuous(parts, duration)


def myokymic_discharge(
    duration: float = 2.0,
    sfreq: float = 48_000,
    *,
    rate: float | None = None,
    burst_rate: float | None = None,
    n_spikes: tuple[int, int] = (2, 10),
    amplitude: float | None = None,
    site: Site | None = None,
    random_state: Seed = None,
) -> Discharge:
    """Myokymic discharge: a motor unit in bursts that recur almost regularly.

    Parameters
    ----------
    duration : float, default=2.0
        Seconds.
    sfreq : float, default=48_000
        Sampling rate, Hz.
    rate : float or None, default=None
        Rate within a burst, Hz; drawn from 20 to 62.
    burst_rate : float or None, default=None
        Bursts per second, at most 0.65 times `rate`; drawn from 1 to 4.
    n_spikes : tuple of int, default=(2, 10)
        Fewest (at least 2) and most discharges of a burst; a unit keeps to about the same number.
        There are fewer where so many do not fit into 0.65 of the time from burst to burst.
    amplitude : float or None, default=None
        Peak to peak, mV; drawn from 0.2 to 2.
    site : Site or None, default=None
        Needle and muscle.
    random_state : int, Generator or None, default=None
        Seed.

    Returns
    -------
    Discharge
        Its ``episodes`` are the bursts.

    Raises
    ------
    ValueError
        If a setting is not a number or is out of range, or if bursts leave no room for two
        discharges.

    Notes
    -----
    The numbers are choices.

    Examples
    --------
    >>> _, times, bursts = myokymic_discharge(burst_rate=2.0, random_state=0)
    >>> len(bursts), bool(len(times[0]) >= 2 * len(bursts))
    (4, True)
    """
    rng = seeded(duration, sfreq, random_state)
    waves = _unit(placed(site), sfreq, rng.uniform(0, 0.4), rng)
    waves = scaled(waves, draw("amplitude", amplitude, 0.2, 2, rng, log=True), sfreq)
    rate = draw("rate", rate, 20, 62, rng)
    period = 1 / draw("burst_rate", burst_rate, 1, 4, rng, log=True)
    fewest, upmost = _spikes(n_spikes)
    if 1 / rate > ROOM * period:
        raise ValueError(
            f"Bursts at burst_rate={1 / period:g} Hz leave no room for two discharges at "
            f"rate={rate:g} Hz: give a burst_rate of at most {ROOM:g} times the rate."
        )
    # A burst leaves at least a third of its period silent.
    most = max(2, min(upmost, int(ROOM * period * rate) + 1))
    typical = rng.integers(min(fewest, most), most + 1)
    bursts = []
    for start in spaced_times(1 / period, duration, variability=0.12, random_state=rng):
        n = int(np.clip(typical + rng.integers(-1, 2), min(fewest, most), most))
        steps = (1 + 0.08 * rng.standard_normal(n - 1)) / rate
        times = start + np.concatenate([[0.0], np.cumsum(steps)])
        bursts.append(times[times < duration])
    times = np.sort(np.concatenate([*bursts, np.empty(0)]))
    episodes = np.array([[burst[0], burst[-1]] for burst in bursts]).reshape(-1, 2)
    return Discharge(_variable_train(waves, times, duration, sfreq, rng), [times], episodes)


def neuromyotonic_discharge(
    duration: float = 2.0,
    sfreq: float = 48_000,
    *,
    n_runs: int | None = None,
    rate: float | None = None,
    amplitude: float | None = None,
    site: Site | None = None,
    random_state: Seed = None,
) -> Discharge:
    """Neuromyotonic discharge: dwindling bursts of one axon at the highest rates.

    Parameters
    ----------
    duration : float, default=2.0
        Seconds.
    sfreq : float, default=48_000
        Sampling rate, Hz.
    n_runs : int or None, default=None
        Runs in the clip, of 0.2 to 1.2 s, not overlapping; drawn from 1 to 3. If so many do not
        fit, they are shorter.
    rate : float or None, default=None
        Rate at the start of a run, Hz; drawn from 190 to 290. It falls to 0.8 to 0.97 of that, and
        the amplitude to 0.1 to 0.45 of what it was.
    amplitude : float or None, default=None
        Peak to peak at the start of a run, mV; drawn from 0.1 to 1.5.
    site : Site or None, default=None
        Needle and muscle.
    random_state : int, Generator or None, default=None
        Seed.

    Returns
    -------
    Discharge
        Its ``episodes`` are the runs.

    Notes
    -----
    The numbers are choices, within the 150 to 300 Hz of textbooks.

    Examples
    --------
    >>> rate = 1 / np.diff(neuromyotonic_discharge(n_runs=1, random_state=0).times[0])
    >>> bool(150 < rate.min() < rate.max() < 300)
    True
    """
    rng = seeded(duration, sfreq, random_state)
    # Small territory, hardly any dispersion: potentials that still stand apart at 4 ms.
    waves = motor_unit_waves(
        placed(site), sfreq, rng, n_fibres=25, territory=2.5, offset=0.4, jitter=1.5e-5
    )
    waves = scaled(waves, draw("amplitude", amplitude, 0.1, 1.5, rng, log=True), sfreq)
    first = draw("rate", rate, 190, 290, rng)
    chosen = int(rng.integers(1, 4))
    n = counted("n_runs", n_runs, chosen)
    slot = duration / n
    length = np.minimum(np.exp(rng.uniform(np.log(0.2), np.log(1.2), n)), 0.9 * slot)
    start = np.arange(n) * slot + rng.random(n) * (slot - length)
    trains, gains = [], []
    for begin, span in zip(start, length, strict=True):
        course = decaying_rate(first, rng.uniform(0.8, 0.97))
        times = spaced_times(course, span, variability=0.008, random_state=rng)
        trains.append(begin + times)
        gains.append(np.exp(-rng.uniform(0.8, 2.2) * times / span))
    times = np.concatenate(trains)
    signal = _variable_train(waves, times, duration, sfreq, rng, gains=np.concatenate(gains))
    return Discharge(signal, [times], np.stack([start, start + length], axis=1))


def remote_contraction(
    duration: float = 2.0,
    sfreq: float = 48_000,
    *,
    n_units: int | None = None,
    amplitude: float | None = None,
    site: Site | None = None,
    random_state: Seed = None,
) -> Discharge:
    """Incomplete relaxation: a few units far from the tip, low and rounded, at 6 to 12 Hz.

    Parameters
    ----------
    duration : float, default=2.0
        Seconds.
    sfreq : float, default=48_000
        Sampling rate, Hz.
    n_units : int or None, default=None
        Active units; drawn from 1 to 4.
    amplitude : float or None, default=None
        Peak to peak of a unit, mV; drawn from 0.015 to 0.06.
    site : Site or None, default=None
        Needle and muscle.
    random_state : int, Generator or None, default=None
        Seed.

    Returns
    -------
    Discharge

    Examples
    --------
    >>> len(remote_contraction(n_units=2, random_state=0).times)
    2
    """
    rng = seeded(duration, sfreq, random_state)
    chosen = int(rng.integers(1, 5))
    parts = []
    for _ in range(counted("n_units", n_units, chosen)):
        waves = motor_unit_waves(placed(site), sfreq, rng, offset=rng.uniform(5, 8))
        waves = scaled(waves, draw("amplitude", amplitude, 0.015, 0.06, rng, log=True), sfreq)
        times = spaced_times(rng.uniform(6, 12), duration, variability=0.15, random_state=rng)
        parts.append((_variable_train(waves, times, duration, sfreq, rng), times))
    return continuous(parts, duration)


def _spikes(given: Any) -> tuple[int, int]:
    """Return the fewest and the most discharges of a burst."""
    fewest, upmost = check_pair("n_spikes", given, 2)
    if not fewest.is_integer() or not upmost.is_integer():
        raise ValueError(f"n_spikes={shown(given)} must be whole numbers.")
    return int(fewest), int(upmost)


def _unit(site: Site, sfreq: float, complexity: float, rng: np.random.Generator) -> NDArray[Any]:
    """Eight discharges of a unit near the tip, the more complex the more dispersed."""
    return motor_unit_waves(
        site,
        sfreq,
        rng,
        n_fibres=int(rng.integers(80, 300)),
        territory=rng.uniform(4, 8),
        offset=rng.uniform(0, 2),
        dispersion=0.002 * complexity,
        jitter=(25 + 65 * complexity) * 1e-6,
        blocking=0.08 * complexity,
    )


def _variable_train(
    waves: NDArray[Any],
    times: NDArray[Any],
    duration: float,
    sfreq: float,
    rng: np.random.Generator,
    gains: NDArray[Any] | float = 1.0,
) -> NDArray[np.float32]:
    """Train in which every discharge is one of the unit's variants."""
    which = rng.integers(len(waves), size=len(times))
    return render_train(waves, times, duration, sfreq, which=which, gains=gains)
