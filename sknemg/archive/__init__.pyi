from .cluster import (
    UnfinishedArchiveError,
)
from .results import (
    ArchiveResults,
    read_archive,
)
from .run import (
    diagnose_archive,
)

__all__ = [
    "ArchiveResults",
    "UnfinishedArchiveError",
    "diagnose_archive",
    "read_archive",
]
