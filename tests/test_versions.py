"""Versions of sknemg and of the libraries beside it."""

import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

import sknemg
from sknemg.provenance import CHANGED, checkout_commit, provenance
from sknemg.versions import versions_of

PACKAGE = Path(sknemg.__file__).parent


def test_the_code_says_its_own_version_whatever_is_installed(monkeypatch):
    def version(package):
        if package == "sknemg":  # a source tree, or an older one that is installed beside it
            raise metadata.PackageNotFoundError
        return "1.2.3"

    monkeypatch.setattr(metadata, "version", version)
    assert versions_of(["sknemg", "numpy"]) == {"sknemg": sknemg.__version__, "numpy": "1.2.3"}
    assert provenance()["versions"]["sknemg"] == sknemg.__version__


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_commit_is_marked_where_files_that_count_differ_from_it(tmp_path, monkeypatch):
    monkeypatch.setattr("sknemg.provenance.__file__", str(tmp_path / "sknemg" / "provenance.py"))
    assert checkout_commit() == ""
    for folder in ("sknemg", "benchmarks", "docs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file").write_text("as it was")
    who = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "all"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    commit = checkout_commit()
    assert re.fullmatch("[0-9a-f]{7,}", commit)
    (tmp_path / "docs" / "file").write_text("changed")
    (tmp_path / "benchmarks" / "file").write_text("changed")
    assert checkout_commit() == commit
    assert checkout_commit("benchmarks") == commit + CHANGED
    (tmp_path / "sknemg" / "file").write_text("changed")
    assert checkout_commit() == commit + CHANGED


def test_missing_packages_are_named():
    assert versions_of(["no-such-package"]) == {"no-such-package": "not installed"}


def test_the_version_is_asked_for_in_one_way():
    asked = re.compile(r"importlib.metadata|sys.modules\[.sknemg.\]")
    found = {file.name for file in PACKAGE.rglob("*.py") if asked.search(file.read_text())}
    assert found == {"versions.py"}
