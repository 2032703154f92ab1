"""Sampling rates: exact, checked, and one over the other."""

from __future__ import annotations

import math
from fractions import Fraction
from numbers import Real
from typing import Any

#: Lowest rate in hertz at which potentials of motor units are more than a few samples.
LEAST_RATE = 1500.0

#: Largest ratio of two rates, up or down; beyond it one of them is in another unit than hertz.
LARGEST_RATIO = 1000


def is_number(value: Any) -> bool:
    """Tell a finite number from what is none, such as a truth value or a text.

    Examples
    --------
    >>> [is_number(value) for value in (2, 0.5, True, "2", math.nan, math.inf)]
    [True, True, False, False, False, False]
    """
    real = isinstance(value, Real) and not isinstance(value, bool)
    return real and bool(-math.inf < value < math.inf)


def exact(number: float) -> Fraction:
    """Return the decimal number that a float was written as, so that 0.1 means one tenth.

    Parameters
    ----------
    number : float

    Returns
    -------
    Fraction

    Examples
    --------
    >>> exact(0.4) / exact(0.1) == 4, 0.3 / 0.1 == 3
    (True, False)
    """
    return Fraction(str(number))


def check_rate(sfreq: Any, *, name: str = "sfreq", least: float = 0.0) -> float:
    """Return a sampling rate as a float, or refuse what is not one.

    Parameters
    ----------
    sfreq : float
        In hertz.
    name : str, default="sfreq"
        Of the parameter, for the message.
    least : float, default=0.0
        The lowest rate that shows what is looked for: `LEAST_RATE` for motor units.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it is no finite number above 0, such as a truth value or a text, or below `least`, as
        kilohertz are that were given for hertz.

    Examples
    --------
    >>> check_rate(48_000)
    48000.0
    >>> check_rate(48, least=LEAST_RATE)
    Traceback (most recent call last):
    ValueError: sfreq=48 Hz is too low to show motor units: give a recording of 1500 Hz or more, \
and its rate in hertz, not in kilohertz.
    """
    if not is_number(sfreq) or sfreq <= 0:
        raise ValueError(f"{name}={sfreq!r} is no rate: give the sampling rate in hertz.")
    rate = float(sfreq)
    if rate < least:
        raise ValueError(
            f"{name}={rate:.10g} Hz is too low to show motor units: give a recording of "
            f"{least:g} Hz or more, and its rate in hertz, not in kilohertz."
        )
    return rate


def ratio_of(sfreq: float, new_sfreq: float) -> Fraction:
    """Divide a new rate by the old one, exactly."""
    check_rate(sfreq)
    check_rate(new_sfreq, name="new_sfreq")
    ratio = exact(new_sfreq) / exact(sfreq)
    if not Fraction(1, LARGEST_RATIO) <= ratio <= LARGEST_RATIO:
        raise ValueError(
            f"The rates {sfreq:.10g} and {new_sfreq:.10g} Hz differ by more than a factor of "
            f"{LARGEST_RATIO}: give both in hertz."
        )
    return ratio
