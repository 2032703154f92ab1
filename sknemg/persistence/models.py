"""Save a fitted model as a folder, and load it without running any code of the file's."""

from __future__ import annotations

import hmac
import warnings
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sknemg.persistence._estimators import dump_estimator, load_estimator
from sknemg.persistence._folder import (
    CARD,
    CONFIG,
    WEIGHTS,
    dump_json,
    parse_json,
    read_folder,
    write_folder,
)
from sknemg.persistence._problems import InvalidModelError, ModelVersionWarning
from sknemg.persistence._values import Arrays, as_mapping
from sknemg.recordings._problems import capped, shown

#: The form of the folder. A change that an older version would misread gets the next number, and
#: `load_model` keeps reading the numbers before.
SCHEMA = 1
_NOTE = (
    "schema counts the changes of this form. A reader that does not know the number must refuse "
    "the model; sknemg reads every number up to its own."
)
_ENTRIES = {"format", "schema", "note", "versions", "input", "left_out", "model"}
_FORMAT = "sknemg-model"


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

    arrays, left_out = Arrays(), list[str]()
    tree = dump_estimator(model, "model", arrays, left_out)
    config = {
        "format": _FORMAT,
        "schema": SCHEMA,
        "note": _NOTE,
        "versions": _versions(tree),
        "input": describe_input(model),
        "left_out": left_out,
        "model": tree,
    }
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
    """Load a model that `save_model` wrote.

    Nothing in the folder is run, and nothing that it names is imported: estimators come from a
    fixed list, files have fixed names, every size is compared with the length of the file before
    memory is taken, every hash before a file is used, and the shapes of all arrays with each other
    and with the network.

    Parameters
    ----------
    folder : str or Path
    fingerprint : str, default=None
        What `save_model` returned. The hashes in the folder detect damage; against someone who
        replaces the model and its hashes only the fingerprint helps.
    max_bytes : int, default=2**32
        Largest size of ``model.safetensors`` that is read.

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
    if isinstance(max_bytes, bool) or not isinstance(max_bytes, Integral) or max_bytes < 1:
        raise ValueError(f"max_bytes={max_bytes!r} must be an integer >= 1.")
    files, found = read_folder(Path(folder), max_bytes=int(max_bytes))
    if fingerprint is not None and not hmac.compare_digest(found, fingerprint.lower()):
        raise InvalidModelError(
            f"The model has the fingerprint {found}, not fingerprint={fingerprint!r}: it is "
            "another one, ask its maker."
        )
    config = _checked_config(parse_json(files[CONFIG], CONFIG))
    arrays = Arrays(_read_arrays(files[WEIGHTS]))
    model = load_estimator(config["model"], "model", arrays)
    if unused := sorted(set(arrays.values) - arrays.taken):
        raise InvalidModelError(
            f"{WEIGHTS} holds {capped(unused)}, which no estimator uses: do not trust the file."
        )
    if describe_input(model) != config["input"]:
        raise InvalidModelError(
            f"config.json describes the input as {shown(config['input'])}, the model in it takes "
            f"{shown(describe_input(model))}: do not trust the file."
        )
    _warn_of_versions(config["versions"], _versions(config["model"]))
    return model


def _checked_config(config: Any) -> dict[str, Any]:
    if not isinstance(config, dict) or config.get("format") != _FORMAT:
        raise InvalidModelError(
            "config.json is not that of a model of sknemg: give another folder."
        )
    schema = config.get("schema")
    if type(schema) is not int or schema < 1:
        raise InvalidModelError(f"config.json has the schema {shown(schema)}: fetch it anew.")
    if schema > SCHEMA:
        raise InvalidModelError(
            f"config.json has the schema {schema}, and this version reads up to {SCHEMA}: update "
            "sknemg."
        )
    config = as_mapping(config, CONFIG, _ENTRIES)
    versions = as_mapping(config["versions"], "versions")
    if not all(isinstance(text, str) for text in versions.values()):
        raise InvalidModelError("The versions in config.json are not all text: fetch it anew.")
    return config


def _read_arrays(content: bytes) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(content)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidModelError(
            f"{WEIGHTS} is no valid file of arrays ({error}): fetch the model anew."
        ) from error


# -- what a model takes ------------------------------------------------------------------------


def describe_input(model: Any) -> dict[str, Any]:
    """Say what a model takes and answers: classes, unit, rate, window and hop.

    Parameters
    ----------
    model : fitted estimator

    Returns
    -------
    dict
        None for what a step does not state.
    """
    parts = list(_walk(model))

    def first(name: str, kind: str) -> Any:
        return next((getattr(p, name) for p in parts if type(p).__name__ == kind), None)

    rate = first("sfreq", "Downsampler")
    if rate is None:
        rate = first("sfreq_", "DiVoteClassifier")
    return {
        "classes": np.asarray(model.classes_).tolist() if hasattr(model, "classes_") else None,
        "unit": "mV",
        "sfreq": None if rate is None else float(rate),
        "window": first("window", "Segmenter"),
        "hop": first("hop", "Segmenter"),
    }


def _walk(model: Any) -> list[Any]:
    """List a model and the fitted estimators in it, from the outside inwards."""
    inner = [step for _, step in getattr(model, "steps", []) if hasattr(step, "get_params")]
    inner += [
        getattr(model, name)
        for name in ("estimator_", "final_estimator_")
        if getattr(model, name, None) is not None
    ]
    return [model, *(part for own in inner for part in _walk(own))]


# -- versions ----------------------------------------------------------------------------------


def _versions(tree: Any) -> dict[str, str]:
    """Give the versions of the libraries that the estimators of a model need."""
    text = str(tree)
    names = ["sknemg", "scikit-learn", "numpy"]
    names += ["torch"] if "NEMGNetClassifier" in text or "TimmClassifier" in text else []
    names += ["timm"] if "TimmClassifier" in text else []
    names += ["soxr"] if "Downsampler" in text else []
    return {name: _version(name) for name in names}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


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
