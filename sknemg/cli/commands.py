"""All commands behind one parser, and what becomes of their errors."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from sknemg.cli.advice import Refusal, speaking
from sknemg.cli.comparison import add_compare, add_demo
from sknemg.cli.diagnosis import add_diagnose
from sknemg.cli.labeler import add_label
from sknemg.cli.methods import RUNNING
from sknemg.cli.models import add_export
from sknemg.cli.readers import add_readers
from sknemg.cli.results import with_problems
from sknemg.cli.training import add_train
from sknemg.cli.validation import add_validate
from sknemg.pages import RESEARCH_ONLY
from sknemg.versions import __version__

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

A run of demo, compare, label or diagnose --archive that was stopped resumes when the same command
is given again; the others begin anew.
"""
_COMMANDS = (
    add_demo,
    add_compare,
    add_validate,
    add_train,
    add_diagnose,
    add_export,
    add_label,
    add_readers,
)


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
        for stream in filter(None, (sys.stdout, sys.stderr)):  # neither where they are closed
            stream.reconfigure(errors="backslashreplace")
    args = _parser().parse_args(argv)
    try:
        with speaking(with_problems(RUNNING, args)):
            status = args.run(args) or 0
            print(end="", flush=True)
    except Refusal as refusal:
        print(f"sknemg: {refusal}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        resumes = getattr(args, "resumes", False) or getattr(args, "archive", None)
        after = "rerun the same command to resume" if resumes else "the same command begins anew"
        print(f"sknemg: stopped; {after}.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return 1
    return int(status)


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="sknemg", description=RESEARCH_ONLY, epilog=_EXAMPLES, formatter_class=form
    )
    parser.add_argument("--version", action="version", version=f"sknemg {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in _COMMANDS:
        add(commands)
    return parser
