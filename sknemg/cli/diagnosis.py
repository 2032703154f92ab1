"""Let a trained model read one patient, or an archive: ``sknemg diagnose``."""

from __future__ import annotations

import argparse
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from sknemg.cli.advice import Refusal, Words, in_words_of, option, speaking
from sknemg.cli.bids import is_bids, read_bids, refuse_bids_options
from sknemg.cli.entries import at_least
from sknemg.cli.models import MODELS, add_model, given_model
from sknemg.cli.reading import LOADING, add_reading, reading
from sknemg.cli.results import prepare_out, with_problems
from sknemg.pages import RESEARCH_ONLY

_SHOWN_ERRORS = 3  # of an archive
_NAME_OR_NUMBER = r"'[^']*'|\"[^\"]*\"|\d+"  # in their text
_NAMED = 3  # patients whose files are named

#: What the parameters of an archive are called here, beside those of reading files.
ARCHIVING: Mapping[str, Words] = {
    "n_jobs": option("--jobs"),
    "scheduler": option("--scheduler"),
    "partition_size": option("--partition"),
    "out": option("--out"),
}


def add_diagnose(commands: Any) -> None:
    """Add ``sknemg diagnose``.

    Parameters
    ----------
    commands : subparsers of the command line
    """
    diagnose = commands.add_parser(
        "diagnose", help="let a trained model read one patient, or an archive of many",
        description="Let a trained model read one patient and write its answer as a page, JSON and "
        f"CSV, or read an archive of many patients. {RESEARCH_ONLY}",
    )  # fmt: skip
    diagnose.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH",
        help="a folder with one patient's signal files, in which recordings.csv may say file, "
        "subject, muscle, location, sfreq, unit, scale and channel; or the files; or a data set "
        "in EMG-BIDS",
    )  # fmt: skip
    add_model(diagnose)
    diagnose.add_argument(
        "--muaps", action="store_true",
        help="compare the motor unit potentials of each muscle with published norms (some seconds)",
    )  # fmt: skip
    many = diagnose.add_argument_group("archives", "many patients, in place of PATH")
    many.add_argument(
        "--archive", type=Path, metavar="TABLE",
        help="Parquet or CSV, one row per recording: subject, file, and columns of recordings.csv",
    )  # fmt: skip
    many.add_argument(
        "--jobs", type=at_least(1), default=1, metavar="N",
        help="worker processes on this machine (default: 1)",
    )  # fmt: skip
    many.add_argument(
        "--scheduler", metavar="ADDRESS",
        help="address of a Dask cluster, such as tcp://10.0.0.1:8786, in place of --jobs",
    )  # fmt: skip
    many.add_argument(
        "--partition", type=at_least(1), default=256, metavar="N",
        help="recordings in a part of the work, saved when it is done (default: 256)",
    )  # fmt: skip
    add_reading(diagnose, cohort=False)
    diagnose.add_argument(
        "--out", type=Path, default=Path("diagnosis"), metavar="FOLDER",
        help="folder for the page, or for the archive's results (default: diagnosis)",
    )  # fmt: skip
    diagnose.set_defaults(run=_diagnose)


def _diagnose(args: argparse.Namespace) -> None:
    if bool(args.paths) == bool(args.archive):
        raise Refusal("Give either PATH, for one patient, or --archive TABLE, for many.")
    if args.archive and args.muaps:
        raise Refusal("--muaps is of one patient's page: leave it out.")
    if args.archive and args.bids_units is not None:
        raise Refusal("--bids-units is for a data set in EMG-BIDS, not --archive: leave it out.")
    if args.archive and args.on_error is not None:
        raise Refusal("--on-error is not for --archive, which notes errors as rows: leave it out.")
    prepare_out(args.out)
    if args.archive:
        with speaking(with_problems({**LOADING, **MODELS, **ARCHIVING}, args)):
            _read_archive(args, reading(args))
        return
    with speaking(with_problems({**LOADING, **MODELS}, args)):
        _read_patient(args, reading(args))


def _read_patient(args: argparse.Namespace, options: Mapping[str, Any]) -> None:
    """Diagnose one patient from a folder or from files, and write the page."""
    from sknemg.diagnosis.answers import Answering
    from sknemg.divote._votes import NoLocationsError
    from sknemg.evaluation.patient import write_patient
    from sknemg.persistence._folder import fingerprint_of

    model = given_model(args, light=True)
    if not isinstance(model, Answering):
        raise Refusal(
            f"--model {str(args.model)!r} is a {type(model).__name__}, which answers without "
            "caution: give a model that 'sknemg train' made."
        )
    if any(is_bids(path) for path in args.paths):
        if len(args.paths) > 1:
            raise Refusal("A data set in EMG-BIDS is given beside other paths: give it alone.")
        with _left_out() as lost:
            X, _ = read_bids(args.paths[0], args, options, labelled=False)
    else:
        refuse_bids_options(args, args.paths[0])
        with _left_out() as lost:
            X = _patient(args.paths, options)
    try:
        found = model.diagnose(X, unreadable=_unreadable(X, lost))
    except NoLocationsError as error:
        raise Refusal(
            "The model was trained with locations, and these recordings have none: give a folder "
            "whose recordings.csv has the columns file and location (proximal or distal), or file "
            "and muscle, with --locations muscle."
        ) from error
    reference: Literal["published"] | None = "published" if args.muaps else None
    files = write_patient(
        args.out,
        model,
        X,
        found,
        fingerprint=fingerprint_of(args.model),
        reference=reference,
    )
    if model.caution_:
        print(f"{model.caution_}\n")
    for one in found:
        print(f"{one.subject}: {one.text}")
        for reason in one.reasons:
            print(f"  {reason}")
    each = "a page, a JSON and a CSV file for each patient"
    saved = ", ".join(map(str, files)) if len(found) <= _NAMED else f"{args.out} ({each})"
    print(f"\nSaved: {saved}")
    print(RESEARCH_ONLY)


def _read_archive(args: argparse.Namespace, options: Mapping[str, Any]) -> None:
    """Diagnose an archive, and say what became of its rows."""
    from sknemg.archive import diagnose_archive
    from sknemg.archive.results import CAUTION, read_manifest
    from sknemg.archive.run import NoDiagnosticianError
    from sknemg.persistence import InvalidModelError

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
        raise Refusal(f"--model {str(args.model)!r}: {in_words_of(MODELS, str(error))}") from error
    if caution := (read_manifest(args.out) or {}).get(CAUTION):
        print(f"{caution}\n")
    print(
        f"{found['recordings']} recordings, {found['errors']} of them with errors, of "
        f"{found['subjects']} subjects: {found['one']} with one diagnosis, {found['several']} with "
        f"several, {found['none']} that cannot be judged, {found['error']} with errors."
    )
    if found["errors"]:
        _print_errors(args.out)
    print(f"Saved: {args.out / 'partitions'}")
    print(RESEARCH_ONLY)


def _print_errors(out: Path) -> None:
    """Print the most frequent errors of an archive, whatever the names and numbers in them."""
    from sknemg.archive.results import RECORDINGS, done_partitions, read_partition

    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for number in done_partitions(out):
        for error in filter(None, read_partition(out, number, RECORDINGS, ["error"])["error"]):
            kind = re.sub(_NAME_OR_NUMBER, "0", error)
            first.setdefault(kind, error)
            counts[kind] += 1
    print("The most frequent errors (the column error of the results holds all):")
    for kind, n in counts.most_common(_SHOWN_ERRORS):
        named = f"{n} recordings, such as" if n > 1 else "1 recording"
        print(f"  {named}: {in_words_of(LOADING, first[kind])}")


@contextmanager
def _left_out() -> Iterator[list[Any]]:
    """Collect the recordings that loading leaves out, and warn of all as it does."""
    from sknemg.datasets._rows import LeftOutWarning

    rows: list[Any] = []
    caught: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", LeftOutWarning)
            yield rows
    finally:
        for one in caught:
            if isinstance(one.message, LeftOutWarning):
                rows.append(one.message.rows)
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


def _unreadable(X: Any, lost: Sequence[Any]) -> dict[Any, list[str]]:
    """Say by subject which recordings were left out; those of nobody were warned of."""
    subjects = {str(who): who for who in X["subject"]}
    texts: dict[Any, list[str]] = {}
    for rows in lost:
        named = rows["subject"] if "subject" in rows else [next(iter(subjects))] * len(rows)
        for who, file, problem in zip(named, rows["file"], rows["problem"], strict=True):
            if who is not None:
                said = in_words_of(LOADING, problem)
                text = f"{file}: {said}" if file else said
                texts.setdefault(subjects.get(str(who), who), []).append(text)
    return texts


def _patient(paths: Sequence[Path], options: Mapping[str, Any]) -> Any:
    """Read the recordings of one patient, or of several that a table names.

    Without a column ``subject``, the patient is called as the folder, which whoever made it chose.
    """
    from sknemg.datasets import load_recordings
    from sknemg.datasets._tables import TABLES

    for path in paths:
        if not path.exists():
            raise Refusal(f"{str(path)!r} does not exist: give a folder, or signal files.")
    folders = dict.fromkeys(str(path.parent) for path in paths if path.is_file())
    if len({Path(folder).resolve() for folder in folders}) > 1 and not options["subject_pattern"]:
        raise Refusal(
            f"The files are of several folders ({', '.join(folders)}), and nothing says whether "
            "of one patient: diagnose one folder at a time, or give --subject-pattern."
        )
    tables = [str(Path(folder) / name) for folder in folders for name in TABLES
              if (Path(folder) / name).exists()]  # fmt: skip
    if tables:
        warnings.warn(
            f"{', '.join(tables)}, beside the files, is not read, since files are given: give the "
            "folder if its subjects, muscles, units or parts are to count.",
            stacklevel=2,
        )
    X = load_recordings(paths, **options)
    if "subject" in X:
        return X
    own = paths[0].resolve()
    return X.with_columns(subject=(own if own.is_dir() else own.parent).name or "patient")
