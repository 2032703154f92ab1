"""
A network and a plain baseline
==============================

What ``sknemg demo`` does, on fewer simulated patients: nEMGNet and simple features with a linear
discriminant in the same pipeline, on the same folds of subjects, with intervals.
"""

# %%
# Every prediction is kept
# ------------------------
# ``evaluate`` returns the predictions of each segment, recording and subject of every test fold.
# All tables and pictures are computed from them. With ``cache="folder"`` a run that was stopped
# resumes where it left off.

import matplotlib.pyplot as plt

from sknemg.evaluation import (
    Protocol,
    compared_methods,
    evaluate,
    plot_comparison,
    scores_of,
    short_table,
)
from sknemg.simulate import make_cohort

X, y = make_cohort(18, sfreq=10_000, random_state=1)
methods = compared_methods("smoke", methods=["network", "features"])
result = evaluate(methods, X, y, protocol=Protocol("three folds", n_splits=3), random_state=0)
result.subjects.head().round(2)

# %%
# Scores with intervals
# ---------------------
# Intervals count subjects, not segments: eighteen subjects are eighteen pieces of evidence,
# however many windows are cut from them.

scores = scores_of(result)
short_table(scores)

# %%
# The network of the ``"smoke"`` profile has seen half of the segments once and has learned little;
# that of the ``"cpu"`` profile, the default of the command line, is a fair opponent. What matters
# here is the width of the intervals.

plot_comparison(result, scores, X)
plt.show()
