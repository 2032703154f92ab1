"""
Real recordings, and what hides in them
=======================================

PhysioNet's *Examples of Electromyograms* are three recordings of tibialis anterior, made with a
concentric needle during gentle contraction: a healthy man, a man with polymyositis, and a man
with a radiculopathy. Three people are no cohort, and nothing on this page is a score. They are
enough to show what to expect of real files: units, limits of formats, and repeated signal.

The files (1 MB) are taken from ``$SKNEMG_DATA/emgdb``, or fetched once from PhysioNet and checked
against its checksums. Without a network this page says so and shows simulated recordings in their
place. Negative is up.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sknemg import Segmenter, SegmentFeatures
from sknemg.datasets import EMGDB, load_emgdb, quality
from sknemg.inspection import class_colors
from sknemg.simulate import make_cohort

try:
    X, y = load_emgdb(unique=False)
    source = "PhysioNet emgdb"
except ConnectionError as error:
    print(f"THE REAL RECORDINGS, WHICH THE TEXT DESCRIBES, ARE NOT SHOWN. {error}")
    options = {"muscles": ["tibialis anterior"], "severity": 1.0, "spared": 0.0}
    X, y = make_cohort(n_subjects=3, **options, random_state=0)
    first = X.meta.groupby("subject").head(1).index.to_numpy()
    X, y = X[first], y[first]
    source = "SIMULATED, the real files are not here"
is_real = "PhysioNet" in source
X

# %%
# The licence, the citation and the pitfalls are part of the loader.

print(EMGDB.licence, EMGDB.citation, sep="\n")
for trap in EMGDB.traps:
    print("-", trap)

# %%
# A first look: level, dead stretches, clipping
# ---------------------------------------------
# ``quality`` measures the raw samples: no stretch is flat, and none is clipped, that is, at the
# limit of the format for three samples or more.

quality(X).assign(diagnosis=y).round(4)

# %%
# Repeated signal
# ---------------
# Two of the files contain their signal twice. The grey part repeats what came before, so a random
# split into windows puts near copies of the training data into the test set. By default
# ``load_emgdb`` cuts it off; here it was kept by ``unique=False``.

INK, GREY = class_colors(["normal", "myopathy", "neuropathy"]), "#b5b5b5"
unique = load_emgdb()[0].durations if is_real else X.durations

fig, axes = plt.subplots(3, 1, figsize=(9, 5.6), sharex=True, layout="constrained")
for axis, signal, sfreq, end, diagnosis in zip(axes, X, X["sfreq"], unique, y, strict=True):
    time = np.arange(len(signal)) / sfreq
    axis.plot(time[time < end], signal[time < end], color=INK[diagnosis], lw=0.4)
    axis.plot(time[time >= end], signal[time >= end], color=GREY, lw=0.4)
    axis.set_title(diagnosis, loc="left", fontsize=10, color=INK[diagnosis])
    axis.set_ylabel("mV")
    axis.invert_yaxis()
    axis.spines[["top", "right"]].set_visible(False)
axes[-1].set_xlabel("time, s")
_ = fig.suptitle(f"Whole recordings, each on its own scale ({source}); grey: repeated signal")

# %%
# On one scale
# ------------
# A quarter of a second from the middle of each, on one scale: short and crowded potentials in the
# myopathy, few and huge ones in the neuropathy. No step of the library normalises amplitude, since
# it carries the diagnosis. (The restless end of the neuropathy recording above is more than
# voluntary activity: its slow waves, and peaks near the format's limit of 3.28 mV, look like a
# moving needle.)

X = load_emgdb()[0] if is_real else X
fig, axes = plt.subplots(3, 1, figsize=(9, 5), sharex=True, sharey=True, layout="constrained")
for axis, signal, sfreq, diagnosis in zip(axes, X, X["sfreq"], y, strict=True):
    width, middle = int(0.25 * sfreq), len(signal) // 2
    axis.plot(np.arange(width) / sfreq * 1e3, signal[middle : middle + width], color=INK[diagnosis])
    axis.set_title(f"{diagnosis}, from {middle / sfreq:.1f} s", loc="left", fontsize=10)
    axis.set_ylabel("mV")
    axis.spines[["top", "right"]].set_visible(False)
axes[-1].set_xlabel("time, ms")
axes[0].invert_yaxis()
_ = fig.suptitle(f"250 ms of each, on one scale ({source})")

# %%
# Through the pipeline
# --------------------
# The same steps as for any cohort: three rows stay three rows, and their segments lie inside them.
# At 4 kHz there is nothing to downsample, and no band above 2 kHz to measure. In these three people
# the medians agree with what the eye sees.

segments = Segmenter(window=0.4, hop=0.1).fit_transform(X)
step = SegmentFeatures(bands=[(20, 500), (500, 2000)])
features = step.fit_transform(segments)
table = pd.DataFrame(features.values, columns=step.get_feature_names_out())
columns = ["rms", "peak_to_peak", "crest_factor", "turns", "turn_amplitude", "mean_frequency"]
table.groupby(y[features.row_index])[columns].median().round(3)
