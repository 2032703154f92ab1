"""Agreement between readers."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import fleiss_kappa

from sknemg import metrics


def test_fleiss_kappa_of_the_textbook():
    """Fleiss 1971's example as usually given: ten subjects, fourteen readers, kappa 0.210."""
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    ratings = pd.DataFrame([np.repeat(range(5), row) for row in counts])
    table = metrics.fleiss_agreement(ratings, n_bootstrap=50, random_state=0)
    assert table.loc[("all", "overall"), "kappa"] == pytest.approx(0.210, abs=5e-4)
    assert len(table) == 6
    assert (table["low"] <= table["kappa"]).all()


def test_kappa_is_that_of_statsmodels():
    rng = np.random.default_rng(0)
    ratings = pd.DataFrame(rng.choice(list("abc"), p=[0.6, 0.3, 0.1], size=(20, 5)))
    kappa = metrics.fleiss_agreement(ratings, n_bootstrap=2)["kappa"]["all"]
    counts = np.column_stack([(ratings == label).sum(axis=1) for label in "abc"])
    assert_allclose(kappa["overall"], fleiss_kappa(counts))
    for k, label in enumerate("abc"):
        assert_allclose(
            kappa[label], fleiss_kappa(np.column_stack([counts[:, k], 5 - counts[:, k]]))
        )


@pytest.mark.parametrize(
    "agreement", [metrics.fleiss_agreement, metrics.gwet_agreement, metrics.pair_agreement]
)
def test_two_readers_of_one_name_are_refused_instead_of_counted_twice(agreement):
    ratings = pd.DataFrame([list("mnm"), list("nmm"), list("mmn")], columns=["A", "A", "B"])
    with pytest.raises(ValueError, match="table of ratings has reader 'A' more than once"):
        agreement(ratings)
    with pytest.raises(ValueError, match="table of ratings is a ndarray: give a DataFrame"):
        agreement(ratings.to_numpy())
    with pytest.raises(ValueError, match="table of ratings has no rows"):
        agreement(ratings[:0].set_axis(list("ABC"), axis=1))


@pytest.mark.parametrize("agreement", [metrics.fleiss_agreement, metrics.gwet_agreement])
def test_sets_of_readers_that_are_none_are_named(agreement):
    ratings = pd.DataFrame({"A": list("mmnn"), "B": list("mmnn")})
    for sets, message in [
        ({"all": ["A", "Z"]}, r"set 'all' names reader 'Z', but the columns are \['A', 'B'\]"),
        ({"all": ["A", "A"]}, "set 'all' names reader 'A' more than once"),
        ({"all": "AB"}, "set 'all' is the text 'AB': give a list"),
        ([["A", "B"]], "sets is a list: give a mapping"),
    ]:
        with pytest.raises(ValueError, match=message):
            agreement(ratings, sets)


def test_pairs_of_readers_that_are_none_are_named():
    ratings = pd.DataFrame({"A": list("mmnn"), "B": list("mmnn"), "C": list("mnmn")})
    for pairs, message in [
        ([("A", "Z")], r"pair \('A', 'Z'\) names reader 'Z'"),
        ([("A", "A")], r"pair \('A', 'A'\) names reader 'A' more than once"),
        ([("A",)], r"pair \('A',\) does not hold two readers"),
        ([("A", "B", "C")], "does not hold two readers"),
        ([], "There are no pairs"),
    ]:
        with pytest.raises(ValueError, match=message):
            metrics.pair_agreement(ratings, pairs)


def test_agreement_of_sets_and_its_errors():
    ratings = pd.DataFrame({"A": list("mmnn"), "B": list("mmnn"), "model": list("mnmn")})
    sets = {"physicians": ["A", "B"], "with model": ["A", "B", "model"]}
    table = metrics.fleiss_agreement(ratings, sets, n_bootstrap=20)["kappa"]
    assert table["physicians", "overall"] == 1 > table["with model", "overall"]
    with pytest.raises(ValueError, match="κ needs two"):
        metrics.fleiss_agreement(ratings, {"one": ["A"]})
    with pytest.raises(ValueError, match="n_bootstrap=1 must be an integer >= 2"):
        metrics.fleiss_agreement(ratings, n_bootstrap=1)
    with pytest.raises(ValueError, match="y has 3 diagnoses for 4 rows"):
        metrics.fleiss_agreement(ratings, y_true=list("mmn"))
    ratings.loc[2, "B"] = None
    with pytest.raises(ValueError, match=r"some are missing in row 2: drop these rows"):
        metrics.fleiss_agreement(ratings)


@pytest.mark.parametrize("n_subjects", [2, 5, 57])
@pytest.mark.parametrize("n_readers", [2, 6])
def test_readers_who_agree_on_all_may_differ_on_the_next(n_subjects, n_readers):
    ratings = pd.DataFrame({r: np.arange(n_subjects) % 2 for r in range(n_readers)})
    table = metrics.fleiss_agreement(ratings, n_bootstrap=200, random_state=0)
    assert (table["kappa"] == 1).all()
    assert (table["high"] == 1).all()
    assert (table["low"] < 0.96).all()
    assert (table["low"] >= -1 / (n_readers - 1)).all()


def test_ratings_all_alike_have_neither_kappa_nor_interval():
    table = metrics.fleiss_agreement(pd.DataFrame([["m", "m"]] * 4), n_bootstrap=5)
    assert table.isna().all().all()


def test_subjects_are_drawn_within_their_diagnoses_where_these_are_given():
    """Between diagnoses that readers find easy and hard the agreement varies; within, less."""
    rng = np.random.default_rng(0)
    y = np.repeat(["easy", "hard"], 30)
    ratings = pd.DataFrame({r: np.where(y == "easy", 0, rng.integers(0, 3, 60)) for r in range(4)})
    options = {"n_bootstrap": 2000, "random_state": 0}
    whole = metrics.fleiss_agreement(ratings, **options).loc[("all", "overall")]
    within = metrics.fleiss_agreement(ratings, y_true=y, **options).loc[("all", "overall")]
    assert within["kappa"] == whole["kappa"]
    assert within["n_effective"] > 1.1 * whole["n_effective"]


def test_readers_have_no_share_of_what_is_not_there():
    table = metrics.reader_points(["a", "a"], {"R": ["a", "a"]}, ["a", "b"])
    table = table.set_index("class")
    assert table.loc["a", "sensitivity"] == table.loc["b", "specificity"] == 1
    assert np.isnan(table.loc["a", "specificity"])
    assert table.loc["b", ["sensitivity", "precision"]].isna().all()


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_missing_diagnosis_is_not_one_of_the_rest(missing):
    with pytest.raises(ValueError, match="y_true is missing in row 1: give"):
        metrics.reader_points(["a", missing, "b"], {"R": ["a", "b", "b"]}, ["b"])


@pytest.mark.parametrize(
    "agreement", [metrics.fleiss_agreement, metrics.gwet_agreement, metrics.pair_agreement]
)
@pytest.mark.parametrize("other", ["M", " m", "ｍ"])
def test_a_rating_in_another_spelling_is_no_disagreement(agreement, other):
    ratings = pd.DataFrame({"A": list("mnmn"), "B": [other, "n", "m", "n"]})
    with pytest.raises(ValueError, match=r"Ratings differ only in case, .*: write each in one way"):
        agreement(ratings, n_bootstrap=2)
    numbers = pd.DataFrame({"A": [1, 2], "B": ["1", 2]})
    with pytest.raises(ValueError, match="Ratings differ only in case"):
        agreement(numbers, n_bootstrap=2)
    with pytest.raises(ValueError, match="Labels of y_true and of reader 'R' differ only in case"):
        metrics.reader_points(["m", "n"], {"R": [other, "n"]}, ["m"])


def test_readers_outside_of_a_set_change_nothing_in_it():
    rng = np.random.default_rng(0)
    ratings = pd.DataFrame(rng.choice(list("mno"), size=(30, 3)), columns=list("ABC"))
    sets, options = {"readers": list("ABC")}, {"n_bootstrap": 50, "random_state": 0}
    alone = metrics.gwet_agreement(ratings, sets, **options)
    beside = metrics.gwet_agreement(ratings.assign(model="x"), sets, **options)
    assert beside["ac1"].iloc[0] == alone["ac1"].iloc[0]
    unanimous = metrics.gwet_agreement(ratings.assign(A="m", B="m"), {"two": ["A", "B"]}, **options)
    assert unanimous["ac1"].iloc[0] == 1


def test_gwet_s_own_example():
    """Four readers of twelve units with missing ratings, as printed for irrCAC's AC1: 0.77544."""
    ratings = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    row = metrics.gwet_agreement(pd.DataFrame(ratings).T, n_bootstrap=500, random_state=0).loc[
        "all"
    ]
    assert row["agreement"] == pytest.approx(0.81818, abs=5e-6)
    assert row["ac1"] == pytest.approx(0.77544, abs=5e-6)
    assert row["low"] < 0.6 < 0.9 < row["high"]


def test_cohen_s_kappa_is_that_of_scikit_learn_on_what_both_have_rated():
    rng = np.random.default_rng(0)
    ratings = pd.DataFrame(rng.choice(list("abc"), size=(30, 3)), columns=list("XYZ"))
    ratings.loc[:4, "Z"] = None
    table = metrics.pair_agreement(ratings, n_bootstrap=20, random_state=0)
    assert table[["first", "second", "n"]].to_numpy().tolist() == [
        ["X", "Y", 30], ["X", "Z", 25], ["Y", "Z", 25],
    ]  # fmt: skip
    known = ratings.dropna()
    assert table["kappa"][2] == pytest.approx(cohen_kappa_score(known["Y"], known["Z"]))
    assert table["agreement"][1] == pytest.approx((known["X"] == known["Z"]).mean())
    assert ((table["low"] < table["kappa"]) & (table["kappa"] < table["high"])).all()


def test_readers_who_agree_with_themselves_on_all_have_an_interval():
    ratings = pd.DataFrame({"first": list("mmmnnn") * 3, "again": list("mmmnnn") * 3})
    row = metrics.pair_agreement(ratings, [("first", "again")], random_state=0).loc[0]
    assert row["kappa"] == row["high"] == 1
    assert 0.3 < row["low"] < 0.95


@pytest.mark.parametrize("measure", [metrics.fleiss_agreement, metrics.gwet_agreement])
def test_recordings_of_one_subject_are_no_further_evidence(measure):
    """Seven recordings of each subject, all read alike, are worth one."""
    rng = np.random.default_rng(0)
    ratings = pd.DataFrame(rng.choice(list("ab"), size=(40, 3)))
    ratings[1] = ratings[0].where(rng.random(40) < 0.7, ratings[1])
    options = {"n_bootstrap": 400, "random_state": 0}
    once = measure(ratings, **options)["n_effective"].iloc[0]
    sevenfold = pd.concat([ratings] * 7, ignore_index=True)
    alone = measure(sevenfold, **options)["n_effective"].iloc[0]
    grouped = measure(sevenfold, groups=np.tile(np.arange(40), 7), **options)
    assert alone > 5 * once
    assert grouped["n_effective"].iloc[0] == pytest.approx(once, rel=0.35)


def test_readers_have_points_on_the_rows_that_they_have_read():
    labels = ["a", "b", None, "cannot say"]
    table = metrics.reader_points(["a", "b", "b", "a"], {"R": labels}, ["a"])
    assert table[["sensitivity", "specificity", "precision"]].to_numpy().tolist() == [[0.5, 1, 1]]
