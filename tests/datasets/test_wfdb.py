"""WFDB records, held against wfdb, against soundfile, and against samples packed by hand."""

import h5py
import numpy as np
import pytest
import soundfile
from _bytes import WIDTH, pack
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

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


@pytest.fixture
def record(tmp_path):
    """Factory of records from the text of a header, which may be bytes, and the signal file."""

    def write(header, body=pack(16, [0, 100, -100]), name="rec"):  # noqa: B008
        header = header if isinstance(header, bytes) else header.encode()
        (tmp_path / f"{name}.hea").write_bytes(header)
        (tmp_path / f"{name}.dat").write_bytes(body)
        return tmp_path / f"{name}.hea"

    return write


# -- as wfdb writes them -----------------------------------------------------------------------


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
    with pytest.raises(ReadError, match=r"2 channels \('tibialis', 'deltoid'\): give `channel`"):
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
    uncalibrated = wfdb_record(digital=[0, -32768, -32768, 32767], gain="0")
    with pytest.raises(ReadError, match="2 of 4 samples are NaN"):
        read_recording(uncalibrated, scale=1)


@pytest.mark.parametrize("gain", ["0", ""])
def test_wfdb_without_gain_is_not_given_the_default_of_200(wfdb_record, gain):
    path = wfdb_record(digital=[200, -400], gain=gain)
    with pytest.raises(ReadError, match="header has no gain, so give `scale`"):
        read_recording(path, unit="mV")
    np.testing.assert_allclose(read_recording(path, scale=0.01).signal, [2.0, -4.0])


def test_wfdb_header_must_not_point_elsewhere(wfdb_record):
    with pytest.raises(ReadError, match="must lie beside it"):
        read_recording(wfdb_record(file="../other.dat"))


def test_wfdb_signal_file_that_is_cut_short_or_missing(wfdb_record, tmp_path):
    path = wfdb_record(digital=np.arange(100))
    data = path.with_suffix(".dat")
    data.write_bytes(data.read_bytes()[:50])
    with pytest.raises(ReadError, match=r"'rec\.dat' has 50 bytes of samples, .* take 200"):
        read_recording(path)
    data.unlink()
    with pytest.raises(ReadError, match=r"no file 'rec\.dat'"):
        read_recording(path)
    with pytest.raises(ReadError, match=r"no header 'other\.hea', which says how 'other\.dat' is"):
        read_recording(tmp_path / "other.dat")
    with pytest.raises(ReadError, match=r"no header 'other\.hea': add it"):
        read_recording(tmp_path / "other.hea")


# -- units, names and comments, from the bytes of the header -----------------------------------


@WRITING
@pytest.mark.parametrize("micro", ["\u00b5", "\u03bc"])  # the micro sign, the Greek letter
def test_microvolts_as_wfdb_writes_them(tmp_path, micro):
    signal = np.array([[100.0], [-50.0], [0.0]])
    wfdb.wrsamp("a", 4000, [f"{micro}V"], ["EMG"], signal, fmt=["16"], write_dir=str(tmp_path))
    header = (tmp_path / "a.hea").read_bytes()
    assert f"{micro}V".encode() in header  # wfdb itself reads this as V, a million times as much
    assert wfdb.rdheader(str(tmp_path / "a")).units == ["V"]
    expected = pytest.approx([0.1, -0.05, 0], abs=1e-5)
    assert read_recording(tmp_path / "a").signal == expected
    if micro == "\u00b5":
        (tmp_path / "a.hea").write_bytes(header.decode().encode("latin-1"))
        assert read_recording(tmp_path / "a").signal == expected


@pytest.mark.parametrize(
    ("unit", "millivolts"),
    [(b"V", 1e3), (b"mV", 1), (b"mv", 1), (b"uV", 1e-3), (b"uv", 1e-3), (b"\xb5v", 1e-3)]
    + [("µV".encode(), 1e-3), ("μV".encode(), 1e-3), (b"nV", 1e-6)],
)
def test_known_units(record, unit, millivolts):
    path = record(b"rec 1 4000 3\nrec.dat 16 100/" + unit + b"\n")
    np.testing.assert_allclose(read_recording(path).signal, [0, millivolts, -millivolts], rtol=1e-6)
    with pytest.raises(ReadError, match=r"unit says|correct one"):
        read_recording(path, unit="V" if millivolts < 1e3 else "mV")
    with pytest.raises(ReadError, match=r"states its unit .*: leave `scale` out"):
        read_recording(path, scale=1)


@pytest.mark.parametrize(
    ("unit", "quoted"),
    [
        (b"Millivolts", "'Millivolts'"),
        (b"UV", "'UV'"),
        (b"MV", "'MV'"),
        (b"mVolt", "'mVolt'"),
        (b"uV\0", r"b'uV\\x00'"),
        ("μV".encode("shift-jis"), r"b'\\x83\\xcaV'"),
        (b"\xe6V", r"b'\\xe6V'"),
        ("ＶV".encode(), r"b'\\xef\\xbc\\xb6V'"),
    ],
)
def test_unknown_units_are_shown_and_can_be_overruled(record, unit, quoted):
    path = record(b"rec 1 4000 3\nrec.dat 16 100/" + unit + b"\n")
    with pytest.raises(ReadError, match=f"the file's unit {quoted} is unknown: give `unit`"):
        read_recording(path)
    np.testing.assert_allclose(read_recording(path, unit="uV").signal, [0, 1e-3, -1e-3])
    np.testing.assert_allclose(read_recording(path, scale=5).signal, [0, 5, -5])
    with pytest.raises(ReadError, match="`unit` and `scale` both given"):
        read_recording(path, scale=5, unit="uV")


def test_a_unit_of_something_else_cannot_be_overruled(record):
    path = record("rec 1 4000 3\nrec.dat 16 100/mmHg\n")
    for overrule in ({}, {"unit": "mV"}, {"scale": 1}):
        with pytest.raises(ReadError, match="unit 'mmHg' is not a voltage"):
            read_recording(path, **overrule)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_names_and_comments_keep_their_accents(record, encoding):
    text = "rec 2 4000 1\nrec.dat 16 100/mV 16 0 0 0 0 Unterschenkel außen\n"
    text += "rec.dat 16 100/mV 16 0 100 100 0 vaste médial\n# Ärztin: Müller\n"
    path = record(text.encode(encoding))
    signal, _, meta = read_recording(path, channel="vaste médial")
    assert (signal.tolist(), meta["channel"]) == ([1.0], "vaste médial")
    assert meta["comments"] == ("Ärztin: Müller",)
    assert read_recording(path, channel="Unterschenkel außen").signal.tolist() == [0.0]


# -- what the header does not state is asked for -----------------------------------------------


def test_rate_gain_and_unit_have_no_defaults(record):
    path = record("rec 1\nrec.dat 16 100/mV\n")
    with pytest.raises(ReadError, match="no sampling rate: the file states none"):
        read_recording(path)
    assert read_recording(path, sfreq=10_000).sfreq == 10_000
    path = record("rec 1 4000 3\nrec.dat 16 100\n")
    with pytest.raises(ReadError, match="no unit: the file states none"):
        read_recording(path)
    np.testing.assert_allclose(read_recording(path, unit="uV").signal, [0, 1e-3, -1e-3])
    path = record("rec 1 4000 3\nrec.dat 16\n")
    with pytest.raises(ReadError, match="no amplitude scale: the WFDB header has no gain"):
        read_recording(path, unit="mV")
    np.testing.assert_allclose(read_recording(path, scale=0.5).signal, [0, 50, -50])
    path = record("rec 1\nrec.dat 16\n")
    with pytest.raises(ReadError, match=r"no sampling rate.*no amplitude scale"):
        read_recording(path)


@pytest.mark.parametrize(
    ("line", "signal"),
    [
        ("rec.dat 16 100/mV", [0, 1, -1]),
        ("rec.dat 16 1.0e2/mV", [0, 1, -1]),
        ("rec.dat 16 1E+2/mV", [0, 1, -1]),
        ("rec.dat 16 -100/mV", [0, -1, 1]),
        ("rec.dat\t16\t.5(0)/mV", [0, 200, -200]),
        ("rec.dat 16 100(50)/mV 16 10", [-0.5, 0.5, -1.5]),
        ("rec.dat 16 100/mV 16 10", [-0.1, 0.9, -1.1]),
        ("rec.dat 16 100(-70000)/mV 12 0", [700, 701, 699]),
        ("rec.dat 16x1:0+0 100/mV 0 0 0 0 0", [0, 1, -1]),
        ("rec.dat 16:1 100/mV", [1, -1]),
        ("rec.dat 16+2 100/mV", None),
    ],
)
def test_fields_of_a_signal(record, line, signal):
    path = record(f"rec 1 4000 3\r\n\r\n {line}\r\n")
    if signal is None:
        with pytest.raises(ReadError, match=r"has 4 bytes of samples, .* take 6"):
            read_recording(path)
    else:
        np.testing.assert_allclose(read_recording(path).signal, signal, rtol=1e-6)


@pytest.mark.parametrize("gain", ["13,107/uV", "nan/mV", "inf/mV", "1e999/mV", "1_0/mV", "0x1/mV"])
def test_a_gain_that_is_no_number_is_no_gain(record, gain):
    path = record(f"rec 1 4000 3\nrec.dat 16 {gain}\n")
    with pytest.raises(ReadError, match=f"no gain but '{gain}', so give `scale`"):
        read_recording(path, unit="uV")
    np.testing.assert_allclose(read_recording(path, scale=0.5).signal, [0, 50, -50])


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("rec 1 4,000 3\nrec.dat 16 100/mV\n", "sampling rate is '4,000', not a number > 0"),
        ("rec 1 0 3\nrec.dat 16 100/mV\n", "sampling rate is '0', not a number > 0"),
        ("rec 1 -4000 3\nrec.dat 16 100/mV\n", "sampling rate is '-4000'"),
        ("rec 1 nan 3\nrec.dat 16 100/mV\n", "sampling rate is 'nan'"),
        ("rec 1 4000 3.0\nrec.dat 16 100/mV\n", "number of samples is '3.0', not an integer >= 0"),
        ("rec x 4000 3\nrec.dat 16 100/mV\n", "number of signals is 'x'"),
        ("rec 2 4000 3\nrec.dat 16 100/mV\n", "announces 2 signals and describes 1"),
        ("rec 1 4000 3\nrec.dat 16 1/mV\nrec.dat 16 1/mV\n", "announces 1 signals and describes 2"),
        ("rec/2 1 4000 3\nrec1 100\n", "of several segments"),
        ("rec 0 4000 3\n", "no signal in the file"),
        ("# only a comment\n", "empty"),
        ("", "empty"),
        ("rec 1 4000 3\nrec.dat\n", "format of signal 0 is '', which is not read"),
        ("rec 1 4000 3\nrec.dat 0 100/mV\n", "format of signal 0 is '0', which is not read"),
        ("rec 1 4000 3\nrec.dat 16y2 100/mV\n", "format of signal 0 is '16y2'"),
        ("rec 1 4000 3\nrec.dat 16x0 100/mV\n", "samples per frame of signal 0 is '0'"),
        ("rec 1 4000 3\nrec.dat 16 100/mV(0)\n", r"gain of signal 0 is '100/mV\(0\)'"),
        ("rec 1 4000 3\nrec.dat 16 100(x)/mV\n", "baseline of signal 0 is 'x'"),
        ("rec 1 4000 3\nrec.dat 16 100 /mV\n", "ADC resolution of signal 0 is '/mV'"),
        ("rec 1 4000 3\nrec.dat 16 100/mV EMG\n", "ADC resolution of signal 0 is 'EMG'"),
        ("rec 1 4000 3\nrec.dat 16 100/mV 16 0.5\n", "ADC zero of signal 0 is '0.5'"),
        ("rec 1 4000 3\nrec.dat 16 100/mV 16 ١\n", "ADC zero of signal 0"),
        ("rec 1 4000 3\nrec.dat 16 100/mV 16 0 0 1e3\n", "checksum of signal 0 is '1e3'"),
        ("rec 1 4000 3\nrec.dat 16:3 100/mV\n", "no samples"),
        ("rec 1 4000 0\nrec.dat 16+6 100/mV\n", "no samples"),
        ("rec 1 4000 999999999999\nrec.dat 16 100/mV\n", "has 6 bytes of samples"),
        ("rec 1 4000 3\nrec.dat 16x99999999999 100/mV\n", "has 6 bytes of samples"),
        ("rec 1 4000 3\nrec.dat 8 100/mV\n", "states no initial value"),
    ],
)
def test_headers_that_state_something_else_than_they_may(record, header, message):
    with pytest.raises(ReadError, match=message):
        read_recording(record(header))


def test_rates_as_scanf_reads_them(record):
    for text in ("4e3", "4000.", "4000.0", "4000/100(5)", "+4000"):
        assert read_recording(record(f"rec 1 {text} 3\nrec.dat 16 100/mV\n")).sfreq == 4000


# -- number of samples, checksum, skew, several signals ----------------------------------------


def test_number_of_samples_from_the_file_where_the_header_has_none(record):
    for header in ("rec 1 4000\nrec.dat {} 100/mV\n", "rec 1 4000 0\nrec.dat {} 100/mV\n"):
        for fmt in (16, 24, 32, 61, 80, 160, 212):
            path = record(header.format(fmt), pack(fmt, [100, -100, 50]))
            np.testing.assert_allclose(read_recording(path).signal, [1, -1, 0.5])
    for fmt, body in [("310", pack(310, [1, 2, 3])), ("311", bytes(4)), ("16", bytes(3))]:
        with pytest.raises(ReadError, match=r"states no number of samples, and 'rec.dat' of"):
            read_recording(record(f"rec 1 4000\nrec.dat {fmt} 100/mV\n", body))


@pytest.mark.parametrize(
    ("n", "checksum", "shown"),
    [
        (3, 70, None),
        (3, 0, "checksum of signal 0 is 0 in the WFDB header and 70 in its samples"),
        (3, -70, "is -70 in the WFDB header and 70"),
        (3, 65606, "is 65606 in the WFDB header"),
        (2, 120, None),
        (2, 70, "is 70 in the WFDB header and 120"),
        (0, 0, None),
        (0, 71, "is 71 in the WFDB header and 70"),
    ],
)
def test_checksum(record, n, checksum, shown):
    header = f"rec 1 4000 {n}\nrec.dat 16 100/mV 16 0 20 {checksum} 0 EMG\n"
    path = record(header, pack(16, [20, 100, -50]))
    if shown is None:
        assert len(read_recording(path).signal) == (n or 3)
    else:
        with pytest.raises(ReadError, match=shown):
            read_recording(path)


def test_checksum_of_signals_that_share_frames_and_have_a_skew(record):
    fast, slow = [1, 2, 3, 4, 5, 6], [-30000, -20000, -10000]
    body = pack(16, [1, 2, -30000, 3, 4, -20000, 5, 6, -10000])
    text = "rec 2 1000 3\nrec.dat 16x2:1 1/mV 16 0 1 {} 0 fast\nrec.dat 16 1/mV 16 0 0 {} 0 slow\n"
    path = record(text.format(sum(fast), sum(slow) + 65536), body)  # the skew counts in it
    signal, sfreq, _ = read_recording(path, channel="fast")
    assert (signal.tolist(), sfreq) == (fast[2:], 2000)
    assert read_recording(path, channel="slow").signal.tolist() == slow
    path = record(text.format(sum(fast), 1), body)
    assert read_recording(path, channel="fast").signal.tolist() == fast[2:]
    with pytest.raises(ReadError, match=r"checksum of signal 1 is 1 .* and 5536"):
        read_recording(path, channel="slow")


def test_signals_of_two_files(record, tmp_path):
    (tmp_path / "b.dat").write_bytes(pack(212, [7, -8, 9]))
    text = "rec 3 1000 3\nrec.dat 16 1/mV\nrec.dat 16 1/mV\nb.dat 212 1/mV\n"
    path = record(text, pack(16, [1, 4, 2, 5, 3, 6]))
    assert [read_recording(path, channel=at).signal.tolist() for at in range(3)] == [
        [1, 2, 3], [4, 5, 6], [7, -8, 9],
    ]  # fmt: skip
    apart = "rec 3 1000 3\nrec.dat 16 1/mV\nb.dat 212 1/mV\nrec.dat 16 1/mV\n"
    differ = "rec 3 1000 3\nrec.dat 16 1/mV\nrec.dat 61 1/mV\nb.dat 212 1/mV\n"
    for text in (apart, differ):
        with pytest.raises(ReadError, match=r"signals of 'rec\.dat' are not consecutive, or"):
            read_recording(record(text, pack(16, [1, 4, 2, 5, 3, 6])), channel=0)


# -- formats -----------------------------------------------------------------------------------


@st.composite
def _layouts(draw):
    fmt = draw(st.sampled_from(sorted(WIDTH)))
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    n = draw(st.integers(1, 7)) * sum(sizes)
    least, most = -(2 ** (WIDTH[fmt] - 1)), 2 ** (WIDTH[fmt] - 1) - 1
    values = draw(st.lists(st.integers(least, most), min_size=n, max_size=n))
    return fmt, sizes, values, draw(st.integers(0, 5))


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(_layouts())
def test_every_format_as_it_was_packed_and_as_wfdb_reads_it(tmp_path_factory, layout):
    fmt, sizes, values, offset = layout
    folder = tmp_path_factory.mktemp("wfdb", numbered=True)
    (folder / "rec.dat").write_bytes(b"\xff" * offset + pack(fmt, values))
    n_frames = len(values) // sum(sizes)
    lines = [f"rec.dat {fmt}x{size}+{offset} 1/mV 16 0 5" for size in sizes]
    (folder / "rec.hea").write_text("\n".join([f"rec {len(sizes)} 1000 {n_frames}", *lines]))
    record = wfdb.rdrecord(str(folder / "rec"), smooth_frames=False)  # physical: 61 only so
    frames = np.reshape(values, (n_frames, sum(sizes)))
    for at, size in enumerate(sizes):
        first = sum(sizes[:at])
        stored = frames[:, first : first + size].ravel()
        if fmt == 8:
            stored = stored.cumsum() + 5
        signal, sfreq, meta = read_recording(folder / "rec", channel=at, invalid="clip")
        assert (sfreq, meta["channel"]) == (1000 * size, str(at))
        assert np.array_equal(signal, stored.astype(np.float32))
        seen = record.e_p_signal[at]
        assert np.array_equal(signal[~np.isnan(seen)], seen[~np.isnan(seen)].astype(np.float32))
        lowest = -(2 ** (WIDTH[fmt] - 1))
        if fmt == 8:
            assert meta["clipped"] is None
        else:
            assert meta["clipped"] == np.isin(stored, [lowest, -lowest - 1]).sum()
            assert np.array_equal(np.isnan(seen), stored == lowest)


def test_unused_bits_of_a_packed_format_do_not_matter(record):
    word = sum(value % 1024 << 10 * at for at, value in enumerate([5, -6, 7]))
    path = record("rec 1 1000 3\nrec.dat 311 1/mV\n", (word | 3 << 30).to_bytes(4, "little"))
    assert read_recording(path).signal.tolist() == [5, -6, 7]
    pairs = [5 * 2 + 1 + (7 << 11), (-6 % 1024) * 2 + 1]
    body = b"".join(pair.to_bytes(2, "little") for pair in pairs)
    path = record("rec 1 1000 3\nrec.dat 310 1/mV\n", body)
    assert read_recording(path).signal.tolist() == [5, -6, 7]


@pytest.mark.parametrize(("fmt", "subtype"), [(508, "PCM_S8"), (516, "PCM_16"), (524, "PCM_24")])
def test_compressed_formats(tmp_path, fmt, subtype):
    bits = fmt - 500
    rng = np.random.default_rng(0)
    stored = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), size=(3000, 2))
    left = (stored << (32 - bits)).astype(np.int32)
    soundfile.write(tmp_path / "rec.flac", left, 1000, subtype, format="FLAC")
    lines = [f"rec.flac {fmt}x2+10 1/mV"] * 2
    (tmp_path / "rec.hea").write_text("\n".join(["rec 2 500 1495", *lines]))
    for at in (0, 1):
        signal, sfreq, meta = read_recording(tmp_path / "rec", channel=at, invalid="clip")
        assert np.array_equal(signal, stored[10:, at]) and sfreq == 1000
        limits = [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1]
        assert meta["clipped"] == np.isin(stored[10:, at], limits).sum()
    seen = wfdb.rdrecord(str(tmp_path / "rec"), smooth_frames=False, physical=False)
    assert np.array_equal(seen.e_d_signal[1], stored[10:, 1])
    (tmp_path / "rec.hea").write_text("\n".join(["rec 2 500", *lines]))
    assert len(read_recording(tmp_path / "rec", channel=1, invalid="clip").signal) == 2990


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("rec 1 1000 50\nrec.flac 516 1/mV\n", "with 2 channels, and the header's format 516 is"),
        ("rec 2 1000 50\nrec.flac 508 1/mV\nrec.flac 508 1/mV\n", "FLAC of at most 8 bits"),
        ("rec 2 1000 51\nrec.flac 516 1/mV\nrec.flac 516 1/mV\n", "has 50 samples .* states 51"),
        ("rec 2 1000 50\nrec.flac 516+1 1/mV\nrec.flac 516+1 1/mV\n", "has 49 samples"),
        ("rec 2 1000 25\nrec.flac 516x2 1/mV\nrec.flac 516 1/mV\n", r"\[2, 1\] samples per frame"),
    ],
)
def test_compressed_file_that_is_another_than_the_header_says(tmp_path, header, message):
    soundfile.write(tmp_path / "rec.flac", np.zeros((50, 2)), 1000, "PCM_16", format="FLAC")
    (tmp_path / "rec.hea").write_text(header)
    with pytest.raises(ReadError, match=message):
        read_recording(tmp_path / "rec", channel=0)


def test_compressed_file_that_is_broken(tmp_path):
    noise = np.random.default_rng(0).normal(scale=0.1, size=20_000)
    soundfile.write(tmp_path / "rec.flac", noise, 1000, "PCM_16", format="FLAC")
    body = (tmp_path / "rec.flac").read_bytes()
    (tmp_path / "rec.hea").write_text("rec 1 1000 20000\nrec.flac 516 1/mV\n")
    for broken in (body[: len(body) // 2], b"RIFF" + body[4:], b""):
        (tmp_path / "rec.flac").write_bytes(broken)
        with pytest.raises(ReadError, match=r"is not a FLAC file, or is damaged|ends after \d+ of"):
            read_recording(tmp_path / "rec")


# -- a .mat beside a .hea ----------------------------------------------------------------------


def test_mat_file_of_version_4_as_physionet_has_them(tmp_path):
    samples = np.array([[1, 2, 3], [-4, -5, -6]], dtype=np.int16)
    savemat(tmp_path / "rec.mat", {"val": samples}, format="4")
    assert (tmp_path / "rec.mat").stat().st_size == 24 + 12
    lines = ["rec.mat 16+24 100/mV 16 0 1 6 0 I", "rec.mat 16+24 100/mV 16 0 -4 -15 0 II"]
    (tmp_path / "rec.hea").write_text("\n".join(["rec 2 500 3", *lines]))
    for name in ("rec.mat", "rec.hea", "rec"):
        signal, sfreq, _ = read_recording(tmp_path / name, channel="II")
        np.testing.assert_allclose(signal, [-0.04, -0.05, -0.06])
        assert sfreq == 500


def test_mat_files_of_other_versions_or_of_no_record(tmp_path):
    (tmp_path / "rec.hea").write_text("rec 1 500 3\nrec.mat 16+24 100/mV\n")
    savemat(tmp_path / "rec.mat", {"val": np.arange(300, dtype=np.int16)}, format="5")
    with pytest.raises(ReadError, match=r"'rec\.mat' is a MATLAB or HDF5 file"):
        read_recording(tmp_path / "rec.mat")
    with h5py.File(tmp_path / "rec.mat", "w") as file:
        file["val"] = np.resize(np.array([3, -1, 4], dtype=np.int16), 300)
    with pytest.raises(ReadError, match=r"'rec\.mat' is a MATLAB or HDF5 file"):
        read_recording(tmp_path / "rec.mat")
    (tmp_path / "rec.hea").write_text("rec 1 500 3\nrec.dat 16 100/mV\n")
    (tmp_path / "rec.dat").write_bytes(bytes(6))
    with pytest.raises(ReadError, match="no sampling rate"):  # a MATLAB file of its own
        read_recording(tmp_path / "rec.mat")
    assert read_recording(tmp_path / "rec").signal.tolist() == [0, 0, 0]


# -- real files --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["emgdb/emg_healthy", "emglab_n2001/N2001A06BB01", "algiers/data/R001"]
)
def test_real_records_as_wfdb_reads_them(data_dir, name):
    record = wfdb.rdrecord(str(data_dir / name))
    factor = {"uV": 1e-3, "mV": 1.0, "mv": 1.0}[record.units[0]]
    signal, sfreq, meta = read_recording(data_dir / name, invalid="clip")
    seen = record.p_signal[:, 0]
    assert sfreq == record.fs and meta["channel"] == (record.sig_name[0] or "0")
    assert meta["comments"] == tuple(record.comments)
    there = ~np.isnan(seen)
    np.testing.assert_allclose(signal[there], seen[there] * factor, rtol=1e-6, atol=1e-9)
