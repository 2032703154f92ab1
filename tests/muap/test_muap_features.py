"""Motor units as items that vote: features, ragged and empty rows, the registry."""

import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

import sknemg.muap.features as muap_features
from sknemg import (
    DiVoteClassifier,
    InvalidRecordingsError,
    MuapFeatures,
    Recordings,
    SubjectKFold,
    SubjectScorer,
)
from sknemg.evaluation import Protocol, evaluate
from sknemg.inspection import (
    ConfusionMatrixDisplay,
    MispredictionDisplay,
    SimplexDisplay,
    SubjectSheetDisplay,
    TraceDisplay,
    VoteHeatmapDisplay,
    diagnosis_drivers,
)
from sknemg.muap import MotorUnit, jiggle, known_features, measure_muap, measure_muaps
from sknemg.muap.features import _REGISTRY, FEATURES, muap_feature

SFREQ = 20_000
WAVE = np.interp(np.arange(81), [0, 20, 30, 40, 80], [0, 0.1, -0.6, 0.15, 0])


def one_unit(rng, size=1.0, seconds=2.0, sfreq=SFREQ, rate=10.0):
    """Recording of one unit; of noise alone with ``size=0``."""
    signal = rng.normal(0, 0.003, size=round(seconds * sfreq))
    wave = np.interp(np.arange(0, 80.01, SFREQ / sfreq), np.arange(81), WAVE)
    times = np.cumsum(rng.normal(1 / rate, 0.12 / rate, size=round(seconds * rate)))
    for start in np.round(times[times < seconds - 0.05] * sfreq).astype(int):
        signal[start : start + len(wave)] += size * wave
    return signal


@pytest.fixture(scope="module")
def cohort():
    """Nine subjects of two recordings; rows 3, 11 and all of S4 (8, 9) hold no unit."""
    rng = np.random.default_rng(0)
    sizes = np.repeat(1 + 2.0 * (np.arange(9) % 3), 2)
    sizes[[3, 8, 9, 11]] = 0
    X = Recordings(
        [one_unit(rng, size) for size in sizes],
        sfreq=SFREQ,
        subject=np.repeat([f"S{k}" for k in range(9)], 2),
        muscle=["deltoid", "biceps brachii"] * 9,
    )
    return X, np.repeat(["myopathy", "neuropathy", "normal"] * 3, 2)


def make_pipe(**params):
    return make_pipeline(MuapFeatures(["size_index"]), DiVoteClassifier(GaussianNB(), **params))


@pytest.fixture(scope="module")
def fitted(cohort):
    with pytest.warns(UserWarning, match="without a single motor unit have no vote, rows 8, 9"):
        return make_pipe().fit(*cohort)


@pytest.fixture
def quiet():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Subjects without a single motor unit")
        warnings.filterwarnings("ignore", "(?s).*3 fits failed")  # where nobody has a unit
        yield


# -- rows --------------------------------------------------------------------------------------


def test_a_row_holds_the_units_of_its_recording(cohort):
    X, _ = cohort
    units = MuapFeatures().fit_transform(X)
    assert np.flatnonzero(units.lengths == 0).tolist() == [3, 8, 9, 11]
    assert units.item_shape == (len(FEATURES),)
    assert units["subject"].tolist() == X["subject"].tolist()
    for row in (0, 3, 5):
        table = measure_muaps(X[row], SFREQ)
        assert len(units[row]) == len(table)
        for name in ("amplitude", "duration", "irregularity", "rate"):
            np.testing.assert_allclose(units[row][:, FEATURES.index(name)], table[name], rtol=1e-6)


def test_parallel_equals_serial_and_a_row_does_not_depend_on_others(cohort):
    X, _ = cohort
    serial = MuapFeatures().transform(X)
    with joblib.parallel_config(backend="threading"):
        assert serial.equals(MuapFeatures(n_jobs=2).transform(X))
    assert serial[[5]].equals(MuapFeatures().transform(X[[5]]))


def test_rates_may_differ():
    rng = np.random.default_rng(0)
    signals = [one_unit(rng, 1.0, sfreq=sfreq) for sfreq in (10_000, 23_437.5, 48_000)]
    X = Recordings(signals, sfreq=[10_000, 23_437.5, 48_000])
    table = MuapFeatures().to_frame(X)
    assert table.index.tolist() == [0, 1, 2]
    np.testing.assert_allclose(table["amplitude"], 0.75, rtol=0.05)
    np.testing.assert_allclose(table["duration"], table["duration"].median(), atol=2e-4)
    templates = MuapFeatures(return_templates=True).transform(X)
    assert templates.values.shape == (3, 1001)
    assert templates["sfreq"].tolist() == [SFREQ] * 3
    middle = templates.values[:, 500]  # the discharge, where all have their trough
    np.testing.assert_allclose(middle, templates.values.min(axis=1), rtol=0.1)
    for wave, amplitude in zip(templates.values, table["amplitude"], strict=True):
        assert measure_muap(wave, SFREQ)["amplitude"] == pytest.approx(amplitude, rel=0.03)


def test_containers_give_back_their_kind():
    rng = np.random.default_rng(0)
    signals = np.array([one_unit(rng, 1.0), one_unit(rng, 0.0)])
    step = MuapFeatures(["amplitude"], input_sfreq=SFREQ)
    ragged = step.transform(signals)
    assert ragged.dtype == object
    assert [row.shape for row in ragged] == [(1, 1), (0, 1)]
    assert step.transform(signals[:1]).shape == (1, 1, 1)
    assert [row.shape for row in step.transform(list(signals))] == [(1, 1), (0, 1)]
    frame = pd.DataFrame({"signal": list(signals), "sfreq": SFREQ}, index=["a", "b"])
    assert MuapFeatures(["amplitude"]).transform(frame).index.tolist() == ["a", "b"]


def test_a_table_names_what_is_known_and_what_was_measured(cohort):
    X = cohort[0][[3, 0]].with_columns(recording=["N1", "N2"])
    table = MuapFeatures(["amplitude"]).to_frame(X)
    assert table.columns.tolist() == ["subject", "muscle", "recording", "amplitude"]
    assert (table.index.tolist(), table["recording"].tolist()) == ([1], ["N2"])
    with pytest.raises(ValueError, match=r"named like features, \['amplitude'\]: rename them"):
        MuapFeatures(["amplitude"]).to_frame(X.with_columns(amplitude=1.0))


def test_no_table_holds_ragged_rows():
    with pytest.raises(AttributeError, match="no table holds what it makes"):
        MuapFeatures().set_output(transform="pandas")


# -- features ----------------------------------------------------------------------------------


def jittering(rng, jitter, noise, n_sweeps=60):
    """A unit of two spikes 0.6 ms apart, the second of which jitters."""
    time = np.arange(1001) - 450
    lags = 12 + rng.normal(0, jitter * SFREQ, size=(n_sweeps, 1))
    first = np.interp(time, np.arange(81), WAVE)
    sweeps = 2 * (first + np.interp(time - lags, np.arange(81), WAVE))
    sweeps += rng.normal(0, noise, sweeps.shape)
    times = np.arange(n_sweeps) / 10
    return MotorUnit(np.median(sweeps, 0), sweeps, times, SFREQ, {"noise": 0.003}, np.ones(1))


def test_jiggle_grows_with_jitter_and_not_with_noise():
    rng = np.random.default_rng(0)
    found = {
        (jitter, noise): jiggle(jittering(rng, jitter, noise))
        for jitter in (0.0, 25e-6, 75e-6)
        for noise in (0.0, 0.01)
    }
    assert found[0.0, 0.0] < 1e-6
    assert found[75e-6, 0.0] > 2 * found[25e-6, 0.0] > 0.05
    assert found[0.0, 0.01] < 0.5 * found[25e-6, 0.0]
    for jitter in (25e-6, 75e-6):
        assert found[jitter, 0.01] == pytest.approx(found[jitter, 0.0], rel=0.3)


def test_recruitment_ratio_is_of_the_recording():
    rng = np.random.default_rng(0)
    signal = one_unit(rng, 1.0, seconds=6, rate=12) - one_unit(rng, 4.0, seconds=6, rate=8)
    table = MuapFeatures(["rate", "recruitment_ratio"]).to_frame(Recordings([signal], sfreq=SFREQ))
    assert len(table) == 2
    np.testing.assert_allclose(table["recruitment_ratio"], table["rate"].max() / 2, rtol=1e-5)


def test_satellites_and_spike_duration_by_hand():
    wave = np.interp(np.arange(1001), [420, 460, 500, 540, 580], [0, 0.2, -0.8, 0.2, 0])
    late = wave + np.interp(
        np.arange(1001), [650, 660, 670, 740, 750, 760], [0, 0.1, 0, 0, -0.1, 0]
    )
    alone, both = measure_muap(wave, SFREQ), measure_muap(late, SFREQ)
    assert (alone["satellites"], both["satellites"]) == (0, 2)
    assert both["spike_duration"] == alone["spike_duration"] == pytest.approx(4e-3)  # 460 to 540
    assert alone["irregularity"] == pytest.approx(2.4)  # 0.2 + 1 + 1 + 0.2 mV over 1 mV
    assert measure_muap(-2 * late, SFREQ)["irregularity"] == pytest.approx(2.4)


@pytest.fixture
def registry():
    before = dict(_REGISTRY)
    yield
    _REGISTRY.clear()
    _REGISTRY.update(before)


def test_users_extend_the_registry(cohort, registry):
    @muap_feature
    def depth(unit):
        return -unit.template.min()

    assert known_features()[-1] == "depth"
    X = cohort[0][[0]]
    by_name = MuapFeatures(["depth"]).transform(X).values
    np.testing.assert_array_equal(by_name, MuapFeatures([depth]).transform(X).values)
    assert by_name[0, 0] == pytest.approx(0.6, rel=0.05)
    muap_feature(depth)  # again, as on a reload
    nothing.__name__, name = "depth", nothing.__name__
    with pytest.raises(ValueError, match="'depth' is registered already"):
        muap_feature(nothing)
    nothing.__name__ = name


def nothing(unit):
    return np.nan


def several(unit):
    return np.array([unit.measures["amplitude"], unit.measures["rate"]])


def words(unit):
    return "0.5"


def missing(unit):
    return None


def loud(unit):
    return np.array(unit.measures["amplitude"] > 0.1)


def test_a_feature_may_be_a_truth_value_or_an_array_without_axes(cohort):
    found = MuapFeatures([loud, "amplitude"]).transform(cohort[0][[0]])
    assert found.lengths.tolist() == [1]
    assert found.values[0, 0] == 1


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (["amplitud"], r"holds \['amplitud'\], which no function is registered for"),
        (["phases", "phases"], r"holds \['phases'\] more than once"),
        ([], "features is empty"),
        ([3], "features holds 3: give names or functions"),
        ([nothing], "The features nothing are NaN or infinite in rows 0, 4, 5"),
        (
            ["amplitude", several],
            r"feature several returned \[0\.\d+, 9\.\d+\] for .* in row 0: let",
        ),
        (
            [words],
            "feature words returned '0.5' for a motor unit in row 0: let it return one number",
        ),
        ([missing], "feature missing returned None for a motor unit in row 0"),
    ],
)
def test_features_that_cannot_be_are_refused(cohort, features, message):
    with pytest.raises(ValueError, match=message):
        MuapFeatures(features).transform(cohort[0][[0, 3, 8, 9, 10, 5]])


def test_recordings_sampled_too_low_are_named():
    X = Recordings(np.random.default_rng(0).normal(0, 0.1, (3, 9000)), sfreq=[48_000, 1000, 1499])
    with pytest.raises(InvalidRecordingsError) as caught:
        MuapFeatures().transform(X)
    assert "row 1: sampled at 1000 Hz, too low to show motor units (give" in str(caught.value)
    assert caught.value.problems["row"].tolist() == [1, 2]


# -- votes -------------------------------------------------------------------------------------


def test_units_vote(cohort, fitted, quiet):
    X, y = cohort
    levels = fitted[-1].levels(fitted[0].transform(X))
    assert levels.items["recording"].tolist() == [k for k in range(18) if k not in (3, 8, 9, 11)]
    assert levels.recordings["normal"].isna().sum() == 4
    known = levels.subjects.drop("S4")
    assert known["prediction"].tolist() == [y[2 * k] for k in range(9) if k != 4]
    assert levels.subjects.loc["S4", "n_items"] == 0
    np.testing.assert_allclose(levels.votes.loc["S4"], 1 / 3)  # an unknown
    # An empty recording has no say: without it the subject is answered the same.
    with_it = fitted.predict_proba(X[[2, 3]])
    np.testing.assert_allclose(with_it[0], fitted.predict_proba(X[[2]])[0])


@pytest.mark.filterwarnings("ignore:Subjects without a single motor unit")
def test_a_class_without_units_is_named(cohort):
    X, y = cohort
    y = y.copy()
    y[8:10] = "rare"
    with pytest.warns(UserWarning, match=r"diagnosis of \['rare'\] has a motor unit"):
        make_pipe().fit(X, y)


def test_folds_and_inputs_without_any_unit_are_named(cohort):
    X, y = cohort
    units = MuapFeatures(["amplitude"]).transform(X)
    with pytest.raises(ValueError, match="No recording has a motor unit: record longer"):
        DiVoteClassifier(LogisticRegression()).fit(units[[3, 8]], ["a", "b"])
    folds = [([0, 1, 2], [3, 4]), ([3, 4], [0, 1, 2])]
    rows, labels = units[[0, 4, 5, 8, 9]], y[[0, 4, 5, 8, 9]]
    with (
        pytest.raises(ValueError, match="on recordings without a single item"),
        pytest.warns(UserWarning),
    ):
        DiVoteClassifier(LogisticRegression(), cv=folds).fit(rows, labels, groups=list("abcde"))


def test_searches_scorers_and_evaluations_carry_empty_rows(cohort, quiet):
    X, y = cohort
    units = MuapFeatures(["size_index"]).transform(X)
    search = GridSearchCV(
        DiVoteClassifier(GaussianNB()),
        {"cv": [None, 2], "final_estimator": [None, "logistic"]},
        cv=SubjectKFold(3),
        scoring=SubjectScorer("accuracy"),
        error_score="raise",
    )
    assert search.fit(units, y).best_score_ > 0.7
    result = evaluate({"units": make_pipe()}, X, y, protocol=Protocol("three", n_splits=3))
    assert len(result.subjects) == 9
    assert len(result.items) == 14


def test_displays_carry_empty_rows(cohort, fitted, quiet):
    X, y = cohort
    for display in (SimplexDisplay, VoteHeatmapDisplay, ConfusionMatrixDisplay):
        display.from_estimator(fitted, X, y)
    wrong = np.where(X["subject"] == "S0", "normal", y)
    assert len(MispredictionDisplay.from_estimator(fitted, X, wrong).X) == 14
    for subject in ("S1", "S4"):
        diagnosis_drivers(fitted, X, subject)
    for draw in (
        lambda: TraceDisplay.from_estimator(fitted, X, 0),
        lambda: SubjectSheetDisplay.from_estimator(fitted, X, "S1"),
    ):
        with pytest.raises(ValueError, match="a motor unit, which is no stretch of time"):
            draw()


def test_pickle_answers_the_same(cohort, fitted, quiet):
    X, _ = cohort
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict_proba(X), fitted.predict_proba(X))


def test_default_features_are_as_documented():
    assert set(FEATURES) <= set(known_features())
    text = " ".join(MuapFeatures.__doc__.split())
    assert all(f'"{name}"' in text for name in FEATURES)


def test_recordings_are_measured_once_in_a_process(monkeypatch):
    """A fold brings the same recordings again; a change of a sample or a limit measures anew."""
    calls = []
    real = muap_features.find_units

    def counting(signal, sfreq, **limits):
        calls.append(len(signal))
        return real(signal, sfreq, **limits)

    monkeypatch.setattr(muap_features, "find_units", counting)
    monkeypatch.setattr(muap_features, "_MEASURED", {})
    monkeypatch.setattr(muap_features, "_REMEMBERED", 3)
    signals = np.random.default_rng(0).normal(scale=0.01, size=(2, 20_000))
    X = Recordings(signals, sfreq=20_000, subject=["S1", "S2"])
    first = MuapFeatures().fit_transform(X)
    again = MuapFeatures().fit_transform(X[[1, 0]])
    assert len(calls) == 2
    assert first.lengths.tolist() == again.lengths.tolist()[::-1]
    MuapFeatures(min_amplitude=0.1).fit_transform(X[[0]])
    changed = X.with_values(X.values + np.float32(1e-3), X.offsets)
    MuapFeatures().fit_transform(changed[[0]])
    assert len(calls) == 4
    assert len(muap_features._MEASURED) == 3  # the oldest is forgotten
    MuapFeatures([lambda unit: 1.0]).fit_transform(X[[0]])
    MuapFeatures([lambda unit: 1.0]).fit_transform(X[[0]])
    assert len(calls) == 6  # what a user's own function gives may change


def test_what_workers_measured_is_remembered_here(monkeypatch):
    monkeypatch.setattr(muap_features, "_MEASURED", {})
    signals = np.random.default_rng(0).normal(0, 0.01, size=(3, 4000))
    X = Recordings(signals[[0, 1, 2, 0]], sfreq=20_000)
    with parallel_config(backend="threading"):
        units = MuapFeatures(n_jobs=2).transform(X)
    assert len(muap_features._MEASURED) == 3  # two rows hold the same signal
    monkeypatch.setattr(muap_features, "_measured", None)  # would fail if it were called
    assert MuapFeatures().transform(X).lengths.tolist() == units.lengths.tolist()
