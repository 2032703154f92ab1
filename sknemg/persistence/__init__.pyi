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
from .onnx_file import export_onnx

__all__ = [
    "InvalidModelError",
    "ModelVersionWarning",
    "evaluation_tables",
    "export_onnx",
    "load_model",
    "model_card",
    "save_model",
]
