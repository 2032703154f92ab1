"""The tables of a study of readers, held to direct computations."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.metrics import (
    accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
    precision_score,
    recall_score,
)
from statsmodels.stats.contingency_tables import cochrans_q
from statsmodels.stats.contingency_tables import mcnemar as oracle_mcnemar
from statsmodels.stats.multitest import multipletests

from sknemg.metrics import mrmc_against, one_vs_rest_table, read_votes, reader_study
from sknemg.metrics._comparisons import cochran_q, holm, mcnemar
from sknemg.metrics._label_scores import LABEL_METRICS, label_values
from sknemg.metrics.readers import confusion_shares

CLASSES = ["m", "n", "o"]
LEAST = {"n_bootstrap": 60, "random_state": 0}


@pytest.fixture(scope="module")
def made():
    """Make diagnoses, four readers and a model's scores for thirty subjects."""
    rng = np.random.default_rng(3)
    index = pd.Index([f"S{i:02}" for i in range(30)], name="subject")
    y = pd.Series(np.repeat(CLASSES, 10), index)
    readers = pd.DataFrame(index=index)
    for r, share in zip("ABCD", [0.4, 0.5, 0.6, 0.7], strict=True):
        readers[r] = np.where(rng.random(30) < share, y, rng.choice(CLASSES, 30))
    proba = rng.dirichlet([1, 1, 1], size=30) + 0.8 * pd.get_dummies(y).to_numpy()
    model = pd.DataFrame(proba / proba.sum(axis=1, keepdims=True), index, CLASSES)
    return y, readers, model


@pytest.fixture
def study(made):
    return tuple(part.copy() for part in made)


@pytest.fixture(scope="module")
def whole(made):
    """Run the study once."""
    return reader_study(*made, **LEAST)


def _f1(y, answers):
    return label_values(pd.crosstab(y, answers).reindex(columns=CLASSES).to_numpy())["f1"]


def scores_of(result, rater, by_class=False):
    table = result.by_class if by_class else result.scores
    own = table[table["rater"] == rater]
    return own.set_index(["class", "metric"] if by_class else "metric")["value"]


# -- the arithmetic ----------------------------------------------------------------------------


def test_values_of_labels_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    y, guess = rng.integers(0, 3, size=(2, 50))
    values = label_values(confusion_matrix(y, guess, labels=[0, 1, 2]))
    assert values["accuracy"] == accuracy_score(y, guess)
    assert_allclose(values["sensitivity"], recall_score(y, guess, average="macro"))
    assert_allclose(values["ppv"], precision_score(y, guess, average="macro"))
    assert_allclose(values["f1"], f1_score(y, guess, average="macro"))
    rest = [recall_score(y != k, guess != k) for k in range(3)]
    assert_allclose(values["specificity_by_class"], rest)


def test_the_jackknife_of_counts_is_that_of_the_metric(study, whole):
    y, readers, model = study
    result = whole.against_model.set_index("metric")
    answers = model.idxmax(axis=1)
    direct = mrmc_against(y, readers, answers, _f1)
    assert_allclose(result.loc["f1"].iloc[:3][list(direct)].astype(float), direct)


def test_tests_are_those_of_statsmodels():
    rng = np.random.default_rng(1)
    right = rng.random((40, 4)) < [0.4, 0.5, 0.6, 0.8]
    for a, b in [(0, 3), (1, 2)]:
        only_a, only_b, p = mcnemar(right[:, a], right[:, b])
        both = (right[:, a] & right[:, b]).sum()
        table = [[both, only_a], [only_b, 40 - both - only_a - only_b]]
        assert p == pytest.approx(oracle_mcnemar(table, exact=True).pvalue)
    q, df, p = cochran_q(right)
    oracle = cochrans_q(right.astype(int))
    assert (q, df, p) == pytest.approx((oracle.statistic, oracle.df, oracle.pvalue))
    p = rng.random(7) / 5
    assert_allclose(holm(p), multipletests(p, method="holm")[1])
    assert np.isnan(cochran_q(np.ones((5, 3), bool))[2])


# -- the tables --------------------------------------------------------------------------------


def test_scores_of_readers_model_and_their_mean(study, whole):
    y, readers, model = study
    result = whole
    assert scores_of(result, "B")["accuracy"] == accuracy_score(y, readers["B"])
    assert scores_of(result, "model")["accuracy"] == accuracy_score(y, model.idxmax(axis=1))
    mean = scores_of(result, "mean of readers")
    expected = [f1_score(y, readers[r], average="macro") for r in readers]
    assert mean["f1"] == pytest.approx(np.mean(expected))
    row = result.scores.set_index(["rater", "metric"]).loc[("mean of readers", "f1")]
    assert row["sd"] == pytest.approx(np.std(expected, ddof=1))
    table = result.scores
    assert ((table["low"] < table["value"]) & (table["value"] < table["high"])).all()
    assert len(table) == 6 * len(LABEL_METRICS)
    assert scores_of(result, "A", by_class=True)["m", "sensitivity"] == pytest.approx(
        recall_score(y, readers["A"], labels=["m"], average="macro")
    )
    exact = stats.binomtest(int((readers["B"] == y).sum()), 30).proportion_ci()
    own = table.set_index(["rater", "metric"]).loc[("B", "accuracy")]
    assert_allclose(own[["low", "high"]].astype(float), exact)


def test_no_interval_of_a_share_reaches_beyond_0_and_1():
    """Two readers of whom one is always right leave the mean of others all but open."""
    y = pd.Series(list("mno") * 4)
    readers = pd.DataFrame({"A": y, "B": np.roll(y, 1)})
    found = reader_study(y, readers, **LEAST).scores
    mean = found[found["rater"] == "mean of readers"].set_index("metric").loc["accuracy"]
    assert (mean["low"], mean["value"], mean["high"]) == (0, 0.5, 1)
    assert found[["low", "high"]].stack().between(0, 1).all()


def test_proportions_of_a_class_have_the_exact_intervals_of_other_tables(made, whole):
    y, readers, model = made
    for rater, answers in (("B", readers["B"]), ("model", model.idxmax(axis=1))):
        given = pd.get_dummies(answers).astype(float)
        table = one_vs_rest_table(y, given[CLASSES], classes=CLASSES, n_resamples=60)
        other = table.replace({"metric": {"precision": "ppv"}}).set_index(["class", "metric"])
        own = whole.by_class[whole.by_class["rater"] == rater].set_index(["class", "metric"])
        for name in ("sensitivity", "specificity", "ppv"):
            both = [part.loc[(CLASSES, name), ["low", "high"]] for part in (own, other)]
            assert_allclose(*(part.to_numpy(float) for part in both))
        kinds = own["interval"].groupby("metric").unique().map(list).to_dict()
        exact, effective = ["Clopper-Pearson"], ["Clopper-Pearson, effective number"]
        assert kinds == {"sensitivity": exact, "specificity": exact, "ppv": exact, "f1": effective}


def test_who_cannot_say_is_wrong_of_the_class_and_right_of_the_others(made):
    y, readers, model = made
    unsure = readers.copy()
    unsure.loc[["S03", "S14"], "A"] = "cannot say"
    result = reader_study(y, unsure, model, **LEAST)
    own = result.by_class.query("rater == 'A'").set_index(["class", "metric"])
    for label in CLASSES:
        for name, cases in (("sensitivity", y == label), ("specificity", y != label)):
            right = int(((unsure["A"] == label) == (y == label))[cases].sum())
            exact = stats.binomtest(right, int(cases.sum())).proportion_ci()
            assert_allclose(own.loc[(label, name), ["low", "high"]].astype(float), exact)


def test_unread_cases_leave_every_comparison_and_are_named(study):
    y, readers, model = study
    gaps = readers.copy()
    gaps.loc[["S03", "S14"], "A"] = None
    gaps.loc["S20", "B"] = "cannot say"
    result = reader_study(y, gaps, model.drop(index="S05"), **LEAST)
    missing = result.missing.set_index("rater")
    assert missing.loc["A", "unread_cases"] == "S03, S14"
    assert missing.loc["B", "cannot_say_cases"] == "S20"
    assert missing.loc["model", "unread_cases"] == "S05"
    assert missing[["answered", "cannot_say", "unread"]].sum(axis=1).eq(30).all()
    left = y.index.drop(["S03", "S14", "S05"])
    n = result.scores.set_index(["rater", "metric"])["n_cases"]
    assert n["A", "f1"] == 28
    assert n["mean of readers", "f1"] == len(left) == result.settings["n_complete"]
    expected = np.mean([(gaps.loc[left, r] == y[left]).mean() for r in gaps])
    assert scores_of(result, "mean of readers")["accuracy"] == pytest.approx(expected)
    assert set(result.against_model["n_cases"]) == {27}
    assert set(result.agreement["n_cases"]) == {27}
    # An answer that is no diagnosis is wrong, and specific against every class.
    assert scores_of(result, "B")["accuracy"] == pytest.approx((gaps["B"] == y).mean())
    shares = confusion_shares(result)
    assert shares[1, 2, 3] == pytest.approx(0.1)
    assert_allclose(shares.sum(axis=2), 1)
    assert "cannot say" in set(result.agreement["class"])
    unread = reader_study(y, gaps, model, cannot_say="unread", **LEAST)
    assert unread.settings["n_complete"] == 27
    assert unread.missing.set_index("rater").loc["B", "unread"] == 0


def test_agreement_with_and_without_the_model(study, whole):
    _, readers, model = study
    result = whole
    table = result.agreement.set_index(["set", "coefficient", "class"])["value"]
    assert len(table) == 2 * (4 + 1)
    assert table["readers", "Fleiss' κ", "overall"] > 0
    pairs = result.pairs.set_index(["first", "second"])
    assert len(pairs) == 10
    assert pairs.loc[("A", "model"), "kappa"] == pytest.approx(
        cohen_kappa_score(readers["A"], model.idxmax(axis=1))
    )


def test_tests_between_readers_and_model(whole):
    table = whole.tests
    exact = table[table["test"] == "McNemar, exact"]
    assert exact["first"].tolist() == list("ABCD")
    assert (exact["p_holm"] >= exact["p"]).all()
    assert table["test"].tolist()[4:] == ["Cochran's Q"] * 2
    assert table["df"].tolist()[4:] == [3, 4]


def test_the_model_is_compared_for_other_readers_and_cases(whole):
    table = whole.against_model.set_index(["metric", "analysis"])
    assert len(table) == 20
    row = table.loc[("accuracy", "random readers and cases")]
    assert row["estimate"] == pytest.approx(row["model"] - row["readers"])
    boot = table.loc[("accuracy", "bootstrap of readers and cases")]
    assert boot["se"] == pytest.approx(row["se"], rel=0.5)
    assert boot["low"] < row["estimate"] < boot["high"]


def test_runs_of_a_model_have_a_mean(study):
    y, readers, model = study
    runs = {"run 1": model, "run 2": model.idxmax(axis=1), "run 3": pd.Series("m", y.index)}
    result = reader_study(y, readers, runs, **LEAST)
    accuracy = (model.idxmax(axis=1) == y).mean()
    mean = scores_of(result, "mean of models")["accuracy"]
    assert mean == pytest.approx((2 * accuracy + 1 / 3) / 3)
    assert set(result.probabilities) == {"run 1"}
    assert len(result.tests) == 4 * 3 + 2
    assert result.against_model.loc[0, "model"] == pytest.approx(mean)


def test_unanimous_mistakes(study):
    y, readers, _ = study
    wrong = {"m": "n", "n": "o", "o": "m"}
    readers.loc["S00"] = "n"
    readers.loc["S10"] = ["o", "m", "o", "m"]  # wrong, each in a way of its own
    readers.loc["S20"] = "o"
    answers = y.map(wrong).where(y.index.isin(["S00", "S20"]), y)
    table = reader_study(y, readers, answers, **LEAST).unanimous.set_index("subject")
    assert {"S00", "S10"} <= set(table.index[table["all_readers_wrong"]])
    assert set(table.index[table["all_models_wrong"]]) == {"S00", "S20"}
    assert not table.loc["S20", "all_readers_wrong"]
    assert table.loc["S10", ["diagnosis", *"ABCD"]].tolist() == ["n", "o", "m", "o", "m"]


def votes_of(readers, **columns):
    long = readers.stack().rename("vote").reset_index()
    long.columns = ["subject", "reader", "vote"]
    return long.assign(**columns)


def test_second_readings_arms_times_and_confidence(study):
    y, readers, model = study
    again = readers[["A", "B"]].iloc[::2].copy()
    again.loc["S00"] = "o"
    assisted = readers.copy()
    for reader in readers:
        assisted.loc[y.index[:15], reader] = model.idxmax(axis=1)
    sure = votes_of(readers, seconds=10.0)
    sure["confidence"] = np.where(sure["vote"] == sure["subject"].map(y), 4, 2)
    sure.loc[sure["reader"] == "A", "seconds"] = 20.0
    votes = pd.concat([sure, votes_of(again, repeat=1), votes_of(assisted, arm="assisted")])
    result = reader_study(y, votes, model, **LEAST)
    own = result.repeated.set_index("reader")
    assert own["n"].tolist() == [15, 15]
    expected = cohen_kappa_score(readers["A"].iloc[::2], again["A"])
    assert own.loc["A", "kappa"] == pytest.approx(expected)
    row = result.arms.set_index(["metric", "analysis"]).loc[("accuracy", "fixed cases")]
    gains = [(assisted[r] == y).mean() - (readers[r] == y).mean() for r in readers]
    assert row["estimate"] == pytest.approx(np.mean(gains))
    assert row["p"] == pytest.approx(stats.ttest_1samp(gains, 0).pvalue)
    seconds = result.seconds.set_index("name")
    assert seconds.loc["A", "median"] == 20
    assert seconds.loc["A", "total"] == 600
    assert seconds.loc["A", "p"] < 1e-6
    assert (result.confidence["mean_right"] == 4).all()
    assert (result.confidence["mean_wrong"] == 2).all()
    assert scores_of(result, "A")["accuracy"] == accuracy_score(y, readers["A"])


def test_times_of_diagnoses_are_compared_by_subject(study):
    """Six votes for one subject are no six pieces of evidence."""
    y, readers, _ = study
    rng = np.random.default_rng(0)
    slow = pd.Series(rng.lognormal(3, 0.5, size=30), y.index)
    votes = votes_of(readers)
    votes["seconds"] = votes["subject"].map(slow) * rng.lognormal(0, 0.1, size=len(votes))
    means = votes.groupby("subject")["seconds"].mean()
    expected = stats.kruskal(*[means[y == label] for label in CLASSES]).pvalue
    found = reader_study(y, votes, **LEAST).seconds
    assert found["by"].tolist() == ["reader"] * 4 + ["diagnosis"] * 3
    assert found["p"].tolist()[4:] == pytest.approx([expected] * 3)
    assert found["n_cases"].tolist() == [30] * 4 + [40] * 3
    assert found["test"].tolist() == ["Friedman"] * 4 + ["Kruskal-Wallis"] * 3


@pytest.mark.parametrize("who", ["AB", "ABCD"])
def test_times_of_readers_are_compared_on_the_cases_that_all_have_read(study, who):
    """That some cases take everybody long does not hide that one reader takes longer."""
    y, readers, _ = study
    rng = np.random.default_rng(0)
    slow = pd.Series(rng.lognormal(3, 0.8, size=30), y.index)
    votes = votes_of(readers[list(who)])
    votes["seconds"] = votes["subject"].map(slow) * (1 + 0.2 * (votes["reader"] == "A"))
    votes["seconds"] *= rng.lognormal(0, 0.05, size=len(votes))
    found = reader_study(y, votes, **LEAST).seconds.iloc[0]
    assert found["p"] < 1e-4
    times = votes.pivot(index="subject", columns="reader", values="seconds")
    test = stats.wilcoxon if len(who) == 2 else stats.friedmanchisquare
    assert found["p"] == pytest.approx(test(*times.to_numpy().T).pvalue)
    # a recording that one has not read is compared with none
    several = pd.concat([votes.assign(recording=votes["subject"] + k) for k in "ab"])
    more = several.iloc[[0]].assign(recording="one more", seconds=1e4)
    several = pd.concat([several, more], ignore_index=True)
    again = reader_study(y, several, level="recording", **LEAST).seconds.iloc[0]
    assert again["p"] == pytest.approx(found["p"])


def test_confidence_is_not_tested_where_subjects_have_several_recordings(study):
    y, readers, _ = study
    votes = votes_of(readers, confidence=1.0)
    votes.loc[votes["vote"] == votes["subject"].map(y), "confidence"] = 2
    alone = reader_study(y, votes, **LEAST).confidence
    assert (alone["p_mann_whitney"] < 0.001).all()
    several = pd.concat([votes.assign(recording=votes["subject"] + k) for k in "ab"])
    found = reader_study(y, several, level="recording", **LEAST).confidence
    assert (found["n_right"] == 2 * alone["n_right"]).all()
    assert found["p_mann_whitney"].isna().all()


def test_cases_that_a_reader_cannot_say_are_unread_in_every_table(study):
    y, readers, model = study
    unsure = readers.copy()
    unsure.loc[["S00", "S11"], "A"] = "cannot say"
    votes = votes_of(unsure, confidence=3)
    wrong = reader_study(y, votes, model, **LEAST).confidence.set_index("reader").loc["A"]
    unread = reader_study(y, votes, model, cannot_say="unread", **LEAST)
    own = unread.confidence.set_index("reader").loc["A"]
    assert wrong["n_right"] + wrong["n_wrong"] == 30
    assert own["n_right"] + own["n_wrong"] == 28
    assert own["n_right"] == wrong["n_right"]


def test_an_arm_without_votes_at_this_level_leaves_the_others_alone(study):
    y, readers, model = study
    assisted = readers.assign(A=model.idxmax(axis=1))
    votes = pd.concat([votes_of(readers), votes_of(assisted, arm="assisted")])
    expected = reader_study(y, votes, model, **LEAST).arms
    other = votes_of(readers.iloc[:3], arm="trained", level="recording", recording="r")
    found = reader_study(y, pd.concat([votes, other]), model, **LEAST).arms
    assert len(found)
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize("which", [{"arm": "assisted"}, {"repeat": 1}])
def test_votes_of_every_arm_and_reading_are_looked_at(study, which):
    y, readers, model = study
    typo = readers.copy()
    typo.loc["S10", "A"] = "nn"
    votes = pd.concat([votes_of(readers), votes_of(typo, **which)])
    with pytest.raises(ValueError, match=r"votes hold \['nn'\] for subject 'S10'"):
        reader_study(y, votes, model, **LEAST)
    stranger = votes_of(readers.iloc[:1].rename(index={"S00": "S99"}), **which)
    with pytest.raises(ValueError, match="votes name subject 'S99' without a diagnosis"):
        reader_study(y, pd.concat([votes_of(readers), stranger]), model, **LEAST)


def test_recordings_of_a_subject_count_together(study):
    y, readers, _ = study
    long = votes_of(readers)
    parts = [long.assign(recording=f"r{k}") for k in range(3)]
    once = reader_study(y, readers, **LEAST)
    thrice = reader_study(y, pd.concat(parts), level="recording", **LEAST)
    assert thrice.settings["n_cases"] == 90
    assert thrice.settings["n_subjects"] == 30
    assert len(thrice.tests) == 0
    for name in ("value", "low", "high"):
        assert_allclose(thrice.scores[name], once.scores[name], rtol=1e-6)
    index = pd.MultiIndex.from_product([y.index, ["r0", "r1", "r2"]])
    model = pd.Series(np.repeat(y.to_numpy(), 3), index)
    whole = reader_study(y, pd.concat(parts), model, level="recording", **LEAST)
    assert scores_of(whole, "model")["accuracy"] == 1


def test_a_study_without_a_model_or_with_one_reader(study):
    y, readers, model = study
    alone = reader_study(y, readers, **LEAST)
    assert {"against_model"}.isdisjoint(alone.tables)
    assert {"scores", "agreement", "pairs", "confusion", "missing"} <= set(alone.tables)
    one = reader_study(y, readers[["A"]], model, **LEAST)
    assert "against_model" not in one.tables
    assert one.tests["p"].notna().all()


def test_the_same_seed_gives_the_same_bits(study, whole):
    again = reader_study(*study, **LEAST).tables
    for name, table in whole.tables.items():
        pd.testing.assert_frame_equal(table, again[name], check_exact=True)


# -- diagnoses that no subject has -------------------------------------------------------------


@pytest.fixture
def two():
    """Diagnoses of eight subjects in a cohort without neuropathies, and readers who are right."""
    index = pd.Index([f"S{i}" for i in range(8)], name="subject")
    y = pd.Series(["myopathy"] * 4 + ["normal"] * 4, index)
    return y, pd.DataFrame({"A": y, "B": y})


def of_three(y, **columns):
    """Score three diagnoses: neuropathy highest, then the right one."""
    right = pd.get_dummies(y).astype(float).mul(0.08) + 0.01
    return right.assign(neuropathy=0.9, **columns)


def test_a_model_that_names_what_no_subject_has_is_wrong(two):
    y, readers = two
    model = of_three(y)
    result = reader_study(y, readers, model, **LEAST)
    assert scores_of(result, "model")["accuracy"] == 0
    assert scores_of(result, "model")["specificity"] == 1
    assert result.classes == ["myopathy", "normal"]
    assert result.others == ["neuropathy"] == result.settings["others"]
    assert set(result.models["model"]) == {"neuropathy"}
    assert list(result.probabilities["model"]) == ["myopathy", "normal"]
    assert confusion_shares(result, of="model")[0].tolist() == [[0, 0, 1, 0]] * 2
    own = result.confusion[result.confusion["raters"] == "model"]
    assert own.query("answer == 'neuropathy'")["percent"].tolist() == [100, 100]
    assert set(result.confusion.query("raters == 'readers'")["answer"]) == {"myopathy", "normal"}
    assert len(result.unanimous) == 8 and result.unanimous["all_models_wrong"].all()
    answers = reader_study(y, readers, model.idxmax(axis=1), **LEAST)
    pd.testing.assert_frame_equal(answers.scores, result.scores)


def test_a_vote_for_what_no_subject_has_is_wrong_as_one_that_cannot_say_is(two):
    y, readers = two
    one, unsure = readers.copy(), readers.copy()
    one.loc["S2", "A"] = "neuropathy"
    unsure.loc["S2", "A"] = "cannot say"
    found, expected = (reader_study(y, votes, y, **LEAST) for votes in (one, unsure))
    for name in ("scores", "by_class", "tests", "against_model"):
        pd.testing.assert_frame_equal(found.tables[name], expected.tables[name])
    assert scores_of(found, "A")["accuracy"] == 7 / 8
    assert confusion_shares(found)[0].tolist() == [[0.75, 0, 0.25, 0], [0, 1, 0, 0]]
    assert found.missing["cannot_say"].sum() == 0
    assert "neuropathy" in set(found.agreement["class"])


def test_only_known_diagnoses_are_no_typos(two, made):
    y, readers = two
    readers.loc["S2", "A"] = "ALS"
    with pytest.raises(ValueError, match=r"votes hold \['ALS'\].* name further .* in `classes`"):
        reader_study(y, readers, **LEAST)
    assert reader_study(y, readers, classes=["ALS"], **LEAST).others == ["ALS"]
    scored = of_three(y, ALS=0.0)
    scored["neuropathy"] = 1 - scored[["myopathy", "normal"]].sum(axis=1) - 0.3
    scored["ALS"] = 0.3
    assert reader_study(y, readers, scored, **LEAST).others == ["ALS", "neuropathy"]
    with pytest.raises(ValueError, match=r"answers of the model hold \['ALS'\]"):
        reader_study(y, readers.drop(columns="A"), y.replace("normal", "ALS"), **LEAST)
    with pytest.raises(ValueError, match="classes='ALS' must be a list"):
        reader_study(y, readers, classes="ALS", **LEAST)
    short, answers, _ = made  # of which no class is among the usual ones: no name can be told
    with pytest.raises(ValueError, match=r"votes hold \['myopathy'\]"):
        reader_study(short, answers.replace("m", "myopathy"), **LEAST)


@pytest.mark.parametrize("where", ["y", "votes", "model"])
def test_a_diagnosis_in_another_spelling_is_not_counted_as_wrong(two, where):
    y, readers = two
    tables = {"y": y, "votes": readers, "model": y}
    other = str(y.iloc[0]).capitalize()
    tables[where] = tables[where].replace(y.iloc[0], other)
    message = rf"differ only in case, .*'{other}'.*: write each in one way"
    with pytest.raises(ValueError, match=message):
        reader_study(tables["y"], tables["votes"], tables["model"], **LEAST)


def test_columns_that_are_no_classes_are_left_out_and_unclear_ones_are_refused(two):
    y, readers = two
    about = {"age": 60.0, "sex": "F", "fold": 3, "n_items": 200, "known": True, "repeat": 1}
    found = reader_study(y, readers, of_three(y, **about), **LEAST)
    assert found.others == ["neuropathy"]
    unclear = of_three(y, age=60.0).assign(neuropathy=3.0)
    with pytest.raises(ValueError, match=r"columns \['age'\] beside .* may be classes or not"):
        reader_study(y, readers, unclear, **LEAST)
    with pytest.raises(ValueError, match=r"several columns \['normal'\]: keep one"):
        reader_study(y, readers, pd.concat([of_three(y), y.eq("a").rename("normal")], axis=1))
    text = of_three(y).astype(str)
    assert reader_study(y, readers, text, **LEAST).others == ["neuropathy"]
    text.loc["S3", "normal"] = "0,09"
    with pytest.raises(ValueError, match="are no numbers for subject 'S3': write digits"):
        reader_study(y, readers, text, **LEAST)


def test_a_prediction_counts_before_the_highest_score(two):
    y, readers = two
    model = of_three(y, prediction=y.where(y.index != "S7"))
    found = reader_study(y, readers, model, **LEAST)
    assert found.models["model"].tolist() == [*y[:7], "neuropathy"]
    assert found.probabilities["model"].shape == (8, 2)
    alone = reader_study(y, readers, model[["prediction"]], **LEAST)
    assert alone.models["model"].tolist()[:7] == y[:7].tolist()
    assert alone.missing.set_index("rater").loc["model", "unread_cases"] == "S7"
    assert not alone.probabilities


def test_equal_scores_are_the_first_class_whatever_the_order_of_the_columns(study):
    y, readers, model = study
    model.iloc[:10] = 1 / 3
    first, other = (reader_study(y, readers, model[c], **LEAST) for c in (CLASSES, CLASSES[::-1]))
    assert first.models["model"].tolist()[:10] == ["m"] * 10
    pd.testing.assert_frame_equal(first.scores, other.scores)


def test_what_is_wrong_is_named(study):
    y, readers, model = study
    wrong = [
        ((y.drop("S07"), readers, model), "votes name subject 'S07' without a diagnosis"),
        ((y.drop("S07"), readers.drop("S07"), model), "model 'model' names subject 'S07' without"),
        ((y, readers.replace("m", "x"), model), r"votes hold \['x'\] for subjects"),
        (
            (y.mask(y == "m", "n").where(y.index != "S00", "m"), readers, model),
            "single subject of 'm': give",
        ),
        ((y, readers.rename(columns={"A": "model"}), model), r"\['model'\] is both a reader's"),
        ((y, readers, model.to_numpy()), "is a ndarray: give a DataFrame or Series"),
        ((y, readers, pd.concat([model, model])), "not named by subject, each once"),
        ((y, readers[[]], model), "no readers: give a column"),
        ((pd.concat([y, y]), readers, model), "twice: give one row"),
    ]
    for arguments, message in wrong:
        with pytest.raises(ValueError, match=message):
            reader_study(*arguments, **LEAST)
    with pytest.raises(ValueError, match="no blinded votes for a recording"):
        reader_study(y, read_votes(votes_of(readers)), level="recording", **LEAST)
    with pytest.raises(ValueError, match="cannot_say='skip' is unknown"):
        reader_study(y, readers, cannot_say="skip")
