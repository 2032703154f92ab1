import pickle

import edfio
import numpy as np
import pytest
from scipy.io import wavfile

from sknemg.datasets import ReadError, read_recording

wfdb = pytest.importorskip("wfdb")  # which also spares us the deprecations of its import

WRITING = pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")  # wfdb 4.3
RAMP = np.linspace(-1, 1, 400, dtype=np.float32)


@pytest.fixture
def wfdb_record(tmp_path):
    """Factory of WFDB records in format 16: name, integer samples, gain with unit, offset."""

    def write(name="rec", digital=(0, 100, -100), gain="100/mV", sfreq="4000", offset=0, file=None):
        digital = np.asarray(digital, dtype="<i2")
        file = file or f"{name}.dat"
        body = bytes(offset) + digital.tobytes()
        (tmp_path / f"{name}.dat").write_bytes(body)
        fmt = f"16+{offset}" if offset else "16"
        (tmp_path / f"{name}.hea").write_text(
            f"{name} 1 {sfreq} {len(digital)}\n{file} {fmt} {gain}\n#age: 40\n"
        )
        return tmp_path / f"{name}.hea"

    return write


# -- WFDB --------------------------------------------------------------------------------------


@WRITING
def test_wfdb_written_by_wfdb_in_every_way_to_name_it(tmp_path):
    signal = np.column_stack([RAMP, 0.5 * RAMP]).astype(float)
    names, units = ["tibialis", "deltoid"], ["mV", "uV"]
    wfdb.wrsamp("two", 4000, units, names, signal, fmt=["16", "16"], write_dir=str(tmp_path))
    for name in ("two", "two.hea", "two.dat"):
        read, sfreq, meta = read_recording(tmp_path / name, channel="deltoid")
        np.testing.assert_allclose(read, 0.5e-3 * RAMP, atol=1e-7)
        assert (sfreq, meta["channel"], read.dtype) == (4000, "deltoid", np.float32)
    assert np.array_equal(read_recording(tmp_path / "two", channel=1).signal, read)
    with pytest.raises(ReadError, match=r"2 channels \('tibialis', 'deltoid'\): give channel"):
        read_recording(tmp_path / "two.hea")


@WRITING
def test_wfdb_channel_faster_than_the_frame_keeps_its_rate(tmp_path):
    fast, slow = RAMP.astype(float), RAMP[::4].astype(float)
    record = wfdb.Record(
        record_name="multi", n_sig=2, fs=1000, sig_len=100, fmt=["16", "16"],
        file_name=["multi.dat"] * 2, samps_per_frame=[4, 1], sig_name=["fast", "slow"],
        units=["mV", "mV"], adc_gain=[1000.0, 1000.0], baseline=[0, 0], adc_res=[16, 16],
        adc_zero=[0, 0], block_size=[0, 0], init_value=[-1000, -1000], checksum=[0, 0],
        byte_offset=[None, None], skew=[None, None],
        e_d_signal=[np.round(1000 * fast).astype(int), np.round(1000 * slow).astype(int)],
    )  # fmt: skip
    record.wrsamp(write_dir=str(tmp_path), expanded=True)
    signal, sfreq, _ = read_recording(tmp_path / "multi.hea", channel="fast")
    assert sfreq == 4000
    np.testing.assert_allclose(signal, RAMP, atol=6e-4)


def test_n2001_style_offset_and_microvolts(wfdb_record):
    path = wfdb_record(digital=[13107, -13107, 0], gain="13.1070/uV", sfreq="23437.5", offset=20)
    signal, sfreq, meta = read_recording(path)
    np.testing.assert_allclose(signal, [1.0, -1.0, 0.0], atol=1e-6)
    assert sfreq == 23437.5
    assert meta["comments"] == ("age: 40",)
    assert meta["clipped"] == 0


def test_rail_samples_are_a_gap_or_clipped_as_the_caller_knows(wfdb_record):
    path = wfdb_record(digital=[0, -32768, -32768, 32767], gain="13.107/uV")
    with pytest.raises(ReadError, match=r"2 of 4 samples are NaN.*0.0003 s.*invalid='clip'"):
        read_recording(path)
    signal, _, meta = read_recording(path, invalid="clip")
    np.testing.assert_allclose(signal, [0, -2.50004, -2.50004, 2.49996], rtol=1e-5)
    assert meta["clipped"] == 3


@pytest.mark.parametrize("gain", ["0", ""])
def test_wfdb_without_gain_is_not_given_the_default_of_200(wfdb_record, gain):
    path = wfdb_record(digital=[200, -400], gain=gain)
    with pytest.raises(ReadError, match="header has no gain, so give scale"):
        read_recording(path, unit="mV")
    np.testing.assert_allclose(read_recording(path, scale=0.01).signal, [2.0, -4.0])


def test_wfdb_header_must_not_point_elsewhere(wfdb_record):
    with pytest.raises(ReadError, match="must lie beside it"):
        read_recording(wfdb_record(file="../other.dat"))


def test_wfdb_signal_file_that_is_cut_short_or_missing(wfdb_record, tmp_path):
    path = wfdb_record(digital=np.arange(100))
    data = path.with_suffix(".dat")
    data.write_bytes(data.read_bytes()[:50])
    with pytest.raises(ReadError, match="not readable as WFDB"):
        read_recording(path)
    data.unlink()
    with pytest.raises(ReadError, match=r"no file 'rec\.dat'"):
        read_recording(path)
    with pytest.raises(ReadError, match=r"no header 'other\.hea'"):
        read_recording(tmp_path / "other.dat")


# -- EDF ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("unit", "factor"), [("uV", 1e-3), ("mV", 1.0), ("V", 1e3)])
def test_edf_states_rate_and_unit(tmp_path, unit, factor):
    signals = [
        edfio.EdfSignal(RAMP.astype(float), 4000, label="needle", physical_dimension=unit),
        edfio.EdfSignal(RAMP[:100].astype(float), 1000, label="ref", physical_dimension=unit),
    ]
    edfio.Edf(signals, data_record_duration=0.1).write(tmp_path / "a.edf")
    signal, sfreq, meta = read_recording(tmp_path / "a.edf", channel="needle")
    np.testing.assert_allclose(signal, RAMP * factor, atol=4e-5 * factor)
    assert (sfreq, meta["clipped"]) == (4000, 2)
    assert read_recording(tmp_path / "a.edf", channel="ref").sfreq == 1000


def test_edf_with_micro_sign_and_with_gaps(tmp_path):
    path = tmp_path / "a.edf"
    signal = edfio.EdfSignal(RAMP.astype(float), 4000, physical_dimension="uV")
    edfio.Edf([signal], data_record_duration=0.1).write(path)
    body = path.read_bytes()
    path.write_bytes(body[:352] + "µV".encode("latin-1") + body[354:])
    np.testing.assert_allclose(read_recording(path).signal, RAMP * 1e-3, atol=1e-7)
    path.write_bytes(body[:192] + b"EDF+D" + body[197:])
    with pytest.raises(ReadError, match=r"EDF\+D file has gaps"):
        read_recording(path)


def test_edf_that_ends_early(tmp_path):
    path = tmp_path / "a.edf"
    signal = edfio.EdfSignal(RAMP.astype(float), 1000, physical_dimension="uV")
    edfio.Edf([signal], data_record_duration=0.1).write(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ReadError, match="ends after 3 of 4 data records"):
        read_recording(path)


def test_edf_in_another_unit_than_a_voltage(tmp_path):
    signal = edfio.EdfSignal(RAMP.astype(float), 4000, physical_dimension="%")
    edfio.Edf([signal], data_record_duration=0.1).write(tmp_path / "a.edf")
    with pytest.raises(ReadError, match="unit '%' is no known voltage"):
        read_recording(tmp_path / "a.edf", unit="mV")


# -- WAV ---------------------------------------------------------------------------------------


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
        with pytest.raises(ReadError, match="give scale, the millivolts at full scale"):
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


# -- NumPy -------------------------------------------------------------------------------------


def test_npy_needs_rate_and_unit_and_says_both_at_once(tmp_path):
    np.save(tmp_path / "a.npy", (1000 * RAMP).astype(np.int16))
    with pytest.raises(ReadError, match=r"no sampling rate.*no unit.*give unit"):
        read_recording(tmp_path / "a.npy")
    signal, sfreq, _ = read_recording(tmp_path / "a.npy", sfreq=10_000, unit="uV")
    np.testing.assert_allclose(signal, RAMP, atol=1.1e-3)
    assert sfreq == 10_000
    scaled = read_recording(tmp_path / "a.npy", sfreq=10_000, scale=1e-3).signal
    assert np.array_equal(scaled, signal)
    with pytest.raises(ReadError, match="unit and scale both given"):
        read_recording(tmp_path / "a.npy", sfreq=10_000, unit="uV", scale=1e-3)


def test_npz_states_rate_and_unit_and_must_agree(tmp_path):
    np.savez(tmp_path / "a.npz", signal=RAMP, sfreq=48_000, unit="uV")
    signal, sfreq, _ = read_recording(tmp_path / "a.npz")
    np.testing.assert_allclose(signal, RAMP * 1e-3, rtol=1e-6)
    assert sfreq == 48_000
    with pytest.raises(ReadError, match=r"says 48000 Hz, sfreq says 10000.*says uV, unit says mV"):
        read_recording(tmp_path / "a.npz", sfreq=10_000, unit="mV")
    with pytest.raises(ReadError, match=r"states its unit \(uV\): leave scale out"):
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
    with pytest.raises(ReadError, match="no channel 'up': there are 'left', 'right'"):
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


# -- text --------------------------------------------------------------------------------------

RATE_UNIT = {"sfreq": 10_000, "unit": "uV"}


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("1.5\n-2\n3e1\n", {}),
        ("signal\n1.5\n-2\n3e1\n\n\n", {}),
        ('"time","EMG 1"\n0,1.5\n1,-2\n2,30\n', {"channel": "EMG 1"}),
        ("0 1.5\n1   -2\n2\t30\n", {"channel": 1, "delimiter": " "}),
        ("t;s\n0,0;1,5\n0,1;-2,0\n0,2;30,0\n", {"channel": 1, "delimiter": ";", "decimal": ","}),
        ("Device X\nGain 5\ns\n1.5\n-2\n30\n", {"skip_lines": 2}),
        ("\ufeff1.5\r\n-2\r\n30\r\n", {}),
        ("s,,\n1.5,,\n-2,,\n30,,\n", {}),
        ("1.5,\n-2,\n30,\n", {}),
    ],
)
def test_text_dialects(tmp_path, text, options):
    (tmp_path / "a.txt").write_text(text, encoding="utf-8", newline="")
    signal = read_recording(tmp_path / "a.txt", **RATE_UNIT, **options).signal
    np.testing.assert_allclose(signal, [1.5e-3, -2e-3, 30e-3], rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("1\n2\nx3\n4\n\n5\n", {}, r"no number in line 3, 5 \(the first reads 'x3'"),
        ("s\n1\n2\n-0.0383+0.0350\n", {}, "no number in line 4"),
        ("0;1,5\n1;2,5\n", {"delimiter": ";", "channel": 1}, r"line 1, 2 .*'1,5'.*decimal sign"),
        ("1.234,5\n2\n", {"delimiter": ";", "decimal": ","}, "line 1"),
        ("1,2\n3,4,5\n", {"channel": 0}, "lines differ in their number of columns"),
        ("t,s\n1,2,3\n4,5,6\n", {"channel": 0}, "lines differ in their number of columns"),
        ("1\nnan\n3\n", {}, "line 2"),
        ("", {}, "no samples"),
        ("signal\n", {}, "no samples"),
        ("t,s\n1,2\n", {}, r"2 channels \('t', 's'\)"),
        ("0;1,5\n1;2,5\n", {"channel": 1}, r"by ';'.*give delimiter=';', decimal=','"),
        ("t;s\n0;1.5\n1;2.5\n", {"channel": 1}, r"by ';', .* is ',': give delimiter=';'$"),
        ("0\t1\n1\t2\n", {"channel": 1}, r"by '\\t'"),
    ],
)
def test_text_that_does_not_fit(tmp_path, text, options, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ReadError, match=message):
        read_recording(tmp_path / "a.csv", **RATE_UNIT, **options)


# -- what holds for all ------------------------------------------------------------------------


def test_part_of_a_file(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(1000))
    both = {"sfreq": 1000, "unit": "mV"}
    part = read_recording(tmp_path / "a.npy", start=0.1, stop=0.3, **both).signal
    assert np.array_equal(part, np.arange(100, 300))
    assert len(read_recording(tmp_path / "a.npy", start=0.9, **both).signal) == 100
    for start, stop in [(-0.1, 0.5), (0.5, 0.5), (0.5, 1.1), (2.0, None)]:
        with pytest.raises(ReadError, match=r"of a file of 1 s: 0 <= start < stop <= duration"):
            read_recording(tmp_path / "a.npy", start=start, stop=stop, **both)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sfreq": 0, "unit": "mV"}, "sampling rate of 0 Hz"),
        ({"sfreq": np.nan, "unit": "mV"}, "sampling rate of nan Hz"),
        ({"sfreq": 10, "unit": "MV"}, "unit 'MV' is unknown"),
        ({"sfreq": 10, "scale": 0}, "a scale of 0"),
    ],
)
def test_rates_units_and_scales_that_make_no_sense(tmp_path, options, message):
    np.save(tmp_path / "a.npy", RAMP)
    with pytest.raises(ReadError, match=message):
        read_recording(tmp_path / "a.npy", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sfreq": "10000", "scale": "5"}, "sfreq='10000', scale='5': give a number"),
        ({"sfreq": 10, "unit": "mV", "start": "1"}, "start='1': give a number"),
        ({"sfreq": 10, "unit": "mV", "start": np.nan}, "start nan s to stop"),
        ({"sfreq": 10, "unit": "mV", "decimal": ","}, "delimiter and decimal are both ','"),
    ],
)
def test_arguments_that_make_no_sense(tmp_path, options, message):
    np.save(tmp_path / "a.npy", RAMP)
    with pytest.raises(ValueError, match=message):
        read_recording(tmp_path / "a.npy", **options)


def test_formats_that_are_not_read(tmp_path):
    for name in ("a.mat", "a"):
        with pytest.raises(ReadError, match="no reader for"):
            read_recording(tmp_path / name)
    with pytest.raises(ReadError, match=r"no file 'a\.wav'"):
        read_recording(tmp_path / "a.wav", scale=1)
    with pytest.raises(ValueError, match="give 'raise' or 'clip'"):
        read_recording(tmp_path / "a.wav", invalid="rail")


# -- real files --------------------------------------------------------------------------------


def test_real_edf_files_as_edfio_reads_them(data_dir):
    folder = data_dir / "formats"
    path = folder / "bids_emg_CustomBipolar_sub-01_task-holdWeight_emg.edf"
    signal, sfreq, _ = read_recording(path)
    np.testing.assert_allclose(signal, edfio.read_edf(path).signals[0].data * 1e-3, rtol=1e-5)
    assert (sfreq, len(signal)) == (2000, 2000)
    generator = read_recording(folder / "wfdb_test_generator_2.edf", channel="sine 1 Hz")
    assert (generator.sfreq, len(generator.signal)) == (200, 120_000)
    assert 0.09 < np.abs(generator.signal).max() < 0.11
    with pytest.raises(ReadError, match="no signal in the file"):
        read_recording(folder / "wfdb_test_edfann.edf")


def test_real_text_file_with_broken_lines(data_dir):
    with pytest.raises(ReadError, match="no number in line 639, 41464"):
        read_recording(
            data_dir / "emgdb" / "emg_healthy.txt", sfreq=4000, unit="mV", channel=1, delimiter=" "
        )
