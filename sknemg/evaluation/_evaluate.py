"""Cross-validation under an evaluation protocol, keeping every prediction."""

from __future__ import annotations

import pickle
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from numbers import Integral
from pathlib import Path
from typing import Any, TypeVar

import joblib
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from sknemg.divote.levels import LEVEL_TABLES
from sknemg.evaluation._cache import open_cache
from sknemg.evaluation._check import FirstSteps, check_data
from sknemg.evaluation._code import users_code
from sknemg.evaluation._fit import file_of, fixed_threads, kept_cell, run_cell, seen_by
from sknemg.evaluation._plan import Cell, plan_cells
from sknemg.evaluation._routing import check_reach
from sknemg.evaluation.nuisance import NUISANCE, nuisance_model, nuisance_table
from sknemg.evaluation.protocols import PROTOCOLS, Protocol
from sknemg.evaluation.result import Evaluation
from sknemg.model_selection.torn import (
    report_row_splitters,
    report_trained_on,
    row_splitters,
)
from sknemg.provenance import provenance
from sknemg.recordings._problems import capped, listed, shown
from sknemg.recordings._workers import kept_by_workers
from sknemg.versions import package_code

_T = TypeVar("_T")


def evaluate(
    estimators: BaseEstimator | Mapping[str, BaseEstimator],
    X: Any,
    y: ArrayLike,
    *,
    protocol: str | Protocol = "nested",
    nuisance: bool = False,
    groups: ArrayLike | None = None,
    random_state: int = 0,
    n_jobs: int | None = None,
    n_threads: int = 1,
    cache: str | Path | None = None,
    progress: bool = False,
    strict: bool = False,
) -> Evaluation:
    """Cross-validate pipelines by subject and keep every prediction.

    All estimators see the same folds. Only whole subjects are split, and signal that two
    subjects share stops the run, since then no split keeps them apart.

    Parameters
    ----------
    estimators : estimator or dict of them by name
        Usually pipelines that end in a `DiVoteClassifier`, or a search over one: hyper-parameters
        are then chosen inside the training folds. Any classifier works that gives one
        prediction for each row of `X`.
    X : Recordings, DataFrame, list of arrays or ndarray
        One row for each recording.
    y : array-like of shape (n_recordings,)
        Diagnoses.
    protocol : {"published", "readers", "nested"} or Protocol, default="nested"
        See `PROTOCOLS`; ``dataclasses.replace`` changes one.
    nuisance : bool, default=False
        Whether to add, as the last method, a model that sees no EMG and competes with the
        estimators on the same folds: see :func:`nuisance_model`. :func:`gains_of` tells what a
        method gains over it. `X` must hold signals.
    groups : array-like of shape (n_recordings,), default=None
        Subjects; by default the column ``subject`` of `X`, over which they take precedence. They
        hold for everything inside: inner folds, the validation subjects of a network, the final
        classifier, scorers. They are written into `X`, or handed to the estimators as ``groups``
        if `X` is a list, an array or a table of features.
    random_state : int, default=0
        Folds and every ``random_state`` parameter inside the estimators follow from it.
    n_jobs : int, default=None
        Number of parallel fits, through joblib: ``joblib.parallel_config`` chooses the backend.
    n_threads : int, default=1
        Threads of each fit. It is fixed, since one and two threads differ in the last digits;
        so the number of workers does not change the result.
    cache : path, default=None
        A folder in which finished cells are kept. Rerun the same call to resume a run that was
        stopped: a cell is run again only if its estimator, its data, its rows or its seed
        changed, the code did (that of sknemg, of installed packages by their versions, and of
        your own functions and classes), or its file is damaged, which a warning then says.
    progress : bool, default=False
        Whether to show a progress bar with the time left.
    strict : bool, default=False
        Whether to raise `TornSubjectsError` rather than to warn if subjects stand on both sides
        of a split: a ``cv`` inside an estimator splits rows, or an estimator brings a model along
        that was trained on test subjects.

    Returns
    -------
    Evaluation

    Raises
    ------
    ValueError
        If the subjects are unknown, a diagnosis is missing or written in two ways, a subject has
        two, all have the same, or one is named as a column of the tables of an `Evaluation`; if all
        recordings are flat; if there is no estimator, `protocol` is not among the named ones, or
        `random_state` is not an integer; if the subjects do not reach an estimator, since `X` has
        no room for them and the estimator does not take ``groups``; if finished cells are to be
        kept of an estimator that cannot be pickled.
    TypeError
        If `estimators` or `protocol` are of another type.
    InvalidRecordingsError
        If recordings cannot be used: `X` is checked as a whole before it is split, by the first,
        stateless steps of all pipelines, and all bad rows are named at once.
    LeakError
        If recordings of two subjects hold the same signal.
    OSError
        If the system does not let `cache` be written to, or a file in it be read.

    Warns
    -----
    UserWarning
        If a training fold lacks a class, or files in `cache` are damaged; a `TornSubjectsWarning`
        if subjects are torn, see `strict`.

    Notes
    -----
    A class that a training fold lacks scores 0 there, and all test subjects are scored: those of
    that class count as wrong. `SubjectScorer` does the same.

    The first steps of a pipeline that learn nothing and draw nothing, such as a `Segmenter` and
    `SegmentFeatures`, run once on the whole `X` instead of in every fold: a recording is
    transformed by itself, so that the scores are the same. ``settings["shared_seconds"]`` tells how
    long they took; the ``fit_seconds`` of the cells are without them.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sknemg import DiVoteClassifier, Recordings, Segmenter
    >>> from sknemg.evaluation import Protocol, evaluate
    >>> y = np.repeat(["myopathy", "neuropathy"], 6)
    >>> size = np.where(y == "myopathy", 0.2, 2.0)
    >>> signals = np.random.default_rng(0).uniform(0, size[:, None], (12, 12))
    >>> X = Recordings(signals, sfreq=10, subject=np.repeat(list("abcdef"), 2))
    >>> pipe = make_pipeline(Segmenter(hop=0.4), DiVoteClassifier(LogisticRegression()))
    >>> result = evaluate({"logistic": pipe}, X, y, protocol=Protocol("mine", n_splits=3))
    >>> (result.subjects["prediction"] == result.subjects["y_true"]).mean()
    np.float64(1.0)
    >>> len(result.items), len(result.recordings), len(result.subjects), len(result.cells)
    (36, 12, 6, 3)
    """
    estimators, protocol = _by_name(estimators), _protocol(protocol)
    if not isinstance(random_state, Integral) or random_state < 0:
        raise ValueError(
            f"random_state={random_state!r} must be an integer >= 0, so that a stopped run "
            "resumes with the same folds."
        )
    result = evaluate_checked(
        estimators,
        FirstSteps(check_data(X, y, groups, stacklevel=3)),
        protocol=protocol,
        nuisance=nuisance,
        random_state=random_state,
        n_jobs=n_jobs,
        n_threads=n_threads,
        cache=cache,
        progress=progress,
        strict=strict,
    )
    result.settings["groups"] = groups is not None
    return result


def check_first(
    estimators: Mapping[str, BaseEstimator],
    first_steps: FirstSteps,
    *,
    protocol: Protocol,
    random_state: int,
) -> None:
    """Refuse what `evaluate_checked` would refuse of these estimators before any is fitted.

    Parameters
    ----------
    estimators : dict of estimators by name
    first_steps : FirstSteps
        These need not run again in `evaluate_checked`.
    protocol : Protocol
    random_state : int
    """
    with fixed_threads(1):
        first_steps.check(estimators)
    plan_cells(estimators, *first_steps.data, protocol, random_state)


def evaluate_checked(
    estimators: Mapping[str, BaseEstimator],
    first_steps: FirstSteps,
    *,
    protocol: Protocol,
    nuisance: bool = False,
    random_state: int = 0,
    n_jobs: int | None = None,
    n_threads: int = 1,
    cache: str | Path | None = None,
    progress: bool = False,
    strict: bool = False,
) -> Evaluation:
    """Evaluate on data that were checked: the rest of `evaluate`, at whose caller warnings point.

    Parameters
    ----------
    estimators : dict of estimators by name
    first_steps : FirstSteps
        Of the data; what they have made already is used.
    protocol : Protocol
    nuisance, random_state, n_jobs, n_threads, cache, progress, strict
        As in `evaluate`.

    Returns
    -------
    Evaluation
    """
    X, y, subjects = first_steps.data
    if nuisance:
        estimators = _with_nuisance(estimators, X)
    check_reach(estimators, X)
    with fixed_threads(n_threads):
        first_steps.check(estimators)
    _report_splitters(estimators, len(pd.unique(pd.Series(subjects))) < len(subjects), strict)
    folder = open_cache(cache)
    settings = _settings(estimators, protocol, random_state, n_threads, y, subjects)
    cells = plan_cells(estimators, X, y, subjects, protocol, random_state)
    settings["nuisance"] = NUISANCE if nuisance else None
    settings["lacking"] = _lacking(cells, y, subjects)
    _warn_of_lacking(settings["lacking"])
    files: list[Path | None] = [None] * len(cells)
    if folder is not None:
        keys = _keys(estimators, (X, y, subjects, n_threads), settings)
        files = [file_of(cell, folder, keys[cell.method]) for cell in cells]
    kept = [
        None if file is None else kept_cell(cell, file)[0]
        for cell, file in zip(cells, files, strict=True)
    ]
    done = [own for own in kept if own is not None]
    todo = [at for at, own in enumerate(kept) if own is None]
    new = {cells[at].method for at in todo}
    with fixed_threads(n_threads):
        shared = first_steps.share({name: own for name, own in estimators.items() if name in new})
    settings["shared_seconds"] = {name: own.seconds for name, own in shared.items()}
    seen = {
        cell.method: seen_by(cell.fit.estimator, X, shared.get(cell.method))
        for cell in (cells[at] for at in todo)
    }
    work = [
        joblib.delayed(run_cell)(
            cells[at], *seen[cells[at].method], y, subjects, n_threads, files[at]
        )
        for at in todo
    ]
    if work:
        with kept_by_workers(*(data for data, _ in seen.values()), y, subjects):
            results = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")(work)
            done += _shown(results, len(cells), len(done), progress)
    done = sorted(done, key=lambda item: item.order)
    _warn_of_damage([item.damage for item in done if item.damage])
    names = pd.Series(subjects).drop_duplicates()
    torn = names.isin([name for item in done for name in item.torn]).to_numpy()
    report_trained_on(names, torn, strict=strict, stacklevel=3)
    tables = {
        name: pd.concat([item.tables[name] for item in done], ignore_index=True)
        for name in (*LEVEL_TABLES, "cells")
    }
    return Evaluation(**tables, settings=settings)


def _by_name(estimators: Any) -> dict[str, BaseEstimator]:
    named = dict(estimators) if isinstance(estimators, Mapping) else None
    if named is None and _is_estimator(estimators):
        named = {type(estimators).__name__: estimators}
    if named is None:
        raise TypeError(
            f"estimators must be an estimator or a dict of estimators by name, not {estimators!r}."
        )
    if not named:
        raise ValueError("estimators is an empty dict: give at least one estimator by its name.")
    for name, estimator in named.items():
        if not isinstance(name, str):
            raise TypeError(f"estimators must be named by strings, not by {name!r}.")
        if not _is_estimator(estimator):
            raise TypeError(f"estimators[{name!r}] must be an estimator, not {estimator!r}.")
    return named


def _with_nuisance(estimators: Mapping[str, BaseEstimator], X: Any) -> dict[str, BaseEstimator]:
    if NUISANCE in estimators:
        raise ValueError(
            f"estimators names one {NUISANCE!r}, which is that of nuisance=True: rename it."
        )
    nuisance_table(X[:1])  # what it cannot measure is refused before anything is fitted
    return {**estimators, NUISANCE: nuisance_model()}


def _is_estimator(value: Any) -> bool:
    return not isinstance(value, type) and hasattr(value, "fit") and hasattr(value, "get_params")


def _protocol(protocol: Any) -> Protocol:
    if isinstance(protocol, Protocol):
        return protocol
    names = ", ".join(map(repr, PROTOCOLS))
    if not isinstance(protocol, str):
        raise TypeError(f"protocol must be a Protocol or one of {names}, not {protocol!r}.")
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol={protocol!r} is unknown: give one of {names}, or a Protocol.")
    return PROTOCOLS[protocol]


# -- around it ---------------------------------------------------------------------------------


def _keys(
    estimators: Mapping[str, BaseEstimator], data: tuple[Any, ...], settings: Mapping[str, Any]
) -> dict[str, str]:
    """Tell the cells of each estimator from those of other data, code and machines."""
    world = settings["versions"], settings["device"], package_code()
    common, keys = joblib.hash((data, world)), {}
    for name, estimator in estimators.items():
        try:
            keys[name] = joblib.hash((common, users_code(estimator)))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ValueError(
                f"estimators[{name!r}] cannot be pickled ({error}), so that `cache` cannot tell "
                "its finished cells from others: define its functions in a module, or leave "
                "`cache` out."
            ) from error
    return keys


def _lacking(cells: list[Cell], y: NDArray[Any], subjects: NDArray[Any]) -> list[dict[str, Any]]:
    """List the classes that training folds lack, with the test subjects that have them."""
    folds = {(cell.repeat, cell.fold): cell.fit for cell in cells}
    return [
        {
            "repeat": repeat,
            "fold": fold,
            "class": label,
            "subjects": pd.unique(subjects[fit.test][y[fit.test] == label]).tolist(),
        }
        for (repeat, fold), fit in folds.items()
        for label in np.setdiff1d(y, y[fit.train]).tolist()
    ]


def _warn_of_lacking(lacking: list[dict[str, Any]]) -> None:
    if not lacking:
        return
    places = [f"{shown(at['class'])} in repeat {at['repeat']}, fold {at['fold']}" for at in lacking]
    who = list(dict.fromkeys(name for at in lacking for name in at["subjects"]))
    counted = f" and counts as wrong for {listed(who, 'test subject')}" if len(who) else ""
    warnings.warn(
        f"Training folds lack a class ({capped(places, separator='; ')}), which scores 0 "
        f"there{counted}: give the class more subjects or leave it out.",
        stacklevel=4,
    )


def _report_splitters(estimators: Mapping[str, BaseEstimator], several: bool, strict: bool) -> None:
    """Say which steps tear subjects, before anything is fitted."""
    found = {
        name: [one for one in row_splitters(estimator) if several or one.of_segments]
        for name, estimator in estimators.items()
    }
    methods = ", ".join(repr(name) for name, splitters in found.items() if splitters)
    splitters = [one for splitters in found.values() for one in splitters]
    report_row_splitters(splitters, where=f" of {methods}", strict=strict, stacklevel=4)


def _warn_of_damage(damaged: list[str]) -> None:
    if damaged:
        warnings.warn(
            f"Finished cells in the cache were damaged: {capped(damaged, separator='; ')}. They "
            "were computed and written anew.",
            stacklevel=4,
        )


def _shown(results: Iterator[_T], n_cells: int, n_kept: int, progress: bool) -> Iterator[_T]:
    from tqdm.auto import tqdm

    bar = tqdm(
        results, total=n_cells, initial=n_kept, unit="fit", disable=not progress, smoothing=0
    )
    return iter(bar)


def _settings(
    estimators: Mapping[str, BaseEstimator],
    protocol: Protocol,
    random_state: int,
    n_threads: int,
    y: NDArray[Any],
    subjects: NDArray[Any],
) -> dict[str, Any]:
    counts = pd.Series(y).groupby(subjects).first().value_counts()
    return {
        "protocol": asdict(protocol),
        "random_state": random_state,
        "n_threads": n_threads,
        "classes": np.unique(y).tolist(),
        "n_recordings": len(y),
        "n_subjects": {str(label): int(n) for label, n in counts.sort_index().items()},
        "estimators": {name: _written(estimator) for name, estimator in estimators.items()},
        **provenance(),
    }


def _written(estimator: BaseEstimator) -> str:
    """Write an estimator as a whole, and as in any other process: without places in memory."""
    text = BaseEstimator.__repr__(estimator, N_CHAR_MAX=sys.maxsize)
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)
