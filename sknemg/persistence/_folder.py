"""The files of a model folder: which there may be, how large, and their hashes."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import stat
import warnings
from pathlib import Path
from typing import Any

from sknemg.persistence._problems import InvalidModelError
from sknemg.recordings._problems import listed, shown

CONFIG, WEIGHTS, CARD, SUMS = "config.json", "model.safetensors", "README.md", "SHA256SUMS"
GRAPH = "graph.onnx"  # of a model that is one ONNX file; never in a folder
#: Largest size of a file in bytes; that of the weights is a parameter of `load_model`.
LARGEST = {CONFIG: 2**24, CARD: 2**24, SUMS: 2**16}
_EVALUATION = re.compile(r"evaluation/[a-z][a-z0-9_]{0,60}\.(csv|json)")
_LARGEST_EVALUATION = 2**26
MOST_FILES = 100
_LINE = re.compile(r"([0-9a-f]{64})  ([a-z][A-Za-z0-9_./]*)")
_NOT_OURS = {".git", ".gitattributes", ".gitignore", ".cache"}  # what hubs put beside; never opened
#: In a model folder beside the model, and never opened: what is being written, and older cards.
STAGE, CARD_BEFORE = ".sknemg-", "README.md.before"
_BESIDE = re.compile(rf"{re.escape(STAGE)}\w+|{re.escape(CARD_BEFORE)}(-[0-9]+)?")
#: Held by a saving while it moves files.
LOCK = f"{STAGE}lock"
#: In a stage: the files to come, and those of the model before, whose places they take.
NEW, BEFORE = "new", "before"


def belongs(name: str) -> bool:
    """Tell whether a model folder may hold a file of this name."""
    return name in (CONFIG, WEIGHTS, CARD, SUMS) or bool(_EVALUATION.fullmatch(name))


def lies_beside(name: str) -> bool:
    """Tell whether saving leaves a file or folder of this name beside a model."""
    return bool(_BESIDE.fullmatch(name))


def broken_off(folder: Path) -> Path | None:
    """Find the stage of a saving that was killed while files changed places; None as a rule."""
    if not folder.is_dir() or (folder / SUMS).exists():
        return None
    stages = [Path(entry) for entry in os.scandir(folder)
              if entry.name.startswith(STAGE) and entry.is_dir(follow_symlinks=False)]  # fmt: skip
    left = [s for s in stages if (s / NEW / SUMS).is_file() and (s / BEFORE).is_dir()]
    return max(left, key=lambda stage: stage.stat().st_mtime_ns) if left else None


def fingerprint_of(model: Path) -> str:
    """Hash what stands for a model, as `load_model` compares it: its sums, or its one file."""
    with (model / SUMS if model.is_dir() else model).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def largest(name: str, max_bytes: int) -> int:
    """Give the largest size of a file in bytes, of which the weights may have `max_bytes`."""
    return max_bytes if name == WEIGHTS else LARGEST.get(name, _LARGEST_EVALUATION)


def umask() -> int:
    """Return which permissions the process does not give to new files."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_card(folder: Path) -> str | None:
    """Read the card of the model that `read_folder` reads; None where there is none."""
    stage = broken_off(folder)
    if stage is not None and (stage / BEFORE / CARD).exists():
        folder = stage / BEFORE
    if not (folder / CARD).exists():
        return None
    return read_file(folder, CARD, LARGEST[CARD]).decode("utf-8", "replace")


def read_folder(folder: Path, *, max_bytes: int) -> tuple[dict[str, bytes], str]:
    """Read the files of a model, of which nothing is used before its hash was compared.

    Parameters
    ----------
    folder : Path
    max_bytes : int
        Largest size of the weights.

    Returns
    -------
    files : dict of bytes
        ``config.json`` and ``model.safetensors``.
    fingerprint : str

    Raises
    ------
    InvalidModelError
        If files are missing, truncated, altered, too large, links, or none of a model's.

    Warns
    -----
    UserWarning
        If a saving was broken off halfway: the model that was there before it is read.
    """
    if not folder.is_dir():
        raise InvalidModelError(f"{str(folder)!r} is no folder: give the folder of a model.")
    stage = broken_off(folder)
    if stage is not None and (stage / BEFORE / SUMS).is_file():
        warnings.warn(
            f"A saving into {str(folder)!r} is under way or was broken off: this is the model that "
            "was there before. Unless one is under way, save anew with overwrite=True, which puts "
            "the files in order.",
            stacklevel=3,
        )
        return _read_listed(folder, stage / BEFORE, max_bytes)
    present = list_files(folder)
    for name in (SUMS, CONFIG, WEIGHTS):
        if name not in present:
            left = [entry.name for entry in folder.glob(f"{STAGE}*") if entry.name != LOCK]
            raise InvalidModelError(
                f"{str(folder)!r} lacks {name}: give a folder that save_model wrote, with all of "
                "its files."
                + (
                    f" What a broken-off saving has left is in {listed(left, 'folder')}."
                    if left
                    else ""
                )
            )
    expected = _parse_sums(read_file(folder, SUMS, LARGEST[SUMS]))
    if strange := sorted(present - set(expected) - {SUMS, CARD}):
        raise InvalidModelError(
            f"{str(folder)!r} holds the {listed(strange, 'file')}, which {SUMS} does not list: "
            "take them out if you know them, or fetch the model anew."
        )
    return _read_listed(folder, folder, max_bytes)


def _read_listed(folder: Path, first: Path, max_bytes: int) -> tuple[dict[str, bytes], str]:
    """Read what the hashes list, each file where it is looked for first, or else in the folder."""
    sums = read_file(first, SUMS, LARGEST[SUMS])
    files = {}
    for name, digest in _parse_sums(sums).items():
        place = first if (first / name).exists() else folder
        content = read_file(place, name, largest(name, max_bytes))
        if hashlib.sha256(content).hexdigest() != digest:
            raise InvalidModelError(
                f"{name} was altered or truncated, its hash is not the one in {SUMS}: fetch the "
                "model anew."
            )
        if name in (CONFIG, WEIGHTS):
            files[name] = content
    return files, hashlib.sha256(sums).hexdigest()


def list_files(folder: Path) -> set[str]:
    """List what is in the folder of a model without following links."""
    found = []
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name in _NOT_OURS or _BESIDE.fullmatch(entry.name):
            continue
        if entry.name == "evaluation" and entry.is_dir(follow_symlinks=False):
            found += [f"evaluation/{inner.name}" for inner in os.scandir(entry)]
        else:
            found.append(entry.name)
        if len(found) > MOST_FILES:
            raise InvalidModelError(
                f"{str(folder)!r} holds more than {MOST_FILES} files: give the folder of a model."
            )
    return set(found)


def _parse_sums(content: bytes) -> dict[str, str]:
    """Read the list of hashes; every name in it is one that a model may have."""
    expected: dict[str, str] = {}
    for number, line in enumerate(content.decode("ascii", "replace").splitlines(), 1):
        match = _LINE.fullmatch(line)
        name = match[2] if match else ""
        if not match or name in (CARD, SUMS) or not belongs(name):
            raise InvalidModelError(
                f"Line {number} of {SUMS} is {shown(line)}, not the hash of a file of a model: "
                "fetch the model anew."
            )
        if name in expected:
            raise InvalidModelError(f"{SUMS} lists {name} twice: fetch the model anew.")
        expected[name] = match[1]
    if lacking := {CONFIG, WEIGHTS} - set(expected):
        raise InvalidModelError(f"{SUMS} does not list {min(lacking)}: fetch the model anew.")
    return expected


def read_file(folder: Path, name: str, largest: int) -> bytes:
    """Read a regular file that is not larger than that; a link, pipe or device is none."""
    try:
        # Without NONBLOCK the opening of a pipe would wait for ever.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        handle = os.open(folder / name, flags | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise InvalidModelError(
            f"{name} cannot be opened ({error.strerror}): the files of a model exist, can be read "
            "and are no links."
        ) from error
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode) or (folder / name).is_symlink():
        os.close(handle)
        raise InvalidModelError(f"{name} is no regular file: fetch the model anew.")
    with os.fdopen(handle, "rb") as file:
        if about.st_size > largest:
            raise InvalidModelError(
                f"{name} has {about.st_size} bytes, more than {largest}: "
                + (
                    "fetch it anew."
                    if name in LARGEST or name.startswith("evaluation/")
                    else "set `max_bytes` if that is right."
                )
            )
        return file.read(about.st_size)  # a larger number would be allocated at once


# -- JSON --------------------------------------------------------------------------------------


def dump_json(value: Any) -> bytes:
    """Write JSON that reads the same everywhere."""
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def parse_json(content: bytes, name: str) -> Any:
    """Read JSON: a key given twice, NaN, infinity and endless nesting are refused."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) < len(pairs):
            twice = next(k for at, (k, _) in enumerate(pairs) if k in dict(pairs[:at]))
            raise InvalidModelError(f"{name} gives {shown(twice)} twice: do not trust the file.")
        return dict(pairs)

    def finite(text: str) -> float:
        number = float(text)
        if not math.isfinite(number):
            raise ValueError(f"the number {text[:20]} is not finite")
        return number

    try:
        return json.loads(
            content, object_pairs_hook=once, parse_constant=finite, parse_float=finite
        )
    except InvalidModelError:
        raise
    except (ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else error
        raise InvalidModelError(f"{name} is no valid JSON ({reason}): fetch it anew.") from error
