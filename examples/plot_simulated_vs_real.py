"""
Simulated and real recordings
=============================

How close do simulated traces come to real ones? Simulated concentric recordings of biceps brachii
are compared by the same measurements with EMGLAB's N2001 (the same muscle and needle, low effort;
normal, myopathy, ALS) and with PhysioNet's emgdb (tibialis anterior, one man each). Constants of
the simulator were chosen, and finally searched for, with N2001's ten subjects in view, so these
subjects are no test of it; the page
`Simulated and real recordings compared <../realism.html>`_ names the constants.

N2001 has no known licence and is shown only if ``$SKNEMG_DATA`` holds it; emgdb is fetched from
PhysioNet if need be. If one of them is missing, the page says so.
"""

# %%
# Load what there is
# ------------------
# Both get the high-pass at 20 Hz that the simulated amplifier has. N2001's neuropathies are motor
# neuron diseases, which do not spare the biceps as polyneuropathies do: hence no gradient.

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.signal import butter, sosfilt, welch

from sknemg.datasets import load_emgdb, load_emglab
from sknemg.features import feature_names, segment_features
from sknemg.muap import measure_muaps
from sknemg.simulate import make_cohort

CLASSES = ["normal", "myopathy", "neuropathy"]
options = {
    "needle": "concentric",
    "muscles": ["biceps brachii"],
    "effort": (0.02, 0.08),
    "gradient": 0.0,
}
sources = {"simulated": make_cohort(12, **options, sfreq=24_000, random_state=0)}
for name, load in {"N2001": load_emglab, "emgdb": load_emgdb}.items():
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the loader names a flat recording of N2001
            sources[name] = load()
    except (FileNotFoundError, ConnectionError) as error:
        print(f"NO REAL RECORDINGS OF {name} ON THIS PAGE. {error}\n")


def prepared(name, row):
    """Signal of one recording, high-passed; its rate."""
    X, _ = sources[name]
    sfreq = X["sfreq"].iloc[row]
    if name == "simulated":
        return X[row], sfreq
    filtered = sosfilt(butter(2, 20, btype="highpass", fs=sfreq, output="sos"), X[row])
    return filtered[int(0.2 * sfreq) :], sfreq


def typical(name, diagnosis):
    """Row whose rms is the median of its class: not picked for its looks."""
    rows = np.flatnonzero(sources[name][1] == diagnosis)
    sizes = np.array([prepared(name, row)[0].std() for row in rows])
    return rows[np.argsort(sizes)[len(rows) // 2]]


picked = {(name, d): typical(name, d) for name in sources for d in CLASSES}

# %%
# One second, and 100 ms
# ----------------------
# The recording of median size of each class, from its middle; negative up, one scale per class.

INK = {"simulated": "tab:blue", "N2001": "tab:orange", "emgdb": "black"}
n = len(sources)
fig, axes = plt.subplots(
    6,
    n,
    figsize=(2 + 3 * n, 11),
    layout="constrained",
    squeeze=False,
    gridspec_kw={"height_ratios": [1, 1.3] * 3},
)
for k, diagnosis in enumerate(CLASSES):
    shown = [prepared(name, picked[name, diagnosis])[0] for name in sources]
    limit = max(np.percentile(np.abs(signal), 99.9) for signal in shown)
    for column, name in enumerate(sources):
        for ax, seconds in zip(axes[2 * k : 2 * k + 2, column], (1.0, 0.1), strict=True):
            ax.set(ylim=(1.3 * limit, -1.3 * limit), xlim=(0, seconds * 1e3))
            ax.spines[["top", "right"]].set_visible(False)
            signal, sfreq = prepared(name, picked[name, diagnosis])
            middle = max(0, len(signal) // 2 - int(sfreq * 0.5))
            if seconds < 1:  # around the largest potential of that second
                second = np.abs(signal[middle : middle + int(sfreq)])
                middle = max(0, middle + int(second.argmax()) - int(sfreq * seconds / 2))
            part = signal[middle : middle + int(seconds * sfreq)]
            ax.plot(np.arange(len(part)) / sfreq * 1e3, part, color=INK[name], lw=0.6)
        axes[2 * k, column].set_title(f"{diagnosis}, {name}", fontsize=10)
        axes[2 * k + 1, column].set_xlabel("ms")
    axes[2 * k, 0].set_ylabel("mV")
    axes[2 * k + 1, 0].set_ylabel("mV")

# %%
# Motor unit potentials
# ---------------------
# What :func:`sknemg.muap.measure_muaps` finds in the first eight recordings of a class: up to
# twelve potentials drawn at random, averaged over their discharges, negative up, on one scale
# for all (which cuts off emgdb's neuropathic ones).


def measured(name, diagnosis):
    """Potentials of the first recordings of a class, their templates, and the rate of these."""
    rows = np.flatnonzero(sources[name][1] == diagnosis)[:8]
    found = [measure_muaps(*prepared(name, row), return_templates=True) for row in rows]
    templates = [(wave, muaps.sfreq) for muaps in found for wave in muaps.templates]
    return pd.concat([muaps.table for muaps in found]), templates


muaps = {(name, d): measured(name, d) for name in sources for d in CLASSES}

fig, axes = plt.subplots(
    3,
    n,
    figsize=(2 + 3 * n, 8),
    sharex=True,
    sharey="row",
    layout="constrained",
    squeeze=False,
)
rng = np.random.default_rng(0)
for axis_row, diagnosis in zip(axes, CLASSES, strict=True):
    for ax, name in zip(axis_row, sources, strict=True):
        ax.set(title=f"{diagnosis}, {name}", ylim=(0.9, -0.9))
        ax.spines[["top", "right"]].set_visible(False)
        templates = muaps[name, diagnosis][1]
        for k in rng.permutation(len(templates))[:12]:
            wave, sfreq = templates[k]
            times = (np.arange(len(wave)) - len(wave) // 2) / sfreq * 1e3
            ax.plot(times, wave, color=INK[name], lw=0.7, alpha=0.8)
    axis_row[0].set_ylabel("mV")
for ax in axes[-1]:
    ax.set_xlabel("ms")

# %%
# Spectra
# -------
# Power of each recording, scaled to the same total, and the median over recordings. Above 5 kHz
# amplifiers differ; emgdb ends at 2 kHz.

fig, axes = plt.subplots(1, 3, figsize=(11, 3.4), sharey=True, layout="constrained")
for ax, diagnosis in zip(axes, CLASSES, strict=True):
    for name, (_, y) in sources.items():
        spectra = []
        for row in np.flatnonzero(y == diagnosis)[:30]:
            signal, sfreq = prepared(name, row)
            freqs, power = welch(signal, sfreq, nperseg=int(sfreq * 0.1))
            keep = (freqs >= 20) & (freqs <= min(5000, 0.45 * sfreq))
            spectra.append(power[keep] / power[keep & (freqs < 1800)].sum())
        ax.loglog(freqs[keep], np.median(spectra, axis=0), color=INK[name], label=name)
    ax.set(title=diagnosis, xlabel="Hz", ylim=(1e-6, 0.2))
axes[0].set_ylabel("share of power")
axes[0].legend()

# %%
# In numbers
# ----------
# Medians over the recordings of a class: features of 0.4-s segments (mV, Hz, per second), and the
# MUAPs above. These need some seconds of signal: the simulated recordings, which are as short as
# the published ones, hold fewer.

SHOWN = ["rms", "mean_frequency", "zero_crossings", "turns", "turn_amplitude", "crest_factor"]
rows = []
for name, (_, y) in sources.items():
    for diagnosis in CLASSES:
        features = []
        for row in np.flatnonzero(y == diagnosis)[:8]:
            signal, sfreq = prepared(name, row)
            width = int(0.4 * sfreq)
            whole = signal[: len(signal) // width * width].reshape(-1, width)
            features.append(np.median(segment_features(whole, sfreq), axis=0))
        found, _ = muaps[name, diagnosis]
        medians = dict(zip(feature_names(), np.median(features, axis=0), strict=True))
        rows.append(
            {"class": diagnosis, "source": name}
            | {feature: medians[feature] for feature in SHOWN}
            | {
                "MUAPs": len(found),
                "amplitude mV": found["amplitude"].median(),
                "duration ms": found["duration"].median() * 1e3,
                "phases": found["phases"].mean(),
                "rate Hz": found["rate"].median(),
            }
        )
table = pd.DataFrame(rows).set_index(["class", "source"]).sort_index()
print(table.round(3).to_string())

# %%
# The figures before and after each change, what is still wrong, and the history are on the page
# `Simulated and real recordings compared <../realism.html>`_. In short: simulated recordings have
# a smaller share of their power below 50 Hz (4 to 6 %; real ones 4 to 7 %), and a tenth to a third
# of it above 2 kHz; they are more peaked, more units are found at a site of normal muscle, and
# there is too little background activity around neuropathic units.

plt.show()
