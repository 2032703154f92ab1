"""Batch normalisation of a fitted network, moved towards that of segments without labels."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import nn
from torch.optim.swa_utils import update_bn

from sknemg.classifiers.base import BaseSegmentClassifier
from sknemg.classifiers.repeatable import seeded
from sknemg.signal.rates import is_number

Network = TypeVar("Network", bound=BaseSegmentClassifier)

#: Segments of a batch, whose means and variances are averaged: few enough for memory, so many that
#: a batch has segments of most recordings.
BATCH = 512


def adapted_network(
    network: Network, X: Any, *, share: float = 0.5, random_state: Any = 0
) -> Network:
    """Copy a fitted network and move its batch normalisation towards that of other segments.

    Every channel is centred and scaled by mean and variance over the segments that trained the
    network. Here these two move towards those of `X`; all weights stay.

    Parameters
    ----------
    network : fitted segment classifier
        With batch normalisation, as `NEMGNetClassifier`.
    X : array-like or Windows
        Segments as in its ``fit``, of as many recordings and subjects as there are.
    share : float, default=0.5
        Weight of the means and variances of `X`, 0 to 1; those of the training have the rest.
    random_state : int, RandomState or None, default=0
        Order of the segments, which are taken in batches, and what is dropped in training.

    Returns
    -------
    fitted segment classifier
        A copy; `network` stays as it is.

    Raises
    ------
    ValueError
        If there are fewer than two segments, the network has no batch normalisation, or `share` is
        no number from 0 to 1.

    References
    ----------
    Y. Li et al., "Adaptive batch normalization for practical domain adaptation", Pattern
    Recognition 80 (2018) 109-117.
    """
    check_is_fitted(network)
    if not is_number(share) or not 0 <= share <= 1:
        raise ValueError(f"share={share!r} must be a number from 0 to 1.")
    rows = network._validated(X)
    if len(rows) < 2:
        raise ValueError(f"X has {len(rows)} segments: give those of several recordings.")
    module = deepcopy(network.module_)
    if not any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in module.modules()):
        raise ValueError(f"{type(network).__name__} has no batch normalisation: nothing to learn.")
    rng = check_random_state(random_state)
    parts = np.array_split(rng.permutation(len(rows)), -(-len(rows) // BATCH))
    # Dropout draws in training mode: not from the user's chance.
    with seeded(int(rng.randint(np.iinfo(np.int32).max)), network._torch_device()):
        update_bn((network.module_input(rows[np.sort(part)]) for part in parts), module)
    found = module.state_dict()
    copy = deepcopy(network)
    copy.__dict__.pop("_net", None)  # made anew from the weights
    copy.weights_ = {
        name: _between(before, found[name].cpu().numpy(), float(share))
        if name.endswith(("running_mean", "running_var"))
        else before.copy()
        for name, before in network.weights_.items()
    }
    return copy


def _between(before: NDArray[Any], found: NDArray[Any], share: float) -> NDArray[Any]:
    """Go that share of the way; in the layout and type of before."""
    return np.ascontiguousarray((1 - share) * before + share * found, dtype=before.dtype)
