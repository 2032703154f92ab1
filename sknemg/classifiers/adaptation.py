"""Batch normalisation of a fitted network, learned again from segments without labels."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, TypeVar

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import nn
from torch.optim.swa_utils import update_bn

from sknemg.classifiers.base import BaseSegmentClassifier

Network = TypeVar("Network", bound=BaseSegmentClassifier)

#: Segments of a batch, whose means and variances are averaged: few enough for memory, so many that
#: a batch has segments of most recordings.
BATCH = 512


def adapted_network(
    network: Network, X: Any, *, share: float = 0.5, random_state: Any = 0
) -> Network:
    """Copy a fitted network and let its batch normalisation be that of other segments.

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
        Order of the segments, which are taken in batches.

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
    if not 0 <= share <= 1:
        raise ValueError(f"share={share!r} must be a number from 0 to 1.")
    rows = network._validated(X)
    if len(rows) < 2:
        raise ValueError(f"X has {len(rows)} segments: give those of several recordings.")
    module = deepcopy(network.module_)
    if not any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in module.modules()):
        raise ValueError(f"{type(network).__name__} has no batch normalisation: nothing to learn.")
    order = check_random_state(random_state).permutation(len(rows))
    parts = np.array_split(order, -(-len(rows) // BATCH))
    update_bn((network.module_input(rows[np.sort(part)]) for part in parts), module)
    copy = deepcopy(network)
    copy.__dict__.pop("_net", None)  # made anew from the weights
    copy.weights_ = {name: own.cpu().numpy() for name, own in module.state_dict().items()}
    for name, before in network.weights_.items():
        if name.endswith(("running_mean", "running_var")):
            copy.weights_[name] = share * copy.weights_[name] + (1 - share) * before
    return copy
