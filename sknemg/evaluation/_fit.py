"""One fit of an evaluation: train on a fold, score what was held out, and keep it in the cache."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing

from sknemg.divote._votes import align_columns
from sknemg.divote.fitted import open_model
from sknemg.divote.levels import class_columns
from sknemg.divote.opened import Opened
from sknemg.evaluation._cache import Tables, read_cell, write_cell
from sknemg.evaluation._check import Shared
from sknemg.evaluation._plan import Cell, Fit, network_names
from sknemg.evaluation._routing import fit_by_subject
from sknemg.model_selection.torn import knowing_parts, trained_on
from sknemg.recordings._convert import to_recordings


class Done(NamedTuple):
    """The tables of a finished cell."""

    order: int
    tables: Tables
    damage: str  # of the file that held this cell
    torn: list[Any]  # test subjects that the model was trained on


def file_of(cell: Cell, cache: Path, key: str) -> Path:
    """Name the file that keeps the tables of a cell; `key` stands for its data and its code."""
    return cache / f"{joblib.hash((cell.fit, key))}.joblib"


def seen_by(estimator: Any, X: Any, shared: Shared | None) -> tuple[Any, int]:
    """Give what a cell's fits begin with: X, or what the first steps made of it, and their number.

    Only that is sent to workers.
    """
    if shared is None or not isinstance(estimator, Pipeline):
        return X, 0
    return shared.data, shared.n_steps


def kept_cell(cell: Cell, file: Path) -> tuple[Done | None, str]:
    """Read what a cell gave before, or say what is wrong with its file.

    Parameters
    ----------
    cell : Cell
    file : Path

    Returns
    -------
    done : Done or None
        None if there is no file, or none that holds a whole cell.
    damage : str
    """
    tables, damage = read_cell(file)
    if tables is None:
        return None, damage and f"{file.name} ({damage})"
    return _labelled(cell, tables, ""), ""


def run_cell(
    cell: Cell,
    X: Any,
    n_steps: int,
    y: NDArray[Any],
    subjects: NDArray[Any],
    n_threads: int,
    file: Path | None,
) -> Done:
    """Fit and predict, or read from its file what this cell gave before.

    The first `n_steps` of its pipeline were run on `X` before, and are not run again.
    """
    kept, damage = (None, "") if file is None else kept_cell(cell, file)
    if kept is not None:  # another method of the same settings has just written it
        return kept
    fit = cell.fit
    if n_steps:
        fit = replace(fit, estimator=fit.estimator[n_steps:])
    with fixed_threads(n_threads):
        tables = _fit_and_predict(fit, X, y, subjects)
    if file is not None:
        write_cell(tables, file)
    return _labelled(cell, tables, damage)


def _labelled(cell: Cell, tables: Tables, damage: str) -> Done:
    """Say in every table which cell it is of."""
    labels: dict[str, Any] = {"method": cell.method, "repeat": cell.repeat, "fold": cell.fold}
    tables = {
        name: table.assign(**labels)[[*labels, *table.columns]] for name, table in tables.items()
    }
    tables["cells"].insert(3, "seed", cell.seed)
    torn = tables["subjects"].pop("torn").to_numpy(dtype=bool)
    return Done(cell.order, tables, damage, tables["subjects"]["subject"][torn].tolist())


def _fit_and_predict(
    fit: Fit, X: Any, y: NDArray[Any], subjects: NDArray[Any]
) -> dict[str, pd.DataFrame]:
    X_train, X_test = _safe_indexing(X, fit.train), _safe_indexing(X, fit.test)
    model = fit.estimator
    if fit.choose_on == "test":
        model = choosing_on(model, X_train, X_test, y[fit.test])
    start = time.perf_counter()
    fit_by_subject(model, X_train, y[fit.train], subjects[fit.train])
    fitted = time.perf_counter()
    opened = open_model(model)
    tables = _score_levels(opened, X_test, subjects[fit.test])
    predicted = time.perf_counter()
    diagnosis = dict(zip(subjects[fit.test], y[fit.test], strict=True))
    for name, table in tables.items():
        if "recording" in table:
            table = table.rename(columns={"recording": "row"})
            table["row"] = fit.test[table["row"].to_numpy()]
        table, scores = _with_all_classes(table, opened.classes, np.unique(y))
        best = opened.decide(np.nan_to_num(scores, nan=-1.0))
        unscored = pd.Series(np.isnan(scores).any(axis=1))
        table["prediction"] = pd.Series(best, dtype=object).mask(unscored)
        table["y_true"] = table["subject"].map(diagnosis)
        tables[name] = table
    _check_reached(model)
    tables["subjects"]["torn"] = trained_on(model, tables["subjects"]["subject"])
    counts = {
        "fit_seconds": fitted - start,
        "predict_seconds": predicted - fitted,
        "n_train_subjects": len(pd.unique(subjects[fit.train])),
        "n_test_subjects": len(pd.unique(subjects[fit.test])),
        "n_train": len(fit.train),
        "n_test": len(fit.test),
        **_size_of_networks(opened),
    }
    return {**tables, "cells": pd.DataFrame([counts])}


def _size_of_networks(opened: Opened) -> dict[str, float]:
    """Count the weights of the networks inside, and the updates of their training."""
    module = sys.modules.get("sknemg.classifiers.base")  # brings torch; loaded if one is there
    parts = [part.classifier for part in opened.segment_parts]
    networks = [n for n in parts if module and isinstance(n, module.BaseSegmentClassifier)]
    if not networks:
        return {"n_weights": np.nan, "n_updates": np.nan}
    return {
        "n_weights": sum(w.numel() for n in networks for w in n.module_.parameters()),
        "n_updates": sum(int(n.history_["update"].iloc[-1]) for n in networks),
    }


def _score_levels(opened: Opened, X: Any, subjects: NDArray[Any]) -> dict[str, pd.DataFrame]:
    """Score subjects, and what is below them as far as the model has scores there."""
    names = opened.classes.tolist()
    if opened.votes:
        levels = opened.levels(X, subjects)
        items = levels.recordings.iloc[:0] if levels.differing else levels.items
        scored = levels.subjects.drop(columns="prediction").reset_index()
        return {"items": items, "recordings": levels.recordings, "subjects": scored}
    scores = pd.DataFrame(opened.predict_proba(X, subjects), columns=names)
    rows = pd.DataFrame({"recording": np.arange(len(scores)), "subject": subjects}).join(scores)
    means = rows.drop(columns="recording").groupby("subject", sort=False).mean().reset_index()
    recordings = rows if opened.scores_rows else rows.iloc[:0]
    return {"items": rows.iloc[:0], "recordings": recordings, "subjects": means}


def _with_all_classes(
    table: pd.DataFrame, seen: NDArray[Any], classes: NDArray[Any]
) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Give a table a column for every class; return it with the scores of those seen in training.

    A class that training lacked scores 0; what has no scores at all keeps none.
    """
    scores = class_columns(table, seen.tolist()).to_numpy(dtype=float)
    classes = np.union1d(classes, seen)
    every = align_columns(scores, seen, classes).copy()
    every[np.isnan(scores).any(axis=1)] = np.nan
    others = table.drop(columns=seen.tolist())
    return others.join(pd.DataFrame(every, columns=classes.tolist(), index=table.index)), scores


def choosing_on(model: Any, X_train: Any, X_test: Any, y_test: NDArray[Any]) -> Any:
    """Let the networks inside choose their weights on the test rows, as published."""
    names = [f"{owner}__validation".removeprefix("__") for owner in sorted(network_names(model))]
    if not names:
        return model  # nothing is chosen: the published protocol is a plain cross-validation
    if not isinstance(model, Pipeline):
        raise ValueError(
            "The published protocol chooses weights on the test fold and cannot do so for "
            f"{type(model).__name__}: give a Pipeline from recordings to a DiVoteClassifier."
        )
    if len(model) > 1:
        X_test = clone(model[:-1]).fit(X_train).transform(X_test)
    segments = to_recordings(X_test)
    if segments is None:
        raise ValueError(
            "The published protocol chooses weights on the segments of the test fold, but the "
            "steps before the last one make a table: use a protocol with choose_on='validation'."
        )
    y_segments = np.repeat(y_test, segments.lengths)
    return clone(model).set_params(**dict.fromkeys(names, (segments.items, y_segments)))


def _check_reached(model: Any) -> None:
    """Refuse a model that has taken rows for subjects."""
    for part in knowing_parts(model):
        if not part.knows_subjects_:
            raise ValueError(
                f"The subjects did not reach the {type(part).__name__} inside "
                f"{type(model).__name__}, which took each row for a subject: keep the column "
                "'subject' in all steps before it, or hand groups on to it."
            )


@contextmanager
def fixed_threads(n_threads: int) -> Iterator[None]:
    """Compute with so many threads inside."""
    from threadpoolctl import threadpool_limits

    torch = sys.modules.get("torch")  # loaded by now, if an estimator of this cell needs it
    before = torch.get_num_threads() if torch else 0
    with threadpool_limits(n_threads):
        if torch:
            torch.set_num_threads(n_threads)
        try:
            yield
        finally:
            if torch:
                torch.set_num_threads(before)
