import inspect
import subprocess
import sys

import numpydoc.docscrape
import pytest
from sklearn.base import BaseEstimator

import sknemg

PUBLIC = [getattr(sknemg, name) for name in sknemg.__all__]
CLASSES = [thing for thing in PUBLIC if isinstance(thing, type)]


def test_importing_sknemg_loads_nothing_heavy():
    code = (
        "import sys, sknemg; "
        "print([m for m in ('torch', 'timm', 'matplotlib', 'librosa', 'pandas', 'sklearn') "
        "if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "code, unwanted",
    [
        ("from sknemg import Recordings, Segmenter, DiVoteClassifier", ["torch", "timm"]),
        ("from sknemg import NEMGNetClassifier", ["timm", "librosa"]),
        ("from sknemg.simulate import make_cohort", ["torch", "timm", "wfdb"]),
        ("from sknemg.inspection import TraceDisplay", ["torch", "captum", "umap"]),
    ],
)
def test_names_load_only_what_they_need(code, unwanted):
    code += f"; import sys; print([m for m in {unwanted} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


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
