"""
Segments as images
==================

Some networks take the signal itself; others are made for pictures. The papers used two kinds of
picture: the plotted line (Nam et al. 2019) and the mel spectrogram (Nodera et al. 2019). This page
shows a segment of each class in every representation, what each keeps and what it loses, and what
augmentation does to it.

All signals on this page are simulated, and positive is up, as in the images of the library.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from sknemg import (
    MelSpectrogram,
    PlotImage,
    Segmenter,
    SignalAugmenter,
    Spectrogram,
    SpectrogramAugmenter,
)
from sknemg.simulate import make_cohort, make_resting
from sknemg.simulate.resting.clips import NODERA_CLASSES

SFREQ = 10_000

# %%
# Voluntary contraction: three diagnoses
# --------------------------------------
# The tibialis anterior of three people, severely ill or healthy, in windows of 0.4 s. Every window
# of a recording becomes one image; a row of the result is still one recording.

ill = {"severity": 1.0, "chronicity": 1.0, "spared": 0.0}
X, y = make_cohort(
    3, **ill, effort=0.06, muscles=["tibialis anterior"], sfreq=SFREQ, random_state=3
)
segments = Segmenter().fit_transform(X)
MelSpectrogram().fit_transform(segments)

# %%
# One window of each diagnosis: the one that is larger, from peak to peak, than three quarters of
# the others.

examples = {}
for diagnosis in ("normal", "myopathy", "neuropathy"):
    windows = segments[y == diagnosis].values
    by_size = np.argsort(np.ptp(windows, axis=1))
    examples[diagnosis] = windows[by_size[len(windows) * 3 // 4]]


def show(examples, steps, width):
    """Draw a row for each signal and a column for each representation, the signal first."""
    shape = len(examples), 1 + len(steps)
    fig, axes = plt.subplots(*shape, figsize=(width, 2.1 * len(examples)), layout="constrained")
    for row, (name, segment) in zip(axes, examples.items(), strict=True):
        row[0].plot(np.arange(len(segment)) / SFREQ, segment, "k", linewidth=0.6)
        row[0].set(ylabel=f"{name}\n(mV)", xlabel="time (s)")
        row[0].margins(x=0)
        for axis, (title, step) in zip(row[1:], steps.items(), strict=True):
            step.plot(segment, sfreq=SFREQ, ax=axis)
            axis.set_title(title)
    axes[0, 0].set_title("signal")
    for axis in axes[1:].flat:
        axis.set_title("")
    for axis in axes[:-1].flat:
        axis.set_xlabel("")
    return fig


fig = show(
    examples,
    {
        "plot, -5 to 5 mV": PlotImage(),
        "plot, own scale": PlotImage(limits=None),
        "spectrogram": Spectrogram(fmax=3000),
        "mel spectrogram": MelSpectrogram(fmax=5000),
    },
    width=14,
)

# %%
# The plot at a fixed scale keeps the amplitude: the potentials of neuropathy stand out, and small
# ones are nearly flat. Narrower ``limits`` would show these better and clip the large ones. The
# plot at its own scale and both spectrograms, in decibels below the segment's own maximum, lose the
# amplitude and keep shape and rhythm. Where amplitude should count, give a reference in millivolts
# squared: doubling a segment then raises all of its decibels by six, and otherwise changes nothing.

segment = examples["neuropathy"]
for reference in ("max", 1.0):
    step = MelSpectrogram(reference=reference, limits=None, input_sfreq=SFREQ)
    change = step.fit_transform(2 * segment[None]) - step.fit_transform(segment[None])
    print(f"reference={reference!r}: {abs(change.mean()):.2f} dB")

# %%
# At rest: six discharges
# -----------------------
# A discharge at rest is recognised by its rhythm as much as by its shape, and a 2-s clip shows
# both. The six classes are believed to be Nodera's. The frames are longer here: 51 ms, 13 ms apart.

clips, labels = make_resting(1, classes=NODERA_CLASSES, n_clips=6, sfreq=SFREQ, random_state=4)
at_rest = dict(zip(labels, clips, strict=True))
frames = {"window": 0.0512, "hop": 0.0128}
fig = show(
    {name.replace(" ", "\n"): clip for name, clip in sorted(at_rest.items())},
    {
        "plot, own scale": PlotImage(limits=None),
        "spectrogram": Spectrogram(**frames, fmax=3000),
        "mel spectrogram": MelSpectrogram(**frames),
    },
    width=12,
)

# %%
# Potentials that are further apart than a frame are vertical lines: the fibrillation potentials are
# regular, and there is only one fasciculation. Closer ones merge into horizontal lines, the
# harmonics of their rate: level in the complex repetitive discharge (which loses one of its
# components on the way), curved in the myotonic one, whose rate rises and falls. End-plate noise
# has no lines, and the movement artefact lies below 100 Hz. In decibels below the maximum, a faint
# discharge has a bright background: the noise.
#
# Augmentation
# ------------
# Four variants of one segment. They differ in amplitude by a quarter at most, run up to a tenth
# faster or slower, start elsewhere, and have a little more noise and hum. None is upside down,
# since the sign of the first phase distinguishes a fibrillation potential from an end-plate spike.
# Below, the mel spectrogram of the segment, shifted and masked.

signal = torch.from_numpy(examples["myopathy"][None])
vary = SignalAugmenter(input_sfreq=SFREQ, noise=0.01, mains=0.02)
mask = SpectrogramAugmenter(time_mask=0.2, frequency_mask=0.2)
mel = MelSpectrogram(input_sfreq=SFREQ)
image = torch.from_numpy(mel.fit_transform(signal.numpy()))
generator = torch.Generator().manual_seed(0)

fig, axes = plt.subplots(2, 5, figsize=(14, 4.2), layout="constrained", sharex="row", sharey="row")
for column in range(5):
    new = signal if column == 0 else vary(signal, generator)
    new_image = image if column == 0 else mask(image, generator)
    axes[0, column].plot(np.arange(new.shape[1]) / SFREQ, new[0], "k", linewidth=0.6)
    axes[0, column].set(title="original" if column == 0 else f"variant {column}", xlabel="time (s)")
    axes[1, column].imshow(new_image[0, 0], origin="lower", aspect="auto", cmap="magma")
    axes[1, column].set(xlabel="frame")
axes[0, 0].set_ylabel("mV")
_ = axes[1, 0].set_ylabel("mel band")

# %%
# An augmenter belongs in the classifier, ``NEMGNetClassifier(augment=SignalAugmenter(...))``: there
# it changes training batches only, after the validation subjects have been set aside. It is also a
# sampler that returns an exact number of rows, for the pipeline of imbalanced-learn, which calls it
# in ``fit`` and never in ``predict``.

rows = segments[y == "myopathy"].values
augmenter = SignalAugmenter(n_augmented=500, input_sfreq=SFREQ, random_state=0)
more, _ = augmenter.fit_resample(rows, ["myopathy"] * len(rows))
print(f"{len(rows)} segments became {len(more)}")
