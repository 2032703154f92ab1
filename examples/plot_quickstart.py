"""
From recordings to a diagnosis
==============================

Simulated patients, the pipeline of the papers with a network small enough for a laptop, a
cross-validation by subject, and the answers at each level. All patients on this page are
simulated.
"""

# %%
# A cohort
# --------
# A row is one recording of one muscle, with its subject, muscle and sampling rate; ``y`` holds the
# diagnosis of its subject.

from sknemg.simulate import make_cohort

X, y = make_cohort(18, sfreq=10_000, random_state=0)
print(X)
X.meta.assign(diagnosis=y).head()

# %%
# As an electromyographer sees it: sweeps of 100 ms, with negative up.

import matplotlib.pyplot as plt
import numpy as np

from sknemg.inspection import TraceDisplay

for label in ["normal", "myopathy", "neuropathy"]:
    display = TraceDisplay.from_recording(X, int(np.flatnonzero(y == label)[0]))
    display.figure_.suptitle(label)
plt.show()

# %%
# The pipeline
# ------------
# Windows of 0.4 s every 0.2 s, a network that scores each of them, and a vote that combines the
# scores of a subject's segments and recordings into one diagnosis. These settings keep this page
# fast, at the cost of accuracy: in the paper windows start every 0.1 s, and the network has
# ``width=64`` and trains for a hundred epochs. In as few as two, ``recipe="tuned"`` with a
# one-cycle schedule learns more than the published training, which is the default.

from sklearn.model_selection import cross_validate
from sklearn.pipeline import Pipeline

from sknemg import (
    DiVoteClassifier,
    Downsampler,
    NEMGNetClassifier,
    Segmenter,
    SubjectKFold,
    SubjectScorer,
)

network = NEMGNetClassifier(
    "A",
    recipe="tuned",
    width=8,
    max_epochs=2,
    lr=3e-3,
    schedule="one-cycle",
    validation=None,
    random_state=0,
)
pipe = Pipeline(
    [
        ("downsample", Downsampler(sfreq=10_000)),
        ("segment", Segmenter(window=0.4, hop=0.2)),
        ("divote", DiVoteClassifier(network)),
    ]
)

# %%
# A fold never splits a subject, and each subject is scored once.

scores = cross_validate(
    pipe, X, y, cv=SubjectKFold(3), scoring=SubjectScorer(["accuracy", "f1_macro"])
)
print({name: values.round(2) for name, values in scores.items() if name.startswith("test")})

# %%
# The same as a search, with the subjects passed as ``groups`` and scikit-learn's own
# ``GroupKFold``. With metadata routing switched on, ``groups`` reach the splitter and every step
# that asks for them; the plain form above reads the subjects from ``X`` and gives the same model.

from sklearn import config_context
from sklearn.model_selection import GridSearchCV, GroupKFold

subjects = X["subject"]
search = GridSearchCV(
    pipe,
    {"divote__subject_features": ["all", "location"]},
    cv=GroupKFold(3),
    scoring=SubjectScorer("accuracy"),
)
with config_context(enable_metadata_routing=True):  # or sklearn.set_config, once for a script
    search.fit(X, y, groups=subjects)
print(search.best_params_)

# %%
# Three folds of six subjects say little: see :ref:`the comparison
# <sphx_glr_gallery_plot_comparison.py>` for intervals, and for the plain baseline that a network
# has to beat.
#
# The levels below the diagnosis
# ------------------------------

train, test = next(SubjectKFold(3).split(X, y))
pipe.fit(X[train], y[train])
segments = pipe[:-1].transform(X[test])
levels = pipe["divote"].levels(segments)
levels.subjects.assign(y_true=dict(zip(X["subject"][test], y[test], strict=True))).round(2)

# %%
# Each subject's recordings as colours: red, green and blue are the scores of myopathy, neuropathy
# and normal.

from sknemg.inspection import VoteHeatmapDisplay

VoteHeatmapDisplay.from_estimator(pipe, X[test], y[test])
plt.show()
