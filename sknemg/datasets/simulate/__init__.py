"""Simulated needle EMG: muscle fibres, motor units, a needle and an amplifier."""

from sknemg.datasets.simulate.contraction import Contraction, Trace
from sknemg.datasets.simulate.fibre import Fibres, fibre_potentials
from sknemg.datasets.simulate.instrument import Instrument
from sknemg.datasets.simulate.muscle import Muscle, healthy_muscle
from sknemg.datasets.simulate.needle import Needle, concentric, monopolar
from sknemg.datasets.simulate.pathology import ageing, myopathy, neuropathy
from sknemg.datasets.simulate.potentials import Templates, motor_unit_potentials

__all__ = [
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
    "monopolar",
    "motor_unit_potentials",
    "myopathy",
    "neuropathy",
]
