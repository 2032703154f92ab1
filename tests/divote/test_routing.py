"""Nobody leaks: subjects in training and test, with metadata routing on and off."""

from contextlib import nullcontext
from typing import ClassVar

import numpy as np
import pytest
from _toy import GroupedSpy, Spy, numbers, renamed, take_calls, toy_segments
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    train_test_split,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import _safe_indexing

from sknemg import DiVoteClassifier, Recordings, SubjectKFold, SubjectScorer
from sknemg.model_selection import TornSubjectsWarning
from sknemg.recordings import read_subjects

routing = pytest.mark.parametrize(
    "mode",
    [lambda: config_context(enable_metadata_routing=True), nullcontext],
    ids=["routing on", "routing off"],
)


class SpyDiVote(DiVoteClassifier):
    """Writes down whose recordings it is trained on and asked about."""

    calls: ClassVar[list] = []

    def fit(self, X, y, groups=None):
        type(self).calls.append(("fit", numbers(read_subjects(X, groups))))
        return super().fit(X, y, groups)

    def predict_proba(self, X, groups=None):
        type(self).calls.append(("predict", numbers(read_subjects(X, groups))))
        return super().predict_proba(X, groups)


def pipeline(inner=None, **params):
    """A pipeline whose first step keeps the rows as they are."""
    divote = SpyDiVote(Spy() if inner is None else inner, **params)
    return Pipeline([("same", FunctionTransformer()), ("divote", divote)])


def shared_subjects(calls):
    """Subjects that a model was asked about after it was trained on them, and its questions."""
    shared, n_questions, trained = set(), 0, frozenset()
    for kind, subjects in calls:
        if kind == "fit":
            trained = subjects
        else:
            shared |= trained & subjects
            n_questions += 1
    return shared, n_questions


def forget():
    take_calls()
    take_calls(SpyDiVote)


@routing
def test_cross_validation_shares_nobody(mode):
    X, y = toy_segments()
    forget()
    with mode():
        cross_validate(pipeline(), X, y, cv=SubjectKFold(4), scoring=SubjectScorer())
    assert shared_subjects(take_calls(SpyDiVote)) == (set(), 4)


@routing
def test_the_spy_sees_a_leak_where_there_is_one(mode):
    X, y = toy_segments()
    forget()
    with mode(), pytest.warns(TornSubjectsWarning, match="scored subjects were in training"):
        cross_validate(pipeline(), X, y, cv=KFold(4), scoring=SubjectScorer())
    shared, n_questions = shared_subjects(take_calls(SpyDiVote))
    assert n_questions == 4
    assert len(shared) > 6


@routing
@pytest.mark.parametrize("cv", [None, 2])
def test_grid_search_shares_nobody(mode, cv):
    X, y = toy_segments()
    grid = {"divote__subject_features": ["all", "location"]}
    forget()
    with mode():
        GridSearchCV(
            pipeline(cv=cv), grid, cv=SubjectKFold(3), scoring=SubjectScorer("accuracy")
        ).fit(X, y)
    assert shared_subjects(take_calls(SpyDiVote)) == (set(), 6)
    # the segment classifiers: what they score is either what they were trained on (the published
    # votes) or nobody they know
    trained, in_sample = None, 0
    for kind, seen in take_calls():
        if kind == "fit":
            trained = seen
        else:
            assert seen == trained or not seen & trained
            in_sample += seen == trained
    assert in_sample == (7 if cv is None else 0)


@routing
def test_nested_cross_validation_shares_nobody(mode):
    X, y = toy_segments(n_subjects=18)
    grid = {"divote__final_estimator": [None, "logistic"]}
    search = GridSearchCV(pipeline(cv=2), grid, cv=SubjectKFold(2), scoring=SubjectScorer())
    forget()
    with mode():
        cross_val_score(search, X, y, cv=SubjectKFold(3), scoring=SubjectScorer())
    calls = take_calls(SpyDiVote)
    assert shared_subjects(calls) == (set(), 3 * (2 * 2 + 1))
    held_out = [numbers(X["subject"][test]) for _, test in SubjectKFold(3).split(X, y)]
    per_fold = len(calls) // 3  # four fits, four questions, the refit, the outer question
    assert per_fold == 10
    for fold, tested in enumerate(held_out):
        *before, last = calls[fold * per_fold : (fold + 1) * per_fold]
        assert last == ("predict", tested)
        assert not any(seen & tested for _, seen in before)


def test_groups_reach_every_level_with_routing_on():
    X, y = toy_segments(n_subjects=18)
    rows = list(X)  # a container that knows no subjects
    groups = X["subject"].to_numpy()
    inner = make_pipeline(StandardScaler(), GroupedSpy())
    with config_context(enable_metadata_routing=True):
        pipe = pipeline(inner).fit(rows, y, groups=groups)
        assert_array_equal(pipe["divote"].estimator_[-1].groups_, groups[X.row_index])
        proba = pipe.predict_proba(rows, groups=groups)
        assert proba.shape == (len(X), 3)
        new = renamed(X)["subject"].to_numpy()
        assert pipe.score(rows, y, groups=new) == SubjectScorer()(pipe, rows, y, new)
        search = GridSearchCV(
            pipeline(),
            {"divote__cv": [None, 2]},
            cv=SubjectKFold(3),
            scoring={"a": SubjectScorer("accuracy"), "b": SubjectScorer("mcc")},
            refit="a",
        )
        forget()
        search.fit(rows, y, groups=groups)
        assert shared_subjects(take_calls(SpyDiVote)) == (set(), 2 * 2 * 3)
        assert np.isfinite(search.cv_results_["mean_test_b"]).all()
        nested = cross_validate(
            search, rows, y, params={"groups": groups}, cv=SubjectKFold(2), scoring=SubjectScorer()
        )
        assert np.isfinite(nested["test_score"]).all()


def test_routed_groups_and_the_subject_column_give_one_model():
    X, y = toy_segments()
    groups = X["subject"].to_numpy()
    bare = Recordings.from_ragged(X.values, X.offsets, X.meta.drop(columns="subject"))
    plain = pipeline(cv=3).fit(X, y).predict_proba(X)
    with config_context(enable_metadata_routing=True):
        routed = pipeline(cv=3).fit(bare, y, groups=groups).predict_proba(bare, groups=groups)
    assert_array_equal(plain, routed)


def test_a_search_without_routing_cannot_train_on_rows_in_silence():
    X, y = toy_segments()
    rows, groups = list(X), X["subject"].to_numpy()
    grid = {"divote__subject_features": ["all", "location"]}
    forget()
    search = GridSearchCV(pipeline(), grid, cv=GroupKFold(3), scoring=SubjectScorer())
    search.fit(X, y, groups=groups)  # X knows its subjects; the groups are the splitter's
    assert shared_subjects(take_calls(SpyDiVote)) == (set(), 6)
    model = pipeline().fit(rows, y, divote__groups=groups)
    with pytest.raises(ValueError, match="fit knew the subjects, this X does not"):
        model.predict(rows)
    assert model.predict(rows, groups=groups).shape == (len(X),)


def test_opting_out_of_groups():
    X, y = toy_segments()
    with config_context(enable_metadata_routing=True):
        divote = DiVoteClassifier(Spy()).set_fit_request(groups=False)
        pipe = Pipeline([("same", FunctionTransformer()), ("divote", clone(divote))])
        with pytest.raises(TypeError, match="unexpected argument"):
            pipe.fit(list(X), y, groups=X["subject"])


def test_a_search_inside_divote_splits_segments_by_subject():
    X, y = toy_segments()
    inner = GridSearchCV(GroupedSpy(), {}, cv=SubjectKFold(2), refit=True)
    take_calls(GroupedSpy)
    DiVoteClassifier(inner).fit(X, y)  # without routing, the subjects still reach the splitter
    calls = take_calls(GroupedSpy)
    for (first, trained), (second, scored) in zip(calls[:4:2], calls[1:4:2], strict=True):
        assert (first, second) == ("fit", "predict")
        assert not trained & scored


@pytest.mark.slow
@routing
def test_two_workers_equal_one(mode):
    X, y = toy_segments()
    grid = {"divote__subject_features": ["all", "location"], "divote__cv": [None, 2]}
    searches = []
    with mode():
        for n_jobs in [1, 2]:
            search = GridSearchCV(
                pipeline(),
                grid,
                cv=SubjectKFold(3),
                scoring=SubjectScorer("neg_log_loss"),
                n_jobs=n_jobs,
            )
            searches.append(search.fit(X, y))
    one, two = searches
    assert_array_equal(one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"])
    assert_array_equal(one.predict_proba(X), two.predict_proba(X))


# -- scikit-learn's ways with rows -------------------------------------------------------------


def test_scikit_learn_selects_rows_by_key_and_ellipsis():
    """Its private `_safe_indexing` asks anything with a shape for ``X[key, ...]``."""
    asked = []

    class Watched(Recordings):
        def __getitem__(self, key):
            asked.append(key)
            return super().__getitem__(key)

    X, _ = toy_segments()
    watched = Watched.from_ragged(X.values, X.offsets, X.meta)
    rows = np.array([3, 1, 1])
    chosen = _safe_indexing(watched, rows)
    assert asked[0][1] is Ellipsis
    assert isinstance(chosen, Watched)
    assert chosen.equals(X[rows])
    assert chosen["subject"].tolist() == X["subject"][rows].tolist()


@pytest.mark.parametrize("form", ["recordings", "frame", "list"])
def test_tools_that_slice_rows(form):
    X, y = toy_segments()
    X = {"recordings": X, "frame": X.to_frame(), "list": list(X)}[form]
    train, test, y_train, _ = train_test_split(X, y, random_state=0)
    assert type(train) is type(X)
    assert len(train) + len(test) == len(X)
    if form == "list":
        model = DiVoteClassifier(Spy()).fit(train, y_train)  # each recording on its own
        assert cross_val_predict(model, X, y, cv=3).shape == (len(X),)
    else:
        predicted = cross_val_predict(pipeline(), X, y, cv=SubjectKFold(3))
        assert (predicted == y).mean() > 0.4
