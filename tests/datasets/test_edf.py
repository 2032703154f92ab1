"""EDF and EDF+ files, held against edfio, pyedflib, and files built byte by byte."""

import edfio
import numpy as np
import pyedflib
import pytest
from _bytes import edf_file, edf_reading

from sknemg.datasets import ReadError, read_recording

RAMP = np.linspace(-1, 1, 400, dtype=np.float32)
DIGITAL = np.arange(-200, 200, dtype=np.int16)  # four records of 100 samples


@pytest.fixture
def edf(tmp_path):
    """Factory of EDF files of one signal in four data records of 0.1 s, or of given ones."""

    def write(signal=None, *, signals=None, cut=None, extra=b"", **fields):
        signals = signals or [{"digital": DIGITAL} | (signal or {})]
        fields = {"duration": "0.1"} | fields
        body = edf_file(signals, 4, **fields)
        path = tmp_path / "a.edf"
        path.write_bytes(body[:cut] + extra)
        return path

    return write


# -- as edfio writes them ----------------------------------------------------------------------


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
    with pytest.raises(ReadError, match=r"EDF\+D file without the times of its data records"):
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
    for given in ({}, {"unit": "mV"}, {"scale": 1}):
        with pytest.raises(ReadError, match="unit '%' is not a voltage"):
            read_recording(tmp_path / "a.edf", **given)


def test_signals_of_different_rates_as_pyedflib_reads_them(tmp_path):
    rng = np.random.default_rng(0)
    names = ["EMG 1", "EMG 2", "EMG 3"]
    rates, ranges = [5000, 1000, 40], [(-500, 500), (-2000, 2500), (3, -3)]
    signals = [
        {"label": name, "digital": rng.integers(-2048, 2048, size=4 * rate // 10), "unit": "uV",
         "physical_min": str(low), "physical_max": str(high), "digital_min": "-2048",
         "digital_max": "2047"}
        for name, rate, (low, high) in zip(names, rates, ranges, strict=True)
    ]  # fmt: skip
    path = tmp_path / "a.edf"
    onsets = ["+0", "+0.1", "+0.2", "+0.3"]
    path.write_bytes(edf_file(signals, 4, onsets, duration="0.1", kind="EDF+C"))
    with pyedflib.EdfReader(str(path)) as reader:
        assert reader.getSignalLabels() == names
        for at, name in enumerate(names):
            signal, sfreq, meta = read_recording(path, channel=name)
            assert sfreq == reader.getSampleFrequency(at) == rates[at]
            np.testing.assert_allclose(signal, reader.readSignal(at) * 1e-3, rtol=1e-6, atol=1e-9)
            assert np.array_equal(signal, read_recording(path, channel=at).signal)
            assert meta["clipped"] == np.isin(signals[at]["digital"], [-2048, 2047]).sum()


# -- fields of the header ----------------------------------------------------------------------


def _scaled(path, **given):
    return read_recording(path, **given).signal


@pytest.mark.parametrize(
    ("low", "high"),
    [("-100", "100"), ("-1e2", "+1.0E2"), (".5", "1."), ("100", "-100"), ("  -5 ", "5  ")],
)
def test_physical_ranges_that_are_valid(edf, low, high):
    path = edf({"physical_min": low, "physical_max": high, "digital_min": "-200"})
    expected = float(low) + (DIGITAL + 200) / (32767 + 200) * (float(high) - float(low))
    np.testing.assert_allclose(_scaled(path), expected * 1e-3, rtol=1e-6)
    seen = edfio.read_edf(path).signals[0].data * 1e-3
    np.testing.assert_allclose(_scaled(path), seen, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("physical_min", "", "the physical minimum is '', not a number"),
        ("physical_max", " ", "the physical maximum is ''"),
        ("physical_max", "3276,7", "the physical maximum is '3276,7', not a number"),
        ("physical_max", "nan", "the physical maximum is 'nan'"),
        ("physical_max", "inf", "the physical maximum is 'inf'"),
        ("physical_max", "1e999", "the physical maximum is '1e999'"),
        ("physical_max", "32_76.7", "the physical maximum is '32_76.7'"),
        ("physical_max", "3 276.7", "the physical maximum is '3 276.7'"),
        ("physical_max", "0x10", "the physical maximum is '0x10'"),
        ("physical_max", b"100\0\0\0\0\0", r"the physical maximum is b'100\\x00"),
        ("physical_max", "10²", r"the physical maximum is b'10\\xb2'"),
        ("physical_max", "-3276.8", "the physical range is '-3276.8' to '-3276.8'"),
        ("digital_min", "", "the digital minimum is '', not an integer of 16 bits"),
        ("digital_min", "-32769", "the digital minimum is '-32769'"),
        ("digital_max", "32768", "the digital maximum is '32768'"),
        ("digital_max", "8388607", "the digital maximum is '8388607'"),
        ("digital_max", "32767.0", "the digital maximum is '32767.0'"),
        ("digital_max", "-32768", "the digital minimum -32768 is not below the maximum -32768"),
        ("digital_max", "-32769", "the digital maximum is '-32769'"),
        ("digital_min", "32767", "the digital minimum 32767 is not below the maximum 32767"),
    ],
)
def test_a_range_that_is_not_valid_is_no_calibration(edf, field, value, reason):
    path = edf({field: value})
    for given in ({}, {"unit": "uV"}):
        with pytest.raises(ReadError, match=f"no amplitude scale: in the EDF header {reason}"):
            read_recording(path, **given)
    signal = read_recording(path, scale=0.5).signal
    assert np.array_equal(signal, DIGITAL * np.float32(0.5))


def test_all_that_is_wrong_with_a_range_is_said_at_once(edf):
    path = edf({"physical_min": "-", "physical_max": "", "digital_min": "x", "digital_max": "1"})
    with pytest.raises(ReadError, match=r"physical minimum .* digital minimum .* physical maximum"):
        read_recording(path)


def test_a_range_that_is_not_valid_of_another_signal_does_not_matter(edf):
    path = edf(
        signals=[{"digital": DIGITAL}, {"digital": DIGITAL, "physical_min": "", "label": "B"}]
    )
    np.testing.assert_allclose(_scaled(path, channel="EMG"), DIGITAL * 1e-4, rtol=1e-6, atol=1e-9)
    with pytest.raises(ReadError, match="no amplitude scale"):
        read_recording(path, channel="B")


def test_samples_beyond_the_digital_range_are_counted(edf):
    signal = {"digital_min": "-100", "digital_max": "99"}
    assert read_recording(edf(signal)).meta["clipped"] == 202


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"version": "1"}, "not an EDF or BDF file"),
        ({"version": b"\xffBIOSEMI"}, "the file ends after"),
        ({"size": "768"}, "says that it has 768 bytes, the file 1312, and 1 signals take 512"),
        ({"size": "-1"}, "number of bytes in the header is '-1', not an integer >= 256"),
        ({"size": ""}, "number of bytes in the header is ''"),
        ({"size": "256"}, "says that it has 256 bytes"),
        ({"n_signals": ""}, "number of signals is ''"),
        ({"n_signals": "1.0"}, "number of signals is '1.0'"),
        ({"n_signals": "-1"}, "number of signals is '-1', not an integer >= 0"),
        ({"n_signals": "2"}, "2 signals take 768"),
        ({"n_records": "-1"}, "number of data records is '-1', not an integer >= 0"),
        ({"n_records": ""}, "number of data records is ''"),
        ({"n_records": "4.0"}, "number of data records is '4.0'"),
        ({"n_records": "3"}, "goes on for 200 bytes after its 3 data records"),
        ({"n_records": "0"}, "goes on for 800 bytes after its 0 data records"),
        ({"n_records": "5"}, "ends after 4 of 5 data records"),
        ({"n_records": "99999999"}, "ends after 4 of 99999999 data records"),
        ({"duration": "0"}, "duration of a data record is '0', not a number of seconds > 0"),
        ({"duration": "0.0"}, "duration of a data record is '0.0'"),
        ({"duration": ""}, "duration of a data record is ''"),
        ({"duration": "0,1"}, "duration of a data record is '0,1'"),
        ({"duration": "-0.1"}, "duration of a data record is '-0.1'"),
        ({"duration": "nan"}, "duration of a data record is 'nan'"),
        ({"duration": "inf"}, "duration of a data record is 'inf'"),
        ({"duration": "1e999"}, "duration of a data record is '1e999'"),
        ({"duration": "1e-999"}, "duration of a data record is '1e-999'"),
        ({"duration": "1e-308"}, "a sampling rate of inf Hz"),
        ({"duration": "0.1\0"}, r"duration of a data record is b'0.1\\x00'"),
        ({"kind": "EDF+X"}, r"kind is 'EDF\+X' instead of EDF\+C or EDF\+D"),
        ({"kind": "edf+d"}, r"kind is 'edf\+d'"),
    ],
)
def test_headers_that_state_something_else_than_they_may(edf, fields, message):
    with pytest.raises(ReadError, match=message):
        read_recording(edf(**fields))


@pytest.mark.parametrize("n_samples", ["", "100.0", "-100", "0", "x", "1e2", "99", "101"])
def test_samples_per_data_record(edf, n_samples):
    message = "samples per data record of signal 0 is|ends after 3 of 4|goes on for 8 bytes"
    with pytest.raises(ReadError, match=message):
        read_recording(edf({"n_samples": n_samples}))


def test_file_that_is_longer_or_shorter_than_its_header_says(edf):
    for cut, extra, message in [
        (None, b"\0", "goes on for 1 bytes after its 4 data records"),
        (None, bytes(200), "goes on for 200 bytes"),
        (-1, b"", "ends after 3 of 4 data records"),
        (512, b"", "ends after 0 of 4 data records"),
        (500, b"", "the file 500, and 1 signals take 512"),
        (200, b"", "not an EDF or BDF file"),
        (0, b"", "not an EDF or BDF file"),
    ]:
        with pytest.raises(ReadError, match=message):
            read_recording(edf(cut=cut, extra=extra))


def test_no_data_records_and_no_signals(tmp_path):
    path = tmp_path / "a.edf"
    body = edf_file([{"digital": []}], 1, n_records="0", duration="0.1")
    path.write_bytes(body[:472] + b"100     " + body[480:])
    with pytest.raises(ReadError, match="no samples"):
        read_recording(path)
    path.write_bytes(edf_file([], 1))
    with pytest.raises(ReadError, match="no signal in the file"):
        read_recording(path)


def test_rates_are_those_of_the_text(edf):
    for text, rate in [("0.1", 1000), ("1e-1", 1000), ("0.333333", 100 / 0.333333), ("3", 100 / 3)]:
        assert read_recording(edf(duration=text)).sfreq == rate


@pytest.mark.parametrize(
    ("unit", "given", "factor"),
    [
        (b"\xb5V", {}, 1e-3),
        ("µV".encode(), {}, 1e-3),
        ("μV".encode(), {}, 1e-3),
        (b"", {"unit": "V"}, 1e3),
        (b"UV", {"unit": "uV"}, 1e-3),
        (b"Millivol", {"unit": "mV"}, 1),
        (b"uV\0\0", {"unit": "uV"}, 1e-3),
        (b"\x83\xcaV", {"scale": 1e-3}, 1e-3),
    ],
)
def test_units(edf, unit, given, factor):
    path = edf({"unit": unit})
    np.testing.assert_allclose(_scaled(path, **given), DIGITAL * 0.1 * factor, rtol=1e-6, atol=1e-9)
    if given:
        with pytest.raises(
            ReadError, match="no unit" if not unit else "the file's unit .* unknown"
        ):
            read_recording(path)
    else:
        with pytest.raises(ReadError, match="correct one"):
            read_recording(path, unit="mV")


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_labels_keep_their_accents(edf, encoding):
    labels = ["vaste médial", "außen"]
    path = edf(signals=[{"digital": DIGITAL, "label": name.encode(encoding)} for name in labels])
    for name in labels:
        assert read_recording(path, channel=name).meta["channel"] == name


# -- the clock of EDF+ -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["", "EDF+C", "EDF+D"])
@pytest.mark.parametrize("first", ["+0", "+0.25"])
def test_recording_without_gaps(edf, kind, first):
    onsets = [f"+{float(first) + 0.1 * i:.2f}" for i in range(4)]
    path = edf(kind=kind, onsets=onsets)
    np.testing.assert_allclose(_scaled(path), DIGITAL * 1e-4, rtol=1e-6, atol=1e-9)
    part = _scaled(path, start=0.15, stop=0.25)  # from the first sample on
    np.testing.assert_allclose(part, DIGITAL[150:250] * 1e-4, rtol=1e-6, atol=1e-9)
    assert np.array_equal(edfio.read_edf(path).signals[0].digital, DIGITAL)
    if kind == "EDF+C":  # EDFlib reads no EDF+D
        with pyedflib.EdfReader(str(path)) as reader:
            assert np.array_equal(reader.readSignal(0, digital=True), DIGITAL)


@pytest.mark.parametrize(
    ("onsets", "message"),
    [
        (["+0", "+0.1", "+1.2", "+1.3"], "jumps from 0.2 s to 1.2 s, in a file .* without gaps"),
        (["+0", "+0.1", "+0.2", "+0.301"], "jumps from 0.3 s to 0.301 s"),
        (["+0", "+0.1", "+0.1", "+0.2"], "jumps from 0.2 s to 0.1 s, which is back"),
        (["+0", "+0.1", "-5", "+0.3"], "jumps from 0.2 s to -5 s, which is back"),
        (["+0", "", "+0.2", "+0.3"], "data record 1 of 4 .* do not begin with their"),
        (["+0", "+0.1", "+0,2", "+0.3"], "data record 2 of 4 .* do not begin with their"),
        (["+0", "+0.1", "0.2", "+0.3"], "data record 2 of 4 .* do not begin with their"),
    ],
)
@pytest.mark.parametrize("kind", ["", "EDF+C"])
def test_clock_that_jumps_in_a_file_that_is_to_be_continuous(edf, kind, onsets, message):
    for part in ({}, {"start": 0, "stop": 0.05}):
        with pytest.raises(ReadError, match=message):
            read_recording(edf(kind=kind, onsets=onsets), **part)


def test_parts_between_gaps_by_the_time_of_the_recording(edf):
    path = edf(kind="EDF+D", onsets=["+0.5", "+0.6", "+2.75", "+2.85"])
    message = (
        r"the recording has gap 0\.2 to 2\.25 s \(before sample 200\): give `start` and `stop` "
        r"inside one of its parts 0 to 0\.2 s, 2\.25 to 2\.45 s"
    )
    across = [{}, {"start": 0.1}, {"start": 0.1, "stop": 2.3}, {"start": 1, "stop": 2}]
    across += [{"start": 0.1, "stop": 0.3}, {"start": 2.2, "stop": 2.4}, {"start": -1, "stop": 0.1}]
    for part in across:
        with pytest.raises(ReadError, match=message):
            read_recording(path, **part)
    for start, stop, first, last in [
        (0, 0.2, 0, 200),
        (None, 0.15, 0, 150),
        (2.25, 2.45, 200, 400),
        (2.3, None, 250, 400),
        (2.3, 2.31, 250, 260),
    ]:
        signal = read_recording(path, start=start, stop=stop).signal
        np.testing.assert_allclose(signal, DIGITAL[first:last] * 1e-4, rtol=1e-6, atol=1e-9)


def test_many_gaps_are_listed_up_to_a_number(tmp_path):
    onsets = [f"+{2 * i}" for i in range(50)]
    body = edf_file([{"digital": np.arange(500)}], 50, kind="EDF+D", onsets=onsets)
    (tmp_path / "a.edf").write_bytes(body)
    with pytest.raises(ReadError, match=r"gaps 1 to 2 s .* and 39 more: .* and 40 more$"):
        read_recording(tmp_path / "a.edf")


def test_records_that_overlap_are_refused_with_gaps_too(edf):
    path = edf(kind="EDF+D", onsets=["+0", "+0.1", "+0.15", "+0.25"])
    with pytest.raises(ReadError, match=r"jumps from 0.2 s to 0.15 s, which is back"):
        read_recording(path, start=0, stop=0.1)


def test_times_may_be_rounded_but_not_drift(tmp_path):
    path = tmp_path / "a.edf"
    signals = [{"digital": np.arange(60_000) % 1000}]
    for step, fits in [(1 / 3, True), (0.333333, True), (0.33334, False), (0.3334, False)]:
        onsets = [f"+{step * i:.6f}" for i in range(3000)]
        path.write_bytes(edf_file(signals, 3000, duration="0.333333", kind="EDF+C", onsets=onsets))
        if fits:
            assert len(read_recording(path).signal) == 60_000
        else:
            with pytest.raises(ReadError, match="jumps from"):
                read_recording(path)


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


def test_real_edf_file_as_the_bytes_say(data_dir):
    path = data_dir / "formats" / "wfdb_test_generator_2.edf"
    seen = edf_reading(path.read_bytes(), 3)
    signal, sfreq, meta = read_recording(path, channel="ECG")
    expected = np.array(seen["digital"]) * float(seen["gain"]) + float(seen["offset"])
    np.testing.assert_allclose(signal, expected * 1e-3, rtol=1e-6, atol=1e-9)
    assert (sfreq, meta["channel"]) == (200, "ECG")
    with pytest.raises(ReadError, match=r"unit b'\\xb0' is not a voltage"):
        read_recording(path, channel="sine 15 Hz", scale=1)
