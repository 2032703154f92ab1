"""Filters without a shift, held to those of scipy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import binary_closing, binary_dilation, maximum_filter1d
from scipy.signal import butter, sosfiltfilt

from sknemg.preprocessing.activity import _closed, _largest_near
from sknemg.signal import ZeroPhaseFilter


@pytest.mark.parametrize("sfreq", [1500.0, 10_000.0, 23_437.5])
def test_bands_are_those_of_filters_run_forwards_and_backwards(sfreq):
    rng = np.random.default_rng(0)
    signal = np.cumsum(rng.normal(size=int(1.3 * sfreq) + 1)) + 50 * rng.normal(size=1)
    top = min(4000.0, 0.45 * sfreq)
    bands = [(0.0, 80.0), (100.0, top), (500.0, top)]
    edge = round(0.15 * sfreq)
    for (low, high), found in zip(bands, ZeroPhaseFilter(signal, sfreq).bands(bands), strict=True):
        kind, edges = ("bandpass", (low, high)) if low else ("lowpass", high)
        sos = butter(2, edges, btype=kind, fs=sfreq, output="sos")
        expected = sosfiltfilt(sos, signal)
        assert found.shape == signal.shape
        assert_allclose(found[edge:-edge], expected[edge:-edge], atol=1e-6 * np.ptp(signal))


def test_frames_are_treated_as_by_morphology():
    rng = np.random.default_rng(0)
    for _ in range(200):
        frames = rng.uniform(size=rng.integers(1, 40)) < rng.uniform(0, 1)
        n = int(rng.integers(0, 6))
        expected = frames
        if n:
            expected = binary_closing(np.pad(frames, n), np.ones(n + 1))[n:-n]
        assert_array_equal(_closed(frames, n), expected)
        assert_array_equal(_largest_near(frames, 2) > 0, binary_dilation(frames, np.ones(5)))
        level = rng.uniform(size=len(frames))
        assert_array_equal(_largest_near(level, 2), maximum_filter1d(level, 5))
