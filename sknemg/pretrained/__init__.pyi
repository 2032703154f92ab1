from .fine_tuning import (
    fine_tuning_pipeline,
)
from .loading import (
    card,
    describe,
    load,
    names,
)

__all__ = [
    "card",
    "describe",
    "fine_tuning_pipeline",
    "load",
    "names",
]
