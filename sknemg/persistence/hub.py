"""Models on the Hugging Face hub: push a folder, load from a repository."""

from __future__ import annotations

import hashlib
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sknemg.persistence._folder import (
    CARD,
    CONFIG,
    LARGEST,
    MOST_FILES,
    SUMS,
    WEIGHTS,
    belongs,
    broken_off,
    largest,
    list_files,
    read_card,
    read_file,
)
from sknemg.persistence._problems import InvalidModelError, need
from sknemg.persistence._write_folder import check_place, fill_folder
from sknemg.persistence.models import load_model
from sknemg.recordings._problems import check_counts, shown


def push_to_hub(
    folder: str | Path,
    repo_id: str,
    *,
    private: bool = True,
    revision: str | None = None,
    message: str = "Upload a model of sknemg",
    token: str | bool | None = None,
) -> str:
    """Send a model folder to the Hugging Face hub.

    The folder is loaded first, so that nothing is sent that would be refused. All goes in one
    commit: files of an earlier model in the repository are replaced, or deleted where this one has
    none, and whatever else lies there stays.

    Parameters
    ----------
    folder : str or Path
        Folder written by `save_model` or ``sknemg train``, with the gaps of its card filled in.
    repo_id : str
        ``"name/model"``; made if it is not there.
    private : bool, default=True
        Whether a repository that is made is for its owners only.
    revision : str, default=None
        Branch.
    message : str, default="Upload a model of sknemg"
        Message of the commit.
    token : str or bool, default=None
        See :class:`huggingface_hub.HfApi`; by default that of ``hf auth login``.

    Returns
    -------
    str
        The fingerprint, to be published elsewhere, too: ``from_hub(..., fingerprint=...)``.

    Raises
    ------
    InvalidModelError
        If the folder is no model.
    ConnectionError
        If the hub cannot be reached, or refuses.
    ImportError
        If the extra ``sknemg[hub]`` is not installed.

    Warns
    -----
    UserWarning
        If the card still lists what is not stated.

    See Also
    --------
    from_hub : Load it from there.
    """
    from sknemg.persistence.card import GAP

    folder = Path(folder)
    hub = need("huggingface_hub", "hub")
    if broken_off(folder) is not None:
        raise InvalidModelError(
            f"A saving into {str(folder)!r} is under way or was broken off: wait for it, or save "
            "it anew with overwrite=True."
        )
    load_model(folder)
    fingerprint = hashlib.sha256(read_file(folder, SUMS, LARGEST[SUMS])).hexdigest()
    card = read_card(folder) or ""
    if gaps := card.count(GAP):
        warnings.warn(
            f"The card of the model leaves {gaps} points as not stated: fill them in, in "
            f"{str(folder / CARD)!r}, and push again.",
            stacklevel=2,
        )
    api = hub.HfApi(token=token)
    own = sorted(name for name in list_files(folder) if belongs(name))
    with _asking(repo_id):
        api.create_repo(repo_id, private=private, exist_ok=True)
        there = api.model_info(repo_id, revision=revision).siblings or []
        before = sorted(entry.rfilename for entry in there if belongs(entry.rfilename))
        api.create_commit(
            repo_id,
            [
                *(hub.CommitOperationDelete(name) for name in before if name not in own),
                *(hub.CommitOperationAdd(name, str(folder / name)) for name in own),
            ],
            commit_message=message,
            revision=revision,
        )
    return fingerprint


def from_hub(
    repo_id: str,
    *,
    revision: str | None = None,
    fingerprint: str | None = None,
    folder: str | Path | None = None,
    max_bytes: int = 2**32,
    token: str | bool | None = None,
) -> Any:
    """Load a model from the Hugging Face hub.

    Only the files of a model folder are fetched, all from one commit, none of which may be larger
    than `load_model` reads; then `load_model` looks at them as at any folder. No code of the
    repository is run.

    Parameters
    ----------
    repo_id : str
        ``"name/model"``.
    revision : str, default=None
        Branch, tag or commit. A branch may change: give a commit, or a fingerprint.
    fingerprint : str, default=None
        The fingerprint that `push_to_hub` and `save_model` return.
    folder : str or Path, default=None
        A new or empty folder where the files are kept, or that of a model, whose place they take
        all at once or not at all; by default they are kept nowhere.
    max_bytes : int, default=2**32
        Largest size of ``model.safetensors``, as for `load_model`.
    token : str or bool, default=None
        See :class:`huggingface_hub.HfApi`.

    Returns
    -------
    fitted estimator

    Raises
    ------
    InvalidModelError
        If the repository holds no model, or one that is too large or was altered, or the hub
        announces another size than it sends.
    FileExistsError
        If `folder` holds anything but a model.
    ConnectionError
        If the hub cannot be reached, or refuses, or breaks off.
    ImportError
        If the extra ``sknemg[hub]`` is not installed.

    See Also
    --------
    push_to_hub : Send one.
    """
    check_counts(max_bytes=max_bytes)
    if folder is not None:
        check_place(Path(folder), overwrite=True)
    hub = need("huggingface_hub", "hub")
    api = hub.HfApi(token=token)
    with _asking(repo_id):
        info = api.model_info(repo_id, revision=revision, files_metadata=True)
    sizes = {
        entry.rfilename: entry.size or 0
        for entry in info.siblings or []
        if belongs(entry.rfilename)
    }
    if len(sizes) > MOST_FILES:
        raise InvalidModelError(
            f"{repo_id!r} holds {len(sizes)} files of a model, more than {MOST_FILES}: give a "
            "repository that push_to_hub filled."
        )
    for name in (CONFIG, WEIGHTS, SUMS):
        if name not in sizes:
            raise InvalidModelError(
                f"{repo_id!r} lacks {name}: give a repository that push_to_hub filled."
            )
    for name, size in sizes.items():
        if size > (limit := largest(name, int(max_bytes))):
            remedy = "set `max_bytes` if that is right" if name == WEIGHTS else "ask its maker"
            raise InvalidModelError(
                f"{name} in {repo_id!r} has {size} bytes, more than {limit}: {remedy}."
            )
    if not info.sha:  # without it, files would be those of the moment when each is fetched
        raise InvalidModelError(f"The hub states no commit of {repo_id!r}: ask its operator.")

    def fill(place: Path) -> Any:
        for name, size in sizes.items():
            _fetch(hub, api, repo_id, name, size, info.sha, place)
        return load_model(place, fingerprint=fingerprint, max_bytes=max_bytes)

    if folder is not None:
        return fill_folder(Path(folder), fill, overwrite=True)
    with tempfile.TemporaryDirectory() as made:
        return fill(Path(made))


def _fetch(
    hub: Any, api: Any, repo_id: str, name: str, size: int, commit: str, place: Path
) -> None:
    """Fetch a file if it has the size that the list of files states."""
    url = hub.hf_hub_url(repo_id, name, revision=commit, endpoint=api.endpoint)
    with _asking(repo_id):
        sent = api.get_hf_file_metadata(url=url).size
    if sent != size:
        raise InvalidModelError(
            f"The hub lists {name} in {repo_id!r} with {size} bytes and sends {sent}: try again, "
            "or ask its maker."
        )
    with _asking(repo_id):
        # Into a folder, not the cache of the hub, whose files are links.
        api.hf_hub_download(repo_id, name, revision=commit, local_dir=str(place))


@contextmanager
def _asking(repo_id: str) -> Iterator[None]:
    """Say in one sentence what the hub refuses, whatever its client makes of it."""
    failed = need("huggingface_hub.errors", "hub").HTTPError
    try:
        yield
    except (failed, OSError, RuntimeError) as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        reason = " ".join(str(error).split())[:200].rstrip(". ")
        raise ConnectionError(
            f"The hub fails on {shown(repo_id)} ({f'{status}, ' if status else ''}{reason}): check "
            "the name, the revision, the token and the connection, or try again later."
        ) from error
