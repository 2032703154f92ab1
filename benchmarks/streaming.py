"""How late votes are while a patient is recorded, and how many streams one core holds.

A model of segment features with a linear discriminant, and nEMGNet, each from an ONNX file, vote on
noise that is played in chunks as a machine delivers it.

    OMP_NUM_THREADS=1 python -m benchmarks.streaming --out NAME

Weights of the network are those of a training of one epoch: its answers mean nothing, its times do.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg import (
    DiVoteClassifier,
    Downsampler,
    NEMGNetClassifier,
    Recordings,
    Segmenter,
    SegmentFeatures,
    export_onnx,
    load_model,
)
from sknemg.diagnosis import StreamingDiagnosis
from sknemg.provenance import provenance

RESULTS = Path(__file__).parent / "results" / "streaming"


def models(folder, widths):
    """Train and export the models."""
    rng = np.random.default_rng(0)
    y = np.repeat(["myopathy", "normal", "neuropathy"], 4)
    X = Recordings(rng.normal(size=(12, 6000)), sfreq=10_000, subject=np.arange(12))
    linear = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis())
    ends = {"features + LDA": [SegmentFeatures(), DiVoteClassifier(linear)]}
    for width in widths:
        network = NEMGNetClassifier("B", recipe="tuned", width=width, max_epochs=1, random_state=0)
        ends[f"nEMGNet-B, width {width}"] = [DiVoteClassifier(network)]
    for name, end in ends.items():
        pipe = make_pipeline(Downsampler(), Segmenter(), *end).fit(X, y)
        file = Path(folder) / f"{len(list(Path(folder).iterdir()))}.onnx"
        export_onnx(pipe, file)
        yield name, load_model(file)


def play(model, sfreq, seconds, chunk):
    """Play a recording; give the delay of each vote, and the processor's time in all."""
    signal = np.random.default_rng(1).normal(size=int(seconds * sfreq)).astype(np.float32)
    n = max(1, round(chunk * sfreq))
    stream = StreamingDiagnosis(model, sfreq)
    delays = []
    start = time.process_time()
    for at in range(0, len(signal), n):
        begun = time.perf_counter()
        votes = stream.push(signal[at : at + n])
        computing = time.perf_counter() - begun
        arrived = (at + len(signal[at : at + n])) / sfreq
        delays += [(arrived - vote.stop, computing) for vote in votes]
    used = time.process_time() - start
    waiting, computing = np.array(delays).T
    return {
        "votes": len(delays),
        "waiting_ms_median": 1000 * np.median(waiting),
        "waiting_ms_max": 1000 * waiting.max(),
        "computing_ms_median": 1000 * np.median(computing),
        "computing_ms_max": 1000 * computing.max(),
        "cpu_s_per_s": used / seconds,
        "streams_per_core": seconds / used,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--widths", type=int, nargs="*", default=[8, 64])
    parser.add_argument("--out", help="name of the result in benchmarks/results/streaming")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, model in models(folder, args.widths):
            for sfreq, chunk in ((48_000, 0.01), (48_000, 0.1), (10_000, 0.01)):
                cell = {"model": name, "sfreq": sfreq, "chunk_ms": 1000 * chunk}
                rows.append(cell | play(model, sfreq, args.seconds, chunk))
                print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    print(table.round(2).to_string())
    if args.out:
        folder = RESULTS / args.out
        folder.mkdir(parents=True, exist_ok=True)
        table.to_csv(folder / "streaming.csv", index=False, float_format="%.3f")
        settings = {"seconds": args.seconds, "widths": args.widths}
        (folder / "settings.json").write_text(json.dumps(settings | provenance(), indent=1) + "\n")


if __name__ == "__main__":
    main()
