"""Turns of the signal, by the rules of Stålberg and of Willison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknemg.recordings import Windows
from sknemg.recordings._problems import check_choice, listed, shown
from sknemg.signal import LARGEST_AMPLITUDE, implausible
from sknemg.signal.rates import is_number

#: Part of a threshold by which a change may fall short of it: the rounding of digitised samples.
_ROUNDING = 1e-5

Rule = Literal["stalberg", "willison"]
RULES: tuple[Rule, ...] = get_args(Rule)


def check_thresholds(
    thresholds: Sequence[float], *, what: str, usual: Sequence[float], scale: float = 1.0
) -> None:
    """Refuse what are no thresholds of turns, or would be named alike.

    Parameters
    ----------
    thresholds : sequence of float
    what : str
        What they are, for the message.
    usual : sequence of float
        Such as they should be.
    scale : float, default=1.0
        Times which they are written in the names of features.

    Examples
    --------
    >>> check_thresholds([0.1, 0.1000001], what="finite changes above 0 mV", usual=(0.02, 0.1))
    Traceback (most recent call last):
    ValueError: thresholds=[0.1, 0.1000001] has several that are named ['0.1']: give each once, \
unlike in its first six digits.
    """
    given = np.asarray(thresholds, dtype=object)
    if given.ndim != 1 or not len(given) or not all(map(is_positive, given)):
        raise ValueError(
            f"thresholds={thresholds!r} must be one or more {what}: give them as {usual}."
        )
    names = [f"{scale * threshold:g}" for threshold in given]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(
            f"thresholds={thresholds!r} has several that are named {shown(twice)}: give each once, "
            "unlike in its first six digits."
        )


def is_positive(value: Any) -> bool:
    """Tell a finite number above 0 from what is none."""
    return is_number(value) and value > 0


class Turns(NamedTuple):
    """Turns of several segments, segment after segment in the order of time.

    Attributes
    ----------
    row : ndarray of int64, shape (n_turns,)
        The segment of each turn.
    position : ndarray of int64, shape (n_turns,)
        Its sample in the segment.
    change : ndarray of float64, shape (n_turns,)
        Change of potential in mV that led to it; NaN where the segment began on the way.
    """

    row: NDArray[np.int64]
    position: NDArray[np.int64]
    change: NDArray[np.float64]


def find_turns(segments: ArrayLike, *, threshold: float = 0.1, rule: Rule = "stalberg") -> Turns:
    """Find the turns of every segment.

    A **turn** is a reversal of the potential, peak or trough. By Stålberg's rule [1]_ it counts if
    it was reached, and is left, by a change of at least `threshold`: smaller wiggles on the way do
    not end a rise or a fall. By Willison's [2]_ it counts if it differs by at least `threshold`
    from the reversal just before, whatever its size: wiggles part a rise into smaller ones. The
    apparatus of 1964 was analogue, and descriptions of its rule differ; this one is the usual.
    A change that the beginning of a segment cuts off counts from the first sample. The first and
    the last sample are never turns.

    Parameters
    ----------
    segments : array of shape (n_segments, n_times)
        Segments in mV.
    threshold : float, default=0.1
        Smallest change that counts, in mV, up to the rounding of samples (0.001 % of it).
    rule : {"stalberg", "willison"}, default="stalberg"

    Returns
    -------
    Turns
        Arrays ``row``, ``position`` and ``change``. Of equal samples at a peak, the last is it.

    Raises
    ------
    ValueError
        If segments hold samples that are NaN, infinite or beyond 1e6 mV, the threshold is no
        finite number above 0, or the rule is unknown.

    References
    ----------
    .. [1] E. Stålberg, J. Chu, V. Bril, S. Nandedkar, S. Stålberg, M. Ericsson, "Automatic analysis
       of the EMG interference pattern", Electroencephalogr Clin Neurophysiol 56:672-681, 1983.
    .. [2] R. G. Willison, "Analysis of electrical activity in healthy and dystrophic muscle in
       man", J Neurol Neurosurg Psychiatry 27:386-394, 1964.

    Examples
    --------
    A dip of 0.05 mV on the way up is passed over by Stålberg's rule. By Willison's it divides the
    rise into one of 1 mV and one of 0.15 mV, which both count:

    >>> from sknemg.features import find_turns
    >>> signal = [[0.0, 1.0, 0.95, 1.1, 0.0, 0.5]]
    >>> find_turns(signal).position, find_turns(signal, rule="willison").position
    (array([3, 4]), array([1, 3, 4]))
    >>> find_turns(signal, rule="willison").change.round(2)
    array([ nan, 0.15, 1.1 ])
    """
    check_choice(RULES, rule=rule)
    if not is_positive(threshold):
        raise ValueError(f"threshold={threshold!r} must be a finite number above 0: give 0.1 mV.")
    segments = np.asarray(segments, dtype=np.float64)
    check_segments(segments)
    one = _stalberg if rule == "stalberg" else _willison
    found = [one(row, threshold * (1 - _ROUNDING)) for row in segments]
    position = np.concatenate([np.empty(0, dtype=np.int64), *(own for own, _ in found)])
    change = np.concatenate([np.empty(0), *(own for _, own in found)])
    return Turns(np.repeat(np.arange(len(found)), [len(own) for own, _ in found]), position, change)


def _reversals(signal: NDArray[np.float64]) -> NDArray[np.int64]:
    """Where the signal changes its direction, the last sample of a plateau."""
    steps = np.diff(signal)
    moving = np.flatnonzero(steps)
    turned = np.flatnonzero(np.diff(steps[moving] > 0))
    return moving[turned + 1]


def _willison(
    signal: NDArray[np.float64], threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    at = _reversals(signal)
    change = np.abs(np.diff(signal[at], prepend=signal[:1]))
    counts = change >= threshold
    change[:1] = np.nan
    return at[counts], change[counts]


def _stalberg(
    signal: NDArray[np.float64], threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    at = np.concatenate([[0], _reversals(signal), [len(signal) - 1]])
    turns: list[int] = []
    heading = high_at = low_at = 0  # heading: 1 up, -1 down, 0 not yet known
    values = signal[at].tolist() if len(signal) else []
    high = low = values[0] if values else 0.0
    for place, value in enumerate(values):
        if value >= high:
            high, high_at = value, place
        if value <= low:
            low, low_at = value, place
        if heading >= 0 and high - value >= threshold:
            if heading:
                turns.append(high_at)
            heading, high, low, high_at, low_at = -1, value, value, place, place
        elif heading <= 0 and value - low >= threshold:
            if heading:
                turns.append(low_at)
            heading, high, low, high_at, low_at = 1, value, value, place, place
    position = at[turns]
    return position, np.abs(np.diff(signal[position], prepend=np.nan))


def count_turns(
    segments: ArrayLike, *, threshold: float = 0.1, rule: Rule = "stalberg"
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count turns, with the mean change of potential from one turn to the next.

    Parameters
    ----------
    segments : array of shape (n_segments, n_times)
        Segments in mV.
    threshold : float, default=0.1
        Smallest change that counts, in mV; 100 µV since Willison.
    rule : {"stalberg", "willison"}, default="stalberg"
        See :func:`find_turns`.

    Returns
    -------
    n_turns : ndarray of int64, shape (n_segments,)
    amplitude : ndarray of shape (n_segments,)
        Mean absolute change that led to a turn, in mV; 0 with fewer than two turns.

    Examples
    --------
    >>> n_turns, amplitude = count_turns([[0.0, 1.0, 0.95, 1.1, 0.0, 0.5, 0.3]])
    >>> n_turns, amplitude.round(3)
    (array([3]), array([0.8]))
    """
    turns = find_turns(segments, threshold=threshold, rule=rule)
    return turns_a_row(turns, len(np.asarray(segments)))


def turns_a_row(turns: Turns, n_rows: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count turns that were found, with the mean change that led to one."""
    known = ~np.isnan(turns.change)
    total = np.bincount(turns.row[known], weights=turns.change[known], minlength=n_rows)
    n_changes = np.bincount(turns.row[known], minlength=n_rows)
    return np.bincount(turns.row, minlength=n_rows), total / np.maximum(n_changes, 1)


def check_some(segments: NDArray[Any] | Windows) -> None:
    """Refuse segments without samples, of which there is nothing to measure."""
    if not segments.shape[1]:
        raise ValueError(f"Segments of shape {segments.shape} hold no samples: give longer ones.")


def check_segments(segments: NDArray[Any]) -> None:
    """Refuse what are no segments in millivolts."""
    if segments.ndim != 2:
        raise ValueError(f"Segments have the shape (n_segments, n_times), got {segments.shape}.")
    bad = np.flatnonzero(~np.isfinite(segments).all(axis=1))
    if bad.size:
        raise ValueError(
            f"Samples are NaN or infinite in {listed(bad, 'segment')}: leave them out."
        )
    if (large := np.flatnonzero(implausible(segments))).size:
        raise ValueError(
            f"Amplitudes beyond {LARGEST_AMPLITUDE:g} mV in {listed(large, 'segment')}: give "
            "signals in millivolts."
        )
