from .files import (
    CAUTION,
    caution_of,
    folder_of,
    names,
)
from .network import (
    ShippedNetwork,
    read_network,
)

__all__ = [
    "CAUTION",
    "ShippedNetwork",
    "caution_of",
    "folder_of",
    "names",
    "read_network",
]
