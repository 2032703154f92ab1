"""Trains of one unit are joined within the recording."""

import numpy as np
import pytest

from sknemg.muap._discharges import _joined
from sknemg.muap._peeling import Lengths

LENGTHS = Lengths.at(10_000)


@pytest.mark.parametrize("mirrored", [False, True], ids=["at the end", "at the beginning"])
def test_what_joining_moves_to_an_end_is_left_out(mirrored):
    rng = np.random.default_rng(0)
    peaks = 700 + 1000 * np.arange(40) + rng.integers(-60, 60, size=40)
    signal = np.zeros(peaks[-1] + 13, dtype=np.float32)  # its last window is cut off
    for peak in peaks:
        shape = -np.interp(np.arange(-12, 13), [-12, -4, 0, 4, 12], [0, -0.1, 1, -0.1, 0])
        signal[peak - 12 : peak + 13] += shape[: len(signal) - peak + 12]
    # Some discharges, the last among them, were found by an earlier spike, as another unit.
    others = rng.random(40) < 0.4
    others[-1] = True
    trains = [peaks[~others], peaks[others] - 38]
    if mirrored:
        signal = signal[::-1].copy()
        trains = [np.sort(len(signal) - 1 - train) for train in trains]
    (train,) = _joined(trains, signal, LENGTHS)
    assert len(train) == 39  # all but that one
    assert train.min() > LENGTHS.half + 2
    assert train.max() < len(signal) - LENGTHS.half - 2
