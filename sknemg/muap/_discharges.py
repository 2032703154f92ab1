"""Motor-unit discharge trains in one recording: spikes, clusters, templates, peeling.

What :mod:`sknemg.muap` averages. The way is that of automatic decomposition for clinical use [1]_:
band-pass, pick spikes, cluster their aligned waveforms into templates, and peel the templates off
the signal, the one that explains most first, so that superimposed potentials come apart. What is
left is searched for further units, all is peeled once more with every template known, and trains
are taken apart from satellites of other trains.

References
----------
.. [1] K. C. McGill, K. L. Cummins, L. J. Dorfman, "Automatic decomposition of the clinical
   electromyogram", IEEE Trans Biomed Eng 32:470-477, 1985.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import ClusterNode, linkage, to_tree
from scipy.ndimage import maximum_filter1d
from scipy.signal import butter, find_peaks, sosfiltfilt
from scipy.signal.windows import tukey
from scipy.spatial.distance import squareform

Indices = NDArray[np.int64]

SHORTEST_SIGNAL = 0.1  # s; less has no train
BAND = (500.0, 4000.0)  # Hz: what fibres near the needle add, without the slow rest of others
DEAD_TIME = 2e-3  # s between two detected spikes
SHORTEST_INTERVAL = 12e-3  # s between two discharges of one motor unit, short of a doublet
HALF_WINDOW = 1.5e-3  # s of spike compared on either side of its peak
SLACK = 2e-3  # s from the spike that was seen to the one that a template is centred on
COARSE_SFREQ = 10_000.0  # Hz that the band needs at least; finer signals are thinned to near it
REACH_OF_PEEL = 5e-3  # s on either side of a discharge that its template covers
MOST_CLUSTERED = 1200  # spikes; the distances between them take the square of it
LEAST_GAIN, MOST_GAIN = 0.75, 1.3  # of a template in the signal, to be taken for a discharge of it
LEAST_EXPLAINED = 0.5  # of the energy near a spike, by the template that is peeled off
ALIGN = 0.2e-3  # s by which a discharge is moved at last
JOINED = 0.5  # relative difference of two potentials that may be variants of one
LEFTOVER = 4.0  # times what the discharges of a unit differ by: less is no spike of another unit
N_SEARCHES = 3  # of the rest for units that the others covered
MOST_AVERAGED = 60  # discharges in a template
RIVALS = 2  # templates that are tried at one spike in one round
N_PEELS = 3  # rounds, so that up to three potentials on top of each other come apart
FINEST_CUT = 0.1  # relative difference below which a cluster is not cut further
SHORT = 0.6  # of the usual interval: a unit that is steadily contracted does not fire sooner
MOST_FOREIGN = 0.15  # of the intervals of a group of spikes that is taken for one motor unit
MOST_INTRUDERS = 0.25  # of those of a train before the worst fitting are pruned
POORLY = 0.2  # of its energy that a discharge leaves behind
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
    return peaks_above(magnitude, sfreq, max(threshold * np.median(magnitude) / 0.6745, floor))


def peaks_above(magnitude: NDArray[Any], sfreq: float, height: float | NDArray[Any]) -> Indices:
    """Find peaks at least a dead time apart, away from the ends."""
    peaks, _ = find_peaks(magnitude, height=height, distance=max(1, round(DEAD_TIME * sfreq)))
    # A spike is shifted to fit, and its window widened by the slack once more for the template.
    margin = round(HALF_WINDOW * sfreq) + 2 * round(SLACK * sfreq) + 1
    return peaks[(peaks >= margin) & (peaks < len(magnitude) - margin)]


def _windows(filtered: NDArray[Any], at: Indices, half: int) -> NDArray[Any]:
    return filtered[at[:, None] + np.arange(-half, half + 1)]


def _difference(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Energy of the difference over the larger of the two energies, every row with every row."""
    energy_a, energy_b = (a**2).sum(axis=1)[:, None], (b**2).sum(axis=1)[None]
    return np.maximum(energy_a + energy_b - 2 * a @ b.T, 0) / np.maximum(energy_a, energy_b)


def _cluster(
    filtered: NDArray[Any], spikes: Indices, half: int, cut: float, least: int
) -> list[Indices]:
    """Spikes of like shape and size, by average linkage; cut finer where two units are in one."""
    if len(spikes) < max(2, least):
        return []
    waves = _windows(filtered, spikes, half)
    distance = _difference(waves, waves)
    for shift in (-1, 1):
        np.minimum(
            distance, _difference(waves, _windows(filtered, spikes + shift, half)), out=distance
        )
    condensed = squareform(np.minimum(distance, distance.T), checks=False)
    return _branches(to_tree(linkage(condensed, "average")), spikes, cut, least)


def _branches(node: ClusterNode, spikes: Indices, cut: float, least: int) -> list[Indices]:
    """Branches of a tree below a cut, and where one fires as two units would, below half of it."""
    groups: list[Indices] = []
    pending = [node]
    while pending:
        branch = pending.pop()
        if branch.get_count() < least:
            continue
        if branch.dist > cut:
            pending += [branch.get_right(), branch.get_left()]
            continue
        group = np.sort(spikes[branch.pre_order()])
        finer: list[Indices] = []
        if foreign_fraction(group) > MOST_FOREIGN and cut > FINEST_CUT:
            finer = _branches(branch, spikes, cut / 2, least)
        groups += finer or [group]
    return groups


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
    return float((np.diff(train) < SHORT * usual).mean()) if len(train) > 1 else 0.0


class _Lengths(NamedTuple):
    """Spans in samples of one signal."""

    sfreq: float
    half: int
    slack: int
    reach: int
    shortest: int

    @classmethod
    def at(cls, sfreq: float) -> _Lengths:
        spans = (HALF_WINDOW, SLACK, REACH_OF_PEEL, SHORTEST_INTERVAL)
        return cls(sfreq, *(round(span * sfreq) for span in spans))

    def spikes(self, signal: NDArray[Any], height: float | NDArray[Any]) -> Indices:
        return peaks_above(np.abs(signal), self.sfreq, height)


@lru_cache(maxsize=8)
def _faded(n: int) -> NDArray[Any]:
    """Window that fades the flanks of a potential out."""
    return tukey(n, 0.5)


@dataclass(frozen=True, eq=False)
class _Template:
    """Potential of one unit in the band, and how it is found and peeled off."""

    wave: NDArray[np.float64]  # (2 * reach + 1,)
    core: NDArray[np.float64]  # (2 * half + 1,), the middle of it
    slope: NDArray[np.float64]  # derivative of the wave, per sample
    shadow: NDArray[np.float64]  # what may be left of it where it was peeled off

    @classmethod
    def of(cls, sweeps: NDArray[Any], lengths: _Lengths) -> _Template:
        usual = np.median(sweeps, axis=0)
        middle = len(usual) // 2
        # Beyond its own end a median holds the noise of few sweeps only: fade it out.
        wave = usual * _faded(len(usual))
        core = wave[middle - lengths.half : middle + lengths.half + 1]
        spread = np.median(np.abs(sweeps - usual), axis=0)
        shadow = LEFTOVER * maximum_filter1d(spread, lengths.half)
        return cls(wave, core, np.gradient(wave), shadow)


def _compare(one: NDArray[Any], other: NDArray[Any]) -> tuple[float, int]:
    """How little two averages are one potential, and by how much the centre of `other` is later."""
    n = len(one)
    energies = one @ one, other @ other
    product = np.correlate(other, one, "full")[n // 2 : n // 2 + n]
    best = int(product.argmax())
    return float((sum(energies) - 2 * product[best]) / max(energies)), n // 2 - best


def _templates(
    filtered: NDArray[Any],
    groups: list[Indices],
    known: list[tuple[Indices, _Template]],
    lengths: _Lengths,
    cut: float,
) -> list[_Template]:
    """Templates of groups, centred on their largest spike, one for groups of one unit.

    These are groups that are alike and fire as one unit would, and later spikes of a larger one.
    """
    kept = list(known)
    found = [_centred(filtered, group, lengths) for group in groups]
    found = [(group, template) for group, template in found if len(group) > 1]
    for group, template in sorted(found, key=lambda pair: -np.abs(pair[1].core).max()):
        if not any(
            _is_one(group, train, lengths.sfreq)
            if _compare(template.wave, other.wave)[0] < cut
            else len(group) < 2 * len(train) and _locked(group, train, lengths.sfreq)
            for train, other in kept
        ):
            kept.append((group, template))
    return [template for _, template in kept]


def _centred(
    filtered: NDArray[Any], group: Indices, lengths: _Lengths
) -> tuple[Indices, _Template]:
    """Move a group to the largest spike of its average; return it and its template."""
    reach = lengths.reach
    for _ in range(2):
        group = group[(group >= reach) & (group < len(filtered) - reach)]
        if len(group) < 2:
            return group, _Template.of(np.zeros((1, 2 * reach + 1)), lengths)
        template = _Template.of(_windows(filtered, _spread(group), reach), lengths)
        group = group + int(np.abs(template.wave).argmax()) - reach
    return group, template


def _is_one(one: Indices, other: Indices, sfreq: float) -> bool:
    """Whether two groups of like spikes fire as one unit would."""
    both = np.sort(np.concatenate([one, other]))
    return (
        foreign_fraction(both[np.append(True, np.diff(both) > LAG_SPREAD * sfreq)]) < MOST_FOREIGN
    )


def _spread(train: Indices) -> Indices:
    """At most `MOST_AVERAGED` discharges, from all over the train."""
    return train[:: max(1, len(train) // MOST_AVERAGED)]


def _peel(
    filtered: NDArray[Any],
    templates: list[_Template],
    lengths: _Lengths,
    height: float,
) -> tuple[list[Indices], NDArray[np.float64], NDArray[np.float64]]:
    """Take the templates off the signal, spike by spike; return trains, rest, and its noise level.

    A template is taken for a discharge if its size fits and it explains enough of the signal
    around. Of all that would fit at a spike, that which explains most goes first.
    """
    rest, level = filtered.copy(), np.full(len(filtered), height)
    trains: list[list[int]] = [[] for _ in templates]
    if not templates:
        return [], rest, level
    for _ in range(N_PEELS):
        spikes = lengths.spikes(rest, level)
        if not len(spikes):
            break
        taken, at = _fits(rest, spikes, templates, lengths)
        if not _take_off(rest, level, templates, trains, taken, at, lengths):
            break
    return [np.array(train, dtype=np.int64) for train in trains], rest, level


def _fits(
    rest: NDArray[Any], spikes: Indices, templates: list[_Template], lengths: _Lengths
) -> tuple[NDArray[np.float64], Indices]:
    """Energy that each template takes away at each spike, -inf where it does not fit, and where."""
    half, slack = lengths.half, lengths.slack
    n_shifts, width = 2 * slack + 1, 2 * half + 1
    waves = _windows(rest, spikes, half + slack)
    cumulated = np.cumsum(np.pad(waves**2, ((0, 0), (1, 0))), axis=1)
    around = cumulated[:, width:] - cumulated[:, :-width]  # (n_spikes, n_shifts)
    taken = np.full((len(spikes), len(templates)), -np.inf)
    at = np.zeros(taken.shape, dtype=np.int64)
    rows = np.arange(len(spikes))
    for k, template in enumerate(templates):
        bank = np.zeros((n_shifts, waves.shape[1]))
        for shift in range(n_shifts):
            bank[shift, shift : shift + width] = template.core
        product = waves @ bank.T
        energy = template.core @ template.core
        less = 2 * product - energy
        gain = product / energy
        less[(gain < LEAST_GAIN) | (gain > MOST_GAIN) | (less < LEAST_EXPLAINED * around)] = -np.inf
        best = less.argmax(axis=1)
        taken[:, k], at[:, k] = less[rows, best], spikes + best - slack
    return taken, at


def _take_off(
    rest: NDArray[Any],
    level: NDArray[Any],
    templates: list[_Template],
    trains: list[list[int]],
    taken: NDArray[Any],
    at: Indices,
    lengths: _Lengths,
) -> int:
    """Subtract what explains most, and all that it does not touch; return how many."""
    rivals = np.sort(taken, axis=1)[:, -RIVALS:][:, :1]  # what fits worse is left to the next round
    spike, unit = np.nonzero(np.isfinite(taken) & (taken >= rivals))
    order = np.argsort(-taken[spike, unit], kind="stable")
    touched = bytearray(len(rest))  # searched a hundred thousand times: faster than an array
    n_taken = 0
    for spike_, unit_ in zip(spike[order].tolist(), unit[order].tolist(), strict=True):
        time = int(at[spike_, unit_])
        near = slice(time - lengths.half, time + lengths.half + 1)
        if time < lengths.reach or time >= len(rest) - lengths.reach:
            continue
        if touched.find(1, near.start, near.stop) >= 0:
            continue
        own = trains[unit_]
        place = bisect_left(own, time)
        if (place and time - own[place - 1] < lengths.shortest) or (
            place < len(own) and own[place] - time < lengths.shortest
        ):
            continue
        template = templates[unit_]
        middle = slice(lengths.reach - lengths.half, lengths.reach + lengths.half + 1)
        slope = template.slope[middle]
        # The fraction of a sample by which the discharge is early or late, to first order.
        delay = -(rest[near] - template.core) @ slope / (slope @ slope)
        delay = min(max(delay, -0.75), 0.75)
        around = slice(time - lengths.reach, time + lengths.reach + 1)
        rest[around] -= template.wave - delay * template.slope
        np.maximum(level[around], template.shadow, out=level[around])
        touched[near] = b"\1" * (near.stop - near.start)
        own.insert(place, time)
        n_taken += 1
    return n_taken


def _relearned(
    templates: list[_Template],
    trains: list[Indices],
    rest: NDArray[Any],
    lengths: _Lengths,
    least: int,
) -> list[tuple[Indices, _Template]]:
    """Trains found, and their templates without what the other units laid over them."""
    known = []
    for template, train in zip(templates, trains, strict=True):
        if len(train) >= least:
            sweeps = _windows(rest, _spread(train), lengths.reach) + template.wave
            known.append((train, _Template.of(sweeps, lengths)))
    return known


def _joined(trains: list[Indices], signal: NDArray[Any], lengths: _Lengths) -> list[Indices]:
    """Join trains of like potentials that fire as one unit together, and not as well apart.

    A potential that varies (jitter, blocking) falls into several templates. They are compared in
    the whole signal: what its slow parts are made of varies least.
    """
    kept: list[tuple[Indices, NDArray[Any]]] = []
    for train in sorted(trains, key=len, reverse=True):
        train = train[(train >= lengths.reach) & (train < len(signal) - lengths.reach)]
        if len(train) < 2:
            continue
        wave = np.median(_windows(signal, _spread(train), lengths.reach), axis=0)
        wave = (wave - np.median(wave)) * _faded(len(wave))
        for place, (other, known) in enumerate(kept):
            least, later = _compare(known, wave)
            both = np.sort(np.concatenate([other, train - later]))
            both = both[np.append(True, np.diff(both) >= lengths.shortest)]
            if (
                least < JOINED
                and foreign_fraction(both) < MOST_FOREIGN
                and regularity(both) > max(regularity(other), regularity(train))
            ):
                kept[place] = both, known
                break
        else:
            kept.append((train, wave))
    return [train for train, _ in kept]


def _pruned(train: Indices, filtered: NDArray[Any], rest: NDArray[Any], half: int) -> Indices:
    """Drop discharges that come sooner than the unit fires and fit it poorly."""
    usual, _ = usual_interval(train)
    if not foreign_fraction(train):
        return train
    size = np.median((_windows(filtered, train, half) ** 2).sum(axis=1))
    left = (_windows(rest, train, half) ** 2).sum(axis=1) / size
    soon = np.diff(train) < SHORT * usual
    in_doubt = np.append(soon, False) | np.append(False, soon)
    return train[~(in_doubt & (left > max(POORLY, 3 * np.median(left))))]


def regularity(train: Indices) -> float:
    """Share of intervals near the usual one."""
    return len(usual_interval(train)[1]) / (len(train) - 1) if len(train) > 1 else 0.0


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
    step = max(1, int(sfreq // COARSE_SFREQ))
    coarse, lengths = np.ascontiguousarray(filtered[::step]), _Lengths.at(sfreq / step)
    height = max(threshold * np.median(np.abs(coarse)) / 0.6745, floor)
    least = max(3, min_discharges // 2)
    rest, level = coarse, np.full(len(coarse), height)
    known: list[tuple[Indices, _Template]] = []
    for _ in range(N_SEARCHES):
        spikes = lengths.spikes(rest, level)
        # Every k-th spike of a long recording would thin the trains: take its beginning instead.
        groups = _cluster(rest, spikes[:MOST_CLUSTERED], lengths.half, cut, least)
        templates = _templates(rest, groups, known, lengths, cut)
        if len(templates) == len(known):
            break
        trains, rest, level = _peel(coarse, templates, lengths, height)
        known = _relearned(templates, trains, rest, lengths, least)
    trains, rest, _ = _peel(coarse, [template for _, template in known], lengths, height)
    trains = _joined(trains, signal[::step], lengths)
    trains = [
        _pruned(train, coarse, rest, lengths.half)
        for train in trains
        if foreign_fraction(train) < MOST_INTRUDERS
    ]
    trains = [train for train in trains if len(train) >= min_discharges]
    trains.sort(key=lambda train: -np.median(np.abs(coarse[train])))
    trains = _without_satellites(trains, lengths.sfreq)
    return [_aligned(filtered, train * step, sfreq) for train in trains]


def _aligned(filtered: NDArray[Any], train: Indices, sfreq: float) -> Indices:
    """Move each discharge to where it fits the median of all best, by at most `ALIGN`."""
    half, most = round(HALF_WINDOW * sfreq), round(ALIGN * sfreq)
    template = np.median(_windows(filtered, _spread(train), half), axis=0)
    shifts = np.arange(-most, most + 1)
    fit = np.stack([_windows(filtered, train + shift, half) @ template for shift in shifts])
    return train + shifts[fit.argmax(axis=0)]
