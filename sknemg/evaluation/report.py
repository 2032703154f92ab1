"""The page of a comparison: one self-contained file that opens offline."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.divote.levels import class_columns
from sknemg.evaluation.comparison import scored_rows, short_table
from sknemg.evaluation.conclusion import best_method, conclude, leaking_methods
from sknemg.evaluation.figure import (
    Panel,
    draw_comparison,
    method_panels,
    plain_text,
    shared_panels,
)
from sknemg.evaluation.gains import gains_of, short_gains
from sknemg.evaluation.result import Evaluation
from sknemg.metrics import one_vs_rest_table
from sknemg.pages import Cell, Picture, Table, render
from sknemg.recordings import Recordings
from sknemg.recordings._problems import listed

_METRICS = {"precision": "PPV", "npv": "NPV", "f1": "F1", "roc_auc": "AUROC"}
_WRONG = 30  # wrongly diagnosed subjects that are listed of each method
_SUBJECTS = 300  # subjects that are listed of each method
_WIDE = 12  # columns of the table of differences, which has one for each diagnosis
_CLASSES = 6  # whose scores stand in that list
_FITS = 30  # fits of each method


def write_report(
    folder: str | Path,
    result: Evaluation,
    scores: pd.DataFrame,
    differences: pd.DataFrame,
    X: Recordings,
    *,
    title: str,
    gains: pd.DataFrame | None = None,
) -> list[Path]:
    """Write ``report.html`` and its picture, ``comparison.png``.

    The page is one file: it holds its style and its pictures, has no script and opens offline.
    Of long tables it shows the first rows and names the file that `Evaluation.save` writes
    beside it.

    Parameters
    ----------
    folder : path
    result : Evaluation
    scores : DataFrame from :func:`sknemg.evaluation.scores_of`
    differences : DataFrame from :func:`sknemg.evaluation.confounds`
    X : Recordings of signals
    title : str
    gains : DataFrame from :func:`sknemg.evaluation.gains_of`, default=None
        Over the model that sees no EMG; by default computed, if the result has one.

    Returns
    -------
    list of Path
        The files.

    Warns
    -----
    UserWarning
        If the font of the pictures lacks characters of a name.
    """
    import matplotlib.pyplot as plt

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    picture, page = folder / "comparison.png", folder / "report.html"
    with _missing_glyphs_named_once():
        shared, own = report_panels(result, scores, X)
        figure = draw_comparison([*shared, *next(iter(own.values()))])
        try:
            figure.savefig(picture, dpi=130)
        finally:
            plt.close(figure)
        text = report_page(result, scores, differences, shared, own, title=title, gains=gains)
    page.write_text(text, encoding="utf-8")
    return [page, picture]


def report_panels(
    result: Evaluation, scores: pd.DataFrame, X: Recordings
) -> tuple[list[Panel], dict[str, list[Panel]]]:
    """Prepare the pictures of all methods together, and those of each."""
    methods = result.subjects["method"].unique()
    return shared_panels(result, scores, X), {name: method_panels(result, name) for name in methods}


def report_page(
    result: Evaluation,
    scores: pd.DataFrame,
    differences: pd.DataFrame,
    shared: list[Panel],
    own: Mapping[str, list[Panel]],
    *,
    title: str,
    gains: pd.DataFrame | None = None,
) -> str:
    """Return the page as HTML: `shared` and `own` are what `report_panels` gives."""
    settings = result.settings
    methods = list(result.subjects["method"].unique())
    if gains is None:
        gains = gains_of(result) if result.nuisance is not None else _NO_GAINS
    between = _NO_GAINS
    if len(methods) > 1:
        best = best_method(scores, result)
        between = gains_of(result, best, levels=["subject"])
        between = between[between["method"] != result.nuisance]
    said = conclude(result, scores, gains, between, differences)
    leaking = leaking_methods(result)
    return render(
        "sknemg.evaluation",
        "report.html",
        title=title,
        version=settings["versions"]["sknemg"],
        settings=settings,
        n_subjects=sum(settings["n_subjects"].values()),
        scores=Table.from_frame(
            _scores(scores),
            "scores",
            "Scores on test subjects, with 95 % intervals",
            group="level",
        ),
        conclusions=[text for text in said if text],
        leaking=leaking,
        all_leak=leaking == [name for name in methods if name != result.nuisance],
        blind=result.nuisance,
        gains=_gains(gains),
        remarks=_remarks(result),
        notes=_notes(scores),
        pictures=_pictures(shared),
        by_method=[(name, _pictures(panels)) for name, panels in own.items()],
        by_class=Table.from_frame(
            _by_class(result),
            "classes",
            "Each diagnosis against the others: subjects, with 95 % intervals",
            group="diagnosis",
        ),
        differences=_differences(differences),
        wrong=Table.from_frame(
            _wrong(result),
            "wrong",
            "Wrongly diagnosed subjects: the scores of their diagnosis and of the answer",
            group="method",
            limit=_WRONG,
            whole="subjects.csv",
        ),
        subjects=Table.from_frame(
            _subjects(result),
            "subjects",
            "Every subject: the answer, and the score of each diagnosis",
            group="method",
            limit=_SUBJECTS,
            whole="subjects.csv",
        ),
        fits=Table.from_frame(
            _fits(result.cells),
            "fits",
            "Fits: seconds, and numbers of subjects and recordings",
            group="method",
            limit=_FITS,
            whole="cells.csv",
        ),
        settings_text=_settings(settings),
    )


def _pictures(panels: list[Panel]) -> list[Picture]:
    from matplotlib.figure import Figure

    pictures = []
    with plain_text():
        for panel in panels:
            figure = Figure(figsize=panel.size, layout="constrained")
            panel.draw(figure)
            wide = panel.name == "examples"
            pictures.append(Picture.from_figure(figure, panel.alt, panel.caption, wide=wide))
    return pictures


@contextmanager
def _missing_glyphs_named_once() -> Iterator[None]:
    """Turn matplotlib's warning for each missing character into one for all of them."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    lacking = [w for w in caught if "missing from font" in str(w.message)]
    for other in caught:
        if other not in lacking:
            warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
    if lacking:
        n = len({str(warning.message) for warning in lacking})
        warnings.warn(
            f"The font of the pictures lacks {n} character{'s' if n > 1 else ''} of the names: "
            "read the names in the tables of the page.",
            stacklevel=4,
        )


def _settings(settings: dict[str, Any]) -> str:
    """Write the settings as JSON, each estimator on one line."""
    estimators = {name: " ".join(text.split()) for name, text in settings["estimators"].items()}
    shown = settings | {"estimators": estimators}
    return json.dumps(shown, indent=2, default=str, ensure_ascii=False)


# -- tables ------------------------------------------------------------------------------------


def _scores(scores: pd.DataFrame) -> pd.DataFrame:
    table = short_table(scores).reset_index()
    return table.assign(level=table["level"].str.capitalize() + "s")


_NO_GAINS = pd.DataFrame(columns=["method", "over", "level", "metric", "value", "low", "high"])


def _gains(gains: pd.DataFrame) -> Table | None:
    if gains.empty:
        return None
    table = short_gains(gains).reset_index()
    table = table.assign(level=table["level"].str.capitalize() + "s")
    caption = "Scores less those of the model that sees no EMG, with paired 95 % intervals"
    return Table.from_frame(table, "gains", caption, group="level")


def _notes(scores: pd.DataFrame) -> list[str]:
    """Collect the notes of `score_table`, each once, with the places it is about."""
    if "note" not in scores:
        return []
    noted = scores[scores["note"].fillna("") != ""]
    places: dict[str, list[str]] = {}
    for row in noted.itertuples():
        place = f"{row.method}, {row.level}s"
        if place not in places.setdefault(str(row.note), []):
            places[str(row.note)].append(place)
    return [f"{note} ({'; '.join(where)})" for note, where in places.items()]


def _remarks(result: Evaluation) -> list[str]:
    """Say who has no score, and which classes training folds lacked."""
    remarks = []
    for method, rows in result.unscored.groupby("method", sort=False):
        subjects = rows.loc[rows["level"] == "subject", "subject"].unique()
        places = rows.loc[rows["level"] == "recording", "row"].dropna().unique()
        parts = [listed(subjects, "subject")] if len(subjects) else []
        parts += [f"{len(places)} recording{'s' if len(places) > 1 else ''}"] if len(places) else []
        remarks.append(f"{method} has no score for {' and '.join(parts)}, which are left out.")
    for lack in result.settings.get("lacking", []):
        remarks.append(
            f"Run {lack['repeat'] + 1}, fold {lack['fold'] + 1}: training lacks the class "
            f"{lack['class']}, which scores 0 there and counts as wrong for "
            f"{listed(lack['subjects'], 'test subject')}."
        )
    return remarks


def _by_class(result: Evaluation) -> pd.DataFrame:
    parts = []
    for method, rows in result.subjects.groupby("method", sort=False):
        rows, proba = scored_rows(rows, result.classes)
        table = one_vs_rest_table(
            rows["y_true"],
            proba,
            classes=result.classes,
            y_pred=rows["prediction"],
            groups=rows["subject"],
        )
        parts.append(table.rename(columns={"class": "level"}).assign(method=method))
    names = {metric: _METRICS.get(metric, metric) for metric in parts[0]["metric"].unique()}
    wide = short_table(pd.concat(parts, ignore_index=True), names).reset_index()
    wide = wide.rename(columns={"level": "diagnosis"})
    order = {label: at for at, label in enumerate(result.classes)}
    return wide.sort_values("diagnosis", key=lambda labels: labels.map(order), kind="stable")


def _differences(differences: pd.DataFrame) -> Table:
    frame, caption = differences, "Subjects and recordings of each diagnosis"
    if len(frame.columns) > _WIDE:
        frame = frame[["counted", "p", "test"]]
        caption += ": tests alone, since confounds.csv holds the figures of so many"
    frame = frame.rename_axis(columns=None).reset_index(names="")
    return Table.from_frame(frame, "differences", caption, whole="confounds.csv")


def _wrong(result: Evaluation) -> pd.DataFrame:
    subjects: Any = result.subjects
    answered = subjects["prediction"].notna()
    wrong = subjects[answered & (subjects["prediction"] != subjects["y_true"])]
    wrong = wrong.sort_values(["repeat", "subject"], key=_sortable, kind="stable")
    scores = class_columns(wrong, result.classes).to_numpy(dtype=float)
    place = pd.Index(result.classes)
    rows = np.arange(len(wrong))
    table = pd.DataFrame(
        {
            "method": wrong["method"].to_numpy(),
            "subject": wrong["subject"].to_numpy(),
            "run": wrong["repeat"].to_numpy() + 1,
            "diagnosis": wrong["y_true"].to_numpy(),
            "its score": _cells(scores[rows, place.get_indexer(wrong["y_true"])]),
            "answer": wrong["prediction"].to_numpy(),
            "score of the answer": _cells(scores[rows, place.get_indexer(wrong["prediction"])]),
        }
    )
    if subjects["repeat"].nunique() < 2:
        table = table.drop(columns="run")
    methods = {method: at for at, method in enumerate(subjects["method"].unique())}
    return table.sort_values("method", key=lambda names: names.map(methods), kind="stable")


def _subjects(result: Evaluation) -> pd.DataFrame:
    """List all subjects with their answers and scores, by method and diagnosis."""
    subjects: Any = result.subjects
    scores = class_columns(subjects, result.classes).to_numpy(dtype=float)
    answered = subjects["prediction"].notna().to_numpy()
    right = (subjects["prediction"] == subjects["y_true"]).to_numpy()
    keys = ["method", "repeat", "subject"]
    counts = result.recordings.groupby(keys).size()
    n = counts.reindex(pd.MultiIndex.from_frame(subjects[keys]))
    table = pd.DataFrame(
        {
            "method": subjects["method"].to_numpy(),
            "subject": subjects["subject"].to_numpy(),
            "run": subjects["repeat"].to_numpy() + 1,
            "diagnosis": subjects["y_true"].to_numpy(),
            "answer": np.where(answered, subjects["prediction"].to_numpy(dtype=object), None),
            "outcome": np.where(right, "right", np.where(answered, "WRONG", "no score")),
            "recordings": n.astype("Int64").to_numpy(),
        }
    )
    if len(result.classes) <= _CLASSES:
        for column, label in enumerate(result.classes):
            name = f"score of {label}"
            table.insert(len(table.columns), name, _cells(scores[:, column]), allow_duplicates=True)
    else:
        at = pd.Index(result.classes).get_indexer(subjects["y_true"])
        table["score of the diagnosis"] = _cells(scores[np.arange(len(scores)), at])
    order = {label: at for at, label in enumerate(result.classes)}
    place = {method: at for at, method in enumerate(subjects["method"].unique())}
    table = table.assign(
        _m=table["method"].map(place), _d=table["diagnosis"].map(order), _r=table["run"],
        _s=_sortable(table["subject"]),
    ).sort_values(["_m", "_d", "_s", "_r"], kind="stable")  # fmt: skip
    table = table.drop(columns=["_m", "_d", "_r", "_s"])
    return table if subjects["repeat"].nunique() > 1 else table.drop(columns="run")


def _cells(scores: NDArray[np.float64]) -> list[Any]:
    return [None if np.isnan(score) else Cell(f"{score:.3f}", "number") for score in scores]


def _sortable(column: pd.Series) -> pd.Series:
    return column if pd.api.types.is_numeric_dtype(column) else column.astype(str)


def _fits(cells: pd.DataFrame) -> pd.DataFrame:
    names = {
        "fit_seconds": "training (s)",
        "predict_seconds": "prediction (s)",
        "n_train_subjects": "training subjects",
        "n_test_subjects": "test subjects",
        "n_train": "training recordings",
        "n_test": "test recordings",
        "n_weights": "weights of networks",
        "n_updates": "updates of training",
    }
    whole = {name: "Int64" for name in ("n_weights", "n_updates") if name in cells}
    cells = cells.astype(whole)
    several = cells["repeat"].nunique() > 1
    fold = ("fold " + (cells["fold"] + 1).astype(str)).to_list()
    run = [f"run {number + 1}, " if several else "" for number in cells["repeat"]]
    table = cells.drop(columns=["repeat", "fold"]).rename(columns=names)
    table.insert(1, "fit", [a + b for a, b in zip(run, fold, strict=True)])
    methods = {method: at for at, method in enumerate(cells["method"].unique())}
    return table.sort_values("method", key=lambda names: names.map(methods), kind="stable")
