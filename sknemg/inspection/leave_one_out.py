"""Leaving out each segment and each recording to find what drove a subject's diagnosis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.divote._combined import CombinedLevels
from sknemg.divote._votes import subject_votes
from sknemg.divote.fitted import open_model
from sknemg.divote.levels import Levels, class_columns
from sknemg.divote.opened import Opened
from sknemg.recordings._problems import listed, shown


def diagnosis_drivers(estimator: Any, X: Any, subject: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Leave out each segment, and each recording, and measure how the diagnosis changes.

    A vote is a mean, so the vote without a part is known exactly; the model is then asked again
    with the votes that remain. Windows overlap, so that one potential may drive several
    neighbouring segments.

    Parameters
    ----------
    estimator : fitted model with a DiVoteClassifier inside
        The DiVoteClassifier itself, a Pipeline, a search, or a CalibratedClassifierCV or soft
        VotingClassifier of them. In an ensemble, the part is left out for all members at once.
    X : Recordings
        What the model predicts from, with the column ``subject``.
    subject : label
        The subject whose diagnosis is explained.

    Returns
    -------
    segments, recordings : DataFrame
        As in `Levels`, of this subject only, with a further column ``fall``: by how much the
        score of the diagnosis falls without the segment or recording.

    Raises
    ------
    TypeError
        If `estimator` has no DiVoteClassifier inside that can be reached.
    ValueError
        If `X` holds no such subject, or if the members of an ensemble cut different segments.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sknemg import DiVoteClassifier, Recordings, Segmenter
    >>> from sknemg.inspection import diagnosis_drivers
    >>> size = np.repeat([0.2, 2.0], 6)
    >>> signals = np.random.default_rng(0).uniform(0, size[:, None], (12, 12))
    >>> X = Recordings(signals, sfreq=10, subject=np.repeat(list("abcdef"), 2))
    >>> X = Segmenter(window=0.4, hop=0.4).fit_transform(X)
    >>> y = np.where(size > 1, "neuropathy", "myopathy")
    >>> model = DiVoteClassifier(LogisticRegression(), final_estimator=None).fit(X, y)
    >>> segments, recordings = diagnosis_drivers(model, X, "f")
    >>> len(segments), len(recordings), segments.loc[segments["fall"].idxmax(), "recording"]
    (6, 2, np.int64(10))
    """
    opened = open_model(estimator)
    return drivers_of(opened, opened.levels(X), subject)


def drivers_of(
    opened: Opened, levels: CombinedLevels, subject: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Do what `diagnosis_drivers` does, with levels that are known already."""
    names = levels.subjects.index
    if subject not in names:
        raise ValueError(
            f"X holds no subject {shown(subject)}: give one of its {listed(names, 'subject')}."
        )
    row = names.get_loc(subject)
    classes = opened.classes.tolist()
    scores = class_columns(levels.subjects, classes).to_numpy()[row]
    diagnosis = classes.index(levels.subjects["prediction"].iloc[row])
    segments = levels.segments[levels.segments["subject"] == subject].reset_index(drop=True)
    recordings = levels.recordings[levels.recordings["subject"] == subject].reset_index(drop=True)

    without_segment, without_recording = [], []
    for part, own in zip(opened.parts, levels.each, strict=True):
        parts = _without_each(part.classifier, own, subject)
        without_segment.append(parts[0])
        without_recording.append(parts[1])
    for table, answers in ((segments, without_segment), (recordings, without_recording)):
        table["fall"] = scores[diagnosis] - opened.answer(answers)[:, diagnosis]
    return segments, recordings


def _without_each(
    divote: Any, levels: Levels, subject: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Score a subject without each of its segments, and without each of its recordings."""
    segments = levels.segments[levels.segments["subject"] == subject]
    recordings = levels.recordings[levels.recordings["subject"] == subject]
    classes = divote.classes_.tolist()
    scores = class_columns(recordings, classes).to_numpy()
    at = recordings["recording"].searchsorted(segments["recording"])
    n = recordings["n_segments"].to_numpy()[at][:, None]
    with np.errstate(invalid="ignore", divide="ignore"):  # the last segment leaves no vote: NaN
        rest = (n * scores[at] - class_columns(segments, classes).to_numpy()) / (n - 1)
    without_segment = np.repeat(scores[None], len(segments), axis=0)
    without_segment[np.arange(len(segments)), at] = np.where(n > 1, rest, np.nan)
    without_recording = np.repeat(scores[None], len(recordings), axis=0)
    without_recording[np.arange(len(recordings)), np.arange(len(recordings))] = np.nan
    location = None
    if divote.subject_features_ == "location":
        location = recordings["location"].to_numpy()
    return (
        _answers(divote, without_segment, location),
        _answers(divote, without_recording, location),
    )


def _answers(
    divote: Any, variants: NDArray[np.float64], location: NDArray[Any] | None
) -> NDArray[np.float64]:
    """Score variants of one subject's recording scores (n_variants, n_recordings, n_classes)."""
    if not len(variants):
        return np.empty((0, variants.shape[-1]))
    one = np.zeros(variants.shape[1], dtype=int)
    votes = np.vstack([subject_votes(scores, one, 1, location) for scores in variants])
    return divote._answer(votes)
