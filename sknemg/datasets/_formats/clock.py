"""The sampling rate of a time axis beside a signal, to compare with the rate that is stated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknemg.datasets._formats.header import number_pattern
from sknemg.datasets._formats.names import SECONDS, clock_unit
from sknemg.datasets._formats.stored import Hint

LOOKED_AT = 1000  # entries
_ANY = (1.0, 1e-3, 1e-6, 1e-9, 60.0, 3600.0, 86_400.0)  # seconds, where no unit is stated
_FEWEST = 20  # entries
_ACCURACY = 1e-3  # of a rate
_ROUGHEST = 0.1  # of a rate, above which the entries are too coarse to tell


def find_clock(
    names: Sequence[str], rows: Sequence[Sequence[str]], decimal: str, signal: int
) -> tuple[Hint, ...]:
    """Find a time axis among the columns of a text file, if it rises evenly.

    Parameters
    ----------
    names : sequence of str
    rows : sequence of sequence of str
        The first of the rows below the names.
    decimal : str
    signal : int
        The column of the signal, which is not a time axis.

    Returns
    -------
    tuple of Hint
        One, or none.

    Examples
    --------
    >>> rows = [[f"{i / 20:.2f}", "0"] for i in range(100)]
    >>> [hint.rates for hint in find_clock(["t (ms)", "EMG"], rows, ".", 1)]
    [(20000.0,)]
    >>> find_clock(["t", "EMG"], rows, ".", 0)
    ()
    """
    for at, name in enumerate(names):
        units = _units(name)
        if at == signal or not units:
            continue
        entries = [row[at].replace(decimal, ".") for row in rows if at < len(row) and row[at]]
        if not entries or not all(map(number_pattern(".").fullmatch, entries)):
            continue
        rounded = 10.0 ** min(_last_digit(entry) for entry in entries)
        if clock := _clock(name, units, np.array(entries, dtype=float), rounded):
            return (clock,)
    return ()


def clock_among(axes: Mapping[str, Callable[[], NDArray[Any]]]) -> tuple[Hint, ...]:
    """Find a time axis among named arrays, if it rises evenly.

    Parameters
    ----------
    axes : mapping of str to callable
        What else a file holds, by name; read only if it is named like a time axis.

    Returns
    -------
    tuple of Hint
        One, or none.

    Examples
    --------
    >>> [hint.said for hint in clock_among({"EMG": dict, "time": lambda: np.arange(100) / 20_000})]
    ["the time axis 'time' runs at"]
    """
    for name, read in axes.items():
        units = _units(name)
        if not units:
            continue
        times = np.asarray(read())[:LOOKED_AT]
        if not len(times) or times.dtype.kind not in "iuf" or not np.isfinite(times).all():
            continue
        whole = times.dtype.kind in "iu"
        rounded = 1.0 if whole else float(np.spacing(np.abs(times).max()))
        if clock := _clock(name, units, times.astype(float), rounded):
            return (clock,)
    return ()


def _clock(
    name: str, units: Sequence[float], times: NDArray[np.float64], rounded: float
) -> Hint | None:
    """Derive the rate of a time axis from its first entries, if they rise evenly."""
    step = _step(times, rounded) if len(times) >= _FEWEST else None
    if step is None or (len(units) > 1 and step == round(step)):  # whole steps may be samples
        return None
    accuracy = _ACCURACY + 2 * rounded / (step * (len(times) - 1))
    if accuracy >= _ROUGHEST:
        return None
    rates = tuple(float(f"{1 / (step * unit):.6g}") for unit in units)
    return Hint(f"the time axis {name!r} runs at", rates, accuracy)


def _units(name: str) -> tuple[float, ...]:
    """Return the seconds that one may mean on this axis; none if it is not a time axis."""
    unit = clock_unit(name)
    if unit == "":
        return _ANY
    return (SECONDS[unit],) if unit in SECONDS else ()


def _last_digit(entry: str) -> int:
    """Return the power of ten of the last digit that is written."""
    return int(Decimal(entry).as_tuple().exponent)


def _step(times: NDArray[np.float64], rounded: float) -> float | None:
    """Return the step of an axis that rises evenly, apart from rounding; else None."""
    step = (times[-1] - times[0]) / (len(times) - 1)
    line = times[0] + step * np.arange(len(times))
    slack = 1.001 * rounded + 1e-9 * (times[-1] - times[0]) + 4 * np.spacing(np.abs(times).max())
    even = step > 0 and bool((np.abs(times - line) <= slack).all())
    return float(step) if even else None
