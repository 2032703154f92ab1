"""Leaving out each item and each recording of a subject, and asking the model again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sknemg.divote._votes import subject_votes
from sknemg.divote.levels import Levels, class_columns

if TYPE_CHECKING:
    from sknemg.divote._combined import CombinedLevels
    from sknemg.divote.opened import Opened


def scores_without(
    opened: Opened, levels: CombinedLevels, subject: Any
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64]]:
    """Score a subject without each of its items, and without each of its recordings.

    A vote is a mean, so the vote without a part follows from the scores that are known; the model
    is asked with the votes that remain, and its items are not scored again.

    Parameters
    ----------
    opened : Opened
    levels : CombinedLevels
    subject : label

    Returns
    -------
    without_item : ndarray of shape (n_items, n_classes) or None
        None where the members of an ensemble cut different windows, or where several kinds of
        votes are joined: their recordings are no means of items.
    without_recording : ndarray of shape (n_recordings, n_classes)
    """
    each = [
        votes_without(part.classifier, own, subject)
        for part, own in zip(opened.parts, levels.each, strict=True)
    ]
    joined = any(hasattr(part.classifier, "named_estimators_") for part in opened.parts)
    unknown = levels.differing or joined
    items = None if unknown else opened.answer([own for own, _ in each])
    return items, opened.answer([own for _, own in each])


def votes_without(
    divote: Any, levels: Levels, subject: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Let one rule of votes score a subject without each of its items, and recordings.

    Parameters
    ----------
    divote : DiVoteClassifier or VoteRule
    levels : Levels
    subject : label

    Returns
    -------
    without_item : ndarray of shape (n_items, n_classes)
    without_recording : ndarray of shape (n_recordings, n_classes)
    """
    items = levels.items[levels.items["subject"] == subject]
    recordings = levels.recordings[levels.recordings["subject"] == subject]
    classes = divote.classes_.tolist()
    scores = class_columns(recordings, classes).to_numpy()
    at = recordings["recording"].searchsorted(items["recording"])
    n = recordings["n_items"].to_numpy()[at][:, None]
    with np.errstate(invalid="ignore", divide="ignore"):  # the last item leaves no vote: NaN
        rest = (n * scores[at] - class_columns(items, classes).to_numpy()) / (n - 1)
    without_item = np.repeat(scores[None], len(items), axis=0)
    without_item[np.arange(len(items)), at] = np.where(n > 1, rest, np.nan)
    without_recording = np.repeat(scores[None], len(recordings), axis=0)
    without_recording[np.arange(len(recordings)), np.arange(len(recordings))] = np.nan
    location = None
    if divote.subject_features_ == "location":
        location = recordings["location"].to_numpy()
    return (
        _answers(divote, without_item, location),
        _answers(divote, without_recording, location),
    )


def _answers(
    divote: Any, variants: NDArray[np.float64], location: NDArray[Any] | None
) -> NDArray[np.float64]:
    """Score variants of one subject's recording scores (n_variants, n_recordings, n_classes)."""
    if not len(variants):
        return np.empty((0, variants.shape[-1]))
    n_variants, n_recordings, n_classes = variants.shape
    variant = np.repeat(np.arange(n_variants), n_recordings)
    location = None if location is None else np.tile(location, n_variants)
    votes = subject_votes(variants.reshape(-1, n_classes), variant, n_variants, location)
    return divote._answer(votes)
