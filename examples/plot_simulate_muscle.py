"""
From a muscle fibre to a recording
==================================

What a needle records is built here step by step: a fibre, a motor unit of many fibres, a muscle
of many motor units, an amplifier. At each step one thing is changed, to see its effect.
Everything on this page is **simulated**. Negative is up; potentials are in millivolts.
"""

# sphinx_gallery_thumbnail_number = 2

import matplotlib.pyplot as plt
import numpy as np

from sknemg.simulate import (
    Fibres,
    Instrument,
    concentric,
    fibre_potentials,
    healthy_muscle,
    monopolar,
    motor_unit_potentials,
    myopathy,
    neuropathy,
)


def negative_up(axes, title):
    """Draw as electromyographers do."""
    axes.invert_yaxis()
    axes.set(title=title, xlabel="ms")
    axes.spines[["top", "right"]].set_visible(False)


# %%
# One fibre
# ---------
# An action potential starts at the end-plate and runs to both tendons. The nearer the needle, the
# sharper and larger it is (left). Over the end-plate it begins with the negative spike; further
# along it is triphasic, positive first; at the end of the fibre it is biphasic (right).

sfreq = 48_000
near = monopolar(radius=0.025)
by_distance = fibre_potentials(Fibres(x=[0.1, 0.2, 0.3, 0.5], y=0.0, diameter=55.0), near)
at = {"end-plate": 0.0, "15 mm along": 15.0, "tendon": 50.0}
along = [
    fibre_potentials(Fibres(0.2, 0.0, 55.0), near.moved(dz=z - near.z))[0] for z in at.values()
]

fig, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
ms = np.arange(by_distance.shape[1]) / sfreq * 1000
for distance, potential in zip((0.1, 0.2, 0.3, 0.5), by_distance, strict=True):
    axes[0].plot(ms, potential, lw=1, label=f"{distance} mm")
for place, potential in zip(at, along, strict=True):
    axes[1].plot(ms, potential, lw=1, label=place)
axes[0].set(xlim=(2, 8), ylabel="mV")
axes[1].set(xlim=(0, 17))
for ax, title in zip(
    axes, ("by distance from the fibre", "by place along it, at 0.2 mm"), strict=True
):
    negative_up(ax, title)
    ax.legend(frameon=False)

# %%
# One motor unit, healthy and ill
# -------------------------------
# A muscle in cross-section, 5 mm wide. Each dot is a fibre; those of one motor unit are red. In
# health they are scattered among the fibres of some twenty other units. Myopathy takes fibres from
# all units. In neuropathy most units die, and the survivors' sprouts adopt fibres next to their
# own: the unit has more fibres, and they lie in groups.

healthy = healthy_muscle(random_state=1)
muscles = {
    "normal": healthy,
    "myopathy": myopathy(healthy, severity=0.7, random_state=1),
    "neuropathy": neuropathy(healthy, severity=0.7, chronicity=0.9, random_state=1),
}


def fibres_inside(muscle, units):
    """Count the fibres of units in the middle of the patch."""
    inside = np.hypot(muscle.fibres.x, muscle.fibres.y) < 1.5
    return np.bincount(muscle.fibres.unit[inside], minlength=len(muscle.rank))[units]


survivors = np.flatnonzero(muscles["neuropathy"].unit_sizes)
small = survivors[survivors < 100]
unit = int(small[np.argmax(fibres_inside(healthy, small))])

fig, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
for ax, (condition, muscle) in zip(axes, muscles.items(), strict=True):
    fibres = muscle.fibres
    own = fibres.unit == unit
    area = (fibres.diameter / 30) ** 2
    ax.scatter(fibres.x, fibres.y, area, c="0.8", linewidths=0)
    ax.scatter(fibres.x[own], fibres.y[own], 2.5 * area[own], c="C3", linewidths=0)
    ax.set(xlim=(-2.5, 2.5), ylim=(-2.5, 2.5), aspect="equal", xlabel="mm")
    ax.set_title(f"{condition}: {own.sum()} fibres")

# %%
# Its potential, discharge after discharge
# ----------------------------------------
# The same unit, recorded at the same place: eight discharges, superimposed. Potentials of recent
# reinnervation (chronicity 0.1) are late and unstable, and sometimes fail; over the years they
# become large and stable. A concentric needle subtracts what its cannula picks up, and so records
# less of what is far away.

muscles["neuropathy, recent"] = neuropathy(healthy, severity=0.7, chronicity=0.1, random_state=1)
own = healthy.fibres[healthy.fibres.unit == unit]
middle = np.argmin(np.hypot(own.x, own.y))
place = {"x": own.x[middle] + 0.15, "y": own.y[middle] + 0.1, "z": 14.0}

fig, axes = plt.subplots(2, 4, figsize=(11, 5), layout="constrained", sharex=True, sharey=True)
for row, make in zip(axes, (monopolar, concentric), strict=True):
    for ax, (condition, muscle) in zip(row, muscles.items(), strict=True):
        fibres = muscle.fibres[muscle.fibres.unit == unit]
        (templates,) = motor_unit_potentials(fibres, make(**place), random_state=0)
        waves = templates.waves[0, :, 0]
        ax.plot(np.arange(waves.shape[1]) / sfreq * 1000, waves.T, lw=0.7, c="C0", alpha=0.7)
        ax.set(title=f"{condition}\n{make.__name__}", xlabel="ms")
    row[0].set_ylabel("mV")
axes[0, 0].set_xlim(0, 25)
axes[0, 0].invert_yaxis()

# %%
# The amplifier
# -------------
# One contraction recorded by three amplifiers. The wide band shows the movements of the needle; the
# narrow one hides them, and with them the slow parts of every potential.

contraction = healthy.activate(0.05)
needle = contraction.seek(concentric(), random_state=3)
amplifiers = {
    "2 Hz to 10 kHz": Instrument(movement=0.06, mains=0.005, band=(2, 10_000)),
    "20 Hz to 10 kHz": Instrument(movement=0.06, mains=0.005),
    "500 Hz to 10 kHz": Instrument(movement=0.06, mains=0.005, band=(500, 10_000)),
}
fig, axes = plt.subplots(3, 1, figsize=(9, 5), layout="constrained", sharex=True, sharey=True)
for ax, (band, amplifier) in zip(axes, amplifiers.items(), strict=True):
    trace = contraction.record(needle, 1.0, instrument=amplifier, random_state=4)
    ax.plot(np.arange(len(trace.signal)) / sfreq * 1000, trace.signal, lw=0.4, c="k")
    ax.set(title=band, ylabel="mV")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].invert_yaxis()
axes[2].set_xlabel("ms")

# %%
# What fired, and when
# --------------------
# A trace holds its units and every discharge: the truth against which a decomposition can be
# tested.

trace.units.head()

# %%

trace.discharges.head()
