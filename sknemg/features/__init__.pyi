from .cloud import TurnsReference
from .interference import (
    InterferenceFeatures,
    envelope_amplitude,
    interference_features,
    interference_names,
    small_segments,
)
from .pattern import PatternFeatures, pattern_features, pattern_names
from .segments import (
    amplitude_features,
    count_crossings,
    feature_names,
    segment_features,
    spectral_features,
)
from .transformers import SegmentFeatures
from .turns import (
    count_turns,
    find_turns,
)

__all__ = [
    "InterferenceFeatures",
    "PatternFeatures",
    "SegmentFeatures",
    "TurnsReference",
    "amplitude_features",
    "count_crossings",
    "count_turns",
    "envelope_amplitude",
    "feature_names",
    "find_turns",
    "interference_features",
    "interference_names",
    "pattern_features",
    "pattern_names",
    "segment_features",
    "small_segments",
    "spectral_features",
]
