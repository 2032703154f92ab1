"""The packages import each other as docs/architecture.md says."""

import re
from copy import deepcopy
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest
from importlinter.api import read_configuration
from importlinter.contracts.acyclic_siblings import AcyclicSiblingsContract
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract
from importlinter.contracts.protected import ProtectedContract

import sknemg

ROOT = Path(__file__).parents[1]
PACKAGE = Path(sknemg.__file__).parent
PAGE = ROOT / "docs" / "architecture.md"
TYPES = {
    kind.type_name: kind
    for kind in (AcyclicSiblingsContract, ForbiddenContract, LayersContract, ProtectedContract)
}


@pytest.fixture(scope="module")
def imports():
    """Who imports whom, imports within functions and for type checking included."""
    return grimp.build_graph("sknemg", include_external_packages=True, cache_dir=None)


@pytest.fixture(scope="module")
def contracts():
    config = read_configuration(str(ROOT / "pyproject.toml"))
    return [
        TYPES[options["type"]](options["name"], config["session_options"], options)
        for options in config["contracts_options"]
    ]


def broken(contracts, graph):
    return [c.name for c in contracts if not c.check(deepcopy(graph), verbose=False).kept]


def test_the_contracts_are_kept(contracts, imports):
    assert broken(contracts, imports) == []


@pytest.mark.parametrize(
    "importer, imported, contract",
    [
        ("sknemg.model_selection", "sknemg.divote", "upwards"),
        ("sknemg.model_selection", "sknemg.metrics", "upwards"),
        ("sknemg.datasets", "sknemg.model_selection", "upwards"),
        ("sknemg.datasets", "sknemg.simulate.cohort", "upwards"),
        ("sknemg.simulate", "sknemg.features", "upwards"),
        ("sknemg.recordings", "sknemg.base", "upwards"),
        ("sknemg.divote", "sknemg.classifiers", "upwards"),
        ("sknemg.divote", "sknemg.inspection", "upwards"),
        ("sknemg.metrics", "sknemg.evaluation", "upwards"),
        ("sknemg.evaluation", "sknemg.cli", "upwards"),
        ("sknemg.simulate.contraction", "sknemg.simulate.muscle", "circle"),
        ("sknemg.recordings._problems", "sknemg.recordings.recordings", "circle"),
        ("sknemg.evaluation", "sknemg.simulate", "applications"),
        ("sknemg.features", "sknemg.datasets.files", "applications"),
        ("sknemg.metrics", "torch", "torch"),
        ("sknemg.recordings.recordings", "torch", "torch"),
        ("sknemg.preprocessing", "sknemg.provenance", "torch"),  # which imports it
        ("sknemg.nn.nemgnet", "sklearn", "plain torch"),
        ("sknemg.evaluation", "benchmarks", "around it"),
        ("sknemg.provenance", "tests", "around it"),
        ("sknemg.cli", "sknemg", "front door"),
        ("sknemg.divote", "sknemg", "front door"),
    ],
)
def test_a_forbidden_arrow_breaks_a_contract(contracts, imports, importer, imported, contract):
    graph = deepcopy(imports)
    assert importer in graph.modules
    graph.add_import(importer=importer, imported=imported)
    assert any(contract in name for name in broken(contracts, graph))


def test_no_module_needs_itself(imports):
    """Not even by way of the names that a package loads lazily, which its stub lists."""
    needs = {
        module: {
            other
            for other in imports.find_modules_directly_imported_by(module)
            if other.startswith("sknemg")
        }
        for module in imports.modules
    }
    stubs = list(PACKAGE.rglob("__init__.pyi"))
    assert stubs
    for stub in stubs:
        package = ".".join(["sknemg", *stub.parent.relative_to(PACKAGE).parts])
        attached = set(re.findall(r"^from \.([\w.]*) import", stub.read_text(), re.MULTILINE))
        needs[package] |= {f"{package}.{module}" for module in attached}
    assert {"sknemg.metrics.scorer", "sknemg.metrics.tables"} <= needs["sknemg.metrics"]
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other in a circle: {' <- '.join(error.args[1])}")


def test_the_top_level_holds_no_private_module():
    found = {path.stem for path in PACKAGE.iterdir() if path.suffix in ("", ".py")}
    private = {name for name in found if name.startswith("_")}
    assert private - {"__pycache__"} == {"__init__", "__main__"}


def test_every_lazy_package_has_a_stub():
    for file in PACKAGE.rglob("__init__.py"):
        assert ("attach_stub" in file.read_text()) == file.with_suffix(".pyi").exists(), file


def top(module):
    return module.split(".")[1]


def test_the_page_draws_the_floors_of_the_contract(contracts):
    (drawing,) = re.findall(r"```text\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    drawn = [
        set(re.findall(r"[a-z_]+", " ".join(re.split(r" {3,}", line.strip())[0] for line in floor)))
        for floor in (block.split("\n") for block in re.split(r"\n *│\n", drawing.strip("\n")))
    ]
    (layers,) = [c for c in contracts if isinstance(c, LayersContract)]
    floors = [
        {tail.name for tail in layer.module_tails if (PACKAGE / tail.name).is_dir()
         or (PACKAGE / f"{tail.name}.py").exists()}
        for layer in layers.layers
    ]  # fmt: skip
    assert drawn == [floor for floor in floors if floor]


def test_the_page_lists_every_package_and_what_it_imports(imports):
    packages = {top(module) for module in imports.modules if module.startswith("sknemg.")}
    packages -= {"conftest"}
    found = {package: set() for package in packages}
    for package in packages:
        for module in imports.find_descendants(f"sknemg.{package}") | {f"sknemg.{package}"}:
            for other in imports.find_modules_directly_imported_by(module):
                if other.startswith("sknemg.") and top(other) != package:
                    found[package].add(top(other))
    found["cli"] |= found.pop("__main__") - {"cli"}  # the two are one line of the table
    table = PAGE.read_text().partition("| Package |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in table.split("\n")[2:]]
    listed = {
        re.findall(r"`(\w+)`", names)[0]: set(re.findall(r"`(\w+)`", imported))
        for names, _, imported in rows
    }
    assert listed == found


def test_no_two_files_of_tests_have_one_name():
    # Without packages among the tests, pytest takes the second for the first and collects nothing.
    names = [file.name for file in (ROOT / "tests").rglob("*.py") if file.name != "conftest.py"]
    assert sorted(names) == sorted(set(names))
