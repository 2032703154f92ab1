"""
Discharges at rest: a small form of the study
=============================================

Nodera et al. (2019) classified six discharges at rest by mel spectrograms of 2-s clips: 86 % were
correct when trained on the original clips, and all of them with augmentation. Here a small image
network does the same on simulated clips, with and without augmentation, and is then tested on
harder clips. The whole study, with raw signals, spectrograms, combined and fine-tuned models and
with intervals, is
``benchmarks/resting_study.py``; its results are on the page :doc:`/resting`.

All clips on this page are simulated.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import ConfusionMatrixDisplay, accuracy_score

from sknemg import MelSpectrogram, SegmentFeatures, SpectrogramAugmenter, TimmClassifier
from sknemg.simulate import make_resting
from sknemg.simulate.resting.clips import NODERA_CLASSES

SFREQ = 10_000

# %%
# Clips of 24 subjects
# --------------------
# Twelve are for training, four for validation and eight for testing: nobody is in two groups. The
# same discharges are then recorded under worse conditions: with hum, distant units or end-plate
# noise under them, and with a noisier amplifier.

options = {"classes": NODERA_CLASSES, "n_clips": 12, "sfreq": SFREQ, "random_state": 0}
X, y = make_resting(24, **options)
signals, subject = np.asarray(X), X["subject"].str[1:].astype(int).to_numpy()
train, valid, test = subject < 12, (subject >= 12) & (subject < 16), subject >= 16
conditions = {
    "clean": signals,
    "mixed": np.asarray(make_resting(24, mixed=1.0, **options)[0]),
    "noisy": np.asarray(make_resting(24, noise=(0.006, 0.02), **options)[0]),
}

# %%
# Without and with augmentation
# -----------------------------
# The pictures are in decibels above a fixed power, not below the clip's own maximum, so that a
# silent clip stays dark. The augmenter shifts each training picture in time and masks a stretch and
# a band of it, differently in every epoch; validation and test clips stay as they are.

mel = MelSpectrogram(
    window=0.032, hop=0.016, reference=1e-6, limits=(0, 80), dtype="uint8", input_sfreq=SFREQ
)
pictures = mel.fit_transform(signals)
network = TimmClassifier(
    "test_resnet",
    image_size=(48, 64),
    drop_rate=0.2,
    max_epochs=20,
    eval_every=10,
    validation=(pictures[valid], y[valid]),
    random_state=0,
)
models = {
    "without augmentation": network,
    "with augmentation": clone(network).set_params(augment=SpectrogramAugmenter(shift=0.5)),
}
fig, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
for name, model in models.items():
    history = model.fit(pictures[train], y[train]).history_
    ax.plot(history["update"], history["valid_accuracy"], label=name)
ax.axhline(1 / 6, color="0.7", linestyle=":", label="chance")
ax.set(xlabel="update", ylabel="accuracy on validation subjects", ylim=(0, 1))
ax.set_title("simulated clips")
_ = ax.legend()

# %%
# Variants are harder than the clips they come from, so the network learns more slowly; a hundred
# updates are too few for that to pay off.
#
# On test subjects
# ----------------
# The networks are compared with a forest on simple features, and with the mean of its probabilities
# and those of the augmented network: soft voting, as in ``VotingClassifier``.

features = SegmentFeatures(input_sfreq=SFREQ)
forest = RandomForestClassifier(random_state=0)
forest.fit(features.fit_transform(signals[train]), y[train])

rows = {}
for condition, clips in conditions.items():
    images = mel.transform(clips[test])
    proba = {name: model.predict_proba(images) for name, model in models.items()}
    proba["forest on features"] = forest.predict_proba(features.transform(clips[test]))
    proba["forest and network"] = (proba["forest on features"] + proba["with augmentation"]) / 2
    for name, scores in proba.items():
        answers = forest.classes_[scores.argmax(axis=1)]
        rows[name, condition] = accuracy_score(y[test], answers)
        if (name, condition) == ("with augmentation", "clean"):
            of_the_network = answers
pd.Series(rows).unstack()[list(conditions)].loc[list(proba)].round(2)

# %%
# With eight subjects intervals are wide: differences of a few points mean nothing here, but the
# drop on harder clips does. A second activity costs some twenty points. Noise above that of
# training makes a picture in absolute decibels bright all over, and the network can only guess; the
# study shows how far noise in the augmentation helps.

fig, ax = plt.subplots(figsize=(6.5, 5.5), layout="constrained")
ConfusionMatrixDisplay.from_predictions(
    y[test], of_the_network, ax=ax, xticks_rotation=40, cmap="Greys", colorbar=False
)
ax.set_xticklabels(ax.get_xticklabels(), ha="right")
_ = ax.set_title("with augmentation, clean simulated clips")
