"""Which models come with sknemg, and where their files lie."""

from __future__ import annotations

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

#: What everyone is told who lets one of them answer for a patient.
CAUTION = (
    "This model was trained on 120 simulated patients and cannot be relied on with real ones: it "
    "called all 4 healthy subjects of N2001 ill, and on Algiers was no better than chance."
)


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


def caution_of(path: str | Path) -> str:
    """Give what has to be said of a model, if it is one that comes with sknemg.

    Parameters
    ----------
    path : str or Path
        The folder of a model, or its ONNX file.

    Returns
    -------
    str
        Empty for any other model.

    Examples
    --------
    >>> from sknemg.weights import caution_of, folder_of
    >>> caution_of(folder_of("volitional-small"))[:48]
    'This model was trained on 120 simulated patients'
    >>> caution_of("a/model/of/mine")
    ''
    """
    shipped = [folder_of(name).resolve() for name in names()]
    return CAUTION if Path(path).resolve() in shipped else ""
