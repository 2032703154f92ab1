"""What a discharge is given: checked, or drawn where it is left out."""

import numpy as np

from sknemg.recordings._problems import check_counts, check_flags, check_generator
from sknemg.simulate.checks import check_length, check_number, check_positive

Seed = int | np.random.Generator | None


def seeded(duration: float, sfreq: float, random_state: Seed) -> np.random.Generator:
    """Check what all discharges are given, and return the generator of the seed."""
    check_length(duration, sfreq)
    return check_generator(random_state)


def draw(
    name: str,
    given: float | None,
    low: float,
    high: float,
    rng: np.random.Generator,
    *,
    log: bool = False,
    most: float | None = None,
) -> float:
    """Return the value given, or one drawn (log-)uniformly: a number is drawn in either case.

    Setting one parameter thus changes nothing else in a simulation with the same seed. A value
    must be above 0; with ``most`` it is a share and must lie from 0 to that.

    Examples
    --------
    >>> draw("rate", 5.0, 1, 2, np.random.default_rng(0))
    5.0
    """
    share = rng.random()
    if given is not None:
        return check_positive(name, given) if most is None else check_number(name, given, 0, most)
    return float(low * (high / low) ** share if log else low + (high - low) * share)


def counted(name: str, given: int | None, drawn: int) -> int:
    """Return the number given, at least 1, or the one drawn.

    Examples
    --------
    >>> counted("n_fibres", None, 2), counted("n_fibres", 3, 2)
    (2, 3)
    """
    if given is None:
        return int(drawn)
    check_counts(**{name: given})
    return int(given)


def decided(name: str, given: bool | None, drawn: bool) -> bool:
    """Return the decision given, or the one drawn.

    Examples
    --------
    >>> decided("noise", None, True), decided("noise", False, True)
    (True, False)
    """
    if given is None:
        return bool(drawn)
    check_flags(**{name: given})
    return bool(given)
