"""Formats that labs hold, written by other libraries and read as they read them."""

import decimal
import struct
import zlib

import h5py
import numpy as np
import pandas as pd
import pyedflib
import pytest
import scipy.io
import soundfile

from sknemg.datasets import ReadError, read_recording

RATE = 10_000
SIGNAL = np.random.default_rng(0).normal(scale=0.3, size=2500)  # mV


def refused(path, match, **options):
    with pytest.raises(ReadError, match=match):
        read_recording(path, **options)


# -- BDF -----------------------------------------------------------------------------------------


def write_bdf(path, signals, kind=pyedflib.FILETYPE_BDF, **changes):
    header = {
        "label": "EMG", "dimension": "mV", "sample_frequency": RATE, "physical_min": -40.0,
        "physical_max": 40.0, "digital_min": -8388608, "digital_max": 8388607, "prefilter": "",
        "transducer": "",
    }  # fmt: skip
    with pyedflib.EdfWriter(str(path), len(signals), file_type=kind) as writer:
        labels = [f"EMG{i}" if len(signals) > 1 else "EMG" for i in range(len(signals))]
        writer.setSignalHeaders([header | {"label": label} | changes for label in labels])
        with pytest.warns(UserWarning, match="record_duration"):
            writer.setDatarecordDuration(0.25)
        writer.writeSamples([signal.copy() for signal in signals])
    return path


@pytest.mark.parametrize("kind", [pyedflib.FILETYPE_BDF, pyedflib.FILETYPE_BDFPLUS])
def test_bdf_as_pyedflib_reads_it(tmp_path, kind):
    path = write_bdf(tmp_path / "a.bdf", [SIGNAL, SIGNAL[::-1].copy()], kind)
    signal, sfreq, meta = read_recording(path, channel="EMG1")
    with pyedflib.EdfReader(str(path)) as reader:
        np.testing.assert_array_equal(signal, reader.readSignal(1).astype(np.float32))
    assert sfreq == RATE and meta["channel"] == "EMG1" and meta["clipped"] == 0
    assert np.abs(signal - SIGNAL[::-1]).max() < 80 / 2**24


def test_bdf_keeps_both_ends_of_24_bits(tmp_path):
    path = write_bdf(tmp_path / "a.bdf", [np.resize([-40.0, 40.0, 0.0, -1e-5], 2500)])
    signal, _, meta = read_recording(path)
    np.testing.assert_allclose(signal[:3], [-40, 40, 0], atol=80 / 2**24)
    assert signal[3] < 0 and meta["clipped"] == 1250


def test_bdf_that_contradicts_itself(tmp_path):
    path = write_bdf(tmp_path / "a.bdf", [SIGNAL])
    raw = path.read_bytes()
    path.write_bytes(raw[:-3])
    refused(path, "the file ends after 0 of 1 data records")
    path.write_bytes(b"\xfeBIOSEMI" + raw[8:])
    refused(path, "not an EDF or BDF file")
    at = 256 + 16 + 80 + 8
    path.write_bytes(raw[:at] + b"x       " + raw[at + 8 :])
    refused(path, "in the BDF header the physical minimum is 'x', not a number, so give `scale`")


# -- sound ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "subtype"),
    [("flac", "PCM_16"), ("flac", "PCM_24"), ("w64", "FLOAT"), ("aiff", "PCM_16"), ("au", "PCM_16"),
     ("wav", "ULAW"), ("wav", "IMA_ADPCM"), ("caf", "PCM_24")],
)  # fmt: skip
def test_sound_as_soundfile_reads_it(tmp_path, suffix, subtype):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, np.stack([SIGNAL, -SIGNAL], axis=1) / 5, RATE, subtype=subtype)
    signal, sfreq, _ = read_recording(path, channel=1, scale=5)
    expected = soundfile.read(path, dtype="float64", always_2d=True)[0][:, 1] * 5
    np.testing.assert_array_equal(signal, expected.astype(np.float32))
    assert sfreq == RATE
    refused(path, "no amplitude scale: a sound file holds fractions of full scale", channel=1)
    refused(path, "2 channels", scale=5)


def test_flac_says_what_is_clipped_and_how_large_it_is(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, np.resize([0.1, 1.0, -1.0, 0.3], 400), RATE, subtype="PCM_16")
    assert read_recording(path, scale=1)[2]["clipped"] == 200
    refused(path, "400 samples in the file take 3200 bytes", scale=1, max_bytes=3199)
    path.write_bytes(path.read_bytes()[:-60])
    refused(path, "sound file|by its header", scale=1)
    path.write_bytes(b"fLaC" + bytes(50))
    refused(path, "not readable as a sound file", scale=1)


# -- MAT -----------------------------------------------------------------------------------------


def write_73(path, **variables):
    """Write variables as MATLAB does it: transposed, with their class."""
    with h5py.File(path, "w", userblock_size=512) as file:
        group = file
        for name, value in variables.items():
            *groups, last = name.split(".")
            group = file.require_group("/".join(groups)) if groups else file
            if isinstance(value, str):
                codes = np.array([[ord(c)] for c in value], dtype="u2")
                group.create_dataset(last, data=codes).attrs["MATLAB_class"] = np.bytes_("char")
            else:
                value = np.atleast_2d(value).T
                group.create_dataset(last, data=value).attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    return path


def write_5(path, compress=True, **variables):
    nested = {}
    for name, value in variables.items():
        inner = nested
        *groups, last = name.split(".")
        for group in groups:
            inner = inner.setdefault(group, {})
        inner[last] = value
    scipy.io.savemat(path, nested, do_compression=compress)
    return path


WRITERS = {"5": write_5, "7.3": write_73}


@pytest.fixture(params=[*WRITERS])
def write_mat(request, tmp_path):
    return lambda **variables: WRITERS[request.param](tmp_path / "a.mat", **variables)


def test_mat_finds_rate_and_unit_beside_the_signal(write_mat):
    path = write_mat(signal=1000 * SIGNAL, fs=float(RATE), unit="uV", other=np.arange(9.0))
    signal, sfreq, meta = read_recording(path)
    np.testing.assert_array_equal(signal, (1000 * SIGNAL * 1e-3).astype(np.float32))
    assert sfreq == RATE and meta["channel"] == "signal"
    refused(path, "the file says 10000 Hz, `sfreq` says 7 Hz", sfreq=7)


def test_mat_of_a_structure_and_of_a_matrix(write_mat):
    both = np.stack([SIGNAL, 2 * SIGNAL])
    path = write_mat(**{"EMG.data": both, "EMG.srate": 5000.0, "fs": 1.0, "EMG.unit": "mV"})
    signal, sfreq, meta = read_recording(path, channel="EMG.data(2,:)")
    np.testing.assert_array_equal(signal, (2 * SIGNAL).astype(np.float32))
    assert sfreq == 5000 and meta["channel"] == "EMG.data(2,:)"
    refused(path, r"2 channels \('EMG.data\(1,:\)', 'EMG.data\(2,:\)'\): give `channel`")
    path = write_mat(x=both.T)
    signal = read_recording(path, channel=1, sfreq=1, unit="mV").signal
    np.testing.assert_array_equal(signal, (2 * SIGNAL).astype(np.float32))


def test_mat_is_never_guessed_at(write_mat):
    refused(write_mat(x=SIGNAL), "no sampling rate.*; no unit")
    refused(write_mat(x=SIGNAL, y=SIGNAL), "2 channels")
    refused(write_mat(x=SIGNAL, fs=1.0, SamplingRate=2.0), "several sampling rates in the file")
    refused(write_mat(x=SIGNAL.reshape(50, 50)), "neither dimension is clearly the time")
    refused(write_mat(x="text"), "no signal in the file")
    refused(write_mat(x=SIGNAL), "take 20000 bytes", max_bytes=19_999, sfreq=1, unit="mV")


CLOCK = np.arange(2500) / RATE
BESIDE = {"fs": float(RATE), "unit": "mV"}


def cells(*entries):
    array = np.empty((1, len(entries)), dtype=object)
    array[0, :] = [*entries]
    return array


def structures(*entries, name="data"):
    array = np.empty((1, len(entries)), dtype=[(name, object)])
    array[name] = cells(*entries)
    return array


@pytest.mark.parametrize(
    ("hidden", "said"),
    [
        (cells(SIGNAL, -SIGNAL), r"'EMG' \(a cell array of 1 x 2\)"),
        (cells(cells("left", SIGNAL)), r"'EMG' \(a cell array of 1 x 1\)"),
        (structures(SIGNAL, -SIGNAL), r"'EMG' \(a structure array of 1 x 2\)"),
        (SIGNAL.reshape(1, 50, 50), r"'EMG' \(an array of 1 x 50 x 50\)"),
        (SIGNAL + 1j, r"'EMG' \(complex numbers of 1 x 2500\)"),
        (SIGNAL.reshape(50, 50), r"'EMG' of shape 50 x 50"),
        ({"data": SIGNAL.reshape(1, 50, 50)}, r"'EMG.data' \(an array of 1 x 50 x 50\)"),
        (scipy.sparse.csc_matrix(SIGNAL[:, None]), r"'EMG' \(a sparse matrix of 2500 x 1\)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("beside", ["t", "x"])
def test_mat_5_takes_no_variable_where_another_may_be_the_signal(tmp_path, hidden, said, beside):
    path = write_5(tmp_path / "a.mat", EMG=hidden, **{beside: CLOCK}, **BESIDE)
    refused(
        path,
        f"beside '{beside}': {said} may hold a signal .*, or give `channel`, one of '{beside}'",
    )
    assert len(read_recording(path, channel=beside).signal) == 2500
    path = write_5(tmp_path / "a.mat", EMG=hidden, signal=SIGNAL, **BESIDE)
    assert read_recording(path).meta["channel"] == "signal"


@pytest.mark.parametrize(
    "other",
    [cells("EMG1", "EMG2"), structures("left", "right", name="label"), cells(1.0, "a", cells()),
     structures(*[np.empty((0, 0))] * 3)],
)  # fmt: skip
def test_mat_5_takes_the_only_vector_beside_names_and_single_numbers(tmp_path, other):
    path = write_5(tmp_path / "a.mat", emg=SIGNAL, channels=other, **BESIDE)
    assert read_recording(path).meta["channel"] == "emg"


def test_mat_of_several_channels_in_one_vector_as_labchart_writes_it(write_mat):
    ends = {"datastart": np.array([[1.0], [2501.0]]), "dataend": np.array([[2500.0], [5000.0]])}
    path = write_mat(data=np.tile(SIGNAL, 2), **ends)
    refused(path, "'data' holds 2 channels or blocks one after another", channel="data")
    path = write_mat(data=SIGNAL, datastart=1.0, dataend=2500.0, samplerate=float(RATE))
    assert len(read_recording(path, unit="mV").signal) == len(SIGNAL)


@pytest.mark.parametrize(("name", "step"), [("ch.interval", 1e-4), ("isi", 0.1), ("dt", 100)])
def test_mat_that_states_the_time_between_samples(write_mat, name, step):
    path = write_mat(**{"ch.values": SIGNAL, name: float(step)})
    assert read_recording(path, sfreq=RATE, unit="mV").sfreq == RATE
    refused(path, "`sfreq` says 1000 Hz, and .* in the file means", sfreq=1000, unit="mV")


def test_mat_of_integers_beside_their_scale(tmp_path):
    counts = np.arange(-50, 50, dtype="i2") ** 3
    path = write_5(tmp_path / "a.mat", **{"ch.values": counts, "ch.scale": 0.01, "ch.units": "mV"})
    refused(path, r"'ch.values' are integers beside 'ch.scale', so give `scale`", sfreq=RATE)
    assert read_recording(path, sfreq=RATE, scale=0.5).signal[0] == 0.5 * counts[0]
    path = write_5(tmp_path / "a.mat", **{"ch.values": counts, "ch.scale": 1.0, "ch.units": "mV"})
    assert read_recording(path, sfreq=RATE).signal[0] == counts[0]


def test_mat_takes_no_time_axis_for_the_signal(write_mat):
    refused(write_mat(t=SIGNAL, **BESIDE), "the only channel, 't', is named like a time axis")
    refused(write_mat(**{"a.Time": SIGNAL}, **BESIDE), "'a.Time', is named like a time axis")
    path = write_mat(x=CLOCK.astype(np.float32), **BESIDE)
    refused(path, "'x', goes from 0 to 0.2499 in equal steps, as a time axis does")
    assert len(read_recording(path, channel="x").signal) == 2500
    wave = np.where(np.arange(2500) == 1234, 0.5, CLOCK)  # off at one sample alone
    assert len(read_recording(write_mat(x=wave, **BESIDE)).signal) == 2500
    refused(write_mat(x=SIGNAL, fs="10000", unit="mV"), "fs in the file is the text '10000'")


@pytest.mark.parametrize("name", ["t", "Time"])
def test_a_time_axis_beside_the_signal_must_agree_with_the_rate(tmp_path, write_mat, name):
    signals = {"EMG": SIGNAL, name: CLOCK}
    np.savez(tmp_path / "a.npz", **signals)
    pd.DataFrame(signals).to_parquet(tmp_path / "a.parquet")
    for path in (write_mat(**signals), tmp_path / "a.npz", tmp_path / "a.parquet"):
        how = {"channel": "EMG", "unit": "mV"}
        assert read_recording(path, sfreq=RATE, **how).sfreq == RATE
        said = f"`sfreq` says 20000 Hz, and the time axis '{name}' runs at 10000 or"
        refused(path, said, sfreq=20_000, **how)
        assert read_recording(path, sfreq=20_000, channel=name, unit="mV").sfreq == 20_000


def test_what_beside_the_signal_is_no_time_axis_of_it(tmp_path, write_mat):
    others = {"t": CLOCK[::2], "time": CLOCK**2, "timestamps": np.arange(2500.0)}
    np.savez(
        tmp_path / "a.npz", EMG=SIGNAL, times=CLOCK.reshape(1, -1), ms=np.array([{}]), **others
    )
    for path in (write_mat(EMG=SIGNAL, **others), tmp_path / "a.npz"):
        assert read_recording(path, sfreq=20_000, channel="EMG", unit="mV").sfreq == 20_000


def test_mat_73_takes_no_variable_where_another_may_be_the_signal(tmp_path):
    path = write_73(tmp_path / "a.mat", x=SIGNAL, **BESIDE)

    def add(name, entries, kind=None):
        with h5py.File(path, "r+") as file:
            at = [file.create_dataset(f"#refs#/{name}{i}", data=e) for i, e in enumerate(entries)]
            for one in at:
                if one.dtype == "u2":
                    one.attrs["MATLAB_class"] = np.bytes_("char")
            item = file.create_dataset(name, (len(at), 1), h5py.ref_dtype)
            item[:, 0] = [one.ref for one in at]
            if kind:
                item.attrs["MATLAB_class"] = np.bytes_(kind)

    text = np.array([[69], [77]], dtype="u2")
    add("names", [text, text, np.ones((1, 1))], "cell")
    assert read_recording(path).meta["channel"] == "x"
    add("EMG", [SIGNAL[:, None], text], "cell")
    refused(path, r"beside 'x': 'EMG' \(a cell or structure array of 1 x 2\) may hold a signal")
    for item, kind, said in [
        (SIGNAL.reshape(1, 50, 50), "double", r"'y' \(an array of 50 x 50 x 1\)"),
        ((SIGNAL + 1j)[:, None], "double", r"'y' \(an array of 1 x 2500\)"),
        (np.arange(6, dtype="u4")[:, None], "timetable", r"'y' \(an object of 1 x 6\)"),
        (np.arange(6, dtype="u4")[:, None], "string", None),
    ]:
        write_73(path, x=SIGNAL, **BESIDE)
        with h5py.File(path, "r+") as file:
            file.create_dataset("y", data=item).attrs["MATLAB_class"] = np.bytes_(kind)
        if said is None:
            assert read_recording(path).meta["channel"] == "x"
        else:
            refused(path, f"beside 'x': {said} may hold a signal")


@pytest.mark.parametrize("dtype", ["i2", "u1", "f4", "i4", "f8"])
@pytest.mark.parametrize("compress", [True, False])
def test_mat_5_as_scipy_reads_it(tmp_path, dtype, compress):
    values = (SIGNAL * 50).astype(dtype)
    path = write_5(tmp_path / "a.mat", compress, x=values)
    expected = scipy.io.loadmat(path)["x"].ravel()
    signal, _, meta = read_recording(path, sfreq=1, scale=1)
    np.testing.assert_array_equal(signal, expected.astype(np.float32))
    assert (meta["clipped"] is None) == (dtype[0] == "f")


def test_mat_5_that_is_hostile(tmp_path):
    path = write_5(tmp_path / "a.mat", True, x=np.zeros(10**6))
    assert path.stat().st_size < 20_000
    refused(path, "unpack to more than `max_bytes`", max_bytes=4_000_000, sfreq=1, unit="mV")
    head = path.read_bytes()[:128]
    matrix = b""
    for _ in range(50):  # structures within structures
        flags = struct.pack("<IIII", 6, 8, 2, 0)
        dims = struct.pack("<IIii", 5, 8, 1, 1)
        name = struct.pack("<II", 1, 0)
        fields = struct.pack("<HHi", 5, 4, 8) + struct.pack("<II", 1, 8) + b"a".ljust(8, b"\0")
        body = flags + dims + name + fields + matrix
        matrix = struct.pack("<II", 14, len(body)) + body
    path.write_bytes(head + matrix)
    refused(path, "structures more than 6 deep")
    path.write_bytes(head + struct.pack("<II", 14, 2**31))
    refused(path, "a variable has 2147483648 bytes according to its header, 0 are present")
    packed = zlib.compress(bytes(64))
    path.write_bytes(head + struct.pack("<II", 15, len(packed) - 9) + packed[:-9])
    refused(path, "ends early|decompress|not readable")
    path.write_bytes(b"MATLAB".ljust(200, b" "))
    refused(path, "not a MAT file of version 5 or 7.3")


def test_mat_73_that_points_elsewhere(tmp_path):
    other = write_73(tmp_path / "other.mat", signal=SIGNAL)
    path = tmp_path / "a.mat"
    with h5py.File(path, "w") as file:
        file["signal"] = h5py.ExternalLink(str(other), "/signal")
    refused(path, "no signal in the file")
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (100, 1), "f8", external=[(str(other), 0, 800)])
    refused(path, "'x' lies in another file")
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (100, 1), "f8", chunks=(10, 1))
    refused(path, "'x' holds no data", sfreq=1, unit="mV")


def test_mat_73_whose_cells_lead_to_the_same_cells(tmp_path):
    path = write_73(tmp_path / "a.mat", x=SIGNAL, **BESIDE)
    with h5py.File(path, "r+") as file:
        below = file.create_dataset("#refs#/text", data=np.array([[69]], dtype="u2"))
        below.attrs["MATLAB_class"] = np.bytes_("char")
        for level in range(6):  # 900 to the power of six ways to the text
            name = f"#refs#/{level}" if level < 5 else "EMG"
            item = file.create_dataset(name, (900, 1), h5py.ref_dtype)
            item[:, 0] = [below.ref] * 900
            below = item
    refused(path, r"beside 'x': 'EMG' \(a cell or structure array of 1 x 900\) may hold a signal")


# -- Parquet -------------------------------------------------------------------------------------


def test_parquet_as_pandas_writes_it(tmp_path):
    frame = pd.DataFrame({"time": np.arange(2500) / RATE, "emg": SIGNAL, "note": "x"})
    frame.attrs = {"sfreq": RATE, "unit": "mV"}
    frame.to_parquet(tmp_path / "a.parquet")
    signal, sfreq, meta = read_recording(tmp_path / "a.parquet", channel="emg")
    np.testing.assert_array_equal(signal, SIGNAL.astype(np.float32))
    assert sfreq == RATE and meta["channel"] == "emg"
    refused(tmp_path / "a.parquet", "2 channels")
    refused(tmp_path / "a.parquet", "take 20000 bytes", channel="emg", max_bytes=19_999)
    frame = pd.DataFrame({"emg": [1.0, None, 2.0]})
    frame.to_parquet(tmp_path / "a.parquet")
    refused(tmp_path / "a.parquet", "no sampling rate.*; no unit")
    refused(tmp_path / "a.parquet", "1 of 3 samples are NaN", sfreq=1, unit="mV")
    raw = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(raw[:-20])
    refused(tmp_path / "a.parquet", "not readable as Parquet", sfreq=1, unit="mV")


@pytest.mark.parametrize(
    "hidden",
    [
        pd.Series([decimal.Decimal(f"{x:.4f}") for x in SIGNAL]),
        pd.Series([f"{x:.4f}" for x in SIGNAL]),
        pd.Series([f"{x:.4f}".replace(".", ",") for x in SIGNAL], dtype="category"),
        pd.Series([[x] for x in SIGNAL]),
    ],
)
def test_parquet_takes_no_column_where_another_may_be_the_signal(tmp_path, hidden):
    path = tmp_path / "a.parquet"
    frame = pd.DataFrame({"x": SIGNAL, "emg": hidden, "note": "rest", "on": True})
    frame.attrs = {"sfreq": RATE, "unit": "mV"}
    frame.to_parquet(path)
    refused(path, r"beside 'x': 'emg' \(.*\) may hold a signal .*, or give `channel`")
    assert len(read_recording(path, channel="x").signal) == 2500
    frame[["emg"]].to_parquet(path)
    refused(path, r"no signal in the file: 'emg' \(.*\) may hold a signal but cannot be read")
    frame[["x", "note", "on"]].to_parquet(path)
    assert read_recording(path).meta["channel"] == "x"
    frame.assign(x=CLOCK)[["x", "note"]].to_parquet(path)
    refused(path, "'x', goes from 0 to 0.2499 in equal steps, as a time axis does")
    frame.rename(columns={"x": "time"})[["time"]].to_parquet(path)
    refused(path, "the only channel, 'time', is named like a time axis")


def test_parquet_under_other_names_of_a_rate_and_a_unit(tmp_path):
    path = tmp_path / "a.parquet"
    frame = pd.DataFrame({"emg": SIGNAL})
    for attrs in ({"fs": RATE, "units": "uV"}, {"Sampling rate": "10000", "units": {"emg": "uV"}}):
        frame.attrs = attrs
        frame.to_parquet(path)
        assert read_recording(path).sfreq == RATE
        refused(path, "says 10000 Hz, `sfreq` says 48000 Hz.*says uV", sfreq=48_000, unit="mV")
    frame.attrs = {"fs": RATE, "sfreq": 5000, "unit": "mV"}
    frame.to_parquet(path)
    refused(path, r"several sampling rates in the file \(fs=10000.0, sfreq=5000.0\): save one")


def test_a_package_that_is_missing_is_named(tmp_path, monkeypatch):
    import sys

    frame = pd.DataFrame({"emg": SIGNAL})
    frame.to_parquet(tmp_path / "a.parquet")
    write_73(tmp_path / "a.mat", signal=SIGNAL)
    for name, package in (("a.parquet", "pyarrow"), ("a.mat", "h5py")):
        monkeypatch.setitem(sys.modules, package, None)
        refused(tmp_path / name, f"needs {package}, which is not installed: pip install {package}")


def test_an_interval_beside_a_rate_is_not_that_between_samples(write_mat):
    path = write_mat(emg=SIGNAL, fs=float(RATE), isi=2.0, interval=0.5)
    assert read_recording(path, unit="mV").sfreq == RATE
    path = write_mat(emg=SIGNAL, fs=float(RATE), sampling_interval=0.5)
    refused(path, "and sampling_interval in the file means", unit="mV")
