"""The methods that a comparison chooses from."""

import builtins
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sknemg import (
    DiVoteClassifier,
    JointVoteClassifier,
    MuapFeatures,
    NEMGNetClassifier,
    Recordings,
)
from sknemg.divote.fitted import open_model
from sknemg.evaluation import compared_methods
from sknemg.evaluation import methods as module
from sknemg.evaluation.methods import COMPARED, SHORT, check_methods, fitting_methods
from sknemg.evaluation.rival_networks import NETWORKS, _copies
from sknemg.evaluation.rivals import (
    SoftmaxRidge,
    braindecode_network,
    minirocket,
    multirocket_hydra,
)

NETWORK = "nEMGNet-A (tuned, width 4, 0.5 epochs)"


def test_all_see_the_same_segments_and_motor_units_what_was_recorded():
    methods = compared_methods("smoke", hop=0.2, cv=3)
    assert list(methods) == [NETWORK, "features + LDA", "motor units"]
    assert {pipe["divote"].cv for pipe in methods.values()} == {3}
    *cut, units = methods.values()
    assert {pipe["segment"].hop for pipe in cut} == {0.2}
    assert isinstance(units[0], MuapFeatures)
    assert units["divote"].estimator[-1].class_weight == "balanced"


@pytest.mark.parametrize("recipe", ["published", "tuned"])
def test_the_network_is_named_by_what_it_is(recipe):
    ((name, pipe),) = compared_methods("gpu", recipe=recipe, methods=["network"]).items()
    assert name == f"nEMGNet-B ({recipe}, width 64, 100 epochs)"
    network = pipe["divote"].estimator
    assert (network.recipe, network.width, network.max_epochs) == (recipe, 64, 100)


def test_a_short_training_of_the_tuned_network_goes_through_one_cycle():
    ((name, pipe),) = compared_methods("cpu", methods=["network"]).items()
    assert name == "nEMGNet-A (tuned, width 8, 2.5 epochs)"
    own = pipe["divote"].estimator.recipe_params()
    assert (own["schedule"], own["epoch_fraction"], own["companding"]) == ("one-cycle", 0.5, 0.05)
    (pipe,) = compared_methods("cpu", recipe="published", methods=["network"]).values()
    plain = NEMGNetClassifier()
    assert pipe["divote"].estimator.recipe_params() == plain.recipe_params()
    assert pipe["divote"].estimator.validation == plain.validation


def test_methods_vote_together(make_ragged):
    X, y = make_ragged()
    options = {"sfreq": 1000, "short": "drop"}
    pair = compared_methods(methods=["features", "features+forest"], **options)
    assert list(pair) == ["features + LDA", "features + LDA and features + forest together"]
    alone, together = pair.values()
    assert isinstance(together, JointVoteClassifier)
    assert [name for name, _ in together.estimators] == ["features", "forest"]
    together.set_params(forest__divote__estimator__n_estimators=9)
    together.set_params(forest__divote__estimator__random_state=0)
    together.fit(X, y)
    opened = [open_model(each).levels(X, None).recordings for each in together.estimators_]
    logs = sum(
        np.log(np.maximum(table[together.classes_].to_numpy(float), 0.01)) for table in opened
    )
    product = np.exp(logs / 2)
    expected = product / product.sum(axis=1, keepdims=True)
    scores = together.levels(X).recordings[together.classes_].to_numpy(float)
    np.testing.assert_allclose(scores, expected)
    assert isinstance(alone[-1], DiVoteClassifier) and alone[-1].final_estimator is not None


@pytest.mark.parametrize(
    "methods, words",
    [
        (["CNN"], "method 'CNN' is unknown: give some of 'network', 'features', 'forest', 'motor-"),
        (["network+"], "method '' is unknown"),
        ([], "`methods` is empty: give some of 'network'"),
        (["forest", "forest"], "holds a method twice"),
        (["forest+network", "network+forest"], "holds a method twice"),
        (["forest+forest"], "holds a method twice"),
    ],
)
def test_unknown_methods_are_refused(methods, words):
    with pytest.raises(ValueError, match=words.replace("+", r"\+")):
        check_methods(methods)


@pytest.mark.parametrize(
    "with_units, enough", [("acdf", True), ("bdf", False), ("abcdef", True), ("", False)]
)
def test_motor_units_are_compared_where_half_of_each_class_has_some(
    monkeypatch, with_units, enough
):
    """Subjects a, b and c are ill, d, e and f are well; the second recording holds the unit."""
    X = Recordings(
        np.zeros((12, 90)), sfreq=9000, subject=np.repeat(list("abcdef"), 2), n=[0, 1] * 6
    )

    def found(X):
        there = X["subject"].isin(list(with_units)) & (X["n"] == 1)
        return SimpleNamespace(lengths=there.to_numpy().astype(int))

    monkeypatch.setattr(module, "MuapFeatures", lambda n_jobs: SimpleNamespace(transform=found))
    chosen = fitting_methods(X, np.repeat(["ill", "well"], 6))
    assert ("motor-units" in chosen) == enough
    assert set(chosen) | {"motor-units"} == set(COMPARED)
    coarse = X.with_columns(sfreq=1000)  # where nobody looks for any
    assert "motor-units" not in fitting_methods(coarse, np.repeat(["ill", "well"], 6))


@pytest.mark.parametrize("rival", ["minirocket", "multirocket-hydra", "shallow-fbcsp", "eegnex"])
def test_without_its_library_a_rival_says_what_to_install(rival, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith(("aeon", "braindecode")):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'sknemg\[rivals\]'"):
        compared_methods(methods=[rival])
    assert compared_methods(methods=["forest"])  # which does without


@pytest.mark.slow
@pytest.mark.parametrize(
    "rival, small",
    [
        ("minirocket", {"minirocket__n_kernels": 84}),
        (
            "multirocket-hydra",
            {
                "featureunion__multirocket__n_kernels": 84,
                "featureunion__hydratransformer__n_groups": 2,
            },
        ),
    ],
)
def test_rivals_vote_alone_and_with_others(rival, small, make_ragged):
    pytest.importorskip("aeon", reason="RIVALS NOT TRIED: aeon is not installed")
    X, y = make_ragged()
    names = [rival, f"{rival}+features"]
    options = {"sfreq": 1000, "short": "drop", "subject_features": "all"}
    alone, pair = compared_methods(methods=names, **options).values()
    seeds = {name: 0 for name in alone.get_params() if name.endswith("random_state")}
    assert len(seeds) >= 2  # that of the convolutions, and of the ridge
    alone.set_params(**seeds, **{f"divote__estimator__{name}": n for name, n in small.items()})
    proba = alone.fit(X, y).predict_proba(X)
    assert (alone.predict(X) == y).mean() > 0.6  # on those it was trained on
    np.testing.assert_array_equal(alone.fit(X, y).predict_proba(X), proba)
    key = rival.replace("-", "_")
    pair.set_params(**{f"{key}__divote__estimator__{name}": n for name, n in small.items()})
    pair.set_params(**{name: 0 for name in pair.get_params() if name.endswith("random_state")})
    levels = pair.fit(X, y).levels(X)
    assert set(levels.items["kind"]) == {key, "features"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "rival, small", [(minirocket, {"n_kernels": 84}), (multirocket_hydra, {"n_groups": 2})]
)
@pytest.mark.parametrize("n_threads", [1, 2])
def test_random_convolutions_leave_the_threads_of_networks_alone(rival, small, n_threads):
    pytest.importorskip("aeon", reason="RIVALS NOT TRIED: aeon is not installed")
    X = np.random.default_rng(0).normal(size=(20, 1, 400)).astype("float32")
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(n_threads)
        model = rival(**small).fit(X, np.arange(20) % 2)
        assert torch.get_num_threads() == n_threads
        model.predict(X)
        assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(before)


def test_networks_made_for_eeg_see_segments_at_two_kilohertz(monkeypatch):
    monkeypatch.setattr(module, "braindecode_network", lambda name, **kw: NEMGNetClassifier(**kw))
    found = compared_methods(methods=["shallow-fbcsp", "eegnex", "forest"], hop=0.2)
    name = "EEGNeX (2.5 epochs, 2 kHz)"
    assert list(found)[1] == name
    assert [pipe["downsample"].sfreq for pipe in found.values()] == [2000, 2000, 10_000]
    assert {pipe["segment"].hop for pipe in found.values()} == {0.2}
    assert found[name]["divote"].estimator.schedule == "one-cycle"
    ((name, slow),) = compared_methods(methods=["eegnex"], sfreq=1000).items()
    assert slow["downsample"].sfreq == 1000  # which is not upsampled
    assert name == "EEGNeX (2.5 epochs, 1 kHz)"
    # as nEMGNet of the same profile: without the cycle of short trainings where that has none
    long = compared_methods("gpu", methods=["network", "shallow-fbcsp"])
    assert list(long)[1] == "ShallowFBCSPNet (100 epochs, 2 kHz)"
    theirs, own = [pipe["divote"].estimator for pipe in long.values()]
    training = ["max_epochs", "eval_every", "validation", *SHORT]
    assert {key: getattr(own, key) for key in training} == {
        key: getattr(theirs, key) for key in training
    }


def test_networks_made_for_eeg_get_companded_copies():
    signals = torch.tensor([[0.05, -0.5, 0.0]])
    expected = np.arcsinh([[1.0, -10.0, 0.0]])
    copies = _copies(signals, 2, 0.05).numpy()
    assert copies.shape == (1, 2, 3)
    np.testing.assert_allclose(copies, np.stack([expected, expected], axis=1), rtol=1e-6)
    assert _copies(signals, 1, None).numpy().tolist() == signals[:, None].tolist()


@pytest.mark.slow
@pytest.mark.filterwarnings("error:Using padding='same':UserWarning")  # kept quiet
@pytest.mark.parametrize("name", list(NETWORKS))
def test_networks_made_for_eeg_learn(name):
    pytest.importorskip("braindecode", reason="RIVALS NOT TRIED: braindecode is not installed")
    rng = np.random.default_rng(0)
    X = rng.normal(scale=0.02, size=(64, 800)).astype("float32")
    y = np.repeat(["normal", "neuropathy"], 32)
    X[32:, ::40] += 0.5
    model = braindecode_network(name, **SHORT | {"epoch_fraction": 1.0})
    model.set_params(max_epochs=30, batch_size=16, random_state=0)
    assert model.fit(X, y).score(X, y) > 0.8


@pytest.mark.parametrize("classes", ["ab", "abc"])
def test_a_ridge_has_scores_for_each_class(classes):
    y = np.resize(list(classes), 30)
    X = np.eye(len(classes))[np.unique(y, return_inverse=True)[1]]
    model = SoftmaxRidge(alpha=1e-3).fit(X, y)
    scores = model.predict_proba(X)
    assert scores.shape == (30, len(classes))
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    assert (model.classes_[scores.argmax(axis=1)] == y).all()
