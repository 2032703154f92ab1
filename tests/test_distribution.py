"""The wheel and the sdist: what is in them, and that they work away from the checkout."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
#: Folders of the checkout that the sdist carries, so that the suite runs from it.
CARRIED = ("benchmarks", "docs", "examples", "sknemg", "tests")
MADE = {"__pycache__", "_build", "api", "gallery", "sg_execution_times.rst"}


def run(*command, cwd, **env):
    """Run a command of this Python; return what it prints, and fail with all of it."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "HOME": str(cwd), "OMP_NUM_THREADS": "1", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout


def files(folder):
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not MADE & set(path.relative_to(ROOT).parts)
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Folder with a wheel made from the sdist, and the sdist; nothing is fetched for them."""
    for module in ("build", "hatchling", "twine"):
        pytest.importorskip(module)
    folder = tmp_path_factory.mktemp("dist")
    run("-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT), cwd=folder)
    return folder


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """Folder with nothing but the unpacked wheel."""
    folder = tmp_path_factory.mktemp("site")
    (wheel,) = built.glob("*.whl")
    run(
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--target",
        str(folder),
        str(wheel),
        cwd=built,
    )
    return folder


def test_the_wheel_holds_the_package_and_nothing_else(built):
    (wheel,) = built.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == files("sknemg")
    assert {"sknemg/py.typed", "sknemg/__init__.pyi", "sknemg/evaluation/__init__.pyi"} <= names


def test_the_sdist_holds_what_the_suite_reads(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for folder in CARRIED:
        assert files(folder) - names == set()
    assert {"pyproject.toml", "README.md", "CONTRIBUTING.md", "LICENSE", "Makefile"} <= names
    assert {Path(name).suffix for name in names} & {".pyc", ".npz", ".parquet"} == set()


def test_twine_finds_nothing_wrong(built):
    archives = map(str, (*built.glob("*.whl"), *built.glob("*.tar.gz")))
    run("-m", "twine", "check", "--strict", *archives, cwd=built)


def test_the_wheel_runs_the_demo(installed, tmp_path):
    small = ["--profile", "smoke", "--subjects", "9", "--folds", "3", "--out", "out"]
    said = run("-m", "sknemg", "demo", *small, cwd=tmp_path, PYTHONPATH=str(installed))
    assert "nEMGNet" in said
    assert "<html" in (tmp_path / "out" / "report.html").read_text()


def test_the_wheel_runs_its_examples(installed, tmp_path):
    where = "import sknemg; print(sknemg.__file__)"
    site = {"PYTHONPATH": str(installed)}
    assert run("-c", where, cwd=tmp_path, **site).startswith(str(installed))
    pytest_ = ["-m", "pytest", "-p", "no:cacheprovider", "-q", "--pyargs"]
    said = run(*pytest_, "sknemg.recordings", "sknemg.signal", cwd=tmp_path, **site)
    assert "failed" not in said
    assert "passed" in said
    said = run(*pytest_, "--collect-only", "sknemg", cwd=tmp_path, **site)
    assert "sknemg.divote.divote.DiVoteClassifier" in said


def test_the_suite_runs_from_the_sdist(built, tmp_path):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (root,) = tmp_path.iterdir()
    pytest_ = ["-m", "pytest", "-p", "no:cacheprovider", "-q", "-m", "not slow"]
    site = {"PYTHONPATH": str(root)}
    run(*pytest_, "--collect-only", cwd=root, **site)
    reading = [
        "tests/test_guide.py",
        "tests/test_architecture.py",
        "tests/benchmarks/test_papers.py",
    ]
    run(*pytest_, *reading, cwd=root, **site)
