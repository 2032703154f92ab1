"""Where windows begin, counted in fractions."""

import numpy as np
import pytest

from sknemg.signal import n_window_samples, window_starts


@pytest.mark.parametrize("sfreq", [10_000, 48_000, 23_437.5])
def test_counts_follow_the_formula_at_every_length(sfreq):
    """In whole tenths of a second, where a float would round 0.3 / 0.1 to 2."""
    for tenths in range(1, 41):
        n_times = int(np.ceil(tenths * sfreq / 10))
        n_windows = len(window_starts(n_times, sfreq, window=0.4, hop=0.1))
        assert n_windows == max(0, tenths - 3)
        if n_times * 10 == tenths * sfreq:  # one sample less, one window less
            assert len(window_starts(n_times - 1, sfreq, 0.4, 0.1)) == max(0, tenths - 4)


def test_a_fractional_hop_does_not_drift():
    starts = window_starts(262_124, 23_437.5, window=0.4, hop=0.1)
    assert len(starts) == 108  # floor((11.18396 - 0.4) / 0.1) + 1
    np.testing.assert_array_equal(starts, np.ceil(np.arange(108) * 2343.75))
    assert starts[-1] + n_window_samples(23_437.5, 0.4) <= 262_124


@pytest.mark.parametrize("tenths", [1, 3, 6, 7, 9])
@pytest.mark.parametrize("sfreq", [10_000, 48_000, 1e5 / 3, 23_437.5])
def test_rounding_errors_of_seconds_cost_no_window(tenths, sfreq):
    seconds = 0.1 * tenths  # 0.30000000000000004 and the like
    n_times = round(3 * tenths / 10 * sfreq + 0.5)  # three windows and at most one sample more
    starts = window_starts(n_times, sfreq, window=seconds, hop=seconds)
    assert len(starts) == 3
    np.testing.assert_allclose(starts, np.arange(3) * tenths / 10 * sfreq, atol=1)
    assert n_window_samples(sfreq, seconds) == round(tenths / 10 * sfreq)
