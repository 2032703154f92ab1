"""Analyse a study of readers: from votes and a model's predictions to the page."""

from __future__ import annotations

import argparse
import json
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sknemg.cli.advice import Refusal, Words, option, speaking, text
from sknemg.cli.entries import split_names
from sknemg.cli.predictions import check_file, diagnoses_of, read_table, runs_of_model
from sknemg.cli.reading import add_reading, check_cohort, read_cohort
from sknemg.cli.results import prepare_out, with_problems
from sknemg.pages import RESEARCH_ONLY

#: What the parameters of a study's analysis are called here.
ANALYSING: Mapping[str, Words] = {
    "y": text("--truth"),
    "model": option("--model"),
    "cannot_say": option("--cannot-say"),
    "classes": option("--classes"),
    "random_state": option("--seed"),
    "repeat": text("1 in the column 'repeat'"),
}
_SQLITE = b"SQLite format 3\x00"


def add_readers(commands: Any) -> None:
    """Add ``sknemg readers``.

    Parameters
    ----------
    commands : subparsers of the command line
    """
    parser = commands.add_parser(
        "readers", help="compare physicians with a model: every table and figure of a study",
        description="Compare the votes of physicians with a model, as in the papers' reader study: "
        "a page, and its tables as CSV.",
    )  # fmt: skip
    parser.add_argument(
        "votes", type=Path, metavar="STUDY",
        help="the study file that 'sknemg label' made, or votes.csv; see the guide",
    )  # fmt: skip
    parser.add_argument(
        "--model", type=Path, metavar="FILE",
        help="table with subject, and prediction or a column of scores for each class, such as "
        "subjects.csv of 'sknemg compare'",
    )  # fmt: skip
    parser.add_argument(
        "--method", metavar="NAME", help="which method of the file, if --model holds several"
    )
    parser.add_argument(
        "--truth", type=Path, metavar="FILE",
        help="table with subject and diagnosis (default: what the file of --model says)",
    )  # fmt: skip
    parser.add_argument(
        "--cohort", type=Path, metavar="FOLDER",
        help="the recordings that were read: describes the subjects and states their diagnoses",
    )  # fmt: skip
    parser.add_argument(
        "--cannot-say", choices=["wrong", "unread"], default="wrong",
        help="what the vote 'cannot say' counts as (default: wrong)",
    )  # fmt: skip
    parser.add_argument(
        "--classes", type=split_names, default=(), metavar="NAMES",
        help="further diagnoses, separated by commas, that could be answered and that no subject "
        "has",
    )  # fmt: skip
    parser.add_argument(
        "--title", default="Readers beside a model",
        help="of the page (default: Readers beside a model)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of everything random (default: 0)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("report"), metavar="FOLDER",
        help="folder for the page and the tables (default: report)",
    )  # fmt: skip
    add_reading(parser)
    parser.set_defaults(run=_readers)


def _readers(args: argparse.Namespace) -> None:
    prepare_out(args.out)
    X = y = None
    if args.cohort is not None:
        check_cohort(args.cohort)
        X, y = read_cohort(args)
    with speaking(with_problems(ANALYSING, args)):
        _analyse(args, X, y)


def _analyse(args: argparse.Namespace, X: Any, y: Any) -> None:
    """Analyse the votes and write the page."""
    from sknemg.evaluation import write_reader_report
    from sknemg.metrics import format_interval, read_votes, reader_study

    start = time.perf_counter()
    if args.seed < 0:
        raise Refusal(f"--seed {args.seed} must be an integer >= 0.")
    given, offered = _stored_votes(args.votes)
    votes = read_votes(given)
    models, said = (None, None) if args.model is None else runs_of_model(args.model, args.method)
    diagnoses = said
    if args.truth is not None:
        table = read_table("--truth", args.truth, ("subject", "diagnosis"))
        diagnoses = diagnoses_of("--truth", table, "diagnosis")
    elif X is not None:
        diagnoses = dict(zip(X["subject"].astype(str), y, strict=True))
    if diagnoses is None:
        raise Refusal(
            "The diagnoses are not known: give --truth with a table of subject and diagnosis, the "
            "--cohort, or a file of --model that has a column diagnosis."
        )
    options: dict[str, Any] = {"cannot_say": args.cannot_say, "random_state": args.seed}
    options["classes"] = [*offered, *args.classes]
    study = reader_study(diagnoses, votes, models, **options)
    recordings = None
    if (votes["level"] == "recording").any():
        recordings = reader_study(diagnoses, votes, level="recording", **options)
    files = write_reader_report(args.out, study, recordings=recordings, X=X, y=y, title=args.title)
    accuracy: Any = study.scores[study.scores["metric"] == "accuracy"]
    for row in accuracy.itertuples():
        print(f"accuracy of {row.rater}: {format_interval(row.value, row.low, row.high)}")
    agreement: Any = study.agreement
    if len(agreement):
        for row in agreement[agreement["class"] == "overall"].itertuples():
            value = format_interval(row.value, row.low, row.high)
            print(f"{row.coefficient} of {row.set}: {value}")
    missing = study.missing[["cannot_say", "unread"]].sum()
    if study.others:
        print(f"Wrong answers that are no subject's diagnosis: {', '.join(study.others)}.")
    print(f"Missing: {missing['cannot_say']} cannot say, {missing['unread']} unread.")
    print(f"\n{time.perf_counter() - start:.0f} s. Saved: {files[0]} and {len(files) - 1} tables")
    print(RESEARCH_ONLY)


def _stored_votes(path: Path) -> tuple[Any, list[str]]:
    """Read the votes of a study file or of a table, and the diagnoses that a study offered."""
    import pandas as pd

    check_file("STUDY", path)
    with path.open("rb") as file:
        if file.read(len(_SQLITE)) != _SQLITE:
            return read_table("STUDY", path, ("reader", "subject", "vote")), []
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        votes = pd.read_sql_query("SELECT * FROM votes", connection)
        (settings,) = connection.execute("SELECT settings FROM study").fetchone()
        return votes, [*json.loads(settings)["classes"]]
    except (sqlite3.Error, pd.errors.DatabaseError) as error:
        raise Refusal(
            f"{str(path)!r} holds no votes ({error}): give the study file that 'sknemg label' "
            "made, or votes.csv."
        ) from error
    finally:
        connection.close()
