"""Segment classifiers: scikit-learn classifiers that own a torch network."""

from sknemg.classifiers.nemgnet import NEMGNetClassifier
from sknemg.classifiers.network_features import NetworkFeatures
from sknemg.classifiers.timm import TimmClassifier

__all__ = ["NEMGNetClassifier", "NetworkFeatures", "TimmClassifier"]
