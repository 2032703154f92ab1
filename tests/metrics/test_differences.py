"""Paired differences of scores, with intervals."""

import numpy as np
import pytest
from scipy import stats

from sknemg.metrics import METRICS, difference_table, score_table

Y = np.repeat(["a", "b", "c"], 10)
CLASSES = ["a", "b", "c"]


def scores(right, sure=0.8):
    """Scores of subjects who are answered rightly, or with the next class."""
    codes = (np.unique(Y, return_inverse=True)[1] + ~np.asarray(right)) % 3
    return np.where(np.eye(3, dtype=bool)[codes], sure, (1 - sure) / 2)


def row(table, metric="accuracy"):
    return table.set_index("metric").loc[metric]


def test_values_are_the_differences_of_the_two_tables():
    rng = np.random.default_rng(0)
    one, other = scores(rng.random(30) < 0.9), scores(rng.random(30) < 0.6, sure=0.5)
    table = difference_table(Y, one, other, classes=CLASSES, n_resamples=50)
    singles = [score_table(Y, p, classes=CLASSES, n_resamples=50) for p in (one, other)]
    assert table["metric"].tolist() == list(METRICS)
    np.testing.assert_allclose(table["value"], singles[0]["value"] - singles[1]["value"])
    assert (table["low"] < table["value"]).all() and (table["value"] < table["high"]).all()


def test_the_interval_of_proportions_is_that_of_newcombe():
    """Without correlation it is made of the two exact intervals alone."""
    one, other = np.arange(30) % 10 != 0, np.arange(30) % 3 == 0  # 27 and 10 right, apart
    table = row(difference_table(Y, scores(one), scores(other), classes=CLASSES))
    exact = [stats.binomtest(int(x.sum()), 30).proportion_ci(method="exact") for x in (one, other)]
    (la, ha), (lb, hb) = exact
    a, b, r = one.mean(), other.mean(), table["correlation"]
    assert abs(r) < 0.35
    square = (a - la) ** 2 - 2 * r * (a - la) * (hb - b) + (hb - b) ** 2
    assert table["low"] == pytest.approx(a - b - square**0.5)
    square = (ha - a) ** 2 - 2 * r * (ha - a) * (b - lb) + (b - lb) ** 2
    assert table["high"] == pytest.approx(a - b + square**0.5)


def test_methods_that_err_on_the_same_subjects_are_told_apart_better():
    hard = np.arange(30) % 5 != 0
    together, apart = hard & (np.arange(30) % 3 != 0), np.roll(hard & (np.arange(30) % 3 != 0), 1)
    assert together.sum() == apart.sum()
    rows = [
        row(difference_table(Y, scores(hard), scores(other), classes=CLASSES))
        for other in (together, apart)
    ]
    assert rows[0]["correlation"] > rows[1]["correlation"] + 0.2
    assert np.ptp(rows[0][["low", "high"]].astype(float)) < np.ptp(
        rows[1][["low", "high"]].astype(float)
    )


@pytest.mark.parametrize("right", [np.ones(30, bool), np.arange(30) % 4 != 0])
def test_equal_answers_leave_doubt(right):
    table = row(difference_table(Y, scores(right), scores(right), classes=CLASSES))
    assert table["value"] == 0
    assert table["low"] < -0.02 and table["high"] > 0.02


def test_recordings_of_a_subject_are_no_further_evidence():
    one, other = scores(np.arange(30) % 10 != 0), scores(np.arange(30) % 2 == 0)
    alone = row(difference_table(Y, one, other, classes=CLASSES, groups=np.arange(30)))
    five = [np.repeat(each, 5, axis=0) for each in (Y, one, other)]
    table = difference_table(*five, classes=CLASSES, groups=np.repeat(np.arange(30), 5))
    repeated = row(table)
    assert repeated["n_subjects"] == 30 and repeated["n_items"] == 150
    ours, theirs = (r[["low", "high"]].astype(float) for r in (repeated, alone))
    np.testing.assert_allclose(ours, theirs, atol=0.03)


def test_what_is_wrong_is_named():
    with pytest.raises(ValueError, match="n_resamples=1 must be"):
        difference_table(Y, scores(Y == Y), scores(Y == Y), classes=CLASSES, n_resamples=1)
    with pytest.raises(ValueError, match="confidence_level=95"):
        difference_table(Y, scores(Y == Y), scores(Y == Y), classes=CLASSES, confidence_level=95)
