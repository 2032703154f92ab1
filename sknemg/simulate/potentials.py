"""Motor-unit potentials: sums of fibre potentials that vary with jitter and blocking."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknemg.recordings._problems import check_counts, check_generator
from sknemg.simulate.checks import check_positive
from sknemg.simulate.fibre import (
    DECAY,
    Fibres,
    check_sorted,
    fibre_spectra,
    phase_ramp,
    time_grid,
    to_potentials,
)
from sknemg.simulate.needle import Needle, check_electrode

#: Fibres nearer than this (mm, as the needle sees it) are all computed; of those beyond, a sample.
NEAR = 1.2
#: Only fibres within this distance (mm), and at most this many per unit, jitter visibly.
JITTERING, MOST_JITTERING = 0.7, 14
#: Grid on which discharges are placed at the least, Hz; lower sampling rates get shifted copies.
TIMING_SFREQ = 48_000


@dataclass(frozen=True, eq=False)
class Templates:
    """Potentials of some motor units at one needle position.

    Attributes
    ----------
    waves : ndarray of shape (n_units, n_variants, n_shifts, n_times), float32
        Millivolts, from the arrival of a discharge in the muscle on. Variants differ by jitter and
        blocking, shifts by a fraction ``k / n_shifts`` of a sample.
    units : ndarray of shape (n_units,)
        Index of each motor unit in its muscle.

    Examples
    --------
    >>> from sknemg.simulate import concentric, healthy_muscle, motor_unit_potentials
    >>> fibres = healthy_muscle(random_state=0).fibres
    >>> (templates,) = motor_unit_potentials(fibres[fibres.unit >= 150], concentric())
    >>> templates.units.tolist()
    [150, 151, 152, 153, 154, 155, 156, 157, 158, 159]
    """

    waves: NDArray[np.float32]
    units: NDArray[np.int64]


def thin(
    fibres: Fibres, needles: Sequence[Needle], rng: np.random.Generator
) -> tuple[Fibres, NDArray[Any]]:
    """Draw the fibres worth computing, and weights that keep every sum right on average.

    A fibre at distance r is kept with probability (1.2 mm / r)², and then counts for as many as
    it stands for; its potential falls faster than that, so that no distant fibre stands out. Of
    several positions the nearest one counts.
    """
    reach = np.min([needle.reach(fibres.x, fibres.y) for needle in needles], axis=0)
    chance = np.minimum(1.0, (NEAR / np.maximum(reach, 1e-3)) ** 2)
    kept = np.flatnonzero(rng.random(len(fibres)) < chance)
    return fibres[kept], 1 / chance[kept]


def motor_unit_potentials(
    fibres: Fibres,
    needles: Needle | Sequence[Needle],
    *,
    sfreq: float = 48_000,
    decay: float = DECAY,
    n_variants: int = 8,
    random_state: int | np.random.Generator | None = None,
) -> list[Templates]:
    """Potentials of motor units as a needle sees them, before any amplifier.

    Parameters
    ----------
    fibres : Fibres
        Fibres of the wanted units, sorted by ``unit``.
    needles : Needle or sequence of Needle
        Positions that one needle takes; the same fibres jitter alike at all of them.
    sfreq : float, default=48_000
        Sampling rate, Hz.
    decay : float, default=3.7
        Steepness of the intracellular action potential, 1/mm.
    n_variants : int, default=8
        How many versions of each potential, each with its own jitter and blocking.
    random_state : int, Generator or None, default=None
        Seed.

    Returns
    -------
    list of Templates
        One for each needle position.

    Raises
    ------
    ValueError
        If the fibres are not sorted, no needle is given, or a setting is out of bounds.

    Examples
    --------
    >>> from sknemg.simulate import concentric, healthy_muscle, motor_unit_potentials
    >>> fibres = healthy_muscle(random_state=0).fibres
    >>> (templates,) = motor_unit_potentials(fibres[fibres.unit >= 150], concentric())
    >>> templates.waves.shape
    (10, 8, 1, 2048)
    """
    rng = check_generator(random_state)
    check_counts(n_variants=n_variants)
    check_positive("decay", decay)
    check_sorted(fibres)
    if isinstance(needles, str) or not isinstance(needles, Iterable):
        check_electrode("needles", needles)
        needles = [needles]
    needles = list(needles)
    if not needles:
        raise ValueError("needles is empty: give a needle, or the positions of one.")
    for place, needle in enumerate(needles):
        check_electrode(f"needles[{place}]", needle)
    fibres, weight = thin(fibres, needles, rng)
    n_times, n_fft, period = time_grid(sfreq)
    n_shifts = int(np.ceil(TIMING_SFREQ / sfreq))
    n_freqs = min(n_times, n_fft) // 2 + 1
    shift = phase_ramp(np.arange(n_shifts) / n_shifts / sfreq, n_freqs, period)
    jitter_seed = rng.integers(2**63)
    units, first = np.unique(fibres.unit, return_index=True)
    out = []
    for needle in needles:
        spectra = fibre_spectra(
            fibres, needle, period=period, n_fft=n_fft, n_freqs=n_freqs, decay=decay
        )
        spectra *= weight[:, None].astype(np.float32)
        steady = np.add.reduceat(spectra, first, axis=0) if len(units) else spectra
        varied = np.repeat(steady[:, None], n_variants, axis=1)
        jitter_rng = np.random.default_rng(jitter_seed)
        reach = needles[0].reach(fibres.x, fibres.y)
        for row, near in _jittering(fibres.unit, reach, units):
            varied[row] += _jitter(fibres[near], spectra[near], n_variants, period, jitter_rng)
        waves = to_potentials(varied[:, :, None] * shift, n_times, n_fft)
        out.append(Templates(waves, units))
    return out


def _jittering(
    unit: NDArray[Any], reach: NDArray[Any], units: NDArray[Any]
) -> list[tuple[int, NDArray[Any]]]:
    """Rows of ``units`` and, for each, the indices of its fibres whose jitter shows."""
    near = np.flatnonzero(reach < JITTERING)
    near = near[np.lexsort((reach[near], unit[near]))]
    found, first = np.unique(unit[near], return_index=True)
    groups = np.split(near, first[1:])
    return [
        (row, group[:MOST_JITTERING])
        for row, group in zip(np.searchsorted(units, found).tolist(), groups, strict=False)
    ]


def _jitter(
    fibres: Fibres, spectra: NDArray[Any], n_variants: int, period: float, rng: np.random.Generator
) -> NDArray[np.complex64]:
    """Change of one unit's spectrum, in each variant, as its fibres jitter and block."""
    own = np.arange(len(fibres))
    shared = np.where(fibres.junction < 0, own, len(fibres) + fibres.junction)
    junctions, at = np.unique(shared, return_inverse=True)
    shape = (n_variants, len(junctions))
    delay = fibres.jitter * rng.standard_normal(shape)[:, at]
    passes = (rng.random(shape)[:, at] >= fibres.blocking).astype(np.float32)
    change = phase_ramp(delay, spectra.shape[1], period) * passes[:, :, None] - 1
    return np.einsum("vkf,kf->vf", change, spectra)
