from .files import (
    CAUTION,
    comes_with_sknemg,
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
    "comes_with_sknemg",
    "folder_of",
    "names",
    "read_network",
]
