"""Networks that start from others: by name, from a fitted one, frozen or slowly."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sknemg import (
    DiVoteClassifier,
    JointVoteClassifier,
    NEMGNetClassifier,
    SubjectScorer,
    load_model,
    save_model,
)
from sknemg.divote.parts import holds_votes
from sknemg.evaluation._routing import check_reach
from sknemg.inspection import occlude_time
from sknemg.model_selection import TornSubjectsError, TornSubjectsWarning
from sknemg.model_selection.torn import row_splitters, trained_on
from sknemg.weights import read_network

N_TIMES = 1100


def rows(classes=("myopathy", "neuropathy", "normal"), seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(classes, 8)
    size = np.repeat(np.arange(1, len(classes) + 1), 8)
    return (size[:, None] * rng.normal(size=(len(y), N_TIMES))).astype(np.float32), y


def network(**params):
    fixed = {"width": 2, "max_epochs": 1, "validation": None, "random_state": 0}
    return NEMGNetClassifier("A", **fixed | params)


@pytest.fixture(scope="module")
def old():
    return network().fit(*rows())


def changed(new, old):
    """Which tensors of the state dict differ."""
    return {name for name in old.weights_ if not np.array_equal(old.weights_[name],
                                                                new.weights_[name])}  # fmt: skip


def test_training_begins_at_the_weights_of_the_other(old):
    new = network(init=old, init_lr=1e-12).fit(*rows(seed=1))
    for name, weights in old.weights_.items():
        if "running" not in name and "num_batches" not in name:
            np.testing.assert_allclose(new.weights_[name], weights, atol=1e-6)
    assert changed(network(random_state=1).fit(*rows(seed=1)), old) == set(old.weights_) - {
        name for name in old.weights_ if "num_batches" in name
    }


@pytest.mark.parametrize(
    "freeze, first", [(3, 5), pytest.param(0, 1, marks=pytest.mark.slow), (12, 13)]
)
def test_the_first_blocks_are_frozen_with_their_statistics(old, freeze, first):
    new = network(init=old, init_lr=1.0, freeze=freeze).fit(*rows(seed=1))
    moved = {name.split(".")[1] for name in changed(new, old) if name.startswith("blocks.")}
    odd = {f"block{k}" for k in range(first, 13) if k <= 3 or k % 2}  # others hold nothing in A
    assert moved == odd
    assert any(name.startswith("head.") for name in changed(new, old))


@pytest.mark.slow
def test_old_layers_learn_more_slowly(old):
    def distance(init_lr):
        new = network(init=old, init_lr=init_lr, optimizer="adam").fit(*rows(seed=1))
        name = "blocks.block1.0.weight"
        return np.abs(new.weights_[name] - old.weights_[name]).mean()

    assert distance(0.1) < 0.3 * distance(1.0)


def test_other_classes_give_a_new_output_layer_that_learns_at_the_full_rate(old):
    X, y = rows(("ALS", "normal"))
    new = network(init=old, init_lr=1e-12).fit(X, y)
    assert new.predict_proba(X).shape == (16, 2)
    fresh = changed_shape(new, old)
    assert fresh == {"head.14.weight", "head.14.bias"} and "head.14.weight" in new.weights_
    np.testing.assert_allclose(
        new.weights_["head.2.weight"], old.weights_["head.2.weight"], atol=1e-6
    )
    groups = new.set_params(init_lr=0.1)._parameter_groups()
    assert groups == [("head.14.*", {"lr": 1e-3}), ("*", {"lr": pytest.approx(1e-4)})]


def changed_shape(new, old):
    return {n for n in old.weights_ if old.weights_[n].shape != new.weights_[n].shape}


def test_as_many_other_classes_are_other_classes(old):
    new = network(init=old, init_lr=1e-12).fit(*rows(("a", "b", "c")))
    assert not np.allclose(new.weights_["head.14.weight"], old.weights_["head.14.weight"])


@pytest.mark.parametrize(
    "params, said",
    [
        ({"version": "B", "width": 4}, r"has version='A', width=2, this network .*set version='A'"),
        ({"companding": 0.05}, r"companding=None, this network companding=0.05"),
        ({"head": "pooled"}, r"head='flat'"),
        ({"activation": "leaky_relu"}, r"activation='relu'"),
    ],
)
def test_another_layout_is_refused_with_what_would_fit(old, params, said):
    with pytest.raises(ValueError, match=said):
        network(init=old).set_params(**params).fit(*rows())


def test_windows_of_another_length_are_refused(old):
    X, y = rows()
    with pytest.raises(ValueError, match=r"rows of 1 x 1100 samples, X has rows of 1 x 1050"):
        network(init=old).fit(X[:, :1050], y)
    shipped = read_network("volitional-small")
    n_times = shipped.input_shape[-1]
    with pytest.raises(ValueError, match=rf"1 x {n_times} samples \({n_times / 1e4:g} s at 10000"):
        layout = {name: shipped.parameters[name] for name in ("width", "companding", "head")}
        network(init="volitional-small", **layout).fit(X, y)


def test_what_holds_no_network_is_refused(old):
    with pytest.raises(ValueError, match=r"No model 'volitional-smal' .*mean 'volitional-small'"):
        network(init="volitional-smal").fit(*rows())
    with pytest.raises(ValueError, match=r"'volitional-muap' holds 0 networks: choose"):
        network(init="volitional-muap").fit(*rows())
    with pytest.raises(ValueError, match=r"NEMGNetClassifier with 0 fitted .* or a fitted model"):
        network(init=network()).fit(*rows())
    said = r"freeze=3 would keep random weights: .* \(a model folder keeps its name only.*freeze=0"
    with pytest.raises(ValueError, match=said):
        network(freeze=3).fit(*rows())


@pytest.mark.slow
def test_a_network_is_found_in_a_model_around_it(old):
    pipe = make_pipeline(FunctionTransformer(), DiVoteClassifier(network())).fit(*rows())
    inside = pipe[-1].estimator_
    new = network(init=pipe, init_lr=1e-12, freeze=12).fit(*rows())
    assert {name for name in changed(new, inside) if name.startswith("blocks")} == set()


def test_a_network_is_found_in_a_fitted_search(old):
    search = GridSearchCV(network(), {"lr": [1e-3]}, cv=2).fit(*rows())
    new = network(init=search, init_lr=1e-12, freeze=12).fit(*rows())
    best = search.best_estimator_
    assert {name for name in changed(new, best) if name.startswith("blocks")} == set()


def test_clones_pickles_and_parameters_keep_what_is_started_from(old):
    estimator = network(init=old, freeze=2)
    assert estimator.get_params()["init"] is old
    assert not any(name.startswith("init__") for name in estimator.get_params())
    copy = clone(estimator)
    assert copy.init is old and copy.get_params(deep=False)["freeze"] == 2
    votes = clone(DiVoteClassifier(estimator))
    assert votes.estimator.init.weights_ is old.weights_
    fitted = estimator.fit(*rows(seed=1))
    again = pickle.loads(pickle.dumps(fitted))
    X, _ = rows(seed=2)
    assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert_array_equal(again.init.predict_proba(X), old.predict_proba(X))
    assert_array_equal(clone(fitted).fit(*rows(seed=1)).predict_proba(X), fitted.predict_proba(X))


def test_parameters_of_what_is_started_from_are_not_set(old):
    for estimator, name in (
        (network(init=old), "init__width"),
        (DiVoteClassifier(network(init=old)), "estimator__init__width"),
    ):
        with pytest.raises(ValueError, match=r"init__width=8 would change the fitted model in ini"):
            estimator.set_params(**{name: 8})
    assert old.width == 2
    assert network(init=old).set_params(init=None, width=3).get_params()["width"] == 3


# -- a model in init is no part of the model, and what it knows is known ------------------------


@pytest.fixture(scope="module")
def knowing():
    """A model that knows on whom it was trained."""
    X, y = rows()
    votes = DiVoteClassifier(network(), final_estimator=None)
    return votes.fit(X, y, groups=[f"old{number}" for number in range(len(y))])


@pytest.fixture(scope="module")
def later(knowing):
    """A model that starts from it, trained on others."""
    X, y = rows(seed=1)
    votes = DiVoteClassifier(network(init=make_pipeline(knowing)), final_estimator=None)
    return votes.fit(X, y, groups=[f"new{number}" for number in range(len(y))])


def test_subjects_of_what_was_started_from_are_known(later):
    asked = ["new0", "old23", "another"]
    assert trained_on(make_pipeline(later), asked).tolist() == [True, True, False]
    last = DiVoteClassifier(network(init=later), final_estimator=None).fit(*rows())
    assert trained_on(last, asked).tolist() == [True, True, False]
    X, y = rows()
    scorer = SubjectScorer(strict=True)
    with pytest.raises(TornSubjectsError, match="24 scored subjects were in training"):
        scorer(later, X, y, groups=[f"old{number}" for number in range(len(y))])
    with pytest.warns(TornSubjectsWarning, match="All 24 scored subjects were in training"):
        later.score(X, y, groups=[f"old{number}" for number in range(len(y))])


def test_what_was_started_from_is_forgotten_in_a_copy(later, knowing):
    model = pickle.loads(pickle.dumps(later))
    shared = model.estimator_.init[-1]
    hashes = shared._subject_hashes.tobytes()
    assert hashes in pickle.dumps(model)
    model.forget_subjects()
    assert hashes not in pickle.dumps(model)
    assert not trained_on(model, ["new0", "old0"]).any()
    assert shared.trained_on(["old0"]).all()  # others may start from it
    assert model.estimator.init is model.estimator_.init
    X, y = rows(seed=2)
    expected = later.predict_proba(X, groups=range(len(y)))
    assert_array_equal(model.predict_proba(X, groups=range(len(y))), expected)


def test_joint_votes_forget_what_their_members_started_from(knowing):
    votes = DiVoteClassifier(network(init=knowing), final_estimator=None)
    X, y = rows(seed=1)
    model = JointVoteClassifier([("votes", make_pipeline(votes))])
    model.fit(X, y, groups=[f"new{number}" for number in range(len(y))])
    assert trained_on(model, ["new0", "old0", "another"]).tolist() == [True, True, False]
    model.forget_subjects()
    assert knowing._subject_hashes.tobytes() not in pickle.dumps(model)
    assert not trained_on(model, ["new0", "old0"]).any()
    assert knowing.trained_on(["old0"]).all()


def test_what_was_started_from_is_no_part_of_the_model(knowing):
    with_cv = GridSearchCV(make_pipeline(knowing), {}, cv=3)
    assert row_splitters(with_cv)  # what is not to be said of a model that starts from it
    estimator = network(init=with_cv)
    assert not row_splitters(DiVoteClassifier(estimator))
    assert not holds_votes(network(init=knowing)) and holds_votes(make_pipeline(knowing))
    X, _ = rows()
    check_reach({"network": network(init=knowing)}, X)


def test_a_network_that_started_from_votes_is_opened_as_a_network(knowing):
    X, y = rows(seed=1)
    clf = network(init=make_pipeline(knowing)).fit(X, y)
    found = occlude_time(clf, X[0], 10_000.0)
    assert type(found) is type(occlude_time(network().fit(X, y), X[0], 10_000.0))


def test_a_search_over_what_to_start_from_takes_frozen_models(old):
    X, y = rows(seed=1)
    starts = [FrozenEstimator(old), FrozenEstimator(make_pipeline(FunctionTransformer(), old))]
    search = GridSearchCV(network(), {"init": starts}, cv=2, refit=False, error_score="raise")
    scores = search.fit(X, y).cv_results_["mean_test_score"]
    assert len(scores) == 2 and np.isfinite(scores).all()
    search = GridSearchCV(network(), {"init": [old]}, cv=2, error_score="raise")
    with pytest.raises(
        ValueError, match=r"clones its candidates, .*frozen\.FrozenEstimator\(model\)"
    ):
        search.fit(X, y)


@pytest.mark.slow
def test_a_folder_keeps_the_name_but_not_the_model_that_was_started_from(old, tmp_path):
    model = DiVoteClassifier(network(init=old)).fit(*rows())
    save_model(model, tmp_path / "one")
    loaded = load_model(tmp_path / "one")
    assert loaded.estimator_.init is None
    X, _ = rows(seed=2)
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert (
        '"model.estimator_.init (NEMGNetClassifier)"'
        in (tmp_path / "one" / "config.json").read_text()
    )


def test_the_network_that_comes_with_sknemg_is_read_as_it_was_saved():
    from sknemg.pretrained import load

    shipped = read_network("volitional-small")
    inside = load("volitional-small").estimator_[-1].estimator_
    assert shipped.weights.keys() == inside.weights_.keys()
    for name, weights in inside.weights_.items():
        assert_array_equal(shipped.weights[name], weights)
    assert shipped.input_shape == inside.input_shape_
