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

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
# scikit-learn's generated docstrings link into its own pages.
suppress_warnings = ["ref.term", "config.cache"]

html_theme = "pydata_sphinx_theme"
html_title = "sknemg"
html_theme_options = {
    "show_toc_level": 2,
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc"],
}
html_static_path = ["_static"]

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

#: The pages of the reference: title, module, and whether its names are top-level.
REFERENCE = [
    ("Data", "recordings"),
    ("Signals and segments", "preprocessing"),
    ("Features", "features"),
    ("Images", "images"),
    ("Augmentation", "augmentation"),
    ("Segment classifiers", "classifiers"),
    ("Networks", "nn"),
    ("Diagnosis", "divote"),
    ("Models that come with sknemg", "pretrained"),
    ("Model selection", "model_selection"),
    ("Metrics", "metrics"),
    ("Evaluation", "evaluation"),
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


def setup(app):
    app.connect("autodoc-process-docstring", drop_foreign_labels)
    write_reference()  # now: Sphinx lists the source files before any event
