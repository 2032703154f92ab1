"""What a format reader returns, and what the readers share."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sknemg.datasets._formats.names import is_clock
from sknemg.recordings._problems import capped

CUT = "cut the part out with `start` and `stop`, or leave the recording out"
PER_COUNT = "the millivolts per stored count"


class ReadError(ValueError):
    """A file that cannot be read as one recording in millivolts."""


class Part(NamedTuple):
    """A stretch without gaps: its samples, and the recording's clock at its first one in s."""

    first: int
    last: int
    onset: float


class Hint(NamedTuple):
    """What a file shows about its rate without stating it, to compare with the rate that is used.

    Attributes
    ----------
    said : str
        Where, for messages, such as "the time axis 't' runs at".
    rates : tuple of float
        Hertz: one of them, in whatever way it is meant.
    accuracy : float
        The relative error that a rate may have, since numbers are rounded.
    """

    said: str
    rates: tuple[float, ...]
    accuracy: float

    def agrees(self, rate: float) -> bool:
        """Tell whether a rate may be the one that is meant."""
        return any(math.isclose(rate, own, rel_tol=self.accuracy) for own in self.rates)


@dataclass
class Stored:
    """One channel as stored in a file.

    ``unit`` is what the file states, as text or as the bytes of its header. ``clipped`` marks
    samples at the format's limits. ``parts`` is given where the recording has gaps.
    """

    samples: NDArray[Any]
    sfreq: float | None = None
    unit: str | bytes | None = None
    needs_scale: str = ""
    channel: str | None = None
    clipped: NDArray[np.bool_] | None = None
    comments: tuple[str, ...] = ()
    gap_hint: str = CUT
    header: bool | None = None  # of text: whether its first line holds names
    encoding: str | None = None  # of text
    parts: tuple[Part, ...] = ()
    hints: tuple[Hint, ...] = ()  # of its rate


_LOOKED_AT = 1000  # samples, before all are
_BLOCK = 2**16  # samples


class TableEntry(str):
    """A channel as a table of text names it, where 2 may be a name or a position.

    It is the channel of that name or, if none has it, a position from 0. ``name=2`` and
    ``position=2`` say which is meant where both are possible.
    """


def check_alone(names: Sequence[str], others: Sequence[str], remedy: str, choice: str) -> None:
    """Refuse to take the only channel by default if something else in the file may be the signal.

    Examples
    --------
    >>> check_alone(["t"], ["'EMG' (a cell array)"], "save it as a vector", "'t'")
    Traceback (most recent call last):
    sknemg.datasets._formats.stored.ReadError: beside 't': 'EMG' (a cell array) may hold a signal \
but cannot be read: save it as a vector, or give `channel`, 't'
    """
    if not others:
        return
    before = f"beside {capped(names, spell=repr)}" if names else "no signal in the file"
    after = f", or give `channel`, {choice}" if names else ""
    raise ReadError(
        f"{before}: {capped(others)} may hold a signal but cannot be read: {remedy}{after}"
    )


def pick(names: Sequence[str], channel: str | int | None) -> int:
    """Position of the wanted channel: text is a name, an integer a position from 0.

    Examples
    --------
    >>> pick(["1", "2", "EMG"], "2"), pick(["1", "2", "EMG"], 0)
    (1, 0)
    >>> pick(["1", "2", "EMG"], TableEntry("EMG")), pick(["A", "B"], TableEntry("1"))
    (2, 1)
    """
    if not names:
        raise ReadError("no signal in the file: leave it out")
    if channel is None:
        if len(names) > 1:
            raise ReadError(
                f"{len(names)} channels ({_listed(names)}): give `channel`, one of them"
            )
        if is_clock(names[0]):
            raise ReadError(
                f"the only channel, {names[0]!r}, is named like a time axis: save the signal "
                f"with it, or give channel={names[0]!r} if it is the signal"
            )
        return 0
    if isinstance(channel, TableEntry):
        return _meant(names, channel)
    if isinstance(channel, str):
        return _named(names, channel, "its position, from 0, as an integer")
    at = _placed(names, channel)
    others = set(_places(names, str(at))) - {at}
    if others and names[at] != str(at):
        raise ReadError(
            f"channel={at} is the position of {names[at]!r}, but a channel at position "
            f"{min(others)} is called {str(at)!r}: give the name, channel={names[at]!r} or "
            f"channel={str(at)!r}"
        )
    return at


def _meant(names: Sequence[str], entry: TableEntry) -> int:
    text = str(entry)
    how = re.fullmatch(r"(?:name=(?P<name>.*)|position=(?P<position>[0-9]+))", text)
    places = _places(names, text)
    at = int(text) if re.fullmatch("[0-9]+", text) else None
    if how and not places:
        if how["position"]:
            return _placed(names, int(how["position"]))
        text, at = how["name"], None
    if at is None or (at >= len(names) and places):
        return _named(names, text, "position= and its position, from 0")
    if set(places) - {at}:
        raise ReadError(
            f"{text!r} is the name of the channel at position {places[0]} and the position of "
            f"{names[at]!r}: write name={text} or position={text}"
        )
    return _placed(names, at)


def _named(names: Sequence[str], name: str, instead: str) -> int:
    places = _places(names, name)
    if len(places) > 1:
        raise ReadError(f"{len(places)} channels are called {name!r}: give {instead}")
    if not places:
        raise ReadError(f"no channel {name!r}: give one of {_listed(names)}")
    return places[0]


def _placed(names: Sequence[str], at: int) -> int:
    if not 0 <= at < len(names):
        raise ReadError(
            f"no channel at position {at}: give a name ({_listed(names)}) or a position from 0 to "
            f"{len(names) - 1}"
        )
    return int(at)


def _places(names: Sequence[str], name: str) -> list[int]:
    return [at for at, other in enumerate(names) if other == name]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:20])) + (", ..." if len(names) > 20 else "")


def check_no_clock(name: str, samples: NDArray[Any]) -> None:
    """Refuse samples that rise or fall by the same step throughout, as a time axis does."""
    n = len(samples)
    if n < 3:
        return
    first = float(samples[0])
    step = (float(samples[-1]) - first) / (n - 1)
    if not step or not np.isfinite(step):
        return

    def straight(at: NDArray[Any]) -> bool:
        off = np.abs(samples[at].astype(float) - (first + step * at))
        return bool((off <= 0.01 * abs(step)).all())

    looked_at = np.linspace(0, n - 1, min(n, _LOOKED_AT)).astype(np.intp)
    blocks = (np.arange(start, min(start + _BLOCK, n)) for start in range(0, n, _BLOCK))
    if straight(looked_at) and all(map(straight, blocks)):
        raise ReadError(
            f"the only channel, {name!r}, goes from {first:g} to {float(samples[-1]):g} in equal "
            f"steps, as a time axis does: save the signal with it, or give channel={name!r} if "
            "it is the signal"
        )


def the_one(said: Mapping[str, Any], what: str) -> Any:
    """Return what a file says about itself under one or several names, or None; refuse two answers.

    Examples
    --------
    >>> the_one({"fs": 1e4, "sfreq": 1e4}, "sampling rates"), the_one({}, "units")
    (10000.0, None)
    """
    values = list(said.values())
    if any(value != values[0] for value in values[1:]):
        each = ", ".join(f"{name}={value!r}" for name, value in said.items())
        raise ReadError(f"several {what} in the file ({each}): save one")
    return values[0] if values else None


def integer_limits(samples: NDArray[Any]) -> NDArray[np.bool_] | None:
    if samples.dtype.kind not in "iu":
        return None
    limits = np.iinfo(samples.dtype)
    return (samples == limits.min) | (samples == limits.max)
