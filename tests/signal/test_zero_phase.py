"""Filters without a shift, held to those of scipy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.signal import butter, sosfiltfilt

from sknemg.signal import ZeroPhaseFilter, describe_signal


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


@pytest.mark.parametrize(
    "band", [(0, 5000), (20, 10_000), (300, 100), (100, 100), (-5, 100), (0, 0), (np.nan, 100)]
)
def test_bands_that_are_none_are_refused(band):
    filtered = ZeroPhaseFilter(np.zeros(1000), 10_000)
    with pytest.raises(ValueError, match=r"at 10000 Hz: give pairs .* 0 <= low < high < 5000"):
        filtered.bands([(20, 4000), band])


def test_counts_of_a_converter_do_not_overflow():
    counts = np.array([-32768] * 50 + [32767] * 50, dtype=np.int16)
    (found,) = ZeroPhaseFilter(counts, 10_000).bands([(0, 1000)])
    (expected,) = ZeroPhaseFilter(counts.astype(float), 10_000).bands([(0, 1000)])
    assert_allclose(found, expected)
    level = describe_signal(counts, 10_000)
    assert level == describe_signal(counts.astype(float), 10_000)
    assert level.clipped_fraction == 1
