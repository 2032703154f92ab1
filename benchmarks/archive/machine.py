"""What the machine lets two plain processes do, beside one."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack

import numpy as np

#: What a plain process does again and again, and how often a second it does so.
KERNELS = {
    "matrix product": "a = rng.normal(size=(384, 384)).astype('f4'); work = lambda: a @ a",
    "Fourier transform": "a = rng.normal(size=20_250); work = lambda: np.fft.rfft(a)",
}
_LOOP = """
import time, numpy as np
rng = np.random.default_rng(0)
{kernel}
work()
print(flush=True)
input()
n, start = 0, time.perf_counter()
while (used := time.perf_counter() - start) < {seconds}:
    work()
    n += 1
print(n / used)
"""


def measure_machine(rounds: int = 3, seconds: float = 2.0) -> dict[str, object]:
    """Measure how much more two plain processes do than one."""
    found = {"way": "machine"}
    for name, kernel in KERNELS.items():
        code = _LOOP.format(kernel=kernel, seconds=seconds)
        speed = {n: [_speed(code, n) for _ in range(rounds)] for n in (1, 2)}
        found[name] = np.median(speed[2]) / np.median(speed[1])
    return found


def _speed(code: str, n_processes: int) -> float:
    """Let processes that are ready work at the same time; give what they do a second, together."""
    env = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen([sys.executable, "-c", code], text=True, env=env, **pipes)
            )
            for _ in range(n_processes)
        ]
        for process in running:
            process.stdout.readline()
        for process in running:
            process.stdin.write("\n")
            process.stdin.flush()
        return sum(float(process.stdout.read()) for process in running)
