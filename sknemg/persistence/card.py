"""Model cards: what a model is for and how it was made, with named gaps for the rest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.diagnosis import Diagnostician, scale_temperature
from sknemg.metrics import format_interval, score_table
from sknemg.metrics._counts import bins_of
from sknemg.metrics._format import format_share
from sknemg.pages import INTENDED_USE, RESEARCH_ONLY
from sknemg.persistence._write_folder import sealed
from sknemg.provenance import provenance
from sknemg.recordings import Recordings, label_subjects

GAP = "**Not stated.**"

#: What no software knows of a model, and its makers must say.
GAPS = {
    "Reference standard": "Who made the diagnoses of the training subjects, and by what?",
    "Recruitment": "Where, when and how were they recruited, and who was left out?",
    "Ethics": "Which committee approved, under which number, and what did the subjects consent to?",
    "Machine and filters": "Which amplifier, filters and electrode?",
    "Activity": "At which effort did the subjects contract?",
    "Other clinics": "Was the model tried on patients of another clinic, and how did it do?",
    "Energy": "How much energy did the training take?",
    "Contact": "Who answers for the model?",
}
_METRICS = {
    "accuracy": "accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "f1_weighted": "F1",
    "roc_auc_macro": "AUROC",
    "mcc": "MCC",
}
FEW = 3  # subjects; an age or a muscle of fewer could point to one of them


def minimal_card(config: Mapping[str, Any]) -> str:
    """Write the card of a model of which nothing is known but the model itself.

    Parameters
    ----------
    config : mapping
        What ``config.json`` holds.

    Returns
    -------
    str
        Markdown with the front matter of the Hugging Face hub.
    """
    takes = config["input"]
    rate = "" if takes["sfreq"] is None else f", brought to {takes['sfreq']:g} Hz"
    lines = [
        *_front_matter(None),
        "# Model of needle EMG",
        "",
        RESEARCH_ONLY,
        "",
        *_caution(config.get("caution", "")),
        f"It takes recordings in {takes['unit']}{rate}, and answers one of "
        f"{as_text(takes['classes'])}.",
        "",
        f"Cohort, protocol, scores and licence: {GAP}",
        "",
        *_gaps(),
    ]
    return sealed("\n".join(lines))


def evaluation_tables(model: Diagnostician, confounds: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Make the tables that a model folder keeps of its evaluation, without identities.

    Parameters
    ----------
    model : fitted Diagnostician
        Just fitted: a loaded one has no out-of-fold scores.
    confounds : DataFrame
        From :func:`sknemg.evaluation.confounds`.

    Returns
    -------
    dict of DataFrame
        ``scores``, ``calibration``, ``sets`` and ``confounds``.
    """
    codes, before = model.out_of_fold_codes_, model.out_of_fold_proba_
    after = model.out_of_fold_calibrated()
    classes = model.classes_.tolist()
    scores = score_table(model.classes_[codes], after, classes=classes)
    rows = [
        {"probabilities": name, **reliability(proba, codes)}
        for name, proba in (("as scored", before), ("calibrated", after))
    ]
    own = 1 - after[np.arange(len(codes)), codes]
    kept = 1 - after <= model.quantile_ + 1e-12
    kept[~kept.any(axis=1)] = True
    sizes = kept.sum(axis=1)
    sets = {
        "coverage_nominal": model.coverage_,
        "coverage_low": model.coverage_range_[0],
        "coverage_high": model.coverage_range_[1],
        "n_subjects": len(codes),
        "covered": float((own <= model.quantile_ + 1e-12).mean()),
        "one_diagnosis": float((sizes == 1).mean()),
        "mean_size": float(sizes.mean()),
        "refused": model.plausibility_.refused_,
    }
    return {
        "scores": scores,
        "calibration": pd.DataFrame(rows),
        "sets": pd.DataFrame([sets]),
        "confounds": confounds.rename_axis(columns=None).reset_index(names="variable"),
    }


def reliability(proba: NDArray[Any], codes: NDArray[Any]) -> dict[str, float]:
    """Measure how far probabilities are from being right as often as they say.

    Parameters
    ----------
    proba : ndarray of shape (n_subjects, n_classes)
    codes : ndarray of shape (n_subjects,), int
        Classes, as positions.

    Returns
    -------
    dict
        ``log_loss``, ``brier``, ``calibration_error`` (expected, ten bins), ``mean_confidence``
        and ``accuracy``.
    """
    rows = np.arange(len(codes))
    safe = scale_temperature(proba, 1.0)
    truth = np.eye(proba.shape[1])[codes]
    sure, right = safe.max(axis=1), safe.argmax(axis=1) == codes
    bins = bins_of(sure, 10)
    gaps = [
        (bins == b).mean() * abs(sure[bins == b].mean() - right[bins == b].mean())
        for b in np.unique(bins)
    ]
    return {
        "log_loss": float(-np.log(safe[rows, codes]).mean()),
        "brier": float(((safe - truth) ** 2).sum(axis=1).mean()),
        "calibration_error": float(sum(gaps)),
        "mean_confidence": float(sure.mean()),
        "accuracy": float(right.mean()),
    }


def model_card(
    model: Diagnostician,
    X: Recordings,
    y: ArrayLike,
    tables: Mapping[str, pd.DataFrame],
    *,
    seed: int,
    seconds: float,
    licence: str | None = None,
) -> str:
    """Write the card of a model that was just trained.

    Parameters
    ----------
    model : fitted Diagnostician
    X : Recordings of signals
    y : array-like of shape (n_recordings,)
        What it was trained on.
    tables : mapping of DataFrame
        From `evaluation_tables`.
    seed : int
    seconds : float
        Time of training.
    licence : str, default=None

    Returns
    -------
    str
        Markdown with the front matter of the Hugging Face hub.
    """
    world = provenance()
    versions = [f"{k} {v}" for k, v in dict(world["versions"]).items()]  # type: ignore[call-overload]
    sets = tables["sets"].iloc[0]
    before, after = (row for _, row in tables["calibration"].iterrows())
    known = model.plausibility_
    low, high = model.coverage_range_
    lines = [
        *_front_matter(licence),
        f"# Diagnosis by needle EMG: {', '.join(map(as_text, model.classes_.tolist()))}",
        "",
        "## Intended use",
        "",
        INTENDED_USE,
        "",
        *_caution(model.caution_),
        "## Training subjects",
        "",
        *_table(_cohort(X, y)),
        "",
        f"Entries of fewer than {FEW} subjects are pooled. No identity, vote, file name or hash "
        "of a subject is in this folder; the weights are learned from them all the same.",
        "",
        "## What differs between the diagnoses beside the disease",
        "",
        "A model can learn these differences instead of the disease. A small p says that it could; "
        "a large one in a small cohort proves nothing. Each subject counts once.",
        "",
        *_table(tables["confounds"]),
        "",
        "## Evaluation",
        "",
        f"{sets['n_subjects']:.0f} subjects, each scored by a model that was not trained on it "
        f"({model.cv} parts of whole subjects, left out in turn). The model in this folder was "
        "then trained on all. Intervals (95 %) count subjects. Nothing was chosen by these scores "
        "but the temperature and what the answers hold.",
        "",
        *_table(_scores(tables["scores"])),
        "",
        "## Calibration",
        "",
        f"One temperature, {model.temperature_:.2f}, fitted to the subjects left out. Log loss "
        f"{before['log_loss']:.2f} before and {after['log_loss']:.2f} after, Brier score "
        f"{before['brier']:.2f} and {after['brier']:.2f}, expected calibration error "
        f"{before['calibration_error']:.2f} and {after['calibration_error']:.2f}. The numbers "
        "after are of the subjects that it was fitted to, and slightly too good.",
        "",
        "## When it is not sure, and when it does not answer",
        "",
        *(
            []
            if model.rules_out_
            else [
                "**This model rules no diagnosis out**: every answer holds all of them. "
                f"{model.n_calibration_} subjects do not suffice for answers that hold the "
                f"diagnosis of {format_share(model.coverage_)} of patients.",
                "",
            ]
        ),
        f"The answer holds every diagnosis whose probability is {1 - model.quantile_:.2f} or "
        f"more, so that {format_share(model.coverage_)} of patients like those of training have "
        "theirs in it (conformal prediction over subjects). "
        f"{model.n_calibration_} subjects leave that share open between {format_share(low)} and "
        f"{format_share(high)} (90 % interval). Of the subjects left out, "
        f"{format_share(sets['covered'])} were covered and {format_share(sets['one_diagnosis'])} "
        f"got one diagnosis; the mean number of diagnoses was {sets['mean_size']:.2f}. Nothing is "
        "promised for patients of another kind, nor for each "
        "diagnosis by itself.",
        "",
        f"A recording cannot be judged if it is shorter than {known.min_duration:g} s, sampled "
        f"below {known.sfreq:g} Hz, flat, clipped or mains hum, if its amplitude is more than "
        f"three times beyond that of training ({_microvolts(known.low_[0])} to "
        f"{_microvolts(known.high_[0])} RMS) or its noise floor (up to "
        f"{_microvolts(known.high_[2])}), or if its features are unlike all of training "
        f"(Mahalanobis distance beyond {known.distance_:.1f}). A patient cannot be judged if more "
        "than half of the recordings cannot, or if their median distance is beyond "
        f"{known.subject_distance_:.1f}. Of the subjects left out, "
        f"{format_share(known.refused_)} were beyond.",
        "",
        "## How it was made",
        "",
        "The estimators and their parameters are in config.json. "
        f"Seed {seed}; {seconds:.0f} s on {world['device']}"
        + (f"; commit {world['commit']}" if world["commit"] else "")
        + f". Versions: {', '.join(versions)}.",
        "",
        *_gaps(licence),
    ]
    return sealed("\n".join(lines))


def _microvolts(level: float) -> str:
    return f"{float(f'{1000 * level:.2g}'):g} µV"


def _front_matter(licence: str | None) -> list[str]:
    return [
        "---",
        "library_name: sknemg",
        *([f"license: {json.dumps(licence)}"] if licence else []),
        'tags: ["electromyography", "needle-emg", "sknemg"]',
        "---",
        "",
    ]


def _caution(said: str) -> list[str]:
    return [f"**{as_text(said)}**", ""] if said else []


def _gaps(licence: str | None = None) -> list[str]:
    gaps = {"Licence": "Under which terms may the model be used?"} if not licence else {}
    lines = ["## Gaps", "", "What the software cannot know, and its makers must say:", ""]
    return [*lines, *(f"- {name}: {GAP} {ask}" for name, ask in (gaps | GAPS).items()), ""]


def _cohort(X: Recordings, y: ArrayLike) -> pd.DataFrame:
    """Count what is known of the subjects, such that no entry points to one of them."""
    labels = np.asarray(y)
    _, names, first = label_subjects(labels, X["subject"].to_numpy())
    rows: list[tuple[str, str]] = [("subjects", f"{len(names)}")]
    rows.append(("by diagnosis", _counts(labels[first].tolist(), least=1)))
    rows.append(("recordings", f"{len(X)}, {float(X.durations.sum()):.0f} s"))
    rows.append(("by diagnosis", _counts(labels.tolist(), least=1)))
    rates = sorted(set(X["sfreq"].tolist()))
    rows.append(("sampling rates (Hz)", ", ".join(f"{rate:g}" for rate in rates[:10])))
    of_subjects = {name: X[name].to_numpy()[first] for name in ("age", "sex") if name in X}
    if "age" in of_subjects:
        ages = pd.to_numeric(pd.Series(of_subjects["age"]), errors="coerce").dropna()
        decades = [f"{int(age // 10 * 10)}s" if age < 90 else "90 or more" for age in ages]
        rows.append(("ages", _counts(decades)))
    if "sex" in of_subjects:
        rows.append(("sex", _counts(of_subjects["sex"].tolist())))
    for column in ("muscle", "location", "side", "needle", "machine", "site"):
        if column in X and X[column].notna().any():
            each = X.meta[["subject", column]].dropna().drop_duplicates()
            rows.append((f"{column} (subjects)", _counts(each[column].tolist())))
        elif column in ("needle", "machine"):
            rows.append((column, GAP))
    return pd.DataFrame(rows, columns=["", "training"])


def _counts(entries: Iterable[Any], least: int = FEW) -> str:
    counts = pd.Series(list(entries), dtype=object).dropna().astype(str).value_counts()
    shown = counts[counts >= least].sort_index()
    pooled = int(counts[counts < least].sum())
    parts = [f"{name} {count}" for name, count in shown.items()]
    return ", ".join([*parts, *([f"others {pooled}"] if pooled else [])])


def _scores(scores: pd.DataFrame) -> pd.DataFrame:
    named = scores[scores["metric"].isin(_METRICS)]
    values = [format_interval(*row) for row in named[["value", "low", "high"]].to_numpy()]
    return pd.DataFrame({"metric": named["metric"].map(_METRICS), "subjects": values})


def _table(frame: pd.DataFrame) -> list[str]:
    """Lay out a table; bars and line breaks in an entry cannot break it."""
    lines = [[_cell(name) for name in frame.columns], ["---"] * len(frame.columns)]
    lines += [[_cell(entry) for entry in row] for row in frame.itertuples(index=False)]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _cell(entry: Any) -> str:
    if isinstance(entry, float):
        return "" if np.isnan(entry) else f"{entry:.3g}"
    text = " ".join(str(entry).split())
    for mark, safe in {"&": "&amp;", "<": "&lt;", "|": "&#124;", "`": "'"}.items():
        text = text.replace(mark, safe)
    return text


def as_text(value: Any) -> str:
    """Write a value for Markdown: on one line, as code, so that nothing in it is markup."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return "`" + " ".join(text.split()).replace("`", "'") + "`"
