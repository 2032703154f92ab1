"""Votes: means over segments and recordings."""

import numpy as np
import pandas as pd
import pytest
from _toy import Spy, renamed, toy_segments
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from sknemg import DiVoteClassifier, Recordings
from sknemg.divote._votes import subject_votes
from sknemg.divote.final import STRENGTHS, fit_final
from sknemg.divote.pooling import POOLINGS, RECORDING_WEIGHTS, mean_scores, pool_scores


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


@pytest.mark.parametrize("dtype", [object, "str", "string", "category"])
def test_a_recording_without_a_location_counts_in_neither_mean(dtype):
    scores = np.array([[1.0, 0], [0, 1.0], [0, 1.0]])
    location = pd.Series(["proximal", None, np.nan], dtype=dtype)
    got = subject_votes(scores, np.zeros(3, int), 1, location)
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


# -- pooling -----------------------------------------------------------------------------------


def pooled(pooling, scores, weights):
    """Do as the documentation says, for one group."""
    scores, weights = np.asarray(scores, float), np.asarray(weights, float)
    if pooling == "mean":
        return np.average(scores, axis=0, weights=weights)
    if pooling == "geometric":
        product = np.prod(np.maximum(scores, 0.01) ** (weights / weights.sum())[:, None], axis=0)
        return product / product.sum()
    if pooling == "entropy":
        certain = 1 - stats.entropy(scores, axis=1) / np.log(scores.shape[1])
        return np.average(scores, axis=0, weights=weights * certain)
    many = np.repeat(scores, weights.astype(int), axis=0)  # whole weights, a multiple of five
    trimmed = stats.trim_mean(many, 0.2, axis=0)
    return trimmed / trimmed.sum()


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("weighted", [False, True])
def test_groups_are_pooled_each_by_itself(pooling, weighted):
    rng = np.random.default_rng(0)
    index = rng.permutation(np.repeat([0, 1, 3], [10, 5, 20]))
    scores = rng.dirichlet([0.5, 1, 1], len(index))
    scores[0] = [0, 0, 1]
    weights = np.where(index == 1, 1, rng.permutation(np.resize([1, 1, 1, 3, 4], len(index))))
    while weights[index == 0].sum() % 5 or weights[index == 3].sum() % 5:
        weights[rng.choice(np.flatnonzero(index != 1))] += 1
    weights = weights if weighted else np.ones(len(index), int)
    given = {"pooling": pooling, "weights": weights if weighted else None}
    got = pool_scores(scores, index, 5, **given)
    assert np.isnan(got[[2, 4]]).all()
    for group in (0, 1, 3):
        own = index == group
        assert_allclose(got[group], pooled(pooling, scores[own], weights[own]), atol=1e-12)
        alone = given | {"weights": weights[own] if weighted else None}
        only = pool_scores(scores[own], np.zeros(own.sum(), int), 1, **alone)
        assert_array_equal(only[0], got[group])  # to the bit, whoever else is scored
    blank = np.vstack([scores, np.full((2, 3), np.nan)])
    more = given | {"weights": np.append(weights, [7, 7]) if weighted else None}
    assert_array_equal(pool_scores(blank, np.append(index, [0, 2]), 5, **more), got)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_single_vote_and_equal_votes_are_handed_on(pooling):
    one = np.array([[0.7, 0.2, 0.1]])
    assert_allclose(pool_scores(one, np.zeros(1, int), 1, pooling=pooling), one)
    assert_allclose(pool_scores(np.repeat(one, 7, 0), np.zeros(7, int), 1, pooling=pooling), one)
    unsure = np.full((4, 3), 1 / 3)
    assert_allclose(pool_scores(unsure, np.zeros(4, int), 1, pooling=pooling), unsure[:1])


def test_votes_in_which_each_class_is_an_outlier_are_not_trimmed():
    every = np.eye(6)
    assert_allclose(
        pool_scores(every, np.zeros(6, int), 1, pooling="trimmed"), np.full((1, 6), 1 / 6)
    )


def test_an_unknown_rule_is_named():
    with pytest.raises(ValueError, match="pooling='median' is unknown: give 'mean', 'geom"):
        pool_scores(np.eye(2), np.arange(2), 2, pooling="median")


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("weights", RECORDING_WEIGHTS)
def test_a_model_pools_recordings_and_subjects_by_its_rule(pooling, weights):
    X, y = toy_segments(n_segments=(0, 6), effect=0.3)
    model = DiVoteClassifier(
        Spy(), final_estimator=None, pooling=pooling, recording_weights=weights
    ).fit(X, y)
    levels = model.levels(X)
    classes = model.classes_.tolist()
    items = levels.items.groupby("recording")
    for row, own in items:
        expected = pool_scores(own[classes].to_numpy(), np.zeros(len(own), int), 1, pooling=pooling)
        assert_allclose(levels.recordings.loc[row, classes].astype(float), expected[0])
    for subject, own in levels.recordings.groupby("subject"):
        n = own["n_items"].to_numpy()
        expected = pool_scores(
            own[classes].to_numpy(), np.zeros(len(own), int), 1, pooling=pooling,
            weights=n if weights == "length" else None,
        )  # fmt: skip
        assert_allclose(levels.subjects.loc[subject, classes].astype(float), expected[0])
    assert_allclose(levels.subjects[classes].sum(axis=1), 1)
    assert (levels.recordings["n_items"] == 0).any()


# -- final classifiers -------------------------------------------------------------------------


def test_regularisation_is_chosen_by_subjects_left_out():
    y = np.repeat(["a", "b"], 10)
    side = np.repeat([1, -1, -1, 1], 5)  # tells nothing, and in each fold misleads about the rest
    useless, clear = (
        0.5 + 0.4 * np.stack([own, -own], axis=1) for own in (side, np.where(y == "a", 1, -1))
    )
    weak, strong = (fit_final("regularized", votes, y) for votes in (clear, useless))
    assert [max(STRENGTHS), min(STRENGTHS)] == [weak.C, strong.C]
    single = fit_final("regularized", clear[[0, 1, -1]], y[[0, 1, -1]])
    assert np.median(STRENGTHS) == single.C  # a class of one cannot be left out
    assert_allclose(single.predict_proba([[0.5, 0.5]]), 0.5, atol=0.01)  # whatever the prior


@pytest.mark.parametrize("n_subjects, kind", [(27, "NoneType"), (30, "LogisticRegression")])
def test_few_subjects_get_no_final_classifier(n_subjects, kind):
    X, y = toy_segments(n_subjects=n_subjects, n_recordings=2)
    model = DiVoteClassifier(Spy(), final_estimator="auto", cv=2).fit(X, y)
    assert type(model.final_estimator_).__name__ == kind
    assert model.subject_features_ == ("all" if kind == "NoneType" else "location")
    assert model.predict_proba(X).shape == (len(X), 3)
