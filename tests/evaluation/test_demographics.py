"""The table of demographics."""

import numpy as np
import pytest

from sknemg import (
    Recordings,
    evaluation,
)

CLASSES = ["myopathy", "neuropathy", "normal"]


def test_demographics_are_tested_as_published():
    """Counts of the readers' Table 1: location of recordings, p < 0.001; sex, p = 0.761."""
    rng = np.random.default_rng(0)
    subject, y, location, sex = [], [], [], []
    plan = [(19, 14, 60, 64), (19, 12, 97, 64), (20, 13, 80, 17)]
    for label, (n, women, distal, proximal) in zip(CLASSES, plan, strict=True):
        own = [f"{label}{i % n}" for i in range(distal + proximal)]
        subject += own
        sex += ["female" if int(s.removeprefix(label)) < women else "male" for s in own]
        location += list(rng.permutation(["distal"] * distal + ["proximal"] * proximal))
        y += [label] * len(own)
    X = Recordings(np.zeros((len(y), 10)), sfreq=10, subject=subject, location=location, sex=sex)
    table = evaluation.demographics_table(X, y, categorical=["sex"])
    assert table.loc["subjects", CLASSES].tolist() == ["19", "19", "20"]
    assert table.loc["sex: female", "myopathy"] == "14 (73.7 %)"
    assert table.loc["sex: female", "p"] == pytest.approx(0.761, abs=2e-3)
    assert table.loc["location: distal", "normal"] == "80 (82.5 %)"
    assert table.loc["location: distal", "p"] < 0.001
    assert table.loc["recordings per subject", "test"] == "Kruskal-Wallis"
    with pytest.raises(
        ValueError, match="1 subject has more than one diagnosis, 'myopathy0' \\(myopathy in rows 1"
    ):
        evaluation.demographics_table(X, ["normal", *y[1:]])


def test_demographics_keep_the_columns_of_the_user():
    own = {"duration": [5.0, 5, 7, 9], "n": [1, 1, 2, 3], "diagnosis": list("aabb")}
    X = Recordings(np.zeros((4, 10)), sfreq=10, subject=list("aabc"), **own)
    y = ["myopathy", "myopathy", "myopathy", "normal"]
    table = evaluation.demographics_table(
        X, y, categorical=["diagnosis"], continuous=["duration", "n"]
    )
    assert table.loc["duration", "myopathy"] == "6.0 ± 1.4"
    assert table.loc["n", "normal"].startswith("3.0")
    assert table.loc["diagnosis: a", "myopathy"] == "1 (50.0 %)"
    assert table.loc["recordings per subject", "myopathy"].startswith("1.5")
    assert table.loc["total length (s)", "myopathy"] == "3.0"


def test_demographics_of_what_is_not_known_are_dashes():
    own = {"sex": ["f", "f", None, None], "age": [30.0, 30, np.nan, 50]}
    X = Recordings(np.zeros((4, 10)), sfreq=10, subject=list("aabc"), **own)
    table = evaluation.demographics_table(X, list("pptt"), categorical=["sex"], continuous=["age"])
    assert table.loc["sex: f"].tolist()[:2] == ["1 (100.0 %)", "–"]
    assert table.loc["age"].tolist()[:2] == ["30.0", "50.0"]


def test_demographics_keep_a_diagnosis_that_is_named_as_a_column():
    X = Recordings(np.zeros((5, 10)), sfreq=10, subject=list("aabcc"))
    table = evaluation.demographics_table(X, ["p", "p", "p", "test", "test"])
    assert table.columns.tolist() == ["p (diagnosis)", "test (diagnosis)", "p", "test"]
    assert table.loc["subjects"].tolist()[:2] == ["2", "1"]


def test_demographics_name_what_is_wrong():
    X = Recordings(
        np.zeros((4, 10)), sfreq=10, subject=list("aabb"), age=[30, 31, 40, 40], sex=list("fffm")
    )
    y = np.repeat(["myopathy", "normal"], 2)
    with pytest.warns(
        UserWarning,
        match=r"differ within subjects, sex \(subject 'b'\), age \(subject 'a'\), and the first",
    ) as caught:
        table = evaluation.demographics_table(X, y, categorical=["sex"], continuous=["age"])
    assert caught[0].filename == __file__
    assert table.loc["age", "myopathy"].startswith("30.0")
    for options, message in [
        ({"continuous": "age"}, r"continuous='age' is one text: give a list, \['age'\]"),
        ({"continuous": ["ages"], "categorical": ["six"]}, r"no columns \['six', 'ages'\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            evaluation.demographics_table(X, y, **options)
    with pytest.raises(ValueError, match=r"y is missing in row 1: "):
        evaluation.demographics_table(X, ["normal", None, "normal", "normal"])
    with pytest.raises(ValueError, match="subject is missing in row 1"):
        evaluation.demographics_table(X.with_columns(subject=["a", None, "b", "b"]), y)
