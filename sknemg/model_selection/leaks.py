"""Find signal that two subjects share: a copied recording is a leak that no split can mend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.recordings import Recordings
from sknemg.recordings._subjects import check_subjects

PROBE = 64  # samples whose bits are hashed: more than chance repeats in quantised noise
SURE = 256  # samples that must agree before two rows are said to share signal
_BITS = 20


class LeakError(ValueError):
    """Rows of different subjects hold the same signal.

    Attributes
    ----------
    shared : DataFrame, columns ``row``, ``other_row``, ``start``, ``other_start``
        The first place found for each pair of rows.
    """

    def __init__(self, shared: pd.DataFrame):
        self.shared = shared
        lines = [f"  rows {pair.row} and {pair.other_row}" for pair in shared[:20].itertuples()]
        super().__init__(
            f"{len(shared)} pairs of rows of different subjects hold the same signal, so a test "
            "subject can be in the training set under another name:\n"
            + "\n".join(lines)
            + "\nCorrect the subjects or leave one of each pair out."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.shared,)


def find_shared_signal(X: Recordings, groups: ArrayLike) -> pd.DataFrame:
    """Find recordings of different subjects that hold the same samples.

    A copy is found wherever it lies in the other recording, if it is at least 0.05 s at 10 kHz
    (512 samples) long and not flat. A copy that was scaled or resampled is not found.

    Parameters
    ----------
    X : Recordings of signals
    groups : array-like of shape (n_recordings,)
        Subjects.

    Returns
    -------
    DataFrame, columns ``row``, ``other_row``, ``start``, ``other_start``
        One line for each pair of rows: where in each row the copy was seen first, in samples.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> from sknemg.model_selection.leaks import find_shared_signal
    >>> a, b, c = np.random.default_rng(0).normal(size=(3, 4000))
    >>> X = Recordings([a, b, np.concatenate([c, a[1000:2000]])], sfreq=10_000)
    >>> find_shared_signal(X, ["S1", "S2", "S3"])[["row", "other_row"]].values.tolist()
    [[0, 2]]
    """
    if X.item_shape != ():
        raise ValueError("Shared signal is looked for in signals, before a Segmenter.")
    subject, _ = pd.factorize(check_subjects(groups, len(X)))
    step = 2 * SURE - PROBE  # a copy of 512 samples holds one whole probe, with room to be sure
    row, start, probe = _probes(X, step)
    order = np.argsort(probe, kind="stable")
    row, start, probe = row[order], start[order], probe[order]
    listed = np.zeros(1 << _BITS, dtype=bool)
    listed[probe >> np.uint64(64 - _BITS)] = True
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for other in range(len(X)):
        hashes = _hashes(X[other])
        at = np.flatnonzero(listed[hashes >> np.uint64(64 - _BITS)])
        first, last = (np.searchsorted(probe, hashes[at], side=side) for side in ("left", "right"))
        for position, low, high in zip(at, first, last, strict=True):
            for hit in range(low, high):
                pair = (int(row[hit]), other)
                if subject[pair[0]] == subject[other] or pair in found or pair[::-1] in found:
                    continue
                if _same(X[pair[0]], int(start[hit]), X[other], int(position)):
                    found[pair] = (int(start[hit]), int(position))
    lines = [
        (*sorted(pair), *(at if pair[0] < pair[1] else at[::-1])) for pair, at in found.items()
    ]
    columns = ["row", "other_row", "start", "other_start"]
    return pd.DataFrame(sorted(lines), columns=columns, dtype=np.int64)


def check_no_shared_signal(X: Recordings, groups: ArrayLike) -> None:
    """Raise if two subjects share signal.

    Parameters
    ----------
    X : Recordings of signals
    groups : array-like of shape (n_recordings,)

    Raises
    ------
    LeakError
        With every pair of rows.
    """
    shared = find_shared_signal(X, groups)
    if len(shared):
        raise LeakError(shared)


def _hashes(signal: NDArray[Any]) -> NDArray[np.uint64]:
    """Hash the PROBE samples from every position on; flat stretches hash to 0."""
    n_hashes = len(signal) - PROBE + 1
    if n_hashes < 1:
        return np.empty(0, dtype=np.uint64)
    hashes = np.ascontiguousarray(signal, dtype=np.float32).view(np.uint32).astype(np.uint64)
    flat = hashes[1:] == hashes[:-1]
    width = 1
    while width < PROBE:  # each round joins two neighbouring stretches, in their order
        hashes = (hashes[:-width] * np.uint64(0x9E3779B97F4A7C15)) ^ (
            hashes[width:] + (hashes[width:] >> np.uint64(29)) + np.uint64(width)
        )
        hashes *= np.uint64(0xBF58476D1CE4E5B9)
        hashes ^= hashes >> np.uint64(32)
        width *= 2
    n_flat = np.concatenate([[0], np.cumsum(flat)])
    hashes[n_flat[PROBE - 1 :] - n_flat[:n_hashes] > PROBE // 2] = 0
    return hashes


def _probes(X: Recordings, step: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.uint64]]:
    rows, starts, probes = [], [], []
    for row, signal in enumerate(X):
        hashes = _hashes(signal)[::step]
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
