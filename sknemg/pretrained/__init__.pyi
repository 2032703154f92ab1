from .adaptation import (
    adapted_pipeline,
)
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
    "adapted_pipeline",
    "card",
    "describe",
    "few_shot_pipeline",
    "fine_tuning_pipeline",
    "load",
    "names",
]
