"""Models on the Hugging Face hub: push a folder, load from a repository."""

from __future__ import annotations

import hashlib
import tempfile
import warnings
from pathlib import Path
from typing import Any

from sknemg.persistence._folder import (
    CARD,
    CONFIG,
    LARGEST,
    SUMS,
    WEIGHTS,
    read_card,
    read_file,
)
from sknemg.persistence._problems import InvalidModelError, need
from sknemg.persistence.models import check_max_bytes, load_model

#: What goes to a repository and comes from one; whatever else lies there is never fetched.
_FILES = [CONFIG, WEIGHTS, CARD, SUMS, "evaluation/*.csv", "evaluation/*.json"]


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

    The folder is loaded first, so that nothing is sent that would be refused. Files of an earlier
    model in the repository are replaced, or deleted where this one has none.

    Parameters
    ----------
    folder : str or Path
        What `save_model` or ``sknemg train`` wrote, with the gaps of its card filled in.
    repo_id : str
        ``"name/model"``; made if it is not there.
    private : bool, default=True
        Whether a repository that is made is for its owners only.
    revision : str, default=None
        Branch.
    message : str
        Of the commit.
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
    api.create_repo(repo_id, private=private, exist_ok=True)
    api.upload_folder(
        repo_id=repo_id,
        folder_path=str(folder),
        revision=revision,
        commit_message=message,
        allow_patterns=_FILES,
        delete_patterns=_FILES,
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

    Only the files of a model folder are fetched, all from one commit, and no more of them than
    `max_bytes`; then `load_model` looks at them as at any folder. No code of the repository is run.

    Parameters
    ----------
    repo_id : str
        ``"name/model"``.
    revision : str, default=None
        Branch, tag or commit. A branch may change: give a commit, or a fingerprint.
    fingerprint : str, default=None
        What `push_to_hub` and `save_model` return.
    folder : str or Path, default=None
        Where the files are kept; by default nowhere.
    max_bytes : int, default=2**32
        Largest size of all files together.
    token : str or bool, default=None
        See :class:`huggingface_hub.HfApi`.

    Returns
    -------
    fitted estimator

    Raises
    ------
    InvalidModelError
        If the repository holds no model, or one that is too large or was altered.
    ImportError
        If the extra ``sknemg[hub]`` is not installed.

    See Also
    --------
    push_to_hub : Send one.
    """
    check_max_bytes(max_bytes)
    hub = need("huggingface_hub", "hub")
    api = hub.HfApi(token=token)
    info = api.model_info(repo_id, revision=revision, files_metadata=True)
    sizes = {entry.rfilename: entry.size or 0 for entry in info.siblings or []}
    for name in (CONFIG, WEIGHTS, SUMS):
        if name not in sizes:
            raise InvalidModelError(
                f"{repo_id!r} lacks {name}: give a repository that push_to_hub filled."
            )
    total = sum(size for name, size in sizes.items() if name.startswith("evaluation/")
                or name in (CONFIG, WEIGHTS, CARD, SUMS))  # fmt: skip
    if total > max_bytes:
        raise InvalidModelError(
            f"The model in {repo_id!r} has {total} bytes, more than {max_bytes}: set `max_bytes` "
            "if that is right."
        )
    with tempfile.TemporaryDirectory() as made:
        place = Path(made) / "model" if folder is None else Path(folder)
        # Into a folder, not the cache of the hub, whose files are links.
        api.snapshot_download(
            repo_id, revision=info.sha, local_dir=str(place), allow_patterns=_FILES
        )
        return load_model(place, fingerprint=fingerprint, max_bytes=max_bytes)
