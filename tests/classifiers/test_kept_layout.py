"""A fitted network stays the one that was trained, whatever parameters are set afterwards."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

from sknemg import NEMGNetClassifier, TimmClassifier, load_model, save_model
from sknemg.classifiers.adaptation import adapted_network
from sknemg.classifiers.nemgnet import shipped_network

N_TIMES = 1050


def rows():
    rng = np.random.default_rng(0)
    y = np.repeat(["myopathy", "normal"], 8)
    size = np.where(y == "normal", 1.0, 0.2)[:, None]
    return rng.normal(0, size, (16, N_TIMES)).astype(np.float32), y


def pictures():
    rng = np.random.default_rng(0)
    y = np.repeat(["myopathy", "normal"], 8)
    return (rng.random((16, 24, 24)) + np.where(y == "normal", 1, 0)[:, None, None]), y


@pytest.fixture(scope="module")
def nemgnet():
    clf = NEMGNetClassifier("A", width=4, max_epochs=3, lr=3e-3, batch_size=4, random_state=0)
    return clf.fit(*rows())


@pytest.fixture(scope="module")
def timm():
    options = {"max_epochs": 2, "batch_size": 8, "random_state": 0, "drop_rate": 0.1}
    return TimmClassifier("test_resnet", image_size=[32, 32], **options).fit(*pictures())


def reload(model, folder):
    save_model(model, folder / "model")
    return load_model(folder / "model")


WAYS = {
    "pickled": lambda model, folder: pickle.loads(pickle.dumps(model)),
    "copied": lambda model, folder: deepcopy(model),
    "saved": reload,
}
OF_NEMGNET = [
    {"companding": 0.05},
    {"activation": "leaky_relu"},
    {"recipe": "tuned"},
    {"head": "pooled"},
    {"dropout": 0.0},
    {"width": 6},
    {"version": "B"},
    {"short": "pad"},
]
OF_TIMM = [
    {"image_size": 24},
    {"in_chans": 1},
    {"model_name": "test_vit"},
    {"channels_last": True},
    {"drop_rate": 0.0},
    {"freeze": "backbone"},
    {"lr_groups": {"nowhere.*": 1e-3}},
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("params", OF_NEMGNET, ids=str)
def test_what_is_set_after_fit_changes_no_answer(nemgnet, params, way, tmp_path):
    X, _ = rows()
    expected = nemgnet.predict_proba(X)
    model = deepcopy(nemgnet).set_params(**params)
    assert_array_equal(model.predict_proba(X), expected)
    assert_array_equal(WAYS[way](model, tmp_path).predict_proba(X), expected)
    assert {name: model.get_params()[name] for name in params} == params  # for the next fit


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("params", OF_TIMM, ids=str)
def test_what_is_set_after_fit_changes_no_answer_of_an_image_network(timm, params, way, tmp_path):
    X, _ = pictures()
    expected = timm.predict_proba(X)
    model = deepcopy(timm).set_params(**params)
    assert_array_equal(model.predict_proba(X), expected)
    assert_array_equal(WAYS[way](model, tmp_path).predict_proba(X), expected)


def test_a_size_that_is_changed_in_its_list_changes_nothing(timm):
    model = deepcopy(timm)
    model.image_size[0] = 64
    assert_array_equal(
        deepcopy(model).predict_proba(pictures()[0]), timm.predict_proba(pictures()[0])
    )


def test_a_loaded_network_and_one_that_comes_with_sknemg_stay_as_well(nemgnet, tmp_path):
    shipped, _ = shipped_network("volitional-small")
    X = np.random.default_rng(0).normal(size=(4, shipped.input_shape_[-1]))
    for model, signals in ((reload(nemgnet, tmp_path), rows()[0]), (shipped, X)):
        expected = model.predict_proba(signals)
        changed = deepcopy(model).set_params(companding=1.0, width=3, activation="leaky_relu")
        assert_array_equal(deepcopy(changed).predict_proba(signals), expected)


def test_another_way_of_computing_is_no_other_network(nemgnet):
    X, _ = rows()
    model = deepcopy(nemgnet).set_params(companding=0.05, fast=True)
    np.testing.assert_allclose(model.predict_proba(X), nemgnet.predict_proba(X), atol=1e-5)
    one = deepcopy(nemgnet).set_params(companding=0.05)
    assert_array_equal(one.module_input(X), nemgnet.module_input(X))
    assert repr(one.module_) == repr(nemgnet.module_)


def test_what_starts_from_it_or_is_adapted_starts_from_what_was_trained(nemgnet):
    X, y = rows()
    changed = deepcopy(nemgnet).set_params(companding=0.05, width=6)
    started = clone(nemgnet).set_params(init=changed, init_lr=1e-12, max_epochs=1).fit(X, y)
    assert started.weights_.keys() == nemgnet.weights_.keys()
    adapted, expected = (adapted_network(model, X) for model in (changed, nemgnet))
    assert_array_equal(adapted.predict_proba(X), expected.predict_proba(X))


def test_an_exported_graph_is_of_what_was_trained(nemgnet):
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    from sknemg.persistence._onnx_graph import network_graph

    X, _ = rows()
    model = deepcopy(nemgnet).set_params(companding=0.05, activation="leaky_relu")
    graph = network_graph(model, "model").SerializeToString()
    (scores,) = onnxruntime.InferenceSession(graph).run(None, {"segments": X})
    np.testing.assert_allclose(scores, nemgnet.predict_proba(X), atol=1e-5)


def test_the_next_fit_and_a_clone_take_what_was_set(nemgnet):
    X, y = rows()
    model = deepcopy(nemgnet).set_params(companding=0.05, width=2, max_epochs=1)
    assert_array_equal(clone(model).fit(X, y).predict_proba(X), model.fit(X, y).predict_proba(X))
    assert model.module_.companding.scale == 0.05
    assert len(model.weights_["blocks.block1.0.weight"]) == 2
