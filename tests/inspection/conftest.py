"""Factories of fitted models for the pictures."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline

from sknemg import (
    DiVoteClassifier,
    NEMGNetClassifier,
    Segmenter,
    SegmentFeatures,
)


@pytest.fixture(autouse=True)
def _no_windows():
    import matplotlib as mpl

    mpl.use("Agg")
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture
def fitted(make_ragged):
    """Factory of a pipeline on recordings of any length, with its data."""

    def make(**kwargs):
        X, y = make_ragged(n_subjects=12)
        features = make_pipeline(SegmentFeatures(input_sfreq=1000), LinearDiscriminantAnalysis())
        divote = DiVoteClassifier(features, subject_features="all", **kwargs)
        return make_pipeline(Segmenter(window=0.2, hop=0.1), divote).fit(X, y), X, y

    return make


@pytest.fixture(scope="module")
def two_classes():
    """Slow, large segments and fast, small ones."""
    rng = np.random.default_rng(0)
    slow = 2 * np.repeat(rng.normal(size=(32, 55)), 20, axis=1)
    X = np.concatenate([slow, 0.5 * rng.normal(size=(32, 1100))]).astype("float32")
    return X, np.repeat(["neuropathy", "myopathy"], 32)


@pytest.fixture(scope="module")
def network(two_classes):
    """A small network that tells slow, large segments from fast, small ones."""
    X, y = two_classes
    clf = NEMGNetClassifier("A", width=4, max_epochs=20, lr=3e-3, random_state=0).fit(X, y)
    assert clf.score(X, y) > 0.9
    return clf, X, y


@pytest.fixture(scope="module")
def companded(two_classes):
    """The same in the tuned recipe: its input is companded, its last map pooled."""
    X, y = two_classes
    options = {"companding": 0.05, "head": "pooled", "max_epochs": 8, "batch_size": 16}
    clf = NEMGNetClassifier("A", recipe="tuned", width=4, random_state=0, **options).fit(X, y)
    assert clf.score(X, y) > 0.9
    return clf, X, y
