"""Prediction by the rebuilt network, through the classifier."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sknemg import (
    DiVoteClassifier,
    NEMGNetClassifier,
    Recordings,
    Segmenter,
    load_model,
    save_model,
)
from sknemg.classifiers import nemgnet
from sknemg.nn import FastNEMGNet, NEMGNet
from sknemg.persistence import export_onnx


def fitted(version="A", n_times=1100, **kwargs):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(24, n_times)).astype(np.float32)
    X[::2] = np.repeat(X[::2, : n_times // 10], 10, axis=1)
    y = np.where(np.arange(24) % 2, "normal", "neuropathy")
    options = {"width": 4, "max_epochs": 3, "batch_size": 8, "lr": 3e-3, "random_state": 0}
    return NEMGNetClassifier(version, **(options | kwargs)).fit(X, y), X


@pytest.fixture(scope="module")
def model():
    return fitted()


@pytest.fixture
def passes(monkeypatch):
    """Count the passes of both networks."""
    counts = {NEMGNet: 0, FastNEMGNet: 0}
    for kind in counts:
        plain = kind.forward

        def forward(self, x, kind=kind, plain=plain):
            counts[kind] += 1
            return plain(self, x)

        monkeypatch.setattr(kind, "forward", forward)
    return counts


def both(clf, X):
    plain = clf.set_params(fast=False).predict_proba(X)
    fast = clf.set_params(fast=True).predict_proba(X)
    assert fast.dtype == np.float32
    return plain, fast


def test_fast_is_set_after_the_fit_and_undone(model, passes):
    clf, X = model
    plain, fast = both(clf, X)
    assert passes == {NEMGNet: 1, FastNEMGNet: 1}
    np.testing.assert_allclose(fast, plain, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(clf.set_params(fast=False).predict_proba(X), plain)
    assert passes == {NEMGNet: 2, FastNEMGNet: 1}


@pytest.mark.slow
@pytest.mark.parametrize("version", "ABCD")
@pytest.mark.parametrize("options", [{}, {"companding": 0.05}, {"head": "pooled"}])
def test_trained_networks_answer_the_same(version, options):
    clf, X = fitted(version, **options)
    plain, fast = both(clf, X)
    np.testing.assert_allclose(fast, plain, rtol=0, atol=1e-5)


def test_training_is_the_same_and_does_not_use_it(model, passes):
    clf, _ = model
    fast, _ = fitted(fast=True)
    assert passes[FastNEMGNet] == 0
    for name, weights in clf.weights_.items():
        np.testing.assert_array_equal(fast.weights_[name], weights)


def test_it_survives_cloning_and_pickling(model, passes):
    clf, X = model
    _, fast = both(clf, X)
    assert clone(clf).fast is True
    again = pickle.loads(pickle.dumps(clf))
    passes[FastNEMGNet] = 0
    np.testing.assert_array_equal(again.predict_proba(X), fast)
    assert passes[FastNEMGNet] == 1


def test_layers_are_those_of_the_network(model, passes):
    clf, X = model
    plain = clf.set_params(fast=False).layer_outputs(X, ["blocks.block2", "head"])
    fast = clf.set_params(fast=True).layer_outputs(X, ["blocks.block2", "head"])
    assert passes[FastNEMGNet] == 0
    for name, values in plain.items():
        np.testing.assert_array_equal(fast[name], values)
    assert type(clf.module_) is NEMGNet


def test_weights_that_are_changed_are_seen(model):
    clf, X = pickle.loads(pickle.dumps(model[0])), model[1]
    clf.set_params(fast=True).predict_proba(X)
    with torch.no_grad():
        clf.module_.head[-1].bias.add_(torch.tensor([2.0, 0.0]))
    fast = clf.predict_proba(X)
    rows = torch.softmax(clf.module_(clf.module_input(X)), dim=1).detach()
    np.testing.assert_allclose(fast, rows, rtol=0, atol=1e-5)


def test_windows_and_padded_segments():
    clf, _ = fitted(n_times=500, short="pad", fast=True)
    signal = np.random.default_rng(1).normal(size=3000).astype(np.float32)
    X = Segmenter(window=0.05, hop=0.0125).fit_transform(Recordings([signal], sfreq=10_000))
    dense = np.asarray(X.items)
    np.testing.assert_array_equal(clf.predict_proba(X.items), clf.predict_proba(dense))


def test_bfloat16_is_refused_before_training_where_there_is_none(model, monkeypatch):
    clf, X = model
    monkeypatch.setattr(nemgnet, "computes_in_bfloat16", lambda device: False)
    message = r"fast='bfloat16' but this CPU has no instructions for it: set fast=True"
    with pytest.raises(ValueError, match=message):
        clone(clf).set_params(fast="bfloat16").fit(X, np.arange(24) % 2)
    with pytest.raises(ValueError, match=message):
        pickle.loads(pickle.dumps(clf)).set_params(fast="bfloat16").predict_proba(X)


def test_bfloat16_where_there_is_some(model, monkeypatch):
    clf, X = pickle.loads(pickle.dumps(model[0])), model[1]
    monkeypatch.setattr(nemgnet, "computes_in_bfloat16", lambda device: True)
    plain, fast = both(clf, X)
    half = clf.set_params(fast="bfloat16").predict_proba(X)
    assert half.dtype == np.float32
    assert 1e-5 < abs(half - plain).max() < 0.05
    np.testing.assert_array_equal(clf.set_params(fast=True).predict_proba(X), fast)


@pytest.mark.parametrize("fast", ["half", "no", 2, None])
def test_other_values_are_refused(model, fast):
    clf, X = model
    with pytest.raises(ValueError, match="'fast' parameter"):
        clone(clf).set_params(fast=fast).fit(X, np.arange(24) % 2)
    later = pickle.loads(pickle.dumps(clf)).set_params(fast=fast)
    with pytest.raises(ValueError, match=rf"fast={fast!r} must be True, False or 'bfloat16'"):
        later.predict_proba(X)


@pytest.mark.slow
def test_it_survives_a_folder_and_an_onnx_file(tmp_path, passes):
    pytest.importorskip("onnxscript", reason="the extra export is not installed")
    rng = np.random.default_rng(0)
    y = np.tile(["myopathy", "normal"], 4)
    signals = [rng.normal(scale=1 + at % 2, size=2500).astype("float32") for at in range(8)]
    X = Recordings(signals, sfreq=10_000, subject=[f"s{at}" for at in range(8)])
    network = NEMGNetClassifier("B", width=4, max_epochs=1, fast=True, random_state=0)
    pipe = make_pipeline(Segmenter(window=0.12), DiVoteClassifier(network)).fit(X, y)
    fast = pipe.predict_proba(X)
    save_model(pipe, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    passes[FastNEMGNet] = 0
    np.testing.assert_array_equal(loaded.predict_proba(X), fast)
    assert passes[FastNEMGNet] > 0
    export_onnx(pipe, tmp_path / "model.onnx")
    graph = load_model(tmp_path / "model.onnx").predict_proba(X)
    np.testing.assert_allclose(graph, fast, rtol=0, atol=1e-5)
    loaded[-1].estimator_.set_params(fast=False)
    np.testing.assert_allclose(loaded.predict_proba(X), fast, rtol=0, atol=1e-5)
