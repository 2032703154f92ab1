"""Rates changed while a signal is recorded, and afterwards: the same bits."""

import numpy as np
import pytest
from _chunks import chunks
from numpy.testing import assert_array_equal

from sknemg.signal import StreamResampler, resample


@pytest.mark.parametrize("sfreq", [48_000, 24_000, 23_437.5, 44_100, 48_000.123, 5_000])
@pytest.mark.parametrize("n_times", [1, 2, 40, 3001, 60_001])
def test_what_comes_out_while_recording_is_what_comes_out_afterwards(sfreq, n_times):
    rng = np.random.default_rng(0)
    signal = (5 + 0.1 * np.cumsum(rng.normal(size=n_times))).astype(np.float32)
    whole = resample(signal, sfreq, 10_000)
    for largest in (11, 2000, 100_000):
        if n_times / largest > 3000:
            continue
        stream = StreamResampler(sfreq, 10_000)
        parts = [stream.push(chunk) for chunk in chunks(signal, largest)]
        assert_array_equal(np.concatenate([*parts, stream.finish()]), whole)
    assert (stream.n_in, stream.n_out) >= (n_times, len(whole))


def test_the_resampler_keeps_a_few_milliseconds():
    stream = StreamResampler(48_000, 10_000)
    rng = np.random.default_rng(0)
    n_new = 0
    for _ in range(100):
        n_new += len(stream.push(rng.normal(size=4800)))
        assert len(stream._kept) < 1000
    assert 100_000 - 2000 < n_new <= 100_000
    assert len(StreamResampler(48_000, 10_000).finish()) == 0
    with pytest.raises(ValueError, match="more than a factor of 1000"):
        StreamResampler(48_000, 10)
