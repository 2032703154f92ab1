"""Votes: means over segments and recordings."""

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose

from sknemg import (
    Recordings,
)
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
