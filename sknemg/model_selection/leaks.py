"""Find signal that two subjects share: a copied recording is a leak that no split can mend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sknemg.recordings import Recordings
from sknemg.recordings._subjects import check_subjects
from sknemg.signal import repeated_stretches


class LeakError(ValueError):
    """Rows of different subjects hold the same signal.

    Attributes
    ----------
    shared : DataFrame, columns ``row``, ``other_row``, ``start``, ``other_start``
        The first place found for each pair of rows.
    """

    def __init__(self, shared: pd.DataFrame):
        self.shared = shared
        lines = [f"  rows {pair.row} and {pair.other_row}" for pair in shared[:20].itertuples()]
        super().__init__(
            f"Rows of different subjects hold the same signal ({len(shared)} "
            f"{'pair' if len(shared) == 1 else 'pairs'}), so that a test subject can be in the "
            "training set under another name:\n"
            + "\n".join(lines)
            + "\nCorrect the subjects or leave one of each pair out."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.shared,)


def find_shared_signal(X: Recordings, groups: ArrayLike) -> pd.DataFrame:
    """Find recordings of different subjects that hold the same samples.

    A copy is found wherever it lies in the other recording, if it is at least 0.05 s at 10 kHz
    (512 samples) long and not flat. A copy that was scaled or resampled is not found.

    Parameters
    ----------
    X : Recordings of signals
    groups : array-like of shape (n_recordings,)
        Subjects.

    Returns
    -------
    DataFrame, columns ``row``, ``other_row``, ``start``, ``other_start``
        One line for each pair of rows: where in each row the copy was seen first, in samples.

    Raises
    ------
    ValueError
        If `X` holds segments or images, or a subject is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> from sknemg.model_selection.leaks import find_shared_signal
    >>> a, b, c = np.random.default_rng(0).normal(size=(3, 4000))
    >>> X = Recordings([a, b, np.concatenate([c, a[1000:2000]])], sfreq=10_000)
    >>> find_shared_signal(X, ["S1", "S2", "S3"])[["row", "other_row"]].values.tolist()
    [[0, 2]]
    """
    if X.item_shape != ():
        raise ValueError("Shared signal is looked for in signals, before a Segmenter.")
    subject, _ = pd.factorize(check_subjects(groups, len(X)))
    lines = repeated_stretches(list(X), subject)
    columns = ["row", "other_row", "start", "other_start"]
    return pd.DataFrame(lines, columns=columns, dtype=np.int64)


def check_no_shared_signal(X: Recordings, groups: ArrayLike) -> None:
    """Raise if two subjects share signal.

    Parameters
    ----------
    X : Recordings of signals
    groups : array-like of shape (n_recordings,)

    Raises
    ------
    LeakError
        With every pair of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> from sknemg.model_selection import check_no_shared_signal
    >>> signal = np.random.default_rng(0).normal(size=2000)
    >>> X = Recordings([signal, signal[500:]], sfreq=10_000)
    >>> check_no_shared_signal(X, ["S1", "S1"])
    >>> check_no_shared_signal(X, ["S1", "S2"])
    Traceback (most recent call last):
        ...
    sknemg.model_selection.leaks.LeakError: ...
    """
    shared = find_shared_signal(X, groups)
    if len(shared):
        raise LeakError(shared)
