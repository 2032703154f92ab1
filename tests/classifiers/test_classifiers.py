"""The base of the segment classifiers, tried through nEMGNet."""

import pickle
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from threading import Thread

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.metadata_routing import get_routing_for_object
from skorch.callbacks import Callback, EarlyStopping, LRScheduler, ProgressBar

from sknemg import NEMGNetClassifier, Recordings, SignalAugmenter
from sknemg.classifiers import base
from sknemg.classifiers.data import Rows, TrainingRounds
from sknemg.classifiers.net import SegmentNet
from sknemg.classifiers.repeatable import repeatable
from sknemg.classifiers.validation import class_weights
from sknemg.model_selection.splits import subject_split
from sknemg.nn import NEMGNet


def segments(n_subjects=6, n_each=6, n_times=1010, seed=0):
    """Slow noise ("neuropathy") and fast noise ("myopathy"), several segments a subject."""
    rng = np.random.default_rng(seed)
    subjects = np.repeat(np.arange(n_subjects), n_each)
    slow = subjects % 2 == 0
    X = rng.normal(size=(len(subjects), n_times)).astype(np.float32)
    X[slow] = np.repeat(X[slow, : n_times // 10 + 1], 10, axis=1)[:, :n_times]
    return X, np.where(slow, "neuropathy", "myopathy"), subjects


def small(version="A", **kwargs):
    options = {"width": 4, "max_epochs": 2, "batch_size": 8, "lr": 3e-3, "random_state": 0}
    return NEMGNetClassifier(version, **(options | kwargs))


class Spy:
    """An augmentation that changes nothing and remembers the first sample of what it saw."""

    def __init__(self):
        self.seen = []

    def __call__(self, batch, generator):
        self.seen += batch[:, 0].tolist()
        return batch

    def rows(self, X):
        return np.flatnonzero(np.isin(X[:, 0], np.array(self.seen, dtype=np.float32)))


def fitted_spy(clf, X, y, **fit_params):
    clf = clf.set_params(augment=Spy())
    spy = clf.augment
    return clf.fit(X, y, **fit_params), spy


# Training


class OneEvaluates(Callback):
    """Puts a layer out of training after the second update, and notes the modes of all updates."""

    def initialize(self):
        self.modes = []
        return self

    def on_grad_computed(self, net, *args, **kwargs):
        self.modes.append({part.training for part in net.module_.modules()})
        if len(self.modes) == 2:
            net.module_.blocks[0].eval()


def test_layers_are_put_into_training_at_first_and_where_one_is_not(monkeypatch):
    train, calls = NEMGNet.train, []

    def noted(self, mode=True):
        calls.append(mode)
        return train(self, mode)

    monkeypatch.setattr(NEMGNet, "train", noted)
    X, y, _ = segments()
    callback = OneEvaluates()
    small(callbacks=[callback]).fit(X, y)
    assert len(callback.modes) == 10 and all(modes == {True} for modes in callback.modes)
    assert calls.count(True) == 2


def network(frozen=False):
    made = NEMGNet(n_outputs=2, n_times=1010, version="A", width=2)
    made.blocks[0].requires_grad_(not frozen)
    return made


def as_channel(batch):
    return batch[:, None]


def a_net(module=network, **options):
    return SegmentNet(
        module, prepare=as_channel, classes=[0, 1], lr=0.01, verbose=0, train_split=None,
        optimizer=torch.optim.Adam, iterator_valid__batch_size=16, **options,
    )  # fmt: skip


def learn(net, X, y, seed):
    torch.manual_seed(seed)
    rows = Rows(X, (y == "myopathy").astype(int))
    rounds = TrainingRounds(rows, batch_size=8, max_epochs=1, eval_every=None, seed=seed)
    net.partial_fit(rounds, None)
    return net.predict_proba(X)


@pytest.mark.parametrize("copied", [lambda net: pickle.loads(pickle.dumps(net)), deepcopy])
def test_a_net_that_was_copied_learns_and_predicts_as_the_other(copied):
    X, y, _ = segments(n_each=2)
    net = a_net(weight_averaging=0.5)
    learn(net, X, y, 0)
    other = copied(net)
    parts = {*other.module_.modules()}
    assert {part for modes in other.modes_.values() for part, _ in modes} == parts
    expected = learn(net, X, y, 1)
    np.testing.assert_array_equal(learn(other, X, y, 1), expected)
    np.testing.assert_array_equal(other.predict_proba(X), expected)
    assert not any(part.training for part in parts)


def test_a_copied_net_keeps_its_frozen_parts_frozen_and_the_pickle_holds_the_network_once():
    X, y, _ = segments(n_each=2)
    net = a_net(module__frozen=True)
    learn(net, X, y, 0)
    net.fast_dtype = torch.float32
    net.predict_proba(X)
    stored = pickle.dumps(net)
    other = pickle.loads(stored)
    assert net.frozen_parts_ and {*other.frozen_parts_} < {*other.module_.modules()}
    other.modes_.clear()
    other._set_training(True)
    assert other.module_.training and not any(part.training for part in other.frozen_parts_)
    net.modes_, net.frozen_parts_ = {}, []
    del net.fast_
    assert len(stored) < 1.03 * len(pickle.dumps(net))


@pytest.mark.slow
def test_learns_with_validation_subjects_and_keeps_the_best_weights():
    X, y, subjects = segments(n_subjects=10)
    clf, spy = fitted_spy(small(width=8, max_epochs=8, eval_every=3), X, y, groups=subjects)
    trained = spy.rows(X)
    held_out = np.setdiff1d(np.arange(len(X)), trained)
    assert not set(subjects[trained]) & set(subjects[held_out])
    assert set(y[held_out]) == {"neuropathy", "myopathy"}
    best = clf.history_[clf.history_["best"]]
    assert len(best) == 1
    assert best["valid_accuracy"].item() == clf.history_["valid_accuracy"].max() > 0.8
    assert clf.score(X[held_out], y[held_out]) == best["valid_accuracy"].item()


def test_history_counts_updates_and_epochs():
    X, y, subjects = segments()
    clf = small(max_epochs=3, eval_every=2).fit(X, y, groups=subjects)
    # 4 of 6 subjects train: 24 rows, three batches an epoch, nine updates.
    assert clf.history_["update"].tolist() == [2, 4, 6, 8, 9]
    np.testing.assert_allclose(clf.history_["epoch"], [2 / 3, 4 / 3, 2, 8 / 3, 3])
    expected = ["update", "epoch", "seconds", "train_loss", "valid_loss", "valid_accuracy", "best"]
    assert clf.history_.columns.tolist() == expected


def test_lowest_validation_loss_can_choose_the_weights():
    X, y, subjects = segments()
    history = small(eval_every=1, max_epochs=4, monitor="loss").fit(X, y, groups=subjects).history_
    assert history["valid_loss"].idxmin() == history["best"].idxmax()


def test_validation_loss_is_the_weighted_mean_over_all_rows_in_whatever_order(monkeypatch):
    monkeypatch.setattr(NEMGNetClassifier, "_prediction_batch", 7)  # sorted rows: one class a batch
    X, y, _ = segments()
    few = np.r_[np.flatnonzero(y == "myopathy"), np.flatnonzero(y == "neuropathy")[:4]]
    mixed = np.random.default_rng(0).permutation(few)
    fits = [
        small(validation=(X[rows], y[rows]), class_weight={"neuropathy": 5}).fit(X, y)
        for rows in (few, mixed)
    ]
    losses = [clf.history_["valid_loss"].to_numpy() for clf in fits]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    truth = np.where(y[few] == "neuropathy", 1, 0)
    own = fits[0].predict_proba(X[few])[np.arange(len(few)), truth]
    best = losses[0][fits[0].history_["best"]].item()
    by_hand = np.average(-np.log(own), weights=np.where(truth, 5, 1))
    np.testing.assert_allclose(best, by_hand, rtol=1e-5)


def test_held_out_rows_without_weight_have_no_loss_to_choose_by():
    X, y, _ = segments()
    slow = (X[y == "neuropathy"], y[y == "neuropathy"])
    options = {"validation": slow, "class_weight": {"neuropathy": 0}}
    assert small(**options).fit(X, y).history_["valid_loss"].isna().all()
    with pytest.raises(ValueError, match=r"rows to validate on the weight 0.* monitor='accuracy'"):
        small(**options, monitor="loss").fit(X, y)


def test_patience_counts_evaluations():
    X, y, subjects = segments()
    clf = small(max_epochs=50, eval_every=1, patience=4).fit(X, y, groups=subjects)
    assert len(clf.history_) == clf.history_["best"].idxmax() + 5


def test_without_subjects_nothing_is_held_out():
    X, y, _ = segments()
    clf, spy = fitted_spy(small(), X, y)
    assert len(spy.rows(X)) == len(X)
    assert "valid_loss" not in clf.history_
    assert clf.history_["best"].tolist() == [True]


def test_a_validation_part_without_subjects_is_refused():
    X, y, _ = segments()
    with pytest.raises(ValueError, match=r"validation=0\.2 splits by subject, .*: pass the subj"):
        small(validation=0.2).fit(X, y)


def test_a_validation_part_needs_two_subjects_of_a_class():
    X, y, _ = segments()
    with pytest.raises(ValueError, match="No class has two subjects"):
        small(validation=0.2).fit(X, y, groups=y)
    with pytest.warns(UserWarning, match="runs without validation"):
        clf = small().fit(X, y, groups=y)
    assert "valid_loss" not in clf.history_


def test_rows_of_ones_own_choose_the_weights_and_train_nothing():
    X, y, subjects = segments(n_subjects=10)
    own = subjects >= 8
    validation = (X[own], y[own])
    clf = small(max_epochs=6, eval_every=3, validation=validation)
    clf, spy = fitted_spy(clf, X[~own], y[~own], groups=subjects[~own])
    assert spy.rows(X).tolist() == np.flatnonzero(~own).tolist()
    best = clf.history_.loc[clf.history_["best"], "valid_accuracy"].item()
    assert clf.history_["valid_accuracy"].max() == best == clf.score(*validation)
    # what is chosen is all that they change: the course of training is the same without them
    alone = small(max_epochs=6, eval_every=3, validation=None).fit(X[~own], y[~own])
    assert alone.history_["train_loss"].tolist() == clf.history_["train_loss"].tolist()


def test_class_weights_leave_ones_own_validation_rows_out():
    X, y, _ = segments()
    slow = (X[y == "neuropathy"], y[y == "neuropathy"])
    with_them, without = (small(validation=given).fit(X, y) for given in [slow, None])
    assert (with_them.history_["train_loss"] == without.history_["train_loss"]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y: (X,), r"must be \(X, y\), with at least one row"),
        (lambda X, y: (None, y), r"must be \(X, y\), with at least one row"),
        (lambda X, y: (X[:0], y[:0]), r"must be \(X, y\), with at least one row"),
        (lambda X, y: (X, y[:-1]), "y of validation has .* diagnoses for .* rows: give one"),
        (lambda X, y: (X[:, :-1], y), "has 1009 features"),
        (lambda X, y: (X, np.full(len(y), "ataxia")), r"holds \['ataxia'\], which y does not:"),
    ],
)
def test_validation_rows_that_do_not_fit_are_refused(change, message):
    X, y, _ = segments()
    with pytest.raises(ValueError, match=message):
        small(validation=change(X, y)).fit(X, y)


def test_rows_without_a_subject_are_named():
    X, y, subjects = segments()
    subjects = subjects.astype(object)
    subjects[[3, 7]] = None, np.nan
    with pytest.raises(ValueError, match="missing in rows 3, 7"):
        small().fit(X, y, groups=subjects)
    subjects[3] = np.nan
    with pytest.raises(ValueError, match="missing in rows 3, 7"):
        small().fit(X, y, groups=list(subjects))


def test_number_of_evaluations_leaves_the_training_as_it_is():
    X, y, subjects = segments()
    options = {"max_epochs": 4, "dropout": 0.3, "patience": None}
    often = small(eval_every=1, **options).fit(X, y, groups=subjects).history_["train_loss"]
    seldom = small(eval_every=2, **options).fit(X, y, groups=subjects).history_["train_loss"]
    np.testing.assert_allclose(often.to_numpy().reshape(-1, 2).mean(axis=1), seldom, rtol=1e-6)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_threads_that_train_at_once_give_the_bits_of_one_after_the_other(dropout):
    """torch has one generator per process, which threads must not draw from in turns."""
    X, y, _ = segments()
    clf = small(dropout=dropout, validation=None)

    def train(seed):
        return clone(clf).set_params(random_state=seed).fit(X, y).predict_proba(X)

    serial = [train(seed) for seed in (0, 1, 0, 1)]
    state = torch.get_rng_state()
    together = Parallel(n_jobs=4, backend="threading")(delayed(train)(s) for s in (0, 1, 0, 1))
    for one, other in zip(serial, together, strict=True):
        np.testing.assert_array_equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)
    assert not np.array_equal(serial[0], serial[1])


def test_a_network_says_whether_it_draws_in_training():
    X, y, _ = segments()
    rows = Rows(X, np.searchsorted(["myopathy", "neuropathy"], y))
    for dropout in (0.0, 0.3):
        net = small(dropout=dropout).fit(X, y).net_
        buffers = {name: buffer.clone() for name, buffer in net.module_.named_buffers()}
        state = torch.get_rng_state()
        assert net.draws_in_training(rows) == (dropout > 0)
        assert torch.equal(torch.get_rng_state(), state)
        assert all(torch.equal(buffers[n], b) for n, b in net.module_.named_buffers())


def test_same_seed_same_bits_and_the_global_state_is_left_alone():
    X, y, subjects = segments()
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first = small(dropout=0.2).fit(X, y, groups=subjects).predict_proba(X)
    second = small(dropout=0.2).fit(X, y, groups=subjects).predict_proba(X)
    other = small(dropout=0.2, random_state=1).fit(X, y, groups=subjects).predict_proba(X)
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)
    assert torch.equal(state, torch.get_rng_state())
    np.testing.assert_array_equal(numpy_state, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("fast", [False, True])
def test_rows_too_large_for_an_answer_are_refused_by_name(fast):
    X, y, _ = segments()
    clf = small(fast=fast).fit(X, y)
    X[3:5] = np.where(X[3:5] > 0, 3e38, -3e38)
    for predict in (clf.predict_proba, clf.predict):
        with pytest.raises(ValueError, match="scores NaN in rows 3, 4: the values there are too"):
            predict(X)


@contextmanager
def double_by_default():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    "around",
    [
        double_by_default,
        torch.inference_mode,
        torch.no_grad,
        lambda: torch.device("meta"),  # as torch.set_default_device
    ],
    ids=["float64", "inference", "no_grad", "device"],
)
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_settings_of_torch_around_change_nothing(around, dropout):
    X, y, _ = segments()
    augment = SignalAugmenter(input_sfreq=10_000)
    clf = small(dropout=dropout, augment=augment, device="cpu")
    plain = clone(clf).fit(X, y)
    with around():
        trained = clone(clf).fit(X, y)
        read = pickle.loads(pickle.dumps(plain))
        np.testing.assert_array_equal(read.predict_proba(X), plain.predict_proba(X))
        fast = pickle.loads(pickle.dumps(plain)).set_params(fast=True).predict_proba(X)
    np.testing.assert_array_equal(trained.predict_proba(X), plain.predict_proba(X))
    assert np.abs(fast - plain.predict_proba(X)).max() < 1e-5
    np.testing.assert_array_equal(read.predict_proba(X), plain.predict_proba(X))
    assert np.abs(read.set_params(fast=True).predict_proba(X) - fast).max() < 1e-5
    logits = read.module_(read.module_input(X[:1]).requires_grad_())
    logits.sum().backward()  # of a network that can be explained
    assert torch.get_default_dtype() is torch.float32


def test_refit_forgets_the_first_fit():
    X, y, _ = segments()
    clf = small()
    first = clf.fit(X, y).predict_proba(X)
    wide = np.concatenate([X, X[:, :100]], axis=1)
    clf.fit(wide[::-1], np.roll(y, 1)).predict_proba(wide)
    np.testing.assert_array_equal(clf.fit(X, y).predict_proba(X), first)
    np.testing.assert_array_equal(clone(clf).fit(X, y).predict_proba(X), first)


@pytest.mark.parametrize("n", [9, 17, 16])
def test_a_trailing_batch_of_one_is_left_out_but_no_row_for_good(n):
    rounds = TrainingRounds(
        Rows(np.arange(n, dtype=np.float32)[:, None]),
        batch_size=8,
        max_epochs=20,
        eval_every=None,
        seed=0,
    )
    sizes, seen = set(), set()
    for _ in range(rounds.n_rounds):
        for X, _y in rounds:
            sizes.add(len(X))
            seen |= set(X[:, 0].tolist())
    assert sizes == {8}
    assert len(seen) == n
    assert rounds.updates_left == 0


def test_thirty_three_rows_train():
    X, y, _ = segments(n_each=6)
    clf = small(batch_size=32).fit(X[:33], y[:33])
    assert clf.history_["update"].iloc[-1] > 0
    assert all(np.isfinite(weights).all() for weights in clf.weights_.values())
    assert np.isfinite(clf.predict_proba(X)).all()


def test_diverged_training_is_an_error():
    X, y, _ = segments()
    with pytest.raises(ValueError, match=r"diverged with lr=1e\+30 to weights that are not finite"):
        small(lr=1e30).fit(X, y)


# Class weights and the split


def test_class_weights_by_label():
    classes, y = np.array(["a", "b"]), np.array([0, 0, 0, 1])
    np.testing.assert_allclose(class_weights("balanced", classes, y), [2 / 3, 2])
    np.testing.assert_allclose(class_weights({"b": 5}, classes, y), [1, 5])
    np.testing.assert_allclose(class_weights(None, classes, y), [1, 1])
    with pytest.raises(ValueError, match=r"class_weight names \['c'\], which y does not hold:"):
        class_weights({"c": 1}, classes, y)


@pytest.mark.parametrize("weight", [-1, np.nan, np.inf, "2", None])
def test_weights_of_classes_are_numbers_from_zero_up(weight):
    classes, y = np.array(["a", "b"]), np.array([0, 0, 0, 1])
    with pytest.raises(ValueError, match=r"not finite numbers >= 0, of 'a': .*: mend them"):
        class_weights({"a": weight, "b": 1}, classes, y)
    with pytest.raises(ValueError, match="all classes the weight 0"):
        class_weights({"a": 0, "b": 0.0}, classes, y)
    np.testing.assert_array_equal(class_weights({"a": 0}, classes, y), [0, 1])


def test_class_weight_decides():
    X, y, _ = segments()
    X[:] = X[:1]  # nothing to tell the classes apart but their weights
    for label in np.unique(y):
        clf = small(class_weight={label: 100}, max_epochs=10).fit(X, y)
        assert set(clf.predict(X)) == {label}


@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.5, 0.95])
def test_split_keeps_subjects_whole_and_every_class_in_training(fraction):
    rng = np.random.RandomState(0)
    subjects = rng.permutation(np.repeat(np.arange(20), 5))
    y = np.array([0] * 10 + [1] * 9 + [2])[subjects]  # a single subject of class 2
    train, valid = subject_split(y, subjects, fraction, rng)
    assert not set(subjects[train]) & set(subjects[valid])
    assert sorted([*train, *valid]) == list(range(100))
    assert set(y[train]) == {0, 1, 2}
    assert set(y[valid]) == {0, 1}


def test_split_takes_names_of_several_types():
    y, subjects = np.repeat([0, 1], 4), np.repeat(np.array([1, "a", 2, "b"], dtype=object), 2)
    train, valid = subject_split(y, subjects, 0.5, np.random.RandomState(0))
    assert not set(subjects[train]) & set(subjects[valid])
    assert len(train) == len(valid) == 4


# Rows


def test_probabilities():
    X, y, _ = segments()
    p = small().fit(X, y).predict_proba(X)
    assert p.shape == (len(X), 2)
    assert p.dtype == np.float32
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)


def test_a_row_does_not_depend_on_its_neighbours():
    X, y, _ = segments(n_each=10)
    clf = small().fit(X, y)
    p = clf.predict_proba(X)
    one_by_one = np.concatenate([clf.predict_proba(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_allclose(p, one_by_one, atol=1e-6)
    huge = X.copy()
    huge[1:] *= 1e4
    np.testing.assert_allclose(clf.predict_proba(huge)[0], p[0], atol=1e-6)


def test_double_precision_is_accepted():
    X, y, _ = segments()
    clf = small().fit(X, y)
    double = small().fit(X.astype(float), y)
    np.testing.assert_array_equal(double.predict_proba(X.astype(float)), clf.predict_proba(X))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_rows_that_are_not_finite_are_named(value):
    X, y, _ = segments()
    clf = small().fit(X, y)
    bad = X.astype(float)
    bad[[2, 30], 5] = value
    for call in (lambda: clf.predict(bad), lambda: small().fit(bad, y)):
        with pytest.raises(ValueError, match=r"NaN or infinite .* in rows 2, 30: drop or mend"):
            call()


def test_flat_segments_have_finite_scores():
    X, y, _ = segments()
    X[::5] = 0
    clf = small().fit(X, y)
    assert np.isfinite(clf.predict_proba(np.zeros_like(X))).all()
    assert np.isfinite(clf.predict_proba(np.full_like(X, 12.0))).all()


def test_short_segments_are_refused_or_padded():
    X, y, _ = segments(n_times=400)
    with pytest.raises(ValueError, match="400 samples is too short"):
        small().fit(X, y)
    clf = small(short="pad").fit(X, y)
    assert clf.module_.n_times == 1003
    padded = np.pad(X, ((0, 0), (0, 603)))
    np.testing.assert_array_equal(small().fit(padded, y).predict(padded), clf.predict(X))


def test_several_channels():
    X, y, _ = segments()
    stacked = np.stack([X, -X], axis=1)
    clf = small().fit(stacked, y)
    assert clf.module_.n_chans == 2
    assert clf.predict(stacked).shape == y.shape
    with pytest.raises(ValueError, match=r"rows of shape \(2, 1000\): give rows of \(2, 1010\)"):
        clf.predict(stacked[:, :, :1000])
    with pytest.raises(ValueError, match="give signals of shape"):
        small().fit(stacked[:, :, None], y)


# Looking inside, storing, moving


def test_layer_outputs_are_those_of_the_module():
    X, y, _ = segments(n_each=10)
    clf = small("B").fit(X, y)
    outputs = clf.layer_outputs(X, ["blocks.block1", "blocks.block12", "head"])
    assert outputs["blocks.block1"].shape == (len(X), 4, 252)
    assert outputs["blocks.block12"].shape == (len(X), 64, 1)
    with torch.no_grad():
        logits = clf.module_(clf.module_input(X))
    np.testing.assert_array_equal(outputs["head"], logits.numpy())
    softmax = torch.softmax(logits, dim=1).numpy()
    np.testing.assert_allclose(softmax, clf.predict_proba(X), rtol=1e-6)
    with pytest.raises(ValueError, match=r"no layers \['blocks.block13'\].*block1"):
        clf.layer_outputs(X, ["blocks.block13"])


def test_layer_outputs_are_those_of_the_rows_of_their_own_thread():
    X, y, _ = segments(n_each=10)
    clf = small().fit(X, y)
    expected = clf.layer_outputs(X[:4], ["head"])["head"]
    others = [Thread(target=clf.predict_proba, args=(X[4:],))]

    def meanwhile(*args):
        if others:
            other = others.pop()
            other.start()
            other.join()

    handle = clf.module_.register_forward_pre_hook(meanwhile)
    found = clf.layer_outputs(X[:4], ["head"])["head"]
    handle.remove()
    assert not others
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("attribute", ["net_", "module_"])
def test_before_fit(attribute):
    with pytest.raises(NotFittedError):
        getattr(small(), attribute)


def test_pickle_holds_weights_and_no_tensors():
    X, y, _ = segments()
    clf = small(callbacks=[ProgressBar()]).fit(X, y)
    stored = pickle.dumps(clf)
    assert b"torch" not in stored
    np.testing.assert_array_equal(pickle.loads(stored).predict_proba(X), clf.predict_proba(X))


def test_weights_pass_through_safetensors():
    safetensors = pytest.importorskip("safetensors.numpy")
    X, y, _ = segments()
    clf = small().fit(X, y)
    weights = safetensors.load(safetensors.save(clf.weights_))
    assert list(weights) and set(weights) == set(clf.weights_)
    other = small(random_state=1).fit(X, y)
    assert not np.array_equal(other.predict_proba(X), clf.predict_proba(X))
    other.module_.load_state_dict({name: torch.tensor(w) for name, w in weights.items()})
    np.testing.assert_array_equal(other.predict_proba(X), clf.predict_proba(X))


def test_a_missing_device_is_named():
    if torch.cuda.is_available():
        pytest.skip("has CUDA")
    X, y, _ = segments()
    with pytest.raises(ValueError, match="device='cuda' but CUDA is not available: set device"):
        small(device="cuda").fit(X, y)
    with pytest.raises(ValueError, match="device='gpu' is unknown to torch: give 'auto', 'cpu'"):
        small(device="gpu").fit(X, y)
    clf = small().fit(X, y).set_params(device="cuda")
    with pytest.raises(ValueError, match="but CUDA is not available"):
        clf.predict(X)


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:TensorFloat32 tensor cores:UserWarning")  # of torch's compiler
@pytest.mark.parametrize("options", [{}, {"amp": True}, {"compile": True}])
def test_gpu_trains_repeats_and_moves_to_the_cpu(options):
    X, y, subjects = segments()
    clf = small(device="cuda", max_epochs=10, **options).fit(X, y, groups=subjects)
    assert next(clf.module_.parameters()).device.type == "cuda"
    p = clf.predict_proba(X)
    moved = pickle.loads(pickle.dumps(clf)).set_params(device="cpu")
    assert next(moved.module_.parameters()).device.type == "cpu"
    np.testing.assert_allclose(moved.predict_proba(X), p, atol=0.02 if options else 1e-4)


@pytest.mark.gpu
@pytest.mark.parametrize("options", [{}, {"amp": True}, {"recipe": "tuned"}])
def test_a_seed_gives_the_same_bits_on_a_gpu(options):
    X, y = np.random.default_rng(0).normal(size=(96, 4000)).astype("float32"), np.arange(96) % 3
    made = NEMGNetClassifier("B", device="cuda", max_epochs=3, random_state=0, **options)
    first, again = (clone(made).fit(X, y).weights_ for _ in range(2))
    for name, weights in first.items():
        np.testing.assert_array_equal(again[name], weights, err_msg=name)


def test_fits_set_and_restore_what_makes_a_gpu_repeat(monkeypatch):
    cudnn = torch.backends.cudnn
    monkeypatch.setattr(cudnn, "benchmark", True)
    monkeypatch.setattr(cudnn, "deterministic", False)
    with ExitStack() as later:  # a fit in another thread, which ends after this one
        with repeatable(torch.device("cuda")):
            later.enter_context(repeatable(torch.device("cuda")))
            assert (cudnn.deterministic, cudnn.benchmark) == (True, False)
        assert (cudnn.deterministic, cudnn.benchmark) == (True, False)
    assert (cudnn.deterministic, cudnn.benchmark) == (False, True)
    with repeatable(torch.device("cpu")):
        assert (cudnn.deterministic, cudnn.benchmark) == (False, True)
    with pytest.raises(KeyError), repeatable(torch.device("cuda")):
        raise KeyError
    assert (cudnn.deterministic, cudnn.benchmark) == (False, True)


def test_a_fit_is_made_repeatable(monkeypatch):
    inside, seen = [], []

    @contextmanager
    def noted(device):
        inside.append(device.type)
        yield
        inside.pop()

    class Note(Callback):
        def on_batch_end(self, net, **kwargs):
            seen.append(list(inside))

    monkeypatch.setattr(base, "repeatable", noted)
    X, y, _ = segments()
    for dropout in (0.0, 0.5):  # what draws trains within another context
        small(callbacks=[Note()], max_epochs=1, dropout=dropout).fit(X, y)
    assert len(seen) > 2
    assert all(devices == ["cpu"] for devices in seen)


def test_weights_of_another_type_and_read_only_ones_predict():
    X, y, _ = segments()
    clf = small(max_epochs=1).fit(X, y)
    p = clf.predict_proba(X)
    for dtype, most in (("f8", 0), ("f2", 0.01)):
        weights = {name: w.astype(dtype) for name, w in clf.weights_.items()}
        for array in weights.values():
            array.flags.writeable = False
        other = deepcopy(clf)
        other.module_.load_state_dict({name: torch.tensor(w) for name, w in weights.items()})
        np.testing.assert_allclose(pickle.loads(pickle.dumps(other)).predict_proba(X), p, atol=most)


# Callbacks and options


def test_skorch_callbacks_run():
    X, y, _ = segments()
    scheduler = LRScheduler("StepLR", step_size=1, gamma=0.5)
    clf = small(callbacks=[ProgressBar(), scheduler], eval_every=5).fit(X, y)
    np.testing.assert_allclose(clf.history_["event_lr"], [3e-3, 1.5e-3])


@pytest.mark.parametrize(
    ("augment", "said"),
    [
        (lambda batch, generator: None, "a NoneType of a batch of shape"),
        (lambda batch, generator: batch[:2], r"a tensor of shape \(2, 1010\) of a batch of shape"),
        (
            lambda batch, generator: batch[:, None],
            r"a tensor of shape \(8, 1, 1010\) of a batch of shape",
        ),
    ],
)
def test_what_augment_makes_has_a_row_for_each(augment, said):
    X, y, _ = segments()
    with pytest.raises(ValueError, match=f"augment made {said}.*: let it return a tensor"):
        small(augment=augment).fit(X, y)


@pytest.mark.parametrize("given", ["a", 3, ("a", "b"), ("a", ProgressBar(), 1), [ProgressBar()]])
def test_what_is_no_callback_is_refused_by_its_place(given):
    X, y, _ = segments()
    with pytest.raises(ValueError, match=r"callbacks\[1\] is .*: give skorch callbacks such as"):
        small(callbacks=[ProgressBar(), given]).fit(X, y)


def test_callbacks_may_have_names_or_be_classes():
    X, y, _ = segments()
    small(callbacks=[("mine", Callback()), Callback], max_updates=1).fit(X, y)


def test_progress_bar_counts_the_batches_of_a_round():
    totals = []

    class Count(ProgressBar):
        def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
            totals.append(self._get_batches_per_epoch(net, dataset_train, dataset_valid))
            super().on_epoch_begin(net, dataset_train, dataset_valid, **kwargs)

    X, y, subjects = segments()
    small(callbacks=[Count()], eval_every=4).fit(X, y, groups=subjects)
    assert totals == [4 + 1, 2 + 1]  # six updates in all; the validation rows are one batch


def test_a_callback_may_stop_training_but_ctrl_c_reaches_the_user():
    class CtrlC(Callback):
        def on_batch_end(self, net, **kwargs):
            raise KeyboardInterrupt

    X, y, _ = segments()
    stop = EarlyStopping("train_loss", patience=1, threshold=10, sink=str)
    assert len(small(callbacks=[stop], max_epochs=9, eval_every=None).fit(X, y).history_) == 2
    with pytest.raises(KeyboardInterrupt):
        small(callbacks=[CtrlC()]).fit(X, y)


def test_bfloat16():
    X, y, _ = segments()
    clf = small(amp=True).fit(X, y)
    p = clf.predict_proba(X)
    exact = clf.set_params(amp=False).predict_proba(X)
    assert p.dtype == np.float32
    assert 0 < abs(p - exact).max() < 0.05


@pytest.mark.slow  # to bring in torch's compiler takes seconds
def test_compiling_leaves_the_names_of_the_weights():
    net = SegmentNet(lambda: torch.nn.Linear(2, 2), prepare=lambda x: x, compile_training=True)
    assert list(net.initialize().module_.state_dict()) == ["weight", "bias"]


@pytest.mark.slow
def test_compiled_training_gives_nearly_the_same_network():
    X, y, _ = segments()
    p = small(compile=True).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(p, small().fit(X, y).predict_proba(X), atol=1e-3)


# Inside scikit-learn


def test_subjects_are_requested_from_metadata_routing():
    assert get_routing_for_object(small()).consumes("fit", ["groups"]) == {"groups"}


def test_a_plain_pipeline_routes_the_subjects():
    X, y, subjects = segments()
    expected = small().fit(X, y, groups=subjects).predict_proba(X)
    with config_context(enable_metadata_routing=True):
        pipe = Pipeline([("same", FunctionTransformer()), ("net", small())])
        np.testing.assert_array_equal(pipe.fit(X, y, groups=subjects).predict_proba(X), expected)


def test_grid_search():
    X, y, _ = segments()
    search = GridSearchCV(small(), {"version": ["A", "B"], "lr": [1e-3]}, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_two_workers_equal_one():
    X, y, _ = segments()
    one, two = (
        GridSearchCV(small(), {"lr": [1e-3, 3e-3]}, cv=2, n_jobs=n, scoring="neg_log_loss")
        .fit(X, y)
        .cv_results_["mean_test_score"]
        for n in (1, 2)
    )
    np.testing.assert_array_equal(one, two)


def test_recordings_of_many_segments_need_a_vote(make_ragged):
    X, y = make_ragged(sfreq=3000.0)
    segments = X.with_values(np.zeros((2 * len(X), 1200)), np.arange(len(X) + 1) * 2)
    with pytest.raises(ValueError, match=r"use DiVoteClassifier\(NEMGNetClassifier"):
        NEMGNetClassifier().fit(segments, y)


def test_recordings_of_signals_need_windows_in_fit_and_later():
    X, y, _ = segments()
    signals = Recordings(X, sfreq=np.where(y == "myopathy", 5000, 10_000))
    said = r"X is Recordings, .* use a Segmenter and DiVoteClassifier\(NEMGNetClassifier\(\.\.\.\)"
    with pytest.raises(ValueError, match=said):
        small().fit(signals, y)
    with pytest.raises(ValueError, match=said):
        small(validation=(signals, y)).fit(X, y)
    clf = small(max_epochs=1).fit(X, y)
    for ask in (clf.predict, clf.predict_proba, clf.module_input):
        with pytest.raises(ValueError, match=said):
            ask(signals)
