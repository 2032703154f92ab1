"""The benchmark of archives, in a small size."""

import json
import re
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from benchmarks.archive import __main__ as archive
from benchmarks.archive.command import _largest_memory, steady_rate
from benchmarks.archive.machine import KERNELS
from benchmarks.archive.page import PAGE, RESULTS, tables
from benchmarks.archive.stages import REST, STAGES
from benchmarks.machinery.reporting import section


def test_the_page_of_archives_is_that_of_the_kept_results(tmp_path):
    assert tables(tmp_path) == "Not run.\n"
    assert section("archive", tables()) in PAGE.read_text()


def test_a_folder_of_other_settings_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "plan", lambda args: [])
    for write in ("write_archive", "train"):
        monkeypatch.setattr(archive, write, lambda *given: None)
    folder = ["--folder", str(tmp_path)]
    archive.main([*folder, "--width", "2"])
    assert json.loads((tmp_path / "settings.json").read_text())["width"] == 2
    with pytest.raises(SystemExit, match=r"figures of .*'width': 2.*, not of .*'width': 8"):
        archive.main(folder)
    (tmp_path / "settings.json").unlink()
    (tmp_path / "measured").mkdir(exist_ok=True)
    with pytest.raises(SystemExit, match="unknown settings"):
        archive.main(folder)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--jobs 2", r"--jobs \[2\] has no 1"),
        ("--jobs 1 2 --many-jobs 4", r"--many-jobs \[4\] must be among --jobs \[1, 2\]"),
        ("--only machine --out none", r"adds to the figures in --out none, which holds none"),
    ],
)
def test_figures_that_nothing_is_compared_with_are_refused(words, said, tmp_path, capsys):
    with pytest.raises(SystemExit):
        archive.main(["--folder", str(tmp_path), *words.split()])
    assert re.search(said, capsys.readouterr().err)
    assert not [*tmp_path.iterdir()]


def test_a_part_that_is_measured_again_is_not_compared_with_the_rest(tmp_path):
    shutil.copytree(RESULTS, tmp_path / "kept")
    settings = json.loads((tmp_path / "kept" / "settings.json").read_text())
    runs = pd.read_csv(tmp_path / "kept" / "runs.csv").set_index("step", drop=False)
    new = runs[runs["step"].str.fullmatch(r"command-(few|many)-model-2-\d")]
    peak = np.where(new["archive"] == "many", 1003.0, 1000.0)
    new = new.assign(commit="0123456", peak_mb=peak).to_dict("records")
    archive.keep_results(new, settings, tmp_path / "kept", add=True)
    after = pd.read_csv(tmp_path / "kept" / "runs.csv")
    assert after["step"].tolist() == runs["step"].tolist()
    text = tables(tmp_path / "kept")
    assert "Commit 0123456: With 2 workers, the memory for 20,000 recordings is 1.003 times" in text
    assert "Once started" not in text  # one worker and two are of different commits
    few = [row | {"commit": "89abcde"} for row in new if row["archive"] == "few"]
    archive.keep_results(few, settings, tmp_path / "kept", add=True)
    text = tables(tmp_path / "kept")
    assert "| 89abcde |" in text and "Commit 89abcde" not in text  # of which nothing can be said
    with pytest.raises(SystemExit, match="figures of other width: measure all of it again"):
        archive.keep_results(new, settings | {"width": 9}, tmp_path / "kept", add=True)


def test_the_part_that_is_recommended_keeps_the_sentence_on_speed(tmp_path):
    shutil.copytree(RESULTS, tmp_path / "kept")
    settings = json.loads((tmp_path / "kept" / "settings.json").read_text())
    words = ["machine", "command-*", "apart-*"]
    assert f'--only {words[0]} "{words[1]}" "{words[2]}"' in archive.__doc__
    steps = archive.asked(
        archive.arguments(["--rounds", str(settings["rounds"]), "--only", *words])
    )
    runs = pd.read_csv(tmp_path / "kept" / "runs.csv").set_index("step", drop=False)
    machine, *others = map(archive.name_of, steps)
    new = runs.loc[runs.index.isin(others)].assign(commit="0123456").to_dict("records")
    archive.keep_results(new, settings, tmp_path / "kept", add=True)
    text = tables(tmp_path / "kept")
    assert "Commit 0123456: Once started, two workers read" in text
    assert "Two plain processes" not in text  # which were those of another commit
    own = {"way": machine, "commit": "0123456", **dict.fromkeys(KERNELS, 1.75)}
    archive.keep_results([own], settings, tmp_path / "kept", add=True)
    assert "Two plain processes do 1.75 times the matrix products" in tables(tmp_path / "kept")


@pytest.fixture
def one_figure(tmp_path, monkeypatch):
    """Take one figure, which costs nothing, of the commits of a list; give what was measured."""
    taken, commits = [], []

    def measure(args, folder, step, answers):
        answers.mkdir(parents=True, exist_ok=True)
        taken.append((answers, [*answers.iterdir()]))
        (answers / "few-model-1").mkdir(exist_ok=True)
        return {"way": "machine"}

    for write in ("write_archive", "train"):
        monkeypatch.setattr(archive, write, lambda *given: None)
    monkeypatch.setattr(archive, "measure", measure)
    monkeypatch.setattr(archive, "commit_now", lambda: commits.pop(0))

    def run(*given):
        commits[:] = given
        archive.main(["--folder", str(tmp_path), "--only", "machine"])
        return len(taken)

    return run, taken


def test_figures_and_answers_are_those_of_their_commit(one_figure, tmp_path):
    run, taken = one_figure
    assert run("abc", "abc") == run("abc") == 1  # the second is kept
    assert run("def", "def") == 2
    assert taken == [(tmp_path / "out" / "abc", []), (tmp_path / "out" / "def", [])]


@pytest.mark.parametrize("commit", ["abc+changes", "unknown"])
def test_figures_of_files_of_no_commit_are_taken_anew(commit, one_figure, tmp_path):
    run, taken = one_figure
    assert run(commit, commit) == 1
    assert run(commit, commit) == 2
    assert taken[1] == (tmp_path / "out" / commit, [])  # nor are answers that others left


def test_a_commit_that_is_another_after_a_figure_stops_the_run(one_figure, tmp_path):
    run, _ = one_figure
    with pytest.raises(SystemExit, match="from commit abc to def while machine was measured"):
        run("abc", "def")
    assert not [*(tmp_path / "measured").rglob("*.json")]


def test_a_part_is_named_by_a_pattern():
    parts = archive.arguments(["--only", "command-*-model-2-*", "--rounds", "1"])
    assert archive.asked(parts) == [
        ["command", "few", "model", 2, 0],
        ["command", "many", "model", 2, 0],
    ]
    with pytest.raises(SystemExit, match="--only nothing names none of machine, command-few"):
        archive.asked(archive.arguments(["--only", "nothing"]))


def test_a_steady_rate_leaves_out_the_start_and_the_worker_that_ends_last():
    one = np.array([[20.0 + 2 * at, 10] for at in range(8)])
    assert steady_rate(one, 1) == pytest.approx(5)
    second = np.array([[26.0 + 2 * at, 10] for at in range(6)])  # begins later, ends later
    both = np.array(sorted([*one.tolist(), *second.tolist()]))
    assert steady_rate(both[4:-1], 2) == pytest.approx(10, rel=0.1)
    assert np.isnan(steady_rate(one[:2], 1))


def test_the_memory_of_a_command_that_ends_soon_is_seen():
    late = "import time; time.sleep(0.4); held = bytearray(300_000_000); time.sleep(1)"
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", late]) as process:
        memory, (ended,) = _largest_memory([process])
    assert process.returncode == 0
    assert start + 1.4 < ended <= time.perf_counter()  # it sleeps for 1.4 s
    assert memory["peak_mb"] == memory["own_mb"] > 300
    assert memory["workers_mb"] == 0


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # wfdb calls pandas in a way that pandas warns of
def test_an_archive_is_measured_in_a_small_size_and_goes_on_where_it_stopped(tmp_path, monkeypatch):
    inside = {"stages": archive.measure_stages, "rival": archive.measure_rival}
    measure_command, measured = archive.measure, []

    def measure(args, folder, step, answers):
        way, *rest = step
        measured.append(step)
        if len(measured) == 2:
            raise KeyboardInterrupt
        if way not in inside:
            return measure_command(args, folder, step, answers)
        return inside[way](folder, *rest, *([answers] if way == "rival" else []))

    monkeypatch.setattr(archive, "measure", measure)
    monkeypatch.setattr(archive, "commit_now", lambda: "0123456")  # that nobody has changed
    words = ["--patients", "6", "--few", "24", "--recordings", "30", "--width", "2"]
    words += ["--partition", "1", "--rounds", "1", "--many-jobs", "1"]
    words += ["--folder", str(tmp_path / "archive"), "--out", str(tmp_path / "out")]
    with pytest.raises(KeyboardInterrupt):
        archive.main(words)
    archive.main(words)
    assert len({*map(tuple, measured)}) == len(measured) - 1
    runs, stages = (pd.read_csv(tmp_path / "out" / f"{name}.csv") for name in ("runs", "stages"))
    assert runs["recordings"].tolist() == [24, 24, 24, 24, 6, 30]
    assert runs["way"].tolist() == ["sknemg", "sknemg", "apart", "sknemg", "rival", "sknemg"]
    one, more = runs["steady"].iloc[0], runs["recordings"].iloc[0] / runs["wall_s"].iloc[0]
    assert one > more > 0  # the start takes most of the wall time
    machine = json.loads((tmp_path / "out" / "settings.json").read_text())["machine"]
    assert all(0.5 < machine[name] < 2.5 for name in KERNELS)
    assert (runs[["wall_s", "cpu_s"]] > 0).all(axis=None)
    assert runs["peak_mb"].dropna().between(100, 5000).all()
    (difference,) = runs["median_difference_of_votes"].dropna()  # by another resampling
    assert difference < 0.01
    names = [*dict.fromkeys(stage for *_, stage in STAGES), REST]
    assert (stages["cpu_s"] > 0).all()
    assert (stages[REST] > -0.05).all()  # s: a start, which is taken off, varies by some 0.02
    assert (stages[names[:-1]] > 0).all(axis=None)
    assert (stages["windows"] > 0).all()
    text = tables(tmp_path / "out")
    assert "a million of them would take" in text
    assert not re.search(r"\bnan\b", text)
