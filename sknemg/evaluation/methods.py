"""The methods that a comparison chooses from: pipelines from recordings to a diagnosis, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg.divote import DiVoteClassifier, JointVoteClassifier
from sknemg.evaluation.rivals import (
    BRAINDECODE_SFREQ,
    braindecode_network,
    minirocket,
    multirocket_hydra,
)
from sknemg.features.transformers import SegmentFeatures
from sknemg.muap.features import MuapFeatures
from sknemg.preprocessing import Downsampler, Segmenter
from sknemg.recordings import Recordings, label_subjects
from sknemg.recordings._problems import shown
from sknemg.signal import LEAST_RATE

#: Size of nEMGNet and length of its training. Only those of ``"gpu"`` are the published ones.
PROFILES: dict[str, dict[str, Any]] = {
    "smoke": {"version": "A", "width": 4, "max_epochs": 1, "eval_every": 20},
    "cpu": {"version": "A", "width": 8, "max_epochs": 5, "eval_every": 50},
    "gpu": {"version": "B", "width": 64, "max_epochs": 100, "eval_every": 50},
}

#: What the tuned recipe adds where training is short: epochs of half of the windows, which overlap
#: by three quarters, under a one-cycle schedule, on all training subjects. Measured on two
#: simulated cohorts of other seeds than the demo's: 43 of 48 subjects left out are right, without
#: the schedule 35.
SHORT: dict[str, Any] = {
    "epoch_fraction": 0.5,
    "optimizer": "adamw",
    "lr": 3e-3,
    "weight_decay": 0.01,
    "schedule": "one-cycle",
    "validation": None,
}

#: What is compared by default.
COMPARED = ("network", "features", "motor-units")

#: Joins the names of methods that vote together.
TOGETHER = "+"


def compared_methods(
    profile: Literal["smoke", "cpu", "gpu"] = "cpu",
    *,
    methods: Iterable[str] = COMPARED,
    recipe: Literal["published", "tuned"] = "tuned",
    sfreq: float = 10_000,
    window: float = 0.4,
    hop: float = 0.1,
    short: str = "raise",
    upsample: bool = False,
    subject_features: str = "auto",
    cv: Any = None,
) -> dict[str, Any]:
    """Build the pipelines that are compared.

    Parameters
    ----------
    profile : {"smoke", "cpu", "gpu"}, default="cpu"
        Size of nEMGNet and length of its training, see `PROFILES`.
    methods : iterable of str, default=("network", "features", "motor-units")
        Any of

        - ``"network"``: nEMGNet;
        - ``"features"`` and ``"forest"``: amplitude, turns and spectrum of each segment, with a
          linear discriminant or a random forest;
        - ``"motor-units"``: motor unit action potentials, found and measured in the recordings as
          they are, with a balanced logistic regression;
        - ``"minirocket"`` and ``"multirocket-hydra"``: random convolutions of segments with a
          ridge classifier, which need aeon (the extra ``rivals``);
        - ``"shallow-fbcsp"`` and ``"eegnex"``: networks made for EEG, trained as the tuned nEMGNet
          of the profile whatever `recipe` is, on segments at 2 kHz or at `sfreq` where that is
          less, which need braindecode (the extra ``rivals``);
        - several of them that vote together, joined by ``+``, such as ``"network+motor-units"``:
          the geometric mean of their scores of a recording, without a final classifier, see
          `JointVoteClassifier`.
    recipe : {"published", "tuned"}, default="tuned"
        How nEMGNet is trained, see `NEMGNetClassifier`. Below the profile "gpu", the tuned one
        takes half of the windows an epoch and a one-cycle schedule, see `SHORT`.
    sfreq : float, default=10_000
        Rate to which recordings are resampled before they are cut, in hertz.
    window, hop : float, default=0.4, 0.1
        Seconds.
    short : {"raise", "drop", "pad"}, default="raise"
        What happens to recordings shorter than a window.
    upsample : bool, default=False
        Whether recordings below `sfreq` are upsampled to it, see `Downsampler`.
    subject_features : {"auto", "location", "all"}, default="auto"
        See `DiVoteClassifier`.
    cv : default=None
        See `DiVoteClassifier`: None for subject features as published (in-sample), a number of
        folds for out-of-fold ones.

    Returns
    -------
    dict of estimator
        By names for people: nEMGNet's holds its version, recipe, width and longest training,
        those of networks made for EEG their longest training and their rate.

    Raises
    ------
    ValueError
        If a method is unknown, is named twice, or there is none.
    ImportError
        If ``"minirocket"`` or ``"multirocket-hydra"`` is asked for without aeon, or
        ``"shallow-fbcsp"`` or ``"eegnex"`` without braindecode.

    References
    ----------
    A. Dempster, D. F. Schmidt and G. I. Webb, "MiniRocket: a very fast (almost) deterministic
    transform for time series classification", KDD 2021. R. T. Schirrmeister et al., "Deep learning
    with convolutional neural networks for EEG decoding and visualization", Human Brain Mapping 38
    (2017) 5391. X. Chen, X. Teng, H. Chen, Y. Pan and P. Geyer, "Toward reliable signals decoding
    for electroencephalogram: a benchmark study to EEGNeX", Biomedical Signal Processing and Control
    87 (2024) 105475.

    Examples
    --------
    >>> from sknemg.evaluation import compared_methods
    >>> list(compared_methods("smoke"))
    ['nEMGNet-A (tuned, width 4, 0.5 epochs)', 'features + LDA', 'motor units']
    >>> list(compared_methods(methods=["features+motor-units"]))
    ['features + LDA and motor units together']
    """
    names = check_methods(methods)
    cut: dict[str, Any] = {
        "sfreq": sfreq,
        "window": window,
        "hop": hop,
        "short": short,
        "upsample": upsample,
    }
    divote = {"subject_features": subject_features, "cv": cv}

    def votes(name: str, **options: Any) -> tuple[str, Pipeline]:
        title, before, classifier = _PARTS[name](profile, recipe)
        if before is None:
            before = _segments(**cut)
        elif isinstance(before, float):
            rate = min(sfreq, before)
            title = title.format(rate=f"{rate / 1000:g} kHz")
            before = _segments(**cut | {"sfreq": rate})
        elif isinstance(before, SegmentFeatures):
            before = [*_segments(**cut), ("features", before)]
        else:
            before = [("units", before)]
        return title, Pipeline([*before, ("divote", DiVoteClassifier(classifier, **options))])

    found: dict[str, Any] = {}
    for name in names:
        parts = name.split(TOGETHER)
        if len(parts) == 1:
            title, pipe = votes(name, **divote)
            found[title] = pipe
            continue
        members = [votes(part, final_estimator=None) for part in parts]
        title = " and ".join(own for own, _ in members) + " together"
        pipes = [pipe for _, pipe in members]
        found[title] = JointVoteClassifier(list(zip(_keys(parts), pipes, strict=True)))
    return found


def check_methods(methods: Iterable[str]) -> list[str]:
    """Refuse names of methods that are unknown or given twice.

    Parameters
    ----------
    methods : iterable of str

    Returns
    -------
    list of str

    Raises
    ------
    ValueError

    Examples
    --------
    >>> from sknemg.evaluation.methods import check_methods
    >>> check_methods(["forest", "network+motor-units"])
    ['forest', 'network+motor-units']
    """
    names = [methods] if isinstance(methods, str) else list(methods)
    choices = ", ".join(map(repr, _PARTS))
    if not names:
        raise ValueError(f"`methods` is empty: give some of {choices}.")
    for name in names:
        for part in str(name).split(TOGETHER):
            if part not in _PARTS:
                raise ValueError(
                    f"The method {shown(part)} is unknown: give some of {choices}, joined by "
                    f"{TOGETHER!r} if they are to vote together."
                )
    sets = [frozenset(name.split(TOGETHER)) for name in names]
    whole = [len(own) == len(name.split(TOGETHER)) for own, name in zip(sets, names, strict=True)]
    if len(set(sets)) < len(sets) or not all(whole):
        raise ValueError(f"`methods` holds a method twice, {shown(names)}: name each once.")
    return names


def fitting_methods(X: Recordings, y: ArrayLike, n_jobs: int | None = None) -> tuple[str, ...]:
    """Choose the methods that are compared by default: motor units only where there are some.

    The motor units that it finds are remembered, so that a comparison in this process does not look
    for them again.

    Parameters
    ----------
    X : Recordings of signals
        With the column ``subject``.
    y : array-like of shape (n_recordings,)
    n_jobs : int, default=None
        Number of recordings measured at once.

    Returns
    -------
    tuple of str
        `COMPARED`, without ``"motor-units"`` where less than half of the subjects of a diagnosis
        have a recording with a motor unit, as in full interference patterns, or where a recording
        is sampled too low to show one.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> from sknemg.evaluation.methods import fitting_methods
    >>> noise = np.random.default_rng(0).normal(scale=0.01, size=(4, 20_000))
    >>> X = Recordings(noise, sfreq=20_000, subject=list("abcd"))
    >>> fitting_methods(X, ["myopathy", "myopathy", "normal", "normal"])
    ('network', 'features')
    """
    codes, _, first = label_subjects(y, X["subject"].to_numpy())
    few = bool((X["sfreq"] < LEAST_RATE).any())
    if not few:
        n_units = MuapFeatures(n_jobs=n_jobs).transform(X).lengths
        found = np.bincount(codes, weights=n_units, minlength=len(first)) > 0
        shares = pd.Series(found).groupby(np.asarray(y)[first]).mean()
        few = bool((shares < 0.5).any())
    return tuple(name for name in COMPARED if not (few and name == "motor-units"))


def _segments(
    *, sfreq: float, window: float, hop: float, short: str, upsample: bool
) -> list[tuple[str, BaseEstimator]]:
    return [
        ("downsample", Downsampler(sfreq=sfreq, upsample=upsample)),
        ("segment", Segmenter(window=window, hop=hop, short=short)),
    ]


def _keys(parts: list[str]) -> list[str]:
    """Names of members, as parameters of an estimator are written."""
    return [part.replace("-", "_") for part in parts]


#: Title; step before the votes, None for segments, a number for those at that rate (Hz) at most,
#: which the title names as {rate}; and classifier of items.
_Part = tuple[str, Any, Any]


def _network(profile: str, recipe: str) -> _Part:
    from sknemg.classifiers import NEMGNetClassifier

    network = NEMGNetClassifier(recipe=recipe, **PROFILES[profile], **_added(profile, recipe))
    # nobody is to take a small network for the published one
    size = f"{network.recipe}, width {network.width}, {_epochs(network)}"
    return f"nEMGNet-{network.version} ({size})", None, network


def _added(profile: str, recipe: str) -> dict[str, Any]:
    """Give what short trainings add to a recipe."""
    return SHORT if recipe == "tuned" and profile != "gpu" else {}


def _epochs(network: Any) -> str:
    passes = network.max_epochs * network.recipe_params()["epoch_fraction"]
    return f"{passes:g} epoch{'s' if passes != 1 else ''}"


def _features(profile: str, recipe: str) -> _Part:
    linear = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis())
    return "features + LDA", SegmentFeatures(), linear


def _forest(profile: str, recipe: str) -> _Part:
    forest = RandomForestClassifier(300, min_samples_leaf=5, class_weight="balanced")
    return "features + forest", SegmentFeatures(), forest


def _motor_units(profile: str, recipe: str) -> _Part:
    balanced = LogisticRegression(class_weight="balanced", max_iter=1000)
    return "motor units", MuapFeatures(), make_pipeline(StandardScaler(), balanced)


def _minirocket(profile: str, recipe: str) -> _Part:
    return "MiniRocket + ridge", None, minirocket()


def _multirocket_hydra(profile: str, recipe: str) -> _Part:
    return "MultiRocket + Hydra + ridge", None, multirocket_hydra()


def _braindecode(name: str, profile: str) -> _Part:
    length = {key: PROFILES[profile][key] for key in ("max_epochs", "eval_every")}
    network = braindecode_network(name, **length, **_added(profile, "tuned"))
    return f"{name} ({_epochs(network)}, {{rate}})", BRAINDECODE_SFREQ, network


def _shallow_fbcsp(profile: str, recipe: str) -> _Part:
    return _braindecode("ShallowFBCSPNet", profile)


def _eegnex(profile: str, recipe: str) -> _Part:
    return _braindecode("EEGNeX", profile)


_PARTS: dict[str, Callable[[str, str], _Part]] = {
    "network": _network,
    "features": _features,
    "forest": _forest,
    "motor-units": _motor_units,
    "minirocket": _minirocket,
    "multirocket-hydra": _multirocket_hydra,
    "shallow-fbcsp": _shallow_fbcsp,
    "eegnex": _eegnex,
}
