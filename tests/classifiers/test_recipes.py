"""The recipes of nEMGNet, and the ways of training that they are made of."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.utils import compute_sample_weight
from skorch.callbacks import Callback

from sknemg import NEMGNetClassifier, SignalAugmenter, TimmClassifier
from sknemg.classifiers.data import Mixed, Rows, TrainingRounds
from sknemg.classifiers.recipes import RECIPE, RECIPES


def segments(n_subjects=6, n_each=6, n_times=1010, seed=0):
    rng = np.random.default_rng(seed)
    subjects = np.repeat(np.arange(n_subjects), n_each)
    slow = subjects % 2 == 0
    X = 0.2 * rng.normal(size=(len(subjects), n_times)).astype(np.float32)
    X[slow] = np.repeat(X[slow, : n_times // 10 + 1], 10, axis=1)[:, :n_times]
    return X, np.where(slow, "neuropathy", "myopathy"), subjects


def small(**kwargs):
    options = {"width": 4, "max_epochs": 2, "batch_size": 8, "random_state": 0, "device": "cpu"}
    return NEMGNetClassifier("A", **(options | kwargs))


def rounds(n=40, **kwargs):
    X = np.arange(n, dtype=np.float32)[:, None]
    options = {"batch_size": 8, "max_epochs": 2, "eval_every": None, "seed": 0}
    return TrainingRounds(Rows(X, np.arange(n) % 2), **(options | kwargs))


# The recipes


def test_published_is_the_default_and_both_know_the_same_parameters():
    assert NEMGNetClassifier().recipe_params() == RECIPES["published"]
    assert RECIPES["published"].keys() == RECIPES["tuned"].keys()
    assert RECIPES["published"]["companding"] is None
    assert RECIPES["published"]["lr"] == 1e-3
    signature = NEMGNetClassifier().get_params()
    assert {name for name, value in signature.items() if value == RECIPE} == {*RECIPES["published"]}


def test_parameters_of_the_published_recipe_given_by_hand_give_its_bits():
    X, y, _ = segments()
    by_hand = small(**RECIPES["published"]).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(small().fit(X, y).predict_proba(X), by_hand)
    tuned = small(recipe="tuned").fit(X, y).predict_proba(X)
    assert not np.array_equal(tuned, by_hand)
    by_hand = small(**RECIPES["tuned"]).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(tuned, by_hand)


def test_what_is_given_overrides_the_recipe_and_survives_cloning():
    clf = clone(NEMGNetClassifier(recipe="tuned", companding=None, mixup=0.3, dropout=0.4))
    params = clf.recipe_params()
    assert (params["companding"], params["mixup"], params["dropout"]) == (None, 0.3, 0.4)
    assert params["lr"] == RECIPES["tuned"]["lr"]
    assert clf.get_params()["lr"] == RECIPE
    assert clf.set_params(recipe="published").recipe_params()["lr"] == 1e-3
    X, y, _ = segments()
    assert small(recipe="tuned", companding=None).fit(X, y).module_.companding(3.0) == 3.0
    assert small(companding=0.2).fit(X, y).module_.companding.scale == 0.2


@pytest.mark.parametrize(("n_times", "head"), [(1010, "Flatten"), (9000, "Statistics")])
def test_long_maps_are_pooled_by_themselves(n_times, head):
    X, y, _ = segments(n_subjects=2, n_each=2, n_times=n_times)
    clf = small(head="auto", width=1, max_epochs=1).fit(X, y)
    assert type(clf.module_.head[0]).__name__ == head


@pytest.mark.parametrize(
    "wrong",
    [
        {"recipe": "best"}, {"companding": 0}, {"companding": "log"}, {"head": "mean"},
        {"mixup": -1}, {"label_smoothing": 1}, {"weight_averaging": 1}, {"epoch_fraction": 0},
        {"max_updates": 0},
        {"schedule": "cosine"}, {"optimizer": "sgd"},
    ],
)  # fmt: skip
def test_wrong_values_are_refused_by_name(wrong):
    X, y, _ = segments()
    (name,) = wrong
    with pytest.raises(ValueError, match=f"The '{name}' parameter of NEMGNetClassifier must be"):
        small(**wrong).fit(X, y)


def test_recipes_and_their_parameters_can_be_searched():
    X, y, _ = segments(n_subjects=4, n_each=4)
    grid = [{"recipe": ["published", "tuned"]}, {"companding": [None, 0.05], "mixup": [RECIPE]}]
    search = GridSearchCV(small(max_epochs=1), grid, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_the_docstring_names_the_recipe_where_the_signature_does():
    doc = NEMGNetClassifier.__doc__
    assert 'lr : float or "recipe", default="recipe"' in doc
    assert 'schedule : {"one-cycle"} or None or "recipe", default="recipe"' in doc
    assert 'augment : callable or None or "recipe", default="recipe"' in doc
    assert "lr : float, default=1e-3" in TimmClassifier.__doc__


# What holds of every training holds of the tuned one

EVERYTHING = {
    "recipe": "tuned", "weight_averaging": 0.9, "mixup": 0.2, "epoch_fraction": 0.8,
    "dropout": 0.2, "label_smoothing": 0.1,
    "augment": SignalAugmenter(polarity=0.5, mains=0, shift=0, warp=0),
}  # fmt: skip


def test_the_same_seed_gives_the_same_bits_and_the_global_state_is_left_alone():
    X, y, subjects = segments()
    state = torch.get_rng_state()
    first, second, other = (
        small(**EVERYTHING, eval_every=2, random_state=seed).fit(X, y, groups=subjects)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    assert not np.array_equal(first.predict_proba(X), other.predict_proba(X))
    assert torch.equal(state, torch.get_rng_state())
    again = pickle.loads(pickle.dumps(first))
    np.testing.assert_array_equal(again.predict_proba(X), first.predict_proba(X))


def test_a_row_does_not_depend_on_its_neighbours():
    X, y, _ = segments(n_each=10)
    clf = small(**EVERYTHING).fit(X, y)
    p = clf.predict_proba(X)
    one_by_one = np.concatenate([clf.predict_proba(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_allclose(p, one_by_one, atol=1e-6)


def test_the_number_of_evaluations_leaves_the_training_as_it_is():
    """Above all, averaged weights step aside for those that learn."""
    X, y, subjects = segments()
    # 16 of 24 rows an epoch: batches of one size, whose losses may be averaged
    options = EVERYTHING | {"max_epochs": 4, "patience": None, "epoch_fraction": 2 / 3}
    often, seldom = (
        small(**options, eval_every=n).fit(X, y, groups=subjects).history_["train_loss"]
        for n in (1, 2)
    )
    np.testing.assert_allclose(often.to_numpy().reshape(-1, 2).mean(axis=1), seldom, rtol=1e-5)


def test_averaged_weights_are_those_that_are_validated_and_kept():
    X, y, subjects = segments(n_subjects=10)
    held_out = subjects >= 6
    validation = (X[held_out], y[held_out])
    options = {"lr": 3e-3, "max_epochs": 5, "eval_every": 3, "validation": validation}
    averaged, plain = (
        small(**options, weight_averaging=decay).fit(X[~held_out], y[~held_out])
        for decay in (0.9, None)
    )
    # averaging changes what is kept, not what is learned
    np.testing.assert_array_equal(averaged.history_["train_loss"], plain.history_["train_loss"])
    assert averaged.history_["valid_loss"].iloc[-1] != plain.history_["valid_loss"].iloc[-1]
    best = averaged.history_.loc[averaged.history_["best"], "valid_accuracy"].item()
    assert averaged.score(*validation) == best


# The ingredients


def test_a_part_of_the_rows_makes_an_epoch_and_another_one_the_next():
    part = rounds(epoch_fraction=0.25, max_epochs=30)
    assert part.updates_per_epoch == 2
    epochs = [np.concatenate([X[:, 0].numpy() for X, _ in part]) for _ in range(30)]
    assert {len(rows) for rows in epochs} == {10}
    assert all(len(set(rows)) == 10 for rows in epochs)
    assert len(set(np.concatenate(epochs))) == 40
    assert not np.array_equal(epochs[0], epochs[1])


def test_training_ends_after_so_many_updates_or_epochs_whichever_come_first():
    X, y, _ = segments()
    an_epoch = -(-len(X) // 8)
    for updates, epochs, last in (
        (an_epoch + 2, 100, an_epoch + 2), (an_epoch + 2, 1, an_epoch), (None, 2, 2 * an_epoch),
    ):  # fmt: skip
        options = {"max_updates": updates, "max_epochs": epochs, "eval_every": 1}
        clf = small(validation=None, schedule="one-cycle", **options).fit(X, y)
        assert clf.history_["update"].iloc[-1] == last
    assert sum(len(X) for X, _ in rounds(max_updates=3, max_epochs=9)) == 24
    whole = [X.numpy() for X, _ in rounds()][:3]
    cut = [X.numpy() for X, _ in rounds(max_updates=3)]
    assert np.array_equal(np.concatenate(whole), np.concatenate(cut))


def test_mixtures_hold_rows_and_labels_in_one_share():
    shares = []
    plain, mixing = rounds(), rounds(mixup=0.2)
    for (X, y), (mixture, labels) in zip(plain, mixing, strict=True):
        assert isinstance(labels, Mixed)
        assert torch.equal(labels.first, y)  # the order of the rows is that without mixing
        if labels.share < 0.99:
            rest = (mixture - labels.share * X) / (1 - labels.share)
            rows = rest.round().long()[:, 0]  # a row holds its number, whose parity is its label
            np.testing.assert_allclose(rest[:, 0], rows, atol=0.02)
            assert torch.equal(rows % 2, labels.second)
            assert sorted(rows.tolist()) == sorted(X[:, 0].tolist())  # each is mixed in once
        shares.append(labels.share)
    assert len(set(shares)) == len(shares)
    assert all(0 <= share <= 1 for share in shares)


def test_labels_are_smoothed_in_training_and_not_in_validation():
    X, y, subjects = segments(n_subjects=10)
    own = subjects >= 6
    clf = small(label_smoothing=0.5, validation=(X[own], y[own]), max_epochs=6, lr=3e-3)
    clf.fit(X[~own], y[~own])
    best = clf.history_[clf.history_["best"]]
    plain = log_loss(y[own], clf.predict_proba(X[own]))
    assert best["valid_loss"].item() == pytest.approx(plain, rel=1e-4)
    # half of every label is spread evenly: no answer has a loss below that of 3/4 and 1/4
    least = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert clf.history_["train_loss"].min() >= least


def test_validation_loss_is_weighted_as_that_of_training():
    X, y, _ = segments()
    weights = {"neuropathy": 3.0, "myopathy": 1.0}
    clf = small(class_weight=weights, validation=(X, y), mixup=0.3).fit(X, y)
    p = clf.predict_proba(X)
    own = p[np.arange(len(y)), np.searchsorted(clf.classes_, y)]
    expected = np.average(-np.log(own), weights=compute_sample_weight(weights, y))
    found = clf.history_.loc[clf.history_["best"], "valid_loss"].item()
    assert found == pytest.approx(expected, rel=1e-4)


class Rates(Callback):
    def initialize(self):
        self.seen = []
        return self

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        if training:
            self.seen.append(net.optimizer_.param_groups[0]["lr"])


@pytest.mark.parametrize("max_epochs", [1, 10])
def test_one_cycle_rises_to_the_rate_and_falls_to_nearly_nothing(max_epochs):
    X, y, _ = segments()
    rates = Rates()
    small(schedule="one-cycle", lr=2e-3, max_epochs=max_epochs, callbacks=[rates]).fit(X, y)
    seen = np.array(rates.seen)
    assert len(seen) == 5 * max_epochs
    peak = seen.argmax()
    assert 0.2 * len(seen) <= peak <= 0.4 * len(seen)
    assert seen[0] < seen.max() / 5
    assert (np.diff(seen[: peak + 1]) > 0).all() and (np.diff(seen[peak:]) < 0).all()
    if max_epochs > 1:
        assert seen.max() == pytest.approx(2e-3, rel=0.02)
        assert seen[-1] < 1e-5


def test_a_training_of_one_update_runs():
    X, y, _ = segments(n_subjects=2, n_each=2)
    clf = small(**EVERYTHING | {"max_epochs": 1, "epoch_fraction": 1.0}).fit(X, y)
    assert clf.history_["update"].tolist() == [1]


def test_weight_decay_of_adamw_is_not_that_of_adam():
    X, y, _ = segments()
    adam, adamw = (
        small(optimizer=name, weight_decay=0.5).fit(X, y).predict_proba(X)
        for name in ("adam", "adamw")
    )
    assert not np.array_equal(adam, adamw)


def test_gain_sign_and_noise_need_no_sampling_rate():
    batch = torch.randn(4, 1010)
    augment = EVERYTHING["augment"]
    assert augment(batch, torch.Generator().manual_seed(0)).shape == batch.shape
    with pytest.raises(ValueError, match=r"unknown: give `input_sfreq`, or set warp=0"):
        SignalAugmenter(mains=0, shift=0)(batch, torch.Generator())


def test_image_networks_take_the_ingredients():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 80, size=(16, 8, 8), dtype=np.uint8)
    X[8:, :4] += 100
    y = np.repeat([0, 1], 8)
    clf = TimmClassifier(
        "test_resnet", image_size=8, batch_size=8, max_epochs=1, mixup=0.2, label_smoothing=0.1,
        weight_averaging=0.9, schedule="one-cycle", optimizer="adamw", random_state=0,
        device="cpu",
    )  # fmt: skip
    assert np.isfinite(clf.fit(X, y).predict_proba(X)).all()
