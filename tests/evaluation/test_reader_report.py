"""The page of a study of readers, its tables as CSV, and the lists of what is reported."""

import json
import re
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_report import Page

from sknemg.cli import main
from sknemg.cli.readers import _stored_votes
from sknemg.evaluation import reporting_checklist, write_reader_report
from sknemg.inspection import ConfusionMatrixDisplay
from sknemg.labeler import Store, Study, Vote, plan
from sknemg.metrics import read_votes, reader_study
from sknemg.simulate import simulate_readers

LEAST = {"n_bootstrap": 20, "random_state": 0}


@pytest.fixture(scope="module")
def votes():
    """Make diagnoses of 24 subjects, a model in two runs, and everything that readers may do."""
    rng = np.random.default_rng(0)
    classes = ["myopathy", "neuropathy", "normal"]
    y = pd.Series(np.repeat(classes, 8), [f"<b>S{i:02}" for i in range(24)])
    runs = {}
    for k in range(2):
        scores = rng.dirichlet([1, 1, 1], size=24) + 0.7 * pd.get_dummies(y)[classes].to_numpy()
        runs[f"run {k + 1}"] = pd.DataFrame(scores / 1.7, y.index, classes)
    options = {"cannot_say": 0.05, "unread": 0.01, "repeated": 0.5, "random_state": 0}
    table = simulate_readers(y, n=4, assisted=runs["run 1"].idxmax(axis=1), **options)
    table["reader"] = table["reader"].replace("R1", "<script>alert(1)")
    below = table[(table["repeat"] == 0) & (table["arm"] == "blinded")]
    table = pd.concat([table, *(below.assign(recording=f"r{k}", level="recording") for k in "12")])
    return y, table, runs


@pytest.fixture(scope="module")
def report(votes, tmp_path_factory):
    y, table, runs = votes
    study = reader_study(y, table, runs, **LEAST)
    recordings = reader_study(y, table, level="recording", **LEAST)
    folder = tmp_path_factory.mktemp("report")
    return study, write_reader_report(folder, study, recordings=recordings, title="A <study>")


def test_the_page_holds_every_table_and_escapes_names(report):
    study, (page, *_) = report
    whole = Page(page.read_text(encoding="utf-8"))
    assert not whole.of("script", "link", "iframe")
    assert "A <study>" in whole.text
    assert "<script>alert(1)" in whole.text
    captions = {attrs["id"] for _, attrs in whole.of("span") if "id" in attrs}
    assert captions == {f"table-{name}" for name in (
        "scores", "recordings", "against", "tests", "agreement", "pairs", "repeated", "unanimous",
        "diagnoses", "arms", "seconds", "confidence", "missing", "checklist",
    )}  # fmt: skip
    pictures = whole.of("img")
    assert len(pictures) == 4
    assert all(attrs["src"].startswith("data:image/png;base64,") for _, attrs in pictures)
    assert f"Only {study.settings['n_complete']} were answered by all" in whole.text
    assert "All readers were wrong on" in whole.text
    unread = study.missing.set_index("rater")["unread_cases"]
    assert unread[unread != ""].iloc[0] in whole.text


def test_each_table_is_a_file(report):
    study, (_, *files) = report
    assert {file.name for file in files} >= {f"{name}.csv" for name in study.tables}
    folder = files[0].parent
    scores = pd.read_csv(folder / "scores.csv")
    assert scores["value"].to_numpy() == pytest.approx(study.scores["value"], abs=1e-5)
    assert len(pd.read_csv(folder / "recordings_scores.csv")) == 5 * (4 + 1)
    assert {"guideline", "status", "owed"} <= set(pd.read_csv(folder / "checklist.csv"))


def test_subjects_are_described_where_recordings_are_given(votes, make_ragged, tmp_path):
    X, y = make_ragged()
    X = X.with_columns(age=50.0, sex=np.where(np.arange(len(X)) >= 0, "female", ""))
    diagnoses = dict(zip(X["subject"], y, strict=True))
    study = reader_study(diagnoses, simulate_readers(y, X, n=2, random_state=0), **LEAST)
    page, *files = write_reader_report(tmp_path, study, X=X, y=y)
    assert "table-subjects" in page.read_text(encoding="utf-8")
    rows = pd.read_csv(tmp_path / "subjects.csv").iloc[:, 0].tolist()
    assert {"subjects", "sex: female", "age"} <= set(rows)
    assert tmp_path / "subjects.csv" in files
    status = pd.read_csv(tmp_path / "checklist.csv").set_index(["guideline", "item"])["status"]
    assert status["STARD-AI", "20"] == "filled in"


def test_the_checklists_are_whole(report):
    study, _ = report
    table = reporting_checklist(study)
    numbers = {g: set(own["item"].str.extract(r"(\d+)")[0].dropna().astype(int))
               for g, own in table.groupby("guideline")}  # fmt: skip
    assert numbers == {"STARD-AI": {*range(1, 31)}, "TRIPOD+AI": {*range(1, 28)}}
    assert (table.loc[table["status"] != "filled in", "owed"] != "").all()
    assert (table.loc[table["status"] != "owed", "where"] != "").all()
    assert set(table["status"]) == {"filled in", "in part", "owed"}
    headings = re.findall("<h2[^>]*>(.*?)</h2>", report[1][0].read_text(encoding="utf-8"))
    assert {where for where in table["where"] if where} <= set(headings)


def test_an_answer_that_is_no_class_has_a_column():
    from matplotlib.figure import Figure

    shares = np.array([[[0.5, 0.25, 0.25], [0, 1, 0]]])
    display = ConfusionMatrixDisplay(shares, ["a", "b"], answers=["a", "b", "cannot say"])
    display.plot(Figure().subplots())
    assert [t.get_text() for t in display.ax_.get_xticklabels()] == ["a", "b", "cannot say"]
    assert display.text_[0, 2].get_text() == "25.0"


# -- the command -------------------------------------------------------------------------------


def stored(folder, votes, name="study.sqlite"):
    with sqlite3.connect(folder / name) as connection:
        votes.to_sql("given", connection, index=False)
        connection.execute("CREATE VIEW votes AS SELECT * FROM given")
        connection.execute("CREATE TABLE study (settings)")
        connection.execute("INSERT INTO study VALUES (?)", (json.dumps({"classes": ["normal"]}),))
    connection.close()
    return folder / name


@pytest.mark.slow
def test_the_command_reads_votes_and_study_files_alike(votes, tmp_path, capsys):
    y, table, runs = votes
    table.to_csv(tmp_path / "votes.csv", index=False)
    parts = [run.assign(repeat=k, y_true=y) for k, run in enumerate(runs.values())]
    pd.concat(parts).rename_axis("subject").to_csv(tmp_path / "predictions.csv")
    model = ["--model", str(tmp_path / "predictions.csv")]
    study_file = stored(tmp_path, table)
    pd.testing.assert_frame_equal(
        *(read_votes(_stored_votes(file)[0]) for file in (study_file, tmp_path / "votes.csv"))
    )
    assert main(["readers", str(study_file), *model, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "accuracy of mean of readers" in printed
    assert "Research only" in printed
    scores = pd.read_csv(tmp_path / "out" / "scores.csv").set_index(["rater", "metric"])["value"]
    own = reader_study(y, table, runs, **LEAST).scores.set_index(["rater", "metric"])["value"]
    pd.testing.assert_series_equal(scores, own, atol=1e-5)


def test_the_study_file_of_the_labeler_is_read(tmp_path):
    study = Study(("myopathy", "normal"), "0" * 64, n_readers=1)
    file = tmp_path / "study.sqlite"
    Store.create(file, study, plan(study, ["S1"]), ["S1"], ["a"])
    store = Store(file)
    for name, answer in [("first", "normal"), ("second", "myopathy")]:  # at once
        store.vote(0, Vote(name, 0, 0, answer, confidence=4))
    found, offered = _stored_votes(file)  # while the server runs
    votes = read_votes(found)
    store.close()
    assert offered == ["myopathy", "normal"]
    assert votes[["reader", "subject", "recording", "level", "vote"]].to_numpy().tolist() == [
        ["R1", "S1", "a", "recording", "myopathy"]
    ]
    assert votes.attrs["corrected"] == 1


def test_the_command_says_what_is_wrong(votes, tmp_path, capsys):
    y, table, _ = votes
    votes_file, truth = tmp_path / "votes.csv", tmp_path / "subjects.csv"
    table.to_csv(votes_file, index=False)
    y.rename_axis("subject").rename("diagnosis").reset_index().to_csv(truth, index=False)
    two = pd.DataFrame({"subject": ["a", "a"], "method": ["x", "y"], "prediction": "normal"})
    two.to_csv(tmp_path / "two.csv", index=False)
    two.assign(diagnosis=["normal", "myopathy"], method="x").to_csv(
        tmp_path / "torn.csv", index=False
    )
    pd.DataFrame({"subject": ["a"], "normal": [0.7]}).to_csv(tmp_path / "one.csv", index=False)
    many = pd.DataFrame({"subject": ["a", "b", "a"], "prediction": ["normal"] * 3})
    many.assign(diagnosis="normal").to_csv(tmp_path / "many.csv", index=False)
    empty = tmp_path / "empty.sqlite"
    with sqlite3.connect(empty) as connection:
        connection.execute("CREATE TABLE other (a)")
    connection.close()
    for arguments, message in [
        ([votes_file], "diagnoses are not known: give --truth"),
        ([tmp_path / "none.csv"], "STUDY '.*none.csv' does not exist"),
        ([empty], "holds no votes"),
        ([votes_file, "--truth", votes_file], "--truth .* has no column diagnosis"),
        ([votes_file, "--model", tmp_path / "two.csv"], "x, y: choose one by --method"),
        ([votes_file, "--model", tmp_path / "two.csv", "--method", "z"], "'z' is not in the file"),
        ([votes_file, "--model", tmp_path / "torn.csv"], "gives a two diagnoses"),
        (
            [votes_file, "--model", tmp_path / "many.csv"],
            "rows 2 and 4 both answer for the subject 'a': give one row for each subject",
        ),
        (
            [votes_file, "--truth", truth, "--model", tmp_path / "one.csv"],
            "neither a column for each class nor prediction",
        ),
        ([truth, "--truth", truth], "STUDY .* has no column reader, vote among subject, diagnosis"),
    ]:
        argv = ["readers", *map(str, arguments), "--out", str(tmp_path / "out")]
        assert main(argv) == 2
        assert re.search(message, capsys.readouterr().err), message


@pytest.fixture
def without_neuropathies():
    """Diagnoses of eight subjects, and the predictions of a model that knows three of them."""
    names = [f"Müller {i}" for i in range(8)]
    true = ["myopathy"] * 4 + ["normal"] * 4
    scores = {"myopathy": [0.09] * 4 + [0.01] * 4, "neuropathy": 0.9}
    table = pd.DataFrame({"subject": names, "diagnosis": true} | scores)
    return table.assign(normal=table["myopathy"].to_numpy()[::-1])


def accuracy(folder):
    scores = pd.read_csv(folder / "scores.csv").set_index(["rater", "metric"])["value"]
    return scores.xs("accuracy", level="metric").to_dict()


@pytest.mark.parametrize("prediction", [None, "neuropathy"])
def test_a_diagnosis_of_no_subject_is_wrong_for_model_and_readers(
    without_neuropathies, tmp_path, capsys, prediction
):
    model = without_neuropathies
    table = model[["subject"]].assign(reader="A", vote=model["diagnosis"])
    table = pd.concat([table, table.assign(reader="B", vote=["neuropathy", *table["vote"][1:]])])
    if prediction:
        model = model.assign(prediction=prediction)
    model.to_csv(tmp_path / "model.csv", index=False)
    table.to_csv(tmp_path / "votes.csv", index=False)
    out = tmp_path / "out"
    argv = ["readers", tmp_path / "votes.csv", "--model", tmp_path / "model.csv", "--out", out]
    assert main([*map(str, argv)]) == 0
    assert "Wrong answers that are no subject's diagnosis: neuropathy" in capsys.readouterr().out
    assert accuracy(out) == {"A": 1, "B": 0.875, "mean of readers": 0.9375, "model": 0}
    page = Page((out / "report.html").read_text(encoding="utf-8"))
    assert "answers that are no subject's diagnosis: neuropathy" in " ".join(page.text.split())
    assert "correctly diagnosed: myopathy 0 %, normal 0 %" in str(page.of("img"))


def test_tables_are_read_as_a_cohort_s_are(without_neuropathies, tmp_path, capsys):
    model = without_neuropathies
    votes = model[["subject"]].assign(reader="Dr Müller", vote=model["diagnosis"])
    truth = model[["subject", "diagnosis"]]
    for name, table in (("votes", votes), ("model", model), ("truth", truth)):
        table.to_csv(tmp_path / f"{name}.csv", index=False, encoding="cp1252", sep=";")
    files = {name: str(tmp_path / f"{name}.csv") for name in ("votes", "model", "truth")}
    argv = ["readers", files["votes"], "--model", files["model"], "--truth", files["truth"]]
    assert main([*argv, "--out", str(tmp_path / "out")]) == 0
    assert accuracy(tmp_path / "out") == {"Dr Müller": 1, "model": 0}
    capsys.readouterr()
    for name in files:
        content = Path(files[name]).read_bytes()
        for wrong, message in [
            (b"subject;reader;vote\xff\xfe\0", "not readable .*: save it as CSV in UTF-8"),
            (content + b"a;b;c;d;e;f;g;h\n", "row 10: 8 entries for . columns: quote entries"),
        ]:
            Path(files[name]).write_bytes(wrong)
            assert main([*argv, "--out", str(tmp_path / "out")]) == 2
            said = capsys.readouterr().err
            assert re.search(message, said) and f"{name}.csv" in said
        Path(files[name]).write_bytes(content)
    model.assign(normal="0,9").to_csv(files["model"], index=False, sep=";")
    assert main([*argv, "--out", str(tmp_path / "out")]) == 2
    assert "are no numbers for subjects" in capsys.readouterr().err


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_the_screen(report, tab, width):
    tab.open(report[1][0], width=width)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    images = "[...document.images].every(i => i.complete && i.naturalWidth > 0)"
    assert tab.evaluate(images)
