import numpy as np
import pandas as pd
import pytest
from _toy import Spy, toy_segments
from numpy.testing import assert_array_equal
from sklearn.ensemble import StackingClassifier
from sklearn.exceptions import DataConversionWarning
from sklearn.model_selection import LeaveOneGroupOut, cross_validate

from sknemg import DiVoteClassifier, Recordings, SubjectKFold
from sknemg.recordings import label_subjects, read_subjects


def unequal_subjects(n_subjects=(7, 8, 10), seed=0):
    """Classes and subjects of recordings, some subjects with one and some with nine."""
    rng = np.random.default_rng(seed)
    label = np.repeat(["a", "b", "c"], n_subjects)
    subject = rng.permutation(np.repeat(np.arange(len(label)), rng.integers(1, 10, len(label))))
    return label[subject], subject


# -- reading subjects --------------------------------------------------------------------------


def test_subjects_are_read_from_recordings_frames_and_groups():
    X, _ = toy_segments()
    expected = X["subject"].tolist()
    assert read_subjects(X).tolist() == expected
    assert read_subjects(X.to_frame()).tolist() == expected
    for groups in [expected, X["subject"], X["subject"].to_numpy()]:
        assert read_subjects(list(X), groups).tolist() == expected
    shuffled_index = X["subject"].set_axis(np.arange(len(X))[::-1])
    assert read_subjects(list(X), shuffled_index).tolist() == expected


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
    with pytest.raises(ValueError, match=r"groups has shape \(3, 2\) for 3 rows; give one subject"):
        read_subjects(np.zeros((3, 1)), table.assign(muscle="deltoid"))


def test_every_torn_subject_is_named():
    y = ["x", "y", "x", "x", "z", "x"]
    with pytest.raises(ValueError, match="2 subjects have more than one") as error:
        label_subjects(y, ["a", "a", "b", "b", "b", "c"])
    assert "a (x in row 0, y in row 1); b (x in rows 2, 3, z in row 4)." in str(error.value)


def test_a_subject_is_one_number_wherever_its_rows_are():
    codes, names, first = label_subjects([1, 0, 1, 0], ["q", "p", "q", "p"])
    assert codes.tolist() == [0, 1, 0, 1]
    assert names.tolist() == ["q", "p"]
    assert first.tolist() == [0, 1]


# -- SubjectKFold ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shuffle", [False, True])
def test_subjects_stay_whole_and_classes_even(seed, shuffle):
    y, subject = unequal_subjects(seed=seed)
    splitter = SubjectKFold(5, shuffle=shuffle, random_state=seed if shuffle else None)
    tested = []
    counts = []
    for train, test in splitter.split(np.zeros(len(y)), y, subject):
        assert not set(subject[train]) & set(subject[test])
        assert_array_equal(np.sort(np.r_[train, test]), np.arange(len(y)))
        tested.append(test)
        _, first = np.unique(subject[test], return_index=True)
        counts.append([np.sum(y[test][first] == label) for label in "abc"])
    assert_array_equal(np.sort(np.concatenate(tested)), np.arange(len(y)))
    assert (np.ptp(counts, axis=0) <= 1).all()  # no class varies by more than a subject
    assert np.min(counts) > 0


def test_shuffling_follows_the_seed():
    y, subject = unequal_subjects()

    def folds(seed):
        splitter = SubjectKFold(5, shuffle=True, random_state=seed)
        return [test.tolist() for _, test in splitter.split(y, y, subject)]

    assert folds(0) == folds(0)
    assert folds(0) != folds(1)


def test_subjects_come_from_x_or_groups_alike():
    X, y = toy_segments()
    groups = X["subject"]
    splits = [
        [test.tolist() for _, test in SubjectKFold(3).split(*arguments)]
        for arguments in [(X, y), (X.to_frame(), y), (list(X), y, groups), (X, y, groups)]
    ]
    assert all(split == splits[0] for split in splits)


def test_subjects_and_diagnoses_are_needed():
    X, y = toy_segments()
    with pytest.raises(ValueError, match="SubjectKFold needs the subjects"):
        next(SubjectKFold().split(X.values, np.zeros(len(X.values))))
    with pytest.raises(ValueError, match="y is needed"):
        next(SubjectKFold().split(X))
    with pytest.raises(ValueError, match="more than one diagnosis"):
        next(SubjectKFold().split(X, np.arange(len(X))))
    with pytest.raises(ValueError, match=r"n_splits=9 is more than any class has subjects: .* 4, "):
        next(SubjectKFold(9).split(X, y))


def test_splitter_is_a_scikit_learn_citizen():
    assert repr(SubjectKFold(3)) == "SubjectKFold(n_splits=3, random_state=None, shuffle=False)"
    assert SubjectKFold(3).get_n_splits() == 3
    X, y = toy_segments()
    stack = StackingClassifier([("one", DiVoteClassifier(Spy()))], cv=SubjectKFold(3))
    assert stack.fit(X, y).predict(X).shape == (len(X),)  # it sets a random_state on the splitter


def test_leaving_one_subject_out_is_scikit_learns():
    X, y = toy_segments()
    scores = cross_validate(
        DiVoteClassifier(Spy()), X, y, groups=X["subject"], cv=LeaveOneGroupOut()
    )
    assert len(scores["test_score"]) == 12
    assert set(scores["test_score"]) <= {0.0, 1.0}  # one subject is right or wrong
