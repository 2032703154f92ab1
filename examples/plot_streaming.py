"""
A diagnosis while the needle is in the muscle
=============================================

A model votes as soon as a window of 0.4 s is full. This page plays a recording in chunks of 20 ms,
as a machine delivers them, and draws the votes at the time at which they were known. All patients
are simulated.
"""

# %%
# A model
# -------
# Features of segments with a linear discriminant, trained on eighteen simulated subjects, and
# calibrated by :class:`~sknemg.diagnosis.Diagnostician`.

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg import DiVoteClassifier, Downsampler, Segmenter, SegmentFeatures
from sknemg.diagnosis import Diagnostician
from sknemg.simulate import make_cohort

X, y = make_cohort(18, sfreq=12_000, random_state=0)
linear = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis())
pipe = make_pipeline(
    Downsampler(10_000),
    Segmenter(window=0.4, hop=0.1),
    SegmentFeatures(),
    DiVoteClassifier(linear, subject_features="all"),
)
model = Diagnostician(pipe, cv=3).fit(X, y)

# %%
# A patient who was not in training
# ---------------------------------
# Chunks go in, votes come out, and at any time
# :class:`~sknemg.diagnosis.StreamingDiagnosis` knows the calibrated answer from all windows so far.

import numpy as np

from sknemg.diagnosis import StreamingDiagnosis

new, truth = make_cohort(3, sfreq=12_000, random_state=21)
row = int(np.flatnonzero(truth == "neuropathy")[0])
signal, sfreq = new[row], 12_000
stream = StreamingDiagnosis(model, sfreq)

known_at, starts, probabilities = [], [], []
chunk = sfreq // 50
for at in range(0, len(signal), chunk):
    for vote in stream.push(signal[at : at + chunk]):
        known_at.append((at + chunk) / sfreq)
        starts.append(vote.start)
    if len(probabilities) < len(known_at):
        probabilities += [stream.probabilities] * (len(known_at) - len(probabilities))
stream.finish()
print(f"{len(stream.votes)} votes; the first after {known_at[0]:.2f} s; answer: {stream.answer}")

# %%
# A window of 0.4 s is full after 0.4 s, and its vote is known some hundredths of a second later,
# since the resampler works in blocks.

import matplotlib.pyplot as plt

from sknemg.inspection import class_colors

fig, (above, below) = plt.subplots(
    2, sharex=True, figsize=(7, 4.5), layout="constrained", height_ratios=[1, 1.4]
)
above.plot(np.arange(len(signal)) / sfreq, signal, color="black", linewidth=0.5)
above.invert_yaxis()
above.set(ylabel="mV, negative up", title=f"{truth[row]}, {new['muscle'][row]}")
for label, color in class_colors(model.classes_).items():
    values = [own[label] for own in probabilities]
    below.step(known_at, values, where="post", color=color, label=label)
below.set(xlabel="time (s)", ylabel="probability so far", ylim=(0, 1))
below.legend()
plt.show()

# %%
# Afterwards
# ----------
# Once the recording is complete, the model can diagnose it as usual. The answer is the same, and
# only now is the recording as a whole compared with those of training.

(found,) = model.diagnose(new[[row]])
print(found.text)
differences = [abs(p - stream.probabilities[label]) for label, p in found.probabilities.items()]
print(f"largest difference: {max(differences):.1e}")
