"""The columns of tables: how the loader names them, and those that are named wrongly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sknemg.datasets._formats.names import is_rate, is_unit, plain_name

#: Other names of the columns that mean something to the loader; a rate and a unit have more.
ALIASES = {
    "label": "diagnosis",
    "muscle_type": "location",
    "filepath": "file",
    "patient_id": "subject",
    "fs": "sfreq",
}
NUMBERS = ("sfreq", "scale", "start", "stop")
TEXT = (
    "subject",
    "diagnosis",
    "file",
    "recording",
    "channel",
    "muscle",
    "side",
    "location",
    "profile",
)
#: Columns that say how a file is read, or whose words are translated: read as text, stripped.
UNTYPED = ("diagnosis", "file", "sfreq", "unit", "scale", "channel", "start", "stop")
UNREAD = ("subject", "location", *UNTYPED)


def own_name(name: str) -> str:
    """Spell a name that the loader knows in its own way, and leave any other as it is."""
    low = name.lower()
    if is_rate(name) or is_unit(name):
        return "sfreq" if is_rate(name) else "unit"
    known = low in ALIASES or low in NUMBERS or low in TEXT
    return ALIASES.get(low, low) if known else name


def misnamed(columns: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Find columns that are meant to say how a file is read but would be ignored, and what to do.

    Examples
    --------
    >>> [problem for problem, _ in misnamed(["file", "fs [kHz]", "start (s)", "stop"])]
    ["a column 'fs [kHz]' in kilohertz", "a column 'start (s)'"]
    """
    meant = {
        "start": "in seconds from the first sample",
        "stop": "in seconds from the first sample",
        "scale": "in millivolts per unit of the file",
    }
    for name in columns:
        own = re.sub(r"\s*[(\[][^)\]]*[)\]]$", "", name).lower()
        if is_rate(plain_name(name).replace("khz", "hz")) and not is_rate(name):
            yield f"a column {name!r} in kilohertz", "write hertz, and call it sfreq"
        elif own in meant and own != name.lower():
            other = "or by another name if it is something else"
            yield f"a column {name!r}", f"call it {own}, {meant[own]}, {other}"
