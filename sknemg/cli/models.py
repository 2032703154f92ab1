"""Train a model on a cohort, and let it diagnose a patient."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sknemg.cli.advice import Refusal
from sknemg.pages import RESEARCH_ONLY

_SIGNALS = {".hea", ".edf", ".wav", ".npy", ".npz", ".csv", ".txt", ".tsv", ".asc"}
_TABLE = "recordings.csv"
_METHODS = {"features": "features", "network": "nEMGNet"}  # how their names begin


def chosen_methods(args: argparse.Namespace, **options: Any) -> dict[str, Any]:
    """Build the methods that the options of the command line describe.

    Parameters
    ----------
    args : Namespace
    **options
        Further parameters of `compared_methods`.

    Returns
    -------
    dict of name to pipeline
    """
    from sknemg.evaluation.comparison import compared_methods

    return compared_methods(
        args.profile,
        recipe=args.recipe,
        sfreq=args.sfreq,
        upsample=args.upsample,
        window=args.window,
        hop=args.hop,
        short=args.short,
        subject_features=args.subject_features,
        **options,
    )


def train(args: argparse.Namespace, X: Any, y: Any) -> None:
    """Evaluate a model by subjects left out, train it on all, and save it with its card.

    Parameters
    ----------
    args : Namespace
    X : Recordings of signals
    y : ndarray of shape (n_recordings,)
    """
    from sknemg.diagnosis import Diagnostician
    from sknemg.evaluation.comparison import confounds
    from sknemg.persistence import save_model
    from sknemg.persistence.card import evaluation_tables, model_card

    (args.out / "problems.csv").unlink(missing_ok=True)  # of a run that was refused
    if args.out.exists() and any(args.out.iterdir()) and not args.overwrite:
        raise Refusal(f"--out {str(args.out)!r} is not empty: give a new folder, or --overwrite.")
    start = time.perf_counter()
    print(X)
    methods = chosen_methods(args)
    named = _METHODS[args.method]
    (pipeline,) = [own for name, own in methods.items() if name.startswith(named)]
    seeds = [name for name in pipeline.get_params() if name.endswith("random_state")]
    pipeline.set_params(**dict.fromkeys(seeds, args.seed))
    model = Diagnostician(pipeline, cv=args.folds, coverage=args.coverage, n_jobs=args.jobs)
    print(f"Training {args.folds} times without a part of the subjects, and once on all.")
    model.fit(X, y)
    tables = evaluation_tables(model, confounds(X, y))
    seconds = time.perf_counter() - start
    card = model_card(model, X, y, tables, seed=args.seed, seconds=seconds, licence=args.licence)
    fingerprint = save_model(
        model, args.out, card=card, evaluation=tables, overwrite=args.overwrite
    )
    scores = tables["scores"]
    for row in scores[scores["metric"].isin(["accuracy", "roc_auc_macro"])].itertuples():
        print(f"{row.metric} of subjects left out: {row.value:.2f} [{row.low:.2f}, {row.high:.2f}]")
    print(f"\n{seconds:.0f} s. Saved: {args.out}. Fingerprint {fingerprint}")
    print(f"Fill in what {args.out / 'README.md'} lists as not stated before you share it.")
    print(RESEARCH_ONLY)


def diagnose(args: argparse.Namespace) -> None:
    """Diagnose one patient from a folder or from files, and write the page.

    Parameters
    ----------
    args : Namespace
    """
    from sknemg.evaluation.patient import write_patient
    from sknemg.persistence import load_model
    from sknemg.persistence._folder import SUMS
    from sknemg.persistence._problems import InvalidModelError

    try:
        model = load_model(args.model, fingerprint=args.fingerprint)
    except InvalidModelError as error:
        raise Refusal(f"--model {str(args.model)!r}: {error}") from error
    if type(model).__name__ != "Diagnostician":
        raise Refusal(
            f"--model {str(args.model)!r} is a {type(model).__name__}, which answers without "
            "caution: give a model that 'sknemg train' made."
        )
    import hashlib

    fingerprint = hashlib.sha256((args.model / SUMS).read_bytes()).hexdigest()
    X = read_patient(args.paths, args)
    found = model.diagnose(X)
    files = write_patient(args.out, model, X, found, fingerprint=fingerprint)
    for one in found:
        print(f"{one.subject}: {one.text}")
        for reason in one.reasons:
            print(f"  {reason}")
    print(f"\nSaved: {', '.join(map(str, files))}")
    print(RESEARCH_ONLY)


def read_patient(paths: Sequence[Path], args: argparse.Namespace) -> Any:
    """Read the recordings of one patient.

    Parameters
    ----------
    paths : sequence of Path
        Signal files, or one folder of them. ``recordings.csv`` in the folder may say more of each:
        ``file``, ``muscle``, ``location``, ``sfreq``, ``unit``, ``scale``, ``channel``.
    args : Namespace
        How files are read.

    Returns
    -------
    Recordings
    """
    from sknemg.datasets import ReadError, read_recording
    from sknemg.recordings import Recordings

    rows = _listed(paths)
    options = _options(args)
    signals, rates, problems = [], [], []
    for row in rows:
        given = {name: row[name] for name in ("sfreq", "unit", "scale", "channel") if name in row}
        try:
            reading = read_recording(row["path"], **(options | given))
        except ReadError as error:
            problems.append(f"{row['path'].name}: {error}")
            continue
        signals.append(reading.signal)
        rates.append(reading.sfreq)
    if problems:
        more = f" (and {len(problems) - 5} more)" if len(problems) > 5 else ""
        raise Refusal("; ".join(problems[:5]) + more + ".")
    columns: dict[str, Any] = {
        name: [row.get(name) for row in rows]
        for name in ("muscle", "location")
        if any(row.get(name) for row in rows)
    }
    return Recordings(signals, sfreq=rates, subject=_name(paths), **columns)


def _options(args: argparse.Namespace) -> dict[str, Any]:
    options = {"unit": args.unit, "sfreq": args.file_sfreq, "scale": args.scale,
               "delimiter": args.delimiter, "decimal": args.decimal, "skip_lines": args.skip_lines,
               "header": None if args.header is None else args.header == "yes",
               "encoding": args.encoding, "invalid": args.invalid,
               "max_bytes": args.max_bytes}  # fmt: skip
    return {name: value for name, value in options.items() if value is not None}


def _name(paths: Sequence[Path]) -> str:
    """Name the patient after the folder, which whoever made it chose."""
    own = paths[0].resolve()
    return (own if own.is_dir() else own.parent).name or "patient"


def _listed(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """List files, with what a table in their folder says of them."""
    for path in paths:
        if not path.exists():
            raise Refusal(f"{str(path)!r} does not exist: give a folder, or signal files.")
    folders = [path for path in paths if path.is_dir()]
    if folders and len(paths) > 1:
        raise Refusal(f"{str(folders[0])!r} is a folder beside others: give one folder, or files.")
    if not folders:
        return [{"path": path} for path in paths]
    folder = folders[0]
    if (folder / _TABLE).is_file():
        return _from_table(folder)
    files = sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in _SIGNALS)
    if not files:
        raise Refusal(
            f"{str(folder)!r} holds no signal files: give one with {', '.join(sorted(_SIGNALS))}."
        )
    return [{"path": file} for file in files]


def _from_table(folder: Path) -> list[dict[str, Any]]:
    import pandas as pd

    table = pd.read_csv(folder / _TABLE, dtype=str, keep_default_na=False, sep=None,
                        engine="python")  # fmt: skip
    if "file" not in table or not len(table):
        raise Refusal(f"{str(folder / _TABLE)!r} has no column 'file', or no rows: name the files.")
    read: dict[str, Callable[[str], Any]] = {"sfreq": float, "scale": float}
    rows = []
    root = folder.resolve()
    for entry in table.to_dict("records"):
        said = {str(k): v.strip() for k, v in entry.items() if isinstance(v, str) and v.strip()}
        path = folder / said.get("file", "")
        if not path.resolve().is_relative_to(root) or not path.is_file():
            raise Refusal(f"{_TABLE} names {said.get('file', '')!r}: give a file in the folder.")
        try:
            known = {name: read.get(name, str)(text) for name, text in said.items()}
        except ValueError as error:
            raise Refusal(f"{_TABLE}, file {said['file']!r}: {error}, give a number.") from error
        rates = known.get("sfreq", 1.0), known.get("scale", 1.0)
        if not np.isfinite(rates).all():
            raise Refusal(f"{_TABLE}, file {said['file']!r}: give finite numbers.")
        location = {"P": "proximal", "D": "distal"}.get(known.get("location", ""))
        if location:
            known["location"] = location
        rows.append(known | {"path": path})
    return rows
