"""The page of a study of readers: one self-contained file, and its tables as CSV."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sknemg.evaluation.checklists import FILLED, OWED, PARTLY, reporting_checklist
from sknemg.evaluation.demographics import demographics_table
from sknemg.evaluation.figure import plain_text
from sknemg.metrics import ReaderStudy, format_interval
from sknemg.metrics._reader_scores import MEAN_OF_MODELS, MEAN_OF_READERS
from sknemg.metrics.readers import confusion_shares
from sknemg.metrics.votes import CANNOT_SAY
from sknemg.pages import Cell, Picture, Table, render
from sknemg.provenance import provenance
from sknemg.recordings import Recordings

_NAMES = {"accuracy": "accuracy", "sensitivity": "sensitivity", "specificity": "specificity",
          "ppv": "PPV", "f1": "F1"}  # fmt: skip
_KINDS = {"reader": "Readers", "model": "Model"}
_LISTED = 100  # rows of a table on the page


def write_reader_report(
    folder: str | Path,
    study: ReaderStudy,
    *,
    recordings: ReaderStudy | None = None,
    X: Recordings | None = None,
    y: ArrayLike | None = None,
    title: str = "Readers beside a model",
) -> list[Path]:
    """Write ``report.html``, and each table as CSV beside it.

    The page is one file: it holds its style and its pictures, has no script and opens offline.

    Parameters
    ----------
    folder : path
    study : ReaderStudy
        The study at the level of subjects.
    recordings : ReaderStudy, default=None
        The same votes at the level of recordings.
    X : Recordings, default=None
        The recordings that were read, to describe the subjects (Table 1).
    y : array-like of shape (n_recordings,), default=None
        Their diagnoses.
    title : str, default="Readers beside a model"

    Returns
    -------
    list of Path
        The files, the page first.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sknemg.evaluation import write_reader_report
    >>> from sknemg.metrics import reader_study
    >>> from sknemg.simulate import simulate_readers
    >>> y = pd.Series(np.repeat(["myopathy", "neuropathy", "normal"], 5))
    >>> study = reader_study(y, simulate_readers(y, random_state=0), n_bootstrap=20)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = write_reader_report(folder, study)
    >>> [file.name for file in files][:4]
    ['report.html', 'scores.csv', 'by_class.csv', 'agreement.csv']
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    described = None if X is None or y is None else _described(X, y)
    checklist = reporting_checklist(study, described=described is not None)
    page = folder / "report.html"
    page.write_text(
        reader_report_page(study, recordings, described, checklist, title=title), encoding="utf-8"
    )
    tables = dict(study.tables)
    if recordings is not None:
        tables |= {f"recordings_{name}": own for name, own in recordings.tables.items()}
    if described is not None:
        tables["subjects"] = described
    tables["checklist"] = checklist
    files = [page]
    for name, table in tables.items():
        files.append(folder / f"{name}.csv")
        table.to_csv(files[-1], index=False, float_format="%.6g")
    return files


def reader_report_page(
    study: ReaderStudy,
    recordings: ReaderStudy | None,
    described: pd.DataFrame | None,
    checklist: pd.DataFrame,
    *,
    title: str,
) -> str:
    """Return the page that `write_reader_report` writes.

    Parameters
    ----------
    study : ReaderStudy
    recordings : ReaderStudy or None
    described : DataFrame or None
        Table 1.
    checklist : DataFrame from `reporting_checklist`
    title : str

    Returns
    -------
    str
        HTML.
    """
    versions: dict[str, Any] = provenance()
    settings = study.settings | {"made": versions}
    share = round(100 * study.settings["confidence_level"])
    counts = study.y.groupby(study.y).size()
    return render(
        "sknemg.evaluation",
        "readers.html",
        title=title,
        version=versions["versions"]["sknemg"],
        study=study,
        share=share,
        counts=counts.to_dict(),
        scores=_scores_table(study, "scores", f"Accuracy, with {share} % intervals"),
        against=_against(study, share),
        pictures=_pictures(study),
        agreement=_agreement(study, share),
        pairs=_pairs(study, share),
        repeated=_repeated(study, share),
        tests=_tests(study),
        by_class=_by_class(study, share),
        unanimous=_unanimous(study),
        n_unanimous=_n_unanimous(study),
        arms=_arms(study, share),
        seconds=_seconds(study),
        confidence=_confidence(study),
        missing=_missing(study),
        recordings=None
        if recordings is None
        else _scores_table(recordings, "recordings", f"Recordings, with {share} % intervals"),
        n_recordings=0 if recordings is None else len(recordings.y),
        described=None
        if described is None
        else Table.from_frame(
            described,
            "subjects",
            "Subjects and recordings of each diagnosis",
            whole="subjects.csv",
        ),
        checklist=Table.from_frame(
            checklist, "checklist", "Items of STARD-AI and TRIPOD+AI", group="guideline"
        ),
        n_items={s: int((checklist["status"] == s).sum()) for s in (FILLED, PARTLY, OWED)},
        settings_text=json.dumps(settings, indent=2, default=str, ensure_ascii=False),
    )


def _described(X: Recordings, y: ArrayLike) -> pd.DataFrame:
    """Make the papers' Table 1 of what is known of the subjects."""
    known = {name: X[name] for name in ("sex", "age") if name in X and X[name].notna().any()}
    table = demographics_table(
        X,
        y,
        categorical=[name for name in ("sex",) if name in known],
        continuous=[name for name in ("age",) if name in known],
    )
    return table.reset_index(names="")


# -- tables ------------------------------------------------------------------------------------


def _interval(row: Any) -> str:
    return format_interval(row["value"], row["low"], row["high"])


def _scores_table(study: ReaderStudy, name: str, caption: str) -> Table:
    """Lay out Table 2: a row for each reader and model, a column for each metric."""
    table = study.scores
    text = table.assign(text=[_interval(row) for _, row in table.iterrows()])
    raters = text.drop_duplicates("rater")
    wide = text.pivot(index="rater", columns="metric", values="text").loc[raters["rater"]]
    frame = wide[list(_NAMES)].rename_axis(columns=None).reset_index()
    kinds = raters["kind"].replace({MEAN_OF_READERS: "reader", MEAN_OF_MODELS: "model"})
    frame.insert(0, "kind", kinds.map(_KINDS).to_numpy())
    frame.insert(2, "cases", raters["n_cases"].to_numpy())
    parts = []
    for _, row in frame.iterrows():
        parts.append(row.to_frame().T)
        own = table[(table["rater"] == row["rater"]) & table["sd"].notna()].set_index("metric")
        if len(own):
            spread = {name: f"± {own.loc[name, 'sd']:.2f}" for name in _NAMES}
            parts.append(pd.DataFrame([{"kind": row["kind"], "rater": "their SD"} | spread]))
    whole = pd.concat(parts, ignore_index=True).rename(columns={**_NAMES, "rater": ""})
    return Table.from_frame(whole, name, caption, group="kind")


def _by_class(study: ReaderStudy, share: int) -> Table:
    table = study.by_class
    text = table.assign(text=[_interval(row) for _, row in table.iterrows()])
    raters = text["rater"].unique()
    wide = text.pivot(index=["class", "rater"], columns="metric", values="text")
    order = [(label, rater) for label in study.classes for rater in raters]
    wide = wide.loc[order][list(_NAMES)[1:]].rename(columns=_NAMES)
    frame = wide.rename_axis(columns=None).reset_index()
    caption = f"Each diagnosis against the others, with {share} % intervals"
    return Table.from_frame(frame, "diagnoses", caption, group="class")


def _against(study: ReaderStudy, share: int) -> Table | None:
    table = study.against_model
    if not len(table):
        return None
    frame = pd.DataFrame(
        {
            "metric": table["metric"].map(_NAMES),
            "taken as a sample": table["analysis"],
            "readers": table["readers"],
            "model": table["model"],
            "model less readers": [
                format_interval(*row) for row in table[["estimate", "low", "high"]].to_numpy(float)
            ],
            "df": table["df"].map(lambda df: Cell("∞", "number") if np.isinf(df) else df),
            "p": table["p"],
        }
    )
    caption = f"The model less the mean of readers, with {share} % intervals"
    return Table.from_frame(frame, "against", caption, group="metric")


def _agreement(study: ReaderStudy, share: int) -> Table | None:
    table = study.agreement
    if not len(table):
        return None
    rows = table["coefficient"] + ", " + table["class"].astype(str)
    text = table.assign(text=[_interval(row) for _, row in table.iterrows()], row=rows)
    wide = text.pivot(index="row", columns="set", values="text")
    wide = wide.loc[rows.unique(), table["set"].unique()]
    frame = wide.rename_axis(columns=None).reset_index().rename(columns={"row": ""})
    caption = f"Agreement, with {share} % intervals over subjects"
    return Table.from_frame(frame, "agreement", caption)


def _pair_columns(table: pd.DataFrame) -> dict[str, Any]:
    kappa = table[["kappa", "low", "high"]].to_numpy(float)
    return {
        "cases": table["n"],
        "agreement": table["agreement"],
        "Cohen's κ": [format_interval(*row) for row in kappa],
    }


def _pairs(study: ReaderStudy, share: int) -> Table | None:
    if not len(study.pairs):
        return None
    names = study.pairs["first"].astype(str) + " and " + study.pairs["second"].astype(str)
    frame = pd.DataFrame({"": names} | _pair_columns(study.pairs))
    with_model = " and the model" if study.models.shape[1] else ""
    caption = f"Pairs of readers{with_model}, with {share} % intervals"
    return Table.from_frame(frame, "pairs", caption, limit=_LISTED, whole="pairs.csv")


def _repeated(study: ReaderStudy, share: int) -> Table | None:
    if not len(study.repeated):
        return None
    names = study.repeated["reader"] + ", reading " + (study.repeated["reading"] + 1).astype(str)
    frame = pd.DataFrame({"": names} | _pair_columns(study.repeated))
    caption = f"Readers with their own first reading, with {share} % intervals"
    return Table.from_frame(frame, "repeated", caption)


def _tests(study: ReaderStudy) -> Table | None:
    if not len(study.tests):
        return None
    table = study.tests.reindex(
        columns=["test", "first", "second", "only_first_right", "only_second_right", "statistic",
                 "df", "n_cases", "p", "p_holm"]
    )  # fmt: skip
    for name in ("only_first_right", "only_second_right", "df"):
        table[name] = table[name].astype("Int64")
    table["first"] = [
        str(first) if pd.isna(second) else f"{first} and {second}"
        for first, second in table[["first", "second"]].to_numpy()
    ]
    names = {"first": "", "only_first_right": "only reader right", "n_cases": "cases",
             "only_second_right": "only model right", "p_holm": "p, Holm"}  # fmt: skip
    frame = table.drop(columns="second").rename(columns=names)
    return Table.from_frame(frame, "tests", "Who is right on the same cases", group="test")


def _unanimous(study: ReaderStudy) -> Table | None:
    if not len(study.unanimous):
        return None
    table = study.unanimous
    readers, models = table["all_readers_wrong"], table["all_models_wrong"]
    who = np.select([readers & models, readers], ["readers and models", "readers"], "models")
    frame = table.drop(columns=["all_readers_wrong", "all_models_wrong"])
    frame.insert(0, "who", who)
    frame = frame.sort_values("who", key=lambda own: own.map({"readers and models": 0}).fillna(1),
                              kind="stable")  # fmt: skip
    frame["who"] = "All wrong: " + frame["who"]
    caption = "Cases that all readers, or all models, got wrong"
    return Table.from_frame(frame, "unanimous", caption, group="who", whole="unanimous.csv")


def _n_unanimous(study: ReaderStudy) -> dict[str, int]:
    table = study.unanimous
    return {
        name: int(table[f"all_{name}_wrong"].sum()) if len(table) else 0
        for name in ("readers", "models")
    }


def _arms(study: ReaderStudy, share: int) -> Table | None:
    table = study.arms
    if not len(table):
        return None
    frame = pd.DataFrame(
        {
            "metric": table["metric"].map(_NAMES),
            "taken as a sample": table["analysis"],
            "arms": table["arm"] + " less " + table["other"],
            "first": table["mean"],
            "second": table["other_mean"],
            "difference": [
                format_interval(*row) for row in table[["estimate", "low", "high"]].to_numpy(float)
            ],
            "p": table["p"],
        }
    )
    caption = f"Differences between arms, with {share} % intervals"
    return Table.from_frame(frame, "arms", caption, group="metric")


def _seconds(study: ReaderStudy) -> Table | None:
    if not len(study.seconds):
        return None
    table = study.seconds
    frame = pd.DataFrame(
        {
            "by": table["by"].map({"reader": "By reader", "diagnosis": "By diagnosis"}),
            "": table["name"],
            "cases": table["n_cases"],
            "median (s)": table["median"],
            "quartiles (s)": [
                f"{low:.1f} to {high:.1f}"
                for low, high in table[["quartile_1", "quartile_3"]].to_numpy()
            ],
            "total (min)": table["total"] / 60,
            "p": table["p"],
            "test": table["test"],
        }
    )
    return Table.from_frame(frame, "seconds", "Time for a case", group="by")


def _confidence(study: ReaderStudy) -> Table | None:
    if not len(study.confidence):
        return None
    names = {"reader": "", "n_right": "right", "mean_right": "mean where right", "n_wrong": "wrong",
             "mean_wrong": "mean where wrong", "p_mann_whitney": "p, Mann-Whitney"}  # fmt: skip
    return Table.from_frame(study.confidence.rename(columns=names), "confidence", "Confidence")


def _missing(study: ReaderStudy) -> Table:
    table = study.missing
    names = {"rater": "", "n_cases": "cases", "cannot_say": CANNOT_SAY,
             "cannot_say_cases": f"{CANNOT_SAY}: which",
             "unread_cases": "unread: which"}  # fmt: skip
    frame = table.assign(kind=table["kind"].map(_KINDS)).rename(columns=names)
    return Table.from_frame(frame, "missing", "Answers that are missing", group="kind")


# -- pictures ----------------------------------------------------------------------------------


def _pictures(study: ReaderStudy) -> list[Picture]:
    """Draw Figures 1 and 2: curves with readers as points, and confusion matrices."""
    from matplotlib.figure import Figure

    from sknemg.inspection import ConfusionMatrixDisplay, OneVsRestCurveDisplay

    pictures = []
    with plain_text():
        if study.probabilities:
            for kind, what in (("roc", "ROC"), ("precision_recall", "Precision-recall")):
                figure = Figure(figsize=(5.2, 5.4), layout="constrained")
                display = _curves(OneVsRestCurveDisplay, study, kind, figure.subplots())
                texts = "; ".join(text.get_text() for text in display.text_)
                pictures.append(
                    Picture.from_figure(
                        figure,
                        f"{what} curves of the model, each diagnosis against the others: {texts}",
                        f"{what} curves of the model; each reader is a point, a cross their mean.",
                    )
                )
        labels = [*study.classes, *study.others, CANNOT_SAY]
        for what, table in (("readers", study.readers), ("model", study.models)):
            if not table.shape[1]:
                continue
            shares = confusion_shares(study, of=what)
            said = [
                at
                for at, label in enumerate(labels)
                if label in study.classes or shares[:, :, at].any()
            ]
            figure = Figure(figsize=(4.9, 4.2), layout="constrained")
            display = ConfusionMatrixDisplay(
                shares[:, :, said], study.classes, answers=[labels[at] for at in said]
            ).plot(figure.subplots())
            numbers = ", ".join(
                f"{label} {display.mean_[i, i]:.0f} %" for i, label in enumerate(study.classes)
            )
            pictures.append(
                Picture.from_figure(
                    figure,
                    f"Confusion matrix of the {what}; correctly diagnosed: {numbers}",
                    f"Confusion matrix of the {what}, in per cent of the true diagnosis"
                    + (f": mean ± SD of {table.shape[1]}." if table.shape[1] > 1 else "."),
                )
            )
    return pictures


def _curves(display: Any, study: ReaderStudy, kind: str, ax: Any) -> Any:
    """Draw the mean curve of all runs, over the cases that each has scored."""
    parts = list(study.probabilities.values())
    scores = pd.concat(parts)
    subject = scores.index.get_level_values(0)
    readers = study.readers.reindex(scores.index)
    fold = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return display.from_predictions(
        study.y.reindex(scores.index).to_numpy(),
        scores.reset_index(drop=True),
        kind=kind,
        fold=fold if len(parts) > 1 else None,
        groups=subject.to_numpy(),
        readers={name: readers[name].to_numpy() for name in readers},
        random_state=study.settings["random_state"],
        ax=ax,
    )
