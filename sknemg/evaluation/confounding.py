"""Table of what differs between the diagnoses beside the disease, each column tested by subject."""

from __future__ import annotations

import re
from collections.abc import Iterator
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from sknemg.evaluation.demographics import diagnosis_columns
from sknemg.evaluation.nuisance import MEASURES, nuisance_table, signals_of
from sknemg.recordings import Recordings
from sknemg.recordings._problems import ROW, shown
from sknemg.recordings._subjects import (
    check_labels,
    check_subjects,
    label_subjects,
    require_columns,
)

#: Number of times that the diagnoses are dealt out anew.
_SHUFFLES = 1999
_NOT_DESCRIBED = {"subject", "recording", "file", "row_of_X", "table_row", "signal", ROW}
_LIMITS = "clipped"  # the column in which loaders count samples at the limits of the format
_HEADINGS = {"sfreq": MEASURES["sfreq"], _LIMITS: "samples at the limits of the format"}
_FEW_VALUES = 5  # up to which numbers are counted like names
_PUBLIC = {MEASURES["sfreq"], "sex", "side", "muscle", "location", "needle", "machine", "site"}
_MOST_NAMES = 12  # entries of a column that have a row of their own
_DATE = re.compile(r"\d{4}-\d{2}(-\d{2}([T ].*)?)?")
_BY_COUNT = "χ², diagnoses shuffled"
_BY_RANK = "Kruskal-Wallis of subjects"


class _Row(NamedTuple):
    """A row of the table: its texts, one for each diagnosis, and the test."""

    name: str
    cells: list[str]
    counted: str
    p: float = np.nan
    test: str = ""


def confounds(
    X: Recordings | pd.DataFrame,
    y: ArrayLike,
    *,
    least: int = 1,
    random_state: int | None = 0,
) -> pd.DataFrame:
    """Tabulate what else differs between the diagnoses, with every column of `X`.

    A classifier can learn these differences instead of the disease. A small p says that it could.
    A large one in a small cohort proves nothing: see :func:`chance_to_find`.

    Parameters
    ----------
    X : Recordings of signals, or DataFrame with the columns ``signal`` and ``sfreq``
        With the column ``subject``.
    y : array-like of shape (n_recordings,)
        Diagnoses; all recordings of a subject have the same.
    least : int, default=1
        Number of subjects below which nothing is told of them: entries that fewer subjects have
        are pooled, and values of a diagnosis with fewer are left out. Above 1, entries are named
        of the columns ``sex``, ``side``, ``muscle``, ``location``, ``needle``, ``machine`` and
        ``site`` alone, and counted of others. For tables that leave the house, such as the card of
        a model.
    random_state : int or None, default=0
        Seed of the shuffled diagnoses.

    Returns
    -------
    DataFrame, a column for each diagnosis, then ``counted``, ``p`` and ``test``
        Counts with percentages of what is known, or means ± standard deviations over subjects, as
        text; "–" where nothing is known. A diagnosis that is itself named as one of the last three
        has a column such as ``"p (diagnosis)"``. Rows are the numbers of subjects and recordings;
        every column of `X` (numbers, times and dates by their means, names and numbers of few
        values by their counts) but those that name the subject, the recording or the file and those
        that repeat the diagnoses in words; and what :func:`nuisance_table` measures. ``p`` is NaN
        where nothing is tested, which a column with one entry for all is not, or where the test is
        undefined.

    Raises
    ------
    ValueError
        If subjects or diagnoses are missing, a subject has two diagnoses, or `X` holds no signals
        or no rates.

    Notes
    -----
    Each subject counts once, whatever the number of its recordings. Numbers are compared by the
    Kruskal-Wallis test of the subjects' means. Names are compared by χ² of the subjects' shares:
    a subject with three recordings from one machine and one from another is three quarters of a
    subject for the first. Since shares are no counts, and small counts no normal numbers, p is the
    part of 1,999 random assignments of the diagnoses to the subjects whose χ² is as large.

    On average one in twenty columns that are unrelated to the diagnosis has p < 0.05.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> from sknemg.evaluation import confounds
    >>> X = Recordings(
    ...     np.zeros((6, 100)), sfreq=100, subject=list("aabbcd"), machine=list("UUUVVV")
    ... )
    >>> table = confounds(X, ["myopathy"] * 4 + ["normal"] * 2)
    >>> table.loc[["subjects", "machine: U", "machine: V"], ["myopathy", "normal"]]
                    myopathy       normal
    subjects               2            2
    machine: U  1.5 (75.0 %)    0 (0.0 %)
    machine: V  0.5 (25.0 %)  2 (100.0 %)
    """
    X = signals_of(X)
    require_columns(X.meta, ["subject"])
    subject = check_subjects(X["subject"], len(X))
    labels = check_labels(y, len(X))
    codes, _, first = label_subjects(labels, subject)
    cohort = _Cohort(codes, labels[first], least, np.random.default_rng(random_state))
    rows = [
        _Row("subjects", [str(n) for n in cohort.sizes], "subjects"),
        _Row("recordings", [str(int((labels == c).sum())) for c in cohort.classes], "recordings"),
    ]
    for name in X.meta.columns:
        if name in _NOT_DESCRIBED or _repeats(X[name], labels):
            continue
        heading, column = _HEADINGS.get(name, str(name)), X[name]
        if name == _LIMITS and _is_numeric(column):  # a count, however few values it has
            rows += cohort.numbers(heading, column.to_numpy(dtype=float, na_value=np.nan))
        else:
            rows += cohort.describe(heading, column)
    measures = nuisance_table(X)
    if "sfreq" in X.meta:
        measures = measures.drop(columns="sfreq")
    for measure in map(str, measures):
        rows += cohort.numbers(MEASURES[measure], measures[measure].to_numpy())
    columns = diagnosis_columns(cohort.classes, ["counted", "p", "test"])
    table = pd.DataFrame([row.cells for row in rows], columns=columns)
    table = table.assign(
        counted=[row.counted for row in rows],
        p=[row.p for row in rows],
        test=[row.test for row in rows],
    )
    return table.set_axis([row.name for row in rows])


def chance_to_find(n_subjects: ArrayLike, difference: float = 1.0) -> float:
    """Give the chance that a cohort of this size shows a difference with p < 0.05.

    Parameters
    ----------
    n_subjects : array-like of shape (n_classes,)
        Number of subjects per diagnosis.
    difference : float, default=1
        Difference between the means of the two smallest diagnoses, in standard deviations.

    Returns
    -------
    float
        Power of the two-sided t-test between these two. NaN if one has a single subject.

    Raises
    ------
    ValueError
        If there are not the numbers of two diagnoses, or one is no whole number.

    Examples
    --------
    With three subjects in each of two diagnoses, one cohort in six shows such a difference:

    >>> from sknemg.evaluation import chance_to_find
    >>> round(chance_to_find([3, 3, 10]), 2), round(chance_to_find([19, 19, 20]), 2)
    (0.16, 0.85)
    """
    sizes = np.asarray(n_subjects)
    numbers = sizes.dtype.kind in "iuf" and sizes.ndim == 1 and len(sizes) >= 2
    if not numbers or not ((sizes >= 0) & (sizes % 1 == 0)).all():
        raise ValueError(
            f"n_subjects={shown(n_subjects)} must be two or more whole numbers, of the subjects of "
            "each diagnosis."
        )
    if not (isinstance(difference, Real) and np.isfinite(difference)):
        raise ValueError(
            f"difference={shown(difference)} must be a finite number of standard deviations."
        )
    small, large = np.sort(sizes)[:2].astype(float)
    free = small + large - 2
    if small < 2:
        return float("nan")
    shift = difference / np.sqrt(1 / small + 1 / large)
    limit = stats.t.ppf(0.975, free)
    return float(stats.nct.sf(limit, free, shift) + stats.nct.cdf(-limit, free, shift))


def column_of(row: str, test: str) -> str:
    """Name what a row of `confounds` is about, without its entry and its unit.

    Parameters
    ----------
    row : str
        Its name.
    test : str

    Returns
    -------
    str

    Examples
    --------
    >>> column_of("muscle: deltoid", "χ², diagnoses shuffled")
    'muscle'
    >>> column_of("mains hum (log10 mV², -15: none)", "Kruskal-Wallis of subjects")
    'mains hum'
    """
    name = row.partition(": ")[0] if test == _BY_COUNT else row
    return re.sub(r" \([^()]*\)$", "", name)


class _Cohort:
    """The subjects of a cohort, and what can be said of a column.

    Parameters
    ----------
    codes : ndarray of shape (n_recordings,), int
        The number of each recording's subject.
    diagnoses : ndarray of shape (n_subjects,)
    least : int
    rng : Generator
    """

    def __init__(
        self, codes: NDArray[Any], diagnoses: NDArray[Any], least: int, rng: np.random.Generator
    ):
        self.codes = codes
        self.classes = sorted(pd.unique(pd.Series(diagnoses)).tolist(), key=str)
        self.member = np.array([[d == c for c in self.classes] for d in diagnoses.tolist()])
        self.sizes = self.member.sum(axis=0)
        self.least = least
        self.rng = rng

    def describe(self, name: str, column: pd.Series) -> Iterator[_Row]:
        """Describe a column of recordings by what it holds."""
        column = column.reset_index(drop=True)
        known = column.dropna()
        if not len(known):
            return
        if isinstance(column.dtype, pd.PeriodDtype):
            column = column.dt.to_timestamp()
        if pd.api.types.is_timedelta64_dtype(column.dtype):
            yield from self.numbers(f"{name} (s)", column.dt.total_seconds().to_numpy(dtype=float))
        elif dates := _as_dates(column):
            yield from self.numbers(name, dates[0], dates=True)
        elif _is_numeric(column) and known.nunique() > _FEW_VALUES:
            yield from self.numbers(
                name, pd.to_numeric(column).to_numpy(dtype=float, na_value=np.nan)
            )
        else:
            yield from self.names(name, column)

    def numbers(self, name: str, values: NDArray[Any], *, dates: bool = False) -> Iterator[_Row]:
        """Compare the means of the subjects."""
        # Twelve digits: in its last ones, a mean of one value tells of how many recordings it is.
        each = pd.Series(values, dtype=float).groupby(self.codes).mean()
        means = np.array([float(f"{mean:.12g}") for mean in each])
        samples = [means[own][np.isfinite(means[own])] for own in self.member.T]
        if not any(map(len, samples)):
            return
        cells = ["–" if len(s) < max(self.least, 1) else _mean(s, dates) for s in samples]
        tested = all(map(len, samples)) and np.ptp(np.concatenate(samples)) > 0
        p = float(stats.kruskal(*samples).pvalue) if tested else np.nan
        yield _Row(name, cells, "subjects", p, _BY_RANK if tested else "")

    def names(self, name: str, column: pd.Series) -> Iterator[_Row]:
        """Compare the subjects' shares of each entry."""
        entries = column.map(_as_text)
        shares = pd.crosstab(self.codes, entries, normalize="index")
        shares = shares.reindex(range(len(self.member))).fillna(0.0)
        who = (shares > 0).sum()
        p, test = np.nan, ""
        if shares.shape[1] > 1:
            p, test = self._shuffled(shares.to_numpy()), _BY_COUNT
        pooled = who < self.least
        hidden = self.least > 1 and name not in _PUBLIC
        if hidden or (who.max() < 2 and len(who) > 1) or (~pooled).sum() > _MOST_NAMES:
            different = [f"{(shares[own] > 0).any().sum()} different" for own in self.member.T]
            yield _Row(name, different, "subjects", p, test)
            return
        shown = shares.loc[:, ~pooled]
        if pooled.any():
            shown = shown.assign(**{"(others)": shares.loc[:, pooled].sum(axis=1)})
        sums = np.array([shown[own].sum() for own in self.member.T])
        total = sums.sum(axis=1)
        for place, entry in enumerate(shown.columns):
            cells = [
                f"{n:.3g} ({100 * n / known:.1f} %)" if known > 0 else "–"
                for n, known in zip(sums[:, place], total, strict=True)
            ]
            tested = (p, test) if place == 0 else (np.nan, "")
            yield _Row(f"{name}: {entry}", cells, "subjects", *tested)

    def _shuffled(self, shares: NDArray[np.float64]) -> float:
        """Deal the diagnoses out anew, and count how often χ² is as large."""
        known = shares.sum(axis=1) > 0
        shares, member = shares[known], self.member[known].astype(float)
        if not member.any(axis=0).all() or not len(shares):
            return np.nan
        expected = np.outer(member.sum(axis=0), shares.sum(axis=0)) / len(shares)

        def chi2(member: NDArray[np.float64]) -> NDArray[np.float64]:
            found = np.swapaxes(member, -1, -2) @ shares
            return ((found - expected) ** 2 / expected).sum(axis=(-1, -2))

        orders = self.rng.permuted(np.tile(np.arange(len(shares)), (_SHUFFLES, 1)), axis=1)
        as_large = chi2(member[orders]) >= chi2(member) * (1 - 1e-9)
        return float((1 + as_large.sum()) / (1 + _SHUFFLES))


def _mean(sample: NDArray[np.float64], dates: bool) -> str:
    off = sample - sample[:1]  # 0 if all are equal, and so is their spread
    spread = float(off.std(ddof=1)) if len(sample) > 1 else np.nan
    if dates:
        day = pd.Timestamp(0) + pd.Timedelta(days=float(sample.mean()))
        text = f"{day:%Y-%m-%d}"
        return text if np.isnan(spread) else f"{text} ± {spread:.0f} days"
    mean = float(sample.mean())
    digits = 1 if abs(mean) >= 1 or not np.isfinite(spread) else None
    if digits is None:  # so small that one digit after the point says nothing
        text = f"{mean:z.3g}"
        return text if np.isnan(spread) else f"{text} ± {spread:.2g}"
    return f"{mean:z.1f}" + ("" if np.isnan(spread) else f" ± {spread:.1f}")


def _repeats(column: pd.Series, labels: NDArray[Any]) -> bool:
    """Tell whether a column is the diagnoses themselves; numbers may be codes of anything."""
    if not all(isinstance(label, str) for label in labels.tolist()):
        return False
    return column.map(_as_text).tolist() == [_as_text(label) for label in labels.tolist()]


def _is_numeric(column: pd.Series) -> bool:
    kind = column.dtype
    return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)


def _as_dates(column: pd.Series) -> tuple[NDArray[Any]] | None:
    """Days since 1970, of times and of texts that all read YYYY-MM or YYYY-MM-DD; else None."""
    if not pd.api.types.is_datetime64_any_dtype(column.dtype):
        known = column.dropna()
        if not all(isinstance(e, str) and _DATE.fullmatch(e.strip()) for e in known):
            return None
        column = pd.to_datetime(column.str.strip(), errors="coerce", utc=True, format="ISO8601")
        if column.notna().sum() < len(known):
            return None
    times = pd.to_datetime(column, utc=True)
    days = (times - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
    return (days.to_numpy(dtype=np.float64),)


def _as_text(entry: Any) -> Any:
    if isinstance(entry, (list, dict, np.ndarray)):
        return str(entry)
    if entry is None or entry is pd.NA or entry != entry:
        return np.nan
    if isinstance(entry, (float, np.floating)):
        return f"{entry + 0.0:.15g}"  # 0 and -0 are one, as are sums off by rounding
    return str(entry).strip() or np.nan
