"""Fitted estimators as JSON and arrays, and back: parameters, what was learned, and the checks."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from sknemg.persistence._kinds import KINDS, Kind, class_of, kind_of
from sknemg.persistence._problems import InvalidModelError
from sknemg.persistence._states import is_plain, load_parameters, load_state, read_entry
from sknemg.persistence._values import CAUTION, Arrays, UnsavableError, dump_parameter

#: What scalers set to None, and the parameters that switch it off.
_SWITCHED = {
    "mean_": ("with_mean",),
    "var_": ("with_std",),
    "scale_": ("with_std", "with_scaling"),
    "center_": ("with_centering",),
}


def dump_estimator(estimator: Any, path: str, arrays: Arrays, left_out: list[str]) -> Any:
    """Write a fitted estimator.

    Parameters
    ----------
    estimator : fitted estimator
    path : str
        How it is reached from the model.
    arrays : Arrays
        Receives its arrays.
    left_out : list of str
        Receives the parameters that were not written.

    Returns
    -------
    JSON-able

    Raises
    ------
    TypeError
        If it, or a part of it, is not one of `KINDS`.
    """
    found = kind_of(estimator)
    if found is None:
        raise UnsavableError(
            f"{path} is a {type(estimator).__name__}, which no model folder holds: "
            f"{_remedy(estimator)}, or keep the model with pickle, which runs code on opening."
        )
    name, kind = found
    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise UnsavableError(f"{path}, a {name}, is not fitted: call fit first.") from error
    said = vars(estimator).get("caution_", "")
    return {
        "estimator": name,
        "parameters": _dump_parameters(estimator, kind, path, left_out),
        "state": _dump_state(estimator, kind, path, arrays, left_out),
    } | ({CAUTION: said} if said else {})


def _remedy(estimator: Any) -> str:
    """Say what can be saved in the place of an estimator."""
    name = type(estimator).__name__
    if hasattr(estimator, "best_estimator_"):
        return "save its `best_estimator_`"
    if name.endswith("SearchCV"):
        return "set refit=True, and save its `best_estimator_`"
    if name == "CalibratedClassifierCV":
        return (
            "save a sknemg.diagnosis.Diagnostician, which calibrates the probabilities of subjects"
        )
    if name in ("FixedThresholdClassifier", "TunedThresholdClassifierCV", "FrozenEstimator"):
        return "save the classifier inside it"
    return f"use one of {', '.join(KINDS)}"


def _dump_parameters(estimator: Any, kind: Kind, path: str, left_out: list[str]) -> dict[str, Any]:
    written = {}
    defaults = {n: p.default for n, p in signature(type(estimator)).parameters.items()}
    given = estimator.get_params(deep=False)
    if kind.keeps_parameters:
        given |= estimator.kept_parameters()
    for name, value in given.items():
        if name in kind.state or (
            name in kind.from_state and not isinstance(value, (str, type(None)))
        ):
            continue
        if not kind.is_own and _same(value, defaults[name]):
            continue  # an older or newer scikit-learn may lack the parameter
        if name in kind.neutral and not is_plain(name, value):
            left_out.append(f"{path}.{name} ({type(value).__name__})")
            value = kind.neutral[name]
        written[name] = dump_parameter(value, f"{path}.{name}")
    return written


def _same(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and bool(np.all(value == default)))


def _dump_state(
    estimator: Any, kind: Kind, path: str, arrays: Arrays, left_out: list[str]
) -> dict[str, Any]:
    parameters = set(estimator.get_params(deep=False)) - set(kind.state)
    found = {
        name: value
        for name, value in vars(estimator).items()
        if name not in kind.ignored | parameters | {"_metadata_request", "caution_"}
    }
    if strange := sorted(set(found) - set(kind.state)):
        raise UnsavableError(
            f"{path}, a {type(estimator).__name__}, has {', '.join(strange)}, which no model "
            "folder holds: fit it without what sets them, or keep the model with pickle."
        )

    def dump_child(child: Any, at: str) -> Any:
        return dump_estimator(child, at, arrays, left_out)

    written = {}
    for name in kind.state:  # in this order, whatever that of the attributes
        if name not in found or (found[name] is None and _may_be_none(name, kind)):
            continue
        where = path if name == "steps" else f"{path}.{name}"
        written[name] = kind.state[name].dump(found[name], where, arrays, dump_child)
    return written


def _may_be_none(name: str, kind: Kind) -> bool:
    """Whether None stands for a missing value, as in a StandardScaler(with_std=False)."""
    return name in kind.optional or name in _SWITCHED


# -- reading -----------------------------------------------------------------------------------


def load_estimator(entry: Any, path: str, arrays: Arrays, depth: int = 0) -> Any:
    """Build the estimator that `dump_estimator` wrote.

    Parameters
    ----------
    entry : JSON
    path : str
    arrays : Arrays
    depth : int

    Returns
    -------
    fitted estimator

    Raises
    ------
    InvalidModelError
        If anything in it is not as it was written.
    """
    name, kind, given, learned = read_entry(entry, path, depth)

    def load_child(child: Any, at: str) -> Any:
        return load_estimator(child, at, arrays, depth + 1)

    state = load_state(learned, name, path, arrays, load_child)
    known = set(signature(class_of(name)).parameters) - set(kind.state)
    parameters = load_parameters(given, name, path, known)
    estimator = _build(name, kind, parameters, state, path)
    if CAUTION in entry:
        said, of_parts = entry[CAUTION], hasattr(class_of(name), "caution_")
        if of_parts or not said:
            raise InvalidModelError(
                f"{path}, a {name}, has the caution {said!r}, as no {name} has."
            )
        estimator.caution_ = said
    if kind.check is not None:
        try:
            kind.check(estimator)
        except InvalidModelError:
            raise
        except Exception as error:  # what a network says of sizes that fit no network
            raise InvalidModelError(f"{path}, a {name}, cannot be: {error}") from error
    return estimator


def _build(
    name: str, kind: Kind, parameters: dict[str, Any], state: dict[str, Any], path: str
) -> Any:
    given = dict(parameters)
    for parameter, attribute in kind.from_state.items():
        if parameter not in given:
            fitted = state.get(attribute)
            if fitted is None:
                raise InvalidModelError(f"{path}, a {name}, lacks {attribute}.")
            given[parameter] = (
                [(member, clone(own)) for member, own in fitted.items()]
                if isinstance(fitted, Mapping)
                else clone(fitted)
            )
    constructor = {n: state[n] for n in kind.state if n in signature(class_of(name)).parameters}
    try:
        estimator = class_of(name)(**given, **constructor)
        estimator._validate_params()
    except (TypeError, ValueError) as error:
        raise InvalidModelError(f"{path}, a {name}, has wrong parameters: {error}") from error
    for attribute in kind.state:
        if attribute in state:
            setattr(estimator, attribute, state[attribute])
        elif attribute not in kind.optional:
            _restore_missing(estimator, attribute, path)
    if kind.keeps_parameters:
        estimator.keep_parameters()
    for attribute, value in kind.restored.items():
        setattr(estimator, attribute, np.empty(0, np.uint64) if value == () else value)
    return estimator


def _restore_missing(estimator: Any, attribute: str, path: str) -> None:
    """Give a scaler the None of a step that was switched off; nothing else may be missing."""
    off = [getattr(estimator, switch, True) is False for switch in _SWITCHED.get(attribute, ())]
    if not any(off):
        raise InvalidModelError(f"{path}, a {type(estimator).__name__}, lacks {attribute}.")
    setattr(estimator, attribute, None)
