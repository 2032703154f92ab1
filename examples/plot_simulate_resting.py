"""
Every discharge of a resting muscle
===================================

A muscle at rest should be silent. What an examiner hears instead tells where the trouble lies:
in the membrane of a muscle fibre (fibrillation, positive sharp waves, myotonia), in fibres that
excite one another (complex repetitive discharges), in the axon (fasciculations, myokymia,
neuromyotonia), or nowhere, if the needle has touched an end-plate.

All signals on this page are **simulated**: single fibres and motor units are line sources around a
monopolar needle, which fire in the pattern of each discharge and are recorded by an amplifier of
20 Hz to 10 kHz. Positive sharp waves and miniature end-plate potentials are templates. Negative is
up, as electromyographers draw it.
"""

# sphinx_gallery_thumbnail_number = 1

import matplotlib.pyplot as plt
import numpy as np

from sknemg.simulate import Instrument, make_resting
from sknemg.simulate.resting import clips as resting

X, y = make_resting(n_subjects=1, n_clips=12, random_state=42)
X

# %%
# Two seconds, and a tenth of a second of each
# --------------------------------------------
# On the left the pattern of firing, on the right the potentials in the coloured part. Each row has
# its own scale: end-plate noise is some fifty times smaller than a fasciculation.

INK, ACCENT = "#222222", "#b3432b"


def draw(axis, time, signal, colour=INK):
    """Negative up, in millivolts."""
    axis.plot(time, signal, color=colour, lw=0.5)
    axis.set_xlim(time[0], time[-1])
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=7)


def show(clips, titles, sfreq, width=0.1):
    """Draw a sweep and a window around its highest peak for each clip."""
    fig, axes = plt.subplots(
        len(clips), 2, figsize=(9, 1.25 * len(clips)), width_ratios=[2, 1], layout="constrained"
    )
    for (sweep, window), signal, title in zip(axes, clips, titles, strict=True):
        time = np.arange(len(signal)) / sfreq
        start = np.clip(np.abs(signal).argmax() / sfreq - width / 2, 0, time[-1] - width)
        part = (time >= start) & (time < start + width)
        draw(sweep, time, signal)
        sweep.plot(time[part], signal[part], color=ACCENT, lw=0.5)
        draw(window, 1000 * (time[part] - start), signal[part], ACCENT)
        sweep.set_title(title, loc="left", fontsize=9)
        sweep.set_ylabel("mV", fontsize=8)
        margin = max(0.1 * np.ptp(signal), 0.005)
        for axis in (sweep, window):
            axis.set_ylim(signal.max() + margin, signal.min() - margin)
    axes[-1, 0].set_xlabel("time, s")
    axes[-1, 1].set_xlabel("time, ms")
    return fig


show(X, y, 48_000)

# %%
# Tell them apart by their rhythm
# -------------------------------
# The ear judges rhythm first. Each function of ``sknemg.simulate.resting`` returns the signal and
# the times at which every fibre or unit fired, so the rate can be drawn against time. Fibrillation
# keeps its beat, end-plate spikes have none, myotonia rises and falls, and nothing in a muscle is
# faster than neuromyotonia.

chosen = {
    "fibrillation potential": resting.fibrillation_potential(n_fibres=1, rate=9, random_state=0),
    "end-plate spikes": resting.end_plate_spikes(n_fibres=1, rate=30, random_state=0),
    "complex repetitive discharge": resting.complex_repetitive_discharge(rate=35, random_state=0),
    "myotonic discharge": resting.myotonic_discharge(random_state=0),
    "myokymic discharge": resting.myokymic_discharge(random_state=0),
    "neuromyotonic discharge": resting.neuromyotonic_discharge(random_state=0),
}
fig, axes = plt.subplots(2, 3, figsize=(9, 4), sharex=True, sharey=True, layout="constrained")
for axis, (name, discharge) in zip(axes.flat, chosen.items(), strict=True):
    times = discharge.times[0]
    axis.semilogy(times[1:], 1 / np.diff(times), ".", color=INK, ms=3)
    axis.set_title(name, loc="left", fontsize=9)
    axis.set_ylim(0.5, 500)
    axis.spines[["top", "right"]].set_visible(False)
fig.supxlabel("time, s", fontsize=9)
fig.supylabel("instantaneous rate, Hz", fontsize=9)

# %%
# One potential at a time
# -----------------------
# The shape depends on where the needle is. Far from the end-plate a fibre's potential starts
# positive; at the end-plate, where the excitation begins, it starts negative, which is how
# end-plate spikes differ from fibrillation. A positive sharp wave is steep at first, then shallow
# and long.

amplifier = Instrument(noise=0.0)
shapes = {
    "fibrillation potential": chosen["fibrillation potential"],
    "end-plate spike": resting.end_plate_spikes(rate=8, n_fibres=1, noise=False, random_state=5),
    "positive sharp wave": resting.positive_sharp_wave(n_fibres=1, rate=3, random_state=1),
    "fasciculation potential": resting.fasciculation_potential(n_units=1, random_state=8),
}
fig, axes = plt.subplots(1, 4, figsize=(9, 2.4), layout="constrained")
for axis, (name, discharge) in zip(axes, shapes.items(), strict=True):
    signal = amplifier.record(discharge.signal, 0)
    peak = round(48_000 * min(discharge.times[0], key=lambda t: abs(t - 0.8)))
    part = slice(peak - 480, peak + 1200)
    draw(axis, np.arange(-480, 1200) / 48, signal[part])
    axis.invert_yaxis()
    axis.set_title(name, loc="left", fontsize=9)
    axis.set_xlabel("ms", fontsize=8)
axes[0].set_ylabel("mV", fontsize=8)

# %%
# Harder clips
# ------------
# Real clips are seldom clean. ``mixed`` is the share of clips that have strong hum, the distant
# units of a muscle that does not relax, or end-plate noise under the discharge; ``noise`` is the
# noise of the amplifier in millivolts. The label stays that of the discharge.

X, y = make_resting(
    n_subjects=4,
    classes=["fibrillation potential", "positive sharp wave"],
    n_clips=4,
    mixed=1.0,
    noise=(0.002, 0.004),
    random_state=6,
)
under = X["background"]
rows = [np.flatnonzero(under == name)[0] for name in resting.BACKGROUNDS]
show([X[row] for row in rows], [f"{y[row]} over {under[row]}" for row in rows], 48_000)

# %%
# What is not right
# -----------------
# The shapes of positive sharp waves are drawn, not derived. The rates and amplitudes that the
# docstrings call choices are textbook values, not measurements. And every patient here has every
# discharge there is, so that a classifier learns discharges and not patients.
