"""The metrics, against scikit-learn and imbalanced-learn."""

import numpy as np
import pytest
import sklearn.metrics as sk
from _oracle import answers, by_libraries, classes_by_libraries
from _toy import values_of
from numpy.testing import assert_allclose, assert_array_equal

from sknemg.metrics import METRICS, one_vs_rest_table, score_table
from sknemg.metrics import _counts as counts_module
from sknemg.metrics._bootstrap import draw_subjects, subject_weights
from sknemg.metrics._counts import SubjectCounts
from sknemg.metrics._definitions import (
    CLASS_METRICS,
    check_scores,
    class_shares,
    metric_values,
    one_vs_rest,
    overall,
)


@pytest.mark.parametrize("sharpness", [0.0, 1.0, 3.0, 10.0])
@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_every_metric_is_that_of_the_libraries(n_classes, sharpness):
    y, proba = answers(n_classes=n_classes, sharpness=sharpness)
    groups = y + n_classes * (np.arange(len(y)) // 20)  # several items to a subject
    got = values_of(score_table(y, proba, classes=range(n_classes), groups=groups, n_resamples=9))
    expected = by_libraries(y, proba)
    assert set(got) == set(METRICS) == set(expected)
    for name in METRICS:
        assert_allclose(got[name], expected[name], rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("absent", [None, 0, 2])
@pytest.mark.parametrize("sharpness", [0.0, 3.0])
@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_sums_over_subjects_give_the_values_of_the_libraries(n_classes, sharpness, absent):
    y, proba = answers(n_classes=n_classes, sharpness=sharpness)
    y, proba = y[y != absent], proba[y != absent]
    subject = y + n_classes * (np.arange(len(y)) // 15)
    subjects = SubjectCounts(y, proba, np.unique(subject, return_inverse=True)[1])
    counts = subjects.count(subjects.observed())
    for fast, slow in [
        (overall(counts), by_libraries(y, proba)),
        (metric_values(y, proba), by_libraries(y, proba)),
        (one_vs_rest(counts), classes_by_libraries(y, proba)),
    ]:
        assert set(fast) == set(slow)
        for name in slow:
            assert_allclose(fast[name], slow[name], rtol=1e-12, atol=1e-12, err_msg=name)


def test_the_registry_is_what_is_computed():
    y, proba = answers()
    subjects = SubjectCounts(y, proba, y)
    counts = subjects.count(subjects.observed())
    assert tuple(overall(counts)) == METRICS
    assert tuple(one_vs_rest(counts)) == CLASS_METRICS


def test_proportions_are_the_metrics_of_their_counts():
    y, proba = answers(n=48)
    subjects = SubjectCounts(y, proba, y + 3 * (np.arange(48) // 12))
    values = one_vs_rest(subjects.count(subjects.observed()))
    shares = class_shares(subjects.labels, subjects.answers, subjects.answers.shape[1])
    assert list(shares) == ["sensitivity", "specificity", "precision", "npv"]
    for name, (right, cases) in shares.items():
        assert (right <= cases).all()
        assert_allclose(right.sum(axis=0) / cases.sum(axis=0), values[name], err_msg=name)


def test_areas_are_the_same_counted_in_pieces(monkeypatch):
    y, proba = answers()
    whole = SubjectCounts(y, proba, np.arange(60))
    monkeypatch.setattr(counts_module, "_CELLS", 60 * 7)
    assert_array_equal(SubjectCounts(y, proba, np.arange(60)).wins, whole.wins)
    above = proba[:, None, 1] > proba[None, :, 1]
    tied = proba[:, None, 1] == proba[None, :, 1]
    assert tied.sum() > 60  # not only with itself
    assert_array_equal(whole.wins[1], above + tied / 2)


def test_means_of_equal_scores_tell_nobody_apart():
    """Thirds, averaged over ever more items: they differ in their last digit."""
    y, n = np.repeat([0, 1, 2], 40), np.arange(1, 121)
    proba = np.array([[np.full(k, 1 / 3).sum() / k] * 3 for k in n])
    proba[:, 1] = np.nextafter(0.7, y)
    assert len(np.unique(proba[:, 0])) > 1
    table = one_vs_rest_table(y, proba, classes=range(3)).set_index("metric")
    assert (table.loc["roc_auc", "value"] == 0.5).all()
    assert ((table.loc["roc_auc", "low"] < 0.45) & (table.loc["roc_auc", "high"] > 0.55)).all()
    assert metric_values(y, proba, ["roc_auc_macro"]) == {"roc_auc_macro": 0.5}


def test_a_resample_scores_as_its_items_do():
    y, proba = answers(n=24)
    y = np.repeat([0, 1, 2, 0, 1, 2, 0, 1], 3)
    subject = np.repeat(np.arange(8), 3)
    subjects = SubjectCounts(y, proba, subject)
    drawn, strange = draw_subjects(subjects.labels, 6, 0)
    assert strange.any()
    got = subjects.count(subject_weights(drawn, subjects.labels, 3))
    whole, each = overall(got), one_vs_rest(got)
    for i, who in enumerate(drawn):
        rows = np.concatenate([np.flatnonzero(subject == j) for j in who])
        labels = np.repeat(subjects.labels, 3)  # a stranger counts for the place it takes
        expected = by_libraries(labels, proba[rows])
        assert_allclose([whole[name][i] for name in METRICS], [expected[n] for n in METRICS])
        expected = classes_by_libraries(labels, proba[rows])
        for name in CLASS_METRICS:
            assert_allclose(each[name][i], expected[name], atol=1e-12)


def test_scores_that_do_not_add_up_to_one_are_shares_in_value_and_interval():
    y, proba = answers(sharpness=3.0)
    plain = score_table(y, proba, classes=range(3), n_resamples=50)
    scaled = score_table(
        y, np.repeat([0.5, 2.0], 30)[:, None] * proba, classes=range(3), n_resamples=50
    )
    rows = plain["metric"] == "log_loss"
    columns = ["value", "low", "high"]
    assert_allclose(scaled.loc[rows, columns], plain.loc[rows, columns])


def test_a_class_never_given_scores_zero_as_in_the_libraries():
    y, proba = answers()
    proba[:, 2] = 0
    proba = (proba / proba.sum(axis=1, keepdims=True)).round(12)
    expected = by_libraries(y, proba)
    got = values_of(score_table(y, proba, classes=range(3), n_resamples=9))
    for name in METRICS:
        assert_allclose(got[name], expected[name], rtol=1e-12, err_msg=name)


def test_one_vs_rest_against_the_libraries():
    y, proba = answers()
    guess = proba.argmax(axis=1)
    table = one_vs_rest_table(y, proba, classes=range(3), n_resamples=9)
    got = table.set_index(["metric", "class"])["value"]
    matrices = sk.multilabel_confusion_matrix(y, guess)
    for k in range(3):
        (tn, fp), (fn, tp) = matrices[k]
        assert_allclose(got["sensitivity", k], tp / (tp + fn))
        assert_allclose(got["specificity", k], tn / (tn + fp))
        assert_allclose(got["precision", k], tp / (tp + fp))
        assert_allclose(got["npv", k], tn / (tn + fn))
        assert_allclose(got["f1", k], sk.f1_score(y == k, guess == k))
        assert_allclose(got["roc_auc", k], sk.roc_auc_score(y == k, proba[:, k]))
    assert set(table["n_items"]) == {20}


def test_all_scores_that_are_no_shares_are_named_at_once():
    proba = np.full((6, 2), 0.5)
    proba[1, 0], proba[2], proba[4], proba[5, 1] = np.nan, 0, -1, np.inf
    with pytest.raises(ValueError, match=r"NaN or infinite in rows 1, 5, negative in row 4, 0 for"):
        check_scores(proba)
