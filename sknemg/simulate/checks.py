"""What the simulator's settings may be: a refusal says which one is wrong, and what to give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknemg.recordings._problems import check_choice, shown

#: A number, or a pair to draw between.
Range = float | tuple[float, float]

#: Slowest sampling rate of a cohort or of clips, Hz.
LEAST_SFREQ = 1000.0


def check_number(name: str, value: Any, least: float, most: float = np.inf) -> float:
    """Return a number as a float, or refuse anything but a finite number within bounds.

    Parameters
    ----------
    name : str
        What the user calls it.
    value : object
        What the user gave.
    least, most : float
        Bounds, themselves allowed; infinity never is.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it is not such a number.

    Examples
    --------
    >>> check_number("mains", 1, 0, 1)
    1.0
    """
    number = _numbers(value)
    if number.shape != () or not _within(number, least, most):
        raise ValueError(f"{name}={shown(value)} must be a {_bounded(least, most)}.")
    return float(number)


def check_positive(name: str, value: Any, *, infinite: bool = False) -> float:
    """Return a number above 0 as a float, or refuse anything but a finite one.

    Parameters
    ----------
    name : str
        What the user calls it.
    value : object
        What the user gave.
    infinite : bool, default=False
        Whether infinity is allowed, too.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it is not such a number.

    Examples
    --------
    >>> check_positive("rate", 9)
    9.0
    """
    number = _numbers(value)
    if number.shape != () or not number > 0 or (number == np.inf and not infinite):
        raise ValueError(f"{name}={shown(value)} must be a number > 0.")
    return float(number)


def check_length(duration: Any, sfreq: Any) -> None:
    """Refuse a sampling rate that is too low, or a duration of no sample at it.

    Parameters
    ----------
    duration : object
        What the user gave, s.
    sfreq : object
        What the user gave, Hz.

    Raises
    ------
    ValueError
        If the rate is below :data:`LEAST_SFREQ`, or not one sample fits the duration.

    Examples
    --------
    >>> check_length(0, 10_000)
    Traceback (most recent call last):
    ValueError: duration=0 s holds no sample at sfreq=10000 Hz: give at least 0.0001 s.
    """
    check_number("sfreq", sfreq, LEAST_SFREQ)
    if round(check_number("duration", duration, 0) * sfreq) < 1:
        raise ValueError(
            f"duration={shown(duration)} s holds no sample at sfreq={sfreq:g} Hz: give at least "
            f"{1 / sfreq:.3g} s."
        )


def check_range(name: str, value: Any, least: float, most: float = np.inf) -> Range:
    """Return a number, or a pair of them as a tuple, the lower first, within bounds.

    Parameters
    ----------
    name : str
        What the user calls it.
    value : object
        What the user gave.
    least, most : float
        Bounds, themselves allowed; infinity never is.

    Returns
    -------
    float or (float, float)

    Raises
    ------
    ValueError
        If it is neither.

    Examples
    --------
    >>> check_range("age", [20, 80], 0, 120)
    (20, 80)
    """
    ends = _numbers(value)
    if ends.shape not in ((), (1,), (2,)) or not _within(ends, least, most):
        raise ValueError(
            f"{name}={shown(value)} must be a {_bounded(least, most)}, or "
            "a pair of them, the lower first."
        )
    low, high = ends.ravel()[[0, -1]].tolist()
    return (low, high) if ends.shape == (2,) else low


def check_pair(name: str, value: Any, least: float) -> tuple[float, float]:
    """Return two numbers as a tuple, the lower first.

    Parameters
    ----------
    name : str
        What the user calls them.
    value : object
        What the user gave.
    least : float
        Lower bound, itself allowed.

    Returns
    -------
    (float, float)

    Raises
    ------
    ValueError
        If they are not two such numbers.

    Examples
    --------
    >>> check_pair("rates", [20, 80], 0)
    (20.0, 80.0)
    """
    ends = _numbers(value)
    if ends.shape != (2,) or not _within(ends, least, np.inf):
        raise ValueError(
            f"{name}={shown(value)} must be a pair of numbers >= {least:g}, the lower first."
        )
    return float(ends[0]), float(ends[1])


def check_band(band: Any, sfreq: float) -> tuple[float, float]:
    """Return the corners of an amplifier's filters, in Hz, as floats.

    Parameters
    ----------
    band : object
        What the user gave.
    sfreq : float
        Sampling rate, Hz.

    Returns
    -------
    (float, float)
        The upper one may be infinite: nothing is filtered there.

    Raises
    ------
    ValueError
        If they are not two numbers, the lower first, above 0 and below half the rate.

    Examples
    --------
    >>> check_band((20, 10_000), 48_000)
    (20.0, 10000.0)
    """
    corners = _numbers(band)
    if corners.shape != (2,) or not 0 < corners[0] < min(corners[1], sfreq / 2):
        raise ValueError(
            f"band={shown(band)} must be (low, high) with 0 < low < high and low < "
            f"{sfreq / 2:g} Hz, half the sampling rate."
        )
    return float(corners[0]), float(corners[1])


def check_needle(needle: Any) -> None:
    """Refuse a needle that is not simulated.

    Parameters
    ----------
    needle : object
        What the user gave.

    Raises
    ------
    ValueError
        If it is neither ``"monopolar"`` nor ``"concentric"``.
    """
    check_choice(("monopolar", "concentric"), needle=needle)


def check_names(name: str, given: Any, known: Sequence[str]) -> list[str]:
    """Return names as a list, or say which are unknown.

    Parameters
    ----------
    name : str
        What the user calls them.
    given : object
        What the user gave.
    known : sequence of str
        What there is.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If it is a single text (which would be read letter by letter), is not iterable, is empty,
        or holds anything unknown.

    Examples
    --------
    >>> check_names("muscles", ("deltoid",), ["deltoid", "iliopsoas"])
    ['deltoid']
    """
    if isinstance(given, str):
        raise ValueError(
            f"{name}={shown(given)} is a text: give a list of names, such as [{shown(given)}]."
        )
    try:
        # The order of a set of texts differs from run to run.
        names = sorted(given, key=str) if isinstance(given, (set, frozenset)) else list(given)
    except TypeError:
        raise ValueError(
            f"{name}={shown(given)} must be a list of names from {list(known)}."
        ) from None
    unknown = [one for one in names if not (isinstance(one, str) and one in known)]
    if unknown or not names:
        raise ValueError(f"{name}={shown(unknown or names)} must be names from {list(known)}.")
    return [str(one) for one in names]


def _numbers(value: Any) -> NDArray[Any]:
    """Return numbers as an array, and anything else as an empty one, which no check accepts."""
    try:
        array = np.asarray(value)
    except ValueError:  # rows of several lengths
        return np.empty(0)
    return array if array.dtype.kind in "iuf" else np.empty(0)


def _within(numbers: NDArray[Any], least: float, most: float) -> bool:
    low, high = numbers.ravel()[[0, -1]]
    return bool(least <= low <= high <= most and np.isfinite(high))


def _bounded(least: float, most: float) -> str:
    if np.isfinite(most):
        return f"number from {least:g} to {most:g}"
    return f"number >= {least:g}" if np.isfinite(least) else "finite number"
