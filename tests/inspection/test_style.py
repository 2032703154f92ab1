"""Colours of classes, and the names of the package."""

import numpy as np
import pandas as pd
import pytest
import test_pictures

from sknemg import Recordings, inspection
from sknemg.inspection import _style

CLASSES = ["myopathy", "neuropathy", "normal"]


def _seen_by(colors, matrix):
    """Colours as the colour-blind see them (Machado et al. 2009, severity 1), in CIELAB."""
    rgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colors])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.array(matrix).T, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    f = np.cbrt(linear @ np.array(to_xyz).T / [0.9505, 1, 1.089])
    return np.column_stack([116 * f[:, 1], 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])])


@pytest.mark.parametrize(
    "matrix",
    [
        np.eye(3),
        [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
        [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
        [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
    ],
    ids=["trichromat", "deuteranope", "protanope", "tritanope"],
)
def test_class_colors_are_told_apart_by_all_eyes(matrix):
    lab = _seen_by(inspection.class_colors(CLASSES).values(), matrix)
    distances = np.linalg.norm(lab[[0, 0, 1]] - lab[[1, 2, 2]], axis=1)
    assert distances.min() > 15  # 2.3 is just noticeable


def test_a_class_keeps_its_color_in_any_company():
    alone = inspection.class_colors(["normal"])
    assert inspection.class_colors([*CLASSES, "fibrillation"])["normal"] == alone["normal"]
    six = [f"discharge {i}" for i in range(6)]
    assert len(set(inspection.class_colors(six).values())) == 6
    assert len(set(_style.class_markers(CLASSES).values())) == 3


def test_no_two_of_many_classes_look_alike():
    many = [f"discharge {i}" for i in range(12)] + CLASSES
    colors, markers = _style.class_colors(many), _style.class_markers(many)
    lines = _style.line_styles(many)
    assert len({(colors[label], markers[label]) for label in many}) == len(many)
    assert len({(colors[label], str(lines[label])) for label in many}) == len(many)


def test_abbreviations_stay_different():
    names = ["end-plate noise", "end-plate spike", "e2", "myopathy", "Miller Fisher", "M"]
    short = _style.abbreviations(names, 3)
    assert len(set(short.values())) == len(names)
    assert short["myopathy"] == "M" and short["e2"] == "e2" and max(map(len, short.values())) < 4
    assert list(short) == names


LONG = [
    "inflammatory myopathy (polymyositis)",
    "motor neuron disease with fasciculations",
    "no neuromuscular disorder",
]


def long_names(name):
    """Draw a display of classes with long names."""
    import matplotlib.pyplot as plt

    rng = np.random.default_rng(0)
    y, scores = np.repeat(LONG, 4), rng.dirichlet(np.ones(3), 12)
    predicted = np.array(LONG)[scores.argmax(axis=1)]
    X = Recordings(rng.normal(size=(12, 3000)), sfreq=10_000, subject=np.arange(12) // 2)
    if name == "confusion":
        return inspection.ConfusionMatrixDisplay.from_predictions(y, predicted)
    if name == "heatmap":
        table = pd.DataFrame(scores, columns=LONG).assign(subject=np.arange(12) // 4)
        return inspection.VoteHeatmapDisplay(table, LONG).plot()
    if name == "simplex":
        return inspection.SimplexDisplay.from_predictions(y, scores, classes=LONG)
    if name == "simplex of a report":
        short = _style.short_names(LONG)
        ax = plt.figure(figsize=(3.7, 3.6), layout="constrained").subplots()
        y = [short[label] for label in y]
        return inspection.SimplexDisplay.from_predictions(
            y, scores, classes=[*short.values()], ax=ax
        )
    if name == "trace":
        table = pd.DataFrame(scores[:2], columns=LONG).assign(start=[0.0, 0.1])
        return inspection.TraceDisplay(X[0], 10_000, scores=table, window=0.2, hop=0.1).plot()
    if name == "layers":
        maps = {f"blocks.block{i}": rng.normal(size=(12, 2)) for i in (2, 12)}
        return inspection.LayerMapDisplay(maps, y).plot()
    return inspection.MispredictionDisplay.from_predictions(X, y, np.roll(y, 4))


@pytest.mark.parametrize(
    "name",
    ["confusion", "heatmap", "simplex", "simplex of a report", "trace", "layers", "mispredictions"],
)
def test_long_names_are_neither_cut_off_nor_written_over_each_other(name):
    figure = long_names(name).figure_
    figure.canvas.draw()
    whole = figure.bbox.padded(2)
    for axes in figure.axes:
        drawn = [*axes.texts, axes.title, *axes.get_xticklabels()]
        drawn += [] if axes.get_legend() is None else axes.get_legend().get_texts()
        shown = [text for text in drawn if text.get_text() and text.get_visible()]
        if not axes.axison:  # of which ticks are not drawn
            shown = [text for text in shown if text in axes.texts or text is axes.title]
        boxes = [text.get_window_extent() for text in shown]
        for box in boxes:
            assert whole.x0 <= box.x0 and box.x1 <= whole.x1
            assert whole.y0 <= box.y0 and box.y1 <= whole.y1
        level = [box for text, box in zip(shown, boxes, strict=True) if not text.get_rotation()]
        overlap = [a.overlaps(b) for i, a in enumerate(level) for b in level[:i]]
        assert not any(overlap)


def test_the_classes_of_a_single_recording_are_named_within_the_figure():
    scores = pd.DataFrame([[0.2, 0.5, 0.3]], columns=CLASSES).assign(subject="S000")
    heatmap = inspection.VoteHeatmapDisplay(scores, CLASSES, y_true=pd.Series({"S000": CLASSES[0]}))
    ax = heatmap.plot().ax_
    ax.figure.canvas.draw()
    box = ax.title.get_window_extent()
    assert ax.figure.bbox.x0 <= box.x0 < box.x1 <= ax.figure.bbox.x1
    assert ax.get_title().endswith("normal")


def test_very_long_names_stay_within_their_figure():
    import matplotlib.pyplot as plt

    names = [f"{'w' * i} and a name of many words that never ends, as it seems" for i in (1, 9)]
    y, scores = np.repeat(names, 10), np.random.default_rng(0).dirichlet(np.ones(2), 20)
    curves, calibration = inspection.OneVsRestCurveDisplay, inspection.CalibrationDisplay
    for display in (curves, calibration):
        ax = plt.subplots(figsize=(5, 5), layout="constrained")[1]
        drawn = display.from_predictions(y, scores, classes=names, ax=ax)
        drawn.figure_.canvas.draw()
        assert max(text.get_window_extent().x1 for text in drawn.text_) < ax.bbox.x1
    wave = {name: np.ones((1, 100)) for name in names}
    shown = inspection.FeatureVisualizationDisplay(wave, wave, 1000).plot()
    shown.figure_.canvas.draw()
    left, right = (axes.title.get_window_extent() for axes in shown.ax_[0])
    assert left.x1 < right.x0


@pytest.mark.parametrize(
    "draw",
    [test_pictures.trace, test_pictures.trace_scores, test_pictures.attribution,
     test_pictures.subject_sheet, test_pictures.muap_sheet, test_pictures.training_history,
     test_pictures.turns_cloud],
    ids=lambda draw: draw.__name__,
)  # fmt: skip
def test_every_line_is_seen_on_a_dark_ground(draw):
    import matplotlib.style
    from matplotlib.colors import to_rgb
    from matplotlib.figure import Figure

    with matplotlib.style.context("dark_background"):
        figure = Figure(figsize=(6, 5), dpi=50)
        draw(figure.subplots())
    lines = [line for axes in figure.axes for line in axes.lines if len(line.get_xdata())]
    assert lines
    assert min(max(to_rgb(line.get_color())) for line in lines) > 0.5


@pytest.mark.parametrize(
    "draw",
    [test_pictures.trace_scores, test_pictures.layer_map, test_pictures.heatmap],
    ids=lambda draw: draw.__name__,
)
def test_a_part_of_a_figure_can_be_drawn_into(draw):
    from matplotlib.figure import Figure

    left, _ = Figure(figsize=(12, 5), layout="constrained").subfigures(1, 2)
    draw(left.subplots())
    assert _style.inches_of(left.axes[0]) == pytest.approx(6)


def test_the_title_of_a_sheet_of_potentials_lies_on_none():
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(10, 4), layout="constrained")
    test_pictures.muap_sheet(ax)
    fig.canvas.draw()
    (title,) = [
        text for axes in fig.axes for text in axes.texts if text.get_text().startswith("A,")
    ]
    lines = [line.get_window_extent() for axes in fig.axes for line in axes.lines]
    assert not any(title.get_window_extent().overlaps(box) for box in lines)


def test_long_titles_leave_room_for_what_they_are_of():
    title = "subject 0123456789abcdef, extensor digitorum communis, " * 3
    trace = inspection.TraceDisplay(np.zeros(2000), 10_000, title=title).plot()
    trace.figure_.canvas.draw()
    assert trace.ax_._left_title.get_window_extent().x1 <= trace.figure_.bbox.x1
    assert trace.ax_.get_title(loc="left").endswith("…\n")  # a line above the scales
    sheet = test_pictures.muap_sheet(None)
    sheet = inspection.MuapSheetDisplay(sheet.units, sheet.summary, title=title).plot()
    sheet.figure_.canvas.draw()  # not of axes that have collapsed, of which matplotlib warns
    assert sheet.axes_[0].get_position().width > 0.1


def test_a_class_has_one_color_in_all_pictures_of_a_model():
    from matplotlib.colors import to_hex
    from sklearn.dummy import DummyClassifier

    model = DummyClassifier(strategy="prior").fit(np.zeros((6, 4000)), np.repeat(LONG, [1, 3, 2]))
    display = inspection.AttributionDisplay.from_estimator(model, np.zeros(4000), sfreq=10_000)
    assert display.target == LONG[1]
    fill = display.ax_["moments"].collections[0].get_facecolor()[0]
    assert to_hex(fill).upper() == inspection.class_colors(LONG)[LONG[1]]
    parts = {"moments": display.moments, "bands": display.bands}
    for classes in (model.classes_, LONG):  # an array, too
        again = inspection.AttributionDisplay(
            np.zeros(4000), 10_000, LONG[1], classes=classes, **parts
        ).plot()
        same = again.ax_["moments"].collections[0].get_facecolor()[0]
        assert to_hex(same) == to_hex(fill)


def test_names_load_lazily_and_exist():
    assert all(getattr(inspection, name) is not None for name in inspection.__all__)
    with pytest.raises(AttributeError, match=r"No sknemg\.inspection attribute nothing"):
        inspection.nothing  # noqa: B018
