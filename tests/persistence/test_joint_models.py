"""Models whose votes are of several kinds, saved, loaded and asked."""

import json
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from safetensors.numpy import load_file, save
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg import (
    DiVoteClassifier,
    Downsampler,
    InvalidModelError,
    JointVoteClassifier,
    Recordings,
    Segmenter,
    SegmentFeatures,
    export_onnx,
    load_model,
    save_model,
)
from sknemg.diagnosis import Diagnostician
from sknemg.persistence import _folder
from sknemg.persistence._write_folder import write_folder
from sknemg.persistence.card import evaluation_tables, model_card


def cohort(n_subjects=12, seed=0):
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(n_subjects), 2)
    size = np.exp(0.7 * (who % 3))
    signals = [s * rng.normal(size=1100) * (0.1 + rng.uniform(size=1100)) for s in size]
    subject = [f"CODE-{number:03d}" for number in who]
    names = np.array(["myopathy", "neuropathy", "normal"])
    return Recordings(signals, sfreq=1000, subject=subject), names[who % 3]


def joint(**options):
    def votes(window, *last):
        divote = DiVoteClassifier(make_pipeline(StandardScaler(), *last), final_estimator=None)
        return make_pipeline(Downsampler(500), Segmenter(window, 0.2), SegmentFeatures(), divote)

    members = [("short", votes(0.4, LinearDiscriminantAnalysis())),
               ("long", votes(0.8, LogisticRegression(C=0.1)))]  # fmt: skip
    return JointVoteClassifier(members, **options)


@pytest.fixture(scope="module")
def model():
    return Diagnostician(joint(weights=[2, 1], floor=0.02), cv=2).fit(*cohort())


@pytest.mark.slow
def test_a_loaded_model_answers_the_same_bits(model, tmp_path):
    fingerprint = save_model(model, tmp_path / "model")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = load_model(tmp_path / "model", fingerprint=fingerprint)
    X, _ = cohort(6, seed=1)
    inner, other = model.estimator_, loaded.estimator_
    assert_array_equal(inner.predict_proba(X), other.predict_proba(X))
    assert list(other.named_estimators_) == ["short", "long"] and other.weights == [2, 1]
    assert [d.probabilities for d in loaded.diagnose(X)] == [
        d.probabilities for d in model.diagnose(X)
    ]
    assert save_model(loaded, tmp_path / "again") == fingerprint
    assert_array_equal(
        type(other)(other.estimators, weights=[2, 1], floor=0.02).fit(*cohort()).predict(X),
        inner.predict(X),
    )
    content = b"".join(file.read_bytes() for file in (tmp_path / "model").rglob("*.*"))
    assert b"CODE-" not in content


def test_parameters_that_are_arrays_are_kept(tmp_path):
    X, y = cohort()
    model = joint(weights=np.array([2, 1])).fit(X, y)
    save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.weights == [2, 1]
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")  # a flat channel
def test_a_patient_is_refused_as_by_any_model(model):
    (flat,) = model.diagnose(Recordings([np.zeros(1100)], sfreq=1000, subject="a"))
    assert flat.text == "cannot be judged"
    short = Recordings([cohort()[0][0][:700]], sfreq=1000, subject="a")  # less than "long" needs
    (found,) = model.diagnose(short)
    assert found.text == "cannot be judged" and "shorter than 0.8 s" in found.reasons[0]


def test_the_card_speaks_of_it(model):
    X, y = cohort()
    import pandas as pd

    tables = evaluation_tables(model, pd.DataFrame())
    card = model_card(model, X, y, tables, seed=0, seconds=1.0, licence="mit")
    assert "neuropathy" in card and "CODE-" not in card


def test_no_onnx_file_holds_it(model, tmp_path):
    with pytest.raises(TypeError, match=r"estimator_ is a JointVoteClassifier, whose kinds of vot"):
        export_onnx(model, tmp_path / "m.onnx")
    member = model.estimator_.named_estimators_["short"]
    export_onnx(member, tmp_path / "m.onnx")
    X, _ = cohort(6, seed=1)
    light = load_model(tmp_path / "m.onnx")
    assert np.abs(light.predict_proba(X) - member.predict_proba(X)).max() < 1e-5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s["named_estimators_"].clear(), "has no steps"),
        (lambda s: s["named_estimators_"][0].__setitem__(1, None), "a member that is no estimator"),
        (lambda s: s["named_estimators_"][1].__setitem__(0, "short"), "is missing in"),
        (lambda s: s["named_estimators_"][1].__setitem__(0, "a__b"), "cannot be: .*__"),
        (lambda s: s["classes_"].update(labels=["a", "b", "c"]), "classes that the whole does not"),
        (lambda s: s["named_estimators_"][0][1]["state"]["steps"].pop(), "is no classifier"),
    ],
    ids=range(6),
)
def test_an_altered_folder_is_refused(tmp_path, change, message):
    save_model(joint().fit(*cohort()), tmp_path / "model")
    folder = tmp_path / "model"
    config = json.loads((folder / "config.json").read_bytes())
    change(config["model"]["state"])
    arrays = load_file(folder / "model.safetensors")
    arrays = {name.replace(".long.", ".a__b."): array for name, array in arrays.items()}
    if "cannot" not in message:
        arrays = load_file(folder / "model.safetensors")
    files = {"config.json": _folder.dump_json(config), "model.safetensors": save(arrays)}
    write_folder(tmp_path / "altered", files, overwrite=False)
    with pytest.raises(InvalidModelError, match=message):
        load_model(tmp_path / "altered")
