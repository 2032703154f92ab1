"""Votes of several kinds: their mean, kinds that are missing, and all that is done with models."""

import pickle
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from _toy import Spy
from numpy.testing import assert_allclose
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sknemg import (
    DiVoteClassifier,
    JointVoteClassifier,
    Recordings,
    Segmenter,
    SubjectKFold,
    SubjectScorer,
)
from sknemg.divote.joint import joint_scores
from sknemg.evaluation import Protocol, evaluate
from sknemg.inspection import (
    ConfusionMatrixDisplay,
    SubjectSheetDisplay,
    VoteHeatmapDisplay,
    diagnosis_drivers,
)
from sknemg.model_selection import TornSubjectsWarning

#: Recordings have few samples here, at a low rate.
pytestmark = pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")


def votes(window, **params):
    divote = DiVoteClassifier(LogisticRegression(), **{"final_estimator": None, **params})
    return Pipeline([("cut", Segmenter(window, window, short="drop")), ("divote", divote)])


def joint(**params):
    return JointVoteClassifier([("short", votes(0.4)), ("long", votes(1.2))], **params)


@pytest.fixture
def toy():
    """Recordings with both kinds (12 samples), with the short one only (8), and with none (3)."""
    rng = np.random.default_rng(0)
    lengths = np.tile([12, 12, 8, 12, 3, 12], 3)
    y = np.repeat(["myopathy", "neuropathy"], 9)
    size = np.where(y == "myopathy", 0.5, 1.5)
    rows = [rng.uniform(0, s, n) for s, n in zip(size, lengths, strict=True)]
    subject = np.repeat(list("abcdefghi"), 2)
    y = np.repeat(["myopathy", "neuropathy", "myopathy"], [8, 8, 2])
    return Recordings(rows, sfreq=10, subject=subject), y


def test_the_score_of_a_recording_is_the_geometric_mean_of_its_kinds():
    nan = [np.nan, np.nan]
    one, other = (
        np.array([[0.9, 0.1], [0.6, 0.4], nan, nan]),
        np.array([[0.4, 0.6], nan, [0.2, 0.8], nan]),
    )
    found = joint_scores([one, other], weights=[1, 1], floor=0.01)
    product = np.sqrt([0.9 * 0.4, 0.1 * 0.6])
    assert_allclose(found, [product / product.sum(), one[1], other[2], nan])
    twice = joint_scores([one, other], weights=[2, 1], floor=0.01)
    product = np.cbrt([0.9**2 * 0.4, 0.1**2 * 0.6])
    assert_allclose(twice[0], product / product.sum())
    assert_allclose(twice[1:], found[1:])


def test_no_kind_forbids_a_class():
    sure, other = np.array([[1.0, 0.0]]), np.array([[0.001, 0.999]])
    found = joint_scores([sure, other], weights=[1, 1], floor=0.01)
    product = np.sqrt([1 * 0.01, 0.01 * 0.999])
    assert_allclose(found, [product / product.sum()])


def test_levels_are_those_of_the_members_joined(toy):
    X, y = toy
    model = joint().fit(X, y)
    levels, each = model.levels(X), [member[-1] for member in model.estimators_]
    single = [e.levels(m[0].transform(X)) for e, m in zip(each, model.estimators_, strict=True)]
    assert levels.items.groupby("kind").size().to_dict() == {
        "short": len(single[0].items),
        "long": len(single[1].items),
    }
    scores = [one.recordings[model.classes_].to_numpy() for one in single]
    assert np.isnan(scores[1]).any(axis=1).sum() == 6
    assert_allclose(
        levels.recordings[model.classes_], joint_scores(scores, weights=[1, 1], floor=0.01)
    )
    only_short = X.lengths == 8
    assert_allclose(levels.recordings[model.classes_][only_short], scores[0][only_short])
    assert levels.recordings["n_items"].tolist() == [{12: 4, 8: 2, 3: 0}[n] for n in X.lengths]
    assert levels.subjects["n_items"].sum() == len(levels.items)
    means = levels.recordings.groupby("subject")[model.classes_.tolist()].mean()
    assert_allclose(levels.subjects[model.classes_], means)
    assert_allclose(model.predict_proba(X), means.loc[X["subject"]])
    assert (model.predict(X) == levels.subjects["prediction"].loc[X["subject"]].to_numpy()).all()


def test_a_subject_without_any_kind_is_an_unknown_and_warned_of(toy, recwarn):
    X, y = toy
    model = joint().fit(X, y)  # subject "e" has a recording without an item: no warning
    model.predict(X[X.lengths != 3])
    assert not len(recwarn)
    with pytest.warns(
        UserWarning, match="Subjects without an item of any kind have no vote, row 0:"
    ):
        proba = model.predict_proba(X[[4, 0]])
    assert_allclose(proba[0], 0.5)
    assert (proba[1] != 0.5).all()


def test_weights_choose_among_kinds(toy):
    X, y = toy
    long = joint(weights=[0, 1]).fit(X, y)
    alone = votes(1.2).fit(X[X.lengths == 12], y[X.lengths == 12])
    own = X[X.lengths == 12]
    assert_allclose(long.predict_proba(own), alone.predict_proba(own))
    with pytest.raises(ValueError, match=r"weights=\[1, 1, 1\] must be 2 numbers >= 0"):
        joint(weights=[1, 1, 1]).fit(X, y)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"weights": [2.0]}, r"weights=\[2.0\] must be 2 numbers >= 0"),
        ({"weights": [-1, 3]}, "must be 2 numbers >= 0"),
        ({"weights": [0, 0]}, "not all 0"),
        ({"floor": -1.0}, "'floor' parameter of JointVoteClassifier must be"),
    ],
)
def test_what_is_set_after_fit_is_checked_as_before(toy, params, said):
    X, y = toy
    model = joint().fit(X, y)
    with pytest.raises(ValueError, match=said):
        model.set_params(**params).predict_proba(X)


@pytest.mark.parametrize("routing", [True, False])
def test_searches_and_folds_by_subject(toy, routing):
    X, y = toy
    grid = {"short__divote__estimator__C": [0.1, 1.0], "weights": [None, [0, 1]]}
    search = GridSearchCV(joint(), grid, cv=SubjectKFold(3), scoring=SubjectScorer("accuracy"))
    context = config_context(enable_metadata_routing=True) if routing else nullcontext()
    with context:
        params = {"groups": X["subject"].to_numpy()} if routing else {}
        search.fit(X, y, **params)
        assert search.predict(X).shape == y.shape
        found = cross_val_predict(
            joint(), X, y, cv=LeaveOneGroupOut(),
            **({"params": params} if routing else {"groups": X["subject"].to_numpy()}),
        )  # fmt: skip
    assert set(found) <= set(y)


def test_rows_of_a_fold_are_named_as_those_of_the_whole(toy):
    X, y = toy
    model = joint().fit(X, y)
    silent = Recordings([*X, np.zeros(3)], sfreq=10, subject=[*X["subject"], "silent"])
    with pytest.warns(UserWarning, match=r"no vote, row 18: leave them out"):
        model.predict(silent.with_columns(row_of_X=np.arange(19))[[0, 1, 18]])


def test_groups_reach_the_members_of_bare_arrays():
    X, y = np.random.default_rng(0).normal(size=(8, 5, 3)), np.repeat(["a", "b"], 4)
    groups = np.repeat([0, 1, 2, 3], 2)
    members = [("one", DiVoteClassifier(Spy())), ("two", DiVoteClassifier(Spy()))]
    model = JointVoteClassifier(members).fit(X, y, groups=groups)
    assert model.knows_subjects_ and model.has_several_recordings_
    assert all(member.knows_subjects_ for member in model.estimators_)
    assert model.trained_on([0, 9]).tolist() == [True, False]
    proba = model.predict_proba(X, groups=groups)
    assert_allclose(proba[::2], proba[1::2])
    with pytest.raises(ValueError, match="fit knew the subjects, this X does not"):
        model.predict(X)
    with pytest.warns(TornSubjectsWarning):
        model.score(X, y, groups=groups)
    assert not model.forget_subjects().trained_on([0]).any()


def test_models_are_copied_evaluated_and_shown(toy):
    X, y = toy
    model = joint().fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert_allclose(again.predict_proba(X), model.predict_proba(X))
    assert_allclose(clone(model).fit(X, y).predict_proba(X), model.predict_proba(X))
    result = evaluate({"joint": joint()}, X, y, protocol=Protocol("3", n_splits=3))
    assert len(result.subjects) == 9
    assert set(result.recordings["row"]) == set(range(len(X)))

    from matplotlib.figure import Figure

    heat = VoteHeatmapDisplay.from_estimator(model, X, ax=Figure().subplots())
    assert heat.figure_ is not None
    shown = ConfusionMatrixDisplay.from_estimator(model, X, y, ax=Figure().subplots())
    assert shown.figure_ is not None


def test_tables_name_the_members_that_were_trained(toy):
    X, y = toy
    model = joint().fit(X, y)
    expected = model.levels(X).items["kind"]
    model.set_params(estimators=[("a", votes(0.4)), ("b", votes(1.2))])
    assert model.levels(X).items["kind"].tolist() == expected.tolist()


def test_what_explains_segments_takes_one_member(toy):
    X, y = toy
    model = joint().fit(X, y)
    for explain in (diagnosis_drivers, SubjectSheetDisplay.from_estimator):
        with pytest.raises(
            TypeError, match=r"give one of model.named_estimators_, \['short', 'long"
        ):
            explain(model, X, "a")
    assert len(diagnosis_drivers(model.named_estimators_["short"], X, "a")[1]) == 2


@pytest.mark.parametrize("left_out", ["drop", None])
def test_a_member_is_left_out_of_the_list_alone(toy, left_out):
    X, y = toy
    with pytest.raises(TypeError, match=f"'long' is '?{left_out}'?: give a pipeline .* out of the"):
        joint().set_params(long=left_out).fit(X, y)


def test_members_must_vote_and_have_names(toy):
    X, y = toy
    with pytest.raises(ValueError, match="estimators is empty"):
        JointVoteClassifier([]).fit(X, y)
    with pytest.raises(ValueError, match="not unique"):
        JointVoteClassifier([("a", votes(0.4)), ("a", votes(1.2))]).fit(X, y)
    table = FunctionTransformer(lambda X: np.array([[row.mean()] for row in X]))
    plain = make_pipeline(table, LogisticRegression())
    with pytest.raises(TypeError, match="The estimator 'b', Pipeline, has no votes: let it end"):
        JointVoteClassifier([("a", votes(0.4)), ("b", plain)]).fit(X, y)
    two = pd.Series(["a"] * len(y))
    with pytest.raises(ValueError, match="more than one diagnosis"):
        joint().fit(X, y, groups=two)
