"""`fine_tuning_pipeline`: the steps of a model that comes with sknemg, to be trained further."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone
from sklearn.pipeline import Pipeline

from sknemg.pretrained.loading import load
from sknemg.weights.network import read_network

#: What differs from how the network was trained: few subjects, few updates, no schedule, no
#: augmentation. These are plain values, chosen by no data.
DEFAULTS: dict[str, Any] = {
    "lr": 1e-3,
    "init_lr": 0.3,
    "schedule": None,
    "max_epochs": 10,
    "epoch_fraction": 1.0,
}


def fine_tuning_pipeline(name: str = "volitional-small", **params: Any) -> Pipeline:
    """Build a pipeline that trains a network that comes with sknemg on subjects of your own.

    Rate, band and windows are those the network has learned by, which its weights need.
    On real recordings it gained nothing over the best method trained from scratch.

    Parameters
    ----------
    name : str, default="volitional-small"
        A model of `names` that is a network.
    **params
        Of its :class:`~sknemg.classifiers.NEMGNetClassifier`, such as ``freeze``, ``init_lr`` or
        ``max_epochs``.

    Returns
    -------
    Pipeline
        Not fitted. Its ``fit(X, y)`` takes recordings with a column ``subject``.

    Raises
    ------
    ValueError
        If there is no such model, if it is no network, or if a parameter is unknown.

    Examples
    --------
    >>> from sknemg.pretrained import fine_tuning_pipeline
    >>> pipe = fine_tuning_pipeline(freeze=12, max_epochs=2, random_state=0)
    >>> pipe[-1].estimator.init
    'volitional-small'
    """
    read_network(name)  # which says of any other model that it holds none
    pipeline = clone(load(name).estimator_)
    network = pipeline[-1].estimator
    network.set_params(**{"init": name, "random_state": None, **DEFAULTS, **params})
    return pipeline
