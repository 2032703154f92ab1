"""
A muscle contracts: health, myopathy and neuropathy at three efforts
====================================================================

One **simulated** muscle, healthy and with three diseases, recorded by a monopolar needle at
minimal, slight and moderate effort. A disease changes fibres and motor units only. That a myopathic
muscle recruits early, and that a neuropathic one has few units to recruit, is not programmed: it
follows from the force that is asked for. Negative is up, as electromyographers draw it, and all
signals are in millivolts.
"""

# sphinx_gallery_thumbnail_number = 1

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sknemg.inspection import class_colors
from sknemg.simulate import healthy_muscle, monopolar, myopathy, neuropathy

# %%
# One muscle, four conditions
# ---------------------------
# Every disease takes a muscle and returns another, so that any parameter can be changed and its
# effect seen.

healthy = healthy_muscle(random_state=3)
muscles = {
    "normal": healthy,
    "myopathy": myopathy(healthy, severity=0.7, random_state=3),
    "neuropathy, subacute": neuropathy(healthy, severity=0.7, chronicity=0.2, random_state=3),
    "neuropathy, chronic": neuropathy(healthy, severity=0.7, chronicity=0.9, random_state=3),
}
pd.DataFrame(
    {
        name: {
            "motor units": (muscle.unit_sizes > 0).sum(),
            "fibres": len(muscle.fibres),
            "largest unit, fibres": muscle.unit_sizes.max(),
            "greatest force, share of healthy": muscle.greatest_force / healthy.greatest_force,
        }
        for name, muscle in muscles.items()
    }
).T.round(2)

# %%
# Three efforts
# -------------
# The needle is placed near some active fibres, as an examiner would, and stays there while the
# effort rises.

efforts = {"minimal": 0.03, "slight": 0.1, "moderate": 0.3}
traces = {}
for condition, muscle in muscles.items():
    needle = muscle.activate(efforts["minimal"]).seek(monopolar(), random_state=7)
    for effort, share in efforts.items():
        traces[condition, effort] = muscle.activate(share).record(needle, 1.0, random_state=7)

# %%
# One second of each; all traces in a column have the same scale.

COLORS = class_colors(["normal", "myopathy", "neuropathy"])
INK = {
    "normal": COLORS["normal"],
    "myopathy": COLORS["myopathy"],
    "neuropathy, subacute": COLORS["neuropathy"],
    "neuropathy, chronic": "#00553D",
}


def grid(start, stop, unit):
    """Draw a stretch (s) of every trace: a row a condition, a column an effort."""
    fig, axes = plt.subplots(4, 3, figsize=(10, 7), sharex=True, sharey="col", layout="constrained")
    for (condition, effort), trace in traces.items():
        axis = axes[list(muscles).index(condition), list(efforts).index(effort)]
        part = trace.signal[round(start * trace.sfreq) : round(stop * trace.sfreq)]
        time = np.arange(len(part)) / trace.sfreq * (1000 if unit == "ms" else 1)
        axis.plot(time, part, color=INK[condition], lw=0.5)
        axis.set_xlim(0, time[-1])
        axis.spines[["top", "right"]].set_visible(False)
    for axis, (effort, share) in zip(axes[0], efforts.items(), strict=True):
        axis.invert_yaxis()
        axis.set_title(f"{effort} effort, {100 * share:.0f} % of force", fontsize=10)
    for axis, condition in zip(axes[:, 0], muscles, strict=True):
        axis.set_ylabel(f"{condition}\nmV", fontsize=9)
    fig.supxlabel(f"time, {unit}", fontsize=9)


grid(0.0, 1.0, "s")

# %%
# A tenth of a second of the same. The potentials of myopathy are small, short and many; those of
# subacute neuropathy are long and jagged, and those of chronic neuropathy are large and few.

grid(0.4, 0.5, "ms")

# %%
# Who takes part
# --------------
# Units recruited anywhere in the muscle, those near the needle (above 0.1 mV), and the rate of the
# fastest of these. At the same effort the myopathic muscle needs the most units and drives them
# hardest: early recruitment. The neuropathic muscles recruit about half as many as the healthy one,
# at the same rates or somewhat faster: few units for their rate is what reduced recruitment means.
# (In severe neuropathy single units fire even faster than here, since patients are asked for a
# force and not for a share of what force they have left.)

rows = {}
for (condition, effort), trace in traces.items():
    near = trace.units[trace.units["amplitude"] > 0.1]
    rows[condition, effort] = {
        "recruited": (muscles[condition].activate(efforts[effort]).rates > 0).sum(),
        "near": len(near),
        "fastest near, Hz": near["rate"].max(),
        "largest, mV": trace.units["amplitude"].max(),
        "RMS, mV": trace.signal.std(),
    }
pd.DataFrame(rows).T.round(2)
