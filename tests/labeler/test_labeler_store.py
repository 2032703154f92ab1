"""The study file: what is acknowledged is there, and nothing that was written is changed."""

import json
import math
import os
import sqlite3
import stat
import time
from pathlib import Path

import pandas as pd
import pytest
from _study import make_study, small_cohort

from sknemg.labeler import NotOpenError, Store, Vote
from sknemg.labeler.schema import connect
from sknemg.metrics import read_votes


@pytest.fixture
def open_study(tmp_path):
    """Factory of studies with their open store, closed in the end."""
    stores = []

    def make(**settings):
        made = make_study(tmp_path / "study.sqlite", **settings)
        stores.append(Store(made.file))
        return made, stores[-1]

    yield make
    for store in stores:
        store.close()


def read(store, reader, numbers, answer="normal", repeat=""):
    for number in numbers:
        for position in [*range(len(store.case(reader, number).rows)), None]:
            store.vote(reader, Vote(f"{repeat}{number}/{position}", number, position, answer))


def test_a_correction_is_a_further_event_and_the_last_one_counts(open_study):
    made, store = open_study()
    store.vote(0, Vote("a", 0, 0, "normal", 3, "first", 2.0))
    store.vote(0, Vote("b", 0, 0, "cannot say", None, "", 4.0))
    store.vote(1, Vote("a", 0, 0, "myopathy"))  # a uuid is of one reader
    votes = store.votes()
    assert list(votes["vote"]) == ["normal", "cannot say", "myopathy"]
    assert list(votes["time"]) == sorted(set(votes["time"]))
    assert [a["answer"] for a in store.answers(0)] == ["cannot say"]
    case = store.case(0, 0)
    assert votes["subject"][0] == case.subject
    assert votes["recording"][0] == made.X["recording"].iloc[case.rows[0]]


def test_the_dump_is_what_the_statistics_read(open_study, tmp_path):
    made, store = open_study(n_repeats=1)
    read(store, 0, range(4))
    store.open_part(0, 1)
    read(store, 0, [4], "myopathy")
    files = store.dump(tmp_path / "dump")
    votes = read_votes(files["votes.csv"])
    subjects = votes[votes["level"] == "subject"]
    assert list(subjects["repeat"]) == [0, 0, 0, 0, 1]
    assert list(subjects["vote"]) == ["normal"] * 4 + ["myopathy"]
    assert set(votes["recording"]) == {"", *made.X["recording"]}
    everything = json.loads(files["study.json"].read_text())
    assert everything["settings"]["cohort"] == made.study.cohort
    assert len(everything["events"]) == len(votes) == 15


def test_a_dump_is_of_one_moment_although_others_vote_meanwhile(open_study, tmp_path, monkeypatch):
    made, store = open_study()
    store.vote(0, Vote("a", 0, 0, "normal"))
    other, cases = Store(made.file), store.cases

    def cases_and_a_vote(reader):
        other.vote(1, Vote(f"b{reader}", 0, 0, "myopathy"))
        return cases(reader)

    monkeypatch.setattr(store, "cases", cases_and_a_vote)
    files = store.dump(tmp_path / "dump")
    other.close()
    votes = pd.read_csv(files["votes.csv"])
    assert len(votes) == len(json.loads(files["study.json"].read_text())["events"]) == 1
    assert len(store.votes()) == 3


def test_a_dump_that_is_interrupted_leaves_no_half_of_the_votes(open_study, tmp_path, monkeypatch):
    _, store = open_study()
    store.vote(0, Vote("a", 0, 0, "normal"))
    whole = store.dump(tmp_path)["votes.csv"].read_bytes()
    store.vote(1, Vote("b", 0, 0, "myopathy"))

    def write_half(path, content):
        with open(path, "wb") as file:
            file.write(content[: len(content) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", write_half)
    with pytest.raises(KeyboardInterrupt):
        store.dump(tmp_path)
    assert (tmp_path / "votes.csv").read_bytes() == whole


def test_what_older_versions_took_is_dumped_as_json(open_study, tmp_path, monkeypatch):
    """Display settings with NaN, as events of older versions may have them for good."""
    _, store = open_study()
    monkeypatch.setattr("sknemg.labeler.store._as_json", json.dumps)
    display = {"gain": math.nan, "sweep": [math.inf, 2.5]}
    store.vote(0, Vote("a", 0, 0, "normal", display=display))
    text = store.dump(tmp_path / "dump")["study.json"].read_text()
    (event,) = json.loads(text, parse_constant=pytest.fail)["events"]
    assert event["display"] == {"gain": None, "sweep": [None, 2.5]}


def test_a_vote_that_is_sent_again_is_stored_once(open_study):
    _, store = open_study()
    vote = Vote("a", 0, 0, "normal", 3)
    assert store.vote(0, vote) == store.vote(0, vote)
    assert len(store.votes()) == 1
    with pytest.raises(ValueError, match="Another vote has this uuid"):
        store.vote(0, Vote("a", 0, 0, "myopathy", 3))


@pytest.mark.parametrize("table", ["event", "reading", "study", "recording"])
def test_nothing_that_was_written_can_be_changed(open_study, table):
    made, store = open_study()
    store.vote(0, Vote("a", 0, 0, "normal"))
    connection = connect(made.file)
    column = {"study": "version", "reading": "arm", "event": "vote", "recording": "name"}[table]
    for change in (f"UPDATE {table} SET {column} = 'x'", f"DELETE FROM {table}"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(change)
    connection.close()


@pytest.mark.parametrize(
    ("vote", "message"),
    [
        (Vote("a", 0, 0, "flu"), "The answer 'flu' is not one of"),
        (Vote("a", 0, 0, "normal", 6), "confidence=6 must be 1 to 5"),
        (Vote("", 0, 0, "normal"), "uuid"),
        (Vote("a", 0, 0, "normal", remark="x" * 2001), "at most 2000"),
        (Vote("a", 0, 0, "normal", seconds=math.nan), "seconds=nan must be"),
        (Vote("a", 0, 0, "normal", seconds=-1.0), "seconds=-1.0 must be"),
        (Vote("a", 0, 0, "normal", display={"a": "x" * 2000}), "too long"),
        (Vote("a", 0, 0, "normal", display={"a": math.nan}), "must be finite numbers, text"),
        (Vote("a", 0, 0, "normal", display={"a": "\ud800"}), "must be finite numbers, text"),
        (Vote("a", 0, 0, "normal", display={"a": {1}}), "must be finite numbers, text"),
    ],
)
def test_an_invalid_vote_is_refused_and_not_stored(open_study, vote, message):
    _, store = open_study()
    with pytest.raises(ValueError, match=message):
        store.vote(0, vote)
    assert store.votes().empty


def test_the_diagnosis_comes_after_all_recordings(open_study):
    _, store = open_study()
    store.vote(0, Vote("a", 0, 0, "normal"))
    with pytest.raises(NotOpenError, match="all recordings"):
        store.vote(0, Vote("b", 0, None, "normal"))
    store.vote(0, Vote("c", 0, 1, "normal"))
    store.vote(0, Vote("b", 0, None, "normal"))


@pytest.mark.parametrize(("number", "position"), [(99, 0), (-1, 0), (0, 2), (0, -1)])
def test_what_is_not_there_is_not_open(open_study, number, position):
    _, store = open_study()
    with pytest.raises(NotOpenError):
        store.vote(0, Vote("a", number, position, "normal"))


def test_parts_open_in_turn_and_what_is_behind_is_closed(open_study):
    shares = {"myopathy": 0.2, "neuropathy": 0.3, "normal": 0.5}
    model = dict.fromkeys(small_cohort()[0]["subject"], shares)
    _, store = open_study(arms=("assisted", "blinded"), model=model, n_readers=1)
    assert store.next_part(0) == (1, math.inf)
    with pytest.raises(NotOpenError):
        store.open_part(0, 1)
    with pytest.raises(NotOpenError):  # before the part is open
        store.case(0, 4)
    first = store.case(0, 0)
    assert (store.assistance(first) is None) == (first.arm == "blinded")
    read(store, 0, range(4))
    with pytest.raises(NotOpenError):
        store.open_part(0, 2)
    store.open_part(0, 1)
    with pytest.raises(NotOpenError):  # answers of the arm before cannot follow this one
        store.vote(0, Vote("late", 0, 0, "myopathy"))
    second = store.case(0, 4)
    assert {first.arm, second.arm} == {"blinded", "assisted"}
    assert (store.assistance(second) is None) == (second.arm == "blinded")


def test_a_pause_keeps_the_next_part_closed(open_study):
    _, store = open_study(n_repeats=1, pause=2.0)
    read(store, 0, range(4))
    part, opens = store.next_part(0)
    assert part == 1
    assert opens - time.time() == pytest.approx(2 * 86_400, abs=60)
    with pytest.raises(NotOpenError):
        store.open_part(0, 1)


def test_no_vote_is_taken_after_the_deadline(open_study):
    _, store = open_study(deadline="2001-01-01T00:00+00:00")
    with pytest.raises(NotOpenError, match="has ended"):
        store.vote(0, Vote("a", 0, 0, "normal"))


def test_a_model_is_kept_only_for_an_arm_that_shows_it(tmp_path):
    shares = {"myopathy": 0.2, "neuropathy": 0.3, "normal": 0.5}
    model = dict.fromkeys(small_cohort()[0]["subject"], shares)
    with pytest.raises(ValueError, match="show no model"):
        make_study(tmp_path / "a", model=model)
    some = dict(list(model.items())[1:])
    with pytest.raises(ValueError, match="answer is missing for subject 'KLINIK0003'"):
        make_study(tmp_path / "a", model=some, arms=("assisted",))
    half = {name: {"myopathy": 1.0} for name in model}
    with pytest.raises(ValueError, match="lacks a probability"):
        make_study(tmp_path / "a", model=half, arms=("assisted",))
    assert not (tmp_path / "a").exists()


def test_tokens_and_sessions_are_stored_hashed_and_end(open_study):
    made, store = open_study()
    secret = store.enter(made.tokens[1])
    assert store.reader_of(secret) == 1
    assert store.enter("x" + made.tokens[1]) is None
    store.close()
    content = b"".join(file.read_bytes() for file in made.file.parent.iterdir())
    for word in (*made.tokens, secret):
        assert word.encode() not in content
    store = Store(made.file)
    token = store.renew(1)
    assert store.reader_of(secret) is None
    assert store.enter(made.tokens[1]) is None
    fresh = store.enter(token)
    store.leave(fresh)
    assert store.reader_of(fresh) is None
    old = store.enter(token)
    store._connection.execute("UPDATE session SET opened = opened - 31 * 86400")
    assert store.reader_of(old) is None
    with pytest.raises(ValueError, match="Reader 9 is not one of the 2"):
        store.renew(8)
    store.close()


def test_only_the_owner_reads_the_file_and_none_is_overwritten(tmp_path):
    made = make_study(tmp_path / "study.sqlite")
    assert stat.S_IMODE(made.file.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        make_study(tmp_path / "study.sqlite")
    assert [file.name for file in tmp_path.iterdir()] == ["study.sqlite"]


def test_of_two_that_make_a_study_at_once_one_is_refused(tmp_path, monkeypatch):
    """And the tokens of the other one open the file."""
    made, link = [], os.link

    def link_later(*args):
        if not made:  # the second one comes just before the first is done
            made.append(None)
            made.append(make_study(tmp_path / "study.sqlite", random_state=1))
        return link(*args)

    monkeypatch.setattr(os, "link", link_later)
    with pytest.raises(FileExistsError):
        make_study(tmp_path / "study.sqlite")
    store = Store(tmp_path / "study.sqlite")
    assert store.study.random_state == 1 and store.enter(made[1].tokens[0])
    store.close()
    assert [file.name for file in tmp_path.iterdir()] == ["study.sqlite"]


def test_two_recordings_of_a_subject_have_two_names(tmp_path):
    X, _ = small_cohort()
    with pytest.raises(ValueError, match="Several recordings of subject 'KLINIK0003' are called"):
        make_study(tmp_path / "study.sqlite", X.with_columns(recording="a"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"text\n" * 100, None])
def test_other_files_are_refused(tmp_path, content):
    file = tmp_path / "other"
    if content is None:
        sqlite3.connect(file).execute("CREATE TABLE study (settings TEXT)").connection.close()
    else:
        file.write_bytes(content)
    with pytest.raises(ValueError, match="is not a study file"):
        Store(file)
    with pytest.raises(FileNotFoundError, match="make a study first"):
        Store(tmp_path / "none")
    with pytest.raises(IsADirectoryError, match="is a folder: give the file of a study"):
        Store(tmp_path)


def test_a_vote_that_does_not_fit_on_the_disk_is_not_acknowledged(open_study):
    _, store = open_study()
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    stored = 0
    with pytest.raises(sqlite3.OperationalError, match="full"):
        for stored in range(200):
            store.vote(0, Vote(f"v{stored}", 0, 0, "normal", remark="x" * 1500))
    assert len(store.votes()) == stored
    store._connection.execute("PRAGMA max_page_count = 100000")
    store.vote(0, Vote(f"v{stored}", 0, 0, "normal"))  # the same vote, sent again
    assert len(store.votes()) == stored + 1
