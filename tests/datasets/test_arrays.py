import pickle
import tracemalloc
import zipfile
import zlib
from contextlib import contextmanager

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


@pytest.mark.parametrize("names", [("fs", "units"), ("Sampling_Rate", "Unit"), ("srate", "unit")])
def test_npz_under_other_names_of_a_rate_and_a_unit(tmp_path, names):
    path = tmp_path / "a.npz"
    np.savez(path, signal=RAMP, **dict(zip(names, (10_000, "uV"), strict=True)))
    signal, sfreq, meta = read_recording(path)
    np.testing.assert_allclose(signal, RAMP * 1e-3, rtol=1e-6)
    assert sfreq == 10_000 and meta["channel"] == "signal"
    with pytest.raises(ReadError, match=r"says 10000 Hz, `sfreq` says 48000.*says uV, `unit`"):
        read_recording(path, sfreq=48_000, unit="mV")
    np.savez(path, emg=RAMP**3, sfreq=10_000, fs=48_000, unit="mV")
    with pytest.raises(
        ReadError, match=r"several sampling rates .*sfreq=10000.*fs=48000.*save one"
    ):
        read_recording(path)
    np.savez(path, emg=RAMP**3, fs=[1, 2], unit="mV")
    with pytest.raises(ReadError, match="fs in the file has 2 entries: save one"):
        read_recording(path)


def test_npz_of_a_time_axis_alone(tmp_path):
    path = tmp_path / "a.npz"
    for name, message in (
        ("t", "is named like a time axis"),
        ("x", "in equal steps, as a time axis"),
    ):
        np.savez(path, **{name: np.arange(400) / 1e4}, fs=1e4, unit="mV")
        with pytest.raises(ReadError, match=message):
            read_recording(path)
        assert len(read_recording(path, channel=name).signal) == 400


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


# -- other layouts, beside numpy ---------------------------------------------------------------

BOTH = {"sfreq": 10_000, "unit": "mV"}


@pytest.mark.parametrize(
    "dtype", ["<f2", "<f4", ">f4", "<f8", ">f8", "g", "i1", "u1", "<i2", ">i2", "<u4", ">i8"]
)
@pytest.mark.parametrize("packed", [None, False, True])
def test_every_type_of_number_as_numpy_reads_it(tmp_path, dtype, packed):
    array = (100 * RAMP).astype(dtype)
    path = tmp_path / ("a.npy" if packed is None else "a.npz")
    if packed is None:
        np.save(path, array)
        loaded = np.load(path)
    else:
        (np.savez_compressed if packed else np.savez)(path, signal=array)
        loaded = np.load(path)["signal"]
    signal, _, meta = read_recording(path, **BOTH)
    assert np.array_equal(signal, loaded.astype(np.float32))
    limits = np.iinfo(loaded.dtype) if loaded.dtype.kind in "iu" else None
    clipped = limits and int(((loaded == limits.min) | (loaded == limits.max)).sum())
    assert meta["clipped"] == clipped


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_both_versions_of_the_header(tmp_path, version):
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array(file, RAMP, version=version)
    assert np.array_equal(read_recording(tmp_path / "a.npy", **BOTH).signal, RAMP)


@pytest.mark.parametrize(
    "array",
    [
        np.float32(1.5),
        np.zeros((10, 1)),
        np.asfortranarray(np.zeros((3, 4))),
        np.zeros(10, dtype=bool),
        np.zeros(10, dtype=np.complex64),
        np.zeros(10, dtype=[("time", "<f8"), ("emg", "<f4")]),
        np.zeros(10, dtype="<m8[ms]"),
        np.zeros(10, dtype="S3"),
        np.array(["1.5", "2.5"]),
    ],
)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_arrays_that_are_not_one_signal(tmp_path, array, suffix):
    path = tmp_path / f"a{suffix}"
    np.save(path, array) if suffix == ".npy" else np.savez(path, signal=array)
    with pytest.raises(ReadError, match=r"an array of shape .*: save one signal as a 1-D array"):
        read_recording(path, **BOTH)


@pytest.mark.parametrize(
    ("sfreq", "message"),
    [
        ("48000", r"sfreq in the file is '48000' of dtype <U5: save a number of hertz"),
        (True, "sfreq in the file is True of dtype bool"),
        (48_000j, "of dtype complex128"),
        (np.nan, "sampling rate of nan Hz"),
        (-1.0, "sampling rate of -1 Hz"),
        ([1, 2], "sfreq in the file has 2 entries: save one"),
        ([], "sfreq in the file has 0 entries: save one"),
        (np.array([{}]), "not readable as NPY: sfreq holds Python objects"),
    ],
)
def test_rates_that_are_no_number(tmp_path, sfreq, message):
    np.savez(tmp_path / "a.npz", signal=RAMP, sfreq=sfreq, unit="mV", allow_pickle=True)
    with pytest.raises(ReadError, match=message):
        read_recording(tmp_path / "a.npz")


@pytest.mark.parametrize("unit", ["µV", "µV".encode(), "µV".encode("latin-1"), np.bytes_("uV")])
def test_units_as_text_and_as_bytes(tmp_path, unit):
    np.savez(tmp_path / "a.npz", signal=RAMP, sfreq=48_000, unit=unit)
    np.testing.assert_allclose(read_recording(tmp_path / "a.npz").signal, RAMP * 1e-3, rtol=1e-6)


def test_units_that_are_none(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, signal=RAMP, sfreq=48_000, unit="")
    with pytest.raises(ReadError, match="no unit: the file states none"):
        read_recording(path)
    np.savez(path, signal=RAMP, sfreq=48_000, unit="V" * 5000)
    with pytest.raises(ReadError, match="unit in the file is 20000 bytes long"):
        read_recording(path)


# -- sizes that headers state, and memory ------------------------------------------------------


@contextmanager
def memory_below(n_bytes):
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < n_bytes
    finally:
        tracemalloc.stop()


def header(shape="(10,)", descr="'<f4'", length=None, version=1):
    """Write the header of an array, with any length in its own length field."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    width = 2 if version == 1 else 4
    stated = len(text) if length is None else length
    return b"\x93NUMPY" + bytes([version, 0]) + stated.to_bytes(width, "little") + text


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (header("(11,)") + bytes(40), "44 bytes of shape .* and 40 bytes are present"),
        (header("(9,)") + bytes(40), "36 bytes of shape .* and 40 bytes are present"),
        (header("(1000000000000,)") + bytes(40), "4000000000000 bytes .* and 40 bytes are present"),
        (header("(-1,)") + bytes(40), r"the shape \(-1,\) according to its header"),
        (header("(-2, -5)") + bytes(40), r"the shape \(-2, -5\) according to its header"),
        (
            header("(4611686018427387905, 4)") + bytes(16),
            "73786976294838206480 bytes",
        ),
        (header("(10,)", "('<f4', (1,))") + bytes(40), "an array of shape"),
        (header("(1,)", "'|V40'") + bytes(40), "an array of shape"),
        (header("(1,)", "'|O'") + bytes(8), "holds Python objects, that is a pickle"),
        (header(length=2**31, version=2) + bytes(40), "version 2.0 and 2147483648 bytes"),
        (header(version=3) + bytes(40), "version 3.0"),
        (header(length=20) + bytes(40), "not readable as NP"),
        (header()[:60], "not readable as NP"),
        (header("(" * 3000) + bytes(40), "not readable as NP"),
        (b"\x93NUMP", "is not an NPY array"),
        (b"", "is not an NPY array"),
    ],
)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_headers_that_do_not_fit_the_bytes(tmp_path, body, message, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(body)
    if suffix == ".npz":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("signal.npy", body)
    with memory_below(5e6), pytest.raises(ReadError, match=message):
        read_recording(path, **BOTH)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_the_limit_on_memory_is_kept_before_reading_and_can_be_raised(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    array = np.zeros(2**21, dtype=np.int8)
    np.save(path, array) if suffix == ".npy" else np.savez_compressed(path, signal=array)
    with (
        memory_below(2**20),
        pytest.raises(ReadError, match=r"2097152 samples .* max_bytes=16777215: raise `max_bytes`"),
    ):
        read_recording(path, max_bytes=2**24 - 1, **BOTH)
    with memory_below(2**24):  # one byte and then four a sample, and not eight for all at once
        assert len(read_recording(path, max_bytes=2**24, **BOTH).signal) == 2**21


def test_a_small_archive_of_a_large_array_is_refused_by_default(tmp_path):
    path = tmp_path / "a.npz"
    n = 2**27 + 1
    head = header(f"({n},)", "'|i1'")
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("signal.npy", "w") as file,
    ):
        file.write(head)
        for at in range(0, n, 2**22):
            file.write(bytes(min(2**22, n - at)))
    assert path.stat().st_size < 1e6
    with memory_below(2e6), pytest.raises(ReadError, match="134217729 samples in 'signal' take"):
        read_recording(path, **BOTH)


def directory_says(path, size, crc=None):
    """Change the size, and perhaps the checksum, that the archive's directory gives its entry."""
    body = bytearray(path.read_bytes())
    at = body.index(b"PK\1\2")
    body[at + 24 : at + 28] = size.to_bytes(4, "little")
    if crc is not None:
        body[at + 16 : at + 20] = crc.to_bytes(4, "little")
    path.write_bytes(body)


def test_a_directory_that_lies_about_the_size(tmp_path):
    path = tmp_path / "a.npz"
    head = header("(10,)")
    large = head + bytes(2**24)

    def write():
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("signal.npy", large)

    write()
    with pytest.raises(ReadError, match=r"40 bytes of shape .* and 16777216 bytes are present"):
        read_recording(path, **BOTH)
    directory_says(path, len(head) + 40)
    with memory_below(2**20), pytest.raises(ReadError, match="Bad CRC-32"):
        read_recording(path, **BOTH)
    directory_says(path, len(head) + 40, zlib.crc32(large[: len(head) + 40]))
    with memory_below(2**20):  # consistent, whatever else the stream would unpack to
        assert read_recording(path, **BOTH).signal.tolist() == [0] * 10
    large = header("(10000,)") + bytes(100)
    write()
    directory_says(path, len(header("(10000,)")) + 40_000)
    with pytest.raises(ReadError, match=r"ends after 100 of 40000 bytes|EOF|CRC"):
        read_recording(path, **BOTH)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_bound_are_refused(tmp_path, method):
    body = header("(10,)") + bytes(40)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", method) as archive:
        archive.writestr("signal.npy", body)
    with pytest.raises(ReadError, match="is compressed by method 1"):
        read_recording(tmp_path / "a.npz", **BOTH)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_names_that_an_archive_holds_twice_or_hides(tmp_path):
    path = tmp_path / "a.npz"

    def write(*names):
        with zipfile.ZipFile(path, "w") as archive:
            for at, name in enumerate(names):
                archive.writestr(name, header("(1,)") + np.float32(at).tobytes())

    write("signal.npy", "signal.npy")
    with pytest.raises(ReadError, match="2 channels are called 'signal'"):
        read_recording(path, channel="signal", **BOTH)
    write("signal.npy", "sfreq.npy", "sfreq.npy")
    with pytest.raises(ReadError, match=r"\['sfreq'\] several times: save each once"):
        read_recording(path, **BOTH)
    write("signal.npy", "notes.txt")
    assert read_recording(path, **BOTH).signal.tolist() == [0]
    path.write_bytes(path.read_bytes().replace(b"notes.txt", b"sfreq\0npy"))
    with pytest.raises(ReadError, match="a NUL in the name"):
        read_recording(path, **BOTH)
    write("notes.txt")
    with pytest.raises(ReadError, match="no signal in the file"):
        read_recording(path, **BOTH)
    path.write_bytes(pickle.dumps(RAMP))
    with pytest.raises(ReadError, match=r"not an NPZ archive .a pickle is refused"):
        read_recording(path, **BOTH)


def test_an_array_that_python_2_saved(tmp_path):
    (tmp_path / "a.npy").write_bytes(header("(3L,)") + np.float32([1, 2, 3]).tobytes())
    assert read_recording(tmp_path / "a.npy", **BOTH).signal.tolist() == [1, 2, 3]
