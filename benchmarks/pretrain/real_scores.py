"""Scores of real subjects by what was tried on them: tables, learning curves, cards.

`benchmarks.pretrain.worth` keeps the answers; here they are put together. Nothing is trained.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.machinery.reporting import markdown, write_between
from benchmarks.machinery.runner import RESULTS
from benchmarks.pretrain.cards import UNMEASURED
from benchmarks.pretrain.pages import SCORES, marks
from sknemg.diagnosis import prediction_sets, scale_temperature
from sknemg.metrics import format_interval
from sknemg.persistence.card import reliability
from sknemg.weights import folder_of

FOLDER = RESULTS / "pretrain"
TITLES = {"n2001": "EMGLAB N2001", "algiers": "Algiers"}
COHORTS = tuple(TITLES)
SHOTS = {"n2001": (1, 2), "algiers": (1, 2, 4, 8)}
CLASSES = ["myopathy", "neuropathy", "normal"]
SHIPPED = {"volitional-muap": "motor units", "volitional-small": "nEMGNet"}
#: The shipped network, its batch normalisation moved half way to that of the whole cohort.
ADAPTED = "nEMGNet, adapted without diagnoses"
NO_EMG = "no EMG"
OWN_AND_SIMULATED = "motor units, simulated and own"
MAPS = "nEMGNet's maps and features"
#: Methods that begin from simulated patients, and what they are before; others start from scratch.
STARTS = {
    "nEMGNet, fine-tuned": "nEMGNet, simulated alone",
    "nEMGNet, head fine-tuned": "nEMGNet, simulated alone",
    MAPS: "nEMGNet, simulated alone",
    OWN_AND_SIMULATED: "motor units, simulated alone",
}
MINIROCKET = "MiniRocket + ridge"
VARIED = "nEMGNet, from scratch, as fine-tuned"
LOGISTIC = "features + logistic"
SCRATCH = (
    "nEMGNet, from scratch", VARIED, "motor units, from scratch", "features + LDA",
    LOGISTIC, "features + forest", MINIROCKET,
)  # fmt: skip
#: What neither starts from a shipped model nor has its columns or its recipe: new weights change
#: nothing there, as long as their windows are the same.
UNMOVED = (
    NO_EMG,
    *(
        name for name in SCRATCH
        if not name.startswith("motor units") and name not in (VARIED, LOGISTIC)
    ),
)  # fmt: skip
BEGINS, ENDS = marks("worth.py")
CURVE = """```{image} ../benchmarks/results/pretrain/learning_curve.png
:alt: Balanced accuracy by the number of training subjects of each class, for each method
:width: 100%
```
"""


def balanced(rows: pd.DataFrame) -> float:
    """Balanced accuracy of subjects, each counted by the share of draws in which it was right."""
    return float(_right(rows).groupby(level=1).mean().mean())


def _right(rows: pd.DataFrame) -> pd.Series:
    best = np.array(CLASSES)[rows[CLASSES].to_numpy().argmax(axis=1)]
    right = pd.Series(best == rows["y_true"].to_numpy(), index=rows.index)
    return right.groupby([rows["subject"], rows["y_true"]]).mean()


def bootstrap(parts: list[pd.DataFrame], n: int = 2000, seed: int = 0) -> np.ndarray:
    """Balanced accuracies of methods in cohorts drawn anew, by subject within each class."""
    shares = pd.concat([_right(part) for part in parts], axis=1).dropna()
    codes = shares.index.get_level_values(1)
    rng = np.random.default_rng(seed)
    means = np.zeros((n, len(parts)))
    for diagnosis in codes.unique():
        own = shares[codes == diagnosis].to_numpy()
        drawn = rng.integers(len(own), size=(n, len(own)))
        means += own[drawn].mean(axis=1) / codes.nunique()
    return means


def _with_interval(values: np.ndarray, value: float, signed: bool = False) -> str:
    low, high = np.percentile(values, [2.5, 97.5])
    return format_interval(value, low, high, digits=0, percent=True, signed=signed)


class Sets(NamedTuple):
    """Sets of diagnoses of a shipped model: how many hold the true one, of how many; mean size."""

    right: int
    subjects: int
    size: float

    def __str__(self) -> str:
        share = f"{self.right / self.subjects:.0%}".replace("%", " %")
        return f"{self.right} of {self.subjects} ({share}, {self.size:.1f} diagnoses per set)"


def sets_of(own: pd.DataFrame, calibrated: dict[str, float]) -> Sets:
    """Make sets of votes, by the temperature and the quantile of the model that they are of."""
    proba = np.maximum(own[CLASSES].to_numpy(), 1e-6)
    proba = scale_temperature(proba, calibrated["temperature"])
    sets = prediction_sets(proba, calibrated["quantile"])
    codes = own["y_true"].map(CLASSES.index).to_numpy()
    right = int(sets[np.arange(len(sets)), codes].sum())
    return Sets(right, len(sets), float(sets.sum(axis=1).mean()))


def calibrations(folder: Path, name: str) -> dict[str, dict[str, float]]:
    """Give temperature and quantile of the shipped models, by the method of their rows."""
    file = folder / name / "settings.json"
    kept = json.loads(file.read_text())["plausibility"] if file.exists() else {}
    return {
        f"{said}, simulated alone": kept[name] for name, said in SHIPPED.items() if name in kept
    }


def table_of(folder: Path, name: str) -> str:
    """Lay out the results of a cohort as Markdown; columns that would be empty are left out."""
    rows = pd.read_csv(folder / name / "subjects.csv")
    known_sets = calibrations(folder, name)
    lines = []
    for (shots, method), own in rows.groupby(["shots", "method"], sort=False):
        at = rows[rows["shots"] == shots]
        codes = own["y_true"].map(CLASSES.index).to_numpy()
        known = reliability(np.maximum(own[CLASSES].to_numpy(), 1e-6), codes)
        blind = at[at["method"] == NO_EMG]
        gain = ""
        if len(blind) and method != NO_EMG:
            both = bootstrap([own, blind])
            gain = _with_interval(both[:, 0] - both[:, 1], balanced(own) - balanced(blind), True)
        lines.append([
            str(shots), method, _with_interval(bootstrap([own])[:, 0], balanced(own)),
            f"{known['log_loss']:.2f}", f"{known['calibration_error']:.2f}",
            str(sets_of(own, known_sets[method])) if method in known_sets else "", gain,
        ])  # fmt: skip
    header = ["subjects per class", "method", "balanced accuracy", "log-loss", "calibration error",
              "90 % sets that hold the diagnosis", "gain over no EMG"]  # fmt: skip
    filled = [at for at in range(len(header)) if any(line[at] for line in lines)]
    said = "Votes, before the temperature; the sets, after it."
    return f"{said}\n\n" + markdown(
        [header[at] for at in filled], [[line[at] for at in filled] for line in lines]
    )


def gains(folder: Path, name: str) -> pd.DataFrame:
    """Compare the best that begins from simulated patients with the best from scratch."""
    rows = pd.read_csv(folder / name / "subjects.csv")
    out = []
    for shots, at in rows[rows["shots"] > 0].groupby("shots"):
        parts = dict(list(at.groupby("method")))
        ours = [m for m in STARTS if m in parts]
        theirs = [m for m in SCRATCH if m in parts]
        rival = max(theirs, key=lambda m: balanced(parts[m]))
        for method in ours:
            both = bootstrap([parts[method], parts[rival]])
            difference = balanced(parts[method]) - balanced(parts[rival])
            low, high = np.percentile(both[:, 0] - both[:, 1], [2.5, 97.5])
            out.append({"shots": shots, "method": method, "best_from_scratch": rival,
                        "gain": difference, "low": low, "high": high})  # fmt: skip
    return pd.DataFrame(out)


def best_gains(found: pd.DataFrame) -> str:
    """Lay out `gains` as Markdown: a row a method, a column a number of training subjects."""
    rivals = found.drop_duplicates("shots").set_index("shots")["best_from_scratch"]
    header = ["points over the best from scratch", *(f"{k}: {name}" for k, name in rivals.items())]
    lines = [
        [
            str(method),
            *(
                format_interval(g.gain, g.low, g.high, digits=0, percent=True, signed=True)
                for g in own.itertuples()
            ),
        ]
        for method, own in found.groupby("method", sort=False)
    ]
    return markdown(header, lines)


def trained_further(folder: Path, name: str) -> bool:
    """Tell whether models were trained on subjects of a cohort."""
    file = folder / name / "subjects.csv"
    return file.exists() and bool(pd.read_csv(file, usecols=["shots"])["shots"].any())


def draw_curve(folder: Path, names: Sequence[str]) -> bool:
    """Draw the learning curves of cohorts on which models were trained, if there are any."""
    names = [name for name in names if trained_further(folder, name)]
    if not names:
        return False
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    size = 2.6 + 5.2 * len(names), 4.4
    fig, axes = plt.subplots(1, len(names), figsize=size, layout="constrained", squeeze=False)
    for ax, name in zip(axes[0], names, strict=True):
        rows = pd.read_csv(folder / name / "subjects.csv")
        places = [0, *SHOTS[name]]
        colors = _colors(rows["method"].unique())
        for method, own in rows[rows["shots"] > 0].groupby("method", sort=False):
            shots = sorted(own["shots"].unique())
            at = [places.index(k) for k in shots]
            parts = [own[own["shots"] == k] for k in shots]
            values = [100 * balanced(part) for part in parts]
            ends = np.array([np.percentile(bootstrap([p])[:, 0], [2.5, 97.5]) for p in parts])
            ours = method in STARTS
            style = {"ls": "-" if ours else ":" if method == NO_EMG else "--",
                     "lw": 2.2 if ours else 1.4, "color": colors[method]}  # fmt: skip
            ax.plot(at, values, marker="o", ms=4, label=method, **style)
            if ours:
                ax.fill_between(at, *(100 * ends.T), color=colors[method], alpha=0.12, lw=0)
        for method, own in rows[rows["shots"] == 0].groupby("method", sort=False):
            ax.plot(0, 100 * balanced(own), "D", color=colors[method], ms=7, label=method,
                    clip_on=False)  # fmt: skip
        ax.axhline(100 / 3, color="gray", lw=0.8)
        ax.set_xticks(range(len(places)), [str(k) for k in places])
        n = rows["subject"].nunique()
        ax.set_title(f"{TITLES[name]}, {n} subjects")
        ax.set_xlabel("training subjects of each class")
        ax.set_ylabel("balanced accuracy of the others, %")
        ax.set_ylim(0, 103)
    handles = {
        label: h for ax in axes[0] for h, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    fig.legend(handles.values(), handles.keys(), fontsize=8, loc="outside right upper")
    fig.savefig(folder / "learning_curve.png", dpi=110)
    plt.close(fig)
    return True


def _colors(methods: Sequence[str]) -> dict[str, Any]:
    """Give every method a color; what was trained further has that of what it started from."""
    import matplotlib

    palette = [matplotlib.colormaps["tab20"](at) for at in (*range(0, 20, 2), *range(1, 20, 2))]
    colors = dict(zip((m for m in methods if m != NO_EMG), palette, strict=False))
    colors[NO_EMG] = "black"
    for further, start in reversed(STARTS.items()):  # of two the first gives its own
        if further in colors:
            colors[start] = colors[further]
    return colors


def report(folder: Path, names: Sequence[str]) -> str:
    """Write tables and gains of the cohorts that were run; what was not run says so."""
    lines = []
    for name in names:
        lines.append(f"### {TITLES[name]}\n")
        if not (folder / name / "subjects.csv").exists():
            lines.append("Not run.\n")
            continue
        settings = json.loads((folder / name / "settings.json").read_text())
        lines += [table_of(folder, name), ""]
        found = gains(folder, name)
        if len(found):
            found.to_csv(folder / name / "gains.csv", index=False, float_format="%.4f")
            lines += [best_gains(found), ""]
        unlike = "; ".join(
            f"{model}: {_refused_of(own)}" for model, own in settings["plausibility"].items()
        )
        hashes = ", ".join(own["sha256"][:12] for own in settings["models"].values())
        trained = trained_further(folder, name)
        made = f"{settings['draws']} draws, {settings['updates']} updates; " if trained else ""
        lines.append(
            f"The models would refuse (hum, amplitude, or unlike the simulated) {unlike}; these "
            f"are counted above all the same. *{made}{settings['device']}, {made_by(settings)}; "
            f"models {hashes}.*\n"
        )
    if any(trained_further(folder, name) for name in names):
        lines.append(CURVE)
    return "\n".join(lines)


def made_by(settings: dict[str, Any]) -> str:
    """Say which commit made the rows, and which rows are of another one."""
    last = settings["commit"] or "unknown"
    older: dict[str, list[str]] = {}
    for method, commit in settings.get("commits", {}).items():
        if commit != last:
            older.setdefault(commit, []).append(method)
    rows = (f"; {' / '.join(methods)} by {commit}" for commit, methods in older.items())
    return f"commit {last}{''.join(rows)}"


def _refused_of(own: dict[str, Any]) -> str:
    return (
        f"{own['recordings_refused']} of {own['recordings']} recordings, "
        f"{own['subjects_refused']} of {own['subjects']} subjects"
    )


def on_card(folder: Path, method: str) -> str:
    """Say in a few lines what a model scored on real recordings."""
    lines = [
        "Balanced accuracy of subjects in percent [95 % interval], nothing real in training; "
        "log-loss and calibration error of the votes, and of what is printed of them, after the "
        "temperature. N2001's ten were in view when the models were made (above): its figures are "
        "no independent test.",
        "",
    ]
    for name, title in TITLES.items():
        file = folder / name / "subjects.csv"
        if not file.exists():
            lines.append(f"- {title}: not run.")
            continue
        rows = pd.read_csv(file)
        own = rows[rows["method"] == f"{method}, simulated alone"]
        kept = calibrations(folder, name)[f"{method}, simulated alone"]
        codes = own["y_true"].map(CLASSES.index).to_numpy()
        proba = np.maximum(own[CLASSES].to_numpy(), 1e-6)
        known = reliability(proba, codes)
        printed = reliability(scale_temperature(proba, kept["temperature"]), codes)
        right = int((proba.argmax(axis=1) == codes).sum())
        counts = pd.crosstab(own["y_true"], np.array(CLASSES)[proba.argmax(axis=1)])
        said = "; ".join(
            f"{true}: " + ", ".join(f"{n} {answer}" for answer, n in line.items() if n)
            for true, line in counts.iterrows()
        )
        value = _with_interval(bootstrap([own])[:, 0], balanced(own))
        lines.append(
            f"- {title}: {value}, {right} of {len(own)} subjects (log-loss "
            f"{known['log_loss']:.2f}, printed {printed['log_loss']:.2f}; calibration error "
            f"{known['calibration_error']:.2f}, printed {printed['calibration_error']:.2f}). "
            f"Answers by diagnosis: {said}. Would refuse (hum, amplitude, or unlike the "
            f"simulated) {_refused_of(kept)}; these are counted all the same."
        )
        lines[-1] += f" Of its 90 % sets of diagnoses, {sets_of(own, kept)} held the true one."
    return "\n".join(lines)


def promised(folder: Path, method: str) -> str:
    """Say which share of real subjects has its diagnosis in the sets, without a full stop."""
    shares = []
    for name, title in TITLES.items():
        if (folder / name / "subjects.csv").exists():
            rows = pd.read_csv(folder / name / "subjects.csv")
            own = rows[rows["method"] == f"{method}, simulated alone"]
            found = sets_of(own, calibrations(folder, name)[f"{method}, simulated alone"])
            shares.append(f"{100 * found.right / found.subjects:.0f} % on {title}")
    return f"of real ones, {' and '.join(shares)}" if shares else UNMEASURED


def caution(folder: Path) -> str:
    """Say what everyone is told who lets one of the models answer for a patient."""
    right, scores = [], []
    for method in SHIPPED.values():
        own = {
            cohort: rows[rows["method"] == f"{method}, simulated alone"]
            for cohort in COHORTS
            for rows in [pd.read_csv(folder / cohort / "subjects.csv")]
        }
        right.append(str(int(_right(own["n2001"]).sum())))
        subjects = {cohort: len(rows) for cohort, rows in own.items()}
        scores.append(f"{100 * balanced(own['algiers']):.0f} %")
    return (
        "Models that come with sknemg were trained on simulated patients alone and must not be "
        f"relied on for real ones: {' and '.join(SHIPPED)} are right for {' and '.join(right)} of "
        f"the {subjects['n2001']} subjects of N2001, who were in view when these models were made, "
        f"and their balanced accuracy on the {subjects['algiers']} subjects of Algiers is "
        f"{' and '.join(scores)}, where chance is 33 %."
    )


def write_down(folder: Path) -> None:
    """Put the scores into the cards of the models, which their hashes leave out, and the guide."""
    said = caution(folder)
    (folder_of("volitional-muap").parent / "caution.txt").write_text(said + "\n", encoding="utf-8")
    warned = re.compile(r"(not a medical device\.\*\* ).*?( No recording of a person)")
    for name, method in SHIPPED.items():
        file = folder_of(name) / "README.md"
        text = warned.sub(lambda found: f"{found[1]}{said}{found[2]}", file.read_text())
        before, rest = text.split("## Scores on real recordings\n", 1)
        after = rest[rest.index("\n## ") :]
        scores = f"## Scores on real recordings\n\n{on_card(folder, method)}\n"
        promise = re.compile(r"(\*\*simulated alike\*\*[^;]*; )[^.]*\. ")
        text = promise.sub(rf"\g<1>{promised(folder, method)}. ", before + scores + after)
        file.write_text(text)
    write_between(SCORES, BEGINS, ENDS, f"{said}\n\n{report(folder, COHORTS)}")
