"""Finished cells of an evaluation, kept in a folder."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import joblib
import pandas as pd

from sknemg.divote.levels import LEVEL_TABLES

Tables = dict[str, pd.DataFrame]


def open_cache(folder: str | Path | None) -> Path | None:
    """Make the folder, and see that cells can be written into it before any is computed.

    Parameters
    ----------
    folder : path or None

    Returns
    -------
    Path or None

    Raises
    ------
    OSError
        If it is not a folder that can be written to.
    """
    if folder is None:
        return None
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise type(error)(
            f"cache={str(folder)!r} cannot hold finished cells ({_reason(error)}): give a folder "
            "that can be written to."
        ) from error
    return folder


def read_cell(file: Path) -> tuple[Tables | None, str]:
    """Read a finished cell.

    Parameters
    ----------
    file : Path

    Returns
    -------
    tables : dict of DataFrame, or None
        None if there is no file, or none that holds a whole cell.
    damage : str
        What is wrong with a file that is there; empty otherwise.

    Raises
    ------
    OSError
        If the file is there and the system does not let it be read.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        raise type(error)(
            f"The finished cell {str(file)!r} cannot be read ({_reason(error)}): make it readable, "
            "or give another cache."
        ) from error
    try:
        tables = joblib.load(BytesIO(content))
    except Exception as error:  # damaged bytes can make pickle raise any error
        return None, f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if not _is_cell(tables):
        return None, f"it holds no cell but {type(tables).__name__}"
    return tables, ""


def write_cell(tables: Tables, file: Path) -> None:
    """Write a finished cell, so that the file is never seen half written.

    Parameters
    ----------
    tables : dict of DataFrame
    file : Path
    """
    # Named by chance: two methods with the same settings may write the same cell at once.
    part = file.with_suffix(f".{uuid4().hex}.part")
    try:
        joblib.dump(tables, part)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _is_cell(tables: Any) -> bool:
    return (
        isinstance(tables, Mapping)
        and set(tables) == {*LEVEL_TABLES, "cells"}
        and all(isinstance(table, pd.DataFrame) for table in tables.values())
        and "torn" in tables["subjects"]
    )


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
