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

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from sknemg.muap._clusters import cluster, windows
from sknemg.muap._peeling import (
    HALF_WINDOW,
    Lengths,
    Templates,
    away_from_ends,
    centred,
    compare,
    faded,
    peaks_above,
    peel,
    spread,
)
from sknemg.muap._trains import (
    MOST_FOREIGN,
    SHORT,
    Indices,
    fire_as_one,
    foreign_fraction,
    locked,
    regularity,
    usual_interval,
)
from sknemg.muap.potential import middle_of

SHORTEST_SIGNAL = 0.1  # s; less has no train
BAND = (500.0, 4000.0)  # Hz: what fibres near the needle add, without the slow rest of others
COARSE_SFREQ = 10_000.0  # Hz that the band needs at least; finer signals are thinned to near it
MOST_CLUSTERED = 1200  # spikes; the distances between them take the square of it
ALIGN = 0.2e-3  # s by which a discharge is moved at last
JOINED = 0.5  # relative difference of two potentials that may be variants of one
N_SEARCHES = 3  # of the rest for units that the others covered
MOST_INTRUDERS = 0.25  # of the intervals of a train before the worst fitting are pruned
POORLY = 0.2  # of its energy that a discharge leaves behind


def sharp(signal: NDArray[Any], sfreq: float) -> NDArray[np.float64]:
    """Band-pass without delay, in which spikes are found and compared."""
    high = min(BAND[1], 0.45 * sfreq)
    sos = butter(2, (BAND[0], high), btype="bandpass", fs=sfreq, output="sos")
    return sosfiltfilt(sos, np.asarray(signal, dtype=np.float64))


def find_spikes(filtered: NDArray[Any], sfreq: float, *, threshold: float, floor: float) -> Indices:
    """Find where the magnitude peaks above `threshold` times the noise, and above `floor`."""
    return peaks_above(np.abs(filtered), sfreq, _height(filtered, threshold, floor))


def _height(filtered: NDArray[Any], threshold: float, floor: float) -> float:
    """Compute what a spike must exceed."""
    return max(threshold * float(np.median(np.abs(filtered))) / 0.6745, floor)


def _candidates(
    filtered: NDArray[Any],
    groups: list[Indices],
    trains: list[Indices],
    known: NDArray[np.float32],
    lengths: Lengths,
    cut: float,
) -> list[Indices]:
    """Keep groups that are new units, centred on their largest spike, one for groups of one unit.

    These are groups that are alike and fire as one unit would, and later spikes of a larger one.
    """
    found = [centred(filtered, group, lengths) for group in groups]
    found = [(group, wave) for group, wave in found if len(group) > 1]
    middle = slice(lengths.reach - lengths.half, lengths.reach + lengths.half + 1)
    kept, waves = list(trains), list(known)
    for group, wave in sorted(found, key=lambda pair: -np.abs(pair[1][middle]).max()):
        if kept:
            alike = compare(wave, np.array(waves))[0] < cut
            follows = locked(group, kept, lengths.sfreq)
            if any(
                fire_as_one(group, train, lengths.sfreq)
                if like
                else follow and len(group) < 2 * len(train)
                for train, like, follow in zip(kept, alike, follows, strict=True)
            ):
                continue
        kept.append(group)
        waves.append(wave)
    return kept[len(trains) :]


def _joined(trains: list[Indices], signal: NDArray[Any], lengths: Lengths) -> list[Indices]:
    """Join trains of like potentials that fire as one unit together, and not as well apart.

    A potential that varies (jitter, blocking) falls into several templates. They are compared in
    the whole signal: what its slow parts are made of varies least.
    """
    kept: list[Indices] = []
    waves: list[NDArray[Any]] = []
    for train in sorted(trains, key=len, reverse=True):
        train = train[(train >= lengths.reach) & (train < len(signal) - lengths.reach)]
        if len(train) < 2:
            continue
        wave = middle_of(windows(signal, spread(train), lengths.reach))
        wave = (wave - np.median(wave)) * faded(len(wave))
        least, later = compare(wave, np.array(waves).reshape(-1, len(wave)))
        for place in np.flatnonzero(least < JOINED):
            other = kept[place]
            moved = train + later[place]
            moved = away_from_ends(moved, signal, lengths.half + lengths.slack)
            both = np.sort(np.concatenate([other, moved]))
            both = both[np.append(True, both[1:] - both[:-1] >= lengths.shortest)]
            if foreign_fraction(both) < MOST_FOREIGN and regularity(both) > max(
                regularity(other), regularity(train)
            ):
                kept[place] = both
                break
        else:
            kept.append(train)
            waves.append(wave)
    return kept


def _pruned(train: Indices, filtered: NDArray[Any], rest: NDArray[Any], half: int) -> Indices:
    """Drop discharges that come sooner than the unit fires and fit it poorly."""
    usual, _ = usual_interval(train)
    soon = np.diff(train) < SHORT * usual
    if not soon.any():
        return train
    size = np.median((windows(filtered, train, half) ** 2).sum(axis=1))
    left = (windows(rest, train, half) ** 2).sum(axis=1) / size
    in_doubt = np.append(soon, False) | np.append(False, soon)
    return train[~(in_doubt & (left > max(POORLY, 3 * np.median(left))))]


def _without_satellites(trains: list[Indices], sfreq: float) -> list[Indices]:
    """Of trains that belong to one unit the largest spike, unless it was seen far less often."""
    kept: list[Indices] = []
    for train in trains:
        rivals = np.flatnonzero(locked(train, kept, sfreq))
        if not len(rivals):
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
    coarse, lengths = filtered[::step].astype(np.float32), Lengths.at(sfreq / step)
    height = _height(coarse, threshold, floor)
    least = max(3, min_discharges // 2)
    rest, level = coarse, np.full(len(coarse), height)
    trains: list[Indices] = []
    templates = Templates.of([], lengths)
    for _ in range(N_SEARCHES):
        spikes = lengths.spikes(rest, level)
        # Every k-th spike of a long recording would thin the trains: take its beginning instead.
        groups = cluster(rest, spikes[:MOST_CLUSTERED], lengths.half, cut, least)
        new = _candidates(rest, groups, trains, templates.wave, lengths, cut)
        if not new:
            break
        sweeps = [windows(rest, spread(group), lengths.reach) for group in new]
        templates = templates.and_also(Templates.of(sweeps, lengths))
        trains, rest, level = peel(coarse, templates, lengths, height)
        often = [k for k, train in enumerate(trains) if len(train) >= least]
        trains = [trains[k] for k in often]
        # Learned again, without what the other units laid over them.
        sweeps = [
            windows(rest, spread(train), lengths.reach) + templates.wave[k]
            for k, train in zip(often, trains, strict=True)
        ]
        templates = Templates.of(sweeps, lengths)
    trains, rest, _ = peel(coarse, templates, lengths, height)
    trains = _joined(trains, signal[::step].astype(np.float32), lengths)
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
    template = middle_of(windows(filtered, spread(train), half))
    near = windows(filtered, train, half + most)
    fit = np.stack([near[:, k : k + len(template)] @ template for k in range(2 * most + 1)])
    return train + fit.argmax(axis=0) - most
