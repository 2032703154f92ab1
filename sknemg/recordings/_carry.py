"""Write subjects and row numbers into X, if X has room for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.recordings._problems import ROW
from sknemg.recordings.recordings import Recordings


def carries_subjects(X: Any) -> bool:
    """Tell whether a container has room for a column ``subject`` that is not a feature.

    Parameters
    ----------
    X : Recordings, DataFrame or any other container

    Returns
    -------
    bool
        True for Recordings and for a DataFrame with a column ``signal`` or ``subject``. In any
        other DataFrame a new column would be one feature more.
    """
    if isinstance(X, pd.DataFrame):
        return "signal" in X or "subject" in X
    return isinstance(X, Recordings)


def with_subjects(X: Any, subjects: NDArray[Any]) -> Any:
    """Return X with these subjects as its column ``subject``, or X itself if it has no room.

    Parameters
    ----------
    X : Recordings, DataFrame or any other container of n_rows rows
    subjects : ndarray of shape (n_rows,)

    Returns
    -------
    the kind of X

    Examples
    --------
    >>> import numpy as np
    >>> X = Recordings(np.zeros((2, 5)), sfreq=10, subject="unknown")
    >>> with_subjects(X, np.array(["S1", "S2"]))["subject"].tolist()
    ['S1', 'S2']
    """
    if not carries_subjects(X):
        return X
    if isinstance(X, Recordings):
        return X.with_values(X.items, subject=subjects)  # with_columns would warn in every fold
    return X.assign(subject=subjects)


def with_row_numbers(X: Any) -> Any:
    """Return X with the number of each row, so that messages about a fold name rows of X.

    Parameters
    ----------
    X : Recordings, DataFrame or any other container

    Returns
    -------
    the kind of X
        X itself if it has no room: it is neither Recordings nor a DataFrame of signals.
    """
    if isinstance(X, Recordings):
        return X.with_columns(**{ROW: np.arange(len(X))})
    if isinstance(X, pd.DataFrame) and "signal" in X:
        return X.assign(**{ROW: np.arange(len(X))})
    return X
