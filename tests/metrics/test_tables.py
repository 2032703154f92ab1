import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
from _toy import values_of
from imblearn.metrics import sensitivity_score, specificity_score
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import UndefinedMetricWarning

from sknemg.metrics import METRICS, one_vs_rest_table, score_table
from sknemg.metrics._bootstrap import Subjects, one_vs_rest, overall
from sknemg.metrics._definitions import class_values, metric_values


def answers(n=60, n_classes=3, seed=0, sharpness=1.0):
    """True classes and scores, some of them tied."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    logits = rng.normal(size=(n, n_classes)) + sharpness * np.eye(n_classes)[y]
    proba = np.exp(logits).round(1) + 0.1
    return y, proba / proba.sum(axis=1, keepdims=True)


# -- values, against scikit-learn and imbalanced-learn -----------------------------------------


def by_libraries(y, proba):
    guess = proba.argmax(axis=1)
    n_classes = proba.shape[1]
    expected = {
        "accuracy": sk.accuracy_score(y, guess),
        "balanced_accuracy": sk.balanced_accuracy_score(y, guess),
        "mcc": sk.matthews_corrcoef(y, guess),
        "log_loss": sk.log_loss(y, proba, labels=range(n_classes)),
        "sensitivity": sensitivity_score(y, guess, average="macro"),
        "specificity": specificity_score(y, guess, average="macro"),
    }
    for average in ["macro", "weighted"]:
        for name, function in [
            ("precision", sk.precision_score),
            ("recall", sk.recall_score),
            ("f1", sk.f1_score),
        ]:
            expected[f"{name}_{average}"] = function(y, guess, average=average, zero_division=0)
        one_hot = np.eye(n_classes)[y]
        expected[f"roc_auc_{average}"] = sk.roc_auc_score(one_hot, proba, average=average)
    return expected


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
    subject = np.arange(len(y)) // 4
    tally = Subjects(y, proba, subject).tally(np.ones(subject.max() + 1))
    for fast, slow in [
        (overall(tally), metric_values(y, proba)),
        (one_vs_rest(tally), class_values(y, proba)),
    ]:
        assert set(fast) == set(slow)
        for name in slow:
            assert_allclose(fast[name], slow[name], rtol=1e-12, atol=1e-12, err_msg=name)


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
    proba /= proba.sum(axis=1, keepdims=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
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


def test_string_labels_in_the_order_of_the_classes_given():
    y, proba = answers()
    names = np.array(["normal", "myopathy", "neuropathy"])
    table = score_table(names[y], proba, classes=names, n_resamples=9)
    assert_array_equal(
        table["value"], score_table(y, proba, classes=range(3), n_resamples=9)["value"]
    )


# -- classes that are absent -------------------------------------------------------------------


def test_an_absent_class_makes_areas_undefined_with_the_reason():
    y, proba = answers()
    proba, y = proba[y < 2], y[y < 2]
    table = score_table(y, proba, classes=range(3), n_resamples=9).set_index("metric")
    assert np.isnan(table.loc["roc_auc_macro", ["value", "low", "high"]].astype(float)).all()
    assert table.loc["roc_auc_macro", "note"] == "undefined: no 2 among the items"
    present = [sk.roc_auc_score(y == k, proba[:, k]) for k in range(2)]
    assert_allclose(table.loc["roc_auc_weighted", "value"], np.mean(present))
    assert table["value"].drop("roc_auc_macro").notna().all()
    rest = one_vs_rest_table(y, proba, classes=range(3), n_resamples=9)
    rest = rest.set_index(["metric", "class"])
    assert np.isnan(rest.loc[("roc_auc", 2), "value"])
    assert rest.loc[("roc_auc", 2), "note"].startswith("undefined")
    assert rest.loc[("roc_auc", 0), "note"] == ""


def test_only_one_class_leaves_no_area_at_all():
    table = score_table([0, 0], [[0.9, 0.1], [0.2, 0.8]], classes=[0, 1]).set_index("metric")
    assert table.loc[["roc_auc_macro", "roc_auc_weighted"], "value"].isna().all()
    assert table.loc["accuracy", "value"] == 0.5


# -- intervals ---------------------------------------------------------------------------------


def test_a_resample_scores_as_its_items_do():
    y, proba = answers(n=24)
    y = np.repeat([0, 1, 2, 0, 1, 2, 0, 1], 3)
    subject = np.repeat(np.arange(8), 3)
    weights = np.random.default_rng(0).integers(0, 4, size=(20, 8))
    weights[:, :3] += 1  # no class vanishes
    got = overall(Subjects(y, proba, subject).tally(weights))
    for resample, counts in enumerate(weights):
        rows = np.repeat(np.arange(24), counts[subject])
        expected = by_libraries(y[rows], proba[rows])
        assert_allclose([got[name][resample] for name in METRICS], [expected[n] for n in METRICS])


def test_the_interval_is_that_of_all_resamples_within_classes():
    y, proba = answers(n=24)
    y = np.repeat([0, 1, 2, 0, 1, 2, 0, 1], 3)
    subject = np.repeat(np.arange(8), 3)
    right = np.bincount(subject, weights=proba.argmax(axis=1) == y)
    members = [[0, 3, 6], [1, 4, 7], [2, 5]]
    draws = itertools.product(*(itertools.product(m, repeat=len(m)) for m in members))
    accuracy = [right[np.concatenate(draw)].sum() / 24 for draw in draws]  # 27 x 27 x 4
    table = score_table(y, proba, classes=range(3), groups=subject, n_resamples=20_000)
    got = table.set_index("metric").loc["accuracy", ["low", "high"]].astype(float)
    assert_allclose(got, np.percentile(accuracy, [2.5, 97.5]), rtol=1e-12)


def test_intervals_hold_the_value_and_widen_with_fewer_subjects():
    y, proba = answers(n=300)
    many = score_table(y, proba, classes=range(3)).set_index("metric")
    few = score_table(y, proba, classes=range(3), groups=y + 3 * (np.arange(300) % 4))
    few = few.set_index("metric")
    assert (many["low"] < many["value"]).all()
    assert (many["value"] < many["high"]).all()
    assert set(few["n_subjects"]) == {12}
    assert set(few["n_items"]) == {300}
    y6, proba6 = answers(n=30)
    small = score_table(y6, proba6, classes=range(3)).set_index("metric")
    assert ((small["high"] - small["low"]) > (many["high"] - many["low"])).all()


def test_repeating_items_adds_no_evidence():
    y, proba = answers(n=30)
    once = score_table(y, proba, classes=range(3))
    ten = np.repeat(np.arange(30), 10)
    repeated = score_table(y[ten], proba[ten], classes=range(3), groups=ten)
    assert_allclose(once[["value", "low", "high"]], repeated[["value", "low", "high"]], rtol=1e-9)


def test_the_same_seed_gives_the_same_interval():
    y, proba = answers()
    one, two, other = (score_table(y, proba, classes=range(3), random_state=s) for s in (0, 0, 1))
    pd.testing.assert_frame_equal(one, two)
    assert not one["low"].equals(other["low"])


@pytest.mark.parametrize("method", ["percentile", "BCa", "basic"])
def test_methods_of_scipy(method):
    y, proba = answers()
    table = score_table(y, proba, classes=range(3), method=method, n_resamples=299)
    assert (table["low"] < table["high"]).all()
    perfect = score_table(y, np.eye(3)[y], classes=range(3), method=method, n_resamples=99)
    row = perfect.set_index("metric").loc["accuracy"]
    assert row["value"] == 1
    assert row["note"] == "resamples hardly vary"


def test_a_class_with_one_subject_is_said():
    y, proba = answers(n=9)
    y = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2])
    table = score_table(y, proba, classes=range(3), n_resamples=99)
    assert "one subject only: 2" in set(table["note"])
    assert table["low"].notna().all()
    lonely = score_table([0, 1, 2], proba[:3], classes=range(3))
    assert lonely["low"].isna().all()
    assert set(lonely["note"]) == {"one subject only: 0, 1, 2"}


def test_what_does_not_fit_is_refused():
    y, proba = answers()
    with pytest.raises(ValueError, match=r"shape \(60, 3\) for 60 items of 2 classes"):
        score_table(y, proba, classes=[0, 1])
    with pytest.raises(ValueError, match=r"y_true holds \[2\] in rows? .*: give labels of \["):
        score_table(y, proba, classes=[0, 1, 7])
    with pytest.raises(ValueError, match="more than one diagnosis"):
        score_table(y, proba, classes=range(3), groups=np.zeros(60))


@pytest.mark.parametrize("table", [score_table, one_vs_rest_table])
@pytest.mark.parametrize(
    "bad, what",
    [(np.nan, "NaN or infinite"), (-np.inf, "NaN or infinite"), (-0.1, "negative"), (0, "0 for")],
)
def test_scores_that_are_no_shares_are_refused_by_row(table, bad, what):
    y, proba = answers()
    proba[[5, 7]] = bad
    with pytest.raises(ValueError, match=rf"scores are {what}.* in rows 5, 7"):
        table(y, proba, classes=range(3), n_resamples=9)


@pytest.mark.parametrize("table", [score_table, one_vs_rest_table])
def test_columns_of_a_table_are_found_by_name(table):
    y, proba = answers()
    names = ["normal", "myopathy", "neuropathy"]
    scores = pd.DataFrame(proba, columns=names)
    y = np.array(names)[y]
    expected = table(y, proba, classes=names, n_resamples=9)
    got = table(y, scores[sorted(names)], classes=names, n_resamples=9)
    pd.testing.assert_frame_equal(got, expected)
    for wrong in (scores.set_axis(range(3), axis=1), scores.assign(other=0), scores[names[:2]]):
        with pytest.raises(ValueError, match=r"y_proba has the columns .* for the classes"):
            table(y, wrong, classes=names, n_resamples=9)


@pytest.mark.parametrize("table", [score_table, one_vs_rest_table])
@pytest.mark.parametrize("level", [0, 1, 95, -0.5, np.nan])
def test_a_confidence_level_is_between_0_and_1(table, level):
    y, proba = answers()
    with pytest.raises(ValueError, match=r"not between 0 and 1; 95 % is 0\.95"):
        table(y, proba, classes=range(3), confidence_level=level, n_resamples=9)
    with pytest.raises(ValueError, match="not between 0 and 1"):  # where no interval can be made
        table([0, 1, 2], proba[:3], classes=range(3), confidence_level=level)


# -- levels and SubjectScorer ------------------------------------------------------------------
