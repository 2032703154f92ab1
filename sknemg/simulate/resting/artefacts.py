"""Artefacts and electrical silence."""

from typing import Any

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from sknemg.recordings._problems import check_choice
from sknemg.simulate.checks import check_length
from sknemg.simulate.resting.settings import Seed, draw, seeded
from sknemg.simulate.resting.waves import Discharge

#: The kinds of artefacts.
ARTEFACTS = ("mains", "pacemaker", "pops", "movement")


def artefact(
    duration: float = 2.0,
    sfreq: float = 48_000,
    *,
    kind: str | None = None,
    amplitude: float | None = None,
    random_state: Seed = None,
) -> Discharge:
    """Artefact: mains hum, a pacemaker, pops of a bad contact, or movement of the needle.

    Parameters
    ----------
    duration : float, default=2.0
        Seconds.
    sfreq : float, default=48_000
        Sampling rate, Hz.
    kind : {"mains", "pacemaker", "pops", "movement"} or None, default=None
        Which kind; drawn by default.
    amplitude : float or None, default=None
        Height, mV; drawn from 0.04 to 1.
    random_state : int, Generator or None, default=None
        Seed.

    Returns
    -------
    Discharge
        Without times, except those of a pacemaker and of pops.

    Raises
    ------
    ValueError
        If the kind is unknown, or a setting is out of bounds.

    Examples
    --------
    >>> artefact(kind="pacemaker", random_state=0).times[0].round(2).tolist()
    [0.06, 0.82, 1.58]
    """
    rng = seeded(duration, sfreq, random_state)
    drawn = ARTEFACTS[rng.integers(len(ARTEFACTS))]
    kind = drawn if kind is None else kind
    check_choice(ARTEFACTS, kind=kind)
    height = draw("amplitude", amplitude, 0.04, 1.0, rng, log=True)
    clock = np.arange(round(duration * sfreq)) / sfreq
    if kind == "mains":
        wave, times = _hum(clock, rng), np.empty(0)
    elif kind == "movement":
        wave, times = _swings(clock, sfreq, rng), np.empty(0)
    elif kind == "pacemaker":
        period = rng.uniform(0.75, 1.0)
        times = np.arange(rng.uniform(0.05, period), duration, period)
        wave = _stimuli(clock, times, rng)
    else:
        times = np.sort(rng.uniform(0, duration, rng.integers(1, 7)))
        wave = _pops(clock, times, rng)
    # A clip shorter than the time to the first stimulus holds nothing, and stays flat.
    peak = np.abs(wave).max(initial=0.0)
    signal = (height / peak * wave if peak else wave).astype(np.float32)
    return Discharge(signal, [times] if len(times) else [], np.array([[0.0, duration]]))


def silence(
    duration: float = 2.0, sfreq: float = 48_000, *, random_state: Seed = None
) -> Discharge:
    """Electrical silence of a relaxed muscle: zeros, for the amplifier to add its noise.

    Parameters
    ----------
    duration : float, default=2.0
        Seconds.
    sfreq : float, default=48_000
        Sampling rate, Hz.
    random_state : int, Generator or None, default=None
        Ignored.

    Returns
    -------
    Discharge

    Raises
    ------
    ValueError
        If `duration` holds no sample at `sfreq`.

    Examples
    --------
    >>> bool(silence().signal.any())
    False
    """
    check_length(duration, sfreq)
    return Discharge(np.zeros(round(duration * sfreq), np.float32), [], np.empty((0, 2)))


def _hum(clock: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """50 or 60 Hz with odd harmonics, swaying as somebody moves a cable."""
    mains = rng.choice([50.0, 60.0])
    wave = np.zeros_like(clock)
    for harmonic, most in ((1, 1.0), (3, 0.5), (5, 0.3), (7, 0.2)):
        share = most if harmonic == 1 else rng.uniform(0, most)
        wave += share * np.sin(2 * np.pi * (harmonic * mains * clock + rng.uniform()))
    sway = np.sin(2 * np.pi * (rng.uniform(0.2, 1.0) * clock + rng.uniform()))
    return wave * (1 + rng.uniform(0, 0.4) * sway)


def _swings(clock: NDArray[Any], sfreq: float, rng: np.random.Generator) -> NDArray[Any]:
    """Noise of 2 to 18 Hz in bouts that fade."""
    if not len(clock):
        return clock
    bouts = np.zeros_like(clock)
    for start in rng.uniform(0, 0.8 * clock.max(initial=0.0), rng.integers(1, 5)):
        since = np.maximum(clock - start, 0)
        bouts += rng.uniform(0.3, 1) * -np.expm1(-since / 0.03) * np.exp(-since / 0.15)
    sections = scipy.signal.butter(2, (2, 18), "bandpass", fs=sfreq, output="sos")
    return bouts * scipy.signal.sosfilt(sections, rng.standard_normal(len(clock)))


def _stimuli(clock: NDArray[Any], times: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Rectangular pulses of half a millisecond, with a slow recharge of the other sign."""
    width, recharge = rng.uniform(0.0003, 0.0008), rng.uniform(0.003, 0.012)
    wave = np.zeros_like(clock)
    for time in times:
        since = clock - time
        wave += (since >= 0) & (since < width)
        wave -= 0.15 * (since >= width) * np.exp(-np.maximum(since - width, 0) / recharge)
    return wave * rng.choice([-1, 1])


def _pops(clock: NDArray[Any], times: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Jumps of either sign that decay."""
    wave = np.zeros_like(clock)
    for time in times:
        since = clock - time
        fall = np.exp(rng.uniform(np.log(0.0005), np.log(0.02)))
        jump = rng.choice([-1, 1]) * rng.uniform(0.3, 1)
        wave += jump * (since >= 0) * np.exp(-np.maximum(since, 0) / fall)
    return wave
