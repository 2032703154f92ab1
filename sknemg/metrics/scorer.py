"""Score an estimator on subjects, recordings or items, as scikit-learn's ``scoring``."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils.metadata_routing import MetadataRequest

from sknemg.divote._votes import align_columns, check_coding
from sknemg.divote.fitted import open_model
from sknemg.divote.levels import LEVELS, class_columns
from sknemg.divote.pooling import mean_scores
from sknemg.metrics._definitions import METRICS, check_scores, metric_values
from sknemg.model_selection.torn import (
    knowing_parts,
    report_row_splitters,
    report_trained_on,
    row_splitters,
    trained_on,
)
from sknemg.recordings import label_subjects, read_subjects
from sknemg.recordings._carry import with_subjects
from sknemg.recordings._problems import check_choice, check_flags, shown
from sknemg.recordings._subjects import check_labels


class LevelScores(NamedTuple):
    """True labels, scores and subjects of the items of one level."""

    y_true: NDArray[Any]
    y_proba: NDArray[Any]
    groups: NDArray[Any]


def level_scores(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    *,
    level: str = "subject",
    groups: ArrayLike | None = None,
) -> LevelScores:
    """Let a trained estimator answer, at the level of subjects, recordings or items.

    An item is what votes for a recording: a segment, a motor unit, an image.

    Parameters
    ----------
    estimator : fitted classifier
        Its ``predict_proba`` gives one row for each recording. Items need a `DiVoteClassifier`
        inside, and so do the recordings of a model that answers for subjects. It is found in a
        Pipeline, a search, a threshold classifier and a CalibratedClassifierCV or soft
        VotingClassifier of them; of several, the weighted mean is taken. The recordings of any
        other classifier are its rows.
    X : Recordings, DataFrame or other container
    y : array-like of shape (n_recordings,)
        Diagnoses.
    level : {"subject", "recording", "item"}, default="subject"
    groups : array-like of shape (n_recordings,), default=None
        Subjects; by default the column ``subject`` of `X`.

    Returns
    -------
    LevelScores
        ``y_true`` of shape (n_items,), ``y_proba`` of shape (n_items, n_classes) and ``groups``
        of shape (n_items,), as :func:`sknemg.metrics.score_table` takes them; classes in the
        order of ``estimator.classes_``. Recordings without items have no scores and are left
        out, save at subject level.

    Raises
    ------
    ValueError
        If the subjects are unknown, if `y` is missing in some rows, or if the members of an
        ensemble cut different windows, so that items have no common score.
    TypeError
        If the estimator has no scores at this level.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sknemg import DiVoteClassifier, Recordings
    >>> from sknemg.metrics import level_scores
    >>> X = Recordings(np.eye(6), sfreq=10, subject=list("aabbcc"))
    >>> X = X.with_values(X.values.reshape(18, 2), np.arange(7) * 3)
    >>> y = ["normal"] * 4 + ["myopathy"] * 2
    >>> model = DiVoteClassifier(LogisticRegression()).fit(X, y)
    >>> for level in ["subject", "recording", "item"]:
    ...     print(level, level_scores(model, X, y, level=level).y_proba.shape)
    subject (3, 2)
    recording (6, 2)
    item (18, 2)
    """
    check_choice(LEVELS, level=level)
    opened = open_model(estimator)
    subjects = read_subjects(X, groups)
    if subjects is None:
        raise ValueError("The subjects are unknown: give groups, or an X with a column 'subject'.")
    X = X if groups is None else with_subjects(X, subjects)  # not all hand groups on
    labels = check_labels(y, len(subjects))
    if level == "subject":
        proba = opened.predict_proba(X, groups)
        code, names, first = label_subjects(labels, subjects)
        return LevelScores(labels[first], mean_scores(proba, code, len(names)), names)
    if level == "recording":
        table = opened.recordings(X, groups)
    else:
        table = opened.levels(X, groups).items
    scores = class_columns(table, opened.classes.tolist()).to_numpy()
    row = table["recording"].to_numpy()
    voted = ~np.isnan(scores).any(axis=1)
    return LevelScores(labels[row[voted]], scores[voted], subjects[row[voted]])


class SubjectScorer:
    """Score each subject once, whatever the number of its recordings.

    To be given as ``scoring`` to `GridSearchCV`, `cross_validate` and the like, alone or in a
    dict. Subjects are read from `X`, or, with metadata routing enabled, from the ``groups`` that
    the search is given; they are then handed on to an estimator that asks for them.

    Parameters
    ----------
    metric : str or sequence of str, default="accuracy"
        Any of `sknemg.metrics.METRICS`, and ``"neg_log_loss"`` instead of ``"log_loss"``, since
        a higher score is better. Several make a multi-metric scorer that asks the estimator only
        once.
    level : {"subject", "recording", "item"}, default="subject"
        The unit that counts once; see `sknemg.metrics.level_scores`.
    strict : bool, default=False
        Whether to raise `TornSubjectsError` rather than to warn where a scored subject was in
        training. A search counts a scorer that raises as a failed fit unless it is given
        ``error_score="raise"``.

    Notes
    -----
    A `DiVoteClassifier`, however deep in the model, knows its training subjects: if any of them is
    scored, or if a ``cv`` inside the model splits rows instead of subjects, a
    `TornSubjectsWarning` says so. A model without a `DiVoteClassifier` knows nothing of subjects.

    An area under the ROC curve is undefined where a class is absent from the test rows: NaN, and
    an `UndefinedMetricWarning` that names the class. A `SubjectKFold` avoids that.

    See Also
    --------
    sknemg.metrics.score_table : All metrics with confidence intervals.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_validate
    >>> from sknemg import DiVoteClassifier, Recordings, SubjectKFold, SubjectScorer
    >>> y = np.repeat(["myopathy", "normal"], 8)
    >>> signals = np.random.default_rng(0).normal(size=(16, 4)) + 3 * (y == "normal")[:, None]
    >>> X = Recordings(signals, sfreq=10, subject=np.repeat(list("abcdefgh"), 2))
    >>> X = X.with_values(X.values[:, None], X.offsets)
    >>> scores = cross_validate(
    ...     DiVoteClassifier(LogisticRegression()),
    ...     X,
    ...     y,
    ...     cv=SubjectKFold(2),
    ...     scoring=SubjectScorer(["accuracy", "roc_auc_macro"]),
    ... )
    >>> scores["test_accuracy"], scores["test_roc_auc_macro"]
    (array([1., 1.]), array([1., 1.]))
    """

    def __init__(
        self,
        metric: str | Sequence[str] = "accuracy",
        *,
        level: str = "subject",
        strict: bool = False,
    ):
        self.metric = metric
        self.level = level
        self.strict = strict
        check_flags(strict=strict)
        if not isinstance(metric, Collection) or not len(metric):
            raise ValueError(
                f"metric={shown(metric)} must be the name of a metric, or a list of names."
            )
        for name in self._names():
            _check_metric(name)
        check_choice(LEVELS, level=level)

    def __repr__(self) -> str:
        strict = ", strict=True" if self.strict else ""
        return f"SubjectScorer({self.metric!r}, level={self.level!r}{strict})"

    def get_metadata_routing(self) -> MetadataRequest:
        """Ask for ``groups``.

        Returns
        -------
        MetadataRequest
        """
        request = MetadataRequest(owner="SubjectScorer")
        request.score.add_request(param="groups", alias=True)
        return request

    def __call__(
        self, estimator: Any, X: Any, y: ArrayLike, groups: ArrayLike | None = None
    ) -> float | dict[str, float]:
        """Score a trained estimator.

        Parameters
        ----------
        estimator : trained classifier
        X : Recordings, DataFrame or other container
        y : array-like of shape (n_recordings,)
        groups : array-like of shape (n_recordings,), default=None
            Subjects; by default the column ``subject`` of `X`.

        Returns
        -------
        float, or dict of floats for several metrics
        """
        answers = level_scores(estimator, X, y, level=self.level, groups=groups)
        opened = open_model(estimator)
        self._check_torn(estimator, answers.groups)
        check_coding(answers.y_true, opened.classes)
        check_scores(answers.y_proba)
        # A fold may test a class that none of its training subjects had.
        classes = np.union1d(opened.classes, answers.y_true)
        proba = align_columns(answers.y_proba, opened.classes, classes)
        codes = np.searchsorted(classes, answers.y_true)
        guess = np.searchsorted(classes, opened.decide(answers.y_proba))
        names = [name.removeprefix("neg_") for name in self._names()]
        values = metric_values(codes, proba, names, guess=guess)
        scores = {
            name: -values["log_loss"] if name == "neg_log_loss" else values[name]
            for name in self._names()
        }
        if any(np.isnan(score) for score in scores.values()):
            absent = np.setdiff1d(classes, answers.y_true).tolist()
            warnings.warn(
                f"The area under the ROC curve is undefined: no {absent} among the {self.level}s.",
                UndefinedMetricWarning,
                stacklevel=2,
            )
        return scores[self.metric] if isinstance(self.metric, str) else scores

    def _check_torn(self, estimator: Any, subjects: NDArray[Any]) -> None:
        names = pd.Series(subjects).drop_duplicates().to_numpy()
        seen = trained_on(estimator, names)
        report_trained_on(names, seen, strict=self.strict, stacklevel=3)
        several = any(part.has_several_recordings_ for part in knowing_parts(estimator))
        splitters = [one for one in row_splitters(estimator) if several or one.of_segments]
        report_row_splitters(splitters, strict=self.strict, stacklevel=3)

    def _names(self) -> list[str]:
        return [self.metric] if isinstance(self.metric, str) else list(self.metric)


def _check_metric(name: str) -> None:
    known = [*(set(METRICS) - {"log_loss"}), "neg_log_loss"]
    if name not in known:
        close = get_close_matches(str(name), known, n=3, cutoff=0.4)
        hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
        raise ValueError(f"metric={name!r} is unknown.{hint} Give any of {sorted(known)}.")
