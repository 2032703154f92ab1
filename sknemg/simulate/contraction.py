"""A muscle at work, and the needle that records it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from sknemg.recordings._problems import check_generator, shown
from sknemg.simulate import recruitment
from sknemg.simulate.checks import check_length, check_number
from sknemg.simulate.fibre import Fibres
from sknemg.simulate.instrument import Instrument
from sknemg.simulate.needle import Needle, check_electrode
from sknemg.simulate.potentials import Templates, motor_unit_potentials

#: Seconds before a recording, in which filters settle and earlier discharges begin.
LEAD = 0.1


@dataclass(frozen=True, eq=False)
class Trace:
    """A recording and what made it.

    Attributes
    ----------
    signal : ndarray of shape (n_times,), float32
        Millivolts; a spike is negative.
    sfreq : float
        Sampling rate, Hz.
    discharges : DataFrame
        ``unit`` and ``time`` (seconds from the start of the signal) of every discharge, in order
        of time. A potential begins up to some milliseconds after its discharge.
    units : DataFrame
        One row per unit with a potential: ``unit``, ``rate`` (mean rate asked for, Hz) and
        ``amplitude`` (peak to peak, mV, before the amplifier; of one discharge, where the needle
        is at first), the largest first.

    Examples
    --------
    >>> from sknemg.simulate import healthy_muscle, monopolar
    >>> contraction = healthy_muscle(random_state=0).activate(0.05)
    >>> trace = contraction.record(monopolar(), 0.5, random_state=0)
    >>> trace.signal.shape, trace.sfreq, list(trace.discharges), list(trace.units)
    ((24000,), 48000, ['unit', 'time'], ['unit', 'rate', 'amplitude'])
    """

    signal: NDArray[np.float32] = field(repr=False)
    sfreq: float
    discharges: pd.DataFrame = field(repr=False)
    units: pd.DataFrame = field(repr=False)


@dataclass(frozen=True, eq=False)
class Contraction:
    """A muscle at work; made by :meth:`Muscle.activate`.

    Attributes
    ----------
    fibres : Fibres
        Fibres of the muscle, sorted by motor unit.
    decay : float
        Steepness of their intracellular action potential, 1/mm.
    effort : float
        Requested share of the greatest force.
    excitation : float
        Common drive that yields it.
    rates : ndarray of shape (n_units,)
        Mean firing rates, Hz; 0 for silent units.

    Examples
    --------
    >>> from sknemg.simulate import healthy_muscle
    >>> contraction = healthy_muscle(random_state=0).activate(0.05)
    >>> contraction.effort, int((contraction.rates > 0).sum())
    (0.05, 35)
    """

    fibres: Fibres = field(repr=False)
    decay: float
    effort: float
    excitation: float
    rates: NDArray[Any] = field(repr=False)

    @cached_property
    def active_fibres(self) -> Fibres:
        """Fibres of the units that fire."""
        return self.fibres[self.rates[self.fibres.unit] > 0]

    def seek(
        self,
        needle: Needle,
        *,
        best: float = 0.5,
        random_state: int | np.random.Generator | None = None,
    ) -> Needle:
        """Move a needle as an examiner does, until nearby fibres make the sound crisp.

        Parameters
        ----------
        needle : Needle
            The needle; 40 places within some millimetres of its tip are tried.
        best : float, default=0.5
            Share of the places among which one is drawn: those whose three nearest active fibres
            are closest, 0 to 1 (a half was chosen with N2001 in view). 0 is the closest place,
            1 a blind insertion.
        random_state : int, Generator or None, default=None
            Seed.

        Returns
        -------
        Needle
        """
        rng = check_generator(random_state)
        check_electrode("needle", needle)
        check_number("best", best, 0, 1)
        tries = rng.normal(0, 1.2, (40, 2))
        fibres = np.stack([self.active_fibres.x, self.active_fibres.y], axis=1)
        distance, _ = cKDTree(fibres, balanced_tree=False).query(tries + (needle.x, needle.y), k=3)
        order = np.argsort(distance.mean(axis=1))
        return needle.moved(*tries[order[int(rng.random() * max(1, round(best * 40)))]])

    def record(
        self,
        needle: Needle,
        duration: float,
        *,
        instrument: Instrument | None = None,
        moves_to: Needle | None = None,
        variability: float = 0.15,
        random_state: int | np.random.Generator | None = None,
    ) -> Trace:
        """Record the contraction.

        Parameters
        ----------
        needle : Needle
            Where the needle is.
        duration : float
            Seconds.
        instrument : Instrument or None, default=None
            Amplifier, with the sampling rate; None for :class:`Instrument`'s defaults.
        moves_to : Needle or None, default=None
            Where the needle has slid to by the end.
        variability : float, default=0.15
            Coefficient of variation of the intervals between discharges.
        random_state : int, Generator or None, default=None
            Seed.

        Returns
        -------
        Trace

        Raises
        ------
        ValueError
            If a setting is out of bounds, or the duration holds no sample.
        """
        check_electrode("needle", needle)
        if moves_to is not None:
            check_electrode("moves_to", moves_to)
        instrument = Instrument() if instrument is None else instrument
        if not isinstance(instrument, Instrument):
            raise ValueError(f"instrument={shown(instrument)} must be an Instrument.")
        check_length(duration, instrument.sfreq)
        check_number("variability", variability, 0)
        rng = check_generator(random_state)
        sfreq = instrument.sfreq
        total = round(duration * sfreq) / sfreq + LEAD
        needles = [needle] if moves_to is None else [needle, moves_to]
        templates = motor_unit_potentials(
            self.active_fibres, needles, sfreq=sfreq, decay=self.decay, random_state=rng
        )
        units = templates[0].units
        times = recruitment.firing_times(
            self.rates[units], total, variability=variability, random_state=rng
        )
        lead = round(LEAD * sfreq)
        n_times = round(duration * sfreq) + lead
        potential = lay_down(templates, times, n_times, sfreq, rng)
        signal = instrument.record(potential, rng)[lead:]
        start, stop = lead / sfreq, n_times / sfreq
        return Trace(signal, sfreq, *self._truth(templates[0], times, start, stop))

    def _truth(
        self, templates: Templates, times: list[NDArray[Any]], start: float, stop: float
    ) -> tuple[pd.DataFrame, ...]:
        """Table the discharges between two times, from the first of them on, and the units."""
        units = templates.units
        steady = templates.waves[:, 0, 0]
        discharges = pd.DataFrame(
            {
                "unit": np.repeat(units, [len(t) for t in times]),
                "time": np.concatenate([*times, np.empty(0)]) - start,
            }
        )
        seen = discharges["time"].between(0, stop - start, inclusive="left")
        shown = discharges[seen].sort_values("time", ignore_index=True)
        amplitude = np.ptp(steady, axis=1) if len(units) else np.empty(0)
        table = pd.DataFrame({"unit": units, "rate": self.rates[units], "amplitude": amplitude})
        return shown, table.sort_values("amplitude", ascending=False, ignore_index=True)


def lay_down(
    templates: list[Templates],
    times: list[NDArray[Any]],
    n_times: int,
    sfreq: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Add each unit's potential at its discharges, blending from the first position to the last."""
    n_units, n_variants, n_shifts, length = templates[0].waves.shape
    out = np.zeros(n_times + length + 1)
    for row in range(n_units):
        variants = rng.integers(n_variants, size=len(times[row]))
        ticks = np.round(times[row] * sfreq * n_shifts).astype(int)
        for tick, variant in zip(ticks.tolist(), variants.tolist(), strict=True):
            start, shift = divmod(tick, n_shifts)
            wave = templates[0].waves[row, variant, shift]
            if len(templates) > 1:
                moved = start / n_times
                wave = (1 - moved) * wave + moved * templates[-1].waves[row, variant, shift]
            out[start : start + length] += wave
    return out[:n_times]
