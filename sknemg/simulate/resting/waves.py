"""Potentials of spontaneous activity, and trains of them, at any sampling rate.

A wave is kept as spectra (n_variants, n_freqs) on the grid of :func:`~.fibre.time_grid`, so that
it can be placed between samples and rendered at any rate.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sknemg.simulate.checks import check_number, check_positive
from sknemg.simulate.fibre import (
    FIBRE_DIAMETERS,
    Fibres,
    fibre_spectra,
    healthy_velocity,
    phase_ramp,
    time_grid,
    to_potentials,
)
from sknemg.simulate.needle import Needle, check_electrode, monopolar

#: Points per second of the grid on which discharges are placed.
TIMING = 320_000
#: Where the analytic waves begin in their window, s.
LEAD = 0.003


class Discharge(NamedTuple):
    """Spontaneous activity, before any amplifier.

    Parameters
    ----------
    signal : ndarray of shape (n_times,), float32
        Millivolts; a spike is negative, as in life.
    times : list of ndarray
        When each generator (fibre or motor unit) fired: its main peaks, s.
    episodes : ndarray of shape (n_episodes, 2)
        Start and end of each run, burst or movement of the needle, s.

    Examples
    --------
    >>> from sknemg.simulate.resting import fibrillation_potential
    >>> discharge = fibrillation_potential(n_fibres=1, rate=10, random_state=0)
    >>> discharge.signal.shape, len(discharge.times), discharge.episodes.shape
    ((96000,), 1, (1, 2))
    """

    signal: NDArray[np.float32]
    times: list[NDArray[np.floating]]
    episodes: NDArray[np.floating]


def continuous(parts: list[tuple[NDArray[Any], NDArray[Any]]], duration: float) -> Discharge:
    """Sum of trains (signal, times) that go on through the clip."""
    signal = np.stack([part for part, _ in parts]).sum(axis=0, dtype=np.float32)
    trains = [times for _, times in parts if len(times)]
    return Discharge(signal, trains, np.array([[0.0, duration]]))


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where the needle lies, and in what muscle.

    Parameters
    ----------
    needle : Needle, default=``monopolar(radius=0.25)``
        The electrode; by default a monopolar one with a radius of 0.25 mm.
    decay : float, default=2.0
        Steepness of the intracellular action potential, 1/mm; smaller gives longer spikes.
    diameter : float, default=55.0
        Mean diameter of healthy fibres, µm.

    Examples
    --------
    >>> from sknemg.simulate import concentric
    >>> Site(needle=concentric()).diameter
    55.0
    """

    needle: Needle = field(default_factory=partial(monopolar, radius=0.25))
    decay: float = 2.0
    diameter: float = 55.0

    def __post_init__(self) -> None:
        check_electrode("needle", self.needle)
        check_positive("decay", self.decay)
        check_number("diameter", self.diameter, *FIBRE_DIAMETERS)


def fibre_waves(
    site: Site,
    sfreq: float,
    rng: np.random.Generator,
    *,
    n: int = 1,
    distance: tuple[float, float] = (0.1, 0.35),
    thickness: tuple[float, float] = (0.8, 1.1),
    end_plate: tuple[float, float] = (4.0, 20.0),
    delay: NDArray[Any] | float = 0.0,
) -> NDArray[np.complex64]:
    """Potentials of ``n`` single fibres around the tip, spectra (n, n_freqs).

    The ranges are those of their distances from the tip (mm), of their diameters (shares of the
    muscle's mean) and of the distance between tip and end-plate along the fibre (mm); the delays
    are in seconds.
    """
    _, n_fft, period = time_grid(sfreq)
    radius, angle = rng.uniform(*distance, n), rng.uniform(0, 2 * np.pi, n)
    middle = site.needle.z - rng.uniform(*end_plate, n)
    fibres = Fibres(
        x=site.needle.x + radius * np.cos(angle),
        y=site.needle.y + radius * np.sin(angle),
        diameter=site.diameter * rng.uniform(*thickness, n),
        end_plate=middle,
        left=middle - rng.uniform(45, 55, n),
        right=middle + rng.uniform(45, 55, n),
        delay=delay,
    )
    return fibre_spectra(fibres, site.needle, period=period, n_fft=n_fft, decay=site.decay)


def motor_unit_waves(
    site: Site,
    sfreq: float,
    rng: np.random.Generator,
    *,
    n_fibres: int = 150,
    territory: float = 5.0,
    offset: float = 1.0,
    dispersion: float = 0.0,
    jitter: float = 25e-6,
    blocking: float = 0.0,
    n_variants: int = 8,
) -> NDArray[np.complex64]:
    """Potentials of one motor unit in several discharges, spectra (n_variants, n_freqs).

    ``territory`` is its diameter and ``offset`` the distance from its middle to the tip (mm).
    ``dispersion`` is the mean of the fibres' extra delay (s), as young sprouts conduct late and
    unevenly; ``jitter`` the standard deviation of a fibre's delay from discharge to discharge
    (s); ``blocking`` the probability that it fails.
    """
    _, n_fft, period = time_grid(sfreq)
    radius = territory / 2 * np.sqrt(rng.random(n_fibres))
    angle, bearing = rng.uniform(0, 2 * np.pi, n_fibres), rng.uniform(0, 2 * np.pi)
    branch = 1.1 * rng.standard_normal(n_fibres)
    diameter = np.clip(site.diameter * (1 + 0.11 * rng.standard_normal(n_fibres)), *FIBRE_DIAMETERS)
    fibres = Fibres(
        x=site.needle.x + offset * np.cos(bearing) + radius * np.cos(angle),
        y=site.needle.y + offset * np.sin(bearing) + radius * np.sin(angle),
        diameter=diameter,
        end_plate=branch + rng.normal(0, 1.5),
        velocity=healthy_velocity(diameter),
        delay=np.abs(branch) / 6000 + rng.gamma(1.6, dispersion / 1.6, n_fibres),
    )
    spectra = fibre_spectra(fibres, site.needle, period=period, n_fft=n_fft, decay=site.decay)
    shifts = jitter * rng.standard_normal((n_variants, n_fibres))
    fired = rng.random((n_variants, n_fibres)) >= blocking
    return np.stack(
        [
            ok @ (spectra * phase_ramp(shift, spectra.shape[1], period))
            for ok, shift in zip(fired.astype(np.float32), shifts, strict=True)
        ]
    )


def positive_sharp_waves(
    sfreq: float,
    *,
    duration: float = 0.018,
    negative: float = 0.06,
    fall: float = 0.001,
    rise: float = 0.0004,
) -> NDArray[np.complex64]:
    """Steep positive deflection of 1 mV, then a long and low negative one, spectra (1, n_freqs).

    A template: a fibre that simply ends at the tip has far too large a negative phase, and no
    model of the injured membrane is attempted. ``duration`` is that of the whole wave (s),
    ``negative`` the height of its negative phase, to which an amplifier's high-pass filter
    (20 Hz) adds some 0.15; ``fall`` and ``rise`` are the time constants of the deflection (s).
    """
    _, n_fft, period = time_grid(sfreq)
    time = np.maximum(np.arange(n_fft) * period / n_fft - LEAD, 0)
    spike = np.exp(-time / fall) - np.exp(-time * (1 / fall + 1 / rise))
    peak = duration / 4
    lobe = (time / peak) ** 2 * np.exp(2 - 2 * time / peak)
    return scipy.fft.rfft((spike / spike.max() - negative * lobe).astype(np.float32))[None]


def miniature_waves(
    sfreq: float, *, rise: float = 0.00015, fall: float = 0.0007
) -> NDArray[np.complex64]:
    """Miniature end-plate potential: monophasic, negative, 1 mV, spectra (1, n_freqs)."""
    _, n_fft, period = time_grid(sfreq)
    time = np.maximum(np.arange(n_fft) * period / n_fft - LEAD, 0)
    wave = np.exp(-time / fall) - np.exp(-time / rise)
    return scipy.fft.rfft((-wave / wave.max()).astype(np.float32))[None]


def scaled(
    waves: NDArray[Any], amplitude: NDArray[Any] | float, sfreq: float
) -> NDArray[np.complex64]:
    """Waves at given peak-to-peak amplitudes (mV).

    Variants of one potential (scalar ``amplitude``) keep their ratios.

    Examples
    --------
    >>> wave = scaled(miniature_waves(48_000), 0.05, 48_000)
    >>> round(float(np.ptp(to_potentials(wave, 2048, 1024))), 3)
    0.05
    """
    height = np.ptp(_finely(waves, sfreq)[0], axis=1)
    if np.ndim(amplitude) == 0:
        height = np.full_like(height, height.mean())
    return waves * (np.asarray(amplitude) / height)[:, None].astype(np.float32)


def placed(site: Site | None) -> Site:
    """Return the site given, or the usual one."""
    if site is None:
        return Site()
    if not isinstance(site, Site):
        raise ValueError(
            f"site is a {type(site).__name__}: give a Site, such as Site(needle=concentric())."
        )
    return site


def render_train(
    waves: NDArray[Any],
    times: NDArray[Any],
    duration: float,
    sfreq: float,
    *,
    gains: NDArray[Any] | float = 1.0,
    which: NDArray[Any] | int = 0,
) -> NDArray[np.float32]:
    """Lay waves down so that their main peaks fall on the given times; millivolts.

    ``gains`` and ``which`` (the variant) are one for all events or one for each. Times (s) are
    kept to some microseconds, not to the sample; a wave may reach in from outside the signal.
    """
    n_out = round(duration * sfreq)
    if not len(times):
        return np.zeros(n_out, np.float32)
    n_times, n_fft, period = time_grid(sfreq)
    n_phases = max(1, round(TIMING / sfreq))
    which = np.broadcast_to(which, times.shape)
    gains = np.broadcast_to(np.asarray(gains, np.float32), times.shape)
    fine, step = _finely(waves, sfreq)
    peak = np.abs(fine).argmax(axis=1) * step
    ticks = np.round((times - peak[which]) * sfreq * n_phases).astype(int)
    start, phase = np.divmod(ticks, n_phases)
    used, row = np.unique(which * n_phases + phase, return_inverse=True)
    shift = phase_ramp(used % n_phases / (n_phases * sfreq), waves.shape[1], period)
    bank = to_potentials(waves[used // n_phases] * shift, n_times, n_fft)
    out = np.zeros(n_out + 2 * n_times, np.float32)
    for at, index, gain in zip(start + n_times, row, gains, strict=True):
        if not 0 <= at <= n_out + n_times:
            continue
        out[at : at + n_times] += gain * bank[index]
    return out[n_times : n_times + n_out]


def _finely(waves: NDArray[Any], sfreq: float) -> tuple[NDArray[np.floating], float]:
    """Waves at 16 times the internal rate and their step (s), alike at every ``sfreq``."""
    _, n_fft, period = time_grid(sfreq)
    return 16 * scipy.fft.irfft(waves, 16 * n_fft, axis=1), period / (16 * n_fft)
