"""Units of voltage, as files spell them."""

from __future__ import annotations

import re

from sknemg.recordings import MILLIVOLTS

#: Millivolts per unit. A small ``v`` is read, a prefix in the wrong case is not: M is mega.
UNITS = MILLIVOLTS | {"v": 1e3, "mv": 1.0, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "nv": 1e-6}

_OTHERS = (
    "% A mA uA µA μA nA Ohm kOhm MOhm Ω kΩ MΩ S mS uS µS W mW Hz kHz s ms us µs min h dB bpm",
    "m cm mm m/s m/s2 m/s^2 m/s² g mg deg rad ° °/s deg/s degC °C degF °F K N mN Nm kg",
    "Pa kPa hPa mbar mmHg cmH2O l l/s l/min ml ml/min mol mol/l",
)
_NO_VOLTAGES = frozenset(unit for line in _OTHERS for unit in line.split())


def decode(stated: str | bytes) -> str:
    """Read the text of a header: UTF-8 where it is valid, else Latin-1."""
    if isinstance(stated, str):
        return stated
    try:
        return stated.decode("utf-8")
    except UnicodeDecodeError:
        return stated.decode("latin-1")


def millivolts(stated: str | bytes) -> float | None:
    r"""Return the millivolts per stated unit, or None if it is not a known voltage.

    Examples
    --------
    >>> millivolts(b"mV"), millivolts("µV".encode()), millivolts("µV".encode("latin-1"))
    (1.0, 0.001, 0.001)
    >>> [millivolts(unit) for unit in ("UV", "MV", "Millivolts", b"uV\0")]
    [None, None, None, None]
    """
    return UNITS.get(decode(stated).strip(" "))


def is_other(stated: str | bytes) -> bool:
    """Whether the stated unit is a known one of something else than voltage."""
    return decode(stated).strip(" ") in _NO_VOLTAGES


def is_multiple(stated: str | bytes) -> bool:
    """Whether the stated unit is a number of volts, such as ``10 uV``."""
    number = re.match(r"[0-9]+(?:[.,][0-9]+)?\s*[*x]?\s*", decode(stated).strip(" "))
    return number is not None and millivolts(decode(stated).strip(" ")[number.end() :]) is not None


def spell(stated: str | bytes) -> str:
    r"""Quote what a header holds: as text if it is printable ASCII, else as its bytes.

    Examples
    --------
    >>> print(spell(b"Millivolts"), spell(b"uV\0"), spell("µV"))
    'Millivolts' b'uV\x00' 'µV'
    """
    if isinstance(stated, bytes) and stated.isascii() and stated.decode().isprintable():
        return repr(stated.decode())
    return repr(stated)
