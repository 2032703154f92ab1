"""A patch of muscle: motor-unit territories, their fibres and end-plates."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknemg.simulate.fibre import FIBRE_DIAMETERS, Fibres, healthy_velocity

#: Fibres of the smallest and of the largest motor unit in the patch, 156 on average (Gath and
#: Stålberg 1981 found 209 in biceps). With the territories this is 4.1 to 5.9 fibres a mm²: 7 to 9
#: of one unit in the half-disc of 1 mm before a needle. The range was chosen with N2001 in view.
UNIT_SIZE = (66.0, 304.0)
#: Fibres a mm², of the units that are modelled. Then the territories of some 25 units overlap at
#: any point. That so many do is a choice, made with N2001 in view: 15 to 30 units are often said to
#: overlap, but no source for that could be read. A mm² holds 350 to 400 fibres; units of biceps are
#: larger than those modelled (774 units of 750 fibres).
DENSITY = 125.0
#: Territory diameters of the smallest and of the largest unit, mm: a choice (emgsim has 2 to 8).
TERRITORY = (4.5, 8.1)
#: Scatter of the units' end-plate zones, and of end-plates within a zone, mm: 95 % of all lie
#: within 8.3 mm (the band of biceps is 1 cm wide: J Clin Neuromuscul Dis 2007;9:306-312).
ZONE_SCATTER, END_PLATE_SCATTER = 1.1, 1.8
#: Scatter of the fibres' tendon ends, mm.
TENDON_SCATTER = 2.0
#: Velocity of a terminal nerve branch, m/s: a choice.
BRANCH_VELOCITY = 6.0
#: Standard deviation of healthy fibre diameters within a unit, µm. Large units have larger
#: fibres, so that it is 9.7 in a whole muscle.
DIAMETER_SCATTER = 9.0
#: Median jitter of a healthy end-plate, s, and scatter of its logarithm.
JITTER, JITTER_SCATTER = 25e-6, 0.35
#: Slowest and fastest conduction, m/s.
VELOCITY_RANGE = (0.8, 7.4)


def lay_out_fibres(
    rank: NDArray[Any],
    *,
    density: float,
    diameter: float,
    half_length: float,
    rng: np.random.Generator,
) -> Fibres:
    """Scatter the fibres of healthy motor units over a round patch of muscle.

    Parameters
    ----------
    rank : ndarray of shape (n_units,)
        Place of each unit in the order of size, 0 to 1.
    density : float
        Fibres per square millimetre.
    diameter : float
        Mean fibre diameter, µm; large units have the larger fibres.
    half_length : float
        Distance from the end-plate band to either tendon, mm.
    rng : Generator
        Source of randomness.

    Returns
    -------
    Fibres
        Sorted by unit, the patch centred on 0.
    """
    n_units = len(rank)
    size = UNIT_SIZE[0] * (UNIT_SIZE[1] / UNIT_SIZE[0]) ** rank
    spread = 0.9 * rank + 0.1 * rng.random(n_units)
    territory = TERRITORY[0] * (TERRITORY[1] / TERRITORY[0]) ** spread
    patch = np.sqrt(size.sum() / (np.pi * density))
    centre = _uniform_in_disc(n_units, patch, rng)
    zone = rng.normal(0, ZONE_SCATTER, n_units)

    unit = np.repeat(np.arange(n_units), rng.poisson(size))
    n_fibres = len(unit)
    place = centre[unit] + _uniform_in_disc(n_fibres, territory[unit] / 2, rng)
    scatter = 1 + DIAMETER_SCATTER / 55 * rng.standard_normal(n_fibres)
    width = np.clip(diameter * (0.9 + 0.2 * rank[unit]) * scatter, *FIBRE_DIAMETERS)
    branch = END_PLATE_SCATTER * rng.standard_normal(n_fibres)
    tendons = half_length + rng.normal(0, TENDON_SCATTER, (2, n_fibres))
    return Fibres(
        x=place[:, 0],
        y=place[:, 1],
        diameter=width,
        end_plate=zone[unit] + branch,
        left=-tendons[0],
        right=tendons[1],
        velocity=np.clip(healthy_velocity(width), *VELOCITY_RANGE),
        delay=np.abs(branch) / BRANCH_VELOCITY / 1000 + rng.uniform(0, 5e-5, n_fibres),
        jitter=JITTER * rng.lognormal(0, JITTER_SCATTER, n_fibres),
        unit=unit,
    )


def _uniform_in_disc(
    n: int, radius: NDArray[Any] | float, rng: np.random.Generator
) -> NDArray[Any]:
    """Points (n, 2) uniform in discs of the given radii."""
    distance = radius * np.sqrt(rng.random(n))
    angle = rng.uniform(0, 2 * np.pi, n)
    return np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=1)
