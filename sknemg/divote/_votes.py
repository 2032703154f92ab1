"""Votes: the features of a subject, and what they need of recordings and weights."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.divote.pooling import pool_scores
from sknemg.recordings import Recordings
from sknemg.recordings._problems import LISTED, LOCATIONS, listed, rows_of, shown


def check_weights(sample_weight: ArrayLike, n_rows: int) -> NDArray[np.float64]:
    """Return one weight for each recording, or raise naming the rows that have none.

    Parameters
    ----------
    sample_weight : array-like of shape (n_rows,)
    n_rows : int

    Returns
    -------
    ndarray of shape (n_rows,), float64
        The largest weight is 1, so that sums stay finite.

    Raises
    ------
    ValueError
        If there is not one finite number >= 0 for each row, or if all are 0.

    Examples
    --------
    >>> from sknemg.divote._votes import check_weights
    >>> check_weights([2, 0, 4], 3)
    array([0.5, 0. , 1. ])
    """
    given = np.array(sample_weight, dtype=object)
    if np.ma.isMaskedArray(sample_weight):
        given[np.ma.getmaskarray(sample_weight)] = None
    if given.shape != (n_rows,):
        raise ValueError(
            f"sample_weight has shape {given.shape} for {n_rows} recordings: give one weight for "
            "each recording."
        )
    weights = np.array(
        [float(weight) if isinstance(weight, (Real, np.bool_)) else np.nan for weight in given]
    )
    wrong = np.flatnonzero(~np.isfinite(weights) | (weights < 0))
    if wrong.size:
        values = ", ".join(map(shown, given[wrong[:LISTED]]))
        raise ValueError(
            f"sample_weight must be finite numbers >= 0, but holds {values} in "
            f"{listed(wrong, 'row')}: correct them, or leave these recordings out."
        )
    if not weights.any():
        raise ValueError("sample_weight is 0 in every row: give at least one recording a weight.")
    return weights / weights.max()


def check_coding(y: NDArray[Any], classes: ArrayLike) -> None:
    """Refuse labels in another coding than the model's; a fold may hold one that it never saw.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        True diagnoses.
    classes : array-like of shape (n_classes,)
        Those that the model knows.

    Raises
    ------
    ValueError
        If some are text where the others are numbers, or if `y` holds several and the model knows
        none of them.

    Examples
    --------
    >>> check_coding(np.array(["0", "1"]), [0, 1])
    Traceback (most recent call last):
    ValueError: y holds ['0', '1'], of which the model knows none: it was trained on [0, 1]. \
Write the diagnoses as in training.
    """
    given, known = np.unique(y).tolist(), np.asarray(classes).tolist()
    kinds = [{isinstance(label, str) for label in labels} for labels in (given, known)]
    if kinds[0].isdisjoint(kinds[1]) or (len(given) > 1 and set(given).isdisjoint(known)):
        raise ValueError(
            f"y holds {shown(given)}, of which the model knows none: it was trained on "
            f"{shown(known)}. Write the diagnoses as in training."
        )


def subject_votes(
    recording_scores: NDArray[Any],
    subject: NDArray[Any],
    n_subjects: int,
    location: ArrayLike | None = None,
    *,
    pooling: str = "mean",
    weights: NDArray[Any] | None = None,
) -> NDArray[np.float64]:
    """Describe each subject by the pooled scores of its recordings.

    Parameters
    ----------
    recording_scores : ndarray of shape (n_recordings, n_classes)
        NaN in the rows of recordings without segments, which have no vote.
    subject : ndarray of shape (n_recordings,), int
        The number of each recording's subject.
    n_subjects : int
    location : array-like of shape (n_recordings,), default=None
        ``"proximal"``, ``"distal"`` or missing. A recording whose location is missing has a vote
        in neither mean.
    pooling : {"mean", "geometric", "entropy", "trimmed"}, default="mean"
        As for `DiVoteClassifier`; below, "mean" stands for any of them.
    weights : ndarray of shape (n_recordings,), default=None
        Of the recordings, greater than 0 where they have a vote; equal by default.

    Returns
    -------
    ndarray of shape (n_subjects, n_classes), or (n_subjects, 2 * n_classes) with `location`
        The mean over all recordings (features-all), or over the proximal and then over the
        distal ones (features-PD). Where a subject has none of a kind, each class gets
        ``1 / n_classes``, as published [1]_.

    References
    ----------
    .. [1] J. Yoo et al. (2022). Residual one-dimensional convolutional neural network for
       neuromuscular disorder classification from needle electromyography signals with
       explainability. Computer Methods and Programs in Biomedicine 226, 107079.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg.divote._votes import subject_votes
    >>> scores = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8]])
    >>> subject_votes(scores, np.array([0, 0, 1]), 2)
    array([[0.8, 0.2],
           [0.2, 0.8]])
    >>> subject_votes(scores, np.array([0, 0, 1]), 2, ["proximal", "distal", "distal"])
    array([[0.9, 0.1, 0.7, 0.3],
           [0.5, 0.5, 0.2, 0.8]])
    """
    kinds: list[Any] = [slice(None)]
    if location is not None:
        kinds = [pd.Series(location).isin([kind]).to_numpy() for kind in LOCATIONS]
    blocks = [
        pool_scores(
            recording_scores[kind], subject[kind], n_subjects, pooling=pooling,
            weights=None if weights is None else weights[kind],
        )
        for kind in kinds
    ]  # fmt: skip
    votes = np.hstack(blocks)
    votes[np.isnan(votes)] = 1 / recording_scores.shape[1]
    return votes


class NoLocationsError(ValueError):
    """A model that knew locations is asked about recordings that have no such column."""


def read_locations(data: Recordings) -> pd.Series:
    if "location" not in data:
        raise NoLocationsError(
            "fit knew the locations, this X does not: give it a column 'location' with "
            "'proximal', 'distal' or missing (loaders derive it from the muscle with "
            "locations='muscle'), or fit with subject_features='all'."
        )
    location = data["location"]
    if len(wrong := np.flatnonzero(location.notna() & ~location.isin(LOCATIONS))):
        raise ValueError(
            f"The location is {shown(location.iloc[wrong].unique())} in "
            f"{listed(rows_of(data.meta, wrong), 'row')}: write 'proximal', 'distal' or leave it "
            "missing."
        )
    if len(missing := np.flatnonzero(location.isna())):
        warnings.warn(
            "Recordings without a location have no vote, "
            f"{listed(rows_of(data.meta, missing), 'row')}: give their "
            "location, or set subject_features='all'.",
            stacklevel=4,
        )
    return location


def other_rate(found: float, fitted: float) -> str:
    """Say that recordings are sampled at another rate than those of the training."""
    return (
        f"X is sampled at {found:.10g} Hz, fit saw {fitted:.10g} Hz: put a "
        f"Downsampler({fitted:.10g}) before the step that makes the items."
    )


def align_columns(
    proba: NDArray[Any], seen: NDArray[Any], classes: NDArray[Any]
) -> NDArray[np.float64]:
    """Spread scores of the classes seen in training over all classes; the others score 0.

    This is the one rule for a class that a training fold lacked, whoever scores the fold.
    """
    if proba.shape[1] != len(seen):
        if proba.shape[1] == len(classes):  # a skorch net's module knows more than it has seen
            return proba
        raise ValueError(
            f"The classifier scores {proba.shape[1]} classes of {len(classes)}: give it one "
            "output for each class."
        )
    known = classes.tolist()
    strange = [label for label in np.asarray(seen).tolist() if label not in known]
    if strange:
        raise ValueError(
            f"The classifier knows the classes {shown(strange)}, which are not among "
            f"{shown(known)}: train it on these (a VotingClassifier numbers the classes, which a "
            "frozen classifier inside it cannot follow)."
        )
    scores = np.zeros((len(proba), len(classes)))
    scores[:, np.searchsorted(classes, seen)] = proba
    return scores
