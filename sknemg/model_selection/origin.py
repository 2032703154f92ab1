"""What has to be said of a fitted model because of what trained it."""

from __future__ import annotations

from typing import Any

from sknemg.model_selection.torn import fitted_parts

#: Of networks that started from a model that comes with sknemg.
STARTED = (
    "The network of this model started from one that was trained on simulated patients alone, and "
    "was trained further: rely on it no further than its evaluation on real patients goes."
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
    return " ".join(dict.fromkeys(_cautions(model)))


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
    """Note what has to be said of a model in the parts of it that give votes.

    A vote that is trained anew replaces them, and the note with them.

    Parameters
    ----------
    model : fitted estimator
        Just loaded.
    caution : str
    """
    for part in _voting_parts(model) or [model]:
        part.caution_ = caution


def _cautions(model: Any) -> list[str]:
    if isinstance(model, type) or not hasattr(model, "__dict__"):
        return []
    if "caution_" in vars(model):
        return [model.caution_] if model.caution_ else []
    return [caution for part in fitted_parts(model) for caution in _cautions(part)]


def _voting_parts(model: Any) -> list[Any]:
    """List what gives the votes of every DiVoteClassifier inside."""
    if type(model).__name__ == "DiVoteClassifier":
        return [model.estimator_]
    return [own for part in fitted_parts(model) for own in _voting_parts(part)]
