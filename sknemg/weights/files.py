"""Which models come with sknemg, and where their files lie."""

from __future__ import annotations

import hashlib
from difflib import get_close_matches
from pathlib import Path

from sknemg.recordings._problems import shown

#: What each model is, in a line. Its folder lies beside this file.
MODELS: dict[str, str] = {
    "volitional-muap": "Voluntary contraction: motor units, measured, vote by a logistic "
    "regression.",
    "volitional-small": "Voluntary contraction: windows vote by nEMGNet-A of width 8, which "
    "`NEMGNetClassifier(init=...)` fine-tunes.",
}

#: What everyone is told who lets one of them answer for a patient, with what they scored on real
#: recordings; `benchmarks/pretrain/worth.py` writes the file.
CAUTION = (Path(__file__).parent / "caution.txt").read_text(encoding="utf-8").strip()


def names() -> list[str]:
    """Name the models that come with sknemg.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from sknemg.weights import names
    >>> names()
    ['volitional-muap', 'volitional-small']
    """
    return sorted(MODELS)


def folder_of(name: str) -> Path:
    """Find the folder of a model that comes with sknemg.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    Path
        It holds what `save_model` writes: configuration, arrays, card, hashes.

    Raises
    ------
    ValueError
        If there is no such model; the message names those that there are.

    Examples
    --------
    >>> from sknemg.weights import folder_of
    >>> sorted(path.name for path in folder_of("volitional-small").iterdir())[:2]
    ['README.md', 'SHA256SUMS']
    """
    if name not in MODELS:
        near = get_close_matches(str(name), MODELS, n=1)
        meant = f" (do you mean {near[0]!r}?)" if near else ""
        raise ValueError(
            f"No model {shown(name)} comes with sknemg{meant}: choose one of {', '.join(names())}."
        )
    return Path(__file__).parent / name


def comes_with_sknemg(fingerprint: str) -> bool:
    """Tell whether a model is one of these, wherever its folder lies.

    Parameters
    ----------
    fingerprint : str
        What `load_model` compares: the SHA-256 of its list of hashes.

    Returns
    -------
    bool

    Examples
    --------
    >>> from sknemg.pretrained import describe
    >>> from sknemg.weights import comes_with_sknemg
    >>> comes_with_sknemg(describe()["sha256"]["volitional-small"]), comes_with_sknemg("0" * 64)
    (True, False)
    """
    sums = [(folder_of(name) / "SHA256SUMS").read_bytes() for name in names()]
    return fingerprint in [hashlib.sha256(content).hexdigest() for content in sums]
