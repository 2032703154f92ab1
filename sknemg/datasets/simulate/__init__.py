"""Simulated needle EMG: muscle fibres, motor units, a needle and an amplifier."""

from sknemg.datasets.simulate.fibre import Fibres, fibre_potentials
from sknemg.datasets.simulate.instrument import Instrument
from sknemg.datasets.simulate.needle import Needle, concentric, monopolar

__all__ = ["Fibres", "Instrument", "Needle", "concentric", "fibre_potentials", "monopolar"]
