"""The command line, from a folder to the page."""

import json

import numpy as np
import pandas as pd
import pytest

from sknemg import Recordings
from sknemg.cli import main
from sknemg.datasets import write_cohort

SFREQ = 3000.0
NAME = "<script>alert(1)"  # of the folder: it stands on the page


@pytest.fixture
def make_cohort_folder(tmp_path, make_ragged):
    """Factory of cohort folders of nine subjects."""

    def make(change=lambda X, y: (X, y)):
        X, y = make_ragged(sfreq=SFREQ)
        X = X.with_columns(
            location=np.resize(["proximal", "distal"], len(X)),
            age=60.0,
        )
        X, y = change(X, y)
        write_cohort(tmp_path / NAME, X, y)
        return tmp_path / NAME

    return make


def compare(folder, out, *options):
    argv = ["compare", "--cohort", str(folder), "--out", str(out), "--sfreq", str(SFREQ)]
    return main([*argv, "--profile", "smoke", "--folds", "3", "--jobs", "1", *options])


def test_from_a_folder_to_a_page(make_cohort_folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert compare(make_cohort_folder(), out) == 0
    printed = capsys.readouterr().out
    assert "Research only" in printed
    assert "features + LDA" in printed
    assert len(pd.read_csv(out / "subjects.csv")) == 2 * 9
    settings = json.loads((out / "settings.json").read_text())
    assert settings["n_subjects"] == {"myopathy": 3, "neuropathy": 3, "normal": 3}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "It is not a medical device" in page
    assert "These scores leak" not in page
    assert "&lt;script&gt;alert(1)" in page  # the name of the folder
    assert "<script" not in page

    cells = {file: file.stat().st_mtime_ns for file in (out / "cells").iterdir()}
    assert len(cells) == 6
    subjects = (out / "subjects.csv").read_bytes()
    assert compare(tmp_path / NAME, out) == 0  # finished cells are read, not run
    assert {file: file.stat().st_mtime_ns for file in (out / "cells").iterdir()} == cells
    assert (out / "subjects.csv").read_bytes() == subjects


def test_the_page_says_that_published_scores_leak(make_cohort_folder, tmp_path):
    options = ["--protocol", "published", "--repeats", "1"]
    assert compare(make_cohort_folder(), tmp_path / "out", *options) == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "These scores leak" in page


def one_class(X, y):
    return X, np.full(len(y), "normal")


def short(X, y):
    signals = [signal[:900] if row == 2 else signal for row, signal in enumerate(X)]
    return Recordings(signals, **{name: X[name].to_numpy() for name in X.meta}), y


def without_rate(folder):
    table = pd.read_csv(folder / "recordings.csv").drop(columns="sfreq")
    table.to_csv(folder / "recordings.csv", index=False)


def copied(X, y):
    stolen = X[[0]].with_columns(subject="S99").with_values(X[0][50:], [0, len(X[0]) - 50])
    return Recordings.concat([X, stolen]), np.append(y, y[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (one_class, "one class only, 'normal'; two are needed"),
        (short, "row 2: 0.3 s long, one window is 0.4 s"),
        (copied, "hold the same signal"),
    ],
    ids=["one class", "short recording", "leak"],
)
def test_wrong_cohorts_end_with_a_reason(make_cohort_folder, tmp_path, capsys, change, message):
    assert compare(make_cohort_folder(change), tmp_path / "out") == 2
    printed = capsys.readouterr().err
    assert "sknemg: " in printed
    assert message in printed
    assert "Traceback" not in printed


def test_a_folder_that_is_missing(tmp_path, capsys):
    assert compare(tmp_path / "nowhere", tmp_path / "out") == 2
    assert "nowhere" in capsys.readouterr().err


def test_a_rate_that_nobody_knows_is_not_guessed(make_cohort_folder, tmp_path, capsys):
    folder = make_cohort_folder()
    without_rate(folder)
    assert compare(folder, tmp_path / "out") == 2
    assert "no sampling rate" in capsys.readouterr().err


def test_a_stop_by_the_user_says_how_to_go_on(make_cohort_folder, tmp_path, capsys, monkeypatch):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("sknemg.evaluation.evaluate", stop)
    assert compare(make_cohort_folder(), tmp_path / "out") == 130
    assert "goes on where it stood" in capsys.readouterr().err


def test_unknown_options_are_refused(capsys):
    with pytest.raises(SystemExit) as error:
        main(["compare", "--cohort", "x", "--protocol", "hopeful"])
    assert error.value.code == 2
    assert "invalid choice: 'hopeful'" in capsys.readouterr().err


@pytest.mark.slow
def test_demo_simulates_its_cohort(tmp_path, capsys):
    out = tmp_path / "demo"
    argv = ["demo", "--subjects", "9", "--profile", "smoke", "--folds", "3", "--jobs", "1"]
    assert main([*argv, "--out", str(out)]) == 0
    assert "simulated patients (no real person)" in (out / "report.html").read_text()
    assert "Simulating 9 subjects" in capsys.readouterr().out


def test_demo_says_at_once_that_subjects_are_too_few(tmp_path, capsys):
    assert main(["demo", "--subjects", "8", "--folds", "3", "--out", str(tmp_path)]) == 2
    printed = capsys.readouterr()
    assert "give --subjects 9 or more, or fewer --folds" in printed.err
    assert not printed.out


@pytest.mark.parametrize(
    ("option", "value", "least"),
    [("--folds", "1", 2), ("--folds", "many", 2), ("--repeats", "0", 1), ("--out-of-fold", "1", 2)],
)
def test_wrong_numbers_are_refused_at_once(tmp_path, capsys, option, value, least):
    with pytest.raises(SystemExit, match="2"):
        main(["demo", "--out", str(tmp_path / "out"), option, value])
    assert f"{option}: {value!r} is no whole number from {least} on" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
