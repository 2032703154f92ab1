"""The bootstrap over subjects that every interval goes through."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.recordings._problems import check_generator

#: Subjects in each class that are taken to be unseen, see `draw_subjects`.
STRANGERS = 1.0


def draw_subjects(
    labels: NDArray[Any],
    n_draws: int,
    random_state: int | np.random.Generator | None,
    strangers: float = STRANGERS,
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Draw subjects with replacement within their classes, and now and then a stranger.

    A plain bootstrap knows only the answers that occurred: where all subjects of a class were
    diagnosed correctly it never sees a wrong one, and its intervals have no width. Here each place
    in a class of n subjects goes with probability 1 / (n + 1) to any subject of the cohort,
    whatever its class, as if one more subject of the class had been given an answer that has
    nothing to do with the truth.

    Parameters
    ----------
    labels : ndarray of shape (n_subjects,)
        The class of each subject.
    n_draws : int
    random_state : int, Generator or None
    strangers : float, default=STRANGERS
        Number of such subjects in each class; 0 is the plain bootstrap.

    Returns
    -------
    drawn : ndarray of shape (n_draws, n_subjects), intp
        Who takes the place of each subject. The place keeps the subject's class: its items count
        as items of that class, whoever is drawn.
    strange : ndarray of shape (n_draws, n_subjects), bool
        Where the subject was drawn from the whole cohort.
    """
    rng = check_generator(random_state)
    n_subjects = len(labels)
    drawn = rng.integers(n_subjects, size=(n_draws, n_subjects))
    strange = np.zeros(drawn.shape, dtype=bool)
    for label in pd.unique(labels):
        own = np.flatnonzero(labels == label)
        shape = n_draws, len(own)
        mates = own[rng.integers(len(own), size=shape)]
        strange[:, own] = rng.random(shape) < strangers / (len(own) + strangers)
        drawn[:, own] = np.where(strange[:, own], drawn[:, own], mates)
    return drawn, strange


def subject_weights(drawn: NDArray[Any], labels: NDArray[Any], n_classes: int) -> NDArray[Any]:
    """Count how often each subject was drawn into each class.

    Parameters
    ----------
    drawn : ndarray of shape (n_draws, n_subjects), int
    labels : ndarray of shape (n_subjects,), int
    n_classes : int

    Returns
    -------
    ndarray of shape (n_draws, n_subjects, n_classes)
    """
    n_draws, n_subjects = drawn.shape
    cells = drawn * n_classes + labels + n_subjects * n_classes * np.arange(n_draws)[:, None]
    counts = np.bincount(cells.ravel(), minlength=n_draws * n_subjects * n_classes)
    return counts.reshape(n_draws, n_subjects, n_classes).astype(float)


class SubjectRows:
    """Rows of a table, drawn subject by subject.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Labels. Subjects are drawn within their labels; one with several is drawn with those that
        share the label of its first row.
    groups : array-like of shape (n_rows,) or None
        Subjects; by default each row is its own.
    """

    def __init__(self, y: NDArray[Any], groups: ArrayLike | None):
        codes, _ = pd.factorize(np.arange(len(y)) if groups is None else np.asarray(groups))
        starts = np.cumsum(np.bincount(codes))[:-1]
        self.y = y
        self.members = np.split(np.argsort(codes, kind="stable"), starts)
        self.labels = y[[rows[0] for rows in self.members]]
        self.mixed = bool((y != self.labels[codes]).any())

    def draw(
        self, n_draws: int, random_state: int | None
    ) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """Draw subjects with all their rows.

        Parameters
        ----------
        n_draws : int
        random_state : int or None

        Returns
        -------
        list of (rows, labels)
            The rows of each draw, and what they count for: the rows of a stranger take labels of
            the subject in whose place it was drawn.
        """
        rng = check_generator(random_state)
        drawn, strange = draw_subjects(self.labels, n_draws, rng)
        n_rows = np.array([len(rows) for rows in self.members])
        draws = []
        for who, unlike in zip(drawn, strange, strict=True):
            rows = np.concatenate([self.members[i] for i in who])
            labels = np.repeat(self.labels, n_rows[who])
            if self.mixed:
                labels = np.where(np.repeat(unlike, n_rows[who]), labels, self.y[rows])
                places = np.repeat(np.arange(len(who)), n_rows[who])
                for place in np.flatnonzero(unlike):
                    own = places == place
                    labels[own] = rng.choice(self.y[self.members[place]], own.sum())
            draws.append((rows, labels))
        return draws
