"""
How segments vote: the pictures of DiVote
=========================================

The scores of segments are averaged to give the scores of recordings, and these to give the features
of a subject, on which the final classifier decides (Yoo et al. 2022, Figure 6). The cohort is
simulated; the segment classifier is a linear discriminant on features of amplitude and spectrum,
which trains in a second.
"""

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg import DiVoteClassifier, Segmenter, SegmentFeatures, SubjectKFold
from sknemg.inspection import MispredictionDisplay, SimplexDisplay, VoteHeatmapDisplay
from sknemg.simulate import make_cohort

X, y = make_cohort(24, sfreq=10_000, random_state=0)
train, test = next(SubjectKFold(2).split(X, y))
features = make_pipeline(
    SegmentFeatures(input_sfreq=10_000), StandardScaler(), LinearDiscriminantAnalysis()
)
model = make_pipeline(Segmenter(), DiVoteClassifier(features, subject_features="all"))
model.fit(X[train], y[train])

# %%
# A row is a subject, and a square is one of its recordings. Red, green and blue are the scores of
# myopathy, neuropathy and normal; letters (M, N, NL) say which is highest, for readers who cannot
# tell the colours apart. Where a row is white, the subject has no more recordings.

VoteHeatmapDisplay.from_estimator(model, X[test], y[test])

# %%
# The mean scores of a subject add up to one, so they lie in a triangle. On the left, the class with
# the highest mean wins; on the right, the final classifier, trained on such means, has moved the
# borders.

SimplexDisplay.from_estimator(model, X[test], y[test])

# %%
# Recordings that were taken for another class: for each kind of error, the one with the highest
# score.

MispredictionDisplay.from_estimator(model, X[test], y[test])
