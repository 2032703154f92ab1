"""Opening a fitted model of any kind: Pipeline, search, threshold, calibration, voting.

`open_model` looks into them, one inside the other in any order, down to the classifiers that it
can open no further: the parts of the model. Displays, scorers and evaluations ask the opened model
(:class:`~sknemg.divote.opened.Opened`) and need not know its kind. Another kind of model is one
more function at the end of this file.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sknemg.divote.opened import Opened, inside
from sknemg.model_selection import FewerSubjects
from sknemg.recordings._problems import shown


def open_model(model: Any) -> Opened:
    """Open a fitted model of any kind.

    Parameters
    ----------
    model : fitted classifier
        Whatever lies around a DiVoteClassifier or another classifier is opened: Pipeline, any
        search of scikit-learn, FixedThresholdClassifier, TunedThresholdClassifierCV,
        CalibratedClassifierCV, VotingClassifier with ``voting="soft"``, FrozenEstimator,
        FewerSubjects. Any
        other estimator is its own only part.

    Returns
    -------
    Opened

    Raises
    ------
    NotFittedError
        If the model or what it consists of is not fitted.
    TypeError
        If it is no classifier, a search that kept no model (``refit=False``), or a
        VotingClassifier without scores (``voting="hard"``).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sknemg import DiVoteClassifier, Recordings, Segmenter
    >>> from sknemg.divote.fitted import open_model
    >>> size = np.repeat([0.2, 2.0], 6)
    >>> signals = np.random.default_rng(0).uniform(0, size[:, None], (12, 12))
    >>> X = Recordings(signals, sfreq=10, subject=np.repeat(list("abcdef"), 2))
    >>> y = np.where(size > 1, "neuropathy", "myopathy")
    >>> model = make_pipeline(Segmenter(0.4, 0.4), DiVoteClassifier(LogisticRegression()))
    >>> opened = open_model(model.fit(X, y))
    >>> [part.path for part in opened.segment_parts]
    ['model[-1].estimator_']
    >>> opened.levels(X).recordings.shape
    (12, 5)
    """
    return inside(model, "model")


# -- the kinds of models -----------------------------------------------------------------------


def _changed(model: Any, **attributes: Any) -> Any:
    """Copy a model and change attributes of the copy."""
    new = copy(model)
    for name, value in attributes.items():
        setattr(new, name, value)
    return new


def _hands_on(model: Any, path: str, member: Any, where: str, **options: Any) -> Opened:
    inner = inside(member, path + where)
    return Opened(model, path, inner.classes, (inner,), **options)


@inside.register
def _(model: Pipeline, path: str) -> Opened:
    last = model[-1]
    if last is None or isinstance(last, str):
        raise TypeError(f"The Pipeline ({path}) ends in {shown(last)}: let it end in a classifier.")
    before = model[:-1] if len(model) > 1 else None
    return _hands_on(model, path, last, "[-1]", before=before)


@inside.register
def _(model: BaseSearchCV, path: str) -> Opened:
    check_is_fitted(model)
    if not hasattr(model, "best_estimator_"):
        raise TypeError(
            f"{type(model).__name__} ({path}) has refit={shown(model.refit)} and kept no model: "
            "set refit=True, or fit an estimator with its best_params_."
        )
    return _hands_on(model, path, model.best_estimator_, ".best_estimator_")


@inside.register
def _(model: FrozenEstimator, path: str) -> Opened:
    return _hands_on(model, path, model.estimator, ".estimator")


@inside.register(FixedThresholdClassifier)
@inside.register(TunedThresholdClassifierCV)
def _(model: Any, path: str) -> Opened:
    name = "estimator_" if hasattr(model, "estimator_") else "estimator"  # fitted before
    return _hands_on(
        model,
        path,
        getattr(model, name),
        f".{name}",
        swap=lambda members: _changed(model, estimator_=members[0]),
        decides=True,
    )


@inside.register
def _(model: CalibratedClassifierCV, path: str) -> Opened:
    check_is_fitted(model)
    pairs = model.calibrated_classifiers_
    members = tuple(
        inside(pair.estimator, f"{path}.calibrated_classifiers_[{i}].estimator")
        for i, pair in enumerate(pairs)
    )

    def swap(members: Sequence[Any]) -> Any:
        own = [_changed(p, estimator=m) for p, m in zip(pairs, members, strict=True)]
        return _changed(model, calibrated_classifiers_=own)

    equal = (1 / len(pairs),) * len(pairs)
    classes = np.asarray(model.classes_)
    known = {label for member in members for label in member.classes.tolist()}
    encodes = not known <= set(classes.tolist())  # temperature scaling numbers names
    return Opened(model, path, classes, members, equal, swap=swap, encodes=encodes)


@inside.register
def _(model: FewerSubjects, path: str) -> Opened:
    check_is_fitted(model)
    return _hands_on(model, path, model.estimator_, ".estimator_")


@inside.register
def _(model: VotingClassifier, path: str) -> Opened:
    check_is_fitted(model)
    if model.voting != "soft":
        raise TypeError(
            f"VotingClassifier ({path}) has voting={shown(model.voting)} and gives no scores: set "
            "voting='soft'."
        )
    kept = {n: m for n, m in model.named_estimators_.items() if not isinstance(m, str)}
    members = tuple(inside(m, f"{path}.named_estimators_[{n!r}]") for n, m in kept.items())
    given = [1.0] * len(model.estimators) if model.weights is None else model.weights
    weight_of = {name: weight for (name, _), weight in zip(model.estimators, given, strict=True)}
    weights = np.array([weight_of[name] for name in kept], dtype=float)
    return Opened(
        model,
        path,
        np.asarray(model.classes_),
        members,
        tuple((weights / weights.sum()).tolist()),
        swap=lambda members: _changed(model, estimators_=list(members)),
        encodes=True,
    )
