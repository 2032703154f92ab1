from .activity import (
    ACTIVITIES,
    ActivityGate,
)
from .filtering import BandPass
from .steps import (
    Downsampler,
    Segmenter,
)

__all__ = [
    "ACTIVITIES",
    "ActivityGate",
    "BandPass",
    "Downsampler",
    "Segmenter",
]
