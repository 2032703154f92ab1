"""Images of the segments of one test fold, against matplotlib and librosa in the same run.

Every round goes through all ways, one after the other, on the same segments (of a simulated
cohort): plotted lines as uint8 images of 299 x 299, mel spectrograms as float32. Printed are the
seconds by the wall clock and by the processor's (which other work on the machine disturbs less),
each way's smallest of all rounds, the ratios of the latter, the likeness of the images, and the
peak of memory. With ``--picture`` some segments are drawn side by side.
"""

import argparse
import time
import tracemalloc

import librosa
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from threadpoolctl import threadpool_limits

from sknemg import MelSpectrogram, PlotImage, Segmenter
from sknemg.provenance import provenance
from sknemg.simulate import make_cohort

SFREQ = 10_000
PIXELS = 299
LINE_WIDTH = 1.4


def simulated_segments(n, seed):
    """Segments of 0.4 s; twelve subjects have some 1,650."""
    X, _ = make_cohort(max(3, -(-n // 130)), sfreq=SFREQ, random_state=seed)
    segments = Segmenter(short="drop").fit_transform(X).values
    if len(segments) < n:
        raise SystemExit(f"the cohort has {len(segments)} segments only; ask for fewer")
    return np.random.default_rng(seed).permutation(segments)[:n]


class Line:
    """One matplotlib figure that is nothing but a line."""

    def __init__(self, n_times, limits):
        self.limits = limits
        self.figure = Figure(figsize=(PIXELS / 100, PIXELS / 100), dpi=100)
        self.canvas = FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.axis("off")
        (self.line,) = self.axes.plot(np.zeros(n_times), "k", linewidth=LINE_WIDTH * 0.72)
        self.axes.set_xlim(0, n_times - 1)

    def set(self, segment):
        self.line.set_ydata(segment)
        low, high = self.limits or (segment.min(), segment.max())
        pen = 0 if self.limits else (high - low) * LINE_WIDTH / 2 / (PIXELS - LINE_WIDTH)
        self.axes.set_ylim(low - pen, high + pen)

    def image(self):
        self.canvas.draw()
        return 255 - np.asarray(self.canvas.buffer_rgba())[..., 0]


def figure_each(X, limits):
    out = np.empty((len(X), PIXELS, PIXELS), dtype=np.uint8)
    for i, segment in enumerate(X):
        line = Line(len(segment), limits)
        line.set(segment)
        out[i] = line.image()
    return out


def figure_reused(X, limits):
    out = np.empty((len(X), PIXELS, PIXELS), dtype=np.uint8)
    line = Line(X.shape[1], limits)
    for i, segment in enumerate(X):
        line.set(segment)
        out[i] = line.image()
    return out


def librosa_each(X, n_fft, hop, n_mels):
    options = {"sr": SFREQ, "n_fft": n_fft, "hop_length": hop, "n_mels": n_mels}
    return np.stack(
        [librosa.power_to_db(librosa.feature.melspectrogram(y=x, **options), ref=np.max) for x in X]
    )


def interleave(ways, rounds):
    """Time every way in every round, for a second at least; give its last result too."""
    seconds, results = {name: [] for name in ways}, {}
    for _ in range(rounds):
        for name, way in ways.items():
            end = time.perf_counter() + 1
            while time.perf_counter() < end:
                wall, processor = time.perf_counter(), time.process_time()
                results[name] = way()
                seconds[name].append((time.perf_counter() - wall, time.process_time() - processor))
    return {name: np.min(values, axis=0) for name, values in seconds.items()}, results


def report(seconds, ours):
    for name, (wall, processor) in seconds.items():
        ratio = processor / seconds[ours][1]
        print(
            f"  {name:26} {wall:7.3f} s by the wall, {processor:7.3f} s of processor, "
            f"{ratio:6.1f} times {ours}"
        )


def likeness(images, others):
    pairs = zip(images, others, strict=True)
    values = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairs]
    return f"mean {np.mean(values):.4f}, smallest {np.min(values):.4f}"


def peak_memory(step, X):
    step.transform(X[:1])
    tracemalloc.start()
    images = step.transform(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return f"{peak / 1e6:.0f} MB, {peak / images.nbytes:.2f} times the images"


def lines(X, rounds):
    """Compare PlotImage and matplotlib; give both images for each kind of scale."""
    pictures = {}
    for scale, limits in {"fixed scale, -5 to 5 mV": (-5.0, 5.0), "own scale": None}.items():
        step = PlotImage(limits=limits, line_width=LINE_WIDTH, input_sfreq=SFREQ).fit(X)
        ways = {
            "PlotImage": lambda step=step: step.transform(X),
            "matplotlib, reused figure": lambda limits=limits: figure_reused(X, limits),
            "matplotlib, a figure each": lambda limits=limits: figure_each(X, limits),
        }
        seconds, results = interleave(ways, rounds)
        print(f"lines, {scale}")
        report(seconds, "PlotImage")
        ours, theirs = results["PlotImage"][:, 0], results["matplotlib, reused figure"]
        print(f"  correlation with matplotlib: {likeness(ours, theirs)}")
        print(f"  peak memory: {peak_memory(step, X)}")
        pictures[scale] = ours, theirs
    return pictures


def mels(X, rounds):
    for n_fft, hop, n_mels in [(256, 32, 64), (512, 64, 128)]:
        step = MelSpectrogram(n_mels, window=n_fft / SFREQ, hop=hop / SFREQ, input_sfreq=SFREQ)
        step.fit(X).transform(X[:1])
        ways = {
            "MelSpectrogram": lambda step=step: step.transform(X),
            "librosa, segment by segment": lambda o=(n_fft, hop, n_mels): librosa_each(X, *o),
        }
        seconds, results = interleave(ways, rounds)
        print(f"mel, window {n_fft}, hop {hop}, {n_mels} bands")
        report(seconds, "MelSpectrogram")
        ours, theirs = (results[name] for name in ways)
        print(f"  largest difference from librosa: {np.abs(ours[:, 0] - theirs).max():.1e} dB")
        print(f"  peak memory: {peak_memory(step, X)}")


def draw(pictures, path, n=3):
    figure = Figure(figsize=(4 * n, 13), dpi=100, layout="constrained")
    axes = figure.subplots(4, n)
    rows = [(scale, who) for scale in pictures for who in ("PlotImage", "matplotlib")]
    for row, (scale, who) in zip(axes, rows, strict=True):
        for i, axis in enumerate(row):
            image = pictures[scale][who == "matplotlib"][i]
            axis.imshow(image, cmap="gray_r", interpolation="nearest")
            axis.set(title=f"{who}, {scale}", xticks=[], yticks=[])
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--segments", type=int, default=1614, help="of the average test fold")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", help="file for lines side by side")
    args = parser.parse_args()

    X = simulated_segments(args.segments, args.seed)
    print(provenance())
    print(
        f"{len(X)} simulated segments of {X.shape[1]}, {args.threads} threads, {args.rounds} "
        f"rounds, seed {args.seed}"
    )
    with threadpool_limits(args.threads):
        pictures = lines(X, args.rounds)
        mels(X, args.rounds)
    if args.picture:
        draw(pictures, args.picture)


if __name__ == "__main__":
    main()
