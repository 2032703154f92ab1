"""The commands, their options, and what the options are called in the library's messages."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sknemg.cli.advice import Refusal, Words, column, option, speaking, text
from sknemg.cli.bids import (
    BIDS,
    COHORT,
    add_bids,
    is_bids,
    read_bids,
    refuse_bids_options,
    states_diagnoses,
)
from sknemg.cli.entries import (
    at_least,
    finite,
    model_path,
    one_sign,
    positive,
    share,
    split_names,
    unit,
    word_and_class,
)
from sknemg.cli.labeler import LABELING, add_label, run_label
from sknemg.cli.readers import ANALYSING, add_readers, run_readers
from sknemg.pages import RESEARCH_ONLY
from sknemg.versions import __version__

#: What the parameters of `load_cohort` are called here.
LOADING: Mapping[str, Words] = {
    "folder": option("--cohort"),
    "unit": option("--unit"),
    "sfreq": option("--file-sfreq"),
    "scale": option("--scale"),
    "diagnoses": lambda value: "--diagnosis WORD=CLASS" if value is None else _words_of(value),
    "subject_pattern": option("--subject-pattern"),
    "locations": option("--locations"),
    "delimiter": option("--delimiter"),
    "decimal": option("--decimal"),
    "skip_lines": option("--skip-lines"),
    "header": lambda value: "--header" + {None: "", "True": " yes", "False": " no"}.get(value, ""),
    "encoding": option("--encoding"),
    "profiles": option("--text-profile"),
    "invalid": option("--invalid"),
    "max_bytes": option("--max-bytes"),
    "on_error": option("--on-error"),
    "channel": column("channel"),
    "start": column("start"),
    "stop": column("stop"),
    **BIDS,
}
#: What the parameters of the comparison are called here.
RUNNING: Mapping[str, Words] = {
    "profile": option("--profile"),
    "methods": option("--methods"),
    "recipe": option("--recipe"),
    "sfreq": option("--sfreq"),
    "upsample": option("--upsample"),
    "window": option("--window"),
    "hop": option("--hop"),
    "short": option("--short"),
    "subject_features": option("--subject-features"),
    "cv": option("--out-of-fold"),
    "protocol": option("--protocol"),
    "n_splits": option("--folds"),
    "n_repeats": option("--repeats"),
    "random_state": option("--seed"),
    "n_jobs": option("--jobs"),
    "cache": option("--out"),
    "lr": lambda value: (
        f"{'the' if value is None else 'a'} learning rate"
        + (" (in Python)" if value is None else f" of {value}")
    ),
    "result.unscored": text("recordings.csv and subjects.csv"),
}
#: What the parameters of models are called here.
MODELS: Mapping[str, Words] = {
    "overwrite": option("--overwrite"),
    "fingerprint": option("--fingerprint"),
    "coverage": option("--coverage"),
}
#: What the parameters of an archive are called here, beside those of reading files.
ARCHIVING: Mapping[str, Words] = {
    "n_jobs": option("--jobs"),
    "scheduler": option("--scheduler"),
    "partition_size": option("--partition"),
    "out": option("--out"),
}
#: What the parameters of the simulation are called here.
SIMULATING: Mapping[str, Words] = {
    "n_subjects": option("--subjects"),
    "random_state": option("--seed"),
    "n_jobs": option("--jobs"),
}

_EXAMPLES = """\
examples:
  sknemg demo                              nEMGNet beside plain baselines, on simulated patients
  sknemg compare --cohort FOLDER           the same on your own recordings
  sknemg compare --cohort FOLDER --methods network,features,network+motor-units
  sknemg compare --cohort FOLDER --unit uV --file-sfreq 10000 --short drop
  sknemg validate FOLDER                   what is wrong with recordings, without training
  sknemg train --cohort FOLDER --out model/        train a model, with its card
  sknemg diagnose --model model/ PATIENT_FOLDER    one patient: the answer, and a page
  sknemg diagnose --model model/ --archive archive.parquet --jobs 8    all of an archive
  sknemg readers votes.csv --model predictions.csv --out report    physicians beside a model
  sknemg export --model model/ --onnx model.onnx   the model as one file that needs no torch
  sknemg label --cohort FOLDER --study study.sqlite --readers 6    a page on which readers vote

A run that was stopped resumes when the same command is given again.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, default=None
        By default the arguments of the process.

    Returns
    -------
    int
        Exit status: 2 if the input is wrong, with the reason on the error stream; 1 if `validate`
        found anything; 130 after a stop by the user.
    """
    if argv is None:  # a name that the terminal cannot show must not end the run
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    args = _parser().parse_args(argv)
    try:
        with speaking(_with_problems(RUNNING, args)):
            status = args.run(args) or 0
            sys.stdout.flush()
    except Refusal as refusal:
        print(f"sknemg: {refusal}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("sknemg: stopped; rerun the same command to resume.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return 1
    return int(status)


# -- options -----------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="sknemg", description=RESEARCH_ONLY, epilog=_EXAMPLES, formatter_class=form
    )
    parser.add_argument("--version", action="version", version=f"sknemg {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    job = "cross-validate the diagnosis by nEMGNet and DiVote, beside plain baselines,"

    demo = commands.add_parser("demo", help=f"{job} on simulated patients")
    demo.add_argument(
        "--subjects", type=at_least(3), default=57, metavar="N", help="simulated (default: 57)"
    )
    _add_common(demo, out="demo")
    demo.set_defaults(run=_demo)

    compare = commands.add_parser("compare", help=f"{job} on your own recordings")
    compare.add_argument(
        "--cohort", required=True, type=Path, metavar="FOLDER",
        help=COHORT,
    )  # fmt: skip
    _add_reading(compare)
    _add_common(compare, out="comparison")
    compare.set_defaults(run=_compare)
    _add_validate(commands)
    _add_train(commands)
    _add_diagnose(commands)
    _add_export(commands)
    labeler = commands.add_parser(
        "label", help="let physicians read a cohort blinded, on a page like an EMG machine"
    )
    add_label(labeler)
    _add_reading(labeler)
    labeler.set_defaults(run=_label)
    readers = commands.add_parser(
        "readers", help="compare physicians with a model: every table and figure of a study"
    )
    add_readers(readers)
    _add_reading(readers)
    readers.set_defaults(run=_readers)
    return parser


def _add_validate(commands: Any) -> None:
    validate = commands.add_parser(
        "validate", help="list all that is wrong with a folder of recordings, training nothing"
    )
    validate.add_argument(
        "folder", type=Path, metavar="FOLDER",
        help="a cohort, a data set in EMG-BIDS, or a folder of signal files with or without "
        "recordings.csv",
    )  # fmt: skip
    validate.add_argument(
        "--unlabelled", action="store_true", help="ask for no diagnoses, as of new patients"
    )
    _add_reading(validate, skipping=False)
    validate.add_argument(
        "--out", type=Path, default=Path("validation"), metavar="FOLDER",
        help="folder for the page (default: validation)",
    )  # fmt: skip
    validate.set_defaults(run=_validate, on_error="raise")


def _add_train(commands: Any) -> None:
    train = commands.add_parser(
        "train", help="train a model for single patients on your own recordings, with its card"
    )
    train.add_argument(
        "--cohort", required=True, type=Path, metavar="FOLDER",
        help=COHORT,
    )  # fmt: skip
    _add_reading(train)
    _add_steps(train)
    models = train.add_argument_group("model")
    models.add_argument(
        "--method", choices=["features", "network"], default="features",
        help="segment features with a linear discriminant, or nEMGNet (default: features)",
    )  # fmt: skip
    _add_profile(models)
    _add_subject_features(models)
    models.add_argument(
        "--folds", type=at_least(2), default=5, metavar="N",
        help="parts of the subjects that are left out in turn (default: 5)",
    )  # fmt: skip
    models.add_argument(
        "--coverage", type=share, default=0.9, metavar="SHARE",
        help="of patients whose diagnosis the answer is to hold (default: 0.9)",
    )  # fmt: skip
    models.add_argument("--seed", type=at_least(0), default=0, metavar="N")
    train.add_argument("--licence", metavar="NAME", help="of the model, such as cc-by-4.0")
    train.add_argument(
        "--jobs", type=at_least(1), default=os.cpu_count() or 1, metavar="N",
        help="fits at once (default: one per core)",
    )  # fmt: skip
    train.add_argument(
        "--out", type=Path, default=Path("model"), metavar="FOLDER",
        help="folder of the model (default: model)",
    )  # fmt: skip
    train.add_argument("--overwrite", action="store_true", help="replace a model that is there")
    train.set_defaults(run=_train)


def _add_diagnose(commands: Any) -> None:
    diagnose = commands.add_parser(
        "diagnose", help="let a trained model read one patient, and write a page, or an archive"
    )
    diagnose.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH",
        help="a folder with one patient's signal files, or the files; recordings.csv in it may "
        "name subject, file, muscle, location, sfreq, unit, scale, channel; or a data set in "
        "EMG-BIDS",
    )  # fmt: skip
    _add_model(diagnose)
    diagnose.add_argument(
        "--muaps", action="store_true",
        help="compare the motor unit potentials of each muscle with published norms (some seconds)",
    )  # fmt: skip
    many = diagnose.add_argument_group("archives", "many patients, in place of PATH")
    many.add_argument(
        "--archive", type=Path, metavar="TABLE",
        help="Parquet or CSV, a row a recording: subject, file, and what recordings.csv may name",
    )  # fmt: skip
    many.add_argument(
        "--jobs", type=at_least(1), default=1, metavar="N",
        help="worker processes on this machine (default: 1)",
    )  # fmt: skip
    many.add_argument(
        "--scheduler", metavar="ADDRESS",
        help="of a Dask cluster, such as tcp://10.0.0.1:8786, in place of --jobs",
    )  # fmt: skip
    many.add_argument(
        "--partition", type=at_least(1), default=256, metavar="N",
        help="recordings that are kept at a time (default: 256)",
    )  # fmt: skip
    _add_reading(diagnose, cohort=False)
    diagnose.add_argument(
        "--out", type=Path, default=Path("diagnosis"), metavar="FOLDER",
        help="folder for the page, or for the archive's results (default: diagnosis)",
    )  # fmt: skip
    diagnose.set_defaults(run=_diagnose)


def _add_export(commands: Any) -> None:
    export = commands.add_parser("export", help="write a trained model as one ONNX file")
    _add_model(export)
    export.add_argument(
        "--onnx", required=True, type=Path, metavar="FILE", help="the file, ending in .onnx"
    )
    export.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    export.set_defaults(run=_export)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", required=True, type=model_path, metavar="MODEL",
        help="folder of a model, an ONNX file of 'sknemg export', or the name of a model that "
        "comes with sknemg, such as volitional-small (weak: see its card; a folder of that name "
        "wins)",
    )  # fmt: skip
    parser.add_argument(
        "--fingerprint", metavar="DIGITS", help="of the model, as its maker has published it"
    )


def _add_reading(
    parser: argparse.ArgumentParser, *, cohort: bool = True, skipping: bool = True
) -> None:
    files = parser.add_argument_group("reading files", "for what neither a file nor its row states")
    files.add_argument("--unit", type=unit, metavar="UNIT", help="V, mV, uV or nV")
    files.add_argument("--file-sfreq", type=positive, metavar="HZ", help="sampling rate")
    files.add_argument("--scale", type=finite, metavar="MV", help="millivolts per stored unit")
    if cohort:
        files.add_argument(
            "--diagnosis", type=word_and_class, action="append", metavar="WORD=CLASS",
            help="a further word of the column diagnosis, and its class; may be repeated",
        )  # fmt: skip
    files.add_argument(
        "--subject-pattern", metavar="REGEX",
        help="finds the subject in the name of a file, by its one group, such as 'P(\\d+)_'",
    )  # fmt: skip
    files.add_argument(
        "--locations", choices=["given", "muscle"], default="given",
        help="whether a location that is not given follows from the muscle",
    )  # fmt: skip
    if skipping:
        files.add_argument(
            "--on-error", choices=["raise", "skip"],
            help="whether unusable recordings stop the run (the default) or are left out, with a "
            "warning",
        )  # fmt: skip
    files.add_argument(
        "--invalid", choices=["raise", "clip"], default="raise",
        help="what a sample without a value is: an error, or at the limit of the converter",
    )  # fmt: skip
    files.add_argument("--max-bytes", type=at_least(1), metavar="N", help="limit for one channel")
    add_bids(parser, cohort=cohort)
    texts = parser.add_argument_group("reading text files")
    texts.add_argument(
        "--delimiter", type=one_sign, default=",", metavar="SIGN", help="(default: comma)"
    )
    texts.add_argument("--decimal", choices=[".", ","], metavar="SIGN", help="point or comma")
    texts.add_argument("--skip-lines", type=at_least(0), default=0, metavar="N")
    texts.add_argument("--header", choices=["yes", "no"], help="whether the first line holds names")
    texts.add_argument("--encoding", metavar="NAME", help="such as cp1252")
    texts.add_argument(
        "--text-profile", type=Path, action="append", metavar="FILE",
        help="a dialect that TextProfile.save wrote, for the rows that name it; may be repeated",
    )  # fmt: skip


def _add_steps(parser: argparse.ArgumentParser) -> None:
    steps = parser.add_argument_group("preparing recordings")
    steps.add_argument(
        "--sfreq", type=positive, default=10_000.0, metavar="HZ",
        help="rate to which recordings are brought (default: 10000)",
    )  # fmt: skip
    steps.add_argument(
        "--upsample", action="store_true", help="bring recordings of a lower rate up to --sfreq"
    )
    steps.add_argument("--window", type=positive, default=0.4, metavar="S", help="(default: 0.4)")
    steps.add_argument("--hop", type=positive, default=0.1, metavar="S", help="(default: 0.1)")
    steps.add_argument(
        "--short", choices=["raise", "drop", "pad"], default="raise",
        help="what happens to recordings shorter than a window",
    )  # fmt: skip


def _add_profile(models: Any) -> None:
    models.add_argument(
        "--profile", choices=["smoke", "cpu", "gpu"], default="cpu",
        help="size of nEMGNet and length of its training; 'gpu' is the published one",
    )  # fmt: skip
    models.add_argument(
        "--recipe", choices=["tuned", "published"], default="tuned",
        help="how nEMGNet is trained: as it does best, or as the paper did (default: tuned)",
    )  # fmt: skip


def _add_subject_features(models: Any) -> None:
    models.add_argument(
        "--subject-features", choices=["auto", "location", "all"], default="auto",
        help="whether proximal and distal recordings vote separately",
    )  # fmt: skip


def _add_common(parser: argparse.ArgumentParser, out: str) -> None:
    _add_steps(parser)
    models = parser.add_argument_group("models and evaluation")
    models.add_argument(
        "--methods", type=split_names, metavar="NAMES",
        help="what is compared, of network, features (LDA), forest, motor-units, minirocket and "
        "multirocket-hydra, joined by commas; those joined by + vote together, as in "
        "network+motor-units (default: network,features,motor-units, the last where there are "
        "motor units to be found)",
    )  # fmt: skip
    _add_profile(models)
    _add_subject_features(models)
    models.add_argument(
        "--out-of-fold", type=at_least(2), metavar="K",
        help="train the final classifier on out-of-fold votes of K inner folds (K times as long)",
    )  # fmt: skip
    models.add_argument(
        "--protocol", choices=["published", "readers", "nested"], default="nested",
        help="how subjects are split and weights chosen; 'published' leaks",
    )  # fmt: skip
    models.add_argument(
        "--folds", type=at_least(2), metavar="N", help="instead of the protocol's number"
    )
    models.add_argument(
        "--repeats", type=at_least(1), metavar="N", help="instead of the protocol's number"
    )
    models.add_argument("--seed", type=at_least(0), default=0, metavar="N")
    parser.add_argument(
        "--jobs", type=at_least(1), default=os.cpu_count() or 1, metavar="N",
        help="fits at once (default: one per core)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=Path(out), metavar="FOLDER",
        help=f"folder for the results (default: {out})",
    )  # fmt: skip


def _words_of(value: str) -> str:
    """Say ``diagnoses={'ALS': ...}`` as an option."""
    word, _, label = value.strip("{}").partition(":")
    label = label.strip().strip("'\"")
    return option("--diagnosis")(word.strip()) + "=" + ("CLASS" if label in ("", "...") else label)


# -- commands ----------------------------------------------------------------------------------


def _demo(args: argparse.Namespace) -> None:
    folds = _protocol(args).n_splits
    if args.subjects < 3 * folds:
        raise Refusal(
            f"{args.subjects} subjects do not put each of three diagnoses into {folds} folds: "
            f"give --subjects {3 * folds} or more, or fewer --folds."
        )
    _prepare_out(args.out)
    from sknemg.simulate import make_cohort

    print(f"Simulating {args.subjects} subjects: motor units, muscle fibres, needle, amplifier.")
    with speaking(SIMULATING):
        X, y = make_cohort(
            args.subjects, sfreq=10_000, n_jobs=args.jobs, progress=True, random_state=args.seed
        )
    _run(args, X, y, "simulated patients (no real person)")


def _compare(args: argparse.Namespace) -> None:
    _check_cohort(args.cohort)
    _prepare_out(args.out)
    X, y = _load(args)
    _run(args, X, y, _readable(args.cohort.resolve().name or args.cohort.resolve()))


def _train(args: argparse.Namespace) -> None:
    _check_cohort(args.cohort)
    _prepare_out(args.out)
    (args.out / "problems.csv").unlink(missing_ok=True)  # of a run that was refused
    if any(args.out.iterdir()) and not args.overwrite:
        raise Refusal(f"--out {str(args.out)!r} is not empty: give a new folder, or --overwrite.")
    X, y = _load(args)
    from sknemg.cli.models import train

    with speaking(_with_problems({**RUNNING, **MODELS, "cv": option("--folds")}, args)):
        train(args, X, y)


def _diagnose(args: argparse.Namespace) -> None:
    if bool(args.paths) == bool(args.archive):
        raise Refusal("Give either PATH, for one patient, or --archive TABLE, for many.")
    if args.archive and args.muaps:
        raise Refusal("--muaps is of one patient's page: leave it out.")
    if args.archive and args.bids_units is not None:
        raise Refusal("--bids-units is for a data set in EMG-BIDS, not --archive: leave it out.")
    if args.archive and args.on_error is not None:
        raise Refusal("--on-error is not for --archive, which notes errors as rows: leave it out.")
    _prepare_out(args.out)
    if args.archive:
        from sknemg.cli.models import diagnose_table

        with speaking(_with_problems({**LOADING, **MODELS, **ARCHIVING}, args)):
            diagnose_table(args, reading(args))
        return
    from sknemg.cli.models import diagnose

    with speaking(_with_problems({**LOADING, **MODELS}, args)):
        diagnose(args, reading(args))


def _export(args: argparse.Namespace) -> None:
    from sknemg.cli.models import export

    with speaking(MODELS):
        export(args)


def _validate(args: argparse.Namespace) -> int:
    if not args.folder.is_dir():
        raise Refusal(f"{str(args.folder)!r} is no folder: give one of recordings.")
    _prepare_out(args.out)
    from sknemg.cli.validation import validate

    words = {**LOADING, "folder": text("FOLDER")}
    with speaking(_with_problems(words, args)):
        return validate(args, lambda on_error: _read(args, args.folder, on_error), words)


def _label(args: argparse.Namespace) -> None:
    args.out = args.study.absolute().parent  # for the list of problems
    if args.cohort is not None:
        _check_cohort(args.cohort)
    with speaking(LABELING):
        run_label(args, lambda: _load(args))


def _readers(args: argparse.Namespace) -> None:
    _prepare_out(args.out)
    X = y = None
    if args.cohort is not None:
        _check_cohort(args.cohort)
        X, y = _load(args)
    with speaking(_with_problems(ANALYSING, args)):
        run_readers(args, X, y)


def _load(args: argparse.Namespace) -> tuple[Any, Any]:
    with speaking(_with_problems(LOADING, args)):
        return _read(args, args.cohort, args.on_error or "raise")


def _read(args: argparse.Namespace, folder: Path, on_error: str) -> tuple[Any, Any]:
    """Load a folder of whatever kind, with diagnoses unless there are none to be asked for."""
    from sknemg.cli.validation import is_cohort
    from sknemg.datasets import load_cohort, load_recordings

    options = {**reading(args), "on_error": on_error}
    diagnoses = _diagnoses(args.diagnosis or [])
    looking = hasattr(args, "unlabelled")  # at a folder that may be of new patients
    if is_bids(folder):
        labelled = not looking or (not args.unlabelled and states_diagnoses(folder, args))
        return read_bids(folder, args, options, diagnoses, labelled=labelled)
    refuse_bids_options(args, folder)
    if looking and (args.unlabelled or not is_cohort(folder)):
        return load_recordings(folder, **options), None
    return load_cohort(folder, diagnoses=diagnoses, **options)


def reading(args: argparse.Namespace) -> dict[str, Any]:
    """Return what the options say of reading files, as parameters of `load_recordings`."""
    from sknemg.datasets import TextProfile

    limits = {} if args.max_bytes is None else {"max_bytes": args.max_bytes}
    return {
        "profiles": [TextProfile.load(file) for file in args.text_profile or []],
        "unit": args.unit,
        "sfreq": args.file_sfreq,
        "scale": args.scale,
        "subject_pattern": args.subject_pattern,
        "locations": args.locations,
        "delimiter": args.delimiter,
        "decimal": args.decimal,
        "skip_lines": args.skip_lines,
        "header": None if args.header is None else args.header == "yes",
        "encoding": args.encoding,
        "invalid": args.invalid,
        "on_error": args.on_error or "raise",
        **limits,
    }


def _diagnoses(pairs: list[tuple[str, str]]) -> dict[str, str] | None:
    words: dict[str, str] = {}
    for word, label in pairs:
        if words.setdefault(word, label) != label:
            raise Refusal(f"--diagnosis {word} is both {words[word]} and {label}: keep one.")
    return words or None


def _check_cohort(folder: Path) -> None:
    if folder.is_file():
        raise Refusal(
            f"--cohort {str(folder)!r} is a file: give the folder that holds subjects.csv and "
            "recordings.csv, cohort.csv, or a data set in EMG-BIDS."
        )
    if not folder.is_dir():
        raise Refusal(f"--cohort {str(folder)!r} does not exist: give a folder of recordings.")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise Refusal(f"--cohort {str(folder)!r} cannot be read: ask for permission to read it.")


def _prepare_out(folder: Path) -> None:
    """Refuse a folder that cannot be written to, before anything is computed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = "a file" if isinstance(error, FileExistsError) else error.strerror or str(error)
        raise Refusal(
            f"--out {str(folder)!r} cannot hold the results ({reason}): give a folder that can be "
            "written to."
        ) from error


def _readable(name: Any) -> str:
    """Write a name for people: bytes that are no text are replaced."""
    return os.fsencode(name).decode("utf-8", "replace")


def _with_problems(options: Mapping[str, Words], args: argparse.Namespace) -> Mapping[str, Words]:
    """Add where the whole list of problems is: `speaking` asks while their error is told."""

    def say(_: str | None) -> str:
        error = sys.exc_info()[1]
        file = args.out / "problems.csv"
        problems = getattr(error, "problems", None)
        if problems is None:
            return "the list"
        file.parent.mkdir(parents=True, exist_ok=True)
        problems.to_csv(file, index=False)
        return str(file)

    return {**options, "error.problems": say}


def _protocol(args: argparse.Namespace) -> Any:
    from sknemg.evaluation import PROTOCOLS

    protocol = PROTOCOLS[args.protocol]
    if args.folds:
        protocol = replace(protocol, n_splits=args.folds)
    if args.repeats:
        protocol = replace(protocol, n_repeats=args.repeats)
    return protocol


def _check_inner_folds(y: Any, subjects: Any, folds: int, inner: int | None) -> None:
    """Refuse more inner folds than training folds have subjects; each takes minutes to reach."""
    if inner is None:
        return
    import pandas as pd

    counts = pd.Series(y).groupby(subjects).first().value_counts()
    left = int((counts - -(-counts // folds)).max())
    if left < inner:
        raise Refusal(
            f"--out-of-fold {inner} is more than any class has subjects in a training fold "
            f"({left}): give a smaller number, or more --folds."
        )


def _run(args: argparse.Namespace, X: Any, y: Any, cohort: str) -> None:
    from sknemg.cli.models import chosen_methods
    from sknemg.evaluation import evaluate
    from sknemg.evaluation.comparison import scores_of, short_table
    from sknemg.evaluation.confounding import confounds
    from sknemg.evaluation.gains import gains_of, short_gains
    from sknemg.evaluation.methods import fitting_methods
    from sknemg.evaluation.report import write_report

    start = time.perf_counter()
    print(X)
    protocol = _protocol(args)
    _check_inner_folds(y, X["subject"].to_numpy(), protocol.n_splits, args.out_of_fold)
    names = args.methods
    if names is None:
        names = fitting_methods(X.validate(), y, args.jobs)
        if "motor-units" not in names:
            print("Hardly any motor units are found: they are left out (--methods motor-units).")
    methods = chosen_methods(args, methods=names, cv=args.out_of_fold)
    result = evaluate(
        methods,
        X,
        y,
        protocol=protocol,
        nuisance=True,
        random_state=args.seed,
        n_jobs=args.jobs,
        cache=args.out / "cells",
        progress=True,
    )
    scores = scores_of(result)
    table = short_table(scores)
    result.save(args.out)
    scores.to_csv(args.out / "scores.csv", index=False, float_format="%.6g")
    gains = gains_of(result)
    gains.to_csv(args.out / "gains.csv", index=False, float_format="%.6g")
    differences = confounds(X, y)
    differences.to_csv(args.out / "confounds.csv", index_label="", float_format="%.6g")
    files = write_report(
        args.out,
        result,
        scores,
        differences,
        X,
        title=f"Comparison on {cohort}",
        gains=gains,
    )
    print(f"\nTest subjects of {protocol.n_splits} folds, with 95 % intervals.\n")
    width = shutil.get_terminal_size((200, 24)).columns
    print(table.to_string(line_width=width))
    print("\nGained over a model that sees no EMG; an interval that holds 0 shows no gain.\n")
    print(short_gains(gains).to_string(line_width=width))
    names = ", ".join(_readable(file) for file in files)
    print(f"\n{time.perf_counter() - start:.0f} s. Saved: {names}")
    print(RESEARCH_ONLY)
