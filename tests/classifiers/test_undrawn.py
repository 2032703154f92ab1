"""Networks whose weights are not drawn, because they are read at once."""

import pickle

import numpy as np
import pytest
import torch

from sknemg import NEMGNetClassifier
from sknemg.classifiers import base
from sknemg.classifiers.undrawn import undrawn
from sknemg.nn import NEMGNet


def draws_of(work):
    before = torch.get_rng_state()
    work()
    return not torch.equal(torch.get_rng_state(), before)


def image_network():
    return pytest.importorskip("timm").create_model("resnet10t", num_classes=2)


@pytest.mark.parametrize("make", [lambda: NEMGNet(n_outputs=2, width=2), image_network])
def test_nothing_is_drawn(make):
    assert draws_of(make)
    assert not draws_of(lambda: undrawn(make))
    named = undrawn(make).state_dict()
    assert {name: w.shape for name, w in named.items()} == {
        name: w.shape for name, w in make().state_dict().items()
    }


def test_the_network_that_predicts_is_not_drawn(monkeypatch):
    X = np.random.default_rng(0).normal(size=(8, 1100)).astype(np.float32)
    options = {"width": 2, "max_epochs": 1, "validation": None, "random_state": 0}
    clf = NEMGNetClassifier("A", **options).fit(X, np.arange(8) % 2)
    made = []
    monkeypatch.setattr(base, "undrawn", lambda make, **given: made.append(make) or undrawn(make))
    pickle.loads(pickle.dumps(clf)).predict(X)
    assert len(made) == 1


def test_chance_is_back_after_it_and_after_an_error():
    with pytest.raises(ZeroDivisionError):
        undrawn(lambda: 1 / 0)
    assert draws_of(lambda: torch.nn.Linear(2, 2))


def test_the_network_that_predicts_reads_all_its_weights_and_shares_none():
    X = np.random.default_rng(0).normal(size=(8, 1100)).astype(np.float32)
    options = {"width": 2, "max_epochs": 1, "validation": None, "random_state": 0}
    clf = NEMGNetClassifier("A", **options).fit(X, np.arange(8) % 2)
    for one in (clf, pickle.loads(pickle.dumps(clf))):
        for name, tensor in one.module_.state_dict().items():
            np.testing.assert_array_equal(tensor.numpy(), clf.weights_[name])
            assert not np.shares_memory(tensor.numpy(), one.weights_[name])
        assert all(parameter.requires_grad for parameter in one.module_.parameters())
