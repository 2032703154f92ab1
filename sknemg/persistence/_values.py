"""How parts of a fitted estimator are written as JSON and arrays, and read back with checks.

Each class here is one kind of value. ``dump`` refuses what is not of that kind, and ``load`` what
no ``dump`` has written, so that nothing reaches an estimator whose type or shape was not expected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite, prod
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknemg.persistence._problems import InvalidModelError
from sknemg.recordings._problems import shown

#: Types of arrays that go into a file, by the letter of their kind.
DTYPES = {
    "f": ("float32", "float64"),
    "i": ("int32", "int64"),
    "b": ("bool",),
    "u": ("uint8",),
}
_LABEL_DTYPES = {"bool": bool, "object": str, "str": str, "float64": float} | {
    f"{sign}int{bits}": int for sign in ("", "u") for bits in (8, 16, 32, 64)
}
_MOST = 2**31  # samples of a segment, pixels of an image
_LARGEST = 2**53  # of a whole number
_DEEPEST = 40  # estimators within estimators
_MANY = 10_000  # entries of a list or mapping
_LONGEST_CAUTION = 1000
#: The entry of a model, and of those estimators in it that it is due to, with what has to be said
#: beside its answers. Few have it, and readers of before refuse it.
CAUTION = "caution"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,199}")


class UnsavableError(TypeError):
    """A part of a model that no model folder holds; the message says which and what to do."""


def check_caution(said: Any, path: str) -> str:
    """Return what has to be said of a model, if it is a line of text."""
    if not (isinstance(said, str) and said.isprintable() and len(said) <= _LONGEST_CAUTION):
        raise InvalidModelError(
            f"The caution of {path} is {shown(said)}, not a line of text: do not trust the file."
        )
    return said


@dataclass
class Arrays:
    """The arrays of a model by their path in it.

    Attributes
    ----------
    values : dict of ndarray
    taken : set of str
        What has been read.
    graph : bytes or None
        The ONNX file, of a model that is one.
    """

    values: dict[str, NDArray[Any]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    graph: bytes | None = None

    def put(self, path: str, array: NDArray[Any], kinds: str) -> str:
        """Keep an array; return the order of its axes in memory."""
        if str(array.dtype) not in _dtypes(kinds):
            raise UnsavableError(
                f"{path} has the type {array.dtype}, not {' or '.join(_dtypes(kinds))}: keep this "
                "model with pickle."
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise UnsavableError(f"{path} holds NaN or infinity: fit the model anew.")
        # The order matters: sums over rows and over columns differ in their last digits.
        fortran = array.flags.f_contiguous and not array.flags.c_contiguous
        self.values[path] = np.array(array, order="C")
        return "F" if fortran else "C"

    def take(self, path: str, order: Any, kinds: str) -> NDArray[Any]:
        """Give an array, once."""
        if path not in self.values or path in self.taken:
            raise InvalidModelError(f"The array {path} is missing in model.safetensors.")
        array = self.values[path]
        if order not in ("C", "F") or str(array.dtype) not in _dtypes(kinds):
            raise InvalidModelError(
                f"The array {path} is of type {array.dtype} in the order {shown(order)}, expected "
                f"{' or '.join(_dtypes(kinds))} in the order 'C' or 'F'."
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InvalidModelError(f"The array {path} holds NaN or infinity.")
        self.taken.add(path)
        return np.array(array, order=order)


def _dtypes(kinds: str) -> list[str]:
    return [name for kind in kinds for name in DTYPES[kind]]


#: Sizes that several arrays of one estimator share, by name.
Sizes = dict[str, int]


@dataclass(frozen=True)
class Array:
    """An array whose axes are named: one name is one size throughout an estimator.

    Parameters
    ----------
    axes : tuple of str or int
        ``"*"`` may be of any size.
    kinds : str, default="f"
        See `DTYPES`.
    """

    axes: tuple[str | int, ...]
    kinds: str = "f"

    def dump(self, value: Any, path: str, arrays: Arrays, dump_child: Any) -> Any:
        """Keep the array; return what stands in its place in the JSON."""
        if not isinstance(value, np.ndarray) or value.ndim != len(self.axes):
            raise UnsavableError(
                f"{path} is no array of {len(self.axes)} axes: keep this model with pickle."
            )
        return {"array": arrays.put(path, value, self.kinds)}

    def load(self, entry: Any, path: str, arrays: Arrays, sizes: Sizes, load_child: Any) -> Any:
        """Return the array if its shape fits the others."""
        array = arrays.take(path, _only(entry, path, "array"), self.kinds)
        expected = [
            self._expected(axis, size, sizes)
            for axis, size in zip(self.axes, array.shape, strict=False)
        ]
        if array.ndim != len(self.axes) or list(array.shape) != expected:
            raise InvalidModelError(
                f"The array {path} has the shape {array.shape}, expected "
                f"({', '.join(map(str, self.axes))}) with {shown(sizes)}."
            )
        return array

    def _expected(self, axis: str | int, size: int, sizes: Sizes) -> int:
        if isinstance(axis, int):
            return axis
        return size if axis == "*" else sizes.setdefault(axis, size)


@dataclass(frozen=True)
class ArrayDict:
    """Arrays by name, of any shape, such as the state dict of a network."""

    kinds: str = "fi"

    def dump(self, value: Any, path: str, arrays: Arrays, dump_child: Any) -> Any:
        """Keep the arrays."""
        if any(not isinstance(name, str) or not _NAME.fullmatch(name) for name in value):
            raise UnsavableError(f"{path} has names that no file keeps: {shown(list(value))}.")
        return {
            "arrays": {
                name: arrays.put(f"{path}/{name}", np.asarray(array), self.kinds)
                for name, array in value.items()
            }
        }

    def load(self, entry: Any, path: str, arrays: Arrays, sizes: Sizes, load_child: Any) -> Any:
        """Return the arrays in their order."""
        orders = as_mapping(_only(entry, path, "arrays"), path)
        return {
            name: arrays.take(f"{path}/{name}", order, self.kinds) for name, order in orders.items()
        }


@dataclass(frozen=True)
class Labels:
    """Labels of classes: sorted, each once, all booleans, all numbers or all text."""

    axis: str = "classes"

    def dump(self, value: Any, path: str, arrays: Arrays, dump_child: Any) -> Any:
        """Write the labels and their type."""
        value = np.asarray(value)
        dtype = "str" if value.dtype.kind == "U" else str(value.dtype)
        kind = _LABEL_DTYPES.get(dtype)
        labels = value.tolist()
        if kind is None or not all(type(label) is kind for label in labels):
            raise UnsavableError(
                f"{path} holds {shown(labels)} of type {dtype}: train with labels that are all "
                "text, all whole numbers or all booleans."
            )
        return {"labels": labels, "dtype": dtype}

    def load(self, entry: Any, path: str, arrays: Arrays, sizes: Sizes, load_child: Any) -> Any:
        """Return the labels as an array of their type."""
        entry = as_mapping(entry, path, {"labels", "dtype"})
        labels = as_list(entry["labels"], path)
        kind = _LABEL_DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
        if kind is None or not labels or not all(type(label) is kind for label in labels):
            raise InvalidModelError(f"The labels {path} are not all of one known type.")
        if any(not a < b for a, b in pairwise(labels)):
            raise InvalidModelError(f"The labels {path} are not sorted, or one stands twice.")
        if sizes.setdefault(self.axis, len(labels)) != len(labels):
            raise InvalidModelError(f"{path} has {len(labels)} labels for {shown(sizes)}.")
        try:
            return np.array(labels, dtype=entry["dtype"])
        except OverflowError as error:
            raise InvalidModelError(f"The labels {path} do not fit {entry['dtype']}.") from error


@dataclass(frozen=True)
class Names:
    """Names of columns, as scikit-learn keeps them: an array of text objects."""

    axis: str = "features"

    def dump(self, value: Any, path: str, arrays: Arrays, dump_child: Any) -> Any:
        """Write the names."""
        return [str(name) for name in value]

    def load(self, entry: Any, path: str, arrays: Arrays, sizes: Sizes, load_child: Any) -> Any:
        """Return the names."""
        names = as_list(entry, path)
        if not all(type(name) is str for name in names):
            raise InvalidModelError(f"The names {path} are not all text.")
        if sizes.setdefault(self.axis, len(names)) != len(names):
            raise InvalidModelError(f"{path} has {len(names)} names for {shown(sizes)}.")
        return np.array(names, dtype=object)


@dataclass(frozen=True)
class Plain:
    """A single value of one of some types.

    Parameters
    ----------
    types : tuple of types
    choices : tuple, default=()
        All that is allowed; empty for any value.
    axis : str, default=""
        The size that the number states.
    """

    types: tuple[type, ...]
    choices: tuple[Any, ...] = ()
    axis: str = ""

    def dump(self, value: Any, path: str, arrays: Arrays, dump_child: Any) -> Any:
        """Write the value."""
        if isinstance(value, (np.generic, np.ndarray)) and np.ndim(value) == 0:
            value = value.item()
        if not self._allowed(value):
            raise UnsavableError(f"{path} is {shown(value)}: keep this model with pickle.")
        return value

    def load(self, entry: Any, path: str, arrays: Arrays, sizes: Sizes, load_child: Any) -> Any:
        """Return the value."""
        if not self._allowed(entry):
            raise InvalidModelError(f"{path} is {shown(entry)}, which is not possible there.")
        if self.axis and sizes.setdefault(self.axis, entry) != entry:
            raise InvalidModelError(f"{path} is {entry} for {shown(sizes)}.")
        return entry

    def _allowed(self, value: Any) -> bool:
        if type(value) not in self.types or (self.choices and value not in self.choices):
            return False
        return not isinstance(value, (int, float)) or (isfinite(value) and abs(value) <= _LARGEST)


COUNT = Plain((int, float))
FLAG = Plain((bool,))
N_FEATURES = Plain((int,), axis="features")


@dataclass(frozen=True)
class Shape:
    """The shape of an item: some sizes, whose product an item in memory can have."""

    def dump(self, value: Any, path: str, arrays: Arrays, dump_child: Any) -> Any:
        """Write the sizes."""
        return [int(size) for size in value]

    def load(self, entry: Any, path: str, arrays: Arrays, sizes: Sizes, load_child: Any) -> Any:
        """Return the sizes."""
        whole = [size for size in as_list(entry, path) if type(size) is int and 0 < size < _MOST]
        if len(whole) != len(entry) or len(whole) > 4 or prod(whole) > _MOST:
            raise InvalidModelError(f"{path} is {shown(entry)}, the shape of no item.")
        return tuple(whole)


@dataclass(frozen=True)
class Child:
    """A fitted estimator, or None where that is allowed."""

    optional: bool = False

    def dump(self, value: Any, path: str, arrays: Arrays, dump_child: Any) -> Any:
        """Write the estimator."""
        return None if value is None and self.optional else dump_child(value, path)

    def load(self, entry: Any, path: str, arrays: Arrays, sizes: Sizes, load_child: Any) -> Any:
        """Return the estimator."""
        return None if entry is None and self.optional else load_child(entry, path)


@dataclass(frozen=True)
class Steps:
    """The named steps of a pipeline."""

    def dump(self, value: Any, path: str, arrays: Arrays, dump_child: Any) -> Any:
        """Write the steps."""
        for name, _ in value:
            if not _NAME.fullmatch(name):
                raise UnsavableError(
                    f"A step of {path} is named {shown(name)}: name it by letters, digits, "
                    "underscores and hyphens."
                )
        return [
            [name, step if step in (None, "passthrough") else dump_child(step, f"{path}.{name}")]
            for name, step in value
        ]

    def load(self, entry: Any, path: str, arrays: Arrays, sizes: Sizes, load_child: Any) -> Any:
        """Return the steps."""
        steps = []
        for step in as_list(entry, path):
            name, node = step if isinstance(step, list) and len(step) == 2 else (None, None)
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise InvalidModelError(f"{path} has a step without a name.")
            own = node if node in (None, "passthrough") else load_child(node, f"{path}.{name}")
            steps.append((name, own))
        if not steps or len({name for name, _ in steps}) < len(steps):
            raise InvalidModelError(f"{path} has no steps, or two of one name.")
        return steps


@dataclass(frozen=True)
class Members:
    """Fitted estimators by name, as an ensemble keeps them."""

    def dump(self, value: Any, path: str, arrays: Arrays, dump_child: Any) -> Any:
        """Write the members."""
        return Steps().dump(list(value.items()), path, arrays, dump_child)

    def load(self, entry: Any, path: str, arrays: Arrays, sizes: Sizes, load_child: Any) -> Any:
        """Return the members."""
        from sklearn.utils import Bunch

        members = Steps().load(entry, path, arrays, sizes, load_child)
        if any(member in (None, "passthrough") for _, member in members):
            raise InvalidModelError(f"{path} has a member that is no estimator.")
        return Bunch(**dict(members))


@dataclass(frozen=True)
class Graph:
    """The graph of an ONNX file, which is beside the arrays."""

    def dump(self, value: Any, path: str, arrays: Arrays, dump_child: Any) -> Any:
        """Keep the graph."""
        if arrays.graph is not None:
            raise UnsavableError(f"{path} is the second graph of ONNX: an ONNX file holds one.")
        arrays.graph = value
        return None

    def load(self, entry: Any, path: str, arrays: Arrays, sizes: Sizes, load_child: Any) -> Any:
        """Return the graph, once."""
        if arrays.graph is None or entry is not None:
            raise InvalidModelError(f"{path} is a graph of ONNX, which a model folder lacks.")
        found, arrays.graph = arrays.graph, None
        return found


#: Any of the kinds of values.
Value = Array | ArrayDict | Labels | Names | Plain | Shape | Child | Steps | Members | Graph


# -- parameters --------------------------------------------------------------------------------


def dump_parameter(value: Any, path: str) -> Any:
    """Write a parameter: a number, text, truth value, None, or a container of such."""
    if isinstance(value, np.generic):
        value = value.item()
    elif isinstance(value, np.ndarray):  # read back as a list, which estimators take as well
        value = value.tolist()
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Integral) and abs(int(value)) <= _LARGEST:
        return int(value)
    if isinstance(value, Real) and isfinite(value):
        return float(value)
    if isinstance(value, list):
        return [dump_parameter(item, path) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [dump_parameter(item, path) for item in value]}
    if isinstance(value, Mapping):
        pairs = [[dump_parameter(k, path), dump_parameter(v, path)] for k, v in value.items()]
        return {"mapping": pairs}
    raise UnsavableError(
        f"{path} is {shown(value)}, of type {type(value).__name__}: give numbers or text, or keep "
        "this model with pickle."
    )


def load_parameter(entry: Any, path: str, depth: int = 0) -> Any:
    """Return a parameter."""
    if depth > _DEEPEST:
        raise InvalidModelError(f"{path} is nested more than {_DEEPEST} deep.")
    if entry is None or isinstance(entry, (bool, str)):
        return entry
    if type(entry) in (int, float) and abs(entry) <= _LARGEST:
        return entry
    if isinstance(entry, list):
        return [load_parameter(item, path, depth + 1) for item in as_list(entry, path)]
    if isinstance(entry, dict) and set(entry) == {"tuple"}:
        items = as_list(entry["tuple"], path)
        return tuple(load_parameter(item, path, depth + 1) for item in items)
    if isinstance(entry, dict) and set(entry) == {"mapping"}:
        pairs = as_list(entry["mapping"], path)
        if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
            raise InvalidModelError(f"{path} has a mapping without pairs.")
        read = [[load_parameter(item, path, depth + 1) for item in pair] for pair in pairs]
        if not all(isinstance(key, (str, int, float)) for key, _ in read):
            raise InvalidModelError(f"{path} has a mapping with keys of another kind.")
        return dict(read)
    raise InvalidModelError(f"{path} is {shown(entry)}, which is no parameter.")


# -- entries -----------------------------------------------------------------------------------


def _only(entry: Any, path: str, key: str) -> Any:
    return as_mapping(entry, path, {key})[key]


def as_mapping(entry: Any, path: str, keys: set[str] | None = None) -> dict[str, Any]:
    """Return an entry that is a mapping, with these keys and no others."""
    if not isinstance(entry, dict) or len(entry) > _MANY:
        raise InvalidModelError(f"{path} is a {type(entry).__name__}, expected a mapping.")
    if keys and set(entry) != keys:
        raise InvalidModelError(
            f"{path} is a mapping with {shown(sorted(entry))}, expected one with "
            f"{', '.join(sorted(keys))}."
        )
    return entry


def as_list(entry: Any, path: str) -> list[Any]:
    """Return an entry that is a list."""
    if not isinstance(entry, list) or len(entry) > _MANY:
        raise InvalidModelError(f"{path} is a {type(entry).__name__}, expected a list.")
    return entry
