"""What a recording brings with it beside EMG, and a model that sees nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import signal as filters
from scipy.fft import next_fast_len
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from sknemg.recordings import Recordings
from sknemg.recordings._convert import to_recordings
from sknemg.recordings._problems import listed
from sknemg.signal import MAINS, describe_signal

#: Name of the model that sees no EMG in the tables of an evaluation.
NUISANCE = "no EMG (nuisance)"

#: Measures of a recording, with their names and units for people.
MEASURES = {
    "n_recordings": "recordings per subject",
    "length": "length (s)",
    "sfreq": "rate (Hz)",
    "offset": "offset (mV)",
    "mains": "mains hum (log10 mV², -15: none)",
    "harmonics": "overtones of the mains (log10 mV², -15: none)",
    "drift": "power below 5 Hz (log10 mV²)",
    "above_band": "noise above 4.5 kHz (log10 mV²/Hz)",
    "noise_floor": "noise floor (log10 mV²/Hz)",
    "clipped": "clipped share",
}

_OVERTONES = (2, 3, 4, 5)
_NARROW = 0.3  # hertz by which the mains and its overtones wander
_AROUND = 8.0  # hertz on both sides of a line that it is compared with
_STANDS_OUT = 20.0  # times the mean density around it: noise alone hardly ever gets there
_DRIFT = 5.0  # hertz, below which amplifiers for needle EMG let hardly anything pass
_ABOVE = 4500.0  # hertz, above which needle EMG has hardly any power
_TOP = 0.45  # of the rate, from which a spectrum holds noise rather than signal
_PIECE = 0.02  # seconds in which noise is measured
_QUIET = 10  # per cent of these pieces
_LEAST = 1e-15  # power, so that its logarithm is finite


def nuisance_table(X: Any) -> pd.DataFrame:
    """Measure what each recording holds besides EMG.

    A disease changes none of these measures, but a ward, a machine or an examiner does. Where
    they differ between diagnoses, a classifier may learn them instead of the disease.

    Parameters
    ----------
    X : Recordings of signals, or DataFrame with the columns ``signal`` and ``sfreq``

    Returns
    -------
    DataFrame, a row for each recording
        ``n_recordings`` of its subject; ``length`` in seconds; ``sfreq`` in hertz; ``offset``
        (mean, mV); ``mains``, the power of the line at 50 or 60 Hz, whichever is greater, and
        ``harmonics``, that of their second to fifth multiples, both only of lines that rise to
        twenty times the spectrum around them, as EMG hardly ever does; ``drift``, power below 5 Hz;
        ``above_band`` and ``noise_floor``, power per hertz above 4.5 kHz and above 0.45 of the
        rate, in the quietest tenth of pieces of 20 ms;
        ``clipped``, the share of samples at the limits of the converter. Powers are decimal
        logarithms of mV² or mV²/Hz, with a floor of -15. NaN where the rate or the length is too
        low to measure: ``above_band`` below a rate of 10 kHz, ``mains`` and ``harmonics`` below
        some 0.7 s, where nothing stands beside a line.

    Raises
    ------
    ValueError
        If `X` holds no signals, or the rate of a recording is unknown.
    InvalidRecordingsError
        Naming the rows of a DataFrame that `Recordings` would not take.

    Notes
    -----
    They are powers rather than shares of the power, which would tell how strong the EMG is. Where
    a recording has no pause, a little of the EMG reaches the highest frequencies; at 10 kHz and
    below, the measures of noise hold more of it than at the rates of EMG machines.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> from sknemg.evaluation import nuisance_table
    >>> noise = np.random.default_rng(0).normal(scale=0.01, size=20_000)
    >>> hum = 0.1 * np.sin(2 * np.pi * 60 * np.arange(20_000) / 20_000)
    >>> X = Recordings([noise, noise + hum + 0.5], sfreq=20_000, subject="S1")
    >>> nuisance_table(X)[["n_recordings", "length", "offset", "mains"]].round(1)
       n_recordings  length  offset  mains
    0           2.0     1.0     0.0  -15.0
    1           2.0     1.0     0.5   -2.3
    """
    data = signals_of(X)
    rates = data["sfreq"].to_numpy(dtype=float)
    rows = [_measure(row, rate) for row, rate in zip(data, rates, strict=True)]
    table = pd.DataFrame(rows, columns=[*MEASURES][3:], dtype=float)
    table.insert(0, "n_recordings", _recordings_of_each(data))
    table.insert(1, "length", np.asarray(data.durations, dtype=float))
    table.insert(2, "sfreq", rates)
    return table


def signals_of(X: Any) -> Recordings:
    """Bring a container to `Recordings` of signals with known rates, or say what is wanted."""
    data = to_recordings(X)
    if not isinstance(data, Recordings) or data.item_shape != ():
        raise ValueError(
            f"X is of type {type(X).__name__} and holds no signals to measure: give Recordings of "
            "signals, or a DataFrame with the columns 'signal' and 'sfreq'."
        )
    unknown = np.flatnonzero(data["sfreq"].isna())
    if len(unknown):
        where = f" in {listed(unknown, 'row')}" if len(unknown) < len(data) else ""
        raise ValueError(f"The rates of the recordings are unknown{where}: give `sfreq` in hertz.")
    return data if isinstance(X, Recordings) else data.validate()


def nuisance_model(random_state: int | None = None) -> Pipeline:
    """Build a classifier of recordings that sees no EMG, only their `nuisance_table`.

    Its score shows how much the circumstances of a cohort reveal. What counts is how much a method
    gains over it: see :func:`sknemg.evaluation.gains_of`.

    Parameters
    ----------
    random_state : int, default=None

    Returns
    -------
    Pipeline
        The measures and a random forest that weighs the classes alike. An evaluation scores a
        subject by the mean over its recordings.

    Examples
    --------
    >>> from sknemg.evaluation import nuisance_model
    >>> [name for name, _ in nuisance_model().steps]
    ['nuisance', 'forest']
    """
    forest = RandomForestClassifier(
        200, min_samples_leaf=2, class_weight="balanced", random_state=random_state
    )
    return Pipeline([("nuisance", FunctionTransformer(nuisance_table)), ("forest", forest)])


def measures_nuisance(step: Any) -> bool:
    """Tell whether a step is the `nuisance_table` of a `nuisance_model`.

    Its measures of a recording are the same in all folds by subject: it looks at no other
    recordings than those of the subject.

    Parameters
    ----------
    step : estimator

    Returns
    -------
    bool
    """
    return isinstance(step, FunctionTransformer) and step.func is nuisance_table


def _recordings_of_each(X: Recordings) -> NDArray[np.float64]:
    if "subject" not in X:
        return np.ones(len(X))
    subject = X["subject"]
    return subject.map(subject.value_counts()).to_numpy(dtype=float)


def _measure(signal: NDArray[Any], rate: float) -> list[float]:
    if len(signal) < 2:
        return [np.nan] * (len(MEASURES) - 3)
    wave = signal.astype(np.float64)
    offset = float(wave.mean())
    wave -= offset
    n_fft = next_fast_len(len(wave), real=True)
    frequency, power = filters.periodogram(wave, rate, window="hann", nfft=n_fft)
    step = float(frequency[1])
    lines = [_line(frequency, power, mains) for mains in MAINS]
    overtones = [sum(_line(frequency, power, k * mains) for k in _OVERTONES) for mains in MAINS]
    slow = (frequency > 0) & (frequency < _DRIFT)
    drift = power[slow].sum() * step if slow.any() else np.nan
    above, floor = _noise(wave, rate)
    powers = [np.max(lines), np.max(overtones), drift, above, floor]
    clipped = describe_signal(signal, rate).clipped_fraction
    return [offset, *(float(np.log10(power + _LEAST)) for power in powers), clipped]


def _line(frequency: NDArray[Any], power: NDArray[Any], line: float) -> float:
    """Power of a line that stands out from the spectrum around it, else 0; NaN without one."""
    step = frequency[1]
    reach = max(_NARROW, 2.5 * step)
    low, high = np.searchsorted(frequency, [line - _AROUND, line + _AROUND])
    away = np.abs(frequency[low:high] - line)
    at, beside = away <= reach, away > 2 * reach
    if line + _AROUND > frequency[-1] or not at.any() or not beside.any():
        return np.nan
    density, around = power[low:high][at], power[low:high][beside].mean()
    return float(density.sum() * step) if density.max() > _STANDS_OUT * around else 0.0


def _noise(wave: NDArray[np.float64], rate: float) -> tuple[float, float]:
    """Power per hertz above the band of EMG, and at the top of the spectrum, where it is quiet."""
    n = round(_PIECE * rate)
    if n < 8 or len(wave) < n:
        return np.nan, np.nan
    pieces = wave[: len(wave) // n * n].reshape(-1, n)
    n_fft = next_fast_len(n, real=True)
    frequency, power = filters.periodogram(pieces, rate, window="hann", nfft=n_fft, axis=1)
    edge = _TOP * rate
    levels = []
    for low in (_ABOVE, edge):
        band = (frequency >= low) & (frequency <= rate / 2)
        lacking = not band.any() or low > edge
        levels.append(
            np.nan if lacking else float(np.percentile(power[:, band].mean(axis=1), _QUIET))
        )
    return levels[0], levels[1]
