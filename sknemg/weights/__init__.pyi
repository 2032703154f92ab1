from .files import (
    folder_of,
    names,
)
from .network import (
    ShippedNetwork,
    read_network,
)

__all__ = [
    "ShippedNetwork",
    "folder_of",
    "names",
    "read_network",
]
