"""Load public names on first use."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any


def load(package: str, where: Mapping[str, str], name: str) -> Any:
    """Import a name of a package and keep it there; for the package's ``__getattr__``.

    Parameters
    ----------
    package : str
    where : mapping of public name to the submodule that has it
        A submodule itself is listed under its own name.
    name : str

    Returns
    -------
    object

    Raises
    ------
    AttributeError
        If the name is not listed.
    """
    if name not in where:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    module = importlib.import_module(f"{package}.{where[name]}")
    value = module if where[name] == name else getattr(module, name)
    setattr(sys.modules[package], name, value)
    return value
