"""Amplitude, frequency and duration of waveforms in real and generated segments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks, peak_widths, welch

from sknemg.recordings._problems import listed
from sknemg.signal import check_rate


def measure_waveforms(segments: ArrayLike, sfreq: float) -> pd.DataFrame:
    """Measure amplitude, dominant frequency and duration of segments.

    Parameters
    ----------
    segments : array-like of shape (n_segments, n_times)
        In mV.
    sfreq : float
        Sampling rate in Hz.

    Returns
    -------
    DataFrame of n_segments rows
        ``max_abs``: largest absolute value in mV, the paper's amplitude [1]_; ``rms`` in mV;
        ``dominant_frequency``: the frequency at which Welch's spectrum (windows of 0.1 s) is
        highest, in Hz; ``median_frequency``: the frequency below which half of the power lies,
        in Hz; ``duration``: width of the deflections at half their height in ms, the median
        over those of at least half the height of the largest, after a low-pass of 1.3 kHz,
        without which noise would break them up. The mean of a segment is subtracted first; all
        measures of a flat segment are 0.

    Raises
    ------
    ValueError
        If the segments are not finite numbers of shape (n_segments, n_times), or `sfreq` is no
        positive number.

    References
    ----------
    .. [1] J. Yoo et al. (2022). Residual one-dimensional convolutional neural network for
       neuromuscular disorder classification from needle electromyography signals with
       explainability. Computer Methods and Programs in Biomedicine 226, 107079.

    Examples
    --------
    >>> import numpy as np
    >>> time = np.arange(4000) / 10_000
    >>> measure_waveforms(2 * np.sin(2 * np.pi * 100 * time)[None], 10_000).round(2)
       max_abs   rms  dominant_frequency  median_frequency  duration
    0      2.0  1.41               100.0             100.0      3.33
    """
    check_rate(sfreq)
    x = np.asarray(segments, dtype=float)
    if x.ndim != 2:
        raise ValueError(f"segments has shape {x.shape}: give (n_segments, n_times).")
    if len(bad := np.flatnonzero(~np.isfinite(x).all(axis=1))):
        raise ValueError(
            f"segments holds NaN or infinite values in {listed(bad, 'row')}: leave these out."
        )
    flat = np.ptp(x, axis=1) == 0
    x = np.where(flat[:, None], 0.0, x - x.mean(axis=1, keepdims=True))
    freqs, power = welch(x, sfreq, nperseg=min(x.shape[1], round(0.1 * sfreq)))
    cumulative = np.cumsum(power, axis=1)
    half = (cumulative >= cumulative[:, -1:] / 2).argmax(axis=1)
    smooth = gaussian_filter1d(x, 1e-4 * sfreq, axis=1)
    return pd.DataFrame(
        {
            "max_abs": np.abs(x).max(axis=1),
            "rms": np.sqrt((x**2).mean(axis=1)),
            "dominant_frequency": np.where(flat, 0.0, freqs[power.argmax(axis=1)]),
            "median_frequency": np.where(flat, 0.0, freqs[half]),
            "duration": [_width(row) / sfreq * 1e3 for row in np.abs(smooth)],
        }
    )


def _width(magnitude: NDArray[Any]) -> float:
    """Return the median width of the large deflections at half their height, in samples."""
    if not magnitude.any():
        return 0.0
    peaks, _ = find_peaks(magnitude, height=magnitude.max() / 2)
    if not len(peaks):  # largest at an end
        return 0.0
    base = np.zeros(len(peaks))  # height above zero, not above the neighbouring troughs
    prominence = (magnitude[peaks], base.astype(int), base.astype(int) + len(magnitude) - 1)
    return float(np.median(peak_widths(magnitude, peaks, prominence_data=prominence)[0]))
