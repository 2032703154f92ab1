"""Segment classifiers: scikit-learn classifiers that own a torch network."""

from sknemg.classifiers.nemgnet import NEMGNetClassifier

__all__ = ["NEMGNetClassifier"]
