"""Files of named arrays, such as MAT files: which array is the signal, and at what rate."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from numpy.typing import NDArray

from sknemg.datasets._formats.clock import clock_among
from sknemg.datasets._formats.limits import check_size
from sknemg.datasets._formats.names import is_any_interval, is_interval, is_rate, is_unit
from sknemg.datasets._formats.stored import (
    PER_COUNT,
    Hint,
    ReadError,
    Stored,
    check_alone,
    check_no_clock,
    integer_limits,
    pick,
)
from sknemg.recordings._problems import capped

_MOST_CHANNELS = 1024
_PER_SECOND = (1, 1e3, 1e6)  # of the units of a time between samples
_SLIM = 4  # times as many samples as channels, from which their order is clear


@dataclass(frozen=True)
class Array:
    """A real array of one or two dimensions, read when it is asked for.

    ``read`` gives its entries along the time, of the channel at a position.
    """

    shape: tuple[int, ...]
    read: Callable[[int, bool], NDArray[Any]]  # channel, whether time runs along the first axis


def need(package: str, extra: str = "io") -> Any:
    """Import an optional package, or say how to install it."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ReadError(
            f"it needs {package}, which is not installed: pip install {package} (or "
            f"'sknemg[{extra}]')"
        ) from error


def choose(
    arrays: Mapping[str, Array],
    words: Mapping[str, str],
    skipped: Sequence[str],
    channel: str | int | None,
    max_bytes: int,
) -> Stored:
    """Take one channel of named arrays, with the rate and the unit that stand beside it.

    Parameters
    ----------
    arrays : mapping of name to Array
        Fields of structures are called ``EMG.data``.
    words : mapping of name to str
        Variables that hold text.
    skipped : sequence of str
        What else may hold a signal but cannot be read as one: each variable and what it is.
    channel : str, int or None
        A name, or a position among the channels. By default the variable ``signal``, else the only
        one, if nothing else could have been the signal.
    max_bytes : int
    """
    places: list[tuple[str, int, bool]] = []
    names: list[str] = []
    unclear: list[str] = []
    for name, array in arrays.items():
        sizes = [n for n in array.shape if n != 1]
        if not sizes:
            continue
        if len(sizes) == 1:
            names.append(name)
            places.append((name, 0, array.shape[0] != 1))
            continue
        rows, columns = array.shape
        first = rows > columns
        few, many = sorted(array.shape)
        if many < _SLIM * few or few > _MOST_CHANNELS:
            unclear.append(f"{name!r} of shape {rows} x {columns}")
            continue
        for at in range(few):
            names.append(f"{name}(:,{at + 1})" if first else f"{name}({at + 1},:)")
            places.append((name, at, first))
    if not names and unclear:
        raise ReadError(
            f"neither dimension is clearly the time in {', '.join(unclear)}: save each channel as "
            "a vector"
        )
    default = channel is None and "signal" not in names
    if default:
        choice = f"one of {capped(names, spell=repr)}"
        check_alone(names, [*unclear, *skipped], "save each channel as a vector", choice)
    wanted = "signal" if channel is None and not default else channel
    at = pick(names, wanted)
    name, row, first = places[at]
    check_size(max(arrays[name].shape), max_bytes, repr(name))
    _check_one_recording(name, arrays)
    samples = arrays[name].read(row, first)
    if default:
        check_no_clock(names[at], samples)
    axes = {
        other: partial(arrays[other].read, where, first)
        for called, (other, where, first) in zip(names, places, strict=True)
        if called == other != name and max(arrays[other].shape) == len(samples)
    }
    scales = _scalars(name, arrays, ("scale",).__contains__) if samples.dtype.kind in "iu" else {}
    counts = ""
    if set(scales.values()) - {1.0}:
        beside = capped([*scales], spell=repr)
        counts = f"{name!r} are integers beside {beside}, so give `scale`, {PER_COUNT}"
    rate = _rate(name, arrays, words)
    return Stored(
        samples,
        rate,
        None if counts else _unit(name, words),
        needs_scale=counts,
        channel=names[at],
        clipped=integer_limits(samples),
        hints=clock_among(axes) + _intervals(name, arrays, beside_rate=rate is not None),
    )


def _check_one_recording(name: str, arrays: Mapping[str, Array]) -> None:
    """Refuse what LabChart exports of several channels or blocks: one after another in a vector."""
    starts = arrays.get(f"{name}start")
    if starts and f"{name}end" in arrays and (n := math.prod(starts.shape)) > 1:
        raise ReadError(
            f"{name!r} holds {n} channels or blocks one after another, as '{name}start' says: "
            "export one channel and one block a file"
        )


def _scalars(
    name: str, arrays: Mapping[str, Array], known: Callable[[str], bool]
) -> dict[str, float]:
    """Read the single numbers of known names that stand nearest to a variable."""
    scalars = [one for one in arrays if math.prod(arrays[one].shape) == 1]
    near = next(filter(None, _around(name, scalars, known)), [])
    return {one: float(arrays[one].read(0, True)[0]) for one in near}


def _intervals(name: str, arrays: Mapping[str, Array], *, beside_rate: bool) -> tuple[Hint, ...]:
    """Derive rates from the time between samples, which may be seconds or parts of them.

    Beside a rate, "interval", "dt" and "isi" may be those between stimuli, and do not count.
    """

    def counts(name: str) -> bool:
        return is_interval(name) and not (beside_rate and is_any_interval(name))

    return tuple(
        Hint(f"{one} in the file means", tuple(float(f"{n / step:.6g}") for n in _PER_SECOND), 1e-3)
        for one, step in _scalars(name, arrays, counts).items()
        if 0 < step < math.inf
    )


def _rate(name: str, arrays: Mapping[str, Array], words: Mapping[str, str]) -> float | None:
    """Find the scalar beside a variable, or in the structures around it, that is called a rate."""
    for near in _around(name, list(words), is_rate):
        for one in near:
            raise ReadError(f"{one} in the file is the text {words[one]!r}: save a number of hertz")
    values = _scalars(name, arrays, is_rate)
    if len(set(values.values())) > 1:
        said = ", ".join(f"{one}={value:g}" for one, value in values.items())
        raise ReadError(f"several sampling rates in the file ({said}): save one")
    return next(iter(values.values()), None)


def _unit(name: str, words: Mapping[str, str]) -> str | None:
    for near in _around(name, list(words), is_unit):
        said = {words[one] for one in near}
        if len(said) > 1:
            raise ReadError(f"several units in the file ({', '.join(sorted(said))}): save one")
        if said:
            return next(iter(said)).strip() or None
    return None


def _around(name: str, others: Sequence[str], known: Callable[[str], bool]) -> list[list[str]]:
    """Return the known names beside a variable, then those one structure further out, and on."""
    path = name.split(".")[:-1]
    levels = []
    for depth in range(len(path), -1, -1):
        inside = [other for other in others if other.split(".")[:-1] == path[:depth]]
        levels.append([one for one in inside if known(one.split(".")[-1])])
    return levels
