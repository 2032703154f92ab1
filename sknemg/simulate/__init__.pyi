from . import (
    resting,
)
from .cohort import make_cohort
from .contraction import (
    Contraction,
    Trace,
)
from .fibre import (
    Fibres,
    fibre_potentials,
)
from .instrument import Instrument
from .muscle import (
    Muscle,
    healthy_muscle,
)
from .needle import (
    Needle,
    concentric,
    monopolar,
)
from .pathology import (
    ageing,
    myopathy,
    neuropathy,
)
from .potentials import (
    Templates,
    motor_unit_potentials,
)
from .readers import simulate_readers
from .resting import (
    NODERA_CLASSES,
    RESTING_DISCHARGES,
    make_resting,
)

__all__ = [
    "NODERA_CLASSES",
    "RESTING_DISCHARGES",
    "Contraction",
    "Fibres",
    "Instrument",
    "Muscle",
    "Needle",
    "Templates",
    "Trace",
    "ageing",
    "concentric",
    "fibre_potentials",
    "healthy_muscle",
    "make_cohort",
    "make_resting",
    "monopolar",
    "motor_unit_potentials",
    "myopathy",
    "neuropathy",
    "resting",
    "simulate_readers",
]
