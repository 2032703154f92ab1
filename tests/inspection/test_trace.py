"""Traces, and what displays refuse."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline

from sknemg import (
    DiVoteClassifier,
    Recordings,
    Segmenter,
    SegmentFeatures,
    inspection,
)

CLASSES = ["myopathy", "neuropathy", "normal"]


def test_trace_is_negative_up_with_the_readers_scales():
    signal = np.zeros(3000)
    signal[1050] = -0.75
    X = Recordings([signal], sfreq=10_000, subject="S1", muscle="vastus")
    display = inspection.TraceDisplay.from_recording(X, 0, gain=0.5)
    ax = display.ax_
    assert ax.yaxis_inverted()
    second = ax.lines[1]
    assert second.get_xdata()[second.get_ydata().argmin()] == pytest.approx(5.0)  # ms
    assert second.get_ydata().min() == 2 - 0.75 / 0.5  # two divisions up from its line
    assert display.text_.get_text() == "10 ms/div, 500 µV/div, negative up"
    assert [t.get_text() for t in ax.get_yticklabels()] == ["0.00", "0.10", "0.20"]
    assert ax.get_title(loc="left") == "S1, vastus"
    with pytest.raises(ValueError, match="segments or images"):
        inspection.TraceDisplay.from_recording(Segmenter(window=0.1).transform(X), 0)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"start": -1}, r"start=-1 must be from 0 to 0\.3 s"),  # counted from the end before
        ({"start": 10}, r"start=10 must be from 0 to 0\.3 s"),
        ({"gain": 0}, "gain=0 must be a number > 0"),
        ({"gain": -0.5}, "gain=-0.5 must be a number > 0"),  # positive would be up
        ({"ms_per_div": True}, "ms_per_div=True must be a number > 0"),
        ({"ms_per_div": 1e-3}, r"A sweep of ms_per_div=0\.001 and n_divs=10 has no sample"),
        ({"n_divs": 0}, "n_divs=0 must be an integer >= 1"),
        ({"n_sweeps": 0}, "n_sweeps=0 must be an integer >= 1"),
    ],
)
def test_scales_that_are_none_are_refused(params, said):
    display = inspection.TraceDisplay(np.zeros(3000), 10_000)
    with pytest.raises(ValueError, match=said):
        display.plot(**params)


@pytest.mark.parametrize(
    ("sfreq", "ms_per_div", "starts"),
    [
        (10_000, 10, ["0.00", "0.10", "0.20"]),
        (23_437.5, 10, ["0.00", "0.10", "0.20"]),  # a sweep is 2344 samples
        (48_000, 1.5, ["0.000", "0.015", "0.030"]),
        (48_000, 0.25, ["0.0000", "0.0025", "0.0050"]),
    ],
)
def test_no_two_sweeps_are_said_to_start_at_once(sfreq, ms_per_div, starts):
    display = inspection.TraceDisplay(np.zeros(20_000), sfreq).plot(ms_per_div=ms_per_div)
    assert [label.get_text() for label in display.ax_.get_yticklabels()][:3] == starts


def test_trace_with_scores_of_its_segments(fitted):
    pipe, X, _ = fitted()
    display = inspection.TraceDisplay.from_estimator(pipe, X, -1, n_sweeps=4)
    bars = display.score_axes_[1].patches
    n_segments = pipe[:-1].transform(X).lengths[-1]
    assert len(bars) == 3 * n_segments
    first = display.scores.loc[0, CLASSES].to_numpy(dtype=float)
    np.testing.assert_allclose([bar.get_height() for bar in bars[::n_segments]], first)
    assert bars[0].get_x() == pytest.approx(0.05)  # a bar of one hop amid its window


def test_windows_of_one_activity_have_no_times_to_draw_scores_at():
    rng = np.random.default_rng(0)
    X = Recordings(rng.normal(0, [[0.2], [1.0]], (2, 12_000)), sfreq=10_000, subject=["A", "B"])
    features = make_pipeline(SegmentFeatures(input_sfreq=10_000), LinearDiscriminantAnalysis())
    votes = DiVoteClassifier(features, final_estimator=None)
    pipe = make_pipeline(Segmenter(activity="contraction"), votes).fit(X, ["myopathy", "normal"])
    with pytest.raises(ValueError, match=r"windows of one activity .* whose activity is None"):
        inspection.TraceDisplay.from_estimator(pipe, X, 0)


def test_displays_that_divide_say_which_axes_they_need(fitted):
    from matplotlib.figure import Figure

    pipe, X, _ = fitted()
    with pytest.raises(ValueError, match=r"plt\.subplots"):
        inspection.TraceDisplay.from_estimator(pipe, X, 0, ax=Figure().add_axes((0, 0, 1, 1)))


def test_signals_in_place_of_segments_are_refused(network, make_ragged):
    X, y = make_ragged()
    with pytest.raises(ValueError, match="holds signals"):
        inspection.FeatureVisualizationDisplay.from_estimator(network[0], X, y)
    with pytest.raises(TypeError, match="no network"):
        segments = Segmenter(window=0.2).fit_transform(X)
        model = LinearDiscriminantAnalysis().fit(segments.values, y[segments.row_index])
        inspection.FeatureVisualizationDisplay.from_estimator(model, segments, y)
