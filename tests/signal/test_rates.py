"""Rates, times and signals that are none, in every function of `sknemg.signal` that takes one."""

import numpy as np
import pytest

from sknemg.inspection import measure_waveforms, occlude_bands, occlude_time
from sknemg.signal import (
    LEAST_RATE,
    StreamResampler,
    ZeroPhaseFilter,
    check_rate,
    describe_signal,
    mains_share,
    n_window_samples,
    noise_floor,
    resample,
    window_due,
    window_starts,
    zero_phase_gain,
)

SIGNAL = np.random.default_rng(0).normal(size=5000)


def _score(segments):
    return np.abs(segments).mean(axis=1, keepdims=True)


TAKE_RATES = {
    "measure_waveforms": lambda rate: measure_waveforms(SIGNAL[None], rate),
    "occlude_time": lambda rate: occlude_time(_score, SIGNAL, rate),
    "occlude_bands": lambda rate: occlude_bands(_score, SIGNAL, rate),
    "resample": lambda rate: resample(SIGNAL, rate, 1000),
    "resample to": lambda rate: resample(SIGNAL, 1000, rate),
    "StreamResampler": lambda rate: StreamResampler(rate, 1000),
    "StreamResampler to": lambda rate: StreamResampler(1000, rate),
    "ZeroPhaseFilter": lambda rate: ZeroPhaseFilter(SIGNAL, rate),
    "zero_phase_gain": lambda rate: zero_phase_gain(SIGNAL, np.ones_like, rate),
    "describe_signal": lambda rate: describe_signal(SIGNAL, rate),
    "mains_share": lambda rate: mains_share(SIGNAL, rate),
    "noise_floor": lambda rate: noise_floor(SIGNAL, rate),
    "n_window_samples": lambda rate: n_window_samples(rate, 0.4),
    "window_due": lambda rate: window_due(0, rate, 0.4, 0.1),
    "window_starts": lambda rate: window_starts(5000, rate, 0.4, 0.1),
}


@pytest.mark.parametrize(
    "rate", [0, -1000, np.nan, np.inf, True, "1000", None, [1000, 2000]], ids=repr
)
@pytest.mark.parametrize("use", TAKE_RATES)
def test_rates_that_are_none_are_refused_by_name(use, rate):
    with pytest.raises(ValueError, match=r"^(new_)?sfreq=.* is no rate: give the sampling rate in"):
        TAKE_RATES[use](rate)


@pytest.mark.parametrize("rate", [1000, 1000.0, np.float32(1000), np.int64(1000)], ids=repr)
def test_every_kind_of_number_is_a_rate(rate):
    assert check_rate(rate) == 1000
    for use in TAKE_RATES.values():
        use(rate)


def test_a_rate_may_be_too_low_for_motor_units():
    assert check_rate(1500, least=LEAST_RATE) == 1500
    message = r"sfreq=48 Hz is too low to show motor units: .* 1500 Hz or more, .* not in kilohertz"
    with pytest.raises(ValueError, match=message):
        check_rate(48, least=LEAST_RATE)


@pytest.mark.parametrize("seconds", [np.nan, np.inf, True, "0.4", None], ids=repr)
def test_times_that_are_none_are_refused_by_name(seconds):
    with pytest.raises(ValueError, match=r"window=.* is no time: give seconds"):
        n_window_samples(1000, seconds)
    with pytest.raises(ValueError, match=r"hop=.* is no time: give seconds"):
        window_starts(5000, 1000, 0.4, seconds)


TAKE_SIGNALS = {
    "resample": lambda signal: resample(signal, 2000, 1000),
    "ZeroPhaseFilter": lambda signal: ZeroPhaseFilter(signal, 1000),
    "zero_phase_gain": lambda signal: zero_phase_gain(signal, np.ones_like, 1000),
    "describe_signal": lambda signal: describe_signal(signal, 1000),
    "mains_share": lambda signal: mains_share(signal, 1000),
    "noise_floor": lambda signal: noise_floor(signal, 1000),
}


@pytest.mark.parametrize("signal", [np.empty(0), np.zeros((2, 100)), np.float64(1)])
@pytest.mark.parametrize("use", TAKE_SIGNALS)
def test_what_is_no_signal_is_refused(use, signal):
    with pytest.raises(ValueError, match=r"A signal has the shape \(n_times,\), with samples; got"):
        TAKE_SIGNALS[use](signal)


@pytest.mark.parametrize("use", TAKE_SIGNALS)
def test_one_sample_is_a_signal(use):
    TAKE_SIGNALS[use](np.ones(1))
