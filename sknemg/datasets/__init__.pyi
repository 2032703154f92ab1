from ._formats.stored import ReadError
from ._quality import quality
from ._tables import InvalidCohortError
from .cohort import (
    load_cohort,
    write_cohort,
)
from .emgdb import (
    EMGDB,
    load_emgdb,
)
from .emglab import (
    EMGLAB_N2001,
    load_emglab,
)
from .files import read_recording

__all__ = [
    "EMGDB",
    "EMGLAB_N2001",
    "InvalidCohortError",
    "ReadError",
    "load_cohort",
    "load_emgdb",
    "load_emglab",
    "quality",
    "read_recording",
    "write_cohort",
]
