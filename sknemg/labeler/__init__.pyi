from .app import labeler_app
from .server import Address, listen, serve
from .signals import Trace, as_traces
from .store import NotOpenError, Store, Vote
from .study import (
    GAINS,
    Case,
    Study,
    cohort_hash,
    plan,
)

__all__ = [
    "GAINS",
    "Address",
    "Case",
    "NotOpenError",
    "Store",
    "Study",
    "Trace",
    "Vote",
    "as_traces",
    "cohort_hash",
    "labeler_app",
    "listen",
    "plan",
    "serve",
]
