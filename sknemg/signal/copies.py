"""Stretches of one signal that occur in another, sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

PROBE = 64  # samples whose bits are hashed: more than chance repeats in quantised noise

SURE = 256  # samples that must agree before two stretches are said to be the same

_BITS = 20  # of a hash, by which most positions are told to be no copies


def repeated_stretches(
    signals: Sequence[NDArray[Any]], groups: ArrayLike | None = None
) -> list[tuple[int, int, int, int]]:
    """Find signals that hold the same samples.

    A copy is found wherever it lies in the other signal, if it is 512 samples long and not flat.
    A copy that was scaled or resampled is not found.

    Parameters
    ----------
    signals : sequence of ndarray of shape (n_times,)
    groups : array-like of shape (n_signals,), default=None
        Signals of one group are not compared. Without groups all are, also each with itself: a
        stretch of it may lie in it twice.

    Returns
    -------
    list of (int, int, int, int)
        For each pair of signals, sorted, their positions and where in each the same samples were
        seen first.

    Examples
    --------
    >>> import numpy as np
    >>> a, b = np.random.default_rng(0).normal(size=(2, 4000))
    >>> repeated_stretches([a, np.concatenate([b, a[1000:2000]]), np.tile(b[:1500], 2)])
    [(0, 1, 1032, 4032), (1, 2, 0, 0), (2, 2, 0, 1500)]
    """
    group = np.arange(len(signals)) if groups is None else np.asarray(groups)
    step = 2 * SURE - PROBE  # a copy of 512 samples holds one whole probe, with room to be sure
    row, start, probe = _probes(signals, step)
    order = np.argsort(probe, kind="stable")
    row, start, probe = row[order], start[order], probe[order]
    listed = np.zeros(1 << _BITS, dtype=bool)
    listed[probe >> np.uint64(64 - _BITS)] = True
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for other, signal in enumerate(signals):
        hashes = _hashes(signal)
        at = np.flatnonzero(listed[hashes >> np.uint64(64 - _BITS)])
        first, last = (np.searchsorted(probe, hashes[at], side=side) for side in ("left", "right"))
        for position, low, high in zip(at, first, last, strict=True):
            for hit in range(low, high):
                pair = (int(row[hit]), other)
                if pair in found or pair[::-1] in found:
                    continue
                if group[pair[0]] == group[other] and (groups is not None or pair[0] != other):
                    continue
                if pair[0] == other and position <= start[hit]:
                    continue
                if _same(signals[pair[0]], int(start[hit]), signal, int(position)):
                    found[pair] = (int(start[hit]), int(position))
    return sorted(
        (*sorted(pair), *(at if pair[0] <= pair[1] else at[::-1]))  # type: ignore[misc]
        for pair, at in found.items()
    )


def _hashes(signal: NDArray[Any]) -> NDArray[np.uint64]:
    """Hash the PROBE samples from every position on; flat stretches hash to 0."""
    n_hashes = len(signal) - PROBE + 1
    if n_hashes < 1:
        return np.empty(0, dtype=np.uint64)
    hashes = _bits(signal).astype(np.uint64)
    flat = hashes[1:] == hashes[:-1]
    width = 1
    while width < PROBE:  # each round joins two neighbouring stretches, in their order
        hashes = _joined(hashes[:-width], hashes[width:], width)
        width *= 2
    n_flat = np.concatenate([[0], np.cumsum(flat)])
    hashes[n_flat[PROBE - 1 :] - n_flat[:n_hashes] > PROBE // 2] = 0
    return hashes


def _hashes_every(signal: NDArray[Any], step: int) -> NDArray[np.uint64]:
    """Every `step`-th of the hashes, without the others."""
    if len(signal) < PROBE:
        return np.empty(0, dtype=np.uint64)
    pieces = np.lib.stride_tricks.sliding_window_view(_bits(signal), PROBE)[::step]
    flat = pieces[:, 1:] == pieces[:, :-1]
    hashes = pieces.astype(np.uint64)
    width = 1
    while width < PROBE:
        hashes = _joined(hashes[:, ::2], hashes[:, 1::2], width)
        width *= 2
    return np.where(flat.sum(axis=1) > PROBE // 2, np.uint64(0), hashes[:, 0])


def _bits(signal: NDArray[Any]) -> NDArray[np.uint32]:
    return np.ascontiguousarray(signal, dtype=np.float32).view(np.uint32)


def _joined(left: NDArray[Any], right: NDArray[Any], width: int) -> NDArray[np.uint64]:
    """Hash two neighbouring stretches of this width by their hashes."""
    hashes: NDArray[np.uint64] = (left * np.uint64(0x9E3779B97F4A7C15)) ^ (
        right + (right >> np.uint64(29)) + np.uint64(width)
    )
    hashes *= np.uint64(0xBF58476D1CE4E5B9)
    hashes ^= hashes >> np.uint64(32)
    return hashes


def _probes(
    signals: Sequence[NDArray[Any]], step: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.uint64]]:
    rows, starts, probes = [], [], []
    for row, signal in enumerate(signals):
        hashes = _hashes_every(signal, step)
        kept = np.flatnonzero(hashes)
        rows.append(np.full(len(kept), row))
        starts.append(kept * step)
        probes.append(hashes[kept])
    if not rows:
        return np.empty(0, int), np.empty(0, int), np.empty(0, np.uint64)
    return np.concatenate(rows), np.concatenate(starts), np.concatenate(probes)


def _same(a: NDArray[Any], at_a: int, b: NDArray[Any], at_b: int) -> bool:
    """Whether SURE samples in a row agree where two hashes met."""
    after = _agreeing(a[at_a : at_a + SURE], b[at_b : at_b + SURE])
    before = _agreeing(a[max(0, at_a - SURE) : at_a][::-1], b[max(0, at_b - SURE) : at_b][::-1])
    return after + before >= SURE


def _agreeing(a: NDArray[Any], b: NDArray[Any]) -> int:
    n_times = min(len(a), len(b))
    differ = np.flatnonzero(a[:n_times] != b[:n_times])
    return int(differ[0]) if len(differ) else n_times
