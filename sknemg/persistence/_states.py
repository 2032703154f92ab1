"""The parts of a file that estimators are made of: what each has learned, and its parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from sknemg.persistence._kinds import KINDS, LIMITS, Kind
from sknemg.persistence._problems import InvalidModelError
from sknemg.persistence._values import (
    CAUTION,
    Arrays,
    Sizes,
    as_mapping,
    check_caution,
    load_parameter,
)
from sknemg.recordings._problems import shown

ENTRIES = {"estimator", "parameters", "state"}
_DEEPEST = 20


def read_entry(entry: Any, path: str, depth: int) -> tuple[str, Kind, Any, Any]:
    """Return the name, the kind, the parameters and the state of an estimator of the list."""
    stated = {CAUTION} & set(entry) if isinstance(entry, dict) else set()
    entry = as_mapping(entry, path, ENTRIES | stated)
    if stated:
        check_caution(entry[CAUTION], path)
    name = entry["estimator"]
    if not isinstance(name, str) or name not in KINDS:
        raise InvalidModelError(
            f"{path} is said to be a {shown(name)}, which this version does not load: update "
            "sknemg, or do not trust the file."
        )
    if depth > _DEEPEST:
        raise InvalidModelError(f"{path} is nested more than {_DEEPEST} deep.")
    return name, KINDS[name], entry["parameters"], entry["state"]


def load_state(
    entry: Any, name: str, path: str, arrays: Arrays, load_child: Callable[[Any, str], Any]
) -> dict[str, Any]:
    """Return what an estimator has learned, by attribute."""
    kind = KINDS[name]
    entry = as_mapping(entry, f"the state of {path}")
    if strange := sorted(set(entry) - set(kind.state)):
        raise InvalidModelError(f"{path}, a {name}, has {shown(strange)}, as no {name} has.")
    state, sizes = {}, Sizes()
    for attribute, value in kind.state.items():
        if attribute in entry:
            where = path if attribute == "steps" else f"{path}.{attribute}"
            state[attribute] = value.load(entry[attribute], where, arrays, sizes, load_child)
    return state


def load_parameters(entry: Any, name: str, path: str, known: Iterable[str]) -> dict[str, Any]:
    """Return the parameters of an estimator, of which these are known."""
    kind = KINDS[name]
    entry = as_mapping(entry, f"the parameters of {path}")
    if strange := sorted(set(entry) - set(known)):
        raise InvalidModelError(
            f"{path}, a {name}, has the parameters {shown(strange)}, which the installed version "
            "does not know: install the versions that config.json names."
        )
    parameters = {key: load_parameter(value, f"{path}.{key}") for key, value in entry.items()}
    for key, value in parameters.items():
        if key in LIMITS and any(abs(number) > LIMITS[key] for number in _numbers(value)):
            raise InvalidModelError(f"{path}.{key} is {shown(value)}, beyond {LIMITS[key]:g}.")
        if key in kind.neutral and not is_plain(key, value):
            raise InvalidModelError(f"{path}.{key} is {shown(value)}, which no file states.")
    return parameters


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, (int, float)):
        yield value


def is_plain(name: str, value: Any) -> bool:
    """Whether a parameter of training holds no object, no data and no place on a disk."""
    if name == "device":
        return value in ("auto", "cpu")  # a numbered GPU is there on one machine only
    if name in ("memory", "checkpoint"):
        return value is None
    if name == "class_weight":
        return value is None or isinstance(value, (str, Mapping))
    return value is None or isinstance(value, (bool, str, int, float, np.number))
