"""Spikes of like shape and size, clustered to the candidates for motor units."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from sknemg.muap._trains import MOST_FOREIGN, Indices, foreign_fraction

FINEST_CUT = 0.1  # relative difference below which a cluster is not cut further


def windows(signal: NDArray[Any], at: Indices, half: int) -> NDArray[Any]:
    """Cut out `half` samples on either side of each place."""
    return signal[at[:, None] + np.arange(-half, half + 1)]


def cluster(
    filtered: NDArray[Any], spikes: Indices, half: int, cut: float, least: int
) -> list[Indices]:
    """Group by average linkage; cut finer where two units are in one group."""
    if len(spikes) < max(2, least):
        return []
    tree = linkage(squareform(_differences(filtered, spikes, half), checks=False), "average")
    return _branches(tree, spikes, cut, least)


def _differences(filtered: NDArray[Any], spikes: Indices, half: int) -> NDArray[np.float32]:
    """Energy of the difference over the larger energy, the best of lags by up to a sample."""
    waves = windows(filtered, spikes, half)
    energy = np.einsum("ij,ij->i", waves, waves)
    best = waves @ waves.T
    best *= -2
    best += energy[None]
    later = windows(filtered, spikes + 1, half)
    shifted = waves @ later.T
    shifted *= -2
    shifted += np.einsum("ij,ij->i", later, later)[None]
    np.minimum(best, shifted, out=best)
    best += energy[:, None]
    best /= np.maximum(energy[:, None], energy[None])
    best = np.minimum(best, best.T)  # the other way round, the first is later
    np.maximum(best, 0, out=best)
    np.fill_diagonal(best, 0)
    return best


def _branches(tree: NDArray[Any], spikes: Indices, cut: float, least: int) -> list[Indices]:
    """Branches of a tree below a cut, and where one fires as two units would, below half of it."""
    n = len(spikes)
    ordered = spikes[leaves_list(tree)]
    left, right = tree[:, 0].astype(int).tolist(), tree[:, 1].astype(int).tolist()
    height, size = tree[:, 2].tolist(), [1] * n + tree[:, 3].astype(int).tolist()

    def below(node: int, start: int, cut: float) -> list[Indices]:
        groups: list[Indices] = []
        pending = [(node, start)]
        while pending:
            node, start = pending.pop()
            if size[node] < least:
                continue
            if node >= n and height[node - n] > cut:
                one, other = left[node - n], right[node - n]
                pending += [(other, start + size[one]), (one, start)]
                continue
            group = np.sort(ordered[start : start + size[node]])
            finer: list[Indices] = []
            if cut > FINEST_CUT and foreign_fraction(group) > MOST_FOREIGN:
                finer = below(node, start, cut / 2)
            groups += finer or [group]
        return groups

    return below(2 * n - 2, 0, cut)
