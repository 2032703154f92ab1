"""The page of a comparison: what stands on it, and that it holds together whatever the names."""

import dataclasses
import functools
import io
import itertools
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from _results import DIAGNOSES, HOSTILE, hostile, invented

from sknemg.evaluation import Evaluation, report
from sknemg.evaluation.comparison import scores_of
from sknemg.evaluation.confounding import confounds
from sknemg.evaluation.figure import (
    draw_comparison,
    method_panels,
    plain_text,
    shared_panels,
    short_names,
)
from sknemg.evaluation.report import _pictures, report_page, report_panels, write_report
from sknemg.pages import INTENDED_USE


class Page(HTMLParser):
    """A page taken apart: its tags with their attributes, and its text."""

    VOID = ("meta", "img", "br")

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(page)
        assert self.open == [], "every tag is closed"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += data

    def of(self, *names):
        return [(tag, attrs) for tag, attrs in self.tags if tag in names]


def page_of(result, X, y, title="Comparison on a cohort"):
    scores = scores_of(result, n_resamples=9)
    return report_page(
        result, scores, confounds(X, y), *report_panels(result, scores, X), title=title
    )


@pytest.fixture
def quick(monkeypatch):
    """Leave out the pictures and most resamples, which take nearly all the time."""
    for name in ("one_vs_rest_table", "gains_of"):
        monkeypatch.setattr(report, name, functools.partial(getattr(report, name), n_resamples=9))
    monkeypatch.setattr(report, "_pictures", lambda *_: [])


@pytest.fixture
def text_of(quick):
    return lambda *args: Page(page_of(*args)).text


@pytest.fixture(scope="module")
def plain():
    return page_of(*invented())


@pytest.fixture(scope="module")
def wicked():
    with pytest.warns(UserWarning, match="missing from font"):
        return page_of(*hostile(), title="Comparison on <b>x</b> \u202eabc\udcff")


# -- the form ----------------------------------------------------------------------------------


def test_the_page_is_accessible_html(plain):
    page = Page(plain)
    assert plain.startswith("<!doctype html>")
    assert page.of("html") == [("html", {"lang": "en"})]
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in (
        page.tags
    )
    levels = [int(tag[1]) for tag, _ in page.of("h1", "h2", "h3", "h4")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(below - above <= 1 for above, below in itertools.pairwise(levels))
    assert len(page.of("table")) == len(page.of("caption")) == 6
    scopes = [attrs.get("scope") for _, attrs in page.of("th")]
    assert set(scopes) == {"col", "row", "rowgroup"}
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    referred = [attrs["href"][1:] for _, attrs in page.of("a")]
    referred += [attrs["aria-labelledby"] for _, attrs in page.of("div") if "role" in attrs]
    assert len(referred) == 17 and set(referred) <= set(ids)


def test_pictures_say_what_they_show_with_its_numbers(plain):
    images = [attrs for _, attrs in Page(plain).of("img")]
    assert len(images) == 2 + 2 * 4  # of both methods matrix, curves, calibration and votes
    for attrs in images:
        assert attrs["src"].startswith("data:image/png;base64,")
        assert int(attrs["width"]) > int(attrs["height"]) / 2 > 100
        assert re.search(r"\d", attrs["alt"])
    accuracies, confusion = images[1]["alt"], images[2]["alt"]
    # 12 subjects, of whom the first four are wrongly diagnosed
    assert "subjects: nEMGNet 0.67 (" in accuracies
    assert "always the most frequent class 0.33" in accuracies
    assert "of 4 myopathy, 2 as myopathy, 2 as neuropathy" in confusion
    for image, what in zip(
        images[2:], ["Confusion", "ROC", "Calibration", "Triangle"] * 2, strict=True
    ):
        assert image["alt"].startswith(what)
    assert "ROC curves of LDA for subjects. Area under the curve: myopathy 0." in images[7]["alt"]


def test_the_page_opens_offline_and_runs_nothing(plain, wicked):
    for text in (plain, wicked):
        page = Page(text)
        for _, attrs in page.tags:
            for name, value in attrs.items():
                assert not name.startswith("on")
                if name in ("src", "href", "srcset", "data", "action"):
                    assert value.startswith(("data:image/png;base64,", "#"))
        assert not page.of("script", "link", "iframe", "object", "form")
        (style,) = re.findall(r"<style>(.*?)</style>", text, flags=re.DOTALL)
        assert "url(" not in style and "@import" not in style
        policy = [attrs["content"] for _, attrs in page.of("meta") if "http-equiv" in attrs]
        assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_the_intended_use_stands_once(plain):
    assert plain.count(INTENDED_USE) == 1
    assert plain.count("medical device") == 1


def test_no_name_becomes_markup(plain, wicked):
    assert {tag for tag, _ in Page(wicked).tags} == {tag for tag, _ in Page(plain).tags}
    text = Page(wicked).text
    for name in (*HOSTILE, "<img src=x onerror=alert(1)>0", "Comparison on <b>x</b>"):
        assert name[:150].replace("\u202e", "\ufffd") in text
    wicked.encode("utf-8")  # and what neither HTML nor UTF-8 can hold is replaced, too
    assert not set("\x07\u202e") & set(wicked)


# -- what it says ------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [(False, True), (0, 1, 2), ("ill", "well"), DIAGNOSES])
def test_labels_of_every_kind(text_of, classes):
    result, X, y = invented(classes)
    text = text_of(result, X, y)
    for label in classes:
        assert f"{12 // len(classes)} {label}" in text
        assert re.search(rf"S00\d\n{label}\n0\.\d", text), "a wrong subject with its score"
        assert f"score of {label}" in text
    shared = shared_panels(result, scores_of(result, n_resamples=9), X)
    assert [panel.name for panel in shared] == ["examples", "accuracies"]
    assert f"{classes[0]}: subject S0" in shared[0].alt
    own = method_panels(result, "nEMGNet")
    names = ["confusion", "roc", "calibration", "votes"]
    assert [panel.name for panel in own] == names[: len(classes) + 1]
    assert f"as {classes[1]}" in own[0].alt


def test_five_hundred_wrong_subjects_are_counted_not_listed(text_of):
    text = text_of(*invented(names=520, wrong=500 / 520, methods=("nEMGNet",)))
    assert "30 of 500 rows are shown; subjects.csv holds all." in text
    assert "300 of 520 rows are shown; subjects.csv holds all." in text
    assert len(re.findall(r"\nS\d{3}\n", text)) == 30 + 300


def test_many_classes_make_no_wide_tables_and_no_unreadable_picture(quick):
    classes = tuple(f"class {i}" for i in range(20))
    result, X, y = invented(classes, names=40, methods=("nEMGNet",))
    page = Page(page_of(result, X, y))
    widths = []
    for tag, attrs in page.of("thead", "th"):
        if tag == "thead":
            widths.append(0)
        elif attrs["scope"] == "col":
            widths[-1] += 1
    assert len(widths) == 6 and max(widths) <= 12
    panels = shared_panels(result, scores_of(result, n_resamples=9), X)
    assert [panel.name for panel in panels] == ["examples", "accuracies"]
    assert not method_panels(result, "nEMGNet")
    assert panels[0].caption.startswith("For 6 of 20 classes")


@pytest.mark.filterwarnings("ignore:'nEMGNet' gives no score")
def test_who_has_no_score_is_named_and_not_called_wrong(text_of):
    result, X, y = invented(unscored=[0, 7], wrong=0, methods=("nEMGNet",))
    result.settings["lacking"] = [
        {"repeat": 0, "fold": 2, "class": "normal", "subjects": ["S001", "S003"]}
    ]
    text = text_of(result, X, y)
    assert "nEMGNet has no score for subjects 'S000', 'S007' and 2 recordings" in text
    assert "None." in text
    assert "Run 1, fold 3: training lacks the class normal" in text
    assert "counts as wrong for test subjects 'S001', 'S003'" in text


def test_published_scores_are_said_to_leak(text_of):
    result, X, y = invented()
    assert "These scores leak" not in text_of(result, X, y)
    result.settings["protocol"]["choose_on"] = "test"
    assert "These scores leak" in text_of(result, X, y)


def test_only_scores_of_networks_are_said_to_leak(text_of):
    """A comparison without a network, in which nothing is chosen, was once said to leak."""
    result, X, y = invented()
    result.settings["protocol"]["choose_on"] = "test"
    cells = result.cells.assign(n_weights=np.where(result.cells["method"] == "LDA", np.nan, 9))
    text = text_of(dataclasses.replace(result, cells=cells), X, y)
    assert re.search(r"The scores of\s+nEMGNet leak\.", text)
    assert "The scores of nEMGNet leak: patients" in text
    cells = result.cells.assign(n_weights=np.nan)
    assert " leak" not in text_of(dataclasses.replace(result, cells=cells), X, y)


def test_runs_are_told_apart_where_there_are_several(text_of):
    text = text_of(*invented(repeats=2, methods=("nEMGNet",)))
    assert "run 2, fold 3" in text
    assert "2 runs" in text
    text = text_of(*invented(methods=("nEMGNet",)))
    assert "fold 3" in text and "run 1, fold" not in text


def test_what_a_score_hides_stands_below_the_table(quick):
    result, X, y = invented()
    scores = scores_of(result, n_resamples=9)
    scores["note"] = np.where(scores["method"] == "LDA", "one subject only: <normal>", "")
    panels = report_panels(result, scores, X)
    page = report_page(result, scores, confounds(X, y), *panels, title="x")
    assert "one subject only: <normal> (LDA, subjects; LDA, recordings)" in Page(page).text


def test_a_saved_result_gives_the_same_text(tmp_path, text_of):
    result, X, y = invented()
    result.save(tmp_path)
    assert text_of(Evaluation.load(tmp_path), X, y) == text_of(result, X, y)


def test_every_subject_is_listed_with_its_scores(text_of):
    result, X, y = invented(unscored=[5])
    with pytest.warns(UserWarning, match="gives no score"):
        text = text_of(result, X, y)
    listed = text[text.rindex("Every subject: the answer") :]
    for row in result.subjects[result.subjects["method"] == "LDA"].itertuples():
        if row.subject == "S005":
            assert "S005\nnormal\n–\nno score\n1\n–\n–\n–" in listed
            continue
        right = "right" if row.prediction == row.y_true else "WRONG"
        votes = "\n".join(f"{v:.3f}" for v in (row.myopathy, row.neuropathy, row.normal))
        assert f"{row.subject}\n{row.y_true}\n{row.prediction}\n{right}\n1\n{votes}" in listed


def test_the_scores_of_subjects_are_not_called_votes_and_the_triangle_says_who_decided():
    """A final classifier may answer against the votes, which the triangle shows."""
    result, X, _ = invented(methods=("LDA",), wrong=0)
    subjects = result.subjects.copy()
    answer = subjects["prediction"].copy()
    answer[:2] = ["normal", "normal"]  # of a myopathy and a neuropathy, whose votes are right
    result = dataclasses.replace(result, subjects=subjects.assign(prediction=answer))
    (votes,) = [panel for panel in method_panels(result, "LDA") if panel.name == "votes"]
    assert "For 2 of 12 the answer is not the class with most votes" in votes.caption
    text = Page(page_of(result, X, result.subjects["y_true"].to_numpy())).text
    assert "score of normal" in text and "votes for normal" not in text
    (votes,) = [p for p in method_panels(invented(wrong=0)[0], "LDA") if p.name == "votes"]
    assert "most votes" not in votes.caption


def test_many_methods_stay_at_their_level():
    """Ten methods once reached over the levels beside theirs, and out of the picture."""
    from matplotlib.figure import Figure

    methods = tuple(f"method {i}" for i in range(10))
    result, X, _ = invented(methods=methods)
    (panel,) = [
        one
        for one in shared_panels(result, scores_of(result, n_resamples=9), X)
        if one.name == "accuracies"
    ]
    figure = Figure()
    panel.draw(figure)
    (ax,) = figure.axes
    for container in ax.containers:
        assert np.abs(container.lines[0].get_xdata() - np.arange(2)).max() < 0.45


def test_pictures_of_a_page_are_the_same_in_any_style():
    """On a dark ground, black marks were not seen."""
    import matplotlib as mpl

    result, X, _ = invented()
    panels = [*shared_panels(result, scores_of(result, n_resamples=9), X)]
    panels += method_panels(result, "LDA")
    plain = _pictures(panels)
    with mpl.style.context(["dark_background", {"font.size": 20}]):
        styled = _pictures(panels)
    assert [picture.png for picture in styled] == [picture.png for picture in plain]


def test_long_names_stay_within_the_pictures_of_a_method():
    from matplotlib.figure import Figure

    classes = ("inflammatory polyneuropathy", "amyotrophic lateral sclerosis", "normal")
    method = "nEMGNet tuned + one-cycle, width 64, 40 epochs, with motor units"
    result, _, _ = invented(classes, methods=(method,))
    panels = method_panels(result, method)
    assert len(panels) == 4
    for panel in panels:
        with plain_text():
            figure = Figure(figsize=panel.size, layout="constrained")
            panel.draw(figure)
            figure.savefig(io.BytesIO())
        for ax in figure.axes:
            drawn = [*ax.texts, ax.title]
            if panel.name == "confusion":
                drawn += [*ax.get_xticklabels(), *ax.get_yticklabels()]
            boxes = [text.get_window_extent() for text in drawn if text.get_text()]
            if panel.name in ("roc", "calibration"):
                names = ax.get_legend().get_window_extent()
                assert ax.bbox.x0 <= names.x0 and names.x1 <= ax.bbox.x1, panel.name
            assert all(figure.bbox.x0 <= box.x0 for box in boxes), panel.name
            assert all(box.x1 <= figure.bbox.x1 for box in boxes), panel.name


def test_the_names_of_many_methods_cover_nothing_of_the_figure():
    import matplotlib.pyplot as plt

    methods = tuple(f"a method with a name that takes two lines, {i}" for i in range(9))
    result, X, _ = invented(methods=methods)
    panels = shared_panels(result, scores_of(result, n_resamples=9), X)
    figure = draw_comparison([*panels, *method_panels(result, methods[0])])
    figure.canvas.draw()
    (ax,) = [ax for ax in figure.axes if ax.get_title() == "Accuracy on test subjects"]
    names = ax.get_legend().get_window_extent()
    levels = [label.get_window_extent() for label in ax.get_xticklabels()]
    assert names.y0 >= 0 and names.y1 <= min(level.y0 for level in levels)
    label, axes = ax.yaxis.label.get_window_extent(), ax.get_window_extent()
    assert label.height <= axes.height
    plt.close(figure)


def test_other_recordings_than_those_of_the_result_are_refused():
    """Pictures would show them under the names of others."""
    result, X, _ = invented()
    scores = scores_of(result, n_resamples=9)
    with pytest.raises(ValueError, match="X holds 3 recordings, and the result is of 12"):
        shared_panels(result, scores, X[:3])
    with pytest.raises(ValueError, match="Row 0 of X is of the subject 'S011'"):
        shared_panels(result, scores, X[::-1])


def test_a_model_that_sees_no_emg_is_a_row_and_gains_are_shown(text_of):
    result, X, y = invented(methods=("LDA", "blind"))
    result.settings["nuisance"] = "blind"
    text = text_of(result, X, y)
    assert "The row blind sees nothing of the EMG" in text
    assert "Scores less those of the model that sees no EMG" in text
    assert "Whether LDA is better than the model that sees no EMG cannot be told (0 points" in text


# -- the files ---------------------------------------------------------------------------------


def test_page_and_picture_are_written_and_characters_that_their_font_lacks_told_once(tmp_path):
    result, X, y = invented((False, True), methods=("日本", "普通"))
    scores = scores_of(result, n_resamples=9)
    out = tmp_path / "new" / "out"
    with pytest.warns(UserWarning) as caught:
        files = write_report(out, result, scores, confounds(X, y), X, title="x")
    (warning,) = caught
    assert "lacks 4 characters of the names: read the names in the tables" in str(warning.message)
    assert warning.filename == __file__
    assert [file.name for file in files] == ["report.html", "comparison.png"]
    page = files[0].read_text(encoding="utf-8")
    assert page.endswith("</html>\n")
    assert len(Page(page).of("img")) == 2 + 2 * 3
    assert files[1].read_bytes().startswith(b"\x89PNG")


def test_a_short_name_turns_no_number_behind_it():
    assert short_names(["\u202eשלום", "S1\u202d"]) == {"\u202eשלום": "שלום", "S1\u202d": "S1"}


def test_short_names_stay_different():
    names = [f"{'amyotrophic lateral sclerosis'} {i}" for i in range(3)]
    short = short_names(names)
    assert len(set(short.values())) == 3
    assert max(map(len, short.values())) <= 20
