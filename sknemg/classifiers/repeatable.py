"""The same seed gives the same bits: torch's chance and cuDNN's sums, for the time of a fit."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

#: torch draws initial weights and dropout from one generator per process. Threads take turns with
#: it, so that a seed gives the same bits whichever backend joblib runs on.
_GENERATOR = threading.RLock()


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch inside, alone among the threads, and give its global state back afterwards.

    Numbers are of 32 bits inside, and tensors ones that can be learned, whatever the program around
    has set.
    """
    devices = [device] if device.type == "cuda" else []
    with _GENERATOR, torch.random.fork_rng(devices), torch.inference_mode(False):
        dtype = torch.get_default_dtype()
        torch.set_default_dtype(torch.float32)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)


class _Convolutions:
    """cuDNN's settings while fits run, in one thread or in several: the last one restores them.

    Left to itself, cuDNN adds up the gradients of a convolution in whichever order its threads
    finish, and may time several ways to choose one: two fits of the same seed then end with
    different weights. On an H100 nEMGNet trains as fast without.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_fits = 0
        self._before = (False, False)

    def enter(self) -> None:
        with self._lock:
            cudnn = torch.backends.cudnn
            if not self._n_fits:
                self._before = cudnn.deterministic, cudnn.benchmark
                cudnn.deterministic, cudnn.benchmark = True, False
            self._n_fits += 1

    def leave(self) -> None:
        with self._lock:
            self._n_fits -= 1
            if not self._n_fits:
                torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = self._before


_CONVOLUTIONS = _Convolutions()


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """Let convolutions on a GPU give the same bits each time, inside; nothing on a CPU."""
    if device.type != "cuda":
        yield
        return
    _CONVOLUTIONS.enter()
    try:
        yield
    finally:
        _CONVOLUTIONS.leave()
