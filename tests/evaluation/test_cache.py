"""Cells that are kept in a folder: damaged, unreadable, written at once."""

import joblib
import numpy as np
import pytest
from _toy import Spy
from sklearn.pipeline import make_pipeline

from sknemg import DiVoteClassifier, Recordings, Segmenter
from sknemg.evaluation import Protocol, evaluate

TWO = Protocol("two", 2)


def run(cache, **options):
    signals = np.random.default_rng(0).normal(size=(8, 1200))
    X = Recordings(signals, sfreq=1000, subject=list("abcdefgh"))
    pipe = make_pipeline(Segmenter(), DiVoteClassifier(Spy()))
    y = np.repeat(["myopathy", "normal"], 4)
    Spy.calls.clear()  # what a class holds is of its code
    return evaluate({"spy": pipe}, X, y, protocol=TWO, cache=cache, **options)


DAMAGE = {
    "empty": lambda whole: b"",
    "truncated": lambda whole: whole[: len(whole) // 2],
    "last byte missing": lambda whole: whole[:-1],
    "zeros": lambda whole: bytes(len(whole)),
    "text": lambda whole: b"not a pickle\n",
    "zlib": lambda whole: b"\x78\x9c" + whole[2:],
    "gzip": lambda whole: b"\x1f\x8b" + whole[2:],
}


def test_a_damaged_cell_is_computed_anew_and_said(tmp_path):
    reference = run(tmp_path)
    damaged, untouched = sorted(tmp_path.glob("*.joblib"))
    whole, modified = damaged.read_bytes(), untouched.stat().st_mtime_ns
    for how, damage in DAMAGE.items():
        damaged.write_bytes(damage(whole))
        with pytest.warns(UserWarning, match="cells in the cache were damaged") as caught:
            again = run(tmp_path)
        assert len(caught) == 1, how
        assert damaged.name in str(caught[0].message)
        assert untouched.name not in str(caught[0].message)
        assert again.subjects.equals(reference.subjects)
        assert untouched.stat().st_mtime_ns == modified
    assert run(tmp_path).subjects.equals(reference.subjects)  # mended: no warning


def test_of_kept_cells_nothing_is_sent_to_workers(tmp_path, monkeypatch):
    reference = run(tmp_path)

    def send(*_, **__):
        pytest.fail("data were sent")

    monkeypatch.setattr("sknemg.evaluation._evaluate.kept_by_workers", send)
    monkeypatch.setattr("joblib.Parallel", send)
    assert run(tmp_path).subjects.equals(reference.subjects)


@pytest.mark.parametrize("content", [{"cells": 1}, "cell"])
def test_a_file_that_holds_no_cell_is_computed_anew(tmp_path, content):
    reference = run(tmp_path)
    file = min(tmp_path.glob("*.joblib"))
    joblib.dump(content, file)
    with pytest.warns(UserWarning, match=f"{file.name} .it holds no cell"):
        assert run(tmp_path).subjects.equals(reference.subjects)


def test_a_cell_that_may_not_be_read_stops_the_run(tmp_path):
    run(tmp_path)
    file = min(tmp_path.glob("*.joblib"))
    file.unlink()
    file.mkdir()  # which root cannot read as a file either
    with pytest.raises(OSError, match=rf"{file.name}' cannot be read .*: make it readable"):
        run(tmp_path)


def test_a_folder_that_cannot_hold_cells_is_refused_before_anything_is_computed(tmp_path):
    (tmp_path / "file").touch()
    for cache in (tmp_path / "file", tmp_path / "file" / "below"):
        Spy.calls.clear()
        with pytest.raises(OSError, match=r"cannot hold finished cells .*: give a folder"):
            run(cache)
        assert not Spy.calls


def test_nothing_half_written_is_left(tmp_path):
    run(tmp_path)
    assert {file.suffix for file in tmp_path.iterdir()} == {".joblib"}
