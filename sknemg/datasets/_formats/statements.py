"""What the lines above the numbers of a text file state: a sampling rate or a unit."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sknemg.datasets._formats.names import is_rate, is_unit, plain_name
from sknemg.datasets._formats.stored import the_one
from sknemg.datasets._formats.units import millivolts

_BETWEEN = re.compile(r"[:=;,\t]")  # a name and an entry
_NUMBER = re.compile(r"([0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?)\s*(k?hz)?", re.IGNORECASE)
_GROUPED = re.compile(r"[0-9]{1,3}[.,][0-9]{3}")  # 10,000 may be ten or ten thousand
_LEAST = 200.0  # hertz; a smaller number without its unit may be kilohertz


def stated_rate(lines: Sequence[str]) -> float | None:
    """Find the sampling rate that lines state, in hertz; refuse two that differ.

    Examples
    --------
    >>> stated_rate(["Patient: 7", "# Sampling rate: 48000"]), stated_rate(["fs (kHz);10,5"])
    (48000.0, 10500.0)
    >>> stated_rate(["Sampling rate: 48"]), stated_rate(["Sampling rate: 48 kHz"])
    (None, 48000.0)
    """
    found: dict[str, float] = {}
    for name, entry in map(_split, lines):
        bare = plain_name(name)
        number = _NUMBER.fullmatch(entry)
        if not number or _GROUPED.fullmatch(number[1]) or not is_rate(bare.replace("khz", "hz")):
            continue
        unit = (number[2] or bare[-3:]).lower()
        unit = unit if unit.endswith("hz") else ""
        rate = float(number[1].replace(",", ".")) * (1000 if unit == "khz" else 1)
        if unit or rate >= _LEAST:
            found[name] = rate
    return the_one(found, "sampling rates")


def stated_unit(name: str | None, lines: Sequence[str]) -> str | None:
    """Find the unit of voltage that the name of a column has in brackets, or that lines state.

    Examples
    --------
    >>> stated_unit("EMG [uV]", []), stated_unit("EMG (L)", []), stated_unit("0", ["Unit: mV"])
    ('uV', None, 'mV')
    """
    within = re.findall(r"(?<=\S)\s*[\[(]\s*([^\[\]()]*?)\s*[\])]", name or "")
    units = {unit: unit for unit in within if millivolts(unit) is not None}
    if not units:
        stated = [(who, entry.strip("[]() ")) for who, entry in map(_split, lines) if is_unit(who)]
        units = {who: unit for who, unit in stated if millivolts(unit) is not None}
    return the_one(units, "units")


def _split(line: str) -> tuple[str, str]:
    name, *entry = _BETWEEN.split(line.replace('"', " "), maxsplit=1)
    return name.strip(), "".join(entry).strip(" \t\r\n;,")
