"""Signals that are hardly needle EMG in millivolts are warned of, once, where they come in."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sknemg import (
    BandPass,
    Downsampler,
    ImplausibleWarning,
    InterferenceFeatures,
    MuapFeatures,
    Recordings,
    Segmenter,
)
from sknemg.datasets import find_flaws
from sknemg.simulate import make_resting

NOISE = np.random.default_rng(0).normal(scale=0.2, size=(4, 2000)).astype(np.float32)
WRONG = [
    (1000 * NOISE[0], "a peak above 50 mV, as with a wrong unit or scale: row 1 \\(7.. mV\\)"),
    (np.rint(1000 * NOISE[0]).astype(np.int16), "whole numbers only, .*: row 1 \\(-7.. to 6..\\)"),
    (np.rint(50 * NOISE[0]).astype(np.int16), "whole numbers only, .*: row 1 \\(-.. to ..\\)"),
    (1e-3 * NOISE[0], "an rms below 0.3 µV .*: row 1 \\(0.2 µV\\)"),
    (np.zeros(2000), "one value throughout, .*: row 1 \\(0 mV\\)"),
    (np.full(2000, 0.3), "one value throughout, .*: row 1 \\(0.3 mV\\)"),
]
NAMES = ["microvolts", "counts", "few counts", "volts", "off", "offset"]


@pytest.mark.parametrize(("signal", "message"), WRONG, ids=NAMES)
def test_each_kind_is_named_with_its_row_and_value(signal, message):
    with pytest.warns(ImplausibleWarning, match=message) as caught:
        Recordings([NOISE[1], signal, NOISE[2]], sfreq=10_000)
    assert len(caught) == 1 and caught[0].filename == __file__
    first, *_, last = str(caught[0].message).splitlines()
    assert first.startswith("1 of 3 recordings do not look like")
    assert last.startswith("Give Recordings the `unit` of the signals")


def test_one_warning_names_all_and_is_not_repeated_of_what_is_made_of_them():
    with pytest.warns(ImplausibleWarning) as caught:
        X = Recordings([1000 * NOISE[0], 0 * NOISE[1], NOISE[2], 900 * NOISE[3]], sfreq=10_000)
        X[1:], X[[0, 3]].with_columns(subject="a"), Recordings.concat([X, X])
        Segmenter(0.1, 0.1).fit_transform(Downsampler(5000).fit_transform(X))
    assert len(caught) == 1
    _, peak, off, _ = str(caught[0].message).splitlines()
    assert ": row 0 (" in peak and ", row 3 (" in peak and off.endswith(": row 1 (0 mV)")


@pytest.mark.parametrize("unit", ["uV", "V", "nV"])
def test_signals_of_a_named_unit_are_judged_in_millivolts(unit):
    factor = {"uV": 1e3, "V": 1e-3, "nV": 1e6}[unit]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        X = Recordings(list(factor * NOISE), sfreq=10_000, unit=unit)
        Recordings([np.rint(1000 * NOISE[0]).astype(np.int16)], sfreq=10_000, unit="uV")
    np.testing.assert_allclose(X.values, NOISE.ravel(), rtol=1e-6)


CONTAINERS = {
    "frame": lambda rows: pd.DataFrame({"signal": list(rows), "sfreq": 10_000.0}),
    "list": list,
    "array": np.asarray,
}


@pytest.mark.parametrize("make", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize("first", [Downsampler, BandPass])
def test_other_containers_are_looked_at_once_where_their_signals_end(make, first):
    known = make is CONTAINERS["frame"]
    given = {} if known else {"input_sfreq": 10_000}
    then = {} if known else {"input_sfreq": 5000 if first is Downsampler else 10_000}
    before = first(5000, **given) if first is Downsampler else first(**given)
    model = make_pipeline(before, Segmenter(0.1, 0.1, **then))
    with pytest.warns(ImplausibleWarning, match="peak above .*row 1 ") as caught:
        model.fit_transform(make([NOISE[0], 1000 * NOISE[1]]))
    assert len(caught) == 1 and caught[0].filename == __file__
    with pytest.warns(ImplausibleWarning, match="peak above .*row 0"):
        Recordings.from_frame(CONTAINERS["frame"](1000 * NOISE))


@pytest.mark.parametrize("step", [Segmenter(0.1), MuapFeatures(), InterferenceFeatures(0.1)])
def test_each_step_that_signals_end_in_looks_at_them(step):
    frame = CONTAINERS["frame"]([NOISE[0], 0 * NOISE[1]]).set_axis(["S1 left", "S1 right"])
    with pytest.warns(ImplausibleWarning, match="row 'S1 right' .0 mV") as caught:
        step.fit_transform(frame)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        X = Recordings(list(NOISE), sfreq=10_000)
        step.fit_transform(X.with_values(1e3 * X.values))  # Recordings were looked at


@pytest.mark.parametrize("make", [CONTAINERS["frame"], list])
def test_a_table_of_motor_units_looks_at_signals_as_well(make):
    step = MuapFeatures(input_sfreq=10_000)
    with pytest.warns(ImplausibleWarning, match="row 1 .0 mV") as caught:
        step.to_frame(make([NOISE[0], 0 * NOISE[1]]))
    assert len(caught) == 1 and caught[0].filename == __file__


def test_folds_of_a_frame_name_the_rows_of_the_whole():
    frame = CONTAINERS["frame"](np.concatenate([NOISE, NOISE[::-1]])[:6])
    frame["signal"] = [
        1000 * wave if row in (1, 5) else wave for row, wave in enumerate(frame["signal"])
    ]
    ends_in = FunctionTransformer(lambda rows: [[np.std(items)] for items in rows["signal"]])
    model = make_pipeline(Downsampler(5000), Segmenter(0.1), ends_in, DummyClassifier())
    with pytest.warns(ImplausibleWarning) as caught:
        cross_validate(model, frame, [*"ababab"], cv=3)
    texts = [str(one.message) for one in caught]
    assert len(texts) == len(set(texts)) <= 6  # a training and a test set in each of 3 folds
    assert {row for text in texts for row in re.findall(r"row (\d+)", text)} == {"1", "5"}


def test_simulated_clips_at_rest_and_an_amplifier_alone_raise_no_alarm():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        X, _ = make_resting(1, n_clips=6, duration=0.3, sfreq=10_000, random_state=0)
        Recordings(X.to_frame())
        noise = np.random.default_rng(0).normal(scale=0.0012, size=(2, 20_000))  # 1.2 µV
        quiet = Recordings(noise, sfreq=10_000)
        for step in (Downsampler(1000), BandPass(20, 450)):
            Recordings.from_frame(step.fit_transform(quiet).to_frame())
            assert find_flaws(step.fit_transform(quiet)).empty


def test_an_array_with_the_times_in_its_rows_is_noticed():
    with pytest.warns(ImplausibleWarning, match="whose columns are the recordings: row 0 .4 samp"):
        Recordings(NOISE.T, sfreq=10_000)


def test_kilohertz_given_for_hertz_are_noticed():
    with pytest.warns(ImplausibleWarning, match="sampled below 500 Hz, .*: row 0 .48 Hz., row 1"):
        Recordings(NOISE, sfreq=48)
    X = Recordings(NOISE, sfreq=1000)
    with pytest.warns(ImplausibleWarning, match="sfreq=10 keeps nothing above 5 Hz: give hertz"):
        Downsampler(10).fit_transform(X)
    frame = CONTAINERS["frame"](NOISE).assign(sfreq=48.0)
    with pytest.warns(ImplausibleWarning, match="sampled below 200 Hz, .*: row 0 .48 Hz"):
        Segmenter(1, 1).fit_transform(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Downsampler(500).fit_transform(X)


def test_a_low_rate_that_was_asked_for_is_warned_of_once():
    model = make_pipeline(Downsampler(400, input_sfreq=10_000), Segmenter(0.1, input_sfreq=400))
    with pytest.warns(ImplausibleWarning, match="sfreq=400 keeps nothing above 200 Hz") as caught:
        model.fit_transform(NOISE)
    assert len(caught) == 1 and caught[0].filename == __file__


def test_the_whole_is_looked_at_where_the_first_samples_are_whole_numbers():
    quiet_start = NOISE[0].copy()
    quiet_start[:1000] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Recordings([quiet_start], sfreq=10_000)
