"""Occlusion: removing parts of a segment in time or frequency, and the fall of its scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.divote.fitted import open_model
from sknemg.features.segments import BANDS, check_bands
from sknemg.signal import check_rate

Predict = Callable[[NDArray[Any]], NDArray[Any]]


def occlude_time(
    predict: Predict | Any,
    segment: ArrayLike,
    sfreq: float,
    *,
    width: float = 0.02,
    step: float = 0.01,
) -> pd.DataFrame:
    """Silence a segment piece by piece and measure how its scores fall.

    It works with any classifier, network or not.

    Parameters
    ----------
    predict : callable or fitted model
        A callable is like ``predict_proba``: (n_segments, n_times) to (n_segments, n_classes).
        A model may be a segment classifier, or a DiVoteClassifier, Pipeline, search, calibrated
        or soft voting classifier around one; its scores are those of its segments.
    segment : array-like of shape (n_times,)
        In mV.
    sfreq : float
        Sampling rate in Hz.
    width, step : float, default=0.02, 0.01
        Length of a silenced piece, and time from the start of one to that of the next, in
        seconds. The edges of a piece fade, so that the signal has no steps.

    Returns
    -------
    DataFrame with a row for each piece
        ``start`` and ``stop`` in seconds, and a column for each class: by how much its score
        falls. The classes of a model have their labels, those of a callable their numbers.

    Raises
    ------
    ValueError
        If the segment holds NaN or infinite values, or not 0 < `step` <= `width` <= its length.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg.inspection import occlude_time
    >>> segment = np.zeros(100)
    >>> segment[52:57] = 1.0
    >>> def predict(segments):
    ...     score = segments.max(axis=1)
    ...     return np.column_stack([score, 1 - score])
    >>> fall = occlude_time(predict, segment, 100, width=0.2, step=0.2)
    >>> fall.loc[fall[0].idxmax(), ["start", "stop"]].tolist()
    [0.4, 0.6]
    """
    check_rate(sfreq)
    segment = check_segment(segment)
    n_piece, n_step = round(width * sfreq), round(step * sfreq)
    if not 0 < n_step <= n_piece <= len(segment):
        raise ValueError(
            f"step={step:g} and width={width:g} must satisfy 0 < step <= width <= "
            f"{len(segment) / sfreq:g} s, the length of the segment."
        )
    starts = np.arange(0, len(segment) - n_piece + 1, n_step)
    ramp = np.minimum(np.arange(1, n_piece + 1), np.arange(n_piece, 0, -1)) / (0.1 * n_piece + 1)
    fade = 0.5 + 0.5 * np.cos(np.pi * np.minimum(ramp, 1))
    silenced = np.tile(segment, (len(starts), 1))
    for row, start in zip(silenced, starts, strict=True):
        row[start : start + n_piece] *= fade
    table = pd.DataFrame({"start": starts / sfreq, "stop": (starts + n_piece) / sfreq})
    return table.join(_falls(predict, segment, silenced, sfreq))


def occlude_bands(
    predict: Predict | Any,
    segment: ArrayLike,
    sfreq: float,
    *,
    bands: Sequence[tuple[float, float]] = BANDS,
) -> pd.DataFrame:
    """Remove frequency bands from a segment and measure how its scores fall.

    Parameters
    ----------
    predict : callable or fitted model
        As for :func:`occlude_time`.
    segment : array-like of shape (n_times,)
        In mV.
    sfreq : float
        Sampling rate in Hz.
    bands : sequence of (low, high)
        In Hz, ``low <= frequency < high``, by default those of :class:`~sknemg.SegmentFeatures`.

    Returns
    -------
    DataFrame with a row for each band
        ``low`` and ``high`` in Hz, and a column for each class: by how much its score falls. The
        classes of a model have their labels, those of a callable their numbers.

    Raises
    ------
    ValueError
        If the segment holds NaN or infinite values, or a band is not a pair of frequencies, the
        lower first.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg.inspection import occlude_bands
    >>> segment = np.sin(2 * np.pi * 50 * np.arange(1000) / 1000)
    >>> fall = occlude_bands(lambda x: (x**2).mean(axis=1, keepdims=True), segment, 1000,
    ...                      bands=[(10, 100), (100, 500)])
    >>> fall.round(2)
       low  high    0
    0   10   100  0.5
    1  100   500 -0.0
    """
    check_rate(sfreq)
    segment = check_segment(segment)
    check_bands(bands)
    edges = np.array(bands)
    spectrum = np.fft.rfft(segment)
    freqs = np.fft.rfftfreq(len(segment), 1 / sfreq)
    outside = (freqs < edges[:, :1]) | (freqs >= edges[:, 1:])
    filtered = np.fft.irfft(spectrum * outside, n=len(segment)).astype(np.float32)
    return pd.DataFrame(edges, columns=["low", "high"]).join(
        _falls(predict, segment, filtered, sfreq)
    )


def _falls(
    predict: Any, segment: NDArray[Any], changed: NDArray[Any], sfreq: float
) -> pd.DataFrame:
    """Subtract the scores of changed segments from those of the segment."""
    names = None
    if hasattr(predict, "predict_proba"):
        opened = open_model(predict)
        opened.check_same_rate(sfreq)
        predict, names = opened.score_items, opened.classes.tolist()
    return pd.DataFrame(predict(segment[None]) - predict(changed), columns=names)


def check_segment(segment: ArrayLike) -> NDArray[np.float32]:
    """Return one segment as an array, or say what is wrong with its shape or its samples."""
    segment = np.asarray(segment, dtype=np.float32)
    if segment.ndim != 1:
        raise ValueError(
            f"segment has shape {segment.shape}: give one segment of shape (n_times,), such as "
            "segments[0]."
        )
    if n_bad := int((~np.isfinite(segment)).sum()):
        raise ValueError(
            f"{n_bad} of the {len(segment)} samples of segment are NaN or infinite: give another."
        )
    return segment
