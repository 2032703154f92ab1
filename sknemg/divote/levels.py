"""The levels of a diagnosis: tables of item, recording and subject scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.recordings import Recordings
from sknemg.recordings._problems import LOCATIONS, shown

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

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sknemg import DiVoteClassifier
    >>> X, y, groups = np.eye(4), ["normal", "normal", "myopathy", "myopathy"], list("aabb")
    >>> model = DiVoteClassifier(LogisticRegression(), final_estimator=None)
    >>> levels = model.fit(X, y, groups=groups).levels(X, groups=groups)
    >>> len(levels.recordings), levels.subjects["prediction"].to_dict()
    (4, {'a': 'normal', 'b': 'myopathy'})
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
        row, names = data.row_index, self.names[self.subject]
        own = {"recording": np.arange(len(data)), "subject": names}
        own |= {column: data[column].array for column in ("muscle", "location") if column in data}
        item = np.arange(len(row)) - data.offsets[row]
        of_items = {column: values[row] for column, values in own.items()} | {"item": item}
        if "hop" in data:
            of_items["start"] = item * data["hop"].to_numpy()[row]
        own["n_items"] = data.lengths
        n_subjects = len(self.names)
        of_subjects = {
            "n_recordings": np.bincount(self.subject, minlength=n_subjects),
            "n_items": np.bincount(self.subject[row], minlength=n_subjects),
        }
        subjects = beside(of_subjects, self.subjects, labels, index=subject_index(self.names))
        subjects["prediction"] = classes[self.subjects.argmax(axis=1)]
        return Levels(
            beside(of_items, self.items, labels),
            beside(own, self.recordings, labels),
            subjects,
            votes_frame(self.votes, self.names, classes),
        )


def beside(
    known: Mapping[Any, Any] | pd.DataFrame,
    scores: NDArray[Any],
    labels: Sequence[Any],
    index: Any = None,
) -> pd.DataFrame:
    """Make a table of what is known of its rows, and their scores, a column for each class.

    Parameters
    ----------
    known : mapping of str to array of shape (n_rows,), or DataFrame
    scores : ndarray of shape (n_rows, n_classes)
    labels : sequence of n_classes
    index : Index, default=None

    Returns
    -------
    DataFrame
    """
    if taken := [label for label in labels if label in known]:
        raise ValueError(
            f"A class is named {shown(taken[0])}, like a column of the tables of levels: rename it."
        )
    columns = {name: known[name] for name in known} | dict(zip(labels, scores.T, strict=True))
    return pd.DataFrame(columns, index=index)


def subject_index(names: NDArray[Any]) -> pd.Index:
    """Give the index of a table of subjects."""
    return pd.Index(names, name="subject")


def votes_frame(votes: NDArray[Any], names: NDArray[Any], classes: NDArray[Any]) -> pd.DataFrame:
    """Return subject features as a table, a row for each subject, with named columns."""
    columns = classes.tolist()
    if votes.shape[1] > len(columns):
        columns = [f"{location} {label}" for location in LOCATIONS for label in columns]
    return pd.DataFrame(votes, columns=columns, index=subject_index(names))
