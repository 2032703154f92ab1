"""Versions of sknemg and of the libraries beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

__version__ = "0.1.0"


class ModelVersionWarning(UserWarning):
    """The model was saved by another version of a library that it needs."""


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of installed packages.

    Parameters
    ----------
    packages : iterable of str
        By the names under which they are installed. That of sknemg is the version of this code,
        whatever is installed.

    Returns
    -------
    dict of str to str
        ``"not installed"`` for those that are missing.

    Examples
    --------
    >>> from sknemg.versions import versions_of
    >>> versions_of(["no-such-package"])
    {'no-such-package': 'not installed'}
    """
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for package in packages:
        try:
            found[package] = __version__ if package == "sknemg" else version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


@cache
def package_code(*packages: str) -> str:
    """Hash the code of sknemg, as it is on the disk: whoever keeps a result keys it by this.

    Parameters
    ----------
    *packages : str
        Those of its packages that matter, or modules as ``"base.py"``; all if there is none.

    Returns
    -------
    str

    Examples
    --------
    >>> from sknemg.versions import package_code
    >>> package_code("simulate") == package_code()
    False
    """
    return code_in(Path(__file__).parent, *packages)


def code_in(root: Path, *packages: str) -> str:
    """Hash the code of a copy of sknemg, as of an older commit, as `package_code` does this one's.

    Parameters
    ----------
    root : Path
        The folder ``sknemg`` of the copy.
    *packages : str
        Those of its packages that matter, or modules as ``"base.py"``; all if there is none.

    Returns
    -------
    str

    Raises
    ------
    FileNotFoundError
        If one of them is not there.

    Examples
    --------
    >>> from pathlib import Path
    >>> import sknemg
    >>> from sknemg.versions import code_in, package_code
    >>> code_in(Path(sknemg.__file__).parent, "simulate") == package_code("simulate")
    True
    """
    digest = hashlib.sha256()
    places = [root / name for name in packages] or [root]
    missing = [str(place) for place in places if not place.exists()]
    if missing:
        raise FileNotFoundError(f"No code to hash at {', '.join(missing)}.")
    of_each = ([place] if place.is_file() else place.rglob("*.py") for place in places)
    for file in sorted(file for files in of_each for file in files):
        digest.update(f"{file.relative_to(root).as_posix()}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
