"""The classifiers inside a fitted model, and the segments that reach them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknemg.model_selection.torn import is_start


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
        return has_levels(self.classifier)

    def transform(self, X: Any) -> Any:
        """Bring the model's input to what the classifier sees."""
        for step in self.before:
            X = step.transform(X)
        return X

    def check_same_rate(self, sfreq: float) -> None:
        """Refuse a rate of segments, in hertz, that is not the one of the training, if known."""
        learned = getattr(self.classifier, "sfreq_", None)
        if learned not in (None, sfreq):
            raise ValueError(
                f"sfreq={sfreq:.10g} Hz, but {name_of(self)} has learned from segments sampled "
                f"at {learned:.10g} Hz: give segments of that rate, and that rate."
            )


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


def has_levels(value: Any) -> bool:
    """Tell whether this is a DiVoteClassifier, or has ``levels`` like one."""
    return hasattr(value, "levels") and hasattr(value, "predict_proba")


def holds_votes(value: Any) -> bool:
    """Tell whether there is a DiVoteClassifier among the parameters, at any depth.

    What a network starts from, its ``init``, is no part of the model.
    """
    if isinstance(value, (list, tuple)):
        return any(map(holds_votes, value))
    if isinstance(value, type) or not hasattr(value, "get_params"):
        return False
    params = value.get_params(deep=False)
    return has_levels(value) or any(
        holds_votes(params[name]) for name in params if not is_start(name)
    )


def name_of(part: Part | SegmentPart) -> str:
    """Name a part by its type and, inside a model, by how Python reaches it."""
    name = type(part.classifier).__name__
    return name if part.path == "model" else f"{name} ({part.path})"
