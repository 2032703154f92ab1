"""The hashes by which copied stretches are found."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sknemg.signal.copies import _hashes, _hashes_every


@pytest.mark.parametrize("n_times", [0, 63, 64, 65, 5000])
def test_few_positions_hash_as_all_do(n_times):
    signal = np.random.default_rng(0).normal(size=n_times).astype(np.float32)
    signal[300:1500] = 0
    found = _hashes_every(signal, 100)
    assert_array_equal(found, _hashes(signal)[::100])
    assert n_times < 5000 or (found == 0).sum() >= 10
