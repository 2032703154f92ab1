"""
Motor unit potentials of simulated patients
===========================================

What does a clinical neurophysiologist measure in a volitional recording? The motor unit action
potentials (MUAPs): how large and how long they are, how many phases they have, how many units there
are and how fast they fire. Here simulated muscles are examined with a concentric needle, and
:func:`sknemg.muap.measure_muaps` measures the traces as it would measure a patient's: it finds the
discharges, averages each unit, and knows nothing of the simulator. The results are compared with
published values.
"""

# %%
# Examine
# -------
# Four conditions, six people each, three slight efforts, and at each effort three sites of 8 s.
# With more effort potentials cover each other and units can no longer be told apart. The disease is
# severe (0.7). "Subacute" and "chronic" are the same loss of motor units, weeks ago and years ago.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sknemg.inspection import class_colors
from sknemg.muap import measure_muaps
from sknemg.simulate import Instrument, concentric, healthy_muscle, myopathy, neuropathy

SFREQ = 24_000
EFFORTS = [0.01, 0.02, 0.04]
SITES = 3
CONDITIONS = {
    "normal": lambda muscle, rng: muscle,
    "myopathy": lambda muscle, rng: myopathy(muscle, 0.7, random_state=rng),
    "subacute\nneuropathy": lambda muscle, rng: neuropathy(muscle, 0.7, 0.2, random_state=rng),
    "chronic\nneuropathy": lambda muscle, rng: neuropathy(muscle, 0.7, 0.9, random_state=rng),
}
OF_CLASS = class_colors(["normal", "myopathy", "neuropathy"])
COLORS = dict(zip(CONDITIONS, [*OF_CLASS.values(), "#00553D"], strict=True))  # chronic: darker

tables, templates = [], {name: [] for name in CONDITIONS}
for condition, alter in CONDITIONS.items():
    for person in range(6):
        rng = np.random.default_rng([person, 1])
        muscle = alter(healthy_muscle(random_state=rng), rng)
        for site, effort in enumerate(EFFORTS * SITES):
            contraction = muscle.activate(effort)
            needle = concentric(z=rng.uniform(9, 17), angle=rng.uniform(0, 2 * np.pi))
            needle = contraction.seek(needle, random_state=rng)
            trace = contraction.record(
                needle, 8.0, instrument=Instrument(sfreq=SFREQ), random_state=rng
            )
            found = measure_muaps(trace.signal, SFREQ, min_amplitude=0.1, return_templates=True)
            templates[condition] += list(found.templates) if effort == EFFORTS[-1] else []
            place = {"condition": condition, "person": person, "effort": effort, "site": site}
            tables.append(found.table.assign(**place))
muaps = pd.concat(tables, ignore_index=True)
print(f"{len(muaps)} MUAPs")

# %%
# The potentials
# --------------
# Averages of single units at the greatest of these efforts, negative up as in the clinic, all on
# one scale. Myopathic ones are small and short; subacute neurogenic ones long and of many phases,
# because young sprouts conduct late; chronic ones large.

fig, axes = plt.subplots(1, 4, figsize=(11, 5.5), sharex=True, sharey=True, layout="constrained")
time = (np.arange(len(templates["normal"][0])) / SFREQ - 0.025) * 1e3
for ax, condition in zip(axes, CONDITIONS, strict=True):
    for k, wave in enumerate(templates[condition][:9]):
        ax.plot(time, wave - 1.2 * k, color=COLORS[condition], lw=1)
    ax.set(title=condition.replace("\n", " "), xlim=(-12, 15), xlabel="ms")
axes[0].invert_yaxis()
axes[0].set_ylabel("mV, negative up; units 1.2 mV apart")
axes[0].set_ylim(1.0, -10.9)

# %%
# Measured, beside published values
# ---------------------------------
# Grey bands: mean duration of 20 MUAPs of a normal biceps, 95 % tolerance limits [1]_; mean
# amplitude of tibialis anterior ± 2 SD, and share of potentials with more than four phases up to
# the upper limit of normal [2]_; rate of the fastest unit at low to moderate effort, upper limit of
# normal [3]_. A dot is a MUAP at the greatest effort, a black line a median. The last two pictures
# show recruitment, which hardly differs at such low efforts.

fig, axes = plt.subplots(2, 3, figsize=(11, 7), layout="constrained")
rng = np.random.default_rng(0)
low = muaps[muaps["effort"] == EFFORTS[-1]]


def strip(ax, values_of, table):
    """Draw the values of each condition side by side, with their medians."""
    for k, (condition, color) in enumerate(COLORS.items()):
        values = np.asarray(values_of(table[table["condition"] == condition]), dtype=float)
        ax.scatter(k + rng.uniform(-0.2, 0.2, len(values)), values, s=9, color=color, alpha=0.7)
        ax.hlines(np.median(values), k - 0.3, k + 0.3, color="k", lw=2, zorder=3)
    ax.set_xticks(range(len(COLORS)), list(COLORS), fontsize=8)


strip(axes[0, 0], lambda t: t["duration"] * 1e3, low)
axes[0, 0].axhspan(7.4, 13.0, color="0.85", zorder=0)
axes[0, 0].set_title("duration, ms")
strip(axes[0, 1], lambda t: t["amplitude"], low)
axes[0, 1].axhspan(0.6615 - 0.184, 0.6615 + 0.184, color="0.85", zorder=0)
axes[0, 1].set(title="amplitude, mV", yscale="log")
axes[0, 1].set_yticks([0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"])

ax = axes[0, 2]
share = [100 * (low.loc[low["condition"] == c, "phases"] > 4).mean() for c in CONDITIONS]
ax.bar(range(4), share, color=list(COLORS.values()))
ax.axhspan(5, 35, color="0.85", zorder=0)
ax.set_xticks(range(4), list(CONDITIONS), fontsize=8)
ax.set_title("polyphasic (more than 4 phases), %")

strip(axes[1, 0], lambda t: t["thickness"] * 1e3, low)
axes[1, 0].set_title("thickness (area / amplitude), ms")

sites = muaps.groupby(["condition", "effort", "person", "site"])["rate"]
counts = sites.size().groupby(level=[0, 1]).sum() / (6 * SITES)
fastest = sites.max().groupby(level=[0, 1]).median()
for condition, color in COLORS.items():
    at = [(condition, effort) for effort in EFFORTS]
    label = condition.replace("\n", " ")
    axes[1, 1].plot(EFFORTS, counts.reindex(at, fill_value=0), "o-", color=color, label=label)
    axes[1, 2].plot(EFFORTS, fastest.reindex(at), "o-", color=color)
axes[1, 1].set(title="units found at a site", xlabel="effort, share of greatest force", ylim=0)
axes[1, 1].legend(fontsize=8)
axes[1, 2].axhspan(12, 15, color="0.85", zorder=0)
axes[1, 2].set(title="rate of the fastest unit of a site, Hz", xlabel="effort", ylim=(0, 20))

# %%
# In numbers
# ----------

print(
    low.assign(ms=low["duration"] * 1e3, polyphasic=100.0 * (low["phases"] > 4))
    .replace("\n", " ", regex=True)
    .groupby("condition", sort=False)
    .agg(
        n=("ms", "size"),
        duration_ms=("ms", "median"),
        amplitude_mV=("amplitude", "median"),
        phases=("phases", "mean"),
        polyphasic_percent=("polyphasic", "mean"),
        turns=("turns", "mean"),
        rate_Hz=("rate", "median"),
    )
    .round(2)
    .to_string()
)

# %%
# Published for the concentric needle: duration 7.4 to 13.0 ms (biceps, mean of 20 MUAPs) [1]_;
# 9.35 ± 0.93 ms, 0.66 ± 0.09 mV, 3.47 ± 0.36 phases, 3.35 ± 0.52 turns and 5 to 40 % polyphasic
# (tibialis anterior) [2]_. Textbooks give short, small potentials (6 to 8 ms, below 0.5 mV) for
# myopathy and long, large ones (12 to 20 ms, above 2 mV) for neuropathy; these are rules of thumb.
#
# .. [1] J. W. Engstrom, R. K. Olney, "Quantitative motor unit analysis: the effect of sample size",
#    Muscle Nerve 15:277-281, 1992.
# .. [2] Control values of tibialis anterior, J Neurol Neurosurg Psychiatry, table 1 of
#    https://jnnp.bmj.com/highwire/markup/179731.
# .. [3] Upper limits of the firing rate at low to moderate effort, 12 to 15 Hz in six muscles, Clin
#    Neurophysiol 2024, https://doi.org/10.1016/j.clinph.2024.05.001.

plt.show()
