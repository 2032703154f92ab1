"""The error of a model that is refused, the warning of another version, and missing packages."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sknemg.versions import ModelVersionWarning

__all__ = ["InvalidModelError", "ModelVersionWarning", "need"]


class InvalidModelError(ValueError):
    """A folder that is not a model, or one that was altered, truncated or made by a newer schema.

    Examples
    --------
    >>> from sknemg import InvalidModelError, load_model
    >>> try:
    ...     load_model("no/such/folder")
    ... except InvalidModelError as error:
    ...     print(error)
    'no/such/folder' is no folder: give the folder of a model.
    """


def need(module: str, extra: str) -> Any:
    """Import a package of an extra, or say how it is installed.

    Parameters
    ----------
    module : str
    extra : str

    Returns
    -------
    module

    Raises
    ------
    ImportError
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{module} is not installed: run pip install 'sknemg[{extra}]'."
        ) from error
