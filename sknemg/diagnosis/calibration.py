"""Temperature scaling: one number that makes probabilities as sure as they are right."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_LEAST = 1e-6  # a probability of 0 has no logarithm
_LIMITS = (np.log(0.05), np.log(100.0))


def fit_temperature(proba: ArrayLike, codes: ArrayLike) -> float:
    """Find the temperature at which scores are most probable [1]_.

    Parameters
    ----------
    proba : array-like of shape (n_subjects, n_classes)
        Scores of subjects by models that were not trained on them.
    codes : array-like of shape (n_subjects,), int
        Their classes, as positions.

    Returns
    -------
    float
        Between 0.05 and 100; above 1 where the scores were too sure.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks",
       ICML 2017.

    Examples
    --------
    Scores of 0.99 that are right in three of four cases:

    >>> from sknemg.diagnosis import fit_temperature, scale_temperature
    >>> proba, codes = [[0.99, 0.01]] * 4, [0, 0, 0, 1]
    >>> temperature = fit_temperature(proba, codes)
    >>> round(temperature, 1), scale_temperature(proba, temperature)[0].round(2).tolist()
    (4.2, [0.75, 0.25])
    """
    from scipy.optimize import minimize_scalar  # not needed to diagnose

    proba = np.asarray(proba, dtype=np.float64)
    codes = np.asarray(codes)
    rows = np.arange(len(codes))

    def loss(log_temperature: float) -> float:
        scaled = scale_temperature(proba, np.exp(log_temperature))
        return float(-np.log(np.maximum(scaled[rows, codes], 1e-300)).mean())

    found = minimize_scalar(loss, bounds=_LIMITS, method="bounded", options={"xatol": 1e-6})
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
    """
    logs = np.log(np.maximum(np.asarray(proba, dtype=np.float64), _LEAST)) / temperature
    scaled: NDArray[Any] = np.exp(logs - logs.max(axis=1, keepdims=True))
    return scaled / scaled.sum(axis=1, keepdims=True)
