"""Recordings without diagnoses, and subjects and locations that names tell."""

import pickle
import warnings

import numpy as np
import pytest

from sknemg.datasets import InvalidCohortError, load_cohort, load_recordings

RATE_UNIT = {"sfreq": 1000, "unit": "mV"}


@pytest.fixture
def make_folder(tmp_path):
    """Factory of folders with signal files of noise, and tables as text."""

    def make(files=(), **tables):
        for seed, name in enumerate(files):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, np.random.default_rng(seed).normal(size=1000).astype(np.float32))
        for name, text in tables.items():
            (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
        return tmp_path

    return make


def problems_of(load, *args, **options):
    with pytest.raises(InvalidCohortError) as caught:
        load(*args, **options)
    return str(caught.value)


# -- without diagnoses -------------------------------------------------------------------------


def test_a_subject_that_is_listed_twice_without_a_diagnosis_is_named(make_folder):
    tables = {"subjects": "subject\nS1\nS1\n", "recordings": "subject,file\nS1,a.npy\n"}
    said = problems_of(load_recordings, make_folder(["a.npy"], **tables), **RATE_UNIT)
    assert "subjects.csv, rows 2-3: subject 'S1' is listed 2 times" in said


def test_a_folder_of_files(make_folder):
    folder = make_folder(["b.npy", "a.npy"])
    X = load_recordings(folder, **RATE_UNIT)
    assert X["file"].tolist() == ["a.npy", "b.npy"]
    np.testing.assert_array_equal(X[0], np.load(folder / "a.npy"))
    assert "subject" not in X and "diagnosis" not in X and "table_row" not in X
    assert load_recordings(folder, subject="P1", **RATE_UNIT)["subject"].tolist() == ["P1", "P1"]


def write_record(folder, name, file, rng):
    """Write a record as PhysioNet's challenges keep them: a header, and 16 bits after 24 bytes."""
    counts = rng.integers(-500, 500, size=1000).astype("<i2")
    (folder / file).write_bytes(bytes(24) + counts.tobytes())
    sum_ = int(counts.astype(int).sum()) % 2**16
    line = f"{file} 16+24 1000/mV 16 0 {counts[0]} {sum_} 0 EMG"
    (folder / f"{name}.hea").write_text(f"{name} 1 1000 1000\n{line}\n")
    return counts / 1000


def test_a_folder_of_records_whose_signal_files_have_a_known_ending(tmp_path):
    rng = np.random.default_rng(0)
    files = {"rec0": "rec0.mat", "rec1": "rec1.mat", "rec2": "other.txt", "rec3": "rec3.x"}
    signals = {name: write_record(tmp_path, name, file, rng) for name, file in files.items()}
    np.save(tmp_path / "rec4.npy", rng.normal(size=1000))
    (tmp_path / "rec0.atr").write_bytes(b"")
    X = load_recordings(tmp_path, sfreq=1000, unit="mV")
    assert X["file"].tolist() == [*(f"{name}.hea" for name in files), "rec4.npy"]
    for signal, expected in zip(X, signals.values(), strict=False):
        np.testing.assert_array_equal(signal, expected.astype(np.float32))
    (tmp_path / "rec0.hea").write_text("rec0 one 1000")
    said = problems_of(load_recordings, tmp_path, **RATE_UNIT)
    assert "rec0.hea" in said and "rec1" not in said


def test_files_one_by_one(make_folder):
    folder = make_folder(["b.npy", "a.npy"])
    X = load_recordings([folder / "b.npy", str(folder / "a.npy")], **RATE_UNIT)
    np.testing.assert_array_equal(X[0], np.load(folder / "b.npy"))
    assert len(load_recordings(folder / "a.npy", **RATE_UNIT)) == 1


def test_a_table_that_names_neither_subjects_nor_diagnoses(make_folder):
    folder = make_folder(
        ["a.npy", "b.npy"],
        recordings="file;muscle;location;sfreq;unit\na.npy;deltoid;P;1000;uV\nb.npy;TA;;2000;mV\n",
    )
    X = load_recordings(folder, locations="muscle")
    assert X["location"].tolist() == ["proximal", "distal"]
    assert X["sfreq"].tolist() == [1000, 2000]
    assert X["table_row"].tolist() == [2, 3]
    np.testing.assert_allclose(X[0], np.load(folder / "a.npy") * 1e-3, rtol=1e-6)


def test_a_cohort_is_read_without_its_diagnoses(make_folder):
    folder = make_folder(
        ["a.npy", "b.npy"],
        subjects="subject,age,diagnosis\n1,50,?\n2,60,\n",
        recordings="subject,file\n1,a.npy\n2,b.npy\n",
    )
    X = load_recordings(folder, **RATE_UNIT)
    assert X["subject"].tolist() == ["1", "2"]
    assert X["age"].tolist() == [50, 60]
    assert X["diagnosis"].fillna("").tolist() == ["?", ""]


@pytest.mark.filterwarnings("ignore:No signal files")
def test_everything_that_is_wrong_is_said_at_once(make_folder):
    folder = make_folder(["a.npy", "b.npy"])
    np.save(folder / "c.npy", [1.0, np.nan])
    message = problems_of(load_recordings, folder, unit="mV")
    assert "3 problems in the recordings:" in message
    assert "a.npy: no sampling rate" in message
    message = problems_of(load_recordings, folder, **RATE_UNIT)
    assert message.count("\n") == 1 and "c.npy: 1 of 2 samples are NaN" in message
    with pytest.warns(UserWarning, match=r"1 of 3 recordings were left out:\n.*c\.npy: 1 of 2"):
        assert len(load_recordings(folder, on_error="skip", **RATE_UNIT)) == 2
    assert "no.npy: no file 'no.npy'" in problems_of(
        load_recordings, [folder / "no.npy"], **RATE_UNIT
    )
    np.save(folder / "c.npy", np.load(folder / "a.npy"))
    assert "the same signal in" in problems_of(load_recordings, folder, **RATE_UNIT)


def test_files_that_are_passed_over_are_named(make_folder):
    folder = make_folder(["a.npy"])
    (folder / "letter.docx").write_text("x")
    (folder / ".hidden").write_text("x")
    with pytest.warns(UserWarning, match=r"passed over in '.*': letter\.docx\."):
        load_recordings(folder, **RATE_UNIT)


def test_hidden_files_are_none(make_folder):
    folder = make_folder(["a.npy"])
    (folder / "._a.npy").write_bytes(b"\0\5\x16\7Mac OS X")  # as on drives that a Mac has written
    assert load_recordings(folder, **RATE_UNIT)["file"].tolist() == ["a.npy"]


def test_a_link_to_a_recording_that_is_lost_is_a_problem(make_folder):
    folder = make_folder(["a.npy"])
    (folder / "b.npy").symlink_to(folder / "gone" / "b.npy")
    assert "b.npy: no file 'b.npy'" in problems_of(load_recordings, folder, **RATE_UNIT)


def test_folders_of_recordings_that_are_passed_over_are_named(make_folder):
    folder = make_folder(["a.npy", "left/deep/b.npy", ".trash/c.npy", "__MACOSX/._a.npy"])
    (folder / "pictures").mkdir()
    (folder / "pictures" / "b.png").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"Folders with signal files, passed over .*: left: list"):
        assert len(load_recordings(folder, **RATE_UNIT)) == 1


def test_folders_of_notes_and_results_are_not_taken_for_recordings(make_folder):
    """Reading a patient a second time once called the page's folder one of recordings."""
    folder = make_folder(["a.npy"])
    (folder / "diagnosis").mkdir()
    (folder / "diagnosis" / "patient.csv").write_text("row,used\n0,True\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load_recordings(folder, **RATE_UNIT)) == 1
    (folder / "a.npy").rename(folder / "diagnosis" / "a.npy")
    signal = np.random.default_rng(0).normal(size=1000)
    (folder / "b.csv").write_text("\n".join(map("{:.3f}".format, signal)))
    with pytest.warns(UserWarning, match="passed over .*: diagnosis: list"):
        load_recordings(folder, sfreq=10_000, unit="mV")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subject": 7}, "subject=7 must be text"),
        ({"subject": "a", "subject_pattern": "(a)"}, "both given: keep one"),
        ({"locations": "muscle"}, "needs a table with the muscles"),
        ({"locations": "guess"}, "locations='guess' is unknown"),
        ({"on_error": "hope"}, "on_error='hope' is unknown"),
        ({"subject_pattern": "a"}, "has 0 groups: put what names the subject"),
        ({"subject_pattern": "("}, "is not a regular expression"),
    ],
)
def test_arguments_that_mean_nothing(make_folder, options, message):
    with pytest.raises(ValueError, match=message):
        load_recordings(make_folder(["a.npy"]), **RATE_UNIT, **options)


def test_paths_that_are_none(make_folder, tmp_path):
    folder = make_folder(["a.npy"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no table and no signal files"):
        load_recordings(tmp_path / "empty")
    with pytest.raises(ValueError, match="No path is given"):
        load_recordings([])
    with pytest.raises(ValueError, match="is a folder beside others"):
        load_recordings([folder, folder / "a.npy"])
    make_folder(recordings="subject,file\nA,a.npy\n")
    with pytest.raises(ValueError, match=r"recordings\.csv has a column 'subject': leave one out"):
        load_recordings(folder, subject="B", **RATE_UNIT)


# -- subjects from the names of files -----------------------------------------------------------

AUTHORS = "label,muscle_type,filepath\nM,P,M/p12_3.npy\nM,D,M/p12_4.npy\nNL,D,NL/p7_1.npy\n"
FILES = ["M/p12_3.npy", "M/p12_4.npy", "NL/p7_1.npy"]


def test_the_layout_of_the_papers_authors(make_folder):
    folder = make_folder(FILES, cohort=AUTHORS)
    X, y = load_cohort(folder, subject_pattern=r"p(\d+)_", **RATE_UNIT)
    assert X["subject"].tolist() == ["12", "12", "7"]
    assert X["location"].tolist() == ["proximal", "distal", "distal"]
    assert y.tolist() == ["myopathy", "myopathy", "normal"]
    X = load_recordings(folder, subject_pattern=r"p(\d+)_", **RATE_UNIT)
    assert X["subject"].tolist() == ["12", "12", "7"]
    X = load_recordings([folder / name for name in FILES], subject_pattern=r"/p(\d+)_", **RATE_UNIT)
    assert X["subject"].tolist() == ["12", "12", "7"]


@pytest.mark.parametrize(
    ("pattern", "messages"),
    [
        (r"q(\d+)", ["rows 2-4", "finds no subject in 'M/p12_3.npy'"]),
        (r"(\d+)", ["matches in several places of 'M/p12_3.npy', 'M/p12_4.npy', 'NL/p7"]),
        (
            r".*(\d+)_",
            ["rows 2-3", "matches only a part of a number in 'M/p12_3.npy', 'M/p12_4.npy' ("],
        ),
        (r"p(\d)", ["matches only a part of a number in"]),
        (r"p1(2|)_", ["row 4: ", "finds no subject in 'NL/p7_1.npy'"]),
        (r"p(\d+)_?", []),
    ],
)
def test_patterns_that_do_not_fit(make_folder, pattern, messages):
    folder = make_folder(FILES, cohort=AUTHORS)
    if not messages:
        assert len(load_cohort(folder, subject_pattern=pattern, **RATE_UNIT)[0]) == 3
        return
    message = problems_of(load_cohort, folder, subject_pattern=pattern, **RATE_UNIT)
    assert "no subject (" not in message  # said once
    for text in messages:
        assert text in message


def test_a_column_of_subjects_and_a_pattern_contradict(make_folder):
    folder = make_folder(["a1.npy"], cohort="subject,diagnosis,file\nA,M,a1.npy\n")
    message = problems_of(load_cohort, folder, subject_pattern=r"(\d)", **RATE_UNIT)
    assert "cohort.csv: it has a column 'subject' (leave `subject_pattern` out" in message


def test_two_diagnoses_of_a_subject_that_names_tell(make_folder):
    folder = make_folder(FILES, cohort=AUTHORS.replace("NL/p7", "NL/p12"))
    (folder / "NL/p7_1.npy").rename(folder / "NL/p12_1.npy")
    message = problems_of(load_cohort, folder, subject_pattern=r"p(\d+)_", **RATE_UNIT)
    assert "subject '12' has the diagnoses myopathy, normal" in message


# -- locations from muscles ----------------------------------------------------------------------


def test_locations_follow_from_muscles_where_they_are_not_given(make_folder):
    rows = "A,M,a.npy,TA left,\nA,M,b.npy,deltoid,D\nA,M,c.npy,paraspinal,\nA,M,d.npy,,\n"
    folder = make_folder(
        ["a.npy", "b.npy", "c.npy", "d.npy"],
        cohort="subject,diagnosis,file,muscle,location\n" + rows,
    )
    X, _ = load_cohort(folder, locations="muscle", **RATE_UNIT)
    assert X["location"].fillna("").tolist() == ["distal", "distal", "", ""]
    X, _ = load_cohort(folder, **RATE_UNIT)
    assert X["location"].fillna("").tolist() == ["", "distal", "", ""]


def test_unknown_muscles_are_problems_of_their_rows(make_folder):
    cohort = "subject,diagnosis,file,muscle\nA,M,a.npy,GM\nA,M,b.npy,TA\nA,M,c.npy,GM\n"
    folder = make_folder(["a.npy", "b.npy", "c.npy"], cohort=cohort)
    message = problems_of(load_cohort, folder, locations="muscle", **RATE_UNIT)
    assert "cohort.csv, rows 2, 4: muscle 'GM' is unknown (write its name in full" in message
    folder = make_folder(cohort="subject,diagnosis,file\nA,M,a.npy\n")
    message = problems_of(load_cohort, folder, locations="muscle", **RATE_UNIT)
    assert "cohort.csv: no column 'muscle'" in message


def test_the_error_survives_a_pickle(make_folder):
    with pytest.raises(InvalidCohortError) as caught:
        load_recordings(make_folder(["a.npy"]), unit="mV")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
