"""Templates of motor units, and their discharges peeled off the signal."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft
from scipy.ndimage import maximum_filter1d
from scipy.signal import find_peaks
from scipy.signal.windows import tukey

from sknemg.muap._clusters import windows
from sknemg.muap._trains import Indices
from sknemg.muap.potential import middle_of

DEAD_TIME = 2e-3  # s between two detected spikes
SHORTEST_INTERVAL = 12e-3  # s between two discharges of one motor unit, short of a doublet
HALF_WINDOW = 1.5e-3  # s of spike compared on either side of its peak
SLACK = 2e-3  # s from the spike that was seen to the one that a template is centred on
REACH_OF_PEEL = 5e-3  # s on either side of a discharge that its template covers
LEAST_GAIN, MOST_GAIN = 0.75, 1.3  # of a template in the signal, to be taken for a discharge of it
LEAST_EXPLAINED = 0.5  # of the energy near a spike, by the template that is peeled off
LEFTOVER = 4.0  # times what the discharges of a unit differ by: less is no spike of another unit
MOST_AVERAGED = 60  # discharges in a template
RIVALS = 2  # templates that are tried at one spike in one round
N_PEELS = 3  # rounds, so that up to three potentials on top of each other come apart


def peaks_above(magnitude: NDArray[Any], sfreq: float, height: float | NDArray[Any]) -> Indices:
    """Find peaks at least a dead time apart, away from the ends."""
    peaks, _ = find_peaks(magnitude, height=height, distance=max(1, round(DEAD_TIME * sfreq)))
    # A spike is shifted to fit, and its window widened by the slack once more for the template.
    margin = round(HALF_WINDOW * sfreq) + 2 * round(SLACK * sfreq) + 1
    return peaks[(peaks >= margin) & (peaks < len(magnitude) - margin)]


class Lengths(NamedTuple):
    """Spans in samples of one signal."""

    sfreq: float
    half: int
    slack: int
    reach: int
    shortest: int

    @classmethod
    def at(cls, sfreq: float) -> Lengths:
        spans = (HALF_WINDOW, SLACK, REACH_OF_PEEL, SHORTEST_INTERVAL)
        return cls(sfreq, *(round(span * sfreq) for span in spans))

    def spikes(self, signal: NDArray[Any], height: float | NDArray[Any]) -> Indices:
        return peaks_above(np.abs(signal), self.sfreq, height)


@lru_cache(maxsize=8)
def faded(n: int) -> NDArray[np.float32]:
    """Window that fades the flanks of a potential out."""
    return tukey(n, 0.5).astype(np.float32)


def spread(train: Indices) -> Indices:
    """At most `MOST_AVERAGED` discharges, from all over the train."""
    return train[:: -(-len(train) // MOST_AVERAGED)]


class Templates(NamedTuple):
    """Potentials of several units in the band, and how they are found and peeled off."""

    wave: NDArray[np.float32]  # (n_units, 2 * reach + 1)
    slope: NDArray[np.float32]  # derivative of the waves, per sample
    shadow: NDArray[np.float32]  # what may be left of each where it was peeled off

    @classmethod
    def of(cls, each: list[NDArray[Any]], lengths: Lengths) -> Templates:
        """Average the sweeps of each unit."""
        n = 2 * lengths.reach + 1
        waves = np.zeros((len(each), n), dtype=np.float32)
        shadows = np.zeros_like(waves)
        for wave, shadow, sweeps in zip(waves, shadows, each, strict=True):
            usual = middle_of(sweeps)
            wave[:] = usual * faded(n)
            shadow[:] = middle_of(np.abs(sweeps - usual))
        shadows = LEFTOVER * maximum_filter1d(shadows, lengths.half, axis=1)
        slopes: NDArray[Any] = np.zeros_like(waves)
        slopes[:, 1:-1] = (waves[:, 2:] - waves[:, :-2]) / 2
        return cls(waves, slopes, shadows)

    def and_also(self, other: Templates) -> Templates:
        """Join with those of further units."""
        return Templates(
            np.concatenate([self.wave, other.wave]),
            np.concatenate([self.slope, other.slope]),
            np.concatenate([self.shadow, other.shadow]),
        )


def compare(one: NDArray[Any], others: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """How little averages are the potential of `one`, and by how much their centres are later."""
    n = len(one)
    reach = n // 2
    size = 2 * n
    product = irfft(rfft(others, size) * np.conj(rfft(one, size)), size)
    product = np.concatenate([product[:, -reach:], product[:, : reach + 1]], axis=1)
    best = product.argmax(axis=1)
    energy, energies = one @ one, (others**2).sum(axis=1)
    most = product[np.arange(len(others)), best]
    return (energy + energies - 2 * most) / np.maximum(energy, energies), reach - best


def centred(filtered: NDArray[Any], group: Indices, lengths: Lengths) -> tuple[Indices, Any]:
    """Move a group to the largest spike of its average; return it and the average.

    What is moved too near an end of the signal leaves the group.
    """
    reach = lengths.reach
    for _ in range(2):
        group = away_from_ends(group, filtered, reach)
        if len(group) < 2:
            return group, None
        wave = middle_of(windows(filtered, spread(group), reach)) * faded(2 * reach + 1)
        later = int(np.abs(wave).argmax()) - reach
        if not later:
            break
        group = group + later
    return away_from_ends(group, filtered, reach), wave


def away_from_ends(group: Indices, filtered: NDArray[Any], reach: int) -> Indices:
    """Leave out what is nearer to an end of the signal than `reach` samples."""
    return group[(group >= reach) & (group < len(filtered) - reach)]


def peel(
    filtered: NDArray[Any], templates: Templates, lengths: Lengths, height: float
) -> tuple[list[Indices], NDArray[np.float32], NDArray[np.float32]]:
    """Take the templates off the signal, spike by spike; return trains, rest, and its noise level.

    A template is taken for a discharge if its size fits and it explains enough of the signal
    around. Of all that would fit at a spike, that which explains most goes first.
    """
    rest, level = filtered.copy(), np.full(len(filtered), height, dtype=np.float32)
    trains: list[list[int]] = [[] for _ in templates.wave]
    if not trains:
        return [], rest, level
    bank = _bank(templates, lengths)
    far = 2 * (lengths.half + lengths.slack) + lengths.reach
    touched = np.empty(0, dtype=np.int64)
    for turn in range(N_PEELS):
        spikes = lengths.spikes(rest, level)
        if turn:  # elsewhere all is as it was, and nothing fitted
            after = np.minimum(touched.searchsorted(spikes), len(touched) - 1)
            before = np.maximum(after - 1, 0)
            near = np.minimum(abs(touched[after] - spikes), abs(touched[before] - spikes))
            spikes = spikes[near <= far]
        if not len(spikes):
            break
        taken, at = _fits(rest, spikes, templates, bank, lengths)
        time, unit = _choose(taken, at, trains, len(rest), lengths)
        if not len(time):
            break
        _subtract(rest, level, templates, time, unit, lengths)
        touched = np.sort(time)
    return [np.array(train, dtype=np.int64) for train in trains], rest, level


def _core(templates: Templates, lengths: Lengths) -> slice:
    return slice(lengths.reach - lengths.half, lengths.reach + lengths.half + 1)


def _bank(templates: Templates, lengths: Lengths) -> NDArray[np.float32]:
    """Middle of each template at each shift, one a column."""
    core = templates.wave[:, _core(templates, lengths)]
    n_shifts, width = 2 * lengths.slack + 1, core.shape[1]
    bank = np.zeros((len(core), n_shifts, width + n_shifts - 1), dtype=np.float32)
    for shift in range(n_shifts):
        bank[:, shift, shift : shift + width] = core
    return bank.reshape(-1, width + n_shifts - 1).T


def _fits(
    rest: NDArray[Any],
    spikes: Indices,
    templates: Templates,
    bank: NDArray[np.float32],
    lengths: Lengths,
) -> tuple[NDArray[Any], Indices]:
    """Energy that each template takes away at each spike, -inf where it does not fit, and where."""
    core = templates.wave[:, _core(templates, lengths)]
    n_units, width = core.shape
    energy = (core**2).sum(axis=1)
    waves = windows(rest, spikes, lengths.half + lengths.slack)
    product = (waves @ bank).reshape(len(spikes), n_units, -1)
    shift = product.argmax(axis=2)
    product = np.take_along_axis(product, shift[..., None], axis=2)[..., 0]
    cumulated = np.zeros((len(spikes), waves.shape[1] + 1), dtype=np.float64)
    np.cumsum(waves**2, axis=1, out=cumulated[:, 1:])
    around = np.take_along_axis(cumulated[:, width:] - cumulated[:, :-width], shift, axis=1)
    taken = 2 * product - energy
    gain = product / energy
    taken[(gain < LEAST_GAIN) | (gain > MOST_GAIN) | (taken < LEAST_EXPLAINED * around)] = -np.inf
    return taken, spikes[:, None] + shift - lengths.slack


def _choose(
    taken: NDArray[Any], at: Indices, trains: list[list[int]], n_times: int, lengths: Lengths
) -> tuple[Indices, Indices]:
    """Choose what explains most, and all that it does not touch; enter it in the trains."""
    # What fits worse than its rivals is left to the next round.
    rivals = np.partition(taken, -RIVALS, axis=1)[:, -RIVALS, None] if len(trains) > RIVALS else -1
    spike, unit = np.nonzero(np.isfinite(taken) & (taken >= rivals))
    order = np.argsort(-taken[spike, unit], kind="stable")
    times, units = at[spike, unit][order], unit[order]
    inside = (times >= lengths.reach) & (times < n_times - lengths.reach)
    times, units = times[inside].tolist(), units[inside].tolist()
    touched = bytearray(n_times)
    half, shortest = lengths.half, lengths.shortest
    mark = b"\1" * (2 * half + 1)
    chosen = []
    for time, unit_ in zip(times, units, strict=True):
        if touched.find(1, time - half, time + half + 1) >= 0:
            continue
        own = trains[unit_]
        place = bisect_left(own, time)
        if (place and time - own[place - 1] < shortest) or (
            place < len(own) and own[place] - time < shortest
        ):
            continue
        touched[time - half : time + half + 1] = mark
        own.insert(place, time)
        chosen.append((time, unit_))
    found = np.array(chosen, dtype=np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _subtract(
    rest: NDArray[Any],
    level: NDArray[Any],
    templates: Templates,
    time: Indices,
    unit: Indices,
    lengths: Lengths,
) -> None:
    """Take discharges off, each early or late by a fraction of a sample."""
    core = _core(templates, lengths)
    slope = templates.slope[unit]
    off = windows(rest, time, lengths.half) - templates.wave[unit, core]
    steep = slope[:, core]
    delay = -(off * steep).sum(axis=1) / (steep**2).sum(axis=1)
    delay = np.clip(delay, -0.75, 0.75)[:, None]
    places = time[:, None] + np.arange(-lengths.reach, lengths.reach + 1)
    np.subtract.at(rest, places, templates.wave[unit] - delay * slope)
    np.maximum.at(level, places, templates.shadow[unit])
