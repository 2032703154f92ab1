"""Motor unit action potentials: found, averaged, measured, compared with norms, made features."""

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
from sknemg.muap.reference import MuapReference, published_norms

__all__ = [
    "MotorUnit",
    "MuapFeatures",
    "MuapReference",
    "Muaps",
    "average_muap",
    "find_discharges",
    "find_units",
    "jiggle",
    "known_features",
    "measure_muap",
    "measure_muaps",
    "muap_feature",
    "published_norms",
    "recruitment_ratio",
]
