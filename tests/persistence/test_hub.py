"""Models to the hub and back, against a hub that is a folder."""

import shutil
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression

from sknemg import DiVoteClassifier, InvalidModelError, save_model
from sknemg.persistence import from_hub, push_to_hub

hub = pytest.importorskip("huggingface_hub", reason="the extra hub is not installed")

X, Y = np.eye(6), np.array(list("aabbcc"))


class Hub:
    """The methods of HfApi that are used, with the hub's signatures, on folders of this disk."""

    def __init__(self, root):
        self.root, self.calls = root, []

    def __call__(self, token=None):
        self.token = token
        return self

    def create_repo(self, repo_id, *, private, exist_ok):
        self.calls.append(("create", repo_id, private, exist_ok))
        (self.root / repo_id).mkdir(parents=True, exist_ok=exist_ok)

    def upload_folder(self, *, repo_id, folder_path, revision, commit_message, allow_patterns,
                      delete_patterns):  # fmt: skip
        def chosen(folder, patterns):
            files = [f.relative_to(folder) for f in Path(folder).rglob("*") if f.is_file()]
            return [f for f in files if any(fnmatch(f.as_posix(), p) for p in patterns)]

        repo = self.root / repo_id
        for file in chosen(repo, delete_patterns):
            (repo / file).unlink()
        for file in chosen(folder_path, allow_patterns):
            (repo / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(folder_path) / file, repo / file)

    def model_info(self, repo_id, *, revision, files_metadata):
        repo = self.root / repo_id
        files = [f for f in repo.rglob("*") if f.is_file()]
        entries = [SimpleNamespace(rfilename=f.relative_to(repo).as_posix(), size=f.stat().st_size)
                   for f in files]  # fmt: skip
        return SimpleNamespace(siblings=entries, sha="c0ffee")

    def snapshot_download(self, repo_id, *, revision, local_dir, allow_patterns):
        self.calls.append(("download", revision))
        repo = self.root / repo_id
        for file in repo.rglob("*"):
            name = file.relative_to(repo).as_posix()
            if file.is_file() and any(fnmatch(name, p) for p in allow_patterns):
                target = Path(local_dir) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)
        (Path(local_dir) / ".cache").mkdir(exist_ok=True)


@pytest.fixture
def remote(tmp_path, monkeypatch):
    made = Hub(tmp_path / "hub")
    for name in ("create_repo", "upload_folder", "model_info", "snapshot_download"):
        assert hasattr(hub.HfApi, name)
    monkeypatch.setattr(hub, "HfApi", made)
    return made


@pytest.fixture
def folder(tmp_path):
    model = DiVoteClassifier(LogisticRegression()).fit(X, Y, groups=list("uvwxyz"))
    save_model(model, tmp_path / "model", card="# All is stated\n")
    return tmp_path / "model"


def test_there_and_back(folder, remote, tmp_path):
    (folder / ".git").mkdir()
    fingerprint = push_to_hub(folder, "ward/emg", token="mine")
    assert fingerprint == sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()
    assert remote.calls == [("create", "ward/emg", True, True)] and remote.token == "mine"
    repo = remote.root / "ward" / "emg"
    (repo / "evil.py").write_text("raise SystemExit")  # is never fetched
    (repo / ".gitattributes").write_text("")
    model = from_hub("ward/emg", fingerprint=fingerprint, folder=tmp_path / "kept")
    assert remote.calls[-1] == ("download", "c0ffee")  # one commit, whatever the branch becomes
    assert_array_equal(model.predict(X, groups=list("uvwxyz")), Y)
    kept = {file.name for file in (tmp_path / "kept").iterdir()}
    assert kept == {"README.md", "SHA256SUMS", "config.json", "model.safetensors", ".cache"}


def test_what_is_wrong_is_refused(folder, remote, tmp_path):
    fingerprint = push_to_hub(folder, "ward/emg")
    with pytest.raises(InvalidModelError, match="more than 100: set `max_bytes`"):
        from_hub("ward/emg", max_bytes=100)
    with pytest.raises(InvalidModelError, match="another one, ask its maker"):
        from_hub("ward/emg", fingerprint="0" * 64)
    weights = remote.root / "ward" / "emg" / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"x")
    with pytest.raises(InvalidModelError, match="was altered or truncated"):
        from_hub("ward/emg", fingerprint=fingerprint)
    weights.unlink()
    with pytest.raises(InvalidModelError, match=r"'ward/emg' lacks model\.safetensors"):
        from_hub("ward/emg")
    n_calls = len(remote.calls)
    (folder / "config.json").write_text("{}")
    with pytest.raises(InvalidModelError, match="was altered"):
        push_to_hub(folder, "ward/other")
    assert len(remote.calls) == n_calls  # nothing was sent


def test_gaps_of_the_card_are_told(folder, remote):
    (folder / "README.md").write_text("- Ethics: **Not stated.** x\n- Contact: **Not stated.**")
    with pytest.warns(UserWarning, match="leaves 2 points as not stated: fill them in"):
        push_to_hub(folder, "ward/emg")
