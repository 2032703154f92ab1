"""Leaving out each item and each recording to find what drove a subject's diagnosis."""

from __future__ import annotations

from typing import Any

import pandas as pd

from sknemg.divote._combined import CombinedLevels
from sknemg.divote.fitted import open_model
from sknemg.divote.leave_one_out import scores_without
from sknemg.divote.levels import class_columns
from sknemg.divote.opened import Opened
from sknemg.divote.parts import name_of
from sknemg.recordings._problems import listed, shown


def diagnosis_drivers(estimator: Any, X: Any, subject: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Leave out each item, and each recording, and measure how the diagnosis changes.

    An item is what votes for a recording: a segment, a motor unit, an image.

    The vote without a part follows from the scores that are known; the model is then asked again
    with the votes that remain. Windows overlap, so that one potential may drive several
    neighbouring segments.

    Parameters
    ----------
    estimator : fitted model with a DiVoteClassifier inside
        The DiVoteClassifier itself, a Pipeline, a search, or a CalibratedClassifierCV or soft
        VotingClassifier of them. In an ensemble, the part is left out for all members at once.
    X : Recordings
        Recordings that the model predicts from, with the column ``subject``.
    subject : label
        The subject whose diagnosis is explained.

    Returns
    -------
    items, recordings : DataFrame
        As in `Levels`, of this subject only, with a further column ``fall``: by how much the
        score of the diagnosis falls without the item or recording.

    Raises
    ------
    TypeError
        If `estimator` has no DiVoteClassifier inside that can be reached, or joins several kinds
        of votes (JointVoteClassifier).
    ValueError
        If `X` holds no such subject, or if the members of an ensemble cut different windows.

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
    >>> items, recordings = diagnosis_drivers(model, X, "f")
    >>> len(items), len(recordings), items.loc[items["fall"].idxmax(), "recording"]
    (6, 2, np.int64(10))
    """
    opened = open_model(estimator)
    return drivers_of(opened, opened.levels(X), subject)


def drivers_of(
    opened: Opened, levels: CombinedLevels, subject: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Do what `diagnosis_drivers` does, with levels that are known already."""
    for part in opened.parts:
        if members := getattr(part.classifier, "named_estimators_", None):
            raise TypeError(
                f"{name_of(part)} joins several kinds of votes, and its recordings are no means of "
                f"items: give one of {part.path}.named_estimators_, {shown(list(members))}."
            )
    names = levels.subjects.index
    if subject not in names:
        raise ValueError(
            f"X holds no subject {shown(subject)}: give one of its {listed(names, 'subject')}."
        )
    row = names.get_loc(subject)
    classes = opened.classes.tolist()
    scores = class_columns(levels.subjects, classes).to_numpy()[row]
    diagnosis = classes.index(levels.subjects["prediction"].iloc[row])
    without_item, without_recording = scores_without(opened, levels, subject)
    items = levels.items[levels.items["subject"] == subject].reset_index(drop=True)
    recordings = levels.recordings[levels.recordings["subject"] == subject].reset_index(drop=True)

    for table, answers in ((items, without_item), (recordings, without_recording)):
        table["fall"] = scores[diagnosis] - answers[:, diagnosis]  # type: ignore[index]
    return items, recordings
