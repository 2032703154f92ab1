"""Load the models that come with sknemg, and say what they are."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from sknemg.persistence._folder import fingerprint_of, read_card
from sknemg.persistence.models import load_model
from sknemg.weights.files import MODELS, folder_of, names

__all__ = ["card", "describe", "load", "names"]


def load(name: str) -> Any:
    """Load a model that comes with sknemg; nothing is fetched.

    All of them were trained on simulated patients alone, so that they may be shared. They are meant
    for research, as a comparison and as a start for fine-tuning, and cannot be relied on with real
    patients: their `card` says what they scored there.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    fitted Diagnostician
        Its ``estimator_`` is a pipeline from recordings, at any rate from 10 kHz on, to scores.
        ``diagnose`` answers for patients, with sets of diagnoses, and refuses what is unlike all of
        the simulated; the scores of ``estimator_`` alone refuse nothing.

    Raises
    ------
    ValueError
        If there is no such model; the message names those that there are.
    InvalidModelError
        If its files were altered.

    See Also
    --------
    fine_tuning_pipeline : Train it further on patients of your own.
    sknemg.load_model : Load a model from a folder.

    Notes
    -----
    Other versions of the libraries than those in the card are no reason for a warning here, as they
    are for other models: tests of sknemg hold the answers of these models to those that they gave
    when they were trained.

    Examples
    --------
    >>> from sknemg.pretrained import load
    >>> model = load("volitional-muap")
    >>> model.classes_.tolist()
    ['myopathy', 'neuropathy', 'normal']
    """
    return load_model(folder_of(name))


def card(name: str) -> str:
    """Give the card of a model: how it was made, how it scored, and what it refuses.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    str
        Markdown.

    Raises
    ------
    ValueError
        If there is no such model.

    Examples
    --------
    >>> from sknemg.pretrained import card
    >>> "simulated patients" in card("volitional-small")
    True
    """
    return read_card(folder_of(name)) or ""


def describe() -> pd.DataFrame:
    """List the models that come with sknemg.

    Returns
    -------
    DataFrame
        One row per model, by name: ``about``, ``classes``, ``sfreq`` (Hz), ``window`` (s; NaN where
        motor units vote), ``bytes``, ``sha256`` (the fingerprint of `save_model`) and ``versions``
        of the libraries that trained it.

    Examples
    --------
    >>> from sknemg.pretrained import describe
    >>> describe().index.tolist()
    ['volitional-muap', 'volitional-small']
    """
    rows = {}
    for name in names():
        folder = folder_of(name)
        config = json.loads((folder / "config.json").read_text())
        takes = config["input"]
        rows[name] = {
            "about": MODELS[name],
            "classes": ", ".join(takes["classes"]),
            "sfreq": takes["sfreq"],
            "window": takes["window"],
            "bytes": sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
            "sha256": fingerprint_of(folder),
            "versions": ", ".join(f"{k} {v}" for k, v in config["versions"].items()),
        }
    return pd.DataFrame.from_dict(rows, orient="index")
