"""A small study, and a client that talks to its application without a browser."""

import asyncio
import json
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np

from sknemg import Recordings
from sknemg.labeler import Store, Study, as_traces, cohort_hash, labeler_app, plan
from sknemg.labeler.study import about_subjects

HOST = "127.0.0.1:8765"
CLASSES = ("myopathy", "neuropathy", "normal")


def small_cohort(n_subjects=4, per_subject=2, sfreq=48_000.0, seconds=0.5):
    """Recordings whose codes, names and files are nowhere else, and their diagnoses."""
    rng = np.random.default_rng(0)
    n = n_subjects * per_subject
    subject = np.repeat([f"KLINIK{7 * i + 3:04d}" for i in range(n_subjects)], per_subject)
    signals = [rng.normal(scale=0.2, size=int(sfreq * (seconds + 0.01 * i))) for i in range(n)]
    X = Recordings(
        signals,
        sfreq=sfreq,
        subject=subject,
        muscle=np.resize(["vastus medialis", "deltoid"], n),
        location=np.resize(["proximal", "distal"], n),
        age=np.repeat(np.linspace(31, 93, n_subjects), per_subject),
        file=[f"data/secret_{i}_ALSpatient.edf" for i in range(n)],
        recording=[f"rec-{i}-biopsy" for i in range(n)],
        diagnosis_detail=np.resize(["inclusion body", "Kennedy"], n),
    )
    y = np.repeat(np.resize(CLASSES, n_subjects), per_subject)
    return X, y


def make_study(file, X=None, *, model=None, **settings):
    """Make a study file; return it with its cases, tokens and application."""
    X = small_cohort()[0] if X is None else X
    study = Study(CLASSES, cohort_hash(X), **{"n_readers": 2, **settings})
    subjects = X["subject"].tolist()
    cases = plan(study, subjects)
    names = X["recording"].tolist() if "recording" in X else list(map(str, range(len(X))))
    tokens = Store.create(file, study, cases, subjects, names, model)
    return SimpleNamespace(file=file, X=X, study=study, cases=cases, tokens=tokens)


def app_of(made, hosts=(HOST,), secure=False):
    store = Store(made.file)
    shown = made.study.shown
    app = labeler_app(
        store, as_traces(made.X, shown), about_subjects(made.X, shown), hosts=hosts, secure=secure
    )
    return app, store


class Client:
    """Sends requests as they are, and keeps cookies as a browser does.

    Attributes
    ----------
    heard : list of bytes
        Everything that was answered, headers included.
    """

    def __init__(self, app, host=HOST, scheme="http", address="127.0.0.1"):
        self._app, self._address = app, address
        self.host, self.origin = host, f"{scheme}://{host}"
        self.cookie, self.csrf, self.heard = "", "", []

    def ask(self, method, path, body=None, *, headers=None, raw=None):
        """Send one request; return its status, headers and body."""
        sent = {"host": self.host}
        if self.cookie:
            sent["cookie"] = self.cookie
        if method == "POST":
            sent |= {"origin": self.origin, "content-type": "application/json"}
            sent |= {"x-csrf": self.csrf} if self.csrf else {}
        sent |= headers or {}
        pairs = [(k.encode(), v.encode()) for k, v in sent.items() if v is not None]
        raw = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        path, _, query = path.partition("?")
        scope = {
            "type": "http", "http_version": "1.1", "method": method, "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "headers": pairs, "client": (self._address, 5), "server": ("127.0.0.1", 8765),
            "root_path": "", "asgi": {"version": "3.0"},
        }  # fmt: skip
        messages = []

        async def run():
            chunks = [raw[at : at + 4096] for at in range(0, len(raw), 4096)] or [b""]
            left = [
                {"type": "http.request", "body": chunk, "more_body": i + 1 < len(chunks)}
                for i, chunk in enumerate(chunks)
            ]

            async def receive():
                return left.pop(0) if left else {"type": "http.disconnect"}

            async def send(message):
                messages.append(message)

            await self._app(scope, receive, send)

        asyncio.run(run())
        start = messages[0]
        content = b"".join(m.get("body", b"") for m in messages[1:])
        found = {k.decode().lower(): v.decode() for k, v in start["headers"]}
        self.heard.append(repr(start).encode() + content)
        return SimpleNamespace(status=start["status"], headers=found, body=content)

    def get(self, path):
        answer = self.ask("GET", path)
        assert answer.status == 200, (path, answer.body)
        return json.loads(answer.body)

    def enter(self, token):
        answer = self.ask("POST", "/api/session", {"token": token})
        if answer.status == 200:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
            self.csrf = self.get("/api/study")["csrf"]
        return answer

    def vote(self, uuid, patient, position, answer="normal", **more):
        body = {"uuid": uuid, "patient": patient, "position": position, "answer": answer,
                "confidence": None, "remark": "", "seconds": 1.5, "display": {}}  # fmt: skip
        return self.ask("POST", "/api/votes", {**body, **more})

    def read_everything(self, answer="normal"):
        """Vote on every recording and patient of the open part, and look at all there is."""
        for patient in self.get("/api/study")["patients"]:
            number = patient["number"]
            self.get(f"/api/patients/{number}")
            for position in [*range(patient["n_recordings"]), None]:
                if position is not None:
                    self.ask("GET", f"/api/patients/{number}/recordings/{position}")
                stored = self.vote(f"{number}-{position}-{answer}", number, position, answer)
                assert stored.status == 201, stored.body


@contextmanager
def serving(made, port=None, **options):
    """Serve a study on a free port of the loopback interface."""
    import socket

    from sknemg.labeler.server import Address, make_server

    listening = socket.create_server(("127.0.0.1", port or 0))
    address = Address(port=listening.getsockname()[1], **options)
    app, store = app_of(made, hosts=address.hosts, secure=address.secure)
    server = make_server(app, address)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listening.close()
        store.close()
