"""What is varied in training beside what the simulator varies: amplitude, time and slow power.

Real recordings differ from simulated ones in all three, by more than simulated patients differ from
each other, and a network takes what it has only seen in one disease for a sign of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.signal import resample_poly
from torch import Generator, Tensor

from sknemg import Recordings, SignalAugmenter
from sknemg.recordings.windows import offsets_of

#: Largest factor by which amplitudes are multiplied in training, and divided.
GAIN = 4.0
#: Range of the factor by which recordings are made longer in training.
LENGTHS = (0.7, 1.4)
_PARTS = 20  # lengths are whole twentieths
#: Ranges of slow noise, as a share of the RMS of a window, and of the rate it reaches up to, Hz.
SHARES = (0.02, 0.8)
RATES = (30.0, 120.0)
LOWEST = 20.0


def factors(subjects: Any, seed: int) -> np.ndarray:
    """Draw a factor between 1 / GAIN and GAIN for each subject, and give it to all of its rows."""
    return _each(subjects, (1 / GAIN, GAIN), seed)


def stretched(waves: Recordings, seed: int) -> Recordings:
    """Make all recordings of a subject longer or shorter, by a factor of its own out of LENGTHS."""
    drawn = _each(waves["subject"], LENGTHS, seed)
    rows = [
        resample_poly(np.asarray(row), round(_PARTS * length), _PARTS).astype(np.float32)
        for row, length in zip(waves, drawn, strict=True)
    ]
    return waves.with_values(np.concatenate(rows), offsets_of([len(row) for row in rows]))


def _each(subjects: Any, between: tuple[float, float], seed: int) -> np.ndarray:
    """Draw a factor for each subject, uniform on a logarithmic scale."""
    codes = pd.factorize(np.asarray(subjects))[0]
    low, high = np.log(between)
    rng = np.random.default_rng(seed)
    return np.exp(rng.uniform(low, high, codes.max() + 1))[codes]


class SlowNoise(SignalAugmenter):
    """Vary segments as `SignalAugmenter` does, and add noise like that of distant motor units.

    Its power lies between 20 Hz and a rate that differs from segment to segment, and falls beyond
    it with the fourth power.
    """

    def _vary(self, batch: Tensor, generator: Generator) -> Tensor:
        new = super()._vary(batch, generator)
        flat = new.reshape(len(new), -1)
        n_rows, n_times = flat.shape

        def drawn(between: tuple[float, float]) -> Tensor:
            low, high = np.log(between)
            share = torch.rand(n_rows, 1, generator=generator, device=flat.device)
            return torch.exp(low + (high - low) * share)

        rates = torch.fft.rfftfreq(n_times, 1 / self.input_sfreq, device=flat.device)
        power = (rates >= LOWEST) / (1 + (rates / drawn(RATES)) ** 4)
        noise = torch.randn(n_rows, n_times, generator=generator, device=flat.device)
        noise = torch.fft.irfft(torch.fft.rfft(noise) * power.sqrt(), n=n_times)
        level = flat.std(dim=1, keepdim=True) * drawn(SHARES)
        flat = flat + noise / noise.std(dim=1, keepdim=True) * level
        return flat.reshape(new.shape).to(batch.dtype)
