"""Leaving out each item and each recording of a subject, and asking the model again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sknemg.divote._votes import subject_votes
from sknemg.divote.levels import Levels, class_columns
from sknemg.divote.pooling import pool_scores, weights_of

if TYPE_CHECKING:
    from sknemg.divote._combined import CombinedLevels
    from sknemg.divote.opened import Opened


def scores_without(
    opened: Opened, levels: CombinedLevels, subject: Any
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64]]:
    """Score a subject without each of its items, and without each of its recordings.

    The vote without a part follows from the scores that are known; the model is asked with the
    votes that remain, and its items are not scored again.

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
    lengths = recordings["n_items"].to_numpy()
    rest = _rest(class_columns(items, classes).to_numpy(), at, scores, divote.pooling)
    without_item = np.repeat(scores[None], len(items), axis=0)
    without_item[np.arange(len(items)), at] = rest
    fewer = np.repeat(lengths[None], len(items), axis=0)
    fewer[np.arange(len(items)), at] -= 1
    without_recording = np.repeat(scores[None], len(recordings), axis=0)
    without_recording[np.arange(len(recordings)), np.arange(len(recordings))] = np.nan
    same = np.repeat(lengths[None], len(recordings), axis=0)
    location = None
    if divote.subject_features_ == "location":
        location = recordings["location"].to_numpy()
    return (
        _answers(divote, without_item, fewer, location),
        _answers(divote, without_recording, same, location),
    )


def _rest(
    items: NDArray[np.float64], at: NDArray[Any], scores: NDArray[np.float64], pooling: str
) -> NDArray[np.float64]:
    """Score the recording of each item by its others; NaN where there is none."""
    n = np.bincount(at, minlength=len(scores))[at][:, None]
    if pooling == "mean":
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(n > 1, (n * scores[at] - items) / (n - 1), np.nan)
    rest = np.empty_like(items)
    for row in range(len(items)):
        others = at == at[row]
        others[row] = False
        left = items[others]
        rest[row] = pool_scores(left, np.zeros(len(left), dtype=int), 1, pooling=pooling)[0]
    return rest


def _answers(
    divote: Any,
    variants: NDArray[np.float64],
    lengths: NDArray[Any],
    location: NDArray[Any] | None,
) -> NDArray[np.float64]:
    """Score variants of one subject's recording scores (n_variants, n_recordings, n_classes)."""
    if not len(variants):
        return np.empty((0, variants.shape[-1]))
    n_variants, n_recordings, n_classes = variants.shape
    variant = np.repeat(np.arange(n_variants), n_recordings)
    location = None if location is None else np.tile(location, n_variants)
    weights = weights_of(divote.recording_weights, lengths.ravel())
    votes = subject_votes(
        variants.reshape(-1, n_classes), variant, n_variants, location,
        pooling=divote.pooling, weights=weights,
    )  # fmt: skip
    return divote._answer(votes)
