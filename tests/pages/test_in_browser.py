"""The pages as a browser lays them out: on a phone, in the dark, on paper."""

import warnings

import pytest
from _results import hostile, invented

from sknemg.evaluation.comparison import scores_of
from sknemg.evaluation.confounding import confounds
from sknemg.evaluation.report import report_page, report_panels

pytestmark = pytest.mark.browser

WIDE = tuple(f"diagnosis number {i}" for i in range(9))
MADE = {
    "plain": invented,
    "hostile": hostile,
    "many": lambda: invented(WIDE, 180, wrong=0.9),
}

CONTRASTS = """
(() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = node => {
    for (let at = node; at; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
      if (colour[3] !== 0) throw new Error("a translucent ground");
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim()) continue;
    const pair = [luminance(numbers(getComputedStyle(node).color)), luminance(ground(node))];
    found.push((Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05));
  }
  return found;
})()
"""


@pytest.fixture(scope="module", params=MADE)
def page(request, tab, tmp_path_factory):
    result, X, y = MADE[request.param]()
    scores = scores_of(result, n_resamples=9)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*missing from font")
        panels = report_panels(result, scores, X)
        text = report_page(result, scores, confounds(X, y), *panels, title="Comparison on a cohort")
    file = tmp_path_factory.mktemp(request.param) / "report.html"
    file.write_text(text, encoding="utf-8")
    return file


def widths(tab, selector):
    """Width of what is in each box, and of the box."""
    return tab.evaluate(
        f"[...document.querySelectorAll('{selector}')].map(e => [e.scrollWidth, e.clientWidth])"
    )


@pytest.mark.parametrize("width", [320, 390, 1100])
def test_the_page_never_scrolls_sideways_but_its_tables_do(tab, page, width):
    tab.open(page, width=width)
    assert tab.evaluate("window.innerWidth") == width
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    boxes = widths(tab, ".scroll")
    assert len(boxes) == 6
    assert all(box <= width for _, box in boxes)
    if width < 600:
        assert any(inside > box for inside, box in boxes)
        size = tab.evaluate("parseFloat(getComputedStyle(document.querySelector('td')).fontSize)")
        assert size >= 14
    captions = "[...document.querySelectorAll('caption span')].map(e => e.offsetWidth)"
    assert all(0 < inside <= width for inside in tab.evaluate(captions))


def test_headers_of_rows_stay_in_view(tab, page):
    tab.open(page, width=390)
    left = tab.evaluate(
        "(() => { const box = document.querySelector('.scroll'); box.scrollLeft = 200;"
        " return box.querySelector('th[scope=row]').getBoundingClientRect().left"
        " - box.getBoundingClientRect().left; })()"
    )
    assert left == 0


@pytest.mark.parametrize("dark", [False, True])
def test_text_and_pictures_stand_out(tab, page, dark):
    tab.open(page, width=390, dark=dark)
    ground = tab.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert ground == ("rgb(21, 24, 28)" if dark else "rgb(255, 255, 255)")
    found = tab.evaluate(CONTRASTS)
    assert len(found) > 100
    assert min(found) >= 4.5
    behind = "getComputedStyle(document.querySelector('img')).backgroundColor"
    assert tab.evaluate(behind) == "rgb(255, 255, 255)"
    loaded = tab.evaluate("[...document.images].map(i => i.complete && i.naturalWidth)")
    assert loaded and all(loaded)


@pytest.mark.parametrize("across", [False, True])
def test_nothing_is_cut_off_on_paper(tab, page, across):
    millimetre = 96 / 25.4
    paper = (297 - 2 * 12 if across else 210 - 2 * 15) * millimetre
    tab.open(page, width=int(paper), dark=True, media="print")
    selector = ".scroll.wide table" if across else ".scroll:not(.wide) table, pre, img, p, h1"
    right = tab.evaluate(
        f"[...document.querySelectorAll('{selector}')].map(e => e.getBoundingClientRect().right)"
    )
    assert len(right) == (not page.parent.name.startswith("plain")) if across else right
    assert all(edge <= paper + 1 for edge in right)
    assert tab.evaluate("getComputedStyle(document.documentElement).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    assert tab.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert min(tab.evaluate(CONTRASTS)) >= 4.5


def test_it_loads_nothing_and_runs_nothing(tab, page):
    with tab.listening("Network.requestWillBeSent", "Log.entryAdded") as heard:
        tab.open(page, width=390)
    asked = [event["request"]["url"] for name, event in heard if name.startswith("Network")]
    assert [url[:10] for url in asked if not url.startswith("data:image/png")] == ["file:///tm"]
    assert [event for name, event in heard if name.startswith("Log")] == []
    assert tab.evaluate("document.scripts.length") == 0
