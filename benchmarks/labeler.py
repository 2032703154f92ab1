"""The page of EMG Labeler: frames a second, drift of the sound, and votes a second.

``frames``: a headless Chromium plays a recording; of every frame the time that is drawn is compared
with the clock of the sound. Their distance is the latency of the loudspeaker, which the page allows
for; what it varies by, and what it moves by from beginning to end, are errors.

``load``: readers in threads vote as fast as they can at a server in a process of its own, which is
killed and started again as often as asked; then the file is searched for every vote that was
acknowledged.

    python -m benchmarks.labeler frames --out benchmarks/results/labeler
    python -m benchmarks.labeler load --kills 2 --seconds 20 --out benchmarks/results/labeler
"""

import argparse
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import numpy as np

from sknemg import Recordings
from sknemg.datasets import write_cohort
from sknemg.provenance import provenance

CLASSES = ("myopathy", "neuropathy", "normal")
WATCH = """(async () => {
  const machine = document.querySelector('#trace').machine;
  const { sound } = machine;
  const rows = [];
  let spent = 0;
  const draw = machine.draw.bind(machine);
  machine.draw = () => { const t = performance.now(); draw(); spent = performance.now() - t; };
  await machine.play(0);
  const began = performance.now();
  while (machine.playing) {
    await new Promise(requestAnimationFrame);
    rows.push([performance.now() - began, machine.time, spent,
               sound.audible ? sound.context.currentTime - sound.began : null]);
  }
  return { rows, frames: machine.frames, audible: sound.audible,
           latency: sound.context?.outputLatency, rate: sound.context?.sampleRate };
})()"""


def cohort(folder, n_subjects, sfreq, seconds, seed):
    rng = np.random.default_rng(seed)
    signals = [rng.normal(scale=0.2, size=int(sfreq * seconds)) for _ in range(n_subjects)]
    X = Recordings(signals, sfreq=sfreq, subject=[f"S{i}" for i in range(n_subjects)])
    write_cohort(folder, X, np.resize(CLASSES, n_subjects))


class Server:
    """``sknemg label`` in a process of its own."""

    def __init__(self, folder, study, readers):
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = found.getsockname()[1]
        self._command = [sys.executable, "-m", "sknemg", "label", "--cohort", str(folder),
                         "--study", str(study), "--readers", str(readers),
                         "--port", str(self.port)]  # fmt: skip
        self.tokens = [line.rpartition("#")[2].strip() for line in self.start() if "#" in line]

    def start(self):
        self.process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith("Serving"):
                break
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return lines
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("the server does not start")

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


def frames(args, folder):
    from tests._browser import Browser, find_browser

    cohort(folder / "cohort", 3, args.sfreq, args.seconds, args.seed)
    server = Server(folder / "cohort", folder / "study.sqlite", 1)
    try:
        with Browser(find_browser()) as tab:
            url = f"http://127.0.0.1:{server.port}/#{server.tokens[0]}"
            tab.open(url, width=args.width, height=800)
            tab.wait_until("document.querySelector('#trace').machine?.raw")
            tab.press(" ")  # browsers give the loudspeaker after a key
            tab.wait_until("document.querySelector('#trace').machine.time > 0.2")
            tab.press(" ")
            found = tab.evaluate(WATCH)
            browser = tab.send("Browser.getVersion")["product"]
    finally:
        server.kill()
    wall, drawn, spent, heard = (
        np.array(column, dtype=float) for column in zip(*found["rows"], strict=True)
    )
    steady = (drawn > 0.3) & (drawn < args.seconds - 0.1)
    ahead = 1000 * (heard - drawn)[steady]
    at = drawn[steady]
    gaps = np.diff(wall[steady])
    first, last = ahead[at < at[0] + 1], ahead[at > at[-1] - 1]
    return {
        "browser": browser,
        "sfreq": args.sfreq,
        "seconds": args.seconds,
        "width": args.width,
        "audible": found["audible"],
        "frames_per_second": round(1000 / gaps.mean(), 2),
        "frame_ms_p95": round(float(np.quantile(gaps, 0.95)), 2),
        "drawing_ms_median": round(float(np.median(spent[steady])), 3),
        "drawing_ms_p95": round(float(np.quantile(spent[steady], 0.95)), 3),
        "output_latency_ms": round(1000 * found["latency"], 2),
        "sound_ahead_ms_median": round(float(np.median(ahead)), 2),
        "sound_varies_ms_p95": round(float(np.quantile(np.abs(ahead - np.median(ahead)), 0.95)), 2),
        "sound_varies_ms_max": round(float(np.abs(ahead - np.median(ahead)).max()), 2),
        "drift_ms": round(float(np.median(last) - np.median(first)), 2),
    }


class Voter(threading.Thread):
    """Votes as fast as it is answered."""

    def __init__(self, port, token, stop, seed):
        super().__init__(daemon=True)
        self._port, self._token, self._ended = port, token, stop
        self._rng = np.random.default_rng(seed)
        self.acknowledged, self.waits, self.limited = [], [], 0

    def run(self):
        while not self._ended.is_set():
            try:
                with closing(HTTPConnection("127.0.0.1", self._port, timeout=20)) as connection:
                    self._session(connection)
            except (OSError, HTTPException):
                time.sleep(0.05)

    def _session(self, connection):
        headers = {"origin": f"http://127.0.0.1:{self._port}", "content-type": "application/json"}
        connection.request("POST", "/api/session", json.dumps({"token": self._token}), headers)
        response = connection.getresponse()
        response.read()
        headers["cookie"] = response.headers["set-cookie"].partition(";")[0]
        connection.request("GET", "/api/study", headers=headers)
        headers["x-csrf"] = json.loads(connection.getresponse().read())["csrf"]
        while not self._ended.is_set():
            uuid = self._rng.bytes(16).hex()
            body = {"uuid": uuid, "patient": int(self._rng.integers(3)), "position": 0,
                    "answer": str(self._rng.choice(CLASSES)), "confidence": 3, "remark": "",
                    "seconds": 1.0, "display": {}}  # fmt: skip
            start = time.perf_counter()
            connection.request("POST", "/api/votes", json.dumps(body), headers)
            response = connection.getresponse()
            response.read()
            if response.status == 201:
                self.acknowledged.append(uuid)
                self.waits.append(time.perf_counter() - start)
            else:
                self.limited += 1
                time.sleep(0.1)


def load(args, folder):
    cohort(folder / "cohort", 3, 10_000, 0.5, args.seed)
    study = folder / "study.sqlite"
    server = Server(folder / "cohort", study, args.readers)
    stop = threading.Event()
    voters = [Voter(server.port, token, stop, i) for i, token in enumerate(server.tokens)]
    spent = 0.0
    try:
        for voter in voters:
            voter.start()
        for turn in range(args.kills + 1):
            time.sleep(args.seconds / (args.kills + 1))
            spent += args.seconds / (args.kills + 1)
            if turn < args.kills:
                server.kill()
                server.start()
        stop.set()
        for voter in voters:
            voter.join(timeout=30)
    finally:
        stop.set()
        server.kill()
    acknowledged = [uuid for voter in voters for uuid in voter.acknowledged]
    waits = np.concatenate([voter.waits for voter in voters])
    with closing(sqlite3.connect(study)) as connection:
        stored = {row[0] for row in connection.execute("SELECT uuid FROM event")}
    return {
        "readers": args.readers,
        "kills": args.kills,
        "seconds": spent,
        "acknowledged": len(acknowledged),
        "votes_per_second": round(len(acknowledged) / spent, 1),
        "wait_ms_median": round(1000 * float(np.median(waits)), 1),
        "wait_ms_p99": round(1000 * float(np.quantile(waits, 0.99)), 1),
        "lost": len(set(acknowledged) - stored),
        "stored_without_acknowledgement": len(stored - set(acknowledged)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["frames", "load"])
    parser.add_argument("--sfreq", type=float, default=48_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder of the results")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = (frames if args.what == "frames" else load)(args, Path(folder))
    result |= {"seed": args.seed, "cores": os.cpu_count(), "load_average": os.getloadavg()[0]}
    text = json.dumps(result | provenance(), indent=2)
    print(text)
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        (args.out / f"{args.what}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
