import numpy as np
import pytest
from _toy import Spy, toy_segments
from numpy.testing import assert_array_equal
from sklearn.ensemble import StackingClassifier
from sklearn.model_selection import LeaveOneGroupOut, cross_validate

from sknemg import DiVoteClassifier, SubjectKFold


def unequal_subjects(n_subjects=(7, 8, 10), seed=0):
    """Classes and subjects of recordings, some subjects with one and some with nine."""
    rng = np.random.default_rng(seed)
    label = np.repeat(["a", "b", "c"], n_subjects)
    subject = rng.permutation(np.repeat(np.arange(len(label)), rng.integers(1, 10, len(label))))
    return label[subject], subject


# -- reading subjects --------------------------------------------------------------------------


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
    with pytest.raises(ValueError, match="y is missing: give the diagnoses"):
        next(SubjectKFold().split(X))
    with pytest.raises(ValueError, match="more than one diagnosis"):
        next(SubjectKFold().split(X, np.arange(len(X))))
    with pytest.raises(
        ValueError, match=r"more than any class has subjects \(.* 4, .*\): give . or fewer"
    ):
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
