"""A headless Chromium, steered over its debugging pipe: no driver and no further package."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",  # which root cannot have; the pages are the project's own
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


def find_browser():
    """Path of a Chromium; without one, what needs it is skipped."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    return program or pytest.skip("PAGES NOT LOOKED AT: there is no Chromium on this machine")


class LeftPage(RuntimeError):
    """The page was left while it was asked."""


class Browser:
    """One tab of a browser of its own, with an empty profile.

    Examples
    --------
    >>> with Browser("chromium") as tab:                      # doctest: +SKIP
    ...     tab.open(Path("report.html"), width=390, dark=True)
    ...     tab.evaluate("document.documentElement.scrollWidth")
    """

    def __init__(self, program):
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        # Chromium reads commands from descriptor 3 and answers on 4, each message ended by NUL.
        line = f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}'
        arguments = [*_FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"]
        self._process = subprocess.Popen(
            ["bash", "-c", line, program, *arguments],
            pass_fds=(to_read, to_write),
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._buffer, self._number, self._session, self._heard = b"", 0, None, []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self.send("Page.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(timeout=20)
        os.close(self._read)
        os.close(self._write)
        self._profile.cleanup()

    def send(self, method, **params):
        """Give a command of the DevTools protocol and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        body = json.dumps(message).encode() + b"\0"
        while body:
            body = body[os.write(self._write, body) :]
        answer = self._wait(lambda message: message.get("id") == self._number)
        if "error" in answer:
            left = "navigated or closed" in answer["error"].get("message", "")
            raise (LeftPage if left else RuntimeError)(f"{method}: {answer['error']}")
        return answer["result"]

    def _wait(self, wanted):
        while True:
            while b"\0" in self._buffer:
                message, _, self._buffer = self._buffer.partition(b"\0")
                message = json.loads(message)
                if "method" in message:
                    self._heard.append((message["method"], message["params"]))
                if wanted(message):
                    return message
            more = os.read(self._read, 1 << 20)
            if not more:
                raise RuntimeError("the browser has ended")
            self._buffer += more

    def open(self, page, *, width, height=844, dark=False, media=""):
        """Load a file, or an address, and lay it out at this width in CSS pixels."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", media=media, features=[scheme])
        url = page if "://" in str(page) else Path(page).resolve().as_uri()
        self.send("Page.navigate", url=url)
        self._wait(lambda message: message.get("method") == "Page.loadEventFired")

    @contextmanager
    def listening(self, *events):
        """Collect events, as pairs of name and parameters, while pages are opened."""
        heard = []
        for domain in {event.partition(".")[0] for event in events}:
            self.send(f"{domain}.enable")
        self._heard = []
        yield heard
        self.evaluate("0")  # whose answer comes after what has happened
        heard += [event for event in self._heard if event[0] in events]

    def evaluate(self, expression):
        """Return the value of a JavaScript expression; a promise is waited for."""
        answer = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def wait_until(self, expression, seconds=20):
        """Wait until an expression is true, across a change of page as well."""

        def holds():
            try:
                return self.evaluate(f"!!({expression})")
            except LeftPage:
                return False

        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"never true: {expression}")
            time.sleep(0.02)

    def press(self, key):
        """Press and release a key, named as in ``KeyboardEvent.key``."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, text=text)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key)

    def place(self, selector, down=0.5):
        """Scroll an element to the middle of the screen; return a point of it, a share down."""
        return self.evaluate(f"""(async () => {{
          const element = document.querySelector({json.dumps(selector)});
          element.scrollIntoView({{ block: 'center', behavior: 'instant' }});
          for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
          const box = element.getBoundingClientRect();
          return {{ x: box.x + box.width / 2, y: box.y + box.height * {down} }};
        }})()""")

    def click(self, selector):
        """Click in the middle of an element."""
        place = self.place(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, clickCount=1, button="left", **place)

    def touch(self, selector, start=0.5, end=None):
        """Touch an element, a share down, and let go of it there or at another share."""
        points = [self.place(selector, start)]
        if end is not None:
            points.append(self.place(selector, end))
        kinds = ["touchStart", "touchMove"]
        for kind, point in zip(kinds, points, strict=False):
            self.send("Input.dispatchTouchEvent", type=kind, touchPoints=[point])
        self.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def screenshot(self, file):
        """Save the whole page as PNG."""
        answer = self.send("Page.captureScreenshot", captureBeyondViewport=True)
        Path(file).write_bytes(base64.b64decode(answer["data"]))

    def pdf(self, file):
        """Print the page as its style sheet says."""
        answer = self.send("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
        Path(file).write_bytes(base64.b64decode(answer["data"]))
