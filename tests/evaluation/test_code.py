"""Which code finished cells of an evaluation belong to."""

import functools
import importlib
import subprocess
import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sknemg import DiVoteClassifier, Segmenter, versions
from sknemg.evaluation import Protocol, _evaluate, evaluate
from sknemg.evaluation._code import users_code
from sknemg.versions import package_code

TWO = Protocol("two", n_splits=2)
MODULE = """
import functools
import numpy as np

FACTOR = 1.0
WORDS = {"a", "b", "c"}

class Scale:
    by = 2.0
    def __call__(self, X):
        return self.scaled(X)
    def scaled(self, X):
        return X * self.by
    @functools.cached_property
    def kept(self):
        return 1

def helper(X):
    return np.abs(X) + 0.0  # what it does

def chosen(X, first=True, second=False, third=False):
    return TABLE["sum"](X) if second or third else X

TABLE = {"sum": lambda Z: Z.sum()}

def steps(X, power=1):
    chosen(X)
    return (lambda Z: FACTOR * helper(Z) ** power if "a" in {"a", "b"} else WORDS)(X)
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a user's module, and import it anew after each change."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(old="", new=""):
        assert old in MODULE
        (tmp_path / "recipe_of_a_user.py").write_text(MODULE.replace(old, new))
        sys.modules.pop("recipe_of_a_user", None)
        importlib.invalidate_caches()
        sys.dont_write_bytecode, kept = True, sys.dont_write_bytecode
        try:
            return importlib.import_module("recipe_of_a_user")
        finally:
            sys.dont_write_bytecode = kept

    yield write
    sys.modules.pop("recipe_of_a_user", None)


def key(module):
    return users_code([FunctionTransformer(module.steps), functools.partial(module.Scale())])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("power=1", "power=2"),
        ("** power", "** -power"),
        ("+ 0.0", "+ 1.0"),  # of a function that it calls
        ("FACTOR = 1.0", "FACTOR = 2.0"),  # a constant that it uses
        ('{"a", "b", "c"}', '{"a", "b"}'),
        ("X * self.by", "X / self.by"),  # of the class of an object
        ("by = 2.0", "by = 3.0"),
        ("return 1", "return 2"),
        ("third=False", "third=True"),  # a value that occurred before
        ("Z.sum()", "Z.mean()"),  # a function in a table
        ("def chosen(X,", "def chosen(*X,"),
    ],
)
def test_changed_code_is_other_code(module, old, new):
    before = key(module())
    assert key(module(old, new)) != before


@pytest.mark.parametrize(
    ("old", "new"), [("  # what it does", ""), ("\nclass Scale", "\n\n\nclass Scale")]
)
def test_comments_and_lines_do_not_count(module, old, new):
    before = key(module())
    assert key(module(old, new)) == before


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write a user's package of files; gives its modules as they are on the disk."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def forget():
        for name in [name for name in sys.modules if name.startswith("pack_of_a_user")]:
            del sys.modules[name]

    def write(name, **files):
        for file, text in files.items():
            file = tmp_path / "pack_of_a_user" / f"{file.replace('__in__', '/')}.py"
            for folder in (tmp_path / "pack_of_a_user", file.parent):
                folder.mkdir(exist_ok=True)
                (folder / "__init__.py").touch()
            file.write_text(text)
        forget()
        importlib.invalidate_caches()
        return importlib.import_module(f"pack_of_a_user.{name}")

    yield write
    forget()


IMPORTS = {
    "relative": "from .helper import act\n    return act(X)",
    "absolute": "import pack_of_a_user.helper as helper\n    return helper.act(X)",
    "module by dot": "from . import helper\n    return helper.act(X)",
    "module by name": "from pack_of_a_user import helper\n    return helper.act(X)",
    "nested": "def inner(Z):\n        from .helper import act\n        return act(Z)\n"
    "    return inner(X)",
    "class": "class Inner:\n        from .helper import act\n    return Inner.act(X)",
    "beyond": "try:\n        from ....helper import act\n    except ImportError:\n"
    "        from .helper import act\n    return act(X)",
    "broken": "try:\n        from . import broken\n    except Exception:\n"
    "        from .helper import act\n    return act(X)",
    "missing": "try:\n        from .numpy import act\n    except ImportError:\n"
    "        from .helper import act\n    return act(X)",
    "by another": "from .other import act\n    return act(X)",
    "long": "\n".join(f"    X.n{n}" for n in range(300)).strip()
    + "\n    from .helper import act\n    return act(X)",
}


@pytest.mark.parametrize("kind", IMPORTS)
def test_what_a_function_imports_when_it_runs_counts(package, kind):
    def code(body, run=False):
        main = package(
            "main",
            main=f"def steps(X):\n    {IMPORTS[kind]}\n",
            helper=f"def act(X):\n    return {body}\n",
            other="def act(X):\n    from . import helper\n    return helper.act(X)\n",
            broken="raise RuntimeError('no such device')\n",
        )
        if run:
            main.steps(1)
        return [users_code(main.steps) for _ in range(2)]

    first = code("X")
    assert first[0] == first[1] == code("X")[0] != code("-X")[0]
    if kind != "long":  # its attributes are those of no number
        assert code("X", run=True) == first


def test_an_import_does_not_replace_what_a_package_names_otherwise(package):
    """A function of the package that has the name of a module in it."""
    main = package(
        "main", __init__="def helper(X):\n    return X\n", helper="",
        main="def steps(X):\n    from pack_of_a_user import helper\n    return helper(X)\n",
    )  # fmt: skip
    users_code(main.steps)
    assert main.steps(3) == 3


def test_imports_of_a_name_that_is_a_package_elsewhere_too(package, tmp_path):
    (tmp_path / "tools_of_a_user").mkdir()
    (tmp_path / "tools_of_a_user" / "__init__.py").write_text("")

    def code(body):
        inner = f"def helper(X):\n    return {body}\n"
        text = (
            "def steps(X):\n    from .tools_of_a_user.inner import helper\n    return helper(X)\n"
        )
        return users_code(package("main", main=text, tools_of_a_user__in__inner=inner).steps)

    assert code("X") == code("X") != code("-X")


SPACE = {
    "from the package": "from pack_of_a_user_space import helper\n    return helper.act(X)",
    "dotted": "import pack_of_a_user_space.helper\n    return pack_of_a_user_space.helper.act(X)",
    "of a function": "from pack_of_a_user_space.helper import act\n    return act(X)",
    "above": "return pack_of_a_user_space.helper.act(X)",
}


@pytest.mark.parametrize("kind", SPACE)
def test_modules_of_a_folder_without_an_init_file_count(package, tmp_path, kind):
    """A namespace package, which has no file of its own."""
    (tmp_path / "pack_of_a_user_space").mkdir()

    def code(body):
        helper = tmp_path / "pack_of_a_user_space" / "helper.py"
        helper.write_text(f"def act(X):\n    return {body}\n")
        above = "import pack_of_a_user_space.helper\n" if kind == "above" else ""
        text = f"{above}def steps(X):\n    {SPACE[kind]}\n"
        return users_code(package("main", main=text).steps)

    assert code("X") == code("X") != code("-X")


def test_another_process_gives_the_same_key(module, tmp_path):
    own = module()
    code = """if True:
        import functools, recipe_of_a_user as own
        from sklearn.preprocessing import FunctionTransformer
        from sknemg.evaluation._code import users_code
        parts = [FunctionTransformer(own.steps), functools.partial(own.Scale())]
        print(users_code(parts))
        """
    path = ":".join([str(tmp_path), *sys.path])
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": path, "PYTHONHASHSEED": "7"},
    )  # fmt: skip
    assert run.stdout.strip() == key(own)


def test_installed_code_is_told_by_its_version(monkeypatch):
    before = users_code(LogisticRegression())
    monkeypatch.setattr(LogisticRegression, "predict_proba", lambda self, X: X)
    assert users_code(LogisticRegression()) == before


def test_cells_of_changed_code_are_not_taken_for_finished(
    module, make_ragged, tmp_path, monkeypatch
):
    X, y = make_ragged(n_subjects=6)

    def cells(own):
        inner = make_pipeline(FunctionTransformer(own.steps), LogisticRegression(max_iter=2000))
        pipe = make_pipeline(Segmenter(), DiVoteClassifier(inner, final_estimator=None))
        evaluate(pipe, X, y, protocol=TWO, cache=tmp_path / "cells")
        return len(list((tmp_path / "cells").iterdir()))

    assert cells(module()) == 2
    assert cells(module("  # what it does")) == 2
    assert cells(module("+ 0.0", "+ 1.0")) == 4
    monkeypatch.setattr(_evaluate, "package_code", lambda: "another recipe of sknemg")
    assert cells(module("+ 0.0", "+ 1.0")) == 6


def test_the_code_of_sknemg_is_hashed_from_its_files(tmp_path, monkeypatch):
    monkeypatch.setattr(versions, "__file__", str(tmp_path / "versions.py"))
    package_code.cache_clear()
    try:
        hashes = []
        for text in ("LR = 1e-3", "LR = 1e-2", "LR = 1e-3"):
            (tmp_path / "recipes.py").write_text(text)
            package_code.cache_clear()
            hashes.append(package_code())
    finally:
        monkeypatch.undo()
        package_code.cache_clear()
    assert hashes[0] == hashes[2] != hashes[1]


def test_what_cannot_be_pickled_cannot_be_kept(make_ragged, tmp_path):
    X, y = make_ragged(n_subjects=6)
    inner = make_pipeline(FunctionTransformer(lambda Z: Z), LogisticRegression(max_iter=2000))
    pipe = make_pipeline(Segmenter(), DiVoteClassifier(inner, final_estimator=None))
    with pytest.raises(ValueError, match=r"estimators\['own'\] cannot be pickled .* in a module"):
        evaluate({"own": pipe}, X, y, protocol=TWO, cache=tmp_path)
    assert np.isfinite(evaluate({"own": pipe}, X, y, protocol=TWO).subjects[y[0]]).all()
