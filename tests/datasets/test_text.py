import numpy as np
import pandas as pd
import pytest

from sknemg.datasets import ReadError, load_cohort, read_recording
from sknemg.datasets._formats import decoding, text

RATE_UNIT = {"sfreq": 10_000, "unit": "uV"}


@pytest.mark.parametrize(
    ("body", "options"),
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
def test_text_dialects(tmp_path, body, options):
    (tmp_path / "a.txt").write_text(body, encoding="utf-8", newline="")
    signal = read_recording(tmp_path / "a.txt", **RATE_UNIT, **options).signal
    np.testing.assert_allclose(signal, [1.5e-3, -2e-3, 30e-3], rtol=1e-6)


@pytest.mark.parametrize(
    ("body", "options", "message"),
    [
        ("1\n2\nx3\n4\n\n5\n", {}, r"no number in lines 3, 5 \(the first reads 'x3'"),
        ("s\n1\n2\n-0.0383+0.0350\n", {}, "no number in line 4"),
        ("0;1,5\n1;2,5\n", {"delimiter": ";", "channel": 1}, r"lines 1, 2 .*'1,5'.*decimal sign"),
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
def test_text_that_does_not_fit(tmp_path, body, options, message):
    (tmp_path / "a.csv").write_text(body)
    with pytest.raises(ReadError, match=message):
        read_recording(tmp_path / "a.csv", **RATE_UNIT, **options)


@pytest.fixture
def read(tmp_path):
    """Reader of text or bytes, in millivolts so that numbers stay as they are."""

    def read(body, written="utf-8", **options):
        path = tmp_path / "a.csv"
        path.write_bytes(body if isinstance(body, bytes) else body.encode(written))
        return read_recording(path, sfreq=10_000, unit="mV", **options)

    return read


# -- time axes ---------------------------------------------------------------------------------


def with_axis(name, times, form="{:.6g}", n=2000):
    rows = (f"{form.format(at)},{at % 7}" for at in times[:n])
    return "\n".join([f"{name},EMG", *rows]) + "\n"


STEPS = np.arange(2000)


@pytest.mark.parametrize(
    ("name", "times", "form"),
    [
        ("time (s)", STEPS / 20_000, "{}"),  # 5e-05, as pandas writes it
        ("Time [ms]", STEPS / 20, "{:.2f}"),
        ("t", 3 + STEPS / 20_000, "{:.5f}"),
        ("seconds", STEPS / 20_000, "{:.3f}"),  # of 20 samples each
        ("time (µs)", STEPS * 50, "{}"),
        ("time (s)", 1.7e9 + STEPS / 20_000, "{:.9f}"),  # more digits than numbers have
        ("X[s]", STEPS / 20_000, "{:.5f}"),
        ("Zeit/ms", STEPS / 20, "{:.2f}"),
        ("time_us", STEPS * 50, "{}"),
        ("min", STEPS / 20_000 / 60, "{:.9f}"),
        ("msec", STEPS / 20, "{:.2f}"),
    ],
)
def test_a_time_axis_of_another_rate_is_refused(tmp_path, name, times, form):
    (tmp_path / "a.csv").write_text(with_axis(name, times, form), encoding="utf-8")
    how = {"channel": "EMG", "unit": "uV"}
    assert read_recording(tmp_path / "a.csv", sfreq=20_000, **how).sfreq == 20_000
    with pytest.raises(ReadError, match=r"`sfreq` says 10000 Hz, .* runs at (19960|20\d{3})"):
        read_recording(tmp_path / "a.csv", sfreq=10_000, **how)
    (tmp_path / "a.csv").write_text("fs: 10 kHz\n" + with_axis(name, times, form))
    with pytest.raises(ReadError, match=r"the file says 10000 Hz, and the time axis"):
        read_recording(tmp_path / "a.csv", skip_lines=1, **how)


@pytest.mark.parametrize(
    ("name", "times", "form"),
    [
        ("t", STEPS, "{}"),  # samples
        ("time (samples)", STEPS / 20_000, "{}"),
        ("time (s)", STEPS / 20_000, "{:.1f}"),  # too coarse
        ("time (s)", STEPS % 100 / 20_000, "{}"),  # of sweeps
        ("time (s)", STEPS[:19] / 20_000, "{}"),  # too few
        ("time (s)", STEPS / 20_000, "0:{}"),  # no number
        ("time (ms)", STEPS / 10 * 1.0004, "{:.4f}"),  # a crystal is no better
        ("t", STEPS / 10, "{:.1f}"),  # milliseconds
        ("time", 45_000 + STEPS / 10_000 / 86_400, "{:.11f}"),  # days, as spreadsheets count
        ("time (s)", 1.7e9 + STEPS / 10_000 + 0.7 * (STEPS > 500), "{:.6f}"),  # with a gap
        ("temperature", STEPS / 20_000, "{}"),
        ("force_s", STEPS / 20_000, "{}"),
    ],
)
def test_a_time_axis_that_does_not_tell_the_rate_is_let_alone(read, name, times, form):
    assert read(with_axis(name, times, form), channel="EMG").sfreq == 10_000


def test_a_line_of_counts_under_the_names_is_no_sample(read):
    body = "min,CH1,CH2\n,3,3\n0,0.5,9\n1,0.6,9\n2,0.7,9\n"
    with pytest.raises(ReadError, match=r"line 2 has no 'min', .* \(3, 3\): take it out"):
        read(body, channel="CH1")
    signal = read(body, channel=1, skip_lines=2, header=False).signal
    assert signal.tolist() == np.float32([0.5, 0.6, 0.7]).tolist()
    assert read("min,CH1\n0,0.5\n,0.6\n", channel="CH1").signal.tolist() == [0.5, np.float32(0.6)]


# -- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ('"EMG 1, left","EMG 1",x\n1,2,3\n4,5,6\n', ["EMG 1, left", "EMG 1", "x"]),
        ('t, "EMG 1, left", "EMG 1"\n1,2,3\n4,5,6\n', ["t", "EMG 1, left", "EMG 1"]),
        ('"say ""EMG"", twice",b,c\n1,2,3\n4,5,6\n', ['say "EMG", twice', "b", "c"]),
        ('"EMG\n1",b,c\n1,2,3\n4,5,6\n', ["EMG\n1", "b", "c"]),
        ('"a,b",c,d,,\n1,2,3,,\n4,5,6,,\n', ["a,b", "c", "d"]),
        ("EMG (µ),EMG [mV],é\n1,2,3\n4,5,6\n", ["EMG (µ)", "EMG [mV]", "é"]),
        (",emg,ref\n1,2,3\n4,5,6\n", ["", "emg", "ref"]),
        ("time,0,1\n1,2,3\n4,5,6\n", ["time", "0", "1"]),
        ("time,2nd,(V)\n1,2,3\n4,5,6\n", ["time", "2nd", "(V)"]),
    ],
)
@pytest.mark.parametrize("feed", ["\n", "\r\n", "\r"])
def test_every_name_gives_its_own_column(read, body, names, feed):
    body = body.replace("\n", feed)
    for at, name in enumerate(names):
        signal, _, meta = read(body, channel=name)
        assert signal.tolist() == [1 + at, 4 + at]
        assert (meta["channel"], meta["header"], meta["encoding"]) == (name, True, "utf-8")


# -- what the lines above the numbers state ----------------------------------------------------


@pytest.mark.parametrize(
    ("head", "options", "message"),
    [
        ("EMG [uV]", {}, "the file says uV, `unit` says mV: correct one"),
        ("EMG (µV)", {}, "the file says µV, `unit` says mV: correct one"),
        ("time (s),EMG [V]", {"channel": 1}, "the file says V, `unit` says mV"),
        ("Unit: uV\nEMG", {"skip_lines": 1}, "the file says uV, `unit` says mV"),
        ("EMG [uV] (mV)", {}, "several units in the file"),
        ("EMG/µV", {}, "the file says µV, `unit` says mV"),
        ("emg_uV", {}, "the file says uV, `unit` says mV"),
        ("EMG (Volts)", {}, "the file says V, `unit` says mV"),
        ("EMG [10 uV]", {}, "unit is '10 uV': give `scale`, the millivolts"),
        ("Einheit: µV\nEMG", {"skip_lines": 1}, "the file says µV, `unit` says mV"),
        ("UnitName=\tuV\nEMG", {"skip_lines": 1}, "the file says uV, `unit` says mV"),
        ("Sampling rate: 48000", {}, "the file says 48000 Hz, `sfreq` says 10000 Hz: correct one"),
        ("# fs = 48 kHz\nEMG", {"skip_lines": 1}, "the file says 48000 Hz"),
        ("a\nSampling Rate (kHz);48\nEMG", {"skip_lines": 2, "delimiter": ";"}, "says 48000 Hz"),
        ('"Sample frequency","48000 Hz"\nEMG', {"skip_lines": 1}, "the file says 48000 Hz"),
        ("fs: 4000\nsrate: 8000\nEMG", {"skip_lines": 2}, "several sampling rates in the file"),
        ("Rate\nSample rate: 4000 samples/s\nEMG", {"skip_lines": 2}, "the file says 4000 Hz"),
        ("fs: 4 kS/s\nEMG", {"skip_lines": 1}, "the file says 4000 Hz"),
        ("fs: 4000 Hz, 2 channels\nEMG", {"skip_lines": 1}, "the file says 4000 Hz"),
        ("Abtastrate: 4000/s (je Kanal)\nEMG", {"skip_lines": 1}, "the file says 4000 Hz"),
        # may mean several rates, of which this is none
        ("fs: 48\nEMG", {"skip_lines": 1}, "the line 'fs: 48' says 48 or 48000 Hz: correct one"),
        ("fs: 48,000 Hz\nEMG", {"skip_lines": 1}, "the line 'fs: 48,000 Hz' says 48 or 48000 Hz"),
        ("Abtastrate: 20.000\nEMG", {"skip_lines": 1}, "says 20 or 20000 Hz"),
        ("Sampling interval: 0,05 ms\nEMG", {"skip_lines": 1}, "' means 20000 Hz: correct one"),
        ("Sample period [us]: 50\nEMG", {"skip_lines": 1}, "' means 20000 Hz: correct one"),
        ("Interval=\t0.00005 s\nEMG", {"skip_lines": 1}, "' means 20000 Hz: correct one"),
        (
            "Points=9  SamplingInterval[ms]=0.05  Bins/uV=1\nEMG",
            {"skip_lines": 1},
            "means 20000 Hz",
        ),
        ("Sampling interval: 0.5 s\nEMG", {"skip_lines": 1}, "' means 2 Hz: correct one"),
        ("0.05 msec/sample\nEMG", {"skip_lines": 1}, "' means 20000 Hz: correct one"),
        ("Sampling rate=48000 Hz, gain=500\nEMG", {"skip_lines": 1}, "the file says 48000 Hz"),
        ("Samples/s: 48000\nEMG", {"skip_lines": 1}, "the file says 48000 Hz"),
        ("Sampling Frequency(kHz)=48,0\nSubsampled(kHz)=19,2\nEMG", {"skip_lines": 2}, "several"),
        ("Force (kg)", {}, "the file's unit 'kg' is not a voltage"),
        ("Unit: mA\nEMG", {"skip_lines": 1}, "the file's unit 'mA' is not a voltage"),
        ("Unit: 10 uV\nEMG", {"skip_lines": 1}, "unit is '10 uV': give `scale`, the millivolts"),
    ],
)
def test_what_the_lines_above_state_must_agree(read, head, options, message):
    body = head + "\n" + "\n".join(["1,2" if "," in head.splitlines()[-1] else "1"] * 3) + "\n"
    with pytest.raises(ReadError, match=message):
        read(body, **options)


@pytest.mark.parametrize(
    "head",
    [
        "Sampling rate: 10000", "Fs [Hz]: 10000.0", "fs=10 kHz", "Sampling rate: 10",
        "Sampling rate: 10,000 Hz", "Sampling interval: 0.1 ms", "Sampling interval: 0.1",
        "Unit: 3", "Unit: mV", "Heart rate: 48000", "EMG [mV]",
        "EMG [L]", "Units", "Patient: Unit 4711", "Sampling: left", "Interval: 10 min",
        "Trigger interval=0.5 s  Average=1", "Sampling: 20", "Subsampled: 4", "ISI (ms): 50",
        "Interval: 20 ms", "fs=10000 Hz  ISI=2 ms",
    ],
)  # fmt: skip
def test_what_agrees_or_states_nothing_is_read(read, head):
    assert read(f"{head}\nEMG\n1\n2.5\n", skip_lines=1).signal.tolist() == [1, 2.5]
    if "," not in head:
        assert read(f"{head}\n1\n2.5\n").signal.tolist() == [1, 2.5]


def test_a_rate_and_a_unit_that_the_lines_above_state_need_not_be_given(tmp_path):
    (tmp_path / "a.txt").write_text("Sampling rate: 48 kHz\nEMG [uV]\n1\n2\n")
    signal, sfreq, _ = read_recording(tmp_path / "a.txt", skip_lines=1)
    assert sfreq == 48_000 and signal.tolist() == [np.float32(1e-3), np.float32(2e-3)]
    with pytest.raises(ReadError, match=r"states its unit \(uV\): leave `scale` out"):
        read_recording(tmp_path / "a.txt", skip_lines=1, scale=5)


def test_a_unit_of_several_microvolts_is_read_by_its_scale(tmp_path):
    (tmp_path / "a.txt").write_text("Unit: 10 uV\nEMG\n1\n2\n")
    signal = read_recording(tmp_path / "a.txt", sfreq=10_000, skip_lines=1, scale=0.01).signal
    assert signal.tolist() == [np.float32(0.01), np.float32(0.02)]


@pytest.mark.parametrize("name", ["time", "Time (s)", "t"])
def test_a_time_axis_alone_is_no_signal(read, name):
    with pytest.raises(ReadError, match="is named like a time axis: save the signal with it"):
        read(f"{name}\n0\n1\n")
    assert read(f"{name}\n0\n1\n", channel=name).signal.tolist() == [0, 1]


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("columns", [["emg", "ref, left"], ["EMG 1", 'a "b"'], [0, 1], [7, 3]])
def test_tables_written_by_pandas(read, index, columns):
    frame = pd.DataFrame([[0.5, 1.5], [0.25, -2.5], [0.75, 3.5]], columns=columns)
    body = frame.to_csv(index=index)
    last = str(columns[1])
    if not index and isinstance(columns[0], int):
        with pytest.raises(ReadError, match=r"names of columns or samples: give header=True"):
            read(body, channel=last)
        assert read(body, channel=1, header=False, decimal=".").signal[0] == columns[1]
        assert read(body, channel=last, header=True).signal.tolist() == frame.iloc[:, 1].tolist()
    else:
        assert read(body, channel=last).signal.tolist() == frame.iloc[:, 1].tolist()


@pytest.mark.parametrize(
    "body",
    [
        "0\n0.5\n0.25\n",  # one column as pandas writes it
        "0\n12\n-5\n",
        "0,1,2\n0.5,0.6,0.7\n",
        "0,1,2\n5,6,7\n",
        "1,2,3\n5,6,7\n",  # channels 1 to 3
        "16\n0.5\n0.25\n",  # a whole number over numbers with a point
        "3,5\n1.5,7\n2.5,8\n",
        '"16"\n5\n7\n',  # quoted over unquoted
        ",0\n2024-01-01,0.5\n",  # an index that is no count
        ",0.5\n7,0.6\n",
        "#,0\n0,0.5\n1,0.6\n",
        "rest,1\nrest,2\n",
        "x,0.5\n1,0.6\n",
    ],
)
def test_a_first_line_that_may_be_names_or_numbers(read, body):
    with pytest.raises(ReadError, match=r"line 1 reads .*: give header=True or header=False$"):
        read(body, channel=0, decimal=".")
    rows = [line.split(",") for line in body.replace('"', "").splitlines()]
    column = [row[-1] for row in rows]
    at = len(rows[0]) - 1
    with_names = read(body, channel=column[0], header=True, decimal=".")
    assert with_names.signal.tolist() == pytest.approx([float(entry) for entry in column[1:]])
    assert with_names.meta["header"] is True
    without = read(body, channel=at, header=False, decimal=".")
    assert without.signal.tolist() == pytest.approx([float(entry) for entry in column])
    assert without.meta["header"] is False


@pytest.mark.parametrize(
    "body", ["5\n6\n7\n", "0.5\n1\n2\n", "-3\n0.5\n", "0,0\n1,0.5\n", ",1.5\n,2.5\n", "12\n"]
)
def test_numbers_that_cannot_be_names(read, body):
    reading = read(body, channel=body.splitlines()[0].count(","))
    column = [float(line.split(",")[-1]) for line in body.splitlines()]
    assert reading.signal.tolist() == column
    assert reading.meta["header"] is False


@pytest.mark.parametrize(
    "word", ["nan", "NA", "n/a", "inf", "-", "-0.03+0.03", "1,5", "(mV)", "2nd"]
)
def test_a_first_line_without_number_is_no_name_unless_it_is_said(read, word):
    with pytest.raises(ReadError, match=r"no number in line 1 .*"):
        read(f"{word}\n1.5\n2.5\n", delimiter=";")
    assert read(f"{word}\n1.5\n2.5\n", delimiter=";", header=True).signal.tolist() == [1.5, 2.5]


def test_names_that_occur_twice_and_lines_of_units(read):
    with pytest.raises(ReadError, match="2 channels are called 'a'"):
        read("a,a\n1,2\n", channel="a")
    assert read("a,a\n1,2\n", channel=1).signal.tolist() == [2.0]
    with pytest.raises(ReadError, match="no number in line 2"):
        read("time,emg\ns,mV\n0,1\n", channel="emg")
    with pytest.raises(ReadError, match="lines differ in their number of columns"):
        read("x y\n1 0.5 0.6\n2 0.6 0.7\n", delimiter=" ", channel="x")  # R's row names


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('"a,b\n1,2\n3,4\n', "line 1 cannot be split into columns"),
        ('"a"b,c\n1,2\n', "line 1 cannot be split into columns"),
        ('a,b\n1,2\n"3,4\n', "cannot be split into columns"),
    ],
)
def test_quotes_without_counterpart(read, body, message):
    with pytest.raises(ReadError, match=message):
        read(body, channel=0)
    with pytest.raises(ReadError, match="line 2 has a quote without its counterpart"):
        read('a b\n"1 2\n', channel=0, delimiter=" ")


# -- numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry",
    [
        *("nan", "NaN", "inf", "-Infinity", "NA", "1e400", "", " ", "-", "+", ".", "e5", "1e"),
        *("1e+", "1_000", "1d5", "0x1A", "1 234.5", "1.5.2", "--1", "1-2", "1.5mV", "#1.5"),
        *("1.5 # note", "\u22125", "\u0661", "\uff11", "\xb2", "1\xa0234", "\u20091", "\x1a"),
        *("1\x0b", "TRUE", "'1'", "1,5", '"1,5"', '"1 ""5"""'),
    ],
)
@pytest.mark.parametrize("before", ["", "0;", "rest;", '"0";'])
def test_what_is_nearly_a_number_is_none(read, entry, before):
    lines = [f"{before}{number}\n" for number in ("1.5", entry, "2.5")]
    with pytest.raises(ReadError, match=r"no number in line 2 \(the first reads"):
        read("".join(lines), delimiter=";", header=False, channel=1 if before else 0)


@pytest.mark.parametrize("before", ["", "0;", "rest;", '"0";'])
def test_numbers_in_every_valid_form(read, before):
    entries = ["1", "+1.5", "-.5", "5.", "1e3", "1E-3", " 2 ", "\t3", '"4.5"', "007", "1e-400"]
    right = [1, 1.5, -0.5, 5, 1000, 0.001, 2, 3, 4.5, 7, 0]
    body = "".join(f"{before}{entry}\n" for entry in entries)
    options = {"delimiter": ";", "header": False, "channel": 1 if before else 0}
    assert read(body, **options).signal.tolist() == np.float32(right).tolist()
    comma = body.replace(".", ",")
    assert read(comma, decimal=",", **options).signal.tolist() == np.float32(right).tolist()


@pytest.mark.parametrize("blank", ["3,", "3", ",4", "", ",", "3,4,5"])
def test_lines_that_lack_a_field_or_have_one_more(read, blank):
    body = f"1.5,2\n{blank}\n5,6\n"
    for channel in (0, 1):
        whole = blank.split(",") if blank.count(",") == 1 else ["", ""]
        if whole[channel]:
            assert read(body, channel=channel).signal[1] == float(whole[channel])
        else:
            with pytest.raises(ReadError, match=r"line 2|differ in their number of columns"):
                read(body, channel=channel)


def test_lines_are_counted_as_an_editor_does(read):
    with pytest.raises(ReadError, match="no number in line 5 "):
        read('# about\n"a\nb",c\n1,2\n1,x\n', channel="c", skip_lines=1)
    with pytest.raises(ReadError, match="line 2 is blank: skip it with `skip_lines`"):
        read("about\n\n1\n2\n", skip_lines=1)
    with pytest.raises(ReadError, match=r"line 1 .*'# emg'.* skip them with `skip_lines`"):
        read("# emg\n0.5\n1.5\n")
    bad = "".join("x\n" if i % 2 else f"{i}.5\n" for i in range(60))
    with pytest.raises(ReadError, match=r"no number in lines 2, 4, 6, .* and 20 more"):
        read(bad)


# -- decimal commas ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", ["0,5\n1,5\n-2,5\n", "-0,05\n1,25\n", "emg\n0,5\n1,5\n", "0,5\n1\n2,5\n", "1\n2\n0,5\n"]
)
def test_one_column_with_a_decimal_comma(read, body):
    numbers = [line.replace(",", ".") for line in body.splitlines() if line != "emg"]
    for options in ({}, {"channel": 0}, {"delimiter": ",", "channel": 0}):
        with pytest.raises(ReadError, match=r"give delimiter=';', decimal=','"):
            read(body, **options)
    for delimiter in (";", "\t", " "):
        with pytest.raises(ReadError, match=r"give decimal=','"):
            read(body, delimiter=delimiter)
        signal = read(body, delimiter=delimiter, decimal=",").signal
        assert signal.tolist() == np.float32(numbers).tolist()
    with pytest.raises(ValueError, match="`delimiter` and `decimal` are both ','"):
        read(body, decimal=",")


def test_two_columns_of_integers_are_read_once_the_decimal_sign_is_given(read):
    body = "0,512\n1,498\n2,505\n"
    with pytest.raises(ReadError, match=r"2 columns or have a decimal comma: .*decimal='\.' if"):
        read(body, channel=1)
    assert read(body, channel=1, decimal=".").signal.tolist() == [512, 498, 505]
    assert read("t,emg\n" + body, channel=1).signal.tolist() == [512, 498, 505]
    with pytest.raises(ReadError, match="4 columns or have a decimal comma"):
        read("-0,5,1,25\n1,5,2,5\n", channel=0)


@pytest.mark.parametrize(
    ("body", "delimiter", "message"),
    [
        ("0,5 1,5\n0,6 1,7\n", ",", "separated by ' ', .*: give delimiter=' ', decimal=','"),
        ("0;1,5\n1;2,5\n", ",", "separated by ';', .*: give delimiter=';', decimal=','"),
        ("0.5 1.5\n0.6 1.7\n", ",", "separated by ' ', .*: give delimiter=' '$"),
        ("0;1.5\n1;2.5\n", " ", "separated by ';'"),
        ("1,234.5\n2,234.5\n", ";", "no number in lines 1, 2 .*: correct the file"),
        ("1 234,5\n2 234,5\n", ";", "no number in lines 1, 2"),
    ],
)
def test_another_dialect_is_named(read, body, delimiter, message):
    with pytest.raises(ReadError, match=message):
        read(body, delimiter=delimiter, channel=0)


def test_columns_separated_by_comma_and_blank(read):
    assert read("0.1, 1.5\n0.2, -2\n", channel=1).signal.tolist() == [1.5, -2]
    assert read("0.1\t 1.5\n0.2\t -2\n", channel=1, delimiter="\t").signal.tolist() == [1.5, -2]


# -- encodings ---------------------------------------------------------------------------------

GERMAN = "Zeit;Signal µV é\n0;1,5\n1;-2,5\n"
DIALECT = {"delimiter": ";", "decimal": ","}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
@pytest.mark.parametrize("feed", ["\n", "\r\n", "\r"])
def test_the_mark_or_the_bytes_tell_the_encoding(read, encoding, feed):
    reading = read(GERMAN.replace("\n", feed), encoding, channel="Signal µV é", **DIALECT)
    assert reading.signal.tolist() == [1.5, -2.5]
    assert reading.meta["encoding"] == encoding


@pytest.mark.parametrize("order", ["le", "be"])
def test_utf_16_in_both_byte_orders(read, order):
    whole = ("\ufeff" + GERMAN).encode(f"utf-16-{order}")
    assert read(whole, channel="Signal µV é", **DIALECT).signal.tolist() == [1.5, -2.5]
    bare = GERMAN.encode(f"utf-16-{order}")
    with pytest.raises(ReadError, match=rf"NUL .* line 1, .* give encoding='utf-16-{order}'"):
        read(bare, channel=1, **DIALECT)
    reading = read(bare, channel="Signal µV é", encoding=f"utf-16-{order}", **DIALECT)
    assert reading.signal.tolist() == [1.5, -2.5]
    with pytest.raises(ReadError, match="no byte order mark, which utf-16 needs"):
        read(bare, channel=1, encoding="utf-16", **DIALECT)


def test_bytes_that_no_encoding_fits_and_marks_that_contradict(read):
    with pytest.raises(ReadError, match="neither UTF-8 nor cp1252: give `encoding`"):
        read(b"\x81\xff;a\n0;1,5\n", channel=1, **DIALECT)
    named = read("筋;a\n0;1,5\n", "shift-jis", channel=1, encoding="shift-jis", **DIALECT)
    assert named.signal.tolist() == [1.5]
    with pytest.raises(ReadError, match="begins with the mark of utf-8, `encoding` says cp1252"):
        read(GERMAN, "utf-8-sig", channel=1, encoding="cp1252", **DIALECT)
    with pytest.raises(ReadError, match="the bytes are not valid utf-16"):
        read(GERMAN.encode("utf-16")[:-1], channel=1, **DIALECT)
    with pytest.raises(ReadError, match="the bytes are not valid utf-8"):
        read(GERMAN, "cp1252", channel=1, encoding="utf-8", **DIALECT)
    with pytest.raises(ReadError, match="a NUL character in line 3, which no text holds"):
        read("emg\n1.5\n2\x00.5\n")


# -- size --------------------------------------------------------------------------------------


@pytest.mark.parametrize("feed", ["\n", "\r\n"])
@pytest.mark.parametrize("block", [1, 7, 50])
@pytest.mark.parametrize("kind", ["numbers", "words", "quotes", "blanks", "ends"])
def test_blocks_leave_no_seam(read, monkeypatch, kind, block, feed):
    line = {
        "numbers": "{0},{1}\n",
        "words": "rest {0},{1}\n",
        "quotes": '"a, ""{0}""\nb",{1}\n' if feed == "\n" else '"{0}","{1}"\n',
        "blanks": "  {0}\t {1} \n",
        "ends": "{0},{1},,\n",
    }[kind]
    values = np.round(np.random.default_rng(0).normal(size=300), 3)
    body = "".join(line.format(at, value) for at, value in enumerate(values)).replace("\n", feed)
    options = {"channel": "emg", "delimiter": " " if kind == "blanks" else ","}
    names = "t emg" if kind == "blanks" else '"t",emg'
    monkeypatch.setattr(decoding, "BLOCK", block)
    monkeypatch.setattr(text, "_LOOKED_AT", 3)
    monkeypatch.setattr(text, "_BATCH", 4)
    if kind == "quotes" and feed == "\n":  # the first row must lie within the first block
        monkeypatch.setattr(decoding, "BLOCK", 80 + block)
    signal = read(f"about\n{names}{feed}{body}\n\n", skip_lines=1, **options).signal
    assert signal.tolist() == values.astype(np.float32).tolist()


def test_a_line_without_end_and_a_recording_in_one_line(read):
    for body in ("1" * 3_000_000, "1.5," * 1_000_000):
        with pytest.raises(ReadError, match="line 1 is longer than 1048576 characters"):
            read(body)
    with pytest.raises(ReadError, match="one line of 3 numbers: write a recording as a column"):
        read("1.5,2.5,3.5\n")
    for header in (None, True, False):  # of which none would help
        with pytest.raises(ReadError, match="one line of 200 numbers: write a recording as a col"):
            read("LongTrace Data(mV)<200>=0.5" + ",1.5" * 199 + "\n", header=header)


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
def test_the_limit_counts_the_samples_read(read, tmp_path):
    body = "".join(f"{i}.5\n" for i in range(1000))
    with pytest.raises(ReadError, match=r"1000 samples .* 8000 bytes.* max_bytes=7999: raise"):
        read(body, max_bytes=7999)
    assert len(read(body, max_bytes=8000).signal) == 1000
    table = "subject,diagnosis,file\nA,M,a.csv\n"
    (tmp_path / "cohort.csv").write_text(table)
    given = {"sfreq": 1000, "unit": "mV"}
    with pytest.raises(ValueError, match="max_bytes=7999"):
        load_cohort(tmp_path, max_bytes=7999, **given)
    read("0\n1\n2\n3\n", header=False)
    X, _ = load_cohort(tmp_path, header=True, encoding="ascii", **given)
    assert X[0].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delimiter": ";;"}, "delimiter=';;' must be one character"),
        ({"delimiter": "5"}, "delimiter='5' must be one character that no number holds"),
        ({"delimiter": "\n"}, "delimiter='.n' must be one character"),
        ({"decimal": "'"}, r"must be '\.' or ','"),
        ({"skip_lines": -1}, "skip_lines=-1 must be an integer >= 0"),
        ({"skip_lines": 1.5}, "skip_lines=1.5 must be an integer >= 0"),
        ({"header": "yes"}, "header='yes' must be True, False or None"),
        ({"encoding": "utf-9"}, "encoding='utf-9' is unknown"),
        ({"encoding": "rot13"}, "encoding='rot13' is unknown"),
        ({"max_bytes": 0}, "max_bytes=0 must be an integer >= 1"),
    ],
)
def test_arguments_that_fit_no_text(read, options, message):
    with pytest.raises(ValueError, match=message) as caught:
        read("1.5\n", **options)
    assert not isinstance(caught.value, ReadError)


def test_numbers_are_exactly_those_of_python(read):
    rng = np.random.default_rng(0)
    values = rng.normal(size=2000) * 10.0 ** rng.integers(-30, 30, 2000)
    body = "".join(f"{float(value)!r}\n" for value in values)
    assert np.array_equal(read(body).signal, np.array([*map(float, body.split())], np.float32))


# -- real files --------------------------------------------------------------------------------


def test_real_text_file_with_broken_lines(data_dir):
    with pytest.raises(ReadError, match="no number in lines 639, 41464"):
        read_recording(
            data_dir / "emgdb" / "emg_healthy.txt", sfreq=4000, unit="mV", channel=1, delimiter=" "
        )
