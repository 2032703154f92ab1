"""sknemg validate: all that is wrong with a folder, as text and as a page."""

import html
import re

import numpy as np
import pandas as pd
import pytest

from sknemg import Recordings
from sknemg.cli import main
from sknemg.datasets import write_cohort

RATE = 5000


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    signals = rng.normal(scale=0.3, size=(4, 5000)).astype(np.float32)
    X = Recordings(signals, sfreq=RATE, subject=["a", "a", "b", "b<i>"], location="distal")
    write_cohort(tmp_path / "<cohort>", X, ["normal", "normal", "myopathy", "normal"])
    return tmp_path / "<cohort>"


def change(folder, row, function):
    file = folder / "data" / f"{row:05d}.npy"
    np.save(file, function(np.load(file)).astype(np.float32))


def validate(folder, *options):
    return main(["validate", str(folder), "--out", str(folder / "out"), *options])


def test_a_sound_cohort(folder, capsys):
    assert validate(folder) == 0
    printed = capsys.readouterr()
    assert "4 recordings of 3 subjects, 1.00 s at 5000 Hz" in printed.out
    assert "0 problems; 0 of 4 recordings have flaws." in printed.out
    assert "All diagnoses" not in printed.out
    assert printed.err == ""
    page = (folder / "out" / "validation.html").read_text(encoding="utf-8")
    assert "<h1>Validation of &lt;cohort&gt;</h1>" in page and "<i>" not in page
    assert {file.name for file in (folder / "out").iterdir()} == {"validation.html"}


def test_a_cohort_of_one_class_is_no_cohort_to_compare(folder, capsys):
    table = pd.read_csv(folder / "subjects.csv").assign(diagnosis="normal")
    table.to_csv(folder / "subjects.csv", index=False)
    note = "note: All diagnoses are normal: 'sknemg compare' and 'train' need two or more."
    assert validate(folder) == 0
    assert note in capsys.readouterr().out
    (folder / "data" / "00003.npy").unlink()  # the others are read in a second look
    assert validate(folder) == 1
    assert note in capsys.readouterr().out
    assert validate(folder, "--unlabelled") == 1
    assert "All diagnoses" not in capsys.readouterr().out


def test_diagnoses_that_cannot_be_read_are_not_said_to_be_missing(folder, capsys):
    """Of three words for diagnoses one was known: all were once said to be the same."""
    table = pd.read_csv(folder / "subjects.csv")
    table["diagnosis"] = ["normal", *(f"Myopathie {i}" for i in range(1, len(table)))]
    table.to_csv(folder / "subjects.csv", index=False)
    assert validate(folder) == 1
    printed = capsys.readouterr().out
    assert "diagnosis 'Myopathie 1' is unknown" in printed and "All diagnoses" not in printed


def test_the_page_has_one_row_and_the_summary_in_two_lines(folder):
    change(folder, 0, lambda signal: 1000 * signal)
    (folder / "data" / "00001.npy").unlink()  # from here on, rows of X and of the table differ
    change(folder, 3, lambda signal: 1000 * signal)
    assert validate(folder) == 1
    page = (folder / "out" / "validation.html").read_text(encoding="utf-8")
    flaws = page[page.index("What speaks against them") :]
    heads = re.findall(r"<th[^>]*scope=.col.[^>]*>([^<]*)</th>", flaws.partition("</thead>")[0])
    assert [head.strip() for head in heads] == ["row", "recording", "subject", "found"]
    assert re.search(r">5</th>", flaws) and not re.search(r">2</th>\s*<td[^>]*>5<", flaws)
    assert re.search(r"at 5000 Hz</p>\s*<p>1 problem; ", page)


def test_all_that_is_wrong_is_listed_once_as_text_table_and_page(folder, capsys):
    change(folder, 0, lambda signal: 1000 * signal)
    change(folder, 1, lambda signal: np.where(np.arange(5000) < 100, signal, 0))
    (folder / "data" / "00003.npy").unlink()
    assert validate(folder) == 1
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "1 problem; 2 of 3 recordings have flaws." in printed.out
    assert "recordings.csv, row 5: file 'data/00003.npy': there is no" in printed.out
    assert "as with a wrong unit or scale:\n    row 2, data/00000.npy: " in printed.out
    assert "row 3, data/00001.npy: 0.98 of 1.00 s" in printed.out
    flaws = pd.read_csv(folder / "out" / "flaws.csv")
    assert flaws["flaw"].tolist() == ["amplitude", "flat"]
    assert flaws["subject"].tolist() == ["a", "a"]
    assert len(pd.read_csv(folder / "out" / "problems.csv")) == 1
    page = (folder / "out" / "validation.html").read_text(encoding="utf-8")
    assert "flat_seconds" not in page and ">longest flat stretch (s)</th>" in page
    for text in ("a peak above 50 mV", "00001.npy", "there is no &#39;data/00003.npy&#39;"):
        assert text in page
    np.save(folder / "data" / "00003.npy", np.sin(np.arange(5000.0) ** 1.5))
    change(folder, 0, lambda signal: signal / 1000)
    change(folder, 1, lambda signal: np.cos(np.arange(5000.0) ** 1.5))
    assert validate(folder) == 0
    assert {file.name for file in (folder / "out").iterdir()} == {"validation.html"}


def test_a_long_problem_says_on_the_page_what_to_do(folder):
    (folder / "data" / "00001.npy").unlink()
    (folder / "data" / "00001.txt").write_text("0.1\n" * 9 + f"{'x' * 300}\n")
    table = pd.read_csv(folder / "recordings.csv")
    table["file"] = table["file"].str.replace("00001.npy", "00001.txt")
    table.to_csv(folder / "recordings.csv", index=False)
    assert validate(folder) == 1
    (problem,) = pd.read_csv(folder / "out" / "problems.csv")["problem"]
    page = (folder / "out" / "validation.html").read_text(encoding="utf-8")
    assert len(problem) > 160 and problem in html.unescape(page)


def test_a_folder_of_which_nothing_can_be_read(folder, capsys):
    table = pd.read_csv(folder / "recordings.csv").drop(columns="unit")
    table.to_csv(folder / "recordings.csv", index=False)
    (folder / "datapackage.json").unlink()
    assert validate(folder) == 1
    printed = capsys.readouterr().out
    assert "No recording can be read: 4 problems." in printed
    assert "recordings.csv, rows 2-5: no unit" in printed
    assert "give --unit (V, mV, uV or nV) or --scale" in printed
    assert "None can be read" in (folder / "out" / "validation.html").read_text(encoding="utf-8")
    assert validate(folder, "--unit", "mV") == 0


def test_a_new_patient_needs_no_diagnosis(folder, capsys):
    (folder / "subjects.csv").unlink()
    assert validate(folder) == 0
    assert "4 recordings of 3 subjects" in capsys.readouterr().out
    assert validate(folder / "data", "--unit", "mV", "--file-sfreq", "5000") == 0
    printed = capsys.readouterr().out
    assert "note: 4 of 4 recordings have no location, proximal or distal." in printed
    (folder / "recordings.csv").rename(folder / "cohort.csv")
    assert validate(folder) == 1
    printed = capsys.readouterr().out
    assert "no column 'diagnosis'" in printed
    assert "note: With --unlabelled no diagnoses are asked for" in printed
    assert validate(folder, "--unlabelled") == 0
    assert "--unlabelled" not in capsys.readouterr().out


def test_what_is_no_folder(folder, capsys):
    assert validate(folder / "subjects.csv") == 2
    assert "is no folder: give one of recordings." in capsys.readouterr().err
    assert validate(folder / "none") == 2
    assert "none' does not exist: give a folder of recordings." in capsys.readouterr().err
    (folder / "empty").mkdir()
    assert validate(folder / "empty") == 2
    assert "holds no table and no signal files" in capsys.readouterr().err
