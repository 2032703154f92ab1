"""Types of table columns: how each is written as text and read back unchanged.

A written cohort keeps them in ``datapackage.json``, a data package of the Frictionless standard
(https://datapackage.org) with the pandas type of each column beside the standard's own.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sknemg.recordings._problems import shown

PACKAGE = "datapackage.json"

Field = dict[str, Any]

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|[-+]?inf|nan", re.IGNORECASE | re.ASCII)
_INTEGER = re.compile(r"[-+]?\d+", re.ASCII)
_MISSING_KINDS: dict[str, Any] = {"None": None, "nan": math.nan, "NA": pd.NA, "NaT": pd.NaT}
_WORDS = (
    "",
    "NA",
    "missing",
    "not given",
)  # the first that equals no entry stands for a missing one


class UnwritableError(ValueError):
    """A column that a table cannot hold, and why."""


# -- writing -----------------------------------------------------------------------------------


def encode(column: pd.Series) -> tuple[list[str], Field]:
    """Write the entries of a column as text, and describe their type.

    Returns
    -------
    texts : list of str
    field : dict
        A field of a Table Schema, with the pandas type as ``dtype``.

    Raises
    ------
    UnwritableError
        If the column would not be read back as it is.

    Examples
    --------
    >>> encode(pd.Series(["0", None, ""], dtype=object, name="code"))[0]
    ['0', 'NA', '']
    >>> encode(pd.Series([0.1, np.nan], dtype="float32", name="depth"))
    (['0.1', ''], {'name': 'depth', 'type': 'number', 'dtype': 'float32', 'missingValues': ['']})
    """
    texts, field = _encode(column)
    given = [text for text in texts if text is not None]
    if any(re.search("[\0\ud800-\udfff]", text) for text in given):
        raise UnwritableError("text that a table in UTF-8 cannot hold")
    word = next((word for word in _WORDS if word not in given), None)
    if word is None:
        word = next(
            word for word in (f"missing {i}" for i in range(len(given) + 1)) if word not in given
        )
    if word == "" or len(given) < len(texts):
        field["missingValues"] = [word]
    if any(text != text.strip() or "\r" in text for text in given):
        field["blanks"] = "kept"
    written = [word if text is None else text for text in texts]
    back, wrong = decode([clean(text, field) for text in written], field)
    if wrong or not same(column, back):
        raise UnwritableError(f"entries of type {column.dtype} would not be read back as they are")
    return written, field


def _encode(column: pd.Series) -> tuple[list[str | None], Field]:
    dtype = column.dtype
    field: Field = {"name": column.name, "type": "string", "dtype": str(dtype), "missingValues": []}
    if isinstance(dtype, pd.CategoricalDtype):
        names, own = _encode(pd.Series(dtype.categories))
        if any(name is None for name in names) or len(set(names)) < len(names):
            raise UnwritableError("its categories cannot be told apart as text")
        codes = column.cat.codes
        field |= {"type": own["type"], "categories": names, "categoriesDtype": own["dtype"]}
        field["categoriesOrdered"] = bool(dtype.ordered)
        field |= {"storage": own["storage"]} if "storage" in own else {}
        return [names[code] if code >= 0 else None for code in codes], field
    entries = [_python(entry) for entry in column.astype(object)]
    missing = [_missing_kind(entry) for entry in entries]
    if dtype in (object,):
        kinds = {kind for kind in missing if kind}
        types = {type(e) for e, kind in zip(entries, missing, strict=True) if not kind}
        if not types <= {str, bool, int, float}:
            other = next(t for t in types if t not in (str, bool, int, float))
            raise UnwritableError(f"entries of type {other.__name__}")
        if len(types) > 1 or len(kinds) > 1:  # each entry says its own type
            if kinds - {"None", "nan"}:
                raise UnwritableError("entries of several types with NA or NaT among them")
            return [json.dumps(e, ensure_ascii=False) for e in entries], field | {"type": "any"}
        field["type"] = _NAMES[next(iter(types), str)]
        field["missing"] = next(iter(kinds), "None")
    elif isinstance(dtype, pd.StringDtype):
        field["dtype"] = "str" if dtype.na_value is not pd.NA else "string"
        field["storage"] = dtype.storage
    elif dtype.kind == "f" and getattr(dtype, "itemsize", 8) > 8:
        raise UnwritableError(f"entries of type {dtype}")
    elif dtype.kind in _KINDS:
        field["type"] = _KINDS[dtype.kind]
    else:
        raise UnwritableError(f"entries of type {dtype}")
    if str(dtype) in ("float16", "float32"):  # the shortest text that means the number
        entries = list(column.to_numpy())
    write = _WRITERS[field["type"]]
    return [None if m else write(e) for e, m in zip(entries, missing, strict=True)], field


_NAMES: dict[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}
_KINDS = {
    "b": "boolean",
    "i": "integer",
    "u": "integer",
    "f": "number",
    "M": "datetime",
    "m": "duration",
}
_WRITERS: dict[str, Callable[[Any], str]] = {
    "string": str,
    "boolean": str,
    "integer": str,
    "number": str,
    "datetime": lambda entry: entry.isoformat(),
    "duration": lambda entry: entry.isoformat(),
}


def _python(entry: Any) -> Any:
    """Convert NumPy's texts and numbers to Python's."""
    if isinstance(entry, (np.str_, np.bool_, np.integer)):
        return entry.item()
    return float(entry) if isinstance(entry, np.floating) and entry.itemsize <= 8 else entry


def _missing_kind(entry: Any) -> str:
    if isinstance(entry, float):
        return "nan" if math.isnan(entry) else ""
    kinds = (kind for kind, gap in _MISSING_KINDS.items() if entry is gap)
    return next(kinds, "")


def same(a: pd.Series, b: pd.Series) -> bool:
    """Whether two columns have the same type and the same entries, bit for bit."""
    if isinstance(a.dtype, pd.CategoricalDtype) and isinstance(b.dtype, pd.CategoricalDtype):
        return (
            a.dtype == b.dtype
            and same(pd.Series(a.dtype.categories), pd.Series(b.dtype.categories))
            and list(a.cat.codes) == list(b.cat.codes)
        )
    entries = ([repr(_python(entry)) for entry in column.astype(object)] for column in (a, b))
    return a.dtype == b.dtype and next(entries) == next(entries)


# -- reading -----------------------------------------------------------------------------------


def clean(text: str, field: Field) -> str | None:
    """Return an entry of a table as `decode` takes it; None stands for a missing one."""
    text = text if field.get("blanks") == "kept" else text.strip()
    return None if text in field["missingValues"] else text


def decode(texts: Iterable[str | None], field: Field) -> tuple[pd.Series, list[tuple[int, str]]]:
    """Read the entries of a column by the description of their type.

    Returns
    -------
    column : Series
    wrong : list of (int, str)
        The positions of entries that the description does not allow, and why; if there
        are any, the column is unusable.

    Examples
    --------
    >>> field = {"name": "n", "type": "integer", "dtype": "int8", "missingValues": [""]}
    >>> decode(["1", "x", None, "999"], field)[1]
    [(1, "'x' is not of type integer"), (2, 'an entry is missing'), (3, "'999' is beyond int8")]
    """
    texts = [text if isinstance(text, str) else None for text in texts]  # whatever is missing
    wrong: list[tuple[int, str]] = []
    dtype = field["dtype"]
    values: list[Any] = [None] * len(texts)
    if "categories" in field:
        names = field["categories"]
        for at, text in enumerate(texts):
            if text is not None and text not in names:
                wrong.append((at, f"{shown(text)} is not one of {shown(names)}"))
        if wrong:
            return pd.Series(dtype=object), wrong
        own = field | {"dtype": field["categoriesDtype"], "missing": "None"}
        categories = decode(names, {k: v for k, v in own.items() if k != "categories"})[0]
        codes = [-1 if text is None else names.index(text) for text in texts]
        kind = pd.CategoricalDtype(pd.Index(categories), ordered=field["categoriesOrdered"])
        return pd.Series(pd.Categorical.from_codes(codes, dtype=kind)), []
    for at, text in enumerate(texts):
        if text is None:
            if _is_plain(dtype):
                wrong.append((at, "an entry is missing"))
            continue
        try:
            values[at] = _READERS[field["type"]](text)
        except ValueError:
            wrong.append((at, f"{shown(text)} is not of type {field['type']}"))
            continue
        if field["type"] == "integer" and dtype != "object" and not _fits(values[at], dtype):
            wrong.append((at, f"{shown(text)} is beyond {dtype}"))
    if wrong:
        return pd.Series(dtype=object), wrong
    return _build(values, texts, field), []


def _build(values: list[Any], texts: list[str | None], field: Field) -> pd.Series:
    dtype: Any = field["dtype"]
    if dtype == "object":
        array = np.empty(len(values), dtype=object)
        gap = _MISSING_KINDS[field.get("missing", "None")]
        array[:] = [gap if t is None else v for v, t in zip(values, texts, strict=True)]
        return pd.Series(array, dtype=object)
    if field["type"] == "string" and dtype in ("str", "string"):
        na_value = pd.NA if dtype == "string" else math.nan
        try:
            kind = pd.StringDtype(field.get("storage", "python"), na_value=na_value)
        except (ImportError, TypeError):  # without pyarrow, or in pandas 2
            kind = pd.StringDtype("python")
        return pd.Series(values, dtype=kind)
    if field["type"] in ("datetime", "duration"):
        return _build_times([pd.NaT if value is None else value for value in values], dtype)
    if dtype in ("float16", "float32", "float64"):
        return pd.Series(np.array([math.nan if v is None else v for v in values], dtype=dtype))
    if _is_plain(dtype):
        return pd.Series(np.array(values, dtype=dtype))  # pd.array would go through floats
    return pd.Series(pd.array(values, dtype=dtype))


def _build_times(times: list[Any], dtype: str) -> pd.Series:
    kind: Any = pd.api.types.pandas_dtype(dtype)
    if isinstance(kind, pd.DatetimeTZDtype):
        utc = [
            time if time is pd.NaT else time.tz_convert("UTC").tz_localize(None) for time in times
        ]
        plain = _build_times(utc, f"datetime64[{kind.unit}]")
        return plain.dt.tz_localize("UTC").dt.tz_convert(kind.tz)
    array = np.array([time.to_numpy().astype(kind) for time in times], dtype=kind)
    return pd.Series(array)


def _is_plain(dtype: str) -> bool:
    """Whether a type has no missing entries."""
    return dtype == "bool" or re.fullmatch(r"u?int\d+", dtype) is not None


def _fits(value: int, dtype: str) -> bool:
    limits = np.iinfo(dtype.lower())
    return bool(limits.min <= value <= limits.max)


def _read_boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError
    return text.lower() == "true"


def read_number(text: str) -> float:
    """Read a number to the last digit; ValueError if it is not one."""
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return float(text)


def _read_integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError
    return int(text)


_READERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "boolean": _read_boolean,
    "integer": _read_integer,
    "number": read_number,
    "datetime": pd.Timestamp,
    "duration": pd.Timedelta,
    "any": json.loads,
}


# -- the file ----------------------------------------------------------------------------------


def write_package(path: Path, tables: Mapping[str, list[Field]]) -> None:
    """Write the types of the columns of some tables."""
    resources = [
        {
            "name": Path(table).stem,
            "path": table,
            "type": "table",
            "format": "csv",
            "mediatype": "text/csv",
            "encoding": "utf-8",
            "schema": {"fields": fields},
        }
        for table, fields in tables.items()
    ]
    package = {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "resources": resources,
    }
    path.write_text(json.dumps(package, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_package(path: Path) -> dict[str, dict[str, Field]]:
    """Read the types of the columns of each table; those that are not stated are not known.

    Raises
    ------
    ValueError
        If the file exists but cannot be used.
    """
    if not path.is_file():
        return {}
    package = json.loads(path.read_text(encoding="utf-8"))
    tables: dict[str, dict[str, Field]] = {}
    try:
        for resource in package["resources"]:
            fields = resource.get("schema", {}).get("fields", [])
            # A package of another origin names no pandas types, and the entries decide.
            own = {field["name"]: field for field in fields if "dtype" in field}
            tables[resource["path"]] = {name: _check(field) for name, field in own.items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"its parts are not where they belong ({error!r})") from error
    return tables


def _check(field: Field) -> Field:
    known = field["type"] in _READERS and isinstance(field["missingValues"], list)
    known &= field.get("missing", "None") in _MISSING_KINDS
    try:
        decode([], field)
    except (KeyError, TypeError, ValueError):
        known = False
    if not known:
        raise ValueError(f"the type of column {shown(field['name'])} is not understood")
    return field
