"""Write a model folder: all of its files at once, or none, and nothing that is not the model's."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path

from sknemg.persistence._folder import (
    CARD,
    CARD_BEFORE,
    CONFIG,
    STAGE,
    SUMS,
    WEIGHTS,
    belongs,
    list_files,
)
from sknemg.recordings._problems import listed

_SEAL = "\n<!-- As sknemg wrote it: {} -->\n"


def check_place(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that a model cannot be written to, before it is made.

    Parameters
    ----------
    folder : Path
        It may exist if it is empty or, with `overwrite`, if it holds a model, and beside it
        nothing but what a hub or git puts there.
    overwrite : bool

    Raises
    ------
    FileExistsError
    """
    if not folder.exists() or not any(folder.iterdir()):
        return
    holds_model = (folder / SUMS).is_file() and (folder / CONFIG).is_file()
    if not (overwrite and holds_model):
        raise FileExistsError(
            f"{str(folder)!r} is not empty: give a new folder"
            + (", since this one holds no model." if overwrite else ", or set overwrite=True.")
        )
    if strange := sorted(name for name in list_files(folder) if not belongs(name)):
        raise FileExistsError(
            f"{str(folder)!r} holds the {listed(strange, 'file')} beside the model: move what is "
            "not the model's elsewhere, or give a new folder."
        )


def write_folder(folder: Path, files: Mapping[str, bytes], *, overwrite: bool) -> str:
    """Write all files at once, or none.

    The folder itself stays, so that it may be the working directory, a link or a mount; whatever
    fails, the files that were there are put back. A card that somebody wrote or filled in is kept
    beside the new one.

    Parameters
    ----------
    folder : Path
        As for `check_place`.
    files : mapping of name to content
    overwrite : bool

    Returns
    -------
    str
        The fingerprint: the SHA-256 of the list of hashes.

    Warns
    -----
    UserWarning
        If a card is kept.
    """
    check_place(folder, overwrite=overwrite)
    for name in files:
        if name == SUMS or not belongs(name):
            raise ValueError(
                f"evaluation has the file {name!r}: name it by small letters, digits and "
                "underscores, ending in .csv or .json."
            )
    hashed = sorted(name for name in files if name != CARD)
    sums = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in hashed)
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=STAGE, dir=folder))
    try:
        for name, content in {**files, SUMS: sums.encode()}.items():
            (stage / "new" / name).parent.mkdir(parents=True, exist_ok=True)
            (stage / "new" / name).write_bytes(content)
        kept = _exchange(folder, stage, files.get(CARD))
    except BaseException:
        if not any((stage / "before").glob("*")):  # what could not be put back stays
            shutil.rmtree(stage, ignore_errors=True)
        if is_new and not any(folder.iterdir()):
            folder.rmdir()
        raise
    shutil.rmtree(stage, ignore_errors=True)
    if kept is not None:
        warnings.warn(
            f"The card of the model that was there is kept as {str(kept)!r}, since it is not as "
            "sknemg wrote it: carry over what is yours.",
            stacklevel=3,
        )
    return hashlib.sha256(sums.encode()).hexdigest()


def _exchange(folder: Path, stage: Path, card: bytes | None) -> Path | None:
    """Move the new files into the folder and those of the model before out; give its card's place.

    On an error every file goes back to where it was. After a kill each of them is in the folder or
    in the stage, and no mixture of both models can be loaded, since the hashes come last.
    """
    (stage / "before").mkdir()
    own = [SUMS, CONFIG, WEIGHTS, CARD, "evaluation"]
    kept = None
    moves = [(folder / name, stage / "before" / name) for name in own if (folder / name).exists()]
    if (folder / CARD).is_file():
        before = (folder / CARD).read_bytes()
        if before != card and not is_sealed(before):
            kept = _free(folder)
            moves = [(place, kept if place.name == CARD else aside) for place, aside in moves]
    moves += [(stage / "new" / name, folder / name) for name in reversed(own)
              if (stage / "new" / name).exists()]  # fmt: skip
    try:
        for source, target in moves:
            source.rename(target)
    except BaseException:
        for source, target in reversed(moves):
            if not source.exists() and target.exists():
                target.rename(source)
        raise
    return kept


def _free(folder: Path) -> Path:
    """Find a name for the card before that no older one has."""
    place, number = folder / CARD_BEFORE, 2
    while place.exists():
        place, number = folder / f"{CARD_BEFORE}-{number}", number + 1
    return place


# -- cards -------------------------------------------------------------------------------------


def sealed(card: str) -> str:
    """End a card with its hash, by which it is known whether somebody has filled it in.

    Parameters
    ----------
    card : str

    Returns
    -------
    str

    Examples
    --------
    >>> from sknemg.persistence._write_folder import is_sealed, sealed
    >>> card = sealed("Contact: not stated")
    >>> is_sealed(card.encode()), is_sealed(card.replace("not stated", "me").encode())
    (True, False)
    """
    return card + _SEAL.format(hashlib.sha256(card.encode()).hexdigest())


def is_sealed(card: bytes) -> bool:
    """Tell whether a card is as sknemg made it.

    Parameters
    ----------
    card : bytes

    Returns
    -------
    bool
    """
    own = card[: -len(_SEAL.format("0" * 64))]
    return card == own + _SEAL.format(hashlib.sha256(own).hexdigest()).encode()
