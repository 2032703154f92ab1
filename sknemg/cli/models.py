"""The model that a command is given, and ``sknemg export``, which writes it as one file."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sknemg.cli.advice import Refusal, Words, in_words_of, option, speaking
from sknemg.cli.entries import model_path
from sknemg.pages import RESEARCH_ONLY

#: What the parameters of models are called here.
MODELS: Mapping[str, Words] = {
    "overwrite": option("--overwrite"),
    "fingerprint": option("--fingerprint"),
    "coverage": option("--coverage"),
}


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the option that names a model, and its fingerprint.

    Parameters
    ----------
    parser : ArgumentParser
    """
    parser.add_argument(
        "--model", required=True, type=model_path, metavar="MODEL",
        help="folder of a model, an ONNX file of 'sknemg export', or the name of a model that "
        "comes with sknemg, such as volitional-small (weak: see its card; a folder of that name "
        "wins)",
    )  # fmt: skip
    parser.add_argument(
        "--fingerprint", metavar="DIGITS",
        help="refuse the model unless it has this fingerprint, which its maker has published",
    )  # fmt: skip


def given_model(args: argparse.Namespace, *, light: bool = False) -> Any:
    """Load the model of ``--model``.

    Parameters
    ----------
    args : Namespace
    light : bool, default=False
        Whether it is only asked, so that an ONNX file opens fast.

    Returns
    -------
    estimator
    """
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
        raise Refusal(f"--model {str(args.model)!r}: {in_words_of(MODELS, str(error))}") from error


def add_export(commands: Any) -> None:
    """Add ``sknemg export``.

    Parameters
    ----------
    commands : subparsers of the command line
    """
    job = "write a trained model as one ONNX file"
    description = f"{job.capitalize()}, which is read without torch (pip install 'sknemg[export]')."
    export = commands.add_parser("export", help=job, description=description)
    add_model(export)
    export.add_argument(
        "--onnx", required=True, type=Path, metavar="FILE", help="the file, ending in .onnx"
    )
    export.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    export.set_defaults(run=_export)


def _export(args: argparse.Namespace) -> None:
    from sknemg.persistence import export_onnx
    from sknemg.persistence._folder import read_card
    from sknemg.persistence._onnx_read import read_onnx_card

    with speaking(MODELS):
        model = given_model(args)
        card = read_card(args.model) if args.model.is_dir() else read_onnx_card(args.model)
        try:
            fingerprint = export_onnx(model, args.onnx, card=card, overwrite=args.overwrite)
        except TypeError as error:  # a part that no graph holds
            raise Refusal(f"--model {str(args.model)!r}: {error}") from error
    size = args.onnx.stat().st_size
    print(f"Saved: {args.onnx} ({size / 1000:,.0f} kB). Fingerprint {fingerprint}")
    print(RESEARCH_ONLY)
