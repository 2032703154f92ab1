"""Where a recording holds rest, where a contraction, and where an artefact."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.signal import (
    LEAST_RATE,
    MAINS,
    ZeroPhaseFilter,
    check_rate,
    run_edges,
)
from sknemg.signal.level import check_signal
from sknemg.signal.rates import is_number

#: What a stretch of a recording may be.
ACTIVITIES = ("rest", "contraction", "artefact")
REST, CONTRACTION, ARTEFACT = range(3)

FRAME = 0.05  # s; activity is judged frame by frame
SLOW, BODY, SHARP = 80.0, 100.0, 500.0  # Hz: movement below, potentials above, spikes of near units
HIGHEST = 4000.0  # Hz
ABOVE_NOISE = 4.0  # times the noise, for a frame with a spike in it
PEAK_ABOVE_NOISE = 7.0  # times the noise, for a sample of a spike; Gaussian noise stays below
COARSE = 2000.0  # Hz that the search for hum needs
LINE_WINDOW, MAINS_WINDOW = 0.5, 2.0  # s in which hum and its frequency are looked for
HARMONICS = 8
DEVIATION, FINENESS = 0.5, 0.005  # Hz around them in which the lines are looked for, and steps
LINE = 0.9  # of the power on multiples of the mains frequency: hum
HEARD = 0.5  # of the power: hum that is worth removing
REMAINS = 0.02  # of hum that sways, where it was removed
MOST_PHASES = 200  # points of a period of hum
SWINGS = 5.0  # times what lies above: so much below 80 Hz is movement
LEAST_GROUPS, CROWDED = 4, 0.6  # of frames with spikes, in a contraction; or their share
MARGIN = 2  # frames around an artefact that belong to it
SHORT_REST = 4  # frames; a shorter rest joins what is around it
LEAST_SIGNAL = 0.2  # s; less is not judged
BLOCK, AROUND_BLOCK = 300, 20  # frames that are filtered at once, and those around them


class _Levels(NamedTuple):
    """What is known of each frame: arrays of shape (n_frames,)."""

    slow: NDArray[np.float64]
    body: NDArray[np.float64]
    sharp: NDArray[np.float64]
    peak: NDArray[np.float64]  # of the sharp band
    hum: NDArray[np.bool_]  # little but hum
    left: NDArray[np.bool_]  # no more than removed hum leaves
    removed: NDArray[np.float64]  # RMS of the hum


class ActivityGate:
    """Find the stretches of rest, contraction and artefact in a recording.

    A recording is looked at in frames of 50 ms, without the mains hum that is found in it. A
    **contraction** is a run of frames with potentials in them, 100 Hz and above, no further than
    `gap` apart, as a unit that fires 5 times a second leaves them, in four or more groups or one
    after the other. An **artefact** is what else stands out: hum without potentials beneath,
    swings below 80 Hz as the needle moves, single jumps and pulses. The remainder is **rest**.

    Hum is what recurs from one period of 50 or 60 Hz to the next: for each 50 ms, the median of
    the periods within half a second, which the potentials of a unit do not change. It is removed
    to judge what lies beneath, not from the recording; stretches in which it is larger than the
    EMG are marked.

    Spontaneous discharges that come as often as those of a motor unit (fibrillations, end-plate
    spikes, myotonia) count as a contraction, single fasciculations as an artefact: this is a gate
    for recordings of voluntary activity, not a judgement of a muscle at rest.

    Parameters
    ----------
    gap : float, default=0.25
        In s. The longest pause within a contraction.
    shortest : float, default=0.4
        In s. What is shorter is an artefact, not a contraction.
    max_noise : float, default=0.005
        In mV RMS. The noise of a recording is taken from its quietest tenth, which in a full
        contraction is no noise: it is at most this; infinity for no limit.
    quiet : float, default=0.01
        In mV RMS. Slow swings and hum up to this are rest.

    See Also
    --------
    Segmenter : Its parameter ``activity`` cuts windows out of one kind of stretches alone.

    Examples
    --------
    A second of noise, one with twelve discharges, one of hum:

    >>> import numpy as np
    >>> from sknemg.preprocessing import ActivityGate
    >>> signal = np.random.default_rng(0).normal(0, 0.002, size=30_000)
    >>> for start in range(10_000, 20_000, 800):
    ...     signal[start : start + 41] += np.interp(np.arange(41), [0, 20, 25, 40], [0, 0, -0.5, 0])
    >>> signal[20_000:] += 0.1 * np.sin(2 * np.pi * 50 * np.arange(10_000) / 10_000)
    >>> ActivityGate().stretches(signal, 10_000)
       start  stop         kind  mains
    0    0.0   1.0         rest  False
    1    1.0   2.0  contraction  False
    2    2.0   3.0     artefact   True
    """

    def __init__(
        self,
        *,
        gap: float = 0.25,
        shortest: float = 0.4,
        max_noise: float = 0.005,
        quiet: float = 0.01,
    ):
        self.gap = gap
        self.shortest = shortest
        self.max_noise = max_noise
        self.quiet = quiet

    def stretches(self, signal: ArrayLike, sfreq: float) -> pd.DataFrame:
        """Divide a recording into stretches.

        Parameters
        ----------
        signal : array of shape (n_times,)
            One recording in mV.
        sfreq : float
            Sampling rate in Hz, at least 1500 Hz.

        Returns
        -------
        DataFrame, a row for each stretch
            ``start`` and ``stop`` in s, ``kind``: ``"rest"``, ``"contraction"`` or
            ``"artefact"``, and ``mains``: whether mains hum is larger there than all that remains
            above 100 Hz, and than `quiet`. They fill the recording; one shorter than 0.2 s is rest.

        Raises
        ------
        ValueError
            If the rate is none, or too low for potentials to be told from swings, if samples are
            NaN, infinite or beyond 1e6 mV, or if a parameter is negative or no number.
        """
        signal = np.asarray(signal, dtype=np.float64)
        frames = self._frames(signal, sfreq)
        length = len(signal) / sfreq
        columns = ["start", "stop", "kind", "mains"]
        if frames is None:
            return pd.DataFrame([(0.0, length, "rest", False)], columns=columns)
        levels, kinds = frames
        edges = np.concatenate([[0], np.flatnonzero(np.diff(kinds)) + 1])
        starts = edges * round(FRAME * sfreq) / sfreq
        stops = np.append(starts[1:], length)
        names = [ACTIVITIES[kind] for kind in kinds[edges]]
        hum = np.add.reduceat(levels.removed**2, edges)
        beneath = np.add.reduceat(levels.body**2, edges)
        n_frames = np.diff(np.append(edges, len(kinds)))
        mains = hum > np.maximum(beneath, n_frames * self.quiet**2)
        return pd.DataFrame(dict(zip(columns, (starts, stops, names, mains), strict=True)))

    def contracts(self, signal: ArrayLike, sfreq: float) -> bool:
        """Tell whether `stretches` finds a contraction.

        Parameters
        ----------
        signal : array of shape (n_times,)
            One recording in mV.
        sfreq : float
            Sampling rate in Hz, at least 1500 Hz.

        Returns
        -------
        bool

        Raises
        ------
        ValueError
            As `stretches`.

        Examples
        --------
        >>> import numpy as np
        >>> from sknemg.preprocessing import ActivityGate
        >>> noise = np.random.default_rng(0).normal(0, 0.002, size=10_000)
        >>> ActivityGate().contracts(noise, 10_000)
        False
        """
        frames = self._frames(signal, sfreq)
        return frames is not None and bool((frames[1] == CONTRACTION).any())

    def _frames(self, signal: ArrayLike, sfreq: float) -> tuple[_Levels, NDArray[np.int64]] | None:
        """Measure every frame, and give its kind; None where there is too little of a signal."""
        check_rate(sfreq, least=LEAST_RATE)
        signal = check_signal(signal)
        for name in ("gap", "shortest", "quiet"):
            value = getattr(self, name)
            if not is_number(value) or value < 0:
                raise ValueError(f"{name}={value!r} of ActivityGate must be a number >= 0.")
        noise = self.max_noise
        if noise != np.inf and not (is_number(noise) and noise > 0):
            raise ValueError(f"max_noise={noise!r} of ActivityGate must be a number > 0.")
        if len(signal) / sfreq < LEAST_SIGNAL:
            return None
        levels = self._levels(signal - np.median(signal), sfreq)
        return levels, self._kinds(levels)

    def _levels(self, signal: NDArray[np.float64], sfreq: float) -> _Levels:
        """Measure every frame, in blocks, so that a long recording takes no more memory."""
        n_times = round(FRAME * sfreq)
        n_frames = max(1, len(signal) // n_times)
        parts = []
        for first in range(0, n_frames, BLOCK):
            start, last = max(0, first - AROUND_BLOCK), min(n_frames, first + BLOCK)
            stop = last + AROUND_BLOCK
            end = len(signal) if stop >= n_frames else stop * n_times
            block = self._block(signal[start * n_times : end], sfreq)
            parts.append([values[first - start : last - start] for values in block])
        return _Levels(*map(np.concatenate, zip(*parts, strict=True)))

    def _block(self, signal: NDArray[np.float64], sfreq: float) -> _Levels:
        n_times = round(FRAME * sfreq)
        n_frames = max(1, len(signal) // n_times)
        top = min(HIGHEST, 0.45 * sfreq)
        coarse = max(1, int(sfreq // COARSE))
        low = (0.0, min(0.45 * sfreq, COARSE / 3))
        rate = sfreq / coarse
        filtered = ZeroPhaseFilter(signal, sfreq)
        (lines,) = filtered.bands([low])
        level, shares = _on_mains(lines[::coarse], rate, n_times / coarse, n_frames)
        hum = (level > self.quiet) & (shares.max(axis=0) > LINE)
        left, removed = np.zeros(n_frames, dtype=bool), np.zeros(n_frames)
        heard = (level > self.quiet) & (shares > HEARD) & (shares == shares.max(axis=0))
        if heard.any():
            clean, frame = signal, np.arange(len(lines[::coarse])) * coarse // n_times
            for mains, own in zip(MAINS, heard, strict=True):
                if not own.any():
                    continue
                loud = lines[::coarse] * own[np.minimum(frame, n_frames - 1)]
                mains = _mains_sfreq(loud, rate, mains)
                clean = clean - _hum_wave(clean, sfreq, mains)
            removed, signal = _rms(signal - clean, n_times), clean
            filtered = ZeroPhaseFilter(signal, sfreq)
            (lines,) = filtered.bands([low])
            shares = _on_mains(lines[::coarse], rate, n_times / coarse, n_frames)[1]
            left = shares.max(axis=0) > LINE
        bands = [(0.0, SLOW), (BODY, top), (SHARP, top)]
        slow, body, sharp = filtered.bands(bands)
        peak = np.maximum.reduceat(np.abs(sharp), np.arange(n_frames) * n_times)
        slow, body, sharp = (_rms(wave, n_times) for wave in (slow, body, sharp))
        left |= body < REMAINS * removed
        return _Levels(slow, body, sharp, peak, hum, left, removed)

    def _kinds(self, levels: _Levels) -> NDArray[np.int64]:
        """Kind of every frame."""
        slow, body, sharp, peak, hum, left, _ = levels
        spikes = (
            (sharp > ABOVE_NOISE * self._noise(sharp))
            | (body > ABOVE_NOISE * self._noise(body))
            | (peak > PEAK_ABOVE_NOISE * np.quantile(sharp, 0.1) + 1e-6)
        )
        swings = (slow > self.quiet) & (_largest_near(body, 2) * SWINGS < slow)
        active = spikes & ~left & ~swings
        contraction = self._runs(active)
        odd = (hum | swings | (spikes & ~contraction) | (slow > self.quiet)) & ~contraction
        odd = (_largest_near(odd, MARGIN) > 0) & ~contraction
        odd = _closed(odd, round(self.gap / FRAME) - 1) & ~contraction
        kinds = np.select([contraction, odd], [CONTRACTION, ARTEFACT], REST)
        return _without_short(kinds, SHORT_REST)

    def _noise(self, level: NDArray[np.float64]) -> float:
        return float(np.clip(np.quantile(level, 0.1), 1e-6, self.max_noise))

    def _runs(self, active: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Find runs of active frames, with pauses of at most `gap`, that fire as motor units do."""
        runs = _closed(active, round(self.gap / FRAME) - 1)
        kept = np.zeros_like(runs)
        least = round(self.shortest / FRAME)
        for start, stop in run_edges(runs):
            own = active[start:stop]
            n_groups = 1 + int((np.diff(own.astype(int)) == 1).sum())
            if stop - start >= least and (n_groups >= LEAST_GROUPS or own.mean() > CROWDED):
                kept[start:stop] = True
        return kept


def _largest_near(frames: NDArray[Any], n: int) -> NDArray[np.float64]:
    """Give the largest value within `n` frames to either side."""
    padded = np.pad(frames.astype(np.float64), n, constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * n + 1).max(axis=1)


def _rms(signal: NDArray[np.float64], n_times: int) -> NDArray[np.float64]:
    """RMS of every frame; the last one takes what is left over."""
    n_frames = max(1, len(signal) // n_times)
    square = np.add.reduceat(signal**2, np.arange(n_frames) * n_times)
    counts = np.full(n_frames, n_times)
    counts[-1] = len(signal) - (n_frames - 1) * n_times
    return np.sqrt(square / counts)


def _on_mains(
    signal: NDArray[np.float64], sfreq: float, n_frame: float, n_frames: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """RMS around each frame of `n_frame` samples, and the shares of multiples of 50 and 60 Hz."""
    n_window = min(round(LINE_WINDOW * sfreq), len(signal))
    middle = (np.arange(n_frames) + 0.5) * n_frame
    starts = np.clip(middle - n_window / 2, 0, len(signal) - n_window).astype(int)
    window = np.hanning(n_window)
    parts = signal[starts[:, None] + np.arange(n_window)] * window
    power = np.abs(np.fft.rfft(parts, axis=1)) ** 2
    power[:, 0] = 0.0
    step = sfreq / n_window
    on = np.stack([_on_lines(power, mains, step) for mains in MAINS])
    level = np.sqrt((parts**2).sum(axis=1) / (window**2).sum())
    return level, on / np.maximum(power.sum(axis=1), np.finfo(float).tiny)


def _on_lines(power: NDArray[np.float64], mains: float, step: float) -> NDArray[np.float64]:
    """Power at the harmonics, which a Hann window spreads over the bin on either side."""
    lines = np.rint(np.arange(1, HARMONICS + 1) * mains / step).astype(int)
    lines = lines[lines + 2 < power.shape[1]]
    return power[:, np.unique(lines[:, None] + np.arange(-1, 2))].sum(axis=1)


def _mains_sfreq(signal: NDArray[np.float64], sfreq: float, mains: float) -> float:
    """Find the frequency near that of the mains whose multiples hold most power."""
    n_window = min(round(MAINS_WINDOW * sfreq), len(signal))
    starts = np.arange(0, len(signal) - n_window + 1, max(1, n_window // 2))
    parts = signal[starts[:, None] + np.arange(n_window)] * np.hanning(n_window)
    n = 8 * n_window  # the spectrum between its lines
    # Hum that was switched off and on again has another phase: powers are added.
    power = (np.abs(np.fft.rfft(parts, n, axis=1)) ** 2).sum(axis=0)
    tried = mains + np.arange(-DEVIATION, DEVIATION + FINENESS, FINENESS)
    places = tried[:, None] * np.arange(1, HARMONICS + 1) * (n / sfreq)
    on = np.interp(places, np.arange(len(power)), power, right=0.0).sum(axis=1)
    return float(tried[on.argmax()])


def _hum_wave(signal: NDArray[np.float64], sfreq: float, mains: float) -> NDArray[np.float64]:
    """Make the hum of a recording: what recurs from one period of the mains to the next.

    Its shape is the median of the periods around; where it is switched on or off, of those before
    or behind, whichever is more like the period. Its size is the median over five periods, as it
    sways with cables that move. Neither median heeds the potentials of a unit.
    """
    n_phases = min(MOST_PHASES, int(sfreq / mains))
    turns = np.arange(len(signal)) * (mains / sfreq)
    n_periods = int(turns[-1])
    n_around = min(round(LINE_WINDOW * mains), n_periods)
    if n_around < 3:
        return np.zeros(len(signal))
    points = np.arange(n_periods * n_phases) / n_phases
    periods = np.interp(points, turns, signal).reshape(n_periods, n_phases)
    periods -= periods.mean(axis=1, keepdims=True)  # slow swings are no hum
    around = np.lib.stride_tricks.sliding_window_view(periods, n_around, axis=0)
    parts = np.array_split(around, len(around) // 50 + 1)  # a row for each place of the window
    shapes = np.concatenate([np.median(part, axis=-1) for part in parts])
    shapes /= np.maximum(np.linalg.norm(shapes, axis=1, keepdims=True), np.finfo(float).tiny)
    place = np.arange(n_periods)
    wave, fits = np.zeros_like(periods), np.full(n_periods, -np.inf)
    for shift in (n_around // 2, 0, n_around):
        shape = shapes[np.clip(place - shift, 0, len(shapes) - 1)]
        size = _median_of_five(np.einsum("ij,ij->i", periods, shape))
        sizes = np.interp(points, place + 0.5, size).reshape(wave.shape)
        better = size > fits
        wave[better], fits[better] = (sizes * shape)[better], size[better]
    wave[fits < 0] = 0.0
    whole = np.concatenate([wave.ravel(), wave[-1], wave[-1, :1]])  # to the end of the last period
    return np.interp(turns * n_phases, np.arange(len(whole)), whole)


def _median_of_five(values: NDArray[np.float64]) -> NDArray[np.float64]:
    near = np.lib.stride_tricks.sliding_window_view(np.pad(values, 2, "edge"), 5)
    return np.median(near, axis=-1)


def _closed(frames: NDArray[np.bool_], n: int) -> NDArray[np.bool_]:
    """Close pauses of up to `n` frames."""
    closed = frames.copy()
    for start, stop in run_edges(~frames):
        if start > 0 and stop < len(frames) and stop - start <= n:
            closed[start:stop] = True
    return closed


def _without_short(kinds: NDArray[np.int64], least: int) -> NDArray[np.int64]:
    """Let short stretches of rest join the longer of their neighbours."""
    kinds = kinds.copy()
    for start, stop in run_edges(kinds == REST):
        around = [kinds[k] for k in (start - 1, stop) if 0 <= k < len(kinds)]
        if stop - start < least and around:
            kinds[start:stop] = CONTRACTION if CONTRACTION in around else ARTEFACT
    return kinds
