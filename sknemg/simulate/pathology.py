"""Disease as functions on a muscle: neurogenic, myopathic, and age.

How much fibres shrink, how late and how slowly sprouts conduct, and how many units or fibres are
lost are choices, made with N2001 in view.
"""

from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from sknemg.recordings._problems import check_generator
from sknemg.simulate.checks import check_number
from sknemg.simulate.fibre import Fibres
from sknemg.simulate.geometry import VELOCITY_RANGE
from sknemg.simulate.muscle import Muscle

#: Age of the oldest muscle, years.
OLDEST = 120.0
#: Share of the motor units lost in the most severe neuropathy, and of the fibres in the most severe
#: myopathy.
UNITS_LOST, FIBRES_LOST = 0.76, 0.66
#: Velocity of young sprouts, which have no myelin, and of those that are years old, m/s; a healthy
#: terminal branch conducts at 6 m/s. All three are choices. How late impulses arrive through
#: sprouts determines the phases of a potential, and how slowly the fibres conduct its duration (as
#: Nandedkar et al. 1988 found).
SPROUT = (0.9, 5.0)
#: Of the fibres in a severe myopathy: the share that has regenerated and has a new, immature
#: end-plate, and the share that has split. In dystrophic muscle, recorded with a single-fibre
#: electrode while the nerve was stimulated, 25 % of potentials had too much jitter (above 55 µs),
#: as from immature nerves and end-plates, and 27 % next to none (below 5 µs), as from branches of
#: one fibre; that of the others was as in health ("Causes of the increased fiber density in
#: muscular dystrophies studied with single fiber EMG during electrical stimulation", Muscle Nerve
#: 1985;8:383-388). Such shares are reached at a severity of three quarters (a choice): when 16 % of
#: the fibres split, 27 % of what results are branches.
REGENERATED, SPLIT = 0.33, 0.21


def neuropathy(
    muscle: Muscle,
    severity: float,
    chronicity: float = 0.7,
    *,
    random_state: int | np.random.Generator | None = None,
) -> Muscle:
    """Let motor units die and their neighbours adopt the orphaned fibres.

    Sprouts reach fibres next to their own, so that a survivor's fibres come to lie in groups;
    fibres that nobody adopts stay denervated. Young reinnervation conducts late, unevenly and
    unreliably over thin fibres (long, polyphasic, unstable potentials); with time it matures
    (larger, simpler, stable ones), but adopted fibres stay uneven and slow, so that potentials
    stay long for years.

    Parameters
    ----------
    muscle : Muscle
        The muscle before.
    severity : float
        0 (none) to 1 (76 % of the motor units are lost).
    chronicity : float, default=0.7
        0 (weeks) to 1 (years).
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
    >>> from sknemg.simulate import healthy_muscle, neuropathy
    >>> sick = neuropathy(healthy_muscle(random_state=0), 0.7, random_state=0)
    >>> int((sick.unit_sizes > 0).sum()), len(sick.rank)
    (75, 160)
    >>> bool(sick.unit_sizes.max() > 1.9 * 304)
    True
    """
    s = check_number("severity", severity, 0, 1)
    c = check_number("chronicity", chronicity, 0, 1)
    muscle = _denervate(
        muscle,
        loss=UNITS_LOST * s,
        reach=0.22 + 0.15 * s,
        reached=1 - 0.5 * s,
        growth=1.5 + 6 * s * c + 0.8 * s,
        chronicity=c,
        rng=check_generator(random_state),
    )
    # Over the years, fibres grow that do the work of those that are lost.
    grown = muscle.fibres.diameter * (1 + 0.2 * s * c)
    return replace(muscle, fibres=_resized(muscle.fibres, grown))


def myopathy(
    muscle: Muscle, severity: float, *, random_state: int | np.random.Generator | None = None
) -> Muscle:
    """Let muscle fibres die, shrink, vary in size, regenerate and split.

    A fibre that has regenerated has an immature end-plate elsewhere, reached late: it conducts
    slowly and jitters. One that has split is two thinner fibres side by side, driven by one
    end-plate, so that fibres lie in small groups although there are fewer of them.

    Parameters
    ----------
    muscle : Muscle
        The muscle before.
    severity : float
        0 (none) to 1 (66 % of the fibres die; branches of those that split make up for some).
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
    >>> from sknemg.simulate import healthy_muscle, myopathy
    >>> sick = myopathy(healthy_muscle(random_state=0), 0.7, random_state=0)
    >>> round(len(sick.fibres) / len(healthy_muscle(random_state=0).fibres), 2)
    0.62
    """
    s = check_number("severity", severity, 0, 1)
    rng = check_generator(random_state)
    fibres = muscle.fibres[rng.random(len(muscle.fibres)) >= FIBRES_LOST * s]
    n = len(fibres)
    diameter = fibres.diameter * (1 - 0.1 * s) * (1 + 0.2 * s * rng.standard_normal(n))
    hypertrophic = rng.random(n) < 0.17 * s
    diameter = np.where(hypertrophic, diameter * rng.uniform(1.2, 1.7, n), diameter)
    fibres = _resized(fibres, np.clip(diameter, 15, 110))
    # Regenerated fibres: late, slow, with an immature end-plate somewhere along them.
    new = rng.random(n) < REGENERATED * s
    velocity = np.where(new, fibres.velocity * rng.uniform(0.55, 0.9, n), fibres.velocity)
    fibres = replace(
        fibres,
        velocity=np.clip(velocity, *VELOCITY_RANGE),
        delay=fibres.delay + new * rng.gamma(2, 1.3e-3, n),
        end_plate=fibres.end_plate + new * rng.normal(0, 2, n),
        jitter=fibres.jitter * np.where(new, 3.0, 1.0),
        blocking=fibres.blocking + new * rng.uniform(0, 0.06, n),
        junction=np.where(new, -1, fibres.junction),
        # Diseased fibres pull less than their cross-section suggests (how much less is a choice).
        tension=fibres.tension * (1 - 0.3 * s),
    )
    return replace(muscle, fibres=_split(fibres, SPLIT * s, rng))


def ageing(
    muscle: Muscle, age: float, *, random_state: int | np.random.Generator | None = None
) -> Muscle:
    """Lose 0.8 % of the motor units per year after the age of 50; others slowly take over.

    Parameters
    ----------
    muscle : Muscle
        The muscle of a young person.
    age : float
        Years, 0 to 120.
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
    >>> from sknemg.simulate import ageing, healthy_muscle
    >>> old = ageing(healthy_muscle(random_state=0), 75, random_state=0)
    >>> int((old.unit_sizes > 0).sum())
    128
    """
    loss = 0.008 * max(0.0, check_number("age", age, 0, OLDEST) - 50)
    if not loss:
        return muscle
    rng = check_generator(random_state)
    return _denervate(
        muscle, loss=loss, reach=0.3, reached=0.9, growth=1.6, chronicity=1.0, rng=rng
    )


def _denervate(
    muscle: Muscle,
    *,
    loss: float,
    reach: float,
    reached: float,
    growth: float,
    chronicity: float,
    rng: np.random.Generator,
) -> Muscle:
    """Kill a share of the units; sprouts adopt a share of the orphans, within limits.

    Sprouts come from fibres within ``reach`` mm; a unit grows at most ``growth`` times.
    """
    alive = np.flatnonzero(muscle.unit_sizes)
    dead = rng.choice(alive, size=round(loss * len(alive)), replace=False)
    orphan = np.isin(muscle.fibres.unit, dead)
    seeking = orphan & (rng.random(len(orphan)) < reached)
    unit, path = _adopt(muscle.fibres, orphan, seeking, reach, growth, rng)
    kept = unit >= 0
    fibres, orphan = replace(muscle.fibres, unit=unit)[kept], orphan[kept]
    return replace(
        muscle,
        fibres=_reinnervated(fibres, orphan, path[kept], chronicity, rng),
        denervated=muscle.denervated + int((~kept).sum()),
    )


def _adopt(
    fibres: Fibres,
    orphan: NDArray[Any],
    seeking: NDArray[Any],
    reach: float,
    growth: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Sprout in three rounds: owner of every fibre (-1: none), and mm of sprout that lead to it.

    A sprout runs from the end-plate of a fibre of its unit to the old end-plate of the orphan,
    where reinnervation happens; those of a later round grow out of those of an earlier one. So
    orphans of one dead unit, whose end-plates lie close together, stay close in time.
    """
    place = np.stack([fibres.x, fibres.y], axis=1)
    path = np.zeros(len(fibres))
    owner = np.where(orphan, -1, fibres.unit)
    n_units = int(fibres.unit.max(initial=-1)) + 1
    sizes = np.bincount(owner[~orphan], minlength=n_units)
    room = np.floor(growth * sizes).astype(int) - sizes
    for _ in range(3):
        seeds = np.flatnonzero(owner >= 0)
        asking = np.flatnonzero(seeking & (owner < 0) & (rng.random(len(owner)) < 0.75))
        if not len(asking) or not len(seeds):
            break
        tree = cKDTree(place[seeds], balanced_tree=False, compact_nodes=False)
        distance, nearest = tree.query(place[asking], k=range(1, 5), distance_upper_bound=reach)
        n_found = np.isfinite(distance).sum(axis=1)
        pick = (rng.random(len(asking)) * n_found * (rng.random(len(asking)) < 0.2)).astype(int)
        order = rng.permutation(np.flatnonzero(n_found))
        source = seeds[nearest[order, pick[order]]]
        asked = owner[source]
        granted = _rank_within(asked) < room[asked]
        source, child = source[granted], asking[order[granted]]
        owner[child] = asked[granted]
        across = distance[order, pick[order]][granted]
        path[child] = path[source] + np.hypot(
            across, fibres.end_plate[child] - fibres.end_plate[source]
        )
        room -= np.bincount(asked[granted], minlength=n_units)
    return owner, path


def _rank_within(groups: NDArray[Any]) -> NDArray[np.int64]:
    """How many earlier entries share each entry's value."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    first = np.searchsorted(ordered, ordered, side="left")
    out = np.empty(len(groups), np.int64)
    out[order] = np.arange(len(groups)) - first
    return out


def _reinnervated(
    fibres: Fibres,
    adopted: NDArray[Any],
    path: NDArray[Any],
    chronicity: float,
    rng: np.random.Generator,
) -> Fibres:
    """Give adopted fibres the late, thin, unreliable innervation of their age.

    ``path`` is the length of sprout that leads to each fibre, mm.
    """
    c, n = chronicity, int(adopted.sum())
    diameter, velocity = fibres.diameter.copy(), fibres.velocity.copy()
    delay, jitter = fibres.delay.copy(), fibres.jitter.copy()
    blocking, tension = fibres.blocking.copy(), fibres.tension.copy()
    junction = np.where(adopted, -1, fibres.junction)  # a sprout makes a junction of its own
    diameter[adopted] *= rng.uniform(0.55 + 0.45 * c, 0.90 + 0.50 * c, n)
    velocity[adopted] += 0.02 * (diameter[adopted] - fibres.diameter[adopted])
    velocity[adopted] *= rng.uniform(0.82 + 0.1 * c, 1.0, n)
    delay[adopted] += path[adopted] / (SPROUT[0] * (SPROUT[1] / SPROUT[0]) ** c) / 1000
    jitter[adopted] = (110 - 70 * c) * 1e-6 * rng.lognormal(0, 0.5, n)
    blocking[adopted] = 0.12 * (1 - c) * rng.uniform(0, 2, n)
    tension[adopted] *= 0.35 + 0.2 * c
    order = np.argsort(fibres.unit, kind="stable")
    return replace(
        fibres,
        diameter=np.clip(diameter, 15, 110),
        velocity=np.clip(velocity, *VELOCITY_RANGE),
        delay=delay,
        jitter=jitter,
        blocking=blocking,
        tension=tension,
        junction=junction,
    )[order]


def _split(fibres: Fibres, share: float, rng: np.random.Generator) -> Fibres:
    """Divide a share of the fibres lengthwise in two, side by side on their old end-plate."""
    parents = np.flatnonzero(rng.random(len(fibres)) < share)
    part, angle = rng.uniform(0.3, 0.7, len(parents)), rng.uniform(0, 2 * np.pi, len(parents))
    junction = fibres.junction.copy()
    alone = parents[junction[parents] < 0]
    junction[alone] = junction.max(initial=-1) + 1 + np.arange(len(alone))
    fibres = replace(fibres, junction=junction)
    twins, away = fibres[parents], fibres.diameter[parents] / 2000  # mm
    twins = replace(twins, x=twins.x + away * np.cos(angle), y=twins.y + away * np.sin(angle))
    first = fibres.diameter.copy()
    first[parents] *= np.sqrt(part)
    fibres = _resized(fibres, first)
    twins = _resized(twins, twins.diameter * np.sqrt(1 - part))
    both = {
        f.name: np.concatenate([getattr(fibres, f.name), getattr(twins, f.name)])
        for f in fields(Fibres)
    }
    return Fibres(**both)[np.argsort(both["unit"], kind="stable")]


def _resized(fibres: Fibres, diameter: NDArray[Any]) -> Fibres:
    """Acquired size changes velocity less than inborn size does (a choice of this model)."""
    velocity = fibres.velocity + 0.02 * (diameter - fibres.diameter)
    return replace(fibres, diameter=diameter, velocity=np.clip(velocity, *VELOCITY_RANGE))
