"""One self-contained page of a comparison: tables, picture, settings; it opens offline."""

from __future__ import annotations

import base64
import html
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from sknemg.divote.levels import class_columns
from sknemg.evaluation.comparison import short_table
from sknemg.evaluation.figure import plot_comparison
from sknemg.evaluation.result import Evaluation
from sknemg.metrics import one_vs_rest_table
from sknemg.recordings import Recordings

INTENDED_USE = (
    "Research only. This page was made by software for developing and evaluating algorithms on "
    "recorded needle EMG. It is not a medical device, has not been cleared or CE-marked, and must "
    "not be used to diagnose, treat or guide needle placement. It does not replace an "
    "electrodiagnostic examination by a qualified physician."
)

_METRICS = {"precision": "PPV", "npv": "NPV", "f1": "F1", "roc_auc": "AUROC"}

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; max-width: 72rem; margin: 2rem auto;
       padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid #ddd; padding: 0.3rem 0.7rem; text-align: left;
         white-space: nowrap; }
.scroll { overflow-x: auto; } img { max-width: 100%; }
.use { border-left: 4px solid #d55e00; background: #fdf3ec; padding: 0.6rem 1rem; }
.leak { border-left: 4px solid #b00020; background: #fdecee; padding: 0.6rem 1rem; }
pre { background: #f5f5f5; padding: 0.8rem; overflow-x: auto; font-size: 0.8rem; }
"""


def write_report(
    folder: str | Path,
    result: Evaluation,
    scores: pd.DataFrame,
    differences: pd.DataFrame,
    X: Recordings,
    *,
    title: str,
) -> list[Path]:
    """Write ``report.html`` and its picture, ``comparison.png``.

    Parameters
    ----------
    folder : path
    result : Evaluation
    scores : DataFrame from :func:`sknemg.evaluation.comparison.scores_of`
    differences : DataFrame from :func:`sknemg.evaluation.comparison.confounds`
    X : Recordings of signals
    title : str

    Returns
    -------
    list of Path
        The files.
    """
    import matplotlib.pyplot as plt

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    picture, page = folder / "comparison.png", folder / "report.html"
    figure = plot_comparison(result, scores, X)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    plt.close(figure)
    picture.write_bytes(buffer.getvalue())
    page.write_text(_page(result, scores, differences, buffer.getvalue(), title), encoding="utf-8")
    return [page, picture]


def _page(
    result: Evaluation,
    scores: pd.DataFrame,
    differences: pd.DataFrame,
    picture: bytes,
    title: str,
) -> str:
    settings = result.settings
    counts = ", ".join(f"{n} {label}" for label, n in settings["n_subjects"].items())
    n_subjects = sum(settings["n_subjects"].values())
    protocol = settings["protocol"]
    folds = protocol["n_splits"]
    split = "one subject left out at a time" if isinstance(folds, str) else f"{folds} folds"
    image = base64.b64encode(picture).decode()
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f'<p class="use">{INTENDED_USE}</p>',
        f"<p>{settings['n_recordings']} recordings of {n_subjects} subjects: {counts}. Protocol "
        f"<b>{html.escape(protocol['name'])}</b>: {split}, "
        f"{protocol['n_repeats']} run{'s' if protocol['n_repeats'] > 1 else ''}. Each subject is "
        "scored by models that never saw it; intervals (95 %) come from a bootstrap over "
        "subjects.</p>",
    ]
    if protocol["choose_on"] == "test":
        parts.append(
            '<p class="leak"><b>These scores leak.</b> As published, the weights of the network '
            "were chosen on the test fold; they are better than any new patient will see.</p>"
        )
    parts += [
        "<h2>Scores</h2>",
        _table(short_table(scores).reset_index(), index=False),
        f'<p><img alt="Example recordings, accuracies, confusion matrix and votes" '
        f'src="data:image/png;base64,{image}"></p>',
        "<h2>Each diagnosis against the others, subjects</h2>",
        _table(_by_class(result), index=False),
        "<h2>What differs between the diagnoses beside the disease</h2>",
        "<p>A classifier can learn these instead. A small p says that it could.</p>",
        _table(differences),
        "<h2>Wrongly diagnosed subjects</h2>",
        _table(_wrong(result), index=False),
        "<h2>Fits</h2>",
        _table(result.cells.round(2), index=False),
        "<h2>Settings</h2>",
        f"<pre>{html.escape(json.dumps(settings, indent=2, default=str))}</pre>",
    ]
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style></head>\n"
        f"<body>\n{chr(10).join(parts)}\n</body>\n</html>\n"
    )


def _table(frame: pd.DataFrame, index: bool = True) -> str:
    table = frame.to_html(border=0, na_rep="", float_format="{:.3g}".format, index=index)
    return f'<div class="scroll">{table}</div>'


def _by_class(result: Evaluation) -> pd.DataFrame:
    parts = []
    for method, rows in result.subjects.groupby("method", sort=False):
        table = one_vs_rest_table(
            rows["y_true"],
            class_columns(rows, result.classes),
            classes=result.classes,
            groups=rows["subject"],
        )
        parts.append(table.rename(columns={"class": "level"}).assign(method=method))
    names = {metric: _METRICS.get(metric, metric) for metric in parts[0]["metric"].unique()}
    wide = short_table(pd.concat(parts, ignore_index=True), names).reset_index()
    return wide.rename(columns={"level": "diagnosis"})


def _wrong(result: Evaluation) -> pd.DataFrame:
    subjects: Any = result.subjects
    wrong = subjects[subjects["prediction"] != subjects["y_true"]]
    wrong = wrong.sort_values(["method", "repeat", "subject"])
    columns = ["method", "repeat", "subject", "y_true", "prediction", *result.classes]
    return wrong[columns].rename(columns={"y_true": "diagnosis", "prediction": "answer"}).round(3)
