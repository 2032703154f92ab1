"""Save a fitted model as a folder, and load a folder or an ONNX file without running its code."""

from __future__ import annotations

import hmac
import warnings
from collections.abc import Mapping
from numbers import Integral
from pathlib import Path
from typing import Any

import pandas as pd

from sknemg.persistence._describe import (
    FORMAT,
    SCHEMA,
    describe_input,
    describe_model,
    versions_for,
)
from sknemg.persistence._estimators import load_estimator
from sknemg.persistence._folder import (
    CARD,
    CONFIG,
    GRAPH,
    WEIGHTS,
    dump_json,
    parse_json,
    read_folder,
    write_folder,
)
from sknemg.persistence._problems import InvalidModelError, ModelVersionWarning
from sknemg.persistence._values import Arrays, UnsavableError, as_mapping
from sknemg.recordings._problems import capped, shown

_ENTRIES = {"format", "schema", "note", "versions", "input", "left_out", "model"}


def save_model(
    model: Any,
    folder: str | Path,
    *,
    card: str | None = None,
    evaluation: Mapping[str, pd.DataFrame] | None = None,
    overwrite: bool = False,
) -> str:
    """Save a fitted model as a folder that anyone may open safely.

    The folder holds ``config.json`` (the estimators, their parameters, classes, rates and unit, the
    versions of the libraries), ``model.safetensors`` (all arrays), ``README.md`` (the model card),
    ``evaluation/`` (tables) and ``SHA256SUMS``, which ``sha256sum -c`` checks, too.

    Of the training subjects nothing is written: no codes, no votes, no hashes. What only training
    needs and is no plain value (augmentation, callbacks, validation rows, a splitter) is left out
    and named in ``config.json``; predictions stay as they are.

    Parameters
    ----------
    model : fitted estimator
        A :class:`~sknemg.diagnosis.Diagnostician` or a `DiVoteClassifier`, usually around or in a
        Pipeline with a Downsampler and a Segmenter, with `NEMGNetClassifier`, `TimmClassifier` or
        estimators of scikit-learn whose state is arrays: scalers, PCA, linear models,
        discriminants, Gaussian naive Bayes.
    folder : str or Path
        A new or empty folder.
    card : str, default=None
        The model card, Markdown; by default one that names all its gaps.
    evaluation : mapping of str to DataFrame, default=None
        Tables for ``evaluation/``, by file name without ``.csv``.
    overwrite : bool, default=False
        Whether a model that is there may be replaced.

    Returns
    -------
    str
        The fingerprint of the model, a SHA-256 in hexadecimal digits over the hashes of all files
        but the card. Who knows it can hold the model to it: ``load_model(..., fingerprint=...)``.

    Raises
    ------
    TypeError
        If an estimator in the model is not one that a model folder holds.
    FileExistsError
        If the folder is not empty.

    See Also
    --------
    load_model : Load it.

    Notes
    -----
    Trees are not held: a crafted tree can be made to read memory that is not its own. Whatever
    else scikit-learn offers may be kept with pickle or skops, at your own risk: a pickle runs code
    when it is opened.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sknemg import DiVoteClassifier, load_model, save_model
    >>> X, y = np.eye(4), ["normal", "normal", "myopathy", "myopathy"]
    >>> model = DiVoteClassifier(LogisticRegression()).fit(X, y, groups=list("abcd"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fingerprint = save_model(model, folder)
    ...     loaded = load_model(folder, fingerprint=fingerprint)
    >>> loaded.predict(X, groups=list("abcd")).tolist()
    ['normal', 'normal', 'myopathy', 'myopathy']
    """
    from safetensors.numpy import save

    from sknemg.persistence.card import minimal_card

    config, arrays = describe_model(model)
    if arrays.graph is not None:
        raise UnsavableError(
            "The model came from an ONNX file, which is not taken apart: keep that file, or save "
            "the model it was made of."
        )
    files = {
        CONFIG: dump_json(config),
        WEIGHTS: save(arrays.values),
        CARD: (minimal_card(config) if card is None else card).encode(),
    }
    for name, table in (evaluation or {}).items():
        files[f"evaluation/{name}.csv"] = table.to_csv(index=False).encode()
    return write_folder(Path(folder), files, overwrite=overwrite)


def load_model(
    folder: str | Path, *, fingerprint: str | None = None, max_bytes: int = 2**32
) -> Any:
    """Load a model that `save_model` or `export_onnx` wrote.

    Nothing in the folder is run, and nothing that it names is imported: estimators come from a
    fixed list, files have fixed names, every size is compared with the length of the file before
    memory is taken, every hash before a file is used, and the shapes of all arrays with each other
    and with the network. Of an ONNX file the graph is run, by onnxruntime, if it holds nothing but
    a few known operators on values of known size.

    Parameters
    ----------
    folder : str or Path
        The folder of `save_model`, or the file of `export_onnx`, which ends in ``.onnx``.
    fingerprint : str, default=None
        What `save_model` or `export_onnx` returned. The hashes in a folder detect damage; against
        someone who replaces the model and its hashes only the fingerprint helps.
    max_bytes : int, default=2**32
        Largest size of ``model.safetensors``, or of the ONNX file, that is read.

    Returns
    -------
    fitted estimator
        Its predictions are those of the saved model, on the same machine bit for bit. It knows
        nothing of its training subjects: ``trained_on`` answers False, ``votes_`` is gone.

    Raises
    ------
    InvalidModelError
        If the folder is no model: files are missing, truncated, altered or not listed, links, of
        giant size, of a newer schema, or hold what no estimator holds.

    Warns
    -----
    ModelVersionWarning
        If it was saved by other versions of the libraries it needs.

    See Also
    --------
    save_model : Save one, with an example.
    """
    check_max_bytes(max_bytes)
    if Path(folder).suffix.lower() == ".onnx":
        from sknemg.persistence._onnx_read import read_onnx

        files, found = read_onnx(Path(folder), max_bytes=int(max_bytes))
    else:
        files, found = read_folder(Path(folder), max_bytes=int(max_bytes))
    if fingerprint is not None and not hmac.compare_digest(found, fingerprint.lower()):
        raise InvalidModelError(
            f"The model has the fingerprint {found}, not fingerprint={fingerprint!r}: it is "
            "another one, ask its maker."
        )
    config = _checked_config(parse_json(files[CONFIG], CONFIG))
    arrays = Arrays(_read_arrays(files[WEIGHTS]), graph=files.get(GRAPH))
    model = load_estimator(config["model"], "model", arrays)
    if unused := sorted(set(arrays.values) - arrays.taken):
        raise InvalidModelError(
            f"{WEIGHTS} holds {capped(unused)}, which no estimator uses: do not trust the file."
        )
    if arrays.graph is not None:
        raise InvalidModelError("The model in the ONNX file does not use its graph.")
    if describe_input(model) != config["input"]:
        raise InvalidModelError(
            f"config.json describes the input as {shown(config['input'])}, the model in it takes "
            f"{shown(describe_input(model))}: do not trust the file."
        )
    _warn_of_versions(config["versions"], versions_for(config["model"]))
    return model


def check_max_bytes(max_bytes: Any) -> None:
    """Refuse what is no limit."""
    if isinstance(max_bytes, bool) or not isinstance(max_bytes, Integral) or max_bytes < 1:
        raise ValueError(f"max_bytes={max_bytes!r} must be an integer >= 1.")


def _checked_config(config: Any) -> dict[str, Any]:
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise InvalidModelError(
            "config.json is not that of a model of sknemg: give another folder."
        )
    schema = config.get("schema")
    if type(schema) is not int or schema < 1:
        raise InvalidModelError(f"config.json has the schema {shown(schema)}: fetch it anew.")
    if schema > SCHEMA:
        raise InvalidModelError(
            f"config.json has the schema {schema}, and this version reads {SCHEMA}: update sknemg."
        )
    if schema < SCHEMA:
        raise InvalidModelError(
            f"config.json has the schema {schema}, and this version reads {SCHEMA}: load the model "
            f"by the version of sknemg that saved it{_saved_by(config)}, or train it anew."
        )
    config = as_mapping(config, CONFIG, _ENTRIES)
    versions = as_mapping(config["versions"], "versions")
    if not all(isinstance(text, str) for text in versions.values()):
        raise InvalidModelError("The versions in config.json are not all text: fetch it anew.")
    return config


def _saved_by(config: Mapping[str, Any]) -> str:
    versions = config.get("versions")
    saved = versions.get("sknemg") if isinstance(versions, dict) else None
    return f" ({shown(saved)})" if isinstance(saved, str) else ""


def _read_arrays(content: bytes) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(content)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidModelError(
            f"{WEIGHTS} is no valid file of arrays ({error}): fetch the model anew."
        ) from error


def _warn_of_versions(saved: Mapping[str, str], here: Mapping[str, str]) -> None:
    others = [
        f"{name} {saved.get(name, 'of an unknown version')} (here {own})"
        for name, own in here.items()
        if saved.get(name) != own
    ]
    if others:
        warnings.warn(
            f"The model was saved with {capped(others)}: its predictions may differ, compare some "
            "with those of the version that saved it.",
            ModelVersionWarning,
            stacklevel=3,
        )
