"""The API reference, and the links into it, without building it."""

import importlib
import importlib.util
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import sknemg

ROOT = Path(__file__).parents[1]

#: Modules whose public names have no page, and why.
NO_PAGES = {
    "base": "base classes, for those who write estimators within the package",
    "cli": "the command line, which the guide and `sknemg --help` describe",
    "pages": "what pages of the package share",
    "provenance": "called by what writes results",
    "versions": "called by what writes results",
    "weights": "files, which `pretrained` opens",
}


@pytest.fixture(scope="module")
def conf():
    """The configuration of Sphinx, as a module."""
    spec = importlib.util.spec_from_file_location("docs_conf", ROOT / "docs" / "conf.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(conf):
    return conf.pages()


def has_page(target, pages):
    """Whether a dotted name is a page, or a member of a class that has one."""
    if target in pages:
        return True
    owner, _, member = target.rpartition(".")
    if owner not in pages:
        return False
    module, _, name = pages[owner].rpartition(".")
    return hasattr(getattr(importlib.import_module(module), name), member)


def roles(text, pattern):
    """What the roles in a text name, without their titles."""
    found = re.findall(pattern + r"`([^`]+)`", text)
    return [re.sub(r"^.*<(.*)>$", r"\1", target, flags=re.DOTALL).lstrip("~") for target in found]


def see_also(doc):
    """What the section "See Also" of a docstring names."""
    section = re.search(r"^See Also\n-+\n(.*?)(?:\n\n|\Z)", doc, flags=re.MULTILINE | re.DOTALL)
    heads = re.findall(r"^(\w[\w., ]*?)(?: :.*)?$", section[1] if section else "", re.MULTILINE)
    return [name for head in heads for name in head.split(", ")]


ROLES = "(?:class|func|meth|attr|exc|data|obj|mod)"


def test_every_module_has_its_section_or_a_reason_to_have_none(conf):
    listed = {module.partition(".")[0] for _, module in conf.REFERENCE}
    found = {module.name for module in pkgutil.iter_modules(sknemg.__path__)}
    assert found - {"__main__", "conftest"} == listed | set(NO_PAGES)
    assert listed & set(NO_PAGES) == set()


def test_the_front_door_offers_the_modules_of_the_reference_and_no_internals(conf):
    offered = {name for name in sknemg.__all__ if inspect.ismodule(getattr(sknemg, name))}
    assert offered == {module.partition(".")[0] for _, module in conf.REFERENCE}


def test_every_package_within_a_package_has_its_section(conf):
    public = {
        module.name.removeprefix("sknemg.")
        for module in pkgutil.walk_packages(sknemg.__path__, "sknemg.")
        if module.ispkg and not re.search(r"\._", module.name) and module.name.count(".") == 2
    }
    assert public
    assert public <= {module for _, module in conf.REFERENCE}


def test_no_two_sections_have_one_title(conf):
    titles = [title for title, _ in conf.REFERENCE]
    assert sorted(set(titles)) == sorted(titles)


def test_every_name_of_the_front_door_has_a_page(pages):
    names = [name for name in sknemg.__all__ if not inspect.ismodule(getattr(sknemg, name))]
    assert names
    assert [name for name in names if f"sknemg.{name}" not in pages] == []


def test_what_the_documentation_links_to_has_a_page(pages):
    found = {}
    for file in (ROOT / "docs").rglob("*.md"):
        text = file.read_text(encoding="utf-8")
        found |= dict.fromkeys(roles(text, rf"\{{(?:py:)?{ROLES}\}}"), file.name)
    assert {"sknemg.diagnosis.Diagnostician", "sknemg.persistence.from_hub"} <= set(found)
    assert {target: file for target, file in found.items() if not has_page(target, pages)} == {}


def documented(pages):
    """Docstrings that the reference shows, each with the scopes that its links are read in."""
    for page in sorted(set(pages.values())):
        module, _, name = page.rpartition(".")
        thing = getattr(importlib.import_module(module), name)
        if not callable(thing):
            continue
        yield page, inspect.getdoc(thing), [page, module]
        for member, value in vars(thing).items() if inspect.isclass(thing) else ():
            if not member.startswith("_") and inspect.getdoc(value):
                yield f"{page}.{member}", inspect.getdoc(value), [page, module]


def test_what_docstrings_link_to_has_a_page(conf, pages):
    (foreign,) = [name for kind, name in conf.nitpick_ignore_regex if kind == "py:.*"]
    n_links, missing = 0, []
    for place, doc, scopes in documented(pages):
        for target in [*roles(doc, rf":(?:py:)?{ROLES}:"), *see_also(doc)]:
            n_links += 1
            readings = [target, *(f"{scope}.{target}" for scope in scopes)]
            if not re.fullmatch(foreign, target) and not any(
                has_page(reading, pages) for reading in readings
            ):
                missing.append((place, target))
    assert n_links > 50
    assert missing == []


@pytest.mark.parametrize(
    "target, known",
    [
        ("sknemg.diagnosis.Diagnostician", True),
        ("sknemg.SegmentFeatures", True),
        ("sknemg.SegmentFeatures.transform", True),
        ("sknemg.diagnosis.Diagnostician.diagnose", True),
        ("sknemg.diagnosis.Diagnostician.diagnoze", False),
        ("sknemg.SegmentFeature", False),
        ("Segmenter", False),
        ("sknemg.divote.opened.Opened", False),
    ],
)
def test_a_link_is_told_from_a_dead_one(pages, target, known):
    assert has_page(target, pages) is known
