"""MAT files: version 5, whose elements are walked here, and version 7.3, which is HDF5.

Version 5 is not left to scipy, which decompresses data before their size is known and follows
nested cells without limit.
"""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknemg.datasets._formats.named import Array, choose, need
from sknemg.datasets._formats.stored import ReadError, Stored

_TYPES = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
    16: "u1",
    17: "u2",
    18: "u4",
}
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _CHAR, _FUNCTION, _OPAQUE = 1, 2, 4, 16, 17
_KINDS = {_CELL: "a cell array", _STRUCT: "a structure array", 5: "a sparse matrix"}
_CLASSES = {
    6: "f8",
    7: "f4",
    8: "i1",
    9: "u1",
    10: "i2",
    11: "u2",
    12: "i4",
    13: "u4",
    14: "i8",
    15: "u8",
}
_NUMERIC = frozenset(
    {"double", "single", "logical", *(f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64))}
)
#: Classes of MATLAB's own that hold no signal.
_NO_SIGNALS = frozenset(
    {"string", "datetime", "duration", "calendarDuration", "categorical", "function_handle"}
)
_COMPLEX = 0x0800
_DEEPEST = 6  # structures within structures
_MOST_FIELDS = 1000
_MOST_LOOKED_AT = 10_000  # entries of cells
_LONGEST_WORD = 1000  # characters
_SLACK = 2**20  # bytes beside the samples
_AGAIN = "save it again, with save -v7"
_HDF5 = b"\x89HDF\r\n\x1a\n"


def read_mat(path: Path, channel: str | int | None, max_bytes: int) -> Stored:
    """Read one real vector, or one row or column of a matrix."""
    with path.open("rb") as file:
        head = file.read(128)
        file.seek(512)
        inner = file.read(8)
    if head.startswith(_HDF5) or inner == _HDF5:
        return _read_hdf5(path, channel, max_bytes)
    order = {b"IM": "<", b"MI": ">"}.get(head[126:128])
    if order is None or len(head) < 128:
        raise ReadError(f"not a MAT file of version 5 or 7.3: {_AGAIN}")
    if (size := path.stat().st_size) > max_bytes + _SLACK:
        raise ReadError(
            f"a file of {size} bytes, more than max_bytes={max_bytes}: raise `max_bytes`, or save "
            "the signal alone"
        )
    walk = _Walk(order, max_bytes + _SLACK)
    walk.file(memoryview(path.read_bytes())[128:])
    return choose(walk.arrays, walk.words, walk.skipped, channel, max_bytes)


class _Walk:
    """The variables of a file, read element by element; sizes are checked on the way."""

    def __init__(self, order: str, budget: int):
        self.order, self.budget = order, budget
        self.arrays: dict[str, Array] = {}
        self.words: dict[str, str] = {}
        self.skipped: list[str] = []  # that may hold a signal

    def file(self, data: memoryview) -> None:
        while len(data):
            kind, body, data = self.element(data, padded=False)
            if kind == _COMPRESSED:
                unpacked = self.unpack(body)
                kind, body, _ = self.element(unpacked)
            if kind == _MATRIX:
                self.matrix(body, "", 0)

    def unpack(self, body: memoryview) -> memoryview:
        unpacker = zlib.decompressobj()
        try:
            data = unpacker.decompress(body, self.budget)
        except zlib.error as error:
            raise ReadError(f"a variable cannot be decompressed ({error}): {_AGAIN}") from error
        if unpacker.unconsumed_tail:
            raise ReadError(
                "the variables unpack to more than `max_bytes` allows: raise `max_bytes`, or save "
                "the signal alone"
            )
        if not unpacker.eof:
            raise ReadError(f"a compressed variable ends early: {_AGAIN}")
        self.budget = max(self.budget - len(data), 1)
        return memoryview(data)

    def element(
        self, data: memoryview, *, padded: bool = True
    ) -> tuple[int, memoryview, memoryview]:
        """Split off the first element: its type, its bytes, and what follows."""
        if len(data) < 8:
            raise ReadError(f"the file ends within a variable: {_AGAIN}")
        kind, size = struct.unpack(self.order + "II", data[:8])
        if kind >> 16:  # of up to four bytes, in its own tag
            kind, size = kind & 0xFFFF, kind >> 16
            if size > 4:
                raise ReadError(f"an element of {size} bytes in four: {_AGAIN}")
            return kind, data[4 : 4 + size], data[8:]
        if len(data) < 8 + size:
            raise ReadError(
                f"a variable has {size} bytes according to its header, {len(data) - 8} are "
                f"present: {_AGAIN}"
            )
        pad = -size % 8 if padded and kind != _COMPRESSED else 0
        return kind, data[8 : 8 + size], data[8 + size + pad :]

    def numbers(self, data: memoryview) -> tuple[NDArray[Any], memoryview]:
        kind, body, rest = self.element(data)
        if kind not in _TYPES:
            raise ReadError(f"an element of type {kind} where numbers belong: {_AGAIN}")
        dtype = np.dtype(self.order + _TYPES[kind])
        if len(body) % dtype.itemsize:
            raise ReadError(f"{len(body)} bytes do not make whole numbers: {_AGAIN}")
        return np.frombuffer(body, dtype=dtype), rest

    def matrix(self, data: memoryview, prefix: str, depth: int, own: str | None = None) -> None:
        if not len(data):
            return
        kind, is_complex, shape, name, data = self.head(data)
        called = prefix + (own if own is not None else name)
        if not called and kind in _CLASSES:
            return  # what MATLAB keeps of its objects
        if kind == _STRUCT and shape == (1, 1):
            self.fields(data, called, depth + 1)
        elif kind == _CHAR:
            codes, _ = self.numbers(data)
            if len(codes) <= _LONGEST_WORD:
                self.words[called] = _text(codes)
        elif kind in _CLASSES and len(shape) == 2 and not is_complex:
            values, _ = self.numbers(data)
            if len(values) != shape[0] * shape[1]:
                raise ReadError(
                    f"{called!r} has {len(values)} numbers, its shape is {shape[0]} x {shape[1]}: "
                    f"{_AGAIN}"
                )
            if called in self.arrays:
                raise ReadError(f"the variable {called!r} is there twice: {_AGAIN}")
            table = values.reshape(shape, order="F")
            own_type = np.dtype(_CLASSES[kind])  # numbers are stored in the smallest type
            self.arrays[called] = Array(shape, _reader(table, own_type))
        elif self.may_hold_signals(kind, shape, data, depth):
            what = _KINDS.get(kind, "an array" if kind in _CLASSES else "an object")
            what = "complex numbers" if is_complex else what
            size = f" of {' x '.join(map(str, shape))}" if shape else ""
            self.skipped.append(f"{called!r} ({what}{size})")

    def head(self, data: memoryview) -> tuple[int, bool, tuple[int, ...], str, memoryview]:
        """Read a variable's class, whether it is complex, its shape, its name, and what follows."""
        flags, data = self.numbers(data)
        kind = int(flags[0]) & 0xFF if len(flags) else 0
        dims = np.empty(0, dtype="i4")
        if kind != _OPAQUE:
            dims, data = self.numbers(data)
        name, data = self.numbers(data)
        if not len(flags) or (dims < 0).any():
            raise ReadError(f"a variable without class or with negative size: {_AGAIN}")
        text = name.tobytes().decode("latin-1")
        return kind, bool(int(flags[0]) & _COMPLEX), tuple(map(int, dims)), text, data

    def may_hold_signals(
        self, kind: int, shape: tuple[int, ...], data: memoryview, depth: int
    ) -> bool:
        """Whether there is more than text and single numbers in what is not read."""
        if kind in _CLASSES:
            return math.prod(shape) > 1
        if kind in (_CHAR, _FUNCTION) or 0 in shape:
            return False
        if kind == _OPAQUE:
            _, data = self.numbers(data)
            return self.numbers(data)[0].tobytes().decode("latin-1") not in _NO_SIGNALS
        if kind not in (_CELL, _STRUCT) or depth > _DEEPEST:
            return True
        if kind == _STRUCT:  # the names of its fields
            _, data = self.numbers(data)
            _, data = self.numbers(data)
        while len(data):
            element, body, data = self.element(data)
            if element == _MATRIX and len(body):
                inner, _, size, _, rest = self.head(body)
                if self.may_hold_signals(inner, size, rest, depth + 1):
                    return True
        return False

    def fields(self, data: memoryview, prefix: str, depth: int) -> None:
        if depth > _DEEPEST:
            raise ReadError(f"structures more than {_DEEPEST} deep: save the signal alone")
        width, data = self.numbers(data)
        names, data = self.numbers(data)
        length = int(width[0]) if len(width) == 1 else 0
        if length < 1 or len(names) % length or len(names) // length > _MOST_FIELDS:
            raise ReadError(f"a structure whose fields have no names: {_AGAIN}")
        text = names.tobytes()
        for start in range(0, len(text), length):
            name = text[start : start + length].split(b"\0")[0].decode("latin-1")
            kind, body, data = self.element(data)
            if kind == _MATRIX:
                self.matrix(body, f"{prefix}.", depth, name)


def _text(codes: NDArray[Any]) -> str:
    if codes.dtype.itemsize == 1:
        raw = codes.tobytes()
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw.decode("latin-1")
    return "".join(chr(code) if code < 0x110000 else "\ufffd" for code in codes.tolist())


def _reader(table: NDArray[Any], own_type: np.dtype[Any]) -> Any:
    def read(channel: int, first: bool) -> NDArray[Any]:
        values = table[:, channel] if first else table[channel]
        return values.astype(own_type)

    return read


# -- version 7.3 -------------------------------------------------------------------------------


def _read_hdf5(path: Path, channel: str | int | None, max_bytes: int) -> Stored:
    h5py = need("h5py")
    arrays: dict[str, Array] = {}
    words: dict[str, str] = {}
    skipped: list[str] = []
    looked_at: list[int] = []  # entries of cells, of which many may lead to few

    def look(group: Any, prefix: str, depth: int) -> None:
        if depth > _DEEPEST:
            raise ReadError(f"structures more than {_DEEPEST} deep: save the signal alone")
        if len(group) > _MOST_FIELDS:
            raise ReadError(f"more than {_MOST_FIELDS} variables: save the signal alone")
        for name in group:
            if name.startswith("#"):
                continue  # what MATLAB keeps for itself
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                skipped.append(f"{prefix + name!r} (a link)")  # which may leave the file
                continue
            item = group[name]
            if isinstance(item, h5py.Group):
                look(item, f"{prefix}{name}.", depth + 1)
            elif isinstance(item, h5py.Dataset):
                note(item, prefix + name)

    def note(item: Any, name: str) -> None:
        if item.external or item.is_virtual:
            raise ReadError(f"{name!r} lies in another file: save it into this one")
        kind = _class_of(item)
        if item.attrs.get("MATLAB_empty", 0):
            return
        if kind == "char":
            if item.size <= _LONGEST_WORD and item.dtype.kind == "u":
                words[name] = _text(item[()].ravel(order="C"))
        elif item.dtype.kind in "iuf" and 1 <= item.ndim <= 2 and kind in ("", *_NUMERIC):
            shape = tuple(item.shape[::-1]) if item.ndim == 2 else (*item.shape, 1)
            arrays[name] = Array(shape, reader(item, name))
        elif may_hold_signals(item, 0):
            what = "an object" if kind not in ("", "cell", *_NUMERIC) else "an array"
            what = "a cell or structure array" if h5py.check_ref_dtype(item.dtype) else what
            size = " x ".join(map(str, item.shape[::-1]))
            skipped.append(f"{name!r} ({what} of {size})")

    def may_hold_signals(item: Any, depth: int) -> bool:
        """Whether there is more than text and single numbers in what is not read."""
        looked_at.append(depth)
        if isinstance(item, h5py.Group) or depth > _DEEPEST or len(looked_at) > _MOST_LOOKED_AT:
            return True
        kind = _class_of(item)
        if kind == "char" or kind in _NO_SIGNALS or item.attrs.get("MATLAB_empty", 0):
            return False
        if not h5py.check_ref_dtype(item.dtype):
            return item.dtype.kind in "iufbcV" and item.size > 1
        if item.size > _MOST_FIELDS:
            return True
        found = (item.file[reference] for reference in np.ravel(item[()]) if reference)
        return any(may_hold_signals(one, depth + 1) for one in found)

    def reader(item: Any, name: str) -> Any:
        def read(channel: int, first: bool) -> NDArray[Any]:
            if item.chunks and np.prod(item.chunks) * item.dtype.itemsize > max_bytes + _SLACK:
                raise ReadError(f"{name!r} is kept in pieces beyond `max_bytes`: raise `max_bytes`")
            if not item.id.get_storage_size():
                raise ReadError(f"{name!r} holds no data: save it again")
            if item.ndim == 1:
                return np.asarray(item[()])
            # MATLAB writes the transpose.
            return np.asarray(item[channel, :] if first else item[:, channel])

        return read

    with h5py.File(path, "r") as file:
        look(file, "", 0)
        return choose(arrays, words, skipped, channel, max_bytes)


def _class_of(item: Any) -> str:
    kind = item.attrs.get("MATLAB_class", b"")
    return kind.decode("latin-1") if isinstance(kind, bytes) else str(kind)
