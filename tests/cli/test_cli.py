"""The command line, from a folder to the page."""

import ast
import functools
import inspect
import json
import os
import re
import tomllib
import warnings
from collections import Counter
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from _results import invented

import sknemg
from sknemg import InvalidRecordingsError, Recordings
from sknemg.cli import main
from sknemg.cli.advice import _REFERENCE, in_words_of
from sknemg.cli.commands import _parser
from sknemg.cli.comparison import SIMULATING
from sknemg.cli.diagnosis import ARCHIVING
from sknemg.cli.labeler import LABELING
from sknemg.cli.methods import RUNNING
from sknemg.cli.models import MODELS
from sknemg.cli.readers import ANALYSING
from sknemg.cli.reading import LOADING
from sknemg.datasets import load_cohort, write_cohort
from sknemg.evaluation import _check
from sknemg.evaluation.methods import compared_methods

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


@pytest.mark.slow
def test_the_methods_are_those_that_fit_the_recordings(make_cohort_folder, tmp_path, capsys):
    assert compare(make_cohort_folder(), tmp_path / "out") == 0
    assert "Hardly any motor units are found" in capsys.readouterr().out
    names = pd.read_csv(tmp_path / "out" / "subjects.csv")["method"].unique()
    assert len(names) == 3 and list(names[1:]) == ["features + LDA", "no EMG (nuisance)"]
    assert len(list((tmp_path / "out" / "cells").iterdir())) == 9


@pytest.mark.slow
def test_from_a_folder_to_a_page(make_cohort_folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sknemg.evaluation.report._pictures", lambda panels: [])  # slow to draw
    out, method = tmp_path / "out", ["--methods", "features"]
    assert compare(make_cohort_folder(), out, *method) == 0
    printed = capsys.readouterr().out
    assert "Research only" in printed
    assert "features + LDA" in printed
    assert len(pd.read_csv(out / "subjects.csv")) == 2 * 9  # with the model that sees no EMG
    assert "no EMG (nuisance)" in printed
    assert "Gained over a model that sees no EMG" in printed
    assert set(pd.read_csv(out / "gains.csv")["over"]) == {"no EMG (nuisance)"}
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
    monkeypatch.setattr("sknemg.evaluation.report.write_report", lambda *_, **__: [])
    assert compare(tmp_path / NAME, out, *method) == 0  # finished cells are read, not run
    assert {file: file.stat().st_mtime_ns for file in (out / "cells").iterdir()} == cells
    assert (out / "subjects.csv").read_bytes() == subjects


@pytest.mark.slow
def test_the_page_says_that_published_scores_leak(make_cohort_folder, tmp_path):
    options = ["--protocol", "published", "--repeats", "1"]
    assert compare(make_cohort_folder(), tmp_path / "out", *options) == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert re.search(r"The scores of\s+<bdi>nEMGNet-A[^<]*</bdi> leak\.", page)


@pytest.mark.slow
def test_methods_are_chosen_by_name(make_cohort_folder, tmp_path):
    folder = make_cohort_folder()
    assert compare(folder, tmp_path / "out", "--methods", "features, features+forest") == 0
    names = pd.read_csv(tmp_path / "out" / "subjects.csv")["method"].unique().tolist()
    both = "features + LDA and features + forest together"
    assert names == ["features + LDA", both, "no EMG (nuisance)"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("CNN", "The method 'CNN' is unknown: give some of 'network', 'features'"),
        (",", "--methods is empty"),
        ("forest,forest", "--methods holds a method twice"),
    ],
)
def test_unknown_methods_are_refused(make_cohort_folder, tmp_path, capsys, names, message):
    assert compare(make_cohort_folder(), tmp_path / "out", "--methods", names) == 2
    refused(capsys, message)


def one_class(X, y):
    return X, np.full(len(y), "normal")


def flat(X, y):
    return X.with_values(0 * X.values, X.offsets), y


def short(X, y):
    signals = [signal[:900] if row == 2 else signal for row, signal in enumerate(X)]
    return Recordings(signals, **{name: X[name].to_numpy() for name in X.meta}), y


def copied(X, y):
    stolen = X[[0]].with_columns(subject="S99").with_values(X[0][50:], [0, len(X[0]) - 50])
    return Recordings.concat([X, stolen]), np.append(y, y[0])


def low_rate(X, y):
    return X.with_columns(sfreq=SFREQ / 2), y


@pytest.mark.parametrize(
    ("change", "options", "messages"),
    [
        (one_class, [], ["one class only, 'normal'"]),
        (flat, [], ["No recording holds a signal, each is one value throughout"]),
        (short, [], ["0.3 s long, one window is 0.4 s", "set --short drop or --short pad"]),
        (low_rate, [], ["below 3000 Hz", "lower --sfreq, ", "set --upsample"]),
        (copied, [], ["hold the same signal"]),
        (lambda X, y: (X, y), ["--folds", "4"], ["--folds 4 is more than any class has"]),
        (
            lambda X, y: (X, y),
            ["--out-of-fold", "3"],
            ["--out-of-fold 3 is more than any class has subjects in a training fold (2): "],
        ),
    ],
    ids=["one class", "flat", "short recording", "low rate", "leak", "folds", "inner folds"],
)
@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
def test_wrong_cohorts_end_with_a_reason_in_the_words_of_the_command(
    make_cohort_folder, tmp_path, capsys, monkeypatch, change, options, messages
):
    """Before motor units are looked for, which takes minutes."""

    def search(*_):
        pytest.fail("looked for motor units")

    monkeypatch.setattr("sknemg.evaluation.methods.fitting_methods", search)
    assert compare(make_cohort_folder(change), tmp_path / "out", *options) == 2
    refused(capsys, *messages)


def refused(capsys, *messages):
    """The error stream holds one reason, with these words and none of Python's."""
    printed = capsys.readouterr().err
    assert printed.count("sknemg: ") == 1
    for message in messages:
        assert message in printed
    assert "Traceback" not in printed
    assert not re.search(r"`|\b[a-z_]+=", printed), printed


def edit(folder, **changes):
    """Change columns of recordings.csv; None takes one out."""
    table = pd.read_csv(folder / "recordings.csv")
    table = table.drop(columns=[name for name, value in changes.items() if value is None])
    table.assign(**{n: v for n, v in changes.items() if v is not None}).to_csv(
        folder / "recordings.csv", index=False
    )


def text_files(folder, body):
    for file in sorted((folder / "data").iterdir()):
        file.with_suffix(".csv").write_text(body, encoding="utf-8")
    table = pd.read_csv(folder / "recordings.csv")
    edit(folder, file=table["file"].str.replace(".npy", ".csv"))


@pytest.mark.parametrize(
    ("harm", "options", "messages"),
    [
        (lambda f: edit(f, sfreq=None), [], ["no sampling rate", "give --file-sfreq in hertz"]),
        (lambda f: edit(f, unit=None), [], ["give --unit (V, mV, uV or nV) or --scale"]),
        (lambda f: None, ["--unit", "uV"], ["unit mV in the row, --unit uV as argument"]),
        (lambda f: None, ["--file-sfreq", "7"], ["3000.0 in the row, --file-sfreq 7.0 as argum"]),
        (lambda f: None, ["--unit", "mV", "--scale", "2"], ["--unit and --scale both given"]),
        (lambda f: text_files(f, "1;2\n3;4\n"), [], ["give --delimiter ';'"]),
        (lambda f: text_files(f, "a,b\n1,2\n3,4\n"), [], ["give the column 'channel', one of"]),
        (lambda f: text_files(f, "1\nnan\n3\n"), [], ["line 2"]),
        (lambda f: None, ["--delimiter", ",", "--decimal", ","], ["--delimiter and --decimal are"]),
        (lambda f: None, ["--encoding", "klingon"], ["--encoding klingon is unknown"]),
        (lambda f: None, ["--max-bytes", "9"], ["more than --max-bytes 9: raise --max-bytes"]),
        (lambda f: None, ["--diagnosis", "ALS=normal"], ["correct the word in --diagnosis WORD"]),
        (
            lambda f: edit_subjects(f, diagnosis="ALS"),
            [],
            ["diagnosis 'ALS' is unknown", "or give --diagnosis ALS=CLASS"],
        ),
        (lambda f: (f / "recordings.csv").unlink(), [], ["put subjects.csv and recordings.csv"]),
        (lambda f: (f / "recordings.csv").write_text(""), [], ["recordings.csv: no column"]),
    ],
)  # fmt: skip
def test_what_loading_refuses_is_said_in_options(
    make_cohort_folder, tmp_path, capsys, harm, options, messages
):
    folder = make_cohort_folder()
    harm(folder)
    assert compare(folder, tmp_path / "out", *options) == 2
    refused(capsys, *messages)


def edit_subjects(folder, **changes):
    table = pd.read_csv(folder / "subjects.csv").assign(**changes)
    table.to_csv(folder / "subjects.csv", index=False)


def test_a_long_list_of_problems_is_kept_in_a_file(tmp_path, capsys, monkeypatch):
    table = pd.DataFrame({"row": range(30), "problem": "short", "remedy": "drop"})

    def refuse(*args, **kwargs):
        raise InvalidRecordingsError(table)

    monkeypatch.setattr("sknemg.datasets.load_cohort", refuse)
    tmp_path.joinpath("in").mkdir()
    out = tmp_path / "out"
    assert main(["compare", "--cohort", str(tmp_path / "in"), "--out", str(out)]) == 2
    refused(capsys, f"... and 10 more in {out / 'problems.csv'}")
    assert len(pd.read_csv(out / "problems.csv")) == 30


# -- folders and files that the system refuses --------------------------------------------------


def test_folders_that_are_none(tmp_path, capsys):
    out = str(tmp_path / "out")
    file = tmp_path / "file"
    file.write_text("")
    for cohort, message in [
        (tmp_path / "nowhere", "does not exist: give a folder"),
        (file, "is a file: give the folder"),
        (tmp_path / ("n" * 300), "(File name too long): give a shorter name."),
    ]:
        assert main(["compare", "--cohort", str(cohort), "--out", out]) == 2
        refused(capsys, message)
    (tmp_path / "empty").mkdir()
    assert main(["compare", "--cohort", str(tmp_path / "empty"), "--out", out]) == 2
    refused(capsys, "' holds no table: put subjects.csv and recordings.csv there")


@pytest.fixture
def not_root():
    """Be somebody whom the system refuses something."""
    if os.name != "posix":
        pytest.skip("needs POSIX permissions")
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


def test_no_permission(tmp_path, capsys, request):
    (tmp_path / "in").mkdir(mode=0o000)
    (tmp_path / "out").mkdir(mode=0o500)
    request.getfixturevalue("not_root")
    assert main(["compare", "--cohort", str(tmp_path / "in")]) == 2
    refused(capsys, "ermission")
    assert main(["demo", "--out", str(tmp_path / "out")]) == 2
    refused(capsys, "cannot hold the results", "give a folder that can be written to.")


def test_results_need_a_folder(tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("kept")
    for out in (file, file / "below"):
        assert main(["demo", "--out", str(out)]) == 2
        refused(capsys, f"--out {str(out)!r} cannot hold the results")
    assert file.read_text() == "kept"


def test_results_do_not_go_into_the_folder_of_a_model(tmp_path, capsys):
    (tmp_path / "SHA256SUMS").write_text("")
    assert main(["demo", "--out", str(tmp_path)]) == 2
    refused(capsys, f"--out {str(tmp_path)!r} is the folder of a model", "give another folder.")
    assert [file.name for file in tmp_path.iterdir()] == ["SHA256SUMS"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk(make_cohort_folder, tmp_path, capsys, monkeypatch):
    result, X, y = invented()
    monkeypatch.setattr("sknemg.datasets.load_cohort", lambda *a, **k: (X, y))
    monkeypatch.setattr("sknemg.evaluation._evaluate.evaluate_checked", lambda *a, **k: result)
    out = tmp_path / "out"
    out.mkdir()
    (out / "recordings.csv").symlink_to("/dev/full")
    assert compare(make_cohort_folder(), out, "--methods", "features") == 2
    refused(capsys, "(No space left on device): free some space and rerun the same command")


@pytest.mark.parametrize(
    "error",
    [MemoryError(), BrokenProcessPool("A worker was killed"), OSError(28, "No space left", "x")],
)
def test_what_runs_out_is_said(make_cohort_folder, tmp_path, capsys, monkeypatch, error):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr("sknemg.evaluation._evaluate.evaluate_checked", fail)
    assert compare(make_cohort_folder(), tmp_path / "out") == 2
    refused(capsys, "No space left" if isinstance(error, OSError) else "give fewer --jobs")


def test_a_command_without_an_output_ends_as_any_other(tmp_path, monkeypatch):
    """As of jobs of a scheduler, whose streams are closed."""
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(size=10_000))
    command = ["sknemg", "validate", str(tmp_path), "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setattr("sys.argv", [*command, "--unit", "mV", "--file-sfreq", "10000"])
    assert main() == 0
    assert (tmp_path / "out" / "validation.html").exists()


def test_a_fault_of_the_program_is_not_hidden(make_cohort_folder, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise KeyError("a fault")

    monkeypatch.setattr("sknemg.evaluation._evaluate.evaluate_checked", fail)
    with pytest.raises(KeyError):
        compare(make_cohort_folder(), tmp_path / "out")


@pytest.mark.filterwarnings("default::UserWarning")
def test_warnings_are_said_in_options_without_a_place_in_the_code(
    make_cohort_folder, tmp_path, capsys, monkeypatch
):
    def warn(*args, **kwargs):
        warnings.warn("Votes are missing: set subject_features='all'.", stacklevel=1)
        raise KeyboardInterrupt

    monkeypatch.setattr("sknemg.evaluation._evaluate.evaluate_checked", warn)
    assert compare(make_cohort_folder(), tmp_path / "out") == 130
    printed = capsys.readouterr().err
    assert "sknemg: warning: Votes are missing: set --subject-features all.\n" in printed
    assert ".py:" not in printed


def test_a_stop_by_the_user_says_how_to_go_on(make_cohort_folder, tmp_path, capsys, monkeypatch):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("sknemg.evaluation._evaluate.evaluate_checked", stop)
    assert compare(make_cohort_folder(), tmp_path / "out") == 130
    assert "stopped; rerun the same command to resume." in capsys.readouterr().err


def test_a_stopped_training_is_not_said_to_resume(
    make_cohort_folder, tmp_path, capsys, monkeypatch
):
    """It keeps nothing of what was done."""

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("sknemg.diagnosis.Diagnostician.fit", stop)
    argv = ["train", "--cohort", str(make_cohort_folder()), "--out", str(tmp_path / "model")]
    assert main([*argv, "--sfreq", "1000"]) == 130
    printed = capsys.readouterr().err
    assert "stopped; the same command begins anew." in printed and "resume" not in printed


def test_a_list_of_problems_does_not_outlive_its_run(
    make_cohort_folder, tmp_path, capsys, monkeypatch
):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("sknemg.evaluation._evaluate.evaluate_checked", stop)
    out = tmp_path / "out"
    out.mkdir()
    (out / "problems.csv").write_text("table,row,problem,remedy\n", encoding="utf-8")
    assert compare(make_cohort_folder(), out) == 130
    assert not (out / "problems.csv").exists()
    (out / "problems.csv").write_text("problem,who\n", encoding="utf-8")  # of somebody else
    assert compare(tmp_path / NAME, out) == 130
    assert (out / "problems.csv").exists()


def test_unknown_methods_are_refused_before_recordings_are_read(
    make_cohort_folder, tmp_path, capsys, monkeypatch
):
    def fail(*args, **kwargs):
        raise AssertionError("read")

    monkeypatch.setattr("sknemg.datasets.load_cohort", fail)
    assert compare(make_cohort_folder(), tmp_path / "out", "--methods", "CNN") == 2
    refused(capsys, "The method 'CNN' is unknown")


def test_a_cohort_is_checked_and_resampled_once(make_cohort_folder, tmp_path, monkeypatch):
    """By the choice of methods and by the evaluation together, up to the first fit."""
    calls = Counter()

    def counted(name, function):
        return lambda *args: (calls.update([name]), function(*args))[1]

    for owner, name in [
        (_check, "check_no_shared_signal"),
        (sknemg.Downsampler, "transform"),
        (sknemg.Segmenter, "transform"),
    ]:
        key = getattr(owner, "__name__", name)
        monkeypatch.setattr(owner, name, counted(key, getattr(owner, name)))
    monkeypatch.setattr("sknemg.evaluation.methods.fitting_methods", lambda *_: ("features",))

    def stop(*_):
        raise KeyError("a stop")

    monkeypatch.setattr("sknemg.evaluation._evaluate.run_cell", stop)
    with pytest.raises(KeyError, match="a stop"):
        compare(make_cohort_folder(), tmp_path / "out")
    assert list(calls.values()) == [1, 1, 1], calls


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
    [
        ("--folds", "1", 2),
        ("--folds", "many", 2),
        ("--repeats", "0", 1),
        ("--out-of-fold", "1", 2),
        ("--jobs", "0", 1),
        ("--jobs", "-1", 1),
        ("--seed", "-1", 0),
        ("--seed", "9" * 30, 0),
        ("--seed", "٣", 0),
        ("--subjects", "0", 3),
        ("--subjects", "1.5", 3),
    ],
)
def test_wrong_numbers_are_refused_at_once(tmp_path, capsys, option, value, least):
    with pytest.raises(SystemExit, match="2"):
        main(["demo", "--out", str(tmp_path / "out"), option, value])
    assert f"{option}: {value!r} must be an integer >= {least}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_version_and_the_console_script(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"sknemg {sknemg.__version__}\n"
    project = Path(__file__).parents[2] / "pyproject.toml"
    if not project.exists():
        pytest.skip("away from the source")
    scripts = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["scripts"]
    assert scripts == {"sknemg": "sknemg.cli:main"}


# -- the library's messages in the words of the command ----------------------------------------

PACKAGE = Path(sknemg.__file__).parent
#: Parameters named in messages that no command can lead to.
ELSEWHERE = {
    "best_estimator_": "of searches",
    "bits": "of Python's write_bids", "sidecar": "of Python's write_bids",
    "task": "of Python's write_bids",
    "choose_on": "only steps that make tables lead there",
    "confidence_level": "fixed",
    "copy": "of NumPy",
    "device": "fixed: auto",
    "difference": "of Python's chance_to_find",
    "fast": "in Python alone: of a fitted network",
    "estimator": "of Python's Diagnostician",
    "effort": "fixed", "needle": "fixed",  # of the simulation
    "vary": "fixed",
    "pooling": "of Python's DiVoteClassifier",
    "share": "of Python's adapted_pipeline",
    "recording_weights": "of Python's DiVoteClassifier",
    "freeze": "of Python's NEMGNetClassifier", "init": "of Python's NEMGNetClassifier",
    "high": "of BandPass, which no command builds", "low": "of BandPass, which no command builds",
    "in_chans": "of image networks", "image_size": "of image networks",
    "input_sfreq": "of bare arrays",
    "kind": "of resting discharges",
    "level": "of scorers", "metric": "of scorers",
    "location": "of streams",
    "max_noise": "fixed",
    "method": "fixed: soxr",
    "named_estimators_": "of fitted joint votes",
    "nuisance": "set by the command itself", "over": "set by the command itself",
    "name": "what is written into a table", "position": "what is written into a table",
    "offsets": "of Recordings",
    "cannot_say": "of readers", "repeat": "of readers",
    "refit": "of searches", "voting": "of VotingClassifier",
    "strict": "of scorers",
    "reader": "of Python's register_reader", "suffix": "of Python's register_reader",
    "subject": "in Python alone: here the folder names the patient",
    "transform": "of set_output",
    "unknown": "of Python's location_from_muscle",
    "validation": "fixed: auto, which needs no subjects of a class",
    "error.problems": "set by the command itself",
    "classes": "those of the cohort", "confidence": "of the page", "seconds": "of the page",
    "kappa": "of simulated readers",
    "accuracy_sd": "of simulated readers",
    "rule": "of turns", "threshold": "of turns", "thresholds": "of clouds",
    "weights": "of joint votes", "monitor": "of Python's classifiers",
    "duration": "of resting discharges", "noise": "of resting discharges",
    "band": "of simulated instruments", "padding": "of a warning of torch",
    "burst_rate": "of resting discharges", "rate": "of resting discharges",
    "n_spikes": "of resting discharges", "instrument": "of simulated contractions",
    "camera": "of a page's header", "microphone": "of a page's header",
    "geolocation": "of a page's header",
    "sep": "of a line that Excel writes",
}  # fmt: skip


@functools.cache
def messages():
    """Every text of the modules that a command runs, values in it written as 1."""
    rooms = ["base", "classifiers", "datasets", "diagnosis", "divote", "evaluation", "features"]
    rooms += ["metrics", "model_selection", "persistence", "preprocessing", "recordings", "signal"]
    rooms += ["labeler", "simulate"]
    found = []
    files = [
        file
        for room in rooms
        for file in sorted((PACKAGE / room).rglob("*.py")) or [PACKAGE / f"{room}.py"]
    ]
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        inner = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                inner |= {id(part) for part in ast.walk(node) if part is not node}
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
                inner.add(id(body[0].value))  # a docstring
        for node in ast.walk(tree):
            where = f"{file.relative_to(PACKAGE)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.JoinedStr):
                parts = [p.value if isinstance(p, ast.Constant) else "1" for p in node.values]
                found.append((where, "".join(map(str, parts))))
            elif isinstance(getattr(node, "value", None), str) and id(node) not in inner:
                found.append((where, node.value))
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "check_choice":
                found += [(where, f"{given.arg}=1") for given in node.keywords]
    return [(where, text) for where, text in found if "default=" not in text]  # shared docstrings


KNOWN = {*ARCHIVING, *LOADING, *RUNNING, *SIMULATING, *MODELS, *LABELING, *ANALYSING}


def test_every_parameter_in_a_message_has_an_option_or_a_reason_why_not():
    found = {
        match["name"] or match["set"]: where
        for where, message in messages()
        for match in _REFERENCE.finditer(message)
    }
    assert {"short", "n_splits", "sfreq", "unit", "delimiter", "channel"} <= set(found)
    unknown = {name: where for name, where in found.items() if name not in KNOWN | set(ELSEWHERE)}
    assert not unknown, "give them an option in sknemg/cli, or say why there is none"
    assert set(ELSEWHERE) <= set(found)


def test_no_advice_names_a_parameter_without_marking_it():
    verbs = "give|set|lower|raise|pass|leave|correct"
    names = "|".join(KNOWN - {"folder", "header", "out", "window", "protocol"})
    bare = re.compile(rf"\b({verbs}) ({names})\b(?!=)|\b({names}) says\b")
    found = {where: message for where, message in messages() if bare.search(message)}
    allowed = {where for where in found if where.startswith("divote/parts.py")}  # of pictures
    assert set(found) == allowed, found


def test_every_parameter_of_what_is_called_has_an_option():
    def parameters(function):
        return set(inspect.signature(function).parameters)

    assert parameters(load_cohort) <= set(LOADING)
    assert parameters(compared_methods) <= set(RUNNING)
    (commands,) = _parser()._subparsers._group_actions
    options = set(commands.choices["compare"]._option_string_actions)
    said = {words(None) for words in [*LOADING.values(), *RUNNING.values()]}
    flags = {text.split()[0] for text in said if text.startswith("--")}
    assert flags - options == set()
    assert {o for o in options if o.startswith("--")} - flags == {"--help"}


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("give sfreq=10000.", "give --sfreq 10000."),
        ("set short='drop' or short='pad'", "set --short drop or --short pad"),
        ("a column 'sfreq' or \"sfreq\"", "a column 'sfreq' or \"sfreq\""),
        ("n_splits=5 is more than 3", "--folds 5 is more than 3"),
        ("random_state=('a', 'b c') is unknown", "--seed 'a,b c' is unknown"),
        ("pipe__sfreq=3, x.sfreq=3, 'sfreq=3'", "pipe__sfreq=3, x.sfreq=3, 'sfreq=3'"),
        ("set upsample=True.", "set --upsample."),
        ("`upsample`, `unknown` and other=3", "--upsample, `unknown` and other=3"),
        ("cache='a b/c'", "--out 'a b/c'"),
        ("random_state=1e-05", "--seed 1e-05"),
    ],
)
def test_parameters_become_options(message, said):
    assert in_words_of(RUNNING, message) == said


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("delimiter='\\t', decimal=','", "--delimiter '\\t', --decimal ,"),
        ("diagnoses={'a b': ...}", "--diagnosis 'a b'=CLASS"),
        ("header=True or header=False", "--header yes or --header no"),
        ("channel='1' or `channel`", "'1' in the column 'channel' or the column 'channel'"),
    ],
)
def test_parameters_of_reading_become_options_or_columns(message, said):
    assert in_words_of(LOADING, message) == said
