import edfio
import numpy as np
import pytest

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
