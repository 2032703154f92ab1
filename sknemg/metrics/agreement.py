"""Agreement between readers, and readers as points beside a curve."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.metrics._bootstrap import SubjectRows, draw_subjects
from sknemg.metrics._intervals import check_level, effective_number, exact_interval
from sknemg.metrics._readers import check_chosen_readers, check_reader_table, check_spelling
from sknemg.recordings._problems import check_counts, listed, shown
from sknemg.recordings._subjects import check_known, check_labels, check_subjects

_BATCH = 100  # draws counted at once


def fleiss_agreement(
    ratings: pd.DataFrame,
    sets: Mapping[str, Sequence[Any]] | None = None,
    *,
    y_true: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    confidence_level: float = 0.95,
    n_bootstrap: int = 1000,
    random_state: int | None = None,
) -> pd.DataFrame:
    """Measure the agreement within sets of readers by Fleiss' κ, overall and for each class.

    Parameters
    ----------
    ratings : DataFrame of shape (n_subjects, n_readers)
        Labels; every reader has rated every subject.
    sets : mapping of name to columns, default=None
        Such as the physicians, and the physicians with the model; by default all readers.
    y_true : array-like of shape (n_subjects,), default=None
        Diagnoses. With them, subjects are drawn within their diagnoses, as in
        :func:`~sknemg.metrics.score_table`: right where the number of subjects of each diagnosis
        was chosen beforehand. Without, they are drawn from all.
    groups : array-like of shape (n_subjects,), default=None
        The subject of each row where rows are recordings; a subject is drawn with all of them.
    confidence_level : float, default=0.95
    n_bootstrap : int, default=1000
        Samples of subjects for the intervals.
    random_state : int, default=None

    Returns
    -------
    DataFrame
        Indexed by (set, class or ``"overall"``), with ``kappa``, ``low``, ``high``,
        ``n_effective``. A κ is NaN where all ratings are equal.

    Raises
    ------
    ValueError
        If ratings are missing, naming the rows, a rating is written in two ways, a set has one
        reader, one twice or one that has no column, two columns have one name, or `y_true` does not
        fit.

    Notes
    -----
    κ lies between -1 / (n_readers - 1) and 1. Its interval is that of a proportion of as many
    subjects as would make it vary equally over samples of subjects (``n_effective``), one of them
    rated at random: readers who agree on all subjects of a small study may still differ on the
    next.

    Examples
    --------
    >>> import pandas as pd
    >>> from sknemg.metrics import fleiss_agreement
    >>> ratings = pd.DataFrame({"A": list("mmnn"), "B": list("mmnn"), "C": list("mmnm")})
    >>> fleiss_agreement(ratings, {"all": ["A", "B", "C"]}, random_state=0)["kappa"].round(2)
    set  class
    all  overall    0.66
         m          0.66
         n          0.66
    Name: kappa, dtype: float64
    """
    sets = _check_sets(ratings, sets)
    missing = np.flatnonzero(ratings.isna().any(axis=1))
    if len(missing):
        raise ValueError(
            f"Fleiss' κ needs every reader's rating of every subject; some are missing in "
            f"{listed(missing, 'row')}: drop these rows, or the readers concerned, and say so."
        )
    draws = _Draws(ratings, y_true, groups, confidence_level, n_bootstrap, random_state)
    n_classes = len(draws.classes)
    places = {name: _places(ratings, readers) for name, readers in sets.items()}
    resampled = draws.resample(lambda _, marks: _kappas(marks, n_classes), places)
    rows = {}
    for name, columns in places.items():
        value = _kappas(draws.marks[:, columns], n_classes)
        bounds = -1 / (len(columns) - 1), 1.0
        low, high, n = draws.interval(value, resampled[name], bounds)
        for label, *numbers in zip(["overall", *draws.classes], value, low, high, n, strict=True):
            rows[name, label] = dict(
                zip(["kappa", "low", "high", "n_effective"], numbers, strict=True)
            )
    return pd.DataFrame(rows).T.rename_axis(["set", "class"])


def gwet_agreement(
    ratings: pd.DataFrame,
    sets: Mapping[str, Sequence[Any]] | None = None,
    *,
    y_true: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    confidence_level: float = 0.95,
    n_bootstrap: int = 1000,
    random_state: int | None = None,
) -> pd.DataFrame:
    """Measure the agreement within sets of readers by Gwet's AC1.

    Unlike κ it does not fall where nearly all cases are of one class [1]_. The classes are those
    that a set has named, whatever readers outside of it name.

    Parameters
    ----------
    ratings : DataFrame of shape (n_subjects, n_readers)
        Labels. Ratings may be missing: a subject with one rating counts for how often classes are
        named, one with two or more for the agreement.
    sets, y_true, groups, confidence_level, n_bootstrap, random_state
        As for `fleiss_agreement`.

    Returns
    -------
    DataFrame
        Indexed by set, with ``agreement``, the share of pairs of ratings that agree, ``ac1``,
        ``low``, ``high`` (of AC1) and ``n_effective``.

    References
    ----------
    .. [1] K. L. Gwet, "Computing inter-rater reliability and its variance in the presence of high
       agreement", British Journal of Mathematical and Statistical Psychology 61, 2008.

    Examples
    --------
    >>> import pandas as pd
    >>> from sknemg.metrics import gwet_agreement
    >>> ratings = pd.DataFrame({"A": list("mmnn"), "B": list("mmnn"), "C": list("mmnm")})
    >>> gwet_agreement(ratings, random_state=0)[["agreement", "ac1"]].round(2)
         agreement   ac1
    set
    all       0.83  0.68
    """
    sets = _check_sets(ratings, sets)
    draws = _Draws(ratings, y_true, groups, confidence_level, n_bootstrap, random_state)
    n_classes = len(draws.classes)
    places = {name: _places(ratings, readers) for name, readers in sets.items()}
    named = {name: _n_named(draws.marks[:, columns]) for name, columns in places.items()}
    named = {name: max(n, min(2, n_classes)) for name, n in named.items()}
    resampled = draws.resample(lambda name, marks: _gwet(marks, n_classes, named[name])[1], places)
    rows = {}
    for name, columns in places.items():
        agreement, value = _gwet(draws.marks[:, columns], n_classes, named[name])
        bounds = -1 / max(named[name] - 1, 1), 1.0
        interval = draws.interval(value, resampled[name], bounds)
        names = ["agreement", "ac1", "low", "high", "n_effective"]
        rows[name] = dict(
            zip(names, [*agreement, *value, *(bound[0] for bound in interval)], strict=True)
        )
    return pd.DataFrame(rows).T.rename_axis("set")


def pair_agreement(
    ratings: pd.DataFrame,
    pairs: Sequence[tuple[Any, Any]] | None = None,
    *,
    y_true: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    confidence_level: float = 0.95,
    n_bootstrap: int = 1000,
    random_state: int | None = None,
) -> pd.DataFrame:
    """Measure the agreement of pairs of readers, or of readers with themselves, by Cohen's κ.

    Parameters
    ----------
    ratings : DataFrame of shape (n_subjects, n_readers)
        Labels. Each pair is compared on the subjects that both have rated.
    pairs : sequence of (column, column), default=None
        By default all pairs of columns. A reader's first and second reading are two columns.
    y_true, groups, confidence_level, n_bootstrap, random_state
        As for `fleiss_agreement`.

    Returns
    -------
    DataFrame
        A row for each pair: ``first``, ``second``, ``n`` (rows that both have rated),
        ``agreement`` (the share on which they agree), ``kappa``, ``low``, ``high``,
        ``n_effective``. κ is NaN where both give one and the same class to all.

    Raises
    ------
    ValueError
        If there is no pair, or one that does not hold two readers of the table.

    Examples
    --------
    >>> import pandas as pd
    >>> from sknemg.metrics import pair_agreement
    >>> ratings = pd.DataFrame({"A": list("mmnn"), "B": ["m", "m", "m", None]})
    >>> pair_agreement(ratings, random_state=0)[["first", "second", "n", "agreement"]].round(2)
      first second  n  agreement
    0     A      B  3       0.67
    """
    check_reader_table("The table of ratings", ratings)
    pairs = list(combinations(ratings.columns, 2)) if pairs is None else list(pairs)
    if not pairs:
        raise ValueError("There are no pairs: give at least one, or two readers or more.")
    for pair in pairs:
        check_chosen_readers(f"The pair {shown(pair)}", ratings, pair)
        if len(pair) != 2:
            raise ValueError(f"The pair {shown(pair)} does not hold two readers: give two.")
    draws = _Draws(ratings, y_true, groups, confidence_level, n_bootstrap, random_state)
    places = np.array([_places(ratings, pair) for pair in pairs])
    n_classes = len(draws.classes)
    number, agreement, value = _cohen(draws.marks, places, n_classes)
    resampled = np.concatenate([_cohen(batch, places, n_classes)[2] for batch in draws])
    low, high, n = draws.interval(value, resampled, (-1.0, 1.0))
    return pd.DataFrame(
        {
            "first": [first for first, _ in pairs],
            "second": [second for _, second in pairs],
            "n": number.astype(int),
            "agreement": agreement,
            "kappa": value,
            "low": low,
            "high": high,
            "n_effective": n,
        }
    )


def _check_sets(
    ratings: pd.DataFrame, sets: Mapping[str, Sequence[Any]] | None
) -> Mapping[str, Sequence[Any]]:
    check_reader_table("The table of ratings", ratings)
    sets = {"all": list(ratings.columns)} if sets is None else sets
    if not isinstance(sets, Mapping):
        raise ValueError(
            f"sets is a {type(sets).__name__}: give a mapping of the name of each set to its "
            "readers."
        )
    for name, readers in sets.items():
        check_chosen_readers(f"The set {shown(name)}", ratings, readers)
        if len(readers) < 2:
            plural = "" if len(readers) == 1 else "s"
            raise ValueError(
                f"The set {shown(name)} has {len(readers)} reader{plural}: κ needs two or more."
            )
    return sets


def _places(ratings: pd.DataFrame, readers: Sequence[Any]) -> NDArray[np.intp]:
    return np.array([list(ratings.columns).index(reader) for reader in readers])


class _Draws:
    """Ratings as codes, and samples of subjects with all their ratings."""

    def __init__(
        self,
        ratings: pd.DataFrame,
        y_true: ArrayLike | None,
        groups: ArrayLike | None,
        confidence_level: float,
        n_bootstrap: int,
        random_state: int | None,
    ):
        check_level(confidence_level)
        check_counts(2, n_bootstrap=n_bootstrap)
        codes, labels = pd.factorize(ratings.to_numpy().ravel())
        check_spelling("Ratings", labels)
        order = np.argsort([str(label) for label in labels], kind="stable")
        ranks = np.append(np.argsort(order), -1)  # a missing rating stays -1
        self.marks = ranks[codes].reshape(ratings.shape)
        self.classes = labels[order]
        self.level = confidence_level
        n_rows = len(ratings)
        strata = np.zeros(n_rows) if y_true is None else check_labels(y_true, n_rows)
        rows = SubjectRows(strata, None if groups is None else check_subjects(groups, n_rows))
        self.strata = rows.labels
        self.members = None if groups is None else rows.members
        self.n_draws = n_bootstrap
        self.seed = np.random.SeedSequence(random_state)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """Yield samples of shape (n_samples, n_rows, n_readers), the same ones each time."""
        rng = np.random.default_rng(self.seed)
        if self.members is None:
            drawn = _draw_ratings(self.marks, self.strata, self.n_draws, rng)
            for start in range(0, self.n_draws, _BATCH):
                yield drawn[start : start + _BATCH]
            return
        subjects, strange = draw_subjects(self.strata, self.n_draws, rng)
        n_rows, n_readers = self.marks.shape
        for who, unlike in zip(subjects, strange, strict=True):
            rows = np.concatenate([self.members[i] for i in who])
            alone = np.repeat(unlike, [len(self.members[i]) for i in who])
            anyone = rng.integers(n_rows, size=(len(rows), n_readers))
            strangers = self.marks[anyone, np.arange(n_readers)]
            yield np.where(alone[:, None], strangers, self.marks[rows])[None]

    def resample(
        self,
        measure: Callable[[str, NDArray[Any]], NDArray[Any]],
        places: Mapping[str, NDArray[np.intp]],
    ) -> dict[str, NDArray[Any]]:
        """Measure the agreement within sets of readers, all of them on the same samples."""
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in places}
        for batch in self:
            for name, columns in places.items():
                parts[name].append(measure(name, batch[..., columns]))
        return {name: np.concatenate(part) for name, part in parts.items()}

    def interval(
        self, value: NDArray[Any], resampled: NDArray[Any], bounds: tuple[float, float]
    ) -> Any:
        n = effective_number(resampled, self.strata, bounds)
        return exact_interval(value, n, self.level, bounds)


def _draw_ratings(
    marks: NDArray[Any], strata: NDArray[Any], n_draws: int, rng: np.random.Generator
) -> NDArray[Any]:
    """Draw subjects with all their ratings, and now and then one rated at random."""
    drawn, strange = draw_subjects(strata, n_draws, rng)
    n_subjects, n_readers = marks.shape
    anyone = rng.integers(n_subjects, size=(*drawn.shape, n_readers))
    return np.where(strange[..., None], marks[anyone, np.arange(n_readers)], marks[drawn])


def _kappas(marks: NDArray[Any], n_classes: int) -> NDArray[Any]:
    """Give κ over all classes, and of each class against the rest; NaN where all are alike.

    Parameters
    ----------
    marks : ndarray of shape (..., n_subjects, n_readers), int
    n_classes : int

    Returns
    -------
    ndarray of shape (..., 1 + n_classes)
    """
    n_readers = marks.shape[-1]
    counts = np.stack([(marks == k).sum(axis=-1) for k in range(n_classes)], axis=-1)
    share = counts.mean(axis=-2) / n_readers
    # Of all pairs of readers of a subject, those in which one names the class and one does not.
    apart = (counts * (n_readers - counts)).mean(axis=-2) / (n_readers * (n_readers - 1))
    chance = share * (1 - share)
    apart, chance = (np.append(x.sum(axis=-1, keepdims=True), x, axis=-1) for x in (apart, chance))
    unlike = np.divide(apart, chance, out=np.full(chance.shape, np.nan), where=chance > 0)
    return np.asarray(1 - unlike)


def _n_named(marks: NDArray[Any]) -> int:
    """Count the classes that were named."""
    return len(np.unique(marks[marks >= 0]))


def _gwet(marks: NDArray[Any], n_classes: int, n_named: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Give the agreement and AC1 of ratings of which some are missing (-1).

    Parameters
    ----------
    marks : ndarray of shape (..., n_subjects, n_readers), int
    n_classes : int
        Number of marks that there are.
    n_named : int
        Number of classes between which chance would choose.

    Returns
    -------
    two ndarrays of shape (..., 1)
    """
    counts = np.stack([(marks == k).sum(axis=-1) for k in range(n_classes)], axis=-1)
    number = counts.sum(axis=-1, keepdims=True)
    share = np.divide(counts, number, out=np.full(counts.shape, np.nan), where=number > 0)
    pairs = (number * (number - 1))[..., 0]
    alike = (counts * (counts - 1)).sum(axis=-1)
    both = np.divide(alike, pairs, out=np.full(pairs.shape, np.nan), where=pairs > 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nobody rated: NaN
        agreement = np.nanmean(both, axis=-1)[..., None]
        mean = np.nanmean(share, axis=-2)
    if n_named < 2:
        return agreement, np.full(agreement.shape, np.nan)
    chance = (mean * (1 - mean)).sum(axis=-1, keepdims=True) / (n_named - 1)
    return agreement, (agreement - chance) / (1 - chance)


def _cohen(
    marks: NDArray[Any], pairs: NDArray[Any], n_classes: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Give the number of rows that each pair has rated, its agreement, and Cohen's κ.

    Parameters
    ----------
    marks : ndarray of shape (..., n_subjects, n_readers), int
    pairs : ndarray of shape (n_pairs, 2), int
    n_classes : int

    Returns
    -------
    three ndarrays of shape (..., n_pairs)
    """
    first, second = marks[..., pairs[:, 0]], marks[..., pairs[:, 1]]
    rated = (first >= 0) & (second >= 0)
    number = rated.sum(axis=-2).astype(float)
    whole = np.where(number > 0, number, np.nan)
    agreement = (rated & (first == second)).sum(axis=-2) / whole
    chance = np.zeros(agreement.shape)
    for k in range(n_classes):
        shares = [(rated & (own == k)).sum(axis=-2) / whole for own in (first, second)]
        chance += shares[0] * shares[1]
    apart = 1 - chance
    kappa = np.divide(
        agreement - chance, apart, out=np.full(apart.shape, np.nan), where=apart > 1e-12
    )
    return number, agreement, kappa


def reader_points(
    y_true: ArrayLike, readers: Mapping[Any, ArrayLike] | pd.DataFrame, classes: list[Any]
) -> pd.DataFrame:
    """Score readers one class against the rest.

    Parameters
    ----------
    y_true : array-like of shape (n,)
    readers : mapping of name to labels of shape (n,)
        A reader is scored on the rows that have a label; elsewhere it is missing.
    classes : list of labels

    Returns
    -------
    DataFrame
        ``reader``, ``class``, ``sensitivity``, ``specificity``, ``precision``; NaN where there is
        nothing to take a share of, such as the precision of a class that the reader never named.

    Raises
    ------
    ValueError
        If diagnoses are missing, a reader has not one label for each row, or a label is written in
        two ways.

    Examples
    --------
    >>> reader_points(["a", "a", "b"], {"R": ["a", "b", "b"]}, ["a"])
      reader class  sensitivity  specificity  precision
    0      R     a          0.5          1.0        1.0
    """
    check_known(y_true, "y_true")
    y_true = np.asarray(y_true)
    rows = []
    for name, labels in readers.items():
        labels = np.asarray(labels)
        if labels.shape != y_true.shape:
            raise ValueError(
                f"Reader {name!r} has {len(labels)} labels for {len(y_true)} rows: give one for "
                "each row."
            )
        rated = ~np.asarray(pd.isna(labels))
        both = [*y_true.tolist(), *labels[rated].tolist()]
        check_spelling(f"Labels of y_true and of reader {shown(name)}", both)
        for label in classes:
            said, true = labels[rated] == label, y_true[rated] == label
            rows.append((name, label, _share(said[true]), _share(~said[~true]), _share(true[said])))
    columns = ["reader", "class", "sensitivity", "specificity", "precision"]
    return pd.DataFrame(rows, columns=columns)


def _share(entries: NDArray[Any]) -> float:
    return float(entries.mean()) if len(entries) else np.nan
