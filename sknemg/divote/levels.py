"""The levels of a diagnosis: tables of item, recording and subject scores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.recordings import Recordings
from sknemg.recordings._problems import LOCATIONS

#: What is scored, from the smallest upwards; an item is what a recording holds of segments, motor
#: units or images.
LEVELS = ("item", "recording", "subject")

#: The tables that hold their scores, in `Levels` and in an `Evaluation`.
LEVEL_TABLES = tuple(f"{level}s" for level in LEVELS)


def class_columns(table: pd.DataFrame, classes: Iterable[Any]) -> pd.DataFrame:
    """Take the scores of the classes; a list of boolean labels would be a mask of rows."""
    places: Any = [table.columns.get_loc(label) for label in classes]
    return table.iloc[:, places]


class Levels(NamedTuple):
    """The scores that lead to a diagnosis, level by level.

    Attributes
    ----------
    items : DataFrame, a row for each item that votes: a segment, a motor unit, an image
        ``recording`` (the row of `X`), ``subject``, ``muscle`` and ``location`` where known,
        ``item`` (its number in the recording), ``start`` (seconds, where a Segmenter left its
        hop), and a column of scores for each class.
    recordings : DataFrame, a row for each recording
        What is known of it, ``n_items``, and its scores; NaN without items.
    subjects : DataFrame, a row for each subject, indexed by subject
        ``n_recordings``, ``n_items``, the final scores, and ``prediction``.
    votes : DataFrame, a row for each subject, indexed by subject
        The subject features that the final estimator sees.
    """

    items: pd.DataFrame
    recordings: pd.DataFrame
    subjects: pd.DataFrame
    votes: pd.DataFrame


class Scores(NamedTuple):
    """What `Levels` shows, as arrays.

    Attributes
    ----------
    data : Recordings
    subject : ndarray of shape (n_recordings,), int
        The number of each recording's subject.
    names : ndarray of shape (n_subjects,)
    items : ndarray of shape (n_items, n_classes)
    recordings : ndarray of shape (n_recordings, n_classes)
    votes : ndarray of shape (n_subjects, n_features)
    subjects : ndarray of shape (n_subjects, n_classes)
        The final scores.
    """

    data: Recordings
    subject: NDArray[Any]
    names: NDArray[Any]
    items: NDArray[Any]
    recordings: NDArray[Any]
    votes: NDArray[Any]
    subjects: NDArray[Any]

    def levels(self, classes: NDArray[Any]) -> Levels:
        """Return one table a level, with a column for each of the classes."""
        data, labels = self.data, classes.tolist()
        rows = pd.DataFrame({"recording": np.arange(len(data))})
        rows["subject"] = self.names[self.subject]
        for column in ("muscle", "location"):
            if column in data:
                rows[column] = data[column]
        items = rows.iloc[data.row_index].reset_index(drop=True)
        items["item"] = np.arange(len(items)) - data.offsets[data.row_index]
        if "hop" in data:
            items["start"] = items["item"] * data["hop"].to_numpy()[data.row_index]
        rows["n_items"] = data.lengths

        subjects = pd.DataFrame(index=pd.Index(self.names, name="subject"))
        counts = rows.groupby("subject", sort=False)["n_items"]
        subjects["n_recordings"], subjects["n_items"] = counts.size(), counts.sum()
        scores = pd.DataFrame(self.subjects, columns=labels, index=subjects.index)
        subjects = subjects.join(scores)
        subjects["prediction"] = classes[self.subjects.argmax(axis=1)]
        return Levels(
            items.join(pd.DataFrame(self.items, columns=labels)),
            rows.join(pd.DataFrame(self.recordings, columns=labels)),
            subjects,
            votes_frame(self.votes, self.names, classes),
        )


def votes_frame(votes: NDArray[Any], names: NDArray[Any], classes: NDArray[Any]) -> pd.DataFrame:
    """Return subject features as a table, a row for each subject, with named columns."""
    columns = classes.tolist()
    if votes.shape[1] > len(columns):
        columns = [f"{location} {label}" for location in LOCATIONS for label in columns]
    return pd.DataFrame(votes, columns=columns, index=pd.Index(names, name="subject"))
