"""What a file says of a model: estimators, input, versions."""

from __future__ import annotations

from typing import Any

import numpy as np

from sknemg.persistence._config import FORMAT, NOTE, SCHEMA, versions_for
from sknemg.persistence._estimators import dump_estimator
from sknemg.persistence._values import CAUTION, Arrays


def describe_model(model: Any, caution: str) -> tuple[dict[str, Any], Arrays]:
    """Say all that a file holds of a model, but its card and its evaluation.

    Parameters
    ----------
    model : fitted estimator
    caution : str
        What has to be said beside its answers.

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
        "note": NOTE,
        "versions": versions_for(tree),
        "input": describe_input(model),
        "left_out": left_out,
        "model": tree,
    }
    return config | ({CAUTION: caution} if caution else {}), arrays


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
