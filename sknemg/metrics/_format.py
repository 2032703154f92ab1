"""Shares, and values with their intervals, as text."""

from __future__ import annotations

import numpy as np

_MOST_DIGITS = 12


def format_share(share: float) -> str:
    """Write a share of subjects, which may be none or all of them, in whole percent.

    Parameters
    ----------
    share : float
        0 to 1. Hardly any are not none, nor nearly all all.

    Returns
    -------
    str

    Examples
    --------
    >>> format_share(0.876), format_share(1), format_share(0.998), format_share(0.002)
    ('88 %', '100 %', '> 99 %', '< 1 %')
    """
    if 0.995 <= share < 1:
        return "> 99 %"
    if 0 < share <= 0.005:
        return "< 1 %"
    return f"{100 * share:.0f} %"


def format_number(value: float, digits: int, *, signed: bool = False) -> str:
    """Write a number with so many digits after the point; no minus before what rounds to zero.

    Examples
    --------
    >>> format_number(-0.012, 2), format_number(-0.001, 2), format_number(0.5, 1, signed=True)
    ('-0.01', '0.00', '+0.5')
    """
    text = f"{value:{'+' if signed else ''}.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def format_interval(
    value: float,
    low: float,
    high: float,
    *,
    digits: int = 2,
    percent: bool = False,
    signed: bool = False,
) -> str:
    """Write ``value [low, high]``.

    Parameters
    ----------
    value, low, high : float
    digits : int, default=2
        Digits after the point. Where rounding would make the bounds equal, there are as many
        more as tell them apart.
    percent : bool, default=False
        Whether to multiply by 100.
    signed : bool, default=False
        Whether positive numbers have a sign, as differences do.

    Returns
    -------
    str
        ``"undefined"`` where the value is NaN, ``"value [no interval]"`` where a bound is, or
        where the two are equal: no finite number of subjects leaves a value without doubt.

    Examples
    --------
    >>> from sknemg.metrics import format_interval
    >>> format_interval(0.8, 0.5193, 0.9567), format_interval(1, 0.4782, 1, digits=0, percent=True)
    ('0.80 [0.52, 0.96]', '100 [48, 100]')
    >>> format_interval(1, 0.9982, 1)
    '1.000 [0.998, 1.000]'
    >>> format_interval(0.2, -0.1, 0.5, signed=True)
    '+0.20 [-0.10, +0.50]'
    """
    if np.isnan(value):
        return "undefined"
    scale = 100 if percent else 1
    value, low, high = scale * value, scale * low, scale * high
    for more in range(digits, _MOST_DIGITS + 1):
        if format_number(low, more) != format_number(high, more):
            parts = [format_number(number, more, signed=signed) for number in (value, low, high)]
            return "{} [{}, {}]".format(*parts)
    return f"{format_number(value, digits, signed=signed)} [no interval]"
