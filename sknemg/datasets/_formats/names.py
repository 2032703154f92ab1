"""How files and tables name a sampling rate, a unit and a time axis."""

from __future__ import annotations

import re

_RATES = ("sfreq", "fs", "srate", "samplingrate", "samplerate", "samplingfrequency",
          "samplefrequency", "abtastrate", "abtastfrequenz")  # fmt: skip
_INTERVALS = ("samplinginterval", "sampleinterval", "samplingperiod", "sampleperiod",
              "abtastintervall")  # fmt: skip
_SHORT = ("interval", "dt", "isi")  # as often between stimuli
_CLOCKS = ("t", "time", "times", "timestamp", "timestamps", "timeaxis", "timevector", "tvec",
           "sec", "seconds", "ms", "msec", "millisec", "milliseconds", "min", "zeit", "temps",
           "tiempo", "tempo")  # fmt: skip
#: Seconds in a unit of time.
SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "µs", "μs", "usec", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("min", "minutes"), 60.0),
}


def plain_name(name: str) -> str:
    """Normalise a name: no case, blanks or signs.

    Examples
    --------
    >>> plain_name("Sampling_Rate"), plain_name("fs [Hz]")
    ('samplingrate', 'fshz')
    """
    return re.sub(r"[\W_]", "", name).lower()


def is_rate(name: str) -> bool:
    """Whether a name is that of a sampling rate in hertz.

    Examples
    --------
    >>> is_rate("Sampling Rate (Hz)"), is_rate("fs"), is_rate("heart rate")
    (True, True, False)
    """
    return plain_name(name).removesuffix("hz").removesuffix("in") in _RATES


def is_interval(name: str) -> bool:
    """Whether a name, perhaps with a unit in brackets, is that of the time between samples.

    Examples
    --------
    >>> [is_interval(name) for name in ("Sampling interval [ms]", "dt", "Interval")]
    [True, True, True]
    """
    return _without_unit(name) in _INTERVALS or is_any_interval(name)


def is_any_interval(name: str) -> bool:
    """Whether a name is that of an interval which may lie between stimuli as well.

    Examples
    --------
    >>> [is_any_interval(name) for name in ("Sampling interval [ms]", "dt", "Interval")]
    [False, True, True]
    """
    return _without_unit(name) in _SHORT


def _without_unit(name: str) -> str:
    return plain_name(re.sub(r"[(\[][^)\]]*[)\]]$", "", name.strip()))


def is_unit(name: str) -> bool:
    """Whether a name is that of the unit of a signal."""
    return plain_name(name) in ("unit", "units")


def clock_unit(name: str) -> str | None:
    """Return the unit of a channel that is named like a time axis, "" without one; else None.

    A unit of time in brackets makes any name that of a time axis.

    Examples
    --------
    >>> [clock_unit(name) for name in ("t", "Time (s)", "Zeit/ms", "EMG.t", "X [s]", "msec")]
    ['', 's', 'ms', '', 's', 'msec']
    >>> [clock_unit(name) for name in ("EMG", "tibialis", "EMG [mV]", "EMG_s")]
    [None, None, None, None]
    """
    within = re.fullmatch(r"(.*?)\s*[(\[]\s*([^)\]]*?)\s*[)\]]", name.strip())
    what = (within[1] if within else name.strip()).split(".")[-1]
    behind = re.fullmatch(r"(.*\w)\s*[/_, ]\s*([^\W\d_]+)", what)
    if within:
        unit = within[2]
    elif behind and behind[2].lower() in SECONDS:
        what, unit = behind.groups()
    else:
        unit = plain_name(what) if plain_name(what) in SECONDS else ""
    named = plain_name(what) in _CLOCKS
    return unit.lower() if named or (within and unit in SECONDS) else None


def is_clock(name: str) -> bool:
    """Whether a channel is named like a time axis."""
    return clock_unit(name) is not None
