"""Exact intervals, effective numbers, and how often the intervals hold the true value."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from statsmodels.api import OLS
from statsmodels.stats.proportion import proportion_confint

from sknemg.metrics import METRICS, proportion_interval
from sknemg.metrics._bootstrap import draw_subjects
from sknemg.metrics._counts import SubjectCounts
from sknemg.metrics._estimates import overall_estimates, resampled_counts
from sknemg.metrics._intervals import clustered_number, effective_number, exact_interval


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize("n", [1, 5, 20])
def test_whole_numbers_give_the_interval_of_scipy(n, level):
    k = np.arange(n + 1)
    expected = [stats.binomtest(i, n).proportion_ci(level, method="exact") for i in k]
    low, high, _ = exact_interval(k / n, n, level)
    assert_allclose(np.column_stack([low, high]), expected, rtol=1e-8, atol=1e-12)


def test_fractional_numbers_give_the_interval_of_statsmodels():
    rng = np.random.default_rng(0)
    n, p = rng.uniform(1, 60, 50), rng.uniform(0.01, 0.99, 50)
    low, high, _ = exact_interval(p, n)
    assert_allclose([low, high], proportion_confint(p * n, n, method="beta"), rtol=1e-9)


def test_other_bounds_stretch_the_interval():
    low, high, n = exact_interval(0.5, 20.0, bounds=(-1.0, 1.0))
    inner = exact_interval(0.75, 20.0)
    assert_allclose([low, high, n], [2 * inner.low - 1, 2 * inner.high - 1, 20])


def test_without_an_upper_bound_the_interval_is_that_of_a_poisson_mean():
    low, high, _ = exact_interval([0.0, 2.0], [1.0, 3.0], bounds=(0.0, np.inf))
    assert low[0] == 0
    assert high[0] == pytest.approx(-np.log(0.025))
    assert stats.poisson.sf(5, 3 * low[1]) == pytest.approx(0.025)  # six or more
    assert stats.poisson.cdf(6, 3 * high[1]) == pytest.approx(0.025)


def test_what_is_unknown_has_no_interval_and_no_cases_have_the_widest():
    low, high, n = exact_interval([np.nan, 0.5, 0.0], [5.0, np.nan, 0.0])
    assert np.isnan([low[:2], high[:2], n[:2]]).all()
    assert (low[2], high[2], n[2]) == (0, 1, 0)


# -- subjects with several items ---------------------------------------------------------------


def test_items_of_a_subject_that_are_alike_count_once():
    right = np.array([1, 1, 0, 1, 0, 1, 1], dtype=float)
    for size in [1, 2, 30]:
        assert clustered_number(size * right, np.full(7, float(size))) == pytest.approx(7)
    # Kish: unequal subjects are worth fewer
    sizes = np.array([1, 1, 1, 1, 1, 1, 10.0])
    assert clustered_number(sizes, sizes) == pytest.approx(sizes.sum() ** 2 / (sizes**2).sum())


def test_items_as_unlike_as_those_of_others_count_nearly_one_by_one():
    rng = np.random.default_rng(0)
    cases = np.full(400, 5.0)
    assert clustered_number(rng.binomial(5, 0.7, 400).astype(float), cases) == pytest.approx(
        2000, rel=0.1
    )


def test_the_design_effect_is_that_of_a_regression_with_clustered_errors():
    rng = np.random.default_rng(1)
    sizes = rng.integers(1, 9, size=300)
    who = np.repeat(np.arange(300), sizes)
    right = rng.random(len(who)) < rng.beta(2, 1, 300)[who]
    fit = OLS(right.astype(float), np.ones(len(who))).fit(
        cov_type="cluster", cov_kwds={"groups": who, "use_correction": False}
    )
    expected = right.mean() * (1 - right.mean()) / fit.cov_params()[0, 0]
    assert proportion_interval(right, who).n_effective == pytest.approx(expected, rel=0.02)


def test_subjects_may_be_numbers_and_text():
    right = np.array([1, 1, 0, 1, 0, 0])
    expected = proportion_interval(right, [0, 0, 1, 1, 2, 2])
    assert proportion_interval(right, [7, 7, "7", "7", "b", "b"]) == expected


def test_where_all_are_right_the_subjects_count_and_not_their_items():
    whose = np.repeat(list("abcde"), 40)
    low, high, n = proportion_interval(np.ones(200, dtype=bool), whose)
    assert (low, high, n) == pytest.approx((0.4782, 1, 5), abs=1e-4)
    assert proportion_interval(np.ones(200)).low > 0.98


def test_the_number_grows_smoothly_from_the_edge():
    """One wrong item of 200 must not turn five subjects into two hundred."""
    right = np.ones(200)
    right[0] = 0
    n = proportion_interval(right, np.repeat(np.arange(5), 40)).n_effective
    assert 5 < n < 12


def test_proportions_refuse_what_is_neither_right_nor_wrong():
    with pytest.raises(ValueError, match="neither True nor False in rows 1, 3: compare"):
        proportion_interval([1, np.nan, 0, 2])
    with pytest.raises(ValueError, match="neither True nor False in row 1: compare"):
        proportion_interval(pd.array([True, None], dtype="boolean"))
    with pytest.raises(ValueError, match=r"right has shape \(0,\): give one entry"):
        proportion_interval([])
    with pytest.raises(ValueError, match="The subject is missing in row 1"):
        proportion_interval([1, 0], ["a", None])
    with pytest.raises(ValueError, match=r"must be between 0 and 1: write 95 % as 0\.95"):
        proportion_interval([1, 0], confidence_level=95)


# -- samples of subjects -----------------------------------------------------------------------


def test_a_share_is_worth_the_subjects_it_is_taken_of():
    rng = np.random.default_rng(0)
    draws = rng.binomial(40, 0.8, size=(40_000, 1)) / 40
    labels = np.zeros(40)
    # an unbiased variance has one degree of freedom less
    assert effective_number(draws, labels) == pytest.approx(39, rel=0.03)
    assert effective_number(draws, np.arange(40) % 3) == pytest.approx(37, rel=0.03)
    stretched = effective_number(2 * draws - 1, labels, (-1.0, 1.0))
    assert_allclose(stretched, effective_number(draws, labels))


def test_draws_that_do_not_vary_are_worth_the_degrees_of_freedom():
    draws = np.ones((10, 2))
    draws[:, 1] = np.nan
    number = effective_number(draws, np.arange(9) % 2)
    assert number[0] == 7
    assert np.isnan(number[1])
    assert effective_number(np.ones((10, 1)), np.arange(3)) == 1


# -- coverage: measured at length by benchmarks/interval_coverage.py ---------------------------


def _coverage(n, mean, n_cohorts, items=1, seed=0):
    """Share of simulated cohorts whose intervals hold the true values."""
    rng = np.random.default_rng(seed)

    def cohort(n_subjects, size):
        who = np.repeat(np.arange(n_subjects), size)
        y = who % 3
        score = rng.normal(size=(n_subjects, 3))[who] + 0.6 * rng.normal(size=(len(who), 3))
        score = mean * np.eye(3)[y] + score / np.sqrt(1.36)
        proba = np.exp(score)
        return y, proba / proba.sum(axis=1, keepdims=True), who

    y, proba, _ = cohort(90_000, 1)
    large = SubjectCounts(y, proba, y)
    true = overall_estimates(large, resampled_counts(large, np.arange(3)[None]), 0.95).value
    held = np.zeros(len(METRICS))
    for _ in range(n_cohorts):
        subjects = SubjectCounts(*cohort(n, items))
        samples = resampled_counts(subjects, draw_subjects(subjects.labels, 60, rng)[0])
        low, high, _ = overall_estimates(subjects, samples, 0.95).interval
        held += (low <= true) & (true <= high)
    return pd.Series(held / n_cohorts, METRICS)


@pytest.mark.parametrize("mean, items", [(2.3, 1), (2.3, 4)])
def test_intervals_of_a_small_cohort_hold_the_true_values(mean, items):
    """85 to 90 % of subjects right; a plain bootstrap holds the area in 60 to 80 % of cohorts."""
    assert (_coverage(15, mean, 80, items) > 0.88).all()


@pytest.mark.slow
@pytest.mark.parametrize("n", [15, 30, 57])
@pytest.mark.parametrize("mean", [0.7, 1.3, 2.3, 3.3])
@pytest.mark.parametrize("items", [1, 5])
def test_intervals_hold_the_true_values(n, mean, items):
    assert (_coverage(n, mean, 600, items) > 0.92).all()
