"""Any container in, the same container out, read in one place by all estimators."""

import numpy as np
import pandas as pd
import pytest
from _toy import Spy, toy_segments

from sknemg import DiVoteClassifier, Downsampler, InvalidRecordingsError, Recordings
from sknemg.recordings._convert import is_ragged, to_recordings, unpack

pytestmark = pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")  # toy signals


def ragged():
    return [np.arange(n, dtype=float) for n in (40, 60, 40)]


def objects(rows):
    array = np.empty(len(rows), dtype=object)
    for at, row in enumerate(rows):
        array[at] = row
    return array


SIGNALS = {
    "Recordings": lambda rows: Recordings(rows, sfreq=20.0),
    "frame": lambda rows: pd.DataFrame({"signal": rows, "sfreq": 20.0}, index=[5, 6, 7]),
    "frame without rate": lambda rows: pd.DataFrame({"signal": rows}),
    "list": list,
    "tuple": tuple,
    "lists": lambda rows: [row.tolist() for row in rows],
    "Series": lambda rows: [pd.Series(row) for row in rows],
    "one Series": lambda rows: pd.Series(rows, index=[5, 6, 7], name="emg"),
    "objects": objects,
    "objects of equal length": lambda rows: objects([row[:40] for row in rows]),
    "array": lambda rows: np.stack([row[:40] for row in rows]),
}


@pytest.mark.parametrize("kind", SIGNALS)
def test_signals_come_back_in_their_container(kind):
    X = SIGNALS[kind](ragged())
    rate = None if kind in ("Recordings", "frame") else 20.0
    back = Downsampler(10, input_sfreq=rate).fit_transform(X)
    assert type(back) is (list if kind in ("tuple", "lists", "Series") else type(X))
    assert len(back) == 3
    expected = Downsampler(10).fit_transform(Recordings(ragged(), sfreq=20.0))
    rows = back["signal"] if isinstance(back, pd.DataFrame) else back
    if "equal" not in kind and kind != "array":
        for row, want in zip(rows, expected, strict=True):
            np.testing.assert_allclose(row, want, atol=1e-5)
    if isinstance(X, (pd.DataFrame, pd.Series)):
        assert back.index.equals(X.index)
        assert getattr(back, "name", None) == getattr(X, "name", None)


SEGMENTS = {
    "Recordings": lambda X: X,
    "frame": lambda X: X.to_frame(),
    "frame without rate": lambda X: X.to_frame().drop(columns="sfreq"),
    "list": list,
    "tuple": tuple,
    "objects": lambda X: objects(list(X)),
    "one Series": lambda X: pd.Series(list(X), index=np.arange(len(X))[::-1]),
    "lists": lambda X: [row.tolist() for row in X],
}


@pytest.mark.parametrize("kind", SEGMENTS)
def test_votes_are_the_same_whatever_the_container(kind):
    X, y = toy_segments()
    same = SEGMENTS[kind](X)
    groups = X["subject"].to_numpy()
    model = DiVoteClassifier(Spy(), subject_features="all")
    expected = model.fit(X, y, groups).predict_proba(X, groups)
    got = model.fit(same, y, groups).predict_proba(same, groups)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    "X",
    [
        np.zeros((3, 4)),
        [[1, 2], [3, 4]],
        pd.DataFrame({"a": [1]}),
        pd.Series([1.0, 2]),
        pd.Series("a"),
    ],
    ids=type,
)
def test_tables_of_numbers_are_no_recordings(X):
    assert to_recordings(X) is None
    assert not is_ragged(X)


def test_arrays_of_other_axes_and_unknown_rates_are_refused():
    with pytest.raises(ValueError, match=r"shape \(2, 3, 4, 5\) has 4 axes: give one of 3"):
        unpack(np.zeros((2, 3, 4, 5)), item_ndim=1, input_sfreq=10)
    for kind in ("frame without rate", "list", "objects", "array"):
        with pytest.raises(ValueError, match="sampling rate of this input is unknown"):
            Downsampler(10).fit_transform(SIGNALS[kind](ragged()))


def test_rows_without_a_rate_are_named():
    frame = pd.DataFrame({"signal": ragged(), "sfreq": [20, None, 20], "subject": list("abc")})
    message = r"row 1 \(subject 'b'\): unknown sampling rate \(give `sfreq` in hertz, one rate or"
    with pytest.raises(InvalidRecordingsError, match=message):
        Downsampler(10).transform(frame)
    with pytest.raises(
        InvalidRecordingsError, match=r"3 unusable recordings:\n  row 0 .*: unknown"
    ):
        Downsampler(10).transform(frame.assign(sfreq=np.nan))
