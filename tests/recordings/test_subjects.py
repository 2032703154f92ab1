"""Subjects and diagnoses, one per row."""

import numpy as np
import pandas as pd
import pytest
from _toy import Spy, toy_segments
from sklearn.exceptions import DataConversionWarning

from sknemg import DiVoteClassifier, Recordings, SubjectKFold
from sknemg.evaluation import Protocol, evaluate
from sknemg.recordings import label_subjects, read_subjects
from sknemg.recordings._subjects import written_alike


def test_subjects_are_read_from_recordings_frames_and_groups():
    X, _ = toy_segments()
    expected = X["subject"].tolist()
    assert read_subjects(X).tolist() == expected
    assert read_subjects(X.to_frame()).tolist() == expected
    for groups in [expected, X["subject"], X["subject"].to_numpy()]:
        assert read_subjects(list(X), groups).tolist() == expected
    shuffled_index = X["subject"].set_axis(np.arange(len(X))[::-1])
    assert read_subjects(list(X), shuffled_index).tolist() == expected


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
def test_nobody_knows_the_subjects():
    assert read_subjects(np.zeros((3, 2))) is None
    assert read_subjects([[1], [2]]) is None
    assert read_subjects(Recordings(np.zeros((3, 2)), sfreq=1)) is None
    assert read_subjects(pd.DataFrame({"x": [1.0, 2.0]})) is None


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA])
def test_a_missing_subject_is_named_by_row(gap):
    with pytest.raises(ValueError, match=r"missing in rows 0, 2"):
        read_subjects(np.zeros((4, 2)), [gap, "a", gap, "b"])
    with pytest.raises(ValueError, match=r"missing in rows 0, 2"):
        label_subjects([1, 1, 0, 0], [gap, "a", gap, "b"])


def test_groups_of_another_length_are_an_error():
    with pytest.raises(ValueError, match=r"groups has shape \(2,\) for 3 rows"):
        read_subjects(np.zeros((3, 2)), ["a", "b"])


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA])
def test_a_missing_diagnosis_is_named_by_row(gap):
    for y in [["x", gap, "y", gap], np.array([1, gap, 0, gap], dtype=object)]:
        with pytest.raises(ValueError, match="y is missing in rows 1, 3"):
            label_subjects(y, list("abcd"))
        with pytest.raises(ValueError, match="y is missing in rows 1, 3"):
            next(SubjectKFold(2).split(np.zeros((4, 1)), y, list("abcd")))


def test_a_y_of_another_shape_is_blamed_itself():
    X = np.zeros((4, 1))
    with pytest.raises(ValueError, match="y has 3 diagnoses for 4 rows"):
        next(SubjectKFold(2).split(X, [0, 0, 1], list("abcd")))
    with pytest.raises(ValueError, match=r"y should be a 1d array, got an array of shape \(4, 2\)"):
        next(SubjectKFold(2).split(X, np.zeros((4, 2)), list("abcd")))
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        folds = list(SubjectKFold(2).split(X, np.array([[0], [0], [1], [1]]), list("abcd")))
    assert [test.tolist() for _, test in folds] == [[0, 2], [1, 3]]


def test_groups_may_be_a_column_of_a_table():
    table = pd.DataFrame({"subject": list("aab")}, index=[5, 4, 3])
    for groups in (table, table.to_numpy()):
        assert read_subjects(np.zeros((3, 1)), groups).tolist() == list("aab")
        assert label_subjects([0, 0, 1], groups)[0].tolist() == [0, 0, 1]
    with pytest.raises(ValueError, match=r"groups has shape \(3, 2\) for 3 rows: give one subject"):
        read_subjects(np.zeros((3, 1)), table.assign(muscle="deltoid"))


def test_every_torn_subject_is_named():
    y = ["x", "y", "x", "x", "z", "x"]
    with pytest.raises(ValueError, match="2 subjects have more than one") as error:
        label_subjects(y, ["a", "a", "b", "b", "b", "c"])
    assert "'a' (x in row 0, y in row 1); 'b' (x in rows 2, 3, z in row 4): correct" in str(
        error.value
    )


def test_a_subject_is_one_number_wherever_its_rows_are():
    codes, names, first = label_subjects([1, 0, 1, 0], ["q", "p", "q", "p"])
    assert codes.tolist() == [0, 1, 0, 1]
    assert names.tolist() == ["q", "p"]
    assert first.tolist() == [0, 1]


# -- one name per subject ----------------------------------------------------------------------

SIGNAL = np.tile([0.1, -0.2, 0.1], 10)  # as of needle EMG
ALIKE = [
    ("S1", "s1"),
    ("S1", " S1"),
    ("S 1", "S1"),
    ("S\u00a01", "S1\t"),
    ("S1", "S\u200b1"),
    ("01", 1),
    (1, "1"),
    (1.0, "1"),
    ("1.0", "01"),
    ("S007", "S7"),
    ("Zo\u00eb", "Zoe\u0308"),
    ("\uff331", "S1"),
    ("STRASSE", "straße"),
]


@pytest.mark.parametrize("names", ALIKE, ids=ascii)
def test_subjects_that_differ_only_in_writing_are_warned_of_once(names):
    column = pd.Series([*names, *names, "other"], dtype=object)
    with pytest.warns(UserWarning, match="differ only in case, blanks, leading zeros") as caught:
        X = Recordings(SIGNAL * np.ones((5, 1)), sfreq=1000, subject=column)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    for name in names:
        assert repr(name) in str(caught[0].message)
    assert "other" not in str(caught[0].message)
    X[[0, 3]].validate()  # rows that are taken out of it say nothing more


@pytest.mark.parametrize(
    "names", [("S1", "S2"), ("S1", "S10"), ("1.05", "1.5"), ("S-1", "T-1"), (1, 10), ("0", "00x")]
)
def test_other_subjects_are_not_warned_of(names):
    assert written_alike(names) == []


def test_every_way_in_warns_of_subjects_written_alike():
    X = Recordings(SIGNAL * np.ones((2, 1)), sfreq=1000, subject=["a", "b"])
    frame = X.to_frame().assign(subject=["a", "A"])
    ways = [
        lambda: Recordings(frame),
        lambda: Recordings.from_frame(frame),
        lambda: X.with_columns(subject=["a", "A"]),
        lambda: Recordings.concat([X, X.with_columns(subject=["A", "c"])]),
    ]
    for way in ways:
        with pytest.warns(UserWarning, match="'a', 'A': write each subject in one way") as caught:
            way()
        assert len(caught) == 1
        assert caught[0].filename == __file__


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
def test_many_subjects_written_alike_are_counted():
    names = [f"{case}{i}" for i in range(100, 140) for case in "sS"]
    with pytest.warns(UserWarning, match="'s109', 'S109' and 30 more: write"):
        Recordings(np.zeros((80, 3)), sfreq=10, subject=names)


@pytest.mark.parametrize("container", ["recordings", "frame"])
def test_evaluate_warns_once_of_the_groups_written_alike(container):
    X, y = toy_segments(6)
    groups = X["subject"].replace({"S3": "s0"})  # of the class of S0
    X = X if container == "recordings" else X.to_frame().assign(subject=groups)
    model = DiVoteClassifier(Spy(), subject_features="all")
    protocol = Protocol("mine", n_splits=2, n_repeats=2)
    given = groups if container == "recordings" else None
    with pytest.warns(UserWarning, match=r"('S0', 's0'|'s0', 'S0'): write each") as caught:
        evaluate(model, X, y, protocol=protocol, groups=given)
    assert len([w for w in caught if "differ only in case" in str(w.message)]) == 1
    assert caught[0].filename == __file__
