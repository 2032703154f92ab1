"""Signals at another rate: what a resampler keeps, what it takes out, and what it refuses."""

import tracemalloc

import numpy as np
import pytest

from sknemg.signal import exact, near_ratio, resample

METHODS = ["soxr", "polyphase", "fft"]


def sine(freq, sfreq, seconds=1.0):
    return np.sin(2 * np.pi * freq * np.arange(int(seconds * sfreq)) / sfreq)


@pytest.mark.parametrize("sfreq", [48_000, 23_437.5, 44_100, 50_000])
@pytest.mark.parametrize("method", METHODS)
def test_a_tone_in_the_band_survives_with_its_phase(method, sfreq):
    new = resample(sine(300, sfreq), sfreq, 10_000, method=method)
    inside = slice(200, 9700)
    np.testing.assert_allclose(new[inside], sine(300, 10_000)[: len(new)][inside], atol=2e-3)


@pytest.mark.parametrize("method, alias", [("soxr", 1e-6), ("polyphase", 1e-2), ("fft", 1e-3)])
def test_a_tone_above_the_band_is_gone(method, alias):
    new = resample(sine(7000, 48_000), 48_000, 10_000, method=method)
    assert np.abs(new[500:-500]).max() < alias


@pytest.mark.parametrize("method", METHODS)
def test_offset_and_ramp_do_not_ring_at_the_ends(method):
    ramp = np.linspace(3, 5, 4800)
    slope = 2 / 4799
    expected = 3 + slope * 4.8 * np.arange(1000)
    np.testing.assert_allclose(resample(ramp, 48_000, 10_000, method=method), expected, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_the_dtype_and_the_length_are_kept(method):
    for n_times in (1, 2, 5, 19_199, 19_200, 19_201):
        new = resample(np.ones(n_times, dtype=np.float32), 48_000, 10_000, method=method)
        assert new.dtype == np.float32
        assert len(new) == max(1, int(n_times / 4.8))
        np.testing.assert_allclose(new, 1)


@pytest.mark.parametrize("method", ["soxr", "polyphase", "fft"])
@pytest.mark.parametrize("sfreq", [48_000.123, 1e5 / 3, 23_437.5 + 1e-6, np.pi * 10_000, 9999.999])
def test_any_ratio_of_rates_takes_little_memory_and_keeps_the_time(method, sfreq):
    time = np.arange(round(0.5 * sfreq)) / sfreq
    wave = np.sin(2 * np.pi * 200 * time) * np.hanning(len(time))
    tracemalloc.start()
    new = resample(wave, sfreq, 10_000, method=method)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    k = np.arange(len(new)) / 10_000
    expected = np.sin(2 * np.pi * 200 * k) * np.interp(k, time, np.hanning(len(time)))
    np.testing.assert_allclose(new, expected, atol=0.01)  # 10 ppm of 0.5 s: 0.006 at most
    assert peak < 100e6  # the exact ratios ask for 8 GB and for petabytes


def test_the_ratio_of_rates_is_at_most_10_ppm_off():
    rng = np.random.default_rng(0)
    rates = [*10 ** rng.uniform(-3, 3, 500), *(1 / np.arange(1, 1000, 7) + 8e-6), 2 + 3e-5, 999.9]
    for rate in rates:
        near = near_ratio(exact(rate)) if 1e-3 <= rate <= 1e3 else exact(rate)
        assert abs(near / exact(rate) - 1) < 1e-5
        assert max(near.numerator, near.denominator) <= 60_000 or not 1e-3 <= rate <= 1e3
    assert near_ratio(exact(10_000) / exact(23_437.5)) == exact(10_000) / exact(23_437.5)


def test_resample_refuses_what_it_would_round_or_does_not_know():
    with pytest.raises(ValueError, match="int16 would be rounded"):
        resample(np.zeros(10, np.int16), 100, 50)
    with pytest.raises(ValueError, match="method='linear' is unknown"):
        resample(np.zeros(10), 100, 50, method="linear")
    with pytest.raises(ValueError, match="48 and 1e"):
        resample(np.zeros(10), 48, 1e12)
