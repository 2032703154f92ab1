"""Public data sets: their terms, their checksums, and how they are fetched."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType


@dataclass(frozen=True)
class PublicData:
    """A published set of recordings, with its terms and pitfalls.

    Attributes
    ----------
    name : str
        Also the name of its folder in ``SKNEMG_DATA``.
    licence, citation : str
    traps : tuple of str
        What misleads a model that learns from it.
    homepage : str
    base_url : str
        Where its files can be fetched from; empty if they cannot.
    sha256 : Mapping of str to str
        Checksum of each file that is fetched.
    """

    name: str
    licence: str
    citation: str
    traps: tuple[str, ...]
    homepage: str
    base_url: str = ""
    sha256: Mapping[str, str] = field(default_factory=dict, repr=False)


def locate(data: PublicData, folder: str | Path | None, *, base_url: str | None = None) -> Path:
    """Find a data set's folder, and fetch missing files if possible.

    Parameters
    ----------
    data : PublicData
    folder : str, Path or None
        A folder that holds it. By default ``$SKNEMG_DATA/<name>`` or, without that variable, a
        folder in the user's cache.
    base_url : str, default=None
        A mirror to fetch from.

    Returns
    -------
    Path

    Raises
    ------
    FileNotFoundError
        If `folder` does not exist, or the data is neither there nor can be fetched.
    ConnectionError
        If fetching fails.
    ValueError
        If a file differs from the published one.
    """
    if folder is not None:
        if not Path(folder).is_dir():
            raise FileNotFoundError(f"Folder {str(folder)!r} does not exist: give an existing one.")
        folder = Path(folder)
        missing = [name for name in data.sha256 if not (folder / name).is_file()]
        if missing:
            raise FileNotFoundError(
                f"{str(folder)!r} lacks {missing} of {data.name}: get them from {data.homepage}."
            )
    else:
        folder = _home() / data.name
    if data.sha256:
        _fetch(data, folder, base_url or data.base_url)
    elif not folder.is_dir():
        raise FileNotFoundError(
            f"{data.name} is not in {str(folder)!r} and is not fetched for you. {data.licence} "
            f"Get it from {data.homepage}: then give its folder, or put it into "
            f"$SKNEMG_DATA/{data.name}."
        )
    return folder


def _home() -> Path:
    if "SKNEMG_DATA" in os.environ:
        return Path(os.environ["SKNEMG_DATA"])
    return Path(_pooch().os_cache("sknemg"))


def _pooch() -> ModuleType:
    try:
        import pooch
    except ImportError as error:
        raise ImportError("Public data needs pooch: pip install 'sknemg[io]'.") from error
    return pooch


def _fetch(data: PublicData, folder: Path, base_url: str) -> None:
    """Check the files against their checksums, and fetch those that are missing."""
    pooch = _pooch()
    missing = [name for name in data.sha256 if not (folder / name).is_file()]
    for name in set(data.sha256) - set(missing):
        if pooch.file_hash(str(folder / name), alg="sha256") != data.sha256[name]:
            raise ValueError(
                f"{str(folder / name)!r} differs from the published file (SHA-256): delete it "
                "and load again."
            )
    if not missing:
        return
    pooch.get_logger().setLevel("WARNING")
    print(f"Fetching {data.name} from {base_url}\nLicence: {data.licence}\nCite: {data.citation}")
    registry = {name: f"sha256:{digest}" for name, digest in data.sha256.items()}
    # Without allow_updates pooch would refuse a folder that it did not make itself.
    files = pooch.create(path=folder, base_url=base_url.rstrip("/") + "/", registry=registry)
    for name in missing:
        try:
            files.fetch(name, downloader=pooch.HTTPDownloader(timeout=30))
        except OSError as error:
            raise ConnectionError(
                f"{data.name}: {name!r} could not be fetched from {base_url} ({error}): without "
                f"a network, get {sorted(data.sha256)} from {data.homepage} and give their "
                f"folder, or put them into $SKNEMG_DATA/{data.name}."
            ) from error
        except ValueError as error:
            raise ValueError(
                f"{data.name}: {name!r} from {base_url} differs from the published file and was "
                f"not kept ({error}): try again, or give another base_url."
            ) from error
