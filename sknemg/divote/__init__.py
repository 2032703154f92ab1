"""DiVote: segments vote for their recording, recordings for their subject."""

from sknemg.divote.divote import DiVoteClassifier
from sknemg.divote.joint import JointVoteClassifier
from sknemg.divote.levels import Levels

__all__ = [
    "DiVoteClassifier",
    "JointVoteClassifier",
    "Levels",
]
