import io
import struct

import numpy as np
import pytest
import soundfile
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


# -- beside libsndfile -------------------------------------------------------------------------

LAYOUTS = [("WAV", "LITTLE"), ("WAV", "BIG"), ("WAVEX", "FILE"), ("RF64", "FILE")]
SIGNAL = np.stack([RAMP, RAMP[::-1] ** 3], axis=1).astype(np.float64)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize(("form", "endian"), LAYOUTS)
def test_every_layout_as_libsndfile_reads_it(tmp_path, subtype, form, endian):
    path = tmp_path / "a.wav"
    soundfile.write(path, SIGNAL, 23_437, subtype=subtype, format=form, endian=endian)
    right, rate = soundfile.read(path, dtype="float64")
    for channel in (0, 1):
        signal, sfreq, meta = read_recording(path, scale=1, channel=channel)
        assert np.array_equal(signal, right[:, channel].astype(np.float32))
        assert (sfreq, meta["channel"]) == (rate, str(channel))
        assert (meta["clipped"] is None) == (subtype in ("FLOAT", "DOUBLE"))
        assert subtype not in ("PCM_16", "PCM_24") or meta["clipped"] == 2


def chunk(name, body, order="<", pad=True):
    return name + struct.pack(order + "I", len(body)) + body + bytes(pad and len(body) % 2)


def wave(*chunks, size=None, order="<"):
    body = b"WAVE" + b"".join(chunks)
    stated = len(body) if size is None else size
    return (b"RIFF" if order == "<" else b"RIFX") + struct.pack(order + "I", stated) + body


def fmt(tag=1, channels=1, rate=1000, width=2, bits=None, block=None, per_second=None, more=b""):
    block = width * channels if block is None else block
    per_second = rate * block if per_second is None else per_second
    bits = 8 * width if bits is None else bits
    return chunk(
        b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, per_second, block, bits) + more
    )


DATA = chunk(b"data", struct.pack("<4h", 100, -100, 32767, -32768))


@pytest.mark.parametrize(
    "body",
    [
        wave(fmt(), DATA),
        wave(chunk(b"LIST", b"abc"), fmt(), chunk(b"fact", struct.pack("<I", 4)), DATA),
        wave(fmt(more=b"\0\0"), DATA, chunk(b"id3 ", b"x")),
        wave(fmt(), DATA, chunk(b"id3 ", b"x", pad=False)),
        wave(fmt(), DATA, chunk(b"id3 ", b"x"), size=4 + 24 + 16 + 9),  # without the last pad byte
    ],
)
def test_further_chunks_of_odd_size(tmp_path, body):
    (tmp_path / "a.wav").write_bytes(body)
    signal, sfreq, meta = read_recording(tmp_path / "a.wav", scale=32768)
    assert (signal.tolist(), sfreq, meta["clipped"]) == ([100, -100, 32767, -32768], 1000, 2)
    assert np.array_equal(soundfile.read(io.BytesIO(body), dtype="int16")[0], signal)


def test_three_samples_of_one_byte_and_twelve_bits_of_sixteen(tmp_path):
    path = tmp_path / "a.wav"
    for body in (wave(fmt(width=1), chunk(b"data", b"\0\x80\xff", pad=pad)) for pad in (0, 1)):
        path.write_bytes(body)
        signal, _, meta = read_recording(path, scale=128)
        assert (signal.tolist(), meta["clipped"]) == ([-128, 0, 127], 2)
    twelve = chunk(b"data", struct.pack("<3h", 0x7FF0, -0x8000, 0x10))
    path.write_bytes(wave(fmt(bits=12), twelve))
    signal, _, meta = read_recording(path, scale=2048)
    assert (signal.tolist(), meta["clipped"]) == ([2047, -2048, 1], 2)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (wave(fmt(channels=2, block=2), DATA), "2 channels of 16 bits at 1000 Hz do not make 2"),
        (wave(fmt(rate=2000, per_second=2000), DATA), "and 2000 bytes a second"),
        (wave(fmt(bits=8), DATA), "do not make"),
        (wave(fmt(bits=24), DATA), "do not make"),
        (wave(fmt(channels=0, block=2), DATA), "0 channels"),
        (wave(fmt(channels=3), DATA), "8 bytes of samples are not whole samples of 3 channels"),
        (wave(fmt(tag=0x999, width=1), DATA), "not readable as a sound file"),
        (wave(fmt(tag=3), DATA), "do not make"),
        (wave(fmt(width=8), DATA), "do not make"),
        (wave(DATA, fmt()), "'data' at byte 12 is out of order"),
        (wave(fmt(), fmt(rate=500), DATA), "'fmt ' at byte 36 is out of order"),
        (wave(fmt(), DATA, DATA), "'data' at byte 52 is out of order"),
        (wave(fmt()), "it lacks a chunk 'fmt ' or 'data'"),
        (wave(chunk(b"fmt ", b"\1\0")), "'fmt ' has 2 bytes"),
        (wave(fmt(), DATA[:4] + b"\4\0\0\0" + DATA[8:]), "it ends within its header"),
        (wave(fmt(), DATA[:4] + b"\4\0\0\0" + 2 * DATA[8:]), "no chunk begins at byte 48"),
        (
            wave(fmt(), DATA[:4] + b"\x10\0\0\0" + DATA[8:]),
            "has 16 bytes according to its header, 8 are",
        ),
        (
            wave(fmt(), DATA[:4] + b"\xff\xff\xff\xff" + DATA[8:]),
            "has 4294967295 bytes according to its",
        ),
        (wave(fmt(), DATA, size=30), "it has 38 bytes according to its header, 52 are present"),
        (wave(fmt(), DATA, size=2**32 - 1), "it ends within its header"),
        (wave(fmt(), DATA) + b"junk", "it has 52 bytes according to its header, 56 are present"),
        (wave(fmt(), DATA)[:-1], "has 8 bytes according to its header, 7 are present"),
        (wave(fmt(), chunk(b"f\0ct", b""), DATA), "no chunk begins at byte 36"),
        (wave(fmt(), *[chunk(b"junk", b"")] * 10_001, DATA), "no chunk begins at byte"),
        (b"RIFF\0\0\0\0AVI ", "it begins with"),
        (b"", "it ends within its header"),
        (b"RF64" + wave(fmt(), DATA)[4:], "RF64 without a sound chunk 'ds64'"),
        (wave(fmt(tag=0xFFFE), DATA), "'fmt ' has 16 bytes"),
        (wave(fmt(tag=0xFFFE, more=bytes(24)), DATA), "its format is 0000"),
    ],
)
def test_headers_that_contradict_the_file_or_themselves(tmp_path, body, message):
    (tmp_path / "a.wav").write_bytes(body)
    with pytest.raises(ReadError, match=message):
        read_recording(tmp_path / "a.wav", scale=1, channel=0)


def test_the_limit_counts_samples_before_they_are_read(tmp_path):
    wavfile.write(tmp_path / "a.wav", 1000, np.zeros(1000, dtype=np.int16))
    with pytest.raises(ReadError, match=r"1000 samples .* max_bytes=7999: raise `max_bytes`"):
        read_recording(tmp_path / "a.wav", scale=1, max_bytes=7999)
    assert len(read_recording(tmp_path / "a.wav", scale=1, max_bytes=8000).signal) == 1000
    wavfile.write(tmp_path / "a.wav", 1000, np.zeros(0, dtype=np.int16))
    with pytest.raises(ReadError, match="no samples: leave the recording out"):
        read_recording(tmp_path / "a.wav", scale=1)
