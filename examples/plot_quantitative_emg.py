"""
Quantitative EMG of a patient
=============================

What a physician measures in a muscle, step by step: when the patient contracts, the motor unit
action potentials (MUAPs) compared with published norms, and the interference pattern compared with
the cloud of normals. No classifier is trained. The patient and the lab's own normals are simulated;
if ``$SKNEMG_DATA`` holds emgdb, a real recording is shown, too.
"""

# %%
# A patient and a lab's normals
# -----------------------------
# A biceps with chronic neuropathy is recorded at a slight effort for its MUAPs, at many sites since
# few units are left, and at stronger efforts for its interference pattern. Ten healthy muscles are
# recorded at slight to strong efforts.

import os

import matplotlib.pyplot as plt
import numpy as np

from sknemg import InterferenceFeatures, Recordings
from sknemg.features import TurnsReference
from sknemg.inspection import MuapSheetDisplay, TurnsCloudDisplay
from sknemg.muap import MuapReference
from sknemg.preprocessing import ActivityGate
from sknemg.simulate import Instrument, concentric, healthy_muscle, neuropathy
from sknemg.simulate.resting import artefact

SFREQ = 20_000
MUSCLE = "biceps brachii"


def record(muscle, efforts, seconds, rng):
    """Record every effort at a site of its own."""
    traces = []
    for effort in efforts:
        contraction = muscle.activate(effort)
        needle = concentric(z=rng.uniform(9, 17), angle=rng.uniform(0, 2 * np.pi))
        needle = contraction.seek(needle, random_state=rng)
        instrument = Instrument(sfreq=SFREQ)
        trace = contraction.record(needle, seconds, instrument=instrument, random_state=rng)
        traces.append(trace.signal)
    return traces


rng = np.random.default_rng(4)
sick = neuropathy(healthy_muscle(random_state=rng), 0.85, 0.9, random_state=rng)
slight = Recordings(
    record(sick, [0.04] * 24, 8.0, rng), sfreq=SFREQ, subject="patient", muscle=MUSCLE
)
STRONGER = np.geomspace(0.05, 0.5, 6)
strong = Recordings(record(sick, STRONGER, 2.0, rng), sfreq=SFREQ, subject="patient", muscle=MUSCLE)
signals, subjects = [], []
for person in range(10):
    own = np.random.default_rng([4, person])
    signals += record(healthy_muscle(random_state=own), STRONGER, 2.0, own)
    subjects += [f"normal {person}"] * len(STRONGER)
normals = Recordings(signals, sfreq=SFREQ, subject=subjects, muscle=MUSCLE)

# %%
# When does the patient contract?
# -------------------------------
# One recording, with rest before the contraction and a movement of the needle after it.
# :class:`~sknemg.preprocessing.ActivityGate` tells the three apart;
# ``Segmenter(activity="contraction")`` would cut windows from the green stretch alone.

COLORS = {"rest": "0.85", "contraction": "#009E73", "artefact": "#D55E00"}


def show(signal, sfreq, ax):
    """Shade the stretches that the gate finds."""
    time = np.arange(len(signal)) / sfreq
    ax.plot(time, signal, color="k", linewidth=0.4)
    for stretch in ActivityGate().stretches(signal, sfreq).itertuples():
        color = COLORS[stretch.kind]
        ax.axvspan(stretch.start, stretch.stop, color=color, alpha=0.4, linewidth=0)
    ax.set(xlim=(0, time[-1]), ylabel="mV, negative up")
    ax.set_ylim(1.3 * np.quantile(signal, 0.9995), 1.3 * np.quantile(signal, 0.0005))


noise = Instrument(sfreq=SFREQ)
moved = artefact(1.5, SFREQ, kind="movement", amplitude=2.0, random_state=0).signal
whole = np.concatenate(
    [noise.record(np.zeros(2 * SFREQ), 0), slight[0][: 4 * SFREQ], noise.record(moved, 1)]
)
real = os.environ.get("SKNEMG_DATA")
fig, axes = plt.subplots(1 + bool(real), 1, figsize=(8, 2.2 * (1 + bool(real))), squeeze=False)
show(whole, SFREQ, axes[0, 0])
axes[0, 0].set_title("simulated: rest (grey), contraction (green), artefact (red)")
if real:
    from sknemg.datasets import load_emgdb

    X, y = load_emgdb()
    row = list(y).index("neuropathy")
    show(X[row], float(X["sfreq"].iloc[row]), axes[1, 0])
    axes[1, 0].set_title("real: emgdb, tibialis anterior, neuropathy")
axes[-1, 0].set_xlabel("time (s)")
fig.tight_layout()

# %%
# Motor unit action potentials
# ----------------------------
# The sheet that an EMG machine prints: potentials on a common scale, negative up, and their
# amplitude and duration with published norms. The outlier rule needs 20 potentials.

sheet = MuapSheetDisplay.from_recordings(slight)
print(sheet.summary[["parameter", "n", "mean", "z", "n_low", "n_high", "conclusion"]].round(3))

# %%
# The rule's verdict, from amplitude and duration together. Distant units are small and count as low
# outliers: some other simulated patients with this disease come out as "mixed".

print(MuapReference().diagnose(slight).to_string(index=False))

# %%
# The interference pattern
# ------------------------
# Turns per second and their mean amplitude; each point is half a second. Large units make high
# turns for their number: the patient lies above the cloud of the normals.

reference = TurnsReference.from_normals(normals)
TurnsCloudDisplay.from_recordings(strong, reference)
print(reference.diagnose(strong).round(2).to_string(index=False))

# %%
# The peak ratio, the largest ratio of turns to amplitude while the contraction grows, says the same
# in one number: it is low in neuropathy and high in myopathy.

PEAK = "peak_ratio_stalberg_100"
healthy = InterferenceFeatures().to_frame(normals).groupby("subject")[PEAK].max()
patient = InterferenceFeatures().to_frame(strong)[PEAK].max()
print(f"normals {healthy.mean():.0f} ± {healthy.std():.0f} per s and mV, the patient {patient:.0f}")
plt.show()
