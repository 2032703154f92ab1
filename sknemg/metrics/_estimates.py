"""Values and intervals of all metrics of some answers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sknemg.metrics._bootstrap import subject_weights
from sknemg.metrics._counts import Counts, SubjectCounts
from sknemg.metrics._definitions import (
    BOUNDS,
    CLASS_METRICS,
    METRICS,
    class_shares,
    one_vs_rest,
    overall,
)
from sknemg.metrics._intervals import (
    Interval,
    clustered_number,
    effective_number,
    exact_interval,
)

EXACT, CLUSTERED = "Clopper-Pearson", "Clopper-Pearson, clustered"
EFFECTIVE, UNBOUNDED = "Clopper-Pearson, effective number", "Garwood, effective number"
_SHARES = ("accuracy", "recall_weighted")  # two names of one proportion
_BATCH = 500  # draws counted at once


class Estimates(NamedTuple):
    """Values, their intervals, and the kind of each interval; metrics on the first axis."""

    value: NDArray[Any]
    interval: Interval
    kind: NDArray[Any]


def resampled_counts(subjects: SubjectCounts, drawn: NDArray[Any]) -> Counts:
    """Count the answers of samples of subjects.

    Parameters
    ----------
    subjects : SubjectCounts
    drawn : ndarray of shape (n_draws, n_subjects), int
        As :func:`~sknemg.metrics._bootstrap.draw_subjects` gives them.

    Returns
    -------
    Counts
    """
    n_classes = subjects.answers.shape[1]
    parts = [
        subjects.count(subject_weights(drawn[start : start + _BATCH], subjects.labels, n_classes))
        for start in range(0, len(drawn), _BATCH)
    ]
    return Counts(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def overall_estimates(
    subjects: SubjectCounts, resampled: Counts, confidence_level: float
) -> Estimates:
    """Estimate every metric of the answers as a whole.

    Parameters
    ----------
    subjects : SubjectCounts
    resampled : Counts
        Of samples of the subjects.
    confidence_level : float

    Returns
    -------
    Estimates
        Arrays of shape (len(METRICS),).
    """
    own, drawn = overall(subjects.count(subjects.observed())), overall(resampled)
    value = np.array([float(own[name]) for name in METRICS])
    lowest, highest = np.array([BOUNDS.get(name, (0.0, 1.0)) for name in METRICS]).T
    draws = np.stack([drawn[name] for name in METRICS], axis=1)
    n = effective_number(draws, subjects.labels, (lowest, highest))
    right = (subjects.answers * subjects.observed()).sum(axis=1)
    share = np.isin(METRICS, _SHARES)
    n[share] = clustered_number(right, subjects.answers.sum(axis=1))
    interval = exact_interval(value, n, confidence_level, (lowest, highest))
    events = np.isinf(highest)  # whose effective number counts events, not subjects
    interval = interval._replace(n_effective=np.where(events, np.nan, n))
    kinds = np.where(events, UNBOUNDED, np.where(share, kind_of_share(subjects.answers), EFFECTIVE))
    return Estimates(value, interval, kinds)


def class_estimates(
    subjects: SubjectCounts, resampled: Counts, confidence_level: float
) -> Estimates:
    """Estimate every metric of each class against the others.

    Parameters
    ----------
    subjects : SubjectCounts
    resampled : Counts
    confidence_level : float

    Returns
    -------
    Estimates
        Arrays of shape (len(CLASS_METRICS), n_classes).
    """
    own, drawn = one_vs_rest(subjects.count(subjects.observed())), one_vs_rest(resampled)
    value = np.stack([own[name] for name in CLASS_METRICS])
    draws = np.stack([drawn[name] for name in CLASS_METRICS], axis=1)
    n = effective_number(draws, subjects.labels)
    shares = class_shares(subjects.labels, subjects.answers, subjects.answers.shape[1])
    for row, name in enumerate(CLASS_METRICS):
        if name in shares:
            n[row] = clustered_number(*shares[name])
    share = kind_of_share(subjects.answers)
    kinds = np.array([[share if name in shares else EFFECTIVE] for name in CLASS_METRICS])
    interval = exact_interval(value, n, confidence_level)
    return Estimates(value, interval, np.broadcast_to(kinds, value.shape))


def kind_of_share(answers: NDArray[Any]) -> str:
    """Name the interval of a proportion: of subjects with an item each, or with several.

    Parameters
    ----------
    answers : ndarray of shape (n_subjects, n_answers)

    Returns
    -------
    str
    """
    return CLUSTERED if (answers.sum(axis=1) > 1).any() else EXACT
