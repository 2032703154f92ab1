"""Simulated readers: votes of physicians with given accuracy and agreement."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from sknemg.recordings import Recordings, label_subjects
from sknemg.recordings._problems import check_counts, check_generator, listed, shown
from sknemg.recordings._subjects import (
    check_known,
    check_labels,
    check_subjects,
    missing_entries,
    require_columns,
)
from sknemg.simulate.checks import check_number

#: How six physicians answered: the diagonal as published, the errors set so that the mean
#: predictive value is the published one, 0.58.
PUBLISHED_CONFUSION = pd.DataFrame(
    [[0.495, 0.404, 0.101], [0.103, 0.794, 0.103], [0.136, 0.543, 0.321]],
    index=["myopathy", "neuropathy", "normal"],
    columns=["myopathy", "neuropathy", "normal"],
)
_WITHIN = 0.7  # correlation of what a reader sees in two recordings of a subject
_CONFIDENCE = (0.15, 0.4, 0.8, 1.3)  # distances from the nearest other answer, for 1 to 5
_SECONDS = {"subject": 60.0, "recording": 15.0}  # median time for one vote
_START = pd.Timestamp("2026-01-05T09:00:00Z")
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(30)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()  # of a standard normal variable


def simulate_readers(
    y: ArrayLike | pd.Series | Mapping[Any, Any],
    X: Recordings | None = None,
    n: int = 6,
    *,
    confusion: pd.DataFrame | None = None,
    accuracy_sd: float = 0.069,
    kappa: float = 0.26,
    cannot_say: float = 0.0,
    unread: float = 0.0,
    repeated: float = 0.0,
    consistency: float = 0.6,
    assisted: pd.Series | None = None,
    trust: float = 0.5,
    random_state: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Simulate the votes of readers, to try out a study before physicians read.

    By default the readers do as well, and agree as little, as the six physicians of the papers:
    accuracy 0.537 ± 0.069, Fleiss' κ 0.26 [1]_.

    Parameters
    ----------
    y : array-like of shape (n_recordings,), or Series or mapping of subject to diagnosis
        Diagnoses; without `X`, of subjects. With it, of recordings, in the order of its rows, or
        of its subjects, by name.
    X : Recordings, default=None
        With the column ``subject``, and ``recording`` if the recordings have names, each of a
        subject its own; others are named by their row. With it, the readers vote for each
        recording, too.
    n : int, default=6
        Readers, named R1, R2 and so on.
    confusion : DataFrame of shape (n_classes, n_classes), default=None
        How often a reader of mean skill answers what: true classes in rows, which sum to 1. By
        default that of the papers, for myopathy, neuropathy and normal.
    accuracy_sd : float, default=0.069
        Standard deviation of the readers' accuracies, as it is seen in the votes. It is never
        less than what chance gives readers of equal skill.
    kappa : float, default=0.26
        Fleiss' κ of the readers, in the mean over studies.
    cannot_say, unread : float, default=0.0
        Shares of cases to which a reader answers ``cannot say``, or which a reader leaves out.
    repeated : float, default=0.0
        Share of subjects that each reader reads again, with ``repeat`` 1.
    consistency : float, default=0.6
        Correlation of what a reader alone sees in the two readings.
    assisted : Series of subject to answer, default=None
        Answers of a model, one for each subject. With them, the readers read all subjects again
        in the arm ``assisted``.
    trust : float, default=0.5
        Share of cases in which an assisted reader who differs from the model takes its answer.
    random_state : int, Generator or None, default=None
        Seed.

    Returns
    -------
    DataFrame
        A table of votes, as :func:`~sknemg.metrics.read_votes` takes it.

    Raises
    ------
    ValueError
        If classes and `confusion` do not fit, a share is not between 0 and 1, subjects,
        recordings or answers are missing or there twice, it is not plain whether `y` is of
        recordings or of subjects, or no agreement gives `kappa` with these accuracies.

    Notes
    -----
    Each case has a difficulty that all readers see, and one that the reader alone sees, both
    normal; their sum, in the shares that give `kappa`, falls into the answers as `confusion`
    says. Readers differ in skill by a shift of these thresholds.

    References
    ----------
    .. [1] I. Yoo et al., Deep learning model for needle electromyography electrodiagnosis in
       comparison with physician assessment.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sknemg.simulate import simulate_readers
    >>> y = pd.Series(np.repeat(["myopathy", "neuropathy", "normal"], 19))
    >>> votes = simulate_readers(y, random_state=0)
    >>> len(votes), sorted(votes["reader"].unique())
    (342, ['R1', 'R2', 'R3', 'R4', 'R5', 'R6'])
    >>> round(float((votes["vote"] == votes["subject"].map(y)).mean()), 2)
    0.55
    """
    for name, share in {"cannot_say": cannot_say, "unread": unread, "repeated": repeated,
                        "consistency": consistency, "trust": trust}.items():  # fmt: skip
        check_number(name, share, 0, 1)
    check_number("accuracy_sd", accuracy_sd, 0)
    check_number("kappa", kappa, -1, 1)
    check_counts(n=n)
    rng = check_generator(random_state)
    diagnoses, recordings = _cases(y, X)
    table = PUBLISHED_CONFUSION if confusion is None else confusion
    model = _Reading.calibrate(diagnoses, table, accuracy_sd, kappa)
    n_subjects = len(diagnoses)
    skill = model.skill_sd * rng.standard_normal(n)
    hard = rng.standard_normal(n_subjects)
    alone = rng.standard_normal((n, n_subjects))
    parts = []

    def read(seen: NDArray[Any], kept: NDArray[Any], **about: Any) -> None:
        """Vote for subjects, and for their recordings in the first reading."""
        for j in range(n):
            latent = model.mix(hard, seen[j])
            parts.append(_votes(model, rng, j, skill[j], latent, kept, diagnoses, **about))

    def seen_again() -> NDArray[Any]:
        fresh = rng.standard_normal((n, n_subjects))
        return np.asarray(consistency * alone + np.sqrt(1 - consistency**2) * fresh)

    everybody = np.arange(n_subjects)
    read(alone, everybody)
    if recordings is not None:
        parts += _of_recordings(model, rng, skill, hard, alone, diagnoses, recordings)
    if repeated:
        again = np.sort(rng.permutation(n_subjects)[: round(repeated * n_subjects)])
        read(seen_again(), again, repeat=1)
    if assisted is not None:
        answers = _assistance(assisted, diagnoses, model.classes)
        start = len(parts)
        read(seen_again(), everybody, arm="assisted")
        for part in parts[start:]:
            taken = rng.random(len(part)) < trust
            part["vote"] = part["vote"].where(~taken, answers)
    votes = pd.concat(parts, ignore_index=True)
    votes.loc[rng.random(len(votes)) < cannot_say, "vote"] = "cannot say"
    votes = votes[rng.random(len(votes)) >= unread]
    passed = votes.groupby("reader")["seconds"].cumsum().round().astype("timedelta64[s]")
    votes["time"] = (_START + passed).dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return votes.reset_index(drop=True)


class _Reading(NamedTuple):
    """How answers come from what is seen: the share of it that all readers see, and thresholds."""

    classes: list[Any]
    rank: NDArray[np.intp]  # (n_classes, n_answers): the true class first
    right: NDArray[Any]  # (n_classes,): how often a case of each class is read rightly
    errors: NDArray[Any]  # (n_classes, n_answers - 1): shares of the wrong answers, cumulated
    shared: float = 0.0
    skill_sd: float = 0.0

    @classmethod
    def calibrate(
        cls, diagnoses: pd.Series, confusion: pd.DataFrame, accuracy_sd: float, kappa: float
    ) -> _Reading:
        classes = sorted(diagnoses.unique())
        if not isinstance(confusion, pd.DataFrame):
            raise ValueError(
                f"confusion is a {type(confusion).__name__}: give a DataFrame with the true "
                "classes as rows and the answers as columns."
            )
        # Named as diagnoses are; a table that was filled entry by entry holds numbers as objects.
        confusion = confusion.rename(index=str, columns=str).infer_objects()
        for axis in (confusion.index, confusion.columns):
            if axis.has_duplicates:
                raise ValueError(
                    f"confusion names {shown(axis[axis.duplicated()].unique())} twice: give one "
                    "row and one column for each class."
                )
        if set(confusion.index) != set(confusion.columns) or not set(classes) <= set(confusion):
            raise ValueError(
                f"confusion has rows {shown(confusion.index)} and columns "
                f"{shown(confusion.columns)} for the classes {shown(classes)}: give a row and a "
                "column for each class."
            )
        answers = [*classes, *(name for name in confusion if name not in classes)]
        if not all(map(pd.api.types.is_numeric_dtype, confusion.dtypes)):
            raise ValueError("confusion holds entries that are not numbers: give shares.")
        shares = confusion.loc[classes, answers].to_numpy(float)
        if (shares < 0).any() or not np.allclose(shares.sum(axis=1), 1, atol=2e-3):
            raise ValueError(
                f"The rows of confusion sum to {shown(shares.sum(axis=1).round(3))}: give shares "
                ">= 0 that sum to 1."
            )
        counts = diagnoses.value_counts().reindex(classes)
        return _calibrated(
            tuple(answers), tuple(map(tuple, shares)), tuple(counts), accuracy_sd, kappa
        )

    def mix(self, hard: NDArray[Any], alone: NDArray[Any]) -> NDArray[Any]:
        return np.sqrt(self.shared) * hard + np.sqrt(1 - self.shared) * alone

    def cuts(self, true: NDArray[Any], skill: ArrayLike) -> NDArray[Any]:
        """Give the thresholds between answers, of shape (..., n_answers - 1).

        Skill moves that of the right answer, and errors keep their shares. Over readers the mean
        share of right answers is the one that was asked for.
        """
        middle = stats.norm.ppf(self.right[true]) * np.sqrt(1 + self.skill_sd**2)
        right = stats.norm.cdf(middle + skill)[..., None]
        below = right + (1 - right) * self.errors[true][..., :-1]
        whole = np.concatenate([right, below], axis=-1)
        return np.asarray(stats.norm.ppf(np.clip(whole, 1e-9, 1 - 1e-9)))

    def given(self) -> NDArray[Any]:
        """Give the chances of answers by difficulty and skill: (30, 30, n_classes, n_answers)."""
        cuts = self.cuts(np.arange(len(self.right)), self.skill_sd * _NODES[:, None])
        apart = cuts[None] - np.sqrt(self.shared) * _NODES[:, None, None, None]
        below = stats.norm.cdf(apart / np.sqrt(1 - self.shared))
        edge = np.zeros((*below.shape[:3], 1))
        return np.diff(np.concatenate([edge, below, edge + 1], axis=3), axis=3)

    def spread(self, weights: NDArray[Any]) -> tuple[float, float]:
        """Give the variance of the readers' true accuracies, and that of one case by chance."""
        right = self.given()[..., 0]
        accuracy = np.einsum("h,hsc,c->s", _WEIGHTS, right, weights)
        true = float(_WEIGHTS @ (accuracy - _WEIGHTS @ accuracy) ** 2)
        # Readers share the difficulty of a case: it moves all of them alike.
        return true, float(
            np.einsum("h,s,hsc,c->", _WEIGHTS, _WEIGHTS, right * (1 - right), weights)
        )

    def answer(
        self, true: NDArray[np.intp], latent: NDArray[Any], skill: float
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Give answers, and how far what was seen is from another answer."""
        cuts = self.cuts(true, skill)
        place = (latent[:, None] > cuts).sum(axis=1)
        margin = np.abs(latent[:, None] - cuts).min(axis=1)
        return np.asarray(self.classes, dtype=object)[self.rank[true, place]], margin


@lru_cache(maxsize=16)
def _calibrated(
    answers: tuple[Any, ...],
    rows: tuple[tuple[float, ...], ...],
    counts: tuple[int, ...],
    accuracy_sd: float,
    kappa: float,
) -> _Reading:
    """Find the share that all readers see, and how much they differ in skill."""
    shares = np.array(rows)
    shares = shares / shares.sum(axis=1, keepdims=True)
    k = len(answers)
    rank = np.array([[c, *(i for i in range(k) if i != c)] for c in range(len(counts))])
    ranked = np.take_along_axis(shares, rank, axis=1)
    right = np.clip(ranked[:, 0], 1e-6, 1 - 1e-6)
    rest = np.maximum(ranked[:, 1:], 1e-9)
    errors = np.cumsum(rest, axis=1) / rest.sum(axis=1, keepdims=True)
    reading = _Reading(list(answers), rank, right, errors)
    n_subjects = sum(counts)
    weights = np.array(counts) / n_subjects
    chance = float(((weights @ shares) ** 2).sum())

    def skilled(shared: float) -> _Reading:
        """Let readers differ by as much as chance leaves of `accuracy_sd`."""
        one = reading._replace(shared=shared)

        def excess(sd: float) -> float:
            true, by_chance = one._replace(skill_sd=sd).spread(weights)
            return true + by_chance / n_subjects - accuracy_sd**2

        least, most = excess(0.0), excess(3.0)
        if least >= 0:
            return one
        if most < 0:
            raise ValueError(
                f"accuracy_sd={accuracy_sd} is more than readers of such accuracy can differ "
                f"({np.sqrt(most + accuracy_sd**2):.2f}): give less."
            )
        return one._replace(skill_sd=float(optimize.brentq(excess, 0.0, 3.0, xtol=1e-4)))

    def kappa_of(shared: float) -> float:
        chances = skilled(shared).given()  # difficulty, skill, class, answer
        mean = np.einsum("s,hsca->hca", _WEIGHTS, chances)  # two readers, each of any skill
        agreed = float(_WEIGHTS @ ((mean**2).sum(axis=2) @ weights))
        return (agreed - chance) / (1 - chance)

    least, most = kappa_of(0.0), kappa_of(0.99)
    if not least <= kappa <= most:
        raise ValueError(
            f"kappa={kappa} is not between {least:.3f} and {most:.3f}, the least and the most "
            "that readers of such accuracy can have: give another."
        )
    gap = optimize.brentq(lambda s: kappa_of(s) - kappa, 0.0, 0.99, xtol=1e-4)
    return skilled(float(gap))


def _cases(y: Any, X: Recordings | None) -> tuple[pd.Series, pd.DataFrame | None]:
    """Give the diagnosis of each subject, and the recordings with their subjects."""
    if X is None:
        if not isinstance(y, (pd.Series, Mapping)):
            y = check_labels(y, len(y) if np.ndim(y) else 1)
        diagnoses = pd.Series(y)
        if not len(diagnoses):
            raise ValueError("y holds no diagnosis: give one for each subject.")
        check_known(diagnoses, "y")
        check_subjects(diagnoses.index.to_series(), len(diagnoses))
        if diagnoses.index.has_duplicates:
            raise ValueError("y names a subject twice: give one row for each, or X.")
        return diagnoses.map(str), None
    if not isinstance(X, Recordings):
        raise ValueError(f"X is a {type(X).__name__}: give Recordings.")
    require_columns(X.meta, ["subject"])
    subject = check_subjects(X["subject"], len(X))
    labels = pd.Series(check_labels(_by_row(y, subject), len(X)))
    label_subjects(labels, subject)  # one diagnosis each
    diagnoses = labels.map(str).groupby(subject, sort=False).first()
    return diagnoses, pd.DataFrame({"subject": subject, "recording": _names(X, subject)})


def _by_row(y: Any, subject: NDArray[Any]) -> Any:
    """Spread diagnoses of subjects over their recordings; those of recordings stay as they are."""
    if isinstance(y, Mapping):
        if missing := [who for who in pd.unique(pd.Series(subject)) if who not in y]:
            raise ValueError(
                f"y has no diagnosis for {listed(missing, 'subject')}: give one for each subject."
            )
        return [y[who] for who in subject]
    if isinstance(y, pd.Series) and y.index.is_unique and set(y.index) == set(subject):
        by_name = y.loc[subject].to_numpy()
        if y.index.equals(pd.RangeIndex(len(subject))) and not np.array_equal(by_name, y):
            raise ValueError(
                "y may be of recordings or of subjects, which are numbers like those of rows: give "
                "a list for recordings, a dict for subjects."
            )
        return by_name
    return y


def _names(X: Recordings, subject: NDArray[Any]) -> NDArray[Any]:
    """Name each recording by its column, or by its row where it has no name."""
    names = pd.Series(range(len(X))).map(str)
    if "recording" in X:
        given = X["recording"].reset_index(drop=True)
        names = given.map(str).where(~missing_entries(given), names)
    table = pd.DataFrame({"subject": subject, "recording": names})
    if (twice := table.duplicated(keep=False)).any():
        one = table[twice].iloc[0]
        rows = np.flatnonzero((table == one).all(axis=1))
        raise ValueError(
            f"recording {shown(one['recording'])} of subject {shown(one['subject'])} is there "
            f"twice, in {listed(rows, 'row')}: give each recording of a subject a name of its own."
        )
    return names.to_numpy()


def _votes(
    model: _Reading,
    rng: np.random.Generator,
    reader: int,
    skill: float,
    latent: NDArray[Any],
    kept: NDArray[Any],
    diagnoses: pd.Series,
    *,
    level: str = "subject",
    recording: Any = "",
    arm: str = "blinded",
    repeat: int = 0,
) -> pd.DataFrame:
    """Write one reader's votes for the kept cases."""
    true = pd.Index(model.classes).get_indexer(diagnoses.iloc[kept])
    answers, margin = model.answer(true, latent[kept], skill)
    noisy = margin + 0.3 * rng.standard_normal(len(kept))
    slow = np.exp(0.25 * rng.standard_normal() + 0.5 * rng.standard_normal(len(kept)))
    return pd.DataFrame(
        {
            "reader": f"R{reader + 1}",
            "subject": diagnoses.index[kept],
            "recording": recording,
            "level": level,
            "vote": answers,
            "confidence": 1 + np.searchsorted(_CONFIDENCE, noisy),
            "seconds": np.round(_SECONDS[level] * slow, 1),
            "arm": arm,
            "repeat": repeat,
        }
    )


def _of_recordings(
    model: _Reading,
    rng: np.random.Generator,
    skill: NDArray[Any],
    hard: NDArray[Any],
    alone: NDArray[Any],
    diagnoses: pd.Series,
    recordings: pd.DataFrame,
) -> list[pd.DataFrame]:
    """Let recordings look like their subjects, but not quite."""
    of = pd.Index(diagnoses.index).get_indexer(recordings["subject"])
    own_hard = rng.standard_normal(len(of))
    parts = []
    for j, shift in enumerate(skill):
        own = model.mix(own_hard, rng.standard_normal(len(of)))
        latent = np.sqrt(_WITHIN) * model.mix(hard, alone[j])[of] + np.sqrt(1 - _WITHIN) * own
        rows = diagnoses.iloc[of]
        everything = np.arange(len(of))
        parts.append(
            _votes(model, rng, j, shift, latent, everything, rows, level="recording",
                   recording=recordings["recording"].to_numpy())
        )  # fmt: skip
    return parts


def _assistance(assisted: pd.Series, diagnoses: pd.Series, known: list[Any]) -> NDArray[Any]:
    """Give the model's answer for each subject."""
    answers = pd.Series(assisted)
    if (twice := answers.index[answers.index.duplicated()].unique()).size:
        raise ValueError(
            f"assisted answers for {listed(twice, 'subject')} more than once: give one answer for "
            "each subject."
        )
    answers = answers.reindex(diagnoses.index)
    if answers.isna().any():
        raise ValueError(
            f"assisted has no answer for {shown(answers.index[answers.isna()])}: give one for each "
            "subject."
        )
    answers = answers.map(str)
    if strange := sorted(set(answers) - {*known, "cannot say"}):
        raise ValueError(
            f"assisted answers {shown(strange)}, which readers cannot: give answers from "
            f"{shown(known)} or 'cannot say'."
        )
    return answers.to_numpy()
