"""Notice subjects that were in the training of the model that is scored on them."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import PredefinedSplit
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import get_routing_for_object

from sknemg.recordings._problems import listed


class TornSubjectsWarning(UserWarning):
    """Subjects are scored by a model that was trained on them, or a step inside splits them."""


class TornSubjectsError(ValueError):
    """What `TornSubjectsWarning` warns of, raised with ``strict=True``."""


class RowSplitter(NamedTuple):
    """A step that splits rows without regard to subjects."""

    name: str  # as in "CalibratedClassifierCV(cv=None)"
    of_segments: bool  # inside a DiVoteClassifier, where each recording has several rows


def hash_subjects(subjects: ArrayLike, salt: str) -> NDArray[np.uint64]:
    """Hash the names of subjects; numbers count as their text, so 1, 1.0 and "1" are one.

    Parameters
    ----------
    subjects : array-like of shape (n_subjects,)
    salt : str
        In hexadecimal digits.

    Returns
    -------
    ndarray of shape (n_subjects,), uint64
    """
    key = bytes.fromhex(salt)
    digests = [
        hashlib.blake2b(_spelled(name).encode(), key=key, digest_size=8).digest()
        for name in pd.Series(subjects).tolist()
    ]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def trained_on(model: Any, subjects: ArrayLike) -> NDArray[np.bool_]:
    """Tell which subjects were in the training of a fitted model, as far as it knows.

    Parameters
    ----------
    model : fitted estimator
        A `DiVoteClassifier`, or a pipeline, search, calibrated classifier or ensemble of such. A
        network inside that starts from a fitted model, its ``init``, knows what that one knows.
    subjects : array-like of shape (n_subjects,)

    Returns
    -------
    ndarray of shape (n_subjects,), bool
        All False if nothing inside knows its training subjects.
    """
    names = pd.Series(subjects)
    seen = np.zeros(len(names), dtype=bool)
    for part in knowing_parts(model):
        seen |= part.trained_on(names)
        for _, start in starts_of(part):
            seen |= trained_on(start, names)
    return seen


def forget_starts(*estimators: Any) -> None:
    """Set every ``init`` to a copy that knows no subjects, where the model in it knows some.

    Parameters
    ----------
    *estimators : estimator, fitted or not
        The models in ``init`` are left as they are, since others may start from them as well. The
        same one is copied once.
    """
    copies: dict[int, Any] = {}
    for estimator in estimators:
        for name, start in starts_of(estimator):
            if not any(True for _ in knowing_parts(start)):
                continue
            if id(start) not in copies:
                copies[id(start)] = deepcopy(start)
                for part in knowing_parts(copies[id(start)]):
                    part.forget_subjects()
            estimator.set_params(**{name: copies[id(start)]})


def knowing_parts(model: Any) -> Iterator[Any]:
    """Yield the fitted parts of a model that know their training subjects.

    Parameters
    ----------
    model : fitted estimator

    Yields
    ------
    Objects with a method ``trained_on``
    """
    if isinstance(model, type) or not hasattr(model, "__dict__"):
        return
    if hasattr(model, "trained_on"):
        if model.__sklearn_is_fitted__():
            yield model
        return
    for part in fitted_parts(model):
        yield from knowing_parts(part)


def row_splitters(estimator: Any, *, of_segments: bool = False) -> list[RowSplitter]:
    """Find the steps whose ``cv`` splits rows, and so tears subjects that have several.

    Parameters
    ----------
    estimator : estimator, fitted or not
    of_segments : bool, default=False

    Returns
    -------
    list of RowSplitter
        Splitters that are not scikit-learn's, and splits given as a list, are trusted.
    """
    if isinstance(estimator, type) or not hasattr(estimator, "get_params"):
        return []
    found: list[RowSplitter] = []
    votes = hasattr(estimator, "trained_on")  # segments, each a row for what is inside
    by_subject = votes or getattr(estimator, "folds_by_subject", False)
    params = estimator.get_params(deep=False)
    own = [value for name, value in params.items() if not is_start(name)]
    inner = [part for value in own for part in estimators_in(value)]
    frozen = all(isinstance(part, FrozenEstimator) for part in inner)
    if "cv" in params and not frozen and not by_subject and _splits_rows(params["cv"]):
        found.append(RowSplitter(f"{type(estimator).__name__}(cv={params['cv']!r})", of_segments))
    for part in inner:
        found += row_splitters(part, of_segments=of_segments or votes)
    return found


def report_trained_on(
    subjects: ArrayLike, seen: NDArray[np.bool_], *, strict: bool, stacklevel: int = 2
) -> None:
    """Warn that scored subjects were in training, or raise.

    Parameters
    ----------
    subjects : array-like of shape (n_subjects,)
        Each once.
    seen : ndarray of shape (n_subjects,), bool
    strict : bool
    stacklevel : int, default=2
    """
    if not seen.any():
        return
    names = pd.Series(subjects)
    if seen.all():
        message = (
            f"All {len(names)} scored subjects were in training, so that this is a training "
            f"score, not one for new patients, {listed(names, 'subject')}: score subjects that "
            "were left out (SubjectKFold splits by subject), or rename them if they are others."
        )
    else:
        message = (
            f"{seen.sum()} of {len(names)} scored subjects were in training, which makes their "
            f"scores too good, {listed(names[seen], 'subject')}: split by subject (SubjectKFold), "
            "or rename them if they are others."
        )
    _report(message, strict, stacklevel + 1)


def report_row_splitters(
    splitters: Iterable[RowSplitter], *, where: str = "", strict: bool, stacklevel: int = 2
) -> None:
    """Warn that steps inside a model tear subjects, or raise.

    Parameters
    ----------
    splitters : iterable of RowSplitter
    where : str, default=""
        Which model.
    strict : bool
    stacklevel : int, default=2
    """
    names = [
        f"{one.name}, {'segments' if one.of_segments else 'recordings'} of a subject"
        for one in dict.fromkeys(splitters)
    ]
    if names:
        _report(
            f"Steps{where} split rows, which puts subjects on both sides ({'; '.join(names)}): set "
            "their cv to a splitter that keeps subjects together, such as SubjectKFold(5).",
            strict,
            stacklevel + 1,
        )


def _report(message: str, strict: bool, stacklevel: int) -> None:
    if strict:
        raise TornSubjectsError(message)
    warnings.warn(message, TornSubjectsWarning, stacklevel=stacklevel + 1)


def is_start(name: str) -> bool:
    """Tell whether a parameter is what a network starts from: no part of the model that has it.

    Examples
    --------
    >>> [is_start(name) for name in ("init", "estimator__init", "init_lr")]
    [True, True, False]
    """
    return name.rpartition("__")[2] == "init"


def starts_of(estimator: Any) -> list[tuple[str, Any]]:
    """List the models that networks inside start from, by the names of the parameters."""
    return [(name, value) for name, value in estimator.get_params().items() if is_start(name)]


def _spelled(name: Any) -> str:
    whole = isinstance(name, Real) and float(name).is_integer()
    return str(int(name)) if whole else str(name)


def _splits_rows(cv: Any) -> bool:
    if cv is None or (isinstance(cv, Real) and not isinstance(cv, bool)):
        return not (isinstance(cv, Integral) and cv < 2)
    own = type(cv).__module__.startswith("sklearn.model_selection")
    if not own or isinstance(cv, PredefinedSplit):
        return False
    return not get_routing_for_object(cv).consumes("split", ["groups"])


def fitted_parts(model: Any) -> list[Any]:
    """Find the estimators that answer for a model, not those that it was told to clone.

    Parameters
    ----------
    model : fitted estimator

    Returns
    -------
    list of estimators
        Those next to it: each may hold others.
    """
    if isinstance(model, Pipeline):
        return [step for _, step in model.steps]
    values = vars(model)
    if "best_estimator_" in values:
        return [values["best_estimator_"]]
    fitted = [part for name in values if name.endswith("_") for part in _parts_in(values[name])]
    return fitted or [part for value in values.values() for part in _parts_in(value)]


def estimators_in(value: Any) -> list[Any]:
    """Find the estimators in a value: itself, or those in lists, tuples and mappings."""
    return [part for part in _parts_in(value) if hasattr(part, "get_params")]


def _parts_in(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [part for item in value for part in _parts_in(item)]
    is_model = hasattr(value, "fit") or hasattr(value, "predict_proba")
    return [value] if is_model and not isinstance(value, type) else []
