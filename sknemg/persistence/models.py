"""Save a fitted model as a folder, and load a folder or an ONNX file without running its code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from sknemg.model_selection.origin import caution_of, cautions_of, mark_origin
from sknemg.persistence._config import (
    check_all_used,
    check_cautions,
    check_fingerprint,
    check_input,
    checked_config,
    read_arrays,
    versions_for,
    warn_of_versions,
)
from sknemg.persistence._describe import describe_input, describe_model
from sknemg.persistence._estimators import load_estimator
from sknemg.persistence._folder import (
    CARD,
    CONFIG,
    GRAPH,
    WEIGHTS,
    dump_json,
    parse_json,
    read_folder,
)
from sknemg.persistence._values import Arrays, UnsavableError
from sknemg.persistence._write_folder import write_folder
from sknemg.recordings._problems import check_counts
from sknemg.weights.files import CAUTION, comes_with_sknemg


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

    Nothing about the training subjects is written: no codes, no votes, no hashes. Whatever only
    training needs and is no plain value (augmentation, callbacks, validation rows, a splitter) is
    left out and named in ``config.json``; predictions are not affected.

    Parameters
    ----------
    model : fitted estimator
        A :class:`~sknemg.diagnosis.Diagnostician` or a `DiVoteClassifier`, usually around or in a
        Pipeline with a Downsampler and a Segmenter, with `NEMGNetClassifier`, `TimmClassifier` or
        estimators of scikit-learn whose state is arrays: scalers, PCA, linear models,
        discriminants, Gaussian naive Bayes.
    folder : str or Path
        A new or empty folder, or with `overwrite` that of a model.
    card : str, default=None
        The model card, Markdown; by default one that names all its gaps.
    evaluation : mapping of str to DataFrame, default=None
        Tables for ``evaluation/``, by file name without ``.csv``.
    overwrite : bool, default=False
        Whether a model that is there may be replaced: all at once, or not at all. What git and hubs
        put beside it stays. What a saving that was killed has left is put in order first.

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
        If the folder is not empty; with `overwrite`, if it holds no model, or files beside it.

    Warns
    -----
    UserWarning
        If the card of the model that was there is not as sknemg wrote it: it is kept, as
        ``README.md.before``.

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

    config, arrays = describe_model(model, caution_of(model))
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
    UserWarning
        If a saving into the folder is under way or was broken off: the model that was there before
        is loaded.
    ModelVersionWarning
        If it was saved by other versions of the libraries it needs. A model that comes with sknemg
        gives no such warning: tests of sknemg hold its answers to those that it gave when it was
        trained.

    See Also
    --------
    save_model : Save one.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sknemg import DiVoteClassifier, load_model, save_model
    >>> X, y, groups = np.eye(4), ["normal", "normal", "myopathy", "myopathy"], list("abcd")
    >>> fitted = DiVoteClassifier(LogisticRegression()).fit(X, y, groups=groups)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fingerprint = save_model(fitted, folder)
    ...     model = load_model(folder, fingerprint=fingerprint)
    >>> model.classes_.tolist()
    ['myopathy', 'normal']
    """
    check_counts(max_bytes=max_bytes)
    if Path(folder).suffix.lower() == ".onnx":
        from sknemg.persistence._onnx_read import read_onnx

        files, found = read_onnx(Path(folder), max_bytes=int(max_bytes))
    else:
        files, found = read_folder(Path(folder), max_bytes=int(max_bytes))
    check_fingerprint(found, fingerprint)
    config = checked_config(parse_json(files[CONFIG], CONFIG))
    arrays = Arrays(read_arrays(files[WEIGHTS]), graph=files.get(GRAPH))
    model = load_estimator(config["model"], "model", arrays)
    check_all_used(arrays)
    check_input(config["input"], describe_input(model))
    if comes_with_sknemg(found):
        mark_origin(model, CAUTION)
    else:  # the answers of those that do are held by tests of sknemg
        check_cautions(config["caution"], cautions_of(model))
        warn_of_versions(config["versions"], versions_for(config["model"]), stacklevel=3)
    return model
