from ._problems import (
    InvalidModelError,
    ModelVersionWarning,
)
from .card import (
    evaluation_tables,
    model_card,
)
from .models import (
    load_model,
    save_model,
)

__all__ = [
    "InvalidModelError",
    "ModelVersionWarning",
    "evaluation_tables",
    "load_model",
    "model_card",
    "save_model",
]
