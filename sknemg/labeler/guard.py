"""What guards the application: which hosts are answered, how much, and how often."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Collection

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Nothing but what this server sends is loaded, and nothing runs that is written in the page.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}
MAX_BODY = 16_384  # bytes of a request
_SLOWEST = 10.0  # seconds for a request to arrive


class Guard:
    """Answer only requests to known hosts, of a limited size; add the headers of `HEADERS`.

    Parameters
    ----------
    app : ASGI application
    hosts : collection of str
        Values of the header ``Host`` that are answered, with their port where it has one.
    secure : bool
        Whether browsers reach this server over TLS, and are to insist on it.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str], secure: bool):
        self._app = app
        self._hosts = {host.lower() for host in hosts}
        self._headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
        if secure:
            self._headers.append((b"strict-transport-security", b"max-age=31536000"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._headers]
            await send(message)

        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or hosts[0].decode("latin-1").lower() not in self._hosts:
            refusal = PlainTextResponse("This server has another name.", status_code=421)
            await refusal(scope, receive, answer)
            return
        try:
            body = await asyncio.wait_for(_read(scope, receive), _SLOWEST)
        except TimeoutError:
            await PlainTextResponse("Too slow.", status_code=408)(scope, receive, answer)
            return
        if body is None:
            refusal = PlainTextResponse("Too large.", 413, {"connection": "close"})
            await refusal(scope, receive, answer)
            return
        sent = False

        async def replay() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, answer)


async def _read(scope: Scope, receive: Receive) -> bytes | None:
    """Read the body of a request; None if it is too large."""
    for name, value in scope["headers"]:
        if name == b"content-length" and not (value.isdigit() and int(value) <= MAX_BODY):
            return None
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


class Allowance:
    """How often each of many may do something: a bucket of tokens for each.

    Parameters
    ----------
    rate : float
        Tokens a second.
    burst : int
        Tokens that a bucket holds.
    n_buckets : int, default=10_000
        Buckets that are kept; the one that was used longest ago goes first.

    Examples
    --------
    >>> allowance = Allowance(rate=1, burst=2)
    >>> [allowance.takes("R1", now=0.0) for _ in range(3)], allowance.takes("R1", now=1.5)
    ([True, True, False], True)
    """

    def __init__(self, rate: float, burst: int, n_buckets: int = 10_000):
        self._rate, self._burst, self._n_buckets = rate, burst, n_buckets
        self._buckets: OrderedDict[object, tuple[float, float]] = OrderedDict()

    def takes(self, who: object, now: float | None = None) -> bool:
        """Take a token if there is one.

        Parameters
        ----------
        who : hashable
        now : float, default=None
            Seconds on a clock that never goes back; by default that of the machine.

        Returns
        -------
        bool
        """
        now = time.monotonic() if now is None else now
        left, at = self._buckets.pop(who, (float(self._burst), now))
        left = min(self._burst, left + (now - at) * self._rate)
        allowed = left >= 1
        self._buckets[who] = (left - allowed, now)
        while len(self._buckets) > self._n_buckets:
            self._buckets.popitem(last=False)
        return allowed
