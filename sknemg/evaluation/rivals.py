"""Rivals: random convolutions with a ridge classifier, and networks made for EEG."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from sklearn.utils.extmath import softmax

#: Of the ridge classifier, on standardised features.
ALPHA = 1e3
#: Rate of the segments of braindecode's networks, in hertz. Their kernels and pools are counted in
#: samples of EEG at 250 Hz or less: at 10 kHz the first kernels of ShallowFBCSPNet span 2.5 ms, at
#: 2 kHz 12.5 ms, as long as a motor unit action potential, and an update takes a seventh of the
#: time. What lies above 1 kHz is lost.
BRAINDECODE_SFREQ = 2000.0


class SoftmaxRidge(RidgeClassifier):
    """Ridge regression on the classes, with the softmax of its outputs for scores."""

    #: Rows of a batch, which is filled up: the convolutions before it take long.
    rows_at_once: ClassVar[int] = 16

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Score the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        output = self.decision_function(X)
        both = np.stack([-output, output], axis=1) if output.ndim == 1 else output
        return np.asarray(softmax(both))


def minirocket(n_kernels: int = 2000) -> Pipeline:
    """Build MiniRocket with a ridge classifier, for segments.

    Parameters
    ----------
    n_kernels : int, default=2000

    Returns
    -------
    Pipeline

    Raises
    ------
    ImportError
        If aeon is not installed.
    """
    transform = _convolutions().MiniRocket(n_kernels=n_kernels)
    return make_pipeline(transform, StandardScaler(), SoftmaxRidge(alpha=ALPHA))


def multirocket_hydra(n_kernels: int = 500, n_groups: int = 8) -> Pipeline:
    """Build MultiRocket and Hydra side by side with a ridge classifier, for segments.

    MultiRocket [1]_ takes four statistics of each convolution instead of one, of the signal and of
    its differences; Hydra [2]_ lets kernels compete and counts which fits best where. Both are
    smaller here than as published (6,250 kernels and 64 groups), since the cost of a segment grows
    with their number: some 50 ms of one core for 0.4 s at 10 kHz.

    Parameters
    ----------
    n_kernels : int, default=500
        Of MultiRocket; there are eight features to a kernel.
    n_groups : int, default=8
        Of Hydra, of eight kernels each, for every dilation.

    Returns
    -------
    Pipeline

    Raises
    ------
    ImportError
        If aeon is not installed.

    References
    ----------
    .. [1] C. W. Tan, A. Dempster, C. Bergmeir and G. I. Webb (2022). MultiRocket: multiple pooling
       operators and transformations for fast and effective time series classification. Data Mining
       and Knowledge Discovery 36, 1623-1646.
    .. [2] A. Dempster, D. F. Schmidt and G. I. Webb (2023). Hydra: competing convolutional kernels
       for fast and accurate time series classification. Data Mining and Knowledge Discovery 37,
       1779-1805.
    """
    kinds = _convolutions()
    both = make_union(
        kinds.MultiRocket(n_kernels=n_kernels),
        kinds.HydraTransformer(n_groups=n_groups, output_type="numpy"),
    )
    return make_pipeline(both, StandardScaler(), SoftmaxRidge(alpha=ALPHA))


def braindecode_network(name: str, **training: Any) -> Any:
    """Build a network of braindecode that is trained as the tuned nEMGNet, companded alike.

    Parameters
    ----------
    name : {"ShallowFBCSPNet", "EEGNeX"}
    **training
        Parameters of `NEMGNetClassifier` that say how it is trained.

    Returns
    -------
    classifier of segments (n_segments, n_times), in millivolts, at `BRAINDECODE_SFREQ`

    Raises
    ------
    ImportError
        If braindecode is not installed.
    """
    try:
        import braindecode.models  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{name} needs braindecode, which is not installed: pip install 'sknemg[rivals]'."
        ) from error
    from sknemg.evaluation.rival_networks import NETWORKS

    return NETWORKS[name](recipe="tuned", **training)


def _convolutions() -> Any:
    try:
        import aeon  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "Random convolutions need aeon, which is not installed: pip install 'sknemg[rivals]'."
        ) from error
    from sknemg.evaluation import rival_kernels

    return rival_kernels
