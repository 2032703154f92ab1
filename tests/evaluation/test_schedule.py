"""What `evaluate` sets inside estimators: seeds everywhere, a schedule for own networks only."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sknemg import (
    DiVoteClassifier,
    NEMGNetClassifier,
    Recordings,
    Segmenter,
    SubjectKFold,
    TimmClassifier,
)
from sknemg.evaluation import Protocol, evaluate
from sknemg.evaluation._fit import choosing_on
from sknemg.evaluation._plan import prepare

SCHEDULE = Protocol("scheduled", 2, eval_every=7, patience=9)


class Foreign(ClassifierMixin, BaseEstimator):
    """Another library's classifier, whose parameters happen to have the names of ours."""

    def __init__(self, patience=3.5, eval_every="epoch", validation=0.1, random_state=None):
        self.patience = patience
        self.eval_every = eval_every
        self.validation = validation
        self.random_state = random_state

    def fit(self, X, y):
        assert (self.patience, self.eval_every, self.validation) == (3.5, "epoch", 0.1)
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


WRAPPERS = {
    "bare": lambda inner: inner,
    "divote": DiVoteClassifier,
    "pipeline": lambda inner: make_pipeline(Segmenter(), DiVoteClassifier(inner)),
    "pipeline inside": lambda inner: DiVoteClassifier(make_pipeline(inner)),
    "search": lambda inner: GridSearchCV(make_pipeline(DiVoteClassifier(inner)), {}),
    "search inside": lambda inner: DiVoteClassifier(GridSearchCV(inner, {})),
    "voting": lambda inner: VotingClassifier([("a", make_pipeline(inner))]),
    "stacking": lambda inner: StackingClassifier([("a", inner)], final_estimator=inner),
    "calibrated": lambda inner: CalibratedClassifierCV(DiVoteClassifier(inner)),
}


def inner_of(estimator, kind):
    """Every estimator of a kind inside, in the order of their names."""
    found = {"": estimator, **estimator.get_params(deep=True)}
    return [found[name] for name in sorted(found) if isinstance(found[name], kind)]


@pytest.mark.parametrize("network", [NEMGNetClassifier, TimmClassifier])
@pytest.mark.parametrize("where", WRAPPERS)
def test_own_networks_get_the_schedule_wherever_they_are(where, network):
    prepared = prepare(WRAPPERS[where](network()), SCHEDULE, seed=0)
    networks = inner_of(prepared, network)
    assert networks
    for net in networks:
        assert (net.eval_every, net.patience) == (7, 9)
        assert isinstance(net.random_state, int)


@pytest.mark.parametrize("where", WRAPPERS)
def test_foreign_estimators_keep_their_parameters(where):
    for choose_on in ("test", "validation"):
        protocol = replace(SCHEDULE, choose_on=choose_on)
        prepared = prepare(WRAPPERS[where](Foreign()), protocol, seed=0)
        chosen = choosing_on(prepared, None, None, None)
        for foreign in (*inner_of(prepared, Foreign), *inner_of(chosen, Foreign)):
            assert (foreign.patience, foreign.eval_every, foreign.validation) == (
                3.5,
                "epoch",
                0.1,
            )
            assert isinstance(foreign.random_state, int)  # a seed is a seed everywhere


def test_a_foreign_classifier_is_evaluated_under_the_published_protocol():
    X = Recordings(
        np.random.default_rng(0).normal(size=(8, 12)), sfreq=10, subject=list("abcdefgh")
    )
    pipe = make_pipeline(Segmenter(), DiVoteClassifier(Foreign()))
    protocol = Protocol("p", 2, choose_on="test", eval_every=50, patience=1000)
    y = np.repeat(["myopathy", "normal"], 4)
    assert len(evaluate(pipe, X, y, protocol=protocol).subjects) == 8


def test_candidates_of_a_search_are_prepared_like_the_estimator():
    grid = [
        {"divoteclassifier__estimator": [NEMGNetClassifier(), Foreign()]},
        {"divoteclassifier__estimator": [make_pipeline(TimmClassifier())]},
        {"divoteclassifier__estimator": [RandomForestClassifier()]},
    ]
    pipe = make_pipeline(Segmenter(), DiVoteClassifier(RandomForestClassifier()))
    search = GridSearchCV(pipe, grid, cv=SubjectKFold(2))
    prepared, again = (prepare(search, SCHEDULE, seed=3) for _ in range(2))
    (net, foreign), (timm,), (forest,) = (
        part["divoteclassifier__estimator"] for part in prepared.param_grid
    )
    assert (net.eval_every, net.patience) == (7, 9)
    assert (timm[-1].eval_every, timm[-1].patience) == (7, 9)
    assert (foreign.eval_every, foreign.patience) == ("epoch", 3.5)
    seeds = [each.random_state for each in (net, foreign, timm[-1], forest)]
    assert all(isinstance(seed, int) for seed in seeds)
    assert again.param_grid[0]["divoteclassifier__estimator"][0].random_state == seeds[0]
    assert grid[0]["divoteclassifier__estimator"][0].random_state is None  # the caller's own
