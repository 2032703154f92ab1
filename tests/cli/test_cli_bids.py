"""Data sets in EMG-BIDS where the command line takes a folder."""

import numpy as np
import pytest

from sknemg import Recordings
from sknemg.cli import comparison, main
from sknemg.datasets import write_bids

RATE = 5000


@pytest.fixture
def folder(tmp_path):
    """Write a data set of four recordings of three subjects."""
    pytest.importorskip("edfio")
    rng = np.random.default_rng(0)
    signals = rng.normal(scale=0.3, size=(4, RATE)).astype(np.float32)
    X = Recordings(signals, sfreq=RATE, subject=["a", "a", "b", "c"], muscle="tibialis anterior")
    y = ["normal", "normal", "myopathy", "ALS"]
    write_bids(tmp_path / "set", X, y, name="A set", task="contraction")
    return tmp_path / "set"


@pytest.fixture
def loaded(monkeypatch):
    """What `compare` would evaluate."""
    found = []
    monkeypatch.setattr(comparison, "_run", lambda args, X, y, cohort: found.append((X, y)))
    return found


def compare(folder, *options):
    out = folder.parent / "out"
    return main(["compare", "--cohort", str(folder), "--out", str(out), *options])


def rename_column(folder, name):
    people = folder / "participants.tsv"
    people.write_text(people.read_text().replace("diagnosis", name, 1))


def test_a_cohort_is_read_with_its_diagnoses(folder, loaded):
    words = ["--diagnosis", "ALS=neuropathy"]
    assert compare(folder, *words, "--locations", "muscle") == 0
    rename_column(folder, "group")
    assert compare(folder, *words, "--diagnosis-column", "group") == 0
    (X, y), (again, labels) = loaded
    assert y.tolist() == labels.tolist() == ["normal", "normal", "myopathy", "neuropathy"]
    assert X["location"].tolist() == ["distal"] * 4
    assert "location" not in again or again["location"].isna().all()
    assert X["sfreq"].tolist() == [RATE] * 4


def test_an_unknown_column_is_named_with_the_option(folder, loaded, capsys):
    rename_column(folder, "group")
    assert compare(folder) == 2
    said = capsys.readouterr().err
    assert "participants.tsv: no column 'diagnosis' beside ['group']" in said
    assert "give --diagnosis-column, the one of the diagnoses" in said
    assert not loaded


def test_a_contradicting_unit_is_refused_unless_the_file_decides(folder, loaded, capsys):
    words = ["--diagnosis", "ALS=neuropathy"]
    for file in folder.glob("sub-*/emg/*_channels.tsv"):
        file.write_text(file.read_text().replace("\tuV\t", "\tmV\t"))
    assert compare(folder, *words) == 2
    assert "--bids-units file" in capsys.readouterr().err
    assert compare(folder, *words, "--bids-units", "file") == 0
    ((X, _),) = loaded
    assert 0.2 < np.std(X[0]) < 0.4  # millivolts


def test_options_of_other_folders_are_refused(folder, loaded, capsys, tmp_path):
    assert compare(folder, "--unit", "uV", "--header", "yes") == 2
    assert "--unit, --header: the tables of a data set in EMG-BIDS" in capsys.readouterr().err
    (tmp_path / "other").mkdir()
    assert compare(tmp_path / "other", "--diagnosis-column", "group") == 2
    assert "--diagnosis-column is for data sets in EMG-BIDS" in capsys.readouterr().err
    assert not loaded


def test_validate_asks_for_diagnoses_that_there_are(folder, tmp_path, capsys):
    out = ["--out", str(tmp_path / "out")]
    assert main(["validate", str(folder), *out]) == 1
    assert "diagnosis 'ALS' is unknown" in capsys.readouterr().out
    assert main(["validate", str(folder), "--unlabelled", *out]) == 0
    assert "4 recordings of 3 subjects" in capsys.readouterr().out
    rename_column(folder, "group")  # as of new patients
    assert main(["validate", str(folder), *out]) == 0
    (next(folder.glob("sub-a/emg/*run-2_emg.bdf"))).write_bytes(b"")
    assert main(["validate", str(folder), *out]) == 1
    assert "1 problem" in capsys.readouterr().out


@pytest.mark.filterwarnings("default:.*recordings were left out:UserWarning")
def test_a_patient_is_diagnosed_from_a_data_set(folder, tmp_path, monkeypatch, capsys):
    from sknemg.cli import diagnosis
    from sknemg.diagnosis.answers import Answering

    class Diagnostician(Answering):
        def diagnose(self, X, *, unreadable):
            self.X, self.unreadable = X, unreadable
            return []

    model = Diagnostician()
    monkeypatch.setattr(diagnosis, "given_model", lambda args, **_: model)
    monkeypatch.setattr("sknemg.persistence._folder.fingerprint_of", lambda path: "")
    monkeypatch.setattr("sknemg.evaluation.patient.write_patient", lambda *_, **__: [])
    argv = ["diagnose", "--model", "m", str(folder), "--out", str(tmp_path / "out")]
    assert main(argv) == 0
    assert model.X["subject"].tolist() == ["a", "a", "b", "c"] and model.unreadable == {}
    (file,) = folder.glob("sub-b/**/*_emg.*df")
    file.write_bytes(b"")
    assert main([*argv, "--on-error", "skip"]) == 0
    assert model.X["subject"].tolist() == ["a", "a", "c"]
    ((who, (said,)),) = model.unreadable.items()
    assert who == "b" and said.startswith(f"sub-b/emg/{file.name}: ")
    assert main([*argv, "--unit", "uV"]) == 2
    assert main([*argv[:4], str(tmp_path), *argv[4:]]) == 2
    assert "give it alone" in capsys.readouterr().err
