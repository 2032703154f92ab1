"""Feature visualisation and the measures of waveforms."""

from copy import deepcopy
from threading import Thread

import numpy as np
import pytest
import torch

from sknemg import (
    NEMGNet,
    inspection,
)

CLASSES = ["myopathy", "neuropathy", "normal"]


def test_visualization_excites_what_was_asked_for(network):
    module = network[0].module_
    shape = (1, 1100)
    before, after = (
        inspection.visualize_features(module, [0, 1], shape, n_steps=n, lr=0.02, random_state=0)
        for n in (0, 60)
    )
    for target in (0, 1):
        gain = [module(torch.tensor(w[target]))[:, target].detach() for w in (before, after)]
        assert gain[1].mean() > gain[0].mean() + 0.05, (target, gain)


def test_visualization_of_channels_and_units_of_a_layer(network):
    module = network[0].module_
    options = {"layer": "blocks.block2", "n_seeds": 1, "lr": 0.02, "jitter": 0, "random_state": 0}
    (before,), (after,) = (
        inspection.visualize_features(module, [(1, 30)], (1, 1100), n_steps=n, **options)
        for n in (0, 30)
    )
    unit = [module.blocks[:2](torch.tensor(w))[0, 1, 30].item() for w in (before, after)]
    assert unit[1] > unit[0]
    changed = np.flatnonzero(before[0, 0] != after[0, 0])
    assert 0 < np.ptp(changed) < 100  # a unit sees no more than its receptive field
    channel = inspection.visualize_features(module, [1], (1, 1100), n_steps=3, **options)
    assert np.flatnonzero(before[0, 0] != channel[0, 0, 0]).size > 1000


def test_visualization_is_reproducible_and_a_seed_is_itself_in_any_batch(network):
    # In float64: in float32 the processor decides how far batches of other sizes agree.
    module = deepcopy(network[0].module_).double()
    options = {"n_steps": 3, "random_state": 3}
    two = inspection.visualize_features(module, [0], (1, 1100), n_seeds=2, **options)
    again = inspection.visualize_features(module, [0], (1, 1100), n_seeds=2, **options)
    three = inspection.visualize_features(module, [1, 0], (1, 1100), n_seeds=3, **options)
    np.testing.assert_array_equal(two, again)
    np.testing.assert_allclose(two[0], three[1, :2], rtol=0, atol=1e-9)


@pytest.mark.parametrize("around", [torch.no_grad(), torch.inference_mode()])
def test_visualization_where_gradients_are_switched_off(network, around):
    module, options = network[0].module_, {"n_seeds": 1, "n_steps": 3, "random_state": 0}
    expected = inspection.visualize_features(module, [0], (1, 1100), **options)
    with around:
        found = inspection.visualize_features(module, [0], (1, 1100), **options)
    np.testing.assert_array_equal(found, expected)


def test_a_companded_network_is_excited_by_signals_in_millivolts(companded):
    clf, X, y = companded
    options = {"n_seeds": 2, "noise": 0.2, "random_state": 0}
    before, after = (
        inspection.visualize_features(clf.module_, [0, 1], (1, 1100), n_steps=n, **options)
        for n in (0, 20)
    )
    proba = [clf.predict_proba(waves[:, :, 0].reshape(4, 1100)) for waves in (before, after)]
    own = [p.reshape(2, 2, 2)[[0, 1], :, [0, 1]] for p in proba]
    assert (own[1] > own[0]).all()
    display = inspection.FeatureVisualizationDisplay.from_estimator(
        clf, X, y, sfreq=1000, n_steps=2, n_seeds=2
    )
    assert display.ax_[0, 0].get_ylabel() == "mV"
    real = display.measures_.loc[("neuropathy", "segments"), "max_abs"]
    expected = np.median(np.abs(X[y == "neuropathy"]).max(axis=1))
    assert real == pytest.approx(expected, rel=0.1)


def test_the_noise_suits_the_companding(companded, network):
    """From noise far above the scale of companding, what is generated would remain noise."""
    options = {"n_steps": 0, "n_seeds": 4, "random_state": 0}
    for clf, expected in ((companded[0], 0.05), (network[0], 1.0)):
        (found,) = inspection.visualize_features(clf.module_, [0], (1, 1100), **options)
        assert found.std() == pytest.approx(expected, rel=0.05)


def test_visualization_of_a_layer_looks_at_its_own_thread_alone(network):
    module = network[0].module_
    options = {"layer": "blocks.block2", "n_seeds": 1, "n_steps": 1, "random_state": 0}
    expected = inspection.visualize_features(module, [1, 0], (1, 1100), **options)
    others = [Thread(target=module, args=(torch.ones(3, 1, 1100),))]

    def meanwhile(*args):
        if others:
            other = others.pop()
            other.start()
            other.join()

    handle = module.register_forward_pre_hook(meanwhile)
    found = inspection.visualize_features(module, [1, 0], (1, 1100), **options)
    handle.remove()
    assert not others
    np.testing.assert_array_equal(found, expected)


def test_visualization_leaves_the_network_as_it_was():
    network = NEMGNet(n_outputs=3, n_times=1003, version="A", width=2).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    inspection.visualize_features(network, [0], (1, 1003), n_seeds=2, n_steps=3)
    assert network.training
    assert all(p.grad is None for p in network.parameters())
    assert all(torch.equal(before[name], v) for name, v in network.state_dict().items())


def test_visualization_takes_image_networks_and_a_jitter_for_each_axis():
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3), torch.nn.AdaptiveAvgPool2d(1))
    before, after = (
        inspection.visualize_features(
            network, [2], (1, 16, 24), n_seeds=2, n_steps=n, jitter=(0, 0.25), random_state=0
        )
        for n in (0, 20)
    )
    assert after.shape == (1, 2, 1, 16, 24)
    gain = network(torch.tensor(after[0])) - network(torch.tensor(before[0]))
    assert (gain[:, 2] > 0.05).all()


@pytest.mark.parametrize("frequency", [50.0, 250.0])
def test_waveforms_are_measured_in_their_units(frequency):
    time = np.arange(4000) / 10_000
    waves = 0.5 * np.sin(2 * np.pi * frequency * time)[None] + 3  # an offset is no amplitude
    m = inspection.measure_waveforms(waves, 10_000).iloc[0]
    assert m["max_abs"] == pytest.approx(0.5, rel=1e-3)
    assert m["dominant_frequency"] == frequency
    assert m["duration"] == pytest.approx(1e3 / frequency / 3, rel=0.02)  # of a half-wave
    assert inspection.measure_waveforms(np.ones((1, 4000)), 10_000).iloc[0].eq(0).all()


def test_feature_display_measures_real_and_generated(network):
    clf, X, y = network
    display = inspection.FeatureVisualizationDisplay.from_estimator(
        clf, X, y, sfreq=1000, n_steps=2, n_seeds=2
    )
    assert display.ax_.shape == (2, 2)
    size = display.measures_["max_abs"]
    assert size["neuropathy", "segments"] > size["myopathy", "segments"]
    low, high = display.ax_[0, 0].get_ylim()
    assert (low, high) == (5, -5)  # negative up
    assert {axes.get_ylim() for axes in display.ax_.flat} == {(low, high)}  # one scale
    with pytest.raises(ValueError, match="give sfreq in hertz"):
        inspection.FeatureVisualizationDisplay.from_estimator(clf, X, y)
    with pytest.raises(ValueError, match="no segments of 'neuropathy'"):
        inspection.FeatureVisualizationDisplay.from_estimator(
            clf, X, np.repeat("myopathy", len(X)), sfreq=1000, n_steps=1
        )
