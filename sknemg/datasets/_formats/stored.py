"""What a format reader returns, and what the readers share."""

from __future__ import annotations

import importlib
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CUT = "cut the part out with start and stop, or leave the recording out"


class ReadError(ValueError):
    """A file that cannot be read as one recording in millivolts."""


@dataclass
class Stored:
    """One channel as it lies in a file. ``clipped`` marks samples at the format's limits."""

    samples: NDArray[Any]
    sfreq: float | None = None
    unit: str | None = None
    needs_scale: str = ""
    channel: str | None = None
    clipped: NDArray[np.bool_] | None = None
    comments: tuple[str, ...] = ()
    gap_hint: str = CUT
    header: bool | None = None  # of text: whether its first line holds names
    encoding: str | None = None  # of text


def need(module: str) -> Any:
    try:
        with warnings.catch_warnings():
            # wfdb 4.3 uses what pandas 3 deprecates; its user can do nothing about it.
            warnings.simplefilter("ignore", DeprecationWarning)
            return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"Reading this format needs {module}: pip install 'sknemg[io]'."
        ) from error


def pick(names: list[str], channel: str | int | None) -> int:
    """Position of the wanted channel."""
    listed = ", ".join(map(repr, names[:20])) + (", ..." if len(names) > 20 else "")
    if not names:
        raise ReadError("no signal in the file")
    if channel is None:
        if len(names) > 1:
            raise ReadError(f"{len(names)} channels ({listed}): give channel, one of them")
        return 0
    if names.count(str(channel)) == 1:
        return names.index(str(channel))
    if names.count(str(channel)) > 1:
        raise ReadError(f"several channels are called {channel!r}: give its position, from 0")
    if str(channel).isdecimal() and int(channel) < len(names):
        return int(channel)
    raise ReadError(f"no channel {channel!r}: there are {listed}")


def integer_limits(samples: NDArray[Any]) -> NDArray[np.bool_] | None:
    if samples.dtype.kind not in "iu":
        return None
    limits = np.iinfo(samples.dtype)
    return (samples == limits.min) | (samples == limits.max)
