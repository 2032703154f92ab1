"""Both ends of a signal, mirrored, so that a resampler begins and stops without a jump."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MIRRORED = 128  # samples of the lower rate: soxr's filter reaches some 100 to each side


def n_mirrored(ratio: Fraction) -> tuple[int, int, int]:
    """Say how many samples are mirrored before and after, and how many new ones lie before.

    Before the signal they are a whole number of new samples, so that these keep their times. Where
    that would take many, at odd ratios of rates, there are none, as if the signal had held its
    first value.
    """
    n_tail = math.ceil(_MIRRORED / min(ratio, Fraction(1)))
    n_lead = ratio.denominator * math.ceil(n_tail / ratio.denominator)
    if n_lead > 4 * n_tail:
        n_lead = 0
    return n_lead, n_tail, int(n_lead * ratio)


def mirrored_before(flat: NDArray[Any], n_samples: int) -> NDArray[Any]:
    """Mirror the beginning of a signal that begins with 0."""
    mirrored = -flat[1 : n_samples + 1][::-1]
    first = mirrored[:1] if len(mirrored) else flat[:1]
    return np.concatenate([np.repeat(first, n_samples - len(mirrored)), mirrored])


def mirrored_after(flat: NDArray[Any], n_samples: int) -> NDArray[Any]:
    """Mirror the end of a signal at its last sample."""
    mirrored = 2 * flat[-1] - flat[-n_samples - 1 : -1][::-1]
    missing = n_samples - len(mirrored)
    last = mirrored[-1:] if len(mirrored) else flat[-1:]
    return np.concatenate([mirrored, np.repeat(last, missing)])
