"""What a file says of a model: estimators, input, versions."""

from __future__ import annotations

from typing import Any

import numpy as np

from sknemg.persistence._estimators import dump_estimator
from sknemg.persistence._values import Arrays
from sknemg.versions import versions_of

FORMAT = "sknemg-model"
#: The form of the folder. A change that an older version would misread gets the next number, and
#: `load_model` keeps reading the numbers before.
SCHEMA = 1
_NOTE = (
    "schema counts the changes of this form. A reader that does not know the number must refuse "
    "the model; sknemg reads every number up to its own."
)


def describe_model(model: Any) -> tuple[dict[str, Any], Arrays]:
    """Say all that a file holds of a model, but its card and its evaluation.

    Parameters
    ----------
    model : fitted estimator

    Returns
    -------
    config : dict
        What ``config.json`` holds.
    arrays : Arrays
    """
    arrays, left_out = Arrays(), list[str]()
    tree = dump_estimator(model, "model", arrays, left_out)
    config = {
        "format": FORMAT,
        "schema": SCHEMA,
        "note": _NOTE,
        "versions": versions_for(tree),
        "input": describe_input(model),
        "left_out": left_out,
        "model": tree,
    }
    return config, arrays


# -- what a model takes ------------------------------------------------------------------------


def describe_input(model: Any) -> dict[str, Any]:
    """Say what a model takes and answers: classes, unit, rate, window and hop.

    Parameters
    ----------
    model : fitted estimator

    Returns
    -------
    dict
        None for what a step does not state.
    """
    parts = list(_walk(model))

    def first(name: str, kind: str) -> Any:
        return next((getattr(p, name) for p in parts if type(p).__name__ == kind), None)

    rate = first("sfreq", "Downsampler")
    if rate is None:
        rate = first("sfreq_", "DiVoteClassifier")
    return {
        "classes": np.asarray(model.classes_).tolist() if hasattr(model, "classes_") else None,
        "unit": "mV",
        "sfreq": None if rate is None else float(rate),
        "window": first("window", "Segmenter"),
        "hop": first("hop", "Segmenter"),
    }


def _walk(model: Any) -> list[Any]:
    """List a model and the fitted estimators in it, from the outside inwards."""
    inner = [step for _, step in getattr(model, "steps", []) if hasattr(step, "get_params")]
    inner += [
        getattr(model, name)
        for name in ("estimator_", "final_estimator_")
        if getattr(model, name, None) is not None
    ]
    return [model, *(part for own in inner for part in _walk(own))]


# -- versions ----------------------------------------------------------------------------------


def versions_for(tree: Any) -> dict[str, str]:
    """Give the versions of the libraries that the estimators of a model need."""
    text = str(tree)
    names = ["sknemg", "scikit-learn", "numpy"]
    names += ["torch"] if "NEMGNetClassifier" in text or "TimmClassifier" in text else []
    names += ["timm"] if "TimmClassifier" in text else []
    names += ["soxr"] if "Downsampler" in text else []
    names += ["onnxruntime"] if "OnnxClassifier" in text else []
    return versions_of(names)
