"""Missing diagnoses and subjects are named by row wherever they enter."""

import re

import numpy as np
import pandas as pd
import pytest
from _toy import Spy, toy_segments
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sknemg import (
    DiVoteClassifier,
    InvalidRecordingsError,
    NEMGNetClassifier,
    Recordings,
    Segmenter,
    SubjectKFold,
    SubjectScorer,
)
from sknemg.evaluation import demographics_table, evaluate
from sknemg.metrics import level_scores, one_vs_rest_table, score_table
from sknemg.recordings import label_subjects, read_subjects

pytestmark = pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")  # toy signals

ROWS = [2, 5]


def _masked(y):
    mask = np.isin(np.arange(len(y)), ROWS)
    return np.ma.masked_array(y, mask=mask)


def _with(entry, dtype=object):
    def gap(y):
        column = pd.Series(y, dtype=object)
        column[ROWS] = entry
        return column.astype(dtype)

    return gap


# pandas 2 cannot make the text of pandas 3; its own stands in.
STR = pd.StringDtype(na_value=np.nan) if pd.__version__ >= "3" else "string"

GAPS = {
    "None in a list": lambda y: _with(None)(y).tolist(),
    "NaN in an array": lambda y: _with(np.nan)(y).to_numpy(),
    "pd.NA": _with(pd.NA),
    "NaT": _with(pd.NaT),
    "nullable text": _with(None, "string"),
    "pandas 3 text": _with(None, STR),
    "categorical": _with(None, "category"),
    "masked": _masked,
    "blank": _with("  "),
    "spelled by numpy": lambda y: _with(None)(y).to_numpy().astype(str),
    "a column of a table": lambda y: _with(None)(y).to_frame(),
}


@pytest.fixture(scope="module")
def model():
    X, y = toy_segments()
    return DiVoteClassifier(Spy()).fit(X, y)


def _signals(X):
    rng = np.random.default_rng(0)
    return Recordings(rng.normal(size=(len(X), 60)), sfreq=10, subject=X["subject"])


ENTRIES = {
    "label_subjects": lambda X, y, model: label_subjects(y, X["subject"]),
    "SubjectKFold": lambda X, y, model: next(SubjectKFold(2).split(X, y)),
    "DiVote.fit": lambda X, y, model: DiVoteClassifier(Spy()).fit(X, y),
    "DiVote.score": lambda X, y, model: model.score(X, y),
    "SubjectScorer": lambda X, y, model: SubjectScorer()(model, X, y),
    "level_scores": lambda X, y, model: level_scores(model, X, y),
    "demographics": lambda X, y, model: demographics_table(_signals(X), y),
    "evaluate": lambda X, y, model: evaluate(
        make_pipeline(Segmenter(hop=0.4), DiVoteClassifier(LogisticRegression())), _signals(X), y
    ),
    "nEMGNet": lambda X, y, model: NEMGNetClassifier().fit(np.zeros((len(X), 4000), "f4"), y),
    "score_table": lambda X, y, model: score_table(
        y, np.full((len(X), 3), 1 / 3), classes=list("abc")
    ),
    "one_vs_rest": lambda X, y, model: one_vs_rest_table(
        y, np.full((len(X), 3), 1 / 3), classes=list("abc")
    ),
}


@pytest.mark.filterwarnings("ignore:A column-vector y")
@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("entry", ENTRIES)
def test_missing_diagnoses_are_named_by_row(entry, gap, model):
    X, y = toy_segments()
    said = r"(y|y_true) is missing in rows 2, 5: give"
    if gap == "a column of a table" and entry in ("score_table", "one_vs_rest"):
        said = r"y_true has shape \(48, 1\): give one diagnosis"
    with pytest.raises(ValueError, match=said):
        ENTRIES[entry](X, GAPS[gap](y), model)


@pytest.mark.parametrize("gap", GAPS)
def test_missing_diagnoses_are_named_by_validate(gap):
    X, y = toy_segments()
    with pytest.raises(InvalidRecordingsError, match="row 2: no diagnosis") as caught:
        X.validate(GAPS[gap](y))
    assert caught.value.problems["row"].tolist() == ROWS
    assert len(X.with_columns(diagnosis=np.ravel(_with(None)(y))).problems()) == 0


@pytest.mark.parametrize("gap", [name for name in GAPS if name != "a column of a table"])
def test_missing_subjects_are_named_by_row(gap):
    X, y = toy_segments()
    groups = GAPS[gap](X["subject"].to_numpy())
    for read in (lambda: read_subjects(X, groups), lambda: label_subjects(y, groups)):
        with pytest.raises(ValueError, match=r"The subject is missing in rows 2, 5: name"):
            read()


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", 1, "b"], "y mixes text ('a' in row 0) and numbers (1 in row 1): write all"),
        ([np.str_("a"), True], "y mixes text ('a' in row 0) and truth values (True in row 1)"),
        (np.array([1, "1"], dtype=object), "numbers (1 in row 0) and text ('1' in row 1)"),
    ],
)
def test_diagnoses_written_in_two_ways_are_refused(y, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        label_subjects(y, range(len(y)))


def test_words_that_only_look_missing_are_diagnoses():
    codes, _, _ = label_subjects(["NA", "none", "Nan"], [1, 2, 3])
    assert codes.tolist() == [0, 1, 2]


def test_subjects_that_are_no_names():
    with pytest.raises(ValueError, match=r"The subject is \['a'\] in rows 0, 1: give one text or"):
        read_subjects(np.zeros((2, 3)), [["a"], ["b"]])
