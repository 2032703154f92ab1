from .answers import Diagnosis
from .calibration import (
    fit_temperature,
    scale_temperature,
)
from .conformal import (
    conformal_quantile,
    coverage_range,
    prediction_sets,
)
from .diagnostician import Diagnostician
from .plausibility import Plausibility
from .streaming import (
    StreamingDiagnosis,
    Vote,
)

__all__ = [
    "Diagnosis",
    "Diagnostician",
    "Plausibility",
    "StreamingDiagnosis",
    "Vote",
    "conformal_quantile",
    "coverage_range",
    "fit_temperature",
    "prediction_sets",
    "scale_temperature",
]
