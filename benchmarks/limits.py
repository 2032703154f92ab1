"""How near inference, training and extractors come to what the machine can do.

In one run, every round through all ways in turn:

- ``peak``: a product of two square matrices in float32, the most multiply-adds that this machine
  makes in a second;
- **inference** of nEMGNet-A and B: `NEMGNetClassifier.predict_proba`, with ``fast=True`` too, and
  with ``fast="bfloat16"`` where the device has instructions for it, beside the *floor* (the
  network's multiply-adds at the peak of the round), the network's convolutions alone in torch
  (oneDNN's layouts on a CPU), and the bare module in batches of 256;
- an **epoch of training** through `NEMGNetClassifier.fit`, beside a bare loop in torch of the same
  initial weights, batches, loss and optimizer, whose final weights have to be the same bits;
- **extractors** on some 1,614 segments, beside matplotlib, librosa and a plain way in Python, and
  beside nEMGNet-B on the same segments.

A ratio is taken within a round, of which a small epoch has more; given is its median, with the
least and the greatest. Multiply-adds count those with the zeros of a padding, as most counts do;
without them the floor of B is a fifth lower, and ``fast=True`` leaves some of them out. The peak is
that of torch's matrix product: on a CPU, convolutions are made by another library, which may be
faster, so that less than the floor can be reached.

    python -m benchmarks.limits --out cpu                    # two threads, some five minutes
    python -m benchmarks.limits --device cuda --out gpu

Tables go into docs/benchmarks.md, too.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits
from torch import nn

from benchmarks import images
from benchmarks.machinery import runner
from benchmarks.machinery.reporting import NOT_RUN, markdown, replace_section
from sknemg import (
    MelSpectrogram,
    MuapFeatures,
    NEMGNetClassifier,
    PlotImage,
    Recordings,
    Segmenter,
    SegmentFeatures,
)
from sknemg.classifiers.repeatable import repeatable
from sknemg.nn import NEMGNet
from sknemg.nn.fast import computes_in_bfloat16
from sknemg.provenance import provenance
from sknemg.simulate import make_cohort

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
SFREQ, N_TIMES, BATCH, TRAINING_BATCH, LR = 10_000, 4000, 256, 32, 1e-3
CLASSES = ["myopathy", "neuropathy", "normal"]


class Clock:
    """Seconds of a call by the wall and by the processor, with the device's work done."""

    def __init__(self, device: str) -> None:
        self.is_cuda = device == "cuda"

    def __call__(self, function: Any) -> tuple[dict[str, float], Any]:
        start = self._now()
        result = function()
        return dict(zip(("wall_s", "cpu_s"), self._now() - start, strict=True)), result

    def _now(self) -> np.ndarray:
        if self.is_cuda:
            torch.cuda.synchronize()
        return np.array([time.perf_counter(), time.process_time()])


def in_turn(ways: dict[str, Any], rounds: int, clock: Clock, **about: Any) -> list[dict[str, Any]]:
    """Go through all ways in every round, there and back; give a row of seconds each."""
    rows = []
    for number in range(rounds):
        for name in list(ways)[:: -1 if number % 2 else 1]:
            seconds, _ = clock(ways[name])
            rows.append({**about, "way": name, "round": number, **seconds})
            print(rows[-1], flush=True)
    return rows


def peak(size: int, device: str) -> tuple[Any, float]:
    """Give a matrix product, and its multiplications and additions."""
    a = torch.randn(size, size, device=device)
    repeat = 4 if device == "cpu" else 64
    return lambda: [a @ a for _ in range(repeat)], 2.0 * repeat * size**3


# -- inference -----------------------------------------------------------------------------------


def random_network(version: str, width: int, device: str, seed: int) -> NEMGNetClassifier:
    """Make a classifier with nearly random weights: a fit on three rows, one update."""
    X = np.random.default_rng(seed).normal(size=(3, N_TIMES)).astype(np.float32)
    clf = NEMGNetClassifier(version, width=width, max_epochs=1, device=device, random_state=seed)
    return clf.fit(X, CLASSES)


def layers_of(network: NEMGNet, batch: torch.Tensor) -> tuple[list[Any], float]:
    """Give every call of a convolution (layer, shape) for a batch, and its floating operations."""
    calls: list[tuple[nn.Module, torch.Size]] = []
    work = 0.0

    def note(layer: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        nonlocal work
        if isinstance(layer, nn.Conv1d):
            calls.append((layer, inputs[0].shape))
            work += 2.0 * output.numel() * layer.in_channels * layer.kernel_size[0]
        else:
            work += 2.0 * output.numel() * inputs[0].shape[-1]

    hooks = [
        layer.register_forward_hook(note)
        for layer in network.modules()
        if isinstance(layer, (nn.Conv1d, nn.Linear))
    ]
    with torch.inference_mode():
        network(batch)
    for hook in hooks:
        hook.remove()
    return calls, work


def convolutions_alone(calls: list[Any], device: str, n_batches: int) -> Any:
    """Give a pass of nothing but the convolutions, each on noise of its input's shape."""
    noise = {shape: torch.randn(shape, device=device) for _, shape in calls}

    def run() -> None:
        with torch.inference_mode():
            for _ in range(n_batches):
                for layer, shape in calls:
                    layer(noise[shape])

    return run


def inference(args: argparse.Namespace, clock: Clock, versions: str = "AB") -> list[dict[str, Any]]:
    rows = []
    n_batches = max(1, round(args.segments / BATCH))
    size = min(BATCH, args.segments)
    X = np.random.default_rng(args.seed).normal(size=(n_batches * size, N_TIMES))
    X = X.astype(np.float32)
    product, work = peak(args.matrix, args.device)
    rebuilt: dict[Any, str] = {True: "fast"}
    if computes_in_bfloat16(torch.device(args.device)):
        rebuilt["bfloat16"] = "bfloat16"
    for version in versions:
        clf = random_network(version, args.width, args.device, args.seed)
        network = clf.module_
        calls, each = layers_of(network, clf.module_input(X[:size]))

        def bare(network: Any = network) -> torch.Tensor:
            with torch.inference_mode():
                batches = torch.from_numpy(X)[:, None].split(size)
                return torch.cat([network(rows.to(args.device)) for rows in batches]).cpu()

        faster = {
            way: random_network(version, args.width, args.device, args.seed).set_params(fast=way)
            for way in rebuilt
        }
        plain = clf.predict_proba(X[:size])
        differ = {
            f"{name}_differs": float(abs(faster[way].predict_proba(X[:size]) - plain).max())
            for way, name in rebuilt.items()
        }
        ways = {
            "peak": product,
            "convolutions alone": convolutions_alone(calls, args.device, n_batches),
            "module": bare,
            "classifier": lambda clf=clf: clf.predict_proba(X),
        }
        for way, fast in faster.items():
            ways[f"classifier, fast={way}"] = lambda fast=fast: fast.predict_proba(X)
        for way in ways.values():
            way()  # memory is mapped, layouts are chosen
        found = in_turn(ways, args.rounds, clock, network=version)
        peaks = {row["round"]: work / row["wall_s"] for row in found if row["way"] == "peak"}
        for row in found:
            row["n_segments"] = 0 if row["way"] == "peak" else len(X)
            row["gflops"] = (
                (work if row["way"] == "peak" else n_batches * each) / row["wall_s"] / 1e9
            )
            row["times_floor"] = row["wall_s"] * peaks[row["round"]] / (n_batches * each)
            row |= differ
            if row["way"] == "peak":
                row["times_floor"] = np.nan
        rows += found
    return rows


# -- training ------------------------------------------------------------------------------------


def bare_epoch(
    X: np.ndarray, y: np.ndarray, version: str, width: int, device: str, seed: int
) -> tuple[float, dict[str, np.ndarray]]:
    """Train for an epoch in plain torch; give its seconds and its weights.

    Weights and batches are drawn as the classifier draws them; there is nothing else of it here.
    """
    _, first, second = check_random_state(seed).randint(np.iinfo(np.int32).max, size=3).tolist()
    torch.manual_seed(first)
    network = NEMGNet(n_outputs=len(np.unique(y)), n_times=X.shape[1], version=version, width=width)
    network.to(device).train()
    weight = len(y) / (len(np.unique(y)) * np.bincount(y))
    loss = nn.CrossEntropyLoss(torch.tensor(weight, dtype=torch.float32, device=device))
    optimizer = torch.optim.Adam(network.parameters(), lr=LR, fused=True)
    rows, labels = torch.from_numpy(X).to(device)[:, None], torch.from_numpy(y).to(device)
    order = torch.from_numpy(np.random.default_rng(second).permutation(len(y))).to(device)
    start = time.perf_counter()
    with repeatable(torch.device(device)):
        for batch in order.split(TRAINING_BATCH):
            if len(batch) > 1:
                optimizer.zero_grad()
                value = loss(network(rows[batch]), labels[batch])
                value.backward()
                optimizer.step()
                value.item()  # as any loop that reports its loss
    seconds = time.perf_counter() - start
    return seconds, {name: w.cpu().numpy() for name, w in network.state_dict().items()}


def epochs_in_turn(
    args: argparse.Namespace, clock: Clock, version: str, width: int, n: int, rounds: int
) -> list[dict[str, Any]]:
    """Train a network both ways in every round; give a row each, and whether weights are equal."""
    X = np.random.default_rng(args.seed).normal(size=(n, N_TIMES)).astype(np.float32)
    y = np.arange(n) % 3
    clf = NEMGNetClassifier(
        version, width=width, max_epochs=1, lr=LR, batch_size=TRAINING_BATCH, eval_every=None,
        device=args.device, random_state=args.seed,
    )  # fmt: skip
    clf.fit(X[:TRAINING_BATCH], y[:TRAINING_BATCH])  # what is loaded once

    def through_fit() -> tuple[float, dict[str, np.ndarray]]:
        clf.fit(X, y)
        return float(clf.history_["seconds"].sum()), clf.weights_

    def in_plain_torch() -> tuple[float, dict[str, np.ndarray]]:
        return bare_epoch(X, y, version, width, args.device, args.seed)

    ways = {"bare loop": in_plain_torch, "classifier": through_fit}
    rows, weights = [], {}
    for number in range(rounds):
        for name in list(ways)[:: -1 if number % 2 else 1]:
            seconds, (epoch, weights[name]) = clock(ways[name])
            row = {"network": version, "width": width, "n_segments": n, "way": name}
            rows.append({**row, "round": number, "epoch_s": epoch, **seconds})
            print(rows[-1], flush=True)
    same = all(
        np.array_equal(array, weights["bare loop"][name])
        for name, array in weights["classifier"].items()
    )
    return [row | {"same_weights": same} for row in rows]


def training(args: argparse.Namespace, clock: Clock) -> list[dict[str, Any]]:
    sizes = [
        ("A", min(8, args.width), args.small_training, args.small_rounds),
        ("B", args.width, args.training, args.rounds),
    ]
    return [row for size in sizes for row in epochs_in_turn(args, clock, *size)]


# -- extractors ----------------------------------------------------------------------------------


def plain_features(segment: np.ndarray, sfreq: float) -> list[float]:
    """Measure a segment as a script would: a loop over samples for turns, NumPy for the rest."""
    x = np.asarray(segment, dtype=np.float64)
    heading, extreme, n_turns = 0, x[0], 0
    low = high = x[0]
    for value in x.tolist():  # Stålberg's turns: reversals of 0.1 mV and more
        if heading == 0:
            low, high = min(low, value), max(high, value)
            if value - low >= 0.1:
                heading, extreme = 1, value
            elif high - value >= 0.1:
                heading, extreme = -1, value
        elif heading * (value - extreme) > 0:
            extreme = value
        elif heading * (extreme - value) >= 0.1:
            n_turns, heading, extreme = n_turns + 1, -heading, value
    x = x - x.mean()
    side, crossings = 0, 0
    for value in x.tolist():
        if abs(value) > 0.01:
            now = 1 if value > 0 else -1
            crossings += side == -now
            side = now
    n = len(x)
    power = np.abs(np.fft.rfft(x * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)))) ** 2
    power[0] = 0
    power[-1] /= 1 if n % 2 else 2
    freqs, share = np.fft.rfftfreq(n, 1 / sfreq), power / power.sum()
    mean = (share * freqs).sum()
    return [
        np.sqrt((x**2).mean()),
        np.abs(x).mean(),
        np.ptp(x),
        np.abs(np.diff(x)).sum() * sfreq / (n - 1),
        n_turns * sfreq / n,
        crossings * sfreq / n,
        mean,
        np.sqrt((share * (freqs - mean) ** 2).sum()),
    ]


#: The columns of `SegmentFeatures` that `plain_features` measures.
PLAIN = ["rms", "mean_abs", "peak_to_peak", "waveform_length", "turns", "zero_crossings",
         "mean_frequency", "bandwidth"]  # fmt: skip


def recordings_of(n_segments: int, seed: int) -> tuple[Recordings, Recordings]:
    """Give simulated recordings, and their segments, of which there are no more than asked for."""
    X, _ = make_cohort(max(3, -(-n_segments // 130)), sfreq=SFREQ, random_state=seed)
    segments = Segmenter(short="drop").fit_transform(X)
    rows = np.flatnonzero(np.cumsum(segments.lengths) <= n_segments)
    return X[rows], segments[rows]


def extractors(args: argparse.Namespace, clock: Clock) -> list[dict[str, Any]]:
    X, segments = recordings_of(args.segments, args.seed)
    values = np.asarray(segments.items)
    clf = random_network("B", args.width, args.device, args.seed)
    calls = iter(range(1_000_000))

    def units() -> Any:
        # What was measured is remembered: signals that differ in their last digits are new.
        scale = np.float32(1 + 1e-6 * (1 + next(calls)))
        return MuapFeatures().fit_transform(X.with_values(X.values * scale))

    mel = MelSpectrogram(128, window=512 / SFREQ, hop=64 / SFREQ)
    ways = {
        "nEMGNet-B": lambda: clf.predict_proba(segments.items),
        "PlotImage": lambda: PlotImage().fit_transform(segments),
        "matplotlib, one figure": lambda: images.figure_reused(values, (-5.0, 5.0)),
        "MelSpectrogram": lambda: mel.fit_transform(segments),
        "librosa": lambda: images.librosa_each(values, 512, 64, 128),
        "SegmentFeatures": lambda: SegmentFeatures().fit_transform(segments),
        "plain Python": lambda: [plain_features(segment, SFREQ) for segment in values],
        "MuapFeatures": units,
    }
    ways["nEMGNet-B"]()
    for image in (mel, PlotImage()):
        image.fit_transform(segments)  # a machine takes longer to map memory than to draw into it
    images.librosa_each(values[:1], 512, 64, 128)
    rows = in_turn(ways, args.rounds, clock, n_segments=len(values))
    network = {row["round"]: row["wall_s"] for row in rows if row["way"] == "nEMGNet-B"}
    for row in rows:
        row["times_network"] = row["wall_s"] / network[row["round"]]
        row["recording_s"] = float(X.durations.sum())
    return rows


# -- the page ------------------------------------------------------------------------------------

GPU = """What a GPU would change is not measured here. The published 0.54 s for 1614 segments on a
V100 are 1.1 TFLOP a second, some 7 % of the 15.7 that the card makes at most in float32, so the
floor of this section says little about a GPU. Launching many small kernels, and the maps of the
stem, can be expected to cost more than the multiply-adds, bytes moved to the device to count, and
the extractors, which stay on the CPU, to take longer than the network. `--device cuda` fills the
same tables there.
"""
ON_A_GPU = """What changes on a GPU. The aim of 1.5 times the floor is missed there, by far: the
network's maps are read and written more often than they are multiplied, and many small kernels are
launched. The floor is the matrix product in float32, while torch computes convolutions in TF32.
All extractors stay on the CPU, and take longer than the network. Beyond its updates, a fit of 15
updates spends its time making and moving networks.

Measured once, by hand, on an H100 at commit 621b396: a training waits for the launch of kernels,
so that an update of nEMGNet-B takes 18 ms at width 8 and 25 ms at width 64, of A 8 ms at either;
`amp=True` gained nothing (25 ms), and `compile=True` took 44 s before the first update and did not
pay in short trainings. Probabilities of an nEMGNet-B differed from those of the CPU by up to 7e-4.
"""


def _spread(values: pd.Series) -> str:
    return f"{values.median():.2f} [{values.min():.2f}, {values.max():.2f}]"


def _ratio(rows: pd.DataFrame, of: str, to: str, column: str = "wall_s") -> pd.Series:
    by = rows.pivot_table(index="round", columns="way", values=column)
    return by[of] / by[to]


def tables(results: Path | None = None) -> str:
    """Write the section of docs/benchmarks.md."""
    parts = [
        "## Speed, compared with what the machine can do\n",
        "`python -m benchmarks.limits`: all ways in turn in one run, median [least, greatest] of "
        "the rounds. The floor is the network's multiply-adds at the speed of a matrix product in "
        "the same run. Aims: inference of nEMGNet-B at most 1.5 times the floor, an epoch within "
        "5 % of a bare loop in torch that gives the same weights, extractors in less time than "
        "nEMGNet-B. Less than the floor means that convolutions (oneDNN) run faster than torch's "
        "matrix product (MKL), as on AMD's processors with AVX-512.\n",
    ]
    base = (results or runner.RESULTS) / "limits"
    for name, device in (("cpu", "A CPU"), ("gpu", "A GPU")):
        folder = base / name
        if not folder.exists():
            parts.append(f"{device}: {NOT_RUN}.\n")
            continue
        about = json.loads((folder / "settings.json").read_text())
        small = about.get("small_rounds", about["rounds"])  # results from before it was an option
        of_small = "" if small == about["rounds"] else f" ({small} of the small A's training)"
        parts.append(
            f"{device}. *{about['device']}, {about['threads']} thread(s), {about['rounds']} "
            f"rounds{of_small}, width {about['width']}, torch {about['versions']['torch']}, seed "
            f"{about['seed']}, commit {about['commit']}.*\n"
        )
        parts += [_inference(folder), _training(folder), _extractors(folder)]
    parts.append(ON_A_GPU if (base / "gpu").exists() else GPU)
    return "\n".join(parts)


def _inference(folder: Path) -> str:
    table, lines = pd.read_csv(folder / "inference.csv"), []
    for (network, way), rows in table.groupby(["network", "way"], sort=False):
        if way == "peak":
            continue
        per = rows["wall_s"] / rows["n_segments"] * 1000
        lines.append([f"nEMGNet-{network}, {way}", f"{per.median():.2f}",
                      f"{rows['gflops'].median():.0f}", _spread(rows["times_floor"])])  # fmt: skip
    peaks = table.loc[table["way"] == "peak", "gflops"]
    differ = f"`fast=True` differs by at most {table['fast_differs'].max():.1e}"
    if "bfloat16_differs" in table:
        differ += f', `fast="bfloat16"` by {table["bfloat16_differs"].max():.1e},'
    header = ["inference", "ms a segment", "GFLOP/s", "times the floor"]
    return markdown(header, lines) + (
        f"\nMatrix product: {_spread(peaks)} GFLOP/s. {differ} in a probability of these "
        "networks, whose weights are nearly random.\n"
    )


def _training(folder: Path) -> str:
    table, lines = pd.read_csv(folder / "training.csv"), []
    for (network, width, n), rows in table.groupby(["network", "width", "n_segments"], sort=False):
        epoch = _ratio(rows, "classifier", "bare loop", "epoch_s")
        whole = _ratio(rows, "classifier", "bare loop")
        bare = rows.loc[rows["way"] == "bare loop", "epoch_s"].median()
        same = "yes" if rows["same_weights"].all() else "no"
        lines.append([f"nEMGNet-{network}, width {width}, {n} segments", f"{bare:.2f}",
                      _spread(epoch), _spread(whole), same])  # fmt: skip
    header = ["epoch of training", "bare loop, s", "classifier over it",
              "whole fit over whole script", "same weights"]  # fmt: skip
    return markdown(header, lines)


def _extractors(folder: Path) -> str:
    table = pd.read_csv(folder / "extractors.csv")
    rivals = {"PlotImage": "matplotlib, one figure", "MelSpectrogram": "librosa",
              "SegmentFeatures": "plain Python", "MuapFeatures": None}  # fmt: skip
    lines = []
    for name, rival in rivals.items():
        own = table.loc[table["way"] == name]
        other = "no peer" if rival is None else f"{rival}: {_spread(_ratio(table, rival, name))}"
        lines.append([name, f"{own['wall_s'].median():.2f}", other,
                      _spread(own["times_network"])])  # fmt: skip
    n, seconds = table["n_segments"].iloc[0], table["recording_s"].iloc[0]
    header = ["extractor", "s", "times as long", "times nEMGNet-B"]
    return markdown(header, lines) + (
        f"\n{n} segments of {seconds:.0f} s of recordings. `MuapFeatures` measures the recordings, "
        "not the segments.\n"
    )


def run(args: argparse.Namespace) -> dict[str, pd.DataFrame]:
    torch.set_num_threads(args.threads)
    clock = Clock(args.device)
    with threadpool_limits(args.threads):
        found = {"inference": inference(args, clock), "training": training(args, clock)}
        found["extractors"] = extractors(args, clock)
    return {name: pd.DataFrame(rows) for name, rows in found.items()}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--segments", type=int, default=1614, help="of the average test fold")
    parser.add_argument("--training", type=int, default=480, help="segments of an epoch of B")
    parser.add_argument("--small-training", type=int, default=1614, help="of a small A")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--matrix", type=int, default=2048, help="side of the matrices")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--small-rounds", type=int, default=20, help="of a small A, of a second each"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=runner.RESULTS)
    parser.add_argument("--page", type=Path, default=PAGE, help="gets the tables")
    parser.add_argument("--out", help="name of the result in benchmarks/results/limits")
    args = parser.parse_args(argv)
    if args.device == "cuda" and not torch.cuda.is_available():
        parser.error("there is no CUDA device here: leave --device out.")
    start = time.perf_counter()
    found = run(args)
    if args.out:
        folder = args.results / "limits" / args.out
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in found.items():
            table.to_csv(folder / f"{name}.csv", index=False, float_format="%.5g")
        known = {k: v for k, v in vars(args).items() if k not in ("out", "results", "page")}
        seconds = round(time.perf_counter() - start)
        runner.write_json(folder / "settings.json", known | {"seconds": seconds} | provenance())
        replace_section(args.page, "limits", tables(args.results))


if __name__ == "__main__":
    main()
