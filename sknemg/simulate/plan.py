"""The plan of a cohort: which muscles of whom are recorded, and for how long."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.recordings._problems import check_flags, check_generator, shown
from sknemg.simulate.anatomy import MUSCLES
from sknemg.simulate.checks import check_names


class Counts(NamedTuple):
    """What the published cohort holds of one diagnosis (Yoo et al. 2022, Table 1)."""

    subjects: int
    proximal: int
    distal: int
    seconds: float
    segments: int


PUBLISHED = {
    "myopathy": Counts(19, 64, 58, 312.84, 2700),
    "neuropathy": Counts(19, 63, 97, 422.78, 3664),
    "normal": Counts(19, 17, 77, 203.50, 1706),
}

#: Lengths are planned in samples at the published rate.
RATE = 48_000
WINDOW, HOP = 0.4, 0.1
#: The most windows that a recording of up to 4.00 s holds, and the spread of their number.
MOST_WINDOWS, WINDOWS_SPREAD = 36, 6.5
#: Lengths keep this far from those at which the number of windows changes, so that resampling
#: does not change it.
MARGIN = round(0.01 * RATE)


def plan_cohort(
    n_subjects: int,
    *,
    muscles: Sequence[str] | None = None,
    confound: bool = True,
    random_state: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Outline a cohort like the published one, of any size.

    Parameters
    ----------
    n_subjects : int
        Number of subjects, divided among the diagnoses; 57 gives the published counts.
    muscles : sequence of str or None
        Names from ``MUSCLES``, each once; None for all. If none of them lies where a recording
        was planned, the recording moves to where they lie.
    confound : bool
        Keep the published differences between diagnoses in number, location and length of
        recordings; False gives all the same.
    random_state : int, Generator or None
        Seed.

    Returns
    -------
    DataFrame
        One row per recording: ``subject`` (a number from 1), ``diagnosis``, ``muscle``, ``side``,
        ``location``, ``seconds``.

    Examples
    --------
    >>> plan = plan_cohort(57, random_state=0)
    >>> plan.groupby("diagnosis").agg(n=("subject", "size"), seconds=("seconds", "sum")).round(2)
                  n  seconds
    diagnosis
    myopathy    122   312.84
    neuropathy  160   422.78
    normal       94   203.50
    """
    if not isinstance(n_subjects, Integral) or n_subjects < len(PUBLISHED):
        raise ValueError(
            f"n_subjects={shown(n_subjects)} must be an integer >= {len(PUBLISHED)}, one per "
            "diagnosis."
        )
    names = list(MUSCLES) if muscles is None else check_names("muscles", muscles, list(MUSCLES))
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"muscles holds {shown(twice)} more than once: give each muscle once.")
    check_flags(confound=confound)
    rng = check_generator(random_state)
    numbers = 1 + rng.permutation(n_subjects)
    shares = np.array_split(numbers, len(PUBLISHED))
    parts = []
    for (diagnosis, counts), share in zip(PUBLISHED.items(), shares, strict=True):
        counts = _scaled(counts if confound else _pooled(), len(share))
        parts.append(_plan_class(counts, np.sort(share), rng).assign(diagnosis=diagnosis))
    plan = pd.concat(parts).sort_values("subject", kind="stable", ignore_index=True)
    return _choose_muscles(plan, names, rng)


def _pooled() -> Counts:
    return Counts(*np.sum(list(PUBLISHED.values()), axis=0).tolist())


def _scaled(counts: Counts, n_subjects: int) -> Counts:
    ratio = n_subjects / counts.subjects
    n_proximal, n_distal = round(counts.proximal * ratio), round(counts.distal * ratio)
    n_proximal += n_proximal + n_distal == 0
    per_recording = (n_proximal + n_distal) / (counts.proximal + counts.distal)
    return Counts(
        n_subjects,
        int(n_proximal),
        int(n_distal),
        counts.seconds * per_recording,
        round(counts.segments * per_recording),
    )


def _plan_class(counts: Counts, subjects: NDArray[Any], rng: np.random.Generator) -> pd.DataFrame:
    n_recordings = counts.proximal + counts.distal
    each = np.full(len(subjects), min(2, n_recordings // len(subjects)))
    weights = rng.dirichlet(np.full(len(subjects), 4.0))
    each += rng.multinomial(n_recordings - each.sum(), weights)
    location = np.repeat(["proximal", "distal"], [counts.proximal, counts.distal])
    return pd.DataFrame(
        {
            "subject": np.repeat(subjects, each),
            "location": rng.permutation(location),
            "seconds": _lengths(counts, rng) / RATE,
        }
    )


def _lengths(counts: Counts, rng: np.random.Generator) -> NDArray[np.int64]:
    """Lengths in samples that add up to the planned time and the planned number of windows."""
    n = counts.proximal + counts.distal
    mean = counts.segments / n
    windows = np.rint(rng.normal(mean, WINDOWS_SPREAD, n)).astype(int)
    windows = _summing_to(counts.segments, np.clip(windows, 1, MOST_WINDOWS), 1, MOST_WINDOWS, rng)
    base = round(WINDOW * RATE) + round(HOP * RATE) * (windows - 1)
    low, high = MARGIN, round(HOP * RATE) - MARGIN
    rest = rng.integers(low, high, n, endpoint=True)
    left = int(np.clip(round(counts.seconds * RATE) - base.sum(), n * low, n * high))
    return base + _summing_to(left, rest, low, high, rng)


def _summing_to(
    total: int, values: NDArray[Any], low: int, high: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Move integers within their bounds, a little each, until their sum is ``total``."""
    values = values.copy()
    while missing := total - int(values.sum()):
        room = (high - values) if missing > 0 else (values - low)
        movable = np.flatnonzero(room)
        if not len(movable):
            raise ValueError(
                f"{len(values)} values between {low} and {high} cannot sum to {total}."
            )
        step = max(1, abs(missing) // len(movable))
        chosen = rng.permutation(movable)[: abs(missing)]
        values[chosen] += np.sign(missing) * np.minimum(room[chosen], step)
    return values


def _choose_muscles(plan: pd.DataFrame, names: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """Give each recording a muscle and a side, none twice in a subject while others are left."""
    at: dict[str, list[tuple[str, str]]] = {"proximal": [], "distal": []}
    for name in names:
        at[MUSCLES[name].location] += [(name, "left"), (name, "right")]
    chosen: list[tuple[str, str]] = []
    for _, location in plan.groupby("subject", sort=False)["location"]:
        decks: dict[str, list[tuple[str, str]]] = {"proximal": [], "distal": []}
        for planned in location:
            where = planned if at[planned] else next(other for other in at if at[other])
            if not decks[where]:
                decks[where] = [at[where][i] for i in rng.permutation(len(at[where]))]
            chosen.append(decks[where].pop())
    muscle, side = zip(*chosen, strict=True)
    plan["muscle"], plan["side"] = muscle, side
    plan["location"] = [MUSCLES[name].location for name in muscle]
    return plan[["subject", "diagnosis", "muscle", "side", "location", "seconds"]]
