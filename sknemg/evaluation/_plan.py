"""The fits of an evaluation: each estimator prepared for each fold, with its seed."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import BaseCrossValidator, LeaveOneGroupOut

from sknemg.evaluation.protocols import Protocol
from sknemg.model_selection.splits import SubjectKFold
from sknemg.model_selection.torn import estimators_in


@dataclass(frozen=True)
class Fit:
    """All that a fit depends on apart from the data; the cache identifies it by this."""

    estimator: BaseEstimator
    choose_on: str
    train: NDArray[Any]
    test: NDArray[Any]


@dataclass(frozen=True)
class Cell:
    """A fit, and its place among all."""

    order: int
    method: str
    repeat: int
    fold: int
    seed: int
    fit: Fit


def plan_cells(
    estimators: Mapping[str, BaseEstimator],
    X: Any,
    y: NDArray[Any],
    subjects: NDArray[Any],
    protocol: Protocol,
    random_state: int,
) -> list[Cell]:
    """List the fits of a protocol: every estimator, on every fold of every repeat."""
    cells: list[Cell] = []
    for repeat in range(protocol.n_repeats):
        deal = np.random.SeedSequence([random_state, repeat if protocol.reshuffle else 0])
        folds = _splitter(protocol, int(deal.generate_state(1)[0]))
        with warnings.catch_warnings():  # said once, with the subjects, by _warn_of_lacking
            warnings.filterwarnings("ignore", "The least populated class in y has only")
            splits = list(folds.split(X, y, subjects))
        for fold, (train, test) in enumerate(splits):
            seeds = np.random.SeedSequence([random_state, repeat, fold, 1])
            seed = int(seeds.generate_state(1)[0] >> 1)
            for method, estimator in estimators.items():
                prepared = prepare(estimator, protocol, seed)
                fit = Fit(prepared, protocol.choose_on, train, test)
                cells.append(Cell(len(cells), method, repeat, fold, seed, fit))
    return cells


def _splitter(protocol: Protocol, seed: int) -> BaseCrossValidator:
    if protocol.n_splits == "leave-one-out":
        return LeaveOneGroupOut()
    return SubjectKFold(protocol.n_splits, shuffle=True, random_state=seed)


def prepare(estimator: BaseEstimator, protocol: Protocol, seed: int) -> BaseEstimator:
    """Clone, with the protocol's training schedule and a seed wherever one can be set."""
    new = clone(estimator)
    rng = np.random.RandomState(seed)
    schedule = {"eval_every": protocol.eval_every, "patience": protocol.patience}
    schedule = {name: value for name, value in schedule.items() if value is not None}
    for part in (new, *_candidates(new)):
        changes: dict[str, Any] = {}
        networks = network_names(part)
        for name in sorted(part.get_params(deep=True)):
            owner, _, end = name.rpartition("__")
            if end == "random_state":
                changes[name] = int(rng.randint(np.iinfo(np.int32).max))
            elif end in schedule and owner in networks:
                changes[name] = schedule[end]
        part.set_params(**changes)
    return new


def network_names(estimator: BaseEstimator) -> set[str]:
    """Name the parameters that hold segment classifiers of this library; "" is the estimator.

    Estimators of other libraries may call their parameters ``patience`` or ``validation``, too,
    and mean something else.
    """
    module = sys.modules.get("sknemg.classifiers.base")  # brings torch; loaded if one is there
    if module is None:
        return set()
    values = {"": estimator, **estimator.get_params(deep=True)}
    return {
        name for name, value in values.items() if isinstance(value, module.BaseSegmentClassifier)
    }


def _candidates(estimator: BaseEstimator) -> list[BaseEstimator]:
    """Find estimators that stand in the grid of a search, in the order of the grid."""
    found: list[BaseEstimator] = []
    params = estimator.get_params(deep=True)
    for name in sorted(params):
        if name.rpartition("__")[2] in ("param_grid", "param_distributions"):
            for candidate in estimators_in(params[name]):
                found += [candidate, *_candidates(candidate)]
    return found
