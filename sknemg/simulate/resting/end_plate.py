"""What a needle provokes in healthy muscle: end-plate and insertional activity."""

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from sknemg.simulate.checks import check_positive
from sknemg.simulate.resting.firing import spaced_times
from sknemg.simulate.resting.settings import Seed, counted, decided, draw, seeded
from sknemg.simulate.resting.waves import (
    Discharge,
    Site,
    continuous,
    fibre_waves,
    miniature_waves,
    placed,
    positive_sharp_waves,
    render_train,
    scaled,
)


def end_plate_noise(
    duration: float = 2.0,
    sfreq: float = 48_000,
    *,
    rate: float | None = None,
    amplitude: float | None = None,
    random_state: Seed = None,
) -> Discharge:
    """End-plate noise: a hiss of miniature end-plate potentials, small, negative and dense.

    Parameters
    ----------
    duration : float, default=2.0
        Seconds.
    sfreq : float, default=48_000
        Sampling rate, Hz.
    rate : float or None, default=None
        Miniature potentials per second; drawn from 150 to 600.
    amplitude : float or None, default=None
        Amplitude of the average miniature potential, mV; drawn from 0.006 to 0.015.
    random_state : int, Generator or None, default=None
        Seed.

    Returns
    -------
    Discharge

    Examples
    --------
    >>> signal = end_plate_noise(random_state=0).signal
    >>> bool(-signal.min() > 5 * abs(signal.max()))
    True
    """
    rng = seeded(duration, sfreq, random_state)
    amplitude = draw("amplitude", amplitude, 0.006, 0.015, rng, log=True)
    rate = draw("rate", rate, 150, 600, rng, log=True)
    waves = miniature_waves(
        sfreq, rise=rng.uniform(0.0001, 0.0002), fall=rng.uniform(0.0005, 0.0009)
    )
    times = spaced_times(rate, duration, shape=1.0, random_state=rng)
    gains = amplitude * rng.gamma(4, 0.25, len(times))
    part = render_train(waves, times, duration, sfreq, gains=gains)
    return continuous([(part, times)], duration)


def end_plate_spikes(
    duration: float = 2.0,
    sfreq: float = 48_000,
    *,
    n_fibres: int | None = None,
    rate: float | None = None,
    amplitude: float | None = None,
    noise: bool | None = None,
    site: Site | None = None,
    random_state: Seed = None,
) -> Discharge:
    """End-plate spikes: healthy fibres that the needle irritates at their end-plates.

    The needle lies where the spike begins, hence the first deflection is negative.

    Parameters
    ----------
    duration : float, default=2.0
        Seconds.
    sfreq : float, default=48_000
        Sampling rate, Hz.
    n_fibres : int or None, default=None
        Fibres that fire; 1 or 2.
    rate : float or None, default=None
        Mean rate, Hz, before those within 4 ms of another are left out (of 40, 33 remain); drawn
        from 8 to 40.
    amplitude : float or None, default=None
        Peak to peak, mV; drawn from 0.08 to 0.35.
    noise : bool or None, default=None
        Whether there is end-plate noise under the spikes; drawn, mostly true.
    site : Site or None, default=None
        Needle and muscle.
    random_state : int, Generator or None, default=None
        Seed.

    Returns
    -------
    Discharge

    References
    ----------
    Partanen J. Different types of fibrillation potentials in human needle EMG. 2013,
    doi:10.5772/55352 (their shortest intervals are below those of fibrillation). Partanen JV,
    Vanhanen J, Liljander SK. Electromyography of the muscle spindle. 2022 (spikes and miniature
    potentials mostly appear together). The numbers are choices.

    Examples
    --------
    >>> intervals = np.diff(end_plate_spikes(n_fibres=1, random_state=0).times[0])
    >>> bool(intervals.std() > 0.5 * intervals.mean())
    True
    """
    rng = seeded(duration, sfreq, random_state)
    chosen = rng.choice([1, 2], p=[0.7, 0.3])
    parts = []
    for _ in range(counted("n_fibres", n_fibres, chosen)):
        waves = fibre_waves(placed(site), sfreq, rng, end_plate=(-0.15, 0.15))
        waves = scaled(waves, draw("amplitude", amplitude, 0.08, 0.35, rng, log=True), sfreq)
        mean = draw("rate", rate, 8, 40, rng, log=True)
        times = spaced_times(mean, duration, shape=0.9, refractory=0.004, random_state=rng)
        parts.append((render_train(waves, times, duration, sfreq), times))
    hiss = rng.random() < 0.7
    if decided("noise", noise, hiss):
        parts.append((end_plate_noise(duration, sfreq, random_state=rng).signal, np.empty(0)))
    return continuous(parts, duration)


def insertional_activity(
    duration: float = 2.0,
    sfreq: float = 48_000,
    *,
    n_movements: int | None = None,
    amplitude: float | None = None,
    outlast: float = 0.06,
    site: Site | None = None,
    random_state: Seed = None,
) -> Discharge:
    """Make insertional activity: fibres fire as the needle moves, and fall silent afterwards.

    Parameters
    ----------
    duration : float, default=2.0
        Seconds.
    sfreq : float, default=48_000
        Sampling rate, Hz.
    n_movements : int or None, default=None
        Movements of the needle; drawn from 1 to 3.
    amplitude : float or None, default=None
        Peak to peak of the average fibre, mV; drawn from 0.1 to 0.5.
    outlast : float, default=0.06
        Time constant with which the firing fades after a movement, s; after five of them there is
        none. 0.06 is that of a healthy muscle.
    site : Site or None, default=None
        Needle and muscle.
    random_state : int, Generator or None, default=None
        Seed.

    Returns
    -------
    Discharge
        Its ``episodes`` are the movements.

    Raises
    ------
    ValueError
        If a setting is not a number, or is out of range.

    Examples
    --------
    >>> _, times, movements = insertional_activity(n_movements=1, random_state=0)
    >>> bool(max(t.max() for t in times if len(t)) < movements[0, 1] + 0.3)
    True
    """
    rng = seeded(duration, sfreq, random_state)
    site = placed(site)
    check_positive("outlast", outlast)
    chosen = int(rng.integers(1, 4))
    n = counted("n_movements", n_movements, chosen)
    amplitude = draw("amplitude", amplitude, 0.1, 0.5, rng, log=True)
    # A slot for each movement, so that one is over before the next begins.
    slots = np.linspace(0, duration, n + 1)[:-1]
    length = np.minimum(rng.uniform(0.06, 0.35, n), 0.45 * duration / n)
    begin = slots + rng.uniform(0.02, 0.98, n) * (0.5 * duration / n - 0.4 * length)
    moves = np.stack([begin, begin + length], axis=1)
    clock = np.arange(round(duration * 1000) + 1) / 1000
    signal, trains = np.zeros(round(duration * sfreq), np.float32), []
    for start, stop in moves:
        after = clock - stop
        firing = np.where(after < 0, 1.0, np.exp(-after / outlast)) * (after < 5 * outlast)
        rate = rng.uniform(250, 600) * firing * (clock >= start)
        times = spaced_times(rate, duration, shape=1.0, random_state=rng)
        signal += _disturbed_fibres(site, sfreq, times, duration, amplitude, rng)
        signal += _needle_swing(start, stop, len(signal), sfreq, rng)
        trains.append(times)
    return Discharge(signal, trains, moves)


def _disturbed_fibres(
    site: Site,
    sfreq: float,
    times: NDArray[np.floating],
    duration: float,
    amplitude: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Thirty fibres near the tip's path, half of them injured there: negative or positive."""
    near = fibre_waves(site, sfreq, rng, n=15, distance=(0.08, 0.5), end_plate=(0.0, 6.0))
    hurt = np.concatenate(
        [
            positive_sharp_waves(
                sfreq, duration=rng.uniform(0.005, 0.014), negative=0.1, fall=0.0007, rise=0.0002
            )
            for _ in range(15)
        ]
    )
    waves = scaled(np.concatenate([near, hurt]), amplitude * rng.lognormal(-0.25, 0.7, 30), sfreq)
    which = rng.integers(30, size=len(times))
    return render_train(waves, times, duration, sfreq, which=which)


def _needle_swing(
    start: float, stop: float, n_times: int, sfreq: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Slow deflection as the electrode's contact with the tissue changes."""
    clock = np.arange(n_times) / sfreq
    gate = np.where((clock >= start) & (clock < stop), 1.0, np.exp(-(clock - stop) / 0.04))
    gate = np.where(clock < start, 0.0, np.minimum(gate, 1.0))
    sections = scipy.signal.butter(2, 25, fs=sfreq, output="sos")
    swing = scipy.signal.sosfilt(sections, gate * rng.standard_normal(n_times))
    height = np.abs(swing).max()
    if not height:
        return np.zeros(n_times, np.float32)
    return (rng.uniform(0.04, 0.2) / height * swing).astype(np.float32)
