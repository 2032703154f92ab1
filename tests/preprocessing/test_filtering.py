"""Recordings in one band, without hum."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import butter, iirnotch, sosfiltfilt, tf2sos

from sknemg import BandPass, InvalidRecordingsError, Recordings
from sknemg.preprocessing.filtering import _spectrum_below, filter_band, louder_mains

SFREQ = 10_000


def noise(seed=0, n=30_000):
    return np.random.default_rng(seed).normal(size=n)


@pytest.mark.parametrize("mains", [None, 50.0, 60.0])
def test_the_filter_is_that_of_scipy_run_forwards_and_backwards(mains):
    """Below 2 kHz, where the bilinear transform does not bend the frequencies."""
    wave = np.cumsum(noise())
    sos = [butter(2, 20, "highpass", fs=SFREQ, output="sos")]
    sos += [tf2sos(*iirnotch(mains * k, mains * k / 5, fs=SFREQ)) for k in range(1, 6) if mains]
    low = butter(2, 2000, fs=SFREQ, output="sos")
    expected = sosfiltfilt(low, sosfiltfilt(np.concatenate(sos), wave))
    found = sosfiltfilt(low, filter_band(wave, SFREQ, 20, 4500, mains))
    inside = slice(6000, -6000)
    assert_allclose(found[inside], expected[inside], atol=0.03 * expected[inside].std())


@pytest.mark.parametrize("mains", [50.0, 60.0])
def test_auto_takes_the_hum_that_is_there(mains):
    time = np.arange(30_000) / SFREQ
    hum = sum(np.sin(2 * np.pi * mains * k * time) for k in (1, 2, 3))
    assert louder_mains(0.5 * noise() + hum, SFREQ) == mains
    left = filter_band(hum, SFREQ, 20, 4500)
    assert np.abs(left[2000:-2000]).max() < 0.02


@pytest.mark.parametrize(("n", "sfreq"), [(19_997, 10_000), (19_997, 23_437.5), (131_071, 48_000)])
def test_the_spectrum_of_a_prime_length_is_had_from_the_decimated_signal(n, sfreq, monkeypatch):
    wave = np.cumsum(noise(n=n)) * np.hanning(n) + noise(1, n)
    expected = np.fft.rfft(wave)
    monkeypatch.setattr("numpy.fft.rfft", None)  # which takes too long
    found = _spectrum_below(wave, sfreq, 310)
    assert 310 < len(found) * sfreq / n < 312
    error = np.abs(np.abs(found) - np.abs(expected[: len(found)]))
    assert error.max() < 1e-6 * np.abs(expected).max()
    assert np.median(error / np.abs(expected[: len(found)])) < 1e-6


@pytest.mark.parametrize("n", [70_000, 49_049, 44_200])
def test_a_length_of_small_factors_is_transformed_as_it_is(n, monkeypatch):
    """2**4 5**4 7, 7**3 11 13, 2**3 5**2 13 17."""
    wave = noise(n=n)
    monkeypatch.setattr("sknemg.preprocessing.filtering.czt", None)  # which takes longer there
    found = _spectrum_below(wave, SFREQ, 310)
    assert_array_equal(found, np.fft.rfft(wave)[: len(found)])


def test_each_recording_is_filtered_by_itself_at_its_own_rate():
    rows = [noise(1, 9000), noise(2, 21_000)]
    X = Recordings(rows, sfreq=[10_000, 23_437.5], subject=["a", "b"])
    found = BandPass().fit_transform(X)
    for row, wave, rate in zip(found, rows, X["sfreq"], strict=True):
        assert_allclose(row, filter_band(wave, rate, 20, 4500), atol=1e-6)
    assert found["sfreq"].tolist() == X["sfreq"].tolist()


def test_a_rate_too_low_is_named_and_a_band_upside_down_refused():
    X = Recordings([noise(n=900), noise(n=900)], sfreq=[10_000, 4000], subject=["a", "b"])
    with pytest.raises(InvalidRecordingsError, match=r"1.*sampled at 4000 Hz.*9000 Hz"):
        BandPass().fit_transform(X)
    with pytest.raises(ValueError, match=r"low=500 must be below high=100"):
        BandPass(500, 100).fit_transform(X[[0]])
