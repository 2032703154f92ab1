"""Archives: the answers of one patient alone, faults as rows, and runs that go on."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import dask
import distributed  # whose settings `dask.config.set` would take with it otherwise  # noqa: F401
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal
from pyarrow import parquet
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline

from sknemg import (
    DiVoteClassifier,
    Downsampler,
    NEMGNetClassifier,
    Segmenter,
    SegmentFeatures,
    export_onnx,
    load_model,
    save_model,
)
from sknemg.archive import UnfinishedArchiveError, diagnose_archive, read_archive
from sknemg.archive import partition as work
from sknemg.archive.results import PARTITIONS
from sknemg.archive.table import partitions, read_table
from sknemg.cli import main
from sknemg.datasets import load_recordings
from sknemg.diagnosis import Diagnostician
from sknemg.persistence.light import load_light

READING = {"sfreq": 1000, "unit": "mV"}
LABELS = ["myopathy", "neuropathy"]


def edit(table, change):
    rows = pd.read_csv(table)
    change(rows)
    rows.to_csv(table, index=False)


def run(model, table, out, **params):
    return diagnose_archive(model, table, out, **READING, **params)


def assert_same(one, other):
    assert_frame_equal(one.recordings, other.recordings)
    assert_frame_equal(one.subjects, other.subjects)


# -- answers -----------------------------------------------------------------------------------


def assert_answers(results, alone, archive):
    """Compare an archive's answers with those of a model that sees one patient at a time."""
    rows = pd.read_csv(archive)
    for own in results.subjects.itertuples():
        files = [archive.parent / name for name in rows.loc[rows["subject"] == own.subject, "file"]]
        (answer,) = alone.diagnose(load_recordings(files, subject=own.subject, **READING))
        assert own.answer == "; ".join(answer.answer)
        assert own.reasons == "; ".join(answer.reasons)
        got = results.recordings[results.recordings["subject"] == own.subject]
        for label in LABELS:
            assert getattr(own, label) == answer.probabilities[label]
            assert_array_equal(got[label], answer.recordings[label])
        for name in ("rms", "noise", "distance", "without", "unusable", "used"):
            assert_array_equal(got[name], answer.recordings[name])
    assert np.ptp(results.subjects[LABELS].to_numpy()) > 0.02


@pytest.mark.slow
def test_the_answers_are_those_of_each_patient_alone_to_the_last_bit(model, archive, tmp_path):
    found = run(model, archive, tmp_path / "out")
    assert (found["recordings"], found["errors"], found["subjects"]) == (12, 0, 4)
    assert_answers(read_archive(tmp_path / "out"), load_model(model), archive)


@pytest.fixture(scope="module")
def network(soft_and_loud, tmp_path_factory):
    """A trained nEMGNet, as a folder and as an ONNX file."""
    X, y = soft_and_loud
    net = NEMGNetClassifier(
        "A", width=4, short="pad", max_epochs=12, lr=3e-3, validation=None, random_state=0
    )
    pipe = make_pipeline(Downsampler(sfreq=500), Segmenter(), DiVoteClassifier(net))
    model = Diagnostician(pipe, cv=2).fit(X, y)
    folder = tmp_path_factory.mktemp("network")
    save_model(model, folder / "model")
    export_onnx(model, folder / "model.onnx")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "load", "n_jobs"),
    [
        ("model", load_model, 1),
        ("model.onnx", load_model, 1),
        ("model.onnx", load_light, 2),
    ],
)
def test_a_network_answers_an_archive_as_it_does_each_patient(
    network, archive, tmp_path, one_thread, name, load, n_jobs
):
    run(network / name, archive, tmp_path / "out", n_jobs=n_jobs, partition_size=4)
    assert_answers(read_archive(tmp_path / "out"), load(network / name), archive)


@pytest.mark.slow
def test_the_size_of_partitions_and_blocks_changes_nothing(model, archive, tmp_path, monkeypatch):
    run(model, archive, tmp_path / "one")
    monkeypatch.setattr(work, "_AT_ONCE", 1)
    run(model, archive, tmp_path / "many", partition_size=1)
    assert_same(read_archive(tmp_path / "one"), read_archive(tmp_path / "many"))


def test_parquet_and_csv_are_read_alike(archive):
    edit(archive, lambda rows: rows.insert(2, "sfreq", [1000, *[None] * 11]))
    rows = pd.read_csv(archive)
    rows["channel"] = pd.array([1, None] * 6, dtype="Int64")
    rows.to_csv(archive, index=False)
    rows.to_parquet(archive.with_suffix(".parquet"))
    one, other = read_table(archive), read_table(archive.with_suffix(".parquet"))
    assert_frame_equal(one.rows, other.rows, check_dtype=False)
    assert other.rows["channel"].tolist()[:2] == ["1", None]


def test_partitions_hold_whole_subjects_and_every_row_once():
    rows = pd.DataFrame({"subject": ["a", None, "b", "a", "c", None, "b"]}, index=range(2, 9))
    for size in (1, 2, 3, 100):
        parts = partitions(rows, size)
        assert sorted(row for part in parts for row in part.index) == list(rows.index)
        assert pd.concat([part["subject"].drop_duplicates() for part in parts]).is_unique


# -- faults are rows ---------------------------------------------------------------------------


@pytest.mark.slow
def test_broken_and_lost_files_are_rows_with_their_reasons(model, archive, tmp_path):
    (archive.parent / "0.npy").write_bytes(b"\x93NUMPY broken")
    (archive.parent / "1.npy").unlink()
    edit(archive, lambda rows: rows.loc.__setitem__((2, "file"), "../2.npy"))
    edit(archive, lambda rows: rows.loc.__setitem__(([3, 7, 11], "file"), "gone.npy"))
    found = run(model, archive, tmp_path / "out")
    assert (found["recordings"], found["errors"], found["error"]) == (12, 6, 1)
    results = read_archive(tmp_path / "out")
    errors = results.recordings.set_index("row")["error"]
    assert sorted(results.recordings["row"]) == list(range(2, 14))
    assert errors[2].startswith("the file has an NPY header")
    assert "there is no '1.npy'" in errors[3]
    assert "leaves the folder" in errors[4]
    assert (errors[[6, 7, 8, 10, 11, 12]] == "").all()
    lost = results.subjects.set_index("subject").loc["D"]
    assert (lost["kind"], lost["error"]) == ("error", "no recording could be read")


def test_rows_of_no_subject_may_make_a_partition_of_their_own(model, archive, tmp_path):
    edit(archive, lambda rows: rows.loc.__setitem__((rows["subject"] == "C", "subject"), None))
    found = run(model, archive, tmp_path / "out", partition_size=1)
    assert (found["recordings"], found["errors"], found["subjects"]) == (12, 3, 3)
    results = read_archive(tmp_path / "out")
    assert results.subjects["subject"].tolist() == list("ABD") and len(results.recordings) == 12
    schemas = {
        name: {
            parquet.read_schema(file).remove_metadata().to_string()
            for file in tmp_path.glob(f"out/partitions/*/{name}")
        }
        for name in ("recordings.parquet", "subjects.parquet")
    }
    assert all(len(those) == 1 for those in schemas.values())


def test_files_that_a_file_manager_leaves_beside_partitions_are_let_alone(model, archive, tmp_path):
    left = tmp_path / "out" / PARTITIONS / ".DS_Store"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"Bud1")
    assert run(model, archive, tmp_path / "out")["recordings"] == 12
    assert left.exists() and run(model, archive, tmp_path / "out")["recordings"] == 12


@pytest.mark.slow
def test_a_subject_on_whom_the_model_fails_does_not_stop_the_others(
    model, archive, tmp_path, monkeypatch
):
    diagnose = Diagnostician.diagnose

    def fails(self, X, **params):
        if "B" in set(X["subject"]):
            raise np.linalg.LinAlgError("singular")
        return diagnose(self, X, **params)

    monkeypatch.setattr(Diagnostician, "diagnose", fails)
    found = run(model, archive, tmp_path / "out")
    assert (found["error"], found["subjects"]) == (1, 4)
    subjects = read_archive(tmp_path / "out").subjects.set_index("subject")
    assert subjects.loc["B", "error"] in ("singular", "LinAlgError: singular")
    assert (subjects.drop(index="B")["error"] == "").all()


@pytest.mark.slow
def test_a_subject_with_two_diagnoses_and_a_file_of_two_subjects_are_named(
    model, archive, tmp_path
):
    edit(
        archive, lambda rows: rows.insert(2, "diagnosis", ["normal"] * 8 + ["myopathy"] + [""] * 3)
    )
    edit(archive, lambda rows: rows.loc.__setitem__((1, "file"), "2.npy"))
    run(model, archive, tmp_path / "out")
    errors = read_archive(tmp_path / "out").recordings.set_index("row")["error"]
    assert (errors[[2, 6, 10]].str.contains("subject 'A' has the diagnoses myopathy, normal")).all()
    assert (errors[[3, 4]].str.contains(r"several subjects \(B, C\)")).all()
    assert (errors.drop([2, 6, 10, 3, 4]) == "").all()


@pytest.mark.parametrize("name", ["archive.parquet", "archive.csv"])
def test_a_table_that_is_none_is_refused(model, archive, tmp_path, name):
    table = archive.with_name(name)
    table.write_bytes(b"PAR1" + bytes(range(200)) * 5)
    with pytest.raises(ValueError, match=r"not readable|no column"):
        run(model, table, tmp_path / "out")


# -- runs that go on ---------------------------------------------------------------------------


@pytest.mark.slow
def test_a_full_disk_keeps_the_rest_and_the_run_goes_on(model, archive, tmp_path, monkeypatch):
    sync, calls = os.fsync, []

    def full(number):
        calls.append(number)
        if len(calls) > 4:  # two partitions of two files each
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(number)

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            run(model, archive, out, partition_size=1)
    assert len(list((out / PARTITIONS).iterdir())) == 2  # and nothing half written
    assert read_archive(out).n_missing == 2
    assert run(model, archive, out, partition_size=1)["recordings"] == 12
    run(model, archive, tmp_path / "whole", partition_size=1)
    assert_same(read_archive(out), read_archive(tmp_path / "whole"))


#: A disk of a few pages for the results alone, which grows when it was full.
SMALL_DISK = """
mkdir out && mount -t tmpfs -o size="$SIZE" none out
"$@" 2> first.log; echo $? > first.status
ls -A out/partitions > first.listing
mount -o remount,size=16m out
"$@" && cp -r out kept
"""


@pytest.mark.slow
def test_a_disk_that_is_full_keeps_the_rest_and_the_same_command_goes_on(model, archive, tmp_path):
    inside = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    if (
        not shutil.which("unshare")
        or subprocess.run([*inside, "mount -t tmpfs none /tmp"], capture_output=True).returncode
    ):
        pytest.skip("this system lets nobody mount a disk: see unshare(1)")
    run(model, archive, tmp_path / "whole", partition_size=1)
    done = sorted((tmp_path / "whole" / PARTITIONS).iterdir())
    written = [tmp_path / "whole" / "manifest.json"]
    written += [file for folder in done[:2] for file in folder.iterdir()]
    page = os.sysconf("SC_PAGE_SIZE")  # of which a disk in memory is made
    pages = 1 + sum(-(-file.stat().st_size // page) for file in written)
    words = [sys.executable, "-m", "sknemg", *command(model, archive, "out")]
    env = os.environ | {"SIZE": str(page * pages)}
    subprocess.run([*inside, SMALL_DISK, "sh", *words], cwd=tmp_path, env=env, check=True)
    assert (tmp_path / "first.status").read_text() != "0\n"
    said = (tmp_path / "first.log").read_text()
    assert "No space left on device" in said and "Traceback" not in said
    assert (tmp_path / "first.listing").read_text().split() == ["000000", "000001"]
    assert_same(read_archive(tmp_path / "kept"), read_archive(tmp_path / "whole"))


@pytest.mark.slow
def test_results_of_another_table_or_setting_are_not_mixed(model, archive, tmp_path):
    run(model, archive, tmp_path / "out")
    with pytest.raises(ValueError, match="partition_size 256, now 5"):
        run(model, archive, tmp_path / "out", partition_size=5)
    edit(archive, lambda rows: rows.loc.__setitem__((0, "subject"), "B"))
    with pytest.raises(ValueError, match=r"another run.*table"):
        run(model, archive, tmp_path / "out")


@pytest.mark.slow
def test_memory_that_is_used_up_leaves_out_a_partition_and_no_other(
    model, archive, tmp_path, monkeypatch
):
    read = work.read_all

    def greedy(rows, *args):
        if "B" in set(rows["subject"]):
            raise MemoryError
        return read(rows, *args)

    with monkeypatch.context() as patch:
        patch.setattr(work, "read_all", greedy)
        with pytest.raises(OSError, match=r"1 of 4 partitions are missing.*subjects B") as caught:
            run(model, archive, tmp_path / "out", partition_size=1)
    assert list(caught.value.partitions) == [1]
    assert read_archive(tmp_path / "out").n_missing == 1
    assert run(model, archive, tmp_path / "out", partition_size=1)["recordings"] == 12


@pytest.mark.slow
def test_the_command_names_the_most_frequent_errors(model, archive, tmp_path, capsys):
    """An archive of which nothing could be read once ended without a reason."""
    edit(archive, lambda rows: rows.__setitem__("file", [f"{name}.npy" for name in "ABCDEFGHIJKL"]))
    assert main(command(model, archive, tmp_path / "out")) == 0
    printed = capsys.readouterr().out
    assert "12 recordings, 12 of them with errors" in printed
    assert "12 recordings, such as: file 'A.npy': there is no" in printed


def test_a_model_that_asks_for_locations_refuses_a_table_without_them_as_a_whole(
    soft_and_loud, archive, tmp_path, capsys
):
    """The same was once said of each row."""
    X, y = soft_and_loud
    X = X.with_columns(location=["proximal", "distal"] * 24)
    votes = DiVoteClassifier(LinearDiscriminantAnalysis(), subject_features="location")
    pipe = make_pipeline(Segmenter(), SegmentFeatures(), votes)
    save_model(Diagnostician(pipe, cv=3).fit(X, y), tmp_path / "model")
    out = tmp_path / "out"
    assert main(command(tmp_path / "model", archive, out)) == 2
    said = capsys.readouterr().err
    assert "archive.csv: no column 'location'" in said
    assert "--locations muscle" in said and not (out / PARTITIONS).exists()
    rows = pd.read_csv(archive)
    rows.assign(location=["proximal"] * 8 + ["distal"] * 4).to_csv(archive, index=False)
    assert run(tmp_path / "model", archive, out)["errors"] == 0


def test_a_worker_that_sees_no_files_says_so(model, archive):
    task = work.Task(str(model), "", "a.csv", "/no/such/folder", {}, {})
    with pytest.raises(FileNotFoundError, match="cannot see '/no/such/folder'"):
        work.diagnose_partition(task, pd.DataFrame(), {})
    with pytest.raises(FileNotFoundError, match="the model"):
        work.diagnose_partition(replace(task, model="/none"), pd.DataFrame(), {})


def command(model, table, out, *more):
    return [
        *("diagnose", "--model", str(model), "--archive", str(table), "--out", str(out)),
        *("--file-sfreq", "1000", "--unit", "mV", "--partition", "1", *more),
    ]


@pytest.mark.slow
def test_the_command_writes_what_the_function_writes(model, archive, tmp_path, capsys):
    assert main(command(model, archive, tmp_path / "out")) == 0
    assert "12 recordings, 0 of them with errors, of 4 subjects" in capsys.readouterr().out
    run(model, archive, tmp_path / "same", partition_size=1)
    assert_same(read_archive(tmp_path / "out"), read_archive(tmp_path / "same"))
    assert main(["diagnose", "--model", str(model), "--out", str(tmp_path / "no")]) == 2
    assert "either PATH" in capsys.readouterr().err


@pytest.mark.slow
def test_a_killed_run_goes_on_without_a_lost_or_doubled_row(model, archive, tmp_path):
    out = tmp_path / "out"
    arguments = [sys.executable, "-m", "sknemg", *command(model, archive, out)]
    with subprocess.Popen(arguments, stderr=subprocess.DEVNULL) as process:
        for _ in range(2000):
            if (out / PARTITIONS).is_dir() and any((out / PARTITIONS).iterdir()):
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert run(model, archive, out, partition_size=1)["recordings"] == 12
    run(model, archive, tmp_path / "whole", partition_size=1)
    assert_same(read_archive(out), read_archive(tmp_path / "whole"))


@pytest.mark.slow
def test_two_workers_equal_one(model, archive, tmp_path):
    run(model, archive, tmp_path / "one", partition_size=1)
    run(model, archive, tmp_path / "two", partition_size=1, n_jobs=2)
    assert_same(read_archive(tmp_path / "one"), read_archive(tmp_path / "two"))


@pytest.mark.slow
def test_a_worker_that_its_memory_limit_ends_leaves_out_its_partition_alone(
    model, archive, tmp_path
):
    """Dask ends a worker near its limit; here a file of 0.4 GB needs more than it leaves."""
    huge = np.lib.format.open_memmap(
        archive.parent / "huge.npy", mode="w+", dtype="float32", shape=(100_000_000,)
    )  # zeros, which take no room on the disk
    huge.flush()
    edit(archive, lambda rows: rows.loc.__setitem__(0, ["A", "huge.npy"]))
    out = tmp_path / "out"
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        pytest.raises(UnfinishedArchiveError, match="1 of 4 partitions are missing") as caught,
    ):
        run(model, archive, out, partition_size=1, n_jobs=2, memory_limit="550MiB")
    assert "as they do when memory runs out" in str(caught.value)
    assert "with subjects A: give workers more memory" in str(caught.value)
    found = read_archive(out)
    assert found.n_missing == 1
    assert found.subjects["subject"].tolist() == ["B", "C", "D"]
    np.save(archive.parent / "huge.npy", np.random.default_rng(0).normal(size=800))
    found = run(model, archive, out, partition_size=1)  # with more memory, or less to do
    assert (found["recordings"], found["errors"]) == (12, 0)
