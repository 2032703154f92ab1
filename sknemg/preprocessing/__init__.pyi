from .activity import (
    ACTIVITIES,
    ActivityGate,
)
from .steps import (
    Downsampler,
    Segmenter,
)

__all__ = [
    "ACTIVITIES",
    "ActivityGate",
    "Downsampler",
    "Segmenter",
]
