"""Models to the hub and back, by the hub's own client, over HTTP."""

import os
import subprocess
import sys
import textwrap
from hashlib import sha256

import numpy as np
import pytest
from _hub_server import Hub
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression

from sknemg import DiVoteClassifier, InvalidModelError, load_model, save_model
from sknemg.persistence import from_hub, push_to_hub

settings = pytest.importorskip("huggingface_hub.constants", reason="the extra hub is missing")

X, Y = np.eye(6), np.array(list("aabbcc"))
# Of the client's own way to send a large file.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content:DeprecationWarning")
FILES = {"README.md", "SHA256SUMS", "config.json", "evaluation/scores.csv", "model.safetensors"}


@pytest.fixture
def remote(tmp_path, monkeypatch):
    with Hub() as made:
        monkeypatch.setattr(settings, "ENDPOINT", made.endpoint)
        places = made.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(settings, "HUGGINGFACE_CO_URL_TEMPLATE", places)
        monkeypatch.setattr(settings, "HF_HUB_DISABLE_XET", True)  # a service of its own
        monkeypatch.setattr("time.sleep", lambda seconds: None)  # between trials
        yield made


@pytest.fixture
def folder(tmp_path):
    import pandas as pd

    model = DiVoteClassifier(LogisticRegression()).fit(X, Y, groups=list("uvwxyz"))
    tables = {"scores": pd.DataFrame({"value": [0.5]})}
    save_model(model, tmp_path / "model", card="# All is stated\n", evaluation=tables)
    return tmp_path / "model"


def test_there_and_back(folder, remote, tmp_path):
    (folder / ".git").mkdir()
    fingerprint = push_to_hub(folder, "ward/emg", token="mine", message="First")
    assert fingerprint == sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()
    assert remote.commits == [("ward/emg", sorted(FILES), [], "First")]
    assert remote.private["ward/emg"] and ("POST", "/api/repos/create", "mine") in remote.seen
    for name in FILES:
        assert remote.repos["ward/emg"][name] == (folder / name).read_bytes()
    remote.repos["ward/emg"] |= {"evil.py": b"raise SystemExit", "evaluation/big.bin": b"0" * 9999}
    model = from_hub("ward/emg", fingerprint=fingerprint, folder=tmp_path / "kept", token="mine",
                     max_bytes=9000)  # fmt: skip
    assert_array_equal(model.predict(X, groups=list("uvwxyz")), Y)
    kept = tmp_path / "kept"
    names = {f.relative_to(kept).as_posix() for f in kept.rglob("*") if f.is_file()}
    assert names == FILES
    asked = [path for method, path, _ in remote.seen if method == "GET" and "/resolve/" in path]
    assert len(asked) == len(FILES) and not any("evil" in path or ".bin" in path for path in asked)
    assert load_model(kept, fingerprint=fingerprint).classes_.tolist() == ["a", "b", "c"]


def test_a_new_model_replaces_the_old_one_in_one_commit(folder, remote, tmp_path):
    push_to_hub(folder, "ward/emg")
    remote.repos["ward/emg"]["notes.txt"] = b"stays"
    other = DiVoteClassifier(LogisticRegression(C=9)).fit(X, Y, groups=list("uvwxyz"))
    fingerprint = save_model(other, tmp_path / "new", card="# All is stated\n")
    assert push_to_hub(tmp_path / "new", "ward/emg") == fingerprint
    (_, added, deleted, _) = remote.commits[-1]
    assert deleted == ["evaluation/scores.csv"] and "model.safetensors" in added
    assert "notes.txt" in remote.repos["ward/emg"]
    from_hub("ward/emg", fingerprint=fingerprint)
    with pytest.raises(InvalidModelError, match="another model; ask its maker"):
        from_hub("ward/emg", fingerprint="0" * 64)


def test_all_files_are_of_the_commit_that_was_listed(folder, remote):
    push_to_hub(folder, "ward/emg")
    commit = remote.sha("ward/emg")
    remote.seen.clear()
    from_hub("ward/emg", revision="main")
    fetched = [path for _, path, _ in remote.seen if "/resolve/" in path]
    assert fetched and all(f"/resolve/{commit}/" in path for path in fetched)


def test_a_hub_that_states_no_commit_is_refused(folder, remote, monkeypatch):
    push_to_hub(folder, "ward/emg")
    monkeypatch.setattr(remote, "sha", lambda repo: None)
    with pytest.raises(InvalidModelError, match="states no commit of 'ward/emg'"):
        from_hub("ward/emg")


def test_what_is_no_model_stays_where_one_is_to_be_kept(folder, remote, tmp_path):
    push_to_hub(folder, "ward/emg")
    project = tmp_path / "project"
    project.mkdir()
    (project / "README.md").write_text("of my project")
    remote.seen.clear()
    with pytest.raises(FileExistsError, match="is not empty: give a new folder"):
        from_hub("ward/emg", folder=project)
    assert (project / "README.md").read_text() == "of my project" and not remote.seen


def test_a_model_that_is_kept_stays_whole_if_the_next_one_cannot_be_fetched(
    folder, remote, tmp_path
):
    fingerprint = push_to_hub(folder, "ward/emg")
    from_hub("ward/emg", folder=tmp_path / "kept")
    other = DiVoteClassifier(LogisticRegression(C=9)).fit(X, Y, groups=list("uvwxyz"))
    save_model(other, tmp_path / "new", card="# All is stated\n")  # without tables
    newer = push_to_hub(tmp_path / "new", "ward/emg")
    for wrong in ({"body": altered}, {"cut": 10}):
        remote.faults = wrong
        with pytest.raises((InvalidModelError, ConnectionError)):
            from_hub("ward/emg", folder=tmp_path / "kept")
        load_model(tmp_path / "kept", fingerprint=fingerprint)
    remote.faults = {}
    from_hub("ward/emg", folder=tmp_path / "kept")
    load_model(tmp_path / "kept", fingerprint=newer)


def test_what_is_wrong_with_a_folder_is_said_before_anything_is_sent(folder, remote):
    (folder / "config.json").write_text("{}")
    with pytest.raises(InvalidModelError, match="was altered"):
        push_to_hub(folder, "ward/other")
    assert not remote.seen


def test_more_files_than_a_model_has_are_refused_before_any_is_fetched(folder, remote):
    push_to_hub(folder, "ward/emg")
    remote.repos["ward/emg"] |= {f"evaluation/t{at}.csv": b"" for at in range(100)}
    remote.seen.clear()
    with pytest.raises(InvalidModelError, match=r"'ward/emg' holds 105 files .*more than 100"):
        from_hub("ward/emg")
    assert not any("/resolve/" in path for _, path, _ in remote.seen)


def altered(name, content):
    """Other bytes of the same number: what only a hash tells."""
    return content[:-1] + bytes([content[-1] ^ 1]) if name == "model.safetensors" else content


GIANT = {"model.safetensors": 10**15}


@pytest.mark.parametrize(
    ("faults", "kind", "message"),
    [
        ({"status": 500}, ConnectionError, r"fails on 'ward/emg' \(500, .*or try again later\.$"),
        ({"status": 403}, ConnectionError, r"\(403, .*check the name, the revision, the token"),
        ({"cut": 10}, ConnectionError, "fails on 'ward/emg'"),
        ({"body": altered}, InvalidModelError, r"model\.safetensors was altered or truncated"),
        ({"listed": GIANT}, InvalidModelError, r"has 1000000000000000 bytes, more than 4294967296"),
        ({"length": GIANT}, InvalidModelError, r"lists model\.safetensors in 'ward/emg' with \d+ "
         "bytes and sends 1000000000000000"),
        ({"listed": {"config.json": 2**25}}, InvalidModelError, r"config\.json in 'ward/emg' has "
         r"33554432 bytes, more than 16777216: ask its maker\."),
    ],
    ids=["500", "403", "cut", "altered", "giant", "lying", "config"],
)  # fmt: skip
def test_what_the_hub_does_wrong_ends_in_a_sentence(folder, remote, faults, kind, message):
    push_to_hub(folder, "ward/emg")
    remote.faults = faults
    with pytest.raises(kind, match=message) as caught:
        from_hub("ward/emg")
    text = str(caught.value)
    assert len(text) < 500 and "\n" not in text and text.endswith(".")


def test_names_that_are_not_there(folder, remote):
    with pytest.raises(ConnectionError, match=r"fails on 'ward/none' \(404, "):
        from_hub("ward/none")
    push_to_hub(folder, "ward/emg")
    for call in (lambda: from_hub("ward/emg", revision="no"),
                 lambda: push_to_hub(folder, "ward/emg", revision="no")):  # fmt: skip
        with pytest.raises(ConnectionError, match=r"fails on 'ward/emg' \(404, "):
            call()
    del remote.repos["ward/emg"]["model.safetensors"]
    with pytest.raises(InvalidModelError, match=r"'ward/emg' lacks model\.safetensors"):
        from_hub("ward/emg")


@pytest.mark.parametrize("fault", ["refuse", "refuse large"])
def test_a_hub_that_takes_nothing(folder, remote, fault):
    remote.faults = {fault: True}
    with pytest.raises(ConnectionError, match=r"fails on 'ward/emg' \(.*or try again later\.$"):
        push_to_hub(folder, "ward/emg")
    assert not remote.commits


def test_no_hub_at_all(remote, monkeypatch):
    monkeypatch.setattr(settings, "ENDPOINT", "http://127.0.0.1:9")  # where nothing listens
    with pytest.raises(ConnectionError, match=r"fails on 'ward/emg' \(.*refused"):
        from_hub("ward/emg")


def test_the_largest_size_is_that_of_the_weights(folder, remote):
    push_to_hub(folder, "ward/emg")
    size = (folder / "model.safetensors").stat().st_size
    from_hub("ward/emg", max_bytes=size)  # all files together are more
    with pytest.raises(InvalidModelError, match=f"has {size} bytes, more than {size - 1}: set"):
        from_hub("ward/emg", max_bytes=size - 1)


def test_gaps_of_the_card_are_told(folder, remote):
    (folder / "README.md").write_text("- Ethics: **Not stated.** x\n- Contact: **Not stated.**")
    with pytest.warns(UserWarning, match="leaves 2 points as not stated: fill them in"):
        push_to_hub(folder, "ward/emg")


@pytest.mark.slow
def test_the_client_as_users_have_it(folder, remote):
    """In a process of its own, which knows the hub by the environment alone."""
    script = """
        import sys
        from sknemg.persistence import from_hub, push_to_hub
        print(from_hub("ward/emg", fingerprint=push_to_hub(sys.argv[1], "ward/emg")).classes_)
    """
    known = {"HF_ENDPOINT": remote.endpoint, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": "theirs"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), folder],
        capture_output=True, text=True, env=os.environ | known,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "['a' 'b' 'c']" in done.stdout
    asked = {path for _, path, token in remote.seen if token == "theirs"}
    assert any("/commit/" in path for path in asked)
    assert any("/resolve/" in path for path in asked)
