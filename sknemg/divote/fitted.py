"""Opening a fitted model: the classifiers inside it, what reaches them, how their answers combine.

`open_model` looks into a Pipeline, a search, a threshold, calibrated or voting classifier, one
inside the other in any order, down to the classifiers that it holds no further into: its parts.
Displays, scorers and evaluations ask an opened model and know nothing of its kind. A further kind
of model is one more function at the end of this file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property, singledispatch
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sknemg.divote._combined import CombinedLevels
from sknemg.divote._segments import align_columns, consumes_groups, is_skorch_net, score_segments
from sknemg.recordings import Recordings, read_subjects
from sknemg.recordings._carry import carries_subjects, with_subjects
from sknemg.recordings._convert import to_recordings, wrap
from sknemg.recordings._problems import shown
from sknemg.recordings._subjects import check_subjects

_GIVE = (
    "give a DiVoteClassifier, or a Pipeline, search, CalibratedClassifierCV or soft "
    "VotingClassifier of them"
)


@dataclass(frozen=True)
class Part:
    """A classifier inside a model.

    Attributes
    ----------
    classifier : fitted classifier
    path : str
        How Python reaches it, from ``model`` on.
    classes : ndarray of shape (n_classes,)
        The model's labels for its columns; a VotingClassifier hands on numbers in their place.
    weight : float
        Its share of the mean over all parts; the shares add up to 1.
    before : tuple of fitted transformers
        What the model's input passes on the way to it.
    entry : str
        How Python reaches the member of an ensemble that it belongs to; empty without one.
    encoded : bool
        Whether it was trained on positions of classes in place of labels.
    """

    classifier: Any
    path: str
    classes: NDArray[Any]
    weight: float = 1.0
    before: tuple[Any, ...] = ()
    entry: str = ""
    encoded: bool = False

    @property
    def votes(self) -> bool:
        """Whether it is a DiVoteClassifier, or has ``levels`` like one."""
        return _has_levels(self.classifier)

    def transform(self, X: Any) -> Any:
        """Bring the model's input to what the classifier sees."""
        for step in self.before:
            X = step.transform(X)
        return X


@dataclass(frozen=True)
class SegmentPart:
    """A classifier of segments inside a model.

    Attributes
    ----------
    classifier, path, classes
        As in `Part`.
    outer : Part
        The DiVoteClassifier that it votes in, or the part itself outside of one.
    inside : tuple of fitted transformers
        What the segments of the DiVoteClassifier pass on the way to it.
    entry : str
        As in `Part`.
    """

    classifier: Any
    path: str
    classes: NDArray[Any]
    outer: Part
    inside: tuple[Any, ...] = ()
    entry: str = ""

    def transform(self, segments: NDArray[Any]) -> NDArray[Any]:
        """Bring segments to what the classifier sees."""
        for step in self.inside:
            segments = step.transform(segments)
        return np.asarray(segments)


@dataclass(frozen=True)
class SegmentInput:
    """Segments as they reach a `SegmentPart`.

    Attributes
    ----------
    segments : ndarray of shape (n_segments, ...)
    labels : ndarray of shape (n_segments,) or None
    groups : ndarray of shape (n_segments,) or None
        Subjects, where they are known.
    sfreq : float or None
        Sampling rate in hertz, where there is one.
    """

    segments: NDArray[Any]
    labels: NDArray[Any] | None
    groups: NDArray[Any] | None
    sfreq: float | None

    def need_sfreq(self) -> float:
        """Return the sampling rate, or say that it is missing."""
        if self.sfreq is None:
            raise ValueError("The sampling rate of this input is unknown: give sfreq in hertz.")
        return self.sfreq


@dataclass(frozen=True)
class Opened:
    """A fitted model, opened.

    Attributes
    ----------
    model : fitted classifier
    path : str
    classes : ndarray of shape (n_classes,)
    members : tuple of Opened
        The models that it asks; none where it cannot be opened further.
    weights : tuple of float
        Their shares of the mean.
    before : fitted transformer or None
        What stands between its input and its only member.
    swap : callable or None
        Gives the model with other members, so that its own code combines their answers. None
        where the answer of the only member is handed on.
    encodes : bool
        Whether the members know the positions of the classes in place of the labels.
    decides : bool
        Whether it has a rule of its own for the label, other than the highest score.
    """

    model: Any
    path: str
    classes: NDArray[Any]
    members: tuple[Opened, ...] = ()
    weights: tuple[float, ...] = (1.0,)
    before: Any = None
    swap: Callable[[Sequence[Any]], Any] | None = None
    encodes: bool = False
    decides: bool = False

    # -- what is inside ------------------------------------------------------------------------

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The classifiers inside, in the order in which the model asks them."""
        return tuple(self._parts())

    def _parts(self) -> Iterator[Part]:
        if not self.members:
            yield Part(self.model, self.path, self.classes)
        before = () if self.before is None else (self.before,)
        for member, weight in zip(self.members, self.weights, strict=bool(self.members)):
            for part in member.parts:
                yield replace(
                    part,
                    classes=self._own_labels(member, part.classes),
                    weight=weight * part.weight,
                    before=before + part.before,
                    entry=part.entry or (member.path if len(self.members) > 1 else ""),
                    encoded=part.encoded or self.encodes,
                )

    def _own_labels(self, member: Opened, labels: NDArray[Any]) -> NDArray[Any]:
        if not self.encodes:
            return labels
        numbers = set(range(len(self.classes)))
        if set(member.classes.tolist()) <= numbers:  # perhaps not all: a fold may lack a class
            return self.classes[labels.astype(int)]
        return self.classes[np.searchsorted(member.classes, labels)]  # trained before, by names

    @property
    def votes(self) -> bool:
        """Whether every part is a DiVoteClassifier, so that there are levels."""
        return all(part.votes for part in self.parts)

    @property
    def scores_rows(self) -> bool:
        """Whether each row is scored by itself: no DiVoteClassifier anywhere inside."""
        return not any(part.votes or _holds_votes(part.classifier) for part in self.parts)

    # -- its answers ---------------------------------------------------------------------------

    def answer(self, answers: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
        """Combine the answers of the parts as the model does.

        Parameters
        ----------
        answers : sequence of ndarrays of shape (n_rows, n_classes of the part)
            What ``predict_proba`` of each of the `parts` might have returned.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            What ``predict_proba`` of the model would return.
        """
        return self._answer(iter(answers))

    def _answer(self, answers: Iterator[NDArray[Any]]) -> NDArray[Any]:
        if not self.members:
            return next(answers)
        return self._combine([member._answer(answers) for member in self.members])

    def _combine(self, answers: list[NDArray[Any]]) -> NDArray[Any]:
        if self.swap is None or self.decides:
            return answers[0]
        return self._with(answers).predict_proba(np.empty((len(answers[0]), 1)))

    def _with(self, answers: list[NDArray[Any]]) -> Any:
        assert self.swap is not None
        return self.swap(
            [
                _Answering(member.classes, answer)
                for member, answer in zip(self.members, answers, strict=True)
            ]
        )

    def predict_proba(self, X: Any, groups: ArrayLike | None = None) -> NDArray[np.float64]:
        """Let the model answer; given `groups` reach every DiVoteClassifier inside.

        Parameters
        ----------
        X : Recordings, DataFrame or other container
        groups : array-like of shape (n_recordings,), default=None
            Subjects; by default the column ``subject`` of `X`.

        Returns
        -------
        ndarray of shape (n_recordings, n_classes)
        """
        if not hasattr(self.model, "predict_proba"):
            raise TypeError(
                f"{type(self.model).__name__} has no predict_proba: give a classifier with one, or "
                "put it into a CalibratedClassifierCV."
            )
        if groups is None:
            return np.asarray(self.model.predict_proba(X))
        subjects = check_subjects(groups, X.shape[0] if hasattr(X, "shape") else len(X))
        X = with_subjects(X, subjects)
        if consumes_groups(self.model, "predict_proba"):
            with config_context(enable_metadata_routing=True):
                return np.asarray(self.model.predict_proba(X, groups=subjects))
        if carries_subjects(X) or self.scores_rows or not self.members:
            return np.asarray(self.model.predict_proba(X))
        X = X if self.before is None else self.before.transform(X)
        return self._combine([member.predict_proba(X, subjects) for member in self.members])

    def decide(self, proba: NDArray[Any]) -> NDArray[Any]:
        """Choose labels by scores as the model's ``predict`` does.

        Parameters
        ----------
        proba : ndarray of shape (n_rows, n_classes)

        Returns
        -------
        ndarray of shape (n_rows,)
            The class with the highest score, or what the threshold of a classifier says.
        """
        if self.decides:
            return self._with([proba]).predict(np.empty((len(proba), 1)))
        if self.members and self.swap is None:
            return self.members[0].decide(proba)
        return self.classes[proba.argmax(axis=1)]

    def answer_votes(self, votes: NDArray[Any]) -> NDArray[np.float64]:
        """Answer for subjects to whom every DiVoteClassifier inside gives the same votes.

        Parameters
        ----------
        votes : ndarray of shape (n_subjects, n_classes)
            Mean scores of a subject's recordings, proximal and distal ones alike.

        Returns
        -------
        ndarray of shape (n_subjects, n_classes)
        """
        answers = []
        for part in self.parts:
            own = votes[:, np.searchsorted(self.classes, part.classes)]
            n_blocks = 2 if part.classifier.subject_features_ == "location" else 1
            answers.append(part.classifier._answer(np.tile(own, n_blocks)))
        return self.answer(answers)

    @property
    def hands_on(self) -> bool:
        """Whether the answer of the only part is that of the model, unchanged."""
        return self.swap is None and all(member.hands_on for member in self.members)

    # -- levels --------------------------------------------------------------------------------

    def levels(self, X: Any, groups: ArrayLike | None = None) -> CombinedLevels:
        """Score segments, recordings and subjects.

        Parameters
        ----------
        X : Recordings, DataFrame or other container
        groups : array-like of shape (n_recordings,), default=None
            Subjects; by default the column ``subject`` of `X`.

        Returns
        -------
        CombinedLevels

        Raises
        ------
        TypeError
            If a part does not vote.
        """
        if not self.votes:
            raise self._without_levels()
        items = [part.transform(X) for part in self.parts]
        each = [
            part.classifier.levels(own, groups) for part, own in zip(self.parts, items, strict=True)
        ]
        return CombinedLevels(self, items, each)

    def recordings(self, X: Any, groups: ArrayLike | None = None) -> pd.DataFrame:
        """Score each recording by itself, not by its subject.

        Parameters
        ----------
        X : Recordings, DataFrame or other container
        groups : array-like of shape (n_recordings,), default=None

        Returns
        -------
        DataFrame, a row a recording
            ``recording`` (the row of `X`), ``subject`` where known, what else `levels` knows of
            it, and a column of scores for each class; NaN without segments.

        Raises
        ------
        TypeError
            If the model answers for subjects only and cannot be opened.
        """
        if self.votes:
            return self.levels(X, groups).recordings
        if not self.scores_rows:
            raise self._without_levels()
        scores = self.predict_proba(X)
        table = pd.DataFrame({"recording": np.arange(len(scores))})
        subjects = read_subjects(X, groups)
        if subjects is not None:
            table["subject"] = subjects
        return table.join(pd.DataFrame(scores, columns=self.classes.tolist()))

    def _without_levels(self) -> TypeError:
        part = next(part for part in self.parts if not part.votes)
        named = getattr(part.classifier, "named_estimators_", {})
        inside = [f"{part.path}.named_estimators_[{name!r}]" for name in named]
        such_as = f", such as {inside[0]}" if inside and _holds_votes(part.classifier) else ""
        return TypeError(f"{_named(part)} has no segments that vote: {_GIVE}{such_as}.")

    # -- segments ------------------------------------------------------------------------------

    @cached_property
    def segment_parts(self) -> tuple[SegmentPart, ...]:
        """The classifiers of segments inside the model, at any depth."""
        return tuple(found for part in self.parts for found in _segment_parts(part))

    def score_segments(self, segments: NDArray[Any]) -> NDArray[np.float64]:
        """Score segments as the DiVoteClassifiers inside see them.

        Parameters
        ----------
        segments : ndarray of shape (n_segments, ...)

        Returns
        -------
        ndarray of shape (n_segments, n_classes)
            The weighted mean over the parts; of a model without a DiVoteClassifier, its own
            ``predict_proba``.
        """
        if self.scores_rows:
            return np.asarray(self.model.predict_proba(segments))
        if not self.votes:
            raise self._without_levels()
        data = wrap(np.asarray(segments), len(segments), 1)
        voters = [part.classifier for part in self.parts]
        return self.mean([score_segments(v.estimator_, data, v.classes_) for v in voters])

    def mean(self, scores: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
        """Average scores of the parts with their weights; NaN where a part has none."""
        counted = [(part, own) for part, own in zip(self.parts, scores, strict=True) if part.weight]
        if len(counted) == 1:
            return align_columns(counted[0][1], counted[0][0].classes, self.classes)
        aligned = [align_columns(own, part.classes, self.classes) for part, own in counted]
        return np.average(aligned, axis=0, weights=[part.weight for part, _ in counted])

    def network(self, having: str = "module_") -> SegmentPart:
        """Find the one classifier of segments that is a network.

        Parameters
        ----------
        having : str, default="module_"
            The attribute by which it is known.

        Raises
        ------
        TypeError
            If there is none, or more than one; the message says how to reach each.
        """
        found = [part for part in self.segment_parts if hasattr(part.classifier, having)]
        if len(found) == 1:
            return found[0]
        if not found:
            if any(not part.votes and _holds_votes(part.classifier) for part in self.parts):
                raise self._without_levels()
            names = ", ".join(dict.fromkeys(_named(part) for part in self.segment_parts))
            raise TypeError(
                f"{names} holds no network with {having}: give a model with one, such as a "
                "DiVoteClassifier of a NEMGNetClassifier."
            )
        paths = ", ".join(part.entry for part in found)
        encoded = any(part.outer.encoded for part in found)
        note = ", with y as np.searchsorted(model.classes_, y)" if encoded else ""
        raise TypeError(
            f"{type(self.model).__name__} holds {len(found)} networks, and this picture is of one: "
            f"give one of {paths}{note}."
        )

    def segment_input(
        self,
        part: SegmentPart,
        X: Any,
        y: ArrayLike | None = None,
        *,
        sfreq: float | None = None,
    ) -> SegmentInput:
        """Bring `X` to the segments that a classifier of segments sees.

        Parameters
        ----------
        part : SegmentPart
            One of `segment_parts`.
        X : Recordings, or ndarray of segments of shape (n_segments, ...)
            What the model predicts from.
        y : array-like, default=None
            Labels of the rows of `X`.
        sfreq : float, default=None
            Sampling rate of a bare array in hertz.
        """
        X = part.outer.transform(X)
        if part.outer.votes and (items := to_recordings(X)) is not None:
            X = items
        row: Any = slice(None)
        groups = None
        if isinstance(X, Recordings):
            if X.item_shape == ():
                raise ValueError(
                    "X holds signals, not segments: give the whole pipeline, or segments."
                )
            row, rates = X.row_index, X["sfreq"].dropna().unique()
            sfreq = float(rates[0]) if len(rates) == 1 and sfreq is None else sfreq
            groups = X["subject"].to_numpy()[row] if "subject" in X else None
            if y is not None and len(np.asarray(y)) != len(X):
                raise ValueError(
                    f"y has {len(np.asarray(y))} labels for {len(X)} recordings: give one for each."
                )
            X = X.values
        segments = part.transform(np.asarray(X))
        labels = None if y is None else np.asarray(y)[row]
        if labels is not None and len(labels) != len(segments):
            raise ValueError(
                f"y has {len(labels)} labels for {len(segments)} segments: give one for each."
            )
        return SegmentInput(segments, labels, groups, sfreq)


def open_model(model: Any) -> Opened:
    """Open a fitted model of any kind.

    Parameters
    ----------
    model : fitted classifier
        Whatever lies around a DiVoteClassifier or another classifier is opened: Pipeline, any
        search of scikit-learn, FixedThresholdClassifier, TunedThresholdClassifierCV,
        CalibratedClassifierCV, VotingClassifier with ``voting="soft"``, FrozenEstimator. Any
        other estimator is its own only part.

    Returns
    -------
    Opened

    Raises
    ------
    NotFittedError
        If the model or what it consists of is not fitted.
    TypeError
        If it is no classifier, a search that kept no model (``refit=False``), or a
        VotingClassifier without scores (``voting="hard"``).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sknemg import DiVoteClassifier, Recordings, Segmenter
    >>> from sknemg.divote.fitted import open_model
    >>> size = np.repeat([0.2, 2.0], 6)
    >>> signals = np.random.default_rng(0).uniform(0, size[:, None], (12, 12))
    >>> X = Recordings(signals, sfreq=10, subject=np.repeat(list("abcdef"), 2))
    >>> y = np.where(size > 1, "neuropathy", "myopathy")
    >>> model = make_pipeline(Segmenter(0.4, 0.4), DiVoteClassifier(LogisticRegression()))
    >>> opened = open_model(model.fit(X, y))
    >>> [part.path for part in opened.segment_parts]
    ['model[-1].estimator_']
    >>> opened.levels(X).recordings.shape
    (12, 5)
    """
    return _inside(model, "model")


# -- helpers -----------------------------------------------------------------------------------


def _has_levels(value: Any) -> bool:
    return hasattr(value, "levels") and hasattr(value, "predict_proba")


def _holds_votes(value: Any) -> bool:
    """Tell whether there is a DiVoteClassifier among the parameters, at any depth."""
    if isinstance(value, (list, tuple)):
        return any(map(_holds_votes, value))
    if isinstance(value, type) or not hasattr(value, "get_params"):
        return False
    return _has_levels(value) or any(map(_holds_votes, value.get_params(deep=False).values()))


def _named(part: Part | SegmentPart) -> str:
    name = type(part.classifier).__name__
    return name if part.path == "model" else f"{name} ({part.path})"


def _segment_parts(part: Part) -> Iterator[SegmentPart]:
    if not part.votes or not hasattr(part.classifier, "estimator_"):
        yield SegmentPart(part.classifier, part.path, part.classes, part, entry=part.entry)
        return
    divote = part.classifier
    inner = _inside(divote.estimator_, f"{part.path}.estimator_")
    known = divote.classes_
    if is_skorch_net(divote.estimator_):  # knows positions only
        known = np.arange(len(known))
    for found in inner.parts:
        positions = np.searchsorted(known, found.classes)
        yield SegmentPart(
            found.classifier,
            found.path,
            part.classes[positions],
            replace(part, encoded=part.encoded or found.encoded),
            found.before,
            found.entry or part.entry,
        )


class _Answering(ClassifierMixin, BaseEstimator):
    """Stands in for a fitted classifier and answers what it was given."""

    def __init__(self, classes: NDArray[Any], proba: NDArray[Any]):
        self.classes_ = classes
        self.proba_ = proba

    def fit(self, X: Any, y: Any = None) -> _Answering:
        return self

    def predict_proba(self, X: Any) -> NDArray[Any]:
        return self.proba_


def _changed(model: Any, **attributes: Any) -> Any:
    """Copy a model and change attributes of the copy."""
    new = copy(model)
    for name, value in attributes.items():
        setattr(new, name, value)
    return new


# -- the kinds of models -----------------------------------------------------------------------


@singledispatch
def _inside(model: Any, path: str) -> Opened:
    check_is_fitted(model)
    if not hasattr(model, "classes_"):
        raise TypeError(f"{type(model).__name__} ({path}) is no classifier: it has no classes_.")
    return Opened(model, path, np.asarray(model.classes_))


def _hands_on(model: Any, path: str, member: Any, where: str, **options: Any) -> Opened:
    inner = _inside(member, path + where)
    return Opened(model, path, inner.classes, (inner,), **options)


@_inside.register
def _(model: Pipeline, path: str) -> Opened:
    last = model[-1]
    if last is None or isinstance(last, str):
        raise TypeError(f"The Pipeline ({path}) ends in {shown(last)}: let it end in a classifier.")
    before = model[:-1] if len(model) > 1 else None
    return _hands_on(model, path, last, "[-1]", before=before)


@_inside.register
def _(model: BaseSearchCV, path: str) -> Opened:
    check_is_fitted(model)
    if not hasattr(model, "best_estimator_"):
        raise TypeError(
            f"{type(model).__name__} ({path}) has refit={shown(model.refit)} and kept no model: "
            "set refit=True, or fit an estimator with its best_params_."
        )
    return _hands_on(model, path, model.best_estimator_, ".best_estimator_")


@_inside.register
def _(model: FrozenEstimator, path: str) -> Opened:
    return _hands_on(model, path, model.estimator, ".estimator")


@_inside.register(FixedThresholdClassifier)
@_inside.register(TunedThresholdClassifierCV)
def _(model: Any, path: str) -> Opened:
    name = "estimator_" if hasattr(model, "estimator_") else "estimator"  # fitted before
    return _hands_on(
        model,
        path,
        getattr(model, name),
        f".{name}",
        swap=lambda members: _changed(model, estimator_=members[0]),
        decides=True,
    )


@_inside.register
def _(model: CalibratedClassifierCV, path: str) -> Opened:
    check_is_fitted(model)
    pairs = model.calibrated_classifiers_
    members = tuple(
        _inside(pair.estimator, f"{path}.calibrated_classifiers_[{i}].estimator")
        for i, pair in enumerate(pairs)
    )

    def swap(members: Sequence[Any]) -> Any:
        own = [_changed(p, estimator=m) for p, m in zip(pairs, members, strict=True)]
        return _changed(model, calibrated_classifiers_=own)

    equal = (1 / len(pairs),) * len(pairs)
    classes = np.asarray(model.classes_)
    known = {label for member in members for label in member.classes.tolist()}
    encodes = not known <= set(classes.tolist())  # temperature scaling numbers names
    return Opened(model, path, classes, members, equal, swap=swap, encodes=encodes)


@_inside.register
def _(model: VotingClassifier, path: str) -> Opened:
    check_is_fitted(model)
    if model.voting != "soft":
        raise TypeError(
            f"VotingClassifier ({path}) has voting={shown(model.voting)} and gives no scores: set "
            "voting='soft'."
        )
    kept = {n: m for n, m in model.named_estimators_.items() if not isinstance(m, str)}
    members = tuple(_inside(m, f"{path}.named_estimators_[{n!r}]") for n, m in kept.items())
    given = [1.0] * len(model.estimators) if model.weights is None else model.weights
    weight_of = {name: weight for (name, _), weight in zip(model.estimators, given, strict=True)}
    weights = np.array([weight_of[name] for name in kept], dtype=float)
    return Opened(
        model,
        path,
        np.asarray(model.classes_),
        members,
        tuple((weights / weights.sum()).tolist()),
        swap=lambda members: _changed(model, estimators_=list(members)),
        encodes=True,
    )
