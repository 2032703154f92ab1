"""The table of what differs between the diagnoses beside the disease."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sknemg import Recordings
from sknemg.evaluation import chance_to_find, confounds


def cohort(n=20, each=2, **columns):
    """Subjects of two diagnoses with some recordings each; columns by subject or recording."""
    rng = np.random.default_rng(0)
    rows = n * each
    columns = {name: np.asarray(c) for name, c in columns.items()}
    columns = {k: np.repeat(c, each) if len(c) == n else c for k, c in columns.items()}
    X = Recordings(
        rng.normal(size=(rows, 100)), sfreq=100, subject=np.repeat(range(n), each), **columns
    )
    return X, np.repeat(np.resize(["ill", "well"], n), each)


def test_every_column_is_looked_at():
    n = 20
    even = np.arange(n) % 2 == 0  # the ill
    X, y = cohort(
        n,
        age=np.where(even, 60.0, 30.0) + np.arange(n),
        hospital=np.where(even, "North", "South"),
        date=[f"20{10 + i:02d}-03-01" for i in range(n)],
        seen=pd.date_range("2020-01-01", periods=n, freq="D"),
        filtered=even,
        coffee=np.resize([1, 1, 2, 2], n),
        empty=np.full(n, np.nan),
        serial=[f"{i}-A" for i in range(2 * n)],
    )
    table = confounds(X, y)
    assert table.columns.tolist() == ["ill", "well", "counted", "p", "test"]
    assert table.loc["age", "ill"].startswith("69.0 ± ")
    assert table.loc["date", "ill"].startswith("2019-03-01 ± ")
    assert table.loc["seen", "well"] == "2020-01-11 ± 6 days"
    assert table.loc["hospital: North", ["ill", "well"]].tolist() == ["10 (100.0 %)", "0 (0.0 %)"]
    assert table.loc["filtered: False", "p"] < 0.01
    assert table.loc["coffee: 1", "ill"] == "5 (50.0 %)"
    assert table.loc["serial", ["ill", "well"]].tolist() == ["20 different", "20 different"]
    assert table.loc["length (s)", "ill"] == "1.0 ± 0.0" and np.isnan(table.loc["length (s)", "p"])
    assert {"offset (mV)", "clipped share", "recordings per subject"} <= set(table.index)
    assert not [name for name in table.index if name.startswith(("empty", "subject:"))]
    known = stats.kruskal(X["age"][y == "ill"][::2], X["age"][y == "well"][::2]).pvalue
    assert table.loc["age", "p"] == pytest.approx(known)
    assert table.loc["hospital: North", "p"] == pytest.approx(1 / 2000)


def test_the_samples_that_loaders_count_at_the_limits_are_a_number_not_names():
    """Two recordings of N2001 that touch the rail once had a row each, as entries of a name."""
    X, y = cohort(20, clipped=np.r_[np.zeros(18), 3047, 3095])
    table = confounds(X, y)
    named = [name for name in table.index if name.startswith(("clipped:", "samples at"))]
    assert named == ["samples at the limits of the format"]
    assert table.loc[named[0], "test"] == "Kruskal-Wallis of subjects"


def test_the_diagnoses_and_the_names_of_files_are_no_confounds():
    y = ["myopathy", "myopathy", "normal", "normal"]
    X = Recordings(
        np.zeros((4, 100)),
        sfreq=100,
        subject=list("abcd"),
        diagnosis=y,
        file=["a.wav", "b.wav", "c.wav", "d.wav"],
        recording=["R1", "R2", "R3", "R4"],
        machine=["U", "U", "V", "V"],
    )
    rows = confounds(X, y).index
    assert not rows[rows.str.match("(diagnosis|file|recording)(:|$)")].size
    assert "machine: U" in rows  # tells the diagnoses apart, but does not name them
    coded = X.with_columns(machine=[0, 0, 1, 1])
    assert "machine: 1" in confounds(coded, [0, 0, 1, 1]).index


def test_columns_that_vary_within_a_subject_are_kept_and_tested_by_subject():
    """A machine by recording: fifty recordings of two subjects are two pieces of evidence."""
    machine = np.tile(np.repeat(["U", "V"], 25), 4)
    machine[:50] = "U"  # all recordings of one of the ill
    X, y = cohort(4, each=50, machine=machine)
    by_recording = stats.chi2_contingency(pd.crosstab(machine, y)).pvalue
    table = confounds(X, y)
    assert by_recording < 1e-3
    assert table.loc["machine: U", "p"] > 0.4
    assert table.loc["machine: U", ["ill", "well"]].tolist() == ["1.5 (75.0 %)", "1 (50.0 %)"]


def test_p_is_right_where_nothing_differs():
    """Of many columns without a difference, one in twenty has p < 0.05."""
    rng = np.random.default_rng(0)
    columns = {f"c{i}": rng.choice(list("abc"), 40) for i in range(100)}
    X, y = cohort(20, **columns)
    p = confounds(X, y)["p"].filter(regex=r"^c\d")
    p = p.dropna()
    assert len(p) == 100
    assert 0.005 <= (p <= 0.05).mean() <= 0.11


def test_spans_and_months_are_no_names():
    n = 20
    later = np.arange(n) + np.where(np.arange(n) % 2, 40, 0)
    X, y = cohort(n, days=np.arange(n))
    X = X.with_columns(
        since=np.repeat(pd.to_timedelta(later, unit="h"), 2),
        month=np.repeat(pd.PeriodIndex.from_ordinals(600 + later, freq="M"), 2),
        zero=[0.0, -0.0] * n,
    )
    table = confounds(X, y)
    assert table.loc["since (s)", "p"] == table.loc["month", "p"] < 0.001
    assert table.loc["month", "ill"].startswith("2020-")
    assert table.loc["zero: 0", ["ill", "well"]].tolist() == ["10 (100.0 %)"] * 2


def test_numbers_that_differ_late_are_two_entries():
    """Serial numbers, floats since one is missing; and a value that rounding has split."""
    serial = np.resize([20230001.0, 20230002.0], 20)
    serial[3] = np.nan
    X, y = cohort(serial=serial, step=[0.3, 0.1 + 0.2] * 20)
    table = confounds(X, y)
    assert table.loc["serial: 20230001", ["ill", "well"]].tolist() == ["10 (100.0 %)", "0 (0.0 %)"]
    assert table.loc["serial: 20230001", "p"] < 0.01
    assert table.loc["step: 0.3", ["ill", "well"]].tolist() == ["10 (100.0 %)"] * 2


def test_means_of_equal_numbers_are_equal_whatever_the_number_of_recordings():
    """0.1, averaged over three and over seven recordings, differs in the last digit."""
    subject = np.repeat(np.arange(60), np.tile([7, 3], 30))
    y = np.where(subject % 2, "well", "ill")
    gain = np.where(subject > 8, 0.1, 0.1 + subject / 100)
    X = Recordings(np.zeros((len(y), 20)), sfreq=1000, subject=subject, gain=gain)
    each = pd.Series(gain).groupby(subject).first()
    expected = stats.kruskal(each[::2], each[1::2]).pvalue
    assert expected > 0.9
    table = confounds(X, y)
    assert table.loc["gain", "p"] == pytest.approx(expected)
    assert table.loc["length (s)", ["ill", "well"]].tolist() == ["0.02 ± 0"] * 2


def test_a_diagnosis_of_which_nothing_is_known_has_no_share():
    X, y = cohort(sex=[None, "f"] * 10)
    table = confounds(X, y)
    assert table.loc["sex: f", ["ill", "well"]].tolist() == ["–", "10 (100.0 %)"]


@pytest.mark.parametrize("name", ["p", "test", "counted"])
def test_a_diagnosis_may_be_named_as_a_column(name):
    X, y = cohort(machine=["U", "V"] * 10)
    expected = confounds(X, np.where(y == "ill", "a", y))
    table = confounds(X, np.where(y == "ill", name, y))
    assert table.columns.tolist() == [f"{name} (diagnosis)", "well", "counted", "p", "test"]
    pd.testing.assert_frame_equal(table.set_axis(expected.columns, axis=1), expected)


def test_nobody_is_told_of_in_tables_that_leave_the_house():
    n = 20
    names = np.array(["common"] * 17 + ["Rare", "Strange", "Common "])
    X, y = cohort(n, machine=names, examiner=names, age=np.arange(30.0, 50))
    text = confounds(X, y, least=3).reset_index().to_string()
    assert "machine: common" in text and "machine: (others)" in text
    assert "Rare" not in text and "Strange" not in text
    assert "examiner: " not in text and "different" in text
    assert "machine: Rare" in confounds(X, y).index
    few = confounds(X[:16], y[:16], least=5)
    assert few.loc["age", ["ill", "well"]].tolist() == ["–", "–"]


def test_the_chance_to_find_a_difference_is_the_power_of_the_test():
    rng = np.random.default_rng(0)
    draws = stats.ttest_ind(rng.normal(size=(4000, 6)), rng.normal(1, size=(4000, 9)), axis=1)
    assert chance_to_find([6, 9, 50]) == pytest.approx((draws.pvalue < 0.05).mean(), abs=0.02)
    assert np.isnan(chance_to_find([1, 9]))
    assert chance_to_find(np.array([6.0, 9.0])) == chance_to_find([6, 9])


@pytest.mark.parametrize(
    "sizes", [[3], [], 3, [[3, 3]], [3, -1], [3, 2.5], [3, np.nan], ["3", "4"]]
)
def test_a_chance_to_find_is_that_of_two_or_more_diagnoses(sizes):
    with pytest.raises(ValueError, match=r"n_subjects=.* must be two or more whole numbers"):
        chance_to_find(sizes)


@pytest.mark.parametrize("difference", ["large", np.nan, np.inf])
def test_a_difference_to_find_is_a_number(difference):
    with pytest.raises(ValueError, match=r"difference=.* must be a finite number of standard"):
        chance_to_find([3, 3], difference)


def test_a_table_of_signals_is_described_as_recordings_are():
    X, y = cohort(hospital=np.resize(["North", "South"], 20))
    pd.testing.assert_frame_equal(confounds(X.to_frame(), y), confounds(X, y))


def test_what_is_wrong_is_named():
    X, y = cohort()
    y[0] = "well"
    with pytest.raises(ValueError, match="1 subject has more than one diagnosis"):
        confounds(X, y)
    with pytest.raises(ValueError, match=r"X lacks the columns \['subject'\]: add them"):
        confounds(X.to_frame().drop(columns="subject"), y)
    with pytest.raises(ValueError, match="of type list and holds no signals to measure: give"):
        confounds([[1.0, 2.0]], y)
    with pytest.raises(ValueError, match="unknown in row 3: give `sfreq` in hertz"):
        confounds(X.to_frame().assign(sfreq=[100.0] * 3 + [None] + [100.0] * 36), y)
    broken = X.to_frame()
    broken["signal"].iloc[1][7] = np.nan
    with pytest.raises(ValueError, match="row 1: 1 of 100 samples NaN or infinite"):
        confounds(broken, y)
