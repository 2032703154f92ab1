from ._problems import (
    InvalidModelError,
    ModelVersionWarning,
)
from .models import (
    load_model,
    save_model,
)

__all__ = [
    "InvalidModelError",
    "ModelVersionWarning",
    "load_model",
    "save_model",
]
