"""Templates, tables and the style sheet that all pages share."""

import re
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd
import pytest

import sknemg
from sknemg.pages import INTENDED_USE, RESEARCH_ONLY, Cell, Picture, Table, render

PACKAGE = Path(sknemg.__file__).parent
STYLE = (PACKAGE / "pages" / "templates" / "style.css").read_text(encoding="utf-8")


def page(**values):
    return render("sknemg.pages", "page.html", **{"title": "A title", "version": "1", **values})


def test_values_are_escaped_and_cannot_be_forgotten():
    assert "<h1>a &lt; b &amp; &#34;c&#34;</h1>" in page(title='a < b & "c"')
    with pytest.raises(jinja2.UndefinedError, match="'version' is undefined"):
        render("sknemg.pages", "page.html", title="x")


def test_what_utf8_and_html_cannot_hold_is_replaced():
    assert "<h1>a\ufffdb\ufffd\tc</h1>" in page(title="a\x00b\udc80\tc")
    assert "<h1>S\ufffd95 %</h1>" in page(title="S\u202e95 %")  # which would read 59 %


def test_a_template_of_another_package_extends_the_page():
    from sknemg.pages.environment import _environment

    loader = _environment("sknemg.evaluation").loader
    assert {"page.html", "macros.html", "report.html"} <= set(loader.list_templates())


def test_the_intended_use_is_written_in_one_place():
    words = re.compile(r"medical\W+device|not\W+for\W+diagnosis", re.IGNORECASE)
    files = [file for kind in ("*.py", "*.html") for file in PACKAGE.rglob(kind)]
    found = {file.name for file in files if words.search(file.read_text(encoding="utf-8"))}
    assert found == {"intended_use.py"}
    assert RESEARCH_ONLY.startswith("Research only")
    assert "research software" in INTENDED_USE
    assert INTENDED_USE in page()


# -- tables ------------------------------------------------------------------------------------


def texts(table):
    return [[cell.text for cell in row] for group in table.groups for row in group.rows]


def test_entries_of_every_kind():
    frame = pd.DataFrame(
        {"a": ["x", None, ""], "b": [1, 2, 3], "c": [0.12345, np.nan, 12345.6], "d": [True] * 3}
    )
    table = Table.from_frame(frame, "t", "A table")
    assert texts(table) == [
        ["x", "1", "0.123", "True"],
        ["–", "2", "–", "True"],
        ["", "3", "12346", "True"],
    ]
    assert [cell.look for cell in table.groups[0].rows[0]] == ["", "number", "number", ""]


def test_numbers_are_written_without_a_power_a_minus_zero_or_a_heading_on_the_other_side():
    frame = pd.DataFrame({"who": ["x", "y"], "s": [999.7, -0.0], "w" * 50: [1, 2], "n": [1, "?"]})
    table = Table.from_frame(frame, "t", "A table")
    assert texts(table) == [["x", "1000", "1", "1"], ["y", "0", "2", "?"]]
    assert [cell.look for cell in table.columns] == ["", "number", "number long", ""]


def test_an_entry_that_is_a_cell_stays_as_it_is():
    frame = pd.DataFrame({"a": [Cell("<1 %", "number")], "b": [None]})
    assert texts(Table.from_frame(frame, "t", "A table")) == [["<1 %", "–"]]


def test_long_entries_are_broken_and_very_long_ones_cut():
    frame = pd.DataFrame({"a": ["many short words " * 3, "w" * 21, "w" * 500, "short"]})
    cells = [row[0] for row in Table.from_frame(frame, "t", "A table").groups[0].rows]
    assert [cell.look for cell in cells] == ["long", "long", "long", ""]
    assert len(cells[2].text) == 160 and cells[2].text.endswith("w…")


def test_groups_keep_their_order_and_the_limit_counts_in_each():
    frame = pd.DataFrame({"of": list("bbbaab"), "n": range(6)})
    table = Table.from_frame(frame, "t", "A table", group="of", limit=2)
    assert [(g.heading.text, [row[0].text for row in g.rows]) for g in table.groups] == [
        ("b", ["0", "1"]),
        ("a", ["3", "4"]),
        ("b", ["5"]),
    ]
    assert table.note == "5 of 6 rows are shown."


def test_an_empty_table_has_no_groups():
    frame = pd.DataFrame({"of": [], "n": []})
    table = Table.from_frame(frame, "t", "A table", group="of")
    assert table.groups == [] and table.note == ""


def test_the_size_of_a_picture_is_that_of_its_file():
    from matplotlib.figure import Figure

    picture = Picture.from_figure(Figure(figsize=(3, 2)), "nothing", "empty", dpi=50)
    assert picture.size == (150, 100)
    assert picture.source.startswith("data:image/png;base64,iVBOR")


# -- colours -----------------------------------------------------------------------------------


def luminance(colour):
    """Relative luminance by WCAG 2."""
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(a, b):
    high, low = sorted([luminance(a), luminance(b)], reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_measured_as_wcag_does():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_text_stands_out_in_every_scheme(scheme):
    blocks = re.findall(r":root \{(.*?)\}", STYLE, flags=re.DOTALL)
    assert len(blocks) == 3
    light, dark, paper = (dict(re.findall(r"--([\w-]+): (#\w{6});", block)) for block in blocks)
    assert set(light) == set(dark) >= set(paper)
    colours = {"light": light, "dark": dark, "print": light | paper}[scheme]
    for text in ("text", "quiet", "link"):
        for ground in ("ground", "shade", "notice", "alarm"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for edge in ("notice-edge", "alarm-edge"):
        assert contrast(colours[edge], colours["ground"]) >= 3, edge
