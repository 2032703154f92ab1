"""Make a study of readers, serve its page, and write what the readers answered."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sknemg.cli.advice import Refusal, Words, option, speaking, text
from sknemg.cli.bids import COHORT
from sknemg.cli.entries import split_names
from sknemg.cli.predictions import mean_probabilities
from sknemg.cli.reading import add_reading, check_cohort, read_cohort
from sknemg.cli.results import problems_beside
from sknemg.pages import RESEARCH_ONLY

#: What the parameters of a study and of its server are called here.
LABELING: Mapping[str, Words] = {
    "n_readers": option("--readers"),
    "n_repeats": option("--repeats"),
    "random_state": option("--seed"),
    "gains": option("--gains"),
    "shown": option("--show"),
    "arms": option("--arms"),
    "pause": option("--pause"),
    "deadline": option("--deadline"),
    "assistance": option("--model"),
    "host": option("--host"),
    "port": option("--port"),
    "name": option("--name"),
    "tls": text("--tls-cert and --tls-key"),
    "behind_proxy": option("--behind-proxy"),
}
#: Options that fix a study, and the settings that they fix.
_SETTINGS = {
    "readers": "n_readers",
    "gains": "gains",
    "show": "shown",
    "arms": "arms",
    "repeats": "n_repeats",
    "pause": "pause",
    "deadline": "deadline",
    "seed": "random_state",
}


def add_label(commands: Any) -> None:
    """Add ``sknemg label``.

    Parameters
    ----------
    commands : subparsers of the command line
    """
    parser = commands.add_parser(
        "label", help="let physicians read a cohort blinded, on a page like an EMG machine",
        description="Serve EMG Labeler, a page on which physicians read a cohort blinded, and "
        "print a link for each reader; or write their votes as tables (--dump).",
    )  # fmt: skip
    parser.add_argument(
        "--study", required=True, type=Path, metavar="FILE",
        help="file of the study, which is made if it does not exist",
    )  # fmt: skip
    parser.add_argument(
        "--cohort", type=Path, metavar="FOLDER",
        help=COHORT,
    )  # fmt: skip
    parser.add_argument(
        "--dump", type=Path, metavar="FOLDER",
        help="write votes.csv and study.json there, and serve nothing",
    )  # fmt: skip
    parser.add_argument(
        "--new-link", type=int, action="append", metavar="READER",
        help="number of a reader who gets a new link in place of the old one; may be repeated",
    )  # fmt: skip
    study = parser.add_argument_group("study", "fixed when the study file is made")
    study.add_argument("--readers", type=int, metavar="N", help="number of readers (default: 6)")
    study.add_argument(
        "--gains", type=_numbers, metavar="UV,UV",
        help="microvolts per division that readers may choose (default: 20 to 10000)",
    )  # fmt: skip
    study.add_argument(
        "--show", type=split_names, metavar="COLUMN,COLUMN",
        help="what readers see of a patient: age, sex, muscle, location, side (default: nothing)",
    )  # fmt: skip
    study.add_argument(
        "--arms", type=split_names, metavar="ARM,ARM",
        help="blinded, assisted or both (default: blinded; with --model both)",
    )  # fmt: skip
    study.add_argument(
        "--model", type=Path, metavar="FILE",
        help="CSV file with the column subject and a probability for each diagnosis, which the "
        "assisted arm shows",
    )  # fmt: skip
    study.add_argument(
        "--method", metavar="NAME", help="which method of the file, if --model holds several"
    )
    study.add_argument(
        "--repeats", type=int, metavar="N",
        help="number of subjects that every reader reads twice (default: 0)",
    )  # fmt: skip
    study.add_argument(
        "--pause",
        type=float,
        metavar="DAYS",
        help="shortest time between the parts of a study (default: 0)",
    )
    study.add_argument(
        "--deadline",
        metavar="TIME",
        help="time after which no vote is taken, such as 2027-01-31T18:00+01:00",
    )
    study.add_argument("--seed", type=int, metavar="N", help="of all random orders (default: 0)")
    server = parser.add_argument_group(
        "server", "without these options, only this machine reaches the page"
    )
    server.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS",
        help="address to serve on (default: 127.0.0.1)",
    )  # fmt: skip
    server.add_argument(
        "--port", type=int, default=8765, metavar="N", help="port to serve on (default: 8765)"
    )
    server.add_argument("--name", metavar="NAME", help="name by which browsers reach this server")
    server.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate chain in PEM")
    server.add_argument(
        "--tls-key", type=Path, metavar="FILE", help="private key of the certificate"
    )
    server.add_argument(
        "--behind-proxy", action="store_true", help="a proxy of yours terminates TLS"
    )
    add_reading(parser)
    parser.set_defaults(run=_label, resumes=True)


def _numbers(entry: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in split_names(entry))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{entry!r} must be numbers with commas") from error


def _label(args: argparse.Namespace) -> None:
    args.problems = problems_beside(args.study)
    if args.cohort is not None:
        check_cohort(args.cohort)
    with speaking(LABELING):
        _serve_or_dump(args)


def _serve_or_dump(args: argparse.Namespace) -> None:
    """Make the study if it is not there, print new links, then serve the page or dump the votes."""
    from sknemg.labeler import Address, listen

    if args.dump is not None:
        return _dump(args)
    if bool(args.tls_cert) != bool(args.tls_key):
        raise Refusal("One of --tls-cert and --tls-key is missing: give both.")
    tls = (args.tls_cert, args.tls_key) if args.tls_cert else None
    for file in tls or ():
        if not file.is_file():
            raise Refusal(f"{str(file)!r} does not exist: give a PEM file.")
    try:  # what `_serve` imports once the port is taken
        from sknemg.labeler import labeler_app  # noqa: F401
    except ImportError as error:
        raise Refusal(f"EMG Labeler needs {error.name}: pip install 'sknemg[labeler]'.") from error
    address = Address(args.host, args.port, args.name, tls, args.behind_proxy)
    if args.cohort is None:
        raise Refusal("The recordings are missing: give --cohort.")
    with listen(address) as listening:  # before a study is made, and a link is printed
        _serve(args, address, listening)


def _serve(args: argparse.Namespace, address: Any, listening: Any) -> None:
    from sknemg.labeler import Store, as_traces, labeler_app, serve
    from sknemg.labeler.study import about_subjects, check_cohort

    there = args.study.exists()
    if args.new_link and not there:
        raise Refusal(
            f"--new-link replaces a link of a study, and {str(args.study)!r} does not exist: leave "
            "it out, or correct --study."
        )
    X, y = read_cohort(args)
    links = {}
    if there:
        store = Store(args.study)
        _check_settings(args, store.study)
    else:
        tokens = _make(args, X, y)
        store = Store(args.study)
        links = dict(enumerate(tokens, 1))
    try:
        study = store.study
        if there:
            check_cohort(study, X)
        links |= {number: store.renew(number - 1) for number in args.new_link or ()}
        print(RESEARCH_ONLY)
        _print_links(links, address)
        app = labeler_app(
            store, as_traces(X, study.shown), about_subjects(X, study.shown),
            hosts=address.hosts, secure=address.secure,
        )  # fmt: skip
        print(
            f"Serving on {address.url}; Ctrl-C stops it; rerun the same command to resume.",
            flush=True,
        )
        serve(app, address, listening)
    finally:
        store.close()


def _dump(args: argparse.Namespace) -> None:
    from sknemg.labeler import Store

    store = Store(args.study)
    try:
        files = store.dump(args.dump)
    finally:
        store.close()
    for file in files.values():
        print(file)


def _make(args: argparse.Namespace, X: Any, y: Any) -> Sequence[str]:
    from sknemg.labeler import Store, Study, cohort_hash, plan

    classes = _in_usual_order(set(y.tolist()))
    given = {
        setting: getattr(args, name)
        for name, setting in _SETTINGS.items()
        if getattr(args, name) is not None
    }
    if args.model is not None:
        given.setdefault("arms", ("blinded", "assisted"))
    study = Study(classes, cohort_hash(X), **given)
    if study.ends <= time.time():
        raise Refusal(
            f"--deadline {study.deadline} has passed, so that nobody could vote: correct it."
        )
    missing = [name for name in study.shown if name not in X]
    if missing:
        raise Refusal(
            f"The cohort has no column {', '.join(missing)}: leave it out of --show, or add it."
        )
    subjects = X["subject"].astype(str).tolist()
    cases = plan(study, subjects)
    model = None
    if args.model is not None:
        model = mean_probabilities(args.model, args.method, classes)
    args.study.parent.mkdir(parents=True, exist_ok=True)
    return Store.create(args.study, study, cases, subjects, _names(X), model)


def _in_usual_order(classes: set[str]) -> tuple[str, ...]:
    from sknemg.metrics.votes import USUAL_DIAGNOSES

    return (*USUAL_DIAGNOSES, *sorted(classes - set(USUAL_DIAGNOSES)))


def _names(X: Any) -> list[str]:
    """Name each recording for the dump, as its table does; a file may hold several.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> signals = np.random.default_rng(0).normal(size=(4, 100))
    >>> known = {"file": [*"aaab"], "channel": ["x", "x", "y", "x"], "start": [0.0, 0.5, 0.0, 0.0]}
    >>> _names(Recordings(signals, sfreq=1000, subject="S1", **known))
    ['a, channel x, start 0', 'a, channel x, start 0.5', 'a, channel y', 'b']
    """
    rows = [str(row) for row in range(len(X))]
    file, recording = _entries(X, "file"), _entries(X, "recording")
    names = [own[0] or own[1] or own[2] for own in zip(recording, file, rows, strict=True)]
    subjects = X["subject"].tolist()
    for column in ("channel", "start", "stop", "row"):
        entries = rows if column == "row" else _entries(X, column)
        times = Counter(zip(subjects, names, strict=True))
        names = [
            f"{name}, {column} {entry}" if entry and times[who, name] > 1 else name
            for who, name, entry in zip(subjects, names, entries, strict=True)
        ]
    return names


def _entries(X: Any, column: str) -> list[str]:
    """Return the entries of a column as text, blank where they are missing."""
    from sknemg.recordings._entries import entry_text

    if column not in X:
        return [""] * len(X)
    return [
        "" if entry is None or entry != entry else entry_text(entry).strip()
        for entry in X[column].astype(object)
    ]


def _check_settings(args: argparse.Namespace, study: Any) -> None:
    """Refuse options that are not those of the study that is there."""
    for name, setting in _SETTINGS.items():
        given, kept = getattr(args, name), getattr(study, setting)
        if given is not None and given != kept:
            said = ",".join(map(str, kept)) if isinstance(kept, tuple) else kept
            raise Refusal(
                f"The study was made with --{name} {said}: leave the option out, or make a new "
                "--study."
            )
    if args.model is not None:
        raise Refusal("The study holds its model's answers already: leave --model out.")
    for number in args.new_link or ():  # before any link is replaced
        if not 0 < number <= study.n_readers:
            raise Refusal(
                f"--new-link {number} is not one of the {study.n_readers} readers of the study: "
                "give a number from 1."
            )


def _print_links(links: Mapping[int, str], address: Any) -> None:
    if not links:
        print(
            "The links of the readers were printed when the study was made; --new-link READER "
            "replaces a lost one."
        )
        return
    print("One link for each reader. They are not kept: hand them out now, each to one person.")
    for number, token in sorted(links.items()):
        print(f"  Reader {number}  {address.link(token)}")
