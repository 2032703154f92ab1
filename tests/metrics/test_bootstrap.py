"""The bootstrap over subjects."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknemg.metrics._bootstrap import SubjectRows, draw_subjects, subject_weights


def test_a_place_goes_to_a_mate_or_now_and_then_to_anyone():
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2])
    drawn, strange = draw_subjects(labels, 40_000, 0)
    for place, label in enumerate(labels):
        n = np.sum(labels == label)
        expected = (labels == label) / n * n / (n + 1) + 1 / (n + 1) / 9
        share = np.bincount(drawn[:, place], minlength=9) / 40_000
        assert_allclose(share, expected, atol=0.01)
        assert strange[:, place].mean() == pytest.approx(1 / (n + 1), abs=0.01)
    assert (labels[drawn] == labels)[~strange].all()


def test_the_plain_bootstrap_draws_all_samples_within_classes():
    rng = np.random.default_rng(0)
    labels = np.array([0, 1, 2, 0, 1, 2, 0, 1])
    right = rng.integers(0, 4, size=8)
    members = [np.flatnonzero(labels == k) for k in range(3)]
    samples = itertools.product(*(itertools.product(m, repeat=len(m)) for m in members))
    accuracy = [right[np.concatenate(sample)].sum() / 24 for sample in samples]  # 27 x 27 x 4
    drawn, strange = draw_subjects(labels, 20_000, 0, strangers=0)
    assert not strange.any()
    got = np.percentile(right[drawn].sum(axis=1) / 24, [2.5, 25, 50, 75, 97.5])
    assert_allclose(got, np.percentile(accuracy, [2.5, 25, 50, 75, 97.5]), rtol=1e-12)


def test_weights_count_who_was_drawn_into_which_class():
    labels = np.array([0, 0, 1, 1, 1])
    drawn = np.array([[0, 0, 4, 1, 4], [1, 0, 2, 3, 4]])
    weights = subject_weights(drawn, labels, 2)
    assert_array_equal(weights[0], [[2, 0], [0, 1], [0, 0], [0, 0], [0, 2]])
    assert_array_equal(weights[1], np.eye(2)[labels])


def test_the_same_seed_draws_the_same_subjects():
    labels = np.arange(12) % 3
    one, two, other = (draw_subjects(labels, 50, seed)[0] for seed in (0, 0, 1))
    assert_array_equal(one, two)
    assert (one != other).any()


def test_rows_are_drawn_with_their_subject():
    y = np.array(["a", "b", "a", "b", "a", "b"])
    groups = np.array([5, 3, 5, 3, 7, 1])
    rows = SubjectRows(y, groups)
    assert rows.labels.tolist() == ["a", "b", "a", "b"]
    strangers = 0
    for drawn, labels in rows.draw(200, 0):
        counts = np.bincount(drawn, minlength=6)
        for subject in np.unique(groups):
            assert len(set(counts[groups == subject])) == 1  # all of its rows, equally often
        strangers += (y[drawn] != labels).sum()
    assert strangers > 0


def test_a_subject_of_several_classes_keeps_its_own_labels():
    y = np.array(["a", "b", "a", "b", "b", "a"])
    rows = SubjectRows(y, [0, 0, 1, 1, 2, 2])
    unlike = [(y[drawn] != labels).mean() for drawn, labels in rows.draw(300, 0)]
    assert 0 < np.mean(unlike) < 0.3  # only those of strangers
    for drawn, labels in rows.draw(50, 1):
        assert len(drawn) == len(labels) == 6
