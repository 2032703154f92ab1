"""Temperature scaling: one number that makes probabilities as sure as they are right."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_LEAST = 1e-6  # a probability of 0 has no logarithm
_LEAST_TEMPERATURE, _MOST_TEMPERATURE = 0.05, 100.0
_AT_LIMIT = 1e-3  # of the logarithm of the temperature


def fit_temperature(proba: ArrayLike, codes: ArrayLike, *, smooth: bool = True) -> float:
    """Find the temperature that makes scores as confident as they are right [1]_.

    Parameters
    ----------
    proba : array-like of shape (n_subjects, n_classes)
        Scores of subjects by models that were not trained on them.
    codes : array-like of shape (n_subjects,), int
        Their classes, as positions.
    smooth : bool, default=True
        Whether a class counts as certain only as far as so many subjects can say; see the notes.
        Without it the scores are made most probable, as in [1]_, which compares models, and is no
        calibration for patients where subjects are few.

    Returns
    -------
    float
        Between 0.05 and 100; above 1 where the scores were too sure.

    Warns
    -----
    UserWarning
        If it is one of these limits: nothing between them suits.

    Notes
    -----
    Where all subjects were right, scores are the more probable the surer they are made: the most
    probable temperature is 0, and every answer is certain. Whoever saw n subjects who were all
    right knows of the next one only that he will be right with a probability of (n + 1) / (n + 2),
    Laplace's rule of succession. Platt [2]_ fits scores to such targets in place of 1 and 0, one
    for each class; here all subjects are one sample, as they have one temperature: the target of
    the class of a subject is (n + 1) / (n + 2), and that of the others together 1 / (n + 2). Equal
    scores that are all right become (n + 1) / (n + 2): 93 % with 12 subjects, 98 % with 60.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks",
       ICML 2017.
    .. [2] J. Platt, "Probabilistic outputs for support vector machines and comparisons to
       regularized likelihood methods", Advances in Large Margin Classifiers, MIT Press 1999.

    Examples
    --------
    Scores of 0.99 that are right in three of four cases, and what many such cases would say:

    >>> from sknemg.diagnosis import fit_temperature, scale_temperature
    >>> proba, codes = [[0.99, 0.01]] * 4, [0, 0, 0, 1]
    >>> temperature = fit_temperature(proba, codes)
    >>> round(temperature, 1), scale_temperature(proba, temperature)[0].round(2).tolist()
    (6.6, [0.67, 0.33])
    >>> temperature = fit_temperature(proba, codes, smooth=False)
    >>> round(temperature, 1), scale_temperature(proba, temperature)[0].round(2).tolist()
    (4.2, [0.75, 0.25])

    Scores of 0.8 that are right in twelve of twelve:

    >>> proba, codes = [[0.8, 0.2]] * 12, [0] * 12
    >>> scale_temperature(proba, fit_temperature(proba, codes))[0].round(2).tolist()
    [0.93, 0.07]
    """
    from scipy.optimize import minimize_scalar  # not needed to diagnose

    proba = np.asarray(proba, dtype=np.float64)
    codes = np.asarray(codes)
    n_subjects, n_classes = proba.shape
    doubt = 1 / (n_subjects + 2) if smooth else 0.0
    targets = np.full(proba.shape, doubt / max(n_classes - 1, 1))
    targets[np.arange(n_subjects), codes] = 1 - doubt

    def loss(log_temperature: float) -> float:
        scaled = scale_temperature(proba, np.exp(log_temperature))
        return float(-(targets * np.log(np.maximum(scaled, 1e-300))).sum(axis=1).mean())

    limits = np.log(_LEAST_TEMPERATURE), np.log(_MOST_TEMPERATURE)
    found = minimize_scalar(loss, bounds=limits, method="bounded", options={"xatol": 1e-6})
    if found.x > limits[1] - _AT_LIMIT:
        warnings.warn(
            f"The scores of the {n_subjects} subjects say nothing of their classes: at a "
            f"temperature of {_MOST_TEMPERATURE:g}, the highest that is tried, all classes are as "
            "good as equally probable. Look whether scores and classes belong together.",
            stacklevel=2,
        )
    elif found.x < limits[0] + _AT_LIMIT:
        why = (
            "the scores hardly differ between classes"
            if smooth
            else "the subjects were as good as all right, or the scores hardly differ. A fit that "
            "is not smoothed makes probabilities surer than so few subjects can say"
        )
        warnings.warn(
            f"The temperature of the scores of {n_subjects} subjects is {_LEAST_TEMPERATURE:g}, "
            f"the lowest that is tried: {why}.",
            stacklevel=2,
        )
    return float(np.exp(found.x))


def scale_temperature(proba: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Divide the logarithms of scores by a temperature.

    Parameters
    ----------
    proba : array-like of shape (n_subjects, n_classes)
    temperature : float

    Returns
    -------
    ndarray of shape (n_subjects, n_classes)
        Rows add up to 1; the order of the classes within a row stays.

    Examples
    --------
    >>> from sknemg.diagnosis import scale_temperature
    >>> scale_temperature([[0.9, 0.1]], 2.0).round(2)
    array([[0.75, 0.25]])
    """
    logs = np.log(np.maximum(np.asarray(proba, dtype=np.float64), _LEAST)) / temperature
    scaled: NDArray[Any] = np.exp(logs - logs.max(axis=1, keepdims=True))
    return scaled / scaled.sum(axis=1, keepdims=True)
