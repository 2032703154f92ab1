import ast
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpydoc.docscrape
import pytest
from sklearn.base import BaseEstimator

import sknemg

PUBLIC = [getattr(sknemg, name) for name in sknemg.__all__]
CLASSES = [thing for thing in PUBLIC if isinstance(thing, type)]
PACKAGE = Path(sknemg.__file__).parent
ROOT = Path(__file__).parents[1]


def test_importing_sknemg_loads_nothing_heavy():
    code = (
        "import sys, sknemg; "
        "tops = {m.partition('.')[0] for m in sys.modules}; "
        "print(sorted(tops - sys.stdlib_module_names - set(sys.argv[1:])))"
    )
    light = ["__main__", "_distutils_hack", "lazy_loader", "sknemg"]
    # -S: what an environment's .pth files import is not ours; so it is with the path to the rest.
    run = subprocess.run(
        [sys.executable, "-S", "-c", code, *light],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "[]"


#: What is imported one after the other in one process, and what none of it may have loaded.
NEEDS = [
    ("from sknemg import Recordings, Segmenter, DiVoteClassifier", ["torch", "timm"]),
    ("from sknemg.simulate import make_cohort", ["torch", "timm", "wfdb"]),
    ("from sknemg.inspection import TraceDisplay", ["torch", "captum", "umap"]),
    ("from sknemg import NEMGNetClassifier", ["timm", "torchvision", "librosa"]),
    ("from sknemg import TimmClassifier; TimmClassifier()", ["timm", "torchvision"]),
]


@pytest.fixture(scope="module")
def loaded():
    """The unwanted modules that each import has loaded."""
    code = f"""if True:
        import json, sys
        found = []
        for code, unwanted in {NEEDS!r}:
            exec(code)
            found.append([module for module in unwanted if module in sys.modules])
        print(json.dumps(found))
        """
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return dict(zip((code for code, _ in NEEDS), json.loads(run.stdout), strict=True))


@pytest.mark.slow  # another process imports all of it
@pytest.mark.parametrize("code", [code for code, _ in NEEDS])
def test_names_load_only_what_they_need(loaded, code):
    assert loaded[code] == []


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="No sknemg attribute Segmentr"):
        sknemg.Segmentr  # noqa: B018
    assert set(sknemg.__all__) <= set(dir(sknemg))


@pytest.mark.parametrize("thing", CLASSES, ids=lambda thing: thing.__name__)
def test_public_classes_have_an_example(thing):
    assert numpydoc.docscrape.ClassDoc(thing)["Examples"]


@pytest.mark.parametrize(
    "thing", [c for c in CLASSES if issubclass(c, BaseEstimator)], ids=lambda c: c.__name__
)
def test_documented_parameters_and_defaults_are_those_of_the_signature(thing):
    signature = inspect.signature(thing).parameters
    documented = {}
    for entry in numpydoc.docscrape.ClassDoc(thing)["Parameters"]:
        for name in entry.name.split(", "):
            documented[name] = entry.type
    assert list(documented) == list(signature)
    for name, parameter in signature.items():
        if parameter.default is inspect.Parameter.empty:
            continue
        _, found, default = documented[name].rpartition("default=")
        assert found, f"{name}: the default is not documented"
        assert eval(default, {}) == parameter.default, name


def documented_names():
    """Dotted names under sknemg in the pages, the examples and the docstrings, with their places.

    ``from sknemg.metrics import score_table`` names sknemg.metrics.score_table.
    """
    pages = [*ROOT.glob("docs/guide/*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*.md")]
    texts = {page: page.read_text() for page in pages if page.name != "CHANGELOG.md"}
    texts |= {file: file.read_text() for file in ROOT.glob("examples/*.py")}
    for file in PACKAGE.rglob("*.py"):
        nodes = ast.walk(ast.parse(file.read_text()))
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
        docs = [ast.get_docstring(node) for node in nodes if isinstance(node, documented)]
        texts[file] = "\n".join(filter(None, docs))
    names = {}
    for place, text in texts.items():
        found = re.findall(r"(?<![\w./-])sknemg(?:\.[A-Za-z_]\w*)+", text)
        for source, several, one in re.findall(
            r"^[>. ]*from (sknemg[\w.]*) import (?:\(([^)]*)\)|(.*))$", text, flags=re.MULTILINE
        ):
            found += [
                f"{source}.{name}" for name in re.findall(r"(\w+)(?: as \w+)?", several or one)
            ]
        names |= dict.fromkeys(found, place)
    return names


@pytest.mark.slow
def test_every_name_of_the_documentation_is_reached_from_the_front_door():
    """After ``import sknemg`` alone: nothing else of the package is imported by hand."""
    names = documented_names()
    assert {"sknemg.evaluation", "sknemg.DiVoteClassifier", "sknemg.simulate.make_cohort"} < set(
        names
    )
    code = """if True:
        import functools, sys, sknemg
        for name in sys.stdin.read().split():
            try:
                functools.reduce(getattr, name.split(".")[1:], sknemg)
            except AttributeError as error:
                print(name, error, sep=": ")
        """
    run = subprocess.run(
        [sys.executable, "-c", code],
        input="\n".join(sorted(names)),
        capture_output=True,
        text=True,
        check=True,
    )
    missing = run.stdout.splitlines()
    assert not missing, [(line, names[line.partition(":")[0]]) for line in missing]
