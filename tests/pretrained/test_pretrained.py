"""Models that come with sknemg: they load, offline and as they were, and answer as they did."""

import json
import re
import shutil
import warnings
from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.pretrain.models import reference_patient as patient
from sknemg import (
    DiVoteClassifier,
    Downsampler,
    JointVoteClassifier,
    NEMGNetClassifier,
    Recordings,
    Segmenter,
    SegmentFeatures,
    export_onnx,
    load_model,
    save_model,
)
from sknemg.archive import read_archive
from sknemg.cli import main
from sknemg.cli.entries import model_path
from sknemg.diagnosis import Diagnostician
from sknemg.model_selection.origin import SEEN, STARTED, caution_of
from sknemg.persistence._problems import ModelVersionWarning
from sknemg.persistence.light import load_light
from sknemg.pretrained import (
    card,
    describe,
    few_shot_pipeline,
    fine_tuning_pipeline,
    load,
    names,
)
from sknemg.simulate import make_cohort
from sknemg.weights import CAUTION, folder_of, read_network


@pytest.fixture
def other_versions(monkeypatch):
    """Libraries of other versions than those that trained the models."""
    monkeypatch.setattr("sknemg.persistence.models.versions_for", lambda _: {"numpy": "0"})


@pytest.mark.usefixtures("other_versions")
@pytest.mark.parametrize("name", names())
def test_a_model_answers_as_it_did_when_it_was_trained(name):
    """Whatever versions of the libraries are here; processors differ in the last digits."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = load(name)
    assert model.classes_.tolist() == ["myopathy", "neuropathy", "normal"]
    proba = model.estimator_.predict_proba(patient())[0]
    expected = pd.read_csv(folder_of(name) / "evaluation" / "reference.csv")
    assert expected.columns.tolist() == model.classes_.tolist()
    assert_allclose(proba, expected.iloc[0], atol=0.02)
    assert np.ptp(proba) > 0.05
    (found,) = model.diagnose(patient())
    assert found.subject == "P"


@pytest.mark.slow
def test_simulated_patients_are_answered():
    X, _ = make_cohort(3, vary="all", confound=False, random_state=777)
    for name in names():
        found = load(name).diagnose(X)
        assert len(found) == 3
        assert any(one.answer for one in found)
        for one in found:
            assert set(one.answer) <= {"myopathy", "neuropathy", "normal"}
            assert not one.answer or sum(one.probabilities.values()) == pytest.approx(1)


@pytest.mark.usefixtures("other_versions")
def test_only_models_that_come_with_sknemg_are_silent_about_versions(tmp_path):
    shutil.copytree(folder_of("volitional-muap"), tmp_path / "volitional-muap")
    copied = load_model(tmp_path / "volitional-muap")
    assert load_model(str(folder_of("volitional-muap"))).n_calibration_ == 60
    save_model(copied, tmp_path / "again")
    with pytest.warns(ModelVersionWarning, match=r"numpy .*\(here 0\)"):
        load_model(tmp_path / "again")


@pytest.mark.filterwarnings("ignore::sknemg.persistence._problems.ModelVersionWarning")
@pytest.mark.parametrize(
    "name", ["volitional-muap", pytest.param("volitional-small", marks=pytest.mark.slow)]
)
def test_the_caution_goes_with_copies_and_exports(name, tmp_path):
    shutil.copytree(folder_of(name), tmp_path / "copied")
    model = load_model(tmp_path / "copied")
    save_model(model, tmp_path / "saved")
    export_onnx(model, tmp_path / "exported.onnx")
    export_onnx(load_model(tmp_path / "exported.onnx"), tmp_path / "again.onnx")
    silent = Recordings([0 * patient()[0]], sfreq=10_000, subject="P")
    for file in ("copied", "saved", "exported.onnx", "again.onnx"):
        found = load_model(tmp_path / file)
        assert found.caution_ == caution_of(found.estimator_) == CAUTION, file
        assert found.diagnose(silent)[0].caution == CAUTION
    assert CAUTION in (tmp_path / "saved" / "README.md").read_text()


SHIPPED = read_network("volitional-small")
#: What a network has to share with the shipped one, and a short training.
FIT = {name: SHIPPED.parameters[name] for name in ("width", "companding", "head")}
FIT |= {"validation": None, "max_epochs": 1}
N_TIMES = SHIPPED.input_shape[-1]


@pytest.fixture
def fine_tuned(tmp_path):
    """A pipeline around a network that started from one of these, as it was saved."""
    X, y = np.random.default_rng(0).normal(size=(8, N_TIMES)), np.repeat(["a", "b"], 4)
    network = NEMGNetClassifier("A", init="volitional-small", **FIT)
    save_model(make_pipeline(StandardScaler(), network).fit(X, y), tmp_path / "fine")
    return load_model(tmp_path / "fine"), X, y


def test_a_loaded_network_says_where_it_started_and_one_trained_from_it_as_well(fine_tuned):
    pipe, X, y = fine_tuned
    assert caution_of(pipe) == pipe[-1].caution_ == STARTED
    again = NEMGNetClassifier("A", init=pipe[-1], **FIT).fit(X, y)
    assert again.caution_ == STARTED
    pipe.set_params(nemgnetclassifier__init=None).fit(X, y)  # from scratch
    assert caution_of(pipe) == pipe[-1].caution_ == ""


def test_all_that_was_trained_in_the_votes_of_a_model_has_its_caution():
    for name in names():
        votes = load(name).estimator_[-1]
        inner = votes.estimator_
        for part in inner if isinstance(inner, Pipeline) else [inner]:
            assert caution_of(part) == CAUTION
        assert votes.final_estimator_ is None or caution_of(votes.final_estimator_) == CAUTION


@pytest.mark.filterwarnings("ignore::sknemg.persistence._problems.ModelVersionWarning")
def test_a_diagnostician_whose_estimator_does_not_vote_is_loaded(tmp_path):
    model = load("volitional-muap")
    model.estimator_ = model.estimator_[-1].estimator_
    save_model(model, tmp_path / "model")
    assert load_model(tmp_path / "model").caution_ == CAUTION


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The scores of the 12 subjects say nothing")  # nor do they
def test_the_caution_of_a_member_is_its_own_and_goes_with_light_models(tmp_path):
    rng = np.random.default_rng(0)
    rows = 0.05 * rng.normal(size=(12, 3 * N_TIMES // 2))
    X = Recordings(rows, sfreq=10_000, subject=np.arange(12))
    y = np.array(["a", "b"])[np.arange(12) % 2]
    start = NEMGNetClassifier("A", init="volitional-small", **FIT)
    network = make_pipeline(
        Downsampler(10_000),
        Segmenter(N_TIMES / 10_000),
        DiVoteClassifier(start, final_estimator=None),
    )
    linear = make_pipeline(
        Downsampler(10_000), Segmenter(), SegmentFeatures(),
        DiVoteClassifier(LogisticRegression(max_iter=10_000), final_estimator=None),
    )  # fmt: skip
    joint = JointVoteClassifier([("network", network), ("linear", linear)]).fit(X, y)
    save_model(joint, tmp_path / "joint")
    members = load_model(tmp_path / "joint").named_estimators_
    assert caution_of(members["network"]) == STARTED
    assert caution_of(members["linear"]) == ""
    export_onnx(Diagnostician(network, cv=2).fit(X, y), tmp_path / "light.onnx")
    light = load_light(tmp_path / "light.onnx")
    assert light.caution_ == light.diagnose(X[:1])[0].caution == STARTED
    assert load_model(tmp_path / "light.onnx").caution_ == STARTED


def test_the_caution_goes_with_whatever_is_built_around_what_was_trained():
    model = load("volitional-muap")
    pipe = model.estimator_
    assert caution_of(FrozenEstimator(pipe)) == caution_of(deepcopy(pipe)) == CAUTION
    votes = pipe[-1]
    assert caution_of(clone(votes)) == ""
    X = np.random.default_rng(0).normal(size=(6, votes.estimator_.n_features_in_))
    votes.fit(X, list("aabbcc"), groups=list("abcdef"))  # nothing of the simulated is left
    assert caution_of(pipe) == model.caution_ == ""


def test_a_network_that_was_trained_further_says_where_it_started():
    X = np.random.default_rng(0).normal(size=(8, N_TIMES))
    y = np.repeat(["a", "b"], 4)
    network = NEMGNetClassifier("A", init="volitional-small", **FIT).fit(X, y)
    assert caution_of(make_pipeline(network)) == STARTED
    assert caution_of(NEMGNetClassifier("A", init=network, **FIT).fit(X, y)) == STARTED
    assert network.set_params(init=None).fit(X, y).caution_ == ""


def test_what_comes_with_it_is_small_and_described():
    table = describe()
    assert table.index.tolist() == names() == ["volitional-muap", "volitional-small"]
    assert table["bytes"].sum() < 3e6
    assert table["sha256"].str.fullmatch("[0-9a-f]{64}").all()
    assert (table["versions"].str.contains("sknemg")).all()
    assert not list(folder_of("volitional-small").parent.rglob("*.pkl"))


@pytest.mark.parametrize("name", names())
def test_a_card_says_what_it_must(name):
    text = card(name)
    assert text.index("not a medical device.** " + CAUTION) > 0
    for said in ("not a medical device", "simulated patients alone", "Scores on real recordings",
                 "When it does not answer", "Simulator of commit"):  # fmt: skip
        assert said in text
    assert "Not measured yet" not in text
    assert "EMGLAB N2001: " in text
    assert re.search(r"of real ones, \d+ % on EMGLAB N2001 and \d+ % on Algiers", text)
    assert "shorter than 0 s" not in text


def test_an_unknown_name_is_refused_with_those_that_there_are():
    with pytest.raises(
        ValueError,
        match=r"No model 'volitional_small' .*mean 'volitional-small'.*volitional-muap, volit",
    ):
        load("volitional_small")
    with pytest.raises(ValueError, match=r"No model 'resting' comes with sknemg: choose"):
        card("resting")


def test_altered_files_are_noticed(monkeypatch, tmp_path):
    copy = tmp_path / "volitional-small"
    shutil.copytree(folder_of("volitional-small"), copy)
    content = bytearray((copy / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (copy / "model.safetensors").write_bytes(content)
    monkeypatch.setattr("sknemg.weights.network.folder_of", lambda name: copy)
    with pytest.raises(ValueError, match=r"model.safetensors of 'volitional-small'.*altered"):
        read_network("volitional-small")


def test_the_weights_are_read_once_and_nobody_writes_into_them(monkeypatch, tmp_path):
    copy = tmp_path / "volitional-small"
    shutil.copytree(folder_of("volitional-small"), copy)
    monkeypatch.setattr("sknemg.weights.network.folder_of", lambda name: copy)
    first = read_network("volitional-small")
    first.parameters["width"] = 64
    (copy / "model.safetensors").unlink()
    again = read_network("volitional-small")
    assert again.parameters["width"] == 8
    with pytest.raises(ValueError, match="read-only"):
        next(iter(again.weights.values()))[...] = 0


@pytest.mark.slow
def test_a_pipeline_to_fine_tune_has_the_steps_of_the_model():
    pipe = fine_tuning_pipeline(freeze=12, max_epochs=1, random_state=0)
    shipped = load("volitional-small").estimator_
    assert [type(step) for step in pipe] == [type(step) for step in shipped]
    for own, theirs in zip(pipe[:-1], shipped[:-1], strict=True):
        assert own.get_params() == theirs.get_params()
    two = patient()
    X = Recordings([two[0], two[1], 0.1 * two[0], 0.1 * two[1]], sfreq=10_000, subject=list("abcd"))
    pipe.fit(X, ["ALS", "ALS", "normal", "normal"])
    assert pipe.classes_.tolist() == ["ALS", "normal"]
    before, after = shipped[-1].estimator_.weights_, pipe[-1].estimator_.weights_
    frozen = [n for n in before if n.startswith("blocks.")]
    assert all(np.array_equal(before[n], after[n]) for n in frozen)
    with pytest.raises(ValueError, match=r"'volitional-muap' holds 0 networks"):
        fine_tuning_pipeline("volitional-muap")


def test_a_network_is_fine_tuned_by_the_recipe_that_was_chosen_unless_told_otherwise():
    network = fine_tuning_pipeline()[-1].estimator
    assert (network.schedule, network.optimizer, network.freeze) == ("one-cycle", "adamw", 4)
    assert (network.max_updates, network.max_epochs) == (150, 150)  # an epoch has one at least
    assert network.augment.input_sfreq == read_network("volitional-small").sfreq
    own = fine_tuning_pipeline(augment=None, freeze=0, lr=1e-4)[-1].estimator
    assert (own.augment, own.freeze, own.lr) == (None, 0, 1e-4)


def few_subjects():
    """Two classes that differ in size, three subjects each."""
    one = patient()[0]
    sizes = np.array([1.0, 1.1, 0.9, 0.1, 0.11, 0.09])
    X = Recordings([size * one for size in sizes], sfreq=10_000, subject=list("abcdef"))
    return X, np.repeat(["ALS", "normal"], 3)


def test_few_subjects_teach_what_the_columns_of_a_network_mean(tmp_path):
    X, y = few_subjects()
    model = few_shot_pipeline(C=0.1).fit(X[[0, 1, 3, 4]], y[[0, 1, 3, 4]])
    assert model.predict(X[[2, 5]]).tolist() == ["ALS", "normal"]
    shipped = load("volitional-small").estimator_
    for own, theirs in zip(model[:3], shipped[:3], strict=True):
        assert own.get_params() == theirs.get_params()
    weights = model[-2].network_.weights_
    assert all(np.array_equal(weights[k], w) for k, w in shipped[-1].estimator_.weights_.items())
    save_model(model, tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert_allclose(again.predict_proba(X), model.predict_proba(X), atol=1e-6)
    assert caution_of(again) == caution_of(model) == SEEN
    with pytest.raises(ValueError, match=r"'volitional-muap' holds 0 networks"):
        few_shot_pipeline("volitional-muap")


def test_the_caution_of_a_model_that_sees_through_a_network_reaches_its_answers():
    X, y = few_subjects()
    model = Diagnostician(few_shot_pipeline(), cv=2, coverage=0.8).fit(X, y)
    assert model.caution_ == SEEN
    assert model.diagnose(X[[0]])[0].caution == SEEN


def test_the_command_line_takes_a_name_and_a_folder_of_that_name_wins(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert model_path("volitional-small") == folder_of("volitional-small")
    assert model_path("elsewhere/volitional-small") == Path("elsewhere/volitional-small")
    assert model_path("volitional") == Path("volitional")
    Path("volitional-small").mkdir()
    assert model_path("volitional-small") == Path("volitional-small")


def test_a_name_that_nothing_has_is_refused_on_the_command_line(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", patient()[0])
    argv = ["diagnose", "--unit", "mV", "--file-sfreq", "10000", "--out", "out", "a.npy"]
    assert main([*argv, "--model", "volitional"]) == 2
    said = capsys.readouterr().err
    assert "'volitional' does not exist" in said
    assert "one of volitional-muap, volitional-small" in said


@pytest.mark.slow
@pytest.mark.usefixtures("other_versions")
@pytest.mark.parametrize("name", names())
def test_a_patient_is_diagnosed_by_a_name(name, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    Path("patient").mkdir()
    np.save("patient/a.npy", patient()[0])
    argv = ["diagnose", "--model", name, "--unit", "mV", "--file-sfreq", "10000", "patient"]
    assert main(argv) == 0
    said = capsys.readouterr()
    assert "patient: " in said.out
    assert "The model was saved with" not in said.err
    assert said.out.index(CAUTION) < said.out.index("patient: ")
    (page,) = Path("diagnosis").glob("*.html")
    text = " ".join(page.read_text(encoding="utf-8").split())
    assert text.index(CAUTION) < text.index('<p class="answer">')
    (file,) = Path("diagnosis").glob("*.json")
    assert json.loads(file.read_text(encoding="utf-8"))["model"]["caution"] == CAUTION


@pytest.mark.usefixtures("other_versions")
def test_an_archive_is_diagnosed_with_the_caution_first(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("silent.npy", np.zeros(6000))
    Path("table.csv").write_text("subject,file\nP,silent.npy\n")
    argv = ["diagnose", "--model", "volitional-muap", "--archive", "table.csv", "--out", "out"]
    assert main([*argv, "--unit", "mV", "--file-sfreq", "10000"]) == 0
    said = capsys.readouterr()
    assert "The model was saved with" not in said.err
    assert said.out.index(CAUTION) < said.out.index("1 recording")
    assert read_archive("out").manifest["caution"] == CAUTION
