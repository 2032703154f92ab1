"""What a type checker sees of the package, as from a user's script."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sknemg

PACKAGE = Path(sknemg.__file__).parent
LAZY = sorted(
    ".".join(["sknemg", *file.parent.relative_to(PACKAGE).parts])
    for file in PACKAGE.rglob("__init__.pyi")
)
SCRIPT = """\
import sknemg
from sknemg import DiVoteClassifier, NEMGNetClassifier, Recordings, Segmenter
from sknemg.evaluation import evaluate
from sknemg.simulate import make_cohort

X, y = Recordings([[0.1], [0.2]], sfreq=10, subject=["S1", "S2"]), ["normal", "myopathy"]
reveal_type(sknemg.Recordings)
reveal_type(X)
reveal_type(DiVoteClassifier(NEMGNetClassifier(width=4)).fit(X, y, groups=X["subject"]))
reveal_type(evaluate(DiVoteClassifier(NEMGNetClassifier()), X, y))
Recordings.nonsense()  # wrong
sknemg.Recording  # wrong
sknemg.evaluation.evaluated  # wrong
Recordings()  # wrong
Segmenter(windows=0.4)  # wrong
DiVoteClassifier(NEMGNetClassifier()).fit(X)  # wrong
evaluate(DiVoteClassifier(NEMGNetClassifier()), X, y, protocol=3)  # wrong
make_cohort(n_subjects="9")  # wrong
"""


@pytest.fixture(scope="module")
def check(tmp_path_factory):
    """Run mypy in its strict mode on a script; return its notes and errors by line."""
    folder = tmp_path_factory.mktemp("user")

    def run(script):
        (folder / "script.py").write_text(script)
        command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports", "silent"]
        run = subprocess.run(
            [*command, "--ignore-missing-imports", "--cache-dir", "cache", "script.py"],
            cwd=folder,
            env={"MYPYPATH": str(PACKAGE.parent), "PATH": "", "PYTHONPATH": str(PACKAGE.parent)},
            capture_output=True,
            text=True,
        )
        assert not run.stderr
        found = re.findall(r"^script\.py:(\d+): (\w+): (.*)$", run.stdout, flags=re.MULTILINE)
        assert found, run.stdout
        return {int(line): (kind, text) for line, kind, text in reversed(found)}

    return run


@pytest.mark.slow
def test_a_users_mistakes_are_seen_and_nothing_else(check):
    said = check(SCRIPT)
    wrong = [n for n, line in enumerate(SCRIPT.split("\n"), 1) if line.endswith("# wrong")]
    assert sorted(n for n, (kind, _) in said.items() if kind == "error") == wrong
    assert '"nonsense"' in said[wrong[0]][1]
    notes = [text for _, (kind, text) in sorted(said.items()) if kind == "note"]
    assert "-> sknemg.recordings.recordings.Recordings" in notes[0]
    for note, ending in zip(
        notes[1:], ["Recordings", "DiVoteClassifier", "Evaluation"], strict=True
    ):
        assert note.removesuffix('"').endswith(ending)


@pytest.mark.slow
def test_every_lazy_name_has_a_type(check):
    names = [
        f"{package}.{name}" for package in LAZY for name in importlib.import_module(package).__all__
    ]
    assert len(names) > 100
    lines = [f"import {package}" for package in LAZY] + [f"reveal_type({name})" for name in names]
    said = check("\n".join(lines))
    assert len(said) == len(names)
    for line, (kind, text) in said.items():
        assert kind == "note", f"{lines[line - 1]}: {text}"
        assert text != 'Revealed type is "Any"', lines[line - 1]


def test_a_stub_lists_what_its_package_has():
    """The loader reads names from the stub: each is there, and listed once."""
    for package in LAZY:
        module = importlib.import_module(package)
        assert len(set(module.__all__)) == len(module.__all__)
        assert [name for name in module.__all__ if not hasattr(module, name)] == []
