"""Fibrillation potentials and positive sharp waves."""

import numpy as np
from numpy.typing import NDArray

from sknemg.simulate.checks import check_number
from sknemg.simulate.resting.firing import slowing_rate, spaced_times
from sknemg.simulate.resting.settings import Seed, counted, draw, seeded
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

#: Diameters of denervated fibres, as shares of the muscle's mean.
ATROPHIC = (0.5, 0.75)


def fibrillation_potential(
    duration: float = 2.0,
    sfreq: float = 48_000,
    *,
    n_fibres: int | None = None,
    rate: float | None = None,
    amplitude: float | None = None,
    variability: float = 0.012,
    slowing: float | None = None,
    site: Site | None = None,
    random_state: Seed = None,
) -> Discharge:
    """Fibrillation potentials: thin denervated fibres that fire like clockwork.

    Parameters
    ----------
    duration : float, default=2.0
        Seconds.
    sfreq : float, default=48_000
        Sampling rate, Hz.
    n_fibres : int or None, default=None
        Fibres that fibrillate; drawn from 1 to 3, mostly 1.
    rate : float or None, default=None
        Hz; drawn from 0.8 to 14 for each fibre (0.5 to 15 published). A rate below one discharge
        in the clip is raised to one.
    amplitude : float or None, default=None
        Peak to peak, mV; drawn from 0.03 to 0.2 (0.02 to 0.2 published).
    variability : float, default=0.012
        Coefficient of variation of the intervals, apart from the trend.
    slowing : float or None, default=None
        Share of the rate that is lost by the end; drawn from 0 to 0.06.
    site : Site or None, default=None
        Needle and muscle.
    random_state : int, Generator or None, default=None
        Seed.

    Returns
    -------
    Discharge

    References
    ----------
    Published values: StatPearls, article 19794. Others are choices.

    Examples
    --------
    >>> signal, times, _ = fibrillation_potential(n_fibres=1, rate=10, random_state=0)
    >>> signal.shape, len(times[0])
    ((96000,), 20)
    """
    rng = seeded(duration, sfreq, random_state)
    chosen = rng.choice([1, 2, 3], p=[0.6, 0.25, 0.15])
    parts = []
    for _ in range(counted("n_fibres", n_fibres, chosen)):
        waves = fibre_waves(placed(site), sfreq, rng, thickness=ATROPHIC)
        waves = scaled(waves, draw("amplitude", amplitude, 0.03, 0.2, rng, log=True), sfreq)
        times = _clockwork(rate, duration, variability, slowing, rng)
        parts.append((render_train(waves, times, duration, sfreq), times))
    return continuous(parts, duration)


def positive_sharp_wave(
    duration: float = 2.0,
    sfreq: float = 48_000,
    *,
    n_fibres: int | None = None,
    rate: float | None = None,
    amplitude: float | None = None,
    negative: float | None = None,
    variability: float = 0.012,
    slowing: float | None = None,
    random_state: Seed = None,
) -> Discharge:
    """Positive sharp waves: injured or denervated fibres, their spike blocked at the needle.

    Parameters
    ----------
    duration : float, default=2.0
        Seconds.
    sfreq : float, default=48_000
        Sampling rate, Hz.
    n_fibres : int or None, default=None
        Fibres that fire; 1, sometimes 2.
    rate : float or None, default=None
        Hz; drawn from 0.8 to 14 for each fibre (0.5 to 15 published). A rate below one discharge
        in the clip is raised to one.
    amplitude : float or None, default=None
        Peak to peak, mV; drawn from 0.05 to 0.4.
    negative : float or None, default=None
        Negative phase as a share of the positive one, drawn from 0.02 to 0.1; the amplifier's
        high-pass filter adds some 0.15.
    variability : float, default=0.012
        Coefficient of variation of the intervals, apart from the trend.
    slowing : float or None, default=None
        Share of the rate that is lost by the end; drawn from 0 to 0.06.
    random_state : int, Generator or None, default=None
        Seed.

    Returns
    -------
    Discharge

    References
    ----------
    Rate and duration (10 to 30 ms): StatPearls, article 19794. Others are choices.

    Examples
    --------
    >>> signal = positive_sharp_wave(random_state=0).signal
    >>> bool(signal.max() > -3 * signal.min())
    True
    """
    rng = seeded(duration, sfreq, random_state)
    chosen = rng.choice([1, 2], p=[0.75, 0.25])
    parts = []
    for _ in range(counted("n_fibres", n_fibres, chosen)):
        waves = positive_sharp_waves(
            sfreq,
            duration=rng.uniform(0.015, 0.028),
            negative=draw("negative", negative, 0.02, 0.1, rng, most=1),
            fall=rng.uniform(0.0005, 0.0013),
            rise=rng.uniform(0.0002, 0.0005),
        )
        waves = scaled(waves, draw("amplitude", amplitude, 0.05, 0.4, rng, log=True), sfreq)
        times = _clockwork(rate, duration, variability, slowing, rng)
        parts.append((render_train(waves, times, duration, sfreq), times))
    return continuous(parts, duration)


def _clockwork(
    rate: float | None,
    duration: float,
    variability: float,
    slowing: float | None,
    rng: np.random.Generator,
) -> NDArray[np.floating]:
    """Draw the times of a denervated fibre, at least one of them in the clip."""
    check_number("variability", variability, 0)
    rate = max(draw("rate", rate, 0.8, 14, rng, log=True), 1 / duration)
    rates = slowing_rate(rate, draw("slowing", slowing, 0, 0.06, rng, most=1))
    times = spaced_times(rates, duration, variability=variability, random_state=rng)
    return times if len(times) else np.array([duration / 2])
