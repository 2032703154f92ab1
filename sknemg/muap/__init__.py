"""Motor unit action potentials: found in a recording, averaged and measured."""

from sknemg.muap.measure import (
    Muaps,
    average_muap,
    find_discharges,
    measure_muap,
    measure_muaps,
)

__all__ = [
    "Muaps",
    "average_muap",
    "find_discharges",
    "measure_muap",
    "measure_muaps",
]
