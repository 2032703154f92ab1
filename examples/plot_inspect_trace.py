"""
Recordings as an electromyographer reads them
=============================================

A needle examination is read from sweeps: 10 ms a division, a suitable gain, negative up. The same
display shows underneath what a model says about each segment. All recordings on this page are
simulated.
"""

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg import DiVoteClassifier, Segmenter, SegmentFeatures
from sknemg.inspection import SubjectSheetDisplay, TraceDisplay
from sknemg.simulate import make_cohort

X, y = make_cohort(12, sfreq=10_000, random_state=1)

# %%
# The raster of a recording of a patient with neuropathy. Each line is a sweep of 100 ms; the bar
# at the lower right is one division high.

row = int((y == "neuropathy").argmax())
TraceDisplay.from_recording(X, row)

# %%
# Gain, speed and start are the reader's choice, as on the machine.

TraceDisplay.from_recording(X, row, gain=0.1, ms_per_div=5, n_sweeps=10, start=0.5)

# %%
# A quick model: features of amplitude and spectrum, and DiVote to combine the segments. The first
# three subjects are kept out of its training.

model = make_pipeline(
    Segmenter(window=0.4, hop=0.1),
    DiVoteClassifier(
        make_pipeline(
            SegmentFeatures(input_sfreq=10_000), StandardScaler(), LinearDiscriminantAnalysis()
        )
    ),
)
held_out = X["subject"].isin(X["subject"].unique()[:3]).to_numpy()
model.fit(X[~held_out], y[~held_out])

# %%
# Under the sweeps is the whole recording, shaded where the sweeps come from, and under it are the
# scores of its segments.

TraceDisplay.from_estimator(model, X[held_out], 0)

# %%
# One subject on a page: its recordings, the scores of their segments, the vote of each, and the
# diagnosis. The segments without which the score of the diagnosis would fall most are shaded.

subject = X[held_out]["subject"].iloc[0]
SubjectSheetDisplay.from_estimator(model, X[held_out], subject)
