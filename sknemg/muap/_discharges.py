"""Motor-unit discharge trains in one recording: spikes, clusters, templates.

What :mod:`sknemg.muap` averages. The way is that of automatic decomposition for clinical use [1]_:
band-pass, pick spikes, cluster their aligned waveforms, match every spike to the templates, and
take trains apart from satellites of other trains. Superimposed potentials are left unresolved:
an average needs some clean discharges of each unit, not all of them.

References
----------
.. [1] K. C. McGill, K. L. Cummins, L. J. Dorfman, "Automatic decomposition of the clinical
   electromyogram", IEEE Trans Biomed Eng 32:470-477, 1985.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.signal import butter, find_peaks, sosfiltfilt
from scipy.spatial.distance import squareform

Indices = NDArray[np.int64]

SHORTEST_SIGNAL = 0.1  # s; less has no train
BAND = (500.0, 4000.0)  # Hz: what fibres near the needle add, without the slow rest of others
DEAD_TIME = 2e-3  # s between two detected spikes
SHORTEST_INTERVAL = 12e-3  # s between two discharges of one motor unit, short of a doublet
HALF_WINDOW = 1.5e-3  # s of spike compared on either side of its peak
SLACK = 0.8e-3  # s by which spikes are shifted to fit a template
MOST_CLUSTERED = 2500  # spikes; the distances between them take the square of it
FINEST_CUT = 0.1  # relative difference below which a cluster is not cut further
MOST_FOREIGN = 0.15  # of the intervals of a train that is taken for one motor unit
REACH = 0.02  # s around a discharge in which the same unit may show a second spike
LAG_SPREAD = 1e-3  # s over which the lag of such a satellite is spread by jitter


def sharp(signal: NDArray[Any], sfreq: float) -> NDArray[np.float64]:
    """Band-pass without delay, in which spikes are found and compared."""
    high = min(BAND[1], 0.45 * sfreq)
    sos = butter(2, (BAND[0], high), btype="bandpass", fs=sfreq, output="sos")
    return sosfiltfilt(sos, np.asarray(signal, dtype=np.float64))


def find_spikes(filtered: NDArray[Any], sfreq: float, *, threshold: float, floor: float) -> Indices:
    """Find where the magnitude peaks above `threshold` times the noise, and above `floor`."""
    magnitude = np.abs(filtered)
    noise = np.median(magnitude) / 0.6745
    height = max(threshold * noise, floor)
    peaks, _ = find_peaks(magnitude, height=height, distance=max(1, round(DEAD_TIME * sfreq)))
    # A spike is shifted to fit, and its window widened by the slack once more for the template.
    margin = round(HALF_WINDOW * sfreq) + 2 * round(SLACK * sfreq) + 1
    return peaks[(peaks >= margin) & (peaks < len(filtered) - margin)]


def _windows(filtered: NDArray[Any], at: Indices, half: int) -> NDArray[Any]:
    return filtered[at[:, None] + np.arange(-half, half + 1)]


def _difference(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Energy of the difference over the larger of the two energies, every row with every row."""
    energy_a, energy_b = (a**2).sum(axis=1)[:, None], (b**2).sum(axis=1)[None]
    return np.maximum(energy_a + energy_b - 2 * a @ b.T, 0) / np.maximum(energy_a, energy_b)


def _cluster(filtered: NDArray[Any], spikes: Indices, half: int, cut: float) -> list[Indices]:
    """Spikes of like shape and size, by average linkage."""
    if len(spikes) < 2:
        return []
    waves = _windows(filtered, spikes, half)
    distance = np.min(
        [_difference(waves, _windows(filtered, spikes + shift, half)) for shift in (-1, 0, 1)],
        axis=0,
    )
    condensed = squareform(np.minimum(distance, distance.T), checks=False)
    label = fcluster(linkage(condensed, "average"), cut, criterion="distance")
    return [spikes[label == k] for k in np.unique(label)]


def _match(
    filtered: NDArray[Any], spikes: Indices, templates: NDArray[Any], half: int, slack: int
) -> tuple[Indices, NDArray[Any], Indices]:
    """Best template of every spike, the difference from it, and the shift that fits best."""
    shifts = np.arange(-slack, slack + 1)
    difference = np.stack(
        [_difference(_windows(filtered, spikes + shift, half), templates) for shift in shifts]
    )  # (n_shifts, n_spikes, n_templates)
    best_shift = difference.argmin(axis=0)
    difference = difference.min(axis=0)
    best = difference.argmin(axis=1)
    rows = np.arange(len(spikes))
    return best, difference[rows, best], shifts[best_shift[rows, best]]


def usual_interval(train: Indices) -> tuple[float, NDArray[Any]]:
    """Return the interval that most intervals are near to, and those intervals.

    Missed discharges leave multiples of it, foreign ones leave fractions; both stay out.
    """
    intervals = np.sort(np.diff(train)).astype(float)
    if not len(intervals):
        return np.nan, intervals
    low = np.searchsorted(intervals, 0.7 * intervals, side="left")
    high = np.searchsorted(intervals, 1.4 * intervals, side="right")
    k = (high - low).argmax()
    near = intervals[low[k] : high[k]]
    return float(near.mean()), near


def foreign_fraction(train: Indices) -> float:
    """Fraction of intervals too short for a unit that fires at the usual one."""
    usual, _ = usual_interval(train)
    return float((np.diff(train) < 0.6 * usual).mean()) if len(train) > 1 else 0.0


def _split(
    filtered: NDArray[Any], spikes: Indices, half: int, cut: float, least: int
) -> list[Indices]:
    """Clusters of at least `least` spikes, cut finer where one holds more than one unit."""
    groups: list[Indices] = []
    for group in _cluster(filtered, spikes, half, cut):
        if len(group) < least:
            continue
        finer: list[Indices] = []
        if foreign_fraction(group) > MOST_FOREIGN and cut > FINEST_CUT:
            finer = _split(filtered, group, half, cut / 2, least)
        groups += finer or [group]
    return groups


def _templates(
    filtered: NDArray[Any], groups: list[Indices], half: int, slack: int, cut: float
) -> NDArray[Any]:
    """Templates of the groups, one for groups that are alike and fire as one unit would."""
    kept: list[tuple[Indices, NDArray[Any]]] = []
    for group in sorted(groups, key=len, reverse=True):
        wave = np.median(_windows(filtered, group, half + slack), axis=0)
        views = np.lib.stride_tricks.sliding_window_view(wave, 2 * half + 1)
        if not any(
            _difference(views, other[None]).min() < cut
            and foreign_fraction(np.sort(np.concatenate([group, train]))) < MOST_FOREIGN
            for train, other in kept
        ):
            kept.append((group, wave[slack:-slack]))
    return np.array([wave for _, wave in kept])


def _thin(times: Indices, difference: NDArray[Any], shortest: int) -> Indices:
    """Of two discharges nearer than a unit can fire, the one that fits better."""
    kept: list[int] = []
    for k in range(len(times)):
        if kept and times[k] - times[kept[-1]] < shortest:
            if difference[k] < difference[kept[-1]]:
                kept[-1] = k
            continue
        kept.append(k)
    return times[kept]


def _matched(
    filtered: NDArray[Any],
    spikes: Indices,
    groups: list[Indices],
    half: int,
    slack: int,
    cut: float,
    sfreq: float,
) -> list[Indices]:
    """Trains of all spikes that fit the templates of the groups."""
    if not groups:
        return []
    templates = _templates(filtered, groups, half, slack, cut)
    best, difference, shift = _match(filtered, spikes, templates, half, slack)
    shortest = round(SHORTEST_INTERVAL * sfreq)
    trains = []
    for k in range(len(templates)):
        mine = np.flatnonzero((best == k) & (difference < cut))
        at = spikes[mine] + shift[mine]
        order = np.argsort(at)
        trains.append(_thin(at[order], difference[mine][order], shortest))
    return trains


def _locked(one: Indices, other: Indices, sfreq: float) -> bool:
    """Whether two trains keep one fixed lag as two spikes of the same unit do."""
    position = np.searchsorted(other, one)
    before = one - other[np.maximum(position - 1, 0)]
    after = one - other[np.minimum(position, len(other) - 1)]
    lags = np.concatenate([before, after])
    lags = np.sort(lags[np.abs(lags) <= REACH * sfreq])
    ends = np.searchsorted(lags, lags + LAG_SPREAD * sfreq, side="right")
    most = (ends - np.arange(len(lags))).max(initial=0)
    return bool(most >= max(0.4 * min(len(one), len(other)), 4))


def _without_satellites(trains: list[Indices], sfreq: float) -> list[Indices]:
    """Of trains that belong to one unit the largest spike, unless it was seen far less often."""
    kept: list[Indices] = []
    for train in trains:
        rivals = [k for k, leader in enumerate(kept) if _locked(train, leader, sfreq)]
        if not rivals:
            kept.append(train)
        elif all(len(kept[k]) < len(train) / 2 for k in rivals):
            kept = [leader for k, leader in enumerate(kept) if k not in rivals] + [train]
    return kept


def find_trains(
    signal: NDArray[Any],
    sfreq: float,
    *,
    min_discharges: int = 8,
    threshold: float = 5.0,
    floor: float = 0.01,
    cut: float = 0.35,
) -> list[Indices]:
    """Find the samples at which each motor unit discharged, the largest unit first."""
    if len(signal) < SHORTEST_SIGNAL * sfreq:
        return []
    filtered = sharp(signal, sfreq)
    half, slack = round(HALF_WINDOW * sfreq), round(SLACK * sfreq)
    spikes = find_spikes(filtered, sfreq, threshold=threshold, floor=floor)
    # Every k-th spike of a long recording would thin the trains: take its beginning instead.
    groups = _split(filtered, spikes[:MOST_CLUSTERED], half, cut, max(3, min_discharges // 2))
    for _ in range(2):
        groups = _matched(filtered, spikes, groups, half, slack, cut, sfreq)
        groups = [train for train in groups if len(train) >= min_discharges]
    trains = [train for train in groups if foreign_fraction(train) < MOST_FOREIGN]
    trains.sort(key=lambda train: -np.median(np.abs(filtered[train])))
    return _without_satellites(trains, sfreq)
