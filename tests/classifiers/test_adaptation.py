"""Batch normalisation moved towards that of segments without labels."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from sknemg import NEMGNetClassifier
from sknemg.classifiers.adaptation import BATCH, adapted_network


@pytest.fixture(scope="module")
def trained():
    rng = np.random.default_rng(0)
    slow = np.repeat(rng.normal(size=(32, 110)), 10, axis=1)
    X = np.concatenate([slow, rng.normal(size=(32, 1100))]).astype(np.float32)
    y = np.repeat(["neuropathy", "normal"], 32)
    network = NEMGNetClassifier("A", width=8, max_epochs=8, lr=3e-3, random_state=0, device="cpu")
    return network.fit(X, y), X, y


def test_the_first_layer_has_mean_and_variance_of_the_segments(trained):
    network, X, _ = trained
    other = 3 * X + 1
    found = adapted_network(network, other, share=1).module_.blocks.block1
    with torch.no_grad():
        maps = found[0](torch.tensor(other)[:, None])
    assert len(other) <= BATCH  # so that they are one batch
    assert_allclose(found[1].running_mean, maps.mean(dim=(0, 2)), rtol=1e-4, atol=1e-5)
    assert_allclose(found[1].running_var, maps.var(dim=(0, 2)), rtol=1e-4)


def test_only_means_and_variances_change_and_the_network_stays_as_it_was(trained):
    network, X, _ = trained
    before = deepcopy(network.weights_)
    answers = network.predict_proba(X)
    adapted = adapted_network(network, 3 * X)
    changed = {
        name for name, own in adapted.weights_.items() if not np.array_equal(own, before[name])
    }
    assert {name.rpartition(".")[2] for name in changed} == {"running_mean", "running_var"}
    for name, own in network.weights_.items():
        assert_array_equal(own, before[name])
    assert_array_equal(network.predict_proba(X), answers)


def test_a_share_of_nothing_changes_no_answer_and_half_lies_between(trained):
    network, X, _ = trained
    shares = (0, np.float64(0.5), 1)
    none, half, whole = (adapted_network(network, 3 * X, share=k) for k in shares)
    assert_array_equal(none.predict_proba(X), network.predict_proba(X))
    for name in ("blocks.block1.1.running_mean", "blocks.block5.1.running_var"):
        between = (none.weights_[name] + whole.weights_[name]) / 2
        assert_allclose(half.weights_[name], between, rtol=1e-6)
        assert half.weights_[name].dtype == np.float32


def test_segments_on_another_scale_are_told_apart_again(trained):
    network, X, y = trained
    assert network.score(X, y) > 0.9
    louder = 40 * X + 15
    assert network.score(louder, y) < 0.7
    assert adapted_network(network, louder, share=1).score(louder, y) > 0.9


def test_same_seed_same_bits_in_several_batches(trained, monkeypatch):
    monkeypatch.setattr("sknemg.classifiers.adaptation.BATCH", 20)
    network, X, _ = trained
    first, again, other = (adapted_network(network, X, random_state=k) for k in (0, 0, 1))
    for name, own in first.weights_.items():
        assert_array_equal(own, again.weights_[name])
    assert not np.array_equal(first.predict_proba(X), other.predict_proba(X))


def test_dropout_leaves_the_chance_of_the_user_alone(trained):
    _, X, y = trained
    network = NEMGNetClassifier("A", width=8, max_epochs=1, dropout=0.3, random_state=0)
    network.fit(X, y)
    state = torch.get_rng_state()
    adapted_network(network, X)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_single_segment_and_a_network_without_normalisation_are_refused(trained):
    network, X, _ = trained
    for share in (1.5, "half", None):
        with pytest.raises(ValueError, match=rf"share={share!r} must be a number from 0 to 1"):
            adapted_network(network, X, share=share)
    with pytest.raises(ValueError, match="X has 1 segments: give those of several recordings"):
        adapted_network(network, X[:1])
    plain = deepcopy(network)
    plain.net_.module_ = nn.Linear(2, 2)
    with pytest.raises(ValueError, match="NEMGNetClassifier has no batch normalisation"):
        adapted_network(plain, X)
