"""Scores of answers that are labels: means over one-vs-rest, with intervals over subjects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.metrics._bootstrap import draw_subjects, subject_weights
from sknemg.metrics._counts import ratio
from sknemg.metrics._definitions import class_shares
from sknemg.metrics._estimates import EFFECTIVE, kind_of_share
from sknemg.metrics._intervals import clustered_number, effective_number, exact_interval

#: The metrics of the papers' table: accuracy, and means over the classes, one against the rest.
LABEL_METRICS = ("accuracy", "sensitivity", "specificity", "ppv", "f1")


def label_values(counts: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Score tables of counts.

    Parameters
    ----------
    counts : ndarray of shape (..., n_classes, n_answers)
        True classes in rows; the first columns are the same classes, further ones other answers,
        which are never right.

    Returns
    -------
    dict of ndarray
        Each of `LABEL_METRICS`, of shape (...,), and ``..._by_class`` of all but the accuracy, of
        shape (..., n_classes). A predictive value of a class that was never named is 0, as is its
        F1; what is said of a class without cases is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> values = label_values(np.array([[3, 1, 0], [1, 2, 1]]))  # one case without a class
    >>> {name: round(float(values[name]), 2) for name in LABEL_METRICS}
    {'accuracy': 0.62, 'sensitivity': 0.62, 'specificity': 0.75, 'ppv': 0.71, 'f1': 0.66}
    """
    n_classes = counts.shape[-2]
    true = counts.sum(axis=-1)
    given = counts[..., :n_classes].sum(axis=-2)
    total = true.sum(axis=-1, keepdims=True)
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    by_class = {
        "sensitivity": ratio(right, true, np.nan),
        "specificity": 1 - ratio(given - right, total - true, np.nan),
        "ppv": ratio(right, given, 0.0),
        "f1": ratio(2 * right, given + true, np.nan),
    }
    values = {"accuracy": ratio(right.sum(axis=-1), total[..., 0], np.nan)}
    values |= {name: own.mean(axis=-1) for name, own in by_class.items()}
    return values | {f"{name}_by_class": own for name, own in by_class.items()}


def jackknife_values(
    labels: NDArray[Any], answers: NDArray[Any], n_classes: int
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Score raters on all subjects, and without one at a time.

    Parameters
    ----------
    labels : ndarray of shape (n_subjects,), int
    answers : ndarray of shape (n_raters, n_subjects, n_answers)
        Counts, as `tally` gives them.
    n_classes : int

    Returns
    -------
    whole : dict of ndarray of shape (n_raters,)
        Each of `LABEL_METRICS`.
    without : dict of ndarray of shape (n_subjects, n_raters)
    """
    own = np.eye(n_classes)[labels][:, None, :, None] * answers.swapaxes(0, 1)[:, :, None, :]
    total = own.sum(axis=0)
    whole, without = label_values(total), label_values(total - own)
    names = LABEL_METRICS
    return {name: whole[name] for name in names}, {name: without[name] for name in names}


def tally(
    y: NDArray[Any], answers: NDArray[Any], subject: NDArray[Any], n_answers: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Count the answers of each subject.

    Parameters
    ----------
    y : ndarray of shape (n_cases,), int
        The class of each case; all cases of a subject have the same.
    answers : ndarray of shape (n_cases,), int
    subject : ndarray of shape (n_cases,)
    n_answers : int

    Returns
    -------
    labels : ndarray of shape (n_subjects,), int
    counts : ndarray of shape (n_subjects, n_answers)
    """
    codes, _ = pd.factorize(subject)
    n_subjects = codes.max() + 1 if len(codes) else 0
    labels = np.zeros(n_subjects, dtype=int)
    labels[codes] = y
    cells = np.bincount(codes * n_answers + answers, minlength=n_subjects * n_answers)
    return labels, cells.reshape(n_subjects, n_answers).astype(float)


def label_estimates(
    labels: NDArray[Any],
    answers: NDArray[Any],
    n_classes: int,
    *,
    confidence_level: float,
    n_bootstrap: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Score one reader, with intervals over subjects.

    Parameters
    ----------
    labels : ndarray of shape (n_subjects,), int
    answers : ndarray of shape (n_subjects, n_answers)
        Counts, as `tally` gives them.
    n_classes : int
    confidence_level : float
    n_bootstrap : int
    rng : Generator

    Returns
    -------
    DataFrame
        Indexed by (class or -1 for all, metric): ``value``, ``low``, ``high``, ``n_effective``,
        and ``interval``, its kind. Proportions (the accuracy; sensitivity, specificity and
        predictive value of a class) have exact ones.
    """
    own = label_values(_counts(np.eye(n_classes)[labels][None], answers))
    drawn, _ = draw_subjects(labels, n_bootstrap, rng)
    resampled = label_values(_counts(subject_weights(drawn, labels, n_classes), answers))
    exact, rows = kind_of_share(answers), {}
    for name in LABEL_METRICS:
        n, kind = effective_number(resampled[name], labels), EFFECTIVE
        if name == "accuracy":
            right = np.take_along_axis(answers, labels[:, None], axis=1)[:, 0]
            n, kind = clustered_number(right, answers.sum(axis=1)), exact
        interval = exact_interval(own[name][0], n, confidence_level)
        rows[-1, name] = [own[name][0], *interval, kind]
    shares = class_shares(labels, answers, n_classes)
    shares["ppv"] = shares.pop("precision")
    for name in LABEL_METRICS[1:]:
        values, draws = own[f"{name}_by_class"][0], resampled[f"{name}_by_class"]
        n, kind = effective_number(draws, labels), EFFECTIVE
        if name in shares:
            n, kind = clustered_number(*shares[name]), exact
        interval = exact_interval(values, n, confidence_level)
        for label in range(n_classes):
            rows[label, name] = [values[label], *(bound[label] for bound in interval), kind]
    columns = ["value", "low", "high", "n_effective"]
    table = pd.DataFrame(rows, index=[*columns, "interval"]).T
    return table.astype(dict.fromkeys(columns, float))


def _counts(weights: NDArray[Any], answers: NDArray[Any]) -> NDArray[Any]:
    """Count by class and answer: weights of shape (n_draws, n_subjects, n_classes)."""
    return np.asarray(np.swapaxes(weights, 1, 2) @ answers)


def bootstrap_of_readers_and_cases(
    labels: NDArray[Any],
    readers: NDArray[Any],
    models: NDArray[Any],
    n_classes: int,
    *,
    n_bootstrap: int,
    rng: np.random.Generator,
) -> dict[str, NDArray[Any]]:
    """Draw readers and subjects, and compare the models' mean with the readers'.

    Parameters
    ----------
    labels : ndarray of shape (n_subjects,), int
    readers : ndarray of shape (n_readers, n_subjects, n_answers)
        Counts.
    models : ndarray of shape (n_models, n_subjects, n_answers)
    n_classes : int
    n_bootstrap : int
    rng : Generator

    Returns
    -------
    dict of ndarray of shape (n_bootstrap,)
        The difference in each of `LABEL_METRICS`.
    """
    drawn, _ = draw_subjects(labels, n_bootstrap, rng, strangers=0.0)
    weights = subject_weights(drawn, labels, n_classes)
    who = rng.integers(len(readers), size=(n_bootstrap, len(readers)))
    own = [label_values(_counts(weights, answers)) for answers in readers]
    other = [label_values(_counts(weights, answers)) for answers in models]
    differences = {}
    for name in LABEL_METRICS:
        values = np.stack([values[name] for values in own], axis=1)
        mean = np.take_along_axis(values, who, axis=1).mean(axis=1)
        differences[name] = np.mean([values[name] for values in other], axis=0) - mean
    return differences
