"""
Scores with intervals, and readers next to the model
====================================================

Who was examined, how often the model is right, how certain that is, and how physicians compare.
Both the recordings and the six "readers" on this page are simulated: the readers name the true
diagnosis with a probability of 0.6 and guess otherwise.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg import DiVoteClassifier, Segmenter, SegmentFeatures, SubjectKFold
from sknemg.evaluation import demographics_table
from sknemg.inspection import CalibrationDisplay, ConfusionMatrixDisplay, OneVsRestCurveDisplay
from sknemg.metrics import fleiss_agreement
from sknemg.simulate import make_cohort

X, y = make_cohort(30, sfreq=10_000, random_state=0)

# %%
# The cohort, tested as in the reader study: Pearson's χ² for counts, Kruskal-Wallis for the rest.
# The differences in location and number of recordings are those of the published cohort.

demographics_table(X, y, categorical=["sex"], continuous=["age"])

# %%
# Five folds by subject: every subject is scored once, by a model that was not trained on it.

features = make_pipeline(Segmenter(), SegmentFeatures()).fit_transform(X)
model = DiVoteClassifier(make_pipeline(StandardScaler(), LinearDiscriminantAnalysis()), cv=3)
parts = []
for fold, (train, test) in enumerate(SubjectKFold(5).split(X, y)):
    levels = model.fit(features[train], y[train]).levels(features[test])
    parts.append(levels.subjects.assign(fold=fold))
subjects = pd.concat(parts)
y_true = pd.Series(y).groupby(X["subject"].to_numpy()).first().loc[subjects.index].to_numpy()
classes = ["myopathy", "neuropathy", "normal"]

# %%
# The confusion matrix is the mean over the folds, with its standard deviation.

ConfusionMatrixDisplay.from_predictions(y_true, subjects["prediction"], fold=subjects["fold"])

# %%
# Each class against the rest, with 95 % intervals over subjects, and the readers as points.

rng = np.random.default_rng(0)
readers = {
    f"reader {i}": np.where(rng.random(len(y_true)) < 0.6, y_true, rng.choice(classes, len(y_true)))
    for i in range(1, 7)
}
_, axes = plt.subplots(1, 2, figsize=(10, 5), layout="constrained")
for ax, kind in zip(axes, ["roc", "precision_recall"], strict=True):
    OneVsRestCurveDisplay.from_predictions(
        y_true, subjects[classes], kind=kind, readers=readers, random_state=0, ax=ax
    )

# %%
# Is a score of 0.8 right eight times out of ten? Thirty subjects cannot say: the bars are exact
# 95 % intervals.

CalibrationDisplay.from_predictions(y_true, subjects[classes], n_bins=5)

# %%
# Fleiss' κ: how far the readers agree, and whether the model agrees with them as they agree with
# each other.

ratings = pd.DataFrame(readers | {"model": subjects["prediction"].to_numpy()})
sets = {"readers": list(readers), "readers and model": list(ratings)}
fleiss_agreement(ratings, sets, random_state=0).round(2)
