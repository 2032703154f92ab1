"""The page of one patient, and the commands that lead to it."""

import base64
import html
import io
import json
import pickle
import re
import shutil
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg import (
    DiVoteClassifier,
    Downsampler,
    Recordings,
    Segmenter,
    SegmentFeatures,
    load_model,
    save_model,
)
from sknemg.cli import main
from sknemg.datasets import write_cohort
from sknemg.diagnosis import Diagnosis, Diagnostician
from sknemg.diagnosis.percent import percent
from sknemg.evaluation import patient_page, write_patient
from sknemg.evaluation._patient_muaps import muap_comparison, muap_table
from sknemg.muap import MuapFeatures, MuapReference

SFREQ = 1000.0
STEPS = ["--sfreq", "500", "--window", "0.4", "--hop", "0.2"]


def cohort(n_subjects, seed):
    """Bursts of noise whose size is the class's."""
    rng = np.random.default_rng(seed)
    signals, subject = [], []
    for who in range(n_subjects):
        size = np.exp(0.7 * (who % 3) + rng.normal(scale=0.3) - 1)
        for _ in range(3):
            n = rng.integers(900, 1300)
            bursts = 0.05 + (np.sin(np.arange(n) / 13 + rng.uniform(0, 6)) > 0.6)
            signals.append((size * bursts * rng.normal(size=n)).astype(np.float32))
            subject.append(f"WARD7-{seed}-{who:03d}-QX")
    X = Recordings(
        signals,
        sfreq=SFREQ,
        subject=subject,
        muscle=np.tile(["deltoid", "vastus", "apb"], n_subjects),
        location=np.tile(["proximal", "proximal", "distal"], n_subjects),
        age=np.repeat(np.arange(n_subjects) + 31, 3).astype(float),
        sex=np.repeat(np.resize(["female", "male"], n_subjects), 3),
    )
    names = np.array(["myopathy", "neuropathy", "normal"])
    return X, np.repeat(names[np.arange(n_subjects) % 3], 3)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder of a cohort, and of the model that was trained on it by the command."""
    root = tmp_path_factory.mktemp("trained")
    X, y = cohort(18, 0)
    write_cohort(root / "cohort", X, y)
    argv = ["train", "--cohort", str(root / "cohort"), "--out", str(root / "model"), *STEPS]
    log = io.StringIO()
    with redirect_stdout(log), redirect_stderr(log):
        assert main([*argv, "--folds", "3", "--jobs", "1", "--seed", "7"]) == 0
    (root / "train.log").write_text(log.getvalue(), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def model(trained):
    return load_model(trained / "model")


@pytest.fixture
def patient(tmp_path):
    """Factory of a patient's folder."""

    def make(change=lambda signal: signal, unit="mV", seed=3):
        X, _ = cohort(3, seed)
        folder = tmp_path / "patient <b>1"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        rows = []
        for at in range(3):
            np.save(folder / f"r{at}.npy", change(X[at]))
            rows.append(
                {"file": f"r{at}.npy", "muscle": X["muscle"][at], "location": X["location"][at],
                 "sfreq": SFREQ, "unit": unit}
            )  # fmt: skip
        pd.DataFrame(rows).to_csv(folder / "recordings.csv", index=False)
        return folder

    return make


def diagnose(trained, out, *paths, options=()):
    argv = ["diagnose", "--model", str(trained / "model"), "--out", str(out)]
    return main([*argv, *map(str, paths), *options])


def test_the_folder_of_a_model_holds_no_trace_of_its_subjects(trained):
    folder = trained / "model"
    names = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    tables = {f"evaluation/{name}.csv" for name in ("calibration", "confounds", "scores", "sets")}
    assert names == {"README.md", "SHA256SUMS", "config.json", "model.safetensors"} | tables
    content = b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
    X, _ = cohort(18, 0)
    for code in X["subject"].unique():
        assert code.encode() not in content
    for file in (trained / "cohort" / "data").iterdir():
        assert file.name.encode() not in content
    assert str(trained).encode() not in content


def test_no_log_and_no_artefact_knows_a_training_subject(trained, patient, tmp_path, capsys):
    """Whatever leaves the house: the model, its ONNX file, pages, tables, and what is printed."""
    pytest.importorskip("onnxruntime", reason="the extra export is not installed")
    model = str(trained / "model")
    assert main(["export", "--model", model, "--onnx", str(tmp_path / "m.onnx")]) == 0
    assert diagnose(trained, tmp_path / "one", patient()) == 0
    argv = ["diagnose", "--model", str(tmp_path / "m.onnx"), "--out", str(tmp_path / "two")]
    assert main([*argv, str(patient())]) == 0
    pickle_of_it = pickle.dumps(load_model(trained / "model"))
    content = [p.read_bytes() for p in [*(trained / "model").rglob("*"), *tmp_path.rglob("*")]
               if p.is_file() and p.suffix != ".npy"]  # fmt: skip
    (arrays,) = [entry.value for entry in onnx_metadata(tmp_path / "m.onnx")
                 if entry.key == "sknemg-arrays"]  # fmt: skip
    content += [(trained / "train.log").read_bytes(), "".join(capsys.readouterr()).encode(),
                pickle_of_it, base64.b64decode(arrays)]  # fmt: skip
    assert len(content) > 15 and all(content)
    assert b"Saved:" in b"".join(content) and b"neuropathy" in b"".join(content)
    for code in cohort(18, 0)[0]["subject"].unique():
        short = code.removesuffix("-QX").encode()  # a part of it would be enough
        assert not any(short in part for part in content)


def onnx_metadata(file):
    import onnx

    return onnx.load(file).metadata_props


def test_the_card_is_filled_in_and_names_its_gaps(trained):
    import yaml

    card = (trained / "model" / "README.md").read_text(encoding="utf-8")
    _, front, text = card.split("---\n", 2)
    assert yaml.safe_load(front)["library_name"] == "sknemg"
    for part in (
        "| subjects | 18 |", "myopathy 6, neuropathy 6, normal 6", "30s 9, 40s 9", "deltoid 18",
        "female 9, male 9", "| machine | **Not stated.** |", "Seed 7;", "| accuracy | ",
        "Log loss ", "It is not a medical device", "18 subjects leave that share open between",
        "- Ethics: **Not stated.**", "- Licence: **Not stated.**", "What differs between the",
    ):  # fmt: skip
        assert part in text, part
    scores = pd.read_csv(trained / "model" / "evaluation" / "scores.csv")
    accuracy = scores.set_index("metric").loc["accuracy"]
    assert f"| accuracy | {accuracy['value']:.2f} [" in text


def test_a_patient_is_answered_with_a_page(trained, model, patient, tmp_path, capsys):
    assert diagnose(trained, tmp_path / "out", patient()) == 0
    printed = capsys.readouterr().out
    assert "Research only" in printed
    stem = "patient_b_1"
    files = {file.name for file in (tmp_path / "out").iterdir()}
    assert files == {f"{stem}.html", f"{stem}.json", f"{stem}.csv"}
    answer = json.loads((tmp_path / "out" / f"{stem}.json").read_text(encoding="utf-8"))
    assert answer["text"] in printed
    X, _ = cohort(3, 3)
    (found,) = model.diagnose(X[:3].with_columns(subject="x"))
    assert answer["answer"] == list(found.answer)
    assert answer["probabilities"] == {k: round(p, 6) for k, p in found.probabilities.items()}
    page = (tmp_path / "out" / f"{stem}.html").read_text(encoding="utf-8")
    assert "patient &lt;b&gt;1" in page and "<script" not in page
    assert page.count("<svg") == 3 and "http" not in page.replace("http-equiv", "")
    assert "weighs most: without it" in page
    assert len(pd.read_csv(tmp_path / "out" / f"{stem}.csv")) == 3


def test_page_and_table_name_the_file_of_each_recording(trained, patient, tmp_path):
    """A folder without a table has nothing else to tell "recording 2" by."""
    assert diagnose(trained, tmp_path / "out", patient()) == 0
    page = next((tmp_path / "out").glob("*.html")).read_text(encoding="utf-8")
    table = pd.read_csv(next((tmp_path / "out").glob("*.csv")))
    assert table["file"].tolist() == ["r0.npy", "r1.npy", "r2.npy"]
    assert all(f">{file}</td>" in page for file in table["file"])


def test_one_recording_that_votes_beside_one_that_does_not_is_not_called_the_only_one(model):
    X, _ = cohort(3, 3)
    X = Recordings([X[0], 0 * X[0]], sfreq=SFREQ, subject="x", location="proximal")
    (found,) = model.diagnose(X)
    page = patient_page(model, X, found)
    assert "One recording alone gives the answer" in page and "one recording only" not in page


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda signal: 0 * signal, "flat: all recordings"),
        (lambda signal: 1000 * signal, "times that of training (unit?): all recordings"),
        (lambda signal: np.sin(2 * np.pi * 50 * np.arange(len(signal)) / SFREQ), "mains hum (9"),
        (lambda signal: 1e-3 * np.sign(signal), "cannot be judged"),
    ],
    ids=["flat", "microvolts as millivolts", "mains", "amplifier"],
)
@pytest.mark.filterwarnings("default::sknemg.ImplausibleWarning")
def test_a_wrong_input_ends_without_an_answer(trained, patient, tmp_path, capsys, change, reason):
    assert diagnose(trained, tmp_path / "out", patient(change)) == 0
    printed = capsys.readouterr().out
    assert ": cannot be judged\n" in printed and reason in printed
    (page,) = (tmp_path / "out").glob("*.html")
    text = page.read_text(encoding="utf-8")
    assert "The model gives no answer, because:" in text and "weighs most" not in text


def test_the_right_unit_makes_it_the_same_patient(trained, patient, tmp_path):
    diagnose(trained, tmp_path / "mV", patient())
    diagnose(trained, tmp_path / "uV", patient(lambda signal: 1000 * signal, unit="uV"))
    answers = [json.loads(next((tmp_path / u).glob("*.json")).read_text())["probabilities"]
               for u in ("mV", "uV")]  # fmt: skip
    assert answers[0] == pytest.approx(answers[1], abs=1e-3)


def test_stretches_are_marked_only_beyond_the_threshold(model):
    from sknemg.evaluation import patient as module

    X, _ = cohort(3, 3)
    (found,) = model.diagnose(X[:3])
    marks = module._marks(found)
    assert any(marks)
    for recording, seconds in zip(marks, X.durations, strict=False):
        for kind in ("for", "against"):
            own = sorted((a, b) for a, b, k in recording if k == kind)
            assert all(0 <= a < b <= seconds + 0.01 for a, b in own)
            assert all(one[1] < other[0] for one, other in pairwise(own))
    page = patient_page(model, X, found)
    assert page.count('<path class="for"') == sum(k == "for" for r in marks for *_, k in r)


def test_a_recording_in_which_nothing_votes_is_said_to_be_silent(model):
    X, _ = cohort(3, seed=5)
    X = X[X["subject"] == X["subject"][0]]
    (found,) = model.diagnose(X)
    found.recordings.loc[0, [*found.probabilities]] = np.nan  # as of motor units, where none is
    page = patient_page(model, X, found)
    assert "nan %" not in page and page.count("does not vote") == 3  # its row, trace and picture


def test_all_recordings_of_a_patient_are_on_the_page_however_many(model):
    X, _ = cohort(3, 3)
    X = X[np.arange(104) % len(X)].with_columns(subject="x")
    page = patient_page(model, X, model.diagnose(X)[0])
    assert page.count("<svg") == page.count('<th scope="row"') == 104


def small_model(X, y):
    """A model that asks for no locations."""
    votes = DiVoteClassifier(
        make_pipeline(StandardScaler(), LinearDiscriminantAnalysis()), subject_features="all"
    )
    steps = Downsampler(500), Segmenter(0.4, 0.2), SegmentFeatures(), votes
    return Diagnostician(make_pipeline(*steps), cv=2).fit(X, y)


@pytest.fixture(scope="module")
def placeless(tmp_path_factory):
    """A folder with such a model."""
    root = tmp_path_factory.mktemp("placeless")
    save_model(small_model(*cohort(18, 0)), root / "model")
    return root


@pytest.mark.parametrize("n", [1, 2, 3])
def test_diagnoses_that_are_true_or_false_have_a_page(n, tmp_path):
    X, y = cohort(12, 0)
    model = small_model(X, y == "normal")
    patient = X[:n]
    found = model.diagnose(patient)
    write_patient(tmp_path, model, patient, found)
    (file,) = tmp_path.glob("*.json")
    kept = json.loads(file.read_text(encoding="utf-8"))
    assert set(kept["answer"]) <= {True, False} and set(kept["probabilities"]) == {"True", "False"}
    page = patient_page(model, patient, found[0])
    votes = found[0].recordings.loc[n - 1, found[0].probabilities.keys()].to_dict()
    first = max(votes, key=votes.get)
    assert f"{first} {percent(votes[first])}" in html.unescape(page)


def test_a_page_says_of_no_diagnosis_that_it_is_certain(model):
    X, _ = cohort(3, 5)
    found = model.diagnose(X)[0]
    for label in found.probabilities:
        found.recordings[label] = float(label == found.answer[0])
    found.recordings["without"] = [1.0, 0.4, 1.0]
    sure = replace(
        found,
        answer=found.answer[:1],
        probabilities={k: float(k == found.answer[0]) for k in found.probabilities},
    )
    page = html.unescape(patient_page(model, X, sure))
    page = page.replace("and 100 %. For patients", "")  # which is a share of patients
    assert " 100 %" not in page and " 0 %" not in page and ">0 %" not in page
    assert f"{found.answer[0].capitalize()} (>99 %)" in page and "<1 %" in page
    assert "would have 40 % instead of >99 %" in page
    votes = re.search('<tbody class="whole">.*?</tbody>', page, re.DOTALL).group()
    assert votes.count(">>99 %</td>") == 5 and votes.count("><1 %</td>") == 6  # 3 and 2 "without"


@pytest.mark.parametrize(
    ("probabilities", "without", "changes"),
    [
        ({"myopathy": 0.55, "normal": 0.45}, 0.48, True),  # the other one then has 0.52
        ({"myopathy": 0.55, "normal": 0.45}, 0.52, False),
        ({"myopathy": 0.5, "neuropathy": 0.4, "normal": 0.1}, 0.42, True),
        ({"myopathy": 0.4, "neuropathy": 0.3, "normal": 0.3}, 0.39, False),
        ({"myopathy": 1.0, "normal": 0.0}, 0.9, False),
    ],
)
def test_what_a_recording_could_change_is_said(probabilities, without, changes):
    from sknemg.evaluation import patient as module

    table = pd.DataFrame({"without": [without], "muscle": ["deltoid"]})
    found = Diagnosis("P", ("myopathy",), probabilities, (), table)
    (text,) = module._decisive(found)
    assert ("The answer could then be another one." in text) == changes


def test_where_no_recording_changes_what_is_written_it_is_said():
    from sknemg.evaluation import patient as module

    table = pd.DataFrame({"without": [0.998, 0.999], "muscle": ["deltoid", None]})
    found = Diagnosis("P", ("myopathy",), {"myopathy": 0.9999, "normal": 0.0001}, (), table)
    assert module._decisive(found) == [
        "No recording weighs much: without recording 1 (deltoid), the weightiest, myopathy would "
        "still have >99 %."
    ]


def test_the_traces_have_a_scale_of_time_and_of_voltage(model):
    X, _ = cohort(3, 3)
    (found,) = model.diagnose(X[:3])
    page = patient_page(model, X, found)
    longest = X.durations[:3].max()
    step = float(re.search(r"([\d.]+) s from line to line", page).group(1))
    lines = re.search(r'class="grid" d="([^"]*)"', page).group(1)
    assert [float(at) for at in re.findall(r"M([\d.]+),0", lines)] == pytest.approx(
        600 * np.arange(step, longest, step) / longest, abs=0.06
    )
    assert 3 <= lines.count("M") < 10
    refused = replace(found, answer=(), probabilities={}, reasons=("flat",))
    assert re.findall('aria-label="(.*?)"', patient_page(model, X, refused))[-1].endswith(" s")


def test_several_patients_of_one_name_get_files_of_their_own(model, tmp_path):
    X, _ = cohort(3, 3)
    found = model.diagnose(X.with_columns(subject=np.repeat(["a/b", "a b", ".."], 3)))
    files = write_patient(tmp_path / "out", model, X, found)
    pages = {file.name for file in files if file.suffix == ".html"}
    assert pages == {"a_b.html", "a_b_2.html", "patient.html"}
    assert all(f.parent == tmp_path / "out" for f in files)


def test_a_page_of_another_patient_is_never_written_over(model, tmp_path):
    X, _ = cohort(3, 3)
    (found,) = model.diagnose(X[:3])
    for name, page in (("a/b", "a_b"), ("a b", "a_b_2"), ("a/b", "a_b"), ("a b", "a_b_2")):
        html, summary, _ = write_patient(tmp_path, model, X, [replace(found, subject=name)])
        assert html.name == f"{page}.html"
        assert json.loads(summary.read_text())["subject"] == name
    (tmp_path / "a_b.json").write_text("[]")  # of whatever else
    files = write_patient(tmp_path, model, X, [replace(found, subject="a/b")])
    assert files[0].name == "a_b_3.html"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "MODEL", "none"], "'none' does not exist: give a folder, or signal files"),
        (["--model", "COHORT", "PATIENT"], "lacks SHA256SUMS: give a folder that save_model"),
        (
            ["--model", "MODEL", "--fingerprint", "ab", "PATIENT"],
            "not --fingerprint ab: it is another model",
        ),
        (["--model", "MODEL", "PATIENT", "PATIENT"], "is a folder beside others"),
        (["--model", "MODEL", "PATIENT", "--file-sfreq", "7"], "r0.npy"),
    ],
)
def test_what_is_wrong_is_said(trained, patient, tmp_path, capsys, arguments, message):
    folder = patient()
    if "7" in arguments:
        (folder / "recordings.csv").unlink()
    places = {"MODEL": trained / "model", "COHORT": trained / "cohort", "PATIENT": folder}
    argv = ["diagnose", "--out", str(tmp_path / "out")]
    assert main([*argv, *(str(places.get(a, a)) for a in arguments)]) == 2
    assert re.search(message, capsys.readouterr().err)


def test_a_model_that_knew_locations_says_how_to_state_them(trained, patient, tmp_path, capsys):
    """The message once spoke of fit, this X and subject_features."""
    folder = patient()
    (folder / "recordings.csv").unlink()
    options = ["--unit", "mV", "--file-sfreq", str(SFREQ)]
    assert diagnose(trained, tmp_path / "out", folder, options=options) == 2
    printed = capsys.readouterr().err
    assert "give a folder whose recordings.csv has" in printed and "--locations muscle" in printed
    assert "subject_features" not in printed


@pytest.mark.parametrize(
    ("line", "message"),
    [("../r0.npy", "give a file inside the folder"), ("r9.npy", "there is no"),
     ("r0.npy,x", "sfreq|number|column|finite")],
)  # fmt: skip
def test_a_table_of_a_patient_that_names_what_is_not_there(
    trained, patient, tmp_path, capsys, line, message
):
    folder = patient()
    (folder / "recordings.csv").write_text(f"file,sfreq\n{line}\n" if "," in line else
                                           f"file,sfreq\n{line},1000\n")  # fmt: skip
    assert diagnose(trained, tmp_path / "out", folder) == 2
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.filterwarnings("default:.*recordings were left out:UserWarning")
@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("n_broken", [1, 2])
def test_recordings_that_cannot_be_read_are_told_and_counted(
    placeless, patient, tmp_path, capsys, n_broken, table
):
    folder, options = patient(), ("--on-error", "skip")
    if not table:
        (folder / "recordings.csv").unlink()
        options += ("--unit", "mV", "--file-sfreq", str(SFREQ))
    for at in range(n_broken):
        (folder / f"r{at}.npy").write_bytes(b"\x93NUMPY broken")
    assert diagnose(placeless, tmp_path / "out", folder, options=options) == 0
    printed = capsys.readouterr()
    assert "not read: r0.npy: the file has an NPY header" in printed.out
    assert f"warning: {n_broken} of 3 recordings were left out" in printed.err
    (file,) = (tmp_path / "out").glob("*.json")
    kept = json.loads(file.read_text(encoding="utf-8"))
    assert (kept["n_recordings"], kept["n_unreadable"]) == (3, n_broken)
    assert kept["n_used"] == 3 - n_broken
    assert (kept["kind"] == "none") == (n_broken == 2)
    (page,) = (tmp_path / "out").glob("*.html")
    assert page.read_text(encoding="utf-8").count("not read: r") == n_broken


@pytest.mark.filterwarnings("default:.*recordings were left out:UserWarning")
def test_a_patient_of_whom_nothing_can_be_read_is_not_forgotten(trained, patient, tmp_path, capsys):
    folder = patient()
    rows = pd.read_csv(folder / "recordings.csv").assign(subject=["P1", "P1", "P2"])
    rows.to_csv(folder / "recordings.csv", index=False)
    (folder / "r2.npy").write_bytes(b"")
    assert diagnose(trained, tmp_path / "out", folder, options=("--on-error", "skip")) == 0
    printed = capsys.readouterr().out
    assert "P2: cannot be judged\n  not read: r2.npy: " in printed
    assert "P1: " in printed and "P1: cannot" not in printed
    page = (tmp_path / "out" / "P2.html").read_text(encoding="utf-8")
    assert "The model gives no answer, because:" in page and "not read: r2.npy" in page
    assert "None could be read." in page and "All at one scale" not in page


@pytest.mark.filterwarnings("default::UserWarning")
def test_a_table_beside_files_that_are_given_is_said_not_to_be_read(
    placeless, patient, tmp_path, capsys
):
    """Its subjects, muscles, units and parts were passed over in silence."""
    folder = patient()
    options = ("--unit", "mV", "--file-sfreq", str(SFREQ))
    files = sorted(folder.glob("*.npy"))
    assert diagnose(placeless, tmp_path / "out", *files, options=options) == 0
    printed = capsys.readouterr().err
    assert "recordings.csv, beside the files, is not read" in printed
    assert "give the folder if its subjects" in printed
    assert diagnose(placeless, tmp_path / "out", folder) == 0
    assert "beside the files" not in capsys.readouterr().err


def test_files_of_two_folders_are_not_taken_for_one_patient(placeless, tmp_path, capsys):
    X, _ = cohort(3, 3)
    files = []
    for at, name in enumerate(["P1", "P1", "P2"]):
        (tmp_path / name).mkdir(exist_ok=True)
        files.append(tmp_path / name / f"r{at}.npy")
        np.save(files[-1], X[at])
    options = ("--unit", "mV", "--file-sfreq", str(SFREQ))
    assert diagnose(placeless, tmp_path / "out", *files, options=options) == 2
    said = capsys.readouterr().err
    assert f"several folders ({tmp_path / 'P1'}, {tmp_path / 'P2'})" in said
    assert "--subject-pattern" in said
    named = (*options, "--subject-pattern", r"/(P\d+)/")
    assert diagnose(placeless, tmp_path / "out", *files, options=named) == 0
    printed = capsys.readouterr().out
    assert "P1: " in printed and "P2: " in printed
    assert diagnose(placeless, tmp_path / "one", *files[:2], options=options) == 0
    assert "P1: " in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The scores of the 18 subjects say nothing")
def test_a_network_is_trained_saved_and_asked(trained, patient, tmp_path, capsys):
    argv = ["train", "--cohort", str(trained / "cohort"), "--out", str(tmp_path / "model")]
    argv += ["--sfreq", "1000", "--window", "0.8", "--hop", "0.4", "--method", "network"]
    wide = ["--recipe", "published", "--profile", "smoke", "--folds", "2", "--jobs", "1"]
    assert main([*argv, *wide]) == 2  # 800 samples are too few for the published network
    assert "1003" in capsys.readouterr().err
    argv[argv.index("0.8")] = argv[argv.index("0.4")] = "1.003"
    assert main([*argv, *wide, "--short", "pad"]) == 0
    argv = ["diagnose", "--model", str(tmp_path / "model"), "--out", str(tmp_path / "out")]
    assert main([*argv, str(patient())]) == 0
    assert "NEMGNetClassifier" in (tmp_path / "model" / "config.json").read_text()


def test_a_model_is_not_overwritten_by_accident(trained, capsys):
    argv = ["train", "--cohort", str(trained / "cohort"), "--out", str(trained / "model"), *STEPS]
    assert main([*argv, "--folds", "3", "--jobs", "1"]) == 2
    assert "is not empty: give a new folder, or set --overwrite" in capsys.readouterr().err


def test_a_refused_training_leaves_the_model_that_is_there(trained, tmp_path, capsys):
    folder = tmp_path / "model"
    shutil.copytree(trained / "model", folder)
    argv = ["train", "--cohort", str(trained / "cohort"), "--out", str(folder), "--overwrite"]
    assert main([*argv, "--sfreq", "500", "--window", "3"]) == 2  # the recordings are shorter
    said = capsys.readouterr().err
    assert f"more in {tmp_path / 'model-problems.csv'}" in said
    assert len(pd.read_csv(tmp_path / "model-problems.csv")) > 10
    assert isinstance(load_model(folder).coverage, float)


def test_a_training_that_cannot_be_saved_is_refused_before_it_begins(
    trained, tmp_path, capsys, monkeypatch
):
    """And deletes nothing that is the user's."""
    argv = ["train", "--cohort", str(trained / "cohort"), *STEPS]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "problems.csv").write_text("my own")
    shutil.copytree(trained / "model", tmp_path / "model")
    (tmp_path / "model" / "notes.txt").write_text("my own")
    monkeypatch.setattr("sknemg.cli.training.read_cohort", pytest.fail)
    for options, message in [
        (["--out", str(tmp_path / "mine")], "is not empty: give a new folder"),
        (["--out", str(tmp_path / "mine"), "--overwrite"], "this one holds no model"),
        (["--out", str(tmp_path / "model"), "--overwrite"], "holds the file 'notes.txt' beside"),
    ]:
        assert main([*argv, *options]) == 2
        assert message in capsys.readouterr().err
    assert (tmp_path / "mine" / "problems.csv").read_text() == "my own"
    assert (tmp_path / "model" / "notes.txt").read_text() == "my own"


@pytest.mark.filterwarnings("always:The card of the model")
def test_a_model_is_trained_anew_in_its_own_folder(trained, tmp_path, capsys, monkeypatch):
    shutil.copytree(trained / "model", tmp_path / "model")
    card = (tmp_path / "model" / "README.md").read_text().replace("Not stated", "Me")
    (tmp_path / "model" / "README.md").write_text(card)
    monkeypatch.chdir(tmp_path / "model")
    argv = ["train", "--cohort", str(trained / "cohort"), "--out", ".", "--overwrite", *STEPS]
    assert main([*argv, "--folds", "3", "--jobs", "1", "--seed", "8"]) == 0
    said = capsys.readouterr()
    (fingerprint,) = re.findall("Fingerprint (\\w+)", said.out)
    load_model(tmp_path / "model", fingerprint=fingerprint)
    assert "warning: The card of the model that was there is kept as 'README.md.before'" in said.err
    assert (tmp_path / "model" / "README.md.before").read_text() == card


def test_a_model_that_is_exported_again_keeps_its_card(trained, tmp_path, capsys):
    pytest.importorskip("onnxruntime", reason="the extra export is not installed")
    card = (trained / "model" / "README.md").read_text()
    one, two = str(tmp_path / "one.onnx"), str(tmp_path / "two.onnx")
    for argv in (
        ["--model", str(trained / "model"), "--onnx", one],
        ["--model", one, "--onnx", two],
        ["--model", two, "--onnx", two, "--overwrite"],
    ):
        assert main(["export", *argv]) == 0
        values = {entry.key: entry.value for entry in onnx_metadata(argv[3])}
        assert values["card"] == card


# -- motor unit potentials ---------------------------------------------------------------------


def with_units(muscles, seed=0):
    """A patient with one motor unit in each recording, and what a model would have said."""
    rng = np.random.default_rng(seed)
    shape = np.interp(np.arange(81), [0, 20, 30, 40, 80], [0, 0.1, -0.6, 0.15, 0])
    signals = []
    for _ in muscles:
        signal = rng.normal(0, 0.003, size=40_000)
        for start in (20_000 * np.cumsum(rng.normal(0.1, 0.012, size=18))).astype(int):
            signal[start : start + 81] += shape[: max(0, len(signal) - start)]
        signals.append(signal)
    X = Recordings(signals, sfreq=20_000, subject="P", muscle=muscles)
    own = pd.DataFrame(
        {"row": range(len(X)), "muscle": muscles, "used": True, "seconds": X.durations,
         "rms": 0.1, "peak": 1.0, "unusable": "", "unusual": "", "without": 0.5,
         "myopathy": 0.8, "normal": 0.2}
    )  # fmt: skip
    return X, Diagnosis("P", ("myopathy",), {"myopathy": 0.8, "normal": 0.2}, (), own)


def test_motor_unit_potentials_stand_beside_norms(model):
    X, found = with_units(["biceps brachii (long head)", "soleus", "biceps brachii", None])
    page = patient_page(model, X, found, reference=MuapReference())
    assert "Motor unit potentials of each muscle, and norms" in page
    text = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", page))
    assert "amplitude (mV)" in text and "0.436 ± 0.115" in text and "9.9 ± 1.4" in text
    assert "fewer than 20 potentials" in text
    assert "Not compared: no norms of soleus; recordings whose muscle is not stated." in text
    summary, _ = muap_comparison(X, found, MuapReference())
    measured = MuapFeatures(["amplitude"]).to_frame(X[[0, 2]])
    row = summary.set_index("parameter").loc["amplitude"]
    assert row["n"] == len(measured) > 1
    assert row["mean"] == pytest.approx(measured["amplitude"].mean())


def test_norms_are_found_by_each_name_of_a_muscle_and_sides_stay_apart(model):
    """ "Biceps Brachii" once had no norms."""
    X, found = with_units(["Biceps Brachii", "Bizeps links", "M. biceps brachii li.", "Deltoideus"])
    summary, note = muap_comparison(X, found, MuapReference())
    assert note == ""
    counts = summary[summary["parameter"] == "amplitude"].set_index("muscle")["n"].to_dict()
    assert counts == {"biceps brachii": 1, "deltoid": 1, "biceps brachii, left": 2}
    lab = MuapReference(MuapReference().norms.replace({"muscle": {"deltoid": "M. deltoideus"}}))
    summary, _ = muap_comparison(X, found, lab)
    assert "M. deltoideus" in set(summary["muscle"])


def test_recordings_that_are_too_coarse_for_motor_units_are_not_compared(model):
    X, found = with_units(["biceps brachii", "biceps brachii"])
    summary, note = muap_comparison(X.with_columns(sfreq=[20_000, 1000]), found, MuapReference())
    assert summary["n"].tolist() == [1, 1]
    assert note == "Not compared: recordings sampled below 1500 Hz."
    summary, note = muap_comparison(X.with_columns(sfreq=1000), found, MuapReference())
    assert not len(summary) and "sampled below 1500 Hz" in note


def test_without_norms_of_any_muscle_the_page_says_so(model):
    X, found = with_units(["soleus"])
    page = patient_page(model, X, found, reference=MuapReference())
    assert "Not compared: no norms of soleus." in page and 'id="muaps"' not in page
    assert "Motor unit potentials" not in patient_page(model, X, found)


def test_the_command_compares_potentials_when_it_is_asked_to(trained, patient, tmp_path):
    assert diagnose(trained, tmp_path / "out", patient(), options=["--muaps"]) == 0
    page = next((tmp_path / "out").glob("*.html")).read_text(encoding="utf-8")
    assert "Motor unit potentials" in page


@pytest.mark.parametrize(
    ("parameter", "value", "limits", "said"),
    [
        ("thickness", 0.0013, (0.0009, 0.0018), ["thickness (ms)", "1.3", "0.9 to 1.8"]),
        ("area", 0.0006, (0.0002, 0.0015), ["area (mV ms)", "0.6", "0.2 to 1.5"]),
        ("size_index", 0.2, (-0.5, 1.0), ["size index", "0.2", "-0.5 to 1"]),
        ("phases", 3.0, (np.nan, np.nan), ["phases", "3", ""]),
    ],
)
def test_the_table_of_potentials_has_the_unit_and_the_limits_of_every_measure(
    parameter, value, limits, said
):
    norm = {"muscle": "deltoid", "parameter": parameter, "mean": value, "sd": value / 10}
    norms = pd.DataFrame([norm | dict(zip(["low", "high"], limits, strict=True))])
    muaps = pd.DataFrame({"muscle": ["deltoid"], parameter: [value]})
    table = muap_table(MuapReference(norms).summary(muaps), "")
    row = [cell.text for cell in table.groups[0].rows[0]]
    assert [row[1], row[3], row[6]] == said


def test_the_table_of_potentials_holds_no_nan_and_no_minus_zero():
    muaps = pd.DataFrame({"muscle": ["deltoid"], "amplitude": [0.55], "duration": [0.01]})
    summary = MuapReference().summary(muaps)[:1]
    none = summary.assign(n=0, mean=np.nan, z=np.nan)
    table = muap_table(pd.concat([summary.assign(z=-0.01), none]), "")
    first, second = ([cell.text for cell in row] for row in table.groups[0].rows)
    assert first[3:6] == ["0.55", "0.55 ± 0.11", "+0.0"]
    assert second[3:6] == ["", "0.55 ± 0.11", "–"]
