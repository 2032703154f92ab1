"""Multi-reader multi-case analysis: Obuchowski and Rockette's model with jackknife covariances."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from sknemg.metrics._intervals import check_level
from sknemg.metrics._readers import check_reader_table
from sknemg.recordings._problems import listed, shown
from sknemg.recordings._subjects import check_labels, check_subjects

#: What is taken to be a sample: the analyses, in the order of their tables.
ANALYSES = ("random readers and cases", "fixed readers", "fixed cases")
_COLUMNS = ["estimate", "se", "df", "statistic", "p", "low", "high"]

Metric = Callable[[NDArray[Any], NDArray[Any]], float]


@dataclass(frozen=True)
class ErrorCovariances:
    """Variance and covariances of the estimates of readers who read the same cases.

    Parameters
    ----------
    var : float
        Mean variance of an estimate.
    cov1 : float
        Mean covariance of one reader's estimates in two arms.
    cov2 : float
        Mean covariance of two readers' estimates in one arm.
    cov3 : float
        Mean covariance of two readers' estimates in two arms.
    var_of_arm, cov2_of_arm : ndarray of shape (n_arms,)
        The same within each arm.
    """

    var: float
    cov1: float
    cov2: float
    cov3: float
    var_of_arm: NDArray[Any]
    cov2_of_arm: NDArray[Any]

    @classmethod
    def from_matrix(cls, covariance: NDArray[Any]) -> ErrorCovariances:
        """Average a covariance matrix.

        Parameters
        ----------
        covariance : ndarray of shape (n_arms, n_readers, n_arms, n_readers)

        Returns
        -------
        ErrorCovariances
            A mean over nothing is NaN: ``cov1`` and ``cov3`` of one arm.
        """
        n_arms, n_readers = covariance.shape[:2]
        arms, readers = np.eye(n_arms, dtype=bool), np.eye(n_readers, dtype=bool)
        by_pair = covariance.transpose(0, 2, 1, 3)  # arm, arm, reader, reader

        def mean(own_arm: bool, own_reader: bool) -> float:
            values = by_pair[arms == own_arm][:, readers == own_reader]
            return float(values.mean()) if values.size else np.nan

        own = by_pair[np.arange(n_arms), np.arange(n_arms)]
        between = own[:, ~readers].mean(axis=1) if n_readers > 1 else np.full(n_arms, np.nan)
        return cls(
            var=mean(True, True),
            cov1=mean(False, True),
            cov2=mean(True, False),
            cov3=mean(False, False),
            var_of_arm=own[:, readers].mean(axis=1),
            cov2_of_arm=between,
        )


@dataclass(frozen=True)
class MRMCResult:
    """A multi-reader multi-case analysis.

    Parameters
    ----------
    estimates : DataFrame of shape (n_readers, n_arms)
        The metric of each reader in each arm.
    covariances : ErrorCovariances
    components : Series
        ``reader``, ``reader x arm``: variances between readers, and of what an arm changes
        between readers, which may be negative as estimates by analysis of variance are; the
        error's ``var``, ``cov1``, ``cov2``, ``cov3``.
    arms : DataFrame
        Mean over readers of each arm, indexed by (analysis, arm): ``estimate``, ``se``, ``df``,
        ``statistic``, ``p`` (NaN: nothing is tested), ``low``, ``high``.
    differences : DataFrame
        The same of each pair of arms, indexed by (analysis, arm, other arm): ``estimate`` is the
        first less the other, tested against 0.
    equality : DataFrame
        The test of all arms at once, indexed by analysis: ``statistic`` (F), ``df1``, ``df2``
        (infinite: χ² divided by ``df1``), ``p``.
    n_cases, n_units : int
        Numbers of cases, and of the units that the jackknife leaves out: subjects, or cases.
    """

    estimates: pd.DataFrame
    covariances: ErrorCovariances
    components: pd.Series
    arms: pd.DataFrame
    differences: pd.DataFrame
    equality: pd.DataFrame
    n_cases: int
    n_units: int


def mrmc_analysis(
    y_true: ArrayLike,
    arms: Mapping[Hashable, pd.DataFrame],
    metric: Metric,
    *,
    groups: ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> MRMCResult:
    """Compare arms of a study in which the same readers read the same cases.

    Parameters
    ----------
    y_true : array-like of shape (n_cases,)
    arms : mapping of name to DataFrame of shape (n_cases, n_readers)
        Answers of each reader in each arm, such as blinded and assisted: labels, or numbers for a
        metric of scores. Every reader has answered every case in every arm.
    metric : callable
        ``metric(y_true, answers) -> float``, such as `sklearn.metrics.accuracy_score`.
    groups : array-like of shape (n_cases,), default=None
        The subject of each case, left out as a whole by the jackknife; by default each case is
        its own.
    confidence_level : float, default=0.95

    Returns
    -------
    MRMCResult

    Raises
    ------
    ValueError
        If answers are missing, arms have different readers or numbers of cases, a reader has two
        columns, there are fewer than two readers or three units, or `metric` is no function that
        gives one number, or is undefined without some unit.

    See Also
    --------
    mrmc_against : Readers against a model that has no readers.

    Notes
    -----
    The estimate of reader j in arm i is the mean of the arm, effects of the reader and of the
    reader in the arm, and an error, whose covariances come from the cases: Obuchowski and
    Rockette's model [1]_, with the degrees of freedom of Hillis [2]_. With random readers and
    cases the result holds for other readers and cases, with fixed readers for other cases, with
    fixed cases for other readers.

    References
    ----------
    .. [1] N. A. Obuchowski and H. E. Rockette, "Hypothesis testing of diagnostic accuracy for
       multiple readers and multiple tests: an ANOVA approach with dependent observations",
       Communications in Statistics - Simulation and Computation 24, 1995.
    .. [2] S. L. Hillis, "A comparison of denominator degrees of freedom for multiple observer ROC
       analysis", Statistics in Medicine 26, 2007.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.metrics import accuracy_score
    >>> from sknemg.metrics import mrmc_analysis
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["myopathy", "normal"], 20)
    >>> blinded = pd.DataFrame({r: np.where(rng.random(40) < 0.6, y, "neuropathy") for r in "ABC"})
    >>> assisted = pd.DataFrame({r: np.where(rng.random(40) < 0.8, y, "neuropathy") for r in "ABC"})
    >>> arms = {"assisted": assisted, "blinded": blinded}
    >>> result = mrmc_analysis(y, arms, accuracy_score)
    >>> row = result.differences.loc[("random readers and cases", "assisted", "blinded")]
    >>> row[["estimate", "low", "high"]].round(2).tolist()
    [0.23, -0.16, 0.63]
    """
    check_level(confidence_level)
    _check_metric(metric)
    y, names, answers = _check(y_true, arms)
    units = _units(groups, len(y))
    readers = arms[names[0]].columns
    theta, pseudo = jackknife(
        lambda kept: np.array([[_value(metric, y, a, kept) for a in arm.T] for arm in answers]),
        units,
    )
    tables = analyse_arms(theta, pseudo, readers, names, confidence_level)
    return MRMCResult(*tables, len(y), int(units.max()) + 1)


def analyse_arms(
    whole: NDArray[Any],
    without: NDArray[Any],
    readers: Any,
    arms: Any,
    confidence_level: float = 0.95,
) -> tuple[pd.DataFrame, ErrorCovariances, pd.Series, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Analyse arms from a metric that the jackknife has estimated.

    Parameters
    ----------
    whole : ndarray of shape (n_arms, n_readers)
    without : ndarray of shape (n_units, n_arms, n_readers)
        The metric without each unit.
    readers, arms : sequence of names
    confidence_level : float, default=0.95

    Returns
    -------
    estimates, covariances, components, arms, differences, equality
        As in `MRMCResult`.
    """
    covariances = ErrorCovariances.from_matrix(_covariance(without))
    estimates = pd.DataFrame(whole.T, index=readers, columns=pd.Index(arms, name="arm"))
    return estimates, covariances, *compare_arms(estimates, covariances, confidence_level)


def mrmc_against(
    y_true: ArrayLike,
    readers: pd.DataFrame,
    model: ArrayLike | pd.DataFrame,
    metric: Metric,
    *,
    groups: ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> pd.DataFrame:
    """Compare the mean of readers with a model that read the same cases.

    Parameters
    ----------
    y_true : array-like of shape (n_cases,)
    readers : DataFrame of shape (n_cases, n_readers)
    model : array-like of shape (n_cases,), or DataFrame of shape (n_cases, n_runs)
        Answers of the model. Of several runs, the metric is averaged.
    metric : callable
        ``metric(y_true, answers) -> float``.
    groups : array-like of shape (n_cases,), default=None
    confidence_level : float, default=0.95

    Returns
    -------
    DataFrame, indexed by analysis
        ``readers`` (their mean), ``model``, ``estimate`` (model less readers), ``se``, ``df``,
        ``statistic``, ``p``, ``low``, ``high``.

    Raises
    ------
    ValueError
        As `mrmc_analysis`.

    Notes
    -----
    The differences between the model and each reader are one arm of Obuchowski and Rockette's
    model, whose mean is tested against 0: the model is fixed, and its error, which all
    differences share, is in their covariance.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.metrics import accuracy_score
    >>> from sknemg.metrics import mrmc_against
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["myopathy", "normal"], 20)
    >>> readers = pd.DataFrame({r: np.where(rng.random(40) < 0.6, y, "neuropathy") for r in "ABC"})
    >>> model = np.where(rng.random(40) < 0.9, y, "neuropathy")
    >>> table = mrmc_against(y, readers, model, accuracy_score)
    >>> table.loc["random readers and cases", ["readers", "model", "low", "high"]].round(2)
    readers    0.52
    model      0.90
    low        0.16
    high       0.60
    Name: random readers and cases, dtype: float64
    """
    check_level(confidence_level)
    _check_metric(metric)
    if np.ndim(model) != 1 and not (isinstance(model, pd.DataFrame) and model.shape[1]):
        raise ValueError(
            f"model has shape {np.shape(model)}: give one answer for each case, or a DataFrame "
            "with a column for each run."
        )
    runs = model if isinstance(model, pd.DataFrame) else pd.Series(model).to_frame()
    y, _, (answers,) = _check(y_true, {"readers": readers})
    _check_answers("model", runs, len(y))
    machine = runs.to_numpy()
    units = _units(groups, len(y))

    def values(kept: NDArray[Any]) -> NDArray[Any]:
        own = np.mean([_value(metric, y, run, kept) for run in machine.T])
        return np.array([[own] + [_value(metric, y, a, kept) for a in answers.T]])

    theta, pseudo = jackknife(values, units)
    return analyse_against(theta[0], pseudo[:, 0], readers.columns, confidence_level)


def analyse_against(
    whole: NDArray[Any], without: NDArray[Any], readers: Any, confidence_level: float = 0.95
) -> pd.DataFrame:
    """Compare a model with readers by a metric that the jackknife has estimated.

    Parameters
    ----------
    whole : ndarray of shape (1 + n_readers,)
        Of the model, then of the readers.
    without : ndarray of shape (n_units, 1 + n_readers)
        The metric without each unit.
    readers : sequence of names
    confidence_level : float, default=0.95

    Returns
    -------
    DataFrame
        As `mrmc_against`.
    """
    differences = (without[:, :1] - without[:, 1:])[:, None]
    covariances = ErrorCovariances.from_matrix(_covariance(differences))
    frame = pd.DataFrame({"difference": whole[0] - whole[1:]}, index=readers)
    table = _arms(frame, covariances, confidence_level, test=True).droplevel(1)
    table.insert(0, "readers", whole[1:].mean())
    table.insert(1, "model", whole[0])
    return table


def jackknife(
    values: Callable[[NDArray[Any]], NDArray[Any]], units: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Estimate something from all cases, and from all but one unit at a time.

    Parameters
    ----------
    values : callable
        From the positions of cases to an array.
    units : ndarray of shape (n_cases,), int
        0 to the number of units less 1.

    Returns
    -------
    whole : ndarray
    without : ndarray of shape (n_units, ...)
    """
    rows = np.arange(len(units))
    whole = values(rows)
    without = np.stack([values(rows[units != unit]) for unit in range(units.max() + 1)])
    lacking = np.flatnonzero(~np.isfinite(without).all(axis=tuple(range(1, without.ndim))))
    if len(lacking) or not np.isfinite(whole).all():
        raise ValueError(
            f"The metric is undefined without {listed(lacking, 'unit')} of the jackknife: give two "
            "or more subjects of each class, or another metric."
        )
    return whole, without


def _covariance(without: NDArray[Any]) -> NDArray[Any]:
    """Give the jackknife's covariance of estimates, of shape (..., ...) without the first axis."""
    n, shape = len(without), without.shape[1:]
    centred = (without - without.mean(axis=0)).reshape(n, -1)
    return np.asarray(((n - 1) / n * centred.T @ centred).reshape(shape + shape))


def compare_arms(
    estimates: pd.DataFrame, covariances: ErrorCovariances, confidence_level: float = 0.95
) -> tuple[pd.Series, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Test and estimate from the readers' estimates and their covariances.

    Parameters
    ----------
    estimates : DataFrame of shape (n_readers, n_arms)
    covariances : ErrorCovariances
    confidence_level : float, default=0.95

    Returns
    -------
    components, arms, differences, equality
        As in `MRMCResult`.
    """
    theta = estimates.to_numpy().T
    t, r = theta.shape
    ms_reader, ms_both, ms_arm = _mean_squares(theta)
    c = covariances
    spread = max(c.cov2 - c.cov3, 0.0) if t > 1 else np.nan
    components = pd.Series(
        {
            "reader": (ms_reader - ms_both) / t - c.cov1 + c.cov3,
            "reader x arm": ms_both - c.var + c.cov1 + spread,
            "var": c.var,
            "cov1": c.cov1,
            "cov2": c.cov2,
            "cov3": c.cov3,
        }
    )
    df_both = (t - 1) * (r - 1)
    random = ms_both + r * spread
    errors = {  # mean square of the error, and its degrees of freedom
        ANALYSES[0]: (random, df_both * _square_ratio(random, ms_both)),
        ANALYSES[1]: (c.var - c.cov1 + (r - 1) * spread, np.inf),
        ANALYSES[2]: (ms_both, float(df_both)),
    }
    index = ["analysis", "arm", "other"]
    pairs, equality = {}, {}
    tail = (1 + confidence_level) / 2
    for analysis, (error, df) in errors.items():
        if t < 2:
            break
        with np.errstate(divide="ignore"):
            f = float(np.divide(ms_arm, error)) if ms_arm else 0.0
        p = stats.chi2.sf((t - 1) * f, t - 1) if np.isinf(df) else stats.f.sf(f, t - 1, df)
        equality[analysis] = {"statistic": f, "df1": t - 1, "df2": df, "p": float(p)}
        se = np.sqrt(2 * max(error, 0.0) / r)
        for i in range(t):
            for k in range(i + 1, t):
                difference = float(theta[i].mean() - theta[k].mean())
                names = analysis, estimates.columns[i], estimates.columns[k]
                pairs[names] = _row(difference, se, df, tail, test=True)
    places = pd.MultiIndex.from_tuples(list(pairs), names=index)
    differences = pd.DataFrame(list(pairs.values()), columns=_COLUMNS, index=places)
    return (
        components,
        _arms(estimates, covariances, confidence_level),
        differences,
        pd.DataFrame(equality, index=["statistic", "df1", "df2", "p"]).T.rename_axis("analysis"),
    )


def _arms(
    estimates: pd.DataFrame,
    covariances: ErrorCovariances,
    confidence_level: float,
    *,
    test: bool = False,
) -> pd.DataFrame:
    """Estimate the mean over readers of each arm, from that arm alone."""
    r = len(estimates)
    rows = {}
    for i, arm in enumerate(estimates):
        own = estimates[arm].to_numpy()
        between = float(own.var(ddof=1))
        shared = max(covariances.cov2_of_arm[i], 0.0)
        random = between + r * shared
        fixed = covariances.var_of_arm[i] + (r - 1) * shared
        errors = {
            ANALYSES[0]: (random, (r - 1) * _square_ratio(random, between)),
            ANALYSES[1]: (fixed, np.inf),
            ANALYSES[2]: (between, float(r - 1)),
        }
        for analysis, (error, df) in errors.items():
            se = np.sqrt(max(error, 0.0) / r)
            tail = (1 + confidence_level) / 2
            rows[analysis, arm] = _row(float(own.mean()), se, df, tail, test=test)
    table = pd.DataFrame(rows, index=_COLUMNS).T.rename_axis(["analysis", "arm"])
    return table.loc[[(a, arm) for a in ANALYSES for arm in estimates]]


def _row(value: float, se: float, df: float, tail: float, *, test: bool = False) -> list[float]:
    reach = float(stats.t.ppf(tail, df)) * se if se > 0 else 0.0
    statistic = p = np.nan
    if test and se > 0:
        statistic = value / se
        p = float(2 * stats.t.sf(abs(statistic), df))
    elif test:
        p = 1.0 if value == 0 else 0.0
    return [value, float(se), float(df), statistic, p, value - reach, value + reach]


def _square_ratio(whole: float, part: float) -> float:
    """Give (whole / part)², infinite where readers do not differ at all."""
    return float((whole / part) ** 2) if part > 0 else np.inf


def _mean_squares(theta: NDArray[Any]) -> tuple[float, float, float]:
    """Give mean squares of readers, of readers x arms, and of arms; NaN of what is not there."""
    t, r = theta.shape
    whole = theta.mean()
    by_arm, by_reader = theta.mean(axis=1), theta.mean(axis=0)
    rest = theta - by_arm[:, None] - by_reader + whole
    least = 1e-14 * np.abs(theta).max()  # of rounding, which would be tested against itself

    def squares(off: NDArray[Any]) -> float:
        return float((np.where(np.abs(off) > least, off, 0.0) ** 2).sum())

    reader = t * squares(by_reader - whole) / (r - 1)
    if t < 2:
        return reader, np.nan, np.nan
    return reader, squares(rest) / ((t - 1) * (r - 1)), r * squares(by_arm - whole) / (t - 1)


def _value(metric: Metric, y: NDArray[Any], answers: NDArray[Any], kept: NDArray[Any]) -> float:
    value = metric(y[kept], answers[kept])
    if np.ndim(value):
        raise ValueError(
            f"metric={metric!r} gives an array of shape {np.shape(value)}: give a function that "
            "makes one number of the diagnoses and answers."
        )
    return float(value)


def _check_metric(metric: Metric) -> None:
    if not callable(metric):
        raise ValueError(
            f"metric={shown(metric)} must be a function of diagnoses and answers, such as "
            "sklearn.metrics.accuracy_score."
        )


def _units(groups: ArrayLike | None, n_cases: int) -> NDArray[Any]:
    if groups is None:
        units = np.arange(n_cases)
    else:
        units = pd.factorize(check_subjects(groups, n_cases))[0]
    if units.max() < 2:
        raise ValueError(
            f"The jackknife leaves out each subject in turn and has {units.max() + 1}: give three "
            "or more."
        )
    return units


def _check(
    y_true: ArrayLike, arms: Mapping[Hashable, pd.DataFrame]
) -> tuple[NDArray[Any], list[Any], list[NDArray[Any]]]:
    if not isinstance(arms, Mapping):
        raise ValueError(
            f"arms is a {type(arms).__name__}: give a mapping of the name of each arm to a "
            "DataFrame with a column for each reader."
        )
    names = list(arms)
    if not names:
        raise ValueError("There are no arms: give the answers of at least one.")
    for name in names:
        check_reader_table(f"The arm {shown(name)}", arms[name])
    first = arms[names[0]]
    y = check_labels(y_true, len(np.atleast_1d(y_true)))
    for name in names:
        table = arms[name]
        if list(table.columns) != list(first.columns):
            raise ValueError(
                f"The arm {shown(name)} has the readers {shown(table.columns)}, and "
                f"{shown(names[0])} has {shown(first.columns)}: give the same in the same order."
            )
        if table.shape[1] < 2:
            raise ValueError(f"The arm {shown(name)} has fewer than two readers: give two or more.")
        _check_answers(name, table, len(y))
    return y, names, [arms[name].to_numpy() for name in names]


def _check_answers(name: Any, table: pd.DataFrame, n_cases: int) -> None:
    if len(table) != n_cases:
        raise ValueError(
            f"The arm {shown(name)} has {len(table)} rows for {n_cases} diagnoses: give one for "
            "each."
        )
    missing = np.flatnonzero(table.isna().any(axis=1))
    if len(missing):
        raise ValueError(
            f"The arm {shown(name)} lacks answers in {listed(missing, 'row')}: leave these rows "
            "out of all arms, or the readers concerned, and say so."
        )
