"""How a model of recordings answers for their subjects."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin

from sknemg.divote._votes import check_coding, check_weights
from sknemg.divote.pooling import mean_scores
from sknemg.model_selection.torn import report_trained_on, trained_on
from sknemg.recordings import label_subjects, read_subjects
from sknemg.recordings._subjects import check_labels


class SubjectScores(Protocol):
    """What a model found out about the subjects of some recordings.

    Attributes
    ----------
    subject : ndarray of shape (n_recordings,), int
        The number of each recording's subject.
    names : ndarray of shape (n_subjects,)
    subjects : ndarray of shape (n_subjects, n_classes)
        The final scores.
    """

    @property
    def subject(self) -> NDArray[Any]: ...
    @property
    def names(self) -> NDArray[Any]: ...
    @property
    def subjects(self) -> NDArray[Any]: ...


class SubjectClassifier(ClassifierMixin):
    """Answer each recording with the diagnosis of its subject.

    A class with ``classes_``, ``knows_subjects_``, ``trained_on`` and ``_score`` gets its
    predictions from here.
    """

    __metadata_request__predict: ClassVar = {"groups": True}
    __metadata_request__predict_proba: ClassVar = {"groups": True}
    __metadata_request__score: ClassVar = {"groups": True, "strict": True}

    classes_: NDArray[Any]
    knows_subjects_: bool

    def _score(self, X: Any, groups: ArrayLike | None) -> SubjectScores:
        raise NotImplementedError

    def trained_on(self, subjects: ArrayLike) -> NDArray[np.bool_]:
        """Tell which subjects were in training.

        Parameters
        ----------
        subjects : array-like of shape (n_subjects,)

        Returns
        -------
        ndarray of shape (n_subjects,), bool
        """
        raise NotImplementedError

    def predict_proba(self, X: Any, groups: ArrayLike | None = None) -> NDArray[np.float64]:
        """Score the diagnoses of each recording's subject.

        Parameters
        ----------
        X : Recordings, DataFrame, list of arrays or ndarray
        groups : array-like of shape (n_recordings,), default=None
            Subjects; by default the column ``subject`` of `X`.

        Returns
        -------
        ndarray of shape (n_recordings, n_classes)
            Equal rows for the recordings of one subject.

        Raises
        ------
        ValueError
            If `fit` knew the subjects and this `X` does not.
        """
        scored = self._score(X, groups)
        return scored.subjects[scored.subject]

    def predict(self, X: Any, groups: ArrayLike | None = None) -> NDArray[Any]:
        """Diagnose each recording's subject: the class with the highest score.

        Parameters
        ----------
        X : Recordings, DataFrame, list of arrays or ndarray
        groups : array-like of shape (n_recordings,), default=None
            Subjects; by default the column ``subject`` of `X`.

        Returns
        -------
        ndarray of shape (n_recordings,)
        """
        proba = self.predict_proba(X, groups)
        return self.classes_[proba.argmax(axis=1)]

    def score(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        *,
        strict: bool = False,
    ) -> float:
        """Return the share of subjects diagnosed correctly, each counted once.

        Parameters
        ----------
        X : Recordings, DataFrame, list of arrays or ndarray
        y : array-like of shape (n_recordings,)
            Diagnoses.
        sample_weight : array-like of shape (n_recordings,), default=None
            A subject's weight is the mean of those of its recordings.
        groups : array-like of shape (n_recordings,), default=None
            Subjects; by default the column ``subject`` of `X`.
        strict : bool, default=False
            Whether to raise rather than to warn if a subject was in training.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If the diagnoses or the weights do not fit the rows of `X`, if the diagnoses are in
            another coding than in training, or if weights are negative, NaN, infinite, not numbers
            or all 0.
        TornSubjectsError
            With `strict`, if a subject was in training.

        Warns
        -----
        TornSubjectsWarning
            If a subject was in training: a score of the training set, or of a split that tears
            subjects, is too good for new patients.
        """
        scored = self._score(X, groups)
        labels = check_labels(y, len(scored.subject))
        check_coding(labels, self.classes_)
        _, _, first = label_subjects(labels, scored.names[scored.subject])
        right = self.classes_[scored.subjects.argmax(axis=1)] == labels[first]
        weights = np.ones(len(labels))
        if sample_weight is not None:
            weights = check_weights(sample_weight, len(labels))
        seen = trained_on(self, scored.names)  # or one that it started from
        report_trained_on(scored.names, seen, strict=strict, stacklevel=2)
        means = mean_scores(weights[:, None], scored.subject, len(first))[:, 0]
        return float(np.average(right, weights=means))

    def _number_subjects(
        self, X: Any, groups: ArrayLike | None, n_recordings: int
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the number of each row's subject, and the subjects: the rows where unknown."""
        subjects = read_subjects(X, groups)
        if subjects is None and self.knows_subjects_:
            raise ValueError(
                "fit knew the subjects, this X does not: give groups or a column 'subject'. "
                "Otherwise each recording would be diagnosed on its own."
            )
        rows = np.arange(n_recordings) if subjects is None else subjects
        subject, names = pd.factorize(rows)
        return subject, np.asarray(names)
