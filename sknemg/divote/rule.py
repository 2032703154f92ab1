"""How the scores of items become votes and a diagnosis, as a rule without an estimator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknemg.divote._votes import align_columns, other_rate, read_locations, subject_votes
from sknemg.divote.levels import Scores
from sknemg.divote.pooling import pool_scores, weights_of
from sknemg.recordings import Recordings

Final = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class VoteRule:
    """What a fitted :class:`~sknemg.DiVoteClassifier` makes of the scores of items.

    Parameters
    ----------
    classes_ : ndarray of shape (n_classes,)
    subject_features_ : {"location", "all"}
    final : callable, default=None
        From the features of subjects to the scores of `final_classes`; by default the features are
        the answer.
    final_classes : ndarray, default=None
    sfreq : float, default=None
        Rate of the training data in hertz; other rates are refused.
    pooling : {"mean", "geometric", "entropy", "trimmed"}
    recording_weights : {"uniform", "length"}
    """

    classes_: NDArray[Any]
    subject_features_: str = "all"
    final: Final | None = None
    final_classes: NDArray[Any] | None = None
    sfreq: float | None = None
    pooling: str = "mean"
    recording_weights: str = "uniform"

    def scores(self, X: Recordings, item_scores: NDArray[np.float64]) -> Scores:
        """Let the items of one subject vote.

        Parameters
        ----------
        X : Recordings of what votes
        item_scores : ndarray of shape (n_items, n_classes)

        Returns
        -------
        Scores
        """
        rates = X["sfreq"].to_numpy(dtype=float)
        if self.sfreq is not None and (other := rates[rates != self.sfreq]).size:
            raise ValueError(other_rate(other[0], self.sfreq))
        subject, names = np.zeros(len(X), dtype=int), np.array(["patient"], dtype=object)
        recordings = pool_scores(item_scores, X.row_index, len(X), pooling=self.pooling)
        location = read_locations(X) if self.subject_features_ == "location" else None
        weights = weights_of(self.recording_weights, X.lengths)
        votes = subject_votes(
            recordings, subject, 1, location, pooling=self.pooling, weights=weights
        )
        return Scores(X, subject, names, item_scores, recordings, votes, self._answer(votes))

    def _answer(self, votes: NDArray[Any]) -> NDArray[np.float64]:
        if self.final is None or self.final_classes is None:
            return votes
        return align_columns(self.final(votes), self.final_classes, self.classes_)
