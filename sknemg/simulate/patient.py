"""One simulated patient: person, disease, and an examiner who records some muscles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd

from sknemg.recordings._problems import shown
from sknemg.simulate.anatomy import MUSCLES
from sknemg.simulate.checks import (
    LEAST_SFREQ,
    Range,
    check_band,
    check_needle,
    check_number,
    check_range,
)
from sknemg.simulate.contraction import Trace
from sknemg.simulate.geometry import DENSITY
from sknemg.simulate.instrument import Instrument
from sknemg.simulate.muscle import Muscle, healthy_muscle
from sknemg.simulate.needle import NEAREST, TIP_RADIUS, Needle, concentric, monopolar
from sknemg.simulate.pathology import OLDEST, ageing, myopathy, neuropathy
from sknemg.simulate.variation import (
    DISTANCE,
    EFFORT,
    PATIENT,
    Acquisition,
    draw_acquisition,
    log_uniform,
)

#: A unit of this amplitude (mV) is in view.
IN_VIEW = 0.15
#: Without one, the examiner asks for more effort: recordings in all, and the factor each time.
TRIES, MORE_EFFORT = 6, 1.5
#: Range of the steepness of intracellular action potentials over muscles, 1/mm: around that in
#: :mod:`sknemg.simulate.fibre`.
DECAYS = (3.1, 4.3)
#: How strongly a disease keeps to the muscles it prefers, distal or proximal ones, unless set: a
#: beta distribution, such that most are like a polyneuropathy or a limb-girdle myopathy.
GRADIENT = (3.0, 1.5)
#: Fibre diameter of men, µm, and that of women as a share of it.
DIAMETER, FEMALE = (50.0, 60.0), 0.92

#: Bounds of the dials that may be set to a number, or to a pair to draw between.
RANGES: dict[str, tuple[float, float]] = {
    "severity": (0, 1),
    "chronicity": (0, 1),
    "effort": (0.001, 1),
    "gradient": (0, 1),
    "age": (0, OLDEST),
    "noise": (0, np.inf),
}
#: Bounds of those that are a number alone.
NUMBERS: dict[str, tuple[float, float]] = {"spared": (0, 1), "sfreq": (LEAST_SFREQ, np.inf)}


class Dials(NamedTuple):
    """What patients and recordings are drawn from; see :func:`make_cohort`."""

    severity: Range
    chronicity: Range
    effort: Range
    spared: float
    age: Range
    needle: str
    sfreq: float
    band: tuple[float, float]
    noise: Range
    vary: str | None = None
    gradient: Range | None = None

    def checked(self) -> Self:
        """Return the dials with numbers as floats, or say which one is out of bounds."""
        dials: dict[str, Any] = {
            name: check_range(name, getattr(self, name), *bounds)
            for name, bounds in RANGES.items()
            if name != "gradient" or self.gradient is not None
        }
        dials |= {name: check_number(name, getattr(self, name), *NUMBERS[name]) for name in NUMBERS}
        check_needle(self.needle)
        if self.vary is not None and (
            not isinstance(self.vary, str) or self.vary not in ("acquisition", "all")
        ):
            raise ValueError(f"vary={shown(self.vary)} must be None, 'acquisition' or 'all'.")
        return self._replace(**dials, band=check_band(self.band, dials["sfreq"]))


class Recording(NamedTuple):
    """A trace, what is known of the person, what only the simulator knows, and what varied."""

    trace: Trace
    person: dict[str, Any]
    truth: dict[str, Any]
    needle: str
    acquisition: dict[str, Any]


def simulate_patient(rows: pd.DataFrame, dials: Dials, seed: int) -> list[Recording]:
    """Record one subject of a plan; each subject has a seed of its own.

    Parameters
    ----------
    rows : DataFrame
        The subject's rows of a plan.
    dials : Dials
        What to draw from.
    seed : int
        Seed of the cohort.

    Returns
    -------
    list of Recording
        One for each row.
    """
    rng = np.random.default_rng([seed, int(rows["subject"].iloc[0])])
    # What varies is drawn separately: a seed gives the same person on any machine.
    dials, taken_by, distance = _varied(
        dials, np.random.default_rng([seed, int(rows["subject"].iloc[0]), 1])
    )
    diagnosis = str(rows["diagnosis"].iloc[0])
    person = {"age": int(_draw(dials.age, rng)), "sex": str(rng.choice(["female", "male"]))}
    disease = {
        "severity": _draw(dials.severity, rng),
        "chronicity": _draw(dials.chronicity, rng),
        "gradient": rng.beta(*GRADIENT),
    }
    gain, width = rng.lognormal(0, 0.18), rng.uniform(0.8, 1.2)
    if dials.gradient is not None:  # drawn last: nothing else about a person changes
        disease["gradient"] = _draw(dials.gradient, rng)
    if taken_by is not None:
        gain, width = taken_by.gain, taken_by.needle_width
    out = []
    for name, seconds, own in zip(
        rows["muscle"], rows["seconds"], rng.spawn(len(rows)), strict=True
    ):
        muscle, state = _muscle(name, diagnosis, person, disease, dials.spared, own)
        needle = _needle(dials.needle, distance * MUSCLES[name].depth, width, own)
        instrument = _instrument(dials, gain, own)
        if taken_by is not None:
            instrument = replace(
                instrument,
                noise=taken_by.noise,
                noise_corner=taken_by.noise_corner,
                resolution=taken_by.resolution,
                drift=taken_by.drift,
                mains=taken_by.mains,
                mains_sfreq=taken_by.mains_sfreq,
            )
        trace, taken = _examine(muscle, needle, instrument, seconds, dials.effort, own)
        columns = {} if taken_by is None else taken_by.columns()
        out.append(Recording(trace, person, state | taken, dials.needle, columns))
    return out


def _varied(dials: Dials, rng: np.random.Generator) -> tuple[Dials, Acquisition | None, float]:
    """Return one subject's dials, its acquisition, and the distance of its needles, a factor."""
    if dials.vary is None:
        return dials, None, 1.0
    drawn = draw_acquisition(rng)
    dials = dials._replace(
        needle=drawn.needle, sfreq=drawn.sfreq, band=(drawn.high_pass, drawn.low_pass)
    )
    if dials.vary == "acquisition":
        return dials, drawn, 1.0
    effort = log_uniform(rng, *EFFORT)
    varied: dict[str, Any] = {**PATIENT, "effort": (effort, 2 * effort)}
    dials = dials._replace(**varied)
    return dials, drawn, log_uniform(rng, *DISTANCE)


def _muscle(
    name: str,
    diagnosis: str,
    person: dict[str, Any],
    disease: dict[str, float],
    spared: float,
    rng: np.random.Generator,
) -> tuple[Muscle, dict[str, Any]]:
    """Make a muscle of a person: healthy, then aged, then diseased."""
    size = FEMALE if person["sex"] == "female" else 1.0
    muscle = healthy_muscle(
        density=DENSITY * rng.lognormal(0, 0.15),
        diameter=rng.uniform(*DIAMETER) * size,
        half_length=MUSCLES[name].half_length,
        decay=rng.uniform(*DECAYS),
        random_state=rng,
    )
    muscle = ageing(muscle, person["age"], random_state=rng)
    near = MUSCLES[name].proximality
    weight = near if diagnosis == "myopathy" else 1 - near
    pattern = (1 - disease["gradient"]) + disease["gradient"] * weight
    severity = np.clip(disease["severity"] * pattern * 1.15 + rng.normal(0, 0.12), 0, 1)
    is_spared = bool(rng.random() < spared)
    severity = float(0.1 * severity if is_spared else severity)
    if diagnosis == "myopathy":
        muscle = myopathy(muscle, severity, random_state=rng)
    elif diagnosis == "neuropathy":
        muscle = neuropathy(muscle, severity, disease["chronicity"], random_state=rng)
    else:
        severity, is_spared = 0.0, False
    return muscle, {
        "severity": severity,
        "chronicity": disease["chronicity"] if diagnosis == "neuropathy" else np.nan,
        "spared": is_spared,
        "n_units": int((muscle.unit_sizes > 0).sum()),
        "n_fibres": len(muscle.fibres),
        "n_denervated": muscle.denervated,
    }


def _needle(kind: str, depth: float, width: float, rng: np.random.Generator) -> Needle:
    """Insert a needle somewhere between end-plates and tendon; needles differ in width."""
    z, angle = depth * rng.uniform(0.6, 1.2), rng.uniform(0, 2 * np.pi)
    if kind == "monopolar":
        return monopolar(z=z, angle=angle, radius=TIP_RADIUS * width)
    return concentric(z=z, angle=angle, radius=NEAREST * width)


def _instrument(dials: Dials, gain: float, rng: np.random.Generator) -> Instrument:
    return Instrument(
        sfreq=dials.sfreq,
        band=dials.band,
        gain=gain,
        noise=_draw(dials.noise, rng),
        drift=rng.uniform(0.002, 0.009),
        movement=rng.exponential(0.02) * (rng.random() < 0.5),
        mains=rng.exponential(0.003) * (rng.random() < 0.4),
        harmonic=rng.uniform(0, 0.6),
    )


def _examine(
    muscle: Muscle,
    needle: Needle,
    instrument: Instrument,
    seconds: float,
    effort: Range,
    rng: np.random.Generator,
) -> tuple[Trace, dict[str, Any]]:
    """Ask for effort, seek a place, record; ask for more while no unit is in view."""
    low, high = np.log(_pair(effort))
    asked = float(np.exp(rng.uniform(low, high)))
    variability = rng.uniform(0.10, 0.22)
    for _ in range(TRIES):
        contraction = muscle.activate(asked)
        tip = contraction.seek(needle, random_state=rng)
        slid = tip.moved(*rng.normal(0, 0.15, 3)) if rng.random() < 0.3 else None
        trace = contraction.record(
            tip,
            seconds,
            instrument=instrument,
            moves_to=slid,
            variability=variability,
            random_state=rng,
        )
        if trace.units["amplitude"].max() > IN_VIEW or asked >= 0.9:
            break
        asked = min(asked * MORE_EFFORT, 0.9)
    return trace, {
        "effort": contraction.effort,
        "excitation": contraction.excitation,
        "n_active": int((contraction.rates > 0).sum()),
        "discharges": trace.discharges,
        "units": trace.units,
    }


def _pair(dial: Range) -> tuple[float, float]:
    """Lower and upper end of a dial."""
    low, high = np.broadcast_to(dial, 2).tolist()
    return low, high


def _draw(dial: Range, rng: np.random.Generator) -> float:
    return float(rng.uniform(*_pair(dial)))
