"""Fewer subjects: learning curves and halving searches by subject."""

import numpy as np
import pandas as pd
import pytest
from _toy import Spy, toy_segments, without
from sklearn import config_context
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import HalvingGridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sknemg import DiVoteClassifier, FewerSubjects, SubjectKFold, SubjectScorer
from sknemg.evaluation import Protocol, evaluate
from sknemg.evaluation.comparison import scores_of
from sknemg.model_selection import TornSubjectsWarning


def pipeline():
    return make_pipeline(FunctionTransformer(), DiVoteClassifier(Spy()))


def chosen(model, X):
    names = X["subject"].unique()
    return set(names[model.estimator_[-1].trained_on(names)])


@pytest.mark.parametrize("n", [1, 2, 4])
def test_whole_subjects_of_each_class_are_taken(n):
    X, y = toy_segments()
    Spy.calls.clear()
    model = FewerSubjects(pipeline(), n).fit(X, y)
    who = chosen(model, X)
    assert {sum(int(name[1:]) % 3 == label for name in who) for label in range(3)} == {n}
    assert ("fit", frozenset(int(name[1:]) for name in who)) in Spy.calls
    plain = pipeline().fit(X[X["subject"].isin(who)], y[X["subject"].isin(who)])
    np.testing.assert_array_equal(model.predict_proba(X), plain.predict_proba(X))
    np.testing.assert_array_equal(model.predict(X), plain.predict(X))
    assert model.levels(X).votes.equals(plain[-1].levels(X).votes)


def test_fewer_are_part_of_more_whatever_the_order_of_rows():
    X, y = toy_segments()
    order = np.random.default_rng(0).permutation(len(X))
    sets = [chosen(FewerSubjects(pipeline(), n).fit(X, y), X) for n in (1, 2, 3, None)]
    assert sets[0] < sets[1] < sets[2] < sets[3] == set(X["subject"])
    assert chosen(FewerSubjects(pipeline(), 2).fit(X[order], y[order]), X) == sets[1]
    other = FewerSubjects(pipeline(), 2, random_state=1).fit(X, y)
    assert chosen(other, X) != sets[1]


def test_subjects_may_be_pairs_of_a_clinic_and_a_number():
    X, y = toy_segments()
    pairs = X.with_columns(subject=pd.Series([("clinic", name) for name in X["subject"]]))
    taken = chosen(FewerSubjects(pipeline(), 2).fit(X, y), X)
    found = chosen(FewerSubjects(pipeline(), 2).fit(pairs, y), pairs)
    assert {name for _, name in found} == taken


def test_groups_are_handed_on():
    X, y = toy_segments()
    X = without(X, "location")  # of which a list knows nothing
    rows, groups = list(X), X["subject"].to_numpy()
    expected = FewerSubjects(pipeline(), 2).fit(X, y)
    model = FewerSubjects(pipeline(), 2).fit(rows, y, groups=groups)
    assert chosen(model, X) == chosen(expected, X)
    np.testing.assert_array_equal(
        model.predict_proba(rows, groups=groups), expected.predict_proba(X)
    )
    with config_context(enable_metadata_routing=True):
        scores = cross_val_score(
            FewerSubjects(pipeline(), 2),
            rows,
            y,
            params={"groups": groups},
            cv=SubjectKFold(2),
            scoring=SubjectScorer(strict=True),
            error_score="raise",
        )
    assert np.isfinite(scores).all()


def test_the_own_score_is_that_of_the_classifier_and_notices_training_subjects():
    X, y = toy_segments()
    model = FewerSubjects(pipeline(), 2).fit(X, y)
    rest = np.flatnonzero(~X["subject"].isin(chosen(model, X)))
    assert model.score(X[rest], y[rest]) == model.estimator_.score(X[rest], y[rest])
    with pytest.warns(TornSubjectsWarning, match="6 of 12 scored subjects"):
        model.score(X, y)


def test_a_halving_search_takes_subjects_as_its_resource():
    X, y = toy_segments(n_subjects=24, effect=2.0)
    search = HalvingGridSearchCV(
        FewerSubjects(make_pipeline(DiVoteClassifier(LogisticRegression(max_iter=2000)))),
        {"estimator__divoteclassifier__estimator__C": [1e-6, 1.0, 10.0, 100.0]},
        resource="n_subjects",
        min_resources=1,
        max_resources=4,
        factor=2,
        cv=SubjectKFold(2),
        scoring=SubjectScorer(strict=True),
        error_score="raise",
        return_train_score=False,
        random_state=0,
    ).fit(X, y)
    assert search.n_resources_ == [1, 2, 4]
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    names = X["subject"].unique()
    answering = search.best_estimator_.estimator_[-1]
    assert answering.trained_on(names).sum() == 3 * search.best_estimator_.n_subjects


def test_a_learning_curve_is_an_evaluation_with_fewer_subjects():
    X, y = toy_segments(effect=2.0)
    methods = {f"{n} a class": FewerSubjects(pipeline(), n) for n in (1, 2)}
    result = evaluate(methods, X, y, protocol=Protocol("two", 2), strict=True)
    assert len(result.items) == 2 * len(X.values)
    scores = scores_of(result, n_resamples=9)
    accuracy = scores[(scores["metric"] == "accuracy") & (scores["level"] == "subject")]
    assert accuracy["method"].tolist() == list(methods)
    assert (accuracy["n_subjects"] == 12).all()


@pytest.mark.parametrize("n", [0, -1, 1.5, "two"])
def test_numbers_of_subjects_that_are_none_are_refused(n):
    X, y = toy_segments()
    with pytest.raises(ValueError, match="'n_subjects' parameter"):
        FewerSubjects(pipeline(), n).fit(X, y)
