"""The suite on other processors: older instruction sets, other rounding, one and two threads."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        platform.machine() not in ("x86_64", "AMD64"), reason="instruction sets of x86 processors"
    ),
]
ROOT = Path(__file__).parents[1]
#: Where networks are trained, or long sums are taken by torch or a BLAS.
FOLDERS = ["classifiers", "diagnosis", "divote", "images", "inspection", "muap", "nn", "pretrained"]
#: What each library reads when it picks its kernels; the oldest set that all of them know.
OLD = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "Nehalem",
    "MKL_CBWR": "COMPATIBLE",
}
AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    "MKL_CBWR": "AVX2",
}


def run(folders, **env):
    """Run the quick tests of these folders in a process of their own; fail with all it prints."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-m", "not slow and not browser and not gpu"),
            *(f"tests/{folder}" for folder in folders),
        ],
        cwd=ROOT,
        env=os.environ | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-8000:]
    return done.stdout


@pytest.mark.parametrize(
    ("processor", "threads"), [(OLD, "1"), (AVX2, "2")], ids=["old, 1 thread", "AVX2, 2 threads"]
)
def test_passes_with_the_kernels_of_another_processor(processor, threads):
    assert " passed" in run(FOLDERS, OMP_NUM_THREADS=threads, **processor)


def test_no_test_hangs_on_the_last_digits_of_a_trained_network():
    assert " passed" in run(["classifiers", "inspection"], SKNEMG_ROUNDING="-2")


def test_the_old_kernels_are_in_use():
    """The libraries obey the variables; else the tests above would be the ordinary suite again."""
    code = (
        "import scipy.linalg, threadpoolctl, torch; "
        "print(torch.backends.cpu.get_cpu_capability()); "
        "print(*{p['architecture'] for p in threadpoolctl.threadpool_info() "
        "if p['internal_api'] == 'openblas'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | OLD, capture_output=True, text=True
    )
    capability, architecture = done.stdout.splitlines()
    assert capability == "DEFAULT"
    assert architecture in ("Nehalem", ""), "OpenBLAS, where it is used at all"
