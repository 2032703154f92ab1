import pickle

import numpy as np
import pytest

from sknemg.datasets import ReadError, read_recording

RAMP = np.linspace(-1, 1, 400, dtype=np.float32)


def test_npy_needs_rate_and_unit_and_says_both_at_once(tmp_path):
    np.save(tmp_path / "a.npy", (1000 * RAMP).astype(np.int16))
    with pytest.raises(ReadError, match=r"no sampling rate.*no unit.*give `unit`"):
        read_recording(tmp_path / "a.npy")
    signal, sfreq, _ = read_recording(tmp_path / "a.npy", sfreq=10_000, unit="uV")
    np.testing.assert_allclose(signal, RAMP, atol=1.1e-3)
    assert sfreq == 10_000
    scaled = read_recording(tmp_path / "a.npy", sfreq=10_000, scale=1e-3).signal
    assert np.array_equal(scaled, signal)
    with pytest.raises(ReadError, match="`unit` and `scale` both given"):
        read_recording(tmp_path / "a.npy", sfreq=10_000, unit="uV", scale=1e-3)


def test_npz_states_rate_and_unit_and_must_agree(tmp_path):
    np.savez(tmp_path / "a.npz", signal=RAMP, sfreq=48_000, unit="uV")
    signal, sfreq, _ = read_recording(tmp_path / "a.npz")
    np.testing.assert_allclose(signal, RAMP * 1e-3, rtol=1e-6)
    assert sfreq == 48_000
    with pytest.raises(
        ReadError, match=r"says 48000 Hz, `sfreq` says 10000.*says uV, `unit` says mV"
    ):
        read_recording(tmp_path / "a.npz", sfreq=10_000, unit="mV")
    with pytest.raises(ReadError, match=r"states its unit \(uV\): leave `scale` out"):
        read_recording(tmp_path / "a.npz", scale=2)


def test_npz_whose_rate_and_unit_are_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", signal=RAMP, sfreq=[48_000], unit=["uV"])
    signal, sfreq, _ = read_recording(tmp_path / "a.npz")
    np.testing.assert_allclose(signal, RAMP * 1e-3, rtol=1e-6)
    assert sfreq == 48_000
    np.savez(tmp_path / "a.npz", signal=RAMP, sfreq=[48_000, 10], unit="uV")
    with pytest.raises(ReadError, match="sfreq in the file has 2 entries: save one"):
        read_recording(tmp_path / "a.npz")


def test_npz_of_several_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", left=RAMP, right=-RAMP)
    both = {"sfreq": 1e4, "unit": "mV"}
    assert np.array_equal(read_recording(tmp_path / "a.npz", channel="right", **both)[0], -RAMP)
    with pytest.raises(ReadError, match="2 channels"):
        read_recording(tmp_path / "a.npz", **both)
    with pytest.raises(ReadError, match="no channel 'up': give one of 'left', 'right'"):
        read_recording(tmp_path / "a.npz", channel="up", **both)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 100)), r"shape \(2, 100\)"),
        (np.zeros(10, dtype=complex), "complex"),
        (np.array(["a", "b"]), "1-D array of real numbers"),
        (np.array([]), "no samples"),
        (
            np.array([0.0, np.nan, np.inf]),
            "2 of 3 samples are NaN or infinite, the first at 0.0001",
        ),
        (np.array([{}], dtype=object), "not readable as NPY"),
    ],
)
def test_arrays_that_are_no_signal(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(ReadError, match=message):
        read_recording(tmp_path / "a.npy", sfreq=10_000, unit="mV")


class _Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


@pytest.mark.parametrize("name", ["a.p", "a.pkl", "a.pickle", "a.npy"])
def test_pickles_are_never_opened(tmp_path, name):
    (tmp_path / name).write_bytes(pickle.dumps(_Bomb()))
    with pytest.raises(ReadError, match="pickle"):
        read_recording(tmp_path / name, sfreq=10_000, unit="mV")
