"""Factories that several test files share."""

import gc
import os
from pathlib import Path

# Several test processes share the cores; also, one and two threads differ in the last digits.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest

from sknemg import Recordings

#: Folders in which a test that works on what no needle EMG looks like says so by itself.
LOOKED_AT = {"datasets", "divote", "features", "images", "inspection", "metrics"}
LOOKED_AT |= {"model_selection", "muap", "nn", "persistence", "preprocessing", "recordings"}
LOOKED_AT |= {"simulate"}

DIAGNOSES = np.array(["myopathy", "neuropathy", "normal"])


def pytest_configure():
    """Let ``SKNEMG_ROUNDING=k`` stand in for a processor that rounds otherwise.

    After every step of an optimizer, the weights that moved are k units in the last place off.
    Fits stay reproducible, but end where those of another machine might: a test that hangs on the
    last digits of a trained network fails. Processes that a test starts round as usual.
    """
    units = float(os.environ.get("SKNEMG_ROUNDING", "0"))
    if not units:
        return
    import torch
    from torch.optim.optimizer import register_optimizer_step_post_hook

    def shift(optimizer, args, kwargs):
        with torch.no_grad():
            for group in optimizer.param_groups:
                for weights in group["params"]:
                    if weights.grad is not None:
                        moved = (weights.grad != 0).to(weights.dtype)
                        weights.mul_(1 + units * torch.finfo(weights.dtype).eps * moved)

    register_optimizer_step_post_hook(shift)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Look for cycles of garbage less often, and never among what the tests are made of.

    Modules and tests are most of a million objects, which all stay: to go through them again and
    again took a fifth of the suite's time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000, *gc.get_threshold()[1:])
        gc.enable()


def pytest_collection_modifyitems(items):
    """Let most folders work on toy signals; skip what needs a CUDA device where there is none."""
    toys = pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
    for item in items:
        own = Path(__file__).parent in item.path.parents
        if own and (item.path.parent.name not in LOOKED_AT or item.get_closest_marker("slow")):
            item.add_marker(toys)
    gpu = [item for item in items if item.get_closest_marker("gpu")]
    if not gpu:
        return
    import torch

    if not torch.cuda.is_available():
        for item in gpu:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture
def one_thread(monkeypatch):
    """Torch in one thread, here and in the workers of joblib: its last digits depend on it."""
    import torch

    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def data_dir():
    """Folder with the real recordings; without it the test is skipped, loudly."""
    folder = os.environ.get("SKNEMG_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("REAL DATA NOT TESTED: SKNEMG_DATA names no folder")
    return Path(folder)


@pytest.fixture
def make_ragged():
    """Factory of a small cohort: unequal lengths, several recordings per subject.

    The class sets the amplitude, so that a working pipeline finds it.
    """

    def make(n_subjects=9, sfreq=1000.0, seed=0):
        rng = np.random.default_rng(seed)
        signals, y, columns = [], [], {"subject": [], "muscle": [], "location": []}
        for subject in range(n_subjects):
            diagnosis = subject % 3
            for muscle in range(rng.integers(1, 4)):
                n_times = rng.integers(int(0.5 * sfreq), int(1.2 * sfreq))
                signals.append(rng.normal(scale=0.1 + 0.4 * diagnosis, size=n_times))
                y.append(DIAGNOSES[diagnosis])
                columns["subject"].append(f"S{subject:02d}")
                columns["muscle"].append(["deltoid", "tibialis anterior", "vastus"][muscle])
                columns["location"].append(["proximal", "distal", None][muscle])
        return Recordings(signals, sfreq=sfreq, **columns), np.array(y)

    return make


@pytest.fixture(scope="module")
def tab():
    """A tab of a headless Chromium."""
    from _browser import Browser, find_browser

    with Browser(find_browser()) as tab:
        yield tab


@pytest.fixture(scope="session")
def soft_and_loud():
    """Two recordings of each of 24 subjects, soft in myopathy and loud in neuropathy."""
    from sknemg import Recordings

    y = np.repeat(["myopathy", "neuropathy"], 24)
    size = np.where(y == "myopathy", 0.2, 1.0)
    signals = np.random.default_rng(0).normal(0, size[:, None], (48, 900))
    return Recordings(signals, sfreq=1000, subject=np.repeat(np.arange(24), 2)), y


@pytest.fixture(scope="session")
def model(soft_and_loud, tmp_path_factory):
    """Folder of a small model; files that ask for another one have a fixture of this name."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    from sknemg import DiVoteClassifier, Segmenter, SegmentFeatures, save_model
    from sknemg.diagnosis import Diagnostician

    X, y = soft_and_loud
    votes = DiVoteClassifier(LogisticRegression(max_iter=1000))
    folder = tmp_path_factory.mktemp("model") / "model"
    save_model(
        Diagnostician(make_pipeline(Segmenter(), SegmentFeatures(), votes), cv=3).fit(X, y), folder
    )
    return folder


@pytest.fixture
def archive(tmp_path):
    """Twelve recordings of four subjects, whose rows do not stand together."""
    import pandas as pd

    rng = np.random.default_rng(1)
    folder = tmp_path / "archive"
    folder.mkdir()
    for row in range(12):
        n = 420 if row % 4 == 3 else int(rng.integers(600, 1200))  # one subject of single windows
        np.save(folder / f"{row}.npy", rng.normal(scale=0.2 + 0.8 * (row % 2), size=n))
    rows = {"subject": list("ABCD") * 3, "file": [f"{row}.npy" for row in range(12)]}
    pd.DataFrame(rows).to_csv(folder / "archive.csv", index=False)
    return folder / "archive.csv"
