"""Levels of a diagnosis."""

import numpy as np
import pandas as pd
from _toy import CLASSES, Spy, renamed, toy_segments
from numpy.testing import assert_allclose, assert_array_equal

from sknemg import (
    DiVoteClassifier,
)


def test_simple_averaging_is_the_mean_of_the_recordings():
    X, y = toy_segments()
    model = DiVoteClassifier(Spy(), final_estimator=None, subject_features="location").fit(X, y)
    levels = model.levels(X)
    by_hand = levels.recordings.groupby("subject", sort=False)[list(CLASSES)].mean()
    assert_allclose(levels.subjects[list(CLASSES)], by_hand)
    assert_array_equal(levels.subjects["prediction"], by_hand.idxmax(axis=1))
    assert model.final_estimator_ is None


def test_the_levels_fit_together():
    X, y = toy_segments(muscle="deltoid")
    model = DiVoteClassifier(Spy()).fit(X, y)
    levels = model.levels(X)
    segments, recordings = levels.items, levels.recordings
    assert len(segments) == len(X.values)
    assert set(segments["muscle"]) == {"deltoid"}
    assert_allclose(segments["start"], 0.1 * segments["item"])
    assert_array_equal(segments.groupby("recording").size(), X.lengths)
    assert_array_equal(segments["subject"], X["subject"].to_numpy()[X.row_index])
    means = segments.groupby("recording")[list(CLASSES)].mean()
    assert_allclose(recordings[list(CLASSES)], means)
    assert_array_equal(levels.subjects.index, X["subject"].unique())
    assert_array_equal(
        levels.subjects.loc[X["subject"], list(CLASSES)].to_numpy(), model.predict_proba(X)
    )
    by_hand = recordings[recordings["location"] == "distal"].groupby("subject")[CLASSES[0]].mean()
    assert_allclose(levels.votes.loc[by_hand.index, "distal myopathy"], by_hand)


def test_score_counts_each_subject_once():
    X, y = toy_segments()
    model = DiVoteClassifier(Spy()).fit(X, y)
    truth = np.where(X["subject"].isin(["S0", "S1", "S2"]), "normal", y)
    subjects = model.levels(X).subjects
    label = pd.Series(truth, index=X["subject"].to_numpy()).groupby(level=0).first()
    expected = (subjects["prediction"] == label.loc[subjects.index]).mean()
    new = renamed(X)
    assert model.score(new, truth) == expected
    weights = np.where(X["subject"].isin(["S0", "S1", "S2"]), 0.0, 2.0)
    others = ~X["subject"].isin(["S0", "S1", "S2"]).to_numpy()
    assert model.score(new, truth, sample_weight=weights) == model.score(new[others], y[others])
