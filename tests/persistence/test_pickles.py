"""Whole fitted models through pickle, joblib, cloudpickle, skops and copies, and versions."""

import copy
import io
import pickle
import warnings

import cloudpickle
import joblib
import numpy as np
import pytest
import skops.io
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg import DiVoteClassifier, Downsampler, NEMGNetClassifier, Recordings, Segmenter
from sknemg.diagnosis import Diagnostician
from sknemg.persistence import ModelVersionWarning


def cohort():
    rng = np.random.default_rng(0)
    y = np.repeat(["myopathy", "neuropathy"], 10)
    size = np.where(y == "myopathy", 0.2, 1.0)
    signals = rng.normal(0, size[:, None], (20, 1200)).astype(np.float32)
    subject = [f"SECRET-{who}" for who in np.repeat(np.arange(10), 2)]
    return Recordings(signals, sfreq=2000, subject=subject), y


def features():
    from sknemg import SegmentFeatures

    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    return make_pipeline(Downsampler(1000), Segmenter(), SegmentFeatures(),
                         DiVoteClassifier(linear, cv=2))  # fmt: skip


def network():
    net = NEMGNetClassifier("A", width=1, short="pad", max_epochs=1, random_state=0)
    return make_pipeline(Downsampler(1000), Segmenter(), DiVoteClassifier(net))


@pytest.fixture(scope="module")
def models():
    X, y = cohort()
    return {
        "features": features().fit(X, y),
        "network": network().fit(X, y),
        "diagnostician": Diagnostician(features(), cv=2).fit(X, y),
    }


def through_joblib(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


def through_skops(model):
    content = skops.io.dumps(model)
    strange = skops.io.get_untrusted_types(data=content)
    assert all(name.startswith("sknemg.") for name in strange), strange
    return skops.io.loads(content, trusted=strange)


WAYS = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "joblib": through_joblib,
    "cloudpickle": lambda model: pickle.loads(cloudpickle.dumps(model)),
    "deepcopy": copy.deepcopy,
    "skops": through_skops,
}


def answers(model, X):
    if isinstance(model, Diagnostician):
        return np.array([list(found.probabilities.values()) for found in model.diagnose(X)])
    return model.predict_proba(X)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["features", "network", "diagnostician"])
def test_a_whole_model_survives(models, kind, way):
    X, _ = cohort()
    again = WAYS[way](models[kind])
    assert_array_equal(answers(again, X), answers(models[kind], X))
    assert not any("_sknemg_version" in vars(part) for part in parts(again))
    clone(again)


def parts(model):
    own = [step for _, step in getattr(model, "steps", [])]
    own += [getattr(model, name) for name in ("estimator_", "plausibility_", "final_estimator_")
            if getattr(model, name, None) is not None]  # fmt: skip
    return [model, *(inner for part in own for inner in parts(part))]


@pytest.mark.parametrize("kind", ["features", "network", "diagnostician"])
def test_another_version_is_warned_of_by_every_part(models, kind, monkeypatch):
    kept = pickle.dumps(models[kind])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pickle.loads(kept)
    monkeypatch.setattr("sknemg.base.__version__", "9.9")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pickle.loads(kept)
    warned = {str(w.message).split()[0] for w in caught if w.category is ModelVersionWarning}
    own = {type(part).__name__ for part in parts(models[kind])
           if type(part).__module__.startswith("sknemg.")}  # fmt: skip
    assert warned == own
    text = str(caught[0].message)
    assert "was pickled by sknemg 0.1.0 (here 9.9): its predictions may differ" in text


@pytest.mark.parametrize("kind", ["features", "network", "diagnostician"])
def test_no_kept_model_holds_a_code_of_its_subjects(models, kind):
    X, _ = cohort()
    for content in (pickle.dumps(models[kind]), cloudpickle.dumps(models[kind]),
                    skops.io.dumps(models[kind]), repr(vars(models[kind])).encode()):  # fmt: skip
        for code in X["subject"].unique():
            assert code.encode() not in content
    assert b"SECRET" not in pickle.dumps(models[kind])
