"""Attribution and occlusion."""

import numpy as np
import pandas as pd
import pytest
import torch
from joblib import Parallel, delayed

from sknemg import (
    NEMGNet,
    TimmClassifier,
    inspection,
)

CLASSES = ["myopathy", "neuropathy", "normal"]


@pytest.mark.parametrize("kind", ["network", "companded"])
def test_integrated_gradients_are_complete(kind, request):
    pytest.importorskip("captum")
    clf, X, _ = request.getfixturevalue(kind)
    inputs = clf.module_input(X[[0, -1]])
    parts = inspection.attribute(clf.module_, inputs, target=1)
    with torch.no_grad():
        gain = (clf.module_(inputs) - clf.module_(torch.zeros_like(inputs)))[:, 1].numpy()
    np.testing.assert_allclose(parts.sum(axis=(1, 2)), gain, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("method", ["integrated_gradients", "saliency"])
def test_randomised_weights_give_another_map(network, method):
    """The sanity check of Adebayo et al. (2018): a map that ignores the weights shows nothing."""
    pytest.importorskip("captum")
    clf, X, _ = network
    inputs = clf.module_input(X[:2])
    torch.manual_seed(0)
    random = NEMGNet(n_outputs=2, n_times=1100, version="A", width=4)
    trained, untrained = (
        np.abs(inspection.attribute(module, inputs, 1, method=method)).reshape(2, -1)
        for module in (clf.module_, random)
    )
    for a, b in zip(trained, untrained, strict=True):
        rank_correlation = pd.Series(a).corr(pd.Series(b), method="spearman")
        assert rank_correlation < 0.6
    again = np.abs(inspection.attribute(clf.module_, inputs, 1, method=method)).reshape(2, -1)
    assert np.corrcoef(trained[0], again[0])[0, 1] > 0.99


@pytest.mark.parametrize(
    "method", ["integrated_gradients", "gradient_shap", "input_x_gradient", "saliency"]
)
def test_attribution_is_the_same_each_time_and_leaves_chance_alone(network, method):
    pytest.importorskip("captum")
    clf, X, _ = network
    inputs = clf.module_input(X[:2])
    shared = np.random.mtrand._rand  # what `np.random.rand` draws from
    before = shared.get_state()[1].tolist(), torch.get_rng_state().tolist()
    first = inspection.attribute(clf.module_, inputs, 1, method=method)
    assert (shared.get_state()[1].tolist(), torch.get_rng_state().tolist()) == before
    shared.rand()
    torch.rand(1)
    np.testing.assert_array_equal(
        inspection.attribute(clf.module_, inputs, 1, method=method), first
    )


@pytest.mark.parametrize("around", [torch.no_grad(), torch.inference_mode(), torch.device("meta")])
@pytest.mark.parametrize("method", ["integrated_gradients", "gradient_shap", "saliency"])
def test_attribution_does_not_go_by_what_torch_is_set_to(network, method, around):
    pytest.importorskip("captum")
    clf, X, _ = network
    expected = inspection.attribute(clf.module_, clf.module_input(X[:2]), 1, method=method)
    with around:
        found = inspection.attribute(clf.module_, clf.module_input(X[:2]), 1, method=method)
    np.testing.assert_array_equal(found, expected)


def test_attributions_of_several_threads_are_those_of_one(network):
    pytest.importorskip("captum")
    clf, X, _ = network

    def shap(row):
        inputs = clf.module_input(X[[row]])
        return inspection.attribute(clf.module_, inputs, 1, method="gradient_shap")

    expected = [shap(row) for row in range(4)]
    before = np.random.mtrand._rand.get_state()[1].tolist(), torch.get_rng_state().tolist()
    found = Parallel(n_jobs=4, backend="threading")(delayed(shap)(row % 4) for row in range(16))
    for row, parts in enumerate(found):
        np.testing.assert_array_equal(parts, expected[row % 4])
    after = np.random.mtrand._rand.get_state()[1].tolist(), torch.get_rng_state().tolist()
    assert after == before


def test_samples_that_are_none_are_refused():
    segment = np.zeros(1000)
    segment[3:5] = np.nan

    def score(segments):
        return np.nan_to_num(segments[:, :1])

    for occlude in (inspection.occlude_time, inspection.occlude_bands):
        with pytest.raises(ValueError, match="2 of the 1000 samples of segment are NaN or infin"):
            occlude(score, segment, 1000)
    with pytest.raises(ValueError, match="segments holds NaN or infinite values in row 1:"):
        inspection.measure_waveforms([np.zeros(1000), segment], 1000)


def test_unknown_attribution_is_refused(network):
    with pytest.raises(ValueError, match="method='guess' is unknown: give 'gradient_shap', "):
        inspection.attribute(network[0].module_, torch.zeros(1, 1, 1100), 0, method="guess")


def test_occlusion_finds_the_moment_and_the_band():
    sfreq = 1000
    time = np.arange(1000) / sfreq
    burst = np.sin(2 * np.pi * 150 * time) * ((time > 0.6) & (time < 0.66))

    def predict(segments):  # the score is the largest value
        return np.abs(segments).max(axis=1, keepdims=True)

    moments = inspection.occlude_time(predict, burst, sfreq, width=0.1, step=0.05)
    best = moments.loc[moments[0].idxmax()]
    assert best["start"] <= 0.6 < 0.66 <= best["stop"] + 1e-9
    assert moments.loc[moments["stop"] < 0.6, 0].abs().max() == 0
    bands = inspection.occlude_bands(predict, burst, sfreq, bands=[(10, 100), (100, 200)])
    assert bands[0].idxmax() == 1
    with pytest.raises(ValueError, match="step <= width"):
        inspection.occlude_time(predict, burst, sfreq, width=2.0)
    for occlude in (inspection.occlude_time, inspection.occlude_bands):
        with pytest.raises(ValueError, match=r"segment has shape \(1, 1000\): give one"):
            occlude(predict, burst[None], sfreq)
    for bands, message in [
        (
            [(10, 100), (200, 100), (np.nan, 50)],
            r"bands holds \(200, 100\), \(nan, 50\): give pairs",
        ),
        ([10, 100], "give pairs"),
    ]:
        with pytest.raises(ValueError, match=message):
            inspection.occlude_bands(predict, burst, sfreq, bands=bands)


def test_a_companded_network_is_attributed_to_and_drawn_in_millivolts(companded):
    pytest.importorskip("captum")
    clf, X, _ = companded
    np.testing.assert_array_equal(clf.module_input(X[:2])[:, 0].numpy(), X[:2])
    display = inspection.AttributionDisplay.from_estimator(clf, X[0], sfreq=1000)
    (line,) = display.ax_["trace"].lines
    np.testing.assert_array_equal(line.get_ydata(), X[0])
    assert display.ax_["trace"].get_ylabel() == "mV"
    assert np.abs(display.samples).max() > 0


def test_attribution_display_of_a_network(network):
    pytest.importorskip("captum")
    clf, X, _ = network
    display = inspection.AttributionDisplay.from_estimator(clf, X[0], sfreq=1000)
    assert list(display.ax_) == ["trace", "samples", "moments", "bands"]
    assert display.target == "neuropathy"
    assert "neuropathy" in display.text_.get_text()
    other = inspection.AttributionDisplay.from_estimator(clf, X[0], sfreq=1000, target="myopathy")
    np.testing.assert_allclose(other.moments["fall"], -display.moments["fall"], atol=1e-6)


def test_a_network_of_pictures_explains_no_samples():
    """It resizes rows of samples to a picture, whose pixels were drawn as if they were samples."""
    pytest.importorskip("captum")
    pytest.importorskip("timm")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(16, 400)) * np.repeat([[1.0], [3.0]], 8, axis=0)
    clf = TimmClassifier("test_resnet", image_size=32, max_updates=1, random_state=0)
    clf.fit(X, np.repeat(["myopathy", "normal"], 8))
    display = inspection.AttributionDisplay.from_estimator(clf, X[0], sfreq=1000)
    assert list(display.ax_) == ["trace", "moments", "bands"]
