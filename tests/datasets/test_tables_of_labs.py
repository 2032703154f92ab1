"""Tables as spreadsheets save them, and readers of a lab's own."""

import datetime as dt
import io
import re
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pytest

from sknemg.datasets import (
    InvalidCohortError,
    RawSignal,
    ReadError,
    load_cohort,
    load_recordings,
    read_recording,
    register_reader,
)


@pytest.fixture
def folder(tmp_path):
    for seed, name in enumerate("ab"):
        signal = np.random.default_rng(seed).normal(size=1000)
        np.save(tmp_path / f"{name}.npy", signal.astype(np.float32))
    return tmp_path


def write_book(path, **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, lines in sheets.items():
        sheet = book.create_sheet(title)
        for line in lines:
            sheet.append(line)
    book.save(path)
    return book


def problems_of(folder, **options):
    with pytest.raises(InvalidCohortError) as caught:
        load_cohort(folder, **options)
    return str(caught.value)


HEAD = ["subject", "diagnosis", "file", "sfreq", "unit", "age", "seen"]
LINES = [
    HEAD,
    [7, "M", "a.npy", 1000, "mV", 61.5, dt.datetime(2024, 5, 1)],
    ["B", "NL", "b.npy", 1000.0, "mV", None, None],
]


def test_a_workbook_is_read_as_pandas_reads_it(folder):
    write_book(folder / "cohort.xlsx", cohort=LINES, notes=[["see"]])
    X, y = load_cohort(folder)
    frame = pd.read_excel(folder / "cohort.xlsx", sheet_name="cohort")
    assert X["subject"].tolist() == [str(who) for who in frame["subject"]] == ["7", "B"]
    assert y.tolist() == ["myopathy", "normal"]
    np.testing.assert_array_equal(X["age"], frame["age"])
    assert X["sfreq"].tolist() == frame["sfreq"].tolist()
    assert X["seen"].iloc[0] == "2024-05-01"
    assert X["table_row"].tolist() == [2, 3]


def test_two_workbooks_and_a_code_under_a_format(folder):
    write_book(folder / "recordings.xlsx", x=[["subject", "file"], ["007", "a.npy"]])
    book = write_book(folder / "subjects.xlsx", y=[["subject", "diagnosis"], [7, "M"]])
    book["y"]["A2"].number_format = "000"
    book.save(folder / "subjects.xlsx")
    X, _ = load_cohort(folder, sfreq=1000, unit="mV")
    assert X["subject"].tolist() == ["007"]
    book["y"]["A2"] = "8"
    book.save(folder / "subjects.xlsx")
    message = problems_of(folder, sfreq=1000, unit="mV")
    assert "recordings.xlsx, row 2: subject '007' is not in subjects.xlsx" in message
    assert "subjects.xlsx, row 2: subject '8' has no recording" in message


def test_workbooks_that_are_none_or_unclear(folder, monkeypatch):
    write_book(folder / "cohort.xlsx", one=LINES, two=LINES)
    assert "sheets ['one', 'two']: call the one that is meant 'cohort'" in problems_of(folder)
    (folder / "cohort.csv").write_text("subject,diagnosis,file\n")
    assert "it holds ['cohort.csv', 'cohort.xlsx']" in problems_of(folder)
    (folder / "cohort.csv").unlink()
    (folder / "cohort.xlsx").write_bytes(b"subject,diagnosis")
    assert "cohort.xlsx: not readable: not a workbook" in problems_of(folder)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in range(3):
            archive.writestr(f"xl/{part}", bytes(2**20))
    monkeypatch.setattr("sknemg.datasets._formats.workbook._MOST_BYTES", 2**21)
    (folder / "cohort.xlsx").write_bytes(packed.getvalue())
    assert "unpacks to 3145728 bytes" in problems_of(folder)


def test_a_formula_without_its_result_is_refused(folder):
    start = [[*HEAD, "start"], [*LINES[1], "=0.1+0.1"], [*LINES[2], 0.2]]
    write_book(folder / "cohort.xlsx", cohort=start)
    assert "H2 holds a formula without its result" in problems_of(folder)
    write_book(folder / "cohort.xlsx", cohort=LINES, sums=[["=1+1"], [2]])
    assert len(load_cohort(folder)[0]) == 2  # of another sheet, it does not matter
    write_book(folder / "cohort.xlsx", cohort=start)
    with_results = write_result(folder / "cohort.xlsx", "0.2")
    assert load_cohort(with_results)[0].durations.tolist() == [0.8, 0.8]


def test_a_formula_whose_result_is_blank_is_a_missing_entry(folder):
    note = [[*HEAD, "note"], [*LINES[1], '=IF(A2="","x","")'], [*LINES[2], "seen"]]
    write_book(folder / "cohort.xlsx", cohort=note)
    X, _ = load_cohort(write_result(folder / "cohort.xlsx", "", kind='t="str"'))
    assert X["note"].isna().tolist() == [True, False]


def write_result(path, result, kind=""):
    """Write the result of a book's only formula, which is in H2, as a spreadsheet program does."""
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = re.sub(
        rb'<c r="H2"([^>]*)>(<f>.*?</f>)<v ?(?:/>|></v>)',
        rf'<c r="H2"\1 {kind}>\2<v>{result}</v>'.encode(),
        parts[sheet],
    )
    with zipfile.ZipFile(path, "w") as book:
        for name, content in parts.items():
            book.writestr(name, content)
    return path.parent


def test_a_csv_of_a_german_spreadsheet(folder):
    text = (
        "Subject;Diagnosis;File;fs;start;muscle;levels\nMüller;M;a.npy;1000;0,25;M. gastrocnemius"
    )
    text += ";1,2\n"
    (folder / "cohort.csv").write_bytes(text.encode("cp1252"))
    X, _ = load_cohort(folder, unit="mV", locations="muscle")
    assert X["subject"].tolist() == ["Müller"]
    assert X["start"].tolist() == [0.25] and len(X[0]) == 750
    assert X["levels"].tolist() == ["1,2"]  # a list or a number: not said
    (folder / "cohort.csv").write_bytes(text.encode("utf-16"))
    assert load_cohort(folder, unit="mV")[0]["subject"].tolist() == ["Müller"]


def test_a_comma_that_may_group_thousands_is_refused(folder):
    (folder / "cohort.csv").write_text("subject;diagnosis;file;fs\nA;M;a.npy;10,000\n")
    message = problems_of(folder, unit="mV")
    assert "row 2: sfreq '10,000' may have a decimal comma or one between thousands" in message


# -- readers of one's own ------------------------------------------------------------------------


@pytest.fixture
def register():
    yield register_reader
    register_reader(".nic", None)


def test_a_reader_serves_all_that_loads_files(folder, register):
    register(".NIC", lambda path, channel: RawSignal(np.arange(400) - 200, 1000.0, "uV", "x"))
    (folder / "c.nic").write_bytes(b"")
    signal, sfreq, meta = read_recording(folder / "c.nic")
    np.testing.assert_allclose(signal, (np.arange(400) - 200) * 1e-3, rtol=1e-6)
    assert sfreq == 1000 and meta["channel"] == "x" and meta["clipped"] == 0
    assert load_recordings([folder / "c.nic"])["sfreq"].tolist() == [1000]
    with pytest.raises(ReadError, match="the file says 1000 Hz, `sfreq` says 7 Hz"):
        read_recording(folder / "c.nic", sfreq=7)
    with pytest.raises(ReadError, match="take 3200 bytes"):
        read_recording(folder / "c.nic", max_bytes=3199)
    (folder / "cohort.csv").write_text("subject,diagnosis,file\nA,M,c.nic\n")
    assert len(load_cohort(folder)[0]) == 1


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (RawSignal([1.0, 2.0]), "no sampling rate.*; no unit"),
        (RawSignal([[1.0]], 1, "mV"), r"samples of shape \(1, 1\)"),
        (RawSignal(["a"], 1, "mV"), "dtype <U1"),
        (RawSignal(np.ma.masked_equal([0.1, -999], -999), 1, "mV"), "returned masked samples"),
        (RawSignal([1.0], "1", "mV"), "the sampling rate '1'"),
        (RawSignal([1.0], float("nan"), "mV"), "a sampling rate of nan Hz"),
        (RawSignal([1.0], 1, 5), "the unit 5"),
        (RawSignal([1.0], 1, "UV"), "the file's unit 'UV' is unknown"),
        (([1.0], 1, "mV"), "its reader returned tuple: return a RawSignal"),
    ],
)
def test_what_a_reader_returns_is_checked(tmp_path, register, returned, message):
    register(".nic", lambda path, channel: returned)
    (tmp_path / "a.nic").write_bytes(b"")
    with pytest.raises(ReadError, match=message):
        read_recording(tmp_path / "a.nic")


def test_a_reader_that_fails_and_suffixes_that_are_taken(tmp_path, register):
    register(".nic", lambda path, channel: 1 / 0)
    (tmp_path / "a.nic").write_bytes(b"")
    with pytest.raises(ReadError, match=r"not readable as \.nic \(ZeroDivisionError"):
        read_recording(tmp_path / "a.nic")
    for suffix, message in [
        (".edf", "a known format"),
        (".PKL", "a known"),
        ("nic", "must be text"),
    ]:
        with pytest.raises(ValueError, match=message):
            register(suffix, print)
    with pytest.raises(ValueError, match="must be a function"):
        register(".nic", "reader")
