"""A network that comes with sknemg, adapted to recordings without diagnoses."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.frozen import FrozenEstimator

from sknemg import Recordings, load_model, save_model
from sknemg.diagnosis import Diagnostician
from sknemg.model_selection.origin import ADAPTED, caution_of
from sknemg.pretrained import adapted_pipeline, load
from sknemg.simulate import make_cohort


@pytest.fixture(scope="module")
def cohort():
    return make_cohort(9, sfreq=10_000, random_state=3)


def test_recordings_without_diagnoses_change_its_answers_and_not_the_shipped_ones(cohort):
    X, _ = cohort
    before = load("volitional-small").estimator_.predict_proba(X)
    adapted = adapted_pipeline(X)
    found = adapted.predict_proba(X)
    assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert np.abs(found - before).max() > 0.02
    assert_array_equal(adapted_pipeline(X).predict_proba(X), found)
    assert_array_equal(load("volitional-small").estimator_.predict_proba(X), before)


def test_the_caution_goes_with_it_and_it_can_be_calibrated(cohort):
    X, y = cohort
    adapted = adapted_pipeline(X)
    assert caution_of(adapted) == ADAPTED
    model = Diagnostician(FrozenEstimator(adapted), cv=3).fit(X, y)
    assert model.n_calibration_ == 9
    assert model.caution_ == ADAPTED


def test_a_model_that_is_no_network_is_refused(cohort):
    with pytest.raises(ValueError, match="volitional-muap"):
        adapted_pipeline(cohort[0], "volitional-muap")
    with pytest.raises(ValueError, match="nothing"):
        adapted_pipeline(cohort[0], "nothing")


def test_recordings_of_one_subject_are_refused(cohort):
    X, _ = cohort
    alone = X[np.flatnonzero(X["subject"] == X["subject"].iloc[0])]
    with pytest.raises(ValueError, match=r"X has \d+ recordings of one subject: what is usual"):
        adapted_pipeline(alone)


def test_recordings_that_hold_no_signal_are_refused_all_at_once(cohort):
    X, _ = cohort
    signals = [np.array(own) for own in X]
    signals[2][:] = 0
    signals[5] = signals[5][:1000]
    signals[7][: int(0.9 * len(signals[7]))] = 0
    wrong = Recordings(signals, sfreq=10_000, subject=X["subject"].tolist())
    said = r"row 2 \(flat\), row 5 \(0.10 s long.*\), row 7 \(.*flat \(9.%\).*leave these out"
    with pytest.raises(ValueError, match=said):
        adapted_pipeline(wrong)


def test_tables_are_taken_and_bare_signals_are_not(cohort):
    X, _ = cohort
    found = adapted_pipeline(X.to_frame()).predict_proba(X)
    assert_array_equal(found, adapted_pipeline(X).predict_proba(X))
    with pytest.raises(ValueError, match=r"X is a list without rates: give Recordings"):
        adapted_pipeline(list(X))
    with pytest.raises(ValueError, match=r"X is a DataFrame without rates: give Recordings"):
        adapted_pipeline(X.to_frame().drop(columns="sfreq"))
    with pytest.raises(ValueError, match=r"X is a ndarray without rates: give Recordings"):
        adapted_pipeline(np.zeros((3, 10)))


def test_it_is_saved_and_read_with_its_caution(cohort, tmp_path):
    X, y = cohort
    adapted = adapted_pipeline(X)
    save_model(Diagnostician(FrozenEstimator(adapted), cv=3).fit(X, y), tmp_path / "model")
    found = load_model(tmp_path / "model")
    assert found.caution_ == ADAPTED
    assert "without diagnoses" in (tmp_path / "model" / "README.md").read_text()
    assert_array_equal(found.estimator_.predict_proba(X), adapted.predict_proba(X))
