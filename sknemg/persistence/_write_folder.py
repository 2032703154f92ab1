"""Write a model folder: all of its files at once, or none, and nothing that is not the model's."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from sknemg.persistence._folder import (
    BEFORE,
    CARD,
    CARD_BEFORE,
    CONFIG,
    LOCK,
    NEW,
    STAGE,
    SUMS,
    WEIGHTS,
    belongs,
    broken_off,
    lies_beside,
    list_files,
)
from sknemg.recordings._problems import listed

Result = TypeVar("Result")

_SEAL = "\n<!-- As sknemg wrote it: {} -->\n"
#: What changes places, the hashes first on the way out and last on the way in: with them a model is
#: there.
_OWN = (SUMS, CONFIG, WEIGHTS, CARD, "evaluation")
_OUT = "out"  # an empty file of the stage, once all of the model before is out of the folder
_HELD = "held"  # the lock of a stage, which a saving holds from its beginning to its end


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
    if not folder.exists():
        return
    stage = broken_off(folder)
    places = [folder] if stage is None else [folder, stage / BEFORE]
    holds_model = all(any((p / name).is_file() for p in places) for name in (SUMS, CONFIG))
    holds_more = any(not lies_beside(entry.name) for entry in folder.iterdir())
    holds_more &= stage is None  # else that is of a first saving that was killed
    if (holds_model and not overwrite) or (holds_more and not holds_model):
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
    """Write all files at once, or none, as `fill_folder` does.

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

    def fill(place: Path) -> None:
        for name, content in {**files, SUMS: sums.encode()}.items():
            (place / name).parent.mkdir(exist_ok=True)
            (place / name).write_bytes(content)

    fill_folder(folder, fill, overwrite=overwrite, stacklevel=4)
    return hashlib.sha256(sums.encode()).hexdigest()


def fill_folder(
    folder: Path, fill: Callable[[Path], Result], *, overwrite: bool, stacklevel: int = 3
) -> Result:
    """Let files be written to another place, and put them into a folder all at once, or none.

    The folder itself stays, so that it may be the working directory, a link or a mount; whatever
    fails, the files that were there are put back, after a kill by the next call. Savings into one
    folder take turns. A card that somebody wrote or filled in is kept beside the new one.

    Parameters
    ----------
    folder : Path
        As for `check_place`.
    fill : callable
        ``fill(place)`` writes the files of a model into an empty folder.
    overwrite : bool
    stacklevel : int, default=3
        Of the warning.

    Returns
    -------
    What `fill` returns.

    Warns
    -----
    UserWarning
        If a card is kept.
    """
    from filelock import FileLock

    check_place(folder, overwrite=overwrite)
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):  # else another saving could find the stage before it is held
        stage = Path(tempfile.mkdtemp(prefix=STAGE, dir=folder))
        held = FileLock(stage / _HELD)
        held.acquire()
    kept = None
    try:
        (stage / NEW).mkdir()
        result = fill(stage / NEW)
        with _alone(folder):
            check_place(folder, overwrite=overwrite)  # another one may have saved since
            _put_in_order(folder)
            kept = _keep_card(folder, stage / NEW / CARD)
            _exchange(folder, stage)
            held.release()
            shutil.rmtree(stage, ignore_errors=True)
    except BaseException:
        held.release()
        if kept is not None:
            kept.unlink()
        if not any((stage / BEFORE).glob("*")):  # what could not be put back stays
            shutil.rmtree(stage, ignore_errors=True)
        if is_new and not any(folder.iterdir()):
            folder.rmdir()
        raise
    if kept is not None:
        warnings.warn(
            f"The card of the model that was there is kept as {str(kept)!r}, since it is not as "
            "sknemg wrote it: carry over what is yours.",
            stacklevel=stacklevel,
        )
    return result


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one saving at a time move files; the lock of a killed one disappears with it."""
    from filelock import FileLock

    with FileLock(folder / LOCK):
        try:
            yield
        finally:
            with suppress(OSError):  # Windows takes it off itself, once it is free
                (folder / LOCK).unlink()


def _exchange(folder: Path, stage: Path) -> None:
    """Move the files of the model before out of the folder, and the new ones in.

    On an error every file goes back to where it was. After a kill each of them is in the folder or
    in the stage, and no mixture of both models can be loaded, since the hashes come last.
    """
    (stage / BEFORE).mkdir()
    new = _own_in(stage / NEW)  # all of which must come in, whoever else writes here
    try:
        _move(_own_in(folder), folder, stage / BEFORE)
        (stage / _OUT).touch()
        _move(reversed(new), stage / NEW, folder)
    except BaseException:
        _move_back(folder, stage)
        raise


def _move_back(folder: Path, stage: Path) -> None:
    """Undo an exchange, wherever it stopped; this, too, may be stopped and begun again."""
    if (stage / _OUT).exists():  # what is in the folder is new
        _move(_own_in(folder), folder, stage / NEW)
        (stage / _OUT).unlink()
    _move(reversed(_own_in(stage / BEFORE)), stage / BEFORE, folder)


def _own_in(folder: Path) -> list[str]:
    return [name for name in _OWN if (folder / name).exists()]


def _move(names: Iterable[str], source: Path, target: Path) -> None:
    for name in names:
        (source / name).rename(target / name)


def _put_in_order(folder: Path) -> None:
    """Put back what a saving that was killed has moved, and take off what one has left."""
    if (stage := broken_off(folder)) is not None:
        _move_back(folder, stage)
        shutil.rmtree(stage)
    for left in list(folder.glob(f"{STAGE}*/")):
        with suppress(PermissionError):  # the stage of another user of a shared folder
            if (left / _OUT).exists() or not any((left / BEFORE).glob("*")):
                _take_off(left)


def _take_off(stage: Path) -> None:
    """Delete the stage of a saving that was killed; one that is under way holds it."""
    from filelock import FileLock, Timeout

    with suppress(Timeout):
        FileLock(stage / _HELD).acquire(timeout=0).lock.release()
        shutil.rmtree(stage)


def _keep_card(folder: Path, card: Path) -> Path | None:
    """Copy the card that is there, if somebody wrote or filled it in, and the next one is another.

    Returns
    -------
    Path or None
        A name that no older card has.
    """
    if not (folder / CARD).is_file():
        return None
    before = (folder / CARD).read_bytes()
    if is_sealed(before) or (card.is_file() and card.read_bytes() == before):
        return None
    place, number = folder / CARD_BEFORE, 2
    while place.exists():
        place, number = folder / f"{CARD_BEFORE}-{number}", number + 1
    place.write_bytes(before)
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
