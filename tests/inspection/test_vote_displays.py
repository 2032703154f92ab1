"""Displays of votes: drivers, heat map, triangle, subject sheet, mispredictions."""

import numpy as np
import pandas as pd
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline

from sknemg import (
    DiVoteClassifier,
    Segmenter,
    SegmentFeatures,
    inspection,
)

CLASSES = ["myopathy", "neuropathy", "normal"]


RULES = {
    "published": {},
    "averages": {"final_estimator": None},
    "geometric": {"pooling": "geometric", "final_estimator": None},
    "entropy": {"pooling": "entropy", "recording_weights": "length"},
    "trimmed": {"pooling": "trimmed", "recording_weights": "length", "final_estimator": None},
}


@pytest.mark.parametrize("rule", RULES)
def test_drivers_equal_a_prediction_without_the_part(fitted, rule):
    pipe, X, _ = fitted(**RULES[rule])
    divote, segments = pipe[-1], pipe[:-1].transform(X)
    subject = X["subject"].value_counts().idxmax()
    parts, recordings = inspection.diagnosis_drivers(divote, segments, subject)
    whole = divote.levels(segments).subjects.loc[subject]
    part = parts.iloc[2]
    keep = np.ones(len(segments.values), dtype=bool)
    keep[segments.offsets[part["recording"]] + part["item"]] = False
    lengths = np.bincount(segments.row_index[keep], minlength=len(segments))
    rest = segments.with_values(segments.values[keep], np.concatenate([[0], lengths.cumsum()]))
    without = divote.levels(rest).subjects.loc[subject]
    label = whole["prediction"]
    assert part["fall"] == pytest.approx(whole[label] - without[label], abs=1e-9)
    row = recordings["recording"].iloc[0]
    fewer = divote.levels(segments[np.arange(len(segments)) != row]).subjects.loc[subject]
    assert recordings["fall"].iloc[0] == pytest.approx(whole[label] - fewer[label], abs=1e-9)


def test_drivers_of_a_pipeline(fitted):
    pipe, X, y = fitted()
    divote, segments = pipe[-1], pipe[:-1].transform(X)
    of_pipe = inspection.diagnosis_drivers(pipe, X, "S00")
    for own, expected in zip(
        of_pipe, inspection.diagnosis_drivers(divote, segments, "S00"), strict=True
    ):
        pd.testing.assert_frame_equal(own, expected)
    bare = LinearDiscriminantAnalysis().fit(np.eye(len(y)), y)
    with pytest.raises(TypeError, match="LinearDiscriminantAnalysis has no items that vote"):
        inspection.diagnosis_drivers(bare, np.eye(len(y)), "S00")


def test_drivers_by_location_and_unknown_subjects(make_ragged):
    X, y = make_ragged()
    X, y = X[X["location"].notna().to_numpy()], y[X["location"].notna().to_numpy()]
    segments = Segmenter(window=0.2, hop=0.1).fit_transform(X)
    features = make_pipeline(SegmentFeatures(input_sfreq=1000), LinearDiscriminantAnalysis())
    divote = DiVoteClassifier(features).fit(segments, y)
    assert divote.subject_features_ == "location"
    parts, recordings = inspection.diagnosis_drivers(divote, segments, "S00")
    assert np.isfinite(parts["fall"]).all()
    assert np.isfinite(recordings["fall"]).all()
    with pytest.raises(ValueError, match="no subject 'nobody'"):
        inspection.diagnosis_drivers(divote, segments, "nobody")


def test_heatmap_places_every_recording_and_leaves_gaps_white(fitted):
    pipe, X, y = fitted()
    display = inspection.VoteHeatmapDisplay.from_estimator(pipe, X, y)
    image = display.ax_.images[0].get_array()
    assert len(display.text_) == len(X)
    assert (image == 1).all(axis=-1).sum() == image.shape[0] * image.shape[1] - len(X)
    np.testing.assert_allclose(image[(image != 1).any(axis=-1)].sum(axis=-1), 1)
    names = [tick.get_text().split()[-1] for tick in display.ax_.get_yticklabels()]
    assert names == sorted(names)


def test_a_class_may_be_named_as_nothing_else_is():
    table = pd.DataFrame({"place": [0.9, 0.2], "other": [0.1, 0.8], "subject": ["A", "A"]})
    display = inspection.VoteHeatmapDisplay(table, ["place", "other"]).plot()
    assert [text.get_text() for text in display.text_] == ["place", "other"]


def test_simplex_regions_of_argmax_and_classifier(fitted):
    pipe, X, y = fitted()
    display = inspection.SimplexDisplay.from_estimator(pipe, X, y)
    titles = [axes.get_title() for axes in display.ax_[0]]
    assert titles == ["argmax", "LogisticRegression"]
    regions = display.ax_[0, 0].images[0].get_array()
    shares = [np.mean(regions.compressed() == i) for i in range(3)]
    np.testing.assert_allclose(shares, 1 / 3, atol=0.01)
    assert len(display.votes) == X["subject"].nunique()


def test_simplex_draws_votes_by_the_rule_of_the_model(fitted):
    pipe, X, y = fitted(pooling="trimmed", recording_weights="length")
    display = inspection.SimplexDisplay.from_estimator(pipe, X, y)
    votes = pipe[-1].levels(pipe[:-1].transform(X)).votes
    pd.testing.assert_frame_equal(display.votes, votes.loc[display.votes.index], check_names=False)


def test_simplex_needs_three_named_classes():
    with pytest.raises(ValueError, match="There are 2 classes, and a triangle shows three"):
        inspection.SimplexDisplay.from_predictions(["a"], [[0.5, 0.5]], classes=["a", "b"])
    with pytest.raises(ValueError, match="classes=None does not name the 2 columns"):
        inspection.SimplexDisplay.from_predictions(["a"], [[0.5, 0.5]])


def test_sheet_shows_all_recordings_and_the_result(fitted):
    pipe, X, _ = fitted()
    subject = X["subject"].value_counts().idxmax()
    display = inspection.SubjectSheetDisplay.from_estimator(pipe, X, subject)
    n = int((X["subject"] == subject).sum())
    assert display.ax_.shape == (2 * n + 1, 2)
    prediction = pipe.predict(X[(X["subject"] == subject).to_numpy()])[0]
    assert f"{subject}: {prediction}" in display.text_.get_text()
    with pytest.raises(ValueError, match="no subject 'nobody'"):
        inspection.SubjectSheetDisplay.from_estimator(pipe, X, "nobody")
    with pytest.raises(ValueError, match="X holds segments or images: give signals"):
        inspection.SubjectSheetDisplay.from_estimator(pipe[-1], pipe[:-1].transform(X), subject)


def test_errors_of_recordings_are_sorted_by_confidence(fitted):
    pipe, X, y = fitted()
    wrong = np.where(y == "normal", "myopathy", y)
    sure = np.linspace(0, 1, len(X))
    display = inspection.MispredictionDisplay.from_predictions(X, y, wrong, confidence=sure)
    ((pair, rows),) = display.rows_.items()
    assert pair == ("normal", "myopathy")
    assert rows.tolist() == np.flatnonzero(y == "normal")[::-1].tolist()
    with pytest.raises(ValueError, match="No recording is mispredicted: give recordings"):
        inspection.MispredictionDisplay.from_predictions(X, y, y)
    own = inspection.MispredictionDisplay.from_estimator(pipe, X, np.roll(y, 1))
    assert sum(len(rows) for rows in own.rows_.values()) > 0
