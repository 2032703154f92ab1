"""Sphinx configuration: guide in Markdown, API from the public names, gallery from examples/."""

import importlib
import inspect
import re
import warnings
from pathlib import Path

import sknemg
from sknemg.pages import INTENDED_USE

HERE = Path(__file__).parent

project = "sknemg"
author = "The sknemg developers"
copyright = "2026, the sknemg developers"
release = version = sknemg.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery/**/*.ipynb"]
myst_enable_extensions = ["colon_fence", "dollarmath", "substitution"]
myst_substitutions = {"intended_use": INTENDED_USE}
myst_heading_anchors = 3

templates_path = ["_templates"]
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
# scikit-learn's generated docstrings link into its own pages.
suppress_warnings = ["ref.term", "config.cache"]
nitpicky = True  # a name without a page is a warning
nitpick_ignore_regex = [(r"py:.*", r"(huggingface_hub|matplotlib|scipy|sklearn|torch)\..*")]

html_theme = "pydata_sphinx_theme"
html_title = "sknemg"
html_theme_options = {
    "show_toc_level": 2,
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc"],
}
html_static_path = ["_static"]
# Pages without pages below them have nothing to navigate on the left.
html_sidebars = {"*": [], "guide/*": []}

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_",
    "download_all_examples": False,
    "min_reported_time": 1e9,
    "remove_config_comments": True,
    "show_memory": False,
    "within_subsection_order": "FileNameSortKey",
}
warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")

#: The sections of the reference: title and module.
REFERENCE = [
    ("Data", "recordings"),
    ("Signals and segments", "preprocessing"),
    ("Features", "features"),
    ("Images", "images"),
    ("Augmentation", "augmentation"),
    ("Segment classifiers", "classifiers"),
    ("Networks", "nn"),
    ("Voting", "divote"),
    ("Diagnosis", "diagnosis"),
    ("Models that come with sknemg", "pretrained"),
    ("Model selection", "model_selection"),
    ("Metrics", "metrics"),
    ("Evaluation", "evaluation"),
    ("Fitted models as files", "persistence"),
    ("Data sets", "datasets"),
    ("Simulated muscles", "simulate"),
    ("Simulated discharges at rest", "simulate.resting"),
    ("Inspection", "inspection"),
    ("Motor unit potentials", "muap"),
    ("Functions on signals", "signal"),
    ("EMG Labeler", "labeler"),
    ("Archives", "archive"),
]


def public_names(module):
    """Public names of a module: its ``__all__``, else what is defined in it."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(thing) or inspect.isfunction(thing))
        and thing.__module__ == module.__name__
    ]


def pages():
    """Names that have a page, each with the name of that page.

    A name that ``sknemg`` itself exports leads to the page of the module that it comes from.
    """
    found = {}
    for _, module in REFERENCE:
        path = f"sknemg.{module}"
        for name in public_names(importlib.import_module(path)):
            found |= {f"sknemg.{name}": f"{path}.{name}"} if name in sknemg.__all__ else {}
            found[f"{path}.{name}"] = f"{path}.{name}"
    return found


def write_reference():
    """Write api/index.rst from the public names, so that none is forgotten."""
    lines = ["API reference", "=============", ""]
    for title, name in REFERENCE:
        module = importlib.import_module(f"sknemg.{name}")
        lines += [title, "-" * len(title), "", f".. currentmodule:: sknemg.{name}", ""]
        lines += [".. autosummary::", "   :toctree: generated", ""]
        lines += [f"   {public}" for public in sorted(public_names(module))] + [""]
    target = HERE / "api" / "index.rst"
    target.parent.mkdir(exist_ok=True)
    target.write_text("\n".join(lines))


def drop_foreign_labels(app, what, name, obj, options, lines):
    """Turn links into scikit-learn's user guide, in docstrings of its mixins, into their text."""
    lines[:] = [re.sub(r":ref:`([^<`]+)<[^>]+>`", r"\1", line) for line in lines]


def resolve_front_door(app, env, node, contnode):
    """Link ``sknemg.Segmenter`` to the page of ``sknemg.preprocessing.Segmenter``."""
    target = pages().get(node.get("reftarget"))
    if node.get("refdomain") != "py" or target in (None, node["reftarget"]):
        return None
    domain = env.get_domain("py")
    return domain.resolve_xref(
        env, node["refdoc"], app.builder, node["reftype"], target, node, contnode
    )


def skip_foreign(app, what, name, obj, skip, options):
    """Leave out of a class what it inherits from another library."""
    obj = inspect.unwrap(obj) if callable(obj) else obj
    owner = getattr(obj, "__objclass__", None)  # of what is written in C, as tuple.count
    origin = getattr(obj, "__module__", None) or getattr(owner, "__module__", "sknemg")
    return None if origin.startswith("sknemg") else True


def setup(app):
    app.connect("missing-reference", resolve_front_door)
    app.connect("autodoc-skip-member", skip_foreign)
    app.connect("autodoc-process-docstring", drop_foreign_labels)
    write_reference()  # now: Sphinx lists the source files before any event
