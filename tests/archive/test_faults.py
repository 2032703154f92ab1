"""Archives: what is said of faulty tables, results, schedulers and programs."""

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import distributed
import pandas as pd
import psutil
import pyarrow
import pytest
from pyarrow import parquet

from sknemg.archive import cluster, run
from sknemg.archive import partition as work
from sknemg.archive.results import (
    PARTITIONS,
    RECORDINGS,
    begin_results,
    note_versions,
    read_manifest,
)
from sknemg.archive.table import read_table
from sknemg.cli import main
from sknemg.datasets._formats.limits import MAX_BYTES
from sknemg.datasets._formats.text import TextFormat


@pytest.fixture
def problems(tmp_path):
    """What is wrong with the rows of a table, by the row's position."""

    def find(**columns):
        pd.DataFrame(columns).to_csv(tmp_path / "table.csv", index=False)
        return {row - 2: text for row, text in read_table(tmp_path / "table.csv").problems.items()}

    return find


# -- tables ------------------------------------------------------------------------------------


def test_another_spelling_of_a_file_is_the_same_file(problems):
    found = problems(subject=list("ABC"), file=["0.npy", "./0.npy", "1.npy"])
    assert set(found) == {0, 1} and "several subjects (A, B)" in found[0]
    found = problems(subject=list("AA"), file=["0.npy", "x/../0.npy"])
    assert set(found) == {1} and "same part of file" in found[1]


def test_a_record_is_one_by_whichever_of_its_files_it_is_named(problems):
    """By header, signal file and bare name; dots in a name are no ending."""
    files = ["r0.hea", "x/r.1.hea", "r2.hea", "./r0.dat", "x/r.1", "r2.BIN", "r0.npy", "r3.hea"]
    found = problems(subject=list("AAABBBCC"), file=files)
    assert set(found) == {0, 1, 2, 3, 4, 5}
    assert "one record, by its files 'r0.dat', 'r0.hea', is given for several" in found[0]
    assert "subjects (A, B): a recording is of one subject" not in found[0]
    assert "(A, B)" in found[4] and "'x/r.1', 'x/r.1.hea'" in found[4]
    found = problems(subject=list("AAAA"), file=["r0.hea", "r0.dat", "r0", "r1"])
    assert set(found) == {1, 2} and "the same part of file 'r0' as in a row above" in found[2]
    channels = problems(subject=list("AA"), file=["r0.hea", "r0.dat"], channel=["0", "1"])
    assert channels == {}


def test_a_signal_file_of_another_ending_is_found_to_be_of_a_record(problems, tmp_path):
    (tmp_path / "r0.hea").write_text("r0 1 1000 4\nr0.mat 16 1000/mV\n")
    (tmp_path / "r0.mat").write_bytes(bytes(8))
    found = problems(subject=list("ABCD"), file=["r0.hea", "r0.mat", "r0.npy", "r1.mat"])
    assert set(found) == {0, 1} and "'r0.hea', 'r0.mat'" in found[1]


def test_codes_in_parquet_are_those_of_a_csv_although_one_is_missing(tmp_path):
    rows = pd.DataFrame(
        {
            "subject": [1.0, None, 3.0],
            "file": ["0.npy", "1.npy", "2.npy"],
            "channel": [2.0, 1.0, None],
            "start": [0.25, None, 1.0],
        }
    )
    rows.to_parquet(tmp_path / "table.parquet")
    found = read_table(tmp_path / "table.parquet").rows
    assert found["subject"].tolist() == ["1", None, "3"]
    assert found["channel"].tolist() == ["2", "1", None]
    assert found["start"].dropna().tolist() == [0.25, 1.0]


def test_long_codes_and_bytes_in_parquet_are_read_to_the_last_sign(tmp_path):
    codes = [2**60 + 1, None, 2**60 + 3]
    table = {
        "subject": pyarrow.array(codes, pyarrow.uint64()),
        "file": pyarrow.array([b"0.npy", b"1.npy", "ä.npy".encode()], pyarrow.binary()),
    }
    parquet.write_table(pyarrow.table(table), tmp_path / "table.parquet")
    found = read_table(tmp_path / "table.parquet").rows
    assert found["subject"].tolist() == [str(codes[0]), None, str(codes[2])]
    assert found["file"].tolist() == ["0.npy", "1.npy", "ä.npy"]


def test_a_diagnosis_in_two_words_is_one(problems):
    files = ["0.npy", "1.npy"]
    assert problems(subject=list("AA"), file=files, diagnosis=["normal", "NL "]) == {}
    found = problems(subject=list("AA"), file=files, diagnosis=["normal", "M"])
    assert "has the diagnoses myopathy, normal" in found[1]


def test_the_subjects_of_a_file_are_listed_up_to_ten(problems):
    found = problems(subject=[f"S{row:02d}" for row in range(40)], file=["0.npy"] * 40)
    assert len(found) == 40
    assert all("S09 and 30 more" in text and "S10" not in text for text in found.values())


# -- workers and schedulers --------------------------------------------------------------------


def test_recordings_of_a_subject_without_diagnosis_have_the_reason(task, archive, monkeypatch):
    (archive.parent / "0.npy").unlink()

    def fails(model, each):
        raise ValueError("it cannot be diagnosed")

    monkeypatch.setattr(work, "_diagnose", fails)
    rows = read_table(archive).rows
    found = work.diagnose_partition(task, rows[rows["subject"] == "A"], {})
    lost, *others = found.recordings["error"]
    assert "there is no '0.npy'" in lost and others == ["it cannot be diagnosed"] * 2
    (subject,) = found.subjects.to_dict("records")
    assert (subject["n_recordings"], subject["n_errors"], subject["n_used"]) == (3, 3, 0)
    assert (subject["kind"], subject["error"]) == ("error", "it cannot be diagnosed")


def test_recordings_that_cannot_be_read_count_against_the_answer(task, archive):
    for row in (0, 1, 5):
        (archive.parent / f"{row}.npy").write_bytes(b"\x93NUMPY broken")
    rows = read_table(archive).rows
    found = work.diagnose_partition(task, rows, {}).subjects.set_index("subject")
    assert found["n_used"].to_dict() == {"A": 2, "B": 1, "C": 3, "D": 3}
    assert found.loc["A", "kind"] != "none" and found.loc["C", "reasons"] == ""
    assert found.loc["A", "reasons"].startswith("left out, not read: 0.npy: the file has an NPY")
    assert (found.loc["B", "kind"], found.loc["B", "answer"]) == ("none", "")
    assert "; not read: 5.npy: the file has" in found.loc["B", "reasons"]
    assert (found.loc["B", "n_recordings"], found.loc["B", "n_errors"]) == (3, 2)


@pytest.fixture
def task(model, archive):
    options = vars(TextFormat(",", None, 0, None, None)) | {"invalid": "raise"}
    given = {"unit": "mV", "sfreq": 1000, "scale": None}
    names = str(model), run.fingerprint_of(model), archive.name, str(archive.parent)
    return work.Task(*names, given, options | {"max_bytes": MAX_BYTES})


def test_a_file_that_disappears_while_it_is_looked_for_is_a_row(task, archive, monkeypatch):
    check = work.check_paths

    def then_gone(rows, *args, **how):
        found = check(rows, *args, **how)
        (archive.parent / "0.npy").unlink(missing_ok=True)
        return found

    monkeypatch.setattr(work, "check_paths", then_gone)
    found = work.diagnose_partition(task, read_table(archive).rows, {})
    errors = found.recordings.set_index("row")["error"]
    assert "no file '0.npy'" in errors[2]
    assert (errors.drop(2) == "").all() and (found.subjects["kind"] != "error").all()


def test_a_worker_of_another_version_computes_nothing(task, archive):
    rows = read_table(archive).rows
    with pytest.raises(ValueError, match=r"A worker has sknemg .*, and the run began with 0\.0\.1"):
        work.diagnose_partition(replace(task, version="0.0.1"), rows, {})


def test_a_link_to_another_file_is_refused(task, archive, tmp_path):
    folder = archive.parent
    (folder / "4.npy").unlink()
    (folder / "4.npy").symlink_to("1.npy")  # which another subject has
    (folder / "8.npy").unlink()
    (folder / "8.npy").symlink_to(tmp_path / "outside.npy")
    (tmp_path / "linked").symlink_to(folder)  # a folder that is a link itself is no such thing
    task = replace(task, folder=str(tmp_path / "linked"))
    rows = read_table(archive).rows
    errors = work.diagnose_partition(task, rows[rows["subject"] == "A"], {}).recordings["error"]
    assert errors[0] == ""
    assert errors[1].startswith("file '4.npy': a link leads to '1.npy': name that file")
    assert "leads out of the folder" in errors[2]


def test_threads_of_one_worker_take_turns(tmp_path, monkeypatch):
    inside = []

    def load(*args):
        inside.append(threading.get_ident())
        time.sleep(0.02)
        alone = len(inside) == 1
        inside.clear()
        raise RuntimeError(alone)

    monkeypatch.setattr(work, "_model", load)
    task = work.Task(str(tmp_path), "", "a.csv", str(tmp_path), {}, {})
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(work.diagnose_partition, task, pd.DataFrame(), {}) for _ in range(2)]
    assert [future.exception().args for future in waiting] == [(True,)] * 2


def test_a_lost_scheduler_is_named_with_a_remedy(problems, tmp_path, monkeypatch):
    problems(subject=["A"], file=["0.npy"])
    table = read_table(tmp_path / "table.csv")

    def lost():
        raise distributed.client.FutureCancelledError("key", "scheduler-connection-lost")

    future = SimpleNamespace(key="key", result=lost)
    client = SimpleNamespace(submit=lambda *args, **how: future, nthreads=dict, loop=None)
    monkeypatch.setattr(distributed, "as_completed", lambda first, loop: iter(first))
    with pytest.raises(ConnectionError, match=r"scheduler is lost .*run the same again"):
        cluster.compute(client, None, table, [table.rows], [0], tmp_path, False)


def test_a_cluster_of_this_machine_listens_to_this_machine_alone():
    process = psutil.Process()

    def listening():
        return {
            one.laddr for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN
        }

    before = listening()
    with cluster.connected(1, None, None):
        new = listening() - before
    assert new and {address.ip for address in new} == {"127.0.0.1"}


def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"distributed is not installed.*sknemg\[cluster\]"):
        run.diagnose_archive(tmp_path, tmp_path, tmp_path)


# -- results -----------------------------------------------------------------------------------


def test_other_versions_of_a_resumed_run_are_warned_of_and_kept(tmp_path):
    manifest = {"model": "m", "versions": {"numpy": "1.0", "scipy": "2.0"}}
    begin_results(tmp_path, manifest)
    note_versions(tmp_path, manifest["versions"])
    assert read_manifest(tmp_path) == manifest
    later = {"numpy": "3.0", "scipy": "2.0"}
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"other versions \(numpy '1.0', now '3.0'\)"):
            note_versions(tmp_path, later)
    assert read_manifest(tmp_path) == {**manifest, "later_versions": [later]}
    begin_results(tmp_path, manifest)  # the same run still


@pytest.mark.parametrize("later", [{"caution": "Do not."}, {}])
def test_a_run_goes_on_when_its_caution_is_worded_otherwise(tmp_path, later):
    versions = {"later_versions": [{"numpy": "3.0"}]}
    begin_results(tmp_path, {"model": "m", "caution": "Beware.", **versions})
    begin_results(tmp_path, {"model": "m", **later})
    assert read_manifest(tmp_path) == {"model": "m", **versions, **later}
    with pytest.raises(ValueError, match=r"another run \(model 'm', now 'n'\)|model m, now n"):
        begin_results(tmp_path, {"model": "n", **later})


def test_the_summary_names_what_is_damaged(tmp_path):
    inside = tmp_path / PARTITIONS / "000000"
    inside.mkdir(parents=True)
    with pytest.raises(ValueError, match=r"is damaged .*delete its folder, and run the same"):
        run.summary(tmp_path)
    (inside / RECORDINGS).write_bytes(b"")
    with pytest.raises(ValueError, match=r"is damaged .*delete its folder, and run the same"):
        run.summary(tmp_path)


# -- the command -------------------------------------------------------------------------------


@pytest.fixture
def command(tmp_path):
    (tmp_path / "table.csv").write_text("subject,file\nA,0.npy\n")
    names = ("--model", tmp_path, "--archive", tmp_path / "table.csv", "--out", tmp_path / "out")
    return lambda *more: main(["diagnose", *map(str, names), *more])


def test_a_fault_of_the_program_is_not_told_as_one_of_the_model(command, monkeypatch, capsys):
    def broken(*args, **how):
        raise TypeError("a fault of the program")

    monkeypatch.setattr(run, "load_model", broken)
    with pytest.raises(TypeError, match="a fault of the program"):
        command()
    monkeypatch.setattr(run, "load_model", lambda *args, **how: json)
    assert command() == 2
    assert "answers without caution" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option",
    [
        *[("--bids-units", value) for value in ("file", "agree")],
        *[("--on-error", value) for value in ("skip", "raise")],
    ],
)
def test_options_without_a_meaning_for_archives_are_refused(command, option, capsys):
    assert command(*option) == 2
    assert f"{option[0]} is " in capsys.readouterr().err
