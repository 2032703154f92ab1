"""Columns of any type come back from a written cohort as they were, or are refused."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from sknemg import Recordings
from sknemg.datasets import InvalidCohortError, load_cohort, write_cohort
from sknemg.datasets._schema import PACKAGE, same

Y = ["normal", "normal", "myopathy"]


def cohort(**columns):
    """Three recordings with further columns, as they are."""
    meta = pd.DataFrame({"sfreq": 1000.0, "subject": ["S1", "S1", "S2"]}).assign(**columns)
    signals = np.random.default_rng(0).normal(size=60).astype(np.float32)
    return Recordings.from_ragged(signals, [0, 15, 35, 60], meta)


def written(X, folder, y=Y):
    write_cohort(folder, X, y)
    return load_cohort(folder)[0]


def objects(*entries):
    return pd.Series(entries, dtype=object)


KEPT = {
    "digits as text": ["0", "1", "1"],
    "numbers as text": ["1e5", "007", "1.0"],
    "booleans as text": ["True", "False", "True"],
    "blanks": [" a", "a ", "\u00a0"],
    "words for missing": ["NA", "", "nan"],
    "words for missing, and missing": objects("NA", "", None),
    "missing": objects("n/a", "None", np.nan),
    "pd.NA in objects": objects("a", pd.NA, "b"),
    "lines, quotes, separators": ["a\nb", 'x";,\t', "\r\n"],
    "formulas": ["=1+1", "+1", "@x"],
    "Unicode forms": ["\u00e9", "e\u0301", "\ufeff"],
    "None among booleans": objects(True, None, False),
    "None among numbers": objects(1, None, 2**70),
    "None among reals": objects(0.1, None, -0.0),
    "mixed": objects("1", 1, 1.0),
    "mixed with booleans": objects(True, 1, None),
    "two kinds of missing": objects("a", None, np.nan),
    "NumPy's in objects": objects(np.int64(1), np.str_("1"), np.bool_(True)),
    "only missing": objects(None, None, None),
    "beyond 2^53": [2**53 + 1, -(2**62), 0],
    "int8": np.array([1, -128, 127], dtype="int8"),
    "uint64": np.array([1, 2**64 - 1, 0], dtype="uint64"),
    "bool": [True, False, True],
    "float64": [0.1 + 0.2, -0.0, 5e-324],
    "infinite": [np.inf, -np.inf, np.nan],
    "float32": np.array([0.1, np.nan, 16777217], dtype="float32"),
    "float16": np.array([0.1, 65504, -0.0], dtype="float16"),
    "Int64": pd.array([1, None, 2**60 + 1], dtype="Int64"),
    "UInt64": pd.array([1, None, 2**64 - 1], dtype="UInt64"),
    "UInt8": pd.array([1, None, 255], dtype="UInt8"),
    "Float32": pd.array([0.1, None, 2], dtype="Float32"),
    "boolean": pd.array([True, None, False], dtype="boolean"),
    "string": pd.array(["NA", None, " "], dtype="string"),
    "categories": pd.Categorical(["b", None, "NA"], categories=["b", "a", "NA"], ordered=True),
    "categories of numbers": pd.Categorical([3, 1, None]),
    "categories of reals": pd.Categorical([0.1, None, 2.5]),
    "times": np.array(["2020-01-01T01:02:03.123456789", "NaT", "1970-01-01"], "datetime64[ns]"),
    "times in seconds": np.array(["2020-01-01", "0001-01-01", "2999-01-01"], "datetime64[s]"),
    "times of a zone": pd.DatetimeIndex(
        ["2020-10-25T01:30Z", None, "2020-10-25T00:30Z"]
    ).tz_convert("Europe/Berlin"),
    "durations": np.array([1, -(10**15), 10**9 + 1], "timedelta64[ns]"),
}


@pytest.mark.parametrize("kind", KEPT)
def test_columns_come_back_bit_for_bit(kind, tmp_path):
    places = ["note", "age", "muscle", "side", "sex"]
    X = cohort(**dict.fromkeys(places, KEPT[kind]))
    back = written(X, tmp_path)
    for place in places:
        assert same(X[place], back[place])
        pd.testing.assert_series_equal(back[place], X[place], check_exact=True)
    assert back.values.tobytes() == X.values.tobytes()


REFUSED = {
    "lists": objects([1], [2], [3]),
    "dicts": objects({}, {}, {"a": 1}),
    "bytes": objects(b"a", b"b", b"c"),
    "complex": [1j, 2, 3],
    "periods": pd.period_range("2020", periods=3, freq="D"),
    "surrogates": objects("a", "\ud800", "b"),
    "NaT among text": objects("a", 1, pd.NaT),
    "timestamps in objects": objects(pd.Timestamp("2020-01-01"), "a", "b"),
    "too long": ["x" * 200_000, "a", "b"],
}


@pytest.mark.parametrize("kind", REFUSED)
def test_columns_that_would_not_come_back_are_refused(kind, tmp_path):
    with pytest.raises(ValueError, match=r"Columns \['note'\] cannot be written|shorten or drop"):
        write_cohort(tmp_path / "new", cohort(note=REFUSED[kind]), Y)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "names", [[" a"], [""], ["a", "a"], [0], ["Subject"], ["unit"], ["LABEL"], ["a\n"]], ids=repr
)
def test_names_that_would_not_come_back_are_refused(names, tmp_path):
    X = cohort()
    extra = pd.DataFrame([[1] * len(names)] * 3, columns=pd.Index(names, dtype=object))
    X = Recordings.from_ragged(X.values, X.offsets, pd.concat([X.meta, extra], axis=1))
    with pytest.raises(ValueError, match=r"Columns \[.*\] cannot be written"):
        write_cohort(tmp_path / "new", X, Y)
    assert not (tmp_path / "new").exists()


def test_names_may_hold_what_separates_columns(tmp_path):
    X = cohort(**{"a;b;c;d;e;f;g;h": [1, 2, 3], 'say "x", y': ["a", "b", "c"], "two\nlines": 1})
    back = written(X, tmp_path)
    pd.testing.assert_frame_equal(back.meta[X.meta.columns], X.meta)


@pytest.mark.parametrize(
    "subject", [[1, 1, 2], np.array([1, 1, 2], "int8"), pd.Categorical(["a", "a", "b"])], ids=repr
)
def test_subjects_keep_their_type(subject, tmp_path):
    X = cohort(subject=subject)
    assert same(X["subject"], written(X, tmp_path)["subject"])


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
@pytest.mark.parametrize("sfreq", [48_000.123, 1e5 / 3, np.float32(23437.5), 10])
def test_rates_keep_every_digit(sfreq, tmp_path):
    X = cohort(sfreq=np.full(3, sfreq))
    assert same(X["sfreq"], written(X, tmp_path)["sfreq"])


def test_samples_of_another_type_and_mixed_subjects_are_refused(tmp_path):
    X = cohort()
    with pytest.raises(ValueError, match="samples are float64, and float32 is written"):
        write_cohort(tmp_path / "new", X.with_values(X.values.astype(float)), Y)
    with pytest.raises(ValueError, match="row 2: subject 2 is not text, and others are"):
        write_cohort(tmp_path / "new", cohort(subject=objects("a", "a", 2)), Y)
    with pytest.raises(ValueError, match="row 2: the column 'diagnosis' says 'ALS'"):
        write_cohort(tmp_path / "new", cohort(diagnosis=["normal", "normal", "ALS"]), Y)
    with pytest.raises(ValueError, match="row 2: diagnosis 'als' differs from 'ALS' only in case"):
        write_cohort(tmp_path / "new", cohort(), ["ALS", "ALS", "als"])
    assert not (tmp_path / "new").exists()


# -- what users do to the folder ---------------------------------------------------------------


def edit(folder, old, new, table="recordings.csv"):
    file = folder / table
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_tables_may_be_edited(tmp_path):
    written(cohort(code=["01", "02", "03"], depth=[1, 2, 3], muscle=["a", "b", "c"]), tmp_path)
    edit(tmp_path, "02,2,b", "  1e5, 7 , d ")
    edit(tmp_path, "subject,", "note,subject,")
    edit(tmp_path, "\nS", "\n5,S")
    X, _ = load_cohort(tmp_path)
    assert X["code"].tolist() == ["01", "1e5", "03"]
    assert X["depth"].tolist() == [1, 7, 3]
    assert X["muscle"].tolist() == ["a", "d", "c"]
    assert X["note"].tolist() == [5, 5, 5]  # not described, so guessed


def test_entries_that_the_types_do_not_allow_are_named(tmp_path):
    kind = pd.Categorical(["low", "low", "high"])
    written(cohort(depth=[1, 2, 3], ok=[True] * 3, kind=kind, age=[7, 7, 8]), tmp_path)
    edit(tmp_path, "2,True,low", "deep,,medium")
    edit(tmp_path, "S2,8", "S2,old", "subjects.csv")
    with pytest.raises(InvalidCohortError) as caught:
        load_cohort(tmp_path)
    for text in (
        "row 3: depth: 'deep' is not of type integer, which datapackage.json does not allow (corr",
        "row 3: ok: an entry is missing, which",
        "row 3: kind: 'medium' is not one of ['high', 'low'], which",
        "row 4: age in subjects.csv: 'old' is not of type integer, which",
    ):
        assert text in str(caught.value)
    with pytest.warns(UserWarning, match="2 of 3 recordings were left out"):
        X, _ = load_cohort(tmp_path, on_error="skip")
    assert X["depth"].tolist() == [1]


def test_without_types_the_entries_decide(tmp_path):
    written(cohort(code=["1", "2", "3"]), tmp_path)
    (tmp_path / PACKAGE).unlink()
    assert load_cohort(tmp_path)[0]["code"].tolist() == [1, 2, 3]


def test_types_that_do_not_fit_the_tables_are_said(tmp_path):
    written(cohort(code=["1", "2", "3"]), tmp_path)
    edit(tmp_path, "code", "number")
    with pytest.warns(
        UserWarning, match=r"columns that the tables lack, \['code'\]: take"
    ) as caught:
        X, _ = load_cohort(tmp_path)
    assert len(caught) == 1
    assert X["number"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"resources": 3}', '{"resources": [{"path": "recordings.csv", "schema": []}]}'],
)
def test_types_that_cannot_be_read(tmp_path, text):
    written(cohort(), tmp_path)
    (tmp_path / PACKAGE).write_text(text)
    with pytest.raises(InvalidCohortError, match=r"datapackage\.json: not usable: .*or delete it"):
        load_cohort(tmp_path)


@pytest.mark.parametrize("change", [{"dtype": "int7"}, {"type": "geopoint"}, {"missing": "x"}])
def test_types_that_are_not_understood(tmp_path, change):
    written(cohort(code=[1, 2, 3]), tmp_path)
    package = json.loads((tmp_path / PACKAGE).read_text())
    field = next(f for f in package["resources"][1]["schema"]["fields"] if f["name"] == "code")
    field |= change
    (tmp_path / PACKAGE).write_text(json.dumps(package))
    with pytest.raises(InvalidCohortError, match="the type of column 'code' is not understood"):
        load_cohort(tmp_path)


def test_a_package_of_another_origin_changes_nothing(tmp_path):
    written(cohort(code=["1", "2", "3"]), tmp_path)
    package = (tmp_path / PACKAGE).read_text()
    (tmp_path / PACKAGE).write_text(re.sub(r' +"dtype": "[^"]*",\n', "", package))
    assert load_cohort(tmp_path)[0]["code"].tolist() == [1, 2, 3]
