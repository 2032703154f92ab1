"""Motor unit action potentials: found in a recording, averaged, measured, and made features of."""

from sknemg.muap.features import (
    MuapFeatures,
    jiggle,
    known_features,
    muap_feature,
    recruitment_ratio,
)
from sknemg.muap.measure import (
    MotorUnit,
    Muaps,
    find_discharges,
    find_units,
    measure_muaps,
)
from sknemg.muap.potential import average_muap, measure_muap

__all__ = [
    "MotorUnit",
    "MuapFeatures",
    "Muaps",
    "average_muap",
    "find_discharges",
    "find_units",
    "jiggle",
    "known_features",
    "measure_muap",
    "measure_muaps",
    "muap_feature",
    "recruitment_ratio",
]
