"""Load a model from an ONNX file as functions and numbers, without scikit-learn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknemg.diagnosis.examining import Examiner
from sknemg.diagnosis.light import (
    POOLINGS,
    RECORDING_WEIGHTS,
    STEPS,
    LightDiagnostician,
    Step,
    VoteRule,
)
from sknemg.persistence._config import (
    check_all_used,
    check_fingerprint,
    check_input,
    checked_config,
    read_arrays,
    versions_for,
    warn_of_versions,
)
from sknemg.persistence._folder import CONFIG, GRAPH, WEIGHTS, parse_json
from sknemg.persistence._onnx_read import check_graph_of, read_onnx
from sknemg.persistence._onnx_run import open_graph, score_rows
from sknemg.persistence._problems import InvalidModelError
from sknemg.persistence._states import load_parameters, load_state, read_entry
from sknemg.persistence._values import Arrays
from sknemg.preprocessing.activity import ACTIVITIES
from sknemg.recordings._problems import check_counts

_SHORT, _METHODS = ("raise", "drop", "pad"), ("soxr", "polyphase", "fft")


class _HeavyError(Exception):
    """A part of the model is one that only scikit-learn gives."""


@dataclass(frozen=True)
class _Part:
    """An estimator as it stands in a file."""

    name: str
    path: str
    parameters: Mapping[str, Any]
    state: Mapping[str, Any]

    def __getitem__(self, attribute: str) -> Any:
        if attribute not in self.state:
            raise InvalidModelError(f"{self.path}, a {self.name}, lacks {attribute}.")
        return self.state[attribute]


def load_light(
    file: str | Path, *, fingerprint: str | None = None, max_bytes: int = 2**32
) -> LightDiagnostician | None:
    """Load a Diagnostician that `export_onnx` wrote, to answer for patients and for nothing else.

    It is looked at as by `load_model`, and gives the same answers, but starts in a fraction of the
    time: scikit-learn is not imported.

    Parameters
    ----------
    file, fingerprint, max_bytes
        As for `load_model`.

    Returns
    -------
    LightDiagnostician or None
        None if the model has a part that only its estimators can do: `load_model` loads it.

    Raises
    ------
    InvalidModelError
        As by `load_model`.

    Warns
    -----
    ModelVersionWarning
    """
    check_counts(max_bytes=max_bytes)
    files, found = read_onnx(Path(file), max_bytes=int(max_bytes))
    check_fingerprint(found, fingerprint)
    config = checked_config(parse_json(files[CONFIG], CONFIG))
    arrays = Arrays(read_arrays(files[WEIGHTS]), graph=files.get(GRAPH))
    try:
        model, takes = _diagnostician(_part(config["model"], "model", arrays, 0), config["caution"])
    except _HeavyError:
        return None
    check_all_used(arrays)
    check_input(config["input"], takes)
    warn_of_versions(config["versions"], versions_for(config["model"]), stacklevel=3)
    return model


def _part(entry: Any, path: str, arrays: Arrays, depth: int) -> _Part:
    name, _, given, learned = read_entry(entry, path, depth)
    if name not in _KNOWN:
        raise _HeavyError

    def load_child(child: Any, at: str) -> Any:
        return _part(child, at, arrays, depth + 1)

    state = load_state(learned, name, path, arrays, load_child)
    if set(given) - _KNOWN[name]:  # what a parameter does, or that there is none, others know
        raise _HeavyError
    return _Part(name, path, load_parameters(given, name, path, _KNOWN[name]), state)


def _only(part: Any, *names: str) -> _Part:
    if not isinstance(part, _Part) or part.name not in names:
        raise _HeavyError
    return part


def _diagnostician(root: _Part, caution: str) -> tuple[LightDiagnostician, dict[str, Any]]:
    _only(root, "Diagnostician")
    inner = _only(root["estimator_"], "Pipeline", "DiVoteClassifier")
    parts = [inner]
    if inner.name == "Pipeline":
        parts = [step for _, step in inner["steps"] if step not in (None, "passthrough")]
    *before, last = parts
    divote = _only(last, "DiVoteClassifier")
    steps = [_step(part) for part in before]
    rule, score = _votes(divote)
    classes = root["classes_"]
    coverage: Any = root.parameters.get("coverage")
    numbers = root["temperature_"], root["quantile_"], root["n_calibration_"]
    known = set(classes.tolist())
    if not set(rule.classes_.tolist()) <= known:
        raise InvalidModelError("The parts of a Diagnostician do not fit each other.")
    if not (numbers[0] > 0 and 0 <= numbers[1] <= 1 and numbers[2] > 0 and _is_share(coverage)):
        raise InvalidModelError(
            f"A Diagnostician has the temperature {numbers[0]}, the quantile {numbers[1]}, "
            f"{numbers[2]} calibration subjects and the coverage {coverage}."
        )
    model = LightDiagnostician(
        steps=steps,
        score=score,
        rule=rule,
        plausibility=_examiner(_only(root["plausibility_"], "Plausibility")),
        classes=classes,
        temperature=numbers[0],
        quantile=numbers[1],
        n_calibration=numbers[2],
        coverage=float(coverage),
        caution=caution,
    )
    return model, _takes(classes, before, rule)


def _takes(classes: NDArray[Any], before: list[_Part], rule: VoteRule) -> dict[str, Any]:
    """Say what the model takes, as `describe_input` says it of estimators."""

    def stated(name: str, kind: str) -> Any:
        found = {part.parameters[name] for part in before if part.name == kind}
        return found.pop() if len(found) == 1 else None

    rate = stated("sfreq", "Downsampler")
    rate = rule.sfreq if rate is None else rate
    return {
        "classes": classes.tolist(),
        "unit": "mV",
        "sfreq": None if rate is None else float(rate),
        "window": stated("window", "Segmenter"),
        "hop": stated("hop", "Segmenter"),
    }


# -- parts -------------------------------------------------------------------------------------


def _step(part: Any) -> Step:
    """Give the function of a transformer, if its parameters are ones that it takes."""
    known = dict(_only(part, *STEPS).parameters)
    allowed = _PARAMETERS[part.name]
    if known.pop("input_sfreq", None) is not None or set(known) != set(allowed):
        raise _HeavyError
    if not all(allowed[name](value) for name, value in known.items()):
        raise _HeavyError  # scikit-learn says what is wrong with them
    return partial(STEPS[part.name], **known)


def _votes(divote: _Part) -> tuple[VoteRule, Callable[[NDArray[Any]], NDArray[np.float64]]]:
    """Give the rule of the votes, and what scores segments."""
    graph = _only(divote["estimator_"], "OnnxClassifier")
    classes = divote["classes_"]
    if graph["classes_"].tolist() != classes.tolist():
        raise _HeavyError
    check_graph_of(graph["graph_"], graph["item_shape_"], len(classes))
    session = open_graph(graph["graph_"])
    score = partial(score_rows, session, item_shape=graph["item_shape_"], n_classes=len(classes))
    where, final = divote["subject_features_"], divote["final_estimator_"]
    pooling = divote.parameters.get("pooling", POOLINGS[0])
    weights = divote.parameters.get("recording_weights", RECORDING_WEIGHTS[0])
    if pooling not in POOLINGS or weights not in RECORDING_WEIGHTS:
        raise _HeavyError  # which says what is wrong with them
    own = {"sfreq": divote["sfreq_"], "pooling": pooling, "recording_weights": weights}
    if final is None:
        return VoteRule(classes, where, **own), score
    _only(final, "LogisticRegression")
    if final.parameters.get("solver", "lbfgs") == "liblinear":
        raise _HeavyError
    labels, coef, intercept = final["classes_"], final["coef_"], final["intercept_"]
    n_rows, n_votes = coef.shape
    if not set(labels.tolist()) <= set(classes.tolist()):
        raise InvalidModelError(
            f"A classifier of DiVoteClassifier knows {labels.tolist()}, not among "
            f"{classes.tolist()}."
        )
    if (
        n_rows != (1 if len(labels) == 2 else len(labels)) or len(intercept) != n_rows
        or n_votes != len(classes) * (2 if where == "location" else 1)
    ):  # fmt: skip
        raise InvalidModelError(
            f"LogisticRegression has coefficients of the shape {coef.shape} for {len(labels)} "
            f"classes and the votes for {len(classes)}."
        )
    return VoteRule(classes, where, partial(_logistic, coef, intercept), labels, **own), score


def _logistic(
    coef: NDArray[np.float64], intercept: NDArray[np.float64], votes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Score votes as a LogisticRegression does."""
    logits = votes @ coef.T + intercept
    if logits.shape[1] == 1:  # by the logistic function, as there, so that all bits are the same
        last = np.array([_expit(float(logit)) for logit in logits[:, 0]])
        return np.column_stack([1 - last, last])
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def _expit(logit: float) -> float:
    """Do as `scipy.special.expit`, by the same exponential of the C library."""
    return 1 / (1 + math.exp(-logit)) if logit > -709.78 else 0.0


def _examiner(part: _Part) -> Examiner:
    examiner = Examiner()
    examiner.sfreq = part.parameters.get("sfreq", 0.0)
    examiner.min_duration = part.parameters.get("min_duration", -1.0)
    if not _is_positive(examiner.sfreq) or not _is_number(examiner.min_duration):
        raise _HeavyError
    for name in _LEARNED:
        setattr(examiner, name, part[name])
    return examiner


# -- parameters --------------------------------------------------------------------------------


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0 < value < 1


def _are_bands(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and all(isinstance(band, (list, tuple)) and len(band) == 2 for band in value)
        and all(_is_number(low) and _is_positive(high) and low < high for low, high in value)
    )


#: The parameters that the functions of `STEPS` take, and which values of them.
_PARAMETERS: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    "Downsampler": {
        "sfreq": _is_positive,
        "method": lambda value: value in _METHODS,
        "upsample": lambda value: isinstance(value, bool),
    },
    "Segmenter": {
        "window": _is_positive,
        "hop": _is_positive,
        "short": lambda value: value in _SHORT,
        "activity": lambda value: value is None or value in ACTIVITIES,
    },
    "SegmentFeatures": {
        "turn_threshold": _is_positive,
        "noise_threshold": _is_number,
        "bands": _are_bands,
    },
}
_LEARNED = ("low_", "high_", "scale_", "center_", "precision_", "distance_", "subject_distance_",
            "refused_", "contracted_", "muscles_")  # fmt: skip

#: The estimators that there are functions for, and their parameters, whatever these are good for.
_KNOWN: Mapping[str, frozenset[str]] = {
    "Diagnostician": frozenset({"cv", "coverage", "n_jobs"}),
    "Plausibility": frozenset({"sfreq", "min_duration", "cv"}),
    "Pipeline": frozenset({"memory", "transform_input", "verbose"}),
    "DiVoteClassifier": frozenset(
        {"estimator", "final_estimator", "subject_features", "pooling", "recording_weights", "cv",
         "n_jobs"}
    ),
    "OnnxClassifier": frozenset(),
    "LogisticRegression": frozenset(
        {"C", "l1_ratio", "dual", "tol", "fit_intercept", "intercept_scaling", "class_weight",
         "random_state", "solver", "max_iter", "verbose", "warm_start", "n_jobs"}
    ),
    **{name: frozenset({"input_sfreq", *known}) for name, known in _PARAMETERS.items()},
}  # fmt: skip
