"""Models that come with sknemg: they load, offline and as they were, and answer as they did."""

import shutil
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from benchmarks.pretrain import reference_patient as patient
from sknemg import Recordings
from sknemg.cli import main
from sknemg.cli.entries import model_path
from sknemg.pretrained import card, describe, fine_tuning_pipeline, load, names
from sknemg.weights import folder_of, read_network


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
    for said in ("not a medical device", "simulated patients alone", "Scores on real recordings",
                 "When it does not answer", "Simulator of commit"):  # fmt: skip
        assert said in text
    assert "Not measured yet" not in text
    assert "EMGLAB N2001: " in text


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
    assert list(Path("diagnosis").glob("*.html"))
