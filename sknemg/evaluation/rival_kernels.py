"""Rivals among random convolutions: aeon's, which leave the threads of others as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from aeon.transformations.collection import convolution_based


@contextmanager
def same_threads() -> Iterator[None]:
    """Let torch compute with as many threads afterwards as before.

    numba, which compiles these kernels, starts as many threads as there are cores in the OpenMP
    runtime that torch shares, and Hydra sets torch's own to its ``n_jobs``. A network that is
    trained later in the same process would have other last digits, and threads that wait for each
    other beside other processes.
    """
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _SameThreads:
    """Fit and transform with the threads of others kept."""

    def _fit(self, X: Any, y: Any = None) -> Any:
        with same_threads():
            return super()._fit(X, y)  # type: ignore[misc]

    def _transform(self, X: Any, y: Any = None) -> Any:
        with same_threads():
            return super()._transform(X, y)  # type: ignore[misc]


class MiniRocket(_SameThreads, convolution_based.MiniRocket):
    """aeon's MiniRocket."""


class MultiRocket(_SameThreads, convolution_based.MultiRocket):
    """aeon's MultiRocket."""


class HydraTransformer(_SameThreads, convolution_based.HydraTransformer):
    """aeon's Hydra."""
