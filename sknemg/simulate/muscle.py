"""A muscle: fibres that belong to motor units."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknemg.recordings._problems import check_counts, check_generator, shown
from sknemg.simulate import recruitment
from sknemg.simulate.checks import check_number, check_positive
from sknemg.simulate.contraction import Contraction
from sknemg.simulate.fibre import DECAY, FIBRE_DIAMETERS, Fibres, check_sorted
from sknemg.simulate.geometry import DENSITY, lay_out_fibres

#: Shortest half of a fibre, mm: end-plates and tendons scatter, and in shorter fibres many
#: end-plates would lie beyond a tendon.
LEAST_HALF_LENGTH = 10.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Muscle:
    """Motor units and their fibres; made by :func:`healthy_muscle`, altered by diseases.

    Parameters
    ----------
    fibres : Fibres
        Innervated fibres, sorted by motor unit.
    rank : ndarray of shape (n_units,)
        Place of each motor unit in the order of recruitment, 0 to 1.
    healthy_force : float
        Greatest force of the muscle when it was healthy, µm².
    decay : float, default=3.7
        Steepness of the intracellular action potential, 1/mm.
    denervated : int, default=0
        Number of living fibres without a motor unit.

    Examples
    --------
    >>> from sknemg.simulate import healthy_muscle, monopolar, neuropathy
    >>> muscle = neuropathy(healthy_muscle(random_state=0), severity=0.5, random_state=0)
    >>> contraction = muscle.activate(0.1)
    >>> needle = contraction.seek(monopolar(), random_state=0)
    >>> trace = contraction.record(needle, 0.5, random_state=0)
    >>> trace.signal.shape, trace.signal.dtype
    ((24000,), dtype('float32'))
    """

    fibres: Fibres = field(repr=False)
    rank: NDArray[Any] = field(repr=False)
    healthy_force: float
    decay: float = DECAY
    denervated: int = 0

    def __post_init__(self) -> None:
        check_positive("decay", self.decay)
        unit, n_units = self.fibres.unit, len(self.rank)
        if len(unit) and not 0 <= unit.min() <= unit.max() < n_units:
            raise ValueError(
                f"The units of fibres run from {unit.min()} to {unit.max()}, and rank has "
                f"{n_units}: number them from 0 to {n_units - 1}."
            )
        check_sorted(self.fibres)

    @cached_property
    def unit_sizes(self) -> NDArray[np.int64]:
        """Fibres of each motor unit; 0 where the unit has died."""
        return np.bincount(self.fibres.unit, minlength=len(self.rank)).astype(np.int64, copy=False)

    @cached_property
    def strength(self) -> NDArray[np.floating]:
        """Tetanic force of each unit: its fibres' squared diameters times their tension, µm²."""
        pull = self.fibres.diameter**2 * self.fibres.tension
        force = np.bincount(self.fibres.unit, weights=pull, minlength=len(self.rank))
        return force.astype(np.float64, copy=False)

    @property
    def greatest_force(self) -> float:
        """Force with every unit at its peak rate, µm²."""
        return recruitment.force(recruitment.FULL_DRIVE, self.rank, self.strength)

    def activate(self, effort: float) -> Contraction:
        """Contract with a share of the greatest force.

        The target lies halfway between that share of the healthy muscle's force and that of
        its present force: a patient is asked for a little, and tries a little harder.

        Parameters
        ----------
        effort : float
            0 to 1: minimal about 0.02, slight 0.05 to 0.1, moderate 0.2 to 0.3, maximal 1.

        Returns
        -------
        Contraction

        Raises
        ------
        ValueError
            If `effort` is not above 0 and at most 1.
        """
        if not isinstance(effort, Real) or not 0 < effort <= 1:
            raise ValueError(f"effort={shown(effort)} must be a number > 0 and <= 1.")
        greatest = self.greatest_force
        target = min(effort * (self.healthy_force + greatest) / 2, 0.97 * greatest)
        excitation = recruitment.solve_excitation(target, self.rank, self.strength)
        rates = recruitment.firing_rates(excitation, self.rank) * (self.unit_sizes > 0)
        return Contraction(self.fibres, self.decay, effort, excitation, rates)


def healthy_muscle(
    *,
    n_units: int = 160,
    density: float = DENSITY,
    diameter: float = 55.0,
    half_length: float = 50.0,
    decay: float = DECAY,
    random_state: int | np.random.Generator | None = None,
) -> Muscle:
    """Make a patch of a healthy young muscle.

    Parameters
    ----------
    n_units : int, default=160
        Motor units.
    density : float, default=125.0
        Fibres per square millimetre, of these units.
    diameter : float, default=55.0
        Mean fibre diameter, µm, 20 to 110: no fibre is thinner or thicker.
    half_length : float, default=50.0
        Distance from the end-plate band to either tendon, mm, at least 10.
    decay : float, default=3.7
        Steepness of the intracellular action potential, 1/mm.
    random_state : int, Generator or None, default=None
        Seed.

    Returns
    -------
    Muscle

    Raises
    ------
    ValueError
        If a setting is not a number, or is out of range.

    Examples
    --------
    >>> muscle = healthy_muscle(random_state=0)
    >>> len(muscle.rank), bool(25_000 < len(muscle.fibres) < 28_000)
    (160, True)
    """
    check_counts(n_units=n_units)
    check_positive("density", density)
    check_number("diameter", diameter, *FIBRE_DIAMETERS)
    check_number("half_length", half_length, LEAST_HALF_LENGTH)
    rng = check_generator(random_state)
    rank = np.linspace(0, 1, n_units)
    fibres = lay_out_fibres(
        rank, density=density, diameter=diameter, half_length=half_length, rng=rng
    )
    muscle = Muscle(fibres=fibres, rank=rank, healthy_force=np.nan, decay=decay)
    return replace(muscle, healthy_force=muscle.greatest_force)
