"""Tables of scores and their intervals."""

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
from _oracle import answers
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binomtest

from sknemg.metrics import one_vs_rest_table, proportion_interval, score_table

BOTH = pytest.mark.parametrize("table", [score_table, one_vs_rest_table])
BOUNDS = ["low", "high"]


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


def _exact(k, n, level=0.95):
    return list(binomtest(k, n).proportion_ci(level, method="exact"))


@pytest.mark.parametrize("n", [5, 57])
def test_shares_of_subjects_have_exact_intervals(n):
    rng = np.random.default_rng(n)
    y, guess = np.arange(n) % 3, rng.integers(3, size=n)
    proba = 0.8 * np.eye(3)[guess] + 0.1
    for level in [0.9]:
        options = {"classes": range(3), "n_resamples": 9, "confidence_level": level}
        whole = score_table(y, proba, **options).set_index("metric")
        for name in ["accuracy", "recall_weighted"]:
            assert_allclose(
                whole.loc[name, BOUNDS].tolist(), _exact(sum(y == guess), n, level), rtol=1e-9
            )
            assert whole.loc[name, "interval"] == "Clopper-Pearson"
        each = one_vs_rest_table(y, proba, **options).set_index(["class", "metric"])
        for k in range(3):
            for name, cases, right in [
                ("sensitivity", y == k, guess == k),
                ("specificity", y != k, guess != k),
                ("precision", guess == k, y == k),
                ("npv", guess != k, y != k),
            ]:
                expected = _exact(int(right[cases].sum()), int(cases.sum()), level)
                assert_allclose(each.loc[(k, name), BOUNDS].tolist(), expected, rtol=1e-9)
                assert each.loc[(k, name), "n_effective"] == pytest.approx(cases.sum())


def test_five_of_five_leave_a_doubt():
    y = np.arange(15) % 3
    table = one_vs_rest_table(y, np.eye(3)[y], classes=range(3)).set_index(["class", "metric"])
    assert table.loc[(0, "sensitivity"), BOUNDS].tolist() == pytest.approx([0.4782, 1], abs=1e-4)
    assert table.loc[(0, "specificity"), BOUNDS].tolist() == pytest.approx([0.6915, 1], abs=1e-4)
    whole = score_table(y, np.eye(3)[y], classes=range(3)).set_index("metric")
    assert whole.loc["accuracy", BOUNDS].tolist() == pytest.approx([0.7820, 1], abs=1e-4)
    bounded = whole.drop("log_loss")
    assert (bounded["high"] == 1).all()
    assert bounded["low"].between(0.55, 0.9).all()
    assert whole.loc["log_loss", "low"] == 0
    assert 1 < whole.loc["log_loss", "high"] < 30


def _all_right(n, n_classes):
    y = np.arange(n) % n_classes
    return y, np.eye(n_classes)[y]


def _all_wrong(n, n_classes):
    y = np.arange(n) % n_classes
    return y, np.eye(n_classes)[(y + 1) % n_classes]


def _all_one_answer(n, n_classes):
    y = np.arange(n) % n_classes
    return y, np.tile(np.linspace(0.5, 0.1, n_classes), (n, 1))


def _one_class_only(n, n_classes):
    return np.zeros(n, dtype=int), np.tile(np.linspace(0.5, 0.1, n_classes), (n, 1))


def _thirds(n, n_classes):
    return np.arange(n) % n_classes, np.full((n, n_classes), 1 / n_classes)


@pytest.mark.parametrize(
    "cohort", [_all_right, _all_wrong, _all_one_answer, _one_class_only, _thirds]
)
@pytest.mark.parametrize("n, n_classes", [(1, 2), (3, 3), (5, 2), (15, 3)])
@pytest.mark.parametrize("items", [1, 4])
@BOTH
def test_no_interval_is_without_width(table, cohort, n, n_classes, items):
    y, proba = cohort(n, n_classes)
    who = np.repeat(np.arange(n), items)
    got = table(y[who], proba[who], classes=range(n_classes), groups=who, n_resamples=10)
    known = got[got["value"].notna()]
    assert len(known)
    assert (known["low"] < known["high"]).all()
    assert (known["low"] <= known["value"]).all()
    assert (known["value"] <= known["high"]).all()
    bounded = known[known["metric"] != "log_loss"]
    assert (bounded["low"] >= np.where(bounded["metric"] == "mcc", -1, 0)).all()
    assert (bounded["high"] <= 1).all()
    assert got.loc[got["value"].isna(), "note"].str.startswith("undefined").all()


@BOTH
def test_random_cohorts_hold_their_value_within_a_width(table):
    rng = np.random.default_rng(0)
    for _ in range(20):
        n, n_classes = rng.integers(2, 25), rng.integers(2, 5)
        who = rng.integers(n, size=rng.integers(n, 60))
        y = rng.integers(n_classes, size=n)[who]
        sure = rng.random(len(who)) < rng.random()
        proba = np.where(
            sure[:, None], np.eye(n_classes)[y], rng.dirichlet(np.ones(n_classes), len(who))
        )
        got = table(y, proba, classes=range(n_classes), groups=who, n_resamples=20)
        got = got[got["value"].notna()]
        assert (got["low"] < got["high"]).all()
        assert (got["low"] <= got["value"] + 1e-12).all()
        assert (got["value"] <= got["high"] + 1e-12).all()


def test_every_row_says_what_kind_of_interval_it_has():
    y, proba = answers()
    kinds = score_table(y, proba, classes=range(3), n_resamples=9).set_index("metric")["interval"]
    assert kinds[["accuracy", "recall_weighted"]].unique() == ["Clopper-Pearson"]
    assert kinds["log_loss"] == "Garwood, effective number"
    others = kinds.drop(["accuracy", "recall_weighted", "log_loss"])
    assert others.unique() == ["Clopper-Pearson, effective number"]
    who = y + 3 * (np.arange(60) // 15)
    table = score_table(y, proba, classes=range(3), groups=who, n_resamples=9)
    assert table["interval"].iloc[0] == "Clopper-Pearson, clustered"
    assert table["n_effective"].iloc[0] == proportion_interval(y == proba.argmax(axis=1), who)[2]


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


def test_the_area_varies_as_de_long_has_it():
    """With many subjects the effective number is that of the variance by DeLong, DeLong."""
    y, proba = answers(n=400, n_classes=2)
    score, sick = proba[:, 1], y == 1
    above = (score[sick][:, None] > score[~sick]) + 0.5 * (score[sick][:, None] == score[~sick])
    variance = sum(np.var(above.mean(axis=k), ddof=1) / above.shape[1 - k] for k in (0, 1))
    area = above.mean()
    table = one_vs_rest_table(y, proba, classes=[0, 1]).set_index(["class", "metric"])
    row = table.loc[(1, "roc_auc")]
    assert row["value"] == pytest.approx(area)
    assert row["n_effective"] == pytest.approx(area * (1 - area) / variance, rel=0.08)


def test_a_mean_over_classes_varies_as_its_parts_do():
    """The variance of a mean of independent shares is known."""
    y, proba = answers(n=300)
    right = y == proba.argmax(axis=1)
    p = np.array([right[y == k].mean() for k in range(3)])
    expected = p.mean() * (1 - p.mean()) / (np.sum(p * (1 - p) / 100) / 9)
    table = score_table(y, proba, classes=range(3)).set_index("metric")
    assert table.loc["balanced_accuracy", "n_effective"] == pytest.approx(expected, rel=0.08)


def test_repeats_of_a_cross_validation_are_no_new_subjects():
    y, proba = answers(n=15)
    rng = np.random.default_rng(0)
    who = np.tile(np.arange(15), 10)
    noisy = proba[who] * rng.uniform(0.9, 1.1, size=(150, 3))
    once = score_table(y, proba, classes=range(3)).set_index("metric")
    often = score_table(y[who], noisy, classes=range(3), groups=who).set_index("metric")
    alone = score_table(y[who], noisy, classes=range(3)).set_index("metric")
    width = [(t["high"] - t["low"]).drop("log_loss") for t in (once, often, alone)]
    assert (width[1] > 0.8 * width[0]).all()
    assert (width[2] < 0.5 * width[1]).all()  # what taking each row for a subject would claim
    assert set(often["n_subjects"]) == {15}


def test_subjects_alone_in_their_class_are_said():
    y, proba = answers(n=9)
    y = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2])
    table = score_table(y, proba, classes=range(3), n_resamples=99).set_index("metric")
    assert table.loc["mcc", "note"] == "one subject only: 2"
    assert table.loc["accuracy", "note"] == ""  # a share of all subjects
    assert table["low"].notna().all()
    lonely = score_table([0, 1, 2], proba[:3], classes=range(3)).set_index("metric")
    assert lonely.loc["mcc", "note"] == "one subject only: 0, 1, 2"
    right = int((proba[:3].argmax(axis=1) == [0, 1, 2]).sum())
    assert_allclose(lonely.loc["accuracy", BOUNDS].tolist(), _exact(right, 3))
    estimated = lonely.drop(["accuracy", "recall_weighted", "log_loss", "mcc", "specificity"])
    assert (estimated["high"] - estimated["low"] > 0.7).all()  # next to nothing is known


def test_a_share_of_no_items_is_zero_by_convention_and_unknown():
    y, proba = answers()
    proba[:, 2] = 0
    table = one_vs_rest_table(y, proba, classes=range(3), n_resamples=9)
    row = table.set_index(["class", "metric"]).loc[(2, "precision")]
    assert (row["value"], row["low"], row["high"]) == (0, 0, 1)
    assert row["note"] == "0 by convention: no such items"


def test_answers_other_than_those_of_highest_probability_are_scored():
    y, proba = answers()
    decided = (y + (np.arange(60) % 4 == 0)) % 3
    assert (decided != proba.argmax(axis=1)).any()
    names = np.array(["c", "a", "b"])
    options = {"classes": names, "n_resamples": 9}
    table = score_table(names[y], proba, y_pred=list(names[decided]), **options)
    values = table.set_index("metric")["value"]
    assert values["accuracy"] == sk.accuracy_score(y, decided) == 0.75
    assert values["mcc"] == pytest.approx(sk.matthews_corrcoef(y, decided))
    plain = score_table(names[y], proba, **options).set_index("metric")["value"]
    by_scores = ["roc_auc_macro", "roc_auc_weighted", "log_loss"]
    assert_array_equal(values[by_scores], plain[by_scores])
    each = one_vs_rest_table(names[y], proba, y_pred=pd.Series(names[decided]), **options)
    each = each.pivot(index="class", columns="metric", values="value").loc[names, "sensitivity"]
    assert_allclose(each, sk.recall_score(y, decided, average=None))


@BOTH
def test_answers_that_do_not_fit_are_refused(table):
    y, proba = answers()
    with pytest.raises(ValueError, match="y_pred has 59 answers for 60 items: give one for each"):
        table(y, proba, classes=range(3), y_pred=y[:-1])
    with pytest.raises(ValueError, match=r"y_pred holds \[7\] in row 3: give labels of \["):
        table(y, proba, classes=range(3), y_pred=np.where(np.arange(60) == 3, 7, y))
    with pytest.raises(ValueError, match="y_pred is missing in row 2: "):
        table(y, proba, classes=range(3), y_pred=[0, 0, None, *y[3:]])


@BOTH
def test_one_resample_tells_no_spread(table):
    y, proba = answers()
    with pytest.raises(ValueError, match="n_resamples=1 must be an integer >= 2"):
        table(y, proba, classes=range(3), n_resamples=1)


@BOTH
@pytest.mark.parametrize(
    "given, message",
    [
        ({"classes": [0, 1, 1]}, r"classes=\[0, 1, 1\] must be .*, and holds \[1\] more than once"),
        ({"classes": "012"}, r"classes='012' must be a list of the classes in the order of .*\.$"),
        ({"classes": None}, "classes=None must be a list of the classes"),
        ({"classes": [[0, 1, 2]]}, r"classes=\[\[0, 1, 2\]\] must be a list of the classes"),
        ({"n_resamples": 2.5}, "n_resamples=2.5 must be an integer >= 2"),
        ({"n_resamples": "many"}, "n_resamples='many' must be an integer >= 2"),
        ({"confidence_level": "95 %"}, "confidence_level='95 %' must be between 0 and 1"),
        ({"random_state": -1}, "random_state=-1 must be None, an integer >= 0 or a numpy Gen"),
    ],
)
def test_a_setting_that_is_none_is_refused_by_name(table, given, message):
    y, proba = answers()
    with pytest.raises(ValueError, match=message):
        table(y, proba, **{"classes": range(3), **given})


def test_what_does_not_fit_is_refused():
    y, proba = answers()
    with pytest.raises(ValueError, match=r"shape \(60, 3\) for 60 items of 2 classes"):
        score_table(y, proba, classes=[0, 1])
    with pytest.raises(ValueError, match=r"y_true holds \[2\] in rows? .*: give labels of \["):
        score_table(y, proba, classes=[0, 1, 7])
    with pytest.raises(ValueError, match="more than one diagnosis"):
        score_table(y, proba, classes=range(3), groups=np.zeros(60))
    with pytest.raises(ValueError, match=r"y_true has shape \(60, 1\): give one diagnosis for"):
        score_table(y[:, None], proba, classes=range(3))
    scores = pd.DataFrame(proba).astype("Float64")
    scores.iloc[4, 1] = pd.NA
    with pytest.raises(ValueError, match="scores are NaN or infinite in row 4: give"):
        score_table(y, scores, classes=range(3))


@BOTH
@pytest.mark.parametrize(
    "bad, what",
    [(np.nan, "NaN or infinite"), (-np.inf, "NaN or infinite"), (-0.1, "negative"), (0, "0 for")],
)
def test_scores_that_are_no_shares_are_refused_by_row(table, bad, what):
    y, proba = answers()
    proba[[5, 7]] = bad
    with pytest.raises(ValueError, match=rf"scores are {what}.* in rows 5, 7"):
        table(y, proba, classes=range(3), n_resamples=9)


@BOTH
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


@BOTH
@pytest.mark.parametrize("level", [0, 1, 95, -0.5, np.nan])
def test_a_confidence_level_is_between_0_and_1(table, level):
    y, proba = answers()
    with pytest.raises(ValueError, match=r"must be between 0 and 1: write 95 % as 0\.95"):
        table(y, proba, classes=range(3), confidence_level=level, n_resamples=9)
    with pytest.raises(
        ValueError, match="must be between 0 and 1"
    ):  # where no interval can be made
        table([0, 1, 2], proba[:3], classes=range(3), confidence_level=level)
