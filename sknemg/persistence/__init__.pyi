from ._problems import (
    InvalidModelError,
    ModelVersionWarning,
)
from .card import (
    evaluation_tables,
    model_card,
)
from .hub import (
    from_hub,
    push_to_hub,
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
    "from_hub",
    "load_model",
    "model_card",
    "push_to_hub",
    "save_model",
]
