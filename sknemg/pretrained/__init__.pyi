from .fine_tuning import (
    few_shot_pipeline,
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
    "few_shot_pipeline",
    "fine_tuning_pipeline",
    "load",
    "names",
]
