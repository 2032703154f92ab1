"""Multi-reader multi-case analysis, held to published results and to direct computations."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from sknemg.metrics import mrmc_against, mrmc_analysis
from sknemg.metrics.mrmc import ANALYSES, ErrorCovariances, compare_arms


def accuracy(y, answers):
    return np.mean(y == answers)


def area(y, scores):
    gaps = scores[y == 1][:, None] - scores[y == 0]
    return np.mean((gaps > 0) + 0.5 * (gaps == 0)) if 0 < y.sum() < len(y) else np.nan


BOTH, READERS_FIXED, CASES_FIXED = ANALYSES


@pytest.fixture(scope="module")
def van_dyke():
    """Analyse Van Dyke's study, as OR-DBM MRMC 2.51 of the University of Iowa printed it in 2020.

    Two treatments, five readers, 114 cases; areas under the trapezoidal ROC curve, jackknife.
    """
    areas = {
        1: [0.91964573, 0.85877617, 0.90386473, 0.97310789, 0.82979066],
        2: [0.94782609, 0.90531401, 0.92173913, 0.99935588, 0.92995169],
    }
    covariances = ErrorCovariances(
        var=0.00080229,
        cov1=0.00034661,
        cov2=0.00034407,
        cov3=0.00023903,
        var_of_arm=np.array([0.00101410, 0.00059047]),
        cov2_of_arm=np.array([0.00048396, 0.00020419]),
    )
    return compare_arms(pd.DataFrame(areas), covariances)


def test_components_of_van_dyke(van_dyke):
    components = van_dyke[0]
    assert components["reader"] == pytest.approx(0.00153500, abs=2e-8)
    assert components["reader x arm"] == pytest.approx(0.00020040, abs=2e-8)


@pytest.mark.parametrize(
    ("analysis", "printed"),
    [
        (BOTH, [-0.04380, 0.02075, 15.26, -2.11, 0.0517, -0.08796, 0.00036]),
        (READERS_FIXED, [-0.04380, 0.01872, np.inf, -2.34, 0.0193, -0.08049, -0.00711]),
        (CASES_FIXED, [-0.04380, 0.01485, 4, -2.95, 0.0420, -0.08502, -0.00258]),
    ],
)
def test_differences_of_van_dyke(van_dyke, analysis, printed):
    row = van_dyke[2].loc[(analysis, 1, 2)]
    digits = [6e-6, 6e-6, 6e-3, 6e-3, 6e-5, 6e-6, 6e-6]
    for value, expected, digit in zip(row, printed, digits, strict=True):
        assert value == pytest.approx(expected, abs=digit)


@pytest.mark.parametrize(
    ("analysis", "printed"),
    [(BOTH, (4.46, 15.26, 0.0517)), (READERS_FIXED, (5.47595, np.inf, 0.0193)),
     (CASES_FIXED, (8.70, 4, 0.0420))],
)  # fmt: skip
def test_equality_of_the_treatments_of_van_dyke(van_dyke, analysis, printed):
    row = van_dyke[3].loc[analysis]
    assert row["statistic"] == pytest.approx(printed[0], abs=6e-3)
    assert row["df2"] == pytest.approx(printed[1], abs=6e-3)
    assert row["p"] == pytest.approx(printed[2], abs=6e-5)


@pytest.mark.parametrize(
    ("analysis", "arm", "printed"),
    [
        (BOTH, 1, [0.89703704, 0.03317360, 12.74, 0.82522360, 0.96885048]),
        (BOTH, 2, [0.94083736, 0.02156637, 12.71, 0.89413783, 0.98753689]),
        (READERS_FIXED, 1, [0.89703704, 0.02428971, np.inf, 0.84943008, 0.94464399]),
        (READERS_FIXED, 2, [0.94083736, 0.01677632, np.inf, 0.90795637, 0.97371835]),
        (CASES_FIXED, 1, [0.89703704, 0.02482994, 4, 0.82809808, 0.96597599]),
        (CASES_FIXED, 2, [0.94083736, 0.01615303, 4, 0.89598936, 0.98568536]),
    ],
)
def test_treatments_of_van_dyke(van_dyke, analysis, arm, printed):
    row = van_dyke[1].loc[(analysis, arm), ["estimate", "se", "df", "low", "high"]]
    for value, expected, digit in zip(row, printed, [1e-8, 1e-6, 6e-3, 1e-5, 1e-5], strict=True):
        assert value == pytest.approx(expected, abs=digit)


# -- a second oracle ---------------------------------------------------------------------------


@pytest.fixture
def study():
    """Make scores of three arms and four readers of thirty cases, all unlike."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [18, 12])
    shared = y + rng.normal(size=30)
    return y, {
        arm: pd.DataFrame(
            {r: shared + gain * y + rng.normal(scale=1 + k, size=30) for k, r in enumerate("ABCD")}
        )
        for arm, gain in [("one", 0.0), ("two", 0.5), ("three", 1.0)]
    }


def delong(y, scores):
    """Covariance of areas under ROC curves by DeLong's formula, pair by pair of cases."""
    ill, well = scores[:, y == 1], scores[:, y == 0]
    wins = (ill[:, :, None] > well[:, None]) + 0.5 * (ill[:, :, None] == well[:, None])
    return np.cov(wins.mean(axis=2)) / ill.shape[1] + np.cov(wins.mean(axis=1)) / well.shape[1]


def test_jackknife_covariances_of_areas_are_near_delong_s(study):
    y, arms = study
    result = mrmc_analysis(y, arms, area)
    direct = delong(y, np.concatenate([arm.to_numpy().T for arm in arms.values()]))
    expected = ErrorCovariances.from_matrix(direct.reshape(3, 4, 3, 4))
    for name in ("var", "cov1", "cov2", "cov3"):
        assert getattr(result.covariances, name) == pytest.approx(getattr(expected, name), rel=0.1)


def test_covariances_of_accuracies_are_those_of_means():
    """A share of cases is a mean, whose jackknife is the covariance of the cases over n."""
    rng = np.random.default_rng(0)
    right = rng.random((25, 6)) < 0.6
    arms = {"one": pd.DataFrame(right[:, :3] * 1), "two": pd.DataFrame(right[:, 3:] * 1)}
    found = mrmc_analysis(np.ones(25), arms, accuracy).covariances
    matrix = np.cov(right.T) / 25
    blocks = matrix[:3, :3], matrix[3:, 3:], matrix[:3, 3:]
    other = ~np.eye(3, dtype=bool)
    assert found.var == pytest.approx(np.diag(matrix).mean())
    assert found.cov1 == pytest.approx(np.diag(blocks[2]).mean())
    assert found.cov2 == pytest.approx(np.mean([blocks[0][other], blocks[1][other]]))
    assert found.cov3 == pytest.approx(blocks[2][other].mean())


def test_mean_squares_and_tests_by_a_loop(study):
    y, arms = study
    result = mrmc_analysis(y, arms, area)
    theta = result.estimates.to_numpy()
    r, t = theta.shape
    ms_arm = sum(r * (theta[:, i].mean() - theta.mean()) ** 2 for i in range(t)) / (t - 1)
    ms_both = 0.0
    for j in range(r):
        for i in range(t):
            expected = theta[j].mean() + theta[:, i].mean() - theta.mean()
            ms_both += (theta[j, i] - expected) ** 2 / ((t - 1) * (r - 1))
    c = result.covariances
    error = ms_both + r * max(c.cov2 - c.cov3, 0)
    df = error**2 / (ms_both**2 / ((t - 1) * (r - 1)))
    test = result.equality.loc[BOTH]
    assert_allclose(test[["statistic", "df1", "df2"]], [ms_arm / error, 2, df])
    assert test["p"] == pytest.approx(stats.f.sf(ms_arm / error, 2, df))
    assert len(result.differences) == 9
    assert result.n_units == result.n_cases == 30


def test_fixed_cases_of_two_arms_are_a_paired_t_test(study):
    y, arms = study
    arms.pop("three")
    result = mrmc_analysis(y, arms, area)
    expected = stats.ttest_rel(result.estimates["one"], result.estimates["two"])
    row = result.differences.loc[(CASES_FIXED, "one", "two")]
    assert_allclose([row["statistic"], row["p"]], [expected.statistic, expected.pvalue])


@pytest.mark.parametrize("n_readers", [2, 3, 6])
@pytest.mark.parametrize("alike", [True, False])
def test_arms_in_which_everybody_answers_the_same_do_not_differ(n_readers, alike):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 3, size=7 + 5 * seed)
        answers = np.where(rng.random((n_readers, len(y))) < 0.6, y, (y + 1) % 3)
        arm = pd.DataFrame(answers[[0] * n_readers if alike else range(n_readers)].T)
        result = mrmc_analysis(y, dict.fromkeys("abc", arm), accuracy)
        assert result.equality["p"].tolist() == [1, 1, 1]
        assert (result.equality["statistic"] == 0).all() and (result.differences["p"] == 1).all()


# -- readers against a model -------------------------------------------------------------------


def test_one_model_stands_for_an_arm_in_which_all_readers_answer_alike():
    """Then readers vary in one arm only, and both analyses agree where readers are fixed."""
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, size=60)
    readers = pd.DataFrame({r: np.where(rng.random(60) < 0.55, y, (y + 1) % 3) for r in "ABCDEF"})
    model = np.where(rng.random(60) < 0.75, y, (y + 2) % 3)
    alone = mrmc_against(y, readers, model, accuracy)
    copies = pd.DataFrame(dict.fromkeys("ABCDEF", model))
    arms = mrmc_analysis(y, {"model": copies, "readers": readers}, accuracy).differences
    assert alone.loc[BOTH, "estimate"] == pytest.approx(arms["estimate"].iloc[0])
    gap = (model == y).astype(float) - (readers.eq(y, axis=0)).mean(axis=1)
    assert alone.loc[READERS_FIXED, "se"] == pytest.approx(np.sqrt(gap.var(ddof=1) / 60))
    t = stats.ttest_1samp((model == y).mean() - readers.eq(y, axis=0).mean(), 0)
    assert alone.loc[CASES_FIXED, "p"] == pytest.approx(t.pvalue)


def test_runs_of_a_model_are_averaged():
    y = np.repeat([0, 1], 6)
    readers = pd.DataFrame({"A": y, "B": 1 - y, "C": [0] * 12})
    runs = pd.DataFrame({1: y, 2: 1 - y})
    table = mrmc_against(y, readers, runs, accuracy)
    assert_allclose(table[["readers", "model", "estimate"]], [[0.5, 0.5, 0.0]] * 3, atol=1e-12)


def test_subjects_are_left_out_with_all_their_cases():
    """Every case twice is no more evidence than once."""
    rng = np.random.default_rng(2)
    y = np.repeat([0, 1], 15)
    readers = pd.DataFrame({r: rng.integers(0, 2, 30) for r in "ABC"})
    model = rng.integers(0, 2, 30)
    once = mrmc_against(y, readers, model, accuracy)
    twice = pd.concat([readers, readers])
    options = {"groups": np.tile(np.arange(30), 2)}
    double = mrmc_against(
        np.tile(y, 2), twice.reset_index(drop=True), np.tile(model, 2), accuracy, **options
    )
    pd.testing.assert_frame_equal(once, double)


def test_what_cannot_be_analysed_is_named():
    y = np.repeat([0, 1], 5)
    good = pd.DataFrame({"A": y, "B": 1 - y})
    gaps = good.astype(float)
    gaps.loc[3, "A"] = np.nan
    with pytest.raises(ValueError, match="'two' lacks answers in row 3: leave"):
        mrmc_analysis(y, {"one": good, "two": gaps}, accuracy)
    with pytest.raises(ValueError, match=r"readers \['A', 'C'\], and 'one' has \['A', 'B'\]"):
        mrmc_analysis(y, {"one": good, "two": good.set_axis(["A", "C"], axis=1)}, accuracy)
    with pytest.raises(ValueError, match="fewer than two readers: give two"):
        mrmc_analysis(y, {"one": good[["A"]]}, accuracy)
    with pytest.raises(ValueError, match="leaves out each subject in turn and has 2: give"):
        mrmc_analysis(y, {"one": good}, accuracy, groups=y)
    with pytest.raises(ValueError, match="has 9 rows for 10 diagnoses"):
        mrmc_against(y, good, y[1:], accuracy)
    alone = np.arange(10) == 0
    with pytest.raises(ValueError, match="undefined without unit 0 of the jackknife"):
        mrmc_analysis(alone, {"one": good}, area)


def test_what_is_no_metric_no_arm_and_no_model_is_named():
    y = np.repeat([0, 1], 5)
    good = pd.DataFrame({"A": y, "B": 1 - y})
    for metric, message in [
        ("accuracy", "metric='accuracy' must be a function .*, such as sklearn.metrics.accuracy_"),
        (lambda y, answers: np.eye(2), r"gives an array of shape \(2, 2\): give a function"),
    ]:
        with pytest.raises(ValueError, match=message):
            mrmc_analysis(y, {"one": good}, metric)
        with pytest.raises(ValueError, match=message):
            mrmc_against(y, good, y, metric)
    with pytest.raises(ValueError, match="arms is a list: give a mapping of the name"):
        mrmc_analysis(y, [good, good], accuracy)
    with pytest.raises(ValueError, match="arms is a DataFrame: give a mapping of the name"):
        mrmc_analysis(y, good, accuracy)
    with pytest.raises(ValueError, match="The arm 'one' is a ndarray: give a DataFrame"):
        mrmc_analysis(y, {"one": good.to_numpy()}, accuracy)
    with pytest.raises(ValueError, match="The arm 'readers' is a ndarray: give a DataFrame"):
        mrmc_against(y, good.to_numpy(), y, accuracy)
    with pytest.raises(ValueError, match="The arm 'one' has reader 'A' more than once"):
        mrmc_analysis(y, {"one": good.set_axis(["A", "A"], axis=1)}, accuracy)
    for model in (good.to_numpy(), good[[]], 0):
        with pytest.raises(ValueError, match=r"model has shape \(.*\): give one answer for each"):
            mrmc_against(y, good, model, accuracy)


def test_one_arm_has_an_interval_and_no_test():
    y = np.repeat([0, 1], 5)
    readers = pd.DataFrame({"A": y, "B": [0] * 10, "C": y * (np.arange(10) % 3 > 0)})
    result = mrmc_analysis(y, {"one": readers}, accuracy)
    assert len(result.differences) == len(result.equality) == 0
    assert result.arms["p"].isna().all()
    assert (result.arms["low"] < result.arms["estimate"]).all()
