from ._findings import InvalidCohortError
from ._formats.own import RawSignal
from ._formats.stored import ReadError
from ._quality import find_flaws, quality
from .bids import load_bids
from .bids_writing import write_bids
from .cohort import load_cohort
from .emgdb import (
    EMGDB,
    load_emgdb,
)
from .emglab import (
    EMGLAB_N2001,
    load_emglab,
)
from .files import read_recording, register_reader
from .profiles import TextProfile
from .recordings import load_recordings
from .writing import write_cohort

__all__ = [
    "EMGDB",
    "EMGLAB_N2001",
    "InvalidCohortError",
    "RawSignal",
    "ReadError",
    "TextProfile",
    "find_flaws",
    "load_bids",
    "load_cohort",
    "load_emgdb",
    "load_emglab",
    "load_recordings",
    "quality",
    "read_recording",
    "register_reader",
    "write_bids",
    "write_cohort",
]
