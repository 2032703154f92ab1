"""Subjects on both sides: noticed by scorers, `score` and `evaluate`, however deep the model."""

import pickle

import numpy as np
import pytest
from _toy import Spy, renamed, toy_segments, without
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    LeaveOneOut,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_score,
    cross_validate,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sknemg import DiVoteClassifier, SubjectKFold, SubjectScorer
from sknemg.diagnosis import Diagnostician, Plausibility
from sknemg.evaluation import Protocol, evaluate
from sknemg.model_selection import TornSubjectsError, TornSubjectsWarning
from sknemg.model_selection.torn import row_splitters, trained_on

THREE = SubjectKFold(3)


def divote():
    return DiVoteClassifier(Spy())


def pipeline():
    return make_pipeline(FunctionTransformer(), divote())


class Wrapper(ClassifierMixin, BaseEstimator):
    """A classifier of another library around a whole pipeline."""

    def __init__(self, inner):
        self.inner = inner

    def fit(self, X, y):
        self.inner_ = clone(self.inner).fit(X, y)
        self.classes_ = self.inner_.classes_
        return self

    def predict_proba(self, X):
        return self.inner_.predict_proba(X)


MODELS = {
    "divote": divote,
    "pipeline": pipeline,
    "search": lambda: GridSearchCV(pipeline(), {}, cv=THREE),
    "voting": lambda: VotingClassifier([("a", pipeline())], voting="soft"),
    "stacking": lambda: StackingClassifier([("a", pipeline())], cv=THREE),
    "calibrated": lambda: CalibratedClassifierCV(pipeline(), cv=THREE),
    "calibrated once": lambda: CalibratedClassifierCV(pipeline(), cv=THREE, ensemble=False),
    "wrapper": lambda: Wrapper(pipeline()),
    "search of calibrated": lambda: GridSearchCV(
        CalibratedClassifierCV(pipeline(), cv=SubjectKFold(2)), {}, cv=SubjectKFold(2)
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_scored_subject_that_was_in_training_is_noticed(name):
    X, y = toy_segments(n_subjects=21)
    train = np.flatnonzero(~X["subject"].isin(["S0", "S1", "S2"]))
    model = MODELS[name]().fit(X[train], y[train])
    rest = np.setdiff1d(np.arange(len(X)), train)
    SubjectScorer(strict=True)(model, X[rest], y[rest])  # nobody is torn
    both = np.r_[rest, train[:1]]
    who = X["subject"][train[0]]
    message = rf"1 of 4 scored subjects were in training, .*, subject '{who}': split by subject"
    for level in ["subject", "recording"] if name in ("divote", "pipeline") else ["subject"]:
        with pytest.warns(TornSubjectsWarning, match=message) as caught:
            SubjectScorer(level=level)(model, X[both], y[both])
        assert len(caught) == 1
        assert caught[0].filename == __file__
        with pytest.raises(TornSubjectsError, match=message):
            SubjectScorer(level=level, strict=True)(model, X[both], y[both])
    assert trained_on(model, ["S0", who]).tolist() == [False, True]


def test_the_own_score_notices_it():
    X, y = toy_segments()
    train, test, y_train, y_test = train_test_split(X, y, random_state=0)
    model = pipeline().fit(train, y_train)
    with pytest.warns(TornSubjectsWarning, match="subjects were in training") as caught:
        score = model.score(test, y_test)
    assert len(caught) == 1
    assert score == model.score(renamed(test), y_test)
    with pytest.raises(TornSubjectsError, match="subjects were in training"):
        model[-1].score(test, y_test, strict=True)
    assert model[-1].score(renamed(test), y_test, strict=True) == score


@pytest.mark.parametrize("scoring", [None, SubjectScorer()], ids=["score", "scorer"])
def test_stock_splitters_are_noticed_and_those_by_subject_are_not(scoring):
    X, y = toy_segments()
    for cv in (3, KFold(3), StratifiedKFold(2), ShuffleSplit(2, random_state=0)):
        with pytest.warns(TornSubjectsWarning, match="subjects were in training"):
            cross_val_score(pipeline(), X, y, cv=cv, scoring=scoring)
    for cv in (SubjectKFold(3), GroupKFold(3)):
        scores = cross_val_score(pipeline(), X, y, cv=cv, scoring=scoring, groups=X["subject"])
        assert np.isfinite(scores).all()


def test_strict_scorers_stop_a_cross_validation():
    X, y = toy_segments()
    scoring = SubjectScorer(strict=True)
    with pytest.raises(TornSubjectsError):
        cross_val_score(pipeline(), X, y, cv=3, scoring=scoring, error_score="raise")
    assert repr(scoring) == "SubjectScorer('accuracy', level='subject', strict=True)"


def test_a_training_score_says_that_it_is_one():
    X, y = toy_segments()
    with pytest.warns(TornSubjectsWarning) as caught:
        cross_validate(pipeline(), X, y, cv=THREE, scoring=SubjectScorer(), return_train_score=True)
    assert len(caught) == 3
    for warning in caught:
        assert "All 8 scored subjects were in training, so that this is a training score" in str(
            warning.message
        )


@pytest.mark.parametrize(
    "known, asked",
    [
        ([1, 2], [1.0, 3.0]),
        ([1.0, 2.0], ["1", "3"]),
        (["1", "2"], [np.int64(1), 3]),
        ([1.5, 2], ["1.5", "01"]),
        ([True, False], [1, 7]),
        (["é", "b"], [np.str_("é"), "e"]),
        ([1, "b"], ["1", "a"]),
    ],
)
def test_a_subject_is_known_however_its_name_is_typed(known, asked):
    X = np.random.default_rng(0).normal(size=(2, 3))
    groups = np.array(known, dtype=object)
    model = DiVoteClassifier(LogisticRegression()).fit(X, ["a", "b"], groups=groups)
    assert model.trained_on(np.array(asked, dtype=object)).tolist() == [True, False]


def test_hashes_hold_no_names_and_the_same_fit_gives_the_same_bits():
    X, y = toy_segments()
    one, two = (DiVoteClassifier(Spy()).fit(X, y) for _ in range(2))
    assert pickle.dumps(one) == pickle.dumps(two)
    for name in set(X["subject"]):
        assert name.encode() not in pickle.dumps(one)
    proba, hashes = one.predict_proba(X), one._subject_hashes.tobytes()
    assert hashes in pickle.dumps(one)
    assert hashes not in pickle.dumps(one.forget_subjects())
    assert not hasattr(one, "votes_")
    assert not one.trained_on(X["subject"]).any()
    np.testing.assert_array_equal(one.predict_proba(X), proba)
    two.forget_subjects().fit(X, y)
    assert two.trained_on(X["subject"]).all()
    other = DiVoteClassifier(Spy()).fit(X.with_values(2 * X.values), y)
    third = DiVoteClassifier(Spy()).fit(X, y)
    assert not np.isin(other._subject_hashes, third._subject_hashes).any()  # another salt
    assert len(other._subject_hashes) == 12


def test_rows_that_are_no_subjects_are_not_known():
    X, y = toy_segments()
    model = DiVoteClassifier(Spy()).fit(without(X, "subject"), y)
    assert not model.trained_on(np.arange(len(X))).any()
    assert not model.knows_subjects_


def test_what_a_model_was_told_to_clone_is_not_what_answers():
    X, y = toy_segments()
    first = np.flatnonzero(X["subject"].isin(["S0", "S1", "S2", "S3", "S4", "S5"]))
    rest = np.setdiff1d(np.arange(len(X)), first)
    for wrap in (
        lambda pipe: GridSearchCV(pipe, {}, cv=SubjectKFold(2)),
        lambda pipe: VotingClassifier([("a", pipe)], voting="soft"),
    ):
        model = wrap(pipeline().fit(X[rest], y[rest])).fit(X[first], y[first])
        SubjectScorer(strict=True)(model, X[rest], y[rest])


# -- steps that split rows ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "cv", [None, 5, KFold(3), LeaveOneOut(), StratifiedKFold(2), ShuffleSplit()], ids=str
)
def test_a_cv_of_rows_is_found_wherever_it_is(cv):
    calibrated = CalibratedClassifierCV(pipeline(), cv=cv)
    for model in (
        calibrated,
        make_pipeline(FunctionTransformer(), calibrated),
        VotingClassifier([("a", calibrated)]),
        GridSearchCV(calibrated, {}, cv=THREE),
        StackingClassifier([("a", pipeline())], cv=cv),
        GridSearchCV(pipeline(), {}, cv=cv),
    ):
        (found,) = row_splitters(model)
        assert not found.of_segments
        assert f"cv={cv!r}" in found.name
    (found,) = row_splitters(DiVoteClassifier(CalibratedClassifierCV(Spy(), cv=cv)))
    assert found.of_segments


@pytest.mark.parametrize(
    "cv",
    [SubjectKFold(3), GroupKFold(3), LeaveOneGroupOut(), StratifiedGroupKFold(3)]
    + [PredefinedSplit([0, 1]), [([0], [1])], "prefit"],
    ids=str,
)
def test_a_cv_by_subject_or_of_the_users_own_is_trusted(cv):
    assert not row_splitters(StackingClassifier([("a", pipeline())], cv=cv))
    assert not row_splitters(DiVoteClassifier(Spy(), cv=5))  # it folds by subject


def test_a_diagnostician_folds_by_subject_whatever_is_inside():
    votes = DiVoteClassifier(Spy())
    assert not row_splitters(Diagnostician(make_pipeline(FunctionTransformer(), votes), cv=5))
    assert not row_splitters(Plausibility(cv=3))
    torn = Diagnostician(StackingClassifier([("a", pipeline())], cv=4))
    (found,) = row_splitters(torn)
    assert found == ("StackingClassifier(cv=4)", False)  # of recordings, not of segments


def test_torn_calibration_and_stacking_are_noticed_when_scored():
    X, y = toy_segments()
    train = np.flatnonzero(~X["subject"].isin(["S0", "S1", "S2"]))
    rest = np.setdiff1d(np.arange(len(X)), train)
    for model in (
        CalibratedClassifierCV(pipeline()),
        StackingClassifier([("a", pipeline())]),
        DiVoteClassifier(CalibratedClassifierCV(Spy())),
    ):
        model.fit(X[train], y[train])
        with pytest.warns(TornSubjectsWarning, match=r"split rows, .*\(cv=None\), .* of a subject"):
            SubjectScorer()(model, X[rest], y[rest])
        with pytest.raises(TornSubjectsError, match=r"set their cv to .* SubjectKFold\(5\)"):
            SubjectScorer(strict=True)(model, X[rest], y[rest])


def test_one_recording_per_subject_cannot_be_torn():
    X, y = toy_segments(n_subjects=24, n_recordings=1)
    train = np.arange(12)
    model = CalibratedClassifierCV(pipeline(), cv=2).fit(X[train], y[train])
    SubjectScorer(strict=True)(model, X[12:], y[12:])


# -- evaluate ----------------------------------------------------------------------------------

TWO = Protocol("two", 2)


def test_evaluate_names_steps_that_tear_subjects_before_a_fit():
    X, y = toy_segments()
    methods = {"plain": pipeline(), "torn": CalibratedClassifierCV(pipeline(), cv=2)}
    with pytest.warns(TornSubjectsWarning, match=r"Steps of 'torn' split rows") as caught:
        evaluate(methods, X, y, protocol=TWO)
    assert [w.category for w in caught].count(TornSubjectsWarning) == 1
    Spy.calls.clear()
    with pytest.raises(TornSubjectsError, match=r"CalibratedClassifierCV\(cv=2\)"):
        evaluate(methods, X, y, protocol=TWO, strict=True)
    assert not Spy.calls


def test_evaluate_notices_a_model_that_was_trained_before(tmp_path):
    X, y = toy_segments()
    known = np.flatnonzero(X["subject"].isin(["S0", "S1", "S2", "S3"]))
    frozen = FrozenEstimator(pipeline().fit(X[known], y[known]))
    for _ in range(2):  # computed, and from the cache
        with pytest.warns(TornSubjectsWarning, match="4 of 12 scored subjects") as caught:
            result = evaluate({"a": frozen}, X, y, protocol=TWO, cache=tmp_path)
        assert len(caught) == 1
        assert "torn" not in result.subjects
        with pytest.raises(TornSubjectsError, match="4 of 12 scored subjects"):
            evaluate({"a": frozen}, X, y, protocol=TWO, cache=tmp_path, strict=True)
    evaluate({"a": pipeline()}, X, y, protocol=TWO, strict=True)


def test_evaluate_refuses_a_model_that_took_rows_for_subjects():
    X, y = toy_segments(n_segments=(1, 1))

    class Stripping(Wrapper):
        def fit(self, X, y):
            return super().fit(X.values, y)

        def predict_proba(self, X):
            return super().predict_proba(X.values)

    with pytest.raises(ValueError, match="did not reach the DiVoteClassifier inside Stripping"):
        evaluate({"a": Stripping(divote())}, X, y, protocol=TWO)
