"""`NetworkFeatures`: what a network that comes with sknemg sees in segments, as columns."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from sknemg.base import NamesColumns, RowTransformer
from sknemg.classifiers.nemgnet import shipped_network
from sknemg.features.segments import describe_segments, feature_names
from sknemg.model_selection.origin import SEEN
from sknemg.recordings import Recordings
from sknemg.recordings._convert import common_sfreq

_LAST = "blocks.block12"
_CHUNK = 256  # segments whose maps are in memory at once


class NetworkFeatures(NamesColumns, RowTransformer):
    """Describe every segment by the last map of a network that comes with sknemg.

    For each channel of the map that the last block of the nEMGNet makes of a segment, its mean and
    its standard deviation over time; before them, unless `measures` is False, what
    :class:`~sknemg.SegmentFeatures` measures. The network is left as it is. A simple classifier
    learns from a few subjects what these columns mean, also where the network's own answers are of
    no use: :func:`sknemg.pretrained.few_shot_pipeline`.

    Parameters
    ----------
    network : str, default="volitional-small"
        The name of a network that comes with sknemg. It was trained on simulated patients alone, so
        that no subject of yours is known to it.
    measures : bool, default=True
        Whether the columns of `SegmentFeatures` come first.
    input_sfreq : float, default=None
        Sampling rate of plain arrays and lists, which carry none.

    Attributes
    ----------
    network_ : NEMGNetClassifier
        The network; saved models keep its weights.
    sfreq_ : float
        The rate of its segments in hertz.
    caution_ : str
        A warning to give with the answers of a model that uses these features.

    See Also
    --------
    sknemg.NEMGNetClassifier : Its `init` trains such a network further.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg.classifiers import NetworkFeatures
    >>> from sknemg.weights import read_network
    >>> n_times = read_network("volitional-small").input_shape[-1]
    >>> segments = np.random.default_rng(0).normal(size=(3, n_times)).astype("float32")
    >>> seen = NetworkFeatures(input_sfreq=10_000).fit(segments)
    >>> seen.transform(segments).shape
    (3, 274)
    >>> seen.get_feature_names_out()[[0, 18, 273]].tolist()
    ['rms', 'mean_0', 'deviation_127']
    """

    _item_ndim = 1
    cuts_windows = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "network": [str],
        "measures": ["boolean"],
        "input_sfreq": [None, Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        network: str = "volitional-small",
        *,
        measures: bool = True,
        input_sfreq: float | None = None,
    ):
        self.network = network
        self.measures = measures
        self.input_sfreq = input_sfreq

    def fit(self, X: Any, y: Any = None) -> Self:
        """Read the network; nothing is trained.

        Parameters
        ----------
        X : Recordings of segments, or array of shape (n_segments, n_times)
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If no network of this name comes with sknemg.
        """
        super().fit(X, y)
        self.network_, self.sfreq_ = shipped_network(self.network)
        self.caution_ = SEEN
        return self

    def transform(self, X: Any) -> Any:
        """Describe every segment.

        Parameters
        ----------
        X : Recordings of segments, or array of shape (n_segments, n_times)
            In millivolts, as long as those that trained the network, at its rate.

        Returns
        -------
        the kind of `X`
            A float32 vector for each segment.

        Raises
        ------
        ValueError
            If the segments have another length or rate than those of the network.
        """
        check_is_fitted(self)
        return super().transform(X)

    def _transform(self, X: Recordings) -> Recordings:
        self._check(X)
        items, n_columns = X.items, len(self._names())
        values = np.empty((len(items), n_columns), dtype=np.float32)
        for start in range(0, len(items), _CHUNK):
            rows = np.asarray(items[start : start + _CHUNK], dtype=np.float32)
            (last,) = self.network_.layer_outputs(rows, [_LAST]).values()
            values[start : start + len(rows)] = np.hstack([last.mean(axis=2), last.std(axis=2)])
        if self.measures:
            measured = np.asarray(describe_segments(X).items, dtype=np.float32)
            values = np.hstack([measured, values])
        return X.with_values(values)

    def _check(self, X: Recordings) -> None:
        """Refuse segments that the network does not know."""
        (wanted,), found = self.network_.input_shape_, X.items.shape[1]
        if found != wanted:
            raise ValueError(
                f"The segments of X have {found} samples, those of {self.network!r} "
                f"{wanted} ({wanted / self.sfreq_:g} s at {self.sfreq_:g} Hz): cut windows of that "
                "length, at that rate."
            )
        if len(X) and (rate := common_sfreq(X)) != self.sfreq_:
            raise ValueError(
                f"X is sampled at {rate:g} Hz, {self.network!r} was trained at {self.sfreq_:g} Hz: "
                f"put a Downsampler({self.sfreq_:g}) before the Segmenter."
            )

    def _names(self) -> list[str]:
        """Name the columns that come from the network."""
        n_chans = 16 * self.network_.width
        return [f"{what}_{k}" for what in ("mean", "deviation") for k in range(n_chans)]

    def _column_names(self) -> list[str]:
        check_is_fitted(self)
        measured = feature_names() if self.measures else []
        return [*measured, *self._names()]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = True
        return tags
