"""Errors of an evaluation name rows of X, with subject, file and row of the table."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from _toy import Spy
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

from sknemg import (
    DiVoteClassifier,
    Downsampler,
    InvalidRecordingsError,
    Recordings,
    Segmenter,
    SubjectKFold,
)
from sknemg.datasets import load_cohort, write_cohort
from sknemg.evaluation import Protocol, evaluate
from sknemg.recordings._problems import ROW

THREE = Protocol("three", 3)
N = 12


def signals(short=(), n_times=12):
    rng = np.random.default_rng(0)
    return [rng.normal(size=3 if row in short else n_times) for row in range(N)]


def columns():
    return {
        "subject": [f"S{row:02d}" for row in range(N)],
        "file": [f"data/{row}.npy" for row in range(N)],
        "table_row": np.arange(N) + 2,
    }


Y = np.repeat(["myopathy", "normal"], N // 2)


def pipeline(*first):
    return make_pipeline(*first, Segmenter(), DiVoteClassifier(Spy()))


def refused(estimator, X, **options):
    """The error of an evaluation that has not fitted anything."""
    Spy.calls.clear()
    with pytest.raises(ValueError) as caught:
        evaluate({"a": estimator}, X, Y, protocol=THREE, **options)
    assert not Spy.calls
    return caught.value


WRAPPED = {
    "pipeline": lambda pipe: pipe,
    "nested": lambda pipe: make_pipeline(Pipeline(pipe.steps[:-1]), pipe[-1]),
    "search": lambda pipe: GridSearchCV(pipe, {"divoteclassifier__cv": [2]}, cv=SubjectKFold(2)),
    "voting": lambda pipe: VotingClassifier([("a", pipe)], voting="soft"),
    "calibrated": lambda pipe: CalibratedClassifierCV(pipe, cv=SubjectKFold(2)),
}


@pytest.mark.parametrize("wrap", WRAPPED)
@pytest.mark.parametrize("container", ["recordings", "frame"])
def test_all_short_recordings_are_named_before_a_fit(wrap, container):
    X = Recordings(signals(short=(2, 9)), sfreq=10.0, **columns())
    X = X if container == "recordings" else X.to_frame().set_axis(np.arange(N)[::-1])
    error = refused(WRAPPED[wrap](pipeline()), X)
    assert isinstance(error, InvalidRecordingsError)
    assert error.problems["row"].tolist() == [2, 9]
    assert "row 9 (subject 'S09', file 'data/9.npy', table row 11): 0.3 s long" in str(error)


def test_containers_without_columns_name_rows_and_subjects():
    pipe = pipeline().set_params(segmenter__input_sfreq=10.0)
    error = refused(pipe, signals(short=(2, 9)), groups=columns()["subject"])
    assert "row 9 (subject 'S09'): 0.3 s long" in str(error)


def with_values(X, row, value):
    values = X.values.copy()
    values[X.offsets[row]] = value
    return X.with_values(values)


def test_what_a_carrier_was_made_of_unseen_is_named_by_row():
    X = Recordings(signals(), sfreq=10.0, **columns())
    rates = np.where(np.arange(N) == 9, np.nan, 10.0)
    location = np.where(np.arange(N) == 9, "left", "distal")
    for broken, problem in [
        (with_values(X, 9, np.nan), "1 of 12 samples NaN or infinite"),
        (X.with_columns(sfreq=rates), "unknown sampling rate"),
        (X.with_columns(location=location), "location 'left'"),
    ]:
        error = refused(pipeline(), broken)
        assert error.problems["row"].tolist() == [9]
        assert f"row 9 (subject 'S09', file 'data/9.npy', table row 11): {problem}" in str(error)
    segments = Segmenter().fit_transform(X)
    values = segments.values.copy()
    values[segments.offsets[9], 1] = np.inf
    for broken in (segments.with_values(values), segments.with_columns(location=location)):
        assert "row 9 (subject 'S09'" in str(refused(DiVoteClassifier(Spy()), broken))


def test_mixed_and_low_rates_are_named_by_row():
    X = Recordings(signals(), sfreq=np.where(np.arange(N) == 9, 20.0, 10.0), **columns())
    error = refused(pipeline(), X)
    assert "such as rows 0, 9, have the rates 10, 20 Hz: put a Downsampler first." in str(error)
    error = refused(pipeline(Downsampler(sfreq=15)), X)
    assert error.problems["row"].tolist() == [row for row in range(N) if row != 9]


def test_locations_that_are_asked_for_and_unknown_are_said_at_once():
    X = Recordings(signals(), sfreq=10.0, **columns())
    pipe = pipeline().set_params(divoteclassifier__subject_features="location")
    assert "subject_features='location' needs locations" in str(refused(pipe, X))


def test_the_row_of_the_table_is_that_of_the_loaded_cohort(tmp_path):
    X = Recordings(signals(short=(9,), n_times=4800), sfreq=4000.0, subject=columns()["subject"])
    write_cohort(tmp_path, X, Y)
    loaded, _ = load_cohort(tmp_path)
    error = refused(pipeline(), loaded)
    row = loaded["table_row"][9]
    assert re.search(rf"row 9 \(subject 'S09', file '.*', table row {row}\)", str(error))


class Late(TransformerMixin, BaseEstimator):
    """A step of another library, which only the folds run."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X


def test_errors_within_a_fold_name_rows_of_x_as_well():
    X = Recordings(signals(short=(9,)), sfreq=10.0, **columns())
    search = GridSearchCV(
        pipeline(Late()), {"segmenter__short": ["raise"]}, cv=SubjectKFold(2), error_score="raise"
    )
    for estimator in (pipeline(Late()), search):
        with pytest.raises(InvalidRecordingsError) as caught:
            evaluate({"a": estimator}, X, Y, protocol=THREE)
        assert caught.value.problems["row"].tolist() == [9]
        assert "row 9 (subject 'S09', file 'data/9.npy', table row 11)" in str(caught.value)


def test_warnings_within_a_fold_name_rows_of_x():
    location = pd.Series(["proximal", "distal"] * (N // 2), dtype=object)
    location[9] = None
    X = Recordings(signals(), sfreq=10.0, location=location, **columns())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        evaluate({"a": pipeline()}, X, Y, protocol=THREE)
    said = {str(w.message) for w in caught if "without a location" in str(w.message)}
    assert len(said) == 1
    assert "no vote, row 9: " in said.pop()
    X = Recordings(signals(short=(9,)), sfreq=10.0, **columns())
    drop = make_pipeline(Segmenter(short="drop"), DiVoteClassifier(Spy()))
    with pytest.warns(UserWarning, match="without a single segment have no vote, row 9: "):
        evaluate({"a": drop}, X, Y, protocol=THREE)


def test_a_search_may_find_the_setting_that_fits():
    X = Recordings(signals(short=(9,)), sfreq=10.0, **columns())
    grid = {"segmenter__short": ["pad"]}
    search = GridSearchCV(pipeline(), grid, cv=SubjectKFold(2))
    assert len(evaluate({"a": search}, X, Y, protocol=THREE).subjects) == N


def test_a_transformer_by_itself_says_whose_recording_it_is():
    X = Recordings(signals(short=(9,)), sfreq=10.0, **columns())
    with pytest.raises(InvalidRecordingsError, match=r"row 1 \(subject 'S09', file 'data/9.npy'"):
        Segmenter().fit_transform(X[[3, 9]])
    assert ROW not in X
