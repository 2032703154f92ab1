"""Extracellular potentials of single muscle fibres by one convolution each."""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sknemg.recordings._problems import listed, shown
from sknemg.simulate.checks import LEAST_SFREQ, check_length, check_number, check_positive
from sknemg.simulate.needle import RESISTIVITY_ACROSS, Needle, check_electrode

#: Conductivity inside a fibre, S/m (that of emgsim, Hamilton-Wright and Stashuk 2005), and across
#: the muscle (from Rush et al. 1963, as is the needle's anisotropy).
INTRACELLULAR, RADIAL = 1.01, 100 / RESISTIVITY_ACROSS
#: Scale of the intracellular action potential, mV; its peak is 129 mV above rest.
ACTION_POTENTIAL = 96.0
#: Steepness of the intracellular action potential, 1/mm: 1 in Rosenfalck, 2 in Nandedkar and
#: Stålberg. Beside a fibre (at 0.03 mm) the power of its potential then peaks at 0.47 and 0.90 kHz;
#: that of single fibres of human biceps peaks at 1.61 kHz and is half as high at 0.98 and 2.41 kHz
#: (abstract of "Frequency and time domain characteristics of single muscle fibre action
#: potentials", 1975, PubMed 51720). With 2.8 it peaks at 1.2 kHz (half as high at 0.62 and 2.08),
#: with 4 at 1.62 kHz (0.85 and 2.77); a high-pass filter in that recording, which the abstract does
#: not mention, would be a reason for less than 4. The value was also chosen with N2001 in view,
#: where potentials rise in 0.3 to 0.5 ms: simulated for a concentric needle, they took 0.54 to
#: 0.71 ms with 2, and still take 0.5 ms.
DECAY = 3.7
#: Depolarisation that the spike leaves behind, mV, and its time constant, s: the source of the slow
#: wave that follows a motor unit potential (McGill and Lateva 2001). Both figures were chosen with
#: N2001 in view: the tail that follows its normal units falls from 9 % of their size at 3 to 10 ms
#: after the spike to 4 % at 10 to 15 ms and 1 % at 15 to 25 ms. That of simulated units is a third
#: of this; with more, their potentials would last too long.
AFTERPOTENTIAL, AFTERPOTENTIAL_DECAY = 15.0, 0.010
#: Bounds of the diameters of simulated fibres, µm.
FIBRE_DIAMETERS = (20.0, 110.0)
#: Rate at which the potentials are computed, Hz; they hold next to nothing above half of it.
INTERNAL_SFREQ = 24_000
#: Seconds for which a potential is followed: even rather slow fibres reach their ends by then.
DURATION = 1024 / INTERNAL_SFREQ


@dataclass(frozen=True, eq=False)
class Fibres:
    """Muscle fibres: array-likes or scalars in, arrays of one length out.

    Parameters
    ----------
    x, y : array-like of shape (n_fibres,)
        Position across the muscle, mm.
    diameter : array-like
        Fibre diameter, µm.
    end_plate : array-like, default=0.0
        Neuromuscular junction along the fibre, mm from the middle of the end-plate band.
    left, right : array-like, default=-50.0, 50.0
        Tendon ends along the fibre, mm.
    velocity : array-like or None, default=None
        Conduction velocity, m/s; None for that of a healthy fibre of this diameter.
    delay : array-like, default=0.0
        Time from the arrival of a discharge in the muscle to its arrival at the end-plate, s.
    jitter : array-like, default=0.0
        Standard deviation of that delay from one discharge to the next, s.
    blocking : array-like, default=0.0
        Probability that a discharge fails at the junction.
    tension : array-like, default=1.0
        Force per cross-section, relative to a healthy fibre.
    unit : array-like of int, default=0
        Motor unit of each fibre; -1 for a fibre without one.
    junction : array-like of int, default=-1
        Fibres with the same number are branches of one that has split, and share its neuromuscular
        junction, with its jitter and its blocking; -1 for a fibre that has its own.

    Raises
    ------
    ValueError
        If a number is none, infinite or out of bounds, naming the fibres.

    Examples
    --------
    >>> fibres = Fibres(x=[0.1, 0.3], y=0.0, diameter=55.0)
    >>> len(fibres), fibres.velocity.tolist()
    (2, [3.7, 3.7])
    """

    x: Any
    y: Any
    diameter: Any
    end_plate: Any = 0.0
    left: Any = -50.0
    right: Any = 50.0
    velocity: Any = None
    delay: Any = 0.0
    jitter: Any = 0.0
    blocking: Any = 0.0
    tension: Any = 1.0
    unit: Any = 0
    junction: Any = -1

    def __post_init__(self) -> None:
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        if given["velocity"] is None:
            given["velocity"] = healthy_velocity(np.asarray(given["diameter"], float))
        shape = np.broadcast_shapes(*(np.shape(value) for value in given.values()), (1,))
        for name, value in given.items():
            dtype = np.int64 if name in ("unit", "junction") else np.float64
            object.__setattr__(self, name, np.broadcast_to(np.asarray(value, dtype), shape))

            if dtype is np.float64:
                _check_numbers(name, getattr(self, name))

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, key: NDArray[Any]) -> Self:
        return type(self)(**{f.name: getattr(self, f.name)[key] for f in fields(self)})


def _check_numbers(name: str, values: NDArray[Any]) -> None:
    """Refuse what no fibre can have, naming the fibres."""
    good = np.isfinite(values)
    wanted = "finite numbers"
    if name in ("diameter", "velocity"):
        good &= values > 0
        wanted = "numbers > 0"
    elif name in ("jitter", "tension", "blocking"):
        most = 1.0 if name == "blocking" else np.inf
        good &= (values >= 0) & (values <= most)
        wanted = "numbers from 0 to 1" if name == "blocking" else "numbers >= 0"
    if not good.all():
        wrong = np.flatnonzero(~good)
        raise ValueError(
            f"{name} is {shown(values[wrong[0]])} in {listed(wrong, 'fibre')}: give {wanted}."
        )


def check_sorted(fibres: Fibres) -> None:
    """Refuse fibres that are not sorted by motor unit.

    Raises
    ------
    ValueError
        Naming the first fibre that is out of order.
    """
    if len(wrong := np.flatnonzero(np.diff(fibres.unit) < 0)):
        raise ValueError(
            f"fibre {wrong[0] + 1} of unit {fibres.unit[wrong[0] + 1]} follows one of unit "
            f"{fibres.unit[wrong[0]]}: sort the fibres, as fibres[np.argsort(fibres.unit)] does."
        )


def _check_ends(fibres: Fibres) -> None:
    """Refuse fibres whose end-plate lies beyond a tendon."""
    beyond = (fibres.end_plate < fibres.left) | (fibres.end_plate > fibres.right)
    if beyond.any():
        raise ValueError(
            f"end_plate lies beyond the tendons in {listed(np.flatnonzero(beyond), 'fibre')}: let "
            "it lie from left to right."
        )


def healthy_velocity(diameter: Any) -> Any:
    """Conduction velocity of a healthy fibre, m/s, from its diameter, µm (Blijham 2006).

    Examples
    --------
    >>> healthy_velocity(55.0)
    3.7
    """
    return 0.95 + 0.05 * diameter


def time_grid(sfreq: float, duration: float = DURATION) -> tuple[int, int, float]:
    """Return the number of output samples, that of the internal grid, and the period (s) of both.

    Examples
    --------
    >>> time_grid(48_000)
    (2048, 1024, 0.042666666666666665)
    >>> time_grid(10_000)[:2]
    (427, 1024)
    """
    check_number("sfreq", sfreq, LEAST_SFREQ)
    n_times = round(duration * sfreq)
    period = n_times / sfreq
    n_fft = scipy.fft.next_fast_len(2 * round(period * INTERNAL_SFREQ / 2), real=True)
    return n_times, n_fft, period


def fibre_spectra(
    fibres: Fibres,
    needle: Needle,
    *,
    period: float,
    n_fft: int,
    n_freqs: int | None = None,
    decay: float = DECAY,
) -> NDArray[np.complex64]:
    """Spectra of single-fibre potentials, in millivolts, on ``n_fft`` points over ``period`` s.

    The line-source potential written as a convolution: the slope of the intracellular action
    potential with its afterpotential, travelling both ways from the end-plate, with the slope of
    the needle's weighting function between end-plate and tendons. Because the weights are
    differenced over bins that are cut at the end-plate and at the tendons, onset, propagation,
    extinction and zero net current need no further care, and neither do fibres that all but touch
    the needle.

    Parameters
    ----------
    fibres : Fibres
        The fibres.
    needle : Needle
        The electrode.
    period : float
        Seconds that the spectrum's implicit time grid spans.
    n_fft : int
        Points of that grid (even).
    n_freqs : int or None
        Return so many frequencies, from 0 up; None for all ``n_fft // 2 + 1``.
    decay : float
        Steepness λ of the intracellular action potential, 1/mm; a smaller one gives a longer
        spike (1 is Rosenfalck's, 2 Nandedkar's).

    Returns
    -------
    ndarray of shape (n_fibres, n_freqs), complex64

    References
    ----------
    Nandedkar SD, Stålberg E. Simulation of single muscle fibre action potentials. Med Biol Eng
    Comput 1983;21:158-165. Farina D, Merletti R. A novel approach for precise simulation of the
    EMG signal detected by surface electrodes. IEEE Trans Biomed Eng 2001;48:637-646. McGill KC,
    Lateva ZC. A model of the muscle-fiber intracellular action potential waveform, including the
    slow repolarization phase. IEEE Trans Biomed Eng 2001;48:1480-1483.

    Examples
    --------
    >>> from sknemg.simulate import monopolar
    >>> fibre_spectra(Fibres(0.2, 0.0, 55.0), monopolar(), period=0.04, n_fft=960).shape
    (1, 481)
    """
    step = period / n_fft * 1000  # milliseconds, as mm / ms is m / s
    velocity = fibres.velocity[:, None].astype(np.float32)
    origin = (fibres.end_plate - needle.z)[:, None]
    kernel = np.zeros((len(fibres), n_fft), np.float32)
    for sign, length in (
        (1, fibres.right - fibres.end_plate),
        (-1, fibres.end_plate - fibres.left),
    ):
        needed = int(np.ceil((length / fibres.velocity).max() / step + 1.5)) if len(fibres) else 0
        needed = min(needed, n_fft)
        edges = (np.arange(-0.5, needed) * step).astype(np.float32) * velocity
        edges = np.clip(edges, 0, length[:, None].astype(np.float32))
        weight = needle.weight(
            fibres.x[:, None].astype(np.float32),
            fibres.y[:, None].astype(np.float32),
            (origin + sign * edges).astype(np.float32),
        )
        kernel[:, :needed] += np.diff(weight, axis=1)
    spectra = scipy.fft.rfft(kernel, axis=1)[:, :n_freqs]
    n_freqs = spectra.shape[1]
    omega = (2 * np.pi / (period * 1000) * np.arange(n_freqs)).astype(np.float32)
    wave = 1j * (omega / velocity)
    pole = 1 / (decay + wave)
    slow = AFTERPOTENTIAL / (1 / (AFTERPOTENTIAL_DECAY * 1000 * velocity) + wave)
    wave *= 6 * ACTION_POTENTIAL * pole + slow
    wave *= pole
    wave *= pole
    wave *= pole
    area = np.pi * (fibres.diameter / 1000) ** 2 / 4
    gain = INTRACELLULAR * area / (4 * np.pi * RADIAL) * decay**3 / step
    spectra *= wave
    spectra *= (gain[:, None] / velocity).astype(np.float32)
    spectra *= phase_ramp(fibres.delay, n_freqs, period)
    return spectra


def phase_ramp(delay: NDArray[Any], n_freqs: int, period: float) -> NDArray[np.complex64]:
    """Spectra exp(-jωτ) of delays τ (s) at ω = 0, 2π / period, ..., along a new last axis.

    The powers of one number are an outer product of its small and its large powers, which is an
    order of magnitude faster to compute than as many exponentials.

    Examples
    --------
    >>> np.allclose(phase_ramp(np.array([0.25]), 3, 1.0), [[1, -1j, -1]])
    True
    """
    turn = -2j * np.pi / period * np.asarray(delay)[..., None]
    fine = np.exp(turn * np.arange(32)).astype(np.complex64)
    coarse = np.exp(turn * np.arange(0, n_freqs, 32)).astype(np.complex64)
    ramp = coarse[..., :, None] * fine[..., None, :]
    n_powers = ramp.shape[-2] * ramp.shape[-1]  # -1 would not do if there are no delays
    return ramp.reshape(*ramp.shape[:-2], n_powers)[..., :n_freqs]


def to_potentials(spectra: NDArray[Any], n_times: int, n_fft: int) -> NDArray[np.float32]:
    """Potentials of ``n_times`` samples from spectra on ``n_fft``, settled to rest at their end.

    A rate below the internal one keeps the band up to half of it, its last tenth tapered, so that
    nothing aliases; no signal at the internal rate is made.

    Examples
    --------
    >>> to_potentials(np.zeros((1, 513), np.complex64), 427, 1024).shape
    (1, 427)
    """
    kept = min(n_times, n_fft) // 2 + 1
    spectra = spectra[..., :kept]
    if n_times < n_fft:
        taper = np.ones(kept, np.float32)
        ramp = kept // 10
        taper[-ramp:] = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, ramp + 1) / ramp)
        spectra = spectra * taper
    out = scipy.fft.irfft(spectra, n_times, axis=-1) * np.float32(n_times / n_fft)
    tail = max(n_times // 34, 1)
    out -= out[..., -tail:].mean(axis=-1, keepdims=True)
    fade = n_times // 10
    out[..., -fade:] *= (0.5 + 0.5 * np.cos(np.pi * np.arange(1, fade + 1) / fade)).astype(
        out.dtype
    )
    return out.astype(np.float32, copy=False)


def fibre_potentials(
    fibres: Fibres,
    needle: Needle,
    *,
    sfreq: float = 48_000,
    duration: float = DURATION,
    decay: float = DECAY,
) -> NDArray[np.float32]:
    """Single-fibre potentials as the needle sees them, before any amplifier.

    Parameters
    ----------
    fibres : Fibres
        The fibres.
    needle : Needle
        The electrode.
    sfreq : float, default=48_000
        Sampling rate, Hz.
    duration : float, default=0.0427
        Seconds from the arrival of the discharge in the muscle. A shorter duration gives the
        beginning of the same potentials.
    decay : float, default=3.7
        Steepness of the intracellular action potential, 1/mm.

    Returns
    -------
    ndarray of shape (n_fibres, n_times), float32
        Millivolts. A spike is negative, as in life; draw it with the axis inverted.

    Raises
    ------
    ValueError
        If a setting is out of bounds, or an end-plate lies beyond the tendons.

    Examples
    --------
    Peak-to-peak millivolts at 0.1 and 0.5 mm of a thin electrode:

    >>> import numpy as np
    >>> from sknemg.simulate import monopolar
    >>> fibres = Fibres(x=[0.1, 0.5], y=0.0, diameter=55.0)
    >>> potentials = fibre_potentials(fibres, monopolar(radius=0.025))
    >>> np.ptp(potentials, axis=1).round(2).tolist()
    [2.8..., 0.09...]
    """
    check_length(duration, sfreq)
    check_electrode("needle", needle)
    check_positive("decay", decay)
    _check_ends(fibres)
    # What lies beyond a short duration would wrap around to its beginning.
    n_times, n_fft, period = time_grid(sfreq, max(duration, DURATION))
    spectra = fibre_spectra(fibres, needle, period=period, n_fft=n_fft, decay=decay)
    return to_potentials(spectra, n_times, n_fft)[:, : round(duration * sfreq)]
