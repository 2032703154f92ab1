"""Quality of raw signals: level, flaws, and one warning of what cannot be needle EMG."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.recordings import ImplausibleWarning, Recordings
from sknemg.recordings._plausible import (
    AMPLITUDES,
    HIGHEST_PEAK,
    LOW_RATE,
    LOWEST_RATE,
    SHORT,
    lowest_level,
    too_short,
    unlike_emg,
)
from sknemg.recordings._problems import capped, shown
from sknemg.signal import SignalLevel, describe_signal, mains_share, repeated_stretches

LONGEST_FLAT = 0.5  # s
MOST_CLIPPED = 1e-3  # of the samples
MOST_MAINS = 0.25  # of the power; 0.06 is the most that simulated and public EMG shows
_MAINS_TIME = 0.2  # s, ten periods of mains
LEAST_OFFSET = 0.01  # mV, and beyond the rms about the mean

#: What can be wrong with a recording, and what it means.
FLAWS = {
    "amplitude": AMPLITUDES["amplitude"],
    "counts": AMPLITUDES["counts"],
    "level": AMPLITUDES["level"],
    "flat": f"flat for {LONGEST_FLAT:g} s or longer, as with a channel that was off or saturated",
    "clipped": f"{MOST_CLIPPED:.1%} of the samples or more at the limits, as with too high a gain",
    "mains": f"{MOST_MAINS:.0%} of the power or more on mains lines",
    "offset": "an offset larger than the signal",
    "repeated": "a stretch of signal that occurs twice",
    "short": SHORT,
    "rate": LOW_RATE,
    "rates": "several sampling rates within a subject",
}


def quality(X: Recordings) -> pd.DataFrame:
    """Describe the samples of each recording.

    Parameters
    ----------
    X : Recordings
        Signals.

    Returns
    -------
    DataFrame of n_recordings rows
        ``recording`` (the name in the column ``recording``, else ``file``, else the row),
        ``duration`` (s), ``rms`` and ``peak`` (mV, about the mean), ``flat_seconds`` (longest
        run of one repeated value), ``flat_fraction`` (share of samples in such runs of 20 ms or
        more), ``clipped_fraction`` (share of samples that lie three or more in a row within
        0.02 % of the peak-to-peak amplitude of the recording's largest or smallest value),
        ``mains_fraction`` (share of power on 50 or 60 Hz and four overtones) and ``offset`` (mV,
        the mean).

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> from sknemg.datasets import quality
    >>> wave = np.sin(np.arange(10_000) / 10)
    >>> dead = np.where(np.arange(10_000) < 4_000, wave, 0)
    >>> X = Recordings([wave, dead, wave.clip(-0.5, 0.9)], sfreq=10_000)
    >>> quality(X)[["flat_seconds", "flat_fraction", "clipped_fraction"]].round(2)
       flat_seconds  flat_fraction  clipped_fraction
    0           0.0            0.0              0.00
    1           0.6            0.6              0.00
    2           0.0            0.0              0.48
    """
    _check_signals(X)
    rows = [describe_signal(signal, rate) for signal, rate in zip(X, X["sfreq"], strict=True)]
    table = pd.DataFrame(rows, columns=SignalLevel._fields, index=X.meta.index)
    table.insert(0, "recording", _names(X))
    table.insert(1, "duration", X.durations)
    hum = [mains_share(signal, rate) for signal, rate in zip(X, X["sfreq"], strict=True)]
    offset = [float(signal.mean(dtype=np.float64)) for signal in X]
    return table.assign(mains_fraction=hum, offset=offset)


def find_flaws(X: Recordings) -> pd.DataFrame:
    """List what speaks against recordings being needle EMG in millivolts.

    Each line is one flaw of one recording: an amplitude or a level that no needle EMG has, or
    whole numbers only, which mostly is a wrong unit; flat or clipped signal; mains hum; an offset;
    a stretch that occurs twice, in one recording or in two; less than 10 ms; a sampling rate below
    500 Hz; several sampling rates within a subject.

    Parameters
    ----------
    X : Recordings
        Signals.

    Returns
    -------
    DataFrame, columns ``row``, ``recording``, ``flaw``, ``found``
        ``row`` is the position in X, ``flaw`` a short word (``amplitude``, ``counts``, ``level``,
        ``flat``, ``clipped``, ``mains``, ``offset``, ``repeated``, ``short``, ``rate``, ``rates``),
        ``found`` what was measured.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> from sknemg.datasets import find_flaws
    >>> wave = np.random.default_rng(0).normal(size=(2, 10_000))
    >>> X = Recordings([1000 * wave[0], wave[1], wave[1] + 9], sfreq=10_000, recording=[*"abc"])
    >>> find_flaws(X)
       row recording       flaw    found
    0    0         a  amplitude  3906 mV
    1    2         c     offset     9 mV
    """
    return flaws_of(X, quality(X))


def flaws_of(X: Recordings, table: pd.DataFrame, only: Collection[str] = FLAWS) -> pd.DataFrame:
    """List the flaws of recordings that `quality` has measured, or some kinds of them."""
    rates = X["sfreq"].to_numpy(dtype=float)
    found = [line for line in _in_levels(table, rates) if line[1] in only]
    if "repeated" in only:
        found += _in_stretches(X, table["recording"].tolist())
    if "counts" in only:
        counts = unlike_emg(X.values, X.offsets, rates).get("counts", {})
        found += [(row, "counts", text) for row, text in counts.items()]
    if "short" in only:
        found += [(row, "short", text) for row, text in too_short(X.lengths, rates).items()]
    if "rate" in only:
        low = np.flatnonzero(rates < LOWEST_RATE).tolist()
        found += [(row, "rate", f"{rates[row]:g} Hz") for row in low]
    if "rates" in only:
        found += _in_rates(X)
    order = list(FLAWS)
    found.sort(key=lambda line: (order.index(line[1]), line[0]))
    lines = [(row, table["recording"].iloc[row], flaw, text) for row, flaw, text in found]
    return pd.DataFrame(lines, columns=["row", "recording", "flaw", "found"])


def _in_levels(table: pd.DataFrame, rates: NDArray[np.float64]) -> Iterator[tuple[int, str, str]]:
    of: Any
    for row, of in enumerate(table.itertuples()):
        if of.peak > HIGHEST_PEAK:
            yield row, "amplitude", f"{of.peak:.0f} mV"
        if of.flat_seconds >= min(LONGEST_FLAT, of.duration) or of.peak == 0:
            yield row, "flat", f"{of.flat_seconds:.2f} of {of.duration:.2f} s"
        elif of.rms < lowest_level(rates[row]):
            yield row, "level", f"{1e3 * of.rms:.2g} µV"
        if of.clipped_fraction >= MOST_CLIPPED:
            yield row, "clipped", f"{of.clipped_fraction:.1%}"
        if of.mains_fraction >= MOST_MAINS and of.duration >= _MAINS_TIME:
            yield row, "mains", f"{of.mains_fraction:.0%}"
        if abs(of.offset) > max(of.rms, LEAST_OFFSET):
            yield row, "offset", f"{of.offset:.3g} mV"


def _in_stretches(X: Recordings, names: list[str]) -> Iterator[tuple[int, str, str]]:
    subjects = X["subject"].tolist() if "subject" in X else [None] * len(X)
    for row, other, start, again in repeated_stretches(list(X)):
        at, then = start / X["sfreq"].iloc[row], again / X["sfreq"].iloc[other]
        text = f"from {at:.2f} s and from {then:.2f} s"
        if row != other:
            whose = f" of subject {shown(subjects[other])}" * (subjects[row] != subjects[other])
            text = f"from {at:.2f} s, in {names[other]}{whose} from {then:.2f} s"
        yield row, "repeated", text


def _in_rates(X: Recordings) -> Iterator[tuple[int, str, str]]:
    if "subject" not in X:
        return
    rates = X["sfreq"].to_numpy(dtype=float)
    subjects = X.meta.reset_index(drop=True).groupby("subject", sort=False, observed=True)
    for who, rows in subjects.groups.items():
        if len(several := np.unique(rates[rows])) > 1:
            text = f"{capped(several.tolist(), spell='{:g}'.format)} Hz of subject {shown(who)}"
            yield int(rows[0]), "rates", text


def warn_if_implausible(
    X: Recordings, only: Collection[str] = FLAWS, *, stacklevel: int = 2
) -> None:
    """Warn once of all flaws, naming the recordings."""
    found = flaws_of(X, quality(X), only)
    if not len(found):
        return
    lines = [
        f"  {FLAWS[str(flaw)]}: {capped([*_placed(X, lines)])}"
        for flaw, lines in found.groupby("flaw", sort=False)
    ]
    n = found["row"].nunique()
    warnings.warn(
        f"{n} of {len(X)} recordings {'is' if n == 1 else 'are'} implausible:\n"
        + "\n".join(lines)
        + "\nCorrect the unit or the rate, or leave out what carries no signal: "
        "sknemg.datasets.find_flaws(X), or 'sknemg validate', lists all.",
        ImplausibleWarning,
        stacklevel=stacklevel + 1,
    )


def _placed(X: Recordings, lines: pd.DataFrame) -> Iterator[str]:
    """Say where each flaw is: the row of the table, if there is one, and the name."""
    for row, name, found in zip(lines["row"], lines["recording"], lines["found"], strict=True):
        at = f"row {X['table_row'].iloc[row]}, " if "table_row" in X else ""
        yield f"{at}{name} ({found})"


def _check_signals(X: Recordings) -> None:
    if X.item_shape != ():
        raise ValueError(
            "X holds segments or images, not signals: give what comes before the Segmenter."
        )


def _names(X: Recordings) -> list[str]:
    for column in ("recording", "file"):
        if column in X and X[column].notna().all():
            return [str(name) for name in X[column]]
    return [str(row) for row in range(len(X))]
