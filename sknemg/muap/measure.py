"""Multi-MUAP analysis: the motor unit action potentials of a recording, averaged and measured.

The discharges of each motor unit are found and averaged, and the average is measured by the usual
clinical criteria. Real and simulated recordings are measured in the same way.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.signal import resample_poly
from scipy.signal.windows import tukey
from scipy.stats import binomtest

from sknemg.muap._discharges import find_trains
from sknemg.muap._trains import usual_interval
from sknemg.muap.potential import (
    BASELINE,
    HALF_SWEEP,
    QUIET,
    average_sweeps,
    cut_sweeps,
    extent,
    measure_muap,
)
from sknemg.signal import LEAST_RATE, check_rate
from sknemg.signal.level import check_signal

__all__ = ["MotorUnit", "Muaps", "find_discharges", "find_units", "measure_muaps"]

FINE_SFREQ = 20_000.0  # Hz to which coarser recordings are interpolated: a rise takes 0.2 ms
RANDOM = 0.25  # of the intervals of a Poisson process are within 0.7 to 1.4 times one interval
#: A train less regular than the first must have potentials that vary by less than the second.
LEAST_CERTAIN = (0.62, 0.15)
CORE = 2.5e-3  # s on either side of the discharge, in which they are compared
FIRING = ("n_discharges", "rate", "isi_cv", "regularity", "noise", "consistency")


@dataclass(frozen=True, eq=False)
class MotorUnit:
    """One motor unit of a recording: what its features are computed from.

    Attributes
    ----------
    template : ndarray of shape (n_times,)
        Averaged potential in mV, the discharge in the middle.
    sweeps : ndarray of shape (n_sweeps, n_times)
        Its single discharges in mV, without what is known of the other units; those with a whole
        sweep inside the recording.
    discharges : ndarray of shape (n_discharges,)
        Times of all its discharges in seconds.
    sfreq : float
        Sampling rate of template and sweeps in Hz.
    measures : dict of str to float
        The row of :func:`measure_muaps`.
    rates : ndarray of shape (n_units,)
        Firing rates of all measured units of the recording in Hz, this one among them.
    """

    template: NDArray[np.float64] = field(repr=False)
    sweeps: NDArray[np.float64] = field(repr=False)
    discharges: NDArray[np.float64] = field(repr=False)
    sfreq: float
    measures: dict[str, float]
    rates: NDArray[np.float64]


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
        Sampling rate in Hz, at least 1500 Hz.
    min_discharges : int, default=8
        Fewer make no train.

    Returns
    -------
    list of ndarray
        For each motor unit the times of its discharges in seconds, the largest unit first.
        Discharges that other potentials cover are missing.

    Raises
    ------
    ValueError
        As :func:`measure_muaps`.

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
    min_regularity: float = 0.5,
    return_templates: bool = False,
) -> pd.DataFrame | Muaps:
    """Measure the motor-unit action potentials of one recording.

    Each unit is averaged in the recording minus the potentials of the other units found, whose
    superpositions would otherwise be mistaken for baseline [1]_, [2]_. Left out are potentials that
    do not return to the baseline within the sweep, and trains that do not fire as a motor unit does
    in a steady contraction: machines fire too regularly, end-plate spikes and chance coincidences
    too irregularly. A train between, with less than 62 % usual intervals, is kept only if its
    single discharges resemble the average in size (their median deviation is at most 15 %): what
    is put together from several units of a full interference pattern is neither regular nor alike.

    Parameters
    ----------
    signal : array of shape (n_times,)
        One recording of a steady voluntary contraction in mV.
    sfreq : float
        Sampling rate in Hz, at least 1500 Hz.
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
        Lowest coefficient of variation of the usual intervals. Mains, pacemakers and stimulators
        stay below it; the motor units measured so far lie above 0.05.
    min_regularity : float, default=0.5
        Lowest share of intervals near the usual one. A unit of which superpositions hide every
        fourth discharge has about 0.75, spikes at random times have 0.25 (in a short train this
        must be exceeded beyond chance, too). Most trains of two units mixed lie below 0.5.
    return_templates : bool, default=False
        Whether to return the averages and discharges as well.

    Returns
    -------
    DataFrame or Muaps
        One row a MUAP, about the largest first: what :func:`measure_muap` measures,
        ``n_discharges``, ``rate`` in Hz and ``isi_cv`` from the usual intervals (missed discharges
        set aside), ``regularity`` (the share of usual intervals), ``noise`` in mV and
        ``consistency`` of the average. All columns are float64, with and without MUAPs.

    Raises
    ------
    ValueError
        If the rate is none, or below 1500 Hz, which shows no motor units; or if `signal` is not one
        recording, or has samples that are NaN, infinite or beyond 1e6 mV.

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
    units = find_units(
        signal,
        sfreq,
        min_discharges=min_discharges,
        max_rise_time=max_rise_time,
        min_amplitude=min_amplitude,
        min_consistency=min_consistency,
        rate_range=rate_range,
        min_isi_cv=min_isi_cv,
        min_regularity=min_regularity,
    )
    columns = [*measure_muap([0.0], sfreq), *FIRING]
    table = pd.DataFrame([unit.measures for unit in units], columns=columns, dtype=np.float64)
    if not return_templates:
        return table
    n_times = 2 * round(HALF_SWEEP * sfreq) + 1
    templates = np.array([unit.template for unit in units]).reshape(-1, n_times)
    return Muaps(table, templates, [unit.discharges for unit in units], sfreq)


def find_units(
    signal: ArrayLike,
    sfreq: float,
    *,
    min_discharges: int = 8,
    max_rise_time: float = 0.8e-3,
    min_amplitude: float = 0.05,
    min_consistency: float = 0.9,
    rate_range: tuple[float, float] = (4.0, 60.0),
    min_isi_cv: float = 0.02,
    min_regularity: float = 0.5,
) -> list[MotorUnit]:
    """Find the motor units of one recording, with their single discharges.

    Parameters
    ----------
    signal, sfreq, min_discharges, max_rise_time, min_amplitude, min_consistency, rate_range, \
min_isi_cv, min_regularity
        As in :func:`measure_muaps`, which makes a table of them.

    Returns
    -------
    list of MotorUnit
        About the largest first; empty if none was found.

    Raises
    ------
    ValueError
        As :func:`measure_muaps`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> wave = np.interp(np.arange(41), [0, 10, 14, 18, 40], [0, 0.1, -0.5, 0.1, 0])
    >>> signal = rng.normal(0, 0.002, size=100_000)
    >>> for start in np.arange(1000, 99_000, 2000) + rng.integers(-200, 200, size=49):
    ...     signal[start : start + 41] += wave
    >>> (unit,) = find_units(signal, 20_000)
    >>> unit.sweeps.shape, unit.rates.round()
    ((49, 1001), array([10.]))
    """
    signal, sfreq = _fine(signal, sfreq)
    found = []
    for train, sweeps in _one_by_one(signal, sfreq, min_discharges):
        usual, near = usual_interval(train)
        firing = {
            "n_discharges": len(train),
            "rate": sfreq / usual,
            "isi_cv": float(near.std() / usual),
            "regularity": len(near) / (len(train) - 1),
        }
        if not (
            rate_range[0] <= firing["rate"] <= rate_range[1]
            and firing["isi_cv"] >= min_isi_cv
            and _is_regular(len(near), len(train) - 1, min_regularity)
        ):
            continue
        alone = sweeps()
        template, noise, consistency = average_sweeps(alone)
        row = measure_muap(template, sfreq, noise=noise)
        row |= firing | {"noise": noise, "consistency": consistency}
        if (
            row["rise_time"] <= max_rise_time
            and row["amplitude"] >= min_amplitude
            and consistency >= min_consistency
            and row["onset"] > -HALF_SWEEP
            and row["end"] < HALF_SWEEP
            and (
                row["regularity"] >= LEAST_CERTAIN[0]
                or _varies(template, alone, sfreq) <= LEAST_CERTAIN[1]
            )
        ):
            found.append((template, alone, train / sfreq, row))
    rates = np.array([row["rate"] for *_, row in found])
    return [
        MotorUnit(template, sweeps, times, sfreq, row, rates)
        for template, sweeps, times, row in found
    ]


def _varies(template: NDArray[Any], sweeps: NDArray[Any], sfreq: float) -> float:
    """Median deviation of single discharges from the average in size, as a share of it."""
    middle, reach = len(template) // 2, round(CORE * sfreq)
    core = slice(middle - reach, middle + reach + 1)
    size = sweeps[:, core] @ template[core] / (template[core] @ template[core])
    return float(np.median(np.abs(size - 1)))


def _is_regular(n_usual: int, n_intervals: int, least: float) -> bool:
    """Whether enough intervals are usual, and more than of spikes at random times."""
    beyond_chance = binomtest(n_usual, n_intervals).proportion_ci(method="wilson").low > RANDOM
    return n_usual >= least * n_intervals and bool(beyond_chance)


def _one_by_one(
    signal: NDArray[Any], sfreq: float, min_discharges: int
) -> Iterator[tuple[NDArray[np.int64], Callable[[], NDArray[np.float64]]]]:
    """Yield the discharges of each unit, and what cuts them out without what others add."""
    margin = round(QUIET * sfreq)
    laid_down = []
    rest = signal.copy()
    for train in find_trains(signal, sfreq, min_discharges=min_discharges):
        sweeps = cut_sweeps(signal, sfreq, train / sfreq)
        if len(sweeps) < 2:
            continue
        template, noise, _ = average_sweeps(sweeps)
        # Its own extent only: the far flanks hold noise, or another spike of the same unit.
        middle = len(template) // 2
        onset, end = extent(template, max(BASELINE, 3 * noise), margin)
        onset, end = max(onset - margin, 0), min(end + margin, len(template) - 1)
        wave = template[onset : end + 1] * tukey(end + 1 - onset, 2 * margin / (end + 1 - onset))
        at = train[(train >= middle) & (train < len(signal) - middle)]
        # Flat, as ``ufunc.at`` reads beyond what it would have to broadcast (numpy 2.4).
        places = (at[:, None] + np.arange(onset - middle, end + 1 - middle)).ravel()
        waves = np.tile(wave, len(at))
        laid_down.append((train, places, waves))
        np.subtract.at(rest, places, waves)
    for train, places, waves in laid_down:

        def alone(train: Any = train, places: Any = places, waves: Any = waves) -> NDArray[Any]:
            own = rest.copy()
            np.add.at(own, places, waves)
            return cut_sweeps(own, sfreq, train / sfreq)

        yield train, alone


def _fine(signal: ArrayLike, sfreq: float) -> tuple[NDArray[np.float64], float]:
    """Interpolate a coarsely sampled recording, so that peaks and rises are measured right."""
    sfreq = check_rate(sfreq, least=LEAST_RATE)
    wave = check_signal(signal)
    factor = int(np.ceil(FINE_SFREQ / sfreq))
    if factor > 1 and len(wave):
        # About the median: an offset would ring at the ends and with each sample.
        wave = resample_poly(wave, factor, 1, padtype="median")
    return wave, sfreq * factor
