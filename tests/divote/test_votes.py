"""Votes: means over segments and recordings."""

import numpy as np
import pandas as pd
import pytest
from _toy import Spy, renamed, toy_segments
from numpy.testing import assert_allclose

from sknemg import DiVoteClassifier, Recordings
from sknemg.divote._votes import mean_scores, subject_votes


def test_a_group_without_votes_is_nan_and_leaves_its_neighbours_alone():
    scores = np.array([[0.2, 0.8], [0.4, 0.6], [np.nan, np.nan], [1.0, 0.0]])
    got = mean_scores(scores, np.array([0, 0, 1, 3]), 5)
    nan = [np.nan, np.nan]
    assert_allclose(got, [[0.3, 0.7], nan, nan, [1, 0], nan])


def test_recordings_count_alike_whatever_their_number_of_segments():
    X = Recordings.from_ragged(
        np.zeros((4, 2), np.float32),
        [0, 3, 4],
        pd.DataFrame({"sfreq": 1.0, "subject": ["a", "a"]}),
    )
    segment_scores = np.array([[1, 0], [1, 0], [1, 0], [0, 1.0]])
    recording = mean_scores(segment_scores, X.row_index, 2)
    assert_allclose(subject_votes(recording, np.array([0, 0]), 1), [[0.5, 0.5]])


def test_features_by_location_follow_the_paper():
    scores = np.array([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0, 0, 1.0], [np.nan] * 3])
    subject = np.array([0, 0, 1, 2])
    got = subject_votes(scores, subject, 3, ["proximal", "proximal", "distal", "distal"])
    third = [1 / 3] * 3
    assert_allclose(got, [[0.4, 0.25, 0.35, *third], [*third, 0, 0, 1], [*third, *third]])


def test_a_recording_without_a_location_counts_in_neither_mean():
    scores = np.array([[1.0, 0], [0, 1.0], [0, 1.0]])
    got = subject_votes(scores, np.zeros(3, int), 1, ["proximal", None, np.nan])
    assert_allclose(got, [[1, 0, 0.5, 0.5]])


# -- weights -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong, message",
    [
        (lambda w: np.where(np.arange(len(w)) == 3, -1.0, w), r"holds -1.0 in row 3: correct"),
        (lambda w: np.where(np.arange(len(w)) < 2, np.nan, w), r"holds nan, nan in rows 0, 1"),
        (lambda w: np.where(np.arange(len(w)) == 5, np.inf, w), r"holds inf in row 5"),
        (lambda w: [None, *w[1:]], r"holds None in row 0"),
        (lambda w: ["2", *w[1:]], r"holds '2' in row 0"),
        (lambda w: [1j, *w[1:]], r"holds 1j in row 0"),
        (lambda w: pd.array([pd.NA] + [1] * (len(w) - 1), dtype="Int64"), r"holds <NA> in row 0"),
        (lambda w: w[1:], r"sample_weight has shape \(47,\) for 48 recordings"),
        (lambda w: [*w, 1.0], r"sample_weight has shape \(49,\) for 48 recordings"),
        (lambda w: w[:, None], r"sample_weight has shape \(48, 1\)"),
        (lambda w: 2.0, r"sample_weight has shape \(\) for 48"),
        (lambda w: 0 * w, "sample_weight is 0 in every row"),
        (lambda w: np.arange(len(w)) - 60.0, r"in rows 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 38 more"),
    ],
)
def test_weights_that_are_none_are_refused_by_row(wrong, message):
    X, y = toy_segments()
    model = DiVoteClassifier(Spy()).fit(X, y)
    other = renamed(X)
    with pytest.raises(ValueError, match=message):
        model.score(other, y, sample_weight=wrong(np.ones(len(X))))


@pytest.mark.parametrize("factor", [1, 1e-300, 1e308, True])
def test_only_the_ratio_of_weights_counts(factor):
    X, y = toy_segments(effect=0.3)
    model = DiVoteClassifier(Spy()).fit(X, y)
    other = renamed(X)
    heavy = (X["subject"] == "S3").to_numpy()
    right = (model.predict(other) == y)[heavy].mean()
    assert model.score(other, y, sample_weight=heavy * factor) == right


def test_the_number_of_diagnoses_must_fit():
    X, y = toy_segments()
    model = DiVoteClassifier(Spy()).fit(X, y)
    with pytest.raises(ValueError, match="y has 47 diagnoses for 48 rows"):
        model.score(X, y[1:])
