"""What can be asked of an opened model: its parts, its answers, its levels, its items."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, singledispatch
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from sknemg.divote._combined import CombinedLevels
from sknemg.divote._items import is_skorch_net, score_items
from sknemg.divote._votes import align_columns
from sknemg.divote.parts import Part, SegmentInput, SegmentPart, holds_votes, name_of
from sknemg.model_selection.fewer import consumes_groups
from sknemg.recordings import Recordings, read_subjects
from sknemg.recordings._carry import carries_subjects, with_subjects
from sknemg.recordings._convert import to_recordings, wrap
from sknemg.recordings._subjects import check_subjects

_GIVE = (
    "give a DiVoteClassifier, or a Pipeline, search, CalibratedClassifierCV or soft "
    "VotingClassifier of them"
)


class ScoredPart(NamedTuple):
    """What reaches a part of a model, and the scores of its items.

    Attributes
    ----------
    items : Recordings, or what else the part takes
    scores : ndarray, or what a part of several kinds of votes makes of it; None if not yet scored
    """

    items: Any
    scores: Any


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
        return not any(part.votes or holds_votes(part.classifier) for part in self.parts)

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
            remedy = "give a classifier with one, or put it into a CalibratedClassifierCV"
            if hasattr(self.model, "diagnose"):  # a Diagnostician answers by subject, if at all
                remedy = "give its `estimator`"
            raise TypeError(f"{type(self.model).__name__} has no predict_proba: {remedy}.")
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

    def score_ahead(self, inputs: Sequence[Any]) -> list[list[ScoredPart]]:
        """Score the items of several inputs in one pass, such as those of several patients.

        The network sees full batches, however few items an input has.

        Parameters
        ----------
        inputs : sequence of Recordings, DataFrames or other containers

        Returns
        -------
        list of list of ScoredPart
            For each input, what `levels` takes as `scored`.
        """
        found = []
        for part in self.parts:
            items = [part.transform(X) for X in inputs]
            ahead = getattr(part.classifier, "_score_ahead", None)
            scores = [None] * len(items) if ahead is None else ahead(items)
            found.append([ScoredPart(*own) for own in zip(items, scores, strict=True)])
        return [list(own) for own in zip(*found, strict=True)]

    def levels(
        self,
        X: Any,
        groups: ArrayLike | None = None,
        scored: Sequence[ScoredPart] | None = None,
    ) -> CombinedLevels:
        """Score items, recordings and subjects.

        Parameters
        ----------
        X : Recordings, DataFrame or other container
        groups : array-like of shape (n_recordings,), default=None
            Subjects; by default the column ``subject`` of `X`.
        scored : sequence of ScoredPart, default=None
            What `score_ahead` returned for `X`, whose items are then not scored again.

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
        if scored is None:
            scored = [ScoredPart(part.transform(X), None) for part in self.parts]
        each = [
            part.classifier.levels(own.items, groups)
            if own.scores is None
            else part.classifier._levels(own.items, groups, own.scores)
            for part, own in zip(self.parts, scored, strict=True)
        ]
        return CombinedLevels(self, [own.items for own in scored], each)

    def recordings(self, X: Any, groups: ArrayLike | None = None) -> pd.DataFrame:
        """Score each recording by itself, not by its subject.

        Parameters
        ----------
        X : Recordings, DataFrame or other container
        groups : array-like of shape (n_recordings,), default=None

        Returns
        -------
        DataFrame, a row for each recording
            ``recording`` (the row of `X`), ``subject`` where known, what else `levels` knows of
            it, and a column of scores for each class; NaN without items.

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
        paths = [f"{part.path}.named_estimators_[{name!r}]" for name in named]
        such_as = f", such as {paths[0]}" if paths and holds_votes(part.classifier) else ""
        return TypeError(f"{name_of(part)} has no items that vote: {_GIVE}{such_as}.")

    # -- segments ------------------------------------------------------------------------------

    @cached_property
    def segment_parts(self) -> tuple[SegmentPart, ...]:
        """The classifiers of segments inside the model, at any depth."""
        return tuple(found for part in self.parts for found in _segment_parts(part))

    def check_same_rate(self, sfreq: float) -> None:
        """Refuse a rate of segments, in hertz, that is not the one of the training, if known."""
        for part in self.parts:
            part.check_same_rate(sfreq)

    def score_items(self, items: NDArray[Any]) -> NDArray[np.float64]:
        """Score items as the DiVoteClassifiers inside see them.

        Parameters
        ----------
        items : ndarray of shape (n_items, ...)

        Returns
        -------
        ndarray of shape (n_items, n_classes)
            The weighted mean over the parts; of a model without a DiVoteClassifier, its own
            ``predict_proba``.
        """
        if self.scores_rows:
            return np.asarray(self.model.predict_proba(items))
        if not self.votes:
            raise self._without_levels()
        data = wrap(np.asarray(items), len(items), 1)
        voters = [part.classifier for part in self.parts]
        return self.mean([score_items(v.estimator_, data, v.classes_) for v in voters])

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
            if any(not part.votes and holds_votes(part.classifier) for part in self.parts):
                raise self._without_levels()
            names = ", ".join(dict.fromkeys(name_of(part) for part in self.segment_parts))
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
            X = X.items
        if sfreq is not None:
            part.outer.check_same_rate(sfreq)  # others may have another, by their own Downsampler
        segments = part.transform(np.asarray(X))
        labels = None if y is None else np.asarray(y)[row]
        if labels is not None and len(labels) != len(segments):
            raise ValueError(
                f"y has {len(labels)} labels for {len(segments)} segments: give one for each."
            )
        return SegmentInput(segments, labels, groups, sfreq)


# -- helpers -----------------------------------------------------------------------------------


@singledispatch
def inside(model: Any, path: str) -> Opened:
    """Open a model that is its own only part; :mod:`~sknemg.divote.fitted` adds the other kinds."""
    check_is_fitted(model)
    if not hasattr(model, "classes_"):
        raise TypeError(f"{type(model).__name__} ({path}) is no classifier: it has no classes_.")
    return Opened(model, path, np.asarray(model.classes_))


def _segment_parts(part: Part) -> Iterator[SegmentPart]:
    if not part.votes or not hasattr(part.classifier, "estimator_"):
        yield SegmentPart(part.classifier, part.path, part.classes, part, entry=part.entry)
        return
    divote = part.classifier
    inner = inside(divote.estimator_, f"{part.path}.estimator_")
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
