"""What a model has never seen: recordings unlike those of training, measured and named."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from sknemg.base import VersionedEstimator
from sknemg.diagnosis.conformal import conformal_quantile
from sknemg.diagnosis.examining import WINDOW, Examiner
from sknemg.model_selection.splits import SubjectKFold
from sknemg.recordings import Recordings

_SMALL = 0.05  # of the median of a feature, below which its logarithm becomes linear
_KEPT = 0.98  # of training subjects that the distance is to keep
_SLACK = 1.25  # beyond their distance, since some fifty subjects show its upper end badly


class Plausibility(Examiner, VersionedEstimator):
    """Tell recordings that are unlike all of those a model was trained on.

    Amplitude, noise, mains, clipping and flat stretches of each recording are compared with the
    range of the training recordings, and its features with theirs by the Mahalanobis distance
    under a shrunk covariance. How far is too far follows from training subjects that were left
    out: 98 of 100 lie nearer than four fifths of it.

    Parameters
    ----------
    sfreq : float, default=10_000
        Rate in hertz at which recordings are compared. Those of a lower rate cannot be judged.
    min_duration : float, default=0.4
        Seconds below which a recording cannot be judged.
    cv : int, default=5
        Folds of subjects for the distance.

    Attributes
    ----------
    low_, high_ : ndarray of shape (6,)
        Range of the training recordings in rms, peak, noise floor (mV), and in the shares of power
        on mains lines, of clipped and of flat samples.
    scale_, center_ : ndarray of shape (n_features,)
    precision_ : ndarray of shape (n_features, n_features)
    distance_ : float
        The largest distance of a recording that is like those of training.
    subject_distance_ : float
        The same for the median over the recordings of a subject.
    contracted_ : float
        Share of the training recordings in which a contraction is found (`ActivityGate`). If it is
        0.95 or more, a recording without one is rest, whatever its amplitude. 0 where the rate is
        too low to tell.
    muscles_ : ndarray of str
        Muscles of training, where they were known.
    refused_ : float
        Share of training subjects that would be refused as a whole by what the others say.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> from sknemg.diagnosis import Plausibility
    >>> rng = np.random.default_rng(0)
    >>> X = Recordings(
    ...     rng.normal(size=(20, 5000)) * rng.uniform(0.1, 1, size=(20, 1)),
    ...     sfreq=10_000, subject=np.repeat(np.arange(10), 2),
    ... )
    >>> known = Plausibility(cv=2).fit(X, np.repeat(["a", "b"], 10))
    >>> wrong = Recordings([1000 * X[0], 0 * X[0]], sfreq=10_000, subject=[11, 12])
    >>> known.examine(wrong)["unusable"].tolist()
    ['amplitude 2000 times that of training (unit?)', 'flat']
    """

    #: Whatever `cv` is: it keeps the recordings of a subject together.
    folds_by_subject: ClassVar[bool] = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "sfreq": [Interval(Real, 0, None, closed="neither")],
        "min_duration": [Interval(Real, 0, None, closed="left")],
        "cv": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(self, sfreq: float = 10_000, *, min_duration: float = WINDOW, cv: int = 5):
        self.sfreq = sfreq
        self.min_duration = min_duration
        self.cv = cv

    def fit(self, X: Recordings, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Learn what recordings look like.

        Parameters
        ----------
        X : Recordings of signals
            With a column ``subject``.
        y : array-like of shape (n_recordings,)
        groups : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If nothing can be learned from any recording.
        """
        self._validate_params()
        usable = np.array([not self._unreadable(s, r) for s, r in zip(X, X["sfreq"], strict=True)])
        if not usable.any():
            reasons = [self._unreadable(s, r) for s, r in zip(X[:3], X["sfreq"][:3], strict=True)]
            raise ValueError(
                f"Nothing can be learned from any recording ({'; '.join(reasons)}): correct them, "
                "their unit or their rate."
            )
        X, y = X[np.flatnonzero(usable)], np.asarray(y)[usable]
        waves = self._at_rate(X)
        measures, features = self._measure(X, waves)
        subjects = X["subject"].to_numpy()
        self._learn(measures, features)
        far, whole = np.zeros(len(X)), []
        refused = []
        for train, test in folds_of(self.cv, X, np.asarray(y), subjects):
            fold = Plausibility(self.sfreq)._learn(measures[train], features[train])
            far[test] = fold._distances(features[test])
            levels = [bool(fold._wrong_levels(row)[0]) for row in measures[test]]
            codes, names = pd.factorize(subjects[test])
            for who in range(len(names)):
                rows = codes == who
                whole.append(float(np.median(far[test][rows])))
                refused.append(np.mean(np.array(levels)[rows]) > 0.5)
        self._set_limits(far, whole)
        self.refused_ = float(
            np.mean(np.array(refused) | (np.array(whole) > self.subject_distance_))
        )
        active = self._contractions(waves)
        self.contracted_ = float(np.mean(active)) if active is not None else 0.0
        known = X["muscle"].dropna().astype(str).unique() if "muscle" in X else []
        self.muscles_ = np.array(sorted(known), dtype=object)
        return self

    # -- steps ---------------------------------------------------------------------------------

    def _check_ready(self) -> None:
        check_is_fitted(self)

    def _learn(self, measures: NDArray[Any], features: NDArray[Any]) -> Self:
        self.low_, self.high_ = measures.min(axis=0), measures.max(axis=0)
        self.scale_ = _SMALL * np.median(np.abs(features), axis=0) + 1e-12
        from sklearn.covariance import LedoitWolf  # not needed to diagnose

        compressed = np.arcsinh(features / self.scale_)
        found = LedoitWolf().fit(compressed)
        self.center_, self.precision_ = found.location_, found.precision_
        return self

    def _set_limits(self, far: ArrayLike, whole: ArrayLike) -> Self:
        """Learn how far is too far from recordings and subjects that were left out."""
        self.subject_distance_ = _SLACK * _finite(conformal_quantile(whole, _KEPT), whole)
        single = _SLACK * _finite(conformal_quantile(far, 0.995), far)
        self.distance_ = max(single, self.subject_distance_)
        return self


def folds_of(
    n_splits: int, X: Any, y: NDArray[Any], subjects: NDArray[Any]
) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Split by subject; of classes with fewer subjects than folds, some folds test none."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class in y has only")
        return list(SubjectKFold(n_splits).split(X, y, subjects))


def _finite(quantile: float, values: ArrayLike) -> float:
    """With too few subjects for the quantile, take the largest distance."""
    return quantile if np.isfinite(quantile) else float(np.max(values))
