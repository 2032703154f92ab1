"""A signal in pieces of any length, as an amplifier delivers it."""

import numpy as np


def chunks(signal, largest, seed=0):
    """Yield the pieces, each shorter than `largest` samples; some are empty."""
    rng, at = np.random.default_rng(seed), 0
    while at < len(signal):
        n = int(rng.integers(0, largest))
        yield signal[at : at + n]
        at += n
