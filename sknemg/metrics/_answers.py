"""Answers to the items of some subjects, checked."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.divote.levels import class_columns
from sknemg.metrics._bootstrap import draw_subjects
from sknemg.metrics._counts import Counts, SubjectCounts
from sknemg.metrics._definitions import check_scores
from sknemg.metrics._estimates import resampled_counts
from sknemg.metrics._intervals import check_level
from sknemg.recordings import label_subjects, read_subjects
from sknemg.recordings._problems import check_counts, listed, shown
from sknemg.recordings._subjects import check_known


class Answers(NamedTuple):
    """True classes, scores and answers, as codes and counts of each subject."""

    classes: NDArray[Any]
    y: NDArray[Any]  # codes of the items
    subjects: SubjectCounts
    labels: NDArray[Any]  # codes of the subjects

    @classmethod
    def check(
        cls,
        y_true: ArrayLike,
        y_proba: ArrayLike,
        classes: ArrayLike,
        y_pred: ArrayLike | None,
        groups: ArrayLike | None,
    ) -> Answers:
        labels, names = np.atleast_1d(np.asarray(y_true)), np.asarray(classes)
        twice = [name for name, n in Counter(names.ravel().tolist()).items() if n > 1]
        if names.ndim != 1 or twice:
            fault = f", and holds {shown(twice)} more than once" if twice else ""
            raise ValueError(
                f"classes={shown(classes)} must be a list of the classes in the order of the "
                f"columns of y_proba{fault}."
            )
        if labels.ndim != 1:
            raise ValueError(f"y_true has shape {labels.shape}: give one diagnosis for each item.")
        if isinstance(y_proba, pd.DataFrame):
            y_proba = _in_order(y_proba, names.tolist()).to_numpy(dtype=float, na_value=np.nan)
        proba = np.asarray(y_proba, float)
        if proba.shape != (len(labels), len(names)) or not len(labels):
            raise ValueError(
                f"y_proba has shape {proba.shape} for {len(labels)} items of {len(names)} classes: "
                "give a row for each item and a column for each class."
            )
        check_scores(proba)
        codes = _codes(y_true, names, "y_true")
        guess = None if y_pred is None else _codes(y_pred, names, "y_pred")
        if guess is not None and len(guess) != len(labels):
            raise ValueError(
                f"y_pred has {len(guess)} answers for {len(labels)} items: give one for each."
            )
        own = np.arange(len(labels)) if groups is None else read_subjects(labels, groups)
        subject, _, first = label_subjects(labels, own)  # type: ignore[arg-type]
        return cls(names, codes, SubjectCounts(codes, proba, subject, guess), codes[first])

    def resample(
        self, confidence_level: float, n_resamples: int, random_state: int | None
    ) -> Counts:
        """Count the answers of samples of subjects."""
        check_level(confidence_level)
        check_counts(2, n_resamples=n_resamples)
        drawn, _ = draw_subjects(self.labels, n_resamples, random_state)
        return resampled_counts(self.subjects, drawn)

    def lonely(self) -> str:
        """Name the classes that have a single subject."""
        n_subjects = np.bincount(self.labels, minlength=len(self.classes))
        names = ", ".join(map(str, self.classes[n_subjects == 1]))
        return f"one subject only: {names}" if names else ""


def _codes(labels: ArrayLike, classes: NDArray[Any], name: str) -> NDArray[np.intp]:
    """Find the position of each label among the classes, or name the rows of all others."""
    check_known(labels, name)
    labels = np.asarray(labels)
    codes = pd.Index(classes).get_indexer(labels)
    if (codes < 0).any():
        raise ValueError(
            f"{name} holds {shown(np.unique(labels[codes < 0]))} in "
            f"{listed(np.flatnonzero(codes < 0), 'row')}: give labels of {shown(classes)}."
        )
    return codes


def _in_order(scores: pd.DataFrame, classes: list[Any]) -> pd.DataFrame:
    if Counter(columns := scores.columns.tolist()) != Counter(classes):
        raise ValueError(
            f"y_proba has the columns {columns} for the classes {classes}: name each column "
            "after its class, or give an array with the columns in the order of classes."
        )
    return class_columns(scores, classes)
