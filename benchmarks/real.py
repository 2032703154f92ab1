"""Networks and their rivals on real recordings, beside a model that sees no EMG.

Run ``python -m benchmarks.real --cohort n2001`` or ``--cohort algiers``; ``SKNEMG_DATA`` names the
folder that holds ``emglab_n2001`` and ``algiers``. A stopped run goes on. Every method sees the
same folds of the same subjects, at 10 kHz, with the mains hum and what lies outside 20 Hz to
4.5 kHz filtered out. One row sees no EMG, only what a recording brings with it, unfiltered (see
``sknemg.evaluation.nuisance_table``). A score is worth what it gains over that row.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
import warnings
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import signal
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.machinery.methods import installed
from benchmarks.machinery.reporting import commits_of, markdown
from benchmarks.machinery.runner import RESULTS
from sknemg import (
    DiVoteClassifier,
    Downsampler,
    ImplausibleWarning,
    NEMGNetClassifier,
    Segmenter,
    SegmentFeatures,
)
from sknemg.datasets import load_cohort, load_emglab
from sknemg.evaluation import PROTOCOLS, Evaluation, evaluate, gains_of, nuisance_model
from sknemg.evaluation.methods import SHORT
from sknemg.evaluation.nuisance import NUISANCE
from sknemg.evaluation.rivals import (
    BRAINDECODE_SFREQ,
    braindecode_network,
    minirocket,
    multirocket_hydra,
)
from sknemg.metrics import format_interval, score_table

FOLDER = RESULTS / "real"
SFREQ = 10_000
BAND = (20.0, 4500.0)
MAINS = 50.0
#: Folds by subject; N2001's smallest class has three subjects.
FOLDS = {"n2001": 3, "algiers": 5}
METHODS = [
    NUISANCE,
    "features + LDA",
    "features + forest",
    "MiniRocket + ridge",
    "MultiRocket + Hydra + ridge",
    "ShallowFBCSPNet",
    "EEGNeX",
    "nEMGNet, published",
    "nEMGNet, tuned, 0.4 s",
    "nEMGNet, tuned, 2 s",
]
#: Methods whose scores are averaged, with no training of its own.
PAIRS = [
    (rival, network)
    for network in ("nEMGNet, tuned, 0.4 s", "nEMGNet, tuned, 2 s")
    for rival in ("MiniRocket + ridge", "features + forest")
]
ABOUT = {
    "n2001": "EMGLAB N2001: biceps brachii, slight contraction, concentric needle; ALS stands for "
    "neuropathy. Diagnosis is confounded with age.",
    "algiers": "Algiers: biceps brachii and deltoid, isometric contraction, concentric needle. "
    "Acquisition differs between the groups, and the healthy alone have several recordings.",
}


def load(cohort: str) -> tuple[Any, np.ndarray]:
    """Load a cohort as it was recorded."""
    with warnings.catch_warnings():
        # N2001A06BB08: a row like any other
        warnings.filterwarnings("ignore", r".*\n *flat for", ImplausibleWarning)
        if cohort == "n2001":
            return load_emglab()
        return load_cohort(Path(os.environ["SKNEMG_DATA"]) / "algiers")


def filtered(X: Any) -> Any:
    """Bring recordings to 10 kHz; take out the hum, and what lies outside the band of EMG.

    Each recording is filtered by itself, forwards and backwards; notches are 5 Hz wide.
    """
    X = Downsampler(sfreq=SFREQ).fit_transform(X)
    band = signal.butter(2, BAND, "bandpass", fs=SFREQ, output="sos")
    stops = [signal.tf2sos(*signal.iirnotch(MAINS * k, 10 * k, fs=SFREQ)) for k in (1, 2, 3, 4, 5)]
    filters = np.concatenate([band, *stops])
    parts = [signal.sosfiltfilt(filters, row).astype(np.float32) for row in rows_of(X)]
    return X.with_values(np.concatenate(parts), X.offsets)


def rows_of(X: Any) -> list[np.ndarray]:
    """Give the signals of recordings, one by one."""
    return [X.values[a:b] for a, b in zip(X.offsets[:-1], X.offsets[1:], strict=True)]


def methods(names: list[str], version: str, width: int, epochs: int) -> dict[str, Any]:
    """Give the methods by name; rivals only where aeon, or braindecode, is installed."""

    def votes(classifier, window=0.4, hop=0.2, before=()):
        segmenter = Segmenter(window=window, hop=hop, short="drop")
        return make_pipeline(*before, segmenter, DiVoteClassifier(classifier, final_estimator=None))

    def network(recipe, **options):
        sizes = {"width": width, "max_epochs": epochs, "device": "cpu"}
        return NEMGNetClassifier(version, recipe=recipe, **sizes, **{"validation": None, **options})

    forest = RandomForestClassifier(300, min_samples_leaf=5, class_weight="balanced")
    features = SegmentFeatures(input_sfreq=SFREQ)
    found = {
        NUISANCE: nuisance_model(),
        "features + LDA": votes(
            make_pipeline(features, StandardScaler(), LinearDiscriminantAnalysis())
        ),
        "features + forest": votes(make_pipeline(features, forest)),
        # Every sample is seen twice an epoch, and a batch holds about as much signal, whatever the
        # windows: half of windows that overlap by three quarters, or all that overlap by half.
        "nEMGNet, published": votes(network("published")),
        "nEMGNet, tuned, 0.4 s": votes(network("tuned", **SHORT), hop=0.1),
        "nEMGNet, tuned, 2 s": votes(network("tuned", batch_size=8, **SHORT), 2.0, 0.5),
    }
    if installed("aeon"):
        for name, rival in (("MiniRocket", minirocket), ("MultiRocket + Hydra", multirocket_hydra)):
            if f"{name} + ridge" in names:
                found[f"{name} + ridge"] = votes(rival(), hop=0.4)
    if installed("braindecode"):
        rarer = [Downsampler(sfreq=BRAINDECODE_SFREQ)]
        for name in ("ShallowFBCSPNet", "EEGNeX"):
            options = {"max_epochs": epochs, "device": "cpu", **SHORT}
            found[name] = votes(braindecode_network(name, **options), hop=0.1, before=rarer)
    return {name: found[name] for name in names if name in found}


def run(cohort: str, names: list[str], args: argparse.Namespace) -> None:
    """Evaluate the methods of a cohort one after the other, and keep each as it is finished."""
    raw, y = load(cohort)
    emg = filtered(raw)
    protocol = replace(PROTOCOLS["nested"], n_splits=args.folds or FOLDS[cohort], n_repeats=1)
    for name, pipe in methods(names, args.version, args.width, args.epochs).items():
        result = evaluate(
            {name: pipe}, raw if name == NUISANCE else emg, y, protocol=protocol,
            cache=args.cache / "real", progress=True, random_state=0,
        )  # fmt: skip
        size = {"version": args.version, "width": args.width, "epochs": args.epochs}
        result.settings.update({"cohort": cohort, "simulated": False, "network": size})
        result.settings["versions"].update(
            {name: metadata.version(name) for name in ("aeon", "braindecode") if installed(name)}
        )
        result.save(args.out / cohort / _folder(name))


def _folder(name: str) -> str:
    return re.sub(r"[^\w+]+", "_", name).strip("_")


# -- tables ------------------------------------------------------------------------------------


def one_each(result: Evaluation, seed: int = 0) -> pd.DataFrame:
    """Draw one recording of each subject: votes help those alone that have several."""
    rows = result.recordings.dropna(subset=result.classes)
    return rows.sample(frac=1, random_state=seed).drop_duplicates("subject")


def _cell(rows: pd.DataFrame, classes: list[str], metric: str = "balanced_accuracy") -> str:
    table = score_table(rows["y_true"], rows[classes], classes=classes, groups=rows["subject"])
    value, low, high = table.set_index("metric").loc[metric, ["value", "low", "high"]]
    percent = metric != "log_loss"
    return format_interval(value, low, high, digits=0 if percent else 2, percent=percent)


def tables(folder: Path = FOLDER) -> str:
    """Write the benchmarks as Markdown; what was not run says so."""
    lines = [
        "## Real recordings: networks, rivals, and a model that sees no EMG\n",
        "The control in the first row sees no EMG. What counts is the gain over it, in the last "
        "columns, paired by subject; an interval that includes 0 shows no gain.\n",
        "- *recordings*, *subjects* (by the mean of their recordings) and *one recording each* "
        "(drawn, since a vote helps only subjects who have several): balanced accuracy in percent "
        "[95 % interval over subjects]\n"
        "- *log-loss* of subjects (uniform guessing: 1.10)\n"
        "- *seconds* of all fits on one thread of a shared processor\n",
        "Every network sees each sample twice per epoch. The tuned ones compand and are trained "
        "under a one-cycle schedule, in windows of 0.4 s (batches of 32, as published) or of 2 s "
        "(batches of 8, pooled head). ShallowFBCSPNet and EEGNeX (braindecode), made for EEG, are "
        "trained as the tuned one in windows of 0.4 s, at 2 kHz, since their kernels are counted "
        "in samples. Companding and schedule were chosen on simulated patients and on N2001 "
        "itself (the study above), so its rows are not clean of that choice; those of Algiers "
        "are.\n",
    ]
    for cohort, about in ABOUT.items():
        found = {name: kept(folder / cohort, name) for name in METHODS}
        blind = found[NUISANCE]
        rows = [_row(name, found[name], blind) for name in METHODS]
        for pair in PAIRS:
            results = [found[name] for name in pair]
            rows.append(_row(" and ".join(pair), mean_of(results) if all(results) else None, blind))
        header = ["", "recordings", "subjects", "one recording each", "log-loss", "seconds"]
        header += ["gain, recordings", "gain, subjects"]
        lines += [f"{about} {_said(found)}\n", markdown(header, rows), *_untraced(found)]
    return "\n".join(lines)


def kept(folder: Path, name: str) -> Evaluation | None:
    """Read the result of a method; None where it was not run."""
    place = folder / _folder(name)
    return Evaluation.load(place) if (place / "settings.json").exists() else None


def mean_of(results: list[Any]) -> Evaluation:
    """Average the scores of methods: what they say if they vote together."""
    first = results[0]
    classes = first.classes
    tables = {}
    for level, keys in (("recordings", ["row", "subject"]), ("subjects", ["subject"])):
        parts = [getattr(r, level).set_index(keys) for r in results]
        both = parts[0].index.intersection(parts[1].index)
        means = sum(part.loc[both, classes] for part in parts) / len(parts)
        table = parts[0].loc[both].assign(**means).reset_index()
        best = table[classes].fillna(-1.0).to_numpy().argmax(axis=1)
        tables[level] = table.assign(prediction=np.array(classes, dtype=object)[best])
    cells = pd.concat([r.cells for r in results], ignore_index=True)
    shared = {}
    for result in results:
        shared |= result.settings.get("shared_seconds", {})
    settings = first.settings | {"shared_seconds": shared}
    return replace(first, **tables, cells=cells, settings=settings)


def _row(name: str, result: Evaluation | None, blind: Evaluation | None) -> list[str]:
    name = name.replace("tuned,", "tuned + one-cycle,")  # its name in kept results is older
    if result is None:
        return [name, *["not run"] * 7]
    classes = result.classes
    recordings = result.recordings.dropna(subset=classes)
    return [
        name,
        _cell(recordings, classes),
        _cell(result.subjects, classes),
        _cell(one_each(result), classes),
        _cell(result.subjects, classes, "log_loss"),
        f"{seconds_of(result):.0f}",
        *(_gain(result, blind, level) for level in ("recording", "subject")),
    ]


def seconds_of(result: Evaluation) -> float:
    """Seconds of all fits, and of the steps that they share."""
    shared = result.settings.get("shared_seconds", {})
    return float(result.cells["fit_seconds"].sum()) + sum(shared.values())


def _gain(result: Evaluation, blind: Evaluation | None, level: str) -> str:
    if blind is None:
        return "not run"
    if set(result.subjects["method"]) == {NUISANCE}:
        return ""
    gains = gains_of(beside(result, blind), over=NUISANCE)
    wanted = (gains["level"] == level) & (gains["metric"] == "balanced_accuracy")
    value, low, high = gains.loc[wanted, ["value", "low", "high"]].iloc[0]
    return format_interval(value, low, high, digits=0, percent=True, signed=True)


def beside(result: Evaluation, other: Evaluation) -> Evaluation:
    """Put the answers of two methods to the same folds into one result."""
    tables = {
        level: pd.concat([getattr(result, level), getattr(other, level)], ignore_index=True)
        for level in ("recordings", "subjects")
    }
    return replace(result, **tables)


def _said(found: dict[str, Any]) -> str:
    """Say how the rows came about; a row that was run later has another commit."""
    networks = [one for name, one in found.items() if name.startswith("nEMGNet") and one]
    if not networks:
        return "Networks not run."
    settings = networks[0].settings
    network = settings["network"]
    return (
        f"*{sum(settings['n_subjects'].values())} subjects, {settings['n_recordings']} recordings; "
        f"{settings['protocol']['n_splits']} folds by subject; networks: version "
        f"{network['version']} of width {network['width']}, {network['epochs']} epochs; "
        f"{settings['device']}, seed {settings['random_state']}. Commits: {commits_of(found)}.*"
    )


def _untraced(found: dict[str, Any]) -> list[str]:
    """Name the rows whose code no commit holds."""
    commits = {name: result.settings["commit"] for name, result in found.items() if result}
    names = [name for name, commit in commits.items() if not commit or commit.endswith("+changes")]
    if not names:
        return []
    gains = ", and all gains" if NUISANCE in names else ""
    return [
        "Rows that cannot be traced to a commit (it was not kept, or the code had changes that "
        f"were not committed): {' / '.join(names)}; nor can what votes with them{gains}.\n"
    ]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cohort", choices=list(FOLDS), required=True)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--folds", type=int)
    parser.add_argument("--version", default="A", help="of nEMGNet")
    parser.add_argument("--width", type=int, default=8, help="of nEMGNet")
    parser.add_argument("--epochs", type=int, default=10, help="of nEMGNet")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir()) / "sknemg-benchmarks",
        help="folder of finished fits, from which a stopped run goes on",
    )  # fmt: skip
    args = parser.parse_args()
    run(args.cohort, args.methods, args)
    print(tables(args.out))


if __name__ == "__main__":
    main()
