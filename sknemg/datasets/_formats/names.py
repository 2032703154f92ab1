"""How files and tables name a sampling rate, a unit and a time axis."""

from __future__ import annotations

import re

_RATES = ("sfreq", "fs", "srate", "samplingrate", "samplerate", "samplingfrequency",
          "samplefrequency", "abtastrate", "abtastfrequenz")  # fmt: skip
_INTERVALS = ("samplinginterval", "sampleinterval", "samplingperiod", "sampleperiod",
              "abtastintervall")  # fmt: skip
_CLOCKS = ("t", "time", "times", "timestamp", "timestamps", "timeaxis", "timevector", "tvec",
           "sec", "seconds", "ms", "milliseconds", "zeit")  # fmt: skip


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
    """Whether a name, perhaps with a unit in brackets, is that of the time between samples."""
    return plain_name(re.sub(r"[(\[][^)\]]*[)\]]$", "", name.strip())) in _INTERVALS


def is_unit(name: str) -> bool:
    """Whether a name is that of the unit of a signal."""
    return plain_name(name) in ("unit", "units")


def is_clock(name: str) -> bool:
    """Whether a channel is named like a time axis.

    Examples
    --------
    >>> [is_clock(name) for name in ("t", "Time (s)", "time [ms]", "EMG.t", "EMG", "tibialis")]
    [True, True, True, True, False, False]
    """
    bare = re.sub(r"[(\[][^)\]]*[)\]]$", "", name.strip())
    return plain_name(bare.split(".")[-1]) in _CLOCKS
