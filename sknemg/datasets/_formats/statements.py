"""What the lines above the numbers of a text file state: a sampling rate or a unit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from sknemg.datasets._formats.names import (
    SECONDS,
    is_any_interval,
    is_interval,
    is_rate,
    is_unit,
    plain_name,
)
from sknemg.datasets._formats.stored import Hint, the_one
from sknemg.datasets._formats.units import is_multiple, is_other, millivolts

_BETWEEN = re.compile(r"[:=;,\t]")  # a name and an entry
_NUMBER = re.compile(
    r"(?P<number>[0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?)\s*(?:"
    r"(?P<kilo>k?)(?P<hertz>hz|s/s|sa/s|sps|(?:samples?|1)?\s*(?:/|per\s)\s*s(?:ec(?:onds?)?)?)"
    r"(?:\s*[,;(].*)?)?",
    re.IGNORECASE,
)
_STEP = re.compile(r"([0-9]+(?:[.,][0-9]+)?)\s*([^\W\d_]+)?(/\s*sample)?", re.IGNORECASE)
_GROUPED = re.compile(r"[0-9]{1,3}[.,][0-9]{3}")  # 10,000 may be ten or ten thousand
_LEAST = 200.0  # hertz; a smaller number without its unit may be kilohertz
# In lines, beside the names that tables and variables have; a small number says nothing there.
_RATES = ("subsampled", "sampling", "samplingfreq", "samplefreq", "sampless", "samplespersecond",
          "acquisitionrate", "digitizationrate", "fréquencedéchantillonnage",
          "frecuenciademuestreo", "frequenzadicampionamento")  # fmt: skip
_UNITS = ("unitname", "yunit", "yunits", "amplitudeunit", "einheit", "unité", "unidad")
_SPELLED = re.compile(r"(milli|micro|nano|)volts?", re.IGNORECASE)
_PREFIXES = {"milli": "m", "micro": "u", "nano": "n", "": ""}


def stated_rate(lines: Sequence[str]) -> tuple[float | None, tuple[Hint, ...]]:
    """Find the sampling rate that lines state, in hertz; refuse two that differ.

    Returns
    -------
    sfreq : float or None
    hints : tuple of Hint
        Of lines that may mean several rates, or that state the time between two samples. Beside
        a rate, "interval", "dt" and "isi" may be those between stimuli, and do not count.

    Examples
    --------
    >>> stated_rate(["Patient: 7", "# Sampling rate: 48000"]), stated_rate(["fs (kHz);10,5"])
    ((48000.0, ()), (10500.0, ()))
    >>> sfreq, (hint,) = stated_rate(["Sampling rate: 48"])
    >>> sfreq, hint.rates, stated_rate(["Sampling rate: 48 kHz"])[0]
    (None, (48.0, 48000.0), 48000.0)
    """
    found: dict[str, float] = {}
    hints: list[Hint] = []
    vague: list[Hint] = []
    for line in _each(lines):
        name, entry = _split(line)
        rates = _rates(name, entry)
        if len(rates) == 1:
            found[name] = rates[0]
        elif rates:
            hints.append(Hint(f"the line {line.strip()!r} says", rates, 1e-6))
        else:
            interval = _interval(line, name, entry)
            (vague if is_any_interval(name) else hints).extend(interval)
    if not found:
        hints += vague
    return the_one(found, "sampling rates"), tuple(hints)


def _rates(name: str, entry: str) -> tuple[float, ...]:
    """Return the rates in hertz that an entry may mean; none if it is not a rate."""
    bare = plain_name(name)
    number = _NUMBER.fullmatch(entry)
    own = bare.removesuffix("khz").removesuffix("hz")
    if not number or not (is_rate(own) or own in _RATES):
        return ()
    kilo = bool(number["kilo"]) if number["hertz"] else bare.endswith("khz")
    rate = float(number["number"].replace(",", ".")) * (1000 if kilo else 1)
    known = number["hertz"] or bare.endswith("hz") or rate >= _LEAST
    if not (known or is_rate(own)):  # "Sampling: 20" may be sites
        return ()
    return (rate,) if known and not _GROUPED.fullmatch(number["number"]) else (rate, 1000 * rate)


def _interval(line: str, name: str, entry: str) -> list[Hint]:
    """Derive the rate from a line that states the time between two samples.

    Examples
    --------
    >>> lines = ("Sampling interval", "0,1 ms"), ("Interval", "0.0001 s"), ("0.1 msec/sample", "")
    >>> [hint.rates for line in lines for hint in _interval("", *line)]
    [(10000.0,), (10000.0,), (10000.0,)]
    """
    within = re.findall(r"[\[(]\s*(\w+)\s*[\])]", name)
    number = _STEP.fullmatch(entry or name)
    unit = (number and number[2]) or "".join(within)
    if not number or unit.lower() not in SECONDS or not (is_interval(name) or number[3]):
        return []
    step = Decimal(number[1].replace(",", "."))
    if not step:
        return []
    half = 0.5 * 10.0 ** int(step.as_tuple().exponent)
    accuracy = min(max(half / float(step), 1e-3), 0.1)
    rate = 1 / (float(step) * SECONDS[unit.lower()])
    if rate < _LEAST and is_any_interval(name):  # an interval of something else, such as stimuli
        return []
    return [Hint(f"the line {line.strip()!r} means", (float(f"{rate:.6g}"),), accuracy)]


def stated_unit(name: str | None, lines: Sequence[str]) -> str | None:
    """Find the unit that the name of a column has in brackets or at its end, or that lines state.

    Units of something else than voltage have two letters there: (L) may be a side, not litres.

    Examples
    --------
    >>> stated_unit("EMG [uV]", []), stated_unit("EMG (L)", []), stated_unit("0", ["Unit: mV"])
    ('uV', None, 'mV')
    >>> stated_unit("Force (kg)", []), stated_unit("EMG", ["Unit: 10 uV"])
    ('kg', '10 uV')
    >>> stated_unit("EMG/µV", []), stated_unit("emg_mV", []), stated_unit("EMG (Volts)", [])
    ('µV', 'mV', 'V')
    """
    within = re.findall(r"(?<=\S)\s*[\[(]\s*([^\[\]()]*?)\s*[\])]", name or "")
    within += re.findall(r"(?:^|[\W_])([muµμn]V)$", name or "")
    units = {unit: unit for unit in map(_short, within) if millivolts(unit) is not None}
    last = re.search(r"(?<=\S)\s*[\[(]\s*([^\[\]()]{2,}?)\s*[\])]\s*$", name or "")
    if not units and last and _is_known(last[1]):
        units = {last[1]: last[1]}
    if not units:
        stated = [(who, _short(entry.strip("[]() "))) for who, entry in map(_split, _each(lines))]
        units = {
            who: unit
            for who, unit in stated
            if _is_known(unit) and (is_unit(who) or plain_name(who) in _UNITS)
        }
    return the_one(units, "units")


def _short(unit: str) -> str:
    """Write a voltage that is spelled out as its sign."""
    spelled = _SPELLED.fullmatch(unit)
    return unit if spelled is None else _PREFIXES[spelled[1].lower()] + "V"


def _is_known(unit: str) -> bool:
    return millivolts(unit) is not None or is_other(unit) or is_multiple(unit)


def _each(lines: Sequence[str]) -> list[str]:
    """Add the parts of lines that state several things (``Points=600  SamplingInterval[ms]=0.1``).

    The whole line stays, since names have blanks, too: ``Sampling rate=48000 Hz, gain=500``.
    """
    return [
        part
        for line in lines
        for part in (line, *(re.split(r"[ \t]+(?=[^\s=]+=)", line) if line.count("=") > 1 else ()))
    ]


def _split(line: str) -> tuple[str, str]:
    name, *entry = _BETWEEN.split(line.replace('"', " "), maxsplit=1)
    return name.strip(), "".join(entry).strip(" \t\r\n;,")
