"""Sampling rates: exact, checked, and one over the other."""

from __future__ import annotations

from fractions import Fraction

#: Largest ratio of two rates, up or down; beyond it one of them is in another unit than hertz.
LARGEST_RATIO = 1000


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
