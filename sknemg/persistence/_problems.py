"""The error of a model folder that is refused, and the warning of another version."""

from __future__ import annotations


class InvalidModelError(ValueError):
    """A folder that is no model, or one that was altered, truncated or made by a newer schema.

    Examples
    --------
    >>> from sknemg import InvalidModelError, load_model
    >>> try:
    ...     load_model("no/such/folder")
    ... except InvalidModelError as error:
    ...     print(error)
    'no/such/folder' is no folder: give the folder of a model.
    """


class ModelVersionWarning(UserWarning):
    """The model was saved by another version of a library that it needs."""
