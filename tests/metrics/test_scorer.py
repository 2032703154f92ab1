"""The scorer of subjects, recordings and segments."""

import numpy as np
import pandas as pd
import pytest
from _toy import CLASSES, Spy, renamed, toy_segments, values_of
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline

from sknemg import DiVoteClassifier, Recordings, Segmenter, SubjectKFold, SubjectScorer
from sknemg.divote.levels import class_columns
from sknemg.metrics import METRICS, level_scores, score_table


def test_levels_of_a_divote_classifier():
    X, y = toy_segments()
    model = DiVoteClassifier(Spy()).fit(X, y)
    levels = model.levels(X)
    for level in ["item", "recording"]:
        got = level_scores(model, X, y, level=level)
        assert_array_equal(got.y_proba, getattr(levels, f"{level}s")[list(CLASSES)])
    assert_array_equal(level_scores(model, X, y, level="item").y_true, y[X.row_index])
    subjects = level_scores(model, X, y)
    assert subjects.groups.tolist() == levels.subjects.index.tolist()
    assert_allclose(subjects.y_proba, levels.subjects[list(CLASSES)], rtol=1e-12)
    assert [CLASSES[int(name[1:]) % 3] for name in subjects.groups] == subjects.y_true.tolist()


def test_levels_are_found_at_the_end_of_a_pipeline_and_of_a_search():
    rng = np.random.default_rng(0)
    X = Recordings(rng.normal(size=(12, 12)), sfreq=1000, subject=np.repeat(list("abcdef"), 2))
    y = np.repeat(["normal", "myopathy"], 6)
    pipe = make_pipeline(Segmenter(window=0.004, hop=0.004), DiVoteClassifier(Spy()))
    pipe.fit(X, y)
    assert level_scores(pipe, X, y, level="item").y_proba.shape == (36, 2)
    search = GridSearchCV(
        pipe,
        {"divoteclassifier__final_estimator": [None, "logistic"]},
        cv=SubjectKFold(2),
        scoring=SubjectScorer(),
    ).fit(X, y)
    assert level_scores(search, X, y, level="recording").y_proba.shape == (12, 2)


def test_empty_recordings_have_no_scores_but_their_subject_has():
    X, y = toy_segments(n_segments=(0, 2))
    assert (X.lengths == 0).any()
    model = DiVoteClassifier(Spy()).fit(X, y)
    assert len(level_scores(model, X, y, level="recording").y_true) == np.sum(X.lengths > 0)
    assert len(level_scores(model, X, y).y_true) == 12


class RowClassifier(Spy):
    """Classifies recordings by their mean segment: no DiVote."""

    def _rows(self, X):
        return np.stack([row.mean(axis=0) for row in X])

    def fit(self, X, y):
        return super().fit(self._rows(X), y)

    def predict_proba(self, X):
        return super().predict_proba(self._rows(X))


class Secretive(RowClassifier):
    """Refuses to say what it asks for, as aeon's estimators do."""

    def get_metadata_routing(self):
        raise NotImplementedError("no get_metadata_routing method")


def test_any_classifier_of_recordings_can_be_scored():
    X, y = toy_segments()
    model = RowClassifier().fit(X, y)
    proba = model.predict_proba(X)
    assert_array_equal(level_scores(model, X, y, level="recording").y_proba, proba)
    assert_array_equal(
        level_scores(Secretive().fit(X, y), X, y, level="recording", groups=X["subject"]).y_proba,
        proba,
    )
    got = level_scores(model, X, y)
    by_hand = pd.DataFrame(proba).groupby(X["subject"].to_numpy()).mean()
    assert_allclose(got.y_proba, by_hand.loc[got.groups])
    with pytest.raises(TypeError, match="RowClassifier has no items that vote: give a DiVote"):
        level_scores(model, X, y, level="item")


def test_each_subject_is_scored_once():
    X, y = toy_segments(n_recordings=3)
    model = DiVoteClassifier(Spy()).fit(X, y)
    extra = np.flatnonzero(X["subject"] == "S1")
    skewed = np.r_[np.arange(len(X)), np.repeat(extra, 20)]
    y = np.where(X["subject"] == "S1", "normal", y)  # one subject is wrong
    once, often = renamed(X), renamed(X)[skewed]
    scorer = SubjectScorer("accuracy")
    assert scorer(model, often, y[skewed]) == scorer(model, once, y) < 1
    assert SubjectScorer(level="recording")(model, often, y[skewed]) < scorer(
        model, often, y[skewed]
    )


def test_the_scorer_gives_the_metrics_of_the_table():
    X, y = toy_segments(effect=0.5)
    model = DiVoteClassifier(Spy()).fit(X, y)
    names = [*(name for name in METRICS if name != "log_loss"), "neg_log_loss"]
    for level in ["subject", "recording", "item"]:
        got = SubjectScorer(names, level=level)(model, renamed(X), y)
        true = level_scores(model, X, y, level=level)
        table = values_of(score_table(true.y_true, true.y_proba, classes=CLASSES, n_resamples=9))
        table["neg_log_loss"] = -table.pop("log_loss")
        assert got == pytest.approx(table)


def test_unknown_names_get_a_hint():
    with pytest.raises(ValueError, match="Did you mean 'neg_log_loss'"):
        SubjectScorer("log_loss")
    with pytest.raises(ValueError, match=r"Did you mean .*'f1_"):
        SubjectScorer(["accuracy", "f1"])
    for metric in (5, None, []):
        with pytest.raises(ValueError, match="must be the name of a metric, or a list of names"):
            SubjectScorer(metric)
    with pytest.raises(ValueError, match="metric=3 is unknown"):
        SubjectScorer(["accuracy", 3])
    with pytest.raises(ValueError, match="strict='no' must be True or False"):
        SubjectScorer(strict="no")
    with pytest.raises(ValueError, match="level='patient' is unknown"):
        SubjectScorer(level="patient")
    assert repr(SubjectScorer("mcc")) == "SubjectScorer('mcc', level='subject')"


def test_unknown_subjects_are_an_error():
    X, y = toy_segments(n_segments=(1, 1))
    model = DiVoteClassifier(Spy()).fit(X.values, y)
    with pytest.raises(ValueError, match="The subjects are unknown"):
        SubjectScorer()(model, X.values, y)
    assert 0 <= SubjectScorer()(model, X.values, y, groups=X["subject"]) <= 1


def test_a_class_absent_from_the_test_rows_is_nan_with_a_warning():
    X, y = toy_segments()
    model = DiVoteClassifier(Spy()).fit(X, y)
    two = np.flatnonzero(y != "normal")
    with pytest.warns(UndefinedMetricWarning, match=r"no \['normal'\] among the subjects"):
        assert np.isnan(SubjectScorer("roc_auc_macro")(model, renamed(X)[two], y[two]))


def test_a_class_absent_from_training_counts_as_wrong():
    X, y = toy_segments(effect=3.0)
    two = np.flatnonzero(y != "neuropathy")
    model = DiVoteClassifier(Spy()).fit(X[two], y[two])
    scores = SubjectScorer(["accuracy", "recall_macro", "roc_auc_macro"])(model, renamed(X), y)
    right = level_scores(model, X[two], y[two])
    n_right = np.sum(model.classes_[right.y_proba.argmax(axis=1)] == right.y_true)
    assert scores["accuracy"] == pytest.approx(n_right / 12)
    assert scores["roc_auc_macro"] > 0


def test_labels_in_another_coding_than_the_models_are_refused():
    X, y = toy_segments()
    model = DiVoteClassifier(Spy()).fit(X, y)
    codes = np.unique(y, return_inverse=True)[1]
    for other in (codes, np.zeros(len(X), int), np.char.upper(y)):
        with pytest.raises(ValueError, match=r"y holds \[.*the model knows none: .*'myopathy'"):
            SubjectScorer()(model, renamed(X), other)


def test_a_fold_may_hold_nothing_but_a_class_absent_from_training():
    X, y = toy_segments()
    seen = y != "neuropathy"
    model = DiVoteClassifier(Spy()).fit(X[np.flatnonzero(seen)], y[seen])
    rest = np.flatnonzero(~seen)
    assert SubjectScorer()(model, X[rest], y[rest]) == 0


def test_the_scorer_refuses_scores_that_are_no_shares():
    X, y = toy_segments()
    model = RowClassifier().fit(X, y)
    model.predict_proba = lambda X: -np.ones((len(X), 3))
    with pytest.raises(ValueError, match="scores are negative in rows 0, 1"):
        SubjectScorer("neg_log_loss")(model, X, y)


def test_a_missing_diagnosis_is_named_by_row_at_every_level():
    X, y = toy_segments(n_segments=(1, 3))
    model = DiVoteClassifier(Spy()).fit(X, y)
    gaps = [None if row in (2, 4) else label for row, label in enumerate(y)]
    for level in ["item", "recording", "subject"]:
        with pytest.raises(ValueError, match="y is missing in rows 2, 4"):
            level_scores(model, X, gaps, level=level)


def test_diagnoses_may_be_true_and_false():
    X, y = toy_segments()
    sick = y != "normal"
    model = DiVoteClassifier(Spy()).fit(X, sick)
    levels = model.levels(X)
    for table in levels[:3]:
        assert {False, True} <= set(table.columns)
    assert_allclose(
        class_columns(levels.subjects, [True, False]).to_numpy()[:, ::-1],
        level_scores(model, X, sick).y_proba,
    )
    for level in ["item", "recording", "subject"]:
        assert 0.5 < SubjectScorer(level=level)(model, renamed(X), sick) <= 1


def test_many_metrics_ask_the_estimator_once():
    X, y = toy_segments()
    model = DiVoteClassifier(Spy())
    Spy.calls.clear()
    scoring = SubjectScorer(["accuracy", "mcc", "f1_macro"])
    scores = cross_validate(model, X, y, cv=SubjectKFold(2), scoring=scoring)
    assert {"test_accuracy", "test_mcc", "test_f1_macro"} <= set(scores)
    assert sum(kind == "predict" for kind, _ in Spy.calls) == 2 * 2  # in-sample votes, test rows
