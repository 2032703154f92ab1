"""Votes of training subjects, in-sample and out-of-fold."""

import numpy as np
import pytest
from _toy import CLASSES, Spy, numbers, skorch_net, take_calls, toy_segments, without
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, LeaveOneGroupOut, StratifiedGroupKFold
from skorch import NeuralNetClassifier

from sknemg import (
    DiVoteClassifier,
    NEMGNetClassifier,
    SubjectKFold,
)
from sknemg.recordings import label_subjects


def test_in_sample_features_come_from_the_classifier_that_saw_the_subjects():
    X, y = toy_segments()
    take_calls()
    model = DiVoteClassifier(Spy(), subject_features="all").fit(X, y)
    everyone = numbers(X["subject"])
    assert take_calls() == [("fit", everyone), ("predict", everyone)]
    assert_array_equal(model.votes_, model.levels(X).votes)


@pytest.mark.parametrize(
    "cv",
    [
        4,
        np.int64(4),
        SubjectKFold(4, shuffle=True, random_state=3),
        LeaveOneGroupOut(),
        StratifiedGroupKFold(4),
    ],
    ids=str,
)
def test_out_of_fold_features_come_from_classifiers_that_never_saw_the_subjects(cv):
    X, y = toy_segments()
    take_calls()
    model = DiVoteClassifier(Spy(), cv=cv).fit(X, y)
    everyone = numbers(X["subject"])
    assert take_calls()[0] == ("fit", everyone)
    model.fit(X, y)
    calls = take_calls()[1:]
    tested = []
    for (first, trained), (second, scored) in zip(calls[::2], calls[1::2], strict=True):
        assert (first, second) == ("fit", "predict")
        assert not trained & scored
        assert trained | scored == everyone
        tested += scored
    assert sorted(tested) == sorted(everyone)


def test_out_of_fold_votes_are_those_of_a_loop_by_hand():
    X, y = toy_segments()
    model = DiVoteClassifier(Spy(), cv=3, subject_features="all").fit(X, y)
    _, names, _ = label_subjects(y, X["subject"])
    for train, test in SubjectKFold(3).split(X, y):
        fold = DiVoteClassifier(Spy(), final_estimator=None).fit(X[train], y[train])
        votes = fold.levels(X[test]).votes
        tested = np.isin(names, votes.index)
        assert_allclose(model.votes_[tested], votes.loc[names[tested]])


def test_out_of_fold_features_are_calibrated_where_there_is_nothing_to_learn():
    def test_loss(cv):
        losses = []
        for seed in range(4):
            X, y = toy_segments(60, n_segments=(3, 6), effect=0.0, seed=seed)
            train = X["subject"].isin([f"S{k}" for k in range(30)]).to_numpy()
            forest = RandomForestClassifier(20, random_state=seed)
            final = LogisticRegression(C=100, max_iter=1000)
            model = DiVoteClassifier(forest, final_estimator=final, cv=cv)
            model.fit(X[train], y[train])
            scores = model.levels(X[~train]).subjects
            truth = [CLASSES[int(name[1:]) % 3] for name in scores.index]
            losses.append(log_loss(truth, scores[list(CLASSES)], labels=CLASSES))
        return np.mean(losses)

    assert test_loss(3) < test_loss(None)


def test_a_split_that_tears_subjects_is_refused_by_name():
    X, y = toy_segments()
    with pytest.raises(
        ValueError, match=r"tests on the same subjects 'S0', .*'S10'.*: give an int"
    ):
        DiVoteClassifier(Spy(), cv=KFold(3)).fit(X, y)
    bare = without(X, "subject")  # nobody to tear
    assert len(DiVoteClassifier(Spy(), cv=KFold(3)).fit(bare, y).votes_) == len(X)
    mixed = X["subject"].astype(object)
    mixed[X["subject"] == "S0"] = 0
    DiVoteClassifier(Spy(), cv=3).fit(X, y, groups=mixed)
    with pytest.raises(ValueError, match=r"n_splits=9 is more than .*myopathy 4"):
        DiVoteClassifier(Spy(), cv=9).fit(X, y)
    one_fold = [next(SubjectKFold(3).split(X, y))]
    with pytest.raises(ValueError, match=r"every recording once; row \d+ is tested 0 times"):
        DiVoteClassifier(Spy(), cv=one_fold).fit(X, y)


@pytest.mark.parametrize("estimator", [Spy(), skorch_net()], ids=["spy", "skorch"])
def test_a_class_that_a_fold_lacks_scores_zero(estimator):
    X, y = toy_segments(n_subjects=6)
    y = np.where(X["subject"] == "S5", "rare", y)
    if isinstance(estimator, NeuralNetClassifier):
        estimator.set_params(module__n_outputs=4)
    model = DiVoteClassifier(estimator, cv=LeaveOneGroupOut(), subject_features="all").fit(X, y)
    assert model.votes_.shape == (6, 4)
    assert_allclose(model.votes_.sum(axis=1), 1, rtol=1e-6)
    if isinstance(estimator, Spy):
        _, names, _ = label_subjects(y, X["subject"])
        rare = model.votes_[:, model.classes_ == "rare"].ravel()
        assert rare[names == "S5"] == 0
    assert model.predict_proba(X).shape == (len(X), 4)


def test_a_module_of_the_wrong_width_is_an_error():
    X, y = toy_segments()
    net = skorch_net().set_params(module__n_outputs=5)
    with pytest.raises(ValueError, match="scores 5 classes of 3"):
        DiVoteClassifier(net).fit(X, y)


def test_scores_that_are_no_numbers_are_an_error():
    class Broken(Spy):
        def predict_proba(self, X):
            proba = super().predict_proba(X)
            proba[X[:, 0] == 2] = np.nan
            return proba

    X, y = toy_segments()
    rows = np.flatnonzero(X["subject"] == "S2").tolist()
    with pytest.raises(ValueError, match=f"scores NaN or infinity in rows {rows[0]}, "):
        DiVoteClassifier(Broken()).fit(X, y)


@pytest.mark.slow
@pytest.mark.parametrize(
    "estimator",
    [
        pytest.param(RandomForestClassifier(5, random_state=0), id="forest"),
        pytest.param(
            NEMGNetClassifier(
                "A", width=2, short="pad", max_epochs=2, random_state=0, device="cpu"
            ),
            id="network",
            marks=pytest.mark.slow,  # each worker imports torch
        ),
    ],
)
@pytest.mark.usefixtures("one_thread")
def test_the_same_seed_and_two_workers_give_the_same_bits(estimator):
    X, y = toy_segments()
    one = DiVoteClassifier(estimator, cv=3).fit(X, y)
    again = DiVoteClassifier(estimator, cv=3).fit(X, y)
    two = DiVoteClassifier(estimator, cv=3, n_jobs=2).fit(X, y)
    for other in [again, two]:
        assert_array_equal(other.votes_, one.votes_)
        assert_array_equal(other.predict_proba(X), one.predict_proba(X))
