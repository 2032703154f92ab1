"""How large a signal is, and whether any recording could be: amplitude, flat and clipped runs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknemg.signal.lengths import one_signal
from sknemg.signal.rates import check_rate

#: Largest plausible amplitude in mV, a thousand volts. Needle EMG reaches some 30 mV.
LARGEST_AMPLITUDE = 1e6

_FLAT = 0.02  # s; a shorter pause in a coarsely digitised signal is no dead channel

_RAIL = 2e-4  # of the peak-to-peak amplitude: how far samples on a rail may scatter


def implausible(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which signals or segments reach amplitudes that no recording has.

    Parameters
    ----------
    values : ndarray of shape (n_items, ...)
        In mV.

    Returns
    -------
    ndarray of shape (n_items,), bool
        True where an item goes beyond `LARGEST_AMPLITUDE`. Its squares, and sums of them, could
        overflow.

    Examples
    --------
    >>> import numpy as np
    >>> implausible(np.array([[0.5, -30.0], [0.0, -1e308]]))
    array([False,  True])
    """
    axes = tuple(range(1, values.ndim))
    low, high = values.min(axis=axes, initial=0), values.max(axis=axes, initial=0)
    return (low < -LARGEST_AMPLITUDE) | (high > LARGEST_AMPLITUDE)


def check_signal(signal: ArrayLike) -> NDArray[np.float64]:
    """Return one recording as an array, or refuse what is none in millivolts."""
    signal = np.asarray(signal, dtype=np.float64)
    if signal.ndim != 1:
        raise ValueError(f"One recording has the shape (n_times,), got {signal.shape}.")
    if n_bad := int((~np.isfinite(signal)).sum()):
        raise ValueError(f"{n_bad} of {len(signal)} samples are NaN or infinite: cut them out.")
    if implausible(signal[None])[0]:
        raise ValueError(
            f"Samples are beyond {LARGEST_AMPLITUDE:g} mV: give the recording in millivolts."
        )
    return signal


class SignalLevel(NamedTuple):
    """Level and flaws of a signal, see `describe_signal`.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg.signal import describe_signal
    >>> describe_signal(np.zeros(1000), 1000).flat_seconds
    1.0
    """

    rms: float
    peak: float
    flat_seconds: float
    flat_fraction: float
    clipped_fraction: float


def describe_signal(signal: NDArray[Any], sfreq: float) -> SignalLevel:
    """Measure the level of a signal, and where it is flat or clipped.

    Parameters
    ----------
    signal : ndarray of shape (n_times,)
        In mV, with one sample or more.
    sfreq : float
        Sampling rate in hertz.

    Returns
    -------
    SignalLevel
        ``rms`` and ``peak`` about the mean, ``flat_seconds`` (longest run of one repeated value),
        ``flat_fraction`` (share of samples in such runs of 20 ms or more), ``clipped_fraction``
        (share of samples that lie three or more in a row within 0.02 % of the peak-to-peak
        amplitude of the largest or smallest value).

    Raises
    ------
    ValueError
        If the rate is none, or there are no samples.

    Examples
    --------
    >>> import numpy as np
    >>> wave = np.sin(np.arange(10_000) / 10)
    >>> describe_signal(np.where(np.arange(10_000) < 4_000, wave, 0), 10_000).flat_fraction
    0.6
    """
    check_rate(sfreq)
    signal = one_signal(signal)
    if signal.dtype.kind != "f":  # differences of integers overflow
        signal = signal.astype(np.float64)
    wave = signal - signal.mean(dtype=np.float64)
    flat = run_lengths(np.diff(signal) == 0) + 1
    long = flat[flat >= _FLAT * sfreq]
    span = np.ptp(signal)
    clipped = 0
    for rail in (signal.min(), signal.max()) if span > 0 else ():
        runs = run_lengths(np.abs(signal - rail) <= _RAIL * span)
        clipped += runs[runs >= 3].sum()
    return SignalLevel(
        float(np.sqrt(np.mean(wave**2))),
        float(np.abs(wave).max()),
        float(flat.max(initial=0) / sfreq),
        float(long.sum() / len(signal)),
        float(clipped / len(signal)),
    )


def run_lengths(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Give the lengths of the runs of True.

    Examples
    --------
    >>> import numpy as np
    >>> run_lengths(np.array([True, True, False, True])).tolist()
    [2, 1]
    """
    return np.diff(run_edges(mask))[:, 0]


def run_edges(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Give start and stop of the runs of True, an array of shape (n_runs, 2).

    Examples
    --------
    >>> import numpy as np
    >>> run_edges(np.array([True, True, False, True])).tolist()
    [[0, 2], [3, 4]]
    """
    return np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]))).reshape(-1, 2)
