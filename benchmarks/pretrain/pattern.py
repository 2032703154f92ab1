"""Train a model of the interference pattern, `volitional-pattern`, on simulated patients alone.

Run ``python -m benchmarks.pretrain.pattern --store FOLDER --older FOLDER --out FOLDER``.
Where contractions are strong, motor units cannot be told apart, and their sum is measured: windows
of a second by `PatternFeatures`, whatever their amplitude, vote by a balanced logistic regression.
Patients are those of ``benchmarks.pretrain``, and others who contract with 5 to 60 % of their force
(``strong``), simulated when they are missing from the store.

Columns, and whether patients of weaker contractions (``wide``) train as well, are chosen by strong
contractions on machines that are left out, once for each half of each property of a machine, and by
patients of the simulator as it was before its physics were mended (of commit 678b616 or older, in
the store `--older`, which `benchmarks.pretrain.others` fills; left out if none is given). The first
block of strong patients trains nothing: models are compared there, and it says how sure the model
may be. It is no independent test, since the older patients who chose are its twins (the same
persons and machines, `benchmarks.pretrain.patients`). Nothing real is read, unless ``--look`` lets
the finished model answer for real cohorts.

It does not come with sknemg, since on those patients it is no better than `volitional-small`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline

from benchmarks.machinery.reporting import markdown, write_between
from benchmarks.machinery.runner import write_json
from benchmarks.pretrain.answers import answers
from benchmarks.pretrain.models import keep, persons
from benchmarks.pretrain.pages import HISTORY, marks
from benchmarks.pretrain.patients import (
    PREPARES,
    SFREQ,
    Block,
    block,
    check_made,
    file_of,
    joined,
    patients,
    simulator_of,
    write_arrays,
)
from benchmarks.pretrain.real_scores import CLASSES, TITLES, balanced, bootstrap
from benchmarks.pretrain.training import FOLDER, TESTING
from benchmarks.pretrain.units import MACHINES, one_by_one, scores_of_subjects, votes_of_units
from benchmarks.pretrain.units import columns_of as units_of
from benchmarks.pretrain.worth import refused
from benchmarks.real import load as load_real
from sknemg import PatternFeatures, Recordings, Segmenter, load_model
from sknemg.features import pattern_names
from sknemg.metrics import format_interval
from sknemg.persistence._folder import fingerprint_of
from sknemg.pretrained import load
from sknemg.provenance import provenance
from sknemg.versions import package_code

NAME = "volitional-pattern"
OTHERS = ("volitional-muap", "volitional-small")
#: The windows, in seconds; recordings shorter than one have no vote.
WINDOW, HOP = 1.0, 0.5
#: What stands around the tables of the page.
BEGINS, ENDS = marks("pattern.py")
#: What may train.
ALONE, BOTH = "strong contractions", "strong and weak contractions"
CHOICE = (
    "Columns and training patients were chosen by strong contractions on machines left out of "
    "training and by patients of the simulator before its physics were mended, who are twins of "
    "the strong ones above; biceps and default chose nothing. Turns were tried for a reason found "
    "in real recordings: the peak ratio was known to separate the myopathies of Algiers from its "
    "normals."
)


class Patterns(NamedTuple):
    """All features of windows, with what is known of each window's recording."""

    windows: Recordings
    y: np.ndarray

    @property
    def values(self) -> np.ndarray:
        """Features, a row a window."""
        return np.asarray(self.windows.items, dtype=np.float64)

    def known(self, name: str) -> np.ndarray:
        """Give a column of the recordings, for every window."""
        return self.windows.meta[name].to_numpy()[self.windows.row_index]

    @property
    def labels(self) -> np.ndarray:
        """Give the diagnosis of every window."""
        return self.y[self.windows.row_index]


def middle(features: Sequence[str] | None = None) -> Pipeline:
    """Give the steps from prepared recordings to what votes."""
    return make_pipeline(Segmenter(window=WINDOW, hop=HOP, short="drop"), PatternFeatures(features))


def patterns(store: Path, kind: str, number: int, *, other: bool = False) -> Patterns:
    """Measure the windows of a block of patients, or read what was measured."""
    raw, waves, y = patients(store, kind, number, other=other)
    code = package_code("features", *PREPARES)
    file = file_of(store, kind, number, "pattern", code, SFREQ, WINDOW, HOP)
    if not file.exists():
        found = middle().fit_transform(waves)
        write_arrays(file, values=found.items, offsets=found.offsets)
    with np.load(file) as kept:
        values = kept["values"], kept["offsets"]
    return Patterns(raw.with_values(*values, sfreq=SFREQ, item="segment"), y)


def together(parts: Sequence[Patterns]) -> Patterns:
    """Put blocks one behind the other."""
    windows = joined([part.windows for part in parts], item="segment")
    return Patterns(windows, np.concatenate([part.y for part in parts]))


class Situation(NamedTuple):
    """Windows that train and those that test, with their features, diagnoses and subjects."""

    name: str
    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray, np.ndarray]


def situations(
    strong: Patterns, weak: Patterns | None, older: Patterns | None
) -> Iterator[Situation]:
    """Leave every half of the machines out, and then the older simulator; strong ones test."""
    parts = [strong] if weak is None else [strong, weak]
    for name in MACHINES:
        known = [own.known(name) for own in parts]
        middle_of = None if name == "needle" else np.median(known[0])
        high = [k == "concentric" if middle_of is None else k > middle_of for k in known]
        for side in (True, False):
            x = np.concatenate([p.values[h == side] for p, h in zip(parts, high, strict=True)])
            y = np.concatenate([p.labels[h == side] for p, h in zip(parts, high, strict=True)])
            out = high[0] != side
            test = strong.values[out], strong.labels[out], strong.known("subject")[out]
            yield Situation(f"{name}, trained on {'one' if side else 'the other'}", (x, y), test)
    if older is not None:
        x = np.concatenate([part.values for part in parts])
        y = np.concatenate([part.labels for part in parts])
        yield Situation("older simulator", (x, y),
                        (older.values, older.labels, older.known("subject")))  # fmt: skip


def left_out(every: Sequence[Situation], places: Sequence[int]) -> pd.DataFrame:
    """Train on some columns and score the subjects of each situation."""
    rows = []
    for own in every:
        (x, y), (x_out, *known) = own.train, own.test
        found = scores_of_subjects((x[:, places], y), (x_out[:, places], *known))
        rows.append({"situation": own.name} | found)
    return pd.DataFrame(rows).set_index("situation")


def choose(every: Sequence[Situation]) -> tuple[list[str], list[dict[str, Any]]]:
    """Add, one by one, the column that most lowers the mean log-loss of all situations."""
    names = pattern_names()
    rows: list[dict[str, Any]] = []
    chosen: list[int] = []

    def losses_of(tries: list[list[int]]) -> list[float]:
        return [left_out(every, places)["log_loss"].mean() for places in tries]

    for chosen, _ in one_by_one(range(len(names)), losses_of):
        rows.append(summary(every, [names[place] for place in chosen]))
        print(rows[-1], flush=True)
    return [names[place] for place in chosen], rows


def summary(every: Sequence[Situation], columns: Sequence[str]) -> dict[str, Any]:
    """Give means and worst of all situations."""
    table = left_out(every, [pattern_names().index(name) for name in columns])
    known = table["balanced_accuracy"]
    older = {"older_simulator": known["older simulator"]} if "older simulator" in known else {}
    return {
        "columns": " + ".join(columns), "log_loss": table["log_loss"].mean(),
        "worst_log_loss": table["log_loss"].max(), "balanced_accuracy": known.mean(),
        "worst_balanced_accuracy": known.min(),
    } | older  # fmt: skip


def study(strong: Patterns, weak: Patterns, older: Patterns | None) -> pd.DataFrame:
    """Choose columns for strong contractions, and ask whether weak ones help to train them."""
    columns, rows = choose(list(situations(strong, None, older)))
    more = summary(list(situations(strong, weak, older)), columns)
    table = pd.DataFrame(rows + [more])
    table.insert(0, "trained", [ALONE] * len(rows) + [BOTH])
    print(table.to_string(), flush=True)
    return table


def best_of(table: pd.DataFrame) -> tuple[str, list[str]]:
    """Give training patients and columns of the least log-loss, of the kept study."""
    row = table.loc[table["log_loss"].idxmin()]
    return str(row["trained"]), str(row["columns"]).split(" + ")


def columns_of(own: Patterns, columns: Sequence[str]) -> Recordings:
    """Pick columns of what was measured."""
    places = [pattern_names().index(name) for name in columns]
    return own.windows.with_values(own.windows.items[:, places], own.windows.offsets)


def rivals(own: Block) -> list[dict[str, Any]]:
    """Ask the other models that come with sknemg about some patients."""
    muap, small = (load(name).estimator_ for name in OTHERS)
    shown = units_of(own.units, muap[-2].features), small[-2].transform(own.waves)
    return [
        {"model": name} | answers(model[-1], part, own.y).scores()
        for name, model, part in zip(OTHERS, (muap, small), shown, strict=True)
    ]


def train(args: argparse.Namespace) -> None:
    """Choose, train and save the model."""
    args.store.mkdir(parents=True, exist_ok=True)
    first = patterns(args.store, "strong", 0)
    strong = together([patterns(args.store, "strong", k) for k in range(1, args.strong + 1)])
    weak = together([patterns(args.store, "wide", k) for k in range(args.weak)])
    # Patients of the first block: no seed of theirs is among those of training. They are twins of
    # the block that compares the models, however, which chooses columns thereby.
    if args.older:
        check_made(args.older, {"strong": (0,)})
    older = patterns(args.older, "strong", 0, other=True) if args.older else None
    file = args.results / "pattern_columns.csv"
    if not args.chosen:
        args.results.mkdir(parents=True, exist_ok=True)
        table = study(strong, weak, older)
        table.to_csv(file, index=False, float_format="%.4f")
    said, columns = best_of(pd.read_csv(file))
    own = strong if said == ALONE else together([strong, weak])
    votes = votes_of_units().fit(columns_of(own, columns), own.y)

    calibration = block(args.store, "strong", 0)
    tests = {"strong (as in training)": first}
    tests |= {f"{kind} (weak contractions)": patterns(args.store, kind, 0) for kind in TESTING}
    found = [
        {"cohort": kind} | answers(votes, columns_of(part, columns), part.y).scores()
        for kind, part in tests.items()
    ]
    beside = [{"model": NAME} | answers(votes, columns_of(first, columns), first.y).scores()]
    beside += rivals(calibration)
    beside = pd.DataFrame(beside)
    print(beside.to_string(), flush=True)
    beside.to_csv(args.results / "pattern_beside.csv", index=False, float_format="%.4f")
    world = provenance()
    read = {"strong": range(args.strong + 1), "wide": range(args.weak)}
    read |= {kind: range(1) for kind in TESTING}
    about = {
        "n_train": int(own.windows.meta["subject"].nunique()),
        "n_calibration": int(calibration.raw["subject"].nunique()),
        "n_testing": len(persons(
            part.windows for kind, part in tests.items() if not kind.startswith("strong")
        )),
        "simulator": simulator_of(args.store, read).commit, "seed": args.seed, "choice": CHOICE,
    } | {key: world[key] for key in ("commit", "versions", "device")}  # fmt: skip
    made = (
        f"Trained on {said}. A balanced logistic regression of {', '.join(columns)} "
        f"(`PatternFeatures`) of windows of {WINDOW:g} s, which do not depend on amplitude."
    )
    keep(args, NAME, votes, middle(columns), calibration, about, made, found)


def report(folder: Path) -> str:
    """Lay out how columns were chosen, and what models score on strong contractions."""
    steps = pd.read_csv(folder / "pattern_columns.csv")
    last = steps.groupby("trained", sort=False).tail(1)
    chosen = [
        [row.trained, row.columns, f"{row.log_loss:.2f} ({row.worst_log_loss:.2f})",
         f"{100 * row.balanced_accuracy:.0f} ({100 * row.worst_balanced_accuracy:.0f})",
         f"{100 * row.older_simulator:.0f}"]
        for row in last.itertuples()
    ]  # fmt: skip
    rows = [
        [f"`{row.model}`", f"{100 * row.balanced_accuracy:.0f}", f"{row.log_loss:.2f}",
         f"{row.calibration_error:.2f}"]
        for row in pd.read_csv(folder / "pattern_beside.csv").itertuples()
    ]  # fmt: skip
    about = json.loads((folder / f"{NAME}.json").read_text())
    return "\n".join([
        "Strong contractions of machines and a simulator that trained nothing: mean (worst).\n",
        markdown(["trained on", "columns", "log-loss", "balanced accuracy, %",
                  "older simulator, %"], chosen),
        f"\nStrong contractions of {about['n_calibration']} simulated patients that trained none "
        "of the models (votes).\n",
        markdown(["model", "balanced accuracy, %", "log-loss", "calibration error"], rows),
        "\nSubjects of real cohorts (votes), one look; those it would refuse are counted.\n",
        markdown(["cohort", "balanced accuracy, %", "AUC, myopathy over normal",
                  "AUC, neuropathy over normal", "answers by diagnosis",
                  "subjects it would refuse"], real_rows(folder / "pattern")),
        f"\n*{about['n_train']:,} patients in training; {about['device']}, commit "
        f"{about['commit'] or 'unknown'}{answered_by(folder / 'pattern', about['commit'])}.*",
    ])  # fmt: skip


def answered_by(folder: Path, trained: str | None) -> str:
    """Say by which code the model answered for real cohorts, where it is other than it trained."""
    files = [folder / f"{name}.json" for name in TITLES]
    commits = {json.loads(file.read_text())["commit"] for file in files if file.exists()}
    later = sorted(str(commit or "unknown") for commit in commits - {trained})
    return f"; real cohorts: {', '.join(later)}" if later else ""


def look(name: str, args: argparse.Namespace) -> None:
    """Let the model answer for every subject of a real cohort, once; keep the answers."""
    raw, y = load_real(name)
    model = load_model(args.out / NAME)
    found = answers(model.estimator_, raw, np.asarray(y).astype(str))
    table = pd.DataFrame(found.proba, columns=found.classes)
    table.insert(0, "y_true", found.y)
    folder = args.results / "pattern"
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / f"{name}.csv", index=False, float_format="%.4f")
    about = {"cohort": name, "model": fingerprint_of(args.out / NAME)} | refused(model, raw)
    write_json(folder / f"{name}.json", about | provenance())


def real_rows(folder: Path) -> list[list[str]]:
    """Give balanced accuracy, AUC over normals and answers on each real cohort."""
    lines = []
    for name, title in TITLES.items():
        if not (folder / f"{name}.csv").exists():
            lines.append([title, "not run", "", "", "", ""])
            continue
        rows = pd.read_csv(folder / f"{name}.csv")
        rows = rows.assign(subject=range(len(rows)))
        low, high = np.percentile(bootstrap([rows]), [2.5, 97.5])
        best = rows[CLASSES].idxmax(axis=1)
        answered = "; ".join(
            f"{true}: " + ", ".join(f"{n} {answer}" for answer, n in line.items() if n)
            for true, line in pd.crosstab(rows["y_true"], best).iterrows()
        )
        known = json.loads((folder / f"{name}.json").read_text())
        lines.append([
            title, format_interval(balanced(rows), low, high, digits=0, percent=True),
            *(f"{over_normal(rows, ill):.2f}" for ill in ("myopathy", "neuropathy")), answered,
            f"{known['subjects_refused']} of {known['subjects']}",
        ])  # fmt: skip
    return lines


def over_normal(rows: pd.DataFrame, ill: str) -> float:
    """Give the AUC of a diagnosis over normal, by the share of it in both their votes."""
    own = rows[rows["y_true"].isin([ill, "normal"])]
    share = own[ill] / (own[ill] + own["normal"])
    return float(roc_auc_score(own["y_true"] == ill, share))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store", type=Path, required=True, help="where patients are kept")
    parser.add_argument("--strong", type=int, default=4, help="blocks of sixty, in training")
    parser.add_argument("--weak", type=int, default=6, help="blocks of sixty, in training")
    parser.add_argument("--older", type=Path, help="a store of the older simulator")
    parser.add_argument("--chosen", action="store_true",
                        help="by the kept table, and not anew")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("pretrained"))
    parser.add_argument("--results", type=Path, default=FOLDER)
    parser.add_argument("--write", action="store_true", help="into the guide")
    parser.add_argument("--look", nargs="*", choices=["n2001", "algiers"], default=[],
                        help="at real cohorts, with the model in --out")  # fmt: skip
    parser.add_argument("--trained", action="store_true", help="train nothing")
    args = parser.parse_args()
    if not args.trained:
        train(args)
    for name in args.look:
        look(name, args)
    if args.write:
        write_between(HISTORY, BEGINS, ENDS, report(args.results))


if __name__ == "__main__":
    main()
