"""A network that comes with sknemg, adapted to recordings without diagnoses."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.frozen import FrozenEstimator

from sknemg import load_model, save_model
from sknemg.diagnosis import Diagnostician
from sknemg.model_selection.origin import caution_of
from sknemg.pretrained import adapted_pipeline, load
from sknemg.simulate import make_cohort
from sknemg.weights import CAUTION


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
    assert caution_of(adapted) == CAUTION
    model = Diagnostician(FrozenEstimator(adapted), cv=3).fit(X, y)
    assert model.n_calibration_ == 9
    assert model.caution_ == CAUTION


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


def test_it_is_saved_and_read_as_any_model(cohort, tmp_path):
    X, y = cohort
    adapted = adapted_pipeline(X)
    save_model(Diagnostician(FrozenEstimator(adapted), cv=3).fit(X, y), tmp_path / "model")
    found = load_model(tmp_path / "model").estimator_.predict_proba(X)
    assert_array_equal(found, adapted.predict_proba(X))
