"""Recipes: how nEMGNet is trained, as published and as tuned on simulated and real subjects."""

from types import MappingProxyType
from typing import Any

#: What a parameter of `NEMGNetClassifier` says that is left to the recipe.
RECIPE = "recipe"

_PUBLISHED = {
    "head": "flat",
    "companding": None,
    "dropout": 0.0,
    "optimizer": "adam",
    "lr": 1e-3,
    "weight_decay": 0.0,
    "schedule": None,
    "epoch_fraction": 1.0,
    "augment": None,
    "mixup": 0.0,
    "label_smoothing": 0.0,
    "weight_averaging": None,
}

#: The parameters of each recipe. ``python -m benchmarks.recipe`` measures what each is worth.
RECIPES: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "published": _PUBLISHED,
        "tuned": _PUBLISHED | {"head": "auto", "companding": 0.05},
    }
)
