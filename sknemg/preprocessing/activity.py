"""Where a recording holds rest, where a contraction, and where an artefact."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.signal import LARGEST_AMPLITUDE, implausible, run_edges, zero_phase_bands

#: What a stretch of a recording may be.
ACTIVITIES = ("rest", "contraction", "artefact")
REST, CONTRACTION, ARTEFACT = range(3)

FRAME = 0.05  # s; activity is judged frame by frame
SLOW, BODY, SHARP = 80.0, 100.0, 500.0  # Hz: movement below, potentials above, spikes of near units
HIGHEST = 4000.0  # Hz
ABOVE_NOISE = 4.0  # times the noise, for a frame with a spike in it
COARSE = 2000.0  # Hz that the search for hum needs
LINE_WINDOW = 0.5  # s in which hum is looked for
HARMONICS = 8
LINE = 0.9  # of the power on multiples of the mains frequency: hum
SWINGS = 5.0  # times what lies above: so much below 80 Hz is movement
LEAST_GROUPS, CROWDED = 4, 0.6  # of frames with spikes, in a contraction; or their share
MARGIN = 2  # frames around an artefact that belong to it
SHORT_REST = 4  # frames; a shorter rest joins what is around it
LEAST_SIGNAL = 0.2  # s; less is not judged


class ActivityGate:
    """Find the stretches of rest, contraction and artefact in a recording.

    A recording is looked at in frames of 50 ms. A **contraction** is a run of frames with
    potentials in them, 100 Hz and above, no further than `gap` apart, as a unit that fires 5 times
    a second leaves them, in four or more groups or one after the other; and not hum. An
    **artefact** is what else stands out: hum, swings below 80 Hz as the needle moves, single jumps
    and pulses. The remainder is **rest**.

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
        contraction is no noise: it is at most this.
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
       start  stop         kind
    0    0.0   1.0         rest
    1    1.0   2.0  contraction
    2    2.0   3.0     artefact
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
            ``start`` and ``stop`` in s, and ``kind``: ``"rest"``, ``"contraction"`` or
            ``"artefact"``. They fill the recording; one shorter than 0.2 s is rest.

        Raises
        ------
        ValueError
            If the rate is too low for potentials to be told from swings, or samples are NaN,
            infinite or beyond 1e6 mV.
        """
        signal = np.asarray(signal, dtype=np.float64)
        _check(signal, sfreq)
        length = len(signal) / sfreq
        if length < LEAST_SIGNAL:
            return pd.DataFrame([(0.0, length, "rest")], columns=["start", "stop", "kind"])
        kinds = self._frames(signal - np.median(signal), sfreq)
        edges = np.concatenate([[0], np.flatnonzero(np.diff(kinds)) + 1])
        starts = edges * round(FRAME * sfreq) / sfreq
        stops = np.append(starts[1:], length)
        names = [ACTIVITIES[kind] for kind in kinds[edges]]
        return pd.DataFrame({"start": starts, "stop": stops, "kind": names})

    def _frames(self, signal: NDArray[np.float64], sfreq: float) -> NDArray[np.int64]:
        """Kind of every frame."""
        n_times = round(FRAME * sfreq)
        top = min(HIGHEST, 0.45 * sfreq)
        bands = [(0.0, SLOW), (BODY, top), (SHARP, top), (0.0, min(0.45 * sfreq, COARSE / 3))]
        *waves, lines = zero_phase_bands(signal, bands, sfreq)
        slow, body, sharp = (_levels(wave, n_times) for wave in waves)
        coarse = max(1, int(sfreq // COARSE))
        hum = _hum(lines[::coarse], sfreq / coarse, n_times / coarse, len(body), self.quiet)

        spikes = (sharp > ABOVE_NOISE * self._noise(sharp)) | (
            body > ABOVE_NOISE * self._noise(body)
        )
        swings = (slow > self.quiet) & (_largest_near(body, 2) * SWINGS < slow)
        active = spikes & ~hum & ~swings
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


def _check(signal: NDArray[np.float64], sfreq: float) -> None:
    if signal.ndim != 1:
        raise ValueError(f"One recording of shape (n_times,) is divided, got {signal.shape}.")
    if not (np.isfinite(sfreq) and sfreq >= 3 * SHARP):
        raise ValueError(
            f"sfreq={sfreq:g} Hz is too low to tell potentials from swings: give a recording of "
            f"{3 * SHARP:g} Hz or more."
        )
    if n_bad := int((~np.isfinite(signal)).sum()):
        raise ValueError(f"{n_bad} of {len(signal)} samples are NaN or infinite: cut them out.")
    if implausible(signal[None])[0]:
        raise ValueError(
            f"Samples are beyond {LARGEST_AMPLITUDE:g} mV: give the recording in millivolts."
        )


def _largest_near(frames: NDArray[Any], n: int) -> NDArray[np.float64]:
    """Give the largest value within `n` frames to either side."""
    padded = np.pad(frames.astype(np.float64), n, constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * n + 1).max(axis=1)


def _levels(signal: NDArray[np.float64], n_times: int) -> NDArray[np.float64]:
    """RMS of every frame; the last one takes what is left over."""
    n_frames = max(1, len(signal) // n_times)
    square = np.add.reduceat(signal**2, np.arange(n_frames) * n_times)
    counts = np.full(n_frames, n_times)
    counts[-1] = len(signal) - (n_frames - 1) * n_times
    return np.sqrt(square / counts)


def _hum(
    signal: NDArray[np.float64], sfreq: float, n_frame: float, n_frames: int, quiet: float
) -> NDArray[np.bool_]:
    """Frames of `n_frame` samples whose surroundings hold little but multiples of 50 or 60 Hz."""
    n_window = min(round(LINE_WINDOW * sfreq), len(signal))
    middle = (np.arange(n_frames) + 0.5) * n_frame
    starts = np.clip(middle - n_window / 2, 0, len(signal) - n_window).astype(int)
    window = np.hanning(n_window)
    parts = signal[starts[:, None] + np.arange(n_window)] * window
    power = np.abs(np.fft.rfft(parts, axis=1)) ** 2
    power[:, 0] = 0.0
    step = sfreq / n_window
    share = np.maximum(*(_on_lines(power, mains, step) for mains in (50.0, 60.0)))
    level = np.sqrt((parts**2).sum(axis=1) / (window**2).sum())
    return (level > quiet) & (share > LINE * power.sum(axis=1))


def _on_lines(power: NDArray[np.float64], mains: float, step: float) -> NDArray[np.float64]:
    """Power at the harmonics, which a Hann window spreads over the bin on either side."""
    lines = np.rint(np.arange(1, HARMONICS + 1) * mains / step).astype(int)
    lines = lines[lines + 2 < power.shape[1]]
    return power[:, np.unique(lines[:, None] + np.arange(-1, 2))].sum(axis=1)


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
