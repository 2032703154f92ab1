"""How machines and patients differ: what is drawn for each subject of a varied cohort."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

#: Ranges from which a subject's acquisition is drawn, on a logarithmic scale.
ACQUISITION: dict[str, tuple[float, float]] = {
    "gain": (0.5, 2.0),  # calibration and tissue
    "needle_width": (0.7, 1.4),  # of the recording surface, times the usual one
    "high_pass": (2.0, 30.0),  # Hz
    "low_pass": (3000.0, 10_000.0),  # Hz
    "noise": (0.0005, 0.005),  # mV RMS within 10 kHz
    "noise_corner": (1.0, 300.0),  # Hz below which the noise rises as 1 / f
    "resolution": (0.0001, 0.003),  # mV, a step of the converter
    "drift": (0.001, 0.02),  # mV after a second
}
#: Sampling rates, Hz; the middle one is that of N2001.
RATES = (10_000.0, 20_000.0, 23_437.5, 25_000.0, 48_000.0)
#: Mains hum: share of subjects with it, and its mean amplitude in these, mV; 50 or 60 Hz.
MAINS_HEARD, MAINS = 0.5, 0.005
#: Ranges from which patients are drawn where they vary, too. Recordings of a subject take from its
#: effort to twice as much; distance is that from needle to end-plates, times the usual one.
PATIENT: dict[str, tuple[float, float]] = {
    "severity": (0.2, 1.0),
    "chronicity": (0.0, 1.0),
    "gradient": (0.0, 1.0),
    "age": (18.0, 85.0),
}
EFFORT, DISTANCE = (0.008, 0.5), (0.5, 1.5)


class Acquisition(NamedTuple):
    """One subject's machine, needle and examiner; :data:`ACQUISITION` has ranges and units."""

    needle: str
    sfreq: float
    gain: float
    needle_width: float
    high_pass: float
    low_pass: float
    noise: float
    noise_corner: float
    resolution: float
    drift: float
    mains: float
    mains_sfreq: float

    def columns(self) -> dict[str, Any]:
        """Return what was drawn, as columns of a cohort beside its needle and rate."""
        return {name: value for name, value in self._asdict().items() if name not in _KNOWN}


_KNOWN = ("needle", "sfreq")


def draw_acquisition(rng: np.random.Generator) -> Acquisition:
    """Draw one subject's acquisition.

    Parameters
    ----------
    rng : Generator
        Source of randomness.

    Returns
    -------
    Acquisition

    Examples
    --------
    >>> drawn = draw_acquisition(np.random.default_rng(0))
    >>> drawn.needle, drawn.sfreq, 2 <= drawn.high_pass <= 30
    ('concentric', 25000.0, True)
    """
    return Acquisition(
        needle=str(rng.choice(["monopolar", "concentric"])),
        sfreq=float(rng.choice(RATES)),
        **{name: log_uniform(rng, *ends) for name, ends in ACQUISITION.items()},
        mains=float(rng.exponential(MAINS) * (rng.random() < MAINS_HEARD)),
        mains_sfreq=float(rng.choice([50.0, 60.0])),
    )


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
