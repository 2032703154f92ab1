"""The runner that all tables share: cohort, folds, resumable evaluation, small kept results."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.machinery.methods import CACHE, installed
from benchmarks.machinery.settings import N2001, N2001_CPU, PROFILES, Settings
from sknemg.datasets import load_cohort, load_emglab
from sknemg.evaluation import PROTOCOLS, Evaluation, evaluate
from sknemg.simulate import make_cohort

RESULTS = Path(__file__).parents[1] / "results"


@dataclass(frozen=True)
class Study:
    """One table: which methods, under which protocols.

    Parameters
    ----------
    name : str
        Folder of its results.
    methods : callable (Settings) -> dict of pipelines
    protocols : tuple of str
    changes : dict
        What this study changes in every profile.
    cpu, gpu : dict
        What it changes in the profile of that name, such as the number of subjects.
    levels : tuple of str
        Predictions that are kept beside the counts of segments.
    """

    name: str
    methods: Callable[[Settings], Mapping[str, Any]]
    protocols: tuple[str, ...] = ("nested",)
    changes: Mapping[str, Any] = field(default_factory=dict)
    cpu: Mapping[str, Any] = field(default_factory=dict)
    gpu: Mapping[str, Any] = field(default_factory=dict)
    levels: tuple[str, ...] = ("subjects",)

    def settings(self, profile: str, cohort: str) -> Settings:
        own = {"cpu": self.cpu, "gpu": self.gpu}.get(profile, {})
        changes = {**self.changes, **own}
        if cohort == "n2001":
            changes |= N2001 | (N2001_CPU if profile == "cpu" else {})
        return replace(PROFILES[profile], **changes)


def get_cohort(name: str, settings: Settings, cache: Path) -> tuple[Any, Any]:
    """Simulate or load a cohort."""
    if name == "simulated":
        return make_cohort(
            settings.n_subjects,
            sfreq=10_000,
            progress=True,
            cache=cache / "cohorts",
            random_state=settings.seed,
        )
    return load_emglab() if name == "n2001" else load_cohort(name)


def run(study: Study, profile: str, cohort: str, cache: Path, n_jobs: int, out: Path) -> None:
    """Run a study under each of its protocols and keep what its tables need."""
    os.environ[CACHE] = str(cache)
    settings = study.settings(profile, cohort)
    X, y = get_cohort(cohort, settings, cache)
    for name in study.protocols:
        changes = {
            key: value
            for key in ("n_splits", "n_repeats", "reshuffle")
            if (value := getattr(settings, key)) is not None
        }
        result = evaluate(
            study.methods(settings),
            X,
            y,
            protocol=replace(PROTOCOLS[name], **changes),
            random_state=settings.seed,
            n_jobs=n_jobs,
            cache=cache / "cells",
            progress=True,
        )
        keep(result, study, settings, cohort, out / folder_name(study, cohort, profile, name))


def folder_name(study: Study, cohort: str, profile: str, protocol: str) -> str:
    label = cohort if cohort in ("simulated", "n2001") else Path(cohort).name
    return f"{study.name}/{label}-{profile}-{protocol}"


def keep(result: Evaluation, study: Study, settings: Settings, cohort: str, folder: Path) -> None:
    """Write predictions, counts of segments, settings."""
    simulated = cohort == "simulated"
    about = {"study": study.name, "cohort": Path(cohort).name, "simulated": simulated}
    result.settings.update(about | {"benchmark": asdict(settings)})
    result.settings["versions"].update(
        {name: version(name) for name in ("aeon", "baycomp", "braindecode") if installed(name)}
    )
    result.save(folder, levels=study.levels)
    counts = segment_counts(result)
    counts.to_csv(folder / "segment_counts.csv", index=False)


def segment_counts(result: Evaluation) -> pd.DataFrame:
    """Count each subject's segments by what they were taken for."""
    keys = ["method", "repeat", "fold", "subject", "y_true", "prediction"]
    return result.items.groupby(keys, sort=False).size().rename("n").reset_index()


def load(study: Study, cohort: str, profile: str, protocol: str = "nested") -> Evaluation | None:
    """Read a kept result; None where it was not run."""
    folder = RESULTS / folder_name(study, cohort, profile, protocol)
    if not (folder / "settings.json").exists():
        return None
    result = Evaluation.load(folder)
    names = dict.fromkeys(["method", "subject", "y_true", "prediction"], str)
    counts = pd.read_csv(folder / "segment_counts.csv", dtype=names, keep_default_na=False)
    return replace(result, items=counts)


def main(study: Study, description: str | None) -> None:
    """Run a study from the command line."""
    args = arguments(description)
    run(study, args.profile, args.cohort, args.cache, args.jobs, args.out)


def arguments(description: str | None, *extra: Callable[[Any], None]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--profile", choices=list(PROFILES), default="cpu")
    parser.add_argument("--cohort", default="simulated", help="simulated, n2001 or a folder")
    parser.add_argument("--jobs", type=int, default=1, help="fits at once")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the results")
    parser.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir()) / "sknemg-benchmarks",
        help="folder of finished fits, from which a stopped run goes on",
    )  # fmt: skip
    for add in extra:
        add(parser)
    return parser.parse_args()


def write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, default=str) + "\n")
