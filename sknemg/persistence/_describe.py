"""What a file says of a model: estimators, input, versions."""

from __future__ import annotations

from typing import Any

import numpy as np

from sknemg.persistence._estimators import dump_estimator
from sknemg.persistence._values import Arrays
from sknemg.versions import versions_of

FORMAT = "sknemg-model"
#: The form of `config.json` and of the arrays. It gets the next number when a reader of the number
#: before would misread a model or miss a part of it: an estimator of the list gains, loses or
#: renames something that it has learned, an entry appears or means something else. A further
#: estimator in the list is no new form, since older versions refuse it by its name.
SCHEMA = 2
_NOTE = (
    "schema numbers the form of this file and its arrays. A reader that does not know the number "
    "must refuse the model. sknemg reads the numbers that its guide lists; a model of another "
    "number is loaded by the version named under versions, or trained anew."
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
        None for what no step states, or the members of a joint vote each in their own way.
    """
    parts = list(_walk(model))

    def stated(name: str, kind: str) -> Any:
        found = {getattr(part, name) for part in parts if type(part).__name__ == kind}
        return found.pop() if len(found) == 1 else None

    rate = stated("sfreq", "Downsampler")
    if rate is None:
        rate = stated("sfreq_", "DiVoteClassifier")
    return {
        "classes": np.asarray(model.classes_).tolist() if hasattr(model, "classes_") else None,
        "unit": "mV",
        "sfreq": None if rate is None else float(rate),
        "window": stated("window", "Segmenter"),
        "hop": stated("hop", "Segmenter"),
    }


def _walk(model: Any) -> list[Any]:
    """List a model and the fitted estimators in it, from the outside inwards."""
    inner = [step for _, step in getattr(model, "steps", []) if hasattr(step, "get_params")]
    inner += getattr(model, "named_estimators_", {}).values()
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
