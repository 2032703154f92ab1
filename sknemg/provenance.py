"""What a kept result must say of how it came about."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

from sknemg.versions import versions_of

#: Behind a commit from which files differ.
CHANGED = "+changes"
_PACKAGES = (
    "sknemg",
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "torch",
    "skorch",
    "timm",
    "librosa",
    "imbalanced-learn",
    "matplotlib",
)


def provenance() -> dict[str, object]:
    """Return versions, device and, in a source checkout, the commit.

    Returns
    -------
    dict
    """
    return {
        "versions": {"python": platform.python_version(), **versions_of(_PACKAGES)},
        "device": _device(),
        "commit": checkout_commit(),
    }


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU ({platform.machine()})"


def checkout_commit(*also: str) -> str:
    """Return the commit of a checkout, with `CHANGED` if files differ from it.

    Parameters
    ----------
    *also : str
        Paths of the checkout whose files count beside those of the library, as a benchmark's own.

    Returns
    -------
    str
        Empty outside of a checkout.
    """
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return ""
    try:
        head = _git(root, "rev-parse", "--short", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no", "sknemg", *also)
    except (OSError, subprocess.CalledProcessError):
        return ""  # no git on this machine: the version has to do
    return head + (CHANGED if changed else "")


def _git(root: Path, *command: str) -> str:
    run = subprocess.run(["git", *command], cwd=root, capture_output=True, text=True, check=True)
    return run.stdout.strip()
