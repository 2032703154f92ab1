"""Calibration, sets of diagnoses, and what is refused."""

import re
import weakref
from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from scipy.special import softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg import (
    DiVoteClassifier,
    Downsampler,
    JointVoteClassifier,
    Recordings,
    Segmenter,
    SegmentFeatures,
    SubjectKFold,
    SubjectScorer,
    load_model,
    save_model,
)
from sknemg.diagnosis import (
    Diagnosis,
    Diagnostician,
    Plausibility,
    conformal_quantile,
    coverage_range,
    fit_temperature,
    prediction_sets,
    scale_temperature,
)
from sknemg.evaluation.patient import patient_page
from sknemg.recordings import InvalidRecordingsError
from sknemg.signal import resample

SFREQ = 1000.0


def cohort(n_subjects=24, seed=0, effect=0.25, labels=("myopathy", "neuropathy", "normal")):
    """Noise in bursts whose size is the class's and, as strongly, the person's."""
    rng = np.random.default_rng(seed)
    code = np.arange(n_subjects) % 3
    size = np.exp(effect * 2 * code + rng.normal(scale=0.4, size=n_subjects) - 1)
    signals, subject = [], []
    for who in range(n_subjects):
        for _ in range(3):
            n = rng.integers(900, 1300)
            bursts = 0.05 + (np.sin(np.arange(n) / 13 + rng.uniform(0, 6)) > 0.6)
            signals.append((size[who] * bursts * rng.normal(size=n)).astype(np.float32))
            subject.append(f"PATIENT-{seed}-{who:02d}")
    muscle = np.tile(["deltoid", "vastus", "apb"], n_subjects)
    X = Recordings(signals, sfreq=SFREQ, subject=subject, muscle=muscle)
    return X, np.repeat(np.array(labels)[code], 3)


def pipeline():
    linear = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis())
    return make_pipeline(
        Downsampler(500), Segmenter(0.4, 0.2), SegmentFeatures(), DiVoteClassifier(linear)
    )


@pytest.fixture(scope="module")
def trained():
    return Diagnostician(pipeline(), cv=3).fit(*cohort())


# -- calibration -------------------------------------------------------------------------------


def test_the_temperature_of_sharpened_scores_is_found():
    rng = np.random.default_rng(0)
    true = rng.dirichlet([3, 3, 3], size=20_000)
    codes = (true.cumsum(axis=1) > rng.uniform(size=(len(true), 1))).argmax(axis=1)
    sharp = softmax(3 * np.log(true), axis=1)
    temperature = fit_temperature(sharp, codes)
    assert_allclose(temperature, 3, rtol=0.05)
    calibrated = scale_temperature(sharp, temperature)
    assert_allclose(calibrated.sum(axis=1), 1)
    assert_array_equal(calibrated.argsort(axis=1), sharp.argsort(axis=1))
    assert log_loss(codes, calibrated) < log_loss(codes, sharp) - 0.1


def test_scores_without_errors_stay_finite():
    temperature = fit_temperature([[1.0, 0.0]] * 3, [0, 0, 0])
    assert 0.05 <= temperature <= 100
    assert np.isfinite(scale_temperature([[1.0, 0.0]], temperature)).all()


def scores_of(right, n_classes=3):
    """Scores of subjects whose class has that score, and the others the rest in equal shares."""
    codes = np.arange(len(right)) % n_classes
    proba = np.tile(((1 - right) / (n_classes - 1))[:, None], (1, n_classes))
    proba[np.arange(len(right)), codes] = right
    return proba, codes


@pytest.mark.parametrize("score", [0.45, 0.6, 0.9])
@pytest.mark.parametrize("n", [6, 12, 60])
def test_subjects_who_were_all_right_make_no_answer_certain(n, score):
    """Equal scores become what Laplace's rule of succession says, however sure they were."""
    proba, codes = scores_of(np.full(n, score))
    scaled = scale_temperature(proba, fit_temperature(proba, codes))
    assert_allclose(scaled[np.arange(n), codes], (n + 1) / (n + 2), atol=1e-4)


def test_few_subjects_of_unequal_scores_are_on_average_as_sure_as_they_can_say():
    right = [0.69, 0.49, 0.5, 0.54, 0.81, 0.51, 0.45, 0.47, 0.47, 0.78, 0.49, 0.43]
    proba, codes = scores_of(np.array(right))
    temperature = fit_temperature(proba, codes)
    sure = scale_temperature(proba, temperature).max(axis=1).mean()
    assert 0.8 < sure < 12 / 13
    assert scale_temperature([[0.5, 0.27, 0.23]], temperature).max() < 12 / 13


def test_many_subjects_are_smoothed_by_little():
    rng = np.random.default_rng(0)
    true = rng.dirichlet([1, 1, 1], size=2000)
    codes = (true.cumsum(axis=1) > rng.uniform(size=(len(true), 1))).argmax(axis=1)
    both = [fit_temperature(true, codes, smooth=smooth) for smooth in (True, False)]
    assert_allclose(*both, rtol=0.01)


def test_a_temperature_at_a_limit_is_warned_of():
    proba, codes = scores_of(np.full(12, 0.6))
    with pytest.warns(UserWarning, match=r"12 subjects is 0.05, the lowest.* surer than so few"):
        assert_allclose(fit_temperature(proba, codes, smooth=False), 0.05, rtol=1e-3)
    with pytest.warns(UserWarning, match=r"the lowest .*: the scores hardly differ"):
        fit_temperature(*scores_of(np.full(12, 0.34)))
    with pytest.warns(UserWarning, match=r"scores of the 12 subjects say nothing of their cl"):
        fit_temperature(proba, np.roll(codes, 1))


def test_scores_without_a_signal_are_flattened():
    rng = np.random.default_rng(0)
    proba = scale_temperature(rng.dirichlet([0.2] * 3, size=300), 1)
    codes = rng.integers(3, size=300)
    with pytest.warns(UserWarning, match="say nothing of their classes"):
        temperature = fit_temperature(proba, codes)
    assert log_loss(codes, scale_temperature(proba, temperature)) < 1.11


# -- sets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [19, 57])
@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_sets_cover_as_stated(n, coverage):
    """Mean and spread of the coverage over many calibration sets."""
    rng = np.random.default_rng(n)
    shares = []
    for _ in range(600):
        quantile = conformal_quantile(rng.uniform(size=n), coverage)
        new = np.stack([rng.uniform(size=400), np.zeros(400)], axis=1)  # 0: never empty
        shares.append(prediction_sets(1 - new, quantile)[:, 0].mean())
    assert coverage - 0.01 < np.mean(shares) < coverage + 1 / (n + 1) + 0.01
    low, high = coverage_range(n, coverage)
    outside = np.mean((np.array(shares) < low - 0.02) | (np.array(shares) > high + 0.02))
    assert outside < 0.1
    assert high - low > 0.08


@pytest.mark.parametrize("coverage", [90, 1, 0, -0.2, np.nan, "0.9", True])
def test_a_coverage_is_between_0_and_1(coverage):
    for use in (
        lambda: conformal_quantile([0.1] * 20, coverage),
        lambda: coverage_range(57, coverage),
    ):
        with pytest.raises(ValueError, match=r"coverage=.* must be between 0 and 1: write 90 % as"):
            use()
    with pytest.raises(ValueError, match="scores holds NaN: leave out subjects"):
        conformal_quantile([0.1, np.nan, 0.3], 0.5)


def test_too_few_subjects_keep_every_diagnosis():
    assert prediction_sets([[0.99, 0.01]], conformal_quantile([0.1] * 5, 0.9)).all()
    assert coverage_range(5, 0.9) == (1.0, 1.0)


# -- what was never seen -----------------------------------------------------------------------


def wrong_inputs(X):
    """Whoever recorded or read these has made a mistake."""
    rng = np.random.default_rng(0)
    time = np.concatenate([np.arange(n) for n in X.lengths]) / SFREQ
    hum = 0.3 * np.sin(2 * np.pi * 50 * time)
    values = {
        "flat": 0 * X.values,
        "microvolts read as millivolts": 1000 * X.values,
        "mains": hum + 1e-3 * rng.normal(size=len(time)),
        "rest": 2e-3 * rng.normal(size=len(time)),
        "volts read as millivolts": X.values / 1000,
        "white noise": 0.4 * rng.normal(size=len(time)),
        "clipped": np.clip(X.values, -0.01, 0.01),
        "a sine": 0.4 * np.sin(2 * np.pi * 111 * time),
    }
    return {name: X.with_values(v.astype(np.float32)) for name, v in values.items()} | {
        "rate too low": X.with_columns(sfreq=400.0),
        "no rate": X.with_columns(sfreq=np.nan),
        "an absurd rate": X.with_columns(sfreq=1e9),
    }


REASONS = {
    "flat": "^flat: all recordings$",
    "microvolts read as millivolts": r"^amplitude \d+ times that of training \(unit\?\)",
    "mains": r"^mains hum \((9\d|100)%\): all",
    "rest": "^amplitude 0.0",
    "volts read as millivolts": "^amplitude 0.00",
    "white noise": "unlike all of training",
    "clipped": "^amplitude 0.0|clipped",
    "a sine": "unlike",
    "rate too low": "sampled at 400 Hz, below the 500 Hz of the model: all recordings",
    "no rate": "a sampling rate of nan Hz",
    "an absurd rate": "a sampling rate of 1e.09 Hz",
}


@pytest.mark.parametrize("name", REASONS)
def test_a_wrong_input_cannot_be_judged_and_the_reason_is_said(trained, name):
    X, _ = cohort(seed=5)
    (found,) = trained.diagnose(wrong_inputs(X[:3])[name])
    assert (found.kind, found.text, found.answer) == ("none", "cannot be judged", ())
    assert not found.probabilities
    assert re.search(REASONS[name], "; ".join(found.reasons)), found.reasons


def test_genuine_patients_are_judged(trained):
    kinds = [d.kind for seed in (5, 6) for d in trained.diagnose(cohort(12, seed)[0])]
    assert np.mean(np.array(kinds) == "none") <= 0.05
    assert {"one", "several"} <= set(kinds)


def test_one_bad_recording_is_left_out_of_the_vote(trained):
    X, _ = cohort(seed=5)
    whole = trained.diagnose(X[:2])[0]
    spoilt = Recordings([X[0], X[1], 0 * X[2]], sfreq=SFREQ, subject="a",
                        muscle=["deltoid", "vastus", "tongue"])  # fmt: skip
    (found,) = trained.diagnose(spoilt)
    assert found.recordings["used"].tolist() == [True, True, False]
    assert found.probabilities == whole.probabilities
    assert found.reasons == ("left out, flat: recording 3 (tongue)",)
    assert np.isnan(found.recordings["without"].iloc[2])
    (most,) = trained.diagnose(spoilt[[0, 2, 2]])
    assert most.kind == "none"


def test_a_muscle_of_which_nothing_is_known_is_marked(trained):
    X, _ = cohort(seed=5)
    (found,) = trained.diagnose(X[:3].with_columns(muscle=["tongue", "vastus", "apb"]))
    assert found.kind != "none"
    assert found.reasons == ("a muscle that was not in training: recording 1 (tongue)",)


def test_a_muscle_of_training_is_known_by_each_of_its_names(trained):
    """A patient's "M. deltoideus" was once said to be no muscle of training."""
    X, _ = cohort(seed=5)
    names = ["M. deltoideus links", "Vastus", "APB (right)"]
    (found,) = trained.diagnose(X[:3].with_columns(muscle=names))
    assert found.reasons == ()


def test_reasons_of_several_recordings_give_the_range_of_their_numbers(trained):
    """That of the first once stood for all: "sampled at 400 Hz: all recordings"."""
    X, _ = cohort(seed=5)
    (found,) = trained.diagnose(X[:3].with_columns(sfreq=[450.0, 400.0, 420.0]))
    assert found.reasons == (
        "sampled at 400 to 450 Hz, below the 500 Hz of the model: all recordings",
    )


def test_a_rate_that_may_be_in_kilohertz_is_asked_about(trained):
    X, _ = cohort(seed=5)
    (found,) = trained.diagnose(X[:3].with_columns(sfreq=48.0))
    assert "sampled at 48 Hz (kilohertz?), below the 500 Hz of the model" in found.reasons[0]


def test_a_noise_floor_is_written_without_a_power_of_ten(trained):
    known = trained.plausibility_
    wrong, _ = known._wrong_levels(np.array([*known.high_[:2], 100.0, 0, 0, 0]))
    assert wrong == ["a noise floor of 100000 µV"]


def test_what_a_recording_decides_is_the_answer_without_it(trained):
    X, _ = cohort(seed=5)
    (whole,) = trained.diagnose(X[:3])
    (less,) = trained.diagnose(X[[0, 2]])
    first = whole.answer[0]
    assert_allclose(whole.recordings["without"].iloc[1], less.probabilities[first], rtol=1e-5)


# -- the whole ---------------------------------------------------------------------------------


def test_the_answers_are_those_of_the_parts(trained):
    X, _ = cohort(12, seed=5)
    subjects, first = np.unique(X["subject"], return_index=True)
    found = {d.subject: d for d in trained.diagnose(X)}
    proba = scale_temperature(trained.estimator_.predict_proba(X)[first], trained.temperature_)
    sets = prediction_sets(proba, trained.quantile_)
    for at, name in enumerate(subjects):
        if found[name].kind != "none":
            # float32 sums depend on the batch
            assert_allclose(list(found[name].probabilities.values()), proba[at], rtol=1e-5)
            assert set(found[name].answer) == set(trained.classes_[sets[at]])


def test_stretches_are_marked_only_where_a_recording_is_a_mean_of_segments():
    X, y = cohort()
    joined = JointVoteClassifier([("all", pipeline()[-1].set_params(final_estimator=None))])
    pipe = Pipeline([*pipeline().steps[:-1], ("joint", joined)])
    (found,) = Diagnostician(pipe, cv=2).fit(X, y).diagnose(X[:2])
    assert len(found.segments) == 0
    assert found.recordings["without"].notna().all()


def test_calibration_comes_from_subjects_left_out(trained):
    X, y = cohort()
    assert trained.n_calibration_ == len(trained.out_of_fold_proba_) == 24
    in_sample = trained.estimator_.predict_proba(X)
    own = in_sample[np.arange(len(X)), np.searchsorted(trained.classes_, y)]
    out = trained.out_of_fold_proba_[np.arange(24), trained.out_of_fold_codes_]
    assert out.mean() < own.mean()


def test_parallel_is_serial():
    X, y = cohort(12)
    with parallel_config("threading"):
        one, two = (Diagnostician(pipeline(), cv=2, n_jobs=n).fit(X, y) for n in (1, 2))
    assert_array_equal(one.out_of_fold_proba_, two.out_of_fold_proba_)
    assert (one.temperature_, one.quantile_) == (two.temperature_, two.quantile_)


def test_a_saved_diagnostician_answers_the_same_and_knows_nobody(tmp_path, trained):
    save_model(trained, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    X, _ = cohort(6, seed=5)
    for own, other in zip(trained.diagnose(X), loaded.diagnose(X), strict=True):
        assert own.probabilities == other.probabilities
        assert (own.answer, own.reasons) == (other.answer, other.reasons)
        assert own.recordings.equals(other.recordings)
    content = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    for name in cohort()[0]["subject"].unique():
        assert name.encode() not in content
    for row in trained.out_of_fold_proba_:
        assert row.tobytes() not in content


def test_inputs_that_make_no_sense(trained):
    X, y = cohort(12)
    with pytest.raises(TypeError, match="no Recordings of signals"):
        trained.diagnose(Segmenter().fit_transform(X))
    with pytest.raises(TypeError, match="no Recordings of signals"):
        trained.diagnose(np.zeros((3, 1000)))
    with pytest.raises(ValueError, match="holds no recordings"):
        trained.diagnose(X[:0])
    with pytest.raises(ValueError, match="The 'coverage' parameter of Diagnostician must be"):
        Diagnostician(pipeline(), coverage=2).fit(X, y)


@pytest.mark.parametrize("saved", [False, True])
def test_the_coverage_that_is_stated_is_the_one_that_was_learned(trained, saved, tmp_path):
    X, _ = cohort(3)
    model = deepcopy(trained).set_params(coverage=0.5)
    if saved:
        save_model(model, tmp_path / "model")
        model = load_model(tmp_path / "model")
    for found, expected in zip(model.diagnose(X), trained.diagnose(X), strict=True):
        assert (found.coverage, found.coverage_range) == (0.9, expected.coverage_range)
        assert found.answer == expected.answer
    assert model.coverage_ == 0.9 and model.coverage == (0.9 if saved else 0.5)


def test_all_unusable_rows_are_named_before_training():
    """The rows of the first fold were once named alone, by their numbers there."""
    X, y = cohort(12)
    X = X.with_columns(sfreq=np.where(np.arange(len(X)) % 5 == 0, 400.0, SFREQ))
    with pytest.raises(InvalidRecordingsError) as error:
        Diagnostician(pipeline(), cv=3).fit(X, y)
    assert error.value.problems["row"].tolist() == list(range(0, len(X), 5))


def test_too_few_subjects_for_the_coverage_are_said_to_rule_nothing_out():
    """Every answer then holds all diagnoses, which was put down to the recordings."""
    X, y = cohort(12)
    with pytest.warns(UserWarning, match="rules no diagnosis out.*=0.99 needs 99 subjects") as seen:
        model = Diagnostician(pipeline(), cv=3, coverage=0.99).fit(X, y)
    assert len(seen) == 1
    (found,) = model.diagnose(X[:3])
    assert len(found.answer) == 3 and not model.rules_out_
    page = patient_page(model, X, found)
    assert "This model rules no diagnosis out" in page
    assert "the recordings do not decide" not in page and "100 % and 100 %" not in page


def test_recordings_that_are_padded_to_a_window_can_be_judged():
    """Windows longer than all recordings left nothing to learn what recordings look like from."""
    X, y = cohort(12)
    steps = [Downsampler(500), Segmenter(2.0, 0.2, short="pad"), SegmentFeatures()]
    linear = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis())
    model = Diagnostician(make_pipeline(*steps, DiVoteClassifier(linear)), cv=3).fit(X, y)
    assert model.diagnose(X[:3])[0].kind != "none"
    (found,) = model.diagnose(X[[0]].with_values(X[0][:300], [0, 300]))
    shortest = X.durations.min()
    assert found.reasons == (f"0.30 s long, shorter than {shortest:g} s: all recordings",)


def test_recordings_are_looked_at_as_the_pipeline_inside_of_a_search_asks():
    """They were compared at the rate of the cohort, and as short as any, by a search alone."""
    X, y = cohort(12)
    too_long = pipeline().set_params(segmenter__window=9)  # which the search does not try
    search = GridSearchCV(too_long, {"segmenter__window": [0.5]}, cv=SubjectKFold(2))
    model = Diagnostician(search, cv=3).fit(X, y)
    known = model.plausibility_
    assert (known.sfreq, known.min_duration) == (500, 0.5)
    (found,) = model.diagnose(X[[0]].with_values(X[0][:450], [0, 450]))
    assert found.reasons == ("0.45 s long, shorter than 0.5 s: all recordings",)
    plain = Diagnostician(pipeline().set_params(segmenter__window=0.5), cv=3).fit(X, y)
    assert_array_equal(known.precision_, plain.plausibility_.precision_)


def test_a_cohort_of_which_nothing_can_be_used_is_refused():
    X, y = cohort(12)
    with pytest.raises(ValueError, match=r"learned from any recording \(flat; flat; flat\)"):
        Diagnostician(pipeline(), cv=3).fit(X.with_values(0 * X.values, X.offsets), y)


def test_a_frozen_model_is_calibrated_by_subjects_of_its_own_diagnoses(trained):
    X, y = cohort(12, seed=9)
    frozen = Diagnostician(FrozenEstimator(trained.estimator_), cv=3)
    with pytest.raises(ValueError, match="y holds no 'normal', which the frozen model knows"):
        frozen.fit(X[y != "normal"], y[y != "normal"])
    more = np.where(X["subject"].isin(X["subject"].unique()[:6]), "ALS", y)
    with pytest.raises(ValueError, match="y holds 'ALS', which the frozen model does not know"):
        frozen.fit(X, more)


def test_a_diagnosis_of_one_subject_is_said_to_be_unknown_when_it_is_left_out():
    X, y = cohort(12)
    kept = (y != "myopathy") | (X["subject"] == X["subject"].iloc[0]).to_numpy()
    with pytest.warns(UserWarning) as caught:
        Diagnostician(pipeline(), cv=3).fit(X[kept], y[kept])
    said = [str(one.message) for one in caught]
    assert [text for text in said if "The subjects of 'myopathy' are too few" in text]
    assert not [text for text in said if "least populated" in text]


def test_subjects_may_be_pairs_of_a_clinic_and_a_number(trained):
    X, y = cohort()
    pairs = X.with_columns(subject=pd.Series([("clinic", name) for name in X["subject"]]))
    model = Diagnostician(pipeline(), cv=3).fit(pairs, y)
    assert model.plausibility_.subject_distance_ == trained.plausibility_.subject_distance_
    assert model.diagnose(pairs[:3])[0].subject == ("clinic", X["subject"].iloc[0])


def test_recordings_without_subjects_teach_nothing_about_subjects():
    X, y = cohort(6)
    bare = Recordings(list(X), sfreq=SFREQ)
    with pytest.raises(ValueError, match=r"X has no subjects.*X.with_columns\(subject="):
        Diagnostician(pipeline(), cv=2).fit(bare, y)
    missing = X.with_columns(subject=[None, *X["subject"].tolist()[1:]])
    with pytest.raises(ValueError, match="subject is missing in row 0"):
        Diagnostician(pipeline(), cv=2).fit(missing, y)


def test_a_diagnosis_in_another_spelling_is_not_learned_as_another_one():
    X, y = cohort(9)
    first = (y == "normal") & (X["subject"] == X["subject"][y == "normal"].iloc[0]).to_numpy()
    with pytest.raises(ValueError, match=r"only in case or blanks, \['Normal', 'normal'\]: write"):
        Diagnostician(pipeline(), cv=2).fit(X, np.where(first, "Normal", y))


@pytest.mark.parametrize("name", ["without", "used", "rms"])
def test_a_class_named_as_what_is_said_of_recordings_is_refused_before_training(name):
    X, y = cohort(6, labels=("myopathy", "neuropathy", name))
    with pytest.raises(ValueError, match=f"A class is named '{name}'.*rename it"):
        Diagnostician(pipeline(), cv=2).fit(X, y)


def test_recordings_that_could_not_be_read_count_as_unusable(trained):
    X, _ = cohort(3, seed=5)
    names = X["subject"].unique().tolist()
    broken = {names[0]: ["a.npy: broken"], names[2]: [f"{k}.npy: gone" for k in range(14)]}
    plain = trained.diagnose(X)
    first, second, third, nobody = trained.diagnose(X, unreadable=broken | {"X": ["x.npy: gone"]})
    assert first.answer == plain[0].answer and first.probabilities == plain[0].probabilities
    assert first.reasons == ("left out, not read: a.npy: broken", *plain[0].reasons)
    assert (first.unreadable, second.unreadable) == (("a.npy: broken",), ())
    assert second.reasons == plain[1].reasons
    assert third.kind == "none" and len(third.unreadable) == 14
    assert third.reasons[0] == "not read: 0.npy: gone"
    assert third.reasons[10:] == ("not read: 4 more",)
    assert (nobody.subject, nobody.kind, len(nobody.recordings)) == ("X", "none", 0)
    assert nobody.reasons == ("not read: x.npy: gone",)
    half = trained.diagnose(X[:3], unreadable={names[0]: ["1: gone", "2: gone", "3: gone"]})[0]
    assert half.kind != "none"  # no more than half
    flat = X[[0]].with_values(0 * X[0], [0, len(X[0])])
    (found,) = trained.diagnose(flat, unreadable={names[0]: ["b.npy: gone"]})
    assert found.reasons == ("not read: b.npy: gone", "flat: all that could be read")


def test_no_diagnosis_is_printed_as_certain_or_impossible():
    table = pd.DataFrame()
    assert Diagnosis("S1", ("a",), {"a": 1.0, "b": 0.0}, (), table).text == "a (>99 %)"
    several = Diagnosis("S1", ("a", "b"), {"a": 0.9951, "b": 0.0049}, (), table)
    assert several.text == "not sure between a (>99 %) and b (<1 %)"
    assert Diagnosis("S1", ("a",), {"a": 0.994, "b": 0.006}, (), table).text == "a (99 %)"


def test_what_scores_a_diagnostician_asks_for_its_estimator(trained):
    X, y = cohort()
    with pytest.raises(TypeError, match=r"no predict_proba: give its `estimator`\.$"):
        SubjectScorer("accuracy")(trained, X, y)


def test_rows_without_a_subject_are_one_patient(trained):
    X, _ = cohort(seed=5)
    bare = Recordings(list(X[:3]), sfreq=SFREQ)
    (found,) = trained.diagnose(bare)
    assert found.subject == "patient" and len(found.recordings) == 3


def test_measures_do_not_depend_on_a_patients_other_recordings(trained):
    X, _ = cohort(seed=5)
    both = trained.plausibility_.examine(X[:6])
    assert both.iloc[3:4].equals(trained.plausibility_.examine(X[[3]]).set_axis([3]))


@pytest.mark.slow
def test_the_wrong_inputs_beside_simulated_patients():
    """At most one in twenty genuine patients, never seen, may be refused."""
    from sknemg.simulate import make_cohort

    X, y = make_cohort(30, sfreq=10_000, random_state=0)
    known = Plausibility().fit(X, y)
    new, _ = make_cohort(30, sfreq=10_000, random_state=1)
    table = known.examine(new)
    by_subject = table.groupby(new["subject"].to_numpy())
    far = by_subject["distance"].median() > known.subject_distance_
    most = by_subject["unusable"].apply(lambda reasons: (reasons != "").mean() > 0.5)
    assert (far | most).mean() <= 0.1  # of 30; the share over 20 cohorts is in the guide
    for wrong in (0 * new.values, 1000 * new.values):
        assert (known.examine(new.with_values(wrong))["unusable"] != "").all()


# -- rest --------------------------------------------------------------------------------------


def contractions(n_subjects, seed, sfreq=10_000):
    """Two motor units that fire in noise; their size is the class's."""
    rng = np.random.default_rng(seed)
    shape = np.interp(np.arange(41), [0, 15, 20, 26, 40], [0, 0.2, -1, 0.4, 0])
    signals = []
    for who in np.repeat(np.arange(n_subjects), 2):
        signal = rng.normal(0, 0.003, size=15_000)
        for unit in range(2):
            size = (0.2, 0.6)[who % 2] * np.exp(0.2 * rng.normal()) * (1 + unit)
            gaps = rng.normal(rng.uniform(700, 1100), 80, size=30)  # a clock would be hum
            for start in (300 * unit + gaps.cumsum()).astype(int):
                signal[start : start + 41] += size * shape[: max(0, len(signal) - start)]
        signals.append(signal)
    X = Recordings(signals, sfreq=sfreq, subject=np.repeat(np.arange(n_subjects), 2))
    return X, np.repeat(np.array(["myopathy", "neuropathy"])[np.arange(n_subjects) % 2], 2)


def test_rest_is_recognised_by_what_fires_not_by_amplitude():
    X, y = contractions(8, 0)
    known = Plausibility(cv=2).fit(X, y)
    assert known.contracted_ >= 0.95
    loud = np.random.default_rng(1).normal(0, 1, size=(3, 15_000)).astype(np.float32)
    rest = Recordings(0.02 * loud, sfreq=10_000, subject=[1, 2, 3])
    assert known.low_[0] / 3 < 0.02 < known.high_[0]  # an amplitude that would pass
    assert all("rest: no contraction in it" in text for text in known.examine(rest)["unusable"])
    genuine = known.examine(contractions(8, 5)[0])["unusable"]
    assert not genuine.str.contains("rest").any()
    known.contracted_ = 0.5  # of a cohort that was recorded at rest itself
    assert not known.examine(rest)["unusable"].str.contains("rest").any()


def test_a_rate_that_cannot_tell_rest_claims_nothing(trained):
    assert trained.plausibility_.contracted_ == 0


# -- many patients at once -------------------------------------------------------------------


def assert_same(one, other):
    assert (one.subject, one.answer, one.probabilities) == (
        other.subject,
        other.answer,
        other.probabilities,
    )
    assert one.reasons == other.reasons
    assert_frame_equal(one.recordings.drop(columns="row"), other.recordings.drop(columns="row"))
    assert_frame_equal(one.segments, other.segments)


def test_many_patients_at_once_are_diagnosed_as_each_alone_to_the_last_bit(trained):
    """A patient with one window, alone, would be scored by another kernel of BLAS."""
    X, _ = cohort(18, seed=5)
    X = Recordings(
        [signal[:450] if row % 3 else 0 * signal for row, signal in enumerate(X)],
        sfreq=SFREQ,
        subject=X["subject"],
        muscle=X["muscle"],
    )[np.random.default_rng(0).permutation(len(X))]  # a patient's rows are not side by side
    together = trained.diagnose(X)
    assert sum(bool(one.answer) for one in together) > 5
    for one in together:
        assert_same(one, *trained.diagnose(X[(X["subject"] == one.subject).to_numpy()]))


def test_a_recording_is_resampled_once_and_answered_as_if_it_were_twice(trained, monkeypatch):
    X, _ = cohort(4, seed=6)
    at_rate = resample(X[2], 1000, 500)
    rows = [X[0], np.repeat(X[1], 2), at_rate, 50 * np.repeat(X[3], 2)]  # the last is refused
    mixed = Recordings(rows, sfreq=[1000, 2000, 500, 2000], subject=list("aabc"))
    seen = []

    def counted(signal, *args, **kwargs):
        seen.append(len(signal))
        return resample(signal, *args, **kwargs)

    monkeypatch.setattr("sknemg.diagnosis.examining.resample", counted)
    monkeypatch.setattr("sknemg.preprocessing.cutting.resample", counted)
    found = trained.diagnose(mixed)
    assert [len(one.answer) > 0 for one in found] == [True, True, False]
    assert seen == [len(rows[at]) for at in (0, 1, 3)]
    monkeypatch.setattr(Diagnostician, "_begins_at_rate", lambda self: False)
    for one, other in zip(found, trained.diagnose(mixed), strict=True):
        assert_same(one, other)
    assert len(seen) == 8  # those of the answers, which are not refused, once more


@pytest.mark.parametrize("begins_at_rate", [True, False])
def test_signals_at_one_rate_are_gone_with_their_patient(trained, monkeypatch, begins_at_rate):
    X, _ = cohort(4, seed=7)
    seen = []
    examine = Plausibility._examine

    def watched(self, X):
        assert not any(wave() is not None for wave in seen)
        table, waves = examine(self, X)
        seen.extend(weakref.ref(wave) for wave in waves.values())
        return table, waves

    monkeypatch.setattr(Plausibility, "_examine", watched)
    monkeypatch.setattr(Diagnostician, "_begins_at_rate", lambda self: begins_at_rate)
    trained.diagnose(X)
    assert len(seen) == 12


def test_a_patient_without_a_subject_is_refused_among_others(trained):
    X, _ = cohort(3, seed=5)
    subject = X["subject"].astype(object).to_numpy().copy()
    subject[4] = None
    with pytest.raises(ValueError, match="row 4"):
        trained.diagnose(X.with_columns(subject=subject))


def test_the_range_of_the_coverage_is_that_of_the_beta_distribution():
    from scipy.stats import beta

    for n in (9, 19, 57, 400, 20_000):
        for coverage in (0.5, 0.9):
            rank = int(np.ceil((n + 1) * coverage - 1e-9))
            expected = beta(rank, n + 1 - rank).ppf([0.05, 0.95])
            with np.errstate(all="raise"):
                found = coverage_range(n, coverage)
            assert_allclose(found, expected, rtol=1e-9)


def test_a_fitted_model_is_calibrated_by_others_and_not_trained_again():
    X, y = cohort(12)
    fitted = pipeline().fit(X, y)
    others, labels = cohort(15, seed=1)
    model = Diagnostician(FrozenEstimator(fitted), cv=3).fit(others, labels)
    assert model.estimator_ is fitted
    _, first = np.unique(others["subject"].to_numpy(), return_index=True)
    assert_array_equal(model.out_of_fold_proba_, fitted.predict_proba(others)[first])
    assert model.n_calibration_ == 15
    assert model.diagnose(others[:3])[0].subject == "PATIENT-1-00"
    inside = FrozenEstimator(fitted[-1])
    for frozen, name in (
        (FrozenEstimator(fitted), "The frozen model"),
        (make_pipeline(*fitted[:-1], inside), "frozenestimator"),
        (CalibratedClassifierCV(FrozenEstimator(fitted), cv=SubjectKFold(2)), "estimator"),
    ):
        said = rf"^{name} was trained on the subjects 'PATIENT-0-00', .*not seen, or rename"
        with pytest.raises(ValueError, match=said):
            Diagnostician(frozen, cv=3).fit(X, y)
