"""What has to be said of a fitted model because of what trained it."""

from __future__ import annotations

from typing import Any

from sknemg.model_selection.torn import fitted_parts

#: Of networks that started from a model that comes with sknemg.
STARTED = (
    "The network of this model started from one that was trained on simulated patients alone, and "
    "was trained further: rely on it no further than its evaluation on real patients goes."
)

#: Of such a network that was adapted to recordings without diagnoses.
ADAPTED = (
    "The network of this model was trained on simulated patients alone, and its normalisation was "
    "moved towards recordings without diagnoses: rely on it no further than its evaluation on "
    "real patients goes."
)

#: Of models that see through such a network.
SEEN = (
    "This model sees through a network that was trained on simulated patients alone: rely on it no "
    "further than its evaluation on real patients goes."
)


def caution_of(model: Any) -> str:
    """Give what has to be said wherever a model answers, whatever lies around what was trained.

    Parameters
    ----------
    model : fitted estimator

    Returns
    -------
    str
        Empty for models that have nothing to do with those that come with sknemg.

    Examples
    --------
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sknemg.model_selection.origin import caution_of
    >>> from sknemg.pretrained import load
    >>> caution_of(FrozenEstimator(load("volitional-muap").estimator_))[:28]
    'Models that come with sknemg'
    """
    return " ".join(cautions_of(model))


def cautions_of(model: Any) -> list[str]:
    """List what the parts of a model that have something to be said of them say, each once.

    Parameters
    ----------
    model : fitted estimator

    Returns
    -------
    list of str
    """
    return list(dict.fromkeys(_cautions(model)))


def caution_of_start(init: Any) -> str:
    """Give what has to be said of a network that was trained from ``init``.

    Parameters
    ----------
    init : str, fitted model or None
        A name is that of a model that comes with sknemg.

    Returns
    -------
    str
    """
    if init is None:
        return ""
    return STARTED if isinstance(init, str) or caution_of(init) else ""


def mark_origin(model: Any, caution: str) -> None:
    """Note what has to be said of a model in all that was trained inside of its votes.

    A vote that is trained anew replaces them, and the note with them. One of them that is taken
    out and fitted again in place keeps its note, since whether a fit goes on from what was learned
    (``warm_start``, ``partial_fit``) cannot be told: ``sklearn.clone`` of it has none.

    Parameters
    ----------
    model : fitted estimator
        Just loaded, with a DiVoteClassifier.
    caution : str
    """
    for part in _trained(model):
        part.caution_ = caution


def _cautions(model: Any) -> list[str]:
    if isinstance(model, type) or not hasattr(model, "__dict__"):
        return []
    if "caution_" in vars(model):
        return [model.caution_] if model.caution_ else []
    return [caution for part in fitted_parts(model) for caution in _cautions(part)]


def _trained(model: Any, *, votes: bool = False) -> list[Any]:
    """List the fitted estimators inside of every DiVoteClassifier that hold no others."""
    if isinstance(model, str) or model is None:  # a step that is passed through
        return []
    votes = votes or type(model).__name__ == "DiVoteClassifier"
    inner = fitted_parts(model)
    if votes and not inner:
        return [model]
    return [own for part in inner for own in _trained(part, votes=votes)]
