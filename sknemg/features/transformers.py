"""`SegmentFeatures`: the features of segments as a step of a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval

from sknemg.base import NamesColumns, RowTransformer
from sknemg.features.segments import BANDS, describe_segments, feature_names
from sknemg.recordings import Recordings


class SegmentFeatures(NamesColumns, RowTransformer):
    """Describe every segment by the measures of quantitative EMG.

    Size (rms, mean absolute value, peak to peak, crest factor, path, kurtosis), zero crossings,
    turns and amplitude [1]_, and spectrum (mean and median frequency, bandwidth, entropy, power in
    bands): a vector that any scikit-learn classifier takes, and a baseline that a network has to
    beat. None of them depends on the sign of the signal. The mean of a segment is taken off first.

    Parameters
    ----------
    input_sfreq : float, default=None
        Sampling rate of plain arrays and lists, which carry none.
    turn_threshold : float, default=0.1
        Smallest change of potential between two turns, in mV.
    noise_threshold : float, default=0.01
        How far beyond its mean, in mV, a signal must go on either side for a zero crossing.
    bands : sequence of (low, high), default=((20, 100), (100, 250), (250, 500), (500, 1000), \
(1000, 5000))
        Bands in Hz whose share of the power is given.

    See Also
    --------
    segment_features : The same as a function.

    References
    ----------
    .. [1] E. Stålberg, J. Chu, V. Bril, S. Nandedkar, S. Stålberg, M. Ericsson, "Automatic analysis
       of the EMG interference pattern", Electroencephalogr Clin Neurophysiol 56:672-681, 1983.

    Examples
    --------
    As the first step of a segment classifier, which sees an array of segments:

    >>> import numpy as np
    >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sknemg import SegmentFeatures
    >>> segments = np.random.default_rng(0).normal(size=(20, 4000)).astype("float32")
    >>> y = np.repeat(["neuropathy", "myopathy"], 10)
    >>> segments[10:] *= 0.3
    >>> model = make_pipeline(
    ...     SegmentFeatures(input_sfreq=10_000), StandardScaler(), LinearDiscriminantAnalysis()
    ... )
    >>> model.fit(segments, y).score(segments, y)
    1.0
    >>> model[0].get_feature_names_out()[:4].tolist()
    ['rms', 'mean_abs', 'peak_to_peak', 'crest_factor']
    """

    _item_ndim = 1
    cuts_windows = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "input_sfreq": [None, Interval(Real, 0, None, closed="neither")],
        "turn_threshold": [Interval(Real, 0, None, closed="neither")],
        "noise_threshold": [Interval(Real, 0, None, closed="left")],
        "bands": ["array-like"],
    }

    def __init__(
        self,
        *,
        input_sfreq: float | None = None,
        turn_threshold: float = 0.1,
        noise_threshold: float = 0.01,
        bands: Sequence[tuple[float, float]] = BANDS,
    ):
        self.input_sfreq = input_sfreq
        self.turn_threshold = turn_threshold
        self.noise_threshold = noise_threshold
        self.bands = bands

    def _transform(self, X: Recordings) -> Recordings:
        return describe_segments(
            X,
            turn_threshold=self.turn_threshold,
            noise_threshold=self.noise_threshold,
            bands=self.bands,
        )

    def _column_names(self) -> list[str]:
        return feature_names(self.bands)
