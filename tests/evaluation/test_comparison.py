import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sknemg import DiVoteClassifier, Recordings, Segmenter, SegmentFeatures
from sknemg.evaluation import Evaluation, Protocol, evaluate
from sknemg.evaluation.comparison import scores_of, short_table
from sknemg.evaluation.confounding import confounds
from sknemg.evaluation.figure import plot_comparison
from sknemg.metrics import score_table


@pytest.fixture
def make_result(make_ragged):
    """Factory: two methods on a small cohort, evaluated in three folds."""

    def make(keep=("myopathy", "neuropathy", "normal"), **segmenter):
        X, y = make_ragged()
        rows = np.isin(y, keep)
        X, y = X[rows], y[rows]
        methods = {}
        for name, C in [("sure", 1.0), ("shy", 1e-3)]:
            features = make_pipeline(SegmentFeatures(input_sfreq=1000), LogisticRegression(C=C))
            divote = DiVoteClassifier(features, subject_features="all")
            methods[name] = make_pipeline(Segmenter(**segmenter), divote)
        return evaluate(methods, X, y, protocol=Protocol("three", 3)), X, y

    return make


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_scores_are_those_of_each_method_and_level(make_result):
    result, *_ = make_result()
    scores = scores_of(result, n_resamples=50)
    own = result.subjects[result.subjects["method"] == "shy"]
    expected = score_table(
        own["y_true"], own[result.classes], classes=result.classes, n_resamples=50
    ).set_index("metric")["value"]
    shown = scores[(scores["method"] == "shy") & (scores["level"] == "subject")]
    pd.testing.assert_series_equal(shown.set_index("metric")["value"], expected)
    assert scores.groupby("level")["n_items"].first().to_dict() == {
        "subject": len(own),
        "recording": len(result.recordings) // 2,
        "item": len(result.items) // 2,
    }
    assert (scores["n_subjects"] == len(own)).all()


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_recordings_without_segments_are_left_out(make_result):
    result, X, _ = make_result(window=0.6, short="drop")
    short = int((X.durations < 0.6).sum())
    assert 0 < short < len(X)
    scores = scores_of(result, n_resamples=50)
    counts = scores[scores["level"] == "recording"]["n_items"]
    assert (counts == len(X) - short).all()


def test_short_table_says_what_is_undefined():
    row = {"method": "a", "level": "subject", "value": 0.514, "low": 0.25, "high": 0.7449}
    scores = pd.DataFrame([row | {"metric": "accuracy"}, row | {"metric": "mcc", "value": np.nan}])
    table = short_table(scores, {"accuracy": "accuracy", "mcc": "MCC"})
    assert table.loc[("subject", "a")].tolist() == ["0.51 [0.25, 0.74]", "undefined"]


def test_confounds_show_what_is_known_of_subjects(make_ragged):
    X, y = make_ragged()
    age = np.where(y == "normal", 25.0, 60.0)
    X = X.with_columns(age=age, sex=np.where(X["subject"] < "S05", "F", "M"), side=np.nan)
    table = confounds(X, y)
    text = table.reset_index().to_string()
    assert "age" in text
    assert "sex" in text
    assert "side" not in text
    assert "sfreq" not in text


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
@pytest.mark.parametrize("classes", [("myopathy", "neuropathy", "normal"), ("myopathy", "normal")])
def test_picture_shows_the_recording_scored_highest(make_result, classes):
    result, X, _ = make_result(classes)
    figure = plot_comparison(result, scores_of(result, n_resamples=50), X)
    titles = [ax.get_title(loc="left") for sub in figure.subfigs for ax in sub.axes]
    rows = result.recordings[result.recordings["method"] == "sure"]
    for label in classes:
        of_class = rows[rows["y_true"] == label]
        subject = of_class.loc[of_class[label].idxmax(), "subject"]
        assert f"{label}: {subject}" in titles
    traces = figure.subfigs[0].axes
    assert all(ax.yaxis_inverted() for ax in traces)  # negative up
    figure.canvas.draw()
    plt.close(figure)


def test_two_subjects_are_too_few_for_an_interval_but_not_for_a_table():
    X = Recordings(np.random.default_rng(0).normal(size=(4, 900)), sfreq=1000, subject=list("abcd"))
    y = ["myopathy", "myopathy", "normal", "normal"]
    features = make_pipeline(SegmentFeatures(input_sfreq=1000), LogisticRegression(max_iter=5000))
    pipe = make_pipeline(Segmenter(), DiVoteClassifier(features))
    result = evaluate({"a": pipe}, X, y, protocol=Protocol("two", 2))
    assert isinstance(result, Evaluation)
    assert len(short_table(scores_of(result, n_resamples=50))) == 3
