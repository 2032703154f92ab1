"""The application: who is let in, what a reader learns, and what is tried to get more."""

import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from _study import CLASSES, HOST, Client, app_of, make_study, serving, small_cohort

from sknemg import Recordings
from sknemg.datasets import write_cohort
from sknemg.labeler import Address, Store
from sknemg.labeler.guard import HEADERS, MAX_BODY

SHARES = {"myopathy": 0.123456, "neuropathy": 0.222222, "normal": 0.654322}


@pytest.fixture
def study(tmp_path):
    made = make_study(tmp_path / "study.sqlite")
    app, store = app_of(made)
    yield made, app, store
    store.close()


@pytest.fixture
def reader(study):
    made, app, _store = study
    client = Client(app)
    assert client.enter(made.tokens[0]).status == 200
    return client


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A study that attacks leave as it is, with a client of a reader."""
    made = make_study(tmp_path_factory.mktemp("shared") / "study.sqlite")
    app, store = app_of(made)
    client = Client(app)
    assert client.enter(made.tokens[0]).status == 200
    yield SimpleNamespace(made=made, app=app, store=store, reader=client)
    store.close()


# -- reading and voting ------------------------------------------------------------------------


def test_a_reader_votes_leaves_and_goes_on_elsewhere(study, reader):
    made, app, _store = study
    reader.read_everything("neuropathy")
    assert reader.ask("POST", "/api/leave", {}).status == 200
    assert reader.ask("GET", "/api/study").status == 401
    other = Client(app)  # another computer, the same link
    other.enter(made.tokens[0])
    answers = other.get("/api/study")["answers"]
    assert len(answers) == 4 * 3
    assert {answer["answer"] for answer in answers} == {"neuropathy"}


def test_what_is_acknowledged_is_in_the_file(study, reader):
    made, _, _ = study
    answer = reader.vote("a", 0, 1, "myopathy", confidence=4, remark="<b>'; --", seconds=3.25)
    assert answer.status == 201
    assert json.loads(answer.body)["uuid"] == "a"
    other = Store(made.file)
    (row,) = other.votes().to_dict("records")
    assert (row["vote"], row["confidence"], row["seconds"]) == ("myopathy", 4, 3.25)
    assert other.answers(0)[0]["remark"] == "<b>'; --"
    other.close()


def test_signals_are_those_of_the_plan(study, reader):
    made, _, _ = study
    case = next(case for case in made.cases if (case.reader, case.number) == (0, 2))
    about = reader.get("/api/patients/2")["recordings"]
    for position, row in enumerate(case.rows):
        sent = reader.ask("GET", f"/api/patients/2/recordings/{position}").body
        signal = np.frombuffer(sent, "<i2") * about[position]["scale"]
        assert np.abs(signal - made.X[row]).max() <= about[position]["scale"]
        assert about[position]["sfreq"] == 48_000


# -- blinding ------------------------------------------------------------------------------------


def heard(made, **study):
    """Everything that all readers receive in a whole study."""
    app, store = app_of(made)
    answers = []
    for token in made.tokens:
        client = Client(app)
        client.enter(token)
        client.ask("GET", "/")
        for file in ("labeler.js", "labeler.css"):
            client.ask("GET", f"/static/{file}")
        while True:
            client.read_everything()
            state = client.get("/api/study")
            if not state["opens"]:
                break
            assert client.ask("POST", "/api/part", {"part": state["part"] + 1}).status == 201
        client.ask("GET", "/api/patients/99")
        client.ask("POST", "/api/votes", raw=b"{")
        answers += client.heard
    store.close()
    return answers


def test_no_answer_names_a_subject_a_file_a_diagnosis_or_another_reader(tmp_path):
    made = make_study(tmp_path / "study.sqlite", n_repeats=2)
    answers = heard(made)
    assert len(answers) > 60
    hidden = {
        str(entry)
        for name in ("subject", "file", "recording", "diagnosis_detail", "muscle", "location")
        for entry in made.X[name]
    } | {"Reader 3", "secret", "sqlite", "KLINIK", made.study.cohort}
    everything = b"\n".join(answers)
    assert [word for word in hidden if word.encode() in everything] == []
    first, second = (b"Reader 1", b"Reader 2")
    assert not any(first in answer and second in answer for answer in answers)


def test_what_is_received_does_not_depend_on_the_diagnoses(tmp_path):
    # The names of the diagnoses are on the buttons, so that a search for them would not do.
    X, y = small_cohort()
    received = []
    for turn, labels in enumerate((y, y[::-1])):
        folder = tmp_path / str(turn)
        named = X.with_columns(diagnosis=labels)
        made = make_study(folder.with_suffix(".sqlite"), named)
        app, store = app_of(made)
        client = Client(app)
        client.enter(made.tokens[0])
        seen = [client.get("/api/study")["patients"]]
        for patient in seen[0]:
            number = patient["number"]
            seen.append(client.get(f"/api/patients/{number}"))
            seen += [
                client.ask("GET", f"/api/patients/{number}/recordings/{at}").body
                for at in range(patient["n_recordings"])
            ]
        received.append(seen)
        store.close()
    assert received[0] == received[1]


def test_the_model_is_seen_in_the_assisted_arm_alone(tmp_path):
    model = dict.fromkeys(small_cohort()[0]["subject"], SHARES)
    made = make_study(tmp_path / "study.sqlite", arms=("blinded", "assisted"), model=model)
    app, store = app_of(made)
    for reader, token in enumerate(made.tokens):
        client = Client(app)
        client.enter(token)
        for part in (0, 1):
            before = len(client.heard)
            client.read_everything()
            arm = next(c.arm for c in made.cases if (c.reader, c.part) == (reader, part))
            shown = b"0.654322" in b"".join(client.heard[before:])
            assert shown == (arm == "assisted")
            if part == 0:
                assert client.ask("GET", "/api/patients/4").status == 409  # of the other arm
                client.ask("POST", "/api/part", {"part": 1})
                assert client.ask("GET", "/api/patients/0").status == 409
    store.close()


def test_a_study_shows_what_its_settings_name_and_no_more(tmp_path):
    made = make_study(tmp_path / "study.sqlite", shown=("age", "location"))
    app, store = app_of(made)
    client = Client(app)
    client.enter(made.tokens[0])
    client.read_everything()
    everything = b"\n".join(client.heard)
    assert b"proximal" in everything
    assert b"90 or more" in everything
    assert b"93" not in client.ask("GET", "/api/patients/0").body
    assert b"deltoid" not in everything
    store.close()


# -- attacks -------------------------------------------------------------------------------------


def test_nothing_is_told_without_a_session(study):
    made, app, _ = study
    stranger = Client(app)
    for path in ("/api/study", "/api/patients/0", "/api/patients/0/recordings/0"):
        assert stranger.ask("GET", path).status == 401
    for path in ("/api/votes", "/api/part", "/api/leave"):
        assert stranger.ask("POST", path, {}).status == 401
    for token in ("", "x", made.tokens[0][:-1], made.tokens[0] + "x", "' OR 1=1 --"):
        assert stranger.enter(token).status == 401
    for cookie in ("labeler=", "labeler=x", f"labeler={made.tokens[0]}", "labeler=\xff"):
        stranger.cookie = cookie
        assert stranger.ask("GET", "/api/study").status == 401


def test_every_answer_carries_the_policy(study, reader):
    for answer in (
        reader.ask("GET", "/"),
        reader.ask("GET", "/nowhere"),
        reader.ask("GET", "/", headers={"host": "evil.example"}),
        reader.ask("POST", "/api/votes", raw=b"x" * (MAX_BODY + 1)),
    ):
        assert HEADERS.items() <= answer.headers.items()
    policy = HEADERS["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize("secure", [False, True])
def test_the_cookie_is_kept_from_scripts_and_other_pages(tmp_path, secure):
    made = make_study(tmp_path / "study.sqlite")
    app, store = app_of(made, secure=secure)
    client = Client(app, scheme="https" if secure else "http")
    cookie = client.enter(made.tokens[0]).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert ("secure" in cookie) == secure
    assert cookie.startswith("__host-labeler=") == secure
    assert made.tokens[0].lower() not in cookie
    store.close()


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:8765.evil.example", "", None]
)
def test_another_host_is_refused(shared, host):  # DNS rebinding
    client, made = Client(shared.app), shared.made
    assert client.ask("GET", "/", headers={"host": host}).status == 421
    assert client.ask("POST", "/api/session", {"token": made.tokens[0]},
                      headers={"host": host}).status == 421  # fmt: skip


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": f"https://{HOST}"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": None}, 403),
        ({"x-csrf": None}, 403),
        ({"x-csrf": "0" * 64}, 403),
        ({"x-csrf": "\xff"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": None}, 415),
    ],
)
def test_another_page_cannot_vote(study, reader, headers, status):
    _, _, store = study
    body = {"uuid": "a", "patient": 0, "position": 0, "answer": "normal", "confidence": None,
            "remark": "", "seconds": 0, "display": {}}  # fmt: skip
    assert reader.ask("POST", "/api/votes", body, headers=headers).status == status
    assert store.votes().empty
    assert reader.ask("POST", "/api/votes", body).status == 201


def test_a_mark_is_of_one_session(study, reader):
    made, app, _ = study
    other = Client(app)
    other.enter(made.tokens[1])
    assert other.csrf != reader.csrf
    mark, other.csrf = other.csrf, reader.csrf
    assert other.vote("a", 0, 0).status == 403
    for path in ("/api/patients/0", "/api/patients/0/recordings/0"):  # of a page that is not theirs
        assert other.ask("GET", path, headers={"x-csrf": reader.csrf}).status == 403
        assert other.ask("GET", path, headers={"x-csrf": mark}).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/../study.sqlite", "/static/..%2fstudy.sqlite", "/static/%2e%2e/app.py",
        "/static//etc/passwd", "/static/..\\app.py", "/static/labeler.js%00.css", "/static/",
        "/static/labeler.html", "/../../etc/passwd", "//etc/passwd", "/study.sqlite", "/static/.",
        "/api/patients/..", "/api/patients/0/recordings/-1", "/api/patients/0/recordings/1e9",
        "/api/patients/0'--", "/api/patients/0 OR 1=1", "/api/patients/٣", "/docs", "/openapi.json",
    ],
)  # fmt: skip
def test_no_path_leads_to_files_or_other_patients(shared, path):
    answer = shared.reader.ask("GET", path)
    assert answer.status in (404, 409), answer.body
    assert b"root:" not in answer.body
    assert b"SQLite" not in answer.body


@pytest.mark.parametrize("number", [4, 99, 2**31, 2**62, 2**64, 10**400])
def test_numbers_beyond_the_list_are_not_open(shared, number):
    reader = shared.reader
    assert reader.ask("GET", f"/api/patients/{number}").status in (404, 409)
    assert reader.ask("GET", f"/api/patients/0/recordings/{number}").status in (404, 409)
    assert reader.vote("a", number, 0).status in (400, 409, 422)


INJECTIONS = ["'; DROP TABLE event; --", '" OR ""="', "normal' UNION SELECT hash FROM token --",
              "\u0000", "\ud800", "a" * 65, "{{7*7}}", "__proto__"]  # fmt: skip


@pytest.mark.parametrize("text", INJECTIONS)
def test_sql_is_not_spoken(shared, text):
    reader, store = shared.reader, shared.store
    raw = json.dumps({"token": text}).encode()
    stranger = Client(shared.app, address=repr(text))
    assert stranger.ask("POST", "/api/session", raw=raw).status in (401, 422)
    for field in ("uuid", "answer", "remark"):
        before = len(store.votes())
        body = {"uuid": str(random.random()), "patient": 1, "position": 0, "answer": "normal"}
        body |= {"confidence": None, "remark": "", "seconds": 0, "display": {}, field: text}
        answer = reader.ask("POST", "/api/votes", raw=json.dumps(body).encode())
        assert answer.status in (201, 422)
        assert field != "answer" or answer.status == 422
        assert len(store.votes()) == before + (answer.status == 201)
        if field == "remark" and answer.status == 201:
            assert store.answers(0)[-1]["remark"] == text
    assert store._connection.execute("SELECT count(*) FROM token").fetchone() == (2,)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"null", b"[]", b"{", b"\xff", b"NaN", b"[" * 9_000, b'{"token": 1}',
        b'{"token": "a", "more": 1}', b'{"token": null}', b"1e999",
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused(shared, raw):
    client = Client(shared.app, address=repr(raw))
    assert client.ask("POST", "/api/session", raw=raw).status in (400, 422)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("patient", "0"), ("patient", None), ("patient", 0.0), ("patient", True),
        ("position", "0"), ("position", True), ("confidence", 0), ("confidence", 2.5),
        ("confidence", True), ("seconds", "1"), ("seconds", float("nan")), ("seconds", 1e300),
        ("seconds", float("-inf")), ("display", []), ("display", None), ("remark", None),
        ("answer", ["normal"]), ("uuid", 1), ("display", {"a": "x" * 3000}), ("seconds", 10**30),
        ("display", {"a": float("nan")}), ("display", {"a": [float("-inf")]}),
        ("display", {"a": "\ud800"}), ("display", {"\udfff": 1}),
    ],
)  # fmt: skip
def test_fields_have_their_types(shared, field, value):
    before = len(shared.store.votes())
    body = {"uuid": "u", "patient": 0, "position": 0, field: value}
    assert shared.reader.vote(**body).status == 422
    assert len(shared.store.votes()) == before


def test_a_number_beyond_all_others_is_not_stored(shared):
    before = len(shared.store.votes())
    body = {"uuid": "u", "patient": 0, "position": 0, "answer": "normal", "confidence": None,
            "remark": "", "seconds": 1, "display": {}}  # fmt: skip
    raw = json.dumps(body).replace("{}", '{"a": 1e999}').encode()
    answer = shared.reader.ask("POST", "/api/votes", raw=raw)
    assert answer.status == 422 and b"The number 1e999 is not finite." in answer.body
    assert len(shared.store.votes()) == before


def test_size_and_rate_are_limited(study, reader):
    made, app, _store = study
    long = b'{"token": "' + b"x" * MAX_BODY + b'"}'
    assert reader.ask("POST", "/api/session", raw=long).status == 413
    for length in ("99999999", "-1", "x"):
        answer = reader.ask("POST", "/api/votes", raw=b"", headers={"content-length": length})
        assert answer.status == 413
    guesser = Client(app, address="192.0.2.9")
    statuses = [guesser.enter(f"guess {i}").status for i in range(130)]
    assert statuses.count(401) < 120
    assert statuses[-1] == 429
    assert Client(app, address="192.0.2.10").enter(made.tokens[1]).status == 200
    asked = [reader.ask("GET", "/api/study") for _ in range(200)]
    refused = [answer for answer in asked if answer.status == 429]
    assert refused
    assert refused[0].headers["retry-after"] == "1"


def test_readers_cannot_reach_each_other(study, reader):
    made, app, store = study
    other = Client(app)
    other.enter(made.tokens[1])
    other.vote("a", 0, 0, "myopathy", remark="of the second reader")
    assert reader.get("/api/study")["answers"] == []
    assert reader.vote("a", 0, 0, "normal").status == 201
    assert list(store.votes()["reader"]) == ["R2", "R1"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
def test_other_methods_are_refused(shared, method):
    assert shared.reader.ask(method, "/api/study").status == 405


def test_a_store_that_fails_acknowledges_nothing(study, reader):
    _, _, store = study
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    statuses = [reader.vote(f"v{i}", 0, 0, remark="x" * 1900).status for i in range(60)]
    assert set(statuses) == {201, 503}
    assert len(store.votes()) == statuses.count(201)


# -- where it listens ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"host": "0.0.0.0"}, "can be reached from other machines: give `tls`"),
        ({"host": "192.0.2.7"}, "can be reached from other machines"),
        ({"host": "emg.example.org"}, "can be reached from other machines"),
        ({"behind_proxy": True}, "give `name`"),
        ({"host": "0.0.0.0", "tls": ("c", "k")}, "cannot stand in links"),
        ({"tls": ("c", "k"), "behind_proxy": True}, "Both `tls` and `behind_proxy`"),
        ({"port": 70_000}, "port=70000 must be"),
        ({"name": "https://a.example", "behind_proxy": True}, "without 'https://'"),
        ({"name": "a.example/emg", "behind_proxy": True}, "is not what browsers send as Host"),
        ({"name": "münchen.example", "behind_proxy": True}, "in ASCII"),
        ({"name": "a.example:443", "tls": ("c", "k")}, "give a name such as 'emg.example.org', in"),
        ({"name": "192.0.2.7:443", "tls": ("c", "k")}, "is not what browsers send as Host"),
    ],
)
def test_an_address_that_others_could_listen_to_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Address(**given)


def test_links_and_hosts():
    assert Address().hosts == ["127.0.0.1:8765", "localhost:8765"]
    assert Address(host="::1").link("t") == "http://[::1]:8765/#t"
    assert Address(host="0.0.0.0", name="a.example", tls=("c", "k"), port=443).hosts == [
        "a.example",
        "a.example:443",
    ]
    assert Address(name="a.example", behind_proxy=True).hosts == ["a.example"]
    assert Address(name="a.example:8443", behind_proxy=True).url == "https://a.example:8443"
    assert Address(name="NEURO_PC", tls=("c", "k")).url == "https://NEURO_PC:8765"
    assert Address(name="2001:db8::1", tls=("c", "k")).url == "https://[2001:db8::1]:8765"
    assert Address(name="[2001:db8::1]", behind_proxy=True).url == "https://[2001:db8::1]"


def test_a_request_that_dawdles_is_cut_off_and_others_are_not(tmp_path, monkeypatch):
    monkeypatch.setattr("sknemg.labeler.patience.REQUEST_SECONDS", 0.3)
    with serving(make_study(tmp_path / "study.sqlite", small_cohort()[0])) as address:
        host = f"Host: 127.0.0.1:{address.port}\r\n"
        kept = HTTPConnection("127.0.0.1", address.port, timeout=5)
        with closing(kept):
            for pause in (0.5, 0):  # as long as it likes between two requests
                kept.request("GET", "/")
                assert kept.getresponse().read().startswith(b"<!doctype html>")
                time.sleep(pause)
        body = f"POST /api/session HTTP/1.1\r\n{host}Content-Length: 9\r\n\r\n"
        for sent in ("", f"GET / HTTP/1.1\r\n{host}", body):
            with socket.create_connection(("127.0.0.1", address.port), timeout=5) as slow:
                slow.sendall(sent.encode())
                start, heard = time.monotonic(), b""
                with suppress(ConnectionResetError):
                    while more := slow.recv(65_536):
                        heard += more
            assert time.monotonic() - start < 3
            assert b" 200 " not in heard


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_the_page_is_served_over_tls(tmp_path):
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "1", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost", "-out", str(files[0]), "-keyout", str(files[1])],
        check=True, capture_output=True,
    )  # fmt: skip
    made = make_study(tmp_path / "study.sqlite")
    with serving(made, name="localhost", tls=files) as address:
        assert address.url == f"https://localhost:{address.port}"
        trust = ssl.create_default_context(cafile=files[0])
        with urllib.request.urlopen(address.url, timeout=10, context=trust) as answer:
            assert answer.status == 200
            assert "max-age" in answer.headers["strict-transport-security"]
        with pytest.raises(OSError):  # nothing is said without TLS
            urllib.request.urlopen(f"http://localhost:{address.port}", timeout=10)


# -- the server is killed ------------------------------------------------------------------------


def start(folder, study, port):
    command = [sys.executable, "-m", "sknemg", "label", "--cohort", str(folder), "--study",
               str(study), "--port", str(port), "--readers", "50"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Serving"):
            break
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2).read()
            return process, lines
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the server does not answer")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


class Voter(threading.Thread):
    """Votes until it is told to stop; keeps what was acknowledged, and what was not."""

    def __init__(self, port, token, stop):
        super().__init__(daemon=True)
        self._port, self._token, self._stop_voting = port, token, stop
        self.acknowledged, self.sent = set(), set()
        self._random = random.Random(token)

    def run(self):
        while not self._stop_voting.is_set():
            try:
                with closing(HTTPConnection("127.0.0.1", self._port, timeout=10)) as connection:
                    self._read(connection)
            except (OSError, HTTPException):  # the server is gone: try again
                time.sleep(0.05)

    def _read(self, connection):
        headers = {"origin": f"http://127.0.0.1:{self._port}", "content-type": "application/json"}
        connection.request("POST", "/api/session", json.dumps({"token": self._token}), headers)
        response = connection.getresponse()
        response.read()
        if response.status == 429:  # all readers here have one address
            time.sleep(0.5)
            return
        headers["cookie"] = response.headers["set-cookie"].partition(";")[0]
        connection.request("GET", "/api/study", headers=headers)
        headers["x-csrf"] = json.loads(connection.getresponse().read())["csrf"]
        while not self._stop_voting.is_set():
            self._vote(connection, headers)

    def _vote(self, connection, headers):
        uuid = f"{self._random.getrandbits(64):x}"
        body = {"uuid": uuid, "patient": self._random.randrange(4), "position": 0,
                "answer": self._random.choice(CLASSES), "confidence": 3, "remark": "",
                "seconds": 1.0, "display": {}}  # fmt: skip
        self.sent.add(uuid)
        connection.request("POST", "/api/votes", json.dumps(body), headers)
        response = connection.getresponse()
        content = response.read()
        if response.status == 201:
            self.acknowledged.add(json.loads(content)["uuid"])
        elif response.status == 429:
            time.sleep(0.1)


@pytest.mark.slow
def test_kill_9_amid_50_readers_loses_no_acknowledged_vote(tmp_path):
    X, y = small_cohort()
    folder, study, port = tmp_path / "cohort", tmp_path / "study.sqlite", free_port()
    keep = {name: X[name].to_numpy() for name in ("sfreq", "subject", "muscle", "location")}
    write_cohort(folder, Recordings(list(X), **keep), y)
    process, lines = start(folder, study, port)
    tokens = [line.rpartition("#")[2].strip() for line in lines if "#" in line]
    assert len(tokens) == 50
    stop = threading.Event()
    voters = [Voter(port, token, stop) for token in tokens]
    for voter in voters:
        voter.start()
    kills = 0
    began = time.monotonic()
    try:
        for _ in range(3):
            before = sum(len(voter.acknowledged) for voter in voters)
            deadline = time.monotonic() + 60
            while sum(len(v.acknowledged) for v in voters) < before + 400:
                assert time.monotonic() < deadline, "too few votes"
                time.sleep(0.02)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()
            kills += 1
            process, _ = start(folder, study, port)
        stop.set()
        for voter in voters:
            voter.join(timeout=20)
    finally:
        stop.set()
        process.kill()
        process.wait()
        process.stdout.close()
    seconds = time.monotonic() - began
    acknowledged = set().union(*(voter.acknowledged for voter in voters))
    sent = set().union(*(voter.sent for voter in voters))
    store = Store(study)
    stored = [row[0] for row in store._connection.execute("SELECT uuid FROM event")]
    ok = store._connection.execute("PRAGMA integrity_check").fetchone()
    store.close()
    print(f"{len(voters)} readers, {kills} kills, {len(acknowledged)} acknowledged in "
          f"{seconds:.1f} s, lost {len(acknowledged - set(stored))}")  # fmt: skip
    assert ok == ("ok",)
    assert kills == 3
    assert all(voter.acknowledged for voter in voters)
    assert len(stored) == len(set(stored))
    assert acknowledged <= set(stored) <= sent


def test_pandas_reads_the_view_as_it_is(study, reader):
    made, _, store = study
    reader.vote("a", 0, 0)
    with closing(sqlite3.connect(made.file)) as connection:
        table = pd.read_sql("SELECT * FROM votes", connection)
    assert list(table) == list(store.votes())
