"""CMPB Table 6: seconds to preprocess, load and predict, and elements, of full-size networks.

Times are taken on as many segments as the profile can afford and are not scaled up; the fastest
round of each network counts.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.machinery import runner
from benchmarks.machinery.methods import IMAGE_NETWORKS, SFREQ, image_step
from benchmarks.machinery.reporting import NOT_RUN, markdown
from benchmarks.machinery.runner import arguments, write_json
from benchmarks.papers.published import TABLE_6
from sknemg import NEMGNetClassifier, Recordings, TimmClassifier
from sknemg.provenance import provenance

SEGMENTS = {"smoke": 4, "cpu": 64, "gpu": 1614}
ROUNDS = {"smoke": 1, "cpu": 1, "gpu": 3}


def steps(name: str):
    """Give the image step (or None) and the classifier."""
    if name == "nEMGNet-B":
        return None, NEMGNetClassifier("B", max_epochs=1, random_state=0)
    model, kind = IMAGE_NETWORKS[name]
    return image_step(kind), TimmClassifier(model, max_epochs=1, batch_size=3, random_state=0)


def pictures(image, X: Recordings) -> np.ndarray:
    return X.values if image is None else image.fit_transform(X).values


class Timed:
    """A network with random weights, saved; each call times one way through it."""

    def __init__(self, name: str, X: Recordings, folder: Path):
        self.image, self.classifier = steps(name)
        self.classifier.fit(pictures(self.image, X[[0, 1, 2]]), ["a", "b", "c"])
        self.file = folder / f"{name}.pt"
        torch.save(self.classifier.module_.state_dict(), self.file)
        state = self.classifier.module_.state_dict().values()
        self.elements = sum(tensor.numel() for tensor in state)

    def __call__(self, X: Recordings) -> list[float]:
        marks = [time.perf_counter()]
        images = pictures(self.image, X)
        marks.append(time.perf_counter())
        self.classifier.module_.load_state_dict(torch.load(self.file))
        marks.append(time.perf_counter())
        self.classifier.predict_proba(images)
        marks.append(time.perf_counter())
        return np.diff(marks).tolist()


def measure(n_segments: int, rounds: int) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(0)
    X = Recordings(rng.normal(size=(n_segments, 4000)).astype(np.float32), sfreq=SFREQ)
    X = X.with_values(X.values.reshape(n_segments, 4000), np.arange(n_segments + 1))
    found = {}
    for name in TABLE_6:  # one at a time: together they need a gigabyte and more
        with tempfile.TemporaryDirectory() as folder:
            way = Timed(name, X, Path(folder))
            best = min((way(X) for _ in range(rounds)), key=sum)
        names = ("preprocessing", "load", "predict")
        found[name] = dict(zip(names, best, strict=True)) | {"elements": way.elements}
        print(name, found[name], flush=True)
    return found


def tables() -> str:
    parts = [
        "## Time and size (CMPB Table 6)\n",
        "Seconds (published: 1614 segments on a V100); elements of the state dict (published).\n",
    ]
    for profile in ("cpu", "gpu"):
        file = runner.RESULTS / "table_6" / f"{profile}.json"
        kept = json.loads(file.read_text()) if file.exists() else None
        rows = []
        for name, (*published, elements) in TABLE_6.items():
            ours = [NOT_RUN] * 4
            size = f"{NOT_RUN} ({elements:,})"
            if kept:
                times = [kept["times"][name][key] for key in ("preprocessing", "load", "predict")]
                ours = [f"{value:.2f}" for value in [*times, sum(times)]]
                size = f"{kept['times'][name]['elements']:,} ({elements:,})"
            cells = [f"{a} ({b:.2f})" for a, b in zip(ours, published, strict=True)]
            rows.append([name, *cells, size])
        if not kept and profile == "gpu":
            parts.append("Profile gpu, the published setting: not run.\n")
            continue
        line = "Not run."
        if kept:
            line = (
                f"*{kept['n_segments']} segments, {kept['n_threads']} thread(s), "
                f"{kept['device']}, shared with other work; commit {kept['commit']}.*"
            )
        header = ["", "preprocessing", "load", "predict", "total", "elements"]
        parts += [f"Profile {profile}. {line}\n", markdown(header, rows)]
    return "\n".join(parts)


if __name__ == "__main__":
    args = arguments(__doc__, lambda parser: parser.add_argument("--threads", type=int, default=1))
    torch.set_num_threads(args.threads)
    n_segments = SEGMENTS[args.profile]
    times = measure(n_segments, rounds=ROUNDS[args.profile])
    about = {"n_segments": n_segments, "n_threads": args.threads, **provenance()}
    write_json(args.out / "table_6" / f"{args.profile}.json", about | {"times": times})
