"""Multi-MUAP analysis: the motor unit action potentials of a recording, averaged and measured.

The discharges of each motor unit are found and averaged, and the average is measured by the usual
clinical criteria. Real and simulated recordings are measured in the same way.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.signal import resample_poly
from scipy.signal.windows import tukey
from scipy.stats import binomtest

from sknemg.muap._discharges import find_trains, usual_interval
from sknemg.signal import LARGEST_AMPLITUDE, implausible

__all__ = ["Muaps", "average_muap", "find_discharges", "measure_muap", "measure_muaps"]

HALF_SWEEP = 25e-3  # s on either side of the discharge
FINE_SFREQ = 20_000.0  # Hz to which coarser recordings are interpolated: a rise takes 0.2 ms
BASELINE = 0.01  # mV, a tenth of a division at the usual 100 µV: less is not seen to depart
QUIET = 1.5e-3  # s without departure after which a potential has ended
RANDOM = 0.25  # of the intervals of a Poisson process are within 0.7 to 1.4 times one interval
HYSTERESIS = 0.025  # mV by which a phase or turn must stand out


class Muaps(NamedTuple):
    """Measured potentials and what they were measured on.

    Attributes
    ----------
    table : DataFrame
        One row a MUAP, as :func:`measure_muaps` describes.
    templates : ndarray of shape (n_muaps, n_times)
        Averaged potentials in mV, the discharge in the middle.
    discharges : list of ndarray of shape (n_discharges_i,)
        Times of the discharges of each motor unit in seconds.
    sfreq : float
        Sampling rate of the templates in Hz.
    """

    table: pd.DataFrame
    templates: NDArray[np.float64]
    discharges: list[NDArray[np.float64]]
    sfreq: float


def find_discharges(
    signal: ArrayLike, sfreq: float, *, min_discharges: int = 8
) -> list[NDArray[np.float64]]:
    """Find the discharges of the motor units near the needle.

    Parameters
    ----------
    signal : array of shape (n_times,)
        One recording in mV.
    sfreq : float
        Sampling rate in Hz.
    min_discharges : int, default=8
        Fewer make no train.

    Returns
    -------
    list of ndarray
        For each motor unit the times of its discharges in seconds, the largest unit first.
        Discharges that other potentials cover are missing.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> signal = rng.normal(0, 0.002, size=40_000)
    >>> signal[2000::2000] -= 1.0
    >>> (times,) = find_discharges(signal, 20_000)
    >>> len(times), times[0].round(3)
    (19, np.float64(0.1))
    """
    signal, sfreq = _fine(signal, sfreq)
    return [train / sfreq for train in find_trains(signal, sfreq, min_discharges=min_discharges)]


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
        Sampling rate in Hz.
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

    Examples
    --------
    >>> signal = np.zeros(40_000)
    >>> signal[2000::2000] = -1.0
    >>> template, noise, consistency = average_muap(signal, 20_000, np.arange(1, 20) / 10)
    >>> template.shape, template.min(), noise, round(consistency, 6)
    ((1001,), np.float64(-1.0), 0.0, 1.0)
    """
    signal = np.asarray(signal, dtype=np.float64)
    half = round(HALF_SWEEP * sfreq)
    at = np.round(np.asarray(times) * sfreq).astype(int)
    at = at[(at >= half) & (at < len(signal) - half)]
    if len(at) < 2:
        return np.empty(0), np.nan, np.nan
    sweeps = signal[at[:, None] + np.arange(-half, half + 1)]
    sweeps -= np.median(sweeps, axis=1, keepdims=True)
    disturbance = np.abs(sweeps - np.median(sweeps, axis=0)).mean(axis=1)
    n_kept = min(len(at), max(8, len(at) // 2))
    sweeps = sweeps[np.sort(np.argsort(disturbance, kind="stable")[:n_kept])]

    template = np.median(sweeps, axis=0)
    deviation = np.median(np.abs(sweeps - template), axis=0) / 0.6745
    noise = float(1.25 * np.median(deviation) / np.sqrt(len(sweeps)))
    main = slice(half - half // 5, half + half // 5 + 1)
    odd, even = np.median(sweeps[::2, main], axis=0), np.median(sweeps[1::2, main], axis=0)
    flat = np.ptp(odd) == 0 or np.ptp(even) == 0
    return template, noise, 0.0 if flat else float(np.corrcoef(odd, even)[0, 1])


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
        Sampling rate in Hz.
    noise : float, default=0.0
        Standard error of the template in mV.

    Returns
    -------
    dict
        ``amplitude`` peak to peak in mV; ``duration``, ``onset``, ``end`` (these two from the
        middle of the template) and ``rise_time`` (peak to peak of the steepest large deflection)
        in s; ``phases`` and ``turns`` (parts and peaks beyond 25 µV); ``area`` of the rectified
        potential in mV s; ``thickness`` = area / amplitude in s; ``size_index`` [2]_, that is
        2 log10(amplitude / mV) + thickness / ms. The terms follow [1]_.

    Raises
    ------
    ValueError
        If the template is empty, as :func:`average_muap` gives where too few discharges stand
        alone.

    References
    ----------
    .. [1] E. Stålberg, S. Andreassen, B. Falck, H. Lang, A. Rosenfalck, W. Trojaborg,
       "Quantitative analysis of individual motor unit potentials: a proposition for standardized
       terminology and criteria for measurement", J Clin Neurophysiol 3:313-348, 1986.
    .. [2] M. Sonoo, E. Stålberg, "The ability of MUP parameters to discriminate between normal
       and neurogenic MUPs in concentric EMG", Electroencephalogr Clin Neurophysiol 89:291-303,
       1993.

    Examples
    --------
    A triangle up, down and up again within 8 ms:

    >>> wave = np.interp(np.arange(1001), [420, 460, 500, 540, 580], [0, 0.2, -0.8, 0.2, 0])
    >>> muap = measure_muap(wave, 20_000)
    >>> muap["amplitude"], muap["phases"], muap["turns"]
    (1.0, 3, 3)
    >>> round(muap["duration"], 5), round(muap["rise_time"], 4)
    (0.00775, 0.002)
    """
    wave = np.asarray(template, dtype=np.float64)
    if wave.ndim != 1 or not len(wave):
        raise ValueError(f"A template has the shape (n_times,), with samples; got {wave.shape}.")
    wave = wave - np.median(wave)
    threshold = max(BASELINE, 3 * noise)
    onset, end = _extent(wave, threshold, round(QUIET * sfreq))
    potential = wave[onset : end + 1]
    amplitude = float(np.ptp(potential))
    extremes = _extremes(np.pad(potential, 1), max(HYSTERESIS, 3 * noise))
    swing = np.abs(np.diff(np.pad(potential, 1)[extremes]))
    large = swing >= 0.5 * swing.max(initial=0.0)
    area = float(np.abs(potential).sum() / sfreq)
    thickness = area / amplitude if amplitude else 0.0
    sides = np.sign(potential[np.abs(potential) > max(HYSTERESIS, 3 * noise)])
    return {
        "amplitude": amplitude,
        "duration": (end - onset) / sfreq,
        "onset": (onset - len(wave) // 2) / sfreq,
        "end": (end - len(wave) // 2) / sfreq,
        "rise_time": float(np.diff(extremes)[large].min() / sfreq) if len(swing) else np.nan,
        "phases": int((np.diff(sides) != 0).sum() + 1) if len(sides) else 0,
        "turns": max(len(extremes) - 2, 0),
        "area": area,
        "thickness": thickness,
        "size_index": 2 * np.log10(amplitude) + 1e3 * thickness if amplitude else np.nan,
    }


def measure_muaps(
    signal: ArrayLike,
    sfreq: float,
    *,
    min_discharges: int = 8,
    max_rise_time: float = 0.8e-3,
    min_amplitude: float = 0.05,
    min_consistency: float = 0.9,
    rate_range: tuple[float, float] = (4.0, 60.0),
    min_isi_cv: float = 0.02,
    min_regularity: float = 0.45,
    return_templates: bool = False,
) -> pd.DataFrame | Muaps:
    """Measure the motor-unit action potentials of one recording.

    Each unit is averaged in the recording minus the potentials of the other units found, whose
    superpositions would otherwise be mistaken for baseline [1]_, [2]_. Left out are potentials that
    do not return to the baseline within the sweep, and trains that do not fire as a motor unit does
    in a steady contraction: machines fire too regularly, end-plate spikes and chance coincidences
    too irregularly.

    Parameters
    ----------
    signal : array of shape (n_times,)
        One recording of a steady voluntary contraction in mV.
    sfreq : float
        Sampling rate in Hz.
    min_discharges : int, default=8
        A motor unit with fewer is left out.
    max_rise_time : float, default=0.8e-3
        In s; a slower potential comes from a distant motor unit and is left out [3]_.
    min_amplitude : float, default=0.05
        In mV; a smaller potential is left out.
    min_consistency : float, default=0.9
        Correlation of two half averages; an average less certain than that is left out.
    rate_range : (low, high), default=(4.0, 60.0)
        Firing rates of motor units in Hz; slower and faster trains are left out.
    min_isi_cv : float, default=0.02
        Least coefficient of variation of the usual intervals. Mains, pacemakers and stimulators
        stay below it; the motor units measured so far lie above 0.05.
    min_regularity : float, default=0.45
        Least share of intervals near the usual one. A unit of which superpositions hide every
        fourth discharge has about 0.75, spikes at random times have 0.25 (in a short train this
        must be exceeded beyond chance, too).
    return_templates : bool, default=False
        Whether to return the averages and discharges as well.

    Returns
    -------
    DataFrame or Muaps
        One row a MUAP, about the largest first: what :func:`measure_muap` measures,
        ``n_discharges``, ``rate`` in Hz and ``isi_cv`` from the usual intervals (missed discharges
        set aside), ``regularity`` (the share of usual intervals), ``noise`` in mV and
        ``consistency`` of the average. All columns are float64, with and without MUAPs.

    References
    ----------
    .. [1] E. Stålberg, B. Falck, M. Sonoo, S. Stålberg, M. Åström, "Multi-MUP EMG analysis: a two
       year experience in daily clinical work", Electroencephalogr Clin Neurophysiol 97:145-154,
       1995.
    .. [2] S. D. Nandedkar, P. E. Barkhaus, A. Charles, "Multi-motor unit action potential analysis
       (MMA)", Muscle Nerve 18:1155-1166, 1995.
    .. [3] P. E. Barkhaus, S. D. Nandedkar, "On the selection of concentric needle electromyogram
       motor unit action potentials: is the rise time criterion too restrictive?", Muscle Nerve
       19:1554-1560, 1996.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> wave = np.interp(np.arange(41), [0, 10, 14, 18, 40], [0, 0.1, -0.5, 0.1, 0])
    >>> signal = rng.normal(0, 0.002, size=100_000)
    >>> for start in np.arange(1000, 99_000, 2000) + rng.integers(-200, 200, size=49):
    ...     signal[start : start + 41] += wave
    >>> measure_muaps(signal, 20_000)[["amplitude", "phases", "n_discharges", "rate"]].round(1)
       amplitude  phases  n_discharges  rate
    0        0.6     3.0          49.0  10.0
    """
    signal, sfreq = _fine(signal, sfreq)
    rows, templates, discharges = [], [], []
    for train, alone in _one_by_one(signal, sfreq, min_discharges):
        template, noise, consistency = average_muap(alone, sfreq, train / sfreq)
        usual, near = usual_interval(train)
        row = measure_muap(template, sfreq, noise=noise) | {
            "n_discharges": len(train),
            "rate": sfreq / usual,
            "isi_cv": float(near.std() / usual),
            "regularity": len(near) / (len(train) - 1),
            "noise": noise,
            "consistency": consistency,
        }
        if (
            row["rise_time"] <= max_rise_time
            and row["amplitude"] >= min_amplitude
            and consistency >= min_consistency
            and row["onset"] > -HALF_SWEEP
            and row["end"] < HALF_SWEEP
            and rate_range[0] <= row["rate"] <= rate_range[1]
            and row["isi_cv"] >= min_isi_cv
            and _is_regular(len(near), len(train) - 1, min_regularity)
        ):
            rows.append(row)
            templates.append(template)
            discharges.append(train / sfreq)
    firing = ["n_discharges", "rate", "isi_cv", "regularity", "noise", "consistency"]
    table = pd.DataFrame(rows, columns=[*measure_muap([0.0], sfreq), *firing], dtype=np.float64)
    if not return_templates:
        return table
    n_times = 2 * round(HALF_SWEEP * sfreq) + 1
    return Muaps(table, np.array(templates).reshape(-1, n_times), discharges, sfreq)


def _is_regular(n_usual: int, n_intervals: int, least: float) -> bool:
    """Whether enough intervals are usual, and more than of spikes at random times."""
    beyond_chance = binomtest(n_usual, n_intervals).proportion_ci(method="wilson").low > RANDOM
    return n_usual >= least * n_intervals and bool(beyond_chance)


def _one_by_one(
    signal: NDArray[Any], sfreq: float, min_discharges: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Yield the discharges of each unit and the signal without what is known of the others."""
    margin = round(QUIET * sfreq)
    laid_down = []
    rest = signal.copy()
    for train in find_trains(signal, sfreq, min_discharges=min_discharges):
        template, noise, _ = average_muap(signal, sfreq, train / sfreq)
        if not len(template):
            continue
        # Its own extent only: the far flanks hold noise, or another spike of the same unit.
        middle = len(template) // 2
        onset, end = _extent(template, max(BASELINE, 3 * noise), margin)
        onset, end = max(onset - margin, 0), min(end + margin, len(template) - 1)
        wave = template[onset : end + 1] * tukey(end + 1 - onset, 2 * margin / (end + 1 - onset))
        at = train[(train >= middle) & (train < len(signal) - middle)]
        alone = np.zeros_like(signal)
        for start in at - middle + onset:
            alone[start : start + len(wave)] += wave
        laid_down.append((train, alone))
        rest -= alone
    for train, alone in laid_down:
        yield train, rest + alone


def _fine(signal: ArrayLike, sfreq: float) -> tuple[NDArray[np.float64], float]:
    """Interpolate a coarsely sampled recording, so that peaks and rises are measured right."""
    signal = np.asarray(signal, dtype=np.float64)
    if not (np.isfinite(sfreq) and sfreq > 0):
        raise ValueError(f"sfreq={sfreq} is no rate: give the sampling rate in hertz.")
    if signal.ndim != 1:
        raise ValueError(f"One recording of shape (n_times,) is measured, got {signal.shape}.")
    if n_bad := int((~np.isfinite(signal)).sum()):
        raise ValueError(f"{n_bad} of {len(signal)} samples are NaN or infinite: cut them out.")
    if implausible(signal[None])[0]:
        raise ValueError(
            f"Samples are beyond {LARGEST_AMPLITUDE:g} mV: give the recording in millivolts."
        )
    factor = int(np.ceil(FINE_SFREQ / sfreq))
    return (resample_poly(signal, factor, 1) if factor > 1 else signal), sfreq * factor


def _extent(wave: NDArray[Any], threshold: float, quiet: int) -> tuple[int, int]:
    """Find the first and last sample beyond the threshold, gaps shorter than `quiet` bridged."""
    beyond = np.flatnonzero(np.abs(wave) > threshold)
    peak = int(np.abs(wave).argmax())
    if not len(beyond):
        return peak, peak
    parts = np.split(beyond, np.flatnonzero(np.diff(beyond) > quiet) + 1)
    main = next(part for part in parts if part[0] <= peak <= part[-1])
    return int(main[0]), int(main[-1])


def _extremes(wave: NDArray[Any], threshold: float) -> NDArray[np.int64]:
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
