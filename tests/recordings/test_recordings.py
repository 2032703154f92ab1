import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.utils import _safe_indexing

from sknemg import InvalidRecordingsError, Recordings, Segmenter

pytestmark = pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")  # toy signals


def make(lengths=(3, 1, 4, 2), **columns):
    signals = [np.arange(n) + 10.0 * row for row, n in enumerate(lengths)]
    columns = {"sfreq": 10.0, "subject": list("aabc")[: len(lengths)]} | columns
    return Recordings(signals, **columns)


def values(X):
    return [row.tolist() for row in X]


def test_a_list_is_stored_flat_in_float32():
    X = make()
    assert X.values.dtype == np.float32
    assert X.offsets.tolist() == [0, 3, 4, 8, 10]
    assert X.lengths.tolist() == [3, 1, 4, 2]
    assert X.row_index.tolist() == [0, 0, 0, 1, 2, 2, 2, 2, 3, 3]
    assert X.shape == (4,) and len(X) == 4
    np.testing.assert_allclose(X.durations, [0.3, 0.1, 0.4, 0.2])


@pytest.mark.parametrize("unit, factor", [("mV", 1), ("uV", 1e-3), ("µV", 1e-3), ("V", 1e3)])
def test_units_become_millivolts_and_the_input_is_left_alone(unit, factor):
    signal = np.array([1.0, -2.0], dtype=np.float32)
    X = Recordings([signal], sfreq=1, unit=unit)
    np.testing.assert_allclose(X[0], factor * np.array([1, -2]), rtol=1e-6)
    assert signal.tolist() == [1, -2]


def test_unknown_unit():
    with pytest.raises(ValueError, match="unit='counts' is unknown"):
        Recordings([[1.0]], sfreq=1, unit="counts")


def test_a_column_of_units_is_not_passed_over():
    frame = make().to_frame().assign(unit=["uV", "mV", None, "µV"])
    for read in (Recordings, Recordings.from_frame):
        with pytest.raises(InvalidRecordingsError, match="unit 'uV', taken as 'mV'") as caught:
            read(frame)
        assert caught.value.problems["row"].tolist() == [0, 3]
    X = Recordings(frame.assign(unit="µV"), unit="uV")
    np.testing.assert_allclose(X.values, make().values / 1000, rtol=1e-6)
    assert set(X["unit"]) == {"mV"}  # and so it can be read again
    assert Recordings.from_frame(X.to_frame()).equals(X)


def test_equal_lengths_make_an_array_and_come_from_one():
    array = np.arange(6.0).reshape(2, 3)
    X = Recordings(array, sfreq=[1, 2])
    np.testing.assert_array_equal(np.asarray(X), array)
    with pytest.raises(ValueError, match="unequal length"):
        np.asarray(make())


def test_frame_round_trip():
    X = make(muscle="biceps brachii", age=[1, 2, 3, 4])
    assert Recordings.from_frame(X.to_frame()).equals(X)
    assert Recordings(X.to_frame(), side="left")["side"].tolist() == ["left"] * 4


def test_frame_round_trip_of_segments():
    X = make().with_values(np.arange(20, dtype=np.float32).reshape(10, 2))
    assert Recordings.from_frame(X.to_frame()).equals(X)


@pytest.mark.parametrize("segments", [False, True])
def test_parquet_round_trip(tmp_path, segments):
    X = make()
    frame = X.to_frame()
    if segments:
        X = X.with_values(np.arange(20, dtype=np.float32).reshape(10, 2))
        frame = X.to_frame()
        frame["signal"] = [list(row) for row in frame["signal"]]
    frame.to_parquet(tmp_path / "cohort.parquet")
    again = Recordings.from_frame(pd.read_parquet(tmp_path / "cohort.parquet"))
    np.testing.assert_array_equal(again.values, X.values)
    assert again["subject"].tolist() == X["subject"].tolist()


def test_empty_rows_come_back_from_nested_lists():
    X = make()
    X = X.with_values(np.arange(12, dtype=np.float32).reshape(6, 2), [0, 0, 4, 4, 6])
    frame = X.to_frame()
    frame["signal"] = [row.tolist() for row in frame["signal"]]
    assert Recordings.from_frame(frame).equals(X)


@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA])
def test_every_row_without_a_signal_is_named(nothing):
    frame = make().to_frame()
    frame["signal"] = pd.Series([nothing, np.zeros(3), nothing, np.ones(2)], dtype=object)
    with pytest.raises(InvalidRecordingsError, match="no signal") as caught:
        Recordings.from_frame(frame)
    assert caught.value.problems["row"].tolist() == [0, 2]


# -- rows and columns --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key, rows",
    [
        ([2, 0], [2, 0]),
        ([1, 1], [1, 1]),
        (np.array([-1]), [3]),
        (np.array([True, False, False, True]), [0, 3]),
        (pd.Series([True, False, False, True]), [0, 3]),
        (slice(1, 3), [1, 2]),
        (slice(None, None, -1), [3, 2, 1, 0]),
        ((np.array([1, 2]), Ellipsis), [1, 2]),
        ([], []),
    ],
)
def test_rows(key, rows):
    X = make()
    chosen = X[key]
    assert isinstance(chosen, Recordings)
    assert values(chosen) == [values(X)[row] for row in rows]
    assert chosen["subject"].tolist() == [X["subject"][row] for row in rows]
    assert chosen.meta.index.tolist() == list(range(len(rows)))


def test_sklearns_own_indexing_keeps_the_type():
    X = make()
    for key in (np.array([2, 0]), np.array([True, False, True, False]), slice(0, 2)):
        assert isinstance(_safe_indexing(X, key), Recordings)
    assert values(_safe_indexing(X, [2, 0])) == values(X[[2, 0]])


def test_one_row_is_its_array_without_a_copy():
    X = make()
    assert X[-1].tolist() == [30, 31]
    assert np.shares_memory(X[1], X.values)
    assert np.shares_memory(X[1:3].values, X.values)


def test_columns():
    X = make(age=[1, 2, 3, 4])
    assert X["age"].tolist() == [1, 2, 3, 4]
    assert X[["age", "subject"]].columns.tolist() == ["age", "subject"]
    assert "age" in X and "side" not in X
    with pytest.raises(KeyError, match=r"no column \['side'\]: name one of"):
        X["side"]


def test_columns_go_by_position_whatever_their_index():
    age = pd.Series([61, 34, 50, 47], index=[3, 2, 1, 0])
    for X in (
        make(age=age),
        make().with_columns(age=age),
        make().with_values(make().values, age=age),
        make().with_columns(age=age.set_axis([10, 11, 12, 13])),
    ):
        assert X["age"].tolist() == [61, 34, 50, 47]


def test_missing_entries_of_a_list_stay_missing():
    X = make(subject=["a", np.nan, None, "c"], location=["distal", np.nan, "proximal", "distal"])
    assert X["subject"].isna().tolist() == [False, True, True, False]
    assert X["location"].isna().tolist() == [False, True, False, False]
    assert make(subject=[1, "a", 2, "b"])["subject"].tolist() == [1, "a", 2, "b"]


@pytest.mark.parametrize("key", [4, -5, [4], [True], np.array([0.5]), np.array([[0]])], ids=str)
def test_rows_that_are_not_there(key):
    with pytest.raises(IndexError):
        make()[key]


def test_concat():
    X = make()
    both = Recordings.concat([X[[3]], X.with_columns(side="left")[:2]])
    assert values(both) == [values(X)[row] for row in (3, 0, 1)]
    assert both["side"].isna().tolist() == [True, False, False]
    with pytest.raises(ValueError, match="one item shape"):
        Recordings.concat([X, X.with_values(np.zeros((10, 2)))])


# -- validation --------------------------------------------------------------------------------


def test_every_bad_row_is_named_at_once():
    with pytest.raises(InvalidRecordingsError) as error:
        Recordings(
            [[1.0, np.nan], [np.inf], [], [1.0], [1.0], [1.0]],
            sfreq=[10, 10, 10, np.nan, -1, 10],
            location=["distal", None, "proximal", "distal", "distal", "leg"],
        )
    problems = error.value.problems
    assert problems["row"].tolist() == [0, 1, 2, 3, 4, 5]
    for row, text in enumerate(
        ["1 of 2 samples NaN", "NaN or infinite", "no samples", "unknown", "-1 Hz", "'leg'"]
    ):
        assert text in problems["problem"][row]
    assert str(error.value).startswith("6 unusable recordings:\n  row 0: ")
    assert pickle.loads(pickle.dumps(error.value)).problems.equals(problems)


def test_no_rate_is_guessed():
    with pytest.raises(InvalidRecordingsError, match="row 1: unknown sampling rate"):
        Recordings([[1.0], [2.0]])
    for unknown in (None, np.nan, pd.NA):
        with pytest.raises(InvalidRecordingsError, match=r"1 unusable .*\n  row 1: unknown sampl"):
            Recordings([[1.0], [2.0]], sfreq=[48_000, unknown])


def test_signals_that_are_not_one_dimensional_are_all_named():
    with pytest.raises(InvalidRecordingsError) as error:
        Recordings([[1.0], np.zeros((2, 2)), ["a"]], sfreq=1)
    assert error.value.problems["row"].tolist() == [1, 2]


def test_a_subject_with_two_diagnoses():
    X = make()
    y = ["normal", "myopathy", "normal", "normal"]
    with pytest.raises(InvalidRecordingsError, match="subject 'a' has the diagnoses myopathy, no"):
        X.validate(y)
    assert X.problems(y)["row"].tolist() == [0, 1]
    assert len(X.problems(["normal"] * 4)) == 0
    assert X.with_columns(diagnosis=y).problems()["row"].tolist() == [0, 1]


def test_long_reports_are_cut_but_complete_in_the_error():
    with pytest.raises(InvalidRecordingsError, match="and 10 more in `error") as error:
        Recordings([[np.nan]] * 30, sfreq=1)
    assert len(error.value.problems) == 30


def test_columns_of_another_length():
    with pytest.raises(ValueError, match="subject has 1 entries for 2 recordings"):
        Recordings([[1.0], [2.0]], sfreq=1, subject=["a"])


@pytest.mark.parametrize(
    "offsets, meta, text",
    [
        ([0, 2], pd.DataFrame({"sfreq": [1.0]}), "rise from 0"),
        ([1, 3], pd.DataFrame({"sfreq": [1.0]}), "rise from 0"),
        ([0, 4, 3], pd.DataFrame({"sfreq": [1.0, 1.0]}), "rise from 0"),
        ([0, 1.7, 3], pd.DataFrame({"sfreq": [1.0, 1.0]}), "must be integers"),
        ([0, 3], pd.DataFrame({"sfreq": [1.0, 1.0]}), "meta has 2 rows"),
        ([0, 3], pd.DataFrame({"rate": [1.0]}), "lacks the column 'sfreq'"),
    ],
)
def test_ragged_parts_that_do_not_fit(offsets, meta, text):
    with pytest.raises(ValueError, match=text):
        Recordings.from_ragged(np.zeros(3), offsets, meta)


# -- identity ----------------------------------------------------------------------------------


def test_equal_content_pickles_and_hashes_alike():
    X = make()
    again = pickle.loads(pickle.dumps(X))
    assert again.equals(X)
    shuffled = Recordings.concat([X[[0, 1]], X[[2, 3]]])
    assert joblib.hash(shuffled) == joblib.hash(X)
    assert joblib.hash(X[[0, 1, 3]]) != joblib.hash(X[[0, 1, 2]])
    assert len(pickle.dumps(X[1:2])) < len(pickle.dumps(X))


def test_repr_says_how_much_there_is():
    X = make()
    assert repr(X) == "Recordings: 4 recordings of 3 subjects, 0.10-0.40 s at 10 Hz"
    assert "<th>samples</th>" in X._repr_html_()
    assert repr(X[:0]) == "Recordings: 0 recordings"
    assert "10 segments of 2" in repr(X.with_values(np.zeros((10, 2))))


def test_html_repr_shows_what_is_missing_as_pages_do():
    text = Recordings([[1.0], [2.0]], sfreq=1, muscle=["deltoid", None])._repr_html_()
    assert "<td>–</td>" in text and "NaN" not in text


def test_html_repr_escapes_what_users_wrote():
    X = Recordings([[1.0]], sfreq=1, muscle=["<script>"])
    assert "<script>" not in X._repr_html_()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (np.ma.masked_equal([1.0, -999.0], -999.0), "row 1: masked samples"),
        (np.array([1.0, 2.0], dtype=object), r"row 1: shape \(2,\) and dtype object"),
        (np.array([1.0, 2.0]) + 1j, r"row 1: shape \(2,\) and dtype complex128"),
        (np.array(["a", "b"]), r"row 1: shape \(2,\) and dtype <U1"),
        (None, "row 1: no signal"),
        (np.array(1.0), r"row 1: shape \(\) and dtype float64"),
        ([[1.0, 2.0], [3.0]], "row 1: parts of unequal lengths"),
    ],
)
def test_what_holds_no_numbers_is_named_in_every_container(row, words):
    signals = [np.array([0.5, 1.0]), row]
    with pytest.raises(InvalidRecordingsError, match=words):
        Recordings.from_frame(pd.DataFrame({"signal": signals, "sfreq": 1000.0}))
    with pytest.raises(InvalidRecordingsError, match=words):
        Segmenter(input_sfreq=1000).fit_transform(signals)
    with pytest.raises(TypeError, match="signals is None: give one array for each recording"):
        Recordings(None)


def test_nested_lists_that_make_no_array_are_named():
    rows = [[[1.0, 2.0]], np.array([[1.0, 2.0], [3.0]], dtype=object), [np.array(["a"], object)]]
    frame = pd.DataFrame({"signal": rows, "sfreq": 1000.0})
    with pytest.raises(InvalidRecordingsError, match=r"(?s)row 1: parts of unequal.*row 2: shape"):
        Recordings.from_frame(frame)
    nested = np.array([None, None], dtype=object)
    nested[:] = [np.ones(2), np.zeros(2)]  # as Parquet returns segments
    frame = pd.DataFrame({"signal": [nested], "sfreq": 1000.0})
    assert Recordings.from_frame(frame).values.tolist() == [[1, 1], [0, 0]]


def test_masked_samples_are_named():
    signals = [[1.0, 2.0], np.ma.masked_equal([1.0, -999.0], -999.0)]
    with pytest.raises(InvalidRecordingsError, match="row 1: masked samples"):
        Recordings(signals, sfreq=10)


def test_one_signal_is_not_taken_for_many():
    with pytest.raises(ValueError, match="is one signal: give it in a list"):
        Recordings(np.zeros(4000), sfreq=10)


def test_a_column_has_one_entry_a_recording():
    subject = pd.DataFrame({"subject": ["a", "b"]}, index=[1, 0])
    with pytest.raises(ValueError, match=r"shape \(2, 1\): give one entry a recording"):
        Recordings([[1.0], [2.0]], sfreq=10, subject=subject)


def test_only_images_stay_bytes():
    signals = pd.DataFrame({"signal": [np.full(3, 200, np.uint8)], "sfreq": 10.0})
    assert Recordings.from_frame(signals).values.dtype == np.float32
    images = pd.DataFrame({"signal": [np.zeros((2, 3, 4), np.uint8)], "sfreq": 10.0})
    assert Recordings.from_frame(images).values.dtype == np.uint8


# -- types of columns --------------------------------------------------------------------------

TYPED = {
    "object": pd.Series(["a", None, "b"], dtype=object),
    "mixed": pd.Series(["1", 1, None], dtype=object),
    "string": pd.Series(["a", None, "b"], dtype="string"),
    "Int64": pd.Series([2**60 + 1, None, 3], dtype="Int64"),
    "boolean": pd.Series([True, None, False], dtype="boolean"),
    "categories": pd.Series(pd.Categorical(["b", None, "a"], ["b", "a", "c"], ordered=True)),
    "zone": pd.Series(
        pd.DatetimeIndex(["2020-10-25T01:30Z", None, "2021-01-01T00Z"])
    ).dt.tz_convert("Europe/Berlin"),
    "durations": pd.Series(np.array([1, -5, 10**10], dtype="timedelta64[ns]")),
    "float32": pd.Series([0.1, np.nan, 2], dtype="float32"),
    "uint8": pd.Series([1, 2, 255], dtype="uint8"),
}


@pytest.mark.parametrize("kind", TYPED)
def test_columns_keep_their_types(kind, tmp_path):
    column = TYPED[kind].set_axis([7, 3, 5])  # whatever its index
    X = Recordings(np.zeros((3, 4)), sfreq=10, note=column)
    kept = {
        "constructor": X,
        "with_columns": X.with_columns(note=1).with_columns(note=column),
        "frame": Recordings.from_frame(X.to_frame()),
        "frame of another index": Recordings(X.to_frame().set_axis([9, 4, 1])),
        "pickle": pickle.loads(pickle.dumps(X)),
        "rows": Recordings.concat([X[[0, 1]], X[[2]]]),
    }
    if kind != "mixed":  # which Parquet has no type for
        X.to_frame().to_parquet(tmp_path / "x.parquet")
        kept["Parquet"] = Recordings.from_frame(pd.read_parquet(tmp_path / "x.parquet"))
    for way, again in kept.items():
        expected = TYPED[kind]
        if (way, kind) == ("Parquet", "object"):
            expected = again["note"].astype(object).where(again["note"].notna(), None)
            assert expected.tolist() == TYPED[kind].tolist()
            continue
        pd.testing.assert_series_equal(again["note"], expected, check_names=False, obj=way)
    assert joblib.hash(kept["pickle"]) == joblib.hash(X) == joblib.hash(kept["rows"])


def test_columns_of_one_name_are_refused():
    frame = make().to_frame().assign(age=1)
    frame = pd.concat([frame, frame[["age"]]], axis=1)
    with pytest.raises(ValueError, match=r"several columns \['age'\]: name them differently"):
        Recordings.from_frame(frame)


def test_rates_that_are_no_numbers_and_samples_beyond_float32_are_named():
    with pytest.raises(ValueError, match="sfreq='10 kHz' must be numbers: give rates in hertz"):
        Recordings([[0.1, 0.2]], sfreq="10 kHz")
    for rates in ("10", ["10000"], np.array(["10000"]), pd.Series(["10000"], dtype=object)):
        with pytest.raises(ValueError, match=r"sfreq=.*10.* must be numbers"):
            Recordings([[0.1, 0.2]], sfreq=rates)
    with pytest.raises(InvalidRecordingsError, match="row 0: 1 of 2 samples NaN or infinite"):
        Recordings([[1e300, 0.2]], sfreq=10_000)  # without NumPy's warning, which would be an error


def test_truth_values_are_no_rates():
    with pytest.raises(ValueError, match="sfreq is True, which is not a rate: give rates in hertz"):
        Recordings([[0.1, 0.2]], sfreq=True)
    for rates in ([True, True], [10_000, True], np.array([False, True])):
        with pytest.raises(
            ValueError, match=r"sfreq is (True|False) in rows? [01].* is not a rate"
        ):
            Recordings([[0.1, 0.2]] * 2, sfreq=rates)
    with pytest.raises(ValueError, match="sfreq is True in row 0, which is not a rate"):
        Recordings(pd.DataFrame({"signal": [[0.1, 0.2]], "sfreq": [True]}))
    X = make().with_columns(sfreq=True)
    with pytest.raises(InvalidRecordingsError, match=r"row 0: sampling rate True \(give `sfreq`"):
        X.validate()
