"""Parquet files: one column of numbers."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sknemg.datasets._formats.clock import LOOKED_AT, clock_among
from sknemg.datasets._formats.limits import check_size
from sknemg.datasets._formats.named import need
from sknemg.datasets._formats.names import is_rate, is_unit
from sknemg.datasets._formats.stored import (
    ReadError,
    Stored,
    check_alone,
    check_no_clock,
    integer_limits,
    pick,
    the_one,
)

_LOOKED_AT = 1000  # entries of text


def read_parquet(path: Path, channel: str | int | None, max_bytes: int) -> Stored:
    """Read one column; its rate and unit stand in the metadata, as ``DataFrame.attrs`` does.

    A unit may also stand in the metadata of its column, and counts before that of the file.
    """
    need("pyarrow")
    import pyarrow.parquet as parquet
    import pyarrow.types as types

    with parquet.ParquetFile(path, memory_map=False) as file:
        schema = file.schema_arrow
        names = [
            field.name
            for field in schema
            if types.is_floating(field.type) or types.is_integer(field.type)
        ]
        default = channel is None and "signal" not in names
        if default:
            remedy = "write it as a column of numbers"
            check_alone(names, _others(file, names), remedy, "the name of a column")
        wanted = "signal" if channel is None and not default else channel
        name = names[pick(names, wanted)]
        if schema.names.count(name) > 1:
            raise ReadError(f"several columns are called {name!r}: rename them")
        n_rows = file.metadata.num_rows
        check_size(n_rows, max_bytes)
        about = _about(schema.metadata or {})
        own = {
            k.decode("utf-8", "replace"): v for k, v in (schema.field(name).metadata or {}).items()
        }
        units = {key: value for key, value in own.items() if is_unit(key) and value}
        units = units or {key: value for key, value in about.items() if is_unit(key)}
        units = {key: u.get(name) if isinstance(u, dict) else u for key, u in units.items()}
        others = {
            other: partial(_first_entries, file, other)
            for other in names
            if other != name and names.count(other) == 1
        }
        hints = clock_among(others)
        parts, n_read = [], 0
        for batch in file.iter_batches(columns=[name], batch_size=2**16):
            column = batch.column(0)
            n_read += len(column)
            check_size(n_read, max_bytes)
            parts.append(column.to_numpy(zero_copy_only=False))
    if n_read != n_rows:
        raise ReadError(
            f"{n_rows} rows according to the header, {n_read} are present: write the file again"
        )
    samples = np.concatenate(parts) if parts else np.empty(0)
    if default:
        check_no_clock(name, samples)
    rates = {key: _number(key, value) for key, value in about.items() if is_rate(key)}
    unit = the_one(units, "units")
    return Stored(
        samples,
        the_one(rates, "sampling rates"),
        unit if isinstance(unit, (str, bytes)) else None,
        channel=name,
        clipped=integer_limits(samples),
        hints=hints,
    )


def _first_entries(file: Any, name: str) -> Any:
    batch = next(file.iter_batches(columns=[name], batch_size=LOOKED_AT), None)
    return np.empty(0) if batch is None else batch.column(0).to_numpy(zero_copy_only=False)


def _about(metadata: dict[bytes, bytes]) -> dict[str, Any]:
    """Read what a file says about itself: pandas' attrs, or keys of its own."""
    about: dict[str, Any] = {}
    if b"PANDAS_ATTRS" in metadata:
        try:
            attrs = json.loads(metadata[b"PANDAS_ATTRS"])
        except ValueError as error:
            raise ReadError("its metadata is not JSON: write the file again") from error
        about |= attrs if isinstance(attrs, dict) else {}
    for name, value in metadata.items():
        key = name.decode("utf-8", "replace")
        if is_rate(key) or is_unit(key):
            said = value.decode("utf-8", "replace")
            if key in about and str(about[key]) != said:
                raise ReadError(f"{key} is {about[key]!r} and {said!r} in the file: keep one")
            about.setdefault(key, said)
    return {key: value for key, value in about.items() if value is not None}


def _number(name: str, text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError) as error:
        raise ReadError(f"{name} in the file is {text!r}: write a number of hertz") from error


def _others(file: Any, names: list[str]) -> list[str]:
    """List the columns that may hold numbers in another type: text of digits, decimals, lists."""
    import pyarrow.types as types

    found = []
    for field in file.schema_arrow:
        kind = field.type.value_type if types.is_dictionary(field.type) else field.type
        harmless = types.is_boolean(kind) or types.is_null(kind) or types.is_temporal(kind)
        if field.name in names or harmless:
            continue
        text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
        if text and not _digits(file, field.name):
            continue
        found.append(f"{field.name!r} ({field.type})")
    return found


def _digits(file: Any, name: str) -> bool:
    """Whether the first entries of a column of text are numbers, with a point or a comma."""
    batch = next(file.iter_batches(columns=[name], batch_size=_LOOKED_AT), None)
    entries = [] if batch is None else [text for text in batch.column(0).to_pylist() if text]
    try:
        return bool([float(text.replace(",", ".")) for text in entries])
    except ValueError:
        return False
