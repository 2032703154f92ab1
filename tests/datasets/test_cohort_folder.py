import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sknemg import ImplausibleWarning, InvalidRecordingsError, Recordings
from sknemg.archive.table import read_table
from sknemg.datasets import (
    InvalidCohortError,
    load_cohort,
    load_recordings,
    quality,
    write_cohort,
)
from sknemg.datasets._rows import LeftOutWarning
from sknemg.recordings._problems import origin

RATE_UNIT = {"sfreq": 1000, "unit": "mV"}
FOUR = ("a.npy", "b.npy", "c.npy", "d.npy")


@pytest.fixture
def make_folder(tmp_path):
    """Factory of cohort folders from tables as text; each file named gets its own noise."""

    def make(n_times=1000, files=(), **tables):
        for name, text in tables.items():
            (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
        for seed, name in enumerate(files):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, np.random.default_rng(seed).normal(size=n_times).astype(np.float32))
        return tmp_path

    return make


@pytest.fixture
def two_tables(make_folder):
    """A sound cohort: two subjects, three recordings."""
    return make_folder(
        files=("data/a.npy", "data/b.npy", "data/c.npy"),
        subjects="subject,diagnosis,age,sex\n007,myopathy,61,F\nB,normal,,M\n",
        recordings=(
            "subject,file,muscle,location,sfreq,unit,depth,ok\n"
            "007,data/a.npy,deltoid,proximal,1000,mV,1.5,True\n"
            "B,data/b.npy,tibialis anterior,D,1000,uV,,False\n"
            "B,data/c.npy,soleus,,2000,mV,2,True\n"
        ),
    )


def problems_of(folder, **options):
    with pytest.raises(InvalidCohortError) as caught:
        load_cohort(folder, **options)
    return str(caught.value), caught.value.problems


# -- what is read ------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
def test_two_tables_with_all_their_columns(two_tables):
    X, y = load_cohort(two_tables)
    assert y.tolist() == ["myopathy", "normal", "normal"]
    assert y.dtype.kind == "U"
    assert X["subject"].tolist() == ["007", "B", "B"]
    assert X["sfreq"].tolist() == [1000, 1000, 2000]
    assert X["location"].fillna("?").tolist() == ["proximal", "distal", "?"]
    assert X["file_unit"].tolist() == ["mV", "uV", "mV"]
    assert X["ok"].tolist() == [True, False, True]
    np.testing.assert_array_equal(X["age"], [61, np.nan, np.nan])
    np.testing.assert_array_equal(X["depth"], [1.5, np.nan, 2])
    assert {"muscle", "sex", "diagnosis", "file", "clipped"} <= set(X.meta)
    stored = np.load(two_tables / "data" / "b.npy")
    np.testing.assert_allclose(X[1], stored * 1e-3, rtol=1e-6)
    assert X.values.dtype == np.float32


def test_one_table_with_the_papers_columns(make_folder):
    folder = make_folder(
        files=("M/1.npy", "N/2.npy", "NL/3.npy"),
        cohort=(
            "Patient_ID;Label;Muscle_Type;FilePath;Site\n"
            "1;M;P;M/1.npy;x\n2;N;D;N/2.npy;\n3;NL;D;NL/3.npy;z\n"
        ),
    )
    X, y = load_cohort(folder, **RATE_UNIT)
    assert y.tolist() == ["myopathy", "neuropathy", "normal"]
    assert X["location"].tolist() == ["proximal", "distal", "distal"]
    assert X["subject"].tolist() == ["1", "2", "3"]
    assert X["Site"].fillna("").tolist() == ["x", "", "z"]


@pytest.mark.parametrize(
    ("rate", "unit"),
    [
        ("sampling_rate", "units"),
        ("Sampling Rate (Hz)", "Unit"),
        ("srate", "UNITS"),
        ("fs", "unit"),
    ],
)
def test_other_names_of_a_rate_and_a_unit(make_folder, rate, unit):
    folder = make_folder(
        files=["a.npy"], cohort=f"subject,diagnosis,file,{rate},{unit}\nA,normal,a.npy,1000,uV\n"
    )
    X, _ = load_cohort(folder)
    assert X["sfreq"].tolist() == [1000] and X["file_unit"].tolist() == ["uV"]
    message, _ = problems_of(folder, sfreq=10_000, unit="mV")
    assert "sfreq 1000.0 in the row, sfreq=10000 as argument" in message
    assert "unit uV in the row, unit='mV' as argument" in message
    (folder / "cohort.csv").write_text("subject,diagnosis,file,sfreq,Sample_rate\nA,NL,a.npy,1,2\n")
    message, _ = problems_of(folder, **RATE_UNIT)
    assert "two columns mean 'sfreq' (keep one of ['sfreq', 'Sample_rate'])" in message
    (folder / "cohort.csv").write_text("subject,diagnosis,file,fs (kHz)\nA,NL,a.npy,48\n")
    message, _ = problems_of(folder, **RATE_UNIT)
    assert "a column 'fs (kHz)' in kilohertz (write hertz, and call it sfreq)" in message


def test_a_part_of_a_file_is_not_passed_over(make_folder, make_ragged, tmp_path):
    """A column that is called otherwise would be one like any other, and the whole file read."""
    table = "subject,diagnosis,file,Start (s),stop [s]\nA,normal,a.npy,0.2,0.4\n"
    folder = make_folder(files=["a.npy"], cohort=table)
    message, _ = problems_of(folder, **RATE_UNIT)
    assert "a column 'Start (s)' (call it start, in seconds from the first sample, or" in message
    assert "a column 'stop [s]'" in message
    with pytest.raises(InvalidCohortError, match="a column 'Start"):
        read_table(folder / "cohort.csv")
    pd.read_csv(folder / "cohort.csv").to_parquet(folder / "table.parquet")
    with pytest.raises(InvalidCohortError, match="a column 'Start"):
        read_table(folder / "table.parquet")
    X, y = make_ragged()
    for name in ("Start (s)", "fs (kHz)"):
        with pytest.raises(ValueError, match="as have start, stop and scale"):
            write_cohort(tmp_path / "out", X.with_columns(**{name: 1.0}), y)


def test_exchanged_columns_of_subjects_and_diagnoses_are_one_problem(make_folder):
    """Each subject was once an unknown word of its own, to be given a class."""
    rows = "subject,diagnosis,file\nmyopathy,P1,a.npy\nNL,P2,b.npy\n"
    folder = make_folder(files=["a.npy", "b.npy"], cohort=rows)
    message, problems = problems_of(folder, **RATE_UNIT)
    assert "rows 2-3: the column 'subject' holds diagnoses" in message
    assert "exchange the names of the two columns" in message and "diagnoses={" not in message
    assert len(problems) == 2


def test_other_words_for_diagnoses(make_folder):
    folder = make_folder(files=["a.npy"], cohort="subject,diagnosis,file\nA,ALS,a.npy\n")
    message, _ = problems_of(folder, **RATE_UNIT)
    assert "row 2: diagnosis 'ALS' is unknown (write one of myopathy, neuropathy, normal" in message
    assert "diagnoses={'ALS': ...}" in message
    _, y = load_cohort(folder, diagnoses={"als": "neuropathy"}, **RATE_UNIT)
    assert y.tolist() == ["neuropathy"]


@pytest.mark.parametrize(
    ("diagnoses", "expected"),
    [
        ({"CTRL": "NL"}, ["normal", "normal"]),
        ({" ctrl ": " Normal"}, ["normal", "normal"]),
        ({"CTRL": "healthy", "Healthy": "healthy"}, ["healthy", "normal"]),
    ],
)
def test_words_for_diagnoses_mean_a_known_or_a_declared_class(make_folder, diagnoses, expected):
    folder = make_folder(
        files=["a.npy", "b.npy"],
        cohort="subject,diagnosis,file\nA,Ctrl,a.npy\nB,normal,b.npy\n",
    )
    assert load_cohort(folder, diagnoses=diagnoses, **RATE_UNIT)[1].tolist() == expected


def test_words_for_diagnoses_that_mean_nothing(make_folder):
    folder = make_folder(files=["a.npy"], cohort="subject,diagnosis,file\nA,motor  neuron,a.npy\n")
    diagnoses = {"ALS": "neuropaty", 0: "normal", "x": "normal", "X ": "N", "y": None}
    with pytest.raises(ValueError, match="diagnoses cannot be used") as caught:
        load_cohort(folder, diagnoses=diagnoses, **RATE_UNIT)
    for text in (
        "'ALS': 'neuropaty' is not a diagnosis (give myopathy, neuropathy or normal; ",
        "0: 'normal' is not text and text",
        "'y': None is not text and text",
        "'X ': means both 'normal' and 'neuropathy'",
    ):
        assert text in str(caught.value)
    with pytest.raises(InvalidCohortError, match="no row has the diagnosis 'als'") as caught:
        load_cohort(folder, diagnoses={"ALS": "N", "Motor Neuron": "N"}, **RATE_UNIT)
    assert len(caught.value.problems) == 1


def test_trailing_separators_of_a_spreadsheet(make_folder):
    folder = make_folder(
        files=["a.npy"], cohort="subject,diagnosis,file,,\nA,normal,a.npy,,\n,,,,\n"
    )
    X, _ = load_cohort(folder, **RATE_UNIT)
    assert "" not in X.meta
    assert X["file"].tolist() == ["a.npy"]


@pytest.mark.parametrize("closed", ["", '"'])
def test_a_quote_that_is_not_closed_loses_no_rows(make_folder, closed):
    rows = f'S2,normal,b.npy,"seen\nS3,normal,c.npy,{closed}x\nS4,normal,d.npy,\n'
    table = f"subject,diagnosis,file,note\nS1,normal,a.npy,\n{rows}"
    said, _ = problems_of(make_folder(files=FOUR, cohort=table), **RATE_UNIT)
    assert "cohort.csv: not readable: in row 3 a quote is not closed" in said


@pytest.mark.parametrize(
    ("notes", "read"),
    [
        (('"seen\ntwice"', "x"), ["seen\ntwice", "x"]),
        (('"seen\ntwice"', '"x" y'), ["seen\ntwice", "x y"]),
        (('5" needle', '"x" y'), ['5" needle', "x y"]),  # sloppy, but each within its line
    ],
)
def test_quotes_that_lose_no_rows_are_read(make_folder, notes, read):
    rows = "".join(f"S{n},normal,{n}.npy,{note}\n" for n, note in zip("ab", notes, strict=True))
    folder = make_folder(files=FOUR[:2], cohort=f"subject,diagnosis,file,note\n{rows}")
    assert load_cohort(folder, **RATE_UNIT)[0]["note"].tolist() == read


def test_a_unit_spelled_in_two_ways_is_no_contradiction(make_folder):
    folder = make_folder(
        files=["a.npy", "b.npy"],
        cohort="subject,diagnosis,file,unit\nA,M,a.npy,µV\nB,M,b.npy,uv\n",
    )
    X, _ = load_cohort(folder, sfreq=1000, unit="uV")
    np.testing.assert_allclose(X[0], np.load(folder / "a.npy") * 1e-3, rtol=1e-6)
    assert "unit uv in the row, unit='mV' as argument" in problems_of(folder, **RATE_UNIT)[0]


def test_arguments_that_make_no_sense_for_any_file(two_tables):
    with pytest.raises(ValueError, match="sfreq='10000', scale='5': give a number"):
        load_cohort(two_tables, sfreq="10000", scale="5")
    with pytest.raises(ValueError, match="`delimiter` and `decimal` are both ','"):
        load_cohort(two_tables, decimal=",")
    message, _ = problems_of(two_tables, sfreq=np.nan)
    assert "sfreq 1000.0 in the row, sfreq=nan as argument" in message


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
def test_parts_of_files_channels_and_text_dialect(make_folder):
    folder = make_folder(
        cohort=(
            "subject,diagnosis,file,channel,start,stop\n"
            "A,normal,a.txt,left,0.5,\nA,normal,a.txt,right,0,0.25\n"
        )
    )
    rows = "".join(f"{i};{i},5;-{i},25\n" for i in range(1000))
    (folder / "a.txt").write_text("n;left;right\n" + rows)
    X, _ = load_cohort(folder, delimiter=";", decimal=",", **RATE_UNIT)
    np.testing.assert_allclose(X[0], np.arange(500, 1000) + 0.5)
    np.testing.assert_allclose(X[1], -np.arange(250) - 0.25)
    assert X["start"].tolist() == [0.5, 0]


# -- what is wrong -----------------------------------------------------------------------------


def test_everything_wrong_is_listed_at_once(make_folder):
    folder = make_folder(
        files=("a.npy", "b.npy", "short.npy"),
        subjects="subject,diagnosis\nA,normal\nB,\nC,normal\nC,myopathy\nD,normal\n",
        recordings=(
            "subject,file,sfreq,unit,start,location\n"
            "A,a.npy,1000,mV,,\n"
            "A,a.npy,1000,mV,,\n"
            "B,b.npy,1000,furlong,,\n"
            "C,nowhere.npy,1000,mV,,\n"
            "E,short.npy,,,5,\n"
            ",/etc/a.npy,1000,mV,,\n"
            "A,../a.npy,1000,mV,,\n"
            "A,C:\\a.npy,1000,mV,,\n"
            "A,sub\\a.npy,1000,mV,x,left\n"
            "A,,1000,mV,,\n"
        ),
    )
    message, problems = problems_of(folder)
    for line in (
        "subjects.csv, row 6: subject 'D' has no recording",
        "subjects.csv, rows 4-5: subject 'C' is listed 2 times with different diagnoses",
        "recordings.csv, row 3: the same part of file 'a.npy' as in a row above",
        "recordings.csv, row 4: subject 'B' has no diagnosis (write it into subjects.csv)",
        "recordings.csv, row 4: unit 'furlong' is unknown",
        "recordings.csv, row 5: file 'nowhere.npy': there is no 'nowhere.npy': correct the name, "
        "or put the file there",
        "recordings.csv, row 6: subject 'E' is not in subjects.csv",
        "recordings.csv, row 6: no sampling rate: the file states none, so give `sfreq` in hertz; "
        "no unit",
        "recordings.csv, row 7: no subject",
        "recordings.csv, row 7: file '/etc/a.npy': is an absolute path",
        "recordings.csv, row 8: file '../a.npy': leaves the folder: give a file inside the folder",
        "recordings.csv, row 9: file 'C:\\\\a.npy': is an absolute path",
        "recordings.csv, row 10: file 'sub\\\\a.npy': has backslashes: write / between folders",
        "recordings.csv, row 10: start 'x' is not a number",
        "recordings.csv, row 10: location 'left' is unknown",
        "recordings.csv, row 11: no file",
    ):
        assert line in message
    assert message.count("give a file inside the folder") == 3  # of those that lie outside
    assert problems.columns.tolist() == ["table", "row", "problem", "remedy"]
    assert message.startswith(f"{len(problems)} problems in the cohort:")
    assert problems["problem"].ne("").all()
    assert issubclass(InvalidCohortError, InvalidRecordingsError)


def test_rows_with_one_problem_share_a_line(make_folder):
    names = [f"{i}.npy" for i in range(5)]
    lines = "".join(f"S{i},normal,{name}\n" for i, name in enumerate(names))
    folder = make_folder(files=names, cohort="subject,diagnosis,file\n" + lines)
    message, problems = problems_of(folder, sfreq=1000)
    assert "cohort.csv, rows 2-6: no unit" in message
    assert message.count("\n") == 1
    assert problems["row"].tolist() == [2, 3, 4, 5, 6]


def test_a_subject_of_two_diagnoses_in_one_table(make_folder):
    folder = make_folder(
        files=("a.npy", "b.npy", "c.npy"),
        cohort="subject,diagnosis,file\nA,M,a.npy\nB,NL,b.npy\nA,N,c.npy\n",
    )
    message, _ = problems_of(folder, **RATE_UNIT)
    assert "cohort.csv, rows 2, 4: subject 'A' has the diagnoses myopathy, neuropathy" in message


def test_a_row_for_the_second_time_is_one_problem(make_folder):
    """A copy of its file is another one."""
    folder = make_folder(
        files=("a.npy", "b.npy"),
        cohort="subject,diagnosis,file\nA,M,a.npy\nA,M,a.npy\nB,N,b.npy\nA,M,copy.npy\n",
    )
    (folder / "copy.npy").write_bytes((folder / "a.npy").read_bytes())
    message, problems = problems_of(folder, **RATE_UNIT)
    assert problems["row"].tolist() == [3, 5]
    assert "row 3: the same part of file 'a.npy' as in a row above" in message
    assert "row 5: the same signal in a.npy, copy.npy" in message


def test_copies_of_a_signal_under_two_subjects(make_folder):
    folder = make_folder(
        files=("a.npy", "b.npy"),
        cohort="subject,diagnosis,file\nA,M,a.npy\nB,M,copy.npy\nC,M,b.npy\nD,M,b.npy\n",
    )
    (folder / "copy.npy").write_bytes((folder / "a.npy").read_bytes())
    message, _ = problems_of(folder, **RATE_UNIT)
    assert "rows 2-3: the same signal in a.npy, copy.npy, of subjects A, B" in message
    assert "rows 4-5: file 'b.npy' is given for several subjects (C, D)" in message


def test_a_recording_name_of_a_subject_twice(make_folder):
    folder = make_folder(
        files=("a.npy", "b.npy"),
        cohort="subject,diagnosis,file,recording\nA,M,a.npy,1\nA,M,b.npy,1\n",
    )
    assert "row 3: recording '1' is the second of this name" in problems_of(folder, **RATE_UNIT)[0]


def test_links_out_of_the_folder(make_folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    np.save(outside / "x.npy", np.ones(10))
    folder = make_folder(
        files=["a.npy"], cohort="subject,diagnosis,file\nA,M,x.npy\nA,M,d/x.npy\nA,M,b.npy\n"
    )
    os.symlink(outside / "x.npy", folder / "x.npy")
    os.symlink(outside, folder / "d")
    os.symlink(folder / "a.npy", folder / "b.npy")
    message, problems = problems_of(folder, **RATE_UNIT)
    assert message.count("a link leads out of the folder") == 2
    assert problems["row"].tolist() == [2, 3]


def test_files_that_cannot_even_be_looked_at(make_folder):
    long = "x" * 300 + ".npy"
    folder = make_folder(
        cohort=f"subject,diagnosis,file\nA,M,loop.npy\nA,M,{long}\nA,M,rec.dat\nA,M,n.hea\n"
    )
    (folder / "n.hea").write_text("n 1 1000 10\nn\0.dat 16 100/mV\n")
    os.symlink(folder / "loop.npy", folder / "loop.npy")
    message, problems = problems_of(folder, **RATE_UNIT)
    assert problems["row"].tolist() == [2, 3, 4, 5]
    assert "row 4: file 'rec.dat': no header 'rec.hea'" in message


def test_a_signal_file_of_wfdb_linked_from_outside(make_folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "rec.dat"
    outside.write_bytes(bytes(20))
    folder = make_folder(cohort="subject,diagnosis,file\nA,M,rec.hea\n")
    (folder / "rec.hea").write_text("rec 1 1000 10\nrec.dat 16 100/mV\n")
    os.symlink(outside, folder / "rec.dat")
    assert "a link leads out of the folder" in problems_of(folder)[0]


def test_what_files_say_must_agree_with_the_tables(make_folder):
    folder = make_folder(
        files=["b.npy"],
        cohort="subject,diagnosis,file,sfreq,unit\nA,M,a.npz,48000,uV\nA,M,b.npy,1000,mV\n",
    )
    np.savez(folder / "a.npz", signal=np.arange(100.0), sfreq=10_000, unit="mV")
    message, _ = problems_of(folder)
    assert "row 2: the file says 10000 Hz, `sfreq` says 48000 Hz: correct one" in message
    assert "the file says mV, `unit` says uV" in message
    message, _ = problems_of(folder, sfreq=2000)
    assert "row 3: sfreq 1000.0 in the row, sfreq=2000 as argument" in message


def test_pickles_nan_and_broken_files(make_folder):
    folder = make_folder(
        cohort="subject,diagnosis,file,scale\nA,M,a.p,\nA,M,b.npy,1\nA,M,c.wav,1\nA,M,d.csv,1\n"
    )
    for name in ("a.p", "c.wav"):
        (folder / name).write_bytes(b"nonsense")
    np.save(folder / "b.npy", [1.0, np.nan])
    (folder / "d.csv").write_text("1\n2\noops\n")
    message, _ = problems_of(folder, sfreq=1000)
    assert re.search("row 2: file 'a.p': a pickle is refused", message)
    assert "row 3: 1 of 2 samples are NaN" in message
    assert "row 4: not readable as WAV" in message
    assert "row 5: no number in line 3" in message


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            {"subjects": "subject,diagnosis\nA,M\n"},
            "it holds ['subjects.csv'] (put subjects.csv and recordings.csv there, or cohort.csv "
            "alone; .xlsx will do)",
        ),
        ({"cohort": "label,muscle_type,filepath\nM,P,a.npy\n"}, "or say with `subject_pattern`"),
        (
            {"cohort": "Our patients\nsubject,diagnosis,file\nA,M,a.npy\n"},
            "row 1 reads 'Our patients', none of which is a column it needs (call the columns "
            "subject, diagnosis, file, and put no line above their names)",
        ),
        ({"cohort": "subject,diagnosis,file\n"}, "cohort.csv: no rows"),
        ({"cohort": ""}, "cohort.csv: no column 'subject'"),
        ({"cohort": "subject,diagnosis,file,table_row\nA,M,a.npy,1\n"}, "a column 'table_row'"),
        ({"cohort": "subject,diagnosis,file\nA,M,a.npy,x,y\n"}, "row 2: 5 entries for 3 columns"),
        ({"cohort": "subject,patient_id,label,file\nA,A,M,a\n"}, "two columns mean 'subject'"),
        (
            {
                "subjects": "subject,diagnosis,site\nA,M,x\n",
                "recordings": "subject,file,site\nA,a.npy,x\n",
            },
            "columns ['site'] are in subjects.csv too",
        ),
    ],
)
def test_tables_that_are_no_cohort(make_folder, tables, message):
    assert message in problems_of(make_folder(files=["a.npy"], **tables), **RATE_UNIT)[0]


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist: give an existing one"):
        load_cohort(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="give 'raise' or 'skip'"):
        load_cohort(tmp_path, on_error="ignore")
    with pytest.raises(ValueError, match=r"' holds no table: put .* or cohort\.csv alone; [^()]*$"):
        load_cohort(tmp_path)


def test_rows_know_where_they_came_from(make_folder):
    folder = make_folder(
        files=("a.npy", "b.npy", "c.npy"),
        subjects="subject,diagnosis\nA,M\nB,N\n",
        recordings='subject,file,note\nA,a.npy,"two\nlines"\n,,\nB,gone.npy,\nB,b.npy,\nA,c.npy,\n',
    )
    with pytest.warns(UserWarning, match="1 of 4 recordings were left out"):
        X, _ = load_cohort(folder, on_error="skip", **RATE_UNIT)
    assert X["table_row"].tolist() == [2, 5, 6]
    assert X["table_row"].dtype == np.int64
    assert origin(X.meta, 1) == "row 1 (subject 'B', file 'b.npy', table row 5)"
    write_cohort(folder / "new", X, ["myopathy", "neuropathy", "myopathy"])
    assert load_cohort(folder / "new")[0]["source_table_row"].tolist() == [2, 5, 6]


def test_skip_leaves_out_and_says_what(make_folder):
    folder = make_folder(
        files=("a.npy", "b.npy", "c.npy", "e.npy"),
        subjects="subject,diagnosis\nA,normal\nB,\nC,normal\nC,M\n",
        recordings=(
            "subject,file\nA,a.npy\nA,gone.npy\nB,b.npy\nC,c.npy\nA,a.npy\nA,twin.npy\nA,e.npy\n"
        ),
    )
    (folder / "twin.npy").write_bytes((folder / "a.npy").read_bytes())
    with pytest.warns(UserWarning, match="5 of 7 recordings were left out") as caught:
        X, y = load_cohort(folder, on_error="skip", **RATE_UNIT)
    assert len(caught) == 1
    assert X["file"].tolist() == ["a.npy", "e.npy"]
    assert y.tolist() == ["normal", "normal"]
    for text in (
        "gone.npy",
        "subject 'B'",
        "subject 'C'",
        "row 6: the same part",
        "row 7: the same sig",
    ):
        assert text in str(caught[0].message)


def test_skip_says_of_each_recording_why_it_itself_is_left_out(make_folder):
    folder = make_folder(
        files=FOUR,
        subjects="subject,diagnosis\nA,M\nC,N\nB,N\nB,N\nX,M\n",
        recordings="subject,file\nA,a.npy\nB,b.npy\nA,gone.npy\nB,c.npy\nA,d.npy\nC,lost.npy\n",
    )
    with pytest.warns(LeftOutWarning) as caught:
        X, _ = load_cohort(folder, on_error="skip", **RATE_UNIT)
    assert X["file"].tolist() == ["a.npy", "d.npy"]
    twice = "subject 'B' is listed 2 times in subjects.csv"
    assert caught[0].message.rows["problem"].str[:48].tolist() == [
        twice[:48], "file 'gone.npy': there is no 'gone.npy': correct"[:48], twice[:48],
        "file 'lost.npy': there is no 'lost.npy': correct"[:48],
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["Subjects.csv", "SUBJECTS.XLSX", "subjects.xls"])
def test_tables_under_a_name_that_is_not_read_are_named(make_folder, name):
    folder = make_folder(files=["a.npy"], recordings="subject,file\nA,a.npy\n")
    (folder / name).write_text("subject,diagnosis\nA,M\n")
    message = f"{name} would not be read (call it subjects.csv, recordings.csv or cohort.csv"
    assert message in problems_of(folder, **RATE_UNIT)[0]
    (folder / "recordings.csv").rename(folder / "Recordings.csv")
    with pytest.raises(InvalidCohortError, match=r"Recordings\.csv and .* would not be read"):
        load_recordings(folder, **RATE_UNIT)


@pytest.mark.parametrize("name", ["Subjects.csv", "recordings.ods", "recordings-of-2019.csv"])
def test_other_tables_beside_those_that_suffice_are_left_alone(make_folder, name):
    folder = make_folder(files=["a.npy"], cohort="subject,diagnosis,file\nA,M,a.npy\n")
    (folder / name).write_text("of the secretary")
    assert load_cohort(folder, **RATE_UNIT)[1].tolist() == ["myopathy"]


def test_the_file_that_both_tables_were_exported_from_is_left_alone(make_folder):
    folder = make_folder(
        files=["a.npy"], recordings="subject,file\nA,a.npy\n", subjects="subject,diagnosis\nA,M\n"
    )
    (folder / "Cohort.ods").write_text("of the secretary")
    assert load_cohort(folder, **RATE_UNIT)[1].tolist() == ["myopathy"]


def test_subjects_written_alike_are_warned_of_once(make_folder):
    folder = make_folder(
        files=("a.npy", "b.npy", "c.npy", "d.npy"),
        cohort="subject,diagnosis,file\nS1,M,a.npy\n s1,M,b.npy\n01,N,c.npy\n1,N,d.npy\n",
    )
    with pytest.warns(UserWarning, match="'S1', 's1'; '01', '1': write each subject") as caught:
        X, _ = load_cohort(folder, **RATE_UNIT)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert X["subject"].tolist() == ["S1", "s1", "01", "1"]


def test_skip_with_nothing_left_raises(make_folder):
    folder = make_folder(cohort="subject,diagnosis,file\nA,M,gone.npy\n")
    with pytest.raises(InvalidCohortError, match=r"there is no 'gone\.npy'"):
        load_cohort(folder, on_error="skip", **RATE_UNIT)


@pytest.mark.parametrize("stated", ["sep=;\r\n", '"sep=;"\n', "sep=;\r"])
def test_a_line_that_states_the_separator_for_excel_is_no_row(make_folder, stated):
    folder = make_folder(files=["a.npy"])
    text = f"{stated}subject;diagnosis;file\n\nA;M;b.npy\n"
    (folder / "cohort.csv").write_bytes(text.encode())
    _, problems = problems_of(folder, **RATE_UNIT)
    assert problems["row"].tolist() == [3] and "no 'b.npy'" in problems["problem"][0]


@pytest.mark.parametrize(
    ("there", "named", "quoted"),
    [("a.NPY", "a.npy", "'a.NPY'"), ("u\u0308.npy", "\xfc.npy", r"'u\u0308.npy'")],
)
def test_a_file_whose_name_other_systems_would_find_is_pointed_at(
    make_folder, there, named, quoted
):
    folder = make_folder(cohort=f"subject,diagnosis,file\nA,M,{named}\n")
    (folder / there).write_bytes(b"")
    message, _ = problems_of(folder, **RATE_UNIT)
    assert f"there is no '{named}', but {quoted}, which differs in capitals or the code" in message


def test_a_channel_that_a_file_of_one_signal_lacks(make_folder):
    folder = make_folder(files=["a.npy"], cohort="subject,diagnosis,file,channel\nA,M,a.npy,1\n")
    assert "row 2: no channel at position 1" in problems_of(folder, **RATE_UNIT)[0]
    for channel in ("0", "EMG", ""):
        (folder / "cohort.csv").write_text(f"subject,diagnosis,file,channel\nA,M,a.npy,{channel}\n")
        assert len(load_cohort(folder, **RATE_UNIT)[0]) == 1


# -- writing -----------------------------------------------------------------------------------


def test_written_cohort_is_read_back_bit_for_bit(make_ragged, tmp_path):
    X, y = make_ragged()
    X = X.with_columns(age=[40 + int(name[1:]) for name in X["subject"]], note='a, "b"\nc')
    write_cohort(tmp_path / "new", X, y)
    back, y_back = load_cohort(tmp_path / "new")
    assert np.array_equal(back.values, X.values)
    assert np.array_equal(back.offsets, X.offsets)
    assert np.array_equal(y_back, y)
    pd.testing.assert_frame_equal(back.meta[X.meta.columns], X.meta, check_dtype=False)
    assert "age" in (tmp_path / "new" / "subjects.csv").read_text().splitlines()[0]


@pytest.mark.parametrize("name", ["datapackage.json", "subjects.csv", "recordings.csv"])
def test_a_cohort_whose_writing_was_interrupted_is_refused(
    make_ragged, tmp_path, name, monkeypatch
):
    def write_half(path, content):
        with open(path, "wb") as file:
            file.write(content[: len(content) // 2] if name in path.name else content)
        if name in path.name:
            raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", write_half)
    monkeypatch.setattr(Path, "write_text", lambda path, text, **_: write_half(path, text.encode()))
    X, y = make_ragged()
    with pytest.raises(KeyboardInterrupt):
        write_cohort(tmp_path / "cohort", X, y)
    with pytest.raises(ValueError, match=r"it holds |holds no table|datapackage\.json: not usable"):
        load_cohort(tmp_path / "cohort")


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
def test_a_loaded_cohort_can_be_written_again(two_tables, tmp_path):
    X, y = load_cohort(two_tables)
    write_cohort(tmp_path / "again", X, y)
    again, y_again = load_cohort(tmp_path / "again")
    assert np.array_equal(again.values, X.values)
    assert np.array_equal(y_again, y)
    assert again["source_file"].tolist() == X["file"].tolist()
    assert again["source_file_unit"].tolist() == ["mV", "uV", "mV"]
    write_cohort(tmp_path / "third", again, y)
    assert load_cohort(tmp_path / "third")[0]["source_file"].tolist() == X["file"].tolist()


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
def test_what_cannot_be_written(make_ragged, tmp_path):
    X, y = make_ragged()
    with pytest.raises(InvalidRecordingsError, match="has the diagnoses"):
        write_cohort(tmp_path, X, np.where(np.arange(len(y)) % 2, "normal", "myopathy"))
    lists = pd.Series([[1]] * len(X))
    with pytest.raises(ValueError, match=r"Columns \['label', 'trains'\] cannot be written"):
        write_cohort(tmp_path, X.with_columns(trains=lists, label="x"), y)
    with pytest.raises(ValueError, match="signals with a column 'subject'"):
        write_cohort(tmp_path, Recordings(np.ones((2, 5)), sfreq=10), ["normal", "normal"])
    assert not list(tmp_path.iterdir())
    (tmp_path / "something").touch()
    with pytest.raises(FileExistsError, match="is not empty"):
        write_cohort(tmp_path, X, y)


@pytest.mark.parametrize(
    ("subject", "y", "message"),
    [
        (["a", " a"], ["normal"] * 2, "row 1: subject ' a' is read back as 'a'"),
        ([1, "1"], ["normal"] * 2, "row 0: subject '1' is given as text and as number"),
        (["a", "b"], ["normal", None], "row 1: no diagnosis (give it a diagnosis or leave it"),
        (["a", "b"], [0, 1], "row 0: diagnosis 0 would not be read back"),
        (["a", "b"], ["M", "normal"], "row 0: diagnosis 'M' would not be read back"),
        (["a", "b"], ["n/a", "normal"], "row 0: diagnosis 'n/a' would not be read back"),
    ],
)
def test_what_would_not_be_read_back_is_named_before_writing(tmp_path, subject, y, message):
    signals = np.random.default_rng(0).normal(size=(2, 8))
    meta = pd.DataFrame({"sfreq": 10.0, "subject": pd.Series(subject, dtype=object)})
    X = Recordings.from_ragged(signals.astype(np.float32).ravel(), [0, 8, 16], meta)
    with pytest.raises(InvalidRecordingsError, match=re.escape(message)):
        write_cohort(tmp_path / "new", X, y)
    assert not (tmp_path / "new").exists()


def test_copies_are_named_before_writing(make_ragged, tmp_path):
    X, y = make_ragged()
    rows = np.r_[np.arange(len(X)), 2]
    X = X.with_columns(recording=[str(i) for i in range(len(X))])[rows]
    with pytest.raises(InvalidRecordingsError) as caught:
        write_cohort(tmp_path / "new", X, y[rows])
    assert caught.value.problems["row"].tolist() == [len(X) - 1] * 2
    assert "the same signal as in row 2" in str(caught.value)
    assert "recording '2' is the second of this name for its subject" in str(caught.value)


def test_a_class_of_its_own_is_written_and_read_back(make_ragged, tmp_path):
    X, y = make_ragged()
    y = np.where(y == "normal", "ALS", y)
    write_cohort(tmp_path / "new", X, y)
    assert np.array_equal(load_cohort(tmp_path / "new", diagnoses={"ALS": "ALS"})[1], y)
    with pytest.raises(ValueError, match=r"Columns \['Subject'\] cannot be written"):
        write_cohort(tmp_path / "twice", X.with_columns(Subject="x"), y)


# -- quality -----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
def test_quality_of_flat_and_clipped_recordings():
    wave = np.random.default_rng(0).normal(size=20_000).astype(np.float32)
    dead = np.where(np.arange(20_000) < 5_000, wave, np.float32(0.25))
    clipped = wave.clip(-10, 0.5)
    X = Recordings([wave, dead, clipped, np.zeros(20_000)], sfreq=10_000, recording=list("abcd"))
    table = quality(X)
    assert table["recording"].tolist() == list("abcd")
    np.testing.assert_allclose(table["duration"], 2.0)
    np.testing.assert_allclose(table["rms"][[0, 3]], [wave.std(), 0], atol=1e-6)
    np.testing.assert_allclose(table["flat_seconds"], [0, 1.5, 0, 2], atol=0.002)
    np.testing.assert_allclose(table["flat_fraction"], [0, 0.75, 0, 1])
    runs = np.diff(np.flatnonzero(np.diff(np.r_[False, wave >= 0.5, False])))[::2]
    share = runs[runs >= 3].sum() / 20_000
    np.testing.assert_allclose(table["clipped_fraction"], [0, 0, share, 0], atol=1e-3)


def test_flat_recordings_are_named_in_one_warning(make_folder):
    folder = make_folder(
        files=["fine.npy"],
        cohort="subject,diagnosis,file\nA,M,fine.npy\nA,M,dead.npy\nB,M,half.npy\n",
    )
    signal = np.load(folder / "fine.npy")
    np.save(folder / "dead.npy", np.zeros(1000))
    np.save(folder / "half.npy", np.where(np.arange(1000) < 300, signal[::-1], 3))
    with pytest.warns(ImplausibleWarning, match="flat for 0.5 s or longer") as caught:
        load_cohort(folder, **RATE_UNIT)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    text = str(caught[0].message)
    assert "row 3, dead.npy (1.00 of 1.00 s), row 4, half.npy (0.70 of 1.00 s)\n" in text
    assert "fine.npy" not in text


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
@pytest.mark.parametrize("name", ["NA", None])
def test_subjects_that_would_be_lost_are_refused_before_writing(tmp_path, name):
    X = Recordings(np.ones((2, 8)), sfreq=10, subject=["S1", name])
    with pytest.raises(ValueError, match=r"subject 'NA' is read back as None|subject is missing"):
        write_cohort(tmp_path / "new", X, ["normal", "normal"])
    assert not (tmp_path / "new").exists()
