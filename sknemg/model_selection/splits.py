"""Splits by subject: nobody stands on both sides of a split."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import BaseCrossValidator, StratifiedKFold

from sknemg.recordings._problems import capped
from sknemg.recordings._subjects import check_labels, label_subjects, read_subjects


class SubjectKFold(BaseCrossValidator):
    """K folds of subjects, each with its share of every class.

    The subjects, not their recordings, are stratified and dealt to the folds, so a class is
    missing from a fold only if it has fewer subjects than there are folds. They are read from
    `groups` or from the column ``subject`` of `X`, so that nested cross-validation stays
    grouped without metadata routing. To leave one subject out at a time, scikit-learn's
    `LeaveOneGroupOut` takes ``groups=X["subject"]``.

    Parameters
    ----------
    n_splits : int, default=5
    shuffle : bool, default=False
        Whether to shuffle the subjects of each class before they are dealt out; otherwise their
        order of appearance decides.
    random_state : int, RandomState or None, default=None
        Used with `shuffle`.

    See Also
    --------
    sklearn.model_selection.StratifiedGroupKFold : Balances recordings rather than subjects.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import Recordings, SubjectKFold
    >>> X = Recordings(np.zeros((6, 5)), sfreq=10, subject=["a", "a", "b", "c", "d", "b"])
    >>> y = ["normal", "normal", "normal", "myopathy", "myopathy", "normal"]
    >>> for train, test in SubjectKFold(2).split(X, y):
    ...     print(X["subject"][test].tolist())
    ['a', 'a', 'c']
    ['b', 'd', 'b']
    """

    __metadata_request__split = {"groups": True}  # noqa: RUF012 - scikit-learn's protocol

    def __init__(
        self,
        n_splits: int = 5,
        *,
        shuffle: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state

    def split(
        self, X: Any, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Yield the rows of each split.

        Parameters
        ----------
        X : Recordings, DataFrame or any container of n_recordings rows
        y : array-like of shape (n_recordings,), default=None
            Diagnoses.
        groups : array-like of shape (n_recordings,), default=None
            Subjects, where `X` has no column ``subject``.

        Yields
        ------
        train, test : ndarray of int
            Rows, ascending.

        Raises
        ------
        ValueError
            If the subjects or `y` are unknown or missing in some rows, if a subject has two
            diagnoses, or if every class has fewer than `n_splits` subjects.
        """
        subjects = read_subjects(X, groups)
        if subjects is None:
            raise ValueError(
                "SubjectKFold needs the subjects: give groups, or an X with a column 'subject'."
            )
        if y is None:
            raise ValueError(
                "y is missing: give the diagnoses, over which SubjectKFold stratifies."
            )
        labels = check_labels(y, len(subjects))
        codes, _, first = label_subjects(labels, subjects)
        labels = labels[first]
        counts = pd.Series(labels).value_counts()
        if counts.max() < self.n_splits:
            raise ValueError(
                f"n_splits={self.n_splits} is more than any class has subjects "
                f"({capped([f'{label} {count}' for label, count in counts.items()])}): give "
                f"{counts.max()} or fewer, or more subjects."
            )
        seed = self.random_state if self.shuffle else None  # which StackingClassifier sets anyway
        folds = StratifiedKFold(self.n_splits, shuffle=self.shuffle, random_state=seed)
        for _, held_out in folds.split(first, labels):
            tested = np.isin(codes, held_out)
            yield np.flatnonzero(~tested), np.flatnonzero(tested)

    def get_n_splits(
        self, X: Any = None, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> int:
        """Return the number of splits.

        Parameters
        ----------
        X, y, groups : ignored

        Returns
        -------
        int
        """
        return self.n_splits


def subject_split(
    y: np.ndarray, subjects: np.ndarray, fraction: float, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Split rows into training and validation so that no subject is on both sides.

    From each class, a ``fraction`` of the subjects is drawn, at least one; a class with a single
    subject stays in training. A subject belongs to the class of most of its rows.

    Parameters
    ----------
    y : int64 ndarray (n_rows,)
        Class indices.
    subjects : ndarray (n_rows,)
    fraction : float
        Between 0 and 1, of the subjects.
    rng : RandomState

    Returns
    -------
    train, valid : int64 ndarray
        Row numbers in ascending order. ``valid`` is empty when every class has one subject.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    >>> subjects = np.array(["a", "a", "b", "b", "c", "c", "d", "d"])
    >>> train, valid = subject_split(y, subjects, 0.2, np.random.RandomState(0))
    >>> set(subjects[train]) & set(subjects[valid]), len(set(subjects[valid]))
    (set(), 2)
    """
    codes, names = pd.factorize(subjects, sort=True)  # which sorts names of several types, too
    counts = np.zeros((len(names), y.max() + 1), dtype=np.int64)
    np.add.at(counts, (codes, y), 1)
    diagnosis = counts.argmax(axis=1)
    held_out = np.zeros(len(names), dtype=bool)
    for label in np.unique(diagnosis):
        members = np.flatnonzero(diagnosis == label)
        n = min(max(1, round(fraction * len(members))), len(members) - 1)
        held_out[rng.permutation(members)[:n]] = True
    in_valid = held_out[codes]
    return np.flatnonzero(~in_valid), np.flatnonzero(in_valid)
