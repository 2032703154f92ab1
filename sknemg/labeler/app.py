"""The web application: a thin layer of requests over the study file and the traces."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sknemg.labeler.guard import Allowance, Guard
from sknemg.labeler.signals import Trace
from sknemg.labeler.store import SESSION_SECONDS, NotOpenError, Store, Vote
from sknemg.metrics.votes import CANNOT_SAY
from sknemg.pages import render
from sknemg.versions import __version__

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
Endpoint = Callable[[Request, int], Awaitable[Response]]


def labeler_app(
    store: Store,
    traces: Sequence[Trace],
    about: Mapping[str, Mapping[str, str]],
    *,
    hosts: Collection[str],
    secure: bool = False,
) -> ASGIApp:
    """Make the web application of a study.

    Parameters
    ----------
    store : Store
    traces : sequence of Trace of shape (n_recordings,)
        The recordings, in the order of the cohort.
    about : mapping of str to mapping
        What may be shown of each subject: its age, its sex.
    hosts : collection of str
        Values of the header ``Host`` that are answered, such as ``"127.0.0.1:8765"``.
    secure : bool, default=False
        Whether browsers reach it over TLS: then cookies travel over nothing else.

    Returns
    -------
    ASGI application
    """
    labeler = _Labeler(store, traces, about, hosts, secure)
    routes = [
        Route("/", labeler.page),
        Route("/static/{name}", labeler.static),
        Route("/api/session", labeler.enter, methods=["POST"]),
        Route("/api/leave", labeler.of_reader(labeler.leave), methods=["POST"]),
        Route("/api/study", labeler.of_reader(labeler.study)),
        Route("/api/patients/{number:int}", labeler.of_reader(labeler.patient)),
        Route(
            "/api/patients/{number:int}/recordings/{position:int}",
            labeler.of_reader(labeler.recording),
        ),
        Route("/api/votes", labeler.of_reader(labeler.vote), methods=["POST"]),
        Route("/api/part", labeler.of_reader(labeler.open_part), methods=["POST"]),
    ]
    handlers: Any = {
        HTTPException: _said,
        NotOpenError: lambda request, error: _refusal(409, str(error)),
        sqlite3.Error: lambda request, error: _refusal(503, "Not stored: try again."),
    }
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return Guard(app, hosts, secure)


async def _said(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _refusal(error.status_code, error.detail, error.headers)


def _refusal(status: int, reason: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": reason}, status, headers)


class _Labeler:
    """The endpoints; what they answer is made of the store alone, nothing is kept between them."""

    def __init__(
        self,
        store: Store,
        traces: Sequence[Trace],
        about: Mapping[str, Mapping[str, str]],
        hosts: Collection[str],
        secure: bool,
    ):
        self._store, self._traces, self._about = store, traces, about
        self._secure = secure
        self._origins = {f"{'https' if secure else 'http'}://{host}".lower() for host in hosts}
        self._cookie = "__Host-labeler" if secure else "labeler"
        self._entries = Allowance(rate=1, burst=100)  # of an address, which a hospital may share
        self._requests = Allowance(rate=30, burst=120)  # of a reader
        self._page = render("sknemg.labeler", "labeler.html", version=__version__)
        folder = resources.files("sknemg.labeler").joinpath("static")
        self._static = {file.name: file.read_bytes() for file in folder.iterdir()}

    # -- files ----------------------------------------------------------------------------------

    async def page(self, request: Request) -> Response:
        return Response(self._page, media_type="text/html")

    async def static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._static:  # files are read before any request: no path leads elsewhere
            raise HTTPException(404)
        return Response(self._static[name], media_type=_TYPES[name.rpartition(".")[2]])

    # -- sessions -------------------------------------------------------------------------------

    async def enter(self, request: Request) -> Response:
        self._check_origin(request)
        token = (await _body(request, {"token": str}))["token"]
        address = request.client.host if request.client else ""
        if not self._entries.takes(address):
            raise HTTPException(429, "Too many links were tried.", {"retry-after": "10"})
        secret = await run_in_threadpool(self._store.enter, token)
        if secret is None:
            raise HTTPException(401, "This link is not valid: ask for a new one.")
        response = JSONResponse({})
        response.set_cookie(
            self._cookie, secret, max_age=SESSION_SECONDS, path="/", secure=self._secure,
            httponly=True, samesite="strict",
        )  # fmt: skip
        return response

    async def leave(self, request: Request, reader: int) -> Response:
        await run_in_threadpool(self._store.leave, request.cookies[self._cookie])
        response = JSONResponse({})
        response.delete_cookie(
            self._cookie, path="/", secure=self._secure, httponly=True, samesite="strict"
        )
        return response

    def of_reader(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """Let only readers in; requests that write need the origin and the mark of the session.

        The page sends the mark where it reads signals, too: if another reader has entered in the
        same browser meanwhile, it is shown none of theirs.
        """

        async def checked(request: Request) -> Response:
            secret = request.cookies.get(self._cookie, "")
            reader = await run_in_threadpool(self._store.reader_of, secret) if secret else None
            if reader is None:
                raise HTTPException(401, "Open the link that you were given.")
            if not self._requests.takes(reader):
                raise HTTPException(429, "Too many requests.", {"retry-after": "1"})
            if request.method == "POST":
                self._check_origin(request)
            if request.method == "POST" or "x-csrf" in request.headers:
                given = request.headers.get("x-csrf", "").encode("latin-1")
                if not hmac.compare_digest(given, _mark(secret).encode()):
                    raise HTTPException(403, "This request does not come from the page.")
            return await endpoint(request, reader)

        return checked

    def _check_origin(self, request: Request) -> None:
        if request.headers.get("origin", "").lower() not in self._origins:
            raise HTTPException(403, "This request comes from another page.")

    # -- reading --------------------------------------------------------------------------------

    async def study(self, request: Request, reader: int) -> Response:
        secret = request.cookies[self._cookie]
        return JSONResponse({"csrf": _mark(secret), **await run_in_threadpool(self._state, reader)})

    def _state(self, reader: int) -> dict[str, Any]:
        store = self._store
        cases, part, due = store.cases(reader), store.part(reader), store.next_part(reader)
        opens = None
        if due is not None:
            opens = _iso(due[1]) if math.isfinite(due[1]) else ""
        here = [case for case in cases if case.part == part]
        return {
            "reader": f"Reader {reader + 1}",
            "classes": store.study.classes,
            "cannot_say": CANNOT_SAY,
            "gains": store.study.gains,
            "deadline": store.study.deadline,
            "part": part,
            "n_parts": 1 + cases[-1].part,
            "opens": opens,  # of the next part: None after the last, "" while this one lasts
            "assisted": here[0].arm == "assisted",
            "patients": [{"number": c.number, "n_recordings": len(c.rows)} for c in here],
            "answers": store.answers(reader),
        }

    async def patient(self, request: Request, reader: int) -> Response:
        number = request.path_params["number"]
        case = await run_in_threadpool(self._store.case, reader, number)
        model = await run_in_threadpool(self._store.assistance, case)
        recordings = []
        for row in case.rows:
            trace = self._traces[row]
            recordings.append(
                {
                    "sfreq": trace.sfreq,
                    "scale": trace.scale,
                    "seconds": trace.seconds,
                    "about": trace.about,
                }
            )
        known = {"about": self._about.get(case.subject, {}), "recordings": recordings}
        return JSONResponse(known if model is None else {**known, "model": model})

    async def recording(self, request: Request, reader: int) -> Response:
        number, position = request.path_params["number"], request.path_params["position"]
        case = await run_in_threadpool(self._store.case, reader, number)
        if position >= len(case.rows):
            raise NotOpenError("This recording is not open.")
        samples = self._traces[case.rows[position]].samples
        return Response(samples, media_type="application/octet-stream")

    # -- writing --------------------------------------------------------------------------------

    async def vote(self, request: Request, reader: int) -> Response:
        fields = {
            "uuid": str, "patient": int, "position": (int, None), "answer": str,
            "confidence": (int, None), "remark": str, "seconds": (int, float), "display": dict,
        }  # fmt: skip
        given = await _body(request, fields)
        number = given.pop("patient")
        try:
            when = await run_in_threadpool(self._store.vote, reader, Vote(number=number, **given))
        except NotOpenError:
            raise
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        return JSONResponse({"uuid": given["uuid"], "stored": _iso(when)}, 201)

    async def open_part(self, request: Request, reader: int) -> Response:
        part = (await _body(request, {"part": int}))["part"]
        await run_in_threadpool(self._store.open_part, reader, part)
        return JSONResponse({}, 201)


async def _body(request: Request, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Read a JSON object with exactly these fields, of these types."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise HTTPException(415, "Send JSON.")
    try:
        found = json.loads(await request.body(), parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "This is not JSON.") from error
    if not isinstance(found, dict) or set(found) != set(fields):
        raise HTTPException(422, f"Send the fields {', '.join(fields)}.")
    for name, wanted in fields.items():
        kinds = wanted if isinstance(wanted, tuple) else (wanted,)
        if not any(type(found[name]) is kind or (found[name] is kind) for kind in kinds):
            raise HTTPException(422, f"The field {name} is not valid.")
        if isinstance(found[name], int) and abs(found[name]) > 1 << 53:
            raise HTTPException(422, f"The field {name} is not valid.")
        if isinstance(found[name], str) and not _is_text(found[name]):
            raise HTTPException(422, f"The field {name} is not text.")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):  # a number beyond all others is no better than NaN
        raise HTTPException(422, f"The number {text[:20]} is not finite.")
    return number


def _is_text(text: str) -> bool:
    """Whether a text can be stored: lone surrogates and NUL cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _mark(secret: str) -> str:
    """Derive the mark by which a page proves its session when it writes."""
    return hashlib.sha256(b"csrf:" + secret.encode("utf-8", "surrogatepass")).hexdigest()


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
