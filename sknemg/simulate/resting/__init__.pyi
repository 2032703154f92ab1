from .artefacts import (
    artefact,
    silence,
)
from .clips import (
    BACKGROUNDS,
    NODERA_CLASSES,
    RESTING_DISCHARGES,
    RESTING_MUSCLES,
    make_resting,
)
from .denervation import (
    fibrillation_potential,
    positive_sharp_wave,
)
from .end_plate import (
    end_plate_noise,
    end_plate_spikes,
    insertional_activity,
)
from .repetitive import (
    complex_repetitive_discharge,
    myotonic_discharge,
)
from .units import (
    fasciculation_potential,
    myokymic_discharge,
    neuromyotonic_discharge,
    remote_contraction,
)
from .waves import (
    Discharge,
    Site,
)

__all__ = [
    "BACKGROUNDS",
    "NODERA_CLASSES",
    "RESTING_DISCHARGES",
    "RESTING_MUSCLES",
    "Discharge",
    "Site",
    "artefact",
    "complex_repetitive_discharge",
    "end_plate_noise",
    "end_plate_spikes",
    "fasciculation_potential",
    "fibrillation_potential",
    "insertional_activity",
    "make_resting",
    "myokymic_discharge",
    "myotonic_discharge",
    "neuromyotonic_discharge",
    "positive_sharp_wave",
    "remote_contraction",
    "silence",
]
