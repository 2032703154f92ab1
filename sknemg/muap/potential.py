"""One motor unit action potential: averaged over its discharges, and measured."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknemg.recordings._problems import shown
from sknemg.signal import LEAST_RATE, check_rate
from sknemg.signal.level import check_signal
from sknemg.signal.rates import is_number

__all__ = ["average_muap", "measure_muap"]

HALF_SWEEP = 25e-3  # s on either side of the discharge
BASELINE = 0.01  # mV, a tenth of a division at the usual 100 µV: less is not seen to depart
QUIET = 1.5e-3  # s without departure after which a potential has ended
HYSTERESIS = 0.025  # mV by which a phase or turn must stand out
ENOUGH = 40  # sweeps, from all over the train, whose median shows what is usual


def average_muap(
    signal: ArrayLike, sfreq: float, times: ArrayLike
) -> tuple[NDArray[np.float64], float, float]:
    """Average the potential of one motor unit over its discharges.

    The median over the half of the sweeps that other units disturb least.

    Parameters
    ----------
    signal : array of shape (n_times,)
        One recording in mV.
    sfreq : float
        Sampling rate in Hz, at least 1500 Hz.
    times : array of shape (n_discharges,)
        Discharges in seconds.

    Returns
    -------
    template : ndarray of shape (n_sweep,)
        50 ms in mV with the discharge in the middle; empty with fewer than two whole sweeps.
    noise : float
        Standard error of the template in mV.
    consistency : float
        Correlation of the averages over the odd and the even sweeps.

    Raises
    ------
    ValueError
        If the rate is none, or below 1500 Hz; or if `signal` is not one recording, or it or `times`
        are not finite.

    Examples
    --------
    >>> signal = np.zeros(40_000)
    >>> signal[2000::2000] = -1.0
    >>> template, noise, consistency = average_muap(signal, 20_000, np.arange(1, 20) / 10)
    >>> template.shape, template.min(), noise, round(consistency, 6)
    ((1001,), np.float64(-1.0), 0.0, 1.0)
    """
    sfreq = check_rate(sfreq, least=LEAST_RATE)
    times = np.asarray(times, dtype=np.float64)
    if times.ndim != 1 or not np.isfinite(times).all():
        raise ValueError(f"times={shown(times)} must be of shape (n_discharges,): give seconds.")
    return average_sweeps(cut_sweeps(check_signal(signal), sfreq, times))


def average_sweeps(sweeps: NDArray[Any]) -> tuple[NDArray[Any], float, float]:
    """Average single discharges as :func:`average_muap` does, with noise and consistency."""
    if len(sweeps) < 2:
        return np.empty(0), np.nan, np.nan
    half = sweeps.shape[1] // 2
    sweeps = undisturbed(sweeps)
    template = middle_of(sweeps)
    places = slice(None, None, 4)  # the noise is the same all over the sweep
    deviation = middle_of(np.abs(sweeps[:, places] - template[places])) / 0.6745
    noise = float(1.25 * np.median(deviation) / np.sqrt(len(sweeps)))
    main = slice(half - half // 5, half + half // 5 + 1)
    odd, even = middle_of(sweeps[::2, main]), middle_of(sweeps[1::2, main])
    flat = np.ptp(odd) == 0 or np.ptp(even) == 0
    return template, noise, 0.0 if flat else float(np.corrcoef(odd, even)[0, 1])


def undisturbed(sweeps: NDArray[Any]) -> NDArray[Any]:
    """Keep the half of the sweeps that other units disturb least, at least eight."""
    n_kept = min(len(sweeps), max(8, len(sweeps) // 2))
    usual = middle_of(sweeps[:: max(1, len(sweeps) // ENOUGH)])
    disturbance = np.abs(sweeps - usual).mean(axis=1)
    return sweeps[np.sort(np.argsort(disturbance, kind="stable")[:n_kept])]


def middle_of(sweeps: NDArray[Any]) -> NDArray[Any]:
    """Median of the sweeps, the last of an even number left out; the mean of two."""
    n = len(sweeps) - (len(sweeps) + 1) % 2
    return np.partition(sweeps[:n], n // 2, axis=0)[n // 2] if n > 1 else sweeps.mean(axis=0)


def measure_muap(template: ArrayLike, sfreq: float, *, noise: float = 0.0) -> dict[str, float]:
    """Measure one averaged potential.

    It begins and ends where it departs from and returns to the baseline for good, that is,
    stays within 10 µV (or three standard errors of the average, if that is more) for 1.5 ms.
    Later satellites are not part of it. The polarity of the recording does not matter.

    Parameters
    ----------
    template : array of shape (n_times,)
        Potential in mV with its baseline before and after.
    sfreq : float
        Sampling rate in Hz, at least 1500 Hz.
    noise : float, default=0.0
        Standard error of the template in mV.

    Returns
    -------
    dict
        ``amplitude`` peak to peak in mV, that of a single phase from the baseline;
        ``duration``, ``onset``, ``end`` (these two from the middle of the template) and
        ``rise_time`` (peak to peak of the quickest deflection of at least half the largest one's
        size; NaN where none is beyond 25 µV) in s; ``spike_duration`` (first to last turn) in s;
        ``phases`` and ``turns`` (parts and peaks beyond 25 µV); ``satellites`` (parts beyond 25 µV
        that the baseline separates from the potential); ``area`` of the rectified potential in
        mV s; ``thickness`` = area / amplitude in s; ``size_index`` [2]_, that is
        2 log10(amplitude / mV) + thickness / ms; ``irregularity`` (path from turn to turn over the
        amplitude: 2 for a single peak, more with every further turn, the more the larger it is
        [3]_). The terms follow [1]_.

    Raises
    ------
    ValueError
        If the template is empty, as :func:`average_muap` gives where too few discharges stand
        alone, or has samples that are NaN, infinite or beyond 1e6 mV; if the rate is none, or below
        1500 Hz; or if `noise` is no number from 0.

    References
    ----------
    .. [1] E. Stålberg, S. Andreassen, B. Falck, H. Lang, A. Rosenfalck, W. Trojaborg,
       "Quantitative analysis of individual motor unit potentials: a proposition for standardized
       terminology and criteria for measurement", J Clin Neurophysiol 3:313-348, 1986.
    .. [2] M. Sonoo, E. Stålberg, "The ability of MUP parameters to discriminate between normal
       and neurogenic MUPs in concentric EMG", Electroencephalogr Clin Neurophysiol 89:291-303,
       1993.
    .. [3] The idea is that of the irregularity coefficient of E. Zalewska, I.
       Hausmanowa-Petrusewicz, Med Eng Phys, 1999, doi 10.1016/s1350-4533(99)00065-x.

    Examples
    --------
    A triangle up, down and up again within 8 ms:

    >>> wave = np.interp(np.arange(1001), [420, 460, 500, 540, 580], [0, 0.2, -0.8, 0.2, 0])
    >>> muap = measure_muap(wave, 20_000)
    >>> muap["amplitude"], muap["phases"], muap["turns"]
    (1.0, 3, 3)
    >>> round(muap["duration"], 5), round(muap["rise_time"], 4)
    (0.00775, 0.002)
    >>> round(muap["spike_duration"], 4), round(muap["irregularity"], 2), muap["satellites"]
    (0.004, 2.4, 0)
    """
    sfreq = check_rate(sfreq, least=LEAST_RATE)
    wave = np.asarray(template, dtype=np.float64)
    if wave.ndim != 1 or not len(wave):
        raise ValueError(f"A template has the shape (n_times,), with samples; got {wave.shape}.")
    check_signal(wave)
    if not is_number(noise) or noise < 0:
        raise ValueError(f"noise={noise!r} is no standard error: give a number from 0, in mV.")
    wave = wave - np.median(wave)
    threshold = max(BASELINE, 3 * noise)
    quiet = round(QUIET * sfreq)
    onset, end = extent(wave, threshold, quiet)
    potential = np.pad(wave[onset : end + 1], 1)  # from the baseline and back to it
    amplitude = float(np.ptp(potential))
    distinct = max(HYSTERESIS, 3 * noise)
    extremes = extremes_of(potential, distinct)
    swing = np.abs(np.diff(potential[extremes]))
    large = (swing >= 0.5 * swing.max(initial=0.0)) & (swing > 0)
    area = float(np.abs(potential).sum() / sfreq)
    thickness = area / amplitude if amplitude else 0.0
    sides = np.sign(potential[np.abs(potential) > distinct])
    turns = extremes[1:-1]
    return {
        "amplitude": amplitude,
        "duration": (end - onset) / sfreq,
        "onset": (onset - len(wave) // 2) / sfreq,
        "end": (end - len(wave) // 2) / sfreq,
        "rise_time": float(np.diff(extremes)[large].min() / sfreq) if large.any() else np.nan,
        "spike_duration": float(turns[-1] - turns[0]) / sfreq if len(turns) else 0.0,
        "phases": int((np.diff(sides) != 0).sum() + 1) if len(sides) else 0,
        "turns": len(turns),
        "satellites": _count_satellites(wave, onset, end, distinct, quiet),
        "area": area,
        "thickness": thickness,
        "size_index": 2 * np.log10(amplitude) + 1e3 * thickness if amplitude else np.nan,
        "irregularity": float(swing.sum()) / amplitude if amplitude else 0.0,
    }


def turns_of(template: ArrayLike, sfreq: float, *, noise: float = 0.0) -> NDArray[np.int64]:
    """Find the samples of the turns that `measure_muap` counts."""
    wave = np.asarray(template, dtype=np.float64)
    wave = wave - np.median(wave)
    onset, end = extent(wave, max(BASELINE, 3 * noise), round(QUIET * sfreq))
    extremes = extremes_of(np.pad(wave[onset : end + 1], 1), max(HYSTERESIS, 3 * noise))
    return extremes[1:-1] + onset - 1


def cut_sweeps(signal: ArrayLike, sfreq: float, times: ArrayLike) -> NDArray[np.float64]:
    """Cut out the single discharges that have a whole sweep inside the signal, baseline at 0."""
    signal = np.asarray(signal, dtype=np.float64)
    half = round(HALF_SWEEP * sfreq)
    at = np.round(np.asarray(times) * sfreq).astype(int)
    at = at[(at >= half) & (at < len(signal) - half)]
    sweeps = signal[at[:, None] + np.arange(-half, half + 1)]
    sweeps -= middle_of(sweeps[:, ::4].T)[:, None]  # the baseline is smooth
    return sweeps


def _count_satellites(
    wave: NDArray[Any], onset: int, end: int, threshold: float, quiet: int
) -> int:
    """Count parts beyond the threshold outside the potential, gaps shorter than `quiet` bridged."""
    beyond = np.flatnonzero(np.abs(wave) > threshold)
    outside = beyond[(beyond < onset) | (beyond > end)]
    return int(len(outside) > 0) + int((np.diff(outside) > quiet).sum())


def extent(wave: NDArray[Any], threshold: float, quiet: int) -> tuple[int, int]:
    """Find the first and last sample beyond the threshold, gaps shorter than `quiet` bridged."""
    beyond = np.flatnonzero(np.abs(wave) > threshold)
    peak = int(np.abs(wave).argmax())
    if not len(beyond):
        return peak, peak
    parts = np.split(beyond, np.flatnonzero(np.diff(beyond) > quiet) + 1)
    main = next(part for part in parts if part[0] <= peak <= part[-1])
    return int(main[0]), int(main[-1])


def extremes_of(wave: NDArray[Any], threshold: float) -> NDArray[np.int64]:
    """Find the start, the peaks and troughs set apart by more than `threshold`, and the end."""
    found, heading, high, low = [0], 0, 0, 0
    for k, value in enumerate(wave):
        high, low = (k if value > wave[high] else high), (k if value < wave[low] else low)
        if heading >= 0 and wave[high] - value > threshold:
            found += [high] if heading else []
            heading, low = -1, k
        elif heading <= 0 and value - wave[low] > threshold:
            found += [low] if heading else []
            heading, high = 1, k
    return np.array([*found, len(wave) - 1])
