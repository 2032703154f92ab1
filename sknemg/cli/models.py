"""Train a model on a cohort, and let it diagnose a patient."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from sknemg.cli.advice import Refusal
from sknemg.cli.bids import is_bids, read_bids, refuse_bids_options
from sknemg.pages import RESEARCH_ONLY


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
    from sknemg.evaluation.methods import compared_methods

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
    from sknemg.evaluation.confounding import confounds
    from sknemg.persistence import save_model
    from sknemg.persistence.card import FEW, evaluation_tables, model_card

    start = time.perf_counter()
    print(X)
    (pipeline,) = chosen_methods(args, methods=[args.method]).values()
    seeds = [name for name in pipeline.get_params() if name.endswith("random_state")]
    pipeline.set_params(**dict.fromkeys(seeds, args.seed))
    model = Diagnostician(pipeline, cv=args.folds, coverage=args.coverage, n_jobs=args.jobs)
    print(f"Training {args.folds} times without a part of the subjects, and once on all.")
    model.fit(X, y)
    tables = evaluation_tables(model, confounds(X, y, least=FEW))
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


def diagnose(args: argparse.Namespace, options: Mapping[str, Any]) -> None:
    """Diagnose one patient from a folder or from files, and write the page.

    Parameters
    ----------
    args : Namespace
    options : mapping
        How files are read, as parameters of `load_recordings`.
    """
    from sknemg.diagnosis.answers import Answering
    from sknemg.evaluation.patient import write_patient
    from sknemg.persistence._folder import fingerprint_of
    from sknemg.weights.files import caution_of

    model = _load(args, light=True)
    if not isinstance(model, Answering):
        raise Refusal(
            f"--model {str(args.model)!r} is a {type(model).__name__}, which answers without "
            "caution: give a model that 'sknemg train' made."
        )
    if any(is_bids(path) for path in args.paths):
        if len(args.paths) > 1:
            raise Refusal("A data set in EMG-BIDS is given beside other paths: give it alone.")
        X, _ = read_bids(args.paths[0], args, options, labelled=False)
    else:
        refuse_bids_options(args, args.paths[0])
        X = read_patient(args.paths, options)
    found = model.diagnose(X)
    reference: Literal["published"] | None = "published" if args.muaps else None
    caution = caution_of(args.model)
    files = write_patient(
        args.out,
        model,
        X,
        found,
        fingerprint=fingerprint_of(args.model),
        reference=reference,
        caution=caution,
    )
    if caution:
        print(f"{caution}\n")
    for one in found:
        print(f"{one.subject}: {one.text}")
        for reason in one.reasons:
            print(f"  {reason}")
    print(f"\nSaved: {', '.join(map(str, files))}")
    print(RESEARCH_ONLY)


def diagnose_table(args: argparse.Namespace, options: Mapping[str, Any]) -> None:
    """Diagnose an archive, and say what became of its rows.

    Parameters
    ----------
    args : Namespace
    options : mapping
        How files are read, as parameters of `load_recordings`.
    """
    from sknemg.archive import diagnose_archive
    from sknemg.archive.run import NoDiagnosticianError
    from sknemg.persistence import InvalidModelError
    from sknemg.weights.files import caution_of

    for path in (args.model, args.archive):
        if not path.exists():
            raise Refusal(f"{str(path)!r} does not exist: correct the path.")
    try:
        found = diagnose_archive(
            args.model,
            args.archive,
            args.out,
            n_jobs=args.jobs,
            scheduler=args.scheduler,
            partition_size=args.partition,
            fingerprint=args.fingerprint,
            progress=True,
            **{name: value for name, value in options.items() if name != "on_error"},
        )
    except (InvalidModelError, NoDiagnosticianError) as error:
        raise Refusal(f"--model {str(args.model)!r}: {error}") from error
    if caution := caution_of(args.model):
        print(f"{caution}\n")
    print(
        f"{found['recordings']} recordings, {found['errors']} of them with errors, of "
        f"{found['subjects']} subjects: {found['one']} with one diagnosis, {found['several']} with "
        f"several, {found['none']} that cannot be judged, {found['error']} with errors."
    )
    print(f"Saved: {args.out / 'partitions'}")
    print(RESEARCH_ONLY)


def export(args: argparse.Namespace) -> None:
    """Write a model as one ONNX file.

    Parameters
    ----------
    args : Namespace
    """
    from sknemg.persistence import export_onnx
    from sknemg.persistence._folder import read_card

    model = _load(args)
    card = read_card(args.model) if args.model.is_dir() else None
    try:
        fingerprint = export_onnx(model, args.onnx, card=card, overwrite=args.overwrite)
    except TypeError as error:  # a part that no graph holds
        raise Refusal(f"--model {str(args.model)!r}: {error}") from error
    size = args.onnx.stat().st_size
    print(f"Saved: {args.onnx} ({size / 1000:,.0f} kB). Fingerprint {fingerprint}")
    print(RESEARCH_ONLY)


def _load(args: argparse.Namespace, *, light: bool = False) -> Any:
    """Load a model; `light` where it is only asked, so that an ONNX file opens fast."""
    from sknemg.persistence._problems import InvalidModelError
    from sknemg.weights.files import names

    if not args.model.exists():
        raise Refusal(
            f"--model {str(args.model)!r} does not exist: give the folder of a model, an ONNX "
            f"file, or one of {', '.join(names())}."
        )
    try:
        if light and args.model.suffix.lower() == ".onnx":
            from sknemg.persistence.light import load_light

            model = load_light(args.model, fingerprint=args.fingerprint)
            if model is not None:
                return model
        from sknemg.persistence import load_model

        return load_model(args.model, fingerprint=args.fingerprint)
    except InvalidModelError as error:
        raise Refusal(f"--model {str(args.model)!r}: {error}") from error


def read_patient(paths: Sequence[Path], options: Mapping[str, Any]) -> Any:
    """Read the recordings of one patient, or of several that a table names.

    Parameters
    ----------
    paths : sequence of Path
        Signal files, or one folder of them. Without a column ``subject``, the patient is called
        as the folder, which whoever made it chose.
    options : mapping
        Parameters of `load_recordings`.

    Returns
    -------
    Recordings
    """
    from sknemg.datasets import load_recordings

    for path in paths:
        if not path.exists():
            raise Refusal(f"{str(path)!r} does not exist: give a folder, or signal files.")
    X = load_recordings(paths, **options)
    if "subject" in X:
        return X
    own = paths[0].resolve()
    return X.with_columns(subject=(own if own.is_dir() else own.parent).name or "patient")
