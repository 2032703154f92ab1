from .divote import DiVoteClassifier
from .joint import JointVoteClassifier
from .levels import Levels

__all__ = [
    "DiVoteClassifier",
    "JointVoteClassifier",
    "Levels",
]
