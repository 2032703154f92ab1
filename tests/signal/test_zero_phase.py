"""Filters without a shift, held to those of scipy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.signal import butter, sosfiltfilt

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
