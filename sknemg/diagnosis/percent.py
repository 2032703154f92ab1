"""Probabilities of diagnoses in whole percent, none of them certain."""

from __future__ import annotations


def percent(probability: float) -> str:
    """Write a probability in whole percent: never 0 or 100, which no model of a few subjects knows.

    Parameters
    ----------
    probability : float
        0 to 1.

    Returns
    -------
    str

    Examples
    --------
    >>> from sknemg.diagnosis.percent import percent
    >>> percent(0.62), percent(0.9951), percent(0.0)
    ('62 %', '>99 %', '<1 %')
    """
    whole = round(100 * probability)
    if whole >= 100:
        return ">99 %"
    return "<1 %" if whole <= 0 else f"{whole} %"
