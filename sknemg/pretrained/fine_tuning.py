"""Pipelines that start from a network that comes with sknemg, for a few subjects of one's own."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg.augmentation import SignalAugmenter
from sknemg.classifiers.network_features import NetworkFeatures
from sknemg.divote.divote import DiVoteClassifier
from sknemg.pretrained.loading import load
from sknemg.weights.network import read_network

#: How the network is trained further, chosen by simulated patients of another simulator
#: (``python -m benchmarks.pretrain.few_shot``): 150 updates, old layers at 1e-3. An output layer
#: that starts anew, and a network from scratch, learn at three times that.
DEFAULTS: dict[str, Any] = {
    "optimizer": "adamw",
    "weight_decay": 0.01,
    "lr": 3e-3,
    "init_lr": 1 / 3,
    "schedule": "one-cycle",
    "freeze": 4,
    "max_updates": 150,
    "max_epochs": 150,
    "epoch_fraction": 1.0,
}
#: How its training segments are varied.
VARIED: dict[str, Any] = {
    "gain": 1.5, "noise": 0.005, "mains": 0.0, "shift": 0.1, "warp": 0.0, "polarity": 0.5,
}  # fmt: skip
#: `C` of the logistic regression of `few_shot_pipeline`, by the seconds between windows. Chosen in
#: the same way, for windows 0.2 s apart.
C_OF_A_SECOND = 0.005


def fine_tuning_pipeline(name: str = "volitional-small", **params: Any) -> Pipeline:
    """Build a pipeline that trains a network that comes with sknemg on subjects of your own.

    Rate, band and windows are those the network has learned by, which its weights need.
    Training windows are varied, and the learning rate rises and falls over 150 updates, however
    many windows there are; the first four of twelve blocks stay as they are. 50 and 400 updates
    gained nothing on simulated patients. If your diagnoses have other names than those of the
    network, its output layer starts anew and learns at ``lr``, three times as fast as the rest,
    which was not tried. On real recordings the pipeline gained nothing over the best from scratch.

    Parameters
    ----------
    name : str, default="volitional-small"
        A model of `names` that is a network.
    **params
        Parameters of its :class:`~sknemg.classifiers.NEMGNetClassifier`, such as ``freeze``,
        ``init_lr`` or ``max_updates``.

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
    >>> pipe = fine_tuning_pipeline(freeze=12, max_updates=20, random_state=0)
    >>> pipe[-1].estimator.init
    'volitional-small'
    """
    varied = SignalAugmenter(input_sfreq=read_network(name).sfreq, **VARIED)
    pipeline = clone(load(name).estimator_)
    network = pipeline[-1].estimator
    settings = {"init": name, "random_state": None, "augment": varied, **DEFAULTS, **params}
    network.set_params(**settings)
    return pipeline


def few_shot_pipeline(
    name: str = "volitional-small", *, measures: bool = True, C: float | None = None
) -> Pipeline:
    """Build a pipeline that learns from a few subjects, by a network that is left as it is.

    The maps of the network and the measures of quantitative EMG
    (:class:`~sknemg.classifiers.NetworkFeatures`) are columns of a balanced, strongly regularised
    logistic regression; segments vote by their mean. Only this regression is trained, within a
    second. On simulated patients of another simulator that is far better than the same regression
    on the measures alone; on real recordings it was not: try both.

    Parameters
    ----------
    name : str, default="volitional-small"
        A model of `names` that is a network.
    measures : bool, default=True
        Whether to add the columns of :class:`~sknemg.SegmentFeatures` to those of the network.
    C : float or None, default=None
        Inverse strength of regularisation, as in :class:`~sklearn.linear_model.LogisticRegression`.
        By default 0.005 times the seconds between windows, since windows that overlap more are
        more numerous.

    Returns
    -------
    Pipeline
        Not fitted. Its ``fit(X, y)`` takes recordings with a column ``subject``.

    Raises
    ------
    ValueError
        If there is no such model, or if it is no network.

    See Also
    --------
    fine_tuning_pipeline : Train the network itself further.

    Examples
    --------
    >>> from sknemg.pretrained import few_shot_pipeline
    >>> [name for name, _ in few_shot_pipeline().steps]
    ['downsampler', 'bandpass', 'segmenter', 'networkfeatures', 'divoteclassifier']
    """
    read_network(name)  # which says of any other model that it holds none
    before = clone(load(name).estimator_)[:-1]
    if C is None:
        C = C_OF_A_SECOND * before[-1].hop
    linear = LogisticRegression(C=C, class_weight="balanced", max_iter=500)
    votes = DiVoteClassifier(make_pipeline(StandardScaler(), linear), final_estimator=None)
    seen = NetworkFeatures(name, measures=measures)
    return Pipeline([*before.steps, *make_pipeline(seen, votes).steps])
