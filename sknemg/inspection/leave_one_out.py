"""Leaving out each segment and each recording to find what drove a subject's diagnosis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.divote._votes import subject_votes
from sknemg.divote.fitted import split_model
from sknemg.divote.levels import class_columns
from sknemg.recordings._problems import shown


def diagnosis_drivers(estimator: Any, X: Any, subject: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Leave out each segment, and each recording, and see how the diagnosis changes.

    The votes are exact means, so nothing is approximated: the final classifier is asked again
    with the vote that remains. Windows overlap, so a potential may drive several neighbours.

    Parameters
    ----------
    estimator : fitted DiVoteClassifier or pipeline that ends in one
    X : Recordings
        With the column ``subject``: segments for a DiVoteClassifier, what the pipeline takes for
        a pipeline.
    subject : label
        Whose diagnosis.

    Returns
    -------
    segments, recordings : DataFrame
        As `DiVoteClassifier.levels` gives them, of this subject, with the column ``fall``: by how
        much the score of the diagnosis falls without it.

    Raises
    ------
    TypeError
        If `estimator` neither is nor ends in a DiVoteClassifier.
    ValueError
        If `X` holds no such subject.

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
    divote, X = split_model(estimator, X)
    if not hasattr(divote, "levels"):
        raise TypeError(
            f"{type(divote).__name__} has no levels of votes: give a DiVoteClassifier or a "
            "pipeline that ends in one."
        )
    levels = divote.levels(X)
    if subject not in levels.subjects.index:
        known = shown(levels.subjects.index)
        raise ValueError(f"X holds no subject {shown(subject)}: give one of {known}.")
    classes = list(divote.classes_)
    segments = levels.segments[levels.segments["subject"] == subject].copy()
    recordings = levels.recordings[levels.recordings["subject"] == subject].copy()
    diagnosis = classes.index(levels.subjects.loc[subject, "prediction"])

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
    score = levels.subjects.loc[subject, classes[diagnosis]]
    for table, variants in ((segments, without_segment), (recordings, without_recording)):
        table["fall"] = score - _final_scores(divote, variants, location)[:, diagnosis]
    return segments.reset_index(drop=True), recordings.reset_index(drop=True)


def _final_scores(
    divote: Any, variants: NDArray[Any], location: NDArray[Any] | None
) -> NDArray[Any]:
    """Score variants of one subject's recording scores (n_variants, n_recordings, n_classes)."""
    one = np.zeros(variants.shape[1], dtype=int)
    votes = np.vstack([subject_votes(scores, one, 1, location) for scores in variants])
    if divote.final_estimator_ is None:
        return votes
    return divote.final_estimator_.predict_proba(votes)
