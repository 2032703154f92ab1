"""Maps and separation of a network's layers."""

import numpy as np
import pandas as pd
import pytest

from sknemg import (
    inspection,
)

CLASSES = ["myopathy", "neuropathy", "normal"]


def test_classes_separate_with_depth(network):
    clf, X, y = network
    groups = np.arange(len(X)) // 4
    layers = ["blocks.block1", "blocks.block11"]
    display = inspection.LayerMapDisplay.from_estimator(
        clf, X, y, layers, groups=groups, random_state=0
    )
    separation = display.separation
    assert separation["silhouette"].is_monotonic_increasing
    assert separation.loc["blocks.block11", "probe"] > 0.8
    assert [axes.get_title() for axes in display.ax_[0]] == layers
    with pytest.raises(ValueError, match="no layers \\['nowhere'\\]"):
        inspection.LayerMapDisplay.from_estimator(clf, X, y, ["nowhere"])


def test_subjects_of_the_separation_may_be_numbers_and_text_and_are_not_missing():
    y = np.repeat([0, 1], 30)
    outputs = {"late": np.random.default_rng(0).normal(size=(60, 4)) + y[:, None]}
    names = np.array([*range(5), *"bcdefg"], dtype=object)[np.arange(60) // 6]
    expected = inspection.class_separation(outputs, y, np.arange(60) // 6, random_state=0)
    found = inspection.class_separation(outputs, y, names, random_state=0)
    pd.testing.assert_frame_equal(found, expected)
    names[3] = None
    with pytest.raises(ValueError, match="subject is missing in row 3"):
        inspection.class_separation(outputs, y, names, random_state=0)


def test_the_separation_is_written_without_a_minus_zero():
    points = np.random.default_rng(0).normal(size=(6, 2))
    separation = pd.DataFrame({"silhouette": [-0.001], "probe": [0.376]}, index=["a"])
    display = inspection.LayerMapDisplay({"a": points}, [0, 1] * 3, separation=separation).plot()
    assert display.text_[0].get_text() == "PC 1\nsilhouette 0.00\nprobe 38 %"


def test_a_companded_network_has_maps_of_its_companding_and_of_its_pooled_head(companded):
    clf, X, y = companded
    outputs = clf.layer_outputs(X, ["companding", "head.0"])
    np.testing.assert_allclose(np.sinh(outputs["companding"][:, 0]) * 0.05, X, rtol=1e-4, atol=1e-6)
    assert outputs["head.0"].shape == (len(X), 4 * 16 * 4)
    layers = ["companding", "blocks.block12", "head.0"]
    display = inspection.LayerMapDisplay.from_estimator(
        clf, X, y, layers, groups=np.arange(len(X)) // 4
    )
    assert display.separation.loc["head.0", "probe"] > 0.8


def test_probe_is_not_fooled_by_subjects():
    """Classes that are nothing but their subjects: a split by segment would score near 1."""
    rng = np.random.default_rng(0)
    subject = np.repeat(np.arange(20), 15)
    outputs = {"a": rng.normal(size=(20, 10))[subject] + 0.05 * rng.normal(size=(300, 10))}
    y = rng.permutation(np.repeat([0, 1], 10))[subject]
    probe = inspection.class_separation(outputs, y, subject, random_state=0).loc["a", "probe"]
    assert probe < 0.75


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # numba's and scikit-learn's, inside umap-learn
def test_umap_map():
    pytest.importorskip("umap")
    rng = np.random.default_rng(0)
    y = np.repeat(CLASSES[:2], 30)
    outputs = {"late": rng.normal(size=(60, 6)) + 9 * (y == "myopathy")[:, None]}
    display = inspection.LayerMapDisplay.from_outputs(outputs, y, method="umap", random_state=0)
    places = display.maps["late"]
    gap = np.linalg.norm(places[y == "myopathy"].mean(0) - places[y != "myopathy"].mean(0))
    assert gap > 2 * places[y == "myopathy"].std()
