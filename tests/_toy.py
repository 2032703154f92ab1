"""A toy cohort of segments, and a classifier that writes down what it was shown."""

from typing import ClassVar

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from skorch import NeuralNetClassifier

from sknemg import Recordings

CLASSES = ("myopathy", "neuropathy", "normal")


def toy_segments(
    n_subjects=12, n_recordings=4, n_segments=(1, 4), n_times=8, effect=1.0, seed=0, **columns
):
    """Segments of subjects whose recordings lie scattered over the rows.

    The first sample of each segment is its subject's number, so that a spy can tell whom it
    sees; the others carry the class and, as strongly, the person.
    """
    rng = np.random.default_rng(seed)
    subject = rng.permutation(np.repeat(np.arange(n_subjects), n_recordings))
    lengths = rng.integers(n_segments[0], n_segments[1] + 1, len(subject))
    row = np.repeat(np.arange(len(subject)), lengths)
    person = rng.normal(size=(n_subjects, n_times))
    level = effect * (np.arange(n_subjects) % 3)[:, None]
    values = (level + person)[subject[row]] + rng.normal(size=(len(row), n_times))
    values[:, 0] = subject[row]
    meta = pd.DataFrame({"sfreq": 10_000.0, "hop": 0.1}, index=range(len(subject)))
    meta["subject"] = [f"S{number}" for number in subject]
    meta["location"] = np.array(["proximal", "distal"])[rng.integers(0, 2, len(subject))]
    X = Recordings.from_ragged(
        values.astype(np.float32), np.concatenate([[0], np.cumsum(lengths)]), meta
    )
    y = np.array(CLASSES)[subject % 3]
    return X.with_columns(**columns), y


class Spy(ClassifierMixin, BaseEstimator):
    """Score by the distance to the class means; write down the subjects of every call."""

    calls: ClassVar[list] = []

    def fit(self, X, y):
        type(self).calls.append(("fit", frozenset(X[:, 0].astype(int))))
        self.classes_ = np.unique(y)
        self.means_ = np.stack([X[y == label].mean(axis=0) for label in self.classes_])
        return self

    def predict_proba(self, X):
        type(self).calls.append(("predict", frozenset(X[:, 0].astype(int))))
        distance = ((X[:, None, 1:] - self.means_[None, :, 1:]) ** 2).sum(axis=2)
        score = np.exp(-(distance - distance.min(axis=1, keepdims=True)) / 10)
        return score / score.sum(axis=1, keepdims=True)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class GroupedSpy(Spy):
    """A spy that asks for groups and keeps them."""

    __metadata_request__fit: ClassVar = {"groups": True}

    def fit(self, X, y, groups=None):
        self.groups_ = groups
        return super().fit(X, y)


def take_calls(spy=Spy):
    """Return what the spy wrote down since the last time."""
    calls, spy.calls = spy.calls, []
    return calls


def numbers(subjects):
    """The numbers of subjects named S0, S1, ..."""
    return frozenset(int(name[1:]) for name in ([] if subjects is None else subjects))


def without(X, *columns):
    """The same rows without some columns."""
    return Recordings.from_ragged(X.values, X.offsets, X.meta.drop(columns=list(columns)))


def renamed(X):
    """The same rows, as if of people whom no model was trained on."""
    return X.with_columns(subject=[f"N{name[1:]}" for name in X["subject"]])


class Perceptron(torch.nn.Module):
    def __init__(self, n_outputs=3, n_times=8):
        super().__init__()
        self.linear = torch.nn.Linear(n_times, n_outputs)

    def forward(self, X):
        return self.linear(X)


def skorch_net():
    """A bare skorch net, which takes no labels but integers."""
    torch.manual_seed(0)
    return NeuralNetClassifier(
        Perceptron, criterion=torch.nn.CrossEntropyLoss, max_epochs=2, train_split=None, verbose=0
    )


def values_of(table):
    """The values of a table of scores by the names of their metrics."""
    return dict(zip(table["metric"], table["value"], strict=True))
