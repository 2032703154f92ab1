import pickle
import re

import numpy as np
import pytest

from sknemg import Recordings
from sknemg.model_selection.leaks import LeakError, check_no_shared_signal, find_shared_signal


def cohort(n=6, n_times=5000, seed=0):
    signals = np.random.default_rng(seed).normal(size=(n, n_times)).astype(np.float32)
    return list(signals), [f"S{row}" for row in range(n)]


@pytest.mark.parametrize("at", [0, 1, 777, 4488])
@pytest.mark.parametrize("to", [0, 13, 4400])
def test_a_copied_stretch_is_found_wherever_it_lies(at, to):
    signals, subjects = cohort()
    signals[4][to : to + 512] = signals[1][at : at + 512]
    shared = find_shared_signal(Recordings(signals, sfreq=1e4), subjects)
    assert shared[["row", "other_row"]].to_numpy().tolist() == [[1, 4]]
    assert shared["start"][0] - shared["other_start"][0] == at - to


def test_within_a_subject_nothing_is_a_leak():
    signals, _ = cohort()
    signals[1] = signals[0].copy()
    X = Recordings(signals, sfreq=1e4)
    check_no_shared_signal(X, ["S0", "S0", "S1", "S2", "S3", "S4"])
    with pytest.raises(LeakError, match="rows 0 and 1") as error:
        check_no_shared_signal(X, list("abcdef"))
    assert pickle.loads(pickle.dumps(error.value)).shared.equals(error.value.shared)


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
def test_flat_quantised_and_short_signals_are_no_copies():
    rng = np.random.default_rng(0)
    signals = [np.zeros(5000)] * 2 + [rng.integers(-1, 2, 5000) * 0.002 for _ in range(4)]
    signals += [np.ones(10), np.ones(10), np.repeat([1.0, 2.0], 1000), np.repeat([1.0, 2.0], 1000)]
    X = Recordings(signals, sfreq=1e4)
    assert len(find_shared_signal(X, range(len(X)))) == 0


def test_segments_are_refused():
    X = Recordings(np.random.default_rng(0).normal(size=(2, 8)), sfreq=500).with_values(
        np.zeros((16, 4))
    )
    with pytest.raises(ValueError, match="before a Segmenter"):
        find_shared_signal(X, [0, 1])


@pytest.mark.parametrize(
    ("groups", "message"),
    [(["a"], "groups has shape (1,) for 2 rows"), (["a", None], "subject is missing in row 1")],
)
def test_every_recording_has_a_subject(groups, message):
    X = Recordings(np.random.default_rng(0).normal(size=(2, 8)), sfreq=500)
    with pytest.raises(ValueError, match=re.escape(message)):
        find_shared_signal(X, groups)
