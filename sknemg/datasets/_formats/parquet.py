"""Parquet files: one column of numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from sknemg.datasets._formats.limits import check_size
from sknemg.datasets._formats.named import need
from sknemg.datasets._formats.stored import ReadError, Stored, integer_limits, pick


def read_parquet(path: Path, channel: str | int | None, max_bytes: int) -> Stored:
    """Read one column; ``sfreq`` and ``unit`` stand in the metadata, as ``DataFrame.attrs`` does.

    A unit may also stand in the metadata of its column.
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
        wanted = "signal" if channel is None and "signal" in names else channel
        name = names[pick(names, wanted)]
        if schema.names.count(name) > 1:
            raise ReadError(f"several columns are called {name!r}: rename them")
        n_rows = file.metadata.num_rows
        check_size(n_rows, max_bytes)
        about = _about(schema.metadata or {})
        unit = (schema.field(name).metadata or {}).get(b"unit") or about.get("unit")
        parts, n_read = [], 0
        for batch in file.iter_batches(columns=[name], batch_size=2**16):
            column = batch.column(0)
            n_read += len(column)
            check_size(n_read, max_bytes)
            parts.append(column.to_numpy(zero_copy_only=False))
    if n_read != n_rows:
        raise ReadError(f"{n_rows} rows by the header, {n_read} are there: write the file again")
    samples = np.concatenate(parts) if parts else np.empty(0)
    rate = about.get("sfreq")
    return Stored(
        samples,
        None if rate is None else _number(rate),
        unit if isinstance(unit, (str, bytes)) else None,
        channel=name,
        clipped=integer_limits(samples),
    )


def _about(metadata: dict[bytes, bytes]) -> dict[str, Any]:
    """Read what a file says of itself: pandas' attrs, or keys of its own."""
    about: dict[str, Any] = {}
    if b"PANDAS_ATTRS" in metadata:
        try:
            attrs = json.loads(metadata[b"PANDAS_ATTRS"])
        except ValueError as error:
            raise ReadError("its metadata is no JSON: write the file again") from error
        about |= attrs if isinstance(attrs, dict) else {}
    for key in ("sfreq", "unit"):
        if key.encode() in metadata:
            said = metadata[key.encode()].decode("utf-8", "replace")
            if key in about and str(about[key]) != said:
                raise ReadError(f"{key} is {about[key]!r} and {said!r} in the file: keep one")
            about.setdefault(key, said)
    return about


def _number(text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError) as error:
        raise ReadError(f"sfreq in the file is {text!r}: write a number of hertz") from error
