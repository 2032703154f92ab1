"""Every display against a picture of it that was looked at.

Text is taken out, since it differs between versions of FreeType. After a wanted change, look at the
new pictures and keep them: ``SKNEMG_NEW_BASELINE=1 pytest tests/inspection/test_pictures.py``.
"""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from sknemg import Recordings, inspection
from sknemg.features.cloud import Cloud

BASELINE = Path(__file__).parent / "baseline"
CLASSES = ["myopathy", "neuropathy", "normal"]
DRAWN_WITH = (3, 11)  # of matplotlib
TOLERANCE = 4.0  # root mean square of 255


def _recordings(n=4, n_times=6000, sfreq=10_000):
    """Decaying chirps: no random generator has to stay as it is."""
    time = np.arange(n_times) / sfreq
    fading = 0.3 * np.exp(-2 * time)
    signals = [i * fading * np.sin(40 * i * time**0.5) for i in range(1, n + 1)]
    return Recordings(signals, sfreq=sfreq, subject=["A", "A", "B", "C"][:n], muscle="vastus")


def _scores(n=60):
    """Scores that grow towards the true class from row to row."""
    code, sure = np.arange(n) % 3, np.linspace(-0.2, 0.6, n)
    scores = 0.3 + 0.1 * np.sin(np.arange(3 * n).reshape(n, 3)) + sure[:, None] * np.eye(3)[code]
    scores = np.maximum(scores, 0.01)
    return np.array(CLASSES)[code], scores / scores.sum(axis=1, keepdims=True)


def _segment_scores(n, hop=0.1):
    _, scores = _scores(n)
    return pd.DataFrame(scores, columns=CLASSES).assign(start=np.arange(n) * hop)


def trace(ax):
    return inspection.TraceDisplay.from_recording(_recordings(), 2, ax=ax)


def trace_scores(ax):
    signal = _recordings()[2]
    scores = _segment_scores(5)
    return inspection.TraceDisplay(signal, 1e4, scores=scores, window=0.2, hop=0.1).plot(ax)


def feature_visualization(ax):
    segments = np.stack(list(_recordings()))
    waves = dict(zip(CLASSES, segments[:3, None], strict=True))
    generated = {label: wave[:, ::-1] * 1.5 for label, wave in waves.items()}
    return inspection.FeatureVisualizationDisplay(waves, generated, 1e4).plot(ax)


def layer_map(ax):
    y, scores = _scores()
    angle = np.linspace(0, 6, len(y))
    maps = {"block1": np.column_stack([np.cos(angle), np.sin(angle)]), "block2": scores[:, :2]}
    return inspection.LayerMapDisplay(maps, y).plot(ax)


def attribution(ax):
    segment = _recordings()[1]
    steps = np.arange(20)
    moments = pd.DataFrame({"start": steps * 0.03, "stop": steps * 0.03 + 0.03})
    bands = pd.DataFrame({"low": [20, 100, 500], "high": [100, 500, 1000]})
    return inspection.AttributionDisplay(
        segment, 1e4, "neuropathy", moments=moments.assign(fall=np.sin(steps)),
        bands=bands.assign(fall=[0.2, 0.4, -0.1]), samples=segment * np.gradient(segment),
    ).plot(ax)  # fmt: skip


def heatmap(ax):
    _, scores = _scores(12)
    table = pd.DataFrame(scores, columns=CLASSES).assign(subject=list("AAABBCCCCDDE"))
    return inspection.VoteHeatmapDisplay(table, CLASSES).plot(ax)


def simplex(ax):
    y, scores = _scores()
    final = LogisticRegression().fit(scores, y)
    return inspection.SimplexDisplay.from_predictions(
        y, scores, classes=CLASSES, final_estimator=final, ax=ax
    )


def subject_sheet(ax):
    X = _recordings(2)
    segments = pd.concat([_segment_scores(3), _segment_scores(3)], ignore_index=True)
    segments = segments.assign(recording=np.repeat([0, 1], 3), fall=[0.1, -0.1, 0.2, 0.0, 0.3, 0.1])
    recordings = segments.groupby("recording")[CLASSES].mean().assign(fall=[0.05, -0.02])
    result = recordings[CLASSES].mean().astype(object)
    result["prediction"] = result.astype(float).idxmax()
    result.name = "A"
    return inspection.SubjectSheetDisplay(
        X, segments, recordings, result, window=0.4, hop=0.1
    ).plot(ax)


def confusion(ax):
    y, scores = _scores()
    y_pred = np.array(CLASSES)[scores.argmax(axis=1)]
    return inspection.ConfusionMatrixDisplay.from_predictions(
        y, y_pred, fold=np.arange(60) // 3 % 4, ax=ax
    )


def _curves(kind, ax):
    y, scores = _scores()
    readers = {"A": np.roll(y, 1), "B": np.where(np.arange(60) % 7, y, "normal")}
    return inspection.OneVsRestCurveDisplay.from_predictions(
        y,
        scores,
        classes=CLASSES,
        kind=kind,
        fold=np.arange(60) // 3 % 4,
        readers=readers,
        random_state=0,
        ax=ax,
    )


def roc(ax):
    return _curves("roc", ax)


def precision_recall(ax):
    return _curves("precision_recall", ax)


def training_history(ax):
    update = np.arange(1, 21) * 50
    history = pd.DataFrame(
        {"update": update, "train_loss": np.exp(-update / 400), "best": update == 700}
    )
    history["valid_loss"] = 0.4 + (update / 1000 - 0.6) ** 2
    history["valid_accuracy"] = 0.8 - history["valid_loss"] / 3
    return inspection.TrainingHistoryDisplay(history).plot(ax)


def calibration(ax):
    y, scores = _scores(300)
    return inspection.CalibrationDisplay.from_predictions(y, scores, classes=CLASSES, ax=ax)


def mispredictions(ax):
    y_true, y_pred = [CLASSES[i] for i in (0, 0, 1, 2)], [CLASSES[i] for i in (1, 2, 0, 0)]
    return inspection.MispredictionDisplay.from_predictions(_recordings(), y_true, y_pred, ax=ax)


def muap_sheet(ax):
    """Three motor units, each in a recording of its own."""
    shapes = ([0, 0.1, -0.6, 0.15, 0], [0, -0.2, 0.4, -0.3, 0], [0, 0.05, -1.1, 0.3, 0])
    at = np.arange(60_000)
    signals = []
    for shape in shapes:
        signal = 0.003 * np.sin(0.37 * at**1.1)
        for i, start in enumerate(range(1000, 59_000, 2000)):
            place = start + (i * 137) % 401 - 200
            signal[place : place + 81] += np.interp(np.arange(81), [0, 20, 30, 40, 80], shape)
        signals.append(signal)
    X = Recordings(signals, sfreq=20_000, subject="A", muscle="biceps brachii")
    return inspection.MuapSheetDisplay.from_recordings(X, ax=ax)


def turns_cloud(ax):
    """Half of the epochs in the cloud, a few above it and below it."""
    turns = np.linspace(60, 900, 20)
    excess = 0.12 * np.sin(np.arange(20)) + 0.5 * (np.arange(20) == 12) - 0.4 * (turns < 150)
    cloud = Cloud(0.6, -1.9, -0.2, 0.2, 30, 600)
    amplitude = 10 ** (cloud.intercept + cloud.slope * np.log10(turns) + excess)
    side = np.select([excess < cloud.low, excess > cloud.high], ["low", "high"], "in")
    epochs = pd.DataFrame({"turns": turns, "amplitude": amplitude, "side": side})
    return inspection.TurnsCloudDisplay(epochs, cloud).plot(ax)


DRAWN = [
    trace, trace_scores, feature_visualization, layer_map, attribution, heatmap, simplex,
    subject_sheet, confusion, roc, precision_recall, training_history, calibration, mispredictions,
    muap_sheet, turns_cloud,
]  # fmt: skip


def test_every_display_is_drawn():
    displays = {name for name in inspection.__all__ if name.endswith("Display")}
    used = {name for draw in [*DRAWN, _curves] for name in draw.__code__.co_names}
    assert displays <= used


@pytest.mark.parametrize("draw", DRAWN, ids=lambda draw: draw.__name__)
def test_picture(draw, tmp_path):
    import matplotlib.style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.testing.compare import compare_images
    from matplotlib.text import Text

    with matplotlib.style.context("default"):
        figure = Figure(figsize=(6, 5), dpi=50)
        FigureCanvasAgg(figure)
        draw(figure.subplots())
        for text in figure.findobj(Text):
            text.set_visible(False)
        actual = tmp_path / f"{draw.__name__}.png"
        figure.savefig(actual)
    if matplotlib.__version_info__ < DRAWN_WITH:
        pytest.skip("drawn, not compared: an older matplotlib lays axes out in another way")
    expected = BASELINE / actual.name
    if os.environ.get("SKNEMG_NEW_BASELINE"):
        BASELINE.mkdir(exist_ok=True)
        shutil.copy(actual, expected)
    difference = compare_images(expected, actual, tol=TOLERANCE)
    assert difference is None, difference
