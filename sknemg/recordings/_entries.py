"""Entries of tables as text."""

from __future__ import annotations

from typing import Any

import numpy as np


def entry_text(entry: Any) -> str:
    """Write an entry as it was typed: a whole number without a decimal point.

    pandas turns the integers of a column into floats as soon as one is missing.

    Parameters
    ----------
    entry : object

    Returns
    -------
    str

    Examples
    --------
    >>> from sknemg.recordings._entries import entry_text
    >>> entry_text(7.0), entry_text(0.25), entry_text("007"), entry_text(7)
    ('7', '0.25', '007', '7')
    """
    whole = isinstance(entry, (float, np.floating)) and float(entry).is_integer()
    return str(int(entry)) if whole else str(entry)
