import numpy as np
import pytest
from scipy.io import wavfile

from sknemg.datasets import ReadError, read_recording

RAMP = np.linspace(-1, 1, 400, dtype=np.float32)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32])
def test_wav_is_fractions_of_full_scale_times_scale(tmp_path, dtype):
    stored = RAMP[1:-1]
    if np.dtype(dtype).kind != "f":
        half = 2 ** (8 * np.dtype(dtype).itemsize - 1)
        zero = half if dtype == np.uint8 else 0
        stored = np.round(stored.astype(float) * (half - 1) + zero).astype(dtype)
    wavfile.write(tmp_path / "a.wav", 48_000, stored)
    signal, sfreq, _ = read_recording(tmp_path / "a.wav", scale=5.0)
    np.testing.assert_allclose(signal, 5 * RAMP[1:-1], atol=0.06 if dtype == np.uint8 else 4e-4)
    assert sfreq == 48_000


def test_wav_asks_for_the_scale_and_counts_clipped_samples(tmp_path):
    path = tmp_path / "a.wav"
    wavfile.write(path, 48_000, np.array([0, 32767, -32768, 5], dtype=np.int16))
    for unit in (None, "mV"):
        with pytest.raises(ReadError, match="give `scale`, the millivolts at full scale"):
            read_recording(path, unit=unit)
    assert read_recording(path, scale=10).meta["clipped"] == 2


def test_float_wav_that_holds_no_fractions(tmp_path):
    path = tmp_path / "a.wav"
    wavfile.write(path, 48_000, np.array([0, 1.2, -0.5], dtype=np.float32))
    np.testing.assert_allclose(read_recording(path, scale=2).signal, [0, 2.4, -1], rtol=1e-6)
    wavfile.write(path, 48_000, np.array([0, -350, 20], dtype=np.float32))
    with pytest.raises(ReadError, match="floats that reach 350, where full scale is 1"):
        read_recording(path, scale=2)


def test_wav_that_ends_early(tmp_path):
    wavfile.write(tmp_path / "a.wav", 48_000, np.zeros(1000, dtype=np.int16))
    body = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(body[:700])
    with pytest.raises(ReadError, match="not readable as WAV"):
        read_recording(tmp_path / "a.wav", scale=1)
