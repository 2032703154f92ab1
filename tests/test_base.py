"""`set_output` on transformers: recordings keep their container, and what is no table says so."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg import (
    BandPass,
    DiVoteClassifier,
    Downsampler,
    MelSpectrogram,
    MuapFeatures,
    NEMGNetClassifier,
    PlotImage,
    Recordings,
    Segmenter,
    SegmentFeatures,
)

ARRAY = np.random.default_rng(0).normal(size=(4, 900)).astype(np.float32)


@pytest.mark.parametrize(
    "step", [Downsampler(input_sfreq=20_000), Segmenter(), MelSpectrogram(), PlotImage()], ids=repr
)
def test_what_makes_no_table_says_so(step):
    with pytest.raises(AttributeError, match="no set_output, since no table holds what it makes"):
        step.set_output(transform="pandas")
    assert not hasattr(step, "set_output")  # as scikit-learn's tools ask


def test_several_segments_a_row_make_no_table():
    step = SegmentFeatures(input_sfreq=1000)
    message = r"several rows of each row of an array of shape \(2, 2, 900\), which no table holds"
    with config_context(transform_output="pandas"), pytest.raises(ValueError, match=message):
        step.fit_transform(ARRAY.reshape(2, 2, -1))
    step.set_output(transform="pandas")
    with pytest.raises(ValueError, match=message):
        step.fit(ARRAY.reshape(2, 2, -1)).transform(ARRAY.reshape(2, 2, -1))
    assert isinstance(step.fit_transform(ARRAY), pd.DataFrame)
    step.set_output(transform="default")
    assert step.fit_transform(ARRAY.reshape(2, 2, -1)).shape[:2] == (2, 2)


def test_pipelines_of_recordings_run_where_tables_are_asked_for():
    X = Recordings(ARRAY, sfreq=1000, subject=list("abcd"))
    y = ["myopathy", "normal"] * 2
    pipe = make_pipeline(
        Segmenter(),
        SegmentFeatures(),
        DiVoteClassifier(make_pipeline(StandardScaler(), LogisticRegression())),
    )
    expected = pipe.fit(X, y).predict_proba(X)
    with config_context(transform_output="pandas"):
        np.testing.assert_array_equal(pipe.fit(X, y).predict_proba(X), expected)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            BandPass(mains=True),
            "mains=True of BandPass is no number: give one, since True would co",
        ),
        (Segmenter(window=True, hop=True), "hop=True of Segmenter is no number"),
        (Downsampler(input_sfreq=True), "input_sfreq=True of Downsampler is no number"),
        (MuapFeatures(min_amplitude=False), "min_amplitude=False of MuapFeatures .* count as 0"),
        (MuapFeatures(n_jobs=True), "n_jobs=True of MuapFeatures is no number"),
    ],
)
def test_truth_values_are_no_numbers(step, message):
    X = Recordings(ARRAY, sfreq=10_000)
    for use in (step.fit, step.transform):
        with pytest.raises(ValueError, match=message):
            use(X)


def test_truth_values_are_no_numbers_of_classifiers():
    with pytest.raises(ValueError, match="max_epochs=True of NEMGNetClassifier is no number"):
        NEMGNetClassifier(max_epochs=True).fit(ARRAY, list("abab"))


def test_what_may_be_a_truth_value_stays_one():
    X = Recordings(ARRAY, sfreq=10_000)
    assert len(Downsampler(20_000, upsample=True).fit_transform(X)) == 4
