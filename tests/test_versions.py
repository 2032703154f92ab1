"""Versions of sknemg and of the libraries beside it."""

import re
from importlib import metadata
from pathlib import Path

import sknemg
from sknemg.provenance import provenance
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


def test_missing_packages_are_named():
    assert versions_of(["no-such-package"]) == {"no-such-package": "not installed"}


def test_the_version_is_asked_for_in_one_way():
    asked = re.compile(r"importlib.metadata|sys.modules\[.sknemg.\]")
    found = {file.name for file in PACKAGE.rglob("*.py") if asked.search(file.read_text())}
    assert found == {"versions.py"}
